# Set-up and tasks of this repository; `make help` lists them. Every target that needs the virtual
# environment creates it first, so each target works in a fresh checkout.

.DEFAULT_GOAL := help
.PHONY: help venv demo test test-all lint format clean

VENV ?= .venv
PIP_VERSION ?= 26.3
# Number of test processes; each needs about 2 GB of memory.
WORKERS ?= 2
# Additional arguments for pytest or the demo: make test ARGS="-k doctor"
ARGS ?=

# Each candidate is executed, not only looked up: a version manager's shim may exist and not start.
SUITS = import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))
PYTHON ?= $(firstword $(foreach candidate,python3.11 python3.12 python3 python,$(shell \
	$(candidate) -c '$(SUITS)' >/dev/null 2>&1 && echo $(candidate))))

BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

help:  ## lists the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | \
		while IFS='|' read -r target text; do printf '  make %-8s %s\n' "$$target" "$$text"; done

venv: $(STAMP)  ## creates .venv with the tested versions; updates it when setup.cfg or constraints.txt change

# The stamp is removed first and written last, so an interrupted installation is repeated.
$(STAMP): setup.cfg pyproject.toml constraints.txt
	@rm -f $@
	@if $(BIN)/python -c '$(SUITS)' 2>/dev/null && $(BIN)/python -m pip --version >/dev/null 2>&1; \
	then echo "make venv: keeping $(VENV)"; \
	else \
		python='$(PYTHON)'; \
		if [ -z "$$python" ]; then \
			echo "make venv: no working Python 3.11 or 3.12 found; install one, or run make PYTHON=/path/to/python3.11" >&2; \
			exit 1; \
		fi; \
		if ! "$$python" -c '$(SUITS)'; then \
			echo "make venv: PYTHON=$$python is not a working Python 3.11 or 3.12" >&2; \
			exit 1; \
		fi; \
		echo "make venv: creating $(VENV) with $$python"; \
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

demo: venv  ## runs the whole pipeline on a synthetic catalog: pack, train, evaluate, tune, export, recommend
	rm -rf demo
	$(BIN)/tfmmrec demo $(ARGS)

# Prints the tests that take longest. Workers take tests from each other, since a few are long.
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --durations=40 --durations-min=2

test: venv  ## runs every test that is not marked slow, in about ten minutes on two cores
	$(PYTEST) -m "not slow" $(ARGS)

test-all: venv  ## runs the slow tests too: several processes, real data, learning on larger data
	$(PYTEST) $(ARGS)

lint: venv  ## runs the checks of CI: formatting, ruff, mypy, import contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: venv  ## formats the code and applies ruff's fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## removes .venv, caches, builds and the demo folder
	rm -rf $(VENV) build dist demo *.egg-info .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
