#include "dissect/dns/dns.h"

#include "capture/wire/cursor.h"

enum { RESPONSE = 0x8000, OPERATION = 0x7800, RESULT = 0x000f, LABEL_MAX = 63, POINTER = 0xc0, TYPE_A = 1, TYPE_CNAME = 5, TYPE_AAAA = 28,
       CLASS_IN = 1, ALIASES_MAX = 8,
       POINTERS_MAX = 127 /* as many labels as a name can have: no more can be of use */ };

struct header {
    uint16_t flags, questions, answers;
};

static bool take_header(struct cursor *c, struct header *h)
{
    return take_skip(c, 2) && take_be16(c, &h->flags) && take_be16(c, &h->questions) && take_be16(c, &h->answers) &&
           take_skip(c, 4);
}

static char plain(uint8_t byte)
{
    if (byte >= 'A' && byte <= 'Z')
        return (char)(byte - 'A' + 'a');
    bool usual = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
    return usual ? (char)byte : '?';
}

/* Appends one label; false when the name becomes too long. */
static bool add_label(char name[static DNS_NAME], size_t *len, struct span label)
{
    if (*len + label.len + 2 > DNS_NAME)
        return false;
    if (*len > 0)
        name[(*len)++] = '.';
    for (size_t i = 0; i < label.len; i++)
        name[(*len)++] = plain(label.data[i]);
    return true;
}

/* Takes a name at c, which may end in a pointer into the message. Each pointer leads to before where its labels began. */
static bool take_name(struct cursor *c, struct span message, char name[static DNS_NAME])
{
    struct cursor at = *c;
    size_t len = 0, begin = c->offset;
    unsigned pointers = 0;
    for (uint8_t length;;) {
        if (!take_u8(&at, &length))
            return false;
        if ((length & POINTER) == POINTER) {
            uint8_t low;
            if (!take_u8(&at, &low))
                return false;
            size_t to = (size_t)(length & ~POINTER) << 8 | low;
            if (pointers++ == 0)
                *c = at;
            if (to >= begin || pointers > POINTERS_MAX)
                return false;
            begin = to;
            at = cursor_of(message);
            if (!take_skip(&at, to))
                return false;
            continue;
        }
        struct span label;
        if (length > LABEL_MAX || !take_span(&at, length, &label))
            return false;
        if (length == 0)
            break;
        if (!add_label(name, &len, label))
            return false;
    }
    if (len == 0)
        name[len++] = '.';
    name[len] = '\0';
    if (pointers == 0)
        *c = at;
    return true;
}

static bool take_question(struct cursor *c, struct span message, struct dns_question *q)
{
    uint16_t class;
    return take_name(c, message, q->name) && take_be16(c, &q->type) && take_be16(c, &class);
}

bool dns_query(struct span message, struct dns_question *out)
{
    struct cursor c = cursor_of(message);
    struct header h;
    return take_header(&c, &h) && (h.flags & (RESPONSE | OPERATION)) == 0 && h.questions > 0 &&
           take_question(&c, message, out);
}

struct record {
    char owner[DNS_NAME];
    uint16_t type, class;
    uint32_t ttl;
    struct cursor data;
};

static bool take_record(struct cursor *c, struct span message, struct record *r)
{
    return take_name(c, message, r->owner) && take_be16(c, &r->type) && take_be16(c, &r->class) && take_be32(c, &r->ttl) &&
           take_sub_be16(c, &r->data);
}

static bool record_address(const struct record *r, struct address *out)
{
    uint8_t bytes[16];
    struct cursor c = r->data;
    if (r->type == TYPE_A && c.len == 4 && take_bytes(&c, 4, bytes)) {
        *out = address_ipv4(bytes);
        return true;
    }
    if (r->type == TYPE_AAAA && c.len == 16 && take_bytes(&c, 16, bytes)) {
        *out = address_ipv6(bytes);
        return true;
    }
    return false;
}

static void use_record(struct dns_answer *out, const struct record *r, const struct address *a)
{
    out->ttl = r->ttl < out->ttl ? r->ttl : out->ttl;
    if (a == NULL)
        return;
    if (out->count < DNS_ADDRESSES)
        out->addresses[out->count++] = *a;
    else
        out->more = true;
}

bool dns_response(struct span message, struct dns_answer *out)
{
    struct cursor c = cursor_of(message);
    struct header h;
    struct dns_question q;
    struct record r;
    if (!take_header(&c, &h) || (h.flags & (RESPONSE | OPERATION | RESULT)) != RESPONSE || h.questions != 1 ||
        !take_question(&c, message, &q))
        return false;
    char wanted[DNS_NAME]; /* the name itself, then what it is an alias of: servers tell these in their order */
    memcpy(wanted, q.name, sizeof wanted);
    out->count = 0;
    out->more = false;
    out->ttl = UINT32_MAX;
    memcpy(out->name, q.name, sizeof out->name);
    for (unsigned i = 0, aliases = 0; i < h.answers; i++) {
        struct address a;
        if (i == DNS_RECORDS || !take_record(&c, message, &r)) {
            out->more = true;
            break;
        }
        if (r.class != CLASS_IN || strcmp(r.owner, wanted) != 0)
            continue;
        if (r.type == TYPE_CNAME && aliases++ < ALIASES_MAX && take_name(&r.data, message, wanted))
            use_record(out, &r, NULL);
        else if (record_address(&r, &a))
            use_record(out, &r, &a);
    }
    return out->count > 0;
}

struct span dns_in_tcp(struct span payload)
{
    struct cursor c = cursor_of(payload);
    uint16_t length;
    if (!take_be16(&c, &length))
        return (struct span){NULL, 0};
    return span_of(c.data, c.len < length ? c.len : length);
}
