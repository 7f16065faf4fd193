/* tests/unit/client-lib/test_book.c
 * A phone's store fails now and then also when it is only read. What could not be read is never
 * taken for what is not there: the call fails as a whole, and the next one does what was asked. */
#include "tests/unit/client-lib/phone.h"

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
    int rc = SOTAY_E_STORAGE;
    uint64_t n = 1;
    for (; n < 500 && rc != SOTAY_OK; n++) {
        r.fail_in = n;
        rc = edge_sync(e, binh.client, NULL, NULL);
        bool has_failed = r.fail_in == 0;
        assert_int_equal(rc, has_failed ? SOTAY_E_STORAGE : SOTAY_OK);
    }
    print_message("  failed at %d places\n", (int)n - 2);
    r.fail_in = 0;
    assert_true(n > 10 && rc == SOTAY_OK);
    assert_false(phone_says(&binh, sotay_show, &visit, "\"author\":\"0000000000"));
    assert_true(phone_says(&binh, sotay_show, &visit, "\"chợ\""));
    assert_int_equal(phone_set(&binh, &visit, "place", "trường"), SOTAY_OK);
    assert_int_equal(edge_sync(e, binh.client, NULL, NULL), SOTAY_OK);
    assert_true(phone_status_says(&binh, "\"ready\":0"));
    sotay_close(binh.client);
    sotay_port_close(&r.inner);
    phone_free(&an);
    edge_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_cannot_be_read_is_not_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
