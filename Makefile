# Every target sets up what it needs; a second call costs nothing. Variables: see README.md.
STUDY  ?= quick
DATA   ?= synthetic
RUNS   ?= runs
DEVICE ?= auto
EPOCHS ?=
PORT   ?= 5000
PYTHON ?= python3

BIN := .venv/bin
INSTALLED := .venv/installed

.PHONY: sweep report ui setup test check
.DEFAULT_GOAL := sweep

sweep: setup  ## run or resume a study
	@$(BIN)/python -m studies run "$(STUDY)" --data "$(DATA)" --runs "$(RUNS)" --device "$(DEVICE)" $(if $(EPOCHS),--epochs "$(EPOCHS)")

report: setup  ## write RUNS/reports/STUDY/report.pdf
	@$(BIN)/python -m reports build --study "$(STUDY)" --runs "$(RUNS)"

ui: setup  ## MLflow on this machine only
	@MLFLOW_DISABLE_TELEMETRY=true $(BIN)/mlflow ui --host 127.0.0.1 --port "$(PORT)" --workers 1 \
		--backend-store-uri "sqlite:///$(abspath $(RUNS))/mlflow.db"

test: setup
	$(BIN)/python -m pytest

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

setup: $(INSTALLED)

# Without bytecode compilation the install is shorter; what is imported compiles on first use.
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python >= 3.11 is needed, got " + sys.version + "; set PYTHON=.")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e ".[dev]"
	@touch $@
