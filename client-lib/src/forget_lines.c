/* client-lib/src/forget_lines.c
 * Promises: a set is opened once, however many lines it has in however many histories.
 * Never: takes a line of another bucket along; reads histories in which the bucket has nothing. */
#include "client-lib/src/forget.h"

#include <stdlib.h>
#include <string.h>

#include "client-lib/src/apply.h"

/* ---- all that came with some buckets ---- */

/* The kept sets of the buckets, ascending as their table is, and the records that they name. */
typedef struct {
    st_arena arena;
    st_dot *sets;
    size_t sets_count, sets_capacity;
    st_id *records;
    size_t records_count, records_capacity;
} naming;

static st_err no_memory(st_error *error)
{
    return st_fail(error, ST_E_MEMORY, "store: no memory");
}

static st_err add_record(naming *n, const st_id *id, st_error *error)
{
    if (n->records_count > 0 && st_id_cmp(&n->records[n->records_count - 1], id) == 0)
        return ST_OK;
    st_id *records = n->records;
    if (n->records_count == n->records_capacity)
        records = st_arena_grow(&n->arena, records, n->records_count, &n->records_capacity,
                                sizeof *records);
    if (records == NULL)
        return no_memory(error);
    n->records = records;
    n->records[n->records_count++] = *id;
    return ST_OK;
}

static st_err add_set(naming *n, const st_set *set, st_error *error)
{
    st_dot *sets = n->sets;
    st_err err = ST_OK;
    if (n->sets_count == n->sets_capacity)
        sets = st_arena_grow(&n->arena, sets, n->sets_count, &n->sets_capacity, sizeof *sets);
    if (sets == NULL)
        return no_memory(error);
    n->sets = sets;
    n->sets[n->sets_count++] = (st_dot){ set->device, set->first };
    for (uint32_t i = 0; err == ST_OK && i < set->changes_count; i++)
        err = add_record(n, &set->changes[i].record, error);
    return err;
}

/* One that does not open says nothing: no more do its lines. */
static st_err find_sets(naming *n, sotay_client *client, bucket_list list, st_error *error)
{
    book_key prefix = book_key_of(BOOK_SET);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_arena arena;
        st_set set;
        st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
        err = overlay_set_next(client, &scan, &arena, &set, error);
        if (err == ST_OK && bucket_among(list, &set.bucket) != NULL)
            err = add_set(n, &set, error);
        st_arena_reset(&arena);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static int compare_dots(const void *a, const void *b)
{
    return st_dot_cmp(a, b);
}

static int compare_ids(const void *a, const void *b)
{
    return st_id_cmp(a, b);
}

static st_err drop_lines(const naming *n, sotay_client *client, const st_id *record,
                         st_error *error)
{
    book_key prefix = book_key_id(BOOK_HIST, record);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_arena arena;
        apply_line line;
        st_arena_init(&arena, 4 * APPLY_LINE_BYTES_MAX);
        err = apply_line_next_whole(client, &scan, &arena, &line, error);
        const st_dot at = { line.device, line.first };
        if (err == ST_OK && bsearch(&at, n->sets, n->sets_count, sizeof at, compare_dots) != NULL)
            err = book_delete(&client->book, &scan.at, error);
        st_arena_reset(&arena);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err forget_lines_of(sotay_client *client, bucket_list list, st_error *error)
{
    naming n;
    memset(&n, 0, sizeof n);
    st_arena_init(&n.arena, CLIENT_WORK_BYTES_MAX);
    st_err err = find_sets(&n, client, list, error);
    if (n.records_count > 0)
        qsort(n.records, n.records_count, sizeof *n.records, compare_ids);
    for (size_t i = 0; err == ST_OK && i < n.records_count; i++)
        if (i == 0 || st_id_cmp(&n.records[i - 1], &n.records[i]) != 0)
            err = drop_lines(&n, client, &n.records[i], error);
    st_arena_reset(&n.arena);
    return err;
}

/* ---- of one record ---- */

/* Came the line with a set of the bucket? */
static st_err is_line_of(sotay_client *client, const apply_line *line, const st_bucket *bucket,
                         bool *out_is, st_error *error)
{
    st_arena arena;
    st_set set;
    const st_dot dot = { line->device, line->counter };
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_err err = overlay_set_get(client, &dot, line->first, &arena, &set, error);
    *out_is = err == ST_OK && strcmp(set.bucket.s, bucket->s) == 0;
    st_arena_reset(&arena);
    return err;
}

static st_err look_at(sotay_client *client, const book_key *key, const st_bucket *bucket,
                      bool *out_is, st_error *error)
{
    st_arena arena;
    apply_line line;
    book_value value = { NULL, 0 };
    st_arena_init(&arena, 4 * APPLY_LINE_BYTES_MAX);
    st_err err = book_get(&client->book, key, &arena, &value, error);
    if (err == ST_OK)
        err = apply_line_read(key, &value, &line, error);
    if (err == ST_OK)
        err = is_line_of(client, &line, bucket, out_is, error);
    st_arena_reset(&arena);
    return err;
}

st_err forget_lines(sotay_client *client, const st_id *record, const st_bucket *bucket,
                    bool is_damaged_too, st_error *error)
{
    book_key prefix = book_key_id(BOOK_HIST, record);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    while (err == ST_OK) {
        bool goes = false;
        err = book_scan_next(&client->book, &scan, NULL, NULL, error);
        if (err != ST_OK)
            break;
        err = look_at(client, &scan.at, bucket, &goes, error);
        bool is_lost = err == ST_E_VERSION || err == ST_E_CORRUPT;
        if (is_lost && client->book.failed == ST_OK) {
            goes = is_damaged_too;
            err = ST_OK;
        }
        if (err == ST_OK && goes)
            err = book_delete(&client->book, &scan.at, error);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}
