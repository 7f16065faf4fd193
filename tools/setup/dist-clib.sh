#!/bin/sh
# Packs the client library alone, generated code included: a source archive for any C11 compiler.
# The same sources give the same bytes.
# usage: GEN=build/release/gen VERSION=0.1.0 dist-clib.sh
# It writes build/sotay-clib-VERSION.tar.gz and says so.
set -eu
export LC_ALL=C
cd "$(dirname "$0")/../.."

name=sotay-clib-$VERSION
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
to=$room/$name

mkdir -p "$to/proto" "$to/client-lib" "$to/gen" build
cp proto/*.[ch] proto/*.proto "$to/proto/"
cp -R client-lib/include client-lib/src client-lib/ports client-lib/README.md "$to/client-lib/"
cp "$GEN"/*.pb-c.[ch] "$to/gen/"
cp LICENSE tools/setup/clib/Makefile tools/setup/clib/README.md "$to/"
tar -C "$room" --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --mtime=@0 \
    -cf - "$name" | gzip -9n >"build/$name.tar.gz.new"
mv "build/$name.tar.gz.new" "build/$name.tar.gz"
echo "build/$name.tar.gz"
