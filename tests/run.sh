#!/bin/sh
# Install what the tests need into .venv-tests, then run every gate. Arguments go to the second run of pytest alone:
# the first measures coverage, for which it must be whole.
# Debian packages are installed by name where they are missing and we may; elsewhere the missing ones are named.
set -eu
cd "$(dirname "$0")/.."

missing=""
command -v git >/dev/null || missing="$missing git"
command -v ssh >/dev/null || missing="$missing openssh-client"
command -v git-lfs >/dev/null || missing="$missing git-lfs"
command -v mandoc >/dev/null || missing="$missing mandoc"
command -v strace >/dev/null || missing="$missing strace"
command -v faketime >/dev/null || missing="$missing faketime"
command -v chromium >/dev/null || missing="$missing chromium"
command -v zsh >/dev/null || missing="$missing zsh"
command -v fish >/dev/null || missing="$missing fish"
[ -e /usr/share/bash-completion/bash_completion ] || missing="$missing bash-completion"
if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq
        # shellcheck disable=SC2086
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    else
        echo "error: the tests need these Debian packages:$missing" >&2
        echo "hint: sudo apt-get install$missing" >&2
        exit 2
    fi
fi

venv=.venv-tests
[ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
bin="$venv/bin"

# Tests write and fsync a lot: in memory where there is room for it, else where temporary files go.
memory=""
room=$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')
if [ "${room:-0}" -gt 4000000 ] && [ -w /dev/shm ]; then
    base=$(mktemp -d /dev/shm/git-hybrid-tests.XXXXXX)
    trap 'rm -rf "$base"' EXIT
    memory="--basetemp=$base/t -o tmp_path_retention_policy=failed"
fi

# The first tests wait for nothing. Many of the second wait for servers that say nothing: two more keep the cores busy.
cores=$("$bin/python" -c 'import os; print(os.cpu_count() or 1)')

checks() {
    "$bin/ruff" check . &&
        "$bin/ruff" format --check . &&
        "$bin/mypy" &&
        { "$bin/lint-imports" --no-logo >/dev/null || "$bin/lint-imports" --no-logo; }
}

# They take one core, which the first tests leave them.
checks >"$venv/checks.log" 2>&1 &
checking=$!
"$bin/coverage" erase
# Coverage counts what runs in the test processes; the commands that integration and fault tests start are black boxes,
# and most of cli, app and git is tested through them.
# shellcheck disable=SC2086
"$bin/python" -m pytest $memory -W error -n "${JOBS:-$cores}" -m "not sweep" --cov --cov-report= tests/unit tests/contract tests/property
wait "$checking" || { cat "$venv/checks.log"; exit 1; }
cat "$venv/checks.log"
"$bin/coverage" report --include='git_hybrid/core/*' --fail-under=100 --skip-covered
"$bin/coverage" report --fail-under=65 --format=total
# The longest come first, so that at the end no core waits for one of them.
# shellcheck disable=SC2086
"$bin/python" -m pytest $memory -W error -n "${JOBS:-$((cores + 2))}" -m "not sweep" tests/fault tests/hostile tests/mutants tests/integration "$@"
