/* The first line of the report. */
#ifndef VS_ANALYZE_VERDICT_H
#define VS_ANALYZE_VERDICT_H

#include "analyze/finding/finding.h"
#include "analyze/session/overview.h"

enum { VERDICT_MAX = 512 };

/* All that was found, worst first, and what the capture held. */
struct verdict_input {
    const struct finding *findings;
    size_t finding_count;
    const struct analysis_totals *totals;
    const struct protocol_count *protocols; /* named when there was nothing to judge */
    size_t protocol_count;
};

/* One line: the cause that matters most with the client error it explains, or that nothing is wrong, or that there was
 * nothing to judge and what was there instead. Holds text of strangers: escape before printing. */
void verdict_write(char out[static VERDICT_MAX], const struct verdict_input *in);

#endif
