/* tests/sim/plan.h - what happens in a world, as a list that is made from a seed, printed, cut
 * shorter and played again. */
#ifndef SOTAY_TESTS_SIM_PLAN_H
#define SOTAY_TESTS_SIM_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_PHONES_MAX 12u
#define PLAN_CLONES_MAX 4u

/* Seeds below have the steps with a weight alone, as they always had: a seed that once failed stays
 * the same world. From here on a world has themes too. */
#define PLAN_THEMED UINT64_C(10000000)
/* And from here on the themes that came last: other keys of the log, copies that the office
 * confirms, limits of files. Fresh seeds of before that day stay as they were. */
#define PLAN_KEYED       UINT64_C(30000000)
#define PLAN_FRESH       UINT64_C(1000000000000000) /* microseconds since 1970 */
#define PLAN_FRESH_KEYED UINT64_C(1795905000000000)
/* And from here on those of files that hang on held changes. */
#define PLAN_WAITING       UINT64_C(40000000)
#define PLAN_FRESH_WAITING UINT64_C(1795918800000000)
/* And from here on people write while their phones sync. */
#define PLAN_WRITING       UINT64_C(50000000)
#define PLAN_FRESH_WRITING UINT64_C(1795935600000000)
/* And from here on phones lose sets that nobody else has, and requests arrive cut short. */
#define PLAN_LOSING       UINT64_C(60000000)
#define PLAN_FRESH_LOSING UINT64_C(1795953600000000)
/* And from here on stores of which two copies write, and a client that is not ours. */
#define PLAN_STRANGE       UINT64_C(70000000)
#define PLAN_FRESH_STRANGE UINT64_C(1795953700000000)
/* And from here on words arrive while they are typed over. */
#define PLAN_TYPING       UINT64_C(80000000)
#define PLAN_FRESH_TYPING UINT64_C(1795955400000000)
/* And from here on what a phone has of the book goes wrong, and its next sync mends it. */
#define PLAN_MENDING       UINT64_C(90000000)
#define PLAN_FRESH_MENDING UINT64_C(1795964400000000)
/* And from here on rows of a phone are torn of which no sum tells, and histories are compared. */
#define PLAN_TEARING       UINT64_C(90010000)
#define PLAN_FRESH_TEARING UINT64_C(1795974000000000)
/* And from here on sets too that a phone keeps and the office has. */
#define PLAN_TEARING_SETS       UINT64_C(100000000)
#define PLAN_FRESH_TEARING_SETS UINT64_C(1795986000000000)

/* Randomness of one step: other steps may go without changing it. */
typedef struct {
    uint64_t state;
} sim_random;
uint64_t sim_next(sim_random *r);
uint32_t sim_pick(sim_random *r, uint32_t below);
bool sim_chance(sim_random *r, uint32_t permille);
int64_t sim_between(sim_random *r, int64_t low, int64_t high);

/* Every kind of step: X(name, what the trace calls it, weight, does it need a phone). Those without
 * a weight come in themes only (plan.c). */
#define PLAN_OPS(X)                                                                                \
    X(new_record, "new", 60, true)                                                                 \
    X(set, "set", 200, true) X(element, "element", 30, true) X(remark, "remark", 20, true) X(      \
        item, "item", 50, true) X(drop, "drop", 25, true) X(finalise, "finalise", 14, true)        \
        X(withdraw, "withdraw", 12, true) X(reopen, "reopen", 10, true) X(amend, "amend", 8, true) \
            X(resolve, "resolve", 25, true) X(draft, "draft", 20, true)                            \
                X(commit, "commit", 8, true) X(sync, "sync", 260, true) X(                         \
                    send_only, "send-only", 15, true) X(everybody, "everybody", 6, false)          \
                    X(crash, "crash", 15, true) X(crash_inside, "crash-inside", 30, true) X(       \
                        fail_call, "fail-call", 15, true) X(reboot, "reboot", 6, true)             \
                        X(clock, "clock", 8, true) X(clone, "clone", 4, true)                      \
                            X(backup, "backup", 6, true) X(restore, "restore", 4, true)            \
                                X(lose, "lose", 2, true) X(enrol, "enrol", 12, true)               \
                                    X(cut_off, "cut-off", 8, true) X(heal, "heal", 12, true) X(    \
                                        swizzle, "swizzle", 3, false) X(carry, "carry", 25, false) \
                                        X(server_kill, "server-kill", 8,                           \
                                          false) X(server_fault, "server-fault", 18, false)        \
                                            X(server_clock, "server-clock", 4,                     \
                                              false) X(rebuild, "rebuild", 2, false)               \
                                                X(revoke, "revoke", 2, true)                       \
                                                    X(suspend, "suspend", 4, true)                 \
                                                        X(lift, "lift", 5, false)                  \
                                                            X(assign, "assign", 8, false)          \
                                                                X(unassign, "unassign", 5, false)  \
                                                                    X(decide, "decide", 15, false) \
                                                                        X(office_set,              \
                                                                          "office-set", 12, false) \
                                                                            X(office_resolve,      \
                                                                              "office-resolve", 8, \
                                                                              false)               \
    X(server_backup, "server-backup", 0, false) X(server_restore, "server-restore", 0, false) \
    X(erase, "erase", 0, false) X(copy_moved, "copy-moved", 0, true) \
    X(many, "many", 0, true) X(newcomer, "newcomer", 0, false) \
    X(attach, "attach", 0, true) X(want, "want", 0, true) X(clear, "clear", 0, true) \
    X(lost_file, "lost-file", 0, false) X(collect, "collect", 0, false) \
    X(piece_kill, "piece-kill", 0, true) \
    X(pack, "pack", 0, true) X(unpack, "unpack", 0, true) \
    X(office_unpack, "office-unpack", 0, false) X(exchange, "exchange", 0, true) \
    X(log_key, "log-key", 0, false) X(copy, "copy", 0, true) X(heirs, "heirs", 0, false) \
    X(limit, "limit", 0, false) X(held_file, "held-file", 0, true) \
    X(lose_set, "lose-set", 0, true) X(take_unit, "take-unit", 0, true) \
    X(suspend_midway, "suspend-midway", 0, true) X(type_over, "type-over", 0, true) \
    X(twins, "twins", 0, true) X(stranger, "stranger", 0, false) \
    X(spoil, "spoil", 0, true) X(tear, "tear", 0, true)

#define X(name, text, weight, needs_phone) PLAN_##name,
typedef enum { PLAN_OPS(X) PLAN_KINDS } plan_kind;
#undef X
const char *plan_kind_name(plan_kind kind);
bool plan_kind_needs_phone(plan_kind kind);
/* Has a world of this seed the themes from PLAN_KEYED on? */
bool plan_is_keyed(uint64_t seed);
/* Does a phone of such a world go on with a sync when somebody writes? Else that ends it. */
bool plan_writes_in_syncs(uint64_t seed);
/* Has such a world the themes and faults from PLAN_LOSING on? */
bool plan_loses(uint64_t seed);
/* Has it those from PLAN_MENDING on? */
bool plan_mends(uint64_t seed);
/* Has it those from PLAN_TEARING on? */
bool plan_tears(uint64_t seed);
/* Has it those from PLAN_TEARING_SETS on? */
bool plan_tears_sets(uint64_t seed);

typedef struct {
    uint32_t index; /* in the whole plan of the seed: what TRACE= names */
    plan_kind kind;
    uint32_t phone;
    uint32_t wait_ms; /* before it */
    uint64_t salt;    /* everything else about it */
} plan_op;

typedef struct {
    uint64_t seed;
    uint32_t phones;           /* 3 to PLAN_PHONES_MAX */
    uint32_t first_phone;      /* of the template */
    uint32_t trouble_permille; /* of messages */
    bool is_rough;             /* crashes, disks, copies; else only the network misbehaves */
    uint32_t lies;             /* negative control: commits that the disk only says it made */
    plan_op *ops;
    size_t count;
} sim_plan;

/* Free with plan_free. */
sim_plan plan_make(uint64_t seed);
void plan_free(sim_plan *plan);
/* Keeps the steps of a list "3,7,10-14" only ("" keeps none). False: not such a list. */
bool plan_keep(sim_plan *plan, const char *list);
/* That list for the steps it has; text holds PLAN_LIST_BYTES. */
#define PLAN_LIST_BYTES 16384u
void plan_list(const sim_plan *plan, char *text);

#endif
