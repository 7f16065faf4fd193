/* tests/unit/verify/test_verify.c
 * A reviewer trusts the key of the book and nothing else: whatever the server's owner does to the
 * log - and he holds that key - is found by the reviewer's program, by an older checkpoint, or by
 * the receipt that a phone kept. Every flipped bit of every file is found (all of them with
 * TEST_LONG=1, else one bit of each byte). */
#include <stdio.h>

#include "tests/unit/verify/owner.h"

static void test_a_whole_log(void **state)
{
    (void)state;
    owner *o = make_owner(300);
    publish(o);
    assert_good(o);
    assert_non_null(file_of(o, "tile/1/000.p/1"));
    file_of(o, "tile/1/000.p/1")->data[5] ^= 1;
    assert_found(o, NULL, "tile 1/0");
    publish(o);
    o->files[0].len = 0;
    assert_found(o, NULL, "");
    free_owner(o);
}

/* ---- each bit ---- */

static void test_each_bit_of_each_file(void **state)
{
    (void)state;
    owner *o = make_owner(2);
    publish(o);
    st_buffer *note = file_of(o, "checkpoint");
    st_note opened;
    st_arena arena;
    st_buffer cosigned;
    st_arena_init(&arena, 1u << 20);
    st_buffer_init(&cosigned, ST_NOTE_BYTES_MAX);
    assert_int_equal(st_note_decode(note->data, note->len, &arena, &opened, NULL), ST_OK);
    assert_int_equal(st_cosign(&o->phones[0].witness, &opened, 1773282700, &cosigned, NULL), ST_OK);
    assert_int_equal(st_buffer_append(note, cosigned.data, cosigned.len, NULL), ST_OK);
    assert_good(o);
    for (size_t i = 0; i < o->files_count; i++)
        flip_all(o, &o->files[i], o->names[i]);
    assert_good(o);
    st_buffer_free(&cosigned);
    st_arena_reset(&arena);
    free_owner(o);
}

/* ---- a server that lies, with the key in its hand ---- */

static void remove_leaf(owner *o, size_t at)
{
    memmove(&o->leaves[at], &o->leaves[at + 1], (o->count - at - 1) * sizeof o->leaves[0]);
    o->count--;
}

static void test_lies_within_a_log(void **state)
{
    (void)state;
    owner *o = make_owner(12);
    st_leaf honest[12];
    memcpy(honest, o->leaves, sizeof honest);
    /* drops an entry that it acknowledged */
    remove_leaf(o, 4);
    publish(o);
    assert_found(o, NULL, "entry 6: changes 7 to 9");
    memcpy(o->leaves, honest, sizeof honest);
    o->count = 12;
    /* invents one in a device's name */
    add_set(o, &o->phones[0]);
    sign_leaf(o, &o->phones[1], &o->leaves[12]);
    publish(o);
    assert_found(o, NULL, "entry 13: its device did not sign it");
    o->count = 12;
    /* swaps what a device wrote */
    o->leaves[3].commit.b[0] ^= 1;
    publish(o);
    assert_found(o, NULL, "entry 4: its device did not sign it");
    memcpy(o->leaves, honest, sizeof honest);
    /* back-dates */
    o->leaves[8].time_ms = o->leaves[2].time_ms;
    publish(o);
    assert_found(o, NULL, "entry 9: its time lies before");
    memcpy(o->leaves, honest, sizeof honest);
    /* takes one in twice */
    o->leaves[11] = o->leaves[10];
    o->leaves[11].time_ms++;
    publish(o);
    assert_found(o, NULL, "entry 12");
    memcpy(o->leaves, honest, sizeof honest);
    /* leaves a device out of the list */
    o->listed = 1;
    publish(o);
    assert_found(o, NULL, "entry 2: its device is not in the list");
    o->listed = PHONES;
    publish(o);
    assert_good(o);
    free_owner(o);
}

/* How many of how many confirmed: nobody counts twice, and who has no key to confirm with counts as
 * one who did not, unless the office's own. */
static void test_each_device_counts_once(void **state)
{
    (void)state;
    owner *o = make_owner(4);
    publish(o);
    st_buffer *devices = file_of(o, "devices");
    const size_t all = devices->len, first = strlen("sotay-devices/v1\n");
    char line[320];
    const char *begin = (const char *)devices->data + first;
    size_t len = (size_t)(strchr(begin, '\n') + 1 - begin);
    memcpy(line, begin, len);
    assert_int_equal(st_buffer_append(devices, line, len, NULL), ST_OK);
    assert_found(o, NULL, "devices: line 4 names a device again");
    devices->len = all;
    for (int is_office = 0; is_office < 2; is_office++) {
        verify_log log = { .is_strict = true };
        const verify_source source = { o, read_file };
        o->leaves[0].kind = is_office == 1 ? ST_ENTRY_ENROL : ST_ENTRY_CHANGE;
        publish(o);
        devices = file_of(o, "devices");
        memmove(devices->data + first + 79, devices->data + first + len - 1,
                devices->len - first - len + 1);
        devices->data[first + 78] = '-';
        devices->len -= len - 80;
        assert_int_equal(verify_log_read(&log, &source, &o->vkey, NULL), ST_OK);
        assert_int_equal(log.phones, is_office == 1 ? 1 : 2);
        assert_int_equal(log.devices[0].is_office, is_office);
        verify_log_free(&log);
    }
    free_owner(o);
}

/* A server: the log goes on while it is read, if there is a later one. */
typedef struct {
    owner *now, *later;
    unsigned heads; /* how often the checkpoint was read */
} served;

static st_err read_served(void *context, const char *name, st_buffer *out, st_error *error)
{
    served *s = context;
    bool is_head = strcmp(name, "checkpoint") == 0;
    if (is_head)
        s->heads++;
    return read_file(is_head && s->heads > 1 && s->later != NULL ? s->later : s->now, name, out,
                     error);
}

static st_err check_served(owner *o, owner *later, bool is_strict, st_error *error)
{
    served s = { o, later, 0 };
    verify_log log = { .is_strict = is_strict };
    const verify_source source = { &s, read_served };
    st_err err = verify_log_read(&log, &source, &o->vkey, error);
    if (err == ST_OK) {
        assert_true(log.devices[0].confirmed_more);
        assert_int_equal(log.devices[0].confirmed, 0);
        assert_int_equal(log.confirmed, 0);
    }
    verify_log_free(&log);
    return err;
}

/* Who confirmed a longer log while this one was read speaks against nobody, unless the server has
 * no such log even then. */
static void test_a_log_that_goes_on_while_it_is_read(void **state)
{
    (void)state;
    owner *o = make_owner(6), *later = make_owner(7);
    char name[48] = "witness/";
    st_arena arena;
    st_note note;
    st_error error = { 0 };
    publish(o);
    publish(later);
    const st_buffer *head = file_of(later, "checkpoint");
    st_id_format(&o->phones[0].id, name + 8);
    st_buffer *witness = new_file(o, name);
    st_arena_init(&arena, 1u << 20);
    assert_int_equal(st_note_decode(head->data, head->len, &arena, &note, NULL), ST_OK);
    assert_int_equal(st_buffer_append(witness, head->data, head->len, NULL), ST_OK);
    const size_t bare = witness->len;
    assert_int_equal(st_cosign(&o->phones[0].witness, &note, 1773282700, witness, NULL), ST_OK);
    assert_int_equal(check_served(o, later, false, &error), ST_OK);
    assert_int_equal(check_served(o, NULL, false, &error), ST_E_CORRUPT);
    assert_non_null(strstr(error.detail, "has 7 entries, and here are 6: the log was cut off"));
    assert_int_equal(check_served(o, later, true, &error), ST_E_CORRUPT); /* an export is at rest */
    assert_non_null(strstr(error.detail, "has 7 entries, and here are 6: the log was cut off"));
    witness->len = bare;
    assert_int_equal(check_served(o, later, false, &error), ST_E_SIGNATURE);
    assert_non_null(strstr(error.detail, "the device did not confirm it"));
    st_arena_reset(&arena);
    free_owner(later);
    free_owner(o);
}

/* Of a note it is said in which file it stands. */
static void test_a_spoilt_note_has_a_name(void **state)
{
    (void)state;
    owner *o = make_owner(4);
    char name[48] = "witness/", why[64];
    publish(o);
    st_id_format(&o->phones[1].id, name + 8);
    (void)snprintf(why, sizeof why, "%s: note: ", name);
    st_buffer *witness = new_file(o, name);
    assert_int_equal(st_buffer_append(witness, "x", 1, NULL), ST_OK);
    assert_found(o, NULL, why);
    file_of(o, "checkpoint")->len -= 1;
    assert_found(o, NULL, "checkpoint: note: ");
    free_owner(o);
}

/* What the server noted with a word of its own is bound by its leaf, and no phone signs it; a set
 * whose signature was taken out does not pass for that. */
static void test_notes_of_the_server(void **state)
{
    (void)state;
    static const uint64_t COUNTERS[] = { 4, 5, 6 };
    owner *o = make_owner(6);
    st_leaf *leaf = &o->leaves[5];
    const st_leaf honest = *leaf;
    memset(leaf, 0, sizeof *leaf);
    leaf->kind = ST_ENTRY_ACCEPT;
    leaf->time_ms = honest.time_ms;
    leaf->device = honest.device;
    leaf->first = 4;
    leaf->last = 6;
    leaf->verdict = "accepted";
    leaf->counters = COUNTERS;
    leaf->counters_count = 3;
    leaf->via = ST_VIA_OPERATOR;
    leaf->has_commit = true;
    leaf->commit = st_hmac("key", 3, "reason", 6);
    publish(o);
    assert_good(o);
    leaf->verdict = "-";
    leaf->counters_count = 0;
    publish(o);
    assert_good(o);
    leaf->verdict = "stored";
    publish(o);
    assert_found(o, NULL, "entry 6: its device did not sign it");
    leaf->verdict = "-";
    leaf->has_prev = true;
    publish(o);
    assert_found(o, NULL, "entry 6: its device did not sign it");
    leaf->has_prev = false;
    leaf->hlc = 1;
    publish(o);
    assert_found(o, NULL, "entry 6: its device did not sign it");
    *leaf = honest;
    memset(leaf->dsig, 0, sizeof leaf->dsig);
    publish(o);
    assert_found(o, NULL, "entry 6: its device did not sign it");
    free_owner(o);
}

/* The newest set of a phone, which no later one misses, without its signature; and what the phone
 * never wrote: of each kind that a device signs. What the server says by itself it may say. */
static void test_nothing_unsigned_in_a_phones_name(void **state)
{
    (void)state;
    static const st_entry_kind SERVERS[] = { ST_ENTRY_INIT,   ST_ENTRY_VERDICT, ST_ENTRY_LOGIN,
                                             ST_ENTRY_EXPORT, ST_ENTRY_HOLD,    ST_ENTRY_ACCEPT,
                                             ST_ENTRY_BACKUP, ST_ENTRY_RESTORE, ST_ENTRY_KEY,
                                             ST_ENTRY_NOTE,   ST_ENTRY_ADDRESS, ST_ENTRY_DECLINE };
    static const st_entry_kind SIGNED[] = { ST_ENTRY_CHANGE,  ST_ENTRY_FORK,  ST_ENTRY_STATE,
                                            ST_ENTRY_RESOLVE, ST_ENTRY_USER,  ST_ENTRY_ROLE,
                                            ST_ENTRY_ASSIGN,  ST_ENTRY_ENROL, ST_ENTRY_REVOKE,
                                            ST_ENTRY_ERASE,   ST_ENTRY_FENCE, ST_ENTRY_SUSPEND };
    owner *o = make_owner(6);
    st_leaf *leaf = &o->leaves[5];
    memset(leaf->dsig, 0, sizeof leaf->dsig);
    leaf->has_commit = leaf->has_prev = false;
    leaf->verdict = "-";
    for (size_t i = 0; i < sizeof SIGNED / sizeof SIGNED[0]; i++)
        for (int has_commit = 0; has_commit < 2; has_commit++) {
            leaf->kind = SIGNED[i];
            leaf->has_commit = has_commit == 1;
            publish(o);
            assert_found(o, NULL, "entry 6: its device did not sign it");
        }
    leaf->first = leaf->last = 0;
    leaf->has_commit = false;
    for (size_t i = 0; i < sizeof SERVERS / sizeof SERVERS[0]; i++) {
        leaf->kind = SERVERS[i];
        leaf->verdict = "-";
        publish(o);
        assert_good(o);
        leaf->verdict = "stored";
        publish(o);
        assert_found(o, NULL, "entry 6: its device did not sign it");
    }
    leaf->kind = ST_ENTRY_CHANGE;
    leaf->device = make_id(1, 2);
    publish(o);
    assert_found(o, NULL, "entry 6: its device is not in the list");
    free_owner(o);
}

/* A set says which log its author had seen: one that was changed before it cannot carry it. */
static void test_what_was_seen_bounds_the_past(void **state)
{
    (void)state;
    owner *o = make_owner(6);
    st_arena arena;
    st_note note;
    st_checkpoint seen;
    st_arena_init(&arena, 1u << 20);
    publish(o);
    const st_buffer *file = file_of(o, "checkpoint");
    assert_int_equal(st_note_decode(file->data, file->len, &arena, &note, NULL), ST_OK);
    assert_int_equal(st_checkpoint_decode(&note, &seen, NULL), ST_OK);
    add_set(o, &o->phones[0]);
    o->leaves[6].seen_size = seen.head.size;
    o->leaves[6].seen_root = seen.head.root;
    publish(o);
    assert_good(o);
    o->leaves[1].actor = make_id(0xbb, 0xbb); /* what no signature of a device covers */
    publish(o);
    assert_found(o, NULL, "entry 7: its author had seen another log of 6 entries");
    o->leaves[1].actor = make_id(0xaa, 0xaa);
    o->leaves[6].seen_size = 7; /* more than there was */
    publish(o);
    assert_found(o, NULL, "entry 7: its author had seen another log of 7 entries");
    st_arena_reset(&arena);
    free_owner(o);
}

/* A new epoch excuses those who had seen what was lost, once; it is no leave to forge from then on:
 * who has seen the log behind it speaks of this log. */
static void test_an_epoch_excuses_nobody_for_ever(void **state)
{
    (void)state;
    owner *o = make_owner(6);
    add_set(o, &o->phones[0]);
    add_set(o, &o->phones[1]);
    const st_tree_head lost = head_now(o); /* of 8, two of which will be lost */
    put_back(o, 6);
    add_seen(o, &o->phones[0], &lost);
    publish(o);
    assert_good(o);
    st_tree_head now = head_now(o);
    add_seen(o, &o->phones[0], &now);
    publish(o);
    assert_good(o);
    now = head_now(o);
    add_seen(o, &o->phones[0], &now);
    publish(o);
    assert_good(o);
    const st_leaf honest = o->leaves[8];
    o->leaves[8].actor = make_id(0xbb, 0xbb); /* behind what phone 0 saw first, before the next */
    publish(o);
    assert_found(o, NULL, "entry 10: its author had seen another log of 9 entries");
    o->leaves[8] = honest;
    add_seen(o, &o->phones[0], &lost);        /* it knew better by then */
    publish(o);
    assert_found(o, NULL, "entry 11: its author had seen another log of 8 entries");
    o->count--;
    o->phones[0].last = o->leaves[9].last;
    o->phones[0].prev = o->leaves[9].commit;
    add_seen(o, &o->phones[1], &lost);        /* another phone had not heard of it yet */
    publish(o);
    assert_good(o);
    free_owner(o);
}

static void test_lies_against_what_somebody_holds(void **state)
{
    (void)state;
    owner *o = make_owner(12);
    publish(o);
    st_buffer old = keep_checkpoint(o);
    add_set(o, &o->phones[0]);
    publish(o);
    st_error error = { 0 };
    assert_int_equal(check(o, &old, &error), ST_OK);
    /* cuts the end off, also the last set of a device, which no chain misses */
    o->count = 11;
    publish(o);
    assert_good(o);
    assert_found(o, &old, "was cut off or put back");
    /* another history under the same name */
    o->count = 12;
    o->leaves[11].actor = make_id(0xbb, 0xbb);
    publish(o);
    assert_good(o);
    assert_found(o, &old, "two logs under one name");
    st_buffer_free(&old);
    free_owner(o);
}

static void test_a_strangers_signature(void **state)
{
    (void)state;
    owner *o = make_owner(2);
    st_error error = { 0 };
    publish(o);
    st_buffer *note = file_of(o, "checkpoint");
    static const char LINE[] = "\xe2\x80\x94 somebody AAAAAAE=\n";
    assert_int_equal(st_buffer_append(note, LINE, sizeof LINE - 1, NULL), ST_OK);
    assert_found(o, NULL, "a signature of nobody listed");
    verify_log log;
    verify_source source = { o, read_file };
    memset(&log, 0, sizeof log);
    assert_int_equal(verify_log_read(&log, &source, &o->vkey, &error), ST_OK); /* served */
    verify_log_free(&log);
    /* the right words, another key */
    o->vkey.key[0] ^= 1;
    assert_found(o, NULL, "the log's key did not sign it");
    free_owner(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_log),
        cmocka_unit_test(test_each_bit_of_each_file),
        cmocka_unit_test(test_lies_within_a_log),
        cmocka_unit_test(test_each_device_counts_once),
        cmocka_unit_test(test_a_log_that_goes_on_while_it_is_read),
        cmocka_unit_test(test_a_spoilt_note_has_a_name),
        cmocka_unit_test(test_notes_of_the_server),
        cmocka_unit_test(test_nothing_unsigned_in_a_phones_name),
        cmocka_unit_test(test_what_was_seen_bounds_the_past),
        cmocka_unit_test(test_an_epoch_excuses_nobody_for_ever),
        cmocka_unit_test(test_lies_against_what_somebody_holds),
        cmocka_unit_test(test_a_strangers_signature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
