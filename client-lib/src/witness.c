/* client-lib/src/witness.c - keeps and confirms checkpoints.
 * Promises: the checkpoint that is held only ever grows, by proofs, or goes on in a new epoch that
 * the log's key announced; a log that forks or shrinks is found at the next exchange.
 * Never: stops recording because of it - what the officer sees is more important than the log. */
#include "client-lib/src/witness.h"

#include <string.h>

#include "proto/note.h"

/* The note that was signed. */
static st_err note_text(const identity *me, const witness_head *head, st_buffer *out,
                        st_error *error)
{
    st_checkpoint checkpoint;
    memset(&checkpoint, 0, sizeof checkpoint);
    st_origin(me->commune.s, &me->log, head->epoch, checkpoint.origin);
    checkpoint.head = head->head;
    return st_checkpoint_text(&checkpoint, out, error);
}

/* By the server's clock, as far as it is known. */
static uint64_t now_s(const sotay_sync *sync)
{
    const identity *me = &sync->client->me;
    int64_t now_ms = sync->asked_wall_ms + (me->has_offset ? me->clock_offset_ms : 0);
    return now_ms > 0 ? (uint64_t)now_ms / 1000 : 0;
}

/* The log of the same epoch does not go on from what its key signed: the server may have been put
 * back without knowing it. What is held proves it to him. */
static bool is_forsaken(const identity *me)
{
    return me->has_alarm && me->tree.head.size > 0 && me->alarm.epoch == me->tree.epoch;
}

st_err witness_ask(sotay_sync *sync, st_ask *ask, st_error *error)
{
    const identity *me = &sync->client->me;
    st_note_signer signer;
    st_buffer text;
    sync->cosigned = false;
    ask->checkpoints = true;
    ask->seen_size = me->tree.head.size;
    ask->seen_root = me->tree.head.root;
    /* A clock beyond 2106 needs all of its bytes. */
    ask->has_short_root = sync->has_short_root = me->short_roots && !sync->is_plain &&
                                                 me->tree.head.size > 0 && now_s(sync) < UINT32_MAX;
    ask->has_held = is_forsaken(me);
    ask->held = (st_tree_news){ .head = me->tree.head, .epoch = me->tree.epoch };
    memcpy(ask->held.signature, me->tree.signature, sizeof ask->held.signature);
    if (!me->cosign_due || me->tree.head.size == 0)
        return ST_OK;
    st_buffer_init(&text, ST_NOTE_BYTES_MAX);
    memset(&signer, 0, sizeof signer);
    st_sign_keypair(me->cosign_seed, signer.public_key, signer.secret);
    st_err err = note_text(me, &me->tree, &text, error);
    st_note note = { .text = (const char *)text.data, .text_len = text.len };
    if (err == ST_OK)
        err = st_cosign_bytes(&signer, &note, now_s(sync), ask->cosigned, error);
    ask->has_cosigned = sync->cosigned = err == ST_OK;
    st_wipe(&signer, sizeof signer);
    st_buffer_free(&text);
    return err;
}

static st_err check_signature(const identity *me, const witness_head *head, st_error *error)
{
    st_buffer text;
    st_buffer_init(&text, ST_NOTE_BYTES_MAX);
    st_err err = note_text(me, head, &text, error);
    if (err == ST_OK && !st_sign_verify(me->log_key, text.data, text.len, head->signature))
        err = st_fail(error, ST_E_SIGNATURE,
                      me->log_keys == 0 ? "checkpoint: the key of the log has not signed it"
                                        : "checkpoint: the key of the log has not signed it; if "
                                          "the office lost its newest key, enrol this device "
                                          "again");
    st_buffer_free(&text);
    return err;
}

/* Does it continue the one that is held, or begin where an announced epoch was cut? */
static bool continues(const identity *me, const witness_head *fresh, const st_tree_news *news)
{
    st_proof proof = { .count = news->proof_count };
    bool is_announced = fresh->epoch > me->tree.epoch && fresh->epoch <= me->epochs;
    if (me->tree.head.size == 0)
        return true;
    for (unsigned i = 0; i < proof.count; i++)
        memcpy(proof.hashes[i].b, news->proof + i * sizeof proof.hashes[i].b,
               sizeof proof.hashes[i].b);
    return is_announced || st_consistency_holds(&me->tree.head, &fresh->head, &proof);
}

st_err witness_take(sotay_sync *sync, const st_end *end, st_error *error)
{
    identity *next = &sync->client->next;
    witness_head fresh;
    next->cosign_due = next->cosign_due && !sync->cosigned;
    if (!sync->has_short_root)
        next->short_roots = end->short_roots;
    if (!end->has_tree)
        return ST_OK;
    memset(&fresh, 0, sizeof fresh);
    fresh.head = end->tree.head;
    fresh.epoch = end->tree.epoch;
    memcpy(fresh.signature, end->tree.signature, sizeof fresh.signature);
    st_err err = check_signature(next, &fresh, error);
    if (err != ST_OK)
        return err;
    if (continues(next, &fresh, &end->tree)) {
        next->tree = fresh;
        next->cosign_due = true;
        return ST_OK;
    }
    sync->report.needs_person = true;
    sync->report.has_log_alarm = true;
    if (next->has_alarm) /* the first is the evidence */
        return ST_OK;
    next->has_alarm = true;
    next->alarm = fresh;
    next->alarm_ms = sync->asked_wall_ms;
    sync->wants_again = sync->wants_again || is_forsaken(next); /* to show what is held */
    return ST_OK;
}

static void head_json(const witness_head *head, st_json *json)
{
    char root[48], signature[96];
    st_base64(head->head.root.b, sizeof head->head.root.b, root);
    st_base64(head->signature, sizeof head->signature, signature);
    st_json_open(json, '{');
    st_json_key_int(json, "size", (int64_t)head->head.size);
    st_json_key_text(json, "root", root);
    st_json_key_int(json, "epoch_number", (int64_t)head->epoch);
    st_json_key_text(json, "signature", signature);
    st_json_close(json, '}');
}

void witness_json(const identity *me, int offset_minutes, st_json *json)
{
    st_json_key(json, "checkpoint");
    if (me->tree.head.size == 0)
        st_json_null(json);
    else
        head_json(&me->tree, json);
    st_json_key(json, "log_alarm");
    if (!me->has_alarm) {
        st_json_null(json);
        return;
    }
    st_json_open(json, '{');
    st_json_key(json, "at");
    st_json_when(json, me->alarm_ms, offset_minutes);
    st_json_key(json, "shown");
    head_json(&me->alarm, json);
    st_json_key(json, "held");
    head_json(&me->tree, json);
    st_json_close(json, '}');
}
