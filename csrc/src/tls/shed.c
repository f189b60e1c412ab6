/* SPDX-License-Identifier: Apache-2.0
 *
 * An idle connection is mostly what its handshake left behind: certificates of the peer as trees of
 * small blocks (5 KB each), both ends' temporary keys, running digests, lists of what was offered.
 * Nothing in libssl gives them back before SSL_free(), so the pinned build reaches inside. Why this
 * is sound:
 *   - The structures are those of the library: the headers come out of the very sources that it was
 *     built from (tools/openssl_changes.py), so the compiler knows each member's place; and before
 *     anything is touched, members of every region are compared with what libssl's own functions
 *     say. When they differ nothing is done.
 *   - Everything here is freed as ssl3_free(), SSL_free() and SSL_SESSION_free() do, and left NULL
 *     as SSL_new() does; those look for NULL.
 *   - What an open connection still does was read for each member: data, alerts, KeyUpdate,
 *     tickets, exporters and resumption use the record layers, the traffic, exporter and resumption
 *     secrets, the cipher and `cert` alone. What would need the rest (renegotiation,
 *     post-handshake authentication) is off here, and fails in libssl for lack of a digest.
 *   - The private half of the key exchange is gone as soon as it is of no use.
 */
#include "tls/shed.h"

#ifdef HF_OPENSSL_PINNED

/* Another series of OpenSSL: read ssl/ssl_local.h and the users of these members again. */
#if OPENSSL_VERSION_MAJOR != 3 || OPENSSL_VERSION_MINOR != 5
#error "shed.c was written for OpenSSL 3.5"
#endif

/* Of the pinned sources: csrc/cmake/OpenSSL.cmake. */
#include <internal/ssl_unwrap.h>
#include <ssl_local.h>

/* The library and this file agree on where things are. */
static bool same_layout(SSL_CONNECTION *s, SSL *ssl)
{
    EVP_PKEY *theirs = NULL;
    EVP_PKEY *ours = NULL;
    (void)SSL_get_peer_tmp_key(ssl, &theirs);
    (void)SSL_get_tmp_key(ssl, &ours);
    bool same = s->session != NULL && s->session == SSL_get0_session(ssl) &&
                s->session->peer == SSL_get0_peer_certificate(ssl) &&
                s->session->peer_chain == SSL_get_peer_cert_chain(ssl) &&
                s->s3.peer_tmp == theirs && s->s3.tmp.pkey == ours &&
                s->peer_ciphers == SSL_get_client_ciphers(ssl) &&
                s->num_tickets == SSL_get_num_tickets(ssl);
    EVP_PKEY_free(theirs);
    EVP_PKEY_free(ours);
    return same;
}

static void shed_keys(SSL_CONNECTION *s)
{
    for (size_t i = 0; i < s->s3.tmp.num_ks_pkey; i++) {
        if (s->s3.tmp.pkey == s->s3.tmp.ks_pkey[i]) {
            s->s3.tmp.pkey = NULL;
        }
        EVP_PKEY_free(s->s3.tmp.ks_pkey[i]);
        s->s3.tmp.ks_pkey[i] = NULL;
    }
    s->s3.tmp.num_ks_pkey = 0;
    EVP_PKEY_free(s->s3.tmp.pkey);
    s->s3.tmp.pkey = NULL;
    EVP_PKEY_free(s->s3.peer_tmp);
    s->s3.peer_tmp = NULL;
}

static void shed_digests(SSL_CONNECTION *s)
{
    ssl3_free_digest_list(s); /* the messages themselves, too, after a resumption */
    EVP_MD_CTX_free(s->pha_dgst);
    s->pha_dgst = NULL;
}

static void shed_offers(SSL_CONNECTION *s)
{
    /* For verifying chains; one that came now would be refused for its place. */
    X509_VERIFY_PARAM_free(s->param);
    s->param = NULL;
    sk_SSL_CIPHER_free(s->peer_ciphers);
    s->peer_ciphers = NULL;
    OPENSSL_free(s->s3.tmp.peer_sigalgs);
    s->s3.tmp.peer_sigalgs = NULL;
    s->s3.tmp.peer_sigalgslen = 0;
    OPENSSL_free(s->s3.tmp.peer_cert_sigalgs);
    s->s3.tmp.peer_cert_sigalgs = NULL;
    s->s3.tmp.peer_cert_sigalgslen = 0;
    OPENSSL_free(s->shared_sigalgs);
    s->shared_sigalgs = NULL;
    s->shared_sigalgslen = 0;
    OPENSSL_free(s->ext.peer_supportedgroups);
    s->ext.peer_supportedgroups = NULL;
    s->ext.peer_supportedgroups_len = 0;
}

/* Each SSL has a copy of its context's chain, key and algorithm lists, to be changed for this
 * connection alone. Nobody does, and contexts do not change, so the context's own serve; libssl
 * takes the context's groups by itself when there are no others. */
static void share_context_settings(SSL_CONNECTION *s)
{
    CERT *shared = s->ssl.ctx->cert;
    int references = 0;
    if (CRYPTO_UP_REF(&shared->references, &references) != 1) {
        return;
    }
    ssl_cert_free(s->cert);
    s->cert = shared;
    s->s3.tmp.cert = NULL; /* pointed into the copy */
    OPENSSL_free(s->s3.tmp.valid_flags);
    s->s3.tmp.valid_flags = NULL;
    sk_SSL_CIPHER_free(s->tls13_ciphersuites);
    s->tls13_ciphersuites = NULL;
    OPENSSL_free(s->ext.supportedgroups);
    s->ext.supportedgroups = NULL;
    s->ext.supportedgroups_len = 0;
    OPENSSL_free(s->ext.keyshares);
    s->ext.keyshares = NULL;
    s->ext.keyshares_len = 0;
    OPENSSL_free(s->ext.tuples);
    s->ext.tuples = NULL;
    s->ext.tuples_len = 0;
}

bool hf_shed_possible(void)
{
    return true;
}

bool hf_shed_handshake(SSL *ssl)
{
    SSL_CONNECTION *s = SSL_CONNECTION_FROM_SSL(ssl);
    if (s == NULL || SSL_is_init_finished(ssl) != 1 || !same_layout(s, ssl)) {
        return false;
    }
    shed_keys(s);
    shed_digests(s);
    shed_offers(s);
    share_context_settings(s);
    return true;
}

bool hf_shed_certificates(SSL *ssl)
{
    SSL_CONNECTION *s = SSL_CONNECTION_FROM_SSL(ssl);
    if (s == NULL || SSL_is_init_finished(ssl) != 1 || !same_layout(s, ssl)) {
        return false;
    }
    X509_free(s->session->peer);
    s->session->peer = NULL;
    sk_X509_pop_free(s->session->peer_chain, X509_free);
    s->session->peer_chain = NULL;
    return true;
}

#else

bool hf_shed_possible(void)
{
    return false;
}

bool hf_shed_certificates(SSL *ssl)
{
    (void)ssl;
    return false;
}

bool hf_shed_handshake(SSL *ssl)
{
    (void)ssl;
    return false;
}

#endif
