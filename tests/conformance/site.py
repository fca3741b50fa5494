"""Settings of the conformance suite's gateway: one allowed origin, one playback signing key, no rate limits."""

import json
from collections.abc import Mapping
from typing import Final

ALLOWED_ORIGIN: Final = "https://player.example"
FOREIGN_ORIGIN: Final = "https://elsewhere.example"
SIGNING_KID: Final = "conformance"
SIGNING_SECRET: Final = "a secret of the conformance suite"

SETTINGS: Final[Mapping[str, str]] = {
    "SEEKGATE_RATE_LIMITS__ENABLED": "false",
    "SEEKGATE_CORS__ALLOWED_ORIGINS": json.dumps([ALLOWED_ORIGIN]),
    "SEEKGATE_PLAYBACK__SIGNING_KEYS": json.dumps([{"kid": SIGNING_KID, "secret": SIGNING_SECRET}]),
}
