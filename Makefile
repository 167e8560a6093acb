# The course and its checks. `make` lists what there is.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv)
NOTEBOOKS := $(sort $(wildcard notebooks/*.ipynb))
TOO_OLD := "The course needs Python 3.11 or later; name one, as in: make lab PYTHON=python3.12"
PYTEST := $(BIN)/python -m pytest
ESLINT := eslint@9.39.1

.DEFAULT_GOAL := help
.PHONY: help lab test unit nbval lint types coverage slow browser bench fuzz soak assignment notebooks site slides clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*##  */  make \1	/p' $(MAKEFILE_LIST) | expand -t 20

lab: $(VENV)/lab  ## open the course; make lab ARGS="--port 8890" passes flags on, ARGS=--edit is for authors
	$(BIN)/mini-qemu lab $(ARGS)

test: lint types unit nbval  ## all checks but the slow and the browser tests, 10 minutes

unit: $(VENV)/test
	$(PYTEST) -n 2 --dist worksteal $(ARGS)

nbval: $(VENV)/test  # each notebook keeps one kernel, so a notebook's cells stay with one worker
	$(PYTEST) -n 2 --dist loadfile --nbval --nbval-current-env --nbval-cell-timeout 60 \
		--nbval-sanitize-with tests/nbval_sanitise.cfg notebooks

lint: $(VENV)/test
	$(BIN)/ruff check .
	@if command -v npx >/dev/null; then npx --yes $(ESLINT) lessons; \
	elif [ -n "$$REQUIRE_NPM" ]; then echo "npm is missing: the browser's half was not checked"; exit 1; \
	else echo "npm is missing: the browser's half is checked in CI only"; fi

types: $(VENV)/test
	$(BIN)/mypy

coverage: $(VENV)/test  ## how much of mini_qemu.sched, branches too, its own tests reach
	rm -rf build/coverage
	$(BIN)/coverage run -m pytest -n 2 --dist worksteal tests/mini_qemu/sched
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

slow: $(VENV)/test $(VENV)/grading  ## the tests marked slow
	$(PYTEST) -n 2 --dist worksteal -m slow tests $(ARGS)

browser: $(VENV)/test  ## the tests in a real JupyterLab, needs Chromium
	$(PYTEST) -n 2 --dist loadfile --no-loadscope-reorder -m browser tests/browser $(ARGS)

bench: $(VENV)/bench  ## the benchmarks, one table each
	@for bench in tests/benchmarks/bench_*.py; do \
		module=$${bench%.py}; $(BIN)/python -m "$$(echo $$module | tr / .)" $(ARGS) || exit 1; done

fuzz: $(VENV)/test  ## damaged input into every door; writes tests/RELIABILITY.md; ARGS="--share 0.01" for less
	$(BIN)/python -m tests.reliability fuzz $(ARGS)

soak: $(VENV)/test  ## faults at random moments, many migrations in a row; writes tests/RELIABILITY.md
	$(BIN)/python -m tests.reliability soak $(ARGS)

assignment: $(VENV)/lab  ## exercises for nbgrader in build/assignment: make assignment LESSON=01, ARGS="--for otter" or --exam
	$(BIN)/mini-qemu assignment build/assignment --lesson $(or $(LESSON),01) $(ARGS)

notebooks: $(VENV)/test  ## run all notebooks and store them in their normal form
	$(BIN)/python -m lessons.authoring.normalise $(NOTEBOOKS)

site: $(VENV)/site  ## the course as a static site, to read and to run in a browser; in build/site, needs npm
	$(BIN)/python -m lessons.authoring.site $(ARGS)

slides: $(VENV)/site  ## the lessons for a projector, and to print; in build/slides; ARGS=01 for one
	$(BIN)/python -m lessons.authoring.site.slides $(ARGS)

clean:  ## remove what make has made
	rm -rf $(VENV) build dist

# Each stamp says: this extra of this pyproject.toml is installed.
$(VENV)/lab $(VENV)/site $(VENV)/test $(VENV)/bench $(VENV)/grading: $(VENV)/%: pyproject.toml | $(BIN)/python
	$(if $(UV),$(UV) pip install --quiet --python $(BIN)/python,$(BIN)/python -m pip install --quiet) --editable '.[$*]'
	@$(BIN)/python -c 'import matplotlib.font_manager'  # looks for fonts now, not with a remark in somebody's lesson
	@touch $@

$(BIN)/python:
	@$(if $(UV),true,$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else $(TOO_OLD))')
	$(if $(UV),$(UV) venv --python '$(if $(filter file,$(origin PYTHON)),>=3.11,$(PYTHON))' $(VENV),$(PYTHON) -m venv $(VENV))
