/* proto/form_codec.c - a form definition to bytes and back.
 *
 * Promises: what decodes is sound (st_form_verify) and immutable, and encodes to the same bytes
 * again. Must never take memory before the bounds of form.h are checked, or repair a definition. */
#include "proto/form.h"

#include <assert.h>
#include <string.h>

#include "form.pb-c.h"
#include "proto/text.h"
#include "proto/wire.h"

#define FORM_FORMAT 1u

/* ---- encode ---- */

/* protobuf-c wants char *; it only reads them while packing. */
static char *text_of(const char *text)
{
    return (char *)(uintptr_t)(text == NULL ? "" : text);
}

static Sotay__FormField **fields_to_wire(const st_field *fields, uint32_t count, st_arena *arena)
{
    Sotay__FormField **list = st_arena_array(arena, count, sizeof *list);
    Sotay__FormField *wire = st_arena_array(arena, count, sizeof *wire);
    if (list == NULL || wire == NULL)
        return NULL;
    for (uint32_t i = 0; i < count; i++) {
        const st_field *f = &fields[i];
        sotay__form_field__init(&wire[i]);
        wire[i].no = f->no;
        wire[i].name = text_of(f->name);
        wire[i].vi = text_of(f->vi);
        wire[i].en = text_of(f->en);
        wire[i].type = (uint32_t)f->type;
        wire[i].class_ = (uint32_t)f->cls;
        wire[i].write = f->write;
        wire[i].max_chars = f->max_chars;
        wire[i].has_range = f->min <= f->max;
        wire[i].min = f->min <= f->max ? f->min : 0;
        wire[i].max = f->min <= f->max ? f->max : 0;
        wire[i].scale = f->scale;
        wire[i].list = text_of(f->list == NULL ? NULL : f->list->name);
        wire[i].required = f->required;
        wire[i].required_if = text_of(f->required_if);
        wire[i].relevant = text_of(f->relevant);
        wire[i].constraint = text_of(f->constraint);
        wire[i].message_vi = text_of(f->message_vi);
        wire[i].message_en = text_of(f->message_en);
        list[i] = &wire[i];
    }
    return list;
}

static Sotay__FormGroup **groups_to_wire(const st_form *form, st_arena *arena)
{
    Sotay__FormGroup **list = st_arena_array(arena, form->groups_count, sizeof *list);
    Sotay__FormGroup *wire = st_arena_array(arena, form->groups_count, sizeof *wire);
    if (list == NULL || wire == NULL)
        return NULL;
    for (uint32_t i = 0; i < form->groups_count; i++) {
        const st_group *g = &form->groups[i];
        sotay__form_group__init(&wire[i]);
        wire[i].no = g->no;
        wire[i].name = text_of(g->name);
        wire[i].vi = text_of(g->vi);
        wire[i].en = text_of(g->en);
        wire[i].keyed = g->keyed;
        wire[i].keys = text_of(g->keys);
        wire[i].fields = fields_to_wire(g->fields, g->fields_count, arena);
        wire[i].n_fields = g->fields_count;
        if (wire[i].fields == NULL)
            return NULL;
        list[i] = &wire[i];
    }
    return list;
}

static Sotay__FormOption **options_to_wire(const st_list *from, st_arena *arena)
{
    Sotay__FormOption **list = st_arena_array(arena, from->count, sizeof *list);
    Sotay__FormOption *wire = st_arena_array(arena, from->count, sizeof *wire);
    if (list == NULL || wire == NULL)
        return NULL;
    for (uint32_t i = 0; i < from->count; i++) {
        sotay__form_option__init(&wire[i]);
        wire[i].no = from->options[i].no;
        wire[i].id = text_of(from->options[i].id);
        wire[i].vi = text_of(from->options[i].vi);
        wire[i].en = text_of(from->options[i].en);
        list[i] = &wire[i];
    }
    return list;
}

static Sotay__FormList **lists_to_wire(const st_form *form, st_arena *arena)
{
    Sotay__FormList **list = st_arena_array(arena, form->lists_count, sizeof *list);
    Sotay__FormList *wire = st_arena_array(arena, form->lists_count, sizeof *wire);
    if (list == NULL || wire == NULL)
        return NULL;
    for (uint32_t i = 0; i < form->lists_count; i++) {
        sotay__form_list__init(&wire[i]);
        wire[i].name = text_of(form->lists[i].name);
        wire[i].options = options_to_wire(&form->lists[i], arena);
        wire[i].n_options = form->lists[i].count;
        if (wire[i].options == NULL)
            return NULL;
        list[i] = &wire[i];
    }
    return list;
}

static bool form_to_wire(const st_form *form, st_arena *arena, Sotay__Form *wire)
{
    sotay__form__init(wire);
    wire->format = FORM_FORMAT;
    wire->name = text_of(form->name);
    wire->version = form->version;
    wire->vi = text_of(form->vi);
    wire->en = text_of(form->en);
    wire->home = (uint32_t)form->home;
    wire->life = (uint32_t)form->life;
    wire->create = form->create;
    wire->fields = fields_to_wire(form->fields, form->fields_count, arena);
    wire->n_fields = form->fields_count;
    wire->groups = groups_to_wire(form, arena);
    wire->n_groups = form->groups_count;
    wire->lists = lists_to_wire(form, arena);
    wire->n_lists = form->lists_count;
    wire->title = st_arena_array(arena, form->title_count, sizeof *wire->title);
    wire->n_title = form->title_count;
    if (wire->fields == NULL || wire->groups == NULL || wire->lists == NULL ||
        wire->title == NULL)
        return false;
    for (uint32_t i = 0; i < form->title_count; i++)
        wire->title[i] = text_of(form->title[i]);
    return true;
}

st_err st_form_encode(const st_form *form, st_buffer *out, st_error *error)
{
    assert(form != NULL);
    assert(out != NULL);
    st_arena arena;
    st_arena_init(&arena, 64 * (size_t)ST_FORM_BYTES_MAX);
    Sotay__Form wire;
    st_err err = ST_OK;
    if (!form_to_wire(form, &arena, &wire)) {
        err = st_fail(error, ST_E_MEMORY, "form '%s': no memory", form->name);
        goto done;
    }
    size_t len = protobuf_c_message_get_packed_size(&wire.base);
    if (len > ST_FORM_BYTES_MAX) {
        err = st_fail(error, ST_E_TOO_LARGE, "form '%s': %zu bytes, at most %u", form->name, len,
                      ST_FORM_BYTES_MAX);
        goto done;
    }
    uint8_t *to = NULL;
    err = st_buffer_room(out, len, &to, error);
    if (err != ST_OK)
        goto done;
    out->len += protobuf_c_message_pack(&wire.base, to);
done:
    st_arena_reset(&arena);
    return err;
}

/* ---- decode ---- */

static const char *text_or_null(const char *text)
{
    return text == NULL || text[0] == '\0' ? NULL : text;
}

static const st_list *list_by_name(const st_form *form, const char *name)
{
    for (uint32_t i = 0; i < form->lists_count; i++)
        if (strcmp(form->lists[i].name, name) == 0)
            return &form->lists[i];
    return NULL;
}

/* Numbers that do not fit their C type, before they are cast. */
static st_err field_fits(const st_form *form, const Sotay__FormField *wire, st_error *error)
{
    if (wire->no > UINT16_MAX || wire->type >= ST_TYPE_COUNT || wire->class_ >= ST_CLASS_COUNT ||
        wire->scale > UINT8_MAX || (wire->has_range && wire->min > wire->max))
        return st_fail(error, ST_E_CORRUPT, "form '%s': field '%.64s' is out of bounds",
                       form->name, wire->name);
    if (wire->list[0] != '\0' && list_by_name(form, wire->list) == NULL)
        return st_fail(error, ST_E_CORRUPT, "form '%s': no list '%.64s'", form->name, wire->list);
    return ST_OK;
}

static st_err fields_from_wire(const st_form *form, Sotay__FormField **wire, size_t count,
                               st_arena *arena, const st_field **out_fields, st_error *error)
{
    if (count > ST_FORM_FIELDS_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "form '%s': too many fields", form->name);
    st_field *fields = st_arena_array(arena, count, sizeof *fields);
    if (fields == NULL)
        return st_fail(error, ST_E_MEMORY, "form '%s': no memory", form->name);
    for (size_t i = 0; i < count; i++) {
        const Sotay__FormField *f = wire[i];
        st_err err = field_fits(form, f, error);
        if (err != ST_OK)
            return err;
        fields[i] = (st_field){
            .no = (uint16_t)f->no, .name = f->name, .vi = f->vi, .en = f->en,
            .type = (st_type)f->type, .cls = (st_class)f->class_, .write = f->write,
            .max_chars = f->max_chars, .min = f->has_range ? f->min : 1,
            .max = f->has_range ? f->max : 0, .scale = (uint8_t)f->scale,
            .list = f->list[0] == '\0' ? NULL : list_by_name(form, f->list),
            .required = f->required, .required_if = text_or_null(f->required_if),
            .relevant = text_or_null(f->relevant), .constraint = text_or_null(f->constraint),
            .message_vi = text_or_null(f->message_vi), .message_en = text_or_null(f->message_en),
        };
    }
    *out_fields = fields;
    return ST_OK;
}

static st_err groups_from_wire(const Sotay__Form *wire, st_arena *arena, st_form *form,
                               st_error *error)
{
    if (wire->n_groups > ST_FORM_FIELDS_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "form '%s': too many groups", form->name);
    st_group *groups = st_arena_array(arena, wire->n_groups, sizeof *groups);
    if (groups == NULL)
        return st_fail(error, ST_E_MEMORY, "form '%s': no memory", form->name);
    for (size_t i = 0; i < wire->n_groups; i++) {
        const Sotay__FormGroup *g = wire->groups[i];
        if (g->no > UINT16_MAX)
            return st_fail(error, ST_E_CORRUPT, "form '%s': group '%.64s' is out of bounds",
                           form->name, g->name);
        groups[i] = (st_group){ .no = (uint16_t)g->no, .name = g->name, .vi = g->vi, .en = g->en,
                                .keyed = g->keyed, .keys = text_or_null(g->keys),
                                .fields_count = (uint32_t)g->n_fields };
        st_err err = fields_from_wire(form, g->fields, g->n_fields, arena, &groups[i].fields,
                                      error);
        if (err != ST_OK)
            return err;
    }
    form->groups = groups;
    form->groups_count = (uint32_t)wire->n_groups;
    return ST_OK;
}

static st_err lists_from_wire(const Sotay__Form *wire, st_arena *arena, st_form *form,
                              st_error *error)
{
    if (wire->n_lists > ST_FORM_OPTIONS_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "form '%s': too many lists", form->name);
    st_list *lists = st_arena_array(arena, wire->n_lists, sizeof *lists);
    if (lists == NULL)
        return st_fail(error, ST_E_MEMORY, "form '%s': no memory", form->name);
    for (size_t i = 0; i < wire->n_lists; i++) {
        const Sotay__FormList *l = wire->lists[i];
        if (l->n_options > ST_FORM_OPTIONS_MAX)
            return st_fail(error, ST_E_TOO_LARGE, "form '%s': too many options", form->name);
        st_option *options = st_arena_array(arena, l->n_options, sizeof *options);
        if (options == NULL)
            return st_fail(error, ST_E_MEMORY, "form '%s': no memory", form->name);
        for (size_t k = 0; k < l->n_options; k++) {
            const Sotay__FormOption *o = l->options[k];
            if (o->no > UINT16_MAX)
                return st_fail(error, ST_E_CORRUPT, "form '%s': option '%.32s' is out of bounds",
                               form->name, o->id);
            options[k] = (st_option){ .no = (uint16_t)o->no, .id = o->id, .vi = o->vi,
                                      .en = o->en };
        }
        lists[i] = (st_list){ .name = l->name, .options = options,
                              .count = (uint32_t)l->n_options };
    }
    form->lists = lists;
    form->lists_count = (uint32_t)wire->n_lists;
    return ST_OK;
}

static st_err form_from_wire(const Sotay__Form *wire, st_arena *arena, st_form *form,
                             st_error *error)
{
    form->name = wire->name;
    form->vi = wire->vi;
    form->en = wire->en;
    form->version = wire->version;
    form->create = wire->create;
    if (wire->home > ST_HOME_REVIEW || wire->life > ST_LIFE_VISIT)
        return st_fail(error, ST_E_CORRUPT, "form '%.64s': unknown bucket or life", form->name);
    if (wire->n_title > ST_FORM_FIELDS_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "form '%.64s': too long a title", form->name);
    form->home = (st_home)wire->home;
    form->life = (st_life)wire->life;
    form->title = (const char *const *)wire->title;
    form->title_count = (uint32_t)wire->n_title;
    st_err err = lists_from_wire(wire, arena, form, error);
    if (err == ST_OK)
        err = fields_from_wire(form, wire->fields, wire->n_fields, arena, &form->fields, error);
    form->fields_count = (uint32_t)wire->n_fields;
    if (err == ST_OK)
        err = groups_from_wire(wire, arena, form, error);
    return err;
}

st_err st_form_decode(const uint8_t *bytes, size_t len, st_arena *arena, const st_form **out_form,
                      st_error *error)
{
    assert(bytes != NULL || len == 0);
    assert(arena != NULL && out_form != NULL);
    if (len > ST_FORM_BYTES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "form: over %u bytes", ST_FORM_BYTES_MAX);
    void *message = NULL;
    st_err err = st_wire_unpack(bytes, len, &sotay__form__descriptor, arena, &message, error);
    if (err != ST_OK)
        return err;
    const Sotay__Form *wire = message;
    if (wire->format > FORM_FORMAT)
        return st_fail(error, ST_E_VERSION, "form '%.64s': format %u", wire->name, wire->format);
    if (wire->format != FORM_FORMAT)
        return st_fail(error, ST_E_CORRUPT, "form: no format number");
    st_form *form = st_arena_get(arena, sizeof *form);
    if (form == NULL)
        return st_fail(error, ST_E_MEMORY, "form: no memory");
    err = form_from_wire(wire, arena, form, error);
    if (err == ST_OK)
        err = st_form_verify(form, error);
    if (err == ST_OK)
        *out_form = form;
    return err;
}
