/* tests/crash/check_export.c - files that were handed on, after a cut: the list is whole, in the
 * version last told of or the one on its way; of the bundles each that was told of is there, and
 * whole, and so is any other of such a name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/crash/check.h"

/* The bytes of a file, malloc'd; NULL: it is not there. */
static char *read_whole(const char *path, size_t *out_len)
{
    FILE *file = fopen(path, "rbe");
    char *bytes = malloc(1 << 20);
    if (file == NULL || bytes == NULL) {
        free(bytes);
        if (file != NULL)
            (void)fclose(file);
        return NULL;
    }
    *out_len = fread(bytes, 1, 1 << 20, file);
    (void)fclose(file);
    return bytes;
}

/* Are these the bytes of the n-th one that was handed on? */
static bool is_version(const crash_case *c, uint64_t n, const char *bytes, size_t len)
{
    char path[1200];
    size_t want_len = 0;
    (void)snprintf(path, sizeof path, "%s/%s-%llu", c->side, c->target, (unsigned long long)n);
    char *want = read_whole(path, &want_len);
    bool same = want != NULL && want_len == len && memcmp(want, bytes, len) == 0;
    free(want);
    return same;
}

bool check_export(crash_case *c)
{
    char path[1200];
    size_t len = 0;
    uint64_t told = owed_most(c->owed, OWED_WHOLE, c->at);
    (void)snprintf(path, sizeof path, "%s/visits.csv", c->dir);
    char *bytes = read_whole(path, &len);
    bool good = bytes == NULL ? told == 0
                              : (told > 0 && is_version(c, told, bytes, len)) ||
                                    is_version(c, told + 1, bytes, len);
    if (!good)
        (void)case_fails(c,
                         bytes == NULL ? "version %llu was written and is not there"
                                       : "it is neither version %llu nor the next",
                         (unsigned long long)told);
    free(bytes);
    return good;
}

bool check_stick(crash_case *c)
{
    uint64_t told = owed_most(c->owed, OWED_WHOLE, c->at);
    for (uint64_t n = 1; n <= told + 1; n++) {
        char path[1200];
        size_t len = 0;
        (void)snprintf(path, sizeof path, "%s/goi-%llu", c->dir, (unsigned long long)n);
        char *bytes = read_whole(path, &len);
        bool good = bytes == NULL ? n > told : is_version(c, n, bytes, len);
        if (!good)
            (void)case_fails(c, bytes == NULL ? "bundle %llu was told of and is not there"
                                              : "bundle %llu is not what was written",
                             (unsigned long long)n);
        free(bytes);
        if (!good)
            return false;
    }
    return true;
}
