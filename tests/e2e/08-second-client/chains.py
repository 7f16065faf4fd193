"""Signatures, chains and what waits: every set of a device is stored once, a branch stays apart, a
gap stops nothing, and what is held comes in by itself or by the office."""
import copy
import csv
import json
import pathlib
import shutil
import tempfile

from lib import *
from sotay2 import *
from hostile import UNIT, act, edit, op, place_of, text, visit
from together import agree, field_of, stranger, verdicts


def push(client, *sets):
    """Sends bytes as they are; returns [(kind, stored, {counter: reason})] and the wants."""
    frames = client.push(sets)
    found = [(v.kind, v.position > 0, {h.counter: h.reason for h in v.held})
             for v in (one.verdict for one in frames if one.HasField("verdict"))]
    wants = [(getattr(one.want, "from"), one.want.to) for one in frames if one.HasField("want")]
    return found, wants


def entries(world):
    return world.ctl("stat", "--json").json()["log_entries"]


def signatures_that_are_not_the_authors():
    with commune() as w:
        client, other = stranger(w), stranger(w, "binh")
        ident = visit(client, "đình")
        own, = client.seal()
        right = pb.ChangeSet.FromString(own.bytes)
        before = entries(w)
        flipped = bytes([right.signature[0] ^ 1]) + right.signature[1:]
        wrong = {"a bit": (pb.ChangeSet(signature=flipped), {1: SIGNATURE}),
                 "none": (pb.ChangeSet(signature=bytes(64)), {1: SIGNATURE}),
                 "another's": (pb.ChangeSet(signature=other.key.sign(set_text(
                     other.log, client.device, Set(own.bytes).hash)).signature), {1: SIGNATURE}),
                 "another's name": (pb.ChangeSet(device=other.device), {1: SIGNATURE}),
                 "a name nobody has": (pb.ChangeSet(device=bytes([4] * 16)), {1: DEVICE}),
                 "another seed": (pb.ChangeSet(seed=bytes(32)), {1: SIGNATURE}),
                 "a short signature": (pb.ChangeSet(signature=bytes(63)), {0: CORRUPT})}
        for name, (change, reasons) in wrong.items():
            forged = copy.deepcopy(right)
            for field_name, value in change.ListFields():
                setattr(forged, field_name.name, value)
            got = push(client, forged.SerializeToString())
            same(got, ([(HELD, False, reasons)], []), name)
        forged = copy.deepcopy(right)
        forged.values[-1] = "chợ".encode()
        same(push(client, forged.SerializeToString())[0], [(HELD, False, {1: SIGNATURE})],
             "another value")
        same(entries(w), before, "nothing was stored")
        same(verdicts(client), [STORED], "the right bytes")
        same(place_of(w, ident), {"đình"}, "and only they")


def a_set_carried_by_another_device():
    with commune() as w:
        client, carrier = stranger(w), stranger(w, "binh")
        ident = visit(client, "đình")
        own, = client.seal()
        mine = visit(carrier, "chợ")
        carrier.seal()
        got = push(carrier, carrier.unsent[0].bytes, own.bytes)
        same(got, ([(STORED, True, {})] * 2, []), "both")
        change = w.history(ident.hex())["changes"][0]
        same((change["device"], change["carrier"]), (client.device.hex(), carrier.device.hex()),
             "author and carrier")
        same(verdicts(client), [DUPLICATE], "its author sends it too")
        carrier.unsent.clear()
        carrier.sync()
        agree(w, carrier, ident)
        agree(w, client, mine)


def unknown_fields_are_kept_as_they_came():
    with commune() as w:
        client, reader, an = stranger(w), stranger(w, "binh"), w.phone("an")

        def newer(skeleton, values):
            for message in (skeleton, skeleton.changes[0], skeleton.changes[0].ops[0]):
                message.MergeFromString(b"\xf8\x3f\x07" + b"\xa2\x3f\x05later")
        ident = visit(client, "đình")
        own, = client.seal(newer)
        own.bytes += b"\xf8\x3f\x07"          # in the envelope, which nobody signs
        same(verdicts(client), [STORED], "stored")
        reader.sync()
        served = [one.set for one in reader.entries[UNIT].values()]
        same(served, [own.bytes], "served as it came")
        same(verdicts(client), [], "nothing more")
        an.sync()
        agree(w, reader, ident, an)
        w.stop()
        w.ctl("rebuild")
        w.ctl("verify")


def sixty_five_siblings():
    with commune() as w:
        client, an = stranger(w), w.phone("an")
        ident = visit(client, "gốc")
        client.sync()
        for n in range(70):
            op("general_note", text(f"lần {n}"))(client, ident)
        beside = visit(client, "cùng gói")
        got, = client.sync()
        same(got.kind, STORED, "verdict")
        same([h.reason for h in got.held], [LIMIT] + 5 * [WAITS], "the 65th and those behind it")
        same(got.held[0].counter, 66, "which is the 65th")
        an.sync()
        same(place_of(w, beside), {"cùng gói"}, "beside it")
        same(len(values(an.show(ident.hex()), "general_note")), 64, "64 are kept")
        agree(w, client, ident, an)


def an_edit_before_its_record():
    with commune() as w:
        author, client = stranger(w, "binh"), stranger(w)
        ident = visit(author, "gốc")
        author.seal()
        edit_change = Change(record=ident, bucket=UNIT, ops=[
            Op(client.forms["visit"].find("general_note")[0], text("đến trước"))])
        client.save(edit_change)
        got, = client.sync()
        same([(h.counter, h.reason) for h in got.held], [(1, NO_RECORD)], "waits")
        client.save(Change(record=ident, bucket=UNIT, ops=[
            Op(client.forms["visit"].find("copies")[0], (INT, 2))]))
        got, = client.sync()
        same([h.reason for h in got.held], [WAITS], "what comes after it waits with it")
        same(verdicts(author), [STORED], "the record comes")
        same(field_of(w.show(ident.hex()), "general_note")["value"], "đến trước", "let in")
        same(field_of(w.show(ident.hex()), "copies")["value"], 2, "and what waited")
        for one in (client, author):
            one.held.clear()
            one.sync()
            agree(w, one, ident)


def an_edit_before_its_record_by_one_device():
    with commune() as w:
        client = stranger(w)
        ident = visit(client, "gốc")
        client.seal()
        client.edit(ident, {"place": "đến trước"})
        made, edited = client.seal()
        same(push(client, edited.bytes), ([(HELD, True, {2: NO_RECORD})], [(1, 1)]), "waits")
        same(push(client, made.bytes), ([(STORED, True, {})], []), "the record comes")
        same(place_of(w, ident), {"đến trước"}, "let in by itself")
        client.sync()
        agree(w, client, ident)
        agree(w, stranger(w, "binh"), ident)


def frozen_and_what_waits_behind_it():
    with commune() as w:
        client, an = stranger(w), w.phone("an")
        ident = visit(client, "gốc")
        client.edit(ident, {"visit_date": "2026-03-12"})
        client.edit(ident, act=FINALISE)
        client.sync()
        first = client.last + 1
        client.edit(ident, {"place": "sửa sau"})      # knows of it, and is no amendment
        client.edit(ident, {"general_note": "thêm"}, amend=True, reason="thiếu".encode())
        beside = visit(client, "cùng gói")
        got, = client.sync()
        same({h.counter - first: h.reason for h in got.held}, {0: FROZEN, 1: WAITS}, "held")
        same(place_of(w, ident), {"gốc"}, "not applied")
        same(place_of(w, beside), {"cùng gói"}, "beside it")
        held = w.ctl("held", "--json").json()["held"]
        frozen = next(one for one in held if one["reason"] == "frozen")
        w.ctl("held", "accept", frozen["n"], "--as", "office", "--reason", "đúng")
        client.held.clear()
        client.sync()
        an.sync()
        same(place_of(w, ident), {"sửa sau"}, "let in by the office")
        agree(w, client, ident, an)
        # Declined: counts as come, without effect, and takes its followers along.
        client.edit(ident, {"place": "sửa nữa"})
        client.edit(ident, {"copies": "3"})
        client.sync()
        held = w.ctl("held", "--json").json()["held"]
        frozen = next(one for one in held if one["reason"] == "frozen")
        w.ctl("held", "decline", frozen["n"], "--as", "office", "--reason", "sai")
        client.sync()
        an.sync()
        same(place_of(w, ident), {"sửa sau"}, "declined")
        agree(w, client, ident, an)
        client.edit(ident, {"copies": "4"}, amend=True, reason="thiếu".encode())
        same(verdicts(client), [STORED], "an amendment is not frozen")
        agree(w, client, ident)


def the_same_request_and_old_counters():
    with commune() as w:
        client = stranger(w)
        visit(client, "đình")
        client.seal()
        body = client.signed(pack([frame(ask=client.ask()), frame(set=client.unsent[0].bytes)]))
        same(client.post("/v1/sync", body)[0].verdict.kind, STORED, "stored")
        before = entries(w)
        for name, counter in (("again", None), ("used", client.counter)):
            again = body if counter is None else client.signed(
                pack([frame(ask=client.ask())]), counter)
            try:
                client.post("/v1/sync", again)
                need(False, f"{name}: was taken")
            except Refused as no:
                same((no.status, no.code, no.counter), (409, AGAIN, client.counter), name)
        client.counter += 5000
        client.push([])
        fresh = client.counter - 1000
        client.post("/v1/sync", client.signed(pack([frame(ask=client.ask())]), fresh))
        for counter in (fresh, client.counter - 1024, 3):
            try:
                client.post("/v1/sync", client.signed(pack([frame(ask=client.ask())]), counter))
                need(False, f"counter {counter} was taken")
            except Refused as no:
                same((no.code, no.counter), (AGAIN, client.counter), f"counter {counter}")
        same(entries(w), before, "log entries")
        client.counter = 0                            # has forgotten: jumps and goes on
        same(verdicts(client), [DUPLICATE], "goes on")


def heads_that_are_not_the_devices():
    with commune() as w:
        client, other = stranger(w), stranger(w, "binh")
        stream = pack([frame(ask=client.ask())])
        body, before = client.signed(stream), entries(w)
        wrong = {
            "a bit of the signature": (body[:96] + bytes([body[96] ^ 1]) + stream, (401, 10)),
            "another stream": (body[:97] + pack([frame(ask=other.ask())]) + b"", (401, 10)),
            "another counter": (body[:32] + bytes([body[32] ^ 7]) + body[33:], (401, 10)),
            "another install": (body[:17] + bytes(8) + body[25:], (401, 10)),
            "another device": (body[:1] + other.device + body[17:], (401, 10)),
            "an unknown device": (body[:1] + bytes(16) + body[17:], (403, 4)),
            "another path": (client.signed(stream, path="/v1/enrol"), (401, 10)),
            "a stream that leans on nothing we have":
                (client.signed(stream, base=b"nothing"), (409, 6)),
            "version 3, which goes on with pieces of files": (b"\x03" + body[1:], (422, 8)),
            "version 4": (b"\x04" + body[1:], (426, 9)),
            "a short head": (body[:90], (422, 8)),
        }
        for name, (data, want) in wrong.items():
            try:
                client.post("/v1/sync", data)
                need(False, f"{name}: was taken")
            except Refused as no:
                same((no.status, no.code), want, name)
        same(entries(w), before, "log entries")
        client.sync()


def a_stream_that_leans_on_the_last_set():
    with commune() as w:
        client = stranger(w)
        ident = visit(client, "đình")
        first, = client.seal()
        same(verdicts(client), [STORED], "the set to lean on")
        client.edit(ident, {"place": "chợ"})
        second, = client.seal()
        frames, base = [frame(ask=client.ask()), frame(set=second.bytes)], base_of(first.bytes)
        before = entries(w)
        for name, wrong in (("its own", base_of(second.bytes)), ("a part", base[1:])):
            body = client.signed(pack(frames, base=wrong), base=wrong)
            try:
                client.post("/v1/sync", body)
                need(False, f"{name}: was taken")
            except Refused as no:
                same((no.status, no.code), (409, 6), name)
        same(entries(w), before, "log entries")
        leaning = pack(frames, base=base)
        need(len(leaning) < len(pack(frames)) - 60, "it is shorter")
        body = client.signed(leaning, base=base)
        found = [one.verdict.kind for one in client.post("/v1/sync", body)
                 if one.HasField("verdict")]
        same(found, [STORED], "the second set")
        try:
            client.post("/v1/sync", body)
            need(False, "a second time: was taken")
        except Refused as no:
            same((no.status, no.code), (409, 6), "a second time")
        same(verdicts(client), [DUPLICATE], "asked for plainly")
        same(place_of(w, ident), {"chợ"}, "the office shows it")


def twice_is_a_duplicate():
    with commune() as w:
        client = stranger(w)
        ident = visit(client, "đình")
        op("ratings.x1.accepted_rating", (INT, 1))(client, ident)
        own, = client.seal()
        same(push(client, own.bytes, own.bytes)[0],
             [(STORED, True, {2: ROLE}), (DUPLICATE, True, {2: ROLE})], "twice in one request")
        before = entries(w)
        same(push(client, own.bytes)[0], [(DUPLICATE, True, {2: ROLE})], "and once more")
        same(entries(w), before, "log entries")
        client.sync()
        agree(w, client, ident)


def branches_of_one_device():
    with commune() as w:
        client, reader, an = stranger(w), stranger(w, "binh"), w.phone("an")
        ident = visit(client, "gốc")
        client.sync()
        twin = copy.copy(client)                      # a copy of the phone, on another machine
        twin.pending, twin.unsent, twin.here = [], [], dict(client.here)
        twin.sent, twin.install = dict(client.sent), os.urandom(8)
        twin.base = copy.deepcopy(client.base)
        client.edit(ident, {"place": "nhánh đầu"})
        same(verdicts(client), [STORED], "the first branch")
        twin.counter = client.counter
        good = [visit(client, "nhánh đầu, sau")]
        same(verdicts(client), [STORED], "goes on")
        twin.counter = client.counter
        for n in range(3):                            # sets of two changes each: 2-3, 4-5, 6-7
            twin.edit(ident, {"place": f"nhánh sau {n}"})
            twin.edit(ident, {"general_note": f"nhánh sau {n}"})
            twin.seal()
        branch = [own.bytes for own in twin.unsent]
        want = [(HELD, True, {2 * n + 2: FORK, 2 * n + 3: FORK}) for n in range(3)]
        same(push(twin, *branch), (want, []), "the whole other branch")
        again = [(DUPLICATE, True, held) for _, _, held in want]
        same(push(twin, *branch), (again, []), "sent again")
        same(place_of(w, ident), {"nhánh đầu"}, "first stored wins")
        client.counter = twin.counter
        good.append(visit(client, "nhánh đầu, nữa"))
        same(verdicts(client), [STORED], "the first branch is unharmed")
        reader.sync()
        an.sync()
        for one in [ident, *good]:
            agree(w, reader, one, an)
        need("repaired_buckets" in an.sync(), "the real phone")
        w.stop()
        w.ctl("verify")


def a_wrong_chain_is_a_branch():
    with commune() as w:
        client = stranger(w)
        ident = visit(client, "gốc")
        client.sync()
        for name, header in (("another hash", {"prev": bytes([3] * 32)}), ("none", {"prev": b""})):
            lone = copy.copy(client)
            lone.pending, lone.unsent, lone.here = [], [], dict(client.here)
            lone.edit(ident, {"place": name})
            own, = lone.seal(**header)
            same(push(client, own.bytes)[0], [(HELD, True, {lone.last: FORK})], name)
        client.edit(ident, {"place": "đúng"})
        same(verdicts(client), [STORED], "the right chain")
        same(place_of(w, ident), {"đúng"}, "value")
        agree(w, client, ident)


def gaps(w, client):
    found = w.ctl("device", "list", "--json").json()["devices"]
    return next(d["gaps"] for d in found if d["device"] == client.device.hex())


def gap_lines(w):
    return w.ctl("audit", "list", "gaps", "--json").json()["lines"]


def a_gap_and_what_is_gone():
    with commune() as w:
        client, reader = stranger(w), stranger(w, "binh")
        ident = visit(client, "gốc")
        client.sync()
        client.edit(ident, {"place": "đi lạc"})
        client.seal()
        lost = client.unsent.pop()
        client.edit(ident, {"general_note": "đến trước"})
        own, = client.seal()
        got = push(client, own.bytes)
        same(got, ([(STORED, True, {})], [(2, 2)]), "stored, and wanted")
        same(gaps(w, client), [{"from": 2, "to": 2, "gone": False}], "seen in the office")
        text_of = w.ctl("device", "list", "--lang", "vi").out
        need("thiếu thay đổi 2–2" in text_of, "said to people: " + text_of)
        same(place_of(w, ident), {"gốc"}, "the book goes on")
        same(field_of(w.show(ident.hex()), "general_note")["value"], "đến trước", "with it")
        reader.sync()
        agree(w, reader, ident)
        same(push(client, lost.bytes), ([(STORED, True, {})], []), "the lost one turns up")
        same(place_of(w, ident), {"đi lạc"}, "and counts")
        same(gaps(w, client), [], "nothing is missing")
        client.sent[lost.first], client.sent[own.first], client.unsent = lost, own, []
        for one in (reader, client):
            one.sync()
            agree(w, one, ident)
        client.edit(ident, {"place": "trong sông"})
        client.seal()
        client.edit(ident, {"place": "sau sông"})
        client.seal()
        given_up = client.unsent.pop(0)
        before = entries(w)
        client.sync()                                 # is asked for 4, answers that it is gone
        same(entries(w), before + 2, "an entry for the set, one for the gap")
        same(client.wants, [], "asked once")
        same(gaps(w, client), [{"from": 4, "to": 4, "gone": True}], "gone, and seen for ever")
        same(w.ctl("stat", "--json").json()["gaps"], 1, "counted")
        same([(c["what"], c["first"], c["last"]) for c in gap_lines(w)], [("gone", 4, 4)], "listed")
        client.edit(ident, {"copies": "2"})
        client.seal()
        same(push(client, client.unsent[0].bytes), ([(STORED, True, {})], []), "no want any more")
        own = client.unsent.pop()
        client.sent[own.first] = own
        for one in (reader, client):
            one.sync()
            agree(w, one, ident)
        same(place_of(w, ident), {"đi lạc", "sau sông"}, "what the lost one replaced is there")
        said = gap_lines(w)[0]["log_index"]
        same(push(client, given_up.bytes), ([(STORED, True, {})], []), "it turns up after all")
        came, = gap_lines(w)
        same((came["what"], came["first"], came["last"], came["log_index"]),
             ("came_later", 4, 4, said), "and the list says so")
        need(came["came_log_index"] > said and came["came_at"] >= came["received_at"], came)
        row, = csv.DictReader(w.ctl("audit", "list", "gaps", "--csv").out.splitlines())
        same((row["what"], row["came_log_index"]), ("came_later", str(came["came_log_index"])), row)
        same(gaps(w, client), [], "nothing is missing any more")
        w.stop()
        w.ctl("verify")


def later_forms(place):
    """The catalogue with two more versions of the visit, each with a field more."""
    for source in (pathlib.Path(__file__).resolve().parents[3] / "server/catalogue").iterdir():
        (shutil.copytree if source.is_dir() else shutil.copy)(source, place / source.name)
    form = json.loads((place / "forms/visit.json").read_text())
    for version in (2, 3):
        form["version"] = version
        form["fields"].append({"no": 900 + version, "name": f"later_{version}", "type": "str",
                               "max": 200, "class": "plain", "write": ["officer"],
                               "vi": f"Mục mới {version}", "en": f"Later {version}"})
        (place / f"forms/visit_{version}.json").write_text(json.dumps(form))


def a_phone_two_forms_behind():
    with tempfile.TemporaryDirectory() as place:
        later_forms(pathlib.Path(place))
        with commune(init=("--catalogue", place)) as w:
            client, phone = stranger(w), w.phone("binh")
            phone.sync()
            old = visit(client, "theo mẫu cũ")
            same(verdicts(client), [STORED], "what the newer form asks for may be missing")
            same(w.show(old.hex())["form_version"], 1, "and stays missing")
            newer = (FIELD, 0, 903, "", None, 0, b"")
            op(newer, text("mục của mẫu mới"))(client, old)
            client.edit(old, {"general_note": "sau mục lạ"})
            beside = visit(client, "bên cạnh")
            client.sync()
            waiting = w.ctl("held", "--json").json()["held"]
            same([(h["reason"], h["counter"]) for h in waiting], [("form", 2), ("waits", 3)],
                 "a field that its form does not have is kept, with what follows on the record")
            same(place_of(w, beside), {"bên cạnh"}, "other records go on")
            fresh = phone.new("visit", w.units[0], "visit_kind=kiem_tra", "later_3=mới")
            same(phone.show(fresh)["form_version"], 3, "a newer phone takes the newest form")
            settle(phone)
            client.sync()
            client.edit(bytes.fromhex(fresh), {"place": "máy cũ ghi"})
            client.sync()
            settle(phone)
            same(values(phone.show(fresh), "later_3"), {"mới"}, "the old one leaves it as it is")
            same(values(phone.show(fresh), "place"), {"máy cũ ghi"}, "and writes what it knows")
            same(client.wrong, [], "sums and vectors")
            w.stop()
            w.ctl("verify")


def revoked_and_suspended():
    with commune() as w:
        client, reader = stranger(w), stranger(w, "binh")
        ident = visit(client, "gốc")
        client.sync()
        w.ctl("device", "suspend", client.device.hex())
        client.edit(ident, {"place": "khi tạm khóa"})
        beside = visit(client, "cùng gói")
        client.seal()
        frames = client.push([client.unsent[0].bytes])
        same([one.WhichOneof("body") for one in frames if one.WhichOneof("body") == "page"], [],
             "no data for a suspended device")
        same({h.counter: h.reason for h in frames[0].verdict.held}, {2: SUSPENDED, 3: SUSPENDED},
             "held")
        same(place_of(w, ident), {"gốc"}, "not applied")
        w.ctl("device", "suspend", client.device.hex(), "--lift")
        same(place_of(w, ident), {"khi tạm khóa"}, "lifting lets it in")
        for one in (client, reader):
            one.sync()
            agree(w, one, ident)
            agree(w, one, beside)
        w.ctl("device", "revoke", client.device.hex())
        client.edit(ident, {"place": "sau khi khóa"})
        client.seal()
        frames = client.push([client.unsent[0].bytes])
        same([h.reason for h in frames[0].verdict.held], [REVOKED], "revoked")
        need("page" not in [one.WhichOneof("body") for one in frames], "no data")
        reader.sync()
        agree(w, reader, ident)
        same(place_of(w, ident), {"khi tạm khóa"}, "held for the office")


def too_many_changes_are_kept_unread():
    with commune() as w:
        client = stranger(w)
        ident = visit(client, "gốc")
        client.sync()
        for n in range(1025):
            op("copies", (INT, n))(client, ident)
        run, client.pending = client.pending, []
        skeleton = client.skeleton(run)
        values = put_changes(skeleton, client.device, run)
        data, client.head = sealed(client.key, client.log, client.device,
                                   skeleton.SerializeToString(), values)
        same(push(client, data)[0], [(HELD, True, {2: LIMIT})], "1,025 changes")
        beside = visit(client, "sau")
        client.sync()
        same(place_of(w, beside), {"sau"}, "later ones")


CASES = [signatures_that_are_not_the_authors, a_set_carried_by_another_device,
         unknown_fields_are_kept_as_they_came, sixty_five_siblings, an_edit_before_its_record,
         an_edit_before_its_record_by_one_device,
         frozen_and_what_waits_behind_it, the_same_request_and_old_counters,
         heads_that_are_not_the_devices, a_stream_that_leans_on_the_last_set,
         twice_is_a_duplicate, branches_of_one_device,
         a_wrong_chain_is_a_branch, a_gap_and_what_is_gone,
         a_phone_two_forms_behind, revoked_and_suspended,
         too_many_changes_are_kept_unread]
