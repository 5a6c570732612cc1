# Every target makes what it needs first and can be run again. `make` alone prints this list.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
TYPED := strongroom api worker tasks stack bench tests/services beat_schedule.py
LOCK := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile pyproject.toml --quiet --strip-extras --allow-unsafe \
	--generate-hashes --no-annotate --no-emit-options --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	--extra aws --extra otel --extra postgres --extra service

SEEDS := 1 2
BROKER := valkey

.PHONY: help venv compiled demo up down status test chaos check fmt docs lock bench bench-jobs bench-logins bench-postgres bench-drill bench-metrics bench-reencrypt bench-alerts reencrypt-storm model bench-columns bench-retention bench-skip bench-sessions bench-sizing

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: ## Make .venv from the lock file (nothing to do when it is up to date)
	@requirements/make-venv

demo: venv ## Back up a database and a directory, lose a region, restore, compare; leaves nothing running
	@$(BIN)/python -m stack.demo

up: venv ## Start the whole service on this machine (API, worker, Beat, Flower, broker) and print the addresses
	@$(BIN)/python -m stack up

down: venv ## Stop what `make up` started; data and settings stay
	@$(BIN)/python -m stack down

status: venv ## Say which of the processes of `make up` are running
	@$(BIN)/python -m stack status

test: venv ## Run every test; PostgreSQL, Valkey, Ceph and the rest are started by the tests on private ports
	@PYTHON=$(BIN)/python tests/install-services
	$(BIN)/python -m pytest -n 2

chaos: venv ## Run two long storms of faults over a whole installation (SEEDS="3 4", BROKER=rabbitmq); about ten minutes
	@PYTHON=$(BIN)/python tests/install-services
	$(BIN)/python -m tests.chaos --seed $(SEEDS) --broker $(BROKER)

check: venv ## Run what needs no service: formatting, lint, types, import rules, policy and unit tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(TYPED)
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q -n 2 tests/policy tests/unit --ignore tests/policy/test_static_checks.py

model: venv ## Run the model of backups, expiry, shredding, crashes and collections for 120,000 calls to the store
	$(BIN)/python -m tests.unit.repository.town

reencrypt-storm: venv ## Race writers against re-encryptions ten times and kill a worker 25 times; about three minutes
	$(BIN)/python -m tests.integration.rotation.storm --races 10 --kills 25 --seed $(firstword $(SEEDS))

.PHONY: mfa-cases guess-storm fuzz-api
mfa-cases: venv ## Run the cases of codes, apps and backup codes; under five seconds
	$(BIN)/python -m pytest -q tests/unit/accounts/test_totp.py tests/unit/accounts/test_backup_codes.py \
		tests/unit/accounts/test_mfa.py

guess-storm: venv ## Send 10,000 wrong codes in a day to 200 logins at once; a minute
	$(BIN)/python -m tests.integration.accounts.storm

fuzz-api: venv ## Send 500 requests made from the OpenAPI document to each operation (SEEDS="3"); half an hour
	STRONGROOM_FUZZ_EXAMPLES=500 STRONGROOM_FUZZ_SEED=$(firstword $(SEEDS)) $(BIN)/python -m pytest -q \
		tests/integration/api/test_fuzz.py

fmt: venv ## Format the code and mend what ruff can mend
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

docs: venv ## Write anew what docs take from the code: error classes and the help of commands
	$(BIN)/python -m tests.policy.error_page
	$(BIN)/python -m tests.policy.command_page

lock: venv ## Write the lock files anew from pyproject.toml; keeps versions (UPGRADE=--upgrade takes the newest)
	$(LOCK) $(UPGRADE) --output-file requirements/service.lock
	$(LOCK) $(UPGRADE) --extra dev --output-file requirements/dev.lock

compiled: venv ## Compile the code as installing a wheel does, so that benchmarks do not measure compiling
	@$(BIN)/python -m compileall -q strongroom api worker

bench: compiled ## Measure side by side with restic and borg on the same data
	@PYTHON=$(BIN)/python tests/install-services --bench
	@$(BIN)/python -m bench.backup

bench-postgres: compiled ## Measure logical dumps side by side with pg_dump and zstd
	@PYTHON=$(BIN)/python tests/install-services --bench
	@$(BIN)/python -m bench.postgres

bench-drill: compiled ## Measure a drill of a database of 1 GiB beside the same done by hand
	@PYTHON=$(BIN)/python tests/install-services --bench
	@$(BIN)/python -m bench.drill

bench-retention: compiled ## Measure the retention plan of 100,000 backups beside reading the rows; about a minute
	@$(BIN)/python -m bench.retention

bench-metrics: compiled ## Measure a scrape of 100,000 backups in three regions and a million jobs; about three minutes
	@PYTHON=$(BIN)/python tests/install-services
	@$(BIN)/python -m bench.metrics

bench-sessions: compiled ## Measure one-time sessions beside PING, over HTTP, and under eight processes that race; minutes
	@PYTHON=$(BIN)/python tests/install-services
	@$(BIN)/python -m bench.sessions

bench-sizing: compiled ## Measure what an installation takes of memory, catalog, Redis and regions; some minutes
	@PYTHON=$(BIN)/python tests/install-services
	@$(BIN)/python -m bench.sizing

bench-skip: compiled ## Measure keys shared with ten peers, keys for encryptors, a peer that is killed; five minutes
	@PYTHON=$(BIN)/python tests/install-services
	@$(BIN)/python -m bench.skip

bench-columns: compiled ## Measure what an encrypted column costs a value beside the bare AEAD call; ten seconds
	@$(BIN)/python -m bench.columns

bench-logins: compiled ## Measure refused logins of names that are somebody's and nobody's; half a minute
	@$(BIN)/python -m bench.logins

.PHONY: bench-audit
bench-audit: compiled ## Measure the check of an audit log of a million rows, and how fast rows are written; two minutes
	@$(BIN)/python -m bench.audit

bench-jobs: compiled ## Measure jobs through API, ledger, broker and worker beside bare Celery tasks
	@PYTHON=$(BIN)/python tests/install-services
	@$(BIN)/python -m bench.jobs

bench-alerts: compiled ## Measure how soon people hear, and kill watcher, Beat, workers, broker and catalog; half an hour
	@PYTHON=$(BIN)/python tests/install-services
	@$(BIN)/python -m bench.alerts

bench-reencrypt: compiled ## Measure re-encryption of a million rows beside what PostgreSQL itself can do
	@$(BIN)/python -m bench.reencrypt
