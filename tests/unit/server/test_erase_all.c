/* tests/unit/server/test_erase_all.c
 * Everything that the log says of a record goes with `@all`: reasons, the files of a record whose
 * form nobody knows, what a fork says that was declined; what cannot be read is said; and thousands
 * of values go at once. */
#include "tests/unit/server/erase_kit.h"

#include "server/store/chunks.h"
#include "server/sync/have.h"

#define ERASE_ALL(code, book, id)                                                         \
    KIT_EXPECT(code, book, "erase", id, "@all", "--as", "admin", "--second", "head", "--basis", "x")

static const char *const NEVER_CAME = "0123456789abcdef0123456789abcdef";
static const char *const NOR_THIS = "fedcba9876543210fedcba9876543210";

static void test_reasons_go_with_all(void **state)
{
    kit_book *book = *state;
    char id[33];
    KIT_EXPECT(0, book, "new", "review_note", "-", "about_record=00000000000000000000000000000001",
               "text=ghi chú", "--as", "office", "--reason", "bà Nông Thị A nhờ ghi");
    kit_take_id(book, id);
    assert_true(is_anywhere(book, "Nông Thị A"));
    ERASE_ALL(0, book, id);
    assert_true(kit_says(KIT_OUT(book), "2 values erased"));
    assert_false(is_anywhere(book, "Nông Thị A"));
    assert_false(is_anywhere(book, "ghi chú"));
    KIT_EXPECT(0, book, "rebuild");
    assert_false(is_anywhere(book, "Nông Thị A"));
}

/* ---- files of a record that never came ---- */

/* The numbers that a field of bytes has in an item. */
typedef struct {
    uint16_t group, field;
} item_place;

static const item_place HASHES = { 50, 5 };    /* where the forms of the book have them */
static const item_place ELSEWHERE = { 77, 3 }; /* where no form of it has a field */

/* Says of the record that the value stands there; the record is not here, so it waits. */
static void say_bytes(kit_phone *phone, const char *record, item_place place, const uint8_t *bytes,
                      size_t len)
{
    st_op op = { .verb = ST_VERB_ITEM };
    op.path = (st_path){ .kind = ST_PATH_ITEM, .group = place.group, .field = place.field };
    op.path.item = (st_dot){ phone->device, phone->next };
    op.value = (st_value){ .kind = ST_VALUE_BYTES, .data = bytes, .len = (uint32_t)len };
    st_change change = { .ops = &op, .ops_count = 1 };
    assert_true(st_id_parse(record, &change.record));
    assert_int_equal(kit_send(phone, &change), ST_VERDICT_HELD);
}

static bool is_on_disk(const kit_book *book, const st_hash *hash)
{
    bool there = false;
    assert_int_equal(chunks_is_there(book->rooms.dir, hash, &there, NULL), ST_OK);
    return there;
}

/* Brings the piece of the record; whoever carries it may drop it then. */
static bool bring(kit_book *book, const char *record, const chunks_piece *piece)
{
    st_id id;
    bool taken = false;
    assert_true(st_id_parse(record, &id));
    assert_int_equal(have_keep_carried(book->rooms.writer, &id, piece, &taken, NULL), ST_OK);
    return taken;
}

static void test_a_file_of_what_never_came(void **state)
{
    kit_book *book = *state;
    const item_place places[] = { HASHES, ELSEWHERE };
    kit_phone phone;
    kit_enrol(book, "an", 7, &phone);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        uint8_t bytes[100];
        memset(bytes, 'p' + (int)i, sizeof bytes);
        const chunks_piece piece = { "part-1", st_sha256(bytes, sizeof bytes), bytes,
                                     sizeof bytes };
        /* two of them name it: it goes with the last one */
        say_bytes(&phone, NEVER_CAME, places[i], piece.hash.b, sizeof piece.hash.b);
        say_bytes(&phone, NOR_THIS, places[i], piece.hash.b, sizeof piece.hash.b);
        assert_true(bring(book, NEVER_CAME, &piece));
        assert_true(is_on_disk(book, &piece.hash));
        ERASE_ALL(0, book, NEVER_CAME);
        assert_true(is_on_disk(book, &piece.hash));
        ERASE_ALL(0, book, NOR_THIS);
        assert_false(is_on_disk(book, &piece.hash));
        assert_true(bring(book, NEVER_CAME, &piece));
        assert_false(is_on_disk(book, &piece.hash));
    }
}

/* Its carrier comes after the erasure, and is not left with it. */
static void test_a_file_that_had_not_come(void **state)
{
    kit_book *book = *state;
    kit_phone phone;
    const uint8_t bytes[] = "một bức ảnh";
    const chunks_piece piece = { "part-1", st_sha256(bytes, sizeof bytes), bytes, sizeof bytes };
    kit_enrol(book, "an", 7, &phone);
    say_bytes(&phone, NEVER_CAME, HASHES, piece.hash.b, sizeof piece.hash.b);
    ERASE_ALL(0, book, NEVER_CAME);
    assert_true(bring(book, NEVER_CAME, &piece));
    assert_false(is_on_disk(book, &piece.hash));
}

/* A picture may be so many bytes as a list of hashes is. It is none, and is not written down as
 * one that is gone. */
static void test_bytes_that_are_no_hashes(void **state)
{
    kit_book *book = *state;
    kit_phone phone;
    const char *const picture = "một bức ảnh nhỏ của bà Nông Thị A dài sáu mươi tư byte..";
    uint8_t bytes[96] = { 0 };
    memcpy(bytes, picture, strlen(picture));
    kit_enrol(book, "an", 7, &phone);
    say_bytes(&phone, NEVER_CAME, ELSEWHERE, bytes, sizeof bytes);
    assert_true(is_anywhere(book, "Nông Thị A"));
    ERASE_ALL(0, book, NEVER_CAME);
    assert_false(is_anywhere(book, "một bức ảnh"));
    store_txn txn = { 0 };
    st_hash first;
    bool gone = false;
    memcpy(first.b, bytes, sizeof first.b);
    assert_int_equal(store_begin(book->rooms.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(have_is_gone(&txn, &first, &gone, NULL), ST_OK);
    store_end(&txn);
    assert_false(gone);
}

/* ---- forks ---- */

static void test_a_declined_fork_of_what_never_came(void **state)
{
    kit_book *book = *state;
    kit_phone phone, copy;
    kit_enrol(book, "an", 7, &phone);
    copy = phone;
    assert_int_equal(kit_write(&phone, NEVER_CAME, "place", "nhà", NULL), ST_VERDICT_HELD);
    assert_int_equal(kit_write(&copy, NOR_THIS, "place", "bí mật của bà B", NULL),
                     ST_VERDICT_HELD);
    KIT_EXPECT(0, book, "held", "decline", "2", "--as", "office", "--reason", "máy chép");
    KIT_EXPECT(0, book, "held");
    assert_false(kit_says(KIT_OUT(book), NOR_THIS));
    KIT_EXPECT(1, book, "erase", NOR_THIS, "place", "--as", "admin", "--second", "head", "--basis",
               "x");
    assert_true(kit_says(KIT_ERR(book), "erase @all"));
    ERASE_ALL(0, book, NOR_THIS);
    assert_true(kit_says(KIT_OUT(book), "1 values erased"));
    assert_null(strstr(KIT_OUT(book), "cannot be read"));
    assert_false(is_anywhere(book, "bí mật"));
    assert_true(is_anywhere(book, "nhà"));
    KIT_EXPECT(0, book, "rebuild");
    assert_false(is_anywhere(book, "bí mật"));
    ERASE_ALL(1, book, "00000000000000000000000000000000");
    assert_true(kit_says(KIT_ERR(book), "no such record"));
}

static uint8_t *find(const st_buffer *bytes, const void *part, size_t len)
{
    uint8_t *at = memmem(bytes->data, bytes->len, part, len);
    assert_non_null(at);
    return at;
}

/* The set as one of a format of next year, signed again by its device. */
static void make_newer(kit_phone *phone, st_buffer *bytes)
{
    st_set set;
    st_arena arena;
    uint8_t text[ST_SET_SIGN_BYTES], signature[64];
    st_arena_init(&arena, 1u << 20);
    assert_int_equal(st_set_decode(bytes->data, bytes->len, &arena, &set, NULL), ST_OK);
    uint8_t *signed_at = find(bytes, set.signature, sizeof set.signature);
    find(bytes, "\x08\x01\x10", 3)[1] = 7;
    assert_int_equal(st_set_decode(bytes->data, bytes->len, &arena, &set, NULL), ST_E_VERSION);
    st_set_sign_text(&phone->book->rooms.keys.log, &set.device, &set.hash, text);
    st_sign(phone->secret, text, sizeof text, signature);
    memcpy(signed_at, signature, sizeof signature);
    st_arena_reset(&arena);
}

/* Whoever erases is told that something stays which nobody here can look into. */
static void test_a_fork_that_cannot_be_read(void **state)
{
    kit_book *book = *state;
    kit_phone phone, copy;
    st_buffer bytes;
    char id[33];
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    kit_enrol(book, "an", 7, &phone);
    copy = phone;
    st_id record = make_visit(&phone, "điều riêng tư", 1, &bytes);
    st_id_format(&record, id);
    assert_int_equal(kit_send_bytes(&phone, &bytes), ST_VERDICT_STORED);
    (void)make_visit(&copy, "của nhánh khác", 1, &bytes);
    make_newer(&copy, &bytes);
    assert_int_equal(kit_send_bytes(&copy, &bytes), ST_VERDICT_HELD);
    KIT_EXPECT(0, book, "erase", id, "@all", "--as", "admin", "--basis", "x");
    KIT_EXPECT(0, book, "request", "list", "--json");
    char number[24] = "";
    const char *at = strstr(KIT_OUT(book), "\"n\":");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "\"n\":%20[0-9]", number), 1);
    KIT_EXPECT(0, book, "request", "show", number);
    assert_true(kit_says(KIT_OUT(book), "1 sets of other branches of a device cannot be read"));
    ERASE_ALL(0, book, id);
    assert_true(kit_says(KIT_OUT(book), "1 sets of other branches of a device cannot be read"));
    assert_false(is_anywhere(book, "riêng tư"));
    KIT_EXPECT(1, book, "erase", id, "general_note", "--as", "admin", "--second", "head",
               "--basis", "x");
    assert_true(kit_says(KIT_ERR(book), "erased already; 1 sets of other branches cannot be read"));
    st_buffer_free(&bytes);
}

/* ---- thousands of values ---- */

enum { IN_A_SET = 1000 };

static void send_many(kit_phone *phone, const st_id *record)
{
    st_arena arena;
    st_buffer bytes;
    st_change changes[IN_A_SET];
    const st_form *form = catalogue_newest(phone->book->rooms.sync.catalogue, "visit");
    st_set set = { .device = phone->device, .format = 1, .first = phone->next,
                   .has_prev = phone->has_prev, .prev = phone->prev, .here = phone->next - 1,
                   .bucket = phone->bucket, .role = ST_ROLE_OFFICER, .fold_version = 1,
                   .changes = changes, .changes_count = IN_A_SET };
    st_arena_init(&arena, 1u << 20);
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    st_op op = kit_op(form, "place", "nhà bà Nông Thị A", &arena);
    memset(changes, 0, sizeof changes);
    for (uint32_t i = 0; i < IN_A_SET; i++) {
        changes[i].dot = (st_dot){ phone->device, phone->next };
        changes[i].prev = phone->next++ - 1;
        changes[i].record = *record;
        changes[i].ops = &op;
        changes[i].ops_count = 1;
        changes[i].wall_ms = phone->ms += 1000;
        changes[i].hlc = (st_hlc)changes[i].wall_ms << 16;
    }
    kit_sign(phone, &set, &bytes);
    assert_int_equal(kit_send_bytes(phone, &bytes), ST_VERDICT_HELD);
    st_buffer_free(&bytes);
    st_arena_reset(&arena);
}

/* Each set is read for all of its values at once: a set in memory for each would be too much. */
static void test_thousands_of_values(void **state)
{
    kit_book *book = *state;
    kit_phone phone;
    st_id record;
    char id[33], device[33];
    kit_enrol(book, "an", 7, &phone);
    kit_visit(&phone, "x", id);
    assert_true(st_id_parse(id, &record));
    st_id_format(&phone.device, device);
    KIT_EXPECT(0, book, "device", "suspend", device);
    for (int i = 0; i < 2; i++)
        send_many(&phone, &record);
    KIT_EXPECT(0, book, "erase", id, "place", "--as", "admin", "--second", "head", "--basis", "x");
    assert_true(kit_says(KIT_OUT(book), "2001 values erased"));
    assert_false(is_anywhere(book, "Nông Thị A"));
    KIT_EXPECT(0, book, "rebuild");
    assert_false(is_anywhere(book, "Nông Thị A"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reasons_go_with_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_file_of_what_never_came, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_file_that_had_not_come, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bytes_that_are_no_hashes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_declined_fork_of_what_never_came, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_fork_that_cannot_be_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_thousands_of_values, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
