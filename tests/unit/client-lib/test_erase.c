/* tests/unit/client-lib/test_erase.c
 * Values that the law wants destroyed, on a phone whose rows about them are whole, damaged, missing
 * or of another branch: what is named goes wherever it lies, with the files it stands for; nothing
 * else changes, and a second time changes nothing. */
#include "client-lib/src/erase.h"

#include "client-lib/src/attach.h"
#include "client-lib/src/bucket.h"
#include "client-lib/src/carried.h"
#include "tests/unit/client-lib/handmade.h"

#define SECRET      "bị bạo hành trong nhà"
#define OTHER       "đường lầy"
#define HASHES      200u /* a field of hashes that this version of the form does not know */
#define FILES_MAX   20u
#define ERASURE_OPS HANDMADE_OPS

typedef struct {
    edge *e;
    phone an;
    handmade h; /* a visit: SECRET as its note, OTHER as its place, the hashes of two pieces */
    st_hash hashes[2];
    st_erasure list[ERASURE_OPS];
    size_t count;
} desk;

/* Names the value of operation `op` of the set made last. */
static void name(desk *d, uint32_t op)
{
    st_erasure *one = &d->list[d->count++];
    memset(one, 0, sizeof *one);
    one->dot = d->h.set.changes[0].dot;
    one->first = d->h.set.first;
    one->set = d->h.set.hash;
    assert_int_equal(st_set_place(d->h.bytes.data, d->h.bytes.len, (st_set_value){ 0, op },
                                  &one->place, NULL),
                     ST_OK);
    one->path_len = st_path_encode(&d->h.set.changes[0].ops[op].path, one->path);
}

/* The number of the operation on a field in the set made last. */
static uint32_t op_of(const desk *d, uint16_t field)
{
    const st_change *change = &d->h.set.changes[0];
    uint32_t op = 0;
    while (op < change->ops_count && change->ops[op].path.field != field)
        op++;
    assert_true(op < change->ops_count);
    return op;
}

static int desk_open(void **state)
{
    static desk d;
    memset(&d, 0, sizeof d);
    d.e = phone_alone(&d.an);
    memset(d.hashes[0].b, 0x11, 32);
    memset(d.hashes[1].b, 0x22, 32);
    handmade_open(&d.h, 0xd1, EDGE_UNIT_BUCKET);
    handmade_begin(&d.h);
    handmade_text(&d.h, EDGE_NOTE, SECRET);
    handmade_text(&d.h, EDGE_PLACE, OTHER);
    handmade_value(&d.h, HASHES, ST_VALUE_BYTES, d.hashes, sizeof d.hashes);
    handmade_end(&d.h, 3);
    handmade_keep_set(&d.h, &d.an);
    handmade_put_base(&d.h, &d.an);
    *state = &d;
    return 0;
}

static int desk_close(void **state)
{
    desk *d = *state;
    handmade_close(&d->h);
    phone_part(d->e, &d->an, NULL);
    return 0;
}

static void erase(desk *d)
{
    st_error error = { ST_OK, "" };
    bool owes = false;
    const erase_values values = { d->h.id, d->list, d->count };
    rows_begin(&d->an);
    if (erase_take(d->an.client, &values, &owes, &error) != ST_OK)
        fail_msg("erase: %s", error.detail);
    rows_commit(&d->an);
}

/* Rows of a table that say the text. */
static size_t rows_saying(desk *d, book_table table, const char *text)
{
    static stored_row row;
    size_t count = 0, len = strlen(text);
    for (size_t i = 0; rows_get(&d->an, table, i, &row); i++)
        count += row.len >= len && memmem(row.data, row.len, text, len) != NULL;
    return count;
}

static void put_file(desk *d, const st_hash *hashes, uint32_t count)
{
    const attach_row row = { .kind = ATTACH_UNSENT, .hashes = hashes, .count = count };
    book_key key = attach_key(&d->h.id, hashes, count);
    rows_begin(&d->an);
    assert_int_equal(attach_put(&d->an.client->book, &key, &row, NULL), ST_OK);
    rows_commit(&d->an);
    for (uint32_t i = 0; i < count; i++) {
        key = attach_piece_key(BOOK_CHUNK, &hashes[i]);
        rows_put(&d->an, &key, "a piece", 7);
    }
}

static void must_hold(desk *d, size_t files, size_t pieces)
{
    assert_int_equal(rows_count(&d->an, BOOK_ATTACH), files);
    assert_int_equal(rows_count(&d->an, BOOK_CHUNK), pieces);
}

/* ---- values ---- */

static void test_one_value_goes(void **state)
{
    desk *d = *state;
    name(d, op_of(d, EDGE_NOTE));
    handmade_put_aside(&d->h, &d->an, 0);
    handmade_put_aside(&d->h, &d->an, 7);
    assert_int_equal(rows_saying(d, BOOK_SET, SECRET), 1);
    assert_int_equal(rows_saying(d, BOOK_BASE, SECRET), 1);
    assert_int_equal(rows_saying(d, BOOK_EVIDENCE, SECRET), 2);
    erase(d);
    assert_int_equal(rows_saying(d, BOOK_SET, SECRET), 0);
    assert_int_equal(rows_saying(d, BOOK_BASE, SECRET), 0);
    assert_int_equal(rows_saying(d, BOOK_EVIDENCE, SECRET), 0);
    assert_int_equal(rows_saying(d, BOOK_SET, OTHER), 1);
    assert_int_equal(rows_saying(d, BOOK_BASE, OTHER), 1);
    assert_int_equal(rows_saying(d, BOOK_EVIDENCE, OTHER), 2);
    sotay_id id;
    memcpy(id.b, d->h.id.b, sizeof id.b);
    assert_true(phone_says(&d->an, sotay_show, &id, "\"erased\":true"));
    assert_true(phone_says(&d->an, sotay_show, &id, OTHER));
}

/* Makes the set made last one that was taken by hand. */
static void put_taken(desk *d, uint8_t is_delivered, const st_hash *hash)
{
    st_buffer row;
    book_key key = book_key_counter(BOOK_TAKEN, &d->h.set.device, d->h.set.first);
    st_buffer_init(&row, CLIENT_WORK_BYTES_MAX);
    assert_int_equal(st_buffer_append(&row, &is_delivered, 1, NULL), ST_OK);
    assert_int_equal(st_buffer_append(&row, hash->b, sizeof hash->b, NULL), ST_OK);
    assert_int_equal(st_buffer_append(&row, d->h.bytes.data, d->h.bytes.len, NULL), ST_OK);
    rows_put(&d->an, &key, row.data, row.len);
    st_buffer_free(&row);
}

/* A set that was taken by hand loses the value as well, whether the server has it or not; what is
 * left stays, has its hash still, and is offered again to a server that lost it. */
static void test_what_was_taken_by_hand(void **state)
{
    desk *d = *state;
    name(d, op_of(d, EDGE_NOTE));
    for (uint8_t delivered = 0; delivered < 2; delivered++) {
        st_arena arena;
        st_set left;
        carried_set taken;
        book_key prefix = book_key_of(BOOK_TAKEN);
        book_scan scan = book_scan_of(&prefix);
        put_taken(d, delivered, &d->h.set.hash);
        assert_int_equal(rows_saying(d, BOOK_TAKEN, SECRET), 1);
        for (int times = 0; times < 2; times++) {
            erase(d);
            assert_int_equal(rows_saying(d, BOOK_TAKEN, SECRET), 0);
            assert_int_equal(rows_saying(d, BOOK_TAKEN, OTHER), 1);
        }
        st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
        rows_begin(&d->an);
        assert_int_equal(carried_next_set(d->an.client, &scan, &arena, &taken, NULL), ST_OK);
        assert_int_equal(taken.is_delivered, delivered);
        assert_memory_equal(taken.hash.b, d->h.set.hash.b, 32);
        assert_int_equal(st_set_decode(taken.bytes, taken.len, &arena, &left, NULL), ST_OK);
        assert_memory_equal(left.hash.b, d->h.set.hash.b, 32);
        scan = book_scan_of(&prefix);
        assert_int_equal(carried_turn(d->an.client, UINT64_MAX, NULL), ST_OK);
        assert_int_equal(carried_next_set(d->an.client, &scan, &arena, &taken, NULL), ST_OK);
        assert_false(taken.is_delivered);
        rows_commit(&d->an);
        st_arena_reset(&arena);
    }
}

/* Another branch of that name is not what the erasure names. */
static void test_another_that_was_taken_by_hand(void **state)
{
    desk *d = *state;
    st_hash other = d->h.set.hash;
    other.b[0] ^= 1;
    name(d, op_of(d, EDGE_NOTE));
    put_taken(d, 1, &other);
    erase(d);
    assert_int_equal(rows_saying(d, BOOK_SET, SECRET), 0);
    assert_int_equal(rows_saying(d, BOOK_TAKEN, SECRET), 1);
}

/* What is left of the set has its hash still, and no row changes the second time. */
static void test_twice_is_once(void **state)
{
    static const book_table TABLES[] = { BOOK_SET, BOOK_BASE, BOOK_EVIDENCE, BOOK_BUCKET };
    static stored_row first[4][8], again;
    desk *d = *state;
    st_set left;
    name(d, op_of(d, EDGE_NOTE));
    handmade_put_aside(&d->h, &d->an, 0);
    erase(d);
    for (size_t t = 0; t < 4; t++)
        for (size_t i = 0; i < 8 && rows_get(&d->an, TABLES[t], i, &first[t][i]); i++)
            continue;
    erase(d);
    for (size_t t = 0; t < 4; t++)
        for (size_t i = 0; i < 8 && rows_get(&d->an, TABLES[t], i, &again); i++) {
            assert_int_equal(again.len, first[t][i].len);
            assert_memory_equal(again.data, first[t][i].data, again.len);
        }
    book_key key = book_key_counter(BOOK_SET, &d->h.set.device, d->h.set.first);
    for (size_t i = 0; rows_get(&d->an, BOOK_SET, i, &again); i++)
        if (memcmp(again.key.b, key.b, key.len) == 0) {
            assert_int_equal(st_set_decode(again.data, again.len, &d->h.arena, &left, NULL), ST_OK);
            assert_memory_equal(left.hash.b, d->h.set.hash.b, 32);
        }
}

/* The sum of the bucket moves by what the record's does. */
static void test_the_sum_follows(void **state)
{
    desk *d = *state;
    bucket_state before, after;
    st_sum was = st_record_sum(&d->h.record), now;
    st_record left;
    static stored_row row;
    book_db *book = &d->an.client->book;
    book_key key = book_key_id(BOOK_BASE, &d->h.id);
    rows_begin(&d->an);
    assert_int_equal(bucket_get(book, &d->h.bucket, &before, NULL), ST_OK);
    client_abort(d->an.client);
    name(d, op_of(d, EDGE_NOTE));
    erase(d);
    rows_begin(&d->an);
    assert_int_equal(bucket_get(book, &d->h.bucket, &after, NULL), ST_OK);
    client_abort(d->an.client);
    size_t i = 0;
    do
        assert_true(rows_get(&d->an, BOOK_BASE, i++, &row));
    while (memcmp(row.key.b, key.b, key.len) != 0);
    assert_int_equal(st_record_decode(row.data, row.len, &d->h.arena, &left, NULL), ST_OK);
    now = st_record_sum(&left);
    assert_memory_not_equal(now.b, was.b, sizeof was.b);
    st_sum_subtract(&before.sum, &was);
    st_sum_add(&before.sum, &now);
    assert_memory_equal(after.sum.b, before.sum.b, sizeof after.sum.b);
    assert_int_equal(after.cursor, before.cursor);
}

/* Another branch of a copied device, a counter beyond, a place that there is not: the set stays. */
static void test_sets_that_are_not_the_one(void **state)
{
    desk *d = *state;
    name(d, op_of(d, EDGE_NOTE));
    const st_erasure right = d->list[0];
    d->list[0].set.b[0] ^= 1;
    erase(d);
    assert_int_equal(rows_saying(d, BOOK_SET, SECRET), 1);
    d->list[0] = right;
    d->list[0].first++;
    erase(d);
    assert_int_equal(rows_saying(d, BOOK_SET, SECRET), 1);
    d->list[0] = right;
    d->list[0].place = 99;
    erase(d);
    assert_int_equal(rows_saying(d, BOOK_SET, SECRET), 1);
    d->list[0] = right;
    d->list[0].dot.counter += 5; /* the set is right, the change is none of it */
    erase(d);
    assert_int_equal(rows_saying(d, BOOK_SET, SECRET), 0);
}

/* Whatever of it is damaged or not there, the rest goes. */
static void test_damaged_rows(void **state)
{
    static const struct {
        const char *why;
        book_table table;
        bool is_there;
    } CASES[] = {
        { "no set", BOOK_SET, false },           { "half a set", BOOK_SET, true },
        { "no base", BOOK_BASE, false },         { "half a base", BOOK_BASE, true },
        { "nothing aside", BOOK_EVIDENCE, false }, { "half of it aside", BOOK_EVIDENCE, true },
    };
    static const book_table TABLES[] = { BOOK_SET, BOOK_BASE, BOOK_EVIDENCE };
    static stored_row row;
    desk *d = *state;
    name(d, op_of(d, EDGE_NOTE));
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        print_message("  %s\n", CASES[i].why);
        handmade_keep_set(&d->h, &d->an);
        handmade_put_base(&d->h, &d->an);
        handmade_put_aside(&d->h, &d->an, 0);
        size_t n = 0;
        do
            assert_true(rows_get(&d->an, CASES[i].table, n++, &row));
        while (memmem(row.data, row.len, SECRET, strlen(SECRET)) == NULL);
        if (CASES[i].is_there)
            rows_put(&d->an, &row.key, row.data, row.len / 2);
        else
            rows_delete(&d->an, &row.key);
        erase(d);
        for (size_t t = 0; t < 3; t++)
            if (TABLES[t] != CASES[i].table)
                assert_int_equal(rows_saying(d, TABLES[t], SECRET), 0);
    }
}

/* The row of the list may hold a value that goes: of a record that does not open it says
 * nothing. */
static void test_the_row_of_a_record_that_does_not_open(void **state)
{
    desk *d = *state;
    book_key base = book_key_id(BOOK_BASE, &d->h.id), row = book_key_id(BOOK_ROW, &d->h.id);
    book_key fold = book_key_id(BOOK_FOLD, &d->h.id);
    bool is_there = true;
    name(d, op_of(d, EDGE_NOTE));
    erase(d);
    rows_put(&d->an, &base, "half", 4);
    rows_put(&d->an, &fold, SECRET, strlen(SECRET));
    erase(d);
    rows_begin(&d->an);
    assert_int_equal(book_has(&d->an.client->book, &row, &is_there, NULL), ST_OK);
    assert_false(is_there);
    assert_int_equal(book_has(&d->an.client->book, &fold, &is_there, NULL), ST_OK);
    assert_false(is_there);
    client_abort(d->an.client);
}

/* An erasure of nothing that is here is none, whatever it names. */
static void test_a_record_that_is_not_here(void **state)
{
    desk *d = *state;
    name(d, op_of(d, EDGE_NOTE));
    d->h.id.b[3] ^= 1;
    d->list[0].dot.device.b[0] ^= 1;
    size_t bases = rows_count(&d->an, BOOK_BASE);
    erase(d);
    assert_int_equal(rows_count(&d->an, BOOK_BASE), bases);
    assert_int_equal(rows_saying(d, BOOK_SET, SECRET), 1);
    assert_int_equal(rows_saying(d, BOOK_BASE, SECRET), 1);
    d->count = 0;
    erase(d);
}

/* The reason of an act: it is named by no path. */
static void test_a_reason_goes(void **state)
{
    desk *d = *state;
    handmade_begin(&d->h);
    d->h.change.act = ST_ACT_WITHDRAW;
    d->h.change.reason = (st_value){ .kind = ST_VALUE_TEXT, .data = (const uint8_t *)SECRET,
                                     .len = (uint32_t)strlen(SECRET) };
    assert_int_equal(st_edit_context(&d->h.record, &d->h.vector, &d->h.arena, &d->h.change.context,
                                     NULL),
                     ST_OK);
    handmade_end(&d->h, 4);
    handmade_keep_set(&d->h, &d->an);
    handmade_put_base(&d->h, &d->an);
    st_erasure *one = &d->list[d->count++];
    one->dot = d->h.set.changes[0].dot;
    one->first = d->h.set.first;
    one->set = d->h.set.hash;
    assert_int_equal(st_set_place(d->h.bytes.data, d->h.bytes.len,
                                  (st_set_value){ 0, ST_PLACE_NONE }, &one->place, NULL),
                     ST_OK);
    erase(d);
    assert_int_equal(rows_saying(d, BOOK_SET, SECRET), 1); /* that of the other set */
    assert_int_equal(rows_saying(d, BOOK_BASE, SECRET), 1);
    d->count = 0;
    d->list[0] = (st_erasure){ .first = 1 };
    erase(d);
}

/* ---- names of the catalogue ---- */

static void test_a_name_that_was_learned(void **state)
{
    static stored_row row;
    static const char NAME[] = "Xóm Bản Viết";
    desk *d = *state;
    st_record unit;
    size_t n = 0;
    assert_true(rows_saying(d, BOOK_NAME, NAME) > 0);
    do
        assert_true(rows_get(&d->an, BOOK_BASE, n++, &row));
    while (memmem(row.data, row.len, NAME, strlen(NAME)) == NULL);
    assert_int_equal(st_record_decode(row.data, row.len, &d->h.arena, &unit, NULL), ST_OK);
    for (size_t i = 0; i < unit.lives_count; i++) {
        st_erasure *one = &d->list[d->count++];
        one->dot = unit.metas[unit.lives[i].meta].dot;
        one->first = one->dot.counter;
        one->path_len = st_path_encode(&unit.lives[i].op.path, one->path);
    }
    d->h.id = unit.id;
    erase(d);
    assert_int_equal(rows_saying(d, BOOK_BASE, NAME), 0);
    assert_int_equal(rows_saying(d, BOOK_NAME, NAME), 0);
    assert_true(rows_saying(d, BOOK_BASE, EDGE_UNIT) > 0); /* a code is no detached value */
}

/* A record of a form that this phone does not know, or whose making it does not know: the values
 * go all the same. */
static void test_forms_that_are_not_known(void **state)
{
    desk *d = *state;
    name(d, op_of(d, EDGE_NOTE));
    assert_true(st_code_set(&d->h.record.form, "nobody_knows", 12));
    handmade_put_base(&d->h, &d->an);
    erase(d);
    assert_int_equal(rows_saying(d, BOOK_BASE, SECRET), 0);
    assert_true(st_code_set(&d->h.record.form, "visit", 5));
    d->h.record.created = false;
    handmade_put_base(&d->h, &d->an);
    erase(d);
    assert_int_equal(rows_saying(d, BOOK_BASE, SECRET), 0);
}

/* ---- files ---- */

static void test_a_file_goes_with_its_hashes(void **state)
{
    desk *d = *state;
    st_hash other[2] = { d->hashes[1], { { 0x33 } } };
    put_file(d, d->hashes, 2);
    put_file(d, other, 2);
    must_hold(d, 2, 3);
    name(d, op_of(d, EDGE_NOTE));
    erase(d);
    must_hold(d, 2, 3); /* a note is no file */
    d->count = 0;
    name(d, op_of(d, HASHES));
    erase(d);
    must_hold(d, 1, 2); /* the piece that both consist of stays */
    erase(d);
    must_hold(d, 1, 2);
}

/* The list of hashes is found in the set alone, or in the base alone. */
static void test_wherever_the_hashes_are_found(void **state)
{
    static stored_row row;
    desk *d = *state;
    book_key keys[] = { book_key_id(BOOK_BASE, &d->h.id),
                        book_key_counter(BOOK_SET, &d->h.set.device, d->h.set.first) };
    name(d, op_of(d, HASHES));
    for (size_t cut = 0; cut < 2; cut++)
        for (size_t i = 0; i < 2; i++) {
            handmade_keep_set(&d->h, &d->an);
            handmade_put_base(&d->h, &d->an);
            put_file(d, d->hashes, 2);
            size_t n = 0;
            do
                assert_true(rows_get(&d->an, (book_table)keys[i].b[0], n++, &row));
            while (memcmp(row.key.b, keys[i].b, keys[i].len) != 0);
            if (cut == 1 && i == 1)
                rows_put(&d->an, &row.key, row.data, row.len - 1);
            else
                rows_delete(&d->an, &row.key);
            erase(d);
            must_hold(d, 0, 0);
        }
    handmade_put_base(&d->h, &d->an);
    handmade_keep_set(&d->h, &d->an);
    put_file(d, d->hashes, 2);
    d->list[0].set.b[0] ^= 1; /* the set is another one; the base says what it was */
    erase(d);
    must_hold(d, 0, 0);
}

/* Values that are no list of hashes, or of no file here, take no file along. */
static void test_values_that_are_no_files(void **state)
{
    static const uint8_t BYTES[65] = { 1, 2, 3 };
    static const size_t LENGTHS[] = { 1, 31, 33, 63, 65, 32 };
    desk *d = *state;
    put_file(d, d->hashes, 2);
    handmade_begin(&d->h);
    for (uint16_t i = 0; i < 6; i++)
        handmade_value(&d->h, (uint16_t)(HASHES + 1 + i), ST_VALUE_BYTES, BYTES, LENGTHS[i]);
    handmade_text(&d->h, HASHES + 9, "12345678901234567890123456789012");
    handmade_end(&d->h, 4);
    handmade_keep_set(&d->h, &d->an);
    handmade_put_base(&d->h, &d->an);
    for (uint32_t op = 0; op < 7; op++)
        name(d, op);
    st_erasure *one = &d->list[d->count++]; /* a path that the change has not */
    *one = d->list[0];
    one->path[4] ^= 0x40;
    *(one = &d->list[d->count++]) = d->list[0]; /* and one that only begins like it */
    one->path_len--;
    erase(d);
    must_hold(d, 1, 2);
    assert_int_equal(rows_saying(d, BOOK_SET, "12345678901234567890123456789012"), 0);
}

static void test_many_files_at_once(void **state)
{
    static st_hash hashes[FILES_MAX];
    desk *d = *state;
    handmade_begin(&d->h);
    for (uint16_t i = 0; i < FILES_MAX; i++) {
        memset(hashes[i].b, 0x80 + i, 32);
        handmade_value(&d->h, (uint16_t)(HASHES + 1 + i), ST_VALUE_BYTES, &hashes[i], 32);
    }
    handmade_end(&d->h, 4);
    handmade_keep_set(&d->h, &d->an);
    handmade_put_base(&d->h, &d->an);
    for (uint32_t i = 0; i < FILES_MAX; i++)
        put_file(d, &hashes[i], 1);
    put_file(d, d->hashes, 2);
    must_hold(d, FILES_MAX + 1, FILES_MAX + 2);
    for (uint32_t op = 0; op < FILES_MAX; op++)
        name(d, op);
    erase(d);
    must_hold(d, 1, 2);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, desk_open, desk_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_one_value_goes),
        CASE(test_what_was_taken_by_hand),
        CASE(test_another_that_was_taken_by_hand),
        CASE(test_twice_is_once),
        CASE(test_the_sum_follows),
        CASE(test_sets_that_are_not_the_one),
        CASE(test_damaged_rows),
        CASE(test_the_row_of_a_record_that_does_not_open),
        CASE(test_a_record_that_is_not_here),
        CASE(test_a_reason_goes),
        CASE(test_a_name_that_was_learned),
        CASE(test_forms_that_are_not_known),
        CASE(test_a_file_goes_with_its_hashes),
        CASE(test_wherever_the_hashes_are_found),
        CASE(test_values_that_are_no_files),
        CASE(test_many_files_at_once),
    };
    return cmocka_run_group_tests_name("erase", tests, NULL, NULL);
}
