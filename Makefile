# The commands of this project. `make` alone lists them.
VENV := .venv
BIN := $(VENV)/bin
WANTED := 3.11, 3.12 or 3.13
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && { echo $$p; break; }; done)
export OMP_NUM_THREADS ?= 1
export MPLBACKEND ?= Agg
PYTEST_WORKERS ?= auto
# A worker takes 1.3 GB: no more of them than memory has room for, 2 GB each (where that cannot be read: 4)
ROOM := $(or $(shell awk '/MemAvailable/ {n = int($$2 / 2000000); print n ? n : 1}' /proc/meminfo 2>/dev/null),4)
PYTEST := $(BIN)/python -m pytest -q -n $(PYTEST_WORKERS) --maxprocesses $(ROOM) --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help install quickstart test check lint types bench bench-learning slow audit audit-long audit-later fidelity docs clean lowest

help:  ## list these commands
	@echo "sfsim wants Python $(WANTED); found: $(or $(PYTHON),none)"
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 20

$(VENV)/installed: pyproject.toml
	@test -n "$(PYTHON)" || { echo "sfsim needs Python $(WANTED) with venv and pip; none was found. Name one: make PYTHON=/path/to/python3.12 install" >&2; exit 2; }
	@echo "Setting up $(VENV) with $(PYTHON): PyTorch is large, this takes a few minutes the first time"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade pip
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

install: $(VENV)/installed  ## set up .venv with everything that is needed

quickstart: install  ## run scenarios/quickstart.yaml: FL, SFL and SFPrompt on a pre-trained ViT
	@$(BIN)/sfsim run scenarios/quickstart.yaml

test: install  ## run the tests, on all cores for which there is memory, or on PYTEST_WORKERS (0: in one process)
	@$(PYTEST)

slow: install  ## run the slow tests too, and then some with the lowest versions of all packages
	@$(PYTEST) -m 'slow or not slow'
	@$(MAKE) --no-print-directory lowest

lowest: install  ## run tests with the lowest versions of all packages that pyproject.toml allows, in .venv-lowest
	@$(BIN)/python -m tests.lowest

audit: install  ## independent checks: queues, energy, devices that leave, deadlocks, determinism; 3 minutes
	@$(BIN)/python -m tests.audits

audit-long: install  ## extreme values; 20 minutes
	@$(BIN)/python -m tests.audits long

audit-later: install  ## checks of what is not built yet: hostile files, full disks (as root)
	@$(BIN)/python -m tests.audits later

fidelity: install  ## deploy a small scenario for real, and compare its seconds with those predicted; as root, 2 minutes
	@$(BIN)/python -m tests.deployment

lint: install
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: install
	@$(BIN)/mypy

check: lint types test  ## lint, types and tests

bench: install  ## measure the simulator; JSON lines on stdout
	@$(BIN)/python -m tests.bench

bench-learning: install  ## what each algorithm gains from pre-trained weights; JSON lines on stdout
	@$(BIN)/python -m tests.bench.learning

$(VENV)/docs: $(VENV)/installed
	@$(BIN)/python -m pip install --quiet --editable '.[docs]'
	@touch $@

docs: $(VENV)/docs  ## build the manual into site/, strictly; open site/index.html
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

clean:  ## remove the environment and what tools leave behind
	rm -rf $(VENV) .venv-lowest build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
