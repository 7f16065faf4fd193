/* server/auth/rights.c - what a person may read and write, by revision.
 * Promises: every state of a person's rights stays readable by the log index since when it held, so
 * that a late set is judged by what its author knew. Assignment decides, never a clock. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/auth/fold.h"
#include "server/store/pack.h"

#define BIT(role) (1u << (unsigned)(role))
/* Who reads all units, the council's bucket, the office's own. */
#define ALL_UNITS (BIT(ST_ROLE_OFFICE) | BIT(ST_ROLE_OFFICE_HEAD) | BIT(ST_ROLE_COUNCIL_CHAIR) \
                   | BIT(ST_ROLE_DECIDER))
#define COUNCIL (ALL_UNITS | BIT(ST_ROLE_AUDITOR))
#define REVIEW (BIT(ST_ROLE_OFFICE) | BIT(ST_ROLE_OFFICE_HEAD) | BIT(ST_ROLE_AUDITOR))
#define UNITS_MAX 4096u
#define WORK_BYTES_MAX (4u * 1024u * 1024u)

/* Kind of a row of `assign` beside the numbers of the form's list: an auditor's scope. */
enum { TARGET_SCOPE = 9 };

typedef struct {
    st_code *codes;
    size_t count, capacity;
    st_arena *arena;
    const char *match;         /* while collecting by class or area */
    bool is_class, failed;
    uint64_t newest, limit;    /* units that came later than limit are left out */
} unit_list;

static void list_add(unit_list *list, const st_code *code)
{
    if (list->count >= UNITS_MAX) {
        list->failed = true;
        return;
    }
    st_code *grown = list->codes;
    if (list->count == list->capacity)
        grown = st_arena_grow(list->arena, list->codes, list->count, &list->capacity,
                              sizeof *grown);
    if (grown == NULL) {
        list->failed = true;
        return;
    }
    list->codes = grown;
    list->codes[list->count++] = *code;
}

static int by_code(const void *a, const void *b)
{
    return strcmp(((const st_code *)a)->s, ((const st_code *)b)->s);
}

static void list_sort(unit_list *list)
{
    size_t kept = 0;
    if (list->count == 0)
        return;
    qsort(list->codes, list->count, sizeof *list->codes, by_code);
    for (size_t i = 0; i < list->count; i++)
        if (kept == 0 || by_code(&list->codes[kept - 1], &list->codes[i]) != 0)
            list->codes[kept++] = list->codes[i];
    list->count = kept;
}

static bool add_matching(void *context, const catalogue_unit *unit)
{
    unit_list *list = context;
    char area[ST_CODE_BYTES_MAX + 3];
    (void)snprintf(area, sizeof area, ",%s,", list->match);
    if (list->is_class ? strcmp(unit->class_id, list->match) == 0
                       : strstr(unit->areas, area) != NULL)
        list_add(list, &unit->id);
    return !list->failed;
}

typedef struct {
    unit_list *list;
    size_t sorted;             /* so many of its codes are in order, the others are new */
} predecessor_walk;

/* A unit that went into one of those sorted so far, and is none of them. */
static bool add_predecessor(void *context, const catalogue_unit *unit)
{
    predecessor_walk *walk = context;
    const char *at = unit->successors;
    st_code successor;
    bool is_there = bsearch(&unit->id, walk->list->codes, walk->sorted, sizeof unit->id, by_code)
                    != NULL;
    while (!is_there && at[0] == ',' && at[1] != '\0') {
        size_t len = strcspn(at + 1, ",");
        if (st_code_set(&successor, at + 1, len)
            && bsearch(&successor, walk->list->codes, walk->sorted, sizeof successor, by_code)
                   != NULL) {
            list_add(walk->list, &unit->id);
            break;
        }
        at += 1 + len;
    }
    return !walk->list->failed;
}

static bool add_any(void *context, const catalogue_unit *unit)
{
    unit_list *list = context;
    if (unit->since <= list->limit) {
        list_add(list, &unit->id);
        if (unit->since > list->newest)
            list->newest = unit->since;
    }
    return !list->failed;
}

/* ---- rows ---- */

static st_err decode_rights(uint64_t rev, store_slice row, st_arena *arena, auth_rights *out,
                            bool *out_all, st_error *error)
{
    auth_rights rights;
    memset(&rights, 0, sizeof rights);
    rights.rev = rev;
    pack_reader reader = pack_read(row);
    rights.roles = (uint32_t)pack_get_u64(&reader);
    *out_all = pack_get_u8(&reader) != 0;
    uint64_t count = pack_get_u64(&reader);
    if (count > UNITS_MAX)
        return st_fail(error, ST_E_CORRUPT, "store: a row of rights is damaged");
    st_code *codes = st_arena_array(arena, (size_t)count, sizeof *codes);
    if (codes == NULL)
        return st_fail(error, ST_E_MEMORY, "rights: out of memory");
    for (uint64_t i = 0; i < count; i++)
        pack_get_text(&reader, codes[i].s, sizeof codes[i].s);
    rights.units = codes;
    rights.units_count = (uint32_t)count;
    st_err err = pack_end(&reader, "rights", error);
    if (err == ST_OK)
        *out = rights;
    return err;
}

static st_err encode_rights(const unit_list *list, uint32_t roles, bool all, st_buffer *row)
{
    st_err err = pack_put_u64(row, roles);
    if (err == ST_OK)
        err = pack_put_u8(row, all ? 1 : 0);
    if (err == ST_OK)
        err = pack_put_u64(row, list->count);
    for (size_t i = 0; err == ST_OK && i < list->count; i++)
        err = pack_put_string(row, list->codes[i].s, strlen(list->codes[i].s));
    return err;
}

/* The row that held at rev; is_valid says whether there is one. */
static st_err seek_rights(store_cursor *cursor, const st_id *person, uint64_t rev,
                          st_error *error)
{
    pack_key key = pack_id(person);
    pack_key_u64(&key, rev);
    st_err err = store_seek(cursor, pack_key_slice(&key), error);
    if (err == ST_OK && cursor->is_valid && cursor->key.len == key.len
        && memcmp(cursor->key.data, key.data, key.len) == 0)
        return ST_OK;
    if (err == ST_OK)
        err = store_seek_before(cursor, pack_key_slice(&key), error);
    if (err == ST_OK && !store_has_prefix(cursor, store_bytes(person->b, sizeof person->b)))
        cursor->is_valid = false;
    return err;
}

st_err auth_rights_get(store_txn *txn, const st_id *person, uint64_t rev, st_arena *arena,
                       auth_rights *out_rights, st_error *error)
{
    auth_rights rights;
    bool all = false;
    store_cursor cursor = { 0 };
    memset(&rights, 0, sizeof rights);
    st_err err = store_cursor_open(txn, STORE_RIGHTS, &cursor, error);
    if (err == ST_OK)
        err = seek_rights(&cursor, person, rev, error);
    if (err == ST_OK && cursor.is_valid) {
        const uint8_t *key = cursor.key.data;
        err = cursor.key.len == 24
                  ? decode_rights(st_get_u64(key + 16), cursor.value, arena, &rights, &all, error)
                  : st_fail(error, ST_E_CORRUPT, "store: a key of rights is damaged");
    }
    store_cursor_close(&cursor);
    if (err == ST_OK && all) {
        unit_list list = { 0 };
        list.arena = arena;
        list.limit = rev;
        err = catalogue_unit_each(txn, add_any, &list, error);
        if (err == ST_OK && list.failed)
            err = st_fail(error, ST_E_MEMORY, "rights: out of memory");
        rights.units = list.codes;
        rights.units_count = (uint32_t)list.count;
        if (list.newest > rights.rev)
            rights.rev = list.newest;
    }
    if (err == ST_OK)
        *out_rights = rights;
    return err;
}

st_err auth_rights_next(store_txn *txn, const st_id *person, uint64_t *rev, st_error *error)
{
    store_cursor cursor = { 0 };
    pack_key key = pack_id(person);
    pack_key_u64(&key, *rev + 1);
    st_err err = store_cursor_open(txn, STORE_RIGHTS, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, pack_key_slice(&key), error);
    bool found = err == ST_OK && store_has_prefix(&cursor, store_bytes(person->b, 16))
                 && cursor.key.len == 24;
    if (found)
        *rev = st_get_u64((const uint8_t *)cursor.key.data + 16);
    store_cursor_close(&cursor);
    return err == ST_OK && !found ? ST_E_NOT_FOUND : err;
}

bool auth_rights_has_bucket(const auth_rights *rights, const st_bucket *bucket)
{
    const char *part = strchr(bucket->s, '/');
    if (part == NULL || rights->roles == 0)
        return false;
    if (strcmp(part, "/catalogue") == 0)
        return true;
    if (strcmp(part, "/council") == 0)
        return (rights->roles & COUNCIL) != 0;
    if (strcmp(part, "/review") == 0)
        return (rights->roles & REVIEW) != 0;
    if (strncmp(part, "/unit/", 6) != 0)
        return false;
    st_code unit;
    if (rights->units_count == 0 || !st_code_set(&unit, part + 6, strlen(part + 6)))
        return false;
    return bsearch(&unit, rights->units, rights->units_count, sizeof unit, by_code) != NULL;
}

static void add_bucket(st_bucket *buckets, uint32_t *count, const char *commune, const char *rest)
{
    int len = snprintf(buckets[*count].s, sizeof buckets[*count].s, "%s/%s", commune, rest);
    if (len > 0 && (size_t)len < sizeof buckets[*count].s)
        (*count)++;
}

st_err auth_scope(store_txn *txn, const auth_scope_ask *ask, st_arena *arena,
                  st_scope *out_scope, st_error *error)
{
    auth_rights rights;
    const char *commune = ask->commune;
    st_err err = auth_rights_get(txn, ask->person, ask->rev, arena, &rights, error);
    if (err != ST_OK)
        return err;
    st_bucket *buckets = st_arena_array(arena, rights.units_count + 3u, sizeof *buckets);
    st_role *roles = st_arena_array(arena, ST_ROLE_COUNT, sizeof *roles);
    if (buckets == NULL || roles == NULL)
        return st_fail(error, ST_E_MEMORY, "scope: out of memory");
    st_scope scope = { rights.rev, buckets, 0, roles, 0 };
    if (rights.roles != 0)
        add_bucket(buckets, &scope.buckets_count, commune, "catalogue");
    if ((rights.roles & COUNCIL) != 0)
        add_bucket(buckets, &scope.buckets_count, commune, "council");
    if ((rights.roles & REVIEW) != 0)
        add_bucket(buckets, &scope.buckets_count, commune, "review");
    for (uint32_t i = 0; rights.roles != 0 && i < rights.units_count; i++) {
        char part[ST_CODE_BYTES_MAX + 6];
        (void)snprintf(part, sizeof part, "unit/%s", rights.units[i].s);
        add_bucket(buckets, &scope.buckets_count, commune, part);
    }
    for (int role = 1; role < ST_ROLE_COUNT; role++)
        if ((rights.roles & BIT(role)) != 0)
            roles[scope.roles_count++] = (st_role)role;
    *out_scope = scope;
    return ST_OK;
}

/* ---- folding ---- */

/* One row of assign: what it adds. Rows of a scope count for an auditor only. */
static st_err collect_one(store_txn *txn, store_slice row, unit_list *list, bool *out_scoped,
                          st_error *error)
{
    st_code code;
    pack_reader reader = pack_read(row);
    uint8_t target = pack_get_u8(&reader);
    pack_get_text(&reader, code.s, sizeof code.s);
    st_err err = pack_end(&reader, "assign", error);
    if (err != ST_OK)
        return err;
    if (target == AUTH_TARGET_UNIT || target == TARGET_SCOPE) {
        list_add(list, &code);
        *out_scoped = *out_scoped || target == TARGET_SCOPE;
        return ST_OK;
    }
    if (target != AUTH_TARGET_AREA && target != AUTH_TARGET_CLASS)
        return ST_OK;                          /* by content: resolved with the plans, later */
    list->match = code.s;
    list->is_class = target == AUTH_TARGET_CLASS;
    return catalogue_unit_each(txn, add_matching, list, error);
}

/* What was filed under a unit that went into another is read by whoever has the other: through any
 * number of steps; each pass finds one more, or is the last. */
static st_err collect_predecessors(store_txn *txn, unit_list *list, st_error *error)
{
    predecessor_walk walk = { list, 0 };
    st_err err = ST_OK;
    list_sort(list);
    while (err == ST_OK && !list->failed && walk.sorted < list->count) {
        walk.sorted = list->count;
        err = catalogue_unit_each(txn, add_predecessor, &walk, error);
        list_sort(list);
    }
    return err;
}

static st_err collect(store_txn *txn, const st_id *person, unit_list *list, bool *out_scoped,
                      st_error *error)
{
    store_cursor cursor = { 0 };
    store_slice prefix = store_bytes(person->b, sizeof person->b);
    st_err err = store_cursor_open(txn, STORE_ASSIGN, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, prefix, error);
    while (err == ST_OK && store_has_prefix(&cursor, prefix)) {
        err = collect_one(txn, cursor.value, list, out_scoped, error);
        if (err == ST_OK)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    if (err == ST_OK)
        err = collect_predecessors(txn, list, error);
    if (err == ST_OK && list->failed)
        err = st_fail(error, ST_E_MEMORY, "rights: too many units");
    return err;
}

/* Is this what the newest row says already? */
static st_err is_same_row(store_txn *txn, const st_id *person, const st_buffer *row,
                          bool *out_same, st_error *error)
{
    store_cursor cursor = { 0 };
    st_err err = store_cursor_open(txn, STORE_RIGHTS, &cursor, error);
    if (err == ST_OK)
        err = seek_rights(&cursor, person, UINT64_MAX, error);
    if (err == ST_OK)
        *out_same = cursor.is_valid && cursor.value.len == row->len
                    && memcmp(cursor.value.data, row->data, row->len) == 0;
    store_cursor_close(&cursor);
    return err;
}

st_err auth_rights_fold(store_txn *txn, const st_id *person, uint64_t index, st_error *error)
{
    st_arena arena;
    st_buffer row;
    unit_list list = { 0 };
    auth_person who;
    bool scoped = false, same = false;
    memset(&who, 0, sizeof who);
    st_arena_init(&arena, WORK_BYTES_MAX);
    st_buffer_init(&row, WORK_BYTES_MAX);
    list.arena = &arena;
    st_err err = auth_person_get(txn, person, &who, error);
    if (err == ST_E_NOT_FOUND)
        err = ST_OK;                           /* the assignment came before the person */
    if (err == ST_OK)
        err = collect(txn, person, &list, &scoped, error);
    bool all = (who.roles & ALL_UNITS) != 0
               || ((who.roles & BIT(ST_ROLE_AUDITOR)) != 0 && !scoped);
    if (err == ST_OK)
        err = pack_done(encode_rights(&list, who.roles, all, &row), "rights", error);
    if (err == ST_OK)
        err = is_same_row(txn, person, &row, &same, error);
    if (err == ST_OK && !same) {
        pack_key key = pack_id(person);
        pack_key_u64(&key, index);
        err = store_put(txn, STORE_RIGHTS, pack_key_slice(&key), store_bytes(row.data, row.len),
                        error);
    }
    st_buffer_free(&row);
    st_arena_reset(&arena);
    return err;
}

static st_err put_assign(store_txn *txn, const pack_key *key, uint8_t target, const char *code,
                         st_error *error)
{
    st_buffer row;
    st_buffer_init(&row, 128);
    st_err err = pack_put_u8(&row, target);
    if (err == ST_OK)
        err = pack_put_string(&row, code, strlen(code));
    err = pack_done(err, "assignment", error);
    if (err == ST_OK)
        err = store_put(txn, STORE_ASSIGN, pack_key_slice(key), store_bytes(row.data, row.len),
                        error);
    st_buffer_free(&row);
    return err;
}

bool auth_assignment_read(const st_form *form, const st_record *record, auth_assignment *out)
{
    st_value who = catalogue_value(form, record, "person_id");
    st_value target = catalogue_value(form, record, "target");
    st_value active = catalogue_value(form, record, "active");
    memset(out, 0, sizeof *out);
    catalogue_text(form, record, "target_id", out->id.s, sizeof out->id.s);
    if (who.kind != ST_VALUE_ID || who.len != sizeof out->person.b || out->id.s[0] == '\0')
        return false;
    memcpy(out->person.b, who.data, sizeof out->person.b);
    out->target = target.kind == ST_VALUE_INT ? target.number : AUTH_TARGET_UNIT;
    out->is_active = !(active.kind == ST_VALUE_INT && active.number == 0) &&
                     !catalogue_is_withdrawn(record);
    return true;
}

st_err auth_assign_fold(store_txn *txn, const st_form *form, const st_record *record,
                        uint64_t index, st_error *error)
{
    auth_assignment said;
    if (!auth_assignment_read(form, record, &said))
        return ST_OK;
    bool holds = said.is_active && said.target > 0 && said.target < TARGET_SCOPE;
    pack_key key = pack_id(&said.person);
    pack_key_id(&key, &record->id);
    st_err err = holds ? put_assign(txn, &key, (uint8_t)said.target, said.id.s, error)
                       : store_delete(txn, STORE_ASSIGN, pack_key_slice(&key), error);
    return err == ST_OK ? auth_rights_fold(txn, &said.person, index, error) : err;
}

typedef struct {
    store_txn *txn;
    const st_id *person;
    uint64_t n;
    st_err err;
} scope_walk;

static bool add_scope(void *context, st_value element)
{
    scope_walk *walk = context;
    st_code code;
    if (element.kind != ST_VALUE_CODE
        || !st_code_set(&code, (const char *)element.data, element.len))
        return true;
    pack_key key = pack_id(walk->person);
    pack_key_u64(&key, walk->n++);
    walk->err = put_assign(walk->txn, &key, TARGET_SCOPE, code.s, NULL);
    return walk->err == ST_OK;
}

st_err auth_scope_fold(store_txn *txn, const st_form *form, const st_record *record,
                       st_error *error)
{
    scope_walk walk = { txn, &record->id, 0, ST_OK };
    store_slice row = { 0 };
    st_err err = ST_OK;
    for (uint64_t n = 0; err == ST_OK; n++) {  /* shorter keys than those of records */
        pack_key key = pack_id(&record->id);
        pack_key_u64(&key, n);
        err = store_get(txn, STORE_ASSIGN, pack_key_slice(&key), &row, error);
        if (err == ST_OK)
            err = store_delete(txn, STORE_ASSIGN, pack_key_slice(&key), error);
    }
    if (err != ST_E_NOT_FOUND)
        return err;
    catalogue_each_element(form, record, "scope_units", add_scope, &walk);
    return walk.err;
}

/* The next person after *person who has an assignment by class or area, or (all) any; false at the
 * end. */
static st_err next_spread(store_txn *txn, bool all, st_id *person, bool *out_found,
                          st_error *error)
{
    store_cursor cursor = { 0 };
    *out_found = false;
    st_err err = store_cursor_open(txn, STORE_ASSIGN, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, store_bytes(person->b, sizeof person->b), error);
    while (err == ST_OK && cursor.is_valid && !*out_found) {
        const uint8_t *key = cursor.key.data, *row = cursor.value.data;
        if (cursor.key.len > 16 && cursor.value.len > 0
            && (all || row[0] == AUTH_TARGET_AREA || row[0] == AUTH_TARGET_CLASS)
            && memcmp(key, person->b, 16) != 0) {
            memcpy(person->b, key, 16);
            *out_found = true;
        } else {
            err = store_next(&cursor, error);
        }
    }
    store_cursor_close(&cursor);
    return err;
}

st_err auth_unit_fold(store_txn *txn, bool moves, uint64_t index, st_error *error)
{
    st_id person;
    bool found = true;
    st_err err = ST_OK;
    memset(&person, 0, sizeof person);
    while (err == ST_OK && found) {
        err = next_spread(txn, moves, &person, &found, error);
        if (err == ST_OK && found)
            err = auth_rights_fold(txn, &person, index, error);
    }
    return err;
}

st_err auth_fold(store_txn *txn, const st_form *form, const st_record *record, uint64_t index,
                 st_error *error)
{
    st_err err = ST_OK;
    if (strcmp(form->name, CATALOGUE_PERSON) == 0) {
        err = auth_person_fold(txn, form, record, error);
        if (err == ST_OK)
            err = auth_scope_fold(txn, form, record, error);
        if (err == ST_OK)
            err = auth_rights_fold(txn, &record->id, index, error);
    } else if (strcmp(form->name, CATALOGUE_DEVICE) == 0) {
        err = auth_device_fold(txn, form, record, error);
    } else if (strcmp(form->name, CATALOGUE_ASSIGNMENT) == 0) {
        err = auth_assign_fold(txn, form, record, index, error);
    } else if (strcmp(form->name, CATALOGUE_UNIT) == 0) {
        bool moves = false;
        err = catalogue_unit_fold(txn, form, record, index, &moves, error);
        if (err == ST_OK)
            err = auth_unit_fold(txn, moves, index, error);
    }
    return err;
}
