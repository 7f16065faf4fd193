/* client-lib/src/bucket.h - what this store knows of one bucket: how far its base is folded, the
 * sum of the base, its vector, and `here`, the own last counter in it. */
#ifndef SOTAY_CLIENT_BUCKET_H
#define SOTAY_CLIENT_BUCKET_H

#include "client-lib/src/client.h"
#include "proto/record.h"

typedef struct {
    uint64_t cursor; /* last log index folded; 0: none */
    st_sum sum;
    uint64_t here; /* own last counter in this bucket; 0: none */
    bool in_scope; /* the server lets this device read it */
    bool too_new;  /* a page needs a newer program: not read, still pushed */
    bool is_whole; /* read to a `last` page since it was begun, or begun anew */
} bucket_state;

/* Zeroed when nothing is known. ST_E_CORRUPT, ST_E_STORAGE. */
ST_MUST_USE st_err bucket_get(book_db *book, const st_bucket *bucket, bucket_state *out_state,
                              st_error *error);
ST_MUST_USE st_err bucket_put(book_db *book, const st_bucket *bucket, const bucket_state *state,
                              st_error *error);
/* Empty when there is none. */
ST_MUST_USE st_err bucket_vector_get(book_db *book, const st_bucket *bucket, st_arena *arena,
                                     st_vector *out_vector, st_error *error);
ST_MUST_USE st_err bucket_vector_put(book_db *book, const st_bucket *bucket,
                                     const st_vector *vector, st_error *error);
/* Is it the catalogue of a commune, which names the authors of all that is in the others? */
bool bucket_is_catalogue(const st_bucket *bucket);
/* The name of that of this store's commune. */
void bucket_catalogue(const sotay_client *client, st_bucket *out_bucket);
/* Some buckets. */
typedef struct {
    const st_bucket *names;
    size_t count;
} bucket_list;
/* The one of the list that has this name; NULL: it is not among them. */
const st_bucket *bucket_among(bucket_list list, const st_bucket *bucket);
/* The next bucket known, in order of name; scan from book_scan_of(BOOK_BUCKET). ST_E_NOT_FOUND. */
ST_MUST_USE st_err bucket_next(book_db *book, book_scan *scan, st_bucket *out_bucket,
                               bucket_state *out_state, st_error *error);

#endif
