/* tools/fuzz/fuzz_set.c - change-sets. What decodes keeps its bytes and the rules that merging
 * relies on; written anew it is the same set, and written once more the same bytes. */
#include <stdio.h>
#include <string.h>

#include "tools/fuzz/fuzz.h"

static const uint8_t SEED[32] = { 1, 2, 3 };
static const uint8_t SIGNATURE[64] = { 4, 5, 6 };

static void dots_rise(const st_dot *dots, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        FUZZ_MUST(dots[i].counter > 0);
        FUZZ_MUST(i == 0 || st_dot_cmp(&dots[i - 1], &dots[i]) < 0);
    }
}

static void counters_rise(const uint64_t *counters, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++)
        FUZZ_MUST(counters[i - 1] < counters[i]);
}

static void check_change(const st_set *set, uint32_t at)
{
    const st_change *c = &set->changes[at];
    FUZZ_MUST(st_id_cmp(&c->dot.device, &set->device) == 0 && c->dot.counter == set->first + at);
    FUZZ_MUST(c->prev == (at == 0 ? set->here : c->dot.counter - 1));
    if (c->creates && !c->unknown) {
        st_id id = st_record_id(&c->dot, c->random);
        FUZZ_MUST(st_id_cmp(&id, &c->record) == 0);
    }
    FUZZ_MUST(c->ops_count <= ST_OPS_MAX && c->under_count <= ST_UNDER_MAX);
    for (uint32_t i = 0; i < c->ops_count; i++) {
        const st_op *op = &c->ops[i];
        FUZZ_MUST(op->verb >= 0 && op->verb < ST_VERB_COUNT && op->value.kind <= ST_VALUE_ERASED);
        FUZZ_MUST(op->value.len <= ST_VALUE_BYTES_MAX);
        FUZZ_MUST(op->path.element_len <= sizeof op->path.element);
        dots_rise(op->replaces, op->replaces_count);
    }
    for (uint32_t i = 1; i < c->under_count; i++)
        FUZZ_MUST(st_dot_cmp(&c->under[i - 1].dot, &c->under[i].dot) < 0);
    for (uint32_t i = 0; i < c->context.count; i++) {
        const st_context_device *d = &c->context.devices[i];
        counters_rise(d->singles, d->singles_count);
        counters_rise(d->holes, d->holes_count);
        FUZZ_MUST(i == 0 || st_id_cmp(&d[-1].device, &d->device) < 0);
    }
}

static bool is_plain(const st_change *c)
{
    bool plain = !c->unknown && c->reason.kind != ST_VALUE_ERASED;
    for (uint32_t i = 0; i < c->ops_count; i++)
        plain = plain && c->ops[i].value.kind != ST_VALUE_ERASED;
    return plain;
}

/* Encodes, appended to out; false when the set cannot be written as it is. */
static bool write_set(const st_set *set, st_buffer *out, st_hash *out_hash)
{
    st_unsigned_set made;
    st_error error;
    st_err err = st_set_build(set, SEED, &made, &error);
    if (err == ST_E_TOO_LARGE)
        return false; /* our spelling may be a little longer than theirs */
    if (err != ST_OK)
        fprintf(stderr, "%s: %s\n", st_err_name(err), error.detail);
    FUZZ_MUST(err == ST_OK);
    FUZZ_MUST(st_set_finish(set, &made, SIGNATURE, out, NULL) == ST_OK || out->len == 0);
    *out_hash = made.hash;
    st_unsigned_set_free(&made);
    return out->len > 0;
}

static void write_again(const st_set *set)
{
    static st_buffer first, second;
    st_hash hash, again;
    st_arena arena;
    st_set copy;
    first.max = second.max = ST_SET_BYTES_MAX;
    st_buffer_clear(&first);
    st_buffer_clear(&second);
    st_arena_init(&arena, ST_SET_ARENA_BYTES);
    if (write_set(set, &first, &hash)) {
        FUZZ_MUST(st_set_decode(first.data, first.len, &arena, &copy, NULL) == ST_OK);
        FUZZ_MUST(memcmp(copy.hash.b, hash.b, sizeof hash.b) == 0);
        FUZZ_MUST(memcmp(copy.signature, SIGNATURE, sizeof SIGNATURE) == 0);
        FUZZ_MUST(copy.changes_count == set->changes_count);
        FUZZ_MUST(write_set(&copy, &second, &again));
        fuzz_must_be_same(&first, &second);
    }
    st_arena_reset(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    st_arena arena;
    st_set set, kept;
    bool plain = true; /* nothing of a later version, and nothing that was erased */
    st_arena_init(&arena, ST_SET_ARENA_BYTES);
    st_err err = st_set_decode(data, size, &arena, &set, NULL);
    FUZZ_MUST(err != ST_E_MEMORY);
    if (err != ST_OK) {
        FUZZ_MUST(set.changes_count == 0);
        FUZZ_MUST(set.bytes == NULL || (set.bytes == data && set.bytes_len == size));
        st_arena_reset(&arena);
        return 0;
    }
    FUZZ_MUST(set.bytes == data && set.bytes_len == size);
    FUZZ_MUST(set.changes_count > 0 && set.changes_count <= ST_SET_CHANGES_MAX);
    FUZZ_MUST(st_set_last(&set) == set.first + set.changes_count - 1);
    FUZZ_MUST(st_set_decode_kept(data, size, &arena, &kept, NULL) == ST_OK);
    FUZZ_MUST(kept.changes_count == set.changes_count);
    for (uint32_t i = 0; i < set.changes_count; i++) {
        check_change(&set, i);
        plain = plain && is_plain(&set.changes[i]);
        FUZZ_MUST(st_change_encoded_size(&set.changes[i]) > 0);
    }
    if (plain)
        write_again(&set);
    st_arena_reset(&arena);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    return fuzz_mutate_message(data, size, size_max, seed);
}
