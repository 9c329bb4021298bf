# make demo    train and test on synthetic data, then segment a video
# make test    run the tests
# make lint    ruff and mypy
# All of them first set up a virtual environment of their own, once.
# MM_FAMILY=openmmlab takes the upstream OpenMMLab packages instead.

MM_FAMILY ?= onedl
PYTHON ?= python3
ifeq ($(MM_FAMILY),onedl)
VENV ?= .venv
else
VENV ?= .venv-$(MM_FAMILY)
endif
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	--constraint requirements/constraints.txt

.PHONY: install demo test lint format clean

install: $(INSTALLED)

$(INSTALLED): requirements/*.txt setup.py pyproject.toml \
		$(shell find ops -name '*.cpp' -o -name '*.h' -o -name '*.cu' \
			-o -name '*.cuh' -o -name 'build_extension.py')
	@test -f requirements/$(MM_FAMILY).txt || { \
		echo "MM_FAMILY must be onedl or openmmlab, got $(MM_FAMILY)"; \
		exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; \
		sys.exit(None if (3, 10) <= v <= (3, 12) else \
		f"Python 3.10 to 3.12 is needed, {v[0]}.{v[1]} came; \
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

test: install
	$(BIN)/python -m pytest

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy projects ops tools benchmarks

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv .venv-openmmlab build dist
