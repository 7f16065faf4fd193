"""The second client beside the real server and a real phone: all three show the same."""
import datetime

from lib import *
from sotay2 import *


def stranger(world, login="an", **how):
    """A second client, enrolled, after its first sync."""
    client = Client(world.url(), **how)
    client.enrol(world.ctl("enrol", login).last())
    client.sync()
    return client


def rendered(form, field, value):
    """A stored value as the JSON of `show` has it."""
    kind, data = value
    if kind in (NULL, ERASED):
        return None
    what = TYPES[field.type]
    if what == "enum":
        options = next(one for one in form.raw.lists if one.name == field.list).options
        return next((o.id for o in options if o.no == data), data)
    if what == "date":
        return str(datetime.date(1970, 1, 1) + datetime.timedelta(days=data))
    if what == "bool":
        return bool(data)
    return data.decode() if kind in (TEXT, CODE) else data.hex() if kind != INT else data


def paths_of(document):
    """Every path of a `show` document with values: (name of group or "", key or item, field)."""
    for name, entry in document["fields"].items():
        yield ("", "", name), entry
    for group, members in document["groups"].items():
        for key, fields in members.items():
            for name, entry in fields.items():
                if isinstance(entry, dict):
                    yield (group, key, name), entry


def seen_in(document):
    """path -> ({(value, its dots)}, the value shown first)."""
    found = {}
    for path, entry in paths_of(document):
        values = {(one["value"], frozenset([one["dot"], *(a["dot"] for a in one.get("also", []))]))
                  for one in entry["values"]}
        if values and entry["class"] not in ("state", "server"):
            shown = [one["value"] for one in entry["values"] if one["shown"]]
            found[path] = (values, None if entry["class"] == "set" else shown[0])
    return found


def seen_by(client, ident):
    """The same of a record as the second client folds it."""
    record = client.show(ident)
    form, found = client.forms[record.form[0]], {}
    names = {g.no: g.name for g in form.raw.groups}
    for path in record.lives:
        kind, group, number, key, item, place, element = path
        groups = [(value, frozenset(map(written, dots))) for value, dots in record.values(path)]
        if kind == DROP or not groups:
            continue
        field = form.by_number[group, number]
        where = (names.get(group, ""), key or (f"{written(item)}:{place}" if item else ""),
                 field.name)
        if element:
            kept = [dots for value, dots in groups if value == (INT, 1)]
            text = rendered(form, field, (INT, int.from_bytes(element, "big"))
                            if TYPES[field.type] == "enum" else
                            (ID if TYPES[field.type] == "id" else CODE, element))
            if kept:
                found.setdefault(where, (set(), None))[0].add((text, kept[0]))
        else:
            values = [(rendered(form, field, value), dots) for value, dots in groups]
            found[where] = (set(values), values[0][0])
    return found


def agree(world, client, ident, *phones):
    """Server, phones and second client: the same values, dots and open differences."""
    mine = seen_by(client, ident)
    for who, document in [("server", world.show(ident.hex())),
                          *((p.login, p.show(ident.hex())) for p in phones)]:
        theirs = seen_in(document)
        same(mine, theirs, f"second client against {who}")
        record = client.show(ident)
        same(len(record.conflicts(client.forms[record.form[0]])), document["open_conflicts"],
             f"open differences, {who}")
    same(client.wrong, [], "sums and vectors")


def verdicts(client, **how):
    return [one.kind for one in client.sync(**how)]


def it_enrols_and_takes_in_the_catalogue():
    with commune() as w:
        client = Client(w.url())
        link = w.ctl("enrol", "an").last()
        answer = client.enrol(link)
        same(answer.fingerprint, fingerprint(bytes(client.key.verify_key)), "fingerprint")
        same((answer.login, answer.commune), ("an", "01477"), "who and where")
        again = client.enrol(link)
        again.server_ms = answer.server_ms
        same(again, answer, "asking again with the same keys")
        client.sync()
        same(client.wrong, [], "sums and vectors")
        need({"visit", "difficulty", "unit", "criterion"} <= set(client.forms), "forms")
        register = ROOT / "server/catalogue/trung-khanh/units.tsv"
        same(len(list(client.records("unit"))), len(register.read_text().splitlines()) - 1,
             "units")
        other = Client(w.url())
        try:
            other.enrol(link)
            need(False, "a code was used twice")
        except Refused as no:
            same((no.status, no.code), (403, 12), "a used code")


def it_writes_and_the_others_read():
    with commune() as w:
        an, client = w.phone("an"), stranger(w, "binh")
        visit = client.new("visit", w.units[0], {
            "visit_kind": "kiem_tra", "visit_date": "2026-03-12", "place": "nhà văn hóa",
            "ratings.x1.rating": "dat", "ratings.x1.evidence": "bản ghi"})
        same(verdicts(client), [STORED], "the visit")
        client.edit(visit, {"place": "trường học", "ratings.x1.rating": "chua_dat"})
        item = client.item(visit, "findings", {"kind": "ton_tai", "text": "thiếu máy tính"})
        client.edit(visit, {f"findings.{item}.text": "thiếu hai máy tính", "visit_date": None})
        same(verdicts(client), [STORED], "its edits")
        an.sync()
        agree(w, client, visit, an)
        text = an.show(visit.hex())["groups"]["findings"][item]["text"]["values"][0]["value"]
        same(text, "thiếu hai máy tính", "the item")
        same(an.show(visit.hex())["fields"]["visit_date"]["values"][0]["value"], None, "cleared")
        same(w.ctl("verify").code, 0, "verify")


def it_reads_what_the_others_write():
    with commune() as w:
        an, binh, client = w.phone("an"), w.phone("binh"), stranger(w, "chi")
        r = an.new("visit", w.units[0], "visit_kind=kiem_tra", "general_note=gốc",
                   "ratings.x1.rating=dat", "joint_with=01477-x014,01477-x015")
        item = an.do("item", r, "findings", "kind=ton_tai", "text=mất sóng").out.strip()
        other = an.do("item", r, "findings", "kind=ton_tai", "text=đường xấu").out.strip()
        settle(an, binh)
        client.sync()
        ident = bytes.fromhex(r)
        agree(w, client, ident, an, binh)
        an.set(r, "general_note=của an", "ratings.x1.rating=chua_dat")
        binh.set(r, "general_note=của binh", "ratings.x1.rating=chua_dat", "place=đình")
        client.edit(ident, {"general_note": "của chi", "place": "chợ"})
        an.do("remove", r, "joint_with", "01477-x014")
        an.do("drop", r, "findings", item)
        binh.do("drop", r, "findings", other)
        an.set(r, f"findings.{other}.text=đường rất xấu")
        binh.do("remark", r, "cần hỏi lại")
        for _ in range(2):
            settle(an, binh, rounds=1)
            client.sync()
            agree(w, client, ident)
        agree(w, client, ident, an, binh)
        same(len(client.show(ident).values(client.forms["visit"].find("general_note")[0])), 3,
             "three notes")
        for one in (item, other):
            state = client.show(ident).item_state(43, *item_of(one))
            theirs = an.show(r)["groups"]["findings"][one]
            same(state, "dropped" if theirs["dropped"] else
                 "contested" if theirs["contested"] else "there", "state of the item")
        client.edit(ident, {"general_note": "sửa tiếp"})  # replaces the shown value only
        client.sync()
        settle(an, binh)
        agree(w, client, ident, an, binh)


def it_settles_a_difference_and_knows_acts():
    with commune() as w:
        an, client = w.phone("an"), stranger(w, "binh")
        ident = client.new("visit", w.units[0], {"visit_kind": "kiem_tra", "general_note": "gốc",
                                                 "visit_date": "2026-03-12"})
        client.sync()
        an.sync()
        client.edit(ident, {"general_note": "của stranger"})
        an.set(ident.hex(), "general_note=của an")
        an.sync()
        client.sync()
        agree(w, client, ident)
        path, field = client.forms["visit"].find("general_note")
        dots = [dot for _, group in client.show(ident).values(path) for dot in group]
        kept = next(dot for dot in dots if dot[0] != client.device)
        author = client.show(ident).lives[path][kept][0].value
        person = next(r.value((FIELD, 0, 4, "", None, 0, b""))[1] for r in client.records("device")
                      if r.value((FIELD, 0, 1, "", None, 0, b""))[1] == kept[0])
        client.edit(ident, ops=[Op(path, author, RESOLVE, tuple(dots), kept, person)],
                    reason="theo biên bản".encode())
        same(verdicts(client), [STORED], "the resolution")
        an.sync()
        agree(w, client, ident, an)
        shown = field_of(an.show(ident.hex()), "general_note")
        same((shown["value"], shown["kept"]["dot"]), ("của an", written(kept)), "what was kept")
        an.do("finalise", ident.hex())
        client.edit(ident, {"general_note": "khi chưa biết"})
        an.sync()
        client.sync()
        an.sync()
        agree(w, client, ident, an)
        same(an.show(ident.hex())["changed_since"], True, "changed since")
        client.edit(ident, act=WITHDRAW, reason="ghi nhầm xóm".encode())
        same(verdicts(client), [STORED], "withdrawn")
        an.sync()
        agree(w, client, ident, an)
        same(an.show(ident.hex())["state"], "withdrawn", "state")


def field_of(document, name):
    return field(document, name)["values"][0]


def an_act_and_an_edit_meet():
    with commune() as w:
        an, client = w.phone("an"), stranger(w, "binh")
        r = an.new("visit", w.units[0], "visit_kind=giam_sat", "general_note=gốc")
        an.sync()
        client.sync()
        ident = bytes.fromhex(r)
        an.do("withdraw", r, "--reason", "ghi nhầm")
        client.edit(ident, {"general_note": "sửa khi chưa biết"})
        an.sync()
        client.sync()
        agree(w, client, ident)
        same(client.show(ident).conflicts(client.forms["visit"]), ["state"], "an open difference")
        client.edit(ident, {"general_note": "một chữ"})  # settles nothing
        client.sync()
        an.sync()
        agree(w, client, ident, an)
        same(w.show(r)["open_conflicts"], 1, "still open")


def references_and_nothing_new():
    with commune() as w:
        client = stranger(w, "an")
        ident = client.new("visit", w.units[0], {"visit_kind": "kiem_tra"})
        client.sync()
        client.edit(ident, {"place": "đình"})
        client.sync()
        own = list(client.entries[f"01477/unit/{w.units[0]}"].values())
        same(sum(bool(one.set) for one in own), 0, "own sets come as references")
        same(len(own), 2, "entries")
        frames = client.push([])
        same([one.WhichOneof("body") for one in frames], ["end"], "nothing new: one end frame")
        before = w.ctl("stat", "--json").json()["log_entries"]
        client.push([])
        same(w.ctl("stat", "--json").json()["log_entries"], before, "log entries")
        # A wrong sum is repaired: the bucket is read again from 0.
        name = f"01477/unit/{w.units[0]}"
        client.base[name].records[ident].lives.clear()
        client.base[name].records[ident].known_sum = None
        client.sync()
        same(client.repaired, [name], "the wrong sum was noticed")
        agree(w, client, ident)
        # Without its sets it asks for the bytes.
        client.entries, client.base, client.cursors = {}, {}, {}
        client.sync(references=False)
        own = list(client.entries[name].values())
        same([bool(one.set) for one in own], [True, True], "bytes")
        agree(w, client, ident)


def a_bucket_that_is_lost_and_given_again():
    with commune() as w:
        client, an = stranger(w, "binh"), w.phone("an")
        ident = client.new("visit", w.units[0], {"visit_kind": "kiem_tra"})
        client.sync()
        client.edit(ident, {"place": "đình"})  # knows of no loss when writing
        w.ctl("unassign", "binh", w.units[0])
        same(verdicts(client), [STORED], "what was written before hearing of it counts")
        need(f"01477/unit/{w.units[0]}" not in client.buckets, "the bucket is gone")
        same(field_of(w.show(ident.hex()), "place")["value"], "đình", "and is in the book")
        w.ctl("assign", "binh", w.units[0])
        client.sync()
        an.sync()
        agree(w, client, ident, an)


def a_device_that_only_sends():
    with commune() as w:
        client, an = stranger(w, "binh"), w.phone("an")
        ident = visit_at(client, w, "đình")
        client.seal()
        ask = client.ask()
        ask.answer_bytes_max = 1
        frames = client.push([client.unsent[0].bytes], ask)
        same([one.WhichOneof("body") for one in frames], ["verdict", "end"], "no pages")
        same((frames[0].verdict.kind, frames[1].end.more), (STORED, True), "stored; more to come")
        same(verdicts(client), [DUPLICATE], "later it reads too")
        an.sync()
        agree(w, client, ident, an)


def small_answers_come_in_parts():
    with commune() as w:
        client, reader = stranger(w), stranger(w, "binh")
        for n in range(20):
            ident = visit_at(client, w, f"lần {n} " + 110 * "x")
            client.sync()
        parts, more = 0, True
        while more:
            ask = reader.ask()
            ask.answer_bytes_max = 2000
            frames = reader.push([], ask)
            need(sum(one.ByteSize() for one in frames) < 8000, "the size of an answer")
            reader.take([], frames)
            parts, more = parts + 1, reader.end.more
        need(parts > 3, f"{parts} parts")
        agree(w, reader, ident)


def visit_at(client, world, place):
    return client.new("visit", world.units[0], {"visit_kind": "kiem_tra", "place": place})


CASES = [it_enrols_and_takes_in_the_catalogue, it_writes_and_the_others_read,
         it_reads_what_the_others_write, it_settles_a_difference_and_knows_acts,
         an_act_and_an_edit_meet, references_and_nothing_new,
         a_bucket_that_is_lost_and_given_again, a_device_that_only_sends,
         small_answers_come_in_parts]
