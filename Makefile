# Everything starts from a fresh clone with Python >= 3.11 and make: `make demo`, `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist loadgroup
PACKAGES := core plugins/xapi plugins/caliper plugins/openedx plugins/moodle plugins/enterprise_filter plugins/serve plugins/clickhouse contract_tests plugins/tutor
VERSIONS := $(wildcard $(addsuffix /src/*/__init__.py,$(PACKAGES)))
WATCHED := $(PYTHON) tools/watched.py
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
EDITABLE := --group dev -e 'core[celery,deferred,metrics,mysql,oauth2,otel,postgres,regex,s3,zstd]' $(addprefix -e ,$(filter-out core plugins/tutor,$(PACKAGES)))
EXPORT := export --quiet --upgrade --all-packages --all-extras --group dev --no-emit-workspace --no-hashes --no-annotate --no-header
TYPED := $(addsuffix /src,$(PACKAGES)) examples docs/generate.py docs/build_site.py tools benchmarks

.PHONY: help install lock demo test test-all test-nightly coverage lint types format docs flows site bench wheels release-check clean

help: ## what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/'

install: $(VENV)/.installed ## create .venv with all packages, editable, with all extras

$(VENV)/.installed: pyproject.toml requirements.lock $(addsuffix /pyproject.toml,$(PACKAGES)) $(VERSIONS)
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"learnrelay needs Python 3.11 or later, this is {v.major}.{v.minor}: make PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/python || $(WATCHED) "creating $(VENV)" $(PYTHON) -m venv $(VENV)
	@$(WATCHED) "updating pip" $(INSTALL) --upgrade 'pip>=25.1'
	@$(WATCHED) "installing the packages and their tools into $(VENV)" $(INSTALL) -c requirements.lock $(EDITABLE) 2>$(VENV)/lock.log || { \
		echo "requirements.lock cannot be installed here ($(VENV)/lock.log says why): installing the newest versions"; \
		$(WATCHED) "installing the newest versions" $(INSTALL) $(EDITABLE); }
	@$(WATCHED) "installing plugins/tutor" $(INSTALL) --no-deps -e plugins/tutor  # without Tutor, which brings some 40 packages; the group `site` has it
	@touch $@

lock: install ## write requirements.lock: the newest versions that all declared ranges allow, for each supported Python
	@{ echo "# Versions that \`make install\` installs. Written by \`make lock\`; never edit it by hand."; \
		$(BIN)/uv $(EXPORT) --python $(BIN)/python; } > requirements.lock.new
	@mv requirements.lock.new requirements.lock

demo: install ## the whole way of an event, with a consumer that goes down and comes back
	@$(BIN)/python examples/demo.py

test: install ## run the tests, without the slow ones; services are used where their addresses are set (see README)
	@$(PYTEST) --skip-slow

test-all: install ## run the slow tests too, and of those that are very many alike some of each kind
	@$(PYTEST) --skip-nightly

test-nightly: install ## run every test: all members of the zoo, all of our own plugins
	@$(PYTEST)

coverage: install ## the same as test-all, and print the lines that no test runs
	@$(PYTEST) --skip-nightly --cov --cov-report=term

lint: install types ## ruff, mypy --strict, layers of imports, names, and known vulnerabilities of what is installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache --no-logo
	@$(BIN)/python tools/names.py
	@$(BIN)/python tools/audit.py

types: install ## mypy --strict alone
	@$(BIN)/mypy $(TYPED)

format: install ## let ruff format and mend what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: install ## write the pages that are derived from the code
	@$(BIN)/python docs/generate.py

flows: install ## trace what the families of our platforms put out, for the data map (5 minutes)
	@for source in openedx moodle; do \
		$(BIN)/python -m learnrelay_contract_tests.inside.flow_writer $$source --distribution learnrelay-$$source || exit 1; done

site: install ## build the documentation site into build/site, with all links checked
	@$(BIN)/python docs/build_site.py

bench: install ## measure speed and memory (20 minutes, 4 GB of disk), write docs/benchmarks.md; BENCH=pipeline a part
	@$(BIN)/python -m benchmarks $(addprefix --only ,$(BENCH))

wheels: install ## build a wheel of each package into dist/
	@for package in $(PACKAGES); do $(BIN)/python -m build --wheel --no-isolation --outdir dist $$package || exit 1; done

release-check: install ## check what a release would publish (20 minutes; see RELEASING.md); ARGUMENTS="install --python ..."
	@$(BIN)/python -m tools.release_check $(ARGUMENTS)

clean: ## remove what was made
	rm -rf $(VENV) dist build demo-output .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
