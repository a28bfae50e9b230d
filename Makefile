# Everything a person does here, one word each. `make run` and `make test` need Python 3.11, no more.
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
RUNS ?= runs
RECORDINGS := images/synthetic_app

# One thread each: the stages run one after another, and small matrices gain nothing from more.
export OMP_NUM_THREADS ?= 1
export NUMBA_NUM_THREADS ?= 1

.PHONY: help run test lint bench lock record compile images push secrets deploy undeploy clean
.DEFAULT_GOAL := help

help:  ## this list
	@grep -E '^[a-z%-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 14

run: $(VENV)/installed-run  ## learn, compare and roll out (dry) on the recorded telemetry
	$(BIN)/aware run --telemetry $(RECORDINGS)/recordings --later $(RECORDINGS)/recordings-later \
		--output $(RUNS)

test: $(VENV)/installed-dev  ## the whole test suite
	$(BIN)/python -m pytest

lint: $(VENV)/installed-dev  ## style, format, types, layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(VENV)/installed-dev  ## every benchmark, quick form
	@for path in $$(grep -l __main__ tests/benchmarks/[a-z]*.py); do \
		name=$$(basename $$path .py); echo "== $$name"; \
		$(BIN)/python -m tests.benchmarks.$$name --quick || exit 1; \
	done

bench-%: $(VENV)/installed-dev  ## one benchmark in full, such as bench-simulator
	$(BIN)/python -m tests.benchmarks.$*

compile: $(VENV)/installed-run  ## both pipelines for Kubeflow; IMAGES=FILE of their digests
	$(BIN)/aware compile $(if $(IMAGES),--images $(IMAGES),--local-images) --output $(RUNS)/compiled

images: $(VENV)/installed-dev  ## every stage's and service's image (BASE=IMAGE by digest)
	$(BIN)/python -m images.build $(if $(BASE),--base $(BASE))

push: $(VENV)/installed-dev  ## images to REGISTRY=HOST/FOLDER; pins them in manifests/ and images.yaml
	$(BIN)/python -m images.push --registry $(REGISTRY)

record: $(VENV)/installed-dev  ## record real containers under real load again (root, an hour)
	$(BIN)/python -m tests.recorder --minutes 62 --output $(RECORDINGS)/recordings
	$(BIN)/python -m tests.recorder --minutes 26 --plan later --offset-minutes 62 \
		--output $(RECORDINGS)/recordings-later

lock: $(VENV)/installed-dev  ## pin what setup.cfg asks for
	LOCKER="$(BIN)/pip-compile" .ci/lock

secrets:  ## namespaces and Secrets for OVERLAY=dev, with random words
	manifests/overlays/dev/make-secrets.sh

deploy:  ## install on the cluster of kubectl's context; OVERLAY=dev or production
	kubectl apply --server-side -k manifests/overlays/$(or $(OVERLAY),production)

undeploy:  ## take it away again, with its namespace and every MultidimPodAutoscaler
	kubectl delete --ignore-not-found -k manifests/overlays/$(or $(OVERLAY),production)

clean:  ## forget the virtual environment and the runs
	rm -rf $(VENV) $(RUNS)

$(VENV)/installed-run: requirements.lock setup.cfg | $(VENV)/bin/python
	$(BIN)/python -m pip install -qq --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# The development lock holds the run lock whole, so it serves both.
$(VENV)/installed-dev: requirements-dev.lock setup.cfg | $(VENV)/bin/python
	$(BIN)/python -m pip install -qq --disable-pip-version-check -r requirements-dev.lock
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/installed-run

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
