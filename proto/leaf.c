/* proto/leaf.c - a log entry as strict lines of text, the bytes that the audit tree is made of.
 * Promises: one spelling for each entry; what decodes was written by this encoder, byte for byte,
 * since decoding writes it again and compares. No names and no free text stand in it.
 * Must never: change a line, its order or its spelling: old roots would no longer be provable. */
#include "proto/leaf.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BASE64_BYTES 96u        /* 64 bytes in base64, with NUL */
#define NUMBERS_MAX 2048u       /* of a verdict line */

static const uint8_t ZEROS[ST_SIGNATURE_BYTES];

/* ---- encode ---- */

static st_err put_id(st_buffer *out, const char *name, const st_id *id, st_error *error)
{
    char text[33] = "-";
    if (id != NULL && !st_id_is_zero(id))
        st_id_format(id, text);
    return st_buffer_printf(out, error, "%s %s\n", name, text);
}

static st_err put_base64(st_buffer *out, const char *name, const uint8_t *data, size_t len,
                         st_error *error)
{
    char text[BASE64_BYTES] = "-";
    if (data != NULL)
        st_base64(data, len, text);
    return st_buffer_printf(out, error, "%s %s\n", name, text);
}

static bool is_decision(const char *verdict)
{
    return strcmp(verdict, "released") == 0 || strcmp(verdict, "accepted") == 0
        || strcmp(verdict, "declined") == 0;
}

/* NULL, or what cannot be written. */
static const char *leaf_fault(const st_leaf *leaf)
{
    bool held = leaf->verdict != NULL && strcmp(leaf->verdict, "held") == 0;
    bool decision = leaf->verdict != NULL && is_decision(leaf->verdict);
    if (leaf->kind <= ST_ENTRY_NONE || leaf->kind >= ST_ENTRY_COUNT)
        return "unknown kind";
    if (leaf->verdict != NULL && !held && !decision && strcmp(leaf->verdict, "stored") != 0
        && strcmp(leaf->verdict, "-") != 0)
        return "unknown verdict";
    if (held != (leaf->held_count > 0) || decision != (leaf->counters_count > 0))
        return "verdict and its counters do not fit";
    if (leaf->via < ST_VIA_DEVICE || leaf->via >= ST_VIA_COUNT)
        return "unknown via";
    for (uint32_t i = 0; i < leaf->held_count; i++) {
        if (leaf->held[i].reason <= ST_HOLD_NONE || leaf->held[i].reason >= ST_HOLD_COUNT)
            return "unknown hold";
        if (i > 0 && leaf->held[i - 1].counter >= leaf->held[i].counter)
            return "held changes do not rise";
    }
    for (uint32_t i = 1; i < leaf->counters_count; i++) {
        if (leaf->counters[i - 1] >= leaf->counters[i])
            return "counters do not rise";
    }
    return NULL;
}

static st_err put_verdict(const st_leaf *leaf, st_buffer *out, st_error *error)
{
    st_err err = st_buffer_printf(out, error, "verdict %s",
                                  leaf->verdict == NULL ? "-" : leaf->verdict);
    for (uint32_t i = 0; i < leaf->held_count && err == ST_OK; i++)
        err = st_buffer_printf(out, error, "%c%" PRIu64 ":%s", i == 0 ? ' ' : ',',
                               leaf->held[i].counter, st_hold_name(leaf->held[i].reason));
    for (uint32_t i = 0; i < leaf->counters_count && err == ST_OK; i++)
        err = st_buffer_printf(out, error, "%c%" PRIu64, i == 0 ? ' ' : ',', leaf->counters[i]);
    if (err == ST_OK)
        err = st_buffer_append(out, "\n", 1, error);
    return err;
}

static st_err put_first_half(const st_leaf *leaf, st_buffer *out, st_error *error)
{
    char hlc[32], root[BASE64_BYTES] = "-";
    st_hlc_format(leaf->hlc, hlc);
    if (leaf->seen_size > 0)
        st_base64(leaf->seen_root.b, sizeof leaf->seen_root.b, root);
    st_err err = st_buffer_printf(out, error, "sotay-audit/v1\nkind %s\ntime %" PRId64 "\n",
                                  st_entry_kind_name(leaf->kind), leaf->time_ms);
    if (err == ST_OK)
        err = put_id(out, "actor", &leaf->actor, error);
    if (err == ST_OK)
        err = put_id(out, "dev", &leaf->device, error);
    if (err == ST_OK)
        err = st_buffer_printf(out, error, "first %" PRIu64 "\nlast %" PRIu64 "\n", leaf->first,
                               leaf->last);
    if (err == ST_OK)
        err = put_base64(out, "prev", leaf->has_prev ? leaf->prev.b : NULL, 32, error);
    if (err == ST_OK)
        err = st_buffer_printf(out, error, "hlc %s\nseen %" PRIu64 " %s\nbucket %s\n", hlc,
                               leaf->seen_size, root,
                               leaf->bucket.s[0] == '\0' ? "-" : leaf->bucket.s);
    return err;
}

static st_err put_second_half(const st_leaf *leaf, st_buffer *out, st_error *error)
{
    bool is_signed = memcmp(leaf->dsig, ZEROS, sizeof leaf->dsig) != 0;
    st_err err = put_id(out, "carrier", leaf->has_carrier ? &leaf->carrier : NULL, error);
    if (err == ST_OK)
        err = put_verdict(leaf, out, error);
    if (err == ST_OK)
        err = st_buffer_printf(out, error, "via %s\n", st_via_name(leaf->via));
    if (err == ST_OK)
        err = put_base64(out, "commit", leaf->has_commit ? leaf->commit.b : NULL, 32, error);
    if (err == ST_OK)
        err = put_base64(out, "dsig", is_signed ? leaf->dsig : NULL, sizeof leaf->dsig, error);
    return err;
}

st_err st_leaf_encode(const st_leaf *leaf, st_buffer *out, st_error *error)
{
    assert(leaf != NULL && out != NULL);
    assert(leaf->held != NULL || leaf->held_count == 0);
    size_t start = out->len;
    const char *why = leaf_fault(leaf);
    if (why != NULL)
        return st_fail(error, ST_E_USAGE, "leaf: %s", why);
    st_err err = put_first_half(leaf, out, error);
    if (err == ST_OK)
        err = put_second_half(leaf, out, error);
    if (err == ST_OK && out->len - start > ST_LEAF_BYTES_MAX)
        err = st_fail(error, ST_E_TOO_LARGE, "leaf: %zu bytes", out->len - start);
    if (err != ST_OK)
        out->len = start;
    return err;
}

/* ---- decode: a lenient reader, then the strict comparison ---- */

typedef struct {
    char *at;                   /* NUL-terminated copy, lines cut in place */
    char *end;
    st_arena *arena;            /* for lists */
    bool no_memory;
} lines;

/* The rest of the next line when it begins with "name "; else NULL. */
static char *line_of(lines *from, const char *name)
{
    size_t len = strlen(name);
    char *line = from->at;
    if (line >= from->end)
        return NULL;
    char *stop = memchr(line, '\n', (size_t)(from->end - line));
    if (stop == NULL || strncmp(line, name, len) != 0 || line[len] != ' ')
        return NULL;
    *stop = '\0';
    from->at = stop + 1;
    return line + len + 1;
}

/* Decimal digits at *text; moves it behind them. */
static bool get_number(char **text, uint64_t *out)
{
    uint64_t value = 0;
    char *at = *text;
    while (*at >= '0' && *at <= '9') {
        uint64_t digit = (uint64_t)(*at - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
        at++;
    }
    if (at == *text)
        return false;
    *text = at;
    *out = value;
    return true;
}

static bool line_number(lines *from, const char *name, uint64_t *out)
{
    char *text = line_of(from, name);
    return text != NULL && get_number(&text, out) && *text == '\0';
}

static bool line_time(lines *from, int64_t *out)
{
    char *text = line_of(from, "time");
    uint64_t size = 0;
    if (text == NULL)
        return false;
    bool below = *text == '-';
    text += below ? 1 : 0;
    if (!get_number(&text, &size) || *text != '\0' || size > (uint64_t)INT64_MAX)
        return false;
    *out = below ? -(int64_t)size : (int64_t)size;
    return true;
}

static bool line_id(lines *from, const char *name, st_id *out, bool *out_there)
{
    char *text = line_of(from, name);
    if (text == NULL)
        return false;
    *out_there = strcmp(text, "-") != 0;
    return !*out_there || st_id_parse(text, out);
}

static bool get_base64(const char *text, uint8_t *out, size_t len)
{
    uint8_t data[BASE64_BYTES];
    size_t chars = strlen(text);
    if (chars >= BASE64_BYTES || st_unbase64(text, chars, data) != len)
        return false;
    memcpy(out, data, len);
    return true;
}

static bool line_base64(lines *from, const char *name, uint8_t *out, size_t len, bool *out_there)
{
    char *text = line_of(from, name);
    if (text == NULL)
        return false;
    *out_there = strcmp(text, "-") != 0;
    return !*out_there || get_base64(text, out, len);
}

static bool line_hlc(lines *from, st_hlc *out)
{
    char *text = line_of(from, "hlc");
    uint64_t ms = 0, count = 0;
    if (text == NULL || !get_number(&text, &ms) || *text++ != '.' || !get_number(&text, &count))
        return false;
    *out = ms << 16 | (count & 0xffffu);
    return *text == '\0';
}

static bool line_seen(lines *from, st_leaf *leaf)
{
    char *text = line_of(from, "seen");
    if (text == NULL || !get_number(&text, &leaf->seen_size) || *text++ != ' ')
        return false;
    return strcmp(text, "-") == 0 || get_base64(text, leaf->seen_root.b, 32);
}

static bool line_bucket(lines *from, st_bucket *out)
{
    char *text = line_of(from, "bucket");
    if (text == NULL)
        return false;
    return strcmp(text, "-") == 0 || st_bucket_set(out, text, strlen(text));
}

static bool get_hold(char **text, st_hold *out)
{
    size_t len = strcspn(*text, ",");
    for (size_t i = 1; i < ST_HOLD_COUNT; i++) {
        const char *name = st_hold_name((st_hold)i);
        if (strlen(name) == len && strncmp(*text, name, len) == 0) {
            *out = (st_hold)i;
            *text += len;
            return true;
        }
    }
    return false;
}

/* "5:frozen,6:waits" or "5,6". */
static bool get_list(lines *from, char *text, st_leaf *leaf, bool held)
{
    size_t count = 1;
    for (const char *at = text; *at != '\0'; at++)
        count += *at == ',' ? 1 : 0;
    if (count > NUMBERS_MAX)
        return false;
    st_held *holds = st_arena_array(from->arena, held ? count : 0, sizeof *holds);
    uint64_t *counters = st_arena_array(from->arena, held ? 0 : count, sizeof *counters);
    from->no_memory = holds == NULL || counters == NULL;
    if (from->no_memory)
        return false;
    for (size_t i = 0; i < count; i++) {
        uint64_t counter = 0;
        st_hold reason = ST_HOLD_NONE;
        if ((i > 0 && *text++ != ',') || !get_number(&text, &counter))
            return false;
        if (held && (*text++ != ':' || !get_hold(&text, &reason)))
            return false;
        if (held)
            holds[i] = (st_held){ counter, reason };
        else
            counters[i] = counter;
    }
    leaf->held = holds;
    leaf->held_count = held ? (uint32_t)count : 0;
    leaf->counters = counters;
    leaf->counters_count = held ? 0 : (uint32_t)count;
    return *text == '\0';
}

static bool line_verdict(lines *from, st_leaf *leaf)
{
    static const char *const WORDS[] = { "-", "stored", "held", "released", "accepted",
                                         "declined" };
    char *text = line_of(from, "verdict");
    if (text == NULL)
        return false;
    char *blank = strchr(text, ' ');
    if (blank != NULL)
        *blank = '\0';
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        if (strcmp(text, WORDS[i]) == 0)
            leaf->verdict = WORDS[i];
    }
    if (leaf->verdict == NULL)
        return false;
    return blank == NULL || get_list(from, blank + 1, leaf, strcmp(leaf->verdict, "held") == 0);
}

static bool read_lines(lines *from, st_leaf *leaf)
{
    bool there = false;
    char *text = memchr(from->at, '\n', (size_t)(from->end - from->at));
    if (text == NULL)
        return false;
    *text = '\0';
    if (strcmp(from->at, "sotay-audit/v1") != 0)
        return false;
    from->at = text + 1;
    text = line_of(from, "kind");
    if (text == NULL || !st_entry_kind_parse(text, &leaf->kind) || !line_time(from, &leaf->time_ms)
        || !line_id(from, "actor", &leaf->actor, &there)
        || !line_id(from, "dev", &leaf->device, &there)
        || !line_number(from, "first", &leaf->first) || !line_number(from, "last", &leaf->last)
        || !line_base64(from, "prev", leaf->prev.b, 32, &leaf->has_prev)
        || !line_hlc(from, &leaf->hlc) || !line_seen(from, leaf)
        || !line_bucket(from, &leaf->bucket)
        || !line_id(from, "carrier", &leaf->carrier, &leaf->has_carrier)
        || !line_verdict(from, leaf))
        return false;
    text = line_of(from, "via");
    if (text == NULL)
        return false;
    leaf->via = strcmp(text, st_via_name(ST_VIA_OPERATOR)) == 0 ? ST_VIA_OPERATOR : ST_VIA_DEVICE;
    return line_base64(from, "commit", leaf->commit.b, 32, &leaf->has_commit)
        && line_base64(from, "dsig", leaf->dsig, sizeof leaf->dsig, &there)
        && from->at == from->end;
}

st_err st_leaf_decode(const uint8_t *bytes, size_t len, st_arena *arena, st_leaf *out_leaf,
                      st_error *error)
{
    assert((bytes != NULL || len == 0) && arena != NULL && out_leaf != NULL);
    st_leaf leaf = { .kind = ST_ENTRY_NONE };
    st_buffer again;
    if (len == 0 || len > ST_LEAF_BYTES_MAX)
        return st_fail(error, ST_E_CORRUPT, "leaf: %zu bytes", len);
    char *copy = (char *)st_arena_copy(arena, bytes, len);
    if (copy == NULL)
        return st_fail(error, ST_E_MEMORY, "leaf: no memory");
    lines from = { copy, copy + len, arena, false };
    if (!read_lines(&from, &leaf))
        return from.no_memory ? st_fail(error, ST_E_MEMORY, "leaf: no memory")
                              : st_fail(error, ST_E_CORRUPT, "leaf: not the lines of a log entry");
    st_buffer_init(&again, ST_LEAF_BYTES_MAX + 1);
    st_err err = st_leaf_encode(&leaf, &again, error);
    if (err != ST_E_MEMORY && (err != ST_OK || again.len != len
                               || memcmp(again.data, bytes, len) != 0))
        err = st_fail(error, ST_E_CORRUPT, "leaf: not the one spelling of its entry");
    st_buffer_free(&again);
    if (err == ST_OK)
        *out_leaf = leaf;
    return err;
}

static bool is_same_hash(const st_hash *a, const st_hash *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

static bool is_same_chain(const st_leaf *leaf, const st_set *set)
{
    const st_hlc hlc = set->changes_count > 0 ? set->changes[set->changes_count - 1].hlc : 0;
    return leaf->first == set->first && leaf->last == st_set_last(set)
        && leaf->has_prev == set->has_prev
        && (!set->has_prev || is_same_hash(&leaf->prev, &set->prev)) && leaf->hlc == hlc;
}

static bool is_same_sight(const st_leaf *leaf, const st_set *set)
{
    return leaf->seen_size == set->seen_size
        && (set->seen_size == 0 || is_same_hash(&leaf->seen_root, &set->seen_root));
}

/* The set names him, or he is the person of its device: of the office's own that is nobody. */
static bool is_same_author(const st_leaf *leaf, const st_set *set, const st_id *person)
{
    if (set->has_actor)
        return st_id_cmp(&leaf->actor, &set->actor) == 0;
    if (set->via == ST_VIA_OPERATOR)
        return st_id_is_zero(&leaf->actor);
    return st_id_is_zero(person) || st_id_cmp(&leaf->actor, person) == 0;
}

bool st_leaf_is_of(const st_leaf *leaf, const st_set *set, const st_id *person)
{
    assert(leaf != NULL && set != NULL && person != NULL);
    return leaf->has_commit && st_id_cmp(&leaf->device, &set->device) == 0
        && is_same_author(leaf, set, person)
        && is_same_chain(leaf, set) && is_same_sight(leaf, set) && leaf->via == set->via
        && strcmp(leaf->bucket.s, set->bucket.s) == 0 && is_same_hash(&leaf->commit, &set->hash)
        && memcmp(leaf->dsig, set->signature, sizeof leaf->dsig) == 0;
}

st_hash st_leaf_hash(const void *leaf, size_t len)
{
    assert(leaf != NULL || len == 0);
    static const uint8_t PREFIX[1] = { 0 };
    st_sha256_state state;
    st_sha256_init(&state);
    st_sha256_update(&state, PREFIX, 1);
    st_sha256_update(&state, leaf, len);
    return st_sha256_final(&state);
}
