/* server/catalogue/load.h - catalogue files (JSON, docs/data-model.md "Catalogue files") to forms
 * and field values. Reads files, writes nothing: server/rooms.c authors what comes out. */
#ifndef SOTAY_SERVER_CATALOGUE_LOAD_H
#define SOTAY_SERVER_CATALOGUE_LOAD_H

#include "server/catalogue/catalogue.h"

/* One record of a data file as operations of its creating change: path (items with a zero dot),
 * verb, value. */
typedef struct {
    st_op *ops;
    uint32_t ops_count;
} catalogue_draft;
/* All records of one file. */
typedef struct {
    const st_form *form;
    catalogue_draft *drafts;
    size_t count;
} catalogue_table;
/* A file in memory; name: for messages. */
typedef struct {
    const char *name, *text;
    size_t len;
} catalogue_text_file;
/* The JSON of a file, cJSON_Delete frees it; NULL when it is none. ST_E_MEMORY. */
struct cJSON;
ST_MUST_USE st_err catalogue_parse_json(const catalogue_text_file *file, struct cJSON **out_root,
                                        st_error *error);
/* One definition file -> st_form in the arena. ST_E_CORRUPT says file, place and reason;
 * ST_E_MEMORY. */
ST_MUST_USE st_err catalogue_parse_form(const catalogue_text_file *file, st_arena *arena,
                                        const st_form **out_form, st_error *error);
/* One data file {"form":NAME,"records":[{FIELD:VALUE,…}]} -> drafts in the arena. ST_E_NOT_FOUND:
 * the form is not in the catalogue; ST_E_VALUE: file, record, field, reason. */
ST_MUST_USE st_err catalogue_parse_data(catalogue *c, const catalogue_text_file *file,
                                        st_arena *arena, catalogue_table *out_table,
                                        st_error *error);
/* A table of one form: first line the field names, then a record a line; cells between tabs, a set
 * as a comma list, an empty cell is no value. Errors as above. */
ST_MUST_USE st_err catalogue_parse_table(catalogue *c, const char *form,
                                         const catalogue_text_file *file, st_arena *arena,
                                         catalogue_table *out_table, st_error *error);
/* A whole file, NUL-terminated, malloc'd; at most 4 MiB. ST_E_NOT_FOUND, ST_E_STORAGE,
 * ST_E_TOO_LARGE. */
ST_MUST_USE st_err catalogue_read_file(const char *path, char **out_text, size_t *out_len,
                                       st_error *error);
/* The *.json files of a folder, ascending by name; malloc'd array of malloc'd paths, freed with
 * catalogue_free_files. ST_E_NOT_FOUND, ST_E_STORAGE. */
ST_MUST_USE st_err catalogue_list_files(const char *dir, char ***out_paths, size_t *out_count,
                                        st_error *error);
void catalogue_free_files(char **paths, size_t count);

#endif
