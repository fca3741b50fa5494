/*
 * The recordings as one list to take from, page by page: all of them in an order, by cursor, or what a search finds, best first.
 * Which ones is decided by the gateway's database; `wanted` has the filters and the order as the API names them.
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

  /** The next recordings, none at the end. A search has no cursor, so that what arrives meanwhile may show up twice. */
  async take(signal) {
    const place = this.#wanted.q ? { offset: this.#offset } : { cursor: this.#cursor };
    const page = await this.#gateway.recordings({ limit: PAGE_SIZE, ...this.#wanted, ...place }, signal);
    this.#cursor = page.cursor;
    this.#offset += PAGE_SIZE;
    this.hasMore = page.hasMore;
    return page.recordings;
  }

  /** A recording was deleted: what a search finds after it has moved up by one. */
  forget() {
    this.#offset = Math.max(0, this.#offset - 1);
  }
}
