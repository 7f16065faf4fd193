/* tests/unit/server/test_epoch_rows.c
 * Which rows of its list a book tells a phone: all that may be new to it, also when the phone knows
 * as many of another list. A phone of before marks were said is told all behind its own epoch. */
#include "proto/epoch.h"
#include "server/sync/epoch.h"
#include "server/sync/feed.h"
#include "tests/unit/server/operator_kit.h"

enum { NOT_OF_THIS_LOG = 9 };

typedef struct {
    uint32_t count;
    uint64_t first;
    uint8_t last[8], end[8];                   /* epochs: of the last row, and of the end */
    bool has_end_epoch;
    kit_book *turns;                           /* NULL: not while it is told */
} heard;

static void begin_epoch(kit_book *book)
{
    const sync_epoch_wish wish = { .reason = "x" };
    assert_int_equal(sync_epoch_begin(book->rooms.writer, &book->rooms.sync, &wish, NULL), ST_OK);
}

static st_err hear(void *context, const st_frame *frame, st_error *error)
{
    heard *h = context;
    (void)error;
    if (frame->kind == ST_FRAME_EPOCHS) {
        h->count = frame->as.epochs.count;
        h->first = frame->as.epochs.rows[0].n;
        memcpy(h->last, frame->as.epochs.rows[h->count - 1].epoch, sizeof h->last);
        if (h->turns != NULL)
            begin_epoch(h->turns);
    }
    if (frame->kind == ST_FRAME_END) {
        h->has_end_epoch = frame->as.end.has_epoch;
        memcpy(h->end, frame->as.end.epoch, sizeof h->end);
    }
    return ST_OK;
}

static heard ask_while(kit_book *book, const kit_phone *phone, const st_ask *asked, bool turns)
{
    heard h = { .turns = turns ? book : NULL };
    sync_request request;
    feed_report report;
    const feed_sink sink = { &h, hear };
    store_txn txn = { 0 };
    memset(&request, 0, sizeof request);
    request.ask = asked;
    assert_int_equal(store_begin(book->rooms.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(auth_device_get(&txn, NULL, &phone->device, &request.device, NULL), ST_OK);
    store_end(&txn);
    assert_int_equal(feed_answer(&book->rooms.sync, &request, &sink, &report, NULL), ST_OK);
    return h;
}

static heard ask(kit_book *book, const kit_phone *phone, const st_ask *asked)
{
    return ask_while(book, phone, asked, false);
}

static uint32_t read_list(kit_book *book, st_arena *arena, const st_epoch **out_rows)
{
    store_txn txn = { 0 };
    uint32_t count = 0;
    assert_int_equal(store_begin(book->rooms.sync.store, STORE_READ_TXN, &txn, NULL), ST_OK);
    assert_int_equal(sync_epochs_read(&txn, arena, out_rows, &count, NULL), ST_OK);
    store_end(&txn);
    return count;
}

/* Shows, signed with the key of the log, an epoch that this book lost. */
static void show_lost(kit_book *book, uint8_t key)
{
    uint8_t text[ST_EPOCH_SIGN_BYTES];
    st_epoch lost = { .n = 2, .cut = 5 };
    memset(lost.epoch, key, sizeof lost.epoch);
    memset(lost.server_key, key, sizeof lost.server_key);
    st_epoch_sign_text(&book->rooms.keys.log, &lost, text);
    st_sign(book->rooms.keys.log_secret, text, sizeof text, lost.signature);
    const st_ask asked = { .version = 1, .seen = &lost, .seen_count = 1 };
    assert_int_equal(sync_epochs_learn(book->rooms.writer, &book->rooms.keys, &asked, NULL),
                     ST_OK);
}

/* `own`: the row that has the phone's epoch, 0: it names none; said: 'n' a number alone, 's' a mark
 * of this list, 'o' of another one. Rows 2 and 4 are of one epoch. */
static void test_what_is_told(void **state)
{
    static const struct {
        uint32_t own;
        char said;
        uint64_t epochs, first;                /* of those that are told; 0: none */
    } CASES[] = {
        { 5, 'n', 5, 0 }, { 5, 'n', 9, 0 }, { 5, 'n', 3, 4 }, { 5, 'n', 0, 1 },
        { 5, 's', 5, 0 }, { 5, 'o', 5, 1 }, { 5, 'o', 9, 1 }, { 5, 'o', 2, 1 },
        { 4, 'n', 2, 3 }, { 4, 'n', 4, 5 }, { 4, 'n', 5, 5 }, { 4, 'n', 9, 5 },
        { 4, 'o', 4, 1 }, { 4, 'o', 9, 1 }, { 4, 's', 5, 1 },
        { 1, 'n', 0, 2 }, { 1, 'n', 1, 2 }, { 1, 'n', 7, 2 }, { 1, 'o', 7, 1 },
        { NOT_OF_THIS_LOG, 'n', 0, 2 }, { NOT_OF_THIS_LOG, 'n', 9, 2 },
        { NOT_OF_THIS_LOG, 'o', 9, 2 }, { 0, 'n', 0, 2 }, { 0, 'n', 9, 2 },
    };
    kit_book *book = *state;
    kit_phone phone;
    st_arena arena;
    const st_epoch *rows = NULL;
    kit_enrol(book, "an", 7, &phone);
    begin_epoch(book);
    show_lost(book, 0x4c);
    begin_epoch(book);
    st_arena_init(&arena, 1u << 20);
    assert_int_equal(read_list(book, &arena, &rows), 5);
    assert_memory_equal(rows[1].epoch, rows[3].epoch, 8);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        st_ask asked = { .version = 1, .epochs = CASES[i].epochs,
                         .has_epoch = CASES[i].own > 0, .has_epochs_mark = CASES[i].said != 'n' };
        if (CASES[i].own > 0 && CASES[i].own != NOT_OF_THIS_LOG)
            memcpy(asked.epoch, rows[CASES[i].own - 1].epoch, sizeof asked.epoch);
        st_epochs_mark(&book->rooms.keys.log, rows, CASES[i].said == 's' ? 5 : 4,
                       asked.epochs_mark);
        const heard h = ask(book, &phone, &asked);
        if (h.first != CASES[i].first || (h.count > 0 && h.first + h.count != 6))
            fail_msg("case %zu: %u from %u on", i, (unsigned)h.count, (unsigned)h.first);
        assert_int_equal(h.has_end_epoch, CASES[i].own != 5);
    }
    st_arena_reset(&arena);
}

/* A phone of a lost epoch, and a book that has its first alone: with the name of that it is told
 * the key. */
static void test_the_first_alone(void **state)
{
    kit_book *book = *state;
    kit_phone phone;
    kit_enrol(book, "an", 7, &phone);
    const st_ask lost = { .version = 1, .has_epoch = true, .epochs = 3 };
    heard h = ask(book, &phone, &lost);
    assert_true(h.has_end_epoch && h.first == 1 && h.count == 1);
    st_ask known = { .version = 1, .has_epoch = true };
    memcpy(known.epoch, book->rooms.sync.epoch, sizeof known.epoch);
    h = ask(book, &phone, &known);
    assert_true(!h.has_end_epoch && h.count == 0);
}

/* Another epoch begins while one is told: the end names that which was told. */
static void test_an_epoch_that_begins_meanwhile(void **state)
{
    kit_book *book = *state;
    kit_phone phone;
    kit_enrol(book, "an", 7, &phone);
    st_ask asked = { .version = 1, .has_epoch = true };
    memcpy(asked.epoch, book->rooms.sync.epoch, sizeof asked.epoch);
    begin_epoch(book);
    const heard h = ask_while(book, &phone, &asked, true);
    assert_true(h.has_end_epoch && h.count == 1);
    assert_memory_equal(h.end, h.last, sizeof h.end);
    assert_memory_not_equal(h.end, book->rooms.sync.epoch, sizeof h.end);
}

/* Each lost key that is learned is two rows. A store that is restored needs one to start at all, so
 * half of the list is for these. */
static void test_the_list_is_never_full_of_lost_ones(void **state)
{
    kit_book *book = *state;
    st_arena arena;
    const st_epoch *rows = NULL;
    uint32_t before = 0, count = 1;
    st_arena_init(&arena, 1u << 20);
    for (uint8_t key = 1; count > before; key++) {
        before = count;
        show_lost(book, key);
        count = read_list(book, &arena, &rows);
        st_arena_reset(&arena);
    }
    assert_true(count > 16 && count <= ST_EPOCHS_MAX / 2);
    for (; count < ST_EPOCHS_MAX; count++)
        begin_epoch(book);
    assert_int_equal(read_list(book, &arena, &rows), ST_EPOCHS_MAX);
    st_arena_reset(&arena);
}

static int setup(void **state)
{
    static kit_book book;
    kit_make(&book, true);
    KIT_EXPECT(0, &book, "user", "add", "an", "--name", "An", "--role", "officer");
    *state = &book;
    return 0;
}

static int teardown(void **state)
{
    kit_remove(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_first_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_epoch_that_begins_meanwhile, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_list_is_never_full_of_lost_ones, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
