/* BPF expressions over frames of any link type (libpcap compiles and runs them); for the files of this folder only. */
#ifndef VS_CAPTURE_FILTER_H
#define VS_CAPTURE_FILTER_H

#include "capture/source.h"

struct filter;

/*
 * Takes an expression (pcap-filter(7)). It must compile for link_type, or, when that is negative (not known yet), for
 * some usual link type; NULL with a sentence in error. Freed by filter_free.
 */
struct filter *filter_new(const char *expression, int link_type, char error[static SOURCE_ERROR]);

/* True when the frame is wanted. Never for a link type for which the expression has no meaning. */
bool filter_match(struct filter *f, const struct frame *frame);

void filter_free(struct filter *f);

#endif
