/* proto/snapshot.c - what a snapshot is called and where it is fetched.
 * Promises: the name says every byte of it; a path has one spelling.
 * Must never: look into a piece. */
#include "proto/snapshot.h"

#include <stdio.h>
#include <string.h>

#include "proto/bytes.h"
#include "proto/hash.h"

st_hash st_snapshot_name(const st_snapshot *snapshot)
{
    st_sha256_state state;
    st_sha256_init(&state);
    for (uint32_t i = 0; i < snapshot->pieces_count; i++) {
        uint8_t bytes[4];
        st_put_u32(bytes, snapshot->pieces[i].bytes);
        st_sha256_update(&state, snapshot->pieces[i].hash.b, sizeof snapshot->pieces[i].hash.b);
        st_sha256_update(&state, bytes, sizeof bytes);
    }
    return st_sha256_final(&state);
}

uint64_t st_snapshot_bytes(const st_snapshot *snapshot)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < snapshot->pieces_count; i++)
        bytes += snapshot->pieces[i].bytes;
    return bytes;
}

void st_snapshot_path(const st_bucket *bucket, const st_hash *name,
                      char out_path[ST_SNAPSHOT_PATH_SIZE])
{
    char hex[65];
    st_hex(name->b, sizeof name->b, hex);
    (void)snprintf(out_path, ST_SNAPSHOT_PATH_SIZE, "%s%s/%s", ST_SNAPSHOT_PATH, bucket->s, hex);
}

bool st_snapshot_path_parse(const char *path, st_bucket *out_bucket, st_hash *out_name)
{
    char again[ST_SNAPSHOT_PATH_SIZE];
    size_t head = strlen(ST_SNAPSHOT_PATH);
    const char *last = strrchr(path, '/');
    if (strncmp(path, ST_SNAPSHOT_PATH, head) != 0 || last < path + head)
        return false;
    if (!st_bucket_set(out_bucket, path + head, (size_t)(last - path) - head) ||
        strlen(last + 1) != 64 || !st_unhex(last + 1, 64, out_name->b, sizeof out_name->b))
        return false;
    st_snapshot_path(out_bucket, out_name, again);
    return strcmp(again, path) == 0;
}
