/* tests/fault/stage.c - sets the scenes. Promises that a copied folder is the same phone: its
 * install file is the same inode. Never hides why something that is not under test failed. */
#include "tests/fault/stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/backup/backup.h"
#include "server/http/request.h"
#include "server/sync/read.h"

#define PATH_BYTES 512
#define ADDRESS    "http://127.0.0.1:1"

void stage_die(const char *what, const char *why)
{
    (void)fprintf(stderr, "not as it should be: %s: %s\n", what, why);
    exit(3);
}

/* ---- folders ---- */

static const char *const FOLDERS[] = { "",           "/book", "/book/store", "/book/keys",
                                       "/book/side", "/copy", "/copy/log",   "/copy/tables",
                                       "/copy/keys", "/a",    "/b" };
#define FOLDERS_COUNT (sizeof FOLDERS / sizeof FOLDERS[0])

static void copy_file(const char *from, const char *to)
{
    struct stat info;
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (in < 0 || out < 0 || fstat(in, &info) != 0)
        stage_die(from, strerror(errno));
    for (off_t left = info.st_size; left > 0;) {
        ssize_t got = sendfile(out, in, NULL, (size_t)left);
        if (got <= 0)
            stage_die(from, "cannot be copied");
        left -= got;
    }
    (void)close(in);
    (void)close(out);
}

/* Each file of one folder: copies it, or with `to` NULL removes it. */
static void each_file(const char *from, const char *to)
{
    char source[PATH_BYTES], target[PATH_BYTES];
    DIR *dir = opendir(from);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        if (entry->d_type != DT_REG)
            continue;
        (void)snprintf(source, sizeof source, "%s/%s", from, entry->d_name);
        (void)snprintf(target, sizeof target, "%s/%s", to == NULL ? "" : to, entry->d_name);
        if (to == NULL)
            (void)unlink(source);
        else if (strcmp(entry->d_name, "install") != 0)
            copy_file(source, target);
        else if (link(source, target) != 0)
            stage_die(source, strerror(errno));
    }
    if (dir != NULL)
        (void)closedir(dir);
}

/* Pieces of files, of the book or its copy, lie in folders that are named by their hashes. */
static void copy_pieces(const char *from, const char *to, const char *folder)
{
    char source[PATH_BYTES], target[PATH_BYTES], inner[2][PATH_BYTES + 64];
    (void)snprintf(source, sizeof source, "%s/%s/chunks", from, folder);
    (void)snprintf(target, sizeof target, "%s/%s/chunks", to, folder);
    DIR *dir = opendir(source);
    if (dir == NULL)
        return;
    if (mkdir(target, 0700) != 0)
        stage_die(target, strerror(errno));
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(inner[0], sizeof inner[0], "%s/%.60s", source, entry->d_name);
        (void)snprintf(inner[1], sizeof inner[1], "%s/%.60s", target, entry->d_name);
        if (mkdir(inner[1], 0700) != 0)
            stage_die(inner[1], strerror(errno));
        each_file(inner[0], inner[1]);
    }
    (void)closedir(dir);
}

void stage_copy(const char *from, const char *to)
{
    char source[PATH_BYTES], target[PATH_BYTES];
    struct stat info;
    for (size_t i = 0; i < FOLDERS_COUNT; i++) {
        (void)snprintf(source, sizeof source, "%s%s", from, FOLDERS[i]);
        (void)snprintf(target, sizeof target, "%s%s", to, FOLDERS[i]);
        if (stat(source, &info) != 0)
            continue;
        if (mkdir(target, 0700) != 0)
            stage_die(target, strerror(errno));
        each_file(source, target);
    }
    copy_pieces(from, to, "book");
    copy_pieces(from, to, "copy");
}

/* Folders that a check left in the book (its scratch store) go too. */
void stage_remove(const char *dir)
{
    char path[PATH_BYTES];
    for (size_t i = FOLDERS_COUNT; i > 0; i--) {
        (void)snprintf(path, sizeof path, "%s%s", dir, FOLDERS[i - 1]);
        each_file(path, NULL);
        if (rmdir(path) != 0 && errno != ENOENT) {
            char command[PATH_BYTES + 16];
            (void)snprintf(command, sizeof command, "rm -rf '%s'", path);
            if (system(command) != 0)
                stage_die(path, "cannot be removed");
        }
    }
}

void stage_catalogue(stage *s, const char *dir)
{
    static const char *const FORMS[] = {
        "form", "person", "device", "assignment", "unit", "visit"
    };
    char from[PATH_BYTES], to[PATH_BYTES];
    (void)snprintf(s->catalogue, sizeof s->catalogue, "%s/catalogue", dir);
    (void)snprintf(to, sizeof to, "%s/forms", s->catalogue);
    if (mkdir(s->catalogue, 0700) != 0 || mkdir(to, 0700) != 0)
        stage_die(to, strerror(errno));
    for (size_t i = 0; i < sizeof FORMS / sizeof FORMS[0]; i++) {
        (void)snprintf(from, sizeof from, "server/catalogue/forms/%s.json", FORMS[i]);
        (void)snprintf(to, sizeof to, "%s/forms/%s.json", s->catalogue, FORMS[i]);
        copy_file(from, to);
    }
    (void)snprintf(to, sizeof to, "%s/unit", s->catalogue);
    if (mkdir(to, 0700) != 0)
        stage_die(to, strerror(errno));
    (void)snprintf(to, sizeof to, "%s/unit/units.json", s->catalogue);
    copy_file("tests/fault/units.json", to);
}

/* ---- the book ---- */

static int say(stage *s, int code, const char *detail)
{
    s->code = code;
    (void)snprintf(s->detail, sizeof s->detail, "%s", code == SOTAY_OK ? "" : detail);
    return code;
}

int stage_said(stage *s, int code, const sotay_error *error)
{
    return say(s, code, error->detail);
}

static int64_t now_ms(void *context)
{
    const server_port *real = server_port_system();
    return real->now_ms(real->context) + *(const int64_t *)context;
}

/* A wall clock that goes alone was set, and nothing grows old by that. */
static uint64_t mono_ms(void *context)
{
    const server_port *real = server_port_system();
    return real->mono_ms(real->context) + (uint64_t)*(const int64_t *)context;
}

/* The clock of the book can be set while it is open. */
static const server_port *clock_of(stage *s)
{
    s->clock = *server_port_system();
    s->clock.context = &s->later_ms;
    s->clock.now_ms = now_ms;
    s->clock.mono_ms = mono_ms;
    return &s->clock;
}

int stage_init(stage *s)
{
    char dir[PATH_BYTES];
    st_error error = { 0 };
    (void)snprintf(dir, sizeof dir, "%s/book", s->dir);
    rooms_how how = { .dir = dir, .port = clock_of(s), .threaded = s->threaded };
    rooms_new wish = { "01477", s->catalogue, false };
    st_err err = rooms_init(&how, &wish, &s->rooms, &error);
    s->is_book = err == ST_OK;
    return say(s, (int)err, error.detail);
}

void stage_clear_book(stage *s)
{
    char command[PATH_BYTES];
    (void)snprintf(command, sizeof command, "rm -rf '%s/book'", s->dir);
    if (system(command) != 0)
        stage_die(s->dir, "cannot be cleared");
}

int stage_open_book(stage *s)
{
    char dir[PATH_BYTES];
    st_error error = { 0 };
    if (s->is_book)
        return say(s, SOTAY_OK, "");
    (void)snprintf(dir, sizeof dir, "%s/book", s->dir);
    rooms_how how = { .dir = dir, .port = clock_of(s), .threaded = s->threaded };
    st_err err = rooms_open(&how, &s->rooms, &error);
    s->is_book = err == ST_OK;
    return say(s, (int)err, error.detail);
}

int stage_restore(stage *s)
{
    char from[PATH_BYTES], dir[PATH_BYTES];
    st_error error = { 0 };
    backup_manifest manifest;
    (void)snprintf(from, sizeof from, "%s/copy", s->dir);
    (void)snprintf(dir, sizeof dir, "%s/book", s->dir);
    rooms_how how = { .dir = dir };
    backup_restore_how more = { .last = NULL };
    st_err err = backup_restore_with(from, &how, &more, &manifest, &error);
    s->pieces_lost = err == ST_OK ? (size_t)more.pieces_lost : 0;
    return s->pieces_lost > 0 ? say(s, SOTAY_E_STORAGE, "pieces of files were lost")
                              : say(s, (int)err, error.detail);
}

int stage_backup(stage *s, bool check)
{
    char to[PATH_BYTES];
    (void)snprintf(to, sizeof to, "%s/copy", s->dir);
    return check ? STAGE_CALL(s, "backup", "--check", to) : STAGE_CALL(s, "backup", to);
}

int stage_open_door(stage *s)
{
    static const char TOKEN[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    st_error error = { 0 };
    const http_config how = { .listen = "127.0.0.1:0",
                              .threads = 4,
                              .body_deadline_s = 5,
                              .head_deadline_ms = 5000,
                              .quiet = true };
    st_err err = http_start(&s->rooms, &how, TOKEN, &s->http, &error);
    if (err != ST_OK)
        s->http = NULL;
    s->had_door = true;
    return say(s, (int)err, error.detail);
}

void stage_close_book(stage *s)
{
    if (s->http != NULL) {
        (void)http_drain(s->http, 3000);
        fault_may_end(true);
        http_stop(s->http);
        fault_may_end(false);
    }
    if (s->is_book)
        rooms_close(&s->rooms);
    s->http = NULL;
    s->is_book = false;
}

/* A refusal without a code of its own is of what was asked, or what verify found: as if the data
 * were at fault. */
static int code_of(const operator_call *call, int exit_code)
{
    if (exit_code == 0)
        return SOTAY_OK;
    return call->why.code == ST_OK ? SOTAY_E_CORRUPT : (int)call->why.code;
}

/* What the operator reads on stderr lies in memory that was there before. */
int stage_call(stage *s, const char *const *words)
{
    size_t count = 0;
    while (words[count] != NULL)
        count++;
    st_buffer_free(&s->out);
    st_buffer_init(&s->out, OPERATOR_OUT_BYTES_MAX);
    st_buffer_clear(&s->err);
    operator_call call = { .rooms = &s->rooms,
                           .argv = words,
                           .argc = count,
                           .lang = "en",
                           .offset_minutes = 420,
                           .public_url = strcmp(words[0], "enrol") == 0 ? ADDRESS : NULL,
                           .words_wait = s->words_wait,
                           .out = &s->out,
                           .err = &s->err };
    int code = operator_run(&call);
    fault_pause();
    if (st_buffer_append(&s->out, "", 1, NULL) != ST_OK ||
        st_buffer_append(&s->err, "", 1, NULL) != ST_OK)
        stage_die("operator", "no memory for what it said");
    fault_resume();
    const st_buffer *said = s->err.len > 1 ? &s->err : &s->out; /* what verify finds is an answer */
    return say(s, code_of(&call, code), (const char *)said->data);
}

uint64_t stage_entries(stage *s)
{
    uint64_t size = 0;
    store_txn txn = { 0 };
    st_error error = { 0 };
    if (store_begin(s->rooms.sync.store, STORE_READ_TXN, &txn, &error) != ST_OK ||
        sync_log_size(&txn, &size, &error) != ST_OK)
        stage_die("log", error.detail);
    store_end(&txn);
    return size;
}

/* ---- phones ---- */

int stage_open_port(stage *s, int n, bool create)
{
    char dir[PATH_BYTES];
    sotay_error error = { SOTAY_OK, "" };
    stage_phone *p = &s->phones[n];
    if (p->is_port)
        return SOTAY_OK;
    (void)snprintf(dir, sizeof dir, "%s/%s", s->dir, n == 0 ? "a" : "b");
    int rc = sotay_lmdb_open(dir, create, &p->port, &error);
    p->is_port = rc == SOTAY_OK;
    if (rc == SOTAY_OK)
        p->port.picture = sotay_picture_fit;
    return stage_said(s, rc, &error);
}

int stage_open_phone(stage *s, int n, bool create)
{
    sotay_error error = { SOTAY_OK, "" };
    stage_phone *p = &s->phones[n];
    const sotay_open_how how = { p->pin, create, "vi", 420 };
    int rc = stage_open_port(s, n, create);
    if (rc != SOTAY_OK || p->is_open)
        return rc;
    rc = sotay_open(&p->port, &how, &p->client, &error);
    p->is_open = rc == SOTAY_OK;
    return stage_said(s, rc, &error);
}

void stage_close_phone(stage *s, int n)
{
    stage_phone *p = &s->phones[n];
    if (p->is_open)
        sotay_close(p->client);
    if (p->is_port)
        sotay_port_close(&p->port);
    p->is_open = p->is_port = false;
    p->client = NULL;
}

void stage_close(stage *s)
{
    stage_close_phone(s, 0);
    stage_close_phone(s, 1);
    stage_close_book(s);
    st_buffer_free(&s->out);
}

/* What sotayd does with a request, without the socket. The other half is not under test. */
static int answer(stage *s, const sotay_request *asked, st_buffer *out_reply)
{
    http_request request;
    char range[40];
    if (s->server_fails)
        fault_resume();
    else
        fault_pause();
    memset(&request, 0, sizeof request);
    request.rooms = &s->rooms;
    request.method = asked->method;
    request.path = asked->path;
    request.status = 200;
    request.body = malloc(asked->body_bytes + 1);
    st_buffer_init(&request.reply, ST_BODY_BYTES_MAX);
    if (request.body == NULL) {
        request.status = 503;
    } else {
        if (asked->body_bytes > 0)
            memcpy(request.body, asked->body, asked->body_bytes);
        request.body_len = asked->body_bytes;
        (void)snprintf(range, sizeof range, "bytes=%llu-", (unsigned long long)asked->range_from);
        if (strcmp(asked->path, "/v1/enrol") == 0) {
            http_handle_enrol(&request);
        } else if (strncmp(asked->path, "/audit/", 7) == 0) {
            http_handle_audit(&request);
        } else if (strcmp(asked->method, "GET") == 0) {
            request.range = range;
            request.signed_head = asked->authorization + strlen("Sotay ");
            http_handle_snapshot(&request);
        } else if (strcmp(asked->path, "/v1/sync") != 0) {
            http_handle_have(&request);
        } else {
            http_handle_sync(&request);
        }
    }
    free(request.body);
    if (s->server_fails)
        fault_pause();
    else
        fault_resume();
    *out_reply = request.reply;
    return request.status;
}

static int run(stage *s, sotay_sync *sync, sotay_error *error)
{
    bool again = true;
    int rc = SOTAY_OK;
    while (rc == SOTAY_OK && again) {
        sotay_request request;
        st_buffer reply;
        again = false;
        rc = sotay_sync_next(sync, &request, error);
        if (rc != SOTAY_OK)
            break;
        int status = answer(s, &request, &reply);
        for (size_t at = 0; rc == SOTAY_OK && at < reply.len; at += 1000) {
            size_t len = reply.len - at < 1000 ? reply.len - at : 1000;
            rc = sotay_sync_feed(sync, reply.data + at, len, error);
        }
        if (rc == SOTAY_OK)
            rc = sotay_sync_end(sync, status, &again, error);
        st_buffer_free(&reply);
    }
    sotay_sync_free(sync);
    return rc;
}

static int exchange(stage *s, int n, bool enrol)
{
    sotay_sync *sync = NULL;
    sotay_error error = { SOTAY_OK, "" };
    stage_phone *p = &s->phones[n];
    if (s->server_fails)
        fault_pause();
    int rc = enrol ? sotay_enrol_begin(p->client, p->link, "máy thử", &sync, &error)
                   : sotay_sync_begin(p->client, &sync, &error);
    if (rc == SOTAY_OK && s->fetches)
        sotay_sync_can_fetch(sync);
    if (rc == SOTAY_OK)
        rc = run(s, sync, &error);
    if (s->server_fails)
        fault_resume();
    return stage_said(s, rc, &error);
}

int stage_enrol(stage *s, int n)
{
    sotay_who who;
    sotay_whoami(s->phones[n].client, &who);
    return who.is_enrolled ? SOTAY_OK : exchange(s, n, true);
}

int stage_sync(stage *s, int n)
{
    return exchange(s, n, false);
}

int stage_receipts(stage *s, int n)
{
    size_t kept = 0;
    st_buffer reply;
    sotay_receipt_ask ask;
    sotay_error error = { SOTAY_OK, "" };
    sotay_client *client = s->phones[n].client;
    int rc = sotay_receipts_wanted(client, true, &ask, &error);
    if (rc != SOTAY_OK || ask.count == 0)
        return stage_said(s, rc, &error);
    const sotay_request request = { .method = "GET", .path = ask.path };
    int status = answer(s, &request, &reply);
    if (status == 200)
        rc = sotay_receipts_take(client, &ask, (sotay_slice){ reply.data, reply.len }, &kept,
                                 &error);
    else
        rc = status >= 500 ? SOTAY_E_SERVER : SOTAY_E_VALUE,
        (void)snprintf(error.detail, sizeof error.detail, "no receipts: %d", status);
    st_buffer_free(&reply);
    return stage_said(s, rc, &error);
}

int stage_sync_curl(stage *s, int n)
{
    sotay_error error = { SOTAY_OK, "" };
    const sotay_curl_how how = { .url = http_url(s->http) };
    sotay_report report;
    int rc = sotay_curl_sync(s->phones[n].client, &how, &report, NULL, &error);
    return stage_said(s, rc, &error);
}

/* ---- what must work ---- */

static void must(stage *s, const char *what, int code)
{
    if (code != SOTAY_OK)
        stage_die(what, s->detail);
}

void stage_link(stage *s, int n, const char *login)
{
    stage_phone *p = &s->phones[n];
    must(s, "enrol", STAGE_CALL(s, "enrol", login));
    const char *link = strstr((const char *)s->out.data, "http");
    size_t len = link == NULL ? 0 : strcspn(link, "\n");
    if (len == 0 || len >= sizeof p->link)
        stage_die("enrol", "no link");
    memcpy(p->link, link, len);
    p->link[len] = '\0';
}

void stage_visit(stage *s, int n, const char *note)
{
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" },
                                { "visit_date", "2026-03-12" },
                                { "general_note", note } };
    const sotay_pairs pairs = { list, 3 };
    sotay_error error = { SOTAY_OK, "" };
    int rc = sotay_record_new(s->phones[n].client, "visit", STAGE_UNIT, pairs,
                              &s->visits[s->visits_count], &error);
    must(s, "new", stage_said(s, rc, &error));
    s->visits_count++;
}

void stage_crowd(stage *s, int n, size_t count)
{
    const sotay_pair list[] = { { "visit_kind", "kiem_tra" }, { "place", "nhà văn hóa" } };
    const sotay_pairs pairs = { list, 2 };
    for (size_t i = 0; i < count; i++) {
        sotay_id id;
        sotay_error error = { SOTAY_OK, "" };
        int rc = sotay_record_new(s->phones[n].client, "visit", STAGE_UNIT, pairs, &id, &error);
        must(s, "new", stage_said(s, rc, &error));
    }
}

void stage_set(stage *s, int n, size_t visit, const char *path, const char *value)
{
    const sotay_pair pair = { path, value };
    const sotay_pairs pairs = { &pair, 1 };
    sotay_error error = { SOTAY_OK, "" };
    int rc = sotay_record_set(s->phones[n].client, &s->visits[visit], pairs, &error);
    must(s, "set", stage_said(s, rc, &error));
}

void stage_people(stage *s)
{
    static const char *const LOGINS[] = { "an", "binh" };
    must(s, "user", STAGE_CALL(s, "user", "add", "office", "--name", "Office", "--role", "office"));
    for (int n = 0; n < 2; n++) {
        must(s, "user",
             STAGE_CALL(s, "user", "add", LOGINS[n], "--name", LOGINS[n], "--role", "officer"));
        must(s, "assign", STAGE_CALL(s, "assign", LOGINS[n], STAGE_UNIT));
        stage_link(s, n, LOGINS[n]);
        must(s, "phone", stage_open_phone(s, n, true));
        must(s, "enrol", stage_enrol(s, n));
        must(s, "sync", stage_sync(s, n));
    }
}

/* FNV-1a; needs no memory, so that a try hears as the run before it did. Never 0. */
static uint64_t sum_of(const char *text)
{
    uint64_t sum = 14695981039346656037u;
    for (; *text != '\0'; text++)
        sum = (sum ^ (uint8_t)*text) * 1099511628211u;
    return sum == 0 ? 1 : sum;
}

void stage_heard(stage *s, size_t n, const char *reader, const char *text)
{
    uint64_t sum = sum_of(text);
    if (n >= STAGE_READERS_MAX)
        stage_die(reader, "STAGE_READERS_MAX is too small");
    if (s->heard[n] != 0 && s->heard[n] != sum) {
        (void)fprintf(stderr, "%s\n", text);
        stage_die(reader, "OK, and not what it says when all goes well");
    }
    s->heard[n] = sum;
}

char *stage_show(stage *s, int n, size_t visit)
{
    char *text = NULL;
    sotay_error error = { SOTAY_OK, "" };
    int rc = sotay_show(s->phones[n].client, &s->visits[visit], SOTAY_JSON, &text, &error);
    must(s, "show", stage_said(s, rc, &error));
    return text;
}
