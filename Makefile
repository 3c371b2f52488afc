# Two commands do everything, set-up included: `make book` and `make test`.
PYTHON ?= python3
PIP_ARGS ?=# for instance --index-url, to install a CPU-only PyTorch: see README.md
BIN := .venv/bin
READY := .venv/ready

.DELETE_ON_ERROR:
RUNS ?= 8
export ONLY ?=# for instance 05, or 04,05,06: the notebooks to build or to shake
export CHAPTERS_ONLY ?=# 1: build the book without executing the evidence
SCHEDULER ?=# for instance tcp://10.0.0.1:8786: a Dask cluster to spread over
.PHONY: book test shake lab lint benchmarks clean

book: $(READY)
	$(BIN)/python -m book.build

test: $(READY)
	-$(BIN)/python -m book.build
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

shake: $(READY)
	$(BIN)/python -m book.shake --runs $(RUNS) $(if $(ISA),--isa) --only "$(ONLY)" --scheduler "$(SCHEDULER)"

lab: $(READY)
	$(BIN)/jupyter lab notebooks

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

benchmarks: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $(PIP_ARGS) -e ".[book,dev,peers]"
	$(BIN)/python -m benchmarks

clean:
	rm -rf book/_build .pytest_cache .mypy_cache .ruff_cache

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, not " + sys.version)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $(PIP_ARGS) -e ".[book,dev]"
	touch $@
