#!/usr/bin/env python3
"""What the audit log costs: sizes of proofs, how fast a log is checked, its share of the server's
processor in a push; with --leaves 1000000 the export of a large one. Works in memory (/dev/shm)
when it can. Rates are of processor time, not of the clock on the wall.

usage: log.py --bin build/release/bin --bench build/release/bench [--leaves N]
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from bench import MEMORY_DISK, head, row, verdict
from peers import run as peers

LEAVES = 70000      # the size of which the design speaks
PUSHES = 3
HERE = pathlib.Path(__file__).resolve().parent


def said(*words):
    done = subprocess.run([str(word) for word in words], check=True, stdout=subprocess.PIPE,
                          text=True)
    return done.stdout


def least(measured, bar):
    return "PASS" if measured >= bar else f"misses by {bar / measured:.2f}x"


def make_book(how, work, leaves, signing):
    """A book whose log has so many leaves; what is proved from it."""
    book = work / "book"
    said(how.bin / "sotayctl", "--data", book, "init", "--commune", "01477", "--catalogue",
         how.bench / "catalogue")
    return book, json.loads(said(how.bench / "log-bench", "fill", book, leaves, signing))


def export(how, book, folder):
    start = time.monotonic()
    said(how.bin / "sotayctl", "--data", book, "audit", "export", folder)
    seconds = time.monotonic() - start
    files = [path for path in folder.rglob("*") if path.is_file()]
    return seconds, len(files), sum(path.stat().st_size for path in files) / (1 << 20)


# ---- sizes, and checking

def size_rows(sizes):
    head(f"What is proved from a log of {sizes['leaves']:,} entries, bytes (the largest of 1,000)")
    row("what", "bytes", "bar", "")
    row(*["---"] * 4)
    bar = (544, verdict(sizes["path"], 544)) if sizes["leaves"] == LEAVES else ("", "")
    row("path of an entry to the root", sizes["path"], *bar)
    row("the whole proof in a file, checkpoint included", sizes["proof_file"], 1331,
        verdict(sizes["proof_file"], 1331))
    row("that an older log is its beginning", sizes["consistency"], "", "")
    row("checkpoint", sizes["checkpoint"], "", "")
    row("entry", sizes["leaf"], "", "")
    for what, amount in zip(("one receipt after a sync", "8 receipts, five entries apart",
                             "32 receipts, five entries apart", "32 receipts, all over the log"),
                            sizes["receipts"]):
        row(what + ", as they are answered", amount, "", "")


def rate_rows(read):
    head("How fast sotay-verify checks it, on one core")
    row("what", "in a second", "bar", "")
    row(*["---"] * 4)
    chains = read["leaves"] / read["tree_and_chains_s"]
    ours, bare = (read["signatures"] / read[key] for key in ("ours_s", "bare_s"))
    whole = read["signatures"] / read["whole_s"]
    row("entries: tree and chains, without signatures", f"{chains:,.0f}", "50,000",
        least(chains, 50000))
    row("signatures of devices", f"{ours:,.0f}", "", "")
    row("libsodium's bare ones, taking turns with them", f"{bare:,.0f}", "", "")
    row("the first beside the second", f"{ours / bare:.2f}x", "0.8x", least(ours / bare, 0.8))
    row("everything, in entries with a signature", f"{whole:,.0f}", "", "")


# ---- the share of a push

def push(how, work, operations, less):
    """One push of the medium workload: what the client says of it."""
    folder = work / "push"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "srv").mkdir(parents=True)
    (folder / "cli").mkdir()
    clock = folder / "clock"
    port, door, control = peers.free_port(), peers.free_port(), peers.free_port()
    os.environ.update(SOTAYD=str(how.bench / "sotayd-clock"), LOG_CLOCK=str(clock))
    os.environ.pop("LOG_LESS", None)
    if less:
        os.environ["LOG_LESS"] = "1"
    with open(work / "push.log", "ab") as log:
        server = peers.start([how.bench / "peer-server", folder / "srv", port, control], log)
        proxy = peers.start([how.bench / "proxy", door, port, folder / "counters"], log)
        env = dict(os.environ, OPS=str(operations), PORT=str(door), CTRL=str(control),
                   COUNTERS=str(folder / "counters"), SRVPID=str(server.pid),
                   STATE=str(folder / "cli"))
        ctl = [how.bin / "sotayctl", "--data", folder / "srv/book", "stat", "--json"]
        try:
            before = json.loads(said(*ctl))["log_entries"]
            results, code = peers.client([how.bench / "peer-client"], "push", env)
            entries = json.loads(said(*ctl))["log_entries"] - before
        finally:
            peers.stop(server)
            peers.stop(proxy)
    if code != 0 or len(results) != 1:
        raise SystemExit(f"bench: the push ended with {code}, see {work}/push.log")
    return dict(results[0], entries=entries)


def share_rows(how, work):
    operations = work / "medium.jsonl"
    operations.write_text(said(sys.executable, HERE / "peers/workload.py", "medium"),
                          encoding="utf-8")
    runs = [(push(how, work, operations, False), push(how, work, operations, True))
            for _ in range(PUSHES)]
    whole, log, less = (statistics.median(run) for run in (
        [with_it["srv_cpu_s"] for with_it, _ in runs],
        [with_it["log_cpu_s"] for with_it, _ in runs],
        [without["srv_cpu_s"] for _, without in runs]))
    head(f"The log in a push of 2,000 records (medium), server CPU ({PUSHES} of each, taking "
         "turns, medians)")
    made, _ = runs[-1]
    print(f"{made['entries']} entries stand for them: a phone signs many changes at once.\n")
    row("what", "s", "of the push", "bar", "")
    row(*["---"] * 5)
    row("all of the push", f"{whole:.3f}", "", "", "")
    row("of it counted in leaves, tree, checkpoints, proofs, confirmations", f"{log:.3f}",
        f"{100 * log / whole:.0f} %", "25 %", verdict(log / whole, 0.25))
    row("a push without leaves and checkpoints", f"{less:.3f}", "", "", "")
    row("so they cost", f"{whole - less:.3f}", f"{100 * (whole - less) / whole:.0f} %", "25 %",
        verdict(max(0.0, whole - less) / whole, 0.25))


# ---- a large one

def large_rows(how, work):
    book, sizes = make_book(how, work, how.leaves, "copied")
    size_rows(sizes)
    seconds, files, mib = export(how, book, work / "export")
    again, _, _ = export(how, book, work / "export")
    head(f"Export of a log of {how.leaves:,} entries, in {work.parent}")
    row("what", "s", "files", "MiB")
    row(*["---"] * 4)
    row("`audit export` into a new folder", f"{seconds:.1f}", files, f"{mib:.0f}")
    row("again into the same one", f"{again:.1f}", files, f"{mib:.0f}")


def main():
    parser = argparse.ArgumentParser()
    for name in ("--bin", "--bench"):
        parser.add_argument(name, type=lambda path: pathlib.Path(path).resolve(), required=True)
    parser.add_argument("--leaves", type=int)
    how = parser.parse_args()
    parent = MEMORY_DISK if os.access(MEMORY_DISK, os.W_OK) else None
    work = pathlib.Path(tempfile.mkdtemp(prefix="sotay-log-", dir=parent))
    try:
        if how.leaves:
            large_rows(how, work)
            return
        book, sizes = make_book(how, work, LEAVES, "signed")
        size_rows(sizes)
        export(how, book, work / "export")
        rate_rows(json.loads(said(how.bench / "log-bench", "read", work / "export")))
        shutil.rmtree(work / "export")
        share_rows(how, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
