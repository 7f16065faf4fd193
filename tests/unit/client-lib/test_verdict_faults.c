/* tests/unit/client-lib/test_verdict_faults.c
 * What a server says of a phone's own work, in whatever step the phone has no memory or its store
 * fails: verdicts, wants, another branch of its device, the keys of the log; and what it does then:
 * sets are sealed, work is carried over to another device. Each time it says so and the store is as
 * before, or all of it is done. */
#include <stdio.h>

#include "client-lib/src/exchange.h"
#include "client-lib/src/log_key.h"
#include "client-lib/src/replay.h"
#include "tests/unit/client-lib/edge_log.h"
#include "tests/unit/client-lib/trial.h"

#define FEW 2u /* of many, until there is time */

struct bench {
    trial on;
    edge *e;
    phone an;
    sotay_id told, own;      /* visits: in the log; in a set that was never sent */
    outbox_set sent, unsent; /* own ones */
    uint8_t key[3][32], secret[3][64];
    st_log_key keys[2];
};

/* ---- the store ---- */

static void must(bench *b, int rc)
{
    if (rc != SOTAY_OK)
        fail_msg("%s", b->an.error.detail);
}

static void make_keys(bench *b)
{
    uint8_t text[ST_LOG_KEY_SIGN_BYTES];
    st_sign_keypair(b->e->log_seed, b->key[0], b->secret[0]);
    for (uint8_t i = 1; i < 3; i++) {
        const uint8_t seed[32] = { 0x77, i };
        st_log_key *one = &b->keys[i - 1];
        st_sign_keypair(seed, b->key[i], b->secret[i]);
        one->n = i;
        one->size = 10u * i;
        memcpy(one->key, b->key[i], sizeof one->key);
        st_log_key_sign_text(&b->e->log, b->key[i - 1], one, text);
        st_sign(b->secret[i - 1], text, sizeof text, one->by_old);
        st_sign(b->secret[i], text, sizeof text, one->by_new);
    }
}

/* A record is made, items come to it and one goes, values replace each other; it is being typed
 * in. */
static void work_on(bench *b, const sotay_id *visit, const char *note)
{
    const sotay_pair finding = { "text", note };
    const sotay_pairs pairs = { &finding, 1 };
    char item[SOTAY_ITEM_TEXT];
    must(b, phone_set(&b->an, visit, "general_note", "trước"));
    must(b, phone_set(&b->an, visit, "general_note", note));
    must(b, sotay_record_add(b->an.client, visit, "topics", "n1", &b->an.error));
    must(b, sotay_item_new(b->an.client, visit, "findings", pairs, item, &b->an.error));
    must(b, sotay_item_drop(b->an.client, visit, "findings", item, &b->an.error));
    must(b, sotay_draft_put(b->an.client, visit, "place", note, &b->an.error));
}

/* One visit is in the log, one in a set that waits, and on both something is not sealed yet. */
static int bench_open(void **state)
{
    static bench b;
    memset(&b, 0, sizeof b);
    b.e = phone_alone(&b.an);
    b.told = phone_visit(&b.an, "chợ");
    must(&b, edge_sync(b.e, b.an.client, NULL, NULL));
    b.own = phone_visit(&b.an, "trạm");
    work_on(&b, &b.told, "một");
    work_on(&b, &b.own, "hai");
    rows_seal(&b.an);
    work_on(&b, &b.told, "ba");
    work_on(&b, &b.own, "bốn");
    (void)phone_visit(&b.an, "nhà");
    make_keys(&b);
    trial_find_own(&b.an, &b.sent, &b.unsent);
    b.on.from = &b.an;
    *state = &b;
    return 0;
}

static int bench_close(void **state)
{
    bench *b = *state;
    phone_part(b->e, &b->an, NULL);
    return 0;
}

/* ---- chance ---- */

/* The same each time, so that what was done can be compared; it fails as the port's own does. */
static int (*real_random)(void *context, void *data, size_t len, sotay_error *error);

static int even_random(void *context, void *data, size_t len, sotay_error *error)
{
    int rc = real_random(context, data, len, error);
    if (rc == SOTAY_OK)
        memset(data, 0x5e, len);
    return rc;
}

static void even_out(bench *b)
{
    sotay_port *port = &b->on.copy.port;
    if (port->random == stumble_random)
        port = &stumble.real;
    if (port->random != even_random)
        real_random = port->random;
    port->random = even_random;
}

/* ---- verdicts ---- */

static st_err take(bench *b, const st_frame *frame, st_error *error)
{
    b->on.sync->sent_count = 0;
    return take_frame(b->on.sync, frame, error);
}

static st_err verdict(bench *b, st_verdict said, st_error *error)
{
    const st_frame frame = { .kind = ST_FRAME_VERDICT, .as.verdict = said };
    return take(b, &frame, error);
}

static st_err a_set_is_stored(bench *b, st_error *error)
{
    return verdict(
        b, (st_verdict){ .kind = ST_VERDICT_STORED, .first = b->unsent.first, .position = 90 },
        error);
}

/* Some of its changes wait; for one of them the server gives no reason. */
static st_err a_set_is_held(bench *b, st_error *error)
{
    const st_held held[] = { { b->unsent.first, ST_HOLD_SCOPE },
                             { b->unsent.first + 1, ST_HOLD_NONE } };
    return verdict(b,
                   (st_verdict){ .kind = ST_VERDICT_HELD,
                                 .first = b->unsent.first,
                                 .position = 90,
                                 .held = held,
                                 .held_count = 2 },
                   error);
}

static st_err a_set_is_held_without_a_word(bench *b, st_error *error)
{
    return verdict(b, (st_verdict){ .kind = ST_VERDICT_HELD, .first = b->unsent.first }, error);
}

/* The unit was lost before the answer came. */
static st_err a_set_of_a_lost_unit_is_stored(bench *b, st_error *error)
{
    st_bucket bucket;
    bucket_state at;
    sotay_client *client = b->on.copy.client;
    assert_true(st_bucket_set(&bucket, EDGE_UNIT_BUCKET, strlen(EDGE_UNIT_BUCKET)));
    st_err err = bucket_get(&client->book, &bucket, &at, error);
    at.in_scope = false;
    if (err == ST_OK)
        err = bucket_put(&client->book, &bucket, &at, error);
    return err == ST_OK ? a_set_is_stored(b, error) : err;
}

static st_err a_set_is_wanted(bench *b, st_error *error)
{
    st_frame frame = { .kind = ST_FRAME_WANT };
    frame.as.want = (st_want){ .from = b->sent.first, .to = b->unsent.last + 100 };
    return take(b, &frame, error);
}

static void test_verdicts(void **state)
{
    static const scene SCENES[] = {
        { .why = "a set is stored", .what = a_set_is_stored, .in_sync = true, .patience = FEW },
        { .why = "a set is held", .what = a_set_is_held, .in_sync = true, .patience = FEW },
        { .why = "a set is held, it is not said why",
          .what = a_set_is_held_without_a_word,
          .in_sync = true,
          .patience = FEW },
        { .why = "a set of a lost unit is stored",
          .what = a_set_of_a_lost_unit_is_stored,
          .in_sync = true,
          .patience = FEW },
        { .why = "a set is wanted", .what = a_set_is_wanted, .in_sync = true, .patience = FEW },
    };
    trial_sweep(*state, SCENES, sizeof SCENES / sizeof SCENES[0]);
}

/* ---- another branch ---- */

static st_err a_set_is_a_fork(bench *b, st_error *error)
{
    const st_held held = { b->unsent.first, ST_HOLD_FORK };
    even_out(b);
    return verdict(
        b,
        (st_verdict){
            .kind = ST_VERDICT_HELD, .first = b->unsent.first, .held = &held, .held_count = 1 },
        error);
}

static st_err a_twin_writes(bench *b, st_error *error)
{
    even_out(b);
    b->on.sync->applied.twin = (st_dot){ b->unsent.device, b->unsent.first };
    return take_twin(b->on.sync, error);
}

/* The store was opened in another place than where it was enrolled. */
static st_err it_is_a_copy(bench *b, st_error *error)
{
    sotay_client *client = b->on.copy.client;
    even_out(b);
    client->install[0] = client->me.install[0] ^ 1;
    return take_copied(client, error);
}

static void test_another_branch(void **state)
{
    static const scene SCENES[] = {
        { .why = "a set is a fork", .what = a_set_is_a_fork, .in_sync = true, .patience = FEW },
        { .why = "a twin writes", .what = a_twin_writes, .in_sync = true, .patience = FEW },
        { .why = "the store is a copy", .what = it_is_a_copy, .is_alone = true, .patience = FEW },
    };
    trial_sweep(*state, SCENES, sizeof SCENES / sizeof SCENES[0]);
}

/* Nothing of a set is here but that it was; then its bytes are here again. */
static st_err it_is_lost_and_found(bench *b, st_error *error)
{
    uint64_t lost = 0;
    sotay_client *client = b->on.copy.client;
    const st_gone span = { b->unsent.first, b->unsent.last };
    const st_set found = { .device = b->unsent.device,
                           .first = span.from,
                           .changes_count = (uint32_t)(span.to - span.from + 1) };
    const book_key bytes = book_key_counter(BOOK_SET, &found.device, found.first);
    st_err err = book_delete(&client->book, &bytes, error);
    if (err == ST_OK)
        err = outbox_pass_over(client, &found.device, &span, error);
    if (err == ST_OK)
        err = outbox_lose(client, &found.device, &span, &lost, error);
    if (err == ST_OK) {
        assert_int_equal(lost, found.changes_count);
        err = outbox_found(client, &found, error);
    }
    return err;
}

static void test_what_was_lost_is_found(void **state)
{
    static const scene SCENES[] = {
        { .why = "it is lost and found", .what = it_is_lost_and_found, .patience = FEW },
    };
    trial_sweep(*state, SCENES, sizeof SCENES / sizeof SCENES[0]);
}

/* It has another name already, and work under it, when it hears of the branch. */
static st_err an_old_set_is_a_fork(bench *b, st_error *error)
{
    const st_held held = { b->unsent.first, ST_HOLD_FORK };
    even_out(b);
    return verdict(b,
                   (st_verdict){ .has_device = true,
                                 .device = b->unsent.device,
                                 .kind = ST_VERDICT_HELD,
                                 .first = b->unsent.first,
                                 .held = &held,
                                 .held_count = 1 },
                   error);
}

static void test_a_branch_of_before(void **state)
{
    static const scene SCENES[] = {
        { .why = "a set of before is a fork",
          .what = an_old_set_is_a_fork,
          .in_sync = true,
          .patience = FEW },
    };
    bench *b = *state;
    must(b, edge_enrol(b->e, b->an.client, 0, NULL));
    assert_true(st_id_cmp(&b->an.client->me.device, &b->unsent.device) != 0);
    must(b, phone_set(&b->an, &b->told, "place", "dưới tên mới"));
    trial_sweep(b, SCENES, sizeof SCENES / sizeof SCENES[0]);
}

/* Nothing was said of the set of its old name: what is not sealed names nothing in it any more. */
static st_err nothing_is_said(bench *b, st_error *error)
{
    even_out(b);
    return replay_doubted(b->on.copy.client, UINT64_MAX, error);
}

static void test_no_answer_to_a_set_of_before(void **state)
{
    static const scene SCENES[] = {
        { .why = "nothing is said", .what = nothing_is_said, .is_alone = true, .patience = FEW },
    };
    bench *b = *state;
    const sotay_pair finding = { "text", "năm" };
    const sotay_pairs pairs = { &finding, 1 };
    char item[SOTAY_ITEM_TEXT], path[SOTAY_ITEM_TEXT + 32];
    must(b, phone_set(&b->an, &b->told, "general_note", "dưới tên mới"));
    must(b, phone_set(&b->an, &b->told, "general_note", "thêm một lần"));
    must(b, sotay_item_new(b->an.client, &b->own, "findings", pairs, item, &b->an.error));
    (void)snprintf(path, sizeof path, "findings.%s.text", item);
    must(b, sotay_draft_put(b->an.client, &b->own, path, "đang gõ", &b->an.error));
    trial_sweep(b, SCENES, sizeof SCENES / sizeof SCENES[0]);
}

/* It is on this phone no more, and a change under the new name is not either. */
static st_err it_is_lost(bench *b, st_error *error)
{
    bool any = false;
    even_out(b);
    return outbox_lose_left(b->on.copy.client, &any, error);
}

static void test_a_set_of_before_is_lost(void **state)
{
    static const scene SCENES[] = {
        { .why = "it is lost", .what = it_is_lost, .is_alone = true, .patience = FEW },
    };
    bench *b = *state;
    book_key set = book_key_counter(BOOK_SET, &b->unsent.device, b->unsent.first);
    book_key change = book_key_of(BOOK_CHANGE);
    rows_spoil(&b->an, &set);
    book_key_u64(&change, b->an.client->me.counter);
    rows_spoil(&b->an, &change);
    trial_sweep(b, SCENES, sizeof SCENES / sizeof SCENES[0]);
}

/* Keys of its own, and both signatures over them. */
static st_err a_copy_makes_keys(bench *b, st_error *error)
{
    even_out(b);
    b->on.sync->heir_signed = 0;
    st_err err = heir_prepare(b->on.sync, error);
    if (err == ST_OK)
        assert_true(heir_asks(b->on.sync));
    return err;
}

static void test_keys_of_a_copy(void **state)
{
    static const scene SCENES[] = {
        { .why = "a copy makes keys",
          .what = a_copy_makes_keys,
          .in_sync = true,
          .is_alone = true,
          .only_writes = true,
          .talks = true,
          .patience = FEW },
    };
    bench *b = *state;
    b->an.client->install[0] ^= 1;
    assert_int_equal(take_copied(b->an.client, NULL), ST_OK);
    trial_sweep(b, SCENES, sizeof SCENES / sizeof SCENES[0]);
}

/* ---- what is sealed ---- */

/* Each change in a set of its own, where the server takes no more at once. */
static st_err all_is_sealed(bench *b, st_error *error)
{
    outbox_seal seal;
    even_out(b);
    outbox_seal_init(&seal);
    seal.changes_max = 1;
    st_err err = outbox_flush(&seal, b->on.copy.client, error);
    outbox_seal_free(&seal);
    return err;
}

static void test_what_is_sealed(void **state)
{
    static const scene SCENES[] = {
        { .why = "all is sealed", .what = all_is_sealed, .is_alone = true, .patience = FEW },
    };
    trial_sweep(*state, SCENES, sizeof SCENES / sizeof SCENES[0]);
}

/* ---- a bucket that is not as the server says, and the end ---- */

static st_page page_of_unit(void)
{
    st_page page = { .cursor = 1000, .last = true, .sum = { { 7 } }, .fold_version = 1 };
    assert_true(st_bucket_set(&page.bucket, EDGE_UNIT_BUCKET, strlen(EDGE_UNIT_BUCKET)));
    return page;
}

static st_err a_sum_is_wrong(bench *b, st_error *error)
{
    const st_frame frame = { .kind = ST_FRAME_PAGE, .as.page = page_of_unit() };
    b->on.sync->repaired_count = b->on.sync->repairs_count = 0;
    st_err err = take(b, &frame, error);
    if (err == ST_OK)
        assert_true(b->on.sync->repaired_count == 1 && b->on.sync->repairs_count == 1);
    return err;
}

/* All entries come, though it was to be read from a snapshot. */
static st_err pages_come_after_all(bench *b, st_error *error)
{
    const st_snapshot_piece piece = { { { 3 } }, 64 };
    st_page page = page_of_unit();
    st_frame frame = { .kind = ST_FRAME_SNAPSHOT };
    st_snapshot *list = &frame.as.snapshot;
    st_err err = apply_forget(b->on.copy.client, &page.bucket, error);
    *list = (st_snapshot){
        .bucket = page.bucket, .cursor = 900, .pieces = &piece, .pieces_count = 1, .fold_version = 1
    };
    if (err == ST_OK)
        err = take(b, &frame, error);
    page.last = false;
    frame = (st_frame){ .kind = ST_FRAME_PAGE, .as.page = page };
    return err == ST_OK ? take(b, &frame, error) : err;
}

static st_err the_answer_ends(bench *b, st_error *error)
{
    st_frame frame = { .kind = ST_FRAME_END };
    sotay_sync *sync = b->on.sync;
    frame.as.end =
        (st_end){ .version = 1, .position = 3, .server_ms = b->e->now_ms, .backed_up_to = 2 };
    sync->has_turned = false;
    return take(b, &frame, error);
}

static void test_pages_and_the_end(void **state)
{
    static const scene SCENES[] = {
        { .why = "a sum is wrong", .what = a_sum_is_wrong, .in_sync = true, .patience = FEW },
        { .why = "pages come after all",
          .what = pages_come_after_all,
          .in_sync = true,
          .patience = FEW },
        { .why = "the answer ends", .what = the_answer_ends, .in_sync = true, .patience = FEW },
    };
    trial_sweep(*state, SCENES, sizeof SCENES / sizeof SCENES[0]);
}

/* ---- the keys of the log ---- */

static st_err keys_are_told(bench *b, st_error *error)
{
    st_frame frame = { .kind = ST_FRAME_LOG_KEYS };
    frame.as.log_keys = (st_log_keys_told){ .rows = b->keys, .count = 2 };
    st_err err = take(b, &frame, error);
    if (err == ST_OK)
        assert_false(b->on.copy.client->next.has_key_alarm);
    return err;
}

static st_err keys_come_with_an_enrolment(bench *b, st_error *error)
{
    st_enrol_answer answer;
    memset(&answer, 0, sizeof answer);
    answer.log_keys = (st_log_keys_told){ .has_first = true, .rows = b->keys, .count = 2 };
    memcpy(answer.log_keys.first, b->key[0], sizeof answer.log_keys.first);
    memcpy(answer.log_key, b->key[2], sizeof answer.log_key);
    return log_keys_begin(b->on.copy.client, &answer, error);
}

static st_err keys_are_read(bench *b, st_error *error)
{
    st_log_keys keys;
    st_err err = log_keys_get(b->on.copy.client, &keys, error);
    if (err == ST_OK)
        assert_int_equal(st_log_keys_fault(&keys, &b->e->log), 0);
    return err;
}

static void test_the_keys_of_the_log(void **state)
{
    static const scene TOLD[] = {
        { .why = "keys are told",
          .what = keys_are_told,
          .in_sync = true,
          .only_writes = true,
          .patience = FEW },
        { .why = "keys come with an enrolment",
          .what = keys_come_with_an_enrolment,
          .only_writes = true,
          .patience = FEW },
    };
    static const scene READ[] = {
        { .why = "keys are read", .what = keys_are_read, .only_reads = true },
    };
    bench *b = *state;
    sotay_sync *sync = NULL;
    st_frame frame = { .kind = ST_FRAME_LOG_KEYS };
    frame.as.log_keys = (st_log_keys_told){ .rows = b->keys, .count = 2 };
    trial_sweep(b, TOLD, sizeof TOLD / sizeof TOLD[0]);
    must(b, sotay_sync_begin(b->an.client, &sync, &b->an.error));
    rows_begin(&b->an);
    assert_int_equal(take_frame(sync, &frame, NULL), ST_OK);
    rows_commit(&b->an);
    sotay_sync_free(sync);
    trial_sweep(b, READ, 1);
}

/* A verdict said that it is in the log, and its bucket was read past that place without it. */
static st_err it_was_missed(bench *b, st_error *error)
{
    even_out(b);
    return outbox_offer_missed(b->on.copy.client, error);
}

/* As if no page had spoken of it: its note is over the base again, and its line is away. */
static void test_a_set_that_was_missed(void **state)
{
    static const scene SCENES[] = {
        { .why = "it was missed", .what = it_was_missed, .is_alone = true, .patience = FEW },
    };
    static stored_row line;
    bench *b = *state;
    book_db *book = &b->an.client->book;
    const st_id record = phone_id(&b->told);
    const overlay_entry entry = { .dot = { b->sent.device, b->sent.first },
                                  .first = b->sent.first,
                                  .status = OVERLAY_SENT };
    for (size_t n = 0; line.len == 0 || memcmp(line.key.b + 1, record.b, sizeof record.b) != 0; n++)
        assert_true(rows_get(&b->an, BOOK_HIST, n, &line));
    rows_delete(&b->an, &line.key);
    rows_begin(&b->an);
    assert_int_equal(overlay_put(book, &record, &entry, NULL), ST_OK);
    rows_commit(&b->an);
    trial_sweep(b, SCENES, sizeof SCENES / sizeof SCENES[0]);
    rows_begin(&b->an);
    assert_int_equal(overlay_delete(book, &record, &entry.dot, NULL), ST_OK);
    rows_commit(&b->an);
    rows_put(&b->an, &line.key, line.data, line.len);
}

/* One phone for all; from test_a_branch_of_before on each test changes it. */
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_another_branch),
        cmocka_unit_test(test_what_is_sealed),
        cmocka_unit_test(test_what_was_lost_is_found),
        cmocka_unit_test(test_pages_and_the_end),
        cmocka_unit_test(test_a_set_that_was_missed),
        cmocka_unit_test(test_a_branch_of_before),
        cmocka_unit_test(test_no_answer_to_a_set_of_before),
        cmocka_unit_test(test_a_set_of_before_is_lost),
        cmocka_unit_test(test_the_keys_of_the_log),
        cmocka_unit_test(test_keys_of_a_copy),
    };
    return cmocka_run_group_tests_name("verdict faults", tests, bench_open, bench_close);
}
