#!/usr/bin/env python3
"""What a save, a list and an idle server cost on this machine.

usage: bench.py --bin build/release/bin --bench build/release/bench --work DIR
"""
import argparse
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import time

CONNECTIONS = 1000
RECORDS = 10000
LIST_RUNS = 15
SAVES = 400
SAVE_RUNS = 3
MEMORY_DISK = pathlib.Path("/dev/shm")


class Server:
    """The real sotayd on a fresh book, as peer-server starts it."""

    def __init__(self, bench, folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.log = open(folder / "log", "wb")
        with socket.socket() as door:
            door.bind(("127.0.0.1", 0))
            self.port = door.getsockname()[1]
        self.process = subprocess.Popen(
            [bench / "peer-server", folder, str(self.port), "0"], stdout=subprocess.PIPE,
            stderr=self.log, text=True)
        for line in self.process.stdout:
            if line.startswith("ready"):
                break
        else:
            raise SystemExit(f"bench: the server did not start, see {folder}/log")
        self.links = (folder / "links").read_text().split()

    def rss_mb(self):
        for line in open(f"/proc/{self.process.pid}/status", encoding="ascii"):
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return float("nan")

    def env(self):
        return dict(os.environ, PORT=str(self.port))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        self.process.stdout.close()
        self.log.close()


def head(title):
    print(f"\n{title}\n")


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


def verdict(measured, most):
    return "PASS" if measured <= most else f"misses by {measured / most:.2f}x"


# ---- idle server

def hold_connections(server):
    """Opens them, has each ask once, and leaves them open: how many were answered in 4 s."""
    sockets, answered = [], 0
    for _ in range(CONNECTIONS):
        one = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        one.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        sockets.append(one)
    end = time.monotonic() + 4
    for one in sockets:
        one.settimeout(max(0.001, end - time.monotonic()))
        try:
            answered += one.recv(4096).startswith(b"HTTP/1.1 200")
        except OSError:
            pass
    return sockets, answered


def measure_idle(server):
    head("Memory of the server (VmRSS)")
    row("state", "MB", "bar", "")
    row("---", "---", "---", "---")
    time.sleep(1)
    idle = server.rss_mb()
    row("idle, no connection", f"{idle:.1f}", 25, verdict(idle, 25))
    sockets, answered = hold_connections(server)
    held = server.rss_mb()
    row(f"{CONNECTIONS} connections held open, {answered} of them served at once", f"{held:.1f}",
        64, verdict(held, 64))
    for one in sockets:
        one.close()
    time.sleep(1)
    row("after they were closed", f"{server.rss_mb():.1f}", "", "")


# ---- durable save

def measure_save(server, bench, work):
    head(f"A durable save on the phone beside a bare LMDB commit of the same bytes, taking turns "
         f"({SAVES} of each, medians)")
    row("run", "sotay_record_set us", "bare commit us", "ratio", "bar", "")
    row(*["---"] * 6)
    ratios = []
    for run in range(SAVE_RUNS):
        store = work / f"save-{run}"
        done = subprocess.run([bench / "store-bench", "save", store, server.links[run],
                               str(SAVES)], env=server.env(), check=True,
                              stdout=subprocess.PIPE, text=True)
        result = json.loads(done.stdout)
        ratios.append(result["ratio"])
        row(run + 1, result["save_us"], result["bare_us"], f"{result['ratio']:.2f}", "", "")
    middle = statistics.median(ratios)
    row("median", "", "", f"{middle:.2f}", 1.5, verdict(middle, 1.5))
    print(f"\nOne save puts {result['puts']} values, {result['bytes']} bytes.")


# ---- list

def seconds(command):
    start = time.monotonic()
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start


def measure_list(server, how, work):
    # Filling waits for no disk in memory; reading is the same wherever the pages come from.
    store = (MEMORY_DISK if os.access(MEMORY_DISK, os.W_OK) else work) / f"sotay-list-{os.getpid()}"
    sotay = how.bin / "sotay"
    try:
        start = time.monotonic()
        subprocess.run([how.bench / "store-bench", "fill", store, server.links[SAVE_RUNS],
                        str(RECORDS)], env=server.env(), check=True)
        filled = time.monotonic() - start
        listed = subprocess.run([sotay, "--store", store, "list", "--json"], check=True,
                                stdout=subprocess.PIPE)
        count = len(json.loads(listed.stdout)["records"])
        if count != RECORDS:
            raise SystemExit(f"bench: {count} records are listed")
        commands = {"sotay --version": [sotay, "--version"],
                    "sotay list": [sotay, "--store", store, "list"],
                    "sotay list --json": [sotay, "--store", store, "list", "--json"]}
        times = {name: [] for name in commands}
        for _ in range(LIST_RUNS):
            for name, command in commands.items():
                times[name].append(seconds(command) * 1000)
        head(f"`sotay list` over {RECORDS:,} records ({LIST_RUNS} runs, medians; made in "
             f"{filled:.1f} s in memory)")
        row("program", "ms (min..max)", "more than process start", "bar", "")
        row(*["---"] * 5)
        start_ms = statistics.median(times["sotay --version"])
        for name, values in times.items():
            more = statistics.median(values) - start_ms
            row(name, f"{statistics.median(values):.1f} ({min(values):.1f}..{max(values):.1f})",
                "" if more == 0 else f"{more:.1f} ms", "" if more == 0 else 50,
                "" if more == 0 else verdict(more, 50))
    finally:
        shutil.rmtree(store, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    for name in ("--bin", "--bench", "--work"):
        parser.add_argument(name, type=pathlib.Path, required=True)
    how = parser.parse_args()
    for name in ("bin", "bench", "work"):
        setattr(how, name, getattr(how, name).resolve())
    work = how.work / "here"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    server = Server(how.bench, work / "server")
    try:
        measure_idle(server)
        measure_save(server, how.bench, work)
        measure_list(server, how, work)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
