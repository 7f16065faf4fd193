#!/bin/bash
# Builds the libraries that the client library stands on - protobuf-c, zstd, libsodium, utf8proc,
# cJSON - from Debian's source packages, for a C library or system that Debian has none for.
# usage: foreign.sh DIR COMPILER AR     fills DIR/include and DIR/libforeign.a; sources are fetched
#                                       once into build/foreign
# Only what sotay calls is compiled. Nothing of it is part of the project.
set -eu
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/../.."
top=$PWD
to=$(mkdir -p "$1" && cd "$1" && pwd)
cc=$2
ar=$3
src=$top/build/foreign
options="-O2 -w -DNDEBUG -DZSTD_DISABLE_ASM=1 -DUTF8PROC_STATIC -DSODIUM_STATIC -DCJSON_HIDE_SYMBOLS
    -DCONFIGURED=1 -DNATIVE_LITTLE_ENDIAN=1 -DXXH_NAMESPACE=ZSTD_ -D_GNU_SOURCE=1"

# A list of sources of its own: the machine's apt stays as it is.
fetch() {
    local mirror apt=$src/apt options
    mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' "Identifier: Packages" |
        awk '$1 == "bookworm" { print $2; exit }')
    [ -n "$mirror" ] || { echo "foreign: apt knows no mirror for bookworm" >&2; return 1; }
    mkdir -p "$apt/lists/partial" "$apt/parts"
    printf 'Types: deb-src\nURIs: %s\nSuites: bookworm\nComponents: main\nSigned-By: %s\n' \
        "$mirror" /usr/share/keyrings/debian-archive-keyring.gpg >"$apt/parts/src.sources"
    options=(-qq -o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$apt/parts"
        -o "Dir::State::Lists=$apt/lists")
    apt-get "${options[@]}" update
    (cd "$src" && apt-get "${options[@]}" source --download-only \
        libzstd protobuf-c libsodium utf8proc cjson)
}

# libsodium's tarball is as its repository: version.h is in Debian's package, built.
unpack() {
    local dsc
    for dsc in "$src"/*.dsc; do
        [ -d "${dsc%.dsc}" ] || dpkg-source --no-check -x "$dsc" "${dsc%.dsc}" >/dev/null
    done
    cp /usr/include/sodium/version.h "$src"/libsodium_*/src/libsodium/include/sodium/
}

headers() {
    mkdir -p "$to/include/protobuf-c" "$to/include/cjson"
    cp "$src"/libzstd_*/lib/zstd.h "$src"/libzstd_*/lib/zstd_errors.h "$to/include/"
    cp "$src"/protobuf-c_*/protobuf-c/protobuf-c.h "$to/include/protobuf-c/"
    cp -R "$src"/libsodium_*/src/libsodium/include/sodium{,.h} "$to/include/"
    cp "$src"/utf8proc_*/utf8proc.h "$to/include/"
    cp "$src"/cjson_*/cJSON.h "$to/include/cjson/"
}

# The files, one a line; of libsodium all portable code (the rest empties itself without its
# processor's macros).
sources() {
    ls "$src"/libzstd_*/lib/{common,compress,decompress}/*.c \
        "$src"/protobuf-c_*/protobuf-c/protobuf-c.c "$src"/utf8proc_*/utf8proc.c \
        "$src"/cjson_*/cJSON.c
    find "$src"/libsodium_*/src/libsodium -name '*.c'
}

[ -n "$(ls "$src"/*.dsc 2>/dev/null)" ] || { mkdir -p "$src" && fetch; }
unpack
headers
include=$(echo "$src"/libsodium_*/src/libsodium/include)
compile() {
    local object
    object=$to/obj/$(printf '%s' "${2#"$1"/}" | tr / _).o
    # shellcheck disable=SC2086  # options are words
    $cc $options -I"$include/sodium" -I"$include" -I"$(dirname "$(dirname "$2")")" -c "$2" \
        -o "$object"
}
export -f compile
export cc options include to
mkdir -p "$to/obj"
sources | xargs -P "$(nproc)" -I '{}' bash -c 'compile "$@"' compile "$src" '{}'
rm -f "$to/libforeign.a"
"$ar" rcs "$to/libforeign.a" "$to"/obj/*.o
