// A media element that plays from the gateway, as on any page of another origin.
// Times are seconds of the media. Every promise is rejected if the element reports an error.

const LEVEL_DB = -60;  // anything quieter counts as silence; WebKit measures the tones at -34 to -38 dB
const HELD_SECONDS = 0.3;  // how long a tone must be heard before it counts
const STEP_SECONDS = 5;  // how long each tone lasts
const STUCK_MS = 4000;  // how long a position may not change before play is pressed again

let media = null;
let analyser = null;

function fail() {
  return new Error(`${media.error?.message || "no reason"} (code ${media.error?.code})`);
}

// Resolves at the next event of that name.
function next(name) {
  return new Promise((resolve, reject) => {
    if (media.error) reject(fail());
    media.addEventListener(name, resolve, { once: true });
    media.addEventListener("error", () => reject(fail()), { once: true });
  });
}

// Creates an element with this source and resolves once its duration is known. `crossOrigin` as in HTML, null for none.
export async function load(url, tag, crossOrigin = "anonymous") {
  media?.remove();
  media = document.createElement(tag);
  media.crossOrigin = crossOrigin;
  media.preload = "metadata";
  document.body.append(media);
  const loaded = next("loadedmetadata");
  media.src = url;
  await loaded;
  return { duration: Number.isFinite(media.duration) ? media.duration : null, width: media.videoWidth ?? 0 };
}

// Loads a file as far as this second. Firefox can seek no further in a file without a duration: it takes what it has loaded
// for the whole, and reports the new duration a moment before what is buffered.
export async function buffer(second) {
  media.preload = "auto";
  while (!isBuffered(second)) await wait(20);
}

function isBuffered(second) {
  const { buffered } = media;
  return Array.from(buffered, (_, index) => index).some((at) => buffered.start(at) <= second && second < buffered.end(at));
}

// Seeks, and resolves with the position.
export async function seek(second) {
  const landed = next("seeked");
  media.currentTime = second;
  await landed;
  return media.currentTime;
}

// Plays, and resolves with the seconds played once they are at least half a second.
export async function play() {
  const start = media.currentTime;
  await media.play();
  while (media.currentTime < start + 0.5) await next("timeupdate");
  return media.currentTime - start;
}

export function pause() {
  media.pause();
}

// Seeks every `pace` milliseconds, finished or not, and resolves with the position after the last seek.
export async function storm(seconds, pace) {
  for (const second of seconds) {
    media.currentTime = second;
    await new Promise((resolve) => { setTimeout(resolve, pace); });
  }
  while (media.seeking) await next("seeked");
  return media.currentTime;
}

// Seeks, plays there, and stays for `stay` seconds. Resolves with the milliseconds until it played, how often it had to wait
// after that, its longest pause in milliseconds, and how often play had to be pressed again. The position shows that it
// plays: after a seek WebKitGTK 2.50 sometimes stays at readyState 2 and never resolves play(), although it plays, or stays
// paused until play() is called again (https://bugs.webkit.org/show_bug.cgi?id=300041). It is paused for the seek:
// WebKitGTK may hang if it seeks while it plays.
export async function visit(second, stay) {
  let [waits, presses, pause] = [0, 0, 0];
  const count = () => { waits += 1; };
  const reach = async (end) => {
    let [last, since] = [media.currentTime, performance.now()];
    while (media.currentTime < end) {
      await wait(5);
      const now = performance.now();
      pause = Math.max(pause, now - since);
      if (media.currentTime !== last) [last, since] = [media.currentTime, now];
      if (now - since < STUCK_MS) continue;
      media.pause();
      media.play();
      [presses, since] = [presses + 1, now];
    }
  };
  media.pause();
  const asked = performance.now();
  const landed = next("seeked");
  media.currentTime = second;
  await landed;
  media.play();
  await reach(second + 0.001);
  const start = performance.now() - asked;
  media.addEventListener("waiting", count);
  pause = 0;
  await reach(second + stay);
  media.removeEventListener("waiting", count);
  return { start, waits, presses, pause };
}

async function wait(milliseconds) {
  await new Promise((resolve) => { setTimeout(resolve, milliseconds); });
  if (media.error) throw fail();
}

// Plays, and resolves with the loudest frequency (Hz, by WebAudio) once it has been the same for a while.
// A busy machine may play the whole step before it was analysed: then it is played again from the start.
export async function hear() {
  listen();
  const start = media.currentTime;
  const end = (Math.floor(start / STEP_SECONDS) + 1) * STEP_SECONDS;
  let playing = media.play();
  const levels = new Float32Array(analyser.frequencyBinCount);
  let [bin, since] = [0, 0];
  while (analyser.context.currentTime < since + HELD_SECONDS || bin === 0) {
    await new Promise((resolve) => { setTimeout(resolve, 20); });
    if (media.error) throw fail();
    if (media.currentTime >= end || media.ended) {
      media.pause();
      await playing.catch(() => {});  // rejected if paused before it began
      await seek(start);
      playing = media.play();
      bin = 0;
    }
    analyser.getFloatFrequencyData(levels);
    const loudest = levels.indexOf(Math.max(...levels));
    const heard = levels[loudest] > LEVEL_DB ? loudest : 0;
    if (heard !== bin) [bin, since] = [heard, analyser.context.currentTime];
  }
  await playing;
  media.pause();
  return bin * analyser.context.sampleRate / analyser.fftSize;
}

// An element can be the source of only one audio graph.
function listen() {
  if (analyser?.element === media) return;
  const audio = new AudioContext();
  analyser = new AnalyserNode(audio, { fftSize: 8192, smoothingTimeConstant: 0 });
  analyser.element = media;
  audio.createMediaElementSource(media).connect(analyser).connect(audio.destination);
}

// Shows a picture, and resolves with its size.
export async function show(url) {
  const image = new Image();
  image.crossOrigin = "anonymous";
  image.src = url;
  await image.decode();
  return [image.naturalWidth, image.naturalHeight];
}
