/* What is inside SA payloads (RFC 7296 section 3.3; RFC 2408 sections 3.4 to 3.6 with RFC 2409 appendix A and RFC 2407
 * section 4.5 for version 1), traffic selectors (RFC 7296 section 3.13) and configuration (section 3.15). */
#include "dissect/ike/ike.h"
#include "capture/wire/cursor.h"

enum { PROTOCOL_IKE = 1, SUBSTRUCTURE_HEADER = 4, ATTRIBUTE_TV = 0x8000, ATTRIBUTE_KEY_LENGTH = 14 };
enum { TS_IPV4 = 7, TS_IPV6 = 8, TS_HEADER = 4 };

/* An attribute of a transform: type and two bytes of value, or type, length, value. False at the end or when it does not fit;
 * of a long value, value is its last two bytes. */
static bool take_attribute(struct cursor *c, uint16_t *type, uint16_t *value)
{
    struct cursor at = *c, body;
    if (!take_be16(&at, type))
        return false;
    if ((*type & ATTRIBUTE_TV) != 0) {
        *type &= (uint16_t)~ATTRIBUTE_TV;
        if (!take_be16(&at, value))
            return false;
    } else {
        if (!take_sub_be16(&at, &body))
            return false;
        *value = 0;
        if (body.len >= 2 && (!take_skip(&body, body.len - 2) || !take_be16(&body, value)))
            return false;
    }
    *c = at;
    return true;
}

/* The header that proposals and transforms share: more or last, its length; body is what the length holds after it. */
static bool take_substructure(struct cursor *c, struct cursor *body)
{
    struct cursor at = *c;
    uint16_t length;
    if (!take_skip(&at, 2) || !take_be16(&at, &length) || length < SUBSTRUCTURE_HEADER ||
        !take_sub(&at, (size_t)length - SUBSTRUCTURE_HEADER, body))
        return false;
    *c = at;
    return true;
}

static void add_transform(struct ike_proposal *p, uint8_t type, uint16_t id, uint16_t key_bits)
{
    if (p->transform_count == IKE_TRANSFORMS_MAX)
        p->too_many = true;
    else
        p->transforms[p->transform_count++] = (struct ike_transform){type, id, key_bits};
}

static bool read_transform(struct cursor c, struct ike_proposal *p)
{
    uint8_t type;
    uint16_t id, attribute, value, key_bits = 0;
    if (!take_u8(&c, &type) || !take_skip(&c, 1) || !take_be16(&c, &id))
        return false;
    while (take_attribute(&c, &attribute, &value))
        if (attribute == ATTRIBUTE_KEY_LENGTH)
            key_bits = value;
    add_transform(p, type, id, key_bits);
    return c.len == 0;
}

/* Number, protocol, SPI size, number of transforms, SPI: in both versions. */
static bool read_proposal_header(struct cursor *c, struct ike_proposal *p, uint8_t *transforms)
{
    uint8_t spi_size;
    return take_u8(c, &p->number) && take_u8(c, &p->protocol) && take_u8(c, &spi_size) && take_u8(c, transforms) &&
           take_span(c, spi_size, &p->spi);
}

/* The next free place, cleared; NULL when there is none. */
static struct ike_proposal *new_proposal(struct ike_proposals *all)
{
    if (all->count == IKE_PROPOSALS_MAX) {
        all->too_many = true;
        return NULL;
    }
    struct ike_proposal *p = &all->proposals[all->count];
    p->number = p->protocol = p->transform_count = 0;
    p->spi = (struct span){0};
    p->too_many = false;
    p->auth_method = 0;
    return p;
}

static bool read_proposal2(struct cursor c, struct ike_proposals *all)
{
    struct ike_proposal *p = new_proposal(all);
    struct cursor body;
    uint8_t announced, seen = 0;
    if (p == NULL)
        return true;
    if (!read_proposal_header(&c, p, &announced))
        return false;
    all->count++;
    for (; c.len > 0 && seen < announced; seen++)
        if (!take_substructure(&c, &body) || !read_transform(body, p))
            return false;
    return seen == announced && c.len == 0;
}

/* Number of an IKEv1 algorithm in IKEv2; 0 where there is none. */
static uint16_t mapped(const uint8_t *map, size_t count, uint16_t number)
{
    return number < count ? map[number] : 0;
}

/* RFC 2409 appendix A: the attributes of a phase 1 transform. IKEv1 has the hash for its PRF, and no other integrity. */
static void read_phase1(struct cursor c, struct ike_proposal *p)
{
    static const uint8_t encr[] = {[1] = 2, [2] = 5, [3] = 7, [4] = 4, [5] = 3, [6] = 6, [7] = 12, [8] = 23};
    static const uint8_t prf[] = {[1] = 1, [2] = 2, [4] = 5, [5] = 6, [6] = 7};
    enum { CIPHER = 1, HASH = 2, AUTHENTICATION = 3, GROUP = 4, KEY_LENGTH = 14 };
    uint16_t type, value, cipher = 0, hash = 0, group = 0, key_bits = 0;
    while (take_attribute(&c, &type, &value)) {
        if (type == CIPHER)
            cipher = mapped(encr, sizeof encr, value);
        else if (type == HASH)
            hash = mapped(prf, sizeof prf, value);
        else if (type == AUTHENTICATION)
            p->auth_method = value;
        else if (type == GROUP)
            group = value;
        else if (type == KEY_LENGTH)
            key_bits = value;
    }
    if (cipher != 0)
        add_transform(p, IKE_ENCR, cipher, key_bits);
    if (hash != 0)
        add_transform(p, IKE_PRF, hash, 0);
    if (group != 0)
        add_transform(p, IKE_DH, group, 0);
}

/* RFC 2407 section 4.5: of a phase 2 transform, whose id is the cipher for ESP, with IKEv2's numbers. */
static void read_phase2(struct cursor c, uint8_t transform, struct ike_proposal *p)
{
    static const uint8_t integ[] = {[1] = 1, [2] = 2, [3] = 3, [4] = 4, [5] = 12, [6] = 13, [7] = 14, [9] = 5};
    enum { PROTOCOL_ESP = 3, GROUP = 3, AUTHENTICATION = 5, KEY_LENGTH = 6 };
    uint16_t type, value, hash = 0, group = 0, key_bits = 0;
    while (take_attribute(&c, &type, &value)) {
        if (type == AUTHENTICATION)
            hash = mapped(integ, sizeof integ, value);
        else if (type == GROUP)
            group = value;
        else if (type == KEY_LENGTH)
            key_bits = value;
    }
    if (p->protocol == PROTOCOL_ESP)
        add_transform(p, IKE_ENCR, transform, key_bits);
    if (hash != 0)
        add_transform(p, IKE_INTEG, hash, 0);
    if (group != 0)
        add_transform(p, IKE_DH, group, 0);
}

static bool read_proposal1(struct cursor c, struct ike_proposals *all)
{
    struct ike_proposal header = {0};
    struct cursor body;
    uint8_t announced, seen = 0, number, id;
    if (!read_proposal_header(&c, &header, &announced))
        return false;
    for (; c.len > 0 && seen < announced; seen++) {
        struct ike_proposal *p = new_proposal(all);
        if (p == NULL)
            return true;
        if (!take_substructure(&c, &body) || !take_u8(&body, &number) || !take_u8(&body, &id) || !take_skip(&body, 2))
            return false;
        p->number = header.number;
        p->protocol = header.protocol;
        p->spi = header.spi;
        all->count++;
        if (p->protocol == PROTOCOL_IKE)
            read_phase1(body, p);
        else
            read_phase2(body, id, p);
    }
    return seen == announced && c.len == 0;
}

void ike_read_proposals(struct span sa, bool version1, struct ike_proposals *out)
{
    enum { DOI_AND_SITUATION = 8 };
    struct cursor c = cursor_of(sa), body;
    out->count = 0;
    out->too_many = out->malformed = false;
    if (version1 && !take_skip(&c, DOI_AND_SITUATION))
        out->malformed = true;
    while (!out->malformed && !out->too_many && c.len > 0)
        out->malformed = !take_substructure(&c, &body) ||
                         !(version1 ? read_proposal1(body, out) : read_proposal2(body, out));
}

static bool take_range(struct cursor *c, struct ike_selector *s)
{
    uint8_t first[16], last[16];
    size_t size = s->type == TS_IPV4 ? 4 : 16;
    if (!take_be16(c, &s->first_port) || !take_be16(c, &s->last_port) || !take_bytes(c, size, first) ||
        !take_bytes(c, size, last))
        return false;
    s->first = s->type == TS_IPV4 ? address_ipv4(first) : address_ipv6(first);
    s->last = s->type == TS_IPV4 ? address_ipv4(last) : address_ipv6(last);
    return true;
}

size_t ike_read_selectors(struct span ts, struct ike_selector out[static IKE_TS_MAX])
{
    struct cursor c = cursor_of(ts), body;
    uint8_t announced;
    size_t count = 0;
    if (!take_u8(&c, &announced) || !take_skip(&c, 3))
        return 0;
    for (unsigned i = 0; i < announced && count < IKE_TS_MAX; i++) {
        struct ike_selector s;
        uint16_t length;
        if (!take_u8(&c, &s.type) || !take_u8(&c, &s.ip_protocol) || !take_be16(&c, &length) || length < TS_HEADER ||
            !take_sub(&c, (size_t)length - TS_HEADER, &body))
            break;
        if ((s.type == TS_IPV4 || s.type == TS_IPV6) && take_range(&body, &s))
            out[count++] = s;
    }
    return count;
}

size_t ike_read_cp(struct span cp, struct ike_cp_attribute out[static IKE_CP_ATTRIBUTES_MAX])
{
    enum { RESERVED_BIT = 0x8000 };
    struct cursor c = cursor_of(cp), value;
    size_t count = 0;
    uint16_t type;
    if (!take_skip(&c, 4))
        return 0;
    while (count < IKE_CP_ATTRIBUTES_MAX && take_be16(&c, &type) && take_sub_be16(&c, &value))
        out[count++] = (struct ike_cp_attribute){(uint16_t)(type & ~RESERVED_BIT), cursor_rest(&value)};
    return count;
}
