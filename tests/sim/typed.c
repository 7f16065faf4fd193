/* tests/sim/typed.c - what an officer saw when he typed. Promises that a working copy that became
 * a change replaces nothing, and is under no act, but what its phone showed while it was typed, and
 * the phone's own. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <string.h>

#include "tests/sim/model.h"

/* Looking costs the store calls: a death or failure that waits for the n-th one waits on. */
void sim_note_shown(sim_phone *p, const sotay_id *record, char **out_shown)
{
    uint32_t die_in = p->tap->die_in, fail_in = p->tap->fail_in;
    p->tap->die_in = p->tap->fail_in = 0;
    *out_shown = NULL;
    (void)!sotay_show(p->client, record, SOTAY_JSON, out_shown, NULL);
    p->tap->die_in = die_in;
    p->tap->fail_in = fail_in;
}

static bool is_own(const sim_phone *p, const st_id *device)
{
    for (size_t i = 0; i < p->devices_count; i++)
        if (memcmp(p->devices[i].b, device->b, sizeof device->b) == 0)
            return true;
    return false;
}

/* A dot as the record shows it, with both its marks: else 1 would be found in 12 as well. */
static void quote_dot(const st_dot *dot, char text[ST_DOT_TEXT_BYTES + 2])
{
    char bare[ST_DOT_TEXT_BYTES];
    st_dot_format(dot, bare);
    (void)snprintf(text, ST_DOT_TEXT_BYTES + 2, "\"%s\"", bare);
}

/* The same field may have been begun earlier, on a phone whose store was copied by another one. */
static bool was_shown(const sim_world *w, uint32_t mark, const st_dot *dot)
{
    char text[ST_DOT_TEXT_BYTES + 2];
    const sim_mark *is = &w->marks[mark];
    quote_dot(dot, text);
    for (uint32_t i = 0; i <= mark; i++) {
        const sim_mark *at = &w->marks[i];
        if (at->shown == NULL || at->record != is->record || at->path != is->path)
            continue;
        if ((at->typed_on == is->typed_on || w->phones[is->typed_on].is_branch) &&
            strstr(at->shown, text) != NULL)
            return true;
    }
    return false;
}

static void check_replaces(sim_world *w, uint32_t mark, const st_op *op)
{
    const sim_phone *p = &w->phones[w->marks[mark].typed_on];
    for (uint32_t i = 0; i < op->replaces_count; i++) {
        if (is_own(p, &op->replaces[i].device))
            continue;
        if (!was_shown(w, mark, &op->replaces[i]))
            sim_fail(w, "phone %u typed over a value of r%u that it never showed",
                     w->marks[mark].typed_on, w->marks[mark].record);
        sim_count(w, SIM_TYPED_OVER);
    }
}

/* One change is made of all fields: it is under no act that one of them was not begun under. */
static void check_under(sim_world *w, uint32_t mark, const st_change *change)
{
    const sim_phone *p = &w->phones[w->marks[mark].typed_on];
    for (uint32_t i = 0; i < change->under_count; i++) {
        if (is_own(p, &change->under[i].dot.device))
            continue;
        if (!was_shown(w, mark, &change->under[i].dot))
            sim_fail(w, "phone %u typed in r%u under an act that it never showed",
                     w->marks[mark].typed_on, w->marks[mark].record);
        sim_count(w, SIM_TYPED_UNDER);
    }
}

/* By the phone that typed it: a copy of its store commits under names of its own. */
static void check_op(sim_world *w, uint32_t mark, const st_change *change, const st_op *op)
{
    if (!is_own(&w->phones[w->marks[mark].typed_on], &change->dot.device))
        return;
    check_replaces(w, mark, op);
    check_under(w, mark, change);
}

/* Who settles a difference may write the same word, and replaces what he was shown. */
static void check_mark(sim_world *w, const model *m, uint32_t mark)
{
    char word[16];
    sim_mark_text(mark, word);
    for (size_t i = 0; i < m->count; i++)
        for (uint32_t j = 0; j < m->changes[i].change->ops_count; j++) {
            const st_op *op = &m->changes[i].change->ops[j];
            if (op->verb == ST_VERB_SET && op->value.kind == ST_VALUE_TEXT &&
                op->value.len == strlen(word) &&
                memcmp(op->value.data, word, op->value.len) == 0)
                check_op(w, mark, m->changes[i].change, op);
        }
}

void sim_check_typed(sim_world *w, const model *m)
{
    for (uint32_t i = 0; i < w->marks_count; i++)
        if (w->marks[i].shown != NULL)
            check_mark(w, m, i);
}
