#!/bin/sh
# Writes tools/fuzz/corpus anew: of what lies there and what long runs found, the least set of
# inputs that reaches what the seeds of today do not (those are written for each run: they need no
# copy here). usage: corpus.sh [NAME...]
set -eu
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/../.."

dir=build/fuzz
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/seeds"
"$dir/seeds" "$scratch/seeds"

grep -v '^#' tools/fuzz/targets.txt | while read -r name longest _; do
    [ $# -eq 0 ] || case " $* " in *" $name "*) ;; *) continue ;; esac
    keep=tools/fuzz/corpus/$name
    mkdir -p "$scratch/seeds/$name" "$scratch/least/$name" "$dir/corpus/$name" "$keep"
    "$dir/fuzz_$name" -set_cover_merge=1 -artifact_prefix="$scratch/" -max_len="$longest" \
        "$scratch/least/$name" "$scratch/seeds/$name" "$keep" "$dir/corpus/$name" \
        >"$scratch/log" 2>&1 || { tail "$scratch/log" >&2; exit 1; }
    for file in "$scratch/seeds/$name"/*; do    # under the names that libFuzzer gives
        [ ! -f "$file" ] || rm -f "$scratch/least/$name/$(sha1sum <"$file" | cut -d' ' -f1)"
    done
    rm -rf "$keep"
    mkdir -p "$keep"
    find "$scratch/least/$name" -type f -exec cp {} "$keep/" \;
    echo "$name: $(find "$keep" -type f | wc -l) files, $(du -bs "$keep" | cut -f1) bytes"
done
