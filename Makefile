# Farhand's commands. `make help` lists them; CONTRIBUTING.md says when to use which.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: run test test-postgres test-long check bench format lock catalogs clean help

BIN := .venv/bin
export FARHAND_DATA ?= ./var
export FARHAND_PORT ?= 8443
export FARHAND_DEMO ?= 1
# Appliances of tests start dozens of programs: none compiles the sources again.
unexport PYTHONDONTWRITEBYTECODE

run: ## Start Farhand here: https://localhost:8443 (FARHAND_PORT, FARHAND_DATA, FARHAND_DEMO=0)
	@tools/bootstrap.sh run
	@exec $(BIN)/farhand serve

test: ## Everything that CI runs: unit, scenario and browser tests, and the web's unit tests on PostgreSQL
	@tools/bootstrap.sh test
	@$(BIN)/python tools/run_tests.py
	@$(MAKE) --no-print-directory test-postgres

test-postgres: ## The web's unit tests on a PostgreSQL of their own
	@if [ -x tests/postgres.sh ]; then tools/bootstrap.sh test; exec tests/postgres.sh; fi

test-long: ## The long forms: fuzzing by the million, many kills, very large files
	@tools/bootstrap.sh test
	@$(BIN)/python tools/run_tests.py --long

check: ## Format, lint, types, import contracts, sizes, words, catalogs, documents, console
	@tools/bootstrap.sh check
	@tools/check.sh

bench: ## Measure, and write the table with machine, load and date
	@tools/bootstrap.sh bench
	@exec $(BIN)/python -m tests.bench

format: ## Format the code and apply the safe fixes of the linter
	@tools/bootstrap.sh check
	@$(BIN)/ruff check --fix --quiet src tests tools || true
	@$(BIN)/ruff format src tests tools

catalogs: ## Bring locale/ up to date with the texts in the code
	@tools/bootstrap.sh check
	@$(BIN)/python tools/catalogs.py extract

lock: ## Resolve requirements/*.in again into the hash-pinned locks
	@tools/bootstrap.sh check
	@tools/lock.sh

clean: ## Remove what was built here; ./var (the appliance's data) stays
	@rm -rf .venv .cache build dist src/*.egg-info src/farhand/locale src/farhand/web/static/built \
	    web/node_modules web/*/node_modules web/*/dist web/console/src/generated
	@find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null || grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST)
