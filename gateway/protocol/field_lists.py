"""The bounds of list fields (Range, If-Match, If-None-Match): a longer field is ignored, so that reading one is quick."""

from typing import Final

MAX_LIST_BYTES: Final = 4096
MAX_LIST_ELEMENTS: Final = 64


def bounded_list(field: str | None) -> str | None:
    """The field, or None if it is longer than MAX_LIST_BYTES or has more than MAX_LIST_ELEMENTS elements."""
    if field is None or len(field) > MAX_LIST_BYTES or field.count(",") >= MAX_LIST_ELEMENTS:
        return None
    return field
