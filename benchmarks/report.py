"""Writes a run as Markdown, JSON and SVG, and into marked blocks of README.md and of docs."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.goals import AIOHTTP, NGINX, SIGNED, STARLETTE, Verdict
from benchmarks.plots import bar_chart
from benchmarks.rows import QUANTITIES, Round, Row, merge_rounds, row_of, shown

# File → title, scenario, quantity.
PLOTS: Final[Mapping[str, tuple[str, str, str]]] = {
    "players.svg": ("CPU time of the server per seek", "players", "seek_cpu_us"),
    "cpu.svg": ("CPU time of the server per request", "local", "cpu_us"),
    "requests.svg": ("Requests per second of one core", "local", "requests_per_second"),
    "latency.svg": ("99.9th percentile of latency at a fixed rate", "fixed rate", "p999_ms"),
    "memory.svg": ("Memory per slow reader", "slow readers", "kib_per_connection"),
    "s3.svg": ("CPU time of the server before S3, per request", "S3 ranges", "cpu_us"),
}


@dataclass(frozen=True, slots=True)
class Block:
    """A place in a document, between two comments with its name. `results` is a folder, relative to the document."""

    name: str
    document: str
    results: str

    @property
    def start(self) -> str:
        return f"<!-- {self.name}:start -->"

    @property
    def end(self) -> str:
        return f"<!-- {self.name}:end -->"


README_BLOCK: Final = Block("benchmarks", "README.md", "benchmarks/results")
LOCAL_BLOCK: Final = Block("benchmarks", "docs/performance.md", "../benchmarks/results")
S3_BLOCK: Final = Block("benchmarks-s3", "docs/performance.md", "../benchmarks/results/s3")
LISTENING_BLOCK: Final = Block("benchmarks-listening", "docs/performance.md", "../benchmarks/results/listening")
SEARCH_BLOCK: Final = Block("benchmarks-search", "docs/search.md", "../benchmarks/results/search")
LIST_BLOCK: Final = Block("benchmarks-list", "docs/recordings-list.md", "../benchmarks/results/recordings-list")
# The README's columns: title → server.
_PLAYED_BY: Final = {
    "seekgate": SIGNED,
    "nginx": NGINX,
    "aiohttp `FileResponse`": AIOHTTP,
    "Starlette `FileResponse`": STARLETTE,
}


@dataclass(frozen=True, slots=True)
class Run:
    """The results of one run; `notes` describe its layout and the servers that were missing."""

    machine: Mapping[str, str]
    rounds: Sequence[Round]
    verdicts: Sequence[Verdict]
    notes: Sequence[str]

    @property
    def rows(self) -> list[Row]:
        return merge_rounds(self.rounds)


def write_results(run: Run, folder: Path) -> None:
    """Write results.md, results.json and the plots."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(as_document(run), indent=1, ensure_ascii=False) + "\n")
    plots = draw_plots(run.rows)
    for name, text in plots.items():
        (folder / name).write_text(text)
    (folder / "results.md").write_text(as_markdown(run, [f"![{PLOTS[name][0]}]({name})" for name in plots]))


def add_to_results(found: Sequence[Round], folder: Path, commit: str) -> list[Round]:
    """These rounds, completed with rows that the folder's results have and these lack, so that a run can be done in pieces.

    Results of another commit, or of another number of rounds, are left out.
    """
    path = folder / "results.json"
    former = json.loads(path.read_text()) if path.exists() else None
    if former is None or former["machine"]["commit"] != commit or len(former["rounds"]) != len(found):
        return list(found)
    return [
        {id: each.get(id) or row_of(id, values) for id, values in before.items()} | dict(each)
        for before, each in zip(former["rounds"], found, strict=True)
    ]


def as_document(run: Run) -> dict[str, Any]:
    """The run as JSON: the medians, and every round."""
    return {
        "machine": dict(run.machine),
        "notes": list(run.notes),
        "targets": [dict(verdict.in_words()) for verdict in run.verdicts],
        "rows": {row.id: dict(row.values) for row in run.rows},
        "rounds": [{id: dict(row.values) for id, row in each.items()} for each in run.rounds],
    }


def as_markdown(run: Run, plots: Iterable[str] = ()) -> str:
    """The whole run as a page."""
    machine = "\n".join(f"- {name}: {text}" for name, text in run.machine.items())
    notes = "\n".join(f"- {note}" for note in run.notes)
    parts = [
        "# Benchmark results",
        machine,
        notes,
        noise_in_words(run.rounds),
        "## Targets",
        targets_table(run.verdicts),
        *plots,
    ]
    for scenario in dict.fromkeys(row.scenario for row in run.rows):
        parts += [f"## {scenario}", table([row for row in run.rows if row.scenario == scenario])]
    return "\n\n".join(part for part in parts if part) + "\n"


def noise_in_words(rounds: Sequence[Round]) -> str:
    """The largest difference between two measurements of the same (A/A), in CPU time and in requests per second."""
    pairs = [
        (row, each[second])
        for each in rounds
        for id, row in each.items()
        if (second := id.replace("noise first/", "noise second/")) != id and second in each
    ]
    if not pairs:
        return ""
    cpu, rate = (
        max(abs(second.values[name] / first.values[name] - 1) for first, second in pairs)
        for name in ("cpu_us", "requests_per_second")
    )
    return f"Noise: two measurements of the same (A/A) differ by up to {cpu:.1%} in CPU time, {rate:.1%} in requests/s."


def table(rows: Sequence[Row]) -> str:
    """A table of rows, with a column for each quantity that any of them has."""
    names = [name for name in QUANTITIES if any(name in row.values for row in rows)]
    head = ("row", *(QUANTITIES[name].title for name in names))
    return _markdown_table([head, *(_line(row, names) for row in rows)], numbers_from=1)


def _line(row: Row, names: Sequence[str]) -> tuple[str, ...]:
    return (row.id, *(shown(name, row.values[name]) if name in row.values else "" for name in names))


def targets_table(verdicts: Sequence[Verdict]) -> str:
    """A table of the targets that were measured, with the value of each round."""
    words = [verdict.in_words() for verdict in verdicts if verdict.values]
    return _markdown_table([tuple(words[0]), *(tuple(each.values()) for each in words)]) if words else ""


def _markdown_table(lines: Sequence[tuple[str, ...]], *, numbers_from: int | None = None) -> str:
    head, *rest = lines
    count = len(head) if numbers_from is None else numbers_from
    rule = ("---",) * count + ("---:",) * (len(head) - count)
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *rest))


def draw_plots(rows: Sequence[Row]) -> dict[str, str]:
    """File name → SVG, for each plot that has data."""
    found = {}
    for name, (title, scenario, quantity) in PLOTS.items():
        groups: dict[str, dict[str, float]] = {}
        for row in rows:
            if row.scenario == scenario and row.values.get(quantity, 0) > 0:
                groups.setdefault(row.load, {})[row.server] = row.values[quantity]
        if groups:
            found[name] = bar_chart(title, QUANTITIES[quantity].title, groups)
    return found


def write_block(path: Path, block: Block, text: str) -> None:
    """Replace what the document has between the comments of the block. Raises ValueError if they are missing."""
    document = path.read_text("utf-8")
    before, start, rest = document.partition(block.start)
    _, end, after = rest.partition(block.end)
    if not start or not end:
        raise ValueError(f"{path} lacks {block.start} and {block.end}")
    path.write_text(f"{before}{start}\n{text}\n{end}{after}", "utf-8")


def performance_text(run: Run, block: Block) -> str:
    """The run for a page of docs: targets, plots and the table of each scenario."""
    rows, results = run.rows, block.results
    where = f"Every round is in [{results}/results.md]({results}/results.md)."
    parts = [
        " ".join(filter(None, (_about(run), noise_in_words(run.rounds), where))),
        targets_table(run.verdicts),
        *(f"![{PLOTS[name][0]}]({results}/{name})" for name in draw_plots(rows)),
    ]
    scenarios = dict.fromkeys(row.scenario for row in rows if not row.scenario.startswith("noise"))
    parts += [table([row for row in rows if row.scenario == scenario]) for scenario in scenarios]
    return "\n\n".join(part for part in parts if part)


def readme_text(run: Run) -> str:
    """The run for the README: what a seek of each kind of player costs, on each server."""
    rows = {row.id: row for row in run.rows}
    loads = dict.fromkeys(row.load for row in rows.values() if row.scenario == "players")
    lines = [("CPU time of the server per seek", *_PLAYED_BY)]
    for load in loads:
        found = [rows.get(f"players/{load}/{server}") for server in _PLAYED_BY.values()]
        lines.append((load, *(f"{row.values['seek_cpu_us']:,.0f} µs" if row else "" for row in found)))
    return "\n\n".join([_markdown_table(lines, numbers_from=1), _about(run), *_missed_in_words(run)])


def _missed_in_words(run: Run) -> list[str]:
    """A paragraph that names what missed its targets in this run."""
    targets = [verdict for verdict in run.verdicts if verdict.values and not verdict.goal.stretch]
    missed = [verdict.goal.what for verdict in targets if not verdict.met]
    subjects = "; ".join(dict.fromkeys(what.partition(":")[0] for what in missed))
    return [f"It missed {len(missed)} of its {len(targets)} targets, which are about: {subjects}."] if missed else []


def _about(run: Run) -> str:
    machine, count = run.machine, len(run.rounds)
    rounds = "one round" if count == 1 else f"the median of {count} rounds"
    return (
        f"Measured {machine.get('date')} at {machine.get('commit')} on {machine.get('processor')}, "
        f"kernel {machine.get('kernel')}; {rounds}."
    )
