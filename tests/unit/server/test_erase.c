/* tests/unit/server/test_erase.c
 * What was erased is gone from log, state, forks and copies, for two people and a reason; nobody
 * takes a value out of a set on its way and so keeps the whole one from coming. */
#include "tests/unit/server/erase_kit.h"

#include "server/store/pack.h"
#include "server/sync/erase.h"
#include "server/sync/incident.h"
#include "server/sync/snapshot.h"

static void test_two_people_and_a_reason(void **state)
{
    kit_book *book = *state;
    kit_phone phone;
    st_buffer bytes;
    char id[33];
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    kit_enrol(book, "an", 7, &phone);
    st_id record = make_visit(&phone, "một điều riêng tư", 1, &bytes);
    st_id_format(&record, id);
    assert_int_equal(kit_send_bytes(&phone, &bytes), ST_VERDICT_STORED);
    KIT_EXPECT(2, book, "erase", id, "general_note", "--as", "admin", "--second", "head");
    KIT_EXPECT(1, book, "erase", id, "general_note", "--as", "admin", "--second", "admin",
               "--basis", "x");
    KIT_EXPECT(1, book, "erase", id, "general_note", "--as", "admin", "--second", "an",
               "--basis", "x");
    KIT_EXPECT(1, book, "erase", id, "general_note", "--as", "admin", "--second", "head",
               "--basis", " ");
    KIT_EXPECT(1, book, "erase", id, "visit_date", "--as", "admin", "--second", "head",
               "--basis", "x");
    KIT_EXPECT(1, book, "erase", id, "place", "--as", "admin", "--second", "head", "--basis",
               "x");
    assert_true(is_anywhere(book, "riêng tư"));
    KIT_EXPECT(0, book, "erase", id, "general_note", "visit_date", "--as", "admin", "--second",
               "head", "--basis", "điều 14");
    assert_true(kit_says(KIT_OUT(book), "1 values erased"));
    assert_true(kit_says(KIT_OUT(book), "1 numbers, dates or choices"));
    assert_false(is_anywhere(book, "riêng tư"));
    KIT_EXPECT(0, book, "show", id);
    assert_true(kit_says(KIT_OUT(book), "erased on request"));
    KIT_EXPECT(0, book, "search", "rieng tu");
    assert_true(kit_says(KIT_OUT(book), "0 records"));
    KIT_EXPECT(0, book, "audit", "list", "erasures");
    assert_true(kit_says(KIT_OUT(book), "điều 14"));
    KIT_EXPECT(1, book, "erase", id, "general_note", "--as", "admin", "--second", "head",
               "--basis", "x");
    assert_int_equal(kit_send_bytes(&phone, &bytes), ST_VERDICT_DUPLICATE);
    assert_false(is_anywhere(book, "riêng tư"));
    KIT_EXPECT(0, book, "rebuild");
    assert_false(is_anywhere(book, "riêng tư"));
    st_buffer_free(&bytes);
}

static void test_a_fork_holds_it_no_longer(void **state)
{
    kit_book *book = *state;
    kit_phone phone, copy;
    st_buffer bytes;
    char id[33];
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    kit_enrol(book, "an", 7, &phone);
    copy = phone;
    st_id record = make_visit(&phone, "lời thứ nhất", 1, &bytes);
    st_id_format(&record, id);
    assert_int_equal(kit_send_bytes(&phone, &bytes), ST_VERDICT_STORED);
    (void)make_visit(&copy, "lời thứ hai", 1, &bytes);
    assert_int_equal(kit_send_bytes(&copy, &bytes), ST_VERDICT_HELD);
    KIT_EXPECT(0, book, "erase", id, "general_note", "--as", "head", "--second", "admin",
               "--basis", "x");
    assert_true(kit_says(KIT_OUT(book), "2 values erased"));
    assert_false(is_anywhere(book, "lời thứ"));
    st_buffer_free(&bytes);
}

/* Anybody can take values out of a set without harm to its signature. */
static void test_a_set_is_not_taken_in_without_a_value(void **state)
{
    kit_book *book = *state;
    kit_phone phone;
    st_buffer bytes, left;
    char id[33];
    const uint32_t place = 0;
    const st_set_places places = { &place, 1 };
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    st_buffer_init(&left, ST_ERASED_SET_BYTES_MAX);
    kit_enrol(book, "an", 7, &phone);
    st_id record = make_visit(&phone, "đáng giữ lại", 1, &bytes);
    st_id_format(&record, id);
    assert_int_equal(st_set_erase(bytes.data, bytes.len, places, &left, NULL), ST_OK);
    assert_int_equal(kit_send_bytes(&phone, &left), ST_VERDICT_LATER);
    KIT_EXPECT(1, book, "show", id);
    assert_int_equal(kit_send_bytes(&phone, &bytes), ST_VERDICT_STORED);
    KIT_EXPECT(0, book, "show", id);
    assert_true(kit_says(KIT_OUT(book), "đáng giữ lại"));
    /* Once it is erased, what is left of it is a duplicate like the whole. */
    KIT_EXPECT(0, book, "erase", id, "general_note", "--as", "head", "--second", "admin",
               "--basis", "x");
    assert_int_equal(kit_send_bytes(&phone, &left), ST_VERDICT_DUPLICATE);
    st_buffer_free(&left);
    st_buffer_free(&bytes);
}

/* Put off, with a later set of the device in the log meanwhile: when the whole one comes, out of
 * its order, it is judged like any other, and what waited for it is let in. */
static void test_what_was_put_off_is_judged_when_it_is_whole(void **state)
{
    kit_book *book = *state;
    kit_phone phone;
    st_buffer bytes, left;
    char id[33];
    const uint32_t place = 0;
    const st_set_places places = { &place, 1 };
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    st_buffer_init(&left, ST_ERASED_SET_BYTES_MAX);
    kit_enrol(book, "an", 7, &phone);
    st_id record = make_visit(&phone, "đáng giữ lại", 1, &bytes);
    st_id_format(&record, id);
    assert_int_equal(st_set_erase(bytes.data, bytes.len, places, &left, NULL), ST_OK);
    for (int i = 0; i < 2; i++) /* however often it comes so */
        assert_int_equal(kit_send_bytes(&phone, &left), ST_VERDICT_LATER);
    assert_int_equal(kit_write(&phone, id, "place", "chợ phiên", NULL), ST_VERDICT_HELD);
    assert_int_equal(kit_send_bytes(&phone, &left), ST_VERDICT_LATER);
    KIT_EXPECT(1, book, "show", id);
    KIT_EXPECT(0, book, "held");
    assert_true(kit_says(KIT_OUT(book), id));
    assert_int_equal(kit_send_bytes(&phone, &bytes), ST_VERDICT_STORED);
    KIT_EXPECT(0, book, "show", id);
    assert_true(kit_says(KIT_OUT(book), "đáng giữ lại"));
    assert_true(kit_says(KIT_OUT(book), "chợ phiên"));
    KIT_EXPECT(0, book, "held");
    assert_false(kit_says(KIT_OUT(book), id));
    assert_int_equal(kit_send_bytes(&phone, &bytes), ST_VERDICT_DUPLICATE);
    assert_int_equal(kit_send_bytes(&phone, &left), ST_VERDICT_DUPLICATE);
    st_buffer_free(&left);
    st_buffer_free(&bytes);
}

/* The same of a device that lost its rights meanwhile: the whole one is kept, and waits. */
static void test_what_was_put_off_is_judged_by_the_rules_of_then(void **state)
{
    kit_book *book = *state;
    kit_phone phone;
    st_buffer bytes, left;
    char id[33], device[33];
    const uint32_t place = 0;
    const st_set_places places = { &place, 1 };
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    st_buffer_init(&left, ST_ERASED_SET_BYTES_MAX);
    kit_enrol(book, "an", 7, &phone);
    st_id record = make_visit(&phone, "đáng giữ lại", 1, &bytes);
    st_id_format(&record, id);
    st_id_format(&phone.device, device);
    assert_int_equal(st_set_erase(bytes.data, bytes.len, places, &left, NULL), ST_OK);
    assert_int_equal(kit_send_bytes(&phone, &left), ST_VERDICT_LATER);
    KIT_EXPECT(0, book, "device", "suspend", device);
    assert_int_equal(kit_send_bytes(&phone, &left), ST_VERDICT_LATER);
    assert_int_equal(kit_send_bytes(&phone, &bytes), ST_VERDICT_HELD);
    KIT_EXPECT(0, book, "show", id);
    assert_true(kit_says(KIT_OUT(book), "Not in the book"));
    KIT_EXPECT(0, book, "device", "suspend", device, "--lift");
    KIT_EXPECT(0, book, "show", id);
    assert_true(kit_says(KIT_OUT(book), "đáng giữ lại"));
    st_buffer_free(&left);
    st_buffer_free(&bytes);
}

/* The office's own values and reasons, and what a resolution or an amendment copied. */
static void test_reasons_go_too(void **state)
{
    kit_book *book = *state;
    char id[33];
    KIT_EXPECT(0, book, "new", "review_note", "-", "about_record=00000000000000000000000000000001",
               "text=ghi chú", "--as", "office", "--reason", "bà Nông Thị A nhờ ghi");
    kit_take_id(book, id);
    assert_true(is_anywhere(book, "Nông Thị A"));
    KIT_EXPECT(0, book, "erase", id, "@reason", "--as", "admin", "--second", "head", "--basis",
               "x");
    assert_false(is_anywhere(book, "Nông Thị A"));
    assert_true(is_anywhere(book, "ghi chú"));
}

/* A remark about the path, as `place` of the items that the phone adds in one change: what it says
 * in the fields named, in pairs. */
static size_t add_remark(kit_phone *phone, const char *group, uint16_t place,
                         const char *const *fields, st_op *ops)
{
    const st_form *form = catalogue_newest(phone->book->rooms.sync.catalogue, "visit");
    const st_group *of = st_form_group(form, group);
    size_t count = 0;
    assert_non_null(of);
    for (; fields[2 * count] != NULL; count++) {
        const st_field *field = st_group_field(of, fields[2 * count]);
        const char *text = fields[2 * count + 1];
        st_op *op = &ops[count];
        assert_non_null(field);
        memset(op, 0, sizeof *op);
        op->path.kind = ST_PATH_ITEM;
        op->path.group = of->no;
        op->path.field = field->no;
        op->path.item = (st_dot){ phone->device, phone->next };
        op->path.place = place;
        op->verb = ST_VERB_ITEM;
        op->value = (st_value){ .kind = ST_VALUE_TEXT, .data = (const uint8_t *)text,
                                .len = (uint32_t)strlen(text) };
    }
    return count;
}

/* ---- records that are not in the book ---- */

static void erase_note(kit_book *book, const char *id, const char *said)
{
    KIT_EXPECT(0, book, "erase", id, "general_note", "--as", "admin", "--second", "head",
               "--basis", "x");
    assert_true(kit_says(KIT_OUT(book), said));
}

/* What waits, or was declined, lies in the log like everything else: who is spoken of there has the
 * same right. */
static void test_a_record_that_is_held_or_declined(void **state)
{
    kit_book *book = *state;
    kit_phone phone;
    st_buffer bytes;
    char id[33], device[33];
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    kit_enrol(book, "an", 7, &phone);
    st_id_format(&phone.device, device);
    KIT_EXPECT(0, book, "device", "suspend", device);
    st_id record = make_visit(&phone, "điều riêng tư", 1, &bytes);
    st_id_format(&record, id);
    assert_int_equal(kit_send_bytes(&phone, &bytes), ST_VERDICT_HELD);
    assert_int_equal(kit_write(&phone, id, "place", "nhà bà Nông Thị A", NULL), ST_VERDICT_HELD);
    erase_note(book, id, "1 values erased");
    assert_false(is_anywhere(book, "riêng tư"));
    KIT_EXPECT(0, book, "show", id);
    assert_true(kit_says(KIT_OUT(book), "Not in the book"));
    assert_true(kit_says(KIT_OUT(book), "erased on request"));
    KIT_EXPECT(0, book, "held", "decline", "1", "--as", "office", "--reason", "không phải");
    assert_true(is_anywhere(book, "Nông Thị A"));
    KIT_EXPECT(0, book, "erase", id, "place", "--as", "admin", "--basis", "x");
    KIT_EXPECT(0, book, "request", "list", "--json");
    const char *at = strstr(KIT_OUT(book), "\"n\":");
    assert_non_null(at);
    char number[24] = "";
    assert_int_equal(sscanf(at, "\"n\":%20[0-9]", number), 1);
    KIT_EXPECT(0, book, "request", "show", number);
    assert_true(kit_says(KIT_OUT(book), "1 values go"));
    KIT_EXPECT(0, book, "request", "confirm", number, "--as", "head");
    assert_false(is_anywhere(book, "Nông Thị A"));
    assert_int_equal(kit_send_bytes(&phone, &bytes), ST_VERDICT_DUPLICATE);
    KIT_EXPECT(0, book, "rebuild");
    assert_false(is_anywhere(book, "riêng tư"));
    assert_false(is_anywhere(book, "Nông Thị A"));
    KIT_EXPECT(1, book, "erase", "00000000000000000000000000000000", "place", "--as", "admin",
               "--second", "head", "--basis", "x");
    assert_true(kit_says(KIT_ERR(book), "no such record"));
    st_buffer_free(&bytes);
}

/* Erased while it waited, then let in: it is in the book without the value, after a rebuild too. */
static void test_a_held_record_is_let_in_without_it(void **state)
{
    kit_book *book = *state;
    kit_phone phone;
    st_buffer bytes;
    char id[33], device[33];
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    kit_enrol(book, "an", 7, &phone);
    st_id_format(&phone.device, device);
    KIT_EXPECT(0, book, "device", "suspend", device);
    st_id record = make_visit(&phone, "điều riêng tư", 1, &bytes);
    st_id_format(&record, id);
    assert_int_equal(kit_send_bytes(&phone, &bytes), ST_VERDICT_HELD);
    erase_note(book, id, "1 values erased");
    KIT_EXPECT(0, book, "held", "accept", "1", "--as", "office", "--reason", "đúng");
    for (int rebuilt = 0; rebuilt < 2; rebuilt++) {
        assert_false(is_anywhere(book, "riêng tư"));
        KIT_EXPECT(0, book, "show", id);
        assert_null(strstr(KIT_OUT(book), "Not in the book"));
        assert_true(kit_says(KIT_OUT(book), "erased on request"));
        KIT_EXPECT(0, book, "verify");
        KIT_EXPECT(0, book, "rebuild");
    }
    st_buffer_free(&bytes);
}

/* Written on a record that never came: no form says what its paths are called. */
static void test_what_is_said_of_a_record_that_never_came(void **state)
{
    kit_book *book = *state;
    kit_phone phone;
    static const char *const ID = "0123456789abcdef0123456789abcdef";
    kit_enrol(book, "an", 7, &phone);
    assert_int_equal(kit_write(&phone, ID, "place", "nhà bà Nông Thị A", NULL), ST_VERDICT_HELD);
    KIT_EXPECT(1, book, "erase", ID, "place", "--as", "admin", "--second", "head", "--basis", "x");
    assert_true(kit_says(KIT_ERR(book), "erase @all"));
    KIT_EXPECT(0, book, "erase", ID, "@all", "--as", "admin", "--basis", "x");
    assert_true(kit_says(KIT_OUT(book), "about 1 values"));
    KIT_EXPECT(0, book, "erase", ID, "@all", "--as", "admin", "--second", "head", "--basis", "x");
    assert_false(is_anywhere(book, "Nông Thị A"));
    KIT_EXPECT(1, book, "erase", "00000000000000000000000000000000", "@all", "--as", "admin",
               "--second", "head", "--basis", "x");
    assert_true(kit_says(KIT_ERR(book), "no such record"));
}

/* All of a record, whatever its form calls it; and what the book itself runs on stays: without the
 * list of what was erased an old phone would bring it back. */
static void test_all_of_a_record_and_never_what_names_it(void **state)
{
    kit_book *book = *state;
    kit_phone phone;
    st_buffer bytes;
    char id[33], erasure[33] = "";
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    kit_enrol(book, "an", 7, &phone);
    st_id record = make_visit(&phone, "điều riêng tư", 1, &bytes);
    st_id_format(&record, id);
    assert_int_equal(kit_send_bytes(&phone, &bytes), ST_VERDICT_STORED);
    assert_int_equal(kit_write(&phone, id, "place", "nhà riêng tư", NULL), ST_VERDICT_STORED);
    KIT_EXPECT(0, book, "erase", id, "@all", "--as", "admin", "--second", "head", "--basis", "x");
    assert_true(kit_says(KIT_OUT(book), "2 values erased"));
    assert_false(is_anywhere(book, "riêng tư"));
    KIT_EXPECT(0, book, "records", "--form", "erasure", "--json");
    assert_int_equal(sscanf(KIT_OUT(book), "{\"records\":[{\"id\":\"%32[0-9a-f]", erasure), 1);
    KIT_EXPECT(1, book, "erase", erasure, "targets", "--as", "admin", "--second", "head",
               "--basis", "x");
    KIT_EXPECT(0, book, "erase", erasure, "@all", "--as", "admin", "--second", "head", "--basis",
               "x");
    assert_int_equal(kit_send_bytes(&phone, &bytes), ST_VERDICT_DUPLICATE);
    KIT_EXPECT(0, book, "rebuild");
    assert_false(is_anywhere(book, "riêng tư"));
    st_buffer_free(&bytes);
}

/* A record that only another branch of a device has, waiting or taken off the list. */
static void test_a_record_of_another_branch_alone(void **state)
{
    kit_book *book = *state;
    for (uint8_t dismissed = 0; dismissed < 2; dismissed++) {
        kit_phone phone, copy;
        st_buffer bytes;
        char id[33];
        st_buffer_init(&bytes, ST_SET_BYTES_MAX);
        kit_enrol(book, "an", (uint8_t)(7 + dismissed), &phone);
        copy = phone;
        (void)make_visit(&phone, "của sổ này", 1, &bytes);
        assert_int_equal(kit_send_bytes(&phone, &bytes), ST_VERDICT_STORED);
        st_id record = make_visit(&copy, "điều riêng tư", 2, &bytes);
        st_id_format(&record, id);
        assert_int_equal(kit_send_bytes(&copy, &bytes), ST_VERDICT_HELD);
        if (dismissed > 0) {
            KIT_EXPECT(0, book, "held", "decline", "2", "--as", "office", "--reason", "máy chép");
            KIT_EXPECT(0, book, "held");
            assert_false(kit_says(KIT_OUT(book), id));
        }
        assert_true(is_anywhere(book, "riêng tư"));
        erase_note(book, id, "1 values erased");
        assert_false(is_anywhere(book, "riêng tư"));
        assert_true(is_anywhere(book, "của sổ này"));
        KIT_EXPECT(0, book, "rebuild");
        assert_false(is_anywhere(book, "riêng tư"));
        st_buffer_free(&bytes);
    }
}

/* An amendment copies what stood there before, a settlement what it saw: a copy about the path goes
 * with the value, one about another path stays, and so does why it was amended. */
static void test_copies_go_too(void **state)
{
    kit_book *book = *state;
    kit_phone phone;
    st_buffer bytes;
    st_op ops[16];
    char id[33];
    static const char *const AMENDED[] = { "path", "general_note",     "old",    "lời cũ riêng tư",
                                           "new",  "lời mới riêng tư", "reason", "viết nhầm",
                                           NULL };
    static const char *const OTHER[] = { "path", "place", "old", "chỗ cũ", "new", "chỗ mới", NULL };
    static const char *const LONGER[] = { "path", "general_note2", "old", "của mục khác", NULL };
    static const char *const NOTHING[] = { "old", "không nói của mục nào", NULL };
    static const char *const SETTLED[] = { "path", "general_note", "values_seen",
                                           "ý kiến riêng tư", NULL };
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    kit_enrol(book, "an", 7, &phone);
    st_id record = make_visit(&phone, "một điều riêng tư", 1, &bytes);
    st_id_format(&record, id);
    assert_int_equal(kit_send_bytes(&phone, &bytes), ST_VERDICT_STORED);
    size_t count = add_remark(&phone, "amendments", 0, AMENDED, ops);
    count += add_remark(&phone, "amendments", 1, OTHER, ops + count);
    count += add_remark(&phone, "amendments", 2, LONGER, ops + count);
    count += add_remark(&phone, "amendments", 3, NOTHING, ops + count);
    count += add_remark(&phone, "settlements", 4, SETTLED, ops + count);
    st_change change = { .record = record, .ops = ops, .ops_count = (uint32_t)count };
    assert_int_equal(kit_send(&phone, &change), ST_VERDICT_STORED);
    assert_true(is_anywhere(book, "ý kiến riêng tư"));
    KIT_EXPECT(0, book, "held");
    assert_false(kit_says(KIT_OUT(book), id));
    KIT_EXPECT(0, book, "erase", id, "general_note", "--as", "admin", "--second", "head",
               "--basis", "x");
    assert_true(kit_says(KIT_OUT(book), "4 values erased"));
    assert_false(is_anywhere(book, "riêng tư"));
    static const char *const STAYS[] = { "chỗ cũ", "chỗ mới", "của mục khác", "viết nhầm",
                                         "không nói của mục nào" };
    for (size_t i = 0; i < sizeof STAYS / sizeof STAYS[0]; i++)
        assert_true(is_anywhere(book, STAYS[i]));
    KIT_EXPECT(1, book, "erase", id, "general_note", "--as", "admin", "--second", "head",
               "--basis", "x");
    assert_true(kit_says(KIT_ERR(book), "erased already"));
    KIT_EXPECT(0, book, "rebuild");
    assert_false(is_anywhere(book, "riêng tư"));
    st_buffer_free(&bytes);
}

/* Why something was amended or settled stands twice: with the change, and in the item that it adds.
 * Both go, and the lists say that something stood there. */
static void test_a_reason_that_an_item_says_again(void **state)
{
    kit_book *book = *state;
    kit_phone phone;
    st_buffer bytes;
    st_op ops[16];
    char id[33];
    static const char *const AMENDED[] = { "path", "general_note", "old", "lời cũ", "reason",
                                           "vì bà Nông Thị A", NULL };
    static const char *const SETTLED[] = { "path", "place", "reason", "bà Nông Thị A nói vậy",
                                           NULL };
    const st_value why = { .kind = ST_VALUE_TEXT, .data = (const uint8_t *)"vì bà Nông Thị A",
                           .len = (uint32_t)strlen("vì bà Nông Thị A") };
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    kit_enrol(book, "an", 7, &phone);
    st_id record = make_visit(&phone, "ghi chú", 1, &bytes);
    st_id_format(&record, id);
    assert_int_equal(kit_send_bytes(&phone, &bytes), ST_VERDICT_STORED);
    size_t count = add_remark(&phone, "amendments", 0, AMENDED, ops);
    count += add_remark(&phone, "settlements", 1, SETTLED, ops + count);
    st_change change = { .record = record, .ops = ops, .ops_count = (uint32_t)count,
                         .amend = true, .reason = why };
    assert_int_equal(kit_send(&phone, &change), ST_VERDICT_STORED);
    KIT_EXPECT(0, book, "audit", "list", "changed");
    assert_true(kit_says(KIT_OUT(book), "Nông Thị A"));
    KIT_EXPECT(0, book, "erase", id, "@reason", "--as", "admin", "--second", "head", "--basis",
               "x");
    assert_true(kit_says(KIT_OUT(book), "3 values erased"));
    assert_false(is_anywhere(book, "Nông Thị A"));
    assert_true(is_anywhere(book, "lời cũ"));
    KIT_EXPECT(0, book, "audit", "list", "changed");
    assert_true(kit_says(KIT_OUT(book), "erased on request"));
    KIT_EXPECT(0, book, "audit", "list", "changed", "--csv");
    assert_true(kit_says(KIT_OUT(book), "erased on request"));
    KIT_EXPECT(0, book, "audit", "list", "changed", "--json");
    assert_true(kit_says(KIT_OUT(book), "\"note\":\"\",\"note_erased\":true}"));
    KIT_EXPECT(1, book, "erase", id, "@reason", "--as", "admin", "--second", "head", "--basis",
               "x");
    assert_true(kit_says(KIT_ERR(book), "erased already"));
    KIT_EXPECT(0, book, "rebuild");
    assert_false(is_anywhere(book, "Nông Thị A"));
    st_buffer_free(&bytes);
}

/* What people and units are called is read off records of the catalogue: they follow. */
static void test_a_name_in_the_catalogue_goes_from_every_table(void **state)
{
    kit_book *book = *state;
    kit_phone phone;
    char id[33];
    auth_person person;
    store_txn txn = { 0 };
    kit_enrol(book, "an", 7, &phone);
    KIT_EXPECT(0, book, "user", "add", "mo", "--name", "Hoàng Văn Mơ", "--role", "officer");
    assert_true(is_in(book, STORE_PERSON, "Hoàng Văn Mơ"));
    assert_int_equal(store_begin(book->rooms.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(auth_person_by_login(&txn, "mo", &person, NULL), ST_OK);
    store_end(&txn);
    st_id_format(&person.id, id);
    KIT_EXPECT(0, book, "erase", id, "full_name", "--as", "admin", "--second", "head", "--basis",
               "x");
    assert_false(is_anywhere(book, "Hoàng Văn Mơ"));
    KIT_EXPECT(0, book, "user", "list");
    assert_true(kit_says(KIT_OUT(book), "mo"));
}

/* ---- snapshots ---- */

static st_hash offer(kit_book *book, const st_bucket *bucket)
{
    st_arena arena;
    store_txn txn = { 0 };
    st_snapshot snapshot;
    st_arena_init(&arena, 64u << 20);
    assert_int_equal(store_begin(book->rooms.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_snapshot_offer(&book->rooms.sync, &txn, bucket, &arena, &snapshot,
                                         NULL), ST_OK);
    st_hash name = st_snapshot_name(&snapshot);
    store_end(&txn);
    st_arena_reset(&arena);
    return name;
}

static bool is_given(kit_book *book, const st_bucket *bucket, const st_hash *name)
{
    int fd = -1;
    uint64_t bytes = 0;
    if (sync_snapshot_open(&book->rooms.sync, bucket, name, &fd, &bytes, NULL) != ST_OK)
        return false;
    assert_int_equal(close(fd), 0);
    return true;
}

static void run_in(const kit_book *book, const char *command)
{
    char line[256];
    (void)snprintf(line, sizeof line, "cd %s && %s", book->dir, command);
    assert_int_equal(system(line), 0);
}

/* The files go; one that came back, or was cut from a moment before, is not given out. */
static void test_a_snapshot_with_the_value_is_not_given_out(void **state)
{
    kit_book *book = *state;
    kit_phone phone;
    st_buffer bytes;
    char id[33];
    st_id record = { { 0 } };
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    kit_enrol(book, "an", 7, &phone);
    for (uint8_t i = 0; i < SYNC_SNAPSHOT_RECORDS_MIN + 2; i++) {
        record = make_visit(&phone, "một điều riêng tư", i, &bytes);
        assert_int_equal(kit_send_bytes(&phone, &bytes), ST_VERDICT_STORED);
    }
    st_id_format(&record, id);
    const st_hash first = offer(book, &phone.bucket);
    assert_true(is_given(book, &phone.bucket, &first));
    run_in(book, "cp -r snapshots kept");
    /* Of a server that died. */
    run_in(book, "touch snapshots/dense.zst snapshots/new.zst snapshots/next.zst");
    KIT_EXPECT(0, book, "erase", id, "general_note", "--as", "admin", "--second", "head",
               "--basis", "x");
    assert_false(is_given(book, &phone.bucket, &first));
    run_in(book, "test -z \"$(ls snapshots/*.zst 2>/dev/null)\"");
    run_in(book, "rm -r snapshots && mv kept snapshots");
    assert_false(is_given(book, &phone.bucket, &first));
    const st_hash second = offer(book, &phone.bucket);
    assert_memory_not_equal(first.b, second.b, sizeof first.b);
    assert_true(is_given(book, &phone.bucket, &second));
    assert_false(is_given(book, &phone.bucket, &first));
    run_in(book, "test $(ls snapshots/*.zst | wc -l) = 1");
    st_buffer_free(&bytes);
}

/* Fills the bucket of the phone until a snapshot is cut of it. */
static void fill(kit_phone *phone)
{
    st_buffer bytes;
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    for (uint8_t i = 0; i < SYNC_SNAPSHOT_RECORDS_MIN; i++) {
        (void)make_visit(phone, "ghi chú", i, &bytes);
        assert_int_equal(kit_send_bytes(phone, &bytes), ST_VERDICT_STORED);
    }
    st_buffer_free(&bytes);
}

/* Erases all of a record. The snapshot that was cut of the bucket before is gone, files and all,
 * and is not given out when they come back; the next one is. */
static void erase_past_a_snapshot(kit_book *book, const st_bucket *bucket, const char *id)
{
    assert_true(is_anywhere(book, "riêng tư"));
    const st_hash first = offer(book, bucket);
    assert_true(is_given(book, bucket, &first));
    run_in(book, "cp -r snapshots kept");
    KIT_EXPECT(0, book, "erase", id, "@all", "--as", "admin", "--second", "head", "--basis", "x");
    assert_false(is_anywhere(book, "riêng tư"));
    run_in(book, "test -z \"$(ls snapshots/*.zst 2>/dev/null)\"");
    run_in(book, "rm -r snapshots && mv kept snapshots");
    assert_false(is_given(book, bucket, &first));
    const st_hash second = offer(book, bucket);
    assert_memory_not_equal(first.b, second.b, sizeof first.b);
    assert_true(is_given(book, bucket, &second));
    assert_false(is_given(book, bucket, &first));
}

/* A set that waits lies whole in the snapshot of its bucket: its record is in no book. */
static void test_a_snapshot_with_what_waits_is_not_given_out(void **state)
{
    kit_book *book = *state;
    kit_phone phone;
    st_buffer bytes;
    char id[33], device[33];
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    kit_enrol(book, "an", 7, &phone);
    fill(&phone);
    st_id_format(&phone.device, device);
    KIT_EXPECT(0, book, "device", "suspend", device);
    st_id record = make_visit(&phone, "điều riêng tư", 99, &bytes);
    st_id_format(&record, id);
    assert_int_equal(kit_send_bytes(&phone, &bytes), ST_VERDICT_HELD);
    erase_past_a_snapshot(book, &phone.bucket, id);
    st_buffer_free(&bytes);
}

/* The same of a change that another client wrote in one bucket on a record of another: it is the
 * first one's snapshot that has it. */
static void test_a_snapshot_with_what_is_about_another_bucket(void **state)
{
    kit_book *book = *state;
    kit_phone phone;
    char id[33];
    kit_enrol(book, "an", 7, &phone);
    fill(&phone);
    KIT_EXPECT(0, book, "new", "review_note", "-", "about_record=00000000000000000000000000000001",
               "text=ghi chú", "--as", "office");
    kit_take_id(book, id);
    assert_int_equal(kit_write(&phone, id, "place", "nơi riêng tư", NULL), ST_VERDICT_HELD);
    erase_past_a_snapshot(book, &phone.bucket, id);
}

/* ---- what a phone once showed of itself ---- */

/* The record as it is now, encoded as a phone would show it. */
static void state_of(kit_book *book, const st_id *record, st_buffer *out)
{
    store_txn txn = { 0 };
    st_arena arena;
    st_record read;
    st_arena_init(&arena, 1u << 22);
    assert_int_equal(store_begin(book->rooms.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_record_get(&txn, record, &arena, &read, NULL, NULL), ST_OK);
    assert_int_equal(st_record_encode(&read, out, NULL), ST_OK);
    store_end(&txn);
    st_arena_reset(&arena);
}

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

static void show_evidence(const kit_phone *phone, const st_repair_evidence *list, uint32_t count)
{
    showing s = { .phone = phone, .ask = { .bucket = phone->bucket, .evidence = list,
                                           .evidence_count = count } };
    writer_job job = { .run = run_show, .argument = &s };
    s.ask.sum.b[0] = 1;
    assert_int_equal(writer_submit(phone->book->rooms.writer, &job, NULL), ST_OK);
    assert_true(s.kept);
}

static bool count_evidence(void *context, const sync_incident *incident)
{
    uint32_t *count = context;
    for (uint32_t i = 0; i < incident->evidence_count; i++)
        *count += incident->evidence[i].state_len > 0;
    return true;
}

static uint32_t readable_evidence(kit_book *book)
{
    uint32_t count = 0;
    store_txn txn = { 0 };
    assert_int_equal(store_begin(book->rooms.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_incident_each(&txn, count_evidence, &count, NULL), ST_OK);
    store_end(&txn);
    return count;
}

/* Evidence of a repair holds whole states: the value goes from those that lie here, and from those
 * that a phone brings later; what is said of other records stays. */
static void test_evidence_of_phones(void **state)
{
    kit_book *book = *state;
    kit_phone phone;
    st_buffer bytes, one, two;
    char id[33];
    st_buffer_init(&bytes, ST_SET_BYTES_MAX);
    st_buffer_init(&one, 1u << 20);
    st_buffer_init(&two, 1u << 20);
    kit_enrol(book, "an", 9, &phone);
    st_id record = make_visit(&phone, "điều kín đáo", 1, &bytes);
    assert_int_equal(kit_send_bytes(&phone, &bytes), ST_VERDICT_STORED);
    st_id other = make_visit(&phone, "điều của người khác", 2, &bytes);
    assert_int_equal(kit_send_bytes(&phone, &bytes), ST_VERDICT_STORED);
    state_of(book, &record, &one);
    state_of(book, &other, &two);
    const uint8_t torn[] = "\xff kín đáo, nhưng không đọc được";
    const st_repair_evidence shown[] = { { record, one.data, one.len },
                                         { other, two.data, two.len },
                                         { record, torn, sizeof torn } };
    show_evidence(&phone, shown, 3);
    assert_true(is_in(book, STORE_INCIDENT, "kín đáo"));
    assert_int_equal(readable_evidence(book), 3);
    st_id_format(&record, id);
    KIT_EXPECT(0, book, "erase", id, "general_note", "--as", "admin", "--second", "head",
               "--basis", "điều 14");
    assert_false(is_anywhere(book, "kín đáo"));
    assert_true(is_in(book, STORE_INCIDENT, "người khác"));
    assert_int_equal(readable_evidence(book), 2);   /* nobody knows what the torn one held */
    /* a phone that never heard of it shows the same */
    phone.device.b[0] ^= 1;
    show_evidence(&phone, shown, 2);
    assert_false(is_anywhere(book, "kín đáo"));
    assert_int_equal(readable_evidence(book), 4);
    show_evidence(&phone, shown, 2);                /* again, since an answer was lost */
    assert_int_equal(readable_evidence(book), 4);
    KIT_EXPECT(0, book, "verify");
    st_buffer_free(&bytes);
    st_buffer_free(&one);
    st_buffer_free(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_two_people_and_a_reason, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_fork_holds_it_no_longer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_set_is_not_taken_in_without_a_value, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_what_was_put_off_is_judged_when_it_is_whole, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_what_was_put_off_is_judged_by_the_rules_of_then,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_reasons_go_too, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_record_that_is_held_or_declined, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_held_record_is_let_in_without_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_said_of_a_record_that_never_came, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_all_of_a_record_and_never_what_names_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_record_of_another_branch_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_copies_go_too, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_reason_that_an_item_says_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_evidence_of_phones, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_name_in_the_catalogue_goes_from_every_table, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_snapshot_with_the_value_is_not_given_out, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_snapshot_with_what_waits_is_not_given_out, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_snapshot_with_what_is_about_another_bucket, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
