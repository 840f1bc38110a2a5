# What a newcomer needs: make verify, make test. Everything happens in .venv and .tox, nothing outside this folder.
PYTHON ?= python3
BIN := .venv/bin
# On a person's machine a missing interpreter is left out of the matrix, in CI it is an error.
TOX := $(BIN)/tox run --skip-missing-interpreters $(if $(CI),false,true)

.PHONY: help verify check test load clean

help:
	@echo "make verify   verify the reference handler (ARGS='…' for redrive verify)"
	@echo "make check    lint, types and the fast tests"
	@echo "make test     the full matrix"
	@echo "make load     a short load run against a local queue (SECONDS=20, ARGS='…' for redrive load)"
	@echo "make clean    remove what these have made"

verify: .venv/.redrive
	@$(BIN)/redrive verify $(ARGS)

check: .venv/.tox
	$(TOX) -e lint,check

test: .venv/.tox
	$(BIN)/tox run-parallel --parallel 2 --parallel-no-spinner --skip-missing-interpreters $(if $(CI),false,true)

SECONDS ?= 20
load: .venv/.load
	$(BIN)/redrive load --on moto --run-time $(SECONDS)s $(ARGS)

clean:
	rm -rf .venv .tox build .redrive .coverage .hypothesis .mypy_cache .ruff_cache .pytest_cache *.egg-info

.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "redrive needs Python 3.11 or later; say which: make PYTHON=python3.13 …" >&2; exit 2; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/.redrive: .venv/.python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[delta]'
	@touch $@

.venv/.load: .venv/.redrive
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[delta,load]'
	@touch $@

.venv/.tox: .venv/.python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'tox>=4.22'
	@touch $@
