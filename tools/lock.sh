#!/usr/bin/env bash
# Resolves requirements/*.in into hash-pinned locks for the oldest supported Python.
#
# Rules: dev is the superset and is resolved first; the others take their versions from it. No lock names a registry, a
# machine or a path: headers, annotations and index lines are left out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../requirements"

compile() {
    ../.venv/bin/uv pip compile --no-config --quiet --generate-hashes --no-header --no-annotate --no-emit-index-url \
        --python-version 3.11 --python-platform x86_64-manylinux_2_28 ${UPGRADE:+--upgrade} "$@"
}

compile dev.in --output-file dev.txt
compile runtime.in --constraints dev.txt --output-file runtime.txt
compile client.in --constraints dev.txt --output-file client.txt
compile node.in --output-file node.txt
