/* --certs DIR: every certificate chain seen, as PEM files. */
#ifndef VS_ANALYZE_CERTS_DIR_H
#define VS_ANALYZE_CERTS_DIR_H

#include "analyze/report/certificates.h"

enum { CERTS_DIR_ERROR = 1024 };

/*
 * Makes the folder when it is missing and writes one file a chain (chain_file_name), leaf first as sent. A file appears
 * whole or not at all. False with a sentence at the first that cannot be written.
 */
bool certs_dir_write(const char *dir, const struct chains *chains, const struct certificates *certificates,
                     char error[static CERTS_DIR_ERROR]);

#endif
