#!/bin/sh
# Do the numbers in tests/unit/proto/test_tree.c still stand for every proof that Go's tlog makes?
# Needs Debian's golang-go and golang-golang-x-mod-dev, which take a minute to install: so it is
# called by hand (make check-go) and not by `make test`; what it says is frozen there.
set -eu
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE="$scratch/cache"
go build -o "$scratch/differ" tests/audit/differ.go
failed=0
for leaves in 256 600; do
    sum=$("$scratch/differ" "$leaves")
    if grep -q "check_all(w, $leaves, *\"$sum\")" tests/unit/proto/test_tree.c ||
        tr -d '\n' <tests/unit/proto/test_tree.c | grep -q "check_all(w, $leaves, *\"$sum\")"; then
        echo "ok every_proof_of_$leaves"
    else
        echo "not ok every_proof_of_$leaves: Go says $sum"
        failed=1
    fi
done
exit $failed
