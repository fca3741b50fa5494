"""Public ids: an integer of the catalogue as text with a prefix, and back.

    rec_ 3x0k8w2m 5q
    |    |        |
    |    |        two check characters
    |    the integer's 40 bits, five to a character, highest first
    prefix: whether it is a recording, a media file, …

The characters are Crockford's base 32 in lower case: no i, l, o or u. Each integer has exactly one text; any other
text is not an id. The check characters are the sums P and Q of RAID 6 over GF(32), five bits to a symbol:

    P = d0 + d1 + ... + d7        Q = d0*x^7 + d1*x^6 + ... + d7       modulo x^5 + x^2 + 1

The code has distance 3, so it detects any two wrong characters, such as a typo or two swapped characters. Of texts
with more wrong characters, one in 1024 passes for an id, most likely of a row that does not exist.
"""

from collections.abc import Iterable
from typing import Final, Literal

Prefix = Literal["rec", "med", "lnk"]

ID_BITS: Final = 40
_SYMBOL_BITS: Final = 5
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES: Final = {character: value for value, character in enumerate(_ALPHABET)}
_LENGTH: Final = ID_BITS // _SYMBOL_BITS + 2
_SHIFTS: Final = range(ID_BITS - _SYMBOL_BITS, -1, -_SYMBOL_BITS)
_OVERFLOW: Final = 1 << _SYMBOL_BITS
_POLYNOMIAL: Final = 0b100101


def encode_id(prefix: Prefix, number: int) -> str:
    """The integer's text. Raises ValueError unless 0 <= number < 2**40."""
    if not 0 <= number < 1 << ID_BITS:
        raise ValueError(f"{number} does not fit {ID_BITS} bits")
    symbols = [number >> shift & (_OVERFLOW - 1) for shift in _SHIFTS]
    return f"{prefix}_{''.join(_ALPHABET[symbol] for symbol in (*symbols, *_checks(symbols)))}"


def decode_id(prefix: Prefix, text: str) -> int | None:
    """The integer of the text; None if it is not an id with this prefix."""
    given, _, rest = text.partition("_")
    if given != prefix or len(rest) != _LENGTH or not _VALUES.keys() >= set(rest):
        return None
    *symbols, p, q = (_VALUES[character] for character in rest)
    if (p, q) != _checks(symbols):
        return None
    return sum(symbol << shift for symbol, shift in zip(symbols, _SHIFTS, strict=True))


def _checks(symbols: Iterable[int]) -> tuple[int, int]:
    p = q = 0
    for symbol in symbols:
        p ^= symbol
        q <<= 1
        q ^= symbol ^ (_POLYNOMIAL if q & _OVERFLOW else 0)
    return p, q
