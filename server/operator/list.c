/* server/operator/list.c - what a verb that lists things says: a table and how many for people, one
 * document for programs (--json). Promises that both begin and end alike in every verb; must never
 * leave a document open that is said to be whole. */
#include "server/operator/work.h"

void operator_list_begin(operator_work *work, operator_list *list, const char *const *headings,
                         size_t columns)
{
    list->is_open = false;
    if (!work->options.json) {
        operator_table_begin(work, &list->table, headings, columns);
        return;
    }
    st_json_begin(&list->json, work->call->out, &work->error);
    st_json_open(&list->json, '{');
}

void operator_list_of(operator_work *work, operator_list *list, const char *name)
{
    if (!work->options.json)
        return;
    if (list->is_open)
        st_json_close(&list->json, ']');
    st_json_key(&list->json, name);
    st_json_open(&list->json, '[');
    list->is_open = true;
}

st_err operator_list_end(operator_work *work, operator_list *list, st_err err,
                         const operator_noun *noun)
{
    if (err != ST_OK)
        return err;
    if (!work->options.json) {
        size_t rows = operator_table_print(work, &list->table);
        if (noun != NULL) {
            operator_say_count(work, rows, noun);
            operator_say(work, "\n");
        }
        return ST_OK;
    }
    st_json_close(&list->json, ']');
    st_json_close(&list->json, '}');
    err = st_json_end(&list->json);
    operator_say(work, "\n");
    return err;
}
