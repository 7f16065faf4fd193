#!/bin/sh
# The sotay server as a peer of the bench: a fresh book with one unit, one form of 60 fields and 20
# officers, then the real sotayd in this very process, so that CPU and memory are its own.
# usage: peer-server DIR PORT CTRLPORT    prints `ready ...`; DIR/links has an enrolment link a line
# Stands in build/MODE/bench beside bin/; BENCH_CATALOGUE names another catalogue than the bench's,
# SOTAYD another server than that of bin/.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
bin=$here/../bin
catalogue=${BENCH_CATALOGUE:-$here/catalogue}
dir=$1
port=$2
unit=01477-x001
spare=3     # devices beyond the 20: the bootstrap and other single ones

ctl() {
    "$bin/sotayctl" --data "$dir/book" "$@"
}

ctl init --commune 01477 --catalogue "$catalogue" >&2
: >"$dir/links"
n=0
while [ "$n" -lt $((20 + spare)) ]; do
    ctl user add "bench$n" --name "Bench $n" --role officer >&2
    ctl assign "bench$n" "$unit" >&2
    ctl enrol "bench$n" --url "http://127.0.0.1:$port" | tail -n 1 >>"$dir/links"
    n=$((n + 1))
done
exec "${SOTAYD:-$bin/sotayd}" --data "$dir/book" --listen "127.0.0.1:$port"
