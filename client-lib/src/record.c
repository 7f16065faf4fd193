/* client-lib/src/record.c - the public calls that record: each is one change (finalise: a working
 * copy and the act) in one transaction.
 * Promises: on any code but OK and PENDING nothing was written.
 * Never: a prompt, a network, a clock of its own. */
#include <stdio.h>
#include <string.h>

#include "client-lib/src/draft.h"
#include "proto/merge.h"

/* ---- new ---- */

/* A field that the program knows, unless the caller gave it or the form has none. */
static st_err fill(edit *e, sotay_pairs given, const char *name, const char *value, st_error *error)
{
    if (st_form_field(e->view.form, name) == NULL || value[0] == '\0')
        return ST_OK;
    for (size_t i = 0; i < given.count; i++)
        if (strcmp(given.pairs[i].path, name) == 0)
            return ST_OK;
    return edit_field(e, name, value, error);
}

static st_err fill_slip(edit *e, sotay_pairs given, st_error *error)
{
    char slip[40];
    identity *me = &e->client->next;
    if (me->letters[0] == '\0' || st_form_field(e->view.form, "field_code") == NULL)
        return ST_OK;
    (void)snprintf(slip, sizeof slip, "%s-%03llu", me->letters,
                   (unsigned long long)(me->slips + 1));
    size_t before = e->ops_count;
    st_err err = fill(e, given, "field_code", slip, error);
    if (err == ST_OK && e->ops_count > before)
        me->slips++;
    return err;
}

static st_err fill_known(edit *e, const char *unit, sotay_pairs given, st_error *error)
{
    st_code movement;
    unsigned count = 0;
    bool has_unit = unit[0] != '\0' && strcmp(unit, "-") != 0;
    st_err err = has_unit ? fill(e, given, "unit_id", unit, error) : ST_OK;
    if (err == ST_OK)
        err = lexicon_any(e->client, "movement", &movement, &count, error);
    if (err == ST_OK && count == 1)
        err = fill(e, given, "movement_id", movement.s, error);
    if (err == ST_OK)
        err = fill(e, given, "entry_mode", "phone", error);
    if (err == ST_OK)
        err = fill_slip(e, given, error);
    return err;
}

int sotay_record_new(sotay_client *client, const char *form, const char *unit, sotay_pairs pairs,
                     sotay_id *out_record, sotay_error *error)
{
    edit e;
    st_error inner = { ST_OK, "" };
    st_err err = edit_begin_new(&e, client, form, unit, &inner);
    for (size_t i = 0; err == ST_OK && i < pairs.count; i++)
        err = edit_field(&e, pairs.pairs[i].path, pairs.pairs[i].value, &inner);
    if (err == ST_OK)
        err = fill_known(&e, unit, pairs, &inner);
    st_id id = e.change.record;
    if (err == ST_OK)
        err = edit_commit(&e, &inner);
    edit_end(&e);
    if (err == ST_OK || err == ST_PENDING)
        memcpy(out_record->b, id.b, sizeof out_record->b);
    return port_give(err, &inner, error);
}

/* ---- values ---- */

int sotay_record_set(sotay_client *client, const sotay_id *record, sotay_pairs pairs,
                     sotay_error *error)
{
    edit e;
    st_error inner = { ST_OK, "" };
    st_err err = edit_begin(&e, client, record, &inner);
    if (err == ST_OK && pairs.count == 0)
        err = st_fail(&inner, ST_E_VALUE, "set: nothing to write");
    for (size_t i = 0; err == ST_OK && i < pairs.count; i++)
        err = edit_field(&e, pairs.pairs[i].path, pairs.pairs[i].value, &inner);
    if (err == ST_OK)
        err = edit_commit(&e, &inner);
    edit_end(&e);
    return port_give(err, &inner, error);
}

static int change_element(sotay_client *client, const sotay_id *record, sotay_pair pair, bool add,
                          sotay_error *error)
{
    edit e;
    st_error inner = { ST_OK, "" };
    st_err err = edit_begin(&e, client, record, &inner);
    if (err == ST_OK)
        err = edit_element(&e, pair.path, pair.value, add, &inner);
    if (err == ST_OK)
        err = edit_commit(&e, &inner);
    edit_end(&e);
    return port_give(err, &inner, error);
}

int sotay_record_add(sotay_client *client, const sotay_id *record, const char *path,
                     const char *value, sotay_error *error)
{
    sotay_pair pair = { path, value };
    return change_element(client, record, pair, true, error);
}

int sotay_record_remove(sotay_client *client, const sotay_id *record, const char *path,
                        const char *value, sotay_error *error)
{
    sotay_pair pair = { path, value };
    return change_element(client, record, pair, false, error);
}

/* ---- items and remarks ---- */

static st_err find_listed(const edit *e, const char *name, const st_group **out_group,
                          st_error *error)
{
    const st_group *group = st_form_group(e->view.form, name);
    if (group == NULL || group->keyed)
        return st_fail(error, ST_E_VALUE, "%.60s: not a group with items", name);
    *out_group = group;
    return ST_OK;
}

int sotay_record_remark(sotay_client *client, const sotay_id *record, const char *text,
                        sotay_error *error)
{
    edit e;
    const st_group *group = NULL;
    st_error inner = { ST_OK, "" };
    sotay_pair pair = { "text", text };
    st_err err = edit_begin(&e, client, record, &inner);
    if (err == ST_OK)
        err = find_listed(&e, "remarks", &group, &inner);
    if (err == ST_OK)
        err = edit_item_field(&e, group, 0, pair, &inner);
    if (err == ST_OK)
        e.ops[e.ops_count - 1].verb = ST_VERB_REMARK;
    if (err == ST_OK)
        err = edit_commit(&e, &inner);
    edit_end(&e);
    return port_give(err, &inner, error);
}

int sotay_item_new(sotay_client *client, const sotay_id *record, const char *group_name,
                   sotay_pairs pairs, char out_item[SOTAY_ITEM_TEXT], sotay_error *error)
{
    edit e;
    const st_group *group = NULL;
    char item[ST_ITEM_TEXT_BYTES] = "";
    st_error inner = { ST_OK, "" };
    st_err err = edit_begin(&e, client, record, &inner);
    if (err == ST_OK)
        err = find_listed(&e, group_name, &group, &inner);
    if (err == ST_OK && pairs.count == 0)
        err = st_fail(&inner, ST_E_VALUE, "item: it needs at least one field");
    for (size_t i = 0; err == ST_OK && i < pairs.count; i++)
        err = edit_item_field(&e, group, 0, pairs.pairs[i], &inner);
    if (err == ST_OK)
        st_item_format(&e.change.dot, 0, item);
    if (err == ST_OK)
        err = edit_commit(&e, &inner);
    edit_end(&e);
    if (err == ST_OK || err == ST_PENDING)
        memcpy(out_item, item, SOTAY_ITEM_TEXT);
    return port_give(err, &inner, error);
}

static int drop_or_keep(sotay_client *client, const sotay_id *record, sotay_pair item, bool drop,
                        sotay_error *error)
{
    edit e;
    st_error inner = { ST_OK, "" };
    st_err err = edit_begin(&e, client, record, &inner);
    if (err == ST_OK)
        err = edit_drop(&e, item.path, item.value, drop, &inner);
    if (err == ST_OK)
        err = edit_commit(&e, &inner);
    edit_end(&e);
    return port_give(err, &inner, error);
}

int sotay_item_drop(sotay_client *client, const sotay_id *record, const char *group,
                    const char *item, sotay_error *error)
{
    sotay_pair pair = { group, item };
    return drop_or_keep(client, record, pair, true, error);
}

int sotay_item_keep(sotay_client *client, const sotay_id *record, const char *group,
                    const char *item, sotay_error *error)
{
    sotay_pair pair = { group, item };
    return drop_or_keep(client, record, pair, false, error);
}
