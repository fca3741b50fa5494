/*
 * What can be done with a file beside playing it: take it home, or give someone a link.
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

/** Copy a playback link, and say what it means to have one. Without leave to copy, show it instead. */
export async function copyLink(gateway, recording, file) {
  await tellTrouble(async () => {
    const link = await gateway.playbackUrl(recording.id, file.id);
    const until = soon(link.expiresAt) ? clock(link.expiresAt) : dayAndClock(link.expiresAt);
    // Absent outside secure contexts (plain http to another machine), refused without the focus.
    const copied = await (navigator.clipboard?.writeText(link.publicUrl) ?? Promise.reject()).then(() => true, () => false);
    if (copied) toast(strings.link.copied(until));
    else showLink(link.publicUrl, until);
  });
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
