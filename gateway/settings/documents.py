"""The three documents that travel with the package: where they are, nothing of what they say.

Knows: that in a checkout they lie beside the package, and in a wheel inside it.
Refuses to know: SQL, YAML, settings, routes.
"""

from pathlib import Path
from typing import Literal

Document = Literal["schema.sql", "config.yaml", "openapi.yaml"]


def read_text(name: Document) -> str:
    """The document's text. FileNotFoundError names the place where a checkout would have it."""
    package = Path(__file__).resolve().parents[1]
    packaged = package / name
    return (packaged if packaged.is_file() else package.parent / name).read_text(encoding="utf-8")
