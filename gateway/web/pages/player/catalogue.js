/*
 * Reads recordings page by page: all of them in some order, by cursor, or the results of a search, best first.
 * The gateway's database filters and sorts; `wanted` has the filters and the order in the names of the API.
 */

const PAGE_SIZE = 100;
/** The longest text that the gateway searches for. */
const LONGEST_SEARCH = 200;

export class Catalogue {
  #gateway;
  #wanted;
  #cursor = null;
  #offset = 0;
  #etag = null;
  #isInProgress = true;

  constructor(gateway, { words = "", ...wanted } = {}) {
    this.#gateway = gateway;
    this.#wanted = words ? { ...wanted, sort: "", q: words.slice(0, LONGEST_SEARCH) } : wanted;
  }

  hasMore = true;

  /** The next recordings, none at the end. A search has no cursor, so a result may appear twice if others arrive. */
  async take(signal) {
    const place = this.#wanted.q ? { offset: this.#offset } : { cursor: this.#cursor };
    const page = await this.#page(place, { signal });
    if (this.#offset === 0) this.#etag = page.etag;
    this.#cursor = page.cursor;
    this.#offset += PAGE_SIZE;
    this.hasMore = page.hasMore;
    return page.recordings;
  }

  /** The first page, if it has changed; null if not, or if no recording is in progress in which more is said. */
  async first(signal) {
    const { recordings } = await this.#gateway.recordings({ status: "pending", limit: 1 }, { signal });
    const wasInProgress = this.#isInProgress;
    this.#isInProgress = recordings.length > 0;
    if (!wasInProgress && !this.#isInProgress) return null;
    const page = await this.#page({ offset: 0 }, { etag: this.#etag, signal });
    if (page !== null) this.#etag = page.etag;
    return page;
  }

  /** What was `taken` so far, with this first page instead of the earlier one. */
  merge({ recordings, hasMore }, taken) {
    if (this.#offset <= PAGE_SIZE) {
      this.hasMore = hasMore;
      return recordings;
    }
    const ids = new Set(recordings.map(({ id }) => id));
    return [...recordings, ...taken.filter(({ id }) => !ids.has(id))];
  }

  #page(place, condition) {
    return this.#gateway.recordings({ limit: PAGE_SIZE, ...this.#wanted, ...place }, condition);
  }

  /** A recording was deleted: later results of a search have moved up by one. */
  forget() {
    this.#offset = Math.max(0, this.#offset - 1);
  }
}
