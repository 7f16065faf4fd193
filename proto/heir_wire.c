/* proto/heir_wire.c - the frames of a copy that asks for keys of its own, both directions.
 * Promises: lengths are exact, an enrolment is there when it is said and only then. Signatures are
 * the caller's to check. */
#include <string.h>

#include "proto/message_parts.h"
#include "proto/text.h"

st_err message_get_heir_ask(const Sotay__HeirAsk *from, st_heir_ask *out, st_error *error)
{
    out->version = from->version;
    if (from->version == 0 || !message_bytes(&from->sign_key, out->sign_key, sizeof out->sign_key)
        || !message_bytes(&from->cosign_key, out->cosign_key, sizeof out->cosign_key)
        || !message_bytes(&from->proof, out->proof, sizeof out->proof)
        || !message_bytes(&from->signature, out->signature, sizeof out->signature))
        return message_corrupt(error, "bad keys of a copy");
    return ST_OK;
}

void message_put_heir_ask(const st_heir_ask *ask, Sotay__HeirAsk *out)
{
    sotay__heir_ask__init(out);
    out->version = ask->version;
    out->sign_key = message_view(ask->sign_key, sizeof ask->sign_key);
    out->cosign_key = message_view(ask->cosign_key, sizeof ask->cosign_key);
    out->proof = message_view(ask->proof, sizeof ask->proof);
    out->signature = message_view(ask->signature, sizeof ask->signature);
}

st_err message_get_heir_answer(const Sotay__HeirAnswer *from, st_arena *arena,
                               st_heir_answer *out, st_error *error)
{
    size_t len = strlen(from->reason);
    bool is_enrolled = from->state == SOTAY__HEIR_STATE__HEIR_ENROLLED;
    out->version = from->version;
    /* One that a newer server knows is nothing to act on. */
    out->state = (uint32_t)from->state <= ST_HEIR_ENROLLED ? (st_heir_state)from->state
                                                           : ST_HEIR_NONE;
    if (from->version == 0 || len >= sizeof out->reason || !st_text_is_nfc(from->reason, len)
        || st_text_chars(from->reason, len) > ST_HEIR_REASON_CHARS
        || is_enrolled != (from->enrolled != NULL))
        return message_corrupt(error, "bad answer to a copy");
    memcpy(out->reason, from->reason, len + 1);
    return is_enrolled ? message_get_enrol_answer(from->enrolled, arena, &out->enrolled, error)
                       : ST_OK;
}

void message_put_heir_answer(message_builder *b, const st_heir_answer *answer,
                             Sotay__HeirAnswer *out)
{
    sotay__heir_answer__init(out);
    out->version = answer->version;
    out->state = (Sotay__HeirState)answer->state;
    out->reason = message_string(answer->reason);
    if (answer->state != ST_HEIR_ENROLLED)
        return;
    out->enrolled = message_make(b, 1, sizeof *out->enrolled);
    if (out->enrolled != NULL)
        message_put_enrol_answer(b, &answer->enrolled, out->enrolled);
}
