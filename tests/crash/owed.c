/* tests/crash/owed.c - reads a log: its records, the marks in it, and the HTTP bodies that left.
 * Promises: an answer counts from its last byte on, a request from its last byte on: then somebody
 * may know. Answers of other kinds than sync are passed over. */
#include "tests/crash/owed.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/changeset.h"
#include "proto/frame.h"
#include "proto/limits.h"

#define STREAMS_MAX 64u

/* ---- the records ---- */

static bool wrong_log(const char *path, const char *why)
{
    fprintf(stderr, "%s: %s\n", path, why);
    return false;
}

typedef struct {
    uint8_t *bytes;
    size_t len;
} log_file;

static bool read_all(const char *path, log_file *out)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && fstat(fd, &info) == 0 && info.st_size > 0;
    size_t got = 0;
    *out =
        (log_file){ good ? malloc((size_t)info.st_size) : NULL, good ? (size_t)info.st_size : 0 };
    for (ssize_t n = 1; out->bytes != NULL && got < out->len && n > 0; got += n > 0 ? (size_t)n : 0)
        n = read(fd, out->bytes + got, out->len - got);
    if (fd >= 0)
        (void)close(fd);
    return out->bytes != NULL && got == out->len;
}

static bool has_head(const log_file *file, size_t at, oplog_head *out)
{
    if (file->len - at < sizeof *out)
        return false;
    memcpy(out, file->bytes + at, sizeof *out);
    return out->magic == OPLOG_MAGIC && out->name_len < 2 * DISK_NAME_BYTES &&
           file->len - at - sizeof *out >= (size_t)out->name_len + out->data_len;
}

/* Is there a whole record, with another one or the end behind it? */
static bool has_record(const log_file *file, size_t at, oplog_head *out)
{
    oplog_head next;
    if (!has_head(file, at, out))
        return false;
    size_t end = at + sizeof *out + out->name_len + out->data_len;
    return end == file->len || has_head(file, end, &next);
}

static disk_op op_at(const log_file *file, size_t at, const oplog_head *head)
{
    oplog_head *copy = malloc(sizeof *copy + head->name_len + 2);
    if (copy == NULL)
        abort();
    *copy = *head;
    char *name = (char *)(copy + 1);
    at += sizeof *head;
    memcpy(name, file->bytes + at, head->name_len);
    memset(name + head->name_len, 0, 2); /* a name that is not of a rename has an empty second */
    return (disk_op){ copy, name, name + strlen(name) + 1, file->bytes + at + head->name_len };
}

static bool is_killed_mark(const disk_op *op)
{
    size_t len = op->head->data_len;
    return op->head->kind == OP_MARK && len > 7 && memcmp(op->data + len - 7, " killed", 7) == 0;
}

bool oplog_read(const char *path, oplog *out_log)
{
    log_file file;
    oplog log = { NULL, 0 };
    size_t capacity = 0, cut = 0, killed = 0;
    if (!read_all(path, &file))
        return wrong_log(path, "cannot be read, or is empty");
    for (size_t at = 0; at < file.len;) {
        oplog_head head;
        if (!has_record(&file, at, &head)) { /* a program that was killed wrote half of one */
            cut++;
            for (at++; at < file.len && !has_record(&file, at, &head);)
                at++;
            continue;
        }
        if (log.count == capacity) {
            capacity = capacity == 0 ? 4096 : capacity * 2;
            log.ops = realloc(log.ops, capacity * sizeof *log.ops);
            if (log.ops == NULL)
                return wrong_log(path, "no memory");
        }
        disk_op op = op_at(&file, at, &head);
        if (head.kind == OP_BLIND)
            return wrong_log(path, op.name);
        killed += is_killed_mark(&op);
        log.ops[log.count++] = op;
        at += sizeof head + head.name_len + head.data_len;
    }
    if (cut > killed)
        return wrong_log(path, "is damaged");
    *out_log = log;
    return true;
}

/* ---- bodies ---- */

/* Calls back for each frame of a stream; false: it cannot be read. */
typedef void (*take_frame)(void *context, const st_frame *frame);

static bool each_frame(const uint8_t *body, size_t len, const owed_base *base, take_frame take,
                       void *context)
{
    st_frame_reader *reader = NULL;
    const uint8_t *bytes;
    size_t bytes_len;
    st_err err = ST_OK;
    bool good = st_frame_reader_new(ST_STREAM_BYTES_MAX, &reader, NULL) == ST_OK &&
                (base == NULL || st_frame_reader_base(reader, base->bytes.data, base->bytes.len,
                                                      NULL) == ST_OK) &&
                st_frame_feed(reader, body, len, NULL) == ST_OK;
    while (good && st_frame_read(reader, &bytes, &bytes_len, &err)) {
        st_frame frame;
        st_arena arena;
        st_arena_init(&arena, ST_SET_ARENA_BYTES * 2);
        good = st_frame_decode(bytes, bytes_len, &arena, &frame, NULL) == ST_OK;
        if (good)
            take(context, &frame);
        st_arena_reset(&arena);
    }
    good = good && err == ST_OK && st_frame_is_complete(reader);
    st_frame_reader_free(reader);
    return good;
}

/* The request that is read, and where its sets are noted (NULL: nowhere). */
typedef struct {
    owed_request *out;
    owed_list *list;
} reading;

static void note_base(owed_list *list, const st_frame *frame, const st_hash *hash)
{
    if (list->bases_count == list->bases_capacity) {
        list->bases_capacity = list->bases_capacity == 0 ? 64 : list->bases_capacity * 2;
        list->bases = realloc(list->bases, list->bases_capacity * sizeof *list->bases);
        if (list->bases == NULL)
            abort();
    }
    owed_base *base = &list->bases[list->bases_count++];
    st_buffer_init(&base->bytes, ST_BASE_BYTES_MAX + sizeof *hash);
    if (st_head_base(frame->as.set.bytes, frame->as.set.len, hash, &base->bytes, base->check) !=
        ST_OK)
        abort();
}

static const owed_base *find_base(const owed_list *list, const uint8_t check[ST_BASE_CHECK_BYTES])
{
    for (size_t i = 0; i < list->bases_count; i++)
        if (memcmp(list->bases[i].check, check, ST_BASE_CHECK_BYTES) == 0)
            return &list->bases[i];
    return NULL;
}

static void take_request(void *context, const st_frame *frame)
{
    const reading *r = context;
    owed_request *out = r->out;
    st_arena arena;
    st_set set;
    if (frame->kind == ST_FRAME_ENROL_ASK)
        memcpy(out->key, frame->as.enrol_ask.sign_key, sizeof out->key);
    if (frame->kind != ST_FRAME_SET || out->sets_count == 1024)
        return;
    st_arena_init(&arena, ST_SET_ARENA_BYTES);
    if (st_set_decode(frame->as.set.bytes, frame->as.set.len, &arena, &set, NULL) == ST_OK) {
        out->sets[out->sets_count].device = set.device;
        out->sets[out->sets_count].first = set.first;
        out->sets[out->sets_count++].last = st_set_last(&set);
        if (r->list != NULL)
            note_base(r->list, frame, &set.hash);
    }
    st_arena_reset(&arena);
}

bool owed_request_read(const char *path, const uint8_t *body, size_t len, const owed_list *known,
                       owed_list *notes, owed_request *out)
{
    st_head head;
    reading r = { out, notes };
    memset(out, 0, sizeof *out);
    if (strcmp(path, "/v1/enrol") == 0)
        return each_frame(body, len, NULL, take_request, &r);
    if (st_head_decode(body, len, &head, NULL) != ST_OK)
        return false;
    out->device = head.device;
    out->counter = head.counter;
    size_t head_bytes = head.has_base ? ST_HEAD_BYTES_MAX : ST_HEAD_BYTES;
    const owed_base *base = head.has_base ? find_base(known, head.base) : NULL;
    return (base != NULL || !head.has_base) &&
           each_frame(body + head_bytes, len - head_bytes, base, take_request, &r);
}

/* ---- collecting ---- */

typedef struct {
    const char *target, *job;
    owed_list *list;
    size_t at;
    struct {
        uint32_t pid;
        int32_t fd;
        uint8_t *bytes;
        size_t len;
    } streams[STREAMS_MAX];
    size_t next_stream;
    struct {
        uint32_t pid;
        char store[128]; /* the folder behind --store, without the way to it */
    } programs[STREAMS_MAX];
    size_t next_program;
    struct {
        char store[128];
        st_id device;
        uint64_t counter;
    } last_sent[STREAMS_MAX]; /* of each phone */
    size_t phones;
} collector;

/* A log that is not understood owes what nobody asks for: the job's line says so. */
_Noreturn static void not_understood(const collector *c, const char *what)
{
    printf("not ok %s: record %zu: %s\n", c->job, c->at, what);
    fflush(stdout);
    exit(1);
}

static owed *add(collector *c, owed_kind kind)
{
    owed_list *list = c->list;
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 256 : list->capacity * 2;
        list->items = realloc(list->items, list->capacity * sizeof *list->items);
        if (list->items == NULL)
            abort();
    }
    owed *o = &list->items[list->count++];
    memset(o, 0, sizeof *o);
    o->kind = kind;
    o->since = c->at;
    return o;
}

static void note_sent(collector *c, const char *store, const owed_request *request)
{
    size_t i = 0;
    while (i < c->phones && strcmp(c->last_sent[i].store, store) != 0)
        i++;
    if (i == STREAMS_MAX)
        abort();
    if (i == c->phones)
        (void)snprintf(c->last_sent[c->phones++].store, sizeof c->last_sent[0].store, "%s", store);
    c->last_sent[i].device = request->device;
    c->last_sent[i].counter = request->counter;
}

static void request_left(collector *c, const char *store, const char *path, const uint8_t *body,
                         size_t len)
{
    owed_request *request = malloc(sizeof *request);
    if (request == NULL || !owed_request_read(path, body, len, c->list, c->list, request))
        not_understood(c, "a request that cannot be read");
    bool is_signed = strcmp(path, "/v1/enrol") != 0;
    if (is_signed)
        note_sent(c, store, request);
    if (strcmp(store, c->target) == 0) {
        owed *o = add(c, is_signed ? OWED_COUNTER : OWED_OFFERED);
        o->device = request->device;
        o->number = request->counter;
        memcpy(o->key, request->key, sizeof o->key);
        for (size_t i = 0; i < request->sets_count; i++) {
            o = add(c, OWED_SENT);
            o->device = request->sets[i].device;
            o->number = request->sets[i].first;
            o->last = request->sets[i].last;
        }
    }
    free(request);
}

/* A set that is there already, or is held, is in the log as well as one that was stored now. */
static void take_answer(void *context, const st_frame *frame)
{
    collector *c = context;
    if (frame->kind != ST_FRAME_VERDICT || frame->as.verdict.position == 0)
        return;
    owed *o = add(c, OWED_STORED);
    o->number = frame->as.verdict.position;
    o->last = frame->as.verdict.first;
}

static const struct {
    const char *line, *path;
} REQUESTS[] = { { "POST /v1/sync ", "/v1/sync" },
                 { "POST /v1/enrol ", "/v1/enrol" },
                 { "POST /v1/have ", "/v1/have" },
                 { "PUT /v1/chunks ", "/v1/chunks" },
                 { "POST /v1/fetch ", "/v1/fetch" } };

/* One whole HTTP message. */
static void message_left(collector *c, uint32_t pid, const uint8_t *bytes, size_t head_len,
                         size_t body_len)
{
    const char *head = (const char *)bytes;
    const uint8_t *body = bytes + head_len;
    const char *store = NULL;
    for (size_t i = 0; i < STREAMS_MAX; i++)
        if (c->programs[i].pid == pid)
            store = c->programs[i].store;
    for (size_t i = 0; store != NULL && i < sizeof REQUESTS / sizeof REQUESTS[0]; i++)
        if (strncmp(head, REQUESTS[i].line, strlen(REQUESTS[i].line)) == 0)
            request_left(c, store, REQUESTS[i].path, body, body_len);
    if (store == NULL && strncmp(head, "HTTP/1.1 200", 12) == 0)
        (void)each_frame(body, body_len, NULL, take_answer, c);
}

/* Length of head and body; 0: the head is not whole. */
static size_t head_length(const uint8_t *bytes, size_t len, size_t *out_body)
{
    const uint8_t *end = memmem(bytes, len, "\r\n\r\n", 4);
    const uint8_t *field =
        end == NULL ? NULL : memmem(bytes, (size_t)(end - bytes), "\nContent-Length: ", 17);
    *out_body = field == NULL ? 0 : strtoul((const char *)field + 17, NULL, 10);
    return end == NULL ? 0 : (size_t)(end - bytes) + 4;
}

static void bytes_left(collector *c, const disk_op *op)
{
    size_t i = 0, body = 0;
    while (i < STREAMS_MAX &&
           (c->streams[i].pid != op->head->pid || c->streams[i].fd != op->head->fd))
        i++;
    if (i == STREAMS_MAX) {
        i = c->next_stream++ % STREAMS_MAX;
        c->streams[i].pid = op->head->pid;
        c->streams[i].fd = op->head->fd;
        c->streams[i].len = 0;
    }
    bool begins = op->head->data_len > 5 &&
                  (memcmp(op->data, "POST ", 5) == 0 || memcmp(op->data, "PUT /", 5) == 0 ||
                   memcmp(op->data, "HTTP/", 5) == 0);
    if (begins)
        c->streams[i].len = 0; /* what stood there was cut, on a connection that is gone */
    uint8_t *grown = realloc(c->streams[i].bytes, c->streams[i].len + op->head->data_len + 1);
    if (grown == NULL)
        abort();
    c->streams[i].bytes = grown;
    memcpy(grown + c->streams[i].len, op->data, op->head->data_len);
    c->streams[i].len += op->head->data_len;
    grown[c->streams[i].len] = '\0';
    size_t head = head_length(grown, c->streams[i].len, &body);
    if (head == 0 || c->streams[i].len < head + body)
        return;
    message_left(c, op->head->pid, grown, head, body);
    c->streams[i].len = 0;
}

static void program_began(collector *c, const disk_op *op)
{
    const char *word = (const char *)op->data, *end = word + op->head->data_len;
    size_t i = c->next_program++ % STREAMS_MAX;
    c->programs[i].pid = op->head->pid;
    c->programs[i].store[0] = '\0';
    for (; word < end; word += strnlen(word, (size_t)(end - word)) + 1) {
        const char *value = word + strnlen(word, (size_t)(end - word)) + 1;
        const char *slash = value < end ? strrchr(value, '/') : NULL;
        if (strcmp(word, "--store") == 0 && slash != NULL)
            (void)snprintf(c->programs[i].store, sizeof c->programs[i].store, "%s", slash + 1);
    }
    if (c->programs[i].store[0] == '\0')
        c->programs[i].pid = 0; /* a program of the server */
}

static const struct {
    const char *word;
    bool is_mark; /* a word of the workload */
} WORDS[OWED_KINDS] = {
    [OWED_READY] = { "ready", true },       [OWED_LOG] = { "log", true },
    [OWED_SAVED] = { "saved", true },       [OWED_SHOWS] = { "shows", true },
    [OWED_LINK] = { "link", true },         [OWED_WHOLE] = { "whole", true },
    [OWED_KEEPS] = { "keeps", true },       [OWED_LETS] = { "lets", true },
    [OWED_HAS] = { "has", true },           [OWED_BEARS] = { "bears", true },
    [OWED_KEYS] = { "keys", true },         [OWED_STRAY] = { "stray", true },
    [OWED_GONE] = { "gone", true },         [OWED_WORDS] = { "words", true },
    [OWED_DRAFT] = { "draft", true },       [OWED_PIN] = { "pin", true },
    [OWED_ANSWER] = { "answer", true },     [OWED_COUNTER] = { "counter", false },
    [OWED_SENT] = { "sent", false },        [OWED_OFFERED] = { "offered", false },
    [OWED_STORED] = { "stored", false },    [OWED_USED] = { "used", false },
};

const char *owed_name(owed_kind kind)
{
    return WORDS[kind].word;
}

bool owed_is_mark(owed_kind kind)
{
    return WORDS[kind].is_mark;
}

/* A sync of the phone ended well: its last request was answered, and all can know. */
static void note_used(collector *c, const char *folder)
{
    for (size_t i = 0; i < c->phones; i++)
        if (strcmp(c->last_sent[i].store, folder) == 0) {
            owed *o = add(c, OWED_USED);
            o->device = c->last_sent[i].device;
            o->number = c->last_sent[i].counter;
        }
}

/* OWED_KINDS: no such word. */
static owed_kind kind_of_word(const char *word)
{
    size_t i = 0;
    while (i < OWED_KINDS && (!WORDS[i].is_mark || strcmp(word, WORDS[i].word) != 0))
        i++;
    return (owed_kind)i;
}

/* FOLDER WORD REST; `killed` is for oplog_read alone. */
static void take_mark(collector *c, const disk_op *op)
{
    char line[512], folder[128], word[32], what[600];
    int rest = 0;
    (void)snprintf(line, sizeof line, "%.*s", (int)op->head->data_len, (const char *)op->data);
    (void)snprintf(what, sizeof what, "a mark that cannot be read: %s", line);
    if (sscanf(line, "%127s %31s %n", folder, word, &rest) < 2)
        not_understood(c, what);
    owed_kind kind = kind_of_word(word);
    if (strcmp(word, "synced") == 0)
        note_used(c, folder);
    else if (kind == OWED_KINDS && strcmp(word, "killed") != 0)
        not_understood(c, what);
    if (kind == OWED_KINDS || strcmp(folder, c->target) != 0)
        return;
    owed *o = add(c, kind);
    o->number = strtoull(line + rest, NULL, 10);
    (void)snprintf(o->text, sizeof o->text, "%.250s", line + rest);
}

void owed_read(const oplog *log, const char *target, const char *job, owed_list *out_list)
{
    collector *c = calloc(1, sizeof *c);
    if (c == NULL)
        abort();
    memset(out_list, 0, sizeof *out_list);
    c->target = target;
    c->job = job;
    c->list = out_list;
    for (c->at = 0; c->at < log->count; c->at++) {
        const disk_op *op = &log->ops[c->at];
        if (op->head->kind == OP_START)
            program_began(c, op);
        if (op->head->kind == OP_SEND)
            bytes_left(c, op);
        if (op->head->kind == OP_MARK)
            take_mark(c, op);
    }
    for (size_t i = 0; i < STREAMS_MAX; i++)
        free(c->streams[i].bytes);
    free(c);
}

void owed_free(owed_list *list)
{
    for (size_t i = 0; i < list->bases_count; i++)
        st_buffer_free(&list->bases[i].bytes);
    free(list->bases);
    free(list->items);
    memset(list, 0, sizeof *list);
}

uint64_t owed_most(const owed_list *list, owed_kind kind, size_t at)
{
    uint64_t most = 0;
    for (size_t i = 0; i < list->count && list->items[i].since <= at; i++)
        if (list->items[i].kind == kind && list->items[i].number > most)
            most = list->items[i].number;
    return most;
}

bool owed_any(const owed_list *list, owed_kind kind, size_t at)
{
    for (size_t i = 0; i < list->count && list->items[i].since <= at; i++)
        if (list->items[i].kind == kind)
            return true;
    return false;
}
