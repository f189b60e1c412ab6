/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is refused, why, and what the refused peer is told. Every refusal is tried with the bad peer
 * as the client and as the server.
 */
#include <string.h>

#include "hf_test.h"
#include "tls_kit.h"

static struct tls_who good;
static struct tls_who bad;

#ifdef HF_OPENSSL_PINNED
#define EXPECT_ACCESS_DENIED HF_ALERT_ACCESS_DENIED
#else
#define EXPECT_ACCESS_DENIED HF_ALERT_CERTIFICATE_UNKNOWN
#endif

/* A refusal is final: it is repeated, nothing can be read or written, nothing is known. */
static void check_failed_for_good(struct tls_end *end, uint32_t code)
{
    uint8_t byte;
    size_t len;
    int done;
    uint32_t want;
    struct hf_peer peer;
    struct hf_error again;
    HF_CHECK_CODE(hf_conn_handshake(end->conn, &done, &want), code);
    HF_CHECK(done == 0);
    hf_error_copy(&again);
    HF_CHECK(strcmp(again.seen, end->error.seen) == 0 && again.alert == end->error.alert);
    HF_CHECK_CODE(hf_conn_read(end->conn, &byte, 1, &len, &want), code);
    HF_CHECK(len == 0);
    HF_CHECK_CODE(hf_conn_write(end->conn, (const uint8_t *)"x", 1), code);
    HF_CHECK_CODE(hf_conn_receive(end->conn, (const uint8_t *)"x", 1), code);
    HF_CHECK_CODE(hf_conn_close(end->conn), code);
    HF_CHECK_CODE(hf_conn_peer(end->conn, &peer), HF_E_WRONG_STATE);
    HF_CHECK(peer.id_len == 0);
    HF_CHECK(hf_conn_pending_in(end->conn) == 0);
}

static void check_pair(struct tls_pair *pair, struct tls_end *judge, uint32_t code, int alert)
{
    struct tls_end *refused = judge == &pair->server ? &pair->client : &pair->server;
    HF_CHECK_CODE(judge->result, code);
    HF_CHECK(!judge->done);
    HF_CHECK(judge->error.alert == alert);
    HF_CHECK_CODE(refused->result, HF_E_PEER_ALERT);
    if (!HF_CHECK(refused->error.alert == alert)) {
        (void)fprintf(stderr, "    alert %d, expected %d\n", refused->error.alert, alert);
    }
    check_failed_for_good(judge, code);
}

/* `bad` as it is now, in the role it has and in the other. */
static void check_refused_in_role(uint32_t code, int alert)
{
    struct tls_pair pair;
    if (bad.role == HF_ROLE_CLIENT) {
        tls_pair_run(&pair, &bad, &good);
        check_pair(&pair, &pair.server, code, alert);
    } else {
        tls_pair_run(&pair, &good, &bad);
        check_pair(&pair, &pair.client, code, alert);
    }
    tls_pair_free(&pair);
}

static void check_refused(void (*spoil)(void), uint32_t code, int alert)
{
    for (int role = HF_ROLE_CLIENT; role <= HF_ROLE_SERVER; role++) {
        tls_who(&bad, role);
        tls_who(&good, HF_ROLE_CLIENT + HF_ROLE_SERVER - role);
        spoil();
        check_refused_in_role(code, alert);
    }
}

static const char *bad_id(void)
{
    return bad.role == HF_ROLE_CLIENT ? TLS_CLIENT_ID : TLS_SERVER_ID;
}

static void start_leaf(struct pki_spec *spec)
{
    pki_leaf(spec, "root", bad_id(), KIT_LEAF_KEY);
}

static void make_expired(void)
{
    struct pki_spec spec;
    start_leaf(&spec);
    spec.not_after = PKI_NOW - 60;
    tls_who_leaf(&bad, &spec, KIT_LEAF_KEY);
}

static void expired(void)
{
    check_refused(make_expired, HF_E_CERT_EXPIRED, HF_ALERT_CERTIFICATE_EXPIRED);
}

static void make_early(void)
{
    struct pki_spec spec;
    start_leaf(&spec);
    spec.not_before = PKI_NOW + 60;
    tls_who_leaf(&bad, &spec, KIT_LEAF_KEY);
}

static void not_yet_valid(void)
{
    check_refused(make_early, HF_E_CERT_NOT_YET_VALID, HF_ALERT_CERTIFICATE_EXPIRED);
}

/* The bad one trusts "root" as before, but is signed by another. */
static void make_unknown(void)
{
    struct pki_spec spec;
    pki_leaf(&spec, "other root", bad_id(), KIT_LEAF_KEY);
    pki_make(&spec, KIT_KEY(3), &bad.chain[0]);
    bad.key = KIT_LEAF_KEY;
}

static void unknown_authority(void)
{
    check_refused(make_unknown, HF_E_UNKNOWN_AUTHORITY, HF_ALERT_UNKNOWN_CA);
}

/* P1: the authority is trusted, but not for the trust domain that the ID names. */
static void make_foreign(void)
{
    struct pki_spec spec;
    pki_leaf(&spec, "root", "spiffe://b.example/client", KIT_LEAF_KEY);
    tls_who_leaf(&bad, &spec, KIT_LEAF_KEY);
}

static void another_trust_domain(void)
{
    check_refused(make_foreign, HF_E_UNKNOWN_TRUST_DOMAIN, HF_ALERT_UNKNOWN_CA);
}

static void make_unauthorized(void)
{
    static const char other[] = "spiffe://a.example/other";
    static const struct hf_policy_node only_other = {
        .op = HF_POLICY_EXACTLY, .text = (const uint8_t *)other, .len = sizeof(other) - 1};
    good.policy = &only_other;
    good.policy_count = 1;
}

static void not_authorized(void)
{
    check_refused(make_unauthorized, HF_E_NOT_AUTHORIZED, EXPECT_ACCESS_DENIED);
}

static void make_two_uris(void)
{
    struct pki_spec spec;
    const struct pki_name names[] = {{PKI_URI, der_text(TLS_CLIENT_ID)},
                                     {PKI_URI, der_text(TLS_SERVER_ID)}};
    start_leaf(&spec);
    pki_set_san(&spec, true, names, 2);
    tls_who_leaf(&bad, &spec, KIT_LEAF_KEY);
}

static void make_wrong_eku(void)
{
    struct pki_spec spec;
    const char *const email[] = {PKI_OID_EMAIL};
    start_leaf(&spec);
    pki_set_eku(&spec, false, email, 1);
    tls_who_leaf(&bad, &spec, KIT_LEAF_KEY);
}

/* What our own side would not even load has to come from a plain peer. */
static void check_plain_refused(void (*spoil)(void), uint32_t code, int alert)
{
    for (int role = HF_ROLE_CLIENT; role <= HF_ROLE_SERVER; role++) {
        struct tls_end plain;
        struct tls_end ours;
        tls_who(&bad, role);
        tls_who(&good, HF_ROLE_CLIENT + HF_ROLE_SERVER - role);
        spoil();
        SSL_CTX *ctx = tls_plain_ctx(&bad);
        struct hf_config *config = tls_config(&good);
        tls_end_plain(&plain, ctx, role == HF_ROLE_SERVER);
        tls_end_conn(&ours, config);
        tls_drive(role == HF_ROLE_CLIENT ? &plain : &ours, role == HF_ROLE_CLIENT ? &ours : &plain,
                  SIZE_MAX);
        HF_CHECK_CODE(ours.result, code);
        HF_CHECK(ours.error.alert == alert);
        if (!HF_CHECK(plain.plain_alert == alert)) {
            (void)fprintf(stderr, "    alert %d, expected %d\n", plain.plain_alert, alert);
        }
        check_failed_for_good(&ours, code);
        tls_end_free(&plain);
        tls_end_free(&ours);
        SSL_CTX_free(ctx);
        hf_config_unref(config);
    }
}

static void two_identities(void)
{
    check_plain_refused(make_two_uris, HF_E_SVID_MANY_URI_SANS, HF_ALERT_BAD_CERTIFICATE);
}

static void wrong_purpose(void)
{
    check_plain_refused(make_wrong_eku, HF_E_SVID_EKU, HF_ALERT_UNSUPPORTED_CERTIFICATE);
}

static void make_bad_signature(void)
{
    struct pki_spec spec;
    start_leaf(&spec);
    pki_add_key_ids(&spec, KIT_KEY(0));
    spec.bad_signature = true;
    tls_who_leaf(&bad, &spec, KIT_LEAF_KEY);
}

static void a_wrong_signature_in_the_chain(void)
{
    check_plain_refused(make_bad_signature, HF_E_BAD_SIGNATURE, HF_ALERT_BAD_CERTIFICATE);
}

static void make_long_chain(void)
{
    for (size_t i = 1; i < 4; i++) {
        bad.chain[i] = bad.authority;
    }
    bad.chain_count = 4;
}

/* C10: nine certificates, each of them small. */
static void nine_certificates(void)
{
    for (int role = HF_ROLE_CLIENT; role <= HF_ROLE_SERVER; role++) {
        struct tls_end plain;
        struct tls_end ours;
        tls_who(&bad, role);
        tls_who(&good, HF_ROLE_CLIENT + HF_ROLE_SERVER - role);
        make_long_chain();
        SSL_CTX *ctx = tls_plain_ctx(&bad);
        for (int i = 0; i < 5; i++) {
            X509 *more;
            HF_CHECK_OK(hf_ossl_x509(pki_span(&bad.authority), &more));
            HF_CHECK(SSL_CTX_add0_chain_cert(ctx, more) == 1);
        }
        struct hf_config *config = tls_config(&good);
        tls_end_plain(&plain, ctx, role == HF_ROLE_SERVER);
        tls_end_conn(&ours, config);
        tls_drive(role == HF_ROLE_CLIENT ? &plain : &ours, role == HF_ROLE_CLIENT ? &ours : &plain,
                  SIZE_MAX);
        HF_CHECK_CODE(ours.result, HF_E_CHAIN_TOO_LONG);
        HF_CHECK(plain.plain_alert == HF_ALERT_BAD_CERTIFICATE);
        tls_end_free(&plain);
        tls_end_free(&ours);
        SSL_CTX_free(ctx);
        hf_config_unref(config);
    }
}

/* C10: over the size before anybody counts, and before they are all here. */
static void check_too_many(int count)
{
    struct tls_end plain;
    struct tls_end ours;
    tls_who(&bad, HF_ROLE_CLIENT);
    tls_who(&good, HF_ROLE_SERVER);
    SSL_CTX *ctx = tls_plain_ctx(&bad);
    X509 *more;
    HF_CHECK_OK(hf_ossl_x509(pki_span(&bad.authority), &more));
    for (int i = 0; i < count; i++) {
        HF_CHECK(SSL_CTX_add1_chain_cert(ctx, more) == 1);
    }
    X509_free(more);
    struct hf_config *config = tls_config(&good);
    tls_end_plain(&plain, ctx, false);
    tls_end_conn(&ours, config);
    tls_drive(&plain, &ours, SIZE_MAX);
    HF_CHECK_CODE(ours.result, HF_E_CHAIN_TOO_LARGE);
    HF_CHECK(hf_conn_pending_in(ours.conn) == 0);
    HF_CHECK(plain.plain_alert == HF_ALERT_ILLEGAL_PARAMETER);
    tls_end_free(&plain);
    tls_end_free(&ours);
    SSL_CTX_free(ctx);
    hf_config_unref(config);
}

static void a_hundred_certificates(void)
{
    check_too_many(100);
}

static void ten_megabytes_of_certificates(void)
{
    check_too_many(30000);
}

/* C14: a client without a certificate. */
static void no_certificate(void)
{
    for (int tls12 = 0; tls12 < 2; tls12++) {
        struct tls_end plain;
        struct tls_end ours;
        struct hf_chain chain;
        tls_who(&bad, HF_ROLE_CLIENT);
        tls_who(&good, HF_ROLE_SERVER);
        bad.chain_count = 0;
        good.min_version = HF_TLS12;
        SSL_CTX *ctx = tls_plain_ctx(&bad);
        HF_CHECK(SSL_CTX_set_max_proto_version(ctx, tls12 ? TLS1_2_VERSION : TLS1_3_VERSION) == 1);
        struct hf_config *config = tls_config(&good);
        tls_end_plain(&plain, ctx, false);
        tls_end_conn(&ours, config);
        tls_drive(&plain, &ours, SIZE_MAX);
        HF_CHECK_CODE(ours.result, HF_E_NO_CERTIFICATE);
        HF_CHECK(plain.plain_alert ==
                 (tls12 ? HF_ALERT_HANDSHAKE_FAILURE : HF_ALERT_CERTIFICATE_REQUIRED));
        HF_CHECK_CODE(hf_conn_presented(ours.conn, &chain), HF_E_WRONG_STATE);
        tls_end_free(&plain);
        tls_end_free(&ours);
        SSL_CTX_free(ctx);
        hf_config_unref(config);
    }
}

/* What was sent can be looked at after a refusal. */
static void the_refused_chain_is_kept_for_diagnosis(void)
{
    struct tls_pair pair;
    struct hf_chain chain;
    tls_who(&bad, HF_ROLE_CLIENT);
    tls_who(&good, HF_ROLE_SERVER);
    make_expired();
    tls_pair_run(&pair, &bad, &good);
    if (HF_CHECK_OK(hf_conn_presented(pair.server.conn, &chain))) {
        HF_CHECK(chain.count == 1 &&
                 hf_mem_equal(chain.der, chain.lengths[0], bad.chain[0].der, bad.chain[0].len));
    }
    HF_CHECK(strcmp(pair.server.error.claimed_id, TLS_CLIENT_ID) == 0);
    HF_CHECK(pair.server.error.depth == 0);
    HF_CHECK(pair.server.error.skew == 60);
    tls_pair_free(&pair);
}

static void refused_in_12_too(void)
{
    struct tls_pair pair;
    tls_who(&bad, HF_ROLE_CLIENT);
    tls_who(&good, HF_ROLE_SERVER);
    make_unauthorized();
    bad.min_version = good.min_version = HF_TLS12;
    struct hf_config *client = tls_config(&bad);
    struct hf_config *server = tls_config(&good);
    HF_CHECK(SSL_CTX_set_max_proto_version(client->ctx, TLS1_2_VERSION) == 1);
    tls_end_conn(&pair.client, client);
    tls_end_conn(&pair.server, server);
    tls_drive(&pair.client, &pair.server, SIZE_MAX);
    check_pair(&pair, &pair.server, HF_E_NOT_AUTHORIZED, EXPECT_ACCESS_DENIED);
    HF_CHECK(!pair.client.done); /* in 1.2 the client learns it within the handshake */
    tls_pair_free(&pair);
    hf_config_unref(client);
    hf_config_unref(server);
}

HF_TESTS({"expired", expired}, {"not yet valid", not_yet_valid},
         {"unknown authority", unknown_authority}, {"another trust domain", another_trust_domain},
         {"not authorized", not_authorized}, {"two identities", two_identities},
         {"wrong purpose", wrong_purpose},
         {"a wrong signature in the chain", a_wrong_signature_in_the_chain},
         {"nine certificates", nine_certificates},
         {"a hundred certificates", a_hundred_certificates},
         {"ten megabytes of certificates", ten_megabytes_of_certificates},
         {"no certificate", no_certificate},
         {"the refused chain is kept for diagnosis", the_refused_chain_is_kept_for_diagnosis},
         {"refused in 1.2 too", refused_in_12_too})
