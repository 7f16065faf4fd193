#!/bin/bash
# Builds and runs the tests, counts each one, and ends with the line `N passed, N failed`; above it
# stand the cases that this machine could not run, a line each, and how many they are.
# usage: run-tests.sh all          release: unit, end-to-end, checks; unit, main job: asan, tsan
#        run-tests.sh mode MODE    unit and end-to-end tests in one mode
#        run-tests.sh rigs MODE    the rigs, with their short amounts, under a sanitizer
# environment: TEST_LONG=1          `all` runs the end-to-end tests under the sanitizers as well,
#                                  the rigs with their long amounts and under the sanitizers,
#                                  tests/planted, what tests/audit fetches software for, coverage
#              TEST_TIMEOUT_S=240   what one test program may take (four times that if sanitized;
#                                  3600 with TEST_LONG=1, where some try every single thing)
#              ONLY=TEXT            only the test programs whose path contains TEXT
#              JOBS=2             how many cores they may use (default: all); one test program more
#                                 than that is under way, since one or another waits for the disk
# A test program runs in the root of the tree with BIN (the programs' folder), BUILD, MODE and a
# TMPDIR of its own that is removed afterwards. A program that crashes, hangs, says nothing or
# leaves a sanitizer's report counts as one failure. A case that says `skip` is neither.
set -u
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/../.." || exit 1

MAKE=${MAKE:-make}
TEST_TIMEOUT_S=${TEST_TIMEOUT_S:-$([ "${TEST_LONG:-}" = 1 ] && echo 3600 || echo 240)}
ONLY=${ONLY:-}
JOBS=${JOBS:-$(nproc)}
TAIL_LINES=40
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
log=$scratch/log
tallies=$scratch/tallies # one line for each program: passed failed
skips=$scratch/skips     # one line for each case that was skipped: program case, and perhaps why
all_modes=$([ "${1:-all}" = all ] && echo 1 || echo 0)
: >"$tallies"
: >"$skips"

# Adds one program's result: NAME PASSED FAILED SECONDS; a failure shows the end of its output.
# Programs that run side by side say it one after the other.
count() {
    local tally
    exec {tally}>>"$tallies"
    flock "$tally"
    echo "$2 $3" >&"$tally"
    if [ "$3" -eq 0 ]; then
        printf 'ok      %-58s %4d  %3ds\n' "$1" "$2" "$4"
    else
        printf 'FAILED  %-58s %4d passed, %d failed  %ds\n' "$1" "$2" "$3" "$4"
        tail -n "$TAIL_LINES" "$log" | sed 's/^/        | /'
    fi
    exec {tally}>&-
}

# Runs run_one with these arguments beside others, as soon as no more than JOBS are under way.
run_beside() {
    while [ "$(jobs -rp | wc -l)" -gt "$JOBS" ]; do
        wait -n
    done
    run_one "$@" &
}

# The cases that a log says were skipped: `skip NAME: why`, or cmocka's, without a reason.
skipped() {
    if [ "$1" = cmocka ]; then
        sed -nE 's/^\[  SKIPPED \] ([A-Za-z0-9_]+)$/\1/p' "$log" | sort -u
    else
        sed -n 's/^skip //p' "$log"
    fi
}

# Sum of cmocka's numbers behind a word: [  PASSED  ] 3 test(s).
sum() {
    grep -oE "\[  $1  \] [0-9]+ test" "$log" | awk '{ n += $4 } END { print n + 0 }'
}

# Runs COMMAND (after NAME KIND) with its own folder and log. Counts by KIND: cmocka, lines, or
# status: the whole of it is one test.
run_one() {
    local name=$1 kind=$2 status good bad start=$SECONDS limit=$TEST_TIMEOUT_S
    local own log tmp reports
    shift 2
    own=$(mktemp -d "$scratch/XXXXXX")
    log=$own/log tmp=$own/tmp reports=$own/reports
    mkdir "$tmp" "$reports"
    use_reports "$reports"
    [ "$MODE" = release ] || limit=$((limit * 4))
    # The braces swallow the shell's own remark about a program that died of a signal.
    { TMPDIR=$tmp timeout -k 10 "$limit" "${WRAP[@]}" "$@" >"$log" 2>&1 </dev/null; } 2>/dev/null
    status=$?
    case $kind in
    cmocka)
        good=$(sum PASSED)
        bad=$(sum FAILED)
        ;;
    lines)
        good=$(grep -cE '^ok( |$)' "$log")
        bad=$(grep -cE '^not ok( |$)' "$log")
        ;;
    status)
        good=$((status == 0))
        bad=0
        ;;
    esac
    skipped "$kind" >"$own/skipped"
    sed "s|^|$name |" "$own/skipped" >>"$skips"
    if compgen -G "$reports/*" >/dev/null; then
        { echo "sanitizer report:"; cat "$reports"/*; } >>"$log"
        bad=$((bad + 1))
    elif [ "$bad" -eq 0 ] && [ "$status" -ne 0 ]; then
        [ "$status" -eq 124 ] && echo "no end after $limit s" >>"$log"
        echo "exit status $status" >>"$log"
        bad=1
    elif [ "$bad" -eq 0 ] && [ "$good" -eq 0 ] && [ ! -s "$own/skipped" ]; then
        echo "ended without reporting a test" >>"$log"
        bad=1
    fi
    count "$name" "$good" "$bad" $((SECONDS - start))
    chmod -R u+rwX "$tmp" 2>/dev/null
    rm -rf "$own"
}

# Where the sanitizers put what they find.
use_reports() {
    local common="log_path=$1/report:log_exe_name=1"
    export ASAN_OPTIONS="$common:exitcode=99:detect_stack_use_after_return=1"
    ASAN_OPTIONS+=":verify_asan_link_order=0"    # a false clock is loaded before it
    export UBSAN_OPTIONS="$common:print_stacktrace=1:exitcode=99"
    export TSAN_OPTIONS="$common:exitcode=99:ignore_noninstrumented_modules=1"
}

# Builds one mode, as far as it goes: the programs and the tests that it runs. A build that breaks
# is one failure.
build() {
    local start=$SECONDS goals
    echo "== build $1"
    goals=$(unit_sources | sed "s|\(.*\)\.c$|build/$1/\1|")
    # shellcheck disable=SC2086  # names of programs
    if ! $MAKE --no-print-directory -k MODE="$1" all $goals >"$log" 2>&1; then
        count "build/$1" 0 1 $((SECONDS - start))
    fi
}

# Sets what the programs of a mode need to know.
use_mode() {
    export MODE=$1
    export BUILD=$PWD/build/$MODE
    export BIN=$BUILD/bin
    export CMOCKA_MESSAGE_OUTPUT=STDOUT
    export TEST_SLOW=1 # how much more time a test of timing gives: sanitized programs are slow
    [ "$MODE" = release ] || TEST_SLOW=8
    WRAP=(env)
    # This gcc's TSan cannot live with the widest address randomisation of newer kernels.
    if [ "$MODE" = tsan ] && setarch -R true 2>/dev/null; then
        WRAP=(setarch -R)
    fi
}

wanted() {
    [ -z "$ONLY" ] || [[ $1 == *"$ONLY"* ]]
}

# ThreadSanitizer has something to say of a test that starts a thread, and of the real programs.
# A sweep, which fails or damages one thing after the other, runs where most is seen of it: under
# AddressSanitizer. So do the tests of phones and server together: the rigs play those without it.
# What goes to a limit, or through a thousand random days, runs where it is quick: in release.
# `make test-long` runs each test in each mode.
is_for_mode() {
    [ "${TEST_LONG:-}" = 1 ] && return 0
    case $MODE in
    tsan) grep -qE '\<(http_start|pthread_create|cutter_new)\>' "$1" ;;
    asan)
        [ "$all_modes" = 0 ] ||
            [[ ! $1 =~ (server/test_full|client-lib/test_outbox|proto/test_merge_model)\.c$ ]]
        ;;
    release)
        [ "$all_modes" = 0 ] ||
            [[ ! $1 =~ (/both/test_.*|test_(.*faults|damage|stumbles))\.c$ ]]
        ;;
    esac
}

# The sources of the tests that a mode runs.
unit_sources() {
    local source
    for source in tests/unit/*/test_*.c tests/golden/test_*.c; do
        [ -f "$source" ] && wanted "$source" && is_for_mode "$source" && echo "$source"
    done
}

unit_tests() {
    local source name
    for source in $(unit_sources); do
        name=${source%.c}
        run_beside "$MODE ${name#tests/}" cmocka "$BUILD/$name"
    done
    wait
}

# Those whose path contains TEXT; without it all of them. A folder whose `run` is not there, or may
# not be run, is a failure like any other (exit status 127, 126): a test does not go in silence.
e2e_tests() {
    local script name
    for script in tests/e2e/[0-9]*/; do
        script+=run
        [[ $script == *"${1:-}"* ]] && wanted "$script" || continue
        name=${script%/run}
        run_beside "$MODE ${name#tests/}" lines "$script"
    done
    wait
}

checks() {
    local name
    for name in $(tools/check/check.sh --list); do
        wanted "check/$name" || continue
        run_beside "check/$name" lines tools/check/check.sh "$name"
    done
    wait
    wanted check/self && run_one check/self lines tools/check/self-test.sh
}

# What breaks everything on purpose: tests/sim, tests/crash, ... (docs/testing.md); in release. A
# rig is a folder with a rig.mk and a README; as above, one without its `run` is a failure.
rigs() {
    local amount=short note script name start=$SECONDS counted=()
    [ "${TEST_LONG:-}" = 1 ] && amount=long
    if ! $MAKE --no-print-directory -k rig-programs >"$log" 2>&1; then
        count build/rigs 0 1 $((SECONDS - start))
    fi
    for note in tests/*/README.md tools/*/README.md; do
        script=${note%README.md}run
        [ -f "${script%run}rig.mk" ] && wanted "$script" || continue
        name=${script%/run}
        [ $amount = short ] || counted=(tools/check/amounts.sh count "${name##*/}")
        TEST_TIMEOUT_S=$([ $amount = long ] && echo 7200 || echo 1200) \
            run_beside "rig ${name##*/}" lines "${counted[@]}" "$script" $amount
    done
    wait
}

# The rigs with their short amounts in a sanitized mode. Those whose programs have one thread have
# nothing to say to ThreadSanitizer; the fuzzers have their sanitizers always.
rigs_sanitized() {
    local rig amount rigs="sim fault crash storm liar" start=$SECONDS
    use_mode "$1"
    [ "$MODE" = tsan ] && rigs="storm liar fault"
    echo "== rigs $MODE"
    for rig in $rigs; do
        wanted "tests/$rig" || continue
        if ! $MAKE --no-print-directory MODE="$MODE" "rig-programs-$rig" >"$log" 2>&1; then
            count "build/$MODE-$rig" 0 1 $((SECONDS - start))
        fi
        amount=short
        [ "$MODE $rig" = "tsan fault" ] && amount=threads
        TEST_TIMEOUT_S=1800 run_beside "$MODE rig $rig" lines "tests/$rig/run" $amount
    done
    wait
}

# The tests of the tests: some minutes, each invariant's code taken out in a copy of the tree.
planted() {
    [ "${TEST_LONG:-}" = 1 ] && wanted planted || return 0
    TEST_TIMEOUT_S=21600 JOBS=$JOBS run_one planted lines tests/planted/run.sh
}

# The reviewer's program where others' software runs it, and what others' software says of the log:
# needs sources and packages that are fetched.
outside() {
    local target
    [ "${TEST_LONG:-}" = 1 ] || return 0
    for target in check-verify-wasm check-sigstore; do
        wanted "$target" || continue
        TEST_TIMEOUT_S=900 run_one "$target" lines $MAKE --no-print-directory "$target"
    done
}

# As `make coverage`: in a mode of its own, with its own amounts, and all of it, whatever is asked
# for here.
coverage() {
    [ "${TEST_LONG:-}" = 1 ] && wanted coverage || return 0
    TEST_TIMEOUT_S=10800 run_one coverage status env -u TEST_LONG -u TEST_TIMEOUT_S -u ONLY \
        -u MODE -u BUILD -u BIN MAKE="$MAKE" tools/check/coverage.sh
}

# One mode: its units, and the end-to-end tests whose path contains TEXT (all without it).
whole_mode() {
    use_mode "$1"
    build "$1"
    echo "== tests $1"
    unit_tests
    e2e_tests "${2:-}"
}

case ${1:-all} in
all)
    whole_mode release
    echo "== checks"
    checks
    echo "== rigs"
    rigs
    planted
    outside
    coverage
    few=01-main-job
    [ "${TEST_LONG:-}" = 1 ] && few=
    for mode in asan tsan; do
        whole_mode $mode $few
        [ "${TEST_LONG:-}" = 1 ] && rigs_sanitized $mode
    done
    ;;
mode)
    whole_mode "${2:?which mode}"
    ;;
rigs)
    rigs_sanitized "${2:?which mode}"
    ;;
*)
    echo "usage: run-tests.sh all | mode MODE | rigs MODE" >&2
    exit 2
    ;;
esac

read -r passed failed < <(awk '{ p += $1; f += $2 } END { print p + 0, f + 0 }' "$tallies")
echo
sort "$skips" | sed 's/^/skipped  /'
echo "$(wc -l <"$skips") skipped"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
