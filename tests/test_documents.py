"""Documents: their links lead to files that exist, the README stays short, and no module of the player is left out."""

import re
from pathlib import Path
from typing import Final

TOP: Final = Path(__file__).resolve().parent.parent
DOCUMENTS: Final = sorted([*TOP.glob("*.md"), *(TOP / "docs").glob("*.md")])
LINK: Final = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
README_LINES: Final = 110


def test_every_relative_link_leads_to_a_file() -> None:
    assert [
        f"{document.relative_to(TOP)} → {target}"
        for document in DOCUMENTS
        for target in LINK.findall(document.read_text("utf-8"))
        if "://" not in target and not (document.parent / target).exists()
    ] == []


def test_the_readme_is_short() -> None:
    assert len((TOP / "README.md").read_text("utf-8").splitlines()) <= README_LINES


def test_every_document_is_linked_from_the_readme() -> None:
    linked = {(TOP / target).resolve() for target in LINK.findall((TOP / "README.md").read_text("utf-8"))}
    assert [document.name for document in (TOP / "docs").glob("*.md") if document.resolve() not in linked] == []


def test_every_module_of_the_player_is_named_in_its_document() -> None:
    document = (TOP / "docs" / "player.md").read_text("utf-8")
    modules = (TOP / "gateway" / "web" / "pages" / "player").glob("*.js")
    assert [module.name for module in modules if f"`{module.name}`" not in document] == []
