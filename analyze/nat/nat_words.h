/* The sentences of a verdict. */
#ifndef VS_ANALYZE_NAT_WORDS_H
#define VS_ANALYZE_NAT_WORDS_H

#include "analyze/nat/nat_internal.h"

/* How an address was recovered; constant. */
const char *nat_how(enum nat_about about);
/* Evidence from the source with most sessions of its kind; `alike`: how many sources are of that kind. */
void nat_say_source(const struct nat *n, const struct nat_server *s, const struct nat_source *f, const struct nat_view *v,
                    uint64_t alike, struct nat_verdict *out);
/* Evidence about the destination, and what several captures prove. */
void nat_say_server(const struct nat *n, const struct nat_server *s, struct nat_verdict *out);
/* Why nothing is known and where to capture instead; or what a verdict leaves open. */
void nat_say_reason(const struct nat *n, const struct nat_server *s, bool sound, struct nat_verdict *out);

#endif
