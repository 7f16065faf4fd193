/* tests/unit/server/operator_kit.h - a real book in a folder of its own, sotayctl's calls on it,
 * and phones that send signed change-sets, each in one line of a test. */
#ifndef SOTAY_TESTS_OPERATOR_KIT_H
#define SOTAY_TESTS_OPERATOR_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/changeset.h"
#include "server/operator/operator.h"

#define KIT_UNIT "01477-x001"

typedef struct {
    char dir[64];
    server rooms;
    st_buffer out, err;            /* of the last call, NUL-terminated */
    const char *public_url;
    const char *lang;
    bool words_wait;
} kit_book;

/* A folder, and nothing in it. */
static inline void kit_begin(kit_book *book)
{
    memset(book, 0, sizeof *book);
    book->lang = "en";
    (void)strcpy(book->dir, "/tmp/sotay-operator-XXXXXX");
    assert_non_null(mkdtemp(book->dir));
    st_buffer_init(&book->out, OPERATOR_OUT_BYTES_MAX);
    st_buffer_init(&book->err, 1u << 20);
}

static inline void kit_make(kit_book *book, bool threaded)
{
    st_error error = { 0 };
    kit_begin(book);
    rooms_how how = { .dir = book->dir, .threaded = threaded };
    rooms_new wish = { "01477", "server/catalogue", false };
    if (rooms_init(&how, &wish, &book->rooms, &error) != ST_OK)
        fail_msg("init: %s", error.detail);
}

/* The book of the folder, without a thread of its own. */
static inline void kit_open(kit_book *book)
{
    st_error error = { 0 };
    rooms_how how = { .dir = book->dir };
    if (rooms_open(&how, &book->rooms, &error) != ST_OK)
        fail_msg("open: %s", error.detail);
}

static inline void kit_remove(kit_book *book)
{
    char command[128];
    rooms_close(&book->rooms);
    st_buffer_free(&book->out);
    st_buffer_free(&book->err);
    (void)snprintf(command, sizeof command, "rm -rf %s", book->dir);
    assert_int_equal(system(command), 0);
}

/* One call of sotayctl: words up to NULL. Returns its exit code. */
static inline int kit_call(kit_book *book, const char *const *words)
{
    size_t count = 0;
    while (words[count] != NULL)
        count++;
    st_buffer_clear(&book->out);
    st_buffer_clear(&book->err);
    operator_call call = { .rooms = &book->rooms, .argv = words, .argc = count,
                           .lang = book->lang, .offset_minutes = 420,
                           .public_url = book->public_url, .words_wait = book->words_wait,
                           .out = &book->out, .err = &book->err };
    int code = operator_run(&call);
    assert_int_equal(st_buffer_append(&book->out, "", 1, NULL), ST_OK);
    assert_int_equal(st_buffer_append(&book->err, "", 1, NULL), ST_OK);
    return code;
}
#define KIT_CALL(book, ...) kit_call((book), (const char *const[]){ __VA_ARGS__, NULL })
#define KIT_OUT(book) ((const char *)(book)->out.data)
#define KIT_ERR(book) ((const char *)(book)->err.data)

/* The call ends with the code, or the test fails and shows what was said. */
#define KIT_EXPECT(code, book, ...)                                                       \
    do {                                                                                  \
        int got_code = KIT_CALL(book, __VA_ARGS__);                                       \
        if (got_code != (code))                                                           \
            print_message("  stdout: %s  stderr: %s\n", KIT_OUT(book), KIT_ERR(book));    \
        assert_int_equal(got_code, (code));                                               \
    } while (0)

static inline bool kit_says(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        return true;
    print_message("  '%s' is not in: %s\n", part, text);
    return false;
}

/* The one id that `new` printed. */
static inline void kit_take_id(kit_book *book, char id[33])
{
    assert_int_equal(strlen(KIT_OUT(book)), 33);
    memcpy(id, KIT_OUT(book), 32);
    id[32] = '\0';
}

/* ---- phones ---- */

/* A device that writes in one bucket. */
typedef struct {
    kit_book *book;
    uint8_t secret[64];
    st_id device;
    st_bucket bucket;
    uint64_t next;
    bool has_prev;
    st_hash prev;
    int64_t ms;
    uint64_t seen_size; /* of the log, as its sets say; 0: they say nothing */
    st_hash seen_root;
} kit_phone;

/* Enrols a device of the person, by a link as sotayctl prints it. */
static inline void kit_enrol(kit_book *book, const char *login, uint8_t seed, kit_phone *phone)
{
    st_enrol_ask ask = { .version = 1 };
    st_enrol_answer answer;
    uint8_t bytes[32], log_key[32], text[ST_ENROL_SIGN_BYTES];
    st_arena arena;
    KIT_EXPECT(0, book, "enrol", login);
    char *code = strstr((char *)book->out.data, "#e=");
    assert_non_null(code);
    code[strcspn(code, "\n")] = '\0';
    assert_true(st_enrol_code_parse(code + 3, ask.code, log_key));
    memset(phone, 0, sizeof *phone);
    memset(bytes, seed, sizeof bytes);
    st_sign_keypair(bytes, ask.sign_key, phone->secret);
    memset(ask.cosign_key, seed + 1, sizeof ask.cosign_key);
    (void)strcpy(ask.label, "máy thử");
    st_enrol_sign_text(&ask, log_key, text);
    st_sign(phone->secret, text, sizeof text, ask.proof);
    st_arena_init(&arena, 4u << 20);
    assert_int_equal(sync_enrol(book->rooms.writer, &ask, &arena, &answer, NULL), ST_OK);
    st_arena_reset(&arena);
    phone->book = book;
    phone->device = st_device_id(ask.sign_key);
    phone->next = 1;
    phone->ms = 1773280800000;
    assert_true(sync_bucket(&book->rooms.sync, ST_HOME_UNIT, KIT_UNIT, &phone->bucket));
}

static inline void kit_sign(kit_phone *phone, st_set *set, st_buffer *out)
{
    st_unsigned_set built;
    uint8_t seed[32], text[ST_SET_SIGN_BYTES], signature[64];
    memset(seed, (int)phone->next, sizeof seed);
    assert_int_equal(st_set_build(set, seed, &built, NULL), ST_OK);
    st_set_sign_text(&phone->book->rooms.keys.log, &phone->device, &built.hash, text);
    st_sign(phone->secret, text, sizeof text, signature);
    assert_int_equal(st_set_finish(set, &built, signature, out, NULL), ST_OK);
    phone->prev = built.hash;
    phone->has_prev = true;
    st_unsigned_set_free(&built);
}

/* Entries of the log. */
static inline uint64_t kit_log_size(kit_book *book)
{
    store_txn txn = { 0 };
    uint64_t size = 0;
    assert_int_equal(store_begin(book->rooms.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_log_size(&txn, &size, NULL), ST_OK);
    store_end(&txn);
    return size;
}

/* Sends a set as it is; returns its verdict. */
static inline st_verdict_kind kit_send_bytes(kit_phone *phone, const st_buffer *bytes)
{
    sync_room *room = &phone->book->rooms.sync;
    store_txn txn = { 0 };
    sync_request request;
    sync_request_init(&request, 64u << 20);
    assert_int_equal(store_begin(room->store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(auth_device_get(&txn, &phone->book->rooms.keys, &phone->device,
                                     &request.device, NULL), ST_OK);
    request.received_ms = phone->ms + 1000;
    const store_slice slice = { bytes->data, bytes->len };
    assert_int_equal(sync_request_add(&request, room, &txn, slice, NULL), ST_OK);
    store_end(&txn);
    assert_int_equal(sync_request_submit(&request, phone->book->rooms.writer, NULL), ST_OK);
    st_verdict_kind kind = request.items[0].verdict.kind;
    sync_request_free(&request);
    return kind;
}

/* Sends one change as a set of its own; returns its verdict. change: ops, record or form, act. */
static inline st_verdict_kind kit_send(kit_phone *phone, st_change *change)
{
    st_buffer bytes;
    st_set set = { .device = phone->device, .format = 1, .first = phone->next,
                   .has_prev = phone->has_prev, .prev = phone->prev, .here = phone->next - 1,
                   .bucket = phone->bucket, .role = ST_ROLE_OFFICER, .fold_version = 1,
                   .seen_size = phone->seen_size, .seen_root = phone->seen_root,
                   .changes = change, .changes_count = 1 };
    change->dot = (st_dot){ phone->device, phone->next };
    change->prev = phone->next - 1;
    change->wall_ms = phone->ms += 60000;
    change->hlc = (st_hlc)change->wall_ms << 16;
    if (change->creates)
        change->record = st_record_id(&change->dot, change->random);
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    kit_sign(phone, &set, &bytes);
    st_verdict_kind kind = kit_send_bytes(phone, &bytes);
    st_buffer_free(&bytes);
    phone->next++;
    return kind;
}

/* A row as it came from a bad disk, or back from it. */
typedef struct {
    store_table table;
    store_slice key, row;
} kit_row;

static inline st_err kit_run_put(writer_turn *turn, void *argument, st_error *error)
{
    const kit_row *put = argument;
    return store_put(turn->txn, put->table, put->key, put->row, error);
}

static inline void kit_put_row(kit_book *book, store_table table, store_slice key, store_slice row)
{
    kit_row put = { table, key, row };
    writer_job job = { .run = kit_run_put, .argument = &put };
    assert_int_equal(writer_submit(book->rooms.writer, &job, NULL), ST_OK);
}

/* Whose phone it is. */
static inline st_id kit_person(const kit_phone *phone)
{
    auth_device device;
    store_txn txn = { 0 };
    assert_int_equal(store_begin(phone->book->rooms.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(auth_device_get(&txn, NULL, &phone->device, &device, NULL), ST_OK);
    store_end(&txn);
    return device.person;
}

/* A set of a later format, signed by the phone: held. Its entry. */
static inline uint64_t kit_send_later_format(kit_phone *phone)
{
    uint8_t text[ST_SET_SIGN_BYTES], signature[64];
    st_op op = { .verb = ST_VERB_SET, .path.field = 1 };
    st_change change = { .ops = &op, .ops_count = 1, .wall_ms = phone->ms,
                         .hlc = (st_hlc)phone->ms << 16, .dot = { phone->device, phone->next },
                         .prev = phone->next - 1 };
    st_set odd, set = { .device = phone->device, .format = 1, .first = phone->next,
                        .has_prev = phone->has_prev, .prev = phone->prev,
                        .here = phone->next - 1, .bucket = phone->bucket,
                        .role = ST_ROLE_OFFICER, .fold_version = 1, .changes = &change,
                        .changes_count = 1 };
    st_arena arena;
    st_buffer bytes;
    memset(&change.record, 5, sizeof change.record);
    st_arena_init(&arena, 1u << 20);
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    kit_sign(phone, &set, &bytes);
    assert_int_equal(st_set_decode(bytes.data, bytes.len, &arena, &odd, NULL), ST_OK);
    uint8_t *body = memmem(bytes.data, bytes.len, "\x08\x01\x10", 3);
    uint8_t *signed_at = memmem(bytes.data, bytes.len, odd.signature, sizeof odd.signature);
    assert_non_null(body);
    assert_non_null(signed_at);
    body[1] = 7;
    assert_int_equal(st_set_decode(bytes.data, bytes.len, &arena, &odd, NULL), ST_E_VERSION);
    st_set_sign_text(&phone->book->rooms.keys.log, &odd.device, &odd.hash, text);
    st_sign(phone->secret, text, sizeof text, signature);
    memcpy(signed_at, signature, sizeof signature);
    assert_int_equal(kit_send_bytes(phone, &bytes), ST_VERDICT_HELD);
    st_buffer_free(&bytes);
    st_arena_reset(&arena);
    phone->prev = odd.hash;
    phone->next++;
    return kit_log_size(phone->book);
}

static inline st_op kit_op(const st_form *form, const char *path, const char *text,
                           st_arena *arena)
{
    st_op op = { .verb = ST_VERB_SET };
    assert_int_equal(st_form_path_parse(form, path, &op.path, NULL), ST_OK);
    const st_field *field = st_form_at(form, &op.path, NULL);
    assert_int_equal(st_value_parse(field, text, arena, &op.value, NULL), ST_OK);
    return op;
}

/* A new visit of the phone's unit; its id as hex. */
static inline void kit_visit(kit_phone *phone, const char *note, char id[33])
{
    const st_form *form = catalogue_newest(phone->book->rooms.sync.catalogue, "visit");
    st_arena arena;
    st_arena_init(&arena, 1u << 20);
    assert_non_null(form);
    st_op ops[] = { kit_op(form, "unit_id", KIT_UNIT, &arena),
                    kit_op(form, "visit_kind", "kiem_tra", &arena),
                    kit_op(form, "visit_date", "2026-03-12", &arena),
                    kit_op(form, "place", "Nhà văn hóa", &arena),
                    kit_op(form, "general_note", note, &arena) };
    st_change change = { .creates = true, .form_version = form->version, .ops = ops,
                         .ops_count = 5 };
    assert_true(st_code_set(&change.form, "visit", 5));
    memset(change.random, (int)phone->next, sizeof change.random);
    assert_int_equal(kit_send(phone, &change), ST_VERDICT_STORED);
    st_id_format(&change.record, id);
    st_arena_reset(&arena);
}

/* Writes one value of a visit without having seen another's: it replaces nothing but `replaces`. */
static inline st_verdict_kind kit_write(kit_phone *phone, const char *id, const char *path,
                                        const char *text, const st_dot *replaces)
{
    const st_form *form = catalogue_newest(phone->book->rooms.sync.catalogue, "visit");
    st_arena arena;
    st_arena_init(&arena, 1u << 20);
    st_op op = kit_op(form, path, text, &arena);
    st_change change = { .ops = &op, .ops_count = 1 };
    op.replaces = replaces;
    op.replaces_count = replaces != NULL;
    assert_true(st_id_parse(id, &change.record));
    st_verdict_kind kind = kit_send(phone, &change);
    st_arena_reset(&arena);
    return kind;
}

#endif
