/* SPDX-License-Identifier: Apache-2.0
 *
 * R6: both ends believe what a resumed session says, without the second look. The tests must
 * notice.
 */
/* RUNS: test_tls_resume_checks */
/* EXPECT: FAILED: the second look of a server */
#include "tls/session.h"

#define hf_session_admit seeing_admit
#include "tls/session_recheck.c"
#undef hf_session_admit

hf_result hf_session_admit(struct hf_conn *conn)
{
    const struct hf_session_facts *facts = hf_session_facts_of(SSL_get0_session(conn->ssl));
    struct hf_peer peer;
    hf_peer_clear(&peer);
    HF_NEED(facts != NULL && hf_mem_copy(&peer, sizeof(peer), facts->peer, facts->peer_len),
            HF_E_INTERNAL);
    conn->presented = hf_presented_ref(facts->presented);
    conn->authenticated_at = facts->authenticated_at;
    conn->authenticated_monotonic = facts->authenticated_monotonic;
    conn->own_not_after = facts->own_not_after;
    return hf_verdict_bind(conn, &peer, SSL_get0_peer_certificate(conn->ssl));
}
