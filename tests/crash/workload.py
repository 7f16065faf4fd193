#!/usr/bin/env python3
"""A few weeks of a small commune, played by the real programs under the recorder.

usage: workload.py LOG ROOT SIDE ROUNDS
environment: RECORDER=record.so, BIN as in tests/e2e
ROOT is the recorded folder; SIDE takes what the checks compare with: copies of exports, and
`targets`, a line `FOLDER KIND` for each folder whose cuts are replayed (KIND: a row of KINDS in
replay.c). Between the calls lines go into the log that say what a person was told (README.md)."""
import hashlib
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys
import threading
import time
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import lib
from lib import Phone, World, need, run, same

OPLOG_MAGIC, OP_WRITE, OP_MARK = 0x70617773, 4, 12
PIECE = 16 * 1024  # of a file of at most 2 MiB
TOKEN = re.compile(r"tok[0-9]+x")


class Recording(World):
    """A commune in a folder of our own choice, with marks in the log."""

    def __init__(self, log, root, side, rounds):
        self.dir, self.data, self.side, self.rounds = root, root / "data", side, rounds
        self.units, self.process, self.port = lib.UNITS, None, 0
        self.phones, self.proxies, self.tokens = 0, [], 0
        self.exports = self.published = 0
        self.log_fd = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.lock, self.random = threading.Lock(), random.Random(os.environ.get("SEED", "1"))
        (side / "targets").write_text("data server\n")

    def put(self, kind, inode, data):
        head = struct.pack("<IHHIiQQQII", OPLOG_MAGIC, kind, 0, os.getpid(), 0, 0, inode, 0, 0,
                           len(data))
        need(os.write(self.log_fd, head + data) == len(head + data), "the log is full")

    def mark(self, *words):
        self.put(OP_MARK, 0, " ".join(map(str, words)).encode())

    def killed(self, folder, file):
        """A program died with kill -9, perhaps between a write and its note: what the kernel has of
        its file now is noted as a write that no sync has followed."""
        path = self.dir / folder / file
        self.mark(folder, "killed")
        self.put(OP_WRITE, path.stat().st_ino, path.read_bytes())

    def target(self, folder, kind):
        with open(self.side / "targets", "a") as file:
            file.write(f"{folder} {kind}\n")

    def token(self):
        with self.lock:
            self.tokens += 1
            return f"tok{self.tokens}x"

    def log_entries(self):
        return self.ctl("stat", "--json").json()["log_entries"]

    def office(self, *words):
        """One verb of the office, and what is owed since: so many entries."""
        done = self.ctl(*words)
        self.mark("data", "log", self.log_entries())
        return done


class Notebook(Phone):
    """A phone that notes what it was told."""

    def __init__(self, world, login, pin=None):
        world.phones += 1
        self.name = f"phone-{world.phones}-{login}"
        self.pin = ()
        self.saved, self.records, self.known, self.kept = 0, [], set(), []
        world.target(self.name, "phone")
        link = world.ctl("enrol", login).last()
        world.mark(self.name, "link", link)
        self.world, self.login, self.store, self.env = world, login, world.dir / self.name, None
        if pin is not None:
            self.use_pin(pin)
        self.do("enrol", link)
        world.mark(self.name, "ready")

    def do(self, *words, **how):
        return super().do(*self.pin, *words, **how)

    def use_pin(self, pin):
        """From here on this one opens it."""
        path = self.world.side / f"pin-{pin}"
        path.write_text(pin)
        self.pin = ("--pin-file", path)
        self.world.mark(self.name, "pin", pin)

    def forget_pin(self, new):
        """Two people of the office open the key, and the person sets another PIN."""
        path = self.world.side / f"pin-{new}"
        path.write_text(new)
        line = run("sotay", "--store", self.store, "recover").last()
        answer = self.world.office("device", "recover", device_of(self.world, self.login), line,
                                   "--as", "admin", "--second", "head", "--reason", "quên").last()
        self.world.mark(self.name, "answer", answer)
        run("sotay", "--store", self.store, "--pin-file", path, "recover", answer)
        self.use_pin(new)

    def save(self, *words):
        done = self.do(*words)
        self.saved += 1
        self.world.mark(self.name, "saved", self.saved)
        return done.out.strip()

    def visit(self):
        record = self.save("new", "visit", self.world.units[self.saved % 3],
                           "visit_kind=giam_sat", "general_note=" + self.world.token())
        self.records.append(record)
        return record

    def item(self, record, more=""):
        token = self.world.token()
        self.save("item", record, "findings", "kind=khac", "text=" + token + more)
        self.world.mark(self.name, "shows", record, token)

    def keeps(self, record, item, data):
        """The whole file is here, and stays until it is let go."""
        self.kept.append(f"{record} {item}")
        self.world.mark(self.name, "keeps", record, item, hashlib.sha256(data).hexdigest())

    def file_state(self, record, item):
        rows = self.do("attachment", "list", record, "--json").json()["attachments"]
        return [row["state"] for row in rows if row["item"] == item][0]

    def meet_quietly(self):
        """A sync that ended well."""
        need(self.sync()["complete"], "the sync")
        self.world.mark(self.name, "synced")

    def follow(self, n):
        """A sync that ended well brought the n-th change of the log's key."""
        self.meet_quietly()
        same(self.status()["log_key_alarm"], None, "the phone follows")
        self.world.mark(self.name, "keys", n)

    def meet(self):
        """A sync, and what it showed afterwards."""
        self.sync()
        self.world.mark(self.name, "synced")
        for row in self.do("list", "--json").json()["records"]:
            self.known.add(row["id"])
            items = self.show(row["id"])["groups"].get("findings", {})
            for token in TOKEN.findall(str(items)):
                self.world.mark(self.name, "shows", row["id"], token)


def device_of(w, login):
    return next(d["device"] for d in w.ctl("device", "list", "--json").json()["devices"]
                if d["person"] == login)


def take_away(w, *words):
    """Words that take rights away stand beside the store, to be said again when it is put back."""
    w.ctl(*words)
    w.mark("data", "words", *words)
    w.mark("data", "log", w.log_entries())


def init(w):
    """The folder of the server, its people and their units."""
    w.ctl("init", "--commune", "01477")
    w.mark("data", "ready")
    for login in ("an", "binh", "chi"):
        w.office("user", "add", login, "--name", login.capitalize(), "--role", "officer")
        w.office("assign", login, *w.units)
    w.office("user", "add", "office", "--name", "Office", "--role", "office")


def enrol(w):
    """The server begins, three phones join."""
    w.start()
    w.notebooks = [Notebook(w, login) for login in ("an", "binh", "chi")]
    w.mark("data", "log", w.log_entries())


def together(phones, what):
    """All phones at the same time."""
    threads = [threading.Thread(target=what, args=(phone,)) for phone in phones]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def carry(w, n):
    """What one has not sent goes on a stick, and the office takes it in."""
    phone, path = w.notebooks[n % 3], w.dir / "stick" / f"goi-{n + 1}"
    if n == 0:
        path.parent.mkdir()
        w.target("stick", "stick")
    phone.item(phone.records[-1] if phone.records else phone.visit())
    phone.do("bundle", "export", path)
    (w.side / f"stick-{n + 1}").write_bytes(path.read_bytes())
    w.mark("stick", "whole", n + 1)
    w.office("bundle", "import", path)


def field_work(w, n):
    """Everybody writes, also on the records of others; all send at once."""
    first = w.notebooks[0].records[0] if w.notebooks[0].records else None
    for phone in w.notebooks:
        record = phone.visit() if n % 2 == 0 else phone.records[-1]
        phone.item(record)
        phone.save("set", record, "place=" + w.token())
        if first in phone.known:  # all send at once: it may not have come yet
            phone.save("set", first, "general_note=" + w.token())
            phone.item(first)
    if n % 3 == 1:
        w.notebooks[1].save("withdraw", w.notebooks[1].records[0], "--reason", "nhầm")
        w.notebooks[1].save("reopen", w.notebooks[1].records[0], "--reason", "vẫn còn")
    draft, token = w.notebooks[2], w.token()
    if n % 2 == 0:
        draft.do("draft", "put", draft.records[-1], "general_note=" + token)
        w.mark(draft.name, "draft", draft.records[-1], token)
    else:
        draft.do("draft", "put", draft.records[-1], f"copies={n}")
    together(w.notebooks, Notebook.meet)
    draft.saved += 1  # the sync made a change of it
    w.mark(draft.name, "saved", draft.saved)
    w.mark("data", "log", w.log_entries())


def photos(w, n):
    """One attaches a file and sends it, another fetches it; now and then he makes room again."""
    phone, other = w.notebooks[n % 3], w.notebooks[(n + 1) % 3]
    record, path = phone.records[-1], w.side / f"tep-{n}.pdf"
    data = b"%PDF-1.7\n" + w.random.randbytes(20000 + n)
    path.write_bytes(data)
    item = phone.save("attach", record, path)
    phone.keeps(record, item, data)
    phone.meet()
    same(phone.file_state(record, item), "here", "the file that was sent")
    for at in range(0, len(data), PIECE):
        w.mark("data", "has", hashlib.sha256(data[at:at + PIECE]).hexdigest())
    other.meet()
    other.do("attachment", "fetch", record, item)
    w.mark(other.name, "synced")
    other.keeps(record, item, data)
    if n % 2 == 1:
        for name in other.kept:
            w.mark(other.name, "lets", name)
        other.kept = []
        other.do("attachment", "clear")
        w.ctl("attachment", "collect")


def leave(w, n):
    """Somebody who came for a few days leaves."""
    w.office("user", "add", f"tam{n}", "--name", "Tam", "--role", "officer")
    take_away(w, "user", "disable", f"tam{n}")


def settle(w, n):
    """The office settles what differs, and hands a list on."""
    for conflict in w.ctl("conflicts", "--json").json()["conflicts"][:2]:
        w.office("resolve", conflict["id"], conflict["path"], "--keep",
                 conflict["values"][0]["dot"], "--as", "office", "--reason", f"lần {n}")
    export(w)
    publish(w)


def publish(w):
    """The log for others to check, into the same folder each time."""
    folder = w.dir / "published"
    if w.published == 0:
        w.target("published", "published")
    w.ctl("audit", "export", folder)
    w.published += 1
    shutil.copytree(folder, w.side / f"published-{w.published}")
    w.mark("published", "whole", w.published)


def export(w):
    """A file for others, written over the one before."""
    path = w.dir / "export" / "visits.csv"
    if w.exports == 0:
        path.parent.mkdir()
        w.target("export", "export")
    w.ctl("export", "csv", "-o", path)
    w.exports += 1
    (w.side / f"export-{w.exports}").write_bytes(path.read_bytes())
    w.mark("export", "whole", w.exports)


def back_up(w, n):
    """A copy of the book while it works, into the same folder each time, and what it has."""
    if n == 0:
        w.target("backup", "backup")
    told = w.ctl("backup", w.dir / "backup").out
    w.mark("backup", "log", re.search(r"(\d+) log entries", told).group(1))
    if n % 2 == 1:
        w.ctl("backup", "--check", w.dir / "backup")
    w.mark("data", "log", w.log_entries())


def bad_days(w, n):
    """Server and phone die and come back; or the server is stopped, and the book built again."""
    first, second = w.notebooks[0], w.notebooks[1]
    second.item(second.records[-1], " nói dài" * 240)  # over a page
    if n % 3 == 2:
        first.item(first.records[-1])
        syncing = threading.Thread(target=first.sync, kwargs={"codes": None})
        syncing.start()
        time.sleep(w.random.uniform(0, 0.03))
        w.stop(lib.signal.SIGKILL)
        syncing.join()
        w.killed("data", "store/data.mdb")
        w.start()
    if n % 3 != 2:
        args = [str(lib.BIN / "sotay"), "--store", str(second.store), "sync"]
        syncing = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env=lib.ENV)
        time.sleep(w.random.uniform(0, 0.03))
        syncing.kill()
        syncing.wait()
        w.killed(second.name, "data.mdb")
    if n % 4 == 3:
        w.stop()
        w.ctl("rebuild")
        w.ctl("compact")
        same(w.ctl("verify").code, 0, "verify")
        w.mark("data", "log", w.log_entries())
        w.start()


def ends(w, n):
    """Records are finished and put right."""
    if n % 2 == 0 or n < 2:
        return
    phone = w.notebooks[n // 2 % 3]
    record = phone.records[0]
    phone.save("set", record, "visit_date=2026-03-12", "place=" + w.token())
    if phone.do("finalise", record, codes=(0, 1)).code == 0:
        phone.saved += 1
        w.mark(phone.name, "saved", phone.saved)
        phone.save("amend", record, "place=" + w.token(), "--reason", "đính chính")


def change_key(w):
    """The log gets another key: one asks and another confirms while the server works; then two do
    it at a machine that dies when the key counts and is not in place. The next start ends it."""
    w.office("user", "add", "head", "--name", "Head", "--role", "office_head")
    w.office("user", "add", "admin", "--name", "Admin", "--role", "admin")
    w.ctl("log-key", "new", "--as", "admin", "--reason", "mất đĩa")
    asked = w.ctl("request", "list", "--json").json()["requests"][0]["n"]
    w.office("request", "confirm", asked, "--as", "head")
    w.mark("data", "keys", 1)
    w.notebooks[0].follow(1)
    w.stop()
    w.ctl("log-key", "new", "--as", "admin", "--second", "head", "--reason", "lần nữa",
          codes=(-lib.signal.SIGKILL,), env=dict(lib.ENV, CRASH_DIES="/keys/log.key"))
    need((w.data / "keys" / "log.key.new").exists(), "it did not die where it should")
    w.start()
    w.mark("data", "keys", 2)
    w.mark("data", "log", w.log_entries())
    for phone in w.notebooks:
        phone.item(phone.records[-1])
        phone.follow(2)
    publish(w)
    back_up(w, 1)


def lose_a_unit(w):
    """Somebody's unit is taken away. What he has of it and no backup covers, his own sets and those
    of others, stays with him sealed; an erasure makes him fetch one of them anew."""
    unit, other = w.units[2], w.notebooks[0]
    w.office("user", "add", "dung", "--name", "Dung", "--role", "officer")
    w.office("assign", "dung", w.units[0], unit)
    phone = Notebook(w, "dung")

    def visit(who, *more):
        token = w.token()
        return token, who.save("new", "visit", unit, "visit_kind=giam_sat", "place=" + token, *more)

    kept = phone.save("new", "visit", w.units[0], "visit_kind=giam_sat")
    phone.item(kept)
    theirs, record = visit(other, "general_note=" + w.token())
    other.meet()
    phone.meet_quietly()
    own, mine = visit(phone)
    w.mark(phone.name, "bears", theirs)  # durable since he saved something himself
    phone.meet_quietly()
    w.mark(phone.name, "bears", own)
    w.office("unassign", "dung", unit)
    late = w.token()
    phone.save("set", mine, "general_note=" + late)  # he has not heard of it
    phone.meet_quietly()
    w.mark(phone.name, "bears", late)
    phone.do("show", mine, codes=(1,))
    w.office("erase", record, "general_note", "--as", "admin", "--second", "head",
             "--basis", "đơn")
    phone.meet_quietly()
    phone.item(kept)  # and goes on with what he reads
    phone.meet_quietly()


def collect(w):
    """A piece that nothing names is found, and removed when its days are over."""
    data = b"nobody names this"
    name = hashlib.sha256(data).hexdigest()
    path = w.data / "chunks" / name[:2] / name[2:]
    leave = ("import os, sys; p, d = sys.argv[1:]; os.path.isdir(os.path.dirname(p)) or "
             "os.mkdir(os.path.dirname(p)); f = os.open(p, os.O_WRONLY | os.O_CREAT, 0o600); "
             "os.write(f, d.encode()); os.fsync(f)")
    subprocess.run([sys.executable, "-c", leave, str(path), data.decode()], env=lib.ENV, check=True)
    w.ctl("attachment", "collect")
    w.mark("data", "stray", name)
    w.stop()
    gone = w.ctl("attachment", "collect", "--json", env=lib.another_clock("+91d")).json()
    same((gone["due"], gone["removed"], path.exists()), (1, True, False), "it went")
    w.mark("data", "gone", name)
    w.start()
    w.notebooks[1].meet_quietly()  # the first one leans on a set that was erased: it never left so


def forget_a_pin(w):
    """A phone that asks for a PIN, which is forgotten; then it is lost, and revoked."""
    w.office("user", "add", "em", "--name", "Em", "--role", "officer")
    w.office("assign", "em", *w.units)
    phone = Notebook(w, "em", "123456")
    phone.item(phone.visit())
    phone.meet()
    phone.item(phone.records[0])  # not sent yet
    phone.forget_pin("654321")
    phone.item(phone.records[0])
    phone.meet()
    take_away(w, "device", "revoke", device_of(w, "em"))


def restore(w):
    """The book is made anew from the last backup; what took rights away since is said again by the
    folder of before, in the new epoch, and the office goes on."""
    take_away(w, "user", "disable", "chi")
    need(w.stop() == 0, "the server did not end in order")
    w.target("restored", "restored")
    for login in (*(f"tam{n}" for n in range(w.rounds)), "chi"):
        w.mark("restored", "words", "user disable " + login)
    made = ("sotayctl", "--data", w.dir / "restored")
    told = run(*made, "restore", w.dir / "backup", "--side", w.data).out
    need("user disable chi" in told, "the words are said again")
    w.mark("restored", "ready")
    for path in (w.dir / "backup" / "chunks").glob("??/*"):  # all that it holds: of files, too
        w.mark("restored", "has", path.parent.name + path.name)
    for login in ("moi", "nua"):
        run(*made, "user", "add", login, "--name", "Moi", "--role", "officer")
        w.mark("restored", "log", run(*made, "stat", "--json").json()["log_entries"])
    run(*made, "user", "disable", "moi")
    w.mark("restored", "words", "user disable moi")
    same(run(*made, "verify").code, 0, "verify of the restored book")


# What is recorded, in order. A new kind of file (photographs, a backup) is a function here, a line
# of `target` in it, and a row of KINDS in replay.c.
ONCE = (init, enrol)
EACH_ROUND = (carry, leave, field_work, photos, settle, back_up, ends, bad_days)
LAST = (change_key, lose_a_unit, collect, forget_a_pin, restore)


def main():
    log, root, side, rounds = sys.argv[1:]
    lib.ENV.update(LD_PRELOAD=os.environ["RECORDER"], CRASH_ROOT=root, CRASH_LOG=log)
    w = Recording(log, pathlib.Path(root), pathlib.Path(side), int(rounds))
    try:
        for step in ONCE:
            step(w)
        for n in range(w.rounds):
            for step in EACH_ROUND:
                step(w, n)
        for step in LAST:
            step(w)
        same(run("sotayctl", "--data", w.data, "verify").code, 0, "verify")
    finally:
        if w.process is not None:
            w.process.kill()
    return 0


sys.exit(main())
