/* tests/unit/both/test_recut.c
 * Snapshots of many pieces, and snapshots by a server that errs: what is whole is taken wherever
 * the line breaks and the program ends; of what is not sound nothing stays, the entries are read
 * one by one, and the phone shows what everybody shows. */
#include "tests/unit/both/recut.h"

#include "client-lib/src/client.h"
#include "client-lib/src/snapshot.h"

#define VISITS 40u

static sotay_id ids[VISITS];

typedef struct {
    world w;
    recut_book book;
    unsigned phones; /* that came so far */
} town;

/* Two visits wait for the office; one phone has fetched what there is. */
static void town_make(town *t, uint64_t seed)
{
    char hex[33];
    sotay_who who;
    line l = { 0 };
    memset(t, 0, sizeof *t);
    world_make_with(&t->w, seed, (world_how){ 1, false });
    phone *p = &t->w.phones[0];
    for (size_t i = 0; i < VISITS; i++)
        ids[i] = phone_visit(p, i % 3 == 0 ? "chợ" : "trường");
    assert_int_equal(sync_phone(&t->w, p, 0, NULL), SOTAY_OK);
    sotay_whoami(p->client, &who);
    st_hex(who.device.b, 16, hex);
    KIT_EXPECT(0, &t->w.book, "device", "suspend", hex);
    assert_int_equal(phone_set(p, &ids[2], "place", "chờ duyệt"), SOTAY_OK);
    assert_int_equal(phone_set(p, &ids[4], "place", "chờ duyệt"), SOTAY_OK);
    assert_int_equal(sync_phone(&t->w, p, 0, NULL), SOTAY_OK);
    sync_to_the_end(&t->w, newcomer(&t->w, 1, "binh"), &l);
    recut_open(&t->w, &t->book);
    assert_int_equal(t->book.records_count, VISITS);
    assert_true(t->book.held_count > 0);
}

/* One for all tests: each has phones of its own. */
static int town_open(void **state)
{
    static town t;
    town_make(&t, 1);
    *state = &t;
    return 0;
}

static int town_close(void **state)
{
    town *t = *state;
    recut_close(&t->book);
    world_free(&t->w);
    return 0;
}

/* The next officer, with a phone in place 2. */
static phone *next_phone(town *t)
{
    char login[16];
    if (t->phones > 0)
        phone_free(&t->w.phones[2]);
    (void)snprintf(login, sizeof login, "moi%u", t->phones++);
    return newcomer(&t->w, 2, login);
}

/* Shows what the other shows; and how it came: as a state, or entry by entry, signed. */
static void must_show(town *t, phone *p, bool by_snapshot)
{
    for (size_t i = 0; i < VISITS; i++) {
        char *want = shown(&t->w.phones[1], &ids[i]), *now = shown(p, &ids[i]);
        assert_string_equal(now, want);
        sotay_text_free(want);
        sotay_text_free(now);
    }
    assert_true(history_says(p, &ids[0], by_snapshot ? "\"complete\":false" : "\"complete\":true"));
    assert_true(history_says(p, &ids[2], "\"held\""));
    assert_true(phone_status_says(p, "\"ready\":0"));
    line l = { 0 };
    sotay_report report;
    assert_int_equal(sync_over(&t->w, p, &l, &report), SOTAY_OK);
    assert_int_equal(l.gets, 0);
    assert_int_equal(report.received_changes, 0);
}

static void test_many_pieces(void **state)
{
    static const recut_how CUTS[] = {
        { .spoil_part = -1 },       { 1, 1, .spoil_part = -1 }, { 1, 0, .spoil_part = -1 },
        { 7, 1, .spoil_part = -1 }, { 3, 2, .spoil_part = -1 },
    };
    town *t = *state;
    for (size_t i = 0; i < sizeof CUTS / sizeof CUTS[0]; i++) {
        line l = { 0 };
        recut_put(&t->w, &t->book, &CUTS[i]);
        phone *p = next_phone(t);
        sync_to_the_end(&t->w, p, &l);
        assert_int_equal(l.bytes, st_snapshot_bytes(&t->book.list));
        must_show(t, p, true);
    }
}

/* A piece counts whole or not at all, and what came of the next one is kept: no byte comes twice,
 * though the program ends again and again. */
static void test_cut_in_many_pieces(void **state)
{
    static const size_t CUTS[] = { 90, 350, 1111 };
    static const recut_how HOW = { 2, 1, .spoil_part = -1 };
    town *t = *state;
    recut_put(&t->w, &t->book, &HOW);
    for (size_t i = 0; i < sizeof CUTS / sizeof CUTS[0]; i++) {
        line l = { .cut = CUTS[i] };
        sotay_report report = { 0 };
        phone *p = next_phone(t);
        int rc = SOTAY_E_NETWORK, syncs = 0;
        for (; rc == SOTAY_E_NETWORK && syncs < 500; syncs++) {
            rc = sync_over(&t->w, p, &l, &report);
            if (syncs % 3 == 0)
                phone_crash(p, false);
        }
        assert_int_equal(rc, SOTAY_OK);
        assert_true(syncs > 5);
        assert_int_equal(l.bytes, st_snapshot_bytes(&t->book.list));
        must_show(t, p, true);
    }
}

/* In the second piece a bit is wrong: it alone is fetched again. */
static void test_a_wrong_bit_in_the_second_piece(void **state)
{
    static const recut_how HOW = { 10, 1, .spoil_part = -1 };
    town *t = *state;
    recut_put(&t->w, &t->book, &HOW);
    line l = { .flip_at = t->book.list.pieces[0].bytes + 20 };
    phone *p = next_phone(t);
    sync_to_the_end(&t->w, p, &l);
    assert_int_equal(l.gets, 2);
    assert_int_equal(l.bytes, 2 * st_snapshot_bytes(&t->book.list) - t->book.list.pieces[0].bytes);
    must_show(t, p, true);
}

/* ---- what has its hash and is not sound ---- */

/* Each is seen at another place: in the first piece, or when others are in already. */
static void test_streams_that_are_not_sound(void **state)
{
    static const struct {
        const char *why;
        recut_how how;
    } CASES[] = {
        { "no vector", { 20, 1, .no_vector = true, .spoil_part = -1 } },
        { "no vector, one part", { 0, 0, .no_vector = true, .spoil_part = -1 } },
        { "a second vector", { 20, 1, .vector_twice = true, .spoil_part = -1 } },
        { "a second vector in one piece", { 20, 0, .vector_twice = true, .spoil_part = -1 } },
        { "the first part is none", { 20, 1, .spoil_part = 0 } },
        { "the last part is none", { 20, 1, .spoil_part = 1 } },
        { "the stream ends too early", { 20, 1, .spoil_part = -1, .shorter = 1 } },
        { "the stream ends far too early", { 0, 0, .spoil_part = -1, .shorter = 200 } },
        { "something is behind it", { 20, 1, .spoil_part = -1, .behind = "more" } },
    };
    town *t = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        line l = { 0 };
        recut_put(&t->w, &t->book, &CASES[i].how);
        phone *p = next_phone(t);
        print_message("  case: %s\n", CASES[i].why);
        sync_to_the_end(&t->w, p, &l);
        assert_true(l.gets > 0);
        must_show(t, p, false);
    }
}

static st_snapshot_record encode_record(town *t, const st_record *record)
{
    st_buffer out;
    st_buffer_init(&out, ST_FRAME_BYTES_MAX);
    assert_int_equal(st_record_encode(record, &out, NULL), ST_OK);
    uint8_t *kept = st_arena_copy(&t->book.arena, out.data, out.len);
    st_snapshot_record made = { kept, out.len };
    assert_non_null(kept);
    st_buffer_free(&out);
    return made;
}

static void set_vector(town *t, const st_vector *vector)
{
    st_buffer out;
    st_buffer_init(&out, ST_FRAME_BYTES_MAX);
    assert_int_equal(st_vector_encode(vector, &out, NULL), ST_OK);
    t->book.vector = st_arena_copy(&t->book.arena, out.data, out.len);
    t->book.vector_len = out.len;
    assert_non_null(t->book.vector);
    st_buffer_free(&out);
}

typedef void (*spoiler)(town *t, const phone *p);

static void one_less(town *t, const phone *p)
{
    (void)p;
    t->book.records_count--;
}

static void one_twice(town *t, const phone *p)
{
    (void)p;
    t->book.records[3] = t->book.records[30];
}

static void one_damaged(town *t, const phone *p)
{
    (void)p;
    t->book.records[35].bytes = (const uint8_t *)"\xff\xff\xff\xff";
    t->book.records[35].len = 4;
}

static void of_another_unit(town *t, const phone *p)
{
    st_record record;
    (void)p;
    assert_int_equal(st_record_decode(t->book.records[33].bytes, t->book.records[33].len,
                                      &t->book.arena, &record, NULL),
                     ST_OK);
    assert_true(record.created);
    record.bucket.s[strlen(record.bucket.s) - 1]++;
    t->book.records[33] = encode_record(t, &record);
}

static void vector_damaged(town *t, const phone *p)
{
    (void)p;
    t->book.vector = (const uint8_t *)"\xff\xff\xff";
    t->book.vector_len = 3;
}

static void sum_told_wrong(town *t, const phone *p)
{
    (void)p;
    t->book.list.sum.b[0] ^= 1;
}

static void held_damaged(town *t, const phone *p)
{
    st_entry *held = st_arena_array(&t->book.arena, t->book.held_count, sizeof *t->book.held);
    (void)p;
    assert_non_null(held);
    memcpy(held, t->book.held, t->book.held_count * sizeof *held);
    uint8_t *set = st_arena_copy(&t->book.arena, held[0].set, held[0].set_len);
    assert_non_null(set);
    set[held[0].set_len / 2] ^= 1;
    held[0].set = set;
    t->book.held = held;
}

/* What this very phone never wrote: another store writes under its name. */
static st_vector vector_of(town *t)
{
    st_vector vector;
    assert_int_equal(
        st_vector_decode(t->book.vector, t->book.vector_len, &t->book.arena, &vector, NULL), ST_OK);
    return vector;
}

static int by_device(const void *a, const void *b)
{
    const st_upto *x = a, *y = b;
    return st_id_cmp(&x->device, &y->device);
}

static void twin_in_a_row(town *t, const phone *p)
{
    st_vector vector = vector_of(t);
    st_upto list[32];
    assert_true(vector.upto_count < 32);
    memcpy(list, vector.upto, vector.upto_count * sizeof *list);
    list[vector.upto_count] = (st_upto){ id_of_device(p), 3 };
    vector.upto = list;
    vector.upto_count++;
    qsort(list, vector.upto_count, sizeof *list, by_device);
    set_vector(t, &vector);
}

static void twin_beyond_a_gap(town *t, const phone *p)
{
    st_vector vector = vector_of(t);
    st_extra extra = { { id_of_device(p), 9 }, 7, phone_id(&ids[0]) };
    assert_int_equal(vector.extras_count, 0);
    vector.extras = &extra;
    vector.extras_count = 1;
    set_vector(t, &vector);
}

static const struct {
    const char *why;
    spoiler spoil;
} SPOILED[] = {
    { "a record is missing", one_less },
    { "a record is there twice, another is not", one_twice },
    { "a record is damaged", one_damaged },
    { "a record of another unit", of_another_unit },
    { "the vector is damaged", vector_damaged },
    { "the sum was told wrong", sum_told_wrong },
    { "what waits is not signed", held_damaged },
    { "another store under this name", twin_in_a_row },
    { "another store under this name, with a gap", twin_beyond_a_gap },
};

static void test_contents_that_are_not_sound(void **state)
{
    static const recut_how HOW = { 10, 1, .spoil_part = -1 };
    town *t = *state;
    const recut_book good = t->book;
    for (size_t i = 0; i < sizeof SPOILED / sizeof SPOILED[0]; i++) {
        line l = { 0 };
        phone *p = next_phone(t);
        char data[256];
        print_message("  case: %s\n", SPOILED[i].why);
        SPOILED[i].spoil(t, p);
        recut_put(&t->w, &t->book, &HOW);
        sync_to_the_end(&t->w, p, &l);
        assert_true(l.gets > 0);
        must_show(t, p, false);
        /* as it was, but for what has been taken into its arena */
        st_arena arena = t->book.arena;
        (void)snprintf(data, sizeof data, "%s", t->book.old_data);
        t->book = good;
        t->book.arena = arena;
        (void)snprintf(t->book.old_data, sizeof t->book.old_data, "%s", data);
    }
}

/* ---- what is said in place of a piece ---- */

static void refusal_of(st_err code, st_buffer *out)
{
    st_frame frame;
    memset(&frame, 0, sizeof frame);
    frame.kind = ST_FRAME_REFUSAL;
    frame.as.refusal.code = code;
    line_answer(&frame, 1, out);
}

static void test_answers_in_place_of_a_piece(void **state)
{
    static const struct {
        int status;
        st_err refusal; /* ST_OK: none, the text instead */
        const char *text;
        int want; /* of this sync; SOTAY_OK: the entries are read */
    } CASES[] = {
        { 403, ST_E_DENIED, NULL, SOTAY_OK },
        { 426, ST_E_VERSION, NULL, SOTAY_OK },
        { 401, ST_E_SIGNATURE, NULL, SOTAY_E_SIGNATURE },
        { 503, ST_E_BUSY, NULL, SOTAY_E_NETWORK },
        { 503, ST_E_MEMORY, NULL, SOTAY_E_SERVER },
        { 507, ST_E_STORAGE, NULL, SOTAY_E_NETWORK },
        { 500, ST_E_SERVER, NULL, SOTAY_E_SERVER },
        { 502, ST_OK, "<html>Bad Gateway</html>", SOTAY_E_NETWORK },
        { 502, ST_OK, "", SOTAY_E_NETWORK },
        { 500, ST_OK, "\x28\xb5\x2f\xfd", SOTAY_E_NETWORK },
        { 404, ST_OK, "nothing here", SOTAY_OK },
        { 416, ST_OK, "", SOTAY_OK },
        { 200, ST_OK, "<html>Pay for the line first</html>", SOTAY_OK },
        { 206, ST_OK, "", SOTAY_E_NETWORK }, /* it moves nothing: who asks on asks for ever */
    };
    static const recut_how HOW = { 10, 1, .spoil_part = -1 };
    town *t = *state;
    recut_put(&t->w, &t->book, &HOW);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        st_buffer said;
        line l = { .status = CASES[i].status, .say = &said }, good = { 0 };
        sotay_report report;
        st_buffer_init(&said, 1u << 16);
        if (CASES[i].refusal != ST_OK)
            refusal_of(CASES[i].refusal, &said);
        else
            assert_int_equal(st_buffer_append(&said, CASES[i].text, strlen(CASES[i].text), NULL),
                             ST_OK);
        phone *p = next_phone(t);
        int rc = sync_over(&t->w, p, &l, &report);
        print_message("  case: %d, %s\n", CASES[i].status, st_err_name(CASES[i].refusal));
        assert_int_equal(rc, CASES[i].want);
        assert_true(l.gets > 0);
        if (rc == SOTAY_OK)
            assert_true(report.complete);
        else
            sync_to_the_end(&t->w, p, &good);
        must_show(t, p, rc != SOTAY_OK);
        st_buffer_free(&said);
    }
}

/* Wrong bytes again and again: after some tries the entries are read. */
static void test_a_piece_that_is_always_wrong(void **state)
{
    static const recut_how HOW = { 10, 1, .spoil_part = -1 };
    town *t = *state;
    recut_put(&t->w, &t->book, &HOW);
    st_buffer said;
    st_buffer_init(&said, 1u << 22);
    uint8_t *noise = calloc(1, 1u << 20);
    assert_non_null(noise);
    assert_int_equal(st_buffer_append(&said, noise, 1u << 20, NULL), ST_OK);
    line l = { .status = 206, .say = &said };
    phone *p = next_phone(t);
    sync_to_the_end(&t->w, p, &l);
    assert_int_equal(l.gets, 3);
    must_show(t, p, false);
    free(noise);
    st_buffer_free(&said);
}

/* One that only newer programs can read: their pages are asked for. */
static void test_one_of_a_newer_server(void **state)
{
    static const recut_how HOW = { 10, 1, .spoil_part = -1 };
    town *t = *state;
    line l = { 0 };
    t->book.list.fold_version = 2;
    recut_put(&t->w, &t->book, &HOW);
    phone *p = next_phone(t);
    sync_to_the_end(&t->w, p, &l);
    /* the server cuts one of its own again rather than give out what it does not know */
    assert_true(l.gets > 0);
    must_show(t, p, true);
    t->book.list.fold_version = 1;
}

/* ---- the note in the store ---- */

/* Leaves a phone in the middle of fetching. */
static phone *half_way(town *t)
{
    static const recut_how HOW = { 10, 1, .spoil_part = -1 };
    sotay_report report;
    recut_put(&t->w, &t->book, &HOW);
    line l = { .cut = t->book.list.pieces[0].bytes + 100 };
    phone *p = next_phone(t);
    assert_int_equal(sync_over(&t->w, p, &l, &report), SOTAY_E_NETWORK);
    return p;
}

static void put_note(phone *p, const st_bucket *bucket, uint8_t kind, const void *data, size_t len)
{
    st_error error = { 0 };
    book_key key = snapshot_key(kind, bucket);
    assert_int_equal(client_begin(p->client, true, &error), ST_OK);
    assert_int_equal(book_put(&p->client->book, &key, data, len, &error), ST_OK);
    assert_int_equal(client_commit(p->client, &error), ST_OK);
}

static void test_a_note_that_cannot_be(void **state)
{
    town *t = *state;
    for (int how = 0; how < 4; how++) {
        line l = { 0 };
        sotay_report report;
        st_frame frame = { .kind = ST_FRAME_SNAPSHOT };
        st_buffer note;
        phone *p = half_way(t);
        st_buffer_init(&note, ST_FRAME_BYTES_MAX);
        uint8_t head[28] = { 0 };
        head[0] = head[3] = how == 2 ? 0xff : 0; /* piece: one of so many there are not */
        assert_int_equal(st_buffer_append(&note, head, how == 0 ? 27 : 28, NULL), ST_OK);
        frame.as.snapshot = t->book.list;
        if (how == 3) {
            frame.kind = ST_FRAME_REFUSAL;
            memset(&frame.as, 0, sizeof frame.as);
            frame.as.refusal.code = ST_E_DENIED;
        }
        if (how == 1)
            assert_int_equal(st_buffer_append(&note, "\xff\xff", 2, NULL), ST_OK);
        else if (how > 1)
            assert_int_equal(st_frame_encode(&frame, &note, NULL), ST_OK);
        put_note(p, &t->book.list.bucket, SNAPSHOT_ROW, note.data, note.len);
        assert_int_equal(sync_over(&t->w, p, &l, &report), SOTAY_E_CORRUPT);
        assert_true(strlen(p->error.detail) > 0);
        assert_int_equal(l.gets, 0);
        st_buffer_free(&note);
    }
}

/* A tail as long as its piece was never left by this program: it is not looked at. */
static void test_a_tail_that_is_too_long(void **state)
{
    town *t = *state;
    phone *p = half_way(t);
    uint8_t *tail = calloc(1, t->book.list.pieces[1].bytes);
    line l = { 0 };
    assert_non_null(tail);
    put_note(p, &t->book.list.bucket, SNAPSHOT_TAIL, tail, t->book.list.pieces[1].bytes);
    sync_to_the_end(&t->w, p, &l);
    assert_int_equal(l.bytes, st_snapshot_bytes(&t->book.list) - t->book.list.pieces[0].bytes);
    must_show(t, p, true);
    free(tail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_pieces),
        cmocka_unit_test(test_cut_in_many_pieces),
        cmocka_unit_test(test_a_wrong_bit_in_the_second_piece),
        cmocka_unit_test(test_streams_that_are_not_sound),
        cmocka_unit_test(test_contents_that_are_not_sound),
        cmocka_unit_test(test_answers_in_place_of_a_piece),
        cmocka_unit_test(test_a_piece_that_is_always_wrong),
        cmocka_unit_test(test_one_of_a_newer_server),
        cmocka_unit_test(test_a_note_that_cannot_be),
        cmocka_unit_test(test_a_tail_that_is_too_long),
    };
    return cmocka_run_group_tests(tests, town_open, town_close);
}
