#!/bin/bash
# Builds sotay-verify for WebAssembly (WASI): what a browser or node can run.
# usage: BUILD=build/release build.sh    makes BUILD/wasm/sotay-verify.wasm; needs BUILD/gen
# libsodium and utf8proc are compiled from Debian's source packages, once, into build/foreign-wasm.
set -eu
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/../../.."

build=${BUILD:-build/release}
out=$build/wasm/verify
version=$(awk '$1 == "VERSION" { print $3; exit }' Makefile)
libraries=build/foreign-wasm
# clang 14 knows thread-local variables of this target by the one model that needs no loader.
cc="clang --target=wasm32-wasi -mbulk-memory -ftls-model=local-exec"
cc+=" -D_WASI_EMULATED_SIGNAL -D_WASI_EMULATED_MMAN"

# Their archive by the system's `ar` has no index for these objects: they are linked one by one, and
# what nobody calls is left out.
if [ ! -f "$libraries/libforeign.a" ]; then
    tests/cross/foreign.sh "$libraries" "$cc" ar
fi
mkdir -p "$out"
compile() {
    # shellcheck disable=SC2086  # $cc is words
    $cc -std=c11 -Os -DNDEBUG -D_GNU_SOURCE= -DSOTAY_VERSION="\"$version\"" -Wall -Wextra \
        -Wpedantic -Wconversion -Wno-sign-conversion -Wshadow -Wno-unused-variable \
        -Wno-unused-parameter -Werror -DSODIUM_STATIC -DUTF8PROC_STATIC -I. -I"$build/gen" \
        -isystem "$libraries/include" -c "$1" -o "$2"
}
objects=()
for file in proto/*.c "$build"/gen/*.c tools/verify/*.c tools/verify/wasm/*.c; do
    [ "$file" != tools/verify/fetch.c ] || continue
    object=$out/$(printf '%s' "${file%.c}" | tr / _).o
    compile "$file" "$object"
    objects+=("$object")
done
# shellcheck disable=SC2086
$cc -Wl,--gc-sections,--strip-all "${objects[@]}" "$libraries"/obj/*.o \
    -lwasi-emulated-signal -lwasi-emulated-mman -o "$build/wasm/sotay-verify.wasm"
