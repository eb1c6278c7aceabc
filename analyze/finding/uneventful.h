/*
 * Account of the logins that no rule needs to look at again (rules.h): each gets a tag when it ends, and when all is known,
 * the tag tells whether it stayed uneventful.
 */
#ifndef VS_FINDING_UNEVENTFUL_H
#define VS_FINDING_UNEVENTFUL_H

#include "analyze/finding/rules.h"

struct uneventful_logins;

struct uneventful_logins *uneventful_new(void); /* NULL when memory is short */
void uneventful_free(struct uneventful_logins *u);

/* The tag of a finished exchange, whose outcome is known. 0: the rules must look at it. server: the entry of x->server, NULL
 * when it is not at hand. */
uint16_t uneventful_tag(struct uneventful_logins *u, const struct exchange *x, const struct server *server);

/*
 * No more logins will come, chains are judged and servers' chains counted: true when rules_session raises nothing for a
 * session that is this one exchange.
 */
bool uneventful_still(struct uneventful_logins *u, const struct rule_input *in, uint16_t tag);

#endif
