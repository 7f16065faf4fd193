/* tests/crash/stretch.c - stretches a PIN by a few multiplications, before the programs that are
 * recorded and in the one that checks: a tenth of a second for each state would be most of a
 * run. What is stretched, and what opens with it, stays as it is. Never in what is shipped. */
#include <stddef.h>
#include <stdint.h>

#define SALT_BYTES 16u
#define PRIME      UINT64_C(1099511628211)

/* As libsodium has it; what its cost says is passed over. */
#define PWHASH_TAKES                                                                             \
    unsigned char *out, unsigned long long out_len, const char *pin, unsigned long long pin_len, \
        const unsigned char *salt, unsigned long long passes, size_t memory, int how
__attribute__((visibility("default"))) int crypto_pwhash(PWHASH_TAKES);

static uint64_t mix(uint64_t sum, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sum = (sum ^ ((const uint8_t *)bytes)[i]) * PRIME;
    return sum;
}

int crypto_pwhash(PWHASH_TAKES)
{
    uint64_t sum = mix(mix(UINT64_C(14695981039346656037), salt, SALT_BYTES), pin, pin_len);
    (void)passes;
    (void)memory;
    (void)how;
    for (unsigned long long i = 0; i < out_len; i++) {
        sum = (sum ^ i) * PRIME;
        out[i] = (uint8_t)(sum >> 56);
    }
    return 0;
}
