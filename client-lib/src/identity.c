/* client-lib/src/identity.c - reads and writes the one value that says who this store is.
 * Promises: what is read is what was written, or ST_E_CORRUPT.
 * Never: leaves a secret in memory that it allocated itself. */
#include "client-lib/src/identity.h"

#include <stddef.h>
#include <string.h>

#include "proto/sign.h"

#define IDENTITY_VERSION   1u
#define IDENTITY_BYTES_MAX 8192u

static void put_offer(slip_writer *slip, const identity_offer *offer)
{
    slip_u8(slip, offer->is_open);
    slip_bytes(slip, offer->code, sizeof offer->code);
    slip_bytes(slip, offer->log_key, sizeof offer->log_key);
    slip_bytes(slip, offer->sign_seed, sizeof offer->sign_seed);
    slip_bytes(slip, offer->sign_key, sizeof offer->sign_key);
    slip_bytes(slip, offer->cosign_seed, sizeof offer->cosign_seed);
    slip_text(slip, offer->url);
}

static void get_offer(slip_reader *slip, identity_offer *offer)
{
    offer->is_open = slip_get_u8(slip) != 0;
    slip_get_bytes(slip, offer->code, sizeof offer->code);
    slip_get_bytes(slip, offer->log_key, sizeof offer->log_key);
    slip_get_bytes(slip, offer->sign_seed, sizeof offer->sign_seed);
    slip_get_bytes(slip, offer->sign_key, sizeof offer->sign_key);
    slip_get_bytes(slip, offer->cosign_seed, sizeof offer->cosign_seed);
    slip_get_text(slip, offer->url, sizeof offer->url);
}

/* Where the parts lie that are bytes of one size, and the texts, in the order of the store. */
#define PART(member)                                                                               \
    {                                                                                              \
        offsetof(identity, member), sizeof((identity *)0)->member                                  \
    }
typedef struct {
    size_t at, bytes;
} part;
static const part BYTES[] = {
    PART(device),       PART(speaker),    PART(person),      PART(log),     PART(server_device),
    PART(sign_seed),    PART(sign_key),   PART(cosign_seed), PART(log_key), PART(seal_key),
    PART(recovery_key), PART(server_key), PART(epoch),       PART(install),
};
static const part TEXTS[] = {
    PART(login.s), PART(commune.s), PART(letters), PART(fingerprint), PART(url),
};

static void put_names(slip_writer *slip, const identity *me)
{
    slip_u8(slip, me->is_enrolled);
    slip_u8(slip, me->is_forked);
    for (size_t i = 0; i < sizeof BYTES / sizeof BYTES[0]; i++)
        slip_bytes(slip, (const char *)me + BYTES[i].at, BYTES[i].bytes);
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++)
        slip_text(slip, (const char *)me + TEXTS[i].at);
}

static void get_names(slip_reader *slip, identity *me)
{
    me->is_enrolled = slip_get_u8(slip) != 0;
    me->is_forked = slip_get_u8(slip) != 0;
    for (size_t i = 0; i < sizeof BYTES / sizeof BYTES[0]; i++)
        slip_get_bytes(slip, (char *)me + BYTES[i].at, BYTES[i].bytes);
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++)
        slip_get_text(slip, (char *)me + TEXTS[i].at, TEXTS[i].bytes);
}

static void put_counters(slip_writer *slip, const identity *me)
{
    slip_u64(slip, me->scope_rev);
    slip_u8(slip, (uint8_t)me->roles_count);
    for (uint32_t i = 0; i < me->roles_count; i++)
        slip_u8(slip, (uint8_t)me->roles[i]);
    slip_u64(slip, me->counter);
    slip_u64(slip, me->sealed);
    slip_u8(slip, me->has_prev);
    slip_bytes(slip, me->prev.b, 32);
    slip_u64(slip, me->hlc);
    slip_u64(slip, me->slips);
    slip_u64(slip, me->requests);
    slip_u64(slip, me->position);
    slip_u64(slip, me->backed_up_to);
    slip_u64(slip, (uint64_t)me->last_sync_ms);
    slip_u8(slip, me->has_offset);
    slip_u64(slip, (uint64_t)me->clock_offset_ms);
    slip_u64(slip, me->gone_from);
    slip_u64(slip, me->gone_to);
}

static void get_counters(slip_reader *slip, identity *me)
{
    me->scope_rev = slip_get_u64(slip);
    me->roles_count = slip_get_u8(slip);
    slip->bad = slip->bad || me->roles_count > IDENTITY_ROLES_MAX;
    for (uint32_t i = 0; i < me->roles_count && !slip->bad; i++)
        me->roles[i] = (st_role)slip_get_u8(slip);
    me->counter = slip_get_u64(slip);
    me->sealed = slip_get_u64(slip);
    me->has_prev = slip_get_u8(slip) != 0;
    slip_get_bytes(slip, me->prev.b, 32);
    me->hlc = slip_get_u64(slip);
    me->slips = slip_get_u64(slip);
    me->requests = slip_get_u64(slip);
    me->position = slip_get_u64(slip);
    me->backed_up_to = slip_get_u64(slip);
    me->last_sync_ms = (int64_t)slip_get_u64(slip);
    me->has_offset = slip_get_u8(slip) != 0;
    me->clock_offset_ms = (int64_t)slip_get_u64(slip);
    me->gone_from = slip_get_u64(slip);
    me->gone_to = slip_get_u64(slip);
}

static void get_clock(slip_reader *slip, st_clock *clock)
{
    slip_get_bytes(slip, clock->boot, sizeof clock->boot);
    clock->sent_mono_ms = slip_get_u64(slip);
    clock->got_mono_ms = slip_get_u64(slip);
    clock->server_ms = (int64_t)slip_get_u64(slip);
}

void witness_head_get(slip_reader *slip, witness_head *head)
{
    head->head.size = slip_get_u64(slip);
    slip_get_bytes(slip, head->head.root.b, sizeof head->head.root.b);
    head->epoch = slip_get_u64(slip);
    slip_get_bytes(slip, head->signature, sizeof head->signature);
}

static void get_told(slip_reader *slip, identity_told *told)
{
    told->is_there = slip_get_u8(slip) != 0;
    if (!told->is_there)
        return;
    slip_get_bytes(slip, told->epoch, sizeof told->epoch);
    get_clock(slip, &told->clock);
    told->apart_ms = (int64_t)slip_get_u64(slip);
}

static void get_log_key(slip_reader *slip, st_log_key *out)
{
    out->n = slip_get_u64(slip);
    out->size = slip_get_u64(slip);
    slip_get_bytes(slip, out->key, sizeof out->key);
    slip_get_bytes(slip, out->by_old, sizeof out->by_old);
    slip_get_bytes(slip, out->by_new, sizeof out->by_new);
}

static void get_log_keys(slip_reader *slip, identity *me)
{
    me->log_keys = slip_get_u64(slip);
    me->has_key_alarm = slip_get_u8(slip) != 0;
    if (!me->has_key_alarm)
        return;
    get_log_key(slip, &me->key_alarm);
    me->key_alarm_ms = (int64_t)slip_get_u64(slip);
}

static void get_cut(slip_reader *slip, identity *me)
{
    me->has_cut = slip_get_u8(slip) != 0;
    me->cut = slip_get_u64(slip);
    me->ends = slip_get_u64(slip);
    me->ends_told = slip_get_u64(slip);
}

static void get_list(slip_reader *slip, identity *me)
{
    me->has_epochs_mark = slip_get_u8(slip) != 0;
    slip_get_bytes(slip, me->epochs_mark, sizeof me->epochs_mark);
}

/* What of the book was heard: the last ones. */
static void get_heard(slip_reader *slip, identity *me)
{
    if (slip->at < slip->len)
        me->asks_whole = slip_get_u8(slip) != 0;
    if (slip->at < slip->len)
        me->heard = slip_get_u64(slip);
    if (slip->at < slip->len)
        get_list(slip, me);
    if (slip->at < slip->len)
        me->reach = slip_get_u64(slip);
    me->alarm_epoch = slip->at < slip->len ? slip_get_u64(slip)
                      : me->has_alarm      ? me->alarm.epoch
                                           : 0;
}

/* What came after the first stores were made; each is there, or all that follow are missing. */
static void get_later(slip_reader *slip, identity *me)
{
    if (slip->at < slip->len)
        me->epochs = slip_get_u64(slip);
    if (slip->at < slip->len)
        me->address = slip_get_u64(slip);
    if (slip->at < slip->len)
        me->dictionary = slip_get_u8(slip);
    if (slip->at == slip->len)
        return;
    me->has_clock = slip_get_u8(slip) != 0;
    get_clock(slip, &me->clock);
    if (slip->at < slip->len)
        me->lost = slip_get_u64(slip);
    if (slip->at == slip->len)
        return;
    me->has_lease = slip_get_u8(slip) != 0;
    me->lease_ms = slip_get_u64(slip);
    me->lease_mono_ms = slip_get_u64(slip);
    slip_get_bytes(slip, me->lease_boot, sizeof me->lease_boot);
    if (slip->at == slip->len)
        return;
    me->cosign_due = slip_get_u8(slip) != 0;
    witness_head_get(slip, &me->tree);
    me->has_alarm = slip_get_u8(slip) != 0;
    if (me->has_alarm) {
        witness_head_get(slip, &me->alarm);
        me->alarm_ms = (int64_t)slip_get_u64(slip);
    }
    if (slip->at < slip->len) {
        get_told(slip, &me->told);
        me->short_roots = slip_get_u8(slip) != 0;
    }
    if (slip->at < slip->len)
        me->standing = (st_standing)slip_get_u8(slip);
    slip->bad = slip->bad || me->standing > ST_STANDING_REVOKED;
    if (slip->at < slip->len)
        get_log_keys(slip, me);
    if (slip->at < slip->len) {
        me->heir = (st_heir_state)slip_get_u8(slip);
        slip_get_text(slip, me->heir_reason, sizeof me->heir_reason);
        slip_get_bytes(slip, me->heir_install, sizeof me->heir_install);
        get_offer(slip, &me->heir_offer);
    }
    if (slip->at < slip->len)
        me->files_full = slip_get_u8(slip) != 0;
    if (slip->at < slip->len) {
        slip_get_bytes(slip, me->renewed.device.b, sizeof me->renewed.device.b);
        me->renewed.counter = slip_get_u64(slip);
    }
    if (slip->at < slip->len)
        me->turned_ms = (int64_t)slip_get_u64(slip);
    if (slip->at < slip->len)
        me->has_key_held = slip_get_u8(slip) != 0;
    if (me->has_key_held)
        get_log_key(slip, &me->key_held);
    if (slip->at < slip->len)
        me->repaired_ms = (int64_t)slip_get_u64(slip);
    if (slip->at < slip->len)
        get_cut(slip, me);
    else if (me->epochs > me->tree.epoch && me->tree.head.size > 0)
        me->has_cut = true; /* where it was is not known any more: at the beginning */
    get_heard(slip, me);
    slip->bad = slip->bad || me->heir > ST_HEIR_ENROLLED;
}

static void put_lease(slip_writer *slip, const identity *me)
{
    slip_u8(slip, me->has_lease);
    slip_u64(slip, me->lease_ms);
    slip_u64(slip, me->lease_mono_ms);
    slip_bytes(slip, me->lease_boot, sizeof me->lease_boot);
}

void witness_head_put(slip_writer *slip, const witness_head *head)
{
    slip_u64(slip, head->head.size);
    slip_bytes(slip, head->head.root.b, sizeof head->head.root.b);
    slip_u64(slip, head->epoch);
    slip_bytes(slip, head->signature, sizeof head->signature);
}

static void put_witness(slip_writer *slip, const identity *me)
{
    slip_u8(slip, me->cosign_due);
    witness_head_put(slip, &me->tree);
    slip_u8(slip, me->has_alarm);
    if (!me->has_alarm)
        return;
    witness_head_put(slip, &me->alarm);
    slip_u64(slip, (uint64_t)me->alarm_ms);
}

static void put_clock(slip_writer *slip, const st_clock *clock)
{
    slip_bytes(slip, clock->boot, sizeof clock->boot);
    slip_u64(slip, clock->sent_mono_ms);
    slip_u64(slip, clock->got_mono_ms);
    slip_u64(slip, (uint64_t)clock->server_ms);
}

static void put_told(slip_writer *slip, const identity_told *told)
{
    slip_u8(slip, told->is_there);
    if (!told->is_there)
        return;
    slip_bytes(slip, told->epoch, sizeof told->epoch);
    put_clock(slip, &told->clock);
    slip_u64(slip, (uint64_t)told->apart_ms);
}

static void put_log_key(slip_writer *slip, const st_log_key *notice)
{
    slip_u64(slip, notice->n);
    slip_u64(slip, notice->size);
    slip_bytes(slip, notice->key, sizeof notice->key);
    slip_bytes(slip, notice->by_old, sizeof notice->by_old);
    slip_bytes(slip, notice->by_new, sizeof notice->by_new);
}

static void put_log_keys(slip_writer *slip, const identity *me)
{
    slip_u64(slip, me->log_keys);
    slip_u8(slip, me->has_key_alarm);
    if (!me->has_key_alarm)
        return;
    put_log_key(slip, &me->key_alarm);
    slip_u64(slip, (uint64_t)me->key_alarm_ms);
}

static void put_cut(slip_writer *slip, const identity *me)
{
    slip_u8(slip, me->has_cut);
    slip_u64(slip, me->cut);
    slip_u64(slip, me->ends);
    slip_u64(slip, me->ends_told);
}

st_err identity_put(book_db *book, const identity *me, st_error *error)
{
    st_buffer out;
    st_buffer_init(&out, IDENTITY_BYTES_MAX);
    slip_writer slip = { &out, ST_OK };
    slip_u8(&slip, IDENTITY_VERSION);
    put_names(&slip, me);
    put_counters(&slip, me);
    put_offer(&slip, &me->offer);
    slip_u64(&slip, me->epochs);
    slip_u64(&slip, me->address);
    slip_u8(&slip, (uint8_t)me->dictionary);
    slip_u8(&slip, me->has_clock);
    put_clock(&slip, &me->clock);
    slip_u64(&slip, me->lost);
    put_lease(&slip, me);
    put_witness(&slip, me);
    put_told(&slip, &me->told);
    slip_u8(&slip, me->short_roots);
    slip_u8(&slip, (uint8_t)me->standing);
    put_log_keys(&slip, me);
    slip_u8(&slip, (uint8_t)me->heir);
    slip_text(&slip, me->heir_reason);
    slip_bytes(&slip, me->heir_install, sizeof me->heir_install);
    put_offer(&slip, &me->heir_offer);
    slip_u8(&slip, me->files_full);
    slip_bytes(&slip, me->renewed.device.b, sizeof me->renewed.device.b);
    slip_u64(&slip, me->renewed.counter);
    slip_u64(&slip, (uint64_t)me->turned_ms);
    slip_u8(&slip, me->has_key_held);
    if (me->has_key_held)
        put_log_key(&slip, &me->key_held);
    slip_u64(&slip, (uint64_t)me->repaired_ms);
    put_cut(&slip, me);
    slip_u8(&slip, me->asks_whole);
    slip_u64(&slip, me->heard);
    slip_u8(&slip, me->has_epochs_mark);
    slip_bytes(&slip, me->epochs_mark, sizeof me->epochs_mark);
    slip_u64(&slip, me->reach);
    slip_u64(&slip, me->alarm_epoch);
    book_key key = book_key_of(BOOK_SELF);
    st_err err = slip.err != ST_OK ? st_fail(error, slip.err, "store: no memory for the identity")
                                   : book_put(book, &key, out.data, out.len, error);
    if (out.data != NULL)
        st_wipe(out.data, out.capacity);
    st_buffer_free(&out);
    return err;
}

void identity_reach(identity *me, uint64_t entry)
{
    if (entry > me->reach)
        me->reach = entry;
}

st_err identity_get(book_db *book, identity *out_identity, st_error *error)
{
    st_arena arena;
    st_arena_init(&arena, 64 * 1024);
    identity me;
    memset(&me, 0, sizeof me);
    book_key key = book_key_of(BOOK_SELF);
    book_value value = { NULL, 0 };
    st_err err = book_get(book, &key, &arena, &value, error);
    if (err == ST_OK) {
        slip_reader slip = { value.data, value.len, 0, false };
        uint8_t version = slip_get_u8(&slip);
        get_names(&slip, &me);
        get_counters(&slip, &me);
        get_offer(&slip, &me.offer);
        get_later(&slip, &me);
        if (version != IDENTITY_VERSION)
            err = st_fail(error, ST_E_VERSION, "store: made by another version");
        else if (slip.bad || slip.at != slip.len)
            err = st_fail(error, ST_E_CORRUPT, "store: the identity is damaged");
        else
            *out_identity = me;
    }
    st_wipe(&me, sizeof me);
    st_arena_reset(&arena);
    return err;
}
