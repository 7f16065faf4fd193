/* tests/unit/client-lib/handmade.h - change-sets and records of a device that no server knows, made
 * value by value and put into a phone's store, so that a test has in it just what it wants. */
#ifndef SOTAY_TESTS_HANDMADE_H
#define SOTAY_TESTS_HANDMADE_H

#include "proto/erase.h"
#include "proto/merge.h"
#include "tests/unit/client-lib/rows.h"

#define HANDMADE_OPS 32u

typedef struct {
    st_arena arena;
    st_bucket bucket;
    st_id device;
    uint64_t counter; /* of the change made last */
    bool has_actor;   /* it signs under a person of zeros, as a foreign client may */
    st_id id;         /* of the record */
    st_op ops[HANDMADE_OPS];
    st_change change; /* being made */
    st_set set;       /* the one made last */
    st_buffer bytes;  /* of it */
    st_vector vector;
    st_record record; /* all that was made, folded */
} handmade;

static inline void handmade_open(handmade *h, uint8_t device, const char *bucket)
{
    memset(h, 0, sizeof *h);
    st_arena_init(&h->arena, (size_t)128 << 20);
    st_buffer_init(&h->bytes, ST_SET_BYTES_MAX);
    memset(h->device.b, device, sizeof h->device.b);
    assert_true(st_bucket_set(&h->bucket, bucket, strlen(bucket)));
    st_vector_init(&h->vector, &h->arena);
}

static inline void handmade_close(handmade *h)
{
    st_buffer_free(&h->bytes);
    st_arena_reset(&h->arena);
}

/* The next change; the first one makes the record, a visit. */
static inline void handmade_begin(handmade *h)
{
    memset(&h->change, 0, sizeof h->change);
    memset(h->ops, 0, sizeof h->ops);
    h->change.prev = h->counter;
    h->change.dot = (st_dot){ h->device, ++h->counter };
    h->change.hlc = (st_hlc)((uint64_t)PHONE_WALL_MS + h->counter) << 16;
    h->change.wall_ms = PHONE_WALL_MS;
    h->change.creates = h->counter == 1;
    if (h->change.creates) {
        assert_true(st_code_set(&h->change.form, "visit", 5));
        h->change.form_version = 1;
        memset(h->change.random, h->device.b[0], sizeof h->change.random);
        h->id = st_record_id(&h->change.dot, h->change.random);
        st_record_init(&h->record, &h->arena, &h->id, &h->bucket);
    }
    h->change.record = h->id;
    h->change.ops = h->ops;
}

static inline void handmade_value(handmade *h, uint16_t field, st_value_kind kind,
                                  const void *data, size_t len)
{
    assert_true(h->change.ops_count < HANDMADE_OPS);
    st_op *op = &h->ops[h->change.ops_count++];
    op->path.field = field;
    op->value = (st_value){ .kind = kind, .data = data, .len = (uint32_t)len };
}

static inline void handmade_text(handmade *h, uint16_t field, const char *text)
{
    handmade_value(h, field, ST_VALUE_TEXT, text, strlen(text));
}

/* A set of this one change, folded into the record as entry `log_index`; 0: not in the log. */
static inline void handmade_end(handmade *h, uint64_t log_index)
{
    static const uint8_t SEED[32] = { 7 }, SIGNATURE[64] = { 9 };
    st_unsigned_set built;
    const st_arrival arrival = { .role = ST_ROLE_OFFICER, .log_index = log_index };
    st_set set = { .device = h->device, .format = 1, .first = h->counter, .here = h->change.prev,
                   .has_prev = h->counter > 1, .bucket = h->bucket, .role = ST_ROLE_OFFICER,
                   .fold_version = 1, .has_actor = h->has_actor, .changes = &h->change,
                   .changes_count = 1 };
    if (set.has_prev)
        set.prev = h->set.hash;
    assert_int_equal(st_set_build(&set, SEED, &built, NULL), ST_OK);
    st_buffer_clear(&h->bytes);
    assert_int_equal(st_set_finish(&set, &built, SIGNATURE, &h->bytes, NULL), ST_OK);
    st_unsigned_set_free(&built);
    const uint8_t *kept = st_arena_copy(&h->arena, h->bytes.data, h->bytes.len);
    assert_non_null(kept);
    assert_int_equal(st_set_decode(kept, h->bytes.len, &h->arena, &h->set, NULL), ST_OK);
    assert_int_equal(st_merge_fold(&h->vector, &h->record, &h->set.changes[0], &arrival,
                                   (st_fold_how){ ST_FOLD_APPLY, true }),
                     ST_OK);
}

/* ---- into a store ---- */

static inline void handmade_keep_set(handmade *h, phone *p)
{
    book_key key = book_key_counter(BOOK_SET, &h->set.device, h->set.first);
    rows_put(p, &key, h->bytes.data, h->bytes.len);
}

/* The record under a key: as its base, or as one that was set aside. */
static inline void handmade_put(handmade *h, phone *p, const book_key *key)
{
    st_buffer out;
    st_buffer_init(&out, (size_t)64 << 20);
    assert_int_equal(st_record_encode(&h->record, &out, NULL), ST_OK);
    rows_put(p, key, out.data, out.len);
    st_buffer_free(&out);
}

static inline void handmade_put_base(handmade *h, phone *p)
{
    book_key key = book_key_id(BOOK_BASE, &h->id);
    handmade_put(h, p, &key);
}

static inline book_key handmade_aside_key(const st_id *record, uint32_t n)
{
    uint8_t number[4];
    book_key key = book_key_id(BOOK_EVIDENCE, record);
    st_put_u32(number, n);
    book_key_bytes(&key, number, sizeof number);
    return key;
}

static inline void handmade_put_aside(handmade *h, phone *p, uint32_t n)
{
    book_key key = handmade_aside_key(&h->id, n);
    handmade_put(h, p, &key);
}

#endif
