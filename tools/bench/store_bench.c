/* tools/bench/store_bench.c - what a save costs on the phone.
 *   store-bench save DIR LINK N   N times, one after the other: one field written by
 *                                 sotay_record_set, then the very bytes that it put, committed by
 *                                 bare LMDB in a file beside it. Prints JSON with medians in us.
 *   store-bench fill DIR LINK N   N records, for `sotay list`
 * Both wait for the disk in the same way: the port of libsotay and the bare file use the same
 * flags. */
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench/device.h"
#include "tools/bench/peers/workload.h"

#define PUTS_MAX 64
#define KEY_BYTES 256
#define VALUE_BYTES (1u << 20)
#define MAP_BYTES ((size_t)256 << 20)
#define RECORDS 50
/* Those of client-lib/ports/lmdb.c. */
#define BARE_FLAGS (MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOTLS | MDB_NORDAHEAD)

typedef struct {
    size_t key_len, value_len, value_at;
    bool is_delete;
    unsigned char key[KEY_BYTES];
} noted;

/* The port of the store, listening to what is put. */
typedef struct {
    sotay_port inner;
    bool listens;
    noted puts[PUTS_MAX];
    size_t puts_count, values_len;
    unsigned char *values;
} recorder;

typedef struct {
    MDB_env *env;
    MDB_dbi dbi;
} bare;

static void need(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "store-bench: %s\n", what);
    exit(2);
}

/* ---- the listening port ---- */

static int listen_begin(void *context, bool write, sotay_error *error)
{
    recorder *r = context;
    return r->inner.begin(r->inner.context, write, error);
}

static int listen_get(void *context, sotay_slice key, sotay_slice *out_value, sotay_error *error)
{
    recorder *r = context;
    return r->inner.get(r->inner.context, key, out_value, error);
}

static int listen_put(void *context, sotay_slice key, sotay_slice value, sotay_error *error)
{
    recorder *r = context;
    if (r->listens) {
        need(r->puts_count < PUTS_MAX && r->values_len + value.len <= VALUE_BYTES, "a large save");
        noted *put = &r->puts[r->puts_count++];
        *put = (noted){ .key_len = key.len, .value_len = value.len, .value_at = r->values_len,
                        .is_delete = value.data == NULL };
        memcpy(put->key, key.data, key.len);
        if (value.data != NULL)
            memcpy(r->values + r->values_len, value.data, value.len);
        r->values_len += value.len;
    }
    return r->inner.put(r->inner.context, key, value, error);
}

static int listen_seek(void *context, sotay_slice key, bool forward, sotay_slice *out_key,
                       sotay_slice *out_value, sotay_error *error)
{
    recorder *r = context;
    return r->inner.seek(r->inner.context, key, forward, out_key, out_value, error);
}

static int listen_commit(void *context, sotay_error *error)
{
    recorder *r = context;
    return r->inner.commit(r->inner.context, error);
}

static void listen_abort(void *context)
{
    recorder *r = context;
    r->inner.abort(r->inner.context);
}

static void listen_now(void *context, int64_t *out_wall_ms, uint64_t *out_mono_ms)
{
    recorder *r = context;
    r->inner.now(r->inner.context, out_wall_ms, out_mono_ms);
}

static int listen_place(void *context, uint8_t out_boot[8], uint8_t out_install[8],
                        sotay_error *error)
{
    recorder *r = context;
    return r->inner.place(r->inner.context, out_boot, out_install, error);
}

static int listen_random(void *context, void *data, size_t len, sotay_error *error)
{
    recorder *r = context;
    return r->inner.random(r->inner.context, data, len, error);
}

static int listen_secret(void *context, bool make, uint8_t out_secret[32], sotay_error *error)
{
    recorder *r = context;
    return r->inner.secret(r->inner.context, make, out_secret, error);
}

static void listen_open(device *d, recorder *r, const char *dir)
{
    sotay_error error = { 0 };
    const sotay_open_how how = { .create = true, .lang = "en", .offset_minutes = 420 };
    *d = (device){ .link = { -1 } };
    r->values = malloc(VALUE_BYTES);
    need(r->values != NULL, "no memory");
    device_need(sotay_lmdb_open(dir, true, &r->inner, &error), &error, dir);
    d->port = (sotay_port){ .context = r, .begin = listen_begin, .get = listen_get,
                            .put = listen_put, .seek = listen_seek, .commit = listen_commit,
                            .abort = listen_abort, .now = listen_now, .place = listen_place,
                            .random = listen_random, .secret = listen_secret };
    device_need(sotay_open(&d->port, &how, &d->client, &error), &error, dir);
}

/* ---- bare LMDB ---- */

static bare bare_open(const char *dir)
{
    char path[1024];
    bare b = { 0 };
    MDB_txn *txn = NULL;
    snprintf(path, sizeof path, "%s.bare", dir);
    need(mdb_env_create(&b.env) == 0 && mdb_env_set_mapsize(b.env, MAP_BYTES) == 0 &&
             mdb_env_open(b.env, path, BARE_FLAGS, 0600) == 0 &&
             mdb_txn_begin(b.env, NULL, 0, &txn) == 0 && mdb_dbi_open(txn, NULL, 0, &b.dbi) == 0 &&
             mdb_txn_commit(txn) == 0, "cannot open the bare file");
    return b;
}

static void bare_commit(const bare *b, recorder *r)
{
    MDB_txn *txn = NULL;
    need(mdb_txn_begin(b->env, NULL, 0, &txn) == 0, "bare: begin");
    for (size_t i = 0; i < r->puts_count; i++) {
        noted *put = &r->puts[i];
        MDB_val key = { put->key_len, put->key };
        MDB_val value = { put->value_len, r->values + put->value_at };
        int rc = put->is_delete ? mdb_del(txn, b->dbi, &key, NULL)
                                : mdb_put(txn, b->dbi, &key, &value, 0);
        need(rc == 0 || rc == MDB_NOTFOUND, "bare: put");
    }
    need(mdb_txn_commit(txn) == 0, "bare: commit");
}

/* ---- the two runs ---- */

static void make_record(device *d, int number, sotay_id *out_id)
{
    sotay_error error = { 0 };
    char slip[32], place[64];
    snprintf(slip, sizeof slip, "TK-2026-%06d", number);
    snprintf(place, sizeof place, "Khu dân cư %d", number % 40 + 1);
    const sotay_pair pairs[] = { { "ma_phieu", slip }, { "xom", place }, { "so_ho", "120" },
                                 { "loai", "Kiểm tra định kỳ" }, { "tc01_muc", "2" },
                                 { "tc01_nx", "Đường hoa chậm tiến độ so với cam kết." } };
    device_need(sotay_record_new(d->client, DEVICE_FORM, DEVICE_UNIT,
                                 (sotay_pairs){ pairs, sizeof pairs / sizeof pairs[0] }, out_id,
                                 &error), &error, "new");
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_size);
    return values[count / 2];
}

static void run_save(const char *dir, const char *link, size_t count)
{
    device d;
    recorder r = { 0 };
    sotay_id records[RECORDS];
    sotay_error error = { 0 };
    double *save = calloc(count, sizeof *save), *commit = calloc(count, sizeof *commit);
    need(save != NULL && commit != NULL, "no memory");
    listen_open(&d, &r, dir);
    device_enrol(&d, link);
    device_sync(&d);
    bare b = bare_open(dir);
    for (int i = 0; i < RECORDS; i++)
        make_record(&d, i, &records[i]);
    for (size_t i = 0; i < count; i++) {
        char text[120];
        snprintf(text, sizeof text, "Nhà văn hóa chưa niêm yết công khai, lần %zu.", i);
        const sotay_pair pair = { "tc02_nx", text };
        r.listens = true;
        r.puts_count = r.values_len = 0;
        double start = workload_now();
        device_need(sotay_record_set(d.client, &records[i % RECORDS], (sotay_pairs){ &pair, 1 },
                                     &error), &error, "set");
        double middle = workload_now();
        bare_commit(&b, &r);
        commit[i] = (workload_now() - middle) * 1e6;
        save[i] = (middle - start) * 1e6;
        r.listens = false;
    }
    size_t puts = r.puts_count, bytes = r.values_len;
    double ours = median(save, count), theirs = median(commit, count);
    printf("{\"saves\":%zu,\"save_us\":%.0f,\"bare_us\":%.0f,\"ratio\":%.2f,\"puts\":%zu,"
           "\"bytes\":%zu}\n", count, ours, theirs, ours / theirs, puts, bytes);
    mdb_env_close(b.env);
    device_close(&d);
    sotay_port_close(&r.inner);
}

static void run_fill(const char *dir, const char *link, size_t count)
{
    device d;
    sotay_id id;
    device_open(&d, dir);
    device_enrol(&d, link);
    device_sync(&d);
    for (size_t i = 0; i < count; i++)
        make_record(&d, (int)i, &id);
    device_close(&d);
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    size_t count = strtoul(argv[4], NULL, 10);
    if (strcmp(argv[1], "save") == 0 && count > 0)
        run_save(argv[2], argv[3], count);
    else if (strcmp(argv[1], "fill") == 0)
        run_fill(argv[2], argv[3], count);
    else
        return 2;
    return 0;
}
