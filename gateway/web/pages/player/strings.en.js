/*
 * The page's words in English. A translation is another file with the same names (strings.de.js).
 */

export const locale = "en-GB";

const plural = (count, one, many) => `${count.toLocaleString(locale)} ${count === 1 ? one : many}`;

export const words = {
  product: "seekgate",
  skip: "Skip to the player",

  signIn: {
    title: "Sign in",
    lead: "Recordings you can seek in, byte for byte.",
    key: "API key",
    hint: "It begins with sk_ or rk_. It stays in this tab and leaves it only as a request header.",
    submit: "Open recordings",
    checking: "Checking the key…",
    out: "Sign out",
    wrongKey: "This key is not known here. It may be mistyped, expired or revoked.",
    expired: "The gateway no longer accepts this key. Sign in again.",
  },

  list: {
    title: "Recordings",
    search: "Search",
    searchHint: "Words said, or a name…",
    refresh: "Refresh",
    more: "Try again",
    reading: "Reading the catalogue…",
    count: (shown, more) => `${plural(shown, "recording", "recordings")}${more ? " and more" : ""}`,
    empty: "Nothing recorded yet",
    emptyHint: "Drop a file anywhere on this page, or choose one above. On the gateway's own machine, run:",
    emptyCommand: "seekgate import FILE --user EMAIL",
    noMatch: (words) => (words ? `Nothing matches “${words}”.` : "No recording is like that."),
    all: "All recordings",
    noFiles: "No files yet",
    today: "Today",
    yesterday: "Yesterday",
  },

  narrowing: {
    title: "Sort and filter",
    sort: "Order",
    newest: "Newest first",
    oldest: "Oldest first",
    longest: "Longest first",
    shortest: "Shortest first",
    byType: "By type",
    byStatus: "By status",
    type: "Type",
    status: "Status",
    length: "Length",
    any: "Any",
    uploaded: "Uploaded",
    processing: "Being processed",
    short: "Under 5 minutes",
    medium: "5 to 30 minutes",
    long: "Over 30 minutes",
    from: "From",
    to: "To",
    all: "Show all",
  },

  meeting: {
    open: "Open a meeting",
    platform: "Platform",
    id: "Meeting ID",
    submit: "Open",
    title: (id) => `Meeting ${id}`,
    platforms: { google_meet: "Google Meet", teams: "Teams", zoom: "Zoom" },
    missing: "There is no such meeting under this key.",
  },

  status: {
    in_progress: "In progress",
    uploading: "Uploading",
    completed: "Completed",
    failed: "Failed",
  },

  source: { bot: "Recorded by a bot", upload: "Upload", url: "Fetched from a URL" },
  kind: { audio: "Audio", video: "Video", image: "Image" },
  unknown: "–",
  sizeUnits: ["B", "kB", "MB", "GB", "TB"],

  deck: {
    title: "Player",
    none: "Choose a recording",
    noneHint: "Then press space to play, and the arrow keys to seek.",
    files: "Files of this recording",
    noFiles: "No file of this recording is finished yet.",
    imageOf: (when) => `Image of the recording of ${when}`,
    mediaOf: (kind, when) => `${kind} of ${when}`,
    speed: "Speed",
    times: (rate) => `${rate}×`,
    download: "Download",
    copy: "Copy playback link",
    remove: "Delete",
    transcript: "Transcript",
    loop: "Loop",
    loopFrom: (from) => `Loop from ${from} to…`,
    loopBetween: (from, to) => `Looping ${from}–${to}`,
    pip: "Picture in picture",
    skipSilence: "Skip silence",
  },

  rename: {
    button: "Rename",
    save: "Save",
    label: "Name of this recording",
    changed: "Somebody else renamed this recording meanwhile. This is its name now.",
  },

  upload: {
    choose: "Upload files",
    drop: "or drop them here",
    list: "Uploads",
    record: "Record",
    stop: "Stop recording",
    recorded: (when) => `Recording of ${when.toLocaleString(locale)}`,
    left: "Recorded earlier, not uploaded yet",
    keep: "Upload",
    discard: "Discard",
    noMicrophone: "The browser gave no access to a microphone.",
    waiting: "Waiting…",
    empty: "This file is empty.",
    refused: "Refused. The gateway says:",
    checking: "Checking…",
    done: "Open",
    pause: "Pause",
    resume: "Resume",
    total: (count, sent, whole) => `${plural(count, "file", "files")}: ${sent} of ${whole}`,
  },

  share: {
    button: "Share",
    title: "Share this recording",
    lead: "Anyone with the link can play this one recording without a key, but not change it or see anything else.",
    until: "The link works for",
    day: "a day",
    week: "a week",
    month: "30 days",
    year: "a year",
    from: (clock) => `Start at ${clock}`,
    make: "Copy link",
    copied: (until) => `Copied. The link works until ${until}.`,
    made: (until) => `The link works until ${until}. Copy it from here:`,
    links: "Links that work",
    link: (made, until, count) => `Made ${made}, works until ${until}, opened ${plural(count, "time", "times")}`,
    end: "End",
    endOf: (made) => `End the link made at ${made}`,
    ended: "The link has ended.",
    missing: "This link does not work. It has expired, was ended, or was not copied whole.",
  },

  waveform: {
    title: "Waveform",
    waiting: "Drawing the waveform…",
    drawing: (covered, whole) => `Drawing the waveform: ${covered} of ${whole}`,
  },

  byteMap: {
    title: "Byte map",
    waiting: "Press play, and the ranges that the browser asks for appear here.",
    held: (held, size) => `${held} of ${size} in the browser`,
    ranges: (count) => plural(count, "range", "ranges"),
  },

  keys: {
    title: "Keyboard",
    enabled: "Listen to these keys",
    table: [
      [["Space"], "Play or pause"],
      [["←", "→"], "Back or forward 5 seconds"],
      [["0", "…", "9"], "Jump to a tenth of the recording"],
      [[",", "."], "One step back or forward"],
      [["<", ">"], "Slower or faster"],
    ],
  },

  link: {
    copied: (until) => `Playback link copied. Anyone who has it can play this file until ${until}.`,
    title: "Playback link",
    hint: (until) => `The browser did not copy it. Anyone who has this link can play the file until ${until}.`,
    close: "Close",
  },

  remove: {
    title: "Delete this recording?",
    body: (title) => `“${title}” and its files will be removed from the gateway and its storage.`,
    confirm: "Delete",
    cancel: "Keep it",
    pending: (title) => `Deleted “${title}”.`,
    undo: "Undo",
    undone: "The recording is back.",
  },

  trouble: {
    retry: "Try again",
    unreachable: "The gateway does not answer. Check that it is running and that you are online.",
    401: "The gateway no longer accepts this key. Sign in again.",
    403: "This key may not do that.",
    404: "This recording no longer exists.",
    429: "Too many requests. Wait a moment and try again.",
    503: "The gateway or its storage is busy. Try again in a moment.",
    other: (status) => `The gateway answered with an error (${status}).`,
    unplayable: (format) => `This browser cannot play ${format}. The file can still be downloaded.`,
    unreadable: "The browser cannot read this file. If it is a folder, choose the files in it.",
    notRemoved: "The recording could not be deleted.",
  },
};
