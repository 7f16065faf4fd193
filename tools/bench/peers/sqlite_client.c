/* tools/bench/peers/sqlite_client.c - sqlite-client main|bootstrap: what a good hand-made stack
 * does. Devices are SQLite files (WAL, synchronous=NORMAL as phones do); session changesets travel
 * as zstd blobs. A sync pushes what is new here, then pulls all that others pushed since. The
 * server's order decides, per field. No signature, history, identity or access rights. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SQLITE_ENABLE_SESSION
#define SQLITE_ENABLE_PREUPDATE_HOOK
#include <sqlite3.h>
#include <zstd.h>

#include "tools/bench/peers/wire.h"
#include "tools/bench/peers/workload.h"

#define SQL_BYTES 8192
#define ROUNDS 2

/* An own edit that was not yet seen back in the server's order. sequence 0: not pushed. */
typedef struct {
    const workload_op *op;
    long sequence;
} pending;

typedef struct {
    int id;
    wire link;
    const workload *work;
    long pulled, applying;     /* sequence reached; sequence of the blob being applied */
    sqlite3 *db;
    sqlite3_session *session;
    bool is_dirty;
    pending *pending;
    size_t pending_count;
} device;

static void need(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "sqlite-client: %s\n", what);
    exit(3);
}

static sqlite3_stmt *prepare(device *d, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    need(sqlite3_prepare_v2(d->db, sql, -1, &statement, NULL) == SQLITE_OK, sqlite3_errmsg(d->db));
    return statement;
}

static void run(device *d, const char *sql)
{
    need(sqlite3_exec(d->db, sql, NULL, NULL, NULL) == SQLITE_OK, sqlite3_errmsg(d->db));
}

/* One row of one column per field: so that a changeset is per field. */
static void make_schema(const workload *work, char sql[SQL_BYTES])
{
    size_t len = (size_t)snprintf(sql, SQL_BYTES, "CREATE TABLE IF NOT EXISTS visit(");
    for (int i = 0; i < work->fields_count; i++)
        len += (size_t)snprintf(sql + len, SQL_BYTES - len, "%s%s %s", i > 0 ? "," : "",
                                work->fields[i].name,
                                work->fields[i].is_number ? "INT"
                                : i == 0                  ? "TEXT PRIMARY KEY NOT NULL"
                                                          : "TEXT");
    snprintf(sql + len, SQL_BYTES - len, ") WITHOUT ROWID");
}

static void device_path(int id, char *path, size_t path_bytes)
{
    snprintf(path, path_bytes, "%s/dev%d.db", workload_env("STATE"), id);
}

static void device_open(device *d, int id, const workload *work, const char *schema)
{
    char path[1024];
    *d = (device){ .id = id, .link = { -1 }, .work = work };
    device_path(id, path, sizeof path);
    need(sqlite3_open(path, &d->db) == SQLITE_OK, "cannot open the store");
    run(d, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL");
    run(d, schema);
}

/* Starts to watch what changes from here on. */
static void track(device *d)
{
    if (d->session != NULL)
        sqlite3session_delete(d->session);
    d->session = NULL;
    need(sqlite3session_create(d->db, "main", &d->session) == SQLITE_OK &&
             sqlite3session_attach(d->session, "visit") == SQLITE_OK, "no session");
    d->is_dirty = false;
}

static wire_answer call(device *d, const wire_request *request)
{
    wire_answer answer = wire_call(&d->link, request);
    need(answer.status == 200, request->path);
    return answer;
}

/* ---- sync ---- */

/* The later arrival at the server wins: a cell of ours stays only when the incoming change is older
 * than our own push of that cell. Anything else does not converge. */
static int on_conflict(void *context, int kind, sqlite3_changeset_iter *change)
{
    device *d = context;
    sqlite3_value *id = NULL, *value = NULL;
    if (kind != SQLITE_CHANGESET_DATA)
        return SQLITE_CHANGESET_OMIT;
    if (d->pending_count == 0 || sqlite3changeset_old(change, 0, &id) != SQLITE_OK || id == NULL)
        return SQLITE_CHANGESET_REPLACE;
    for (size_t i = 0; i < d->pending_count; i++) {
        const pending *own = &d->pending[i];
        bool is_later = own->sequence == 0 || own->sequence > d->applying;
        if (is_later && strcmp(own->op->id, (const char *)sqlite3_value_text(id)) == 0 &&
            sqlite3changeset_new(change, own->op->field, &value) == SQLITE_OK && value != NULL)
            return SQLITE_CHANGESET_OMIT;
    }
    return SQLITE_CHANGESET_REPLACE;
}

static void *unpack(const char *blob, size_t len, size_t *out_len)
{
    *out_len = (size_t)ZSTD_getFrameContentSize(blob, len);
    void *raw = malloc(*out_len);
    need(raw != NULL && !ZSTD_isError(ZSTD_decompress(raw, *out_len, blob, len)), "bad blob");
    return raw;
}

/* [sequence 4][length 4][blob]... */
static void apply_all(device *d, const char *body, size_t len)
{
    if (d->session != NULL)
        (void)sqlite3session_enable(d->session, 0);
    run(d, "BEGIN");
    for (size_t at = 0; at < len;) {
        uint32_t head[2];
        size_t raw_len;
        memcpy(head, body + at, sizeof head);
        d->applying = (long)head[0];
        void *raw = unpack(body + at + sizeof head, head[1], &raw_len);
        need(sqlite3changeset_apply(d->db, (int)raw_len, raw, NULL, on_conflict, d) == SQLITE_OK,
             "a changeset does not apply");
        free(raw);
        at += sizeof head + head[1];
    }
    run(d, "COMMIT");
    if (d->session != NULL)
        (void)sqlite3session_enable(d->session, 1);
}

static void pull(device *d)
{
    char path[64];
    snprintf(path, sizeof path, "/pull?since=%ld&dev=%d", d->pulled, d->id);
    wire_answer answer = call(d, &(wire_request){ .method = "GET", .path = path });
    if (answer.body_bytes > 0)
        apply_all(d, answer.body, answer.body_bytes);
    d->pulled = wire_header(&answer, "X-Head");
    wire_free(&answer);
    size_t kept = 0;
    for (size_t i = 0; i < d->pending_count; i++)
        if (d->pending[i].sequence == 0)
            d->pending[kept++] = d->pending[i];
    d->pending_count = kept;
}

static void push(device *d)
{
    char path[64];
    int len;
    void *changeset;
    if (!d->is_dirty)
        return;
    need(sqlite3session_changeset(d->session, &len, &changeset) == SQLITE_OK, "no changeset");
    size_t capacity = ZSTD_compressBound((size_t)len);
    char *blob = malloc(capacity);
    need(blob != NULL, "no memory");
    size_t blob_len = ZSTD_compress(blob, capacity, changeset, (size_t)len, 3);
    sqlite3_free(changeset);
    snprintf(path, sizeof path, "/push?dev=%d", d->id);
    wire_answer answer = call(d, &(wire_request){ "POST", path, blob, blob_len, NULL });
    free(blob);
    for (size_t i = 0; i < d->pending_count; i++)
        if (d->pending[i].sequence == 0)
            d->pending[i].sequence = atol(answer.body);
    wire_free(&answer);
    track(d);
}

static void sync_device(device *d)
{
    push(d);
    pull(d);
}

/* ---- recording and reading ---- */

static void bind(device *d, sqlite3_stmt *statement, int at, const workload_value *value)
{
    int rc = value->text != NULL ? sqlite3_bind_text(statement, at, value->text, -1, SQLITE_STATIC)
                                 : sqlite3_bind_int64(statement, at, value->number);
    need(rc == SQLITE_OK, sqlite3_errmsg(d->db));
}

static void create(device *d, const workload_op *op)
{
    char sql[SQL_BYTES] = "INSERT INTO visit VALUES(?";
    for (int i = 1; i < d->work->fields_count; i++)
        strcat(sql, ",?");
    strcat(sql, ")");
    sqlite3_stmt *insert = prepare(d, sql);
    for (int i = 0; i < d->work->fields_count; i++)
        bind(d, insert, i + 1, &op->record[i]);
    need(sqlite3_step(insert) == SQLITE_DONE, sqlite3_errmsg(d->db));
    (void)sqlite3_finalize(insert);
    d->is_dirty = true;
}

static void edit(device *d, const workload_op *op)
{
    char sql[200];
    const workload_value id = { .text = op->id };
    snprintf(sql, sizeof sql, "UPDATE visit SET %s=? WHERE id=?", d->work->fields[op->field].name);
    sqlite3_stmt *update = prepare(d, sql);
    bind(d, update, 1, &op->value);
    bind(d, update, 2, &id);
    need(sqlite3_step(update) == SQLITE_DONE, sqlite3_errmsg(d->db));
    (void)sqlite3_finalize(update);
    d->is_dirty = true;
    d->pending = realloc(d->pending, (d->pending_count + 1) * sizeof *d->pending);
    need(d->pending != NULL, "no memory");
    d->pending[d->pending_count++] = (pending){ op, 0 };
}

static uint64_t digest(device *d)
{
    uint64_t hash = 1469598103934665603u;
    sqlite3_stmt *all = prepare(d, "SELECT * FROM visit ORDER BY id");
    while (sqlite3_step(all) == SQLITE_ROW)
        for (int i = 0; i < d->work->fields_count; i++) {
            const unsigned char *text = sqlite3_column_text(all, i);
            for (; text != NULL && *text != '\0'; text++)
                hash = (hash ^ *text) * 1099511628211u;
            hash = (hash ^ 255) * 1099511628211u;
        }
    (void)sqlite3_finalize(all);
    return hash;
}

static bool has(device *d, const workload_op *op)
{
    char sql[200];
    bool found = false;
    const workload_value id = { .text = op->id };
    snprintf(sql, sizeof sql, "SELECT %s FROM visit WHERE id=?", d->work->fields[op->field].name);
    sqlite3_stmt *select = prepare(d, sql);
    bind(d, select, 1, &id);
    if (sqlite3_step(select) == SQLITE_ROW)
        found = op->value.text == NULL
                    ? sqlite3_column_int64(select, 0) == op->value.number
                    : strcmp((const char *)sqlite3_column_text(select, 0), op->value.text) == 0;
    (void)sqlite3_finalize(select);
    return found;
}

static int count_rows(sqlite3 *db)
{
    sqlite3_stmt *count = NULL;
    int rows = -1;
    if (sqlite3_prepare_v2(db, "SELECT count(*) FROM visit", -1, &count, NULL) == SQLITE_OK &&
        sqlite3_step(count) == SQLITE_ROW)
        rows = sqlite3_column_int(count, 0);
    (void)sqlite3_finalize(count);
    return rows;
}

/* ---- the two runs ---- */

/* The whole database as one image instead of all changesets. */
static void fetch_snapshot(device *d, const char *phase)
{
    char path[1024], extra[64];
    size_t len;
    device_path(99, path, sizeof path);
    (void)unlink(path);
    workload_mark start = workload_mark_now();
    wire_answer answer = call(d, &(wire_request){ .method = "GET", .path = "/snapshot" });
    char *image = unpack(answer.body, answer.body_bytes, &len);
    image[18] = image[19] = 1;                  /* not WAL: the image has no journal beside it */
    FILE *file = fopen(path, "wb");
    need(file != NULL && fwrite(image, 1, len, file) == len && fflush(file) == 0 &&
             fsync(fileno(file)) == 0 && fclose(file) == 0, "cannot write the image");
    sqlite3 *db = NULL;
    need(sqlite3_open(path, &db) == SQLITE_OK, "cannot open the image");
    snprintf(extra, sizeof extra, "\"docs\":%d", count_rows(db));
    (void)sqlite3_close(db);
    workload_report(phase, start, extra);
    wire_free(&answer);
    free(image);
}

static void run_bootstrap(const workload *work, const char *schema)
{
    device d, s = { .id = 99, .link = { -1 } };
    char extra[64];
    device_open(&d, 98, work, schema);
    workload_mark start = workload_mark_now();
    pull(&d);
    snprintf(extra, sizeof extra, "\"docs\":%d", count_rows(d.db));
    workload_report("bootstrap", start, extra);
    fetch_snapshot(&s, "bootstrap_snapshot_cold");
    fetch_snapshot(&s, "bootstrap_snapshot");
}

static void run_edit(device *devices, const workload *work)
{
    char extra[512];
    workload_outcome outcome = { .rounds = ROUNDS, .converged = true };
    for (size_t i = 0; i < work->ops_count; i++)
        if (work->ops[i].kind == WORKLOAD_EDIT)
            edit(&devices[work->ops[i].device], &work->ops[i]);
    workload_mark start = workload_mark_now();
    for (int i = 0; i < ROUNDS * work->devices; i++)
        sync_device(&devices[i % work->devices]);
    double checking = workload_now();
    for (int i = 1; i < work->devices; i++)
        outcome.converged &= digest(&devices[i]) == digest(&devices[0]);
    for (size_t i = 0; i < work->ops_count; i++) {
        const workload_op *op = &work->ops[i];
        if (op->kind != WORKLOAD_EDIT)
            continue;
        int found = has(&devices[0], op);
        if (op->group != WORKLOAD_SOLO)
            found += has(&devices[0], &work->ops[++i]);
        workload_count(&outcome, op->group, found);
    }
    start.seconds += workload_now() - checking;
    workload_outcome_text(&outcome, extra, sizeof extra);
    workload_report("edit", start, extra);
}

static void run_main(const workload *work, const char *schema)
{
    device *devices = calloc((size_t)work->devices, sizeof *devices);
    need(devices != NULL, "no memory");
    for (int i = 0; i < work->devices; i++) {
        device_open(&devices[i], i, work, schema);
        track(&devices[i]);
        run(&devices[i], "BEGIN");
    }
    wire_answer made = call(&devices[0],
                            &(wire_request){ "POST", "/schema", schema, strlen(schema), NULL });
    wire_free(&made);
    for (size_t i = 0; i < work->ops_count; i++)
        if (work->ops[i].kind == WORKLOAD_CREATE)
            create(&devices[work->ops[i].device], &work->ops[i]);
    for (int i = 0; i < work->devices; i++)
        run(&devices[i], "COMMIT");
    workload_mark start = workload_mark_now();
    for (int i = 0; i < work->devices; i++)
        push(&devices[i]);
    workload_report("push", start, "");
    start = workload_mark_now();
    for (int i = 0; i < work->devices; i++)
        sync_device(&devices[i]);
    workload_report("catchup", start, "");
    run_edit(devices, work);
    start = workload_mark_now();
    sync_device(&devices[0]);
    workload_report("noop", start, "");
    for (size_t i = 0; i < work->ops_count; i++)
        if (work->ops[i].kind == WORKLOAD_PROBE)
            edit(&devices[0], &work->ops[i]);
    start = workload_mark_now();
    push(&devices[0]);
    workload_report("probe_push", start, "");
    start = workload_mark_now();
    pull(&devices[1]);
    workload_report("probe_pull", start, "");
}

int main(int argc, char **argv)
{
    char schema[SQL_BYTES];
    workload work = workload_load();
    make_schema(&work, schema);
    if (argc == 2 && strcmp(argv[1], "bootstrap") == 0)
        run_bootstrap(&work, schema);
    else
        run_main(&work, schema);
    return 0;
}
