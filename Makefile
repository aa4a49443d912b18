# One runner for everything. A fresh Debian 12 needs python3, python3-venv and make; nothing here needs root.
PYTHON ?= python3
VENV := .venv
VENV_CONVERT := .venv-convert
# twice quiet: errors only
PIP_FLAGS := --quiet --quiet --disable-pip-version-check
UV_VERSION := 0.13.8

.PHONY: help demo test coverage lint bench bench-peers convert test-converters test-tflite-runtime train-emotion docs lock \
	version clean
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | expand -t 22

demo: $(VENV)/.demo ## run the whole pipeline on a clip of two people and print the events that a server receives
	$(VENV)/bin/edge-fer demo

test: $(VENV)/.dev ## run every test that needs no TensorFlow
	$(VENV)/bin/python -m pytest --ignore=tests/converters $(PYTEST_FLAGS)

coverage: $(VENV)/.dev ## run the same tests and fail below the required coverage; needs mosquitto and systemd
	$(VENV)/bin/coverage erase
	$(VENV)/bin/coverage run -m pytest --ignore=tests/converters $(PYTEST_FLAGS)
	$(VENV)/bin/coverage combine --quiet
	$(VENV)/bin/coverage report

lint: $(VENV)/.dev ## check style, types and spelling
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/codespell

bench: $(VENV)/.dev ## measure what a frame of the demo's clip costs, stage by stage
	$(VENV)/bin/edge-fer bench

bench-peers: $(VENV)/.dev ## compare with other face libraries; builds their environments (8 GB)
	$(VENV)/bin/python -m benchmarks.peers $(BENCH_FLAGS)

convert: $(VENV_CONVERT)/.convert ## build models/*.tflite and manifests from the weights; DATA=FOLDER holds the calibration data
	$(VENV_CONVERT)/bin/edge-fer-convert all $(if $(DATA),--data $(DATA))

test-converters: $(VENV_CONVERT)/.convert ## run the tests that need TensorFlow
	$(VENV_CONVERT)/bin/python -m pytest tests/converters $(PYTEST_FLAGS)

test-tflite-runtime: $(VENV)/.dev ## check the shipped models on tflite-runtime 2.14 (Python 3.10 or 3.11 only)
	sh tests/converters/tflite_runtime.sh $(VENV)/bin/python $(PYTHON)

train-emotion: $(VENV_CONVERT)/.convert ## train the emotion network; DATA=FOLDER holds fer2013/, lfw/ and tired/
	$(VENV_CONVERT)/bin/python -m converters.training.emotion $(if $(DATA),--data $(DATA)) --out build/emotion --resume
	$(VENV_CONVERT)/bin/python -m converters.training.export $(if $(DATA),--data $(DATA)) --out build/emotion
	$(VENV_CONVERT)/bin/python -m converters.training.evaluate $(if $(DATA),--data $(DATA)) --plots docs/img \
		--sidecar models/emotion_arch.json

docs: $(VENV)/.dev ## write the generated pages of docs/
	$(VENV)/bin/python -m tests.documentation

lock: ## pin the dependencies of pyproject.toml with hashes, for Python 3.10 to 3.13
	sh requirements/lock.sh "$(PYTHON)" "$(UV_VERSION)"

version: $(VENV)/.dev ## prepare a release: NEW=0.2.0 sets the version and dates what CHANGELOG.md lists as unreleased
	@test -n "$(NEW)" || { echo 'Usage: make version NEW=0.2.0' >&2; exit 2; }
	$(VENV)/bin/hatchling version $(NEW)
	sed -i "s/^## \[Unreleased\]$$/&\n\n## [$(NEW)] - $$(date +%F)/" CHANGELOG.md

clean: ## remove what make built, environments included
	rm -rf build dist $(VENV) $(VENV_CONVERT) .mypy_cache .pytest_cache .ruff_cache .hypothesis

# Each environment ends with a stamp, so that a second call starts at once.
$(VENV)/.demo: requirements/demo.txt pyproject.toml
	$(call environment,$(VENV),demo,about a minute,-e .)

$(VENV)/.dev: requirements/dev.txt pyproject.toml
	$(call environment,$(VENV),dev,about a minute,-e .)

$(VENV_CONVERT)/.convert: requirements/convert.txt pyproject.toml converters/pyproject.toml
	$(call environment,$(VENV_CONVERT),convert,some minutes: it holds TensorFlow,-e . -e ./converters)

# $(call environment,FOLDER,LOCK,HOW LONG,PROJECTS)
define environment
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(not (3, 10) <= v < (3, 14) and \
	"edge_fer needs Python 3.10 to 3.13, and $(PYTHON) is %d.%d: use make PYTHON=python3.11" % v[:2])'
	@echo "Installing requirements/$(2).txt into $(1) ($(3), once)"
	@test -x $(1)/bin/pip || $(PYTHON) -m venv $(1)
	@$(1)/bin/pip install $(PIP_FLAGS) --require-hashes -r requirements/$(2).txt
	@$(1)/bin/pip install $(PIP_FLAGS) --no-deps --no-build-isolation $(4)
	@touch $@
endef
