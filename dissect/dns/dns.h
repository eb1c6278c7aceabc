/* DNS messages in UDP, as far as names and their addresses go. RFC 1035 section 4, RFC 3596. Pure; nothing is kept. */
#ifndef VS_DISSECT_DNS_H
#define VS_DISSECT_DNS_H

#include "capture/wire/address.h"

/* DNS_NAME: the longest name as text and the NUL. DNS_RECORDS: so many of a message are looked at. */
enum { DNS_NAME = 256, DNS_ADDRESSES = 16, DNS_RECORDS = 64, DNS_PORT = 53 };

/* The question of a query. */
struct dns_question {
    char name[DNS_NAME]; /* lower case, without the last dot ("." is the root); what is no letter, digit, '-' or '_' is '?' */
    uint16_t type;       /* 1 A, 28 AAAA, 33 SRV ... */
};

/* What a name's addresses are, as a server told a client. */
struct dns_answer {
    char name[DNS_NAME];                     /* that was asked for, as in a question; aliases are followed */
    struct address client, server;
    struct address addresses[DNS_ADDRESSES]; /* in the order of the answer: clients try the first one first */
    uint8_t count;
    bool more;                               /* there were more addresses, or the message was cut */
    uint32_t ttl;                            /* the least of the records used, in seconds */
};

/* The first question of a standard query, or of an operation like it that names what it is about (opcode update or NetBIOS's
 * registration are others, and false). False also when it is no query or its name is not whole. */
bool dns_query(struct span message, struct dns_question *out);

/* A response without error that holds an address for its question; client and server are left to the caller. False: it holds
 * none, or is no such response. Names point backwards only (RFC 1035 section 4.1.4), so that every one ends. */
bool dns_response(struct span message, struct dns_answer *out);

/* A TCP message has its length before it (RFC 1035 section 4.2.2): the message, as far as it is there. */
struct span dns_in_tcp(struct span payload);

#endif
