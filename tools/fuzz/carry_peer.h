/* tools/fuzz/carry_peer.h - another phone of the same book, which says what the input says: the
 * true handshake and seals around any frames. */
#ifndef SOTAY_TOOLS_FUZZ_CARRY_PEER_H
#define SOTAY_TOOLS_FUZZ_CARRY_PEER_H

#include "tools/fuzz/fuzz.h"
#include "tools/fuzz/phone_world.h"

/* The phone of phone_world.h after it heard of that other phone. Made once. */
const phone_world *carry_peer_world(void);
/* Signs what stands in a frame: a receipt, of the present epoch, by the server's key (lies: by the
 * other phone's); a set of the server's own device or of the other phone by theirs. Changed in
 * place. */
void carry_peer_sign(const phone_world *world, uint8_t *frame, size_t len, bool lies);

/* How the two meet. */
typedef struct {
    bool phone_fetches;
    bool is_liar;  /* the other one's proof has a wrong bit */
    bool says_end; /* it ends properly, after all frames of the input */
} carry_peer_how;
/* They meet; the frames of the input are given. Returns the code of the phone's last call, and
 * *out_report what it says of the exchange. */
int carry_peer_meet(const phone_world *world, sotay_client *client, carry_peer_how how,
                    fuzz_bytes frames, sotay_carry_report *out_report);

#endif
