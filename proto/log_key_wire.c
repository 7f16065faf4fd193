/* proto/log_key_wire.c - the changes of the log's key, both directions.
 * Promises: rows rise without doubles, lengths are exact. Signatures, and whether a number is left
 * out, are the caller's to check. */
#include "proto/message_parts.h"

st_err message_get_log_keys(const Sotay__LogKeys *from, st_arena *arena, st_log_keys_told *out,
                            st_error *error)
{
    if (from->n_rows > ST_LOG_KEYS_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "frame: more keys than a log may have");
    st_log_key *rows = st_arena_array(arena, from->n_rows, sizeof *rows);
    if (rows == NULL)
        return message_no_memory(error);
    if (!message_optional(&from->first, out->first, sizeof out->first, &out->has_first))
        return message_corrupt(error, "bad first key of a log");
    for (size_t i = 0; i < from->n_rows; i++) {
        const Sotay__LogKeyNotice *one = from->rows[i];
        rows[i].n = one->n;
        rows[i].size = one->size;
        if (one->n == 0 || (i > 0 && one->n <= rows[i - 1].n) ||
            !message_bytes(&one->key, rows[i].key, sizeof rows[i].key) ||
            !message_bytes(&one->by_old, rows[i].by_old, sizeof rows[i].by_old) ||
            !message_bytes(&one->by_new, rows[i].by_new, sizeof rows[i].by_new))
            return message_corrupt(error, "bad notice of a key");
    }
    out->rows = rows;
    out->count = (uint32_t)from->n_rows;
    return ST_OK;
}

void message_put_log_keys(message_builder *b, const st_log_keys_told *keys, Sotay__LogKeys *out)
{
    sotay__log_keys__init(out);
    if (keys->has_first)
        out->first = message_view(keys->first, sizeof keys->first);
    out->rows = message_make(b, keys->count, sizeof *out->rows);
    Sotay__LogKeyNotice *rows = message_make(b, keys->count, sizeof *rows);
    for (uint32_t i = 0; !b->no_memory && i < keys->count; i++) {
        const st_log_key *one = &keys->rows[i];
        sotay__log_key_notice__init(&rows[i]);
        rows[i].n = one->n;
        rows[i].size = one->size;
        rows[i].key = message_view(one->key, sizeof one->key);
        rows[i].by_old = message_view(one->by_old, sizeof one->by_old);
        rows[i].by_new = message_view(one->by_new, sizeof one->by_new);
        out->rows[i] = &rows[i];
    }
    out->n_rows = b->no_memory ? 0 : keys->count;
}
