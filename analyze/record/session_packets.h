/*
 * The packets of one session, out of the captures that were analysed, as pcapng: the captures are read twice more, once to
 * learn which packets belong to it, and once to copy them.
 */
#ifndef VS_ANALYZE_RECORD_SESSION_PACKETS_H
#define VS_ANALYZE_RECORD_SESSION_PACKETS_H

#include "analyze/analysis.h"
#include "analyze/options.h"
#include "analyze/run.h"

enum { SESSION_PACKETS_ERROR = 640 };

/*
 * Writes those of session `number` of the analysis of o's captures to path, which is replaced when all is written. *packets
 * is their number. False with a sentence.
 */
bool session_packets_write(const struct options *o, struct analysis *a, uint32_t number, const char *path,
                           uint64_t *packets, char error[static SESSION_PACKETS_ERROR]);

#endif
