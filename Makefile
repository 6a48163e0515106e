# Each target sets up the virtual environment that it needs first.

PYTHON ?= python3
VENV ?= .venv
DEMO ?= .demo
PRETRAINED ?= .pretrained
TEACHER ?= .resemblyzer
REPRODUCE ?= .reproduce
BIN = $(VENV)/bin
CACHES = build dist .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .coverage

.PHONY: help demo test lint docs pretrained reproduce clean

help:
	@echo "make demo   run the whole pipeline on the bundled synthetic voices"
	@echo "make test   run linters, the type checker and tests, as CI does"
	@echo "make docs   write the API's pages to build/docs"
	@echo "make pretrained  train the bundled network anew, from SPEECH; takes three quarters of an hour"
	@echo "make reproduce  run what the README's figures come from: CACHE and HELD_OUT, CORPUS for times, RESEMBLYZER;"
	@echo "            without them what the samples are enough for"
	@echo "make clean  delete whatever the other targets wrote in this folder: environments, results of the demo, caches of"
	@echo "            tools, and $(PRETRAINED), which holds what make pretrained took three quarters of an hour for"

demo: $(VENV)/installed
	sh samples/demo.sh "$(BIN)/python" "$(DEMO)"
	@echo "To go on by hand, in this shell: source $(BIN)/activate" >&2

pretrained: $(VENV)/installed $(TEACHER)/installed
	@test -n "$(SPEECH)" -a -n "$(HELD_OUT)" || \
		{ echo 'name the speech and who is held out: make pretrained SPEECH="FOLDER ..." HELD_OUT="FILE ..."' >&2; exit 2; }
	sh models/pretrained/reproduce.sh "$(BIN)/python" "$(PRETRAINED)" "$(SPEECH)" "$(HELD_OUT)" \
		"$(TEACHER)/bin/python"

reproduce: $(VENV)/installed
	$(BIN)/python benchmarks/reproduce.py --work "$(REPRODUCE)" $(if $(CACHE),--cache "$(CACHE)") \
		$(if $(HELD_OUT),--held_out $(HELD_OUT)) $(if $(CORPUS),--corpus "$(CORPUS)") \
		$(if $(RESEMBLYZER),--resemblyzer "$(RESEMBLYZER)")

test: lint
	$(BIN)/python ci.py test

lint docs: $(VENV)/installed-test
	$(BIN)/python ci.py $@

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		{ echo "Python's venv module is missing; install it with: sudo apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/installed-test: requirements-test.txt requirements-cluster.txt requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-test.txt
	@touch $@ $(VENV)/installed

$(TEACHER)/installed: models/pretrained/requirements-teacher.txt
	$(PYTHON) -m venv $(TEACHER)
	$(TEACHER)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

clean:
	rm -rf "$(VENV)" "$(TEACHER)" "$(DEMO)" "$(PRETRAINED)" "$(REPRODUCE)" $(CACHES)
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
