/* server/sync/enrol.h - a new device against a one-time code. */
#ifndef SOTAY_SERVER_SYNC_ENROL_H
#define SOTAY_SERVER_SYNC_ENROL_H

#include "server/sync/author.h"

/* Makes a one-time code for a person. ST_E_NOT_FOUND, ST_E_STATE (not active), ST_E_STORAGE. */
ST_MUST_USE st_err sync_code_make(writer *w, const char *login, uint8_t out_code[16],
                                  st_error *error);
/* Checks code and proof, writes the `device` record, uses up the code, answers. Asking again with
 * the same keys gives the same answer. arena: for the scope in the answer. ST_E_ENROL,
 * ST_E_SIGNATURE, ST_E_STORAGE. */
ST_MUST_USE st_err sync_enrol(writer *w, const st_enrol_ask *ask, st_arena *arena,
                              st_enrol_answer *out_answer, st_error *error);

#endif
