/* tools/bench/peers/workload.h - the operations of one run, read from the file that workload.py
 * makes, and the marks between which its phases are measured. For the bench clients alone: what
 * cannot be read ends the program. */
#ifndef SOTAY_BENCH_WORKLOAD_H
#define SOTAY_BENCH_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORKLOAD_FIELDS_MAX 128

typedef struct {
    char *name;
    bool is_number;
} workload_field;

typedef struct {
    const char *text;          /* NULL: a number */
    long number;
} workload_value;

typedef enum { WORKLOAD_CREATE, WORKLOAD_EDIT, WORKLOAD_PROBE } workload_kind;
/* How an edit stands to others: alone on its record, or one of two of the same or another field. */
typedef enum { WORKLOAD_SOLO, WORKLOAD_SAME, WORKLOAD_DIFF } workload_group;

typedef struct {
    workload_kind kind;
    int device;
    const char *id;
    const workload_value *record;  /* of a create: one per field */
    int field;                     /* of an edit or probe */
    workload_value value;
    workload_group group;          /* of an edit; the two of a pair follow each other */
} workload_op;

typedef struct {
    workload_field fields[WORKLOAD_FIELDS_MAX];
    int fields_count;
    workload_op *ops;
    size_t ops_count;
    int devices;
} workload;

/* Reads the file named by the environment's OPS. Lives until the program ends. */
workload workload_load(void);

/* A point in time with the counters of the proxy and of the server's process. */
typedef struct {
    double seconds, server_cpu_s, log_cpu_s, server_rss_mb;
    uint64_t up, down, turns, connections;
} workload_mark;

double workload_now(void);
/* Reads COUNTERS, /proc/SRVPID and, when there is one, LOG_CLOCK, all of the environment. */
workload_mark workload_mark_now(void);
/* Prints `RES {...}` for what happened since `start`; extra: further members without braces. */
void workload_report(const char *phase, workload_mark start, const char *extra);

/* What became of the edits; print_outcome writes it as members of the report. */
typedef struct {
    int rounds, conflicts_kept, false_conflicts;
    bool converged;
    int solo_ok, solo_lost, same_both, same_one, same_none, diff_both, diff_one, diff_none;
} workload_outcome;
/* Counts one edit alone, or both of a pair, by how many of its values are there. */
void workload_count(workload_outcome *outcome, workload_group group, int found);
void workload_outcome_text(const workload_outcome *outcome, char *text, size_t text_bytes);

/* The environment's value, or the program ends. */
const char *workload_env(const char *name);

#endif
