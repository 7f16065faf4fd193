/* client-lib/src/review.c - the gate at finalise: relevance, constraints, requiredness, by the
 * form. Promises: what it lists is what keeps the record from being finalised, all of it.
 * Never: holds anything back that is already recorded. */
#include "client-lib/src/review.h"
#include "client-lib/src/lease.h"

#include <string.h>

#include "proto/show.h"

#define MS_PER_DAY INT64_C(86400000)

static int64_t today(const sotay_client *client)
{
    int64_t wall_ms = 0;
    uint64_t mono_ms = 0;
    client_now(client, &wall_ms, &mono_ms);
    wall_ms += (int64_t)client->offset_minutes * 60000;
    int64_t days = wall_ms / MS_PER_DAY;
    return wall_ms % MS_PER_DAY < 0 ? days - 1 : days;
}

typedef struct {
    const sotay_client *client;
    const st_form *form;
    st_buffer *out; /* of text; NULL with json, or to count only */
    st_json *json;
    st_err err;
    size_t count;
    char first[ST_PATH_TEXT_BYTES];
    bool first_is_required;
} review_list;

static const char *message_of(const review_list *list, const st_finding *finding)
{
    bool english = strcmp(list->client->lang, "en") == 0;
    const char *text = english ? finding->field->message_en : finding->field->message_vi;
    if (finding->is_required)
        return english ? "it is needed" : "cần ghi mục này";
    if (text == NULL || text[0] == '\0')
        return english ? "it does not fit the rule of the form"
                       : "không đúng quy định của biểu mẫu";
    return text;
}

static void write_json(review_list *list, const st_finding *finding, const char *path)
{
    st_json *json = list->json;
    st_json_open(json, '{');
    st_json_key_text(json, "path", path);
    st_json_key_bool(json, "required", finding->is_required);
    st_json_key_text(json, "message", message_of(list, finding));
    st_json_close(json, '}');
}

static bool say(void *context, const st_finding *finding)
{
    review_list *list = context;
    char path[ST_PATH_TEXT_BYTES];
    st_form_path_format(list->form, &finding->path, path);
    if (list->count == 0) {
        memcpy(list->first, path, sizeof list->first);
        list->first_is_required = finding->is_required;
    }
    if (list->json != NULL) {
        write_json(list, finding, path);
    } else if (list->out != NULL) {
        bool english = strcmp(list->client->lang, "en") == 0;
        const char *label = english ? finding->field->en : finding->field->vi;
        list->err = st_buffer_printf(list->out, NULL, "%s (%s): %s\n", path,
                                     label == NULL ? "" : label, message_of(list, finding));
    }
    list->count++;
    return list->err == ST_OK;
}

st_err review_gate(sotay_client *client, const overlay_view *view, st_error *error)
{
    review_list list = { .client = client, .form = view->form };
    st_err err = st_form_review(view->form, &view->record, today(client), say, &list);
    if (err != ST_OK)
        return st_fail(error, err, "finalise: the rules of the form cannot be read");
    if (list.count == 0)
        return ST_OK;
    return st_fail(error, ST_E_STATE, "finalise: %.120s: %s (%zu in all)", list.first,
                   list.first_is_required ? "it is needed" : "it does not fit the rule",
                   list.count);
}

static st_err write_list(sotay_client *client, const overlay_view *view, sotay_format format,
                         st_buffer *out, st_error *error)
{
    st_json json;
    st_json_begin(&json, out, error);
    review_list list = { .client = client, .form = view->form };
    if (format == SOTAY_TEXT) {
        list.out = out;
    } else {
        list.json = &json;
        st_json_open(&json, '{');
        st_json_key(&json, "findings");
        st_json_open(&json, '[');
    }
    st_err err = st_form_review(view->form, &view->record, today(client), say, &list);
    if (err == ST_OK)
        err = list.err;
    if (err != ST_OK)
        return st_fail(error, err, "review: it cannot be written");
    if (format == SOTAY_TEXT)
        return ST_OK;
    st_json_close(&json, ']');
    st_json_close(&json, '}');
    err = st_json_end(&json);
    return err == ST_OK ? st_buffer_append(out, "\n", 1, error) : err;
}

int sotay_record_review(sotay_client *client, const sotay_id *record, sotay_format format,
                        char **out_text, sotay_error *error)
{
    st_error inner = { ST_OK, "" };
    st_arena arena;
    st_buffer out;
    overlay_view view;
    st_arena_init(&arena, CLIENT_WORK_BYTES_MAX);
    st_buffer_init(&out, CLIENT_TEXT_BYTES_MAX);
    st_err err = client_begin(client, false, &inner);
    st_id id;
    if (err == ST_OK)
        err = overlay_find(client, record, &id, &inner);
    if (err == ST_OK)
        err = overlay_load(client, &id, &arena, &view, &inner);
    if (err == ST_OK)
        err = lease_check(client, &view, &inner);
    if (err == ST_OK)
        err = overlay_need_form(&view, &inner);
    if (err == ST_OK)
        err = write_list(client, &view, format, &out, &inner);
    if (err == ST_OK)
        err = port_text(&out, out_text, &inner);
    client_abort(client);
    st_buffer_free(&out);
    st_arena_reset(&arena);
    return port_give(err, &inner, error);
}
