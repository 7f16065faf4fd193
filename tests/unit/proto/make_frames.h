/* tests/unit/proto/make_frames.h - one well-formed frame of each kind, always the same. */
#ifndef SOTAY_TESTS_MAKE_FRAMES_H
#define SOTAY_TESTS_MAKE_FRAMES_H

#include <string.h>

#include "proto/carry.h"
#include "tests/unit/proto/make_ask.h"
#include "tests/unit/proto/make_set.h"

#define MAKE_FRAMES 62

static inline st_frame make_verdict(st_arena *arena, st_verdict_kind kind)
{
    st_frame frame = { .kind = ST_FRAME_VERDICT };
    st_held *held = st_arena_array(arena, 2, sizeof *held);
    held[0] = (st_held){ 12, ST_HOLD_FROZEN };
    held[1] = (st_held){ 13, ST_HOLD_WAITS };
    frame.as.verdict = (st_verdict){ .has_device = kind == ST_VERDICT_HELD,
                                     .first = 11, .kind = kind, .position = 813, .held = held,
                                     .held_count = kind == ST_VERDICT_LATER ? 0 : 2,
                                     .later_s = kind == ST_VERDICT_LATER ? 60 : 0 };
    if (frame.as.verdict.has_device)
        frame.as.verdict.device = make_id(0xd2, 0xd2);
    return frame;
}

static inline st_frame make_end_purges(void)
{
    st_frame frame = { .kind = ST_FRAME_END };
    frame.as.end = (st_end){ .version = 1, .server_ms = 1773282600500, .position = 816,
                             .dictionary = 1, .purges = 1 };
    return frame;
}

static inline st_frame make_end_revoked(void)
{
    st_frame frame = { .kind = ST_FRAME_END };
    frame.as.end = (st_end){ .version = 1, .server_ms = 1773282600500, .dictionary = 1,
                             .standing = ST_STANDING_REVOKED };
    return frame;
}

static inline st_frame make_verdict_declined(st_arena *arena)
{
    st_frame frame = make_verdict(arena, ST_VERDICT_DUPLICATE);
    uint64_t *declined = st_arena_array(arena, 2, sizeof *declined);
    declined[0] = 14;
    declined[1] = 300;
    frame.as.verdict.declined = declined;
    frame.as.verdict.declined_count = 2;
    return frame;
}

static inline st_scope make_scope(st_arena *arena)
{
    st_bucket *buckets = st_arena_array(arena, 2, sizeof *buckets);
    st_role *roles = st_arena_array(arena, 2, sizeof *roles);
    buckets[0] = make_bucket("01477/catalogue");
    buckets[1] = make_bucket("01477/unit/01477-x01");
    roles[0] = ST_ROLE_OFFICER;
    roles[1] = ST_ROLE_OFFICE_HEAD;
    return (st_scope){ .rev = 5, .buckets = buckets, .buckets_count = 2, .roles = roles,
                       .roles_count = 2 };
}

static inline st_frame make_page(st_arena *arena)
{
    st_frame frame = { .kind = ST_FRAME_PAGE };
    st_entry *entries = st_arena_array(arena, 3, sizeof *entries);
    uint64_t *counters = st_arena_array(arena, 2, sizeof *counters);
    st_held *held = st_arena_array(arena, 1, sizeof *held);
    st_upto *vector = st_arena_array(arena, 1, sizeof *vector);
    counters[0] = 12;
    counters[1] = 13;
    held[0] = (st_held){ 12, ST_HOLD_VALUE };
    vector[0] = (st_upto){ make_id(0xd1, 0xd1), 13 };
    entries[0] = (st_entry){ .index = 813, .time_ms = 1773282601000, .kind = ST_ENTRY_CHANGE,
                             .set = (const uint8_t *)"a change-set", .set_len = 12, .held = held,
                             .held_count = 1, .has_carrier = true,
                             .carrier = make_id(0xd3, 0xd3) };
    entries[1] = (st_entry){ .index = 814, .time_ms = 1773282602000, .kind = ST_ENTRY_CHANGE,
                             .device = make_id(0xd1, 0xd1), .first = 20, .last = 24 };
    entries[2] = (st_entry){ .index = 816, .time_ms = 1773282603000, .kind = ST_ENTRY_ACCEPT,
                             .device = make_id(0xd1, 0xd1), .counters = counters,
                             .counters_count = 2 };
    frame.as.page = (st_page){ .bucket = make_bucket("01477/unit/01477-x01"), .cursor = 816,
                               .entries = entries, .entries_count = 3, .last = true,
                               .sum = make_sum(0x77), .vector = vector, .vector_count = 1,
                               .fold_version = 1, .reset = true };
    return frame;
}

/* The office said why. */
static inline st_frame make_page_declined(st_arena *arena)
{
    st_frame frame = { .kind = ST_FRAME_PAGE };
    st_entry *entries = st_arena_array(arena, 1, sizeof *entries);
    uint64_t *counters = st_arena_array(arena, 2, sizeof *counters);
    counters[0] = 14;
    counters[1] = 300;
    entries[0] = (st_entry){ .index = 817, .time_ms = 1773282604000, .kind = ST_ENTRY_DECLINE,
                             .device = make_id(0xd1, 0xd1), .first = 14, .last = 300,
                             .counters = counters, .counters_count = 2,
                             .reason = "ghi nhầm nhà văn hóa xóm bên" };
    frame.as.page = (st_page){ .bucket = make_bucket("01477/unit/01477-x01"), .cursor = 817,
                               .entries = entries, .entries_count = 1, .fold_version = 1 };
    return frame;
}

static inline st_frame make_enrol_ask(void)
{
    st_frame frame = { .kind = ST_FRAME_ENROL_ASK };
    st_enrol_ask *ask = &frame.as.enrol_ask;
    ask->version = 1;
    memset(ask->code, 0x0c, sizeof ask->code);
    memset(ask->sign_key, 0x01, sizeof ask->sign_key);
    memset(ask->cosign_key, 0x02, sizeof ask->cosign_key);
    memset(ask->install, 0x03, sizeof ask->install);
    memset(ask->proof, 0x04, sizeof ask->proof);
    memcpy(ask->label, "Máy của an", sizeof "Máy của an");
    return frame;
}

static inline st_frame make_enrol_ask_again(void)
{
    st_frame frame = make_enrol_ask();
    frame.as.enrol_ask.has_log = true;
    frame.as.enrol_ask.log = make_id(0x10, 0x06);
    return frame;
}

static inline st_frame make_enrol_ask_person(void)
{
    st_frame frame = make_enrol_ask_again();
    frame.as.enrol_ask.has_person = true;
    frame.as.enrol_ask.person = make_id(0xaa, 0xaa);
    return frame;
}

static inline st_frame make_enrol_answer(st_arena *arena)
{
    st_frame frame = { .kind = ST_FRAME_ENROL_ANSWER };
    st_enrol_answer *answer = &frame.as.enrol_answer;
    answer->version = 1;
    memset(answer->log_key, 0x11, 32);
    memset(answer->seal_key, 0x12, 32);
    memset(answer->recovery_key, 0x13, 32);
    answer->person = make_id(0xaa, 0xaa);
    (void)st_code_set(&answer->login, "an", 2);
    (void)st_code_set(&answer->commune, "01477", 5);
    memset(answer->epoch, 0xe0, 8);
    memcpy(answer->letters, "AN", 3);
    answer->scope = make_scope(arena);
    answer->server_ms = 1773282600500;
    memcpy(answer->fingerprint, "1234 5678 9012 3456", 20);
    answer->server_device = make_id(0x5d, 0x5d);
    memset(answer->server_key, 0x14, 32);
    return frame;
}

/* The same with the set that enrolled the device. */
static inline st_frame make_enrol_answer_set(st_arena *arena)
{
    static const uint8_t SET[] = "bytes of a change-set";
    st_frame frame = make_enrol_answer(arena);
    frame.as.enrol_answer.enrolment = SET;
    frame.as.enrol_answer.enrolment_len = sizeof SET - 1;
    return frame;
}

static inline st_frame make_heir_ask(void)
{
    st_frame frame = { .kind = ST_FRAME_HEIR_ASK };
    st_heir_ask *ask = &frame.as.heir_ask;
    ask->version = 1;
    memset(ask->sign_key, 0x01, sizeof ask->sign_key);
    memset(ask->cosign_key, 0x02, sizeof ask->cosign_key);
    memset(ask->proof, 0x04, sizeof ask->proof);
    memset(ask->signature, 0x05, sizeof ask->signature);
    return frame;
}

static inline st_frame make_heir_declined(void)
{
    st_frame frame = { .kind = ST_FRAME_HEIR_ANSWER };
    frame.as.heir_answer = (st_heir_answer){ .version = 1, .state = ST_HEIR_DECLINED,
                                             .reason = "không phải máy của an" };
    return frame;
}

static inline st_frame make_heir_enrolled(st_arena *arena)
{
    st_frame frame = { .kind = ST_FRAME_HEIR_ANSWER };
    frame.as.heir_answer.version = 1;
    frame.as.heir_answer.state = ST_HEIR_ENROLLED;
    frame.as.heir_answer.enrolled = make_enrol_answer_set(arena).as.enrol_answer;
    return frame;
}

static inline st_frame make_repair_ask(st_arena *arena)
{
    st_frame frame = { .kind = ST_FRAME_REPAIR_ASK };
    st_range *ranges = st_arena_array(arena, 3, sizeof *ranges);
    st_id *records = st_arena_array(arena, 3, sizeof *records);
    st_repair_evidence *evidence = st_arena_array(arena, 1, sizeof *evidence);
    ranges[1] = (st_range){ 1, { 0xa0 } };
    ranges[2] = (st_range){ 4, { 0xbe, 0xef } };
    records[0] = make_id(0x10, 0x10);
    records[1] = make_id(0x11, 0x11);
    records[2] = make_id(0x12, 0x12);
    evidence[0] = (st_repair_evidence){ records[2], (const uint8_t *)"a state", 7 };
    frame.as.repair_ask = (st_repair_ask){ .bucket = make_bucket("01477/unit/01477-x01"),
                                           .cursor = 816,
                                           .sum = make_sum(0x78),
                                           .ranges = ranges,
                                           .ranges_count = 3,
                                           .records = records,
                                           .records_count = 2,
                                           .whole = records + 2,
                                           .whole_count = 1,
                                           .has_vector = true,
                                           .evidence = evidence,
                                           .evidence_count = 1 };
    memset(frame.as.repair_ask.vector, 0x7e, 8);
    return frame;
}

static inline st_frame make_repair_answer(st_arena *arena)
{
    st_frame frame = { .kind = ST_FRAME_REPAIR_ANSWER };
    st_repair_range *ranges = st_arena_array(arena, 3, sizeof *ranges);
    st_repair_record *records = st_arena_array(arena, 2, sizeof *records);
    st_record_brief *list = st_arena_array(arena, 2, sizeof *list);
    st_frame page = make_page(arena);
    for (unsigned i = 0; i < ST_REPAIR_PARTS; i++)
        memset(ranges[0].parts[i].b, (int)i, 8);
    list[0] = (st_record_brief){ make_id(0xa1, 0xa1), { { 1, 2, 3, 4, 5, 6, 7, 8 } } };
    list[1] = (st_record_brief){ make_id(0xa2, 0xa2), { { 8, 7, 6, 5, 4, 3, 2, 1 } } };
    ranges[1] = (st_repair_range){
        .range = { 1, { 0xa0 } }, .is_list = true, .records = list, .records_count = 2
    };
    ranges[2] = (st_repair_range){ .range = { 4, { 0xbe, 0xef } }, .is_list = true };
    records[0] = (st_repair_record){ make_id(0x10, 0x10), page.as.page.entries, 3 };
    records[1] = (st_repair_record){ make_id(0x11, 0x11), NULL, 0 };
    frame.as.repair_answer = (st_repair_answer){ .bucket = make_bucket("01477/unit/01477-x01"),
                                                 .cursor = 816,
                                                 .sum = make_sum(0x77),
                                                 .ranges = ranges,
                                                 .ranges_count = 3,
                                                 .records = records,
                                                 .records_count = 2,
                                                 .vector = (const uint8_t *)"a vector",
                                                 .vector_len = 8 };
    return frame;
}

static inline st_frame make_epochs(st_arena *arena)
{
    st_frame frame = { .kind = ST_FRAME_EPOCHS };
    st_epoch *rows = st_arena_array(arena, 2, sizeof *rows);
    for (size_t i = 0; i < 2; i++) {
        rows[i] = (st_epoch){ .n = 2 + i, .cut = 812 + i };
        memset(rows[i].epoch, (int)(0xe2 + i), 8);
        memset(rows[i].server_key, (int)(0x15 + i), 32);
        memset(rows[i].signature, (int)(0x65 + i), 64);
    }
    frame.as.epochs.rows = rows;
    frame.as.epochs.count = 2;
    return frame;
}

/* To an enrolment, with the epochs of the log. */
static inline st_frame make_enrol_answer_epochs(st_arena *arena)
{
    st_frame epochs = make_epochs(arena), frame = make_enrol_answer(arena);
    frame.as.enrol_answer.epochs = epochs.as.epochs.rows;
    frame.as.enrol_answer.epochs_count = epochs.as.epochs.count;
    return frame;
}

/* It says which list of epochs it was told. */
static inline st_frame make_ask_epochs_mark(st_arena *arena)
{
    st_frame frame = make_ask(arena, true);
    frame.as.ask.epochs = 3;
    frame.as.ask.has_epochs_mark = true;
    memset(frame.as.ask.epochs_mark, 0x5d, sizeof frame.as.ask.epochs_mark);
    return frame;
}

static inline st_frame make_address(void)
{
    st_frame frame = { .kind = ST_FRAME_ADDRESS };
    frame.as.address = (st_address){ .n = 3, .url = "https://so.trungkhanh.example" };
    memset(frame.as.address.signature, 0x66, 64);
    return frame;
}

static inline st_log_keys_told make_told_keys(st_arena *arena)
{
    st_log_key *rows = st_arena_array(arena, 2, sizeof *rows);
    for (size_t i = 0; i < 2; i++) {
        rows[i] = (st_log_key){ .n = 1 + i, .size = 812 + i };
        memset(rows[i].key, (int)(0x16 + i), 32);
        memset(rows[i].by_old, (int)(0x67 + i), 64);
        memset(rows[i].by_new, (int)(0x69 + i), 64);
    }
    return (st_log_keys_told){ .rows = rows, .count = 2 };
}

static inline st_frame make_log_keys(st_arena *arena)
{
    return (st_frame){ .kind = ST_FRAME_LOG_KEYS, .as.log_keys = make_told_keys(arena) };
}

static inline st_frame make_ask_log_keys(st_arena *arena)
{
    st_frame frame = make_ask(arena, true);
    frame.as.ask.log_keys = 2;
    return frame;
}

/* Of the key that it follows it says which one it is. */
static inline st_frame make_ask_log_key_mark(st_arena *arena)
{
    st_frame frame = make_ask_log_keys(arena);
    frame.as.ask.has_log_key_mark = true;
    memset(frame.as.ask.log_key_mark, 0x4b, sizeof frame.as.ask.log_key_mark);
    return frame;
}

static inline st_frame make_enrol_answer_keys(st_arena *arena)
{
    st_frame frame = make_enrol_answer(arena);
    frame.as.enrol_answer.log_keys = make_told_keys(arena);
    frame.as.enrol_answer.log_keys.has_first = true;
    memset(frame.as.enrol_answer.log_keys.first, 0x15, 32);
    return frame;
}

static inline st_frame make_snapshot(st_arena *arena)
{
    st_frame frame = { .kind = ST_FRAME_SNAPSHOT };
    st_snapshot_piece *pieces = st_arena_array(arena, 2, sizeof *pieces);
    memset(pieces[0].hash.b, 0x51, sizeof pieces[0].hash.b);
    memset(pieces[1].hash.b, 0x52, sizeof pieces[1].hash.b);
    pieces[0].bytes = 131072;
    pieces[1].bytes = 517;
    frame.as.snapshot = (st_snapshot){ .bucket = make_bucket("01477/unit/01477-x01"),
                                       .cursor = 812,
                                       .sum = make_sum(0x55),
                                       .fold_version = 1,
                                       .pieces = pieces,
                                       .pieces_count = 2 };
    return frame;
}

static inline st_snapshot_part make_snapshot_part(st_arena *arena)
{
    st_snapshot_record *records = st_arena_array(arena, 2, sizeof *records);
    st_frame page = make_page(arena);
    records[0] = (st_snapshot_record){ (const uint8_t *)"a record", 8 };
    records[1] = (st_snapshot_record){ (const uint8_t *)"another record", 14 };
    return (st_snapshot_part){ .records = records,
                               .records_count = 2,
                               .held = page.as.page.entries,
                               .held_count = 1,
                               .vector = (const uint8_t *)"a vector",
                               .vector_len = 8 };
}

static inline st_frame make_have_ask(st_arena *arena)
{
    static const st_chunk CHUNKS[] = { { (const uint8_t *)"one piece", 9 },
                                       { (const uint8_t *)"another", 7 } };
    st_frame frame = { .kind = ST_FRAME_HAVE_ASK };
    st_hash *hashes = st_arena_array(arena, 3, sizeof *hashes);
    memset(hashes, 0x5e, 3 * sizeof *hashes);
    hashes[0] = st_sha256(CHUNKS[0].bytes, CHUNKS[0].len);
    hashes[1] = st_sha256(CHUNKS[1].bytes, CHUNKS[1].len);
    frame.as.have_ask = (st_have_ask){ .record = make_id(0x10, 0x10), .hashes = hashes,
                                       .hashes_count = 3, .chunks = CHUNKS, .chunks_count = 2 };
    return frame;
}

static inline st_frame make_have_answer(st_arena *arena)
{
    st_frame ask = make_have_ask(arena), frame = { .kind = ST_FRAME_HAVE_ANSWER };
    frame.as.have_answer = (st_have_answer){ .record = ask.as.have_ask.record,
                                             .missing = ask.as.have_ask.hashes, .missing_count = 2,
                                             .unknown = ask.as.have_ask.hashes + 2,
                                             .unknown_count = 1 };
    return frame;
}

/* Nothing of it is unknown, and some was left out. */
static inline st_frame make_have_answer_full(st_arena *arena)
{
    st_frame frame = make_have_answer(arena);
    frame.as.have_answer.unknown_count = 0;
    frame.as.have_answer.full = true;
    return frame;
}

/* Of a request that broke off the beginning is there. */
static inline st_frame make_have_answer_kept(st_arena *arena)
{
    st_frame frame = make_have_answer(arena);
    frame.as.have_answer.kept = (st_kept){ 5000, 16550, { 1, 2, 3, 4, 5, 6, 7, 8 } };
    return frame;
}

/* All of it is there. */
static inline st_frame make_have_answer_entries(void)
{
    st_frame frame = { .kind = ST_FRAME_HAVE_ANSWER };
    frame.as.have_answer = (st_have_answer){ .record = make_id(0x10, 0x10), .entries = 812 };
    return frame;
}

static inline st_frame make_have_ask_fetch(st_arena *arena)
{
    st_frame frame = make_have_ask(arena);
    frame.as.have_ask.chunks_count = 0;
    frame.as.have_ask.skip = 5;
    frame.as.have_ask.most = 65536;
    return frame;
}

static inline st_frame make_piece_bytes(void)
{
    st_frame frame = { .kind = ST_FRAME_PIECE_BYTES };
    frame.as.piece_bytes = (st_piece_bytes){ .hash = st_sha256("one piece", 9), .size = 9,
                                             .from = 5, .bytes = (const uint8_t *)"iece",
                                             .len = 4 };
    return frame;
}

static inline st_frame make_parcel(st_parcel_kind kind)
{
    st_frame frame = { .kind = ST_FRAME_PARCEL };
    st_parcel *parcel = &frame.as.parcel;
    parcel->kind = kind;
    parcel->owner = make_id(0x0a, 0x0a);
    parcel->first = kind == ST_PARCEL_SET ? 41 : 0;
    memset(parcel->name.b, 0x5e, sizeof parcel->name.b);
    parcel->sealed =
        (const uint8_t *)"sealed to the server: nobody who carries it can read what is inside";
    parcel->sealed_len = 67;
    return frame;
}

/* signature: of a fixed key, so that it verifies. */
static inline st_frame make_receipt(st_arena *arena)
{
    static const uint8_t SEED[32] = { 0x5d };
    st_frame frame = { .kind = ST_FRAME_RECEIPT };
    st_receipt *receipt = &frame.as.receipt;
    uint8_t public_key[32], secret[64], text[ST_RECEIPT_SIGN_BYTES];
    st_held *held = st_arena_array(arena, 1, sizeof *held);
    st_id log = make_id(0x10, 0x06);
    st_buffer body;
    st_buffer_init(&body, 4096);
    held[0] = (st_held){ 42, ST_HOLD_FROZEN };
    *receipt = (st_receipt){ .device = make_id(0x0a, 0x0a), .first = 41, .last = 43,
                             .kind = ST_VERDICT_STORED, .position = 816, .held = held,
                             .held_count = 1 };
    memset(receipt->hash.b, 0x5e, sizeof receipt->hash.b);
    memset(receipt->epoch, 0xe0, sizeof receipt->epoch);
    if (st_receipt_make(receipt, &body, NULL) == ST_OK)
        receipt->body = st_arena_copy(arena, body.data, body.len);
    st_sign_keypair(SEED, public_key, secret);
    st_receipt_sign_text(&log, receipt, text);
    st_sign(secret, text, sizeof text, receipt->signature);
    st_buffer_free(&body);
    return frame;
}

static inline st_frame make_carry_hello(void)
{
    st_frame frame = { .kind = ST_FRAME_CARRY };
    frame.as.carry.version = 1;
    frame.as.carry.log = make_id(0x10, 0x06);
    frame.as.carry.device = make_id(0x0a, 0x0a);
    memset(frame.as.carry.key, 0x25, sizeof frame.as.carry.key);
    return frame;
}

static inline st_frame make_carry_offer(st_arena *arena)
{
    st_frame frame = { .kind = ST_FRAME_CARRY };
    st_carry *carry = &frame.as.carry;
    st_bucket *buckets = st_arena_array(arena, 2, sizeof *buckets);
    st_carry_known *known = st_arena_array(arena, 2, sizeof *known);
    buckets[0] = make_bucket("01477/catalogue");
    buckets[1] = make_bucket("01477/unit/01477-x01");
    known[0] = (st_carry_known){ make_id(0x0a, 0x0a), 41, { 0x5e, 0x5e } };
    known[1] = (st_carry_known){ make_id(0x0b, 0x0b), 7, { 0x5f } };
    carry->has_signature = true;
    memset(carry->signature, 0x67, sizeof carry->signature);
    carry->buckets = buckets;
    carry->buckets_count = 2;
    carry->known = known;
    carry->known_count = 2;
    return frame;
}

static inline st_frame make_carry_offer_sealed(st_arena *arena)
{
    st_frame frame = make_carry_offer(arena);
    frame.as.carry.known_sealed = 1;
    return frame;
}

static inline st_frame make_carry_end(void)
{
    st_frame frame = { .kind = ST_FRAME_CARRY };
    frame.as.carry.end = true;
    frame.as.carry.more = true;
    frame.as.carry.taken = true;
    return frame;
}

static inline st_frame make_piece_taken(void)
{
    st_frame frame = { .kind = ST_FRAME_PIECE_TAKEN };
    frame.as.piece_taken.record = make_id(0x10, 0x10);
    memset(frame.as.piece_taken.hash.b, 0xc4, sizeof frame.as.piece_taken.hash.b);
    return frame;
}

static inline st_frame make_ask_carries(st_arena *arena)
{
    st_frame frame = make_ask(arena, true);
    frame.as.ask.carries = true;
    return frame;
}

/* A phone that confirms the checkpoint it has, and one that is shown the next. */
static inline st_frame make_ask_cosigned(st_arena *arena)
{
    st_frame frame = make_ask(arena, true);
    st_ask *ask = &frame.as.ask;
    ask->checkpoints = ask->has_cosigned = true;
    memset(ask->cosigned, 0x6c, sizeof ask->cosigned);
    return frame;
}

/* The same of a phone whose server takes short roots, and that has nothing to say of its clock. */
static inline st_frame make_ask_short(st_arena *arena)
{
    st_frame frame = make_ask_cosigned(arena);
    st_ask *ask = &frame.as.ask;
    ask->has_short_root = true;
    ask->wall_ms = 0;
    memset(ask->seen_root.b + ST_SHORT_ROOT_BYTES, 0, 32 - ST_SHORT_ROOT_BYTES);
    memset(ask->cosigned, 0, ST_SHORT_TIME_LESS);
    return frame;
}

static inline st_frame make_end_tree(st_arena *arena)
{
    st_frame frame = { .kind = ST_FRAME_END };
    st_end *end = &frame.as.end;
    uint8_t *proof = st_arena_array(arena, 3, sizeof(st_hash));
    *end = (st_end){ .version = 1, .server_ms = 1773282600500, .position = 816, .has_tree = true };
    end->tree = (st_tree_news){ .head = { .size = 816 }, .epoch = 2, .proof = proof,
                                .proof_count = 3 };
    memset(proof, 0x44, 3 * sizeof(st_hash));
    memset(end->tree.head.root.b, 0x33, 32);
    memset(end->tree.signature, 0x64, sizeof end->tree.signature);
    return frame;
}

/* A phone whose checkpoint the log of the same epoch does not continue shows it. */
static inline st_frame make_ask_held(st_arena *arena)
{
    st_frame frame = make_ask(arena, true);
    st_tree_news *held = &frame.as.ask.held;
    frame.as.ask.has_held = true;
    *held = (st_tree_news){ .head = { .size = 800 }, .epoch = 2 };
    memset(held->head.root.b, 0x33, sizeof held->head.root.b);
    memset(held->signature, 0x64, sizeof held->signature);
    return frame;
}

/* A phone tells what the office had decided beyond the cut. */
static inline st_frame make_ask_decided(st_arena *arena)
{
    st_frame frame = make_ask(arena, true);
    st_decided *list = st_arena_array(arena, 2, sizeof *list);
    list[0] = (st_decided){ .dot = { make_id(0xd2, 0xd2), 7 }, .record = make_id(0xc1, 0xc1),
                            .kind = ST_ENTRY_DECLINE, .time_ms = 1773282604000,
                            .reason = "ghi trùng" };
    list[1] = (st_decided){ .dot = { make_id(0xd2, 0xd2), 9 }, .record = make_id(0xc1, 0xc1),
                            .kind = ST_ENTRY_ACCEPT, .time_ms = 1773282605000 };
    frame.as.ask.decided = list;
    frame.as.ask.decided_count = 2;
    return frame;
}

/* And in which set the change had come. */
static inline st_frame make_ask_decided_set(st_arena *arena)
{
    st_frame frame = make_ask(arena, true);
    st_decided *one = st_arena_array(arena, 1, sizeof *one);
    *one = (st_decided){ .dot = { make_id(0xd2, 0xd2), 7 }, .record = make_id(0xc1, 0xc1),
                         .kind = ST_ENTRY_ACCEPT, .time_ms = 1773282604000, .has_set = true };
    memset(one->set.b, 0x5e, sizeof one->set.b);
    frame.as.ask.decided = one;
    frame.as.ask.decided_count = 1;
    return frame;
}

static inline st_frame make_end_decided(void)
{
    st_frame frame = { .kind = ST_FRAME_END };
    frame.as.end = (st_end){ .version = 1, .server_ms = 1773282600500, .position = 816,
                             .dictionary = 1, .decided = 2 };
    return frame;
}

/* Those from the 37th on. */
static inline st_frame make_late_frame(size_t i, st_arena *arena)
{
    switch (i) {
    case 37: return make_end_revoked();
    case 38: return make_enrol_answer_set(arena);
    case 39: return make_log_keys(arena);
    case 40: return make_ask_log_keys(arena);
    case 41: return make_enrol_answer_keys(arena);
    case 42: return make_ask_renew(arena);
    case 43: return make_heir_ask();
    case 44: return make_heir_declined();
    case 45: return make_heir_enrolled(arena);
    case 46: return make_have_answer_full(arena);
    case 47: return make_ask_epochs(arena);
    case 48: return make_carry_offer_sealed(arena);
    case 49: return make_enrol_ask_again();
    case 50: return make_ask_log_key_mark(arena);
    case 51: return make_ask_held(arena);
    case 52: return make_have_answer_kept(arena);
    case 53: return make_page_declined(arena);
    case 54: return make_have_answer_entries();
    case 55: return make_enrol_ask_person();
    case 56: return make_ask_decided(arena);
    case 57: return make_end_decided();
    case 58: return make_ask_decided_set(arena);
    case 59: return make_enrol_answer_epochs(arena);
    case 60: return make_ask_epochs_mark(arena);
    default: return make_ask_reach(arena);
    }
}

/* Frame number i of MAKE_FRAMES. */
static inline st_frame make_frame(size_t i, st_arena *arena)
{
    st_frame frame = { .kind = ST_FRAME_NONE };
    if (i >= 37)
        return make_late_frame(i, arena);
    switch (i) {
    case 0: return make_ask(arena, true);
    case 1: return make_ask(arena, false);
    case 2: return make_verdict(arena, ST_VERDICT_STORED);
    case 3: return make_verdict(arena, ST_VERDICT_HELD);
    case 4: return make_verdict(arena, ST_VERDICT_LATER);
    case 5: return make_page(arena);
    case 6: return make_enrol_ask();
    case 7: return make_enrol_answer(arena);
    case 12: return make_repair_ask(arena);
    case 13: return make_repair_answer(arena);
    case 14: return make_epochs(arena);
    case 15: return make_address();
    case 16: return make_snapshot(arena);
    case 17: return make_have_ask(arena);
    case 18: return make_have_answer(arena);
    case 19: return make_ask_clock(arena);
    case 20: return make_ask_carries(arena);
    case 21: return make_parcel(ST_PARCEL_SET);
    case 22: return make_parcel(ST_PARCEL_PIECE);
    case 23: return make_receipt(arena);
    case 24: return make_carry_hello();
    case 25: return make_carry_offer(arena);
    case 26: return make_carry_end();
    case 27: return make_piece_taken();
    case 28: return make_ask_purges(arena);
    case 29: return make_end_purges();
    case 30: return make_ask_cosigned(arena);
    case 31: return make_end_tree(arena);
    case 32: return make_have_ask_fetch(arena);
    case 33: return make_piece_bytes();
    case 34: return make_ask_short(arena);
    case 35:
        frame.kind = ST_FRAME_END;
        frame.as.end = (st_end){ .version = 1, .server_ms = 1773282600500, .position = 816,
                                 .dictionary = 1, .short_roots = true };
        break;
    case 36: return make_verdict_declined(arena);
    case 8:
        frame.kind = ST_FRAME_SCOPE;
        frame.as.scope = make_scope(arena);
        break;
    case 9:
        frame.kind = ST_FRAME_WANT;
        frame.as.want = (st_want){ .from = 5, .to = 8 };
        break;
    case 10:
        frame.kind = ST_FRAME_END;
        frame.as.end = (st_end){ .version = 1, .has_epoch = true, .server_ms = 1773282600500,
                                 .position = 816, .more = true, .backed_up_to = 700,
                                 .dictionary = 1 };
        memset(frame.as.end.epoch, 0xe1, 8);
        break;
    default:
        frame.kind = ST_FRAME_REFUSAL;
        frame.as.refusal = (st_refusal){ .code = ST_E_AGAIN, .counter = 4096, .later_s = 3,
                                         .detail = "counter 12 was used" };
        break;
    }
    return frame;
}

#endif
