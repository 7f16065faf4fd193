/* tests/crash/check_published.c - the log as others check it, after a cut: where the folder has a
 * checkpoint, it is that of the export last told of or of the one on its way, and every file that
 * this export had is there, whole. */
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/crash/check.h"

#define FILE_BYTES_MAX (1u << 20)

/* What the walk over one export goes by: nftw has no context. */
static struct {
    crash_case *c;
    char root[1200];           /* of the export that the folder must hold */
    char next[1200];           /* of the one behind it, which may have begun to write over it */
} walk;

static bool is_same(const char *a, const char *b)
{
    static char bytes[2][FILE_BYTES_MAX];
    const char *const paths[] = { a, b };
    size_t lens[2];
    for (int i = 0; i < 2; i++) {
        FILE *file = fopen(paths[i], "rbe");
        if (file == NULL)
            return false;
        lens[i] = fread(bytes[i], 1, FILE_BYTES_MAX, file);
        (void)fclose(file);
    }
    return lens[0] == lens[1] && memcmp(bytes[0], bytes[1], lens[0]) == 0;
}

static void name_export(const crash_case *c, uint64_t n, char out[1200])
{
    (void)snprintf(out, 1200, "%s/published-%llu", c->side, (unsigned long long)n);
}

static int check_file(const char *path, const struct stat *st, int type, struct FTW *where)
{
    char here[2400], next[2400];
    const char *name = path + strlen(walk.root);
    (void)st;
    (void)where;
    if (type != FTW_F)
        return 0;
    (void)snprintf(here, sizeof here, "%s%s", walk.c->dir, name);
    (void)snprintf(next, sizeof next, "%s%s", walk.next, name);
    if (is_same(here, path) || is_same(here, next))
        return 0;
    (void)case_fails(walk.c, "there is a checkpoint, and %s is not what was written", name);
    return 1;
}

/* Is the folder's checkpoint that of export n? */
static bool has_checkpoint(crash_case *c, uint64_t n)
{
    char here[1300], there[1300];
    name_export(c, n, walk.root);
    name_export(c, n + 1, walk.next);
    walk.c = c;
    (void)snprintf(here, sizeof here, "%s/checkpoint", c->dir);
    (void)snprintf(there, sizeof there, "%s/checkpoint", walk.root);
    return is_same(here, there);
}

bool check_published(crash_case *c)
{
    char path[1300];
    uint64_t told = owed_most(c->owed, OWED_WHOLE, c->at);
    (void)snprintf(path, sizeof path, "%s/checkpoint", c->dir);
    if (access(path, F_OK) != 0)
        return told == 0 || case_fails(c, "export %llu was told of and is not there",
                                       (unsigned long long)told);
    if (!(told > 0 && has_checkpoint(c, told)) && !has_checkpoint(c, told + 1))
        return case_fails(c, "its checkpoint is neither that of export %llu nor of the next",
                          (unsigned long long)told);
    return nftw(walk.root, check_file, 16, FTW_PHYS) == 0;
}
