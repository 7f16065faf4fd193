#!/bin/sh
# Words that must not stand in what we hand over: notes to ourselves, conflict marks, and paths
# of somebody's own machine.
# usage: words.sh [TREE]   prints FILE:LINE: reason; exit 1 when one is found.
set -eu
export LC_ALL=C.UTF-8
cd "${1:-.}"

# Spelled so that this file does not find itself.
notes='(^|[^A-Za-z])(TO''DO|FIX''ME|XX''X|HA''CK)([^A-Za-z]|$)'
marks='^(<<<<''<<<|>>>>''>>>) '
paths='(^|[^A-Za-z0-9_.$-])/(ho''me|ro''ot|wo''rk)/[a-z]'

find . \( -name .git -o -name build -o -name '*.pyc' \) -prune -o -type f -print |
    sed 's|^\./||' | sort | {
    wrong=0
    while read -r file; do
        grep -InE -- "$notes|$marks|$paths" "$file" | sed "s|^\([0-9]*\):.*|$file:\1: a note to \
ourselves, a conflict mark or a path of one machine|" | grep . && wrong=1
    done
    exit "$wrong"
}
