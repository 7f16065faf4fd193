#!/bin/sh
# The limits that docs/style.md sets and a program can count: lines of a function and of a file,
# columns of a line (characters, not bytes: our sentences are Vietnamese), parameters.
# usage: style.sh [TREE]   prints FILE:LINE: reason; exit 1 when something is over its limit.
set -eu
export LC_ALL=C.UTF-8
cd "${1:-.}"

FUNCTION_LINES=70
FILE_LINES=800
COLUMNS_MAX=100
PARAMETERS=6

sources() {
    find proto client-lib server tools tests \( -name '*.[ch]' -o -name '*.sh' -o -name '*.py' \) \
        2>/dev/null | sort
    find .ci tests tools -name run -type f 2>/dev/null | sort
}

# Functions of C and Python: FILE <tab> LINE <tab> NAME <tab> END <tab> SIGNATURE
functions() {
    grep -E '\.(c|h|py)$' "$list" | ctags --options=NONE -x --languages=C,Python --langmap=C:.c.h \
        --kinds-C=f --kinds-Python=fm --fields=+neS -L - \
        --_xformat='%F	%n	%N	%{end}	%S' 2>/dev/null || true
}

list=$(mktemp)
out=$(mktemp)
trap 'rm -f "$list" "$out"' EXIT
sources >"$list"

while read -r file; do
    lines=$(wc -l <"$file")
    [ "$lines" -le "$FILE_LINES" ] ||
        echo "$file:$FILE_LINES: file has $lines lines, at most $FILE_LINES"
done <"$list" >>"$out"

xargs -r grep -nHE "^.{$((COLUMNS_MAX + 1)),}" <"$list" 2>/dev/null |
    sed -E "s/^([^:]+:[0-9]+):.*/\1: line over $COLUMNS_MAX columns/" >>"$out" || true
xargs -r grep -nHE '[[:blank:]]+$' <"$list" 2>/dev/null |
    sed -E 's/^([^:]+:[0-9]+):.*/\1: blanks at the end of the line/' >>"$out" || true

functions | awk -F '\t' -v most="$FUNCTION_LINES" -v parameters="$PARAMETERS" '
function count(signature,   i, c, depth, commas) {
    for (i = 1; i <= length(signature); i++) {
        c = substr(signature, i, 1)
        if (c == "(" || c == "[") depth++
        if (c == ")" || c == "]") depth--
        if (c == "," && depth == 1) commas++
    }
    return commas + 1
}
{
    size = $4 - $2 + 1
    if ($4 != "" && size > most)
        printf "%s:%s: function %s has %d lines, at most %d\n", $1, $2, $3, size, most
    if (count($5) > parameters)
        printf "%s:%s: function %s has %d parameters, at most %d\n", $1, $2, $3, count($5), \
               parameters
}' >>"$out"

# Functions of shell scripts: from `name() {` to the brace alone on its line.
grep -E '\.sh$|/run$' "$list" | xargs -r awk -v most="$FUNCTION_LINES" '
FNR == 1 { name = "" }
/^[a-z_0-9]+\(\) *[{(]/ { name = $1; start = FNR }
/^[})]/ && name != "" {
    if (FNR - start + 1 > most)
        printf "%s:%d: function %s has %d lines, at most %d\n", FILENAME, start, name, \
               FNR - start + 1, most
    name = ""
}' >>"$out"

sort -t : -k 1,1 -k 2,2n "$out"
[ ! -s "$out" ]
