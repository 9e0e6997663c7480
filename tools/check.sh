#!/usr/bin/env bash
# Runs every check, also after one has failed, and ends with the names of those that failed.
#
# Rules: a check is a program of its own that prints what is wrong and exits with non-zero; this file only lists them.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

failed=()
check() {
    local name="$1" output status
    shift
    output="$("$@" 2>&1)"
    status=$?
    if [ "$status" = 0 ]; then
        printf 'ok    %s\n' "$name"
    else
        printf 'FAIL  %s\n%s\n' "$name" "$output"
        failed+=("$name")
    fi
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

if [ ${#failed[@]} -gt 0 ]; then
    printf '\nmake check: failed: %s\n' "${failed[*]}"
    exit 1
fi
