/* tools/fuzz/book_world.h - a server's book with people, phones and a visit in it, that is put back
 * to where it began after an input has changed it. Made once, always the same. */
#ifndef SOTAY_TOOLS_FUZZ_BOOK_WORLD_H
#define SOTAY_TOOLS_FUZZ_BOOK_WORLD_H

#include "proto/message.h"
#include "tests/unit/server/server_rig.h"

#define BOOK_PIECES 3u
#define BOOK_HONEST 3u

typedef struct {
    rig r;
    rig_phone an, binh;    /* officers of RIG_UNIT, each with a phone */
    st_id visit;           /* of an, with a conflict by binh */
    store_slice honest[BOOK_HONEST]; /* sets of an that the book does not have yet */
    st_chunk pieces[BOOK_PIECES]; /* of a file of the visit, which the server does not have */
    st_hash hashes[BOOK_PIECES];
    uint8_t *kept;         /* the store's file as it was in the beginning */
    size_t kept_len;
    uint64_t entries; /* of the log then */
} book_world;

book_world *book_world_get(void);
/* How many entries the log has now. */
uint64_t book_world_entries(book_world *world);
/* Signs the head of a request of the phone, with its next counter; what else the head says is
 * there already. */
void book_world_sign(rig_phone *phone, const char *method, const char *path,
                     const st_buffer *stream, st_head *head);
/* The head of a request by an, with the next counter, over its stream. */
void book_world_head(book_world *world, const char *method, const char *path,
                     const st_buffer *stream, uint8_t out[ST_HEAD_BYTES]);
/* An answer must be a whole stream of frames, of which each can be read; `look` (or NULL) sees
 * them. */
typedef void (*book_look)(void *context, const st_frame *frame);
void book_world_check(const st_buffer *reply, book_look look, void *context);
/* Puts the book back if its log has grown. Returns whether it had. */
bool book_world_restore(book_world *world);

#endif
