/* Whether two files hold the same. */
#ifndef VS_CAPTURE_SAME_FILE_H
#define VS_CAPTURE_SAME_FILE_H

#include <stdbool.h>

/* Reads both as far as they are equal; false as well when one cannot be read. */
bool same_file(const char *a, const char *b);

#endif
