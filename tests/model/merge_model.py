#!/usr/bin/env python3
"""The merge of docs/protocol.md 3 as a small executable model, and a random check of it.

    merge_model.py [SEEDS]           prints what was tried, exits 1 at the first difference
    merge_model.py --trace SEEDS     plays the same and prints every step with what must be seen
                                     after it, for tests/unit/proto/test_merge_model.c

Two implementations run side by side on every replica:
  Naive   keeps every operation ever folded in; a path holds those that no other operation
          replaces. This *is* the definition.
  Lean    what a real store can afford: the live values, a vector of what is included, the
          replaced dots that have not arrived yet. It must show the same as Naive whatever the
          order, the gaps, the carrier, the snapshot or the verdict.
A dot is (device, counter). Counters rise without holes per device, but a bucket sees only some of
them. One bucket is modelled, and one operation a change: docs/merge.md says what several mean."""
import random
import sys
from collections import defaultdict
from dataclasses import dataclass, field

# Paths of a record and their merge class. `i` is an item of a listed group with two values;
# `i.drop` drops it ("1") or keeps it (None). `tag.x` is one element of a set: there ("1") or
# removed (None). `state` holds the acts on the whole record.
CLASS = {"note": "plain", "tag.x": "set", "rating": "decisive",
         "i.name": "decisive", "i.text": "plain"}
PATHS = ("note", "tag.x", "rating", "i.drop", "i.name", "i.text")  # the order of proto/id.h
RECORDS, VALUES, ACTS = ("r", "s"), ("1", "2", "3", None), ("finalise", "withdraw", "open")


@dataclass(eq=False)
class Op:
    """One signed operation. A change-set is a run of them, of one device in one bucket, over
    several records; it signs `here`, the last counter of the device's previous change in this
    bucket: the `prev` of its first operation. Inside a set prev is the one before."""
    dot: tuple
    prev: int
    rec: str
    path: str
    value: object  # None = cleared: a value like any other
    replaces: frozenset = frozenset()  # the dots of this path that it replaces
    under: dict = field(default_factory=dict)  # dot -> kind of the acts in force at its author
    amend: bool = False  # meant as an amendment of something finalised
    ctx: dict = None  # of an act or a drop: device -> (up to, single dots beyond, holes)
    hlc: int = 0  # chooses what is shown first, and nothing else
    saw: set = None  # the check's own notes, not sent: all dots of the record that its author
    showed: dict = None  # had folded in, and the operations of the path that were shown to him


def frozen(op):
    """Made after a finalise and no amendment: held. It is seen in the operation alone, so the
    order of arrival does not matter."""
    return op.path != "state" and not op.amend and "finalise" in op.under.values()


def in_saw(act, dot):
    """Had the author of the act folded the dot in? By the definition,"""
    return dot in act.saw


def in_ctx(act, dot):
    """and by what the act carries. A hole may lie beyond a gap as well: a single dot that is not
    folded in."""
    up, single, holes = act.ctx.get(dot[0], (0, (), ()))
    return dot not in holes and (dot in single or dot[1] <= up)


def late(op, act, saw):
    """Concurrent: neither before the act (its context includes it) nor after it (made under it).
    A later act that had seen this one needs no clause: its context includes this one, so this one
    is no longer in force wherever the later one is known."""
    return not saw(act, op.dot) and act.dot not in op.under


def top(ops):
    """The dot of the operation that is shown first."""
    return max(ops.values(), key=lambda o: (o.hlc, o.dot)).dot


def show_record(paths, saw):
    acts = paths.pop("state", [])
    acts = [a for a in acts if not any(saw(b, a.dot) for b in acts)]  # an act ends what it saw
    since = {a.value for a in acts for ops in paths.values() for o in ops if late(o, a, saw)}
    drops = paths.pop("i.drop", [])
    inside = [o.dot for p in ("i.name", "i.text") for o in paths.get(p, [])]
    done = [d for d in drops if d.value and all(saw(d, x) for x in inside)]
    item = ("there" if not any(d.value for d in drops) else
            "dropped" if done and all(d.value for d in drops) else "contested")
    shown = {p: {v: {o.dot for o in ops if o.value == v} for v in {o.value for o in ops}}
             for p, ops in paths.items()}
    # equal values count once, a clear counts
    bad = {p for p, v in shown.items() if CLASS[p] == "decisive" and len(v) > 1}
    open_state = len({a.value for a in acts}) > 1 or "withdraw" in since
    bad |= {p for p, yes in (("i", item == "contested"), ("state", open_state)) if yes}
    return {"acts": {a.dot: a.value for a in acts}, "values": shown, "item": item,
            "conflicts": bad, "changed_since": "finalise" in since}


def show(live, saw):
    """What people see, from the operations that nothing replaces: per record its acts in force,
    its values, its conflicts."""
    recs = defaultdict(lambda: defaultdict(list))
    for o in live:
        recs[o.rec][o.path].append(o)
    return {rec: show_record(paths, saw) for rec, paths in recs.items()}


class Naive:
    def __init__(self):
        self.ops, self.declined = {}, {}

    def fold(self, kind, op):
        if kind != "hold":
            (self.declined if kind == "decline" else self.ops)[op.dot] = op

    def has(self, dot):
        return dot in self.ops or dot in self.declined

    def over(self, overlay):
        v = Naive()
        more = {o.dot: o for o in overlay if not self.has(o.dot) and not frozen(o)}
        v.ops, v.declined = {**more, **self.ops}, self.declined
        return v

    def live(self):
        covered = {(o.rec, o.path, d) for o in self.ops.values() for d in o.replaces}
        return [o for o in self.ops.values() if (o.rec, o.path, o.dot) not in covered]

    def view(self):
        return show(self.live(), in_saw)


class Lean:
    """upto: device -> counter: everything of the device in this bucket up to it is known, but for
    the holes (changes that are held back). extra: single dots beyond a gap. waiting: dots that
    were replaced before they arrived. wrote: which devices wrote in a record. Acts are never
    replaced, all acts of a record are kept: they are few, and one that comes late must be seen to
    be ended already."""

    def __init__(self):
        self.live, self.waiting, self.wrote = defaultdict(dict), defaultdict(set), defaultdict(set)
        self.upto, self.extra, self.holes = {}, {}, {}

    def copy(self):  # a snapshot is all of it
        c = Lean()
        for name, mine in vars(self).items():
            getattr(c, name).update({k: v.copy() if isinstance(v, (dict, set)) else v
                                     for k, v in mine.items()})
        return c

    def has(self, dot):  # folded in, or with no effect
        return dot not in self.holes and (dot in self.extra or dot[1] <= self.upto.get(dot[0], 0))

    def include(self, op):
        """Advance along `prev` only; what lies beyond a gap stays single until it closes."""
        dev = op.dot[0]
        if op.dot[1] > self.upto.get(dev, 0):
            self.extra[op.dot] = (op.prev, op.rec)
        while step := [d for d, (prev, _) in self.extra.items()
                       if d[0] == dev and prev == self.upto.get(dev, 0)]:
            self.upto[dev] = step[0][1]
            del self.extra[step[0]]

    def fold(self, kind, op):
        if self.has(op.dot):
            return  # a repeat, from whatever carrier
        self.include(op)
        if kind == "hold":
            self.holes[op.dot] = op.rec
            return
        live, waiting = self.live[op.rec, op.path], self.waiting[op.rec, op.path]
        self.holes.pop(op.dot, None)
        self.wrote[op.rec].add(op.dot[0])
        if kind != "decline":  # a declined one counts as included, with no effect
            waiting |= {d for d in op.replaces if live.pop(d, None) is None and not self.has(d)}
            if op.dot not in waiting:  # else it was replaced before it came
                live[op.dot] = op
        waiting.discard(op.dot)

    def over(self, overlay, all_=False):
        """The client's state: the base (what the log says at the cursor), and over it what is
        unsent, held or carried. Computed for reading, never stored: snapshot, sum and repair
        touch the base only, and a decline has nothing to take out of it."""
        v = self.copy()
        for o in (o for o in overlay if all_ or not frozen(o)):
            v.fold("op", o)
        return v

    def view(self):
        return show([o for ops in self.live.values() for o in ops.values()], in_ctx)

    def sum(self):
        return frozenset((*key, o.dot, o.value)
                         for key, ops in self.live.items() for o in ops.values())

    def repair(self, sender):  # of the records that differ, both being at the head of the log
        for rec in {r for r, *_ in self.sum() ^ sender.sum()}:
            theirs = sender.copy()
            self.wrote[rec] = theirs.wrote[rec]
            for p in (*PATHS, "state"):
                self.live[rec, p] = theirs.live[rec, p]
                self.waiting[rec, p] = theirs.waiting[rec, p]

    def context(self, rec):
        return {d: (self.upto.get(d, 0),
                    {e for e, (_, r) in self.extra.items() if e[0] == d and r == rec},
                    {h for h, r in self.holes.items() if h[0] == d and r == rec})
                for d in self.wrote[rec]}

    def edit(self, op, given=None):
        """How an author's replica completes an operation. given: the dots that a resolution
        settles; None: an ordinary edit."""
        live = self.live[op.rec, op.path]
        gone = live if given is None else given  # plain, set: all; a drop or keep: all of both
        if op.path == "state":
            gone = ()  # its context says it all
        elif CLASS.get(op.path) == "decisive" and given is None:  # all dots of the shown value
            gone = [d for d, o in live.items() if o.value == live[top(live)].value]
        in_force = self.view().get(op.rec, {"acts": ()})["acts"]
        acts = [a for a in self.live[op.rec, "state"].values() if a.dot in in_force]
        # an edit over a value that is in conflict with an act does not settle that conflict: it
        # is not "under" that act either
        op.under = {a.dot: a.value for a in acts
                    if not any(late(live[d], a, in_ctx) for d in gone)}
        op.replaces = frozenset(gone)
        op.ctx = self.context(op.rec) if op.path in ("state", "i.drop") else None
        return op


# ---- the trace: what a second implementation must do and see ----

class Trace:
    """One line a step; dots are written <device><counter>. See test_merge_model.c for the fields.
    A line that says what must be seen ends in exactly the text that the other side makes."""

    def __init__(self):
        self.numbers, self.sums = {}, {}

    def line(self, *words):
        print(*words)

    @staticmethod
    def dot(d):
        return f"{d[0]}{d[1]}"

    def dots(self, ds):
        return ",".join(self.dot(d) for d in sorted(ds)) or "-"

    def number(self, op):
        return self.numbers[op.dot]

    def ops(self, overlay):
        return ",".join(str(self.number(o)) for o in overlay if not frozen(o)) or "-"

    def context(self, ctx):
        if ctx is None:
            return "*"
        return ";".join(f"{d}:{up}:{self.dots(single)}:{self.dots(holes)}"
                        for d, (up, single, holes) in sorted(ctx.items())) or "-"

    def made(self, phone, op, overlay, given):
        self.numbers[op.dot] = len(self.numbers)
        under = ",".join(f"{self.dot(d)}={k}" for d, k in sorted(op.under.items())) or "-"
        self.line("op", self.number(op), self.dot(op.dot), op.prev, op.rec, op.path,
                  op.value or "-", int(op.amend), op.hlc)
        self.line("edit", phone, self.ops(overlay), self.number(op),
                  "*" if given is None else self.dots(given),
                  f"{self.dots(op.replaces)} {under} {self.context(op.ctx)}")

    def record(self, rec, v):
        acts = ",".join(f"{self.dot(d)}={k}" for d, k in sorted(v["acts"].items()))
        values = " ".join(
            f"{p}=" + "|".join(f"{x or '-'}@{self.dots(v['values'][p][x])}"
                               for x in sorted(v["values"][p], key=lambda x: x or ""))
            for p in PATHS if v["values"].get(p))
        bad = ",".join(p for p in ("rating", "i.name", "i", "state") if p in v["conflicts"])
        return (f"{rec}[{acts}] {values} {v['item']} !{bad} {int(v['changed_since'])}")

    def view(self, phone, overlay, view):
        self.line("view", phone, self.ops(overlay),
                  " ".join(self.record(r, v) for r, v in sorted(view.items())))

    def base(self, number, lean):
        token = self.sums.setdefault(lean.sum(), len(self.sums))
        upto = ",".join(f"{d}:{c}" for d, c in sorted(lean.upto.items()))
        extra = ",".join(f"{self.dot(d)}:{p}:{r}" for d, (p, r) in sorted(lean.extra.items()))
        holes = ",".join(f"{self.dot(d)}:{r}" for d, r in sorted(lean.holes.items()))
        waits = sorted((r, PATHS.index(p), d) for (r, p), w in lean.waiting.items() for d in w)
        waiting = ",".join(f"{r}/{PATHS[p]}/{self.dot(d)}" for r, p, d in waits)
        self.line("base", number, token, f"[{upto}] [{extra}] [{holes}] [{waiting}]")


class NoTrace:
    def __getattr__(self, name):
        return lambda *words: None


class World:
    """What all replicas of one run share: every operation made, their numbers, the trace."""

    def __init__(self, trace):
        self.made, self.trace, self.replicas = {}, trace, 0

    def enter(self):
        self.replicas += 1
        self.trace.line("new", self.replicas - 1)
        return self.replicas - 1


class Phone:
    def __init__(self, name, world):
        self.name, self.world, self.id = name, world, world.enter()
        self.n, self.last, self.cursor = 0, 0, 0
        self.kept = {}  # sets the base may lack: own unsent ones, held ones, carried ones
        self.naive, self.lean = Naive(), Lean()  # the base

    def overlay(self):
        return [o for s in self.kept.values() for o in s]

    def views(self):
        return self.naive.over(self.overlay()), self.lean.over(self.overlay())

    def put(self, op, given=None):
        """Completes, keeps and checks an operation of which place and value are given."""
        naive, lean = self.views()
        self.n += 1
        op.dot, op.prev = (self.name, self.n), self.last
        lean.edit(op, given)
        self.world.trace.made(self.id, op, self.overlay(), given)
        self.last, self.kept[op.dot], self.world.made[op.dot] = self.n, (op,), op
        op.saw = {o.dot for o in (*naive.ops.values(), *naive.declined.values())
                  if o.rec == op.rec}
        op.showed = {o.dot: o for o in naive.live() if (o.rec, o.path) == (op.rec, op.path)}
        if op.path in CLASS:
            self.promise(op, naive.view(), given)
        return op

    def promise(self, op, view, given):
        """What the person is promised to see after saving."""
        def values(seen):
            return seen.get(op.rec, {"values": {}})["values"].get(op.path, {})
        before, after = values(view), values(self.views()[0].view())
        first = next((v for v, dots in before.items() if top(op.showed) in dots), None)
        gone = (set(given) if given is not None else
                before.get(first, set()) if CLASS[op.path] == "decisive" else set(op.showed))
        rest = {v: d - gone for v, d in before.items() if d - gone}
        want = (before if frozen(op) else
                {**rest, op.value: rest.get(op.value, set()) | {op.dot}})
        assert after == want, f"{op} shows {after}, should show {want}"

    def write(self, rnd):
        ops = []
        # a change in another bucket in between: counters of one bucket have gaps, `prev` has none
        self.n += rnd.random() < 0.3
        for _ in range(rnd.choice((1, 1, 2, 3))):
            path = rnd.choice((*CLASS, *CLASS, "i.drop", "state", "state"))
            rec, given = rnd.choice(RECORDS), None
            if path in CLASS and rnd.random() < 0.25:
                live = list(self.views()[1].live[rec, path])
                given = rnd.sample(live, rnd.randint(1, len(live))) if live else None
            value = rnd.choice(ACTS if path == "state" else
                               ("1", "1", None) if path in ("i.drop", "tag.x") else VALUES)
            op = Op(None, 0, rec, path, value, amend=rnd.random() < 0.8, hlc=rnd.randrange(5))
            ops.append(self.put(op, given))
            del self.kept[ops[-1].dot]
            self.kept[ops[0].dot] = tuple(ops)

    def take(self, sets):
        new = {s[0].dot: s for s in sets if not all(self.lean.has(o.dot) for o in s)}
        self.kept = {**new, **self.kept}

    def page(self, server, to):
        for kind, op in server.log[self.cursor:to]:
            self.naive.fold(kind, op)
            self.lean.fold(kind, op)
            self.world.trace.line("fold", self.id, kind, self.world.trace.number(op))
        self.cursor = to
        self.kept = {k: s for k, s in self.kept.items()
                     if not all(self.lean.has(o.dot) for o in s)}

    def sync(self, rnd, server):
        sets = list(self.kept.values())
        server.push(rnd.sample(sets, rnd.randint(0, len(sets)) if rnd.random() < 0.4
                               else len(sets)))
        head = len(server.log)
        to = head if rnd.random() < 0.7 else rnd.randint(self.cursor, head)
        if rnd.random() < 0.1:  # new to the bucket: a snapshot instead of the history
            self.page(server, to := head)
            self.lean = server.lean.copy()
            self.world.trace.line("copy", self.id, server.id)
        full = [v for v in self.lean.live.values() if v]
        if rnd.random() < 0.1 and full and isinstance(self.world.trace, NoTrace):
            rnd.choice(full).popitem()  # damage: the sum notices it, the repair heals it
        self.page(server, to)
        if self.lean.sum() != server.sums[to]:
            self.page(server, head)
            self.lean.repair(server.lean)
        assert self.lean.sum() == server.sums[self.cursor], f"{self.name}: sum at {self.cursor}"


class Server:
    def __init__(self, rnd, world):
        self.rnd, self.world, self.id = rnd, world, world.enter()
        self.naive, self.lean = Naive(), Lean()
        self.log, self.sums, self.known, self.back = [], [frozenset()], set(), {}

    def enter(self, kind, op):
        self.naive.fold(kind, op)
        self.lean.fold(kind, op)
        self.world.trace.line("fold", self.id, kind, self.world.trace.number(op))
        self.log.append((kind, op))
        self.sums.append(self.lean.sum())

    def push(self, sets):
        """Admission without order: any set not seen yet enters, at once, whatever came or did not
        come before it."""
        for op in (o for s in sets if s[0].dot not in self.known for o in s):
            self.known.add(op.dot)
            waits = any(self.follows(op, b) for b in self.back)  # behind a held one of its device
            why = ("frozen" if frozen(op) else "waits" if waits else
                   "judged" if self.rnd.random() < 0.08 else None)
            if why:
                self.back[op.dot] = (op, why)
            self.enter("hold" if why else "op", op)

    def follows(self, op, dot):
        return (op.dot[0] == dot[0] and op.dot[1] > dot[1]
                and op.rec == self.back[dot][0].rec)

    def settle(self, decline):
        """The office decides on a held change that waits for no other. Its held followers on the
        record go the same way when it is declined; when it is released they do as far as they
        only waited."""
        first = self.rnd.choice([d for d in self.back
                                 if not any(self.follows(self.back[d][0], b) for b in self.back)])
        run = [first, *sorted(d for d in self.back if self.follows(self.back[d][0], first))]
        for i, d in enumerate(run):
            if i and not decline and self.back[d][1] != "waits":
                break
            self.enter("decline" if decline else "release", self.back[d][0])
        self.back = {d: b for d, b in self.back.items() if not self.naive.has(d)}


# ---- one random run ----

def step(rnd, server, phones, wiped):
    """Something happens to somebody. Returns whom it happened to."""
    p, k = rnd.choice(phones), rnd.random()
    if k < 0.45:
        p.write(rnd)
    elif k < 0.75:
        p.sync(rnd, server)
    elif k < 0.80 and server.back:
        server.settle(rnd.random() < 0.5)
    elif k < 0.82:  # lost for ever, with all that nobody else carries; its owner goes on with
        wiped.add(p.name)  # another phone and another key
        phones[phones.index(p)] = p = Phone(p.name + "'", server.world)
    else:  # a carrier takes any of the sets that another phone has, in any order
        q = rnd.choice(phones)
        p.take(rnd.sample(list(q.kept.values()), rnd.randint(0, len(q.kept))))
    return p


def rest(rnd, server, phones):
    """All that is left is sent, decided and received."""
    for p in phones:
        server.push(p.kept.values())
    while server.back:
        server.settle(rnd.random() < 0.5)
    for p in phones:
        p.page(server, len(server.log))


def check_rest(rnd, server, phones, wiped):
    lost = server.world.made.keys() - server.known
    accepted = list(server.naive.ops.values())
    assert all(d[0] in wiped for d in lost), f"lost without a lost phone: {lost}"
    again = Lean().over(rnd.sample(accepted, len(accepted)), True)
    assert again.view() == server.naive.view(), "the order of arrival shows"
    for r in [server, *phones]:
        waiting = {d for w in r.lean.waiting.values() for d in w}
        assert r.lean.view() == server.naive.view(), "at rest: the views differ"
        assert not r.lean.holes and waiting <= lost, f"at rest: {waiting} {r.lean.holes}"
        assert r is server or not r.kept and r.lean.sum() == server.sums[-1], f"{r.name}: unsettled"
        server.world.trace.base(r.id, r.lean)
        server.world.trace.view(r.id, [], r.lean.view())
    return lost


def check_log(server):
    """Followers of a held change on its record wait with it, and go with it when it is declined."""
    held, doomed = {}, set()
    for kind, op in server.log:
        line = [h for h in held.values() if h.dot[0] == op.dot[0] and h.rec == op.rec]
        assert (kind not in ("op", "release") or op.dot not in doomed
                and all(h.dot >= op.dot for h in line)), f"{op.dot} did not wait"
        doomed |= {h.dot for h in line if kind == "decline" and h.dot > op.dot}
        if kind == "hold":
            held[op.dot] = op
        else:
            held.pop(op.dot, None)


def check_promises(server):
    """Nothing vanishes silently, and whatever is concurrent with an act is marked."""
    accepted = list(server.naive.ops.values())
    live, acts = {o.dot for o in server.naive.live()}, [o for o in accepted if o.path == "state"]
    for d in server.known - server.naive.declined.keys() - live:
        assert any(d in o.replaces and d in o.showed for o in accepted), f"{d} vanished"
    for rec, v in server.lean.view().items():
        in_force = {a.dot for a in acts if a.rec == rec and not any(a.dot in b.saw for b in acts)}
        assert v["acts"].keys() == in_force, "acts in force"
        for a in (x for x in acts if x.dot in in_force and x.value != "open"):
            late_ = [o for o in accepted if o.rec == rec and o.path != "state"
                     and o.dot not in a.saw and a.dot not in o.under]
            assert not any(a.dot in o.under and c.dot in o.replaces
                           for c in late_ for o in accepted), "an edit settled an act"
            marked = (v["changed_since"] if a.value == "finalise" else "state" in v["conflicts"])
            assert marked or not any(o.dot in live for o in late_), f"{a.dot}: not marked"


def run(seed, trace):
    rnd, world = random.Random(seed), World(trace)
    trace.line("seed", seed)
    server = Server(rnd, world)
    phones, wiped = [Phone(c, world) for c in "abcd"[:rnd.randint(2, 4)]], set()
    for _ in range(rnd.randint(10, 60)):
        p = step(rnd, server, phones, wiped)
        naive, lean = p.views()
        seen = lean.view()
        assert seen == naive.view(), f"{p.name}: lean {seen} naive {naive.view()}"
        assert all(lean.has(d) == naive.has(d) for d in world.made), f"{p.name}: included differs"
        trace.view(p.id, p.overlay(), seen)
        trace.base(p.id, p.lean)
        trace.base(server.id, server.lean)
    rest(rnd, server, phones)
    lost = check_rest(rnd, server, phones, wiped)
    check_log(server)
    check_promises(server)
    return len(world.made), len(lost), len(server.naive.declined)


# ---- the cases that people would ask about, and what they must see ----

def play(steps):
    """steps: device, the numbers of the earlier steps that it has received, path, value, "amend".
    Shown in both orders of arrival."""
    world, who, done = World(NoTrace()), {}, []
    for dev, heard, path, value, *amend in steps:
        p = who.setdefault(dev, Phone(dev, world))
        p.take([(done[i],) for i in heard])
        done.append(p.put(Op(None, 0, "r", path, value, amend=bool(amend))))
    first, second = (Lean().over(order).view()["r"] for order in (done, done[::-1]))
    assert first == second, f"{steps}: the order of arrival shows"
    return {**first, **{p: set(v) for p, v in first["values"].items()}}


N, Q, D, R = ("a", [], "i.name", "1"), ("b", [], "note", "2"), ("b", [0], "i.drop", "1"), "rating"
W, F, NO = ("a", [], "state", "withdraw"), ("a", [], "state", "finalise"), set()
A, B, T = ("a", [], R, "1"), ("b", [], R, "2"), "tag.x"
SCENES = (
    ([A, ("a", [], R, None), ("b", [0], R, "2")], {R: {None, "2"}, "conflicts": {R}}),
    ([A, ("a", [], R, None)], {R: {None}, "conflicts": NO}),
    ([(d, [], R, "3") for d in "ab"], {R: {"3"}, "conflicts": NO}),
    ([("a", [], R, "3"), ("b", [], R, "3"), ("c", [0, 1], R, "4")], {R: {"4"}, "conflicts": NO}),
    ([A, B, ("c", [0, 1], R, "3")], {R: {"1", "3"}, "conflicts": {R}}),
    ([("a", [], "note", "1"), Q], {"note": {"1", "2"}, "conflicts": NO}),
    ([("a", [], "note", "1"), Q, ("c", [0, 1], "note", "3")], {"note": {"3"}}),
    ([("a", [], T, "1"), ("b", [0], T, None), ("c", [0], T, "1")], {T: {"1", None}}),
    ([("a", [], T, "1"), ("b", [0], T, None)], {T: {None}, "conflicts": NO}),
    ([N, W], {"conflicts": NO}),
    ([W, ("b", [0], "note", "2")], {"conflicts": NO}),
    ([W, Q], {"conflicts": {"state"}, "note": {"2"}}),
    ([W, Q, ("c", [0, 1], "note", "3")], {"conflicts": {"state"}, "note": {"3"}}),
    ([W, Q, ("c", [0, 1], "state", "open")], {"conflicts": NO}),
    ([W, ("b", [], "state", "finalise")], {"conflicts": {"state"}}),
    ([W, ("b", [], "state", "withdraw")], {"conflicts": NO}),
    ([F, Q], {"changed_since": True, "note": {"2"}}),
    ([N, F, ("b", [0, 1], "i.name", "2")], {"changed_since": False, "i.name": {"1"}}),
    ([F, ("b", [0], "note", "2", "amend")], {"changed_since": False, "note": {"2"}}),
    ([N, D], {"item": "dropped", "i.name": {"1"}}),
    ([N, D, ("a", [1], "i.drop", None)], {"item": "there"}),
    ([N, D, ("a", [], "i.text", "2")],
     {"item": "contested", "conflicts": {"i"}, "i.name": {"1"}}),
)


def main(arguments):
    trace = arguments[:1] == ["--trace"]
    n, total = int(arguments[-1]) if arguments else 3000, [0, 0, 0]
    for steps, want in SCENES:
        got = play(steps)
        assert all(got.get(k) == v for k, v in want.items()), f"{steps} shows {got}"
    for seed in range(n):
        try:
            counts = run(seed, Trace() if trace else NoTrace())
        except AssertionError as bad:
            sys.exit(f"seed {seed}: {bad}")
        total = [a + b for a, b in zip(total, counts)]
    if trace:
        print("end", n)
        return
    print(f"{n} seeds, {total[0]} operations ({total[1]} lost with their phone, {total[2]} "
          "declined): Lean and Naive agree, all replicas converge in any order, nothing waits for "
          "ever, nothing vanishes silently")


if __name__ == "__main__":
    main(sys.argv[1:])
