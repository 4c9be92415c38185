# Every target is told by `make help`; the work is in ops/ (python -m ops <command>).
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
SHELL := /bin/sh

EXAMPLE ?= flights
OPS := .venv/bin/python -m ops
TOOL := $(OPS) exec --terraform-only
PYTHON_CODE := $(wildcard local ops jobs tests bench examples)

# Texts go through the environment as they were typed: neither make nor the shell may touch them.
ifdef SQL
override SQL := $(value SQL)
export SQL
endif
ifdef REASON
override REASON := $(value REASON)
export REASON
endif
# Environments hold secrets under this name: only one that was typed here is a task token.
ifeq ($(origin TOKEN),command line)
export TASK_TOKEN := $(value TOKEN)
endif
export TARGET

# A Python that runs (a shim may not), is new enough and can make virtual environments; versions
# for which all packages are ready-made come first.
define SET_UP
wanted='import sys, venv, ensurepip, ssl; v = sys.version_info; sys.exit(not (3, 11) <= v[:2] <= (3, $(1)))'; \
for python in $(PYTHON) python3 python3.13 python3.12 python3.11 python python3.14 \
    "$$HOME"/.pyenv/versions/3.1[1-9]*/bin/python3; do \
  if "$$python" -c "$$wanted" >/dev/null 2>&1; then exec "$$python" -m ops.bootstrap; fi; \
done
endef

.PHONY: help setup demo local-up local-down drop run approve reject query status logs apply destroy conform test test-fast lint fmt bench clean

help: ## Show this help.
	@echo "Usage: make <target> [NAME=value]"; echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## Make the virtual environments and find the Terraform provider; the other targets call it.
	@$(call SET_UP,13); $(call SET_UP,99); \
	echo "Error: no Python 3.11 or newer with venv was found on PATH." >&2; \
	echo "Install one (on Debian and Ubuntu also python3-venv), or name it: make setup PYTHON=<path>" >&2; \
	exit 1

demo: setup ## Run the whole system on an example, locally, and take it down. EXAMPLE=flights|retail|bookings|countries KEEP=1
	@$(OPS) demo --example "$(EXAMPLE)" $(if $(filter-out 0,$(KEEP)),--keep)

local-up: setup ## Start the local AWS, apply the project, drop an example's files, which start a run. EXAMPLE= VAR_FILE=
	@$(OPS) local-up --example "$(EXAMPLE)" $(if $(VAR_FILE),--var-file "$(VAR_FILE)")

local-down: setup ## Stop the local AWS and forget all that was in it.
	@$(OPS) local-down

drop: setup ## Drop files into the lake, and say which run takes them. DATASET=flights FILES='a.csv b.csv.gz' TARGET=local|aws
	@$(OPS) drop --dataset "$(DATASET)" $(FILES)

run: setup ## Run the pipeline and watch it. DATASETS=a,b FROM=ingest|transform|model STAGES=a,b REBUILD=1 TARGET=local|aws
	@$(OPS) run --datasets "$(DATASETS)" --stages "$(STAGES)" $(if $(FROM),--from "$(FROM)") $(if $(REBUILD),--rebuild)

approve: setup ## Approve what a run asks for: the only request, or one of several. RUN=<id> DATASET= TOKEN= TARGET=local|aws
	@$(OPS) approve --run "$(RUN)" --dataset "$(DATASET)"

reject: setup ## Reject what a run asks for, and say why. REASON='…' RUN=<id> DATASET= TOKEN= TARGET=local|aws
	@$(OPS) reject --run "$(RUN)" --dataset "$(DATASET)"

query: setup ## Ask Athena. SQL='SELECT …' TARGET=local|aws
	@$(OPS) query

status: setup ## Show the last runs, what failed, what waits, crawlers, alarms. RUN=<id> TARGET=local|aws
	@$(OPS) status $(if $(RUN),--run "$(RUN)")

logs: setup ## Show the job logs of a run, by default the last. RUN=<id> TARGET=local|aws
	@$(OPS) logs $(if $(RUN),--run "$(RUN)")

apply: setup ## Deploy to AWS; terraform shows its plan and asks first. VAR_FILE=my.tfvars
	@$(OPS) apply $(if $(VAR_FILE),--var-file "$(VAR_FILE)")

destroy: setup ## Remove the deployment from AWS; terraform asks first. VAR_FILE=my.tfvars
	@$(OPS) destroy $(if $(VAR_FILE),--var-file "$(VAR_FILE)")

conform: setup ## Deploy, run and probe on AWS what nobody has seen there yet; asks, and destroys it. YES=1 KEEP=1 NAME= PROBES=a,b SPARK=0 TARGET=local
	@$(OPS) conform --name "$(NAME)" --probes "$(PROBES)" $(if $(filter-out 0,$(YES)),--yes) $(if $(filter-out 0,$(KEEP)),--keep) $(if $(filter 0,$(SPARK)),--no-spark)

test: setup ## Run all tests. ARGS='-k ingest'
	@$(TOOL) .venv/bin/python -m pytest -n 3 --dist loadgroup $(ARGS)

test-fast: setup ## Run the tests of jobs, state machines and rules that take no server. ARGS='-k ingest'
	@$(TOOL) .venv/bin/python -m pytest -n 2 --dist loadgroup -m 'not slow' tests/unit tests/asl tests/terraform/test_rules.py $(ARGS)

lint: setup ## Check style, types and Terraform; change nothing.
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy --strict $(PYTHON_CODE)
	@$(TOOL) terraform fmt -check -diff -recursive
	@$(OPS) docs --check
	@$(OPS) validate

fmt: setup ## Format Python and Terraform; write README.md's tables and the root's variables.
	.venv/bin/ruff check --fix-only --quiet .
	.venv/bin/ruff format .
	@$(TOOL) terraform fmt -recursive
	@$(OPS) docs

bench: setup ## Run the benchmarks. ARGS=<options>
	@for script in bench/*.py; do echo "$$script"; .venv/bin/python "$$script" $(ARGS) || exit 1; done

clean: local-down ## Stop the local AWS and remove what set-up and runs have made.
	@if grep -ls '"local": false' .local/conform/*/deployment.json 2>/dev/null; then \
	  echo "Error: the files above are all that is known of deployments on AWS that make conform has left." >&2; \
	  echo "Destroy them first: make conform NAME=<name of the folder>" >&2; exit 1; \
	fi
	rm -rf .local .venv .venv-jobs .venv-spark .venv-spark.lock .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
