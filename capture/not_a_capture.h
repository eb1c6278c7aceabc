/* Files that are given for captures and are something else: what they are, and what makes a capture of them. */
#ifndef VS_CAPTURE_NOT_A_CAPTURE_H
#define VS_CAPTURE_NOT_A_CAPTURE_H

#include "capture/wire/span.h"

/* A clause for people, by the file's first bytes or its name's ending. Never NULL. */
const char *not_a_capture(struct span begin, const char *path);

#endif
