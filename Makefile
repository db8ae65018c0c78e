# The set-up and the jobs of this repository; `make help` lists them. Every target that needs the
# environment makes it first, so each works in a fresh checkout.

.DEFAULT_GOAL := help
.PHONY: help venv demo test lint format clean

VENV ?= .venv
PIP_VERSION ?= 26.3
# How many tests run at a time; each process takes some two GB.
WORKERS ?= 2
# More arguments for pytest or the demo: make test ARGS="-k doctor"
ARGS ?=

# Candidates are run, not only looked up: a version manager's shim may be there and not start.
SUITS = import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))
PYTHON ?= $(firstword $(foreach candidate,python3.11 python3.12 python3 python,$(shell \
	$(candidate) -c '$(SUITS)' >/dev/null 2>&1 && echo $(candidate))))

BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' $(MAKEFILE_LIST) | \
		while IFS='|' read -r target text; do printf '  make %-8s %s\n' "$$target" "$$text"; done

venv: $(STAMP)  ## the environment: .venv with the tested set; again when setup.cfg or constraints.txt change

# The stamp comes last and goes first: an install that stopped half-way is done again.
$(STAMP): setup.cfg pyproject.toml constraints.txt
	@rm -f $@
	@if $(BIN)/python -c '$(SUITS)' 2>/dev/null && $(BIN)/python -m pip --version >/dev/null 2>&1; \
	then echo "make venv: keeping $(VENV)"; \
	else \
		python='$(PYTHON)'; \
		if [ -z "$$python" ]; then \
			echo "make venv: no Python 3.11 or 3.12 runs here; install one, or say make PYTHON=/path/to/python3.11" >&2; \
			exit 1; \
		fi; \
		if ! "$$python" -c '$(SUITS)'; then \
			echo "make venv: PYTHON=$$python is not a Python 3.11 or 3.12 that runs" >&2; \
			exit 1; \
		fi; \
		echo "make venv: making $(VENV) with $$python"; \
		if "$$python" -c 'import ensurepip' 2>/dev/null; \
		then "$$python" -m venv --clear $(VENV); \
		else \
			"$$python" -m venv --clear --without-pip $(VENV) && \
			"$$python" -m pip --python $(BIN)/python install pip==$(PIP_VERSION); \
		fi; \
	fi
	$(BIN)/python -m pip install --quiet pip==$(PIP_VERSION)
	$(BIN)/python -m pip install -c constraints.txt -e '.[dev,preprocessing,video,beam,report,baselines]'
	@touch $@

demo: venv  ## the whole job on the synthetic catalogue: pack, train, evaluate, tune, export, recommend
	rm -rf demo
	$(BIN)/tfmmrec demo $(ARGS)

test: venv  ## the whole test suite
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: venv  ## what CI asks: formatting, ruff, mypy
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: venv  ## formats the code and mends what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## removes the environment, caches, builds and the demo's folder
	rm -rf $(VENV) build dist demo *.egg-info .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
