# Every target sets up what it needs. `make demo` is the place to start.
PYTHON ?= python3
PORT ?= 8080
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
UV_TOOL := $(CURDIR)/$(BIN)/uv tool run --quiet
WEB_EXTRAS := web mcp aws gcp snowflake bigquery postgres
TRAINING_EXTRAS := aws gcp
WORKERS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN); echo $$(( n < 8 ? n : 8 )))
# Every process starts three times as quickly with compiled modules kept; some machines forbid to keep them.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo web kernels test check test-images test-infra lint bench setup lock lock-servers clean

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

# The engines' compiled kernels, anew where an engine's source is newer: numba itself does not notice a
# change in a function of another file, and two workers would both compile what they need at one time.
KERNEL_PARTS := panel nation ridge
ENGINE_SOURCES := $(shell find src/mmm/engines -name '*.py')
kernels: $(KERNEL_PARTS:%=$(VENV)/.kernels-%)

$(VENV)/.kernels: $(STAMP) $(ENGINE_SOURCES)
	find src/mmm/engines -name '*.nb[ic]' -delete
	touch $@

$(VENV)/.kernels-%: $(VENV)/.kernels
	$(BIN)/python docker/warm.py $*
	touch $@

# A worker for each core, at most eight (one more was no quicker). Tests of a file stay together, so that
# they share what they train. The order of files is that of tests/conftest.py: xdist's own puts those
# with few tests last, which are the longest.
test: setup
	$(MAKE) --no-print-directory -j 2 kernels
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# The loop while working: what needs no browser, no AWS, no training.
check: setup
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not browser and not aws and not images and not slow"

# Builds the images and runs them; Debian, as root, minutes (docs/images.md).
test-images: setup
	PODMAN_COMPOSE='$(UV_TOOL) --from podman-compose==1.6.0 podman-compose' \
	MINISTACK='$(UV_TOOL) --from ministack==1.5.33 --with docker==7.2.0 ministack' docker/build_local.sh

# Terraform for AWS applied to moto, and scanners; their tools are installed into .venv-infra.
test-infra: setup
	$(BIN)/python -m pytest tests/infra/slow/check_apply.py tests/infra/slow/check_scanners.py

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup
	$(BIN)/python -m benchmarks

# Write the locks anew from pyproject.toml, with hashes: everything for all platforms, and what each image needs of it.
UV_COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
  --no-emit-index-url --custom-compile-command 'make lock' pyproject.toml
lock:
	$(UV_COMPILE) --all-extras --group dev --group bench -o requirements.lock
	$(UV_COMPILE) --constraints requirements.lock $(addprefix --extra ,$(WEB_EXTRAS)) -o docker/web.lock
	$(UV_COMPILE) --constraints requirements.lock $(addprefix --extra ,$(TRAINING_EXTRAS)) -o docker/training.lock
	$(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url \
	  --custom-compile-command 'make lock' r/nevergrad.in -o r/nevergrad.lock

# The Snowflake emulator's environment, apart from ours (the tests make it themselves when it is missing).
lock-servers:
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --no-emit-index-url --custom-compile-command 'make lock-servers' \
	  tests/servers/snowflake.in -o tests/servers/snowflake.lock

clean:
	rm -rf $(VENV) .venv-snowflake .venv-infra .pytest_cache .mypy_cache .ruff_cache build
