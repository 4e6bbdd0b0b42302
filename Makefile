# The two commands to know: `make demo` and `make test`. Both prepare the environment by themselves.
SHELL := /bin/sh
PYTHON ?=
# Another ROS installation or virtual environment must not leak into this one.
unexport PYTHONPATH PYTHONHOME LD_LIBRARY_PATH AMENT_PREFIX_PATH CMAKE_PREFIX_PATH COLCON_PREFIX_PATH \
         RMW_IMPLEMENTATION ROS_DISTRO _ROS_WHEELS_BOOTSTRAP_COMPLETE
export PYTHON

.DEFAULT_GOAL := help
.PHONY: help env torch paper cluster postgres blender demo test sample comparison segmentation lint lock clean

help:  ## lists the targets
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

env:  ## prepares .venv: ROS 2, Python packages, messages, rasterizer, `pad` (0.1 s when up to date)
	@command -v python3 >/dev/null || { echo '[env] error: Python is missing; do: sudo apt install python3' >&2; exit 1; }
	@python3 tools/env.py env

torch: env  ## adds PyTorch and gsplat to .venv: training on a GPU, more tests (4.5 GB)
	@python3 tools/env.py torch

paper: env  ## adds what the paper's networks run on, PyTorch too (4.9 GB); their weights: `pad weights fetch`
	@python3 tools/env.py paper

cluster: env  ## adds Dask and Ray to .venv, for `pad evaluate --backend`
	@python3 tools/env.py cluster

postgres: env  ## adds the driver for `pad records sync` to .venv
	@python3 tools/env.py postgres

blender:  ## prepares .venv-blender, for `pad synth` and `make sample`
	@python3 tools/env.py blender

demo: env  ## replays the sample bag through the ROS nodes; report in demo/report.html
	@.venv/bin/pad demo

test: env  ## runs the tests, in two processes
	@.venv/bin/python -m pytest -n 2 --dist loadfile

sample: env blender  ## makes sample/ anew: renders, trains, records
	@sh tools/make_sample.sh

comparison: torch blender  ## makes the network of the learned comparison anew, in runs/comparison (a night; resumable)
	@sh tools/make_comparison.sh

segmentation: torch blender  ## makes the network of the learned segmentation anew, in runs/segmentation (an hour or two; resumable)
	@sh tools/make_segmentation.sh

lint: env  ## checks style, types and the direction of imports
	@.venv/bin/ruff check && .venv/bin/ruff format --check && .venv/bin/mypy && .venv/bin/lint-imports

lock: env  ## resolves requirements/lock.txt anew
	@{ echo '# Exact versions of everything in core, ros, build and dev, for Python 3.10 to 3.13. Made by `make lock`.'; \
	  uv pip compile -q --universal --python-version 3.10 --no-header --no-annotate --upgrade \
	    requirements/core.txt requirements/ros.txt requirements/build.txt requirements/dev.txt; } > build/lock.txt
	@mv build/lock.txt requirements/lock.txt
	@{ echo '# Exact versions of everything in torch and paper, for Python 3.10 to 3.13, on top of lock.txt. Made by `make lock`.'; \
	  uv pip compile -q --universal --python-version 3.10 --no-header --no-annotate --upgrade -c requirements/lock.txt \
	    --overrides requirements/paper-overrides.txt requirements/torch.txt requirements/paper.txt \
	    | grep -v '^opencv-python=='; } > build/paper-lock.txt
	@mv build/paper-lock.txt requirements/paper-lock.txt
	@{ echo '# Exact versions of everything in cluster, for Python 3.10 to 3.13, on top of lock.txt. Made by `make lock`.'; \
	  uv pip compile -q --universal --python-version 3.10 --no-header --no-annotate --upgrade -c requirements/lock.txt \
	    requirements/cluster.txt; } > build/cluster-lock.txt
	@mv build/cluster-lock.txt requirements/cluster-lock.txt

clean:  ## removes what the targets made, .venv too; leaves .venv-blender, data/, runs/ and sample/
	rm -rf .venv .venv-uv build install log demo pad_ros.egg-info .pytest_cache .mypy_cache .ruff_cache
