/* client-lib/src/review.h - what stands against finalising a record. */
#ifndef SOTAY_CLIENT_REVIEW_H
#define SOTAY_CLIENT_REVIEW_H

#include "client-lib/src/overlay.h"

/* ST_E_STATE when something is missing or a rule is broken; detail names the first. */
ST_MUST_USE st_err review_gate(sotay_client *client, const overlay_view *view, st_error *error);

#endif
