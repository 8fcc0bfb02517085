# Every target sets up what it needs; a second call costs nothing. `make help` lists targets, variables and defaults,
# out of this file: a variable has a line with `?=`, a target a text after `##` that ends with its variables in brackets.
STUDY          ?= quick
DATA           ?= synthetic
SIZE           ?=
FOLDS          ?=
SCENES         ?=
DATA_FLAGS     ?=
RUNS           ?= runs
DEVICE         ?= auto
WORKERS        ?= auto
THREADS        ?=
TRIAL_TIMEOUT  ?= auto
EXECUTOR       ?= local
EPOCHS         ?=
REPEATS        ?=
REPETITIONS    ?=
SPLIT          ?=
TUNE           ?= 1
ARCHS          ?=
MEMORY_BUDGET  ?=
STORAGE        ?=
STORE_PATIENCE ?=
TRACKING       ?=
ACCEPT_CHANGES ?=
REDO_DELETED   ?=
RETRY_FAILED   ?=
REPAIR         ?=
HTML           ?= 1
COMPARE        ?=
PORT           ?= 5000
PYTHON         ?= python3
TORCH_INDEX    ?=

BIN := .venv/bin
INSTALLED := .venv/installed
TOOLS := .venv/tools
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt
# Minutes of downloads, which one sees come on a terminal; a log has no use for them.
INSTALL = $(if $(shell test -t 2 && echo terminal),$(subst --quiet,,$(PIP)),$(PIP))
PYTEST := $(BIN)/python -m pytest -n auto --dist worksteal

# A misspelt variable would be ignored, and the default run instead. (make's own and PYTHON are no mistake.)
VARIABLES := $(shell sed -n 's/^\([A-Z_]*\) *?=.*/\1/p' $(firstword $(MAKEFILE_LIST)))
SET := $(foreach name,$(.VARIABLES),$(if $(findstring command line,$(origin $(name))),$(name)))
UNKNOWN := $(filter-out $(VARIABLES) MAKE% SHELL .SHELLFLAGS,$(SET))
MEANT = $(patsubst %, (did you mean %?),$(shell $(PYTHON) -c 'import difflib, sys; \
	print(*difflib.get_close_matches(sys.argv[1].upper(), sys.argv[2:], 1))' '$(firstword $(UNKNOWN))' $(VARIABLES)))
$(if $(UNKNOWN),$(error variables must be of $(sort $(VARIABLES)), got $(UNKNOWN)$(MEANT); `make help` says which target takes which))

# One word for the shell, whatever is in it; of a path that begins with a dash, no flag.
WORD = '$(if $(filter -%,$(firstword $(1))),./)$(subst ','\'',$(1))'

# Where results lie, for every command, and for those that need a study's trials.
STORE = --runs $(call WORD,$(RUNS)) $(if $(TRACKING),--tracking $(call WORD,$(TRACKING)))
TRIALS = $(if $(STORAGE),--storage $(call WORD,$(STORAGE)))

# Which frames, and how they are read. As they were given: a pattern may hold `$$`, and flags have quotes of their own.
READ = --data "$(DATA)" $(if $(SIZE),--size $(SIZE)) $(if $(FOLDS),--folds "$(FOLDS)") \
	$(if $(value SCENES),--scene-pattern '$(value SCENES)') $(value DATA_FLAGS)

.PHONY: sweep report register doctor migrate perf check-device ui dashboard setup test test-all storm check mutants audit glossary docs help
.DEFAULT_GOAL := sweep

sweep: setup  ## run or resume a study, of the catalogue or in a file of yours (.py) [STUDY DATA SIZE FOLDS SCENES DATA_FLAGS RUNS DEVICE WORKERS THREADS TRIAL_TIMEOUT EXECUTOR EPOCHS REPEATS SPLIT TUNE ARCHS MEMORY_BUDGET STORAGE TRACKING STORE_PATIENCE ACCEPT_CHANGES REDO_DELETED RETRY_FAILED]
	@$(if $(filter ray,$(EXECUTOR)),$(PIP) -e ".[ray]")
	@$(if $(filter zoo,$(STUDY)),$(PIP) -e ".[zoo]")
	@$(if $(findstring postgresql,$(STORAGE)$(TRACKING)$(HOURGLASS_BENCH_STORAGE)$(HOURGLASS_BENCH_TRACKING)),$(PIP) -e ".[postgresql]")
	@HOURGLASS_BENCH_BY_MAKE=1 $(BIN)/hourglass-bench sweep "$(STUDY)" $(READ) --device "$(DEVICE)" --workers "$(WORKERS)" \
		--trial-timeout "$(TRIAL_TIMEOUT)" --executor "$(EXECUTOR)" $(STORE) $(TRIALS) $(if $(EPOCHS),--epochs "$(EPOCHS)") \
		$(if $(THREADS),--threads "$(THREADS)") $(if $(filter 0,$(TUNE)),--no-tune) \
		$(if $(REPEATS),--repeats "$(REPEATS)") $(if $(SPLIT),--split "$(SPLIT)") \
		$(if $(ARCHS),--archs $(ARCHS)) $(if $(MEMORY_BUDGET),--memory-budget "$(MEMORY_BUDGET)") $(if $(ACCEPT_CHANGES),--accept-changes) \
		$(if $(REDO_DELETED),--redo-deleted) $(if $(RETRY_FAILED),--retry-failed) $(if $(STORE_PATIENCE),--store-patience "$(STORE_PATIENCE)")

report: setup  ## write RUNS/reports/STUDY/report.pdf, and report.html to play with [STUDY RUNS TRACKING HTML COMPARE]
	@$(BIN)/hourglass-bench report "$(STUDY)" $(STORE) $(if $(filter-out 0,$(HTML)),,--no-html) $(if $(COMPARE),--compare $(COMPARE))

register: setup  ## register the best run of each architecture in MLflow, with the alias best [STUDY RUNS STORAGE TRACKING ARCHS]
	@$(BIN)/hourglass-bench register "$(STUDY)" $(STORE) $(TRIALS) $(if $(ARCHS),--archs $(ARCHS))

doctor: setup  ## what is inconsistent between a study's stores and files, and its repair if REPAIR is set [STUDY RUNS STORAGE TRACKING REPAIR]
	@$(BIN)/hourglass-bench doctor "$(STUDY)" $(STORE) $(TRIALS) $(if $(filter-out 0,$(REPAIR)),--repair)

migrate: setup  ## bring database files of an older MLflow or Optuna up to date, after a copy of each [RUNS STORAGE TRACKING]
	@$(BIN)/hourglass-bench migrate $(STORE) $(TRIALS)

# The rate and the loss's weights let few steps of large batches reach a mask, so that there is an IoU to wait for.
perf: setup  ## speed and memory beside plain PyTorch and Lightning -> RUNS/perf [DATA SIZE FOLDS SCENES DATA_FLAGS DEVICE RUNS EPOCHS REPETITIONS]
	@$(PIP) -e ".[perf]"
	@$(BIN)/hourglass-bench perf $(READ) --device "$(DEVICE)" --out $(call WORD,$(RUNS)/perf) --lr 0.01 --loss bce=1 dice=3 \
		$(if $(EPOCHS),--epochs "$(EPOCHS)") $(if $(REPETITIONS),--repetitions "$(REPETITIONS)")

check-device: setup  ## whether a device computes what it should, and how fast; eight minutes at most [DEVICE]
	@$(BIN)/hourglass-bench check --device "$(DEVICE)"

ui: setup  ## MLflow's UI at the runs of STUDY (unset: of the newest one), on this machine only [STUDY RUNS TRACKING PORT]
	@$(BIN)/hourglass-bench ui $(STORE) --port "$(PORT)" $(if $(filter file,$(origin STUDY)),,$(if $(STUDY),--study "$(STUDY)"))

dashboard: setup  ## Optuna's dashboard on the trials of all studies, on this machine only [RUNS STORAGE PORT]
	@$(PIP) -e ".[dashboard]"
	@$(BIN)/hourglass-bench dashboard --runs $(call WORD,$(RUNS)) --port "$(PORT)" $(TRIALS)

test: $(TOOLS)  ## the tests one waits for, on all cores
	$(PYTEST) -m "not slow"

test-all: $(TOOLS)  ## these and the slow ones: kill storms, Ray, real servers, PostgreSQL, perf's processes
	$(PYTEST)

storm: $(TOOLS)  ## the faults that take minutes each, one after the other; each prints its row of docs/reliability.md
	HOURGLASS_OUTAGE_SECONDS=60 $(BIN)/python -m pytest -s tests/studies/long_faults.py tests/studies/test_outages.py
	PYTHONPATH=. $(BIN)/python tests/studies/soak.py "$$(mktemp -d)"

check: $(TOOLS)  ## ruff, mypy and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

mutants: $(TOOLS)  ## which small changes of statistics, metrics and splits no test notices; half an hour and more
	@sh tests/mutants.sh

audit:  ## known vulnerabilities of the pinned packages, by the registry's database [PYTHON]
	@test -x .venv/audit/bin/pip-audit || { $(PYTHON) -m venv .venv/audit && .venv/audit/bin/python -m pip install --quiet pip-audit; }
	@.venv/audit/bin/pip-audit --strict --no-deps --disable-pip --progress-spinner off -r constraints.txt

docs: $(TOOLS)  ## the docs folder as a book: site/index.html, to be read as files
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

glossary: setup  ## docs/glossary.md again, after a change of bench/schema.py
	@$(BIN)/python docs/glossary.py

setup: $(INSTALLED)  ## .venv and what is installed there; the others do it when they need it [PYTHON TORCH_INDEX]

help:  ## what can be made, and with which variables
	@awk '/^[A-Z_]+ *\?=/ { value[$$1] = $$3 } \
		/^[a-z-]+:.*  ## / { \
			split($$0, at, /:.*  ## | \[|\]/); \
			printf "make %-12s %s\n", at[1], at[2]; \
			count = split(at[3], names, " "); \
			for (i = 1; i <= count; i++) printf "%s%s=%s", i == 1 ? "                  " : " ", names[i], value[names[i]]; \
			if (count) print "" \
		}' $(firstword $(MAKEFILE_LIST))

# TORCH_INDEX adds an index whose build of torch, such as 2.13.0+cpu, is then taken for the default one of that version.
# Of what is installed only that is compiled to bytecode which is imported: here once, and not in every worker and
# report where the environment forbids Python to keep it (PYTHONDONTWRITEBYTECODE, common in containers).
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python >= 3.11 is needed, got " + sys.version + "; set PYTHON=.")'
	@echo "Installing torch, MLflow, Optuna and what they need into .venv, once: 1.6 GB where torch is for CPUs alone (on Linux"
	@echo "with TORCH_INDEX of such builds), several GB with CUDA's libraries; docs/install.md says more."
	$(PYTHON) -m venv .venv
	$(INSTALL) $(if $(TORCH_INDEX),--extra-index-url "$(TORCH_INDEX)") -e .
	@PYTHONDONTWRITEBYTECODE= MLFLOW_DISABLE_TELEMETRY=true $(BIN)/python -c "import mlflow, hourglass_bench.reports.build, hourglass_bench.studies.run"
	@PYTHONDONTWRITEBYTECODE= $(BIN)/hourglass-bench train --help > /dev/null
	@touch $@

# What developers need beside: test and lint tools, and the optional parts, which the tests cover.
$(TOOLS): $(INSTALLED)
	$(INSTALL) -e ".[dev]"
	@touch $@
