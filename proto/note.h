/* proto/note.h - signed notes (C2SP signed-note): checkpoints of the log (tlog-checkpoint), what
 * witnesses add to them (tlog-cosignature), keys in text, and proofs in files (tlog-proof). */
#ifndef SOTAY_PROTO_NOTE_H
#define SOTAY_PROTO_NOTE_H

#include "proto/arena.h"
#include "proto/bytes.h"
#include "proto/sign.h"
#include "proto/tree.h"

#define ST_NOTE_NAME_BYTES  80u /* an origin or the name of a key, with NUL */
#define ST_NOTE_BYTES_MAX   65536u
#define ST_NOTE_LINES_MAX   256u /* signatures looked at */
#define ST_VKEY_BYTES       160u /* of a key in text, with NUL */
#define ST_CHECKPOINT_BYTES 320u /* of a checkpoint with the log's own signature alone */

typedef enum {
    ST_KEY_LOG = 1,    /* Ed25519 over the text of the note */
    ST_KEY_WITNESS = 4 /* Ed25519 over a time and the text: cosignature/v1 */
} st_key_type;

/* Who signs a note. The same key under another name is another signer. */
typedef struct {
    char name[ST_NOTE_NAME_BYTES];
    st_key_type type;
    uint8_t key[32];
} st_vkey;
/* "name+01234567+base64(type, key)". */
void st_vkey_format(const st_vkey *vkey, char text[ST_VKEY_BYTES]);
/* Only what st_vkey_format writes, of a type above. */
bool st_vkey_parse(const char *text, size_t len, st_vkey *out_vkey);
/* First 4 bytes of SHA-256(name, 0x0A, type, key). */
uint32_t st_vkey_id(const st_vkey *vkey);
/* Names are for lines of text: not empty, no blank, no plus sign, printable ASCII. */
bool st_note_name_is_good(const char *name);

/* The name of a log's note: "sotay/<commune>/<log id>/<epoch number>", and that of a phone's
 * cosignature: "sotay/<commune>/phone/<device id>". */
void st_origin(const char *commune, const st_id *log, uint64_t epoch_n,
               char out[ST_NOTE_NAME_BYTES]);
void st_witness_name(const char *commune, const st_id *device, char out[ST_NOTE_NAME_BYTES]);
/* The epoch number at the end of an origin, and whether two differ in nothing else. 0: none. */
uint64_t st_origin_epoch(const char *origin);
/* The log's id in an origin. False: it is none that st_origin writes. */
bool st_origin_log(const char *origin, st_id *out_log);
bool st_origin_is_same_log(const char *a, const char *b);

typedef struct {
    char origin[ST_NOTE_NAME_BYTES];
    st_tree_head head;
} st_checkpoint;

/* A note taken apart; all slices point into its bytes. */
typedef struct {
    const char *name;
    size_t name_len;
    uint32_t key_id;
    uint8_t bytes[72]; /* the signature, or what there is of one of another type */
    size_t len;
} st_note_line;
typedef struct {
    const char *text; /* what is signed, with its last line end */
    size_t text_len;
    st_note_line *lines; /* in the caller's arena */
    uint32_t lines_count;
} st_note;

/* Appends the three lines of a checkpoint. ST_E_MEMORY, ST_E_TOO_LARGE. */
ST_MUST_USE st_err st_checkpoint_text(const st_checkpoint *checkpoint, st_buffer *out,
                                      st_error *error);
/* Appends text, an empty line and the log's signature. Name: the checkpoint's origin. */
ST_MUST_USE st_err st_checkpoint_sign(const st_checkpoint *checkpoint, const uint8_t secret[64],
                                      st_buffer *out, st_error *error);
typedef struct {
    char name[ST_NOTE_NAME_BYTES];
    uint8_t public_key[32], secret[64];
} st_note_signer;
/* Appends the line of a witness, with its line end. text: of the note; time in s since 1970. */
ST_MUST_USE st_err st_cosign(const st_note_signer *signer, const st_note *note, uint64_t time_s,
                             st_buffer *out, st_error *error);

/* The same as bytes: time 8, signature 64; the line of such; and does one hold? */
ST_MUST_USE st_err st_cosign_bytes(const st_note_signer *signer, const st_note *note,
                                   uint64_t time_s, uint8_t out[8 + ST_SIGNATURE_BYTES],
                                   st_error *error);
ST_MUST_USE st_err st_cosign_line(const st_vkey *witness, const uint8_t bytes[8 + 64],
                                  st_buffer *out, st_error *error);
bool st_cosign_holds(const uint8_t public_key[32], const st_note *note,
                     const uint8_t bytes[8 + ST_SIGNATURE_BYTES]);
/* Takes a note apart. Strict: UTF-8 without control characters, canonical base64, nothing behind
 * the last line. Lines of unknown signers are there too. ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err st_note_decode(const void *bytes, size_t len, st_arena *arena, st_note *out_note,
                                  st_error *error);
/* The checkpoint in a note's text: exactly three lines. ST_E_CORRUPT. */
ST_MUST_USE st_err st_checkpoint_decode(const st_note *note, st_checkpoint *out_checkpoint,
                                        st_error *error);
/* The line by this signer: NULL when there is none; *out_good: its signature holds. out_time_s (may
 * be NULL): a witness's time, 0 for a log. */
const st_note_line *st_note_by(const st_note *note, const st_vkey *vkey, bool *out_good,
                               uint64_t *out_time_s);
typedef struct {
    st_note note;
    st_checkpoint checkpoint;
} st_opened;
/* All of it: decodes, and the log's own signature must be there and hold, under its origin. The
 * epoch at the end of vkey's name may be another. ST_E_CORRUPT, ST_E_SIGNATURE, ST_E_MEMORY. */
ST_MUST_USE st_err st_checkpoint_open(const void *bytes, size_t len, const st_vkey *vkey,
                                      st_arena *arena, st_opened *out_opened, st_error *error);

/* A proof in a file: the leaf at `place` is in the tree of the checkpoint behind it. */
typedef struct {
    uint64_t place;
    st_proof proof;
    const char *checkpoint; /* a note */
    size_t checkpoint_len;
} st_proof_file;
/* Appends the whole file. ST_E_MEMORY, ST_E_TOO_LARGE. */
ST_MUST_USE st_err st_proof_file_encode(const st_proof_file *file, st_buffer *out, st_error *error);
/* Strict, but for an `extra` line, which is passed over. ST_E_CORRUPT. */
ST_MUST_USE st_err st_proof_file_decode(const void *bytes, size_t len, st_proof_file *out_file,
                                        st_error *error);

#endif
