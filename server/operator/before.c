/* server/operator/before.c - what phones tell of decisions that a restore lost, in words. Promises
 * that it is said whose word it is; must never decide. */
#include <stdio.h>
#include <string.h>

#include "server/operator/work.h"

typedef struct {
    operator_work *work;
    operator_before *before;
    st_json *json;
    st_err err;
} before_search;

/* Its author's word alone lets nothing in. */
static bool is_sound(before_search *search, const sync_decided *one, st_err *err)
{
    auth_device device;
    operator_work *work = search->work;
    *err = auth_device_get(&work->txn, NULL, &one->teller, &device, &work->error);
    bool is_known = *err == ST_OK;
    if (*err == ST_E_NOT_FOUND)
        *err = ST_OK;
    return is_known && device.status == AUTH_ACTIVE
           && (one->declined || st_id_cmp(&one->teller, &one->dot.device) != 0);
}

static bool take_one(void *context, const sync_decided *one)
{
    before_search *search = context;
    operator_before *before = search->before;
    bool sound = is_sound(search, one, &search->err);
    if (search->err != ST_OK)
        return false;
    before->differ = before->differ
                     || (before->phones > 0 && before->last.declined != one->declined);
    before->is_sound = before->is_sound || sound;
    if (before->phones == 0 || one->time_ms > before->last.time_ms)
        before->last = *one;
    before->phones++;
    return true;
}

st_err operator_before_get(operator_work *work, const st_dot *dot, operator_before *out_before)
{
    before_search search = { .work = work, .before = out_before };
    memset(out_before, 0, sizeof *out_before);
    st_err err = sync_decided_each(&work->txn, dot, take_one, &search, &work->error);
    return err == ST_OK ? search.err : err;
}

void operator_before_say(operator_work *work, const operator_before *before, char *text,
                         size_t text_bytes)
{
    char at[40] = "?";
    bool vi = work->vi;
    const sync_decided *last = &before->last;
    text[0] = '\0';
    if (before->phones == 0)
        return;
    if (before->differ) {
        (void)snprintf(text, text_bytes, "%s", vi ? " · Trước khi phục hồi sổ: các máy nói khác"
                                                    " nhau, xem `held --json`, tự quyết"
                                                  : " · Before the restore: phones differ, see"
                                                    " `held --json` and decide");
        return;
    }
    if (last->time_ms != 0)
        st_time_short(last->time_ms, work->call->offset_minutes, at);
    const char *what = last->declined ? (vi ? "không đưa vào sổ" : "declined")
                                      : (vi ? "đưa vào sổ" : "accepted");
    (void)snprintf(text, text_bytes,
                   vi ? " · Trước khi phục hồi sổ: %s, %s%s%s%s (%u máy nói vậy; như cũ:"
                        " `held again`)"
                      : " · Before the restore: %s, %s%s%s%s (%u phones say so; the same again:"
                        " `held again`)",
                   what, at, last->reason[0] != '\0' ? ", “" : "", last->reason,
                   last->reason[0] != '\0' ? "”" : "", before->phones);
}

static bool json_one(void *context, const sync_decided *one)
{
    before_search *search = context;
    operator_work *work = search->work;
    st_json *json = search->json;
    char hex[33];
    st_id_format(&one->teller, hex);
    st_json_open(json, '{');
    st_json_key_text(json, "decision", one->declined ? "decline" : "accept");
    st_json_key(json, "at");
    st_json_when(json, one->time_ms, work->call->offset_minutes);
    st_json_key_text(json, "reason", one->reason[0] != '\0' ? one->reason : NULL);
    st_json_key_text(json, "device", hex);
    st_json_close(json, '}');
    return true;
}

st_err operator_before_json(operator_work *work, const st_dot *dot, st_json *json)
{
    before_search search = { .work = work, .json = json };
    st_json_key(json, "before");
    st_json_open(json, '[');
    st_err err = sync_decided_each(&work->txn, dot, json_one, &search, &work->error);
    st_json_close(json, ']');
    return err;
}
