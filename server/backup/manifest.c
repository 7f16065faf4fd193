/* server/backup/manifest.c - the list of a backup's files, and files in one piece.
 * Promises: a manifest is whole or not there, and names only files inside its folder. */
#include "server/backup/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/store/dir.h"

#define MANIFEST_BYTES_MAX (32u * 1024u * 1024u)
#define LINE_WORDS 4
#define NOTE_BYTES_MAX 4096u
#define READ_BYTES 4096u

/* ---- files in one piece ---- */

st_err backup_read_file(const char *dir, const char *name, st_buffer *out, st_error *error)
{
    char path[STORE_PATH_BYTES];
    st_err err = store_dir_path(dir, name, path, error);
    FILE *file = err == ST_OK ? fopen(path, "rbe") : NULL;
    if (err == ST_OK && file == NULL)
        return st_fail(error, errno == ENOENT ? ST_E_NOT_FOUND : ST_E_STORAGE, "%s: %s", path,
                       strerror(errno));
    uint8_t piece[READ_BYTES];                 /* a worker's stack is small */
    size_t len = 0;
    while (err == ST_OK && (len = fread(piece, 1, sizeof piece, file)) > 0)
        err = st_buffer_append(out, piece, len, error);
    if (err == ST_OK && ferror(file))
        err = st_fail(error, ST_E_STORAGE, "%s: cannot be read", path);
    if (file != NULL)
        (void)fclose(file);
    return err;
}

st_err backup_write_file(const char *dir, const char *name, const st_buffer *bytes,
                         st_error *error)
{
    char path[STORE_PATH_BYTES];
    st_err err = store_dir_path(dir, name, path, error);
    if (err != ST_OK)
        return err;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = fd >= 0 && store_write_all(fd, bytes->data, bytes->len) && fsync(fd) == 0;
    int why = errno;
    if (fd >= 0 && close(fd) != 0 && good) {
        why = errno;
        good = false;
    }
    return good ? ST_OK : st_fail(error, ST_E_STORAGE, "%s: %s", path, strerror(why));
}

/* ---- writing ---- */

static st_err print_head(const backup_manifest *m, st_buffer *out)
{
    char id[33], log[33], epoch[17], leaf[65];
    st_hex(m->id, sizeof m->id, id);
    st_id_format(&m->log, log);
    st_hex(m->epoch, sizeof m->epoch, epoch);
    st_hex(m->leaf.b, sizeof m->leaf.b, leaf);
    return st_buffer_printf(out, NULL,
                            "sotay-backup 1\nid %s\nlog %s\ncommune %s\nepoch %s\npractice %d\n"
                            "entries %" PRIu64 "\nleaf %s\ntime %" PRId64 "\nchecked %d\n",
                            id, log, m->commune.s, epoch, m->is_practice, m->entries, leaf,
                            m->time_ms, m->is_checked);
}

st_err backup_manifest_write(const char *dir, const backup_manifest *manifest, st_error *error)
{
    st_buffer text;
    char from[STORE_PATH_BYTES], to[STORE_PATH_BYTES], hex[65];
    st_buffer_init(&text, MANIFEST_BYTES_MAX);
    st_err err = print_head(manifest, &text);
    for (size_t i = 0; err == ST_OK && i < manifest->files_count; i++) {
        const backup_file *file = &manifest->files[i];
        st_hex(file->hash.b, sizeof file->hash.b, hex);
        err = st_buffer_printf(&text, NULL, "file %s %" PRIu64 " %s\n", hex, file->bytes,
                               file->name);
    }
    if (err != ST_OK)
        err = st_fail(error, err, "backup: the list of files does not fit");
    else
        err = backup_write_file(dir, "backup.txt.new", &text, error);
    st_buffer_free(&text);
    if (err == ST_OK)
        err = store_dir_path(dir, "backup.txt.new", from, error);
    if (err == ST_OK)
        err = store_dir_path(dir, "backup.txt", to, error);
    if (err == ST_OK && rename(from, to) != 0)
        err = st_fail(error, ST_E_STORAGE, "%s: %s", to, strerror(errno));
    return err == ST_OK ? store_dir_sync(dir, error) : err;
}

/* ---- of which backup a folder is made ---- */

static st_err print_note(const backup_manifest *manifest, st_buffer *out, st_error *error)
{
    backup_manifest head = *manifest;
    head.is_checked = false;
    const st_err err = print_head(&head, out);
    return err == ST_OK ? ST_OK : st_fail(error, err, "backup: no memory for a note");
}

st_err backup_manifest_note(const char *dir, const backup_manifest *manifest, st_error *error)
{
    st_buffer text;
    char side[STORE_PATH_BYTES];
    st_buffer_init(&text, NOTE_BYTES_MAX);
    st_err err = print_note(manifest, &text, error);
    if (err == ST_OK)
        err = store_dir_path(dir, "side", side, error);
    if (err == ST_OK)
        err = store_dir_make(side, error);
    if (err == ST_OK)
        err = backup_write_file(side, "restored", &text, error);
    if (err == ST_OK)
        err = store_dir_sync(side, error);
    st_buffer_free(&text);
    return err;
}

st_err backup_manifest_is_noted(const char *dir, const backup_manifest *manifest, bool *out_is,
                                st_error *error)
{
    st_buffer text, noted;
    st_buffer_init(&text, NOTE_BYTES_MAX);
    st_buffer_init(&noted, NOTE_BYTES_MAX);
    st_err err = print_note(manifest, &text, error);
    if (err == ST_OK)
        err = backup_read_file(dir, "side/restored", &noted, error);
    if (err == ST_OK)
        *out_is = noted.len == text.len && memcmp(noted.data, text.data, text.len) == 0;
    if (err == ST_E_NOT_FOUND)
        *out_is = false;
    st_buffer_free(&text);
    st_buffer_free(&noted);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err backup_manifest_keys(const backup_manifest *manifest, const char *from,
                            char out_dir[STORE_PATH_BYTES], st_error *error)
{
    static const char LAST[] = "/keys/log.pub"; /* the secret may lie elsewhere */
    char below[BACKUP_NAME_BYTES] = "";
    for (size_t i = 0; i < manifest->files_count; i++) {
        const char *name = manifest->files[i].name;
        size_t len = strlen(name);
        if (len > sizeof LAST - 1 && strcmp(name + len - (sizeof LAST - 1), LAST) == 0)
            (void)snprintf(below, sizeof below, "%.*s", (int)(len - (sizeof LAST - 1)), name);
    }
    int len = snprintf(out_dir, STORE_PATH_BYTES, below[0] == '\0' ? "%s" : "%s/%s", from, below);
    return len > 0 && len < STORE_PATH_BYTES ? ST_OK
                                             : st_fail(error, ST_E_TOO_LARGE, "%s: too long", from);
}

st_err backup_manifest_add(backup_manifest *manifest, st_arena *arena, const backup_file *file,
                           st_error *error)
{
    backup_file *files = manifest->files;
    if (manifest->files_count >= BACKUP_FILES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "backup: more than %u files", BACKUP_FILES_MAX);
    if (manifest->files_count == manifest->files_capacity)
        files = st_arena_grow(arena, files, manifest->files_count, &manifest->files_capacity,
                              sizeof *files);
    if (files == NULL)
        return st_fail(error, ST_E_MEMORY, "backup: out of memory");
    manifest->files = files;
    manifest->files[manifest->files_count++] = *file;
    return ST_OK;
}

/* ---- reading ---- */

/* Letters, digits, - and . in parts between slashes, no part that begins with a dot. */
static bool is_name(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len >= BACKUP_NAME_BYTES || name[0] == '/')
        return false;
    for (size_t i = 0; i < len; i++) {
        bool begins = i == 0 || name[i - 1] == '/';
        bool good = (name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') ||
                    name[i] == '-' || (name[i] == '.' && !begins) || (name[i] == '/' && !begins);
        if (!good)
            return false;
    }
    return name[len - 1] != '/';
}

static bool read_number(const char *word, uint64_t *out)
{
    char *end = NULL;
    if (word == NULL || word[0] < '0' || word[0] > '9')
        return false;
    errno = 0;
    *out = strtoull(word, &end, 10);
    return errno == 0 && *end == '\0';
}

static bool read_hex(const char *word, uint8_t *out, size_t len)
{
    return word != NULL && strlen(word) == 2 * len && st_unhex(word, 2 * len, out, len);
}

static bool read_file_line(char *words[LINE_WORDS], backup_file *out)
{
    memset(out, 0, sizeof *out);
    if (!read_hex(words[1], out->hash.b, 32) || !read_number(words[2], &out->bytes) ||
        words[3] == NULL || !is_name(words[3]))
        return false;
    memcpy(out->name, words[3], strlen(words[3]));
    return true;
}

/* One line of the head. False: it is none, or damaged. */
static bool read_head_line(char *words[LINE_WORDS], backup_manifest *m)
{
    const char *value = words[1];
    uint64_t number = 0;
    if (value == NULL || words[2] != NULL)
        return false;
    if (strcmp(words[0], "id") == 0)
        return read_hex(value, m->id, sizeof m->id);
    if (strcmp(words[0], "log") == 0)
        return st_id_parse(value, &m->log);
    if (strcmp(words[0], "commune") == 0)
        return st_code_set(&m->commune, value, strlen(value));
    if (strcmp(words[0], "epoch") == 0)
        return read_hex(value, m->epoch, sizeof m->epoch);
    if (strcmp(words[0], "leaf") == 0)
        return read_hex(value, m->leaf.b, sizeof m->leaf.b);
    if (!read_number(value, &number))
        return false;
    if (strcmp(words[0], "practice") == 0)
        m->is_practice = number != 0;
    else if (strcmp(words[0], "entries") == 0)
        m->entries = number;
    else if (strcmp(words[0], "time") == 0 && number <= INT64_MAX)
        m->time_ms = (int64_t)number;
    else if (strcmp(words[0], "checked") == 0)
        m->is_checked = number != 0;
    else
        return false;
    return true;
}

static void split(char *line, char *words[LINE_WORDS])
{
    char *rest = NULL;
    for (int i = 0; i < LINE_WORDS; i++)
        words[i] = strtok_r(i == 0 ? line : NULL, " ", &rest);
}

/* A mail program or an editor may have given its lines other ends. */
static size_t plain_ends(uint8_t *text, size_t len)
{
    size_t kept = 0;
    for (size_t i = 0; i < len; i++)
        if (text[i] != '\r' || i + 1 == len || text[i + 1] != '\n')
            text[kept++] = text[i];
    return kept;
}

static st_err read_lines(char *text, st_arena *arena, backup_manifest *m, st_error *error)
{
    char *rest = NULL;
    st_err err = ST_OK;
    for (char *line = strtok_r(text, "\n", &rest); err == ST_OK && line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *words[LINE_WORDS];
        backup_file file;
        split(line, words);
        if (words[0] == NULL)
            continue;
        if (strcmp(words[0], "file") != 0) {
            if (!read_head_line(words, m))
                err = st_fail(error, ST_E_CORRUPT, "a line cannot be read");
            continue;
        }
        if (!read_file_line(words, &file))
            return st_fail(error, ST_E_CORRUPT, "a line of a file cannot be read");
        err = backup_manifest_add(m, arena, &file, error);
    }
    return err;
}

/* The list is damaged, which says nothing of the files. */
static st_err say_cure(const char *dir, st_error *error)
{
    st_error why = { 0 };
    if (error == NULL)
        return ST_E_CORRUPT;
    why = *error;
    return st_fail(error, ST_E_CORRUPT,
                   "%s/backup.txt: damaged (%.40s); take that of a copy, or move it away, and the "
                   "next backup fills the folder anew", dir, why.detail);
}

st_err backup_manifest_read(const char *dir, st_arena *arena, backup_manifest *out_manifest,
                            st_error *error)
{
    static const char FIRST[] = "sotay-backup 1\n";
    st_buffer text;
    backup_manifest m;
    memset(&m, 0, sizeof m);
    st_buffer_init(&text, MANIFEST_BYTES_MAX);
    st_err err = backup_read_file(dir, "backup.txt", &text, error);
    if (err == ST_E_NOT_FOUND)
        err = st_fail(error, ST_E_NOT_FOUND, "%s: no backup of a book is here", dir);
    if (err == ST_OK)
        text.len = plain_ends(text.data, text.len);
    if (err == ST_OK && (text.len < sizeof FIRST - 1 || text.data[text.len - 1] != '\n' ||
                         memchr(text.data, '\0', text.len) != NULL))
        err = st_fail(error, ST_E_CORRUPT, "it is not whole");
    if (err == ST_OK && memcmp(text.data, FIRST, sizeof FIRST - 1) != 0)
        err = st_fail(error, ST_E_VERSION, "%s: a backup of another version", dir);
    if (err == ST_OK) {
        text.data[text.len - 1] = '\0';
        err = read_lines((char *)text.data + sizeof FIRST - 1, arena, &m, error);
    }
    if (err == ST_OK && (m.commune.s[0] == '\0' || st_id_is_zero(&m.log) || m.files_count == 0))
        err = st_fail(error, ST_E_CORRUPT, "it says too little");
    st_buffer_free(&text);
    if (err == ST_OK)
        *out_manifest = m;
    return err == ST_E_CORRUPT ? say_cure(dir, error) : err;
}
