/* tests/unit/both/test_handed_in.c
 * A file with a phone's work is handed in at an office whose book was put back to before that phone
 * was enrolled: the office is told what to do, and once any phone that knows it was here, the file
 * is taken in. */
#include "tests/unit/both/town.h"

static void write_bundle(phone *p, const char *path)
{
    sotay_slice bytes = { NULL, 0 };
    sotay_bundle *bundle = NULL;
    sotay_bundle_report made;
    assert_int_equal(sotay_bundle_begin(p->client, &bundle, NULL), SOTAY_OK);
    assert_int_equal(sotay_bundle_make(bundle, &bytes, &made, NULL), SOTAY_OK);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.data, 1, bytes.len, file), bytes.len);
    assert_int_equal(fclose(file), 0);
    sotay_bundle_free(bundle);
}

static void test_of_a_phone_that_the_backup_does_not_know(void **state)
{
    (void)state;
    char path[96], hex[33];
    town t;
    world_make_with(&t.w, 31, (world_how){ 2, false });
    town_place(&t);
    backup(&t);
    join(&t.w, 2, "chi");
    phone *an = &t.w.phones[0], *chi = &t.w.phones[2];
    assert_int_equal(sync_phone(&t.w, an, 0, NULL), SOTAY_OK); /* reads who chi is */
    const sotay_id visit = phone_visit(chi, "suối");
    (void)snprintf(path, sizeof path, "%s.bundle", t.w.book.dir);
    write_bundle(chi, path);
    restore(&t);
    KIT_EXPECT(1, &t.w.book, "bundle", "import", path);
    assert_non_null(strstr((char *)t.w.book.err.data, "sync first"));
    assert_int_equal(sync_phone(&t.w, an, 0, NULL), SOTAY_OK);
    KIT_EXPECT(0, &t.w.book, "bundle", "import", path);
    sotay_id_format(&visit, hex);
    KIT_EXPECT(0, &t.w.book, "show", hex);
    assert_non_null(strstr(KIT_OUT(&t.w.book), "suối"));
    assert_int_equal(sync_phone(&t.w, chi, 0, NULL), SOTAY_OK);
    assert_true(phone_status_says(chi, "\"ready\":0"));
    KIT_EXPECT(0, &t.w.book, "verify");
    assert_int_equal(remove(path), 0);
    town_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_a_phone_that_the_backup_does_not_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
