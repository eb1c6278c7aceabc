/* Findings: a catalogue of ids (findings.def) and what was raised, one entry per cause with counts and first examples. */
#ifndef VS_ANALYZE_FINDING_H
#define VS_ANALYZE_FINDING_H

#include "analyze/session/client_error.h"
#include "analyze/session/confidence.h"
#include "capture/frame.h"

enum severity { SEVERITY_CRITICAL, SEVERITY_WARNING, SEVERITY_INFO };

enum finding_id {
#define FINDING(id, name) FINDING_##id,
#include "analyze/finding/findings.def"
#undef FINDING
    FINDING_IDS
};

enum { FINDING_EVIDENCE_MAX = 5, FINDING_FIXES_MAX = 6, FINDING_TITLE = 256, FINDING_EXPLANATION = 2048, FINDING_FIX = 512,
       FINDING_WHAT = 200, FINDING_SUBJECT = 130, FINDING_SESSIONS_MAX = 100000, FINDINGS_MAX = 512,
       FINDINGS_OF_EACH = 2 /* causes of an id that find room whatever there is of others */ };

struct evidence { struct place place; char what[FINDING_WHAT]; };

/*
 * Texts may hold what strangers wrote (names of certificates, users): UTF-8 or not, escape before printing. `sessions` are
 * session numbers as reported, ascending, at most FINDING_SESSIONS_MAX of session_total.
 */
struct finding {
    enum finding_id id;
    enum severity severity;
    enum confidence confidence;
    uint32_t client_error;                /* what the Windows client shows (864, 0x800704C9 ...), 0 none */
    char title[FINDING_TITLE];            /* one line */
    char explanation[FINDING_EXPLANATION]; /* what was seen, why it breaks the connection; sentences */
    char fix[FINDING_FIXES_MAX][FINDING_FIX]; size_t fix_count;
    char subject[FINDING_SUBJECT];        /* certificate SHA-256 (lower-case hex), address; "" none */
    uint64_t variant;                     /* tells causes of one id and subject apart */
    struct evidence evidence[FINDING_EVIDENCE_MAX]; size_t evidence_count;
    uint32_t *sessions; size_t session_count, session_room; uint64_t session_total;
    int64_t rank;                         /* order of the report: greater first (set when finished) */
};

const char *finding_name(enum finding_id id);           /* "cert-untrusted-root" */
const char *severity_name(enum severity s);             /* "critical" */
const char *confidence_name(enum confidence c);         /* "certain" */

#endif
