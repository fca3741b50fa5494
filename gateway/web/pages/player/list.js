/*
 * The list pane: recordings by day, in another order, or the results of a search. More are read near its end.
 */

import { askAgain } from "./again.js";
import { Blocks } from "./blocks.js";
import { Catalogue } from "./catalogue.js";
import { find, listen } from "./dom.js";
import { Narrowing } from "./narrowing.js";
import { dayOf, rowsByDay, rowsWithDays, searchedWords } from "./rows.js";
import { strings } from "./strings.js";
import { Thumbnails } from "./thumbnails.js";
import { explain } from "./trouble.js";

const REFRESH_MS = 10_000;

export class RecordingList {
  #gateway;
  #catalogue = null;
  #narrowing;
  #thumbnails;
  #reading = null;
  #trouble = null;
  #isStale = false;
  #shown = new AbortController();
  #refreshNow = () => {};
  #blocks = new Blocks(find("rows"), {
    rowsOf: (...given) => this.#rowsOf(...given),
    placed: (element) => this.#thumbnails.watch(element),
    nearEnd: () => this.#readOn(),
  });
  #hidden = new Set();
  #chosen = null;
  #words = [];

  constructor(gateway, signal) {
    this.#gateway = gateway;
    this.#thumbnails = new Thumbnails(gateway, signal);
    this.#narrowing = new Narrowing(() => this.search(), signal);
    listen(find("refresh"), "click", signal, () => this.search());
    listen(find("more"), "click", signal, () => this.#read());
    // Of the pane on a wide screen, of the page on a narrow one.
    for (const scrolled of [find("list"), document]) listen(scrolled, "scroll", signal, () => this.#blocks.draw());
    listen(window, "resize", signal, () => this.#blocks.draw());
    listen(find("rows"), "focusin", signal, () => this.#blocks.draw());
    signal.addEventListener("abort", () => {
      this.#end();
      this.#blocks.clear();
    });
  }

  /** Read the catalogue again from its beginning, with the filters of the form above the list. */
  async search() {
    const { wanted } = this.#narrowing;
    this.#begin(strings.list.title, new Catalogue(this.#gateway, wanted));
    this.#words = searchedWords(wanted.words);
    const { signal } = this.#shown;
    await this.#read();
    if (!signal.aborted) this.#refreshNow = askAgain((limited) => this.#refresh(limited), () => REFRESH_MS, signal);
  }

  /** Show what has changed since, without waiting for the next time. */
  refresh() {
    this.#refreshNow();
  }

  /** Show what has changed, or repeat the request that failed. */
  async #refresh(signal) {
    if (this.#trouble !== null) await this.#read();
    if (this.#trouble !== null) throw this.#trouble;
    const visible = this.#blocks.visibleIds;
    const hasChanged = await this.#catalogue.refresh(({ id }) => visible.has(id), signal);
    if (!hasChanged || signal.aborted) return;
    this.#blocks.replace(this.#catalogue.recordings, { beginsWithNew: this.#narrowing.isByTime });
    this.#showCount();
  }

  /** Show a meeting's recordings instead of the catalogue's. */
  showMeeting(title, recordings) {
    this.#narrowing.clear();
    this.#begin(title, null);
    this.#add(recordings);
  }

  choose(id) {
    this.#chosen = id;
    this.#mark(find("rows"));
  }

  /** Move the focus to the recording's row, if it is shown. */
  focus(id) {
    find("rows").querySelector(`a[data-id="${id}"]`)?.focus();
  }

  /** Show the recording's new name. */
  rename(id, name) {
    this.#blocks.update(id, { name });
  }

  hide(recording) {
    this.#hidden.add(recording.id);
    this.#redraw(recording);
  }

  restore(recording) {
    this.#hidden.delete(recording.id);
    this.#redraw(recording);
  }

  forget() {
    this.#catalogue?.forget();
  }

  /** What was shown stays until the first recordings arrive. */
  #begin(title, catalogue) {
    this.#end();
    this.#shown = new AbortController();
    [this.#catalogue, this.#isStale] = [catalogue, true];
    find("list-title").textContent = title;
    find("all").hidden = catalogue !== null;
    for (const id of ["refresh", "narrowing"]) find(id).hidden = catalogue === null;
  }

  #end() {
    this.#shown.abort();
    this.#reading?.abort();
    [this.#reading, this.#trouble, this.#words, this.#refreshNow] = [null, null, [], () => {}];
    for (const id of ["list-empty", "list-trouble", "more"]) find(id).hidden = true;
  }

  /** Read the next page. After a failure, scrolling does not repeat the request: a button does, or the next refresh. */
  async #read() {
    const reading = new AbortController();
    [this.#reading, this.#trouble] = [reading, null];
    for (const id of ["list-trouble", "more"]) find(id).hidden = true;
    if (this.#blocks.recordings.length === 0) this.#say(strings.list.reading);
    try {
      const recordings = await this.#catalogue.readOn(reading.signal);
      if (!reading.signal.aborted) this.#add(recordings);
    } catch (trouble) {
      if (!reading.signal.aborted) this.#report(trouble);
    }
    if (this.#reading === reading) this.#reading = null;
  }

  #report(trouble) {
    this.#trouble = trouble;
    // The rows of an earlier reading stay, and so does what was said of them.
    if (!this.#isStale || this.#blocks.recordings.length === 0) this.#showCount();
    find("list-trouble").textContent = explain(trouble);
    for (const id of ["list-trouble", "more"]) find(id).hidden = false;
  }

  #readOn() {
    if (this.#catalogue?.hasMore && this.#reading === null && this.#trouble === null) this.#read();
  }

  #add(recordings) {
    if (this.#isStale) {
      this.#blocks.clear();
      find("list").scrollTop = 0;
      this.#isStale = false;
    }
    this.#blocks.add(recordings);
    this.#showCount();
  }

  #showCount() {
    const count = this.#visible(this.#blocks.recordings).length;
    const hasMore = this.#catalogue?.hasMore ?? false;
    this.#say(count > 0 ? strings.list.count(count, hasMore) : "");
    find("list-empty").hidden = count > 0 || hasMore;
    const { isNarrowed, wanted } = this.#narrowing;
    find("list-empty-title").textContent = isNarrowed ? strings.list.noMatch(wanted.words) : strings.list.empty;
    find("list-empty-hint").hidden = isNarrowed;
  }

  /** A screen reader reads it again if it is set again. */
  #say(words) {
    if (find("list-count").textContent !== words) find("list-count").textContent = words;
  }

  #redraw(recording) {
    this.#blocks.update(recording.id);
    this.#showCount();
  }

  #visible(recordings) {
    return recordings.filter((recording) => !this.#hidden.has(recording.id));
  }

  #rowsOf(recordings, previous) {
    const visible = this.#visible(recordings);
    const byDay = this.#catalogue === null || this.#narrowing.isByTime;
    const rows = byDay ? rowsByDay(visible, previous && dayOf(previous)) : rowsWithDays(visible, this.#words);
    for (const row of rows) this.#mark(row);
    return rows;
  }

  /** Mark the chosen recording among the rows in `part`. */
  #mark(part) {
    for (const link of part.querySelectorAll("a[data-id]")) {
      link.ariaCurrent = Number(link.dataset.id) === this.#chosen ? "true" : null;
    }
  }
}
