/* proto/record_parts.h - what the files of the stored record share. Only for record_*.c. */
#ifndef SOTAY_PROTO_RECORD_PARTS_H
#define SOTAY_PROTO_RECORD_PARTS_H

#include "proto/record.h"

/* Appends the live operation as one `lives` of a RecordState. `item` and `kept` are the numbers of
 * those dots' devices in its table; 0 where there is no such dot. ST_E_MEMORY, ST_E_TOO_LARGE. */
ST_MUST_USE st_err st_record_put_live(const st_live *live, uint32_t item, uint32_t kept,
                                      st_buffer *out, st_error *error);

#endif
