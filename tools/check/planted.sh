#!/bin/bash
# The planted faults still fit the code that they take out, and docs/testing.md has a row for each
# and for no other, which names the same programs and cases as its `test:` lines. Those are there.
# Whether a test catches them, `make planted` says.
# usage: planted.sh [TREE]   prints what is wrong, a line each; exit 1 when something is.
set -eu
export LC_ALL=C.UTF-8
cd "${1:-.}"
page=docs/testing.md
[ -d tests/planted ] || exit 0

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# What the `test:` lines of a patch name: PROGRAM CASE, a line each. Of a rig the program is its
# `run`; the lines of the fuzzers have their case before the last word.
tests_of() {
    sed -n 's/^test: *//p' "$1" | sed -E 's/^([A-Z_]+=[^ ]* )*//' |
        awk '{ print $1, NF < 2 ? "-" : ($NF == "fuzz" ? $(NF - 1) : $NF) }'
}

# Is there such a case? A program of cmocka has it on its list; a script, or a source beside it,
# calls it by its name; a fuzzer has its line; a scene of fault its row. What crash cuts
# are the folders of its workload.
has_case() {
    local program=$1 name=$2
    case "$program $name" in
    tools/fuzz/run\ *) grep -q "^$name " tools/fuzz/targets.txt ;;
    tests/fault/run\ fault/*) grep -qF "{ \"${name#fault/}\"," tests/fault/scenes.c ;;
    *\ cuts_*) grep -qE "[\"']${name#cuts_}[\"' ]" "${program%run}workload.py" ;;
    */run\ *) grep -qsw -- "$name" "$program" "${program%run}"*.py "${program%run}"*.c ;;
    *) grep -qE "[(, ]${name}[,)]" "$program.c" ;;
    esac
}

# The rows of the page: PATCH PROGRAM CASE for each case that the row of a patch names; `the same`
# alone is what the row above names, with more behind it only the program is.
rows() {
    awk -F ' *[|] *' '
        NF != 5 || $3 !~ /^`[1-7]-[a-z0-9-]+`/ { next }
        {
            cell = $4
            if (cell !~ /^the same *(\(.*)?$/) {
                if (cell !~ /^the same/) program = ""
                count = 0
                while (match(cell, /`[^`]+`/)) {
                    word = substr(cell, RSTART + 1, RLENGTH - 2)
                    cell = substr(cell, RSTART + RLENGTH)
                    is_rig = word ~ /^(crash|fault|liar|sim|storm)$/
                    if (is_rig || (word ~ /\// && word !~ /^fault\//)) program = word
                    else pair[++count] = program " " word
                }
            }
            names = $3
            while (match(names, /`[1-7]-[a-z0-9-]+`/)) {
                name = substr(names, RSTART + 1, RLENGTH - 2)
                names = substr(names, RSTART + RLENGTH)
                for (i = 1; i <= count; i++) print name, pair[i]
                if (count == 0) print name, "-", "-"
            }
        }' "$page"
}

wrong=0
say() {
    echo "$1"
    wrong=1
}

for patch in tests/planted/*.patch; do
    name=${patch#tests/planted/}
    name=${name%.patch}
    if ! patch --dry-run -p1 -F2 -s -f <"$patch" >/dev/null 2>&1; then
        say "$patch: does not fit its code any more"
    fi
    tests_of "$patch" >"$scratch/tests"
    [ -s "$scratch/tests" ] || say "$patch: names no test"
    while read -r program case; do
        called=${program#tests/} # unit/..., e2e/..., a rig by its name
        echo "$name ${called%/run} $case" >>"$scratch/patches"
        if [ ! -f "$program" ] && [ ! -f "$program.c" ]; then
            say "$patch: no test $program"
        elif [ "$case" = - ]; then
            say "$patch: names no case of $program"
        elif ! has_case "$program" "$case"; then
            say "$patch: $program has no case $case"
        fi
    done <"$scratch/tests"
done
for name in $(grep -oE '`[1-7]-[a-z0-9-]+`' "$page" | tr -d '`' | sort -u); do
    [ -e "tests/planted/$name.patch" ] || say "$page: no patch $name"
done
rows | sort -u >"$scratch/rows"
sort -u -o "$scratch/patches" "$scratch/patches"
while read -r name what; do
    say "$page: the row of $name does not name $what"
done < <(comm -13 "$scratch/rows" "$scratch/patches")
while read -r name what; do
    say "$page: the row of $name names $what, which its test: lines do not"
done < <(comm -23 "$scratch/rows" "$scratch/patches")
exit "$wrong"
