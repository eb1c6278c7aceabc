/* The payloads of a chain, RFC 7296 sections 3.2 to 3.16; those of IKEv1, RFC 2408 section 3. */
#include "dissect/ike/ike.h"
#include "dissect/ike/ike_chain.h"

enum { GENERIC_HEADER = 4, CRITICAL = 0x80 };

enum ike1_payload_type { IKE1_SA = 1, IKE1_KE = 4, IKE1_ID = 5, IKE1_CERT = 6, IKE1_CERTREQ = 7, IKE1_NONCE = 10,
                         IKE1_NOTIFY = 11, IKE1_DELETE = 12, IKE1_VENDOR_ID = 13 };

static void refuse(struct ike_payloads *p, const char *reason)
{
    p->malformed = true;
    if (p->reason == NULL)
        p->reason = reason;
}

bool ike_chain_next(struct ike_chain *chain, struct ike_chain_payload *out)
{
    uint8_t next, flags;
    uint16_t length;
    if (chain->next == IKE_NO_PAYLOAD)
        return false;
    if (chain->announced < GENERIC_HEADER) {
        chain->reason = "a payload is announced but not there";
        return false;
    }
    if (!take_u8(&chain->at, &next) || !take_u8(&chain->at, &flags) || !take_be16(&chain->at, &length))
        return false;
    if (length < GENERIC_HEADER) {
        chain->reason = "a payload's length is less than its header";
        return false;
    }
    if (length > chain->announced) {
        chain->reason = "a payload is longer than the message";
        return false;
    }
    size_t size = (size_t)length - GENERIC_HEADER;
    out->type = chain->next;
    out->critical = (flags & CRITICAL) != 0;
    out->cut = size > chain->at.len;
    if (!take_sub(&chain->at, out->cut ? chain->at.len : size, &out->body))
        return false;
    chain->announced -= length;
    chain->next = next;
    return true;
}

static void add_notify(struct cursor c, struct ike_payloads *p)
{
    struct ike_notify n;
    uint8_t spi_size;
    if (!take_u8(&c, &n.protocol) || !take_u8(&c, &spi_size) || !take_be16(&c, &n.type) ||
        !take_span(&c, spi_size, &n.spi)) {
        refuse(p, "a notify payload is shorter than its fields");
        return;
    }
    n.data = cursor_rest(&c);
    if (p->notify_count < IKE_NOTIFIES_MAX)
        p->notifies[p->notify_count++] = n;
}

static void add_delete(struct cursor c, struct ike_payloads *p)
{
    struct ike_delete d;
    if (!take_u8(&c, &d.protocol) || !take_u8(&c, &d.spi_size) || !take_be16(&c, &d.count) ||
        c.len != (size_t)d.spi_size * d.count) {
        refuse(p, "a delete payload does not hold the SPIs that it counts");
        return;
    }
    d.spis = cursor_rest(&c);
    if (p->delete_count < IKE_DELETES_MAX)
        p->deletes[p->delete_count++] = d;
}

static void add_cert(struct cursor c, struct ike_payloads *p, struct ike_cert certs[static IKE_CERTS_MAX], uint8_t *count)
{
    struct ike_cert cert;
    if (!take_u8(&c, &cert.encoding)) {
        refuse(p, "a certificate payload without its encoding");
        return;
    }
    cert.data = cursor_rest(&c);
    if (*count < IKE_CERTS_MAX)
        certs[(*count)++] = cert;
}

static void add_vendor_id(struct cursor c, struct ike_payloads *p)
{
    if (p->vendor_id_count < IKE_VENDOR_IDS_MAX)
        p->vendor_ids[p->vendor_id_count++] = cursor_rest(&c);
}

/* Both versions have four bytes before the identity; only the first, its type, matters here. */
static void set_id(struct cursor c, struct ike_payloads *p, struct ike_id *id)
{
    uint8_t type;
    if (!take_u8(&c, &type) || !take_skip(&c, 3)) {
        refuse(p, "an identity payload without its type");
        return;
    }
    if (id->type == 0)
        *id = (struct ike_id){type, cursor_rest(&c)};
}

static void set_ke(struct cursor c, struct ike_payloads *p)
{
    uint16_t group;
    if (!take_be16(&c, &group) || !take_skip(&c, 2)) {
        refuse(p, "a key exchange payload without its group");
        return;
    }
    if (p->ke_group == 0) {
        p->ke_group = group;
        p->ke = cursor_rest(&c);
    }
}

static void set_auth(struct cursor c, struct ike_payloads *p)
{
    uint8_t method;
    if (!take_u8(&c, &method) || !take_skip(&c, 3)) {
        refuse(p, "an authentication payload without its method");
        return;
    }
    if (p->auth_method == 0) {
        p->auth_method = method;
        p->auth = cursor_rest(&c);
    }
}

static void set_cp(struct cursor c, struct ike_payloads *p)
{
    struct span body = cursor_rest(&c);
    uint8_t type;
    if (!take_u8(&c, &type) || !take_skip(&c, 3)) {
        refuse(p, "a configuration payload without its type");
        return;
    }
    if (p->cp_type == 0) {
        p->cp_type = type;
        p->cp = body;
    }
}

/* A span that points nowhere is one not seen yet: an empty payload has been seen. */
static void set(struct span *field, struct cursor c)
{
    if (field->data == NULL)
        *field = cursor_rest(&c);
}

static void read_payload(uint8_t type, struct cursor body, struct ike_payloads *p)
{
    switch (type) {
    case IKE_SA:
        set(&p->sa, body);
        break;
    case IKE_KE:
        set_ke(body, p);
        break;
    case IKE_IDI:
        set_id(body, p, &p->idi);
        break;
    case IKE_IDR:
        set_id(body, p, &p->idr);
        break;
    case IKE_CERT:
        add_cert(body, p, p->certs, &p->cert_count);
        break;
    case IKE_CERTREQ:
        add_cert(body, p, p->certreqs, &p->certreq_count);
        break;
    case IKE_AUTHENTICATION:
        set_auth(body, p);
        break;
    case IKE_NONCE:
        set(&p->nonce, body);
        break;
    case IKE_NOTIFY:
        add_notify(body, p);
        break;
    case IKE_DELETE:
        add_delete(body, p);
        break;
    case IKE_VENDOR_ID:
        add_vendor_id(body, p);
        break;
    case IKE_TSI:
        set(&p->tsi, body);
        break;
    case IKE_TSR:
        set(&p->tsr, body);
        break;
    case IKE_CP:
        set_cp(body, p);
        break;
    case IKE_EAP:
        set(&p->eap, body);
        break;
    case IKE_MS_CORRELATION:
        set(&p->ms_correlation, body);
        break;
    default:
        break;
    }
}

/* RFC 2408 sections 3.4 to 3.16. Whose identity it is, only the exchange's order tells: the first is put in idi, the second
 * in idr. */
static void read_payload1(uint8_t type, struct cursor body, struct ike_payloads *p)
{
    switch (type) {
    case IKE1_SA:
        set(&p->sa, body);
        break;
    case IKE1_KE:
        set(&p->ke, body);
        break;
    case IKE1_ID:
        set_id(body, p, p->idi.type == 0 ? &p->idi : &p->idr);
        break;
    case IKE1_CERT:
        add_cert(body, p, p->certs, &p->cert_count);
        break;
    case IKE1_CERTREQ:
        add_cert(body, p, p->certreqs, &p->certreq_count);
        break;
    case IKE1_NONCE:
        set(&p->nonce, body);
        break;
    case IKE1_NOTIFY: /* a domain of interpretation stands before what IKEv2 has */
        if (take_skip(&body, 4))
            add_notify(body, p);
        else
            refuse(p, "a notify payload is shorter than its fields");
        break;
    case IKE1_DELETE:
        if (take_skip(&body, 4))
            add_delete(body, p);
        else
            refuse(p, "a delete payload does not hold the SPIs that it counts");
        break;
    case IKE1_VENDOR_ID:
        add_vendor_id(body, p);
        break;
    default:
        break;
    }
}

static void clear(struct ike_payloads *p)
{
    memset(p, 0, offsetof(struct ike_payloads, notifies));
}

/* IANA: 33 to 54 are assigned in IKEv2; below are those of IKEv1. */
static bool named_by_rfc(uint8_t type)
{
    return type >= IKE_SA && type <= 54;
}

/* Openswan fills its messages up to four bytes, as IKEv1 may. */
static bool is_padding(struct span rest)
{
    static const uint8_t zero[3];
    return rest.len <= sizeof zero && (rest.len == 0 || memcmp(rest.data, zero, rest.len) == 0);
}

static void read_chain(struct ike_chain *chain, bool cut, bool version1, struct ike_payloads *out)
{
    struct ike_chain_payload payload;
    if (cut) /* how much was not captured is not known here */
        chain->announced = SIZE_MAX;
    while (ike_chain_next(chain, &payload)) {
        if (out->count == IKE_PAYLOADS_MAX) {
            refuse(out, "more payloads than anybody sends");
            return;
        }
        out->types[out->count++] = payload.type;
        if (!version1 && payload.critical && !named_by_rfc(payload.type) && out->unknown_critical == 0)
            out->unknown_critical = payload.type;
        if (!version1 && (payload.type == IKE_SK || payload.type == IKE_SKF))
            return;
        if (payload.cut)
            return;
        if (version1)
            read_payload1(payload.type, payload.body, out);
        else
            read_payload(payload.type, payload.body, out);
    }
    if (chain->reason != NULL)
        refuse(out, chain->reason);
    else if (!version1 && chain->next == IKE_NO_PAYLOAD && !is_padding(cursor_rest(&chain->at)))
        refuse(out, "bytes follow the last payload");
}

/* Most messages: all is in the first payload. Of a cut one it may be longer than what is there. */
static bool all_is_encrypted(uint8_t first, struct span bytes, bool cut)
{
    size_t length = bytes.len < GENERIC_HEADER ? 0 : (size_t)bytes.data[2] << 8 | bytes.data[3];
    return (first == IKE_SK || first == IKE_SKF) && length >= GENERIC_HEADER && (cut || length <= bytes.len);
}

void ike_read_payloads(uint8_t first, struct span bytes, bool cut, struct ike_payloads *out)
{
    clear(out);
    if (all_is_encrypted(first, bytes, cut)) {
        out->types[out->count++] = first;
        return;
    }
    struct ike_chain chain = {.next = first, .announced = bytes.len, .at = cursor_of(bytes)};
    read_chain(&chain, cut, false, out);
}

void ike1_read_payloads(uint8_t first, struct span bytes, bool cut, struct ike_payloads *out)
{
    struct ike_chain chain = {.next = first, .announced = bytes.len, .at = cursor_of(bytes)};
    clear(out);
    read_chain(&chain, cut, true, out);
}

const struct ike_notify *ike_notify_of(const struct ike_payloads *p, uint16_t type)
{
    for (size_t i = 0; i < p->notify_count; i++)
        if (p->notifies[i].type == type)
            return &p->notifies[i];
    return NULL;
}

bool ike_has_vendor_id(const struct ike_payloads *p, struct span id)
{
    for (size_t i = 0; i < p->vendor_id_count; i++)
        if (span_equal(p->vendor_ids[i], id))
            return true;
    return false;
}
