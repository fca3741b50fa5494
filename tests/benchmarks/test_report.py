"""Reports of a run: medians, targets, plots, documents."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.goals import GOALS, Goal, judge, ratio
from benchmarks.machine import REPOSITORY
from benchmarks.open_loop import percentile
from benchmarks.plots import bar_chart
from benchmarks.report import (
    LIST_BLOCK,
    LOCAL_BLOCK,
    README_BLOCK,
    S3_BLOCK,
    SEARCH_BLOCK,
    Block,
    Run,
    add_to_results,
    noise_in_words,
    performance_text,
    readme_text,
    write_block,
    write_results,
)
from benchmarks.rows import Round, Row, as_round, merge_rounds


def rows(*, cpu: float = 20.0, peer: float = 100.0) -> Round:
    return as_round(
        [
            Row("local", "64 KiB", "seekgate, key", {"cpu_us": cpu, "requests_per_second": 10_000.0}),
            Row("local", "64 KiB", "aiohttp FileResponse", {"cpu_us": peer, "requests_per_second": 5_000.0}),
            Row("noise first", "64 KiB", "seekgate, key", {"cpu_us": 20.0, "requests_per_second": 10_000.0}),
            Row("noise second", "64 KiB", "seekgate, key", {"cpu_us": 21.0, "requests_per_second": 9_900.0}),
        ]
    )


def run_of(*rounds: Round) -> Run:
    return Run({"commit": "abc", "date": "today"}, rounds, judge(GOALS, rounds), ["without nginx"])


def test_a_merged_row_is_the_median_of_its_rounds() -> None:
    merged = merge_rounds([rows(cpu=30), rows(cpu=10), rows(cpu=20)])
    assert [row.id for row in merged] == list(rows())
    assert merged[0].values["cpu_us"] == 20


def test_two_rows_of_one_name_are_refused() -> None:
    row = Row("a", "b", "c", {})
    with pytest.raises(ValueError, match="a/b/c"):
        as_round([row, row])


@pytest.mark.parametrize(
    ("cpus", "met"),
    [
        pytest.param((25.0, 20.0), True, id="in every round"),
        pytest.param((20.0, 25.1), False, id="not in one round"),
        pytest.param((), None, id="never measured"),
    ],
)
def test_a_goal_is_met_only_in_every_round(cpus: tuple[float, ...], *, met: bool | None) -> None:
    goal = Goal("x", 0.25, "×", ratio("cpu_us", "local/64 KiB/seekgate, key", "local/64 KiB/aiohttp FileResponse"))
    (verdict,) = judge([goal], [rows(cpu=cpu) for cpu in cpus])
    assert verdict.met is met
    (opposite,) = judge([replace(goal, limit=0.2, at_least=True)], [rows(cpu=cpu) for cpu in cpus])
    assert opposite.met is (None if met is None else True)


def test_the_noise_is_the_largest_difference_of_a_pair() -> None:
    assert noise_in_words([rows()]).endswith("5.0% in CPU time, 1.0% in requests/s.")
    assert noise_in_words([]) == ""


def test_results_are_written_as_a_page_as_json_and_as_plots(tmp_path: Path) -> None:
    write_results(run_of(rows()), tmp_path)
    page = (tmp_path / "results.md").read_text()
    document = json.loads((tmp_path / "results.json").read_text())
    assert "| local/64 KiB/seekgate, key | 20.0 | 10,000 |" in page
    assert "without nginx" in page
    assert "![CPU time of the server per request](cpu.svg)" in page
    assert document["rows"]["local/64 KiB/seekgate, key"]["cpu_us"] == 20
    met = {target["what"]: target["met"] for target in document["targets"]}
    assert met["closed ranges, 64 KiB: CPU over Starlette FileResponse"] == "not measured"
    assert met["closed ranges, 64 KiB: CPU over aiohttp FileResponse"] == "no"
    assert {path.name for path in tmp_path.glob("*.svg")} == {"cpu.svg", "requests.svg"}


def test_a_piece_of_a_run_keeps_the_other_rows_of_the_same_commit(tmp_path: Path) -> None:
    other = as_round([Row("listening", "WebKitGTK, 8 Mbit/s", "seekgate", {"waits": 1.0})])
    write_results(run_of({**rows(cpu=30), **other}), tmp_path)
    assert add_to_results([rows()], tmp_path, "abc") == [{**rows(), **other}]
    for found, commit in (([rows()], "of another day"), ([rows(), rows()], "abc")):
        assert add_to_results(found, tmp_path, commit) == found
    assert add_to_results([rows()], tmp_path / "none", "abc") == [rows()]


def test_a_block_of_a_document_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "document.md"
    path.write_text(f"before\n{LOCAL_BLOCK.start}\nformer results\n{LOCAL_BLOCK.end}\nafter\n")
    write_block(path, LOCAL_BLOCK, "new results")
    assert path.read_text() == f"before\n{LOCAL_BLOCK.start}\nnew results\n{LOCAL_BLOCK.end}\nafter\n"


def test_a_document_without_the_block_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "document.md"
    path.write_text(f"only {LOCAL_BLOCK.start}")
    with pytest.raises(ValueError, match="lacks"):
        write_block(path, LOCAL_BLOCK, "")


@pytest.mark.parametrize(
    "block",
    [README_BLOCK, LOCAL_BLOCK, S3_BLOCK, SEARCH_BLOCK, LIST_BLOCK],
    ids=lambda block: f"{block.document} {block.name}",
)
def test_the_documents_have_the_blocks_that_a_benchmark_writes(block: Block) -> None:
    text = (REPOSITORY / block.document).read_text("utf-8")
    assert text.count(block.start) == text.count(block.end) == 1
    assert (REPOSITORY / block.document).parent.joinpath(block.results).is_dir()


def test_the_readme_shows_a_row_for_each_player_and_a_column_for_each_server() -> None:
    played = {"seekgate, signed URL": 40.4, "nginx": 20.0, "aiohttp FileResponse": 1234.5}
    each = as_round(Row("players", "Firefox", server, {"seek_cpu_us": cpu}) for server, cpu in played.items())
    text = readme_text(run_of({**rows(), **each}))
    assert "| Firefox | 40 µs | 20 µs | 1,234 µs |  |" in text
    assert "at abc" in text
    assert "; one round." in text


def test_the_readme_names_what_missed_its_targets() -> None:
    text = readme_text(run_of(rows(), rows(cpu=11)))
    assert "the median of 2 rounds" in text
    assert text.endswith("It missed 1 of its 1 targets, which are about: closed ranges, 64 KiB.")
    assert "missed" not in readme_text(run_of(rows(cpu=11)))


def test_the_performance_page_has_targets_plots_and_every_scenario_but_the_noise() -> None:
    text = performance_text(run_of(rows()), LOCAL_BLOCK)
    assert "| local/64 KiB/seekgate, key | 20.0 | 10,000 |" in text
    assert "](../benchmarks/results/cpu.svg)" in text
    assert "| noise first/" not in text
    assert "5.0% in CPU time" in text
    assert "closed ranges, 64 KiB: CPU over aiohttp FileResponse" in text
    assert "not measured" not in text


@given(
    st.dictionaries(
        st.text(max_size=5, alphabet=st.characters(codec="utf-8", exclude_categories=["C"])),
        st.dictionaries(st.sampled_from("abc"), st.floats(1e-3, 1e6), min_size=1),
        min_size=1,
        max_size=5,
    )
)
def test_a_chart_is_well_formed_and_its_bars_stay_inside(groups: dict[str, dict[str, float]]) -> None:
    root = ET.fromstring(bar_chart("a < b", "µs", groups))  # noqa: S314 - our own chart
    bars = [each for each in root.iter("{http://www.w3.org/2000/svg}rect") if float(each.get("y") or 0) > 32]
    assert len(bars) == sum(map(len, groups.values()))
    for bar in bars:
        assert 56 <= float(bar.attrib["x"]) <= 960
        assert 64 <= float(bar.attrib["y"]) <= 320.05
        assert float(bar.attrib["height"]) >= 0


def test_a_chart_without_a_positive_value_is_refused() -> None:
    with pytest.raises(ValueError, match="no positive value"):
        bar_chart("t", "u", {"group": {"series": 0.0}})


@given(st.lists(st.floats(0, 1e9), min_size=1), st.sampled_from((0.01, 0.5, 0.99, 0.999, 1.0)))
def test_a_percentile_is_the_least_value_that_covers_its_share(values: list[float], share: float) -> None:
    ordered = sorted(values)
    found = percentile(ordered, share)
    covered = [sum(each <= value for each in ordered) >= share * len(ordered) for value in ordered]
    assert found == ordered[covered.index(True)]
