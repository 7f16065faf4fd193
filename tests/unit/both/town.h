/* tests/unit/both/town.h - a world whose server is backed up and restored. */
#ifndef SOTAY_TESTS_TOWN_H
#define SOTAY_TESTS_TOWN_H

#include "server/backup/backup.h"
#include "tests/unit/both/world.h"

typedef struct {
    world w;
    char backup[80], copy[80];
} town;

/* Where its backup and its copy are; the world is made already. */
static inline void town_place(town *t)
{
    (void)snprintf(t->backup, sizeof t->backup, "%s.backup", t->w.book.dir);
    (void)snprintf(t->copy, sizeof t->copy, "%s.copy", t->w.book.dir);
}

static inline void town_make(town *t, uint64_t seed)
{
    world_make(&t->w, seed);
    town_place(t);
}

static inline void run_shell(const char *format, const char *a, const char *b)
{
    char command[400];
    (void)snprintf(command, sizeof command, format, a, b);
    assert_int_equal(system(command), 0);
}

static inline void town_free(town *t)
{
    world_free(&t->w);
    run_shell("rm -rf %s %s", t->backup, t->copy);
}

static inline void reopen(town *t)
{
    st_error error = { 0 };
    rooms_how how = { .dir = t->w.book.dir };
    if (rooms_open(&how, &t->w.book.rooms, &error) != ST_OK)
        fail_msg("open: %s", error.detail);
}

/* The folder as it is now; and later, as often as one likes, in the place of the one there is. */
static inline void keep_copy(town *t)
{
    rooms_close(&t->w.book.rooms);
    run_shell("cp -r %s %s", t->w.book.dir, t->copy);
    reopen(t);
}

static inline void put_copy_back(town *t)
{
    rooms_close(&t->w.book.rooms);
    run_shell("rm -rf %s %s", t->w.book.dir, "");
    run_shell("cp -r %s %s", t->copy, t->w.book.dir);
    reopen(t);
}

/* The machine is gone; another one starts from the backup, in the same place. */
static inline void restore(town *t)
{
    st_error error = { 0 };
    backup_manifest manifest;
    rooms_how how = { .dir = t->w.book.dir };
    rooms_close(&t->w.book.rooms);
    run_shell("rm -rf %s %s", t->w.book.dir, "");
    if (backup_restore(t->backup, &how, &manifest, &error) != ST_OK)
        fail_msg("restore: %s", error.detail);
    reopen(t);
}

static inline void backup(town *t)
{
    KIT_EXPECT(0, &t->w.book, "backup", t->backup);
}

#endif
