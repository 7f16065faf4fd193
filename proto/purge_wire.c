/* proto/purge_wire.c - receipts of a device that does not read a bucket any more.
 * Promises: what is signed names log, device, bucket and revision, so that a receipt tells of no
 * other loss. Must never take more than ST_PURGES_MAX from one request. */
#include <string.h>

#include "proto/message_parts.h"

size_t st_purge_sign_text(const st_id *log, const st_id *device, const st_purge *purge,
                          uint8_t out[ST_PURGE_SIGN_BYTES_MAX])
{
    static const char DOMAIN[15] = "sotay-purge/v1";
    size_t len = strlen(purge->bucket.s);
    memcpy(out, DOMAIN, sizeof DOMAIN);
    memcpy(out + 15, log->b, 16);
    memcpy(out + 31, device->b, 16);
    st_put_u64(out + 47, purge->rev);
    st_put_u64(out + 55, (uint64_t)purge->wall_ms);
    st_put_u64(out + 63, purge->records);
    st_put_u64(out + 71, purge->kept);
    out[79] = (uint8_t)len;
    memcpy(out + 80, purge->bucket.s, len);
    return 80 + len;
}

st_err message_get_purges(const Sotay__SyncAsk *from, st_arena *arena, st_ask *out, st_error *error)
{
    if (from->n_purges > ST_PURGES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "frame: more than %u purges", ST_PURGES_MAX);
    st_purge *purges = st_arena_array(arena, from->n_purges, sizeof *purges);
    if (purges == NULL)
        return message_no_memory(error);
    for (size_t i = 0; i < from->n_purges; i++) {
        const Sotay__Purge *one = from->purges[i];
        purges[i].rev = one->scope_rev;
        purges[i].wall_ms = one->wall_ms;
        purges[i].records = one->records;
        purges[i].kept = one->kept;
        if (!st_bucket_set(&purges[i].bucket, one->bucket, strlen(one->bucket)) ||
            !message_bytes(&one->signature, purges[i].signature, sizeof purges[i].signature))
            return message_corrupt(error, "bad purge in a request");
    }
    out->purges = purges;
    out->purges_count = (uint32_t)from->n_purges;
    return ST_OK;
}

void message_put_purges(message_builder *b, const st_ask *ask, Sotay__SyncAsk *out)
{
    out->purges = message_make(b, ask->purges_count, sizeof *out->purges);
    Sotay__Purge *purges = message_make(b, ask->purges_count, sizeof *purges);
    if (b->no_memory)
        return;
    for (uint32_t i = 0; i < ask->purges_count; i++) {
        const st_purge *purge = &ask->purges[i];
        sotay__purge__init(&purges[i]);
        purges[i].bucket = message_string(purge->bucket.s);
        purges[i].scope_rev = purge->rev;
        purges[i].wall_ms = purge->wall_ms;
        purges[i].records = purge->records;
        purges[i].kept = purge->kept;
        purges[i].signature = message_view(purge->signature, sizeof purge->signature);
        out->purges[i] = &purges[i];
    }
    out->n_purges = ask->purges_count;
}
