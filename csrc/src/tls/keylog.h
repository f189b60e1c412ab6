/* SPDX-License-Identifier: Apache-2.0
 *
 * Key log lines (NSS format), kept with the connection. The one place where secrets leave the
 * engine, and only when the configuration asks for it.
 */
#ifndef HF_TLS_KEYLOG_H
#define HF_TLS_KEYLOG_H

#include <openssl/ssl.h>

#define HF_KEYLOG_LINE_MAX 512
#define HF_KEYLOG_MAX 16384 /* waiting lines; what does not fit is dropped whole */

void hf_keylog_callback(const SSL *ssl, const char *line);

#endif
