"""The scripts for users' own load tests, against a running gateway with a synthetic corpus."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.catalog import Owner
from gateway.demo.corpus import seed_synthetic
from tests.benchmarks.needs import needs_wrk
from tests.gateway_process import Gateway, running_gateway

LOAD = Path(__file__).parents[2] / "benchmarks" / "load"
LOCUST = LOAD.parents[1] / ".venv-bench" / "bin" / "locust"
K6 = LOCUST.with_name("k6")
COUNT = 3
SYNTHETIC = {"SEEKGATE_STORAGES__SYNTHETIC__KIND": "synthetic"}
needs_locust = pytest.mark.skipif(
    not LOCUST.exists(), reason="cannot run here: Locust is not installed (make load-tools installs it)"
)
needs_k6 = pytest.mark.skipif(
    not K6.exists(), reason="cannot run here: k6 is not installed (make load-tools installs it, on x86 Linux)"
)


@pytest.fixture(scope="module")
def gateway(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running_gateway(postgres, tmp_path_factory.mktemp("gateway"), SYNTHETIC) as gateway:
        backends = gateway.backends
        owner = Owner(gateway.user_id)
        gateway.wait(seed_synthetic(backends.catalog, backends.storages["synthetic"], owner, COUNT))
        yield gateway


def environ(gateway: Gateway, tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "SEEKGATE_URL": gateway.base_url,
        "SEEKGATE_KEY": gateway.key,
        "SEEKGATE_URLS": str(tmp_path / "urls.txt"),
        "SEEK_VERIFY": "1",
        # The tests need some seeks of each kind, not as many as the machine can.
        "SEEK_PAUSE_MS": "300",
    }


def list_urls(variables: dict[str, str], *flags: str) -> list[str]:
    command = [sys.executable, str(LOAD / "list_urls.py"), *flags]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True, timeout=60)
    Path(variables["SEEKGATE_URLS"]).write_text(done.stdout)
    return done.stdout.splitlines()


def run_wrk(variables: dict[str, str], script: Path) -> str:
    command = ["wrk", "-t", "1", "-c", "2", "-d", "1s", "-s", str(script), variables["SEEKGATE_URL"]]
    environment = {**variables, "SEEK_PAUSE_MS": "20"}  # between requests, not between sessions of them
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.splitlines()[-1]


def test_the_list_names_path_size_and_tag(gateway: Gateway, tmp_path: Path) -> None:
    lines = list_urls(environ(gateway, tmp_path))
    sizes = sorted(int(line.split(" ")[1]) for line in lines)
    assert sizes == [1_048_576, 2_097_153, 3_145_730]
    assert all(line.startswith("/recordings/") and line.endswith('"') for line in lines)
    assert len(list_urls(environ(gateway, tmp_path), "2")) == 2


@needs_wrk
@pytest.mark.parametrize("signed", [pytest.param(False, id="by key"), pytest.param(True, id="by signed URL")])
def test_wrk_seeks_as_players_do_and_every_response_is_right(gateway: Gateway, tmp_path: Path, *, signed: bool) -> None:
    variables = environ(gateway, tmp_path)
    list_urls(variables, *(["--signed"] if signed else []))
    for player in ("chromium", "safari", "cdn"):
        output = run_wrk(
            {**variables, "SEEK_AS": player, "SEEKGATE_KEY": "" if signed else gateway.key}, LOAD / "seek.lua"
        )
        requests, refused, checked, wrong = (int(word) for word in output.split() if word.isdigit())
        assert requests > 0, player
        assert checked > 0, player
        assert refused == wrong == 0, output


@needs_wrk
def test_wrk_notices_other_bytes(gateway: Gateway, tmp_path: Path) -> None:
    """A script that expects the neighbouring seed's bytes finds every response wrong."""
    variables = environ(gateway, tmp_path)
    list_urls(variables)
    script = tmp_path / "seek.lua"
    script.write_text((LOAD / "seek.lua").read_text().replace("7919 * seed", "7919 * (seed + 1)"))
    _, _, checked, wrong = (int(word) for word in run_wrk(variables, script).split() if word.isdigit())
    assert checked == wrong > 0


def run_locust(variables: dict[str, str], script: Path) -> subprocess.CompletedProcess[str]:
    command = [str(LOCUST), "-f", str(script), "--host", variables["SEEKGATE_URL"], "--headless"]
    command += ["--users", "3", "--spawn-rate", "3", "--run-time", "6s", "--only-summary"]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=60)


@needs_locust
def test_locust_seeks_as_players_do_and_every_response_is_right(gateway: Gateway, tmp_path: Path) -> None:
    variables = environ(gateway, tmp_path)
    list_urls(variables)
    done = run_locust(variables, LOAD / "locustfile.py")
    assert done.returncode == 0, done.stderr
    for player in ("Chromium", "Safari", "Cdn"):
        assert f"GET      {player} " in done.stderr, done.stderr


@needs_locust
def test_locust_notices_other_bytes(gateway: Gateway, tmp_path: Path) -> None:
    variables = environ(gateway, tmp_path)
    list_urls(variables)
    script = tmp_path / "locustfile.py"
    script.write_text((LOAD / "locustfile.py").read_text().replace("7919 * seed", "7919 * (seed + 1)"))
    done = run_locust(variables, script)
    assert done.returncode == 1, done.stderr
    assert "wrong bytes" in done.stderr


def run_k6(variables: dict[str, str], script: Path) -> subprocess.CompletedProcess[str]:
    command = [str(K6), "run", "--quiet", "--no-usage-report", "--summary-mode", "full", str(script)]
    environment = {**variables, "SEEK_USERS": "1", "SEEK_DURATION": "1s"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


@needs_k6
@pytest.mark.parametrize(
    ("player", "signed"),
    [
        pytest.param("chromium", False, id="Chromium by key"),
        pytest.param("safari", True, id="Safari by signed URL"),
        pytest.param("cdn", True, id="a CDN by signed URL"),
    ],
)
def test_k6_seeks_as_players_do_and_every_response_is_right(
    gateway: Gateway, tmp_path: Path, player: str, *, signed: bool
) -> None:
    variables = environ(gateway, tmp_path)
    list_urls(variables, *(["--signed"] if signed else []))
    environment = {**variables, "SEEK_AS": player, "SEEKGATE_KEY": "" if signed else gateway.key}
    done = run_k6(environment, LOAD / "seek.js")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "has the right bytes" in done.stdout, done.stdout


@needs_k6
def test_k6_notices_other_bytes(gateway: Gateway, tmp_path: Path) -> None:
    variables = environ(gateway, tmp_path)
    list_urls(variables)
    script = tmp_path / "seek.js"
    script.write_text((LOAD / "seek.js").read_text().replace("7919 * seed", "7919 * (seed + 1)"))
    done = run_k6(variables, script)
    assert done.returncode != 0, done.stdout
    assert "has the right bytes" in done.stdout
    assert "thresholds on metrics 'checks' have been crossed" in done.stderr, done.stderr
