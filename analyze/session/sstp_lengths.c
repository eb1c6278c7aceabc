#include "analyze/session/sstp_lengths.h"

enum { TLS_1_0 = 0x0301, TLS_1_3 = 0x0304 };

/* MS-SSTP 3.2.4.1: the request without the name of the host, and the line that Windows adds. */
#define REQUEST                                                                  \
    "SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1\r\n" \
    "Content-Length: 18446744073709551615\r\nHost: \r\n\r\n"
#define CORRELATION "SSTPCORRELATIONID: {00000000-0000-0000-0000-000000000000}\r\n"
#define SHORTEST_CORRELATION "SSTPCORRELATIONID: {0-0-0-0}\r\n" /* sstpc's has no leading zeros, and four parts */
#define LONGEST_CORRELATION "SSTPCORRELATIONID: {00000000-0000-0000-00000000}\r\n"
#define PORT ":443"

/* Octets of content. SSTP and PPP headers take 4 and 4, or 2 where the address and control field is left out; EAP's 4. */
enum {
    FINISHED_SHA256 = 4 + 32,    /* TLS 1.3: handshake header and verify_data */
    FINISHED_SHA384 = 4 + 48,
    NO_CERTIFICATE = 4 + 1 + 3,  /* of a client that is asked for one and has none (RFC 8446 section 4.4.2) */
    ALERT = 2,
    REQUEST_LEAST = 112,         /* SSTP_DUPLEX_POST's request line and Content-Length; Host comes on top */
    REQUEST_MOST = 4096,
    ANSWER_MOST = 4096,          /* an error page at most */
    CONNECT_REQUEST = 14,
    CONNECT_ACK = 48,
    NAK_LEAST = 8,
    CONNECTED = 112,
    CONNECTED_MOST = 400,        /* ... and what was put into the same record */
    ABORT = 20,                  /* with one STATUS_INFO that has no value */
    PPP_SMALL_MOST = 400,        /* LCP and network protocols */
    SUCCESS = 12,                /* also EAP-Failure */
    SUCCESS_SHORT = 10,
    PAP_OK = 13,
    PAP_OK_SHORT = 11,
    CHAP_SUCCESS_LEAST = 52,     /* S= and 40 hexadecimal digits */
    CHAP_SUCCESS_MOST = 200,
    LARGE_LEAST = 700,           /* a fragment of a certificate flight */
    EAP_ACKNOWLEDGMENT = 14,     /* flags only */
    EAP_ACKNOWLEDGMENT_SHORT = 12,
    CLEAR_ALERT = 4 + 4 + 6 + 7,
    CLEAR_ALERT_SHORT = CLEAR_ALERT - 2,
    ALERT_LEAST = 36,            /* of a closed alert, as in alert_sized() */
    ALERT_MOST = 67,
    TERMINATE_MOST = 28,         /* LCP Terminate-Request with Windows' reason, CALL_DISCONNECT, CALL_ABORT */
    CLIENT_FLIGHT_LEAST = 80,    /* key exchange, ChangeCipherSpec, Finished */
    SETTLED = 2                  /* records of both sides behind CALL_CONNECTED that show that it was taken */
};

struct item {
    struct tls_plain n;
    uint32_t frame;
    bool client;
};

struct items {
    unsigned count;
    bool exact;               /* no ranges */
    struct item at[SSTP_RECORDS_MAX];
};

static bool holds(struct tls_plain n, uint32_t octets)
{
    return n.least <= octets && octets <= n.most;
}

static bool within(struct tls_plain n, uint32_t least, uint32_t most)
{
    return n.most >= least && n.least <= most;
}

/* The end of the run of one side's records that begins at i. */
static unsigned run_end(const struct items *s, unsigned i)
{
    unsigned end = i;
    while (end < s->count && s->at[end].client == s->at[i].client)
        end++;
    return end;
}

static struct tls_plain sum(const struct items *s, unsigned i, unsigned end)
{
    struct tls_plain total = {0, 0};
    for (; i < end; i++) {
        total.least += s->at[i].n.least;
        total.most += s->at[i].n.most;
    }
    return total;
}

/* Where the run of the other side that ends before i begins; i when there is none. */
static unsigned run_before(const struct items *s, unsigned i)
{
    unsigned begin = i;
    while (begin > 0 && s->at[begin - 1].client != s->at[i].client)
        begin--;
    return begin;
}

static unsigned run_begin(const struct items *s, unsigned i)
{
    while (i > 0 && s->at[i - 1].client == s->at[i].client)
        i--;
    return i;
}

/* TLS 1.0's block ciphers are sent with a record ahead that holds nothing, or the first octet only. */
static void join_split(struct items *s)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < s->count; i++) {
        struct item *to = &s->at[kept++];
        *to = s->at[i];
        if (to->n.least == 0 && i + 1 < s->count && s->at[i + 1].client == to->client) {
            *to = s->at[++i];
            to->n.most++;
        }
    }
    s->count = kept;
}

/* False when a length does not fit the suite. */
static bool take(const struct sstp_facts *f, struct items *s)
{
    struct tls_wrapping w;
    s->count = f->record_count < SSTP_RECORDS_MAX ? f->record_count : SSTP_RECORDS_MAX;
    s->exact = true;
    if (s->count > 0 && !tls_wrapping_of(f->tls.version, f->tls.cipher_suite, &w))
        return false;
    for (unsigned i = 0; i < s->count; i++) {
        const struct sstp_record *r = &f->records[i];
        struct item *to = &s->at[i];
        if (!tls_plain_within(&w, r->length, &to->n))
            return false;
        to->frame = r->frame;
        to->client = r->dir == TO_SERVER;
        s->exact = s->exact && to->n.least == to->n.most;
    }
    if (f->tls.version <= TLS_1_0 && !s->exact)
        join_split(s);
    return true;
}

static bool is_finished(struct tls_plain n)
{
    return holds(n, FINISHED_SHA256) || holds(n, FINISHED_SHA384);
}

static bool is_finished_without_certificate(struct tls_plain n)
{
    return holds(n, NO_CERTIFICATE + FINISHED_SHA256) || holds(n, NO_CERTIFICATE + FINISHED_SHA384);
}

/*
 * TLS 1.3 hides its handshake and alerts among the data. What the server says before the client's Finished goes, and the
 * Finished itself; then the alerts at the end. False when the Finished is not where it must be.
 */
static bool strip(struct items *s, struct sstp_reading *r)
{
    unsigned finished = 0, count;
    while (finished < s->count && !s->at[finished].client)
        finished++;
    if (finished == s->count) {
        s->count = 0;
        return true;
    }
    r->refused_at_finished = holds(s->at[finished].n, ALERT);
    r->no_certificate = is_finished_without_certificate(s->at[finished].n);
    if (holds(s->at[finished].n, NO_CERTIFICATE) && finished + 1 < s->count && s->at[finished + 1].client) {
        finished++;
        r->no_certificate = is_finished(s->at[finished].n);
    }
    if (!r->refused_at_finished && !r->no_certificate && !is_finished(s->at[finished].n))
        return false;
    finished++;
    for (count = finished; count < s->count && !r->closing; count++) {
        r->closing = holds(s->at[count].n, ALERT);
        r->closing_by_client = r->closing && s->at[count].client;
    }
    unsigned kept = 0;
    for (unsigned i = finished; i < s->count; i++)
        if (!holds(s->at[i].n, ALERT))
            s->at[kept++] = s->at[i];
    s->count = r->refused_at_finished ? 0 : kept;
    return true;
}

#define LENGTH(text) ((uint32_t)sizeof(text) - 1)

static enum sstp_request compare_request(const struct items *s, const struct sstp_facts *f, struct tls_plain asked)
{
    uint32_t bare = LENGTH(REQUEST) + f->tls.sni.len;
    bool known = false;
    if (f->tls.sni.len == 0)
        return SSTP_REQUEST_UNKNOWN;
    if (s->exact && (holds(asked, bare) || holds(asked, bare + LENGTH(CORRELATION))))
        return SSTP_REQUEST_FITS;
    for (uint32_t port = 0; port <= LENGTH(PORT); port += LENGTH(PORT))
        known = known || holds(asked, bare + port) || holds(asked, bare + port + LENGTH(CORRELATION)) ||
                within(asked, bare + port + LENGTH(SHORTEST_CORRELATION), bare + port + LENGTH(LONGEST_CORRELATION));
    return known ? SSTP_REQUEST_UNKNOWN : SSTP_REQUEST_OTHER;
}

/* The client's first words, from its first record on; tickets of the server may stand before. */
static unsigned request_begin(const struct items *s)
{
    unsigned i = 0;
    while (i < s->count && !s->at[i].client)
        i++;
    return i;
}

/* From the request to CALL_CONNECT_ACK; *ppp: the first record behind. */
static enum sstp_shape opening(const struct items *s, const struct sstp_facts *f, struct sstp_reading *r, unsigned *ppp)
{
    unsigned request = request_begin(s), answer = request < s->count ? run_end(s, request) : request;
    if (request == s->count)
        return SSTP_SHAPE_NOTHING;
    unsigned call = answer < s->count ? run_end(s, answer) : answer;
    struct tls_plain asked = sum(s, request, answer), answered = sum(s, answer, call);
    r->one_answer = call > answer && call == s->count;
    r->request = (uint8_t)compare_request(s, f, asked);
    r->small_request = asked.most < REQUEST_LEAST;
    r->large_answer = answered.least > ANSWER_MOST;
    if (r->small_request || r->large_answer || asked.least > REQUEST_MOST)
        return SSTP_SHAPE_OTHER;
    if (call == s->count)
        return call == answer ? SSTP_SHAPE_ASKED : SSTP_SHAPE_ANSWERED;
    if (!holds(s->at[call].n, CONNECT_REQUEST))
        return SSTP_SHAPE_OTHER;
    r->call_frame = s->at[call].frame;
    unsigned ack = run_end(s, call);
    if (ack == s->count)
        return SSTP_SHAPE_CALLED;
    *ppp = ack + 1;
    struct tls_plain first = s->at[ack].n;
    if (holds(first, CONNECT_ACK) || (first.least > CONNECT_ACK && first.least <= PPP_SMALL_MOST))
        return SSTP_SHAPE_ACKNOWLEDGED;
    return first.most >= NAK_LEAST && first.most < CONNECT_ACK ? SSTP_SHAPE_REFUSED : SSTP_SHAPE_OTHER;
}

/*
 * Ranges are wide, and other protocols have small messages too, such as what WebSockets carry: where no length is exact, the small
 * records of LCP must follow; and the request must not be another one.
 */
static enum confidence sure_of_opening(const struct items *s, enum sstp_request request, unsigned ppp)
{
    enum { LCP_RECORDS = 6 };
    unsigned small = 0;
    if (request == SSTP_REQUEST_OTHER)
        return CONFIDENCE_HINT;
    if (s->exact)
        return CONFIDENCE_STRONG;
    for (unsigned i = ppp; i < s->count && small < LCP_RECORDS; i++, small++)
        if (s->at[i].n.least > PPP_SMALL_MOST)
            return CONFIDENCE_HINT;
    return small == LCP_RECORDS ? CONFIDENCE_STRONG : CONFIDENCE_HINT;
}

static bool success_sized(struct tls_plain n)
{
    return holds(n, SUCCESS) || holds(n, SUCCESS_SHORT);
}

static bool large(const struct items *s, unsigned i)
{
    return !s->at[i].client && s->at[i].n.most >= LARGE_LEAST;
}

/* Where the server's certificate flight ends: the record behind its last large one; 0 without. */
static unsigned flight_end(const struct items *s, unsigned ppp, unsigned before, uint32_t *count)
{
    unsigned end = 0;
    *count = 0;
    for (unsigned i = ppp; i < before; i++) {
        bool acknowledgment = s->at[i].client && (holds(s->at[i].n, EAP_ACKNOWLEDGMENT) ||
                                                  holds(s->at[i].n, EAP_ACKNOWLEDGMENT_SHORT));
        if (large(s, i)) {
            (*count)++;
            end = i + 1;
        } else if (end != 0 && !acknowledgment) {
            break;
        }
    }
    return end;
}

/* The server said that it is content, right before i. */
static bool after_success(const struct items *s, unsigned i, bool flight)
{
    unsigned own = run_begin(s, i), begin = run_before(s, own);
    for (unsigned k = begin; k < own; k++) {
        struct tls_plain n = s->at[k].n;
        bool pap = holds(n, PAP_OK) || holds(n, PAP_OK_SHORT);
        bool chap = within(n, CHAP_SUCCESS_LEAST, CHAP_SUCCESS_MOST);
        if (success_sized(n) || (!flight && (pap || chap)))
            return true;
    }
    return false;
}

/* Behind EAP's success a client has nothing else to say that is as large, so that network protocols may have come along in
 * the same record; a client's certificate in fragments would look like it. */
static bool connected_with_more(const struct items *s, unsigned i)
{
    unsigned own = run_begin(s, i), begin = run_before(s, own);
    if (begin == own || begin == 0 || s->at[begin - 1].n.least >= LARGE_LEAST)
        return false;
    bool success = false;
    for (unsigned k = begin; k < own; k++)
        success = success || success_sized(s->at[k].n);
    return success && s->exact && s->at[i].n.least > CONNECTED && s->at[i].n.least <= CONNECTED_MOST;
}

/* The record of CALL_CONNECTED; count when there is none. */
static unsigned find_connected(const struct items *s, unsigned ppp)
{
    for (unsigned i = ppp; i < s->count; i++) {
        uint32_t records;
        if (!s->at[i].client || !(holds(s->at[i].n, CONNECTED) || connected_with_more(s, i)))
            continue;
        bool flight = flight_end(s, ppp, i, &records) != 0;
        unsigned next = run_end(s, i);
        bool goes_on = next < s->count && large(s, next); /* then it was a hello, and a flight answers it */
        if (!goes_on && after_success(s, i, flight))
            return i;
    }
    return s->count;
}

/* In a record of TLS 1.3, AES-GCM, AES-CBC with SHA-1 of TLS 1.0 and of later versions; with the short PPP header and the long. */
static bool alert_sized(const struct items *s, unsigned i)
{
    static const uint8_t sizes[] = {36, 38, 43, 45, 49, 51, 65, 67};
    struct tls_plain n = s->at[i].n;
    if (!s->exact)
        return within(n, ALERT_LEAST, ALERT_MOST);
    for (size_t k = 0; k < sizeof sizes; k++)
        if (holds(n, sizes[k]))
            return true;
    return false;
}

static bool clear_alert(const struct items *s, unsigned i)
{
    struct tls_plain n = s->at[i].n;
    return holds(n, CLEAR_ALERT) || holds(n, CLEAR_ALERT_SHORT);
}

/*
 * The client refuses what the flight brought: an alert in clear right behind it, where otherwise its key exchange stands
 * (E1); or behind the server's Finished, where otherwise it acknowledges (E2). 0 when it does not.
 */
static unsigned find_refusal(const struct items *s, unsigned end)
{
    unsigned finished = end + 1, alert = end + 2;
    if (end >= s->count || !s->at[end].client)
        return 0;
    if (clear_alert(s, end))
        return end;
    bool flight = s->at[end].n.most >= CLIENT_FLIGHT_LEAST;
    bool order = alert < s->count && flight && !s->at[finished].client && s->at[alert].client;
    return order && !large(s, finished) && alert_sized(s, alert) ? alert : 0;
}

/* EAP is over without CALL_CONNECTED: the first message of the server behind i that is as small as Failure. */
static bool fails_after(const struct items *s, unsigned i)
{
    while (i < s->count && s->at[i].client)
        i++;
    return i < s->count && success_sized(s->at[i].n);
}

/*
 * The record at i ends EAP, and the client goes away. What it answers must be EAP's: a Terminate-Ack is as small, but the
 * client's Terminate-Request stands before it.
 */
static bool fails_at(const struct items *s, unsigned i)
{
    const struct item *before = &s->at[i - 1], *after = &s->at[i + 1];
    bool acknowledged = s->exact && holds(before->n, EAP_ACKNOWLEDGMENT);
    return !s->at[i].client && success_sized(s->at[i].n) && before->client && after->client &&
           (acknowledged || before->n.least > TERMINATE_MOST) && after->n.least <= TERMINATE_MOST;
}

/* Of PPP that did not come as far as CALL_CONNECTED. */
static void read_refusal(const struct items *s, unsigned ppp, struct sstp_reading *r)
{
    unsigned end = flight_end(s, ppp, s->count, &r->flight_records), refusal;
    if (end == 0)
        return;
    r->flight = SSTP_FLIGHT_SEEN;
    refusal = find_refusal(s, end);
    if (refusal != 0 && fails_after(s, refusal)) {
        r->flight = SSTP_FLIGHT_REFUSED;
        r->refusal_frame = s->at[refusal].frame;
        r->eap_failed = true;
        return;
    }
    for (unsigned i = end + 1; i + 1 < s->count && !r->eap_failed; i++)
        r->eap_failed = fails_at(s, i);
}

static void read_connected(const struct items *s, unsigned ppp, unsigned at, struct sstp_reading *r)
{
    unsigned server = 0, client = 0, first = at + 1;
    r->shape = SSTP_SHAPE_CONNECTED;
    r->connected_frame = s->at[at].frame;
    r->flight = flight_end(s, ppp, at, &r->flight_records) != 0 ? SSTP_FLIGHT_SEEN : SSTP_FLIGHT_NONE;
    while (first < s->count && s->at[first].client)
        first++;
    for (unsigned i = at + 1; i < s->count; i++)
        *(s->at[i].client ? &client : &server) += 1;
    r->aborted = server == 1 && holds(s->at[first].n, ABORT);
    if (s->exact) /* so much in its order is no chance, whatever the request */
        r->confidence = CONFIDENCE_STRONG;
    else if (server < SETTLED || client < SETTLED)
        r->confidence = CONFIDENCE_HINT;
}

struct sstp_reading sstp_read_lengths(const struct sstp_facts *f)
{
    struct sstp_reading r = {.shape = SSTP_SHAPE_UNKNOWN, .confidence = CONFIDENCE_HINT};
    struct items s;
    unsigned ppp = 0;
    if (f->carrier != SSTP_CARRIER_TLS || !f->tls.client_hello || !f->tls.server_hello || f->tls.decrypted || !take(f, &s))
        return r;
    r.all = f->record_count < SSTP_RECORDS_MAX && f->lost_bytes == 0 && f->cut_bytes == 0;
    if (f->tls.version == TLS_1_3 && !strip(&s, &r))
        return r;
    r.shape = opening(&s, f, &r, &ppp);
    r.confidence = sure_of_opening(&s, (enum sstp_request)r.request, ppp);
    r.last_from_client = s.count > 0 && s.at[s.count - 1].client;
    if (r.shape != SSTP_SHAPE_ACKNOWLEDGED)
        return r;
    unsigned connected = find_connected(&s, ppp);
    if (connected < s.count)
        read_connected(&s, ppp, connected, &r);
    else
        read_refusal(&s, ppp, &r);
    return r;
}
