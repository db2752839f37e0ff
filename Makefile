# make demo: see what it does (no TensorFlow).   make test: everything the project promises.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORE := $(wildcard $(foreach d,. frontend nn capture,firmware/cmodules/soundcore/$(d)/*.[ch] firmware/cmodules/soundcore/$(d)/*.cpp))

.PHONY: help demo test lint c-test clean

help:
	@echo "make demo    a 40 s scene, the detector's events against the truth, a picture"
	@echo "make test    install the extras and run every test"
	@echo "make lint    ruff and mypy"
	@echo "make c-test  the C tests under AddressSanitizer and UBSan, with the seeded fuzz run"
	@echo "make clean   remove what was built"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

# The stamps lie in the environment, so that a new environment is a new install.
$(VENV)/base.stamp: $(BIN)/python pyproject.toml CMakeLists.txt $(CORE)
	@echo "installing soundsdk into $(VENV) (no TensorFlow)"
	$(BIN)/python -m pip install --quiet -e .
	@touch $@

$(VENV)/all.stamp: $(VENV)/base.stamp
	@echo "installing the extras train, tflm and dev into $(VENV)"
	$(BIN)/python -m pip install --quiet -e '.[train,tflm,dev]'
	@touch $@

demo: $(VENV)/base.stamp
	@$(BIN)/soundsdk demo

test: $(VENV)/all.stamp
	$(BIN)/python -m pytest

lint: $(VENV)/all.stamp
	$(BIN)/ruff check .
	$(BIN)/mypy

c-test: $(VENV)/all.stamp
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/core/run_c_tests.py

clean:
	rm -rf build $(VENV)/base.stamp $(VENV)/all.stamp .pytest_cache .mypy_cache .ruff_cache
