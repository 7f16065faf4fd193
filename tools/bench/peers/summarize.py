#!/usr/bin/env python3
"""Medians of what run.py measured as tables, and the bars against the SQLite peer.

usage: summarize.py FILE.tsv [--short]     --short: the bars alone

A bar says PASS, or how far it is missed. Bytes, turns and outcomes repeat nearly exactly; wall
time is only as good as the machine was quiet, so min and max stand beside each median.
"""
import csv
import json
import statistics
import sys

PHASES = ("push catchup edit noop probe_push probe_pull bootstrap bootstrap_snapshot_cold "
          "bootstrap_snapshot").split()
COUNTED = ("wall_s", "up", "down", "turns", "conns", "srv_cpu_s", "srv_rss_mb", "cli_rss_mb")
# name, phase, what is compared, most times the SQLite peer's
RATIOS = (
    ("push, wall", "push", "wall_s", 1.5),
    ("push, server CPU", "push", "srv_cpu_s", 2.0),
    ("push, bytes up", "push", "up", 1.0),
    ("catch-up, wall", "catchup", "wall_s", 0.5),
    ("one-field edit, bytes up", "probe_push", "up", 1.8),
    ("nothing new, bytes both ways", "noop", "bytes", 2.5),
)
# A first reading, of the size that has a bar: against the peer's image, made for the one who asks.
FIRST_SIZE = "medium"
FIRST = (("first reading, bytes both ways", "bytes", 0.95), ("first reading, wall", "wall_s", 1.0))
# Bytes of a push that no compression makes fewer and that the peer has no like of: the signed head
# of a request (97), epoch (8) and confirmation of a checkpoint (68); of each set, one a request
# here, device (16), seed (32), chain (32), boot (8) and signature (64).
PROOF_BYTES = 97 + 8 + 68 + 16 + 32 + 32 + 8 + 64


class Results:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        for row in self.rows:
            row["note"] = json.loads(row["note"])
            if row["up"]:
                row["bytes"] = int(row["up"]) + int(row["down"])

    def names(self, key):
        return list(dict.fromkeys(row[key] for row in self.rows))

    def at(self, size, peer, phase):
        return [row for row in self.rows if (row["size"], row["peer"], row["phase"]) ==
                (size, peer, phase) and row["wall_s"]]

    def median(self, size, peer, phase, column):
        values = [float(row[column]) for row in self.at(size, peer, phase)]
        return statistics.median(values) if values else None


def short(value):
    if value is None:
        return "-"
    if value >= 100 or value == int(value):
        return str(round(value))
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def print_phases(results):
    print("| size | phase | peer | n | wall s (min..max) | up KB | down KB | turns | conns | "
          "server CPU s | server RSS MB | client RSS MB |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for size in results.names("size"):
        for phase in PHASES:
            for peer in results.names("peer"):
                rows = results.at(size, peer, phase)
                if not rows:
                    continue
                m = {c: results.median(size, peer, phase, c) for c in COUNTED}
                walls = [float(row["wall_s"]) for row in rows]
                print(f"| {size} | {phase} | {peer} | {len(rows)} | {short(m['wall_s'])} "
                      f"({short(min(walls))}..{short(max(walls))}) | {short(m['up'] / 1e3)} | "
                      f"{short(m['down'] / 1e3)} | " +
                      " | ".join(short(m[c]) for c in COUNTED[3:]) + " |")


def print_outcomes(results):
    print("\n| size | peer | server disk KB | concurrent edits |\n|---|---|---|---|")
    for size in results.names("size"):
        for peer in results.names("peer"):
            rows = results.at(size, peer, "edit")
            if not rows:
                continue
            disk = statistics.median(int(row["disk_b"]) for row in rows)
            note = ", ".join(f"{k} {json.dumps(v)}" for k, v in rows[-1]["note"].items())
            print(f"| {size} | {peer} | {disk / 1e3:.0f} | {note} |")


def bar(name, size, measured, most, text=""):
    verdict = "PASS" if measured <= most else f"misses by {short(measured / most)}x" \
        if most > 0 else "misses"
    print(f"| {size} | {name} | {text or short(measured) + 'x'} | "
          f"{'' if text else '<= ' + short(most) + 'x'} | {verdict} |")


def print_ratios(results, size):
    for name, phase, column, most in RATIOS:
        ours = results.median(size, "sotay", phase, column)
        theirs = results.median(size, "sqlite", phase, column)
        if ours is None or theirs is None:
            continue
        bar(name, size, ours / theirs, most)
        if (phase, column) == ("push", "up"):
            proof = results.median(size, "sotay", phase, "turns") * PROOF_BYTES
            print(f"| {size} | of them what proves who wrote it: the floor that it adds | "
                  f"{short(proof / theirs)}x | without it {short((ours - proof) / theirs)}x | |")


def print_first_reading(results, size):
    for name, column, most in FIRST:
        ours = results.median(size, "sotay", "bootstrap", column)
        theirs = results.median(size, "sqlite", "bootstrap_snapshot_cold", column)
        if size == FIRST_SIZE and ours is not None and theirs is not None:
            bar(name, size, ours / theirs, most)


def check(name, size, holds, text):
    print(f"| {size} | {name} | {text} |  | {'PASS' if holds else 'misses'} |")


def print_turns(results, size):
    for name, phase in (("one-field edit, round trips", "probe_push"),
                        ("nothing new, round trips", "noop")):
        turns = [int(row["turns"]) for row in results.at(size, "sotay", phase)]
        if turns:
            check(name, size, max(turns) == 1, f"{max(turns)}, bar 1")


def print_merge(results, size):
    for row in results.at(size, "sotay", "edit")[-1:]:
        note = row["note"]
        same = note["same_both"] + note["same_one"] + note["same_none"]
        kept, wrong = note["conflicts_kept"], note["false_conflicts"]
        lost = note["solo_lost"] + note["diff_one"] + note["diff_none"]
        check("edits of one field at once: kept and listed", size, kept == same,
              f"{kept} of {same}")
        check("conflicts where there are none", size, wrong == 0, f"{wrong}, bar 0")
        check("other edits lost", size, lost == 0, f"{lost}, bar 0")
        check("all devices hold the same", size, note["converged"] and note["rounds"] <= 2,
              f"{'yes' if note['converged'] else 'no'}, after {note['rounds']} rounds, bar 2")


def print_bars(results):
    print("\n| size | against the SQLite peer, same run | measured | bar | |")
    print("|---|---|---|---|---|")
    for size in results.names("size"):
        print_ratios(results, size)
        print_first_reading(results, size)
        print_turns(results, size)
        print_merge(results, size)
    noop = {size: results.median(size, "sotay", "noop", "bytes") for size in results.names("size")}
    if len(noop) > 1 and None not in noop.values():
        check("nothing new, bytes at every size", ", ".join(noop), len(set(noop.values())) == 1,
              ", ".join(short(v) for v in noop.values()))
    for row in results.rows:
        if "failed" in row["note"]:
            print(f"| {row['size']} | {row['peer']} {row['phase']} of repetition {row['rep']} | "
                  f"ended with {row['note']['failed']} |  | failed |")


def main():
    results = Results(sys.argv[1])
    if "--short" not in sys.argv:
        print_phases(results)
        print_outcomes(results)
    print_bars(results)


if __name__ == "__main__":
    main()
