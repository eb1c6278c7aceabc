/*
 * The crypto binding of a session's SSTP connection (MS-SSTP 3.2.5.2), with what its exchanges know together: the nonce and
 * CALL_CONNECTED of the tunnel, the certificate of its TLS session, the keys that RADIUS handed out. wire-facts 2.7.
 */
#ifndef VS_ANALYZE_SESSION_BINDING_H
#define VS_ANALYZE_SESSION_BINDING_H

#include "analyze/certificate/chains.h"
#include "analyze/session/session.h"

/* Fills s->bound and s->binding. chains: judged. */
void session_check_binding(struct session *s, struct digests *d, const struct chains *chains);

#endif
