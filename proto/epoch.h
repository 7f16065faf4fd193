/* proto/epoch.h - what the key of the log says beside the log itself: that a new epoch began, and
 * where the server is. Source: docs/protocol.md 7.9. */
#ifndef SOTAY_PROTO_EPOCH_H
#define SOTAY_PROTO_EPOCH_H

#include "proto/bytes.h"
#include "proto/sign.h"

#define ST_EPOCHS_MAX        64u
#define ST_EPOCHS_SHOWN_MAX  64u  /* that one request shows */
#define ST_ADDRESS_BYTES_MAX 255u

/* The n-th epoch of a log (from 1). Up to `cut` its entries are those of the epoch before. */
typedef struct {
    uint64_t n;
    uint8_t epoch[8];
    uint64_t cut;
    uint8_t server_key[32];    /* of the server's own device from then on */
    uint8_t signature[ST_SIGNATURE_BYTES];
} st_epoch;

/* What the key of the log signs: "sotay-epoch/v1" NUL, log id 16, n, epoch 8, cut, server
 * key 32. */
#define ST_EPOCH_SIGN_BYTES (15 + 16 + 8 + 8 + 8 + 32)
void st_epoch_sign_text(const st_id *log, const st_epoch *epoch, uint8_t out[ST_EPOCH_SIGN_BYTES]);
/* By the key that the log has now: `log` is named after its first one (proto/log_key.h). */
bool st_epoch_verify(const st_id *log, const st_epoch *epoch, const uint8_t log_key[32]);

/* By which a list of epochs is told from another one: the beginning of the SHA-256 of the signed
 * texts of all its rows, one behind the other. */
#define ST_EPOCHS_MARK_BYTES 8u
void st_epochs_mark(const st_id *log, const st_epoch *rows, uint32_t count,
                    uint8_t out[ST_EPOCHS_MARK_BYTES]);

/* Where the server is: the notice with the highest n counts. */
typedef struct {
    uint64_t n;
    char url[ST_ADDRESS_BYTES_MAX + 1];
    uint8_t signature[ST_SIGNATURE_BYTES];
} st_address;

/* "sotay-address/v1" NUL, log id 16, n, the address. Appends. ST_E_MEMORY. */
ST_MUST_USE st_err st_address_sign_text(const st_id *log, const st_address *address,
                                        st_buffer *out);
bool st_address_verify(const st_id *log, const st_address *address, const uint8_t log_key[32]);
/* http:// or https:// and a host, printable ASCII, no slash at its end, no user, query or fragment;
 * at most ST_ADDRESS_BYTES_MAX. */
bool st_address_is_good(const char *url);

#endif
