/* client-lib/src/enrol.c - enrolment: keys are made and stored, then shown; the answer makes the
 * store a device of the commune.
 * Promises: a lost answer costs nothing - the same link asks with the same keys and gets the same
 * answer; on a store that is enrolled already, unsent work becomes the new device's.
 * Never: takes an answer of another log than the link names; gives one person's work to another;
 * goes back to an older key of the log unless a person says so. */
#include <string.h>

#include "client-lib/src/epoch_enrolment.h"
#include "client-lib/src/epoch_row.h"
#include "client-lib/src/exchange.h"
#include "client-lib/src/log_key.h"
#include "client-lib/src/replay.h"
#include "client-lib/src/vault.h"

#define LEVEL 9

/* ---- asking ---- */

st_err enrol_keys(sotay_client *client, identity_offer *offer, st_error *error)
{
    const sotay_port *port = client->book.port;
    uint8_t secret[ST_SIGN_SECRET_BYTES];
    st_err err = port_random(port, offer->cosign_seed, sizeof offer->cosign_seed, error);
    if (err != ST_OK)
        return err;
    if (port->key != NULL) {
        sotay_error from = { SOTAY_OK, "" };
        int rc = port->key(port->context, true, offer->sign_key, &from);
        return port_error(rc, &from, error);
    }
    err = port_random(port, offer->sign_seed, sizeof offer->sign_seed, error);
    if (err == ST_OK)
        st_sign_keypair(offer->sign_seed, offer->sign_key, secret);
    st_wipe(secret, sizeof secret);
    return err;
}

static st_err fill_offer(sotay_sync *sync, identity_offer *offer, st_error *error)
{
    memset(offer, 0, sizeof *offer);
    offer->is_open = true;
    memcpy(offer->code, sync->code, sizeof offer->code);
    memcpy(offer->log_key, sync->log_key, sizeof offer->log_key);
    memcpy(offer->url, sync->url, sizeof offer->url);
    return enrol_keys(sync->client, offer, error);
}

/* Keys are durable before the server hears of them. */
static st_err store_offer(sotay_sync *sync, st_error *error)
{
    sotay_client *client = sync->client;
    const identity_offer *have = &client->me.offer;
    if (have->is_open && memcmp(have->code, sync->code, sizeof have->code) == 0)
        return ST_OK;
    st_err err = client_begin(client, true, error);
    if (err == ST_OK)
        err = fill_offer(sync, &client->next.offer, error);
    if (err == ST_OK)
        return client_commit(client, error);
    client_abort(client);
    return err;
}

static void fill_ask(const sotay_sync *sync, st_enrol_ask *ask)
{
    const identity_offer *offer = &sync->client->me.offer;
    uint8_t secret[ST_SIGN_SECRET_BYTES];
    memset(ask, 0, sizeof *ask);
    ask->version = 1;
    memcpy(ask->code, offer->code, sizeof ask->code);
    memcpy(ask->sign_key, offer->sign_key, sizeof ask->sign_key);
    st_sign_keypair(offer->cosign_seed, ask->cosign_key, secret);
    st_wipe(secret, sizeof secret);
    memcpy(ask->install, sync->client->install, sizeof ask->install);
    ask->log_keys = true;
    ask->has_log = sync->client->me.is_enrolled;
    ask->log = sync->client->me.log;
    ask->has_person = sync->client->me.is_enrolled;
    ask->person = sync->client->me.person;
    memcpy(ask->label, sync->label, sizeof ask->label);
}

static st_err sign_ask(sotay_sync *sync, st_enrol_ask *ask, st_error *error)
{
    const identity_offer *offer = &sync->client->me.offer;
    uint8_t text[ST_ENROL_SIGN_BYTES], secret[ST_SIGN_SECRET_BYTES], public_key[32];
    st_enrol_sign_text(ask, offer->log_key, text);
    st_buffer_clear(&sync->text);
    st_err err = st_buffer_append(&sync->text, text, sizeof text, error);
    if (err != ST_OK)
        return err;
    sotay_slice signed_text = { sync->text.data, sync->text.len };
    if (sync->client->book.port->sign != NULL)
        return client_sign(sync->client, offer->sign_key, signed_text, ask->proof, error);
    st_sign_keypair(offer->sign_seed, public_key, secret);
    st_sign(secret, text, sizeof text, ask->proof);
    st_wipe(secret, sizeof secret);
    return ST_OK;
}

static st_err write_body(sotay_sync *sync, const st_enrol_ask *ask, st_error *error)
{
    st_frame frame;
    st_buffer bytes;
    st_frame_writer *writer = NULL;
    memset(&frame, 0, sizeof frame);
    frame.kind = ST_FRAME_ENROL_ASK;
    frame.as.enrol_ask = *ask;
    st_buffer_init(&bytes, ST_FRAME_BYTES_MAX);
    st_buffer_clear(&sync->body);
    st_err err = st_frame_encode(&frame, &bytes, error);
    if (err == ST_OK)
        err = st_frame_writer_new(LEVEL, &sync->body, &writer, error);
    if (err == ST_OK)
        err = st_frame_write(writer, bytes.data, bytes.len, error);
    if (err == ST_OK)
        err = st_frame_writer_end(writer, error);
    st_frame_writer_free(writer);
    st_buffer_free(&bytes);
    return err;
}

st_err enrol_make(sotay_sync *sync, st_error *error)
{
    st_enrol_ask ask;
    client_now(sync->client, &sync->asked_wall_ms, &sync->asked_mono_ms);
    st_err err = store_offer(sync, error);
    if (err != ST_OK)
        return err;
    fill_ask(sync, &ask);
    err = sign_ask(sync, &ask, error);
    return err == ST_OK ? write_body(sync, &ask, error) : err;
}

/* ---- the answer ---- */

/* A thief of an older key could hand out a link to his own log of that name. */
static st_err fail_older_key(const sotay_client *client, st_error *error)
{
    bool vi = strcmp(client->lang, "vi") == 0;
    return st_fail(error, ST_E_SIGNATURE,
                   vi ? "đường dẫn dùng khóa cũ hơn hoặc khác khóa máy này đã biết của sổ; hỏi tận "
                        "nơi văn phòng rồi mới thêm --older-key vào chính đường dẫn này"
                      : "the link has an older key of the log than this device, or another; ask "
                        "the office in person before you say --older-key with this same link");
}

static st_err check_answer(const sotay_sync *sync, const st_enrol_answer *answer, st_id *out_log,
                           st_error *error)
{
    const identity *me = &sync->client->me;
    if (sync->has_answer)
        return st_fail(error, ST_E_CORRUPT, "enrol: it was answered already");
    if (memcmp(answer->log_key, sync->log_key, sizeof answer->log_key) != 0)
        return st_fail(error, ST_E_SIGNATURE, "enrol: this is not the server that the link names");
    st_err err = log_keys_of(answer, out_log, error);
    if (err != ST_OK || !me->is_enrolled)
        return err;
    if (st_id_cmp(&me->log, out_log) != 0)
        return st_fail(error, ST_E_DENIED, "enrol: this store belongs to another book");
    if (!sync->takes_older_key && !log_keys_go_on(answer, &sync->client->next))
        return fail_older_key(sync->client, error);
    if (st_id_cmp(&me->person, &answer->person) != 0)
        return st_fail(error, ST_E_DENIED, "enrol: this store belongs to %s", me->login.s);
    return ST_OK;
}

/* Which life of the server this is. A store that has read of an earlier one is told by its next
 * sync what the two have in common, and turns then. */
static void begin_epoch(identity *next, const st_enrol_answer *answer)
{
    memcpy(next->server_key, answer->server_key, sizeof next->server_key);
    memcpy(next->epoch, answer->epoch, sizeof next->epoch);
    next->server_device = answer->server_device;
}

/* The identity of the new device. The book that is read already stays. */
static void become(sotay_sync *sync, const st_enrol_answer *answer, st_id log)
{
    identity *next = &sync->client->next;
    const identity_offer *offer = &next->offer;
    if (!next->is_enrolled)
        begin_epoch(next, answer);
    next->is_enrolled = true;
    next->is_forked = false;
    next->standing = ST_STANDING_IN_USE;
    next->files_full = false;
    next->heir = ST_HEIR_NONE;
    memset(next->heir_reason, 0, sizeof next->heir_reason);
    next->device = next->speaker = st_device_id(offer->sign_key);
    next->person = answer->person;
    if (st_id_cmp(&next->log, &log) != 0) { /* what was seen of another book says nothing here */
        memset(&next->tree, 0, sizeof next->tree);
        next->cosign_due = next->short_roots = next->has_cut = false;
    }
    memset(&next->told, 0, sizeof next->told);
    next->log = log;
    memcpy(next->sign_seed, offer->sign_seed, sizeof next->sign_seed);
    memcpy(next->sign_key, offer->sign_key, sizeof next->sign_key);
    memcpy(next->cosign_seed, offer->cosign_seed, sizeof next->cosign_seed);
    memcpy(next->seal_key, answer->seal_key, sizeof next->seal_key);
    memcpy(next->recovery_key, answer->recovery_key, sizeof next->recovery_key);
    memcpy(next->install, sync->client->install, sizeof next->install);
    memcpy(next->letters, answer->letters, sizeof next->letters);
    memcpy(next->url, offer->url, sizeof next->url);
    next->login = answer->login;
    next->commune = answer->commune;
    st_fingerprint(offer->sign_key, next->fingerprint);
    next->counter = next->sealed = next->heard = sync->hears = 0;
    next->slips = next->requests = next->position = 0;
    next->has_prev = false;
    memset(&next->prev, 0, sizeof next->prev);
    next->gone_from = next->gone_to = 0;
    st_wipe(&next->offer, sizeof next->offer);
    st_wipe(&next->heir_offer, sizeof next->heir_offer);
}

st_err enrol_take(sotay_sync *sync, const st_enrol_answer *answer, st_error *error)
{
    sotay_client *client = sync->client;
    identity old = client->next;
    st_id log;
    st_err err = check_answer(sync, answer, &log, error);
    if (err != ST_OK)
        return err;
    become(sync, answer, log);
    st_hlc server = answer->server_ms < 0 ? 0 : (st_hlc)answer->server_ms << 16;
    st_hlc_observe(&client->next.hlc, server, answer->server_ms);
    take_exchange(sync, answer->server_ms);
    bool lost = false;
    err = log_keys_begin(client, answer, error);
    if (err == ST_OK)
        err = apply_scope(client, &answer->scope, &lost, error);
    client->next.scope_rev = answer->scope.rev;
    if (err == ST_OK)
        err = vault_seal_recovery(&client->book, client->next.recovery_key, &client->next.device,
                                  error);
    if (err == ST_OK)
        err = epoch_keep_enrolment(client, answer, error);
    if (err == ST_OK)
        err = epoch_keep_told(client, answer, error);
    if (err == ST_OK && old.is_enrolled)
        err = replay_changes(client, &old, 0, error);
    sync->report.needs_person = sync->report.needs_person || client->next.lost != old.lost;
    st_wipe(&old, sizeof old);
    sync->has_answer = err == ST_OK;
    return err;
}
