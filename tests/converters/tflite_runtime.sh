#!/bin/sh
# The shipped models on tflite-runtime 2.14 with numpy < 2 must give what they give on ai-edge-litert.
# Usage: tests/converters/tflite_runtime.sh PYTHON_WITH_LITERT [PYTHON_3.8_TO_3.11]
set -eu
litert=$1
python=${2:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PYTHONPATH=.
"$python" -c 'import sys; sys.exit(sys.version_info[:2] > (3, 11))' || {
    echo "tflite-runtime 2.14.0 has no wheel for this Python: give one from 3.10 to 3.11"
    exit 69
}
"$litert" -m converters.compatibility --record "$work/answers.npz"
"$python" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    tflite-runtime==2.14.0 'numpy<2' 'opencv-python-headless<4.12' 'pydantic>=2.9' pyyaml rich
"$work/venv/bin/python" -m converters.compatibility --compare "$work/answers.npz"
