# Two commands on a fresh machine: `make run` and `make test`. Python 3.11+, git and make are enough.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.PHONY: help run test test-ops audit sbom test-browser test-real lint types bench train evaluate golden stale lock wheel clean

help: ## Show what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | expand -t 16

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("tunewise needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

# A stamp per lock file: a second run installs nothing.
$(VENV)/.run-stamp: $(BIN)/python requirements/runtime.lock pyproject.toml
	$(PIP) --require-hashes -r requirements/runtime.lock
	$(PIP) --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q app
	@touch $@

$(VENV)/.dev-stamp: $(VENV)/.run-stamp requirements/dev.lock
	$(PIP) --require-hashes -r requirements/dev.lock
	@touch $@

run: $(VENV)/.run-stamp ## Set up and serve on http://127.0.0.1:8000
	$(BIN)/tunewise serve

test: $(VENV)/.dev-stamp ## Set up and run all tests, offline
	$(BIN)/python -m pytest

test-browser: $(VENV)/.dev-stamp ## The page and Swagger UI in a real Chromium (.ci/browser installs what it takes)
	$(PIP) --require-hashes -r requirements/browser.lock
	$(BIN)/python -m pytest -o "norecursedirs=node_modules .*" tests/browser

test-real: ## Exported files in the real training tools, in an environment of their own (large: torch)
	.ci/real-exports

test-ops: $(VENV)/.dev-stamp ## Real databases, killed processes, replicas, deployment files (.ci/ops installs what it takes)
	$(PIP) --require-hashes -r requirements/ops.lock
	PATH="$(CURDIR)/$(BIN):$$PATH" TUNEWISE_OPS=1 $(BIN)/python -m pytest -s --timeout 600 --durations 10 tests/ops

audit: $(VENV)/.dev-stamp ## Known vulnerabilities of what is locked; needs PyPI's database
	$(PIP) --require-hashes -r requirements/ops.lock
	$(BIN)/pip-audit --strict --disable-pip --require-hashes -r requirements/runtime.lock

sbom: $(VENV)/.dev-stamp ## What the service is made of, as CycloneDX in dist/
	$(PIP) --require-hashes -r requirements/ops.lock
	mkdir -p dist
	$(BIN)/cyclonedx-py requirements requirements/runtime.lock --pyproject pyproject.toml --output-reproducible -o dist/tunewise.cdx.json

lint: $(VENV)/.dev-stamp ## Style, formatting and the layers of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.dev-stamp ## mypy --strict
	$(BIN)/mypy

bench: $(VENV)/.dev-stamp ## Print every figure that the README quotes, beside its baseline
	$(BIN)/python -m bench

train: $(VENV)/.dev-stamp ## Train the classifier and fit the decision's weights from models/data
	$(BIN)/python -m models.train --all

evaluate: $(VENV)/.dev-stamp ## Measure reading, decision and rank; write models/results
	$(BIN)/python -m models.evaluate --decision
	$(BIN)/python -m models.evaluate_stability

golden: $(VENV)/.dev-stamp ## Rewrite golden files; read the diff before you commit it
	TUNEWISE_UPDATE_GOLDEN=1 $(BIN)/python -m pytest -q tests/test_contract.py tests/test_docs.py tests/unit/checks/test_formats.py tests/unit/exporters

stale: $(VENV)/.run-stamp ## List prices older than 90 days
	$(BIN)/python -m app.catalogue.stale

wheel: $(VENV)/.dev-stamp ## Build the wheel into dist/
	$(BIN)/python -m build --wheel --no-isolation

lock: $(VENV)/.dev-stamp ## Renew the lock files from the ranges in pyproject.toml
	$(PIP) uv
	$(BIN)/uv pip compile -q pyproject.toml --group build --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements/runtime.lock
	$(BIN)/uv pip compile -q pyproject.toml --extra train --group build --group dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements/dev.lock
	$(BIN)/uv pip compile -q --group ops -c requirements/dev.lock --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements/ops.lock
	$(BIN)/uv pip compile -q --group browser -c requirements/dev.lock --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements/browser.lock
	$(BIN)/uv pip compile -q pyproject.toml requirements/real.in --override requirements/real-without-torch.txt --no-emit-package torch --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements/real.lock
	$(BIN)/uv pip compile -q requirements/real-bare.in --no-deps --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements/real-bare.lock

clean: ## Remove what the targets above made
	rm -rf $(VENV) dist build var .mypy_cache .ruff_cache .pytest_cache .hypothesis
