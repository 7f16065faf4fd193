#!/bin/bash
# Branch coverage of what decides the meaning of data: proto/ and server/sync, by the unit tests
# (and the end-to-end tests with COVERAGE_E2E=1). Asserts are not counted. A table on stdout.
set -eu
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/../.."

build=build/coverage
find "$build" -name '*.gcda' -delete 2>/dev/null || true
if [ "${COVERAGE_E2E:-}" != 1 ]; then
    export ONLY=tests/unit
fi
tools/check/run-tests.sh mode coverage || echo "coverage: tests failed; the table counts what ran"

# gcov's summary per source file: lines and branches taken at least once.
for object in "$build"/obj/proto/*.gcno "$build"/obj/server/sync/*.gcno; do
    [ -e "$object" ] || continue
    gcov -n -b -c "${object%.gcno}.o" 2>/dev/null || true
done | awk '
/^File / { file = $2; gsub(/\047/, "", file); sub(/^.*\/proto\//, "proto/", file)
           sub(/^.*\/server\//, "server/", file) }
/^Lines executed:/ { split($0, a, /[:% ]+/); lines[file] = a[3]; of_lines[file] = a[5] }
/^Taken at least once:/ { split($0, a, /[:% ]+/); taken[file] = a[5]; of[file] = a[7] }
END {
    printf "%-34s %9s %9s %9s\n", "file", "lines %", "branch %", "branches"
    for (file in of) {
        if (file !~ /^(proto|server\/sync)\/.*\.c$/) continue
        printf "%-34s %9.1f %9.1f %9d\n", file, lines[file], taken[file], of[file] | "sort"
        hit += taken[file] * of[file] / 100; all += of[file]
    }
    close("sort")
    if (all) printf "%-34s %9s %9.1f %9d\n", "all", "", 100 * hit / all, all
}'
