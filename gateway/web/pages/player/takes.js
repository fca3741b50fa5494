/*
 * What the microphone recorded and the gateway does not have yet. Each piece is stored in the browser (IndexedDB) as it
 * is recorded, so that a take outlives its page and is offered at the next visit with the same key. If the browser
 * refuses to store it, a take ends with its page. A lock (Web Locks) keeps other tabs from offering a take that is in
 * use.
 */

const DATABASE = "seekgate";
const PIECES = "pieces";
const LONGEST_MS = 30 * 24 * 3600 * 1000;

export class Take {
  #about;
  #pieces;
  #release;
  /** Resolves once the changes so far are durable; false after a piece that was not stored. */
  #stored = Promise.resolve(true);
  static #looked = Promise.resolve();

  constructor(about, pieces, release) {
    [this.#about, this.#pieces, this.#release] = [about, pieces, release];
  }

  /** A new take. `owner` is the visible prefix of the key that it will be uploaded with. */
  static async begin(owner, name) {
    const about = { take: crypto.randomUUID(), begun: Date.now(), owner, name };
    return new Take(about, [], await claim(about.take));
  }

  /** The takes of this owner whose pages were closed. Those of anybody that are older than a month are deleted. */
  static left(owner) {
    // A take is locked while it is read: an earlier session of this page must have released those that it found.
    Take.#looked = Take.#looked.then(() => Take.#look(owner));
    return Take.#looked;
  }

  static async #look(owner) {
    if (!navigator.locks) return []; // on http from another machine, where no microphone can be used either
    const keys = await inStore((store) => store.getAllKeys()).catch(() => []);
    const takes = await Promise.all([...new Set(keys.map(([take]) => take))].map(restored));
    return takes.filter((take) => take !== null && take.#isOf(owner));
  }

  get name() {
    return this.#about.name;
  }

  get file() {
    // Always the same file, so that an upload whose page was closed goes on where it was.
    return new File(this.#pieces, this.name, { type: this.#pieces[0]?.type, lastModified: this.#about.begun });
  }

  /** Nothing is stored after a piece that the browser refused: the stored take ends there, and has no hole. */
  add(data) {
    const number = this.#pieces.push(data);
    const piece = (store) => store.put({ about: this.#about, data }, [this.#about.take, number]);
    this.#stored = this.#stored.then((whole) => whole && inStore(piece)).catch(() => false);
  }

  /** Delete what is stored: the take has arrived, or nobody wants it. Resolves once that is durable. */
  forget() {
    const { take } = this.#about;
    this.#stored = this.#stored.then(() => inStore((store) => store.delete(piecesOf(take)))).catch(() => {});
    return this.release();
  }

  /** Let this or another tab offer it. */
  release() {
    return this.#stored.then(this.#release);
  }

  #isOf(owner) {
    const isOld = Date.now() - this.#about.begun > LONGEST_MS;
    if (isOld) this.forget();
    else if (this.#about.owner !== owner) this.release();
    return !isOld && this.#about.owner === owner;
  }
}

/**
 * The stored take; null if another tab uses it. It is read under its lock: another tab may just have added to it, or
 * deleted it.
 */
async function restored(take) {
  const release = await claim(take);
  if (release === null) return null;
  const pieces = await inStore((store) => store.getAll(piecesOf(take))).catch(() => []);
  if (pieces.length === 0) {
    release();
    return null;
  }
  const recorded = pieces.map(({ data }) => data);
  return new Take(pieces[0].about, recorded, release);
}

function piecesOf(take) {
  return IDBKeyRange.bound([take], [take, Infinity]);
}

/**
 * Lock a take until the function that this returns is called; null if it is locked. Where locks are refused, nothing is
 * stored either.
 */
function claim(take) {
  return new Promise((claimed) => {
    const hold = (lock) => (lock === null ? claimed(null) : new Promise((release) => claimed(release)));
    navigator.locks.request(`seekgate.${take}`, { ifAvailable: true }, hold).catch(() => claimed(() => {}));
  });
}

/** Do this with the store of pieces; returns the result once it is durable. */
async function inStore(act) {
  const database = await new Promise((opened, refused) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(PIECES);
    opening.onsuccess = () => opened(opening.result);
    opening.onerror = () => refused(opening.error);
  });
  try {
    return await new Promise((done, refused) => {
      const transaction = database.transaction(PIECES, "readwrite");
      const request = act(transaction.objectStore(PIECES));
      transaction.oncomplete = () => done(request.result);
      transaction.onabort = () => refused(transaction.error);
    });
  } finally {
    database.close();
  }
}
