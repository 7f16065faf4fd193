/* server/operator/clock.c - clock, clock accept: the server's own clock, and a person who says that
 * it is right although the book knows a later time. Promises that phones are let in only when what
 * the start left is done and the words are in the log. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/operator/again.h"
#include "server/operator/work.h"
#include "server/sync/fold.h"
#include "server/sync/own_clock.h"

st_err operator_begin(server *rooms, const char *lang, void (*said)(const char *words),
                      st_error *error)
{
    own_clock *clock = rooms->sync.clock;
    if (!own_clock_begin(clock))
        return ST_OK;
    st_err err = rooms_begin(rooms, error);
    if (err == ST_OK)
        err = operator_say_again(rooms, lang, said, error);
    own_clock_began(clock, err == ST_OK);
    return err;
}

/* ---- clock ---- */

static void show_json(operator_work *work, const own_clock_times *times, bool waits)
{
    st_json json;
    int offset = work->call->offset_minutes;
    st_json_begin(&json, work->call->out, &work->error);
    st_json_open(&json, '{');
    st_json_key(&json, "now");
    st_json_when(&json, times->now_ms, offset);
    st_json_key(&json, "book");
    st_json_when(&json, times->known_ms, offset);
    st_json_key_bool(&json, "waits", waits);
    st_json_close(&json, '}');
    st_err err = st_json_end(&json);
    if (err != ST_OK)
        operator_out_fails(work, err);
    operator_say(work, "\n");
}

int operator_clock(operator_work *work)
{
    char now[40], known[40];
    own_clock_times times = own_clock_read(work->room->clock);
    bool waits = own_clock_waits(work->room->clock);
    if (work->options.json) {
        show_json(work, &times, waits);
        return 0;
    }
    st_time_short(times.now_ms, work->call->offset_minutes, now);
    st_time_short(times.known_ms, work->call->offset_minutes, known);
    operator_say(work, work->vi ? "%s  đồng hồ máy chủ\n%s  giờ mới nhất của sổ lúc mở\n"
                                : "%s  the server's clock\n%s  the newest time of the book when it "
                                  "was opened\n", now, known);
    if (waits)
        operator_say_in(work,
                        "Máy chủ đang chờ, chưa nhận gì: hãy chỉnh lại đồng hồ, hoặc nếu đồng hồ "
                        "đúng thì dùng `sotayctl clock accept`\n",
                        "The server waits and takes nothing in: put the clock right, or if it is "
                        "right, say `sotayctl clock accept`\n");
    return 0;
}

/* ---- clock accept ---- */

typedef struct {
    const char *reason;
    own_clock_times times;
} accept_call;

static bool may_say(void *context, const auth_person *person)
{
    bool *found = context;
    *found = person->is_active && operator_pair_role(person) != ST_ROLE_NONE;
    return !*found;
}

/* A book that has nobody yet who may say it is young: the operator of the machine says it. */
static st_err check_nobody(operator_work *work, store_txn *txn, st_error *error)
{
    bool found = false;
    st_err err = auth_person_each(txn, may_say, &found, error);
    if (err != ST_OK || !found)
        return err;
    return st_fail(error, ST_E_USAGE,
                   work->vi ? "cần --as LOGIN: office_head, admin hoặc decider"
                            : "--as LOGIN is needed: an office_head, an admin or a decider");
}

static st_err find_person(operator_work *work, store_txn *txn, auth_person *out, st_error *error)
{
    memset(out, 0, sizeof *out);
    if (work->options.as == NULL)
        return check_nobody(work, txn, error);
    st_err err = operator_actor(work, txn, out, error);
    if (err != ST_OK || operator_pair_role(out) != ST_ROLE_NONE)
        return err;
    return st_fail(error, ST_E_DENIED,
                   work->vi ? "'%.40s' không được: cần office_head, admin hoặc decider"
                            : "'%.40s' may not: it takes an office_head, an admin or a decider",
                   out->login.s);
}

static st_err run_accept(operator_work *work, writer_turn *turn, void *argument, st_error *error)
{
    accept_call *call = argument;
    auth_person person;
    st_err err = find_person(work, turn->txn, &person, error);
    return err == ST_OK ? own_clock_accept(turn, &person.id, call->reason, error) : err;
}

/* Read before anything is begun: a word of somebody who may not say it begins nothing. */
static st_err check_person(operator_work *work)
{
    auth_person person;
    st_err err = operator_read_begin(work);
    if (err == ST_OK)
        err = find_person(work, &work->txn, &person, &work->error);
    operator_read_end(work);
    return err;
}

static void nothing_said(const char *words)
{
    (void)words;
}

/* The entry comes behind those of a new epoch, if one is to begin. */
static st_err accept(operator_work *work, accept_call *call)
{
    own_clock *clock = work->room->clock;
    if (!own_clock_begin(clock))
        return st_fail(&work->error, ST_E_STATE,
                       work->vi ? "máy chủ không chờ vì đồng hồ" : "the server does not wait for "
                                                                   "its clock");
    st_err err = rooms_begin(work->rooms, &work->error);
    if (err == ST_OK)
        err = operator_say_again(work->rooms, work->call->lang, nothing_said, &work->error);
    if (err == ST_OK)
        err = operator_write(work, run_accept, call);
    own_clock_began(clock, err == ST_OK);
    return err;
}

int operator_clock_accept(operator_work *work)
{
    accept_call call = { NULL, own_clock_read(work->room->clock) };
    char now[40];
    st_err err = operator_reason(work, &call.reason, &work->error);
    if (err == ST_OK)
        err = check_person(work);
    if (err == ST_OK)
        err = accept(work, &call);
    if (err != ST_OK)
        return operator_fail(work);
    st_time_short(call.times.now_ms, work->call->offset_minutes, now);
    operator_say(work, work->vi ? "Đã ghi: đồng hồ máy chủ đúng (%s). Sổ nhận bài trở lại\n"
                                : "Noted: the server's clock is right (%s). The book goes on\n",
                 now);
    return 0;
}
