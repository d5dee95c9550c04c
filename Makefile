PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Several test processes' worth of waiting threads would fight for the cores.
export OMP_WAIT_POLICY ?= passive

.PHONY: help setup demo test test-slow check format bench docs wheel clean

help: ## show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make the virtual environment

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev,docs]"
	touch $@

demo: setup ## motion -> check -> train -> evaluate -> export -> run, in about ten minutes
	$(BIN)/mimiclab demo

test: setup ## the tests (under 15 minutes on 2 cores)
	$(BIN)/pytest -m "not slow and not browser"

test-slow: setup ## the longer proofs: engine parity, the demo, the wheel, pages in a real browser
	$(BIN)/pytest -m "slow or browser" --timeout 1800

check: setup ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright --pythonpath $(BIN)/python

format: setup ## rewrite the sources in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## measure, and store results with their commands in benchmarks/results
	$(BIN)/python benchmarks/run.py

docs: setup ## build the documentation into site/
	$(BIN)/mkdocs build --strict

wheel: setup ## build the wheel and try it in a clean environment
	$(BIN)/pytest -m slow tests/test_wheel.py --timeout 1800

clean: ## remove everything that was made, runs/ excepted
	rm -rf $(VENV) dist build site .pytest_cache .ruff_cache .hypothesis
