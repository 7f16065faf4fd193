#!/bin/sh
# Compiles what a phone's browser will run - proto/ and client-lib/src - for WebAssembly, with
# the warnings of the build. It proves that no system call crept in; nothing is linked here.
# usage: BUILD=build/release wasm.sh [TREE]   (needs the generated headers in BUILD/gen)
set -eu
export LC_ALL=C.UTF-8
cd "${1:-.}"

build=${BUILD:-build/release}
out=$build/wasm
mkdir -p "$out/include"

# Only the headers of the libraries: the whole of /usr/include would bring in those of glibc.
for header in zstd.h zstd_errors.h sodium.h sodium utf8proc.h cjson protobuf-c; do
    if [ ! -e "/usr/include/$header" ]; then
        echo "wasm: /usr/include/$header is missing; run make deps"
        exit 1
    fi
    ln -sfn "/usr/include/$header" "$out/include/$header"
done

compile() {
    clang --target=wasm32-wasi -std=c11 -Os -DNDEBUG -Wall -Wextra -Wpedantic -Wconversion \
        -Wno-sign-conversion -Wshadow -Wno-unused-variable -Wno-unused-parameter -Werror \
        -I. -I"$build/gen" -isystem "$out/include" -c "$1" -o "$2"
}

failed=0
for file in proto/*.c client-lib/src/*.c "$build"/gen/*.c; do
    [ -f "$file" ] || continue
    object=$out/$(printf '%s' "${file%.c}" | tr / _).o
    if [ "$object" -nt "$file" ] && [ -z "$(find proto client-lib/src client-lib/include \
        -name '*.h' -newer "$object" 2>/dev/null | head -n 1)" ]; then
        continue
    fi
    compile "$file" "$object" || {
        rm -f "$object"
        failed=1
    }
done
exit "$failed"
