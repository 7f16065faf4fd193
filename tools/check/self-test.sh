#!/bin/bash
# Shows that each check can fail: a small clean tree passes, and each single fault put into it is
# found. Prints `ok NAME` / `not ok NAME`; exit 1 when a check lets a fault through.
# usage: self-test.sh
set -u
export LC_ALL=C.UTF-8
root=$(cd "$(dirname "$0")/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
tree=$scratch/tree
export BUILD=$scratch/build
failed=0

# A tree that every check accepts.
clean_tree() {
    rm -rf "${tree:?}"/*
    mkdir -p "$tree"/{proto,docs,tests/planted,tools} "$tree"/client-lib/{src,ports,include} \
        "$tree"/server/{http,sync,store}
    cat >"$tree/proto/a.h" <<'C'
/* A number.
 * Nothing else. */
int st_a(int x);
C
    cat >"$tree/proto/a.c" <<'C'
/* proto/a.c */
#include "proto/a.h"

int st_a(int x)
{
    return x + 1;
}
C
    echo '/* s */' >"$tree/server/store/store.h"
    printf '# A page\n\n## Một mục: tên\n\n[x](#một-mục-tên) [y](../proto/a.h)\n' >"$tree/docs/a.md"
    echo '#include "proto/a.h"' >"$tree/server/sync/b.c"
    one_less >"$tree/tests/planted/1-one-less.patch"
    mkdir -p "$tree/tests/unit/a" && echo a_number >"$tree/tests/unit/a/run"
    mkdir -p "$tree/tests/e2e/01-a" && printf 'main([a_case,\n      b_case], beside=2)\n' \
        >"$tree/tests/e2e/01-a/run"
    printf '| a | `1-one-less` | `unit/a` `a_number` |\n| `01-a` | `a_case`, `b_case` (`run`) |\n' \
        >"$tree/docs/testing.md"
}

# A planted fault that fits the tree, and the test that notices.
one_less() {
    echo 'test: tests/unit/a/run a_number'
    printf -- '--- a/proto/a.c\n+++ b/proto/a.c\n@@ -3,5 +3,5 @@\n \n int st_a(int x)\n {\n'
    printf -- '-    return x + 1;\n+    return x;\n }\n'
}

# check NAME is expected to say WANT (0 clean, 1 fault) about the tree as it is now.
expect() {
    local want=$1 check=$2 what=$3 said got=0
    said=$("$root/tools/check/$check.sh" "$tree" 2>&1) || got=1
    if [ "$got" -eq "$want" ]; then
        echo "ok $check: $what"
    else
        printf '%s\n' "$said"
        echo "not ok $check: $what"
        failed=1
    fi
}

# fault CHECK FILE WHAT: appends stdin to FILE of a clean tree; the check must object.
fault() {
    clean_tree
    mkdir -p "$(dirname "$tree/$2")"
    cat >>"$tree/$2"
    expect 1 "$1" "$3"
}

include() {
    echo "#include $2" | fault layers "$1" "$1 includes $2"
}

repeat() {
    for ((i = 0; i < $2; i++)); do echo "$1"; done
}

for check in layers style docs cases words planted wasm; do
    clean_tree
    expect 0 "$check" "a clean tree passes"
done

include proto/a.c '"server/store/store.h"'
include proto/a.c '<unistd.h>'
include proto/a.c '<time.h>'
include proto/a.c '<zstd.h>'
include proto/a.c '"a.h"'
include client-lib/src/c.c '"server/sync/b.h"'
include client-lib/src/c.c '<pthread.h>'
include client-lib/src/c.c '"client-lib/ports/curl.h"'
include client-lib/cli/c.c '"client-lib/src/sync.h"'
include server/sync/b.c '"client-lib/include/sotay.h"'
include server/sync/b.c '"server/http/start.h"'
include server/store/s.c '"server/sync/b.h"'
include server/sync/b.c '<lmdb.h>'
include server/sync/b.c '"sotay.pb-c.h"'
include server/sync/b.c '<civetweb.h>'
include server/sync/b.c '<ini.h>'
include tools/verify/v.c '"server/store/store.h"'
include tools/ctl/c.c '"client-lib/include/sotay.h"'

{ echo 'int f(void)'; echo '{'; repeat '    f();' 70; echo '}'; } |
    fault style server/long.c "a function of 73 lines"
{ echo 'def f():'; repeat '    f()' 71; } |
    fault style tools/long.py "a Python function of 72 lines"
{ echo 'f() {'; repeat '    true' 70; echo '}'; } |
    fault style tools/long.sh "a shell function of 72 lines"
repeat '/* x */' 801 | fault style server/many.c "a file of 801 lines"
printf '/* %s */\n' "$(printf 'đ%.0s' {1..95})" | fault style server/wide.c "a line of 101 letters"
echo 'void f(int a, int b, int c, int d, int e, int g, int h) { }' |
    fault style server/params.c "seven parameters"
printf 'int x; \n' | fault style server/blank.c "blanks at the end of a line"
clean_tree
printf '/* %s */\n' "$(printf 'đ%.0s' {1..94})" >"$tree/server/wide.c"
expect 0 style "a line of 100 letters, 194 bytes"

printf '\nint st_b(void);\n' | fault docs proto/a.h "a function without a comment"
printf '\n/* x */\n\nint st_b(void);\n' | fault docs proto/a.h "a comment not directly above"
echo '[z](nowhere.md)' | fault docs docs/a.md "a link to no file"
echo '[z](#no-heading)' | fault docs docs/a.md "a link to no heading"

echo 'main([c_case])' | fault cases tests/e2e/01-a/run "a case that its row does not name"
echo 'CASES = [c_case]' | fault cases tests/e2e/01-a/more.py "such a case in a file beside it"
echo 'main([a_case])' | fault cases tests/e2e/02-b/run "a folder without a row"
echo 'main(CASES)' | fault cases tests/e2e/02-b/run "a folder in which no case is found"
echo '| `01-a` | `gone_case` |' | fault cases docs/testing.md "a row with a case that is not there"

echo "/* TO""DO later */" | fault words proto/a.c "a note to ourselves"
echo "/ho""me/x/y" | fault words docs/a.md "a path of one machine"

one_less | fault planted tests/planted/1-two.patch "a planted fault without a row"
echo '| b | `1-gone` |' | fault planted docs/testing.md "a row without its planted fault"
one_less | sed 's/x + 1/x + 2/' |
    fault planted tests/planted/1-one-less.patch "a planted fault that fits no more"
echo 'test: tests/unit/b/run a_number' |
    fault planted tests/planted/1-one-less.patch "a planted fault whose test is not there"
echo 'test: tests/unit/a/run another_number' |
    fault planted tests/planted/1-one-less.patch "a planted fault whose case is not there"
clean_tree
sed -i s/a_number/b_number/ "$tree/tests/unit/a/run"
expect 1 planted "a case that got another name"
clean_tree
echo b_number >>"$tree/tests/unit/a/run"
sed -i 's/a_number` |/a_number`, `b_number` |/' "$tree/docs/testing.md"
expect 1 planted "a row with a case that its planted fault does not name"
clean_tree
echo b_number >>"$tree/tests/unit/a/run"
sed -i '1i test: tests/unit/a/run b_number' "$tree/tests/planted/1-one-less.patch"
expect 1 planted "a case of a planted fault that its row does not name"
clean_tree
sed -i 1d "$tree/tests/planted/1-one-less.patch"
expect 1 planted "a planted fault without a test"

# A tree of end-to-end tests and rigs alone, in which the runner of all tests runs. Each test in
# it passes.
runner_tree() {
    rm -rf "${tree:?}"
    mkdir -p "$tree"/tools/check "$tree"/tests/{e2e/01-a,e2e/02-b,storm}
    cp "$root/tools/check/run-tests.sh" "$tree/tools/check/"
    touch "$tree"/tests/storm/{rig.mk,README.md}
    for script in "$tree"/tests/{e2e/01-a,e2e/02-b,storm}/run; do
        printf '#!/bin/sh\necho ok a_case\n' >"$script"
        chmod +x "$script"
    done
    for name in check self-test; do
        printf '#!/bin/sh\n[ "$1" = --list ] || echo ok x\n' >"$tree/tools/check/$name.sh"
        chmod +x "$tree/tools/check/$name.sh"
    done
}

# runs WANT LINE WHAT: the runner ends with WANT (0 or 1) and says LINE.
runs() {
    local want=$1 line=$2 what=$3 said got=0
    said=$(MAKE=true ONLY='' TEST_LONG='' "$tree/tools/check/run-tests.sh" all 2>&1) || got=1
    if [ "$got" -eq "$want" ] && printf '%s\n' "$said" | grep -qE "$line"; then
        echo "ok run-tests: $what"
    else
        printf '%s\n' "$said"
        echo "not ok run-tests: $what"
        failed=1
    fi
}

runner_tree
runs 0 '^4 passed, 0 failed$' "a clean tree passes"
runner_tree && chmod -x "$tree/tests/e2e/02-b/run"
runs 1 '^FAILED  release e2e/02-b ' "an end-to-end test that may not be run"
runner_tree && rm "$tree/tests/e2e/02-b/run"
runs 1 '^FAILED  release e2e/02-b ' "an end-to-end test that is not there"
runner_tree && chmod -x "$tree/tests/storm/run"
runs 1 '^FAILED  rig storm ' "a rig that may not be run"
runner_tree && printf '#!/bin/sh\necho ok a\necho skip b: no root\n' >"$tree/tests/storm/run"
runs 0 '^skipped  rig storm b: no root$' "a case that is skipped is named at the end"
runs 0 '^1 skipped$' "and counted by itself"
runner_tree && printf '#!/bin/sh\n' >"$tree/tests/storm/run"
runs 1 '^FAILED  rig storm ' "a rig that says nothing"
runner_tree && printf '#!/bin/sh\necho ok a\necho not ok b\n' >"$tree/tests/storm/run"
runs 1 '^FAILED  rig storm ' "a rig that fails and ends with 0"

# counts WANT RIG WORDS: what is added to the file when a rig says these words and fails.
counts() {
    export AMOUNTS=$scratch/amounts.tsv
    rm -f "$AMOUNTS"
    "$root/tools/check/amounts.sh" count "$2" sh -c 'printf "%b" "$1"; exit 1' sh "$3" >/dev/null
    if [ "$(cut -f 3- "$AMOUNTS" | tr '\t\n' '  ')" = "$1 " ]; then
        echo "ok amounts: $1"
    else
        cat "$AMOUNTS"
        echo "not ok amounts: $1"
        failed=1
    fi
}

counts "crash states 9010 1" crash \
    "ok cuts_a 9000 states at 5 points, 0 bad\nnot ok cuts_b 10 states at 1\n"
counts "fuzz runs 70 1" fuzz "ok fuzz a: 70 runs, 3 a second\nnot ok fuzz b: it ended early\n"
counts "storm none 0 1" storm ""

printf '#include <sys/socket.h>\nint s = SOCK_STREAM + AF_LOCAL;\n' |
    fault wasm proto/b.c "a socket"
printf 'int st_b(void);\nint st_b(void)\n{\n    return fork();\n}\n' | fault wasm proto/b.c "a fork"
exit "$failed"
