/* proto/epoch.c - the texts that the key of the log signs for epochs and addresses.
 * Promises: one text for one meaning; nothing unsigned passes. */
#include "proto/epoch.h"

#include <string.h>

#include "proto/hash.h"

static const char EPOCH_NAME[] = "sotay-epoch/v1";     /* with its NUL */
static const char ADDRESS_NAME[] = "sotay-address/v1"; /* with its NUL */

void st_epoch_sign_text(const st_id *log, const st_epoch *epoch, uint8_t out[ST_EPOCH_SIGN_BYTES])
{
    _Static_assert(sizeof EPOCH_NAME == 15, "as in ST_EPOCH_SIGN_BYTES");
    memcpy(out, EPOCH_NAME, 15);
    memcpy(out + 15, log->b, 16);
    st_put_u64(out + 31, epoch->n);
    memcpy(out + 39, epoch->epoch, 8);
    st_put_u64(out + 47, epoch->cut);
    memcpy(out + 55, epoch->server_key, 32);
}

bool st_epoch_verify(const st_id *log, const st_epoch *epoch, const uint8_t log_key[32])
{
    uint8_t text[ST_EPOCH_SIGN_BYTES];
    st_epoch_sign_text(log, epoch, text);
    return st_sign_verify(log_key, text, sizeof text, epoch->signature);
}

void st_epochs_mark(const st_id *log, const st_epoch *rows, uint32_t count,
                    uint8_t out[ST_EPOCHS_MARK_BYTES])
{
    uint8_t text[ST_EPOCH_SIGN_BYTES];
    st_sha256_state state;
    st_sha256_init(&state);
    for (uint32_t i = 0; i < count; i++) {
        st_epoch_sign_text(log, &rows[i], text);
        st_sha256_update(&state, text, sizeof text);
    }
    st_hash hash = st_sha256_final(&state);
    memcpy(out, hash.b, ST_EPOCHS_MARK_BYTES);
}

st_err st_address_sign_text(const st_id *log, const st_address *address, st_buffer *out)
{
    uint8_t head[sizeof ADDRESS_NAME + 16 + 8];
    memcpy(head, ADDRESS_NAME, sizeof ADDRESS_NAME);
    memcpy(head + sizeof ADDRESS_NAME, log->b, 16);
    st_put_u64(head + sizeof ADDRESS_NAME + 16, address->n);
    st_err err = st_buffer_append(out, head, sizeof head, NULL);
    return err == ST_OK ? st_buffer_append(out, address->url, strlen(address->url), NULL) : err;
}

bool st_address_verify(const st_id *log, const st_address *address, const uint8_t log_key[32])
{
    st_buffer text;
    st_buffer_init(&text, 1024);
    bool good = st_address_is_good(address->url) &&
                st_address_sign_text(log, address, &text) == ST_OK &&
                st_sign_verify(log_key, text.data, text.len, address->signature);
    st_buffer_free(&text);
    return good;
}

bool st_address_is_good(const char *url)
{
    size_t len = strlen(url);
    size_t head = strncmp(url, "https://", 8) == 0 ? 8 : strncmp(url, "http://", 7) == 0 ? 7 : 0;
    if (head == 0 || len <= head || len > ST_ADDRESS_BYTES_MAX || url[len - 1] == '/')
        return false;
    for (size_t i = head; i < len; i++)
        if (url[i] <= ' ' || url[i] > '~' || strchr("\"#<>?@\\^`{|}", url[i]) != NULL)
            return false;
    return url[head] != '/' && url[head] != ':';
}
