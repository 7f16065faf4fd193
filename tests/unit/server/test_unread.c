/* tests/unit/server/test_unread.c - what a device shows, or a damaged row, takes nothing else from
 * the office: a list with such a line is still answered, and where it is not whole it says so. */
#include <cjson/cJSON.h>

#include "server/store/pack.h"
#include "server/sync/incident.h"
#include "server/sync/read.h"
#include "tests/unit/server/erase_kit.h"

static int stop(void **state)
{
    kit_remove(*state);
    return 0;
}

/* ---- what a device shows ---- */

typedef struct {
    const kit_phone *phone;
    st_repair_ask ask;
    bool kept;
} showing;

static st_err run_show(writer_turn *turn, void *argument, st_error *error)
{
    showing *s = argument;
    return sync_incident_note(turn, &s->phone->device, &s->ask, &s->kept, error);
}

static void show(const kit_phone *phone, const st_id *record, const st_buffer *bytes)
{
    const st_repair_evidence one = { *record, bytes->data, bytes->len };
    showing s = { .phone = phone, .ask = { .bucket = phone->bucket, .evidence = &one,
                                           .evidence_count = 1 } };
    writer_job job = { .run = run_show, .argument = &s };
    assert_int_equal(writer_submit(phone->book->rooms.writer, &job, NULL), ST_OK);
    assert_true(s.kept);
}

/* How the device had the record: as it is in the book, but for what was done to it. */
typedef enum { AS_IT_IS, OF_ANOTHER_ENTRY, OF_A_NEWER_ENTRY, OF_NO_ENTRY, OF_NO_TYPE,
               OF_NO_RECORD } twist;

static void twist_record(st_record *record, twist how, uint64_t newer)
{
    uint64_t *entry = &record->metas[0].log_index;
    *entry = how == OF_ANOTHER_ENTRY ? 1 : how == OF_A_NEWER_ENTRY ? newer : *entry;
    *entry = how == OF_NO_ENTRY ? newer + 1000 : *entry;
    for (size_t i = 0; how == OF_NO_TYPE && i < record->lives_count; i++)
        record->lives[i].op.value = (st_value){ .kind = ST_VALUE_INT, .number = 123456789 };
}

static void show_twisted(const kit_phone *phone, const st_id *id, twist how, uint64_t newer)
{
    st_record record;
    st_arena arena;
    st_buffer bytes;
    store_txn txn = { 0 };
    st_arena_init(&arena, 1u << 22);
    st_buffer_init(&bytes, 1u << 20);
    assert_int_equal(store_begin(phone->book->rooms.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_record_get(&txn, id, &arena, &record, NULL, NULL), ST_OK);
    twist_record(&record, how, newer);
    assert_int_equal(st_record_encode(&record, &bytes, NULL), ST_OK);
    store_end(&txn);
    if (how == OF_NO_RECORD)
        bytes.len /= 2;
    show(phone, id, &bytes);
    st_buffer_free(&bytes);
    st_arena_reset(&arena);
}

/* Whatever a device names as the entry of a value, of whatever kind that is: all that was shown is
 * listed, by all that devices showed. */
static void test_evidence_names_any_entry(void **state)
{
    kit_book *book = *state;
    kit_phone phone;
    st_id record;
    char id[33];
    kit_enrol(book, "an", 9, &phone);
    kit_visit(&phone, "thường", id);
    assert_true(st_id_parse(id, &record));
    uint64_t newer = kit_send_later_format(&phone);
    for (int how = AS_IT_IS; how <= OF_NO_RECORD; how++) {
        print_message("  evidence %d\n", how);
        show_twisted(&phone, &record, (twist)how, newer);
        KIT_EXPECT(0, book, "incidents");
        KIT_EXPECT(0, book, "incidents", "--json");
        cJSON *json = cJSON_Parse(KIT_OUT(book));
        const cJSON *in = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "incidents"), 0);
        const cJSON *list = cJSON_GetObjectItem(in, "evidence");
        assert_int_equal(cJSON_GetArraySize(list), how + 1);
        assert_null(cJSON_GetObjectItem(json, "unread"));
        assert_int_equal(cJSON_IsNull(cJSON_GetArrayItem(list, how)), how == OF_NO_RECORD);
        cJSON_Delete(json);
    }
}

/* How many incidents are listed, how many of their evidence is null. */
static void count_listed(kit_book *book, int *out_listed, int *out_null)
{
    const cJSON *in, *one;
    cJSON *json = cJSON_Parse(KIT_OUT(book));
    assert_non_null(json);
    *out_listed = *out_null = 0;
    cJSON_ArrayForEach(in, cJSON_GetObjectItem(json, "incidents"))
    {
        ++*out_listed;
        cJSON_ArrayForEach(one, cJSON_GetObjectItem(in, "evidence")) *out_null +=
            cJSON_IsNull(one);
    }
    cJSON_Delete(json);
}

/* However much one device shows: the incidents of all are listed, and those of one can be read. */
static void test_more_evidence_than_can_be_shown(void **state)
{
    kit_book *book = *state;
    kit_phone phones[2];
    char device[33];
    int listed = 0, hidden = 0;
    for (size_t i = 0; i < 2; i++) {
        st_id record;
        char id[33];
        kit_enrol(book, "an", (uint8_t)(9 + i), &phones[i]);
        kit_visit(&phones[i], "thường", id);
        assert_true(st_id_parse(id, &record));
        for (uint64_t n = 0; n < 6; n++) /* each shows the record as of another entry */
            show_twisted(&phones[i], &record, OF_NO_ENTRY, n);
    }
    KIT_EXPECT(0, book, "incidents", "--json");
    count_listed(book, &listed, &hidden);
    assert_int_equal(listed, 2);
    assert_int_equal(hidden, 0);
    const size_t max = book->out.max;
    book->out.max = book->out.len + book->out.len / 4;
    KIT_EXPECT(0, book, "incidents", "--json");
    count_listed(book, &listed, &hidden);
    assert_int_equal(listed, 2);
    assert_in_range(hidden, 3, 11);
    for (size_t i = 0; i < 2; i++) {
        st_id_format(&phones[i].device, device);
        KIT_EXPECT(0, book, "incidents", "--json", "--device", device);
        count_listed(book, &listed, &hidden);
        assert_int_equal(listed, 1);
        assert_int_equal(hidden, 0);
        KIT_EXPECT(0, book, "incidents", "--device", device);
        assert_true(kit_says(KIT_OUT(book), device));
        assert_true(kit_says(KIT_OUT(book), "1 time a device's book was not this one"));
    }
    KIT_EXPECT(1, book, "incidents", "--device", "00000000");
    book->out.max = max;
}

/* ---- a damaged row ---- */

static void damage(kit_book *book, store_table table, const st_id *id)
{
    kit_put_row(book, table, store_bytes(id->b, sizeof id->b), store_text("xx"));
}

/* A checkpoint of this log that the device showed, and the log is another there. */
static void note_rewritten(const kit_phone *phone)
{
    uint8_t row[8 + 8 + 32 + ST_SIGNATURE_BYTES] = { 0 };
    pack_key key = pack_text("given_up");
    pack_key_id(&key, &phone->device);
    pack_key_u64(&key, 0);
    st_put_u64(row, 1773280860000u);
    st_put_u64(row + 8, 7);
    kit_put_row(phone->book, STORE_META, pack_key_slice(&key), store_bytes(row, sizeof row));
}

static const st_id COPY = { { 0xAB, 0xCD } };

/* A copy of the device that asks for a key. */
static void note_heir(const kit_phone *phone)
{
    st_buffer row;
    static const uint8_t ZEROS[32 + 32 + 2 * ST_SIGNATURE_BYTES + 8];
    st_buffer_init(&row, 1024);
    assert_int_equal(pack_put(&row, phone->device.b, sizeof phone->device.b), ST_OK);
    assert_int_equal(pack_put(&row, ZEROS, sizeof ZEROS), ST_OK);
    assert_int_equal(pack_put_u64(&row, 1773280860000u), ST_OK);
    assert_int_equal(pack_put_u8(&row, 0), ST_OK);
    assert_int_equal(pack_put_string(&row, "", 0), ST_OK);
    kit_put_row(phone->book, STORE_HEIR, store_bytes(COPY.b, sizeof COPY.b),
                store_bytes(row.data, row.len));
    st_buffer_free(&row);
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* Answered, whole or not: it says so on stderr, and in the document; what is left of it is JSON. */
static void reads(kit_book *book, const char *const *words, bool is_whole)
{
    int code = kit_call(book, words);
    bool json = false;
    for (size_t i = 0; words[i] != NULL; i++)
        json = json || strcmp(words[i], "--json") == 0;
    if (code != 0)
        print_message("  %s: %s\n", words[0], KIT_ERR(book));
    assert_int_equal(code, 0);
    bool says = strstr(KIT_ERR(book), "the answer is not whole") != NULL;
    if (says == is_whole || (json && ends_with(KIT_OUT(book), ",\"unread\":true}\n") == is_whole))
        fail_msg("%s %s: stdout: %s stderr: %s", words[0], words[1] == NULL ? "" : words[1],
                 KIT_OUT(book), KIT_ERR(book));
    cJSON *document = json ? cJSON_Parse(KIT_OUT(book)) : NULL;
    assert_true(!json || document != NULL);
    cJSON_Delete(document);
}
#define READS(book, is_whole, ...) \
    reads((book), (const char *const[]){ __VA_ARGS__, NULL }, (is_whole))

/* Every reader that names the person of a device, and one that does not. */
static void read_all(kit_book *book, const char *visit, bool is_whole)
{
    READS(book, is_whole, "show", visit);
    READS(book, is_whole, "show", visit, "--json");
    READS(book, is_whole, "history", visit);
    READS(book, is_whole, "history", visit, "--json");
    READS(book, is_whole, "history", visit, "--csv");
    READS(book, is_whole, "device", "list");
    READS(book, is_whole, "device", "list", "--json");
    READS(book, is_whole, "alarms");
    READS(book, is_whole, "alarms", "--json");
    READS(book, is_whole, "audit", "list", "epochs");
    READS(book, is_whole, "audit", "list", "epochs", "--json");
    READS(book, is_whole, "export", "csv");
    READS(book, true, "records", "--json");
    READS(book, true, "conflicts", "--json");
    READS(book, true, "stat", "--json");
}

/* One login that cannot be read takes nothing else away, and no phone that must be looked into. */
static void test_a_damaged_person(void **state)
{
    kit_book *book = *state;
    kit_phone an, binh;
    char id[33], other[33];
    KIT_EXPECT(0, book, "user", "add", "binh", "--name", "Bình", "--role", "officer");
    KIT_EXPECT(0, book, "assign", "binh", KIT_UNIT);
    kit_enrol(book, "an", 9, &an);
    kit_enrol(book, "binh", 11, &binh);
    kit_visit(&an, "một", other);
    kit_visit(&binh, "hai", id);
    note_rewritten(&binh);
    note_heir(&binh);
    read_all(book, id, true);
    st_id person = kit_person(&binh);
    damage(book, STORE_PERSON, &person);
    read_all(book, id, false);
    READS(book, true, "show", other, "--json");
    READS(book, false, "alarms");
    assert_true(kit_says(KIT_OUT(book), "somebody rewrote it"));
    READS(book, false, "device", "list");
    assert_true(kit_says(KIT_OUT(book), "it cannot be confirmed: the person cannot be read"));
    assert_null(strstr(KIT_OUT(book), "disabled"));
}

/* It may be in the book: nobody confirms it as one that is not. */
static void test_a_copy_that_cannot_be_read(void **state)
{
    kit_book *book = *state;
    kit_phone an;
    kit_enrol(book, "an", 9, &an);
    note_heir(&an);
    damage(book, STORE_DEVICE, &COPY);
    uint64_t size = kit_log_size(book);
    KIT_EXPECT(1, book, "device", "confirm", "abcd", "--as", "office");
    assert_true(kit_says(KIT_ERR(book), "a row of device is damaged"));
    assert_int_equal(kit_log_size(book), size);
}

/* Nor does the row of a device, where its person is asked for. */
static void test_a_damaged_device(void **state)
{
    kit_book *book = *state;
    kit_phone an;
    kit_enrol(book, "an", 9, &an);
    note_rewritten(&an);
    READS(book, true, "audit", "list", "epochs", "--json");
    assert_true(kit_says(KIT_OUT(book), "\"rewritten\",\"outcome\":null,\"person\":\"an\""));
    damage(book, STORE_DEVICE, &an.device);
    READS(book, false, "audit", "list", "epochs", "--json");
    assert_true(kit_says(KIT_OUT(book), "\"what\":\"rewritten\""));
}

/* While it cannot be read whether a mark is of this log, nobody says that the book was put back. */
static void test_a_damaged_leaf(void **state)
{
    kit_book *book = *state;
    char meeting[33], visit[33];
    KIT_EXPECT(0, book, "new", "council_meeting", "-", "date=2026-03-20", "--as", "office");
    kit_take_id(book, meeting);
    KIT_EXPECT(0, book, "fence", "open", meeting, "--as", "office");
    KIT_EXPECT(0, book, "new", "visit", KIT_UNIT, "visit_kind=kiem_tra",
               "planned_date=2026-03-12", "--as", "office");
    kit_take_id(book, visit);
    READS(book, true, "fence", "list", "--json");
    assert_true(kit_says(KIT_OUT(book), "\"this_log\":true"));
    const pack_key first = pack_u64(1);
    kit_put_row(book, STORE_LEAF, pack_key_slice(&first), store_text("xx"));
    READS(book, false, "fence", "list", "--json");
    assert_true(kit_says(KIT_OUT(book), "\"this_log\":null"));
    READS(book, false, "fence", "list");
    assert_null(strstr(KIT_OUT(book), "put back"));
    READS(book, false, "fence", "list", "--csv");
    READS(book, false, "history", visit, "--after", meeting);
    assert_null(strstr(KIT_OUT(book), "put back"));
    READS(book, false, "history", visit, "--after", meeting, "--json");
    assert_true(kit_says(KIT_OUT(book), "\"after_known\":false"));
}

/* The n-th record of the form. */
static st_id record_of(kit_book *book, const char *form, size_t n)
{
    st_id id;
    KIT_EXPECT(0, book, "records", "--form", form, "--json");
    cJSON *json = cJSON_Parse(KIT_OUT(book));
    const cJSON *row = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "records"), (int)n);
    assert_non_null(row);
    assert_true(st_id_parse(cJSON_GetObjectItem(row, "id")->valuestring, &id));
    cJSON_Delete(json);
    return id;
}

/* A true code is true whatever became of the marks; of one of nothing that is here they might say
 * what it is of. */
static void test_damaged_marks(void **state)
{
    kit_book *book = *state;
    char meeting[33], visit[33], code[80];
    KIT_EXPECT(0, book, "new", "council_meeting", "-", "date=2026-03-20", "--as", "office");
    kit_take_id(book, meeting);
    KIT_EXPECT(0, book, "new", "visit", KIT_UNIT, "visit_kind=kiem_tra",
               "planned_date=2026-03-12", "--as", "office");
    kit_take_id(book, visit);
    KIT_EXPECT(0, book, "fence", "open", meeting, "--as", "office");
    KIT_EXPECT(0, book, "fence", "list", "--json");
    const char *at = strstr(KIT_OUT(book), "\"check_code\":\"");
    assert_non_null(at);
    (void)snprintf(code, sizeof code, "%.*s", (int)strcspn(at + 14, "\""), at + 14);
    READS(book, true, "audit", "proof", visit, "--code", code);
    assert_true(kit_says(KIT_OUT(book), "That is when meeting"));
    KIT_EXPECT(1, book, "audit", "proof", visit, "--code", "0123 4567 8901 2345");
    assert_true(kit_says(KIT_ERR(book), "no beginning of this log"));
    st_id fence = record_of(book, "fence", 0);
    damage(book, STORE_STATE, &fence);
    READS(book, false, "audit", "proof", visit, "--code", code);
    KIT_EXPECT(1, book, "audit", "proof", visit, "--code", "0123 4567 8901 2345");
    assert_null(strstr(KIT_ERR(book), "no beginning of this log"));
    assert_true(kit_says(KIT_ERR(book), "the marks of meetings"));
}

static st_err label_of(kit_book *book, const char *key, char label[200])
{
    store_txn txn = { 0 };
    sync_room *room = &book->rooms.sync;
    assert_int_equal(store_begin(room->store, STORE_READ_TXN, &txn, NULL), ST_OK);
    st_err err = catalogue_key_label(room->catalogue, &txn, "criterion", key, label, 200);
    store_end(&txn);
    return err;
}

/* A record of the list that cannot be read may be that of a key that is not found, and is none of
 * one that is. */
static void test_a_damaged_key(void **state)
{
    kit_book *book = *state;
    static const char *const KEYS[] = { "a1", "a2", "a3", "b1", "b2", "m1" };
    const size_t count = sizeof KEYS / sizeof KEYS[0];
    char label[200];
    size_t lost = 0;
    assert_int_equal(label_of(book, "zz", label), ST_OK);
    st_id first = record_of(book, "criterion", 0);
    READS(book, true, "stat", "--json");
    damage(book, STORE_STATE, &first);
    READS(book, false, "stat", "--json"); /* of its files nothing is known */
    for (size_t i = 0; i < count; i++) {
        st_err err = label_of(book, KEYS[i], label);
        lost += err != ST_OK;
        assert_int_equal(err != ST_OK, label[0] == '\0');
    }
    assert_true(lost <= 1);
    assert_int_equal(label_of(book, "zz", label), ST_E_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_evidence_names_any_entry, setup, stop),
        cmocka_unit_test_setup_teardown(test_more_evidence_than_can_be_shown, setup, stop),
        cmocka_unit_test_setup_teardown(test_a_damaged_person, setup, stop),
        cmocka_unit_test_setup_teardown(test_a_copy_that_cannot_be_read, setup, stop),
        cmocka_unit_test_setup_teardown(test_a_damaged_device, setup, stop),
        cmocka_unit_test_setup_teardown(test_damaged_marks, setup, stop),
        cmocka_unit_test_setup_teardown(test_a_damaged_leaf, setup, stop),
        cmocka_unit_test_setup_teardown(test_a_damaged_key, setup, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
