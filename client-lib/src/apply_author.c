/* client-lib/src/apply_author.c - what the author of a set signs with.
 * Never: takes a key from the set itself. */
#include <string.h>

#include "client-lib/src/apply.h"
#include "client-lib/src/epoch_row.h"
#include "client-lib/src/lexicon.h"

st_err apply_author_key(sotay_client *client, const st_id *device, uint8_t out_key[32],
                        st_error *error)
{
    const identity *me = &client->next;
    st_err err = lexicon_device_key(client, device, out_key, error);
    if (st_id_cmp(device, &me->server_device) == 0)
        memcpy(out_key, me->server_key, 32);
    else if (st_id_cmp(device, &me->speaker) == 0)
        memcpy(out_key, me->sign_key, 32);
    else if (err == ST_E_NOT_FOUND)
        return epoch_former_key(client, device, out_key, error);
    else
        return err;
    return ST_OK;
}
