/* server/auth/fold.h - what happens to the derived tables when a catalogue record is folded: used
 * by auth_fold alone. All of them: ST_E_STORAGE, ST_E_CORRUPT, ST_E_MEMORY. */
#ifndef SOTAY_SERVER_AUTH_FOLD_H
#define SOTAY_SERVER_AUTH_FOLD_H

#include "server/auth/auth.h"

/* Refreshes person and login. */
ST_MUST_USE st_err auth_person_fold(store_txn *txn, const st_form *form, const st_record *record,
                                    st_error *error);
/* Refreshes device. The first record of a key counts. */
ST_MUST_USE st_err auth_device_fold(store_txn *txn, const st_form *form, const st_record *record,
                                    st_error *error);
/* Refreshes assign, then the rights of its person. */
ST_MUST_USE st_err auth_assign_fold(store_txn *txn, const st_form *form, const st_record *record,
                                    uint64_t index, st_error *error);
/* Works out what a person may do now; a new row of rights from `index` on when it differs. The
 * auditor's scope comes from the person record when it is given. */
ST_MUST_USE st_err auth_rights_fold(store_txn *txn, const st_id *person, uint64_t index,
                                    st_error *error);
/* Replaces the units of an auditor's scope in assign, from the person record. */
ST_MUST_USE st_err auth_scope_fold(store_txn *txn, const st_form *form, const st_record *record,
                                   st_error *error);
/* A unit is new: the rights of all whose assignment names a class or an area; with `moves`, units
 * go into others: of all who have any. */
ST_MUST_USE st_err auth_unit_fold(store_txn *txn, bool moves, uint64_t index, st_error *error);

#endif
