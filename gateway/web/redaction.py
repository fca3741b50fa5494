"""What the log may show of a request's path: no token, no signature, no key, and no control character raw.

A token is recognised in any spelling: upper or lower case, percent-encoded once or several times, in a path that is
no route, or behind a misplaced `?`.
"""

import re
from typing import Final
from urllib.parse import unquote

MAX_CHARACTERS: Final = 512

# A signature and the random part of a key have 43 characters of base64url; ids, routes and meeting codes are shorter.
_SECRET: Final = re.compile(r"[^/]*(?:up_|lk_|[A-Za-z0-9_-]{40})[^/]*", re.IGNORECASE)
_DECODINGS: Final = 4


def shown_path(path: str) -> str:
    """The path with every segment that may hold a secret replaced by `***`, at most MAX_CHARACTERS of it."""
    decoded = path
    for _ in range(_DECODINGS):
        again = unquote(decoded, errors="replace")
        if again == decoded:
            break
        decoded = again
    if _SECRET.search(decoded):
        path = _SECRET.sub("***", decoded)
    if len(path) > MAX_CHARACTERS:
        path = f"{path[:MAX_CHARACTERS]}..."
    return path
