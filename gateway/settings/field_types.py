"""The types of the settings' fields: numbers with units, addresses, origins, URLs.

The text of each error says what is allowed.
"""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field, SecretStr

from storage_adapters.storage_options import Number

Port = Annotated[int, Number, Field(ge=0, le=65535)]
ByteCount = Annotated[int, Number, Field(ge=4096, le=1 << 40)]
Multiple = Annotated[float, Number, Field(ge=1, le=1000, allow_inf_nan=False)]
Grace = Annotated[float, Number, Field(ge=0, le=86_400, allow_inf_nan=False)]
WholeSeconds = Annotated[int, Number, Field(ge=1, le=31_536_000)]


def _matching(pattern: str, allowed: str) -> AfterValidator:
    """Text that matches the whole pattern; `allowed` describes it in the error."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError(allowed)
        return text

    return AfterValidator(check)


Host = Annotated[str, _matching(r"[0-9A-Za-z.:_-]+", "a host name or an IP address")]
Word = Annotated[str, _matching(r"[A-Za-z0-9_-]{1,64}", "1 to 64 letters, digits, _ or -")]
# Chromium reads max-age only as the first token.
CacheControl = Annotated[str, _matching(r"max-age=[0-9]+[ -~]*", "text that starts with max-age=SECONDS")]


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret) < 32:
        raise ValueError("at least 32 characters")
    return secret


Secret = Annotated[SecretStr, AfterValidator(_long_enough)]
# RFC 6454 section 6.2: browsers send the origin in lower case and compare the exact text.
Origin = Annotated[
    str,
    _matching(
        r"\*|https?://[a-z0-9._~-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?",
        '"*", or scheme://host[:port] in lower case without a path',
    ),
]
_SERVER: Final = "postgres(?:ql)?://[^\0]*"
_SERVER_LIKE: Final = "a URL like postgresql://user:password@host:5432/name"
ServerUrl = Annotated[str, _matching(_SERVER, _SERVER_LIKE)]
DatabaseUrl = Annotated[str, _matching(f"embedded|{_SERVER}", f'"embedded", or {_SERVER_LIKE}')]
