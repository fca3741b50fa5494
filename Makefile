# make run    start a gateway with a recording to play, from scratch
# make check  lint, types, and the tests that need no S3 server, browser or cluster (a minute and a quarter on two cores)
# make test   the whole test suite
# make bench  compare the gateway with nginx, aiohttp and Starlette (BENCH_FLAGS=--quick takes two minutes)
#
# Everything is installed into .venv, from locks with hashes. A stamp named after the checksum of the locks marks a
# finished installation: a second run starts immediately, and a changed lock is installed.

PYTHON ?= python3
VENV := .venv
# The locks are complete, so pip need not resolve dependencies, and Python compiles a module when it is first imported.
# Both together save a third of the time.
INSTALL := -m pip --disable-pip-version-check --quiet install --no-deps --no-compile

# A test run starts hundreds of processes. Without bytecode files each would compile all its imports again, so they are
# written, into .venv rather than beside the sources, even if PYTHONDONTWRITEBYTECODE is set.
export PYTHONDONTWRITEBYTECODE :=
export PYTHONPYCACHEPREFIX := $(CURDIR)/$(VENV)/bytecode

checksum = $(shell cat $(1) 2>/dev/null | cksum | tr ' ' '-')
RUN_STAMP := $(VENV)/installed-run-$(call checksum,requirements.lock pyproject.toml)
TEST_STAMP := $(VENV)/installed-test-$(call checksum,requirements-test.lock pyproject.toml)
BENCH_LOCK := benchmarks/requirements.lock
BENCH_STAMP := .venv-bench/installed-$(call checksum,$(BENCH_LOCK))
SERVERS_LOCK := tests/s3/requirements-servers.lock
SERVERS_STAMP := .venv-servers/installed-$(call checksum,$(SERVERS_LOCK))

# The tests of `make check`: pure code, the contracts on local files and in memory, the web, and the database.
CHECKED := tests/protocol tests/settings tests/storage_adapters tests/db tests/web tests/conformance \
	tests/openapi/test_document.py tests/test_rules.py tests/test_words.py tests/test_keys.py tests/test_deletion_worker.py

.PHONY: run check test bench load-tools lint lock clean
.DEFAULT_GOAL := run

run: $(RUN_STAMP)
	@$(VENV)/bin/python -m gateway demo

# The linters are tests of test_rules.py, so that they run beside the others.
check: $(TEST_STAMP)
	@$(VENV)/bin/python -m pytest -n 4 --quiet $(CHECKED)

# More workers than cores: many tests wait for a browser, a clock or a slow client. With four, an eighth of two cores was idle.
test: $(TEST_STAMP) $(SERVERS_STAMP)
	@$(VENV)/bin/python -m pytest -n 5

bench: $(TEST_STAMP) $(BENCH_STAMP) $(SERVERS_STAMP)
	@$(VENV)/bin/python -m benchmarks $(BENCH_FLAGS)
	@$(VENV)/bin/python -m benchmarks.s3_ranges $(BENCH_FLAGS)
	@$(VENV)/bin/python -m benchmarks.listening $(BENCH_FLAGS)

# k6 and Locust, whose tests are skipped without them.
load-tools: $(BENCH_STAMP)

lint: $(TEST_STAMP)
	@$(VENV)/bin/ruff check
	@$(VENV)/bin/ruff format --check
	@$(VENV)/bin/mypy

# Needs the network, and `uv` on PATH. The locks name no index and no path.
lock:
	@uv pip compile pyproject.toml --extra build $(LOCK_FLAGS) --output-file requirements.lock
	@uv pip compile pyproject.toml --extra build --extra test $(LOCK_FLAGS) --output-file requirements-test.lock
	@uv pip compile benchmarks/requirements.in $(LOCK_FLAGS) --output-file $(BENCH_LOCK)
	@uv pip compile tests/s3/requirements-servers.in $(LOCK_FLAGS) --output-file $(SERVERS_LOCK)

LOCK_FLAGS := --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11

clean:
	@rm -rf .venv .venv-bench .venv-servers .mypy_cache .pytest_cache .ruff_cache .hypothesis dist

$(RUN_STAMP): | $(VENV)/bin/python
	@echo "Installing seekgate into $(VENV) (about 150 MB, once) ..."
	@$(VENV)/bin/python $(INSTALL) --require-hashes -r requirements.lock
	@$(VENV)/bin/python $(INSTALL) --no-build-isolation --editable .
	@rm -f $(VENV)/installed-run-* && touch $@

$(TEST_STAMP): $(RUN_STAMP)
	@echo "Installing what the tests need ..."
	@$(VENV)/bin/python $(INSTALL) --require-hashes -r requirements-test.lock
	@rm -f $(VENV)/installed-test-* && touch $@

# The S3 servers that the tests run against need versions of their own, so they have an environment of their own.
$(SERVERS_STAMP): | $(VENV)/bin/python
	@echo "Installing the S3 servers for the tests into .venv-servers ..."
	@$(PYTHON) -m venv --clear .venv-servers
	@.venv-servers/bin/python $(INSTALL) --require-hashes -r $(SERVERS_LOCK)
	@touch $@

$(BENCH_STAMP): | $(VENV)/bin/python
	@echo "Installing the benchmarks' peers into .venv-bench ..."
	@$(PYTHON) -m venv --clear .venv-bench
	@.venv-bench/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r $(BENCH_LOCK)
	@touch $@

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || \
		{ echo "seekgate needs Python 3.11 or newer: there is no $(PYTHON) (apt install python3, or make PYTHON=...)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "seekgate needs Python 3.11 or newer: $(PYTHON) is $$($(PYTHON) -V 2>&1) (make PYTHON=python3.12)"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "seekgate needs Python's venv module (apt install python3-venv)"; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)
