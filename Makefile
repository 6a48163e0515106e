# Both targets set themselves up in a virtual environment first.

PYTHON ?= python3
VENV ?= .venv
DEMO ?= .demo
SPEECH ?= ../shared/speech ../shared/more_speech
HELD_OUT ?= ../shared/protocol/dev_speakers.txt ../shared/protocol/more_dev_speakers.txt
PRETRAINED ?= .pretrained
TEACHER ?= .resemblyzer
BIN = $(VENV)/bin

.PHONY: help demo test lint pretrained clean

help:
	@echo "make demo   run the whole pipeline on the bundled synthetic voices"
	@echo "make test   run linters and tests, as CI does"
	@echo "make pretrained  train the bundled network anew, from SPEECH; takes three quarters of an hour"
	@echo "make clean  delete the virtual environments and the demo's results"

demo: $(VENV)/installed
	sh samples/demo.sh "$(BIN)/python" "$(DEMO)"

pretrained: $(VENV)/installed $(TEACHER)/installed
	sh models/pretrained/reproduce.sh "$(BIN)/python" "$(PRETRAINED)" "$(SPEECH)" "$(HELD_OUT)" \
		"$(TEACHER)/bin/python"

test: lint
	$(BIN)/python -m pytest

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		{ echo "Python's venv module is missing; install it with: sudo apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/installed-test: requirements-test.txt requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-test.txt
	@touch $@ $(VENV)/installed

$(TEACHER)/installed: models/pretrained/requirements-teacher.txt
	$(PYTHON) -m venv $(TEACHER)
	$(TEACHER)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

clean:
	rm -rf "$(VENV)" "$(TEACHER)" "$(DEMO)"
