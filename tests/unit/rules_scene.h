/* One session whose facts are made by hand, and all that rules may look at besides. */
#ifndef VS_TEST_RULES_SCENE_H
#define VS_TEST_RULES_SCENE_H

#include "raised.h"

#define SECOND INT64_C(1000000000)
#define NOW_S INT64_C(1790000000)
#define YEAR_S (365 * INT64_C(86400))

enum { SCENE_STATS = 3 }; /* chains have the serials 1 and 2 */

struct scene {
    struct expect *expect;
    struct chains *chains;
    struct servers *servers;
    struct findings *findings;
    struct chain_stats stats[SCENE_STATS], ike_stats[SCENE_STATS], sstp_stats[SCENE_STATS];
    struct dissect_counters counters;
    struct analysis_totals totals;
    struct capture_report capture;
    struct lost_pair lost;
    struct rule_input in;
    struct exchange x, second; /* the session holds x alone until a test adds the other */
    struct session s;
};
extern struct scene scene;

/* A frame of the capture: from NOW_S on, 10 ms apart. */
struct place at(uint64_t frame);
/* 192.0.2.last */
struct endpoint endpoint_of(uint8_t last, uint16_t port);
/* A text of x. */
struct text put(const char *text);

/* Everything anew: x is exchange 1 of the session, its facts are empty, nothing is raised. */
void scene_open(void);
void scene_close(void);
/* The same, when a test or all of them end. */
int scene_end(void **state);

/* One more certificate, judged and without a fault, good for a year; its SHA-256 begins with the mark. Texts in its facts,
 * these ones and those that a test puts there, are literals that nobody frees. */
struct chain *scene_add_chain(uint32_t role, uint8_t mark, struct endpoint server, struct place shown);

/* A whole handshake of TLS 1.2 with ECDHE-RSA-AES128-GCM-SHA256: the ServerHello one frame behind the ClientHello. */
struct tls_facts tls_handshake(uint32_t server_chain, uint64_t hello, uint64_t certificate, uint64_t finished);
/* PEAP that ran its nine rounds over that handshake and carried data both ways. */
struct eap_facts peap_login(struct tls_facts handshake, uint64_t last_response);

/* Lets rules look at the scene, with no findings but theirs, which are about its session. */
void scene_run(void (*rules)(void));

#endif
