/*
 * Reads recordings page by page: all of them in some order, by cursor, or the results of a search, best first.
 * The gateway's database filters and sorts; `wanted` has the filters and the order in the names of the API.
 *
 * A page can be read again. A cursor names the recording before its page, so a page stays the same if recordings arrive
 * or are deleted before it.
 */

const PAGE_SIZE = 100;
/** The longest text that the gateway searches for. */
const LONGEST_SEARCH = 200;

export class Catalogue {
  #gateway;
  #wanted;
  /** In order: `place` is where a page begins, `etag` is of its newest state. A recording is on one page only. */
  #pages = [];
  #cursor = null;
  #offset = 0;
  #cuts = 0;
  /** By a refresh that has not returned: if a later page cannot be read, the next refresh reports the change. */
  #hasChanged = false;
  #isInProgress = true;

  constructor(gateway, { words = "", ...wanted } = {}) {
    this.#gateway = gateway;
    this.#wanted = words ? { ...wanted, sort: "", q: words.slice(0, LONGEST_SEARCH) } : wanted;
  }

  hasMore = true;

  /** Those that have been read, in their order. */
  get recordings() {
    return this.#pages.flatMap(({ recordings }) => recordings);
  }

  /** Read the next page; returns its recordings. A search has no cursor: a result may move to another page. */
  async readOn(signal) {
    const [place, cuts] = [this.#isSearch ? { offset: this.#offset } : { cursor: this.#cursor }, this.#cuts];
    const page = await this.#read(place, { signal });
    if (cuts !== this.#cuts) return []; // the page before it is no longer in the list
    const known = new Set(this.recordings.map(({ id }) => id));
    const recordings = page.recordings.filter(({ id }) => !known.has(id));
    this.#pages.push({ place, etag: page.etag, recordings });
    this.#endWith(page);
    this.#offset += PAGE_SIZE;
    return recordings;
  }

  /**
   * Read again the first page, and each that has a recording for which `isSeen(recording)` is true; of a search only
   * the first. Returns whether anything has changed since it last returned.
   */
  async refresh(isSeen, signal) {
    if (this.#isSearch && !(await this.#mayFindMore(signal))) return false;
    for (const page of [...this.#pages]) {
      const isWanted = page === this.#pages[0] || (!this.#isSearch && page.recordings.some(isSeen));
      const newest = isWanted ? await this.#read(page.place, { etag: page.etag, signal }) : null;
      if (newest === null || !this.#pages.includes(page)) continue;
      this.#replace(page, newest);
      this.#hasChanged = true;
    }
    const hasChanged = this.#hasChanged;
    this.#hasChanged = false;
    return hasChanged;
  }

  get #isSearch() {
    return Boolean(this.#wanted.q);
  }

  /** Whether a search may have other results now: something is said in a recording that is in progress. */
  async #mayFindMore(signal) {
    const { recordings } = await this.#gateway.recordings({ status: "pending", limit: 1 }, { signal });
    const wasInProgress = this.#isInProgress;
    this.#isInProgress = recordings.length > 0;
    return wasInProgress || this.#isInProgress;
  }

  /** Put the newest state of a page in its place. What it does not reach is kept as a page of its own. */
  #replace(page, newest) {
    const [number, ids] = [this.#pages.indexOf(page), new Set(newest.recordings.map(({ id }) => id))];
    const moved = newest.hasMore ? this.#movedOn(page, ids) : null;
    const rest = { place: { cursor: newest.cursor }, etag: null, recordings: moved ?? [] };
    const later = moved === null ? [] : [rest, ...this.#pages.slice(number + 1)];
    this.#pages.splice(number + 1, Infinity, ...later);
    for (const each of this.#pages) each.recordings = each.recordings.filter(({ id }) => !ids.has(id));
    [page.etag, page.recordings] = [newest.etag, newest.recordings];
    this.#pages = this.#pages.filter((each) => each === page || each.recordings.length > 0);
    if (this.#pages.at(-1) !== page) return;
    this.#endWith(newest);
    this.#offset = PAGE_SIZE * this.#pages.length;
    this.#cuts += 1;
  }

  /**
   * Those of a page's recordings that now come after it, because others arrived before them; null if that is not known.
   * One that is missing, and was before another that is still there, was deleted or has another place in this order.
   */
  #movedOn({ recordings }, ids) {
    if (this.#isSearch) return this.#pages.length === 1 ? null : recordings.filter(({ id }) => !ids.has(id));
    const last = recordings.findLastIndex(({ id }) => ids.has(id));
    return last < 0 ? null : recordings.slice(last + 1);
  }

  #endWith({ cursor, hasMore }) {
    [this.#cursor, this.hasMore] = [cursor, hasMore];
  }

  #read(place, condition) {
    return this.#gateway.recordings({ limit: PAGE_SIZE, ...this.#wanted, ...place }, condition);
  }

  /** A recording was deleted: later results of a search have moved up by one. */
  forget() {
    this.#offset = Math.max(0, this.#offset - 1);
  }
}
