/* tools/bench/peer_client.c - peer-client main|push|bootstrap: the phases of the peer bench with
 * twenty sotay devices; push is the first one of main alone. Enrolment comes before the first mark.
 * Every record is one change and one durable transaction, as from an officer's hand; sealing,
 * signing and the phone's own commits are inside the measured syncs. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench/device.h"
#include "tools/bench/peers/workload.h"

#define ROUNDS 2
#define BOOTSTRAP_LINK 20

/* One record: what the operations call it, and what sotay does. */
typedef struct {
    const char *name;
    sotay_id id;
} known;

typedef struct {
    workload work;
    device *devices;
    known *records;            /* ascending by name once all are created */
    size_t records_count;
} bench;

static void *memory(size_t count, size_t size)
{
    void *room = calloc(count, size);
    if (room == NULL)
        exit(2);
    return room;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const known *)a)->name, ((const known *)b)->name);
}

static const sotay_id *id_of(const bench *b, const char *name)
{
    const known key = { .name = name };
    const known *found = bsearch(&key, b->records, b->records_count, sizeof key, by_name);
    if (found == NULL) {
        fprintf(stderr, "bench: an edit of an unknown record\n");
        exit(2);
    }
    return &found->id;
}

static void open_device(device *d, int number, int link_number)
{
    char path[1024], link[512];
    snprintf(path, sizeof path, "%s/dev%d", workload_env("STATE"), number);
    device_open(d, path);
    const char *links = getenv("LINKS");
    snprintf(path, sizeof path, "%s/../srv/links", workload_env("STATE"));
    device_read_link(links != NULL ? links : path, link_number, link, sizeof link);
    device_enrol(d, link);
}

/* ---- recording ---- */

/* A value as a person would write it: ids without their dashes. */
static const char *text_of(const workload_value *value, char *room, size_t room_bytes)
{
    size_t len = 0;
    if (value->text == NULL) {
        snprintf(room, room_bytes, "%ld", value->number);
        return room;
    }
    bool is_uuid = strlen(value->text) == 36 && value->text[8] == '-' && value->text[23] == '-';
    if (!is_uuid)
        return value->text;
    for (const char *at = value->text; *at != '\0'; at++)
        if (*at != '-')
            room[len++] = *at;
    room[len] = '\0';
    return room;
}

static void create(bench *b, const workload_op *op)
{
    char rooms[WORKLOAD_FIELDS_MAX][40];
    sotay_pair pairs[WORKLOAD_FIELDS_MAX];
    sotay_error error = { 0 };
    known *record = &b->records[b->records_count++];
    for (int i = 0; i < b->work.fields_count; i++)
        pairs[i] = (sotay_pair){ b->work.fields[i].name,
                                 text_of(&op->record[i], rooms[i], sizeof rooms[i]) };
    record->name = op->id;
    device_need(sotay_record_new(b->devices[op->device].client, DEVICE_FORM, DEVICE_UNIT,
                                 (sotay_pairs){ pairs, (size_t)b->work.fields_count },
                                 &record->id, &error), &error, "new");
}

static void edit(bench *b, const workload_op *op)
{
    char room[40];
    sotay_error error = { 0 };
    const sotay_pair pair = { b->work.fields[op->field].name,
                              text_of(&op->value, room, sizeof room) };
    device_need(sotay_record_set(b->devices[op->device].client, id_of(b, op->id),
                                 (sotay_pairs){ &pair, 1 }, &error), &error, "set");
}

static void apply(bench *b, workload_kind kind)
{
    for (size_t i = 0; i < b->work.ops_count; i++) {
        const workload_op *op = &b->work.ops[i];
        if (op->kind == kind && kind == WORKLOAD_CREATE)
            create(b, op);
        else if (op->kind == kind)
            edit(b, op);
    }
}

/* ---- what became of it ---- */

static char *show(const bench *b, int number, const sotay_id *id)
{
    char *text = NULL;
    sotay_error error = { 0 };
    device_need(sotay_show(b->devices[number].client, id, SOTAY_JSON, &text, &error), &error,
                "show");
    return text;
}

static uint64_t hash_text(uint64_t hash, const char *from, const char *to)
{
    for (const char *at = from; at < to; at++)
        hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    return hash;
}

/* Everything that a device shows of every record, but when a value was written by the server's
 * clock: that a phone knows of its own work alone. */
static uint64_t digest(const bench *b, int number)
{
    uint64_t hash = 1469598103934665603u;
    for (size_t i = 0; i < b->records_count; i++) {
        char *text = show(b, number, &b->records[i].id);
        const char *at = text, *own, *after;
        while ((own = strstr(at, "\"corrected_at\":")) != NULL &&
               (after = strstr(own, "\"received_at\":")) != NULL) {
            hash = hash_text(hash, at, own);
            at = after;
        }
        hash = hash_text(hash, at, at + strlen(at));
        sotay_text_free(text);
    }
    return hash;
}

static bool is_value(const cJSON *json, const workload_op *op)
{
    if (op->value.text == NULL)
        return cJSON_IsNumber(json) && (long)json->valuedouble == op->value.number;
    return cJSON_IsString(json) && strcmp(json->valuestring, op->value.text) == 0;
}

/* Does the record show the value of this edit, first or beside others? */
static bool has(const bench *b, const workload_op *op)
{
    bool found = false;
    char *text = show(b, 0, id_of(b, op->id));
    cJSON *record = cJSON_Parse(text);
    const cJSON *field = cJSON_GetObjectItem(cJSON_GetObjectItem(record, "fields"),
                                             b->work.fields[op->field].name);
    const cJSON *value;
    cJSON_ArrayForEach(value, cJSON_GetObjectItem(field, "values"))
    {
        found = found || is_value(cJSON_GetObjectItem(value, "value"), op);
    }
    cJSON_Delete(record);
    sotay_text_free(text);
    return found;
}

/* The two of a pair as an entry of the list of conflicts. */
static bool is_listed(const cJSON *conflict, const bench *b, const workload_op *pair)
{
    char hex[33];
    int found = 0;
    const cJSON *value;
    sotay_id_format(id_of(b, pair->id), hex);
    if (strcmp(cJSON_GetObjectItem(conflict, "id")->valuestring, hex) != 0 ||
        strcmp(cJSON_GetObjectItem(conflict, "path")->valuestring,
               b->work.fields[pair->field].name) != 0)
        return false;
    cJSON_ArrayForEach(value, cJSON_GetObjectItem(conflict, "values"))
    {
        const cJSON *author = cJSON_GetObjectItem(value, "author");
        const cJSON *written = cJSON_GetObjectItem(value, "value");
        if (cJSON_IsString(author) && (is_value(written, &pair[0]) || is_value(written, &pair[1])))
            found++;
    }
    return found == 2;
}

/* Every conflict listed is one of the pairs on one field, with both values, or a false one. */
static void count_conflicts(const bench *b, workload_outcome *outcome)
{
    char *text = NULL;
    sotay_error error = { 0 };
    device_need(sotay_conflicts(b->devices[0].client, SOTAY_JSON, &text, &error), &error,
                "conflicts");
    cJSON *all = cJSON_Parse(text);
    const cJSON *conflict;
    cJSON_ArrayForEach(conflict, cJSON_GetObjectItem(all, "conflicts"))
    {
        bool is_true = false;
        for (size_t i = 0; i + 1 < b->work.ops_count && !is_true; i++) {
            const workload_op *op = &b->work.ops[i];
            bool is_pair = op->kind == WORKLOAD_EDIT && op->group == WORKLOAD_SAME &&
                           op[1].group == WORKLOAD_SAME && strcmp(op->id, op[1].id) == 0;
            is_true = is_pair && is_listed(conflict, b, op);
        }
        *(is_true ? &outcome->conflicts_kept : &outcome->false_conflicts) += 1;
    }
    cJSON_Delete(all);
    sotay_text_free(text);
}

static workload_outcome look(const bench *b)
{
    workload_outcome outcome = { .rounds = ROUNDS, .converged = true };
    uint64_t first = digest(b, 0);
    for (int i = 1; i < b->work.devices; i++)
        outcome.converged &= digest(b, i) == first;
    for (size_t i = 0; i < b->work.ops_count; i++) {
        const workload_op *op = &b->work.ops[i];
        if (op->kind != WORKLOAD_EDIT)
            continue;
        int found = has(b, op);
        if (op->group != WORKLOAD_SOLO)
            found += has(b, &b->work.ops[++i]);
        workload_count(&outcome, op->group, found);
    }
    count_conflicts(b, &outcome);
    return outcome;
}

/* ---- the two runs ---- */

static void run_bootstrap(void)
{
    device d;
    char extra[64], *text = NULL;
    int docs = 0;
    sotay_error error = { 0 };
    const cJSON *record;
    open_device(&d, 98, BOOTSTRAP_LINK);
    workload_mark start = workload_mark_now();
    device_sync(&d);
    device_need(sotay_list(d.client, &(sotay_filter){ .form = DEVICE_FORM }, SOTAY_JSON, &text,
                           &error), &error, "list");
    cJSON *all = cJSON_Parse(text);
    cJSON_ArrayForEach(record, cJSON_GetObjectItem(all, "records")) docs++;
    snprintf(extra, sizeof extra, "\"docs\":%d", docs);
    workload_report("bootstrap", start, extra);
    cJSON_Delete(all);
    sotay_text_free(text);
    device_close(&d);
}

static void run_edit(bench *b)
{
    char extra[512];
    apply(b, WORKLOAD_EDIT);
    workload_mark start = workload_mark_now();
    for (int i = 0; i < ROUNDS * b->work.devices; i++)
        device_sync(&b->devices[i % b->work.devices]);
    double checking = workload_now();
    workload_outcome outcome = look(b);
    start.seconds += workload_now() - checking;
    workload_outcome_text(&outcome, extra, sizeof extra);
    workload_report("edit", start, extra);
}

static void run_main(bool is_push_alone)
{
    bench b = { .work = workload_load() };
    int devices = b.work.devices;
    b.devices = memory((size_t)devices, sizeof *b.devices);
    b.records = memory(b.work.ops_count, sizeof *b.records);
    for (int i = 0; i < devices; i++) {
        open_device(&b.devices[i], i, i);
        device_sync(&b.devices[i]);
    }
    apply(&b, WORKLOAD_CREATE);
    qsort(b.records, b.records_count, sizeof *b.records, by_name);
    workload_mark start = workload_mark_now();
    for (int i = 0; i < devices; i++)
        device_push(&b.devices[i]);
    workload_report("push", start, "");
    if (is_push_alone)
        return;
    start = workload_mark_now();
    for (int i = 0; i < devices; i++)
        device_sync(&b.devices[i]);
    workload_report("catchup", start, "");
    run_edit(&b);
    start = workload_mark_now();
    device_sync(&b.devices[0]);
    workload_report("noop", start, "");
    apply(&b, WORKLOAD_PROBE);
    start = workload_mark_now();
    device_sync(&b.devices[0]);
    workload_report("probe_push", start, "");
    start = workload_mark_now();
    device_sync(&b.devices[1]);
    workload_report("probe_pull", start, "");
    for (int i = 0; i < devices; i++)
        device_close(&b.devices[i]);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "bootstrap") == 0)
        run_bootstrap();
    else
        run_main(argc == 2 && strcmp(argv[1], "push") == 0);
    return 0;
}
