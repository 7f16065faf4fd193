/* server/catalogue/load_data.c - data files of the catalogue (JSON, or a table of units) as the
 * operations of creating changes.
 * Promises: every value passed the form's own check; what is wrong is said with file, record and
 * field. Must never write anything. */
#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/catalogue/load.h"

#define FILE_BYTES_MAX (4u * 1024u * 1024u)
#define RECORDS_MAX 10000
#define FILES_MAX 1000u
#define COLUMNS_MAX 64u

/* One record while it is being made. */
typedef struct {
    const char *name;          /* of the file */
    st_arena *arena;
    st_error *error;
    const st_form *form;
    size_t record;             /* from 1, for messages */
    st_op *ops;
    size_t count, capacity;
} maker;

static st_err wrong(const maker *m, const char *field, const char *why)
{
    return st_fail(m->error, ST_E_VALUE, "%s: record %zu: %s: %.120s", m->name, m->record, field,
                   why);
}

static st_err add_op(maker *m, const st_path *path, st_verb verb, const st_value *value)
{
    st_op *ops = m->ops;
    if (m->count == m->capacity)
        ops = st_arena_grow(m->arena, m->ops, m->count, &m->capacity, sizeof *ops);
    if (ops == NULL)
        return st_fail(m->error, ST_E_MEMORY, "%s: out of memory", m->name);
    m->ops = ops;
    memset(&ops[m->count], 0, sizeof *ops);
    ops[m->count].path = *path;
    ops[m->count].verb = verb;
    ops[m->count].value = *value;
    m->count++;
    return ST_OK;
}

/* ---- values ---- */

/* A JSON scalar as a person would write it; NULL when it is none. text holds 64 bytes. */
static const char *scalar_text(const cJSON *item, char text[64])
{
    if (cJSON_IsString(item))
        return item->valuestring;
    if (cJSON_IsBool(item))
        return cJSON_IsTrue(item) ? "true" : "false";
    if (!cJSON_IsNumber(item))
        return NULL;
    (void)snprintf(text, 64, "%.10g", item->valuedouble);
    return text;
}

static st_verb verb_for(const st_field *field, const st_path *path)
{
    if (path->kind == ST_PATH_ITEM)
        return field->cls == ST_CLASS_REMARK ? ST_VERB_REMARK : ST_VERB_ITEM;
    return field->cls == ST_CLASS_SET ? ST_VERB_ADD : ST_VERB_SET;
}

static st_err put_text(maker *m, const st_field *field, st_path *path, const char *text)
{
    st_error inner = { 0 };
    st_value value;
    memset(&value, 0, sizeof value);
    st_err err = ST_OK;
    if (field->cls == ST_CLASS_SET) {
        err = st_element_parse(field, text, path, &inner);
        value.kind = ST_VALUE_INT;
        value.number = 1;
    } else {
        err = st_value_parse(field, text, m->arena, &value, &inner);
    }
    if (err == ST_E_MEMORY)
        return st_fail(m->error, err, "%s: out of memory", m->name);
    if (err != ST_OK)
        return wrong(m, field->name, inner.detail);
    err = add_op(m, path, verb_for(field, path), &value);
    path->element_len = 0;
    memset(path->element, 0, sizeof path->element);
    return err;
}

static st_err put_json(maker *m, const st_field *field, st_path *path, const cJSON *item)
{
    char number[64];
    st_err err = ST_OK;
    path->field = field->no;
    if (cJSON_IsNull(item))
        return ST_OK;
    if (field->cls == ST_CLASS_SET && cJSON_IsArray(item)) {
        for (const cJSON *at = item->child; err == ST_OK && at != NULL; at = at->next) {
            const char *text = scalar_text(at, number);
            err = text == NULL ? wrong(m, field->name, "an element is no plain value")
                               : put_text(m, field, path, text);
        }
        return err;
    }
    const char *text = scalar_text(item, number);
    return text == NULL ? wrong(m, field->name, "is no plain value")
                        : put_text(m, field, path, text);
}

/* ---- records ---- */

static st_err put_members(maker *m, const st_group *group, st_path *path, const cJSON *object)
{
    st_err err = ST_OK;
    if (!cJSON_IsObject(object))
        return wrong(m, group->name, "holds something that is no object");
    for (const cJSON *at = object->child; err == ST_OK && at != NULL; at = at->next) {
        const st_field *field = st_group_field(group, at->string);
        err = field == NULL ? wrong(m, at->string, "is not in the group")
                            : put_json(m, field, path, at);
    }
    return err;
}

static st_err put_group(maker *m, const st_group *group, const cJSON *value)
{
    st_err err = ST_OK;
    uint16_t place = 0;
    if (group->keyed ? !cJSON_IsObject(value) : !cJSON_IsArray(value))
        return wrong(m, group->name, "is not of the group's kind");
    for (const cJSON *at = value->child; err == ST_OK && at != NULL; at = at->next) {
        st_path path;
        memset(&path, 0, sizeof path);
        path.group = group->no;
        path.kind = group->keyed ? ST_PATH_KEYED : ST_PATH_ITEM;
        if (group->keyed && !st_code_set(&path.key, at->string, strlen(at->string)))
            return wrong(m, group->name, "a key is no ASCII id");
        if (!group->keyed)
            path.place = place++;
        err = put_members(m, group, &path, at);
    }
    return err;
}

static st_err check_required(const maker *m)
{
    for (size_t i = 0; i < m->form->fields_count; i++) {
        const st_field *field = &m->form->fields[i];
        bool is_there = !field->required;
        for (size_t k = 0; k < m->count && !is_there; k++)
            is_there = m->ops[k].path.kind == ST_PATH_FIELD && m->ops[k].path.field == field->no;
        if (!is_there)
            return wrong(m, field->name, "is missing");
    }
    return ST_OK;
}

static st_err put_record(maker *m, const cJSON *object)
{
    st_err err = ST_OK;
    if (!cJSON_IsObject(object))
        return wrong(m, "record", "is no object");
    for (const cJSON *at = object->child; err == ST_OK && at != NULL; at = at->next) {
        st_path path;
        memset(&path, 0, sizeof path);
        const st_field *field = st_form_field(m->form, at->string);
        const st_group *group = st_form_group(m->form, at->string);
        if (field != NULL)
            err = put_json(m, field, &path, at);
        else
            err = group == NULL ? wrong(m, at->string, "is not in the form")
                                : put_group(m, group, at);
    }
    return err == ST_OK ? check_required(m) : err;
}

static void start_record(maker *m, size_t record)
{
    m->record = record;
    m->ops = NULL;
    m->count = 0;
    m->capacity = 0;
}

static st_err parse_records(maker *m, const cJSON *records, catalogue_table *out_table)
{
    int size = cJSON_IsArray(records) ? cJSON_GetArraySize(records) : -1;
    if (size < 0 || size > RECORDS_MAX)
        return st_fail(m->error, ST_E_VALUE, "%s: \"records\" is not a list, or too long",
                       m->name);
    size_t count = 0;
    st_err err = ST_OK;
    catalogue_draft *drafts = st_arena_array(m->arena, (size_t)size, sizeof *drafts);
    if (drafts == NULL)
        return st_fail(m->error, ST_E_MEMORY, "%s: out of memory", m->name);
    for (const cJSON *at = records->child; err == ST_OK && at != NULL; at = at->next) {
        start_record(m, count + 1);
        err = put_record(m, at);
        drafts[count].ops = m->ops;
        drafts[count++].ops_count = (uint32_t)m->count;
    }
    out_table->form = m->form;
    out_table->drafts = drafts;
    out_table->count = count;
    return err;
}

st_err catalogue_parse_data(catalogue *c, const catalogue_text_file *file, st_arena *arena,
                            catalogue_table *out_table, st_error *error)
{
    maker m;
    catalogue_table table;
    memset(&m, 0, sizeof m);
    m.name = file->name;
    m.arena = arena;
    m.error = error;
    cJSON *root = NULL;
    st_err err = catalogue_parse_json(file, &root, error);
    if (err != ST_OK)
        return err;
    const cJSON *form = cJSON_GetObjectItemCaseSensitive(root, "form");
    const cJSON *records = cJSON_GetObjectItemCaseSensitive(root, "records");
    if (!cJSON_IsObject(root) || !cJSON_IsString(form) || records == NULL)
        err = st_fail(error, ST_E_VALUE, "%s: not {\"form\":…,\"records\":[…]}",
                      file->name);
    if (err == ST_OK)
        m.form = catalogue_newest(c, form->valuestring);
    if (err == ST_OK && m.form == NULL)
        err = st_fail(error, ST_E_NOT_FOUND, "%s: there is no form \"%.64s\"", file->name,
                      form->valuestring);
    if (err == ST_OK)
        err = parse_records(&m, records, &table);
    if (err == ST_OK)
        *out_table = table;
    cJSON_Delete(root);
    return err;
}

/* ---- tables ---- */

/* Cuts the next cell off *line at a tab. */
static char *next_cell(char **line)
{
    char *cell = *line;
    if (cell == NULL)
        return NULL;
    char *tab = strchr(cell, '\t');
    if (tab != NULL)
        *tab = '\0';
    *line = tab == NULL ? NULL : tab + 1;
    return cell;
}

/* A cell of a set field is a comma list. */
static st_err put_cell(maker *m, const st_field *field, char *cell)
{
    st_path path;
    memset(&path, 0, sizeof path);
    path.field = field->no;
    if (cell[0] == '\0')
        return ST_OK;
    if (field->cls != ST_CLASS_SET)
        return put_text(m, field, &path, cell);
    st_err err = ST_OK;
    for (char *at = cell; err == ST_OK && at != NULL;) {
        char *comma = strchr(at, ',');
        if (comma != NULL)
            *comma = '\0';
        err = put_text(m, field, &path, at);
        at = comma == NULL ? NULL : comma + 1;
    }
    return err;
}

static st_err put_line(maker *m, const st_field *const *columns, size_t columns_count, char *line)
{
    st_err err = ST_OK;
    size_t cells = 0;
    for (; err == ST_OK && line != NULL; cells++) {
        char *cell = next_cell(&line);
        err = cells >= columns_count ? wrong(m, "line", "has too many cells")
                                     : put_cell(m, columns[cells], cell);
    }
    return err == ST_OK && cells < columns_count ? wrong(m, "line", "has too few cells") : err;
}

/* The first column names the record: no name twice. */
static st_err check_name(const maker *m, const catalogue_draft *drafts, size_t count,
                         const st_field *named)
{
    const st_op *op = m->count > 0 ? &m->ops[0] : NULL;
    if (op == NULL || op->path.field != named->no)
        return wrong(m, named->name, "is missing");
    for (size_t i = 0; i < count; i++)
        if (drafts[i].ops[0].value.len == op->value.len
            && memcmp(drafts[i].ops[0].value.data, op->value.data, op->value.len) == 0)
            return wrong(m, named->name, "stands in the file before");
    return check_required(m);
}

static char *next_line(char **rest)
{
    char *line = *rest;
    if (line == NULL || *line == '\0')
        return NULL;
    char *end = strchr(line, '\n');
    if (end != NULL)
        *end = '\0';
    *rest = end == NULL ? NULL : end + 1;
    size_t len = strlen(line);
    if (len > 0 && line[len - 1] == '\r')
        line[len - 1] = '\0';
    return line;
}

static st_err read_columns(maker *m, char *head, const st_field *columns[COLUMNS_MAX],
                           size_t *out_count)
{
    size_t count = 0;
    while (head != NULL) {
        const char *cell = next_cell(&head);
        if (count == COLUMNS_MAX)
            return wrong(m, "first line", "has too many columns");
        columns[count] = st_form_field(m->form, cell);
        if (columns[count++] == NULL)
            return wrong(m, cell, "is not in the form");
    }
    *out_count = count;
    return ST_OK;
}

st_err catalogue_parse_table(catalogue *c, const char *form, const catalogue_text_file *file,
                             st_arena *arena, catalogue_table *out_table, st_error *error)
{
    const char *name = file->name;
    maker m;
    const st_field *columns[COLUMNS_MAX];
    size_t columns_count = 0, count = 0;
    memset(&m, 0, sizeof m);
    m.name = name;
    m.arena = arena;
    m.error = error;
    m.form = catalogue_newest(c, form);
    if (m.form == NULL)
        return st_fail(error, ST_E_NOT_FOUND, "%s: there is no form \"%s\"", name, form);
    char *rest = (char *)st_arena_copy(arena, file->text, file->len);
    catalogue_draft *drafts = st_arena_array(arena, RECORDS_MAX, sizeof *drafts);
    if (rest == NULL || drafts == NULL)
        return st_fail(error, ST_E_MEMORY, "%s: out of memory", name);
    st_err err = read_columns(&m, next_line(&rest), columns, &columns_count);
    for (char *line = next_line(&rest); err == ST_OK && line != NULL; line = next_line(&rest)) {
        if (line[0] == '\0')
            continue;
        start_record(&m, count + 1);
        if (count == RECORDS_MAX)
            return wrong(&m, "line", "is one too many");
        err = put_line(&m, columns, columns_count, line);
        if (err == ST_OK)
            err = check_name(&m, drafts, count, columns[0]);
        drafts[count].ops = m.ops;
        drafts[count++].ops_count = (uint32_t)m.count;
    }
    if (err != ST_OK)
        return err;
    out_table->form = m.form;
    out_table->drafts = drafts;
    out_table->count = count;
    return ST_OK;
}

/* ---- files ---- */

/* The library says nothing about why it gave up. No text needs more than this much memory a byte
 * ("[[[": a node for each); where that is there, the text is at fault. */
st_err catalogue_parse_json(const catalogue_text_file *file, cJSON **out_root, st_error *error)
{
    cJSON *root = cJSON_ParseWithLength(file->text, file->len);
    void *enough = root == NULL ? malloc((file->len + 1) * (sizeof *root + 16)) : NULL;
    bool had_none = root == NULL && enough == NULL;
    free(enough);
    if (root == NULL && !had_none)
        root = cJSON_ParseWithLength(file->text, file->len); /* it may have come back since */
    if (had_none)
        return st_fail(error, ST_E_MEMORY, "%s: out of memory", file->name);
    *out_root = root;
    return ST_OK;
}

st_err catalogue_read_file(const char *path, char **out_text, size_t *out_len, st_error *error)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return st_fail(error, errno == ENOENT ? ST_E_NOT_FOUND : ST_E_STORAGE, "%s: %s", path,
                       strerror(errno));
    st_err err = ST_OK;
    char *text = malloc(FILE_BYTES_MAX + 1);
    size_t len = text == NULL ? 0 : fread(text, 1, FILE_BYTES_MAX, file);
    if (text == NULL)
        err = st_fail(error, ST_E_MEMORY, "%s: out of memory", path);
    else if (ferror(file))
        err = st_fail(error, ST_E_STORAGE, "%s: cannot be read", path);
    else if (len == FILE_BYTES_MAX)
        err = st_fail(error, ST_E_TOO_LARGE, "%s: over 4 MiB", path);
    else if (memchr(text, '\0', len) != NULL)
        err = st_fail(error, ST_E_VALUE, "%s: no text file: it holds a NUL", path);
    (void)fclose(file);
    if (err != ST_OK) {
        free(text);
        return err;
    }
    text[len] = '\0';
    *out_text = text;
    *out_len = len;
    return ST_OK;
}

static int is_json(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".json") == 0;
}

void catalogue_free_files(char **paths, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(paths[i]);
    free(paths);
}

st_err catalogue_list_files(const char *dir, char ***out_paths, size_t *out_count,
                            st_error *error)
{
    struct dirent **entries = NULL;
    int found = scandir(dir, &entries, is_json, alphasort);
    if (found < 0)
        return st_fail(error, errno == ENOENT ? ST_E_NOT_FOUND : ST_E_STORAGE, "%s: %s", dir,
                       strerror(errno));
    size_t count = (size_t)found < FILES_MAX ? (size_t)found : FILES_MAX;
    char **paths = calloc(count + 1, sizeof *paths);
    st_err err = paths == NULL ? st_fail(error, ST_E_MEMORY, "%s: out of memory", dir) : ST_OK;
    for (size_t i = 0; err == ST_OK && i < count; i++) {
        size_t bytes = strlen(dir) + strlen(entries[i]->d_name) + 2;
        paths[i] = malloc(bytes);
        if (paths[i] == NULL)
            err = st_fail(error, ST_E_MEMORY, "%s: out of memory", dir);
        else
            (void)snprintf(paths[i], bytes, "%s/%s", dir, entries[i]->d_name);
    }
    for (int i = 0; i < found; i++)
        free(entries[i]);
    free(entries);
    if (err != ST_OK) {
        if (paths != NULL)
            catalogue_free_files(paths, count);
        return err;
    }
    *out_paths = paths;
    *out_count = count;
    return ST_OK;
}
