/* tests/unit/client-lib/test_receipts.c
 * Which receipts a phone asks for by itself, and when; what it takes of an answer with many; and
 * what it can see of a record that came without its changes. */
#include "tests/unit/client-lib/bad_disk.h"
#include "tests/unit/client-lib/receipt_desk.h"
#include "tests/unit/client-lib/rows.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- what a sync fetches ---- */

static size_t wanted(bench *b, bool all, sotay_receipt_ask *out)
{
    assert_int_equal(sotay_receipts_wanted(b->an.client, all, out, NULL), SOTAY_OK);
    return out->count;
}

static void sync_now(bench *b)
{
    assert_int_equal(edge_sync(b->e, b->an.client, NULL, NULL), SOTAY_OK);
}

/* A draft waits for a day by the server's clock; what is finished does not, and takes the others
 * along; what has its receipt is not asked for. */
static void test_what_a_sync_wants(void **state)
{
    (void)state;
    bench b;
    sotay_receipt_ask ask;
    char path[64];
    bench_open(&b);
    assert_int_equal(wanted(&b, false, &ask), 0);
    assert_int_equal(wanted(&b, true, &ask), 1);
    b.e->now_ms += INT64_C(86399) * 1000;
    sync_now(&b);
    assert_int_equal(wanted(&b, false, &ask), 0);
    b.e->now_ms += 1000;
    sync_now(&b);
    assert_int_equal(wanted(&b, false, &ask), 1);
    (void)snprintf(path, sizeof path, "/audit/receipts/%u", (unsigned)b.entry);
    assert_string_equal(ask.path, path);
    answer a = truth(&b);
    assert_int_equal(offer(&b, &a, NULL), SOTAY_OK);
    assert_int_equal(wanted(&b, false, &ask), 0);
    sotay_id draft = phone_visit(&b.an, "đình"), final = phone_visit(&b.an, "xóm");
    sync_now(&b);
    assert_int_equal(wanted(&b, false, &ask), 0);
    assert_int_equal(sotay_record_finalise(b.an.client, &final, NULL), SOTAY_OK);
    assert_int_equal(wanted(&b, false, &ask), 2); /* as its owner sees it, it is no draft */
    sync_now(&b);
    assert_int_equal(wanted(&b, false, &ask), 2);
    assert_memory_equal(&ask.records[0], &final, sizeof final);
    assert_memory_equal(&ask.records[1], &draft, sizeof draft);
    assert_true(ask.entries[0] > ask.entries[1] && ask.entries[1] > b.entry);
    bench_close(&b);
}

/* Somebody else writes in a record of which a receipt is kept: it is due anew. In others it is
 * not. */
static void test_what_others_write(void **state)
{
    (void)state;
    bench b;
    phone binh;
    sotay_receipt_ask ask;
    bench_open(&b);
    phone_make(&binh, b.e, 1);
    sotay_id his = phone_visit(&binh, "chợ");
    assert_int_equal(sotay_record_finalise(binh.client, &his, NULL), SOTAY_OK);
    assert_int_equal(sotay_record_finalise(b.an.client, &b.visit, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(b.e, binh.client, NULL, NULL), SOTAY_OK);
    sync_now(&b);
    turn_to(&b, &b.visit);
    assert_int_equal(wanted(&b, false, &ask), 1);
    answer a = truth(&b);
    assert_int_equal(offer(&b, &a, NULL), SOTAY_OK);
    st_id visit = phone_id(&b.visit), other = phone_id(&his);
    edge_write(b.e, &visit, EDGE_NOTE, "đã xem");
    edge_write(b.e, &other, EDGE_NOTE, "đã xem");
    sync_now(&b);
    assert_int_equal(wanted(&b, false, &ask), 1);
    assert_memory_equal(&ask.records[0], &b.visit, sizeof b.visit);
    assert_true(ask.entries[0] > b.entry);
    phone_free(&binh);
    bench_close(&b);
}

/* More are due than go into one request: the finished ones go first. */
static void test_the_most_of_one_request(void **state)
{
    (void)state;
    bench b;
    sotay_receipt_ask ask;
    sotay_id last = { { 0 } };
    bench_open(&b);
    for (unsigned i = 0; i < SOTAY_RECEIPTS_MOST + 5; i++) {
        char place[16];
        (void)snprintf(place, sizeof place, "xóm %u", i);
        last = phone_visit(&b.an, place);
    }
    assert_int_equal(sotay_record_finalise(b.an.client, &last, NULL), SOTAY_OK);
    sync_now(&b);
    assert_int_equal(wanted(&b, false, &ask), SOTAY_RECEIPTS_MOST);
    assert_memory_equal(&ask.records[0], &last, sizeof last);
    for (size_t i = 1; i < ask.count; i++)
        assert_memory_not_equal(&ask.records[i], &last, sizeof last);
    assert_int_equal(wanted(&b, true, &ask), SOTAY_RECEIPTS_MOST);
    bench_close(&b);
}

/* ---- many in one answer ---- */

/* Both files of the visit that the bench has turned to, as two frames; `spoils` one bit. */
static void put_pair(bench *b, st_frame_writer *writer, bool spoils)
{
    st_buffer proof, leaf;
    st_tree_head head;
    answer a = truth(b);
    st_buffer_init(&proof, ST_NOTE_BYTES_MAX);
    st_buffer_init(&leaf, ST_LEAF_BYTES_MAX);
    write_files(b, &a, &proof, &leaf, &head);
    leaf.data[leaf.len / 2] ^= spoils ? 1 : 0;
    assert_int_equal(st_frame_write(writer, proof.data, proof.len, NULL), ST_OK);
    assert_int_equal(st_frame_write(writer, leaf.data, leaf.len, NULL), ST_OK);
    st_buffer_free(&leaf);
    st_buffer_free(&proof);
}

/* What the server makes of the ask: of the n-th record 'g' what is right, 's' a spoilt one, 'l' a
 * leaf alone, '-' nothing yet, '.' not even that. */
static void write_answer(bench *b, const sotay_receipt_ask *ask, const char *how, st_buffer *out)
{
    st_frame_writer *writer = NULL;
    assert_int_equal(st_frame_writer_new(3, out, &writer, NULL), ST_OK);
    for (size_t i = 0; i < ask->count && how[i] != '.'; i++) {
        turn_to(b, &ask->records[i]);
        if (how[i] == 'g' || how[i] == 's')
            put_pair(b, writer, how[i] == 's');
        if (how[i] == 'l') /* a leaf without its proof */
            assert_int_equal(st_frame_write(writer, "", 0, NULL), ST_OK);
        if (how[i] == 'l')
            assert_int_equal(st_frame_write(writer, "leaf", 4, NULL), ST_OK);
        for (int n = 0; n < 2 && how[i] == '-'; n++)
            assert_int_equal(st_frame_write(writer, "", 0, NULL), ST_OK);
    }
    assert_int_equal(st_frame_writer_end(writer, NULL), ST_OK);
    st_frame_writer_free(writer);
}

static void test_many_in_one_answer(void **state)
{
    (void)state;
    static const struct {
        const char *how;
        int code;
        size_t kept, left;
    } ANSWERS[] = {
        { "---", SOTAY_OK, 0, 3 },        { "...", SOTAY_E_CORRUPT, 0, 3 },
        { "sss", SOTAY_E_CORRUPT, 0, 3 }, { "l--", SOTAY_E_CORRUPT, 0, 3 },
        { "g..", SOTAY_E_CORRUPT, 1, 2 }, { "sg", SOTAY_E_CORRUPT, 1, 1 },
        { "-", SOTAY_OK, 0, 1 },          { "g", SOTAY_OK, 1, 0 },
    };
    bench b;
    bench_open(&b);
    (void)phone_visit(&b.an, "đình");
    (void)phone_visit(&b.an, "xóm");
    sync_now(&b);
    for (size_t i = 0; i < COUNT(ANSWERS); i++) {
        sotay_receipt_ask ask, left;
        st_buffer bytes;
        size_t came = 9;
        st_buffer_init(&bytes, 1u << 20);
        assert_int_equal(wanted(&b, true, &ask), strlen(ANSWERS[i].how));
        write_answer(&b, &ask, ANSWERS[i].how, &bytes);
        sotay_slice all = { bytes.data, bytes.len };
        assert_int_equal(sotay_receipts_take(b.an.client, &ask, all, &came, NULL), ANSWERS[i].code);
        assert_int_equal(came, ANSWERS[i].kept);
        assert_int_equal(wanted(&b, true, &left), ANSWERS[i].left);
        st_buffer_free(&bytes);
    }
    bench_close(&b);
}

/* Each cut and each flipped bit of an answer keeps what holds, and never another thing. */
static void test_a_damaged_answer(void **state)
{
    (void)state;
    bench b;
    sotay_receipt_ask ask;
    st_buffer bytes;
    bench_open(&b);
    st_buffer_init(&bytes, 1u << 20);
    assert_int_equal(wanted(&b, true, &ask), 1);
    write_answer(&b, &ask, "g", &bytes);
    for (size_t len = 0; len < bytes.len; len++) {
        size_t came = 9;
        sotay_slice cut = { bytes.data, len };
        int rc = sotay_receipts_take(b.an.client, &ask, cut, &came, NULL);
        assert_true(rc == SOTAY_E_CORRUPT && came == 0 && kept(&b) == 0);
    }
    for (size_t at = 0; at < bytes.len; at++) {
        size_t came = 0;
        bytes.data[at] ^= 1;
        int rc = sotay_receipts_take(b.an.client, &ask, (sotay_slice){ bytes.data, bytes.len },
                                     &came, NULL);
        bytes.data[at] ^= 1;
        if (rc == SOTAY_OK && came == 1) /* a bit that zstd passes over: the files are right */
            assert_true(kept(&b) == b.entry);
        else
            assert_int_equal(came, 0);
    }
    size_t came = 9;
    sotay_slice foreign = { "{}", 2 };
    assert_int_equal(sotay_receipts_take(b.an.client, &ask, foreign, &came, NULL), SOTAY_E_CORRUPT);
    assert_int_equal(came, 0);
    st_buffer_free(&bytes);
    bench_close(&b);
}

/* ---- records that came as they stand ---- */

/* As a snapshot leaves it: the state, and no line of its history. */
static void forget_lines(bench *b)
{
    st_id visit = phone_id(&b->visit);
    book_key prefix = book_key_id(BOOK_HIST, &visit);
    book_scan scan = book_scan_of(&prefix);
    rows_begin(&b->an);
    while (book_scan_next(&b->an.client->book, &scan, NULL, NULL, NULL) == ST_OK)
        assert_int_equal(book_delete(&b->an.client->book, &scan.at, NULL), ST_OK);
    rows_commit(&b->an);
}

static void test_a_record_that_came_as_it_stands(void **state)
{
    (void)state;
    bench b;
    sotay_receipt_state found = { 0 };
    bench_open(&b);
    forget_lines(&b);
    assert_int_equal(sotay_receipt_find(b.an.client, &b.visit, &found, NULL), SOTAY_OK);
    assert_true(found.entry == b.entry && found.kept == 0);
    for (unsigned i = 0; i < 6; i++) { /* what the phone can see of it */
        answer a = truth(&b);
        a.leaf.device.b[5] ^= i == 0 ? 1 : 0;
        a.leaf.first += i == 1 ? 1000 : 0;
        a.leaf.last += i == 1 ? 1000 : 0;
        a.leaf.bucket.s[0] ^= i == 2 ? 1 : 0;
        a.leaf.commit.b[0] ^= i == 3 ? 1 : 0;
        a.leaf.dsig[9] ^= i == 4 ? 1 : 0;
        a.place += i == 5 ? 1 : 0;
        assert_int_equal(offer(&b, &a, NULL),
                         i == 3 || i == 4 ? SOTAY_E_SIGNATURE : SOTAY_E_CORRUPT);
        assert_true(kept(&b) == 0);
    }
    answer a = truth(&b);
    assert_int_equal(offer(&b, &a, NULL), SOTAY_OK);
    assert_true(kept(&b) == b.entry);
    phone_reopen(&b.an);
    assert_true(kept(&b) == b.entry);
    bench_close(&b);
}

static bool history_says(bench *b, const char *text)
{
    char *json = NULL;
    assert_int_equal(sotay_history(b->an.client, &b->visit, SOTAY_JSON, &json, NULL), SOTAY_OK);
    bool says = strstr(json, text) != NULL;
    sotay_text_free(json);
    return says;
}

/* The history names the checkpoint that the kept receipt speaks of, beside the change that it
 * proves, and beside no other. */
static void test_the_history_names_the_proof(void **state)
{
    (void)state;
    bench b;
    st_tree_head head;
    char root[48], text[128];
    bench_open(&b);
    assert_true(history_says(&b, "\"proof\":null"));
    answer a = truth(&b);
    assert_int_equal(offer(&b, &a, &head), SOTAY_OK);
    st_base64(head.root.b, sizeof head.root.b, root);
    (void)snprintf(text, sizeof text, "\"log_index\":%d,\"proof\":{\"size\":%d,\"root\":\"%s\"}",
                   (int)b.entry, (int)head.size, root);
    assert_true(history_says(&b, text));
    assert_false(history_says(&b, "\"proof\":null"));
    assert_int_equal(phone_set(&b.an, &b.visit, "place", "xóm"), SOTAY_OK);
    sync_now(&b);
    assert_true(history_says(&b, text) && history_says(&b, "\"proof\":null"));
    b.an.client->me.log_key[0] ^= 1; /* what does not hold proves nothing */
    assert_false(history_says(&b, "\"proof\":{"));
    bench_close(&b);
}

/* A mark or a row that is not as it was written is said, not guessed at. */
static void test_a_damaged_mark(void **state)
{
    (void)state;
    bench b;
    sotay_receipt_ask ask;
    bench_open(&b);
    st_id visit = phone_id(&b.visit);
    book_key key = book_key_id(BOOK_DUE, &visit);
    rows_begin(&b.an);
    assert_int_equal(book_put(&b.an.client->book, &key, "short", 5, NULL), ST_OK);
    rows_commit(&b.an);
    assert_int_equal(sotay_receipts_wanted(b.an.client, false, &ask, NULL), SOTAY_E_CORRUPT);
    assert_int_equal(ask.count, 0);
    answer a = truth(&b); /* the next receipt takes it away */
    assert_int_equal(offer(&b, &a, NULL), SOTAY_OK);
    assert_int_equal(wanted(&b, false, &ask), 0);
    bench_close(&b);
}

/* A mark that is there though nothing of its record is, or though it has its receipt, is passed
 * over and is in no other's way; one of another shape is damage. */
static void test_marks_of_what_is_gone(void **state)
{
    (void)state;
    static const uint8_t LONG_AGO[8] = { 0 };
    bench b;
    sotay_receipt_ask ask;
    bench_open(&b);
    st_id visit = phone_id(&b.visit), nobody = { { 9 } };
    book_key mark = book_key_id(BOOK_DUE, &visit), stray = book_key_id(BOOK_DUE, &nobody);
    rows_put(&b.an, &stray, LONG_AGO, sizeof LONG_AGO);
    assert_int_equal(wanted(&b, false, &ask), 0);
    rows_put(&b.an, &mark, LONG_AGO, sizeof LONG_AGO);
    assert_int_equal(wanted(&b, false, &ask), 1);
    book_key row = book_key_id(BOOK_ROW, &visit); /* no list says whether it is a draft */
    rows_delete(&b.an, &row);
    assert_int_equal(wanted(&b, false, &ask), 1);
    assert_memory_equal(&ask.records[0], &b.visit, sizeof b.visit);
    answer a = truth(&b);
    assert_int_equal(offer(&b, &a, NULL), SOTAY_OK);
    rows_put(&b.an, &mark, LONG_AGO, sizeof LONG_AGO);
    assert_int_equal(wanted(&b, false, &ask), 0);
    rows_delete(&b.an, &stray);
    stray.len--;
    rows_put(&b.an, &stray, LONG_AGO, sizeof LONG_AGO);
    assert_int_equal(sotay_receipts_wanted(b.an.client, false, &ask, NULL), SOTAY_E_CORRUPT);
    bench_close(&b);
}

/* Found by the sweeps (phone-receipts): a record that could not be read was passed over without a
 * word, and its receipt with it. */
static void test_a_page_that_cannot_be_read(void **state)
{
    (void)state;
    bench b;
    sotay_receipt_ask ask;
    unsigned n = 1;
    int rc = SOTAY_E_CORRUPT;
    bench_open(&b);
    bad_disk_under(&b.an.port);
    for (; rc == SOTAY_E_CORRUPT && n < 50; n++) {
        bad_disk.left = n;
        rc = sotay_receipts_wanted(b.an.client, true, &ask, NULL);
    }
    bad_disk.left = 0;
    assert_int_equal(rc, SOTAY_OK);
    assert_int_equal(ask.count, 1);
    assert_true(n > 4);
    bench_close(&b);
}

/* No more than there is room for, whichever record comes last. */
static void test_as_many_as_asked(void **state)
{
    (void)state;
    bench b;
    sotay_id ids[3];
    size_t count = 9;
    bench_open(&b);
    (void)phone_visit(&b.an, "đình");
    (void)phone_visit(&b.an, "xóm");
    sync_now(&b);
    for (size_t most = 0; most <= 3; most++) {
        assert_int_equal(sotay_receipt_due(b.an.client, ids, most, &count, NULL), SOTAY_OK);
        assert_int_equal(count, most);
    }
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_sync_wants),
        cmocka_unit_test(test_what_others_write),
        cmocka_unit_test(test_the_most_of_one_request),
        cmocka_unit_test(test_many_in_one_answer),
        cmocka_unit_test(test_a_damaged_answer),
        cmocka_unit_test(test_a_record_that_came_as_it_stands),
        cmocka_unit_test(test_the_history_names_the_proof),
        cmocka_unit_test(test_a_damaged_mark),
        cmocka_unit_test(test_marks_of_what_is_gone),
        cmocka_unit_test(test_a_page_that_cannot_be_read),
        cmocka_unit_test(test_as_many_as_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
