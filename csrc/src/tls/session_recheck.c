/* SPDX-License-Identifier: Apache-2.0
 *
 * Does everything that a session rests on still hold? Asked before a session is used and again
 * after the handshake that used it.
 */
#include "base/clock.h"
#include "id/spiffe_id.h"
#include "tls/session.h"
#include "tls/shed.h"
#include "tls/verify_callback.h"
#include "verify/peer.h"

/* By either clock: one of them may have been set back (or forward), the other may be another
 * machine's after a migration. */
static hf_result check_age(const struct hf_config *config, const struct hf_session_facts *facts,
                           int64_t now)
{
    int64_t max_age = config->session_max_age;
    int64_t monotonic = hf_clock_monotonic();
    HF_NEED_SEEN(now >= facts->authenticated_at &&
                     hf_clock_distance(facts->authenticated_at, now) < max_age &&
                     monotonic >= facts->authenticated_monotonic &&
                     hf_clock_distance(facts->authenticated_monotonic, monotonic) < max_age,
                 HF_E_SESSION_EXPIRED, "a session within its maximal age",
                 "the peer's last proof of its key at %lld, now %lld",
                 (long long)facts->authenticated_at, (long long)now);
    return hf_ok();
}

static hf_result check_window(const struct hf_peer *peer, int64_t now)
{
    HF_NEED_SEEN(now >= peer->not_before, HF_E_CERT_NOT_YET_VALID,
                 "a session within the validity of the whole chain", "valid from %lld, now %lld",
                 (long long)peer->not_before, (long long)now);
    HF_NEED_SEEN(now < peer->not_after, HF_E_CERT_EXPIRED,
                 "a session within the validity of the whole chain", "valid until %lld, now %lld",
                 (long long)peer->not_after, (long long)now);
    return hf_ok();
}

/* In a full handshake we would show an SVID that is over, and be refused for it. */
static hf_result check_own(const struct hf_svid *svid, const struct hf_session_facts *facts,
                           int64_t now)
{
    HF_NEED_SEEN(svid != NULL && now >= svid->not_before && now < svid->not_after &&
                     now < facts->own_not_after,
                 HF_E_SESSION_EXPIRED, "a session within the validity of our own SVID",
                 "one that began with an SVID which is not valid now, %lld", (long long)now);
    return hf_ok();
}

/* The bundle's content is what it was: the verdict on the chain is, too, within its window. Not
 * where revocation lists are asked, which have dates and contents of their own: the chain is judged
 * by those of now, which costs little for one that is in the cache. */
static bool same_verdict(const struct hf_verifier *verifier, const struct hf_peer *peer)
{
    if (verifier->crl_policy != 0) {
        return false;
    }
    struct hf_span domain = hf_span_of(peer->id + HF_SPIFFE_SCHEME_LEN, peer->trust_domain_len);
    const struct hf_bundle *bundle = hf_bundle_set_find(verifier->bundles, domain);
    return bundle != NULL && bundle->count != 0 &&
           hf_mem_equal(bundle->digest, HF_DIGEST_SIZE, peer->bundle_digest, HF_DIGEST_SIZE);
}

static hf_result judge_anew(const struct hf_config *config, const struct hf_session_facts *facts,
                            int64_t now, struct hf_peer *out)
{
    struct hf_chain chain = hf_presented_view(facts->presented);
    const struct hf_presented presented = {
        .chain = &chain,
        .at = now,
        .purpose = config->role == HF_ROLE_SERVER ? HF_PURPOSE_CLIENT : HF_PURPOSE_SERVER,
    };
    return hf_verifier_judge(config->verifier, &presented, NULL, out);
}

hf_result hf_session_recheck(const struct hf_config *config, const struct hf_session_facts *facts,
                             struct hf_peer *out)
{
    int64_t now = hf_clock_now();
    hf_peer_clear(out);
    HF_NEED_SEEN(config->session_max_age != 0, HF_E_PROTOCOL, "a full handshake",
                 "a resumed session");
    HF_NEED_SEEN(facts != NULL, HF_E_PROTOCOL, "a session of ours", "one without what we know");
    HF_NEED_SEEN(
        hf_mem_equal(facts->context, HF_DIGEST_SIZE, config->session_context, HF_DIGEST_SIZE),
        HF_E_PROTOCOL, "a session of this configuration", "one of another");
    HF_TRY(check_age(config, facts, now));
    HF_TRY(check_own(config->svid, facts, now));
    HF_NEED(hf_mem_copy(out, sizeof(*out), facts->peer, facts->peer_len), HF_E_INTERNAL);
    hf_result r = check_window(out, now);
    if (!hf_is_ok(r)) {
        hf_peer_clear(out);
        return r;
    }
    if (same_verdict(config->verifier, out)) {
        return hf_verifier_authorize(config->verifier, out);
    }
    hf_peer_clear(out);
    return judge_anew(config, facts, now, out);
}

void hf_session_begin(struct hf_conn *conn)
{
    const struct hf_svid *svid = conn->config->svid;
    conn->authenticated_at = hf_clock_now();
    conn->authenticated_monotonic = hf_clock_monotonic();
    conn->own_not_after = svid == NULL ? INT64_MAX : svid->not_after;
}

hf_result hf_session_admit(struct hf_conn *conn)
{
    struct hf_peer peer;
    const struct hf_session_facts *facts = hf_session_facts_of(SSL_get0_session(conn->ssl));
    HF_TRY(hf_session_recheck(conn->config, facts, &peer));
    HF_NEED_SEEN(conn->verdict == NULL && conn->presented == NULL, HF_E_PROTOCOL,
                 "no certificates beside a resumed session", "some");
    struct hf_chain chain = hf_presented_view(facts->presented);
    X509 *leaf = SSL_get0_peer_certificate(conn->ssl);
    /* Where connections shed OpenSSL's certificates (shed.h) their sessions have none; everywhere
     * else a session without one is not ours. */
    if (leaf != NULL || !hf_shed_possible()) {
        HF_TRY(hf_same_bytes(leaf, hf_span_of(chain.der, chain.lengths[0]), 0));
    }
    conn->presented = hf_presented_ref(facts->presented);
    conn->authenticated_at = facts->authenticated_at;
    conn->authenticated_monotonic = facts->authenticated_monotonic;
    conn->own_not_after = facts->own_not_after;
    return hf_verdict_bind(conn, &peer, leaf);
}
