/* client-lib/src/lease.h - how long a device may show what others wrote without meeting the server:
 * ST_LEASE_MS of its monotonic clock, added up over the runs of its machine. Recording is never
 * locked, own work stays readable, and nothing is dropped. Source: docs/protocol.md 7.14. */
#ifndef SOTAY_CLIENT_LEASE_H
#define SOTAY_CLIENT_LEASE_H

#include "client-lib/src/overlay.h"

/* So much of it is used up now. */
uint64_t lease_spent_ms(const sotay_client *client);
bool lease_is_over(const sotay_client *client);
/* The server was met: it begins anew. Into client->next. */
void lease_meet(sotay_client *client);
/* Notes in client->next what is used up, where a run of the machine began or an hour has passed: a
 * write that happens anyhow takes it along. */
void lease_note(sotay_client *client);
/* May this record be shown, and written in by whoever sees it? Own ones always, and the catalogue.
 * ST_E_DENIED. */
ST_MUST_USE st_err lease_check(const sotay_client *client, const overlay_view *view,
                               st_error *error);

#endif
