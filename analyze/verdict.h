/* The first line of the report. */
#ifndef VS_ANALYZE_VERDICT_H
#define VS_ANALYZE_VERDICT_H

#include "analyze/analysis.h"

enum { VERDICT_MAX = 512 };

/* One line: the cause that matters most with the client error it explains, or that nothing is wrong, or that there was
 * nothing to judge. Holds text of strangers: escape before printing. */
void verdict_write(char out[static VERDICT_MAX], const struct finding *findings, size_t count, const struct analysis_totals *totals);

#endif
