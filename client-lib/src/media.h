/* client-lib/src/media.h - what a file is, by its first bytes, and a picture without what its
 * camera wrote about place, owner and device. Pure C11: also for browsers. */
#ifndef SOTAY_CLIENT_MEDIA_H
#define SOTAY_CLIENT_MEDIA_H

#include "proto/bytes.h"

typedef struct {
    const char *kind, *mime; /* kind: as in the form; NULL: not a file that may be attached */
    uint32_t width, height;  /* of a picture; 0: unknown */
    uint8_t orientation;     /* of a picture, 1 to 8 as in EXIF; 0: not said */
    bool has_taken;          /* when the camera says: */
    int64_t taken_local_ms;  /*   its own wall clock, as ms since 1970 without a time zone */
} media;

/* Finds out what the bytes are. Audio, PDF, Word and Excel files are taken as they are; of a
 * picture (JPEG, PNG) out gets a copy without EXIF, comments and anything behind its end, but with
 * its orientation; of the others nothing is appended to out.
 * ST_E_VALUE: no kind of file that may be attached, or a picture that is not whole. ST_E_MEMORY. */
ST_MUST_USE st_err media_read(const uint8_t *data, size_t len, media *out_media, st_buffer *out,
                              st_error *error);

#endif
