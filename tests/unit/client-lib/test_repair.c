/* tests/unit/client-lib/test_repair.c
 * What a server may say to a phone that looks into a wrong sum: own work that the log does not have
 * is shown and goes out again; what nobody signed goes along before it is dropped; an answer to
 * something else changes nothing; and a repair that leads nowhere ends. */
#include <stdio.h>

#include "client-lib/src/exchange.h"
#include "proto/repair.h"
#include "tests/unit/client-lib/handmade.h"

typedef struct {
    edge *e;
    phone an;
    sotay_id visit;
    sotay_sync *sync;
    st_bucket bucket;
    st_arena arena;
    bool has_lost; /* the server's log is empty */
} bench;

static void must(st_err err)
{
    assert_int_equal(err, ST_OK);
}

/* A phone whose visit the server has. */
static void bench_make(bench *b)
{
    memset(b, 0, sizeof *b);
    b->e = phone_alone(&b->an);
    b->visit = phone_visit(&b->an, "chợ");
    assert_int_equal(edge_sync(b->e, b->an.client, NULL, NULL), SOTAY_OK);
    st_arena_init(&b->arena, 1u << 20);
    (void)strcpy(b->bucket.s, EDGE_UNIT_BUCKET);
}

/* The first round of a repair of its bucket. */
static void bench_begin(bench *b)
{
    assert_int_equal(sotay_sync_begin(b->an.client, &b->sync, NULL), SOTAY_OK);
    must(client_begin(b->an.client, true, NULL));
    must(repair_begin(b->sync, &b->bucket, NULL));
}

static void bench_open(bench *b)
{
    bench_make(b);
    bench_begin(b);
}

/* What was done is durable. */
static void bench_commit(bench *b)
{
    must(client_commit(b->an.client, NULL));
    sotay_sync_free(b->sync);
}

static void bench_close(bench *b)
{
    st_arena_reset(&b->arena);
    phone_part(b->e, &b->an, NULL);
}

static st_repair_ask ask(bench *b)
{
    st_repair_ask asked;
    bool asks = false;
    must(repair_ask(b->sync, 0, &b->arena, &asked, &asks, NULL));
    assert_true(asks);
    return asked;
}

static st_repair_answer answer_to(const st_repair_ask *asked)
{
    return (st_repair_answer){ .bucket = asked->bucket, .cursor = asked->cursor };
}

/* The server says that it holds these records alone; the phone asks on. */
static st_repair_ask say_records(bench *b, const st_record_brief *records, uint32_t count)
{
    st_repair_ask asked = ask(b);
    st_repair_answer answer = answer_to(&asked);
    if (b->has_lost) {
        answer.vector = (const uint8_t *)"";   /* of nobody */
        answer.vector_len = 0;
    }
    st_repair_range all = { .is_list = true, .records = records, .records_count = count };
    answer.ranges = &all;
    answer.ranges_count = 1;
    must(repair_take(b->sync, &answer, NULL));
    must(repair_end_round(b->sync, NULL));
    assert_true(b->sync->repairs_go_on);
    return ask(b);
}

static st_err say_entries(bench *b, const st_repair_ask *asked, const st_entry *entries,
                          uint32_t count)
{
    st_repair_record record = { phone_id(&b->visit), entries, count };
    st_repair_answer answer = answer_to(asked);
    answer.records = &record;
    answer.records_count = 1;
    return repair_take(b->sync, &answer, NULL);
}

/* The entry of the log with the visit. */
static st_entry visit_entry(const bench *b)
{
    const edge_entry *last = NULL;
    for (size_t i = 0; i < b->e->entries_count; i++)
        if (st_id_cmp(&b->e->entries[i].device, &b->e->devices[1].id) == 0)
            last = &b->e->entries[i];
    assert_non_null(last);
    return last->entry;
}

/* The log lost the visit: it stays readable, and goes out again, though the sync breaks off. */
static void test_own_work_that_the_log_lost_is_shown_and_sent(void **state)
{
    bench b;
    (void)state;
    bench_open(&b);
    b.has_lost = true;
    st_repair_ask asked = say_records(&b, NULL, 0);
    assert_int_equal(asked.records_count, 1);
    must(say_entries(&b, &asked, NULL, 0));
    must(repair_end_round(b.sync, NULL));
    assert_false(b.sync->repairs_go_on);
    assert_true(b.sync->wants_again);
    bench_commit(&b);
    assert_true(phone_says(&b.an, sotay_show, &b.visit, "chợ"));
    assert_true(phone_status_says(&b.an, "\"ready\":1"));
    uint64_t before = b.e->duplicates;
    assert_int_equal(edge_sync(b.e, b.an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(b.e->duplicates, before + 1);
    assert_true(phone_says(&b.an, sotay_show, &b.visit, "chợ"));
    bench_close(&b);
}

/* All entries came: the record is as it was, nothing goes out again, the sum is counted anew. */
static void test_a_record_made_anew_is_the_same(void **state)
{
    bench b;
    char *before = NULL, *after = NULL;
    (void)state;
    bench_open(&b);
    st_entry entry = visit_entry(&b);
    st_repair_ask asked = say_records(&b, NULL, 0);
    must(say_entries(&b, &asked, &entry, 1));
    must(say_entries(&b, &asked, NULL, 0));    /* it is mended already: not asked for */
    must(repair_end_round(b.sync, NULL));
    assert_false(b.sync->repairs_go_on || b.sync->wants_again);
    bucket_state now;
    must(bucket_get(&b.an.client->book, &b.bucket, &now, NULL));
    st_sum sum = st_record_sum(edge_record(b.e, &asked.records[0]));
    assert_memory_equal(&now.sum, &sum, sizeof sum);
    bench_commit(&b);
    assert_int_equal(sotay_show(b.an.client, &b.visit, SOTAY_JSON, &before, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(b.e, b.an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(sotay_show(b.an.client, &b.visit, SOTAY_JSON, &after, NULL), SOTAY_OK);
    assert_string_equal(before, after);
    sotay_text_free(before);
    sotay_text_free(after);
    bench_close(&b);
}

/* A set that is not kept here is asked for with its bytes; one that cannot be read then brings
 * nothing, so what the base holds is own work to be sent again. */
static void test_sets_that_are_not_kept_are_asked_for(void **state)
{
    static const st_entry FOREIGN = { .index = 9, .kind = ST_ENTRY_CHANGE,
                                      .device = { { 9 } }, .first = 4, .last = 4 };
    static const st_entry GAP = { .index = 8, .kind = ST_ENTRY_GAP,
                                  .device = { { 9 } }, .first = 1, .last = 3 };
    bench b;
    (void)state;
    bench_open(&b);
    b.has_lost = true;
    st_id id = phone_id(&b.visit);
    const st_record_brief listed[] = { { id, { { 1 } } } };
    st_repair_ask asked = say_records(&b, listed, 1);
    assert_int_equal(asked.records_count, 1);
    assert_int_equal(asked.whole_count, 0);
    const st_entry both[] = { GAP, FOREIGN };
    must(say_entries(&b, &asked, both, 2));
    must(repair_end_round(b.sync, NULL));
    asked = ask(&b);
    assert_int_equal(asked.records_count, 0);
    assert_int_equal(asked.whole_count, 1);
    assert_memory_equal(&asked.whole[0], &id, sizeof id);
    st_entry strange = FOREIGN;
    strange.set = (const uint8_t *)"no set";
    strange.set_len = 6;
    must(say_entries(&b, &asked, &strange, 1));
    assert_true(b.sync->wants_again);
    bench_commit(&b);
    assert_true(phone_status_says(&b.an, "\"ready\":1"));
    assert_true(phone_says(&b.an, sotay_show, &b.visit, "chợ"));
    bench_close(&b);
}

/* An entry with its bytes brings what is in them: nothing is offered again. */
static void test_a_set_with_its_bytes(void **state)
{
    bench b;
    (void)state;
    bench_open(&b);
    st_entry entry = visit_entry(&b);
    assert_non_null(entry.set);
    entry.first = entry.last = 0;
    memset(&entry.device, 0, sizeof entry.device);
    st_repair_ask asked = say_records(&b, NULL, 0);
    must(say_entries(&b, &asked, &entry, 1));
    must(repair_end_round(b.sync, NULL));
    assert_false(b.sync->repairs_go_on || b.sync->wants_again);
    bench_commit(&b);
    assert_true(phone_status_says(&b.an, "\"ready\":0"));
    assert_true(phone_says(&b.an, sotay_show, &b.visit, "chợ"));
    bench_close(&b);
}

/* Answers of another moment, to another bucket, or about records that were not asked for. */
static void test_an_answer_to_something_else(void **state)
{
    bench b;
    (void)state;
    bench_open(&b);
    st_repair_ask asked = ask(&b);
    st_repair_record record = { phone_id(&b.visit), NULL, 0 };
    st_repair_answer answer = answer_to(&asked);
    answer.records = &record;
    answer.records_count = 1;
    must(repair_take(b.sync, &answer, NULL));  /* not asked for */
    answer.cursor++;
    must(repair_take(b.sync, &answer, NULL));
    answer.cursor--;
    (void)strcpy(answer.bucket.s, EDGE_COMMUNE "/unit/x");
    must(repair_take(b.sync, &answer, NULL));
    repair_forget(b.sync, &answer.bucket, true);
    bench_commit(&b);
    assert_true(phone_says(&b.an, sotay_show, &b.visit, "chợ"));
    assert_true(phone_status_says(&b.an, "\"ready\":0"));
    bench_close(&b);
}

/* No answer, and nothing was shown: the bucket is read anew, and own work stays readable. */
static void test_a_server_that_says_nothing(void **state)
{
    bench b;
    bool asks = true;
    st_repair_ask asked;
    (void)state;
    bench_open(&b);
    must(repair_begin(b.sync, &b.bucket, NULL)); /* under way: once is enough */
    assert_int_equal(b.sync->repairs_count, 1);
    (void)ask(&b);
    b.sync->more = true;                       /* pages come first */
    must(repair_end_round(b.sync, NULL));
    assert_true(b.sync->repairs_go_on && b.sync->repairs[0].is_open);
    b.sync->more = false;
    must(repair_end_round(b.sync, NULL));
    assert_true(b.sync->wants_again && !b.sync->repairs_go_on);
    must(repair_ask(b.sync, 0, &b.arena, &asked, &asks, NULL));
    assert_false(asks);
    b.sync->wants_again = false;
    must(repair_begin(b.sync, &b.bucket, NULL)); /* wrong all the same */
    assert_true(b.sync->wants_again && !b.sync->repairs[0].is_open);
    bench_commit(&b);
    assert_true(phone_says(&b.an, sotay_show, &b.visit, "chợ"));
    assert_int_equal(edge_sync(b.e, b.an.client, NULL, NULL), SOTAY_OK);
    assert_true(phone_says(&b.an, sotay_show, &b.visit, "chợ"));
    bench_close(&b);
}

/* It always tells something new, and never comes to an end. */
static void test_a_server_that_never_ends(void **state)
{
    bench b;
    unsigned rounds = 0;
    (void)state;
    bench_open(&b);
    do {
        st_repair_ask asked = ask(&b);
        st_repair_answer answer = answer_to(&asked);
        st_repair_range part = { .range = { 1, { 0 } } };
        memset(part.parts, 0x5a, sizeof part.parts);
        answer.ranges = &part;
        answer.ranges_count = 1;
        must(repair_take(b.sync, &answer, NULL));
        must(repair_end_round(b.sync, NULL));
        rounds++;
    } while (b.sync->repairs_go_on && rounds < 1000);
    assert_in_range(rounds, 10, 100);
    assert_true(b.sync->wants_again);
    bench_commit(&b);
    assert_true(phone_says(&b.an, sotay_show, &b.visit, "chợ"));
    bench_close(&b);
}

/* A value that nobody signed: shown to the office, and given up untouched when it is not kept. */
static void test_evidence_that_the_server_does_not_keep(void **state)
{
    bench b;
    (void)state;
    bench_open(&b);
    must(client_commit(b.an.client, NULL));
    assert_int_equal(
        sotay_debug_damage(b.an.client, &b.visit, SOTAY_DAMAGE_UNSIGNED, &b.an.error), SOTAY_OK);
    must(client_begin(b.an.client, true, NULL));
    st_entry entry = visit_entry(&b);
    st_repair_ask asked = say_records(&b, NULL, 0);
    assert_int_equal(asked.evidence_count, 0);
    must(say_entries(&b, &asked, &entry, 1));
    must(repair_end_round(b.sync, NULL));
    assert_true(b.sync->repairs_go_on);
    asked = ask(&b);
    assert_int_equal(asked.evidence_count, 1);
    assert_true(asked.evidence[0].state_len > 0);
    must(repair_end_round(b.sync, NULL));      /* no answer came */
    assert_false(b.sync->repairs_go_on || b.sync->wants_again);
    assert_true(b.sync->repairs[0].is_kept);
    must(repair_begin(b.sync, &b.bucket, NULL));
    assert_false(b.sync->repairs[0].is_open || b.sync->wants_again);
    bench_commit(&b);
    assert_true(phone_says(&b.an, sotay_show, &b.visit, "chợ"));
    bench_close(&b);
}

/* The vector of the bucket is the server's, when it is sent and can be read. */
static void test_the_vector_is_the_servers(void **state)
{
    bench b;
    (void)state;
    bench_open(&b);
    st_repair_ask asked = ask(&b);
    st_repair_answer answer = answer_to(&asked);
    st_vector vector;
    answer.vector = (const uint8_t *)"\xff";
    answer.vector_len = 1;
    assert_int_equal(repair_take(b.sync, &answer, NULL), ST_E_CORRUPT);
    answer.vector_len = 0;
    must(repair_take(b.sync, &answer, NULL));
    must(bucket_vector_get(&b.an.client->book, &b.bucket, &b.arena, &vector, NULL));
    assert_int_equal(vector.upto_count, 0);
    client_abort(b.an.client);
    sotay_sync_free(b.sync);
    bench_close(&b);
}

/* ---- lists ---- */

/* Records of nobody, whose ids rise from `from`. */
static void make_list(st_record_brief *list, uint32_t count, uint32_t from)
{
    memset(list, 0, count * sizeof *list);
    for (uint32_t i = 0; i < count; i++) {
        st_put_u32(list[i].id.b, from + i);
        list[i].sum.b[0] = 1;
    }
}

static void must_rise(const st_id *ids, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++)
        assert_true(st_id_cmp(&ids[i - 1], &ids[i]) < 0);
}

/* More is found than fits into one round: so many are asked for, in rising order, the rest next. */
static void test_many_records_are_asked_for_in_parts(void **state)
{
    enum { MANY = 70, WHOLE = 10 };
    static st_record_brief list[MANY];
    static st_repair_record came[MANY];
    static const st_entry FOREIGN = { .index = 9, .kind = ST_ENTRY_CHANGE,
                                      .device = { { 9 } }, .first = 4, .last = 4 };
    bench b;
    (void)state;
    bench_open(&b);
    make_list(list, MANY, 1);
    st_repair_ask asked = say_records(&b, list, MANY);
    assert_int_equal(asked.records_count, 64);
    must_rise(asked.records, 64);
    for (uint32_t i = 0; i < WHOLE; i++) /* sets that are not kept here */
        came[i] = (st_repair_record){ asked.records[i], &FOREIGN, 1 };
    st_repair_answer answer = answer_to(&asked);
    answer.records = came;
    answer.records_count = WHOLE;
    must(repair_take(b.sync, &answer, NULL));
    must(repair_end_round(b.sync, NULL));
    asked = ask(&b);
    assert_int_equal(asked.whole_count, 8);
    assert_int_equal(asked.records_count, MANY + 1 - WHOLE); /* the visit among them */
    must_rise(asked.whole, 8);
    client_abort(b.an.client);
    sotay_sync_free(b.sync);
    bench_close(&b);
}

/* Ranges in any order, and one record in two of them. */
static void test_ranges_that_overlap(void **state)
{
    static st_record_brief late[3], early[3];
    bench b;
    (void)state;
    bench_open(&b);
    make_list(late, 3, 50);
    make_list(early, 3, 48);
    st_repair_ask asked = ask(&b);
    st_repair_answer answer = answer_to(&asked);
    const st_repair_range ranges[] = {
        { .range = { 4, { 0 } }, .is_list = true, .records = late, .records_count = 3 },
        { .range = { 4, { 0 } }, .is_list = true, .records = early, .records_count = 3 },
    };
    answer.ranges = ranges;
    answer.ranges_count = 2;
    must(repair_take(b.sync, &answer, NULL));
    must(repair_end_round(b.sync, NULL));
    asked = ask(&b);
    must_rise(asked.records, asked.records_count);
    uint32_t theirs = 0;
    for (uint32_t i = 0; i < asked.records_count; i++)
        theirs += asked.records[i].b[3] >= 48 && asked.records[i].b[3] <= 52 &&
                          asked.records[i].b[0] == 0
                      ? 1
                      : 0;
    assert_int_equal(theirs, 5);
    client_abort(b.an.client);
    sotay_sync_free(b.sync);
    bench_close(&b);
}

/* A server that names more records than one repair may: the bucket is read from the beginning. */
static void test_too_many_records(void **state)
{
    static st_record_brief list[ST_REPAIR_RECORDS_MAX + 1];
    bench b;
    (void)state;
    bench_open(&b);
    make_list(list, ST_REPAIR_RECORDS_MAX + 1, 1);
    st_repair_ask asked = ask(&b);
    st_repair_answer answer = answer_to(&asked);
    st_repair_range all = { .is_list = true, .records = list,
                            .records_count = ST_REPAIR_RECORDS_MAX + 1 };
    answer.ranges = &all;
    answer.ranges_count = 1;
    must(repair_take(b.sync, &answer, NULL));
    must(repair_end_round(b.sync, NULL));
    assert_true(b.sync->wants_again && !b.sync->repairs_go_on && !b.sync->repairs[0].is_open);
    must(repair_take(b.sync, &answer, NULL)); /* it is over: nothing is taken */
    assert_int_equal(b.sync->repairs[0].records_count, ST_REPAIR_RECORDS_MAX + 2);
    bench_commit(&b);
    assert_true(phone_says(&b.an, sotay_show, &b.visit, "chợ"));
    bench_close(&b);
}

/* Nor may it name more ranges: again and again all parts are different. */
static void test_too_many_ranges(void **state)
{
    enum { RANGES = 1 + ST_REPAIR_RANGES_MAX / ST_REPAIR_PARTS };
    static st_repair_range parts[RANGES];
    bench b;
    (void)state;
    bench_open(&b);
    st_repair_ask asked = ask(&b);
    st_repair_answer answer = answer_to(&asked);
    for (unsigned i = 0; i < RANGES; i++) {
        parts[i].range.count = 2;
        parts[i].range.b[0] = (uint8_t)i;
        memset(parts[i].parts, 0x5a, sizeof parts[i].parts);
    }
    answer.ranges = parts;
    answer.ranges_count = RANGES;
    must(repair_take(b.sync, &answer, NULL));
    must(repair_end_round(b.sync, NULL));
    assert_true(b.sync->wants_again && !b.sync->repairs[0].is_open);
    bench_commit(&b);
    assert_true(phone_says(&b.an, sotay_show, &b.visit, "chợ"));
    bench_close(&b);
}

/* ---- what the log has of a record ---- */

/* The visit with three own sets, of which the second has two changes. */
static void three_sets(bench *b)
{
    assert_int_equal(phone_set(&b->an, &b->visit, "place", "bến xe"), SOTAY_OK);
    assert_int_equal(phone_set(&b->an, &b->visit, "general_note", "A"), SOTAY_OK);
    assert_int_equal(edge_sync(b->e, b->an.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(phone_set(&b->an, &b->visit, "general_note", "B"), SOTAY_OK);
    assert_int_equal(edge_sync(b->e, b->an.client, NULL, NULL), SOTAY_OK);
}

/* The entry with the own set that begins with this counter. */
static st_entry own_entry(const bench *b, uint64_t first)
{
    for (size_t i = 0; i < b->e->entries_count; i++)
        if (b->e->entries[i].first == first &&
            st_id_cmp(&b->e->entries[i].device, &b->e->devices[1].id) == 0)
            return b->e->entries[i].entry;
    fail_msg("no set from %d on", (int)first);
    return (st_entry){ .index = 0 };
}

/* How far the server is that has one of the three sets: its changes, or those beyond a gap. */
static void say_vector(bench *b, uint64_t from, uint64_t to)
{
    st_extra beyond[2];
    st_upto upto = { b->e->devices[1].id, to };
    st_vector vector;
    st_buffer out;
    st_vector_init(&vector, &b->arena);
    memset(beyond, 0, sizeof beyond);
    for (uint64_t i = 0; from > 1 && from + i <= to; i++)
        beyond[vector.extras_count++] = (st_extra){ { upto.device, from + i }, from + i - 1,
                                                    phone_id(&b->visit) };
    vector.extras = beyond;
    vector.upto = &upto;
    vector.upto_count = from > 1 ? 0 : 1;
    st_buffer_init(&out, 4096);
    must(st_vector_encode(&vector, &out, NULL));
    st_repair_ask asked = ask(b);
    st_repair_answer answer = answer_to(&asked);
    answer.vector = out.data;
    answer.vector_len = out.len;
    must(repair_take(b->sync, &answer, NULL));
    st_buffer_free(&out);
}

/* The server has some of the sets: exactly the others go out again, and all stay readable. */
static void test_sets_that_the_log_lost_go_out_again(void **state)
{
    static const struct {
        uint64_t from, to; /* what it has */
        bool with_bytes;
        int ready;
    } CASES[] = { { 1, 1, false, 3 }, { 1, 1, true, 3 },  { 2, 3, false, 2 },
                  { 2, 3, true, 2 },  { 4, 4, false, 3 }, { 4, 4, true, 3 } };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        bench b;
        char want[32];
        bench_make(&b);
        three_sets(&b);
        bench_begin(&b);
        st_entry entry = own_entry(&b, CASES[i].from);
        if (!CASES[i].with_bytes)
            entry = (st_entry){ .index = entry.index, .time_ms = entry.time_ms,
                                .kind = entry.kind, .device = b.e->devices[1].id,
                                .first = CASES[i].from, .last = CASES[i].to };
        st_entry decision = { .index = 60, .kind = ST_ENTRY_ACCEPT }; /* brings no set */
        const st_entry entries[] = { entry, decision };
        st_repair_ask asked = say_records(&b, NULL, 0);
        say_vector(&b, CASES[i].from, CASES[i].to);
        must(say_entries(&b, &asked, entries, 2));
        assert_true(b.sync->wants_again);
        bench_commit(&b);
        (void)snprintf(want, sizeof want, "\"ready\":%d", CASES[i].ready);
        assert_true(phone_status_says(&b.an, want));
        assert_true(phone_says(&b.an, sotay_show, &b.visit, "bến xe"));
        uint64_t before = b.e->duplicates;
        assert_int_equal(edge_sync(b.e, b.an.client, NULL, NULL), SOTAY_OK);
        assert_int_equal(b.e->duplicates, before + 2);
        assert_true(phone_says(&b.an, sotay_show, &b.visit, "\"B\""));
        bench_close(&b);
    }
}

/* Two changes of somebody else that the log does not have: they are shown to it first. */
static void test_others_changes_that_the_log_lost(void **state)
{
    bench b;
    phone binh;
    (void)state;
    bench_make(&b);
    phone_make(&binh, b.e, 1);
    assert_int_equal(phone_set(&binh, &b.visit, "place", "bến"), SOTAY_OK);
    assert_int_equal(phone_set(&binh, &b.visit, "general_note", "của bình"), SOTAY_OK);
    assert_int_equal(edge_sync(b.e, binh.client, NULL, NULL), SOTAY_OK);
    assert_int_equal(edge_sync(b.e, b.an.client, NULL, NULL), SOTAY_OK);
    bench_begin(&b);
    st_entry entry = own_entry(&b, 1);
    st_repair_ask asked = say_records(&b, NULL, 0);
    must(say_entries(&b, &asked, &entry, 1));
    must(repair_end_round(b.sync, NULL));
    asked = ask(&b);
    assert_int_equal(asked.evidence_count, 1);
    must(say_entries(&b, &asked, &entry, 1)); /* kept there: now it is made anew */
    must(repair_end_round(b.sync, NULL));
    bench_commit(&b);
    char *json = NULL;
    assert_int_equal(sotay_show(b.an.client, &b.visit, SOTAY_JSON, &json, NULL), SOTAY_OK);
    assert_null(strstr(json, "của bình"));
    assert_non_null(strstr(json, "chợ"));
    sotay_text_free(json);
    phone_free(&binh);
    bench_close(&b);
}

/* ---- the base ---- */

/* A record whose row does not open is not there: it comes from the server like one that is
 * missing. */
static void test_a_row_that_does_not_open(void **state)
{
    bench b;
    (void)state;
    bench_make(&b);
    st_id id = phone_id(&b.visit);
    book_key key = book_key_id(BOOK_BASE, &id);
    st_record record;
    rows_begin(&b.an);
    must(overlay_base_get(b.an.client, &id, &b.arena, &record, NULL));
    client_abort(b.an.client);
    const st_sum sum = st_record_sum(&record);
    rows_spoil(&b.an, &key);
    bench_begin(&b);
    st_entry entry = own_entry(&b, 1);
    const st_record_brief listed[] = { { id, st_sum_brief(&sum) } };
    st_repair_ask asked = say_records(&b, listed, 1);
    assert_int_equal(asked.records_count, 1);
    must(say_entries(&b, &asked, &entry, 1));
    must(repair_end_round(b.sync, NULL));
    assert_false(b.sync->repairs_go_on);
    bench_commit(&b);
    assert_true(phone_says(&b.an, sotay_show, &b.visit, "chợ"));
    bench_close(&b);
}

/* One that was named and never made counts nothing. */
static void test_an_empty_record_counts_nothing(void **state)
{
    bench b;
    handmade h;
    (void)state;
    bench_make(&b);
    handmade_open(&h, 0x66, EDGE_UNIT_BUCKET);
    h.id.b[0] = 0x66;
    st_record_init(&h.record, &h.arena, &h.id, &h.bucket);
    handmade_put_base(&h, &b.an);
    handmade_close(&h);
    bench_begin(&b);
    st_repair_ask asked = say_records(&b, NULL, 0);
    assert_int_equal(asked.records_count, 1); /* the visit alone is not on the list */
    client_abort(b.an.client);
    sotay_sync_free(b.sync);
    bench_close(&b);
}

/* A page of the bucket came between: what was counted of the base counts no more, and the repair
 * goes on. */
static void test_a_page_between(void **state)
{
    bench b;
    (void)state;
    bench_open(&b);
    (void)say_records(&b, NULL, 0);
    assert_true(b.sync->repairs[0].has_totals);
    repair_forget(b.sync, &b.bucket, false);
    assert_true(b.sync->repairs[0].is_open && !b.sync->repairs[0].has_totals);
    repair_forget(b.sync, &b.bucket, true);
    assert_false(b.sync->repairs[0].is_open);
    client_abort(b.an.client);
    sotay_sync_free(b.sync);
    bench_close(&b);
}

/* Two buckets at once: one that is done does not end the other. */
static void test_two_buckets(void **state)
{
    bench b;
    st_bucket catalogue;
    (void)state;
    bench_open(&b);
    (void)strcpy(catalogue.s, EDGE_COMMUNE "/catalogue");
    must(repair_begin(b.sync, &catalogue, NULL));
    assert_int_equal(b.sync->repairs_count, 2);
    st_repair_ask asked = say_records(&b, NULL, 0); /* to the first one alone */
    b.sync->more = true;
    must(repair_end_round(b.sync, NULL));
    assert_true(b.sync->repairs_go_on);
    b.sync->more = false;
    st_entry entry = own_entry(&b, 1);
    must(say_entries(&b, &asked, &entry, 1));
    must(repair_end_round(b.sync, NULL));
    assert_true(b.sync->repairs_go_on);
    assert_true(!b.sync->repairs[0].is_open && b.sync->repairs[1].is_open);
    client_abort(b.an.client);
    sotay_sync_free(b.sync);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_work_that_the_log_lost_is_shown_and_sent),
        cmocka_unit_test(test_a_record_made_anew_is_the_same),
        cmocka_unit_test(test_sets_that_are_not_kept_are_asked_for),
        cmocka_unit_test(test_a_set_with_its_bytes),
        cmocka_unit_test(test_an_answer_to_something_else),
        cmocka_unit_test(test_a_server_that_says_nothing),
        cmocka_unit_test(test_a_server_that_never_ends),
        cmocka_unit_test(test_evidence_that_the_server_does_not_keep),
        cmocka_unit_test(test_the_vector_is_the_servers),
        cmocka_unit_test(test_many_records_are_asked_for_in_parts),
        cmocka_unit_test(test_ranges_that_overlap),
        cmocka_unit_test(test_too_many_records),
        cmocka_unit_test(test_too_many_ranges),
        cmocka_unit_test(test_sets_that_the_log_lost_go_out_again),
        cmocka_unit_test(test_others_changes_that_the_log_lost),
        cmocka_unit_test(test_a_row_that_does_not_open),
        cmocka_unit_test(test_an_empty_record_counts_nothing),
        cmocka_unit_test(test_a_page_between),
        cmocka_unit_test(test_two_buckets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
