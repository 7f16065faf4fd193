/* tests/unit/proto/test_files.c
 * What a record says of its attached files, read off whatever was folded into it: values of other
 * kinds than the form wants, forms that lack half of the fields, items that were dropped, kept
 * again or written in part; and every limit of the memory it may take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "proto/files.h"
#include "proto/limits.h"
#include "proto/merge.h"

#define GROUP 50u

enum { KIND = 1, NAME = 2, MIME = 3, SIZE = 4, HASHES = 5, LOST = 15, THUMBNAIL = 21 };

#define FIELD(number, called, holds)                                                               \
    {                                                                                              \
        .no = (number), .name = (called), .vi = (called), .en = (called), .type = (holds)          \
    }
static const st_field FIELDS[] = {
    FIELD(HASHES, "chunk_hashes", ST_TYPE_BYTES), FIELD(KIND, "kind", ST_TYPE_CODE),
    FIELD(NAME, "name", ST_TYPE_STR),             FIELD(MIME, "mime", ST_TYPE_STR),
    FIELD(SIZE, "size", ST_TYPE_UINT),            FIELD(LOST, "declared_lost", ST_TYPE_BOOL),
    FIELD(THUMBNAIL, "thumbnail", ST_TYPE_BYTES),
};
#define FIELDS_COUNT ((uint32_t)(sizeof FIELDS / sizeof FIELDS[0]))

static const st_id PHONE = { { 'p' } }, OFFICE = { { 'q' } }, RECORD = { { 'r' } };
static const st_bucket BUCKET = { "01477/unit/01477-x001" };

typedef struct {
    st_arena arena;
    st_record record;
    st_vector vector;
    st_op ops[64];
    st_change change; /* being made */
    uint64_t counters[2]; /* of the phone, of the office */
    st_group group;
    st_form form;
} shelf;

static int shelf_open(void **state)
{
    static shelf s;
    memset(&s, 0, sizeof s);
    st_arena_init(&s.arena, (size_t)16 << 20);
    st_record_init(&s.record, &s.arena, &RECORD, &BUCKET);
    st_vector_init(&s.vector, &s.arena);
    s.group = (st_group){ .no = GROUP, .name = "attachments", .fields = FIELDS,
                          .fields_count = FIELDS_COUNT };
    s.form = (st_form){ .name = "visit", .version = 1, .groups = &s.group, .groups_count = 1 };
    *state = &s;
    return 0;
}

static int shelf_close(void **state)
{
    st_arena_reset(&((shelf *)*state)->arena);
    return 0;
}

/* ---- making the record ---- */

static void begin(shelf *s, const st_id *device)
{
    size_t which = device == &PHONE ? 0 : 1;
    memset(&s->change, 0, sizeof s->change);
    s->change.prev = s->counters[which];
    s->change.dot = (st_dot){ *device, ++s->counters[which] };
    s->change.record = RECORD;
    s->change.hlc = (st_hlc)(1000 + s->counters[0] + s->counters[1]) << 16;
    s->change.ops = s->ops;
}

static st_op *add(shelf *s, st_verb verb, uint16_t field, const st_dot *item, uint16_t place)
{
    assert_true(s->change.ops_count < sizeof s->ops / sizeof s->ops[0]);
    st_op *op = &s->ops[s->change.ops_count++];
    memset(op, 0, sizeof *op);
    op->verb = verb;
    op->path = (st_path){ .kind = ST_PATH_ITEM, .group = GROUP, .field = field, .item = *item,
                          .place = place };
    return op;
}

static st_dot end(shelf *s)
{
    static const st_arrival ARRIVAL = { .role = ST_ROLE_OFFICER };
    assert_int_equal(st_merge_fold(&s->vector, &s->record, &s->change, &ARRIVAL,
                                   (st_fold_how){ ST_FOLD_APPLY, true }),
                     ST_OK);
    return s->change.dot;
}

static st_value of_text(st_value_kind kind, const char *text)
{
    return (st_value){ .kind = kind, .data = (const uint8_t *)text, .len = (uint32_t)strlen(text) };
}

static st_value of_number(int64_t number)
{
    return (st_value){ .kind = ST_VALUE_INT, .number = number };
}

/* So many hashes, each full of a letter; `more` bytes too many. */
static st_value of_hashes(size_t count, size_t more)
{
    static uint8_t bytes[8 * sizeof(st_hash) + 1];
    assert_true(count * sizeof(st_hash) + more <= sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)('a' + i / sizeof(st_hash));
    return (st_value){ .kind = ST_VALUE_BYTES, .data = bytes,
                       .len = (uint32_t)(count * sizeof(st_hash) + more) };
}

/* One value of a new item. */
static void say(shelf *s, uint16_t field, uint16_t place, st_value value)
{
    add(s, ST_VERB_ITEM, field, &s->change.dot, place)->value = value;
}

/* An item with its hashes alone, made by the phone in a change of its own. */
static st_dot bare(shelf *s, size_t hashes)
{
    begin(s, &PHONE);
    say(s, HASHES, 0, of_hashes(hashes, 0));
    return end(s);
}

/* Another change of the same item by the office. */
static void correct(shelf *s, const st_dot *item, uint16_t field, st_value value)
{
    begin(s, &OFFICE);
    add(s, ST_VERB_SET, field, item, 0)->value = value;
    (void)end(s);
}

static size_t read_all(shelf *s, st_file **out_files)
{
    size_t count = 99;
    assert_int_equal(st_files_of(&s->form, &s->record, &s->arena, out_files, &count, NULL), ST_OK);
    return count;
}

static st_file *read_one(shelf *s)
{
    st_file *files = NULL;
    assert_int_equal(read_all(s, &files), 1);
    return files;
}

/* ---- what a file says ---- */

static void test_all_that_is_signed_is_read(void **state)
{
    static const char JPEG[] = "\xff\xd8 some points";
    shelf *s = *state;
    begin(s, &PHONE);
    say(s, HASHES, 0, of_hashes(3, 0));
    say(s, NAME, 0, of_text(ST_VALUE_TEXT, "biên bản.pdf"));
    say(s, KIND, 0, of_text(ST_VALUE_CODE, "document"));
    say(s, MIME, 0, of_text(ST_VALUE_TEXT, "application/pdf"));
    say(s, SIZE, 0, of_number(40000));
    st_value picture = of_text(ST_VALUE_BYTES, JPEG);
    say(s, THUMBNAIL, 0, picture);
    st_dot item = end(s);
    const st_file *file = read_one(s);
    assert_string_equal(file->name, "biên bản.pdf");
    assert_string_equal(file->kind, "document");
    assert_string_equal(file->mime, "application/pdf");
    assert_int_equal(file->bytes, 40000);
    assert_int_equal(file->count, 3);
    assert_int_equal(file->hashes[0].b[0], 'a');
    assert_int_equal(file->hashes[2].b[31], 'c');
    assert_int_equal(file->thumbnail_len, strlen(JPEG));
    assert_memory_equal(file->thumbnail, JPEG, strlen(JPEG));
    assert_false(file->is_lost || file->is_dropped);
    assert_int_equal(file->missing, 0);
    assert_int_equal(st_dot_cmp(&file->path.item, &item), 0);
}

static void test_hashes_alone_are_a_file(void **state)
{
    shelf *s = *state;
    (void)bare(s, 1);
    const st_file *file = read_one(s);
    assert_string_equal(file->name, "");
    assert_string_equal(file->kind, "");
    assert_string_equal(file->mime, "");
    assert_int_equal(file->bytes, 0);
    assert_null(file->thumbnail);
    assert_int_equal(file->thumbnail_len, 0);
    assert_false(file->is_lost || file->is_dropped);
}

/* The catalogue's form has a list of kinds: the number is read as what the list calls it. */
static void test_the_kind_by_its_number(void **state)
{
    static const st_option OPTIONS[] = { { 1, "photo", "ảnh", "photo" },
                                         { 3, "pdf", "tệp PDF", "PDF file" } };
    static const st_list KINDS = { "attachment_kind", OPTIONS, 2 };
    static const struct {
        int64_t number;
        const char *called;
    } CASES[] = { { 1, "photo" }, { 3, "pdf" }, { 2, "" }, { 0, "" }, { -1, "" }, { 65539, "" } };
    shelf *s = *state;
    st_field fields[FIELDS_COUNT];
    memcpy(fields, FIELDS, sizeof fields);
    fields[1].type = ST_TYPE_ENUM;
    s->group.fields = fields;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        begin(s, &PHONE);
        say(s, HASHES, 0, of_hashes(1, 0));
        say(s, KIND, 0, of_number(CASES[i].number));
        (void)end(s);
    }
    for (int has_list = 0; has_list < 2; has_list++) {
        st_file *files = NULL;
        fields[1].list = has_list ? &KINDS : NULL;
        assert_int_equal(read_all(s, &files), sizeof CASES / sizeof CASES[0]);
        for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
            assert_string_equal(files[i].kind, has_list ? CASES[i].called : "");
    }
    s->group.fields = FIELDS;
}

/* A program that errs, or wants ill, signs values of other kinds: each is as if not there. */
static void test_values_of_another_kind_say_nothing(void **state)
{
    shelf *s = *state;
    begin(s, &PHONE);
    say(s, HASHES, 0, of_hashes(1, 0));
    say(s, NAME, 0, of_number(7));
    say(s, KIND, 0, of_text(ST_VALUE_BYTES, "document"));
    say(s, MIME, 0, of_text(ST_VALUE_TEXT, ""));
    say(s, SIZE, 0, of_text(ST_VALUE_TEXT, "40000"));
    say(s, LOST, 0, of_text(ST_VALUE_CODE, "1"));
    say(s, THUMBNAIL, 0, of_text(ST_VALUE_TEXT, "no picture"));
    (void)end(s);
    const st_file *file = read_one(s);
    assert_string_equal(file->name, "");
    assert_string_equal(file->kind, "");
    assert_string_equal(file->mime, "");
    assert_int_equal(file->bytes, 0);
    assert_null(file->thumbnail);
    assert_false(file->is_lost);
}

static void test_a_size_is_above_zero(void **state)
{
    static const int64_t SIZES[] = { 0, -1, INT64_MIN, 1, INT64_MAX };
    shelf *s = *state;
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        begin(s, &PHONE);
        say(s, HASHES, 0, of_hashes(1, 0));
        say(s, SIZE, 0, of_number(SIZES[i]));
        (void)end(s);
    }
    st_file *files = NULL;
    assert_int_equal(read_all(s, &files), 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(files[i].bytes, SIZES[i] > 0 ? (uint64_t)SIZES[i] : 0);
}

static void test_only_one_is_lost(void **state)
{
    static const int64_t SAID[] = { 0, 1, 2, -1 };
    shelf *s = *state;
    for (size_t i = 0; i < 4; i++) {
        st_dot item = bare(s, 1);
        correct(s, &item, LOST, of_number(SAID[i]));
    }
    st_file *files = NULL;
    assert_int_equal(read_all(s, &files), 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(files[i].is_lost, SAID[i] == 1);
}

/* ---- what is a file at all ---- */

static void test_what_is_no_list_of_hashes(void **state)
{
    shelf *s = *state;
    begin(s, &PHONE);
    say(s, HASHES, 0, of_hashes(0, 0));                      /* none */
    say(s, HASHES, 1, of_hashes(1, 1));                      /* a byte too many */
    say(s, HASHES, 2, of_hashes(0, 31));                     /* a byte too few */
    say(s, HASHES, 3, of_text(ST_VALUE_TEXT, "12345678901234567890123456789012"));
    say(s, HASHES, 4, (st_value){ .kind = ST_VALUE_NULL });
    say(s, NAME, 5, of_text(ST_VALUE_TEXT, "a name without hashes"));
    say(s, THUMBNAIL, 6, of_hashes(2, 0));                   /* looks like some */
    (void)end(s);
    st_file *files = NULL;
    assert_int_equal(read_all(s, &files), 0);
    begin(s, &PHONE);
    say(s, HASHES, 0, of_hashes(8, 0));
    (void)end(s);
    assert_int_equal(read_all(s, &files), 1);
    assert_int_equal(files->count, 8);
}

/* The same numbers in other places of the record are other fields. */
static void test_the_same_numbers_elsewhere(void **state)
{
    shelf *s = *state;
    begin(s, &PHONE);
    st_op *op = add(s, ST_VERB_SET, HASHES, &s->change.dot, 0);
    op->path = (st_path){ .kind = ST_PATH_FIELD, .field = HASHES };
    op->value = of_hashes(1, 0);
    op = add(s, ST_VERB_SET, HASHES, &s->change.dot, 0);
    op->path = (st_path){ .kind = ST_PATH_KEYED, .group = GROUP, .field = HASHES, .key = { "a" } };
    op->value = of_hashes(1, 0);
    op = add(s, ST_VERB_ITEM, HASHES, &s->change.dot, 0);
    op->path.group = GROUP + 1;
    op->value = of_hashes(1, 0);
    (void)end(s);
    st_file *files = NULL;
    assert_int_equal(read_all(s, &files), 0);
}

static void test_several_items_of_one_change(void **state)
{
    static const char *const NAMES[] = { "một.jpg", "hai.jpg", "ba.jpg" };
    shelf *s = *state;
    begin(s, &PHONE);
    for (uint16_t i = 0; i < 3; i++) {
        say(s, HASHES, i, of_hashes(i + 1u, 0));
        say(s, NAME, i, of_text(ST_VALUE_TEXT, NAMES[i]));
    }
    (void)end(s);
    st_file *files = NULL;
    assert_int_equal(read_all(s, &files), 3);
    for (uint16_t i = 0; i < 3; i++) {
        assert_int_equal(files[i].path.place, i);
        assert_int_equal(files[i].count, i + 1);
        assert_string_equal(files[i].name, NAMES[i]);
    }
}

/* Two values of one field: that which people see first is the file's, the later one. */
static void test_the_value_that_is_shown_counts(void **state)
{
    shelf *s = *state;
    begin(s, &PHONE);
    say(s, HASHES, 0, of_hashes(1, 0));
    say(s, NAME, 0, of_text(ST_VALUE_TEXT, "cũ.pdf"));
    st_dot item = end(s);
    correct(s, &item, NAME, of_text(ST_VALUE_TEXT, "mới.pdf")); /* did not see the other one */
    assert_string_equal(read_one(s)->name, "mới.pdf");
}

/* Somebody adds hashes to an item that has some: both lists are files, and neither hides the
 * other. */
static void test_two_lists_for_one_item(void **state)
{
    shelf *s = *state;
    st_dot item = bare(s, 2);
    correct(s, &item, HASHES, of_hashes(5, 0));
    st_file *files = NULL;
    assert_int_equal(read_all(s, &files), 2);
    assert_int_equal(files[0].count + files[1].count, 7);
}

/* ---- dropped ---- */

static void drop(shelf *s, const st_id *device, const st_dot *item, st_verb verb)
{
    begin(s, device);
    st_op *op = add(s, verb, 0, item, 0);
    op->path = (st_path){ .kind = ST_PATH_DROP, .group = GROUP, .item = *item };
    if (verb == ST_VERB_DROP)
        op->value = of_number(1);
    assert_int_equal(st_edit_replaces(&s->record, ST_CLASS_DECISIVE, &s->arena, op, NULL), ST_OK);
    assert_int_equal(
        st_edit_context(&s->record, &s->vector, &s->arena, &s->change.context, NULL), ST_OK);
    (void)end(s);
}

static void test_dropped_and_kept_again(void **state)
{
    shelf *s = *state;
    st_dot item = bare(s, 1), other = bare(s, 1);
    drop(s, &OFFICE, &item, ST_VERB_DROP);
    st_file *files = NULL;
    assert_int_equal(read_all(s, &files), 2); /* it is named still: its pieces lie somewhere */
    for (size_t i = 0; i < 2; i++) {
        bool is_other = st_dot_cmp(&files[i].path.item, &other) == 0;
        assert_int_equal(files[i].is_dropped, !is_other);
        files[i].missing = 1;
        assert_int_equal(st_file_waits(&files[i]), is_other);
    }
    drop(s, &OFFICE, &item, ST_VERB_KEEP);
    assert_int_equal(read_all(s, &files), 2);
    assert_false(files[0].is_dropped || files[1].is_dropped);
}

/* What the change that is being made would do; NULL: nothing that the limits mind. */
static const char *check_files(shelf *s)
{
    const char *why = "never set";
    assert_int_equal(st_files_check(&s->form, &s->record, &s->change, &s->arena, &why, NULL),
                     ST_OK);
    return why;
}

static void test_so_many_files_and_no_more(void **state)
{
    shelf *s = *state;
    st_dot first = bare(s, 1);
    for (size_t i = 1; i < ST_RECORD_FILES_MAX - 1; i++)
        (void)bare(s, 1);
    begin(s, &OFFICE);
    assert_null(check_files(s)); /* a change that brings none */
    say(s, NAME, 0, of_text(ST_VALUE_TEXT, "a.pdf"));
    say(s, HASHES, 0, of_hashes(2, 0));
    assert_null(check_files(s)); /* the hundredth */
    say(s, HASHES, 1, of_hashes(1, 0));
    assert_string_equal(check_files(s), "attachments: the record would have more than 100 files");
    s->ops[2].value = of_hashes(1, 1);
    assert_null(check_files(s)); /* what is no list of hashes is no file */
    (void)end(s);
    begin(s, &PHONE);
    add(s, ST_VERB_SET, HASHES, &first, 0)->value = of_hashes(3, 0);
    assert_null(check_files(s)); /* that one is there already */
    say(s, HASHES, 0, of_hashes(1, 0));
    assert_non_null(check_files(s));
    drop(s, &OFFICE, &first, ST_VERB_DROP);
    begin(s, &PHONE);
    say(s, HASHES, 0, of_hashes(1, 0));
    assert_null(check_files(s)); /* one was dropped: there is room again */
}

static void test_so_many_bytes_and_no_more(void **state)
{
    shelf *s = *state;
    st_dot item = { PHONE, 0 };
    for (size_t i = 0; i < 10; i++) {
        begin(s, &PHONE);
        item = s->change.dot;
        say(s, HASHES, 0, of_hashes(1, 0));
        say(s, SIZE, 0, of_number(ST_ATTACHMENT_BYTES_MAX));
        assert_null(check_files(s)); /* the tenth makes it full to the byte */
        (void)end(s);
    }
    begin(s, &PHONE);
    say(s, HASHES, 0, of_hashes(1, 0));
    assert_null(check_files(s)); /* of no size that anybody said */
    say(s, SIZE, 0, of_number(1));
    assert_string_equal(check_files(s),
                        "attachments: the files of the record would have over 200 MiB");
    s->ops[1].value = of_number(-5);
    assert_null(check_files(s));
    s->ops[1].value = of_number(1);
    s->ops[1].path.place = 1;
    assert_null(check_files(s)); /* of another item */
    drop(s, &OFFICE, &item, ST_VERB_DROP);
    begin(s, &PHONE);
    say(s, HASHES, 0, of_hashes(1, 0));
    say(s, SIZE, 0, of_number(ST_ATTACHMENT_BYTES_MAX));
    assert_null(check_files(s));
}

/* Where the form has no files, nothing counts as one; want of memory is said. */
static void test_limits_of_other_forms(void **state)
{
    shelf *s = *state;
    const char *why = "never set";
    st_arena none;
    st_form other = { .name = "note", .version = 1 };
    for (size_t i = 0; i < ST_RECORD_FILES_MAX; i++)
        (void)bare(s, 1);
    begin(s, &PHONE);
    say(s, HASHES, 0, of_hashes(1, 0));
    assert_non_null(check_files(s));
    assert_int_equal(st_files_check(&other, &s->record, &s->change, &s->arena, &why, NULL), ST_OK);
    assert_null(why);
    assert_int_equal(st_files_check(NULL, &s->record, &s->change, &s->arena, &why, NULL), ST_OK);
    assert_null(why);
    st_arena_init(&none, 64);
    assert_int_equal(st_files_check(&s->form, &s->record, &s->change, &none, &why, NULL),
                     ST_E_MEMORY);
    st_arena_reset(&none);
}

/* Dropped by one who had not seen what another writes at it: somebody keeps it. */
static void test_contested_is_not_dropped(void **state)
{
    shelf *s = *state;
    st_dot item = bare(s, 1);
    drop(s, &OFFICE, &item, ST_VERB_DROP);
    assert_true(read_one(s)->is_dropped);
    begin(s, &PHONE); /* it knows nothing of the drop */
    add(s, ST_VERB_SET, NAME, &item, 0)->value = of_text(ST_VALUE_TEXT, "sửa tên.pdf");
    (void)end(s);
    const st_file *file = read_one(s);
    assert_false(file->is_dropped);
    assert_string_equal(file->name, "sửa tên.pdf");
}

static void test_what_waits(void **state)
{
    (void)state;
    static const struct {
        size_t missing;
        bool is_lost, is_dropped, waits;
    } CASES[] = {
        { 0, false, false, false }, { 1, false, false, true }, { 1, true, false, false },
        { 1, false, true, false },  { 2, true, true, false },  { 0, true, true, false },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const st_file file = { .missing = CASES[i].missing, .is_lost = CASES[i].is_lost,
                               .is_dropped = CASES[i].is_dropped };
        assert_int_equal(st_file_waits(&file), CASES[i].waits);
    }
}

/* ---- forms ---- */

static void must_have_none(shelf *s, const st_form *form, const char *why)
{
    st_file *files = (st_file *)(uintptr_t)s;
    size_t count = 99;
    print_message("  %s\n", why);
    assert_int_equal(st_files_of(form, &s->record, &s->arena, &files, &count, NULL), ST_OK);
    assert_null(files);
    assert_int_equal(count, 0);
}

static void test_forms_without_attachments(void **state)
{
    shelf *s = *state;
    (void)bare(s, 1);
    must_have_none(s, NULL, "a form that is not known");
    s->group.keyed = true;
    must_have_none(s, &s->form, "a keyed group");
    s->group.keyed = false;
    s->group.name = "findings";
    must_have_none(s, &s->form, "a group of another name");
    s->group.name = "attachments";
    s->group.fields = FIELDS + 1;
    s->group.fields_count = FIELDS_COUNT - 1;
    must_have_none(s, &s->form, "no field of hashes");
    s->group.fields_count = 0;
    must_have_none(s, &s->form, "no fields");
    s->form.groups_count = 0;
    must_have_none(s, &s->form, "no groups");
    s->form.groups_count = 1;
    s->group.fields = FIELDS;
    s->group.fields_count = FIELDS_COUNT;
    assert_int_equal(read_one(s)->count, 1);
}

/* An older version of a form has fewer fields: what it does not name is not read. */
static void test_forms_with_fewer_fields(void **state)
{
    shelf *s = *state;
    begin(s, &PHONE);
    say(s, HASHES, 0, of_hashes(1, 0));
    say(s, NAME, 0, of_text(ST_VALUE_TEXT, "tên"));
    say(s, KIND, 0, of_text(ST_VALUE_CODE, "photo"));
    say(s, MIME, 0, of_text(ST_VALUE_TEXT, "image/jpeg"));
    say(s, SIZE, 0, of_number(9));
    say(s, LOST, 0, of_number(1));
    say(s, THUMBNAIL, 0, of_text(ST_VALUE_BYTES, "points"));
    (void)end(s);
    for (uint32_t known = 1; known <= FIELDS_COUNT; known++) {
        s->group.fields_count = known;
        const st_file *file = read_one(s);
        assert_string_equal(file->kind, known > 1 ? "photo" : "");
        assert_string_equal(file->name, known > 2 ? "tên" : "");
        assert_string_equal(file->mime, known > 3 ? "image/jpeg" : "");
        assert_int_equal(file->bytes, known > 4 ? 9 : 0);
        assert_int_equal(file->is_lost, known > 5);
        assert_int_equal(file->thumbnail_len, known > 6 ? 6 : 0);
    }
}

/* ---- memory ---- */

/* With every ceiling below what it takes it says so; from there on it always works. */
static void test_every_ceiling(void **state)
{
    shelf *s = *state;
    st_error error = { ST_OK, "" };
    size_t least = 0;
    begin(s, &PHONE);
    for (uint16_t i = 0; i < 2; i++) {
        say(s, HASHES, i, of_hashes(1, 0));
        say(s, NAME, i, of_text(ST_VALUE_TEXT, "một tên khá dài.jpg"));
        say(s, KIND, i, of_text(ST_VALUE_CODE, "photo"));
        say(s, MIME, i, of_text(ST_VALUE_TEXT, "image/jpeg"));
    }
    (void)end(s);
    for (size_t ceiling = 0; ceiling <= 2048; ceiling += 16) {
        st_arena small;
        st_file *files = NULL;
        size_t count = 0;
        st_arena_init(&small, ceiling);
        st_err err = st_files_of(&s->form, &s->record, &small, &files, &count, &error);
        if (err == ST_OK) {
            least = least == 0 ? ceiling : least;
            assert_int_equal(count, 2);
            assert_string_equal(files[1].mime, "image/jpeg");
        } else {
            assert_int_equal(err, ST_E_MEMORY);
            assert_int_equal(error.code, ST_E_MEMORY);
            assert_int_equal(least, 0);
        }
        st_arena_reset(&small);
    }
    assert_true(least > 2 * sizeof(st_file));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, shelf_open, shelf_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_all_that_is_signed_is_read),
        CASE(test_hashes_alone_are_a_file),
        CASE(test_the_kind_by_its_number),
        CASE(test_values_of_another_kind_say_nothing),
        CASE(test_a_size_is_above_zero),
        CASE(test_only_one_is_lost),
        CASE(test_what_is_no_list_of_hashes),
        CASE(test_the_same_numbers_elsewhere),
        CASE(test_several_items_of_one_change),
        CASE(test_the_value_that_is_shown_counts),
        CASE(test_two_lists_for_one_item),
        CASE(test_dropped_and_kept_again),
        CASE(test_so_many_files_and_no_more),
        CASE(test_so_many_bytes_and_no_more),
        CASE(test_limits_of_other_forms),
        CASE(test_contested_is_not_dropped),
        CASE(test_what_waits),
        CASE(test_forms_without_attachments),
        CASE(test_forms_with_fewer_fields),
        CASE(test_every_ceiling),
    };
    return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
