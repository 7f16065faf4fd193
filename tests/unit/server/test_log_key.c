/* tests/unit/server/test_log_key.c
 * The log gets another key by two people and by nobody else; wherever the machine stops meanwhile,
 * one key signs afterwards, and its secret is there; the one before is gone from the disk. Phones
 * are told of the change before they are shown anything that the new key signed. */
#include <fcntl.h>
#include <sys/stat.h>

#include "server/audit/publish.h"
#include "server/sync/log_key.h"
#include "tests/unit/server/operator_kit.h"

static kit_book BOOK;

static int setup(void **state)
{
    kit_make(&BOOK, false);
    KIT_EXPECT(0, &BOOK, "user", "add", "an", "--name", "an", "--role", "officer");
    KIT_EXPECT(0, &BOOK, "user", "add", "office", "--name", "o", "--role", "office");
    KIT_EXPECT(0, &BOOK, "user", "add", "head", "--name", "h", "--role", "office_head");
    KIT_EXPECT(0, &BOOK, "user", "add", "admin", "--name", "Admin", "--role", "admin");
    *state = &BOOK;
    return 0;
}

static int teardown(void **state)
{
    kit_book *book = *state;
    KIT_EXPECT(0, book, "verify");
    kit_remove(book);
    return 0;
}

static void change_key(kit_book *book)
{
    KIT_EXPECT(0, book, "log-key", "new", "--as", "admin", "--second", "head", "--reason", "thử");
}

static st_err reopen(kit_book *book)
{
    st_error error = { 0 };
    rooms_how how = { .dir = book->dir };
    rooms_close(&book->rooms);
    return rooms_open(&how, &book->rooms, &error);
}

static st_log_keys keys_of(kit_book *book)
{
    store_txn txn = { 0 };
    st_log_keys keys;
    const sync_room *room = &book->rooms.sync;
    assert_int_equal(store_begin(room->store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_log_keys_read(&txn, room, &keys, NULL), ST_OK);
    store_end(&txn);
    return keys;
}

/* The key that counts has its secret here, and signs: an entry, and its checkpoint. */
static void assert_signs(kit_book *book, uint32_t changes)
{
    store_txn txn = { 0 };
    st_buffer note;
    st_vkey vkey;
    st_opened opened;
    st_arena arena;
    const sync_room *room = &book->rooms.sync;
    const st_log_keys keys = keys_of(book);
    assert_int_equal(keys.count, changes);
    assert_int_equal(st_log_keys_fault(&keys, &room->keys->log), 0);
    KIT_EXPECT(0, book, "address", "http://127.0.0.1:9");
    st_buffer_init(&note, ST_NOTE_BYTES_MAX);
    st_arena_init(&arena, 1u << 20);
    assert_int_equal(store_begin(room->store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(audit_file(&txn, room, "checkpoint", &note, NULL), ST_OK);
    assert_int_equal(audit_vkey(&txn, room, &vkey, NULL), ST_OK);
    store_end(&txn);
    assert_memory_equal(vkey.key, st_log_keys_newest(&keys), 32);
    assert_int_equal(st_checkpoint_open(note.data, note.len, &vkey, &arena, &opened, NULL), ST_OK);
    st_buffer_free(&note);
    st_arena_reset(&arena);
}

/* ---- files of keys ---- */

static void path_of(const kit_book *book, const char *name, char out[128])
{
    (void)snprintf(out, 128, "%s/keys/%s", book->dir, name);
}

static size_t read_file(const kit_book *book, const char *name, char out[80])
{
    char path[128];
    path_of(book, name, path);
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return 0;
    size_t len = fread(out, 1, 79, file);
    out[len] = '\0';
    (void)fclose(file);
    return len;
}

static void write_file(const kit_book *book, const char *name, const char *text, unsigned mode)
{
    char path[128];
    path_of(book, name, path);
    (void)unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(fd), 0);
}

static bool is_there(const kit_book *book, const char *name)
{
    char path[128];
    path_of(book, name, path);
    return access(path, F_OK) == 0;
}

static void remove_file(const kit_book *book, const char *name)
{
    char path[128];
    path_of(book, name, path);
    assert_int_equal(unlink(path), 0);
}

/* ---- who may ---- */

static void test_two_people_and_nobody_else(void **state)
{
    kit_book *book = *state;
    char number[24];
    assert_int_not_equal(KIT_CALL(book, "log-key", "new", "--as", "admin"), 0);
    KIT_EXPECT(1, book, "log-key", "new", "--as", "an", "--reason", "x");
    KIT_EXPECT(1, book, "log-key", "new", "--as", "admin", "--second", "admin", "--reason", "x");
    KIT_EXPECT(1, book, "log-key", "new", "--as", "admin", "--second", "an", "--reason", "x");
    KIT_EXPECT(1, book, "log-key", "new", "--as", "nobody", "--second", "head", "--reason", "x");
    assert_false(is_there(book, "log.key.new") || is_there(book, "log.pub.new"));
    assert_int_equal(keys_of(book).count, 0);
    KIT_EXPECT(1, book, "log-key", "new", "--as", "office", "--reason", "x");
    KIT_EXPECT(1, book, "log-key", "new", "--as", "head", "--second", "office", "--reason", "x");
    KIT_EXPECT(0, book, "log-key", "new", "--as", "admin", "--reason", "ổ đĩa mất");
    assert_int_equal(sscanf(KIT_OUT(book), "Request %20[0-9] waits", number), 1);
    assert_int_equal(keys_of(book).count, 0);
    KIT_EXPECT(1, book, "request", "confirm", number, "--as", "admin");
    KIT_EXPECT(1, book, "request", "confirm", number, "--as", "office");
    assert_false(is_there(book, "log.key.new"));
    KIT_EXPECT(0, book, "request", "confirm", number, "--as", "head");
    assert_signs(book, 1);
    KIT_EXPECT(1, book, "request", "confirm", number, "--as", "head");
    assert_signs(book, 1);
    KIT_EXPECT(0, book, "audit", "list", "acts", "--json");
    assert_true(kit_says(KIT_OUT(book), "\"what\":\"log-key\""));
    assert_true(kit_says(KIT_OUT(book), "\"second\":\"head\""));
    assert_true(kit_says(KIT_OUT(book), "\"path\":\"1\""));
    assert_true(kit_says(KIT_OUT(book), "\"note\":\"ổ đĩa mất\""));
    assert_true(kit_says(KIT_OUT(book), "\"path\":\"head: office_head\""));
    KIT_EXPECT(0, book, "audit", "list", "epochs");
    assert_true(kit_says(KIT_OUT(book), "another key of the log"));
    assert_null(strstr(KIT_OUT(book), "log-key 1 with"));
    const char *first = strstr(KIT_OUT(book), "another key of the log");
    assert_null(strstr(first + 1, "another key of the log")); /* the notice is not a second one */
}

/* After a restore from before the change it is said again, and nobody's words stand behind it: the
 * lists show it all the same. */
static void test_a_change_that_is_said_again_is_listed(void **state)
{
    kit_book *book = *state;
    sync_room *room = &book->rooms.sync;
    store_txn txn = { 0 };
    change_key(book);
    const st_log_keys keys = keys_of(book);
    assert_int_equal(store_begin(room->store, STORE_WRITE_TXN, &txn, NULL), ST_OK);
    assert_int_equal(store_delete(&txn, STORE_META, store_text("log_key_noted"), NULL), ST_OK);
    assert_int_equal(store_commit(&txn, NULL), ST_OK);
    store_end(&txn);
    assert_int_equal(sync_log_keys_note(book->rooms.writer, room, &keys, NULL), ST_OK);
    KIT_EXPECT(0, book, "audit", "list", "epochs");
    const char *first = strstr(KIT_OUT(book), "another key of the log");
    assert_non_null(first);
    assert_true(kit_says(first + 1, "another key of the log"));
    KIT_EXPECT(0, book, "audit", "list", "acts", "--json");
    assert_true(kit_says(KIT_OUT(book), "\"record\":\"\",\"path\":\"1\",\"claimed_at\":null"));
}

static void test_the_list(void **state)
{
    kit_book *book = *state;
    char key[48], words[128];
    KIT_EXPECT(0, book, "log-key", "list", "--json");
    assert_true(kit_says(KIT_OUT(book), "{\"log_keys\":[{\"n\":0,\"from\":1,\"at\":\""));
    assert_null(strstr(KIT_OUT(book), "\"n\":1,"));
    change_key(book);
    const st_log_keys keys = keys_of(book);
    st_base64(st_log_keys_newest(&keys), 32, key);
    KIT_EXPECT(0, book, "log-key", "list", "--json");
    (void)snprintf(words, sizeof words, "{\"n\":1,\"from\":%u,\"at\":\"",
                   (unsigned)keys.rows[0].size + 1);
    assert_true(kit_says(KIT_OUT(book), words) && kit_says(KIT_OUT(book), key));
    KIT_EXPECT(0, book, "log-key", "list");
    assert_true(kit_says(KIT_OUT(book), "FINGERPRINT") && kit_says(KIT_OUT(book), key));
    book->lang = "vi";
    KIT_EXPECT(0, book, "log-key", "list");
    assert_true(kit_says(KIT_OUT(book), "DẤU KHÓA"));
}

/* ---- what is on the disk ---- */

static void test_the_old_secret_is_written_over(void **state)
{
    kit_book *book = *state;
    char old[80], now[80], linked[128], path[128];
    assert_int_equal(read_file(book, "log.key", old), 65);
    path_of(book, "log.key", path);
    path_of(book, "kept", linked);
    assert_int_equal(link(path, linked), 0); /* the same bytes of the disk under another name */
    change_key(book);
    assert_int_equal(read_file(book, "log.key", now), 65);
    assert_string_not_equal(old, now);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(linked, &st), 0);
    assert_int_equal(st.st_size, 65);
    (void)read_file(book, "kept", now);
    assert_int_equal(strlen(now), 0); /* zeros */
    assert_false(is_there(book, "log.key.new") || is_there(book, "log.pub.new"));
    remove_file(book, "kept");
    assert_int_equal(reopen(book), ST_OK);
    assert_signs(book, 1);
}

/* The machine stops before the store says so: nothing has changed. */
static void test_stopped_before_it_counts(void **state)
{
    kit_book *book = *state;
    uint8_t fresh[32];
    const sync_room *room = &book->rooms.sync;
    assert_int_equal(auth_log_prepare(book->dir, &book->rooms.keys, room->port, fresh, NULL),
                     ST_OK);
    assert_true(is_there(book, "log.key.new") && is_there(book, "log.pub.new"));
    KIT_EXPECT(1, book, "log-key", "new", "--as", "admin", "--second", "head", "--reason", "x");
    assert_int_equal(reopen(book), ST_OK);
    assert_false(is_there(book, "log.key.new") || is_there(book, "log.pub.new"));
    assert_signs(book, 0);
    change_key(book);
    assert_signs(book, 1);
}

/* After the store says so: the next start ends it, from each of the states in between. */
static void test_stopped_when_it_counts(void **state)
{
    kit_book *book = *state;
    char old_key[80], old_pub[80], new_key[80], new_pub[80];
    (void)read_file(book, "log.key", old_key);
    (void)read_file(book, "log.pub", old_pub);
    change_key(book);
    (void)read_file(book, "log.key", new_key);
    (void)read_file(book, "log.pub", new_pub);
    /* nothing was renamed */
    write_file(book, "log.key", old_key, 0600);
    write_file(book, "log.pub", old_pub, 0644);
    write_file(book, "log.key.new", new_key, 0600);
    write_file(book, "log.pub.new", new_pub, 0644);
    assert_int_equal(reopen(book), ST_OK);
    assert_signs(book, 1);
    assert_false(is_there(book, "log.key.new") || is_there(book, "log.pub.new"));
    /* the secret was, its public half was not */
    write_file(book, "log.pub", old_pub, 0644);
    write_file(book, "log.pub.new", new_pub, 0644);
    assert_int_equal(reopen(book), ST_OK);
    assert_signs(book, 1);
    char now[80];
    (void)read_file(book, "log.pub", now);
    assert_string_equal(now, new_pub);
    assert_false(is_there(book, "log.pub.new"));
    /* the notes beside the store were not written */
    char path[128];
    (void)snprintf(path, sizeof path, "%s/side/log-keys", book->dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(reopen(book), ST_OK);
    assert_int_equal(access(path, F_OK), 0);
    assert_signs(book, 1);
}

/* An older key in the place of the newest: nothing is signed with it. */
static void test_an_older_key_does_not_start(void **state)
{
    kit_book *book = *state;
    char old_key[80], old_pub[80], new_key[80], new_pub[80];
    (void)read_file(book, "log.key", old_key);
    (void)read_file(book, "log.pub", old_pub);
    change_key(book);
    (void)read_file(book, "log.key", new_key);
    (void)read_file(book, "log.pub", new_pub);
    write_file(book, "log.key", old_key, 0600);
    write_file(book, "log.pub", old_pub, 0644);
    assert_int_equal(reopen(book), ST_E_NOT_FOUND);
    write_file(book, "log.key", new_key, 0600);
    write_file(book, "log.pub", new_pub, 0644);
    assert_int_equal(reopen(book), ST_OK);
    assert_signs(book, 1);
}

/* The service manager lends the old one; the new one lies in the folder until it is moved. */
static void test_a_key_that_was_lent(void **state)
{
    kit_book *book = *state;
    char lender[128], from[128], to[160], command[200];
    (void)snprintf(lender, sizeof lender, "%s.lender", book->dir);
    assert_int_equal(mkdir(lender, 0700), 0);
    path_of(book, "log.key", from);
    (void)snprintf(to, sizeof to, "%s/sotay-log.key", lender);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", lender, 1), 0);
    assert_int_equal(reopen(book), ST_OK);
    assert_signs(book, 0);
    change_key(book);
    assert_true(is_there(book, "log.key"));
    assert_int_equal(reopen(book), ST_OK);
    assert_signs(book, 1);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(reopen(book), ST_OK);
    assert_signs(book, 1);
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    assert_int_equal(rename(to, from), 0);
    assert_int_equal(reopen(book), ST_OK);
    (void)snprintf(command, sizeof command, "rm -rf %s", lender);
    assert_int_equal(system(command), 0);
}

/* What fails after the key was made takes none of the few that a process keeps. */
static void test_what_came_to_nothing_is_taken_again(void **state)
{
    kit_book *book = *state;
    uint8_t first[32];
    for (unsigned i = 0; i < 2 * AUTH_LOG_LATER_MAX; i++) {
        KIT_EXPECT(1, book, "log-key", "new", "--as", "admin", "--second", "an", "--reason", "x");
        assert_false(is_there(book, "log.key.new") || is_there(book, "log.pub.new"));
        if (i == 0)
            memcpy(first, book->rooms.keys.later[0].public_key, sizeof first);
    }
    assert_int_equal(book->rooms.keys.later_count, 1);
    change_key(book);
    assert_signs(book, 1);
    const st_log_keys keys = keys_of(book);
    assert_memory_equal(st_log_keys_newest(&keys), first, sizeof first);
    change_key(book); /* what counts is given to nobody once more */
    assert_signs(book, 2);
    assert_int_equal(book->rooms.keys.later_count, 2);
    assert_int_equal(reopen(book), ST_OK);
    assert_signs(book, 2);
}

/* Its file may lie there still, or another's. */
static void test_the_file_of_what_came_to_nothing(void **state)
{
    kit_book *book = *state;
    const sync_room *room = &book->rooms.sync;
    auth_keys *keys = &book->rooms.keys;
    uint8_t made[32], again[32];
    char before[80], now[80];
    assert_int_equal(auth_log_prepare(book->dir, keys, room->port, made, NULL), ST_OK);
    (void)read_file(book, "log.key.new", before);
    auth_log_give_back(keys, made);
    assert_int_equal(auth_log_prepare(book->dir, keys, room->port, again, NULL), ST_OK);
    (void)read_file(book, "log.key.new", now);
    assert_memory_equal(made, again, sizeof made);
    assert_string_equal(before, now);
    assert_int_equal(auth_log_prepare(book->dir, keys, room->port, again, NULL), ST_E_EXISTS);
    auth_log_give_back(keys, made);
    auth_log_drop(book->dir);
    assert_int_equal(auth_log_prepare(book->dir, keys, room->port, again, NULL), ST_OK);
    assert_memory_equal(made, again, sizeof made);
    (void)read_file(book, "log.key.new", now);
    assert_string_equal(before, now);
    auth_log_give_back(keys, made);
    write_file(book, "log.key.new", "somebody's", 0600);
    assert_int_equal(auth_log_prepare(book->dir, keys, room->port, again, NULL), ST_E_EXISTS);
    remove_file(book, "log.key.new");
    assert_int_equal(auth_log_prepare(book->dir, keys, room->port, again, NULL), ST_OK);
    assert_memory_equal(made, again, sizeof made);
    assert_int_equal(keys->later_count, 1);
    assert_int_equal(reopen(book), ST_OK);
    assert_false(is_there(book, "log.key.new"));
    assert_signs(book, 0);
}

/* A process keeps a few; the next start makes room. */
static void test_many_changes(void **state)
{
    kit_book *book = *state;
    for (unsigned i = 0; i < AUTH_LOG_LATER_MAX; i++)
        change_key(book);
    assert_signs(book, AUTH_LOG_LATER_MAX);
    KIT_EXPECT(1, book, "log-key", "new", "--as", "admin", "--second", "head", "--reason", "x");
    assert_false(is_there(book, "log.key.new"));
    assert_int_equal(reopen(book), ST_OK);
    change_key(book);
    assert_signs(book, AUTH_LOG_LATER_MAX + 1);
    while (keys_of(book).count < ST_LOG_KEYS_MAX) {
        if (book->rooms.keys.later_count == AUTH_LOG_LATER_MAX)
            assert_int_equal(reopen(book), ST_OK);
        change_key(book);
    }
    assert_int_equal(reopen(book), ST_OK);
    KIT_EXPECT(1, book, "log-key", "new", "--as", "admin", "--second", "head", "--reason", "x");
    assert_true(kit_says(KIT_ERR(book), "at most 32 changes"));
    assert_signs(book, ST_LOG_KEYS_MAX);
}

/* ---- what phones are told ---- */

typedef struct {
    size_t frames, keys_at, epochs_at;
    uint32_t notices;
    uint64_t first;
    bool has_tree;
} heard;

static st_err hear(void *context, const st_frame *frame, st_error *error)
{
    heard *h = context;
    (void)error;
    h->frames++;
    if (frame->kind == ST_FRAME_LOG_KEYS) {
        h->keys_at = h->frames;
        h->notices = frame->as.log_keys.count;
        h->first = frame->as.log_keys.rows[0].n;
    }
    if (frame->kind == ST_FRAME_EPOCHS)
        h->epochs_at = h->frames;
    if (frame->kind == ST_FRAME_END)
        h->has_tree = frame->as.end.has_tree;
    return ST_OK;
}

static heard ask(kit_book *book, const kit_phone *phone, uint64_t has)
{
    heard h = { .frames = 0 };
    st_ask asked = { .version = 1, .checkpoints = true, .log_keys = has };
    sync_request request;
    feed_report report;
    const feed_sink sink = { &h, hear };
    store_txn txn = { 0 };
    memset(&request, 0, sizeof request);
    request.ask = &asked;
    assert_int_equal(store_begin(book->rooms.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(auth_device_get(&txn, NULL, &phone->device, &request.device, NULL), ST_OK);
    store_end(&txn);
    assert_int_equal(feed_answer(&book->rooms.sync, &request, &sink, &report, NULL), ST_OK);
    return h;
}

static void test_the_key_comes_before_what_it_signed(void **state)
{
    kit_book *book = *state;
    kit_phone phone;
    kit_enrol(book, "an", 7, &phone);
    heard h = ask(book, &phone, 0);
    assert_true(h.keys_at == 0 && h.has_tree);
    change_key(book);
    KIT_EXPECT(0, book, "epoch", "new", "--as", "admin", "--second", "head", "--reason", "x");
    change_key(book);
    h = ask(book, &phone, 0);
    assert_true(h.keys_at == 1 && h.epochs_at == 2 && h.notices == 2 && h.first == 1);
    assert_false(h.has_tree);
    h = ask(book, &phone, 1);
    assert_true(h.notices == 1 && h.first == 2 && !h.has_tree);
    h = ask(book, &phone, 2);
    assert_true(h.keys_at == 0 && h.has_tree);
    h = ask(book, &phone, 3); /* of a book that this one was before it was put back */
    assert_true(h.keys_at == 0 && h.has_tree);
}

/* Who cannot read notices is let in while there are none. */
static void test_a_program_of_before_is_not_enrolled(void **state)
{
    kit_book *book = *state;
    st_enrol_ask asked = { .version = 1 };
    st_enrol_answer answer;
    uint8_t log_key[32], text[ST_ENROL_SIGN_BYTES], seed[32] = { 9 }, secret[64];
    st_arena arena;
    change_key(book);
    KIT_EXPECT(0, book, "enrol", "an");
    char *code = strstr((char *)book->out.data, "#e=");
    assert_non_null(code);
    code[strcspn(code, "\n")] = '\0';
    assert_true(st_enrol_code_parse(code + 3, asked.code, log_key));
    st_sign_keypair(seed, asked.sign_key, secret);
    st_enrol_sign_text(&asked, log_key, text);
    st_sign(secret, text, sizeof text, asked.proof);
    st_arena_init(&arena, 4u << 20);
    assert_int_equal(sync_enrol(book->rooms.writer, &asked, &arena, &answer, NULL), ST_E_VERSION);
    asked.log_keys = true; /* the same link is still good */
    assert_int_equal(sync_enrol(book->rooms.writer, &asked, &arena, &answer, NULL), ST_OK);
    assert_true(answer.log_keys.has_first && answer.log_keys.count == 1);
    assert_memory_equal(answer.log_key, log_key, sizeof log_key);
    st_arena_reset(&arena);
}

int main(void)
{
#define KEY_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        KEY_TEST(test_two_people_and_nobody_else),
        KEY_TEST(test_a_change_that_is_said_again_is_listed),
        KEY_TEST(test_the_list),
        KEY_TEST(test_the_old_secret_is_written_over),
        KEY_TEST(test_stopped_before_it_counts),
        KEY_TEST(test_stopped_when_it_counts),
        KEY_TEST(test_an_older_key_does_not_start),
        KEY_TEST(test_a_key_that_was_lent),
        KEY_TEST(test_what_came_to_nothing_is_taken_again),
        KEY_TEST(test_the_file_of_what_came_to_nothing),
        KEY_TEST(test_many_changes),
        KEY_TEST(test_the_key_comes_before_what_it_signed),
        KEY_TEST(test_a_program_of_before_is_not_enrolled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
