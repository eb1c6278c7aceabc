/* A capture that lies in memory, for the tests and the fuzz target; not part of the interface. */
#ifndef VS_CAPTURE_SOURCE_MEMORY_H
#define VS_CAPTURE_SOURCE_MEMORY_H

#include "capture/source.h"

/* As source_open, of borrowed bytes; buffer is the size of the read window (64 at least), so that small captures fill
 * it. */
struct source *source_open_memory(struct span bytes, size_t buffer, const struct source_options *options,
                                  char error[static SOURCE_ERROR]);

#endif
