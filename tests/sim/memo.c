/* tests/sim/memo.c - a signature that was found good is not computed again: st_sign_verify of
 * proto/sign.h, wrapped by the linker (rig.mk). The server and every phone check each set; in one
 * process that is the same work ten times, and half of a world's time. Promises that only what the
 * real one called good is called good, for exactly these bytes; every 64th is computed anyway.
 * The table is this file's variable: the wrapped function knows no world. */
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/sign.h"

#define MEMO_SLOTS     16384u
#define TEXT_BYTES_MAX 512u

typedef struct {
    uint8_t name[16];
    bool is_set;
} memo_slot;

static memo_slot memo[MEMO_SLOTS];
static uint64_t asked;

bool __real_st_sign_verify(const uint8_t public_key[32], const void *data, size_t len,
                           const uint8_t signature[64]);
bool __wrap_st_sign_verify(const uint8_t public_key[32], const void *data, size_t len,
                           const uint8_t signature[64]);

bool __wrap_st_sign_verify(const uint8_t public_key[32], const void *data, size_t len,
                           const uint8_t signature[64])
{
    static const uint8_t KEY[16] = "sim-memo";
    uint8_t text[32 + 64 + TEXT_BYTES_MAX], name[16];
    uint32_t at = 0;
    if (len > TEXT_BYTES_MAX)
        return __real_st_sign_verify(public_key, data, len, signature);
    memcpy(text, public_key, 32);
    memcpy(text + 32, signature, 64);
    memcpy(text + 96, data, len);
    if (crypto_shorthash_siphashx24(name, text, 96 + len, KEY) != 0)
        abort();
    memcpy(&at, name, sizeof at);
    memo_slot *slot = &memo[at % MEMO_SLOTS];
    if (slot->is_set && memcmp(slot->name, name, sizeof name) == 0 && ++asked % 64 != 0)
        return true;
    if (!__real_st_sign_verify(public_key, data, len, signature))
        return false;
    memcpy(slot->name, name, sizeof name);
    slot->is_set = true;
    return true;
}
