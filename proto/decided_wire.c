/* proto/decided_wire.c - what the office had decided before the log was put back.
 * Promises: a decision that is read names a change and its record. Must never take
 * more than ST_DECIDED_MAX from one request. */
#include <string.h>

#include "proto/message_parts.h"

static bool get_one(const Sotay__Decided *from, st_decided *out)
{
    out->dot.counter = from->counter;
    out->kind = (uint32_t)from->kind < ST_ENTRY_COUNT ? (st_entry_kind)from->kind : ST_ENTRY_NONE;
    out->time_ms = from->time_ms;
    return from->counter > 0
           && message_bytes(&from->device, out->dot.device.b, sizeof out->dot.device.b)
           && message_bytes(&from->record, out->record.b, sizeof out->record.b)
           && message_optional(&from->set_hash, out->set.b, sizeof out->set.b, &out->has_set)
           && message_reason(from->reason, &out->reason);
}

st_err message_get_decided(const Sotay__SyncAsk *from, st_arena *arena, st_ask *out,
                           st_error *error)
{
    if (from->n_decided > ST_DECIDED_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "frame: more than %u decisions", ST_DECIDED_MAX);
    st_decided *list = st_arena_array(arena, from->n_decided, sizeof *list);
    if (list == NULL)
        return message_no_memory(error);
    for (size_t i = 0; i < from->n_decided; i++)
        if (!get_one(from->decided[i], &list[i]))
            return message_corrupt(error, "bad decision in a request");
    out->decided = list;
    out->decided_count = (uint32_t)from->n_decided;
    return ST_OK;
}

void message_put_decided(message_builder *b, const st_ask *ask, Sotay__SyncAsk *out)
{
    out->decided = message_make(b, ask->decided_count, sizeof *out->decided);
    Sotay__Decided *list = message_make(b, ask->decided_count, sizeof *list);
    if (b->no_memory)
        return;
    for (uint32_t i = 0; i < ask->decided_count; i++) {
        const st_decided *one = &ask->decided[i];
        sotay__decided__init(&list[i]);
        list[i].device = message_view(one->dot.device.b, sizeof one->dot.device.b);
        list[i].counter = one->dot.counter;
        list[i].record = message_view(one->record.b, sizeof one->record.b);
        list[i].kind = (Sotay__EntryKind)one->kind;
        list[i].time_ms = one->time_ms;
        if (one->reason != NULL)
            list[i].reason = message_string(one->reason);
        if (one->has_set)
            list[i].set_hash = message_view(one->set.b, sizeof one->set.b);
        out->decided[i] = &list[i];
    }
    out->n_decided = ask->decided_count;
}
