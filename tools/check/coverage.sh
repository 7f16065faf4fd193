#!/bin/bash
# Branch coverage of what decides the meaning of data: proto/, the phone's core (client-lib/src) and
# server/sync, by the unit tests (and the end-to-end tests with COVERAGE_E2E=1). Asserts are not
# counted. A table on stdout; its last lines are the sums that docs/testing.md names.
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
for object in "$build"/obj/{proto,client-lib/src,server/sync}/*.gcno; do
    [ -e "$object" ] || continue
    gcov -n -b -c "${object%.gcno}.o" 2>/dev/null || true
done | awk '
function add(name, n, all) { sum[name] += n; most[name] += all }
/^File / { file = $2; gsub(/\047/, "", file); sub(/^.*\/proto\//, "proto/", file)
           sub(/^.*\/client-lib\//, "client-lib/", file); sub(/^.*\/server\//, "server/", file) }
/^Lines executed:/ { split($0, a, /[:% ]+/); lines[file] = a[3]; of_lines[file] = a[5] }
/^Taken at least once:/ { split($0, a, /[:% ]+/); taken[file] = a[5]; of[file] = a[7] }
END {
    printf "%-34s %9s %9s %9s\n", "file", "lines %", "branch %", "branches"
    for (file in of) {
        if (file !~ /^(proto|client-lib\/src|server\/sync)\/.*\.c$/) continue
        printf "%-34s %9.1f %9.1f %9d\n", file, lines[file], taken[file], of[file] | "sort"
        hit = taken[file] * of[file] / 100
        room = file; sub(/\/[^\/]*$/, "", room)
        add(room, hit, of[file]); add("all", hit, of[file])
        if (file ~ /\/(request|writer|ingest|judge|sets|held|fold|free|settle|row|log)\.c$/ &&
            room == "server/sync")
            add("server/sync, the way in", hit, of[file])
    }
    close("sort")
    for (name in most)
        printf "%-34s %9s %9.1f %9d\n", name, "", 100 * sum[name] / most[name], most[name] | "sort"
}'
