"""A commune in a storm: the real server under load from fleets of real phones, both of which die
again and again, and what must be true of the book each time."""
import collections
import os
import pathlib
import sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from lib import *

STORM = pathlib.Path(os.environ.get("BUILD", "build/release")).resolve() / "storm"
USERS = ("an", "binh", "chi")
MIB = 1 << 20

# Where a program is killed, and up to how many times it comes there in one short life.
STARTING = dict(file_made=3, file_written=1, before_rename=2, renamed=2, store_opened=1,
                listening=1)
SERVING = dict(accepted=12, received=40, unpacked=30, verified=60, begun=12, before_put=300,
               put=300, before_commit=12, before_pages=80, half_the_pages=80,
               before_sync=12, synced=12, before_root=12, rooted=12, committed=12, packed=20,
               before_send=20, first_byte=20, half_sent=20, sent=20)
STOPPING = dict(put_aside=2, closing=1)
PHONE = dict(connecting=10, received=20, unpacked=20, signed_now=20, begun=30, before_put=200,
             put=200, deleted=30, before_commit=30, before_pages=80, half_the_pages=80,
             before_sync=30, synced=30, before_root=30, rooted=30, committed=30, packed=20,
             before_send=20, first_byte=20, half_sent=20, sent=20)


def preload(fired, point=None, count=1, **more):
    """Environment of a program with killpoint.so in front of it."""
    before = filter(None, (ENV.get("LD_PRELOAD", ""), str(STORM / "killpoint.so")))
    env = dict(ENV, LD_PRELOAD=" ".join(before), STORM_FIRED=str(fired), **more)
    if point is not None:
        env["STORM_KILL"] = f"{point}:{count}"
    return env


def fired_at(path):
    """How often each place was the last one of a program."""
    return collections.Counter(path.read_text().split() if path.exists() else [])


def memory_of(pid, word="VmHWM"):
    """Bytes of memory that a process has (VmRSS) or had at most (VmHWM)."""
    with contextlib.suppress(OSError):
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(word + ":"):
                return int(line.split()[1]) * 1024
    return 0


class Journal:
    """What one phone of a fleet wrote about its work (fleet.c)."""

    def __init__(self, path):
        self.path, self.at, self.acked, self.checked = path, 0, 0, 0
        self.tried, self.saved, self.wrong, self.is_drained = {}, set(), [], False

    def read(self):
        if not self.path.exists():
            return
        with open(self.path, encoding="utf-8") as file:
            file.seek(self.at)
            text = file.read()
        whole = text[:text.rfind("\n") + 1]
        self.at += len(whole.encode())
        for line in whole.splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "T":
                n, record = rest.split()
                self.tried[int(n)] = record
            elif kind == "S":
                self.saved.add(int(rest))
            elif kind == "A":
                self.acked = int(rest)
            elif kind == "X":
                self.wrong.append(rest)
            self.is_drained = kind == "D"


class Storm(World):
    """A commune with fleets of phones. seed: of every choice; phones: in one fleet."""

    def __init__(self, seed, fleets=2, phones=3, data_on=None):
        super().__init__(users=USERS, serve=False)
        if data_on is not None:  # the book on a disk of its own
            shutil.copytree(self.data, data_on / "data", symlinks=True)
            self.data = data_on / "data"
        self.seed, self.random = seed, random.Random(seed)
        self.sea, self.per_fleet = self.dir / "sea", phones
        self.sea.mkdir()
        self.fleets = [None] * fleets
        self.journals = [Journal(self.sea / f"phone-{i}.journal")
                         for i in range(fleets * phones)]
        self.server_fired, self.fleet_fired = self.dir / "server.fired", self.dir / "fleet.fired"
        self.kills = collections.Counter()
        self.peak = 0
        self.start()
        self.epoch = self.ctl("stat", "--json").json()["epoch"]
        links = [self.ctl("enrol", USERS[i % 3]).last() for i in range(fleets * phones)]
        (self.sea / "links").write_text("\n".join(links) + "\n")
        self.watcher = self.phone("an")
        self.shared = self.watcher.new("visit", self.units[0], "visit_kind=giam_sat")
        self.watcher.sync()
        (self.sea / "shared").write_text(self.shared + "\n")

    # ---- programs ----

    def sail(self, number, point=None, count=1):
        """Starts a fleet, perhaps one that dies at a place."""
        env = preload(self.fleet_fired, point, count) if point else ENV
        first = str(number * self.per_fleet)
        self.fleets[number] = subprocess.Popen(
            [str(STORM / "storm-fleet"), str(self.sea), self.url(), first, str(self.per_fleet)],
            stderr=open(self.dir / "fleet.log", "ab"), env=env)

    def sail_all(self):
        for number in range(len(self.fleets)):
            self.sail(number)

    def sink(self, number):
        """Kills a fleet, if it is not dead yet; every fleet that died was killed."""
        fleet = self.fleets[number]
        fleet.kill()
        same(fleet.wait(20), -signal.SIGKILL, f"end of a fleet: {self.complaints()}")
        self.kills["phones"] += 1

    def serve(self, point=None, count=1, **more):
        """Starts the server without waiting for it, perhaps one that dies at a place."""
        self.start(env=preload(self.server_fired, point, count, **more), wait=False)

    def server_ends(self, wait_s):
        """Waits for the server to die at its place; kills it when it does not come there."""
        self.peak = max(self.peak, memory_of(self.process.pid))
        try:
            self.process.wait(wait_s)
        except subprocess.TimeoutExpired:
            self.peak = max(self.peak, memory_of(self.process.pid))
            self.process.kill()
        code = self.process.wait(20)
        self.process.stdout.close()
        self.process = None
        need(code in (0, -signal.SIGKILL), f"the server ended with {code}: {self.log()[-400:]}")
        self.kills["server"] += code != 0

    # ---- what must be true ----

    def complaints(self):
        for journal in self.journals:
            journal.read()
        return [f"{j.path.stem}: {what}" for j in self.journals for what in j.wrong]

    def texts(self, record):
        """Every item's text of a record, as often as the server has it; none of one it lost."""
        shown = self.ctl("show", record, "--json", codes=(0, 1))
        if shown.code == 1:
            need("no record" in shown.err, shown.err)
            return []
        items = shown.json()["groups"].get("findings", {})
        return [v["value"] for i in items.values() for v in i["text"]["values"]]

    def check_acked(self, phones_max=6):
        """What was acknowledged is on the disk of a dead server, before any phone comes back."""
        same(self.complaints(), [], f"complaints of phones (seed {self.seed})")
        behind = [i for i, j in enumerate(self.journals) if j.acked > j.checked]
        self.random.shuffle(behind)
        for i in behind[:phones_max]:
            j, have = self.journals[i], set()
            news = {n: r for n, r in j.tried.items() if j.checked < n <= j.acked and n in j.saved}
            for record in set(news.values()):
                have.update(self.texts(record))
            lost = [n for n in news if f"{i}-{n}" not in have]
            need(not lost, f"phone {i}: acknowledged and lost: {lost} (seed {self.seed})")
            j.checked = j.acked

    def drain(self, wait_s=120):
        """The fleets come home: everything that was saved is sent."""
        (self.sea / "stop").touch()
        for number, fleet in enumerate(self.fleets):
            if fleet is None or fleet.poll() is not None:
                self.sail(number)
        for number in range(len(self.fleets)):
            while self.fleets[number].wait(wait_s * SLOW) == -signal.SIGKILL:
                self.kills["phones"] += 1  # it came to its place on the way home
                self.sail(number)
            same(self.fleets[number].returncode, 0, "end of a fleet")
        same(self.complaints(), [], f"complaints of phones (seed {self.seed})")
        need(all(j.is_drained for j in self.journals), f"not all drained (seed {self.seed})")

    def all_once(self):
        """Every item saved is in the book once, none that nobody tried, and none is doubled."""
        records = {r for j in self.journals for r in j.tried.values()}
        have = collections.Counter(t for r in sorted(records) for t in self.texts(r))
        saved = {f"{i}-{n}" for i, j in enumerate(self.journals) for n in j.saved}
        tried = {f"{i}-{n}" for i, j in enumerate(self.journals) for n in j.tried}
        lost, twice = saved - set(have), [t for t, n in have.items() if n != 1]
        need(not lost, f"lost: {sorted(lost)[:9]} (seed {self.seed})")
        need(not twice, f"doubled: {twice[:9]} (seed {self.seed})")
        need(set(have) <= tried, f"from nowhere: {sorted(set(have) - tried)[:9]}")
        return len(saved)

    def each_dot_once(self, records):
        for record in records:
            dots = [c["dot"] for c in self.history(record)["changes"]]
            same(len(dots), len(set(dots)), f"each change of {record} once (seed {self.seed})")

    def whole(self, sample=8):
        """After the storm: nothing lost, nothing doubled, all alike, the book is what its log
        says, also when it is folded again."""
        records = sorted({r for j in self.journals for r in j.tried.values()})
        some = self.random.sample(records, min(sample, len(records))) + [self.shared]
        count = self.all_once()
        self.each_dot_once(some)
        phones = [self.at_home(i) for i in range(len(self.journals))] + [self.watcher]
        settle(*phones, rounds=1)
        for phone in phones:
            status = phone.status()
            same((status["ready"], status["held"]), (0, 0), f"{phone.store.name} waits with")
        for record in some:
            alike(self, phones, record)
        same(self.ctl("verify").code, 0, "verify")
        same(self.ctl("stat", "--json").json()["epoch"], self.epoch,
             f"the epoch: no death is a store that was put back (seed {self.seed})")
        self.stop()
        same(self.ctl("verify").code, 0, "verify of the stopped store")
        self.rebuilt()
        need(" 500 " not in self.log(), "the server answered 500: " + self.log()[-400:])
        return count

    def figures(self):
        stat = self.ctl("stat", "--json").json()
        return {k: stat[k] for k in ("records", "log_entries", "devices", "open_conflicts", "held")}

    def rebuilt(self):
        before = self.figures()
        self.ctl("rebuild")
        same(self.ctl("verify").code, 0, "verify after a rebuild")
        same(self.figures(), before, "the book after a rebuild")

    def at_home(self, number):
        """Phone `number` of the fleets, in the hands of the real program."""
        phone = object.__new__(Phone)
        phone.world, phone.login, phone.env = self, USERS[number % 3], None
        phone.store = self.sea / f"phone-{number}"
        return phone

    def book_bytes(self):
        return (self.data / "store" / "data.mdb").stat().st_size

    def saved(self):
        for journal in self.journals:
            journal.read()
        return sum(len(j.saved) for j in self.journals)

    def acked(self):
        for journal in self.journals:
            journal.read()
        return sum(j.acked for j in self.journals)

    def until(self, what, condition, wait_s=60):
        end = time.time() + wait_s * SLOW
        while not condition():
            need(time.time() < end, f"never: {what}; {self.complaints()} {self.log()[-300:]}")
            time.sleep(0.02)

    def until_acked(self, more, wait_s=60):
        """Goes on when the fleets had that many more changes acknowledged."""
        goal = self.acked() + more
        self.until(f"{more} more acknowledged", lambda: self.acked() >= goal, wait_s)

    def close(self):
        for fleet in filter(None, self.fleets):
            with contextlib.suppress(Exception):
                fleet.kill()
                fleet.wait(10)
        super().close()


@contextlib.contextmanager
def storm(seed, **how):
    w = Storm(seed, **how)
    try:
        yield w
    finally:
        w.close()
