/* SPDX-License-Identifier: Apache-2.0
 *
 * R1: a server whose sessions are not bound to what the ClientHello asks for. The tests must
 * notice.
 */
/* RUNS: test_tls_resume_checks */
/* EXPECT: FAILED: another name or protocol */
#include "tls/session.h"

static int forget(const uint8_t *context)
{
    return context != NULL;
}

#define SSL_set_session_id_context(ssl, context, len) forget(context)
#include "tls/session_context.c"
