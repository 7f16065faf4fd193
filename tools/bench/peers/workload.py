#!/usr/bin/env python3
"""The operations that every peer is given: the same file for the same size and seed.

usage: workload.py small|medium|large|NUMBER [SEED] >ops.jsonl

Lines: {"op":"meta"} once; {"op":"create","dev","id","rec"}; then
{"op":"edit","dev","id","f","v","g","n"}; one {"op":"probe","dev","id","f","v"}. V flat inspection
records of 60 fields on 20 devices, then V/2 edits of one field, made offline on the same base: 70 %
alone on their record, 10 % in pairs on one field, 20 % in pairs on two fields of one record.
All texts are put together from the pools below: no person, household or rating in them exists. They
compress better than real prose would, so compare peers with each other and promise nobody the
kilobytes.
"""
import json
import re
import sys
import unicodedata

SIZES = {"small": 200, "medium": 2000, "large": 20000}
DEVICES = 20

HAMLETS = [
    "Bản Đà", "Keo Hin", "Nà Sa", "Lũng Rì", "Pác Rao", "Cốc Chia", "Nà Quang", "Giộc Sung",
    "Thang Khiếc", "Bản Niếng", "Lũng Phiắc", "Đỏng Luông", "Phia Muông", "Nà Giào", "Tổng Moòng",
    "Khu dân cư 1", "Khu dân cư 2", "Khu dân cư 3", "Pò Tấu", "Lũng Tung", "Nà Ngoòng",
    "Háng Thoang"]
UNITS = [
    "Chi bộ xóm", "Ban công tác Mặt trận", "Chi hội Phụ nữ", "Chi hội Nông dân",
    "Chi đoàn Thanh niên", "Chi hội Cựu chiến binh", "Trường Tiểu học", "Trường Mầm non",
    "Trạm Y tế", "Tổ an ninh trật tự cơ sở", "Tổ hợp tác chăn nuôi"]
TYPES = [
    "Kiểm tra định kỳ", "Kiểm tra đột xuất", "Giám sát chuyên đề", "Phúc tra kết quả chấm điểm",
    "Nắm tình hình cơ sở"]
FAMILY = ["Nông", "Hoàng", "Lý", "Nguyễn", "Đàm", "Bế", "Triệu", "Hà", "Lục", "Mông", "Phùng",
          "Vi", "Chu", "Trần"]
MIDDLE = ["Văn", "Thị", "Quốc", "Thu", "Minh", "Ngọc", "Đức", "Bích", "Hữu", "Kim"]
GIVEN = ["Hùng", "Hoa", "Thủy", "Tuấn", "Lan", "Dũng", "Hiền", "Nghĩa", "Thảo", "Sơn", "Quyên",
         "Bình", "Phượng", "Khánh", "Duyên", "Trọng"]
SUBJECTS = [
    "tuyến đường bê tông liên xóm", "nhà văn hóa", "quỹ khuyến học", "mô hình nuôi bò vỗ béo",
    "hệ thống mương thủy lợi", "hương ước", "tổ tự quản", "đường hoa", "sổ theo dõi thi đua",
    "hồ sơ bình xét gia đình văn hóa", "phong trào hiến đất làm đường", "công trình nước sạch",
    "đội văn nghệ hát then", "điểm thu gom rác thải", "mô hình trồng hạt dẻ",
    "nhà tiêu hợp vệ sinh", "đèn chiếu sáng năng lượng mặt trời", "chuồng trại xa nhà ở"]
VERDICTS = [
    "đã hoàn thành theo đăng ký", "mới đạt một phần kế hoạch", "chậm tiến độ so với cam kết",
    "được nhân dân đồng tình hưởng ứng", "còn thiếu minh chứng kèm theo",
    "duy trì thường xuyên, có nền nếp", "chưa được cập nhật từ quý trước",
    "vượt chỉ tiêu xã giao", "cần bổ sung biên bản họp",
    "có chuyển biến rõ so với lần kiểm tra trước", "chưa niêm yết công khai",
    "thực hiện đúng hướng dẫn"]
REASONS = [
    "do mưa lũ làm sạt lở ta luy", "vì nhiều hộ đi làm ăn xa",
    "do kinh phí đối ứng chưa kịp huy động", "nhờ già làng và người có uy tín vận động",
    "do trưởng xóm mới nhận nhiệm vụ", "nhờ bà con góp ngày công",
    "vì sóng điện thoại yếu nên báo cáo chậm", "do trùng thời vụ thu hoạch ngô",
    "nhờ sự phối hợp của đồn biên phòng", "do thiếu nguồn nước vào mùa khô"]
REQUESTS = [
    "đề nghị xóm hoàn thiện hồ sơ trước ngày", "giao tổ công tác xuống hỗ trợ vào ngày",
    "hẹn phúc tra lại ngày", "yêu cầu báo cáo bằng văn bản trước ngày",
    "đề nghị biểu dương tại giao ban ngày", "kiến nghị bổ sung kinh phí chậm nhất ngày"]
TASKS = [
    "Phát triển kinh tế, giảm nghèo", "Xây dựng nông thôn mới", "Văn hóa, khu dân cư văn hóa",
    "Giáo dục, khuyến học", "Y tế, vệ sinh môi trường", "An ninh trật tự, bảo vệ biên giới",
    "Xây dựng hệ thống chính trị"]
WEATHER = ["Nắng", "Mưa nhỏ", "Sương mù", "Rét đậm", "Nhiều mây"]
EDITABLE = re.compile(
    r"^(tc\d\d_(muc|nx)|nd\d_diem|phat_hien|kho_khan|de_xuat|ket_luan|ho_ngheo|so_anh)$")


class Dice:
    """Mulberry32: the same numbers everywhere."""

    def __init__(self, seed):
        self.state = (seed * 2654435761) & 0xFFFFFFFF or 1

    def roll(self):
        self.state = (self.state + 0x6D2B79F5) & 0xFFFFFFFF
        t = self.state
        t = ((t ^ t >> 15) * (1 | t)) & 0xFFFFFFFF
        t ^= (t + ((t ^ t >> 7) * (61 | t) & 0xFFFFFFFF)) & 0xFFFFFFFF
        return (t ^ t >> 14) / 4294967296

    def between(self, least, most):
        return least + int(self.roll() * (most - least + 1))

    def pick(self, pool):
        return pool[self.between(0, len(pool) - 1)]

    def hex(self, digits):
        text = ""
        while len(text) < digits:
            text += f"{self.between(0, 65535):04x}"
        return text[:digits]

    def uuid(self):
        return (f"{self.hex(8)}-{self.hex(4)}-4{self.hex(3)}-a{self.hex(3)}-{self.hex(12)}")


class Writer:
    """Texts as officers write them."""

    def __init__(self, dice):
        self.dice, self.unique = dice, 100

    def name(self):
        return " ".join(self.dice.pick(pool) for pool in (FAMILY, MIDDLE, GIVEN))

    def date(self):
        return f"{self.dice.between(1, 28):02d}/{self.dice.between(1, 12):02d}/2026"

    def sentence(self):
        d = self.dice
        kind = d.between(0, 4)
        if kind == 0:
            text = f"{d.pick(SUBJECTS)} {d.pick(VERDICTS)}"
        elif kind == 1:
            text = (f"{d.between(2, 96)}/{d.between(97, 168)} hộ tham gia, "
                    f"{d.pick(SUBJECTS)} {d.pick(VERDICTS)}")
        elif kind == 2:
            text = f"{d.pick(VERDICTS)} {d.pick(REASONS)}"
        elif kind == 3:
            text = f"hộ ông {self.name()} {d.pick(VERDICTS)}"
        else:
            text = f"{d.pick(SUBJECTS)}: {d.between(20, 100)}%, {d.pick(REASONS)}"
        return text[0].upper() + text[1:] + "."

    def request(self):
        text = f"{self.dice.pick(REQUESTS)} {self.date()}"
        return text[0].upper() + text[1:] + "."

    def paragraph(self, sentences):
        return " ".join(self.request() if self.dice.roll() < .3 else self.sentence()
                        for _ in range(sentences))

    def value(self, field):
        """A new value of a field that no other edit writes."""
        name, kind = field
        if kind == "i":
            self.unique += 1
            return self.unique - 1
        text = self.sentence() if name.endswith("_nx") else self.paragraph(2)
        self.unique += 1
        return f"{text} ({self.unique - 1})"


def make_fields():
    texts = "id ma_phieu thiet_bi xom don_vi loai can_bo can_bo_id dai_dien".split()
    numbers = ("bat_dau ket_thuc vi_do kinh_do do_cao sai_so so_ho so_khau ho_ngheo "
               "so_anh").split()
    fields = [(n, "s") for n in texts] + [(n, "i") for n in numbers]
    fields += [("thoi_tiet", "s"), ("trang_thai", "i")]
    fields += [(f"nd{i}_diem", "i") for i in range(1, 8)]
    for i in range(1, 15):
        fields += [(f"tc{i:02d}_muc", "i"), (f"tc{i:02d}_nx", "s")]
    return fields + [(n, "s") for n in ("phat_hien", "kho_khan", "de_xuat", "ket_luan")]


def make_record(writer, number, device, officer):
    """One visit. The order of the dice is part of the workload."""
    d = writer.dice
    record = {"id": d.uuid(), "ma_phieu": f"TK-2026-{number + 1:06d}", "thiet_bi": device}
    start = 1790000000 + number * 5400 + d.between(0, 3600)
    households = d.between(35, 168)
    record.update(xom=d.pick(HAMLETS), don_vi=d.pick(UNITS), loai=d.pick(TYPES),
                  can_bo=officer[0], can_bo_id=officer[1], dai_dien=writer.name(), bat_dau=start)
    record.update(ket_thuc=start + d.between(1800, 9000), vi_do=22830000 + d.between(0, 90000),
                  kinh_do=106480000 + d.between(0, 130000), do_cao=d.between(380, 860),
                  sai_so=d.between(4, 60), so_ho=households,
                  so_khau=households * 4 + d.between(0, 40), ho_ngheo=d.between(0, 22),
                  so_anh=d.between(0, 6), thoi_tiet=d.pick(WEATHER), trang_thai=1)
    for i in range(1, 8):
        record[f"nd{i}_diem"] = d.between(0, 10)
    for i in range(1, 15):
        record[f"tc{i:02d}_muc"] = d.between(0, 3)
        record[f"tc{i:02d}_nx"] = writer.sentence()
    record["phat_hien"] = writer.paragraph(d.between(2, 4))
    record["kho_khan"] = writer.paragraph(d.between(1, 2))
    record["de_xuat"] = writer.paragraph(d.between(1, 3))
    record["ket_luan"] = f"{TASKS[d.between(0, 6)]}: {writer.sentence()}"
    return record


def make_edits(writer, ids, count):
    """Solo edits, then pairs on one field, then pairs on two fields; no record twice."""
    d = writer.dice
    editable = [f for f in make_fields() if EDITABLE.match(f[0])]
    same, different = int(count * .10 / 2 + .5), int(count * .20 / 2 + .5)
    edits = []

    def edit(device, record, field, group, number):
        edits.append({"op": "edit", "dev": device, "id": record, "f": field[0],
                      "v": writer.value(field), "g": group, "n": number})

    for number in range(count - 2 * same - 2 * different):
        field = d.pick(editable)
        edit(d.between(0, DEVICES - 1), ids.pop(0), field, "solo", number)
    first = len(edits)
    for number in range(first, first + same + different):
        group = "same" if number < first + same else "diff"
        one = d.between(0, DEVICES - 1)
        other = (one + d.between(1, DEVICES - 1)) % DEVICES
        field = d.pick(editable)
        second = field
        while group == "diff" and second is field:
            second = d.pick(editable)
        record = ids.pop(0)
        edit(one, record, field, group, number)
        edit(other, record, second, group, number)
    return edits


def operations(count, seed):
    dice = Dice(seed)
    writer = Writer(dice)
    officers = [(writer.name(), dice.uuid()) for _ in range(DEVICES)]
    devices = [dice.uuid() for _ in range(DEVICES)]
    yield {"op": "meta", "V": count, "D": DEVICES, "E": count // 2, "seed": seed,
           "fields": make_fields()}
    ids = []
    for i in range(count):
        device = i % DEVICES
        record = make_record(writer, i, devices[device], officers[device])
        ids.append(record["id"])
        yield {"op": "create", "dev": device, "id": record["id"], "rec": record}
    for i in range(len(ids) - 1, 0, -1):
        j = dice.between(0, i)
        ids[i], ids[j] = ids[j], ids[i]
    yield from make_edits(writer, ids, count // 2)
    yield {"op": "probe", "dev": 0, "id": ids[0], "f": "tc03_nx", "v": writer.sentence()}


def main():
    size = sys.argv[1] if len(sys.argv) > 1 else "small"
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    for operation in operations(SIZES.get(size) or int(size), seed):
        line = json.dumps(operation, ensure_ascii=False, separators=(",", ":"))
        print(unicodedata.normalize("NFC", line))


if __name__ == "__main__":
    main()
