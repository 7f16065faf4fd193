/* tools/fuzz/replay.c - stands where libFuzzer is not: gives a fuzzer every file of the folders in
 * its command line once. Promises nothing of its own; for the count of branches (make coverage).
 * usage: fuzz_NAME FOLDER...     exit 0: each was played, and there was one at least */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/fuzz/fuzz.h"

#define INPUT_BYTES_MAX (4u << 20)

/* A fuzzer that needs no beginning has none. */
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

/* Here for the mutators, which are linked and not called. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max)
{
    (void)data;
    (void)size_max;
    return size;
}

static bool play(const char *path)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return false;
    uint8_t *room = malloc(INPUT_BYTES_MAX);
    FUZZ_MUST(room != NULL);
    size_t len = fread(room, 1, INPUT_BYTES_MAX, file);
    (void)fclose(file);
    /* A piece of its own size, as libFuzzer gives it. */
    uint8_t *input = malloc(len + 1);
    FUZZ_MUST(input != NULL);
    memcpy(input, room, len);
    free(room);
    (void)LLVMFuzzerTestOneInput(input, len);
    free(input);
    return true;
}

static unsigned play_folder(const char *folder)
{
    unsigned played = 0;
    char path[4096];
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return 0;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        int len = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.' && len > 0 && (size_t)len < sizeof path)
            played += play(path);
    }
    (void)closedir(dir);
    return played;
}

int main(int argc, char **argv)
{
    unsigned played = 0;
    (void)LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++)
        played += play_folder(argv[i]);
    return played > 0 ? 0 : 1;
}
