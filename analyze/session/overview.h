/* What the captures held in all: the files themselves, and counts over everything. */
#ifndef VS_ANALYZE_OVERVIEW_H
#define VS_ANALYZE_OVERVIEW_H

#include "capture/source.h"
#include "dissect/dissect.h"

/* A capture as the report names it. */
struct capture_report {
    struct source_info info;        /* texts owned by the analysis; interfaces too */
    uint64_t duplicates;
    bool has_lost; uint64_t lost;   /* of the interfaces' drop counters */
    bool has_clock_ahead; int64_t clock_ahead_ns; /* by how much its clock is ahead of the first capture's, estimated */
};

struct analysis_totals {
    uint64_t sessions, established, rejected, aborted, unanswered, incomplete;
    uint64_t knocks;                /* of the incomplete ones, IKE requests that are no VPN client's: judge_ike_knock */
    uint64_t exchanges;
    uint64_t probe_series;          /* sessions that are health probes of one source to one server; not among sessions */
    uint64_t accounting_requests, accounting_unanswered;
    uint64_t unkept;                /* exchanges that ended after the room for finished ones was full: not in sessions */
    uint64_t flows, packets, bytes, state_bytes_peak, evicted;
    uint64_t ike_clear, ike_encrypted; /* packets of IKE_SA_INIT, messages inside SK; of IKEv2, each transmission */
    uint64_t unread;                /* packets of link types that are not read */
    uint64_t tcp_unlisted;          /* TCP attempts that nobody answered and are no session: there were too many */
    uint64_t left_out;              /* connections to port 443 that failed and are no session: another server is as likely */
    struct address left_out_server; /* of the first of them */
    uint64_t half_open_unlisted;    /* first IKE requests that are no session: there were too many that nothing followed */
    struct ike_flooded flooded[IKE_FLOODED_MAX]; uint8_t flooded_count; /* by whom they asked; requests may be 0 */
};

#endif
