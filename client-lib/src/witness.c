/* client-lib/src/witness.c - keeps and confirms checkpoints.
 * Promises: the checkpoint that is held only ever grows, by proofs. Only when it goes beyond the
 * cut of a new epoch that the log's key announced, another one takes its place, and it is kept for
 * good (forsaken.h); a log that forks or shrinks is found at the next exchange.
 * Never: stops recording because of it - what the officer sees is more important than the log. */
#include "client-lib/src/witness.h"

#include <string.h>

#include "client-lib/src/forsaken.h"
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

bool witness_is_forsaken(const identity *me)
{
    return me->has_alarm && me->tree.head.size > 0 && me->alarm_epoch == me->tree.epoch;
}

bool witness_is_of_another(const identity *me)
{
    return me->has_alarm && me->tree.head.size > 0 && me->alarm_epoch >= me->tree.epoch;
}

bool witness_is_beyond(const identity *me, uint64_t entry)
{
    return me->tree.head.size > 0 && !me->has_key_alarm && !witness_is_of_another(me) &&
           entry > me->tree.head.size;
}

st_err witness_ask(sotay_sync *sync, st_ask *ask, st_error *error)
{
    const identity *me = &sync->client->me;
    st_note_signer signer;
    st_buffer text;
    sync->cosigned = sync->tells_end = false;
    ask->checkpoints = true;
    ask->seen_size = me->tree.head.size;
    ask->seen_root = me->tree.head.root;
    /* A clock beyond 2106 needs all of its bytes. */
    ask->has_short_root = sync->has_short_root = me->short_roots && !sync->is_plain &&
                                                 me->tree.head.size > 0 && now_s(sync) < UINT32_MAX;
    ask->has_held = witness_is_forsaken(me);
    ask->held = (st_tree_news){ .head = me->tree.head, .epoch = me->tree.epoch };
    memcpy(ask->held.signature, me->tree.signature, sizeof ask->held.signature);
    st_err err = ask->has_held ? ST_OK : forsaken_ask(sync, ask, error);
    if (err != ST_OK)
        return err;
    if (!me->cosign_due || me->tree.head.size == 0)
        return ST_OK;
    st_buffer_init(&text, ST_NOTE_BYTES_MAX);
    memset(&signer, 0, sizeof signer);
    st_sign_keypair(me->cosign_seed, signer.public_key, signer.secret);
    err = note_text(me, &me->tree, &text, error);
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

/* Does it continue the one that is held? */
static bool continues(const identity *me, const witness_head *fresh, const st_tree_news *news)
{
    st_proof proof = { .count = news->proof_count };
    if (me->tree.head.size == 0)
        return true;
    for (unsigned i = 0; i < proof.count; i++)
        memcpy(proof.hashes[i].b, news->proof + i * sizeof proof.hashes[i].b,
               sizeof proof.hashes[i].b);
    return st_consistency_holds(&me->tree.head, &fresh->head, &proof);
}

/* Was an epoch announced that explains why it does not: what is held goes beyond the cut? What the
 * log had up to there it must have still. */
static bool is_given_up(const identity *me, const witness_head *fresh)
{
    return me->has_cut && me->tree.head.size > me->cut && fresh->epoch <= me->epochs;
}

void witness_turn(identity *next, uint64_t cut)
{
    next->cut = next->has_cut && next->cut < cut ? next->cut : cut;
    next->has_cut = true;
    next->ends_told = 0; /* a book that was put back may have lost them */
}

static void move_on(identity *next, const witness_head *fresh)
{
    next->tree = *fresh;
    next->cosign_due = true;
    next->has_cut = next->has_cut && fresh->epoch < next->epochs;
}

/* Both are evidence. */
static void raise_alarm(sotay_sync *sync, const witness_head *shown)
{
    identity *next = &sync->client->next;
    sync->report.needs_person = true;
    sync->report.has_log_alarm = true;
    if (next->has_alarm && next->alarm_epoch == shown->epoch)
        return;
    next->alarm_epoch = shown->epoch;
    if (!next->has_alarm) { /* the first is the evidence */
        next->alarm = *shown;
        next->alarm_ms = sync->asked_wall_ms;
    }
    next->has_alarm = true;
    sync->wants_again = sync->wants_again || witness_is_forsaken(next); /* to show what is held */
}

st_err witness_take(sotay_sync *sync, const st_end *end, st_error *error)
{
    identity *next = &sync->client->next;
    witness_head fresh;
    next->cosign_due = next->cosign_due && !sync->cosigned;
    sync->is_other_log = false;
    if (sync->tells_end)
        next->ends_told++;
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
    bool is_same = continues(next, &fresh, &end->tree);
    if (!is_same && next->has_cut)
        err = forsaken_keep(sync, &fresh, error);
    sync->is_other_log = !is_same && !is_given_up(next, &fresh);
    if (sync->is_other_log)
        raise_alarm(sync, &fresh);
    else
        move_on(next, &fresh);
    return err;
}

void witness_head_json(const witness_head *head, st_json *json)
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
        witness_head_json(&me->tree, json);
    st_json_key(json, "log_alarm");
    if (!me->has_alarm) {
        st_json_null(json);
        return;
    }
    st_json_open(json, '{');
    st_json_key(json, "at");
    st_json_when(json, me->alarm_ms, offset_minutes);
    st_json_key(json, "shown");
    witness_head_json(&me->alarm, json);
    st_json_key(json, "held");
    witness_head_json(&me->tree, json);
    st_json_close(json, '}');
}
