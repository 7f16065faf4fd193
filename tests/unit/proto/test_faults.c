/* tests/unit/proto/test_faults.c
 * A phone or a server without memory says so. Whatever it was about to read, show, seal or send,
 * it does whole or not at all: no half a page, no set with a change less, no record that lacks a
 * value - and when there is memory again, the same comes out as ever. Each thing that is done with
 * data is tried with the first piece of memory refused, then the second, until none is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/carry.h"
#include "proto/erase.h"
#include "proto/expr.h"
#include "proto/form_parts.h"
#include "proto/frame.h"
#include "proto/leaf.h"
#include "proto/show.h"
#include "proto/text.h"
#define make_bytes make_form_bytes
#include "tests/unit/proto/make_form.h"
#undef make_bytes
#include "tests/support/failing.h"
#include "tests/unit/proto/make_frames.h"
#include "tests/unit/proto/signed_acts.h"

#define LEN(a)      (sizeof(a) / sizeof((a)[0]))
#define ARENA_BYTES ST_SET_ARENA_BYTES
#define SETS        12

/* What the acts are done with; made once, with memory. */
struct things {
    st_arena made; /* everything below lives here */
    size_t number; /* which of several: a set, a frame, a history line, a text */
    st_set sets[SETS];
    st_buffer set_bytes[SETS], frame_bytes[MAKE_FRAMES], record_bytes, vector_bytes, form_bytes;
    st_buffer leaf_bytes, stream;
    st_record record;
    st_vector vector;
    st_change sibling; /* one more change of the record */
};

/* Does one thing and writes what came of it into `out`. */
typedef st_err (*act)(things *t, st_arena *arena, st_buffer *out);

/* ---- what is done ---- */

static st_err build(things *t, st_arena *arena, st_buffer *out)
{
    st_unsigned_set made;
    uint8_t seed[32] = { 7 }, signature[64] = { 9 };
    (void)arena;
    st_err err = st_set_build(&t->sets[t->number], seed, &made, NULL);
    if (err != ST_OK)
        return err;
    err = st_set_finish(&t->sets[t->number], &made, signature, out, NULL);
    st_unsigned_set_free(&made);
    return err;
}

static st_err read_set(things *t, st_arena *arena, st_buffer *out)
{
    st_set set;
    st_unsigned_set made;
    uint8_t seed[32] = { 7 }, signature[64] = { 9 };
    const st_buffer *bytes = &t->set_bytes[t->number];
    st_err err = st_set_decode(bytes->data, bytes->len, arena, &set, NULL);
    if (err == ST_OK)
        err = st_set_build(&set, seed, &made, NULL);
    if (err != ST_OK)
        return err;
    err = st_set_finish(&set, &made, signature, out, NULL);
    st_unsigned_set_free(&made);
    return err;
}

static st_err write_frame(things *t, st_arena *arena, st_buffer *out)
{
    st_frame frame;
    const st_buffer *bytes = &t->frame_bytes[t->number];
    st_err err = st_frame_decode(bytes->data, bytes->len, arena, &frame, NULL);
    return err == ST_OK ? st_frame_encode(&frame, out, NULL) : err;
}

static st_err read_record(things *t, st_arena *arena, st_buffer *out)
{
    st_record record;
    st_err err = st_record_decode(t->record_bytes.data, t->record_bytes.len, arena, &record, NULL);
    return err == ST_OK ? st_record_encode(&record, out, NULL) : err;
}

static st_err read_vector(things *t, st_arena *arena, st_buffer *out)
{
    st_vector vector;
    st_err err = st_vector_decode(t->vector_bytes.data, t->vector_bytes.len, arena, &vector, NULL);
    return err == ST_OK ? st_vector_encode(&vector, out, NULL) : err;
}

static st_err read_form(things *t, st_arena *arena, st_buffer *out)
{
    const st_form *form = NULL;
    st_err err = st_form_decode(t->form_bytes.data, t->form_bytes.len, arena, &form, NULL);
    return err == ST_OK ? st_form_encode(form, out, NULL) : err;
}

static st_err read_leaf(things *t, st_arena *arena, st_buffer *out)
{
    st_leaf leaf;
    st_err err = st_leaf_decode(t->leaf_bytes.data, t->leaf_bytes.len, arena, &leaf, NULL);
    return err == ST_OK ? st_leaf_encode(&leaf, out, NULL) : err;
}

/* Folds one more change into a copy: the record itself is as it was, whatever happens. */
static st_err fold_copy(things *t, st_arena *arena, st_buffer *out)
{
    st_record record;
    st_vector vector;
    const st_arrival arrival = { .role = ST_ROLE_OFFICER, .log_index = 99 };
    const st_fold_how how = { (st_fold)t->number, true };
    st_err err = st_record_copy(&t->record, arena, &record, NULL);
    if (err == ST_OK)
        err = st_vector_copy(&t->vector, arena, &vector, NULL);
    if (err == ST_OK)
        err = st_merge_fold(&vector, &record, &t->sibling, &arrival, how);
    if (err == ST_OK)
        err = st_record_encode(&record, out, NULL);
    return err == ST_OK ? st_vector_encode(&vector, out, NULL) : err;
}

/* What an author's edit replaces, stands under and knows. */
static st_err prepare_edit(things *t, st_arena *arena, st_buffer *out)
{
    st_op op = { .path = make_item_path(G_FINDINGS, make_form_dot(1, 4), 0),
                 .verb = ST_VERB_DROP,
                 .value = make_number(1) };
    st_change change = {
        .dot = make_form_dot(3, 50), .record = t->record.id, .ops = &op, .ops_count = 1
    };
    st_set set = { .device = change.dot.device,
                   .format = 1,
                   .first = 50,
                   .here = 4,
                   .fold_version = 1,
                   .role = ST_ROLE_OFFICER,
                   .changes = &change,
                   .changes_count = 1 };
    (void)st_bucket_set(&set.bucket, "01477/unit/01477-x01", 20);
    st_unsigned_set made;
    uint8_t seed[32] = { 7 }, signature[64] = { 9 };
    st_err err = st_edit_replaces(&t->record, ST_CLASS_PLAIN, arena, &op, NULL);
    if (err == ST_OK)
        err = st_edit_under(&t->record, arena, &change, NULL);
    if (err == ST_OK)
        err = st_edit_context(&t->record, &t->vector, arena, &change.context, NULL);
    change.prev = set.here;
    if (err == ST_OK)
        err = st_set_build(&set, seed, &made, NULL);
    if (err != ST_OK)
        return err;
    err = st_set_finish(&set, &made, signature, out, NULL);
    st_unsigned_set_free(&made);
    return err;
}

static const char *login_of(void *context, const st_id *person)
{
    (void)context;
    return person->b[0] == 1 ? "an" : NULL;
}

static const char *label_of(void *context, const char *keys, const char *key)
{
    (void)context;
    return strcmp(keys, "criterion") == 0 && strcmp(key, "x2") == 0 ? "Lối thoát nạn" : NULL;
}

static const st_directory DIRECTORY = { .login = login_of, .key_label = label_of };
static const st_show_how HOW = { .directory = &DIRECTORY, .lang = "vi", .offset_minutes = 420 };

static st_err show_json(things *t, st_arena *arena, st_buffer *out)
{
    (void)arena;
    return st_show_json(&FORM, &t->record, &HOW, out, NULL);
}

static st_err show_text(things *t, st_arena *arena, st_buffer *out)
{
    (void)arena;
    return st_show_text(&FORM, &t->record, &HOW, out, NULL);
}

static st_err show_conflicts(things *t, st_arena *arena, st_buffer *out)
{
    const st_conflict *conflicts;
    size_t count = 0;
    st_err err = st_show_conflicts(&FORM, &t->record, arena, &conflicts, &count, NULL);
    for (size_t i = 0; err == ST_OK && i < count; i++)
        err = st_conflict_json(&FORM, &t->record, &conflicts[i], &HOW, out, NULL);
    return err;
}

static st_err show_row(things *t, st_arena *arena, st_buffer *out)
{
    st_row row;
    st_err err = st_row_make(&FORM, &t->record, &HOW, arena, &row, NULL);
    if (err == ST_OK)
        err = st_row_encode(&row, out, NULL);
    return err == ST_OK ? st_row_json(&row, 420, out, NULL) : err;
}

static st_err show_history(things *t, st_arena *arena, st_buffer *out)
{
    const st_history_item item = { .change = &t->sibling,
                                   .role = ST_ROLE_OFFICER,
                                   .received_ms = 1773290000000,
                                   .log_index = 41,
                                   .verdict = "held",
                                   .hold = ST_HOLD_FROZEN };
    (void)arena;
    st_err err = st_history_json(&FORM, &item, &HOW, out, NULL);
    return err == ST_OK ? st_history_text(&FORM, &item, &HOW, out, NULL) : err;
}

typedef struct {
    st_buffer *out;
    st_err err;
} finding_list;

static bool say_finding(void *context, const st_finding *finding)
{
    finding_list *list = context;
    list->err =
        st_buffer_append(list->out, finding->field->name, strlen(finding->field->name), NULL);
    return list->err == ST_OK;
}

static st_err review(things *t, st_arena *arena, st_buffer *out)
{
    finding_list list = { out, ST_OK };
    (void)arena;
    st_err err = st_form_review(&FORM, &t->record, 20524, say_finding, &list);
    return err == ST_OK ? list.err : err;
}

static const char *const TEXTS[] = { "Xo\xcc\x81m  Đoỏng Luông, tổ 10\n mất sóng", "sạch" };

static st_err keep_text(things *t, st_arena *arena, st_buffer *out)
{
    const char *text = TEXTS[t->number];
    st_value value;
    st_err err = st_text_clean(text, strlen(text), out, NULL);
    if (err == ST_OK)
        err = st_text_fold(text, strlen(text), out, NULL);
    if (err == ST_OK)
        err = st_text_sort_key(text, strlen(text), out, NULL);
    if (err == ST_OK)
        err = st_value_parse(st_group_field(&GROUPS[0], "evidence"), text, arena, &value, NULL);
    return err == ST_OK ? st_buffer_append(out, value.data, value.len, NULL) : err;
}

/* The values whose text takes memory of its own. */
static st_err keep_values(things *t, st_arena *arena, st_buffer *out)
{
    static const struct {
        const char *field, *text;
    } VALUES[] = {
        { "blob", "c+G7lW5nIHRv" },
        { "position", "22.8312,106.5221,8" },
        { "content_hash", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff" },
        { "fixed_at", "2026-03-12T09:30+07:00" },
        { "money", "1234567" },
        { "score", "7.5" },
        { "visit_kind", "kiem_tra" },
        { "started_at", "09:30" },
        { "visit_date", "2026-03-12" },
    };
    st_err err = ST_OK;
    (void)t;
    for (size_t i = 0; err == ST_OK && i < LEN(VALUES); i++) {
        const st_field *field = st_form_field(&FORM, VALUES[i].field);
        st_value value;
        err = st_value_parse(field, VALUES[i].text, arena, &value, NULL);
        if (err == ST_OK)
            err = st_value_text(field, &value, out, NULL);
        if (err == ST_OK)
            err = st_value_label(field, &value, "vi", out, NULL);
    }
    return err;
}

static st_err sign_head(things *t, st_arena *arena, st_buffer *out)
{
    const st_head head = { .counter = 812 };
    const st_hash body = { { 1 } };
    const st_id log = { { 2 } };
    (void)t;
    (void)arena;
    return st_head_sign_text(&head, "POST", "/v1/sync", &body, &log, out);
}

static st_err write_stream(things *t, st_arena *arena, st_buffer *out)
{
    st_frame_writer *writer = NULL;
    (void)arena;
    st_err err = st_frame_writer_new(3, out, &writer, NULL);
    for (size_t i = 0; err == ST_OK && i < MAKE_FRAMES; i++)
        err = st_frame_write(writer, t->frame_bytes[i].data, t->frame_bytes[i].len, NULL);
    if (err == ST_OK)
        err = st_frame_writer_end(writer, NULL);
    if (writer != NULL)
        st_frame_writer_free(writer);
    return err;
}

static st_err read_stream(things *t, st_arena *arena, st_buffer *out)
{
    st_frame_reader *reader = NULL;
    const uint8_t *frame = NULL;
    size_t len = 0;
    (void)arena;
    st_err err = st_frame_reader_new(1u << 20, &reader, NULL);
    for (size_t at = 0; err == ST_OK && at < t->stream.len; at += 100) {
        size_t left = t->stream.len - at;
        err = st_frame_feed(reader, t->stream.data + at, left < 100 ? left : 100, NULL);
        while (err == ST_OK && st_frame_read(reader, &frame, &len, &err))
            err = st_buffer_append(out, frame, len, NULL);
    }
    if (err == ST_OK && !st_frame_is_complete(reader))
        err = ST_E_CORRUPT;
    if (reader != NULL)
        st_frame_reader_free(reader);
    return err;
}

/* Sealed for the server and opened by it. The seal is new each time, what is inside is not. */
static st_err carry_parcel(things *t, st_arena *arena, st_buffer *out)
{
    static const uint8_t SEED[32] = { 0x5e };
    uint8_t public_key[32], secret[32];
    st_parcel parcel = { .kind = ST_PARCEL_SET, .first = 7 };
    st_frame inside = { .kind = ST_FRAME_SET }, back;
    st_buffer sealed;
    st_box_keypair(SEED, public_key, secret);
    inside.as.set.bytes = t->set_bytes[t->number].data;
    inside.as.set.len = t->set_bytes[t->number].len;
    st_buffer_init(&sealed, ST_PARCEL_BYTES_MAX);
    const st_seal_pair keys = { public_key, secret };
    st_err err = st_parcel_seal(public_key, &inside, &parcel, &sealed, NULL);
    if (err == ST_OK)
        err = st_parcel_open(&parcel, keys, arena, &back, NULL);
    if (err == ST_OK)
        err = st_buffer_append(out, back.as.set.bytes, back.as.set.len, NULL);
    st_buffer_free(&sealed);
    return err;
}

/* A part of a snapshot, with a set that waits. */
static st_err read_part(things *t, st_arena *arena, st_buffer *out)
{
    static const st_held HELD[] = { { 1, ST_HOLD_SCOPE } };
    const st_snapshot_record records[] = { { t->record_bytes.data, t->record_bytes.len },
                                           { t->record_bytes.data, t->record_bytes.len } };
    const st_entry entry = { .index = 9,
                             .set = t->set_bytes[0].data,
                             .set_len = t->set_bytes[0].len,
                             .held = HELD,
                             .held_count = 1 };
    const st_snapshot_part part = { .records = records,
                                    .records_count = LEN(records),
                                    .held = &entry,
                                    .held_count = 1,
                                    .vector = t->vector_bytes.data,
                                    .vector_len = t->vector_bytes.len };
    st_snapshot_part back;
    st_buffer bytes;
    st_buffer_init(&bytes, ST_FRAME_BYTES_MAX);
    st_err err = st_snapshot_part_encode(&part, &bytes, NULL);
    if (err == ST_OK)
        err = st_snapshot_part_decode(bytes.data, bytes.len, arena, &back, NULL);
    if (err == ST_OK)
        err = st_snapshot_part_encode(&back, out, NULL);
    st_buffer_free(&bytes);
    return err;
}

/* The first value of a set goes, or there is none; then the places of what is gone are read. */
static st_err erase_value(things *t, st_arena *arena, st_buffer *out)
{
    static const uint32_t FIRST[] = { 0 };
    const st_set_places places = { FIRST, 1 };
    const st_buffer *set = &t->set_bytes[t->number];
    const uint32_t *gone = NULL;
    size_t count = 0;
    uint32_t place = 0;
    const bool has_ops = t->sets[t->number].changes[0].ops_count > 0;
    const st_set_value value = { 0, has_ops ? 0 : ST_PLACE_NONE };
    st_err err = st_set_place(set->data, set->len, value, &place, NULL);
    if (err == ST_OK)
        err = st_buffer_append(out, &place, sizeof place, NULL);
    size_t before = out->len;
    if (err == ST_OK)
        err = st_set_erase(set->data, set->len, places, out, NULL);
    if (err == ST_E_VALUE)
        return ST_OK;
    if (err == ST_OK)
        err = st_set_gone(out->data + before, out->len - before, arena, &gone, &count, NULL);
    if (err == ST_OK && (count != 1 || gone[0] != 0))
        err = ST_E_CORRUPT;
    return err;
}

static st_err read_erasures(things *t, st_arena *arena, st_buffer *out)
{
    static const st_erasure LIST[] = {
        { .dot = { { { 1 } }, 8 }, .first = 7, .place = 2, .path_len = 3, .path = { 1, 2, 3 } },
        { .dot = { { { 1 } }, 9 }, .first = 9, .place = 0 },
    };
    const st_erasure *list = NULL;
    size_t count = 0;
    st_buffer bytes;
    (void)t;
    st_buffer_init(&bytes, 1u << 16);
    st_err err = st_erasures_encode(LIST, LEN(LIST), &bytes, NULL);
    if (err == ST_OK)
        err = st_erasures_decode(bytes.data, bytes.len, arena, &list, &count, NULL);
    if (err == ST_OK)
        err = st_erasures_encode(list, count, out, NULL);
    st_buffer_free(&bytes);
    return err;
}

static const struct {
    const char *why;
    act what;
    size_t many; /* of t->number */
} ACTS[] = {
    { "a set is sealed", build, SETS },
    { "a set is read", read_set, SETS },
    { "a message is read and written", write_frame, MAKE_FRAMES },
    { "a record is read from the book", read_record, 1 },
    { "a vector is read from the book", read_vector, 1 },
    { "a form is read", read_form, 1 },
    { "a leaf is read", read_leaf, 1 },
    { "a change takes effect, is held, is declined", fold_copy, 3 },
    { "an edit is prepared", prepare_edit, 1 },
    { "a record is shown to a program", show_json, 1 },
    { "a record is shown to a person", show_text, 1 },
    { "conflicts are shown", show_conflicts, 1 },
    { "a row of a list is made", show_row, 1 },
    { "a line of the history", show_history, 1 },
    { "what a record still lacks", review, 1 },
    { "text is cleaned, folded, sorted", keep_text, LEN(TEXTS) },
    { "values of every type", keep_values, 1 },
    { "the head of a request", sign_head, 1 },
    { "a stream is written", write_stream, 1 },
    { "a stream is read", read_stream, 1 },
    { "a parcel is sealed and opened", carry_parcel, SETS },
    { "a part of a snapshot", read_part, 1 },
    { "a value is erased from a set", erase_value, SETS },
    { "the list of what is erased", read_erasures, 1 },
    { "a checkpoint is signed by two", sign_checkpoint, 1 },
    { "a proof in a file", write_proof, 1 },
    { "a bundle", carry_bundle, 1 },
    { "what a receipt says", make_body, 1 },
};

/* ---- what it is done with ---- */

/* One change of device `who`; the first one creates. */
static st_change change_of(things *t, uint8_t who, uint64_t n, const st_op *op)
{
    st_change change = { .dot = make_form_dot(who, n),
                         .prev = n - 1,
                         .record = t->record.id,
                         .creates = t->record.metas_count == 0,
                         .ops = op,
                         .ops_count = 1,
                         .hlc = (n * 1000 + who) << 16,
                         .wall_ms = 1773282600000 };
    if (change.creates) {
        change.form_version = 1;
        assert_true(st_code_set(&change.form, "visit", 5));
    }
    return change;
}

static void fold(things *t, const st_change *change, st_fold kind)
{
    st_arrival arrival = { .role = ST_ROLE_OFFICER,
                           .log_index = change->dot.counter,
                           .received_ms = 1773290000000 };
    memset(&arrival.actor, change->dot.device.b[0], sizeof arrival.actor);
    assert_int_equal(
        st_merge_fold(&t->vector, &t->record, change, &arrival, (st_fold_how){ kind, true }),
        ST_OK);
}

/* A record with every kind of thing in it: siblings, an item, a set, a remark, an act, a hole,
 * something that came before what it builds on. */
static void make_record(things *t)
{
    const st_id id = { { 0x77, 1 } };
    const st_bucket bucket = make_bucket("01477/unit/01477-x013");
    static const st_dot UNSEEN = { { { 9, 9 } }, 9 };
    const st_op ops[] = {
        { .path = make_field_path(F_KIND), .value = make_number(1) },
        { .path = make_field_path(F_PLACE), .value = make_text("chợ Đoỏng Luông") },
        { .path = make_key_path(G_RATINGS, "x2", 1), .value = make_number(1) },
        { .path = make_item_path(G_FINDINGS, make_form_dot(1, 4), 1),
          .verb = ST_VERB_ITEM,
          .value = make_text("mất sóng") },
        { .path = make_field_path(F_DATE),
          .value = make_number(20524),
          .replaces = &UNSEEN,
          .replaces_count = 1 },
        { .path = make_item_path(G_REMARKS, make_form_dot(1, 6), 1),
          .verb = ST_VERB_REMARK,
          .value = make_text("đã nhắc") },
    };
    st_path tag = make_key_path(G_RATINGS, "x2", 3);
    tag.element_len = 2;
    memcpy(tag.element, "pc", 2);
    const st_op element = { .path = tag, .verb = ST_VERB_ADD, .value = make_number(1) };
    const st_op other = { .path = ops[2].path, .value = make_number(3) };
    st_record_init(&t->record, &t->made, &id, &bucket);
    st_vector_init(&t->vector, &t->made);
    for (size_t i = 0; i < LEN(ops); i++) {
        st_change change = change_of(t, 1, i + 1, &ops[i]);
        fold(t, &change, ST_FOLD_APPLY);
    }
    st_change change = change_of(t, 1, 7, &element);
    fold(t, &change, ST_FOLD_APPLY);
    change = change_of(t, 2, 1, &other);
    change.reason = make_text("xem tại chỗ");
    fold(t, &change, ST_FOLD_APPLY);
    change = change_of(t, 2, 2, &other);
    fold(t, &change, ST_FOLD_HOLD);
    change = change_of(t, 2, 9, &other); /* beyond a gap */
    fold(t, &change, ST_FOLD_APPLY);
    change = change_of(t, 1, 8, NULL);
    change.ops_count = 0;
    change.act = ST_ACT_FINALISE;
    assert_int_equal(st_edit_context(&t->record, &t->vector, &t->made, &change.context, NULL),
                     ST_OK);
    fold(t, &change, ST_FOLD_APPLY);
    static const st_dot SEEN[] = { { { { 1 } }, 3 }, { { { 2 } }, 1 } };
    st_op *keep = st_arena_array(&t->made, 1, sizeof *keep);
    *keep = (st_op){ .path = ops[2].path,
                     .verb = ST_VERB_RESOLVE,
                     .value = make_number(1),
                     .replaces = SEEN,
                     .replaces_count = 2,
                     .kept = SEEN[0] };
    t->sibling = change_of(t, 3, 1, keep);
    t->sibling.reason = make_text("theo biên bản");
    t->sibling.context = change.context;
}

static int setup(void **state)
{
    static things shared;
    things *t = &shared;
    st_buffer *buffers[] = { &t->record_bytes, &t->vector_bytes, &t->form_bytes, &t->leaf_bytes,
                             &t->stream };
    st_arena_init(&t->made, ARENA_BYTES);
    for (size_t i = 0; i < LEN(buffers); i++)
        st_buffer_init(buffers[i], 1u << 20);
    for (size_t i = 0; i < SETS; i++) {
        t->sets[i] = make_set(i, 1 + (uint32_t)i % 5, 6, &t->made);
        st_buffer_init(&t->set_bytes[i], 1u << 20);
        assert_int_equal(make_bytes(&t->sets[i], &t->set_bytes[i], NULL), ST_OK);
    }
    for (size_t i = 0; i < MAKE_FRAMES; i++) {
        st_frame frame = make_frame(i, &t->made);
        st_buffer_init(&t->frame_bytes[i], 1u << 20);
        assert_int_equal(st_frame_encode(&frame, &t->frame_bytes[i], NULL), ST_OK);
    }
    make_record(t);
    assert_int_equal(st_record_encode(&t->record, &t->record_bytes, NULL), ST_OK);
    assert_int_equal(st_vector_encode(&t->vector, &t->vector_bytes, NULL), ST_OK);
    assert_int_equal(st_form_encode(&FORM, &t->form_bytes, NULL), ST_OK);
    static const st_held HELD[] = { { 12, ST_HOLD_FROZEN }, { 13, ST_HOLD_WAITS } };
    const st_leaf leaf = { .kind = ST_ENTRY_CHANGE,
                           .first = 11,
                           .last = 14,
                           .verdict = "held",
                           .held = HELD,
                           .held_count = 2,
                           .device = { { 1 } },
                           .has_commit = true };
    assert_int_equal(st_leaf_encode(&leaf, &t->leaf_bytes, NULL), ST_OK);
    assert_int_equal(write_stream(t, &t->made, &t->stream), ST_OK);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    things *t = *state;
    for (size_t i = 0; i < SETS; i++)
        st_buffer_free(&t->set_bytes[i]);
    for (size_t i = 0; i < MAKE_FRAMES; i++)
        st_buffer_free(&t->frame_bytes[i]);
    st_buffer_free(&t->record_bytes);
    st_buffer_free(&t->vector_bytes);
    st_buffer_free(&t->form_bytes);
    st_buffer_free(&t->leaf_bytes);
    st_buffer_free(&t->stream);
    st_arena_reset(&t->made);
    return 0;
}

/* ---- memory that is not there ---- */

/* Tries one act with each piece refused. Returns at how many places it was. */
static uint64_t torment(things *t, const char *why, act what)
{
    st_buffer want, got;
    st_buffer_init(&want, 1u << 20);
    st_buffer_init(&got, 1u << 20);
    st_arena arena;
    st_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(what(t, &arena, &want), ST_OK);
    uint64_t n = 1;
    for (bool refused = true; refused; n++) {
        st_arena_reset(&arena);
        st_buffer_free(&got);
        failing_begin(n);
        st_err err = what(t, &arena, &got);
        refused = failing_end();
        if (err == ST_OK && (got.len != want.len || memcmp(got.data, want.data, got.len) != 0))
            fail_msg("%s: piece %d refused, and something else came out", why, (int)n);
        if (err != ST_OK && !refused)
            fail_msg("%s: error %d with all memory there", why, (int)err);
        if (err != ST_OK && err != ST_E_MEMORY && err != ST_E_TOO_LARGE)
            fail_msg("%s: piece %d refused, called error %d", why, (int)n, (int)err);
    }
    st_arena_reset(&arena);
    st_buffer_free(&want);
    st_buffer_free(&got);
    return n - 2;
}

static void test_memory_that_is_not_there(void **state)
{
    things *t = *state;
    for (size_t i = 0; i < LEN(ACTS); i++) {
        uint64_t places = 0;
        for (t->number = 0; t->number < ACTS[i].many; t->number++)
            places += torment(t, ACTS[i].why, ACTS[i].what);
        print_message("  case: %s: refused at %d places\n", ACTS[i].why, (int)places);
        assert_true(places > 0);
    }
}

/* ---- room that is too small ---- */

/* Whoever gives too little room gets an error and no more bytes than there is room for. */
/* A phone without memory to sort its buckets finds the same hash for them, or it would be sent all
 * of their sums for nothing. */
static void test_buckets_that_cannot_be_sorted(void **state)
{
    static const char *const NAMES[] = { "01477/unit/01477-x02", "01477/catalogue", "01477/council",
                                         "01477/unit/01477-x01" };
    st_bucket_sum sums[LEN(NAMES)];
    uint8_t sorted[8], unsorted[8];
    (void)state;
    memset(sums, 0, sizeof sums);
    for (size_t i = 0; i < LEN(NAMES); i++) {
        (void)strcpy(sums[i].bucket.s, NAMES[i]);
        sums[i].sum.b[0] = (uint8_t)(i + 1);
    }
    for (size_t count = 1; count <= LEN(NAMES); count++) {
        st_sync_collapse(sums, count, sorted);
        failing_begin(1);
        st_sync_collapse(sums, count, unsorted);
        assert_true(failing_end());
        assert_memory_equal(sorted, unsorted, sizeof sorted);
    }
}

static void test_room_that_is_too_small(void **state)
{
    things *t = *state;
    for (size_t i = 0; i < LEN(ACTS); i++) {
        t->number = 0;
        st_arena arena;
        st_buffer out;
        st_arena_init(&arena, ARENA_BYTES);
        st_buffer_init(&out, 1u << 20);
        assert_int_equal(ACTS[i].what(t, &arena, &out), ST_OK);
        size_t whole = out.len;
        for (size_t max = 0; max < whole; max += 1 + whole / 500) {
            st_arena_reset(&arena);
            st_buffer_free(&out);
            st_buffer_init(&out, max);
            st_err err = ACTS[i].what(t, &arena, &out);
            if (err != ST_E_TOO_LARGE && err != ST_E_MEMORY)
                fail_msg("%s: %d in room for %d bytes of %d", ACTS[i].why, (int)err, (int)max,
                         (int)whole);
            assert_true(out.len <= max);
        }
        st_arena_reset(&arena);
        st_buffer_free(&out);
    }
}

/* An arena that is too small refuses like memory that is not there. */
static void test_a_ceiling_that_is_too_low(void **state)
{
    things *t = *state;
    for (size_t i = 0; i < LEN(ACTS); i++)
        for (size_t max = 0; max < 40000; max += 64) {
            st_arena arena;
            st_buffer out;
            t->number = 0;
            st_arena_init(&arena, max);
            st_buffer_init(&out, 1u << 20);
            st_err err = ACTS[i].what(t, &arena, &out);
            assert_true(err == ST_OK || err == ST_E_TOO_LARGE || err == ST_E_MEMORY);
            assert_true(arena.bytes_used <= max);
            st_arena_reset(&arena);
            st_buffer_free(&out);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_that_is_not_there),
        cmocka_unit_test(test_buckets_that_cannot_be_sorted),
        cmocka_unit_test(test_room_that_is_too_small),
        cmocka_unit_test(test_a_ceiling_that_is_too_low),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
