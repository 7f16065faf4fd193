/* proto/message_encode.c - checked structs to the bytes of one frame.
 * Promises: the same struct gives the same bytes; a frame over its limit is refused, not cut.
 * Must never: change the caller's structs, copy sets (they are pointed at), or send a frame without
 * a body. */
#include <assert.h>
#include <string.h>

#include "proto/message_parts.h"
#include "proto/text.h"

_Static_assert((int)ST_ENTRY_NOTE == (int)SOTAY__ENTRY_KIND__ENTRY_NOTE, "kinds as in sotay.proto");
_Static_assert((int)ST_VERDICT_LATER == (int)SOTAY__VERDICT_KIND__VERDICT_LATER,
               "verdicts as in sotay.proto");
_Static_assert((int)ST_FRAME_EPOCHS == (int)SOTAY__FRAME__BODY_EPOCHS,
               "frames as in sotay.proto");
_Static_assert((int)ST_FRAME_HAVE_ANSWER == (int)SOTAY__FRAME__BODY_HAVE_ANSWER,
               "numbers of frames");
_Static_assert((int)ST_FRAME_LOG_KEYS == (int)SOTAY__FRAME__BODY_LOG_KEYS,
               "numbers of frames");
_Static_assert((int)ST_FRAME_REPAIR_ANSWER == (int)SOTAY__FRAME__BODY_REPAIR_ANSWER,
               "frames as in sotay.proto");

#define BUILD_BYTES_MAX (64u * 1024u * 1024u)

void *message_make(message_builder *b, size_t count, size_t size)
{
    void *memory = st_arena_array(&b->arena, count, size);
    if (memory == NULL)
        b->no_memory = true;
    return memory;
}

ProtobufCBinaryData message_view(const void *data, size_t len)
{
    /* protobuf-c does not write through it. */
    return (ProtobufCBinaryData){ .len = len, .data = (uint8_t *)(uintptr_t)data };
}

static ProtobufCBinaryData view_if(bool there, const void *data, size_t len)
{
    return there ? message_view(data, len) : (ProtobufCBinaryData){ 0 };
}

char *message_string(const char *text)
{
    return (char *)(uintptr_t)text;
}

static void put_clock(message_builder *b, const st_ask *ask, Sotay__SyncAsk *out)
{
    Sotay__Clock *clock = ask->has_clock ? message_make(b, 1, sizeof *clock) : NULL;
    if (clock == NULL)
        return;
    sotay__clock__init(clock);
    clock->boot = message_view(ask->clock.boot, sizeof ask->clock.boot);
    clock->sent_mono_ms = ask->clock.sent_mono_ms;
    clock->got_mono_ms = ask->clock.got_mono_ms;
    clock->server_ms = ask->clock.server_ms;
    out->clock = clock;
}

static void put_seen(const st_ask *ask, Sotay__SyncAsk *out)
{
    bool is_short = ask->has_short_root && ask->seen_size > 0;
    size_t root_bytes = is_short ? ST_SHORT_ROOT_BYTES : sizeof ask->seen_root.b;
    size_t left_out = is_short ? ST_SHORT_TIME_LESS : 0;
    out->seen_size = ask->seen_size;
    out->seen_root = view_if(ask->seen_size > 0, ask->seen_root.b, root_bytes);
    out->checkpoints = ask->checkpoints && !is_short;
    out->cosigned = view_if(ask->has_cosigned, ask->cosigned + left_out,
                            sizeof ask->cosigned - left_out);
}

/* NULL: no memory. */
static Sotay__TreeHead *put_tree(message_builder *b, const st_tree_news *tree)
{
    Sotay__TreeHead *head = message_make(b, 1, sizeof *head);
    if (head == NULL)
        return NULL;
    sotay__tree_head__init(head);
    head->size = tree->head.size;
    head->root = message_view(tree->head.root.b, sizeof tree->head.root.b);
    head->signature = message_view(tree->signature, sizeof tree->signature);
    head->epoch = tree->epoch;
    head->consistency = message_view(tree->proof, tree->proof_count * sizeof(st_hash));
    return head;
}

static void put_ask(message_builder *b, const st_ask *ask, Sotay__SyncAsk *out)
{
    sotay__sync_ask__init(out);
    out->version = ask->version;
    out->epoch = view_if(ask->has_epoch, ask->epoch, sizeof ask->epoch);
    out->position = ask->position;
    out->reach = ask->reach;
    out->scope_rev = ask->scope_rev;
    out->collapsed = view_if(ask->is_collapsed, ask->collapsed, sizeof ask->collapsed);
    out->kept_from = ask->kept_from;
    out->wall_ms = ask->wall_ms;
    out->answer_bytes_max = ask->answer_bytes_max;
    out->epochs = ask->epochs;
    out->address = ask->address;
    out->log_keys = ask->log_keys;
    out->log_key_mark =
        view_if(ask->has_log_key_mark, ask->log_key_mark, sizeof ask->log_key_mark);
    out->epochs_mark = view_if(ask->has_epochs_mark, ask->epochs_mark, sizeof ask->epochs_mark);
    out->snapshots = ask->snapshots;
    out->repairs = ask->repairs;
    out->carries = ask->carries;
    put_clock(b, ask, out);
    message_put_purges(b, ask, out);
    message_put_renews(b, ask, out);
    message_put_decided(b, ask, out);
    message_put_seen_epochs(b, ask, out);
    put_seen(ask, out);
    if (ask->has_held)
        out->held = put_tree(b, &ask->held);
    out->buckets = message_make(b, ask->buckets_count, sizeof *out->buckets);
    Sotay__BucketAsk *buckets = message_make(b, ask->buckets_count, sizeof *buckets);
    out->gone = message_make(b, ask->gone_count, sizeof *out->gone);
    Sotay__Gone *gone = message_make(b, ask->gone_count, sizeof *gone);
    if (b->no_memory)
        return;
    for (uint32_t i = 0; i < ask->buckets_count; i++) {
        sotay__bucket_ask__init(&buckets[i]);
        buckets[i].bucket = message_string(ask->buckets[i].bucket.s);
        buckets[i].cursor = ask->buckets[i].cursor;
        buckets[i].sum = message_view(ask->buckets[i].sum.b, sizeof ask->buckets[i].sum.b);
        out->buckets[i] = &buckets[i];
    }
    for (uint32_t i = 0; i < ask->gone_count; i++) {
        sotay__gone__init(&gone[i]);
        gone[i].from = ask->gone[i].from;
        gone[i].to = ask->gone[i].to;
        out->gone[i] = &gone[i];
    }
    out->n_buckets = ask->buckets_count;
    out->n_gone = ask->gone_count;
}

Sotay__HeldChange **message_put_held(message_builder *b, const st_held *held, uint32_t count)
{
    Sotay__HeldChange **list = message_make(b, count, sizeof *list);
    Sotay__HeldChange *items = message_make(b, count, sizeof *items);
    if (list == NULL || items == NULL)
        return NULL;
    for (uint32_t i = 0; i < count; i++) {
        sotay__held_change__init(&items[i]);
        items[i].counter = held[i].counter;
        items[i].reason = (Sotay__Hold)held[i].reason;
        list[i] = &items[i];
    }
    return list;
}

static void put_verdict(message_builder *b, const st_verdict *verdict, Sotay__Verdict *out)
{
    sotay__verdict__init(out);
    out->device = view_if(verdict->has_device, verdict->device.b, sizeof verdict->device.b);
    out->first = verdict->first;
    out->kind = (Sotay__VerdictKind)verdict->kind;
    out->position = verdict->position;
    out->n_held = verdict->held_count;
    out->held = message_put_held(b, verdict->held, verdict->held_count);
    out->later_s = verdict->later_s;
    out->n_declined = verdict->declined_count;
    out->declined = (uint64_t *)(uintptr_t)verdict->declined;
}

static void put_want(const st_want *want, Sotay__Want *out)
{
    sotay__want__init(out);
    out->device = view_if(want->has_device, want->device.b, sizeof want->device.b);
    out->from = want->from;
    out->to = want->to;
}

static void put_scope(message_builder *b, const st_scope *scope, Sotay__Scope *out)
{
    sotay__scope__init(out);
    out->rev = scope->rev;
    out->buckets = message_make(b, scope->buckets_count, sizeof *out->buckets);
    out->roles = message_make(b, scope->roles_count, sizeof *out->roles);
    if (b->no_memory)
        return;
    for (uint32_t i = 0; i < scope->buckets_count; i++)
        out->buckets[i] = message_string(scope->buckets[i].s);
    for (uint32_t i = 0; i < scope->roles_count; i++)
        out->roles[i] = (Sotay__Role)scope->roles[i];
    out->n_buckets = scope->buckets_count;
    out->n_roles = scope->roles_count;
}

void message_put_entry(message_builder *b, const st_entry *entry, Sotay__Entry *out)
{
    sotay__entry__init(out);
    out->index = entry->index;
    out->time_ms = entry->time_ms;
    out->kind = (Sotay__EntryKind)entry->kind;
    out->set = view_if(entry->set != NULL, entry->set, entry->set_len);
    /* A set says itself whose it is and where it begins. */
    if (entry->set == NULL) {
        out->device = view_if(!st_id_is_zero(&entry->device), entry->device.b, 16);
        out->first = entry->first;
        out->last = entry->last;
    }
    out->n_held = entry->held_count;
    out->held = message_put_held(b, entry->held, entry->held_count);
    out->carrier = view_if(entry->has_carrier, entry->carrier.b, sizeof entry->carrier.b);
    out->n_counters = entry->counters_count;
    out->counters = (uint64_t *)(uintptr_t)entry->counters;
    if (entry->reason != NULL)
        out->reason = message_string(entry->reason);
}

static void put_page(message_builder *b, const st_page *page, Sotay__Page *out)
{
    sotay__page__init(out);
    out->bucket = message_string(page->bucket.s);
    out->cursor = page->cursor;
    out->last = page->last;
    out->sum = view_if(page->last, page->sum.b, sizeof page->sum.b);
    out->fold_version = page->fold_version;
    out->reset = page->reset;
    out->entries = message_make(b, page->entries_count, sizeof *out->entries);
    Sotay__Entry *entries = message_make(b, page->entries_count, sizeof *entries);
    out->vector = message_make(b, page->vector_count, sizeof *out->vector);
    Sotay__Upto *vector = message_make(b, page->vector_count, sizeof *vector);
    if (b->no_memory)
        return;
    for (uint32_t i = 0; i < page->entries_count; i++) {
        message_put_entry(b, &page->entries[i], &entries[i]);
        out->entries[i] = &entries[i];
    }
    for (uint32_t i = 0; i < page->vector_count; i++) {
        sotay__upto__init(&vector[i]);
        vector[i].device = message_view(page->vector[i].device.b, sizeof page->vector[i].device.b);
        vector[i].counter = page->vector[i].counter;
        out->vector[i] = &vector[i];
    }
    out->n_entries = page->entries_count;
    out->n_vector = page->vector_count;
}

static void put_end(message_builder *b, const st_end *end, Sotay__SyncEnd *out)
{
    sotay__sync_end__init(out);
    out->version = end->version;
    out->epoch = view_if(end->has_epoch, end->epoch, sizeof end->epoch);
    out->server_ms = end->server_ms;
    out->position = end->position;
    out->more = end->more;
    out->backed_up_to = end->backed_up_to;
    out->dictionary = end->dictionary;
    out->purges = end->purges;
    out->decided = end->decided;
    out->short_roots = end->short_roots;
    out->standing = (Sotay__Standing)end->standing;
    if (end->has_tree)
        out->tree = put_tree(b, &end->tree);
}

static void put_enrol_ask(const st_enrol_ask *ask, Sotay__EnrolAsk *out)
{
    sotay__enrol_ask__init(out);
    out->version = ask->version;
    out->code = message_view(ask->code, sizeof ask->code);
    out->sign_key = message_view(ask->sign_key, sizeof ask->sign_key);
    out->cosign_key = message_view(ask->cosign_key, sizeof ask->cosign_key);
    out->install = message_view(ask->install, sizeof ask->install);
    out->label = message_string(ask->label);
    out->proof = message_view(ask->proof, sizeof ask->proof);
    out->log_keys = ask->log_keys;
    if (ask->has_log)
        out->log = message_view(ask->log.b, sizeof ask->log.b);
    if (ask->has_person)
        out->person = message_view(ask->person.b, sizeof ask->person.b);
}

void message_put_enrol_answer(message_builder *b, const st_enrol_answer *answer,
                              Sotay__EnrolAnswer *out)
{
    sotay__enrol_answer__init(out);
    out->version = answer->version;
    out->log_key = message_view(answer->log_key, sizeof answer->log_key);
    out->seal_key = message_view(answer->seal_key, sizeof answer->seal_key);
    out->recovery_key = message_view(answer->recovery_key, sizeof answer->recovery_key);
    out->person = message_view(answer->person.b, sizeof answer->person.b);
    out->login = message_string(answer->login.s);
    out->commune = message_string(answer->commune.s);
    out->epoch = message_view(answer->epoch, sizeof answer->epoch);
    out->letters = message_string(answer->letters);
    out->server_ms = answer->server_ms;
    out->fingerprint = message_string(answer->fingerprint);
    out->server_device = message_view(answer->server_device.b, sizeof answer->server_device.b);
    out->server_key = message_view(answer->server_key, sizeof answer->server_key);
    if (answer->enrolment != NULL)
        out->enrolment = message_view(answer->enrolment, answer->enrolment_len);
    out->scope = message_make(b, 1, sizeof *out->scope);
    if (out->scope != NULL)
        put_scope(b, &answer->scope, out->scope);
    if (answer->log_keys.has_first)
        out->log_keys = message_make(b, 1, sizeof *out->log_keys);
    if (out->log_keys != NULL)
        message_put_log_keys(b, &answer->log_keys, out->log_keys);
    message_put_told_epochs(b, answer, out);
}

/* A detail may have been cut in the middle of a letter; what is sent is clean text. */
static char *clean_detail(message_builder *b, const char *detail)
{
    size_t len = strlen(detail);
    size_t least = len < 4 ? 0 : len - 4;
    while (len > least && !st_text_is_nfc(detail, len))
        len--;
    if (!st_text_is_nfc(detail, len))
        len = 0;
    char *copy = (char *)st_arena_copy(&b->arena, detail, len);
    if (copy == NULL)
        b->no_memory = true;
    return copy;
}

static void put_refusal(message_builder *b, const st_refusal *refusal, Sotay__Refusal *out)
{
    sotay__refusal__init(out);
    out->code = (uint32_t)refusal->code;
    out->counter = refusal->counter;
    out->detail = clean_detail(b, refusal->detail);
    out->later_s = refusal->later_s;
    out->why = refusal->why;
}

static st_err pack(const Sotay__Frame *frame, st_buffer *out, st_error *error)
{
    size_t len = sotay__frame__get_packed_size(frame);
    if (len > ST_FRAME_BYTES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "frame: %zu bytes", len);
    if (out->len > out->max || len > out->max - out->len)
        return st_fail(error, ST_E_TOO_LARGE, "frame: %zu bytes do not fit", len);
    uint8_t *room = st_buffer_reserve(out, len);
    if (room == NULL)
        return st_fail(error, ST_E_MEMORY, "frame: no memory for %zu bytes", len);
    out->len += sotay__frame__pack(frame, room);
    return ST_OK;
}

/* Room for any body, so that nothing small is taken from the heap. */
typedef union {
    Sotay__SyncAsk ask;
    Sotay__Verdict verdict;
    Sotay__Want want;
    Sotay__Scope scope;
    Sotay__Page page;
    Sotay__SyncEnd end;
    Sotay__EnrolAsk enrol_ask;
    Sotay__EnrolAnswer enrol_answer;
    Sotay__Refusal refusal;
    Sotay__Snapshot snapshot;
    Sotay__RepairAsk repair_ask;
    Sotay__RepairAnswer repair_answer;
    Sotay__AddressNotice address;
    Sotay__Epochs epochs;
    Sotay__LogKeys log_keys;
    Sotay__HaveAsk have_ask;
    Sotay__HaveAnswer have_answer;
    Sotay__Parcel parcel;
    Sotay__Receipt receipt;
    Sotay__Carry carry;
    Sotay__PieceTaken piece_taken;
    Sotay__PieceBytes piece_bytes;
    Sotay__HeirAsk heir_ask;
    Sotay__HeirAnswer heir_answer;
} any_body;

/* The same for what is carried. */
static bool put_carried(message_builder *b, const st_frame *frame, any_body *body,
                        Sotay__Frame *message)
{
    switch (frame->kind) {
    case ST_FRAME_PARCEL:
        message_put_parcel(&frame->as.parcel, message->parcel = &body->parcel);
        return true;
    case ST_FRAME_RECEIPT:
        message_put_receipt(&frame->as.receipt, message->receipt = &body->receipt);
        return true;
    case ST_FRAME_CARRY:
        message_put_carry(b, &frame->as.carry, message->carry = &body->carry);
        return true;
    case ST_FRAME_PIECE_TAKEN:
        message_put_piece_taken(&frame->as.piece_taken, message->piece_taken = &body->piece_taken);
        return true;
    case ST_FRAME_PIECE_BYTES:
        message_put_piece_bytes(&frame->as.piece_bytes, message->piece_bytes = &body->piece_bytes);
        return true;
    case ST_FRAME_HEIR_ASK:
        message_put_heir_ask(&frame->as.heir_ask, message->heir_ask = &body->heir_ask);
        return true;
    case ST_FRAME_HEIR_ANSWER:
        message_put_heir_answer(b, &frame->as.heir_answer,
                                message->heir_answer = &body->heir_answer);
        return true;
    default:
        return false;
    }
}

/* Fills body and points message at it. False: a kind that is not sent. */
static bool put_body(message_builder *b, const st_frame *frame, any_body *body,
                     Sotay__Frame *message)
{
    switch (frame->kind) {
    case ST_FRAME_ASK:
        put_ask(b, &frame->as.ask, message->ask = &body->ask);
        return true;
    case ST_FRAME_SET:
        message->set = message_view(frame->as.set.bytes, frame->as.set.len);
        return frame->as.set.len > 0;
    case ST_FRAME_VERDICT:
        put_verdict(b, &frame->as.verdict, message->verdict = &body->verdict);
        return frame->as.verdict.kind != ST_VERDICT_UNKNOWN;
    case ST_FRAME_WANT:
        put_want(&frame->as.want, message->want = &body->want);
        return true;
    case ST_FRAME_SCOPE:
        put_scope(b, &frame->as.scope, message->scope = &body->scope);
        return true;
    case ST_FRAME_PAGE:
        put_page(b, &frame->as.page, message->page = &body->page);
        return true;
    case ST_FRAME_END:
        put_end(b, &frame->as.end, message->end = &body->end);
        return true;
    case ST_FRAME_ENROL_ASK:
        put_enrol_ask(&frame->as.enrol_ask, message->enrol_ask = &body->enrol_ask);
        return true;
    case ST_FRAME_ENROL_ANSWER:
        message_put_enrol_answer(b, &frame->as.enrol_answer,
                                 message->enrol_answer = &body->enrol_answer);
        return true;
    case ST_FRAME_REFUSAL:
        put_refusal(b, &frame->as.refusal, message->refusal = &body->refusal);
        return true;
    case ST_FRAME_SNAPSHOT:
        message_put_snapshot(b, &frame->as.snapshot, message->snapshot = &body->snapshot);
        return true;
    case ST_FRAME_REPAIR_ASK:
        message_put_repair_ask(b, &frame->as.repair_ask, message->repair_ask = &body->repair_ask);
        return true;
    case ST_FRAME_REPAIR_ANSWER:
        message_put_repair_answer(b, &frame->as.repair_answer,
                                  message->repair_answer = &body->repair_answer);
        return true;
    case ST_FRAME_EPOCHS:
        message_put_epochs(b, frame, message->epochs = &body->epochs);
        return true;
    case ST_FRAME_LOG_KEYS:
        message_put_log_keys(b, &frame->as.log_keys, message->log_keys = &body->log_keys);
        return true;
    case ST_FRAME_ADDRESS:
        message_put_address(&frame->as.address, message->address = &body->address);
        return true;
    case ST_FRAME_HAVE_ASK:
        message_put_have_ask(b, &frame->as.have_ask, message->have_ask = &body->have_ask);
        return true;
    case ST_FRAME_HAVE_ANSWER:
        message_put_have_answer(&frame->as.have_answer, message->have_answer = &body->have_answer);
        return true;
    default:
        return put_carried(b, frame, body, message);
    }
}

st_err st_frame_encode(const st_frame *frame, st_buffer *out, st_error *error)
{
    assert(frame != NULL && out != NULL);
    message_builder b = { .no_memory = false };
    any_body body;
    Sotay__Frame message;
    st_arena_init(&b.arena, BUILD_BYTES_MAX);
    sotay__frame__init(&message);
    message.body_case = (Sotay__Frame__BodyCase)frame->kind;
    st_err err;
    if (!put_body(&b, frame, &body, &message))
        err = st_fail(error, ST_E_USAGE, "frame: kind %d is not sent", (int)frame->kind);
    else if (b.no_memory)
        err = st_fail(error, ST_E_MEMORY, "frame: no memory");
    else
        err = pack(&message, out, error);
    st_arena_reset(&b.arena);
    return err;
}
