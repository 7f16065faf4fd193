/* tests/unit/both/test_put_back.c
 * A store of which there are two, or that gets another name, while not all of its own changes open
 * any more: the other branch is heard of, the rest goes on under the new name, and nothing stands
 * twice. */
#include "tests/unit/both/meet.h"
#include "tests/unit/client-lib/rows.h"

enum { WHOLE, UNSEALED, SEALED, HOWS };

static void spoil_change(phone *p, uint64_t counter)
{
    book_key key = book_key_of(BOOK_CHANGE);
    book_key_u64(&key, counter);
    rows_spoil(p, &key);
}

static void spoil_set(phone *p, uint64_t first)
{
    book_key key = book_key_counter(BOOK_SET, &p->client->me.device, first);
    rows_spoil(p, &key);
}

static void spoil(phone *p, uint64_t counter, int how)
{
    if (how == UNSEALED)
        spoil_change(p, counter);
    if (how == SEALED)
        spoil_set(p, counter);
}

static size_t times_listed(phone *p, const char *words)
{
    size_t times = 0;
    char *json = NULL;
    assert_int_equal(sotay_list(p->client, NULL, SOTAY_JSON, &json, &p->error), SOTAY_OK);
    for (const char *at = json; (at = strstr(at, words)) != NULL; at++)
        times++;
    sotay_text_free(json);
    return times;
}

/* The store of one phone as it is now, in another one: on another machine, or in its place. */
static void copy_into(phone *from, phone *to, bool is_elsewhere)
{
    phone_free(to);
    assert_int_equal(sotay_memory_copy(&from->port, is_elsewhere, &to->port, NULL), SOTAY_OK);
    phone_open(to);
}

/* An image of the phone behind its first change; the second it makes without it. */
static sotay_id image_of(world *w, phone *an, phone *image)
{
    sotay_id visit = phone_visit(an, "chợ");
    sync_phone_well(w, an, NULL);
    copy_into(an, image, false);
    assert_int_equal(phone_set(an, &visit, "general_note", "của an"), SOTAY_OK);
    sync_phone_well(w, an, NULL);
    return visit;
}

/* Counted, and said once: then no sync asks for a person any more. */
static void must_be_counted(world *w, phone *p, const char *lost)
{
    sotay_report report;
    sync_phone_well(w, p, &report);
    assert_true(report.complete);
    assert_false(report.needs_person);
    assert_true(phone_status_says(p, lost));
    assert_true(phone_status_says(p, "\"unreadable\":0"));
    assert_true(phone_status_says(p, "\"ready\":0"));
}

/* The image is of before the first phone's second change; of the image's own three the middle one
 * does not open. The server hears of the branch all the same: the first phone keeps its name. */
static void test_an_image_with_a_hole(void **state)
{
    (void)state;
    for (int how = 0; how < HOWS; how++) {
        world w;
        world_make(&w, 3);
        phone *an = &w.phones[0], *binh = &w.phones[1], *image = &w.phones[2];
        sotay_id visit = image_of(&w, an, image);
        assert_int_equal(phone_set(image, &visit, "place", "của ảnh"), SOTAY_OK);
        if (how == SEALED)
            rows_seal(image);
        (void)phone_visit(image, "trạm ba");
        if (how == SEALED)
            rows_seal(image);
        (void)phone_visit(image, "trạm bốn");
        spoil(image, 3, how);
        for (int i = 0; i < 2; i++)
            sync_phone_well(&w, image, NULL);
        for (int i = 0; i < 2; i++)
            sync_phone_well(&w, an, NULL);
        assert_true(phone_status_says(image, "\"copied\":true"));
        assert_true(phone_status_says(an, "\"copied\":false"));
        enrol(&w, image, "an", true);
        for (int i = 0; i < 3; i++)
            for (size_t k = 0; k < PHONES; k++)
                sync_phone_well(&w, &w.phones[k], NULL);
        assert_true(phone_status_says(an, "\"copied\":false"));
        must_be_counted(&w, image, how == WHOLE ? "\"lost\":0" : "\"lost\":1");
        assert_int_equal(times_listed(binh, "trạm bốn"), 1);
        assert_int_equal(times_listed(binh, "trạm ba"), how == WHOLE ? 1 : 0);
        assert_true(phone_says(binh, sotay_show, &visit, "\"của ảnh\""));
        assert_true(phone_says(binh, sotay_show, &visit, "\"của an\""));
        KIT_EXPECT(0, &w.book, "verify");
        world_free(&w);
    }
}

/* What lies in front of it, in it and behind it of the branch goes on under the new name; what
 * does not open is not shown twice and stops nothing. */
static void test_an_image_with_a_damaged_set(void **state)
{
    (void)state;
    for (uint64_t lost = 1; lost <= 4; lost++) { /* 1: none */
        world w;
        world_make(&w, 3);
        phone *an = &w.phones[0], *binh = &w.phones[1], *image = &w.phones[2];
        sotay_id visit = image_of(&w, an, image);
        assert_int_equal(phone_set(image, &visit, "place", "ảnh hai"), SOTAY_OK);
        rows_seal(image);
        sotay_id third = phone_visit(image, "trạm ba");
        rows_seal(image);
        assert_int_equal(phone_set(image, &third, "general_note", "ảnh bốn"), SOTAY_OK);
        rows_seal(image);
        (void)phone_visit(image, "trạm năm");
        if (lost > 1)
            spoil_set(image, lost);
        for (int i = 0; i < 3; i++)
            sync_phone_well(&w, image, NULL);
        assert_true(phone_status_says(image, "\"copied\":true"));
        enrol(&w, image, "an", true);
        for (int i = 0; i < 3; i++)
            for (size_t k = 0; k < PHONES; k++)
                sync_phone_well(&w, &w.phones[k], NULL);
        assert_true(phone_status_says(an, "\"copied\":false"));
        /* that of the first phone has come under the name of 2 */
        must_be_counted(&w, image, lost > 2 ? "\"lost\":1" : "\"lost\":0");
        assert_true(phone_says(image, sotay_show, &visit, "\"của an\""));
        assert_int_equal(times_listed(image, "trạm ba"), lost == 3 ? 0 : 1);
        for (size_t k = 0; k < PHONES; k++)
            assert_int_equal(times_listed(&w.phones[k], "trạm năm"), 1);
        assert_int_equal(times_listed(binh, "trạm ba"), lost == 3 ? 0 : 1);
        if (lost != 2)
            assert_true(phone_says(binh, sotay_show, &visit, "\"ảnh hai\""));
        if (lost != 4) /* 3 made the record: then the office holds it */
            assert_true(phone_says(image, sotay_show, &third, "\"ảnh bốn\""));
        KIT_EXPECT(0, &w.book, "verify");
        world_free(&w);
    }
}

/* Not sealed yet: 2 and 3 on a record of the book, 4 that makes one, 5 on that one. */
static sotay_id record_four(phone *p, const sotay_id *visit)
{
    assert_int_equal(phone_set(p, visit, "place", "hai"), SOTAY_OK);
    assert_int_equal(phone_set(p, visit, "general_note", "ba"), SOTAY_OK);
    sotay_id made = phone_visit(p, "trạm bốn");
    assert_int_equal(phone_set(p, &made, "general_note", "năm"), SOTAY_OK);
    return made;
}

/* Under its new name: all but the lost one is in the book, and once. */
static void must_go_on(world *w, phone *p, const sotay_id *visit, const sotay_id *made,
                       uint64_t lost)
{
    phone *binh = &w->phones[1], *both[] = { p, binh };
    for (int i = 0; i < 3; i++) {
        sync_phone_well(w, p, NULL);
        sync_phone_well(w, binh, NULL);
    }
    must_be_counted(w, p, "\"lost\":1");
    for (size_t i = 0; i < 2; i++) {
        if (lost != 2)
            assert_true(phone_says(both[i], sotay_show, visit, "\"hai\""));
        if (lost != 3)
            assert_true(phone_says(both[i], sotay_show, visit, "\"ba\""));
    }
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(times_listed(both[i], "trạm bốn"), lost == 4 ? 0 : 1);
    if (lost != 5) /* 4 made the record: then the office holds it */
        assert_true(phone_says(p, sotay_show, made, "\"năm\""));
    KIT_EXPECT(0, &w->book, "verify");
}

static void test_a_copy_with_a_damaged_change(void **state)
{
    (void)state;
    for (uint64_t lost = 2; lost <= 5; lost++) {
        world w;
        world_make(&w, 1);
        phone *an = &w.phones[0], *copy = &w.phones[2];
        sotay_id visit = phone_visit(an, "chợ");
        sync_phone_well(&w, an, NULL);
        sotay_id made = record_four(an, &visit);
        spoil_change(an, lost);
        copy_into(an, copy, true);
        sync_phone_well(&w, copy, NULL);
        assert_true(phone_status_says(copy, "\"copied\":true"));
        enrol(&w, copy, "an", true);
        must_go_on(&w, copy, &visit, &made, lost);
        world_free(&w);
    }
}

static void test_enrolled_again_with_a_damaged_change(void **state)
{
    (void)state;
    for (uint64_t lost = 2; lost <= 5; lost++) {
        world w;
        world_make(&w, 2);
        phone *an = &w.phones[0];
        sotay_id visit = phone_visit(an, "chợ");
        sync_phone_well(&w, an, NULL);
        sotay_id made = record_four(an, &visit);
        spoil_change(an, lost);
        enrol(&w, an, "an", true);
        must_go_on(&w, an, &visit, &made, lost);
        world_free(&w);
    }
}

/* The words that the first phone wrote have the number of the copy's damaged change: its drop, that
 * comes behind it, has not seen them. */
static void test_a_drop_behind_a_damaged_change(void **state)
{
    (void)state;
    world w;
    char item[SOTAY_ITEM_TEXT], path[128];
    const sotay_pair finding = { "text", "mất sóng" };
    const sotay_pairs one = { &finding, 1 };
    world_make(&w, 1);
    phone *an = &w.phones[0], *copy = &w.phones[2];
    sotay_id visit = phone_visit(an, "chợ");
    assert_int_equal(sotay_item_new(an->client, &visit, "findings", one, item, NULL), SOTAY_OK);
    sync_phone_well(&w, an, NULL);
    copy_into(an, copy, true);
    (void)snprintf(path, sizeof path, "findings.%s.text", item);
    assert_int_equal(phone_set(an, &visit, path, "mất sóng từ sáng"), SOTAY_OK); /* 3 */
    assert_int_equal(phone_set(copy, &visit, "place", "trường"), SOTAY_OK);      /* 3 */
    assert_int_equal(sotay_item_drop(copy->client, &visit, "findings", item, NULL), SOTAY_OK);
    spoil_change(copy, 3);
    sync_phone_well(&w, an, NULL);
    sync_phone_well(&w, copy, NULL);
    enrol(&w, copy, "an", true);
    for (int i = 0; i < 2; i++) {
        sync_phone_well(&w, copy, NULL);
        sync_phone_well(&w, an, NULL);
    }
    assert_true(phone_says(an, sotay_show, &visit, "\"contested\":true"));
    world_free(&w);
}

/* Sealed under the key before, and never sent; it opens no more when the new key comes, or later.
 * Nobody can say of it that it is gone: the phone counts it, and says it once. */
static void test_a_set_of_the_name_before(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        world w;
        sotay_report report;
        bool is_last = way % 2 == 0, is_later = way / 2 == 1;
        world_make_with(&w, 1, (world_how){ 2, false });
        phone *an = &w.phones[0], *binh = &w.phones[1];
        sotay_id visit = phone_visit(an, "chợ");
        sync_phone_well(&w, an, NULL);
        assert_int_equal(phone_set(an, &visit, "place", "một"), SOTAY_OK);
        rows_seal(an);
        book_key set = book_key_counter(BOOK_SET, &an->client->me.device, 2);
        if (!is_last)
            (void)phone_visit(an, "trạm hai");
        rows_seal(an);
        if (!is_later)
            rows_spoil(an, &set);
        enrol(&w, an, "an", true);
        if (is_later)
            rows_spoil(an, &set);
        sync_phone_well(&w, an, &report);
        assert_true(report.complete && report.needs_person);
        must_be_counted(&w, an, "\"lost\":1");
        must_be_counted(&w, an, "\"lost\":1");
        assert_true(phone_says(an, sotay_show, &visit, "\"chợ\""));
        sync_phone_well(&w, binh, NULL);
        assert_int_equal(times_listed(binh, "trạm hai"), is_last ? 0 : 1);
        world_free(&w);
    }
}

/* Of the branch that came second one was lost, and the first phone writes under its number: that is
 * no lost one come back, and lies over no record but its own. */
static void test_the_number_of_a_lost_one_is_used(void **state)
{
    enum { IMAGE, COPY, COPY_WITH_A_LINK, WAYS };
    (void)state;
    for (int way = 0; way < WAYS; way++) {
        world w;
        world_make(&w, 3);
        phone *an = &w.phones[0], *twin = &w.phones[2];
        sotay_id visit = phone_visit(an, "chợ"), other = phone_visit(an, "trường");
        sync_phone_well(&w, an, NULL);
        copy_into(an, twin, way != IMAGE);
        assert_int_equal(phone_set(an, &visit, "general_note", "an ba"), SOTAY_OK);
        sync_phone_well(&w, an, NULL);
        assert_int_equal(phone_set(twin, &visit, "place", "bản hai"), SOTAY_OK);
        if (way == IMAGE)
            rows_seal(twin);
        (void)phone_visit(twin, "trạm bốn");
        if (way == IMAGE)
            rows_seal(twin);
        (void)phone_visit(twin, "trạm năm");
        spoil(twin, 4, way == IMAGE ? SEALED : UNSEALED);
        if (way == COPY_WITH_A_LINK)
            enrol(&w, twin, "an", true);
        sync_phone_well(&w, twin, NULL);
        assert_int_equal(phone_set(an, &other, "general_note", "an bốn"), SOTAY_OK);
        sync_phone_well(&w, an, NULL);
        for (int i = 0; i < 2; i++) {
            sync_phone_well(&w, twin, NULL);
            assert_true(phone_status_says(twin, "\"lost\":1"));
            if (i == 0 && way != COPY_WITH_A_LINK)
                enrol(&w, twin, "an", true);
        }
        must_be_counted(&w, twin, "\"lost\":1");
        assert_true(phone_says(twin, sotay_show, &other, "\"an bốn\""));
        assert_true(phone_says(twin, sotay_show, &visit, "\"bản hai\""));
        assert_int_equal(times_listed(twin, "trạm bốn"), 1); /* all that tells of it */
        world_free(&w);
    }
}

/* 2 and 3 are lost before they are sealed, and said to be gone; a backup of the phone has 2. The
 * set behind them names 3 as the one before it in its bucket, not 1: so 2 is no repeat, and not
 * denied. It goes into the book, and everybody shows it. */
static void test_a_lost_one_out_of_a_backup(void **state)
{
    (void)state;
    world w;
    sotay_report report;
    world_make(&w, 4);
    phone *an = &w.phones[0], *binh = &w.phones[1], *backup = &w.phones[2];
    sotay_id visit = phone_visit(an, "chợ");
    sync_phone_well(&w, an, NULL);
    assert_int_equal(phone_set(an, &visit, "place", "bản hai"), SOTAY_OK);
    copy_into(an, backup, false);
    assert_int_equal(phone_set(an, &visit, "general_note", "ba"), SOTAY_OK);
    spoil_change(an, 2);
    spoil_change(an, 3);
    (void)phone_visit(an, "trạm bốn");
    sync_phone_well(&w, an, &report);
    assert_int_equal(report.stored, 1);
    assert_true(phone_status_says(an, "\"lost\":2"));
    sync_phone_well(&w, binh, NULL);
    assert_int_equal(sync_phone(&w, backup, 0, &report), SOTAY_OK);
    assert_int_equal(report.stored, 1);
    assert_int_equal(report.held, 0);
    sync_phone_well(&w, binh, NULL);
    assert_true(phone_says(binh, sotay_show, &visit, "\"bản hai\""));
    assert_int_equal(times_listed(binh, "trạm bốn"), 1);
    KIT_EXPECT(0, &w.book, "verify");
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_image_with_a_hole),
        cmocka_unit_test(test_an_image_with_a_damaged_set),
        cmocka_unit_test(test_a_copy_with_a_damaged_change),
        cmocka_unit_test(test_enrolled_again_with_a_damaged_change),
        cmocka_unit_test(test_a_drop_behind_a_damaged_change),
        cmocka_unit_test(test_a_set_of_the_name_before),
        cmocka_unit_test(test_the_number_of_a_lost_one_is_used),
        cmocka_unit_test(test_a_lost_one_out_of_a_backup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
