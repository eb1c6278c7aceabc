/* For the files track_ladder*.c only: what a line of the message ladder is made with. */
#ifndef VS_ANALYZE_TRACK_LADDER_H
#define VS_ANALYZE_TRACK_LADDER_H

#include "analyze/session/track.h"
#include "capture/wire/like_printf.h"

/* Bytes of strangers, as a bounded argument of "%.*s"; the report escapes them. */
#define LADDER_TEXT(span)                                                                                              \
    (int)((span).len < 120 ? (span).len : 120), (const char *)((span).len > 0 ? (span).data : (const uint8_t *)"")

/* One line of the ladder. */
void ladder_say(struct live *l, struct place place, enum direction dir, const char *format, ...) LIKE_PRINTF(4, 5);

/* What a message holds: words with commas between them. */
struct ladder_list {
    char text[240];
    size_t len;
};

/* A word that does not fit any more is left out. */
void ladder_add(struct ladder_list *l, const char *word);

#endif
