// A k6 script that seeks like a player or a CDN.
//
//   SEEKGATE_URL=http://127.0.0.1:8080 SEEKGATE_KEY=sk_live_... SEEKGATE_URLS="$PWD/urls.txt" k6 run seek.js
//
// SEEK_AS      chromium: the beginning, then closed ranges of 64 KiB to 1 MiB with If-Range
//              safari: two bytes, the beginning, then 1 MiB at other places
//              cdn: aligned slices of 8 MiB
// SEEK_VERIFY  1: every byte of a synthetic object is checked
// SEEK_USERS, SEEK_DURATION   how many users at the same time, and for how long (20, 30s)
// SEEK_PAUSE_MS               how long a user waits between two sessions of seeks (0)
//
// k6 cannot disconnect in the middle of a body, as players do. Where a player requests everything from an offset on, this
// script requests the 1 MiB that the player reads before it disconnects. The Locust script does disconnect.

import http from "k6/http";
import { check, sleep } from "k6";
import { md5 } from "k6/crypto";
import { SharedArray } from "k6/data";

const MIB = 1024 * 1024;
const SLICE = 8 * MIB;
const OPENED = MIB;
const SEEKS = 8;
const PERIOD = 262139;

const objects = new SharedArray("objects", () =>
  open(__ENV.SEEKGATE_URLS)
    .split("\n")
    .map((line) => /^(\S+) (\d+) (.+)$/.exec(line))
    .filter((found) => found && Number(found[2]) > 0)
    .map(([, url, size, etag]) => ({ url, size: Number(size), etag })),
);

const verify = __ENV.SEEK_VERIFY === "1";
const pattern = verify ? makeTable() : null;

export const options = {
  vus: Number(__ENV.SEEK_USERS || 20),
  duration: __ENV.SEEK_DURATION || "30s",
  thresholds: { checks: ["rate==1"] },
};

// The pattern of a synthetic object (storage_adapters/synthetic.py); no number exceeds 2^53.
function makeTable() {
  const bytes = new Uint8Array(PERIOD);
  let x = 1;
  for (let position = 0; position < PERIOD; position += 1) {
    x = (48271 * x) % 2147483647;
    bytes[position] = Math.floor(x / 256) % 256;
  }
  return bytes;
}

// A demo's synthetic recording n has seed n and 1 MiB * (1 + n mod 256) + n bytes.
// Copying the pattern and comparing checksums takes a hundredth of the time of a loop over the bytes.
function bytesAreRight(object, first, body) {
  const seed = object.size % MIB;
  if (!verify || object.size !== MIB * (1 + (seed % 256)) + seed) return true;
  const expected = new Uint8Array(body.byteLength);
  for (let place = 0; place < expected.length; ) {
    const part = pattern.subarray((first + place + 7919 * seed) % PERIOD).subarray(0, expected.length - place);
    expected.set(part, place);
    place += part.length;
  }
  return md5(expected.buffer, "hex") === md5(body, "hex");
}

function ask(object, first, end, ifRange) {
  const last = Math.min(end, object.size) - 1;
  const headers = { Range: `bytes=${first}-${last}` };
  if (__ENV.SEEKGATE_KEY) headers["X-API-Key"] = __ENV.SEEKGATE_KEY;
  if (ifRange) headers["If-Range"] = object.etag;
  const tags = { name: __ENV.SEEK_AS || "chromium" };
  const response = http.get(__ENV.SEEKGATE_URL + object.url, { headers, tags, responseType: "binary" });
  check(response, {
    "is 206": ({ status }) => status === 206,
    "says which bytes": ({ headers: fields }) => fields["Content-Range"] === `bytes ${first}-${last}/${object.size}`,
    "has the right bytes": ({ body }) =>
      body !== null && body.byteLength === last - first + 1 && bytesAreRight(object, first, body),
  });
}

const below = (limit) => Math.floor(Math.random() * limit);

const sessions = {
  chromium(object) {
    ask(object, 0, OPENED);
    for (let seek = 0; seek < SEEKS; seek += 1) {
      const first = below(object.size);
      ask(object, first, first + (1 + below(16)) * 65536, true);
    }
  },
  safari(object) {
    ask(object, 0, 2);
    ask(object, 0, OPENED);
    for (let seek = 0; seek < SEEKS; seek += 1) {
      const first = below(object.size);
      ask(object, first, first + OPENED);
    }
  },
  cdn(object) {
    const slices = Math.ceil(object.size / SLICE);
    for (let seek = 0; seek < Math.min(SEEKS, slices); seek += 1) {
      const first = below(slices) * SLICE;
      ask(object, first, first + SLICE);
    }
  },
};

export default function () {
  sessions[__ENV.SEEK_AS || "chromium"](objects[below(objects.length)]);
  sleep(Number(__ENV.SEEK_PAUSE_MS || 0) / 1000);
}
