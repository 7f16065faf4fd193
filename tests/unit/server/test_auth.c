/* tests/unit/server/test_auth.c
 * A phone comes in only with a code that the office gave, once; a request counts only when its
 * phone signed it, and only once; a person reads and writes what was assigned, by the knowledge of
 * the day; and the server's own keys are nobody else's to read. */
#include "server/operator/operator.h"
#include "tests/unit/server/server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- enrolment ---- */

static void make_ask(rig *r, st_enrol_ask *ask, uint8_t secret[64])
{
    uint8_t seed[32];
    memset(ask, 0, sizeof *ask);
    rig_random(r, seed, sizeof seed);
    st_sign_keypair(seed, ask->sign_key, secret);
    rig_random(r, ask->cosign_key, 32);
    (void)snprintf(ask->label, sizeof ask->label, "  máy   của An ");
}

static void prove(rig *r, st_enrol_ask *ask, const uint8_t secret[64])
{
    uint8_t text[ST_ENROL_SIGN_BYTES];
    st_enrol_sign_text(ask, r->srv.keys.log_public, text);
    st_sign(secret, text, sizeof text, ask->proof);
}

/* The set is the one of the log, signed by the server's device, and names this key. */
static void assert_enrolment(rig *r, const st_enrol_ask *ask, const st_enrol_answer *answer)
{
    st_set set;
    const st_id id = st_device_id(ask->sign_key);
    const st_id log = st_log_id(r->srv.keys.log_public);
    assert_int_equal(st_set_decode(answer->enrolment, answer->enrolment_len, &r->arena, &set, NULL),
                     ST_OK);
    assert_true(st_set_verify(&set, &log, answer->server_key));
    assert_int_equal(set.changes_count, 1);
    assert_memory_equal(set.changes[0].ops[0].value.data, id.b, sizeof id.b);
}

static void test_one_code_one_phone(void **state)
{
    rig *r = *state;
    st_enrol_ask ask, other;
    st_enrol_answer answer, again;
    uint8_t secret[64], other_secret[64];
    make_ask(r, &ask, secret);
    make_ask(r, &other, other_secret);
    assert_int_equal(sync_code_make(r->srv.writer, "nobody", ask.code, NULL), ST_E_NOT_FOUND);
    assert_int_equal(sync_code_make(r->srv.writer, "an", ask.code, NULL), ST_OK);
    prove(r, &ask, other_secret);
    assert_int_equal(sync_enrol(r->srv.writer, &ask, &r->arena, &answer, NULL), ST_E_SIGNATURE);
    prove(r, &ask, secret);
    assert_int_equal(sync_enrol(r->srv.writer, &ask, &r->arena, &answer, NULL), ST_OK);
    assert_string_equal(answer.login.s, "an");
    assert_string_equal(answer.commune.s, "01477");
    assert_memory_equal(answer.log_key, r->srv.keys.log_public, 32);
    assert_int_equal(answer.scope.buckets_count, 2);
    assert_string_equal(answer.scope.buckets[0].s, "01477/catalogue");
    assert_string_equal(answer.scope.buckets[1].s, RIG_BUCKET);
    rig_reopen(r);                             /* the answer was lost: the same again */
    assert_int_equal(sync_enrol(r->srv.writer, &ask, &r->arena, &again, NULL), ST_OK);
    assert_enrolment(r, &ask, &answer);
    assert_int_equal(again.enrolment_len, answer.enrolment_len);
    assert_memory_equal(again.enrolment, answer.enrolment, answer.enrolment_len);
    assert_string_equal(again.letters, answer.letters);
    assert_string_equal(again.fingerprint, answer.fingerprint);
    assert_int_equal(again.scope.rev, answer.scope.rev);
    memcpy(other.code, ask.code, 16);          /* somebody saw the code */
    prove(r, &other, other_secret);
    assert_int_equal(sync_enrol(r->srv.writer, &other, &r->arena, &again, NULL), ST_E_ENROL);
    other.code[3] ^= 1;
    prove(r, &other, other_secret);
    assert_int_equal(sync_enrol(r->srv.writer, &other, &r->arena, &again, NULL), ST_E_ENROL);
}

/* Whoever took the link of one book for another's can still enrol a store of its own with it. */
static void test_a_store_of_another_book(void **state)
{
    rig *r = *state;
    st_enrol_ask ask;
    st_enrol_answer answer;
    st_error error = { 0 };
    uint8_t secret[64];
    make_ask(r, &ask, secret);
    assert_int_equal(sync_code_make(r->srv.writer, "an", ask.code, NULL), ST_OK);
    prove(r, &ask, secret);
    ask.has_log = true;
    ask.log = st_log_id(ask.sign_key);
    assert_int_equal(sync_enrol(r->srv.writer, &ask, &r->arena, &answer, &error), ST_E_DENIED);
    assert_non_null(strstr(error.detail, "another book"));
    st_id device = st_device_id(ask.sign_key);
    auth_device known;
    store_txn txn;
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(auth_device_get(&txn, NULL, &device, &known, NULL), ST_E_NOT_FOUND);
    store_end(&txn);
    ask.log = st_log_id(r->srv.keys.log_public);
    assert_int_equal(sync_enrol(r->srv.writer, &ask, &r->arena, &answer, NULL), ST_OK);
}

/* Nor does a store of one person's use up the link of another. */
static void test_a_store_of_another_person(void **state)
{
    rig *r = *state;
    st_enrol_ask ask;
    st_enrol_answer answer;
    st_error error = { 0 };
    auth_person an;
    auth_device known;
    store_txn txn;
    uint8_t secret[64];
    make_ask(r, &ask, secret);
    assert_int_equal(sync_code_make(r->srv.writer, "an", ask.code, NULL), ST_OK);
    prove(r, &ask, secret);
    const st_id device = st_device_id(ask.sign_key);
    ask.has_person = true;
    ask.person = device;
    assert_int_equal(sync_enrol(r->srv.writer, &ask, &r->arena, &answer, &error), ST_E_DENIED);
    assert_non_null(strstr(error.detail, "another person"));
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(auth_device_get(&txn, NULL, &device, &known, NULL), ST_E_NOT_FOUND);
    assert_int_equal(auth_person_by_login(&txn, "an", &an, NULL), ST_OK);
    store_end(&txn);
    ask.person = an.id;
    assert_int_equal(sync_enrol(r->srv.writer, &ask, &r->arena, &answer, NULL), ST_OK);
    assert_int_equal(sync_enrol(r->srv.writer, &ask, &r->arena, &answer, NULL), ST_OK);
}

/* The store is gone and the key is not (a browser keeps it elsewhere): its counters would begin
 * anew under a name that has used them. A key of its own makes it another device, which starts
 * clean. */
static void test_a_wiped_store_with_its_old_key(void **state)
{
    rig *r = *state;
    st_enrol_ask ask, again;
    st_enrol_answer answer;
    auth_device device;
    store_txn txn;
    uint8_t secret[64], new_secret[64];
    make_ask(r, &ask, secret);
    assert_int_equal(sync_code_make(r->srv.writer, "an", ask.code, NULL), ST_OK);
    prove(r, &ask, secret);
    assert_int_equal(sync_enrol(r->srv.writer, &ask, &r->arena, &answer, NULL), ST_OK);
    char letters[sizeof answer.letters];
    memcpy(letters, answer.letters, sizeof letters);
    again = ask;
    assert_int_equal(sync_code_make(r->srv.writer, "an", again.code, NULL), ST_OK);
    prove(r, &again, secret);
    assert_int_equal(sync_enrol(r->srv.writer, &again, &r->arena, &answer, NULL), ST_E_ENROL);
    uint8_t code[16];
    memcpy(code, again.code, sizeof code);
    make_ask(r, &again, new_secret);
    memcpy(again.code, code, sizeof code); /* the refusal has not used it up */
    prove(r, &again, new_secret);
    assert_int_equal(sync_enrol(r->srv.writer, &again, &r->arena, &answer, NULL), ST_OK);
    assert_string_not_equal(answer.letters, letters);
    st_id old = st_device_id(ask.sign_key), new = st_device_id(again.sign_key);
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(auth_device_get(&txn, NULL, &old, &device, NULL), ST_OK);
    assert_string_equal(device.letters, letters);
    assert_int_equal(auth_device_get(&txn, NULL, &new, &device, NULL), ST_OK);
    store_end(&txn);
}

static void test_a_code_ends(void **state)
{
    rig *r = *state;
    st_enrol_ask ask;
    st_enrol_answer answer;
    uint8_t secret[64];
    static const struct { const char *why; int64_t later_ms; st_err want; } CASES[] = {
        { "in its last second", AUTH_CODE_VALID_MS, ST_OK },
        { "after it", AUTH_CODE_VALID_MS + 1, ST_E_ENROL },
    };
    for (size_t i = 0; i < 2; i++) {
        print_message("  case: %s\n", CASES[i].why);
        make_ask(r, &ask, secret);
        assert_int_equal(sync_code_make(r->srv.writer, "an", ask.code, NULL), ST_OK);
        prove(r, &ask, secret);
        r->now_ms += CASES[i].later_ms;
        assert_int_equal(sync_enrol(r->srv.writer, &ask, &r->arena, &answer, NULL),
                         CASES[i].want);
    }
}

/* A clock that was years ahead, and is put right: a link of then would be good for years. */
static void test_a_code_of_a_clock_far_ahead_is_void(void **state)
{
    rig *r = *state;
    st_enrol_ask ask;
    st_enrol_answer answer;
    uint8_t secret[64];
    static const struct { int64_t ahead_ms; st_err want; } CASES[] = {
        { AUTH_CODE_VALID_MS, ST_OK },
        { AUTH_CODE_VALID_MS + 1, ST_E_ENROL },
        { INT64_C(5) * 365 * 86400 * 1000, ST_E_ENROL },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        make_ask(r, &ask, secret);
        r->skew_ms = CASES[i].ahead_ms;
        assert_int_equal(sync_code_make(r->srv.writer, "an", ask.code, NULL), ST_OK);
        prove(r, &ask, secret);
        r->skew_ms = 0;
        assert_int_equal(sync_enrol(r->srv.writer, &ask, &r->arena, &answer, NULL),
                         CASES[i].want);
    }
}

/* What an officer calls his phone is his to choose, in 80 characters; what is no text is refused,
 * and the code is still good then. */
static void test_what_a_phone_is_called(void **state)
{
    static const char LETTER[] = "ạ";
    static const struct { const char *why, *label; size_t letters; st_err want; } CASES[] = {
        { "nothing", "", 0, ST_OK },
        { "a name", "  máy   hai ", 0, ST_OK },
        { "as long as may be", NULL, 80, ST_OK },
        { "longer", NULL, 81, ST_E_VALUE },
        { "no text", "m\xff", 0, ST_E_VALUE },
    };
    rig *r = *state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        st_enrol_ask ask;
        st_enrol_answer answer;
        uint8_t secret[64];
        print_message("  case: %s\n", CASES[i].why);
        make_ask(r, &ask, secret);
        assert_int_equal(sync_code_make(r->srv.writer, "an", ask.code, NULL), ST_OK);
        prove(r, &ask, secret);
        st_enrol_ask named = ask;
        (void)snprintf(named.label, sizeof named.label, "%s",
                       CASES[i].label == NULL ? "" : CASES[i].label);
        for (size_t n = 0; n < CASES[i].letters; n++)
            memcpy(named.label + n * (sizeof LETTER - 1), LETTER, sizeof LETTER);
        assert_int_equal(sync_enrol(r->srv.writer, &named, &r->arena, &answer, NULL),
                         CASES[i].want);
        if (CASES[i].want != ST_OK)
            assert_int_equal(sync_enrol(r->srv.writer, &ask, &r->arena, &answer, NULL), ST_OK);
    }
}

static void test_a_disabled_person(void **state)
{
    rig *r = *state;
    uint8_t code[16];
    st_id person = rig_person(r, "an");
    rig_phone an;
    st_hold hold = ST_HOLD_NONE;
    rig_enrol(r, &an, "an");
    an.scope_rev = UINT64_MAX >> 1;
    assert_int_equal(rig_edit(r, &person, NULL, "active", "false"), ST_OK);
    assert_int_equal(sync_code_make(r->srv.writer, "an", code, NULL), ST_E_STATE);
    rig_begin(&an, RIG_BUCKET);
    (void)rig_visit(&an, "x");
    assert_int_equal(rig_push_one(&an, rig_seal(&an), &hold), ST_VERDICT_HELD);
    assert_int_equal(hold, ST_HOLD_SCOPE);
    assert_int_equal(rig_edit(r, &person, NULL, "active", "true"), ST_OK);
    assert_int_equal(sync_code_make(r->srv.writer, "an", code, NULL), ST_OK);
}

/* ---- requests ---- */

static void test_heads(void **state)
{
    rig *r = *state;
    rig_phone an;
    rig_enrol(r, &an, "an");
    static const char BODY[] = "body";
    enum { GOOD, OTHER_BODY, OTHER_PATH, OTHER_METHOD, OTHER_COUNTER, OTHER_INSTALL, STRANGER };
    static const struct { const char *why; st_err want; } CASES[] = {
        [GOOD] = { "as signed", ST_OK },
        [OTHER_BODY] = { "another body", ST_E_SIGNATURE },
        [OTHER_PATH] = { "another path", ST_E_SIGNATURE },
        [OTHER_METHOD] = { "another method", ST_E_SIGNATURE },
        [OTHER_COUNTER] = { "another counter", ST_E_SIGNATURE },
        [OTHER_INSTALL] = { "another install", ST_E_SIGNATURE },
        [STRANGER] = { "a device nobody enrolled", ST_E_DENIED },
    };
    for (int i = GOOD; i <= STRANGER; i++) {
        st_head head;
        st_buffer text;
        store_txn txn = { 0 };
        auth_device device;
        print_message("  case: %s\n", CASES[i].why);
        memset(&head, 0, sizeof head);
        head.device = an.device;
        head.counter = 5;
        st_hash body = st_sha256(BODY, 4);
        st_buffer_init(&text, 1024);
        assert_int_equal(st_head_sign_text(&head, "POST", "/v1/sync", &body, &r->srv.keys.log,
                                           &text), ST_OK);
        st_sign(an.secret, text.data, text.len, head.signature);
        st_buffer_free(&text);
        auth_request request = { i == OTHER_METHOD ? "PUT" : "POST",
                                 i == OTHER_PATH ? "/v1/other" : "/v1/sync",
                                 (const uint8_t *)(i == OTHER_BODY ? "bodY" : BODY), 4 };
        head.counter += i == OTHER_COUNTER ? 1 : 0;
        head.install[0] ^= i == OTHER_INSTALL ? 1 : 0;
        head.device.b[0] ^= i == STRANGER ? 1 : 0;
        assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
        assert_int_equal(auth_head_check(&txn, &r->srv.keys, &head, &request, &device, NULL),
                         CASES[i].want);
        store_end(&txn);
    }
}

static void test_counters(void **state)
{
    rig *r = *state;
    st_id device = { { 1 } };
    static const struct { const char *why; uint64_t counter; st_err want; uint64_t highest; }
    STEPS[] = {
        { "zero is none", 0, ST_E_AGAIN, 0 },
        { "the first", 10, ST_OK, 10 },
        { "again", 10, ST_E_AGAIN, 10 },
        { "one below", 9, ST_OK, 10 },
        { "again", 9, ST_E_AGAIN, 10 },
        { "far ahead", 5000, ST_OK, 5000 },
        { "the last of the window", 5000 - 1023, ST_OK, 5000 },
        { "again", 5000 - 1023, ST_E_AGAIN, 5000 },
        { "below the window", 5000 - 1024, ST_E_AGAIN, 5000 },
        { "one more", 5001, ST_OK, 5001 },
        { "what slid out of the window", 5000 - 1023, ST_E_AGAIN, 5001 },
        { "what stayed in it", 5000, ST_E_AGAIN, 5001 },
        { "unused in it", 4999, ST_OK, 5001 },
        { "the end of all numbers", UINT64_MAX, ST_E_VALUE, 5001 },
        { "one too far ahead", 5001 + ST_COUNTER_AHEAD_MAX + 1, ST_E_VALUE, 5001 },
        { "and it goes on as before", 5002, ST_OK, 5002 },
        { "as far ahead as there may be", 5002 + ST_COUNTER_AHEAD_MAX, ST_OK,
          5002 + ST_COUNTER_AHEAD_MAX },
    };
    for (size_t i = 0; i < sizeof STEPS / sizeof STEPS[0]; i++) {
        store_txn txn = { 0 };
        uint64_t highest = 0;
        print_message("  step: %s (%llu)\n", STEPS[i].why, (unsigned long long)STEPS[i].counter);
        assert_int_equal(store_begin(r->srv.sync.store, STORE_WRITE_TXN, &txn, NULL), ST_OK);
        st_err err = auth_counter_take(&txn, &device, STEPS[i].counter, &highest, NULL);
        assert_int_equal(err, STEPS[i].want);
        assert_int_equal(highest, STEPS[i].highest);
        assert_int_equal(store_commit(&txn, NULL), ST_OK);
    }
}

/* ---- rights ---- */

static bool has(rig *r, const char *login, const char *bucket)
{
    auth_rights rights;
    st_bucket name;
    st_id person = rig_person(r, login);
    store_txn txn = { 0 };
    assert_int_equal(store_begin(r->srv.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(auth_rights_get(&txn, &person, UINT64_MAX, &r->arena, &rights, NULL), ST_OK);
    store_end(&txn);
    assert_true(st_bucket_set(&name, bucket, strlen(bucket)));
    return auth_rights_has_bucket(&rights, &name);
}

static void test_who_gets_what(void **state)
{
    rig *r = *state;
    static const struct { const char *login, *bucket; bool want; } CASES[] = {
        { "an", "01477/catalogue", true },     { "an", RIG_BUCKET, true },
        { "an", RIG_OTHER, false },            { "an", "01477/council", false },
        { "an", "01477/review", false },       { "chi", "01477/catalogue", true },
        { "chi", RIG_BUCKET, false },          { "office", RIG_BUCKET, true },
        { "office", RIG_OTHER, true },         { "office", "01477/council", true },
        { "office", "01477/review", true },    { "office", "01477/unit/nowhere", false },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        print_message("  case: %s, %s\n", CASES[i].login, CASES[i].bucket);
        assert_int_equal(has(r, CASES[i].login, CASES[i].bucket), CASES[i].want);
    }
    char person[33];
    st_id chi = rig_person(r, "chi");
    st_id_format(&chi, person);
    const char *by_class[] = { "person_id", person, "target", "class", "target_id", "x",
                               "active", "true", NULL };
    (void)rig_author(r, "assignment", by_class);
    assert_true(has(r, "chi", RIG_BUCKET));    /* all hamlets */
    assert_true(has(r, "chi", RIG_OTHER));
    assert_false(has(r, "chi", "01477/unit/01477-a01"));
    const char *unit[] = { "unit_id", "01477-x999", "class", "x", "name_vi", "xóm mới", NULL };
    (void)rig_author(r, "unit", unit);
    assert_true(has(r, "chi", "01477/unit/01477-x999"));   /* a new hamlet too */
    assert_true(has(r, "office", "01477/unit/01477-x999"));
    assert_false(has(r, "an", "01477/unit/01477-x999"));
}

/* A record that does not say of what kind it is, or whether it counts, assigns a unit to whoever
 * reads it: it can be taken back as well. */
static void test_what_an_assignment_does_not_say(void **state)
{
    rig *r = *state;
    char person[33];
    st_buffer out, err;
    st_id chi = rig_person(r, "chi");
    st_id_format(&chi, person);
    const char *fields[] = { "person_id", person, "target_id", RIG_OTHER_UNIT, NULL };
    static const char *const WORDS[] = { "unassign", "chi", RIG_OTHER_UNIT };
    (void)rig_author(r, "assignment", fields);
    assert_true(has(r, "chi", RIG_OTHER));
    st_buffer_init(&out, 1u << 16);
    st_buffer_init(&err, 1u << 16);
    operator_call call = { .rooms = &r->srv, .argv = WORDS, .argc = 3, .lang = "en",
                                 .out = &out, .err = &err };
    assert_int_equal(operator_run(&call), 0);
    assert_false(has(r, "chi", RIG_OTHER));
    assert_int_equal(operator_run(&call), 1); /* no more of it */
    st_buffer_free(&out);
    st_buffer_free(&err);
}

static void test_logins_are_unique(void **state)
{
    rig *r = *state;
    st_id first = rig_person(r, "an");
    const char *fields[] = { "login", "an", "full_name", "Kẻ giả", "roles", "admin", "active",
                             "true", NULL };
    (void)rig_author(r, "person", fields);
    st_id now = rig_person(r, "an");
    assert_int_equal(st_id_cmp(&first, &now), 0);
}

static void test_keys_are_kept_close(void **state)
{
    rig *r = *state;
    static const char *const NAMES[] = { "log", "device", "seal", "recovery" };
    char path[128];
    struct stat st;
    auth_keys keys;
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(path, sizeof path, "%s/keys/%s.key", r->dir, NAMES[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    assert_int_equal(auth_keys_read(r->dir, &keys, NULL), ST_OK);
    assert_memory_equal(&keys, &r->srv.keys, sizeof keys);
    assert_int_equal(auth_keys_make(r->dir, &r->port, &keys, NULL), ST_E_EXISTS);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    int first = fgetc(file);
    assert_int_equal(fseek(file, 0, SEEK_SET), 0);
    assert_int_not_equal(fputc(first == '0' ? '1' : '0', file), EOF);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(auth_keys_read(r->dir, &keys, NULL), ST_E_CORRUPT);
    assert_int_equal(remove(path), 0);
    assert_int_equal(auth_keys_read(r->dir, &keys, NULL), ST_E_NOT_FOUND);
}

/* ---- secrets that the service manager lends ---- */

/* Moves a secret out of the folder to where a service manager would lend it. */
static void lend(rig *r, const char *name, const char *lender, unsigned mode)
{
    char from[128], to[160];
    (void)snprintf(from, sizeof from, "%s/keys/%s.key", r->dir, name);
    (void)snprintf(to, sizeof to, "%s/sotay-%s.key", lender, name);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(chmod(to, mode), 0);
}

static void test_keys_may_be_lent(void **state)
{
    rig *r = *state;
    char lender[128], path[160], to[128];
    auth_keys keys, made;
    (void)snprintf(lender, sizeof lender, "%s/lender", r->dir);
    (void)snprintf(to, sizeof to, "%s/other", r->dir);
    assert_int_equal(mkdir(lender, 0700), 0);
    assert_int_equal(mkdir(to, 0700), 0);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", lender, 1), 0);
    lend(r, "log", lender, 0440);              /* a right of one user, by an access list */
    lend(r, "seal", lender, 0400);
    assert_true(auth_key_is_lent(r->dir, "log") && auth_key_is_lent(r->dir, "seal"));
    assert_false(auth_key_is_lent(r->dir, "recovery") || auth_key_is_lent(r->dir, "device"));
    assert_int_equal(auth_keys_read(r->dir, &keys, NULL), ST_OK);
    assert_memory_equal(&keys, &r->srv.keys, sizeof keys);
    /* a folder made of it holds what was not lent, and the public halves of all */
    assert_int_equal(auth_keys_inherit(r->dir, to, &r->port, NULL), ST_OK);
    (void)snprintf(path, sizeof path, "%s/keys/log.key", to);
    assert_int_equal(access(path, F_OK), -1);
    (void)snprintf(path, sizeof path, "%s/keys/log.pub", to);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(auth_keys_read(to, &made, NULL), ST_OK);
    assert_memory_equal(made.log_secret, keys.log_secret, sizeof keys.log_secret);
    assert_memory_equal(made.seal_secret, keys.seal_secret, sizeof keys.seal_secret);
    assert_memory_not_equal(made.device_secret, keys.device_secret, sizeof keys.device_secret);
    /* all may read it; it is another log's; the device key; nobody lends */
    (void)snprintf(path, sizeof path, "%s/sotay-log.key", lender);
    assert_int_equal(chmod(path, 0444), 0);
    assert_int_equal(auth_keys_read(r->dir, &made, NULL), ST_E_DENIED);
    assert_int_equal(chmod(path, 0400), 0);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fprintf(file, "%064d\n", 7), 65);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(auth_keys_read(r->dir, &made, NULL), ST_E_CORRUPT);
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    assert_int_equal(auth_keys_read(r->dir, &made, NULL), ST_E_NOT_FOUND);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", lender, 1), 0);
    lend(r, "device", lender, 0400);
    assert_int_equal(auth_keys_read(r->dir, &made, NULL), ST_E_NOT_FOUND);
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_store_of_another_book),
        CASE(test_a_store_of_another_person),
        CASE(test_a_wiped_store_with_its_old_key),
        CASE(test_one_code_one_phone), CASE(test_a_code_ends),   CASE(test_a_disabled_person),
        CASE(test_a_code_of_a_clock_far_ahead_is_void),
        CASE(test_what_a_phone_is_called),
        CASE(test_heads),              CASE(test_counters),      CASE(test_who_gets_what),
        CASE(test_what_an_assignment_does_not_say),
        CASE(test_logins_are_unique),  CASE(test_keys_are_kept_close), CASE(test_keys_may_be_lent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
