#!/bin/sh
# The planted faults still fit the code that they take out, name tests that are there, and
# docs/testing.md has a row for each and for no other. Whether a test catches them, `make planted`
# says.
# usage: planted.sh [TREE]   prints what is wrong, a line each; exit 1 when something is.
set -eu
export LC_ALL=C.UTF-8
cd "${1:-.}"
[ -d tests/planted ] || exit 0

# The programs that the `test:` lines of a patch name.
programs_of() {
    sed -n 's/^test: *//p' "$1" | sed -E 's/^([A-Z_]+=[^ ]* )*//; s/ .*//'
}

wrong=0
for patch in tests/planted/*.patch; do
    name=$(basename "$patch" .patch)
    if ! patch --dry-run -p1 -F2 -s -f <"$patch" >/dev/null 2>&1; then
        echo "$patch: does not fit its code any more"
        wrong=1
    fi
    if ! grep -qF "\`$name\`" docs/testing.md; then
        echo "$patch: docs/testing.md has no row for it"
        wrong=1
    fi
    for program in $(programs_of "$patch"); do
        if [ ! -f "$program" ] && [ ! -f "$program.c" ]; then
            echo "$patch: no test $program"
            wrong=1
        fi
    done
    if [ -z "$(programs_of "$patch")" ]; then
        echo "$patch: names no test"
        wrong=1
    fi
done
for name in $(grep -oE '`[1-7]-[a-z0-9-]+`' docs/testing.md | tr -d '`' | sort -u); do
    if [ ! -e "tests/planted/$name.patch" ]; then
        echo "docs/testing.md: no patch $name"
        wrong=1
    fi
done
exit "$wrong"
