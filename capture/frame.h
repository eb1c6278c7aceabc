/* One captured frame, wherever it came from. No library's type stands here. */
#ifndef VS_CAPTURE_FRAME_H
#define VS_CAPTURE_FRAME_H

#include <assert.h>

#include "capture/wire/near.h"
#include "capture/wire/span.h"

/* LINKTYPE_ values (the registry used by pcap and pcapng files), as far as they are dissected. */
enum link_type {
    LINKTYPE_NULL = 0,
    LINKTYPE_ETHERNET = 1,
    LINKTYPE_PPP = 9,
    LINKTYPE_PPP_HDLC = 50,
    LINKTYPE_PPP_ETHER = 51,
    LINKTYPE_RAW = 101, /* also given for 12 and 14, which old files hold for raw IP */
    LINKTYPE_IEEE802_11 = 105,
    LINKTYPE_LOOP = 108,
    LINKTYPE_LINUX_SLL = 113,
    LINKTYPE_IEEE802_11_PRISM = 119,
    LINKTYPE_IEEE802_11_RADIOTAP = 127,
    LINKTYPE_PPP_WITH_DIR = 204,
    LINKTYPE_IPV4 = 228,
    LINKTYPE_IPV6 = 229,
    LINKTYPE_LINUX_SLL2 = 276,
};

enum frame_flag {
    FRAME_HAS_PACKET_ID = 1, /* pcapng epb_packetid: pktmon's packet group; the same id is the same packet */
    FRAME_DROPPED = 2,       /* pcapng epb_verdict says that the host dropped it */
    FRAME_OUTBOUND = 4,      /* pcapng epb_flags or SLL: sent by the capturing host */
    FRAME_INBOUND = 8,
    FRAME_IN_A_RUN = 16,     /* it lies where its file does, amid short ones: frame_bring_next is of use */
};

enum { FRAME_AHEAD = 1 << 15 }; /* bytes; further than the frames that are lent at once reach */

/* Lent by the source until its next call; who keeps something, copies it. */
struct frame {
    uint64_t number;     /* from 1 in its capture, as Wireshark counts */
    int64_t time_ns;     /* nanoseconds since 1970 UTC; 0 when the capture has no time (simple packet blocks) */
    uint32_t capture;    /* index of the capture, from 0 */
    uint32_t zero;       /* so far it is a struct place */
    uint64_t packet_id;  /* valid with FRAME_HAS_PACKET_ID */
    const uint8_t *bytes;
    uint32_t len;        /* captured bytes at `bytes` */
    uint32_t wire_len;   /* bytes on the wire as the file says; never less than len here */
    uint32_t interface;  /* index in the capture, from 0, over all its sections */
    uint16_t link_type;  /* enum link_type or another registered value */
    uint16_t flags;      /* enum frame_flag */
    struct span comment; /* pcapng opt_comment, first one; text from strangers */
};

/*
 * For who goes through all frames, at each of them: asks for as many bytes of a file further on, so that all of it has come by
 * and by when its frames are looked at.
 */
static inline void frame_bring_next(const struct frame *f)
{
    enum { BESIDE = 32 }; /* what a file says of a frame */
    for (size_t i = 0; (f->flags & FRAME_IN_A_RUN) != 0 && i < f->len + BESIDE; i += NEAR_LINE)
        near_to_read(f->bytes + FRAME_AHEAD + i);
}

/* Where something was seen: enough to open the frame in another tool. */
struct place {
    uint64_t frame;   /* 0: nowhere */
    int64_t time_ns;
    uint32_t capture;
    uint32_t zero;    /* no padding: places are written as the bytes that they are */
};

static_assert(offsetof(struct frame, time_ns) == offsetof(struct place, time_ns) &&
              offsetof(struct frame, capture) == offsetof(struct place, capture) &&
              offsetof(struct frame, packet_id) == sizeof(struct place), "a frame begins with its place");

/* Copied as a whole: made of its parts, it would be read before these have been written, and wait. */
static inline struct place frame_place(const struct frame *f)
{
    struct place place;
    memcpy(&place, f, sizeof place);
    return place;
}

/* The same where it is to stand: written as it will be read, for the same reason. */
static inline void frame_place_into(struct place *to, const struct frame *f)
{
    memcpy(to, f, sizeof *to);
}

#endif
