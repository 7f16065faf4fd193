#!/usr/bin/env python3
"""Go's note and tlog packages on what the real programs export: they must agree with sotay-verify
on what is whole, and refuse each file that was touched. Needs Debian's golang-go and
golang-golang-x-mod-dev (make check-go)."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from lib import *

SCRATCH = pathlib.Path(tempfile.mkdtemp(prefix="sotay-go-"))
GO = {**ENV, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOCACHE": str(SCRATCH / "cache")}
CHECK = SCRATCH / "check"


def build():
    program = ROOT / "tests" / "audit" / "check.go"
    subprocess.run(["go", "build", "-o", str(CHECK), str(program)], check=True, env=GO, timeout=300)


def check(*words, code=0):
    args = [str(CHECK), *map(str, words)]
    done = subprocess.run(args, capture_output=True, text=True, timeout=60)
    same(done.returncode, code, f"check {words}: {done.stderr.strip()[-200:]}")
    return done.stdout


def flips(good, count):
    """One bit at `count` places from end to end, then the end cut off."""
    for at in range(0, len(good), max(1, len(good) // count)):
        yield good[:at] + bytes([good[at] ^ 1 << at % 8]) + good[at + 1:]
    yield good[:-1]


def filled(w, changes):
    an = w.phone("an")
    record = an.new("visit", w.units[0], "place=đầu")
    for n in range(changes):
        an.set(record, f"place=lần {n}")
        settle(an, rounds=1)
    settle(an)
    return an, record


def go_agrees_and_refuses_each_touched_file():
    with commune() as w:
        an, record = filled(w, 4)
        first, second = w.dir / "first", w.dir / "second"
        w.ctl("audit", "export", str(first))
        key, old = first / "vkey", first / "checkpoint"
        for n in range(220):
            an.set(record, f"place=nữa {n}")
            if n % 4 == 3:
                an.sync()
        settle(an)
        w.ctl("audit", "export", str(second))
        shown = check("-vkey", key, "-old", old, "-list", second).splitlines()
        theirs = run("sotay-verify", str(second), "--vkey", str(key)).out.splitlines()[0]
        same(shown[0], theirs, "the same entries and root")
        check("-vkey", key, "-old", second / "checkpoint", first, code=1)
        for name in sorted(set(shown[1:])):
            path = second / name
            good = path.read_bytes()
            for bad in flips(good, 24):
                path.write_bytes(bad)
                check("-vkey", key, second, code=1)
            path.write_bytes(good)
        check("-vkey", key, second)
        good = old.read_bytes()
        for bad in flips(good, 24):
            old.write_bytes(bad)
            check("-vkey", key, "-old", old, second, code=1)


def go_refuses_another_log():
    with commune() as w, commune() as other:
        filled(w, 2)
        filled(other, 2)
        mine, strange = w.dir / "mine", w.dir / "strange"
        w.ctl("audit", "export", str(mine))
        other.ctl("audit", "export", str(strange))
        check("-vkey", mine / "vkey", mine)
        check("-vkey", strange / "vkey", mine, code=1)
        check("-vkey", mine / "vkey", "-old", strange / "checkpoint", mine, code=1)


def go_knows_a_receipt():
    with commune() as w:
        an, record = filled(w, 3)
        w.ctl("audit", "export", str(w.dir / "x"))
        key = w.dir / "x" / "vkey"
        proof, leaf = w.dir / "r.tlog-proof", w.dir / "r.leaf"
        an.do("receipt", record, "-o", str(proof))
        said = check("-vkey", key, "-proof", proof, "-record", leaf)
        shown = an.do("receipt", record, "--json").json()
        same(said, f"OK entry {shown['entry']} of {shown['size']} root {shown['root']}\n", "alike")
        for path in (proof, leaf):
            good = path.read_bytes()
            for bad in flips(good, 60):
                path.write_bytes(bad)
                check("-vkey", key, "-proof", proof, "-record", leaf, code=1)
            path.write_bytes(good)


def the_page_works_as_it_is_written():
    ran = audit_steps(("sotayctl", "sotay", "sotay-verify", "go", "./check"), GO)
    same(ran.count("./check"), 2, "both of Go's checks")
    same(len(ran), 10, "every step")


def go_takes_the_newest_key_and_the_one_of_before():
    with commune() as w:
        an, record = filled(w, 3)
        first, second = w.dir / "first", w.dir / "second"
        proof, leaf = w.dir / "r.tlog-proof", w.dir / "r.leaf"
        w.ctl("audit", "export", str(first))
        an.do("receipt", record, "-o", str(proof))
        change_log_key(w)
        an.set(record, "place=sau")
        settle(an)
        w.ctl("audit", "export", str(second))
        old, new = first / "vkey", second / "vkey"
        said = check("-vkey", new, "-old", first / "checkpoint", "-oldvkey", old, second)
        same(said.splitlines()[0],
             run("sotay-verify", str(second), "--vkey", str(old)).out.splitlines()[0], "one log")
        check("-vkey", old, second, code=1)
        check("-vkey", new, "-old", first / "checkpoint", second, code=1)
        check("-vkey", old, "-proof", proof, "-record", leaf)
        check("-vkey", new, "-proof", proof, "-record", leaf, code=1)


try:
    build()
    main([go_agrees_and_refuses_each_touched_file, go_refuses_another_log, go_knows_a_receipt,
          the_page_works_as_it_is_written, go_takes_the_newest_key_and_the_one_of_before])
finally:
    shutil.rmtree(SCRATCH, ignore_errors=True)
