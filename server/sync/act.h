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
/* In a turn of the writer: somebody was refused who asked to be let in. Counted in memory. Returns
 * how many within the hour when that is to be said now, else 0. */
uint64_t act_count_refusal(writer_turn *turn);
/* Says it: an entry `login`. ST_E_STORAGE, ST_E_BUSY. */
ST_MUST_USE st_err act_say_refused(writer *w, uint64_t count, st_error *error);

#endif
