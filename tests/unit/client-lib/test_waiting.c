/* tests/unit/client-lib/test_waiting.c
 * An own change waits for the office in a bucket that this phone does not read any more: its set is
 * offered again, so that its author hears of it. What nobody decides, and what goes out anyway, is
 * not. Where the notes of own changes are damaged it is said, and nothing is guessed. */
#include "client-lib/src/outbox.h"
#include "client-lib/src/waiting.h"
#include "tests/unit/client-lib/rows.h"

typedef struct {
    edge *e;
    phone an;
    sotay_id visit;
    stored_row over, own; /* of the change that is held, and of its set */
    overlay_entry entry;
    outbox_set set;
    sotay_sync *sync;
    st_error error;
} desk;

static void must(st_err err)
{
    assert_int_equal(err, ST_OK);
}

/* ---- the desk ---- */

static void set_scope(desk *d, bool in_scope)
{
    bucket_state bucket;
    st_bucket name;
    book_db *book = &d->an.client->book;
    assert_true(st_bucket_set(&name, EDGE_UNIT_BUCKET, strlen(EDGE_UNIT_BUCKET)));
    rows_begin(&d->an);
    must(bucket_get(book, &name, &bucket, NULL));
    bucket.in_scope = in_scope;
    must(bucket_put(book, &name, &bucket, NULL));
    rows_commit(&d->an);
}

/* A visit that the server has, with a change of its own set that the server holds; the unit is
 * lost. */
static void desk_open(desk *d)
{
    static stored_row row;
    const st_id *me;
    memset(d, 0, sizeof *d);
    d->e = phone_alone(&d->an);
    d->visit = phone_visit(&d->an, "chợ");
    assert_int_equal(edge_sync(d->e, d->an.client, NULL, NULL), SOTAY_OK);
    d->e->hold_next = ST_HOLD_ROLE;
    assert_int_equal(phone_set(&d->an, &d->visit, "place", "bị giữ"), SOTAY_OK);
    assert_int_equal(edge_sync(d->e, d->an.client, NULL, NULL), SOTAY_OK);
    d->e->hold_next = ST_HOLD_NONE;
    assert_true(rows_get(&d->an, BOOK_OVER, 0, &d->over));
    assert_false(rows_get(&d->an, BOOK_OVER, 1, &row));
    me = &d->an.client->me.device;
    must(client_begin(d->an.client, false, NULL));
    must(outbox_get(&d->an.client->book, me, 2, &d->set, NULL));
    d->entry.dot = (st_dot){ *me, 2 };
    st_id record = phone_id(&d->visit);
    must(overlay_get(&d->an.client->book, &record, &d->entry.dot, &d->entry, NULL));
    client_abort(d->an.client);
    assert_int_equal(d->entry.status, OVERLAY_HELD);
    assert_true(d->set.position > 0);
    set_scope(d, false);
}

static void desk_close(desk *d)
{
    phone_part(d->e, &d->an, NULL);
}

/* What is found; the error is in d->error. */
static st_err find(desk *d, size_t *out_count)
{
    assert_int_equal(sotay_sync_begin(d->an.client, &d->sync, NULL), SOTAY_OK);
    must(client_begin(d->an.client, true, NULL));
    st_err err = waiting_find(d->sync, &d->error);
    *out_count = d->sync->waiting_count;
    return err;
}

static void end_find(desk *d)
{
    client_abort(d->an.client);
    sotay_sync_free(d->sync);
    d->sync = NULL;
}

static size_t found(desk *d)
{
    size_t count = 99;
    must(find(d, &count));
    must(waiting_find(d->sync, &d->error)); /* once in a sync */
    assert_int_equal(d->sync->waiting_count, count);
    end_find(d);
    return count;
}

static void put_entry(desk *d, const overlay_entry *entry)
{
    st_id record = phone_id(&d->visit);
    rows_begin(&d->an);
    must(overlay_put(&d->an.client->book, &record, entry, NULL));
    rows_commit(&d->an);
}

static void put_set(desk *d, const outbox_set *set)
{
    rows_begin(&d->an);
    must(outbox_put(&d->an.client->book, set, NULL));
    rows_commit(&d->an);
}

/* ---- what is offered ---- */

static void test_what_is_not_read_is_offered(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    assert_int_equal(found(&d), 1);
    set_scope(&d, true); /* where it is read, the pages tell it */
    assert_int_equal(found(&d), 0);
    d.an.client->me.standing = ST_STANDING_SUSPENDED; /* which do not come to one out of use */
    assert_int_equal(found(&d), 1);
    d.an.client->me.standing = ST_STANDING_IN_USE;
    desk_close(&d);
}

static void test_what_nobody_decides_is_not(void **state)
{
    desk d;
    overlay_entry entry;
    outbox_set set;
    (void)state;
    desk_open(&d);
    for (int how = 0; how < 4; how++) {
        entry = d.entry;
        entry.hold = how == 0 ? ST_HOLD_FORK : how == 1 ? ST_HOLD_CORRUPT : entry.hold;
        entry.status = how == 2 ? OVERLAY_SENT : entry.status;
        entry.first = how == 3 ? 0 : entry.first;
        put_entry(&d, &entry);
        assert_int_equal(found(&d), 0);
    }
    put_entry(&d, &d.entry);
    set = d.set; /* these go out anyway */
    set.status = OUTBOX_UNSENT;
    put_set(&d, &set);
    assert_int_equal(found(&d), 0);
    set = d.set;
    set.position = 0;
    put_set(&d, &set);
    assert_int_equal(found(&d), 0);
    book_key key = book_key_counter(BOOK_OWN, &d.set.device, d.set.first);
    rows_delete(&d.an, &key);
    assert_int_equal(found(&d), 0);
    put_set(&d, &d.set);
    assert_int_equal(found(&d), 1);
    desk_close(&d);
}

/* Two changes of one set are one set; a set of that number of another device is another one. */
static void test_each_set_once(void **state)
{
    desk d;
    size_t count = 0;
    (void)state;
    desk_open(&d);
    overlay_entry second = d.entry;
    second.dot.counter = 3;
    put_entry(&d, &second);
    must(find(&d, &count));
    assert_int_equal(count, 1);
    assert_true(waiting_has(d.sync, &d.set.device, d.set.first));
    assert_false(waiting_has(d.sync, &d.set.device, d.set.first + 1));
    assert_false(waiting_has(d.sync, &d.e->devices[0].id, d.set.first));
    end_find(&d);
    desk_close(&d);
}

static void test_no_more_than_so_many_bytes(void **state)
{
    desk d;
    size_t count = 0;
    outbox_set set;
    (void)state;
    desk_open(&d);
    must(find(&d, &count));
    d.sync->waiting_bytes = WAITING_BYTES_MAX;
    assert_int_equal(waiting_next(d.sync, &set, &d.error), ST_E_NOT_FOUND);
    d.sync->waiting_bytes = 0;
    must(waiting_next(d.sync, &set, &d.error));
    assert_int_equal(set.first, d.set.first);
    assert_int_equal(waiting_next(d.sync, &set, &d.error), ST_E_NOT_FOUND);
    d.sync->waiting_done = 0;
    book_key key = book_key_counter(BOOK_OWN, &d.set.device, d.set.first);
    must(book_delete(&d.an.client->book, &key, NULL));
    assert_int_equal(waiting_next(d.sync, &set, &d.error), ST_E_CORRUPT);
    end_find(&d);
    desk_close(&d);
}

/* ---- what the answer says ---- */

/* Declined: it has no effect any more, and a person is told; once. Counters that the set does not
 * have are nothing. */
static void test_what_was_declined(void **state)
{
    static const uint64_t DECLINED[] = { 1, 2, 2, 700 };
    const st_verdict verdict = { .kind = ST_VERDICT_DUPLICATE, .declined = DECLINED,
                                 .declined_count = 4 };
    desk d;
    size_t count = 0;
    (void)state;
    desk_open(&d);
    must(find(&d, &count));
    outbox_set set = d.set;
    set.status = OUTBOX_SENT;
    set.is_closed = false;
    must(waiting_settle(d.sync, &set, &verdict, &d.error));
    assert_true(d.sync->report.needs_person);
    must(client_commit(d.an.client, NULL));
    sotay_sync_free(d.sync);
    d.sync = NULL;
    assert_true(phone_status_says(&d.an, "\"held\":0"));
    assert_true(phone_status_says(&d.an, "\"declined\":[{\"record\":"));
    assert_int_equal(rows_count(&d.an, BOOK_OVER), 0);
    desk_close(&d);
}

/* ---- notes that are damaged ---- */

static void must_be_said(desk *d)
{
    size_t count = 0;
    char *text = NULL;
    assert_int_equal(find(d, &count), ST_E_CORRUPT);
    end_find(d);
    assert_int_equal(sotay_status(d->an.client, SOTAY_JSON, &text, &d->an.error), SOTAY_E_CORRUPT);
    assert_non_null(strstr(d->an.error.detail, "damaged"));
    assert_int_equal(sotay_show(d->an.client, &d->visit, SOTAY_JSON, &text, &d->an.error),
                     SOTAY_E_CORRUPT);
    assert_null(text);
}

static void test_damaged_notes(void **state)
{
    desk d;
    (void)state;
    desk_open(&d);
    rows_put(&d.an, &d.over.key, d.over.data, d.over.len - 1);
    must_be_said(&d);
    d.over.data[8] = OVERLAY_CARRIED + 1; /* no such state */
    rows_put(&d.an, &d.over.key, d.over.data, d.over.len);
    must_be_said(&d);
    d.over.data[8] = OVERLAY_HELD;
    rows_delete(&d.an, &d.over.key);
    book_key key = d.over.key;
    key.len--; /* half a counter */
    rows_put(&d.an, &key, d.over.data, d.over.len);
    must_be_said(&d);
    rows_delete(&d.an, &key);
    put_entry(&d, &d.entry);
    assert_int_equal(found(&d), 1);
    desk_close(&d);
}

/* The set of a note is not kept, or does not have the change. */
static void test_a_note_without_its_set(void **state)
{
    desk d;
    char *text = NULL;
    size_t count = 0;
    (void)state;
    desk_open(&d);
    overlay_entry far = d.entry;
    far.dot.counter = 9; /* beyond the set's end, and before its beginning */
    put_entry(&d, &far);
    assert_int_equal(sotay_show(d.an.client, &d.visit, SOTAY_JSON, &text, &d.an.error),
                     SOTAY_E_CORRUPT);
    st_id record = phone_id(&d.visit);
    rows_begin(&d.an);
    must(overlay_delete(&d.an.client->book, &record, &far.dot, NULL));
    rows_commit(&d.an);
    far.dot.counter = 1;
    put_entry(&d, &far);
    assert_int_equal(sotay_show(d.an.client, &d.visit, SOTAY_JSON, &text, &d.an.error),
                     SOTAY_E_CORRUPT);
    assert_non_null(strstr(d.an.error.detail, "not in its set"));
    book_key key = book_key_counter(BOOK_SET, &d.set.device, d.set.first);
    rows_delete(&d.an, &key);
    must(find(&d, &count)); /* there is nothing to offer, and no reason to send nothing else */
    assert_int_equal(count, 0);
    end_find(&d);
    assert_int_equal(sotay_show(d.an.client, &d.visit, SOTAY_JSON, &text, &d.an.error),
                     SOTAY_E_CORRUPT);
    desk_close(&d);
}

/* The change that the note of a record names is one of another record. */
static void test_a_note_on_another_record(void **state)
{
    desk d;
    char *text = NULL;
    (void)state;
    desk_open(&d);
    set_scope(&d, true);
    sotay_id other = phone_visit(&d.an, "khác");
    st_id record = phone_id(&other);
    rows_begin(&d.an);
    must(overlay_put(&d.an.client->book, &record, &d.entry, NULL));
    rows_commit(&d.an);
    assert_int_equal(sotay_show(d.an.client, &other, SOTAY_JSON, &text, &d.an.error),
                     SOTAY_E_CORRUPT);
    assert_non_null(strstr(d.an.error.detail, "not in its set"));
    desk_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_not_read_is_offered),
        cmocka_unit_test(test_what_nobody_decides_is_not),
        cmocka_unit_test(test_each_set_once),
        cmocka_unit_test(test_no_more_than_so_many_bytes),
        cmocka_unit_test(test_what_was_declined),
        cmocka_unit_test(test_damaged_notes),
        cmocka_unit_test(test_a_note_without_its_set),
        cmocka_unit_test(test_a_note_on_another_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
