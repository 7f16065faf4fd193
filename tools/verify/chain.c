/* tools/verify/chain.c - who wrote what: signatures, chains of devices, what they had seen.
 * Promises: a set that is missing from the middle of a device's chain, one in a device's name that
 * it did not sign, and a log that forgot what a device had seen are each found. Must never take a
 * name of a key from the entry that it checks. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/changeset.h"
#include "tools/verify/log.h"

#define DEVICES_FIRST   "sotay-devices/v1\n"
#define DEVICE_LINE_MAX 300u

/* ---- the list of devices ---- */

static bool take_device(const char *line, size_t len, verify_device *out)
{
    uint8_t key[48];
    char hex[33] = "";
    verify_device device;
    memset(&device, 0, sizeof device);
    if (len < 32 + 1 + 44 + 2 || len > DEVICE_LINE_MAX || line[32] != ' ' || line[77] != ' ')
        return false;
    memcpy(hex, line, 32);
    if (!st_id_parse(hex, &device.id) || st_unbase64(line + 33, 44, key) != 32)
        return false;
    memcpy(device.sign_key, key, sizeof device.sign_key);
    st_id own = st_device_id(device.sign_key);
    if (st_id_cmp(&own, &device.id) != 0)
        return false;
    device.has_witness = len != 79 || line[78] != '-';
    *out = device;
    return !device.has_witness || (st_vkey_parse(line + 78, len - 78, &out->witness) &&
                                   out->witness.type == ST_KEY_WITNESS);
}

static verify_device *find(const verify_log *log, const st_id *id)
{
    for (size_t i = 0; i < log->devices_count; i++)
        if (st_id_cmp(&log->devices[i].id, id) == 0)
            return &log->devices[i];
    return NULL;
}

/* The next line of the list. Who stands there twice would be counted twice. */
static st_err add_device(verify_log *log, const char *line, size_t len, st_error *error)
{
    verify_device device;
    size_t line_no = log->devices_count + 2;
    if (!take_device(line, len, &device))
        return st_fail(error, ST_E_CORRUPT, "devices: line %zu is not that of a device", line_no);
    if (find(log, &device.id) != NULL)
        return st_fail(error, ST_E_CORRUPT, "devices: line %zu names a device again", line_no);
    log->devices[log->devices_count++] = device;
    return ST_OK;
}

st_err verify_devices_read(verify_log *log, const char *text, size_t len, st_error *error)
{
    const size_t first = sizeof DEVICES_FIRST - 1;
    if (len < first || memcmp(text, DEVICES_FIRST, first) != 0 || text[len - 1] != '\n')
        return st_fail(error, ST_E_CORRUPT, "devices: not a list of devices");
    for (size_t at = first; at < len;) {
        size_t line_len = (size_t)((const char *)memchr(text + at, '\n', len - at) - (text + at));
        verify_device *grown =
            verify_grow(log->devices, log->devices_count, &log->devices_room, sizeof *log->devices);
        if (grown == NULL)
            return st_fail(error, ST_E_MEMORY, "no memory");
        log->devices = grown;
        st_err err = add_device(log, text + at, line_len, error);
        if (err != ST_OK)
            return err;
        at += line_len + 1;
    }
    return ST_OK;
}

/* ---- one entry ---- */

/* The server begins a log and a new epoch of it, and enrols the phones. */
static void note_office(const verify_log *log, const st_leaf *leaf)
{
    verify_device *device = NULL;
    if (leaf->kind == ST_ENTRY_INIT || leaf->kind == ST_ENTRY_EPOCH ||
        leaf->kind == ST_ENTRY_ENROL)
        device = find(log, &leaf->device);
    if (device != NULL)
        device->is_office = true;
}

static st_err check_signature(const verify_log *log, uint64_t place, const st_leaf *leaf,
                              const verify_device *device, st_error *error)
{
    uint8_t text[ST_SET_SIGN_BYTES];
    st_set_sign_text(&log->id, &leaf->device, &leaf->commit, text);
    if (!st_sign_verify(device->sign_key, text, sizeof text, leaf->dsig))
        return st_fail(error, ST_E_SIGNATURE, "entry %" PRIu64 ": its device did not sign it",
                       place + 1);
    return ST_OK;
}

static st_err note_link(verify_log *log, const verify_link *link, st_error *error)
{
    verify_link *grown =
        verify_grow(log->links, log->links_count, &log->links_room, sizeof *log->links);
    if (grown == NULL)
        return st_fail(error, ST_E_MEMORY, "no memory");
    log->links = grown;
    log->links[log->links_count++] = *link;
    return ST_OK;
}

static st_err note_seen(verify_log *log, const verify_link *link, const st_leaf *leaf,
                        st_error *error)
{
    if (leaf->seen_size == 0)
        return ST_OK;
    verify_seen *grown =
        verify_grow(log->seens, log->seens_count, &log->seens_room, sizeof *log->seens);
    if (grown == NULL)
        return st_fail(error, ST_E_MEMORY, "no memory");
    log->seens = grown;
    log->seens[log->seens_count++] =
        (verify_seen){ link->device, leaf->kind == ST_ENTRY_FORK, link->first, link->place,
                       leaf->seen_size, leaf->seen_root };
    return ST_OK;
}

static st_err note_cut(verify_log *log, uint64_t place, const st_leaf *leaf, st_error *error)
{
    verify_cut *grown = verify_grow(log->cuts, log->cuts_count, &log->cuts_room, sizeof *log->cuts);
    if (grown == NULL)
        return st_fail(error, ST_E_MEMORY, "no memory");
    log->cuts = grown;
    bool has_root = leaf->seen_size > 0;
    log->cuts[log->cuts_count++] =
        (verify_cut){ place, has_root ? leaf->seen_size : place, has_root, leaf->seen_root };
    return ST_OK;
}

/* What an entry `epoch` says that the log goes on from is its own beginning. */
static st_err check_cuts(const verify_log *log, st_error *error)
{
    st_tree_source source = verify_log_source(log);
    for (size_t i = 0; i < log->cuts_count; i++) {
        st_hash root;
        const verify_cut *cut = &log->cuts[i];
        bool is_good = cut->size <= cut->place;
        if (!cut->has_root)
            continue;
        st_err err = is_good ? st_tree_hash(&source, 0, cut->size, &root, error) : ST_OK;
        if (err != ST_OK)
            return err;
        if (!is_good || memcmp(root.b, cut->root.b, sizeof root.b) != 0)
            return st_fail(error, ST_E_CORRUPT,
                           "entry %" PRIu64 ": the log that it says it goes on from, of %" PRIu64
                           " entries, is not this one",
                           cut->place + 1, cut->size);
    }
    return ST_OK;
}

static st_err take_set(verify_log *log, uint64_t place, const st_leaf *leaf, st_error *error)
{
    verify_device *device = find(log, &leaf->device);
    if (device == NULL)
        return st_fail(error, ST_E_CORRUPT, "entry %" PRIu64 ": its device is not in the list",
                       place + 1);
    st_err err = check_signature(log, place, leaf, device, error);
    device->entries++;
    verify_link link = { (uint32_t)(device - log->devices),
                         place,
                         leaf->first,
                         leaf->last,
                         leaf->has_prev,
                         false,
                         leaf->prev,
                         leaf->commit };
    if (err == ST_OK && (leaf->first == 0 || leaf->last < leaf->first))
        err = st_fail(error, ST_E_CORRUPT, "entry %" PRIu64 ": its changes have no number",
                      place + 1);
    if (err == ST_OK && leaf->kind != ST_ENTRY_FORK)
        err = note_link(log, &link, error);
    return err == ST_OK ? note_seen(log, &link, leaf, error) : err;
}

/* What a device wrote has one of these kinds, and the server writes none of them by itself. */
static bool is_kind_of_set(st_entry_kind kind)
{
    static const st_entry_kind KINDS[] = {
        ST_ENTRY_CHANGE, ST_ENTRY_FORK,  ST_ENTRY_STATE,  ST_ENTRY_RESOLVE,
        ST_ENTRY_USER,   ST_ENTRY_ROLE,  ST_ENTRY_ASSIGN, ST_ENTRY_ENROL,
        ST_ENTRY_REVOKE, ST_ENTRY_ERASE, ST_ENTRY_FENCE,  ST_ENTRY_SUSPEND,
    };
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++)
        if (KINDS[i] == kind)
            return true;
    return false;
}

/* A commitment to what the server noted itself, a reason: no device signs it. What is called stored
 * or held is a set of a device, whatever else is missing in it. */
static bool is_note(const st_leaf *leaf)
{
    static const uint8_t NONE[ST_SIGNATURE_BYTES];
    return memcmp(leaf->dsig, NONE, sizeof NONE) == 0 && !leaf->has_prev && leaf->hlc == 0 &&
           strcmp(leaf->verdict, "stored") != 0 && strcmp(leaf->verdict, "held") != 0;
}

/* A word of the server, that some of a phone's held changes still wait, is the only `held` that
 * comes without a set. */
static bool is_set(const st_leaf *leaf)
{
    bool is_taken = strcmp(leaf->verdict, "stored") == 0 ||
                    (strcmp(leaf->verdict, "held") == 0 && leaf->kind != ST_ENTRY_HOLD);
    return is_taken || is_kind_of_set(leaf->kind) || (leaf->has_commit && !is_note(leaf));
}

st_err verify_leaf_take(verify_log *log, uint64_t place, const st_leaf *leaf, st_error *error)
{
    if (leaf->time_ms < log->last_time_ms && place > 0)
        return st_fail(error, ST_E_CORRUPT,
                       "entry %" PRIu64 ": its time lies before that of the one before it",
                       place + 1);
    log->last_time_ms = leaf->time_ms;
    note_office(log, leaf);
    if (leaf->kind == ST_ENTRY_KEY && leaf->first > 0)
        return verify_keys_take(log, place, leaf, error);
    if (leaf->kind == ST_ENTRY_EPOCH)
        return note_cut(log, place, leaf, error);
    if (leaf->kind == ST_ENTRY_GAP) {
        const verify_device *device = find(log, &leaf->device);
        verify_link gap = {
            .place = place, .first = leaf->first, .last = leaf->last, .is_gap = true
        };
        if (device == NULL)
            return st_fail(error, ST_E_CORRUPT, "entry %" PRIu64 ": its device is not in the list",
                           place + 1);
        if (leaf->first == 0 || leaf->last < leaf->first)
            return st_fail(error, ST_E_CORRUPT, "entry %" PRIu64 ": its changes have no number",
                           place + 1);
        gap.device = (uint32_t)(device - log->devices);
        return note_link(log, &gap, error);
    }
    return is_set(leaf) ? take_set(log, place, leaf, error) : ST_OK;
}

/* ---- when all are there ---- */

static int by_counter(const void *a, const void *b)
{
    const verify_link *x = a, *y = b;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

/* One device after the other; of what each had seen only its first entry is kept. */
static st_err note_doubt(verify_log *log, const verify_doubt *doubt, st_error *error)
{
    verify_doubt *last = log->doubts_count == 0 ? NULL : &log->doubts[log->doubts_count - 1];
    if (last != NULL && doubt->kind == VERIFY_OTHER_LOG && last->kind == VERIFY_OTHER_LOG &&
        last->device == doubt->device) {
        if (doubt->place < last->place)
            *last = *doubt;
        return ST_OK;
    }
    verify_doubt *grown =
        verify_grow(log->doubts, log->doubts_count, &log->doubts_room, sizeof *log->doubts);
    if (grown == NULL)
        return st_fail(error, ST_E_MEMORY, "no memory");
    log->doubts = grown;
    log->doubts[log->doubts_count++] = *doubt;
    return ST_OK;
}

/* How far the chain of one device is known, from its first change on. */
typedef struct {
    const verify_link *before; /* in the order of their numbers */
    const verify_link *set;    /* the last that is one */
    const verify_link *gap;    /* that reaches furthest */
    uint64_t to;               /* up to here each number came, or is said to be gone, or missed */
} verify_reach;

/* A restore between the two may have lost what is missing: who brings it is looked for in vain. */
static st_err note_hole(verify_log *log, const verify_reach *reach, const verify_link *link,
                        st_error *error)
{
    const verify_link *before = reach->before;
    verify_doubt hole = { VERIFY_HOLE,   link->device,    link->place,
                          reach->to + 1, link->first - 1, 0 };
    for (size_t i = log->cuts_count; i > 0; i--) {
        const verify_cut *cut = &log->cuts[i - 1];
        if (cut->size <= link->place && (before == NULL || before->place < cut->place))
            hole.put_back = cut->place + 1;
    }
    return note_doubt(log, &hole, error);
}

/* What an entry `gap` says is gone, and did not come after all, up to `end`. */
static st_err note_gone(verify_log *log, verify_reach *reach, uint64_t end, st_error *error)
{
    const verify_link *gap = reach->gap;
    if (gap == NULL || gap->last <= reach->to || end <= reach->to)
        return ST_OK;
    verify_gone gone = { gap->device, gap->place, reach->to + 1,
                         gap->last < end ? gap->last : end };
    verify_gone *grown =
        verify_grow(log->gones, log->gones_count, &log->gones_room, sizeof *log->gones);
    if (grown == NULL)
        return st_fail(error, ST_E_MEMORY, "no memory");
    log->gones = grown;
    log->gones[log->gones_count++] = gone;
    reach->to = gone.to;
    return ST_OK;
}

/* Is it no other entry's, and does it continue the one that ends where it begins? */
static st_err check_set(const verify_log *log, const verify_reach *reach, const verify_link *link,
                        st_error *error)
{
    char hex[33];
    const verify_link *set = reach->set;
    if (set == NULL)
        return ST_OK;
    st_id_format(&log->devices[link->device].id, hex);
    if (link->first <= set->last)
        return st_fail(error, ST_E_CORRUPT,
                       "entry %" PRIu64 ": device %s has these changes in another entry",
                       link->place + 1, hex);
    if (link->first - 1 > set->last)
        return ST_OK;
    if (!link->has_prev || memcmp(link->prev.b, set->hash.b, sizeof link->prev.b) != 0)
        return st_fail(error, ST_E_CORRUPT,
                       "entry %" PRIu64 ": it does not continue the chain of device %s",
                       link->place + 1, hex);
    return ST_OK;
}

static st_err check_link(verify_log *log, verify_reach *reach, const verify_link *link,
                         st_error *error)
{
    st_err err = note_gone(log, reach, link->first - 1, error);
    if (err == ST_OK && link->first - 1 > reach->to) {
        err = note_hole(log, reach, link, error);
        reach->to = link->first - 1;
    }
    if (err == ST_OK && !link->is_gap)
        err = check_set(log, reach, link, error);
    reach->before = link;
    if (link->is_gap && (reach->gap == NULL || link->last > reach->gap->last))
        reach->gap = link;
    else if (!link->is_gap)
        reach->set = link;
    if (!link->is_gap && link->last > reach->to)
        reach->to = link->last;
    return err;
}

/* A log that was put back (an entry `epoch` says where) may know less than somebody had seen.
 * Whoever has seen this log behind that entry has heard of it, and speaks of no other log any more:
 * `passed` is the last such entry that the device is known to have seen. The entry may come late:
 * what was taken in between the cut and it is of somebody who had seen the log of before. */
static bool was_cut(const verify_log *log, const verify_seen *seen, uint64_t passed)
{
    for (size_t i = 0; i < log->cuts_count; i++)
        if (log->cuts[i].place > passed && log->cuts[i].size < seen->size &&
            log->cuts[i].size <= seen->place)
            return true;
    return false;
}

static uint64_t last_cut_in(const verify_log *log, uint64_t size, uint64_t passed)
{
    for (size_t i = 0; i < log->cuts_count; i++)
        if (log->cuts[i].place < size && log->cuts[i].place > passed)
            passed = log->cuts[i].place;
    return passed;
}

static int by_author(const void *a, const void *b)
{
    const verify_seen *x = a, *y = b;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

/* passed: as above, of its device; carried on. A fork is the work of a copy that heard less. */
static st_err check_seen(const verify_log *log, const verify_seen *seen, uint64_t *passed,
                         bool *out_wrong, st_error *error)
{
    st_hash root;
    st_tree_source source = verify_log_source(log);
    st_err err = ST_OK;
    memset(&root, 0, sizeof root);
    if (seen->size <= seen->place)
        err = st_tree_hash(&source, 0, seen->size, &root, error);
    bool is_this = seen->size <= seen->place && memcmp(root.b, seen->root.b, sizeof root.b) == 0;
    if (is_this && !seen->is_fork)
        *passed = last_cut_in(log, seen->size, *passed);
    *out_wrong = !is_this && !was_cut(log, seen, seen->is_fork ? 0 : *passed);
    return err;
}

static int by_place(const void *a, const void *b)
{
    const verify_doubt *x = a, *y = b;
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    return (x->kind > y->kind) - (x->kind < y->kind);
}

static st_err check_seens(verify_log *log, st_error *error)
{
    uint64_t passed = 0;
    st_err err = ST_OK;
    if (log->seens_count > 0)
        qsort(log->seens, log->seens_count, sizeof *log->seens, by_author);
    for (size_t i = 0; err == ST_OK && i < log->seens_count; i++) {
        const verify_seen *seen = &log->seens[i];
        bool is_wrong = false;
        if (i > 0 && log->seens[i - 1].device != seen->device)
            passed = 0;
        err = check_seen(log, seen, &passed, &is_wrong, error);
        const verify_doubt doubt = {
            .kind = VERIFY_OTHER_LOG, .device = seen->device, .place = seen->place, .to = seen->size
        };
        if (err == ST_OK && is_wrong)
            err = note_doubt(log, &doubt, error);
    }
    return err;
}

st_err verify_say_doubt(const verify_log *log, size_t which, st_error *error)
{
    char hex[33], restore[80] = "";
    const verify_doubt *doubt = &log->doubts[which];
    st_id_format(&log->devices[doubt->device].id, hex);
    if (doubt->kind == VERIFY_OTHER_LOG)
        return st_fail(error, ST_E_CORRUPT,
                       "entry %" PRIu64 ": its author had seen another log of %" PRIu64
                       " entries (device %s)",
                       doubt->place + 1, doubt->to, hex);
    if (doubt->put_back > 0)
        (void)snprintf(restore, sizeof restore,
                       "; the book was put back in between, says entry %" PRIu64, doubt->put_back);
    return st_fail(error, ST_E_CORRUPT,
                   "entry %" PRIu64 ": changes %" PRIu64 " to %" PRIu64
                   " of device %s are missing before it%s",
                   doubt->place + 1, doubt->from, doubt->to, hex, restore);
}

st_err verify_chains(verify_log *log, st_error *error)
{
    st_err err = ST_OK;
    verify_reach reach = { .to = 0 };
    if (log->links_count > 0)
        qsort(log->links, log->links_count, sizeof *log->links, by_counter);
    for (size_t i = 0; err == ST_OK && i < log->links_count; i++) {
        const verify_link *link = &log->links[i];
        err = check_link(log, &reach, link, error);
        if (i + 1 < log->links_count && log->links[i + 1].device == link->device)
            continue;
        if (err == ST_OK)
            err = note_gone(log, &reach, UINT64_MAX, error);
        reach = (verify_reach){ .to = 0 };
    }
    if (err == ST_OK)
        err = check_cuts(log, error);
    if (err == ST_OK)
        err = check_seens(log, error);
    if (log->doubts_count > 0)
        qsort(log->doubts, log->doubts_count, sizeof *log->doubts, by_place);
    return err;
}

/* ---- what devices confirmed ---- */

/* A log that is served goes on while it is read: is what the device confirmed no longer than the
 * log is by now? Then it is not compared. */
static bool went_on(const verify_log *log, const verify_source *source, uint64_t size)
{
    st_opened now;
    st_arena arena;
    st_buffer note;
    bool is_longer = false;
    if (log->is_strict || size <= log->counts[0])
        return false;
    st_arena_init(&arena, 1u << 20);
    st_buffer_init(&note, ST_NOTE_BYTES_MAX);
    st_err err = source->read(source->context, "checkpoint", &note, NULL);
    if (err == ST_OK)
        err = st_checkpoint_open(note.data, note.len, &log->vkey, &arena, &now, NULL);
    if (err == ST_OK)
        is_longer = now.checkpoint.head.size >= size;
    st_buffer_free(&note);
    st_arena_reset(&arena);
    return is_longer;
}

static st_err check_witness(verify_log *log, const verify_source *source, verify_device *device,
                            const st_buffer *bytes, st_error *error)
{
    st_opened opened;
    st_arena arena;
    bool is_good = false;
    uint64_t confirmed_s = 0;
    st_arena_init(&arena, 1u << 20);
    st_err err = verify_keys_open(log, bytes->data, bytes->len, &arena, &opened, error);
    if (err == ST_OK && opened.note.lines_count == 2)
        (void)st_note_by(&opened.note, &device->witness, &is_good, &confirmed_s);
    if (err == ST_OK && !is_good)
        err = st_fail(error, ST_E_SIGNATURE, "the device did not confirm it");
    if (err == ST_OK)
        device->confirmed_more = went_on(log, source, opened.checkpoint.head.size);
    if (err == ST_OK && !device->confirmed_more)
        err = verify_log_continues(log, bytes->data, bytes->len, NULL, error);
    if (err == ST_OK && !device->confirmed_more) {
        device->confirmed = opened.checkpoint.head.size;
        device->confirmed_s = confirmed_s;
        log->confirmed++;
    }
    st_arena_reset(&arena);
    return err;
}

st_err verify_witnesses(verify_log *log, const verify_source *source, st_error *error)
{
    st_buffer bytes;
    st_err err = ST_OK;
    st_buffer_init(&bytes, ST_NOTE_BYTES_MAX);
    for (size_t i = 0; err == ST_OK && i < log->devices_count; i++) {
        char name[48] = "witness/";
        verify_device *device = &log->devices[i];
        log->phones += device->has_witness || !device->is_office ? 1 : 0;
        if (!device->has_witness)
            continue;
        st_id_format(&device->id, name + 8);
        st_buffer_clear(&bytes);
        err = source->read(source->context, name, &bytes, error);
        if (err == ST_OK)
            err = verify_in_file(check_witness(log, source, device, &bytes, error), name,
                                 error);
        else if (err == ST_E_NOT_FOUND)
            err = ST_OK;
    }
    st_buffer_free(&bytes);
    return err;
}
