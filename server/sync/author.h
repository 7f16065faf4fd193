/* server/sync/author.h - what the operator's hand writes: change-sets built on the newest state,
 * signed with the server's device key, via=operator, and taken in like any other. Unlike a phone's,
 * a change that would be held is refused and nothing is written. */
#ifndef SOTAY_SERVER_SYNC_AUTHOR_H
#define SOTAY_SERVER_SYNC_AUTHOR_H

#include "server/sync/ingest.h"

/* One change to make. For ops: path, verb, value, kept and kept_actor as wished; `replaces` is
 * computed from the state unless the verb is RESOLVE and replaces is given. An item of a listed
 * group made by this change (verb ITEM, or REMARK in a group) has a zero path.item: it gets the
 * change's own dot. */
typedef struct {
    const st_form *form;       /* creates a record of it; NULL: changes `record` */
    st_id record;
    st_op *ops;
    uint32_t ops_count;
    st_act_kind act;
    bool amend;
    st_value reason;
} sync_edit;

/* Adds what sets the form's field of that name to the edit, which creates a record of it and whose
 * `ops` are an array of SYNC_EDIT_FIELDS_MAX. A form without the field, or no room: nothing; the
 * server's own judgement says what lacks. */
#define SYNC_EDIT_FIELDS_MAX 6u
void sync_edit_put(sync_edit *edit, const char *name, st_value value);

typedef struct {
    st_bucket bucket;          /* all edits are in it */
    st_id actor;               /* the person; zero: the operator without a name */
    st_role role;
    const sync_edit *edits;
    uint32_t edits_count;      /* at most ST_SET_CHANGES_MAX */
    const char *lang;          /* of what is said of a locked period; NULL: en */
} sync_draft;

/* What came of it. records[i] and dots[i] for edits[i]; caller's arrays, may be NULL. */
typedef struct {
    st_id *records;
    st_dot *dots;
    uint64_t index;            /* log index of the set */
} sync_authored;

/* ST_E_DENIED: the role may not (also: the person does not hold it), ST_E_VALUE, ST_E_STATE,
 * ST_E_NOT_FOUND (record, form), ST_E_TOO_LARGE, ST_E_STORAGE…; nothing is written then. */
ST_MUST_USE st_err sync_author(writer *w, const sync_draft *draft, sync_authored *out_authored,
                               st_error *error);
/* The same inside a turn of the writer. */
ST_MUST_USE st_err sync_author_turn(writer_turn *turn, const sync_draft *draft,
                                    sync_authored *out_authored, st_error *error);
/* One edit of the catalogue, by the operator without a name: inside a turn, as above. `form` is
 * that of its record; out_record may be NULL. ST_E_SERVER: the catalogue has no bucket. */
ST_MUST_USE st_err sync_author_one(writer_turn *turn, const st_form *form, const sync_edit *edit,
                                   st_id *out_record, st_error *error);
/* The role in which the operator without a name writes records of a form: the first of office,
 * admin, office_head, council_chair, decider, officer that may create it; admin when only the
 * operator may. */
st_role sync_operator_role(const st_form *form);

#endif
