/* server/operator/period.c - the years of the catalogue, which visits are counted in by their date.
 * Must never keep anybody from writing: what fits into none is shown as such, no more. */
#include <string.h>

#include "server/operator/work.h"
#include "server/sync/lock.h"

#define KIND_YEAR "year"

/* Is it a year with both its days? */
static bool is_year(const st_form *form, const st_record *record, st_days *out_days)
{
    const st_field *field = st_form_field(form, "kind");
    st_value kind = catalogue_value(form, record, "kind");
    st_value from = catalogue_value(form, record, "from");
    st_value to = catalogue_value(form, record, "to");
    const char *name = field != NULL && field->list != NULL && kind.kind == ST_VALUE_INT
                           ? catalogue_option(field->list, kind.number) : NULL;
    *out_days = (st_days){ from.number, to.number };
    return name != NULL && strcmp(name, KIND_YEAR) == 0 && from.kind == ST_VALUE_INT
           && to.kind == ST_VALUE_INT && !catalogue_is_withdrawn(record);
}

st_err operator_years(operator_work *work, const st_form *of)
{
    const st_form *form = catalogue_newest(work->room->catalogue, SYNC_FORM_PERIOD);
    sync_filter filter = { .form = SYNC_FORM_PERIOD };
    sync_ids ids = { NULL, 0, 0 };
    if (form == NULL || st_form_field(of, "visit_date") == NULL)
        return ST_OK;
    st_err err = sync_row_ids(&work->txn, &filter, &work->arena, &ids, &work->error);
    st_days *years = st_arena_array(&work->arena, ids.count, sizeof *years);
    if (err == ST_OK && years == NULL && ids.count > 0)
        return st_fail(&work->error, ST_E_MEMORY, "no memory for the periods");
    size_t count = 0;
    for (size_t i = 0; err == ST_OK && i < ids.count; i++) {
        st_arena arena;
        st_record record;
        st_arena_init(&arena, OPERATOR_RECORD_BYTES_MAX);
        err = sync_record_get(&work->txn, &ids.list[i], &arena, &record, NULL, &work->error);
        if (err == ST_OK)
            count += is_year(form, &record, &years[count]);
        st_arena_reset(&arena);
    }
    work->how.years = years;
    work->how.years_count = count;
    return err;
}
