/* tests/crash/check_backup.c - a folder with a backup after a cut: the backup last told of or a
 * later one, with every byte that its list names; or, before there was one, nothing that calls
 * itself a backup. Now and then it is restored, the book opened and checked, and a next backup goes
 * into the same folder. */
#include <ftw.h>
#include <stdio.h>
#include <string.h>

#include "server/backup/backup.h"
#include "server/backup/pieces.h"
#include "tests/crash/check.h"

#define FILE_BYTES_MAX (64u << 20)
#define LIST_BYTES_MAX (8u << 20)

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

/* Are all files what the list says? */
static bool check_files(crash_case *c, const backup_manifest *manifest)
{
    st_buffer bytes;
    st_error error = { 0 };
    bool good = true;
    st_buffer_init(&bytes, FILE_BYTES_MAX);
    for (size_t i = 0; good && i < manifest->files_count; i++)
        good = piece_read(c->dir, &manifest->files[i], &bytes, &error) == ST_OK ||
               case_fails(c, "it calls itself a backup: %s", error.detail);
    st_buffer_free(&bytes);
    return good;
}

/* The last entry is the one that the log became there. */
static bool check_leaf(crash_case *c, const backup_manifest *manifest)
{
    uint64_t n = manifest->entries;
    if (n == 0 || n > c->final->count)
        return case_fails(c, "it has %llu entries", (unsigned long long)n);
    if (memcmp(manifest->leaf.b, c->final->entries[n - 1].leaf, sizeof manifest->leaf.b) != 0)
        return case_fails(c, "entry %llu is not what was written", (unsigned long long)n);
    return true;
}

static bool first_wrong(void *context, const char *line)
{
    crash_case *c = context;
    return case_fails(c, "verify of the restored book: %s", line);
}

/* A book made of it, and a backup of that book on top. */
static bool go_on(crash_case *c, server *srv)
{
    verify_report verified = { 0 };
    backup_report report;
    st_error error = { 0 };
    if (sync_verify(&srv->sync, first_wrong, c, &verified, &error) != ST_OK)
        return case_fails(c, "verify of the restored book: %s", error.detail);
    if (verified.wrong > 0)
        return false;
    memset(&report, 0, sizeof report);
    if (backup_make(srv, c->dir, &report, &error) != ST_OK)
        return case_fails(c, "it takes no further backup: %s", error.detail);
    return true;
}

static bool restore(crash_case *c)
{
    char dir[1200];
    server srv = { 0 };
    st_error error = { 0 };
    backup_manifest manifest;
    rooms_how how = { .dir = dir };
    (void)snprintf(dir, sizeof dir, "%s-restored", c->dir);
    bool good = backup_restore(c->dir, &how, &manifest, &error) == ST_OK ||
                case_fails(c, "it cannot be restored: %s", error.detail);
    if (good)
        good = rooms_open(&how, &srv, &error) == ST_OK ||
               case_fails(c, "the restored book does not open: %s", error.detail);
    if (good) {
        good = go_on(c, &srv);
        rooms_close(&srv);
    }
    (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return good;
}

bool check_backup(crash_case *c)
{
    st_arena arena;
    backup_manifest manifest;
    st_error error = { 0 };
    uint64_t told = owed_most(c->owed, OWED_LOG, c->at);
    c->why[0] = '\0';
    st_arena_init(&arena, LIST_BYTES_MAX);
    st_err err = backup_manifest_read(c->dir, &arena, &manifest, &error);
    bool good = err == ST_OK || (err == ST_E_NOT_FOUND && told == 0);
    if (!good)
        (void)case_fails(c, "a backup of %llu entries was told of: %s", (unsigned long long)told,
                         error.detail);
    if (err == ST_OK && manifest.entries < told)
        good = case_fails(c, "a backup of %llu entries was told of, it has %llu",
                          (unsigned long long)told, (unsigned long long)manifest.entries);
    good = good && (err != ST_OK || (check_files(c, &manifest) && check_leaf(c, &manifest)));
    st_arena_reset(&arena);
    return good && (err != ST_OK || !c->is_thorough || restore(c));
}
