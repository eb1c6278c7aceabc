/* The whole pipe in this process: a capture file in memory to its text and JSON reports. */
#ifndef VS_ROBUST_PIPE_H
#define VS_ROBUST_PIPE_H

#include <stdio.h>

#include "analyze/certificate/expect.h"
#include "dissect/crypto/secrets.h"

/* What all runs share. */
struct pipe {
    struct expect *expect;
    struct secrets *secrets;
    FILE *sink;  /* reports go here and are read back */
};

/* Roots, the server's name, RADIUS secret and key logs out of the folder of recordings. False with a line on stderr. */
bool pipe_begin(struct pipe *p, const char *recordings);
void pipe_end(struct pipe *p);

/* How one capture is read. */
struct pipe_run {
    size_t window;  /* of the reader, at least 64 */
    bool hints;     /* with nDPI, whose state is dear to make */
    bool events;    /* told while it is read */
};

/* NULL when all is well, else what is wrong (constant). Input that is no capture at all is fine. */
const char *pipe_capture(struct pipe *p, struct span capture, const struct pipe_run *run);

#endif
