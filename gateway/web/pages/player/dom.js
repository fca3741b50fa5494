/*
 * Elements from plain values. Text goes in as text, never as markup: nothing here parses HTML.
 */

/** An element with attributes (`true` sets it bare, `false`/null leaves it out) and children. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  set(element, attributes);
  element.append(...children);
  return element;
}

/** The same for SVG, where geometry lives in attributes and no style is needed. */
export function svg(tag, attributes = {}) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  set(element, attributes);
  return element;
}

export function find(id) {
  return document.getElementById(id);
}

/** Call `act` at each of these events (their names, separated by spaces) until `signal` ends it. */
export function listen(target, names, signal, act) {
  for (const name of names.split(" ")) target.addEventListener(name, act, { signal });
}

/** Fill `data-text`, `data-label` and `data-hint` of the static page from the strings. */
export function fillStrings(root, strings) {
  const lookUp = (path) => path.split(".").reduce((branch, name) => branch[name], strings);
  for (const element of root.querySelectorAll("[data-text]")) element.textContent = lookUp(element.dataset.text);
  for (const element of root.querySelectorAll("[data-label]")) element.ariaLabel = lookUp(element.dataset.label);
  for (const element of root.querySelectorAll("[data-hint]")) element.placeholder = lookUp(element.dataset.hint);
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    element.setAttribute(name, value === true ? "" : value);
  }
}
