/* server/operator/before.c - what phones tell of decisions that a restore lost, in words. Promises
 * that a word counts only about what is held, as it is held. Must never decide. */
#include <stdio.h>
#include <string.h>

#include "proto/changeset.h"
#include "server/operator/work.h"
#include "server/sync/held.h"

#define SET_BYTES_DECODED ((size_t)64 << 20) /* what the largest set may take in memory */

typedef struct {
    operator_work *work;
    const sync_held *held;
    bool is_read;                  /* what is held has been looked at: */
    st_id author;                  /* its person */
    bool has_set;
    st_hash set;
    operator_before *before;
    st_json *json;
    st_err err;
} before_search;

/* What the word of one phone is worth. OLD: it was said before this log was put back once more. */
typedef enum { WORD_OLD, WORD_OTHER, WORD_UNSOUND, WORD_SOUND } word_worth;

/* The hash of the set that is held; a set that cannot be read has none. */
static st_err read_set(before_search *search)
{
    st_arena arena;
    sync_row row;
    st_set set;
    operator_work *work = search->work;
    st_arena_init(&arena, SET_BYTES_DECODED);
    st_err err = sync_row_get(&work->txn, search->held->index, &arena, &row, &work->error);
    if (err == ST_OK)
        err = st_set_decode(row.set.data, row.set.len, &arena, &set, &work->error);
    search->has_set = err == ST_OK;
    if (err == ST_OK)
        search->set = set.hash;
    st_arena_reset(&arena);
    return st_err_is_passing(err) ? err : ST_OK;
}

/* Whose it is that waits, and what: once, when somebody tells of it. */
static st_err read_held(before_search *search)
{
    auth_device device;
    operator_work *work = search->work;
    if (search->is_read)
        return ST_OK;
    search->is_read = true;
    st_err err = auth_device_get(&work->txn, NULL, &search->held->dot.device, &device,
                                 &work->error);
    search->author = err == ST_OK ? device.person : search->held->person;
    if (err == ST_OK || err == ST_E_NOT_FOUND)
        err = read_set(search);
    return err;
}

/* A device in use; and its author's own phones, whichever, let nothing in. */
static bool is_sound_teller(before_search *search, const sync_decided *one)
{
    auth_device device;
    operator_work *work = search->work;
    search->err = auth_device_get(&work->txn, NULL, &one->teller, &device, &work->error);
    bool is_known = search->err == ST_OK;
    if (search->err == ST_E_NOT_FOUND)
        search->err = ST_OK;
    return is_known && device.status == AUTH_ACTIVE
           && (one->declined || (st_id_cmp(&device.person, &search->author) != 0
                                 && st_id_cmp(&device.person, &search->held->person) != 0));
}

static word_worth weigh(before_search *search, const sync_decided *one)
{
    const uint8_t *now = search->work->room->epoch;
    if (memcmp(one->epoch, now, sizeof one->epoch) != 0)
        return WORD_OLD;
    search->err = read_held(search);
    if (search->err != ST_OK)
        return WORD_OLD;
    if (st_id_cmp(&one->record, &search->held->record) != 0)
        return WORD_OTHER;
    if (!one->has_set || !search->has_set || sync_held_is_unfolded(search->held))
        return WORD_UNSOUND;
    if (memcmp(one->set.b, search->set.b, sizeof one->set.b) != 0)
        return WORD_OTHER;
    return is_sound_teller(search, one) ? WORD_SOUND : WORD_UNSOUND;
}

static bool take_one(void *context, const sync_decided *one)
{
    before_search *search = context;
    operator_before *before = search->before;
    word_worth worth = weigh(search, one);
    if (search->err != ST_OK)
        return false;
    if (worth == WORD_OLD)
        return true;
    before->is_other = before->is_other || worth == WORD_OTHER;
    before->differ = before->differ || (before->phones > 0 && before->declined != one->declined);
    before->declined = one->declined;
    before->phones++;
    if (worth != WORD_SOUND)
        return true;
    if (before->sound == 0 || one->time_ms > before->last.time_ms)
        before->last = *one;
    before->sound++;
    return true;
}

st_err operator_before_get(operator_work *work, const sync_held *held,
                           operator_before *out_before)
{
    before_search search = { .work = work, .held = held, .before = out_before };
    memset(out_before, 0, sizeof *out_before);
    st_err err = sync_decided_each(&work->txn, &held->dot, take_one, &search, &work->error);
    return err == ST_OK ? search.err : err;
}

const char *operator_before_unsure(const operator_before *before)
{
    if (before->phones == 0)
        return "no phone tells what was decided before the restore";
    if (before->differ)
        return "phones differ in what was decided: decide by hand";
    if (before->is_other)
        return "what was decided were other words: decide by hand";
    return before->sound > 0 ? NULL
                             : "only phones say so that do not count (its author's, not in use, or"
                               " without the words): decide by hand";
}

/* What makes it unsure, in the words of the list. */
static const char *say_unsure(const operator_before *before, bool vi)
{
    if (before->differ)
        return vi ? "các máy nói khác nhau, xem `held --json`, tự quyết"
                  : "phones differ, see `held --json` and decide";
    if (before->is_other)
        return vi ? "văn phòng đã quyết về nội dung khác, xem `held --json`, tự quyết"
                  : "the office had decided on other words, see `held --json` and decide";
    if (before->declined)
        return vi ? "có máy nói là không đưa vào sổ, nhưng chưa đủ chắc, tự quyết"
                  : "a phone says declined, which is not sure enough: decide";
    return vi ? "có máy nói là đã đưa vào sổ, nhưng chưa đủ chắc, tự quyết"
              : "a phone says accepted, which is not sure enough: decide";
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
    if (operator_before_unsure(before) != NULL) {
        (void)snprintf(text, text_bytes, " · %s: %s",
                       vi ? "Trước khi phục hồi sổ" : "Before the restore",
                       say_unsure(before, vi));
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
                   last->reason[0] != '\0' ? "”" : "", before->sound);
}

static bool json_one(void *context, const sync_decided *one)
{
    before_search *search = context;
    operator_work *work = search->work;
    st_json *json = search->json;
    char hex[33];
    word_worth worth = weigh(search, one);
    st_id_format(&one->teller, hex);
    st_json_open(json, '{');
    st_json_key_text(json, "decision", one->declined ? "decline" : "accept");
    st_json_key(json, "at");
    st_json_when(json, one->time_ms, work->call->offset_minutes);
    st_json_key_text(json, "reason", one->reason[0] != '\0' ? one->reason : NULL);
    st_json_key_text(json, "device", hex);
    st_json_key_bool(json, "counts", worth == WORD_SOUND);
    st_json_close(json, '}');
    return search->err == ST_OK;
}

st_err operator_before_json(operator_work *work, const sync_held *held, st_json *json)
{
    before_search search = { .work = work, .held = held, .json = json };
    st_json_key(json, "before");
    st_json_open(json, '[');
    st_err err = sync_decided_each(&work->txn, &held->dot, json_one, &search, &work->error);
    st_json_close(json, ']');
    return err == ST_OK ? search.err : err;
}
