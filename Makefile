# make demo    the main job on real data, in ./spot-demo
# make test    all tests, with coverage
# make test-lowest   the gate's tests with the lowest MLflow that pyproject.toml allows
# make check   ruff, ruff format, mypy --strict, import-linter
# make simulate   what the statistics claim, into docs/simulations (hours; SPOT_SIMULATE=quick for a look)
# make bench   speed and memory, as ratios in benchmarks/results.json
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Four workers on two cores: half of the time the tests wait for servers.
WORKERS ?= 4
LOWEST := 3.14.0
LOWEST_TESTS := tests/spot_mlflow_plugins tests/journeys/test_bypasses.py tests/journeys/test_evidence_bypasses.py \
	tests/journeys/test_killed_between.py
SIMULATIONS := sample_ratio attrition balance relative sequences coverage reliability causes unknown_steps

.PHONY: demo test test-lowest check bench format clean simulate

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
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered --cov-report=xml $(PYTEST_ARGS)

# PostgreSQL is left out: MLflow 3.14.0 itself fails there with psycopg 3 (docs/server.md).
test-lowest:
	$(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip install --quiet --editable '.[dev]' 'mlflow[auth]==$(LOWEST)'
	$(VENV)-lowest/bin/python -m pytest -n $(WORKERS) --dist loadfile -k "not postgres" $(LOWEST_TESTS)

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tests/typing
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks

simulate: $(VENV)/.installed-dev
	set -e; for part in $(SIMULATIONS); do $(BIN)/python -m benchmarks.simulate_$$part; done

clean:
	rm -rf $(VENV) $(VENV)-lowest dist build .coverage* coverage.xml .mypy_cache .ruff_cache .pytest_cache .hypothesis
