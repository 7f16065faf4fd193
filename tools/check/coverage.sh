#!/bin/bash
# Branch coverage of what decides the meaning of data: proto/, the phone's core (client-lib/src) and
# the server, by the unit tests and the rigs. Asserts are not counted. A table on stdout; its last
# lines are the sums that docs/testing.md names. Exit 1 when a test or rig failed, gcov could not
# read a file, or proto/, client-lib/src or the way in (coverage.py) have fewer than LEAST per cent.
# environment: COVERAGE_E2E=1    the end-to-end tests as well
#              COVERAGE_RIGS=0   without the rigs (simulator, calls that fail, power cuts, the
#                                fuzzers' corpus), which run in the amounts below, with ONLY too
#              COVERAGE_KEEP=1   adds to what earlier runs counted (since the last change)
#              COVERAGE_RUN=0    runs nothing: the table of what was counted
#              ONLY=TEXT         only test programs whose path contains TEXT
#              FILE=TEXT         instead of the table: where branches are missing in those files
#              LEAST=95          what the rooms that decide must have, in per cent (0 with ONLY)
#              SEEDS=400 STATES=2000 TRIES=24   the rigs' amounts: worlds with all themes, cuts,
#                                tries of each family of calls (TRIES=0: every call)
set -u
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/../.." || exit 1

build=build/coverage
MAKE=${MAKE:-make}

failed=0
LEAST=${LEAST:-$([ -z "${ONLY:-}" ] && echo 95 || echo 0)}

# What the rigs say, without what went well. ONLY chooses among the tests, and to a rig means
# something else.
rig() {
    env -u ONLY "$@" 2>&1 | grep -v '^ok' | sed 's/^/# /'
    [ "${PIPESTATUS[0]}" -eq 0 ] || { echo "# failed: $*"; failed=1; }
}

rigs() {
    local dir name
    export BUILD=$PWD/$build BIN=$PWD/$build/bin
    $MAKE --no-print-directory MODE=coverage rig-programs-sim rig-programs-fault \
        rig-programs-crash >/dev/null &&
        $MAKE --no-print-directory MODE=coverage fuzzers >/dev/null || return 1
    rig SEED=100000000 SEEDS="${SEEDS:-400}" "$build/sim/sim" seeds
    rig TRIES="${TRIES:-24}" tests/fault/run short
    rig STATES="${STATES:-2000}" ROUNDS=2 tests/crash/run short
    mkdir -p "$build/seed_inputs" && "$build/seeds" "$build/seed_inputs"
    for dir in "$build"/seed_inputs/* tools/fuzz/corpus/* tools/fuzz/found/*; do
        name=${dir##*/}
        "$build/fuzz_$name" "$dir" || { echo "# fuzz $name: ends in $dir"; failed=1; }
    done
}

# also in the sweeps that have a server of their own; 5: a place is made of five calls, not three
export EACH_PLACE=${EACH_PLACE:-1}
# a program that is stopped leaves no counts: an hour for each (four times this), not 16 minutes
export TEST_TIMEOUT_S=${TEST_TIMEOUT_S:-900}

if [ "${COVERAGE_RUN:-1}" = 1 ]; then
    [ "${COVERAGE_KEEP:-}" = 1 ] || find "$build" -name '*.gcda' -delete 2>/dev/null
    [ "${COVERAGE_E2E:-}" = 1 ] || export ONLY=${ONLY:-tests/unit}
    if ! env -u SEEDS tools/check/run-tests.sh mode coverage >&2; then   # theirs, not the rigs'
        echo "# tests failed; the table counts what ran"
        failed=1
    fi
    [ "${COVERAGE_RIGS:-1}" = 0 ] || rigs || failed=1
fi
if [ -n "${FILE:-}" ]; then
    tools/check/coverage.py "$build" "$FILE" || failed=1
else
    tools/check/coverage.py "$build" --least "$LEAST" proto client-lib/src way-in || failed=1
fi
exit $failed
