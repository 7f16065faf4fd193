/* tests/unit/proto/test_record.c
 * A phone that is switched off and on has the same record; a damaged one is noticed, not believed;
 * two replicas find out with sixteen bytes whether they hold the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/wire.h"
#include "sotay.pb-c.h"
#include "tests/unit/proto/merge_kit.h"

static const uint8_t SIXTEEN[16] = { 1, 2, 3 }, THIRTY_TWO[32] = { 4, 5, 6 }, TWENTY[20] = { 7 };

/* One operation of every kind of path and value. */
static const st_op OPS[] = {
    { .path = { .kind = ST_PATH_FIELD, .field = 1 },
      .value = { .kind = ST_VALUE_TEXT, .data = (const uint8_t *)"Trùng Khánh", .len = 13 } },
    { .path = { .kind = ST_PATH_FIELD, .field = 2 },
      .value = { .kind = ST_VALUE_INT, .number = INT64_MIN } },
    { .path = { .kind = ST_PATH_FIELD, .field = 3 }, .value = { .kind = ST_VALUE_NULL } },
    { .path = { .kind = ST_PATH_FIELD, .field = 4 }, .verb = ST_VERB_RESOLVE,
      .value = { .kind = ST_VALUE_CODE, .data = (const uint8_t *)"a3", .len = 2 },
      .kept = { { "k" }, 77 }, .kept_actor = { "someone" } },
    { .path = { .kind = ST_PATH_FIELD, .field = 5 },
      .value = { .kind = ST_VALUE_ID, .data = SIXTEEN, .len = 16 } },
    { .path = { .kind = ST_PATH_FIELD, .field = 6 },
      .value = { .kind = ST_VALUE_HASH, .data = THIRTY_TWO, .len = 32 } },
    { .path = { .kind = ST_PATH_FIELD, .field = 7 },
      .value = { .kind = ST_VALUE_GEO, .data = TWENTY, .len = 20 } },
    { .path = { .kind = ST_PATH_FIELD, .field = 8 },
      .value = { .kind = ST_VALUE_BYTES, .data = (const uint8_t *)"\0\1\2", .len = 3 } },
    { .path = { .kind = ST_PATH_FIELD, .field = 9 }, .value = { .kind = ST_VALUE_ERASED } },
    { .path = { .kind = ST_PATH_FIELD, .field = 10, .element_len = 8,
                .element = { 0, 0, 0, 0, 0, 0, 0, 2 } },
      .verb = ST_VERB_ADD, .value = { .kind = ST_VALUE_INT, .number = 1 } },
    { .path = { .kind = ST_PATH_DROP, .group = 2, .item = { { "i" }, 5 }, .place = 3 },
      .verb = ST_VERB_DROP, .value = { .kind = ST_VALUE_INT, .number = 1 } },
    { .path = { .kind = ST_PATH_ITEM, .group = 2, .item = { { "i" }, 5 }, .place = 3, .field = 1 },
      .verb = ST_VERB_ITEM,
      .value = { .kind = ST_VALUE_TEXT, .data = (const uint8_t *)"x", .len = 1 } },
    { .path = { .kind = ST_PATH_KEYED, .group = 3, .key = { "a3" }, .field = 1 },
      .value = { .kind = ST_VALUE_INT, .number = -1 } },
};
#define OPS_COUNT (sizeof OPS / sizeof OPS[0])

/* A record with everything in it: an act with a context, `under`, waiting dots, two devices. */
static void fill(kit_replica *r)
{
    static const uint64_t SINGLES[] = { 12, 14 }, HOLES[] = { 14 };
    static const st_context_device DEVICES[] = {
        { .device = { "a" }, .upto = 1 },
        { .device = { "b" }, .upto = 9, .singles = SINGLES, .singles_count = 2, .holes = HOLES,
          .holes_count = 1 },
    };
    static const st_under UNDER[] = { { { { "b" }, 3 }, ST_ACT_OPEN },
                                      { { { "c" }, 2 }, ST_ACT_WITHDRAW } };
    static const st_dot GONE[] = { { { "u" }, 4 }, { { "u" }, 9 } };
    static const st_op LATE = { .path = { .kind = ST_PATH_ITEM, .group = 2, .field = 2,
                                          .item = { { "i" }, 5 }, .place = 3 },
                                .replaces = GONE, .replaces_count = 2 };
    st_record *record = &r->record[0];
    st_arrival arrival = { .actor = { "person" }, .role = ST_ROLE_OFFICE, .via = ST_VIA_OPERATOR,
                           .received_ms = 1700000000000, .log_index = 41, .carrier = { "x" } };
    st_change create = { .dot = { { "b" }, 2 }, .prev = 0, .record = record->id, .creates = true,
                         .form = { "visit" }, .form_version = 2, .ops = OPS,
                         .ops_count = OPS_COUNT, .hlc = 99, .wall_ms = -5,
                         .context = { DEVICES, 2 } };
    st_change late = { .dot = { { "a" }, 3 }, .prev = 1, .record = record->id, .ops = &LATE,
                       .ops_count = 1, .under = UNDER, .under_count = 2, .amend = true };
    st_change act = { .dot = { { "b" }, 7 }, .prev = 2, .record = record->id,
                      .act = ST_ACT_FINALISE, .context = { DEVICES, 2 },
                      .reason = { .kind = ST_VALUE_TEXT, .data = (const uint8_t *)"xong",
                                  .len = 4 } };
    const st_fold_how apply = { ST_FOLD_APPLY, false };
    kit_must(st_merge_fold(&r->vector, record, &create, &arrival, apply));
    arrival = (st_arrival){ .log_index = 0 };
    kit_must(st_merge_fold(&r->vector, record, &late, &arrival, apply));
    kit_must(st_merge_fold(&r->vector, record, &act, &arrival, apply));
    act.dot.counter = 8;
    act.prev = 7;
    kit_must(st_merge_fold(&r->vector, record, &act, &arrival,
                           (st_fold_how){ ST_FOLD_HOLD, false }));
}

static void assert_same_metas(const st_record *a, const st_record *b)
{
    assert_int_equal(a->metas_count, b->metas_count);
    for (size_t i = 0; i < a->metas_count; i++) {
        const st_meta *x = &a->metas[i], *y = &b->metas[i];
        assert_int_equal(st_dot_cmp(&x->dot, &y->dot), 0);
        assert_int_equal(st_id_cmp(&x->actor, &y->actor), 0);
        assert_int_equal(st_id_cmp(&x->carrier, &y->carrier), 0);
        assert_int_equal(x->role, y->role);
        assert_int_equal(x->via, y->via);
        assert_true(x->hlc == y->hlc && x->wall_ms == y->wall_ms);
        assert_true(x->received_ms == y->received_ms && x->log_index == y->log_index);
        assert_int_equal(x->under_count, y->under_count);
        assert_int_equal(x->amend, y->amend);
        assert_int_equal(x->act, y->act);
        assert_int_equal(x->context.count, y->context.count);
        assert_int_equal(x->live_ops, y->live_ops);
        assert_true(st_value_equal(&x->reason, &y->reason));
    }
}

static void test_stored_bytes_bring_everything_back(void **state)
{
    (void)state;
    kit_replica *r = kit_new();
    fill(r);
    st_buffer bytes, again;
    st_arena arena;
    st_record record;
    st_error error;
    st_buffer_init(&bytes, 1u << 20);
    st_buffer_init(&again, 1u << 20);
    st_arena_init(&arena, 1u << 20);
    kit_must(st_record_encode(&r->record[0], &bytes, &error));
    uint8_t *copy = st_arena_copy(&arena, bytes.data, bytes.len);
    kit_must(st_record_decode(copy, bytes.len, &arena, &record, &error));
    memset(copy, 0xff, bytes.len);               /* nothing points into them */
    const st_record *was = &r->record[0];
    assert_same_metas(was, &record);
    assert_int_equal(record.lives_count, OPS_COUNT + 1);
    for (size_t i = 0; i < record.lives_count; i++) {
        const st_op *x = &was->lives[i].op, *y = &record.lives[i].op;
        assert_int_equal(x->path.kind, y->path.kind);
        assert_int_equal(st_path_cmp(&x->path, &y->path), 0);
        assert_int_equal(x->verb, y->verb);
        assert_true(st_value_equal(&x->value, &y->value));
        assert_int_equal(st_dot_cmp(&x->kept, &y->kept), 0);
        assert_int_equal(st_id_cmp(&x->kept_actor, &y->kept_actor), 0);
    }
    assert_string_equal(record.bucket.s, was->bucket.s);
    assert_string_equal(record.form.s, "visit");
    assert_int_equal(record.waitings_count, 2);
    assert_int_equal(record.wrote_count, 2);
    assert_true(record.created && record.creator == was->creator);
    kit_must(st_record_encode(&record, &again, &error));
    assert_int_equal(again.len, bytes.len);
    assert_memory_equal(again.data, bytes.data, bytes.len);
    st_sum x = st_record_sum(was), y = st_record_sum(&record);
    assert_memory_equal(&x, &y, sizeof x);
    st_buffer_free(&bytes);
    st_buffer_free(&again);
    st_arena_reset(&arena);
    kit_free(r);
}

static void test_a_vector_comes_back(void **state)
{
    (void)state;
    kit_replica *r = kit_new();
    fill(r);
    st_buffer bytes;
    st_arena arena;
    st_vector vector;
    st_error error;
    st_buffer_init(&bytes, 1u << 20);
    st_arena_init(&arena, 1u << 20);
    kit_must(st_vector_encode(&r->vector, &bytes, &error));
    kit_must(st_vector_decode(bytes.data, bytes.len, &arena, &vector, &error));
    assert_int_equal(vector.upto_count, 1);
    assert_int_equal(vector.upto[0].counter, 8);
    assert_int_equal(vector.extras_count, 1);
    assert_int_equal(vector.extras[0].prev, 1);
    assert_int_equal(vector.holes_count, 1);
    assert_int_equal(vector.holes[0].dot.counter, 8);
    assert_int_equal(st_id_cmp(&vector.holes[0].record, &r->record[0].id), 0);
    st_buffer_free(&bytes);
    st_arena_reset(&arena);
    kit_free(r);
}

static void assert_same_bytes(const void *data, size_t len, ProtobufCBinaryData want)
{
    assert_int_equal(len, want.len);
    if (len > 0)
        assert_memory_equal(data, want.data, len);
}

/* Lives are read where they lie: protobuf-c, which unpacks them, must see the same ones. */
static void assert_as_unpacked(const uint8_t *bytes, size_t len, const st_record *record)
{
    void *message = NULL;
    st_arena arena;
    st_arena_init(&arena, 1u << 20);
    kit_must(st_wire_unpack(bytes, len, &sotay__record_state__descriptor, &arena, &message, NULL));
    const Sotay__RecordState *want = message;
    assert_int_equal(record->lives_count, want->n_lives);
    for (size_t i = 0; i < want->n_lives; i++) {
        const st_live *live = &record->lives[i];
        const Sotay__Op *op = want->lives[i]->op;
        bool is_inline = op->inline_.len > 0;
        assert_int_equal(live->meta, want->lives[i]->meta);
        assert_int_equal(live->op.verb, op->verb);
        assert_int_equal(live->op.value.kind, op->kind);
        assert_true(live->op.value.number == op->number);
        assert_same_bytes(live->op.value.data, live->op.value.len,
                          is_inline ? op->inline_ : want->lives[i]->data);
        assert_int_equal(live->op.path.group, op->group);
        assert_int_equal(live->op.path.field, op->field);
        assert_int_equal(live->op.path.place, op->place);
        assert_string_equal(live->op.path.key.s, op->key);
        assert_same_bytes(live->op.path.element, live->op.path.element_len, op->element);
        assert_true(live->op.path.item.counter == (op->item != NULL ? op->item->counter : 0));
        assert_true(live->op.kept.counter == (op->kept != NULL ? op->kept->counter : 0));
    }
    st_arena_reset(&arena);
}

/* Whatever happens to stored bytes: an error, or a record whose indices and order hold. */
static void poke(const uint8_t *bytes, size_t len)
{
    st_arena arena;
    st_record record = { .form_version = 12345 };
    st_error error;
    st_arena_init(&arena, 1u << 20);
    st_err err = st_record_decode(bytes, len, &arena, &record, &error);
    assert_true(err == ST_OK || err == ST_E_CORRUPT || err == ST_E_TOO_LARGE);
    if (err != ST_OK) {
        assert_int_equal(record.form_version, 12345);
    } else {
        static text t;
        st_buffer again;
        st_buffer_init(&again, 1u << 20);
        lean_text(&record, &t);
        assert_as_unpacked(bytes, len, &record);
        (void)st_record_sum(&record);
        kit_must(st_record_encode(&record, &again, &error));
        st_buffer_free(&again);
    }
    st_arena_reset(&arena);
}

static void test_damage_is_noticed_or_harmless(void **state)
{
    (void)state;
    kit_replica *r = kit_new();
    fill(r);
    st_buffer bytes;
    st_error error;
    st_buffer_init(&bytes, 1u << 20);
    kit_must(st_record_encode(&r->record[0], &bytes, &error));
    for (size_t len = 0; len < bytes.len; len++)
        poke(bytes.data, len);
    for (size_t i = 0; i < bytes.len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            bytes.data[i] = (uint8_t)(bytes.data[i] ^ (1u << bit));
            poke(bytes.data, bytes.len);
            bytes.data[i] = (uint8_t)(bytes.data[i] ^ (1u << bit));
        }
    }
    st_buffer_free(&bytes);
    kit_free(r);
}

/* One life as a newer program, or a wrong one, may have written it, in a record of one change. */
static void test_a_life_is_read_as_it_is_spelled(void **state)
{
    (void)state;
#define LIFE(bytes) bytes, sizeof(bytes) - 1
    static const struct {
        const char *why, *life;
        size_t len;
        st_err want;
    } CASES[] = {
        { "nothing but its path", LIFE("\x12\x02\x10\x01"), ST_OK },
        { "no operation", LIFE("\x08\x00"), ST_E_CORRUPT },
        { "an empty operation is field 0", LIFE("\x12\x00"), ST_OK },
        { "data before the operation", LIFE("\x1a\x01x\x12\x04\x10\x01\x48\x02"), ST_OK },
        { "a meta that is not there", LIFE("\x08\x01\x12\x02\x10\x01"), ST_E_CORRUPT },
        { "unknown numbers, texts, fixed ones",
          LIFE("\x20\x07\x2a\x03new\x31" "12345678" "\x3d" "1234"
               "\x12\x0c\x10\x01\xf0\x01\x05\xfa\x01\x02hi\x48\x00"), ST_OK },
        { "what it replaces is passed over", LIFE("\x12\x06\x10\x01\x42\x02\x01\x02"), ST_OK },
        { "an item without a counter", LIFE("\x12\x06\x08\x01\x10\x01\x22\x00"), ST_E_CORRUPT },
        { "a key of 41 bytes",
          LIFE("\x12\x2f\x08\x01\x10\x01\x1a\x29" "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddX"),
          ST_E_CORRUPT },
        { "a verb of tomorrow", LIFE("\x12\x04\x10\x01\x30\x63"), ST_E_CORRUPT },
        { "a negative kind",
          LIFE("\x12\x0d\x10\x01\x48\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), ST_E_CORRUPT },
        { "an author of 2 bytes", LIFE("\x12\x06\x10\x01\x6a\x02zz"), ST_E_CORRUPT },
        { "an element of 33 bytes",
          LIFE("\x12\x25\x10\x01\x3a\x21" "aaaaaaaaaabbbbbbbbbbccccccccccddd"), ST_E_CORRUPT },
    };
#undef LIFE
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        kit_replica *r = kit_new();
        st_buffer out;
        st_record back;
        uint8_t head[2] = { 0x4a, (uint8_t)CASES[i].len };
        st_change change = { .dot = { { { 'a' } }, 1 }, .record = r->record[0].id,
                             .creates = true, .form = { "visit" } };
        static const st_arrival NONE = { .log_index = 0 };
        kit_must(st_merge_fold(&r->vector, &r->record[0], &change, &NONE,
                               (st_fold_how){ ST_FOLD_APPLY, false }));
        st_buffer_init(&out, KIT_BYTES);
        kit_must(st_record_encode(&r->record[0], &out, NULL));
        kit_must(st_buffer_append(&out, head, sizeof head, NULL));
        kit_must(st_buffer_append(&out, CASES[i].life, CASES[i].len, NULL));
        print_message("  case: %s\n", CASES[i].why);
        assert_int_equal(st_record_decode(out.data, out.len, &r->arena, &back, NULL),
                         CASES[i].want);
        if (CASES[i].want == ST_OK)
            assert_as_unpacked(out.data, out.len, &back);
        st_buffer_free(&out);
        kit_free(r);
    }
}

/* Whoever shows a value relies on its length and letters; nobody shows a record without form. */
static void test_values_that_cannot_be_are_noticed(void **state)
{
    (void)state;
#define RAW(k, text, n) { .kind = (k), .data = (const uint8_t *)(text), .len = (n) }
    static const struct {
        const char *why;
        st_value value;
        bool no_form;
        st_err want;
    } CASES[] = {
        { "a good text", RAW(ST_VALUE_TEXT, "sạch", 6), false, ST_OK },
        { "a text that is not UTF-8", RAW(ST_VALUE_TEXT, "\xff", 1), false, ST_E_CORRUPT },
        { "a text that is not NFC", RAW(ST_VALUE_TEXT, "a\xcc\x81", 3), false, ST_E_CORRUPT },
        { "a code with a blank", RAW(ST_VALUE_CODE, "a 3", 3), false, ST_E_CORRUPT },
        { "a short position", RAW(ST_VALUE_GEO, "\0\1\2", 3), false, ST_E_CORRUPT },
        { "a long id", RAW(ST_VALUE_ID, SIXTEEN, 15), false, ST_E_CORRUPT },
        { "a hash of nothing", RAW(ST_VALUE_HASH, "", 0), false, ST_E_CORRUPT },
        { "made without a form", RAW(ST_VALUE_TEXT, "x", 1), true, ST_E_CORRUPT },
    };
#undef RAW
    static const st_arrival NONE = { .log_index = 0 };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        kit_replica *r = kit_new();
        st_op op = { .path = { .kind = ST_PATH_FIELD, .field = 1 }, .value = CASES[i].value };
        st_change change = { .dot = { { { 'a' } }, 1 }, .record = r->record[0].id, .ops = &op,
                             .ops_count = 1, .creates = true, .form = { "visit" } };
        st_buffer out;
        st_record back;
        if (CASES[i].no_form)
            change.form.s[0] = '\0';
        kit_must(st_merge_fold(&r->vector, &r->record[0], &change, &NONE,
                               (st_fold_how){ ST_FOLD_APPLY, false }));
        st_buffer_init(&out, KIT_BYTES);
        kit_must(st_record_encode(&r->record[0], &out, NULL));
        print_message("  case: %s\n", CASES[i].why);
        assert_int_equal(st_record_decode(out.data, out.len, &r->arena, &back, NULL),
                         CASES[i].want);
        st_buffer_free(&out);
        kit_free(r);
    }
}

static void test_too_little_room_is_said(void **state)
{
    (void)state;
    kit_replica *r = kit_new();
    fill(r);
    st_buffer small, bytes;
    st_error error;
    st_buffer_init(&small, 100);
    st_buffer_init(&bytes, 1u << 20);
    assert_int_equal(st_record_encode(&r->record[0], &small, &error), ST_E_TOO_LARGE);
    assert_int_equal(small.len, 0);
    kit_must(st_record_encode(&r->record[0], &bytes, &error));
    size_t failed = 0;
    for (size_t room = 0; room < 20000; room += 97) {
        st_arena arena;
        st_record record;
        st_arena_init(&arena, room);
        st_err err = st_record_decode(bytes.data, bytes.len, &arena, &record, &error);
        failed += err != ST_OK;
        st_arena_reset(&arena);
        st_arena_init(&arena, room);
        failed += st_record_copy(&r->record[0], &arena, &record, &error) != ST_OK;
        st_arena_reset(&arena);
    }
    assert_true(failed > 10);
    st_buffer_free(&small);
    st_buffer_free(&bytes);
    kit_free(r);
}

/* The lives are written by hand, the rest by the packer of protobuf-c: which of the two wrote a
 * record must not be seen. */
static void assert_spelled_as_packed(const st_record *record)
{
    st_buffer bytes;
    st_buffer_init(&bytes, KIT_BYTES);
    kit_must(st_record_encode(record, &bytes, NULL));
    Sotay__RecordState *state = sotay__record_state__unpack(NULL, bytes.len, bytes.data);
    assert_non_null(state);
    assert_int_equal(state->n_lives, record->lives_count);
    size_t len = sotay__record_state__get_packed_size(state);
    assert_int_equal(len, bytes.len);
    uint8_t *packed = test_malloc(len);
    assert_int_equal(sotay__record_state__pack(state, packed), len);
    assert_memory_equal(packed, bytes.data, len);
    test_free(packed);
    sotay__record_state__free_unpacked(state, NULL);
    st_buffer_free(&bytes);
}

/* Around each length and number at which a varint takes one byte more. */
static void test_a_life_is_spelled_as_the_packer_spells_it(void **state)
{
    static const st_value_kind KINDS[] = { ST_VALUE_TEXT, ST_VALUE_CODE, ST_VALUE_BYTES };
    static const uint32_t LENGTHS[] = { 0, 1, 2, 100, 127, 128, 129, 16383, 16384, 70000 };
    static const int64_t NUMBERS[] = { 0, 1, -1, 63, 64, -64, -65, 8191, 8192, INT32_MAX,
                                       INT64_MAX, INT64_MIN };
    (void)state;
    kit_replica *r = kit_new();
    fill(r);
    assert_spelled_as_packed(&r->record[0]);
    st_record *record = &r->record[0];
    st_live *life = &record->lives[0];
    uint8_t *data = st_arena_get(&r->arena, 70000);
    assert_non_null(data);
    memset(data, 'x', 70000);
    for (size_t kind = 0; kind < sizeof KINDS / sizeof KINDS[0]; kind++) {
        for (size_t i = 0; i < sizeof LENGTHS / sizeof LENGTHS[0]; i++) {
            life->op.value = (st_value){ .kind = KINDS[kind], .data = data, .len = LENGTHS[i] };
            assert_spelled_as_packed(record);
        }
    }
    for (size_t i = 0; i < sizeof NUMBERS / sizeof NUMBERS[0]; i++) {
        life->op.value = (st_value){ .kind = ST_VALUE_INT, .number = NUMBERS[i] };
        life->op.path.place = life->op.path.field = (uint16_t)NUMBERS[i];
        life->op.path.item.counter = (uint64_t)NUMBERS[i];
        life->op.path.item.device = record->wrote[0]; /* with counter 0 too: no dot but a device */
        life->op.kept.counter = (uint64_t)NUMBERS[i];
        life->op.kept.device = record->wrote[0];
        life->op.path.element_len = (uint8_t)(i * ST_CODE_BYTES_MAX / 11);
        memset(life->op.path.key.s, 'k', i * ST_CODE_BYTES_MAX / 11);
        assert_spelled_as_packed(record);
    }
    kit_free(r);
}

/* What is needed to write a record is no part of what it may take. */
static void test_a_record_that_just_fits_is_stored(void **state)
{
    (void)state;
    kit_replica *r = kit_new();
    fill(r);
    st_buffer whole, just, less;
    st_error error;
    st_buffer_init(&whole, KIT_BYTES);
    kit_must(st_record_encode(&r->record[0], &whole, &error));
    st_buffer_init(&just, whole.len + 3);
    st_buffer_init(&less, whole.len + 2);
    kit_must(st_buffer_append(&just, "abc", 3, &error));
    kit_must(st_buffer_append(&less, "abc", 3, &error));
    kit_must(st_record_encode(&r->record[0], &just, &error));
    assert_int_equal(just.len, whole.len + 3);
    assert_memory_equal(just.data + 3, whole.data, whole.len);
    assert_int_equal(st_record_encode(&r->record[0], &less, &error), ST_E_TOO_LARGE);
    assert_int_equal(less.len, 3); /* though its beginning had room */
    st_buffer_free(&whole);
    st_buffer_free(&just);
    st_buffer_free(&less);
    kit_free(r);
}

static void test_folding_into_a_copy_leaves_the_original(void **state)
{
    (void)state;
    kit_replica *r = kit_new();
    fill(r);
    st_buffer before, after;
    st_arena arena;
    st_record copy;
    st_vector vector;
    st_error error;
    kit_encode(r, &before);
    st_arena_init(&arena, 1u << 20);
    kit_must(st_record_copy(&r->record[0], &arena, &copy, &error));
    kit_must(st_vector_copy(&r->vector, &arena, &vector, &error));
    static const st_dot SHOWN = { { "b" }, 2 };
    st_op op = OPS[0];
    op.replaces = &SHOWN;
    op.replaces_count = 1;
    st_change change = { .dot = { { "a" }, 1 }, .record = copy.id, .ops = &op, .ops_count = 1 };
    st_arrival none = { .log_index = 0 };
    kit_must(st_merge_fold(&vector, &copy, &change, &none, (st_fold_how){ ST_FOLD_APPLY, true }));
    assert_int_equal(copy.metas_count, r->record[0].metas_count + 1);
    kit_encode(r, &after);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.data, after.data, before.len);
    st_buffer_free(&before);
    st_buffer_free(&after);
    st_arena_reset(&arena);
    kit_free(r);
}

static st_sum sum_of(const st_op *op, const st_dot *dot, st_act_kind act, st_hlc hlc)
{
    kit_replica *r = kit_new();
    st_change change = { .dot = *dot, .record = r->record[0].id, .ops = op,
                         .ops_count = op != NULL, .act = act, .hlc = hlc };
    st_arrival arrival = { .log_index = hlc, .role = ST_ROLE_OFFICE };
    kit_must(st_merge_fold(&r->vector, &r->record[0], &change, &arrival,
                           (st_fold_how){ ST_FOLD_APPLY, false }));
    st_sum sum = st_record_sum(&r->record[0]);
    kit_free(r);
    return sum;
}

static void test_the_sum_depends_on_path_dot_value_and_acts_only(void **state)
{
    (void)state;
    static uint8_t words[100];
    st_sum sums[OPS_COUNT + 8];
    size_t count = 0;
    const st_dot dot = { { "a" }, 1 }, other = { { "a" }, 2 };
    st_op op = OPS[1];
    for (size_t i = 0; i < OPS_COUNT; i++)
        sums[count++] = sum_of(&OPS[i], &dot, ST_ACT_NONE, 0);
    sums[count++] = sum_of(&OPS[1], &other, ST_ACT_NONE, 0);
    op.value.number = 4;
    sums[count++] = sum_of(&op, &dot, ST_ACT_NONE, 0);
    op.value = (st_value){ .kind = ST_VALUE_TEXT, .data = words, .len = 100 };
    sums[count++] = sum_of(&op, &dot, ST_ACT_NONE, 0);
    words[99] = 'x';
    sums[count++] = sum_of(&op, &dot, ST_ACT_NONE, 0);
    sums[count++] = sum_of(NULL, &dot, ST_ACT_FINALISE, 0);
    sums[count++] = sum_of(NULL, &dot, ST_ACT_WITHDRAW, 0);
    sums[count++] = sum_of(NULL, &other, ST_ACT_WITHDRAW, 0);
    sums[count++] = sum_of(NULL, &dot, ST_ACT_NONE, 0);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(&sums[i], &sums[j], sizeof sums[i]);
    static const st_sum ZERO = { { 0 } };
    assert_memory_equal(&sums[count - 1], &ZERO, sizeof ZERO);
    st_sum same = sum_of(NULL, &other, ST_ACT_WITHDRAW, 12345);
    assert_memory_equal(&same, &sums[count - 2], sizeof same);
}

static void test_sums_add_and_take_away(void **state)
{
    (void)state;
    static const struct { st_sum a, b, want; } CASES[] = {
        { { { [15] = 1 } }, { { [15] = 2 } }, { { [15] = 3 } } },
        { { { [8] = 0xff, 255, 255, 255, 255, 255, 255, 255 } }, { { [15] = 1 } },
          { { [7] = 1 } } },
        { { { 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255 } },
          { { [15] = 1 } }, { { 0 } } },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        st_sum sum = CASES[i].a;
        st_sum_add(&sum, &CASES[i].b);
        assert_memory_equal(&sum, &CASES[i].want, sizeof sum);
        st_sum_subtract(&sum, &CASES[i].b);
        assert_memory_equal(&sum, &CASES[i].a, sizeof sum);
    }
}

static void test_a_path_has_one_spelling(void **state)
{
    (void)state;
    uint8_t a[ST_PATH_BYTES_MAX], b[ST_PATH_BYTES_MAX];
    for (size_t i = 0; i < OPS_COUNT; i++)
        for (size_t j = 0; j < OPS_COUNT; j++) {
            size_t a_len = st_path_encode(&OPS[i].path, a), b_len = st_path_encode(&OPS[j].path, b);
            assert_true(a_len <= sizeof a);
            assert_int_equal(i == j, a_len == b_len && memcmp(a, b, a_len) == 0);
        }
    st_path longest = { .kind = ST_PATH_KEYED, .element_len = 32 };
    memset(longest.key.s, 'k', ST_CODE_BYTES_MAX);
    assert_int_equal(st_path_encode(&longest, a), ST_PATH_BYTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stored_bytes_bring_everything_back),
        cmocka_unit_test(test_a_vector_comes_back),
        cmocka_unit_test(test_damage_is_noticed_or_harmless),
        cmocka_unit_test(test_a_life_is_read_as_it_is_spelled),
        cmocka_unit_test(test_values_that_cannot_be_are_noticed),
        cmocka_unit_test(test_too_little_room_is_said),
        cmocka_unit_test(test_a_life_is_spelled_as_the_packer_spells_it),
        cmocka_unit_test(test_a_record_that_just_fits_is_stored),
        cmocka_unit_test(test_folding_into_a_copy_leaves_the_original),
        cmocka_unit_test(test_the_sum_depends_on_path_dot_value_and_acts_only),
        cmocka_unit_test(test_sums_add_and_take_away),
        cmocka_unit_test(test_a_path_has_one_spelling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
