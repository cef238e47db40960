# Everything runs in its own virtual environment, made on first use and redone only when the
# requirements change. `make` alone prints this list.

PYTHON ?= python3
PYTHONS ?= python3.11 python3.12 python3.13
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501
PRESET ?= clean
CACHE := .cache/train
PARALLEL := -n logical --maxprocesses 8 --dist loadfile
# pip would compile on one core. Files of another Python's syntax are passed over, as pip does.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
COMPILE := $(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
COVERED := --cov --cov-append --cov-report=

# Without bytecode every process that a test starts would compile the code anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test test-all test-pythons coverage fuzz mutants audit lint format docs bench train \
  clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) \
	  and "Python 3.11, 3.12 or 3.13 is needed: name one, as in PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.txt | $(BIN)/python
	$(INSTALL) -r requirements.txt
	@$(COMPILE)
	@touch $@

$(VENV)/.dev: requirements.txt requirements-dev.txt | $(BIN)/python
	$(INSTALL) -r requirements-dev.txt
	@$(COMPILE)
	@touch $(VENV)/.run $@

$(VENV)/.all: requirements-browser.txt requirements-slow.txt requirements-ray.txt $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-browser.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-slow.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-ray.txt && \
	  $(BIN)/python -c 'import ray' 2>/dev/null || \
	  echo "ray is not installed (no wheel for this Python?): the tests of score --ray will be skipped"
	@command -v chromium >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
	  apt-get -qq update && apt-get -qq install -y chromium; } || \
	  echo "chromium is not installed: the browser tests will be skipped"
	@test -x /usr/sbin/Orthanc -o -n "$$(command -v Orthanc)" || { test "$$(id -u)" = 0 && \
	  test ! -d /run/systemd/system && command -v apt-get >/dev/null && apt-get -qq update && \
	  apt-get -qq install -y --no-install-recommends orthanc orthanc-dicomweb; } || \
	  echo "orthanc and orthanc-dicomweb are not installed: the tests on a real server will be skipped"
	@touch $@

run: $(VENV)/.run ## start the dashboard on http://127.0.0.1:8501 (PORT=... for another port)
	$(BIN)/streamlit run streamlit_app.py --server.port $(PORT)

test: lint ## lint, then the fast tests, which need no network, browser or GPU
	$(BIN)/python -m pytest -m "not slow and not browser and not alone" $(PARALLEL)
	$(BIN)/python -m pytest -m "alone and not slow and not browser"

test-all: lint $(VENV)/.all ## slow and browser tests too; says what was skipped and why
	$(BIN)/python -m pytest -m "not slow and not browser and not alone" $(PARALLEL)
	$(BIN)/python -m pytest -m "alone and not slow and not browser"
	$(BIN)/python -m pytest -m "slow or browser"

coverage: $(VENV)/.all ## the lines of cxr_core that no fast, slow or browser test runs; fails under 95 %
	$(BIN)/coverage erase
	$(BIN)/python -m pytest -m "not slow and not browser and not alone" $(PARALLEL) $(COVERED)
	$(BIN)/python -m pytest -m "slow or browser" $(COVERED)
	$(BIN)/coverage report --fail-under=95

test-pythons: ## make test on each of PYTHONS="python3.11 ...", each in an environment of its own
	@for python in $(PYTHONS); do \
	  version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])') && \
	  $(MAKE) --no-print-directory test PYTHON=$$python VENV=.cache/venv/$$version || exit 1; \
	done

fuzz: $(VENV)/.dev ## read 20,000 mutated pictures, DICOM files, archives and bundles
	CXR_FUZZ=20000 $(BIN)/python -m pytest tests/fuzz -s

mutants: $(VENV)/.dev ## break formulas of the core one by one; a test must fail for each
	$(BIN)/python -m tools.mutate

audit: $(VENV)/.run ## ask the package index for known holes, and check the licences; needs a network
	test -x .cache/audit/bin/pip-audit || { $(PYTHON) -m venv .cache/audit && \
	  .cache/audit/bin/python -m pip install --quiet --disable-pip-version-check "pip-audit>=2.10,<3"; } || \
	  { echo "pip-audit could not be installed: no network, or an index without it"; exit 2; }
	$(BIN)/python -m tools.licences --check
	.cache/audit/bin/python -m tools.audit_packages --path "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"

lint: $(VENV)/.dev ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev ## let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.run ## write docs/api.md anew from the docstrings
	$(BIN)/python -m tools.make_api

bench: $(VENV)/.dev ## time one film against the usual ways (about five minutes)
	$(BIN)/python -m benchmarks.latency --films 5

train: $(VENV)/.dev ## train and publish: make train DATA=folder WEIGHTS="vgg16=imagenet ..." [PRESET=clean]
	@test -n "$(DATA)" -a -n "$(WEIGHTS)" || \
	  { echo 'make train DATA=folder WEIGHTS="NAME=SOURCE ..." [PRESET=clean] [SYSTEMS="vgg16 ..."]'; exit 2; }
	$(BIN)/python -m train --preset $(PRESET) $(if $(SYSTEMS),--systems $(SYSTEMS)) --data $(DATA) \
	  $(foreach w,$(WEIGHTS),--backbone-weights $(w)) --out runs/$(PRESET) --cache $(CACHE)
	$(BIN)/python -m train publish runs/$(PRESET) --out runs/$(PRESET)/bundle

clean: ## remove the environments and every cache but the features
	rm -rf $(VENV) .cache/venv .cache/audit .cache/coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
