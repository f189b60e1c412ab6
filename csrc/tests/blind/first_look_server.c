/* SPDX-License-Identifier: Apache-2.0
 *
 * R6: a server that takes whatever session it finds. The tests must notice.
 */
/* RUNS: test_tls_resume_checks */
/* A refusal by the second look comes where a full handshake was to follow. */
/* EXPECT: resume_kit: broken (valid until */
#include "tls/session.h"
#include "verify/peer.h"

static hf_result believe(const struct hf_config *config, const struct hf_session_facts *facts,
                         struct hf_peer *out)
{
    (void)config;
    (void)facts;
    hf_peer_clear(out);
    return hf_ok();
}

#define hf_session_recheck believe
#include "tls/session_callbacks.c"
