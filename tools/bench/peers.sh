#!/bin/sh
# The same work by sotay and by other ways of doing it, interleaved; prints medians and the bars
# against the SQLite peer. Nothing is asserted.
# usage: BIN=build/release/bin [SIZES=small,medium] [REPS=3] [PEERS=sotay,sqlite,pouch] peers.sh
set -eu
cd "$(dirname "$0")/../.."
bench=$(CDPATH='' cd -- "$BIN/.." && pwd)/bench
work=$PWD/build/bench
peers=${PEERS:-sotay,sqlite,pouch}
mkdir -p "$work/pouch"

# PouchDB comes from the packages of the lock file, into build/ and nowhere else.
case ,$peers, in
*,pouch,*)
    cp tools/bench/peers/*.mjs tools/bench/peers/package.json tools/bench/peers/package-lock.json \
        "$work/pouch/"
    if ! cmp -s tools/bench/peers/package-lock.json "$work/pouch/installed"; then
        (cd "$work/pouch" && npm ci --legacy-peer-deps --no-audit --no-fund --loglevel=error) >&2
        cp tools/bench/peers/package-lock.json "$work/pouch/installed"
    fi
    ;;
esac

BENCH=$bench POUCH=$work/pouch python3 tools/bench/peers/run.py --peers "$peers" \
    --sizes "${SIZES:-small,medium}" --reps "${REPS:-3}" --work "$work/run" --out "$work/peers.tsv"
python3 tools/bench/peers/summarize.py "$work/peers.tsv"
