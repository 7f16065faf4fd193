/* tools/fuzz/fuzz_catalogue.c - catalogue files that an administrator edits: form definitions, data
 * and tables. What is taken in is a sound form, or values that the form's own check lets pass. */
#include <string.h>

#include "server/catalogue/load.h"
#include "tests/unit/client-lib/edge_forms.h"
#include "tests/unit/proto/make_form.h"
#include "tools/fuzz/fuzz.h"

#define ARENA_BYTES (64u << 20)
#define FILE_BYTES  16384

static catalogue *book(void)
{
    static catalogue *c;
    size_t count = 0;
    if (c != NULL)
        return c;
    FUZZ_MUST(catalogue_new(&c, NULL) == ST_OK);
    const st_form *forms = edge_forms(&count);
    for (size_t i = 0; i <= count; i++) {
        st_buffer bytes;
        st_buffer_init(&bytes, ST_FORM_BYTES_MAX);
        FUZZ_MUST(st_form_encode(i < count ? &forms[i] : &FORM, &bytes, NULL) == ST_OK);
        FUZZ_MUST(catalogue_add(c, bytes.data, bytes.len, NULL) == ST_OK);
        st_buffer_free(&bytes);
    }
    catalogue_settle(c, true);
    return c;
}

static void check_table(const catalogue_table *table)
{
    char detail[ST_FORM_DETAIL_BYTES];
    FUZZ_MUST(table->form != NULL);
    for (size_t i = 0; i < table->count; i++) {
        st_change change = { .dot = make_form_dot(0xd1, 7),
                             .creates = true,
                             .ops = table->drafts[i].ops,
                             .ops_count = table->drafts[i].ops_count };
        st_hold hold = st_form_check(table->form, &change, ST_ROLE_ADMIN, ST_VIA_OPERATOR, detail);
        FUZZ_MUST(hold == ST_HOLD_NONE || hold == ST_HOLD_ROLE);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[FILE_BYTES + 1];
    st_arena arena;
    catalogue_table table;
    const st_form *form = NULL;
    if (size < 1 || size > FILE_BYTES)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    catalogue_text_file file = { "file", text, size - 1 };
    st_arena_init(&arena, ARENA_BYTES);
    if (data[0] % 3 == 0) {
        if (catalogue_parse_form(&file, &arena, &form, NULL) == ST_OK)
            FUZZ_MUST(st_form_verify(form, NULL) == ST_OK);
    } else if (data[0] % 3 == 1) {
        if (catalogue_parse_data(book(), &file, &arena, &table, NULL) == ST_OK)
            check_table(&table);
    } else {
        const char *name = data[0] >= 128 ? "visit" : "unit";
        if (catalogue_parse_table(book(), name, &file, &arena, &table, NULL) == ST_OK)
            check_table(&table);
    }
    st_arena_reset(&arena);
    return 0;
}
