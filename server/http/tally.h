/* server/http/tally.h - how many of each kind are in the room at once: connections of an address,
 * requests of a device. Who is there too often already waits outside; nobody else notices. */
#ifndef SOTAY_SERVER_HTTP_TALLY_H
#define SOTAY_SERVER_HTTP_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#define TALLY_KEY_BYTES 16u

typedef struct tally tally;

/* For at most `room` entered at the same time, `each` of them under one key. Returns NULL without
 * memory; free with tally_free. All calls may come from any thread. */
tally *tally_new(unsigned room, unsigned each);
void tally_free(tally *t);
/* Counts one more under the key (TALLY_KEY_BYTES); false when `each` are in already or the room is
 * full: nothing is counted then. Whoever entered leaves once. */
bool tally_enter(tally *t, const uint8_t *key);
void tally_leave(tally *t, const uint8_t *key);
/* All have left. */
void tally_clear(tally *t);

#endif
