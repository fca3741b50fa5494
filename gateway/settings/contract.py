"""The published contract: openapi.yaml as a document.

Knows: where it is and that it is YAML. Refuses to know: what it promises; tests hold the routes against it.
"""

from typing import Any

import yaml

from gateway.settings.documents import read_text


def load_contract() -> dict[str, Any]:
    """The OpenAPI document."""
    document: dict[str, Any] = yaml.safe_load(read_text("openapi.yaml"))
    return document
