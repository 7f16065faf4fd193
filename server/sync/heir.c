/* server/sync/heir.c - copies that ask to go on under keys of their own.
 * Promises: an offer is kept once; what a device that is not in use signs is none; who confirms or
 * declines is in the log. Must never enrol a key that the old key and the new one did not both
 * sign, nor touch the device that holds the old one. */
#include "server/sync/heir.h"

#include <stdio.h>
#include <string.h>

#include "proto/heir.h"
#include "proto/text.h"
#include "server/store/pack.h"
#include "server/sync/enrol.h"
#include "server/sync/fold.h"

#define ROW_BYTES_MAX 2048u

/* ---- the row ---- */

static st_err encode(const sync_heir *heir, st_buffer *row)
{
    st_err err = pack_put(row, heir->old.b, sizeof heir->old.b);
    if (err == ST_OK)
        err = pack_put(row, heir->ask.sign_key, sizeof heir->ask.sign_key);
    if (err == ST_OK)
        err = pack_put(row, heir->ask.cosign_key, sizeof heir->ask.cosign_key);
    if (err == ST_OK)
        err = pack_put(row, heir->ask.proof, sizeof heir->ask.proof);
    if (err == ST_OK)
        err = pack_put(row, heir->ask.signature, sizeof heir->ask.signature);
    if (err == ST_OK)
        err = pack_put(row, heir->install, sizeof heir->install);
    if (err == ST_OK)
        err = pack_put_u64(row, (uint64_t)heir->asked_ms);
    if (err == ST_OK)
        err = pack_put_u8(row, heir->is_declined);
    return err == ST_OK ? pack_put_string(row, heir->reason, strlen(heir->reason)) : err;
}

static st_err decode(store_slice key, store_slice row, sync_heir *out, st_error *error)
{
    sync_heir heir;
    pack_reader reader = pack_read(row);
    memset(&heir, 0, sizeof heir);
    if (key.len != sizeof heir.device.b)
        return st_fail(error, ST_E_CORRUPT, "store: a key of heir is damaged");
    memcpy(heir.device.b, key.data, sizeof heir.device.b);
    heir.ask.version = 1;
    pack_get(&reader, heir.old.b, sizeof heir.old.b);
    pack_get(&reader, heir.ask.sign_key, sizeof heir.ask.sign_key);
    pack_get(&reader, heir.ask.cosign_key, sizeof heir.ask.cosign_key);
    pack_get(&reader, heir.ask.proof, sizeof heir.ask.proof);
    pack_get(&reader, heir.ask.signature, sizeof heir.ask.signature);
    pack_get(&reader, heir.install, sizeof heir.install);
    heir.asked_ms = (int64_t)pack_get_u64(&reader);
    heir.is_declined = pack_get_u8(&reader) != 0;
    pack_get_text(&reader, heir.reason, sizeof heir.reason);
    st_err err = pack_end(&reader, "heir", error);
    if (err == ST_OK)
        *out = heir;
    return err;
}

static st_err put(store_txn *txn, const sync_heir *heir, st_error *error)
{
    st_buffer row;
    pack_key key = pack_id(&heir->device);
    st_buffer_init(&row, ROW_BYTES_MAX);
    st_err err = pack_done(encode(heir, &row), "heir", error);
    if (err == ST_OK)
        err = store_put(txn, STORE_HEIR, pack_key_slice(&key), store_bytes(row.data, row.len),
                        error);
    st_buffer_free(&row);
    return err;
}

st_err sync_heir_get(store_txn *txn, const st_id *device, sync_heir *out_heir, st_error *error)
{
    store_slice row = { 0 };
    pack_key key = pack_id(device);
    st_err err = store_get(txn, STORE_HEIR, pack_key_slice(&key), &row, error);
    return err == ST_OK ? decode(pack_key_slice(&key), row, out_heir, error) : err;
}

st_err sync_heir_each(store_txn *txn, bool (*each)(void *context, const sync_heir *one),
                      void *context, st_error *error)
{
    store_cursor cursor = { 0 };
    bool goes_on = true;
    st_err err = store_cursor_open(txn, STORE_HEIR, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, store_text(""), error);
    while (err == ST_OK && goes_on && cursor.is_valid) {
        sync_heir one;
        err = decode(cursor.key, cursor.value, &one, error);
        goes_on = err == ST_OK && each(context, &one);
        if (goes_on)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    return err;
}

st_err sync_heir_known(store_txn *txn, const sync_heir *heir, bool *out_known, st_error *error)
{
    auth_device device;
    st_err err = auth_device_get(txn, NULL, &heir->device, &device, error);
    *out_known = err == ST_OK;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static st_err take_off(store_txn *txn, const st_id *device, st_error *error)
{
    pack_key key = pack_id(device);
    st_err err = store_delete(txn, STORE_HEIR, pack_key_slice(&key), error);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

typedef struct {
    store_txn *txn;
    const st_id *person;
    const uint8_t *install;
    st_id device;              /* one that is found */
    bool found;
    st_err err;
    st_error *error;
} heir_of_store;

static bool is_of_store(void *context, const sync_heir *one)
{
    heir_of_store *of = context;
    auth_device old;
    if (memcmp(one->install, of->install, sizeof one->install) != 0)
        return true;
    st_err err = auth_device_get(of->txn, NULL, &one->old, &old, of->error);
    of->found = err == ST_OK && st_id_cmp(&old.person, of->person) == 0;
    of->err = err == ST_E_NOT_FOUND ? ST_OK : err;
    of->device = one->device;
    return of->err == ST_OK && !of->found;
}

st_err sync_heir_forget(store_txn *txn, const st_id *person, const uint8_t install[8],
                        st_error *error)
{
    heir_of_store of = { .txn = txn, .person = person, .install = install, .error = error };
    st_err err = sync_heir_each(txn, is_of_store, &of, error);
    while (err == ST_OK && of.err == ST_OK && of.found) {
        err = take_off(txn, &of.device, error);
        of.found = false;
        if (err == ST_OK)
            err = sync_heir_each(txn, is_of_store, &of, error);
    }
    return err == ST_OK ? of.err : err;
}

/* ---- an offer ---- */

typedef struct {
    const sync_heir_offer *offer;
    st_arena *arena;
    st_heir_answer answer;
} heir_job;

typedef struct {
    store_txn *txn;
    const st_id *old;
    uint32_t waiting, declined;
    st_id oldest;              /* of those that were declined */
    int64_t oldest_ms;
    st_err err;
    st_error *error;
} heir_count;

static bool count_one(void *context, const sync_heir *one)
{
    heir_count *c = context;
    bool is_known = false;
    if (st_id_cmp(&one->old, c->old) != 0)
        return true;
    c->err = sync_heir_known(c->txn, one, &is_known, c->error);
    if (c->err != ST_OK || is_known)
        return c->err == ST_OK;
    c->waiting += !one->is_declined;
    if (one->is_declined && (c->declined++ == 0 || one->asked_ms < c->oldest_ms)) {
        c->oldest = one->device;
        c->oldest_ms = one->asked_ms;
    }
    return true;
}

/* New keys: kept when there is room. What was declined makes room for them. */
static st_err note(writer_turn *turn, heir_job *job, const st_id *device, st_error *error)
{
    const sync_heir_offer *offer = job->offer;
    const server_port *port = turn->room->port;
    heir_count of = { .txn = turn->txn, .old = &offer->old, .error = error };
    sync_heir heir = { .device = *device, .old = offer->old, .ask = *offer->ask,
                       .asked_ms = port->now_ms(port->context) };
    memcpy(heir.install, offer->install, sizeof heir.install);
    st_err err = sync_heir_each(turn->txn, count_one, &of, error);
    if (err == ST_OK)
        err = of.err;
    bool is_full = of.waiting >= SYNC_HEIRS_MAX;
    job->answer.state = is_full ? ST_HEIR_FULL : ST_HEIR_WAITS;
    if (err != ST_OK || is_full)
        return err;
    if (of.waiting + of.declined >= SYNC_HEIRS_MAX)
        err = take_off(turn->txn, &of.oldest, error);
    return err == ST_OK ? put(turn->txn, &heir, error) : err;
}

/* The new device is in the book already: by the office's word, or by a link. What became of the old
 * one since does not take that back. */
static st_err say_enrolled(writer_turn *turn, heir_job *job, const auth_device *old,
                           const auth_device *device, st_error *error)
{
    st_enrol_ask ask = { .version = 1 };
    bool is_theirs = st_id_cmp(&device->person, &old->person) == 0 && !device->is_server &&
                     device->status == AUTH_ACTIVE;
    job->answer.state = is_theirs ? ST_HEIR_ENROLLED : ST_HEIR_DECLINED;
    ask.log_keys = true;
    memcpy(ask.sign_key, job->offer->ask->sign_key, sizeof ask.sign_key);
    return is_theirs ? sync_enrol_said(turn, &ask, job->arena, &job->answer.enrolled, error)
                     : ST_OK;
}

static st_err run_ask(writer_turn *turn, void *argument, st_error *error)
{
    heir_job *job = argument;
    sync_heir known;
    auth_device old, device;
    const sync_heir_offer *offer = job->offer;
    const st_id id = st_device_id(offer->ask->sign_key);
    memset(&job->answer, 0, sizeof job->answer);
    job->answer.version = 1;
    st_err err = auth_device_get(turn->txn, NULL, &offer->old, &old, error);
    if (err != ST_OK)
        return err;
    if (!st_heir_verify(offer->ask, &turn->room->keys->log, old.sign_key))
        return st_fail(error, ST_E_SIGNATURE, "request: not both keys signed the new one");
    err = auth_device_get(turn->txn, turn->room->keys, &id, &device, error);
    if (err == ST_OK)
        return say_enrolled(turn, job, &old, &device, error);
    if (err == ST_E_NOT_FOUND && old.status != AUTH_ACTIVE)
        return ST_OK;
    if (err == ST_E_NOT_FOUND)
        err = sync_heir_get(turn->txn, &id, &known, error);
    if (err == ST_E_NOT_FOUND)
        return note(turn, job, &id, error);
    if (err != ST_OK)
        return err;
    job->answer.state = known.is_declined ? ST_HEIR_DECLINED : ST_HEIR_WAITS;
    memcpy(job->answer.reason, known.reason, sizeof job->answer.reason);
    return ST_OK;
}

st_err sync_heir_ask(writer *w, const sync_heir_offer *offer, st_arena *arena,
                     st_heir_answer *out_answer, st_error *error)
{
    heir_job heir = { .offer = offer, .arena = arena };
    writer_job job;
    memset(&job, 0, sizeof job);
    job.run = run_ask;
    job.argument = &heir;
    st_err err = writer_submit(w, &job, error);
    if (err == ST_OK)
        *out_answer = heir.answer;
    return err;
}

/* ---- the office ---- */

/* The entry that says so, under the name of the old device. */
static st_err append_entry(writer_turn *turn, const sync_heir *heir, const sync_heir_by *by,
                           const char *what, st_error *error)
{
    sync_row entry;
    char note[64 + sizeof heir->reason], hex[33];
    st_id_format(&heir->device, hex);
    (void)snprintf(note, sizeof note, "heir %s %s\n%s", hex, what, heir->reason);
    memset(&entry, 0, sizeof entry);
    entry.kind = ST_ENTRY_KEY;
    entry.device = heir->old;
    entry.actor = by->actor;
    entry.note = store_text(note);
    return sync_log_append(turn, &entry, NULL, error);
}

/* ST_OK: the old device and its person are in use, and the new one is not in the book. */
static st_err check(writer_turn *turn, const sync_heir *heir, auth_device *old, st_error *error)
{
    auth_person person;
    char hex[33];
    bool is_known = false;
    st_err err = auth_device_get(turn->txn, NULL, &heir->old, old, error);
    st_id_format(&heir->device, hex);
    if (err == ST_OK)
        err = sync_heir_known(turn->txn, heir, &is_known, error);
    if (err == ST_OK && is_known)
        err = st_fail(error, ST_E_STATE, "device %s is in the book already", hex);
    st_id_format(&heir->old, hex);
    if (err == ST_OK && old->status != AUTH_ACTIVE)
        err = st_fail(error, ST_E_STATE, "device %s is %s: what its key signs counts for nothing",
                      hex, old->status == AUTH_REVOKED ? "revoked" : "suspended");
    if (err == ST_OK)
        err = auth_person_get(turn->txn, &old->person, &person, error);
    if (err == ST_OK && !person.is_active)
        err = st_fail(error, ST_E_STATE, "'%s' is disabled", person.login.s);
    return err;
}

st_err sync_heir_confirm(writer_turn *turn, const sync_heir *heir, const sync_heir_by *by,
                         st_error *error)
{
    auth_device old;
    st_enrol_ask ask = { .version = 1 };
    char hex[33], why[64];
    sync_heir done = *heir;
    st_err err = check(turn, heir, &old, error);
    st_id_format(&heir->old, hex);
    if (err != ST_OK)
        return err;
    memcpy(ask.sign_key, heir->ask.sign_key, sizeof ask.sign_key);
    memcpy(ask.cosign_key, heir->ask.cosign_key, sizeof ask.cosign_key);
    memcpy(ask.label, old.label, sizeof ask.label);
    (void)snprintf(why, sizeof why, "copy of %s", hex);
    const sync_enrol_wish wish = { .ask = &ask, .person = old.person, .actor = by->actor,
                                   .role = by->role, .note = why };
    err = sync_enrol_device(turn, &wish, error);
    done.reason[0] = '\0';
    if (err == ST_OK)
        err = append_entry(turn, &done, by, "confirmed", error);
    return err == ST_OK ? take_off(turn->txn, &heir->device, error) : err;
}

st_err sync_heir_decline(writer_turn *turn, const sync_heir *heir, const sync_heir_by *by,
                         const char *reason, st_error *error)
{
    sync_heir declined = *heir;
    size_t len = strlen(reason);
    if (st_text_chars(reason, len) > ST_HEIR_REASON_CHARS || len >= sizeof declined.reason)
        return st_fail(error, ST_E_VALUE, "the reason is shown on the device: at most %u letters",
                       ST_HEIR_REASON_CHARS);
    declined.is_declined = true;
    memcpy(declined.reason, reason, len + 1);
    st_err err = put(turn->txn, &declined, error);
    return err == ST_OK ? append_entry(turn, &declined, by, "declined", error) : err;
}
