/* tests/unit/server/test_unread.c - what a device shows, or a damaged row, takes nothing else from
 * the office: a list with such a line is still answered, and where it is not whole it says so. */
#include <cjson/cJSON.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_evidence_names_any_entry, setup, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
