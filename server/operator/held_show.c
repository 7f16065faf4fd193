/* server/operator/held_show.c - what a held change says, before somebody decides on it: also one of
 * another branch, which no record and no history has. Promises that what cannot be read is named;
 * must never decide. */
#include <stdio.h>
#include <string.h>

#include "server/operator/work.h"

#define ITEM_BYTES_MAX (64u << 20)

typedef struct {
    operator_work *work;
    operator_list page;            /* --json */
    const st_form *form;           /* of the change that is shown; NULL: none is known */
    st_buffer item;                /* what it says; empty: it cannot be read */
    st_err err;
} held_show;

static bool take_item(void *context, const st_history_item *item)
{
    held_show *show = context;
    operator_work *work = show->work;
    show->err = work->options.json
                    ? st_history_json(show->form, item, &work->how, &show->item, &work->error)
                    : st_history_text(show->form, item, &work->how, &show->item, &work->error);
    return show->err == ST_OK;
}

/* Fills form and item. */
static st_err look(held_show *show, const sync_held *held)
{
    operator_work *work = show->work;
    st_buffer_clear(&show->item);
    show->err = ST_OK;
    show->form = NULL;
    st_err err = ST_OK;
    if (!st_id_is_zero(&held->record))
        err = sync_form_of(work->room, &work->txn, &held->record, &show->form, &work->error);
    if (err != ST_OK)
        return err;
    err = sync_history_held(work->room, &work->txn, held, take_item, show, &work->error);
    if (err == ST_OK)
        return show->err;
    return st_err_is_passing(err) ? err : ST_OK;
}

static void show_json(held_show *show, const sync_held *held)
{
    st_json *json = &show->page.json;
    char hex[33];
    st_id_format(&held->record, hex);
    st_json_open(json, '{');
    st_json_key_int(json, "n", (int64_t)held->n);
    st_json_key_text(json, "reason", st_hold_name(held->reason));
    st_json_key_text(json, "record", st_id_is_zero(&held->record) ? NULL : hex);
    st_json_key_text(json, "form", show->form != NULL ? show->form->name : NULL);
    st_json_key_text(json, "bucket", held->bucket.s);
    st_json_key_text(json, "todo", st_hold_for_office(held->reason, show->work->call->lang));
    st_json_key(json, "change");
    if (show->item.len > 0)
        st_json_raw(json, (const char *)show->item.data, show->item.len);
    else
        st_json_null(json);
    st_json_close(json, '}');
}

static void show_text(held_show *show, const sync_held *held)
{
    operator_work *work = show->work;
    const st_form *form = show->form;
    char hex[33];
    st_id_format(&held->record, hex);
    operator_say(work, "%llu  %s  %s  %s\n", (unsigned long long)held->n,
                 st_hold_name(held->reason), form == NULL ? "?" : work->vi ? form->vi : form->en,
                 st_id_is_zero(&held->record) ? "-" : hex);
    if (show->item.len > 0)
        operator_say(work, "%.*s", (int)show->item.len, (const char *)show->item.data);
    else
        operator_say_in(work, "    chương trình này không đọc được nội dung; vẫn nằm trong sổ\n",
                        "    this program cannot read what it says; it stays in the log\n");
    operator_say(work, "    → %s\n", st_hold_for_office(held->reason, work->call->lang));
}

int operator_held_show(operator_work *work)
{
    held_show show = { .work = work };
    operator_helds helds = { NULL, 0 };
    bool json = work->options.json;
    st_err err = operator_read_begin(work);
    if (err == ST_OK)
        err = operator_helds_named(work, &helds);
    if (err != ST_OK) {
        operator_read_end(work);
        return operator_fail(work);
    }
    st_buffer_init(&show.item, ITEM_BYTES_MAX);
    if (json) {
        operator_list_begin(work, &show.page, NULL, 0);
        operator_list_of(work, &show.page, "held");
    }
    for (size_t i = 0; err == ST_OK && i < helds.count; i++) {
        err = look(&show, &helds.list[i]);
        if (err == ST_OK && json)
            show_json(&show, &helds.list[i]);
        else if (err == ST_OK)
            show_text(&show, &helds.list[i]);
    }
    if (json)
        err = operator_list_end(work, &show.page, err, NULL);
    st_buffer_free(&show.item);
    operator_read_end(work);
    return err == ST_OK ? 0 : operator_fail(work);
}
