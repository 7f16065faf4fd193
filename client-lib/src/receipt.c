/* client-lib/src/receipt.c - receipts: proofs that the log has the newest change of a record.
 * Promises: what is kept was checked against the key of the log, against the change-set here and
 * against the checkpoint that this device holds; it is checked again when it is read. Of a record
 * that came as it stands the set is not here: then the entry is one that the record names, and its
 * author's device signed it.
 * What was kept of a log that was put back since lies beside, for good: the log's key signed it.
 * Never: takes a number or a hash from the server that could be computed here, and was not. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/src/anew.h"
#include "client-lib/src/lease.h"
#include "client-lib/src/log_key.h"
#include "client-lib/src/receipt.h"
#include "proto/changeset.h"
#include "proto/leaf.h"
#include "proto/sign.h"

#define RECEIPT_HEAD 4u /* the leaf's length */

/* One call on one record. */
typedef struct {
    sotay_client *client;
    st_id record;
    st_arena arena;
    bool has_unsent;
    uint64_t newest; /* the entry with its newest change that is known here; 0: none */
} receipt_look;

/* The change that an entry is to hold, as this device knows it. */
typedef struct {
    uint64_t entry;
    st_dot dot;
    uint64_t first; /* of its set; 0: the record came as it stands, without the set */
    st_bucket bucket;
    st_id author; /* without the set; zero: not known */
} receipt_change;

/* ---- which entry ---- */

/* Decisions of the office are entries of their own and carry no set: what was let in or declined
 * has the entry that brought it. */
static st_err newest_line(receipt_look *l, st_error *error)
{
    book_key behind = book_key_id(BOOK_HIST, &l->record), last;
    size_t prefix_len = behind.len;
    book_key_u64(&behind, UINT64_MAX);
    book_key_u64(&behind, UINT64_MAX);
    st_err err = book_before(&l->client->book, &behind, prefix_len, &last, error);
    if (err == ST_E_NOT_FOUND)
        return ST_OK;
    if (err == ST_OK && last.len != behind.len)
        err = st_fail(error, ST_E_CORRUPT, "store: a line of a history is damaged");
    if (err == ST_OK)
        l->newest = st_get_u64(last.b + prefix_len);
    return err;
}

/* A record that came as it stands has no lines, or only those since: its values name entries. While
 * a line of it stands under the entry of a decision, it is not known which is the newest. */
static st_err find_newest(receipt_look *l, st_error *error)
{
    st_record base;
    bool is_lost = false;
    st_err err = anew_has(l->client, &l->record, &is_lost, error);
    if (err == ST_OK && !is_lost)
        err = newest_line(l, error);
    if (err != ST_OK || is_lost)
        return err;
    err = overlay_base_get(l->client, &l->record, &l->arena, &base, error);
    for (size_t i = 0; err == ST_OK && i < base.metas_count; i++)
        if (base.metas[i].log_index > l->newest)
            l->newest = base.metas[i].log_index;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* The record in l->record, inside a transaction. */
static st_err look_at(receipt_look *l, st_error *error)
{
    overlay_view view;
    st_err err = overlay_load(l->client, &l->record, &l->arena, &view, error);
    if (err == ST_OK)
        err = lease_check(l->client, &view, error);
    l->has_unsent = err == ST_OK && (view.has_own || view.lacks_own);
    if (err == ST_OK)
        err = find_newest(l, error);
    if (err == ST_OK && l->newest == 0)
        err = st_fail(error, ST_E_NOT_FOUND,
                      "receipt: no entry with a change of this record came to this device yet");
    return err;
}

static receipt_look look_of(sotay_client *client)
{
    receipt_look l = { .client = client };
    st_arena_init(&l.arena, CLIENT_WORK_BYTES_MAX);
    return l;
}

static st_err look_begin(receipt_look *l, const sotay_id *record, st_error *error)
{
    st_err err = client_need_enrolled(l->client, error);
    if (err == ST_OK)
        err = client_begin(l->client, false, error);
    if (err != ST_OK)
        return err;
    err = overlay_find(l->client, record, &l->record, error);
    return err == ST_OK ? look_at(l, error) : err;
}

static void look_end(receipt_look *l)
{
    client_abort(l->client);
    st_arena_reset(&l->arena);
}

/* ---- does it hold? ---- */

/* By the key that counts, or by one before it while that one counted. */
static st_err open_note(receipt_look *l, const st_proof_file *file, st_checkpoint *out,
                        st_error *error)
{
    const identity *me = &l->client->me;
    st_opened opened;
    st_log_keys keys;
    st_vkey vkey;
    memset(&vkey, 0, sizeof vkey);
    vkey.type = ST_KEY_LOG;
    st_origin(me->commune.s, &me->log, 1, vkey.name);
    st_err err = log_keys_get(l->client, &keys, error);
    if (err != ST_OK)
        return err;
    err = ST_E_SIGNATURE;
    for (uint32_t n = keys.count + 1; n > 0 && err == ST_E_SIGNATURE; n--) {
        memcpy(vkey.key, st_log_keys_at(&keys, n - 1), sizeof vkey.key);
        err = st_checkpoint_open(file->checkpoint, file->checkpoint_len, &vkey, &l->arena, &opened,
                                 error);
        if (err == ST_OK && opened.checkpoint.head.size > st_log_keys_limit(&keys, n - 1))
            return st_fail(error, ST_E_SIGNATURE, "receipt: signed with a key of before");
    }
    if (err == ST_OK)
        *out = opened.checkpoint;
    return err;
}

/* The log signed it, and it is not another log than the one this device saw. */
static st_err check_note(receipt_look *l, const st_proof_file *file, st_checkpoint *out,
                         st_error *error)
{
    const identity *me = &l->client->me;
    st_err err = open_note(l, file, out, error);
    if (err != ST_OK)
        return err;
    if (out->head.size == me->tree.head.size && st_origin_epoch(out->origin) == me->tree.epoch &&
        memcmp(out->head.root.b, me->tree.head.root.b, sizeof out->head.root.b) != 0)
        return st_fail(error, ST_E_CORRUPT, "receipt: not of the log that this device has seen");
    return ST_OK;
}

/* The change that history says the entry brought. ST_E_NOT_FOUND without *error: it names none. */
static st_err change_of_line(receipt_look *l, uint64_t entry, receipt_change *out, st_error *error)
{
    book_key prefix = book_key_id(BOOK_HIST, &l->record);
    book_value value = { NULL, 0 };
    apply_line line;
    book_key_u64(&prefix, entry);
    book_scan scan = book_scan_of(&prefix);
    st_err err = book_scan_next(&l->client->book, &scan, &l->arena, &value, error);
    if (err == ST_OK)
        err = apply_line_read(&scan.at, &value, &line, error);
    if (err == ST_OK) {
        out->dot = (st_dot){ line.device, line.counter };
        out->first = line.first;
    }
    return err;
}

/* The same of a record that came as it stands. */
static st_err change_of_state(receipt_look *l, uint64_t entry, receipt_change *out, st_error *error)
{
    st_record base;
    st_err err = overlay_base_get(l->client, &l->record, &l->arena, &base, error);
    if (err != ST_OK)
        return err;
    out->bucket = base.bucket;
    for (size_t i = 0; i < base.metas_count; i++) {
        if (base.metas[i].log_index == entry) {
            out->dot = base.metas[i].dot;
            out->author = base.metas[i].actor;
            return ST_OK;
        }
    }
    return ST_E_NOT_FOUND;
}

static st_err find_change(receipt_look *l, uint64_t entry, receipt_change *out, st_error *error)
{
    memset(out, 0, sizeof *out);
    out->entry = entry;
    st_err err = change_of_line(l, entry, out, error);
    return err == ST_E_NOT_FOUND ? change_of_state(l, entry, out, error) : err;
}

static st_err not_this_one(const receipt_change *change, st_error *error)
{
    return st_fail(error, ST_E_CORRUPT,
                   "receipt: entry %" PRIu64 " is not the change that is here", change->entry);
}

/* Is the leaf that of the set here, in all that it says of it? */
static st_err check_set(receipt_look *l, const receipt_change *change, const st_leaf *leaf,
                        st_error *error)
{
    st_set kept, set;
    st_err err = overlay_set_get(l->client, &change->dot, change->first, &l->arena, &kept, error);
    if (err == ST_OK)
        err = st_set_decode(kept.bytes, kept.bytes_len, &l->arena, &set, error);
    if (err != ST_OK)
        return err;
    st_id author;
    err = overlay_author(l->client, &set, &author, error);
    if (err != ST_OK)
        return err;
    return st_leaf_is_of(leaf, &set, &author) ? ST_OK : not_this_one(change, error);
}

/* Without the set: does the leaf speak of the change that the record names, in its bucket and by
 * its author, and did the device that wrote it sign its hash? What the set says stays unseen. */
static st_err check_named(receipt_look *l, const receipt_change *change, const st_leaf *leaf,
                          st_error *error)
{
    uint8_t key[32], text[ST_SET_SIGN_BYTES];
    bool is_same = leaf->has_commit && st_id_cmp(&leaf->device, &change->dot.device) == 0 &&
                   leaf->first <= change->dot.counter && change->dot.counter <= leaf->last &&
                   strcmp(leaf->bucket.s, change->bucket.s) == 0;
    bool is_author = st_id_is_zero(&change->author) ||
                     st_id_cmp(&leaf->actor, &change->author) == 0;
    if (!is_same || !is_author)
        return not_this_one(change, error);
    st_err err = apply_author_key(l->client, &leaf->device, key, error);
    if (err == ST_E_NOT_FOUND)
        return st_fail(error, err, "receipt: the device that wrote it is not known here");
    if (err != ST_OK)
        return err;
    st_set_sign_text(&l->client->me.log, &leaf->device, &leaf->commit, text);
    return st_sign_verify(key, text, sizeof text, leaf->dsig)
               ? ST_OK
               : st_fail(error, ST_E_SIGNATURE, "receipt: its device did not sign entry %" PRIu64,
                         change->entry);
}

static st_err check_leaf(receipt_look *l, const receipt_change *change, sotay_slice bytes,
                         st_error *error)
{
    st_leaf leaf;
    st_err err = st_leaf_decode(bytes.data, bytes.len, &l->arena, &leaf, error);
    if (err != ST_OK)
        return err;
    return change->first > 0 ? check_set(l, change, &leaf, error)
                             : check_named(l, change, &leaf, error);
}

static st_err check_receipt(receipt_look *l, const receipt_change *change, sotay_slice proof,
                            sotay_slice leaf, receipt_says *out, st_error *error)
{
    st_proof_file file;
    st_err err = st_proof_file_decode(proof.data, proof.len, &file, error);
    if (err == ST_OK && file.place + 1 != change->entry)
        err = st_fail(error, ST_E_CORRUPT, "receipt: of entry %" PRIu64 ", not of %" PRIu64,
                      file.place + 1, change->entry);
    if (err == ST_OK)
        err = check_note(l, &file, &out->checkpoint, error);
    if (err == ST_OK)
        err = check_leaf(l, change, leaf, error);
    if (err != ST_OK)
        return err;
    st_hash hash = st_leaf_hash(leaf.data, leaf.len);
    if (!st_inclusion_holds(&hash, file.place, &file.proof, &out->checkpoint.head))
        return st_fail(error, ST_E_CORRUPT, "receipt: entry %" PRIu64 " is not in that log",
                       change->entry);
    out->entry = change->entry;
    return ST_OK;
}

/* ---- the one that is kept ---- */

typedef struct {
    sotay_slice proof, leaf;
    uint64_t entry; /* as it says itself */
} receipt_kept;

/* ST_E_NOT_FOUND without *error: none. */
static st_err get_row(receipt_look *l, const book_key *key, receipt_kept *out, st_error *error)
{
    st_proof_file file;
    book_value value = { NULL, 0 };
    st_err err = book_get(&l->client->book, key, &l->arena, &value, error);
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

/* ST_E_NOT_FOUND without *error: none. */
static st_err get_kept(receipt_look *l, receipt_kept *out, st_error *error)
{
    book_key key = book_key_id(BOOK_PROOF, &l->record);
    return get_row(l, &key, out, error);
}

/* What is kept, checked as if it came now. ST_E_NOT_FOUND without *error: nothing that holds. */
static st_err load_kept(receipt_look *l, receipt_kept *out, receipt_says *out_says, st_error *error)
{
    receipt_change change;
    st_err err = get_kept(l, out, error);
    if (err == ST_OK) /* perhaps an older entry; none any more when the log was put back */
        err = find_change(l, out->entry, &change, error);
    if (err == ST_OK)
        err = check_receipt(l, &change, out->proof, out->leaf, out_says, error);
    return err == ST_E_CORRUPT || err == ST_E_SIGNATURE ? ST_E_NOT_FOUND : err;
}

/* ---- of a log that was put back since ---- */

/* The newest key that counts for a receipt of before: by epoch, then by entries signed. */
static book_key before_key(const st_id *record, const st_checkpoint *now)
{
    book_key key = book_key_id(BOOK_PROOF, record);
    book_key_u64(&key, st_origin_epoch(now->origin));
    book_key_u64(&key, now->head.size);
    return key;
}

/* What it says by itself: the log signed that the leaf is in it. */
static st_err check_alone(receipt_look *l, const receipt_kept *kept, receipt_says *out,
                          st_error *error)
{
    st_proof_file file;
    st_err err = st_proof_file_decode(kept->proof.data, kept->proof.len, &file, error);
    if (err == ST_OK)
        err = open_note(l, &file, &out->checkpoint, error);
    if (err != ST_OK)
        return err;
    st_hash hash = st_leaf_hash(kept->leaf.data, kept->leaf.len);
    out->entry = kept->entry;
    return st_inclusion_holds(&hash, file.place, &file.proof, &out->checkpoint.head)
               ? ST_OK
               : st_fail(error, ST_E_CORRUPT, "store: a receipt is damaged");
}

/* The one in the usual place, when the log does not go on from it. ST_E_NOT_FOUND: it still holds,
 * or is of the present epoch, or is none. */
static st_err given_up(receipt_look *l, receipt_kept *out, receipt_says *out_says, st_error *error)
{
    receipt_says ignored;
    st_err err = load_kept(l, out, &ignored, error);
    if (err == ST_OK)
        return ST_E_NOT_FOUND;
    if (err == ST_E_NOT_FOUND)
        err = get_kept(l, out, error);
    if (err == ST_OK)
        err = check_alone(l, out, out_says, error);
    if (err == ST_OK && st_origin_epoch(out_says->checkpoint.origin) >= l->client->me.epochs)
        err = ST_E_NOT_FOUND;
    return err == ST_E_CORRUPT || err == ST_E_SIGNATURE ? ST_E_NOT_FOUND : err;
}

/* The newest of those that lie beside it. */
static st_err load_before(receipt_look *l, receipt_kept *out, receipt_says *out_says,
                          st_error *error)
{
    book_key behind = book_key_id(BOOK_PROOF, &l->record), last;
    const size_t prefix_len = behind.len;
    st_err err = given_up(l, out, out_says, error);
    if (err != ST_E_NOT_FOUND)
        return err;
    book_key_u64(&behind, UINT64_MAX);
    book_key_u64(&behind, UINT64_MAX);
    err = book_before(&l->client->book, &behind, prefix_len, &last, error);
    if (err == ST_OK && last.len != behind.len)
        err = ST_E_NOT_FOUND;
    if (err == ST_OK)
        err = get_row(l, &last, out, error);
    return err == ST_OK ? check_alone(l, out, out_says, error) : err;
}

/* ---- the calls ---- */

int sotay_receipt_find(sotay_client *client, const sotay_id *record, sotay_receipt_state *out_state,
                       sotay_error *error)
{
    receipt_kept kept;
    receipt_says says;
    receipt_look l = look_of(client);
    st_error inner = { ST_OK, "" };
    st_err err = look_begin(&l, record, &inner);
    if (err == ST_OK) {
        st_err found = load_kept(&l, &kept, &says, &inner);
        out_state->entry = l.newest;
        out_state->has_unsent = l.has_unsent;
        out_state->kept = found == ST_OK ? says.entry : 0;
        err = found == ST_E_NOT_FOUND ? ST_OK : found;
    }
    look_end(&l);
    return port_give(err, &inner, error);
}

st_err receipt_get(sotay_client *client, const st_id *record, st_arena *arena,
                   receipt_says *out_says, st_error *error)
{
    receipt_kept kept;
    receipt_look l = { .client = client, .record = *record, .arena = *arena };
    st_err err = load_kept(&l, &kept, out_says, error);
    *arena = l.arena;
    return err;
}

st_err receipt_entries_of(sotay_client *client, const st_id *record, receipt_entries *out_entries,
                          st_error *error)
{
    receipt_kept kept = { .entry = 0 };
    receipt_look l = look_of(client);
    l.record = *record;
    st_err err = find_newest(&l, error);
    bool was_found = err == ST_OK;
    if (was_found)
        err = get_kept(&l, &kept, error);
    /* One that does not open is none; a store that cannot be read says so. */
    bool opens_not = was_found && book_is_damage(&client->book, err);
    *out_entries = (receipt_entries){ l.newest, err == ST_OK ? kept.entry : 0 };
    st_arena_reset(&l.arena);
    return err == ST_E_NOT_FOUND || opens_not ? ST_OK : err;
}

/* ---- the marks ---- */

/* Only now and then: when a record of which a receipt is kept got another entry. */
static st_err is_covered(sotay_client *client, const st_id *record, uint64_t entry, bool *out_is,
                         st_error *error)
{
    receipt_kept kept = { .entry = 0 };
    receipt_look l = look_of(client);
    l.record = *record;
    st_err err = get_kept(&l, &kept, error);
    *out_is = err == ST_OK && kept.entry >= entry;
    st_arena_reset(&l.arena);
    return err == ST_E_CORRUPT ? ST_OK : err;
}

st_err receipt_mark(sotay_client *client, const st_id *record, const apply_line *line,
                    st_error *error)
{
    uint8_t since[8];
    bool has_kept = false, is_due = false, covers = false;
    book_key kept = book_key_id(BOOK_PROOF, record), due = book_key_id(BOOK_DUE, record);
    bool is_own = st_id_cmp(&line->device, &client->me.device) == 0;
    st_err err = book_has(&client->book, &kept, &has_kept, error);
    if (err != ST_OK || (!is_own && !has_kept))
        return err;
    err = book_has(&client->book, &due, &is_due, error);
    if (err == ST_OK && !is_due && has_kept)
        err = is_covered(client, record, line->index, &covers, error);
    if (err != ST_OK || is_due || covers)
        return err;
    st_put_u64(since, (uint64_t)line->time_ms);
    return book_put(&client->book, &due, since, sizeof since, error);
}

/* ---- keeping one ---- */

st_err receipt_begin(sotay_client *client, st_error *error)
{
    st_err err = client_need_enrolled(client, error);
    if (err == ST_OK && client->is_syncing)
        err = st_fail(error, ST_E_BUSY, "store: a sync is under way");
    return err == ST_OK ? client_begin(client, true, error) : err;
}

static st_err put_row(receipt_look *l, const book_key *key, sotay_slice proof, sotay_slice leaf,
                      st_error *error)
{
    st_buffer value;
    uint8_t head[RECEIPT_HEAD];
    st_buffer_init(&value, RECEIPT_HEAD + leaf.len + proof.len);
    st_put_u32(head, (uint32_t)leaf.len);
    st_err err = st_buffer_append(&value, head, sizeof head, error);
    if (err == ST_OK)
        err = st_buffer_append(&value, leaf.data, leaf.len, error);
    if (err == ST_OK)
        err = st_buffer_append(&value, proof.data, proof.len, error);
    if (err == ST_OK)
        err = book_put(&l->client->book, key, value.data, value.len, error);
    st_buffer_free(&value);
    return err;
}

/* What a new epoch gave up is evidence: it makes room for no other. */
static st_err keep_before(receipt_look *l, st_error *error)
{
    receipt_kept old;
    receipt_says says;
    st_err err = given_up(l, &old, &says, error);
    if (err != ST_OK)
        return err == ST_E_NOT_FOUND ? ST_OK : err;
    book_key key = before_key(&l->record, &says.checkpoint);
    return put_row(l, &key, old.proof, old.leaf, error);
}

static st_err keep(receipt_look *l, sotay_slice proof, sotay_slice leaf, st_error *error)
{
    book_key key = book_key_id(BOOK_PROOF, &l->record), due = book_key_id(BOOK_DUE, &l->record);
    st_err err = keep_before(l, error);
    if (err == ST_OK)
        err = put_row(l, &key, proof, leaf, error);
    return err == ST_OK ? book_delete(&l->client->book, &due, error) : err;
}

st_err receipt_put(sotay_client *client, const st_id *record, sotay_slice proof, sotay_slice leaf,
                   st_error *error)
{
    receipt_says says;
    receipt_change change;
    if (leaf.len > ST_LEAF_BYTES_MAX || proof.len > ST_NOTE_BYTES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "receipt: too long");
    receipt_look l = look_of(client);
    l.record = *record;
    st_err err = look_at(&l, error);
    if (err == ST_OK)
        err = find_change(&l, l.newest, &change, error);
    if (err == ST_OK)
        err = check_receipt(&l, &change, proof, leaf, &says, error);
    if (err == ST_OK)
        err = keep(&l, proof, leaf, error);
    st_arena_reset(&l.arena);
    return err;
}

int sotay_receipt_put(sotay_client *client, const sotay_id *record, sotay_slice proof,
                      sotay_slice leaf, sotay_error *error)
{
    st_error inner = { ST_OK, "" };
    st_err err = receipt_begin(client, &inner);
    st_id id;
    if (err == ST_OK)
        err = overlay_find(client, record, &id, &inner);
    if (err == ST_OK)
        err = receipt_put(client, &id, proof, leaf, &inner);
    if (err == ST_OK)
        err = client_commit(client, &inner);
    client_abort(client);
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

typedef st_err (*receipt_load)(receipt_look *l, receipt_kept *out, receipt_says *out_says,
                              st_error *error);

static int give(sotay_client *client, const sotay_id *record, receipt_load load,
                sotay_receipt *out_receipt, sotay_error *error)
{
    receipt_kept kept;
    receipt_says says;
    receipt_look l = look_of(client);
    st_error inner = { ST_OK, "" };
    memset(out_receipt, 0, sizeof *out_receipt);
    st_err err = look_begin(&l, record, &inner);
    if (err == ST_OK) {
        err = load(&l, &kept, &says, &inner);
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

int sotay_receipt_get(sotay_client *client, const sotay_id *record, sotay_receipt *out_receipt,
                      sotay_error *error)
{
    return give(client, record, load_kept, out_receipt, error);
}

int sotay_receipt_before(sotay_client *client, const sotay_id *record, sotay_receipt *out_receipt,
                         sotay_error *error)
{
    return give(client, record, load_before, out_receipt, error);
}

void sotay_receipt_free(sotay_receipt *receipt)
{
    free(receipt->proof.data);
    free(receipt->leaf.data);
    memset(receipt, 0, sizeof *receipt);
}
