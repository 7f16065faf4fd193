/* proto/id.h - who and what: device, record and person ids, dots, paths.
 * Source: docs/protocol.md 1. Plain values, compared and ordered as bytes. */
#ifndef SOTAY_PROTO_ID_H
#define SOTAY_PROTO_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/limits.h"

typedef struct { uint8_t b[16]; } st_id;
typedef struct { uint8_t b[32]; } st_hash;

/* Identity of a change: counters of a device rise by one from 1. counter 0 = no dot. */
typedef struct {
    st_id device;
    uint64_t counter;
} st_dot;

/* An ASCII id ([A-Za-z0-9_/.-], 1..32 bytes) or empty. NUL-terminated. */
typedef struct { char s[ST_CODE_BYTES_MAX + 1]; } st_code;
/* A bucket name, `01477/unit/01477-x001`; NUL-terminated. */
typedef struct { char s[ST_BUCKET_BYTES_MAX + 1]; } st_bucket;

typedef enum {
    ST_PATH_FIELD = 0,  /* field of the record */
    ST_PATH_KEYED = 1,  /* field of a keyed group: group, key, field */
    ST_PATH_ITEM = 2,   /* field of an item of a listed group: group, item, place, field */
    ST_PATH_DROP = 3    /* the register that drops or keeps an item: group, item, place */
} st_path_kind;

/* The address of a value. Zero what a kind does not use: paths are compared field by field.
 * An element of a `set` field has a path of its own: element_len > 0. An element is the canonical
 * bytes of its value: enum as 8 bytes big-endian, code as its ASCII, id as its 16 bytes. */
typedef struct {
    st_path_kind kind;
    uint16_t group;     /* number of the group in the form; 0 for ST_PATH_FIELD */
    uint16_t field;     /* number of the field; 0 for ST_PATH_DROP */
    st_code key;        /* ST_PATH_KEYED */
    st_dot item;        /* ST_PATH_ITEM, ST_PATH_DROP: the change that made the item, */
    uint16_t place;     /*   and its place in it, from 0 */
    uint8_t element_len;
    uint8_t element[ST_CODE_BYTES_MAX];
} st_path;

/* memcmp order of ids, dots (device, then counter) and paths (kind-independent: group, key, item,
 * place, field, element). Return <0, 0, >0. */
int st_id_cmp(const st_id *a, const st_id *b);
int st_dot_cmp(const st_dot *a, const st_dot *b);
int st_path_cmp(const st_path *a, const st_path *b);
bool st_id_is_zero(const st_id *id);
bool st_dot_is_zero(const st_dot *dot);

/* "32 hex" and back, lower case only: an id has one spelling. text holds 33 bytes. */
void st_id_format(const st_id *id, char *text);
bool st_id_parse(const char *text, st_id *out_id);

/* "<32 hex>:<counter>"; text holds 56 bytes. Parse accepts counter 1..2^63-1 without leading 0. */
#define ST_DOT_TEXT_BYTES 56
void st_dot_format(const st_dot *dot, char *text);
bool st_dot_parse(const char *text, st_dot *out_dot);

/* An item's id "<32 hex>:<counter>:<place>"; text holds 64 bytes. */
#define ST_ITEM_TEXT_BYTES 64
void st_item_format(const st_dot *item, uint16_t place, char *text);
bool st_item_parse(const char *text, st_dot *out_item, uint16_t *out_place);

/* Copies 1..32 bytes of the code alphabet; false otherwise (out untouched). */
bool st_code_set(st_code *out_code, const char *text, size_t len);
/* A bucket name: three-part `<commune>/unit/<unit>` or two-part
 * `<commune>/catalogue|council|review`; each part 1..32 code characters without '/'; false
 * otherwise. */
bool st_bucket_set(st_bucket *out_bucket, const char *text, size_t len);

/* Record id = first 16 bytes of SHA-256(device 16, counter as 8 bytes big-endian, random 16). */
st_id st_record_id(const st_dot *creating, const uint8_t random[16]);
/* Device id = first 16 bytes of SHA-256(Ed25519 public key). */
st_id st_device_id(const uint8_t sign_key[32]);
/* Log id = first 16 bytes of SHA-256(log verifier key, Ed25519). */
st_id st_log_id(const uint8_t log_key[32]);

#endif
