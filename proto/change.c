/* proto/change.c - the words of changes, acts and roles, and what can be read off a change
 * without knowing anything else.
 * Promises: every name round-trips; foreign numbers get "unknown", never a crash.
 * Must never: look at a record, a clock or the order of arrival. */
#include "proto/change.h"

#include <assert.h>
#include <string.h>

static const char *const ROLES[ST_ROLE_COUNT] = {
    "none", "officer", "office", "office_head", "council_chair", "decider", "auditor", "admin"
};
static const char *const VIAS[ST_VIA_COUNT] = { "device", "operator" };
static const char *const VERBS[ST_VERB_COUNT] = {
    "set", "add", "remove", "remark", "item", "drop", "keep", "resolve"
};
static const char *const ACTS[ST_ACT_COUNT] = {
    "none", "open", "finalise", "withdraw", "return", "review", "approve", "void", "lock"
};

static const char *name_of(const char *const *names, size_t count, size_t at)
{
    assert(names != NULL);
    return at < count ? names[at] : "unknown";
}

const char *st_role_name(st_role role)
{
    return name_of(ROLES, ST_ROLE_COUNT, (size_t)role);
}

bool st_role_parse(const char *name, st_role *out_role)
{
    assert(name != NULL && out_role != NULL);
    for (size_t i = 1; i < ST_ROLE_COUNT; i++) {
        if (strcmp(name, ROLES[i]) == 0) {
            *out_role = (st_role)i;
            return true;
        }
    }
    return false;
}

const char *st_via_name(st_via via)
{
    return name_of(VIAS, ST_VIA_COUNT, (size_t)via);
}

const char *st_verb_name(st_verb verb)
{
    return name_of(VERBS, ST_VERB_COUNT, (size_t)verb);
}

const char *st_act_name(st_act_kind kind)
{
    return name_of(ACTS, ST_ACT_COUNT, (size_t)kind);
}

uint64_t st_set_last(const st_set *set)
{
    assert(set != NULL);
    return set->changes_count == 0 ? set->first : set->first + set->changes_count - 1;
}

bool st_change_is_frozen(const st_change *change)
{
    assert(change != NULL);
    if (change->act != ST_ACT_NONE || change->amend)
        return false;
    for (uint32_t i = 0; i < change->under_count; i++) {
        st_act_kind kind = change->under[i].kind;
        if (kind == ST_ACT_FINALISE || kind == ST_ACT_LOCK)
            return true;
    }
    return false;
}
