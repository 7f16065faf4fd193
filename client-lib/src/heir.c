/* client-lib/src/heir.c - a copy that goes on under keys of its own: they are made once, signed by
 * the old key, and offered at each sync until the office has looked.
 * Promises: keys are durable before the server hears of them; once they are confirmed the store is
 * the new device in one transaction, and what waited is made anew under it.
 * Never: takes a confirmation that it did not ask for, or of another book or person. */
#include <string.h>

#include "client-lib/src/epoch_enrolment.h"
#include "client-lib/src/exchange.h"

/* ---- asking ---- */

static st_err make_keys(sotay_client *client, st_error *error)
{
    st_err err = client_begin(client, true, error);
    identity_offer *offer = &client->next.heir_offer;
    if (err == ST_OK) {
        memset(offer, 0, sizeof *offer);
        err = enrol_keys(client, offer, error);
    }
    if (err == ST_OK) {
        offer->is_open = true;
        memcpy(offer->log_key, client->me.log_key, sizeof offer->log_key);
        memcpy(offer->url, client->me.url, sizeof offer->url);
        memcpy(client->next.heir_install, client->install, sizeof client->next.heir_install);
        client->next.heir = ST_HEIR_NONE;
        return client_commit(client, error);
    }
    client_abort(client);
    return err;
}

static void fill(sotay_sync *sync)
{
    const identity *me = &sync->client->me;
    uint8_t secret[ST_SIGN_SECRET_BYTES];
    sync->heir.version = 1;
    memcpy(sync->heir.sign_key, me->heir_offer.sign_key, sizeof sync->heir.sign_key);
    st_sign_keypair(me->heir_offer.cosign_seed, sync->heir.cosign_key, secret);
    st_heir_sign_text(&sync->heir, &me->log, &me->speaker, sync->heir_text);
    st_wipe(secret, sizeof secret);
}

/* With the new key, where the library has it; else the port has. */
static st_err prove(sotay_sync *sync, sotay_slice text, st_error *error)
{
    const identity_offer *offer = &sync->client->me.heir_offer;
    uint8_t secret[ST_SIGN_SECRET_BYTES], ours[32];
    if (sync->client->book.port->sign != NULL)
        return client_sign(sync->client, offer->sign_key, text, sync->heir.proof, error);
    st_sign_keypair(offer->sign_seed, ours, secret);
    st_sign(secret, text.data, text.len, sync->heir.proof);
    st_wipe(secret, sizeof secret);
    return ST_OK;
}

bool heir_asks(const sotay_sync *sync)
{
    return sync->client->me.is_forked && sync->heir_signed == 2 && !sync->heir_heard;
}

st_err heir_prepare(sotay_sync *sync, st_error *error)
{
    sotay_client *client = sync->client;
    const identity *me = &client->me;
    st_err err = ST_OK;
    if (!me->is_forked || sync->heir_heard || sync->heir_signed == 2)
        return ST_OK;
    bool has_keys = me->heir_offer.is_open &&
                    memcmp(me->heir_install, client->install, sizeof client->install) == 0;
    if (!has_keys)
        err = make_keys(client, error);
    if (err != ST_OK)
        return err;
    fill(sync);
    const sotay_slice text = { sync->heir_text, sizeof sync->heir_text };
    if (sync->heir_signed == 0) {
        err = prove(sync, text, error);
        sync->heir_signed = err == ST_OK;
    }
    if (err == ST_OK)
        err = client_sign(client, me->sign_key, text, sync->heir.signature, error);
    if (err == ST_OK)
        sync->heir_signed = 2;
    return err;
}

/* ---- the answer ---- */

/* What the store knows of its book stays as it is: only what somebody signed with a key that it
 * knows already makes it a new device. */
static st_err take_confirmed(sotay_sync *sync, const st_enrol_answer *told, st_error *error)
{
    identity *next = &sync->client->next;
    const st_id device = st_device_id(next->heir_offer.sign_key);
    st_enrol_answer answer = *told;
    st_err err = epoch_check_enrolment(sync->client, told, &device, error);
    if (err != ST_OK)
        return err;
    memcpy(sync->log_key, next->log_key, sizeof sync->log_key);
    memcpy(answer.seal_key, next->seal_key, sizeof answer.seal_key);
    memcpy(answer.recovery_key, next->recovery_key, sizeof answer.recovery_key);
    answer.login = next->login;
    answer.commune = next->commune;
    next->offer = next->heir_offer;
    memcpy(next->offer.url, next->url, sizeof next->offer.url); /* it may have moved since */
    err = enrol_take(sync, &answer, error);
    sync->is_heir = err == ST_OK;
    sync->commit_now = true;
    return err;
}

st_err heir_take(sotay_sync *sync, const st_heir_answer *answer, st_error *error)
{
    identity *next = &sync->client->next;
    if (!heir_asks(sync) || !next->heir_offer.is_open)
        return ST_OK;
    sync->heir_heard = true;
    if (answer->state != ST_HEIR_ENROLLED) {
        next->heir = answer->state;
        memcpy(next->heir_reason, answer->reason, sizeof next->heir_reason);
        return ST_OK;
    }
    return take_confirmed(sync, &answer->enrolled, error);
}

/* ---- what people read ---- */

st_err heir_report(const sotay_client *client, st_buffer *out, st_error *error)
{
    static const char *const SENTENCES[][2] = {
        { "sổ trên máy này là bản sao: cần đăng ký lại máy\n"
          "  hoặc gửi nhận: văn phòng được hỏi để xác nhận khóa mới",
          "the store on this device is a copy: enrol it again\n"
          "  or sync: the office is asked to confirm a new key" },
        { "sổ trên máy này là bản sao: đang chờ văn phòng xác nhận khóa mới\n"
          "  cứ ghi tiếp, gửi nhận lại sau",
          "the store on this device is a copy: its new key waits for the office\n"
          "  go on recording, and sync again later" },
        { "sổ trên máy này là bản sao: văn phòng không xác nhận khóa mới\n"
          "  hãy gặp văn phòng để đăng ký lại máy",
          "the store on this device is a copy: the office declined its new key\n"
          "  please see the office to enrol it again" },
        { "sổ trên máy này là bản sao, và quá nhiều bản sao của máy đang chờ\n"
          "  hãy gặp văn phòng để đăng ký lại máy",
          "the store on this device is a copy, and too many copies of it wait\n"
          "  please see the office to enrol it again" },
    };
    const identity *me = &client->me;
    char print[81];
    bool english = strcmp(client->lang, "en") == 0;
    sotay_who who;
    sotay_whoami(client, &who);
    if (!who.is_copied || me->heir >= sizeof SENTENCES / sizeof SENTENCES[0])
        return ST_OK;
    st_err err = st_buffer_printf(out, error, "%s\n", SENTENCES[me->heir][english]);
    if (err == ST_OK && me->heir_reason[0] != '\0')
        err = st_buffer_printf(out, error, "  %s\n", me->heir_reason);
    if (err != ST_OK || me->heir != ST_HEIR_WAITS)
        return err;
    st_fingerprint(me->heir_offer.sign_key, print);
    return st_buffer_printf(out, error, english ? "  fingerprint of the new key: %s\n"
                                                : "  dấu vân tay khóa mới: %s\n", print);
}
