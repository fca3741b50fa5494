"""MediaFacts: type, format and duration of a media file, as a decoding process found them. They are validated here."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:  # a decoding process does not import the catalogue
    from gateway.catalog import MediaType

_TYPES: Final = {"audio", "video", "image"}
_TEXT_CHARACTERS: Final = 300
_METADATA_ITEMS: Final = 20
_LARGEST: Final = 1 << 53  # JSON readers represent integers up to this exactly


class NotMedia(Exception):
    """The file is not media that the gateway accepts; the message says why."""


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """Type, format and duration of a file.

    `format` is the usual extension without a dot. `duration_seconds` is None for images, and if it is unknown;
    `sample_rate` (Hz) and `channels` are None without sound. `metadata` is JSON-safe: codec, bit_rate (bit/s), width
    and height (pixels), and others, as far as they apply; `warning` says what is wrong with the file.
    """

    type: "MediaType"
    format: str
    content_type: str
    duration_seconds: float | None = None
    sample_rate: int | None = None
    channels: int | None = None
    metadata: Mapping[str, str | int] = field(default_factory=dict)

    def fields(self) -> dict[str, Any]:
        """The facts as a dict that can be encoded as JSON."""
        return asdict(self)

    @classmethod
    def from_fields(cls, fields: Any) -> "MediaFacts":
        """The facts that a process sent. Raises ValueError unless every value is valid."""
        try:
            facts = cls(**fields)
        except TypeError:
            raise ValueError("the facts have unexpected fields") from None
        if not (facts.type in _TYPES and _is_text(facts.format) and _is_text(facts.content_type)):
            raise ValueError("the type is unknown")
        if not all(_is_count(number) for number in (facts.sample_rate, facts.channels) if number is not None):
            raise ValueError("a count is out of range")
        if not _is_duration(facts.duration_seconds):
            raise ValueError("the duration is out of range")
        if not _is_metadata(facts.metadata):
            raise ValueError("the metadata are not texts and counts")
        return facts


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _TEXT_CHARACTERS and value.isprintable()


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < _LARGEST


def _is_duration(value: object) -> bool:
    return value is None or (isinstance(value, float | int) and math.isfinite(value) and value > 0)


def _is_metadata(value: object) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= _METADATA_ITEMS
        and all(_is_text(name) and (_is_text(each) or _is_count(each)) for name, each in value.items())
    )
