/* server/operator/people.h - a new person, as `user add` and `user import` make one. */
#ifndef SOTAY_SERVER_OPERATOR_PEOPLE_H
#define SOTAY_SERVER_OPERATOR_PEOPLE_H

#include "server/operator/work.h"

typedef struct {
    const char *login, *name;
    operator_words roles, units;
} operator_person;

/* The edit that makes the record. ST_E_VALUE (name, role), ST_E_MEMORY. */
ST_MUST_USE st_err operator_person_edit(operator_work *work, const operator_person *person,
                                        st_arena *arena, sync_edit *out_edit, st_error *error);
/* ST_E_VALUE: no login; ST_E_EXISTS: somebody has it. */
ST_MUST_USE st_err operator_login_free(store_txn *txn, const char *login, st_error *error);

#endif
