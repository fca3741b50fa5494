/*
 * The page's composition root: sign in, stay signed in for this tab, sign out.
 * The key is stored only in the tab's sessionStorage and in the memory of one Gateway, and never appears in a URL.
 */

import { Gateway } from "./api.js";
import { el, fillStrings, find } from "./dom.js";
import { listenToKeys } from "./keys.js";
import { Session } from "./session.js";
import { Stored } from "./stored.js";
import { locale, strings } from "./strings.js";
import { explain } from "./trouble.js";

const storedKey = new Stored("sessionStorage", "seekgate.key");

let session = null;

function enter(key) {
  storedKey.text = key;
  find("sign-in").hidden = true;
  find("house").hidden = false;
  find("who").textContent = `${key.slice(0, 12)}…`;
  // A refusal may come when somebody has signed in with another key.
  const entered = new Session(new Gateway(key, () => session === entered && leave(strings.signIn.expired)));
  session = entered;
}

function leave(reason = "") {
  session?.leave();
  session = null;
  storedKey.text = null;
  find("toasts").replaceChildren();
  find("house").hidden = true;
  find("sign-in").hidden = false;
  say(reason);
  find("key").focus();
}

async function signIn(event) {
  event.preventDefault();
  const key = find("key").value.trim();
  const button = find("sign-in-button");
  button.disabled = true;
  button.textContent = strings.signIn.checking;
  try {
    await new Gateway(key, () => {}).recordings({ limit: 1, offset: 0 });
    find("key").value = "";
    enter(key);
    find("list-title").focus();
  } catch (trouble) {
    say(trouble.status === 401 ? strings.signIn.wrongKey : explain(trouble));
    find("key").focus();
  } finally {
    button.disabled = false;
    button.textContent = strings.signIn.submit;
  }
}

function say(words) {
  find("sign-in-trouble").textContent = words;
  find("key").setAttribute("aria-invalid", String(words !== ""));
}

function explainKeys() {
  const row = ([keys, meaning]) => [el("dt", {}, ...keys.map((key) => el("kbd", {}, key))), el("dd", {}, meaning)];
  find("keys-table").append(...strings.keys.table.flatMap(row));
}

document.documentElement.lang = locale;
fillStrings(document, strings);
explainKeys();
find("sign-in-form").addEventListener("submit", signIn);
find("skip").addEventListener("click", () => find("deck").focus());
find("sign-out").addEventListener("click", () => leave());
listenToKeys({ current: () => session?.media ?? null, enabled: () => find("keys-enabled").checked });

const kept = storedKey.text;
if (kept === null) leave();
else enter(kept);
