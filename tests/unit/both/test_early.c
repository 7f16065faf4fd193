/* tests/unit/both/test_early.c
 * A phone asks a restored book of which it has not heard yet, or one that was put back and does not
 * know it. What it wrote last does not go into the book ahead of what was lost: not before the
 * papers by which it is judged, nor, where it is of a copy, before what lies in front of it, whose
 * numbers the first phone has used meanwhile: it would be of the first phone's branch there. */
#include "client-lib/src/outbox.h"
#include "tests/unit/both/town.h"
#include "tests/unit/both/unreadable.h"

#define LOST "hai một" /* said by the copy, sent, and lost with the old book */
#define OURS "của an"  /* said by the first phone under the same number */
#define LAST "hai ba"  /* said by the copy behind that, unsent */

typedef struct {
    town t;
    phone *an, *binh, *image;
    sotay_id visit;
} early;

/* How the book is lost. */
typedef enum { RESTORED, PUT_BACK, LOSSES } loss;

static void save(town *t, loss how)
{
    (how == RESTORED ? backup : keep_copy)(t);
}

static void lose(town *t, loss how)
{
    (how == RESTORED ? restore : put_copy_back)(t);
}

/* The phone that asks first after that. By what it brings a book that was put back finds out. */
static void sync_first(town *t, phone *p, loss how, sotay_report *out_report)
{
    if (how == PUT_BACK) {
        assert_int_equal(sync_phone(&t->w, p, 0, NULL), SOTAY_E_NETWORK);
        rooms_close(&t->w.book.rooms);
        reopen(t);
    }
    sync_phone_well(&t->w, p, out_report);
}

static void note(phone *p, const sotay_id *visit, const char *text)
{
    assert_int_equal(phone_set(p, visit, "general_note", text), SOTAY_OK);
}

/* What the copy does behind that in the book that is lost. */
typedef enum { GOES_ON, STOPS, HAS_ANOTHER_NAME } copy_does;

static void early_begin(early *s, uint64_t seed, copy_does then, loss how)
{
    town *t = &s->t;
    town_make(t, seed);
    s->an = &t->w.phones[0];
    s->binh = &t->w.phones[1];
    s->image = &t->w.phones[2];
    s->visit = phone_visit(s->an, "gốc");
    sync_phone_well(&t->w, s->an, NULL);
    save(t, how);
    phone_free(s->image);
    assert_int_equal(sotay_memory_copy(&s->an->port, false, &s->image->port, NULL), SOTAY_OK);
    phone_open(s->image);
    note(s->image, &s->visit, LOST);
    sync_phone_well(&t->w, s->image, NULL);
    if (then == GOES_ON)
        (void)phone_visit(s->image, "giữa");
    if (then == HAS_ANOTHER_NAME)
        enrol(&t->w, s->image, "an", true);
    sync_phone_well(&t->w, s->image, NULL);
    sync_phone_well(&t->w, s->binh, NULL); /* reads it */
}

/* The book turns, and the first phone goes on in it. */
static void early_turn(early *s, loss how)
{
    lose(&s->t, how);
    note(s->an, &s->visit, OURS);
    sync_phone_well(&s->t.w, s->an, NULL);
    if (how == RESTORED) /* else the log would be as long as the one that was lost */
        sync_phone_well(&s->t.w, s->an, NULL);
}

static void early_make_with(early *s, uint64_t seed, copy_does then, loss how)
{
    early_begin(s, seed, then, how);
    early_turn(s, how);
}

static void early_make(early *s, uint64_t seed)
{
    early_make_with(s, seed, GOES_ON, RESTORED);
}

static void sync_all(early *s)
{
    for (int i = 0; i < 3; i++) {
        sync_phone_well(&s->t.w, s->image, NULL);
        sync_phone_well(&s->t.w, s->an, NULL);
        sync_phone_well(&s->t.w, s->binh, NULL);
    }
}

static size_t found(phone *p, const char *text)
{
    const sotay_filter search = { .text = text };
    char *list = NULL;
    size_t count = 0;
    assert_int_equal(sotay_list(p->client, &search, SOTAY_JSON, &list, &p->error), SOTAY_OK);
    for (const char *at = list; (at = strstr(at, "\"id\":")) != NULL; at++)
        count++;
    sotay_text_free(list);
    return count;
}

/* Nothing is missing in the book, and the first phone goes on under its name. */
static void check_book(early *s)
{
    sotay_who who;
    sotay_whoami(s->an->client, &who);
    assert_false(who.is_copied);
    KIT_EXPECT(0, &s->t.w.book, "audit", "list", "gaps", "--json");
    assert_non_null(strstr(KIT_OUT(&s->t.w.book), "\"lines\":[]"));
    KIT_EXPECT(0, &s->t.w.book, "verify");
    town_free(&s->t);
}

static void check_both_said(early *s, const char *last)
{
    phone *phones[] = { s->image, s->an, s->binh };
    for (int i = 0; i < 3; i++) {
        assert_true(phone_says(phones[i], sotay_show, &s->visit, OURS));
        assert_true(phone_says(phones[i], sotay_show, &s->visit, last));
        assert_true(phone_says(phones[i], sotay_show, &s->visit, "\"open_conflicts\":1"));
    }
}

/* What the copy said last replaces what it said before, not what the first phone said. */
static void test_a_value_over_the_lost_one(void **state)
{
    (void)state;
    for (loss how = RESTORED; how < LOSSES; how++) {
        early s;
        sotay_report report;
        early_make_with(&s, 42, GOES_ON, how);
        note(s.image, &s.visit, LAST);
        sync_first(&s.t, s.image, how, &report);
        assert_int_equal(report.later, 0); /* it came with the same sync */
        enrol(&s.t.w, s.image, "an", true);
        sync_all(&s);
        check_both_said(&s, LAST);
        check_book(&s);
    }
}

/* A record stands in the book once. */
static void test_a_record_behind_the_lost_ones(void **state)
{
    (void)state;
    early s;
    early_make(&s, 41);
    (void)phone_visit(s.image, "cuối");
    sync_phone_well(&s.t.w, s.image, NULL);
    enrol(&s.t.w, s.image, "an", true);
    sync_all(&s);
    assert_int_equal(found(s.binh, "cuối"), 1);
    assert_int_equal(found(s.binh, "giữa"), 1);
    check_book(&s);
}

/* The copy has another name by then, and goes on over what waits under the old one. */
static void test_under_a_name_that_was_left(void **state)
{
    (void)state;
    early s;
    early_make(&s, 43);
    note(s.image, &s.visit, LAST);
    rows_seal(s.image);
    enrol(&s.t.w, s.image, "an", true);
    note(s.image, &s.visit, "hai bốn");
    sync_all(&s);
    check_both_said(&s, "hai bốn");
    check_book(&s);
}

/* All that it said under the old name was sent, to the book that is lost: it has another one by
 * then, or gets it in the new book, and goes on over that. */
static void test_under_a_name_that_had_its_answers(void **state)
{
    (void)state;
    for (copy_does then = GOES_ON; then <= HAS_ANOTHER_NAME; then++) {
        early s;
        early_make_with(&s, 47, then, RESTORED);
        if (then != HAS_ANOTHER_NAME)
            enrol(&s.t.w, s.image, "an", true);
        note(s.image, &s.visit, LAST);
        sync_all(&s);
        check_both_said(&s, LAST);
        check_book(&s);
    }
}

/* Who read the copy's value wrote over it before he heard of the restore: nothing in his set says
 * that he did not see the first phone's. The office has all of it. */
static void test_what_is_not_seen(void **state)
{
    (void)state;
    early s;
    char hex[33];
    early_make_with(&s, 49, STOPS, RESTORED);
    sotay_id_format(&s.visit, hex);
    note(s.binh, &s.visit, LAST);
    sync_all(&s);
    enrol(&s.t.w, s.image, "an", true);
    sync_all(&s);
    assert_true(phone_says(s.an, sotay_show, &s.visit, LAST));
    assert_false(phone_says(s.an, sotay_show, &s.visit, OURS)); /* should it be, mend 7.9 too */
    assert_true(phone_says(s.an, sotay_show, &s.visit, LOST));
    KIT_EXPECT(0, &s.t.w.book, "held");
    assert_non_null(strstr(KIT_OUT(&s.t.w.book), "fork"));
    assert_non_null(strstr(KIT_OUT(&s.t.w.book), hex));
    KIT_EXPECT(0, &s.t.w.book, "history", hex);
    assert_non_null(strstr(KIT_OUT(&s.t.w.book), OURS));
    assert_non_null(strstr(KIT_OUT(&s.t.w.book), LOST));
    assert_non_null(strstr(KIT_OUT(&s.t.w.book), LAST));
    check_book(&s);
}

/* The same book goes on: what is written over that waits for no more than one answer, over syncs of
 * a single request too; and for none once a backup has what it is written over, nor in a bundle. */
static void test_the_same_book_is_asked_once(void **state)
{
    (void)state;
    town t;
    sotay_sync *sync = NULL;
    sotay_report report;
    town_make(&t, 48);
    phone *an = &t.w.phones[0];
    const sotay_id visit = phone_visit(an, "gốc");
    sync_phone_well(&t.w, an, NULL);
    enrol(&t.w, an, "an", true);
    sync_phone_well(&t.w, an, NULL);
    note(an, &visit, "một");
    sync_phone_well(&t.w, an, &report);
    assert_int_equal(report.requests, 2);
    assert_int_equal(report.stored, 1);
    sync_phone_well(&t.w, an, &report); /* nothing waits */
    assert_int_equal(report.requests, 1);
    note(an, &visit, "hai");
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(sotay_sync_begin(an->client, &sync, NULL), SOTAY_OK);
        sotay_sync_limit(sync, 1100, true);
        assert_int_equal(run(&t.w, sync, 0, &report), SOTAY_OK);
        assert_int_equal(report.requests, 1);
        assert_int_equal(report.stored, i);
    }
    sync_phone_well(&t.w, an, NULL); /* what these had no room for */
    note(an, &visit, "ba");
    rows_seal(an);
    sync_phone_well(&t.w, an, &report);
    assert_int_equal(report.requests, 1);
    assert_int_equal(report.stored, 1);
    backup(&t);
    KIT_EXPECT(0, &t.w.book, "backup", t.copy); /* one alone may lie on the same disk */
    sync_phone_well(&t.w, an, NULL);
    note(an, &visit, "bốn");
    sync_phone_well(&t.w, an, &report);
    assert_int_equal(report.requests, 1);
    assert_int_equal(report.stored, 1);
    town_free(&t);
}

#define WHOLE_BUT_ITS_END (SIZE_MAX - 1)

/* All frames of an answer but the last one. */
static void take_end_off(st_buffer *reply)
{
    st_frame_reader *reader = NULL;
    st_frame_writer *pen = NULL;
    st_buffer out;
    const uint8_t *frame = NULL;
    size_t len = 0;
    st_err bad = ST_OK;
    bool has_more = true;
    st_buffer_init(&out, reply->len * 2);
    assert_int_equal(st_frame_reader_new(ST_STREAM_BYTES_MAX, &reader, NULL), ST_OK);
    assert_int_equal(st_frame_writer_new(3, &out, &pen, NULL), ST_OK);
    assert_int_equal(st_frame_feed(reader, reply->data, reply->len, NULL), ST_OK);
    has_more = st_frame_read(reader, &frame, &len, &bad);
    while (has_more) {
        uint8_t *kept = malloc(len);
        assert_non_null(kept);
        memcpy(kept, frame, len);
        const size_t kept_len = len;
        has_more = st_frame_read(reader, &frame, &len, &bad);
        if (has_more)
            assert_int_equal(st_frame_write(pen, kept, kept_len, NULL), ST_OK);
        free(kept);
    }
    assert_int_equal(st_frame_writer_end(pen, NULL), ST_OK);
    st_frame_reader_free(reader);
    st_frame_writer_free(pen);
    st_buffer_free(reply);
    *reply = out;
}

/* As after answers of the book that is known: through one all waited up to this own counter, and in
 * one the server did not say what the first set is. */
static void has_heard(phone *p, uint64_t heard, const st_dot *unsaid)
{
    rows_begin(p);
    p->client->next.heard = heard;
    if (unsaid != NULL)
        assert_int_equal(outbox_unsaid(p->client, &unsaid->device, unsaid->counter, NULL), ST_OK);
    rows_commit(p);
}

static bool is_asked(phone *p, const st_dot *first)
{
    outbox_set set;
    assert_int_equal(client_begin(p->client, false, NULL), ST_OK);
    book_db *book = &p->client->book;
    assert_int_equal(outbox_get(book, &first->device, first->counter, &set, NULL), ST_OK);
    client_abort(p->client);
    return set.is_asked;
}

/* What was sealed last. */
static st_dot last_set(phone *p)
{
    return (st_dot){ p->client->me.device, p->client->me.sealed };
}

/* A sync in which the line breaks when so much of its first answer has come: true, if that is all.
 * While it is on its way, something is written where `meanwhile` says. */
static bool broken_sync(town *t, phone *p, const sotay_id *meanwhile, size_t len)
{
    sotay_sync *sync = NULL;
    sotay_request request;
    st_buffer reply;
    bool again = false;
    assert_int_equal(sotay_sync_begin(p->client, &sync, NULL), SOTAY_OK);
    assert_int_equal(sotay_sync_next(sync, &request, NULL), SOTAY_OK);
    assert_int_equal(answer(&t->w, &request, &reply), 200);
    if (meanwhile != NULL)
        note(p, meanwhile, LAST);
    if (len == WHOLE_BUT_ITS_END)
        take_end_off(&reply);
    const bool is_whole = len >= reply.len;
    len = is_whole ? reply.len : len;
    assert_int_equal(sotay_sync_feed(sync, reply.data, len, &t->w.error), SOTAY_OK);
    (void)!sotay_sync_end(sync, 0, &again, &t->w.error);
    st_buffer_free(&reply);
    sotay_sync_free(sync);
    return is_whole;
}

/* What the copy wrote before it goes on over what it had sent. */
typedef enum {
    WAITED_THROUGH,       /* an answer, in a sync of a single request */
    WRITTEN_AT_AN_ANSWER, /* which was on its way: over it, too */
    WAITED_ON_A_SET,      /* of the name before: the server was asked, and did not say */
    DOES_NOT_OPEN,        /* the same, so that what is behind it gets its counter */
    WAYS
} written_before;

static void write_before(early *s, const sotay_id *other, written_before how)
{
    sotay_sync *sync = NULL;
    town *t = &s->t;
    if (how >= WAITED_ON_A_SET) {
        (void)phone_visit(s->image, "giữa");
        rows_seal(s->image);
    }
    const st_dot left = last_set(s->image);
    enrol(&t->w, s->image, "an", true);
    if (how == WRITTEN_AT_AN_ANSWER)
        note(s->image, other, "trước");
    if (how < WAITED_ON_A_SET)
        sync_phone_well(&t->w, s->image, NULL);
    if (how == WRITTEN_AT_AN_ANSWER) {
        (void)broken_sync(t, s->image, &s->visit, SIZE_MAX);
        return;
    }
    note(s->image, other, "chờ");
    if (how == WAITED_THROUGH) {
        assert_int_equal(sotay_sync_begin(s->image->client, &sync, NULL), SOTAY_OK);
        sotay_sync_limit(sync, 1100, true);
        assert_int_equal(run(&t->w, sync, 0, NULL), SOTAY_OK);
        return;
    }
    has_heard(s->image, 1, &left);
    if (how == DOES_NOT_OPEN)
        damage_unsealed(s->image, 1, SPOILT);
}

/* That something is unsealed still which waited long enough lets nothing go that was written since:
 * the book may have turned. */
static void test_each_waits_for_its_answer(void **state)
{
    (void)state;
    for (written_before how = 0; how < WAYS; how++) {
        early s;
        print_message("  case %d\n", (int)how);
        early_begin(&s, 47, STOPS, RESTORED);
        const sotay_id other = phone_visit(s.image, "khác");
        sync_phone_well(&s.t.w, s.image, NULL);
        write_before(&s, &other, how);
        early_turn(&s, RESTORED);
        note(s.image, &s.visit, LAST);
        sync_all(&s);
        check_both_said(&s, LAST);
        check_book(&s);
    }
}

/* What waited goes though each answer breaks off before its end, once something has come that the
 * same book alone says. */
static void test_no_answer_comes_whole(void **state)
{
    (void)state;
    early s;
    early_begin(&s, 50, HAS_ANOTHER_NAME, RESTORED);
    note(s.image, &s.visit, LAST);
    for (int i = 0; i < 3; i++) {
        (void)phone_visit(s.binh, "suối");
        sync_phone_well(&s.t.w, s.binh, NULL);
        (void)broken_sync(&s.t, s.image, NULL, WHOLE_BUT_ITS_END);
    }
    sync_phone_well(&s.t.w, s.binh, NULL);
    assert_true(phone_says(s.binh, sotay_show, &s.visit, LAST));
    check_book(&s);
}

/* A sync that only sends brings it as well; so does the one after a sync of a single request. */
static void test_a_sync_that_only_sends(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        early s;
        sotay_sync *sync = NULL;
        sotay_report report;
        early_make(&s, 44);
        restore(&s.t); /* the first phone brings its own again, as any phone */
        (void)phone_visit(s.an, "cuối");
        assert_int_equal(sotay_sync_begin(s.an->client, &sync, NULL), SOTAY_OK);
        sotay_sync_send_only(sync);
        sotay_sync_limit(sync, i == 0 ? 0 : 1100, true);
        assert_int_equal(run(&s.t.w, sync, 0, &report), SOTAY_OK);
        assert_int_equal(report.requests == 1, i == 1);
        assert_int_equal(phone_status_says(s.an, "\"ready\":0"), i == 0);
        sync_phone_well(&s.t.w, s.an, &report);
        assert_true(report.complete);
        sync_phone_well(&s.t.w, s.binh, NULL);
        assert_int_equal(found(s.binh, "cuối"), 1);
        assert_true(phone_says(s.binh, sotay_show, &s.visit, OURS));
        check_book(&s);
    }
}

/* A person came, or was given the unit, after the backup: that is lost with it, and comes again
 * before what he wrote is judged, whether he had sent it or not. */
static void test_what_lets_him_write_comes_first(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        town t;
        sotay_report report;
        const bool is_new = i % 2 == 1, was_sent = i / 2 % 2 == 1;
        const loss how = i < 4 ? RESTORED : PUT_BACK;
        const char *login = is_new ? "dung" : "an";
        print_message("  case: %s, %s, %s\n", how == RESTORED ? "restored" : "put back", login,
                      was_sent ? "sent" : "unsent");
        town_make(&t, 45);
        phone *p = &t.w.phones[is_new ? 2 : 0];
        if (!is_new)
            KIT_EXPECT(0, &t.w.book, "unassign", login, KIT_UNIT);
        save(&t, how);
        if (is_new) {
            KIT_EXPECT(0, &t.w.book, "user", "add", login, "--name", login, "--role", "officer");
            phone_free(p);
            phone_new(p, 451);
        }
        KIT_EXPECT(0, &t.w.book, "assign", login, KIT_UNIT);
        if (is_new)
            enrol(&t.w, p, login, true);
        sync_phone_well(&t.w, p, NULL);
        (void)phone_visit(p, "suối");
        if (was_sent)
            sync_phone_well(&t.w, p, NULL);
        lose(&t, how);
        sync_first(&t, p, how, &report);
        assert_true(report.complete);
        assert_int_equal(report.held, 0);
        assert_true(phone_status_says(p, "\"ready\":0"));
        KIT_EXPECT(0, &t.w.book, "held");
        assert_non_null(strstr(KIT_OUT(&t.w.book), "0 changes wait"));
        town_free(&t);
    }
}

/* The server that turns says of nothing what it is: that is no answer for which words waited. */
static void test_the_turn_is_no_answer(void **state)
{
    (void)state;
    town t;
    sotay_sync *sync = NULL;
    sotay_report report;
    town_make(&t, 46);
    phone *an = &t.w.phones[0], *binh = &t.w.phones[1];
    const sotay_id visit = phone_visit(an, "gốc");
    sync_phone_well(&t.w, an, NULL);
    backup(&t);
    note(an, &visit, "một");
    rows_seal(an);
    const st_dot left = last_set(an);
    restore(&t);
    enrol(&t.w, an, "an", true);
    note(an, &visit, "hai");
    has_heard(an, 0, &left); /* of the old book, nothing */
    assert_int_equal(sotay_sync_begin(an->client, &sync, NULL), SOTAY_OK);
    sotay_sync_limit(sync, 1100, true);
    assert_int_equal(run(&t.w, sync, 0, &report), SOTAY_OK);
    assert_int_equal(report.requests, 1);
    assert_false(is_asked(an, &left));
    assert_int_equal(an->client->me.heard, 0);
    sync_phone_well(&t.w, an, NULL);
    sync_phone_well(&t.w, binh, NULL);
    assert_true(phone_says(binh, sotay_show, &visit, "hai"));
    assert_true(phone_says(binh, sotay_show, &visit, "\"open_conflicts\":0"));
    town_free(&t);
}

/* Nor does it where the answer breaks off before it says that the book turned. */
static void test_the_turn_is_cut_off(void **state)
{
    (void)state;
    bool is_whole = false;
    for (size_t len = 41; !is_whole; len += 40) {
        town t;
        town_make(&t, 46);
        phone *an = &t.w.phones[0], *binh = &t.w.phones[1];
        const sotay_id visit = phone_visit(an, "gốc");
        sync_phone_well(&t.w, an, NULL);
        backup(&t);
        note(an, &visit, "một");
        rows_seal(an);
        restore(&t);
        enrol(&t.w, an, "an", true);
        note(an, &visit, "hai");
        has_heard(an, 1, NULL);
        is_whole = broken_sync(&t, an, NULL, len);
        for (int i = 0; i < 2; i++)
            sync_phone_well(&t.w, an, NULL);
        sync_phone_well(&t.w, binh, NULL);
        assert_true(phone_says(binh, sotay_show, &visit, "hai"));
        assert_true(phone_says(binh, sotay_show, &visit, "\"open_conflicts\":0"));
        town_free(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_value_over_the_lost_one),
        cmocka_unit_test(test_a_record_behind_the_lost_ones),
        cmocka_unit_test(test_under_a_name_that_was_left),
        cmocka_unit_test(test_under_a_name_that_had_its_answers),
        cmocka_unit_test(test_what_is_not_seen),
        cmocka_unit_test(test_the_same_book_is_asked_once),
        cmocka_unit_test(test_a_sync_that_only_sends),
        cmocka_unit_test(test_what_lets_him_write_comes_first),
        cmocka_unit_test(test_the_turn_is_no_answer),
        cmocka_unit_test(test_the_turn_is_cut_off),
        cmocka_unit_test(test_each_waits_for_its_answer),
        cmocka_unit_test(test_no_answer_comes_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
