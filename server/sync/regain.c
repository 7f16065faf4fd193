/* server/sync/regain.c - devices that only another branch of the server's own device enrolled.
 * Promises: what such a device wrote, and was told that it is kept, can be taken in again; nobody
 * has a right by it before the office has looked: the device is suspended, its person has no role.
 * Brought twice, nothing is written twice. Must never touch a device or a person that this book
 * knows. */
#include "server/sync/regain.h"

#include <string.h>

#include "proto/changeset.h"
#include "proto/merge.h"
#include "server/sync/enrol.h"
#include "server/sync/lifted.h"
#include "server/sync/read.h"
#include "server/sync/row.h"
#include "server/sync/sets.h"

#define WORK_BYTES_MAX ((size_t)64 * 1024 * 1024) /* a set, decoded, and a record of it */
#define STATUS_ACTIVE  1

static const char WHY[] = "Sổ bị đưa về bản cũ, máy này đăng ký sau bản đó: xem máy có bị thu hồi"
                          " không (`held`, `audit list acts`), xem lại các thay đổi đang chờ, rồi"
                          " mở lại máy.";

/* ---- what the other branch made ---- */

/* The record as this change alone makes it. */
static st_err read_made(const st_set *set, const st_change *change, st_arena *arena,
                        st_record *out_record, st_error *error)
{
    const st_fold_how how = { ST_FOLD_APPLY, true };
    const st_arrival what = { .via = set->via };
    st_vector vector;
    st_vector_init(&vector, arena);
    st_record_init(out_record, arena, &change->record, &set->bucket);
    st_err err = st_merge_fold(&vector, out_record, change, &what, how);
    return err == ST_OK ? ST_OK : st_fail(error, err, "regain: out of memory");
}

static bool makes(const st_change *change, const char *form)
{
    return change->creates && !change->unknown && strcmp(change->form.s, form) == 0;
}

static bool copy_bytes(st_value value, st_value_kind kind, uint8_t *out, size_t len)
{
    if (value.kind != kind || value.len != len)
        return false;
    memcpy(out, value.data, len);
    return true;
}

/* ---- the person ---- */

typedef struct {
    writer_turn *turn;
    const st_form *form;       /* of a person */
    const st_id *id;
    st_code login;             /* "": not found */
    char name[321];
    st_err err;
    st_error *error;
} person_search;

static st_err read_person(person_search *search, const st_set *set, st_arena *arena)
{
    st_record record;
    st_err err = ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < set->changes_count; i++) {
        const st_change *change = &set->changes[i];
        if (!makes(change, CATALOGUE_PERSON) || st_id_cmp(&change->record, search->id) != 0)
            continue;
        err = read_made(set, change, arena, &record, search->error);
        if (err != ST_OK)
            break;
        catalogue_text(search->form, &record, "login", search->login.s, sizeof search->login.s);
        catalogue_text(search->form, &record, "full_name", search->name, sizeof search->name);
    }
    return err;
}

/* The set of an entry that is of another branch of a device of the server's; else one without
 * changes. What was destroyed in it is not in it. */
static st_err read_fork(writer_turn *turn, uint64_t index, st_arena *arena, st_set *out_set,
                        st_error *error)
{
    sync_row row;
    auth_device device;
    memset(out_set, 0, sizeof *out_set);
    st_err err = sync_row_get(turn->txn, index, arena, &row, error);
    if (err == ST_OK)
        err = auth_device_get(turn->txn, turn->room->keys, &row.device, &device, error);
    if (err != ST_OK || row.kind != ST_ENTRY_FORK || !device.is_server)
        return err == ST_E_NOT_FOUND ? ST_OK : err;
    err = st_set_decode_kept(row.set.data, row.set.len, arena, out_set, error);
    if (err != ST_OK)
        memset(out_set, 0, sizeof *out_set);
    return err == ST_E_MEMORY ? err : ST_OK;   /* what cannot be read enrols nobody */
}

static bool look_in_fork(void *context, uint64_t index)
{
    person_search *search = context;
    st_set set;
    st_arena arena;
    st_arena_init(&arena, WORK_BYTES_MAX);
    search->err = read_fork(search->turn, index, &arena, &set, search->error);
    if (search->err == ST_OK)
        search->err = read_person(search, &set, &arena);
    st_arena_reset(&arena);
    return search->err == ST_OK && search->login.s[0] == '\0';
}

static st_err add_person(writer_turn *turn, const person_search *found, st_id *out_id,
                         st_error *error)
{
    static const uint8_t ITSELF[16];
    st_op ops[SYNC_EDIT_FIELDS_MAX];
    sync_edit edit = { .form = found->form, .ops = ops };
    sync_edit_put(&edit, "person_id",
                  (st_value){ .kind = ST_VALUE_ID, .data = ITSELF, .len = sizeof ITSELF });
    sync_edit_put(&edit, "login",
                  (st_value){ .kind = ST_VALUE_CODE, .data = (const uint8_t *)found->login.s,
                              .len = (uint32_t)strlen(found->login.s) });
    if (found->name[0] != '\0')
        sync_edit_put(&edit, "full_name",
                      (st_value){ .kind = ST_VALUE_TEXT, .data = (const uint8_t *)found->name,
                                  .len = (uint32_t)strlen(found->name) });
    sync_edit_put(&edit, "active", (st_value){ .kind = ST_VALUE_INT, .number = 1 });
    return sync_author_one(turn, found->form, &edit, out_id, error);
}

/* Who that is here: the same record; or who has the login that the branch gave him; or a new
 * record. ST_E_NOT_FOUND: what made him has not come. */
static st_err find_person(writer_turn *turn, st_id *person, st_error *error)
{
    auth_person known;
    person_search search = { .turn = turn, .id = person, .error = error,
                             .form = catalogue_newest(turn->room->catalogue, CATALOGUE_PERSON) };
    st_err err = auth_person_get(turn->txn, person, &known, error);
    if (err != ST_E_NOT_FOUND || search.form == NULL)
        return err;
    err = sets_each_fork(turn->txn, look_in_fork, &search, error);
    if (err == ST_OK)
        err = search.err;
    if (err == ST_OK && search.login.s[0] == '\0')
        err = ST_E_NOT_FOUND;
    if (err != ST_OK)
        return err;
    err = auth_person_by_login(turn->txn, search.login.s, &known, error);
    if (err == ST_E_NOT_FOUND)
        return add_person(turn, &search, person, error);
    *person = known.id;
    return err;
}

/* ---- the device ---- */

/* A set that came back. */
typedef struct {
    writer_turn *turn;
    const st_form *form;       /* of a device */
    const st_set *set;
    bool is_forked;
} comeback;

/* Keys and person; false: no device is made, or an erasure took them out. */
static bool read_wish(const comeback *back, const st_record *made, st_enrol_ask *ask,
                      st_id *out_person)
{
    const st_value sign = catalogue_value(back->form, made, "sign_key"),
                   cosign = catalogue_value(back->form, made, "cosign_key"),
                   person = catalogue_value(back->form, made, "person_id");
    return copy_bytes(sign, ST_VALUE_HASH, ask->sign_key, sizeof ask->sign_key)
           && copy_bytes(cosign, ST_VALUE_HASH, ask->cosign_key, sizeof ask->cosign_key)
           && copy_bytes(person, ST_VALUE_ID, out_person->b, sizeof out_person->b);
}

static st_err enrol(const comeback *back, const st_record *made, sync_enrol_wish *wish,
                    st_enrol_ask *ask, st_error *error)
{
    char letters[9];
    st_err err = find_person(back->turn, &wish->person, error);
    if (err != ST_OK)
        return err == ST_E_NOT_FOUND ? ST_OK : err;
    catalogue_text(back->form, made, "label", ask->label, sizeof ask->label);
    catalogue_text(back->form, made, "letters", letters, sizeof letters);
    wish->letters = letters;
    wish->enrolled_ms = catalogue_value(back->form, made, "enrolled_at").number;
    return sync_enrol_device(back->turn, wish, error);
}

/* One that the book knows by another record was regained once before, in a life that is lost too:
 * what that one said of it, then or later, is of that record. */
static st_err look_at_made(const comeback *back, const st_record *made, st_error *error)
{
    st_enrol_ask ask = { .version = 1 };
    auth_device known;
    sync_enrol_wish wish = { .ask = &ask, .note = WHY, .is_suspended = true };
    if (!read_wish(back, made, &ask, &wish.person))
        return ST_OK;
    const st_id id = st_device_id(ask.sign_key);
    st_err err = auth_device_get(back->turn->txn, back->turn->room->keys, &id, &known, error);
    if (err == ST_E_NOT_FOUND && back->is_forked)
        return enrol(back, made, &wish, &ask, error);
    if (err == ST_OK && !back->is_forked && known.status == AUTH_ACTIVE
        && st_id_cmp(&known.record, &made->id) != 0)
        return sync_suspend_again(back->turn, &known.record, WHY, error);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

/* Says of a device that it is not in use. */
static bool closes(const comeback *back, const st_change *change)
{
    const st_field *status = st_form_field(back->form, "status");
    for (uint32_t i = 0; status != NULL && i < change->ops_count; i++)
        if (change->ops[i].path.kind == ST_PATH_FIELD && change->ops[i].path.field == status->no
            && change->ops[i].value.number != STATUS_ACTIVE)
            return true;
    return false;
}

/* Of a branch the change alone: nothing of it is in the book. */
static st_err look_at(const comeback *back, const st_change *change, st_error *error)
{
    st_record made;
    st_arena arena;
    if (!makes(change, CATALOGUE_DEVICE) && (back->is_forked || !closes(back, change)))
        return ST_OK;
    st_arena_init(&arena, WORK_BYTES_MAX);
    st_err err = back->is_forked ? read_made(back->set, change, &arena, &made, error)
                                 : sync_record_get(back->turn->txn, &change->record, &arena, &made,
                                                   NULL, error);
    if (err == ST_OK)
        err = look_at_made(back, &made, error);
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

static bool is_fork(const st_verdict *verdict)
{
    return verdict->held_count > 0 && verdict->held[0].reason == ST_HOLD_FORK;
}

/* A fork that is known, too: what made the person may have come behind it. */
st_err sync_regain(writer_turn *turn, const sync_item *item, st_error *error)
{
    st_set set;
    st_arena arena;
    const comeback back = { turn, catalogue_newest(turn->room->catalogue, CATALOGUE_DEVICE),
                            is_fork(&item->verdict) ? &set : &item->set,
                            is_fork(&item->verdict) };
    bool is_new = item->verdict.kind == ST_VERDICT_STORED;
    if (back.form == NULL || !sync_came_back(turn, item) || (!back.is_forked && !is_new))
        return ST_OK;
    st_arena_init(&arena, WORK_BYTES_MAX);
    st_err err = back.is_forked
                     ? read_fork(turn, item->verdict.position, &arena, &set, error)
                     : ST_OK;
    for (uint32_t i = 0; err == ST_OK && i < back.set->changes_count; i++)
        err = look_at(&back, &back.set->changes[i], error);
    st_arena_reset(&arena);
    return err;
}
