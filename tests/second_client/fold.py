"""How changes become one book: docs/protocol.md 5, written from that page alone. Nothing in here
reads bytes or talks to anybody; the dots, paths and values are plain tuples:

dot    (device 16 bytes, counter)
path   (kind, group, field, key, item dot or None, place, element bytes)
value  (kind, None | int | bytes)"""
import copy
import dataclasses
import struct

from nacl.encoding import RawEncoder
from nacl.hash import siphashx24

FIELD, KEYED, ITEM, DROP = range(4)
NULL, INT, TEXT, CODE, ID, HASH, GEO, BYTES, ERASED = range(9)
SET, ADD, REMOVE, REMARK, MAKE, DROPPED, KEPT, RESOLVE = range(8)
OPEN, FINALISE, WITHDRAW, RETURN, REVIEW, APPROVE, VOID, LOCK = range(1, 9)
SUM_KEY = b"sotay-sum/v1" + bytes(4)
ONE = 1 << 128


@dataclasses.dataclass
class Op:
    path: tuple
    value: tuple = (NULL, None)
    verb: int = SET
    replaces: tuple = ()
    kept: tuple = None
    kept_actor: bytes = b""


@dataclasses.dataclass
class Change:
    """One save. `prev` is the change before of this device in this bucket."""
    dot: tuple = None
    prev: int = 0
    record: bytes = b""
    create: tuple = None        # (form, version, random)
    ops: list = dataclasses.field(default_factory=list)
    act: int = 0
    context: dict = None        # of an act, or of a drop: device -> (upto, singles, holes)
    under: dict = dataclasses.field(default_factory=dict)
    amend: bool = False
    reason: bytes = None
    wall: int = 0
    mono: int = 0
    hlc: int = 0
    known: bool = True
    bucket: str = ""

    def frozen(self):
        return not self.amend and not self.act and {FINALISE, LOCK} & set(self.under.values())


def context_has(context, dot):
    if dot[0] not in context:
        return False
    upto, singles, holes = context[dot[0]]
    return dot[1] not in holes and (dot[1] in singles or dot[1] <= upto)


def concurrent(change, act):
    return not context_has(act.context, change.dot) and act.dot not in change.under


def sip(data):
    return siphashx24(data, key=SUM_KEY, encoder=RawEncoder)


def path_bytes(path):
    kind, group, field, key, item, place, element = path
    device, counter = item or (bytes(16), 0)
    return b"".join([struct.pack(">BHHB", kind, group, field, len(key)), key.encode(), device,
                     struct.pack(">QHB", counter, place, len(element)), element])


def value_bytes(value):
    kind, data = value
    if kind in (NULL, ERASED):
        return bytes([kind])
    if kind == INT:
        return bytes([kind]) + struct.pack(">q", data)
    return bytes([kind]) + struct.pack(">I", len(data)) + (sip(data) if len(data) > 32 else data)


def dot_bytes(dot):
    return dot[0] + struct.pack(">Q", dot[1])


class Record:
    def __init__(self, ident):
        self.id, self.form, self.lives, self.waiting = ident, None, {}, set()
        self.acts, self.wrote, self.history, self.known_sum = {}, set(), [], None

    def copy(self):
        other = copy.copy(self)
        other.lives = {path: dict(lives) for path, lives in self.lives.items()}
        other.waiting, other.acts = set(self.waiting), dict(self.acts)
        other.wrote, other.history = set(self.wrote), list(self.history)
        return other

    def sum(self):
        if self.known_sum is None:
            self.known_sum = self.count_sum()
        return self.known_sum

    def count_sum(self):
        total = 0
        for path, lives in self.lives.items():
            for dot, (op, _) in lives.items():
                total += int.from_bytes(sip(self.id + path_bytes(path) + dot_bytes(dot)
                                            + value_bytes(op.value)), "big")
        for dot, act in self.acts.items():
            total += int.from_bytes(sip(self.id + b"act" + dot_bytes(dot) + bytes([act.act])),
                                    "big")
        return total % ONE

    def in_force(self):
        return [a for a in self.acts.values()
                if not any(context_has(b.context, a.dot) for b in self.acts.values() if b is not a)]

    def values(self, path):
        """The values of a path, the one shown first in front: [(value, [dots])]."""
        found = {}
        order = sorted(self.lives.get(path, {}).items(), reverse=True,
                       key=lambda live: (live[1][1].hlc, live[0]))
        for dot, (op, _) in order:
            found.setdefault(op.value, []).append(dot)
        return list(found.items())

    def value(self, path):
        found = self.values(path)
        return found[0][0] if found else None

    def items(self, group):
        return sorted({(p[4], p[5]) for p, lives in self.lives.items()
                       if p[1] == group and p[0] == ITEM and lives})

    def item_state(self, group, item, place):
        marks = self.lives.get((DROP, group, 0, "", item, place, b""), {})
        drops = [c for op, c in marks.values() if op.verb == DROPPED]
        if not drops:
            return "there"
        dots = [dot for path, lives in self.lives.items() for dot in lives
                if path[0] == ITEM and path[1] == group and path[4:6] == (item, place)]
        seen = any(all(dot == c.dot or context_has(c.context, dot) for dot in dots) for c in drops)
        return "dropped" if seen and len(drops) == len(marks) else "contested"

    def conflicts(self, form):
        """Open differences: decisive paths with several values, contested items, the state."""
        found = [p for p in self.lives
                 if len(self.values(p)) > 1 and form.field_class(p) == "decisive"]
        found += [p for p in self.lives
                  if p[0] == DROP and self.item_state(p[1], p[4], p[5]) == "contested"]
        force = self.in_force()
        late = any(concurrent(change, act) for act in force if act.act == WITHDRAW
                   for lives in self.lives.values() for _, change in lives.values())
        return found + (["state"] if late or len({a.act for a in force}) > 1 else [])


class Bucket:
    """What one replica remembers of one bucket."""

    def __init__(self):
        self.upto, self.singles, self.holes, self.records = {}, {}, {}, {}
        self.held = {}          # the changes behind the holes, to fold them when released

    def copy(self):
        other = Bucket()
        for name in ("upto", "singles", "holes", "held"):
            setattr(other, name, dict(getattr(self, name)))
        other.records = {ident: record.copy() for ident, record in self.records.items()}
        return other

    def sum(self):
        return (sum(r.sum() for r in self.records.values()) % ONE).to_bytes(16, "big")

    def came(self, dot):
        return dot[1] <= self.upto.get(dot[0], 0) or dot in self.singles

    def includes(self, dot):
        return dot not in self.holes and self.came(dot)

    def arrive(self, dot, prev, record):
        self.singles[dot] = (prev, record)
        at, moved = self.upto.get(dot[0], 0), True
        while moved:
            moved = False
            for other, (before, _) in list(self.singles.items()):
                if other[0] == dot[0] and before == at:
                    at, moved = other[1], True
                    self.upto[dot[0]] = at
                    del self.singles[other]

    def fold(self, change, held=False):
        """Takes a change in; a repeat does nothing. Held: it leaves a hole."""
        if self.came(change.dot):
            return
        self.arrive(change.dot, change.prev, change.record)
        if held:
            self.holes[change.dot] = change.record
            self.held[change.dot] = change
        else:
            self.apply(change)

    def apply(self, change):
        record = self.records.setdefault(change.record, Record(change.record))
        record.known_sum = None
        record.wrote.add(change.dot[0])
        record.history.append(change)
        if change.create:
            record.form = change.create[:2]
        if change.act:
            record.acts[change.dot] = change
        for op in change.ops:
            lives = record.lives.setdefault(op.path, {})
            for dot in op.replaces:
                if lives.pop(dot, None) is None and not self.includes(dot) and dot != change.dot:
                    record.waiting.add((op.path, dot))
            if (op.path, change.dot) in record.waiting:
                record.waiting.discard((op.path, change.dot))
            else:
                lives[change.dot] = (op, change)

    def release(self, dot):
        self.holes.pop(dot, None)
        change = self.held.pop(dot, None)
        if change is not None:
            self.apply(change)

    def decline(self, dot):
        ident = self.holes.pop(dot, None)
        self.held.pop(dot, None)
        if ident is not None:
            record = self.records.setdefault(ident, Record(ident))
            record.wrote.add(dot[0])
            record.waiting = {(p, d) for p, d in record.waiting if d != dot}

    def context(self, ident):
        """How far each device that wrote in the record had come here."""
        record = self.records[ident]
        return {device: (self.upto.get(device, 0),
                         sorted(c for (d, c), (_, r) in self.singles.items()
                                if d == device and r == ident and (d, c) not in self.holes),
                         sorted(c for (d, c), r in self.holes.items()
                                if d == device and r == ident))
                for device in record.wrote}

    def complete(self, change, classes):
        """Fills in what an author's replica adds: what is replaced, under which acts, contexts.
        classes: the merge class of each path."""
        record = self.records.get(change.record)
        if record is None:
            return
        gone = []
        for op in change.ops:
            live = record.lives.get(op.path, {})
            if op.verb == RESOLVE:
                dots = op.replaces
            elif op.verb in (MAKE, REMARK) or not live or classes[op.path] in ("remark", "fixed"):
                dots = ()
            elif op.verb == SET and classes[op.path] == "decisive":
                dots = record.values(op.path)[0][1]
            else:
                dots = live
            op.replaces = tuple(sorted(dots))
            gone += [live[dot][1] for dot in dots if dot in live]
        change.under = {act.dot: act.act for act in record.in_force()
                        if not any(concurrent(old, act) for old in gone)}
        if change.act or any(op.verb in (DROPPED, KEPT) for op in change.ops):
            change.context = self.context(change.record)
