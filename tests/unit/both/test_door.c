/* tests/unit/both/test_door.c
 * A device with more requests under way than a phone ever has waits, and loses nothing by it; the
 * others go on. */
#include "tests/unit/both/world.h"

#include "server/http/http.h"

#define PER_DEVICE 4

static void open_door(world *w)
{
    const http_config config = { .listen = "127.0.0.1:0", .threads = 8, .quiet = true };
    st_error error = { 0 };
    if (http_start(&w->book.rooms, &config, "token", &w->door, &error) != ST_OK)
        fail_msg("%s", error.detail);
}

static void test_one_device_takes_no_more_than_its_share(void **state)
{
    (void)state;
    static world w;
    sotay_report report;
    world_make_with(&w, 81, (world_how){ .phones = 2 });
    open_door(&w);
    const st_id an = id_of_device(&w.phones[0]);
    for (int i = 0; i < PER_DEVICE; i++)
        assert_true(http_server_enter(w.door, &an));
    assert_false(http_server_enter(w.door, &an));
    sotay_id visit = phone_visit(&w.phones[0], "cua an");
    assert_int_equal(sync_phone(&w, &w.phones[0], 0, &report), SOTAY_E_NETWORK);
    assert_int_equal(report.sent_changes, 0);
    assert_int_equal(sync_phone(&w, &w.phones[1], 0, NULL), SOTAY_OK);
    http_server_leave(w.door, &an);
    for (int i = 0; i < PER_DEVICE; i++)       /* each request gives its place back */
        assert_int_equal(sync_phone(&w, &w.phones[0], 0, &report), SOTAY_OK);
    assert_int_equal(sync_phone(&w, &w.phones[1], 0, NULL), SOTAY_OK);
    sotay_text_free(shown(&w.phones[1], &visit));
    for (int i = 1; i < PER_DEVICE; i++)
        http_server_leave(w.door, &an);
    assert_true(http_drain(w.door, 3000));
    http_stop(w.door);
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_device_takes_no_more_than_its_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
