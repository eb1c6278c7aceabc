/* For the files track_ike*.c and track.c only: an IKE association's events become its facts. */
#ifndef VS_ANALYZE_TRACK_IKE_H
#define VS_ANALYZE_TRACK_IKE_H

#include "analyze/session/track.h"

void track_ike(const struct track_parts *t, struct live *l, const struct event *e);

/* Of track_ike_inside.c: what keys opened. */
void track_ike_inside(const struct track_parts *t, struct live *l, struct ike_facts *f, const struct event *e);
/* Notes one notify in the association's list. */
void track_ike_notify(struct ike_facts *f, const struct ike_notify *n, bool from_initiator, bool inside, struct place place);

#endif
