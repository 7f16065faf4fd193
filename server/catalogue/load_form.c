/* server/catalogue/load_form.c - form definition files (JSON) as forms.
 * Promises: what comes out passed st_form_verify; what is wrong is said with file and place.
 * Must never guess: an unknown word, role, type or class is refused. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/catalogue/load.h"

#define ITEMS_MAX 1000

/* What is being read, for messages and memory. */
typedef struct {
    const char *name;          /* of the file */
    st_arena *arena;
    st_error *error;
    st_err err;                /* the first thing that went wrong */
    const st_list *lists;
    uint32_t lists_count;
} reader;

static void say(reader *r, const char *where, const char *why)
{
    if (r->err == ST_OK)
        r->err = st_fail(r->error, ST_E_CORRUPT, "%s: %s: %s", r->name, where, why);
}

static void no_memory(reader *r)
{
    if (r->err == ST_OK)
        r->err = st_fail(r->error, ST_E_MEMORY, "%s: out of memory", r->name);
}

static const char *copy(reader *r, const char *text)
{
    const char *made = (const char *)st_arena_copy(r->arena, text, strlen(text));
    if (made == NULL)
        no_memory(r);
    return made == NULL ? "" : made;
}

/* A text member; NULL when it is not there. */
static const char *text_of(reader *r, const cJSON *object, const char *member)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, member);
    if (item == NULL)
        return NULL;
    if (!cJSON_IsString(item)) {
        say(r, member, "is not text");
        return NULL;
    }
    return copy(r, item->valuestring);
}

static const char *need_text(reader *r, const cJSON *object, const char *member)
{
    const char *text = text_of(r, object, member);
    if (text == NULL)
        say(r, member, "is missing");
    return text == NULL ? "" : text;
}

static int64_t number_of(reader *r, const cJSON *object, const char *member, int64_t absent)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, member);
    if (item == NULL)
        return absent;
    double value = cJSON_IsNumber(item) ? item->valuedouble : -1.0;
    if (value < 0 || value > 9007199254740992.0 || value != (double)(int64_t)value) {
        say(r, member, "is not a whole number");
        return absent;
    }
    return (int64_t)value;
}

/* The elements of an array, at most ITEMS_MAX; NULL and 0 when it is not there. */
static const cJSON *array_of(reader *r, const cJSON *object, const char *member, size_t *count)
{
    const cJSON *array = cJSON_GetObjectItemCaseSensitive(object, member);
    *count = 0;
    if (array == NULL)
        return NULL;
    int size = cJSON_IsArray(array) ? cJSON_GetArraySize(array) : -1;
    if (size < 0 || size > ITEMS_MAX) {
        say(r, member, "is not a list, or too long");
        return NULL;
    }
    *count = (size_t)size;
    return array->child;
}

static int find_word(const char *const *words, int count, const char *word)
{
    for (int i = 0; i < count; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    return -1;
}

/* A list of roles, with "creator" and "operator", as bits. */
static uint32_t roles_of(reader *r, const cJSON *object, const char *member)
{
    size_t count = 0;
    uint32_t bits = 0;
    for (const cJSON *at = array_of(r, object, member, &count); at != NULL; at = at->next) {
        st_role role = ST_ROLE_NONE;
        const char *word = cJSON_IsString(at) ? at->valuestring : "";
        if (strcmp(word, "creator") == 0)
            bits |= ST_WRITE_CREATOR;
        else if (strcmp(word, "operator") == 0)
            bits |= ST_WRITE_OPERATOR;
        else if (st_role_parse(word, &role) && role != ST_ROLE_NONE)
            bits |= 1u << (unsigned)role;
        else
            say(r, member, "names an unknown role");
    }
    return bits;
}

/* ---- fields ---- */

static st_type type_of(reader *r, const cJSON *object)
{
    static const char *const WORDS[] = {
        [ST_TYPE_STR] = "str",   [ST_TYPE_CODE] = "code", [ST_TYPE_ID] = "id",
        [ST_TYPE_DATE] = "date", [ST_TYPE_MIN] = "min",   [ST_TYPE_TS] = "ts",
        [ST_TYPE_ENUM] = "enum", [ST_TYPE_BOOL] = "bool", [ST_TYPE_UINT] = "uint",
        [ST_TYPE_DEC] = "dec",   [ST_TYPE_MONEY] = "money", [ST_TYPE_GEO] = "geo",
        [ST_TYPE_HASH] = "hash", [ST_TYPE_BYTES] = "bytes",
    };
    int found = find_word(WORDS, ST_TYPE_COUNT, need_text(r, object, "type"));
    if (found < 0)
        say(r, "type", "is not known");
    return found < 0 ? ST_TYPE_STR : (st_type)found;
}

/* "7.5" with scale 1 is 75. */
static int64_t scaled(reader *r, const char *text, unsigned scale)
{
    char *end = NULL;
    bool minus = text[0] == '-';
    long long value = strtoll(minus ? text + 1 : text, &end, 10);
    unsigned digits = 0;
    if (*end == '.')
        for (end++; *end >= '0' && *end <= '9' && digits < scale; end++, digits++)
            value = value * 10 + (*end - '0');
    if (*end != '\0' || value < 0 || value > 1000000000000LL)
        say(r, "min or max", "is not such a number");
    for (; digits < scale; digits++)
        value *= 10;
    return minus ? -value : value;
}

static void range_of(reader *r, const cJSON *object, st_field *field)
{
    field->min = 1;                            /* min > max: no range */
    field->max = 0;
    if (field->type == ST_TYPE_STR) {
        field->max_chars = (uint32_t)number_of(r, object, "max", ST_FORM_STR_MAX);
        return;
    }
    if (field->type != ST_TYPE_DEC) {
        int64_t max = number_of(r, object, "max", -1);
        if (max >= 0) {
            field->min = number_of(r, object, "min", 0);
            field->max = max;
        }
        return;
    }
    field->scale = (uint8_t)number_of(r, object, "scale", 0);
    if (field->scale > 9)
        say(r, "scale", "is over 9");
    const char *min = text_of(r, object, "min"), *max = text_of(r, object, "max");
    if (min != NULL && max != NULL && field->scale <= 9) {
        field->min = scaled(r, min, field->scale);
        field->max = scaled(r, max, field->scale);
    }
}

static const st_list *list_of(reader *r, const cJSON *object)
{
    const char *name = text_of(r, object, "list");
    for (uint32_t i = 0; name != NULL && i < r->lists_count; i++)
        if (strcmp(r->lists[i].name, name) == 0)
            return &r->lists[i];
    if (name != NULL)
        say(r, "list", "is not in the form");
    return NULL;
}

static void read_field(reader *r, const cJSON *object, st_field *field)
{
    field->no = (uint16_t)number_of(r, object, "no", 0);
    field->name = need_text(r, object, "name");
    field->vi = need_text(r, object, "vi");
    field->en = need_text(r, object, "en");
    field->type = type_of(r, object);
    if (!st_class_parse(need_text(r, object, "class"), &field->cls))
        say(r, "class", "is not known");
    field->write = roles_of(r, object, "write");
    range_of(r, object, field);
    field->list = list_of(r, object);
    field->required = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, "required"));
    field->required_if = text_of(r, object, "required_if");
    field->relevant = text_of(r, object, "relevant");
    field->constraint = text_of(r, object, "constraint");
    field->message_vi = text_of(r, object, "message_vi");
    field->message_en = text_of(r, object, "message_en");
}

static const st_field *read_fields(reader *r, const cJSON *object, uint32_t *out_count)
{
    size_t count = 0, i = 0;
    const cJSON *at = array_of(r, object, "fields", &count);
    st_field *fields = st_arena_array(r->arena, count, sizeof *fields);
    if (fields == NULL)
        no_memory(r);
    for (; r->err == ST_OK && at != NULL; at = at->next)
        read_field(r, at, &fields[i++]);
    *out_count = (uint32_t)i;
    return fields;
}

/* ---- groups and lists ---- */

static const st_group *read_groups(reader *r, const cJSON *form, uint32_t *out_count)
{
    size_t count = 0, i = 0;
    const cJSON *at = array_of(r, form, "groups", &count);
    st_group *groups = st_arena_array(r->arena, count, sizeof *groups);
    if (groups == NULL)
        no_memory(r);
    for (; r->err == ST_OK && at != NULL; at = at->next, i++) {
        const char *kind = need_text(r, at, "kind");
        groups[i].no = (uint16_t)number_of(r, at, "no", 0);
        groups[i].name = need_text(r, at, "name");
        groups[i].vi = need_text(r, at, "vi");
        groups[i].en = need_text(r, at, "en");
        groups[i].keyed = strcmp(kind, "keyed") == 0;
        if (!groups[i].keyed && strcmp(kind, "listed") != 0)
            say(r, "kind", "is neither keyed nor listed");
        groups[i].keys = text_of(r, at, "keys");
        groups[i].fields = read_fields(r, at, &groups[i].fields_count);
    }
    *out_count = (uint32_t)i;
    return groups;
}

static const st_option *read_options(reader *r, const cJSON *list, uint32_t *out_count)
{
    int size = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : -1;
    if (size < 0 || size > ITEMS_MAX) {
        say(r, "lists", "a list is not a list, or too long");
        return NULL;
    }
    size_t i = 0;
    st_option *options = st_arena_array(r->arena, (size_t)size, sizeof *options);
    if (options == NULL)
        no_memory(r);
    for (const cJSON *at = list->child; r->err == ST_OK && at != NULL; at = at->next, i++) {
        options[i].no = (uint16_t)number_of(r, at, "no", 0);
        options[i].id = need_text(r, at, "id");
        options[i].vi = need_text(r, at, "vi");
        options[i].en = need_text(r, at, "en");
    }
    *out_count = (uint32_t)i;
    return options;
}

static void read_lists(reader *r, const cJSON *form)
{
    const cJSON *object = cJSON_GetObjectItemCaseSensitive(form, "lists");
    int size = object == NULL ? 0 : cJSON_IsObject(object) ? cJSON_GetArraySize(object) : -1;
    if (size < 0 || size > ITEMS_MAX) {
        say(r, "lists", "are no object, or too many");
        return;
    }
    uint32_t i = 0;
    st_list *lists = st_arena_array(r->arena, (size_t)size, sizeof *lists);
    if (lists == NULL)
        no_memory(r);
    for (const cJSON *at = object == NULL ? NULL : object->child; r->err == ST_OK && at != NULL;
         at = at->next, i++) {
        lists[i].name = copy(r, at->string);
        lists[i].options = read_options(r, at, &lists[i].count);
    }
    r->lists = lists;
    r->lists_count = i;
}

static void read_form(reader *r, const cJSON *json, st_form *form)
{
    static const char *const HOMES[] = { "unit", "catalogue", "council", "review" };
    static const char *const LIVES[] = { "none", "visit" };
    int home = find_word(HOMES, 4, need_text(r, json, "bucket"));
    int life = find_word(LIVES, 2, need_text(r, json, "life"));
    if (home < 0 || life < 0)
        say(r, home < 0 ? "bucket" : "life", "is not known");
    form->name = need_text(r, json, "form");
    form->vi = need_text(r, json, "label_vi");
    form->en = need_text(r, json, "label_en");
    form->version = (uint32_t)number_of(r, json, "version", 0);
    form->home = (st_home)(home < 0 ? 0 : home);
    form->life = (st_life)(life < 0 ? 0 : life);
    form->create = roles_of(r, json, "create");
    read_lists(r, json);
    form->lists = r->lists;
    form->lists_count = r->lists_count;
    if (r->err == ST_OK)
        form->fields = read_fields(r, json, &form->fields_count);
    if (r->err == ST_OK)
        form->groups = read_groups(r, json, &form->groups_count);
    size_t count = 0, i = 0;
    const cJSON *at = array_of(r, json, "title", &count);
    const char **title = st_arena_array(r->arena, count, sizeof *title);
    if (title == NULL)
        no_memory(r);
    for (; r->err == ST_OK && at != NULL; at = at->next)
        title[i++] = cJSON_IsString(at) ? copy(r, at->valuestring) : "";
    form->title = title;
    form->title_count = (uint32_t)i;
}

st_err catalogue_parse_form(const catalogue_text_file *file, st_arena *arena,
                            const st_form **out_form, st_error *error)
{
    reader r = { file->name, arena, error, ST_OK, NULL, 0 };
    cJSON *root = NULL;
    st_form *form = st_arena_get(arena, sizeof *form);
    if (form == NULL)
        no_memory(&r);
    else if (catalogue_parse_json(file, &root, error) != ST_OK)
        r.err = ST_E_MEMORY;
    else if (!cJSON_IsObject(root))
        say(&r, "file", "is not a JSON object");
    else
        read_form(&r, root, form);
    cJSON_Delete(root);
    if (r.err != ST_OK)
        return r.err;
    st_error inner = { 0 };
    st_err err = st_form_verify(form, &inner);
    if (err != ST_OK)
        return st_fail(error, err, "%s: %.150s", file->name, inner.detail);
    *out_form = form;
    return ST_OK;
}
