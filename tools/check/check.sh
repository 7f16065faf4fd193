#!/bin/bash
# Runs the checks that need no test program, one line each: `ok NAME` or `not ok NAME` after what
# the check has to say. exit 1 when one of them failed.
# usage: BUILD=build/release check.sh [NAME...]     BUILD must have been built
set -u
cd "$(dirname "$0")/../.." || exit 1
export BUILD=${BUILD:-build/release}

[ $# -gt 0 ] || set -- layers style docs words catalogue names wasm
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
