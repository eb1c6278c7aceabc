/* Connections to an SSTP server and PPP links with facts made by hand, and what the rules say of them. For test_rules_sstp.c
 * and test_rules_ppp.c. */
#ifndef VS_TEST_SSTP_SCENE_H
#define VS_TEST_SSTP_SCENE_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analyze/finding/rules_sstp.h"
#include "analyze/session/session_binding.h"

#define SECOND INT64_C(1000000000)
#define NOW_S INT64_C(1790000000)
#define YEAR_S (365 * INT64_C(86400))

enum { SCENE_STATS = 3 };

struct scene {
    struct expect *expect;
    struct chains *chains;
    struct servers *servers;
    struct findings *findings;
    struct chain_stats stats[SCENE_STATS], sstp_stats[SCENE_STATS];
    struct dissect_counters counters;
    struct analysis_totals totals;
    struct capture_report capture;
    struct rule_input in;
    struct digests *digests;
    struct exchange x, login; /* login: RADIUS behind it, when the session holds it */
    struct session s;
    struct sstp_judgement j;
};
extern struct scene scene;

struct place at(uint64_t frame);
struct text scene_text(const char *text);
struct chain *scene_chain(void);

/* TCP is up, and nothing more; the judgement is UNKNOWN. */
void scene_connected(uint8_t type);
/* TLS as well, its certificate without a fault. */
void scene_tls(void);
/* HTTP, SSTP and PPP readable up to the user's authentication, which is not through. */
void scene_call(void);
/* All is well, with secrets. */
void scene_established(void);
void scene_close(void);

/* The login behind is in the session, with keys; CALL_CONNECTED is signed with them, or with others. */
void scene_login(bool same_keys);
/* Judges by hand: the end, who brought it about. */
void scene_ends(enum sstp_end end, bool by_client);

/* Runs the rules about connection and PPP; the finding, NULL when it was not raised. */
const struct finding *scene_found(enum finding_id id);
size_t scene_total(void);
/* Only this one, with severity, confidence and client error, evidence, and something to do. */
const struct finding *scene_only(enum finding_id id, enum severity severity, enum confidence confidence, uint32_t error);
void scene_nothing(void);
/* Its texts hold that word. */
bool says(const struct finding *f, const char *word);

#endif
