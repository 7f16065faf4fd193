/* server/operator/import.c - `user import`: many people from one table. Promises all of them or
 * none: every line that is wrong is named, and then nothing is written. */
#include <stdlib.h>
#include <string.h>

#include "server/operator/people.h"

#define PEOPLE_MAX 10000u
#define PEOPLE_A_SET 100u          /* well under what one change-set may hold */
#define CELLS_MAX 512u             /* in one line: login, name, roles, units */
#define COMPLAINTS_MAX 50u

typedef struct {
    operator_work *work;
    operator_person *people;
    size_t *lines;                 /* where each one stands */
    size_t count, capacity, lines_capacity;
    size_t wrong;
} import;

static void complain(import *in, size_t line, const char *why)
{
    in->wrong++;
    if (in->wrong <= COMPLAINTS_MAX)
        operator_complain(in->work, in->work->vi ? "dòng %zu: %s" : "line %zu: %s", line, why);
}

/* Takes one cell at *at out of a line (changed in place): quoted as in RFC 4180, or plain and
 * trimmed. Moves *at behind its delimiter; NULL when the line is at its end. */
static char *take_cell(char **at, char delimiter)
{
    char *from = *at;
    if (from == NULL)
        return NULL;
    while (*from == ' ')
        from++;
    char *to = from, *read = from;
    if (*read == '"') {
        for (read++; *read != '\0'; read++) {
            if (*read == '"' && read[1] != '"')
                break;
            if (*read == '"')
                read++;
            *to++ = *read;
        }
        read += *read == '"';
        read += strcspn(read, delimiter == '\t' ? "\t" : ",");
    } else {
        read += strcspn(read, delimiter == '\t' ? "\t" : ",");
        to = read;
        while (to > from && to[-1] == ' ')
            to--;
    }
    *at = *read == '\0' ? NULL : read + 1;
    *to = '\0';
    return from;
}

/* Splits "officer+office" (also by blanks and ;) into words. */
static st_err split_roles(import *in, char *cell, operator_words *out)
{
    const char **words = st_arena_array(&in->work->arena, ST_ROLE_COUNT, sizeof *words);
    size_t count = 0;
    char *rest = NULL;
    if (words == NULL)
        return st_fail(&in->work->error, ST_E_MEMORY, "no memory");
    for (char *word = strtok_r(cell, "+; ", &rest); word != NULL && count < ST_ROLE_COUNT;
         word = strtok_r(NULL, "+; ", &rest))
        words[count++] = word;
    *out = (operator_words){ words, count };
    return ST_OK;
}

static const char *fault_of(const import *in, const operator_person *person)
{
    st_role role;
    for (size_t i = 0; i < person->roles.count; i++)
        if (!st_role_parse(person->roles.words[i], &role) || role == ST_ROLE_NONE)
            return in->work->vi ? "vai trò không có" : "no such role";
    if (person->roles.count == 0)
        return in->work->vi ? "thiếu vai trò" : "a role is missing";
    if (person->name[0] == '\0')
        return in->work->vi ? "thiếu họ tên" : "the name is missing";
    for (size_t i = 0; i < in->count; i++)
        if (strcmp(in->people[i].login, person->login) == 0)
            return in->work->vi ? "tên đăng nhập lặp lại trong tệp" : "the login stands twice";
    return NULL;
}

static st_err keep(import *in, const operator_person *person, size_t line)
{
    st_arena *arena = &in->work->arena;
    operator_person *people = st_arena_grow(arena, in->people, in->count, &in->capacity,
                                            sizeof *people);
    size_t *lines = st_arena_grow(arena, in->lines, in->count, &in->lines_capacity, sizeof *lines);
    if (people == NULL || lines == NULL || in->count >= PEOPLE_MAX)
        return st_fail(&in->work->error, ST_E_TOO_LARGE, "more than %u people", PEOPLE_MAX);
    in->people = people;
    in->lines = lines;
    in->people[in->count] = *person;
    in->lines[in->count++] = line;
    return ST_OK;
}

/* One line: login, name, roles, then any number of units. */
static st_err read_person(import *in, char *text, size_t line)
{
    char delimiter = strchr(text, '\t') != NULL ? '\t' : ',';
    char *login = take_cell(&text, delimiter), *name = take_cell(&text, delimiter);
    char *roles = take_cell(&text, delimiter), *cell;
    const char **units = st_arena_array(&in->work->arena, CELLS_MAX, sizeof *units);
    size_t count = 0;
    if (units == NULL)
        return st_fail(&in->work->error, ST_E_MEMORY, "no memory");
    if (name == NULL || roles == NULL) {
        complain(in, line, in->work->vi ? "cần ít nhất: đăng nhập, họ tên, vai trò"
                                        : "needs at least: login, name, roles");
        return ST_OK;
    }
    if (line == 1 && strcmp(login, "login") == 0)
        return ST_OK;                       /* a heading */
    for (cell = take_cell(&text, delimiter); cell != NULL && count < CELLS_MAX;
         cell = take_cell(&text, delimiter))
        if (cell[0] != '\0')
            units[count++] = cell;
    operator_person person = { .login = login, .name = name, .units = { units, count } };
    st_err err = split_roles(in, roles, &person.roles);
    const char *fault = err == ST_OK ? fault_of(in, &person) : NULL;
    if (fault != NULL)
        complain(in, line, fault);
    return err == ST_OK ? keep(in, &person, line) : err;
}

static st_err read_people(import *in)
{
    const char *given = in->work->options.text;
    if (strncmp(given, "\xEF\xBB\xBF", 3) == 0)
        given += 3;
    char *text = (char *)st_arena_copy(&in->work->arena, given, strlen(given));
    st_err err = text != NULL ? ST_OK : st_fail(&in->work->error, ST_E_MEMORY, "no memory");
    size_t line = 0;
    while (err == ST_OK && text != NULL && *text != '\0') {
        char *end = text + strcspn(text, "\n"), *next = *end == '\0' ? NULL : end + 1;
        if (end > text && end[-1] == '\r')
            end[-1] = '\0';
        *end = '\0';
        line++;
        if (text[0] != '\0' && text[0] != '#')
            err = read_person(in, text, line);
        text = next;
    }
    return err;
}

/* What the line says of the store is wrong: counted and said. Another failure is not the line's. */
static st_err judge(import *in, size_t line, st_err err, const st_error *why)
{
    bool is_wrong = err == ST_E_EXISTS || err == ST_E_VALUE || err == ST_E_NOT_FOUND;
    if (is_wrong)
        complain(in, line, why->detail);
    else if (err != ST_OK)
        in->work->error = *why;
    return is_wrong ? ST_OK : err;
}

static st_err check_unit(import *in, size_t line, const char *id)
{
    st_error why = { 0 };
    catalogue_unit unit;
    st_err err = catalogue_unit_get(&in->work->txn, id, &unit, &why);
    if (err == ST_E_NOT_FOUND)
        err = st_fail(&why, ST_E_NOT_FOUND, in->work->vi ? "không có đơn vị '%.40s'"
                                                         : "no unit '%.40s'", id);
    return judge(in, line, err, &why);
}

/* What only the store can tell: logins that are taken, units that do not exist. */
static st_err check_store(import *in)
{
    st_err err = operator_read_begin(in->work);
    for (size_t i = 0; i < in->count && err == ST_OK; i++) {
        const operator_person *person = &in->people[i];
        st_error why = { 0 };
        err = operator_login_free(&in->work->txn, person->login, &why);
        err = judge(in, in->lines[i], err, &why);
        for (size_t u = 0; u < person->units.count && err == ST_OK; u++)
            err = check_unit(in, in->lines[i], person->units.words[u]);
    }
    operator_read_end(in->work);
    return err;
}

static st_err write_some(import *in, writer_turn *turn, size_t from, size_t count,
                         st_error *error)
{
    sync_edit edits[PEOPLE_A_SET];
    st_id records[PEOPLE_A_SET];
    st_err err = ST_OK;
    for (size_t i = 0; i < count && err == ST_OK; i++) {
        err = operator_login_free(turn->txn, in->people[from + i].login, error);
        if (err == ST_OK)
            err = operator_person_edit(in->work, &in->people[from + i], turn->arena, &edits[i],
                                       error);
    }
    if (err != ST_OK)
        return err;
    operator_edits all = { NULL, edits, (uint32_t)count };
    sync_authored authored = { .records = records };
    err = operator_form(in->work, CATALOGUE_PERSON, &all.form, error);
    if (err == ST_OK)
        err = operator_author_nameless(turn, &all, &authored, error);
    for (size_t i = 0; i < count && err == ST_OK; i++)
        if (in->people[from + i].units.count > 0)
            err = operator_assign_new(in->work, turn, &records[i], &in->people[from + i].units,
                                      error);
    return err;
}

static st_err write_people(operator_work *work, writer_turn *turn, void *argument,
                           st_error *error)
{
    (void)work;
    import *in = argument;
    st_err err = ST_OK;
    for (size_t at = 0; at < in->count && err == ST_OK; at += PEOPLE_A_SET) {
        size_t count = in->count - at < PEOPLE_A_SET ? in->count - at : PEOPLE_A_SET;
        err = write_some(in, turn, at, count, error);
    }
    return err;
}

int operator_user_import(operator_work *work)
{
    import in = { .work = work };
    if (read_people(&in) != ST_OK || check_store(&in) != ST_OK)
        return operator_fail(work);
    if (in.wrong > 0) {
        operator_complain(work, work->vi ? "%zu chỗ sai, chưa ghi gì"
                                         : "%zu things are wrong, nothing was written", in.wrong);
        return 1;
    }
    if (in.count == 0)
        return operator_refuse(work, work->vi ? "tệp không có ai" : "nobody is in the file");
    if (operator_write(work, write_people, &in) != ST_OK)
        return operator_fail(work);
    operator_say_in(work, "Đã thêm ", "Added ");
    operator_say_count(work, in.count, &(operator_noun){ "người", "person", "people" });
    operator_say(work, "\n");
    return 0;
}
