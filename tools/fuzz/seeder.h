/* tools/fuzz/seeder.h - what the two files that write seeds share. */
#ifndef SOTAY_TOOLS_FUZZ_SEEDER_H
#define SOTAY_TOOLS_FUZZ_SEEDER_H

#include "tools/fuzz/fuzz.h"

typedef struct {
    const char *dir;
    st_arena arena;
    unsigned written;
} seeder;

/* Writes one input of a fuzzer; first: a byte in front of it, -1 for none. */
void seeder_save(seeder *s, const char *fuzzer, int first, const void *data, size_t len);
/* Answers that a phone may get and requests that a server may get, in the worlds of the fuzzers. */
void seeder_write_exchanges(seeder *s);
/* Files that somebody attaches. */
void seeder_write_media(seeder *s);
/* Bundles, published logs and pictures. */
void seeder_write_carried(seeder *s);

#endif
