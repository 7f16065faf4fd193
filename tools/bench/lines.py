#!/usr/bin/env python3
"""What poor lines cost: a day's work over 64 kbit/s cut every 30 s, and 1,000 phones at once.

usage: BIN=build/release/bin lines.py --bench build/release/bench [--only slow|crowd] [--phones N]
           [--photos N]

A day has 40 photos, which fill its line for 25 minutes; usual are four of them (or PHOTOS).
"""
import argparse
import json
import os
import pathlib
import random
import resource
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "e2e"))
from lib import BIN, ENV, commune  # the same commune as in the tests

LINE_BYTES_S = 8000  # 64 kbit/s each way
CUT_EVERY_S = 30
VISITS, PHOTO_BYTES = 8, 300_000
SETS = 10
OFFICERS = 90  # each with a unit of its own


def head(title):
    print(f"\n{title}\n")


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def verdict(measured, most):
    return "PASS" if measured <= most else f"misses by {measured / most:.2f}x"


# ---- a day's work on a slow line

def a_days_work(w, phone, dice):
    """Visits with findings, as an officer writes them; their ids."""
    words = "đoàn kiểm tra sổ họp xóm thu chi quỹ biên bản thiếu chữ ký báo cáo chậm nhà".split()
    text = lambda n: " ".join(dice.choices(words, k=n))
    records = []
    for n in range(VISITS):
        record = phone.new("visit", w.units[n % len(w.units)], "visit_kind=kiem_tra",
                           f"place={text(4)}", f"general_note={text(40)}")
        for _ in range(3):
            phone.do("item", record, "findings", "kind=khac", f"text={text(20)}")
        records.append(record)
    return records


def take_photos(w, phone, records, count):
    dice = random.Random(3)
    for n in range(count):
        path = w.dir / f"photo-{n}.pdf"
        path.write_bytes(b"%PDF-1.4\n" + dice.randbytes(PHOTO_BYTES))
        phone.do("attach", records[n % len(records)], path)


class Cutter:
    """Breaks every connection of the line each 30 s."""

    def __init__(self, proxy):
        self.proxy, self.cuts, self.over = proxy, 0, threading.Event()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while not self.over.wait(CUT_EVERY_S):
            self.cuts += 1
            self.proxy.cut_all()


def wait_for_records(w, count):
    """Seconds until the office sees them all."""
    begun = time.monotonic()
    while len(w.ctl("records", "--form", "visit", "--json").json()["records"]) < count:
        time.sleep(0.25)
    return time.monotonic() - begun


def measure_slow_line(count):
    head(f"A day's work ({VISITS} visits with 3 findings each, {count} photos of "
         f"{PHOTO_BYTES // 1000} kB) over 64 kbit/s, cut every {CUT_EVERY_S} s")
    with commune(users=("an", "binh")) as w:
        binh, good = w.phone("binh"), w.proxy()
        a_days_work(w, binh, random.Random(1))
        binh.sync(url=good.url)
        alone = good.up + good.down
        an = w.phone("an")
        an.sync()  # what others wrote is not part of it
        records = a_days_work(w, an, random.Random(2))
        take_photos(w, an, records, count)
        slow = w.proxy(f"all: rate {LINE_BYTES_S}")
        cutter, begun = Cutter(slow), time.monotonic()
        words = ("--store", str(an.store), "sync", "--json", "--server", slow.url, "--retry-for",
                 "30m", "--timeout", "20s")
        with subprocess.Popen([str(BIN / "sotay"), *words], stdout=subprocess.PIPE, text=True,
                              env=ENV) as sync:
            seen_s = wait_for_records(w, 2 * VISITS)
            report = json.loads(sync.communicate()[0])
        all_s = time.monotonic() - begun
        cutter.over.set()
    photos, total = count * PHOTO_BYTES, slow.up + slow.down
    row("what", "measured", "bar", "")
    row("---", "---", "---", "---")
    row("records in the office after", f"{seen_s:.1f} s", "30 s", verdict(seen_s, 30))
    row("bytes both ways, HTTP heads included", f"{total:,}", f"{1.05 * photos + alone:,.0f}",
        verdict(total, 1.05 * photos + alone))
    row("photos: bytes beyond those of the records, against their own",
        f"{(total - alone) / photos:.3f}x", "", "")
    row("photos: all with the office after, against what they alone fill",
        f"{all_s * LINE_BYTES_S / photos:.2f}x: {all_s:.0f} against {photos / LINE_BYTES_S:.0f} s; "
        f"{cutter.cuts} cuts, {report['requests']} requests", "", "")


# ---- a thousand phones

def rss_mb(pid, key):
    for line in open(f"/proc/{pid}/status", encoding="ascii"):
        if line.startswith(key):
            return int(line.split()[1]) / 1024
    return float("nan")


class Own(threading.Thread):
    """The largest memory of a process without the pages of files that it looks at."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.most, self.over = pid, 0, threading.Event()

    def run(self):
        while not self.over.wait(0.2):
            self.most = max(self.most, rss_mb(self.pid, "RssAnon"))


def make_links(w, path, phones):
    listed = w.ctl("records", "--form", "unit", "--json").json()["records"]
    units = sorted(r["unit"] for r in listed if r["unit"])[:OFFICERS]
    for n, unit in enumerate(units):
        w.ctl("user", "add", f"crowd{n}", "--name", f"Crowd {n}", "--role", "officer")
        w.ctl("assign", f"crowd{n}", unit)
    with open(path, "w", encoding="ascii") as links:
        for n in range(phones):
            link = w.ctl("enrol", f"crowd{n % len(units)}").last()
            links.write(f"{link} {units[n % len(units)]}\n")


def measure_crowd(how):
    head(f"{how.phones:,} phones with {SETS} change-sets each come back at the same moment")
    with commune(users=("an",)) as w:
        links, stores = w.dir / "links", w.dir / "crowd"
        stores.mkdir()
        make_links(w, links, how.phones)
        crowd = subprocess.Popen([str(how.bench / "crowd"), str(stores), w.url(), str(links),
                                  str(how.phones), str(SETS)], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True, env=ENV)
        if crowd.stdout.readline().strip() != "prepared":
            raise SystemExit("bench: the crowd was not prepared")
        pathlib.Path(f"/proc/{w.process.pid}/clear_refs").write_text("5")  # the peak from here on
        before = rss_mb(w.process.pid, "VmRSS")
        own = Own(w.process.pid)
        own.start()
        out = json.loads(crowd.communicate("go\n")[0])
        own.over.set()
        own.join()
        peak = rss_mb(w.process.pid, "VmHWM")
        listed = w.ctl("records", "--form", "visit", "--json", timeout=300).json()["records"]
        whole = w.ctl("verify", codes=None, timeout=600).code == 0
    sets = how.phones * SETS
    lost, doubled = max(0, sets - len(listed)), max(0, len(listed) - sets)
    row("what", "measured", "bar", "")
    row("---", "---", "---", "---")
    row("phones whose work is all acknowledged", f"{out['acknowledged']:,}", f"{how.phones:,}",
        "PASS" if out["acknowledged"] == how.phones else "short")
    row("records lost, doubled", f"{lost}, {doubled}", "0, 0",
        "PASS" if lost + doubled == 0 and whole else "short")
    row("seconds until a phone was through: median, 99 of 100, last",
        f"{out['p50_s']:.1f}, {out['p99_s']:.1f}, {out['max_s']:.1f}", "last: 60",
        verdict(out["max_s"], 60))
    row("server VmHWM, MB", f"{peak:.0f} ({before:.0f} before)", 150, verdict(peak, 150))
    row("the same without the pages of the store it looked at (RssAnon)", f"{own.most:.0f}", "", "")
    row("requests; bytes up, down", f"{out['requests']:,}; {out['bytes_up']:,}, "
        f"{out['bytes_down']:,}", "", "")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bench", type=pathlib.Path, required=True)
    parser.add_argument("--only", choices=("slow", "crowd"))
    parser.add_argument("--phones", type=int, default=int(os.environ.get("PHONES", 1000)))
    parser.add_argument("--photos", type=int, default=int(os.environ.get("PHOTOS", 4)))
    how = parser.parse_args()
    how.bench = how.bench.resolve()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16384), hard))
    if how.only != "crowd":
        measure_slow_line(how.photos)
    if how.only != "slow":
        measure_crowd(how)


if __name__ == "__main__":
    main()
