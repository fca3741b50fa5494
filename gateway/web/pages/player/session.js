/*
 * Holds what exists while someone is signed in, and follows the location's hash: `#/recordings/ID` opens a recording,
 * `#/recordings/ID?at=SECONDS` at a moment of it, `#/meetings/PLATFORM/ID` a meeting, anything else the list.
 */

import { find, listen } from "./dom.js";
import { RecordingList } from "./list.js";
import { Meetings } from "./meetings.js";
import { isMissing, Refused, Unreachable } from "./request.js";
import { strings } from "./strings.js";
import { toast } from "./toast.js";
import { explain } from "./trouble.js";
import { Uploads } from "./upload.js";

export class Session {
  #gateway;
  #list;
  #deck = null;
  #meetings;
  #listing = null;
  #left = new AbortController();

  constructor(gateway) {
    const { signal } = this.#left;
    this.#gateway = gateway;
    this.#list = new RecordingList(gateway, signal);
    this.#meetings = new Meetings(gateway, signal);
    new Uploads(gateway, { changed: () => this.#list.refresh() }, signal);
    listen(window, "hashchange", signal, () => this.#route());
    this.#route();
  }

  /** The media element that is open, or null. */
  get media() {
    return this.#deck?.media ?? null;
  }

  /** Remove every listener of this session, and stop what plays. */
  leave() {
    this.#left.abort();
  }

  hide(recording) {
    this.#list.hide(recording);
    if (this.#deck?.recordingId === recording.id) location.hash = "#/";
  }

  restore(recording) {
    this.#list.restore(recording);
    location.hash = `#/recordings/${recording.id}`;
  }

  renamed(id, name) {
    this.#list.rename(id, name);
  }

  forget() {
    this.#list.forget();
  }

  async #route() {
    const here = location.hash;
    // False once the person has gone elsewhere: what was requested for here is then not shown.
    const isHere = () => !this.#left.signal.aborted && location.hash === here;
    const { place, names, at } = placeOf(here);
    try {
      if (place === "meetings") await this.#openMeeting(isHere, ...names);
      else if (place === "recordings") await this.#openRecording(isHere, Number(names[0]), at);
      else this.#openList();
    } catch (trouble) {
      if (!isHere()) return;
      toast(place === "meetings" && isMissing(trouble) ? strings.meeting.missing : explain(trouble));
      location.hash = "#/";
    }
  }

  #openList() {
    const recordingId = this.#deck?.recordingId;
    const leavesTheDeck = find("deck").contains(document.activeElement);
    this.#deck?.close();
    this.#list.choose(null);
    this.#view("list");
    this.#listCatalogue("everything");
    // On a narrow screen the deck is no longer shown: go on in the list where the person left it.
    if (leavesTheDeck) this.#list.focus(recordingId);
  }

  /** Read the list unless it is the one that is shown: opening a recording must not reload it. */
  #listCatalogue(listing) {
    if (this.#listing === listing) return;
    this.#listing = listing;
    // The code of the player is loaded when the list is shown; if that fails, when it is needed.
    this.#list.search().then(() => this.#left.signal.aborted || this.#loadDeck()).catch(() => {});
  }

  async #openMeeting(isHere, platform, id) {
    const meeting = await this.#meetings.open(platform, id);
    const recordings = await Promise.all(meeting.recordings.map((each) => this.#gateway.recording(each.id)));
    if (!isHere()) return;
    this.#listing = meeting.id;
    this.#list.showMeeting(strings.meeting.title(id), recordings);
    this.#deck?.close();
    this.#view("list");
  }

  async #openRecording(isHere, id, at) {
    if (this.#listing === null) this.#listCatalogue("everything");
    if (!(id > 0)) throw new Refused(404);
    if (this.#deck?.recordingId === id && at !== null) return this.#deck.seek(at);
    const deck = await this.#loadDeck();
    const recording = await this.#gateway.recording(id);
    const transcript = await this.#meetings.transcriptOf(recording);
    if (!isHere()) return;
    this.#list.choose(id);
    const signal = deck.open(recording, transcript.segments, at);
    this.#meetings.follow(recording, transcript, { changed: (...news) => deck.update(...news), signal });
    this.#view("deck");
    find("deck-title").focus();
  }

  async #loadDeck() {
    const { Deck } = await import("./deck.js").catch((cause) => {
      throw new Unreachable("no response", { cause });
    });
    this.#deck ??= new Deck(this.#gateway, this, this.#left.signal);
    return this.#deck;
  }

  #view(name) {
    document.body.dataset.view = name;
  }
}

/** What the address names; the list, if it was damaged on its way here. */
function placeOf(hash) {
  const [path, query = ""] = hash.slice(2).split("?");
  const second = Number(new URLSearchParams(query).get("at") ?? NaN);
  const at = Number.isFinite(second) ? second : null;
  try {
    const [place, ...names] = path.split("/").map(decodeURIComponent);
    return { place, names, at };
  } catch {
    return { place: "", names: [], at };
  }
}
