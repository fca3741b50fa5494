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

  constructor(gateway, { words = "", ...wanted } = {}) {
    this.#gateway = gateway;
    this.#wanted = words ? { ...wanted, sort: "", q: words.slice(0, LONGEST_SEARCH) } : wanted;
  }

  hasMore = true;

  /** The next recordings, none at the end. A search has no cursor, so a result may appear twice if others arrive. */
  async take(signal) {
    const place = this.#wanted.q ? { offset: this.#offset } : { cursor: this.#cursor };
    const page = await this.#gateway.recordings({ limit: PAGE_SIZE, ...this.#wanted, ...place }, signal);
    this.#cursor = page.cursor;
    this.#offset += PAGE_SIZE;
    this.hasMore = page.hasMore;
    return page.recordings;
  }

  /** A recording was deleted: later results of a search have moved up by one. */
  forget() {
    this.#offset = Math.max(0, this.#offset - 1);
  }
}
