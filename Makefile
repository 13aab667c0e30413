# The two commands are `make demo` and `make test`. Everything they need they install into .venv, or name.

SHELL := /bin/sh
BIN := .venv/bin
ARGS ?=
PYTHON ?= $(BIN)/python

.PHONY: help setup dev init wheels quick demo test bench format lint types generate check-generated unit clean

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make .venv with the daemon, the SDK and the CLI, and build nexus-init.
	@scripts/setup runtime
	@scripts/build_init || echo 'setup: without nexus-init, processes end with the daemon and there are no containers' >&2

dev: ## The same, with everything that tests need.
	@scripts/setup dev

init: ## Build nexus-init, which keeps the processes of workspaces, for amd64 and arm64.
	@scripts/build_init

wheels: dev init ## Build the wheels of the SDK, the daemon and the CLI into dist/.
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation -w dist \
		./sdk-python ./daemon ./cli

quick: ## The quick tests: frames, messages, credit, streams. PYTHON picks the interpreter.
	@PYTHONPATH=sdk-python/src:daemon $(PYTHON) -m pytest -q -p no:cacheprovider tests/sdk/wire

demo: ## See a workspace made, worked in and taken down. REPO=path-or-url picks the repository; BACKEND=docker a container.
	@scripts/setup demo
	@$(BIN)/python scripts/demo.py $(if $(REPO),--repo "$$REPO") $(if $(BACKEND),--backend "$$BACKEND") $(ARGS)

test: dev init ## Everything: format, lint, types, generated files, unit, wire, contract and end-to-end tests.
	@$(BIN)/python scripts/check.py $(ARGS)

bench: dev init ## Measure against the peers, each beside ours in the same run; writes benchmarks/results.json.
	@$(BIN)/python -m benchmarks $(ARGS)

format: dev ## Format the code.
	@$(BIN)/ruff check --fix-only --quiet . && $(BIN)/ruff format .

lint: dev ## Lint.
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: dev ## Check types.
	@$(BIN)/python scripts/check.py types

generate: dev ## Generate everything that comes from the schema.
	@PYTHONPATH=schema $(BIN)/python -m generate && $(BIN)/python scripts/config_reference.py && $(BIN)/python scripts/cli_reference.py

unit: dev ## Run tests; ARGS passes options to pytest.
	@$(BIN)/python -m pytest $(ARGS)

clean: ## Remove .venv and caches.
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
