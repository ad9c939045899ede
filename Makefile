# Needs Python 3.11 or newer and make; everything else is installed into .venv from the hashed lock.
#
#   make run [PORT=8000]         a gateway with a demo key, and a curl line that works
#   make test [ARGS=...]         the tests, at most ten minutes
#   make test-long [ARGS=...]    kill rounds, random histories, mutants; `make test-long-short` is their short form
#   make lint                    ruff, ty, the layers
#   make bench [CHECK=1]         the table of speeds; CHECK=1 fails below the bars, QUICK=1 takes a minute,
#                                OTHERS=0 leaves other gateways out
#   make soak [MINUTES=10]       streams, disconnects and errors; memory and connections must not grow
#   make docs                    the generated pages of the reference
#   make lock [UPGRADE=1]        requirements/*.txt from pyproject.toml

SHELL := /bin/sh
.DEFAULT_GOAL := help

CONFIG ?= pixapi.toml
PORT ?=
ARGS ?=
MINUTES ?= 10
OTHERS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev
PYTEST := $(BIN)/python -m pytest

.PHONY: help run test test-long test-long-short lint bench soak docs lock dev

help:
	@sed -n 's/^#   //p' Makefile

# ---- the environment -------------------------------------------------------------------------------------

$(BIN)/python:
	@for candidate in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python; do \
	  if $$candidate -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	  then found=$$candidate; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "No Python 3.11 or newer with its venv module was found." >&2; \
	  echo "Install one (Debian: apt-get install python3-venv), or say where it is: make PYTHON=/path/to/python3" >&2; \
	  exit 1; \
	fi; \
	echo "Environment: $(VENV), made by $$($$found --version)"; \
	$$found -m venv --clear $(VENV)

$(RUNTIME): requirements/setup.txt requirements/runtime.txt pyproject.toml | $(BIN)/python
	@echo "Installing the locked dependencies"
	@$(PIP) install -q --require-hashes -r requirements/setup.txt -r requirements/runtime.txt
	@$(PIP) install -q --no-deps --no-build-isolation -e .
	@touch $@

$(DEV): requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "Installing the locked dependencies, the developers' too"
	@$(PIP) install -q --require-hashes -r requirements/dev.txt
	@$(PIP) install -q --no-deps --no-build-isolation -e .
	@touch $(RUNTIME) $@

dev: $(DEV)

# ---- what people want ------------------------------------------------------------------------------------

run: $(RUNTIME)
	@exec $(BIN)/python deploy/demo.py --config $(CONFIG) $(if $(PORT),--port $(PORT))

test: $(DEV)
	$(PYTEST) -n 2 --dist loadfile -m "not long" $(ARGS)

test-long: $(DEV)
	PIXAPI_TEST_LONG=full $(PYTEST) -m "long or sized" $(ARGS)

test-long-short: $(DEV)
	PIXAPI_TEST_LONG=short $(PYTEST) -n 2 --dist loadfile -m "long or sized" $(ARGS)

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ty check
	$(BIN)/lint-imports

bench: $(DEV)
	$(BIN)/python -m benchmarks.run $(if $(CHECK),--check) $(if $(QUICK),--quick) \
	  $(if $(OTHERS),$(if $(filter 0 no,$(OTHERS)),--no-others,--others)) $(ARGS)

soak: $(DEV)
	$(BIN)/python -m benchmarks.soak --minutes $(MINUTES) $(ARGS)

docs: $(DEV)
	$(BIN)/python docs/generate.py $(ARGS)

# One resolution for every Python from 3.11 on and every platform. Existing pins stay unless UPGRADE=1.
lock: $(DEV)
	$(call compile,dev,--all-extras --group dev --group model-server pyproject.toml requirements/setup.in)
	$(call compile,runtime,--all-extras pyproject.toml -c requirements/dev.txt)
	$(call compile,setup,requirements/setup.in -c requirements/dev.txt)

define compile
@echo "requirements/$(1).txt"
@$(BIN)/uv pip compile -q --no-config --universal --python-version 3.11 --generate-hashes --no-header \
  --no-emit-index-url --no-emit-find-links --no-annotate $(if $(UPGRADE),--upgrade) $(2) -o requirements/$(1).txt
endef
