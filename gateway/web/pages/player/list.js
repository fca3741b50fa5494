/*
 * The list pane: recordings by day, in another order, or the results of a search. More are read near its end.
 *
 * The list consists of blocks. Only the blocks near the visible part have rows in the document; the others have the
 * height that they had with rows, so that the list scrolls smoothly however long it is.
 */

import { Catalogue } from "./catalogue.js";
import { el, find } from "./dom.js";
import { Narrowing } from "./narrowing.js";
import { dayOf, rowsByDay, rowsWithDays, searchedWords } from "./rows.js";
import { strings } from "./strings.js";
import { explain } from "./trouble.js";

const BLOCK = 50;
/** Within this distance of the visible part, blocks have rows and more recordings are read. */
const NEAR_PIXELS = 1200;

export class RecordingList {
  #gateway;
  #catalogue = null;
  #narrowing;
  #reading = null;
  #blocks = [];
  #filled = new Set();
  #hidden = new Set();
  #chosen = null;
  #words = [];
  #drawing = 0;

  constructor(gateway, signal) {
    this.#gateway = gateway;
    this.#narrowing = new Narrowing(() => this.search(), signal);
    find("refresh").addEventListener("click", () => this.search(), { signal });
    find("more").addEventListener("click", () => this.#read(), { signal });
    for (const name of ["scroll", "resize"]) window.addEventListener(name, () => this.#draw(), { capture: true, passive: true, signal });
    find("rows").addEventListener("focusin", () => this.#draw(), { signal });
    signal.addEventListener("abort", () => this.#empty());
  }

  /** Read the catalogue again from its beginning, with the filters of the form above the list. */
  async search() {
    const wanted = this.#narrowing.wanted;
    this.#begin(strings.list.title, new Catalogue(this.#gateway, wanted));
    this.#words = searchedWords(wanted.words);
    await this.#read();
  }

  /** Show a meeting's recordings instead of the catalogue's. */
  showMeeting(title, recordings) {
    this.#narrowing.clear();
    this.#begin(title, null);
    this.#add(recordings);
  }

  choose(id) {
    this.#chosen = id;
    for (const link of find("rows").querySelectorAll("a[data-id]")) mark(link, Number(link.dataset.id) === id);
  }

  /** Move the focus to the recording's row, if it is shown. */
  focus(id) {
    find("rows").querySelector(`a[data-id="${id}"]`)?.focus();
  }

  /** Show the recording's new name. */
  rename(id, name) {
    const block = this.#blockOf(id);
    if (block === undefined) return;
    block.recordings.find((recording) => recording.id === id).name = name;
    this.#fill(block);
  }

  hide(recording) {
    this.#hidden.add(recording.id);
    this.#refill(recording);
  }

  restore(recording) {
    this.#hidden.delete(recording.id);
    this.#refill(recording);
  }

  forget() {
    this.#catalogue?.forget();
  }

  #begin(title, catalogue) {
    this.#empty();
    this.#catalogue = catalogue;
    find("list-title").textContent = title;
    find("all").hidden = catalogue !== null;
    for (const id of ["refresh", "narrowing"]) find(id).hidden = catalogue === null;
  }

  #empty() {
    this.#reading?.abort();
    [this.#reading, this.#blocks, this.#words] = [null, [], []];
    this.#filled.clear();
    find("rows").replaceChildren();
    for (const id of ["list-empty", "list-trouble", "more"]) find(id).hidden = true;
  }

  /** Read the next page. After a failure only a button does, so that scrolling does not repeat the request. */
  async #read() {
    const reading = new AbortController();
    this.#reading = reading;
    for (const id of ["list-trouble", "more"]) find(id).hidden = true;
    if (this.#blocks.length === 0) find("list-count").textContent = strings.list.reading;
    try {
      const recordings = await this.#catalogue.take(reading.signal);
      if (reading.signal.aborted) return;
      this.#reading = null;
      this.#add(recordings);
    } catch (trouble) {
      if (!reading.signal.aborted) this.#report(trouble);
    }
  }

  #report(trouble) {
    this.#showCount();
    find("list-trouble").textContent = explain(trouble);
    for (const id of ["list-trouble", "more"]) find(id).hidden = false;
  }

  #add(recordings) {
    for (let first = 0; first < recordings.length; first += BLOCK) {
      const last = this.#blocks.at(-1)?.recordings.at(-1);
      const block = { element: el("li", {}), recordings: recordings.slice(first, first + BLOCK), dayBefore: last && dayOf(last) };
      this.#blocks.push(block);
      find("rows").append(block.element);
      this.#fill(block);
    }
    this.#showCount();
    this.#draw();
  }

  #showCount() {
    const count = this.#blocks.reduce((sum, block) => sum + this.#visible(block).length, 0);
    const hasMore = this.#catalogue?.hasMore ?? false;
    find("list-count").textContent = count > 0 ? strings.list.count(count, hasMore) : "";
    find("list-empty").hidden = count > 0 || hasMore;
    const narrowed = this.#narrowing.isNarrowed;
    find("list-empty-title").textContent = narrowed ? strings.list.noMatch(this.#narrowing.wanted.words) : strings.list.empty;
    find("list-empty-hint").hidden = narrowed;
  }

  #blockOf(id) {
    return this.#blocks.find(({ recordings }) => recordings.some((recording) => recording.id === id));
  }

  #refill(recording) {
    const block = this.#blockOf(recording.id);
    if (block !== undefined) this.#fill(block);
    this.#showCount();
  }

  #visible({ recordings }) {
    return recordings.filter((recording) => !this.#hidden.has(recording.id));
  }

  #fill(block) {
    const visible = this.#visible(block);
    const byDay = this.#catalogue === null || this.#narrowing.isByTime;
    block.element.replaceChildren(...(byDay ? rowsByDay(visible, block.dayBefore) : rowsWithDays(visible, this.#words)));
    block.element.style.height = "";
    this.#filled.add(block);
    for (const link of block.element.querySelectorAll("a[data-id]")) mark(link, Number(link.dataset.id) === this.#chosen);
  }

  #clear(block) {
    block.element.style.height = `${block.element.offsetHeight}px`;
    block.element.replaceChildren();
    this.#filled.delete(block);
  }

  #draw() {
    this.#drawing ||= requestAnimationFrame(() => {
      this.#drawing = 0;
      this.#fillNear();
    });
  }

  /** Give rows to the blocks near the visible part only, and read the next page near the end. */
  #fillNear() {
    if (find("rows").getClientRects().length === 0) return; // the pane is not shown
    const first = this.#firstNear();
    let next = first;
    while (next < this.#blocks.length && this.#blocks[next].element.getBoundingClientRect().top < innerHeight + NEAR_PIXELS) next += 1;
    const near = new Set(this.#blocks.slice(first, next));
    for (const block of this.#filled) if (!near.has(block) && !block.element.contains(document.activeElement)) this.#clear(block);
    for (const block of near) if (!this.#filled.has(block)) this.#fill(block);
    const mayRead = this.#catalogue?.hasMore && this.#reading === null;
    if (mayRead && next === this.#blocks.length) this.#read();
  }

  /** The first block that ends below the upper bound; found by halving, because each question costs a layout. */
  #firstNear() {
    let [low, high] = [0, this.#blocks.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#blocks[middle].element.getBoundingClientRect().bottom < -NEAR_PIXELS) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function mark(link, chosen) {
  if (chosen) link.setAttribute("aria-current", "true");
  else link.removeAttribute("aria-current");
}
