"""The second client against the frozen files: the same hashes, texts, signatures and bytes."""
import base64

import nacl.signing

from lib import need, same
from sotay2 import *

FILES = ROOT / "tests/golden"
SETS = ("create", "edit", "items", "elements", "act", "resolve", "amend", "values", "clocks")
LOG, DEVICE = bytes([0x10] * 16), bytes([0xd1] * 16)
KEY, SEED = nacl.signing.SigningKey(bytes([0x51] * 32)), bytes([0x5e] * 32)


def frozen(name):
    return bytes.fromhex("".join((FILES / f"{name}.hex").read_text().split()))


def golden_sets_have_these_hashes_and_signatures():
    hashes = b""
    for name in SETS:
        one = Set(frozen(f"set-{name}"))
        one.verify(LOG, bytes(KEY.verify_key))
        hashes += one.hash
    same(hashes.hex(), frozen("set-hashes").hex(), "set hashes")
    erased = Set(frozen("set-erased"))
    same(erased.hash, Set(frozen("set-resolve")).hash, "the hash outlives an erasure")
    erased.verify(LOG, bytes(KEY.verify_key))
    same(erased.changes[0].reason, None, "what is destroyed is gone")


def golden_sets_are_written_again_byte_for_byte():
    for name in SETS:
        old = Set(frozen(f"set-{name}"))
        head = pb.Skeleton()
        head.CopyFrom(old.header)
        del head.devices[:], head.changes[:]
        values = put_changes(head, old.device, old.changes)
        data, digest = sealed(KEY, LOG, old.device, head.SerializeToString(), values, SEED)
        same(data.hex(), frozen(f"set-{name}").hex(), name)
        same(digest, old.hash, name)


def a_golden_set_is_built_from_its_words():
    wall, dot = 1773282600000, (DEVICE, 1)
    first = Change(dot=dot, create=("visit", 1, bytes([0x9d] * 16)), wall=wall, mono=60000,
                   hlc=wall << 16, bucket="01477/unit/01477-x01",
                   ops=[Op((FIELD, 0, 1, "", None, 0, b""), (INT, 20524)),
                        Op((FIELD, 0, 2, "", None, 0, b""), (TEXT, "Xóm Đoỏng Luông".encode()))])
    first.record = record_id(dot, first.create[2])
    second = Change(dot=(DEVICE, 2), record=first.record, wall=wall + 1000, mono=61000,
                    hlc=wall + 1000 << 16, ops=[Op((KEYED, 1, 1, "x2", None, 0, b""), (INT, 2))])
    head = pb.Skeleton(format=1, first=1, bucket=first.bucket, hlc=first.hlc, wall_ms=wall,
                       mono_ms=60000, boot=bytes([0xb0] * 8), scope_rev=4, role=OFFICER,
                       fold_version=1)
    values = put_changes(head, DEVICE, [first, second])
    data, _ = sealed(KEY, LOG, DEVICE, head.SerializeToString(), values, SEED)
    same(data.hex(), frozen("set-create").hex(), "set-create")


def golden_ids_texts_and_sums():
    key, public = bytes([0x11] * 32), bytes(KEY.verify_key)
    same(key_id(key), frozen("id-device"), "device")
    same(key_id(key), frozen("id-log"), "log")
    same(record_id((DEVICE, 258), bytes([0x9d] * 16)), frozen("id-record"), "record")
    same(fingerprint(key), frozen("fingerprint").decode().rstrip("\0"), "fingerprint")
    same(sip(b"sotay"), frozen("siphash"), "sum's hash")
    same(collapse({"01477/unit/01477-x01": bytes([1] * 16), "01477/catalogue": bytes([2] * 16)}),
         frozen("collapse"), "collapsed cursors")
    same(enrol_text(bytes([12] * 16), key, bytes([1] * 32), bytes([2] * 32)), frozen("enrol-text"),
         "text of the enrolment")
    same(code_of("#e=" + frozen("enrol-code").decode()), (bytes([12] * 16), key), "code")
    text = head_text("/v1/sync", b"body", LOG, DEVICE + bytes([15] * 8), 4097)
    same(text, frozen("head-text"), "text of a request")
    head = frozen("head")
    same(len(head), 97, "length of the head")
    same(head[:33], b"\x01" + DEVICE + bytes([15] * 8) + struct.pack(">Q", 4097), "head")
    nacl.signing.VerifyKey(public).verify(text, head[33:])
    same(sha(b"\0" + frozen("leaf")), frozen("leaf-hash"), "leaf")
    lines = dict(line.split(" ", 1) for line in frozen("leaf").decode().splitlines()[1:])
    same(list(lines), "kind time actor dev first last prev hlc seen bucket carrier verdict via "
         "commit dsig".split(), "lines of a leaf")
    same(base64.b64decode(lines["commit"]), bytes([0xcc] * 32), "commit")


def golden_frames_are_read_and_written():
    for file in sorted(FILES.glob("frame-*.hex")):
        data = frozen(file.stem)
        found, = unpack(pack([varint(len(data)) + data]))
        same(found.SerializeToString().hex(), data.hex(), file.stem)
        need(file.stem.split("-")[1] in found.WhichOneof("body"), file.stem)


CASES = [golden_sets_have_these_hashes_and_signatures, golden_sets_are_written_again_byte_for_byte,
         a_golden_set_is_built_from_its_words, golden_ids_texts_and_sums,
         golden_frames_are_read_and_written]
