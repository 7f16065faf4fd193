/* server/config.c - reads the configuration. Must never start a server on a half-read file. */
#include "server/config.h"

#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES_BYTES      UINT64_C(4000000000)
#define BYTES_DIGITS_MAX 18u /* fits a number of 64 bits */

void config_init(server_config *config)
{
    memset(config, 0, sizeof *config);
    snprintf(config->listen, sizeof config->listen, "127.0.0.1:8080");
    config->files_per_device = FILES_BYTES;
#define X(name, preset, least, most, unit, meaning) config->name = (preset);
    CONFIG_NUMBERS(X)
#undef X
}

static int set_text(char *field, size_t bytes, const char *value)
{
    if (strlen(value) >= bytes)
        return 0;
    snprintf(field, bytes, "%s", value);
    return 1;
}

static int set_number(unsigned *field, const char *value, unsigned least, unsigned most)
{
    char *end = NULL;
    unsigned long number = strtoul(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || number < least || number > most)
        return 0;
    *field = (unsigned)number;
    return 1;
}

/* Digits, and perhaps a unit: k, M or G. */
static int set_bytes(uint64_t *field, const char *value)
{
    static const struct { const char *unit; uint64_t bytes; } UNITS[] = {
        { "", 1 }, { "k", 1000 }, { "M", 1000000 }, { "G", 1000000000 }
    };
    size_t digits = strspn(value, "0123456789");
    if (digits == 0 || digits > BYTES_DIGITS_MAX)
        return 0;
    uint64_t number = strtoull(value, NULL, 10);
    for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++) {
        if (strcmp(value + digits, UNITS[i].unit) != 0)
            continue;
        if (number > UINT64_MAX / UNITS[i].bytes)
            return 0;
        *field = number * UNITS[i].bytes;
        return 1;
    }
    return 0;
}

/* inih calls this for each line; 0 = the line is wrong. */
static int take(void *user, const char *section, const char *name, const char *value)
{
    server_config *config = user;
    if (section[0] != '\0')
        return 0;
    if (strcmp(name, "listen") == 0)
        return set_text(config->listen, sizeof config->listen, value);
    if (strcmp(name, "public_url") == 0)
        return set_text(config->public_url, sizeof config->public_url, value);
    if (strcmp(name, "files_per_device") == 0)
        return set_bytes(&config->files_per_device, value);
#define X(field, preset, least, most, unit, meaning) \
    if (strcmp(name, #field) == 0) \
        return set_number(&config->field, value, (least), (most));
    CONFIG_NUMBERS(X)
#undef X
    return 0;
}

st_err config_read(const char *path, server_config *config, st_error *error)
{
    server_config read = *config;
    int line = ini_parse(path, take, &read);
    if (line < 0)
        return st_fail(error, ST_E_NOT_FOUND, "%s: cannot be read", path);
    if (line > 0)
        return st_fail(error, ST_E_USAGE, "%s:%d: unknown name or value out of range", path, line);
    *config = read;
    return ST_OK;
}
