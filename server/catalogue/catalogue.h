/* server/catalogue/catalogue.h - the forms and word lists the commune works with, as the log holds
 * them: records of `<commune>/catalogue`. Forms are decoded once and shared by all threads; a form
 * that was handed out stays valid until the catalogue is closed. */
#ifndef SOTAY_SERVER_CATALOGUE_CATALOGUE_H
#define SOTAY_SERVER_CATALOGUE_CATALOGUE_H

#include "proto/form.h"
#include "server/store/store.h"

typedef struct catalogue catalogue;

/* Names of the forms whose records the server itself reads. */
#define CATALOGUE_FORM "form"
#define CATALOGUE_PERSON "person"
#define CATALOGUE_DEVICE "device"
#define CATALOGUE_ASSIGNMENT "assignment"
#define CATALOGUE_UNIT "unit"

/* An empty cache. ST_E_MEMORY. */
ST_MUST_USE st_err catalogue_new(catalogue **out_catalogue, st_error *error);
void catalogue_free(catalogue *c);
/* Reads all `form` records of the store. ST_E_CORRUPT, ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err catalogue_read(catalogue *c, store_txn *txn, st_error *error);

/* The form, or NULL. */
const st_form *catalogue_form(catalogue *c, const char *name, uint32_t version);
/* The newest version of it, or NULL. */
const st_form *catalogue_newest(catalogue *c, const char *name);
/* All forms, newest versions only, ascending by name: at most max of them; returns how many. */
size_t catalogue_forms(catalogue *c, const st_form **out_forms, size_t max);

/* Adds the definition in a `form` record: the only live value of kind BYTES (so that a replica
 * can read the form "form" before it knows it). Visible at once, but taken back by
 * catalogue_settle(false). A record without a readable definition is skipped. ST_E_MEMORY. */
ST_MUST_USE st_err catalogue_learn(catalogue *c, const st_record *record, st_error *error);
/* Adds a definition that is not in the log yet (the loader); as above. */
ST_MUST_USE st_err catalogue_add(catalogue *c, const uint8_t *bytes, size_t len, st_error *error);
/* What was learned since the last call stays (the transaction was committed), or goes. */
void catalogue_settle(catalogue *c, bool committed);

/* ---- reading single fields of a record ---- */

/* The shown value of a top-level field by name; kind NULL when the form has no such field or the
 * record no value. The value lives as long as the record. */
st_value catalogue_value(const st_form *form, const st_record *record, const char *field);
/* The same as text of kind TEXT or CODE: into text (cut at a character), "" when there is none. */
void catalogue_text(const st_form *form, const st_record *record, const char *field, char *text,
                    size_t text_bytes);
/* The id of an enum option by number, NULL when unknown. */
const char *catalogue_option(const st_list *list, int64_t number);
/* Is the record withdrawn (a withdraw in force)? */
bool catalogue_is_withdrawn(const st_record *record);

/* Calls `each` for every live element of a `set` field, until it returns false. */
void catalogue_each_element(const st_form *form, const st_record *record, const char *field,
                            bool (*each)(void *context, st_value element), void *context);

/* ---- units and keys ---- */

typedef struct {
    st_code id;
    st_id record;
    uint64_t since;            /* log index of its creation */
    char name[161];            /* name_vi, "" when there is none */
    char class_id[33];         /* "x", "a", … or "" */
    char areas[257];           /* ids between commas: ",ar-01477," or "" */
    char successors[257];      /* units that it went into, likewise */
} catalogue_unit;

/* ST_E_NOT_FOUND, ST_E_STORAGE. */
ST_MUST_USE st_err catalogue_unit_get(store_txn *txn, const char *unit, catalogue_unit *out_unit,
                                      st_error *error);
/* Calls `each` for every unit, ascending by id, until it returns false. */
ST_MUST_USE st_err catalogue_unit_each(store_txn *txn,
                                       bool (*each)(void *context, const catalogue_unit *unit),
                                       void *context, st_error *error);
/* Refreshes the row of a unit from its record (called by the fold). *out_moves: it has, or had,
 * units that it went into. */
ST_MUST_USE st_err catalogue_unit_fold(store_txn *txn, const st_form *form,
                                       const st_record *record, uint64_t index, bool *out_moves,
                                       st_error *error);
/* The short label (label_vi) of a key of a keyed group: `keys` is the form that holds them
 * ("criterion"), whose field `<keys>_id` is the key ("a3"). "" when there is none. ST_E_CORRUPT:
 * it is not among those that can be read. ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err catalogue_key_label(catalogue *c, store_txn *txn, const char *keys,
                                       const char *key, char *label, size_t label_bytes);

#endif
