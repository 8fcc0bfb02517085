# Every target sets up what it needs; a second call costs nothing. Variables: see README.md.
STUDY          ?= quick
DATA           ?= synthetic
RUNS           ?= runs
DEVICE         ?= auto
WORKERS        ?= auto
EXECUTOR       ?= local
EPOCHS         ?=
REPETITIONS    ?=
SPLIT          ?=
MEMORY_BUDGET  ?=
STORAGE        ?=
TRACKING       ?=
ACCEPT_CHANGES ?=
HTML           ?=
PORT           ?= 5000
PYTHON         ?= python3

BIN := .venv/bin
INSTALLED := .venv/installed
TOOLS := .venv/tools
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt

# Where results lie, for every command.
STORE = --runs "$(RUNS)" $(if $(TRACKING),--tracking "$(TRACKING)")

.PHONY: sweep report perf ui setup test check
.DEFAULT_GOAL := sweep

sweep: setup  ## run or resume a study
	@$(if $(filter ray,$(EXECUTOR)),$(PIP) -e ".[ray]")
	@$(if $(findstring postgresql,$(STORAGE)$(TRACKING)),$(PIP) -e ".[postgresql]")
	@$(BIN)/python -m studies run "$(STUDY)" --data "$(DATA)" --device "$(DEVICE)" --workers "$(WORKERS)" \
		--executor "$(EXECUTOR)" $(STORE) $(if $(STORAGE),--storage "$(STORAGE)") $(if $(EPOCHS),--epochs "$(EPOCHS)") \
		$(if $(SPLIT),--split "$(SPLIT)") \
		$(if $(MEMORY_BUDGET),--memory-budget "$(MEMORY_BUDGET)") $(if $(ACCEPT_CHANGES),--accept-changes)

report: setup  ## write RUNS/reports/STUDY/report.pdf
	@$(BIN)/python -m reports build --study "$(STUDY)" $(STORE) $(if $(HTML),--html)

# The rate and the loss's weights let few steps of large batches reach a mask, so that there is an IoU to wait for.
perf: setup  ## speed and memory beside plain PyTorch and Lightning -> RUNS/perf
	@$(PIP) -e ".[perf]"
	@$(BIN)/python -m bench perf --data "$(DATA)" --device "$(DEVICE)" --out "$(RUNS)/perf" --lr 0.01 --loss bce=1 dice=3 \
		$(if $(EPOCHS),--epochs "$(EPOCHS)") $(if $(REPETITIONS),--repetitions "$(REPETITIONS)")

ui: setup  ## MLflow on this machine only
	@$(if $(filter http%,$(TRACKING)),echo "TRACKING is a server with a UI of its own: open it in a browser."; exit 2)
	@MLFLOW_DISABLE_TELEMETRY=true $(BIN)/mlflow ui --host 127.0.0.1 --port "$(PORT)" --workers 1 \
		--backend-store-uri "$(or $(TRACKING),sqlite:///$(abspath $(RUNS))/mlflow.db)"

test: $(TOOLS)
	$(BIN)/python -m pytest

check: $(TOOLS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

setup: $(INSTALLED)

# Of what is installed only that is compiled to bytecode which is imported: here once, and not in every worker and
# report where the environment forbids Python to keep it (PYTHONDONTWRITEBYTECODE, common in containers).
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python >= 3.11 is needed, got " + sys.version + "; set PYTHON=.")'
	$(PYTHON) -m venv .venv
	$(PIP) -e .
	@PYTHONDONTWRITEBYTECODE= MLFLOW_DISABLE_TELEMETRY=true $(BIN)/python -c "import mlflow, reports.build, studies.run"
	@touch $@

# What developers need beside: test and lint tools, and the optional parts, which the tests cover.
$(TOOLS): $(INSTALLED)
	$(PIP) -e ".[dev]"
	@touch $@
