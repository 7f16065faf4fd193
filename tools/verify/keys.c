/* tools/verify/keys.c - from the key that was given to the one that signs now.
 * Promises: a key is believed when the given one leads to it, each step signed by both keys, and
 * the log has an entry for each step. Must never take a key because the log names it. */
#include <inttypes.h>
#include <string.h>

#include "tools/verify/log.h"

static st_err check_chain(verify_log *log, st_error *error)
{
    uint32_t fault = st_log_keys_fault(&log->keys, &log->id);
    if (fault == 1)
        return st_fail(error, ST_E_SIGNATURE, "log-keys: the first key is not that of this log");
    if (fault > 1)
        return st_fail(error, ST_E_SIGNATURE,
                       "log-keys: change %" PRIu32 " is not signed by the key before it and by the "
                       "new one",
                       fault - 1);
    for (uint32_t n = 0; n <= log->keys.count; n++)
        if (memcmp(st_log_keys_at(&log->keys, n), log->vkey.key, sizeof log->vkey.key) == 0) {
            memcpy(log->vkey.key, st_log_keys_newest(&log->keys), sizeof log->vkey.key);
            return ST_OK;
        }
    return st_fail(error, ST_E_SIGNATURE,
                   "log-keys: the key that was given is none of those that this export names");
}

st_err verify_keys_read(verify_log *log, const verify_source *source, const st_vkey *given,
                        st_error *error)
{
    st_buffer file;
    log->vkey = *given;
    if (!st_origin_log(given->name, &log->id))
        return st_fail(error, ST_E_VALUE, "%s: not the name of a log's key", given->name);
    st_buffer_init(&file, ST_LOG_KEYS_TEXT_MAX + 1);
    st_err err = source->read(source->context, "log-keys", &file, error);
    log->has_keys = err == ST_OK;
    if (err == ST_OK)
        err = st_log_keys_parse(file.data, file.len, &log->keys, error);
    if (err == ST_OK)
        err = check_chain(log, error);
    st_buffer_free(&file);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* A log that was put back to before the change has the entry again behind that of the epoch. */
static bool is_its_place(const verify_log *log, uint64_t place, const st_log_key *notice)
{
    return place == notice->size || log->cuts_count > 0;
}

st_err verify_keys_take(verify_log *log, uint64_t place, const st_leaf *leaf, st_error *error)
{
    if (leaf->first != (uint64_t)log->keys_noted + 1 || leaf->last != leaf->first ||
        leaf->first > log->keys.count)
        return st_fail(error, ST_E_CORRUPT,
                       "entry %" PRIu64 ": a change of the log's key that log-keys does not name",
                       place + 1);
    const st_log_key *notice = &log->keys.rows[log->keys_noted++];
    st_hash commit = st_log_key_commit(notice);
    if (!leaf->has_commit || memcmp(leaf->commit.b, commit.b, sizeof commit.b) != 0 ||
        !is_its_place(log, place, notice))
        return st_fail(error, ST_E_CORRUPT,
                       "entry %" PRIu64 ": change %" PRIu64 " of the log's key is another one in "
                       "log-keys",
                       place + 1, notice->n);
    return ST_OK;
}

st_err verify_keys_end(const verify_log *log, st_error *error)
{
    if (log->keys_noted == log->keys.count)
        return ST_OK;
    return st_fail(error, ST_E_CORRUPT, "log-keys: change %" PRIu32 " has no entry in the log",
                   log->keys_noted + 1);
}

st_err verify_keys_open(const verify_log *log, const void *note, size_t len, st_arena *arena,
                        st_opened *out_opened, st_error *error)
{
    st_vkey vkey = log->vkey;
    st_err err = st_checkpoint_open(note, len, &vkey, arena, out_opened, error);
    for (uint32_t n = log->keys.count; n > 0 && err == ST_E_SIGNATURE; n--) {
        memcpy(vkey.key, st_log_keys_at(&log->keys, n - 1), sizeof vkey.key);
        err = st_checkpoint_open(note, len, &vkey, arena, out_opened, error);
        if (err == ST_OK && out_opened->checkpoint.head.size > st_log_keys_limit(&log->keys, n - 1))
            return st_fail(error, ST_E_SIGNATURE,
                           "checkpoint: of %" PRIu64 " entries, by a key that signed %" PRIu64
                           " at most",
                           out_opened->checkpoint.head.size, st_log_keys_limit(&log->keys, n - 1));
    }
    return err;
}
