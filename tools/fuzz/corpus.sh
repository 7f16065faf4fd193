#!/bin/sh
# Writes tools/fuzz/corpus anew: seeds, what lies there, and what long runs found, minimised to the
# inputs that reach something of their own. usage: corpus.sh [NAME...]
set -eu
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/../.."

FILES_MAX=16        # of one fuzzer, of every size
dir=build/fuzz
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$dir/seeds" "$scratch"

grep -v '^#' tools/fuzz/targets.txt | while read -r name longest _; do
    [ $# -eq 0 ] || case " $* " in *" $name "*) ;; *) continue ;; esac
    mkdir -p "$scratch/$name" "$scratch/least/$name" "$dir/corpus/$name"
    keep=tools/fuzz/corpus/$name
    mkdir -p "$keep"
    "$dir/fuzz_$name" -merge=1 \
        -artifact_prefix="$scratch/" -max_len="$longest" "$scratch/least/$name" "$scratch/$name" \
        "$keep" "$dir/corpus/$name" >"$scratch/log" 2>&1 || { tail "$scratch/log" >&2; exit 1; }
    rm -rf "$keep"
    mkdir -p "$keep"
    # shellcheck disable=SC2012  # names that libFuzzer made
    ls -Sr "$scratch/least/$name" | awk -v max="$FILES_MAX" '
        { name[NR] = $0 }
        END { most = NR < max ? NR : max
              for (i = 0; i < most; i++) print name[int(i * NR / most) + 1] }' |
        while read -r file; do cp "$scratch/least/$name/$file" "$keep/"; done
    echo "$name: $(ls "$keep" | wc -l) of $(ls "$scratch/least/$name" | wc -l)"
done
