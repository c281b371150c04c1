# The verbs of development. PYTHON: the interpreter that has everything of requirements-test.lock.
VENV_PYTHON := .venv/bin/python
PYTHON ?= $(VENV_PYTHON)
UV ?= uv
LOCK_FLAGS ?=
COMPILE = $(UV) pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-strip-extras --quiet $(LOCK_FLAGS)

.PHONY: check fix test test-kind labs labs-embedded labs-generate labs-execute book figures lock soak environment

check: environment  ## no cluster and no browser, at most 2 minutes
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(PYTHON) -c "from importlinter.cli import lint_imports_command; lint_imports_command()"
	$(PYTHON) -m pytest -q -n 2 --dist loadfile -m "not kind and not browser and not long"

fix: environment
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

test: environment
	$(PYTHON) -m pytest -n 2 --dist loadscope

test-kind: environment
	$(PYTHON) -m pytest -m kind

labs: environment
	$(PYTHON) -m pytest labs/solutions

labs-embedded: environment  ## without an engine; three at a time, each beside a cluster of its own
	$(PYTHON) -m pytest --on embedded --speed 5 -n 3 --dist loadfile labs/solutions

labs-generate: environment
	$(PYTHON) tools/labs.py

labs-execute: environment
	$(PYTHON) tools/labs.py --execute

book: environment  ## jupyter-book 2 would end well without writing a page
	$(PYTHON) -c "from jupyter_book.cli.main import main; main()" build . -W -n --keep-going
	test -f _build/html/index.html

figures: environment
	$(PYTHON) tools/make_figures.py

lock:
	$(COMPILE) requirements.txt -o requirements.lock
	$(COMPILE) requirements.txt requirements-test.txt -c requirements.lock -o requirements-test.lock

soak: environment
	$(PYTHON) -m tests.plain.embedded.refused --count 10000 --seed $$(date +%j)
	$(PYTHON) bench/live_series.py
	$(PYTHON) bench/shuffled.py
	$(PYTHON) -m pytest tests/mutants tests/kind/series_grading_pods.py -m kind --every-mutant
	$(PYTHON) -m tests.grading.mutated --count 10000 --seed $$(date +%j)
	$(PYTHON) -m pytest tests/grading/test_hostile.py tests/grading/series_recipe.py --every-mutant
	$(PYTHON) bench/grading.py --kill
	$(PYTHON) bench/soak.py

# dive.py has nothing to do when its stamps match, so every verb may ask it. An interpreter of your own is yours to fill.
environment:
ifeq ($(PYTHON),$(VENV_PYTHON))
	@python3 dive.py test --version > /dev/null
endif
