#!/bin/sh
# Pins the dependencies of pyproject.toml, with hashes, for Python 3.10 to 3.13: requirements/*.txt.
# Usage: lock.sh PYTHON UV_VERSION. Plain pip installs what it writes; only this script needs uv.
set -eu
cd "$(dirname "$0")/.."
python=$1 uv_version=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$python" -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check "uv==$uv_version"

# What `pip install --no-build-isolation -e .` needs comes from the lock too.
printf '%s\n' 'hatchling>=1.26' 'editables>=0.5' >"$scratch/build.in"
# uv reads no upper bound of requires-python: 1.3 is for Python < 3.11 only, and ai-edge-litert asks for it on all.
printf '%s\n' 'backports-strenum<1.3' >"$scratch/constraints.txt"
# systemd-python comes as source only, and would have to be built to say that it depends on nothing.
printf '[[dependency-metadata]]\nname = "systemd-python"\nversion = "235"\n' >"$scratch/uv.toml"
printf '%s\n' 'systemd-python==235' >"$scratch/systemd.in"

# pin FILE ARGUMENT...
pin() {
    file=requirements/$1
    shift
    "$scratch/venv/bin/uv" pip compile --quiet --config-file "$scratch/uv.toml" --no-python-downloads --upgrade --universal \
        --python-version 3.10 --generate-hashes --no-header --no-annotate --constraint "$scratch/constraints.txt" \
        -o "$scratch/out.txt" "$@"
    { echo "# Made by 'make lock' from pyproject.toml; install with pip --require-hashes."; cat "$scratch/out.txt"; } >"$file"
    echo "$file: $(grep -c '==' "$file") pins"
}

pin dev.txt "$scratch/build.in" pyproject.toml --extra demo --extra dev
pin demo.txt "$scratch/build.in" pyproject.toml --extra demo --constraint requirements/dev.txt
pin run.txt "$scratch/build.in" pyproject.toml --constraint requirements/dev.txt
pin convert.txt "$scratch/build.in" pyproject.toml --extra convert --extra demo --extra dev
pin systemd.txt "$scratch/systemd.in"
