# Everything starts from a fresh clone with Python >= 3.11 and make: `make demo`, `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := core plugins/xapi plugins/caliper plugins/enterprise_filter contract_tests
TYPED := $(addsuffix /src,$(PACKAGES)) examples docs/generate.py tools

.PHONY: help install demo test lint format docs bench wheels clean

help: ## what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/'

install: $(VENV)/.installed ## create .venv with all packages, editable, with all extras

$(VENV)/.installed: pyproject.toml $(addsuffix /pyproject.toml,$(PACKAGES))
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"learnrelay needs Python 3.11 or later, this is {v.major}.{v.minor}: make PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@echo "installing the packages and their tools into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev \
		-e 'core[celery,deferred,metrics,postgres,s3,zstd]' $(addprefix -e ,$(wordlist 2,9,$(PACKAGES)))
	@touch $@

demo: install ## the whole way of an event, with a consumer that goes down and comes back
	@$(BIN)/python examples/demo.py

test: install ## all tests, with coverage; those that need a server run where LEARNRELAY_TEST_*_URL is set
	@$(BIN)/python -m pytest --cov --cov-report=term

lint: install ## ruff (lint and format), mypy --strict, and known vulnerabilities of what is installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy $(TYPED)
	@$(BIN)/python tools/audit.py

format: install ## let ruff format and mend what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: install ## write the pages that are derived from the code
	@$(BIN)/python docs/generate.py

bench: install ## measure speed and memory (20 minutes, 4 GB of disk), write docs/benchmarks.md
	@$(BIN)/python -m benchmarks

wheels: install ## build a wheel of each package into dist/
	@for package in $(PACKAGES); do $(BIN)/python -m build --wheel --no-isolation --outdir dist $$package || exit 1; done

clean: ## remove what was made
	rm -rf $(VENV) dist demo-output .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
