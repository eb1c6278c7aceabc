/* The table behind hosts.h; for hosts*.c only. */
#ifndef VS_DISSECT_HOSTS_TABLE_H
#define VS_DISSECT_HOSTS_TABLE_H

#include "dissect/hosts.h"

enum { ETHERTYPE_LLTD = 0x88d9 };

/* The source of the innermost link header; false when the frame, or the tunnel that the packet was in, has none. */
bool hosts_source_mac(const struct packet *p, uint8_t mac[static 6]);

/* The deed of that key, made when there is none, with this packet counted; NULL when memory is short. */
struct host_deed *hosts_deed(struct hosts *h, struct address host, enum host_kind kind, struct address peer, uint16_t hint,
                             const struct packet *p);
/* The same without making or counting it. */
struct host_deed *hosts_find(struct hosts *h, const struct address *host, enum host_kind kind, const struct address *peer,
                             uint16_t hint);

/* The address is known to serve, by as many frames as are of use; d: a deed of HOST_SERVES that was just counted. */
bool hosts_serves(const struct hosts *h, const struct address *a);
void hosts_is_serving(struct hosts *h, const struct host_deed *d);

#endif
