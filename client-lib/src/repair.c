/* client-lib/src/repair.c - the phone's half of a repair.
 * Promises: what is right stays as it is; own unsent work is never touched; a record that holds
 * what nobody signed is shown to the server before it is made anew.
 * Never: asks for ever. */
#include "client-lib/src/repair.h"

#include <string.h>

#include "client-lib/src/anew.h"
#include "client-lib/src/closed.h"
#include "client-lib/src/evidence.h"
#include "client-lib/src/exchange.h"

#define ROUNDS_MAX  48u
#define ASKED_MAX   64u                   /* records in one round, as references */
#define SETS_MAX    8u                    /* records in one round, with all bytes */
#define SHOWN_BYTES ((size_t)1024 * 1024) /* of evidence in one round */

static repair *find(sotay_sync *sync, const st_bucket *bucket)
{
    for (size_t i = 0; i < sync->repairs_count; i++)
        if (strcmp(sync->repairs[i].bucket.s, bucket->s) == 0)
            return &sync->repairs[i];
    return NULL;
}

static st_err no_memory(st_error *error)
{
    return st_fail(error, ST_E_MEMORY, "repair: no memory");
}

/* ---- beginning ---- */

static st_err add_range(sotay_sync *sync, repair *r, const st_range *range, st_error *error)
{
    st_range *ranges = r->ranges;
    if (r->ranges_count == r->ranges_capacity)
        ranges = st_arena_grow(&sync->lasting, ranges, r->ranges_count, &r->ranges_capacity,
                               sizeof *ranges);
    if (ranges == NULL)
        return no_memory(error);
    r->ranges = ranges;
    r->ranges[r->ranges_count++] = *range;
    return ST_OK;
}

/* With all bytes: what the log refers to by the name of an own set may be another one by now. */
static st_err read_anew(sotay_sync *sync, const st_bucket *bucket, st_error *error)
{
    sync->wants_again = sync->client->next.asks_whole = true;
    return evidence_forget(sync->client, bucket, 0, error);
}

st_err repair_begin(sotay_sync *sync, const st_bucket *bucket, st_error *error)
{
    const st_range all = { 0, { 0 } };
    repair *r = find(sync, bucket);
    if (r != NULL && (r->is_open || r->is_kept))
        return ST_OK; /* under way, or left for the office */
    if (r != NULL) /* it was mended, and is wrong all the same */
        return read_anew(sync, bucket, error);
    repair *repairs = sync->repairs;
    if (sync->repairs_count == sync->repairs_capacity)
        repairs = st_arena_grow(&sync->lasting, repairs, sync->repairs_count,
                                &sync->repairs_capacity, sizeof *repairs);
    if (repairs == NULL)
        return no_memory(error);
    sync->repairs = repairs;
    r = &repairs[sync->repairs_count++];
    memset(r, 0, sizeof *r);
    r->bucket = *bucket;
    r->is_open = true;
    r->has_answer = r->has_progress = true; /* nothing was asked yet */
    return add_range(sync, r, &all, error);
}

static st_err add_record(sotay_sync *sync, repair *r, const st_id *id, st_error *error)
{
    repair_record *records = r->records;
    if (r->records_count == r->records_capacity)
        records = st_arena_grow(&sync->lasting, records, r->records_count, &r->records_capacity,
                                sizeof *records);
    if (records == NULL)
        return no_memory(error);
    r->records = records;
    size_t at = r->records_count;
    while (at > 0 && st_id_cmp(&records[at - 1].id, id) > 0)
        at--;
    if (at > 0 && st_id_cmp(&records[at - 1].id, id) == 0)
        return ST_OK;
    memmove(&records[at + 1], &records[at], (r->records_count - at) * sizeof *records);
    memset(&records[at], 0, sizeof *records);
    records[at].id = *id;
    r->records_count++;
    return ST_OK;
}

/* A record of which no sum says that it is wrong. */
static st_err begin_noted(sotay_sync *sync, const st_bucket *bucket, const st_id *record,
                          st_error *error)
{
    st_err err = ST_OK;
    repair *r = find(sync, bucket);
    if (r != NULL && r->is_kept)
        return ST_OK;
    if (r == NULL || !r->is_open) {
        sync->client->next.position = 0; /* it is mended at the head of its bucket */
        err = repair_begin(sync, bucket, error);
        r = find(sync, bucket);
    }
    return err == ST_OK && r->is_open ? add_record(sync, r, record, error) : err;
}

static st_err begin_all_noted(sotay_sync *sync, st_error *error)
{
    book_key prefix = book_key_of(BOOK_ANEW);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_id record;
        st_bucket bucket;
        err = anew_next(sync->client, &scan, &record, &bucket, error);
        if (err == ST_OK)
            err = begin_noted(sync, &bucket, &record, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

void repair_forget(sotay_sync *sync, const st_bucket *bucket, bool is_over)
{
    repair *r = find(sync, bucket);
    if (r == NULL)
        return;
    r->has_totals = false;
    if (is_over)
        r->is_open = false;
}

/* ---- asking ---- */

/* The base's record as bytes; NULL when there is none or it does not open. */
static st_err read_state(sotay_sync *sync, const st_id *id, st_arena *arena, book_value *out,
                         st_error *error)
{
    book_key key = book_key_id(BOOK_BASE, id);
    st_err err = book_get(&sync->client->book, &key, arena, out, error);
    if (err == ST_E_NOT_FOUND || err == ST_E_CORRUPT) {
        *out = (book_value){ NULL, 0 };
        return ST_OK;
    }
    return err;
}

/* The base's record, as far as it opens and reads; want of memory is no damage. */
static st_err read_record(sotay_sync *sync, const st_id *id, st_arena *arena, st_record *out,
                          bool *out_reads, st_error *error)
{
    book_value state = { NULL, 0 };
    *out_reads = false;
    st_err err = read_state(sync, id, arena, &state, error);
    if (err != ST_OK || state.data == NULL)
        return err;
    err = st_record_decode(state.data, state.len, arena, out, error);
    *out_reads = err == ST_OK;
    return err == ST_E_MEMORY ? err : ST_OK;
}

/* Ids rise in each list, since the records of a repair do. */
static st_err ask_records(sotay_sync *sync, repair *r, st_arena *arena, st_repair_ask *ask,
                          st_error *error)
{
    st_id *refs = st_arena_array(arena, ASKED_MAX, sizeof *refs);
    st_id *sets = st_arena_array(arena, SETS_MAX, sizeof *sets);
    st_repair_evidence *shown = st_arena_array(arena, ASKED_MAX + SETS_MAX, sizeof *shown);
    size_t bytes = 0;
    st_err err = ST_OK;
    if (refs == NULL || sets == NULL || shown == NULL)
        return no_memory(error);
    for (size_t i = 0; err == ST_OK && i < r->records_count && bytes < SHOWN_BYTES; i++) {
        const repair_record *record = &r->records[i];
        book_value state = { NULL, 0 };
        if (record->stage == REPAIR_ASK && ask->records_count < ASKED_MAX)
            refs[ask->records_count++] = record->id;
        else if (record->stage == REPAIR_ASK_SETS && ask->whole_count < SETS_MAX)
            sets[ask->whole_count++] = record->id;
        else
            continue;
        if (record->shows)
            err = read_state(sync, &record->id, arena, &state, error);
        if (err == ST_OK && state.data != NULL && state.len <= ST_REPAIR_STATE_MAX) {
            shown[ask->evidence_count++] =
                (st_repair_evidence){ record->id, state.data, state.len };
            bytes += state.len;
        }
    }
    ask->records = refs;
    ask->whole = sets;
    ask->evidence = shown;
    return err;
}

st_err repair_ask(sotay_sync *sync, size_t i, st_arena *arena, st_repair_ask *out_ask,
                  bool *out_asks, st_error *error)
{
    repair *r = &sync->repairs[i];
    bucket_state state;
    st_vector vector;
    memset(out_ask, 0, sizeof *out_ask);
    *out_asks = r->is_open;
    if (!r->is_open)
        return ST_OK;
    st_err err = bucket_get(&sync->client->book, &r->bucket, &state, error);
    if (err == ST_OK)
        err = bucket_vector_get(&sync->client->book, &r->bucket, arena, &vector, error);
    if (err == ST_OK)
        err = st_vector_hash(&vector, out_ask->vector, error);
    if (err == ST_OK)
        err = ask_records(sync, r, arena, out_ask, error);
    if (err != ST_OK)
        return err;
    out_ask->bucket = r->bucket;
    out_ask->cursor = state.cursor;
    out_ask->sum = state.sum;
    out_ask->has_vector = true;
    out_ask->ranges = r->ranges;
    out_ask->ranges_count = (uint32_t)r->ranges_count;
    r->has_answer = r->has_progress = false;
    r->asks_evidence = out_ask->evidence_count > 0;
    return ST_OK;
}

/* ---- comparing ---- */

static st_err add_total(sotay_sync *sync, repair *r, const st_record *record, st_error *error)
{
    static const st_sum NOTHING = { { 0 } };
    st_sum sum = st_record_sum(record);
    st_record_total *totals = r->totals;
    if (!record->created && memcmp(&sum, &NOTHING, sizeof sum) == 0)
        return ST_OK;
    if (r->totals_count == r->totals_capacity)
        totals = st_arena_grow(&sync->lasting, totals, r->totals_count, &r->totals_capacity,
                               sizeof *totals);
    if (totals == NULL)
        return no_memory(error);
    r->totals = totals;
    r->totals[r->totals_count++] = (st_record_total){ record->id, sum };
    return ST_OK;
}

/* The sums of all records of the bucket, as the base has them; what does not open is not there. */
static st_err count_totals(sotay_sync *sync, repair *r, st_error *error)
{
    book_key prefix = book_key_of(BOOK_BASE);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    if (r->has_totals)
        return ST_OK;
    r->totals_count = 0;
    while (err == ST_OK) {
        st_arena arena;
        st_record record;
        bool reads = false;
        st_id id;
        st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
        err = book_scan_next(&sync->client->book, &scan, NULL, NULL, error);
        memcpy(id.b, scan.at.b + 1, sizeof id.b);
        if (err == ST_OK)
            err = read_record(sync, &id, &arena, &record, &reads, error);
        if (reads && strcmp(record.bucket.s, r->bucket.s) == 0)
            err = add_total(sync, r, &record, error);
        st_arena_reset(&arena);
    }
    r->has_totals = err == ST_E_NOT_FOUND;
    return r->has_totals ? ST_OK : err;
}

static bool same_brief(const st_brief *a, const st_brief *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

static repair_record *find_record(repair *r, const st_id *id)
{
    for (size_t i = 0; i < r->records_count; i++)
        if (st_id_cmp(&r->records[i].id, id) == 0)
            return &r->records[i];
    return NULL;
}

/* What the log says the record adds up to, when it is one that is mended. */
static void note_sum(repair *r, const st_record_brief *theirs)
{
    repair_record *record = find_record(r, &theirs->id);
    if (record == NULL)
        return;
    record->sum = theirs->sum;
    record->has_sum = true;
}

/* Records of a range here against the list that came: missing on either side, or different. */
static st_err compare_list(sotay_sync *sync, repair *r, const st_repair_range *theirs,
                           st_error *error)
{
    size_t mine = 0, end = 0;
    uint32_t its = 0;
    st_err err = ST_OK;
    st_range_find(&theirs->range, r->totals, r->totals_count, &mine, &end);
    while (err == ST_OK && (mine < end || its < theirs->records_count)) {
        int order = mine == end ? 1
                    : its == theirs->records_count
                        ? -1
                        : st_id_cmp(&r->totals[mine].id, &theirs->records[its].id);
        const st_id *id = order <= 0 ? &r->totals[mine].id : &theirs->records[its].id;
        st_brief here = { { 0 } };
        if (order <= 0)
            here = st_sum_brief(&r->totals[mine].sum);
        if (order != 0 || !same_brief(&here, &theirs->records[its].sum))
            err = add_record(sync, r, id, error);
        if (err == ST_OK && order >= 0)
            note_sum(r, &theirs->records[its]);
        mine += order <= 0 ? 1 : 0;
        its += order >= 0 ? 1 : 0;
    }
    return err;
}

static st_err compare_parts(sotay_sync *sync, repair *r, const st_repair_range *theirs,
                            st_error *error)
{
    st_sum sums[ST_REPAIR_PARTS];
    size_t first = 0, end = 0;
    st_err err = ST_OK;
    memset(sums, 0, sizeof sums);
    st_range_find(&theirs->range, r->totals, r->totals_count, &first, &end);
    for (size_t i = first; i < end; i++)
        st_sum_add(&sums[st_range_part_of(&theirs->range, &r->totals[i].id)], &r->totals[i].sum);
    for (unsigned i = 0; err == ST_OK && i < ST_REPAIR_PARTS; i++) {
        st_brief here = st_sum_brief(&sums[i]);
        st_range part = st_range_part(&theirs->range, i);
        if (!same_brief(&here, &theirs->parts[i]))
            err = add_range(sync, r, &part, error);
    }
    return err;
}

/* The answer is to the ranges that were asked; those found now are asked next. */
static st_err take_ranges(sotay_sync *sync, repair *r, const st_repair_answer *answer,
                          st_error *error)
{
    st_err err = count_totals(sync, r, error);
    r->has_progress = true;
    r->ranges = NULL; /* what was asked may be what the answer points back to */
    r->ranges_count = r->ranges_capacity = 0;
    for (uint32_t i = 0; err == ST_OK && i < answer->ranges_count; i++)
        err = answer->ranges[i].is_list ? compare_list(sync, r, &answer->ranges[i], error)
                                        : compare_parts(sync, r, &answer->ranges[i], error);
    return err;
}

static st_err take_vector(sotay_sync *sync, repair *r, const st_repair_answer *answer,
                          st_error *error)
{
    st_arena arena;
    st_vector vector;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = st_vector_decode(answer->vector, answer->vector_len, &arena, &vector, error);
    if (err == ST_OK)
        err = bucket_vector_put(&sync->client->book, &r->bucket, &vector, error);
    st_arena_reset(&arena);
    return err;
}

/* ---- mending ---- */

/* Is the set kept here? */
static st_err has_set(sotay_sync *sync, const st_entry *entry, bool *out_has, st_error *error)
{
    st_arena arena;
    book_value bytes = { NULL, 0 };
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = apply_referred(sync->client, entry, &arena, &bytes, error);
    *out_has = err == ST_OK;
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Are all sets kept here that come as references? */
static st_err has_sets(sotay_sync *sync, const st_repair_record *came, bool *out_has,
                       st_error *error)
{
    st_err err = ST_OK;
    *out_has = true;
    for (uint32_t i = 0; err == ST_OK && *out_has && i < came->entries_count; i++) {
        const st_entry *entry = &came->entries[i];
        if (entry->set == NULL && entry->first != 0 && entry->kind != ST_ENTRY_GAP)
            err = has_set(sync, entry, out_has, error);
    }
    return err;
}

/* Does one of the entries bring the change? A set that came in full says itself which it has. */
static st_err brings(const st_entry *entry, const st_dot *dot, st_arena *arena, bool *out_brings)
{
    st_set set;
    if (entry->set == NULL) {
        *out_brings = st_id_cmp(&entry->device, &dot->device) == 0 &&
                      entry->first <= dot->counter && dot->counter <= entry->last;
        return ST_OK;
    }
    st_err err = st_set_decode(entry->set, entry->set_len, arena, &set, NULL);
    *out_brings = err == ST_OK && st_id_cmp(&set.device, &dot->device) == 0 &&
                  set.first <= dot->counter && dot->counter <= st_set_last(&set);
    return err == ST_E_MEMORY ? err : ST_OK;
}

/* Own sets with the change are offered again: they were taken once, and the log does not have them.
 * Since the base is about to forget them, they are shown as unsent work is.
 * *out_kept: there is one. */
static st_err offer_again(sotay_sync *sync, const st_bucket *bucket, const st_dot *dot,
                          bool *out_kept, st_error *error)
{
    book_key prefix = book_key_id(BOOK_OWN, &dot->device);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    *out_kept = false;
    while (err == ST_OK) {
        outbox_set set;
        outbox_helds none = { NULL, 0 };
        err = outbox_next(&sync->client->book, &scan, &set, error);
        if (err != ST_OK || set.first > dot->counter || set.last < dot->counter)
            continue;
        bool kept = false;
        err = closed_is_kept(sync->client, &set, &kept, error);
        if (err != ST_OK || !kept)
            continue;
        *out_kept = true;
        if (set.status == OUTBOX_UNSENT)
            continue;
        set.status = OUTBOX_UNSENT;
        set.position = 0;
        sync->wants_again = true;
        err = outbox_settle(sync->client, &set, NULL, none, error);
        if (err == ST_OK && !set.is_closed)
            err = apply_show_set(sync->client, &set, bucket, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* What the base's record holds and the log does not: own sets go out again; is there more, which no
 * set that is kept here says? */
static st_err holds_more(sotay_sync *sync, const repair *r, const st_repair_record *came,
                         bool *out_more, st_error *error)
{
    st_arena arena;
    st_record record;
    bool reads = false;
    *out_more = false;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = read_record(sync, &came->record, &arena, &record, &reads, error);
    if (reads && strcmp(record.bucket.s, r->bucket.s) != 0)
        reads = false; /* it is in another bucket, where its changes are */
    for (size_t i = 0; reads && err == ST_OK && i < record.metas_count; i++) {
        bool found = false;
        for (uint32_t j = 0; err == ST_OK && j < came->entries_count && !found; j++)
            err = brings(&came->entries[j], &record.metas[i].dot, &arena, &found);
        if (err == ST_OK && !found)
            err = offer_again(sync, &record.bucket, &record.metas[i].dot, &found, error);
        *out_more = *out_more || !found;
    }
    st_arena_reset(&arena);
    return err;
}

/* Is the base's record small enough to be shown as it is? */
static st_err can_show(sotay_sync *sync, const st_id *id, bool *out_can, st_error *error)
{
    st_arena arena;
    book_value state = { NULL, 0 };
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = read_state(sync, id, &arena, &state, error);
    *out_can = state.len <= ST_REPAIR_STATE_MAX;
    st_arena_reset(&arena);
    return err;
}

/* Does the record, made of what is kept here, add up as the log says? If not, the log has another
 * set under a name that it referred to. */
static st_err adds_up(sotay_sync *sync, const repair_record *record, bool *out_does,
                      st_error *error)
{
    st_arena arena;
    st_record now;
    bool reads = false;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = read_record(sync, &record->id, &arena, &now, &reads, error);
    if (err == ST_OK && reads) {
        const st_sum sum = st_record_sum(&now);
        const st_brief here = st_sum_brief(&sum);
        *out_does = same_brief(&here, &record->sum);
    }
    st_arena_reset(&arena);
    return err;
}

/* An own set in the place of which the log has another one, though a verdict said that it has it:
 * the book was put back, and does not. */
static st_err offer_other(sotay_sync *sync, const repair *r, const st_entry *entry, st_arena *arena,
                          st_error *error)
{
    st_set theirs, ours;
    outbox_set own;
    bool is_kept = false;
    book_value bytes = { NULL, 0 };
    book_db *book = &sync->client->book;
    if (entry->set == NULL)
        return ST_OK;
    if (st_set_decode(entry->set, entry->set_len, arena, &theirs, NULL) != ST_OK)
        return ST_OK; /* apply_record_anew says why */
    const st_dot at = { theirs.device, theirs.first };
    const book_key key = book_key_counter(BOOK_SET, &at.device, at.counter);
    st_err err = outbox_get(book, &at.device, at.counter, &own, error);
    if (err == ST_OK && !own.is_closed && own.hold != ST_HOLD_FORK)
        err = book_get_whole(book, &key, arena, &bytes, error);
    if (err == ST_OK && bytes.data != NULL)
        err = st_set_decode(bytes.data, bytes.len, arena, &ours, error);
    if (err == ST_OK && bytes.data != NULL &&
        memcmp(ours.hash.b, theirs.hash.b, sizeof ours.hash.b) != 0)
        err = offer_again(sync, &r->bucket, &at, &is_kept, error);
    return err == ST_E_NOT_FOUND || book_is_damage(book, err) ? ST_OK : err;
}

static st_err offer_others(sotay_sync *sync, const repair *r, const st_repair_record *came,
                           st_error *error)
{
    st_err err = ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < came->entries_count; i++) {
        st_arena arena;
        st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
        err = offer_other(sync, r, &came->entries[i], &arena, error);
        st_arena_reset(&arena);
    }
    return err;
}

static st_err take_record(sotay_sync *sync, repair *r, const st_repair_record *came,
                          st_error *error)
{
    bool more = false, shows = false;
    repair_record *record = find_record(r, &came->record);
    if (record == NULL || record->stage == REPAIR_MENDED)
        return ST_OK; /* not asked for */
    bool kept = false;
    st_err err = has_sets(sync, came, &kept, error);
    if (err != ST_OK)
        return err;
    if (!kept) {
        r->has_progress = true;
        record->stage = REPAIR_ASK_SETS;
        return ST_OK;
    }
    if (!record->shows)
        err = holds_more(sync, r, came, &more, error);
    if (err == ST_OK && more)
        err = can_show(sync, &came->record, &shows, error);
    if (err == ST_OK && more && !shows) /* what is lost of it alone, when the repair is over */
        err = evidence_set_aside(sync->client, &came->record, &r->bucket, 0, error);
    if (err != ST_OK)
        return err;
    r->has_progress = true;
    if (shows) {
        record->shows = true; /* it goes along first */
        return ST_OK;
    }
    apply_anew anew = { r->bucket, came->record, came->entries, came->entries_count };
    bool is_right = true;
    if (record->stage == REPAIR_ASK_SETS)
        err = offer_others(sync, r, came, error);
    if (err == ST_OK)
        err = apply_record_anew(sync->client, &anew, &sync->renews.are_new, error);
    if (err == ST_OK && record->stage == REPAIR_ASK && record->has_sum)
        err = adds_up(sync, record, &is_right, error);
    record->stage = is_right ? REPAIR_MENDED : REPAIR_ASK_SETS;
    r->has_totals = false;
    return err;
}

st_err repair_take(sotay_sync *sync, const st_repair_answer *answer, st_error *error)
{
    bucket_state state;
    repair *r = find(sync, &answer->bucket);
    if (r == NULL || !r->is_open)
        return ST_OK;
    st_err err = bucket_get(&sync->client->book, &r->bucket, &state, error);
    if (err != ST_OK || state.cursor != answer->cursor)
        return err; /* of another moment: asked again */
    r->has_answer = true;
    if (answer->ranges_count > 0)
        err = take_ranges(sync, r, answer, error);
    if (err == ST_OK && answer->vector != NULL)
        err = take_vector(sync, r, answer, error);
    for (uint32_t i = 0; err == ST_OK && i < answer->records_count; i++)
        err = take_record(sync, r, &answer->records[i], error);
    return err;
}

/* ---- ending ---- */

static bool is_busy(const repair *r)
{
    for (size_t i = 0; i < r->records_count; i++)
        if (r->records[i].stage != REPAIR_MENDED)
            return true;
    return r->ranges_count > 0;
}

/* All that was found is mended. The sum is counted anew: it may be what was wrong. */
static st_err close(sotay_sync *sync, repair *r, st_error *error)
{
    bucket_state state;
    st_err err = count_totals(sync, r, error);
    if (err == ST_OK)
        err = bucket_get(&sync->client->book, &r->bucket, &state, error);
    if (err != ST_OK)
        return err;
    memset(&state.sum, 0, sizeof state.sum);
    for (size_t i = 0; i < r->totals_count; i++)
        st_sum_add(&state.sum, &r->totals[i].sum);
    r->is_open = false;
    return bucket_put(&sync->client->book, &r->bucket, &state, error);
}

static st_err end_one(sotay_sync *sync, repair *r, st_error *error)
{
    bool too_much = r->records_count > ST_REPAIR_RECORDS_MAX ||
                    r->ranges_count > ST_REPAIR_RANGES_MAX || r->rounds++ >= ROUNDS_MAX;
    sync->repairs_go_on = sync->repairs_go_on || sync->more;
    if (sync->more)
        return ST_OK; /* pages come first: it was not looked at */
    if (sync->client->next.standing != ST_STANDING_IN_USE) {
        r->is_open = false; /* nothing comes, and what is wrong is found again */
        return ST_OK;
    }
    if (!r->has_answer && r->asks_evidence) {
        r->is_open = false; /* the server has not kept it: nothing is touched, the office looks */
        r->is_kept = true;
        return ST_OK;
    }
    if (too_much || !r->has_progress) {
        r->is_open = false;
        return read_anew(sync, &r->bucket, error);
    }
    sync->repairs_go_on = sync->repairs_go_on || is_busy(r);
    return is_busy(r) ? ST_OK : close(sync, r, error);
}

st_err repair_end_round(sotay_sync *sync, st_error *error)
{
    st_err err = ST_OK;
    sync->repairs_go_on = false;
    if (!sync->more && !sync->is_send_only &&
        sync->client->next.standing == ST_STANDING_IN_USE) /* else nothing would come */
        err = begin_all_noted(sync, error);
    for (size_t i = 0; err == ST_OK && i < sync->repairs_count; i++)
        if (sync->repairs[i].is_open)
            err = end_one(sync, &sync->repairs[i], error);
    return err;
}
