/* proto/limits.h - every bound that both sides must agree on. The frozen ones (docs/protocol.md 9)
 * never change: a value, change, set or frame that an old phone wrote must stay acceptable. */
#ifndef SOTAY_PROTO_LIMITS_H
#define SOTAY_PROTO_LIMITS_H

#define ST_VALUE_BYTES_MAX 65536u           /* frozen: one value */
#define ST_CHANGE_BYTES_MAX 262144u         /* frozen: one change, encoded, with its values */
#define ST_SET_CHANGES_MAX 1024u            /* frozen: changes in one change-set */
#define ST_SET_BYTES_MAX 524288u            /* frozen: one change-set, encoded */
#define ST_ERASED_SET_BYTES_MAX 3145728u    /* the same after an erasure: keys beside the values */
#define ST_FRAME_BYTES_MAX 4194304u         /* frozen: one frame, decoded */

#define ST_BODY_BYTES_MAX (8u * 1024u * 1024u)    /* one request or answer, compressed */
#define ST_STREAM_BYTES_MAX (64u * 1024u * 1024u) /* one request or answer, decoded */
#define ST_OPS_MAX 4096u                    /* operations in one change */
#define ST_REPLACES_MAX 4096u               /* replaced dots of one operation */
#define ST_SIBLINGS_MAX 64u                 /* live operations of one path */
#define ST_RECORD_VALUES_MAX 32768u         /* live operations of one record */
#define ST_RECORD_WAITING_MAX 8192u         /* replaced dots that have not come, of one record */
#define ST_VECTOR_DOTS_MAX 65536u           /* single dots and holes in the vector of a bucket */
#define ST_VECTOR_DEVICE_DOTS_MAX 49152u    /* those of one device */
#define ST_VECTOR_DEVICE_HOLES_MAX 16384u   /* the holes among them */
#define ST_VECTOR_DEVICE_DOTS_MIN 4096u     /* so many a device may have whatever others have */
#define ST_DEVICES_MAX 4096u                /* device table of one set or record */
#define ST_UNDER_MAX 256u                   /* acts named in `under` of one change */
#define ST_CONTEXT_DOTS_MAX 4096u           /* single dots and holes in the context of one act */
#define ST_BUCKET_BYTES_MAX 63u
#define ST_LEASE_MS 3888000000LL            /* 45 days without contact lock others' records */
#define ST_CODE_BYTES_MAX 32u               /* an ASCII id: unit, criterion, form, login */
#define ST_REASON_CHARS_MAX 1000u
#define ST_WIRE_DEPTH_MAX 8u                /* nesting of a protobuf message */
#define ST_WIRE_FIELDS_MAX 200000u          /* fields in one foreign message, all levels */
#define ST_ZSTD_WINDOW_LOG_MAX 20
#define ST_CHUNK_BYTES_MAX 262144u          /* one piece of an attachment */
#define ST_PIECE_PART_BYTES_MAX 16384u      /* of a piece, in one frame */
#define ST_CHUNKS_MAX 2048u                 /* hashes of one attachment, and of one have-frame */
#define ST_ATTACHMENT_BYTES_MAX (20u * 1024u * 1024u) /* one attachment */
#define ST_RECORD_FILES_MAX 100u            /* attachments of one record that nobody dropped */
#define ST_RECORD_FILE_BYTES_MAX (200u * 1024u * 1024u) /* of all of them together */
#define ST_PARCEL_BYTES_MAX 655360u         /* a parcel: a set or a piece, sealed */
#define ST_BUNDLE_BYTES_MAX (64u * 1024u * 1024u) /* one bundle */
#define ST_BUNDLE_PARTS_MAX 65536u          /* parcels and receipts in one bundle */
#define ST_CARRY_BYTES_MAX (32u * 1024u * 1024u)  /* what one side gives in one exchange */
#define ST_CARRY_KNOWN_MAX 8192u            /* sets that one side names as known */
#define ST_CARRY_BUCKETS_MAX 4096u          /* buckets that one side names */
#define ST_CLOCK_SPREAD_MS_MAX 300000u      /* how far a foreign hybrid clock may move ours */

#endif
