# SPDX-License-Identifier: Apache-2.0
# The tasks of this repository; `make` alone lists them. Each works from a bare Debian
# with Python >= 3.11, gcc, make and perl, and makes what it needs.

PYTHON ?= python3
TIME   ?= 60
# Of `make jitter`.
SEED   ?= 1
# Of `make properties`.
ROUNDS ?= 5
# Of `make soak`; a million is what a release has behind it.
HANDSHAKES ?= 50000
# Wheels and benchmarks take minutes more to build, and run faster: docs/explanation/build.md.
LTO    ?= OFF
PGO    ?= $(LTO)
MALLOC ?= $(if $(filter ON,$(LTO)),AUTO,system)
INSTRUCTIONS ?= --check
JOBS   ?= $(shell nproc 2>/dev/null || echo 2)

VENV := .venv
RUN  := $(VENV)/bin
export PATH := $(abspath $(RUN)):$(PATH)

C_FILES  := $(shell find csrc fuzz bench -name '*.[ch]' 2>/dev/null)
C_INPUTS := $(filter csrc/src/% csrc/include/% csrc/ffi/%,$(C_FILES)) \
            $(wildcard csrc/cmake/*) csrc/CMakeLists.txt \
            $(wildcard csrc/pool/* csrc/training/*) csrc/openssl.pin csrc/mimalloc.pin
# One stamp for each way to build, so that changing the way builds again.
STAMP    := $(VENV)/.installed-lto-$(LTO)-pgo-$(PGO)-malloc-$(MALLOC)-openssl-$(or $(HANDFAST_OPENSSL),pinned)
PYTHON_ENV := $(PYTHON) tools/environment.py

# $(call c_build,FOLDER,OPTIONS): configure and compile csrc; errors show, chatter does not.
# The signature lanes' library comes with the build requirements, where there is one.
define c_build
@mkdir -p build
cmake -S csrc -B build/$(1) -DHANDFAST_MB_PREFIX=$(abspath $(VENV)) $(2) >build/$(1).log || { cat build/$(1).log; exit 1; }
@cmake --build build/$(1) --parallel $(JOBS) >build/$(1).log || { cat build/$(1).log; exit 1; }
endef
c_test = ctest --test-dir build/$(1) --output-on-failure --no-tests=error --parallel $(JOBS)

# Which peers `make interop` compiles or installs; all but go need their registries.
PEERS ?= go rust go-spiffe py-spiffe rust-spiffe

# Every fault sweep appends its totals; tools/faults.py adds them up.
FAULTS := $(abspath build/faults.tsv)
test faults: export HANDFAST_FAULT_TOTALS := $(FAULTS)

.DEFAULT_GOAL := help
.PHONY: help venv install demo test interop faults lint format sanitize sanitize-address \
        sanitize-thread coverage mutate soak soak-identity stress jitter properties bench bench-verify bench-matrix bench-instructions fuzz wheel docs \
        clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 20

venv: ## make .venv with everything that tests and linters need
	@$(PYTHON_ENV) cli test lint

install: ## build the C engine and install handfast into .venv, editable
	@$(PYTHON_ENV)
	@$(MAKE) --no-print-directory $(STAMP)

# The build directory is kept, so that only changed C files are compiled again.
$(STAMP): $(C_INPUTS) pyproject.toml
	@rm -f $(VENV)/.installed-*
	@echo 'install: building the C engine'
	@$(RUN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation \
	  --no-deps --config-settings=build-dir=build/editable \
	  --config-settings=cmake.define.HANDFAST_LTO=$(LTO) \
	  --config-settings=cmake.define.HANDFAST_PGO=$(PGO) \
	  --config-settings=cmake.define.HANDFAST_MALLOC=$(MALLOC) --editable .
	@touch $@

demo: install ## see an authority, two workloads shake hands, and five refusals explained
	@$(PYTHON_ENV) cli
	@$(RUN)/handfast demo

test: install ## run the C tests and the Python tests (one part: TESTS=tests/unit)
	@$(PYTHON_ENV) cli test
	@$(PYTHON) tools/system.py need openssl curl gnutls-cli=gnutls-bin haproxy
	@rm -f $(FAULTS)
	$(call c_build,c,-DHANDFAST_MALLOC=AUTO)
	$(call c_test,c)
	$(RUN)/python -m pytest $(TESTS)
	@$(RUN)/python tools/faults.py $(FAULTS)

interop: export HANDFAST_PEERS := $(PEERS)
interop: install ## talk to programs of others, those on Go, Rust and their SPIFFE too (PEERS=go)
	@$(PYTHON_ENV) cli test $(if $(filter py-spiffe,$(PEERS)),interop)
	@$(PYTHON) tools/system.py need openssl curl gnutls-cli=gnutls-bin haproxy \
	  $(if $(filter go go-spiffe,$(PEERS)),go=golang-go)
	$(RUN)/python -m pytest tests/interop

faults: export HANDFAST_FAULTS := all
faults: install ## run the fault sweeps with every k, not with some of them
	@$(PYTHON_ENV) cli test
	$(call c_build,c)
	@rm -f $(FAULTS)
	$(call c_test,c) -R test_faults
	$(RUN)/python -m pytest tests/faults
	@$(RUN)/python tools/faults.py $(FAULTS)

soak: install ## rotation under load, stuck handshakes, a flood, many handshakes (TIME=60, HANDSHAKES=50000)
	@$(PYTHON_ENV) cli test
	$(RUN)/python -m tests.soak.rotation $(TIME)
	$(RUN)/python -m tests.soak.stuck
	$(RUN)/python -m tests.soak.flood
	$(RUN)/python -m tests.soak.handshakes $(HANDSHAKES)

soak-identity: install ## SVIDs of ten seconds from our own authority under load (TIME=120)
	@$(PYTHON_ENV) cli test
	$(RUN)/python -m tests.soak.identity_plane $(TIME)

stress: ## the acceptor with everything at once, under the thread sanitizer (TIME=600 for long)
	@$(PYTHON_ENV)
	$(call c_build,thread,-DHANDFAST_SANITIZE=thread)
	HF_STRESS_SECONDS=$(TIME) build/thread/test_tls_acceptor_stress

jitter: install ## run tests while system calls and locks take their time at random (TESTS=tests/unit, SEED=1)
	@$(PYTHON_ENV) cli test
	@mkdir -p build
	$(CC) -O2 -Wall -Wextra -shared -fPIC -o build/jitter.so tools/jitter.c -ldl
	LD_PRELOAD=$(CURDIR)/build/jitter.so JITTER_SEED=$(SEED) $(RUN)/python -m pytest $(TESTS)

properties: install ## ask the property tests what nobody has asked, ROUNDS times (TESTS=tests/property)
	@$(PYTHON_ENV) cli test
	for round in $$(seq $(ROUNDS)); do HANDFAST_SEARCH=1 $(RUN)/python -m pytest -q $(or $(TESTS),tests/property) || exit; done

lint: install ## check style, types, formatting and the directions of imports
	@$(PYTHON_ENV) cli test lint
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/pyright
	@echo clang-format of $(words $(C_FILES)) files
	@$(RUN)/clang-format --dry-run --Werror --style=file:csrc/.clang-format $(C_FILES)
	$(RUN)/python tools/lint_c.py
	$(RUN)/python tools/reasons.py --check
	$(RUN)/lint-imports

format: ## rewrite Python and C as the linters want them
	@$(PYTHON_ENV) lint
	$(RUN)/ruff check --fix --exit-zero .
	$(RUN)/ruff format .
	$(RUN)/clang-format -i --style=file:csrc/.clang-format $(C_FILES)

sanitize: sanitize-address sanitize-thread ## run the C tests under ASan+UBSan+LSan and TSan

sanitize-address sanitize-thread: sanitize-%:
	@$(PYTHON_ENV)
	$(call c_build,$*,-DHANDFAST_SANITIZE=$*)
	$(call c_test,$*)

coverage: ## count the lines of csrc that its own tests run; fails under 85 %
	@$(PYTHON_ENV) coverage
	$(call c_build,coverage,-DHANDFAST_COVERAGE=ON)
	@find build/coverage -name '*.gcda' -delete
	$(call c_test,coverage)
	$(RUN)/gcovr --root csrc --filter csrc/src/ --object-directory build/coverage \
	  --print-summary --fail-under-line 85

bench: ## measure beside other stacks (BENCH='--short full' for less); JSON in build/bench
	@$(MAKE) --no-print-directory install LTO=ON
	@$(PYTHON_ENV) cli bench
	$(RUN)/python -m bench $(BENCH)
	$(RUN)/python -m pytest bench/micro --benchmark-json=build/bench/micro.json

bench-verify: ## measure verification beside other stacks (BENCH=--short, --check); with SVGs
	@$(MAKE) --no-print-directory install LTO=ON
	@$(PYTHON_ENV) cli bench
	$(RUN)/python -m bench --plot $(BENCH) verify

bench-matrix: ## layers x kinds x keys x groups, servers, open loop (BENCH=--short); with SVGs
	@$(MAKE) --no-print-directory install LTO=ON
	@$(PYTHON_ENV) cli bench
	$(RUN)/python -m bench --plot $(BENCH) servers matrix

bench-instructions: ## count the C core's instructions; fails when they grew by over 3 %
	@$(PYTHON_ENV)
	@$(PYTHON) tools/system.py need valgrind
	$(RUN)/python -m bench.instructions $(INSTRUCTIONS)

fuzz: ## fuzz every target, TIME seconds in all (FUZZ='--seed 1' for the same each time)
	@$(PYTHON) tools/fuzz.py --time $(TIME) $(FUZZ)

mutate: ## change the security core in small ways; its tests must notice (an hour)
	@$(PYTHON_ENV) cli test
	$(RUN)/python tools/mutate.py --jobs $(JOBS)

wheel: ## build sdist and wheel, check them, try them on every Python here (WHEEL=--short)
	@$(PYTHON_ENV) wheel
	$(RUN)/python tools/wheel.py $(WHEEL)

docs: install ## build the documentation into docs/_build/html
	@$(PYTHON_ENV) cli docs
	$(RUN)/python -m sphinx -W -b html docs docs/_build/html

clean: ## remove what was built here (the OpenSSL in the cache stays)
	rm -rf build dist wheelhouse docs/_build $(VENV)/.installed-*
