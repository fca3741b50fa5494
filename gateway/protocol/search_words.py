"""Converts the text of a search box to a PostgreSQL text search query. Pure.

    plain words      all of them, in any order; the last one may be only the beginning of a word
    "in quotes"      a phrase: these words, next to each other
    -word -"phrase"  not this

Each term is quoted, so that nothing that is typed is an operator of `to_tsquery`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MAX_TERMS: Final = 16
SHORT: Final = 2
"""A beginning of at most this length is shared by too many words for an index to look all of them up."""

_TERM: Final = re.compile(r'(-?)(?:"([^"]*)"?|(\S+))')
# As `websearch_to_tsquery` recognizes it, also in `or,` and `or:word`.
_OR: Final = re.compile(r"or(?![-\w])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SearchWords:
    """`exact` is a query for `to_tsquery`, of words as they are written; `typed` is the text for `websearch_to_tsquery`.

    The `likely` ones find more: they lack a last word of at most SHORT characters, of which other words may follow. The
    `others` lack a longer last word; they are empty where there is none, or nothing else narrows the search.
    """

    exact: str
    typed: str
    likely_exact: str
    likely_typed: str
    others_exact: str = ""
    others_typed: str = ""


def parse_search(text: str) -> SearchWords:
    """The query for a search text; a text without any term finds nothing. At most MAX_TERMS terms count."""
    found = [(_term(match), match) for match in _TERM.finditer(text.replace("\0", " "))][:MAX_TERMS]
    wanted = [(term, match) for term, match in found if term]
    exact = " & ".join(term for term, _ in wanted)
    if not wanted or text.rstrip().endswith('"'):
        return SearchWords(exact, text, exact, text)
    exact += ":*"
    *others, (_, last) = wanted
    if last[1] or not _narrow([match for _, match in others]) or _OR.match(last[3] or ""):
        return SearchWords(exact, text, exact, text)
    fewer = " & ".join(term for term, _ in others), text[: last.start()]
    # After a quotation mark that is not closed yet there may be several words.
    is_short = len((last[3] or last[2]).split()[-1]) <= SHORT
    return SearchWords(exact, text, *fewer) if is_short else SearchWords(exact, text, exact, text, *fewer)


def _narrow(terms: Sequence[re.Match[str]]) -> bool:
    """Whether each result of a search that begins with these terms has one of them: not after `or`, nor if all are negated."""
    return any(not term[1] for term in terms) and not any(_OR.match(term[3] or "") for term in terms)


def _term(match: re.Match[str]) -> str:
    """One quoted term; empty for one without a letter or digit, which no text contains as a word."""
    words = match[2] if match[3] is None else match[3]
    if not any(character.isalnum() for character in words):
        return ""
    quoted = words.replace("\\", "\\\\").replace("'", "''")
    return f"{'!' if match[1] else ''}'{quoted}'"
