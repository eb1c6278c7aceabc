/*
 * A file that is looked at where it lies in memory (platform_view) is far away, and each record tells where the next one begins:
 * followed one after the other, every record costs a wait. So some rows of records are followed at the same time, each from a
 * place where a record seems to begin, before the reader comes there. Nothing but nearness comes of it: a wrong guess costs time only.
 */
#ifndef VS_CAPTURE_AHEAD_H
#define VS_CAPTURE_AHEAD_H

#include "capture/wire/span.h"

/* Of little-endian files. */
enum record_form { RECORDS_PCAP, RECORDS_PCAPNG };

/* Brings near the headers of the records in the window, which begins with one, and the beginnings of their packets. */
void ahead_records(struct span window, enum record_form form);

#endif
