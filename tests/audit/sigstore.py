#!/usr/bin/env python3
"""Sigstore's verifier (npm @sigstore/verify) on what the real programs export: it must agree with
sotay-verify on what is whole and refuse what was touched. MODULES is where npm put it (make
check-sigstore). It knows checkpoints and inclusion; that a log continues an older one is not among
its calls: Go's packages check that (exports.py)."""
import os
import pathlib
import subprocess
import sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from lib import *

MODULES = os.environ.get("MODULES", str(ROOT / "build" / "sigstore"))
SCRIPT = pathlib.Path(__file__).resolve().parent / "sigstore.mjs"


def check(*words, code=0):
    done = subprocess.run(["node", str(SCRIPT), MODULES, *map(str, words)], capture_output=True,
                          text=True, timeout=300, stdin=subprocess.DEVNULL)
    same(done.returncode, code, f"{words}: {(done.stderr or done.stdout).strip()[-300:]}")
    need(code != 0 or done.stdout.startswith("OK "), done.stdout)
    return done.stdout + done.stderr


def filled(w, changes):
    an = w.phone("an")
    record = an.new("visit", w.units[0], "place=đầu")
    for n in range(changes):
        an.set(record, f"place=lần {n}")
        an.sync()
    settle(an)
    w.ctl("audit", "export", str(w.dir / "book"))
    return an, record


def exported(w, size):
    """Is the whole export taken, as many entries and the root that sotay-verify says?"""
    book = w.dir / "book"
    said = check("-vkey", book / "vkey", book).splitlines()[0]
    same(said, run("sotay-verify", book, "--vkey", book / "vkey").out.splitlines()[0], "alike")
    need(int(said.split()[1]) > size, said)


def sigstore_agrees_on_each_entry():
    with commune() as w:
        filled(w, 210)  # more than one tile
        exported(w, 256)


def sigstore_refuses_each_touched_bit():
    with commune() as w:
        filled(w, 4)
        book = w.dir / "book"
        refused = int(check("-vkey", book / "vkey", "-touch", book).split()[1])
        need(refused > 5000, f"only {refused} were tried")


def sigstore_refuses_a_touched_folder():
    with commune() as w:
        filled(w, 4)
        book = w.dir / "book"
        for name in ("checkpoint", "tile/0", "tile/entries"):
            path = book / name
            path = path if path.is_file() else next(p for p in path.rglob("*") if p.is_file())
            good = path.read_bytes()
            for at in range(40, len(good) - 60, len(good) // 5):
                path.write_bytes(good[:at] + bytes([good[at] ^ 1 << at % 8]) + good[at + 1:])
                check("-vkey", book / "vkey", book, code=1)
            path.write_bytes(good[:-8])
            check("-vkey", book / "vkey", book, code=1)
            path.write_bytes(good)
        check("-vkey", book / "vkey", book)


def sigstore_refuses_another_log():
    with commune() as w, commune() as other:
        filled(w, 2)
        filled(other, 2)
        mine, strange = w.dir / "book", other.dir / "book"
        said = check("-vkey", strange / "vkey", mine, code=1)
        need("TLOG_INCLUSION_PROOF_ERROR" in said, said)
        # the name of the one with the key of the other
        name, keys = (mine / "vkey").read_text().split("+")[0], (strange / "vkey").read_text()
        forged = w.dir / "forged"
        forged.write_text("+".join([name, *keys.split("+")[1:]]))
        check("-vkey", forged, mine, code=1)
        # the checkpoint of the one before the entries of the other
        good = (mine / "checkpoint").read_bytes()
        (mine / "checkpoint").write_bytes((strange / "checkpoint").read_bytes())
        check("-vkey", strange / "vkey", mine, code=1)
        (mine / "checkpoint").write_bytes(good)
        check("-vkey", mine / "vkey", mine)


def sigstore_knows_a_receipt():
    with commune() as w:
        an, record = filled(w, 3)
        key = w.dir / "book" / "vkey"
        proof, leaf = w.dir / "r.tlog-proof", w.dir / "r.leaf"
        shown = an.do("receipt", record, "-o", str(proof), "--json").json()
        words = ("-vkey", key, "-proof", proof, "-record", leaf)
        same(check(*words), f"OK entry {shown['entry']}\n", "the same entry")
        proofs = w.dir / "proofs"
        w.ctl("audit", "proof", record, str(proofs))
        files = sorted(proofs.glob("*.tlog-proof"))
        need(len(files) >= 2, files)
        for path in files:
            check("-vkey", key, "-proof", path, "-record", path.with_suffix(".leaf"))
        check("-vkey", key, "-proof", files[0], "-record", files[1].with_suffix(".leaf"), code=1)
        lines = proof.read_text().split("\n")
        for bad in (lines[:2] + lines[3:],                               # a hash is missing
                    [lines[0], "index 0", *lines[2:]],                   # another place
                    lines[:2] + [lines[3], lines[2], *lines[4:]]):       # hashes out of order
            proof.write_text("\n".join(bad))
            check(*words, code=1)
        proof.write_text("\n".join(lines))
        check(*words)


def sigstore_after_a_change_of_the_key():
    with commune() as w:
        an, record = filled(w, 3)
        book, old = w.dir / "book", w.dir / "old"
        book.rename(old)
        proof, leaf = w.dir / "r.tlog-proof", w.dir / "r.leaf"
        an.do("receipt", record, "-o", str(proof))
        change_log_key(w)
        an.set(record, "place=sau")
        settle(an)
        w.ctl("audit", "export", str(book))
        exported(w, 5)
        check("-vkey", old / "vkey", book, code=1)
        for key, code in ((old / "vkey", 0), (book / "vkey", 1)):
            check("-vkey", key, "-proof", proof, "-record", leaf, code=code)
        an.do("receipt", record, "-o", str(proof))
        check("-vkey", book / "vkey", "-proof", proof, "-record", leaf)


main([sigstore_agrees_on_each_entry, sigstore_refuses_each_touched_bit,
      sigstore_refuses_a_touched_folder, sigstore_refuses_another_log, sigstore_knows_a_receipt,
      sigstore_after_a_change_of_the_key])
