"""Drives the real programs on loopback, for the end-to-end tests.

Each test is a folder NN-name with an executable `run`. It prints `ok NAME` or `not ok NAME: why`
for each case and exits 1 when one failed; `skip NAME: why` for one that this machine cannot run.
BIN names the folder of the programs."""
import atexit
import concurrent.futures
import contextlib
import ctypes
import datetime
import errno
import functools
import json
import os
import pathlib
import random
import re
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "proxy"))
from proxy import FaultProxy  # the poor line of tools/proxy

BIN = pathlib.Path(os.environ.get("BIN", "build/release/bin")).resolve()
ENV = dict(os.environ, TZ="Asia/Ho_Chi_Minh", LC_ALL="C.UTF-8")
ROOT = pathlib.Path(__file__).resolve().parents[2]
SLOW = float(os.environ.get("TEST_SLOW", "1"))  # sanitizers: more patience
UNITS = ("01477-x013", "01477-x014", "01477-x015")


class Failure(Exception):
    """What a test found wrong."""


class Skip(Exception):
    """Why this machine cannot run a case, which has neither passed nor failed."""


def need(condition, why):
    if not condition:
        raise Failure(why)


def same(got, want, what):
    need(got == want, f"{what}: got {got!r}, want {want!r}")


def preloaded(folder, source, **also):
    """Environment for programs that load before all else what this C source says."""
    library = pathlib.Path(folder) / f"preload-{zlib.crc32(source.encode())}.so"
    if not library.exists():
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-w", "-x", "c", "-", "-o", str(library)],
                       input=source, text=True, check=True, timeout=60)
    preload = " ".join(filter(None, (ENV.get("LD_PRELOAD", ""), str(library))))
    options = ":".join(filter(None, (ENV.get("ASAN_OPTIONS", ""), "verify_asan_link_order=0")))
    return dict(ENV, LD_PRELOAD=preload, ASAN_OPTIONS=options, **also)


class Hand:
    """A wall clock to start programs with, as env: so far beside the true one ("-3h", "+5d",
    "+2y"), or "@1970-01-02" at first; hand("+0h") sets it while they run. What counts since the
    machine was started goes on."""
    SECONDS = {"h": 3600, "d": 86400, "y": 365 * 86400}

    def __init__(self, folder, shift):
        self.file = pathlib.Path(folder) / f"clock{shift}"
        self(shift)
        source = (ROOT / "tests" / "e2e" / "clock.c").read_text()
        self.env = preloaded(folder, source, CLOCK_HAND=str(self.file))

    def __call__(self, shift):
        if shift[0] == "@":
            there = datetime.datetime.fromisoformat(shift[1:] + "T00:00:00+00:00")
            seconds = int(there.timestamp() - time.time())
        else:
            seconds = int(shift[:-1]) * self.SECONDS[shift[-1]]
        file = os.open(self.file, os.O_WRONLY | os.O_CREAT, 0o644)
        os.pwrite(file, seconds.to_bytes(8, sys.byteorder, signed=True), 0)
        os.close(file)


@functools.lru_cache(None)
def clocks():
    """A folder for the clocks that nobody turns."""
    folder = tempfile.TemporaryDirectory(prefix="sotay-clocks-")
    atexit.register(folder.cleanup)
    return folder.name


def another_clock(shift):
    """Environment for a program with a clock that nobody turns; `shift` as for Hand."""
    return Hand(clocks(), shift).env


class Done:
    """A program that ended."""

    def __init__(self, process):
        self.code = process.returncode
        self.out, self.err = process.stdout, process.stderr

    def json(self):
        return json.loads(self.out)

    def last(self):
        return self.out.strip().splitlines()[-1]


def run(program, *words, codes=(0,), env=None, timeout=60):
    ours = BIN / program
    args = [str(ours) if ours.exists() else program, *map(str, words)]
    done = subprocess.run(args, capture_output=True, text=True, env=env or ENV,
                          timeout=timeout * SLOW, stdin=subprocess.DEVNULL)
    if codes is not None and done.returncode not in codes:
        raise Failure(f"{program} {' '.join(map(str, words))[:200]} -> {done.returncode}: "
                      f"{(done.stderr or done.stdout).strip()[-300:]}")
    return Done(done)


class World:
    """One commune: a data folder, perhaps a running server, phones. Cleans up after itself."""

    def __init__(self, users=("an", "binh", "chi"), units=UNITS, serve=True, init=()):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="sotay-e2e-"))
        self.data, self.units, self.process, self.port = self.dir / "data", units, None, 0
        self.phones, self.proxies = 0, []
        self.ctl("init", "--commune", "01477", *init)
        for login in users:
            self.ctl("user", "add", login, "--name", login.capitalize(), "--role", "officer")
            self.ctl("assign", login, *units)
        self.ctl("user", "add", "office", "--name", "Office", "--role", "office")
        if serve:
            self.start()

    def ctl(self, *words, **how):
        return run("sotayctl", "--data", self.data, *words, **how)

    def configure(self, *lines):
        """What sotayd reads from the next start on."""
        (self.dir / "sotayd.conf").write_text("".join(line + "\n" for line in lines))

    def reconfigure(self, *lines):
        """The same for the one that runs: from now on."""
        def times():
            return self.log().count("configuration read again")
        before = times()
        self.configure(*lines)
        self.process.send_signal(signal.SIGHUP)
        for _ in range(600):
            if times() > before:
                return
            time.sleep(0.1)
        need(False, "sotayd reads its configuration again")

    def start(self, env=None, wait=True):
        command = [str(BIN / "sotayd"), "--data", str(self.data), "--listen",
                   f"127.0.0.1:{self.port}"]
        if (self.dir / "sotayd.conf").exists():
            command += ["--config", str(self.dir / "sotayd.conf")]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE,
            stderr=open(self.dir / "server.log", "ab"), text=True, env=env or ENV)
        if not wait:
            return
        line = self.process.stdout.readline()
        need(line.startswith("ready "), "sotayd did not say ready: " + self.log()[-500:])
        self.port = int(line.strip().rsplit(":", 1)[1])

    def log(self):
        return (self.dir / "server.log").read_text(errors="replace")

    def stop(self, sig=signal.SIGTERM):
        if self.process is None:
            return 0
        self.process.send_signal(sig)
        code = self.process.wait(20 * SLOW)
        self.process.stdout.close()
        self.process = None
        return code

    def ended(self):
        """Has the server ended by itself? Waits for it a little."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(15 * SLOW)
        if self.process.poll() is None:
            return False
        self.process.stdout.close()
        self.process = None
        return True

    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def phone(self, login, env=None):
        self.phones += 1
        return Phone(self, login, self.dir / f"phone-{self.phones}-{login}", env)

    def proxy(self, rules="", seed=1, cut=None):
        """A poor line to the server (tools/proxy/README.md). cut(n): bytes of connection n."""
        proxy = FaultProxy(lambda: ("127.0.0.1", self.port), rules, seed, cut=cut)
        self.proxies.append(proxy)
        return proxy

    def show(self, record):
        return self.ctl("show", record, "--json").json()

    def history(self, record):
        return self.ctl("history", record, "--json").json()

    def close(self):
        with contextlib.suppress(Exception):
            self.stop(signal.SIGKILL)
        for proxy in self.proxies:
            proxy.close()
        shutil.rmtree(self.dir, ignore_errors=True)


class Phone:
    def __init__(self, world, login, store, env=None):
        self.world, self.login, self.store, self.env = world, login, store, env
        self.do("enrol", world.ctl("enrol", login).last())

    def do(self, *words, **how):
        return run("sotay", "--store", self.store, *words, env=how.pop("env", self.env), **how)

    def new(self, form, unit, *pairs):
        return self.do("new", form, unit, *pairs).out.strip()

    def set(self, record, *pairs, **how):
        return self.do("set", record, *pairs, **how)

    def show(self, record):
        return self.do("show", record, "--json").json()

    def status(self):
        return self.do("status", "--json").json()

    def sync(self, codes=(0, 3), **how):
        words = ("--server", how.pop("url")) if "url" in how else ()
        done = self.do("sync", "--json", *words, codes=codes, **how)
        return done.json() if done.out.strip() else {}


def field(document, path):
    """The field of a `show` document by path."""
    parts = path.split(".")
    if len(parts) == 1:
        return document["fields"].get(parts[0])
    return document["groups"].get(parts[0], {}).get(parts[1], {}).get(parts[2])


def values(document, path):
    """The set of distinct values of a path."""
    found = field(document, path)
    return set() if found is None else {v["value"] for v in found["values"]}


def dot_of(document, path, value):
    return next(v["dot"] for v in field(document, path)["values"] if v["value"] == value)


def settle(*phones, rounds=2):
    """Every phone syncs, as often as it takes for all to hear of all."""
    for _ in range(rounds):
        for phone in phones:
            phone.sync()


OWN_CLOCK = ("corrected_at", "corrected_within_ms", "rebooted")


def without(node, names):
    """A document without what these names say, wherever they stand."""
    if isinstance(node, dict):
        return {k: without(v, names) for k, v in node.items() if k not in names}
    return [without(x, names) for x in node] if isinstance(node, list) else node


def alike(world, phones, record):
    """Server and phones show the same values, dots and conflicts. Left out is what only one side
    knows: what is held and what its clock tells of the time of a change, with the flags of both,
    and how many files are at the office. When and where an entry came into the log is left to
    tests/sim, which compares all of a document but what SERVERS_OWN in its rest.c names."""
    def essence(document):
        told = without(document, ("received_at", "log_index", "flags", "held", *OWN_CLOCK))
        return {k: v for k, v in told.items()
                if not (k.startswith("attachments") and isinstance(v, int))}
    want = essence(world.show(record))
    for phone in phones:
        same(essence(phone.show(record)), want, f"{phone.login} against the server")


MS_RDONLY, MS_REMOUNT, MNT_DETACH = 1, 32, 2
# What a machine answers that lets nobody mount anything, a container above all. Anything else is a
# mistake of ours, or of the machine, and no reason to leave a case out.
NO_MOUNTS = (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ENODEV)


def mount(folder, options="", flags=0):
    """A tmpfs on the folder, or other flags for the one there (MS_REMOUNT)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", ctypes.c_ulong(flags),
                  options.encode()) != 0:
        raise OSError(ctypes.get_errno(), f"mount {options}: {os.strerror(ctypes.get_errno())}")


@contextlib.contextmanager
def small_disk(mib, w=None):
    """A disk of its own, of so many MiB. w: whose server is killed before the disk goes."""
    if os.geteuid() != 0:
        raise Skip("needs root for a small disk")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sotay-disk-"))
    try:
        mount(folder, f"size={mib}m")
    except OSError as bad:
        folder.rmdir()
        raise Skip(f"this machine mounts nothing: {bad}") if bad.errno in NO_MOUNTS else bad
    try:
        yield folder
    finally:
        if w is not None:
            w.stop(signal.SIGKILL)
        ctypes.CDLL(None).umount2(os.fsencode(folder), MNT_DETACH)
        folder.rmdir()


def is_passed(case):
    """Runs one case, and says what became of it."""
    name, started, why = case.__name__, time.time(), None
    try:
        case()
    except Skip as cannot:
        print(f"skip {name}: {cannot}\n", end="", flush=True)
        return True
    except Failure as bad:
        why = str(bad)
    except Exception as bad:  # what cannot run has failed
        where = traceback.extract_tb(bad.__traceback__)[-1]
        why = f"{type(bad).__name__}: {bad} ({where.name}:{where.lineno})"
    line = f"ok {name} ({time.time() - started:.1f} s)" if why is None else f"not ok {name}: {why}"
    print(line + "\n", end="", flush=True)  # in one piece, whoever else is speaking
    return why is None


def main(cases, beside=1):
    """Runs the cases (functions), each one's failure by itself: in turn, or so many beside each
    other, where most of the time goes by waiting for programs to start and to end."""
    only = sys.argv[1:]
    wanted = [case for case in cases if not only or case.__name__ in only]
    if beside == 1:
        passed = [is_passed(case) for case in wanted]
    else:
        with concurrent.futures.ThreadPoolExecutor(beside) as pool:
            passed = list(pool.map(is_passed, wanted))
    sys.exit(0 if all(passed) else 1)


@contextlib.contextmanager
def commune(**how):
    world = World(**how)
    try:
        yield world
    finally:
        world.close()


def drill(name):
    """The commands that docs/operations.md gives for a drill, one for each line."""
    page = (ROOT / "docs/operations.md").read_text()
    block = re.search(r"<!-- drill: %s -->\n```sh\n(.*?)```" % name, page, re.S)
    need(block, f"docs/operations.md has no drill {name}")
    return block.group(1).strip().split("\n")


def step(line, known, **how):
    """Runs one line of a drill; words in capitals stand for what is known."""
    program, *words = line.split()
    return run(program, *[known.get(word, word) for word in words], **how)


def page_steps(w, page, section, words, programs, env):
    """Runs the commands of a section of a page as they stand there, in w.dir/desk: those of the
    given programs; `words` are what a reader fills in. Every answer that a reader waits for must be
    there. Returns the commands."""
    text = (ROOT / "docs" / page).read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
    lines = re.findall(r"^ {7}(\S.*)$", text, re.M)
    ran = []
    for line in lines:
        for old, new in words:
            line = line.replace(old, new)
        args = shlex.split(line)
        if args[0] not in programs:
            continue
        ours = BIN / args[0]
        done = subprocess.run([str(ours) if ours.exists() else args[0], *args[1:]],
                              cwd=w.dir / "desk", env=env, capture_output=True, text=True,
                              timeout=300 * SLOW, stdin=subprocess.DEVNULL)
        same(done.returncode, 0, f"{line}: {done.stderr.strip()[-300:]}")
        need(args[0] in ("sotayctl", "go") or done.stdout.startswith(("OK ", "Entry ")),
             f"{line}: {done.stdout}")
        ran.append(args[0])
    return ran


def add_heads(w):
    """Two people who may confirm each other's acts."""
    w.ctl("user", "add", "head", "--name", "Head", "--role", "office_head")
    w.ctl("user", "add", "admin", "--name", "Admin", "--role", "admin")


def change_log_key(w):
    """Two people give the log another key."""
    add_heads(w)
    w.ctl("log-key", "new", "--as", "admin", "--second", "head", "--reason", "mất đĩa")


def audit_steps(programs, env):
    """A reviewer who follows docs/audit.md, with what he got before in his hand."""
    with commune() as w:
        an, desk = w.phone("an"), w.dir / "desk"
        desk.mkdir()
        record = an.new("visit", w.units[0], "place=trước")
        settle(an)
        w.ctl("audit", "export", str(desk / "before"))
        said = run("sotay-verify", desk / "before", "--vkey", desk / "before" / "vkey").out
        code = said.split("check code: ")[1].splitlines()[0]
        an.set(record, "place=sau")
        settle(an)
        words = [("DATA", str(w.data)), (" ID ", f" {record} "), ("PHONE", str(an.store)),
                 ("1234 5678 9012 3456", code), ("tests/audit/", f"{ROOT}/tests/audit/")]
        return page_steps(w, "audit.md", "Step by step", words, programs, env)


def seeded(default):
    """A generator by SEED; what it was is printed when a test fails."""
    seed = int(os.environ.get("SEED", default))
    return seed, random.Random(seed)
