#!/bin/sh
# Two promises of the documentation: every function that a header declares is explained right
# above its declaration (one comment may serve a family of declarations with no blank line
# between them), and every link in a Markdown page leads somewhere.
# usage: docs.sh [TREE]   prints FILE:LINE: reason; exit 1 when a promise is broken.
set -eu
export LC_ALL=C.UTF-8
cd "${1:-.}"

out=$(mktemp)
trap 'rm -f "$out"' EXIT

headers() {
    find proto client-lib/include server -name '*.h' 2>/dev/null | sort
}

# Declared functions as FILE <tab> LINE (of the name) <tab> NAME; inline ones too.
declared() {
    headers | ctags --options=NONE -x --languages=C --langmap=C:.c.h --kinds-C=pf \
        -I 'SOTAY_API,ST_MUST_USE,__attribute__+' -L - --_xformat='%F	%n	%N' 2>/dev/null || true
}

declared | awk -F '\t' '
# Reads a header once; what stands above a name, up to the comment, must be declarations.
function load(file,   line) {
    rows = 0
    while ((getline line < file) > 0) text[++rows] = line
    close(file)
    loaded = file
}
function comment_ends(line) {
    if (line ~ /^[ \t]*\/\//) return 1
    return line ~ /\*\/[ \t]*$/ && line !~ /[^ \t].*\/\*/
}
function of_family(line) {
    return line !~ /^[ \t]*$/ && line !~ /^}/ && line !~ /^# *(if|el|endif|include)/ &&
           !comment_ends(line)
}
{
    if ($1 != loaded) load($1)
    row = $2
    while (row > 1 && of_family(text[row - 1])) row--
    if (row == 1 || !comment_ends(text[row - 1]))
        printf "%s:%s: %s has no comment directly above it\n", $1, $2, $3
}' >>"$out"

# Links [text](target) outside code blocks: FILE <tab> LINE <tab> TARGET
links() {
    find . \( -name build -o -name .git \) -prune -o -name '*.md' -print | sed 's|^\./||' | sort |
        xargs -r awk '
        FNR == 1 { code = 0 }
        /^[ \t]*```/ { code = !code }
        !code {
            line = $0
            gsub(/`[^`]*`/, "", line)
            while (match(line, /\]\([^) ]+\)/)) {
                print FILENAME "\t" FNR "\t" substr(line, RSTART + 2, RLENGTH - 3)
                line = substr(line, RSTART + RLENGTH)
            }
        }'
}

# The anchors that the headings of a page get: small letters, blanks to dashes, the rest dropped.
anchors() {
    grep -E '^#{1,6} ' "$1" | sed -E 's/^#+ +//; s/`//g; s/\[([^]]*)\]\([^)]*\)/\1/g' |
        sed -E 's/.*/\L&/; s/[^[:alnum:] _-]//g; s/ /-/g'
}

links | while IFS='	' read -r file row target; do
    case $target in
    http://* | https://* | mailto:*) continue ;;
    esac
    path=${target%%#*}
    if [ -z "$path" ]; then
        where=$file
    else
        where=$(dirname "$file")/$path
    fi
    if [ ! -e "$where" ]; then
        echo "$file:$row: link to $target leads nowhere"
        continue
    fi
    case $target in
    *.md#* | '#'*)
        anchors "$where" | grep -qxF -- "${target#*#}" ||
            echo "$file:$row: $where has no heading for #${target#*#}"
        ;;
    esac
done >>"$out"

sort -t : -k 1,1 -k 2,2n "$out"
[ ! -s "$out" ]
