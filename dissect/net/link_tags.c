/* Tags between the addresses of an Ethernet header and the EtherType of its payload, by switches of many makers. */
#include "dissect/net/layers.h"

enum { ETHERTYPE_QINQ = 0x88a8, ETHERTYPE_QINQ_OLD = 0x9100, ETHERTYPE_VN_TAG = 0x8926, ETHERTYPE_E_TAG = 0x893f,
       ETHERTYPE_CISCO_METADATA = 0x8909, ETHERTYPE_MACSEC = 0x88e5, ETHERTYPE_ARISTA = 0xd28b, ETHERTYPE_DSA = 0xdada };

/* Of the tags that have one length, with the EtherType behind; 0: it is none of them. */
static size_t length_of(uint16_t type)
{
    switch (type) {
    case ETHERTYPE_VLAN:
    case ETHERTYPE_QINQ:
    case ETHERTYPE_QINQ_OLD:
        return 4;
    case ETHERTYPE_VN_TAG:
        return 6;
    case ETHERTYPE_E_TAG:
    case ETHERTYPE_CISCO_METADATA: /* TrustSec: a security group tag */
    case ETHERTYPE_DSA:            /* Linux's Distributed Switch Architecture: the port of a Marvell switch */
        return 8;
    default:
        return 0;
    }
}

/* The time when a tap saw the frame: subtype, version, which says whether seconds are 32 bits or 16, and the time. */
static size_t arista_length(const struct walk *w)
{
    bool brief = w->at.len >= 4 && (w->at.data[3] & 0xf0) == 0x20;
    return 4 + (brief ? 6u : 8u) + 2;
}

/*
 * IEEE 802.1AE clause 9.3: a frame that is only protected is readable; the check value behind it goes. 0: it is encrypted, or of another version.
 */
static size_t macsec_length(struct walk *w)
{
    enum { VERSION = 0x80, SCI = 0x20, ENCRYPTED = 0x08, CHANGED = 0x04, HEADER = 6, CHECK_VALUE = 16, SCI_LENGTH = 8 };
    uint8_t control = w->at.len > 0 ? w->at.data[0] : ENCRYPTED;
    if ((control & (VERSION | ENCRYPTED | CHANGED)) != 0 || w->wire < HEADER + SCI_LENGTH + 2 + CHECK_VALUE)
        return 0;
    walk_limit(w, w->wire - CHECK_VALUE);
    return HEADER + (control & SCI ? (size_t)SCI_LENGTH : 0) + 2;
}

bool link_take_tags(struct walk *w, uint16_t *type)
{
    for (bool first = true;; first = false) {
        struct span h;
        size_t length = *type == ETHERTYPE_ARISTA ? arista_length(w) : *type == ETHERTYPE_MACSEC ? macsec_length(w) : length_of(*type);
        if (length == 0)
            return true;
        if (!walk_take(w, length, &h))
            return false;
        if (first && length == 4 && w->p.vlan == 0)
            w->p.vlan = load_be16(h.data) & 0x0fff;
        *type = load_be16(h.data + length - 2);
    }
}
