# The front door: `make run` shows a living bakery, `make test` proves the engine.
# Each target is what a person could type; stamp files in .venv make repeats instant.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
APT := mosquitto mosquitto-clients nats-server chromium openssl prometheus caddy
# g++ brings the headers of libc, which gcc alone only recommends.
BENCH := g++ mosquitto nats-server chromium golang-go \
	golang-github-go-chi-chi-dev golang-github-gorilla-websocket-dev golang-github-eclipse-paho.mqtt.golang-dev

# The rooms of the compiled modules; the rest is the same Python either way.
MACHINE := -o pythonpath=".cache/compiled ." $(addprefix tests/,bus ingest mqtt state stream thing)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export UV_NO_PROGRESS := 1

.DEFAULT_GOAL := help
.PHONY: help run test bench compile check format lint types imports openapi requirements clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1 \2/p' $(MAKEFILE_LIST) | awk '{printf "  %s %-13s", $$1, $$2; $$1 = $$2 = ""; print}'

run: $(VENV)/run.stamp ## start the demo: a simulated bakery, its API and its console
	@exec $(BIN)/egizcore demo

test: $(VENV)/dev.stamp ## run every test (COMPILED=1: the hot rooms' against what `make compile` made)
	@sh .ci/servers $(APT)
	$(BIN)/pytest -n $${WORKERS:-2} --dist worksteal $(if $(COMPILED),$(MACHINE))

bench: $(VENV)/dev.stamp ## measure it beside its peers (SCENARIOS=flood,fanout RUNS=1)
	@sh .ci/servers $(BENCH)
	$(BIN)/python -m bench $(if $(SCENARIOS),--scenarios $(SCENARIOS)) $(if $(RUNS),--runs $(RUNS)) $(if $(MINUTES),--minutes $(MINUTES))

compile: $(VENV)/dev.stamp ## build a wheel in dist/ whose hot modules are machine code
	@sh .ci/servers g++
	@rm -rf .cache/compile .cache/compiled
	@mkdir -p .cache/compile && cp -r src pyproject.toml README.md .cache/compile
	cd .cache/compile && HATCH_BUILD_HOOKS_ENABLE=1 ../../$(BIN)/python -m hatchling build -t wheel -d ../wheel >../compile.log 2>&1 \
		|| { tail -n 20 ../compile.log; exit 1; }
	@mkdir -p dist && cp .cache/wheel/*.whl dist
	@$(BIN)/uv pip install --quiet --no-deps --target .cache/compiled .cache/wheel/*.whl
	@PYTHONPATH=.cache/compiled $(BIN)/python -m egizcore version

check: format lint types imports test ## all that CI demands

format: $(VENV)/dev.stamp ## is the code formatted? (`make format FIX=1` formats it)
	$(BIN)/ruff format $(if $(FIX),,--check) .

lint: $(VENV)/dev.stamp ## ruff, every rule less those reasoned away (FIX=1 mends)
	$(BIN)/ruff check $(if $(FIX),--fix) .

types: $(VENV)/dev.stamp ## mypy, strict, over the package and its tests
	$(BIN)/mypy

imports: $(VENV)/dev.stamp ## do the rooms import in one direction?
	$(BIN)/lint-imports --no-logo --config importlinter.ini

openapi: $(VENV)/run.stamp ## write the API's description to docs/openapi.json
	$(BIN)/python -m egizcore.rest.openapi > docs/openapi.json.new
	mv docs/openapi.json.new docs/openapi.json

requirements: $(VENV)/build.stamp ## choose newer versions and write them down with their hashes
	$(call compile,requirements/build.in,requirements/build.txt)
	$(call compile,pyproject.toml,requirements/run.txt)
	$(call compile,requirements/dev.in,requirements/dev.txt)
	$(call compile,requirements/browser.in,requirements/browser.txt)

clean: ## take away all that make made
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks .cache

define compile
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --no-annotate $(1) -o $(2)
endef

define install
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet
endef

$(VENV)/build.stamp: requirements/build.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo "EgizCore needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || sh .ci/apt python3-venv \
		|| { echo "Python's venv is missing: install the package python3-venv, then run make again." >&2; exit 1; }
	@echo "Setting up $(VENV) (once)"
	@test -x $(BIN)/python && $(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install -qq --require-hashes -r requirements/build.txt
	@touch $@

$(VENV)/run.stamp: $(VENV)/build.stamp requirements/run.txt pyproject.toml
	@$(install) --require-hashes -r requirements/run.txt
	@$(install) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements/dev.txt requirements/browser.txt
	@$(install) --require-hashes -r requirements/dev.txt
	@$(install) --require-hashes -r requirements/browser.txt
	@touch $@
