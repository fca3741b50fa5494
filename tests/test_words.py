"""The wording rules as a test: prose in product, tests and documents uses the terms of the field, one term for each thing.

CONTRIBUTING.md has the table of words. Checked are documents, comments, docstrings, texts of several words (error messages,
log messages, pages) and the names of tests; not code, and not what is quoted in backticks.
"""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

TOP: Final = Path(__file__).resolve().parent.parent
PLACES: Final = ("gateway", "storage_adapters", "tests", "benchmarks", "docs", ".ci")
DOCUMENTS: Final = ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md", "SECURITY.md", "Makefile")
PUBLISHED: Final = ("config.yaml", "openapi.yaml", "schema.sql", "pyproject.toml")
# Suffix → where a comment begins; the whole text is prose where there is None.
PROSE: Final = {
    ".md": None,
    ".html": None,
    ".yaml": None,
    ".css": "/*",
    ".js": "//",
    ".lua": "--",
    ".sql": "--",
    ".toml": "#",
}
# An expression → what to write instead.
WORDS: Final = {
    r"whoever|who leaves|who seeks( away)?|who reads": "the client, readers, the caller",
    r"(knows|refuses to know):": "a sentence that says what the module is",
    r"tells?|told|telling": "log, record, report, say",
    r"so (many|much|often)": "that many, at most N",
    r"(?<!there )(is|are) no (?!longer|more|less|later|earlier|larger|smaller|doubt)\w+": "is not a …, there is no …",
    r"(the )?ordinary way|way up and down": "the slow path; start-up and shutdown",
    r"a no(?=[,.;:])|noes": "a refusal",
    r"at hand": "open, in memory",
    r"(is|are) gone": "was deleted, has ended",
    r"at once": "immediately, at the same time",
    r"lies|(?<!what )stands(?! for)": "is stored in",
    # `storages:` and `storages.NAME` are settings.
    r"storages(?!:|\.\w)|a storage(?! [a-z]*(backend|adapter|class|key|error|server))": "storage backend",
    r"shelf": "cache state",
    r"behind (it|this|them|each other|the (answer|end|cursor|fields?|last|response|page|notification))": "after",
}
FAULT: Final = re.compile(
    rf"(?<![\w-])(?:{'|'.join(f'(?P<w{number}>{words})' for number, words in enumerate(WORDS))})(?![\w-])",
    re.IGNORECASE,
)


def files() -> Iterator[Path]:
    for name in (*DOCUMENTS, *PUBLISHED):
        if (TOP / name).exists():
            yield TOP / name
    for place in PLACES:
        for path in sorted((TOP / place).rglob("*")):
            if path.suffix in {".py", *PROSE} and "results" not in path.parts and path != Path(__file__):
                yield path


def prose_of(path: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of everything in the file that people read."""
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        yield from prose_of_python(text)
        return
    comment, fenced = PROSE.get(path.suffix, "#"), False
    for number, line in enumerate(text.splitlines(), 1):
        fenced ^= line.startswith("```")
        in_block = path.suffix in {".css", ".js"} and line.lstrip().startswith(("*", "/*"))
        if in_block or (comment is None and not fenced):
            yield number, line
        elif comment is not None and comment in line:
            yield number, line.partition(comment)[2]


def prose_of_python(text: str) -> Iterator[tuple[int, str]]:
    before = ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        is_text = token.type == tokenize.STRING and len(token.string.split()) > 2
        if token.type == tokenize.COMMENT or is_text:
            yield from enumerate(token.string.splitlines(), token.start[0])
        elif before == "def" and token.string.startswith("test_"):
            yield token.start[0], token.string.replace("_", " ")
        before = token.string


def faults_in(path: Path) -> Iterator[str]:
    """`file:line: what is written → what to write instead`."""
    instead = list(WORDS.values())
    for number, line in prose_of(path):
        if found := FAULT.search(re.sub(r"`[^`]*`", "", line)):
            place = f"{path.relative_to(TOP).as_posix()}:{number}"
            yield f"{place}: {found[0]!r} → {instead[int((found.lastgroup or '')[1:])]}"


def test_prose_uses_the_words_of_the_field() -> None:
    assert [fault for path in files() for fault in faults_in(path)] == []
