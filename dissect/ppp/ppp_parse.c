/* PPP packets as bytes: no state, no judgement beyond lengths that contradict each other. */
#include "dissect/ppp/ppp.h"

enum { HEADER = 4, OPTION_HEADER = 2, ALL_STATIONS = 0xff, UNNUMBERED = 0x03 };
enum { GUID_SIZE = 16, PRINTABLE_FIRST = 0x20, PRINTABLE_LAST = 0x7e };
enum { MSCHAP_RESPONSE = 49, PEER_CHALLENGE = 16, RESERVED = 8, NT_RESPONSE = 24 };
enum { AUTHENTICATOR_TEXT = 42 }; /* "S=" and 40 digits */

/* What Windows writes behind the magic number of a Terminate-Request, in front of the RAS error. */
static const uint32_t windows_terminate_mark = 0x003ccd74;

static void refuse(struct ppp_packet *p, const char *reason)
{
    p->malformed = true;
    if (p->reason == NULL)
        p->reason = reason;
}

bool ppp_frame_parse(struct span bytes, struct ppp_frame *out)
{
    *out = (struct ppp_frame){0};
    struct cursor c = cursor_of(bytes);
    uint8_t octet, second;
    if (!take_u8(&c, &octet))
        return false;
    if (octet == ALL_STATIONS) { /* never a protocol: RFC 1661 section 6.6 */
        if (!take_u8(&c, &second) || second != UNNUMBERED || !take_u8(&c, &octet))
            return false;
        out->address_control = true;
    }
    if ((octet & 1) != 0) {
        out->protocol_compressed = true;
        out->protocol = octet;
    } else {
        if (!take_u8(&c, &second) || (second & 1) == 0)
            return false;
        out->protocol = (uint16_t)((unsigned)octet << 8 | second);
    }
    out->payload = cursor_rest(&c);
    return true;
}

static bool starts_with(struct span s, const char *text, size_t len)
{
    return s.len >= len && memcmp(s.data, text, len) == 0;
}

static bool printable(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] < PRINTABLE_FIRST || s.data[i] > PRINTABLE_LAST)
            return false;
    return true;
}

static struct span from(struct span s, size_t start)
{
    return (struct span){s.data + start, s.len - start};
}

/* "MSRAS-0-NAME", of older systems "MSRAS-1-NAME" */
static bool computer_name(struct span text, struct span *name)
{
    static const char mark[] = "MSRAS-";
    struct cursor c = cursor_of(text);
    uint8_t digit, dash;
    if (!starts_with(text, mark, sizeof mark - 1) || !take_skip(&c, sizeof mark - 1) || !take_u8(&c, &digit) ||
        !take_u8(&c, &dash) || digit < '0' || digit > '9' || dash != '-')
        return false;
    *name = cursor_rest(&c);
    return true;
}

static void parse_identification(struct ppp_packet *p)
{
    static const char version[] = "MSRASV";
    struct span text = p->message;
    if (computer_name(text, &p->identity)) {
        p->identification = PPP_IDENTIFICATION_COMPUTER;
    } else if (starts_with(text, version, sizeof version - 1)) {
        p->identification = PPP_IDENTIFICATION_VERSION;
        p->identity = from(text, sizeof version - 1);
    } else {
        bool guid = text.len == GUID_SIZE && !printable(text);
        p->identification = guid ? PPP_IDENTIFICATION_CORRELATION : PPP_IDENTIFICATION_OTHER;
        p->identity = text;
    }
}

static void parse_terminate(struct cursor c, struct ppp_packet *p)
{
    uint32_t magic, mark, error;
    p->message = cursor_rest(&c);
    if (take_be32(&c, &magic) && take_be32(&c, &mark) && mark == windows_terminate_mark && take_be32(&c, &error)) {
        p->has_terminate_error = true;
        p->terminate_error = error;
        p->message = cursor_rest(&c);
    }
}

/* RFC 1661 sections 5.7 to 5.9, RFC 1570 sections 2.1 and 2.2. */
static void parse_lcp(struct cursor c, struct ppp_packet *p)
{
    switch (p->code) {
    case PPP_PROTOCOL_REJECT:
        if (!take_be16(&c, &p->rejected_protocol))
            refuse(p, "a Protocol-Reject without the protocol");
        p->rejected = cursor_rest(&c);
        break;
    case PPP_ECHO_REQUEST:
    case PPP_ECHO_REPLY:
    case PPP_DISCARD_REQUEST:
    case PPP_IDENTIFICATION:
    case PPP_TIME_REMAINING:
        p->has_magic = take_be32(&c, &p->magic);
        if (!p->has_magic) {
            refuse(p, "an LCP packet without its magic number");
            break;
        }
        if (p->code == PPP_TIME_REMAINING && !take_be32(&c, &p->seconds))
            refuse(p, "a Time-Remaining without the time");
        p->message = cursor_rest(&c);
        if (p->code == PPP_IDENTIFICATION)
            parse_identification(p);
        break;
    default:
        break;
    }
}

static void parse_control(struct cursor c, struct ppp_packet *p)
{
    switch (p->code) {
    case PPP_CONFIGURE_REQUEST:
    case PPP_CONFIGURE_ACK:
    case PPP_CONFIGURE_NAK:
    case PPP_CONFIGURE_REJECT: {
        p->configure = true;
        p->options = cursor_rest(&c);
        struct ppp_option option;
        bool broken = false;
        while (ppp_option_next(&c, p->protocol, &option, &broken))
            continue;
        if (broken)
            refuse(p, "an option is longer than the packet");
        break;
    }
    case PPP_TERMINATE_REQUEST:
    case PPP_TERMINATE_ACK:
        parse_terminate(c, p);
        break;
    case PPP_CODE_REJECT:
        p->rejected = cursor_rest(&c);
        break;
    default:
        if (p->protocol == PPP_PROTOCOL_LCP)
            parse_lcp(c, p);
        break;
    }
}

/* RFC 1334 section 2.2 */
static void parse_pap(struct cursor c, struct ppp_packet *p)
{
    struct cursor field;
    if (p->code == PAP_REQUEST) {
        if (!take_sub_u8(&c, &field)) {
            refuse(p, "the Peer-ID is longer than the packet");
            return;
        }
        p->name = cursor_rest(&field);
        if (take_u8(&c, &p->password_length) && p->password_length <= c.len)
            return;
        p->password_length = 0;
        refuse(p, "the password is longer than the packet");
    } else if (p->code == PAP_ACK || p->code == PAP_NAK) {
        if (c.len == 0) /* many send no message at all */
            return;
        if (take_sub_u8(&c, &field))
            p->message = cursor_rest(&field);
        else
            refuse(p, "the message is longer than the packet");
    }
}

/* RFC 1994 section 4 */
static void parse_chap(struct cursor c, struct ppp_packet *p)
{
    struct cursor value;
    switch (p->code) {
    case CHAP_CHALLENGE:
    case CHAP_RESPONSE:
        if (!take_sub_u8(&c, &value)) {
            refuse(p, "the value of CHAP is longer than the packet");
            break;
        }
        p->value = cursor_rest(&value);
        p->name = cursor_rest(&c);
        break;
    case CHAP_SUCCESS:
    case CHAP_FAILURE:
        p->message = cursor_rest(&c);
        break;
    default:
        break;
    }
}

bool ppp_packet_parse(uint16_t protocol, struct span bytes, struct ppp_packet *out)
{
    *out = (struct ppp_packet){.protocol = protocol};
    bool network_control = (protocol & 0xc000) == 0x8000;
    if (!network_control && protocol != PPP_PROTOCOL_LCP && protocol != PPP_PROTOCOL_PAP &&
        protocol != PPP_PROTOCOL_CHAP && protocol != PPP_PROTOCOL_CBCP)
        return false;
    struct cursor c = cursor_of(bytes);
    if (bytes.len < HEADER || !take_u8(&c, &out->code) || !take_u8(&c, &out->identifier) ||
        !take_be16(&c, &out->length))
        return false;
    if (out->length < HEADER) {
        refuse(out, "the length is shorter than the header");
        return true;
    }
    if ((size_t)out->length - HEADER <= c.len)
        c.len = (size_t)out->length - HEADER;
    else
        refuse(out, "the packet is shorter than its length says");
    out->data = cursor_rest(&c);
    if (protocol == PPP_PROTOCOL_PAP)
        parse_pap(c, out);
    else if (protocol == PPP_PROTOCOL_CHAP)
        parse_chap(c, out);
    else if (protocol != PPP_PROTOCOL_CBCP)
        parse_control(c, out);
    return true;
}

/* The value is one number of the given octets and nothing else. */
static void number(struct cursor c, size_t octets, struct ppp_option *o)
{
    uint16_t small = 0;
    o->malformed = c.len != octets;
    if (!o->malformed && octets == 2 && take_be16(&c, &small))
        o->number = small;
    else if (!o->malformed)
        o->malformed = !take_be32(&c, &o->number);
}

static void parse_lcp_option(struct cursor c, struct ppp_option *o)
{
    switch (o->type) {
    case LCP_OPTION_MRU:
    case LCP_OPTION_MRRU:
        number(c, 2, o);
        break;
    case LCP_OPTION_ACCM:
    case LCP_OPTION_MAGIC:
        number(c, 4, o);
        break;
    case LCP_OPTION_AUTHENTICATION:
        o->malformed = !take_be16(&c, &o->protocol);
        if (o->protocol == PPP_PROTOCOL_CHAP && !take_u8(&c, &o->kind))
            o->malformed = true;
        break;
    case LCP_OPTION_QUALITY:
        o->malformed = !take_be16(&c, &o->protocol);
        break;
    case LCP_OPTION_PFC:
    case LCP_OPTION_ACFC:
    case LCP_OPTION_SHORT_SEQUENCE:
        o->malformed = c.len != 0;
        break;
    case LCP_OPTION_CALLBACK:
    case LCP_OPTION_ENDPOINT:
        o->malformed = !take_u8(&c, &o->kind);
        break;
    default:
        break;
    }
}

static void parse_ipcp_option(struct cursor c, struct ppp_option *o)
{
    switch (o->type) {
    case IPCP_OPTION_COMPRESSION:
        o->malformed = !take_be16(&c, &o->protocol);
        break;
    case IPCP_OPTION_ADDRESS:
    case IPCP_OPTION_DNS1:
    case IPCP_OPTION_WINS1:
    case IPCP_OPTION_DNS2:
    case IPCP_OPTION_WINS2:
        number(c, 4, o);
        break;
    default:
        break;
    }
}

bool ppp_option_next(struct cursor *options, uint16_t protocol, struct ppp_option *out, bool *broken)
{
    *out = (struct ppp_option){0};
    struct cursor c = *options, value;
    uint8_t length = 0;
    if (broken != NULL)
        *broken = false;
    if (c.len == 0)
        return false;
    if (!take_u8(&c, &out->type) || !take_u8(&c, &length) || length < OPTION_HEADER ||
        !take_sub(&c, (size_t)length - OPTION_HEADER, &value)) {
        if (broken != NULL)
            *broken = true;
        return false;
    }
    *options = c;
    out->value = cursor_rest(&value);
    if (protocol == PPP_PROTOCOL_LCP)
        parse_lcp_option(value, out);
    else if (protocol == PPP_PROTOCOL_IPCP)
        parse_ipcp_option(value, out);
    else if (protocol == PPP_PROTOCOL_IPV6CP && out->type == IPV6CP_OPTION_INTERFACE)
        out->malformed = value.len != 8;
    else if (protocol == PPP_PROTOCOL_CCP && out->type == CCP_OPTION_MPPC)
        number(value, 4, out);
    return true;
}

static bool take_decimal(struct cursor *c, uint32_t *out)
{
    uint64_t value = 0;
    unsigned digits = 0;
    struct cursor at = *c;
    uint8_t octet;
    while (take_u8(&at, &octet) && octet >= '0' && octet <= '9') {
        value = value * 10 + (uint64_t)(octet - '0');
        if (++digits > 9)
            return false;
        *c = at;
    }
    *out = (uint32_t)value;
    return digits > 0;
}

static struct span take_word(struct cursor *c)
{
    struct span word = {c->data, 0};
    struct cursor at = *c;
    uint8_t octet;
    while (take_u8(&at, &octet) && octet != ' ') {
        word.len++;
        *c = at;
    }
    return word;
}

void mschap_failure_parse(struct span text, struct mschap_failure *out)
{
    *out = (struct mschap_failure){0};
    struct cursor c = cursor_of(text);
    uint8_t letter, equals;
    while (take_u8(&c, &letter)) {
        if (letter == ' ')
            continue;
        uint32_t value = 0;
        if (!take_u8(&c, &equals) || equals != '=')
            return;
        switch (letter) {
        case 'E':
            out->found = take_decimal(&c, &out->error);
            break;
        case 'R':
            out->retry = take_decimal(&c, &value) && value == 1;
            break;
        case 'C':
            out->challenge = take_word(&c);
            break;
        case 'V':
            if (!take_decimal(&c, &out->version))
                return;
            break;
        case 'M':
            out->message = cursor_rest(&c);
            return;
        default:
            (void)take_word(&c);
            break;
        }
    }
}

static bool hexadecimal(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

struct span mschap_success_authenticator(struct span text)
{
    static const struct span none = {NULL, 0};
    if (text.len < AUTHENTICATOR_TEXT || !starts_with(text, "S=", 2))
        return none;
    for (size_t i = 2; i < AUTHENTICATOR_TEXT; i++)
        if (!hexadecimal(text.data[i]))
            return none;
    return span_of(text.data + 2, AUTHENTICATOR_TEXT - 2);
}

bool mschapv2_response_parse(struct span value, struct span *peer_challenge, struct span *nt_response)
{
    struct cursor c = cursor_of(value);
    struct span reserved;
    if (value.len != MSCHAP_RESPONSE || !take_span(&c, PEER_CHALLENGE, peer_challenge) ||
        !take_span(&c, RESERVED, &reserved) || !take_span(&c, NT_RESPONSE, nt_response))
        return false;
    for (size_t i = 0; i < RESERVED; i++)
        if (reserved.data[i] != 0)
            return false;
    return true;
}
