# Everything sets itself up: a virtual environment with locked dependencies, models on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TASK ?= .demo/handbook
MINUTES ?= 12

.PHONY: help install test finetune test-finetune check demo lock clean

help:
	@echo "make demo    the whole journey on a task of our own, with a real model, no key"
	@echo "make test    all tests"
	@echo "make test-finetune   those of fine-tuning, with its extra"
	@echo "make check   ruff, mypy --strict, import-linter"
	@echo "make lock    resolve the dependencies anew into requirements/"

install: $(STAMP)

$(STAMP): requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Headway needs Python 3.11 or newer; set one with: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing locked dependencies into $(VENV) (about a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

test: $(STAMP)
	@$(BIN)/python -m pytest

# The extra `finetune` is large, so its tests are asked for by name; without it they are skipped.
TUNE := $(VENV)/.finetune

finetune: $(TUNE)

$(TUNE): $(STAMP) requirements/finetune.txt
	@echo "installing the extra finetune into $(VENV) (some minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/finetune.txt
	@touch $@

test-finetune: $(TUNE)
	@$(BIN)/python -m pytest tests/training tests/engine/tuning

check: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

demo: $(STAMP)
	@mkdir -p .demo
	@test -d $(TASK) || cp -r examples/handbook $(TASK)
	@$(BIN)/headway models pull embedded/qwen2.5-coder-0.5b
	@$(BIN)/headway models pull embedded/bge-small-en
	@$(BIN)/headway models pull embedded/minilm-l12
	@$(BIN)/headway optimize $(TASK) --minutes $(MINUTES) --yes
	@$(BIN)/headway report $(TASK) --output report.html

lock:
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --quiet -o requirements/dev.lock

clean:
	rm -rf $(VENV) .demo .mypy_cache .pytest_cache .ruff_cache .hypothesis
