# Every target sets up what it needs. `make demo` is the place to start.
PYTHON ?= python3
PORT ?= 8080
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo web test lint bench setup lock lock-servers clean

setup: $(STAMP)

# uv installs the hash-locked set in seconds; it is itself pinned.
$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv==0.13.9'
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $@

demo: setup
	$(BIN)/mmm demo

web: setup
	$(BIN)/streamlit run app/streamlit_app.py --server.port $(PORT)

test: setup
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup
	$(BIN)/python -m benchmarks

# Write requirements.lock anew from pyproject.toml (every extra and group, all platforms, with hashes).
lock:
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --no-emit-index-url --custom-compile-command 'make lock' \
	  --all-extras --group dev --group bench pyproject.toml -o requirements.lock

# The Snowflake emulator's environment, apart from ours (the tests make it themselves when it is missing).
lock-servers:
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --no-emit-index-url --custom-compile-command 'make lock-servers' \
	  tests/servers/snowflake.in -o tests/servers/snowflake.lock

clean:
	rm -rf $(VENV) .venv-snowflake .pytest_cache .mypy_cache .ruff_cache build
