/* proto/hash_parts.h - what the files of SHA-256 share; not for others. */
#ifndef SOTAY_PROTO_HASH_PARTS_H
#define SOTAY_PROTO_HASH_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/hash.h"

#define ST_SHA256_BLOCK_BYTES 64u

/* The constants of FIPS 180-4. */
extern const uint32_t st_sha256_initial[8];
extern const uint32_t st_sha256_round[64];

/* Does this processor have instructions for SHA-256? When not, st_sha256_blocks is not called. */
bool st_sha256_has_blocks(void);
/* Takes `count` blocks of one message into its state. */
void st_sha256_blocks(uint32_t state[8], const uint8_t *data, size_t count);

/* How commitments are computed side by side: what this processor can do, each with what stands
 * before it. */
typedef enum { ST_LANES_USUAL, ST_LANES_WIDE, ST_LANES_TURNING } st_lanes;
st_lanes st_lanes_best(void);
/* st_value_macs in one of the ways up to the best: all give the same. */
void st_value_macs_by(st_lanes way, const uint8_t seed[32], st_mac_texts values,
                      st_hash *out_macs);

#endif
