/* Connections to an SSTP server and PPP links with facts made by hand, and what the rules say of them. For test_rules_sstp.c,
 * test_rules_ppp.c and test_rules_call.c. */
#ifndef VS_TEST_SSTP_SCENE_H
#define VS_TEST_SSTP_SCENE_H

#include "rules_scene.h"

#include "analyze/finding/rules_sstp.h"
#include "analyze/session/session_binding.h"

/* What the rules are told of how scene.x ended. */
extern struct sstp_judgement judged;

struct chain *scene_chain(void);

/* TCP is up, and nothing more; the judgement is UNKNOWN. */
void scene_connected(uint8_t type);
/* TLS as well, its certificate without a fault. */
void scene_tls(void);
/* HTTP, SSTP and PPP readable up to the user's authentication, which is not through. */
void scene_call(void);
/* All is well, with secrets. */
void scene_established(void);

/* The login behind, scene.second, is in the session, with keys; CALL_CONNECTED is signed with them, or with others. */
void scene_login(bool same_keys);
/* Judges by hand: the end, who brought it about. */
void scene_ends(enum sstp_end end, bool by_client);

/* Runs the rules about connection and PPP; the finding, NULL when it was not raised. */
const struct finding *scene_found(enum finding_id id);
/* Only this one, graded so, with something to do. */
const struct finding *scene_only(enum finding_id id, enum severity severity, enum confidence confidence, uint32_t error);
void scene_nothing(void);

#endif
