"""What a person types into a search box, as a PostgreSQL text search query. Pure.

    plain words      all of them, in any order; the last one may be only the beginning of a word
    "in quotes"      a phrase: these words, next to each other
    -word -"phrase"  not this

Each term is quoted, so that nothing that is typed is an operator of `to_tsquery`.
"""

import re
from dataclasses import dataclass
from typing import Final

MAX_TERMS: Final = 16

_TERM: Final = re.compile(r'(-?)(?:"([^"]*)"?|(\S+))')


@dataclass(frozen=True, slots=True)
class SearchWords:
    """`exact` is a query for `to_tsquery`, of words as they are written; `typed` is the text for `websearch_to_tsquery`."""

    exact: str
    typed: str


def parse_search(text: str) -> SearchWords:
    """The search; without any term it finds nothing. At most MAX_TERMS terms count."""
    terms = [_term(match) for match in _TERM.finditer(text.replace("\0", " "))][:MAX_TERMS]
    wanted = [term for term in terms if term]
    last = len(wanted) > 0 and not text.rstrip().endswith('"')
    exact = " & ".join(wanted) + (":*" if last else "")
    return SearchWords(exact, text)


def _term(match: re.Match[str]) -> str:
    """One quoted term; empty for one without a letter or digit, which no text contains as a word."""
    words = match[2] if match[3] is None else match[3]
    if not any(character.isalnum() for character in words):
        return ""
    quoted = words.replace("\\", "\\\\").replace("'", "''")
    return f"{'!' if match[1] else ''}'{quoted}'"
