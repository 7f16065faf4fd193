/* client-lib/src/receipt.c - receipts: proofs that the log has the newest change of a record.
 * Promises: what is kept was checked against the key of the log, against the change-set here and
 * against the checkpoint that this device holds; it is checked again when it is read.
 * Never: takes a number or a hash from the server that is not computed here too. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/src/apply.h"
#include "client-lib/src/lease.h"
#include "proto/changeset.h"
#include "proto/leaf.h"
#include "proto/note.h"

#define RECEIPT_HEAD 4u /* the leaf's length */

/* One call on one record. */
typedef struct {
    sotay_client *client;
    st_id record;
    st_arena arena;
    bool has_line, has_unsent;
    apply_line line; /* the newest entry that brought a change of it */
} receipt_look;

/* What a receipt says when it holds. */
typedef struct {
    uint64_t entry;
    st_checkpoint checkpoint;
} receipt_says;

/* ---- which entry ---- */

/* Each line is of an entry with a set: what the office decides is said in the line of the change
 * that it decides on. */
static st_err find_line(receipt_look *l, st_error *error)
{
    book_key prefix = book_key_id(BOOK_HIST, &l->record);
    book_scan scan = book_scan_of(&prefix);
    for (;;) {
        book_value value = { NULL, 0 };
        apply_line line;
        st_err err = book_scan_next(&l->client->book, &scan, &l->arena, &value, error);
        if (err == ST_E_NOT_FOUND)
            return ST_OK;
        if (err == ST_OK)
            err = apply_line_read(&scan.at, &value, &line, error);
        if (err != ST_OK)
            return err;
        l->line = line;
        l->has_line = true;
    }
}

static st_err look_begin(receipt_look *l, sotay_client *client, const sotay_id *record, bool write,
                         st_error *error)
{
    overlay_view view;
    memset(l, 0, sizeof *l);
    l->client = client;
    st_arena_init(&l->arena, CLIENT_WORK_BYTES_MAX);
    st_err err = client_need_enrolled(client, error);
    if (err == ST_OK && write && client->is_syncing)
        err = st_fail(error, ST_E_BUSY, "store: a sync is under way");
    if (err == ST_OK)
        err = client_begin(client, write, error);
    if (err != ST_OK)
        return err;
    l->record = overlay_find(client, record);
    err = overlay_load(client, &l->record, &l->arena, &view, error);
    if (err == ST_OK)
        err = lease_check(client, &view, error);
    l->has_unsent = err == ST_OK && view.has_own;
    if (err == ST_OK)
        err = find_line(l, error);
    if (err == ST_OK && !l->has_line)
        err = st_fail(error, ST_E_NOT_FOUND,
                      "receipt: no entry with a change of this record came to this device yet");
    return err;
}

static void look_end(receipt_look *l)
{
    client_abort(l->client);
    st_arena_reset(&l->arena);
}

/* ---- does it hold? ---- */

/* The log signed it, and it is not another log than the one this device saw. */
static st_err check_note(receipt_look *l, const st_proof_file *file, st_checkpoint *out,
                         st_error *error)
{
    const identity *me = &l->client->me;
    st_opened opened;
    st_vkey vkey;
    memset(&vkey, 0, sizeof vkey);
    vkey.type = ST_KEY_LOG;
    memcpy(vkey.key, me->log_key, sizeof vkey.key);
    st_origin(me->commune.s, &me->log, 1, vkey.name);
    st_err err = st_checkpoint_open(file->checkpoint, file->checkpoint_len, &vkey, &l->arena,
                                    &opened, error);
    if (err != ST_OK)
        return err;
    *out = opened.checkpoint;
    if (out->head.size == me->tree.head.size && st_origin_epoch(out->origin) == me->tree.epoch &&
        memcmp(out->head.root.b, me->tree.head.root.b, sizeof out->head.root.b) != 0)
        return st_fail(error, ST_E_CORRUPT, "receipt: not of the log that this device has seen");
    return ST_OK;
}

/* The set that the line names, with its hash. */
static st_err get_set(receipt_look *l, const apply_line *line, st_set *out, st_error *error)
{
    st_set kept;
    st_dot dot = { line->device, line->counter };
    st_err err = overlay_set_get(l->client, &dot, line->first, &l->arena, &kept, error);
    return err == ST_OK ? st_set_decode(kept.bytes, kept.bytes_len, &l->arena, out, error) : err;
}

/* Is the leaf that of the set which the line names: same device, same hash, same signature? */
static st_err check_leaf(receipt_look *l, const apply_line *line, sotay_slice bytes,
                         st_error *error)
{
    st_leaf leaf;
    st_set set;
    st_err err = st_leaf_decode(bytes.data, bytes.len, &l->arena, &leaf, error);
    if (err == ST_OK)
        err = get_set(l, line, &set, error);
    if (err != ST_OK)
        return err;
    bool is_same = leaf.has_commit && st_id_cmp(&leaf.device, &set.device) == 0 &&
                   leaf.first == set.first && leaf.last == st_set_last(&set) &&
                   memcmp(leaf.commit.b, set.hash.b, sizeof set.hash.b) == 0 &&
                   memcmp(leaf.dsig, set.signature, sizeof set.signature) == 0;
    return is_same
               ? ST_OK
               : st_fail(error, ST_E_CORRUPT,
                         "receipt: entry %" PRIu64 " is not the change that is here", line->index);
}

static st_err check_receipt(receipt_look *l, const apply_line *line, sotay_slice proof,
                            sotay_slice leaf, receipt_says *out, st_error *error)
{
    st_proof_file file;
    st_err err = st_proof_file_decode(proof.data, proof.len, &file, error);
    if (err == ST_OK && file.place + 1 != line->index)
        err = st_fail(error, ST_E_CORRUPT, "receipt: of entry %" PRIu64 ", not of %" PRIu64,
                      file.place + 1, line->index);
    if (err == ST_OK)
        err = check_note(l, &file, &out->checkpoint, error);
    if (err == ST_OK)
        err = check_leaf(l, line, leaf, error);
    if (err != ST_OK)
        return err;
    st_hash hash = st_leaf_hash(leaf.data, leaf.len);
    if (!st_inclusion_holds(&hash, file.place, &file.proof, &out->checkpoint.head))
        return st_fail(error, ST_E_CORRUPT, "receipt: entry %" PRIu64 " is not in that log",
                       line->index);
    out->entry = line->index;
    return ST_OK;
}

/* ---- the one that is kept ---- */

typedef struct {
    sotay_slice proof, leaf;
    uint64_t entry; /* as it says itself */
} receipt_kept;

/* ST_E_NOT_FOUND without *error: none. */
static st_err get_kept(receipt_look *l, receipt_kept *out, st_error *error)
{
    st_proof_file file;
    book_value value = { NULL, 0 };
    book_key key = book_key_id(BOOK_PROOF, &l->record);
    st_err err = book_get(&l->client->book, &key, &l->arena, &value, error);
    if (err != ST_OK)
        return err;
    size_t leaf_len = value.len < RECEIPT_HEAD ? SIZE_MAX : st_get_u32(value.data);
    if (leaf_len > value.len || leaf_len > value.len - RECEIPT_HEAD)
        return st_fail(error, ST_E_CORRUPT, "store: a receipt is cut off");
    out->leaf = (sotay_slice){ value.data + RECEIPT_HEAD, leaf_len };
    out->proof =
        (sotay_slice){ value.data + RECEIPT_HEAD + leaf_len, value.len - RECEIPT_HEAD - leaf_len };
    err = st_proof_file_decode(out->proof.data, out->proof.len, &file, error);
    out->entry = err == ST_OK ? file.place + 1 : 0;
    return err;
}

/* The line of the entry that the kept one is of; it may be an older one. ST_E_NOT_FOUND without
 * *error: history does not name it any more (the log was put back). */
static st_err get_line(receipt_look *l, uint64_t entry, apply_line *out, st_error *error)
{
    book_key prefix = book_key_id(BOOK_HIST, &l->record);
    book_value value = { NULL, 0 };
    book_key_u64(&prefix, entry);
    book_scan scan = book_scan_of(&prefix);
    st_err err = book_scan_next(&l->client->book, &scan, &l->arena, &value, error);
    return err == ST_OK ? apply_line_read(&scan.at, &value, out, error) : err;
}

/* What is kept, checked as if it came now. ST_E_NOT_FOUND without *error: nothing that holds. */
static st_err load_kept(receipt_look *l, receipt_kept *out, receipt_says *out_says, st_error *error)
{
    apply_line line;
    st_err err = get_kept(l, out, error);
    if (err == ST_OK)
        err = get_line(l, out->entry, &line, error);
    if (err == ST_OK)
        err = check_receipt(l, &line, out->proof, out->leaf, out_says, error);
    return err == ST_E_CORRUPT || err == ST_E_SIGNATURE ? ST_E_NOT_FOUND : err;
}

/* ---- the calls ---- */

int sotay_receipt_find(sotay_client *client, const sotay_id *record, sotay_receipt_state *out_state,
                       sotay_error *error)
{
    receipt_look l;
    receipt_kept kept;
    receipt_says says;
    st_error inner = { ST_OK, "" };
    st_err err = look_begin(&l, client, record, false, &inner);
    if (err == ST_OK) {
        st_err found = load_kept(&l, &kept, &says, &inner);
        out_state->entry = l.line.index;
        out_state->has_unsent = l.has_unsent;
        out_state->kept = found == ST_OK ? says.entry : 0;
        err = found == ST_E_NOT_FOUND ? ST_OK : found;
    }
    look_end(&l);
    return port_give(err, &inner, error);
}

/* ---- which are to be fetched ---- */

/* A walk over all of HIST: the record that is being walked, and what was found. */
typedef struct {
    receipt_look look;
    bool has_record, is_own;
    uint64_t newest; /* entry of the record */
    sotay_id *list;
    size_t count, most;
} due_walk;

/* The record is done: is a receipt of its newest entry here? What does not open is none. */
static st_err end_record(due_walk *w, st_error *error)
{
    receipt_kept kept = { .entry = 0 };
    if (!w->has_record || !w->is_own || w->count == w->most)
        return ST_OK;
    st_err err = get_kept(&w->look, &kept, error);
    if (err != ST_OK && err != ST_E_NOT_FOUND && err != ST_E_CORRUPT)
        return err;
    if (err != ST_OK || kept.entry != w->newest)
        memcpy(w->list[w->count++].b, w->look.record.b, sizeof w->look.record.b);
    return ST_OK;
}

static st_err take_line(due_walk *w, const book_key *at, const book_value *value, st_error *error)
{
    apply_line line;
    st_id record;
    memcpy(record.b, at->b + 1, sizeof record.b);
    st_err err = apply_line_read(at, value, &line, error);
    if (err == ST_OK && (!w->has_record || st_id_cmp(&record, &w->look.record) != 0)) {
        err = end_record(w, error);
        w->look.record = record;
        w->has_record = true;
        w->is_own = false;
    }
    if (err != ST_OK)
        return err;
    w->newest = line.index;
    w->is_own = w->is_own || st_id_cmp(&line.device, &w->look.client->me.device) == 0;
    return ST_OK;
}

static st_err walk_due(due_walk *w, st_error *error)
{
    book_key prefix = book_key_of(BOOK_HIST);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK && w->count < w->most) {
        book_value value = { NULL, 0 };
        err = book_scan_next(&w->look.client->book, &scan, &w->look.arena, &value, error);
        if (err == ST_OK)
            err = take_line(w, &scan.at, &value, error);
        st_arena_reset(&w->look.arena);
    }
    return err == ST_E_NOT_FOUND ? end_record(w, error) : err;
}

int sotay_receipt_due(sotay_client *client, sotay_id *out_records, size_t most, size_t *out_count,
                      sotay_error *error)
{
    due_walk w = { .list = out_records, .most = most };
    st_error inner = { ST_OK, "" };
    w.look.client = client;
    st_arena_init(&w.look.arena, CLIENT_WORK_BYTES_MAX);
    st_err err = client_need_enrolled(client, &inner);
    if (err == ST_OK)
        err = client_begin(client, false, &inner);
    if (err == ST_OK)
        err = walk_due(&w, &inner);
    look_end(&w.look);
    *out_count = err == ST_OK ? w.count : 0;
    return port_give(err, &inner, error);
}

static st_err keep(receipt_look *l, sotay_slice proof, sotay_slice leaf, st_error *error)
{
    st_buffer value;
    uint8_t head[RECEIPT_HEAD];
    book_key key = book_key_id(BOOK_PROOF, &l->record);
    st_buffer_init(&value, RECEIPT_HEAD + leaf.len + proof.len);
    st_put_u32(head, (uint32_t)leaf.len);
    st_err err = st_buffer_append(&value, head, sizeof head, error);
    if (err == ST_OK)
        err = st_buffer_append(&value, leaf.data, leaf.len, error);
    if (err == ST_OK)
        err = st_buffer_append(&value, proof.data, proof.len, error);
    if (err == ST_OK)
        err = book_put(&l->client->book, &key, value.data, value.len, error);
    st_buffer_free(&value);
    return err;
}

int sotay_receipt_put(sotay_client *client, const sotay_id *record, sotay_slice proof,
                      sotay_slice leaf, sotay_error *error)
{
    receipt_look l;
    receipt_says says;
    st_error inner = { ST_OK, "" };
    if (leaf.len > ST_LEAF_BYTES_MAX || proof.len > ST_NOTE_BYTES_MAX)
        return port_give(st_fail(&inner, ST_E_TOO_LARGE, "receipt: too long"), &inner, error);
    st_err err = look_begin(&l, client, record, true, &inner);
    if (err == ST_OK)
        err = check_receipt(&l, &l.line, proof, leaf, &says, &inner);
    if (err == ST_OK)
        err = keep(&l, proof, leaf, &inner);
    if (err == ST_OK)
        err = client_commit(client, &inner);
    look_end(&l);
    return port_give(err, &inner, error);
}

static st_err copy_file(sotay_slice bytes, sotay_file *out, st_error *error)
{
    out->data = malloc(bytes.len); /* never none: both files were read */
    if (out->data == NULL)
        return st_fail(error, ST_E_MEMORY, "receipt: no memory");
    memcpy(out->data, bytes.data, bytes.len);
    out->len = bytes.len;
    return ST_OK;
}

static st_err fill(const receipt_kept *kept, const receipt_says *says, sotay_receipt *out,
                   st_error *error)
{
    const st_checkpoint *now = &says->checkpoint;
    out->entry = says->entry;
    out->size = now->head.size;
    st_base64(now->head.root.b, sizeof now->head.root.b, out->root);
    st_fingerprint(now->head.root.b, out->code);
    memcpy(out->origin, now->origin, sizeof out->origin);
    st_err err = copy_file(kept->proof, &out->proof, error);
    return err == ST_OK ? copy_file(kept->leaf, &out->leaf, error) : err;
}

int sotay_receipt_get(sotay_client *client, const sotay_id *record, sotay_receipt *out_receipt,
                      sotay_error *error)
{
    receipt_look l;
    receipt_kept kept;
    receipt_says says;
    st_error inner = { ST_OK, "" };
    memset(out_receipt, 0, sizeof *out_receipt);
    st_err err = look_begin(&l, client, record, false, &inner);
    if (err == ST_OK) {
        err = load_kept(&l, &kept, &says, &inner);
        if (err == ST_E_NOT_FOUND)
            err = st_fail(&inner, err, "receipt: none of this record is on this device");
    }
    if (err == ST_OK)
        err = fill(&kept, &says, out_receipt, &inner);
    look_end(&l);
    if (err != ST_OK)
        sotay_receipt_free(out_receipt);
    return port_give(err, &inner, error);
}

void sotay_receipt_free(sotay_receipt *receipt)
{
    free(receipt->proof.data);
    free(receipt->leaf.data);
    memset(receipt, 0, sizeof *receipt);
}
