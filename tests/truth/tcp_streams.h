/* TCP put in order, for tests on captures that are small: a byte stream per direction. */
#ifndef VS_TRUTH_TCP_STREAMS_H
#define VS_TRUTH_TCP_STREAMS_H

#include "dissect/net/packet.h"

struct tcp_streams;

/* Bytes of a connection in order. to_client: from the side that accepted. user is the connection's own, NULL at first. */
struct tcp_receiver {
    void (*bytes)(void *ctx, void **user, bool to_client, struct span bytes, struct place place);
    void (*gap)(void *ctx, void **user, bool to_client, struct place place); /* bytes are missing here */
    void (*closed)(void *ctx, void *user);
    void *ctx;
};

struct tcp_streams *tcp_streams_new(const struct tcp_receiver *receiver);
void tcp_streams_packet(struct tcp_streams *t, const struct packet *p);
/* Gives out what waits behind gaps, and closes all. */
void tcp_streams_free(struct tcp_streams *t);

#endif
