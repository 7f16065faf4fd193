#!/bin/sh
# Measures the programs on this machine, in a few minutes, and prints tables; nothing is asserted.
# usage: BIN=build/release/bin bench.sh     (make bench)
set -eu
cd "$(dirname "$0")/../.."
bench=$(CDPATH='' cd -- "$BIN/.." && pwd)/bench
work=$PWD/build/bench
mkdir -p "$work"

python3 tools/bench/bench.py --bin "$BIN" --bench "$bench" --work "$work/run"
python3 tools/bench/log.py --bin "$BIN" --bench "$bench"
python3 tools/bench/lines.py --bench "$bench"
echo
echo "Beside the SQLite peer, small (make bench-peers runs all)"
BENCH=$bench python3 tools/bench/peers/run.py --peers sotay,sqlite --sizes small \
    --reps "${REPS:-5}" --work "$work/run" --out "$work/small.tsv"
python3 tools/bench/peers/summarize.py "$work/small.tsv" --short
