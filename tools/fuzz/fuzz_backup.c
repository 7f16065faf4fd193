/* tools/fuzz/fuzz_backup.c - the list of a backup, which lies on somebody's stick: no name of it
 * leads out of its folder, the keys are looked for inside it, and what was read is written the same
 * way for ever. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/backup/manifest.h"
#include "tools/fuzz/fuzz.h"

#define ARENA_BYTES (16u << 20)

static char folder[] = "/dev/shm/fuzz-backup.XXXXXX";

static void remove_folder(void)
{
    char path[64];
    snprintf(path, sizeof path, "%s/backup.txt", folder);
    (void)unlink(path);
    (void)rmdir(folder);
}

static void write_list(const uint8_t *data, size_t size)
{
    static bool is_made;
    char path[64];
    if (!is_made) {
        FUZZ_MUST(mkdtemp(folder) != NULL && atexit(remove_folder) == 0);
        is_made = true;
    }
    snprintf(path, sizeof path, "%s/backup.txt", folder);
    FILE *file = fopen(path, "wbe");
    FUZZ_MUST(file != NULL && fwrite(data, 1, size, file) == size && fclose(file) == 0);
}

static void check(const backup_manifest *list)
{
    char keys[STORE_PATH_BYTES];
    for (size_t i = 0; i < list->files_count; i++) {
        const char *name = list->files[i].name;
        size_t len = strnlen(name, sizeof list->files[i].name);
        FUZZ_MUST(len > 0 && len < sizeof list->files[i].name && name[0] != '/');
        FUZZ_MUST(name[0] != '.' && strstr(name, "/.") == NULL && name[len - 1] != '/');
    }
    FUZZ_MUST(backup_manifest_keys(list, folder, keys, NULL) == ST_OK);
    FUZZ_MUST(strncmp(keys, folder, strlen(folder)) == 0 && strstr(keys, "/.") == NULL);
}

static bool same(const backup_manifest *a, const backup_manifest *b)
{
    return memcmp(a->id, b->id, sizeof a->id) == 0 && st_id_cmp(&a->log, &b->log) == 0 &&
           strcmp(a->commune.s, b->commune.s) == 0 && a->entries == b->entries &&
           a->time_ms == b->time_ms && a->is_checked == b->is_checked &&
           a->files_count == b->files_count &&
           memcmp(a->files, b->files, a->files_count * sizeof *a->files) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    st_arena arena;
    backup_manifest list, again;
    write_list(data, size);
    st_arena_init(&arena, ARENA_BYTES);
    st_err err = backup_manifest_read(folder, &arena, &list, NULL);
    FUZZ_MUST(err == ST_OK || err == ST_E_CORRUPT || err == ST_E_VERSION || err == ST_E_NOT_FOUND);
    if (err == ST_OK) {
        check(&list);
        FUZZ_MUST(backup_manifest_write(folder, &list, NULL) == ST_OK);
        FUZZ_MUST(backup_manifest_read(folder, &arena, &again, NULL) == ST_OK);
        FUZZ_MUST(same(&list, &again));
    }
    st_arena_reset(&arena);
    return 0;
}
