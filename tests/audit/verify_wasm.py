#!/usr/bin/env python3
"""sotay-verify for WebAssembly, run by node: it must say of each log what the program of this
machine says, refuse each file that was touched, and be able to do nothing but read
(make check-verify-wasm)."""
import os
import pathlib
import shutil
import subprocess
import sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from lib import *

HERE = pathlib.Path(__file__).resolve().parent
WASM = pathlib.Path(os.environ.get("WASM", ROOT / "build/release/wasm/sotay-verify.wasm"))
LIST = """const bytes = require("fs").readFileSync(process.argv[1])
for (const one of WebAssembly.Module.imports(new WebAssembly.Module(bytes)))
  console.log(one.module, one.name)"""
# What WASI is asked for: arguments, files that are read, and the way out.
MAY = {"args_get", "args_sizes_get", "environ_get", "environ_sizes_get", "fd_close",
       "fd_fdstat_get", "fd_prestat_get", "fd_prestat_dir_name", "fd_read", "fd_readdir",
       "fd_seek", "fd_write", "path_filestat_get", "path_open", "proc_exit"}


def node(*words):
    return subprocess.run(["node", "--no-warnings", *map(str, words)], capture_output=True,
                          text=True, timeout=60, stdin=subprocess.DEVNULL)


def both(w, *words, code=0):
    """The same call to both; "/x" stands for what lies in w.dir. Returns the answer."""
    here = [f"{w.dir}{word}" if word.startswith("/") else word for word in words]
    want = run("sotay-verify", *here, codes=None)
    done = node(HERE / "wasi.mjs", WASM, w.dir, *words)
    same(done.returncode, code, f"{words}: {done.stderr.strip()[-300:]}")
    same(want.code, code, f"the program itself, {words}")
    same(done.stdout, want.out, f"{words}: the answer")
    same(done.stderr, want.err.replace(str(w.dir), ""), f"{words}: what is wrong")
    return done.stdout + done.stderr


def exported(w):
    """One phone's work with a receipt, exported before and after more was written."""
    an = w.phone("an")
    record = an.new("visit", w.units[0], "visit_kind=kiem_tra", "place=đầu")
    settle(an)
    w.ctl("audit", "export", str(w.dir / "first"))
    an.set(record, "place=sau")
    settle(an)
    w.ctl("audit", "export", str(w.dir / "book"))
    an.do("receipt", record, "-o", str(w.dir / "r.tlog-proof"))


def flips(good, count):
    for at in range(0, len(good), max(1, len(good) // count)):
        yield good[:at] + bytes([good[at] ^ 1 << at % 8]) + good[at + 1:]
    yield good[:-1]


def it_says_what_the_program_says():
    with commune() as w:
        exported(w)
        said = both(w, "/book", "--vkey", "/book/vkey", "--old", "/first/checkpoint")
        need(said.startswith("OK ") and "1 of 1 devices" in said, said)
        code = said.split("check code: ")[1].splitlines()[0]
        both(w, "/book/", "--vkey", (w.dir / "book/vkey").read_text().strip(), "--code", code)
        both(w, "/book", "--lang", "vi")
        both(w, "--proof", "/r.tlog-proof", "--record", "/r.leaf", "--vkey", "/book/vkey")
        both(w, "--version")
        both(w, "--help", "--lang", "vi")


def it_follows_another_key():
    with commune() as w:
        exported(w)
        change_log_key(w)
        w.ctl("audit", "export", str(w.dir / "after"))
        for key in ("/book/vkey", "/after/vkey"):
            said = both(w, "/after", "--vkey", key, "--old", "/book/checkpoint", "--proof",
                        "/r.tlog-proof", "--record", "/r.leaf")
            need("the receipt is of entry" in said, said)
        both(w, "--proof", "/r.tlog-proof", "--record", "/r.leaf", "--vkey", "/after/vkey", code=1)
        path = w.dir / "after" / "log-keys"
        good = path.read_bytes()
        for bad in flips(good, 24):
            path.write_bytes(bad)
            both(w, "/after", "--vkey", "/book/vkey", code=1)
        path.unlink()
        both(w, "/after", "--vkey", "/book/vkey", code=1)


def it_refuses_what_the_program_refuses():
    with commune() as w, commune() as other:
        exported(w)
        exported(other)
        shutil.copytree(other.dir / "book", w.dir / "strange")
        key = ("--vkey", "/book/vkey")
        need("cut off or put back" in both(w, "/first", *key, "--old", "/book/checkpoint", code=1),
             "a log that became shorter")
        both(w, "/strange", *key, code=1)
        both(w, "/book", *key, "--old", "/strange/checkpoint", code=1)
        both(w, "/book", *key, "--code", "0000 0000 0000 0000", code=1)
        both(w, "--proof", "/r.tlog-proof", "--record", "/r.leaf", "--vkey", "/strange/vkey",
             code=1)
        both(w, "/nothing", *key, code=1)
        both(w, "/book", "/first", code=2)
        both(w, "--proof", "/r.tlog-proof", code=2)
        # what the log has no place for
        for name, make in (("letter", lambda p: p.write_text("x")),
                           ("tile/more/deeper", lambda p: p.write_text("x")),
                           ("link", lambda p: p.symlink_to("checkpoint"))):
            path = w.dir / "book" / name
            path.parent.mkdir(exist_ok=True)
            make(path)
            need("no file of the log" in both(w, "/book", *key, code=1), name)
            path.unlink()
        both(w, "/book", *key)


def each_touched_file_is_refused():
    with commune() as w:
        exported(w)
        folder = w.dir / "book"
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            good = path.read_bytes()
            for bad in flips(good, 6):
                path.write_bytes(bad)
                both(w, "/book", "--vkey", "/first/vkey", code=1)
            path.write_bytes(good)
        both(w, "/book", "--vkey", "/first/vkey")
        for path in (w.dir / "r.tlog-proof", w.dir / "r.leaf"):
            good = path.read_bytes()
            for bad in flips(good, 12):
                path.write_bytes(bad)
                missing = bad == good[:-1]      # the last end of line: scanners leave it out
                both(w, "--proof", "/r.tlog-proof", "--record", "/r.leaf", "--vkey",
                     "/first/vkey", code=0 if missing else 1)
            path.write_bytes(good)


def it_reads_and_does_nothing_else():
    listed = node("-e", LIST, WASM)
    same(listed.returncode, 0, listed.stderr)
    asked = {tuple(line.split()) for line in listed.stdout.splitlines()}
    same({module for module, _ in asked}, {"wasi_snapshot_preview1"}, "WASI alone")
    same({name for _, name in asked} - MAY, set(), "nothing but reading")
    with commune() as w:
        exported(w)
        before = {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in w.dir.rglob("*")
                  if (w.dir / "book") in p.parents}
        (w.dir / "outside").symlink_to("/etc")
        done = node(HERE / "wasi.mjs", WASM, w.dir / "book", "/../first", "--vkey", "/vkey")
        same(done.returncode, 1, "what lies beside the folder is out of reach")
        done = node(HERE / "wasi.mjs", WASM, w.dir, "/outside", "--vkey", "/book/vkey")
        same(done.returncode, 1, "a link leads nowhere")
        done = node(HERE / "wasi.mjs", WASM, w.dir, w.url() + "/audit", "--vkey", "/book/vkey")
        same(done.returncode, 4, "no connection")
        need("reads folders only" in done.stderr, done.stderr)
        same({p: (p.stat().st_mtime_ns, p.stat().st_size) for p in before}, before, "untouched")


main([it_says_what_the_program_says, it_follows_another_key, it_refuses_what_the_program_refuses,
      each_touched_file_is_refused, it_reads_and_does_nothing_else])
