/* client-lib/src/peer.c - reads off the catalogue who another phone is.
 * Promises: what is not said there is not granted.
 * Never: believes the other phone about its own rights. */
#include "client-lib/src/peer.h"

#include <string.h>

#include "client-lib/src/bucket.h"

#define STATUS_ACTIVE 1

/* What an assignment names; numbers of the list assignment_target of the form. */
typedef enum { TARGET_UNIT = 1, TARGET_AREA = 2, TARGET_CLASS = 3 } peer_target;

/* A unit is of an area or a class, or (TARGET_UNIT) went into another unit. */
typedef struct {
    peer_target kind;
    st_code unit, into;
} peer_step;

/* All units of an area or a class are assigned. */
typedef struct {
    peer_target kind;
    st_code code;
} peer_spread;

typedef struct {
    sotay_client *client;
    st_arena *arena;
    peer *out;
    peer_step *steps;
    size_t steps_count, steps_capacity;
    peer_spread *spreads;
    size_t spreads_count, spreads_capacity;
    bool has_device;       /* the record of the device was read: */
    uint64_t device_index; /*   its entry; of two of one key the first counts, as in the book */
    bool is_device_out;    /*   it says that it is not in use */
    bool is_out;           /* that of its person does */
    bool is_unread; /* a record does not open, or not all of it is here: any may be that one */
} looking;

static bool says_id(const st_form *form, const st_record *record, const char *name, const st_id *id)
{
    const st_field *field = NULL;
    const st_live *live = lexicon_shown(form, record, name, &field);
    return live != NULL && live->op.value.kind == ST_VALUE_ID &&
           live->op.value.len == sizeof id->b &&
           memcmp(live->op.value.data, id->b, sizeof id->b) == 0;
}

/* The number that is shown; `absent` where there is none. */
static int64_t number_of(const st_form *form, const st_record *record, const char *name,
                         int64_t absent)
{
    const st_field *field = NULL;
    const st_live *live = lexicon_shown(form, record, name, &field);
    return live != NULL && live->op.value.kind == ST_VALUE_INT ? live->op.value.number : absent;
}

static bool is_withdrawn(const st_record *record)
{
    for (size_t i = 0; i < record->metas_count; i++)
        if (record->metas[i].act == ST_ACT_WITHDRAW)
            return true; /* also one that was taken back: it goes sealed, that is all */
    return false;
}

/* Somebody without a role may carry, and reads nothing at all. */
static bool has_role(const st_form *form, const st_record *record)
{
    const st_field *roles = st_form_field(form, "roles");
    for (size_t i = 0; roles != NULL && i < record->lives_count; i++) {
        const st_op *op = &record->lives[i].op;
        if (op->path.kind == ST_PATH_FIELD && op->path.field == roles->no &&
            op->verb == ST_VERB_ADD)
            return true;
    }
    return roles == NULL;
}

static st_err push_unit(looking *l, const st_code *unit, st_error *error)
{
    peer *p = l->out;
    st_code *units = (st_code *)(uintptr_t)p->units;
    if (p->units_count == p->units_capacity)
        units = st_arena_grow(l->arena, units, p->units_count, &p->units_capacity, sizeof *units);
    if (units == NULL)
        return st_fail(error, ST_E_MEMORY, "carry: no memory");
    units[p->units_count++] = *unit;
    p->units = units;
    return ST_OK;
}

static st_err push_spread(looking *l, const peer_spread *spread, st_error *error)
{
    peer_spread *spreads = l->spreads;
    if (l->spreads_count == l->spreads_capacity)
        spreads = st_arena_grow(l->arena, spreads, l->spreads_count, &l->spreads_capacity,
                                sizeof *spreads);
    if (spreads == NULL)
        return st_fail(error, ST_E_MEMORY, "carry: no memory");
    l->spreads = spreads;
    spreads[l->spreads_count++] = *spread;
    return ST_OK;
}

static st_err add_assignment(looking *l, const st_form *form, const st_record *record,
                             st_error *error)
{
    const st_field *field = NULL;
    const st_live *live = lexicon_shown(form, record, "target_id", &field);
    int64_t target = number_of(form, record, "target", 0);
    peer_spread spread;
    if (live == NULL || number_of(form, record, "active", 1) == 0 || is_withdrawn(record) ||
        !st_code_set(&spread.code, (const char *)live->op.value.data, live->op.value.len))
        return ST_OK;
    if (target == TARGET_UNIT)
        return push_unit(l, &spread.code, error);
    if (target != TARGET_AREA && target != TARGET_CLASS)
        return ST_OK; /* by content: resolved with the plans */
    spread.kind = (peer_target)target;
    return push_spread(l, &spread, error);
}

static st_err push_step(looking *l, const peer_step *step, st_error *error)
{
    peer_step *steps = l->steps;
    if (l->steps_count == l->steps_capacity)
        steps = st_arena_grow(l->arena, steps, l->steps_count, &l->steps_capacity, sizeof *steps);
    if (steps == NULL)
        return st_fail(error, ST_E_MEMORY, "carry: no memory");
    l->steps = steps;
    steps[l->steps_count++] = *step;
    return ST_OK;
}

static bool read_code(const st_live *live, st_code *out)
{
    return live != NULL && live->op.value.kind == ST_VALUE_CODE &&
           st_code_set(out, (const char *)live->op.value.data, live->op.value.len);
}

/* A step for each code in the set of the unit's record. */
static st_err add_elements(looking *l, const st_record *record, const st_field *set,
                           peer_step *step, st_error *error)
{
    st_err err = ST_OK;
    if (set == NULL || set->cls != ST_CLASS_SET)
        return ST_OK;
    for (size_t i = 0; err == ST_OK && i < record->lives_count; i++) {
        const st_op *op = &record->lives[i].op;
        if (op->path.kind != ST_PATH_FIELD || op->path.field != set->no ||
            op->verb != ST_VERB_ADD)
            continue;
        st_value element = st_element_value(set, &op->path);
        if (element.kind == ST_VALUE_CODE &&
            st_code_set(&step->into, (const char *)element.data, element.len))
            err = push_step(l, step, error);
    }
    return err;
}

/* Which units the unit went into, and its class and areas. */
static st_err add_steps(looking *l, const st_form *form, const st_record *record, st_error *error)
{
    const st_field *field = NULL;
    peer_step step;
    if (!read_code(lexicon_shown(form, record, "unit_id", &field), &step.unit))
        return ST_OK;
    step.kind = TARGET_UNIT;
    st_err err = add_elements(l, record, st_form_field(form, "successor_ids"), &step, error);
    step.kind = TARGET_AREA;
    if (err == ST_OK)
        err = add_elements(l, record, st_form_field(form, "areas"), &step, error);
    step.kind = TARGET_CLASS;
    if (err == ST_OK && read_code(lexicon_shown(form, record, "class", &field), &step.into))
        err = push_step(l, &step, error);
    return err;
}

static bool has_unit(const peer *p, const char *unit)
{
    for (size_t i = 0; i < p->units_count; i++)
        if (strcmp(p->units[i].s, unit) == 0)
            return true;
    return false;
}

/* Whoever has an area or a class has every unit of it. */
static st_err add_spreads(looking *l, st_error *error)
{
    st_err err = ST_OK;
    for (size_t at = 0; err == ST_OK && at < l->spreads_count; at++) {
        const peer_spread *spread = &l->spreads[at];
        for (size_t i = 0; err == ST_OK && i < l->steps_count; i++)
            if (l->steps[i].kind == spread->kind &&
                strcmp(l->steps[i].into.s, spread->code.s) == 0 &&
                !has_unit(l->out, l->steps[i].unit.s))
                err = push_unit(l, &l->steps[i].unit, error);
    }
    return err;
}

/* Whoever has a unit reads what went into it, through any number of steps: units that are found on
 * the way are looked at in their turn. */
static st_err add_predecessors(looking *l, st_error *error)
{
    st_err err = ST_OK;
    for (size_t at = 0; err == ST_OK && at < l->out->units_count; at++)
        for (size_t i = 0; err == ST_OK && i < l->steps_count; i++)
            if (l->steps[i].kind == TARGET_UNIT &&
                strcmp(l->steps[i].into.s, l->out->units[at].s) == 0 &&
                !has_unit(l->out, l->steps[i].unit.s))
                err = push_unit(l, &l->steps[i].unit, error);
    return err;
}

static void look_at_device(looking *l, const st_form *form, const st_record *record)
{
    const uint64_t index = record->metas[record->creator].log_index;
    if (!says_id(form, record, "device_id", &l->out->device) ||
        (l->has_device && index >= l->device_index))
        return;
    l->has_device = true;
    l->device_index = index;
    l->is_device_out = number_of(form, record, "status", STATUS_ACTIVE) != STATUS_ACTIVE;
}

static void look_at_person(looking *l, const st_form *form, const st_record *record)
{
    peer *p = l->out;
    bool is_theirs = st_id_cmp(&record->id, &p->person) == 0 ||
                     says_id(form, record, "person_id", &p->person);
    if (is_theirs && (number_of(form, record, "active", 1) == 0 || is_withdrawn(record)))
        l->is_out = true;
    if (is_theirs && !has_role(form, record))
        p->reads_nothing = true;
}

/* One of the catalogue that was begun without its beginning: the rest is to come. */
static bool is_begun(const st_record *record)
{
    return !record->created && record->metas_count > 0 && bucket_is_catalogue(&record->bucket);
}

static st_err look_at(looking *l, const st_record *record, st_error *error)
{
    static const char *const FORMS[] = { "device", "person", "assignment", "unit" };
    const size_t forms = sizeof FORMS / sizeof FORMS[0];
    const st_form *form = NULL;
    size_t which = 0;
    while (which < forms && strcmp(record->form.s, FORMS[which]) != 0)
        which++;
    l->is_unread = l->is_unread || is_begun(record);
    if (!record->created || which == forms)
        return ST_OK;
    st_err err = lexicon_form(l->client, record->form.s, record->form_version, &form, error);
    if (err == ST_E_NOT_FOUND || err == ST_E_CORRUPT) {
        l->is_unread = l->is_unread || which < 2; /* the others only give */
        return ST_OK;
    }
    if (err != ST_OK)
        return err;
    if (which == 0)
        look_at_device(l, form, record);
    if (which == 1)
        look_at_person(l, form, record);
    if (which == 3)
        return add_steps(l, form, record, error);
    return which == 2 && says_id(form, record, "person_id", &l->out->person)
               ? add_assignment(l, form, record, error)
               : ST_OK;
}

static st_err look_at_all(looking *l, st_error *error)
{
    book_key prefix = book_key_of(BOOK_BASE);
    book_scan scan = book_scan_of(&prefix);
    book_db *book = &l->client->book;
    st_err err = ST_OK;
    while (err == ST_OK) {
        st_arena work;
        st_record record;
        book_value value = { NULL, 0 };
        st_arena_init(&work, CLIENT_WORK_BYTES_MAX);
        err = book_scan_next(book, &scan, &work, &value, error);
        if (err == ST_OK)
            err = st_record_decode(value.data, value.len, &work, &record, error);
        bool is_damaged = book_is_damage(book, err);
        l->is_unread = l->is_unread || is_damaged;
        if (err == ST_OK)
            err = look_at(l, &record, error);
        err = is_damaged ? ST_OK : err;
        st_arena_reset(&work);
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Was the catalogue read to its end since it was begun anew? Until then what it says of a device
 * may be of before it was revoked. */
static st_err is_whole(sotay_client *client, bool *out_is, st_error *error)
{
    bucket_state state;
    st_bucket catalogue;
    bucket_catalogue(client, &catalogue);
    st_err err = bucket_get(&client->book, &catalogue, &state, error);
    *out_is = err == ST_OK && state.is_whole;
    return err;
}

/* All was looked at. */
static st_err judge(looking *l, st_error *error)
{
    bool whole = false;
    st_err err = is_whole(l->client, &whole, error);
    if (err == ST_OK && !whole && !l->has_device)
        err = st_fail(error, ST_E_STATE,
                      "carry: the catalogue is being read anew here, and does not speak of the "
                      "other phone yet; the next sync goes on");
    l->out->is_known = l->has_device || l->is_unread;
    l->out->is_in_use = !l->is_device_out && !l->is_out && l->out->is_known;
    l->out->reads_nothing = l->out->reads_nothing || l->is_unread || !whole;
    return err;
}

st_err peer_load(sotay_client *client, const st_id *device, st_arena *arena, peer *out_peer,
                 st_error *error)
{
    peer p;
    looking l = { .client = client, .arena = arena, .out = &p };
    memset(&p, 0, sizeof p);
    p.device = *device;
    st_err err = lexicon_device_key(client, device, p.sign_key, error);
    if (err == ST_OK)
        err = lexicon_person(client, device, &p.person, error);
    if (err == ST_E_NOT_FOUND)
        return st_fail(error, err, "carry: the other phone is not in the book on this one yet");
    if (err == ST_OK)
        err = look_at_all(&l, error);
    if (err == ST_OK)
        err = judge(&l, error);
    if (err == ST_OK)
        err = add_spreads(&l, error);
    if (err == ST_OK)
        err = add_predecessors(&l, error);
    if (err == ST_OK)
        *out_peer = p;
    return err;
}

bool peer_may_read(const peer *p, const st_bucket *bucket)
{
    const char *part = strchr(bucket->s, '/');
    if (part == NULL || !p->is_in_use || p->reads_nothing)
        return false;
    if (bucket_is_catalogue(bucket))
        return true;
    if (strncmp(part, "/unit/", 6) != 0)
        return false;
    return has_unit(p, part + 6);
}
