#!/bin/sh
# docs/testing.md has a row for each end-to-end folder, which names each of its cases and no other.
# A case stands in the `main([...])` of the folder's program, or in the CASES of a file beside it.
# usage: cases.sh [TREE]   prints what is wrong, a line each; exit 1 when something is.
set -eu
export LC_ALL=C.UTF-8
cd "${1:-.}"
page=docs/testing.md
[ -d tests/e2e ] || exit 0

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The words of the lists that begin with `main([` or `CASES = [` in the files.
listed() {
    awk '
        FNR == 1 { inside = 0 }
        /^(main\(|CASES = )\[/ { inside = 1; sub(/^(main\(|CASES = )\[/, "") }
        inside {
            line = $0
            if (sub(/\].*/, "", line)) inside = 0
            gsub(/[ ,]+/, "\n", line)
            print line
        }' "$@" | sed '/^$/d' | sort -u
}

# The cases that the row of the folder names: words in backticks with a `_` in them.
named() {
    grep -F "| \`$1\` |" "$page" | grep -oE '`[a-z0-9]+(_[a-z0-9]+)+`' | tr -d '`' | sort -u
}

wrong=0
for folder in tests/e2e/[0-9]*/; do
    name=$(basename "$folder")
    listed "$folder"run "$folder"*.py 2>/dev/null >"$scratch/listed" || true
    named "$name" >"$scratch/named" || true
    for case in $(comm -23 "$scratch/listed" "$scratch/named"); do
        echo "$page: the row of $name does not name $case"
        wrong=1
    done
    for case in $(comm -13 "$scratch/listed" "$scratch/named"); do
        echo "$page: $name has no case $case"
        wrong=1
    done
    if [ ! -s "$scratch/listed" ]; then
        echo "$folder: no case was found in it"
        wrong=1
    fi
done
exit "$wrong"
