/* tools/ctl/progress.c - how far a long verb is, on stderr: a line that is written over where a
 * terminal is, or one document a line where that is asked for. Must never write to stdout, nor say
 * anything of what takes less than a second. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/ctl/ctl.h"

#define QUIET_MS 1000u
#define PAUSE_MS 250u

static uint64_t mono_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void say_text(const ctl_progress *p, const progress_now *now, uint64_t run_ms)
{
    const char *label = progress_label(now->stage, strcmp(p->lang, "vi") == 0);
    fprintf(stderr, "\r\033[K%s… ", label);
    if (now->total > 0)
        fprintf(stderr, "%" PRIu64 "/%" PRIu64 " ", now->done, now->total);
    else if (now->done > 0)
        fprintf(stderr, "%" PRIu64 " ", now->done);
    fprintf(stderr, "(%" PRIu64 " s)", run_ms / 1000);
    (void)fflush(stderr);
}

void ctl_progress_say(ctl_progress *p, const progress_now *now)
{
    uint64_t at_ms = mono_ms();
    bool is_soon = at_ms - p->begun_ms < QUIET_MS || at_ms - p->said_ms < PAUSE_MS;
    if (p->how == CTL_PROGRESS_NONE || now->stage == PROGRESS_NONE || (is_soon && !p->is_eager))
        return;
    p->said_ms = at_ms;
    p->has_line = p->how == CTL_PROGRESS_TEXT;
    if (p->how == CTL_PROGRESS_TEXT)
        say_text(p, now, at_ms - p->begun_ms);
    else
        fprintf(stderr,
                "{\"stage\":\"%s\",\"done\":%" PRIu64 ",\"total\":%" PRIu64 ",\"run_ms\":%" PRIu64
                "}\n",
                progress_word(now->stage), now->done, now->total, at_ms - p->begun_ms);
}

static void tell(void *context, const progress_now *now)
{
    ctl_progress_say(context, now);
}

bool ctl_progress_init(ctl_progress *p, const ctl_line *line)
{
    const char *wish = line->progress;
    memset(p, 0, sizeof *p);
    p->lang = line->lang;
    p->begun_ms = mono_ms();
    p->is_eager = wish != NULL && strcmp(wish, "json") == 0;
    p->how = wish == NULL ? isatty(STDERR_FILENO) ? CTL_PROGRESS_TEXT : CTL_PROGRESS_NONE
             : strcmp(wish, "json") == 0 ? CTL_PROGRESS_JSON
             : strcmp(wish, "text") == 0 ? CTL_PROGRESS_TEXT
                                         : CTL_PROGRESS_NONE;
    p->work.tell = tell;
    p->work.context = p;
    return wish == NULL || p->how != CTL_PROGRESS_NONE || strcmp(wish, "none") == 0;
}

void ctl_progress_end(ctl_progress *p)
{
    if (p->has_line)
        fputs("\r\033[K", stderr);
    p->has_line = false;
}
