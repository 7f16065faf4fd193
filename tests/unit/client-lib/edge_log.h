/* tests/unit/client-lib/edge_log.h - what the two halves of the edge share. */
#ifndef SOTAY_TESTS_EDGE_LOG_H
#define SOTAY_TESTS_EDGE_LOG_H

#include "tests/unit/client-lib/edge.h"

edge_bucket *edge_bucket_of(edge *e, const char *name);
edge_device *edge_device_of(edge *e, const st_id *id);
/* Stores and folds a set; `hold` for every change of it. */
edge_entry *edge_append(edge *e, const uint8_t *bytes, size_t len, st_hold hold);
/* Signs one change with the edge's own device, as the operator. Returns the record. */
st_id edge_author(edge *e, const char *bucket, st_change *change);
/* Lets a device in, with a record of it in the catalogue. */
void edge_know_device(edge *e, const st_id *id, const uint8_t key[32], const st_id *person);

#endif
