/* tests/crash/check_keys.c - the keys of the log after a cut. What must hold: the changes are a
 * beginning of those that were made, at least as many as anybody was told of; on a server the last
 * of them has its secret in its place, nothing of a change on its way is left over, and it signs; a
 * phone takes nothing for a false notice. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client-lib/src/client.h"
#include "client-lib/src/log_key.h"
#include "proto/note.h"
#include "server/audit/sign.h"
#include "server/sync/log_key.h"
#include "server/sync/side.h"
#include "tests/crash/check.h"

#define ARENA_MAX ((size_t)1 << 20)

/* Are these the first of those that were made, and all that were told of? */
static bool check_list(crash_case *c, const st_log_keys *keys)
{
    const st_log_keys *all = &c->final->log_keys;
    uint64_t told = owed_most(c->owed, OWED_KEYS, c->at);
    if (keys->count < told)
        return case_fails(c, "change %llu of the log's key was told of, %u are there",
                          (unsigned long long)told, keys->count);
    if (keys->count > all->count || (keys->count > 0 && memcmp(keys->first, all->first, 32) != 0))
        return case_fails(c, "the keys of the log are others");
    for (uint32_t i = 0; i < keys->count; i++)
        if (memcmp(&keys->rows[i], &all->rows[i], sizeof keys->rows[i]) != 0)
            return case_fails(c, "change %u of the log's key is not what was written", i + 1);
    return true;
}

/* ---- the server ---- */

static bool check_files(crash_case *c, const st_log_keys *keys)
{
    static const char *const LEFT[] = { "keys/log.key.new", "keys/log.pub.new" };
    auth_keys files;
    st_log_keys beside;
    st_error error = { 0 };
    char path[1300];
    st_err err = auth_keys_read(c->dir, &files, &error);
    bool good = err == ST_OK || case_fails(c, "keys: %s", error.detail);
    if (good && memcmp(files.log_public, st_log_keys_newest(keys), 32) != 0)
        good = case_fails(c, "keys/log.key is not the key that counts");
    for (size_t i = 0; good && i < sizeof LEFT / sizeof LEFT[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", c->dir, LEFT[i]);
        good = access(path, F_OK) != 0 || case_fails(c, "%s is left over", LEFT[i]);
    }
    if (good && keys->count > 0 &&
        (side_get_log_keys(c->dir, &beside, NULL) != ST_OK || beside.count != keys->count))
        good = case_fails(c, "side/log-keys does not say %u changes", keys->count);
    auth_keys_wipe(&files);
    return good;
}

/* The newest checkpoint is signed with the key that counts. */
static bool check_note(crash_case *c, store_txn *txn, const sync_room *room)
{
    st_vkey vkey;
    st_opened opened;
    st_arena arena;
    st_buffer note;
    st_error error = { 0 };
    st_arena_init(&arena, ARENA_MAX);
    st_buffer_init(&note, ST_NOTE_BYTES_MAX);
    st_err err = audit_note(txn, &note, NULL, &error);
    if (err == ST_OK)
        err = audit_vkey(txn, room, &vkey, &error);
    if (err == ST_OK)
        err = st_checkpoint_open(note.data, note.len, &vkey, &arena, &opened, &error);
    st_buffer_free(&note);
    st_arena_reset(&arena);
    return err == ST_OK || case_fails(c, "its checkpoint: %s", error.detail);
}

bool check_server_keys(crash_case *c, server *srv)
{
    store_txn txn = { 0 };
    st_log_keys keys;
    st_error error = { 0 };
    st_err err = store_begin(srv->sync.store, STORE_READ_TXN, &txn, &error);
    if (err == ST_OK)
        err = sync_log_keys_read(&txn, &srv->sync, &keys, &error);
    bool good = err == ST_OK || case_fails(c, "keys of the log: %s", error.detail);
    good = good && check_list(c, &keys) && check_files(c, &keys) && check_note(c, &txn, &srv->sync);
    store_end(&txn);
    return good;
}

/* ---- a phone ---- */

bool check_phone_keys(crash_case *c, sotay_client *client)
{
    st_log_keys keys;
    st_error error = { ST_OK, "" };
    if (client->me.has_key_alarm)
        return case_fails(c, "it takes a change of the log's key for a false one");
    if (client_begin(client, false, &error) != ST_OK)
        return case_fails(c, "%s", error.detail);
    st_err err = log_keys_get(client, &keys, &error);
    client_abort(client);
    return err == ST_OK ? check_list(c, &keys) : case_fails(c, "%s", error.detail);
}
