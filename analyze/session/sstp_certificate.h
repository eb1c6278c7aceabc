/* The certificate of the TLS session against the one that the SSTP client says it saw (MS-SSTP 3.2.5.2): its hash stands in
 * CALL_CONNECTED. Pure. wire-facts 2.7 and 7.5. */
#ifndef VS_ANALYZE_SSTP_CERTIFICATE_H
#define VS_ANALYZE_SSTP_CERTIFICATE_H

#include "analyze/certificate/chains.h"
#include "analyze/session/exchange.h"
#include "dissect/sstp/sstp_binding.h"

/* The hash in CALL_CONNECTED, lent from x: 20 octets of SHA-1 or 32 of SHA-256; empty when none was read. */
struct span sstp_certificate_hash(const struct exchange *x);

/* VALID: it is that of the certificate of this TLS session; INVALID: of another, so TLS ends in between (interception, or a
 * load balancer's offload or bridging). UNCHECKED: CALL_CONNECTED was not read, or no certificate was seen with it: TLS
 * resumed, or in clear behind an offload. chains: judged. */
enum sstp_verdict sstp_certificate_binding(const struct chains *chains, const struct exchange *x);

/* The chain whose leaf has that hash, among all that were seen here; NULL without. */
const struct chain *sstp_certificate_of_client(const struct chains *chains, const struct exchange *x);

#endif
