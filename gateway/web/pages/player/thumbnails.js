/*
 * Small pictures in the list, of recordings that have an image. The API has images in full size only, so a picture is
 * read only for rows that are seen while the list rests, and only a few at the same time.
 */

const AT_A_TIME = 4;
const REST_MS = 200;

export class Thumbnails {
  #gateway;
  #signal;
  #watched = new WeakSet();
  #wanted = new Set();
  #running = 0;
  #resting = null;
  #observer = new IntersectionObserver((entries) => this.#see(entries));

  constructor(gateway, signal) {
    [this.#gateway, this.#signal] = [gateway, signal];
    signal.addEventListener("abort", () => this.#observer.disconnect());
  }

  /** Fill the canvases in `part` when they are seen; each names its recording and its image. */
  watch(part) {
    for (const canvas of part.querySelectorAll("canvas")) {
      if (this.#watched.has(canvas)) continue;
      this.#watched.add(canvas);
      this.#observer.observe(canvas);
    }
  }

  #see(entries) {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) this.#wanted.add(target);
      else this.#wanted.delete(target);
    }
    this.#rest();
  }

  #rest() {
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => this.#next(), REST_MS);
  }

  #next() {
    for (const canvas of this.#wanted) {
      if (this.#running === AT_A_TIME || this.#signal.aborted) return;
      this.#wanted.delete(canvas);
      this.#observer.unobserve(canvas);
      if (canvas.isConnected) this.#fill(canvas);
    }
  }

  async #fill(canvas) {
    this.#running += 1;
    const { recording, image } = canvas.dataset;
    try {
      draw(canvas, await createImageBitmap(await this.#gateway.file(recording, image, this.#signal)));
    } catch {
      // Without its picture the row still says everything.
    }
    this.#running -= 1;
    this.#next();
  }
}

/** Draw the image so that it covers the canvas. */
function draw(canvas, image) {
  const scale = Math.max(canvas.width / image.width, canvas.height / image.height);
  const [width, height] = [image.width * scale, image.height * scale];
  canvas.getContext("2d").drawImage(image, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
  image.close();
}
