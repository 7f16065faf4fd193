/* proto/message_parts.h - what the files that read and write frames share. Only for message*.c and
 * the *_wire.c of single frames. */
#ifndef SOTAY_PROTO_MESSAGE_PARTS_H
#define SOTAY_PROTO_MESSAGE_PARTS_H

#include "proto/message.h"
#include "sotay.pb-c.h"

/* ---- reading ---- */

/* Says why: ST_E_CORRUPT, ST_E_MEMORY. */
st_err message_corrupt(st_error *error, const char *why);
st_err message_no_memory(st_error *error);
/* Exactly len bytes; nothing or exactly len bytes. False: another length. */
bool message_bytes(const ProtobufCBinaryData *from, void *out, size_t len);
bool message_optional(const ProtobufCBinaryData *from, void *out, size_t len, bool *out_there);
/* One entry of the log. ST_E_CORRUPT, ST_E_TOO_LARGE, ST_E_MEMORY. */
ST_MUST_USE st_err message_entry(const Sotay__Entry *from, st_arena *arena, st_entry *out,
                                 st_error *error);

/* ---- writing ---- */

typedef struct {
    st_arena arena;
    bool no_memory; /* some of it was not to be had: the frame is not sent */
} message_builder;

/* count zeroed elements; NULL, and the builder remembers, when there is no memory. */
void *message_make(message_builder *b, size_t count, size_t size);
/* Points at bytes or text that outlive the builder. */
ProtobufCBinaryData message_view(const void *data, size_t len);
char *message_string(const char *text);
/* One entry; the builder remembers when there is no memory. */
void message_put_entry(message_builder *b, const st_entry *entry, Sotay__Entry *out);

/* ---- frames in files of their own ---- */

/* epoch_wire.c. ST_E_CORRUPT, ST_E_TOO_LARGE, ST_E_MEMORY. */
ST_MUST_USE st_err message_get_epochs(const Sotay__Epochs *from, st_arena *arena,
                                      st_frame *out, st_error *error);
/* The same for a notice. */
ST_MUST_USE st_err message_get_address(const Sotay__AddressNotice *from, st_address *out,
                                       st_error *error);
/* The other way. */
void message_put_epochs(message_builder *b, const st_frame *frame, Sotay__Epochs *out);
ST_MUST_USE st_err message_get_seen_epochs(const Sotay__SyncAsk *from, st_arena *arena,
                                           st_ask *out, st_error *error);
void message_put_seen_epochs(message_builder *b, const st_ask *ask, Sotay__SyncAsk *out);
ST_MUST_USE st_err message_get_told_epochs(const Sotay__EnrolAnswer *from, st_arena *arena,
                                           st_enrol_answer *out, st_error *error);
void message_put_told_epochs(message_builder *b, const st_enrol_answer *answer,
                             Sotay__EnrolAnswer *out);
/* Changes of the log's key. */
ST_MUST_USE st_err message_get_log_keys(const Sotay__LogKeys *from, st_arena *arena,
                                        st_log_keys_told *out, st_error *error);
/* The other way. */
void message_put_log_keys(message_builder *b, const st_log_keys_told *keys, Sotay__LogKeys *out);
/* The other way. */
void message_put_address(const st_address *address, Sotay__AddressNotice *out);

/* repair_wire.c, reading: ST_E_CORRUPT, ST_E_TOO_LARGE, ST_E_MEMORY. */
ST_MUST_USE st_err message_get_repair_ask(const Sotay__RepairAsk *from, st_arena *arena,
                                          st_repair_ask *out, st_error *error);
/* The other way. */
ST_MUST_USE st_err message_get_repair_answer(const Sotay__RepairAnswer *from, st_arena *arena,
                                             st_repair_answer *out, st_error *error);
/* repair_wire.c, writing. */
void message_put_repair_ask(message_builder *b, const st_repair_ask *ask, Sotay__RepairAsk *out);
/* The other way. */
void message_put_repair_answer(message_builder *b, const st_repair_answer *answer,
                               Sotay__RepairAnswer *out);

/* snapshot_wire.c, both directions. */
ST_MUST_USE st_err message_get_snapshot(const Sotay__Snapshot *from, st_arena *arena,
                                        st_snapshot *out, st_error *error);
void message_put_snapshot(message_builder *b, const st_snapshot *snapshot, Sotay__Snapshot *out);

/* have_wire.c, reading: ST_E_CORRUPT, ST_E_TOO_LARGE, ST_E_MEMORY. */
ST_MUST_USE st_err message_get_have_ask(const Sotay__HaveAsk *from, st_arena *arena,
                                        st_have_ask *out, st_error *error);
/* The other way. */
ST_MUST_USE st_err message_get_have_answer(const Sotay__HaveAnswer *from, st_arena *arena,
                                           st_have_answer *out, st_error *error);
/* Bytes of a piece. */
ST_MUST_USE st_err message_get_piece_bytes(const Sotay__PieceBytes *from, st_piece_bytes *out,
                                           st_error *error);
/* have_wire.c, writing. */
void message_put_have_ask(message_builder *b, const st_have_ask *ask, Sotay__HaveAsk *out);
/* The other way. */
void message_put_have_answer(const st_have_answer *answer, Sotay__HaveAnswer *out);
/* Bytes of a piece. */
void message_put_piece_bytes(const st_piece_bytes *part, Sotay__PieceBytes *out);

/* purge_wire.c. ST_E_CORRUPT, ST_E_TOO_LARGE, ST_E_MEMORY. */
ST_MUST_USE st_err message_get_purges(const Sotay__SyncAsk *from, st_arena *arena, st_ask *out,
                                      st_error *error);
/* The other way. */
void message_put_purges(message_builder *b, const st_ask *ask, Sotay__SyncAsk *out);

/* message_decode.c: what the office said of a decline; NULL: nothing. False: no clean text. */
bool message_reason(const char *from, const char **out_reason);
/* decided_wire.c. ST_E_CORRUPT, ST_E_TOO_LARGE, ST_E_MEMORY. */
ST_MUST_USE st_err message_get_decided(const Sotay__SyncAsk *from, st_arena *arena, st_ask *out,
                                       st_error *error);
/* The other way. */
void message_put_decided(message_builder *b, const st_ask *ask, Sotay__SyncAsk *out);

/* carry_wire.c, reading: ST_E_CORRUPT, ST_E_TOO_LARGE, ST_E_MEMORY. */
ST_MUST_USE st_err message_get_renews(const Sotay__SyncAsk *from, st_arena *arena, st_ask *out,
                                      st_error *error);
ST_MUST_USE st_err message_get_parcel(const Sotay__Parcel *from, st_parcel *out, st_error *error);
ST_MUST_USE st_err message_get_receipt(const Sotay__Receipt *from, st_arena *arena,
                                       st_receipt *out, st_error *error);
ST_MUST_USE st_err message_get_carry(const Sotay__Carry *from, st_arena *arena, st_carry *out,
                                     st_error *error);
ST_MUST_USE st_err message_get_piece_taken(const Sotay__PieceTaken *from, st_piece_taken *out,
                                           st_error *error);
/* carry_wire.c, writing. */
void message_put_renews(message_builder *b, const st_ask *ask, Sotay__SyncAsk *out);
void message_put_parcel(const st_parcel *parcel, Sotay__Parcel *out);
void message_put_receipt(const st_receipt *receipt, Sotay__Receipt *out);
void message_put_carry(message_builder *b, const st_carry *carry, Sotay__Carry *out);
void message_put_piece_taken(const st_piece_taken *taken, Sotay__PieceTaken *out);

/* heir_wire.c. ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err message_get_heir_ask(const Sotay__HeirAsk *from, st_heir_ask *out,
                                        st_error *error);
ST_MUST_USE st_err message_get_heir_answer(const Sotay__HeirAnswer *from, st_arena *arena,
                                           st_heir_answer *out, st_error *error);
void message_put_heir_ask(const st_heir_ask *ask, Sotay__HeirAsk *out);
void message_put_heir_answer(message_builder *b, const st_heir_answer *answer,
                             Sotay__HeirAnswer *out);
/* What stands in it and in a frame of its own: message_decode.c, message_encode.c. */
ST_MUST_USE st_err message_get_enrol_answer(const Sotay__EnrolAnswer *from, st_arena *arena,
                                            st_enrol_answer *out, st_error *error);
void message_put_enrol_answer(message_builder *b, const st_enrol_answer *answer,
                              Sotay__EnrolAnswer *out);
/* Lists of held changes: message_decode.c, message_encode.c. */
ST_MUST_USE st_err message_held(Sotay__HeldChange *const *from, size_t count, st_arena *arena,
                                const st_held **out_held, st_error *error);
Sotay__HeldChange **message_put_held(message_builder *b, const st_held *held, uint32_t count);

#endif
