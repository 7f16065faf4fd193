#!/bin/sh
# Installs the Debian packages of packages.txt that are missing, and only those.
# Silent and fast when nothing is missing; never removes or upgrades anything on its own.
# usage: deps.sh [build|test|bench|dist|outside]
#                                       build = what compiling and running needs; test (default) =
#                                       that and the tests; the others = build and what they need
#        deps.sh cross ARCH...          build, and what makes and runs programs of arm64, armhf,
#                                       i386, s390x, but for their libraries (root.sh)
set -eu
export LC_ALL=C

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
list=$here/packages.txt
level=${1:-test}
[ $# -eq 0 ] || shift
arches=$*

fail() {
    printf 'sotay: %s\nsotay: %s\n' "$1" "$2" >&2
    exit 1
}

# The name of an architecture in those of the compilers.
gnu() {
    case $1 in
    arm64) echo aarch64-linux-gnu ;;
    armhf) echo arm-linux-gnueabihf ;;
    i386) echo i686-linux-gnu ;;
    s390x) echo s390x-linux-gnu ;;
    *) fail "Không biết kiến trúc '$1'." "Unknown architecture '$1'." ;;
    esac
}

# One line of the list as it is, or once an architecture.
names_of() {
    case $1 in
    *ARCH* | *GNU*)
        for arch in $arches; do
            printf '%s\n' "$1" | sed "s/ARCH/$arch/; s/GNU/$(gnu "$arch")/"
        done
        ;;
    *) printf '%s\n' "$1" ;;
    esac
}

# All names of the list that this level asks for.
wanted() {
    while read -r name use command _; do
        case $name in '' | '#'*) continue ;; esac
        [ -z "$command" ] || ! command -v "$command" >/dev/null 2>&1 || continue
        if [ "$use" = "$level" ] || [ "$use" = build ]; then
            names_of "$name"
        fi
    done <"$list"
}

# Those of them that dpkg does not report as installed.
missing() {
    names=$(wanted)
    # shellcheck disable=SC2086  # a list of plain package names, split on purpose
    have=" $(dpkg-query -W -f '${db:Status-Status}=${Package}:${Architecture} ' $names \
        2>/dev/null || true)"
    for name in $names; do
        case $have in
        *" installed=$name:$native "* | *" installed=$name:all "*) ;;
        *) printf '%s ' "$name" ;;
        esac
    done
}

command -v dpkg-query >/dev/null 2>&1 || fail \
    "Máy này không dùng gói Debian. Hãy tự cài các thư viện ghi trong tools/setup/packages.txt." \
    "This is not a Debian system. Install what tools/setup/packages.txt lists by hand."

native=$(dpkg --print-architecture)
need=$(missing)
[ -n "$need" ] || exit 0
# Goals that one make builds side by side ask for packages side by side: one after the other, and
# the later one looks anew at what is missing.
exec 9<"$list"
flock 9
need=$(missing)
[ -n "$need" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
    root=
elif command -v sudo >/dev/null 2>&1; then
    root=sudo
else
    fail "Thiếu gói: ${need}- cần quyền quản trị (root hoặc sudo) để cài." \
        "Missing packages: ${need}- installing them needs root or sudo."
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt_get() {
    # A lock held by another apt is waited for; no question is ever asked.
    $root env DEBIAN_FRONTEND=noninteractive apt-get -y -qq -o DPkg::Lock::Timeout=300 \
        --no-install-recommends "$@" >"$log" 2>&1 </dev/null 9<&-
}

printf 'sotay: cài gói còn thiếu / installing: %s\n' "$need" >&2
# One index of many may be out of order for a while and none of ours: the install decides.
updated=yes
apt_get update || {
    updated=no
    cat "$log" >&2
}
# shellcheck disable=SC2086  # split on purpose, as above
apt_get install $need || {
    tail -n 20 "$log" >&2
    [ $updated = yes ] || fail \
        "Không tải được danh mục gói. Kiểm tra mạng và nguồn trong /etc/apt." \
        "Cannot fetch the package index. Check the network and the sources in /etc/apt."
    fail "Không cài được: ${need}- lý do ở các dòng trên." \
        "Cannot install: ${need}- the lines above say why."
}

need=$(missing)
[ -z "$need" ] || fail "Đã cài nhưng vẫn thiếu: $need" "Installed, yet still missing: $need"
