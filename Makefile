# Everything payops needs is set up on first use; the stamp makes the second time instant.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' && echo $$p && break; done)
BIN := .venv/bin
READY := .venv/.ready
READY_TO_TEST := .venv/.ready-to-test

.PHONY: run test check pictures bench bench-full soak drill lock

# What runs payops, and nothing else.
$(READY): pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo "payops needs Python 3.11 or newer."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps -e .
	@touch $@

# Linters, test tools and types, beside it.
$(READY_TO_TEST): $(READY) requirements-dev.lock
	$(BIN)/pip install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

run: $(READY)
	$(BIN)/payops serve

test: $(READY_TO_TEST)
	$(BIN)/pytest --numprocesses 3 --dist loadscope

# Both lock files anew from pyproject.toml; needs uv.
LOCK := uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate pyproject.toml
lock:
	$(LOCK) --extra sentry -o requirements.lock
	$(LOCK) --all-extras --constraint requirements.lock -o requirements-dev.lock

check: $(READY_TO_TEST)
	$(BIN)/ruff check core pages tests benchmarks streamlit_app.py
	$(BIN)/ruff format --check core pages tests benchmarks streamlit_app.py
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.lint.sql
	$(BIN)/python -m tests.lint.who_acts
	$(BIN)/python -m tests.lint.refusals
	$(BIN)/python -m tests.lint.texts
	$(BIN)/python -m tests.lint.secrets
	$(BIN)/python -m tests.lint.monitoring_files
	$(BIN)/python -m tests.lint.openapi
	$(BIN)/python -m tests.lint.dependencies
	$(BIN)/python -m tests.lint.licences

# Photographs of every page, drawer and state, to be looked at; needs chromium.
pictures: $(READY_TO_TEST)
	$(BIN)/python -m tests.pictures

bench: $(READY_TO_TEST)
	@for benchmark in $$(ls benchmarks/[a-z]*.py | grep -v -e floors -e traffic -e soak -e drill -e full -e big_data -e _large -e console_sessions); do $(BIN)/python -m benchmarks.$$(basename $$benchmark .py) || exit 1; done

# What pages read at 100,000, 3,000,000 and 10,000,000 payments; hours, and about 5 kB of disk a payment.
bench-full: $(READY_TO_TEST)
	$(BIN)/python -m benchmarks.full

# Twenty minutes of traffic and misfortune; needs pgbouncer.
soak: $(READY_TO_TEST)
	$(BIN)/python -m benchmarks.soak

# Five faults with real processes: each an incident, told once, resolved by itself.
drill: $(READY_TO_TEST)
	$(BIN)/python -m benchmarks.drill
