#!/bin/bash
# Runs the checks that need no test program, one line each: `ok NAME` or `not ok NAME` after what
# the check has to say. exit 1 when one of them failed.
# usage: BUILD=build/release check.sh [NAME...]     BUILD must have been built
#        check.sh --list                            the names of all checks
set -u
cd "$(dirname "$0")/../.." || exit 1
export BUILD=${BUILD:-build/release}

all="layers style docs cases words planted catalogue names wasm"
if [ "${1:-}" = --list ]; then
    echo "$all"
    exit 0
fi
# shellcheck disable=SC2086  # a list of names, split on purpose
[ $# -gt 0 ] || set -- $all
failed=0
for name in "$@"; do
    if "tools/check/$name.sh" 2>&1; then
        echo "ok check/$name"
    else
        echo "not ok check/$name"
        failed=1
    fi
done
exit "$failed"
