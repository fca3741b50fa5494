"""The kinds of value that settings have: numbers with units, addresses, origins, URLs.

The text of each error says what is allowed.
"""

import re
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationInfo


class Section(BaseModel):
    """A group of settings: immutable, without unknown names, and with its defaults checked like given values."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True)


def _refuse_truth(value: object) -> object:
    # YAML 1.1 reads `yes` and `on` as true, and Python counts true as 1: nobody means that number.
    if isinstance(value, bool):
        raise ValueError("a number, not true or false")  # noqa: TRY004 - pydantic collects ValueErrors
    return value


Number = BeforeValidator(_refuse_truth)
Port = Annotated[int, Number, Field(ge=0, le=65535)]
Count = Annotated[int, Number, Field(ge=1, le=1_000_000)]
ByteCount = Annotated[int, Number, Field(ge=4096, le=1 << 40)]
Seconds = Annotated[float, Number, Field(gt=0, le=31_536_000, allow_inf_nan=False)]
Multiple = Annotated[float, Number, Field(ge=1, le=1000, allow_inf_nan=False)]
Grace = Annotated[float, Number, Field(ge=0, le=86_400, allow_inf_nan=False)]
WholeSeconds = Annotated[int, Number, Field(ge=1, le=31_536_000)]
# Signature V4 ends at seven days.
PresignSeconds = Annotated[int, Number, Field(ge=1, le=604_800)]


def _matching(pattern: str, allowed: str) -> AfterValidator:
    """Text of which all matches the pattern; `allowed` says so in words."""
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


def at_least(setting: str) -> AfterValidator:
    """A number that is not less than that of a setting of the same section, which is declared before."""

    def check(number: float, seen: ValidationInfo) -> float:
        if number < seen.data.get(setting, number):
            raise ValueError(f"at least {setting}")
        return number

    return AfterValidator(check)


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret) < 32:
        raise ValueError("at least 32 characters")
    return secret


Secret = Annotated[SecretStr, AfterValidator(_long_enough)]


def _at_home(path: Path) -> Path:
    return path.expanduser().absolute()


Folder = Annotated[Path, AfterValidator(_at_home)]


def _http_url(text: str) -> str:
    parts = urlsplit(text)
    _ = parts.port  # raises ValueError if it is not a port
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("a URL like https://media.example.org")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("a URL without user, query or fragment")
    return text.rstrip("/")


HttpUrl = Annotated[str, AfterValidator(_http_url)]

_ORIGIN: Final = re.compile(r"https?://[a-z0-9._~-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")


def _origin(text: str) -> str:
    # RFC 6454 section 6.2: browsers send the origin in lower case and compare the exact text.
    if text != "*" and not _ORIGIN.fullmatch(text):
        raise ValueError('"*", or scheme://host[:port] in lower case without a path')
    return text


Origin = Annotated[str, AfterValidator(_origin)]


def _database_url(text: str) -> str:
    if text != "embedded" and not text.startswith(("postgresql://", "postgres://")):
        raise ValueError('"embedded", or a URL like postgresql://user:password@host:5432/name')
    return text


def _server_url(text: str) -> str:
    if not text.startswith(("postgresql://", "postgres://")):
        raise ValueError("a URL like postgresql://user:password@host:5432/name")
    return text


ServerUrl = Annotated[str, AfterValidator(_server_url)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
