/*
 * Sharing a moment: a dialog that makes a link to one recording, from one second, until a date. It also lists the links
 * that work, each with how often it was opened and a button that ends it.
 */

import { copied } from "./actions.js";
import { el, find, listen } from "./dom.js";
import { clock, dayAndClock, duration } from "./format.js";
import { strings } from "./strings.js";
import { toast } from "./toast.js";
import { explain } from "./trouble.js";

const DAY = 24 * 3600;

export class Sharing {
  #gateway;
  #recording = null;
  #at = null;

  constructor(gateway, signal) {
    this.#gateway = gateway;
    listen(find("share-form"), "submit", signal, (event) => this.#make(event));
    listen(find("share-close"), "click", signal, () => find("share-dialog").close());
  }

  /** `second` is the current position of the media element, null for an image. */
  open(recording, second) {
    [this.#recording, this.#at] = [recording, second];
    find("share-from").checked = second !== null && second > 0;
    find("share-from").disabled = second === null;
    find("share-from-label").textContent = strings.share.from(duration(second ?? 0));
    find("share-trouble").textContent = "";
    for (const id of ["share-url", "share-hint"]) find(id).hidden = true;
    find("share-links").replaceChildren();
    find("share-dialog").showModal();
    this.#list();
  }

  async #make(event) {
    event.preventDefault();
    const startSeconds = find("share-from").checked ? Math.floor(this.#at * 10) / 10 : null;
    await this.#attempt(async () => {
      const link = await this.#gateway.createLink(this.#recording.id, {
        expiresInSeconds: Number(find("share-days").value) * DAY,
        startSeconds,
      });
      await this.#show(link);
      await this.#list();
    });
  }

  async #show({ url, expires_at: expiresAt }) {
    const isCopied = await copied(url);
    const until = dayAndClock(new Date(expiresAt));
    find("share-hint").textContent = isCopied ? strings.share.copied(until) : strings.share.made(until);
    find("share-url").value = url;
    for (const id of ["share-url", "share-hint"]) find(id).hidden = false;
    find("share-url").select();
  }

  async #list() {
    await this.#attempt(async () => {
      const links = await this.#gateway.links(this.#recording.id);
      find("share-links-title").hidden = links.length === 0;
      find("share-links").replaceChildren(...links.map((link) => this.#row(link)));
    });
  }

  #row(link) {
    const made = new Date(link.created_at);
    const words = strings.share.link(dayAndClock(made), dayAndClock(new Date(link.expires_at)), link.use_count);
    const end = el("button", { type: "button", class: "grave" }, strings.share.end);
    end.ariaLabel = strings.share.endOf(clock(made));
    end.addEventListener("click", () => this.#end(link));
    return el("li", {}, el("span", {}, words), end);
  }

  async #end(link) {
    await this.#attempt(async () => {
      await this.#gateway.endLink(this.#recording.id, link.id);
      toast(strings.share.ended);
      await this.#list();
    });
  }

  async #attempt(step) {
    try {
      await step();
    } catch (trouble) {
      find("share-trouble").textContent = explain(trouble);
    }
  }
}
