# Every target sets up what it needs by itself; nothing has to be installed first but make, git and Python 3.11+.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV := .venv
PY := $(VENV)/bin/python
SETUP := tests/lab/setup.sh
unexport PYTHONDONTWRITEBYTECODE

SCENARIO ?=
NAME ?=
AFTER ?= 20

.PHONY: help demo live world snapshots docs pictures test check soak bench wheel clean

help: ## What can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

demo: ## The board on a recording of a real incident, in a loop; NAME=stuck-proxies, worker-stall, quiet, …
	@bash $(SETUP) venv
	@$(VENV)/bin/unstick demo $(NAME)

live: ## The board on a real stack of its own; SCENARIO=stuck-proxies, …: demo_data/README.md has all
	@bash $(SETUP) venv && bash $(SETUP) servers live
	@$(PY) -m tests.lab live $(if $(SCENARIO),--scenario $(SCENARIO) --after $(AFTER))

world: ## The same stack without the board, for use with other commands
	@bash $(SETUP) venv && bash $(SETUP) servers live
	@$(PY) -m tests.lab world $(if $(SCENARIO),--scenario $(SCENARIO) --after $(AFTER))

snapshots: ## Records anew what demo plays, from the living world: six minutes each; NAME=… for one
	@bash $(SETUP) venv && bash $(SETUP) servers live
	@$(PY) -m tests.lab.snapshots $(NAME)

docs: ## The parts of the documentation that are made from the code: keys, themes, keystrokes, configuration
	@bash $(SETUP) venv
	@$(PY) -m tests.docs && $(PY) -m unstick.config.reference docs/configuration.md

pictures: ## The pictures of the documentation, painted by the board from the recordings
	@bash $(SETUP) venv
	@$(PY) -m tests.docs.pictures

test: ## All tests, on real servers where they are or may be installed
	@bash $(SETUP) venv && bash $(SETUP) servers test
	@$(PY) -m pytest -n 3 --dist loadfile

check: ## Lint, format, types, import contract
	@bash $(SETUP) venv
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy && $(VENV)/bin/lint-imports

soak: ## Tests that take minutes each: lost connections by the thousand, statements in any order, terminals left alone
	@bash $(SETUP) venv && bash $(SETUP) servers test
	@$(PY) -m pytest tests/soak

bench: ## What polling costs, what the board paints
	@bash $(SETUP) venv && bash $(SETUP) servers test
	@$(PY) -m tests.benchmarks

wheel: ## The wheel that users install
	@bash $(SETUP) venv
	@$(PY) -m build --wheel --outdir dist .

clean: ## Remove what the other targets made in this folder
	@rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
