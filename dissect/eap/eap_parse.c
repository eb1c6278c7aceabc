/* EAP packets as bytes: no state, no judgement beyond lengths that contradict each other. */
#include "dissect/eap/eap.h"
#include "dissect/eap/eap_internal.h"
#include "capture/wire/cursor.h"

enum { HEADER = EAP_HEADER, EXPANDED_NAK_ENTRY = 8 };
enum { TEAP_OUTER_TLVS = 0x10 };
enum { MSCHAPV2_CHALLENGE = 1, MSCHAPV2_RESPONSE = 2, MSCHAPV2_SUCCESS = 3, MSCHAPV2_FAILURE = 4 };
enum { TLV_TYPE_MASK = 0x3fff, TLV_RESULT = 3, TLV_CRYPTO_BINDING = 12 };

static void refuse(struct eap_packet *p, const char *reason)
{
    p->malformed = true;
    if (p->reason == NULL)
        p->reason = reason;
}

uint32_t eap_mschap_error(struct span text)
{
    for (size_t i = 0; i + 2 < text.len; i++) {
        if (text.data[i] != 'E' || text.data[i + 1] != '=' || (i > 0 && text.data[i - 1] != ' '))
            continue;
        uint32_t value = 0;
        for (i += 2; i < text.len && text.data[i] >= '0' && text.data[i] <= '9'; i++) {
            if (value > UINT32_MAX / 10 - 1)
                return 0;
            value = value * 10 + (uint32_t)(text.data[i] - '0');
        }
        return value;
    }
    return 0;
}

bool eap_tlvs_plausible(struct span bytes)
{
    struct cursor c = cursor_of(bytes);
    while (c.len > 0) {
        uint16_t type;
        struct cursor value;
        if (!take_be16(&c, &type) || !take_sub_be16(&c, &value))
            return false;
    }
    return true;
}

/* RFC 5216 section 3.1, RFC 5281 section 9.1, RFC 4851 section 4.1, RFC 7170 section 4.1, MS-PEAP 2.2.2 and 2.2.6. */
static void parse_tls(struct cursor c, struct eap_packet *p)
{
    p->tls_based = true;
    if (!take_u8(&c, &p->flags)) {
        refuse(p, "a TLS-based method without its flags octet");
        return;
    }
    p->version = p->type == EAP_TYPE_TLS ? 0 : p->flags & 7;
    if ((p->flags & EAP_TLS_LENGTH) != 0 && !take_be32(&c, &p->tls_length)) {
        refuse(p, "the TLS length is announced but not there");
        return;
    }
    uint32_t outer = 0;
    if (p->type == EAP_TYPE_TEAP && (p->flags & TEAP_OUTER_TLVS) != 0) {
        if (!take_be32(&c, &outer)) {
            refuse(p, "the length of outer TLVs is announced but not there");
            return;
        }
        /* The announced length counts all fragments, and only the last part of the last one is outer TLVs. */
        if ((p->flags & EAP_TLS_MORE) != 0 || outer > c.len)
            outer = 0;
    }
    p->tls_bytes = cursor_rest(&c);
    p->tls_bytes.len -= outer;
    bool trailing = (p->flags & EAP_TLS_LENGTH) != 0 && p->tls_length < p->tls_bytes.len;
    if (trailing && p->type == EAP_TYPE_PEAP && (p->flags & EAP_TLS_MORE) == 0) {
        struct span rest = {p->tls_bytes.data + p->tls_length, p->tls_bytes.len - p->tls_length};
        if (eap_tlvs_plausible(rest))
            p->tls_bytes.len = p->tls_length;
    }
}

/* draft-kamath-pppext-eap-mschapv2 section 2; the client's answers to Success and Failure are the opcode alone. */
static void parse_mschapv2(struct cursor c, struct eap_packet *p)
{
    uint8_t id;
    uint16_t length;
    if (!take_u8(&c, &p->mschapv2_opcode)) {
        refuse(p, "EAP-MSCHAPv2 without its opcode");
        return;
    }
    if (c.len == 0 && (p->mschapv2_opcode == MSCHAPV2_SUCCESS || p->mschapv2_opcode == MSCHAPV2_FAILURE))
        return;
    if (!take_u8(&c, &id) || !take_be16(&c, &length)) {
        refuse(p, "EAP-MSCHAPv2 without its length");
        return;
    }
    if (length < HEADER || (size_t)length - HEADER > c.len)
        refuse(p, "the length in EAP-MSCHAPv2 contradicts that of EAP");
    else
        c.len = (size_t)length - HEADER;
    if (p->mschapv2_opcode == MSCHAPV2_CHALLENGE || p->mschapv2_opcode == MSCHAPV2_RESPONSE) {
        struct cursor value;
        if (take_sub_u8(&c, &value))
            p->mschapv2_name = cursor_rest(&c);
        else
            refuse(p, "the value of EAP-MSCHAPv2 is longer than the packet");
    } else if (p->mschapv2_opcode == MSCHAPV2_SUCCESS || p->mschapv2_opcode == MSCHAPV2_FAILURE) {
        p->mschapv2_text = cursor_rest(&c);
        if (p->mschapv2_opcode == MSCHAPV2_FAILURE)
            p->mschapv2_error = eap_mschap_error(p->mschapv2_text);
    }
}

/* MS-PEAP 2.2.8: a list of TLVs after the type octet. */
static void parse_tlvs(struct cursor c, struct eap_packet *p)
{
    while (c.len > 0) {
        uint16_t type, result;
        struct cursor value;
        if (!take_be16(&c, &type) || !take_sub_be16(&c, &value)) {
            refuse(p, "a TLV is longer than the packet");
            return;
        }
        type &= TLV_TYPE_MASK;
        if (type == TLV_RESULT && take_be16(&value, &result) && result <= UINT8_MAX)
            p->tlv_result = (uint8_t)result;
        if (type == TLV_CRYPTO_BINDING)
            p->tlv_crypto_binding = true;
    }
}

static void parse_nak(struct cursor c, struct eap_packet *p)
{
    while (p->nak_count < EAP_NAK_MAX && take_u8(&c, &p->nak[p->nak_count]))
        p->nak_count++;
}

/* RFC 3748 section 5.3.2: expanded types in a row; a vendor's own type is noted as 254. */
static void parse_expanded_nak(struct cursor c, struct eap_packet *p)
{
    struct cursor entry;
    while (p->nak_count < EAP_NAK_MAX && take_sub(&c, EXPANDED_NAK_ENTRY, &entry)) {
        uint8_t type;
        uint32_t vendor, vendor_type;
        if (!take_u8(&entry, &type) || !take_be24(&entry, &vendor) || !take_be32(&entry, &vendor_type) ||
            type != EAP_TYPE_EXPANDED) {
            refuse(p, "an expanded Nak lists something else than expanded types");
            return;
        }
        bool ietf = vendor == 0 && vendor_type <= UINT8_MAX;
        p->nak[p->nak_count++] = ietf ? (uint8_t)vendor_type : (uint8_t)EAP_TYPE_EXPANDED;
    }
}

static void parse_expanded(struct cursor c, struct eap_packet *p)
{
    if (!take_be24(&c, &p->vendor) || !take_be32(&c, &p->vendor_type))
        refuse(p, "an expanded type without vendor and type");
    else if (p->vendor == 0 && p->vendor_type == EAP_TYPE_NAK && p->code == EAP_RESPONSE)
        parse_expanded_nak(c, p);
}

static void parse_type_data(struct cursor c, struct eap_packet *p)
{
    p->data = cursor_rest(&c);
    if (eap_type_is_tls(p->type)) {
        parse_tls(c, p);
        return;
    }
    switch (p->type) {
    case EAP_TYPE_IDENTITY:
        if (p->code == EAP_RESPONSE)
            p->identity = cursor_rest(&c);
        break;
    case EAP_TYPE_NAK:
        parse_nak(c, p);
        break;
    case EAP_TYPE_MSCHAPV2:
        parse_mschapv2(c, p);
        break;
    case EAP_TYPE_TLV:
        parse_tlvs(c, p);
        break;
    case EAP_TYPE_EXPANDED:
        parse_expanded(c, p);
        break;
    default:
        break;
    }
}

bool eap_parse(struct span bytes, struct eap_packet *out)
{
    eap_packet_clear(out);
    struct cursor c = cursor_of(bytes);
    struct span header;
    if (!take_span(&c, HEADER, &header))
        return false;
    out->code = header.data[0];
    out->identifier = header.data[1];
    out->length = (uint16_t)((unsigned)header.data[2] << 8 | header.data[3]);
    if (out->length < HEADER) {
        refuse(out, "the EAP length is shorter than the header");
        return true;
    }
    if ((size_t)out->length - HEADER <= c.len)
        c.len = (size_t)out->length - HEADER; /* what follows is padding: RFC 3748 section 4 */
    else
        refuse(out, eap_reason_short);
    switch (out->code) {
    case EAP_REQUEST:
    case EAP_RESPONSE:
        if (take_u8(&c, &out->type))
            parse_type_data(c, out);
        else
            refuse(out, "a Request or Response without a type");
        break;
    case EAP_SUCCESS:
    case EAP_FAILURE:
        out->data = cursor_rest(&c);
        if (out->length != HEADER)
            refuse(out, "a Success or Failure with more than its header");
        break;
    case EAP_CODE_INITIATE:
    case EAP_CODE_FINISH:
        out->data = cursor_rest(&c);
        break;
    default:
        refuse(out, "the EAP code is unknown");
        break;
    }
    return true;
}
