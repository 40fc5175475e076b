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
MINIMAL_LOCK := requirements/minimal.txt
MINIMAL_VENV := .venv-minimal
VERSIONS ?= 3.11 3.12 3.13
VERSION_TESTS ?= tests/schema tests/funding/test_program.py tests/report/test_workbook.py \
	tests/cli/test_cli_commands.py tests/doctor
# The day of the last commit, so that a wheel's bytes depend on nothing else.
EPOCH := $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null),1580601600)
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
PIP_INSTALL := -m pip install --quiet --quiet --disable-pip-version-check
# One process for each processor; a file stays in one, so that what its tests share is built once.
PYTEST := -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations=15
UV_COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links --no-header

.PHONY: help demo test test-all test-peers check bench validation coverage mutate lock peers tools clean venv fuzz-deals dist test-dist test-versions minimal test-minimal lint-container release-check audit sbom fuzz-inputs scale site pictures faults
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

validation: $(STAMP)  ## write docs/validation.md: every witness beside our figure, worked out now
	$(BIN)/python benchmarks/campaigns/validation.py

coverage: $(STAMP)  ## what the tests of the engines and the report reach, compilation off
	$(BIN)/python benchmarks/campaigns/covered.py

mutate: $(STAMP)  ## do the tests notice a change of the engines? (needs `make coverage`)
	$(BIN)/python benchmarks/campaigns/mutants.py

fuzz-deals: $(STAMP)  ## random deals and plans, and what must hold of each (docs/testing.md)
	$(BIN)/python benchmarks/campaigns/deals.py

scale: $(STAMP)  ## stations over tapes of 1, 3 and 10 million loans (some GiB of disk and memory)
	$(BIN)/python benchmarks/campaigns/scale.py

lock: $(STAMP)  ## write the locks anew, at the newest versions that fit
	$(BIN)/python $(PIP_INSTALL) uv
	$(UV_COMPILE) --upgrade pyproject.toml --extra samples --extra cluster \
		--group test --group measure --group lint --group build -o $(LOCK)
	$(UV_COMPILE) --upgrade pyproject.toml --extra samples --extra cluster --extra peers \
		--group test --group build -o $(PEERS_LOCK)
	$(UV_COMPILE) --upgrade pyproject.toml --extra samples --extra cluster \
		--group tools --group build -o $(TOOLS_LOCK)
	$(UV_COMPILE) --resolution lowest-direct pyproject.toml --extra samples --extra cluster \
		--group test --group build -o $(MINIMAL_LOCK)

peers: $(STAMP)  ## an environment of its own for peers that force older versions
	@test -x $(PEERS_VENV)/bin/python || $(PYTHON) -m venv $(PEERS_VENV)
	$(PEERS_VENV)/bin/python $(PIP_INSTALL) -r $(PEERS_LOCK)
	$(PEERS_VENV)/bin/python $(PIP_INSTALL) --no-deps --no-build-isolation -e .

tools: $(STAMP)  ## an environment of its own for the site, the audit and the container's linter
	@test -x $(TOOLS_VENV)/bin/python || $(PYTHON) -m venv $(TOOLS_VENV)
	@$(TOOLS_VENV)/bin/python $(PIP_INSTALL) -r $(TOOLS_LOCK)
	@$(TOOLS_VENV)/bin/python $(PIP_INSTALL) --no-deps --no-build-isolation -e .

dist: $(STAMP)  ## build the source distribution and the wheel, the same bytes each time
	@rm -rf dist
	SOURCE_DATE_EPOCH=$(EPOCH) $(BIN)/python -m hatchling build -d dist

test-dist: $(STAMP)  ## install the wheel into a fresh environment, and use it outside the checkout
	$(BIN)/python -m pytest -q -m slow tests/wheel tests/doctor

# Python's own name for each, or VERSIONS="3.12 3.13" for some; each needs its interpreter.
test-versions:  ## what meets another Python first, on each of VERSIONS
	@set -e; for version in $(VERSIONS); do \
		echo "== Python $$version"; \
		$(MAKE) --no-print-directory test PYTHON=python$$version VENV=.venv-$$version \
			TESTS="$(VERSION_TESTS)"; \
		.venv-$$version/bin/scfcap doctor; \
	done

minimal: $(STAMP)  ## an environment of the oldest versions that pyproject.toml allows
	@$(PYTHON) -m venv --clear $(MINIMAL_VENV)
	$(MINIMAL_VENV)/bin/python $(PIP_INSTALL) -r $(MINIMAL_LOCK)
	$(MINIMAL_VENV)/bin/python $(PIP_INSTALL) --no-deps --no-build-isolation -e .

test-minimal: minimal  ## what meets a library first, on the oldest versions
	$(MINIMAL_VENV)/bin/python -m pytest -q -m "not slow" $(VERSION_TESTS)

lint-container: tools  ## lint requirements/Containerfile
	$(TOOLS_VENV)/bin/hadolint requirements/Containerfile

release-check: $(STAMP)  ## what has to hold before a release, beside .ci/run (docs/releases.md)
	$(BIN)/python -m pytest -q -m "not slow" tests/release tests/wheel tests/test_house.py

audit: tools  ## known weaknesses of what the lock holds; fails where that cannot be told
	@$(TOOLS_VENV)/bin/pip-audit --strict --no-deps --disable-pip --progress-spinner off \
		-r $(LOCK) || { echo "audit: not clean, or not done: see above. An index that serves" \
		"no advisories (many mirrors) proves nothing; ask one that does." >&2; \
		exit 1; }

sbom: tools  ## the bill of materials of a plain install: dist/scfcap.cdx.json (CycloneDX)
	@$(TOOLS_VENV)/bin/python requirements/sbom.py dist/scfcap.cdx.json

fuzz-inputs: $(STAMP)  ## a million hostile inputs over every reader, into docs/security.md
	$(BIN)/python benchmarks/campaigns/inputs.py --keep

site: tools  ## build the documentation into docs/_build/html, warnings as errors
	@$(TOOLS_VENV)/bin/python -m sphinx --builder html --nitpicky --fail-on-warning --keep-going \
		--fresh-env --quiet docs docs/_build/html
	@echo "docs/_build/html/index.html"

pictures: $(STAMP)  ## draw the pictures of the documentation anew
	$(BIN)/python docs/pictures/imports.py
	$(BIN)/python docs/pictures/start.py

faults: $(STAMP)  ## kill, starve and hinder the commands that write (KILLS=200)
	$(BIN)/python benchmarks/campaigns/faults.py --kills $(or $(KILLS),200)

clean:  ## remove environments, caches and results
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build reports/out \
		docs/_build
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
