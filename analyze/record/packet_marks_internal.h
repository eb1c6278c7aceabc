/* For packet_marks.c and packet_copy.c only. */
#ifndef VS_ANALYZE_RECORD_PACKET_MARKS_INTERNAL_H
#define VS_ANALYZE_RECORD_PACKET_MARKS_INTERNAL_H

#include "analyze/record/packet_copy.h"

struct capture_marks {
    uint64_t *words;       /* bits by frame number */
    uint64_t room;         /* of them */
    uint64_t packets, last;
    int64_t first_ns;      /* least time of a marked frame */
};

struct packet_marks {
    struct capture_marks *captures;
    size_t count;
    uint64_t words_left;
};

bool packet_marks_has(const struct packet_marks *m, const struct frame *f);

#endif
