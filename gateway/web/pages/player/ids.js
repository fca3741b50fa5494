/*
 * Public ids: `rec_` or `med_`, eight characters of Crockford's base 32 for 40 bits, and two check characters.
 * The gateway's other routes name the same recordings and files by the integer (gateway/protocol/ids.py).
 */

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/** The integer that the id encodes. */
export function numberOf(id) {
  return [...id.slice(4, 12)].reduce((number, character) => number * 32 + ALPHABET.indexOf(character), 0);
}

/** The public id of a recording's integer. */
export function publicId(number) {
  const symbols = Array.from({ length: 8 }, (_, index) => Math.floor(number / 32 ** (7 - index)) % 32);
  return `rec_${[...symbols, ...checks(symbols)].map((symbol) => ALPHABET[symbol]).join("")}`;
}

/** The sums P and Q of RAID 6 over GF(32). */
function checks(symbols) {
  let [p, q] = [0, 0];
  for (const symbol of symbols) {
    p ^= symbol;
    q = (q << 1) ^ symbol ^ (q & 16 ? 0b100101 : 0);
    q &= 31;
  }
  return [p, q];
}
