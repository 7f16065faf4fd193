/* client-lib/src/peer.h - what the catalogue on this phone says of another device: its key, whose
 * it is, whether it is in use, and what its person may read. */
#ifndef SOTAY_CLIENT_PEER_H
#define SOTAY_CLIENT_PEER_H

#include "client-lib/src/lexicon.h"

typedef struct {
    st_id device, person;
    uint8_t sign_key[32];
    bool is_known;        /* a record here speaks of it, or one that does not open may */
    bool is_in_use;       /* neither suspended nor revoked, and its person is active */
    bool reads_nothing;   /* the person has no role; or that may stand in what is not here: a record
                           * does not open, or the catalogue was not read to its end */
    const st_code *units; /* assigned to its person, and what went into them; arena */
    size_t units_count, units_capacity;
} peer;

/* Inside a transaction. ST_E_NOT_FOUND (with *error): the catalogue here does not name it.
 * ST_E_STATE: it is being read anew, and the device's own record did not come again yet. */
ST_MUST_USE st_err peer_load(sotay_client *client, const st_id *device, st_arena *arena,
                             peer *out_peer, st_error *error);
/* May its person read the bucket? Of units: what is assigned by name, by area or by class, and what
 * went into it. What a role or a plan gives is not looked into: such a set goes sealed. */
bool peer_may_read(const peer *peer, const st_bucket *bucket);

#endif
