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

/* A device that is enrolled without a code. */
typedef struct {
    const st_enrol_ask *ask;   /* keys and label; whoever calls has checked who signed */
    st_id person;
    st_id actor;               /* who does it; zero: the operator without a name */
    st_role role;              /* in which role; NONE: the first that may */
    const char *note;          /* into the record; NULL: nothing */
    const char *letters;       /* of its slip numbers; NULL or "": new ones */
    int64_t enrolled_ms;       /* 0: now */
    bool is_suspended;         /* until the office lifts it; its person may be disabled */
} sync_enrol_wish;
/* Writes the `device` record. ST_E_ENROL: its person is gone; errors of sync_author_turn. */
ST_MUST_USE st_err sync_enrol_device(writer_turn *turn, const sync_enrol_wish *wish,
                                     st_error *error);
/* The answer for a device that is enrolled already, its lists in the arena. ST_E_NOT_FOUND,
 * ST_E_ENROL: its person is gone; ST_E_MEMORY, ST_E_CORRUPT, ST_E_STORAGE. */
ST_MUST_USE st_err sync_enrol_said(writer_turn *turn, const st_enrol_ask *ask, st_arena *arena,
                                   st_enrol_answer *out_answer, st_error *error);

#endif
