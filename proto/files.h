/* proto/files.h - the attached files of a record, as its signed fields name them. */
#ifndef SOTAY_PROTO_FILES_H
#define SOTAY_PROTO_FILES_H

#include "proto/form.h"
#include "proto/hash.h"
#include "proto/record.h"

/* One attachment. Texts end in NUL, "" when not there; they live in the arena, the record or the
 * form. */
typedef struct {
    st_path path; /* of its hashes: names the item */
    const char *name, *kind, *mime;
    uint64_t bytes;        /* as signed */
    const st_hash *hashes; /* its pieces in order, at least one */
    size_t count;
    size_t missing;           /* of these: not here; whoever looks counts them */
    const uint8_t *thumbnail; /* a small JPEG, or NULL */
    size_t thumbnail_len;
    bool is_lost; /* the office declared that it will not come */
    bool is_dropped;
} st_file;

/* The attachments of a record in path order; form: of the record, NULL when it is not known. Arena.
 * ST_E_MEMORY. */
ST_MUST_USE st_err st_files_of(const st_form *form, const st_record *record, st_arena *arena,
                               st_file **out_files, size_t *out_count, st_error *error);
/* Would the record, with the files that the change brings, have more of them than it may
 * (limits.h)? *out_why: "attachments: ..." in English, static; NULL: no. form: as above. Arena.
 * ST_E_MEMORY. */
ST_MUST_USE st_err st_files_check(const st_form *form, const st_record *record,
                                  const st_change *change, st_arena *arena, const char **out_why,
                                  st_error *error);
/* Is something missing that nobody declared lost, and that nobody dropped? */
bool st_file_waits(const st_file *file);

#endif
