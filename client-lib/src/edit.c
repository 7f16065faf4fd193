/* client-lib/src/edit.c - from what a person wrote to operations.
 * Promises: a change replaces exactly what was shown; nothing is guessed - an unknown path, key or
 * item is refused with its name.
 * Never: writes anything (edit_save.c does). */
#include "client-lib/src/edit.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "client-lib/src/lease.h"
#include "client-lib/src/outside.h"
#include "proto/merge.h"
#include "proto/text.h"

#define LIST_BYTES_MAX 4096u

static st_err start(edit *e, sotay_client *client, st_error *error)
{
    memset(e, 0, sizeof *e);
    e->client = client;
    st_arena_init(&e->arena, CLIENT_WORK_BYTES_MAX);
    st_err err = client_need_enrolled(client, error);
    if (err == ST_OK && client->is_closed)
        err = st_fail(error, ST_E_BUSY, "store: something else is under way");
    return err == ST_OK ? client_begin(client, true, error) : err;
}

void edit_end(edit *e)
{
    client_abort(e->client);
    st_arena_reset(&e->arena);
}

/* The change that the next save writes. */
static void next_change(edit *e)
{
    st_change *change = &e->change;
    memset(change, 0, sizeof *change);
    change->dot.device = e->client->next.device;
    change->dot.counter = e->client->next.counter + 1;
    change->record = e->view.record.id;
}

static st_err fail_declined(const sotay_client *client, st_error *error)
{
    return st_fail(error, ST_E_STATE,
                   strcmp(client->lang, "vi") == 0
                       ? "văn phòng đã không nhận phiếu này (xem show): nội dung nào vẫn đúng thì"
                         " lập phiếu mới"
                       : "the office declined this record (see show): write what is still right in"
                         " a new one");
}

st_err edit_begin(edit *e, sotay_client *client, const sotay_id *record, st_error *error)
{
    st_err err = start(e, client, error);
    if (err != ST_OK)
        return err;
    st_id id;
    err = overlay_find(client, record, &id, error);
    if (err == ST_OK)
        err = overlay_load(client, &id, &e->arena, &e->view, error);
    if (err == ST_OK)
        err = outside_fold(client, &e->view, &e->arena, error);
    if (err == ST_OK && e->view.outside != ST_OUTSIDE_NONE)
        err = fail_declined(client, error);
    if (err == ST_OK && !e->view.record.created)
        err = st_fail(error, ST_E_NOT_FOUND, "record: only own work on it is left on this device");
    if (err == ST_OK && e->view.has_carried && !e->view.has_base && !e->view.has_own)
        err = st_fail(error, ST_E_STATE, "record: another phone brought it, to be read; it can be "
                                         "written once the server has sent it");
    if (err == ST_OK)
        err = overlay_need_form(&e->view, error);
    if (err == ST_OK) /* an edit replaces what was shown */
        err = lease_check(client, &e->view, error);
    if (err == ST_OK)
        err = bucket_get(&client->book, &e->view.record.bucket, &e->bucket, error);
    next_change(e);
    return err;
}

/* The bucket where records of the form live. */
static st_err home_bucket(edit *e, const st_form *form, const char *unit, st_bucket *out_bucket,
                          st_error *error)
{
    static const char *const HOMES[] = { "unit", "catalogue", "council", "review" };
    const char *commune = e->client->me.commune.s;
    bool has_unit = unit[0] != '\0' && strcmp(unit, "-") != 0;
    st_buffer name;
    st_buffer_init(&name, ST_BUCKET_BYTES_MAX);
    st_err err = ST_OK;
    if (form->home == ST_HOME_UNIT && has_unit)
        err = lexicon_has(e->client, "unit", unit, &has_unit, error);
    if (err == ST_OK && form->home == ST_HOME_UNIT && !has_unit)
        err = st_fail(error, ST_E_VALUE, "unit '%.40s': there is no such unit", unit);
    if (err == ST_OK)
        err = st_buffer_printf(&name, error, "%s/%s", commune, HOMES[form->home]);
    if (err == ST_OK && form->home == ST_HOME_UNIT)
        err = st_buffer_printf(&name, error, "/%s", unit);
    if (err == ST_OK && !st_bucket_set(out_bucket, (const char *)name.data, name.len))
        err = st_fail(error, ST_E_VALUE, "unit '%.40s': it cannot be the name of a unit", unit);
    st_buffer_free(&name);
    if (err == ST_OK)
        err = bucket_get(&e->client->book, out_bucket, &e->bucket, error);
    if (err == ST_OK && !e->bucket.in_scope)
        err = st_fail(error, ST_E_DENIED, "%s: it is not assigned to you", out_bucket->s);
    return err;
}

/* A first sync that was cut left the enrolment without its book. */
static st_err fail_no_form(sotay_client *client, const char *name, st_error *error)
{
    book_key prefix = book_key_of(BOOK_FORM);
    book_scan scan = book_scan_of(&prefix);
    bool vi = strcmp(client->lang, "vi") == 0;
    if (book_scan_next(&client->book, &scan, NULL, NULL, NULL) != ST_E_NOT_FOUND)
        return st_fail(error, ST_E_VALUE, "form '%.40s': there is no such form here", name);
    return st_fail(error, ST_E_STATE,
                   vi ? "máy đã đăng ký nhưng chưa lấy sổ về: chạy sync trước"
                      : "the device is enrolled, but has not fetched the book yet: sync first");
}

st_err edit_begin_new(edit *e, sotay_client *client, const char *form_name, const char *unit,
                      st_error *error)
{
    const st_form *form = NULL;
    st_bucket bucket;
    st_err err = start(e, client, error);
    if (err != ST_OK)
        return err;
    memset(&bucket, 0, sizeof bucket);
    err = lexicon_form(client, form_name, 0, &form, error);
    if (err == ST_E_NOT_FOUND)
        err = fail_no_form(client, form_name, error);
    if (err == ST_OK)
        err = home_bucket(e, form, unit, &bucket, error);
    next_change(e);
    st_change *change = &e->change;
    if (err == ST_OK)
        err = port_random(client->book.port, change->random, sizeof change->random, error);
    if (err != ST_OK)
        return err;
    change->creates = true;
    (void)st_code_set(&change->form, form->name, strlen(form->name));
    change->form_version = form->version;
    change->record = st_record_id(&change->dot, change->random);
    st_record_init(&e->view.record, &e->arena, &change->record, &bucket);
    e->view.form = form;
    return bucket_vector_get(&client->book, &bucket, &e->arena, &e->view.vector, error);
}

st_err edit_op(edit *e, const st_op *op, st_error *error)
{
    char text[ST_PATH_TEXT_BYTES];
    if (e->ops_count >= ST_OPS_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "change: more than %u values", ST_OPS_MAX);
    for (size_t i = 0; i < e->ops_count; i++) {
        if (e->ops[i].path.kind == op->path.kind && st_path_cmp(&e->ops[i].path, &op->path) == 0) {
            st_form_path_format(e->view.form, &op->path, text);
            return st_fail(error, ST_E_VALUE, "%s: given twice", text);
        }
    }
    st_op *ops = e->ops;
    if (e->ops_count == e->ops_capacity)
        ops = st_arena_grow(&e->arena, ops, e->ops_count, &e->ops_capacity, sizeof *ops);
    if (ops == NULL)
        return st_fail(error, ST_E_MEMORY, "change: no memory");
    e->ops = ops;
    e->ops[e->ops_count++] = *op;
    return ST_OK;
}

/* Is the item there: made in the record, or by this very change? */
static bool has_item(const edit *e, const st_path *path)
{
    st_path low = *path;
    low.kind = ST_PATH_ITEM;
    low.field = 0;
    low.element_len = 0;
    size_t at = st_record_seek(&e->view.record, &low);
    for (; at < e->view.record.lives_count; at++) {
        const st_path *found = &e->view.record.lives[at].op.path;
        if (found->group != path->group || st_dot_cmp(&found->item, &path->item) != 0 ||
            found->place != path->place)
            return false;
        if (found->kind == ST_PATH_ITEM)
            return true;
    }
    return false;
}

/* The key of a keyed group is one that the catalogue has, as soon as it has any of that kind. */
static st_err check_key(edit *e, const st_group *group, const st_path *path, st_error *error)
{
    st_code first;
    unsigned count = 0;
    bool there = true;
    if (path->kind != ST_PATH_KEYED)
        return ST_OK;
    assert(group->keys != NULL); /* else the form would not have opened */
    st_err err = lexicon_any(e->client, group->keys, &first, &count, error);
    if (err == ST_OK && count > 0)
        err = lexicon_has(e->client, group->keys, path->key.s, &there, error);
    if (err == ST_OK && !there)
        err = st_fail(error, ST_E_VALUE, "%s: there is no %s '%s'", group->name, group->keys,
                      path->key.s);
    return err;
}

/* Parses a path and finds its field; the key or item must exist. */
static st_err find_path(edit *e, const char *text, st_path *out_path, const st_field **out_field,
                        st_error *error)
{
    const st_group *group = NULL;
    memset(out_path, 0, sizeof *out_path);
    st_err err = st_form_path_parse(e->view.form, text, out_path, error);
    if (err != ST_OK)
        return err;
    const st_field *field = st_form_at(e->view.form, out_path, &group);
    assert(field != NULL); /* a path that was parsed is one of a field */
    if (out_path->kind == ST_PATH_ITEM && !has_item(e, out_path))
        return st_fail(error, ST_E_VALUE, "%.80s: there is no such item in this record", text);
    *out_field = field;
    return check_key(e, group, out_path, error);
}

st_err edit_place(edit *e, const char *text, st_error *error)
{
    const st_form *form = e->view.form;
    const st_field *field;
    st_path path;
    st_err err = find_path(e, text, &path, &field, error);
    for (uint32_t i = 0; err == ST_E_VALUE && i < form->groups_count; i++) {
        char inside[ST_PATH_TEXT_BYTES];
        const char *name = form->groups[i].fields[0].name;
        if ((size_t)snprintf(inside, sizeof inside, "%s.%s", text, name) < sizeof inside)
            err = find_path(e, inside, &path, &field, NULL);
    }
    return err != ST_E_VALUE ? err
                             : st_fail(error, err, "'%.60s' is no place of this record: that is a "
                                       "field, or like ratings.x2", text);
}

static st_err element_op(edit *e, const st_field *field, st_path path, const char *value, bool add,
                         st_error *error)
{
    st_op op;
    memset(&op, 0, sizeof op);
    op.path = path;
    op.verb = add ? ST_VERB_ADD : ST_VERB_REMOVE;
    op.value.kind = add ? ST_VALUE_INT : ST_VALUE_NULL;
    op.value.number = add ? 1 : 0;
    st_err err = st_element_parse(field, value, &op.path, error);
    return err == ST_OK ? edit_op(e, &op, error) : err;
}

/* `n1,n5`: every element, blanks around the commas do not count. */
static st_err element_list(edit *e, const st_field *field, st_path path, const char *list,
                           st_error *error)
{
    char part[LIST_BYTES_MAX];
    st_err err = ST_OK;
    while (err == ST_OK) {
        list += strspn(list, " ");
        size_t len = strcspn(list, ",");
        size_t used = len;
        while (used > 0 && list[used - 1] == ' ')
            used--;
        if (used >= sizeof part)
            return st_fail(error, ST_E_VALUE, "%s: an element is too long", field->name);
        memcpy(part, list, used);
        part[used] = '\0';
        err = element_op(e, field, path, part, true, error);
        if (list[len] == '\0')
            break;
        list += len + 1;
    }
    return err;
}

/* A record that was made anew since its id was written down is named by its new one. */
static st_err follow(edit *e, st_value *value, st_error *error)
{
    sotay_id named;
    memcpy(named.b, value->data, sizeof named.b);
    st_id id;
    st_err err = overlay_find(e->client, &named, &id, error);
    if (err != ST_OK)
        return err;
    value->data = st_arena_copy(&e->arena, id.b, sizeof id.b);
    return value->data != NULL ? ST_OK : st_fail(error, ST_E_MEMORY, "record: no memory");
}

static st_err value_op(edit *e, const st_field *field, st_op *op, const char *value,
                       st_error *error)
{
    st_err err = ST_OK;
    if (value != NULL)
        err = st_value_parse(field, value, &e->arena, &op->value, error);
    if (err == ST_OK && op->value.kind == ST_VALUE_ID)
        err = follow(e, &op->value, error);
    return err == ST_OK ? edit_op(e, op, error) : err;
}

st_err edit_field(edit *e, const char *path, const char *value, st_error *error)
{
    st_op op;
    const st_field *field = NULL;
    memset(&op, 0, sizeof op);
    st_err err = find_path(e, path, &op.path, &field, error);
    if (err != ST_OK)
        return err;
    if (field->cls == ST_CLASS_SET && e->change.creates && value != NULL)
        return element_list(e, field, op.path, value, error);
    if (field->cls == ST_CLASS_SET)
        return st_fail(error, ST_E_VALUE, "%.80s: a set: use add and remove", path);
    if (value == NULL && e->change.creates)
        return st_fail(error, ST_E_VALUE, "%.80s: a new record has nothing to clear", path);
    op.verb = ST_VERB_SET;
    return value_op(e, field, &op, value, error);
}

st_err edit_element(edit *e, const char *path, const char *value, bool add, st_error *error)
{
    st_path found;
    const st_field *field = NULL;
    st_err err = find_path(e, path, &found, &field, error);
    if (err == ST_OK && field->cls != ST_CLASS_SET)
        err = st_fail(error, ST_E_VALUE, "%.80s: not a set", path);
    return err == ST_OK ? element_op(e, field, found, value, add, error) : err;
}

st_err edit_item_field(edit *e, const st_group *group, uint16_t place, sotay_pair pair,
                       st_error *error)
{
    const st_field *field = st_group_field(group, pair.path);
    if (field == NULL)
        return st_fail(error, ST_E_VALUE, "%s.%.60s: there is no such field", group->name,
                       pair.path);
    if (pair.value == NULL)
        return st_fail(error, ST_E_VALUE, "%s.%s: a new item has nothing to clear", group->name,
                       field->name);
    st_op op;
    memset(&op, 0, sizeof op);
    op.path.kind = ST_PATH_ITEM;
    op.path.group = group->no;
    op.path.item = e->change.dot;
    op.path.place = place;
    op.path.field = field->no;
    if (field->cls == ST_CLASS_SET)
        return element_list(e, field, op.path, pair.value, error);
    op.verb = ST_VERB_ITEM;
    return value_op(e, field, &op, pair.value, error);
}

st_err edit_drop(edit *e, const char *group_name, const char *item, bool drop, st_error *error)
{
    const st_group *group = st_form_group(e->view.form, group_name);
    st_op op;
    memset(&op, 0, sizeof op);
    op.path.kind = ST_PATH_DROP;
    if (group == NULL || group->keyed)
        return st_fail(error, ST_E_VALUE, "%.60s: not a group with items", group_name);
    op.path.group = group->no;
    if (!st_item_parse(item, &op.path.item, &op.path.place) || !has_item(e, &op.path))
        return st_fail(error, ST_E_VALUE, "%.60s: there is no such item in %s", item, group->name);
    op.verb = drop ? ST_VERB_DROP : ST_VERB_KEEP;
    op.value.kind = drop ? ST_VALUE_INT : ST_VALUE_NULL;
    op.value.number = drop ? 1 : 0;
    st_err err =
        st_edit_context(&e->view.record, &e->view.vector, &e->arena, &e->change.context, error);
    return err == ST_OK ? edit_op(e, &op, error) : err;
}

st_err edit_reason(edit *e, const char *reason, st_error *error)
{
    st_buffer text;
    st_buffer_init(&text, ST_VALUE_BYTES_MAX);
    if (reason == NULL)
        reason = "";
    st_err err = st_text_clean(reason, strlen(reason), &text, error);
    if (err == ST_OK && text.len == 0)
        err = st_fail(error, ST_E_VALUE, "reason: it is needed");
    if (err == ST_OK && st_text_chars(text.data, text.len) > ST_REASON_CHARS_MAX)
        err = st_fail(error, ST_E_VALUE, "reason: at most %u characters", ST_REASON_CHARS_MAX);
    if (err == ST_OK) {
        st_value *out = &e->change.reason;
        out->kind = ST_VALUE_TEXT;
        out->data = st_arena_copy(&e->arena, text.data, text.len);
        out->len = (uint32_t)text.len;
        if (out->data == NULL)
            err = st_fail(error, ST_E_MEMORY, "reason: no memory");
    }
    st_buffer_free(&text);
    return err;
}

st_err edit_shown_text(edit *e, const st_path *path, const st_field *field, const char **out_text,
                       st_error *error)
{
    const st_record *record = &e->view.record;
    size_t at = st_view_shown(record, st_record_path(record, path));
    *out_text = "";
    if (at == SIZE_MAX)
        return ST_OK;
    st_buffer text;
    st_buffer_init(&text, ST_VALUE_BYTES_MAX * 2);
    st_err err = st_value_text(field, &record->lives[at].op.value, &text, error);
    if (err == ST_OK) {
        *out_text = (const char *)st_arena_copy(&e->arena, text.data, text.len);
        if (*out_text == NULL)
            err = st_fail(error, ST_E_MEMORY, "change: no memory");
    }
    st_buffer_free(&text);
    return err;
}
