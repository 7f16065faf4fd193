#!/usr/bin/env python3
"""Runs the peers over the same operations, one server, one counting proxy and one client at a time.

usage: run.py --peers sotay,sqlite,pouch --sizes small,medium --reps 3 --work DIR --out FILE.tsv
environment: BENCH = folder of the built programs (peer-server, peer-client, sqlite-*, proxy),
             POUCH = folder with the JavaScript files and their node_modules

A server is `CMD DIR PORT CTRLPORT` and prints `ready`; a client is `CMD main` and `CMD bootstrap`
with OPS, PORT (of the proxy), CTRL, COUNTERS, SRVPID, STATE, and prints `RES {...}` lines. Each
becomes one line of FILE as it is measured. Everything stays on the loopback address.
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
BENCH = pathlib.Path(os.environ.get("BENCH", ".")).resolve()
POUCH = pathlib.Path(os.environ.get("POUCH", ".")).resolve()
COLUMNS = ("peer size rep phase wall_s up down turns conns srv_cpu_s srv_rss_mb cli_rss_mb "
           "disk_b note").split()
LIMIT_S = 600
QUIET_S = 12   # before a new device comes: servers that make its image ahead have made it by then

PEERS = {
    "sotay": ([BENCH / "peer-server"], [BENCH / "peer-client"]),
    "sqlite": ([BENCH / "sqlite-server"], [BENCH / "sqlite-client"]),
    "pouch": (["node", POUCH / "pouch-server.mjs"],
              ["node", "--max-old-space-size=6144", POUCH / "pouch-client.mjs"]),
}


def free_port():
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return door.getsockname()[1]


def start(command, log):
    """Starts a program and waits until it says that it is ready."""
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE,
                               stderr=log, text=True)
    for line in process.stdout:
        if "ready" in line:
            return process
    raise SystemExit(f"run: {command[0]} ended with {process.wait()} before it was ready")


def stop(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


def disk_bytes(folder):
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def client(command, phase, env):
    """Its RES lines, and how it ended."""
    try:
        done = subprocess.run([str(word) for word in command] + [phase], env=env, text=True,
                              stdout=subprocess.PIPE, timeout=LIMIT_S, check=False)
        text, code = done.stdout, done.returncode
    except subprocess.TimeoutExpired as late:
        text, code = (late.stdout or b"").decode(), "timeout"
    return [json.loads(line[4:]) for line in text.splitlines() if line.startswith("RES ")], code


def run_peer(peer, operations, work, say):
    """One repetition of one peer; says each measured phase."""
    folder = work / peer
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "srv").mkdir(parents=True)
    (folder / "cli").mkdir()
    server_port, proxy_port, control_port = free_port(), free_port(), free_port()
    with open(folder / "srv.log", "wb") as log:
        server_command, client_command = PEERS[peer]
        server = start(server_command + [folder / "srv", server_port, control_port], log)
        proxy = start([BENCH / "proxy", proxy_port, server_port, folder / "counters"], log)
        env = dict(os.environ, OPS=str(operations), PORT=str(proxy_port), CTRL=str(control_port),
                   COUNTERS=str(folder / "counters"), SRVPID=str(server.pid),
                   STATE=str(folder / "cli"))
        results = []
        for phase in ("main", "bootstrap"):
            if phase == "bootstrap":
                time.sleep(QUIET_S)
            found, code = client(client_command, phase, env)
            results += found
            if code != 0:
                results.append({"phase": phase, "failed": code})
        time.sleep(1)
        disk = disk_bytes(folder / "srv")
        stop(server)
        stop(proxy)
    for result in results:
        say(peer, result, disk)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", default="sotay,sqlite,pouch")
    parser.add_argument("--sizes", default="small,medium")
    parser.add_argument("--reps", type=int, default=3)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    how = parser.parse_args()
    how.work = how.work.resolve()
    how.work.mkdir(parents=True, exist_ok=True)
    with open(how.out, "w", encoding="utf-8") as out:
        print("\t".join(COLUMNS), file=out, flush=True)
        for size in how.sizes.split(","):
            operations = how.work / f"{size}.jsonl"
            with open(operations, "w", encoding="utf-8") as file:
                subprocess.run([sys.executable, HERE / "workload.py", size, how.seed],
                               stdout=file, check=True)
            for rep in range(1, how.reps + 1):

                def say(peer, result, disk, size=size, rep=rep):
                    row = {"peer": peer, "size": size, "rep": rep, "disk_b": disk}
                    row.update((k, result.pop(k)) for k in COLUMNS if k in result)
                    row["note"] = json.dumps(result, separators=(",", ":"))
                    print("\t".join(str(row.get(c, "")) for c in COLUMNS), file=out, flush=True)

                for peer in how.peers.split(","):
                    print(f"  {size} {rep}/{how.reps} {peer}", file=sys.stderr, flush=True)
                    run_peer(peer, operations, how.work, say)


if __name__ == "__main__":
    main()
