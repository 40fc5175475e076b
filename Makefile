# The developer's door. Every target builds its environment first; nothing but Python and a
# package registry is needed. `make help` lists the targets.

PYTHON ?= python3.11
VENV ?= .venv
TESTS ?= tests
WORKERS ?= logical
NAME ?=

LOCK := requirements/lock.txt
PEERS_LOCK := requirements/peers.txt
PEERS_VENV := .venv-peers
TOOLS_LOCK := requirements/tools.txt
TOOLS_VENV := .venv-tools
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
PIP_INSTALL := -m pip install --quiet --quiet --disable-pip-version-check
# One process for each processor; a file stays in one, so that what its tests share is built once.
PYTEST := -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations=15
UV_COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links --no-header

.PHONY: help demo test test-all test-peers check bench lock peers tools faults clean venv
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

venv: $(STAMP)  ## build the environment in .venv from the lock

demo: $(STAMP)  ## run the bundled models end to end
	@$(BIN)/scfcap demo

test: $(STAMP)  ## all tests but the slow ones (TESTS="tests/cli tests/pool" for some)
	$(BIN)/python $(PYTEST) -m "not slow" $(TESTS)

test-all: $(STAMP)  ## all tests
	$(BIN)/python $(PYTEST) $(TESTS)

test-peers: peers  ## tests against other libraries, in their own environment
	$(PEERS_VENV)/bin/python -m pytest -q tests/peers

check: $(STAMP)  ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)  ## all benchmarks, or one with NAME=...
	$(BIN)/python benchmarks/run.py $(NAME)

lock: $(STAMP)  ## write the locks anew, at the newest versions that fit
	$(BIN)/python $(PIP_INSTALL) uv
	$(UV_COMPILE) --upgrade pyproject.toml --extra samples --extra cluster \
		--group test --group measure --group lint --group build -o $(LOCK)
	$(UV_COMPILE) --upgrade pyproject.toml --extra samples --extra cluster --extra peers \
		--group test --group build -o $(PEERS_LOCK)
	$(UV_COMPILE) --upgrade pyproject.toml --extra samples --extra cluster \
		--group tools --group build -o $(TOOLS_LOCK)

peers: $(STAMP)  ## an environment of its own for peers that force older versions
	@test -x $(PEERS_VENV)/bin/python || $(PYTHON) -m venv $(PEERS_VENV)
	$(PEERS_VENV)/bin/python $(PIP_INSTALL) -r $(PEERS_LOCK)
	$(PEERS_VENV)/bin/python $(PIP_INSTALL) --no-deps --no-build-isolation -e .

tools: $(STAMP)  ## an environment of its own for the site, the audit and the container's linter
	@test -x $(TOOLS_VENV)/bin/python || $(PYTHON) -m venv $(TOOLS_VENV)
	@$(TOOLS_VENV)/bin/python $(PIP_INSTALL) -r $(TOOLS_LOCK)
	@$(TOOLS_VENV)/bin/python $(PIP_INSTALL) --no-deps --no-build-isolation -e .

faults: $(STAMP)  ## kill, starve and hinder the commands that write (KILLS=200)
	$(BIN)/python benchmarks/campaigns/faults.py --kills $(or $(KILLS),200)

clean:  ## remove environments, caches and results
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build reports/out
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp carries the version, so that PYTHON=python3.13 builds the environment anew.
$(STAMP): $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "scfcap needs Python 3.11 or newer, and '$(PYTHON)' does not run here." >&2; \
		echo "Install it, or say which to use: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; \
		exit 1; }
	@version='import sys; print(*sys.version_info[:2])'; \
	if [ "$$($(BIN)/python -c "$$version" 2>/dev/null)" != "$$($(PYTHON) -c "$$version")" ] \
		|| ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
		echo "building $(VENV) ..."; $(PYTHON) -m venv --clear $(VENV); fi
	@echo "installing what $(LOCK) lists ..."
	@$(BIN)/python $(PIP_INSTALL) -r $(LOCK)
	@$(BIN)/python $(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q scfcap
	@rm -f $(VENV)/.installed-*; touch $@
