/* tests/fault/reads.c - what the office reads. Promises that an answer with OK is compared with
 * what is said when all goes well. */
#include "tests/fault/reads.h"

#include <string.h>

#include "tests/fault/scenes.h"

static int call_reader(stage *s, const char *verb)
{
    char hex[33];
    sotay_id_format(&s->visits[0], hex);
    return strcmp(verb, "show") == 0 || strcmp(verb, "history") == 0
               ? STAGE_CALL(s, verb, hex, "--json")
               : STAGE_CALL(s, verb);
}

int reads_book(stage *s)
{
    static const char *const VERBS[] = {
        "show", "history", "records", "conflicts", "held", "stat"
    };
    for (; s->done < sizeof VERBS / sizeof VERBS[0]; s->done++) {
        const char *verb = VERBS[s->done];
        int rc = call_reader(s, verb);
        if (rc != SOTAY_OK)
            return rc;
        scene_must_be(s->out.len > 1 || strcmp(verb, "held") == 0, "an answer");
        if (strcmp(verb, "stat") != 0) /* bytes of the store change by themselves */
            stage_heard(s, s->done, verb, (const char *)s->out.data);
    }
    return SOTAY_OK;
}

int reads_heard(stage *s, const char *const *words)
{
    int rc = stage_call(s, words);
    if (rc == SOTAY_OK)
        stage_heard(s, s->done, words[0], (const char *)s->out.data);
    return rc;
}
