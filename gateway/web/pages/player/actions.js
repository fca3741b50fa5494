/*
 * What a person can do with a file besides playing it: download it, or copy a link to it.
 */

import { el, find } from "./dom.js";
import { clock, dayAndClock } from "./format.js";
import { strings } from "./strings.js";
import { toast } from "./toast.js";
import { explain } from "./trouble.js";

export async function download(gateway, recording, file) {
  await tellTrouble(async () => {
    el("a", { href: await gateway.downloadUrl(recording.id, file.id), download: true }).click();
  });
}

/** Copy a playback link, and say how long it plays and for whom. If the browser refuses to copy, show the link. */
export async function copyLink(gateway, recording, file) {
  await tellTrouble(async () => {
    const link = await gateway.playbackUrl(recording.id, file.id);
    const until = soon(link.expiresAt) ? clock(link.expiresAt) : dayAndClock(link.expiresAt);
    if (await copied(link.publicUrl)) toast(strings.link.copied(until));
    else showLink(link.publicUrl, until);
  });
}

/** Copy the text; resolves to whether the browser did. */
export async function copied(text) {
  try {
    // `clipboard` is absent outside secure contexts (http to another machine), and refuses if the page has no focus.
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function showLink(url, until) {
  find("link-hint").textContent = strings.link.hint(until);
  find("link-url").value = url;
  find("link-dialog").showModal();
  find("link-url").select();
}

function soon(date) {
  return date.toDateString() === new Date().toDateString();
}

async function tellTrouble(step) {
  try {
    await step();
  } catch (trouble) {
    toast(explain(trouble));
  }
}
