/* proto/message_decode.c - the bytes of one frame to a checked struct.
 * Promises: bounded memory (the caller's arena), every length and order that the struct relies on
 * is checked, text is NFC and fits. A kind of frame that this version does not know is
 * ST_FRAME_NONE, unknown words inside known frames are kept apart from broken bytes.
 * Must never: look inside a change-set, or trust a count before it is bounded. */
#include <assert.h>
#include <string.h>

#include "proto/changeset.h"
#include "proto/message_parts.h"
#include "proto/text.h"
#include "proto/wire.h"

st_err message_corrupt(st_error *error, const char *why)
{
    return st_fail(error, ST_E_CORRUPT, "frame: %s", why);
}

st_err message_no_memory(st_error *error)
{
    return st_fail(error, ST_E_MEMORY, "frame: over the memory for decoding");
}

bool message_bytes(const ProtobufCBinaryData *from, void *out, size_t len)
{
    if (from->len != len)
        return false;
    memcpy(out, from->data, len);
    return true;
}

bool message_optional(const ProtobufCBinaryData *from, void *out, size_t len, bool *out_there)
{
    *out_there = from->len != 0;
    return !*out_there || message_bytes(from, out, len);
}

/* Clean text of at most `room` - 1 bytes. */
static bool get_text(const char *from, char *out, size_t room)
{
    size_t len = strlen(from);
    if (len >= room || !st_text_is_nfc(from, len))
        return false;
    memcpy(out, from, len + 1);
    return true;
}

static bool span_is_good(uint64_t from, uint64_t to)
{
    return from >= 1 && from <= to && to <= (uint64_t)INT64_MAX;
}

static bool get_clock(const Sotay__Clock *from, st_ask *out)
{
    out->has_clock = from != NULL;
    if (from == NULL)
        return true;
    out->clock.sent_mono_ms = from->sent_mono_ms;
    out->clock.got_mono_ms = from->got_mono_ms;
    out->clock.server_ms = from->server_ms;
    return message_bytes(&from->boot, out->clock.boot, sizeof out->clock.boot);
}

/* The checkpoint that is held, and its confirmation. */
static bool get_seen(const Sotay__SyncAsk *from, st_ask *out)
{
    bool has_root = false;
    out->seen_size = from->seen_size;
    out->has_short_root = from->seen_root.len == ST_SHORT_ROOT_BYTES;
    out->checkpoints = from->checkpoints || out->has_short_root;
    size_t root_bytes = out->has_short_root ? ST_SHORT_ROOT_BYTES : sizeof out->seen_root.b;
    size_t left_out = out->has_short_root ? ST_SHORT_TIME_LESS : 0;
    memset(out->cosigned, 0, left_out);
    return message_optional(&from->seen_root, out->seen_root.b, root_bytes, &has_root)
        && message_optional(&from->cosigned, out->cosigned + left_out,
                            sizeof out->cosigned - left_out, &out->has_cosigned)
        && has_root == (from->seen_size > 0);
}

static bool get_tree(const Sotay__TreeHead *from, bool *out_has, st_tree_news *tree)
{
    *out_has = from != NULL;
    if (from == NULL)
        return true;
    tree->head.size = from->size;
    tree->epoch = from->epoch;
    tree->proof = from->consistency.data;
    tree->proof_count = (uint32_t)(from->consistency.len / sizeof(st_hash));
    return from->size > 0 && from->consistency.len % sizeof(st_hash) == 0
        && tree->proof_count <= ST_PROOF_MAX
        && message_bytes(&from->root, tree->head.root.b, sizeof tree->head.root.b)
        && message_bytes(&from->signature, tree->signature, sizeof tree->signature);
}

static st_err get_ask(const Sotay__SyncAsk *from, st_arena *arena, st_ask *out, st_error *error)
{
    out->version = from->version;
    out->position = from->position;
    out->reach = from->reach;
    out->scope_rev = from->scope_rev;
    out->kept_from = from->kept_from;
    out->wall_ms = from->wall_ms;
    out->answer_bytes_max = from->answer_bytes_max;
    out->epochs = from->epochs;
    out->address = from->address;
    out->log_keys = from->log_keys;
    out->snapshots = from->snapshots;
    out->repairs = from->repairs;
    out->carries = from->carries;
    if (from->version == 0)
        return message_corrupt(error, "request without version");
    if (!message_optional(&from->epoch, out->epoch, sizeof out->epoch, &out->has_epoch)
        || !message_optional(&from->collapsed, out->collapsed, sizeof out->collapsed,
                         &out->is_collapsed)
        || !message_optional(&from->log_key_mark, out->log_key_mark, sizeof out->log_key_mark,
                             &out->has_log_key_mark)
        || !message_optional(&from->epochs_mark, out->epochs_mark, sizeof out->epochs_mark,
                             &out->has_epochs_mark)
        || !get_seen(from, out) || !get_clock(from->clock, out)
        || !get_tree(from->held, &out->has_held, &out->held))
        return message_corrupt(error, "bad length in a request");
    if (out->is_collapsed && from->n_buckets > 0)
        return message_corrupt(error, "request both collapsed and not");
    st_bucket_ask *buckets = st_arena_array(arena, from->n_buckets, sizeof *buckets);
    st_gone *gone = st_arena_array(arena, from->n_gone, sizeof *gone);
    if (buckets == NULL || gone == NULL)
        return message_no_memory(error);
    for (size_t i = 0; i < from->n_buckets; i++) {
        const Sotay__BucketAsk *one = from->buckets[i];
        buckets[i].cursor = one->cursor;
        if (!st_bucket_set(&buckets[i].bucket, one->bucket, strlen(one->bucket))
            || !message_bytes(&one->sum, buckets[i].sum.b, sizeof buckets[i].sum.b))
            return message_corrupt(error, "bad bucket in a request");
    }
    for (size_t i = 0; i < from->n_gone; i++) {
        if (!span_is_good(from->gone[i]->from, from->gone[i]->to))
            return message_corrupt(error, "bad span of what is gone");
        gone[i] = (st_gone){ from->gone[i]->from, from->gone[i]->to };
    }
    out->buckets = buckets;
    out->buckets_count = (uint32_t)from->n_buckets;
    out->gone = gone;
    out->gone_count = (uint32_t)from->n_gone;
    st_err err = message_get_purges(from, arena, out, error);
    if (err == ST_OK)
        err = message_get_renews(from, arena, out, error);
    if (err == ST_OK)
        err = message_get_decided(from, arena, out, error);
    return err == ST_OK ? message_get_seen_epochs(from, arena, out, error) : err;
}

/* A reason that this version does not know keeps its number: st_hold_name says "unknown". Counter 0
 * stands for a set of which not even that could be read. */
st_err message_held(Sotay__HeldChange *const *from, size_t count, st_arena *arena,
                    const st_held **out_held, st_error *error)
{
    st_held *held = st_arena_array(arena, count, sizeof *held);
    if (held == NULL)
        return message_no_memory(error);
    for (size_t i = 0; i < count; i++) {
        held[i] = (st_held){ from[i]->counter, (st_hold)from[i]->reason };
        if (held[i].reason == ST_HOLD_NONE
            || (i > 0 && held[i - 1].counter >= held[i].counter))
            return message_corrupt(error, "bad list of held changes");
    }
    *out_held = held;
    return ST_OK;
}

static st_err get_verdict(const Sotay__Verdict *from, st_arena *arena, st_verdict *out,
                          st_error *error)
{
    if (!message_optional(&from->device, out->device.b, 16, &out->has_device))
        return message_corrupt(error, "bad verdict");
    out->first = from->first;
    out->kind = (uint32_t)from->kind <= ST_VERDICT_LATER ? (st_verdict_kind)from->kind
                                                         : ST_VERDICT_UNKNOWN;
    out->position = from->position;
    out->later_s = from->later_s;
    for (size_t i = 0; i < from->n_declined; i++)
        if (from->declined[i] == 0 || (i > 0 && from->declined[i - 1] >= from->declined[i]))
            return message_corrupt(error, "bad list of declined changes");
    out->declined = from->declined;
    out->declined_count = (uint32_t)from->n_declined;
    out->held_count = (uint32_t)from->n_held;
    return message_held(from->held, from->n_held, arena, &out->held, error);
}

static st_err get_want(const Sotay__Want *from, st_want *out, st_error *error)
{
    if (!message_optional(&from->device, out->device.b, 16, &out->has_device)
        || !span_is_good(from->from, from->to))
        return message_corrupt(error, "bad want");
    out->from = from->from;
    out->to = from->to;
    return ST_OK;
}

/* Buckets and roles of a later version are left out: this one could do nothing with them. */
static st_err get_scope(const Sotay__Scope *from, st_arena *arena, st_scope *out, st_error *error)
{
    st_bucket *buckets = st_arena_array(arena, from->n_buckets, sizeof *buckets);
    st_role *roles = st_arena_array(arena, from->n_roles, sizeof *roles);
    if (buckets == NULL || roles == NULL)
        return message_no_memory(error);
    out->rev = from->rev;
    for (size_t i = 0; i < from->n_buckets; i++) {
        const char *name = from->buckets[i];
        if (st_bucket_set(&buckets[out->buckets_count], name, strlen(name)))
            out->buckets_count++;
    }
    for (size_t i = 0; i < from->n_roles; i++) {
        if ((uint32_t)from->roles[i] < ST_ROLE_COUNT)
            roles[out->roles_count++] = (st_role)from->roles[i];
    }
    out->buckets = buckets;
    out->roles = roles;
    return ST_OK;
}

bool message_reason(const char *from, const char **out_reason)
{
    size_t len = strlen(from);
    *out_reason = len > 0 ? from : NULL;
    return st_text_is_nfc(from, len) && st_text_chars(from, len) <= ST_REASON_CHARS_MAX;
}

/* What an entry is about: a set, which says itself whose it is and where it begins, or some of a
 * device's changes: a reference to its set, or those that are decided on. */
static st_err get_subject(const Sotay__Entry *from, st_entry *out, st_error *error)
{
    bool has_device = false;
    if (!message_optional(&from->device, out->device.b, 16, &has_device)
        || has_device == st_id_is_zero(&out->device))
        return message_corrupt(error, "bad device in an entry");
    if (from->set.len > 0) {
        out->set = from->set.data;
        out->set_len = from->set.len;
        out->device = (st_id){ 0 };
        return from->n_counters == 0 ? ST_OK : message_corrupt(error, "bad counters in an entry");
    }
    out->first = from->first;
    out->last = from->last;
    if ((out->first != 0 || out->last != 0)
        && (!has_device || !span_is_good(out->first, out->last)))
        return message_corrupt(error, "bad reference in an entry");
    for (size_t i = 0; i < from->n_counters; i++) {
        if (!has_device || from->counters[i] == 0
            || (i > 0 && from->counters[i - 1] >= from->counters[i]))
            return message_corrupt(error, "bad counters in an entry");
    }
    return ST_OK;
}

st_err message_entry(const Sotay__Entry *from, st_arena *arena, st_entry *out, st_error *error)
{
    out->index = from->index;
    out->time_ms = from->time_ms;
    out->kind = (uint32_t)from->kind < ST_ENTRY_COUNT ? (st_entry_kind)from->kind : ST_ENTRY_NONE;
    if (!st_set_fits(from->set.data, from->set.len))
        return st_fail(error, ST_E_TOO_LARGE, "frame: a change-set is over its limit");
    if (!message_optional(&from->carrier, out->carrier.b, 16, &out->has_carrier))
        return message_corrupt(error, "bad carrier in an entry");
    st_err err = get_subject(from, out, error);
    if (err != ST_OK)
        return err;
    out->counters = from->counters;
    out->counters_count = (uint32_t)from->n_counters;
    if (!message_reason(from->reason, &out->reason))
        return message_corrupt(error, "bad reason in an entry");
    out->held_count = (uint32_t)from->n_held;
    return message_held(from->held, from->n_held, arena, &out->held, error);
}

static st_err get_page_entries(const Sotay__Page *from, st_arena *arena, st_page *out,
                               st_error *error)
{
    st_entry *entries = st_arena_array(arena, from->n_entries, sizeof *entries);
    if (entries == NULL)
        return message_no_memory(error);
    for (size_t i = 0; i < from->n_entries; i++) {
        st_err err = message_entry(from->entries[i], arena, &entries[i], error);
        if (err != ST_OK)
            return err;
        uint64_t before = i == 0 ? 0 : entries[i - 1].index;
        if (entries[i].index <= before || entries[i].index > from->cursor)
            return message_corrupt(error, "entries of a page do not rise to its cursor");
    }
    out->entries = entries;
    out->entries_count = (uint32_t)from->n_entries;
    return ST_OK;
}

static st_err get_page(const Sotay__Page *from, st_arena *arena, st_page *out, st_error *error)
{
    bool has_sum = false;
    if (!st_bucket_set(&out->bucket, from->bucket, strlen(from->bucket)))
        return message_corrupt(error, "bad bucket of a page");
    if (!message_optional(&from->sum, out->sum.b, sizeof out->sum.b, &has_sum)
        || has_sum != (from->last != 0) || (from->n_vector > 0 && !from->last))
        return message_corrupt(error, "a page has its sum at its end");
    out->cursor = from->cursor;
    out->last = from->last;
    out->fold_version = from->fold_version;
    out->reset = from->reset;
    st_upto *vector = st_arena_array(arena, from->n_vector, sizeof *vector);
    if (vector == NULL)
        return message_no_memory(error);
    for (size_t i = 0; i < from->n_vector; i++) {
        vector[i].counter = from->vector[i]->counter;
        if (!message_bytes(&from->vector[i]->device, vector[i].device.b, 16)
            || (i > 0 && st_id_cmp(&vector[i - 1].device, &vector[i].device) >= 0))
            return message_corrupt(error, "bad vector of a page");
    }
    out->vector = vector;
    out->vector_count = (uint32_t)from->n_vector;
    return get_page_entries(from, arena, out, error);
}

static st_err get_end(const Sotay__SyncEnd *from, st_end *out, st_error *error)
{
    if (from->version == 0
        || !message_optional(&from->epoch, out->epoch, sizeof out->epoch, &out->has_epoch)
        || !get_tree(from->tree, &out->has_tree, &out->tree))
        return message_corrupt(error, "bad end");
    out->version = from->version;
    out->server_ms = from->server_ms;
    out->position = from->position;
    out->more = from->more;
    out->backed_up_to = from->backed_up_to;
    out->dictionary = from->dictionary;
    out->purges = from->purges;
    out->decided = from->decided;
    out->short_roots = from->short_roots;
    /* One that a newer server knows is no use of the device either. */
    out->standing = (uint32_t)from->standing <= ST_STANDING_REVOKED ? (st_standing)from->standing
                                                                    : ST_STANDING_SUSPENDED;
    return ST_OK;
}

static st_err get_enrol_ask(const Sotay__EnrolAsk *from, st_enrol_ask *out, st_error *error)
{
    out->version = from->version;
    out->log_keys = from->log_keys;
    if (from->version == 0 || !message_bytes(&from->code, out->code, sizeof out->code)
        || !message_bytes(&from->sign_key, out->sign_key, sizeof out->sign_key)
        || !message_bytes(&from->cosign_key, out->cosign_key, sizeof out->cosign_key)
        || !message_bytes(&from->install, out->install, sizeof out->install)
        || !message_bytes(&from->proof, out->proof, sizeof out->proof)
        || !message_optional(&from->log, out->log.b, sizeof out->log.b, &out->has_log)
        || !message_optional(&from->person, out->person.b, sizeof out->person.b,
                             &out->has_person))
        return message_corrupt(error, "bad enrolment");
    if (!get_text(from->label, out->label, sizeof out->label)
        || st_text_chars(out->label, strlen(out->label)) > 80)
        return message_corrupt(error, "bad label of a device");
    return ST_OK;
}

st_err message_get_enrol_answer(const Sotay__EnrolAnswer *from, st_arena *arena,
                                st_enrol_answer *out, st_error *error)
{
    out->version = from->version;
    out->server_ms = from->server_ms;
    if (from->version == 0 || !message_bytes(&from->log_key, out->log_key, sizeof out->log_key)
        || !message_bytes(&from->seal_key, out->seal_key, sizeof out->seal_key)
        || !message_bytes(&from->recovery_key, out->recovery_key, sizeof out->recovery_key)
        || !message_bytes(&from->person, out->person.b, sizeof out->person.b)
        || !message_bytes(&from->epoch, out->epoch, sizeof out->epoch)
        || !message_bytes(&from->server_device, out->server_device.b, sizeof out->server_device.b)
        || !message_bytes(&from->server_key, out->server_key, sizeof out->server_key))
        return message_corrupt(error, "bad answer to an enrolment");
    if (!st_code_set(&out->login, from->login, strlen(from->login))
        || !st_code_set(&out->commune, from->commune, strlen(from->commune))
        || !get_text(from->letters, out->letters, sizeof out->letters)
        || !get_text(from->fingerprint, out->fingerprint, sizeof out->fingerprint)
        || from->scope == NULL)
        return message_corrupt(error, "bad words in the answer to an enrolment");
    out->enrolment = from->enrolment.len > 0 ? from->enrolment.data : NULL;
    out->enrolment_len = from->enrolment.len;
    st_err err = message_get_told_epochs(from, arena, out, error);
    if (err == ST_OK && from->log_keys != NULL)
        err = message_get_log_keys(from->log_keys, arena, &out->log_keys, error);
    return err == ST_OK ? get_scope(from->scope, arena, &out->scope, error) : err;
}

static st_err get_refusal(const Sotay__Refusal *from, st_refusal *out, st_error *error)
{
    if (from->code == ST_OK || !get_text(from->detail, out->detail, sizeof out->detail))
        return message_corrupt(error, "bad refusal");
    out->code = from->code < ST_ERR_COUNT ? (st_err)from->code : ST_E_SERVER;
    out->counter = from->counter;
    out->later_s = from->later_s;
    out->why = from->why;
    return ST_OK;
}

static st_err get_body(const Sotay__Frame *from, st_arena *arena, st_frame *out, st_error *error)
{
    switch (from->body_case) {
    case SOTAY__FRAME__BODY_ASK:
        return get_ask(from->ask, arena, &out->as.ask, error);
    case SOTAY__FRAME__BODY_SET:
        if (from->set.len == 0)
            return message_corrupt(error, "empty change-set");
        if (!st_set_fits(from->set.data, from->set.len))
            return st_fail(error, ST_E_TOO_LARGE, "frame: a change-set is over its limit");
        out->as.set.bytes = from->set.data;
        out->as.set.len = from->set.len;
        return ST_OK;
    case SOTAY__FRAME__BODY_VERDICT:
        return get_verdict(from->verdict, arena, &out->as.verdict, error);
    case SOTAY__FRAME__BODY_WANT:
        return get_want(from->want, &out->as.want, error);
    case SOTAY__FRAME__BODY_SCOPE:
        return get_scope(from->scope, arena, &out->as.scope, error);
    case SOTAY__FRAME__BODY_PAGE:
        return get_page(from->page, arena, &out->as.page, error);
    case SOTAY__FRAME__BODY_END:
        return get_end(from->end, &out->as.end, error);
    case SOTAY__FRAME__BODY_ENROL_ASK:
        return get_enrol_ask(from->enrol_ask, &out->as.enrol_ask, error);
    case SOTAY__FRAME__BODY_ENROL_ANSWER:
        return message_get_enrol_answer(from->enrol_answer, arena, &out->as.enrol_answer, error);
    case SOTAY__FRAME__BODY_REFUSAL:
        return get_refusal(from->refusal, &out->as.refusal, error);
    case SOTAY__FRAME__BODY_SNAPSHOT:
        return message_get_snapshot(from->snapshot, arena, &out->as.snapshot, error);
    case SOTAY__FRAME__BODY_REPAIR_ASK:
        return message_get_repair_ask(from->repair_ask, arena, &out->as.repair_ask, error);
    case SOTAY__FRAME__BODY_REPAIR_ANSWER:
        return message_get_repair_answer(from->repair_answer, arena, &out->as.repair_answer,
                                         error);
    case SOTAY__FRAME__BODY_EPOCHS:
        return message_get_epochs(from->epochs, arena, out, error);
    case SOTAY__FRAME__BODY_LOG_KEYS:
        return message_get_log_keys(from->log_keys, arena, &out->as.log_keys, error);
    case SOTAY__FRAME__BODY_ADDRESS:
        return message_get_address(from->address, &out->as.address, error);
    case SOTAY__FRAME__BODY_HAVE_ASK:
        return message_get_have_ask(from->have_ask, arena, &out->as.have_ask, error);
    case SOTAY__FRAME__BODY_HAVE_ANSWER:
        return message_get_have_answer(from->have_answer, arena, &out->as.have_answer, error);
    case SOTAY__FRAME__BODY_PARCEL:
        return message_get_parcel(from->parcel, &out->as.parcel, error);
    case SOTAY__FRAME__BODY_RECEIPT:
        return message_get_receipt(from->receipt, arena, &out->as.receipt, error);
    case SOTAY__FRAME__BODY_CARRY:
        return message_get_carry(from->carry, arena, &out->as.carry, error);
    case SOTAY__FRAME__BODY_PIECE_TAKEN:
        return message_get_piece_taken(from->piece_taken, &out->as.piece_taken, error);
    case SOTAY__FRAME__BODY_PIECE_BYTES:
        return message_get_piece_bytes(from->piece_bytes, &out->as.piece_bytes, error);
    case SOTAY__FRAME__BODY_HEIR_ASK:
        return message_get_heir_ask(from->heir_ask, &out->as.heir_ask, error);
    case SOTAY__FRAME__BODY_HEIR_ANSWER:
        return message_get_heir_answer(from->heir_answer, arena, &out->as.heir_answer, error);
    case SOTAY__FRAME__BODY__NOT_SET:
    default:
        return ST_OK;
    }
}

st_err st_frame_decode(const uint8_t *bytes, size_t len, st_arena *arena, st_frame *out_frame,
                       st_error *error)
{
    assert((bytes != NULL || len == 0) && arena != NULL && out_frame != NULL);
    void *message = NULL;
    st_frame frame;
    if (len > ST_FRAME_BYTES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "frame: %zu bytes", len);
    st_err err = st_wire_unpack(bytes, len, &sotay__frame__descriptor, arena, &message, error);
    if (err != ST_OK)
        return err;
    const Sotay__Frame *from = message;
    memset(&frame, 0, sizeof frame);
    frame.kind = (st_frame_kind)from->body_case;
    err = get_body(from, arena, &frame, error);
    if (err == ST_OK)
        *out_frame = frame;
    return err;
}
