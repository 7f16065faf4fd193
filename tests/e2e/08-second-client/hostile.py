"""What a client does wrong, on purpose or because it is newer, gets the answer that the page
promises; what it wrote beside it, in the same set and in the next, is in the book."""
import unicodedata

from lib import *
from sotay2 import *
from together import agree, field_of, stranger, verdicts

UNIT = "01477/unit/01477-x013"
ODD_ITEM = (bytes([1] * 16), 1)


# ---- one odd change, a good one in the same set, a good one in the next -------------------------

def visit(client, place):
    return client.new("visit", "01477-x013", {"visit_kind": "kiem_tra", "place": place})


def place_of(world, ident):
    return values(world.show(ident.hex()), "place")


def op(path, value=(NULL, None), verb=SET, element=b""):
    """Writes one operation on the record, straight, without asking the form."""
    def write(client, record):
        where = client.forms["visit"].find(path)[0] if isinstance(path, str) else path
        client.save(Change(record=record, bucket=UNIT,
                           ops=[Op(where[:6] + (element,), value, verb)]))
    return write


def text(words):
    return TEXT, words.encode() if isinstance(words, str) else words


def act(kind, **how):
    def write(client, record):
        context = client.home(record)[1].context(record)
        client.save(Change(record=record, bucket=UNIT, act=kind, context=context, **how))
    return write


def create(form, version=1, bucket=UNIT, ops=()):
    def write(client, record):
        client.save(Change(create=(form, version, os.urandom(16)), bucket=bucket, ops=list(ops)))
    return write


def edit(client, record):
    client.edit(record, {"place": "lạ"})


def in_op(**fields):
    def tamper(skeleton, values):
        for name, value in fields.items():
            setattr(skeleton.changes[0].ops[0], name, value)
    return tamper


def in_change(**fields):
    def tamper(skeleton, values):
        for name, value in fields.items():
            setattr(skeleton.changes[0], name, value)
    return tamper


def behind(tail):
    return lambda skeleton, values: tail


def only(reason):
    return {0: reason}


def both(reason):
    return {0: reason, 1: reason}


def try_odd(client, row, good):
    """Plays one row of a table; adds to good what must be in the book whatever the row was."""
    name, want, write, *rest = row
    tamper, header, unread = None, {}, want == only(CORRUPT)
    for one in rest:
        if callable(one):
            tamper = one
        elif one == "unread":
            unread = True
        else:
            header = one
    record = visit(client, "gốc")
    client.sync()
    first = client.last + 1
    write(client, record)
    beside = visit(client, "cùng gói")
    client.seal(tamper, **header)
    got = client.sync()
    held = {h.counter - first: h.reason for verdict in got for h in verdict.held}
    same(held, want, name)
    need(all(verdict.position > 0 for verdict in got), f"{name}: kept")
    whole = unread or len(want) == 2
    same(got[0].kind, HELD if whole or len(got) > 1 else STORED, f"{name}: verdict")
    if not whole:
        good.append((name, beside, "cùng gói"))
    good.append((name, visit(client, "gói sau"), "gói sau"))
    got = client.sync()
    same([(v.kind, len(v.held)) for v in got], [(STORED, 0)], f"{name}: the next set")
    same(client.answered, set(), f"{name}: nothing is missing")
    same(client.wrong, [], f"{name}: sums and vectors")
    good.append((name, record, "gốc"))


def table(rows):
    with commune() as w:
        good, phone = [], w.phone("binh")
        for n, row in enumerate(rows):
            if n % 6 == 0:       # one device says several of them, and goes on
                client = stranger(w)
            try_odd(client, row, good)
        phone.sync()
        for name, ident, place in good:
            same(values(phone.show(ident.hex()), "place"), {place}, f"{name}: beside it")
        same(phone.sync()["repaired_buckets"], [], "sums of the real phone")
        last = stranger(w, "chi")
        same((last.wrong, last.repaired), ([], []), "a new reader's sums and vectors")
        w.stop()
        same(w.ctl("verify").code, 0, "verify")


def who_may_write_what():
    table([
        ("role of the office", both(ROLE), edit, {"role": OFFICE}),
        ("no role", both(ROLE), edit, {"role": 0}),
        ("via the operator", both(ROLE), edit, {"via": 1}),
        ("another's name", both(ROLE), edit, {"actor": bytes([7] * 16)}),
        ("an officer accepts", only(ROLE), op("ratings.x1.accepted_rating", (INT, 1))),
        ("computed by the server", only(ROLE), op("period", (CODE, b"2026"))),
        ("a state is written", only(ROLE), op("state", (INT, 3))),
        ("a fixed field later", only(ROLE), op("field_code", (CODE, b"TK7-012"))),
        ("another unit's name", only(BUCKET), op("unit_id", (CODE, b"01477-x014"))),
        ("the office's moves", only(STATE), act(REVIEW)),
        ("approves", only(STATE), act(APPROVE)),
        ("locks", only(STATE), act(LOCK)),
        ("makes a unit", only(ROLE), create("unit", bucket="01477/catalogue")),
        ("a room that is not the officer's", only(SCOPE),
         create("assessment", bucket="01477/council")),
        ("a unit not assigned", only(SCOPE), create("visit", bucket="01477/unit/01477-x020")),
        ("a unit that is not there", only(SCOPE), create("visit", bucket="01477/unit/nowhere")),
        ("another commune", only(BUCKET), create("visit", bucket="99999/unit/99999-x013")),
        ("a visit in the catalogue", only(BUCKET), create("visit", bucket="01477/catalogue")),
        ("a unit in a unit's bucket", only(BUCKET), create("unit")),
    ])


def forms_and_values():
    table([
        ("unknown form", only(FORM), create("nothing")),
        ("unknown version of a form", only(FORM), create("visit", 99)),
        ("unknown field", only(FORM), op((FIELD, 0, 999, "", None, 0), text("x"))),
        ("unknown group", only(FORM), op((KEYED, 800, 1, "x1", None, 0), text("x"))),
        ("a keyed group as a list", only(FORM), op((ITEM, 40, 1, "", ODD_ITEM, 0), (INT, 1))),
        ("too long", only(VALUE), op("place", text("x" * 121))),
        ("unknown option", only(VALUE), op("ratings.x1.rating", (INT, 99))),
        ("a date in words", only(VALUE), op("visit_date", text("2026-03-12"))),
        ("a date far away", only(VALUE), op("visit_date", (INT, 10 ** 14))),
        ("minute 1440", only(VALUE), op("started_at", (INT, 1440))),
        ("fewer than none", only(VALUE), op("copies", (INT, -1))),
        ("north of the pole", only(VALUE),
         op("position", (GEO, struct.pack(">iiIq", 910000000, 0, 1, 0)))),
        ("an element of no set", only(VALUE), op("place", (INT, 1), ADD, b"x")),
        ("a set written as a value", only(VALUE), op("joint_with", (CODE, b"x"))),
        ("a remark where none stays", only(VALUE), op("place", text("x"), REMARK)),
        ("a remark that is replaced", only(VALUE), op((ITEM, 900, 1, "", ODD_ITEM, 0),
                                                      text("x"))),
        ("an id of one byte", only(VALUE), op("observed_by", (INT, 1), ADD, b"x")),
    ])


def what_a_newer_client_may_say():
    table([
        ("verb 99", only(VERSION), edit, in_op(verb=99)),
        ("act 99", only(VERSION), act(99)),
        ("an act 99 in under", only(VERSION), edit,
         lambda s, v: s.changes[0].under.add(kind=99).dot.CopyFrom(pb.Dot(counter=1))),
        ("a value of kind 99", only(VERSION), op("copies", (INT, 3)), in_op(kind=99)),
        ("detached values of kind 99", both(VERSION), edit, in_op(kind=99)),
        ("role 99", both(VERSION), edit, {"role": 99}),
        ("via 99", both(VERSION), edit, {"via": 99}),
        ("only version 9 can fold it", both(VERSION), edit, {"fold_version": 9}),
        ("format 2", only(VERSION), edit, {"format": 2}, "unread"),
    ])


def repeat_path(skeleton, values):
    skeleton.changes[0].ops.add().CopyFrom(skeleton.changes[0].ops[0])
    values.insert(1, b"y")


def what_breaks_the_rules():
    nfd = unicodedata.normalize("NFD", "nhà văn hóa")
    table([
        ("NFD", only(CORRUPT), op("place", text(nfd))),
        ("NUL", only(CORRUPT), op("place", text("a\0b"))),
        ("not UTF-8", only(CORRUPT), op("place", text(b"\xff\xfe"))),
        ("an overlong letter", only(CORRUPT), op("place", text(b"\xc0\xaf"))),
        ("half a pair", only(CORRUPT), op("place", text(b"\xed\xa0\x80"))),
        ("a reason in NFD", only(CORRUPT), act(WITHDRAW, reason=nfd.encode())),
        ("a long reason", only(LIMIT), act(WITHDRAW, reason=b"x" * 1001), "unread"),
        ("a value of 65,537 bytes", only(LIMIT), op("general_note", text("x" * 65537)), "unread"),
        ("no code", only(CORRUPT), op("refiled_to", (CODE, b"a b"))),
        ("a short position", only(CORRUPT), op("position", (GEO, b"1234"))),
        ("sends what was erased", only(CORRUPT), op("copies"), in_op(kind=8)),
        ("an element of 33 bytes", only(CORRUPT), op("joint_with", (INT, 1), ADD, b"x" * 33)),
        ("an empty remark", only(CORRUPT), op("place", (NULL, None), REMARK)),
        ("settles nothing", only(CORRUPT), op("place", text("x"), RESOLVE)),
        ("another's record id", only(CORRUPT), create("visit"), in_change(record=bytes([5] * 16))),
        ("no record id", only(CORRUPT), edit, in_change(record=bytes(16))),
        ("a record id of 15 bytes", only(CORRUPT), edit, in_change(record=bytes([1] * 15))),
        ("15 random bytes", only(CORRUPT), create("visit"),
         lambda s, v: setattr(s.changes[0].create, "random", bytes(15))),
        ("version 0 of a form", only(CORRUPT), create("visit", 0)),
        ("a device for nothing", only(CORRUPT), edit,
         lambda s, v: s.devices.append(bytes([9] * 16))),
        ("a device that is not listed", only(CORRUPT), edit,
         lambda s, v: s.changes[0].ops[0].replaces.extend((4, 1))),
        ("dots in disorder", only(CORRUPT), edit,
         lambda s, v: s.changes[0].ops[0].replaces.extend((0, 1))),
        ("replaces itself", only(CORRUPT), edit,
         lambda s, v: s.changes[0].ops[0].replaces.extend((0, s.first))),
        ("a value too many", only(CORRUPT), edit, lambda s, v: v.append(b"x")),
        ("a value too few", only(CORRUPT), edit, lambda s, v: v.clear()),
        ("a path twice", only(CORRUPT), edit, repeat_path),
        ("a bucket of no kind", only(CORRUPT), create("visit", bucket="nonsense")),
        ("a bucket of a later kind", only(CORRUPT), create("visit", bucket="01477/secret")),
        ("here beyond the set", only(CORRUPT), edit, {"here": 77}),
        ("seven bytes of boot", only(CORRUPT), edit, {"boot": b"1234567"}),
        ("a checkpoint without a root", only(CORRUPT), edit, {"seen_size": 4}),
        ("clocks beyond their range", only(CORRUPT), edit,
         lambda s, v: setattr(s.changes[0], "hlc_step", -2 ** 63)),
        ("fold version 0", only(CORRUPT), edit, {"fold_version": 0}),
        ("a group on the wire", only(CORRUPT), edit, behind(b"\xfb\x3f\xfc\x3f")),
        ("an over-long varint", only(CORRUPT), edit, behind(b"\xf8\x3f\x80\x00")),
        ("a field twice", only(CORRUPT), edit, behind(b"\x58\x01\x58\x01")),
        ("a wrong wire type", only(CORRUPT), edit, behind(b"\x72\x01\x01")),
        ("cut", only(CORRUPT), edit, behind(b"\x92\x01\x7f\x01")),
    ])


CASES = [who_may_write_what, forms_and_values, what_a_newer_client_may_say, what_breaks_the_rules]
