# Everything is set up from the package index alone, into .venv; nothing is installed outside this folder.
PYTHON ?= python3
VENV := .venv
LOWEST := .venv-lowest
NODE := tests/official_clients/node
BIN := $(VENV)/bin
SHELL := /bin/bash
PYTEST_ARGS ?=
# a process for each core, each with database servers of its own
PARALLEL ?= -n auto --maxprocesses 4 --dist loadfile

.PHONY: help setup node demo test lint unit test-lowest chaos bench pictures lock clean

help: ## Show the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

setup: $(VENV)/.ready ## Make the virtual environment

$(VENV)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv || true
	@if $(BIN)/python -m uv --version >/dev/null 2>&1; then \
	  $(BIN)/python -m uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock && \
	  $(BIN)/python -m uv pip install --quiet --python $(BIN)/python --no-deps -e . ; \
	else \
	  $(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock && \
	  $(BIN)/python -m pip install --quiet --no-deps -e . ; \
	fi
	@touch $@

demo: setup ## Run the example helpdesk beside the sandbox CRM (CHECK=1 runs to the end and prints figures)
	@$(BIN)/python -m example_host.demo

test: setup lint unit test-lowest ## Run everything that CI runs

lint: setup ## Style, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: setup node ## The test suite
	$(BIN)/python -m pytest $(PARALLEL) --no-loadscope-reorder $(PYTEST_ARGS)

node: $(NODE)/node_modules/.ready ## The vendors' JavaScript clients, which some tests let speak to the sandboxes

$(NODE)/node_modules/.ready: $(NODE)/package.json
	@if command -v npm >/dev/null; then \
	  rm -rf $(NODE)/node_modules && npm install --prefix $(NODE) --no-package-lock --no-audit --no-fund --silent && touch $@ ; \
	else \
	  echo "npm is not here: the tests with JavaScript clients are skipped" ; \
	fi

test-lowest: $(LOWEST)/.ready ## What a host meets, on SQLite and PostgreSQL, on the lowest versions that we promise
	$(LOWEST)/bin/python -m pytest -q $(PARALLEL) -m "not browser and not chaos" -k "not mariadb" tests/host tests/extension tests/credentials tests/sync tests/web tests/jobs tests/migrations --ignore tests/sync/test_random_histories.py $(PYTEST_ARGS)

$(LOWEST)/.ready: requirements-lowest.lock pyproject.toml $(VENV)/.ready
	$(PYTHON) -m venv $(LOWEST)
	@if $(BIN)/python -m uv --version >/dev/null 2>&1; then \
	  $(BIN)/python -m uv pip install --quiet --python $(LOWEST)/bin/python --require-hashes -r requirements-lowest.lock && \
	  $(BIN)/python -m uv pip install --quiet --python $(LOWEST)/bin/python --no-deps -e . ; \
	else \
	  $(LOWEST)/bin/python -m pip install --quiet --require-hashes -r requirements-lowest.lock && \
	  $(LOWEST)/bin/python -m pip install --quiet --no-deps -e . ; \
	fi
	@touch $@

chaos: setup ## The long crash suite: hundreds of kills, on every database
	CRM_CHAOS=long $(BIN)/python -m pytest -q tests/chaos $(PYTEST_ARGS)

bench: setup ## The benchmarks, as ratios to floors measured in the same run; one JSON object a line
	@$(BIN)/python -m tests.benchmarks

pictures: setup ## Take the end-user guide's pictures anew where their pages have changed
	@$(BIN)/python -m tests.browser.guide

lock: ## Resolve the dependencies anew
	$(BIN)/python -m uv pip compile -q pyproject.toml --extra test --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o requirements.lock
	$(BIN)/python -m uv pip compile -q pyproject.toml --extra lowest --python-version 3.11 --resolution lowest-direct --generate-hashes --no-header --no-annotate -o requirements-lowest.lock

clean: ## Remove what the commands made
	rm -rf $(VENV) $(LOWEST) $(NODE)/node_modules .demo .pytest_cache .mypy_cache .ruff_cache .hypothesis dist
