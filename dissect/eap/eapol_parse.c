#include "dissect/eap/eapol.h"
#include "capture/wire/cursor.h"

enum { HEADER = 4 };
/* IEEE 802.11 section 12.7.2, Key Information */
enum { KEY_PAIRWISE = 0x0008, KEY_ACK = 0x0080, KEY_MIC = 0x0100 };
enum { DESCRIPTOR_RSN = 2, DESCRIPTOR_WPA = 254 };
enum { KEY_LENGTH_AND_REPLAY = 10, KEY_NONCE = 32, KEY_IV_RSC_ID_MIC = 48 };

static bool all_zero(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] != 0)
            return false;
    return true;
}

/* Message 4 has no nonce and no key data; either one alone is believed, because senders leave remnants in the other. */
static void parse_key(struct cursor c, struct eapol_packet *p)
{
    uint8_t descriptor;
    uint16_t information, data_length = 0;
    struct span nonce;
    if (!take_u8(&c, &descriptor) || (descriptor != DESCRIPTOR_RSN && descriptor != DESCRIPTOR_WPA) ||
        !take_be16(&c, &information))
        return;
    p->key_acknowledge = (information & KEY_ACK) != 0;
    if ((information & KEY_PAIRWISE) == 0)
        return;
    if (p->key_acknowledge) {
        p->key_message = (information & KEY_MIC) != 0 ? 3 : 1;
        return;
    }
    if ((information & KEY_MIC) == 0 || !take_skip(&c, KEY_LENGTH_AND_REPLAY) || !take_span(&c, KEY_NONCE, &nonce))
        return;
    bool no_data = take_skip(&c, KEY_IV_RSC_ID_MIC) && take_be16(&c, &data_length) && data_length == 0;
    p->key_message = all_zero(nonce) || no_data ? 4 : 2;
}

bool eapol_parse(struct span bytes, uint32_t wire_len, struct eapol_packet *out)
{
    *out = (struct eapol_packet){0};
    struct cursor c = cursor_of(bytes);
    if (!take_u8(&c, &out->version) || !take_u8(&c, &out->type) || !take_be16(&c, &out->length))
        return false;
    size_t sent = wire_len > bytes.len ? wire_len : bytes.len;
    if (out->length <= c.len) {
        c.len = out->length;
    } else {
        out->malformed = out->length > sent - HEADER;
        out->cut = sent > bytes.len;
    }
    out->body = cursor_rest(&c);
    if (out->type == EAPOL_TYPE_KEY)
        parse_key(c, out);
    return true;
}

const char *eapol_type_name(uint8_t type)
{
    switch (type) {
    case EAPOL_TYPE_EAP:
        return "EAP";
    case EAPOL_TYPE_START:
        return "Start";
    case EAPOL_TYPE_LOGOFF:
        return "Logoff";
    case EAPOL_TYPE_KEY:
        return "Key";
    case EAPOL_TYPE_ASF_ALERT:
        return "ASF-Alert";
    case EAPOL_TYPE_MKA:
        return "MKA";
    default:
        return NULL;
    }
}
