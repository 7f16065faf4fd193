/* tests/sim/model.h - the merge of docs/protocol.md 5 once more, as plainly as it can be said: keep
 * every change of the log with its verdict, and work out what people see from all of them, anew
 * each time. Written from that page; it shares no code with proto/merge.c, view.c, record.c or
 * edit.c, and knows the form only by the few numbers of MODEL_DECISIVE in model.c. */
#ifndef SOTAY_TESTS_SIM_MODEL_H
#define SOTAY_TESTS_SIM_MODEL_H

#include "proto/changeset.h"
#include "server/sync/row.h"

typedef enum { MODEL_IN, MODEL_HELD, MODEL_DECLINED } model_verdict;

typedef struct {
    const st_set *set;
    const st_change *change;
    model_verdict verdict;
    st_hold first_reason, reason; /* for which it was held when it came, and last */
    uint64_t index; /* of the entry that brought it */
    int64_t time_ms;
    bool is_carried;
} model_change;

/* One set as it stands in the log. */
typedef struct {
    const st_set *set;
    uint64_t index;
    int64_t time_ms;
    bool is_fork, is_carried;
    uint32_t held; /* changes of it that were held when it came */
    uint32_t held_revoked;
} model_set;

typedef struct model {
    st_arena arena;
    model_set *sets; /* in log order, forks too */
    size_t sets_count, sets_capacity;
    model_change *changes; /* ascending by dot, without forks */
    size_t count, capacity;
    uint64_t entries;
    uint64_t releases, accepts, declines, gaps, forks, epochs;
    uint64_t holds[ST_HOLD_COUNT];
} model;

/* Reads the whole log, and looks at each verdict of the server whether it is the one that
 * docs/protocol.md gives (verdict.c). False: why (256 bytes) says what is wrong. */
bool model_read(model *m, store_txn *txn, char *why);
void model_free(model *m);
/* The change with a dot; NULL: not in the log, or only as a fork. */
model_change *model_find(const model *m, const st_dot *dot);

/* ---- verdict.c: what must wait; while the log is being read, `m` is what came before ---- */

/* Is the set of another branch of its device? */
bool model_is_branch(const model *m, const st_set *set);
/* Is it right that the change is held for that reason, or for none? False: why (256 bytes). */
bool model_judge(const model *m, const st_set *set, const st_change *change, st_hold reason,
                 char *why);
/* May it be let in by itself now? False: why. */
bool model_may_release(const model *m, const model_change *change, char *why);
/* One that is held and waits for nothing any more; NULL: there is none. */
const model_change *model_stuck(const model *m);
/* Made under a finalise or lock, no amendment, no act. */
bool model_is_frozen(const st_change *change);

/* ---- what people see of one record ---- */

typedef enum { MODEL_THERE, MODEL_DROPPED, MODEL_CONTESTED } model_item;

typedef struct {
    const model_change *change;
    const st_op *op;
} model_live;

typedef struct model_view {
    model_live *lives; /* what no other operation replaces */
    size_t lives_count;
    const model_change **acts; /* in force, ascending by dot */
    size_t acts_count;
    bool state_conflict, changed_since;
    uint32_t open_conflicts;
} model_view;

/* Over the log alone, or (held_of: a device) with that device's held changes folded in as its own
 * phone does. Memory of the model's arena. */
void model_view_of(model *m, const st_id *record, const st_id *held_of, model_view *out_view);
model_item model_item_of(const model_view *view, const st_path *item);
/* Sum of a bucket (docs/protocol.md 7.5, "Sum"), 16 bytes. */
void model_sum_of(model *m, const char *bucket, uint8_t out[16]);

/* Does the change name what docs/protocol.md 5 lets its author name? A plain edit of a decisive
 * path replaces one value and no other, and is under no act that a value it replaces is concurrent
 * with. False: why (static text). */
bool model_is_honest(const model *m, const st_change *change, const char **out_why);

/* Is this text a value or a reason anywhere in the log, in a fork too? */
bool model_says(const model *m, const char *word);
/* Not in forks alone: does it count in some record, or wait for the office? */
bool model_keeps(const model *m, const char *word);
/* The set that says it; NULL: none. */
const st_set *model_saying(const model *m, const char *word);
/* Does a set of the device say it of which a change is held? */
bool model_held_says(const model *m, const uint8_t device[16], const char *word);
/* Is it a piece of a file that some set of the log names, in a fork too? */
bool model_names_piece(const model *m, const st_hash *piece);
/* Does the set of that hash say it? */
bool model_set_says(const model *m, const st_hash *hash, const char *word);

/* The change's operation at the path; NULL: it has none there. */
const st_op *model_op_at(const st_change *change, const st_path *path);
bool model_same_path(const st_path *a, const st_path *b);
bool model_same_value(const st_value *a, const st_value *b);

#endif
