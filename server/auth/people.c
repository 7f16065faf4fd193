/* server/auth/people.c - people and their logins, as the person records say.
 * Promises: a login belongs to the first person who got it. Passwords and keys are not kept. */
#include <string.h>

#include "server/auth/fold.h"
#include "server/store/pack.h"

static st_err decode_person(const st_id *id, store_slice row, auth_person *out, st_error *error)
{
    auth_person person;
    memset(&person, 0, sizeof person);
    person.id = *id;
    pack_reader reader = pack_read(row);
    person.is_active = pack_get_u8(&reader) != 0;
    person.roles = (uint32_t)pack_get_u64(&reader);
    pack_get_text(&reader, person.login.s, sizeof person.login.s);
    pack_get_text(&reader, person.name, sizeof person.name);
    st_err err = pack_end(&reader, "person", error);
    if (err == ST_OK)
        *out = person;
    return err;
}

st_err auth_person_get(store_txn *txn, const st_id *id, auth_person *out_person, st_error *error)
{
    pack_key key = pack_id(id);
    store_slice row = { 0 };
    st_err err = store_get(txn, STORE_PERSON, pack_key_slice(&key), &row, error);
    return err == ST_OK ? decode_person(id, row, out_person, error) : err;
}

st_err auth_person_by_login(store_txn *txn, const char *login, auth_person *out_person,
                            st_error *error)
{
    if (login[0] == '\0' || strlen(login) > ST_CODE_BYTES_MAX)
        return ST_E_NOT_FOUND;
    pack_key key = pack_text(login);
    store_slice row = { 0 };
    st_id id;
    st_err err = store_get(txn, STORE_LOGIN, pack_key_slice(&key), &row, error);
    if (err != ST_OK)
        return err;
    if (row.len != sizeof id.b)
        return st_fail(error, ST_E_CORRUPT, "store: a row of login is damaged");
    memcpy(id.b, row.data, sizeof id.b);
    return auth_person_get(txn, &id, out_person, error);
}

st_err auth_person_each(store_txn *txn, bool (*each)(void *context, const auth_person *person),
                        void *context, st_error *error)
{
    store_cursor cursor = { 0 };
    auth_person person;
    bool more = true;
    st_err err = store_cursor_open(txn, STORE_LOGIN, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, store_text(""), error);
    while (err == ST_OK && more && cursor.is_valid) {
        st_id id;
        if (cursor.value.len != sizeof id.b) {
            err = st_fail(error, ST_E_CORRUPT, "store: a row of login is damaged");
            break;
        }
        memcpy(id.b, cursor.value.data, sizeof id.b);
        err = auth_person_get(txn, &id, &person, error);
        if (err == ST_OK)
            more = each(context, &person);
        if (err == ST_OK && more)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    return err;
}

static bool add_role(void *context, st_value element)
{
    uint32_t *roles = context;
    if (element.kind == ST_VALUE_INT && element.number > 0 && element.number < ST_ROLE_COUNT)
        *roles |= 1u << (unsigned)element.number;
    return true;
}

/* Takes the login unless another person has it. */
static st_err take_login(store_txn *txn, const auth_person *person, bool *out_mine,
                         st_error *error)
{
    pack_key key = pack_text(person->login.s);
    store_slice row = { 0 };
    st_err err = store_get(txn, STORE_LOGIN, pack_key_slice(&key), &row, error);
    *out_mine = err == ST_E_NOT_FOUND
                || (err == ST_OK && row.len == sizeof person->id.b
                    && memcmp(row.data, person->id.b, row.len) == 0);
    if (err == ST_E_NOT_FOUND)
        err = store_put(txn, STORE_LOGIN, pack_key_slice(&key),
                        store_bytes(person->id.b, sizeof person->id.b), error);
    return err;
}

st_err auth_person_fold(store_txn *txn, const st_form *form, const st_record *record,
                        st_error *error)
{
    auth_person person;
    bool mine = false;
    memset(&person, 0, sizeof person);
    person.id = record->id;
    catalogue_text(form, record, "login", person.login.s, sizeof person.login.s);
    catalogue_text(form, record, "full_name", person.name, sizeof person.name);
    st_value active = catalogue_value(form, record, "active");
    person.is_active = !(active.kind == ST_VALUE_INT && active.number == 0)
                       && !catalogue_is_withdrawn(record);
    if (person.is_active)
        catalogue_each_element(form, record, "roles", add_role, &person.roles);
    if (person.login.s[0] == '\0')
        return ST_OK;
    st_err err = take_login(txn, &person, &mine, error);
    if (err != ST_OK || !mine)
        return err;
    st_buffer row;
    st_buffer_init(&row, 1024);
    pack_key key = pack_id(&person.id);
    err = pack_put_u8(&row, person.is_active ? 1 : 0);
    if (err == ST_OK)
        err = pack_put_u64(&row, person.roles);
    if (err == ST_OK)
        err = pack_put_string(&row, person.login.s, strlen(person.login.s));
    if (err == ST_OK)
        err = pack_put_string(&row, person.name, strlen(person.name));
    err = pack_done(err, "person", error);
    if (err == ST_OK)
        err = store_put(txn, STORE_PERSON, pack_key_slice(&key), store_bytes(row.data, row.len),
                        error);
    st_buffer_free(&row);
    return err;
}
