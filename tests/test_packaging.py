"""What is installed: a wheel that needs nothing beside it, and locks that name no machine."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

TOP = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
LOCKS = ("requirements.lock", "requirements-test.lock")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=TOP, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", (TOP / lock).read_text(), re.MULTILINE))


def test_the_wheel_carries_all_that_is_read_at_run_time(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = {
        path.relative_to(TOP).as_posix()
        for room in ("gateway", "storage_adapters")
        for path in (TOP / room).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    documents = {"gateway/config.yaml", "gateway/openapi.yaml", "gateway/schema.sql"}
    assert sources | documents <= names
    assert {name for name in names if ".dist-info/" not in name} == sources | documents


def test_the_wheel_has_the_command(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (entry,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
    assert "seekgate = gateway.cli:main" in archive.read(entry).decode()


def test_the_installed_package_works_from_any_folder(wheel: Path, tmp_path: Path) -> None:
    installed, elsewhere = tmp_path / "site packages", tmp_path / "else where"
    elsewhere.mkdir()
    zipfile.ZipFile(wheel).extractall(installed)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SEEKGATE_")}
    script = (
        "import gateway.settings.documents as r, gateway.cli as c\n"
        f"assert r.__file__.startswith({str(installed)!r}), r.__file__\n"
        "[r.read_text(name) for name in ('schema.sql', 'openapi.yaml')]\n"
        "c.main(['check-config'])"
    )
    run = [sys.executable, "-P", "-c", script]
    done = subprocess.run(
        run, cwd=elsewhere, env=environ | {"PYTHONPATH": str(installed)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "port: 8080\n" in done.stdout


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_index_no_folder_and_a_hash_for_everything(lock: str) -> None:
    text = (TOP / lock).read_text()
    assert not re.search(r"://|^-|/[a-z]", text, re.MULTILINE)
    for pinned in re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:]:
        assert re.match(r"\S+==\S+( ; [^\\]+)? \\\n    --hash=sha256:[0-9a-f]{64}", pinned), pinned


@pytest.mark.parametrize(
    ("lock", "groups"), [("requirements.lock", ["build"]), ("requirements-test.lock", ["build", "test"])]
)
def test_a_lock_pins_what_the_project_asks_for(lock: str, groups: list[str]) -> None:
    asked = PROJECT["dependencies"] + [line for group in groups for line in PROJECT["optional-dependencies"][group]]
    found = pins(lock)
    for requirement in map(Requirement, asked):
        assert requirement.specifier.contains(found[re.sub(r"[._]", "-", requirement.name.lower())]), requirement


def test_the_tests_run_with_the_libraries_that_are_shipped() -> None:
    runtime, everything = map(pins, LOCKS)
    assert runtime.items() <= everything.items()


def test_continuous_integration_is_a_program_that_bash_can_read() -> None:
    run = TOP / ".ci" / "run"
    assert os.access(run, os.X_OK)
    subprocess.run(["bash", "-n", str(run)], check=True)


@pytest.mark.parametrize(
    ("python", "said"),
    [
        pytest.param(None, "seekgate needs Python 3.11 or newer: there is no ./python", id="no Python"),
        pytest.param('[ "$1" = -V ] && echo Python 3.8.1; exit 1', "./python is Python 3.8.1", id="an old Python"),
        pytest.param('case "$2" in *venv*) exit 1;; esac', "apt install python3-venv", id="a Python without venv"),
    ],
)
def test_make_says_what_is_missing(tmp_path: Path, python: str | None, said: str) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    shutil.copy(TOP / "Makefile", folder)
    if python is not None:
        (folder / "python").write_text(f"#!/bin/sh\n{python}\n")
        (folder / "python").chmod(0o755)
    run = ["make", "run", "PYTHON=./python"]
    done = subprocess.run(run, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert said in done.stdout
    assert not (folder / ".venv").exists()
