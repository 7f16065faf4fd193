/* server/sync/side.c - the notes beside the store.
 * Promises: a size is written over in place, so that it costs no more than a copy into the page
 * cache; words and marks, and the names of all files, are durable when the call returns. Must never
 * be read as the truth about the log: it only raises questions. */
#include "server/sync/side.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/store/dir.h"

#define SIZE_BYTES 21              /* twenty digits and a line end */
#define LINE_BYTES 202

struct sync_side {
    char dir[STORE_PATH_BYTES];    /* DIR/side */
    int fd;                        /* of size */
    uint64_t size;
    uint64_t put_back_to;          /* UINT64_MAX: no proof */
    atomic_bool is_rolled_back;    /* said by the writer, heard by everybody */
};

/* *out_size: 0 when nothing whole stands there. A disk that does not say it has not said 0. */
static st_err read_size(int fd, uint64_t *out_size, st_error *error)
{
    char text[SIZE_BYTES + 1] = "";
    char *end = NULL;
    ssize_t got = pread(fd, text, SIZE_BYTES, 0);
    if (got < 0)
        return st_fail(error, ST_E_STORAGE, "side: a size cannot be read: %s", strerror(errno));
    *out_size = 0;
    if (got != SIZE_BYTES || text[SIZE_BYTES - 1] != '\n')
        return ST_OK;
    uint64_t size = strtoull(text, &end, 10);
    if (end == text + SIZE_BYTES - 1)
        *out_size = size;
    return ST_OK;
}

static bool write_size(int fd, uint64_t size)
{
    char text[SIZE_BYTES + 1];
    (void)snprintf(text, sizeof text, "%020llu\n", (unsigned long long)size);
    return pwrite(fd, text, SIZE_BYTES, 0) == SIZE_BYTES;
}

/* One of an older program may be empty: it says nothing of the place. */
static st_err read_mark(const char *path, sync_side *side, st_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT)
        return st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(errno));
    side->is_rolled_back = fd >= 0;
    side->put_back_to = UINT64_MAX;
    if (fd < 0)
        return ST_OK;
    st_err err = read_size(fd, &side->put_back_to, error);
    if (side->put_back_to == 0)
        side->put_back_to = 1;
    (void)close(fd);
    return err;
}

static st_err open_files(const char *dir, sync_side *side, st_error *error)
{
    char path[STORE_PATH_BYTES];
    st_err err = store_dir_path(dir, "side", side->dir, error);
    if (err == ST_OK)
        err = store_dir_make(side->dir, error);
    if (err == ST_OK)
        err = store_dir_path(side->dir, "rolled-back", path, error);
    if (err != ST_OK)
        return err;
    err = read_mark(path, side, error);
    if (err == ST_OK)
        err = store_dir_path(side->dir, "size", path, error);
    if (err == ST_OK)
        side->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (err == ST_OK && side->fd < 0)
        err = st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(errno));
    if (err == ST_OK)                      /* also a name that a killed process had just given */
        err = store_dir_sync(side->dir, error);
    return err == ST_OK ? read_size(side->fd, &side->size, error) : err;
}

st_err side_open(const char *dir, sync_side **out_side, st_error *error)
{
    sync_side *side = calloc(1, sizeof *side);
    if (side == NULL)
        return st_fail(error, ST_E_MEMORY, "side: out of memory");
    side->fd = -1;
    st_err err = open_files(dir, side, error);
    if (err == ST_OK)
        *out_side = side;
    else
        side_close(side);
    return err;
}

void side_close(sync_side *side)
{
    if (side == NULL)
        return;
    side_sync(side);
    if (side->fd >= 0)
        (void)close(side->fd);
    free(side);
}

uint64_t side_size(const sync_side *side)
{
    return side->size;
}

void side_note_size(sync_side *side, uint64_t size)
{
    if (size > side->size && write_size(side->fd, size))
        side->size = size;
}

st_err side_set_size(sync_side *side, uint64_t size, st_error *error)
{
    if (!write_size(side->fd, size) || fsync(side->fd) != 0)
        return st_fail(error, ST_E_STORAGE, "%s/size: %s", side->dir, strerror(errno));
    side->size = size;
    return ST_OK;
}

void side_sync(sync_side *side)
{
    if (side->fd >= 0)
        (void)!fdatasync(side->fd);
}

bool side_is_rolled_back(const sync_side *side)
{
    return side->is_rolled_back;
}

uint64_t side_put_back_to(const sync_side *side)
{
    return side->put_back_to;
}

st_err side_mark(sync_side *side, uint64_t up_to, st_error *error)
{
    const uint64_t lowest = up_to < side->put_back_to ? up_to : side->put_back_to;
    char path[STORE_PATH_BYTES];
    st_err err = store_dir_path(side->dir, "rolled-back", path, error);
    if (err != ST_OK)
        return err;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write_size(fd, lowest) && fsync(fd) == 0;
    if (fd >= 0)
        good = close(fd) == 0 && good;
    if (!good)
        return st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(errno));
    side->put_back_to = lowest;
    side->is_rolled_back = true;
    return store_dir_sync(side->dir, error);
}

st_err side_unmark(sync_side *side, st_error *error)
{
    char path[STORE_PATH_BYTES];
    st_err err = store_dir_path(side->dir, "rolled-back", path, error);
    if (err != ST_OK)
        return err;
    if (unlink(path) != 0 && errno != ENOENT)
        return st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(errno));
    side->put_back_to = UINT64_MAX;
    side->is_rolled_back = false;
    return store_dir_sync(side->dir, error);
}

static st_err note_path(const char *dir, const char *name, char path[STORE_PATH_BYTES],
                        st_error *error)
{
    char side[STORE_PATH_BYTES];
    st_err err = store_dir_path(dir, "side", side, error);
    if (err == ST_OK)
        err = store_dir_make(side, error);
    return err == ST_OK ? store_dir_path(side, name, path, error) : err;
}

bool side_words_same(const side_words *a, const side_words *b)
{
    return a->has_place == b->has_place && a->index == b->index &&
           memcmp(a->epoch, b->epoch, sizeof a->epoch) == 0 && strcmp(a->text, b->text) == 0;
}

/* "@INDEX EPOCH words"; without a place only the words. */
static int words_line(const side_words *words, char line[LINE_BYTES])
{
    char epoch[2 * sizeof words->epoch + 1] = "";
    for (size_t i = 0; i < sizeof words->epoch; i++)
        (void)snprintf(epoch + 2 * i, 3, "%02x", words->epoch[i]);
    return words->has_place ? snprintf(line, LINE_BYTES, "@%llu %s %s\n",
                                       (unsigned long long)words->index, epoch, words->text)
                            : snprintf(line, LINE_BYTES, "%s\n", words->text);
}

/* Would we have written that line so? */
static bool is_as_written(const side_words *words, const char *line)
{
    char ours[LINE_BYTES];
    int len = words_line(words, ours);
    return len > 0 && len < LINE_BYTES && strlen(line) == (size_t)len - 1 &&
           memcmp(ours, line, (size_t)len - 1) == 0;
}

/* A line that is none of ours has no place: what it says nobody understands either. */
static void read_words(const char *line, side_words *out)
{
    unsigned long long index = 0;
    unsigned bytes[sizeof out->epoch];
    int len = 0;
    memset(out, 0, sizeof *out);
    out->has_place = sscanf(line, "@%20llu %2x%2x%2x%2x%2x%2x%2x%2x %n", &index, &bytes[0],
                            &bytes[1], &bytes[2], &bytes[3], &bytes[4], &bytes[5], &bytes[6],
                            &bytes[7], &len) == 9 && len > 0;
    out->index = index;
    for (size_t i = 0; out->has_place && i < sizeof out->epoch; i++)
        out->epoch[i] = (uint8_t)bytes[i];
    (void)snprintf(out->text, sizeof out->text, "%s", out->has_place ? line + len : line);
    if (out->has_place && !is_as_written(out, line)) {
        memset(out, 0, sizeof *out);
        (void)snprintf(out->text, sizeof out->text, "%s", line);
    }
}

/* A line that was cut off ends here, so that it takes none of the next one along. */
static bool ends_torn(int fd, off_t size)
{
    char last = '\n';
    return size > 0 && (pread(fd, &last, 1, size - 1) != 1 || last != '\n');
}

/* All of the line, or nothing. */
static bool append(int fd, const char *line, size_t len)
{
    struct stat at;
    if (fstat(fd, &at) != 0)
        return false;
    bool good = !ends_torn(fd, at.st_size) || store_write_all(fd, (const uint8_t *)"\n", 1);
    good = good && store_write_all(fd, (const uint8_t *)line, len) && fsync(fd) == 0;
    if (!good)
        (void)!ftruncate(fd, at.st_size);
    return good;
}

/* The name before the line: where the folder fails, nothing was added. */
static st_err open_lines(const char *dir, const char *path, int *out_fd, st_error *error)
{
    char folder[STORE_PATH_BYTES];
    st_err err = store_dir_path(dir, "side", folder, error);
    if (err != ST_OK)
        return err;
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(errno));
    err = store_dir_sync(folder, error);
    if (err == ST_OK)
        *out_fd = fd;
    else
        (void)close(fd);
    return err;
}

static st_err add_line(const char *dir, const char *name, const side_words *words,
                       st_error *error)
{
    char path[STORE_PATH_BYTES], line[LINE_BYTES];
    int fd = -1;
    st_err err = note_path(dir, name, path, error);
    int len = words_line(words, line);
    if (err == ST_OK && (len < 0 || len >= LINE_BYTES))
        err = st_fail(error, ST_E_TOO_LARGE, "side: the words are too long");
    if (err == ST_OK)
        err = open_lines(dir, path, &fd, error);
    if (err != ST_OK)
        return err;
    bool good = append(fd, line, (size_t)len);
    good = close(fd) == 0 && good;
    return good ? ST_OK : st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(errno));
}

st_err side_add_words(const char *dir, const side_words *words, st_error *error)
{
    return add_line(dir, "words", words, error);
}

/* The lines of one file; *goes_on: `each` has not had enough. */
static st_err each_line(const char *dir, const char *name, side_words_each each, void *context,
                        bool *goes_on, st_error *error)
{
    char path[STORE_PATH_BYTES], line[LINE_BYTES]; /* as long as what is written */
    bool is_whole = true;
    st_err err = store_dir_path(dir, name, path, error);
    FILE *file = err == ST_OK ? fopen(path, "rbe") : NULL;
    if (file == NULL)
        return err != ST_OK || errno == ENOENT ? err
                                               : st_fail(error, ST_E_STORAGE, "%s: %s", path,
                                                         strerror(errno));
    while (*goes_on && fgets(line, sizeof line, file) != NULL) {
        char *end = strchr(line, '\n');
        bool begins = is_whole;
        is_whole = end != NULL;
        if (end == NULL || !begins)
            continue;                      /* a line cut off, or longer than any of ours */
        side_words words;
        *end = '\0';
        read_words(line, &words);
        *goes_on = each(context, &words);
    }
    if (ferror(file))
        err = st_fail(error, ST_E_STORAGE, "%s: cannot be read", path);
    (void)fclose(file);
    return err;
}

st_err side_each_words(const char *dir, side_words_each each, void *context, st_error *error)
{
    bool goes_on = true;
    st_err err = each_line(dir, "side/words.again", each, context, &goes_on, error);
    return err == ST_OK ? each_line(dir, "side/words", each, context, &goes_on, error) : err;
}

st_err side_each_again(const char *dir, side_words_each each, void *context, st_error *error)
{
    bool goes_on = true;
    return each_line(dir, "side/words.again", each, context, &goes_on, error);
}

st_err side_each_kept(const char *dir, side_words_each each, void *context, st_error *error)
{
    bool goes_on = true;
    return each_line(dir, "side/words", each, context, &goes_on, error);
}

/* The folder of the notes, and the two files in it. */
typedef struct {
    char side[STORE_PATH_BYTES], words[STORE_PATH_BYTES], again[STORE_PATH_BYTES];
} words_paths;

static st_err find_words(const char *dir, words_paths *out, st_error *error)
{
    st_err err = store_dir_path(dir, "side", out->side, error);
    if (err == ST_OK)
        err = note_path(dir, "words", out->words, error);
    return err == ST_OK ? note_path(dir, "words.again", out->again, error) : err;
}

typedef struct {
    const side_words *words; /* looked for */
    bool is_there;
} words_search;

static bool is_found(void *context, const side_words *line)
{
    words_search *search = context;
    search->is_there = side_words_same(line, search->words);
    return !search->is_there;
}

st_err side_again_has(const char *dir, const side_words *words, bool *out_has, st_error *error)
{
    words_search search = { words, false };
    st_err err = side_each_again(dir, is_found, &search, error);
    *out_has = search.is_there;
    return err;
}

typedef struct {
    const char *to;
    st_error *error;
    st_err err;
} words_move;

/* What was brought before it was broken off is there once. */
static bool bring_one(void *context, const side_words *words)
{
    words_move *move = context;
    bool is_there = false;
    move->err = side_again_has(move->to, words, &is_there, move->error);
    if (move->err == ST_OK && !is_there)
        move->err = add_line(move->to, "words.again", words, move->error);
    return move->err == ST_OK;
}

/* Behind those that are there; then they are gone where they stood. */
static st_err put_behind(const char *dir, const words_paths *paths, st_error *error)
{
    words_move move = { dir, error, ST_OK };
    st_err err = side_each_kept(dir, bring_one, &move, error);
    if (err == ST_OK)
        err = move.err;
    if (err == ST_OK && unlink(paths->words) != 0 && errno != ENOENT)
        err = st_fail(error, ST_E_STORAGE, "%s: %s", paths->words, strerror(errno));
    return err;
}

st_err side_put_words_off(const char *dir, st_error *error)
{
    words_paths paths;
    bool has_again = false;
    st_err err = find_words(dir, &paths, error);
    if (err == ST_OK)
        err = side_has_again(dir, &has_again, error);
    if (err == ST_OK && has_again)
        err = put_behind(dir, &paths, error);
    if (err == ST_OK && !has_again && rename(paths.words, paths.again) != 0)
        return errno == ENOENT ? ST_OK : st_fail(error, ST_E_STORAGE, "%s: %s", paths.words,
                                                 strerror(errno));
    return err == ST_OK ? store_dir_sync(paths.side, error) : err;
}

st_err side_again_done(const char *dir, st_error *error)
{
    words_paths paths;
    st_err err = find_words(dir, &paths, error);
    if (err == ST_OK && unlink(paths.again) != 0 && errno != ENOENT)
        err = st_fail(error, ST_E_STORAGE, "%s: %s", paths.again, strerror(errno));
    return err == ST_OK ? store_dir_sync(paths.side, error) : err;
}

st_err side_bring_words(const char *from, const char *to, st_error *error)
{
    words_move move = { to, error, ST_OK };
    st_err err = side_each_words(from, bring_one, &move, error);
    return err == ST_OK ? move.err : err;
}

st_err side_has_again(const char *dir, bool *out_has, st_error *error)
{
    char path[STORE_PATH_BYTES];
    st_err err = store_dir_path(dir, "side/words.again", path, error);
    if (err != ST_OK)
        return err;
    const bool has = access(path, F_OK) == 0;
    if (!has && errno != ENOENT)
        return st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(errno));
    *out_has = has;
    return ST_OK;
}

bool side_is_there(const char *dir)
{
    char path[STORE_PATH_BYTES];
    return store_dir_path(dir, "side/size", path, NULL) == ST_OK && access(path, R_OK) == 0;
}

st_err side_put_log_keys(const char *dir, const st_log_keys *keys, st_error *error)
{
    char path[STORE_PATH_BYTES], fresh[STORE_PATH_BYTES], side[STORE_PATH_BYTES];
    st_buffer text;
    st_buffer_init(&text, ST_LOG_KEYS_TEXT_MAX);
    st_err err = note_path(dir, "log-keys", path, error);
    if (err == ST_OK)
        err = note_path(dir, "log-keys.new", fresh, error);
    if (err == ST_OK)
        err = store_dir_path(dir, "side", side, error);
    if (err == ST_OK)
        err = st_log_keys_format(keys, &text, error);
    int fd = err == ST_OK ? open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    bool good = fd >= 0 && store_write_all(fd, text.data, text.len) && fsync(fd) == 0;
    if (fd >= 0)
        good = close(fd) == 0 && good;
    if (err == ST_OK && (!good || rename(fresh, path) != 0))
        err = st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(errno));
    st_buffer_free(&text);
    return err == ST_OK ? store_dir_sync(side, error) : err;
}

st_err side_get_log_keys(const char *dir, st_log_keys *out_keys, st_error *error)
{
    char path[STORE_PATH_BYTES], text[ST_LOG_KEYS_TEXT_MAX + 1];
    st_err err = store_dir_path(dir, "side/log-keys", path, error);
    if (err != ST_OK)
        return err;
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return errno == ENOENT ? ST_E_NOT_FOUND
                               : st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(errno));
    size_t len = fread(text, 1, sizeof text, file);
    if (ferror(file))
        err = st_fail(error, ST_E_STORAGE, "%s: cannot be read", path);
    (void)fclose(file);
    return err == ST_OK ? st_log_keys_parse(text, len, out_keys, error) : err;
}
