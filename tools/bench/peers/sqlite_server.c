/* tools/bench/peers/sqlite_server.c - sqlite-server DIR PORT: CivetWeb and SQLite (WAL,
 * synchronous=FULL). Promises what it answered is on disk, as ours does; keeps no rights, history
 * per person or proof.
 *   POST /push?dev=D   zstd(changeset) -> its sequence number
 *   GET  /pull?since=N&dev=D -> [sequence 4][length 4][blob]... of all others; X-Head: last one
 *   GET  /snapshot     -> zstd(image of the database without its log)
 *   POST /schema       before the run */
#include <civetweb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SQLITE_ENABLE_SESSION
#define SQLITE_ENABLE_PREUPDATE_HOOK
#include <sqlite3.h>
#include <zstd.h>

typedef struct {
    pthread_mutex_t lock;
    sqlite3 *db;
    long head;
    void *image;               /* compressed snapshot, as of image_head */
    size_t image_len;
    long image_head;
} peer;

typedef struct {
    char *data;
    size_t len;
} bytes;

static void need(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "sqlite-server: %s\n", what);
    exit(1);
}

static bool run(peer *p, const char *sql)
{
    char *why = NULL;
    if (sqlite3_exec(p->db, sql, NULL, NULL, &why) == SQLITE_OK)
        return true;
    fprintf(stderr, "sqlite-server: %.40s: %s\n", sql, why);
    sqlite3_free(why);
    return false;
}

static sqlite3_stmt *prepare(peer *p, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    need(sqlite3_prepare_v2(p->db, sql, -1, &statement, NULL) == SQLITE_OK, sqlite3_errmsg(p->db));
    return statement;
}

static long number(const struct mg_request_info *info, const char *name)
{
    char text[32] = "0";
    if (info->query_string != NULL)
        (void)mg_get_var(info->query_string, strlen(info->query_string), name, text, sizeof text);
    return atol(text);
}

static bytes read_body(struct mg_connection *connection)
{
    long long left = mg_get_request_info(connection)->content_length;
    bytes body = { .data = calloc(1, left > 0 ? (size_t)left + 1 : 1) };
    need(body.data != NULL, "no memory");
    while ((long long)body.len < left) {
        int n = mg_read(connection, body.data + body.len, (size_t)left - body.len);
        if (n <= 0)
            break;
        body.len += (size_t)n;
    }
    return body;
}

/* Head and body in one write. */
static void reply(struct mg_connection *connection, const peer *p, const void *data, size_t len)
{
    char head[160];
    int head_len = snprintf(head, sizeof head,
                            "HTTP/1.1 200 OK\r\nX-Head: %ld\r\nContent-Length: %zu\r\n"
                            "Connection: keep-alive\r\n\r\n", p->head, len);
    char *whole = malloc((size_t)head_len + len);
    need(whole != NULL, "no memory");
    memcpy(whole, head, (size_t)head_len);
    if (len > 0)
        memcpy(whole + head_len, data, len);
    (void)mg_write(connection, whole, (size_t)head_len + len);
    free(whole);
}

/* The server's order decides: the later arrival replaces, without a word. */
static int on_conflict(void *context, int kind, sqlite3_changeset_iter *change)
{
    (void)context;
    (void)change;
    return kind == SQLITE_CHANGESET_DATA ? SQLITE_CHANGESET_REPLACE : SQLITE_CHANGESET_OMIT;
}

static bool store(peer *p, const bytes *blob, long device)
{
    size_t raw_len = (size_t)ZSTD_getFrameContentSize(blob->data, blob->len);
    void *raw = malloc(raw_len);
    need(raw != NULL && !ZSTD_isError(ZSTD_decompress(raw, raw_len, blob->data, blob->len)),
         "a push cannot be read");
    bool is_ok = run(p, "BEGIN IMMEDIATE") &&
                 sqlite3changeset_apply(p->db, (int)raw_len, raw, NULL, on_conflict, NULL) ==
                     SQLITE_OK;
    free(raw);
    sqlite3_stmt *log = prepare(p, "INSERT INTO log(seq,dev,blob) VALUES(?,?,?)");
    is_ok = is_ok && sqlite3_bind_int64(log, 1, p->head + 1) == SQLITE_OK &&
            sqlite3_bind_int64(log, 2, device) == SQLITE_OK &&
            sqlite3_bind_blob(log, 3, blob->data, (int)blob->len, SQLITE_STATIC) == SQLITE_OK &&
            sqlite3_step(log) == SQLITE_DONE;
    (void)sqlite3_finalize(log);
    return is_ok && run(p, "COMMIT");
}

static int handle_push(struct mg_connection *connection, void *context)
{
    peer *p = context;
    char text[32];
    bytes blob = read_body(connection);
    pthread_mutex_lock(&p->lock);
    need(store(p, &blob, number(mg_get_request_info(connection), "dev")), "a push failed");
    p->head++;
    int len = snprintf(text, sizeof text, "%ld", p->head);
    reply(connection, p, text, (size_t)len);
    pthread_mutex_unlock(&p->lock);
    free(blob.data);
    return 200;
}

static int handle_pull(struct mg_connection *connection, void *context)
{
    peer *p = context;
    const struct mg_request_info *info = mg_get_request_info(connection);
    bytes out = { 0 };
    pthread_mutex_lock(&p->lock);
    sqlite3_stmt *rows = prepare(p, "SELECT seq,blob FROM log WHERE seq>? AND dev<>? ORDER BY seq");
    need(sqlite3_bind_int64(rows, 1, number(info, "since")) == SQLITE_OK &&
             sqlite3_bind_int64(rows, 2, number(info, "dev")) == SQLITE_OK, "cannot bind");
    while (sqlite3_step(rows) == SQLITE_ROW) {
        uint32_t head[2] = { (uint32_t)sqlite3_column_int(rows, 0),
                             (uint32_t)sqlite3_column_bytes(rows, 1) };
        out.data = realloc(out.data, out.len + sizeof head + head[1]);
        need(out.data != NULL, "no memory");
        memcpy(out.data + out.len, head, sizeof head);
        memcpy(out.data + out.len + sizeof head, sqlite3_column_blob(rows, 1), head[1]);
        out.len += sizeof head + head[1];
    }
    (void)sqlite3_finalize(rows);
    reply(connection, p, out.data, out.len);
    pthread_mutex_unlock(&p->lock);
    free(out.data);
    return 200;
}

static void make_image(peer *p)
{
    sqlite3 *copy = NULL;
    sqlite3_int64 len = 0;
    need(sqlite3_open(":memory:", &copy) == SQLITE_OK, "no memory");
    sqlite3_backup *backup = sqlite3_backup_init(copy, "main", p->db, "main");
    need(backup != NULL && sqlite3_backup_step(backup, -1) == SQLITE_DONE, "cannot copy");
    (void)sqlite3_backup_finish(backup);
    need(sqlite3_exec(copy, "DROP TABLE log; VACUUM", NULL, NULL, NULL) == SQLITE_OK,
         "cannot vacuum");
    unsigned char *raw = sqlite3_serialize(copy, "main", &len, 0);
    free(p->image);
    p->image = malloc(ZSTD_compressBound((size_t)len));
    need(raw != NULL && p->image != NULL, "no memory");
    p->image_len = ZSTD_compress(p->image, ZSTD_compressBound((size_t)len), raw, (size_t)len, 3);
    p->image_head = p->head;
    sqlite3_free(raw);
    (void)sqlite3_close(copy);
}

static int handle_snapshot(struct mg_connection *connection, void *context)
{
    peer *p = context;
    pthread_mutex_lock(&p->lock);
    if (p->image_head != p->head)
        make_image(p);
    reply(connection, p, p->image, p->image_len);
    pthread_mutex_unlock(&p->lock);
    return 200;
}

static int handle_schema(struct mg_connection *connection, void *context)
{
    peer *p = context;
    bytes sql = read_body(connection);
    pthread_mutex_lock(&p->lock);
    need(run(p, sql.data), "cannot make the table");
    reply(connection, p, "", 0);
    pthread_mutex_unlock(&p->lock);
    free(sql.data);
    return 200;
}

int main(int argc, char **argv)
{
    static peer p = { .lock = PTHREAD_MUTEX_INITIALIZER, .image_head = -1 };
    char path[1024], door[32];
    if (argc < 3)
        return 2;
    snprintf(path, sizeof path, "%s/server.db", argv[1]);
    snprintf(door, sizeof door, "127.0.0.1:%s", argv[2]);
    need(sqlite3_open(path, &p.db) == SQLITE_OK, "cannot open the store");
    need(run(&p, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL") &&
             run(&p, "CREATE TABLE log(seq INTEGER PRIMARY KEY, dev INT, blob BLOB)"), "no store");
    const char *options[] = { "listening_ports", door, "num_threads", "32",
                              "enable_keep_alive", "yes", "keep_alive_timeout_ms", "60000",
                              "request_timeout_ms", "60000", "tcp_nodelay", "1", NULL };
    struct mg_callbacks callbacks = { 0 };
    mg_init_library(0);
    struct mg_context *context = mg_start(&callbacks, NULL, options);
    need(context != NULL, "cannot listen");
    mg_set_request_handler(context, "/push", handle_push, &p);
    mg_set_request_handler(context, "/pull", handle_pull, &p);
    mg_set_request_handler(context, "/snapshot", handle_snapshot, &p);
    mg_set_request_handler(context, "/schema", handle_schema, &p);
    puts("ready");
    fflush(stdout);
    for (;;)
        (void)pause();
}
