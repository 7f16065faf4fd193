/* client-lib/src/edit.h - making changes: what a person wrote becomes operations on the record as
 * it was shown, checked, and stored in one durable transaction. */
#ifndef SOTAY_CLIENT_EDIT_H
#define SOTAY_CLIENT_EDIT_H

#include "client-lib/src/overlay.h"

/* One transaction with one change or more of one record. */
typedef struct {
    sotay_client *client;
    st_arena arena;
    overlay_view view; /* the record with what was saved so far */
    bucket_state bucket;
    st_change change; /* in the making: dot, record, creates, form are set */
    st_op *ops;
    size_t ops_count, ops_capacity;
    bool is_typed; /* the operations are the working copy, which goes with their save: each says
                      what it replaces, and the change is under none but typed_under */
    const st_under *typed_under;
    uint32_t typed_under_count;
} edit;

/* Opens a transaction on a record as it is shown here. ST_E_STATE: not enrolled; ST_E_BUSY;
 * ST_E_NOT_FOUND: no such record, or its form is unknown here. edit_end always. */
ST_MUST_USE st_err edit_begin(edit *e, sotay_client *client, const sotay_id *record,
                              st_error *error);
/* Opens a transaction that creates a record. ST_E_VALUE: unknown form or unit; ST_E_DENIED. */
ST_MUST_USE st_err edit_begin_new(edit *e, sotay_client *client, const char *form, const char *unit,
                                  st_error *error);
/* Rolls back what was not committed; gives the memory back. */
void edit_end(edit *e);

/* One field; value NULL clears. A set field takes a comma list when the record or item is new. */
ST_MUST_USE st_err edit_field(edit *e, const char *path, const char *value, st_error *error);
/* One element of a set field. */
ST_MUST_USE st_err edit_element(edit *e, const char *path, const char *value, bool add,
                                st_error *error);
/* A field of the item number `place` that this change makes in a listed group. */
ST_MUST_USE st_err edit_item_field(edit *e, const st_group *group, uint16_t place, sotay_pair pair,
                                   st_error *error);
/* What a file may be about: a field, or an entry (ratings.x2) or item (findings.<item>) of a group.
 * ST_E_VALUE when the form or the record has none such. */
ST_MUST_USE st_err edit_place(edit *e, const char *text, st_error *error);
/* Drops an item or takes the drop back. */
ST_MUST_USE st_err edit_drop(edit *e, const char *group, const char *item, bool drop,
                             st_error *error);
/* Text that goes with the change: cleaned, 1..1000 characters. ST_E_VALUE. */
ST_MUST_USE st_err edit_reason(edit *e, const char *reason, st_error *error);
/* An operation that is whole already. ST_E_TOO_LARGE, ST_E_VALUE (the path is there twice). */
ST_MUST_USE st_err edit_op(edit *e, const st_op *op, st_error *error);
/* The text of the value shown at a path, as machines read it; "" when there is none. Arena.
 * ST_E_MEMORY, ST_E_TOO_LARGE. */
ST_MUST_USE st_err edit_shown_text(edit *e, const st_path *path, const st_field *field,
                                   const char **out_text, st_error *error);

/* ST_E_STATE, in words, when the office has the record in hand or has decided, or the period is
 * locked: whatever stands against that, the server would hold what a phone does then
 * (docs/protocol.md 7.6). While the office looks an amendment may come. */
ST_MUST_USE st_err edit_check_hands(const edit *e, st_error *error);
/* Fills in what the change replaces (a working copy says it itself), is under and knows, checks it,
 * writes it and its row, folds it into the view; the next operations make the next change. Nothing
 * when there is nothing to say. */
ST_MUST_USE st_err edit_save(edit *e, st_error *error);
/* Keeps a set of one change, signed by nobody: how an unsealed change lies in table CHANGE.
 * Inside a transaction. */
ST_MUST_USE st_err edit_change_put(sotay_client *client, const st_set *set, st_error *error);
/* Saves and ends the transaction. ST_OK or ST_PENDING: written. */
ST_MUST_USE st_err edit_commit(edit *e, st_error *error);

#endif
