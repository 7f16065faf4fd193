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

# A program of the tree that does this: FILE LINE...
program() {
    local file=$tree/$1
    shift
    mkdir -p "${file%/*}"
    printf '%s\n' '#!/bin/sh' "$@" >"$file"
    chmod +x "$file"
}

# says WANT LINE WHAT COMMAND...: it ends with WANT (0 or 1) and says LINE.
says() {
    local want=$1 line=$2 what=$3 said got=0
    shift 3
    said=$("$@" 2>&1) || got=1
    if [ "$got" -eq "$want" ] && printf '%s\n' "$said" | grep -qE "$line"; then
        echo "ok $what"
    else
        printf '%s\n' "$said"
        echo "not ok $what"
        failed=1
    fi
}

# runs WANT LINE WHAT [NAME=VALUE...]: the runner, where the tree has no more to build.
runs() {
    local want=$1 line=$2 what=$3
    shift 3
    says "$want" "$line" "run-tests: $what" env MAKE=true ONLY= TEST_LONG= "$@" \
        "$tree/tools/check/run-tests.sh" all
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

# in_test LINE...: what the second end-to-end test does, after the case that passes.
in_test() {
    runner_tree
    program tests/e2e/02-b/run 'echo ok a' "$@"
}

in_test 'exit 3'
runs 1 '^FAILED  release e2e/02-b ' "a test that ends with an error behind its cases"
in_test 'kill -SEGV $$'
runs 1 '^FAILED  release e2e/02-b ' "a test that crashes behind its cases"
in_test 'exec sleep 60'
runs 1 '^FAILED  release e2e/02-b ' "a test that hangs behind its cases" TEST_TIMEOUT_S=1
for sanitizer in ASAN UBSAN TSAN; do
    in_test "log=\${${sanitizer}_OPTIONS#log_path=}" 'echo a leak >"${log%%:*}.1"'
    runs 1 '^FAILED  release e2e/02-b ' "a report that $sanitizer leaves of a test that passes"
done

runner_tree
runs 1 '^FAILED  build/release ' "a build that fails" MAKE=false
runs 1 '^FAILED  build/rigs ' "a build of the rigs that fails" MAKE=false
runs 1 '^4 passed, 4 failed$' "each of them, and those of the sanitizers, is a failure" MAKE=false
says 1 '^FAILED  build/asan-storm ' "run-tests: a build of a rig for a sanitizer that fails" \
    env MAKE=false ONLY=storm "$tree/tools/check/run-tests.sh" rigs asan

program tools/check/coverage.sh '[ -z "$ONLY$TEST_LONG$TEST_TIMEOUT_S$MODE$BUILD$BIN" ]'
runs 0 '^ok      coverage ' "the whole is counted, whatever was asked for" TEST_LONG=1 ONLY=coverage
program tools/check/coverage.sh 'echo too few' 'exit 1'
runs 1 '^FAILED  coverage ' "too few branches" TEST_LONG=1 ONLY=coverage

# in_unit LINE...: what the one program of cmocka does, in each mode that runs it.
in_unit() {
    runner_tree
    mkdir -p "$tree/tests/unit/a"
    echo '/* no threads */' >"$tree/tests/unit/a/test_a.c"
    program build/release/tests/unit/a/test_a "$@"
    program build/asan/tests/unit/a/test_a "$@"
}

passed='echo "[  PASSED  ] 1 test(s)."'
in_unit "$passed"
runs 0 '^6 passed, 0 failed$' "a unit test is counted, in each mode"
in_unit "$passed" 'echo "[  FAILED  ] 1 test(s), listed below:"'
runs 1 '^6 passed, 2 failed$' "a unit test that counts a failure and ends with 0"
in_unit "$passed" 'exit 1'
runs 1 '^FAILED  asan unit/a/test_a ' "a unit test that ends with an error"
in_unit 'kill -SEGV $$'
runs 1 '^FAILED  release unit/a/test_a ' "a unit test that crashes before it says anything"
in_unit 'exit 0'
runs 1 '^FAILED  release unit/a/test_a ' "a unit test that says nothing"

# What xargs started and was killed must not end in silence: this kills the shell that waits for it.
KILLS_ITS_SHELL='sleep 0.5; read -r _ _ _ parent _ </proc/$PPID/stat; kill -9 "$parent"'

# Two fuzzers, each with a corpus of its own and a dictionary.
fuzz_tree() {
    rm -rf "${tree:?}"
    mkdir -p "$tree"/tools/fuzz/{corpus,found}/{a,b} "$tree/tools/fuzz/dict"
    cp "$root/tools/fuzz/run" "$tree/tools/fuzz/"
    printf 'a 16 d\nb 16 d\n' >"$tree/tools/fuzz/targets.txt"
    touch "$tree"/tools/fuzz/{fuzz_a.c,fuzz_b.c,dict/d.dict,corpus/a/x,corpus/b/x}
    program fuzz/seeds
    program fuzz/fuzz_a
    program fuzz/fuzz_b
}

# fuzzes WANT LINE WHAT [NAME...]
fuzzes() {
    local want=$1 line=$2 what=$3
    shift 3
    says "$want" "$line" "fuzz: $what" env FUZZ_DIR=fuzz FUZZ_JOBS=1 "$tree/tools/fuzz/run" short \
        "$@"
}

fuzz_tree
fuzzes 0 '^ok fuzz b: ' "two fuzzers run"
fuzzes 0 '^ok fuzz b: ' "the case that is looked for, behind a name" b fuzz
program fuzz/fuzz_a 'echo "reached: 0 a page"'
fuzzes 1 '^not ok fuzz a: never a page$' "a goal that is not reached"
program fuzz/fuzz_a "$KILLS_ITS_SHELL"
fuzzes 1 '^not ok fuzz b: it did not run to its end$' "a killed shell, and a fuzzer behind it"
fuzz_tree && rm "$tree/tools/fuzz/corpus/b/x"
fuzzes 1 '^not ok fuzz b: it has neither seeds nor a corpus$' "a corpus that is empty"
fuzz_tree
fuzzes 1 '^not ok fuzz c: ' "a fuzzer that is not there" c

# Two programs for another machine.
cross_tree() {
    local name
    rm -rf "${tree:?}"
    mkdir -p "$tree/tests/cross"
    cp "$root/tests/cross/run" "$tree/tests/cross/"
    program tools/setup/deps.sh
    program tools/setup/root.sh
    program tests/cross/dist.sh
    program make 'printf "build/here/tests/unit/%s\n" a b >build/here/cross-tests'
    for name in a b; do
        program "build/here/tests/unit/$name" "$passed"
    done
}

# crosses WANT LINE WHAT
crosses() {
    says "$1" "$2" "cross: $3" env MAKE="$tree/make" ARCHES=here ONLY_TEST= "$tree/tests/cross/run"
}

cross_tree
crosses 0 '^ok cross/here unit/b$' "two programs run"
program build/here/tests/unit/b "$KILLS_ITS_SHELL"
crosses 1 '^not ok cross/here unit/b: it did not run to its end$' "a killed shell"
program build/here/tests/unit/b "$passed" 'exit 1'
crosses 1 '^not ok cross/here unit/b: exit status 1$' "a program that fails"
program tools/setup/root.sh 'exit 1'
crosses 1 '^not ok cross/here: its libraries cannot be fetched$' "libraries that are not to be had"

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
