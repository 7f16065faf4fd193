"""Bodies that are not what the page says, clocks that are wrong, and replies that are lost: a
defined answer, and the book as if each request had come once."""
import random

from lib import *
from sotay2 import *
from chains import entries, push
from hostile import UNIT, edit, place_of, visit
from together import agree, field_of, stranger, verdicts

SKIP = struct.pack("<I", 0x184D2A50)           # a skippable frame of zstd
WINDOW = {10 * (window - 10): window for window in (20, 21, 27)}


def refused(client, stream):
    """(status, code) of a signed request with this stream; (200, 0) when it is taken."""
    try:
        client.post("/v1/sync", client.signed(stream))
    except Refused as no:
        return no.status, no.code
    return 200, 0


def raw(data, **how):
    return pack([data], **how)


def framed(data):
    return varint(len(data)) + data


def asked(client, extra=b"", **fields):
    """An ask with fields changed, and bytes behind its own."""
    ask = client.ask()
    for name, value in fields.items():
        setattr(ask, name, value)
    data = ask.SerializeToString() + extra
    return framed(b"\x0a" + varint(len(data)) + data)


def check(rows):
    with commune() as w:
        client, other = stranger(w), stranger(w, "binh")
        before = entries(w)
        for name, want, make in rows:
            started = time.time()
            same(refused(client, make(client)), want, name)
            need(time.time() - started < 5 * SLOW, f"{name}: took {time.time() - started:.1f} s")
        same(entries(w), before, "nothing was taken in")
        for one in (client, other):
            ident = visit(one, "sau")
            same(verdicts(one), [STORED], "the next request of the same device, and of another")
            same(place_of(w, ident), {"sau"}, "in the book")


def messages_that_break_the_rules():
    long = varint(5000)
    check([
        ("nothing", (422, 8), lambda c: b""),
        ("no zstd", (422, 8), lambda c: b"x" * 500),
        ("an empty frame", (422, 8), lambda c: raw(b"")),
        ("cut in the stream", (422, 8), lambda c: raw(asked(c))[:-6]),
        ("cut in a frame", (422, 8), lambda c: raw(asked(c)[:-3])),
        ("behind the end", (422, 8), lambda c: raw(asked(c)) + b"x"),
        ("two streams", (422, 8), lambda c: raw(asked(c)) + raw(asked(c))),
        ("no ask", (422, 8), lambda c: raw(frame(want=pb.Want(to=1)))),
        ("two asks", (422, 8), lambda c: raw(asked(c) * 2)),
        ("a set before the ask", (422, 8), lambda c: raw(frame(set=b"x") + asked(c))),
        ("a page in a request", (422, 8), lambda c: raw(asked(c) + frame(page=pb.Page()))),
        ("an over-long length", (422, 8), lambda c: raw(asked(c) + b"\x80\0")),
        ("a length of eleven bytes", (422, 8), lambda c: raw(asked(c) + b"\xff" * 11)),
        ("a frame over 4 MiB", (413, 7), lambda c: raw(asked(c) + varint((4 << 20) + 1)
                                                       + bytes((4 << 20) + 1))),
        ("a length beyond all", (422, 8), lambda c: raw(asked(c) + varint(1 << 62))),
        ("a set over 512 KiB", (413, 7), lambda c: raw(asked(c) + frame(set=os.urandom(524289)))),
        ("4,097 sets", (413, 7), lambda c: raw(asked(c) + frame(set=b"x") * 4097)),
        ("200,001 fields", (413, 7), lambda c: raw(asked(c, b"\xf8\x3f\x01" * 200001))),
        ("nine levels", (422, 8), lambda c: raw(asked(c, b"\xfb\x3f" * 9 + b"\xfc\x3f" * 9))),
        ("an over-long varint", (422, 8), lambda c: raw(asked(c, b"\xf8\x3f\x80\0"))),
        ("a varint of eleven bytes", (422, 8), lambda c: raw(asked(c, b"\xf8\x3f" + b"\xff" * 11))),
        ("a wrong wire type", (422, 8), lambda c: raw(asked(c, b"\x0d\1\1\1\1"))),
        ("a field twice", (422, 8), lambda c: raw(asked(c, b"\x08\x01"))),
        ("a length that lies", (422, 8), lambda c: raw(asked(c, b"\xa2\x3f" + long + b"x"))),
        ("a bucket that is no UTF-8", (422, 8),
         lambda c: raw(asked(c, b"\x32\x04\x0a\x02\xff\xfe"))),
        ("a bucket with NUL", (422, 8), lambda c: raw(asked(c, b"\x32\x05\x0a\x03a\0b"))),
        ("an epoch of 7 bytes", (422, 8), lambda c: raw(asked(c, epoch=b"1234567"))),
        ("version 2", (426, 9), lambda c: raw(asked(c, version=2))),
    ])


def zstd_with(client, window_byte):
    """The ask, in a stream that says it needs a window of another size."""
    data = asked(client)
    header = struct.pack("<IBB", 0xFD2FB528, 0, window_byte)
    return header + struct.pack("<I", len(data) << 3 | 1)[:3] + data


def zeros(count):
    """A stream of one zstd frame, a few bytes for each 128 KiB of zeros: run-length blocks."""
    blocks = [struct.pack("<I", 131072 << 3 | 1 << 1)[:3] + b"\0"] * (count // 131072)
    return (struct.pack("<IBB", 0xFD2FB528, 0, 7 << 3) + b"".join(blocks) + b"\1\0\0")


def streams_that_burst():
    check([
        ("an honest window", (200, 0), lambda c: zstd_with(c, 10 << 3)),
        ("a window of 2^21", (413, 7), lambda c: zstd_with(c, 11 << 3)),
        ("a window of 2^27", (413, 7), lambda c: zstd_with(c, 17 << 3)),
        ("a window of 2^41", (413, 7), lambda c: zstd_with(c, 31 << 3)),
        ("a dictionary", (422, 8), lambda c: struct.pack("<IBBB", 0xFD2FB528, 1, 7 << 3, 9)
         + zstd_with(c, 7 << 3)[6:]),
        ("a block of a kind that is not", (422, 8),
         lambda c: struct.pack("<IBB", 0xFD2FB528, 0, 7 << 3) + b"\7\0\0"),
        ("a skippable frame first", (422, 8), lambda c: SKIP + b"\1\0\0\0x" + raw(asked(c))),
        ("a skippable frame last", (422, 8), lambda c: raw(asked(c)) + SKIP + b"\0\0\0\0"),
        ("a million skippable frames", (422, 8), lambda c: (SKIP + bytes(4)) * (1000 * 1000)),
        ("one of 8 MiB", (422, 8), lambda c: SKIP + struct.pack("<I", (8 << 20) - 200)
         + bytes((8 << 20) - 200)),
        ("empty frames", (422, 8), lambda c: raw(b"") * 50000),
        ("1 GiB of zeros in 33 kB", (413, 7), lambda c: zeros(1 << 30)),
        ("128 MiB of skipped frames", (413, 7),
         lambda c: pack([asked(c)] + 128 * [framed(b"\xa2\x7f" + framed(bytes(1 << 20)))])),
        ("a frame of 1 GiB", (422, 8), lambda c: raw(asked(c) + varint(1 << 30) + bytes(8 << 20))),
    ])


def a_body_over_the_limit():
    with commune() as w:
        client = stranger(w)
        before = entries(w)
        same(refused(client, bytes((8 << 20) - 96))[0], 413, "8 MiB and a byte")
        same(refused(client, bytes((8 << 20) - 97)), (422, 8), "8 MiB")
        same(entries(w), before, "log entries")
        client.sync()


def frames_that_are_newer_are_skipped():
    with commune() as w:
        client = stranger(w)
        ident = visit(client, "đình")
        own, = client.seal()
        stream = raw(asked(client, b"\xf8\x3f\x07") + framed(b"\xa2\x7f\x05later")
                     + framed(b"") + frame(set=own.bytes))
        frames = client.post("/v1/sync", client.signed(stream))
        same(frames[0].verdict.kind, STORED, "the set behind a frame of an unknown kind")
        same(place_of(w, ident), {"đình"}, "in the book")


def clocks_that_are_wrong():
    with commune() as w:
        clocks = {"1970": 86400000, "before 1970": -86400000, "2199": 7258032000000}
        today = default_now()
        an = w.phone("an")
        fine = stranger(w, "chi")
        for name, now in clocks.items():
            client = stranger(w, "binh", now=lambda now=now: now)
            ident = visit(client, name)
            same(verdicts(client), [STORED], name)
            client.edit(ident, {"place": f"sửa {name}"})
            same(verdicts(client), [STORED], name)
            an.sync()
            fine.sync()
            fine.edit(ident, {"general_note": "của chi"})
            same(verdicts(fine), [STORED], f"{name}: an edit by somebody else")
            an.set(ident.hex(), f"place=của an {name}")
            an.sync()
            client.sync()
            fine.sync()
            for one in (client, fine):
                agree(w, one, ident, an)
            same(place_of(w, ident), {f"của an {name}"}, f"{name}: order by knowledge")
        need(fine.hlc >> 16 < today + 600000, "the second client's stamp")
        stamp = an.new("visit", w.units[0], "visit_kind=giam_sat")
        an.sync()
        hlc = an.show(stamp)["fields"]["visit_kind"]["values"][0]["hlc"]
        need(int(hlc.split(".")[0]) < today + 600000, f"the real phone's stamp {hlc}")
        # A set that claims a stamp from far away is kept as it is, and moves nobody.
        client = stranger(w, "binh")
        client.hlc = (1 << 64) - 1000
        ident = visit(client, "rất xa")
        same(verdicts(client), [STORED], "the last stamp of all")
        for one in (fine, an):
            one.sync()
        need(fine.hlc >> 16 < today + 600000, "the second client's stamp")
        w.ctl("set", ident.hex(), "joint_with=01477-x014", "--as", "office")
        for one in (fine, an):
            one.sync()
        same([int(change["hlc"].split(".")[0]) < today + 600000
              for change in field(w.show(ident.hex()), "joint_with")["values"]], [True],
             "the server's own stamp")
        last = an.new("visit", w.units[0], "visit_kind=giam_sat")
        an.sync()
        hlc = an.show(last)["fields"]["visit_kind"]["values"][0]["hlc"]
        need(int(hlc.split(".")[0]) < today + 600000, f"the real phone's stamp {hlc}")
        agree(w, fine, ident, an)


def every_request_twice_and_every_reply_lost_once():
    seed, dice = seeded(8)
    with commune() as w:
        twice, deaf, an = stranger(w), stranger(w, "binh"), w.phone("chi")
        records = []
        for step in range(8):
            for client in (twice, deaf):
                if not records or dice.random() < 0.3:
                    records.append(visit(client, f"bước {step}"))
                known = [one for one in records if one in client.book(UNIT).records]
                client.edit(dice.choice(known), {"place": f"bước {step}"})
                if dice.random() < 0.5:
                    client.item(dice.choice(known), "findings", {"text": f"bước {step}"})
                if dice.random() < 0.3:
                    edit_act = dice.choice((FINALISE, WITHDRAW, OPEN))
                    client.edit(dice.choice(known), act=edit_act, reason="vì".encode())
            before = entries(w)
            client, sets = twice, [own.bytes for own in twice.seal()]
            stream = pack([frame(ask=client.ask()), *(frame(set=one) for one in sets)])
            first = client.post("/v1/sync", client.signed(stream))
            stored = entries(w)
            again = client.post("/v1/sync", client.signed(stream))
            same(entries(w), stored, f"step {step}, SEED={seed}: entries after a repeat")
            kinds = [one.verdict.kind for one in again if one.HasField("verdict")]
            same(kinds, [DUPLICATE] * len(sets), f"step {step}, SEED={seed}: verdicts")
            client.take(client.unsent[:], first)
            client.take([], [one for one in again if not one.HasField("verdict")])
            need(stored >= before, "entries")
            deaf.sync(deaf=True)
            stored = entries(w)
            deaf.sync()
            same(entries(w), stored, f"step {step}, SEED={seed}: entries after a lost reply")
        for one in (twice, deaf):
            one.sync()
            one.sync()
            same((one.wrong, one.repaired, one.unsent), ([], [], []), f"SEED={seed}")
        an.sync()
        for ident in records:
            agree(w, twice, ident)
            agree(w, deaf, ident, an)
            dots = [change["dot"] for change in w.history(ident.hex())["changes"]]
            same(len(dots), len(set(dots)), "each change once")
        w.stop()
        w.ctl("rebuild")
        w.ctl("verify")


def an_enrolment_repeated_or_forged():
    with commune() as w:
        link = w.ctl("enrol", "an").last()
        code, log_key = code_of(link)
        client = Client(w.url())
        sign_key = bytes(client.key.verify_key)

        def ask(**change):
            fields = dict(version=1, code=code, sign_key=sign_key, cosign_key=client.cosign,
                          install=client.install, label="x")
            proof = enrol_text(change.get("code", code), change.pop("log_key", log_key), sign_key,
                               client.cosign)
            fields["proof"] = client.key.sign(proof).signature
            fields.update(change)
            try:
                client.post("/v1/enrol", pack([frame(enrol_ask=pb.EnrolAsk(**fields))]))
            except Refused as no:
                return no.status, no.code
            return 200, 0
        for name, want, change in (
                ("another code", (403, 12), {"code": bytes(16)}),
                ("another log", (401, 10), {"log_key": bytes(32)}),
                ("no proof", (401, 10), {"proof": bytes(64)}),
                ("a short key", (422, 8), {"sign_key": bytes(31)}),
                ("a long label", (422, 8), {"label": "x" * 81}),
                ("version 2", (426, 9), {"version": 2})):
            same(ask(**change), want, name)
        same(ask(), (200, 0), "the code still works")
        same(ask(), (200, 0), "and again with the same keys")
        devices = w.ctl("device", "list", "--json").json()["devices"]
        same(len([one for one in devices if one["person"] == "an"]), 1, "one device")


CASES = [messages_that_break_the_rules, streams_that_burst, a_body_over_the_limit,
         frames_that_are_newer_are_skipped, clocks_that_are_wrong,
         every_request_twice_and_every_reply_lost_once, an_enrolment_repeated_or_forged]
