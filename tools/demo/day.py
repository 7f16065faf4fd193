#!/usr/bin/env python3
"""One day of xã Trùng Khánh, played with the real programs on a real server and two phones.

Every scene prints what a person would see and ends with what would have happened on paper. The
book that comes out of it stays in build/demo, for `make run`. Nothing is left running.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import textwrap
import time

BIN = pathlib.Path(os.environ.get("BIN", "build/release/bin")).resolve()
HOME = pathlib.Path(os.environ.get("DEMO", "build/demo")).resolve()
UNIT = "01477-x013"
VI = any(os.environ.get(n, "").startswith("vi") for n in ("LC_ALL", "LC_MESSAGES", "LANG"))
COLOUR = sys.stdout.isatty()
ENV = dict(os.environ, TZ="Asia/Ho_Chi_Minh", LC_ALL="vi_VN.UTF-8" if VI else "C.UTF-8")


def t(vi, en):
    return vi if VI else en


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def scene(number, vi, en):
    print("\n" + paint("1;36", f"{number}. {t(vi, en)}"))


def say(vi, en):
    print(textwrap.fill(t(vi, en), 96, initial_indent="   ", subsequent_indent="   "))


def paper(vi, en):
    head = t("Trên giấy: ", "On paper: ")
    print(paint("2", textwrap.fill(head + t(vi, en), 96, initial_indent="   ",
                                   subsequent_indent="   ")))


def run(program, *words, env=None, codes=(0,), show=False):
    """Runs a program and returns what it printed; an exit code that is not expected ends all."""
    args = [str(BIN / program), *map(str, words)]
    done = subprocess.run(args, capture_output=True, text=True, env=env or ENV, timeout=60,
                          stdin=subprocess.DEVNULL)
    if done.returncode not in codes:
        sys.exit(f"{program} {' '.join(map(str, words))}: {done.stderr.strip()}")
    if show:
        print(textwrap.indent(done.stdout.rstrip(), "     "))
    return done.stdout


class Server:
    """sotayd on the demo's data folder, always on the same free port."""

    def __init__(self):
        self.process, self.port = None, 0

    def start(self):
        self.process = subprocess.Popen(
            [str(BIN / "sotayd"), "--data", str(HOME / "data"), "--listen",
             f"127.0.0.1:{self.port}"], stdout=subprocess.PIPE,
            stderr=open(HOME / "server.log", "ab"), text=True, env=ENV)
        line = self.process.stdout.readline()
        if not line.startswith("ready "):
            sys.exit("sotayd: " + (HOME / "server.log").read_text()[-300:])
        self.port = int(line.rsplit(":", 1)[1])

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(10)
            self.process = None


def office(*words, **how):
    return run("sotayctl", "--data", HOME / "data", *words, **how)


class Phone:
    """A council member's phone: a store of its own, and a clock that may be wrong."""

    def __init__(self, login, years_behind=0):
        self.login, self.env = login, dict(ENV)
        if years_behind:
            self.env = dict(ENV, FAKETIME=f"-{years_behind}y", FAKETIME_DONT_FAKE_MONOTONIC="1",
                            LD_PRELOAD=faketime_library())
        link = office("enrol", login).strip().splitlines()[-1]
        self.do("enrol", link)

    def do(self, *words, **how):
        return run("sotay", "--store", HOME / f"phone-{self.login}", *words, env=self.env, **how)

    def sync(self):
        return json.loads(self.do("sync", "--json", codes=(0, 3)))

    def show(self, record):
        return json.loads(self.do("show", record, "--json"))


def faketime_library():
    hits = sorted(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not hits:
        sys.exit("the demo needs the package faketime: make deps")
    return str(hits[0])


def rated(document, criterion):
    """The values of one rating with their authors."""
    values = document["groups"]["ratings"][criterion]["rating"]["values"]
    return [(v["value"], v["author"]) for v in values]


def morning(server):
    scene(1, "Buổi sáng ở văn phòng: mở sổ, phân công, đăng ký hai máy",
          "Morning in the office: open the book, assign, enrol two phones")
    office("init", "--commune", "01477")
    for login, name in (("an", "An"), ("binh", "Bình")):
        office("user", "add", login, "--name", name, "--role", "officer")
        office("assign", login, UNIT)
    office("user", "add", "office", "--name", "Văn phòng", "--role", "office")
    server.start()
    an, binh = Phone("an"), Phone("binh", years_behind=3)
    visit = office("new", "visit", UNIT, "visit_kind=kiem_tra", "planned_date=2026-03-12",
                   "--as", "office").strip().splitlines()[-1]
    an.sync(), binh.sync()
    say("Chuyến kiểm tra Xóm Bản Khun đã lên lịch và có sẵn trên cả hai máy trước khi đi. "
        "Đồng hồ máy của binh chậm ba năm, không ai biết.",
        "The inspection of Xóm Bản Khun is planned and on both phones before the trip. The clock "
        "of binh's phone is three years behind; nobody knows.")
    an.do("list", "--form", "visit", show=True)
    paper("lịch ghi trong sổ công tác của từng người, sửa lịch phải gọi điện cho đủ.",
          "the plan stands in each member's notebook; a change means a phone call to everybody.")
    return an, binh, visit


def in_the_hamlet(an, binh, visit):
    scene(2, "Trong xóm, không có sóng: hai người cùng ghi một biên bản",
          "In the hamlet, no signal: two people write into the same visit")
    an.do("set", visit, "visit_date=2026-03-12", "place=nhà văn hóa xóm",
          "ratings.x1.rating=dat", "ratings.x2.rating=dat_mot_phan",
          "ratings.x3.rating=dat", "ratings.x4.rating=dat")
    an.do("item", visit, "findings", "kind=uu_diem",
          "text=Tổ công nghệ số họp đều, có sổ ghi chép")
    binh.do("set", visit, "ratings.x2.rating=chua_dat",
            "ratings.x2.evidence=Đi từng nhà: nhóm nhà trên không máy nào có sóng")
    binh.do("item", visit, "findings", "kind=ton_tai", "text=Chưa có lớp bình dân học vụ số")
    difficulty = binh.do("new", "difficulty", UNIT, f"visit_id={visit}", "severity=3",
                         "text=Nhóm nhà phía trên không có sóng điện thoại").strip()
    say("an thấy sóng chỉ yếu: x2 đạt một phần. binh đi lên nhóm nhà trên: x2 chưa đạt. Mỗi "
        "người ghi trên máy mình, không máy nào thấy máy kia.",
        "an finds the signal weak: x2 partly met. binh climbs to the upper houses: x2 not met. "
        "Each writes on their own phone; neither sees the other.")
    paper("một tờ biên bản, một người viết; ý kiến của người kia mất ngay tại chỗ.",
          "one sheet, one writer; the other opinion is lost on the spot.")
    return difficulty


def phone_dies(an, visit):
    scene(3, "Máy của an hết pin giữa câu", "an's phone dies in mid-sentence")
    words = ("Xóm có 62 hộ, 41 hộ dùng Internet; trưởng xóm đề nghị sớm có trạm phát sóng cho "
             "nhóm nhà trên, bà con").split()
    store, typed = HOME / "phone-an", ""
    for count in range(3, len(words) + 1, 3):
        typed = " ".join(words[:count])
        an.do("draft", "put", visit, f"general_note={typed}")
    killed = subprocess.Popen([str(BIN / "sotay"), "--store", str(store), "draft", "put", visit,
                               f"general_note={typed} mong"], env=ENV)
    killed.kill()
    killed.wait()
    kept = json.loads(an.do("draft", "show", visit, "--json"))["fields"]["general_note"]
    say(f"Mở máy lại, câu còn nguyên: “{kept}”",
        f"Switched on again, the sentence is there: “{kept}”")
    assert kept.startswith(typed), "the working copy lost text"
    an.do("draft", "commit", visit)
    paper("trời mưa, tờ giấy ướt, chép lại theo trí nhớ.",
          "rain, a wet sheet, copied again from memory.")


def signal_returns(server, an, binh):
    scene(4, "Chiều, có sóng: hai máy gửi về", "Afternoon, a signal: both phones send")
    server.start()
    for phone in (an, binh, an):
        report = phone.sync()
        behind = round(abs(report["clock_offset_ms"]) / 86400000)
        clock = t(f", đồng hồ lệch {behind} ngày",
                  f", clock off by {behind} days") if behind else ""
        print(f"     {phone.login}: " + t(
            f"gửi {report['sent_changes']}, nhận {report['received_changes']} thay đổi{clock}",
            f"sent {report['sent_changes']}, received {report['received_changes']} changes{clock}"))
    say("Không gì bị từ chối vì đồng hồ sai; độ lệch được ghi lại.",
        "Nothing is refused for a wrong clock; the offset is on record.")
    paper("biên bản về tới văn phòng sau một tuần, có khi không về.",
          "the minutes reach the office after a week, sometimes never.")


def office_decides(visit):
    scene(5, "Văn phòng: một ý kiến khác nhau, cả hai giá trị, cả hai tên",
          "The office: one open difference, both values, both names")
    office("conflicts", show=True)
    conflicts = json.loads(office("conflicts", "--json"))["conflicts"]
    assert len(conflicts) == 1, f"{len(conflicts)} open differences instead of one"
    path, values = conflicts[0]["path"], conflicts[0]["values"]
    assert {v["value"] for v in values} == {"dat_mot_phan", "chua_dat"}, values
    keep = next(v["dot"] for v in values if v["value"] == "chua_dat")
    reason = t("Đã gọi trưởng xóm: nhóm nhà trên không có sóng",
               "Called the hamlet head: no signal in the upper group of houses")
    office("resolve", visit, path, "--keep", keep, "--as", "office", "--reason", reason)
    say("Văn phòng giữ ý kiến của binh, có lý do; ý kiến của an vẫn đọc được mãi mãi.",
        "The office keeps binh's value, with a reason; an's stays readable for ever.")
    paper("ai viết sau thì đúng, không ai biết đã từng có ý kiến khác.",
          "whoever writes last is right, and nobody knows that there was another opinion.")


def evening(an, binh, visit):
    scene(6, "Tối: cả hai máy thấy quyết định và lý do",
          "Evening: both phones see the decision and why")
    for phone in (an, binh):
        phone.sync()
        document = phone.show(visit)
        assert rated(document, "x2") == [("chua_dat", "office")], rated(document, "x2")
        kept = document["groups"]["ratings"]["x2"]["rating"]["values"][0]
        assert kept["kept"]["author"] == "binh" and kept["reason"], kept
        assert document["open_conflicts"] == 0, document["open_conflicts"]
    an.do("show", visit, show=True)
    print()
    say("Lịch sử trên máy của an:", "The history on an's phone:")
    an.do("history", visit, show=True)
    paper("không ai trả lời được: ai sửa điểm này, lúc nào, vì sao.",
          "nobody can answer who changed this rating, when and why.")


def main():
    if HOME.exists():
        shutil.rmtree(HOME)
    HOME.mkdir(parents=True)
    started, server = time.time(), Server()
    try:
        an, binh, visit = morning(server)
        server.stop()
        in_the_hamlet(an, binh, visit)
        phone_dies(an, visit)
        signal_returns(server, an, binh)
        office_decides(visit)
        evening(an, binh, visit)
        office("verify", show=True)
    finally:
        server.stop()
    print("\n" + paint("1;32", t(
        f"Xong trong {time.time() - started:.0f} giây: không mất gì, một ý kiến khác nhau đã thống "
        "nhất. `make run` mở lại sổ này.",
        f"Done in {time.time() - started:.0f} s: nothing lost, one difference settled. "
        "`make run` opens this book again.")))


if __name__ == "__main__":
    main()
