/* Sessions are put together from the spool when they are asked for. */
#ifndef VS_ANALYZE_SESSIONS_H
#define VS_ANALYZE_SESSIONS_H

#include "analyze/session/session.h"
#include "analyze/session/spool.h"

/* A session with the exchanges that it owns, and the spool that they go back to. */
struct session_build {
    struct session session;
    struct spool *spool;
    struct exchange *owned[SESSION_EXCHANGES_MAX];
    size_t owned_count;
};

/*
 * Reads the session that begins with exchange `head`; number is its number in the report. Exchanges that are the same one
 * at another vantage point become one, seen in both. False when the spool cannot be read.
 */
bool session_read(struct spool *spool, uint32_t head, uint32_t number, struct session_build *out);
/* A session of one exchange, before it is known what belongs to it. Lends x. */
void session_of_one(const struct exchange *x, struct session *out);

void session_release(struct session_build *b);

#endif
