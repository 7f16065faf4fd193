#!/bin/sh
# Puts what was built under PREFIX: programs, library, headers, pkg-config file, catalogue.
# Nothing of the machine that built it stays in the files: programs find their data beside
# themselves (../share/sotay), the .pc file names PREFIX alone.
# usage: BUILD=build/release PREFIX=/usr/local [DESTDIR=] VERSION=0.1.0 SOVERSION=0 install.sh
set -eu
cd "$(dirname "$0")/../.."
to=${DESTDIR:-}$PREFIX

case $PREFIX in
/*) ;;
*)
    echo "install: PREFIX must be an absolute path, not '$PREFIX'" >&2
    exit 2
    ;;
esac

install -d "$to/bin" "$to/lib/pkgconfig" "$to/include/sotay" "$to/share/sotay" \
    "$to/share/doc/sotay"
for program in "$BUILD"/bin/*; do
    [ -f "$program" ] && install -m 755 "$program" "$to/bin/"
done
install -m 644 "$BUILD/lib/libsotay.a" "$to/lib/"
install -m 644 "$BUILD/lib/libsotay.so.$VERSION" "$to/lib/"
ln -sfn "libsotay.so.$VERSION" "$to/lib/libsotay.so.$SOVERSION"
ln -sfn "libsotay.so.$SOVERSION" "$to/lib/libsotay.so"

# The public header and those of our own that it includes, at the paths by which it does.
gcc -std=c11 -I. -MM client-lib/include/sotay.h | tr -d '\\\n' | tr ' ' '\n' | grep '\.h$' |
    while read -r header; do
        case $header in
        client-lib/include/sotay.h) install -m 644 "$header" "$to/include/sotay/" ;;
        *) install -D -m 644 "$header" "$to/include/sotay/$header" ;;
        esac
    done

if [ -d "$BUILD/share/sotay" ]; then
    cp -R "$BUILD/share/sotay/." "$to/share/sotay/"
fi
install -m 644 LICENSE "$to/share/doc/sotay/"
for page in docs/man/*.[1-8]; do
    install -D -m 644 "$page" "$to/share/man/man${page##*.}/${page##*/}"
done

cat >"$to/lib/pkgconfig/libsotay.pc" <<PC
prefix=$PREFIX
libdir=\${prefix}/lib
includedir=\${prefix}/include

Name: libsotay
Description: Record field visits offline and sync them with the office when there is signal
Version: $VERSION
Cflags: -I\${includedir}/sotay
Libs: -L\${libdir} -lsotay
Libs.private: -lprotobuf-c -lzstd -lsodium -lutf8proc -lcjson -llmdb -lcurl -ljpeg \
-lpng -lm -pthread
PC
