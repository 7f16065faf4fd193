/* proto/carry.h - what somebody else carries: parcels that only the server opens, its receipts,
 * bundles, and what two phones sign before they trust each other. Source: docs/protocol.md 7.12. */
#ifndef SOTAY_PROTO_CARRY_H
#define SOTAY_PROTO_CARRY_H

#include "proto/hash.h"
#include "proto/message.h"

/* ---- parcels ---- */

/* Seals one frame (a set, or one piece of a file) to the server. parcel: its clear part; `sealed`
 * is set, and lies in out, which is replaced. ST_E_TOO_LARGE, ST_E_MEMORY, ST_E_VALUE: the key is
 * none. */
ST_MUST_USE st_err st_parcel_seal(const uint8_t seal_key[32], const st_frame *inside,
                                  st_parcel *parcel, st_buffer *out, st_error *error);
typedef struct {
    const uint8_t *public_key, *secret; /* X25519, 32 bytes each */
} st_seal_pair;
/* Opens it; everything lives in the arena. What is inside is of the parcel's kind; whether it is
 * the set or piece that stands beside is the caller's to see. ST_E_CORRUPT: it does not open, or is
 * not one frame of its kind; ST_E_TOO_LARGE, ST_E_MEMORY. */
ST_MUST_USE st_err st_parcel_open(const st_parcel *parcel, st_seal_pair keys, st_arena *arena,
                                  st_frame *out_inside, st_error *error);

/* ---- receipts ---- */

/* The body of a receipt, in out (replaced); body and body_len are set. ST_E_MEMORY. */
ST_MUST_USE st_err st_receipt_make(st_receipt *receipt, st_buffer *out, st_error *error);
/* What the server's device signs: "sotay-receipt/v1" NUL, log id 16, SHA-256(body). */
#define ST_RECEIPT_SIGN_BYTES 65
void st_receipt_sign_text(const st_id *log, const st_receipt *receipt,
                          uint8_t out[ST_RECEIPT_SIGN_BYTES]);
bool st_receipt_verify(const st_receipt *receipt, const st_id *log, const uint8_t server_key[32]);

/* ---- bundles: ST_BUNDLE_MAGIC, length of the head u32, head, parts one behind the other; each
 *      part is one frame, parcel or receipt ---- */

#define ST_BUNDLE_MAGIC       "sotay-bundle/v1\n"
#define ST_BUNDLE_MAGIC_BYTES 16u
typedef struct {
    st_hash hash;              /* SHA-256 of its bytes */
    uint32_t bytes;            /* 1 .. ST_FRAME_BYTES_MAX */
} st_bundle_part;
typedef struct {
    st_id log, device;
    uint8_t sign_key[ST_SIGN_PUBLIC_BYTES];
    int64_t made_ms;
    const st_bundle_part *parts;
    uint32_t parts_count;
    uint8_t signature[ST_SIGNATURE_BYTES];
} st_bundle_head;
/* What its maker signs: "sotay-bundle/v1" NUL, log id 16, device 16, made_ms u64, SHA-256 of the
 * list of parts. */
#define ST_BUNDLE_SIGN_BYTES 88
void st_bundle_sign_text(const st_bundle_head *head, uint8_t out[ST_BUNDLE_SIGN_BYTES]);
/* Appends the magic, the length and the head. ST_E_MEMORY, ST_E_TOO_LARGE. */
ST_MUST_USE st_err st_bundle_head_put(const st_bundle_head *head, st_buffer *out,
                                      st_error *error);
/* The bytes of a bundle, wherever they lie. read: len bytes from `at` on, all within len; its
 * errors are those of who reads. */
typedef struct {
    void *context;
    st_err (*read)(void *context, uint64_t at, uint8_t *bytes, size_t len, st_error *error);
    uint64_t len;
} st_bundle_source;
/* Of bytes that stay where they are. */
st_bundle_source st_bundle_memory(const void *bytes, size_t len);
/* The head of a whole bundle, with the list in the arena, and where the first part lies. Every part
 * is there and has its hash, nothing lies behind them, the head is signed by the key it names, and
 * the device is that key's. Says nothing of who that is. Reads one part at a time.
 * ST_E_CORRUPT: no bundle, cut or changed; ST_E_VERSION, ST_E_TOO_LARGE, ST_E_SIGNATURE,
 * ST_E_MEMORY. */
ST_MUST_USE st_err st_bundle_open(const st_bundle_source *from, st_arena *arena,
                                  st_bundle_head *out_head, uint64_t *out_at, st_error *error);
/* The bytes of the part that lies at `at`, in place of what `out` held (of ST_FRAME_BYTES_MAX); its
 * hash is looked at once more. ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err st_bundle_part_read(const st_bundle_source *from, uint64_t at,
                                       const st_bundle_part *part, st_buffer *out,
                                       st_error *error);

/* ---- two phones ---- */

/* SHA-256 over both hellos, that of the one who serves first. */
st_hash st_carry_transcript(st_mac_text serves, st_mac_text fetches);
/* What each side signs: "sotay-carry/v1" NUL, log id 16, side u8 (0 serves, 1 fetches),
 * transcript. */
#define ST_CARRY_SIGN_BYTES 64
void st_carry_sign_text(const st_id *log, bool fetches, const st_hash *transcript,
                        uint8_t out[ST_CARRY_SIGN_BYTES]);
/* Six digits that both show: "123 456". text holds 8 bytes. */
void st_carry_code(const st_hash *transcript, char *text);

#endif
