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
  #placed;
  #nearEnd;
  #blocks = [];
  #filled = new Set();
  #drawing = 0;

  /**
   * `list` gets the blocks. `rowsOf(recordings, previous)` makes the rows of a block; `previous` is the recording
   * before them. `placed(element)` is called when rows are in the document, `nearEnd()` when the end of the list comes
   * near.
   */
  constructor(list, { rowsOf, placed, nearEnd }) {
    [this.#list, this.#rowsOf, this.#placed, this.#nearEnd] = [list, rowsOf, placed, nearEnd];
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
    for (const part of parts(recordings)) this.#append(part);
    this.draw();
  }

  #append(recordings) {
    const previous = this.#blocks.at(-1)?.recordings.at(-1);
    const block = { element: el("li"), recordings, previous };
    this.#blocks.push(block);
    this.#list.append(block.element);
    this.#fill(block);
  }

  /** Change properties of the recording, if it is in the list, and its rows. */
  update(id, changes = {}) {
    for (const block of this.#blocks) {
      const recording = block.recordings.find((each) => each.id === id);
      if (recording === undefined) continue;
      Object.assign(recording, changes);
      if (this.#filled.has(block)) this.#fill(block);
    }
  }

  /**
   * Show these recordings instead. Rows that stay the same are not touched. The first row that is visible stays where
   * it is, and the focus on its row; but a person at the top of a list that `beginsWithNew` sees what arrives there.
   */
  replace(recordings, { beginsWithNew }) {
    const pane = this.#list.parentElement;
    const focused = this.#list.contains(document.activeElement) ? document.activeElement : null;
    const isAtTop = pane.scrollTop === 0 && document.scrollingElement.scrollTop === 0;
    const anchor = beginsWithNew && isAtTop && focused === null ? undefined : this.#visibleRows[0];
    const before = anchor && top(anchor);
    this.#settle(recordings);
    if (anchor !== undefined) this.#fillAround(anchor);
    this.#find(focused)?.focus({ preventScroll: true });
    const there = this.#find(anchor);
    // On a wide screen the pane scrolls, on a narrow one the page.
    for (const part of there ? [pane, document.scrollingElement] : []) part.scrollTop += top(there) - before;
    this.draw();
  }

  /** The ids of the recordings whose rows are visible. */
  get visibleIds() {
    return new Set(this.#visibleRows.map((row) => Number(row.dataset.id)));
  }

  get #visibleRows() {
    const pane = this.#list.parentElement.getBoundingClientRect();
    const isVisible = (row) => top(row) >= Math.max(0, pane.top) && top(row) < Math.min(innerHeight, pane.bottom);
    return [...this.#list.querySelectorAll("a")].filter(isVisible);
  }

  /** The row that leads where the earlier `row` led. */
  #find(row) {
    return row && this.#list.querySelector(`a[href="${row.getAttribute("href")}"]`);
  }

  /** Distribute the recordings over the blocks, and make the rows of those blocks anew that have others now. */
  #settle(recordings) {
    const all = parts(recordings);
    for (const block of this.#blocks.splice(all.length)) {
      block.element.remove();
      this.#filled.delete(block);
    }
    all.forEach((part, number) => {
      if (number === this.#blocks.length) this.#append(part);
      else this.#change(this.#blocks[number], part, all[number - 1]?.at(-1));
    });
  }

  #change(block, recordings, previous) {
    const [before, now] = [[block.previous, ...block.recordings], [previous, ...recordings]];
    const hasChanged = now.length !== before.length || now.some((each, index) => !isSame(each, before[index]));
    [block.recordings, block.previous] = [recordings, previous];
    if (hasChanged && this.#filled.has(block)) this.#fill(block);
  }

  /** Give its rows to the block of the recording whose row this was, if it has none. */
  #fillAround(row) {
    const isThere = ({ recordings }) => recordings.some(({ id }) => id === Number(row.dataset.id));
    const block = this.#blocks.find(isThere);
    if (block !== undefined && !this.#filled.has(block)) this.#fill(block);
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
    settle(block.element, this.#rowsOf(block.recordings, block.previous));
    block.element.style.height = "";
    this.#filled.add(block);
    this.#placed(block.element);
  }

  #empty(block) {
    block.element.style.height = `${block.element.offsetHeight}px`;
    block.element.replaceChildren();
    this.#filled.delete(block);
  }
}

function parts(recordings) {
  const count = Math.ceil(recordings.length / BLOCK);
  return Array.from({ length: count }, (_, number) => recordings.slice(number * BLOCK, (number + 1) * BLOCK));
}

function top(row) {
  return row.getBoundingClientRect().top;
}

function isSame(one, other) {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

/** Give the element these children. Those that it has are kept, in their place, with the focus and their pictures. */
function settle(element, children) {
  const before = [...element.children];
  const isKept = (child) => (each) => each.isEqualNode(child) || isListOfDay(each, child);
  const kept = children.map((child) => before.find(isKept(child)) ?? child);
  for (const each of before) if (!kept.includes(each)) each.remove();
  kept.forEach((each, index) => {
    if (each !== element.children[index]) element.insertBefore(each, element.children[index] ?? null);
    if (each !== children[index] && each.tagName === "UL") settle(each, [...children[index].children]);
  });
}

/** Lists of rows of the same day, or both of no day. */
function isListOfDay(one, other) {
  return one.tagName === "UL" && other.tagName === "UL" && one.dataset.day === other.dataset.day;
}
