/* client-lib/src/log_key.c - follows the log from one key to the next.
 * Promises: the key that is believed came from the one that the enrolment named, each signed by the
 * one before and by itself; it is on the disk before anything under it is believed. An enrolment
 * leads on from it, and back behind it at a person's word alone.
 * Never: forgets a key that something kept here is signed with. */
#include "client-lib/src/log_key.h"

#include <string.h>

#include "client-lib/src/slip.h"

/* ---- the table ---- */

static book_key key_of(uint64_t n)
{
    book_key key = book_key_of(BOOK_LOG_KEY);
    book_key_u64(&key, n);
    return key;
}

static st_err put_first(sotay_client *client, const uint8_t first[32], st_error *error)
{
    book_key key = key_of(0);
    return book_put(&client->book, &key, first, 32, error);
}

static st_err put(sotay_client *client, const st_log_key *notice, st_error *error)
{
    st_buffer bytes;
    book_key key = key_of(notice->n);
    st_buffer_init(&bytes, 256);
    slip_writer slip = { &bytes, ST_OK };
    slip_bytes(&slip, notice->key, sizeof notice->key);
    slip_u64(&slip, notice->size);
    slip_bytes(&slip, notice->by_old, sizeof notice->by_old);
    slip_bytes(&slip, notice->by_new, sizeof notice->by_new);
    st_err err = slip.err != ST_OK ? st_fail(error, slip.err, "log keys: no memory")
                                   : book_put(&client->book, &key, bytes.data, bytes.len, error);
    st_buffer_free(&bytes);
    return err;
}

static st_err get(sotay_client *client, uint64_t n, st_log_keys *out, st_error *error)
{
    st_arena arena;
    book_value value = { NULL, 0 };
    book_key key = key_of(n);
    st_arena_init(&arena, 4096);
    st_err err = book_get(&client->book, &key, &arena, &value, error);
    if (err == ST_OK) {
        slip_reader slip = { value.data, value.len, 0, false };
        st_log_key *one = n == 0 ? NULL : &out->rows[n - 1];
        slip_get_bytes(&slip, n == 0 ? out->first : one->key, 32);
        if (one != NULL) {
            one->n = n;
            one->size = slip_get_u64(&slip);
            slip_get_bytes(&slip, one->by_old, sizeof one->by_old);
            slip_get_bytes(&slip, one->by_new, sizeof one->by_new);
        }
        if (slip.bad || slip.at != slip.len)
            err = st_fail(error, ST_E_CORRUPT, "store: a key of the log is damaged");
    } else if (err == ST_E_NOT_FOUND) {
        err = st_fail(error, ST_E_CORRUPT, "store: a key of the log is missing");
    }
    st_arena_reset(&arena);
    return err;
}

st_err log_keys_get(sotay_client *client, st_log_keys *out_keys, st_error *error)
{
    const identity *me = &client->me;
    st_err err = ST_OK;
    memset(out_keys, 0, sizeof *out_keys);
    if (me->log_keys > ST_LOG_KEYS_MAX)
        return st_fail(error, ST_E_CORRUPT, "store: more keys than a log may have");
    out_keys->count = (uint32_t)me->log_keys;
    memcpy(out_keys->first, me->log_key, sizeof out_keys->first);
    for (uint64_t n = 0; err == ST_OK && out_keys->count > 0 && n <= out_keys->count; n++)
        err = get(client, n, out_keys, error);
    return err;
}

/* ---- the next one ---- */

/* Not undone by whatever else is wrong with the answer. */
static void alarm(sotay_sync *sync, const st_log_key *notice)
{
    identity *next = &sync->client->next;
    sync->report.needs_person = true;
    sync->report.has_log_alarm = true;
    sync->commit_now = true;
    if (next->has_key_alarm) /* the first is the evidence */
        return;
    next->has_key_alarm = true;
    next->key_alarm = *notice;
    next->key_alarm_ms = sync->asked_wall_ms;
}

static bool is_known(const identity *next, const st_log_key *notice)
{
    return notice->n > 0 && notice->n <= next->log_keys && notice->n <= ST_LOG_KEYS_MAX;
}

/* A notice of a number that is known: the one that was followed, or another one in its place,
 * beside which that one is kept. */
static st_err take_known(sotay_sync *sync, const st_log_key *notice, bool *out_same,
                         st_error *error)
{
    st_log_keys known;
    identity *next = &sync->client->next;
    st_err err = get(sync->client, notice->n, &known, error);
    if (err != ST_OK)
        return err;
    const st_log_key *mine = &known.rows[notice->n - 1];
    *out_same =
        mine->size == notice->size && memcmp(mine->key, notice->key, sizeof mine->key) == 0;
    if (*out_same)
        return ST_OK;
    if (!next->has_key_alarm) {
        next->has_key_held = true;
        next->key_held = *mine;
    }
    alarm(sync, notice);
    return ST_OK;
}

static st_err take_one(sotay_sync *sync, const st_log_key *notice, st_error *error)
{
    sotay_client *client = sync->client;
    identity *next = &client->next;
    if (notice->n != next->log_keys + 1 || notice->n > ST_LOG_KEYS_MAX ||
        !st_log_key_verify(&next->log, next->log_key, notice)) {
        alarm(sync, notice);
        return ST_OK;
    }
    st_err err = notice->n == 1 ? put_first(client, next->log_key, error) : ST_OK;
    if (err == ST_OK)
        err = put(client, notice, error);
    memcpy(next->log_key, notice->key, sizeof next->log_key);
    next->log_keys = notice->n;
    sync->wants_again = true; /* the checkpoint under it comes to those who have it */
    return err;
}

st_err log_keys_take(sotay_sync *sync, const st_log_keys_told *told, st_error *error)
{
    const st_log_key *again = NULL;
    bool has_other = false;
    st_err err = ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < told->count; i++) {
        const st_log_key *notice = &told->rows[i];
        bool same = false;
        if (!is_known(&sync->client->next, notice)) {
            err = take_one(sync, notice, error);
            continue;
        }
        err = take_known(sync, notice, &same, error);
        has_other = has_other || !same;
        if (same && again == NULL)
            again = notice;
    }
    if (err == ST_OK && again != NULL && !has_other) /* nobody asked for it */
        alarm(sync, again);
    return err;
}

/* ---- with an enrolment ---- */

static bool gather(const st_enrol_answer *answer, st_log_keys *out)
{
    const st_log_keys_told *told = &answer->log_keys;
    memset(out, 0, sizeof *out);
    memcpy(out->first, told->has_first ? told->first : answer->log_key, sizeof out->first);
    if (told->count > ST_LOG_KEYS_MAX)
        return false;
    out->count = told->count;
    for (uint32_t i = 0; i < told->count; i++)
        out->rows[i] = told->rows[i];
    return true;
}

st_err log_keys_of(const st_enrol_answer *answer, st_id *out_log, st_error *error)
{
    st_log_keys keys;
    bool good = gather(answer, &keys);
    *out_log = st_log_id(keys.first);
    good = good && st_log_keys_fault(&keys, out_log) == 0 &&
           memcmp(st_log_keys_newest(&keys), answer->log_key, sizeof answer->log_key) == 0;
    return good ? ST_OK
                : st_fail(error, ST_E_SIGNATURE,
                          "enrol: the key of the log does not follow from "
                          "its first one");
}

bool log_keys_go_on(const st_enrol_answer *answer, const identity *me)
{
    st_log_keys keys;
    if (!gather(answer, &keys))
        return false;
    const uint8_t *theirs = st_log_keys_at(&keys, me->log_keys);
    return theirs != NULL && memcmp(theirs, me->log_key, sizeof me->log_key) == 0;
}

st_err log_keys_begin(sotay_client *client, const st_enrol_answer *answer, st_error *error)
{
    identity *next = &client->next;
    const st_log_keys_told *told = &answer->log_keys;
    st_err err = told->has_first ? put_first(client, told->first, error) : ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < told->count; i++)
        err = put(client, &told->rows[i], error);
    next->log_keys = told->count;
    memcpy(next->log_key, answer->log_key, sizeof next->log_key);
    return err;
}

static void notice_json(const st_log_key *notice, st_json *json)
{
    char key[48], by_old[96], by_new[96];
    st_base64(notice->key, sizeof notice->key, key);
    st_base64(notice->by_old, sizeof notice->by_old, by_old);
    st_base64(notice->by_new, sizeof notice->by_new, by_new);
    st_json_key_int(json, "n", (int64_t)notice->n);
    st_json_key_int(json, "size", (int64_t)notice->size);
    st_json_key_text(json, "key", key);
    st_json_key_text(json, "by_old", by_old);
    st_json_key_text(json, "by_new", by_new);
}

void log_key_json(const identity *me, int offset_minutes, st_json *json)
{
    st_json_key(json, "log_key_alarm");
    if (!me->has_key_alarm) {
        st_json_null(json);
        return;
    }
    st_json_open(json, '{');
    st_json_key(json, "at");
    st_json_when(json, me->key_alarm_ms, offset_minutes);
    notice_json(&me->key_alarm, json);
    st_json_key(json, "held");
    if (me->has_key_held) {
        st_json_open(json, '{');
        notice_json(&me->key_held, json);
        st_json_close(json, '}');
    } else {
        st_json_null(json);
    }
    st_json_close(json, '}');
}
