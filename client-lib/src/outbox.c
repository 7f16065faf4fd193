/* client-lib/src/outbox.c - seals own changes into signed sets and keeps their fate.
 * Promises: a set is on disk before a byte of it is sent and is sent again verbatim; counters and
 * the chain of hashes move in the same transaction as the set.
 * Never: seals for a device that the server calls a fork, or what may name another branch's changes
 * for its own; deletes a set (closed.c does that). */
#include "client-lib/src/outbox.h"

#include <string.h>

#include "client-lib/src/bucket.h"
#include "client-lib/src/closed.h"
#include "client-lib/src/slip.h"

#define BATCH_BYTES_MAX   ((size_t)4 * 1024 * 1024) /* decoded it may take 15 times as much */
#define SET_BYTES_ROOM    4096u                     /* header, seed, signature */
#define COUNTERS_RESERVED 64u

/* Before a set in the chain: counters were lost that no set has. */
static const st_hash LOST = { { 0 } };

/* ---- the table of own sets ---- */

st_err outbox_put(book_db *book, const outbox_set *set, st_error *error)
{
    st_buffer out;
    st_buffer_init(&out, 256);
    slip_writer slip = { &out, ST_OK };
    slip_u64(&slip, set->last);
    slip_u8(&slip, (uint8_t)set->status);
    slip_u64(&slip, set->position);
    slip_u8(&slip, (uint8_t)set->hold);
    bool is_asked = set->is_asked && set->position == 0;
    if (set->is_closed || is_asked)
        slip_u8(&slip, set->is_closed ? 1 : 0);
    if (is_asked)
        slip_u64(&slip, 1); /* of an older version: the own counter then */
    book_key key = book_key_counter(BOOK_OWN, &set->device, set->first);
    st_err err = slip.err != ST_OK ? st_fail(error, slip.err, "store: no memory")
                                   : book_put(book, &key, out.data, out.len, error);
    st_buffer_free(&out);
    return err;
}

static st_err unpack(const book_key *key, const book_value *value, outbox_set *out_set,
                     st_error *error)
{
    slip_reader slip = { value->data, value->len, 0, false };
    outbox_set set;
    memset(&set, 0, sizeof set);
    set.last = slip_get_u64(&slip);
    set.status = (outbox_status)slip_get_u8(&slip);
    set.position = slip_get_u64(&slip);
    set.hold = (st_hold)slip_get_u8(&slip);
    set.is_closed = slip.at < slip.len && slip_get_u8(&slip) != 0;
    set.is_asked = slip.at < slip.len && slip_get_u64(&slip) != 0;
    if (slip.bad || key->len != 1 + 16 + 8 || set.status > OUTBOX_LOST)
        return st_fail(error, ST_E_CORRUPT, "store: the note of an own set is damaged");
    memcpy(set.device.b, key->b + 1, sizeof set.device.b);
    set.first = st_get_u64(key->b + 17);
    *out_set = set;
    return ST_OK;
}

/* Own sets follow each other: one that does not say itself where it ends reaches to the next. */
static st_err guess_last(book_db *book, outbox_set *set, st_error *error)
{
    identity me;
    book_key key = book_key_counter(BOOK_OWN, &set->device, set->first);
    book_scan scan = { .prefix_len = 1 + 16, .at = key, .is_begun = true };
    st_err err = book_scan_next(book, &scan, NULL, NULL, error);
    if (err == ST_OK && scan.at.len == key.len)
        set->last = st_get_u64(scan.at.b + 17) - 1;
    if (err != ST_E_NOT_FOUND)
        return err;
    err = identity_get(book, &me, error);
    if (err == ST_OK && st_id_cmp(&me.device, &set->device) == 0 && me.sealed > set->last)
        set->last = me.sealed;
    st_wipe(&me, sizeof me);
    return err;
}

/* Of a note that does not open: the set is sent once more, and the verdict says the rest. Where it
 * is not here either, open or sealed, the server has it (closed.h), or wants it. */
static st_err retell(book_db *book, const st_id *device, uint64_t first, outbox_set *out_set,
                     st_error *error)
{
    st_set kept;
    st_arena arena;
    bool is_open = false, is_sealed = false;
    book_value value = { NULL, 0 };
    outbox_set set = { .device = *device, .first = first, .last = first };
    book_key key = book_key_counter(BOOK_SET, device, first);
    book_key sealed = book_key_counter(BOOK_CLOSED, device, first);
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = book_has(book, &key, &is_open, error);
    if (err == ST_OK)
        err = book_has(book, &sealed, &is_sealed, error);
    set.is_closed = !is_open;
    if (!is_open && !is_sealed)
        set.status = OUTBOX_SENT;
    if (err == ST_OK)
        err = book_get_whole(book, &key, &arena, &value, error);
    if (err == ST_OK)
        err = st_set_decode_kept(value.data, value.len, &arena, &kept, error);
    if (err == ST_OK)
        set.last = st_set_last(&kept);
    else if (err == ST_E_NOT_FOUND)
        err = guess_last(book, &set, error);
    if (err == ST_OK)
        *out_set = set;
    st_arena_reset(&arena);
    return err;
}

/* What the store gave for the key, err among it. */
static st_err read_note(book_db *book, const book_key *key, const book_value *value, st_err err,
                        outbox_set *out_set, st_error *error)
{
    st_id device;
    if (err == ST_OK)
        return unpack(key, value, out_set, error);
    if (err != ST_E_CORRUPT || book->failed != ST_OK || key->len != 1 + 16 + 8)
        return err;
    memcpy(device.b, key->b + 1, sizeof device.b);
    return retell(book, &device, st_get_u64(key->b + 17), out_set, error);
}

st_err outbox_get(book_db *book, const st_id *device, uint64_t first, outbox_set *out_set,
                  st_error *error)
{
    st_arena arena;
    st_arena_init(&arena, 4096);
    book_key key = book_key_counter(BOOK_OWN, device, first);
    book_value value = { NULL, 0 };
    st_err err = book_get(book, &key, &arena, &value, error);
    err = read_note(book, &key, &value, err, out_set, error);
    st_arena_reset(&arena);
    return err;
}

st_err outbox_next(book_db *book, book_scan *scan, outbox_set *out_set, st_error *error)
{
    st_arena arena;
    st_arena_init(&arena, 4096);
    book_value value = { NULL, 0 };
    st_err err = book_scan_next(book, scan, &arena, &value, error);
    err = read_note(book, &scan->at, &value, err, out_set, error);
    st_arena_reset(&arena);
    return err;
}

bool outbox_waits(const outbox_set *set)
{
    return set->status == OUTBOX_UNSENT || set->status == OUTBOX_LOST ||
           (set->status == OUTBOX_HELD && set->position == 0);
}

bool outbox_is_answered(const outbox_set *set)
{
    return !outbox_waits(set) || set->hold == ST_HOLD_FORK;
}

/* ---- sealing ---- */

void outbox_seal_init(outbox_seal *seal)
{
    memset(seal, 0, sizeof *seal);
    st_arena_init(&seal->arena, CLIENT_WORK_BYTES_MAX);
    st_arena_init(&seal->lasting, CLIENT_WORK_BYTES_MAX);
    seal->changes_max = ST_SET_CHANGES_MAX;
    seal->bytes_max = OUTBOX_RUN_BYTES;
}

static void forget_runs(outbox_seal *seal)
{
    for (size_t i = 0; i < seal->count; i++)
        st_unsigned_set_free(&seal->runs[i].built);
    st_arena_reset(&seal->arena);
    seal->runs = NULL;
    seal->count = seal->capacity = 0;
    seal->is_built = false;
}

void outbox_seal_free(outbox_seal *seal)
{
    forget_runs(seal);
    st_arena_reset(&seal->lasting);
    seal->notes = NULL;
    seal->notes_count = seal->notes_capacity = 0;
}

/* May `next` go on in the run that ends with `run`? */
static bool fits(const outbox_seal *seal, const st_set *run, const st_set *next, size_t run_bytes)
{
    return next->first == st_set_last(run) + 1 && strcmp(run->bucket.s, next->bucket.s) == 0 &&
           run->role == next->role && run->via == next->via && run->scope_rev == next->scope_rev &&
           memcmp(run->boot, next->boot, sizeof run->boot) == 0 &&
           run->changes_count < seal->changes_max &&
           run_bytes + next->bytes_len + SET_BYTES_ROOM <= seal->bytes_max;
}

/* The run's header: that of its first change, in the chain. `here` may be a counter that was passed
 * over: with one before it the set would deny what a backup of the phone may still bring. */
static void set_header(st_set *set, const st_set *first, bool has_prev, const st_hash *prev)
{
    *set = *first;
    set->has_prev = has_prev;
    set->prev = *prev;
    set->here = first->changes[0].prev;
    set->bytes = NULL;
    set->bytes_len = 0;
}

/* Room for the next run; it counts when seal->count does. */
static st_err new_run(outbox_seal *seal, outbox_run **out_run, st_error *error)
{
    outbox_run *runs = seal->runs;
    if (seal->count == seal->capacity)
        runs = st_arena_grow(&seal->arena, runs, seal->count, &seal->capacity, sizeof *runs);
    if (runs == NULL)
        return st_fail(error, ST_E_MEMORY, "outbox: no memory");
    seal->runs = runs;
    *out_run = &seal->runs[seal->count];
    memset(*out_run, 0, sizeof **out_run);
    return ST_OK;
}

/* Builds the run that is collected. */
static st_err close_run(outbox_seal *seal, sotay_client *client, const st_set *set, st_error *error)
{
    uint8_t seed[ST_SEED_BYTES];
    outbox_run *run = NULL;
    st_err err = new_run(seal, &run, error);
    if (err != ST_OK)
        return err;
    run->set = *set;
    err = port_random(client->book.port, seed, sizeof seed, error);
    if (err == ST_OK)
        err = st_set_build(&run->set, seed, &run->built, error);
    st_wipe(seed, sizeof seed);
    if (err == ST_OK)
        seal->count++;
    return err;
}

typedef struct {
    st_set set; /* being collected; changes_count 0: none */
    size_t bytes, capacity, total;
    uint64_t next; /* the first counter not seen yet */
    bool has_prev;
    st_hash prev;
} gathering;

static st_err end_run(gathering *g, outbox_seal *seal, sotay_client *client, st_error *error)
{
    if (g->set.changes_count == 0)
        return ST_OK;
    st_err err = close_run(seal, client, &g->set, error);
    if (err == ST_OK) {
        g->has_prev = true;
        g->prev = seal->runs[seal->count - 1].built.hash;
    }
    g->set.changes_count = 0;
    return err;
}

static st_err gather(gathering *g, outbox_seal *seal, sotay_client *client, const st_set *one,
                     st_error *error)
{
    st_err err = ST_OK;
    if (one->changes_count != 1)
        return st_fail(error, ST_E_CORRUPT, "store: an unsealed change is damaged");
    if (g->set.changes_count > 0 && !fits(seal, &g->set, one, g->bytes))
        err = end_run(g, seal, client, error);
    if (err == ST_OK && g->set.changes_count == 0) {
        set_header(&g->set, one, g->has_prev, &g->prev);
        g->set.changes = NULL;
        g->set.changes_count = 0;
        g->bytes = g->capacity = 0;
    }
    if (err != ST_OK)
        return err;
    st_change *changes = g->set.changes;
    if (g->set.changes_count == g->capacity)
        changes = st_arena_grow(&seal->arena, changes, g->set.changes_count, &g->capacity,
                                sizeof *changes);
    if (changes == NULL)
        return st_fail(error, ST_E_MEMORY, "outbox: no memory");
    g->set.changes = changes;
    g->set.changes[g->set.changes_count++] = one->changes[0];
    g->bytes += one->bytes_len;
    g->total += one->bytes_len;
    return ST_OK;
}

/* Changes before this counter that are missing or do not open keep no other from being sealed:
 * their counters are passed over. */
static st_err pass_until(gathering *g, outbox_seal *seal, sotay_client *client, uint64_t counter,
                         st_error *error)
{
    outbox_run *run = NULL;
    if (g->next >= counter)
        return ST_OK;
    st_err err = end_run(g, seal, client, error);
    if (err == ST_OK)
        err = new_run(seal, &run, error);
    if (err != ST_OK)
        return err;
    run->passed = (st_gone){ g->next, counter - 1 };
    run->is_signed = true; /* there is nothing to sign */
    seal->count++;
    g->next = counter;
    g->has_prev = true;
    g->prev = LOST;
    return ST_OK;
}

uint64_t outbox_unsealed(const sotay_client *client)
{
    return client->me.counter - client->me.sealed;
}

st_err outbox_unsaid(sotay_client *client, const st_id *device, uint64_t first, st_error *error)
{
    outbox_set set;
    if (client->next.is_forked || st_id_cmp(device, &client->next.device) == 0)
        return ST_OK;
    st_err err = outbox_get(&client->book, device, first, &set, error);
    set.is_asked = true;
    return err == ST_OK ? outbox_put(&client->book, &set, error)
                        : err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err outbox_was_asked(sotay_client *client, bool *out_was, st_error *error)
{
    outbox_set set;
    book_key prefix = book_key_of(BOOK_OWN);
    book_scan scan = book_scan_of(&prefix);
    bool any = false, all = client->me.heard > client->me.sealed;
    st_err err = client_begin(client, false, error);
    while (err == ST_OK && all) {
        err = outbox_next_left(client, false, &scan, &set, error);
        any = any || err == ST_OK;
        all = err != ST_OK || set.is_asked;
    }
    client_abort(client);
    *out_was = any && all;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Up to which own counter it may be sealed now; the rest is put off. Does a set wait under a name
 * that was left, what is recorded since may name its changes. So may it those of a set that the
 * server has, as long as no backup is known to: it waits for one answer, which would say first that
 * the book is an older one. */
static st_err last_to_seal(outbox_seal *seal, sotay_client *client, uint64_t *out_last,
                           st_error *error)
{
    book_key prefix = book_key_of(BOOK_OWN);
    book_scan scan = book_scan_of(&prefix);
    const identity *me = &client->me;
    st_err err = seal->is_answered || me->is_forked ? ST_E_NOT_FOUND : ST_OK;
    *out_last = me->counter;
    while (err == ST_OK && *out_last > me->sealed) {
        outbox_set set;
        err = outbox_next_left(client, seal->is_sync, &scan, &set, error);
        if (err == ST_OK && outbox_waits(&set) && !seal->was_asked)
            *out_last = me->sealed;
        else if (err == ST_OK && *out_last > me->heard)
            *out_last = me->heard;
    }
    seal->is_put_off = *out_last < me->counter;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Reads unsealed changes in order and builds their sets. */
static st_err build_runs(outbox_seal *seal, sotay_client *client, st_error *error)
{
    gathering g;
    uint64_t last = 0;
    memset(&g, 0, sizeof g);
    g.has_prev = client->me.has_prev;
    g.prev = client->me.prev;
    g.next = client->me.sealed + 1;
    book_key prefix = book_key_of(BOOK_CHANGE);
    book_scan scan = book_scan_of(&prefix);
    seal->is_over = true;
    st_err err = client_begin(client, false, error);
    if (err == ST_OK)
        err = last_to_seal(seal, client, &last, error);
    while (err == ST_OK && !client->me.is_forked && last > client->me.sealed) {
        book_value value = { NULL, 0 };
        st_set one;
        err = book_scan_whole(&client->book, &scan, &seal->arena, &value, error);
        if (err == ST_OK)
            err = st_set_decode_kept(value.data, value.len, &seal->arena, &one, error);
        if (err == ST_OK && one.first > last)
            err = ST_E_NOT_FOUND;
        if (err == ST_OK)
            err = pass_until(&g, seal, client, one.first, error);
        if (err == ST_OK)
            err = gather(&g, seal, client, &one, error);
        g.next += err == ST_OK;
        if (err == ST_OK && g.total > BATCH_BYTES_MAX) {
            seal->is_over = false;
            break;
        }
    }
    if (err == ST_E_NOT_FOUND)
        err = pass_until(&g, seal, client, last + 1, error);
    if (err == ST_OK)
        err = end_run(&g, seal, client, error);
    client_abort(client);
    seal->is_built = err == ST_OK;
    return err;
}

static st_err sign_runs(outbox_seal *seal, sotay_client *client, st_error *error)
{
    for (size_t i = 0; i < seal->count; i++) {
        outbox_run *run = &seal->runs[i];
        if (run->is_signed)
            continue;
        st_set_sign_text(&client->me.log, &client->me.device, &run->built.hash, seal->text);
        sotay_slice text = { seal->text, sizeof seal->text };
        st_err err = client_sign(client, client->me.sign_key, text, run->signature, error);
        if (err != ST_OK)
            return err;
        run->is_signed = true;
    }
    return ST_OK;
}

/* Without memory for it the verdict reads the set, that is all. */
static void take_note(outbox_seal *seal, const st_set *set)
{
    st_id *records = st_arena_array(&seal->lasting, set->changes_count, sizeof *records);
    outbox_note *notes = seal->notes;
    if (seal->notes_count == seal->notes_capacity)
        notes = st_arena_grow(&seal->lasting, notes, seal->notes_count, &seal->notes_capacity,
                              sizeof *notes);
    if (records == NULL || notes == NULL)
        return;
    for (uint32_t i = 0; i < set->changes_count; i++)
        records[i] = set->changes[i].record;
    seal->notes = notes;
    outbox_note note = { set->device, set->first, set->changes_count, records, set->bucket };
    seal->notes[seal->notes_count++] = note;
}

const outbox_note *outbox_note_of(const outbox_seal *seal, const st_id *device, uint64_t first)
{
    for (size_t i = 0; i < seal->notes_count; i++)
        if (seal->notes[i].first == first && st_id_cmp(&seal->notes[i].device, device) == 0)
            return &seal->notes[i];
    return NULL;
}

/* The set, its note, and the notes of its changes; the unsealed ones go. */
static st_err write_run(const outbox_run *run, sotay_client *client, st_error *error)
{
    st_buffer out;
    const st_set *set = &run->set;
    st_buffer_init(&out, (size_t)ST_SET_BYTES_MAX * 2);
    st_err err = st_set_finish(set, &run->built, run->signature, &out, error);
    book_key key = book_key_counter(BOOK_SET, &set->device, set->first);
    if (err == ST_OK)
        err = book_put(&client->book, &key, out.data, out.len, error);
    st_buffer_free(&out);
    outbox_set own = { .device = set->device, .first = set->first, .last = st_set_last(set) };
    if (err == ST_OK)
        err = outbox_put(&client->book, &own, error);
    for (uint32_t i = 0; err == ST_OK && i < set->changes_count; i++) {
        const st_change *change = &set->changes[i];
        overlay_entry entry = { .dot = change->dot, .first = set->first, .status = OVERLAY_SEALED };
        book_key unsealed = book_key_of(BOOK_CHANGE);
        book_key_u64(&unsealed, change->dot.counter);
        err = overlay_put(&client->book, &change->record, &entry, error);
        if (err == ST_OK)
            err = book_delete(&client->book, &unsealed, error);
    }
    client->next.has_prev = true;
    client->next.prev = run->built.hash;
    client->next.sealed = own.last;
    return err;
}

static st_err write_passed(const outbox_run *run, sotay_client *client, st_error *error)
{
    client->next.sealed = run->passed.to;
    client->next.has_prev = true;
    client->next.prev = LOST;
    return outbox_pass_over(client, &client->next.device, &run->passed, error);
}

static st_err write_runs(outbox_seal *seal, sotay_client *client, st_error *error)
{
    st_err err = client_begin(client, true, error);
    for (size_t i = 0; err == ST_OK && i < seal->count; i++) {
        const outbox_run *run = &seal->runs[i];
        bool is_set = run->passed.from == 0;
        err = is_set ? write_run(run, client, error) : write_passed(run, client, error);
        if (is_set)
            take_note(seal, &run->set);
    }
    bool reserves = seal->counter_next == seal->counter_end;
    if (err == ST_OK && reserves) {
        seal->counter_next = client->next.requests + 1;
        client->next.requests += COUNTERS_RESERVED;
        seal->counter_end = client->next.requests + 1;
    }
    if (err == ST_OK)
        err = client_commit(client, error);
    else
        client_abort(client);
    if (err != ST_OK && err != ST_PENDING && reserves)
        seal->counter_next = seal->counter_end = 0;
    forget_runs(seal);
    return err;
}

st_err outbox_flush(outbox_seal *seal, sotay_client *client, st_error *error)
{
    for (;;) {
        st_err err = ST_OK;
        if (!seal->is_built && !seal->is_over)
            err = build_runs(seal, client, error);
        if (err == ST_E_TOO_LARGE && seal->changes_max > 1) {
            forget_runs(seal);
            seal->is_over = false;
            seal->changes_max /= 2;
            continue;
        }
        if (err == ST_OK)
            err = sign_runs(seal, client, error);
        if (err != ST_OK)
            return err;
        if (seal->count == 0 && seal->counter_next != seal->counter_end) {
            forget_runs(seal);
            return ST_OK;
        }
        err = write_runs(seal, client, error);
        if (err != ST_OK)
            return err;
    }
}

/* ---- what the server said ---- */

static st_hold hold_of(const outbox_set *set, outbox_helds helds, uint64_t counter)
{
    for (uint32_t i = 0; i < helds.count; i++)
        if (helds.held[i].counter == counter)
            return helds.held[i].reason == ST_HOLD_NONE ? ST_HOLD_WAITS : helds.held[i].reason;
    if (set->status != OUTBOX_HELD)
        return ST_HOLD_NONE;
    return set->hold == ST_HOLD_NONE ? ST_HOLD_CORRUPT : set->hold;
}

static st_err settle_change(sotay_client *client, const outbox_set *set, outbox_helds helds,
                            const st_id *record, const st_dot *dot, st_error *error)
{
    overlay_entry entry;
    st_err err = overlay_get(&client->book, record, dot, &entry, error);
    if (err != ST_OK)
        return err == ST_E_NOT_FOUND ? ST_OK : err; /* the base has it */
    bool was_held = entry.status == OVERLAY_HELD;
    entry.hold = hold_of(set, helds, dot->counter);
    entry.status = entry.hold == ST_HOLD_NONE ? OVERLAY_SENT : OVERLAY_HELD;
    if (set->status == OUTBOX_UNSENT)
        entry.status = OVERLAY_SEALED;
    err = overlay_put(&client->book, record, &entry, error);
    /* The list says at once that it waits: no page may come that would. A damaged base is no reason
     * to stay without the verdict. */
    return err == ST_OK && was_held != (entry.status == OVERLAY_HELD)
               ? overlay_row_settle(client, record, error)
               : err;
}

/* The same with the kept set read; and which bucket it is of. ST_E_NOT_FOUND without *error: it is
 * not here, or does not open. */
static st_err settle_read(sotay_client *client, const outbox_set *set, outbox_helds helds,
                          st_bucket *out_bucket, st_error *error)
{
    st_arena arena;
    st_set bytes;
    st_dot at = { set->device, set->first };
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    memset(&bytes, 0, sizeof bytes);
    st_err err = overlay_set_get(client, &at, set->first, &arena, &bytes, error);
    if (book_is_damage(&client->book, err))
        err = ST_E_NOT_FOUND;
    for (uint32_t i = 0; err == ST_OK && i < bytes.changes_count; i++)
        err = settle_change(client, set, helds, &bytes.changes[i].record, &bytes.changes[i].dot,
                            error);
    *out_bucket = bytes.bucket;
    st_arena_reset(&arena);
    return err;
}

/* Sent out and answered after the bucket was lost: it is read here no longer than it waited. */
static st_err close_lost(sotay_client *client, const outbox_set *set, const st_bucket *bucket,
                         st_error *error)
{
    bucket_state state;
    outbox_set own = *set;
    if (set->status != OUTBOX_SENT)
        return ST_OK;
    st_err err = bucket_get(&client->book, bucket, &state, error);
    return err == ST_OK && !state.in_scope ? closed_own(client, &own, error) : err;
}

st_err outbox_settle(sotay_client *client, const outbox_set *set, const outbox_note *note,
                     outbox_helds helds, st_error *error)
{
    st_bucket bucket;
    st_err err = outbox_put(&client->book, set, error);
    if (err == ST_OK && set->is_closed)
        return closed_settle(client, &set->device, set->first, set->position, error);
    if (err == ST_OK && note == NULL)
        err = settle_read(client, set, helds, &bucket, error);
    else if (note != NULL)
        bucket = note->bucket;
    if (err == ST_E_NOT_FOUND)
        return set->status == OUTBOX_UNSENT ? outbox_wait_again(client, set, error) : ST_OK;
    for (uint32_t i = 0; err == ST_OK && note != NULL && i < note->count; i++) {
        st_dot dot = { set->device, set->first + i };
        err = settle_change(client, set, helds, &note->records[i], &dot, error);
    }
    return err == ST_OK ? close_lost(client, set, &bucket, error) : err;
}
