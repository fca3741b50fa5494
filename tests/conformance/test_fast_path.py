"""The whole table of the byte route, with the fast path and without it.

Each row is asked three times on one connection: a repeated head is what the fast path answers. Without it means without
its folder and the line that plugs it in.
"""

import contextlib
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from tests.conformance.ask import compose_row, keeps_alive
from tests.conformance.objects import add, noise
from tests.conformance.raw_http import connect
from tests.conformance.site import SETTINGS
from tests.conformance.table import check
from tests.conformance.test_conditionals import IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE
from tests.conformance.test_multiple_ranges import COALESCED, SATISFIABLE_OR_NOT, SEVERAL, TOO_MUCH
from tests.conformance.test_odd_objects import EMPTY, ONE_BYTE
from tests.conformance.test_precedence import HEAD, IF_RANGE, PRECEDENCE
from tests.conformance.test_ranges import MALFORMED, NUMERALS, SINGLE, UNITS, WHITE_SPACE
from tests.gateway_process import Gateway, running_gateway

CONDITIONAL: Final = (*IF_MATCH, *IF_NONE_MATCH, *IF_MODIFIED_SINCE, *IF_UNMODIFIED_SINCE, *IF_RANGE, *PRECEDENCE)
RANGED: Final = (*SINGLE, *NUMERALS, *MALFORMED, *UNITS, *WHITE_SPACE)
SEVERAL_RANGES: Final = (*SEVERAL, *SATISFIABLE_OR_NOT, *COALESCED, *TOO_MUCH)
# By the size of the object that the rows are about.
TABLE: Final = {100_000: (*RANGED, *SEVERAL_RANGES, *CONDITIONAL, *HEAD), 0: EMPTY, 1: ONE_BYTE}
REPEATS: Final = 3
TOP: Final = Path(__file__).resolve().parents[2]


def remove_fast_path(top: Path) -> None:
    """Copy the packages to `top` without the fast path's folder and the line that names it, with its import."""
    for package in ("gateway", "storage_adapters"):
        shutil.copytree(TOP / package, top / package, ignore=shutil.ignore_patterns("__pycache__", "fast_path"))
    for document in ("config.yaml", "openapi.yaml", "schema.sql"):
        shutil.copy(TOP / document, top)
    plug = top / "gateway" / "assembly" / "byte_route.py"
    lines = plug.read_text().splitlines(keepends=True)
    left = [line for line in lines if "FastAcceptor" not in line]
    assert len(lines) - len(left) == 2
    plug.write_text("".join(left))
    assert [path for path in top.rglob("*.py") if "web.fast_path" in path.read_text()] == []


@pytest.fixture(scope="module", params=[True, False], ids=["with the fast path", "without it"])
def gateway(
    postgres: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Gateway]:
    folder: Path = tmp_path_factory.mktemp("fast-path")
    top = Path.cwd() if request.param else tmp_path_factory.mktemp("packages")
    if not request.param:
        remove_fast_path(top)
    with ExitStack() as stack:
        # `python -m gateway` takes the packages of the folder in which it is started.
        with contextlib.chdir(top):
            running = stack.enter_context(running_gateway(postgres, folder, SETTINGS, fresh=not request.param))
        yield running


@pytest.mark.parametrize("size", TABLE)
async def test_every_row_holds_when_it_is_repeated(gateway: Gateway, size: int) -> None:
    media = add(gateway, f"object-of-{size}", noise(size, size))
    for row in TABLE[size]:
        octets = compose_row(gateway, row, media)
        async with connect(gateway.host, gateway.port) as connection:
            for _ in range(REPEATS):
                await connection.send(octets)
                response = await connection.read_response(row.method)
                check(row, response, media)
                assert keeps_alive(response.head), row.id
