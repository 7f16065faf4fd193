/* client-lib/src/closed.c - seals the change-sets of a lost bucket and lets them go when covered.
 * Promises: a set leaves the open table in the transaction that seals it or finds it covered; what
 * is sealed can be offered again to a server that lost it.
 * Never: seals what the server does not have, or what a person here has to see to. */
#include "client-lib/src/closed.h"

#include <string.h>

#include "client-lib/src/epoch_offer.h"
#include "client-lib/src/witness.h"

#define HEAD_BYTES 40u /* of a value: log index, hash */

typedef struct {
    uint64_t position; /* it lies there in the log or before it; 0: not known to be there */
    st_parcel parcel;
} sealed_set;

/* ---- the table ---- */

static st_err put(sotay_client *client, uint64_t position, const st_parcel *parcel, st_error *error)
{
    st_buffer out;
    uint8_t head[8];
    book_key key = book_key_counter(BOOK_CLOSED, &parcel->owner, parcel->first);
    st_put_u64(head, position);
    st_buffer_init(&out, ST_PARCEL_BYTES_MAX + HEAD_BYTES);
    st_err err = st_buffer_append(&out, head, sizeof head, error);
    if (err == ST_OK)
        err = st_buffer_append(&out, parcel->name.b, sizeof parcel->name.b, error);
    if (err == ST_OK)
        err = st_buffer_append(&out, parcel->sealed, parcel->sealed_len, error);
    if (err == ST_OK)
        err = book_put(&client->book, &key, out.data, out.len, error);
    st_buffer_free(&out);
    return err;
}

static st_err unpack(const book_key *key, const book_value *value, sealed_set *out,
                     st_error *error)
{
    st_parcel *parcel = &out->parcel;
    if (key->len != 1 + 16 + 8 || value->len <= HEAD_BYTES)
        return st_fail(error, ST_E_CORRUPT, "store: a sealed change-set is damaged");
    memset(out, 0, sizeof *out);
    out->position = st_get_u64(value->data);
    parcel->kind = ST_PARCEL_SET;
    memcpy(parcel->owner.b, key->b + 1, sizeof parcel->owner.b);
    parcel->first = st_get_u64(key->b + 17);
    memcpy(parcel->name.b, value->data + 8, sizeof parcel->name.b);
    parcel->sealed = value->data + HEAD_BYTES;
    parcel->sealed_len = value->len - HEAD_BYTES;
    return ST_OK;
}

static st_err load(sotay_client *client, const st_id *device, uint64_t first, st_arena *arena,
                   sealed_set *out, st_error *error)
{
    book_value value = { NULL, 0 };
    book_key key = book_key_counter(BOOK_CLOSED, device, first);
    st_err err = book_get_whole(&client->book, &key, arena, &value, error);
    return err == ST_OK ? unpack(&key, &value, out, error) : err;
}

st_err closed_get(sotay_client *client, const st_id *device, uint64_t first, st_arena *arena,
                  st_parcel *out_parcel, st_error *error)
{
    sealed_set set;
    st_err err = load(client, device, first, arena, &set, error);
    if (err == ST_OK)
        *out_parcel = set.parcel;
    return err;
}

st_err closed_frame(sotay_client *client, const outbox_set *own, st_arena *arena,
                    st_frame *out_frame, st_error *error)
{
    book_value value = { NULL, 0 };
    book_key key = book_key_counter(BOOK_SET, &own->device, own->first);
    memset(out_frame, 0, sizeof *out_frame);
    out_frame->kind = ST_FRAME_SET;
    st_err err = book_get_whole(&client->book, &key, arena, &value, error);
    if (err == ST_OK) {
        out_frame->as.set.bytes = value.data;
        out_frame->as.set.len = value.len;
    }
    if (err != ST_E_NOT_FOUND)
        return err;
    out_frame->kind = ST_FRAME_PARCEL;
    return closed_get(client, &own->device, own->first, arena, &out_frame->as.parcel, error);
}

st_err closed_is_kept(sotay_client *client, const outbox_set *own, bool *out_kept, st_error *error)
{
    st_arena arena;
    st_frame frame;
    st_arena_init(&arena, (size_t)ST_PARCEL_BYTES_MAX * 2);
    st_err err = closed_frame(client, own, &arena, &frame, error);
    *out_kept = err == ST_OK;
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

bool closed_is_fork(const outbox_set *own)
{
    return own->is_closed && own->status == OUTBOX_HELD && own->hold == ST_HOLD_FORK &&
           own->position > 0;
}

/* It goes, and with it the note that it is owed anew. */
static st_err let_go(sotay_client *client, const st_id *device, uint64_t first, st_error *error)
{
    book_key key = book_key_counter(BOOK_CLOSED, device, first);
    book_key owed = book_key_counter(BOOK_RENEW, device, first);
    st_err err = book_delete(&client->book, &key, error);
    return err == ST_OK ? book_delete(&client->book, &owed, error) : err;
}

/* ---- sealing ---- */

static bool is_covered(const sotay_client *client, uint64_t position)
{
    return position > 0 && position <= client->next.backed_up_to;
}

/* What the server has taken of a set is not read here any more. *out_left: some of it waits for
 * somebody, and has to stay readable. */
static st_err hide(sotay_client *client, const st_set *set, bool *out_left, st_error *error)
{
    st_err err = ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < set->changes_count; i++) {
        const st_change *change = &set->changes[i];
        overlay_entry entry;
        err = overlay_get(&client->book, &change->record, &change->dot, &entry, error);
        if (err == ST_E_NOT_FOUND || (err == ST_OK && entry.status != OVERLAY_SENT)) {
            *out_left = *out_left || err == ST_OK;
            err = ST_OK;
            continue;
        }
        if (err == ST_OK)
            err = overlay_delete(&client->book, &change->record, &change->dot, error);
        if (err == ST_OK)
            err = overlay_row_renew(client, &change->record, error);
    }
    return err;
}

/* The open bytes go; in their place come sealed ones, but of what is covered. A set that became too
 * long by an erasure cannot be sealed and stays: *out_done is false. */
static st_err seal(sotay_client *client, const st_set *set, uint64_t position, bool *out_done,
                   st_error *error)
{
    st_buffer sealed;
    st_frame inside = { .kind = ST_FRAME_SET };
    st_parcel parcel = { .kind = ST_PARCEL_SET, .owner = set->device, .first = set->first,
                         .name = set->hash };
    book_key key = book_key_counter(BOOK_SET, &set->device, set->first);
    st_err err = ST_OK;
    inside.as.set.bytes = set->bytes;
    inside.as.set.len = set->bytes_len;
    st_buffer_init(&sealed, ST_PARCEL_BYTES_MAX);
    if (!is_covered(client, position))
        err = st_parcel_seal(client->next.seal_key, &inside, &parcel, &sealed, error);
    bool fits = err != ST_E_TOO_LARGE;
    if (err == ST_OK && sealed.len > 0)
        err = put(client, position, &parcel, error);
    if (err == ST_OK)
        err = book_delete(&client->book, &key, error);
    st_buffer_free(&sealed);
    *out_done = err == ST_OK;
    return fits ? err : ST_OK;
}

static st_err close_own(sotay_client *client, const st_set *set, outbox_set *own, st_error *error)
{
    bool left = false, done = false;
    st_err err = hide(client, set, &left, error);
    if (err == ST_OK && !left)
        err = seal(client, set, own->position, &done, error);
    if (err != ST_OK || !done)
        return err;
    own->is_closed = true;
    return outbox_put(&client->book, own, error);
}

/* One set of the open table, when it is of the bucket. One that does not open says nothing. */
static st_err close_set(sotay_client *client, const st_set *set, uint64_t read_to,
                        uint64_t *out_kept, st_error *error)
{
    outbox_set own;
    bool done = false, kept = false;
    st_err err = outbox_get(&client->book, &set->device, set->first, &own, error);
    if (err == ST_E_NOT_FOUND) { /* what came without an end is not known to be there */
        const bool is_beyond = witness_is_beyond(&client->me, read_to);
        err = seal(client, set, is_beyond ? 0 : read_to, &done, error);
        return err == ST_OK && done && is_beyond
                   ? epoch_offer(client, &set->device, set->first, error)
                   : err;
    }
    if (err != ST_OK || own.status != OUTBOX_SENT)
        return err;
    err = close_own(client, set, &own, error);
    if (err == ST_OK)
        err = closed_is_kept(client, &own, &kept, error);
    *out_kept += kept;
    return err;
}

st_err closed_bucket(sotay_client *client, const st_bucket *bucket, uint64_t read_to,
                     uint64_t *out_kept, st_error *error)
{
    book_key prefix = book_key_of(BOOK_SET);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_arena arena;
        st_set set;
        book_value value = { NULL, 0 };
        st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
        err = book_scan_whole(&client->book, &scan, &arena, &value, error);
        bool found = err == ST_OK;
        if (found)
            err = st_set_decode(value.data, value.len, &arena, &set, error);
        if (err == ST_OK && strcmp(set.bucket.s, bucket->s) == 0)
            err = close_set(client, &set, read_to, out_kept, error);
        bool says_nothing = err == ST_E_CORRUPT || err == ST_E_VERSION;
        if (found && says_nothing && client->book.failed == ST_OK)
            err = ST_OK;
        st_arena_reset(&arena);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err closed_own(sotay_client *client, outbox_set *own, st_error *error)
{
    st_arena arena;
    st_set set;
    book_value value = { NULL, 0 };
    book_key key = book_key_counter(BOOK_SET, &own->device, own->first);
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = book_get_whole(&client->book, &key, &arena, &value, error);
    if (err == ST_OK)
        err = st_set_decode(value.data, value.len, &arena, &set, error);
    if (err == ST_OK)
        err = close_own(client, &set, own, error);
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* ---- afterwards ---- */

st_err closed_renew(sotay_client *client, const st_parcel *parcel, bool *out_done, st_error *error)
{
    st_arena arena;
    sealed_set set;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = load(client, &parcel->owner, parcel->first, &arena, &set, error);
    *out_done = err == ST_OK && memcmp(set.parcel.name.b, parcel->name.b,
                                       sizeof parcel->name.b) == 0;
    if (*out_done)
        err = put(client, set.position, parcel, error);
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err closed_settle(sotay_client *client, const st_id *device, uint64_t first, uint64_t position,
                     st_error *error)
{
    st_arena arena;
    sealed_set set;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = load(client, device, first, &arena, &set, error);
    if (err == ST_OK && is_covered(client, position))
        err = let_go(client, device, first, error);
    else if (err == ST_OK && position != set.position)
        err = put(client, position, &set.parcel, error);
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err closed_open(sotay_client *client, const st_id *device, uint64_t first, st_error *error)
{
    outbox_set own;
    st_err err = let_go(client, device, first, error);
    if (err == ST_OK)
        err = outbox_get(&client->book, device, first, &own, error);
    if (err != ST_OK || !own.is_closed)
        return err == ST_E_NOT_FOUND ? ST_OK : err;
    own.is_closed = false;
    return outbox_put(&client->book, &own, error);
}

/* It lies beyond the cut, or was not known to be there before. */
static st_err turn_one(sotay_client *client, const sealed_set *set, st_error *error)
{
    bool own = false;
    const st_parcel *parcel = &set->parcel;
    book_key key = book_key_counter(BOOK_OWN, &parcel->owner, parcel->first);
    st_err err = set->position > 0 ? put(client, 0, parcel, error) : ST_OK;
    if (err == ST_OK)
        err = book_has(&client->book, &key, &own, error);
    return err == ST_OK && !own ? epoch_offer(client, &parcel->owner, parcel->first, error) : err;
}

/* The server said that it is there, in an answer without its end: it is offered once more. */
static st_err miss_one(sotay_client *client, const sealed_set *set, st_error *error)
{
    const outbox_helds none = { NULL, 0 };
    outbox_set own;
    st_err err = turn_one(client, set, error);
    if (err == ST_OK)
        err = outbox_get(&client->book, &set->parcel.owner, set->parcel.first, &own, error);
    if (err != ST_OK)
        return err == ST_E_NOT_FOUND ? ST_OK : err;
    own.status = OUTBOX_UNSENT;
    own.position = 0;
    return outbox_settle(client, &own, NULL, none, error);
}

/* cut NULL: what is covered goes. What does not open cannot be offered, nor said to be covered. */
static st_err walk(sotay_client *client, const uint64_t *cut, st_error *error)
{
    book_key prefix = book_key_of(BOOK_CLOSED);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_arena arena;
        sealed_set set;
        book_value value = { NULL, 0 };
        st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
        err = book_scan_whole(&client->book, &scan, &arena, &value, error);
        if (err == ST_OK)
            err = unpack(&scan.at, &value, &set, error);
        if (err == ST_OK && cut == NULL && is_covered(client, set.position))
            err = let_go(client, &set.parcel.owner, set.parcel.first, error);
        else if (err == ST_OK && cut != NULL && (set.position == 0 || set.position > *cut))
            err = turn_one(client, &set, error);
        st_arena_reset(&arena);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err closed_turn(sotay_client *client, uint64_t cut, st_error *error)
{
    return walk(client, &cut, error);
}

st_err closed_cover(sotay_client *client, st_error *error)
{
    return walk(client, NULL, error);
}

/* The next one that lies behind the checkpoint that is held. */
static st_err next_missed(sotay_client *client, book_scan *scan, st_arena *arena, sealed_set *out,
                          st_error *error)
{
    book_value value = { NULL, 0 };
    st_err err = ST_OK;
    do {
        st_arena_reset(arena);
        err = book_scan_whole(&client->book, scan, arena, &value, error);
        if (err == ST_OK)
            err = unpack(&scan->at, &value, out, error);
    } while (err == ST_OK && !witness_is_beyond(&client->me, out->position));
    return err;
}

st_err closed_offer_missed(sotay_client *client, st_error *error)
{
    book_key prefix = book_key_of(BOOK_CLOSED);
    book_scan scan = book_scan_of(&prefix);
    sealed_set set;
    st_arena arena;
    bool is_any = false;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = client_begin(client, false, error);
    if (err == ST_OK)
        err = next_missed(client, &scan, &arena, &set, error);
    client_abort(client);
    is_any = err == ST_OK;
    if (is_any)
        err = client_begin(client, true, error);
    scan = book_scan_of(&prefix);
    while (is_any && err == ST_OK) {
        err = next_missed(client, &scan, &arena, &set, error);
        if (err == ST_OK)
            err = miss_one(client, &set, error);
    }
    st_arena_reset(&arena);
    if (is_any && err == ST_E_NOT_FOUND)
        return client_commit(client, error);
    client_abort(client);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}
