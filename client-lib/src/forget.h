/* client-lib/src/forget.h - lines of histories (table HIST) that go with their set's bucket. */
#ifndef SOTAY_CLIENT_FORGET_H
#define SOTAY_CLIENT_FORGET_H

#include "client-lib/src/bucket.h"

/* All lines of sets of these buckets, whatever record they are about. Only histories of records
 * that such a set names are read, each line and each kept set once, however many buckets it are.
 * ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err forget_lines_of(sotay_client *client, bucket_list list, st_error *error);
/* Of one record: the lines of sets of the bucket. is_damaged_too: also those of which nothing says
 * whose they are. */
ST_MUST_USE st_err forget_lines(sotay_client *client, const st_id *record, const st_bucket *bucket,
                                bool is_damaged_too, st_error *error);

#endif
