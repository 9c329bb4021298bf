#!/usr/bin/env bash
# Everything that needs a GPU, in 9 minutes, on a machine without network.
#
#   benchmarks/on_gpu.sh fetch 3.12    with network: wheels for Python 3.12
#   benchmarks/on_gpu.sh [OPTIONS]     on the machine: build, test, measure
#
# The machine needs Python with PyTorch, a CUDA compiler, pytest, rich, scipy,
# matplotlib, opencv and numba. What it lacks of the packages below is
# installed from build/wheels into build/site. OPTIONS are those of
# benchmarks/on_gpu.py, such as --device cpu --quick.
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-python3}
# The OpenMMLab packages and what they and mmavs import, without what a
# machine for deep learning has.
PACKAGES=(
    addict av cffi ftfy platformdirs prettytable pycocotools pycparser resampy
    shapely soundfile termcolor terminaltables wcwidth yapf
    imaug imagecorruptions-imaug
)

if [[ ${1:-} == fetch ]]; then
    version=${2:?usage: on_gpu.sh fetch PYTHON_VERSION, such as 3.12}
    platforms=()
    for name in manylinux_2_28 manylinux_2_27 manylinux_2_17 manylinux2014 \
        manylinux1; do
        platforms+=(--platform "${name}_x86_64")
    done
    rm -rf build/wheels
    "$PYTHON" -m pip download --quiet --no-deps --only-binary=:all: \
        --python-version "$version" --implementation cp "${platforms[@]}" \
        --constraint requirements/constraints.txt --dest build/wheels \
        "${PACKAGES[@]}"
    # Some have no wheel on the index; without operators they are pure Python.
    MMCV_WITH_OPS=0 "$PYTHON" -m pip wheel --quiet --no-deps \
        --no-build-isolation --wheel-dir build/wheels -r requirements/onedl.txt
    du -sh build/wheels
    exit
fi

if compgen -G 'build/wheels/*.whl' >/dev/null; then
    "$PYTHON" -m pip install --quiet --no-index --no-deps --no-compile \
        --upgrade --target build/site build/wheels/*.whl
fi
export PYTHONPATH=$PWD/projects:$PWD/ops:$PWD/build/site:${PYTHONPATH:-}
exec "$PYTHON" -m benchmarks.on_gpu "$@"
