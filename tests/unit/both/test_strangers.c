/* tests/unit/both/test_strangers.c
 * Whoever answers the phone in the valley, and whatever lies in a file that somebody brings: what
 * is no phone of this book, not in use, or not whole is said to be so, nothing of it stays, and
 * the same phones meet well afterwards. */
#include "tests/unit/both/fetch.h"

#include "client-lib/src/client.h"
#include "proto/carry.h"

typedef struct {
    world w;
    phone *an, *binh;
    sotay_id visit;
} valley;

static int valley_open(void **state)
{
    static valley v;
    world_make_with(&v.w, 1, (world_how){ 2, false });
    v.an = &v.w.phones[0];
    v.binh = &v.w.phones[1];
    v.visit = phone_visit(v.an, "chợ");
    assert_int_equal(sync_phone(&v.w, v.an, 0, NULL), SOTAY_OK); /* knows of binh's phone now */
    *state = &v;
    return 0;
}

static int valley_close(void **state)
{
    world_free(&((valley *)*state)->w);
    return 0;
}

/* Begins as the one who serves, is fed these bytes, and answers; *out_said: what it says then. */
static int hear(phone *p, const void *bytes, size_t len)
{
    sotay_carry *carry = NULL;
    sotay_slice said = { NULL, 0 };
    bool done = false;
    assert_int_equal(sotay_carry_begin(p->client, false, &carry, &p->error), SOTAY_OK);
    int rc = sotay_carry_feed(carry, bytes, len, &p->error);
    if (rc == SOTAY_OK)
        rc = sotay_carry_next(carry, &said, &done, &p->error);
    assert_false(done);
    sotay_carry_free(carry);
    return rc;
}

/* A hello with its length in front. */
static size_t hello_of(const st_carry *said, uint8_t out[4096])
{
    st_buffer bytes;
    st_frame frame = { .kind = ST_FRAME_CARRY, .as.carry = *said };
    st_buffer_init(&bytes, 4000);
    assert_int_equal(st_frame_encode(&frame, &bytes, NULL), ST_OK);
    st_put_u32(out, (uint32_t)bytes.len);
    memcpy(out + 4, bytes.data, bytes.len);
    size_t len = 4 + bytes.len;
    st_buffer_free(&bytes);
    return len;
}

static st_id id_of(sotay_id id)
{
    st_id inner;
    memcpy(inner.b, id.b, sizeof inner.b);
    return inner;
}

/* What binh's phone would say first. */
static st_carry honest(valley *v)
{
    sotay_who who;
    st_carry said;
    uint8_t seed[32] = { 5 };
    st_kx_pair pair;
    sotay_whoami(v->binh->client, &who);
    memset(&said, 0, sizeof said);
    st_kx_keypair(seed, pair.public_key, pair.secret);
    said.version = 1;
    said.device = id_of(who.device);
    said.log = v->an->client->me.log;
    memcpy(said.key, pair.public_key, sizeof said.key);
    return said;
}

static void test_who_answers(void **state)
{
    valley *v = *state;
    static const struct {
        const char *why;
        int want;
    } CASES[] = {
        { "binh's phone", SOTAY_OK },
        { "of another book", SOTAY_E_DENIED },
        { "a device that nobody knows", SOTAY_E_DENIED },
        { "this phone itself, or a copy of it", SOTAY_E_DENIED },
        { "without a version", SOTAY_E_CORRUPT },
        { "without a key", SOTAY_E_SIGNATURE },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        uint8_t bytes[4096];
        sotay_who who;
        st_carry said = honest(v);
        sotay_whoami(v->an->client, &who);
        if (i == 1)
            said.log.b[0] ^= 1;
        if (i == 2)
            said.device.b[0] ^= 1;
        if (i == 3)
            said.device = id_of(who.device);
        if (i == 4)
            said.version = 0;
        if (i == 5)
            memset(said.key, 0, sizeof said.key);
        size_t len = hello_of(&said, bytes);
        int rc = hear(v->an, bytes, len);
        if (rc != CASES[i].want)
            fail_msg("%s: %s %s", CASES[i].why, sotay_code_name((sotay_code)rc),
                     v->an->error.detail);
        if (rc != SOTAY_OK)
            assert_true(strlen(v->an->error.detail) > 0);
    }
}

static void test_bytes_that_are_no_hello(void **state)
{
    valley *v = *state;
    static const struct {
        const char *bytes;
        size_t len;
        int want;
    } CASES[] = {
        { "\0\0", 2, SOTAY_OK }, /* not all of it is here */
        { "\0\0\0\4ab", 6, SOTAY_OK },
        { "\0\0\0\0", 4, SOTAY_E_CORRUPT },
        { "\xff\xff\xff\xff", 4, SOTAY_E_CORRUPT },
        { "GET / HTTP/1.1\r\n\r\n", 18, SOTAY_E_CORRUPT },
        { "\0\0\0\4\xff\xff\xff\xff", 8, SOTAY_E_CORRUPT },
        { "\0\0\0\1\0", 5, SOTAY_E_CORRUPT },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        assert_int_equal(hear(v->an, CASES[i].bytes, CASES[i].len), CASES[i].want);
    uint8_t *noise = calloc(1, 8192); /* longer than any hello */
    assert_non_null(noise);
    st_put_u32(noise, 8188);
    assert_int_equal(hear(v->an, noise, 8192), SOTAY_E_CORRUPT);
    free(noise);
}

/* Every bit of the first words: whoever it is then, it is not let in as somebody else. */
static void test_every_bit_of_a_hello(void **state)
{
    valley *v = *state;
    uint8_t bytes[4096];
    st_carry said = honest(v);
    size_t len = hello_of(&said, bytes);
    for (size_t bit = 32; bit < len * 8; bit += 3) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        int rc = hear(v->an, bytes, len);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_true(rc == SOTAY_OK || rc == SOTAY_E_CORRUPT || rc == SOTAY_E_DENIED ||
                    rc == SOTAY_E_SIGNATURE || rc == SOTAY_E_VERSION);
    }
}

static void test_not_now(void **state)
{
    valley *v = *state;
    phone fresh;
    sotay_carry *carry = NULL;
    sotay_bundle *bundle = NULL;
    sotay_bundle_report report;
    sotay_sync *sync = NULL;
    phone_new(&fresh, 99);
    assert_int_equal(sotay_carry_begin(fresh.client, true, &carry, &fresh.error), SOTAY_E_STATE);
    assert_int_equal(sotay_bundle_begin(fresh.client, &bundle, &fresh.error), SOTAY_E_STATE);
    assert_int_equal(sotay_bundle_import(fresh.client, "x", 1, &report, &fresh.error),
                     SOTAY_E_STATE);
    phone_free(&fresh);
    assert_int_equal(sotay_sync_begin(v->an->client, &sync, NULL), SOTAY_OK);
    assert_int_equal(sotay_carry_begin(v->an->client, true, &carry, NULL), SOTAY_E_BUSY);
    assert_int_equal(sotay_bundle_begin(v->an->client, &bundle, NULL), SOTAY_E_BUSY);
    sotay_sync_free(sync);
    assert_int_equal(sotay_carry_begin(v->an->client, true, &carry, NULL), SOTAY_OK);
    assert_int_equal(sotay_sync_begin(v->an->client, &sync, NULL), SOTAY_E_BUSY);
    sotay_carry_free(carry);
    assert_null(bundle);
}

/* ---- files that somebody brings ---- */

static uint8_t *bundle_of(valley *v, size_t *out_len)
{
    sotay_bundle *bundle = NULL;
    sotay_bundle_report report;
    sotay_slice bytes;
    assert_int_equal(phone_set(v->an, &v->visit, "place", "trong gói"), SOTAY_OK);
    assert_int_equal(sotay_bundle_begin(v->an->client, &bundle, NULL), SOTAY_OK);
    assert_int_equal(sotay_bundle_make(bundle, &bytes, &report, NULL), SOTAY_OK);
    assert_true(report.sets > 0);
    uint8_t *copy = malloc(bytes.len);
    assert_non_null(copy);
    memcpy(copy, bytes.data, bytes.len);
    *out_len = bytes.len;
    sotay_bundle_free(bundle);
    return copy;
}

static bool is_said(int rc)
{
    return rc == SOTAY_E_CORRUPT || rc == SOTAY_E_DENIED || rc == SOTAY_E_SIGNATURE ||
           rc == SOTAY_E_VERSION || rc == SOTAY_E_TOO_LARGE;
}

/* Cut anywhere, or with any bit turned: all of it or nothing. */
static void test_a_file_that_is_not_whole(void **state)
{
    valley *v = *state;
    size_t len = 0;
    sotay_bundle_report report;
    uint8_t *bytes = bundle_of(v, &len);
    for (size_t cut = 0; cut < len; cut += 1 + len / 200) {
        int rc = sotay_bundle_import(v->binh->client, bytes, cut, &report, &v->binh->error);
        assert_true(is_said(rc));
        assert_true(strlen(v->binh->error.detail) > 0);
    }
    for (size_t bit = 0; bit < len * 8; bit += 1 + len * 8 / 300) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        int rc = sotay_bundle_import(v->binh->client, bytes, len, &report, &v->binh->error);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (!is_said(rc))
            fail_msg("bit %zu of %zu: %s", bit, len * 8, sotay_code_name((sotay_code)rc));
    }
    assert_true(phone_status_says(v->binh, "\"carried\":0"));
    assert_int_equal(sotay_bundle_import(v->binh->client, bytes, len, &report, &v->binh->error),
                     SOTAY_OK);
    assert_true(report.sets > 0);
    free(bytes);
    assert_int_equal(sync_phone(&v->w, v->binh, 0, NULL), SOTAY_OK);
    assert_int_equal(sync_phone(&v->w, v->an, 0, NULL), SOTAY_OK);
    assert_true(phone_status_says(v->binh, "\"carried\":0"));
    assert_true(phone_says(v->binh, sotay_show, &v->visit, "trong gói"));
}

static void test_a_file_of_another_book(void **state)
{
    valley *v = *state;
    static valley other;
    size_t len = 0;
    sotay_bundle_report report;
    world_make_with(&other.w, 2, (world_how){ 1, false });
    other.an = &other.w.phones[0];
    other.visit = phone_visit(other.an, "xã bên");
    uint8_t *bytes = bundle_of(&other, &len);
    assert_int_equal(sotay_bundle_import(v->binh->client, bytes, len, &report, &v->binh->error),
                     SOTAY_E_DENIED);
    free(bytes);
    world_free(&other.w);
}

/* A phone that was taken out of use is met no more, as soon as the other one knows. */
static void test_a_phone_that_is_not_in_use(void **state)
{
    valley *v = *state;
    char hex[33];
    uint8_t bytes[4096];
    sotay_who who;
    st_carry said = honest(v);
    size_t len = hello_of(&said, bytes);
    assert_int_equal(hear(v->an, bytes, len), SOTAY_OK);
    sotay_whoami(v->binh->client, &who);
    st_hex(who.device.b, 16, hex);
    KIT_EXPECT(0, &v->w.book, "device", "revoke", hex);
    assert_int_equal(sync_phone(&v->w, v->an, 0, NULL), SOTAY_OK);
    assert_int_equal(hear(v->an, bytes, len), SOTAY_E_DENIED);
    assert_non_null(strstr(v->an->error.detail, "not in use"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_answers),
        cmocka_unit_test(test_bytes_that_are_no_hello),
        cmocka_unit_test(test_every_bit_of_a_hello),
        cmocka_unit_test(test_not_now),
        cmocka_unit_test(test_a_file_that_is_not_whole),
        cmocka_unit_test(test_a_file_of_another_book),
        cmocka_unit_test(test_a_phone_that_is_not_in_use),
    };
    return cmocka_run_group_tests(tests, valley_open, valley_close);
}
