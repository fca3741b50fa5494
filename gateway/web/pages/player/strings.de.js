/*
 * The page's words in German; the names are those of strings.en.js.
 */

export const locale = "de-DE";

const plural = (count, one, many) => `${count.toLocaleString(locale)} ${count === 1 ? one : many}`;

export const words = {
  product: "seekgate",
  skip: "Zum Player springen",

  signIn: {
    title: "Anmelden",
    lead: "Aufnahmen, in denen man Byte für Byte springen kann.",
    key: "API-Schlüssel",
    hint: "Er beginnt mit sk_ oder rk_. Er bleibt in diesem Tab und verlässt ihn nur als Kopfzeile einer Anfrage.",
    submit: "Aufnahmen öffnen",
    checking: "Der Schlüssel wird geprüft…",
    out: "Abmelden",
    wrongKey: "Dieser Schlüssel ist hier nicht bekannt. Er ist vielleicht vertippt, abgelaufen oder widerrufen.",
    expired: "Das Gateway nimmt diesen Schlüssel nicht mehr an. Bitte neu anmelden.",
  },

  list: {
    title: "Aufnahmen",
    search: "Suche",
    searchHint: "Wort oder Name…",
    refresh: "Aktualisieren",
    more: "Noch einmal versuchen",
    reading: "Der Katalog wird gelesen…",
    count: (shown, more) => `${plural(shown, "Aufnahme", "Aufnahmen")}${more ? " und mehr" : ""}`,
    empty: "Noch nichts aufgenommen",
    emptyHint: "Eine Datei auf diese Seite ziehen oder oben auswählen. Auf dem Rechner des Gateways:",
    emptyCommand: "seekgate import DATEI --user EMAIL",
    noMatch: (typed) => (typed ? `Nichts passt zu „${typed}“.` : "So eine Aufnahme gibt es nicht."),
    all: "Alle Aufnahmen",
    noFiles: "Noch keine Dateien",
    today: "Heute",
    yesterday: "Gestern",
  },

  narrowing: {
    title: "Sortieren und filtern",
    sort: "Reihenfolge",
    newest: "Neueste zuerst",
    oldest: "Älteste zuerst",
    longest: "Längste zuerst",
    shortest: "Kürzeste zuerst",
    byType: "Nach Art",
    byStatus: "Nach Status",
    type: "Art",
    status: "Status",
    length: "Länge",
    any: "Alle",
    uploaded: "Hochgeladen",
    processing: "Wird verarbeitet",
    short: "Unter 5 Minuten",
    medium: "5 bis 30 Minuten",
    long: "Über 30 Minuten",
    from: "Von",
    to: "Bis",
    all: "Alle zeigen",
  },

  meeting: {
    open: "Ein Meeting öffnen",
    platform: "Plattform",
    id: "Meeting-ID",
    submit: "Öffnen",
    title: (id) => `Meeting ${id}`,
    platforms: { google_meet: "Google Meet", teams: "Teams", zoom: "Zoom" },
    missing: "Unter diesem Schlüssel gibt es kein solches Meeting.",
  },

  status: {
    in_progress: "Läuft",
    uploading: "Wird hochgeladen",
    completed: "Fertig",
    failed: "Fehlgeschlagen",
  },

  source: { bot: "Von einem Bot aufgenommen", upload: "Upload", url: "Von einer URL geholt" },
  kind: { audio: "Audio", video: "Video", image: "Bild" },
  unknown: "–",
  sizeUnits: ["B", "kB", "MB", "GB", "TB"],

  deck: {
    title: "Player",
    none: "Eine Aufnahme auswählen",
    noneHint: "Die Leertaste spielt sie ab, die Pfeiltasten springen vor und zurück.",
    files: "Dateien dieser Aufnahme",
    noFiles: "Noch keine Datei dieser Aufnahme ist fertig.",
    imageOf: (when) => `Bild der Aufnahme vom ${when}`,
    mediaOf: (kind, when) => `${kind} vom ${when}`,
    speed: "Tempo",
    times: (rate) => `${rate.toLocaleString(locale)}×`,
    download: "Herunterladen",
    copy: "Wiedergabe-Link kopieren",
    remove: "Löschen",
    transcript: "Transkript",
    loop: "Schleife",
    loopFrom: (from) => `Schleife von ${from} bis…`,
    loopBetween: (from, to) => `Schleife ${from}–${to}`,
    pip: "Bild im Bild",
    skipSilence: "Stille überspringen",
  },

  rename: {
    button: "Umbenennen",
    save: "Speichern",
    label: "Name dieser Aufnahme",
    changed: "Jemand anderes hat diese Aufnahme inzwischen umbenannt. So heißt sie jetzt.",
  },

  upload: {
    choose: "Dateien hochladen",
    drop: "oder hierher ziehen",
    list: "Uploads",
    record: "Aufnehmen",
    stop: "Aufnahme beenden",
    recorded: (when) => `Aufnahme vom ${when.toLocaleString(locale)}`,
    left: "Früher aufgenommen, noch nicht hochgeladen",
    keep: "Hochladen",
    discard: "Verwerfen",
    noMicrophone: "Der Browser gibt kein Mikrofon frei.",
    waiting: "Wartet…",
    empty: "Diese Datei ist leer.",
    refused: "Abgelehnt. Das Gateway sagt auf Englisch:",
    checking: "Wird geprüft…",
    done: "Öffnen",
    pause: "Pause",
    resume: "Fortsetzen",
    total: (count, sent, whole) => `${plural(count, "Datei", "Dateien")}: ${sent} von ${whole}`,
  },

  share: {
    button: "Teilen",
    title: "Diese Aufnahme teilen",
    lead: "Wer den Link hat, kann diese Aufnahme ohne Schlüssel hören, aber nichts ändern und sonst nichts sehen.",
    until: "Der Link gilt",
    day: "einen Tag",
    week: "eine Woche",
    month: "30 Tage",
    year: "ein Jahr",
    from: (clock) => `Bei ${clock} beginnen`,
    make: "Link kopieren",
    copied: (until) => `Kopiert. Der Link gilt bis ${until}.`,
    made: (until) => `Der Link gilt bis ${until}. Er kann hier kopiert werden:`,
    links: "Gültige Links",
    link: (made, until, count) => `Vom ${made}, gilt bis ${until}, ${count.toLocaleString(locale)}\u2011mal geöffnet`,
    end: "Beenden",
    endOf: (made) => `Den Link von ${made} beenden`,
    ended: "Der Link gilt nicht mehr.",
    missing: "Dieser Link gilt nicht. Er ist abgelaufen, wurde beendet oder nicht ganz kopiert.",
  },

  waveform: {
    title: "Wellenform",
    waiting: "Die Wellenform wird gezeichnet…",
    drawing: (covered, whole) => `Die Wellenform wird gezeichnet: ${covered} von ${whole}`,
  },

  byteMap: {
    title: "Byte-Karte",
    waiting: "Beim Abspielen erscheinen hier die Bereiche, die der Browser anfordert.",
    held: (held, size) => `${held} von ${size} im Browser`,
    ranges: (count) => plural(count, "Bereich", "Bereiche"),
  },

  keys: {
    title: "Tastatur",
    enabled: "Auf diese Tasten hören",
    table: [
      [["Leertaste"], "Abspielen oder anhalten"],
      [["←", "→"], "5 Sekunden zurück oder vor"],
      [["0", "…", "9"], "Zu einem Zehntel der Aufnahme springen"],
      [[",", "."], "Einen Schritt zurück oder vor"],
      [["<", ">"], "Langsamer oder schneller"],
    ],
  },

  link: {
    copied: (until) => `Wiedergabe-Link kopiert. Wer ihn hat, kann diese Datei bis ${until} abspielen.`,
    title: "Wiedergabe-Link",
    hint: (until) => `Der Browser erlaubt kein Kopieren. Wer diesen Link hat, kann die Datei bis ${until} abspielen.`,
    close: "Schließen",
  },

  remove: {
    title: "Diese Aufnahme löschen?",
    body: (title) => `„${title}“ und die Dateien davon werden aus dem Gateway und seinem Speicher entfernt.`,
    confirm: "Löschen",
    cancel: "Behalten",
    pending: (title) => `„${title}“ wurde gelöscht.`,
    undo: "Rückgängig",
    undone: "Die Aufnahme ist wieder da.",
  },

  trouble: {
    retry: "Noch einmal",
    unreachable: "Das Gateway antwortet nicht. Läuft es, und besteht eine Verbindung?",
    401: "Das Gateway nimmt diesen Schlüssel nicht mehr an. Bitte neu anmelden.",
    403: "Dieser Schlüssel darf das nicht.",
    404: "Diese Aufnahme gibt es nicht mehr.",
    429: "Zu viele Anfragen. Bitte einen Augenblick warten.",
    503: "Das Gateway oder sein Speicher ist beschäftigt. Bitte gleich noch einmal versuchen.",
    other: (status) => `Das Gateway meldet einen Fehler (${status}).`,
    unplayable: (format) => `Dieser Browser spielt ${format} nicht ab. Die Datei kann trotzdem heruntergeladen werden.`,
    unreadable: "Der Browser kann diese Datei nicht lesen. Ist es ein Ordner? Dann bitte seine Dateien auswählen.",
    notRemoved: "Die Aufnahme konnte nicht gelöscht werden.",
  },
};
