#!/bin/sh
# The layout of the C sources after .clang-format.
# usage: format.sh fix     rewrites what differs
#        format.sh check   names what differs; exit 1 when something does
set -eu
cd "$(dirname "$0")/../.."
sources=$(find proto client-lib server tools tests -name '*.[ch]' | sort)
[ -n "$sources" ] || exit 0
case ${1:-check} in
fix)
    # shellcheck disable=SC2086  # a list of paths without blanks
    clang-format -i $sources
    ;;
check)
    wrong=0
    for file in $sources; do
        clang-format "$file" | cmp -s - "$file" || {
            echo "$file: not in the layout of .clang-format"
            wrong=1
        }
    done
    exit "$wrong"
    ;;
*)
    echo "usage: format.sh fix|check" >&2
    exit 2
    ;;
esac
