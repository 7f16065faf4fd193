/* server/sync/act.h - what the office does beside recording: the kind of an entry by which a
 * reviewer finds it, and entries of acts that change nothing in the book (an export, refused
 * logins). */
#ifndef SOTAY_SERVER_SYNC_ACT_H
#define SOTAY_SERVER_SYNC_ACT_H

#include "server/sync/fold.h"

/* Refused within an hour until it is said; then again at ten times as many, and so on. */
#define ACT_REFUSED_MIN 10u
#define ACT_REFUSED_MS  (INT64_C(3600) * 1000)

/* What a set of the operator is called in the log, after it was folded; CHANGE for every other. */
st_entry_kind act_kind_of(const st_set *set, const sync_fold *fold);
/* Is an entry of this kind one of the office's acts? */
bool act_is_listed(st_entry_kind kind);

/* An entry of that kind with a note in plain words; nothing else happens. ST_E_STORAGE,
 * ST_E_TOO_LARGE. */
ST_MUST_USE st_err act_note(writer *w, st_entry_kind kind, const char *note, st_error *error);
/* Somebody was refused who asked to be let in: counted in memory, and an entry `login` when they
 * become many. ST_E_STORAGE, ST_E_BUSY. */
ST_MUST_USE st_err act_refused(writer *w, st_error *error);

#endif
