#!/usr/bin/env python3
"""What the care of a large book costs, and the first sync of a phone with all of it: time, the
largest memory of the program (VmHWM), bytes.

usage: large.py --bin build/release/bin --bench build/release/bench [--records 20000]
Works in memory (/dev/shm) when it can: what is measured is the programs, not this disk."""
import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from bench import MEMORY_DISK, Server, head, row, verdict

PHONE_MIB, SERVER_MIB = 32, 64


def memory_of(pid):
    """The most that it has had, and now without pages of files that it only looks at; MiB. Its
    rusage is of no use: that begins with the memory of this program."""
    most = own = 0.0
    try:
        for text in open(f"/proc/{pid}/status", encoding="ascii"):
            name, _, value = text.partition(":")
            if name == "VmHWM":
                most = int(value.split()[0]) / 1024
            if name == "RssAnon":
                own = int(value.split()[0]) / 1024
    except OSError:
        pass
    return most, own


def measured(command, env=None):
    """Runs it: seconds, largest memory and largest memory of its own, MiB."""
    start, most, own = time.monotonic(), 0.0, 0.0
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, env=env)
    while process.poll() is None:
        now = memory_of(process.pid)
        most, own = max(most, now[0]), max(own, now[1])
        time.sleep(0.003)
    if process.returncode not in (0, 3):
        raise SystemExit(f"bench: {command} ended with {process.returncode}")
    return time.monotonic() - start, most, own


def folder_bytes(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def mib(number):
    return f"{number / (1 << 20):.1f}"


def forget_largest(server):
    """The next VmHWM counts from here."""
    pathlib.Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")
    return memory_of(server.process.pid)[0]


def line(name, result, folder, bar=""):
    seconds, memory, own = result
    row(name, f"{seconds:.1f}", f"{memory:.0f}", f"{own:.0f}", mib(folder_bytes(folder)), bar)


def server_line(server, before, folder, bar):
    """Of the server all pages of its book that it has looked at count, too."""
    after = memory_of(server.process.pid)[0]
    row("the server meanwhile", "", f"{after:.0f}, before {before:.0f}", "",
        mib(folder_bytes(folder)), verdict(after - before, SERVER_MIB) if bar else "")


def fill(how, server, work):
    """One phone writes all records and sends them."""
    store = work / "author"
    subprocess.run([how.bench / "store-bench", "fill", store, server.links[0], str(how.records)],
                   env=server.env(), check=True)
    before = forget_largest(server)
    line("all of it written on one phone, and sent at once",
         measured([how.bin / "sotay", "--store", store, "sync"]), store)
    server_line(server, before, work / "server/book", False)


def first_sync(how, server, work, n):
    """`enrol` brings everything."""
    store = work / f"newcomer-{n}"
    before = forget_largest(server)
    result = measured([how.bin / "sotay", "--store", store, "enrol", server.links[n]])
    line(f"enrolment and first sync of a new phone ({n})", result, store,
         verdict(result[1], PHONE_MIB))
    server_line(server, before, work / "server/book", True)
    listed = subprocess.run([how.bin / "sotay", "--store", store, "list", "--json"], check=True,
                            stdout=subprocess.PIPE).stdout
    if len(json.loads(listed)["records"]) != how.records:
        raise SystemExit("bench: the new phone has not got everything")
    shutil.rmtree(store)


def care(how, folder, work):
    """Everything that keeps a book, the server being stopped."""
    book, backup, restored = folder / "book", work / "backup", work / "restored"
    ctl = [how.bin / "sotayctl", "--data", book]
    for name, words, result in (
            ("backup", ["backup", backup], backup),
            ("backup, next to nothing new", ["backup", backup], backup),
            ("backup --check", ["backup", "--check", backup], backup),
            ("verify", ["verify"], book), ("rebuild", ["rebuild"], book),
            ("compact", ["compact"], book)):
        line(name, measured(ctl + words), result)
    line("restore", measured([how.bin / "sotayctl", "--data", restored, "restore", backup]),
         restored)


def main():
    parser = argparse.ArgumentParser()
    for name in ("--bin", "--bench"):
        parser.add_argument(name, type=lambda path: pathlib.Path(path).resolve(), required=True)
    parser.add_argument("--records", type=int, default=20000)
    how = parser.parse_args()
    parent = MEMORY_DISK if os.access(MEMORY_DISK, os.W_OK) else None
    work = pathlib.Path(tempfile.mkdtemp(prefix="sotay-large-", dir=parent))
    server = Server(how.bench, work / "server")
    try:
        head(f"A book of {how.records:,} records, in {work.parent}")
        row("work", "s", "largest memory, MiB", "its own", "MiB on disk", "bar")
        row(*["---"] * 6)
        fill(how, server, work)
        for n in (1, 2):
            first_sync(how, server, work, n)
        server.stop()
        care(how, work / "server", work)
    finally:
        if server.process.poll() is None:
            server.process.send_signal(signal.SIGKILL)
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
