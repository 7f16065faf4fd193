/* tests/unit/client-lib/test_receipt_faults.c
 * What a phone does with receipts, in each place that can fail failing once: memory, a call of the
 * store that writes, one that reads. It says so, keeps what it kept, and the same thing tried again
 * does what it would have done. */
#include "tests/unit/client-lib/receipt_desk.h"
#include "tests/unit/client-lib/stumble.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

typedef struct {
    bench b;
    phone with, bare; /* copies: one keeps a receipt, one does not */
    st_buffer proof, leaf;
    st_buffer both; /* as an answer has them */
} desk;

static void copy_phone(const phone *from, phone *to)
{
    memset(to, 0, sizeof *to);
    assert_int_equal(sotay_memory_copy(&from->port, false, &to->port, NULL), SOTAY_OK);
    phone_open(to);
}

/* ---- what is done; each says in `text` what it found ---- */

typedef int (*deed)(desk *d, phone *p, char text[160]);

static int put(desk *d, phone *p, char text[160])
{
    const sotay_slice proof = { d->proof.data, d->proof.len }, leaf = { d->leaf.data, d->leaf.len };
    (void)text;
    return sotay_receipt_put(p->client, &d->b.visit, proof, leaf, &p->error);
}

static int get(desk *d, phone *p, char text[160])
{
    sotay_receipt receipt;
    int rc = sotay_receipt_get(p->client, &d->b.visit, &receipt, &p->error);
    if (rc == SOTAY_OK) {
        (void)snprintf(text, 160, "%d of %d, %s, %s: %d and %d bytes", (int)receipt.entry,
                       (int)receipt.size, receipt.root, receipt.code, (int)receipt.proof.len,
                       (int)receipt.leaf.len);
        sotay_receipt_free(&receipt);
    }
    assert_null(receipt.proof.data);
    assert_null(receipt.leaf.data);
    return rc;
}

static int find(desk *d, phone *p, char text[160])
{
    sotay_receipt_state state = { 0 };
    int rc = sotay_receipt_find(p->client, &d->b.visit, &state, &p->error);
    if (rc == SOTAY_OK)
        (void)snprintf(text, 160, "%d, kept %d, %d", (int)state.entry, (int)state.kept,
                       (int)state.has_unsent);
    return rc;
}

static int due(desk *d, phone *p, char text[160])
{
    sotay_id ids[8];
    size_t count = 9;
    (void)d;
    int rc = sotay_receipt_due(p->client, ids, 8, &count, &p->error);
    if (rc == SOTAY_OK)
        (void)snprintf(text, 160, "%d due", (int)count);
    else
        assert_int_equal(count, 0);
    return rc;
}

static int ask(desk *d, phone *p, char text[160])
{
    sotay_receipt_ask now;
    (void)d;
    int rc = sotay_receipts_wanted(p->client, false, &now, &p->error);
    if (rc != SOTAY_OK) {
        assert_int_equal(now.count, 0);
        return rc;
    }
    (void)snprintf(text, 160, "%.150s", now.path);
    return SOTAY_OK;
}

static int ask_all(desk *d, phone *p, char text[160])
{
    sotay_receipt_ask all;
    (void)d;
    int rc = sotay_receipts_wanted(p->client, true, &all, &p->error);
    if (rc == SOTAY_OK)
        (void)snprintf(text, 160, "%.150s", all.path);
    else
        assert_int_equal(all.count, 0);
    return rc;
}

static int take(desk *d, phone *p, char text[160])
{
    sotay_receipt_ask one = { .count = 1, .records = { d->b.visit } };
    const sotay_slice bytes = { d->both.data, d->both.len };
    size_t came = 9;
    int rc = sotay_receipts_take(p->client, &one, bytes, &came, &p->error);
    if (rc == SOTAY_OK)
        (void)snprintf(text, 160, "%d taken", (int)came);
    else
        assert_int_equal(came, 0);
    return rc;
}

static const struct {
    const char *why;
    deed what;
    bool keeps; /* on the phone that keeps a receipt */
    int want;
} DEEDS[] = {
    { "a receipt is kept", put, false, SOTAY_OK },
    { "a receipt is kept again", put, true, SOTAY_OK },
    { "one is read", get, true, SOTAY_OK },
    { "none is read", get, false, SOTAY_E_NOT_FOUND },
    { "one is looked for", find, true, SOTAY_OK },
    { "none is found", find, false, SOTAY_OK },
    { "which are due", due, true, SOTAY_OK },
    { "which are due, with that one", due, false, SOTAY_OK },
    { "an answer is taken", take, false, SOTAY_OK },
    { "which are asked for", ask, false, SOTAY_OK },
    { "which are asked for, of all", ask_all, true, SOTAY_OK },
};

/* ---- the desk ---- */

static void write_both(desk *d)
{
    st_frame_writer *writer = NULL;
    st_buffer_init(&d->both, 1u << 20);
    assert_int_equal(st_frame_writer_new(3, &d->both, &writer, NULL), ST_OK);
    assert_int_equal(st_frame_write(writer, d->proof.data, d->proof.len, NULL), ST_OK);
    assert_int_equal(st_frame_write(writer, d->leaf.data, d->leaf.len, NULL), ST_OK);
    assert_int_equal(st_frame_writer_end(writer, NULL), ST_OK);
    st_frame_writer_free(writer);
}

static int desk_open(void **state)
{
    static desk d;
    st_tree_head head;
    memset(&d, 0, sizeof d);
    bench_open(&d.b);
    sotay_id done = phone_visit(&d.b.an, "trạm");
    assert_int_equal(sotay_record_finalise(d.b.an.client, &done, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(d.b.e, d.b.an.client, NULL, NULL), SOTAY_OK);
    answer a = truth(&d.b);
    st_buffer_init(&d.proof, ST_NOTE_BYTES_MAX);
    st_buffer_init(&d.leaf, ST_LEAF_BYTES_MAX);
    write_files(&d.b, &a, &d.proof, &d.leaf, &head);
    write_both(&d);
    copy_phone(&d.b.an, &d.bare);
    assert_int_equal(put(&d, &d.b.an, NULL), SOTAY_OK);
    copy_phone(&d.b.an, &d.with);
    *state = &d;
    return 0;
}

static int desk_close(void **state)
{
    desk *d = *state;
    phone_free(&d->with);
    phone_free(&d->bare);
    st_buffer_free(&d->both);
    st_buffer_free(&d->proof);
    st_buffer_free(&d->leaf);
    bench_close(&d->b);
    return 0;
}

/* ---- trying ---- */

/* False: no place was left that had not failed before. */
static bool try_deed(desk *d, size_t i, stumble_way how, const char *want)
{
    phone p;
    char text[160] = "", before[160] = "", after[160] = "";
    copy_phone(DEEDS[i].keeps ? &d->with : &d->bare, &p);
    assert_int_equal(find(d, &p, before), SOTAY_OK);
    stumble_arm(how, &p, STUMBLE_IN_NEW_PLACE);
    int rc = DEEDS[i].what(d, &p, text);
    bool refused = stumble_disarm(&p);
    if (rc != DEEDS[i].want) {
        if (!stumble_may(rc))
            fail_msg("%s, %s: called %s: %s", DEEDS[i].why, STUMBLE_NAMES[how],
                     sotay_code_name((sotay_code)rc), p.error.detail);
        assert_true(refused);
        assert_string_equal(text, "");
        assert_int_equal(find(d, &p, after), SOTAY_OK);
        assert_string_equal(after, before);
        assert_int_equal(DEEDS[i].what(d, &p, text), DEEDS[i].want);
    }
    if (strcmp(text, want) != 0)
        fail_msg("%s, %s: says %s, not %s", DEEDS[i].why, STUMBLE_NAMES[how], text, want);
    assert_int_equal(find(d, &p, after), SOTAY_OK);
    assert_true((DEEDS[i].what != put && DEEDS[i].what != take) || strstr(after, "kept 0") == NULL);
    phone_free(&p);
    return refused;
}

static void test_receipts_in_every_place(void **state)
{
    desk *d = *state;
    for (size_t i = 0; i < COUNT(DEEDS); i++) {
        phone p;
        char want[160] = "";
        int places = 0;
        copy_phone(DEEDS[i].keeps ? &d->with : &d->bare, &p);
        assert_int_equal(DEEDS[i].what(d, &p, want), DEEDS[i].want);
        phone_free(&p);
        for (stumble_way how = 0; how < STUMBLE_WAYS; how++)
            while (try_deed(d, i, how, want))
                places++;
        print_message("  case: %s: failed in %d new places\n", DEEDS[i].why, places);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_receipts_in_every_place),
    };
    return cmocka_run_group_tests_name("receipt faults", tests, desk_open, desk_close);
}
