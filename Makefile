# make demo    train and test on synthetic data, then segment a video
# make web     show a page in the browser that segments videos
# make check   run the tests that are not slow
# make test    run all tests, apart from those of the page
# make test-web  run the tests of the page in Chromium, which must be installed
# make lint    run ruff and mypy
# make docs    build the documentation into build/html
# make format  apply ruff's fixes and formatting
#
# Every target first creates a virtual environment if there is none.
# MM_FAMILY=openmmlab selects the upstream OpenMMLab packages, in an
# environment of their own. TEST_WORKERS is the number of test processes.

MM_FAMILY ?= onedl
PYTHON ?= python3
ifeq ($(MM_FAMILY),onedl)
VENV ?= .venv
else
VENV ?= .venv-$(MM_FAMILY)
endif
TEST_WORKERS ?= 2
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DOCS_INSTALLED := $(VENV)/.docs-installed
WEB_INSTALLED := $(VENV)/.web-installed
WEB_TESTS_INSTALLED := $(VENV)/.web-tests-installed
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	--constraint requirements/constraints.txt

# One thread per process: with more, the processes compete for the cores.
# One process runs all tests of a file, so a module's fixture is made once
# (pytest-xdist 3.8 ignores xdist_group with pytest 9.2).
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest \
	-n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: install demo web check test test-web lint docs format clean

install: $(INSTALLED)

$(INSTALLED): requirements/*.txt setup.py pyproject.toml \
		$(shell find ops -name '*.cpp' -o -name '*.h' -o -name '*.cu' \
			-o -name '*.cuh' -o -name 'build_extension.py')
	@test -f requirements/$(MM_FAMILY).txt || { \
		echo "MM_FAMILY must be onedl or openmmlab, got $(MM_FAMILY)"; \
		exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; \
		sys.exit(None if (3, 10) <= v <= (3, 12) else \
		f"expected Python 3.10 to 3.12, got {v[0]}.{v[1]}; \
	run make PYTHON=python3.11 ...")'
	@echo "Setting up $(VENV) ($(MM_FAMILY) family); about 2 minutes."
	$(PYTHON) -m venv $(VENV)
	$(PIP) torch setuptools wheel
	$(PIP) -r requirements/$(MM_FAMILY).txt -r requirements/runtime.txt \
		-r requirements/tests.txt
	$(PIP) --no-build-isolation --no-deps --editable .
	@touch $@

demo: install
	$(BIN)/python tools/demo.py

$(WEB_INSTALLED): requirements/web.txt $(INSTALLED)
	$(PIP) -r requirements/web.txt
	@touch $@

web: $(WEB_INSTALLED)
	$(BIN)/python tools/web_demo.py

check: install
	$(PYTEST) -m "not slow"

test: install
	$(PYTEST)

$(WEB_TESTS_INSTALLED): requirements/web_tests.txt $(WEB_INSTALLED)
	$(PIP) -r requirements/web_tests.txt
	@touch $@

test-web: $(WEB_TESTS_INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 0 tests/web

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy projects ops tools benchmarks

$(DOCS_INSTALLED): requirements/docs.txt $(INSTALLED)
	$(PIP) -r requirements/docs.txt
	@touch $@

docs: $(DOCS_INSTALLED)
	@rm -rf docs/api  # pages of modules that are gone would fail
	$(BIN)/python -m sphinx -W --keep-going -q -j 2 -b html \
		-d build/doctrees docs build/html
	@echo "Built build/html/index.html"

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv .venv-openmmlab build dist docs/api docs/model_zoo.md
