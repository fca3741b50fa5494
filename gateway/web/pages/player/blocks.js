/*
 * A long list of recordings, in blocks of rows. Only the blocks near the visible part have rows in the document; the
 * others have the height that they had with rows, so that the list scrolls smoothly however long it is.
 */

import { el } from "./dom.js";

const BLOCK = 50;
/** Blocks within this distance of the visible part have rows. */
const NEAR_PIXELS = 1200;

export class Blocks {
  #list;
  #rowsOf;
  #nearEnd;
  #blocks = [];
  #filled = new Set();
  #drawing = 0;

  /**
   * `list` gets the blocks. `rowsOf(recordings, previous)` makes the rows of a block; `previous` is the recording
   * before them. `nearEnd()` is called when the end of the list comes near.
   */
  constructor(list, { rowsOf, nearEnd }) {
    [this.#list, this.#rowsOf, this.#nearEnd] = [list, rowsOf, nearEnd];
  }

  get recordings() {
    return this.#blocks.flatMap(({ recordings }) => recordings);
  }

  clear() {
    this.#blocks = [];
    this.#filled.clear();
    this.#list.replaceChildren();
  }

  add(recordings) {
    for (let first = 0; first < recordings.length; first += BLOCK) {
      const previous = this.#blocks.at(-1)?.recordings.at(-1);
      const block = { element: el("li"), recordings: recordings.slice(first, first + BLOCK), previous };
      this.#blocks.push(block);
      this.#list.append(block.element);
      this.#fill(block);
    }
    this.draw();
  }

  /** Change properties of the recording, if it is in the list, and make its rows anew. */
  update(id, changes = {}) {
    for (const block of this.#blocks) {
      const recording = block.recordings.find((each) => each.id === id);
      if (recording === undefined) continue;
      Object.assign(recording, changes);
      this.#fill(block);
    }
  }

  /** Show these recordings instead. The first row that is visible stays where it is, and the focus stays on its row. */
  replace(recordings) {
    const pane = this.#list.parentElement;
    const top = (row) => row.getBoundingClientRect().top;
    const edge = Math.max(0, pane.getBoundingClientRect().top);
    const first = [...this.#list.querySelectorAll("a")].find((row) => top(row) >= edge);
    const focused = this.#list.contains(document.activeElement) ? document.activeElement : null;
    const before = first && top(first);
    this.clear();
    this.add(recordings);
    const again = (row) => row && this.#list.querySelector(`a[href="${row.getAttribute("href")}"]`);
    again(focused)?.focus({ preventScroll: true });
    const there = again(first);
    // On a wide screen the pane scrolls, on a narrow one the page.
    for (const part of there ? [pane, document.scrollingElement] : []) part.scrollTop += top(there) - before;
  }

  /** Give rows to the blocks near the visible part, with the next picture of the screen. */
  draw() {
    this.#drawing ||= requestAnimationFrame(() => {
      this.#drawing = 0;
      this.#fillNear();
    });
  }

  #fillNear() {
    if (this.#list.getClientRects().length === 0) return; // the pane is not shown
    const first = this.#firstNear();
    const bottom = innerHeight + NEAR_PIXELS;
    let next = first;
    while (next < this.#blocks.length && this.#blocks[next].element.getBoundingClientRect().top < bottom) next += 1;
    const near = new Set(this.#blocks.slice(first, next));
    for (const block of this.#filled) {
      if (!near.has(block) && !block.element.contains(document.activeElement)) this.#empty(block);
    }
    for (const block of near) if (!this.#filled.has(block)) this.#fill(block);
    if (next === this.#blocks.length) this.#nearEnd();
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

  #fill(block) {
    block.element.replaceChildren(...this.#rowsOf(block.recordings, block.previous));
    block.element.style.height = "";
    this.#filled.add(block);
  }

  #empty(block) {
    block.element.style.height = `${block.element.offsetHeight}px`;
    block.element.replaceChildren();
    this.#filled.delete(block);
  }
}
