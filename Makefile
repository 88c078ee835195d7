# Waypost: what a developer types. Needs Python 3.11 (with venv and pip), git and make; everything else is fetched.
PYTHON ?= python3
VENV   := .venv
UV     := $(VENV)/bin/uv
# Names, versions and hashes stand in requirements/*.txt; this is the one tool that reads them.
UV_PIN := uv==0.13.9
export UV_NO_PROGRESS := 1
# As pip does: the certificates that the machine trusts, so that a mirror or proxy with an authority of its own works.
export UV_SYSTEM_CERTS ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: anew install serve test lint format bench kill-long lock clean

install: $(VENV)/.installed

# It holds the place it was made for: a checkout that was moved, or an installation that was broken off, is made anew.
ifneq ($(shell cat $(VENV)/.installed 2>/dev/null),$(CURDIR))
$(VENV)/.installed: anew
endif

$(VENV)/.installed: pyproject.toml requirements/dev.txt Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Waypost needs Python 3.11 or newer: say make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing: apt-get install python3-venv"; exit 1; }
	test "$$(cat $@ 2>/dev/null)" = "$(CURDIR)" || $(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install -q '$(UV_PIN)'
	VIRTUAL_ENV=$(VENV) $(UV) pip install -q --require-hashes -r requirements/dev.txt
	VIRTUAL_ENV=$(VENV) $(UV) pip install -q --no-deps --no-build-isolation -e .
	@echo "$(CURDIR)" > $@

serve: install
	$(VENV)/bin/waypost serve

# Real mail programs take part in the tests; scripts/peers fetches them, or says which are missing.
test: install
	scripts/peers fetch
	$(VENV)/bin/python tools/run_tests.py

lint: install
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/python tools/check_house.py

format: install
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

bench: install
	scripts/peers fetch --bench
	$(VENV)/bin/python -m tools.bench

kill-long: install
	$(VENV)/bin/python -m pytest tests/kill --kills 200

lock: install
	$(UV) pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --no-header -q --upgrade pyproject.toml -o requirements/runtime.txt
	$(UV) pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --no-header -q --extra dev -c requirements/runtime.txt pyproject.toml -o requirements/dev.txt

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
