#!/bin/sh
# Pins the dependencies of pyproject.toml, with hashes, for Python 3.10 to 3.13: requirements/*.txt.
# Usage: lock.sh PYTHON UV_VERSION. Plain pip installs what it writes; only this script needs uv.
set -eu
cd "$(dirname "$0")/.."
python=$1 uv_version=$2
venv=$(mktemp -d)
trap 'rm -rf "$venv"' EXIT
"$python" -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check "uv==$uv_version"

# What `pip install --no-build-isolation -e .` needs comes from the lock too.
build='hatchling>=1.26 editables>=0.5'
# uv reads no upper bound of requires-python: 1.3 is for Python < 3.11 only, and ai-edge-litert asks for it on all.
printf '%s\n' 'backports-strenum<1.3' >"$venv/constraints.txt"

# pin FILE ARGUMENT...
pin() {
    file=requirements/$1
    shift
    printf '%s\n' $build | "$venv/bin/uv" pip compile --quiet --no-config --no-python-downloads --upgrade --universal \
        --python-version 3.10 --generate-hashes --no-header --no-annotate --constraint "$venv/constraints.txt" "$@" pyproject.toml - -o "$venv/out.txt"
    { echo "# Made by 'make lock' from pyproject.toml; install with pip --require-hashes."; cat "$venv/out.txt"; } >"$file"
    echo "$file: $(grep -c '==' "$file") pins"
}

pin dev.txt --extra demo --extra dev
pin demo.txt --extra demo --constraint requirements/dev.txt
pin run.txt --constraint requirements/dev.txt
pin convert.txt --extra convert --extra dev
