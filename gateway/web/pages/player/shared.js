/*
 * The page of a share link. It reads data only from below its own address, and plays with the modules of the player
 * page. If the link ends while someone listens, the next range is refused, and the page says why.
 */

import { Comfort } from "./comfort.js";
import { el, fillStrings, find } from "./dom.js";
import { dayAndClock, duration } from "./format.js";
import { listenToKeys } from "./keys.js";
import { Refused, jsonOf, request } from "./request.js";
import { locale, strings } from "./strings.js";
import { Transcript } from "./transcript.js";
import { explain } from "./trouble.js";
import { Viewer } from "./viewer.js";

const base = location.pathname.replace(/\/embed$/, "");
const transcript = new Transcript(find("lines"));
const comfort = new Comfort(new AbortController().signal);
let viewer = null;

async function read(path, signal) {
  return jsonOf(await request(`${base}/${path}`, { signal }));
}

/** A playback URL from this page's own origin, and how long it still plays by the gateway's clock. */
async function newLink(number) {
  const response = await request(`${base}/recording.json`);
  const { url, expires_at: expiresAt } = (await jsonOf(response)).media[number];
  const now = Date.parse(response.headers.get("Date")) || Date.now();
  const { pathname, search } = new URL(url, document.baseURI);
  return { url: pathname + search, lifetimeSeconds: (Date.parse(expiresAt) - now) / 1000 };
}

function show(recording) {
  find("shared-title").textContent = recording.name;
  find("shared-made").textContent = dayAndClock(new Date(recording.created_at));
  find("shared-made").dateTime = recording.created_at;
  find("player").hidden = recording.media.length === 0;
  const choices = recording.media.map((file, number) => {
    const length = file.duration_seconds === null ? [] : [duration(file.duration_seconds)];
    const choice = el("button", { type: "button" }, [strings.kind[file.type], ...length].join(" · "));
    choice.addEventListener("click", () => play(recording, number, null));
    return el("li", {}, choice);
  });
  find("files").replaceChildren(...choices);
  find("files").hidden = choices.length < 2;
  transcript.show(recording.segments);
  if (choices.length === 0) return say(strings.deck.noFiles);
  return play(recording, best(recording.media), recording.start_seconds);
}

/** The number of the file to begin with. */
function best(media) {
  const numbers = ["video", "audio", "image"].map((type) => media.findIndex((file) => file.type === type));
  return numbers.find((number) => number >= 0);
}

function play(recording, number, startAt) {
  comfort.leave();
  viewer?.close();
  find("shared-trouble").hidden = true;
  find("files").querySelectorAll("button").forEach((choice, index) => (choice.ariaPressed = String(index === number)));
  const file = { ...recording.media[number], format: recording.media[number].content_type };
  viewer = new Viewer(file, {
    label: recording.name,
    segments: recording.segments,
    transcript,
    newLink: () => newLink(number),
    cover: cover(recording),
    waveform: (signal) => read(`media/${number}/waveform`, signal),
    captions: async () => `${base}/captions.vtt`,
    report: (trouble) => {
      if (trouble === undefined) find("shared-trouble").hidden = true;
      else say(trouble === null ? strings.trouble.unplayable(file.format) : explainLink(trouble));
    },
  });
  const { media } = viewer;
  if (media === null) return;
  comfort.accompany(media, {
    place: `${base}/${number}`,
    title: recording.name,
    position: () => viewer.position,
    bins: () => viewer.bins,
    startAt,
  });
}

/** A function that gets the URL of the recording's image; null without one. */
function cover({ media }) {
  const number = media.findIndex(({ type }) => type === "image");
  return number < 0 ? null : () => newLink(number);
}

/** For someone who only has a link, deleted and forbidden mean the same. */
function explainLink(trouble) {
  return trouble instanceof Refused && [403, 404].includes(trouble.status) ? strings.share.missing : explain(trouble);
}

function say(words) {
  find("shared-trouble").textContent = words;
  find("shared-trouble").hidden = false;
}

document.documentElement.lang = locale;
fillStrings(document, strings);
listenToKeys({ current: () => viewer?.media ?? null, enabled: () => true });
read("recording.json").then(show).catch((trouble) => say(explainLink(trouble)));
