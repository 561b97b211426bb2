# make demo              set up .venv and run the main job on a clip that the program renders itself
# make demo VIDEO=my.mp4 the same on your clip
# make test              set up .venv with every extra, then lint, type-check and test
# make bench             what can be measured without data sets and training; docs/results.md has all commands
# make coverage          the tests once more, with the lines and branches that they reach
# make fuzz              MINUTES (10, of a processor) of damaged files for each of TARGETS (all), from case FIRST on; make test has
#                        the short form. RESUME=--resume goes on where a run was stopped
# make site             build the documentation into site/, without a network
# make wheel-test        build sdist and wheel, try the wheel in an empty environment
# make lint | clean

PYTHON ?= python3
VIDEO ?=
DEMO := demo-out
# Small tensors gain nothing from threads, and two test processes would fight for the cores.
ONE_THREAD := OMP_NUM_THREADS=1
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt

.PHONY: demo test lint coverage fuzz site wheel-test bench clean

demo: .venv/.installed
ifeq ($(VIDEO),)
	@mkdir -p $(DEMO)
	$(BIN)/sightline data demo $(DEMO)/demo.mp4
	$(BIN)/sightline predict $(DEMO)/demo.mp4 --model wcsnet --out $(DEMO) --overwrite
else
	$(BIN)/sightline predict "$(VIDEO)" --model wcsnet --out $(DEMO) --overwrite
endif

test: .venv/.installed-test lint
	$(ONE_THREAD) $(BIN)/python -m pytest -n 2

lint: .venv/.installed-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/codespell src tests docs benchmarks .github .ci *.md

coverage: .venv/.installed-test
	$(ONE_THREAD) $(BIN)/python -m pytest -n 2 --cov --cov-report=term --cov-report=xml

MINUTES ?= 10
FIRST ?= 1000000
fuzz: .venv/.installed-test
	$(ONE_THREAD) $(BIN)/python tests/fuzz/harness.py $(TARGETS) --minutes $(MINUTES) --first $(FIRST) $(RESUME)

site: .venv/.installed-test
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --clean

wheel-test: .venv/.installed-test
	.ci/wheel-test $(BIN)/python

bench: .venv/.installed-test
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/gaze.py --recordings 10
	OMP_WAIT_POLICY=passive $(BIN)/python benchmarks/pipeline.py --rounds 3 --minutes 1

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis $(DEMO)

.venv/bin/python:
	./.ci/make-venv $(PYTHON) .venv

.venv/.installed: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) -e ".[export]"
	@touch $@

# pysaliency ships no wheel: where there is no C compiler it stays out and the checks against it are skipped.
.venv/.installed-test: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) -e ".[dev,train,gaze,export,heic,reference,web,ray,docs]"
	$(PIP) -e ".[pysaliency]" || echo "pysaliency cannot be built here (no C compiler?): its checks will be skipped"
	@touch $@ .venv/.installed
