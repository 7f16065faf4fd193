/* server/audit/news.h - checkpoints and phones: what a phone is shown, and what it confirms. */
#ifndef SOTAY_SERVER_AUDIT_NEWS_H
#define SOTAY_SERVER_AUDIT_NEWS_H

#include "proto/message.h"
#include "server/audit/sign.h"

/* Puts the checkpoint signed last into an answer, when it was asked for and is not the one of the
 * request, with the proof that it continues that one (none, when it does not: the phone will say
 * so). The proof lives in the arena. ST_E_CORRUPT, ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err audit_news(store_txn *txn, const st_ask *ask, st_arena *arena, st_end *end,
                              st_error *error);

#endif
