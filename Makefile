# setup makes .venv; every other target needs only git, make and Python 3.11.
PYTHON ?= python3
BIN := .venv/bin
SEED ?= $(shell date +%s)
unexport PYTHONDONTWRITEBYTECODE  # tests start some hundred processes, and compiled modules save each half a second

.PHONY: setup conform test lint bench bench-gate soak requirements clean

setup: .venv/.stamp

.venv/.stamp: requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv .venv
	@if [ "$$(uname -s)" = Linux ]; then \
	  $(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt; \
	else \
	  $(BIN)/python -m pip install --quiet -r requirements/dev.in; \
	fi
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

conform: setup
	$(BIN)/lockbench conform

test: setup lint
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: setup
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy protocol/tests emulator/tests harness/tests benchmarks/tests tests examples conftest.py
	$(BIN)/lint-imports --no-cache

bench: setup
	$(BIN)/python -m pytest benchmarks --benchmark-enable --benchmark-only -n 0

bench-gate: setup
	$(BIN)/python -m lockbench_benchmarks.gate

soak: setup
	$(BIN)/lockbench conform SOK PWD/27 SES/6 SEC/5 PLG/10 PLG/25 --effort soak --seed $(SEED) --out lockbench-soak

# needs uv; no address, path or index line may reach the file (a test refuses such)
requirements:
	for name in run dev; do \
	  uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
	    requirements/$$name.in --output-file requirements/$$name.txt; \
	done

clean:
	rm -rf .venv build dist lockbench-report
