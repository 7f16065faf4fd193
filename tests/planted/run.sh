#!/bin/bash
# Takes the code that holds an invariant out, one patch after the other, in a copy of the tree, and
# runs the tests that must notice. Prints `ok NAME caught by TEST` or `not ok NAME: why`; exit 1
# when one was not caught. A patch that no longer fits its code is not ok either: write it anew.
# usage: run.sh [NAME...]      NAME is a patch of this folder without .patch; none: all of them
# environment: MAKE="make -j1"; LIMIT_S=900 seconds for one case, where the machine is busy (240);
#   JOBS=2 shares of the list side by side, each in a copy of its own (1). The last line is the sum.
# The head of a patch says what it does; its `test:` lines name the programs and cases, as in
#   test: tests/unit/server/test_ingest test_stored_once
#   test: tests/e2e/09-disk/run a_full_disk_is_said_and_waited_out
#   test: SEED=3 tests/storm/run short init_is_killed
# A name that ends in /run is a program that prints `ok CASE` or `not ok CASE: why`; its last word
# names the case or how its name begins; words before it are given to the program too, NAME=VALUE
# before that is its environment.
# Each of the named cases must fail, and each must pass without the patch. A program that was
# stopped has said nothing of its case, nor has a rig that ended early: that is `did not run`, and
# not ok, unless the head of the patch says `hangs: yes`: its fault lets a program never end.
set -u
export LC_ALL=C.UTF-8
# The amounts here are those of `make test`, whoever starts this: with the long ones no case would
# end within LIMIT_S.
unset TEST_LONG
cd "$(dirname "$0")/../.." || exit 1

here=$PWD/tests/planted
MAKE=${MAKE:-make}
LIMIT_S=${LIMIT_S:-240}
JOBS=${JOBS:-1}
failed=0
caught_all=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
tree=$scratch/tree
export TMPDIR=$scratch/tmp
mkdir -p "$tree" "$TMPDIR"

# What git knows of, as it lies here; without git, what is here but for build/.
copy_tree() {
    if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git ls-files -z --cached --others --exclude-standard |
            while IFS= read -r -d '' file; do [ -e "$file" ] && printf '%s\0' "$file"; done |
            tar --null -T - -cf - | tar -xf - -C "$tree"
    else
        tar --exclude=./build -cf - . | tar -xf - -C "$tree"
    fi
}

# A planted fault leaves unused functions behind; speed of the programs does not matter.
make_some() {
    [ $# -eq 0 ] || (cd "$tree" && $MAKE --no-print-directory MODE=release WARN=-w HARDEN= "$@") \
        >>"$scratch/build.log" 2>&1
}

# Makes the targets; those of rigs one after the other, since each makes all programs.
build() {
    local plain=() rigs=() target
    : >"$scratch/build.log"
    for target in "$@"; do
        case $target in
        rig-*) rigs+=("$target") ;;
        *) plain+=("$target") ;;
        esac
    done
    make_some "${plain[@]}" || return
    for target in "${rigs[@]}"; do
        make_some "$target" || return
    done
}

# The make targets of a test line: its program, or all programs, for a rig those of its own too.
targets_of() {
    case $1 in
    *tests/e2e/*) echo all ;;
    */run\ *) echo "$1" | sed 's|.*/\([^/]*\)/run .*|rig-programs-\1|' ;;
    *) echo "build/release/${1%% *}" ;;
    esac
}

# Was the program that ended with status $1 stopped (`timeout`, or want of memory)?
is_stopped() {
    [ "$1" -eq 124 ] || [ "$1" -eq 137 ]
}

# What a case says that waited in vain: on a busy machine the fault is not the reason.
WAITED='it ended early|libFuzzer: timeout|TimeoutExpired|timed out after'

# Runs a program that prints `ok CASE` (words as in a test line). Returns as run_case does.
run_lines() {
    local log=$scratch/log case=${*: -1} status
    (cd "$tree" && BUILD=$tree/build/release BIN=$tree/build/release/bin \
        timeout -k 10 "$LIMIT_S" env "$@") >"$log" 2>&1 </dev/null
    status=$?
    grep "^not ok $case" "$log" | grep -qvE "$WAITED" && return 1
    grep -q "^not ok $case" "$log" && return "$stopped_is"
    grep -q "^ok $case" "$log" && return 0
    is_stopped "$status" && return "$stopped_is"
    return 2
}

# Runs a test line. 0: its case passed, 1: it failed, 2: it did not run. What a program that was
# stopped comes to, $stopped_is says: 2, or 1 for a fault that lets it hang.
stopped_is=2
run_case() {
    local log=$scratch/log
    case $1 in
    */run\ *)
        # shellcheck disable=SC2086  # words, split on purpose
        run_lines $1
        return
        ;;
    esac
    [[ $1 == *\ * ]] || { echo "no case is named" >"$log"; return 2; }
    # shellcheck disable=SC2086
    run_cmocka $1
}

# Runs a program of cmocka to its end; its log stays for case_of.
run_program() {
    local log=$scratch/log
    { (cd "$tree" && CMOCKA_TEST_ABORT=0 CMOCKA_MESSAGE_OUTPUT=STDOUT \
        timeout -k 10 "$LIMIT_S" "build/release/$1") >"$log" 2>&1 </dev/null; } 2>/dev/null
}

# What a program that ended with status $1 says of case $2. Returns as run_case does.
case_of() {
    local log=$scratch/log
    grep -qE "^\[  (FAILED |ERROR  ) \] $2\$" "$log" && return 1
    grep -q "\[       OK \] $2\$" "$log" && return 0    # perhaps behind what the case printed
    # It died, or never came back, in the middle of the case.
    grep -E '^\[ RUN      \]' "$log" | tail -n 1 | grep -qE " $2\$" && [ "$1" -ne 0 ] || return 2
    is_stopped "$1" && return "$stopped_is"
    return 1
}

run_cmocka() {
    run_program "$1"
    case_of $? "$2"
}

tests_of() {
    sed -n 's/^test: *//p' "$1"
}

# May the fault of this patch let a program hang?
hangs() {
    sed '/^---/q' "$1" | grep -qx 'hangs: yes'
}

say() {
    printf '%s\n' "$1"
    case $1 in
    ok\ *) caught_all=$((caught_all + 1)) ;;
    *) failed=1 ;;
    esac
}

# Says one line of each patch, whatever is in it.
plant() {
    local name=$1 patch=$here/$1.patch line caught=
    if [ -z "$(tests_of "$patch")" ]; then
        say "not ok $name: it names no test"
        return
    fi
    stopped_is=2
    hangs "$patch" && stopped_is=1
    if ! (cd "$tree" && patch -p1 --dry-run -s -F2 <"$patch") >"$scratch/log" 2>&1; then
        say "not ok $name: the patch no longer fits its code"
        return
    fi
    (cd "$tree" && patch -p1 -s -F2 --no-backup-if-mismatch <"$patch")
    # shellcheck disable=SC2046  # a list of targets, split on purpose
    if ! build $(tests_of "$patch" | while read -r line; do targets_of "$line"; done | sort -u)
    then
        tail -n 15 "$scratch/build.log" | sed 's/^/    | /'
        say "not ok $name: it does not build"
    else
        while read -r line; do
            run_case "$line"
            case $? in
            0) say "not ok $name: not caught by $line"; caught=; break ;;
            1) caught="$caught${caught:+, }${line#tests/}" ;;
            *) tail -n 15 "$scratch/log" | sed 's/^/    | /'
               say "not ok $name: $line did not run"; caught=; break ;;
            esac
        done < <(tests_of "$patch")
        [ -z "$caught" ] || say "ok $name caught by $caught"
    fi
    (cd "$tree" && patch -p1 -R -s -F2 --no-backup-if-mismatch <"$patch")
}

# Without a fault all of the named cases pass; else their failing would say nothing. A program of
# cmocka runs once for all of its cases.
sound() {
    local line ran="" status=0
    # shellcheck disable=SC2046
    if ! build $(for name in "$@"; do tests_of "$here/$name.patch"; done |
        while read -r line; do targets_of "$line"; done | sort -u); then
        tail -n 15 "$scratch/build.log" | sed 's/^/    | /'
        say "not ok planted: the tree does not build"
        exit 1
    fi
    while read -r line; do
        if [[ $line == */run\ * ]]; then
            ran=
            run_case "$line" && continue
        else
            [ "$ran" = "${line% *}" ] || { ran=${line% *}; run_program "$ran"; status=$?; }
            case_of "$status" "${line##* }" && continue
        fi
        ran=
        tail -n 15 "$scratch/log" | sed 's/^/    | /'
        say "not ok planted: $line does not pass without a fault"
    done < <(for name in "$@"; do tests_of "$here/$name.patch"; done | sort -u)
}

# Every JOBS-th of the names in a run of its own; what they say comes together as it is said.
in_shares() {
    local share names k
    for ((share = 1; share <= JOBS; share++)); do
        names=()
        for ((k = share; k <= $#; k += JOBS)); do
            names+=("${!k}")
        done
        [ ${#names[@]} -eq 0 ] || JOBS=1 "$here/run.sh" "${names[@]}" |
            grep --line-buffered -v '^# [0-9]* of ' &
    done
    wait
}

one_after_the_other() {
    local name
    copy_tree
    sound "$@"
    for name in "$@"; do
        plant "$name"
    done
    [ "$caught_all" -eq $# ] || failed=1
}

if [ $# -eq 0 ]; then
    for patch in "$here"/*.patch; do
        name=${patch##*/}
        set -- "$@" "${name%.patch}"
    done
fi
if [ "$JOBS" -eq 1 ]; then
    one_after_the_other "$@"
    echo "# $caught_all of $# planted faults caught"
    exit "$failed"
fi
in_shares "$@" | tee "$scratch/said"
caught=$(grep -c '^ok ' "$scratch/said")
echo "# $caught of $# planted faults caught"
[ "$caught" -eq $# ] && ! grep -q '^not ok' "$scratch/said"
