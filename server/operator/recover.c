/* server/operator/recover.c - a forgotten PIN: two people open the key of a device's
 * store and seal it to the device again. Promises that it is an entry of the log before the answer
 * is shown; must never show the key itself, or open it for a device that was taken away. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/recover.h"
#include "server/operator/work.h"
#include "server/sync/fold.h"

typedef struct {
    st_recover_ask ask;
    st_recover_answer answer;
    auth_device device;
    char hex[33];                  /* of the device */
    operator_ask request;
    const char *reason;
} recovery;

/* Opens the key with the commune's half; whose it is stands beside it since stores say so. */
static st_err open_and_seal(operator_work *work, recovery *r, st_error *error)
{
    const auth_keys *keys = work->room->keys;
    uint8_t open[ST_RECOVER_OPENED_MAX];
    st_id whose = r->device.id;
    size_t len = r->ask.sealed_len - ST_SEALED_BOX_EXTRA;
    st_err err = st_box_open(keys->recovery_public, keys->recovery_secret, r->ask.sealed,
                             r->ask.sealed_len, open, error);
    if (err == ST_E_CORRUPT)
        return st_fail(error, ST_E_DENIED, "that phone does not belong to this book");
    if (err == ST_OK && len == sizeof open)
        memcpy(whose.b, open + 32, sizeof whose.b);
    if (err == ST_OK && st_id_cmp(&whose, &r->device.id) != 0)
        err = st_fail(error, ST_E_DENIED, "the line is of another device than the one named");
    if (err == ST_OK)
        err = st_box_seal(r->ask.reply_key, open, 32, r->answer.sealed, error);
    st_wipe(open, sizeof open);
    return err;
}

static st_err check_device(const auth_device *device, st_error *error)
{
    if (device->status == AUTH_ACTIVE)
        return ST_OK;
    return st_fail(error, ST_E_STATE, "the device is %s: whoever holds it gets no key",
                   device->status == AUTH_REVOKED ? "revoked" : "suspended");
}

/* The entry that says so. */
static st_err append_entry(writer_turn *turn, const recovery *r, const operator_pair *pair,
                           st_error *error)
{
    sync_row entry;
    size_t room = strlen(r->reason) + 128;
    char *note = st_arena_array(turn->arena, room, 1);
    if (note == NULL)
        return st_fail(error, ST_E_MEMORY, "recover: out of memory");
    (void)snprintf(note, room, "recover %s with %.40s: %s", r->hex, pair->second.login.s,
                   r->reason);
    memset(&entry, 0, sizeof entry);
    entry.kind = ST_ENTRY_KEY;
    entry.device = turn->room->keys->device;
    entry.actor = pair->first.id;
    entry.note = store_text(note);
    return sync_log_append(turn, &entry, NULL, error);
}

static st_err run_recover(operator_work *work, writer_turn *turn, void *argument, st_error *error)
{
    recovery *r = argument;
    operator_pair pair;
    st_err err = operator_two_people(work, turn, &pair, error);
    if (err == ST_OK)
        err = operator_device(work, turn->txn, work->operands[0], &r->device, error);
    if (err == ST_OK)
        err = check_device(&r->device, error);
    if (err == ST_OK)
        err = open_and_seal(work, r, error);
    if (err != ST_OK)
        return err;
    st_id_format(&r->device.id, r->hex);
    if (!operator_asks(work))
        return append_entry(turn, r, &pair, error);
    work->operands[0] = r->hex;        /* by its first digits another may be meant later */
    return operator_second_ask(work, turn, &pair, &r->request, error);
}

int operator_device_recover(operator_work *work)
{
    recovery r = { .request = { .what = "recover" } };
    char text[ST_RECOVER_TEXT];
    st_err err = operator_reason(work, &r.reason, &work->error);
    if (err == ST_OK)
        err = st_recover_ask_parse(work->operands[1], &r.ask, &work->error);
    r.request.reason = r.reason;
    if (err == ST_OK)
        err = operator_write(work, run_recover, &r);
    if (err != ST_OK)
        return operator_fail(work);
    if (operator_asks(work))
        return operator_second_said(work, &r.request);
    st_recover_answer_format(&r.answer, text);
    operator_say(work, work->vi ? "Khóa của máy %s, chỉ máy đó mở được:\n%s\n"
                                : "The key of device %s, for that device alone:\n%s\n",
                 r.hex, text);
    return 0;
}
