/* client-lib/ports/memory.c - a store in memory: for browsers (write-through), simulator, tests.
 * Promises: what was not committed is gone after sotay_memory_copy, as after a crash, and what was
 * to be durable soon after sotay_memory_cut; with the same seed and the same calls everything
 * repeats.
 * Never: real randomness, a real clock, a file: tests depend on it. */
#include <stdlib.h>
#include <string.h>

#include "client-lib/include/sotay.h"
#include "proto/bytes.h"
#include "proto/hash.h"
#include "proto/sign.h"

typedef struct {
    uint8_t *key, *value;
    size_t key_len, value_len;
} memory_row;
typedef struct {
    memory_row *rows;
    size_t count, capacity;
} memory_map; /* ascending by key */

#define KEYS_MAX 16u
typedef struct {
    uint8_t seed[32], public_key[32];
} memory_key;

typedef struct {
    memory_map data;          /* committed */
    memory_map staged;        /* of the open or pending transaction; value NULL: deleted */
    memory_map owed;          /* what stood in data before commits that the power may undo */
    bool is_open, is_waiting; /* waiting: commit or signature answered SOTAY_PENDING */
    bool pend_commit, pend_sign;
    uint64_t fail_in;
    uint64_t random_at;
    uint8_t seed[32], boot[8], install[8], secret[32];
    bool has_secret;
    memory_key keys[KEYS_MAX]; /* the newest ones, round and round */
    uint64_t keys_made;
    const memory_key *to_sign_with;
    uint8_t to_sign[512];
    size_t to_sign_len;
    int64_t wall_ms;
    uint64_t mono_ms;
    uint64_t boots;
} memory_port;

static int memory_fail(sotay_error *error, sotay_code code, const char *text)
{
    if (error != NULL) {
        error->code = code;
        strncpy(error->detail, text, sizeof error->detail - 1);
        error->detail[sizeof error->detail - 1] = '\0';
    }
    return code;
}

/* Counts down to the failure that a test asked for. */
static bool fails_now(memory_port *port)
{
    return port->fail_in > 0 && --port->fail_in == 0;
}

static int key_cmp(const memory_row *row, sotay_slice key)
{
    size_t len = row->key_len < key.len ? row->key_len : key.len;
    int order = len > 0 ? memcmp(row->key, key.data, len) : 0;
    if (order != 0)
        return order;
    return (row->key_len > key.len) - (row->key_len < key.len);
}

/* Index of the first row >= key. */
static size_t map_lower(const memory_map *map, sotay_slice key)
{
    size_t low = 0, high = map->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (key_cmp(&map->rows[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static memory_row *map_find(const memory_map *map, sotay_slice key)
{
    size_t at = map_lower(map, key);
    bool found = at < map->count && key_cmp(&map->rows[at], key) == 0;
    return found ? &map->rows[at] : NULL;
}

static void row_free(memory_row *row)
{
    free(row->key);
    free(row->value);
}

static void map_free(memory_map *map)
{
    for (size_t i = 0; i < map->count; i++)
        row_free(&map->rows[i]);
    free(map->rows);
    memset(map, 0, sizeof *map);
}

static uint8_t *copy_bytes(const void *data, size_t len)
{
    uint8_t *copy = malloc(len + 1);
    if (copy != NULL && len > 0)
        memcpy(copy, data, len);
    return copy;
}

/* Room for `more` rows, so that putting them in cannot fail. */
static bool map_reserve(memory_map *map, size_t more)
{
    size_t capacity = map->capacity == 0 ? 64 : map->capacity;
    while (capacity < map->count + more)
        capacity *= 2;
    if (capacity == map->capacity)
        return true;
    memory_row *rows = realloc(map->rows, capacity * sizeof *rows);
    if (rows == NULL)
        return false;
    map->rows = rows;
    map->capacity = capacity;
    return true;
}

/* Takes the row over, in place of one of the same key. There is room for it. */
static void map_take(memory_map *map, memory_row row)
{
    sotay_slice key = { row.key, row.key_len };
    size_t at = map_lower(map, key);
    if (at < map->count && key_cmp(&map->rows[at], key) == 0) {
        row_free(&map->rows[at]);
    } else {
        memmove(&map->rows[at + 1], &map->rows[at], (map->count - at) * sizeof *map->rows);
        map->count++;
    }
    map->rows[at] = row;
}

/* value.data NULL is stored as a deletion mark. */
static bool map_put(memory_map *map, sotay_slice key, sotay_slice value)
{
    memory_row row = { copy_bytes(key.data, key.len), NULL, key.len, value.len };
    if (value.data != NULL)
        row.value = copy_bytes(value.data, value.len);
    if (row.key == NULL || (row.value == NULL && value.data != NULL) || !map_reserve(map, 1)) {
        row_free(&row);
        return false;
    }
    map_take(map, row);
    return true;
}

static void map_remove(memory_map *map, sotay_slice key)
{
    memory_row *row = map_find(map, key);
    if (row == NULL)
        return;
    row_free(row);
    size_t after = (size_t)(map->rows + map->count - row) - 1;
    memmove(row, row + 1, after * sizeof *row);
    map->count--;
}

static int port_begin(void *context, bool write, sotay_error *error)
{
    memory_port *port = context;
    (void)write;
    if (port->is_open || port->is_waiting)
        return memory_fail(error, SOTAY_E_BUSY, "memory: a transaction is open");
    if (fails_now(port))
        return memory_fail(error, SOTAY_E_STORAGE, "memory: asked to fail at begin");
    port->is_open = true;
    return SOTAY_OK;
}

static int port_get(void *context, sotay_slice key, sotay_slice *out_value, sotay_error *error)
{
    memory_port *port = context;
    (void)error;
    const memory_row *row = map_find(&port->staged, key);
    if (row == NULL)
        row = map_find(&port->data, key);
    if (row == NULL || row->value == NULL)
        return SOTAY_E_NOT_FOUND;
    out_value->data = row->value;
    out_value->len = row->value_len;
    return SOTAY_OK;
}

static int port_put(void *context, sotay_slice key, sotay_slice value, sotay_error *error)
{
    memory_port *port = context;
    if (fails_now(port))
        return memory_fail(error, SOTAY_E_STORAGE, "memory: asked to fail at put");
    if (!map_put(&port->staged, key, value))
        return memory_fail(error, SOTAY_E_MEMORY, "memory: no memory");
    return SOTAY_OK;
}

static const memory_row *step(const memory_map *map, sotay_slice key, bool forward)
{
    size_t at = map_lower(map, key);
    if (forward)
        return at < map->count ? &map->rows[at] : NULL;
    return at > 0 ? &map->rows[at - 1] : NULL;
}

static int port_seek(void *context, sotay_slice key, bool forward, sotay_slice *out_key,
                     sotay_slice *out_value, sotay_error *error)
{
    memory_port *port = context;
    (void)error;
    uint8_t next[256];
    for (;;) {
        const memory_row *a = step(&port->staged, key, forward);
        const memory_row *b = step(&port->data, key, forward);
        if (a == NULL && b == NULL)
            return SOTAY_E_NOT_FOUND;
        if (a == NULL || b == NULL) {
            a = a == NULL ? b : a;
        } else {
            sotay_slice name = { b->key, b->key_len };
            int order = key_cmp(a, name); /* equal: the staged one counts */
            a = (forward ? order > 0 : order < 0) ? b : a;
        }
        if (a->value != NULL) {
            sotay_slice name = { a->key, a->key_len }, value = { a->value, a->value_len };
            *out_key = name;
            *out_value = value;
            return SOTAY_OK;
        }
        if (a->key_len >= sizeof next)
            return SOTAY_E_NOT_FOUND;
        memcpy(next, a->key, a->key_len); /* a deleted row: go on behind or before it */
        next[a->key_len] = 0;
        key.data = next;
        key.len = a->key_len + (forward ? 1 : 0);
    }
}

static void throw_staged(memory_port *port)
{
    map_free(&port->staged);
    port->is_open = false;
    port->is_waiting = false;
}

/* The rows go over to `data`, in which there is room for them. */
static void move_rows(memory_map *data, memory_map *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        memory_row *row = &rows->rows[i];
        sotay_slice key = { row->key, row->key_len };
        if (row->value == NULL) {
            map_remove(data, key);
            continue;
        }
        map_take(data, *row);
        *row = (memory_row){ NULL, NULL, 0, 0 };
    }
    map_free(rows);
}

/* All of it or nothing: the rows are there already, and only the array may have to grow. */
static bool apply_staged(memory_port *port)
{
    bool has_room = map_reserve(&port->data, port->staged.count);
    if (has_room)
        move_rows(&port->data, &port->staged);
    throw_staged(port);
    return has_room;
}

/* Keeps what the staged rows are about to replace, once of each, and room to put it back. */
static bool note_owed(memory_port *port)
{
    for (size_t i = 0; i < port->staged.count; i++) {
        const memory_row *row = &port->staged.rows[i];
        sotay_slice key = { row->key, row->key_len }, value = { NULL, 0 };
        const memory_row *old = map_find(&port->data, key);
        if (old != NULL)
            value = (sotay_slice){ old->value, old->value_len };
        if (map_find(&port->owed, key) == NULL && !map_put(&port->owed, key, value))
            return false;
    }
    return map_reserve(&port->data, port->staged.count + port->owed.count);
}

static int port_commit(void *context, sotay_error *error)
{
    memory_port *port = context;
    if (fails_now(port)) {
        throw_staged(port);
        return memory_fail(error, SOTAY_E_STORAGE, "memory: asked to fail at commit");
    }
    port->is_open = false;
    if (port->pend_commit) {
        port->is_waiting = true;
        return SOTAY_PENDING;
    }
    if (!apply_staged(port))
        return memory_fail(error, SOTAY_E_MEMORY, "memory: no memory");
    map_free(&port->owed);
    return SOTAY_OK;
}

/* Where commits wait for somebody, this one does too. */
static int port_commit_soon(void *context, sotay_error *error)
{
    memory_port *port = context;
    if (port->pend_commit || port->fail_in == 1)
        return port_commit(context, error);
    (void)fails_now(port);
    if (!note_owed(port)) {
        throw_staged(port);
        return memory_fail(error, SOTAY_E_MEMORY, "memory: no memory");
    }
    (void)apply_staged(port);
    return SOTAY_OK;
}

static void port_abort(void *context)
{
    throw_staged(context);
}

static void port_now(void *context, int64_t *out_wall_ms, uint64_t *out_mono_ms)
{
    const memory_port *port = context;
    *out_wall_ms = port->wall_ms;
    *out_mono_ms = port->mono_ms;
}

static int port_random(void *context, void *data, size_t len, sotay_error *error)
{
    memory_port *port = context;
    (void)error;
    uint8_t *out = data;
    while (len > 0) {
        uint8_t at[8];
        st_put_u64(at, port->random_at++);
        st_hash block = st_hmac(port->seed, sizeof port->seed, at, sizeof at);
        size_t part = len < sizeof block.b ? len : sizeof block.b;
        memcpy(out, block.b, part);
        out += part;
        len -= part;
    }
    return SOTAY_OK;
}

static int port_place(void *context, uint8_t out_boot[8], uint8_t out_install[8],
                      sotay_error *error)
{
    const memory_port *port = context;
    (void)error;
    memcpy(out_boot, port->boot, 8);
    memcpy(out_install, port->install, 8);
    return SOTAY_OK;
}

static int port_secret(void *context, bool create, uint8_t out_secret[32], sotay_error *error)
{
    memory_port *port = context;
    if (!port->has_secret && !create)
        return SOTAY_E_NOT_FOUND;
    if (!port->has_secret)
        (void)port_random(port, port->secret, sizeof port->secret, error);
    port->has_secret = true;
    memcpy(out_secret, port->secret, sizeof port->secret);
    return SOTAY_OK;
}

static int port_key(void *context, bool fresh, uint8_t out_public[32], sotay_error *error)
{
    memory_port *port = context;
    uint8_t secret[64];
    if (fresh) {
        memory_key *made = &port->keys[port->keys_made++ % KEYS_MAX];
        (void)port_random(port, made->seed, sizeof made->seed, error);
        st_sign_keypair(made->seed, made->public_key, secret);
        st_wipe(secret, sizeof secret);
    }
    if (port->keys_made == 0)
        return SOTAY_E_NOT_FOUND;
    memcpy(out_public, port->keys[(port->keys_made - 1) % KEYS_MAX].public_key, 32);
    return SOTAY_OK;
}

static const memory_key *find_key(const memory_port *port, const uint8_t public_key[32])
{
    for (uint64_t i = 0; i < port->keys_made && i < KEYS_MAX; i++)
        if (memcmp(port->keys[i].public_key, public_key, 32) == 0)
            return &port->keys[i];
    return NULL;
}

static void sign_with(const memory_key *key, sotay_slice data, uint8_t out_signature[64])
{
    uint8_t public_key[32], secret[64];
    st_sign_keypair(key->seed, public_key, secret);
    st_sign(secret, data.data, data.len, out_signature);
    st_wipe(secret, sizeof secret);
}

static int port_sign(void *context, const uint8_t public_key[32], sotay_slice data,
                     uint8_t out_signature[64], sotay_error *error)
{
    memory_port *port = context;
    const memory_key *key = find_key(port, public_key);
    if (key == NULL)
        return memory_fail(error, SOTAY_E_NOT_FOUND, "memory: no such device key");
    if (data.len > sizeof port->to_sign)
        return memory_fail(error, SOTAY_E_TOO_LARGE, "memory: too much to sign");
    if (port->pend_sign) {
        memcpy(port->to_sign, data.data, data.len);
        port->to_sign_len = data.len;
        port->to_sign_with = key;
        return SOTAY_PENDING;
    }
    sign_with(key, data, out_signature);
    return SOTAY_OK;
}

static void port_close(void *context)
{
    memory_port *port = context;
    map_free(&port->data);
    map_free(&port->staged);
    map_free(&port->owed);
    st_wipe(port, sizeof *port);
    free(port);
}

static void fill_port(memory_port *port, sotay_port *out_port)
{
    sotay_port made = {
        .context = port,
        .begin = port_begin,
        .get = port_get,
        .put = port_put,
        .seek = port_seek,
        .commit = port_commit,
        .abort = port_abort,
        .now = port_now,
        .place = port_place,
        .random = port_random,
        .secret = port_secret,
        .close = port_close,
        .commit_soon = port_commit_soon,
    };
    *out_port = made;
}

int sotay_memory_open(uint64_t seed, sotay_port *out_port, sotay_error *error)
{
    memory_port *port = calloc(1, sizeof *port);
    if (port == NULL)
        return memory_fail(error, SOTAY_E_MEMORY, "memory: no memory");
    uint8_t number[8];
    st_put_u64(number, seed);
    st_hash hash = st_sha256(number, sizeof number);
    memcpy(port->seed, hash.b, sizeof port->seed);
    (void)port_random(port, port->boot, sizeof port->boot, NULL);
    (void)port_random(port, port->install, sizeof port->install, NULL);
    fill_port(port, out_port);
    return SOTAY_OK;
}

void sotay_memory_clock(sotay_port *port, int64_t wall_ms, uint64_t mono_ms)
{
    memory_port *memory = port->context;
    if (mono_ms < memory->mono_ms)
        (void)port_random(memory, memory->boot, sizeof memory->boot, NULL);
    memory->wall_ms = wall_ms;
    memory->mono_ms = mono_ms;
}

void sotay_memory_pending(sotay_port *port, bool commit, bool sign_too)
{
    memory_port *memory = port->context;
    memory->pend_commit = commit;
    memory->pend_sign = sign_too;
    if (sign_too && port->sign == NULL) {
        port->sign = port_sign;
        port->key = port_key;
    }
}

int sotay_memory_settle(sotay_port *port, sotay_client *client, int result, sotay_error *error)
{
    memory_port *memory = port->context;
    uint8_t signature[64];
    const uint8_t *signed_text = NULL;
    if (memory->to_sign_with != NULL && result == SOTAY_OK) {
        sotay_slice data = { memory->to_sign, memory->to_sign_len };
        sign_with(memory->to_sign_with, data, signature);
        signed_text = signature;
    }
    memory->to_sign_with = NULL;
    bool commits = memory->is_waiting;
    if (commits && result != SOTAY_OK)
        throw_staged(memory);
    else if (commits && !apply_staged(memory))
        result = SOTAY_E_MEMORY;
    else if (commits)
        map_free(&memory->owed);
    return sotay_finish(client, result, signed_text, error);
}

bool sotay_memory_cut(sotay_port *port)
{
    memory_port *memory = port->context;
    bool any = memory->owed.count > 0;
    move_rows(&memory->data, &memory->owed);
    return any;
}

void sotay_memory_fail(sotay_port *port, uint64_t n)
{
    memory_port *memory = port->context;
    memory->fail_in = n;
}

int sotay_memory_copy(const sotay_port *port, bool copied, sotay_port *out_port, sotay_error *error)
{
    const memory_port *from = port->context;
    memory_port *copy = calloc(1, sizeof *copy);
    if (copy == NULL)
        return memory_fail(error, SOTAY_E_MEMORY, "memory: no memory");
    *copy = *from;
    memset(&copy->data, 0, sizeof copy->data);
    memset(&copy->staged, 0, sizeof copy->staged);
    memset(&copy->owed, 0, sizeof copy->owed);
    copy->is_open = copy->is_waiting = false;
    copy->to_sign_with = NULL;
    copy->fail_in = 0;
    for (size_t i = 0; i < from->data.count; i++) {
        const memory_row *row = &from->data.rows[i];
        sotay_slice key = { row->key, row->key_len }, value = { row->value, row->value_len };
        if (!map_put(&copy->data, key, value)) {
            port_close(copy);
            return memory_fail(error, SOTAY_E_MEMORY, "memory: no memory");
        }
    }
    if (copied)
        (void)port_random(copy, copy->install, sizeof copy->install, NULL);
    fill_port(copy, out_port);
    out_port->sign = port->sign;
    out_port->key = port->key;
    return SOTAY_OK;
}
