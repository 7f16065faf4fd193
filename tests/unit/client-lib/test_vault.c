/* tests/unit/client-lib/test_vault.c
 * A lost phone gives nothing away: without its key file, and without the PIN when one was set, no
 * word that an officer wrote can be read from it, and no piece of a key; the commune can open it
 * when the PIN is forgotten. */
#include <stdio.h>
#include <unistd.h>

#include "client-lib/src/client.h"
#include "client-lib/src/vault.h"
#include "proto/sign.h"
#include "tests/unit/client-lib/phone.h"
#include "tests/unit/client-lib/store_dir.h"

static int open_with(sotay_port *port, const char *pin, bool create, sotay_client **out_client,
                     sotay_error *error)
{
    const sotay_open_how how = { pin, create, "en", 420 };
    return sotay_open(port, &how, out_client, error);
}

static void test_pin_opens_and_wrong_pin_does_not(void **state)
{
    (void)state;
    static const struct {
        const char *made, *tried;
        int want;
    } CASES[] = {
        { NULL, NULL, SOTAY_OK },
        { NULL, "123456", SOTAY_E_PIN },
        { "123456", "123456", SOTAY_OK },
        { "123456", "123457", SOTAY_E_PIN },
        { "123456", NULL, SOTAY_E_PIN },
        { "123456", "", SOTAY_E_PIN },
        /* one keyboard writes the mark into the letter, the other behind it */
        { "Bí mật", "Bi\xcc\x81 ma\xcc\xa3\xcc\x82t", SOTAY_OK },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        sotay_port port;
        sotay_client *client = NULL;
        sotay_error error = { SOTAY_OK, "" };
        assert_int_equal(sotay_memory_open(i, &port, NULL), SOTAY_OK);
        assert_int_equal(open_with(&port, CASES[i].made, false, &client, &error),
                         SOTAY_E_NOT_FOUND);
        assert_int_equal(open_with(&port, CASES[i].made, true, &client, &error), SOTAY_OK);
        sotay_close(client);
        client = NULL;
        assert_int_equal(open_with(&port, CASES[i].tried, true, &client, &error), CASES[i].want);
        if (CASES[i].want != SOTAY_OK)
            assert_true(strlen(error.detail) > 0);
        sotay_close(client);
        sotay_port_close(&port);
    }
}

/* Some bytes that are looked for: in one piece, or every piece of WINDOW bytes of them. */
#define WINDOW 8u
typedef struct {
    const uint8_t *data;
    size_t len;
    bool in_pieces;
} sought;

static bool lies_in(const sought *what, const void *data, size_t len)
{
    size_t piece = what->in_pieces ? WINDOW : what->len;
    for (size_t i = 0; i + piece <= what->len; i++)
        if (memmem(data, len, what->data + i, piece) != NULL)
            return true;
    return false;
}

/* Walks every key and value that lies in the store. */
static bool store_has(sotay_port *port, const sought *what)
{
    sotay_slice at = { "\0", 1 }, key, value;
    uint8_t next[256];
    bool found = false;
    assert_int_equal(port->begin(port->context, false, NULL), SOTAY_OK);
    while (port->seek(port->context, at, true, &key, &value, NULL) == SOTAY_OK) {
        found = found || lies_in(what, key.data, key.len) || lies_in(what, value.data, value.len);
        memcpy(next, key.data, key.len);
        next[key.len] = 0;
        at.data = next;
        at.len = key.len + 1;
    }
    port->abort(port->context);
    return found;
}

static bool store_holds(sotay_port *port, const char *text)
{
    return store_has(port, &(sought){ (const uint8_t *)text, strlen(text), false });
}

static void test_nothing_readable_lies_in_the_store(void **state)
{
    (void)state;
    phone an;
    edge *e = phone_alone(&an);
    sotay_id visit = phone_visit(&an, "nha van hoa xom Ban Viet");
    assert_int_equal(sotay_draft_put(an.client, &visit, "general_note", "dang go do", NULL),
                     SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    assert_false(store_holds(&an.port, "nha van hoa"));
    assert_false(store_holds(&an.port, "dang go do"));
    assert_false(store_holds(&an.port, "accepted_note"));
    phone_part(e, &an, NULL);
}

/* ---- keys ---- */

/* All that opens the store or speaks for the device. */
#define KEYS 6
typedef struct {
    uint8_t b[KEYS][32];
} keys;

static const char *const KEY_NAMES[KEYS] = { "the store's",    "the port's",   "signing",
                                             "confirming",     "signing next", "confirming next" };

static void take_keys(sotay_client *client, sotay_port *port, keys *out)
{
    const identity *me = &client->me;
    memcpy(out->b[0], client->book.key, 32);
    assert_int_equal(port->secret(port->context, false, out->b[1], NULL), SOTAY_OK);
    memcpy(out->b[2], me->sign_seed, 32);
    memcpy(out->b[3], me->cosign_seed, 32);
    memcpy(out->b[4], me->offer.sign_seed, 32);
    memcpy(out->b[5], me->offer.cosign_seed, 32);
    for (size_t i = 0; i < KEYS; i++) /* else nothing is looked for */
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(out->b[i], out->b[k], WINDOW);
}

/* The link was asked with, and its answer is lost: those keys wait in the store. */
static void ask_for_new_keys(edge *e, sotay_client *client)
{
    char link[128];
    sotay_sync *sync = NULL;
    const edge_trouble lost = { 1, 0, 0, NULL };
    edge_link(e, 0, link);
    assert_int_equal(sotay_enrol_begin(client, link, NULL, &sync, NULL), SOTAY_OK);
    assert_int_equal(edge_run(e, client, sync, &lost, NULL), SOTAY_E_NETWORK);
}

static void test_no_key_lies_in_the_store(void **state)
{
    (void)state;
    phone an;
    keys all;
    edge *e = phone_alone(&an);
    (void)phone_visit(&an, "chợ");
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    ask_for_new_keys(e, an.client);
    take_keys(an.client, &an.port, &all);
    for (size_t i = 0; i < KEYS; i++)
        if (store_has(&an.port, &(sought){ all.b[i], 32, true }))
            fail_msg("a piece of the %s key lies in the store", KEY_NAMES[i]);
    assert_true(store_has(&an.port, &(sought){ (const uint8_t *)"vault", 5, false }));
    phone_part(e, &an, NULL);
}

/* ---- the file that somebody finds ---- */

static uint8_t *read_file(const char *dir, const char *name, size_t *out_len)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long len = ftell(file);
    assert_true(len > 0);
    rewind(file);
    uint8_t *data = malloc((size_t)len);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, (size_t)len, file), (size_t)len);
    assert_int_equal(fclose(file), 0);
    *out_len = (size_t)len;
    return data;
}

/* A store in a folder: enrolled, synced, with words in it; what lies on the disk then, also in
 * pages that are not used any more. */
static uint8_t *file_of_a_phone(keys *out_keys, size_t *out_len)
{
    char dir[64];
    phone an;
    edge *e = edge_new();
    memset(&an, 0, sizeof an);
    store_dir_make(dir);
    assert_int_equal(sotay_lmdb_open(dir, true, &an.port, &an.error), SOTAY_OK);
    assert_int_equal(open_with(&an.port, "123456", true, &an.client, &an.error), SOTAY_OK);
    assert_int_equal(edge_enrol(e, an.client, 0, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    sotay_id visit = phone_visit(&an, "nha van hoa xom Ban Viet");
    assert_int_equal(sotay_draft_put(an.client, &visit, "general_note", "dang go do", NULL),
                     SOTAY_OK);
    assert_int_equal(edge_sync(e, an.client, NULL, NULL), SOTAY_OK);
    ask_for_new_keys(e, an.client);
    take_keys(an.client, &an.port, out_keys);
    phone_part(e, &an, NULL);
    uint8_t *data = read_file(dir, "data.mdb", out_len);
    store_dir_remove(dir);
    return data;
}

static void test_nothing_readable_lies_in_the_file(void **state)
{
    (void)state;
    static const char *const WORDS[] = { "nha van hoa", "dang go do", "accepted_note" };
    keys all;
    size_t len = 0;
    uint8_t *data = file_of_a_phone(&all, &len);
    for (size_t i = 0; i < KEYS; i++)
        if (lies_in(&(sought){ all.b[i], 32, true }, data, len))
            fail_msg("a piece of the %s key lies in the file", KEY_NAMES[i]);
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++)
        assert_null(memmem(data, len, WORDS[i], strlen(WORDS[i])));
    assert_non_null(memmem(data, len, "mvault", 6)); /* it is that file */
    free(data);
}

static void test_values_do_not_open_under_another_key(void **state)
{
    (void)state;
    sotay_port port;
    book_db book;
    st_arena arena;
    book_value value = { NULL, 0 };
    assert_int_equal(sotay_memory_open(1, &port, NULL), SOTAY_OK);
    book_init(&book, &port);
    st_arena_init(&arena, 4096);
    assert_int_equal(book_begin(&book, true, NULL), ST_OK);
    assert_int_equal(vault_make(&book, NULL, NULL), ST_OK);
    book_key a = book_key_text(BOOK_NAME, "a"), b = book_key_text(BOOK_NAME, "b");
    assert_int_equal(book_put(&book, &a, "x", 1, NULL), ST_OK);
    assert_int_equal(book_get_plain(&book, &a, &value, NULL), ST_OK);
    uint8_t sealed[64];
    assert_true(value.len <= sizeof sealed);
    memcpy(sealed, value.data, value.len);
    assert_int_equal(book_put_plain(&book, &b, sealed, value.len, NULL), ST_OK);
    assert_int_equal(book_get(&book, &a, &arena, &value, NULL), ST_OK);
    assert_int_equal(book_get(&book, &b, &arena, &value, NULL), ST_E_CORRUPT);
    sealed[30] ^= 1;
    assert_int_equal(book_put_plain(&book, &a, sealed, value.len + ST_AEAD_EXTRA, NULL), ST_OK);
    assert_int_equal(book_get(&book, &a, &arena, &value, NULL), ST_E_CORRUPT);
    book_reset(&book);
    st_arena_reset(&arena);
    sotay_port_close(&port);
}

static void test_damaged_vaults_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        size_t at;
        uint8_t value;
        st_err want;
    } CASES[] = {
        { "a newer version", 0, 9, ST_E_VERSION },
        { "an unknown way", 1, 7, ST_E_CORRUPT },
        { "memory beyond reason", 22, 0xff, ST_E_CORRUPT },
        { "passes beyond reason", 18, 0xff, ST_E_CORRUPT },
        { "no pass at all", 21, 0, ST_E_CORRUPT },
        { "next to no memory", 22, 0, ST_E_CORRUPT },
        { "another salt", 3, 1, ST_E_CORRUPT },
        { "a flipped bit", 40, 1, ST_E_CORRUPT },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        sotay_port port;
        book_db book;
        book_value value = { NULL, 0 };
        uint8_t copy[128];
        book_key key = book_key_text(BOOK_META, "vault");
        print_message("  case: %s\n", CASES[i].why);
        assert_int_equal(sotay_memory_open(1, &port, NULL), SOTAY_OK);
        book_init(&book, &port);
        assert_int_equal(book_begin(&book, true, NULL), ST_OK);
        assert_int_equal(vault_make(&book, NULL, NULL), ST_OK);
        assert_int_equal(vault_open(&book, NULL, NULL), ST_OK);
        assert_int_equal(book_get_plain(&book, &key, &value, NULL), ST_OK);
        memcpy(copy, value.data, value.len);
        copy[CASES[i].at] = (uint8_t)(copy[CASES[i].at] == CASES[i].value ? 0 : CASES[i].value);
        assert_int_equal(book_put_plain(&book, &key, copy, value.len, NULL), ST_OK);
        assert_int_equal(vault_open(&book, NULL, NULL), CASES[i].want);
        book_reset(&book);
        sotay_port_close(&port);
    }
}

/* A store in memory with a vault, in an open transaction. */
static void vault_of(sotay_port *port, book_db *book, const char *pin)
{
    assert_int_equal(sotay_memory_open(1, port, NULL), SOTAY_OK);
    book_init(book, port);
    assert_int_equal(book_begin(book, true, NULL), ST_OK);
    assert_int_equal(vault_make(book, pin, NULL), ST_OK);
}

static void vault_end(sotay_port *port, book_db *book)
{
    book_reset(book);
    sotay_port_close(port);
}

static void test_vaults_of_another_length(void **state)
{
    (void)state;
    sotay_port port;
    book_db book;
    book_value value = { NULL, 0 };
    uint8_t copy[128] = { 0 };
    book_key key = book_key_text(BOOK_META, "vault");
    vault_of(&port, &book, NULL);
    assert_int_equal(book_get_plain(&book, &key, &value, NULL), ST_OK);
    size_t whole = value.len;
    memcpy(copy, value.data, whole);
    for (size_t len = 0; len <= whole + 1; len++) {
        st_error error = { 0 };
        assert_int_equal(book_put_plain(&book, &key, copy, len, NULL), ST_OK);
        st_err want = len == 0 ? ST_E_VERSION : len == whole ? ST_OK : ST_E_CORRUPT;
        assert_int_equal(vault_open(&book, NULL, &error), want);
    }
    vault_end(&port, &book);
}

/* What the device does not give: a key file, or random bytes. */
static struct {
    sotay_port real;
    int secret;          /* what `secret` answers; SOTAY_OK: as it is */
    unsigned random_at;  /* this call of `random` fails */
} poor;

static int poor_secret(void *context, bool create, uint8_t out_secret[32], sotay_error *error)
{
    if (poor.secret != SOTAY_OK)
        return poor.secret;
    return poor.real.secret(context, create, out_secret, error);
}

static int poor_random(void *context, void *data, size_t len, sotay_error *error)
{
    if (poor.random_at > 0 && --poor.random_at == 0)
        return SOTAY_E_STORAGE;
    return poor.real.random(context, data, len, error);
}

static void test_a_device_without_its_key_file(void **state)
{
    (void)state;
    static const struct {
        int given;
        st_err want;
    } CASES[] = {
        { SOTAY_OK, ST_OK },
        { SOTAY_E_NOT_FOUND, ST_E_CORRUPT },
        { SOTAY_E_STORAGE, ST_E_STORAGE },
        { SOTAY_E_DENIED, ST_E_DENIED },
    };
    sotay_port port;
    book_db book;
    vault_of(&port, &book, NULL);
    poor.real = port;
    port.secret = poor_secret;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        st_error error = { 0 };
        uint8_t key[32];
        memcpy(key, book.key, sizeof key);
        poor.secret = CASES[i].given;
        assert_int_equal(vault_open(&book, NULL, &error), CASES[i].want);
        assert_memory_equal(key, book.key, sizeof key);
    }
    poor.secret = SOTAY_OK;
    vault_end(&port, &book);
}

/* No key is made of bytes that are not random: what was there before still opens. */
static void test_a_device_without_random_bytes(void **state)
{
    (void)state;
    sotay_port port;
    book_db book;
    vault_of(&port, &book, "1234");
    poor.real = port;
    port.random = poor_random;
    for (unsigned at = 1; at <= 3; at++) {
        poor.random_at = at;
        assert_int_equal(vault_make(&book, "5678", NULL), ST_E_STORAGE);
        assert_int_equal(vault_open(&book, "1234", NULL), ST_OK);
    }
    poor.random_at = 2;
    assert_int_equal(vault_renew(&book, "5678", NULL), ST_E_STORAGE);
    assert_int_equal(vault_open(&book, "1234", NULL), ST_OK);
    poor.random_at = 0;
    vault_end(&port, &book);
}

/* A new PIN wraps the same key. One that was there is not taken away by a word that is none. */
static void test_a_pin_is_renewed(void **state)
{
    (void)state;
    sotay_port port;
    book_db book;
    uint8_t key[32];
    book_key name = book_key_text(BOOK_META, "vault");
    vault_of(&port, &book, NULL);
    memcpy(key, book.key, sizeof key);
    assert_int_equal(vault_renew(&book, NULL, NULL), ST_OK);
    assert_int_equal(vault_open(&book, NULL, NULL), ST_OK);
    assert_int_equal(vault_renew(&book, "1234", NULL), ST_OK);
    assert_int_equal(vault_open(&book, NULL, NULL), ST_E_PIN);
    assert_int_equal(vault_renew(&book, NULL, NULL), ST_E_PIN);
    assert_int_equal(vault_renew(&book, "5678", NULL), ST_OK);
    assert_int_equal(vault_open(&book, "1234", NULL), ST_E_PIN);
    memset(book.key, 0, sizeof book.key);
    assert_int_equal(vault_open(&book, "5678", NULL), ST_OK);
    assert_memory_equal(key, book.key, sizeof key);
    /* a header that is gone is written anew, while its key is known */
    assert_int_equal(book_delete(&book, &name, NULL), ST_OK);
    assert_int_equal(vault_open(&book, "5678", NULL), ST_E_NOT_FOUND);
    assert_int_equal(vault_renew(&book, NULL, NULL), ST_OK);
    memset(book.key, 0, sizeof book.key);
    assert_int_equal(vault_open(&book, NULL, NULL), ST_OK);
    assert_memory_equal(key, book.key, sizeof key);
    vault_end(&port, &book);
}

/* Whatever was typed opens again, and nothing that is only like it. */
static void test_pins_that_are_no_text(void **state)
{
    (void)state;
    char longest[5001];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    const char *const PINS[] = { "\xff\xfe\x01", "\xe1\xba", longest };
    for (size_t i = 0; i < sizeof PINS / sizeof PINS[0]; i++) {
        sotay_port port;
        book_db book;
        char other[5001];
        memcpy(other, PINS[i], strlen(PINS[i]) + 1);
        other[strlen(other) - 1] ^= 1;
        vault_of(&port, &book, PINS[i]);
        assert_int_equal(vault_open(&book, PINS[i], NULL), ST_OK);
        assert_int_equal(vault_open(&book, other, NULL), ST_E_PIN);
        vault_end(&port, &book);
    }
}

static void test_the_commune_can_open_a_forgotten_pin(void **state)
{
    (void)state;
    phone an;
    uint8_t public_key[32], secret[32], key[48];
    book_db book;
    book_value value = { NULL, 0 };
    edge *e = phone_alone(&an);
    book_init(&book, &an.port);
    assert_int_equal(book_begin(&book, false, NULL), ST_OK);
    assert_int_equal(vault_open(&book, NULL, NULL), ST_OK);
    book_key name = book_key_text(BOOK_META, "recovery");
    assert_int_equal(book_get_plain(&book, &name, &value, NULL), ST_OK);
    st_box_keypair(e->log_seed, public_key, secret);
    assert_int_equal(value.len, sizeof key + ST_SEALED_BOX_EXTRA);
    assert_int_equal(st_box_open(public_key, secret, value.data, value.len, key, NULL), ST_OK);
    assert_memory_equal(key, book.key, 32);
    sotay_who who;
    sotay_whoami(an.client, &who);
    assert_memory_equal(key + 32, who.device.b, 16);
    book_reset(&book);
    phone_part(e, &an, NULL);
}

/* Of the identity: in which epoch another log was seen last, at its end. */
#define ALARM_BYTES    8u
#define REACH_BYTES    (8u + ALARM_BYTES) /* how long the log was said to be, before it */
#define LIST_BYTES     (1u + 8u + REACH_BYTES) /* which list of epochs it was told, before it */
#define HEARD_BYTES    (8u + LIST_BYTES)  /* what it had recorded when it was answered, before it */
#define WHOLE_BYTES    (1u + HEARD_BYTES) /* that own sets are lost, before it */
#define CUT_BYTES      (1u + 3u * 8u + WHOLE_BYTES) /* what a new epoch gave up, before it */
#define REPAIRED_BYTES (8u + CUT_BYTES)    /* when it was repaired, before it */
#define HELD_BYTES     (1u + REPAIRED_BYTES) /* that it followed no other key, before it */
#define TURNED_BYTES   (8u + HELD_BYTES)     /* when the book turned, before it */
#define RENEWED_BYTES  (24u + TURNED_BYTES) /* which sealed set it asked for last, before it */
#define FULL_BYTES     (1u + RENEWED_BYTES) /* whether the office takes more files, before it */
/* The key of a copy, none and not asked for, before it. */
#define HEIR_BYTES     (1u + 4u + 8u + 133u + sizeof((identity_offer *)NULL)->code + FULL_BYTES)
#define KEYS_BYTES     (9u + HEIR_BYTES)    /* keys of the log, no alarm, before it */
#define STANDING_BYTES (1u + KEYS_BYTES) /* what the office says of it, before it */
#define TOLD_BYTES    (2u + STANDING_BYTES)  /* no clock told, no short roots, before it */
#define WITNESS_BYTES (114u + TOLD_BYTES)  /* what it saw of the log, before it */
#define LEASE_BYTES (25u + WITNESS_BYTES)  /* the lease, before it */
#define CLOCK_BYTES (33u + 8u + LEASE_BYTES)  /* the last exchange and what is lost, before it */

/* The identity as a program wrote it that knew only so many of its bytes. */
static st_err read_without(phone *p, const uint8_t *bytes, size_t len, identity *out)
{
    const book_key key = book_key_of(BOOK_SELF);
    assert_int_equal(book_put(&p->client->book, &key, bytes, len, NULL), ST_OK);
    return identity_get(&p->client->book, out, NULL);
}

static void say_all(identity *named)
{
    named->dictionary = 1;
    named->requests = 4711;
    named->has_clock = named->has_lease = true;
    named->clock.got_mono_ms = 815;
    named->short_roots = true;
    named->standing = ST_STANDING_REVOKED;
    named->log_keys = 3;
    named->heir = ST_HEIR_ENROLLED;
    named->files_full = true;
    named->renewed = (st_dot){ named->device, 42 };
    named->turned_ms = 11;
    named->repaired_ms = 12;
    named->ends = 5, named->asks_whole = true, named->heard = 6;
    named->has_epochs_mark = true, named->reach = 9, named->alarm_epoch = 2;
}

/* A store of before the identity said what the server takes, or when it was met last, is opened,
 * and says it from then on. */
static void test_an_older_identity_is_read(void **state)
{
    (void)state;
    phone p;
    st_arena arena;
    identity me;
    book_value value = { NULL, 0 };
    book_key key = book_key_of(BOOK_SELF);
    phone_new(&p, 7);
    st_arena_init(&arena, 1 << 20);
    assert_int_equal(client_begin(p.client, true, NULL), ST_OK);
    identity named = p.client->me;
    say_all(&named);
    assert_int_equal(identity_put(&p.client->book, &named, NULL), ST_OK);
    assert_int_equal(identity_get(&p.client->book, &me, NULL), ST_OK);
    assert_true(me.dictionary == 1 && me.requests == 4711 && me.has_lease);
    assert_true(me.has_clock && me.clock.got_mono_ms == 815);
    assert_int_equal(book_get(&p.client->book, &key, &arena, &value, NULL), ST_OK);
    assert_true(me.short_roots && me.standing == ST_STANDING_REVOKED && me.log_keys == 3);
    assert_true(me.heir == ST_HEIR_ENROLLED && me.files_full);
    assert_int_equal(st_dot_cmp(&me.renewed, &named.renewed), 0);
    assert_true(me.turned_ms == 11 && me.repaired_ms == 12 && me.ends == 5 && me.asks_whole);
    assert_true(me.heard == 6 && me.has_epochs_mark && me.reach == 9 && me.alarm_epoch == 2);
    uint8_t *older = st_arena_copy(&arena, value.data, value.len);
    assert_int_equal(read_without(&p, older, value.len - ALARM_BYTES, &me), ST_OK);
    assert_true(me.reach == 9 && me.alarm_epoch == 0);
    assert_int_equal(read_without(&p, older, value.len - REACH_BYTES, &me), ST_OK);
    assert_true(me.has_epochs_mark && me.reach == 0);
    assert_int_equal(read_without(&p, older, value.len - LIST_BYTES, &me), ST_OK);
    assert_true(me.heard == 6 && !me.has_epochs_mark);
    assert_int_equal(read_without(&p, older, value.len - HEARD_BYTES, &me), ST_OK);
    assert_true(me.asks_whole && me.heard == 0);
    assert_int_equal(read_without(&p, older, value.len - WHOLE_BYTES, &me), ST_OK);
    assert_true(me.ends == 5 && !me.asks_whole);
    assert_int_equal(read_without(&p, older, value.len - CUT_BYTES, &me), ST_OK);
    assert_true(me.repaired_ms == 12 && !me.has_cut);
    assert_int_equal(read_without(&p, older, value.len - REPAIRED_BYTES, &me), ST_OK);
    assert_true(me.turned_ms == 11 && me.repaired_ms == 0);
    assert_int_equal(read_without(&p, older, value.len - HELD_BYTES, &me), ST_OK);
    assert_true(me.turned_ms == 11 && !me.has_key_held);
    assert_int_equal(read_without(&p, older, value.len - TURNED_BYTES, &me), ST_OK);
    assert_true(me.renewed.counter == 42 && me.turned_ms == 0);
    assert_int_equal(read_without(&p, older, value.len - RENEWED_BYTES, &me), ST_OK);
    assert_true(me.files_full && me.renewed.counter == 0);
    assert_int_equal(read_without(&p, older, value.len - FULL_BYTES, &me), ST_OK);
    assert_true(me.heir == ST_HEIR_ENROLLED && !me.files_full);
    assert_int_equal(read_without(&p, older, value.len - HEIR_BYTES, &me), ST_OK);
    assert_true(me.log_keys == 3 && me.heir != ST_HEIR_ENROLLED);
    assert_int_equal(read_without(&p, older, value.len - KEYS_BYTES, &me), ST_OK);
    assert_true(me.standing == ST_STANDING_REVOKED && me.log_keys == 0 && !me.has_key_alarm);
    assert_int_equal(read_without(&p, older, value.len - STANDING_BYTES, &me), ST_OK);
    assert_true(me.short_roots && me.standing == ST_STANDING_IN_USE);
    assert_int_equal(read_without(&p, older, value.len - TOLD_BYTES, &me), ST_OK);
    assert_true(me.has_lease && !me.told.is_there && !me.short_roots);
    assert_int_equal(read_without(&p, older, value.len - WITNESS_BYTES, &me), ST_OK);
    assert_true(me.has_lease);
    assert_int_equal(read_without(&p, older, value.len - LEASE_BYTES, &me), ST_OK);
    assert_true(me.has_clock && !me.has_lease);
    assert_int_equal(read_without(&p, older, value.len - CLOCK_BYTES, &me), ST_OK);
    assert_true(me.dictionary == 1 && !me.has_clock);
    assert_int_equal(read_without(&p, older, value.len - CLOCK_BYTES - 1, &me), ST_OK);
    assert_true(me.dictionary == 0 && me.requests == 4711);
    assert_int_equal(read_without(&p, older, value.len - CLOCK_BYTES - 2, &me), ST_E_CORRUPT);
    client_abort(p.client);
    st_arena_reset(&arena);
    phone_free(&p);
}

/* What stands behind the evidence of a fork is read whether there is one or not. */
static void test_what_was_told_is_kept(void **state)
{
    (void)state;
    phone p;
    identity me;
    phone_new(&p, 8);
    assert_int_equal(client_begin(p.client, true, NULL), ST_OK);
    for (int alarmed = 0; alarmed < 2; alarmed++) {
        identity named = p.client->me;
        named.has_alarm = alarmed == 1;
        named.alarm.head.size = 30;
        named.alarm_ms = -5;
        named.short_roots = true;
        named.told = (identity_told){ .is_there = true, .epoch = { 1, 2, 3 }, .apart_ms = -77,
                                      .clock = { { 9 }, 1000, 1200, 1773282500000 } };
        assert_int_equal(identity_put(&p.client->book, &named, NULL), ST_OK);
        assert_int_equal(identity_get(&p.client->book, &me, NULL), ST_OK);
        assert_true(me.has_alarm == named.has_alarm && me.short_roots && me.told.is_there);
        assert_true(!me.has_alarm || (me.alarm.head.size == 30 && me.alarm_ms == -5));
        assert_true(me.told.apart_ms == -77 && me.told.clock.got_mono_ms == 1200);
        assert_true(me.told.epoch[2] == 3 && me.told.clock.boot[0] == 9);
        assert_true(me.told.clock.server_ms == 1773282500000);
    }
    client_abort(p.client);
    phone_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pin_opens_and_wrong_pin_does_not),
        cmocka_unit_test(test_nothing_readable_lies_in_the_store),
        cmocka_unit_test(test_no_key_lies_in_the_store),
        cmocka_unit_test(test_nothing_readable_lies_in_the_file),
        cmocka_unit_test(test_values_do_not_open_under_another_key),
        cmocka_unit_test(test_damaged_vaults_are_refused),
        cmocka_unit_test(test_vaults_of_another_length),
        cmocka_unit_test(test_a_device_without_its_key_file),
        cmocka_unit_test(test_a_device_without_random_bytes),
        cmocka_unit_test(test_a_pin_is_renewed),
        cmocka_unit_test(test_pins_that_are_no_text),
        cmocka_unit_test(test_an_older_identity_is_read),
        cmocka_unit_test(test_what_was_told_is_kept),
        cmocka_unit_test(test_the_commune_can_open_a_forgotten_pin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
