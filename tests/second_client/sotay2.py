#!/usr/bin/python3
"""A second client, written from docs/protocol.md and docs/data-model.md alone, by somebody who had
not seen the first. It proves that the page is enough; where the two disagree, one of them is wrong.
It keeps everything in memory: a phone must reserve its counters and store its sets on disk.

Debian: python3-nacl python3-zstandard python3-protobuf protobuf-compiler (for /usr/bin/python3)."""
import base64
import contextlib
import hashlib
import hmac
import http.client
import importlib
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse

import nacl.exceptions
import nacl.signing
import zstandard

from fold import *

ROOT = pathlib.Path(__file__).resolve().parents[2]
FRAME_MAX, STREAM_MAX, SET_MAX, CHANGES_MAX = 4 << 20, 64 << 20, 524288, 1024
STORED, DUPLICATE, HELD, LATER = 1, 2, 3, 4
SLOW = float(os.environ.get("TEST_SLOW", "1"))  # sanitizers: more patience
(NO_RECORD, FROZEN, WAITS, FORM, VERSION, VALUE, ROLE, SCOPE, BUCKET, STATE, LIMIT, FORK, REVOKED,
 SUSPENDED, LATE, SIGNATURE, DEVICE, CORRUPT) = range(1, 19)
AGAIN = 11
RELEASED, HELD_NOW, ACCEPTED, DECLINED, FORKED = 3, 15, 16, 17, 20  # kinds of entries
OFFICER, OFFICE = 1, 2
TYPES = "str code id date min ts enum bool uint dec money geo hash bytes".split()
CLASSES = "decisive plain set remark fixed state server".split()


def compiled(*names):
    """The message classes of proto/*.proto, made by protoc into a folder that goes away."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["protoc", f"-I{ROOT / 'proto'}", f"--python_out={folder}",
                        *(f"{name}.proto" for name in names)], check=True)
        sys.path.insert(0, folder)
        try:
            return [importlib.import_module(f"{name}_pb2") for name in names]
        finally:
            sys.path.remove(folder)


pb, pbform = compiled("sotay", "form")


# ---- ids, hashes, signed texts (sections 2, 4.2, 7.3, 8) ---------------------------------------

def sha(data):
    return hashlib.sha256(data).digest()


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def key_id(public_key):
    """The id of a device, or of a log."""
    return sha(public_key)[:16]


def record_id(dot, random):
    return sha(dot_bytes(dot) + random)[:16]


def fingerprint(public_key):
    digits = f"{int.from_bytes(sha(public_key)[:8], 'big') % 10**16:016d}"
    return " ".join(digits[i:i + 4] for i in range(0, 16, 4))


def written(dot):
    return f"{dot[0].hex()}:{dot[1]}"


def set_hash(skeleton, seed_hash, macs):
    return sha(struct.pack(">I", len(skeleton)) + skeleton + seed_hash
               + struct.pack(">I", len(macs)) + b"".join(macs))


def set_macs(seed, values):
    return [mac(mac(seed, struct.pack(">I", i)), value) for i, value in enumerate(values)]


def set_text(log, device, digest):
    return b"sotay-set/v1\0" + log + device + digest


def head_text(path, stream, log, device_install, counter):
    return (f"sotay-req/v1\nPOST\n{path}\n".encode() + sha(stream) + log + device_install
            + struct.pack(">Q", counter))


def enrol_text(code, log_key, sign_key, cosign_key):
    return b"sotay-enrol/v1\0" + code + log_key + sign_key + cosign_key


def collapse(sums):
    """sums: bucket name -> 16 bytes."""
    return sha(b"".join(bytes([len(name)]) + name.encode() + sums[name]
                        for name in sorted(sums, key=str.encode)))[:8]


def code_of(link):
    code = link.rsplit("#e=", 1)[1]
    raw = base64.urlsafe_b64decode(code)
    return raw[:16], raw[16:]


# ---- change-sets (section 4) -------------------------------------------------------------------

class Corrupt(Exception):
    """What nobody may write."""


def dots_of(change):
    yield from ((dot, None) for dot in change.under)
    yield from (((device, 0), None) for device in change.context or {})
    for op in change.ops:
        yield from ((dot, None) for dot in op.replaces)
        if op.path[4] and op.path[4] != change.dot:
            yield op.path[4], None


def put_context(place, context, number):
    for device in sorted(context):
        upto, singles, holes = context[device]
        place.add(device=number[device], upto=upto, singles=sorted(singles), holes=sorted(holes))


def put_op(out, op, change, number, values):
    kind, out.group, out.field, out.key, item, place, out.element = op.path
    out.verb = op.verb
    if kind in (ITEM, DROP):
        out.place = place
        if item != change.dot:
            out.item.device, out.item.counter = number[item[0]], item[1]
    for dot in sorted(op.replaces):
        out.replaces.extend((number[dot[0]], dot[1]))
    if op.verb in (ADD, REMOVE, DROPPED, KEPT):
        return
    out.kind, data = op.value
    if out.kind == INT:
        out.number = data
    elif out.kind in (CODE, ID):
        out.inline = data
    elif out.kind != NULL:
        values.append(data)
    if op.kept:
        out.kept.device, out.kept.counter = number[op.kept[0]], op.kept[1]
        out.kept_actor = op.kept_actor


def put_changes(skeleton, device, changes):
    """Fills in the device table and the changes; returns the detached values."""
    others = sorted({dot[0] for change in changes for dot, _ in dots_of(change)} - {device})
    number = {device: 0, **{other: i + 1 for i, other in enumerate(others)}}
    skeleton.devices.extend(others)
    values, before = [], None
    for change in changes:
        out = skeleton.changes.add()
        if change.create:
            out.create.form, out.create.version, out.create.random = change.create
        elif before is None or before.record != change.record:
            out.record = change.record
        for op in change.ops:
            put_op(out.ops.add(), op, change, number, values)
        if change.act:
            out.act.kind = change.act
            put_context(out.act.context, change.context, number)
        elif change.context:
            put_context(out.drop_context, change.context, number)
        for dot in sorted(change.under):
            under = out.under.add(kind=change.under[dot])
            under.dot.device, under.dot.counter = number[dot[0]], dot[1]
        out.amend, out.has_reason = change.amend, change.reason is not None
        if change.reason is not None:
            values.append(change.reason)
        clocks = (before.wall, before.mono, before.hlc) if before else (
            skeleton.wall_ms, skeleton.mono_ms, skeleton.hlc)
        out.wall_step, out.mono_step, out.hlc_step = (
            change.wall - clocks[0], change.mono - clocks[1], change.hlc - clocks[2])
        before = change
    return values


def sealed(key, log, device, skeleton, values, seed=None):
    """The bytes of a signed set, and its hash. skeleton: bytes."""
    seed = os.urandom(32) if seed is None else seed
    digest = set_hash(skeleton, sha(seed), set_macs(seed, values))
    out = pb.ChangeSet(device=device, skeleton=skeleton, seed=seed, values=values)
    out.signature = key.sign(set_text(log, device, digest)).signature
    return out.SerializeToString(), digest


def get_context(entries, table):
    return {table[one.device]: (one.upto, set(one.singles), set(one.holes)) for one in entries}


class Set:
    """A change-set, read. `changes` is empty when only the header could be."""

    def __init__(self, data):
        self.bytes = data
        outer = pb.ChangeSet.FromString(data)
        self.device, self.signature = outer.device, outer.signature
        if outer.seed:
            self.values, macs = list(outer.values), set_macs(outer.seed, outer.values)
            seed_hash = sha(outer.seed)
        else:
            self.values = [None if one.mac else one.value for one in outer.detached]
            macs = [one.mac or mac(one.key, one.value) for one in outer.detached]
            seed_hash = outer.seed_hash
        self.hash = set_hash(outer.skeleton, seed_hash, macs)
        self.header = head = pb.Skeleton.FromString(outer.skeleton)
        self.first, self.bucket, self.changes = head.first, head.bucket, []
        if head.format == 1:
            self.last = head.first + len(head.changes) - 1
            self.read_changes(head)

    def verify(self, log, key):
        try:
            nacl.signing.VerifyKey(key).verify(set_text(log, self.device, self.hash),
                                               self.signature)
        except nacl.exceptions.BadSignatureError:
            raise Corrupt("signature") from None

    def read_changes(self, head):
        table, values, before = [self.device, *head.devices], list(self.values), None
        clocks = (head.wall_ms, head.mono_ms, head.hlc)
        for i, raw in enumerate(head.changes):
            change = Change(dot=(self.device, head.first + i), bucket=head.bucket,
                            prev=head.first + i - 1 if i else head.here, amend=raw.amend)
            clocks = tuple(map(sum, zip(clocks, (raw.wall_step, raw.mono_step, raw.hlc_step))))
            change.wall, change.mono, change.hlc = clocks
            if raw.HasField("create"):
                change.create = (raw.create.form, raw.create.version, raw.create.random)
                change.record = record_id(change.dot, raw.create.random)
            else:
                change.record = raw.record or before.record
            change.known = (not any(op.verb > RESOLVE or op.kind > BYTES for op in raw.ops)
                            and raw.act.kind <= LOCK and all(u.kind <= LOCK for u in raw.under))
            change.under = {(table[u.dot.device], u.dot.counter): u.kind for u in raw.under}
            change.ops = [self.read_op(op, change, table, values) for op in raw.ops]
            if raw.HasField("act"):
                change.act, change.context = raw.act.kind, get_context(raw.act.context, table)
            elif raw.drop_context:
                change.context = get_context(raw.drop_context, table)
            if raw.has_reason:
                change.reason = values.pop(0)
            self.changes.append(change)
            before = change
        if values:
            for change in self.changes:
                change.known = False

    def read_op(self, raw, change, table, values):
        item, kind = None, FIELD
        if raw.group:
            kind = KEYED if raw.key else ITEM if raw.field else DROP
        if kind in (ITEM, DROP):
            own = not raw.HasField("item")
            item = change.dot if own else (table[raw.item.device], raw.item.counter)
        dots = iter(raw.replaces)
        op = Op(path=(kind, raw.group, raw.field, raw.key, item, raw.place, raw.element),
                verb=raw.verb, replaces=tuple((table[n], c) for n, c in zip(dots, dots)))
        if raw.verb in (ADD, DROPPED):
            op.value = (INT, 1)
        elif raw.kind == INT:
            op.value = (INT, raw.number)
        elif raw.kind in (CODE, ID) or raw.kind == HASH and raw.inline:
            op.value = (raw.kind, raw.inline)
        elif raw.kind in (TEXT, HASH, GEO, BYTES):
            value = values.pop(0)
            op.value = (ERASED, None) if value is None else (raw.kind, value)
        if raw.HasField("kept"):
            op.kept = (table[raw.kept.device], raw.kept.counter)
            op.kept_actor = raw.kept_actor
        return op


# ---- streams and frames (section 7.2) ----------------------------------------------------------

def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out + bytes([number]))


def frame(**body):
    data = pb.Frame(**body).SerializeToString()
    return varint(len(data)) + data


def base_of(data):
    """What a stream may lean on when this set is the last that the server has of its device."""
    return data[:8192] + Set(data).hash


def pack(frames, window=17, base=b""):
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=window)
    prefix = zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    return zstandard.ZstdCompressor(compression_params=parameters,
                                    dict_data=prefix if base else None).compress(b"".join(frames))


def unpack(stream):
    """The messages of a stream, each checked to be whole."""
    reader = zstandard.ZstdDecompressor(max_window_size=1 << 20).decompressobj()
    data = reader.decompress(stream)
    if reader.unused_data or len(data) > STREAM_MAX:
        raise Corrupt("stream")
    at, found = 0, []
    while at < len(data):
        size, shift = 0, 0
        while True:
            byte = data[at]
            at += 1
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        if size > FRAME_MAX or at + size > len(data):
            raise Corrupt("frame")
        found.append(pb.Frame.FromString(data[at:at + size]))
        at += size
    return found


def refusal_in(data):
    """The refusal of an answer; the door's own are a line of text, and the status says it all."""
    try:
        return unpack(data)[0].refusal
    except (zstandard.ZstdError, Corrupt, IndexError):
        return pb.Refusal(code=19)


# ---- forms, as far as a client needs them to write (docs/data-model.md) ------------------------

class FormView:
    def __init__(self, definition):
        self.raw = raw = pbform.Form.FromString(definition)
        self.fields = {f.name: f for f in raw.fields}
        self.groups = {g.name: (g, {f.name: f for f in g.fields}) for g in raw.groups}
        self.by_number = {(0, f.no): f for f in raw.fields}
        self.by_number.update({(g.no, f.no): f for g in raw.groups for f in g.fields})

    def find(self, name, item=None):
        """`place`, `ratings.x1.rating`, `findings.ITEM.text`, with item `findings.text` ->
        (path, field)."""
        parts = name.split(".")
        if len(parts) == 1:
            field = self.fields[name]
            return (FIELD, 0, field.no, "", None, 0, b""), field
        group, fields = self.groups[parts[0]]
        field = fields[parts[-1]]
        if group.keyed:
            return (KEYED, group.no, field.no, parts[1], None, 0, b""), field
        dot, place = item or item_of(parts[1])
        return (ITEM, group.no, field.no, "", dot, place, b""), field

    def field_class(self, path):
        return "plain" if path[0] == DROP else CLASSES[
            getattr(self.by_number[path[1], path[2]], "class")]

    def value(self, field, text):
        """What a person writes, as a value."""
        kind = TYPES[field.type]
        if text is None:
            return NULL, None
        if kind == "str":
            return TEXT, text.encode()
        if kind == "code":
            return CODE, text.encode()
        if kind in ("id", "hash"):
            return (ID if kind == "id" else HASH), bytes.fromhex(text)
        if kind == "date":
            return INT, int(time.mktime(time.strptime(text + " UTC", "%Y-%m-%d %Z"))) // 86400
        if kind == "enum":
            options = next(one for one in self.raw.lists if one.name == field.list).options
            return INT, next(o.no for o in options if o.id == text)
        return INT, int(text)


def item_of(text):
    device, counter, place = text.split(":")
    return (bytes.fromhex(device), int(counter)), int(place)


# ---- the client --------------------------------------------------------------------------------

class Refused(Exception):
    def __init__(self, status, refusal):
        super().__init__(f"{status}: {refusal.code} {refusal.detail}")
        self.status, self.code, self.counter = status, refusal.code, refusal.counter


@dataclasses.dataclass
class Own:
    """A set of this device, signed."""
    first: int
    last: int
    bucket: str
    bytes: bytes
    changes: list


class Client:
    """One device. Threads: none. `now` is its wall clock in ms."""

    def __init__(self, url, now=None):
        where = urllib.parse.urlsplit(url)
        self.host, self.port, self.now = where.hostname, where.port, now or default_now
        self.key, self.cosign = nacl.signing.SigningKey.generate(), os.urandom(32)
        self.device = key_id(bytes(self.key.verify_key))
        self.install, self.counter, self.hlc = os.urandom(8), 0, 0
        self.boot, self.started = os.urandom(8), time.monotonic()
        self.last, self.head, self.here = 0, b"", {}
        self.pending, self.unsent, self.sent, self.held = [], [], {}, {}
        self.base, self.cursors, self.epoch, self.scope_rev = {}, {}, b"", 0
        self.buckets, self.forms, self.pages, self.wrong = [], {}, 0, []
        self.entries, self.unproved, self.end, self.repaired = {}, [], None, []
        self.wants, self.answered = [], set()

    # -- requests

    def post(self, path, body):
        link = http.client.HTTPConnection(self.host, self.port, timeout=60 * SLOW)
        try:
            with contextlib.suppress(BrokenPipeError):     # refused while it is still being sent
                link.request("POST", path, body, {"Content-Type": "application/octet-stream"})
            answer = link.getresponse()
            data = answer.read()
        finally:
            link.close()
        if answer.status != 200:
            raise Refused(answer.status, refusal_in(data))
        return unpack(data)

    def enrol(self, link, label="second"):
        code, log_key = code_of(link)
        sign_key = bytes(self.key.verify_key)
        proof = self.key.sign(enrol_text(code, log_key, sign_key, self.cosign)).signature
        ask = pb.EnrolAsk(version=1, code=code, sign_key=sign_key, cosign_key=self.cosign,
                          install=self.install, label=label, proof=proof)
        answer = self.post("/v1/enrol", pack([frame(enrol_ask=ask)]))[0].enrol_answer
        if answer.log_key != log_key:
            raise Corrupt("another log")
        self.log, self.answer, self.epoch = key_id(log_key), answer, answer.epoch
        self.keys = {answer.server_device: answer.server_key, self.device: sign_key}
        self.person, self.commune = answer.person, answer.commune
        self.take_scope(answer.scope)
        return answer

    def signed(self, stream, counter=None, path="/v1/sync", base=b""):
        """The body of a request: head and stream, which may lean on a base."""
        if counter is None:
            self.counter += 1
            counter = self.counter
        text = head_text(path, stream, self.log, self.device + self.install, counter)
        return (bytes([2 if base else 1]) + self.device + self.install
                + struct.pack(">Q", counter) + self.key.sign(text).signature
                + (sha(base)[:4] if base else b"") + stream)

    def ask(self, references=True):
        kept = min([*self.sent, *(own.first for own in self.unsent)], default=0)
        ask = pb.SyncAsk(version=1, epoch=self.epoch, scope_rev=self.scope_rev,
                         wall_ms=self.now(), kept_from=kept if references else 0)
        cursors = {name: self.cursors.get(name, 0) for name in self.buckets}
        position = set(cursors.values())
        if len(position) == 1 and position != {0}:
            ask.position = position.pop()
            ask.collapsed = collapse({name: self.base[name].sum() for name in cursors})
        else:
            for name in sorted(cursors):
                base = self.base.setdefault(name, Bucket())
                ask.buckets.add(bucket=name, cursor=cursors[name], sum=base.sum())
        return ask

    def push(self, sets, ask=None):
        """One request with these sets (bytes); returns the frames of the answer, untouched."""
        stream = pack([frame(ask=ask or self.ask()), *(frame(set=one) for one in sets)])
        try:
            return self.post("/v1/sync", self.signed(stream))
        except Refused as no:
            if no.code != AGAIN:
                raise
            self.counter = no.counter
            return self.post("/v1/sync", self.signed(stream))

    def sync(self, deaf=False, references=True):
        """Pushes and pulls to the end; the verdicts in order. deaf: the reply is lost."""
        verdicts, more = [], True
        self.seal()
        while more:
            sets, ask = self.unsent[:], self.ask(references)
            for start, end in self.wants:   # once: what is not here any more is gone
                found = [own for own in self.sent.values()
                         if own.first <= end and own.last >= start]
                sets += found
                if not found:
                    gone = ask.gone.add(to=end)
                    setattr(gone, "from", start)
            sets.sort(key=lambda own: own.first)
            frames = self.push([own.bytes for own in sets], ask)
            if deaf:
                return []
            self.answered, self.wants = self.answered | set(self.wants), []
            kinds = [one.WhichOneof("body") for one in frames]
            same_order = sorted(kinds, key=["verdict", "want", "scope", "page", "end"].index)
            if kinds != same_order or kinds.count("verdict") != len(sets):
                raise Corrupt(f"order of the answer: {kinds}")
            verdicts += self.take(sets, frames)
            more = self.end.more or 0 in self.cursors.values() or self.wants
        return verdicts

    # -- what an answer brings

    def take(self, sets, frames):
        verdicts = [one.verdict for one in frames if one.HasField("verdict")]
        for own, verdict in zip(sets, verdicts):
            self.held.update({(self.device, h.counter): h.reason for h in verdict.held})
            if verdict.kind in (STORED, DUPLICATE) or verdict.kind == HELD and verdict.position:
                self.sent[own.first] = own
                self.unsent = [one for one in self.unsent if one is not own]
        for one in frames:
            kind = one.WhichOneof("body")
            if kind == "scope":
                self.take_scope(one.scope)
            elif kind == "want" and one.want.device in (b"", self.device):
                span = getattr(one.want, "from"), one.want.to
                self.wants += [span] if span not in self.answered else []
            elif kind == "page":
                self.take_page(one.page)
            elif kind == "end":
                self.end = one.end
                self.epoch = one.end.epoch or self.epoch
                if not one.end.more:
                    self.cursors.update({name: one.end.position for name in self.buckets
                                         if self.cursors.get(name) != 0})
                self.prove()
        return verdicts

    def take_scope(self, scope):
        self.scope_rev, self.buckets, self.roles = scope.rev, list(scope.buckets), scope.roles
        for name in [name for name in self.base if name not in self.buckets]:
            del self.base[name]
            self.cursors.pop(name, None)

    def take_page(self, page):
        bucket = Bucket() if page.reset else self.base.get(page.bucket, Bucket())
        for entry in page.entries:
            self.take_entry(bucket, entry, page.bucket)
            self.entries.setdefault(page.bucket, {})[entry.index] = entry
        self.base[page.bucket], self.cursors[page.bucket] = bucket, page.cursor
        self.pages += 1
        if page.last and page.sum != bucket.sum():
            if page.bucket in self.repaired:
                self.wrong.append(f"{page.bucket}: sum at {page.cursor}")
            else:
                self.repaired.append(page.bucket)
                self.base[page.bucket], self.cursors[page.bucket] = Bucket(), 0
        if page.vector and {u.device: u.counter for u in page.vector} != bucket.upto:
            self.wrong.append(f"{page.bucket}: vector at {page.cursor}")
        self.learn_forms()

    def take_entry(self, bucket, entry, name):
        counters = [(entry.device, counter) for counter in entry.counters]
        if entry.kind in (RELEASED, ACCEPTED):
            for dot in counters:
                bucket.release(dot)
        elif entry.kind == DECLINED:
            for dot in counters:
                bucket.decline(dot)
        elif entry.kind not in (FORKED, HELD_NOW) and (entry.set or entry.first):
            held = {one.counter: one.reason for one in entry.held}
            got = Set(entry.set or self.sent[entry.first].bytes)
            if got.bucket != name:
                raise Corrupt("a set of another bucket")
            self.unproved.append(got)
            for change in got.changes:
                bucket.fold(change, held=change.dot[1] in held)
                # An author's clock is taken over, but not one from far in the future.
                if change.hlc >> 16 <= self.now() + 300000:
                    self.hlc = max(self.hlc, change.hlc)

    def learn_forms(self):
        for record in self.records("form"):
            name = record.value((FIELD, 0, 1, "", None, 0, b""))
            made = record.value((FIELD, 0, 3, "", None, 0, b""))
            if name and made and name[1].decode() not in self.forms:
                self.forms[name[1].decode()] = FormView(made[1])

    def records(self, form):
        for bucket in list(self.base.values()):
            for record in list(bucket.records.values()):
                if record.form and record.form[0] == form:
                    yield record

    def prove(self):
        """Every set that was taken in is signed by a device of the catalogue."""
        for record in self.records("device"):
            ident = record.value((FIELD, 0, 1, "", None, 0, b""))
            key = record.value((FIELD, 0, 2, "", None, 0, b""))
            self.keys[ident[1]] = key[1]
        for one in self.unproved:
            one.verify(self.log, self.keys[one.device])
        self.unproved = []

    # -- writing

    def save(self, change):
        """Gives a change its dot and its clocks; it waits for the next sync."""
        self.last += 1
        change.dot, change.wall = (self.device, self.last), self.now()
        change.mono = int((time.monotonic() - self.started) * 1000)
        self.hlc = change.hlc = max(max(change.wall, 0) << 16, self.hlc + 1)
        if change.create:
            change.record = record_id(change.dot, change.create[2])
        change.prev, self.here[change.bucket] = self.here.get(change.bucket, 0), self.last
        for op in change.ops:
            if op.path[0] == ITEM and op.path[4] is None:
                op.path = op.path[:4] + (change.dot,) + op.path[5:]
        self.pending.append(change)
        return change

    def book(self, name):
        """The bucket as this device sees it: the base, and what is not in it yet."""
        view = self.base.get(name, Bucket()).copy()
        changes = [c for own in [*self.sent.values(), *self.unsent] for c in own.changes]
        for change in changes + self.pending:
            if change.bucket == name and change.dot not in self.held and not change.frozen():
                view.fold(change)
        return view

    def home(self, ident):
        own = [*self.pending, *(c for one in [*self.sent.values(), *self.unsent]
                                for c in one.changes)]
        name = next((name for name in self.base if ident in self.base[name].records), None)
        name = name or next(c.bucket for c in own if c.record == ident)
        return name, self.book(name)

    def show(self, ident):
        return self.home(ident)[1].records[ident]

    def new(self, form, unit, values=(), bucket=None):
        view = self.forms[form]
        values = {"unit_id": unit, **dict(values)}
        ops = []
        for name, text in values.items():
            path, field = view.find(name)
            ops.append(Op(path, view.value(field, text)))
        return self.save(Change(create=(form, 1, os.urandom(16)), ops=ops,
                                bucket=bucket or f"{self.commune}/unit/{unit}")).record

    def edit(self, ident, values=(), **how):
        """values: name -> text, None clears. how: act, reason, amend, ops."""
        name, view = self.home(ident)
        form = self.forms[view.records[ident].form[0]]
        change = Change(record=ident, bucket=name, **how)
        for field_name, text in dict(values).items():
            path, field = form.find(field_name)
            change.ops.append(Op(path, form.value(field, text)))
        view.complete(change, {op.path: form.field_class(op.path) for op in change.ops})
        return self.save(change)

    def item(self, ident, group, values):
        """A new item of a listed group; returns it as written."""
        name, view = self.home(ident)
        form = self.forms[view.records[ident].form[0]]
        ops = []
        for field_name, text in values.items():
            path, field = form.find(f"{group}.{field_name}", (None, 0))
            verb = REMARK if form.field_class(path) == "remark" else MAKE
            ops.append(Op(path, form.value(field, text), verb))
        change = Change(record=ident, bucket=name, ops=ops)
        view.complete(change, {op.path: form.field_class(op.path) for op in ops})
        return f"{written(self.save(change).dot)}:0"

    def skeleton(self, changes, **header):
        first = changes[0]
        out = pb.Skeleton(format=1, first=first.dot[1], prev=self.head, here=first.prev,
                          bucket=first.bucket, hlc=first.hlc, wall_ms=first.wall,
                          mono_ms=first.mono, boot=self.boot, scope_rev=self.scope_rev,
                          role=OFFICER, fold_version=1)
        for name, value in header.items():
            setattr(out, name, value)
        return out

    def seal(self, tamper=None, key=None, **header):
        """Signs what waits: one set for each run of changes in one bucket. tamper(skeleton,
        values) may change what is signed and return bytes to put behind it, for those who want
        to know what comes of it."""
        while self.pending:
            run = [self.pending[0]]
            for change in self.pending[1:CHANGES_MAX]:
                if change.bucket != run[0].bucket:
                    break
                run.append(change)
            skeleton = self.skeleton(run, **header)
            values = put_changes(skeleton, self.device, run)
            tail = tamper(skeleton, values) if tamper else None
            tail = tail if isinstance(tail, bytes) else b""
            data, self.head = sealed(key or self.key, self.log, self.device,
                                     skeleton.SerializeToString() + tail, values)
            self.pending = self.pending[len(run):]
            self.unsent.append(Own(run[0].dot[1], run[-1].dot[1], run[0].bucket, data, run))
        return self.unsent


def default_now():
    return time.time_ns() // 1_000_000


def main():
    """usage: sotay2.py LINK   enrols, syncs, and says what came."""
    link = sys.argv[1]
    client = Client(link)
    client.enrol(link)
    client.sync()
    for name in client.buckets:
        bucket = client.base[name]
        print(f"{name}: {len(bucket.records)} records, sum {bucket.sum().hex()}")
    print("wrong:", client.wrong or "nothing")


if __name__ == "__main__":
    main()
