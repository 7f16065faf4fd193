/* tools/bench/peers/workload.c - reads operations, counters and /proc for the bench clients.
 * Promises that every client of the C peers measures in the same way. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/bench/peers/workload.h"

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench: %s: %s\n", what, why);
    exit(2);
}

const char *workload_env(const char *name)
{
    const char *value = getenv(name);
    if (value == NULL)
        die(name, "is not set");
    return value;
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        die(path, "cannot be read");
    size_t len = (size_t)ftell(file);
    rewind(file);
    char *text = malloc(len + 1);
    if (text == NULL || fread(text, 1, len, file) != len)
        die(path, "cannot be read");
    text[len] = '\0';
    (void)fclose(file);
    return text;
}

/* ---- operations ---- */

static char *copy_of(const char *text)
{
    char *copy = strdup(text);
    if (copy == NULL)
        die("memory", "none left");
    return copy;
}

static workload_value value_of(const cJSON *json)
{
    workload_value value = { 0 };
    if (cJSON_IsString(json))
        value.text = copy_of(json->valuestring);
    else if (cJSON_IsNumber(json))
        value.number = (long)json->valuedouble;
    else
        die("operations", "a value is neither text nor number");
    return value;
}

static int field_of(const workload *work, const char *name)
{
    for (int i = 0; i < work->fields_count; i++)
        if (strcmp(work->fields[i].name, name) == 0)
            return i;
    die("operations", "an unknown field");
    return -1;
}

static void read_meta(workload *work, const cJSON *line)
{
    const cJSON *field;
    work->devices = cJSON_GetObjectItem(line, "D")->valueint;
    cJSON_ArrayForEach(field, cJSON_GetObjectItem(line, "fields"))
    {
        if (work->fields_count == WORKLOAD_FIELDS_MAX)
            die("operations", "too many fields");
        workload_field *out = &work->fields[work->fields_count++];
        out->name = copy_of(cJSON_GetArrayItem(field, 0)->valuestring);
        out->is_number = strcmp(cJSON_GetArrayItem(field, 1)->valuestring, "i") == 0;
    }
}

static const workload_value *record_of(const workload *work, const cJSON *json)
{
    workload_value *values = calloc((size_t)work->fields_count, sizeof *values);
    const cJSON *field;
    if (values == NULL)
        die("memory", "none left");
    cJSON_ArrayForEach(field, json) values[field_of(work, field->string)] = value_of(field);
    return values;
}

static workload_op op_of(const workload *work, const cJSON *line, const char *kind)
{
    workload_op op = { .device = cJSON_GetObjectItem(line, "dev")->valueint,
                       .id = copy_of(cJSON_GetObjectItem(line, "id")->valuestring) };
    if (strcmp(kind, "create") == 0) {
        op.record = record_of(work, cJSON_GetObjectItem(line, "rec"));
        return op;
    }
    op.kind = strcmp(kind, "edit") == 0 ? WORKLOAD_EDIT : WORKLOAD_PROBE;
    op.field = field_of(work, cJSON_GetObjectItem(line, "f")->valuestring);
    op.value = value_of(cJSON_GetObjectItem(line, "v"));
    const cJSON *group = cJSON_GetObjectItem(line, "g");
    if (group != NULL && strcmp(group->valuestring, "same") == 0)
        op.group = WORKLOAD_SAME;
    if (group != NULL && strcmp(group->valuestring, "diff") == 0)
        op.group = WORKLOAD_DIFF;
    return op;
}

workload workload_load(void)
{
    workload work = { 0 };
    size_t capacity = 0;
    char *text = read_file(workload_env("OPS"));
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        if (*line == '\0')
            continue;
        cJSON *json = cJSON_Parse(line);
        if (json == NULL)
            die("operations", "a line is not JSON");
        const char *kind = cJSON_GetObjectItem(json, "op")->valuestring;
        if (work.ops_count == capacity) {
            capacity = capacity > 0 ? capacity * 2 : 1024;
            work.ops = realloc(work.ops, capacity * sizeof *work.ops);
            if (work.ops == NULL)
                die("memory", "none left");
        }
        if (strcmp(kind, "meta") == 0)
            read_meta(&work, json);
        else
            work.ops[work.ops_count++] = op_of(&work, json, kind);
        cJSON_Delete(json);
    }
    free(text);
    return work;
}

/* ---- marks ---- */

double workload_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* VmHWM, the most memory a process ever had. */
static double peak_rss_mb(const char *pid)
{
    char path[64], line[256];
    double mb = 0;
    snprintf(path, sizeof path, "/proc/%s/status", pid);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "VmHWM:", 6) == 0)
            mb = atof(line + 6) / 1024;
    if (file != NULL)
        (void)fclose(file);
    return mb;
}

/* CPU time of all threads of a process so far; finer than the ticks of /proc/PID/stat. */
static double cpu_s(const char *pid)
{
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(atoi(pid), &clock) != 0 || clock_gettime(clock, &used) != 0)
        return 0;
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* What sotayd-clock counts of its log; 0 with other servers. */
static double log_cpu_s(void)
{
    const char *path = getenv("LOG_CLOCK");
    uint64_t ns = 0;
    FILE *file = path == NULL ? NULL : fopen(path, "rb");
    if (file != NULL && fread(&ns, sizeof ns, 1, file) != 1)
        die("LOG_CLOCK", "cannot be read");
    if (file != NULL)
        (void)fclose(file);
    return (double)ns / 1e9;
}

workload_mark workload_mark_now(void)
{
    workload_mark mark = { 0 };
    uint64_t counters[4];
    FILE *file = fopen(workload_env("COUNTERS"), "rb");
    if (file == NULL || fread(counters, sizeof counters[0], 4, file) != 4)
        die("COUNTERS", "cannot be read");
    (void)fclose(file);
    mark.up = counters[0];
    mark.down = counters[1];
    mark.turns = counters[2];
    mark.connections = counters[3];
    mark.server_cpu_s = cpu_s(workload_env("SRVPID"));
    mark.log_cpu_s = log_cpu_s();
    mark.server_rss_mb = peak_rss_mb(workload_env("SRVPID"));
    mark.seconds = workload_now();
    return mark;
}

void workload_report(const char *phase, workload_mark start, const char *extra)
{
    double seconds = workload_now() - start.seconds;
    workload_mark end = workload_mark_now();
    printf("RES {\"phase\":\"%s\",\"wall_s\":%.5f,\"up\":%lu,\"down\":%lu,\"turns\":%lu,"
           "\"conns\":%lu,\"srv_cpu_s\":%.4f,\"log_cpu_s\":%.4f,\"srv_rss_mb\":%.1f,"
           "\"cli_rss_mb\":%.1f%s%s}\n",
           phase, seconds, end.up - start.up, end.down - start.down, end.turns - start.turns,
           end.connections - start.connections, end.server_cpu_s - start.server_cpu_s,
           end.log_cpu_s - start.log_cpu_s, end.server_rss_mb, peak_rss_mb("self"),
           *extra != '\0' ? "," : "", extra);
    fflush(stdout);
}

/* ---- outcome ---- */

void workload_count(workload_outcome *outcome, workload_group group, int found)
{
    switch (group) {
    case WORKLOAD_SOLO: *(found > 0 ? &outcome->solo_ok : &outcome->solo_lost) += 1; break;
    case WORKLOAD_SAME:
        *(found == 2 ? &outcome->same_both : found == 1 ? &outcome->same_one
                                                        : &outcome->same_none) += 1;
        break;
    case WORKLOAD_DIFF:
        *(found == 2 ? &outcome->diff_both : found == 1 ? &outcome->diff_one
                                                        : &outcome->diff_none) += 1;
        break;
    }
}

void workload_outcome_text(const workload_outcome *outcome, char *text, size_t text_bytes)
{
    snprintf(text, text_bytes,
             "\"rounds\":%d,\"converged\":%s,\"conflicts_kept\":%d,\"false_conflicts\":%d,"
             "\"solo_ok\":%d,\"solo_lost\":%d,\"same_both\":%d,\"same_one\":%d,\"same_none\":%d,"
             "\"diff_both\":%d,\"diff_one\":%d,\"diff_none\":%d",
             outcome->rounds, outcome->converged ? "true" : "false", outcome->conflicts_kept,
             outcome->false_conflicts, outcome->solo_ok, outcome->solo_lost, outcome->same_both,
             outcome->same_one, outcome->same_none, outcome->diff_both, outcome->diff_one,
             outcome->diff_none);
}
