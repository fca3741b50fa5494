"""Maps keys to object names in the bucket; refuses keys that S3 or compatible servers cannot store."""

import re
from typing import Final

from storage_adapters.base import InvalidKey

NAME_LIMIT_BYTES: Final = 1024

# Some compatible servers store objects as files and resolve these segments: a key could leave the prefix.
DOT_SEGMENT: Final = re.compile(r"(^|/)\.{1,2}(/|$)")

# Everything outside XML 1.0 section 2.2, and the control characters that an XML parser replaces.
UNFIT_FOR_XML: Final = re.compile("[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def name_of(prefix: str, key: str) -> str:
    """The object's name in the bucket. Raises InvalidKey if no object can have it."""
    try:
        length = len((prefix + key).encode())
    except UnicodeEncodeError:
        raise InvalidKey(key, "it is not Unicode text") from None
    if not key or length > NAME_LIMIT_BYTES or "\0" in key or DOT_SEGMENT.search(key):
        raise InvalidKey(key, f"an object name has 1 to {NAME_LIMIT_BYTES} bytes, no NUL and no segment . or ..")
    return prefix + key


def is_fit_for_xml(name: str) -> bool:
    """Whether the name is unchanged by the XML of a DeleteObjects request."""
    return UNFIT_FOR_XML.search(name) is None
