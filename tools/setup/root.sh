#!/bin/sh
# Fetches the libraries that programs of another machine run with, as Debian packs them for it, and
# unpacks them into FOLDER: for its linker, and as the root that qemu-user shows its programs. They
# are not installed: a package of two architectures must have one version on both, and security
# updates come to some architectures only.
# Silent and fast when all is there; FOLDER is whole or as it was.
# usage: root.sh ARCH FOLDER    arm64, armhf, i386, s390x; which libraries: packages.txt, `root`
set -eu
export LC_ALL=C

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
arch=${1:?usage: root.sh ARCH FOLDER}
folder=${2:?usage: root.sh ARCH FOLDER}
names=$(awk '$1 !~ /^#/ && $2 == "root" { print $1 }' "$here/packages.txt")

[ "$names" != "$(cat "$folder/names" 2>/dev/null)" ] || exit 0
printf 'sotay: tải thư viện của máy %s / fetching the libraries of %s\n' "$arch" "$arch" >&2
mkdir -p "$(dirname "$folder")"
folder=$(cd "$(dirname "$folder")" && pwd)/$(basename "$folder")
part=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$part"' EXIT
mkdir -p "$part/state/lists/partial" "$part/cache/archives/partial" "$part/root"
: >"$part/state/status"
log=$part/log

# An apt that knows of nothing but this folder and where this machine has its packages from.
apt_get() {
    apt-get -y -qq --no-install-recommends -o APT::Architecture="$arch" \
        -o APT::Architectures="$arch" -o APT::Sandbox::User=root -o Acquire::Languages=none \
        -o Dir::State="$part/state" -o Dir::State::status="$part/state/status" \
        -o Dir::Cache="$part/cache" "$@" >>"$log" 2>&1 </dev/null
}

# One index of many may be out of order for a while and none of ours: the download decides.
apt_get update || true
# shellcheck disable=SC2086  # a list of plain package names, split on purpose
apt_get install --download-only $names || {
    tail -n 20 "$log" >&2
    printf 'sotay: %s\nsotay: %s\n' \
        "Không tải được thư viện của máy $arch - lý do ở các dòng trên." \
        "Cannot fetch the libraries of $arch: the lines above say why." >&2
    exit 1
}
for package in "$part"/cache/archives/*.deb; do
    dpkg -x "$package" "$part/root"
done
printf '%s\n' "$names" >"$part/root/names"
rm -rf "$folder"
mv "$part/root" "$folder"
