#!/bin/sh
# What the shared library shows to the world: only sotay_* and what its public headers declare.
# usage: BUILD=build/release names.sh     prints each name that should be hidden; exit 1 then
set -eu
export LC_ALL=C
library=${BUILD:-build/release}/lib/libsotay.so
public=client-lib/include

if [ ! -e "$library" ]; then
    echo "names: $library is not built"
    exit 1
fi

nm -D --defined-only "$library" | awk '{print $NF}' | sed 's/@.*//' | sort -u | {
    wrong=0
    while read -r name; do
        case $name in
        sotay_* | _init | _fini | _edata | _end | __bss_start) continue ;;
        esac
        if ! grep -qrw -- "$name" "$public" 2>/dev/null; then
            echo "$library: shows $name, which no public header declares"
            wrong=1
        fi
    done
    exit "$wrong"
}
