#!/usr/bin/env bash
# Runs every check, all at once, and ends with the names of those that failed.
#
# Rules: a check is a program of its own that prints what is wrong, exits with non-zero and changes nothing that another
# one reads; this file only lists them.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

said="$(mktemp -d)"
trap 'rm -rf "$said"' EXIT
names=() running=() failed=()
check() {
    local name="$1"
    shift
    "$@" >"$said/$name" 2>&1 &
    names+=("$name") running+=($!)
}
console() { (cd web && PATH="$PWD/../.venv/bin:$PATH" npm run --silent check); }

bin=.venv/bin
check format $bin/ruff format --check --quiet --diff src tests tools
check lint $bin/ruff check --quiet src tests tools
check types $bin/mypy
check imports $bin/lint-imports --cache-dir .cache/import-linter
check sizes $bin/python tools/check_sizes.py
check words $bin/python tools/check_words.py
check catalogs $bin/python tools/catalogs.py check
check documents $bin/python tools/check_docs.py
if [ -f web/package.json ]; then check console console; fi

for at in "${!names[@]}"; do
    name="${names[$at]}"
    if wait "${running[$at]}"; then
        printf 'ok    %s\n' "$name"
    else
        printf 'FAIL  %s\n' "$name"
        cat "$said/$name"
        failed+=("$name")
    fi
done

if [ ${#failed[@]} -gt 0 ]; then
    printf '\nmake check: failed: %s\n' "${failed[*]}"
    exit 1
fi
