#!/bin/bash
# Proves the README on a machine that has nothing: a minimal Debian 12 with gcc and make gets the
# committed HEAD copied in, and each command is run there, as root, in order.
# usage: fresh.sh [COMMAND...]     default: 'make demo' and 'make test'
# needs: root, debootstrap, zstd. The bare system is kept, packed, in the user's cache folder.
set -eu
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/../.."
[ $# -gt 0 ] || set -- 'make demo' 'make test'

cache=${XDG_CACHE_HOME:-$HOME/.cache}/sotay
suite=bookworm
pack=$cache/$suite-minbase.tar.zst
room=

fail() {
    echo "fresh: $1" >&2
    exit 1
}

# Nothing stays mounted, and nothing is deleted while something still is.
leave() {
    [ -n "$room" ] || return 0
    for mount in proc dev; do
        mountpoint -q "$room/$mount" && umount -l "$room/$mount"
    done
    if ! grep -q " $room/" /proc/mounts; then
        rm -rf --one-file-system "$room"
    fi
}

# The place this machine itself takes its packages from.
mirror() {
    apt-get indextargets --format '$(CODENAME) $(REPO_URI)' "Identifier: Packages" |
        awk -v suite="$suite" '$1 == suite { print $2; exit }'
}

make_pack() {
    local from base
    from=$(mirror)
    [ -n "$from" ] || fail "the apt sources of this machine name no mirror for $suite"
    base=$(mktemp -d)
    echo "fresh: making the bare system (once)"
    debootstrap --variant=minbase --include=gcc,make,libc6-dev,ca-certificates "$suite" "$base" \
        "$from" >"$base.log" 2>&1 || { tail -n 20 "$base.log"; fail "debootstrap failed"; }
    mkdir -p "$cache"
    tar -C "$base" -c . | zstd -q -3 -f -o "$pack.new"
    mv "$pack.new" "$pack"
    rm -rf --one-file-system "$base" "$base.log"
}

# What apt needs to reach the mirror in the same way as this machine does.
copy_apt_setup() {
    cp /etc/resolv.conf "$room/etc/resolv.conf"
    rm -f "$room/etc/apt/sources.list"
    cp -RL /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/apt.conf.d /etc/apt/keyrings \
        "$room/etc/apt/" 2>/dev/null || true
    cp -RL /usr/share/keyrings/. "$room/usr/share/keyrings/" 2>/dev/null || true
    cp -RL /usr/local/share/ca-certificates/. "$room/usr/local/share/ca-certificates/" \
        2>/dev/null || true
    chroot "$room" update-ca-certificates >/dev/null 2>&1 || true
}

[ "$(id -u)" -eq 0 ] || fail "chroot needs root"
for tool in debootstrap zstd git; do
    command -v "$tool" >/dev/null || fail "needs $tool (apt-get install $tool)"
done
[ -f "$pack" ] || make_pack

room=$(mktemp -d)
trap leave EXIT
zstd -q -dc "$pack" | tar -C "$room" -x
copy_apt_setup
mount -t proc proc "$room/proc"
mount --bind /dev "$room/dev"
mkdir -p "$room/src"
git archive HEAD | tar -C "$room/src" -x

for command in "$@"; do
    echo "fresh: $command"
    start=$SECONDS
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
        chroot "$room" sh -c 'cd /src && exec sh -c "$0"' "$command" ||
        fail "'$command' failed on a fresh $suite"
    echo "fresh: ok after $((SECONDS - start)) s: $command"
done
