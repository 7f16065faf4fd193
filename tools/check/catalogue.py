#!/usr/bin/env python3
"""Checks the catalogue data: form definitions, and the records that `sotayctl init` loads.

Usage, from the project's root:
  tools/check/catalogue.py               exit 0 and one line, or 1 and one line `file: what` each
  tools/check/catalogue.py --freeze      also notes new field and enum numbers in numbers.tsv
  tools/check/catalogue.py --write-docs  also writes section 9 of docs/data-model.md
  tools/check/catalogue.py --self-test   spoils copies in memory; each spoiling must be found

Promises: reads server/catalogue and docs/data-model.md, writes only when asked to; plain Python.
What a form and an expression may be is written down in docs/data-model.md."""
import copy
import csv
import datetime
import json
import pathlib
import re
import sys
import unicodedata

ROOT = pathlib.Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "server" / "catalogue"
FROZEN = CATALOGUE / "numbers.tsv"
TYPES = set("str code id date min ts enum bool uint dec money geo hash bytes".split())
CLASSES = set("decisive plain set remark fixed server state".split())
ROLES = set("officer office office_head council_chair decider auditor admin".split())
BUCKETS = {"unit", "catalogue", "council", "review"}
FORM_KEYS = set("form version bucket label_vi label_en life create title lists fields "
                "groups".split())
FIELD_KEYS = set("no name type class write vi en max min scale list pattern required required_if "
                 "relevant constraint message_vi message_en".split())
GROUP_KEYS = {"no", "name", "kind", "keys", "vi", "en", "fields"}
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
CODE = re.compile(r"[A-Za-z0-9_/.-]{1,32}\Z")
UNIT = re.compile(r"\d{5}-[abcosx]\d{2,3}\Z")
STR_MAX = 16000
EXPR_BYTES_MAX, EXPR_TOKENS_MAX, EXPR_DEPTH_MAX = 1024, 256, 32
TOKEN = re.compile(r"\s*(?:(?P<path>\$\{[^}]*\})|(?P<string>'[^']*'|\"[^\"]*\")"
                   r"|(?P<number>\d+(?:\.\d*)?|\.\d+)"
                   r"|(?P<word>[a-z]+)|(?P<op><=|>=|!=|[=<>+*(),.-]))")
FUNCTIONS = {"not": ["any"], "selected": ["path", "string"], "count": ["path"],
             "today": [], "true": [], "false": []}


class Report:
    """Collects what is wrong; the file is the one being looked at."""

    def __init__(self):
        self.lines, self.file = [], ""

    def say(self, what):
        self.lines.append(f"{self.file}: {what}")


# ---- expressions ---------------------------------------------------------------------------------

class Expression:
    """Recursive descent over the subset; raises ValueError with the reason."""

    def __init__(self, text, check_path):
        if len(text.encode()) > EXPR_BYTES_MAX:
            raise ValueError(f"longer than {EXPR_BYTES_MAX} bytes")
        self.tokens, self.at, self.check_path = list(self.split(text)), 0, check_path
        if len(self.tokens) > EXPR_TOKENS_MAX:
            raise ValueError(f"more than {EXPR_TOKENS_MAX} tokens")
        self.binary(0, 0)
        if self.at < len(self.tokens):
            raise ValueError(f"{self.tokens[self.at][1]!r} is not expected")

    @staticmethod
    def split(text):
        text, at = text.rstrip(), 0
        while at < len(text):
            found = TOKEN.match(text, at)
            if not found:
                raise ValueError(f"no such token: {text[at:at + 10]!r}")
            yield found.lastgroup, found.group(found.lastgroup)
            at = found.end()

    LEVELS = [{"or"}, {"and"}, {"=", "!="}, {"<", "<=", ">", ">="}, {"+", "-"},
              {"*", "div", "mod"}]

    def peek(self):
        return self.tokens[self.at][1] if self.at < len(self.tokens) else None

    def take(self, want=None):
        if self.at >= len(self.tokens):
            raise ValueError("ends too early")
        kind, text = self.tokens[self.at]
        if want is not None and text != want:
            raise ValueError(f"{text!r} where {want!r} is expected")
        self.at += 1
        return kind, text

    def binary(self, level, depth):
        if depth > EXPR_DEPTH_MAX:
            raise ValueError(f"deeper than {EXPR_DEPTH_MAX}")
        if level == len(self.LEVELS):
            return self.unary(depth)
        self.binary(level + 1, depth)
        while self.peek() in self.LEVELS[level]:
            self.take()
            self.binary(level + 1, depth)
        return None

    def unary(self, depth):
        while self.peek() == "-":
            self.take()
        kind, text = self.take()
        if text == "(":
            self.binary(0, depth + 1)
            self.take(")")
        elif kind == "path":
            self.check_path(text[2:-1], "value")
        elif kind == "word":
            self.call(text, depth)
        elif kind == "op" and text != ".":
            raise ValueError(f"{text!r} is not expected")

    def call(self, name, depth):
        if name not in FUNCTIONS:
            raise ValueError(f"no function {name}()")
        self.take("(")
        for index, want in enumerate(FUNCTIONS[name]):
            if index:
                self.take(",")
            if want == "any":
                self.binary(0, depth + 1)
                continue
            kind, text = self.take()
            if name == "selected" and text == "." and want == "path":
                continue
            if kind != want:
                raise ValueError(f"{name}(): {text!r} is not a {want}")
            if kind == "path":
                self.check_path(text[2:-1], name)
        self.take(")")


def path_field(form, path, own=None):
    """The field that a path of an expression names, or None. own: the group it stands in."""
    parts = path.split(".")
    if len(parts) == 1:
        near = own["fields"] if own else []
        return next((f for f in near + form["fields"] if f["name"] == path), None)
    group = next((g for g in form["groups"] if g["name"] == parts[0]), None)
    if len(parts) != 3 or group is None or group["kind"] != "keyed":
        return None
    return next((f for f in group["fields"] if f["name"] == parts[2]), None)


def check_expression(report, form, where, text, own=None):
    def check_path(path, use):
        if use == "count" and any(g["name"] == path for g in form["groups"]):
            return
        if path_field(form, path, own) is None:
            raise ValueError(f"no path {path}")

    try:
        Expression(text, check_path)
    except ValueError as why:
        report.say(f"{where}: expression {text!r}: {why}")
        return
    pairs = re.findall(r"\$\{([^}]*)\}\s*!?=\s*'([^']*)'", text)
    pairs += re.findall(r"selected\(\s*\$\{([^}]*)\}\s*,\s*'([^']*)'", text)
    for path, literal in pairs:
        options = form["lists"].get((path_field(form, path, own) or {}).get("list"), [])
        if literal and options and literal not in [o["id"] for o in options]:
            report.say(f"{where}: {literal!r} is not in the list of {path}")


# ---- forms ---------------------------------------------------------------------------------------

def unique(report, rows, key, where):
    seen = set()
    for row in rows:
        if row.get(key) in seen:
            report.say(f"{where}: {key} {row.get(key)!r} stands twice")
        seen.add(row.get(key))


def check_labels(report, row, keys, where):
    for key in keys:
        if not isinstance(row.get(key), str) or not row[key].strip():
            report.say(f"{where}: no {key}")


def check_roles(report, roles, extra, where):
    if not isinstance(roles, list):
        report.say(f"{where}: is not a list of roles")
        return
    for role in roles:
        if role not in ROLES | extra:
            report.say(f"{where}: no role {role!r}")
    if len(set(roles)) != len(roles):
        report.say(f"{where}: a role stands twice")


def check_type(report, form, field, where):
    kind, cls = field.get("type"), field.get("class")
    if kind not in TYPES:
        report.say(f"{where}: no type {kind!r}")
    if cls not in CLASSES:
        report.say(f"{where}: no class {cls!r}")
    if kind == "str" and not (isinstance(field.get("max"), int) and 0 < field["max"] <= STR_MAX):
        report.say(f"{where}: str needs max between 1 and {STR_MAX}")
    if kind == "dec" and not (isinstance(field.get("scale"), int) and 0 <= field["scale"] <= 9):
        report.say(f"{where}: dec needs a scale between 0 and 9")
    if (kind == "enum") != ("list" in field):
        report.say(f"{where}: an enum, and nothing else, names a list")
    if kind == "enum" and field.get("list") not in form["lists"]:
        report.say(f"{where}: no list {field.get('list')!r}")
    if cls == "set" and kind not in ("enum", "code", "id"):
        report.say(f"{where}: a set has elements of type enum, code or id, not {kind}")


def check_field(report, form, field, where, group=None):
    for key in field.keys() - FIELD_KEYS:
        report.say(f"{where}: unknown key {key!r}")
    if not (isinstance(field.get("no"), int) and 1 <= field["no"] <= 999):
        report.say(f"{where}: no must be 1..999")
    if not NAME.match(field.get("name", "")):
        report.say(f"{where}: name must be a-z, 0-9, _")
    check_labels(report, field, ("vi", "en"), where)
    check_type(report, form, field, where)
    check_roles(report, field.get("write"), {"creator", "operator"}, where)
    cls, write = field.get("class"), field.get("write") or []
    if (cls in ("server", "state")) != (not write):
        report.say(f"{where}: nobody writes class server or state, somebody every other one")
    if cls == "remark" and (group is None or group["kind"] != "listed"):
        report.say(f"{where}: class remark is for items of a listed group")
    if group and group["kind"] == "listed" and cls == "set" and "creator" in write:
        report.say(f"{where}: an item has no creator of the record")
    if "creator" in write and (cls != "fixed" or group is not None):
        report.say(f"{where}: creator is for fixed fields of the record itself")
    for key in ("required_if", "relevant", "constraint"):
        if key in field:
            check_expression(report, form, f"{where} {key}", field[key], group)
    if ("constraint" in field) != ("message_vi" in field and "message_en" in field):
        report.say(f"{where}: a constraint has message_vi and message_en, and only it has them")


def check_group(report, form, group):
    where = f"group {group.get('name')}"
    for key in group.keys() - GROUP_KEYS:
        report.say(f"{where}: unknown key {key!r}")
    if group.get("kind") not in ("keyed", "listed") or ("keys" in group) != (
            group.get("kind") == "keyed"):
        report.say(f"{where}: kind is keyed (with keys) or listed (without)")
    if not (isinstance(group.get("no"), int) and 1 <= group["no"] <= 999):
        report.say(f"{where}: no must be 1..999")
    if not NAME.match(group.get("name", "")):
        report.say(f"{where}: name must be a-z, 0-9, _")
    check_labels(report, group, ("vi", "en"), where)
    if not group.get("fields"):
        report.say(f"{where}: has no field")
    unique(report, group["fields"], "no", where)
    unique(report, group["fields"], "name", where)
    for field in group["fields"]:
        check_field(report, form, field, f"{group['name']}.{field.get('name')}", group)


def check_lists(report, form):
    used = {f.get("list") for f in all_fields(form)}
    for name, options in form["lists"].items():
        where = f"list {name}"
        if name not in used and not name.endswith("_state"):
            report.say(f"{where}: no field uses it")
        unique(report, options, "no", where)
        unique(report, options, "id", where)
        for option in options:
            if set(option) != {"no", "id", "vi", "en"}:
                report.say(f"{where}: an option has no, id, vi, en")
            if not (isinstance(option.get("no"), int) and 0 <= option["no"] <= 65535):
                report.say(f"{where}: no of an option must be 0..65535")
            if not CODE.match(str(option.get("id", ""))):
                report.say(f"{where}: id {option.get('id')!r} is not an ASCII id")
            check_labels(report, option, ("vi", "en"), f"{where} {option.get('id')}")


def all_fields(form):
    return form["fields"] + [f for g in form["groups"] for f in g["fields"]]


def check_form(report, name, form):
    for key in FORM_KEYS ^ form.keys():
        report.say(f"key {key!r} is missing or unknown")
    if FORM_KEYS - form.keys():
        return
    if form["form"] != name:
        report.say(f"form {form['form']!r} must be named as its file")
    if not (isinstance(form["version"], int) and form["version"] >= 1):
        report.say("version must be 1 or more")
    if form["bucket"] not in BUCKETS or form["life"] not in ("visit", "none"):
        report.say("bucket or life is unknown")
    check_labels(report, form, ("label_vi", "label_en"), "form")
    check_roles(report, form["create"], {"operator"}, "create")
    if not form["create"]:
        report.say("create: nobody may create it")
    check_lists(report, form)
    rows = form["fields"] + form["groups"]
    unique(report, rows, "no", "fields and groups")
    unique(report, rows, "name", "fields and groups")
    for field in form["fields"]:
        check_field(report, form, field, f"field {field.get('name')}")
    for group in form["groups"]:
        check_group(report, form, group)
    for title in form["title"]:
        if title not in [f["name"] for f in form["fields"]]:
            report.say(f"title: no field {title!r}")
    if (form["bucket"] in ("unit", "council") or form["life"] != "none") and not any(
            g["name"] == "remarks" and g["no"] == 900 for g in form["groups"]):
        report.say("no group remarks, number 900")


# ---- frozen numbers ------------------------------------------------------------------------------

def numbers(forms):
    """(form, place, number) -> (name, type): what may never change once it is published."""
    out = {}
    for name, form in forms.items():
        for row in form["fields"]:
            out[name, "-", str(row["no"])] = (row["name"], row["type"])
        for group in form["groups"]:
            out[name, "-", str(group["no"])] = (group["name"], group["kind"])
            for row in group["fields"]:
                out[name, group["name"], str(row["no"])] = (row["name"], row["type"])
        for list_name, options in form["lists"].items():
            for row in options:
                out[name, "list " + list_name, str(row["no"])] = (row["id"], "option")
    return out


def read_frozen():
    if not FROZEN.exists():
        return {}
    rows = list(csv.reader(FROZEN.open(encoding="utf-8"), delimiter="\t"))[1:]
    return {tuple(r[:3]): tuple(r[3:5]) for r in rows}


def check_numbers(report, forms, frozen):
    report.file = "numbers.tsv"
    now = numbers(forms)
    for key, was in frozen.items():
        place = " ".join(key)
        if key not in now:
            report.say(f"{place}: {was[0]} is gone; a number stays, retire the field by relevance")
        elif now[key] != was:
            report.say(f"{place}: was {was[0]} ({was[1]}), is now {now[key][0]} ({now[key][1]})")
    for key in now.keys() - frozen.keys():
        report.say(f"{' '.join(key)}: new; run tools/check/catalogue.py --freeze")


def freeze(forms):
    known = read_frozen()
    rows = [(*k, *known.get(k, v)) for k, v in {**numbers(forms), **known}.items()]
    rows.sort(key=lambda r: (r[0], r[1], int(r[2])))
    with FROZEN.open("w", encoding="utf-8") as out:
        out.write("form\tplace\tno\tname\ttype\n")
        out.writelines("\t".join(r) + "\n" for r in rows)


# ---- records -------------------------------------------------------------------------------------

def is_date(value):
    try:
        return datetime.date.fromisoformat(value).isoformat() == value
    except (TypeError, ValueError):
        return False


def is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


def value_fault(form, field, value):
    """Why this value cannot stand in this field, or None."""
    kind = field["type"]
    if kind == "str":
        if not isinstance(value, str) or not value or len(value) > field["max"]:
            return f"text of 1..{field['max']} characters expected"
    elif kind == "code":
        if not isinstance(value, str) or not CODE.match(value):
            return "ASCII id expected"
        if field.get("pattern") == "unit" and not UNIT.match(value):
            return "unit id expected"
    elif kind == "date" and not is_date(value):
        return "date expected"
    elif kind == "bool" and not isinstance(value, bool):
        return "true or false expected"
    elif kind == "uint" and not (is_whole(value) and 0 <= value <= field.get("max", 2 ** 53)):
        return f"whole number up to {field.get('max')} expected"
    elif kind == "money" and not (is_whole(value) and value >= 0):
        return "whole đồng expected"
    elif kind == "enum":
        if value not in [o["id"] for o in form["lists"][field["list"]]]:
            return f"{value!r} is not in list {field['list']}"
    elif kind not in ("date", "bool", "uint", "money"):
        return f"type {kind} cannot stand in a data file"
    return None


def check_values(report, form, fields, row, where):
    for name, value in row.items():
        field = next((f for f in fields if f["name"] == name), None)
        if field is None:
            report.say(f"{where}: form {form['form']} has no field {name!r}")
            continue
        if field["class"] in ("server", "state"):
            report.say(f"{where}.{name}: class {field['class']} is not loaded")
        if field["class"] != "set":
            value = [value]
        elif not isinstance(value, list) or len(set(value)) != len(value):
            report.say(f"{where}.{name}: a set is an array without doubles")
            continue
        for one in value:
            fault = value_fault(form, field, one)
            if fault:
                report.say(f"{where}.{name}: {fault}")


def check_record(report, form, row, where):
    groups = {g["name"]: g for g in form["groups"]}
    check_values(report, form, form["fields"],
                 {k: v for k, v in row.items() if k not in groups}, where)
    for field in form["fields"]:
        if field.get("required") and field["name"] not in row:
            report.say(f"{where}: {field['name']} is missing")
    for name in row.keys() & groups.keys():
        keyed = groups[name]["kind"] == "keyed"
        if not isinstance(row[name], dict if keyed else list):
            report.say(f"{where}.{name}: keyed groups are objects, listed ones arrays")
            continue
        for key, item in row[name].items() if keyed else enumerate(row[name]):
            if keyed and not CODE.match(key):
                report.say(f"{where}.{name}: key {key!r} is not an ASCII id")
            check_values(report, form, groups[name]["fields"], item, f"{where}.{name}.{key}")


IDENTITY = {"movement": ["movement_id"], "period": ["period_id"], "unit": ["unit_id"],
            "area": ["area_id"], "criterion_set": ["set_id", "version"],
            "criterion": ["criterion_id", "set_version"], "indicator": ["indicator_id"],
            "word_list": ["list_id"], "setting": ["key"]}


def check_records(report, forms, name, data):
    """data: {file: {"form", "records"}}"""
    seen = set()
    for file, doc in data.items():
        report.file = f"{name}/{file}"
        form = forms.get(doc.get("form"))
        if form is None or form["bucket"] != "catalogue" or form["form"] not in IDENTITY:
            report.say(f"form {doc.get('form')!r} is not one that is loaded")
            continue
        for number, row in enumerate(doc["records"], 1):
            ident = (form["form"], *(row.get(k) for k in IDENTITY[form["form"]]))
            where = f"record {number} {'/'.join(map(str, ident))}"
            check_record(report, form, row, where)
            if ident in seen:
                report.say(f"{where}: stands twice")
            seen.add(ident)


def ids(data, form, field):
    return {r.get(field) for d in data.values() if d.get("form") == form for r in d["records"]}


def check_links(report, name, data):
    """Every id that a record names is there."""
    words = {r["list_id"]: r.get("words", {}) for d in data.values() if d.get("form") == "word_list"
             for r in d["records"]}
    contents = {k for d in data.values() if d.get("form") == "movement"
                for r in d["records"] for k in r.get("contents", {})}
    classes = set(words.get("unit_class", {}))
    sets = {f"{r['set_id']}/{r['version']}" for d in data.values()
            if d.get("form") == "criterion_set" for r in d["records"]}
    known = {"movement_id": ids(data, "movement", "movement_id"),
             "class": classes | {"m"},   # m: the common duties
             "classes": classes, "contents": contents, "areas": ids(data, "area", "area_id"),
             "set_id": ids(data, "criterion_set", "set_id"), "includes": sets,
             "denominator_id": ids(data, "indicator", "indicator_id"),
             "indicator_id": ids(data, "indicator", "indicator_id"),
             "kind": None, "former_code": set(words.get("former_commune", {})),
             "successor_ids": ids(data, "unit", "unit_id")}
    for file, doc in data.items():
        report.file = f"{name}/{file}"
        for number, row in enumerate(doc["records"], 1):
            wanted = dict(known, kind=set(words.get("unit_kind", {})))
            if doc["form"] != "unit":
                wanted["kind"] = None
            for field, there in wanted.items():
                value = row.get(field, [])
                if there is None or isinstance(value, dict):
                    continue
                for one in value if isinstance(value, list) else [value]:
                    if one not in there:
                        report.say(f"record {number}: {field} {one!r} is not in the catalogue")
            if doc["form"] == "criterion" and f"{row['set_id']}/{row['set_version']}" not in sets:
                report.say(f"record {number}: no such version of set {row['set_id']}")


# ---- reading -------------------------------------------------------------------------------------

def no_doubles(pairs):
    keys = [k for k, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("a key stands twice: " + next(k for k in keys if keys.count(k) > 1))
    return dict(pairs)


def read_json(report, path):
    report.file = str(path.relative_to(CATALOGUE))
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8")
        if text != unicodedata.normalize("NFC", text):
            report.say("is not in Unicode form NFC")
        if raw.startswith(b"\xef\xbb\xbf") or b"\r" in raw:
            report.say("has a byte order mark or carriage returns")
        return json.loads(text, object_pairs_hook=no_doubles)
    except (OSError, ValueError) as why:
        report.say(str(why))
        return None


def read_units(report, path):
    report.file = str(path.relative_to(CATALOGUE))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as why:
        report.say(str(why))
        return None
    if text != unicodedata.normalize("NFC", text) or '"' in text:
        report.say("is not in Unicode form NFC, or has quotes")
    head, *lines = [line.split("\t") for line in text.splitlines()]
    records = []
    for number, cells in enumerate(lines, 2):
        if len(cells) != len(head):
            report.say(f"line {number}: {len(cells)} columns, the header has {len(head)}")
            continue
        row = {k: v for k, v in zip(head, cells) if v}
        if "areas" in row:
            row["areas"] = row["areas"].split(",")
        if row.get("unit_id", "")[6:7] != row.get("class"):
            report.say(f"line {number}: unit_id and class differ")
        records.append(row)
    return {"form": head[0].removesuffix("_id"), "records": records}


def read_commune(report, folder):
    """All data files of a commune: {name: {"form", "records"}}."""
    data = {}
    for path in sorted(folder.iterdir()):
        doc = (read_units if path.suffix == ".tsv" else read_json)(report, path)
        if isinstance(doc, dict) and set(doc) == {"form", "records"}:
            data[path.name] = doc
        elif doc is not None:
            report.say('is not {"form", "records"}')
    return data


def read_all(report):
    forms = {}
    for path in sorted((CATALOGUE / "forms").glob("*.json")):
        form = read_json(report, path)
        if form is not None:
            forms[path.stem] = form
    folders = [p for p in sorted(CATALOGUE.iterdir()) if (p / "commune.json").exists()]
    if not forms or not folders:
        report.file = "server/catalogue"
        report.say("no forms or no commune")
    return forms, {p.name: read_commune(report, p) for p in folders}


def check_all(report, forms, communes, frozen):
    for name, form in forms.items():
        report.file = f"forms/{name}.json"
        check_form(report, name, form)
    if report.lines:
        return
    check_numbers(report, forms, frozen)
    for name, data in communes.items():
        check_records(report, forms, name, data)
        if not report.lines:
            check_links(report, name, data)


# ---- docs/data-model.md, section 9 ---------------------------------------------------------------

SHARED = ["attachments", "amendments", "settlements", "questions", "question_answers", "decisions",
          "remarks"]


def short_roles(roles):
    names = {"officer": "o", "office": "f", "office_head": "h", "council_chair": "c",
             "decider": "d", "admin": "a", "operator": "op"}
    if "office" in roles:
        roles = [r for r in roles if r != "office_head"]
    return " ".join(names.get(r, r) for r in roles) or "-"


def short_type(field):
    more = field.get("list") or field.get("max", "") if field["type"] in ("enum", "str") else ""
    of = "set of " if field["class"] == "set" else ""
    return of + field["type"] + (f"({more})" if more else "")


def group_cell(group):
    return "; ".join(f"{f['no']} `{f['name']}` {short_type(f)} {f['class']} "
                     f"{short_roles(f['write'])}" for f in group["fields"])


def field_tables(forms):
    """The whole section as lines."""
    shared, out = {}, []
    for bucket in ("catalogue", "unit", "council", "review"):
        for name in sorted(n for n, f in forms.items() if f["bucket"] == bucket):
            form = forms[name]
            out += ["", f"### {name}: {form['label_vi']} ({form['label_en']})",
                    f"Bucket `{bucket}`, version {form['version']}; created by "
                    f"{short_roles(form['create'])}.", "", "| no | field | type | class | writes |",
                    "|---|---|---|---|---|"]
            for f in form["fields"]:
                req = " (req)" if f.get("required") else ""
                out.append(f"| {f['no']} | `{f['name']}`{req} | {short_type(f)} | {f['class']} | "
                           f"{short_roles(f['write'])} |")
            own = [g for g in form["groups"] if g["name"] not in SHARED]
            if own:
                out += ["", "| no | group | fields |", "|---|---|---|"]
            out += [f"| {g['no']} | `{g['name']}` ({'by ' + g['keys'] if 'keys' in g else 'list'}) "
                    f"| {group_cell(g)} |" for g in own]
            common = [g for g in form["groups"] if g["name"] in SHARED]
            if common:
                out += ["", "Shared groups: " + ", ".join(f"`{g['name']}`" for g in common) + "."]
            for g in common:
                shared.setdefault(g["name"], g)
    out += ["", "### Groups that many kinds share",
            "Writers as in the first kind that has the group; the form file decides.", "",
            "| no | group | fields |", "|---|---|---|"]
    out += [f"| {shared[n]['no']} | `{n}` | {group_cell(shared[n])} |" for n in SHARED
            if n in shared]
    return out[1:]


def check_docs(report, forms, write):
    report.file = "docs/data-model.md"
    page = ROOT / "docs" / "data-model.md"
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    begin, end = "<!-- fields: begin -->\n", "<!-- fields: end -->\n"
    if text.count(begin) != 1 or text.count(end) != 1:
        report.say("has no place for the fields")
        return
    at, to = text.index(begin) + len(begin), text.index(end)
    table = "\n".join(field_tables(forms)) + "\n"
    if write:
        page.write_text(text[:at] + table + text[to:], encoding="utf-8")
    elif text[at:to] != table:
        report.say("section 9 is stale; run tools/check/catalogue.py --write-docs")


# ---- does the check still bite? ------------------------------------------------------------------

def spoilings():
    """(what is spoiled, function of (forms, data of the commune), a word of the line it gives)"""
    def visit_field(which, **changes):
        def spoil(forms, _):
            next(f for f in forms["visit"]["fields"] if f["name"] == which).update(changes)
        return spoil

    def record(file, **changes):
        return lambda _, data: data[file]["records"][0].update(changes)

    def drop_field(forms, _):
        forms["visit"]["fields"].pop()

    def double_record(_, data):
        data["units.tsv"]["records"].append(data["units.tsv"]["records"][0])

    def double_option(forms, _):
        forms["visit"]["lists"]["rating"][1]["no"] = 0

    return [
        ("number twice", visit_field("place", no=3), "twice"),
        ("number reused", visit_field("copies", name="sheets"), "was copies"),
        ("field retyped", visit_field("position", type="hash"), "was position"),
        ("field gone", drop_field, "is gone"),
        ("unknown type", visit_field("place", type="text"), "no type"),
        ("unknown class", visit_field("place", **{"class": "shared"}), "no class"),
        ("unknown role", visit_field("place", write=["boss"]), "no role"),
        ("no such list", visit_field("visit_kind", list="kinds"), "no list"),
        ("no label", visit_field("place", vi=" "), "no vi"),
        ("enum number twice", double_option, "twice"),
        ("expression: path", visit_field("place", relevant="${plaice} = ''"), "no path"),
        ("expression: token", visit_field("place", relevant="a && b"), "no such token"),
        ("expression: function", visit_field("place", relevant="regex('a')"), "no function"),
        ("expression: cut", visit_field("place", relevant="(1 = 1"), "ends too early"),
        ("expression: option", visit_field("place", relevant="${visit_kind} = 'x'"), "not in the"),
        ("unknown field", record("periods.json", colour="red"), "no field"),
        ("date that is none", record("periods.json", to="2026-02-30"), "date expected"),
        ("unknown enum", record("periods.json", kind="week"), "not in list"),
        ("missing id", lambda _, d: d["units.tsv"]["records"][0].pop("unit_id"), "is missing"),
        ("unit twice", double_record, "twice"),
        ("unknown content", record("criteria.json", contents=["n9"]), "not in the catalogue"),
        ("unknown area", record("units.tsv", areas=["ar-1"]), "not in the catalogue"),
        ("long label", record("criteria.json", label_vi="a" * 61), "text of 1..60"),
    ]


def self_test(forms, communes, frozen):
    missed = 0
    for why, spoil, word in spoilings():
        trial_forms, trial = copy.deepcopy(forms), copy.deepcopy(communes)
        spoil(trial_forms, next(iter(trial.values())))
        report = Report()
        check_all(report, trial_forms, trial, frozen)
        if not any(word in line for line in report.lines):
            print(f"self-test: not found: {why}: {report.lines[:2]}")
            missed += 1
    print(f"self-test: {len(spoilings()) - missed} of {len(spoilings())} spoilings found")
    return 1 if missed else 0


def main(args):
    if any(a not in ("--freeze", "--write-docs", "--self-test") for a in args):
        print(__doc__, file=sys.stderr)
        return 2
    report = Report()
    forms, communes = read_all(report)
    if "--freeze" in args and not report.lines:
        freeze(forms)
    frozen = read_frozen()
    if not report.lines:
        check_all(report, forms, communes, frozen)
    if not report.lines:
        check_docs(report, forms, "--write-docs" in args)
    print("\n".join(report.lines) if report.lines else
          f"catalogue: {len(forms)} forms, "
          f"{sum(len(all_fields(f)) for f in forms.values())} fields, " + ", ".join(
              f"{name}: {sum(len(doc['records']) for doc in data.values())} records"
              for name, data in communes.items()))
    if report.lines:
        return 1
    return self_test(forms, communes, frozen) if "--self-test" in args else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
