/*
 * The flight recorder: packets are held while it is not known what becomes of their conversation; those of one that failed are
 * written to a ring of files, those of others are forgotten.
 */
#ifndef VS_ANALYZE_RECORD_RECORDER_H
#define VS_ANALYZE_RECORD_RECORDER_H

#include "analyze/record/ring_files.h"
#include "analyze/session/exchange.h"
#include "dissect/event.h"

struct recorder_options {
    struct ring_files_options files;
    uint64_t memory_bytes; /* for packets that are held */
};

struct recorder;

/* Before rights are given up: looks for files of earlier runs. NULL with a sentence. */
struct recorder *recorder_new(const struct recorder_options *options, char error[static RING_FILES_ERROR]);
void recorder_free(struct recorder *r);
/* When rights have been given up: makes the first file. False with a sentence. */
bool recorder_begin(struct recorder *r, char error[static RING_FILES_ERROR]);

/* A frame_fn; ctx is the recorder. */
void recorder_frame(void *recorder, const struct frame *f, const struct frame_ties *ties);

/* A conversation begins. */
void recorder_opened(struct recorder *r, const struct event *e);
/*
 * An exchange has ended. One that failed is written, and handed to the system, and so is what is held of the tunnel in front of a
 * login, or of the logins behind a tunnel. Of one that did not, packets are held a while longer, lest it turn out to be such a part.
 */
void recorder_judged(struct recorder *r, const struct exchange *x, bool failed);
/* A conversation has ended, after it was judged if it was: what is held of one that was not is forgotten. */
void recorder_ended(struct recorder *r, const struct conversation *c);

/* Of the memory what is in use now. */
uint64_t recorder_bytes(const struct recorder *r);

/* Something that failed could not be recorded, or not wholly. */
bool recorder_lost(const struct recorder *r);
/* One sentence on what could not be recorded; false when there is nothing to say. */
bool recorder_shortage(const struct recorder *r, char text[static RING_FILES_ERROR]);

#endif
