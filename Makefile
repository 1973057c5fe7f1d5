# make demo    the main job on real data, in ./spot-demo
# make test    all tests
# make quick   the tests of the calculation alone: no MLflow, no browser
# make coverage   all tests again, with branch coverage and its floor
# make mutate   a thousand changes to ten files of the calculation, and which ones their tests notice
# make test-lowest   the gate's tests with the lowest MLflow that pyproject.toml allows
# make test-upgrade  workers of an earlier version beside new ones, and a database of the lowest MLflow
# make matrix   the tests of the calculation and the record on each Python found here, lowest and newest dependencies
# make check   ruff, ruff format, mypy --strict, import-linter, codespell
# make simulate   what the statistics claim, into docs/simulations (hours; SPOT_SIMULATE=quick for a look)
# make docs    the documentation site in build/site; fails on a broken link
# make sbom    what a plain installation consists of, as CycloneDX JSON in build/sbom.json
# make bench   speed and memory, as ratios in benchmarks/results.json
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Three workers on two cores: they also wait for servers; each one more imports everything once more.
WORKERS ?= 3
# Bytecode is kept even where the shell says otherwise: else every process that a test starts compiles
# what it imports.
export PYTHONDONTWRITEBYTECODE :=
CALCULATION := $(addprefix tests/spot_mlflow/,lift readiness involvement gate reporting)
PYTEST := $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder
LOWEST := 3.14.0
LOWEST_TESTS := tests/spot_mlflow_plugins tests/journeys/test_bypasses.py tests/journeys/test_evidence_bypasses.py \
	tests/journeys/test_killed_between.py
# Before the memory of entries got its second format.
EARLIER ?= e5f325bc4c94b330251f997ff4b01d3872eaa21e
SIMULATIONS := sample_ratio attrition balance relative sequences coverage reliability causes unknown_steps clean_logs

.PHONY: docs demo test quick coverage mutate matrix test-lowest test-upgrade check bench format clean simulate sbom

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

demo: $(VENV)/.installed
	$(BIN)/spot demo

test: $(VENV)/.installed-dev
	$(PYTEST) -n $(WORKERS) $(PYTEST_ARGS)

quick: $(VENV)/.installed-dev
	$(PYTEST) -n 2 -m "not browser" $(PYTEST_ARGS) $(CALCULATION)

# Tracing the calculation takes about as long as the calculation.
coverage: $(VENV)/.installed-dev
	$(PYTEST) -n $(WORKERS) --cov --cov-report=term:skip-covered --cov-report=xml $(PYTEST_ARGS)

mutate: $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet --editable '.[mutate]'
	$(BIN)/python -m benchmarks.mutate

# PostgreSQL is left out: MLflow 3.14.0 itself fails there with psycopg 3 (docs/server.md).
test-lowest:
	$(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip install --quiet --editable '.[dev]' 'mlflow[auth]==$(LOWEST)'
	$(VENV)-lowest/bin/python -m pytest -n $(WORKERS) --dist loadfile -k "not postgres" $(LOWEST_TESTS)

test-upgrade: $(VENV)/.installed-dev
	rm -rf build/earlier && mkdir -p build/earlier
	git archive $(EARLIER) | tar -x -C build/earlier
	$(PYTHON) -m venv $(VENV)-earlier
	$(VENV)-earlier/bin/python -m pip install --quiet 'mlflow[auth]' 'psycopg[binary]' ./build/earlier
	$(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip install --quiet --editable . 'mlflow[auth]==$(LOWEST)'
	SPOT_TESTS_EARLIER_SPOT=$(abspath $(VENV)-earlier)/bin/python \
	SPOT_TESTS_LOWEST_MLFLOW=$(abspath $(VENV)-lowest)/bin/python \
	$(BIN)/python -m pytest tests/journeys/test_upgrade.py tests/journeys/test_restore.py

matrix: $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet --editable '.[matrix]'
	$(BIN)/python tests/matrix.py $(ROWS)

docs: $(VENV)/.installed-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tests/typing
	$(BIN)/lint-imports
	$(BIN)/codespell

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks

simulate: $(VENV)/.installed-dev
	set -e; for part in $(SIMULATIONS); do $(BIN)/python -m benchmarks.simulate_$$part; done

# What a plain installation consists of, as CycloneDX JSON; from an environment with nothing else in it.
sbom: $(VENV)-plain/.installed
	mkdir -p build
	$(PYTHON) -m venv build/sbom-tool
	build/sbom-tool/bin/python -m pip install --quiet cyclonedx-bom
	build/sbom-tool/bin/cyclonedx-py environment --output-format JSON --output-file build/sbom.json $(VENV)-plain/bin/python

$(VENV)-plain/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)-plain
	$(VENV)-plain/bin/python -m pip install --quiet .
	@touch $@

clean:
	rm -rf mutants $(VENV) $(VENV)-lowest $(VENV)-earlier $(VENV)-plain dist build .coverage* coverage.xml .mypy_cache .ruff_cache .pytest_cache .hypothesis
