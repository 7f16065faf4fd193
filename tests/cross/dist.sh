#!/bin/bash
# Unpacks the archive of `make dist-clib` outside the tree, builds it with several compilers and
# runs a program around each build (embed.c): all must print what lies in embed.txt. The program is
# linked with the whole library, not what it calls alone; with all ports, in the builds for this
# machine, every function of the headers must be in it.
# usage: dist.sh [COMPILER...]    gcc clang musl mingw; default: all. mingw runs under wine.
# The libraries for musl and mingw are built by foreign.sh into build/foreign-NAME, once.
# environment: GOLDEN_WRITE=1     what the first one prints is written to embed.txt
set -u
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/../.." || exit 1
[ $# -gt 0 ] || set -- gcc clang musl mingw

MAKE=${MAKE:-make}
LIBS="-lprotobuf-c -lzstd -lsodium -lutf8proc -lcjson -lm"
PORTS="lmdb curl socket picture"
PORT_LIBS="-llmdb -lcurl -ljpeg -lpng"
STATIC="-DUTF8PROC_STATIC -DSODIUM_STATIC -DCJSON_HIDE_SYMBOLS"
OFFICE="edge edge_wire edge_forms"
top=$PWD
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
log=$room/log
failed=0

not_ok() {
    failed=1
    echo "not ok cross/dist $1: $2"
    tail -n 25 "$log"
}

# The archive unpacked, and beside it the program that is built around it.
unpack() {
    local name
    $MAKE --no-print-directory MODE=release dist-clib >"$log" 2>&1 || return 1
    mkdir -p "$room/program/tests/unit" &&
        cp -R tests/unit/client-lib "$room/program/tests/unit/" || return 1
    cp tests/cross/embed.c "$room/program/" || return 1
    for name in build/sotay-clib-*.tar.gz; do
        tar -C "$room" -xzf "$name" || return 1
    done
    clib=$(echo "$room"/sotay-clib-*)
    [ -f "$clib/Makefile" ]
}

# NAME COMPILER AR PORTS FLAGS LIBRARIES...: builds library and program; prints go to $log.
build() {
    local name=$1 cc=$2 ar=$3 ports=$4 flags=$5 unit sources=$room/program/embed.c
    shift 5
    for unit in $OFFICE; do
        sources+=" $room/program/tests/unit/client-lib/$unit.c"
    done
    $MAKE --no-print-directory -C "$clib" clean >"$log" 2>&1
    (unset BUILD MODE
        $MAKE --no-print-directory -C "$clib" CC="$cc" AR="$ar" PORTS="$ports" \
            CPPFLAGS="$flags" CFLAGS='-O1 -Wall -Wextra -Werror') >"$log" 2>&1 || return 1
    # shellcheck disable=SC2086  # lists of files and options
    "$cc" -std=c11 -O1 $flags -I"$clib" -I"$clib/gen" -I"$room/program" $sources \
        -Wl,--whole-archive "$clib/libsotay.a" -Wl,--no-whole-archive "$@" -o "$room/$name" \
        >>"$log" 2>&1
}

# Are all functions that the headers declare in the library that was built last?
is_complete() {
    local name missing=0
    nm --defined-only "$clib/libsotay.a" 2>/dev/null | awk '$2 == "T" { print $3 }' >"$room/names"
    for name in $(sed -nE 's/^SOTAY_API .*[ *](sotay_[a-z0-9_]+)\(.*/\1/p' \
        "$clib"/client-lib/include/*.h); do
        grep -qxF "$name" "$room/names" && continue
        echo "$name is declared, and in no port" >>"$log"
        missing=1
    done
    [ -s "$room/names" ] && [ "$missing" -eq 0 ]
}

# The same for a C library that Debian has no libraries for.
build_foreign() {
    local name=$1 cc=$2 ar=$3 to=$top/build/foreign-$1
    shift 3
    if [ ! -f "$to/libforeign.a" ] &&
        ! tests/cross/foreign.sh "build/foreign-$name" "$cc" "$ar" >"$log" 2>&1; then
        return 1
    fi
    build "$name" "$cc" "$ar" "" "-isystem $to/include $STATIC" "$to/libforeign.a" -static -lm "$@"
}

# Compares what NAME prints when COMMAND... runs it with what is frozen in embed.txt.
same() {
    local name=$1
    shift
    if ! timeout -k 10 300 "$@" >"$room/said" 2>"$log" </dev/null; then
        tr -d '\r' <"$room/said" >>"$log"
        not_ok "$name" "the program around it failed"
        return
    fi
    tr -d '\r' <"$room/said" >"$room/plain"
    if [ "${GOLDEN_WRITE:-}" = 1 ]; then
        cp "$room/plain" tests/cross/embed.txt
        GOLDEN_WRITE=
    fi
    if diff tests/cross/embed.txt "$room/plain" >"$log" 2>&1; then
        echo "ok cross/dist $name"
    else
        not_ok "$name" "it prints something else than tests/cross/embed.txt"
    fi
}

one() {
    local run=("$room/$1")
    case $1 in
    gcc | clang)
        # shellcheck disable=SC2086  # a list of libraries
        build "$1" "$1" ar "$PORTS" "" $PORT_LIBS $LIBS && is_complete
        ;;
    musl) build_foreign musl musl-gcc ar ;;
    mingw)
        run=(env "WINEPREFIX=$room/wine" WINEDEBUG=-all "$wine" "$room/mingw")
        build_foreign mingw x86_64-w64-mingw32-gcc x86_64-w64-mingw32-ar -lbcrypt -ladvapi32 &&
            { [ -f "$room/mingw" ] || mv "$room/mingw.exe" "$room/mingw"; }
        ;;
    *) false ;;
    esac || { not_ok "$1" "cannot be built"; return; }
    same "$1" "${run[@]}"
}

# The other C libraries, the emulator of Windows and the sources: only where they are asked for.
case " $* " in
*" musl "* | *" mingw "*)
    tools/setup/deps.sh dist >"$log" 2>&1 || { not_ok packages "cannot be installed"; exit 1; }
    ;;
esac
wine=$(command -v wine64 || echo /usr/lib/wine/wine64)
unpack || { not_ok archive "cannot be made or unpacked"; exit 1; }
for compiler in "$@"; do
    one "$compiler"
done
exit $failed
