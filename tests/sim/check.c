/* tests/sim/check.c - what is checked while a world lives: what left the server stays, and nobody
 * is sent what he may not read. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/changeset.h"
#include "proto/frame.h"
#include "proto/message.h"
#include "proto/snapshot.h"
#include "server/store/pack.h"
#include "server/sync/row.h"

/* ---- the log ---- */

static bool leaf_get(store_txn *txn, uint64_t index, st_hash *out_hash)
{
    store_slice row = { 0 };
    pack_key key = pack_u64(index);
    if (store_get(txn, STORE_LEAF, pack_key_slice(&key), &row, NULL) != ST_OK || row.len < 32)
        return false;
    memcpy(out_hash->b, row.data, sizeof out_hash->b);
    return true;
}

static void read_begin(sim_world *w, store_txn *txn)
{
    st_error error = { 0 };
    memset(txn, 0, sizeof *txn);
    if (store_begin(w->rooms.sync.store, STORE_READ_TXN, txn, &error) != ST_OK)
        sim_fail(w, "the store cannot be read: %s", error.detail);
}

void sim_note_log(sim_world *w)
{
    store_txn txn;
    st_hash hash;
    read_begin(w, &txn);
    while (leaf_get(&txn, w->leaves_count + 1, &hash)) {
        if (w->leaves_count == w->leaves_capacity) {
            w->leaves_capacity = w->leaves_capacity == 0 ? 256 : w->leaves_capacity * 2;
            w->leaves = sim_must(realloc(w->leaves, w->leaves_capacity * sizeof *w->leaves));
        }
        w->leaves[w->leaves_count++] = hash;
    }
    store_end(&txn);
}

void sim_note_unanswered(sim_world *w)
{
    store_txn txn;
    sync_row row;
    st_arena arena;
    st_arena_init(&arena, 64u << 20);
    read_begin(w, &txn);
    for (uint64_t index = w->leaves_count + 1;
         sync_row_get(&txn, index, &arena, &row, NULL) == ST_OK; index++) {
        if (row.set.len == 0)
            continue;
        if (w->unanswered_count == w->unanswered_capacity) {
            w->unanswered_capacity = w->unanswered_capacity == 0 ? 8 : w->unanswered_capacity * 2;
            w->unanswered = sim_must(
                realloc(w->unanswered, w->unanswered_capacity * sizeof *w->unanswered));
        }
        w->unanswered[w->unanswered_count++] = (sim_taken){ row.device, row.first };
    }
    w->is_unanswered = false;
    store_end(&txn);
    st_arena_reset(&arena);
}

static bool was_unanswered(const sim_world *w, const st_id *device, uint64_t first)
{
    for (size_t i = 0; i < w->unanswered_count; i++)
        if (w->unanswered[i].counter == first &&
            st_id_cmp(&w->unanswered[i].device, device) == 0)
            return true;
    return false;
}

static void check_ack(sim_world *w, store_txn *txn, const sim_ack *ack)
{
    sync_row row;
    st_arena arena;
    st_arena_init(&arena, 64u << 20);
    st_err err = sync_row_get(txn, ack->position, &arena, &row, NULL);
    if (err != ST_OK || st_id_cmp(&row.device, &ack->device) != 0 || row.first != ack->first)
        sim_fail(w, "a set was acknowledged at %llu and is not there: device %02x%02x… first %llu",
                 (unsigned long long)ack->position, ack->device.b[0], ack->device.b[1],
                 (unsigned long long)ack->first);
    st_arena_reset(&arena);
}

/* Who may read what, as the server says after an order that was not answered. */
static void ask_scope(sim_world *w, store_txn *txn)
{
    st_arena arena;
    st_arena_init(&arena, 64u << 20);
    for (uint32_t person = 0; person < SIM_PEOPLE; person++) {
        auth_person who;
        auth_rights rights;
        if (auth_person_by_login(txn, SIM_LOGINS[person], &who, NULL) != ST_OK ||
            auth_rights_get(txn, &who.id, UINT64_MAX, &arena, &rights, NULL) != ST_OK)
            sim_fail(w, "the rights of %s cannot be read", SIM_LOGINS[person]);
        for (uint32_t unit = 0; unit < SIM_UNITS; unit++) {
            bool reads = false;
            for (uint32_t i = 0; i < rights.units_count; i++)
                reads = reads || strcmp(rights.units[i].s, SIM_UNIT_NAMES[unit]) == 0;
            sim_set_reads(w, person, unit, reads);
        }
    }
    st_arena_reset(&arena);
    w->is_scope_unsure = false;
}

void sim_ask_scope(sim_world *w)
{
    store_txn txn;
    read_begin(w, &txn);
    ask_scope(w, &txn);
    store_end(&txn);
}

void sim_check_promises(sim_world *w)
{
    store_txn txn;
    st_hash hash;
    read_begin(w, &txn);
    for (size_t i = 0; i < w->leaves_count; i++)
        if (!leaf_get(&txn, i + 1, &hash) || memcmp(hash.b, w->leaves[i].b, sizeof hash.b) != 0)
            sim_fail(w, "entry %zu had left the server and is gone or another one", i + 1);
    for (size_t i = 0; i < w->acks_count; i++)
        check_ack(w, &txn, &w->acks[i]);
    if (w->is_scope_unsure)
        ask_scope(w, &txn);
    sim_check_shown(w, &txn);
    store_end(&txn);
}

/* A revoked device is told nothing more. The server is asked: an order may have been taken by one
 * that was killed before it answered. */
bool sim_is_closed(store_txn *txn, const sim_phone *p)
{
    sotay_who me;
    st_id id;
    auth_device device;
    sotay_whoami(p->client, &me);
    memcpy(id.b, me.device.b, sizeof id.b);
    return auth_device_get(txn, NULL, &id, &device, NULL) == ST_OK && device.status != AUTH_ACTIVE;
}

/* ---- answers ---- */

typedef struct {
    sim_world *w;
    const net_message *request;
    st_id device;
    size_t about_pieces; /* answers about pieces so far */
} answer;

/* Its author is told what somebody who had it by hand was told before. */
static bool came_by_hand(const sim_world *w, const st_id *device, uint64_t first)
{
    for (size_t i = 0; i < w->acks_count; i++)
        if (w->acks[i].first == first && st_id_cmp(&w->acks[i].device, device) == 0)
            return w->acks[i].is_carried;
    return false;
}

static void note_ack(sim_world *w, const st_id *device, const st_verdict *verdict,
                     bool is_carried)
{
    if (verdict->position == 0)
        return;
    if (w->acks_count == w->acks_capacity) {
        w->acks_capacity = w->acks_capacity == 0 ? 64 : w->acks_capacity * 2;
        w->acks = sim_must(realloc(w->acks, w->acks_capacity * sizeof *w->acks));
    }
    sim_ack *ack = &w->acks[w->acks_count++];
    ack->device = *device;
    ack->first = verdict->first;
    ack->position = verdict->position;
    ack->is_carried = is_carried;
}

/* After a restore a set of others may come in one request with what makes its device known again:
 * it is offered once more. */
static void check_refused(const answer *a, const st_verdict *verdict)
{
    unsigned reason = verdict->held_count > 0 ? (unsigned)verdict->held[0].reason : 0;
    if (a->w->restores == 0 || reason != ST_HOLD_DEVICE)
        sim_fail(a->w, "a set that a phone of the commune signed is not stored (reason %u)",
                 reason);
}

static void take_verdict(answer *a, const st_verdict *verdict)
{
    sim_world *w = a->w;
    const st_id *device = verdict->has_device ? &verdict->device : &a->device;
    bool carried = a->request->phone == UINT32_MAX;
    if (verdict->kind == ST_VERDICT_STORED) {
        sim_count(w, SIM_STORED);
        if (carried)
            sim_count(w, SIM_CARRIED);
    } else if (verdict->kind == ST_VERDICT_DUPLICATE) {
        sim_count(w, SIM_DUPLICATE);
        if (!carried && !a->request->is_copy && was_unanswered(w, device, verdict->first))
            sim_count(w, SIM_RETRY_AFTER_COMMIT);
    } else if (verdict->kind == ST_VERDICT_HELD) {
        sim_count(w, SIM_HELD);
        if (verdict->position == 0)
            check_refused(a, verdict);
    } else if (verdict->kind != ST_VERDICT_LATER || w->restores == 0) {
        /* later: without a value whose erasure a restored server has not heard of again */
        sim_fail(w, "verdict %u", (unsigned)verdict->kind);
    }
    bool is_own = st_id_cmp(device, &a->device) == 0;
    if (is_own && verdict->kind == ST_VERDICT_DUPLICATE && came_by_hand(w, device, verdict->first))
        sim_count(w, SIM_HAND_FIRST);
    note_ack(w, device, verdict, !is_own && !carried);
}

static bool may_read(const answer *a, const st_bucket *bucket)
{
    const sim_world *w = a->w;
    const char *unit = strstr(bucket->s, "/unit/");
    if (a->request->phone == UINT32_MAX)
        return false; /* the carrier asked for no page */
    if (unit == NULL)
        return strcmp(bucket->s, "01477/catalogue") == 0;
    for (uint32_t i = 0; i < SIM_UNITS; i++)
        if (strcmp(unit + 6, SIM_UNIT_NAMES[i]) == 0)
            return w->may_read[w->phones[a->request->phone].person][i];
    return false;
}

/* The server is asked whom it may give anything: an order to revoke or suspend may have been
 * taken by one that was killed before it answered. What the office was told is done counts too. */
void sim_check_open(sim_world *w, const st_id *device, const char *what)
{
    store_txn txn;
    auth_device row;
    read_begin(w, &txn);
    bool is_open =
        auth_device_get(&txn, NULL, device, &row, NULL) == ST_OK && row.status == AUTH_ACTIVE;
    store_end(&txn);
    for (size_t i = 0; i < w->revoked_count; i++)
        is_open = is_open && st_id_cmp(&w->revoked[i].device, device) != 0;
    if (!is_open)
        sim_fail(w, "a revoked or suspended device is sent %s", what);
}

/* What goes out of a bucket goes to who may read it, and nothing of another one lies in between. */
static void check_bucket(answer *a, const st_bucket *bucket, const char *what)
{
    sim_world *w = a->w;
    if (!w->is_scope_unsure && !may_read(a, bucket))
        sim_fail(w, "phone %u is sent %s of %s, which it may not read", a->request->phone, what,
                 bucket->s);
    sim_check_open(w, &a->device, what);
}

/* The set of an entry, in full or as the log has it; false: none that can be read. */
static bool set_of(store_txn *txn, const st_entry *entry, st_arena *arena, st_set *out)
{
    sync_row row;
    if (entry->set != NULL)
        return st_set_decode(entry->set, entry->set_len, arena, out, NULL) == ST_OK;
    return sync_row_get(txn, entry->index, arena, &row, NULL) == ST_OK && row.set.len > 0 &&
           st_set_decode(row.set.data, row.set.len, arena, out, NULL) == ST_OK;
}

static void check_entries(answer *a, const st_bucket *bucket, const st_entry *entries,
                          uint32_t count, const char *what)
{
    store_txn txn;
    read_begin(a->w, &txn);
    for (uint32_t i = 0; i < count; i++) {
        st_set set;
        st_arena arena;
        st_arena_init(&arena, 64u << 20);
        if (set_of(&txn, &entries[i], &arena, &set) && strcmp(set.bucket.s, bucket->s) != 0)
            sim_fail(a->w, "phone %u is sent a set of %s in %s of %s", a->request->phone,
                     set.bucket.s, what, bucket->s);
        st_arena_reset(&arena);
    }
    store_end(&txn);
}

static void take_page(answer *a, const st_page *page)
{
    check_bucket(a, &page->bucket, "a page");
    check_entries(a, &page->bucket, page->entries, page->entries_count, "a page");
    sim_repairs_page(a->w, a->request, &page->bucket);
}

/* What was shown of a bucket that is not read any more is kept: nothing is told of it. */
static bool says_nothing(const st_repair_answer *said)
{
    static const st_sum NONE;
    return said->cursor == 0 && memcmp(&said->sum, &NONE, sizeof NONE) == 0 &&
           said->ranges_count == 0 && said->records_count == 0 && said->vector_len == 0;
}

static void take_repair(answer *a, const st_repair_answer *said)
{
    if (says_nothing(said))
        sim_check_open(a->w, &a->device, "an answer about a wrong sum");
    else
        check_bucket(a, &said->bucket, "a repair");
    for (uint32_t i = 0; i < said->records_count; i++)
        check_entries(a, &said->bucket, said->records[i].entries, said->records[i].entries_count,
                      "a repair");
    sim_repairs_answer(a->w, a->request, &a->device, said);
}

static void take_frame(answer *a, const st_frame *frame)
{
    switch (frame->kind) {
    case ST_FRAME_VERDICT: take_verdict(a, &frame->as.verdict); break;
    case ST_FRAME_WANT: sim_count(a->w, SIM_GAP); break;
    case ST_FRAME_PAGE: take_page(a, &frame->as.page); break;
    case ST_FRAME_REPAIR_ANSWER: take_repair(a, &frame->as.repair_answer); break;
    case ST_FRAME_REFUSAL:
        if (frame->as.refusal.code == ST_E_AGAIN)
            sim_count(a->w, SIM_AGAIN);
        break;
    case ST_FRAME_HAVE_ANSWER:
        sim_files_answer(a->w, a->request, a->about_pieces++, &frame->as.have_answer);
        break;
    case ST_FRAME_PIECE_TAKEN:
        sim_files_taken(a->w, &frame->as.piece_taken);
        break;
    case ST_FRAME_PIECE_BYTES:
        sim_files_bytes(a->w, a->request, &frame->as.piece_bytes);
        break;
    default: break;
    }
}

/* A copy of a request that was taken in must be turned away. */
static void check_counter(sim_world *w, const st_head *head)
{
    for (size_t i = 0; i < w->taken_count; i++)
        if (w->taken[i].counter == head->counter &&
            st_id_cmp(&w->taken[i].device, &head->device) == 0)
            sim_fail(w, "request %llu of a device is taken in twice",
                     (unsigned long long)head->counter);
    if (w->taken_count == w->taken_capacity) {
        w->taken_capacity = w->taken_capacity == 0 ? 64 : w->taken_capacity * 2;
        w->taken = sim_must(realloc(w->taken, w->taken_capacity * sizeof *w->taken));
    }
    w->taken[w->taken_count].device = head->device;
    w->taken[w->taken_count++].counter = head->counter;
}

/* Bytes of a snapshot go to those only who may read the bucket. */
static void check_fetch(answer *a, const net_fetch *fetch, int status)
{
    st_page page;
    st_hash name;
    st_head head;
    uint8_t bytes[ST_HEAD_BYTES];
    memset(&page, 0, sizeof page);
    if (status != 206)
        return;
    if (st_unbase64url(fetch->head, strlen(fetch->head), bytes) != sizeof bytes ||
        st_head_decode(bytes, sizeof bytes, &head, NULL) != ST_OK)
        sim_fail(a->w, "a GET is answered that nobody signed");
    a->device = head.device;
    sim_count(a->w, SIM_SNAPSHOT_READ);
    if (!st_snapshot_path_parse(fetch->path, &page.bucket, &name))
        sim_fail(a->w, "%s is answered", fetch->path);
    take_page(a, &page);
}

void sim_check_answer(sim_world *w, const net_message *request, int status, const st_buffer *reply)
{
    answer a = { .w = w, .request = request };
    st_frame_reader *reader = NULL;
    const uint8_t *bytes = NULL;
    size_t len = 0;
    st_err bad = ST_OK;
    st_arena arena;
    st_head head;
    sim_note_log(w);
    if (w->restores > 0)
        sim_ask_scope(w); /* phones bring rights back that were given or taken after the backup */
    if (request->is_fetch)
        check_fetch(&a, &request->fetch, status);
    if (request->is_fetch || strcmp(request->path, "/v1/enrol") == 0 || reply->len == 0)
        return;
    if (st_head_decode(request->bytes, request->len, &head, NULL) == ST_OK)
        a.device = head.device;
    if (status == 200)
        check_counter(w, &head);
    st_arena_init(&arena, 256u << 20);
    if (st_frame_reader_new(ST_STREAM_BYTES_MAX, &reader, NULL) != ST_OK ||
        st_frame_feed(reader, reply->data, reply->len, NULL) != ST_OK)
        sim_fail(w, "an answer is no stream");
    while (st_frame_read(reader, &bytes, &len, &bad)) {
        st_frame frame;
        if (st_frame_decode(bytes, len, &arena, &frame, NULL) != ST_OK)
            sim_fail(w, "an answer holds what is no frame");
        take_frame(&a, &frame);
    }
    if (bad != ST_OK || !st_frame_is_complete(reader))
        sim_fail(w, "an answer is no whole stream");
    st_frame_reader_free(reader);
    st_arena_reset(&arena);
}

/* ---- images ---- */

typedef struct {
    const disk_table *table;
    uint32_t leaf, row;
} place;

static const disk_row *next_row(place *at)
{
    while (at->leaf < at->table->count && at->row == at->table->leaves[at->leaf]->count) {
        at->leaf++;
        at->row = 0;
    }
    return at->leaf < at->table->count ? &at->table->leaves[at->leaf]->rows[at->row++] : NULL;
}

static bool same_row(const disk_row *x, const disk_row *y)
{
    return x->key_len == y->key_len && x->value_len == y->value_len &&
           memcmp(x->key, y->key, x->key_len) == 0 && memcmp(x->value, y->value, x->value_len) == 0;
}

bool sim_images_equal(const disk_image *a, const disk_image *b, char *why)
{
    for (int i = 0; i < STORE_TABLE_COUNT; i++) {
        place x = { &a->tables[i], 0, 0 }, y = { &b->tables[i], 0, 0 };
        const disk_row *left = next_row(&x), *right = next_row(&y);
        while (left != NULL && right != NULL && same_row(left, right)) {
            left = next_row(&x);
            right = next_row(&y);
        }
        if (left == NULL && right == NULL)
            continue;
        (void)snprintf(why, 256, "table %s differs", store_table_name((store_table)i));
        return false;
    }
    return true;
}
