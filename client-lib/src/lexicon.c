/* client-lib/src/lexicon.c - forms and names, derived from catalogue records.
 * Promises: what it answers is what the base of the catalogue says; a definition that cannot be
 * read is as if it were not there.
 * Never: knows a form by heart - a new field or criterion needs no new program. */
#include "client-lib/src/lexicon.h"

#include <stdio.h>
#include <string.h>

#include "client-lib/src/epoch_row.h"
#include "client-lib/src/overlay.h"
#include "client-lib/src/slip.h"
#include "proto/merge.h"
#include "proto/view.h"

#define DEVICE_BYTES    48u /* person, signing key, where it is known */
#define LABEL_BYTES_MAX 4096u
#define KIND_YEAR       "period/days" /* no form is called so */
#define YEAR_BYTES      16u           /* first and last day */

static book_key form_key(const char *name, uint32_t version)
{
    book_key key = book_key_text(BOOK_FORM, name);
    uint8_t number[5] = { 0 };
    st_put_u32(number + 1, version);
    book_key_bytes(&key, number, sizeof number);
    return key;
}

static book_key name_key(const char *kind, const void *code, size_t len)
{
    book_key key = book_key_text(BOOK_NAME, kind);
    book_key_bytes(&key, "", 1);
    book_key_bytes(&key, code, len);
    return key;
}

/* One that does not open is remembered, for whoever cannot go on without it. */
static st_err get_row(sotay_client *client, const book_key *key, st_arena *arena,
                      book_value *out_value, st_error *error)
{
    st_err err = book_get(&client->book, key, arena, out_value, error);
    client->met_damage = client->met_damage || book_is_damage(&client->book, err);
    return err;
}

/* The key of the newest version. */
static st_err newest_key(sotay_client *client, const char *name, book_key *out_key, st_error *error)
{
    book_key end = form_key(name, UINT32_MAX);
    return book_before(&client->book, &end, end.len - 4, out_key, error);
}

static st_err remember_form(sotay_client *client, const st_form *form, st_error *error)
{
    client_form *forms = client->forms;
    if (client->forms_count == client->forms_capacity)
        forms = st_arena_grow(&client->forms_arena, forms, client->forms_count,
                              &client->forms_capacity, sizeof *forms);
    if (forms == NULL)
        return st_fail(error, ST_E_MEMORY, "forms: no memory");
    client->forms = forms;
    client_form entry = { form->name, form->version, form };
    forms[client->forms_count++] = entry;
    return ST_OK;
}

st_err lexicon_form(sotay_client *client, const char *name, uint32_t version,
                    const st_form **out_form, st_error *error)
{
    if (strlen(name) == 0 || strlen(name) > ST_CODE_BYTES_MAX)
        return ST_E_NOT_FOUND;
    book_key key = form_key(name, version);
    if (version == 0) {
        st_err err = newest_key(client, name, &key, error);
        if (err != ST_OK)
            return err;
        version = st_get_u32(key.b + key.len - 4);
    }
    for (size_t i = 0; i < client->forms_count; i++) {
        if (client->forms[i].version == version && strcmp(client->forms[i].name, name) == 0) {
            *out_form = client->forms[i].form;
            return ST_OK;
        }
    }
    book_value value = { NULL, 0 };
    const st_form *form = NULL;
    st_err err = get_row(client, &key, &client->forms_arena, &value, error);
    if (err == ST_OK)
        err = st_form_decode(value.data, value.len, &client->forms_arena, &form, error);
    if (err == ST_OK)
        err = remember_form(client, form, error);
    if (err == ST_OK)
        *out_form = form;
    return err;
}

st_err lexicon_learn_form(sotay_client *client, const st_record *record, st_error *error)
{
    const st_value *definition = NULL;
    for (size_t i = 0; i < record->lives_count; i++)
        if (record->lives[i].op.value.kind == ST_VALUE_BYTES)
            definition = &record->lives[i].op.value;
    if (definition == NULL)
        return ST_OK;
    st_arena arena;
    st_arena_init(&arena, CLIENT_FORMS_BYTES_MAX);
    const st_form *form = NULL;
    st_err err = st_form_decode(definition->data, definition->len, &arena, &form, error);
    if (err == ST_OK) {
        book_key key = form_key(form->name, form->version);
        err = book_put(&client->book, &key, definition->data, definition->len, error);
    } else if (err != ST_E_MEMORY) {
        err = ST_OK; /* of a newer program: its records wait until this one is renewed */
    }
    st_arena_reset(&arena);
    return err;
}

const st_live *lexicon_shown(const st_form *form, const st_record *record, const char *name,
                             const st_field **out_field)
{
    const st_field *field = st_form_field(form, name);
    if (field == NULL)
        return NULL;
    st_path path;
    memset(&path, 0, sizeof path);
    path.kind = ST_PATH_FIELD;
    path.field = field->no;
    size_t at = st_view_shown(record, st_record_path(record, &path));
    if (at == SIZE_MAX)
        return NULL;
    *out_field = field;
    return &record->lives[at];
}

/* A record of the catalogue whose names are learned. */
typedef struct {
    const st_form *form;
    const st_record *record;
    st_arena *arena;
    st_err err; /* ST_E_MEMORY: what was answered is not what the record says */
} naming;

/* The shown value of a field as text for machines, in the arena; "" when there is none. */
static const char *value_of(naming *n, const char *name)
{
    const st_field *field = NULL;
    const st_live *live = lexicon_shown(n->form, n->record, name, &field);
    if (live == NULL || live->op.value.kind == ST_VALUE_NULL)
        return "";
    st_buffer text;
    st_buffer_init(&text, ST_VALUE_BYTES_MAX * 2);
    const char *copy = "";
    st_err err = st_value_text(field, &live->op.value, &text, NULL);
    if (err == ST_OK)
        copy = (const char *)st_arena_copy(n->arena, text.data, text.len);
    st_buffer_free(&text);
    if (err == ST_E_MEMORY || copy == NULL)
        n->err = ST_E_MEMORY;
    return copy == NULL ? "" : copy;
}

/* The first of these fields that holds something. */
static const char *first_of(naming *n, const char *const names[])
{
    for (size_t i = 0; names[i] != NULL; i++) {
        const char *text = value_of(n, names[i]);
        if (text[0] != '\0')
            return text;
    }
    return "";
}

static st_err put_name(sotay_client *client, const book_key *key, const char *vi, const char *en,
                       st_error *error)
{
    st_buffer out;
    st_buffer_init(&out, LABEL_BYTES_MAX * 2);
    slip_writer slip = { &out, ST_OK };
    slip_text(&slip, vi);
    slip_text(&slip, en);
    st_err err = slip.err != ST_OK ? st_fail(error, slip.err, "names: one is too long")
                                   : book_put(&client->book, key, out.data, out.len, error);
    st_buffer_free(&out);
    return err;
}

static st_err no_memory(st_error *error)
{
    return st_fail(error, ST_E_MEMORY, "names: no memory");
}

static st_err learn_person(sotay_client *client, naming *n, st_error *error)
{
    const st_field *field = NULL;
    const st_live *live = lexicon_shown(n->form, n->record, "person_id", &field);
    const char *login = value_of(n, "login");
    const char *name = value_of(n, "full_name");
    const uint8_t *id = n->record->id.b;
    if (n->err != ST_OK)
        return no_memory(error);
    if (live != NULL && live->op.value.kind == ST_VALUE_ID && live->op.value.len == 16)
        id = live->op.value.data;
    book_key key = name_key("person", id, 16);
    return login[0] == '\0' ? ST_OK : put_name(client, &key, login, name, error);
}

/* The record that the name of a device was learned from, which stands behind the rest; rows of
 * older programs do not say it. */
static bool learned_from(const book_value *row, st_id *out_record)
{
    const bool says = row->len == 16 + sizeof out_record->b ||
                      row->len == DEVICE_BYTES + sizeof out_record->b;
    if (says)
        memcpy(out_record->b, row->data + row->len - sizeof out_record->b, sizeof out_record->b);
    return says;
}

/* The entry that made the record; one that is not made yet comes behind all. */
static uint64_t came_at(const st_record *record)
{
    return record->created ? record->metas[record->creator].log_index : UINT64_MAX;
}

/* Two lives of the book may each have made a record of the device (docs/protocol.md 7.9): as in the
 * book the first counts, also where the other one is read behind it. *out_stays: what was learned
 * of another record is to stay, since that is here and came before this one. */
static st_err is_learned(sotay_client *client, const book_key *key, const st_record *record,
                         bool has_key, bool *out_stays, st_error *error)
{
    st_arena arena;
    st_record first;
    st_id id;
    book_value row = { NULL, 0 };
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    *out_stays = false;
    st_err err = book_get(&client->book, key, &arena, &row, error);
    bool may = err == ST_OK && learned_from(&row, &id) && st_id_cmp(&id, &record->id) != 0 &&
               (row.len >= DEVICE_BYTES || !has_key);
    if (may)
        err = overlay_base_get(client, &id, &arena, &first, error);
    if (may && err == ST_OK)
        *out_stays = came_at(&first) < came_at(record);
    st_arena_reset(&arena);
    return err == ST_E_NOT_FOUND || book_is_damage(&client->book, err) ? ST_OK : err;
}

/* Is it the device of this store, and does who gave it its key say whose it is? The person may be
 * another record than at the enrolment: a book that was put back has made him anew. */
static bool is_ours(const sotay_client *client, const st_live *device, const st_live *person,
                    const st_live *sign_key, const st_record *record)
{
    const st_id *says = &record->metas[person->meta].dot.device;
    const st_id *gave = &record->metas[sign_key->meta].dot.device;
    const st_id *own = &client->next.device;
    return client->next.is_enrolled && st_id_cmp(says, gave) == 0 &&
           memcmp(device->op.value.data, own->b, sizeof own->b) == 0;
}

static st_err learn_device(sotay_client *client, const st_form *form, const st_record *record,
                           st_error *error)
{
    const st_field *field = NULL;
    const st_live *device = lexicon_shown(form, record, "device_id", &field);
    const st_live *person = lexicon_shown(form, record, "person_id", &field);
    const st_live *sign_key = lexicon_shown(form, record, "sign_key", &field);
    uint8_t value[DEVICE_BYTES + sizeof record->id.b];
    size_t len = 16;
    if (device == NULL || person == NULL || device->op.value.len != 16 ||
        person->op.value.len != 16)
        return ST_OK;
    memcpy(value, person->op.value.data, 16);
    /* keys are what the server's own device says, nobody else */
    bool servers = false, stays = false;
    st_err err = sign_key == NULL ? ST_OK
                                  : epoch_is_servers(client,
                                                     &record->metas[sign_key->meta].dot.device,
                                                     &servers, error);
    if (err != ST_OK)
        return err;
    if (servers && sign_key->op.value.len == 32) {
        memcpy(value + len, sign_key->op.value.data, 32);
        len = DEVICE_BYTES;
    }
    book_key key = name_key("device", device->op.value.data, 16);
    err = is_learned(client, &key, record, len == DEVICE_BYTES, &stays, error);
    memcpy(value + len, record->id.b, sizeof record->id.b);
    if (err != ST_OK || stays)
        return err;
    if (len == DEVICE_BYTES && is_ours(client, device, person, sign_key, record))
        memcpy(client->next.person.b, person->op.value.data, sizeof client->next.person.b);
    return book_put(&client->book, &key, value, len + sizeof record->id.b, error);
}

static st_err learn_label(sotay_client *client, naming *n, st_error *error)
{
    static const char *const VI[] = { "label_vi", "name_vi", "title_vi", "label", NULL };
    static const char *const EN[] = { "label_en", "gloss_en", "name_en", "title_en", NULL };
    char id_field[ST_CODE_BYTES_MAX + 8];
    (void)snprintf(id_field, sizeof id_field, "%s_id", n->form->name);
    const char *code = value_of(n, id_field);
    const char *vi = first_of(n, VI);
    const char *en = first_of(n, EN);
    if (n->err != ST_OK)
        return no_memory(error);
    if (code[0] == '\0' || strlen(code) > ST_CODE_BYTES_MAX)
        return ST_OK;
    book_key key = name_key(n->form->name, code, strlen(code));
    return put_name(client, &key, vi, en, error);
}

/* Its days, when the period is a year of the movement and not withdrawn. */
static st_err year_of(naming *n, bool *out_is_year, st_days *out_days, st_error *error)
{
    const st_field *field = NULL;
    const st_live *from = lexicon_shown(n->form, n->record, "from", &field);
    const st_live *to = lexicon_shown(n->form, n->record, "to", &field);
    bool is_year = strcmp(value_of(n, "kind"), "year") == 0 && from != NULL && to != NULL &&
                   from->op.value.kind == ST_VALUE_INT && to->op.value.kind == ST_VALUE_INT;
    st_acts_view acts;
    st_err err = n->err != ST_OK ? no_memory(error)
                                 : st_view_acts(n->record, n->arena, &acts, error);
    if (err != ST_OK)
        return err;
    for (size_t i = 0; i < acts.acts_count; i++)
        is_year = is_year && n->record->metas[acts.acts[i]].act != ST_ACT_WITHDRAW;
    *out_is_year = is_year;
    if (is_year)
        *out_days = (st_days){ from->op.value.number, to->op.value.number };
    return ST_OK;
}

static st_err learn_period(sotay_client *client, naming *n, st_error *error)
{
    book_key key = name_key(KIND_YEAR, n->record->id.b, 16);
    st_days days = { 0, 0 };
    bool is_year = false;
    st_err err = year_of(n, &is_year, &days, error);
    if (err != ST_OK)
        return err;
    if (!is_year)
        return book_delete(&client->book, &key, error);
    uint8_t value[YEAR_BYTES];
    st_put_u64(value, (uint64_t)days.from);
    st_put_u64(value + 8, (uint64_t)days.to);
    return book_put(&client->book, &key, value, sizeof value, error);
}

st_err lexicon_years(sotay_client *client, st_arena *arena, const st_days **out_years,
                     size_t *out_count, st_error *error)
{
    book_key prefix = name_key(KIND_YEAR, "", 0);
    book_scan scan = book_scan_of(&prefix);
    st_days *years = NULL;
    size_t count = 0, capacity = 0;
    book_value value;
    st_err err = ST_OK;
    while ((err = book_scan_next(&client->book, &scan, arena, &value, error)) == ST_OK) {
        st_days *longer = st_arena_grow(arena, years, count, &capacity, sizeof *years);
        if (longer == NULL)
            return no_memory(error);
        years = longer;
        if (value.len == YEAR_BYTES)
            years[count++] = (st_days){ (int64_t)st_get_u64(value.data),
                                        (int64_t)st_get_u64(value.data + 8) };
    }
    *out_years = years;
    *out_count = count;
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err lexicon_learn_names(sotay_client *client, const st_form *form, const st_record *record,
                           st_error *error)
{
    st_arena arena;
    st_arena_init(&arena, 1024 * 1024);
    naming n = { form, record, &arena, ST_OK };
    st_err err = ST_OK;
    if (strcmp(form->name, "person") == 0)
        err = learn_person(client, &n, error);
    else if (strcmp(form->name, "device") == 0)
        err = learn_device(client, form, record, error);
    else
        err = learn_label(client, &n, error);
    if (err == ST_OK && strcmp(form->name, "period") == 0)
        err = learn_period(client, &n, error);
    st_arena_reset(&arena);
    return err;
}

st_err lexicon_learn(sotay_client *client, const st_record *record, st_error *error)
{
    const st_form *form = NULL;
    st_err err = lexicon_form(client, record->form.s, record->form_version, &form, error);
    if (err == ST_E_NOT_FOUND || err == ST_E_CORRUPT)
        return ST_OK;
    return err == ST_OK && form->home == ST_HOME_CATALOGUE
               ? lexicon_learn_names(client, form, record, error)
               : err;
}

st_err lexicon_has(sotay_client *client, const char *kind, const char *code, bool *out_has,
                   st_error *error)
{
    size_t len = strlen(code);
    *out_has = false;
    if (len == 0 || len > ST_CODE_BYTES_MAX)
        return ST_OK;
    book_key key = name_key(kind, code, len);
    return book_has(&client->book, &key, out_has, error);
}

st_err lexicon_any(sotay_client *client, const char *kind, st_code *out_code, unsigned *out_count,
                   st_error *error)
{
    book_key prefix = name_key(kind, "", 0);
    book_scan scan = book_scan_of(&prefix);
    st_err err = ST_OK;
    *out_count = 0;
    while (err == ST_OK && *out_count < 2) {
        err = book_scan_next(&client->book, &scan, NULL, NULL, error);
        if (err == ST_OK && *out_count == 0)
            (void)st_code_set(out_code, (const char *)scan.at.b + prefix.len,
                              scan.at.len - prefix.len); /* as lexicon_learn_names wrote it */
        *out_count += err == ST_OK ? 1 : 0;
    }
    return err == ST_E_NOT_FOUND ? ST_OK : err;
}

st_err lexicon_person(sotay_client *client, const st_id *device, st_id *out_person, st_error *error)
{
    st_arena arena;
    st_arena_init(&arena, 4096);
    book_key key = name_key("device", device->b, 16);
    book_value value = { NULL, 0 };
    st_err err = get_row(client, &key, &arena, &value, error);
    if (err == ST_OK && value.len < sizeof out_person->b)
        err = st_fail(error, ST_E_CORRUPT, "store: whose a device is, is damaged");
    if (err == ST_OK)
        memcpy(out_person->b, value.data, sizeof out_person->b);
    st_arena_reset(&arena);
    return err;
}

st_err lexicon_device_key(sotay_client *client, const st_id *device, uint8_t out_key[32],
                          st_error *error)
{
    st_arena arena;
    st_arena_init(&arena, 4096);
    book_key key = name_key("device", device->b, 16);
    book_value value = { NULL, 0 };
    st_err err = get_row(client, &key, &arena, &value, error);
    if (err == ST_OK && value.len >= DEVICE_BYTES)
        memcpy(out_key, value.data + 16, 32);
    else if (err == ST_OK)
        err = ST_E_NOT_FOUND;
    st_arena_reset(&arena);
    return err;
}

/* Label number `which` (0 vi or login, 1 en or full name) of a name; NULL when there is none. */
static const char *label(lexicon_directory *names, const book_key *key, int which)
{
    book_value value = { NULL, 0 };
    st_err err = book_get(&names->client->book, key, names->arena, &value, NULL);
    unread_add(&names->unread, err);
    if (err != ST_OK)
        return NULL;
    slip_reader slip = { value.data, value.len, 0, false };
    size_t vi_len = 0, en_len = 0;
    const uint8_t *vi = slip_get_blob(&slip, &vi_len);
    const uint8_t *en = slip_get_blob(&slip, &en_len);
    if (slip.bad) {
        unread_add(&names->unread, ST_E_CORRUPT);
        return NULL;
    }
    bool take_en = which == 1 && en_len > 0;
    size_t len = take_en ? en_len : vi_len;
    if (len == 0)
        return NULL;
    const uint8_t *copy = st_arena_copy(names->arena, take_en ? en : vi, len);
    if (copy == NULL)
        unread_add(&names->unread, ST_E_MEMORY);
    return (const char *)copy;
}

static const char *directory_login(void *context, const st_id *person)
{
    lexicon_directory *names = context;
    book_key key = name_key("person", person->b, 16);
    return label(names, &key, 0);
}

static const char *directory_label(void *context, const char *keys, const char *code)
{
    lexicon_directory *names = context;
    if (keys == NULL || strlen(keys) > ST_CODE_BYTES_MAX || strlen(code) > ST_CODE_BYTES_MAX)
        return NULL;
    book_key key = name_key(keys, code, strlen(code));
    return label(names, &key, strcmp(names->client->lang, "en") == 0 ? 1 : 0);
}

static const char *directory_unit(void *context, const char *unit_id)
{
    return directory_label(context, "unit", unit_id);
}

void lexicon_directory_init(lexicon_directory *names, sotay_client *client, st_arena *arena)
{
    names->client = client;
    names->arena = arena;
    memset(&names->unread, 0, sizeof names->unread);
    names->directory.context = names;
    names->directory.login = directory_login;
    names->directory.unit_name = directory_unit;
    names->directory.key_label = directory_label;
}
