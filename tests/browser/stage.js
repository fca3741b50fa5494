// A media element to try the gateway on, as any page of another origin would have one.
// Times are seconds of the media; every promise is refused if the element gives up.

const LEVEL_DB = -60;  // anything quieter counts as silence; WebKit measures the tones at -34 to -38 dB
const HELD_SECONDS = 0.3;  // how long a tone sounds before it counts
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

// A new element with this source; what it knows once it knows its length. `crossOrigin` as in HTML, null for none.
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

// Where the element is after a seek. A file that does not tell its length can be sought as far as it has come.
export async function seek(second) {
  while (media.duration < second) await next("durationchange");
  const landed = next("seeked");
  media.currentTime = second;
  await landed;
  return media.currentTime;
}

// Plays; resolves with how far it has come after half a second of sound.
export async function play() {
  const start = media.currentTime;
  await media.play();
  while (media.currentTime < start + 0.5) await next("timeupdate");
  return media.currentTime - start;
}

export function pause() {
  media.pause();
}

// One seek every `pace` milliseconds, landed or not, and the landing of the last.
export async function storm(seconds, pace) {
  for (const second of seconds) {
    media.currentTime = second;
    await new Promise((resolve) => { setTimeout(resolve, pace); });
  }
  while (media.seeking) await next("seeked");
  return media.currentTime;
}

// Plays and listens through WebAudio: the loudest frequency in Hz, once it is one and the same for a while.
// A busy machine may play the whole step before anybody has listened: then once more from where it began.
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
      await playing.catch(() => {});  // paused before it had begun
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

// An element goes into one graph only, once.
function listen() {
  if (analyser?.element === media) return;
  const audio = new AudioContext();
  analyser = new AnalyserNode(audio, { fftSize: 8192, smoothingTimeConstant: 0 });
  analyser.element = media;
  audio.createMediaElementSource(media).connect(analyser).connect(audio.destination);
}

// The size of a picture, once it is shown.
export async function show(url) {
  const image = new Image();
  image.crossOrigin = "anonymous";
  image.src = url;
  await image.decode();
  return [image.naturalWidth, image.naturalHeight];
}
