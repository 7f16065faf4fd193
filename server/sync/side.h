/* server/sync/side.h - what a server knows of itself outside its store, so that a store that was
 * put back is noticed: DIR/side/size, the largest log that phones were shown; DIR/side/words, the
 * operator's words that took rights away; DIR/side/words.again, those of them that are looked
 * through again when a new epoch has begun; DIR/side/log-keys, all keys of the log when it was
 * changed; DIR/side/rolled-back, when a phone proved that entries
 * are missing. No backup takes it along. Source: docs/protocol.md 7.9. */
#ifndef SOTAY_SERVER_SYNC_SIDE_H
#define SOTAY_SERVER_SYNC_SIDE_H

#include "proto/log_key.h"
#include "server/store/store.h"

typedef struct sync_side sync_side;
#define SIDE_WORDS_BYTES 204

/* Opens, making the folder when it is not there. Close with side_close. ST_E_STORAGE,
 * ST_E_MEMORY. */
ST_MUST_USE st_err side_open(const char *dir, sync_side **out_side, st_error *error);
/* Durable, then closed. NULL is fine. */
void side_close(sync_side *side);

/* The largest size noted; 0: none. */
uint64_t side_size(const sync_side *side);
/* Notes that entries up to `size` are on disk and may be shown. Not yet durable: side_sync. Never
 * fails loudly: the note is a help, the store is the book. One thread at a time. */
void side_note_size(sync_side *side, uint64_t size);
/* From now on this size counts, smaller as it may be: a new epoch began there. ST_E_STORAGE. */
ST_MUST_USE st_err side_set_size(sync_side *side, uint64_t size, st_error *error);
/* Makes what was noted durable; each minute. */
void side_sync(sync_side *side);

/* Was it proved that the store was put back? */
bool side_is_rolled_back(const sync_side *side);
/* With the proof: the log that was lost is this one up to there, at least; UINT64_MAX: no proof. */
uint64_t side_put_back_to(const sync_side *side);
/* Notes the proof, durable; of several the lowest counts. up_to: at least 1, the entry that every
 * log of this key begins with. ST_E_STORAGE. */
ST_MUST_USE st_err side_mark(sync_side *side, uint64_t up_to, st_error *error);
/* The new epoch has begun. ST_E_STORAGE. */
ST_MUST_USE st_err side_unmark(sync_side *side, st_error *error);

/* Operator words ("device revoke 0123..."), and with which entry of the log they took effect. */
typedef struct {
    char text[SIDE_WORDS_BYTES];
    bool has_place;            /* false: an older program noted them */
    uint64_t index;
    uint8_t epoch[8];          /* the epoch in which the entry has this index */
} side_words;
typedef bool (*side_words_each)(void *context, const side_words *words);
/* The same words with the same place? */
bool side_words_same(const side_words *a, const side_words *b);

/* Adds one line of them, durable, or nothing; what a cut left half stays a line of its own.
 * ST_E_TOO_LARGE, ST_E_STORAGE. */
ST_MUST_USE st_err side_add_words(const char *dir, const side_words *words, st_error *error);
/* Writes dir/side/log-keys, durable; reads it: ST_E_NOT_FOUND without a text: there is none.
 * ST_E_CORRUPT, ST_E_STORAGE. */
ST_MUST_USE st_err side_put_log_keys(const char *dir, const st_log_keys *keys, st_error *error);
ST_MUST_USE st_err side_get_log_keys(const char *dir, st_log_keys *out_keys, st_error *error);

/* The lines of dir/side/words.again and dir/side/words, in order, until `each` returns false. A
 * file that is not there has none; lines over 200 bytes are passed over. ST_E_STORAGE. */
ST_MUST_USE st_err side_each_words(const char *dir, side_words_each each, void *context,
                                   st_error *error);
/* The words become words.again, durable. Where there are some already, not all said yet, they come
 * behind them: what the office said meanwhile may be lost as well. ST_E_STORAGE. */
ST_MUST_USE st_err side_put_words_off(const char *dir, st_error *error);
/* All words of `from` become words.again of `to`, behind those that it has. ST_E_STORAGE. */
ST_MUST_USE st_err side_bring_words(const char *from, const char *to, st_error *error);
/* Only the lines of words, as above. ST_E_STORAGE. */
ST_MUST_USE st_err side_each_kept(const char *dir, side_words_each each, void *context,
                                  st_error *error);
/* Only the lines of words.again, as above; then they are gone. ST_E_STORAGE. */
ST_MUST_USE st_err side_each_again(const char *dir, side_words_each each, void *context,
                                   st_error *error);
ST_MUST_USE st_err side_again_done(const char *dir, st_error *error);
/* Is this line among them? ST_E_STORAGE. */
ST_MUST_USE st_err side_again_has(const char *dir, const side_words *words, bool *out_has,
                                  st_error *error);
/* Are there any? ST_E_STORAGE: the disk does not say. */
ST_MUST_USE st_err side_has_again(const char *dir, bool *out_has, st_error *error);
/* Does a server keep its notes in dir/side? */
bool side_is_there(const char *dir);

#endif
