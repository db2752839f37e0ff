# make demo: see what it does (no TensorFlow).   make test: everything the project promises.
PYTHON ?= python3
JOBS ?= 2
# The boards of hardware-test: their addresses, with spaces; auto: all that are plugged in.
HARDWARE ?= auto
# For PyPI's page, such as https://github.com/NAME/soundsdk; empty: git's origin.
REPOSITORY ?=
VENV := .venv
BIN := $(VENV)/bin
SOUNDCORE := firmware/cmodules/soundcore
CORE := $(wildcard $(addprefix $(SOUNDCORE)/,*.[ch] *.cpp */*.[ch] */*.cc */*/*.[ch]))

.PHONY: help install demo test test-shuffled fuzz models lint c-test docs docs-picture train-env notebook pythons release bench bench-boards hardware-test clean

help:
	@echo "make demo           a 40 s scene, the detector's events against the truth, a picture"
	@echo "make test           install the extras and run every test, JOBS=$(JOBS) side by side"
	@echo "make test-shuffled  the same in a random order, whose seed is printed"
	@echo "make fuzz           FUZZ=500 odd command lines and damaged models from FUZZ_SEED=1: no traceback, a documented exit code"
	@echo "make models         MODELS=1000 random models of each operator, and graphs, against TensorFlow Lite Micro"
	@echo "make lint           ruff, mypy, import contracts, docstrings, spelling, repeated code"
	@echo "make c-test         the C tests under AddressSanitizer and UBSan, with the seeded fuzz run"
	@echo "make docs           build/site: the documentation, with its reference made from the code"
	@echo "make docs-picture   docs/architecture.svg, from the imports, and docs/terminal.svg, from a training"
	@echo "make train-env      $(VENV) with all that training needs"
	@echo "make notebook       run examples/first_detector.ipynb, and keep what it shows"
	@echo "make pythons        try wheel, install, demo and training on every Python there is, 3.10 to 3.13"
	@echo "make release        dist/release: sdist, wheel, images of all boards, native modules, SHA256SUMS, bill of materials"
	@echo "make hardware-test  soundsdk selftest on every board that is plugged in (HARDWARE=auto), reports in build/selftest"
	@echo "make bench          cycles of a Cortex-M0+, instructions of RV32IMC, this computer's time: now, budgets, peers, goals"
	@echo "make bench-boards   soundsdk monitor at 20 virtual boards: processor time, then an hour of theirs in ten minutes for the memory"
	@echo "make clean          remove what was built"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

# The stamps lie in the environment, so that a new environment is a new install.
$(VENV)/base.stamp: $(BIN)/python pyproject.toml CMakeLists.txt $(CORE)
	@echo "installing soundsdk into $(VENV) (no TensorFlow)"
	$(BIN)/python -m pip install --quiet -e .
	@touch $@

# One install, base included: a second one would compile the extension again.
$(VENV)/all.stamp: $(BIN)/python pyproject.toml CMakeLists.txt $(CORE)
	@echo "installing soundsdk with the extras train and dev into $(VENV)"
	$(BIN)/python -m pip install --quiet -e '.[train,dev]'
	@touch $(VENV)/base.stamp $@

install: $(VENV)/all.stamp

demo: $(VENV)/base.stamp
	@$(BIN)/soundsdk demo

# In the order of the files, so that a failure comes again.
test: $(VENV)/all.stamp
	$(BIN)/python -m pytest -p no:randomly --color=no -n $(JOBS) --dist loadfile

test-shuffled: $(VENV)/all.stamp
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile

FUZZ ?= 500
FUZZ_SEED ?= 1
fuzz: $(VENV)/all.stamp
	SOUNDSDK_FUZZ=$(FUZZ) SOUNDSDK_FUZZ_SEED=$(FUZZ_SEED) $(BIN)/python -m pytest -p no:randomly -q -s tests/host/test_odd_command_lines.py tests/training/test_adopt_damaged.py tests/host/test_firmware_refusals.py

MODELS ?= 1000
models: $(VENV)/all.stamp
	SOUNDSDK_MODELS_EACH=$(MODELS) $(BIN)/python -m pytest -p no:randomly -q tests/core/test_model_operators.py tests/core/test_model_graphs.py tests/core/test_other_tools.py

# All of them, whatever the others find.
LINT := "ruff check ." mypy "lint-imports --no-logo --cache-dir .cache/import-linter" codespell \
	"python tests/checks/circuitpython_types.py" "python tests/checks/docstrings.py" "python tests/checks/private_names.py" \
	"python tests/checks/repeats.py"
lint: $(VENV)/all.stamp
	@failed=0; for check in $(LINT); do echo "$$check"; $(BIN)/$$check || failed=1; done; exit $$failed

c-test: $(VENV)/all.stamp
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/core/run_c_tests.py

docs: $(VENV)/all.stamp
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "the site: build/site/index.html; its search needs a server: $(BIN)/python -m http.server -b 127.0.0.1 -d build/site, then http://127.0.0.1:8000"

docs-picture: $(VENV)/all.stamp
	$(BIN)/python docs/make_architecture.py
	$(BIN)/python docs/generate/terminal.py

release: $(VENV)/base.stamp
	@$(BIN)/python -m pip install --quiet 'scikit-build-core>=0.11' 'twine>=6.1' 'pyelftools>=0.29'
	@$(BIN)/python release/make_release.py --repository '$(REPOSITORY)'

notebook: $(VENV)/all.stamp
	@nice -n 15 $(BIN)/python release/run_notebook.py

pythons: $(VENV)/base.stamp
	@$(BIN)/python release/try_pythons.py

# To train and nothing else: soundsdk as it is here, with the extra `train`.
$(VENV)/train.stamp: $(BIN)/python pyproject.toml CMakeLists.txt $(CORE)
	@echo "installing soundsdk with the extra train into $(VENV)"
	$(BIN)/python -m pip install --quiet -e '.[train]'
	@touch $(VENV)/base.stamp $@

train-env: $(VENV)/train.stamp
	@echo "ready: $(BIN)/soundsdk train --data my_sounds -o mine.tflite"

hardware-test: $(VENV)/all.stamp
	SOUNDSDK_HARDWARE="$(HARDWARE)" $(BIN)/python -m pytest -s -ra tests/hardware

bench: $(VENV)/all.stamp
	$(BIN)/python tests/benchmarks/m0/bench.py --everywhere --layers

bench-boards: $(VENV)/all.stamp
	$(BIN)/python tests/benchmarks/bench_boards.py --check
	$(BIN)/python tests/benchmarks/bench_boards.py --check --speed 6

clean:
	rm -rf build firmware/images $(VENV)/*.stamp .pytest_cache .mypy_cache .ruff_cache
