/* server/auth/device.c - enrolled devices and what their last contact left.
 * Promises: a device's id follows from its signing key, whatever the record says; the first record
 * of a key counts. A revoked device stays listed for ever. */
#include <string.h>

#include "server/auth/fold.h"
#include "server/store/pack.h"

/* Numbers of the list `device_status` in the form "device". */
enum { STATUS_ACTIVE = 1, STATUS_SUSPENDED = 2, STATUS_REVOKED = 3, STATUS_WRITTEN_OFF = 4 };

static st_err decode_device(const st_id *id, store_slice row, auth_device *out, st_error *error)
{
    auth_device device;
    memset(&device, 0, sizeof device);
    device.id = *id;
    pack_reader reader = pack_read(row);
    pack_get(&reader, device.record.b, sizeof device.record.b);
    pack_get(&reader, device.person.b, sizeof device.person.b);
    pack_get(&reader, device.sign_key, sizeof device.sign_key);
    pack_get(&reader, device.cosign_key, sizeof device.cosign_key);
    uint8_t status = pack_get_u8(&reader);
    device.status = status > AUTH_REVOKED ? AUTH_REVOKED : (auth_status)status;
    device.enrolled_ms = (int64_t)pack_get_u64(&reader);
    device.revoked_ms = (int64_t)pack_get_u64(&reader);
    pack_get_text(&reader, device.label, sizeof device.label);
    pack_get_text(&reader, device.letters, sizeof device.letters);
    st_err err = pack_end(&reader, "device", error);
    if (err == ST_OK)
        *out = device;
    return err;
}

static st_err save_device(store_txn *txn, const auth_device *device, st_error *error)
{
    st_buffer row;
    st_buffer_init(&row, 1024);
    pack_key key = pack_id(&device->id);
    st_err err = pack_put(&row, device->record.b, sizeof device->record.b);
    if (err == ST_OK)
        err = pack_put(&row, device->person.b, sizeof device->person.b);
    if (err == ST_OK)
        err = pack_put(&row, device->sign_key, sizeof device->sign_key);
    if (err == ST_OK)
        err = pack_put(&row, device->cosign_key, sizeof device->cosign_key);
    if (err == ST_OK)
        err = pack_put_u8(&row, (uint8_t)device->status);
    if (err == ST_OK)
        err = pack_put_u64(&row, (uint64_t)device->enrolled_ms);
    if (err == ST_OK)
        err = pack_put_u64(&row, (uint64_t)device->revoked_ms);
    if (err == ST_OK)
        err = pack_put_string(&row, device->label, strlen(device->label));
    if (err == ST_OK)
        err = pack_put_string(&row, device->letters, strlen(device->letters));
    err = pack_done(err, "device", error);
    if (err == ST_OK)
        err = store_put(txn, STORE_DEVICE, pack_key_slice(&key), store_bytes(row.data, row.len),
                        error);
    st_buffer_free(&row);
    return err;
}

/* The key of the server's own device, if that is what `id` names. */
static const uint8_t *own_key(const auth_keys *keys, const st_id *id)
{
    if (st_id_cmp(id, &keys->device) == 0)
        return keys->device_public;
    unsigned count = atomic_load(&keys->former_count);
    for (unsigned i = 0; i < count; i++)
        if (st_id_cmp(id, &keys->former[i].device) == 0)
            return keys->former[i].sign_key;
    return NULL;
}

st_err auth_device_get(store_txn *txn, const auth_keys *keys, const st_id *id,
                       auth_device *out_device, st_error *error)
{
    const uint8_t *own = keys == NULL ? NULL : own_key(keys, id);
    if (own != NULL) {
        memset(out_device, 0, sizeof *out_device);
        out_device->id = *id;
        out_device->is_server = true;
        memcpy(out_device->sign_key, own, sizeof out_device->sign_key);
        return ST_OK;
    }
    pack_key key = pack_id(id);
    store_slice row = { 0 };
    st_err err = store_get(txn, STORE_DEVICE, pack_key_slice(&key), &row, error);
    return err == ST_OK ? decode_device(id, row, out_device, error) : err;
}

st_err auth_device_each(store_txn *txn, bool (*each)(void *context, const auth_device *device),
                        void *context, st_error *error)
{
    store_cursor cursor = { 0 };
    auth_device device;
    bool more = true;
    st_err err = store_cursor_open(txn, STORE_DEVICE, &cursor, error);
    if (err == ST_OK)
        err = store_seek(&cursor, store_text(""), error);
    while (err == ST_OK && more && cursor.is_valid) {
        st_id id;
        if (cursor.key.len != sizeof id.b) {
            err = st_fail(error, ST_E_CORRUPT, "store: a row of device is damaged");
            break;
        }
        memcpy(id.b, cursor.key.data, sizeof id.b);
        err = decode_device(&id, cursor.value, &device, error);
        if (err == ST_OK)
            more = each(context, &device);
        if (err == ST_OK && more)
            err = store_next(&cursor, error);
    }
    store_cursor_close(&cursor);
    return err;
}

/* Status, and when it became so, from the shown value of `status` and from a withdrawal. */
static void read_status(const st_form *form, const st_record *record, auth_device *device)
{
    st_value status = catalogue_value(form, record, "status");
    int64_t number = status.kind == ST_VALUE_INT ? status.number : STATUS_ACTIVE;
    if (catalogue_is_withdrawn(record))
        number = STATUS_REVOKED;
    device->status = number == STATUS_ACTIVE      ? AUTH_ACTIVE
                     : number == STATUS_SUSPENDED ? AUTH_SUSPENDED
                                                  : AUTH_REVOKED;
    const st_field *field = st_form_field(form, "status");
    if (device->status != AUTH_REVOKED || field == NULL)
        return;
    for (size_t i = 0; i < record->lives_count; i++)
        if (record->lives[i].op.path.kind == ST_PATH_FIELD
            && record->lives[i].op.path.field == field->no)
            device->revoked_ms = record->metas[record->lives[i].meta].wall_ms;
}

st_err auth_device_fold(store_txn *txn, const st_form *form, const st_record *record,
                        st_error *error)
{
    auth_device device, before;
    memset(&device, 0, sizeof device);
    st_value sign = catalogue_value(form, record, "sign_key");
    st_value cosign = catalogue_value(form, record, "cosign_key");
    st_value person = catalogue_value(form, record, "person_id");
    if (sign.kind != ST_VALUE_HASH || sign.len != sizeof device.sign_key
        || person.kind != ST_VALUE_ID || person.len != sizeof device.person.b)
        return ST_OK;
    memcpy(device.sign_key, sign.data, sizeof device.sign_key);
    memcpy(device.person.b, person.data, sizeof device.person.b);
    if (cosign.kind == ST_VALUE_HASH && cosign.len == sizeof device.cosign_key)
        memcpy(device.cosign_key, cosign.data, sizeof device.cosign_key);
    device.id = st_device_id(device.sign_key);
    device.record = record->id;
    st_err err = auth_device_get(txn, NULL, &device.id, &before, error);
    if (err == ST_OK && st_id_cmp(&before.record, &device.record) != 0)
        return ST_OK;
    if (err != ST_OK && err != ST_E_NOT_FOUND)
        return err;
    st_value enrolled = catalogue_value(form, record, "enrolled_at");
    device.enrolled_ms = enrolled.kind == ST_VALUE_INT ? enrolled.number : 0;
    catalogue_text(form, record, "label", device.label, sizeof device.label);
    catalogue_text(form, record, "letters", device.letters, sizeof device.letters);
    read_status(form, record, &device);
    return save_device(txn, &device, error);
}

st_err auth_contact_get(store_txn *txn, const st_id *device, auth_contact *out_contact,
                        st_error *error)
{
    auth_contact contact;
    memset(&contact, 0, sizeof contact);
    pack_key key = pack_id(device);
    store_slice row = { 0 };
    st_err err = store_get(txn, STORE_CONTACT, pack_key_slice(&key), &row, error);
    if (err == ST_OK) {
        pack_reader reader = pack_read(row);
        contact.last_sync_ms = (int64_t)pack_get_u64(&reader);
        contact.clock_offset_ms = (int64_t)pack_get_u64(&reader);
        contact.seen_size = pack_get_u64(&reader);
        pack_get(&reader, contact.install, sizeof contact.install);
        err = pack_end(&reader, "contact", error);
    }
    if (err == ST_OK || err == ST_E_NOT_FOUND) {
        *out_contact = contact;
        return ST_OK;
    }
    return err;
}

st_err auth_contact_put(store_txn *txn, const st_id *device, const auth_contact *contact,
                        st_error *error)
{
    uint8_t row[32];
    pack_key key = pack_id(device);
    st_put_u64(row, (uint64_t)contact->last_sync_ms);
    st_put_u64(row + 8, (uint64_t)contact->clock_offset_ms);
    st_put_u64(row + 16, contact->seen_size);
    memcpy(row + 24, contact->install, 8);
    return store_put(txn, STORE_CONTACT, pack_key_slice(&key), store_bytes(row, sizeof row),
                     error);
}
