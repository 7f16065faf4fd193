/* tests/unit/client-lib/test_book.c
 * A phone's store fails now and then also when it is only read. What could not be read is never
 * taken for what is not there: the call fails as a whole, and the next one does what was asked. */
#include "tests/unit/client-lib/rows.h"

/* A port that fails at its n-th reading call from now. */
typedef struct {
    sotay_port inner;
    uint64_t fail_in;
} reader;

static bool fails_now(reader *r, sotay_error *error)
{
    if (r->fail_in == 0 || --r->fail_in > 0)
        return false;
    error->code = SOTAY_E_STORAGE;
    (void)strcpy(error->detail, "asked to fail at a read");
    return true;
}

static int reader_begin(void *context, bool write, sotay_error *error)
{
    reader *r = context;
    return r->inner.begin(r->inner.context, write, error);
}

static int reader_get(void *context, sotay_slice key, sotay_slice *out_value, sotay_error *error)
{
    reader *r = context;
    return fails_now(r, error) ? SOTAY_E_STORAGE
                               : r->inner.get(r->inner.context, key, out_value, error);
}

static int reader_put(void *context, sotay_slice key, sotay_slice value, sotay_error *error)
{
    reader *r = context;
    return r->inner.put(r->inner.context, key, value, error);
}

static int reader_seek(void *context, sotay_slice key, bool forward, sotay_slice *out_key,
                       sotay_slice *out_value, sotay_error *error)
{
    reader *r = context;
    return fails_now(r, error)
               ? SOTAY_E_STORAGE
               : r->inner.seek(r->inner.context, key, forward, out_key, out_value, error);
}

static int reader_commit(void *context, sotay_error *error)
{
    reader *r = context;
    return r->inner.commit(r->inner.context, error);
}

static void reader_abort(void *context)
{
    reader *r = context;
    r->inner.abort(r->inner.context);
}

static void reader_now(void *context, int64_t *out_wall_ms, uint64_t *out_mono_ms)
{
    reader *r = context;
    r->inner.now(r->inner.context, out_wall_ms, out_mono_ms);
}

static int reader_place(void *context, uint8_t out_boot[8], uint8_t out_install[8],
                        sotay_error *error)
{
    reader *r = context;
    return r->inner.place(r->inner.context, out_boot, out_install, error);
}

static int reader_random(void *context, void *data, size_t len, sotay_error *error)
{
    reader *r = context;
    return r->inner.random(r->inner.context, data, len, error);
}

static int reader_secret(void *context, bool create, uint8_t out_secret[32], sotay_error *error)
{
    reader *r = context;
    return r->inner.secret(r->inner.context, create, out_secret, error);
}

static void put_before(phone *p, reader *r)
{
    const sotay_port port = {
        .context = r,
        .begin = reader_begin,
        .get = reader_get,
        .put = reader_put,
        .seek = reader_seek,
        .commit = reader_commit,
        .abort = reader_abort,
        .now = reader_now,
        .place = reader_place,
        .random = reader_random,
        .secret = reader_secret,
    };
    memset(r, 0, sizeof *r);
    sotay_close(p->client);
    r->inner = p->port;
    p->port = port;
    phone_open(p);
}

static void test_what_cannot_be_read_is_not_missing(void **state)
{
    (void)state;
    edge *e = edge_new();
    phone an, binh;
    reader r;
    phone_make(&an, e, 0);
    phone_make(&binh, e, 1);
    put_before(&binh, &r);
    sotay_id visit = phone_visit(&an, "chợ");
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    bool has_failed = true;
    uint64_t ended = 0, passed_over = 0;
    for (uint64_t n = 1; n < 1000 && has_failed; n++) {
        r.fail_in = n;
        int rc = edge_sync(e, binh.client, NULL, NULL);
        has_failed = r.fail_in == 0;
        assert_true(rc == SOTAY_OK || (has_failed && rc == SOTAY_E_STORAGE));
        ended += rc != SOTAY_OK;
        passed_over += has_failed && rc == SOTAY_OK;
        if (rc != SOTAY_OK)
            continue;
        r.fail_in = 0; /* something new for the next one */
        assert_int_equal(phone_set(&an, &visit, "place", n % 2 == 0 ? "chợ" : "xóm"), SOTAY_OK);
        assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    }
    print_message("  ended %d syncs; passed over in %d, where names are looked through\n",
                  (int)ended, (int)passed_over);
    r.fail_in = 0;
    assert_true(ended > 10 && !has_failed);
    assert_int_equal(phone_set(&an, &visit, "place", "chợ phiên"), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
    assert_false(phone_says(&binh, sotay_show, &visit, "\"author\":\"0000000000"));
    assert_true(phone_says(&binh, sotay_show, &visit, "\"chợ phiên\""));
    assert_int_equal(phone_set(&binh, &visit, "place", "trường"), SOTAY_OK);
    assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
    assert_true(phone_status_says(&binh, "\"ready\":0"));
    sotay_close(binh.client);
    sotay_port_close(&r.inner);
    phone_free(&an);
    edge_free(e);
}

/* ---- rows that this program would never write ---- */

/* Under a key that is longer than the library's are. */
static void put_long(phone *p, const uint8_t *key, size_t key_len, const void *data, size_t len)
{
    const sotay_slice at = { key, key_len }, value = { data, len };
    assert_int_equal(p->port.begin(p->port.context, true, NULL), SOTAY_OK);
    assert_int_equal(p->port.put(p->port.context, at, value, NULL), SOTAY_OK);
    assert_int_equal(p->port.commit(p->port.context, NULL), SOTAY_OK);
}

static int read_status(phone *p)
{
    char *json = NULL;
    int rc = sotay_status(p->client, SOTAY_JSON, &json, &p->error);
    sotay_text_free(json);
    return rc;
}

/* A key that no table has room for does not end a table: what stands behind it would be gone
 * without a word. */
static void test_a_key_that_is_too_long(void **state)
{
    static const struct {
        size_t len;
        int rc;
    } CASES[] = { { 199, SOTAY_E_CORRUPT }, { 200, SOTAY_E_CORRUPT }, { 300, SOTAY_E_CORRUPT } };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        phone an;
        uint8_t key[300];
        edge *e = phone_alone(&an);
        (void)phone_visit(&an, "chợ");
        rows_seal(&an);
        memset(key, 0, sizeof key);
        key[0] = BOOK_OWN;
        put_long(&an, key, CASES[i].len, "some bytes", 10);
        assert_int_equal(edge_sync(e, an.client, NULL, NULL), CASES[i].rc);
        assert_int_equal(read_status(&an), CASES[i].rc);
        put_long(&an, key, CASES[i].len, NULL, 0); /* mended */
        assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
        assert_true(phone_status_says(&an, "\"ready\":0"));
        assert_int_equal(e->devices[1].known, 1);
        phone_part(e, &an, NULL);
    }
}

/* The last key before one of its table may be too long as well. */
static void test_a_key_before_that_is_too_long(void **state)
{
    phone an;
    uint8_t long_key[300];
    book_key found, at;
    st_error error = { ST_OK, "" };
    (void)state;
    edge *e = phone_alone(&an);
    memset(long_key, 7, sizeof long_key);
    long_key[0] = BOOK_SET;
    put_long(&an, long_key, sizeof long_key, "some bytes", 10);
    at = book_key_of(BOOK_SET);
    memset(at.b + 1, 8, 24);
    at.len = 25;
    rows_begin(&an);
    assert_int_equal(book_before(&an.client->book, &at, 1, &found, &error), ST_E_CORRUPT);
    assert_int_equal(client_commit(an.client, &error), ST_E_CORRUPT);
    client_abort(an.client);
    put_long(&an, long_key, sizeof long_key, NULL, 0);
    rows_begin(&an);
    assert_int_equal(book_before(&an.client->book, &at, 25, &found, &error), ST_E_NOT_FOUND);
    client_abort(an.client);
    phone_part(e, &an, NULL);
}

/* A value that is too short to be sealed is damage; one that is too long is not written. */
static void test_values_of_no_length(void **state)
{
    phone an;
    char *text = NULL;
    st_error error = { ST_OK, "" };
    (void)state;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "chợ");
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    st_id id = phone_id(&visit);
    const book_key key = book_key_id(BOOK_BASE, &id);
    rows_spoil(&an, &key);
    assert_int_equal(sotay_show(an.client, &visit, SOTAY_JSON, &text, &an.error), SOTAY_E_CORRUPT);
    assert_non_null(strstr(an.error.detail, "is cut"));
    size_t len = (size_t)ST_FRAME_BYTES_MAX * 2 + 1;
    uint8_t *data = calloc(1, len);
    assert_non_null(data);
    rows_begin(&an);
    assert_int_equal(book_put(&an.client->book, &key, data, len, &error), ST_E_TOO_LARGE);
    client_abort(an.client);
    free(data);
    assert_int_equal(sotay_finish(an.client, 12345, NULL, NULL), SOTAY_E_USAGE);
    assert_int_equal(sotay_finish(an.client, -1, NULL, NULL), SOTAY_E_USAGE);
    phone_part(e, &an, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_cannot_be_read_is_not_missing),
        cmocka_unit_test(test_a_key_that_is_too_long),
        cmocka_unit_test(test_a_key_before_that_is_too_long),
        cmocka_unit_test(test_values_of_no_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
