/* proto/epoch_wire.c - the frames of epochs and addresses, both directions.
 * Promises: rows rise without doubles, lengths are exact. Signatures are the caller's to check. */
#include <string.h>

#include "proto/message_parts.h"

/* `step`: by how much the numbers rise at least. */
static st_err get_rows(Sotay__EpochRow *const *from, size_t count, uint64_t step, st_arena *arena,
                       const st_epoch **out_rows, st_error *error)
{
    if (count > ST_EPOCHS_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "frame: more epochs than a log may have");
    st_epoch *rows = st_arena_array(arena, count, sizeof *rows);
    if (rows == NULL)
        return message_no_memory(error);
    *out_rows = rows;
    for (size_t i = 0; i < count; i++) {
        const Sotay__EpochRow *one = from[i];
        rows[i].n = one->n;
        rows[i].cut = one->cut;
        if (one->n == 0 || (i > 0 && one->n - step < rows[i - 1].n) ||
            !message_bytes(&one->epoch, rows[i].epoch, sizeof rows[i].epoch) ||
            !message_bytes(&one->server_key, rows[i].server_key, sizeof rows[i].server_key) ||
            !message_bytes(&one->signature, rows[i].signature, sizeof rows[i].signature))
            return message_corrupt(error, "bad epoch");
    }
    return ST_OK;
}

st_err message_get_epochs(const Sotay__Epochs *from, st_arena *arena, st_frame *out,
                          st_error *error)
{
    out->as.epochs.count = (uint32_t)from->n_rows;
    return get_rows(from->rows, from->n_rows, 1, arena, &out->as.epochs.rows, error);
}

st_err message_get_seen_epochs(const Sotay__SyncAsk *from, st_arena *arena, st_ask *out,
                               st_error *error)
{
    out->seen_count = (uint32_t)from->n_epochs_seen;
    return get_rows(from->epochs_seen, from->n_epochs_seen, 0, arena, &out->seen, error);
}

st_err message_get_told_epochs(const Sotay__EnrolAnswer *from, st_arena *arena,
                               st_enrol_answer *out, st_error *error)
{
    out->epochs_count = (uint32_t)from->n_epochs;
    return get_rows(from->epochs, from->n_epochs, 1, arena, &out->epochs, error);
}

static Sotay__EpochRow **put_rows(message_builder *b, const st_epoch *from, uint32_t count)
{
    Sotay__EpochRow **list = message_make(b, count, sizeof *list);
    Sotay__EpochRow *rows = message_make(b, count, sizeof *rows);
    for (uint32_t i = 0; !b->no_memory && i < count; i++) {
        const st_epoch *one = &from[i];
        sotay__epoch_row__init(&rows[i]);
        rows[i].n = one->n;
        rows[i].epoch = message_view(one->epoch, sizeof one->epoch);
        rows[i].cut = one->cut;
        rows[i].server_key = message_view(one->server_key, sizeof one->server_key);
        rows[i].signature = message_view(one->signature, sizeof one->signature);
        list[i] = &rows[i];
    }
    return list;
}

void message_put_epochs(message_builder *b, const st_frame *frame, Sotay__Epochs *out)
{
    sotay__epochs__init(out);
    out->rows = put_rows(b, frame->as.epochs.rows, frame->as.epochs.count);
    out->n_rows = frame->as.epochs.count;
}

void message_put_seen_epochs(message_builder *b, const st_ask *ask, Sotay__SyncAsk *out)
{
    out->epochs_seen = put_rows(b, ask->seen, ask->seen_count);
    out->n_epochs_seen = ask->seen_count;
}

void message_put_told_epochs(message_builder *b, const st_enrol_answer *answer,
                             Sotay__EnrolAnswer *out)
{
    out->epochs = put_rows(b, answer->epochs, answer->epochs_count);
    out->n_epochs = answer->epochs_count;
}

st_err message_get_address(const Sotay__AddressNotice *from, st_address *out, st_error *error)
{
    size_t len = strlen(from->url);
    if (from->n == 0 || len > ST_ADDRESS_BYTES_MAX ||
        !message_bytes(&from->signature, out->signature, sizeof out->signature))
        return message_corrupt(error, "bad notice of an address");
    out->n = from->n;
    memcpy(out->url, from->url, len + 1);
    return ST_OK;
}

void message_put_address(const st_address *address, Sotay__AddressNotice *out)
{
    sotay__address_notice__init(out);
    out->n = address->n;
    out->url = message_string(address->url);
    out->signature = message_view(address->signature, sizeof address->signature);
}
