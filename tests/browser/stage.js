// A media element that plays from the gateway, as on any page of another origin.
// Times are seconds of the media. Every promise is rejected if the element reports an error.

const LEVEL_DB = -60;  // anything quieter counts as silence; WebKit measures the tones at -34 to -38 dB
const HELD_SECONDS = 0.3;  // how long a tone must be heard before it counts
const STEP_SECONDS = 5;  // how long each tone lasts

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

// Seeks, and resolves with the position. A file without a duration can be sought as far as it was loaded.
export async function seek(second) {
  while (media.duration < second) await next("durationchange");
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

// Seeks, plays there, and stays for `stay` seconds. Resolves with the milliseconds until it played, and how often it had to
// wait after that. It is paused for the seek: WebKitGTK may hang if it seeks while it plays.
export async function visit(second, stay) {
  let waits = 0;
  const count = () => { waits += 1; };
  media.pause();
  const asked = performance.now();
  const landed = next("seeked");
  media.currentTime = second;
  await landed;
  await media.play();
  while (media.currentTime <= second) await wait(5);
  const start = performance.now() - asked;
  media.addEventListener("waiting", count);
  while (media.currentTime < second + stay) await wait(20);
  media.removeEventListener("waiting", count);
  return { start, waits };
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
