# Two targets do everything on a bare machine: `make demo` and `make test`. A second run reuses what the first set up.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_ARGS ?=
BENCH_ARGS ?=
KILLS_ARGS ?=
COVERAGE := 95  # per cent of lines and branches, over all packages

.PHONY: forgeries verifier slither schemathesis mutants properties histories kills help demo test lint bench openapi wheels setup setup-python setup-node need-python contracts test-unit test-integration test-postgresql test-contracts test-verifier clean

help:  ## show this
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 20

demo: setup  ## set up and run the main job: DEMO_ARGS="--clients 100 --keep"
	$(BIN)/bonafides demo $(DEMO_ARGS)

test: setup test-unit test-integration test-contracts test-verifier  ## set up and pass every test

test-unit: setup
	$(BIN)/pytest tests -m "not chain and not slow" -n 2 -q --cov --cov-report=

test-integration: setup
	$(BIN)/pytest tests -m "chain or slow" -n 2 --dist loadfile -q --cov --cov-append --cov-report= --durations=10
	$(BIN)/coverage report --format=total --fail-under=$(COVERAGE)

test-postgresql: setup  ## pass the tests of store and interface on PostgreSQL alone, but for tests/not_on_postgresql.txt
	$(BIN)/pytest tests/unit/node_adapter tests/unit/api tests/integration/api --database=postgresql \
		-m "not chain and not slow" -n 2 -q

test-contracts: setup
	scripts/contracts/hardhat.sh test solidity

test-verifier: setup
	scripts/verifier/node.sh --test --test-reporter=dot verifier/test/*.test.js

lint: setup  ## style, types, layers, checked-in artifacts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/contracts/build.py --check
	$(BIN)/python scripts/contracts/layout.py --check
	$(BIN)/python scripts/contracts/gas.py --check
	$(BIN)/python scripts/openapi/build.py --check
	$(BIN)/python -m scripts.docs.tables --check
	scripts/verifier/node.sh scripts/verifier/build.mjs --check

bench: setup  ## every benchmark, each with its ratio to a native limit
	@for script in scripts/bench/*.py; do echo "== $$script"; $(BIN)/python $$script $(BENCH_ARGS) || exit 1; done

slither: setup  ## static analysis of the contracts, in an environment of its own; each finding needs its reason
	@"$(PYTHON)" scripts/setup/slither_env.py
	$(BIN)/python scripts/contracts/static_analysis.py

mutants: setup  ## check that the contract tests notice every missing check (about 15 minutes)
	$(BIN)/python scripts/contracts/mutants.py

properties: setup  ## search for new counterexamples to the properties: random ones, and 20 times as many
	BONAFIDES_PROPERTY_FACTOR=20 $(BIN)/pytest -m "not chain and not slow" -n 2 -q $$(grep -rl '^from hypothesis' tests)

schemathesis: setup  ## search for requests whose answer is not described: random ones, and many (about ten minutes)
	BONAFIDES_SCHEMATHESIS_FACTOR=24 $(BIN)/pytest tests/integration/api/test_schemathesis.py -n 2 -q

histories: setup  ## compare intake, replay and verifier on ten thousand random histories (an hour or two)
	BONAFIDES_HISTORIES=10000 $(BIN)/pytest tests/integration/replay/test_agreement.py -k any_history -n 2 -q

forgeries: setup  ## hold the answers to ten thousand forged bundles, and as many clean ones, against the table (half an hour)
	$(BIN)/python scripts/trials/forgeries.py

kills: setup  ## kill a node, its supervisor, its chain and its database a thousand times at work on either database (hours)
	BONAFIDES_KILLS=1000 $(BIN)/pytest tests/integration/chain/test_kill.py -s -n 0 $(KILLS_ARGS)

contracts: setup  ## compile the contracts; write the checked-in artifacts, storage layout and gas figures
	$(BIN)/python scripts/contracts/build.py
	$(BIN)/python scripts/contracts/layout.py
	$(BIN)/python scripts/contracts/gas.py

verifier: setup-node  ## build the page of the verifier in JavaScript, and print its digest
	scripts/verifier/node.sh scripts/verifier/build.mjs
	scripts/verifier/node.sh scripts/verifier/build.mjs --digest

openapi: setup-python  ## build the description of the HTTP interface
	$(BIN)/python scripts/openapi/build.py

wheels: setup-python  ## build what is given away: the wheels of the application and of the verifier, and the source
	$(BIN)/python scripts/distributions/build.py

tables: setup-python  ## build the tables of the documentation that registries say
	$(BIN)/python -m scripts.docs.tables

setup: setup-python setup-node

# A Python that was named is the one wanted; else a finished .venv of any supported Python will do.
setup-python: need-python
	@"$(PYTHON)" scripts/setup/python_env.py $(if $(filter command,$(firstword $(origin PYTHON))),--exactly)

setup-node: need-python
	@"$(PYTHON)" scripts/setup/node_tools.py

need-python:
	@command -v "$(PYTHON)" >/dev/null || { echo "set-up: there is no $(PYTHON) on this machine" >&2; \
	echo "        install Python 3.11 to 3.13 with venv, or run: make PYTHON=/path/to/python3.12 demo" >&2; exit 2; }

clean:  ## remove what set-up and runs made
	rm -rf $(VENV) .tools node_modules build artifacts cache
