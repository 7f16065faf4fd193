/* server/progress.c - counts long work. Must never slow it: a step is two numbers. */
#include "server/progress.h"

#include <stddef.h>

static void tell(const progress *p)
{
    if (p->tell == NULL)
        return;
    progress_now now = progress_get(p);
    p->tell(p->context, &now);
}

void progress_begin(progress *p, progress_stage stage, uint64_t total)
{
    if (p == NULL)
        return;
    atomic_store(&p->done, 0);
    atomic_store(&p->total, total);
    atomic_store(&p->stage, (unsigned)stage);
    tell(p);
}

void progress_add(progress *p, uint64_t n)
{
    if (p == NULL)
        return;
    atomic_fetch_add(&p->done, n);
    tell(p);
}

void progress_set(progress *p, uint64_t done)
{
    if (p == NULL)
        return;
    atomic_store(&p->done, done);
    tell(p);
}

void progress_end(progress *p)
{
    progress_begin(p, PROGRESS_NONE, 0);
}

progress_now progress_get(const progress *p)
{
    progress_now now = { PROGRESS_NONE, 0, 0 };
    if (p == NULL)
        return now;
    now.stage = (progress_stage)atomic_load(&p->stage);
    now.done = atomic_load(&p->done);
    now.total = atomic_load(&p->total);
    return now;
}

typedef struct {
    const char *word, *vi, *en;
} stage_row;

static const stage_row *row_of(progress_stage stage)
{
#define X(name, word, vi, en) { word, vi, en },
    static const stage_row ROWS[] = { PROGRESS_STAGES(X) };
#undef X
    return &ROWS[(unsigned)stage < PROGRESS_STAGE_COUNT ? stage : PROGRESS_NONE];
}

const char *progress_word(progress_stage stage)
{
    return row_of(stage)->word;
}

const char *progress_label(progress_stage stage, bool vi)
{
    return vi ? row_of(stage)->vi : row_of(stage)->en;
}
