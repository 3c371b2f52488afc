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
.PHONY: book test zip pdf plain shake lab lint benchmarks clean

book: $(READY)
	$(BIN)/python -m book.build

test: $(READY)
	-$(BIN)/python -m book.build
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

zip: book
	$(BIN)/python -m book.zip

pdf: book
	$(BIN)/python -m book.pdf

plain: $(READY)
	test -f book/_build/source/book/_toc.yml || $(BIN)/python -m book.build
	test -d .venv-plain || $(PYTHON) -m venv .venv-plain
	$(BIN)/python -m book.second --requirements > .venv-plain/requirements.txt
	.venv-plain/bin/python -m pip install --quiet --disable-pip-version-check -r .venv-plain/requirements.txt
	$(BIN)/python -m book.second .venv-plain/bin/python

shake: $(READY)
	$(BIN)/python -m book.shake --runs $(RUNS) $(if $(ISA),--isa) --only "$(ONLY)" --scheduler "$(SCHEDULER)"

lab: $(READY)
	$(BIN)/jupyter lab notebooks

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m book.lab.lint

benchmarks: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $(PIP_ARGS) -e ".[book,dev,peers]"
	$(BIN)/python -m benchmarks

clean:
	rm -rf book/_build .pytest_cache .mypy_cache .ruff_cache

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "Python 3.11, 3.12 or 3.13 is needed, not " + sys.version)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $(PIP_ARGS) -e ".[book,dev]"
	touch $@
