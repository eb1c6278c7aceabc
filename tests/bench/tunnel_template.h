/* A recorded SSTP connection, from the ClientHello to where the tunnel is up, to be made again for other clients. */
#ifndef VS_BENCH_TUNNEL_TEMPLATE_H
#define VS_BENCH_TUNNEL_TEMPLATE_H

#include "capture/source.h"

enum { TUNNEL_SEGMENTS = 128, TUNNEL_SEGMENT = 1500, TUNNEL_RANDOM = 32 };

struct tunnel_segment {
    bool from_client;
    uint8_t flags; /* of TCP */
    uint16_t len;  /* of payload, 0: an acknowledgement */
    uint8_t bytes[TUNNEL_SEGMENT];
};

struct tunnel_template {
    struct tunnel_segment segments[TUNNEL_SEGMENTS];
    size_t count;
    size_t random_at; /* of the client's random, in its first segment with payload */
};

/* Reads the first TCP connection of a recording whose TLS is 1.2: Ethernet, IPv4 without options, in order. False with a sentence. */
bool tunnel_read(struct tunnel_template *t, const char *recording, char error[static SOURCE_ERROR]);

#endif
