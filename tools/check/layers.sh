#!/bin/sh
# Who may include whom, and which one place may know a foreign library (docs/style.md).
# usage: layers.sh [TREE]   prints FILE:LINE: reason; exit 1 when an arrow is broken.
set -eu
export LC_ALL=C.UTF-8
cd "${1:-.}"

# header (regex)  <tab>  files that may include it (regex)
doors() {
    cat <<'TABLE'
^lmdb\.h$	^(server/store/|client-lib/ports/|tests/|tools/bench/)
^civetweb\.h$	^(server/http/|tools/bench/peers/)
^(jpeglib|png)\.h$	^(client-lib/(ports/picture|cli/qr)\.c$|tests/)
^curl/	^(client-lib/ports/|tools/ctl/|tests/|tools/bench/)
^zstd(_errors)?\.h$	^(proto/frame[a-z_]*\.c$|tests/|tools/bench/peers/)
\.pb-c\.h$	^(proto/([a-z_0-9]+\.c|message_parts\.h)$|tests/|tools/fuzz/)
^protobuf-c/	^(proto/|tests/|tools/fuzz/)
^sodium\.h$	^(proto/(hash|sign|seal)[a-z_]*\.c$|client-lib/src/vault|server/[a-z/]*key|tests/)
^sodium\.h$	^(client-lib/ports/random|server/auth/pass|server/(main|random|secret)[a-z_]*\.c$)
^sodium\.h$	^tools/bench/
^utf8proc\.h$	^(proto/text[a-z_]*\.c$|tests/)
^ini\.h$	^server/config[a-z_]*\.c$
^qrencode\.h$	^(server/auth/|server/operator/|tools/ctl/|client-lib/cli/qr\.c$)
^cmocka\.h$	^tests/
TABLE
}

# Every include of the tree as FILE <tab> LINE <tab> kind <tab> TARGET, kind s (<>) or q ("").
includes() {
    find proto client-lib server tools tests -name '*.[ch]' 2>/dev/null | sort |
        xargs -r awk '
        FNR == 1 { sub(/^\.\//, "", FILENAME) }
        /^[ \t]*#[ \t]*include[ \t]*[<"]/ {
            line = $0
            kind = line ~ /include[ \t]*</ ? "s" : "q"
            sub(/^[^<"]*[<"]/, "", line); sub(/[>"].*/, "", line)
            print FILENAME "\t" FNR "\t" kind "\t" line
        }'
}

doors_file=$(mktemp)
trap 'rm -f "$doors_file"' EXIT
doors >"$doors_file"

includes | awk -F '\t' -v doors="$doors_file" '
function bad(why) { printf "%s:%s: includes %s: %s\n", file, row, target, why; wrong = 1 }

# The tree a path belongs to; the one place that decides what a "side" is.
function side(path) {
    if (path ~ /^proto\/|^[a-z]+\.pb-c\.h$/) return "proto"
    if (path ~ /^client-lib\//) return "client"
    if (path ~ /^server\//) return "server"
    if (path ~ /^tools\/verify\//) return "verify"
    if (path ~ /^tools\/fuzz\//) return "tests"
    if (path ~ /^tools\//) return "tools"
    return "tests"
}

# Inside the server calls go from small to large numbers, never back.
function rank(path) {
    if (path ~ /^server\/(main|rooms)\.c/) return 0
    if (path ~ /^server\/(http|console)\//) return 1
    if (path ~ /^server\/store\//) return 3
    if (path ~ /^server\/([a-z]+\/|rooms\.h)/) return 2
    return 4
}

function check_root() {
    if (target ~ /\.pb-c\.h$/) return
    if (target !~ /^(proto|client-lib|server|tools|tests)\//)
        bad("a path starts at the root of the tree")
}

function check_sides(   from, to) {
    from = side(file); to = side(target)
    if (from == "proto" && to != "proto") bad("proto/ knows nobody")
    if (from == "client" && to != "client" && to != "proto") bad("client-lib/ knows proto/ only")
    if (from == "server" && to != "server" && to != "proto") bad("server/ knows proto/ only")
    if (from == "verify" && to != "verify" && to != "proto") bad("tools/verify knows proto/ only")
    if (file ~ /^tools\/ctl\// && to == "client") bad("sotayctl is of the server side")
    if (to == "tests" && from != "tests") bad("nothing depends on the tests")
    if (file ~ /^client-lib\/src\// && target ~ /^client-lib\/(ports|cli)\//)
        bad("the core does not know its ports")
    if (file ~ /^client-lib\/ports\// && target ~ /^client-lib\/cli\//)
        bad("a port does not know the program")
    if (file ~ /^client-lib\/cli\// && target ~ /^client-lib\/src\//)
        bad("the program uses the public header, as any embedder")
    if (from == "server" && to == "server" && rank(target) < rank(file))
        bad("nothing in the server calls upward")
}

# What the phone compiles to WebAssembly stays away from the system.
function check_pure() {
    if (file !~ /^(proto|client-lib\/src)\//) return
    if (target ~ /^(assert|ctype|errno|float|inttypes|limits|math|stdalign|stdarg)\.h$/) return
    if (target ~ /^(stdbool|stddef|stdint|stdio|stdlib|string)\.h$/) return
    if (target ~ /^(zstd|zstd_errors|sodium|utf8proc)\.h$|^protobuf-c\/|^cjson\//) return
    bad("proto/ and client-lib/src are pure C11: no files, sockets, threads, clock")
}

BEGIN {
    while ((getline line < doors) > 0) {
        split(line, part, "\t"); n++
        door[n] = part[1]; who[n] = part[2]
    }
}
{
    file = $1; row = $2; target = $4
    if ($3 == "q") { check_root(); check_sides() } else check_pure()
    known = 0; allowed = 0
    for (i = 1; i <= n; i++)
        if (target ~ door[i]) { known = 1; if (file ~ who[i]) allowed = 1 }
    if (known && !allowed) bad("one door per library, and this is not it")
}
END { exit wrong }'
