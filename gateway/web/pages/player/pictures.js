/*
 * Steps of one picture in a video. How long a picture is shown is measured while the video plays, by the times of the
 * pictures (requestVideoFrameCallback); until then, and in browsers without that, it is 1/25 second, the most common.
 */

import { listen } from "./dom.js";

const MOST_COMMON_SECONDS = 1 / 25;
/** Pictures are missing where the distance is this many times the usual one: a busy computer leaves some out. */
const MISSING = 1.5;

/** What is known of each video: the sum of `count` distances between pictures, and when one of them began. */
const known = new WeakMap();

/** Measure the pictures of a video while it plays, until `signal` ends it. */
export function measurePictures(video, signal) {
  const about = { seconds: 0, count: 0, began: 0 };
  known.set(video, about);
  let before = NaN;
  const look = (_, { mediaTime }) => {
    if (signal.aborted) return;
    learn(about, mediaTime - before);
    if (!video.paused) [before, about.began] = [mediaTime, mediaTime];
    video.requestVideoFrameCallback(look);
  };
  listen(video, "seeking pause", signal, () => (before = NaN));
  video.requestVideoFrameCallback?.(look);
}

function learn(about, distance) {
  const usual = about.seconds / about.count;
  if (!(distance > 0 && distance < 1)) return;
  if (about.count === 0 || distance < usual / MISSING) [about.seconds, about.count] = [distance, 1];
  else if (distance < usual * MISSING) [about.seconds, about.count] = [about.seconds + distance, about.count + 1];
}

/** A second in the middle of the next picture (`direction` 1) or of the one before (-1). */
export function nextPicture(video, direction) {
  const { seconds, count, began } = known.get(video);
  const length = count === 0 ? MOST_COMMON_SECONDS : seconds / count;
  const number = Math.floor((video.currentTime - began) / length + 0.01);
  return began + (number + direction + 0.5) * length;
}
