/* tools/fuzz/fuzz_form.c - form definitions, which travel as data. What decodes is sound, is
 * written the same way for ever, and its paths are spelled and read the same way. */
#include <stdio.h>
#include <string.h>

#include "proto/form.h"
#include "tools/fuzz/fuzz.h"

#define ARENA_BYTES (8u << 20)

/* Every path that the form has reads back from its own text. */
static void check_paths(const st_form *form)
{
    char text[ST_PATH_TEXT_BYTES], dotted[2 * ST_FORM_NAME_BYTES_MAX + 80];
    st_path path;
    for (uint32_t i = 0; i < form->fields_count; i++) {
        FUZZ_MUST(st_form_path_parse(form, form->fields[i].name, &path, NULL) == ST_OK);
        FUZZ_MUST(st_form_at(form, &path, NULL) == &form->fields[i]);
        st_form_path_format(form, &path, text);
        FUZZ_MUST(strcmp(text, form->fields[i].name) == 0);
    }
    for (uint32_t g = 0; g < form->groups_count; g++) {
        const st_group *group = &form->groups[g];
        const char *middle = group->keyed ? "a3" : "d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1:7:0";
        for (uint32_t i = 0; i < group->fields_count; i++) {
            snprintf(dotted, sizeof dotted, "%s.%s.%s", group->name, middle, group->fields[i].name);
            FUZZ_MUST(st_form_path_parse(form, dotted, &path, NULL) == ST_OK);
            FUZZ_MUST(st_form_at(form, &path, NULL) == &group->fields[i]);
            st_form_path_format(form, &path, text);
            FUZZ_MUST(strcmp(text, dotted) == 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static st_buffer first, second;
    st_arena arena;
    const st_form *form, *again;
    first.max = second.max = 4u * ST_FORM_BYTES_MAX;
    st_buffer_clear(&first);
    st_buffer_clear(&second);
    st_arena_init(&arena, ARENA_BYTES);
    st_err err = st_form_decode(data, size, &arena, &form, NULL);
    FUZZ_MUST(err != ST_E_MEMORY);
    if (err == ST_OK) {
        FUZZ_MUST(st_form_verify(form, NULL) == ST_OK);
        check_paths(form);
        FUZZ_MUST(st_form_encode(form, &first, NULL) == ST_OK);
        if (first.len <= ST_FORM_BYTES_MAX) {
            FUZZ_MUST(st_form_decode(first.data, first.len, &arena, &again, NULL) == ST_OK);
            FUZZ_MUST(st_form_encode(again, &second, NULL) == ST_OK);
            fuzz_must_be_same(&first, &second);
        }
    }
    st_arena_reset(&arena);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    return fuzz_mutate_message(data, size, size_max, seed);
}
