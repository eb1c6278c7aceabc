#include "analyze/session/ike_lengths.h"

enum { HEADERS = IKE_NON_ESP_MARKER + IKE_HEADER + 4 /* of SK */, AEAD_IV = 8, PAD_LENGTH = 1, AEAD_PAD_MOST = 3 };
enum {
    ENCR_DES = 2,
    ENCR_3DES = 3,
    ENCR_AES_CBC = 12,
    ENCR_AES_CTR = 13,
    ENCR_CCM_8 = 14,
    ENCR_CCM_12 = 15,
    ENCR_CCM_16 = 16,
    ENCR_GCM_8 = 18,
    ENCR_GCM_12 = 19,
    ENCR_GCM_16 = 20,
    ENCR_CHACHA20_POLY1305 = 28
};

/* ICV or tag, IV and block; block 1 for what pads as it likes. */
struct shape {
    uint32_t iv, block, icv;
};

static uint32_t icv_of(uint16_t integ)
{
    switch (integ) {
    case 1:
    case 2:
    case 5:
        return 12;
    case 12:
        return 16;
    case 13:
        return 24;
    case 14:
        return 32;
    default:
        return 0;
    }
}

static bool shape_of(const struct ike_suite *suite, struct shape *out)
{
    uint32_t icv = suite->integ.type != 0 ? icv_of(suite->integ.id) : 0;
    switch (suite->encr.type != 0 ? suite->encr.id : 0) {
    case ENCR_AES_CBC:
        *out = (struct shape){16, 16, icv};
        return icv != 0;
    case ENCR_DES:
    case ENCR_3DES:
        *out = (struct shape){8, 8, icv};
        return icv != 0;
    case ENCR_AES_CTR:
        *out = (struct shape){AEAD_IV, 1, icv};
        return icv != 0;
    case ENCR_GCM_8:
    case ENCR_CCM_8:
        *out = (struct shape){AEAD_IV, 1, 8};
        return true;
    case ENCR_GCM_12:
    case ENCR_CCM_12:
        *out = (struct shape){AEAD_IV, 1, 12};
        return true;
    case ENCR_GCM_16:
    case ENCR_CCM_16:
    case ENCR_CHACHA20_POLY1305:
        *out = (struct shape){AEAD_IV, 1, 16};
        return true;
    default:
        return false;
    }
}

bool ike_content_of(const struct ike_suite *suite, uint32_t length, struct ike_content *out)
{
    struct shape s;
    if (!shape_of(suite, &s) || length <= HEADERS + s.iv + s.icv)
        return false;
    uint32_t sealed = length - HEADERS - s.iv - s.icv; /* payloads, padding, pad length */
    uint32_t pad = s.block > 1 ? s.block - 1 : AEAD_PAD_MOST;
    if (s.block > 1 && sealed % s.block != 0)
        return false;
    out->most = sealed - PAD_LENGTH;
    out->least = out->most > pad ? out->most - pad : 0;
    return true;
}

/* Contents in bytes: a payload's header, then EAP header and type, flags, TLS record header and so on. */
enum {
    BARE_NOTIFY = 8,            /* also EAP Success and Failure: generic header and four bytes */
    STATUS_NOTIFY = 12,         /* with four bytes of data */
    EAP_ACKNOWLEDGMENT = 4 + 6, /* flags only */
    EAP_CLEAR_ALERT = 4 + 6 + 7,
    EAP_ALERT_LEAST = 4 + 6 + 5 + 18 /* TLS 1.3 */,
    EAP_ALERT_MOST = 4 + 10 + 5 + 80,
    CLIENT_FLIGHT_LEAST = 4 + 6 + 100,   /* key exchange, ChangeCipherSpec, Finished */
    LARGE_LEAST = 700,                   /* a fragment of a certificate flight */
    FINAL_LEAST = 8 + 20 + 40 + 24 + 24, /* AUTH, SA, TSi, TSr */
    FINAL_SURE = 160,                    /* more than AUTH, addresses and notifies of an answer without a tunnel take */
};

bool ike_tells_refusal(const struct ike_suite *suite, uint8_t first, uint32_t length)
{
    struct ike_content c;
    return first == IKE_NOTIFY && ike_content_of(suite, length, &c) && c.least <= STATUS_NOTIFY;
}

/* The message of IKE_AUTH with this id and side; NULL. */
static const struct ike_length_fact *message_of(const struct ike_facts *f, uint32_t id, bool response)
{
    for (unsigned i = 0; i < f->length_count; i++) {
        const struct ike_length_fact *m = &f->lengths[i];
        if (m->exchange == IKE_AUTH && m->response == response && m->message_id == id)
            return m;
    }
    return NULL;
}

static bool content_of(const struct ike_facts *f, const struct ike_length_fact *m, struct ike_content *out)
{
    if (m == NULL)
        return false;
    if (m->fragments == 0)
        return ike_content_of(&f->chosen, m->length, out);
    *out = (struct ike_content){LARGE_LEAST / 2, m->length}; /* what had to be fragmented is no small message */
    return true;
}

static bool is_large(const struct ike_facts *f, uint32_t id)
{
    struct ike_content c;
    return content_of(f, message_of(f, id, true), &c) && c.most >= LARGE_LEAST;
}

/* The run of large responses, each answered by an acknowledgment but the last; *end is the id of its last one. */
static uint32_t large_run(const struct ike_facts *f, uint32_t before, uint32_t *end)
{
    uint32_t id = before, count = 0;
    while (id > 1 && !is_large(f, id))
        id--;
    *end = id;
    for (; id > 1 && is_large(f, id); id--)
        count++;
    return count;
}

static bool alert_sized(struct ike_content c)
{
    bool acknowledgment = ike_content_fits(c, EAP_ACKNOWLEDGMENT);
    return !acknowledgment &&
           (ike_content_fits(c, EAP_CLEAR_ALERT) || (c.most >= EAP_ALERT_LEAST && c.least <= EAP_ALERT_MOST));
}

/*
 * The last request before the failure is an alert: in clear right after the large flight (E1), or behind the client's
 * key exchange and the server's Finished, where an empty message would acknowledge (E2).
 */
static bool client_alert(const struct ike_facts *f, uint32_t last, uint32_t *run)
{
    struct ike_content alert, flight, finished;
    uint32_t end;
    *run = large_run(f, last - 1, &end);
    if (*run == 0 || !content_of(f, message_of(f, last, false), &alert) || !alert_sized(alert))
        return false;
    if (end == last - 1)
        return ike_content_fits(alert, EAP_CLEAR_ALERT);
    if (end != last - 2 || !content_of(f, message_of(f, last - 1, false), &flight) ||
        !content_of(f, message_of(f, last - 1, true), &finished))
        return false;
    return flight.most >= CLIENT_FLIGHT_LEAST && finished.most < LARGE_LEAST;
}

/* Of what it begins with, as far as that is known. */
static bool begins_with(const struct ike_length_fact *m, uint8_t type)
{
    return m != NULL && m->first == type;
}

static bool is_small(const struct ike_facts *f, const struct ike_length_fact *m, uint32_t most)
{
    struct ike_content c;
    return content_of(f, m, &c) && c.least <= most;
}

const struct ike_length_fact *ike_goodbye(const struct ike_facts *f)
{
    for (unsigned i = 0; i < f->length_count; i++) {
        const struct ike_length_fact *m = &f->lengths[i];
        bool ends = begins_with(m, IKE_NOTIFY) || begins_with(m, IKE_DELETE);
        if (m->exchange == IKE_INFORMATIONAL && m->from_initiator && !m->response && ends &&
            is_small(f, m, BARE_NOTIFY))
            return m;
    }
    return NULL;
}

/* The final answer proves the server (AUTH) and makes the child association (SA, TSi, TSr). */
static enum ike_eap_shape final_shape(const struct ike_facts *f, uint32_t last)
{
    struct ike_content c, success;
    const struct ike_length_fact *m = message_of(f, last, true);
    bool proves = begins_with(m, IKE_AUTHENTICATION) && begins_with(message_of(f, last, false), IKE_AUTHENTICATION);
    /* The exchange before it was answered with EAP Success, of which there is but one size. */
    bool after_success =
        content_of(f, message_of(f, last - 1, true), &success) && ike_content_fits(success, BARE_NOTIFY);
    if (begins_with(m, IKE_EAP))
        return IKE_EAP_STALLED;
    if ((!proves && !after_success) || !content_of(f, m, &c))
        return IKE_EAP_UNKNOWN; /* what led to it was not captured */
    if (c.least >= FINAL_SURE)
        return IKE_EAP_SUCCESS;
    return proves && c.most < FINAL_LEAST ? IKE_EAP_NO_CHILD : IKE_EAP_PROVED;
}

static struct ike_eap_reading last_response(const struct ike_facts *f, uint32_t last, uint32_t rounds)
{
    struct ike_eap_reading r = {IKE_EAP_STALLED, rounds, 0};
    struct ike_content c;
    const struct ike_length_fact *m = message_of(f, last, true);
    bool ends = begins_with(m, IKE_EAP) || begins_with(m, IKE_NOTIFY);
    if (!content_of(f, m, &c))
        r.shape = IKE_EAP_UNKNOWN;
    else if (ends && ike_content_fits(c, BARE_NOTIFY))
        r.shape = client_alert(f, last, &r.large_flight) ? IKE_EAP_CLIENT_ALERT : IKE_EAP_FAILURE;
    else
        r.shape = final_shape(f, last);
    return r;
}

/* The highest message id of a response of IKE_AUTH, 0 none; *rounds: how many responses there are. */
static uint32_t last_answered(const struct ike_facts *f, uint32_t *rounds)
{
    uint32_t last = 0;
    *rounds = 0;
    for (unsigned i = 0; i < f->length_count; i++) {
        const struct ike_length_fact *m = &f->lengths[i];
        if (m->exchange != IKE_AUTH || !m->response)
            continue;
        ++*rounds;
        last = m->message_id > last ? m->message_id : last;
    }
    return last;
}

bool ike_lengths_are_whole(const struct ike_facts *f)
{
    uint32_t rounds, last = last_answered(f, &rounds);
    for (uint32_t id = 1; id <= last && last < UINT8_MAX; id++)
        if (message_of(f, id, false) == NULL || message_of(f, id, true) == NULL)
            return false;
    return last > 0 && last < UINT8_MAX;
}

struct ike_eap_reading ike_read_lengths(const struct ike_facts *f)
{
    struct ike_eap_reading r = {IKE_EAP_UNKNOWN, 0, 0};
    uint32_t last = last_answered(f, &r.rounds);
    /* Responses without a length were cut short by the capture: it is not known which. */
    if (r.rounds == 0 || r.rounds < f->auth_responses || f->length_count == IKE_FACTS_LENGTHS ||
        f->auth_last_id >= UINT8_MAX)
        return r;
    if (last == 1) {
        const struct ike_length_fact *m = message_of(f, 1, true);
        bool refused = begins_with(m, IKE_NOTIFY) && is_small(f, m, STATUS_NOTIFY);
        r.shape = f->auth_last_id > 1 ? IKE_EAP_STALLED : refused ? IKE_EAP_REFUSED_AT_ONCE : IKE_EAP_NONE;
        return r;
    }
    if (f->auth_last_id > last) {
        r.shape = IKE_EAP_STALLED;
        return r;
    }
    return last_response(f, last, r.rounds);
}

/* EAP has rounds of its own; without it one exchange of IKE_AUTH is all, and what follows is of another type. */
enum ike_tunnel ike_tunnel_of(const struct ike_facts *f)
{
    bool after = f->child_seen || f->state.esp_packets[0] > 0 || f->state.esp_packets[1] > 0 || f->child_created;
    if (f->eap)
        return IKE_TUNNEL_USER;
    for (unsigned i = 0; i < f->length_count; i++)
        if (f->lengths[i].exchange == IKE_AUTH && f->lengths[i].message_id > 1 && f->lengths[i].first == IKE_EAP)
            return IKE_TUNNEL_USER;
    return after && f->auth_last_id == 1 && f->auth_responses == 1 ? IKE_TUNNEL_DEVICE : IKE_TUNNEL_UNKNOWN;
}

const char *ike_tunnel_name(enum ike_tunnel t)
{
    static const char *const names[] = {
        [IKE_TUNNEL_UNKNOWN] = NULL, [IKE_TUNNEL_USER] = "user", [IKE_TUNNEL_DEVICE] = "device"};
    return names[t];
}

enum {
    GROUP_MODP1024 = 2,
    FRAGMENTATION_NOTIFY = 8,
    DEFAULT_LENGTH = 880,
    CUSTOM_MODP2048 = 544,
    CUSTOM_ECP256 = 344,
    CUSTOM_ECP384 = 376
};

/* Of a Windows client's first request, with or without the notify that offers fragmentation. */
static bool is_length(const struct ike_facts *f, uint16_t length)
{
    return f->init_length == length || f->init_length == length + FRAGMENTATION_NOTIFY;
}

enum ike_offer ike_offer_of(const struct ike_facts *f)
{
    const struct ike_transform *groups = f->offered[IKE_DH - IKE_ENCR];
    if (f->offer_seen) {
        bool one = f->offered_count[IKE_DH - IKE_ENCR] == 1 && groups[0].id == GROUP_MODP1024;
        return one && f->windows_initiator ? IKE_OFFER_WINDOWS_DEFAULT : IKE_OFFER_CUSTOM;
    }
    if (is_length(f, DEFAULT_LENGTH))
        return IKE_OFFER_WINDOWS_DEFAULT;
    bool custom = is_length(f, CUSTOM_MODP2048) || is_length(f, CUSTOM_ECP256) || is_length(f, CUSTOM_ECP384);
    return custom ? IKE_OFFER_CUSTOM : IKE_OFFER_UNKNOWN;
}

const char *ike_offer_name(enum ike_offer o)
{
    static const char *const names[] = {
        [IKE_OFFER_UNKNOWN] = NULL, [IKE_OFFER_WINDOWS_DEFAULT] = "windows-default", [IKE_OFFER_CUSTOM] = "custom"};
    return names[o];
}
