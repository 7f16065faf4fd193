#!/bin/sh
# Installs the Debian packages of packages.txt that are missing, and only those.
# Silent and fast when nothing is missing; never removes or upgrades anything on its own.
# usage: deps.sh [build|test|bench]     build = what compiling and running needs; test (default) =
#                                       that and the tests; bench = build and what it compares with
set -eu
export LC_ALL=C

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
list=$here/packages.txt
level=${1:-test}

fail() {
    printf 'sotay: %s\nsotay: %s\n' "$1" "$2" >&2
    exit 1
}

# All names of the list that this level asks for.
wanted() {
    while read -r name use command _; do
        case $name in '' | '#'*) continue ;; esac
        [ -z "$command" ] || ! command -v "$command" >/dev/null 2>&1 || continue
        if [ "$use" = "$level" ] || [ "$use" = build ]; then
            printf '%s\n' "$name"
        fi
    done <"$list"
}

# Those of them that dpkg does not report as installed.
missing() {
    names=$(wanted)
    # shellcheck disable=SC2086  # a list of plain package names, split on purpose
    have=" $(dpkg-query -W -f '${db:Status-Status}=${Package} ' $names 2>/dev/null || true)"
    for name in $names; do
        case $have in
        *" installed=$name "*) ;;
        *) printf '%s ' "$name" ;;
        esac
    done
}

command -v dpkg-query >/dev/null 2>&1 || fail \
    "Máy này không dùng gói Debian. Hãy tự cài các thư viện ghi trong tools/setup/packages.txt." \
    "This is not a Debian system. Install what tools/setup/packages.txt lists by hand."

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
        --no-install-recommends "$@" >"$log" 2>&1 </dev/null
}

printf 'sotay: cài gói còn thiếu / installing: %s\n' "$need" >&2
apt_get update || {
    cat "$log" >&2
    fail "Không tải được danh mục gói. Kiểm tra mạng và nguồn trong /etc/apt." \
        "Cannot fetch the package index. Check the network and the sources in /etc/apt."
}
# shellcheck disable=SC2086  # split on purpose, as above
apt_get install $need || {
    tail -n 20 "$log" >&2
    fail "Không cài được: ${need}- lý do ở các dòng trên." \
        "Cannot install: ${need}- the lines above say why."
}

need=$(missing)
[ -z "$need" ] || fail "Đã cài nhưng vẫn thiếu: $need" "Installed, yet still missing: $need"
