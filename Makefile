# Two commands matter: `make book` and `make test`. Each sets up what it needs first.
PYTHON ?= python3

# `make test TORCH=min` runs the tests with the oldest torch that pyproject.toml promises, `TORCH=newest` with the
# newest there is; left out, with constraints.txt's. Each has an environment of its own.
TORCH ?=
$(if $(filter xx xminx xnewestx,x$(TORCH)x),,$(error TORCH must be min, newest or left out, got '$(TORCH)'))
VENV := .venv$(TORCH:%=-%)
TORCH_SET_min := torch==2.14.* torchvision==0.29.0
TORCH_SET_newest := torch torchvision
BIN := $(VENV)/bin
UV := $(shell command -v uv || echo $(BIN)/uv)

# One environment wherever outputs are made or compared: one thread a process, no GPU.
export OMP_NUM_THREADS := 1
export CUDA_VISIBLE_DEVICES :=
export PYTHONHASHSEED := 0

# Compiled once and kept: importing torch takes twice as long where an environment forbids it.
export PYTHONDONTWRITEBYTECODE :=

# `make notebooks` runs every chapter; `make notebooks NOTEBOOKS=notebooks/02_autograd.ipynb` runs one.
NOTEBOOKS ?=

# `make book` builds the readers' book; `make book EDITION=student` one without solutions, with the exercises to hand
# out; `make book EDITION=instructor` one that adds points, misconceptions and hints. Each has a folder of its own.
EDITION ?=
$(if $(filter xx xstudentx xinstructorx,x$(EDITION)x),,$(error EDITION must be student, instructor or left out, got '$(EDITION)'))
BUILD := $(if $(EDITION),_build/.$(EDITION),.)
SITE := _build/$(or $(EDITION),html)
SLIDES := PYTHONPATH=book/_ext $(BIN)/python -m zero_slides

# `make dist` writes the book to carry away: the site as a zip, an EPUB and a PDF. It wants Chromium.
DIST := _build/dist$(EDITION:%=-%)

.PHONY: book dist serve lab test test-elsewhere notebooks slides bench constraints clean

book: $(VENV)/ready
	BOOK_EDITION=$(EDITION) $(BIN)/jupyter-book build . -n -W --keep-going --path-output $(BUILD)
	$(if $(EDITION),rm -rf $(SITE) && cp -R $(BUILD)/_build/html $(SITE),$(SLIDES))
	@echo "The book: $(SITE)/index.html"

dist: book
	PYTHONPATH=book/_ext $(BIN)/python -m zero_dist --site $(SITE) --out $(DIST)

serve: book
	$(BIN)/python -m http.server --directory $(SITE) --bind 127.0.0.1 8000

lab: $(VENV)/ready
	$(BIN)/python book/scripts/copies.py
	$(BIN)/jupyter lab my_notebooks

test: book
	$(BIN)/pytest -n 2 --dist loadscope

# The notebooks and the library's tests as other processors would run them, in one table; `ROWS="oldest avx2"`, `ONLY=notebooks`.
test-elsewhere: $(VENV)/ready
	$(BIN)/python tests/elsewhere.py $(if $(ROWS),--rows $(ROWS)) $(if $(ONLY),--only $(ONLY))

notebooks: $(VENV)/ready
	$(BIN)/python book/scripts/execute_notebooks.py $(NOTEBOOKS)

slides: $(VENV)/ready
	$(SLIDES)

bench: $(VENV)/ready
	$(BIN)/python -m benchmarks

$(VENV)/ready: requirements.txt constraints.txt pyproject.toml
	@command -v $(PYTHON) > /dev/null || { echo "There is no $(PYTHON) here; make PYTHON=/path/to/python names one" >&2; exit 1; }
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; make PYTHON=/path/to/python names one")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	test -x $(UV) || $(BIN)/python -m pip install --quiet uv
	grep -vE '$(if $(TORCH),^(torch|torchvision|torchao|triton|nvidia-|cuda-),^$$)' constraints.txt > $(VENV)/constraints.txt
	$(UV) pip install --python $(BIN)/python -r requirements.txt -c $(VENV)/constraints.txt -e . $(foreach p,$(TORCH_SET_$(TORCH)),'$(p)')
	touch $@

constraints:
	test -x $(UV) || $(BIN)/python -m pip install --quiet uv
	$(UV) pip compile requirements.txt --universal --python-version 3.11 --no-header --no-annotate --upgrade -o constraints.txt

clean:
	rm -rf _build
