/* server/operator/write.h - in which role a person may write. Shared by new, set and resolve. */
#ifndef SOTAY_SERVER_OPERATOR_WRITE_H
#define SOTAY_SERVER_OPERATOR_WRITE_H

#include "server/operator/work.h"

/* What one person wants to write in one record. */
typedef struct {
    const st_form *form;
    const operator_ops *ops;
    bool creates;
} operator_wish;

/* The role of the person that may write all of it. ST_E_DENIED says what stands against it, and
 * where an officer's value goes instead. */
ST_MUST_USE st_err operator_choose_role(operator_work *work, const auth_person *person,
                                        const operator_wish *wish, st_role *out_role,
                                        st_error *error);
/* Is a finalise in force? Then what the office adds is an amendment. ST_E_MEMORY. */
ST_MUST_USE st_err operator_is_final(const st_record *record, st_arena *arena, bool *out_final,
                                     st_error *error);
/* The reason of the call as a value; kind NULL when none was given. ST_E_VALUE. */
ST_MUST_USE st_err operator_reason_value(operator_work *work, st_value *out_value,
                                         st_error *error);

#endif
