/* tests/unit/both/test_left_behind.c
 * A change that does not open stays behind under the old name, where another phone writes under its
 * number. What goes on under the new name and speaks of it speaks of no word of that phone. */
#include "tests/unit/both/meet.h"
#include "tests/unit/client-lib/rows.h"

/* A copy on another machine; an image in its own place; an image with a link before it heard of the
 * other branch; one that is damaged behind that link; one that moved to another machine. */
enum { COPY, IMAGE, LINKED_IMAGE, DAMAGED_LATER, MOVED_IMAGE, WAYS };

typedef struct {
    world w;
    phone *an, *twin;
    sotay_id visit;
    int way;
    bool is_damaged; /* the first change of the branch */
    book_key first;  /* its row */
} pair;

static void pair_make(pair *p, int way, bool is_damaged)
{
    memset(p, 0, sizeof *p);
    world_make(&p->w, 1);
    p->an = &p->w.phones[0];
    p->twin = &p->w.phones[2];
    p->way = way;
    p->is_damaged = is_damaged;
    p->visit = phone_visit(p->an, "chợ");
}

/* From here on there are two. */
static void pair_part(pair *p)
{
    sync_phone_well(&p->w, p->an, NULL);
    phone_free(p->twin);
    assert_int_equal(sotay_memory_copy(&p->an->port, p->way == COPY, &p->twin->port, NULL),
                     SOTAY_OK);
    phone_open(p->twin);
}

static void pair_seal(pair *p)
{
    if (p->way != COPY)
        rows_seal(p->twin);
}

static void pair_spoil(pair *p, uint64_t counter)
{
    book_key key = book_key_counter(BOOK_SET, &p->twin->client->me.device, counter);
    if (p->way == COPY) {
        key = book_key_of(BOOK_CHANGE);
        book_key_u64(&key, counter);
    }
    p->first = key;
    if (p->is_damaged && p->way != DAMAGED_LATER)
        rows_spoil(p->twin, &key);
}

static bool is_linked_first(const pair *p)
{
    return p->way == LINKED_IMAGE || p->way == DAMAGED_LATER;
}

/* Both go on until nothing more is to come. */
static void pair_meet(pair *p)
{
    if (is_linked_first(p))
        enrol(&p->w, p->twin, "an", true);
    if (p->is_damaged && p->way == DAMAGED_LATER)
        rows_spoil(p->twin, &p->first);
    if (p->way == MOVED_IMAGE)
        phone_crash(p->twin, true);
    for (int i = 0; i < 2; i++)
        sync_phone_well(&p->w, p->twin, NULL);
    if (!is_linked_first(p))
        enrol(&p->w, p->twin, "an", true);
    for (int i = 0; i < 3; i++) {
        sync_phone_well(&p->w, p->twin, NULL);
        sync_phone_well(&p->w, p->an, NULL);
    }
    assert_true(phone_status_says(p->an, "\"copied\":false"));
    KIT_EXPECT(0, &p->w.book, "verify");
}

/* ---- values ---- */

static void write_over(pair *p)
{
    pair_part(p);
    assert_int_equal(phone_set(p->an, &p->visit, "general_note", "của an"), SOTAY_OK); /* 2 */
    sync_phone_well(&p->w, p->an, NULL);
    assert_int_equal(phone_set(p->twin, &p->visit, "general_note", "bản hai"), SOTAY_OK); /* 2 */
    pair_seal(p);
    assert_int_equal(phone_set(p->twin, &p->visit, "general_note", "bản ba"), SOTAY_OK); /* 3 */
    pair_seal(p);
    pair_spoil(p, 2);
    pair_meet(p);
    assert_true(phone_says(p->an, sotay_show, &p->visit, "\"bản ba\""));
    assert_true(phone_says(p->an, sotay_show, &p->visit, "\"của an\""));
}

/* ---- items ---- */

static void new_finding(phone *p, const sotay_id *visit, const char *text, char *out_item)
{
    const sotay_pair finding = { "text", text };
    const sotay_pairs one = { &finding, 1 };
    assert_int_equal(sotay_item_new(p->client, visit, "findings", one, out_item, NULL), SOTAY_OK);
}

/* Each makes an item with number 2; *out_item: that of the branch. */
static void make_items(pair *p, char *out_item)
{
    pair_part(p);
    new_finding(p->an, &p->visit, "của an", out_item);
    sync_phone_well(&p->w, p->an, NULL);
    new_finding(p->twin, &p->visit, "bản hai", out_item);
    pair_seal(p);
}

static void write_in_item(pair *p)
{
    char item[SOTAY_ITEM_TEXT], path[128];
    make_items(p, item);
    (void)snprintf(path, sizeof path, "findings.%s.text", item);
    assert_int_equal(phone_set(p->twin, &p->visit, path, "bản ba"), SOTAY_OK); /* 3 */
    pair_seal(p);
    pair_spoil(p, 2);
    pair_meet(p);
    assert_true(phone_says(p->an, sotay_show, &p->visit, "\"của an\""));
    assert_true(phone_says(p->an, sotay_show, &p->visit, "\"bản ba\""));
    assert_true(phone_says(p->an, sotay_show, &p->visit, "\"open_conflicts\":0"));
}

static void drop_item(pair *p)
{
    char item[SOTAY_ITEM_TEXT];
    make_items(p, item);
    assert_int_equal(sotay_item_drop(p->twin->client, &p->visit, "findings", item, NULL),
                     SOTAY_OK); /* 3 */
    pair_seal(p);
    pair_spoil(p, 2);
    pair_meet(p);
    assert_true(phone_says(p->an, sotay_show, &p->visit, "\"của an\""));
    assert_true(phone_says(p->an, sotay_show, &p->visit, "\"open_conflicts\":0"));
}

/* The words that the first phone wrote into an item that both had: a drop has not seen them. */
static void drop_common_item(pair *p)
{
    char item[SOTAY_ITEM_TEXT], path[128];
    new_finding(p->an, &p->visit, "mất sóng", item); /* 2 */
    pair_part(p);
    (void)snprintf(path, sizeof path, "findings.%s.text", item);
    assert_int_equal(phone_set(p->an, &p->visit, path, "mất sóng từ sáng"), SOTAY_OK); /* 3 */
    sync_phone_well(&p->w, p->an, NULL);
    assert_int_equal(phone_set(p->twin, &p->visit, "place", "trường"), SOTAY_OK); /* 3 */
    pair_seal(p);
    assert_int_equal(sotay_item_drop(p->twin->client, &p->visit, "findings", item, NULL),
                     SOTAY_OK); /* 4 */
    pair_seal(p);
    pair_spoil(p, 3);
    pair_meet(p);
    assert_true(phone_says(p->an, sotay_show, &p->visit, "\"mất sóng từ sáng\""));
    assert_true(phone_says(p->an, sotay_show, &p->visit, "\"contested\":true"));
}

/* ---- working copies ---- */

/* What was typed over the lost value, with no other change of its record. */
static void type_over(pair *p)
{
    pair_part(p);
    assert_int_equal(phone_set(p->an, &p->visit, "general_note", "của an"), SOTAY_OK); /* 2 */
    sync_phone_well(&p->w, p->an, NULL);
    assert_int_equal(phone_set(p->twin, &p->visit, "general_note", "bản hai"), SOTAY_OK); /* 2 */
    pair_seal(p);
    assert_int_equal(sotay_draft_put(p->twin->client, &p->visit, "general_note", "bản ba", NULL),
                     SOTAY_OK);
    pair_spoil(p, 2);
    pair_meet(p);
    assert_true(phone_says(p->an, sotay_show, &p->visit, "\"bản ba\""));
    assert_true(phone_says(p->an, sotay_show, &p->visit, "\"của an\""));
}

/* Typed into the lost item: it goes into no item of the first phone. */
static void type_in_item(pair *p)
{
    char item[SOTAY_ITEM_TEXT], path[128];
    make_items(p, item);
    (void)snprintf(path, sizeof path, "findings.%s.text", item);
    assert_int_equal(sotay_draft_put(p->twin->client, &p->visit, path, "bản ba", NULL), SOTAY_OK);
    pair_spoil(p, 2);
    pair_meet(p);
    assert_true(phone_says(p->an, sotay_show, &p->visit, "\"của an\""));
    assert_true(phone_says(p->an, sotay_show, &p->visit, "\"open_conflicts\":0"));
    assert_true(phone_says(p->an, sotay_show, &p->visit, "\"bản ba\"") ||
                rows_count(p->twin, BOOK_DRAFT) == 1);
}

/* ---- each, in a whole branch and in a damaged one ---- */

static void each_way(void (*scene)(pair *p))
{
    for (int i = 0; i < WAYS * 2; i++) {
        pair p;
        pair_make(&p, i / 2, i % 2 == 1);
        scene(&p);
        world_free(&p.w);
    }
}

static void test_a_value_over_it(void **state)
{
    (void)state;
    each_way(write_over);
}

static void test_a_value_in_its_item(void **state)
{
    (void)state;
    each_way(write_in_item);
}

static void test_a_drop_of_its_item(void **state)
{
    (void)state;
    each_way(drop_item);
}

static void test_a_drop_behind_it(void **state)
{
    (void)state;
    each_way(drop_common_item);
}

static void test_typed_over_it(void **state)
{
    (void)state;
    each_way(type_over);
}

static void test_typed_in_its_item(void **state)
{
    (void)state;
    each_way(type_in_item);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_value_over_it),
        cmocka_unit_test(test_a_value_in_its_item),
        cmocka_unit_test(test_a_drop_of_its_item),
        cmocka_unit_test(test_a_drop_behind_it),
        cmocka_unit_test(test_typed_over_it),
        cmocka_unit_test(test_typed_in_its_item),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
