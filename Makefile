# make demo, make test: all that a newcomer needs. Each makes its own .venv first.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
SOURCE := $(shell find native -name '*.h' -o -name '*.cpp')
EXAMPLES := lstm gru lstm_arguments stream sensor plant forecast classify generate dga
NPROC  := $(shell nproc 2>/dev/null || echo 2)

.PHONY: help demo test test-jax packages test-cluster peer-tests wheel lint format bench golden interchange sanitize arm \
        cortex-m docs docs-zh clean

help:
	@echo "make demo      run the examples: some train, one runs a published model on real input"
	@echo "make test      all tests"
	@echo "make lint      ruff, mypy, pyright, clang-format"
	@echo "make bench     ours and the peers, each in its own environment, in turn; ISA=avx2 holds all to that set"
	@echo "make test-jax  the tests of engine and training under the oldest and the newest JAX that are taken"
	@echo "make packages  published packages, installed from the index, run unchanged"
	@echo "make test-cluster  pools on a local Ray and fed from a Redis of its own (needs redis-server), processes killed"
	@echo "make peer-tests  Keras's own tests, from its archive on the index, against Gatewise"
	@echo "make wheel     a wheel in dist/, tried where there is no compiler; PYTHONS=\"python3.10 python3.13\" for each"
	@echo "make golden    make the golden cases anew from the real Keras, tf_keras and TensorFlow layers"
	@echo "make interchange  have Keras 3, tf_keras, PyTorch and ONNX Runtime load the files that we write"
	@echo "make sanitize  the native engine under AddressSanitizer, UBSan and ThreadSanitizer"
	@echo "make arm       the native engine for 64-bit Arm, under qemu"
	@echo "make docs      the documentation site, English and Chinese, into build/site/html"
	@echo "make docs-zh   what translators of the site find new or changed, into docs/locale"
	@echo "make cortex-m  exported C models for a Cortex-M4, under qemu"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -q --upgrade "pip>=25.1"

# The package itself, editable: Python files are used in place, the native engine is built here.
$(VENV)/.installed: $(BIN)/python pyproject.toml CMakeLists.txt $(SOURCE)
	$(PIP) install -q --editable .
	@touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(PIP) install -q --group test
	@touch $@

# What the examples train with, and draw with.
$(VENV)/.shown: $(VENV)/.installed
	$(PIP) install -q --group demo
	@touch $@

# The type checker reads the dependencies' types too, so they are installed first.
$(VENV)/.linted: $(VENV)/.tested
	$(PIP) install -q --group lint
	@touch $@

demo: $(VENV)/.shown
	@for program in $(EXAMPLES); do echo "== examples/$$program.py"; $(BIN)/python examples/$$program.py || exit 1; done

test: $(VENV)/.tested
	$(BIN)/python -m pytest --numprocesses $(NPROC) --dist loadfile

test-jax: $(VENV)/.tested
	$(BIN)/python tools/jax_range.py

packages: $(VENV)/.tested
	$(BIN)/python -m pytest -q -o addopts="" tests/packages

# Ray and Redis's client; the server is Debian's.
$(VENV)/.clustered: $(VENV)/.tested
	$(PIP) install -q --group cluster
	@touch $@

test-cluster: $(VENV)/.clustered
	@command -v redis-server >/dev/null || { echo "test-cluster needs redis-server: apt-get install redis-server"; exit 1; }
	$(BIN)/python -m pytest -q -o addopts="" tests/cluster

# Keras's test base needs absl; the tests, a limit of time.
$(VENV)/.peered: $(VENV)/.tested
	$(PIP) install -q --group peer
	@touch $@

peer-tests: $(VENV)/.peered
	$(BIN)/python tools/peer_tests/run.py

wheel: $(BIN)/python
	$(BIN)/python tools/packaging/wheel.py $(PYTHONS)

lint: $(VENV)/.linted
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/basedpyright --pythonpath $(BIN)/python
	$(BIN)/clang-format --dry-run --Werror $(SOURCE)

format: $(VENV)/.linted
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(SOURCE)

bench: $(VENV)/.tested
	$(BIN)/python -m benchmarks $(if $(ISA),--isa $(ISA))
	$(BIN)/python -m benchmarks.training $(if $(ISA),--isa $(ISA))
	$(BIN)/python -m benchmarks.serving $(if $(ISA),--isa $(ISA))
	$(BIN)/python -m benchmarks.footprint
	$(BIN)/python -m benchmarks.today

golden: $(BIN)/python
	$(BIN)/python tools/golden/make.py

# In the environments that make golden and the benchmarks make.
interchange: $(VENV)/.installed
	$(BIN)/python tools/golden/check_saved.py
	$(BIN)/python tools/golden/make_torch.py --check
	$(BIN)/python tools/golden/check_onnx.py
	$(BIN)/python tools/golden/check_parity.py

# The C++ self test, without Python. CMake comes from the index, as the build's does.
$(VENV)/.native: $(BIN)/python pyproject.toml
	$(PIP) install -q --group native
	@touch $@

sanitize arm: $(VENV)/.native
	PATH="$(abspath $(BIN)):$$PATH" sh native/tests/$@.sh

# It says what to install where Debian's compiler for bare Arm, or qemu, is missing.
cortex-m: $(VENV)/.installed
	$(BIN)/python tools/c/cortex_m.py

$(VENV)/.documented: $(VENV)/.installed
	$(PIP) install -q --group docs
	@touch $@

docs: $(VENV)/.documented
	$(BIN)/python tools/site/build.py

docs-zh: $(VENV)/.documented
	$(BIN)/python tools/site/build.py translate

clean:
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -not -path './.peers/*' -exec rm -rf {} +
