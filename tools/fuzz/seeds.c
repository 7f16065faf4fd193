/* tools/fuzz/seeds.c - writes the inputs that fuzzing starts from: one well-formed input of each
 * shape. usage: seeds DIR   makes DIR/<fuzzer>/seed-<number>; run in the root of the tree. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proto/frame.h"
#include "proto/merge.h"
#include "server/catalogue/load.h"
#include "tests/unit/client-lib/edge_forms.h"
#include "tests/unit/proto/make_frames.h"
#include "tools/fuzz/seed_texts.h"
#include "tools/fuzz/seeder.h"

#define ARENA_BYTES (256u << 20)
#define SETS        24u
#define RECORDS_MAX 8u

void seeder_save(seeder *s, const char *fuzzer, int first, const void *data, size_t len)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", s->dir, fuzzer);
    (void)mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/%s/seed-%03u", s->dir, fuzzer, s->written++);
    FILE *file = fopen(path, "wb");
    FUZZ_MUST(file != NULL);
    if (first >= 0)
        FUZZ_MUST(fputc(first, file) != EOF);
    FUZZ_MUST(len == 0 || fwrite(data, len, 1, file) == 1);
    FUZZ_MUST(fclose(file) == 0);
}

/* The words of a call end with NUL each. */
static void write_call(seeder *s, const char *line)
{
    char words[512];
    size_t len = strlen(line);
    FUZZ_MUST(len < sizeof words);
    for (size_t i = 0; i <= len; i++)
        words[i] = line[i] == ' ' ? '\0' : line[i];
    seeder_save(s, "operator", -1, words, len + 1);
}

static void write_texts(seeder *s)
{
    for (size_t i = 0; i < sizeof SEED_CALLS / sizeof SEED_CALLS[0]; i++)
        write_call(s, SEED_CALLS[i]);
    for (size_t i = 0; i < sizeof SEED_TEXTS / sizeof SEED_TEXTS[0]; i++)
        seeder_save(s, SEED_TEXTS[i].fuzzer, SEED_TEXTS[i].first, SEED_TEXTS[i].text,
                    strlen(SEED_TEXTS[i].text));
}

/* The records that the changes of a set make, and the vector of their bucket. */
static void write_records(seeder *s, const st_set *set)
{
    static const st_arrival ARRIVAL = { .role = ST_ROLE_OFFICER, .log_index = 7, .received_ms = 9 };
    st_record records[RECORDS_MAX];
    st_vector vector;
    size_t count = 0;
    st_buffer out;
    st_vector_init(&vector, &s->arena);
    for (uint32_t i = 0; i < set->changes_count; i++) {
        const st_change *change = &set->changes[i];
        size_t at = 0;
        while (at < count && st_id_cmp(&records[at].id, &change->record) != 0)
            at++;
        if (at == RECORDS_MAX)
            continue;
        if (at == count)
            st_record_init(&records[count++], &s->arena, &change->record, &set->bucket);
        st_fold_how how = { i % 5 == 3 ? ST_FOLD_HOLD : ST_FOLD_APPLY, false };
        FUZZ_MUST(st_merge_fold(&vector, &records[at], change, &ARRIVAL, how) == ST_OK);
    }
    st_buffer_init(&out, 1u << 22);
    for (size_t i = 0; i < count; i++) {
        st_buffer_clear(&out);
        FUZZ_MUST(st_record_encode(&records[i], &out, NULL) == ST_OK);
        seeder_save(s, "record", -1, out.data, out.len);
        seeder_save(s, "show", 0, out.data, out.len);
        seeder_save(s, "wire", 3, out.data, out.len);
    }
    st_buffer_clear(&out);
    FUZZ_MUST(st_vector_encode(&vector, &out, NULL) == ST_OK);
    seeder_save(s, "vector", -1, out.data, out.len);
    st_buffer_free(&out);
}

static void write_sets(seeder *s)
{
    st_buffer out;
    st_buffer_init(&out, ST_SET_BYTES_MAX);
    for (uint32_t i = 0; i < SETS; i++) {
        st_set set = make_set(i, 1 + i % 6, i % 4 * 2, &s->arena);
        st_buffer_clear(&out);
        FUZZ_MUST(make_bytes(&set, &out, NULL) == ST_OK);
        seeder_save(s, "set", -1, out.data, out.len);
        seeder_save(s, "erase", (int)(i % 4), out.data, out.len);
        seeder_save(s, "show", 8, out.data, out.len);
        seeder_save(s, "wire", 1, out.data, out.len);
        write_records(s, &set);
    }
    st_buffer_free(&out);
}

static void write_frames(seeder *s)
{
    st_buffer out, stream, packed;
    st_frame_writer *writer = NULL;
    st_buffer_init(&out, ST_FRAME_BYTES_MAX);
    st_buffer_init(&stream, ST_FRAME_BYTES_MAX);
    st_buffer_init(&packed, ST_FRAME_BYTES_MAX);
    FUZZ_MUST(st_frame_writer_new(9, &packed, &writer, NULL) == ST_OK);
    for (size_t i = 0; i < MAKE_FRAMES; i++) {
        st_frame frame = make_frame(i, &s->arena);
        st_buffer_clear(&out);
        FUZZ_MUST(st_frame_encode(&frame, &out, NULL) == ST_OK);
        seeder_save(s, "message", -1, out.data, out.len);
        seeder_save(s, "wire", 0, out.data, out.len);
        seeder_save(s, "frame", 15, out.data, out.len);
        fuzz_frame(out.data, out.len, &stream);
        FUZZ_MUST(st_frame_write(writer, out.data, out.len, NULL) == ST_OK);
    }
    FUZZ_MUST(st_frame_writer_end(writer, NULL) == ST_OK);
    st_frame_writer_free(writer);
    seeder_save(s, "frame", 6, stream.data, stream.len);
    seeder_save(s, "frame", 29, packed.data, packed.len);
    st_buffer_free(&out);
    st_buffer_free(&stream);
    st_buffer_free(&packed);
}

static void write_form(seeder *s, const st_form *form)
{
    st_buffer out;
    st_buffer_init(&out, ST_FORM_BYTES_MAX);
    FUZZ_MUST(st_form_encode(form, &out, NULL) == ST_OK);
    seeder_save(s, "form", -1, out.data, out.len);
    seeder_save(s, "wire", 5, out.data, out.len);
    st_buffer_free(&out);
}

static void write_catalogue(seeder *s)
{
    char **paths;
    size_t count;
    FUZZ_MUST(catalogue_list_files("server/catalogue/forms", &paths, &count, NULL) == ST_OK);
    for (size_t i = 0; i < count; i++) {
        catalogue_text_file file = { paths[i], NULL, 0 };
        char *text = NULL;
        const st_form *form = NULL;
        FUZZ_MUST(catalogue_read_file(paths[i], &text, &file.len, NULL) == ST_OK);
        file.text = text;
        FUZZ_MUST(catalogue_parse_form(&file, &s->arena, &form, NULL) == ST_OK);
        if (file.len < 4096) {
            seeder_save(s, "catalogue", 0, file.text, file.len);
            write_form(s, form);
        }
        free(text);
    }
    catalogue_free_files(paths, count);
    const st_form *forms = edge_forms(&count);
    for (size_t i = 0; i < count; i++)
        write_form(s, &forms[i]);
}

/* Golden bytes, hex digits in lines, as inputs of a fuzzer. */
static void write_golden(seeder *s, const char *name, const char *fuzzer, int first)
{
    char path[128], hex[16384];
    static uint8_t data[sizeof hex / 2];
    size_t len = 0;
    int c;
    snprintf(path, sizeof path, "tests/golden/%s.hex", name);
    FILE *file = fopen(path, "r");
    FUZZ_MUST(file != NULL);
    while ((c = fgetc(file)) != EOF)
        if (c != '\n' && len < sizeof hex)
            hex[len++] = (char)c;
    fclose(file);
    FUZZ_MUST(st_unhex(hex, len, data, len / 2));
    seeder_save(s, fuzzer, first, data, len / 2);
}

int main(int argc, char **argv)
{
    static const char *const SETS_KEPT[] = { "set-act",    "set-amend", "set-clocks",
                                             "set-create", "set-edit",  "set-elements",
                                             "set-erased", "set-items", "set-resolve",
                                             "set-values" };
    static const char *const NOTES[] = { "checkpoint", "cosignature", "vkey", "proof-file",
                                         "log-keys" };
    if (argc != 2) {
        fprintf(stderr, "usage: seeds DIR\n");
        return 2;
    }
    seeder s = { .dir = argv[1] };
    st_arena_init(&s.arena, ARENA_BYTES);
    write_texts(&s);
    write_sets(&s);
    write_frames(&s);
    write_catalogue(&s);
    seeder_write_exchanges(&s);
    seeder_write_carried(&s);
    seeder_write_media(&s);
    for (size_t i = 0; i < sizeof SETS_KEPT / sizeof SETS_KEPT[0]; i++)
        write_golden(&s, SETS_KEPT[i], "set", -1);
    write_golden(&s, "erasures", "erase", 255);
    write_golden(&s, "leaf", "leaf", -1);
    for (size_t i = 0; i < sizeof NOTES / sizeof NOTES[0]; i++)
        write_golden(&s, NOTES[i], "leaf", -1);
    write_golden(&s, "head", "head", 0);
    st_arena_reset(&s.arena);
    return 0;
}
