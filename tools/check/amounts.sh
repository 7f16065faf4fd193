#!/bin/bash
# How much the rigs have tried, and how much of it failed: each run of `make sim`, `soak`, `crash`,
# `fault`, `storm`, `fuzz`, and of the long amounts of `make test-long`, adds its lines to a file.
# usage: amounts.sh count RIG COMMAND...   runs COMMAND, shows what it says, adds that to the file
#        amounts.sh sum                    the file's sums, a line for each rig (`make amounts`)
# environment: AMOUNTS=build/amounts.tsv   the file: date, commit (`+`: with changes), rig, unit,
#                                          amount, failures; `make clean` removes it
# exit: that of COMMAND. Only what a rig says of itself is counted, and never how fast it was.
set -u
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/../.." || exit 1
AMOUNTS=${AMOUNTS:-build/amounts.tsv}

# What the tree is that was tried.
commit() {
    local name
    name=$(git rev-parse --short HEAD 2>/dev/null) || { echo -; return; }
    git diff --quiet HEAD 2>/dev/null || name+=+
    echo "$name"
}

# UNIT AMOUNT for each thing that the rig says it did.
said() {
    case $1 in
    sim) sed -nE 's/^([0-9]+) seeds, ([0-9]+) steps,.*/seeds \1\nsteps \2/p' ;;
    crash) sed -nE 's/^(not )?ok cuts[^ ]* ([0-9]+) states at .*/states \2/p' ;;
    fault) sed -nE 's/^(not )?ok fault.*: ([0-9]+) tries, .*/tries \2/p' ;;
    storm) sed -nE 's/^# ([0-9]+) kills of the server, ([0-9]+) of ph.*/kills \1\nkills \2/p' ;;
    fuzz) sed -nE 's/^ok fuzz [^ ]*: ([0-9]+) runs, .*/runs \1/p' ;;
    esac
}

# RIG LOG STATUS: the lines of one run; `none` of one that came to nothing.
note() {
    local rig=$1 failed
    failed=$(grep -c '^not ok' "$2")
    [ "$failed" -gt 0 ] || [ "$3" -eq 0 ] || failed=1
    mkdir -p "$(dirname "$AMOUNTS")"
    said "$rig" <"$2" | awk -v date="$(date -u +%F)" -v commit="$(commit)" -v rig="$rig" \
        -v failed="$failed" '
        { amount[$1] += $2 }
        END { if (NR == 0) amount["none"] = 0
              for (unit in amount)
                  printf "%s\t%s\t%s\t%s\t%d\t%d\n",
                         date, commit, rig, unit, amount[unit], failed }' \
        >>"$AMOUNTS"
}

count() {
    local rig=$1 log status
    shift
    log=$(mktemp)
    "$@" | tee "$log"
    status=${PIPESTATUS[0]}
    note "$rig" "$log" "$status"
    rm -f "$log"
    return "$status"
}

sum() {
    [ -s "$AMOUNTS" ] || { echo "nothing was counted yet in $AMOUNTS"; return 0; }
    sort "$AMOUNTS" | awk -F '\t' '
        { key = $3 " " $4; amount[key] += $5; failed[key] += $6; runs[key]++; last[key] = $1 " " $2
          if (!(key in first)) first[key] = $1 }
        END { for (key in amount)
                  printf "%-14s %14d in %d runs, %d failures; %s to %s\n", key, amount[key],
                         runs[key], failed[key], first[key], last[key] }' | sort
}

case ${1:-} in
count) shift && count "$@" ;;
sum) sum ;;
*)
    echo "usage: amounts.sh count RIG COMMAND... | sum" >&2
    exit 2
    ;;
esac
