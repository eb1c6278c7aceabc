/* IEEE 802.11 data frames, alone or behind a monitor's radiotap, Prism or AVS header. */
#include "dissect/net/layers.h"

/* Frame control, as the little-endian 16 bits of the standard (IEEE 802.11-2020 section 9.2.4.1). */
enum { FC_TYPE = 0x000c, FC_TYPE_DATA = 0x0008, FC_NO_DATA = 0x0040, FC_QOS = 0x0080, FC_TO_DS = 0x0100,
       FC_FROM_DS = 0x0200, FC_PROTECTED = 0x4000, FC_ORDER = 0x8000 };
enum { QOS_AMSDU = 0x80 };

static size_t header_length(unsigned fc)
{
    size_t length = 24;
    if ((fc & FC_TO_DS) && (fc & FC_FROM_DS))
        length += 6;
    if (fc & FC_QOS)
        length += 2 + (fc & FC_ORDER ? 4u : 0u); /* HT control follows QoS control */
    return length;
}

/* Table 9-30: which of the addresses are the destination and the source. */
static void addresses(struct walk *w, unsigned fc, const uint8_t *h)
{
    const uint8_t *a1 = h + 4, *a2 = h + 10, *a3 = h + 16, *a4 = h + 24;
    bool to_ds = fc & FC_TO_DS, from_ds = fc & FC_FROM_DS;
    const uint8_t *src = from_ds ? (to_ds ? a4 : a3) : a2;
    link_addresses(w, src, to_ds ? a3 : a1);
}

/* padded: the radio aligned the body to four bytes. Encrypted, management and aggregated frames show nothing. */
void wlan_frame(struct walk *w, bool padded)
{
    struct span h;
    if (!walk_deeper(w))
        return;
    if (w->at.len < 2) {
        if (!walk_take(w, 2, &h))
            return;
        return;
    }
    unsigned fc = (unsigned)w->at.data[1] << 8 | w->at.data[0];
    if ((fc & FC_TYPE) != FC_TYPE_DATA || (fc & FC_NO_DATA) || (fc & FC_PROTECTED))
        return;
    size_t length = header_length(fc);
    if (!walk_take(w, length, &h))
        return;
    addresses(w, fc, h.data);
    size_t qos_at = (fc & FC_ORDER) ? length - 6 : length - 2;
    if ((fc & FC_QOS) && (h.data[qos_at] & QOS_AMSDU))
        return;
    size_t pad = padded ? (4 - length % 4) % 4 : 0;
    if (pad > 0 && !walk_take(w, pad, &h))
        return;
    link_llc(w);
}

/* The flags field stands behind the optional 64-bit TSFT; "present" words go on while their top bit is set. */
static uint8_t radiotap_flags(struct span h)
{
    enum { PRESENT_TSFT = 1, PRESENT_FLAGS = 2 };
    size_t at = 8;
    while (at <= h.len && (h.data[at - 1] & 0x80) != 0)
        at += 4;
    uint8_t present = h.data[4];
    if (present & PRESENT_TSFT)
        at = ((at + 7) & ~(size_t)7) + 8;
    return (present & PRESENT_FLAGS) && at < h.len ? h.data[at] : 0;
}

void wlan_radiotap_frame(struct walk *w)
{
    enum { RADIOTAP_FCS = 0x10, RADIOTAP_PADDED = 0x20 };
    struct span h;
    if (w->at.len >= 4 && w->at.data[0] != 0) {
        walk_malformed(w);
        return;
    }
    size_t length = w->at.len >= 4 ? (size_t)w->at.data[3] << 8 | w->at.data[2] : 8;
    if (length < 8) {
        walk_malformed(w);
        return;
    }
    if (!walk_take(w, length, &h))
        return;
    uint8_t flags = radiotap_flags(h);
    if ((flags & RADIOTAP_FCS) && w->wire >= 4)
        walk_limit(w, w->wire - 4);
    wlan_frame(w, flags & RADIOTAP_PADDED);
}

/* Prism: message code and length in the monitor's byte order. AVS, under the same link type: big-endian magic. */
void wlan_prism_frame(struct walk *w)
{
    struct span h;
    size_t length = 8;
    if (w->at.len >= 8) {
        const uint8_t *b = w->at.data;
        length = load_be32(b + 4);
        bool avs = load_be32(b) >> 12 == 0x80211;
        if (!avs && length > 0xffff)
            length = (size_t)b[5] << 8 | b[4];
    }
    if (length < 8 || length > 0xffff) {
        walk_malformed(w);
        return;
    }
    if (walk_take(w, length, &h))
        wlan_frame(w, false);
}
