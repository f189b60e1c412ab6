/* SPDX-License-Identifier: Apache-2.0
 *
 * R5, R6: what a session carries, and the look at it, by themselves: given what OpenSSL and the
 * rest of the engine never give them, and without memory.
 */
#include "hf_test.h"
#include "ossl_memory.h"
#include "resume_kit.h"
#include "tls/session.h"
#include "verify/peer.h"

static struct resume_world world;

/* ---- whose they are ----------------------------------------------------------------------- */

/* Two references: one for a session, one to see whether it is the last. */
static struct hf_session_facts *some_facts(void)
{
    static const struct hf_session_facts head;
    struct hf_session_facts *facts;
    struct hf_peer nobody;
    hf_peer_clear(&nobody);
    HF_CHECK_OK(hf_session_facts_new(&head, &nobody, &facts));
    HF_CHECK(facts->presented == NULL);
    hf_refcount_take(&facts->refs);
    return facts;
}

static bool is_the_last(struct hf_session_facts *facts)
{
    bool last = hf_refcount_drop(&facts->refs);
    hf_mem_free(facts);
    return last;
}

static void what_is_replaced_or_dropped_is_let_go(void)
{
    SSL_SESSION *session = SSL_SESSION_new();
    struct hf_session_facts *first = some_facts();
    struct hf_session_facts *second = some_facts();
    HF_CHECK_OK(hf_library_init());
    HF_CHECK_OK(hf_session_init());
    hf_session_facts_drop(session);
    HF_CHECK_OK(hf_session_facts_put(session, first));
    HF_CHECK(hf_session_facts_of(session) == first);
    HF_CHECK_OK(hf_session_facts_put(session, second));
    HF_CHECK(hf_session_facts_of(session) == second);
    HF_CHECK(is_the_last(first));
    hf_session_facts_drop(session);
    HF_CHECK(hf_session_facts_of(session) == NULL);
    HF_CHECK(is_the_last(second));
    SSL_SESSION_free(session);
}

/* D7: a session that cannot have them has none, and they are gone. */
static void without_memory_a_session_has_none(void)
{
    size_t k = 0;
    for (bool came = true; came && k < 100;) {
        SSL_SESSION *session = SSL_SESSION_new();
        struct hf_session_facts *facts = some_facts();
        atomic_store(&countdown, ++k);
        hf_result r = hf_session_facts_put(session, facts);
        came = atomic_exchange(&countdown, 0) == 0;
        HF_CHECK_CODE(r, came ? HF_E_OUT_OF_MEMORY : HF_OK);
        HF_CHECK((hf_session_facts_of(session) == facts) == !came);
        SSL_SESSION_free(session);
        HF_CHECK(is_the_last(facts));
    }
    HF_CHECK(k > 1);
}

/* What an open connection needs of them it has itself. */
static void an_open_connection_holds_none(void)
{
    for (size_t way = 0; way < RESUME_WAYS; way++) {
        resume_start_way(&world, way);
        HF_CHECK(resume_meets_anew(&world) && resume_resumes(&world));
        HF_CHECK(hf_session_facts_of(SSL_get0_session(world.pair.client.conn->ssl)) == NULL);
        HF_CHECK(hf_session_facts_of(SSL_get0_session(world.pair.server.conn->ssl)) == NULL);
        resume_finish(&world);
    }
}

/* ---- the look ----------------------------------------------------------------------------- */

/* The context is a part of what is looked at, after OpenSSL has compared its own as well. */
static void the_context_changes_between_the_looks(void)
{
    for (size_t way = 1; way < RESUME_WAYS; way += 2) {
        resume_start_way(&world, way);
        HF_CHECK(resume_meets_anew(&world));
        resume_prepare(&world);
        tls_step(&world.pair.client);
        HF_CHECK(tls_carry(&world.pair.client, &world.pair.server, SIZE_MAX) != 0);
        world.pair.server.conn->config->session_context[0] ^= 1;
        tls_drive(&world.pair.client, &world.pair.server, SIZE_MAX);
        HF_CHECK_CODE(world.pair.server.result, HF_E_PROTOCOL);
        resume_finish(&world);
    }
}

/* The server's session of an open connection, with facts. */
static SSL_SESSION *with_facts(const struct hf_conn *conn)
{
    SSL_SESSION *session = SSL_get_session(conn->ssl);
    HF_CHECK_OK(hf_session_facts_attach(conn, session));
    return session;
}

/* P7: whatever does not hold, nobody is named. */
static void a_look_that_refuses_names_nobody(void)
{
    struct hf_peer peer;
    resume_start(&world, HF_TLS13);
    resume_renew(&world.client, TLS_CLIENT_ID, 300);
    HF_CHECK(resume_meets_anew(&world));
    struct hf_conn *conn = world.pair.server.conn;
    const struct hf_session_facts *facts = hf_session_facts_of(with_facts(conn));
    HF_CHECK_OK(hf_session_recheck(conn->config, facts, &peer));
    HF_CHECK(peer.id_len == sizeof(TLS_CLIENT_ID) - 1);
    HF_CHECK_CODE(hf_session_recheck(conn->config, NULL, &peer), HF_E_PROTOCOL);
    HF_CHECK(peer.id_len == 0);
    HF_CHECK_OK(hf_session_recheck(conn->config, facts, &peer));
    resume_clock(300);
    HF_CHECK_CODE(hf_session_recheck(conn->config, facts, &peer), HF_E_CERT_EXPIRED);
    HF_CHECK(peer.id_len == 0);
    hf_session_facts_drop(SSL_get_session(conn->ssl));
    resume_finish(&world);
}

/* The second look at a connection that has this much of a verdict already. */
static hf_result admit_with(struct hf_conn *conn, bool verdict, bool presented)
{
    struct hf_verdict *own = conn->verdict;
    struct hf_presented_chain *chain = conn->presented;
    conn->verdict = verdict ? own : NULL;
    conn->presented = presented ? chain : NULL;
    hf_result r = hf_session_admit(conn);
    if (!verdict) {
        hf_mem_free(conn->verdict);
    }
    if (!presented) {
        hf_presented_unref(conn->presented);
    }
    conn->verdict = own;
    conn->presented = chain;
    return r;
}

/* R6: one handshake, one verdict. OpenSSL asks for none when it resumes. */
static void nobody_is_judged_twice(void)
{
    resume_start(&world, HF_TLS13);
    HF_CHECK(resume_meets_anew(&world));
    struct hf_conn *conn = world.pair.server.conn;
    SSL_SESSION *session = with_facts(conn);
    HF_CHECK_OK(admit_with(conn, false, false));
    HF_CHECK_CODE(admit_with(conn, true, true), HF_E_PROTOCOL);
    HF_CHECK_CODE(admit_with(conn, true, false), HF_E_PROTOCOL);
    HF_CHECK_CODE(admit_with(conn, false, true), HF_E_PROTOCOL);
    hf_session_facts_drop(session);
    resume_finish(&world);
}

/* Where OpenSSL has the peer's certificate it is the one of the facts: of a server that has not
 * sent its ticket yet, which takes it along. */
static void it_is_the_certificate_that_openssl_has(void)
{
    resume_start_tickets(&world, HF_TLS13);
    resume_prepare(&world);
    tls_drive(&world.pair.client, &world.pair.server, SIZE_MAX);
    HF_CHECK(resume_both_open(&world));
    struct hf_conn *conn = world.pair.server.conn;
    HF_CHECK(SSL_get0_peer_certificate(conn->ssl) != NULL);
    SSL_SESSION *session = with_facts(conn);
    HF_CHECK_OK(admit_with(conn, false, false));
    uint8_t *last = &conn->presented->der[conn->presented->der_len - 1];
    *last ^= 1;
    HF_CHECK_CODE(admit_with(conn, false, false), HF_E_DER_VALUE);
    HF_CHECK(kit_depth() == 0);
    *last ^= 1;
    hf_session_facts_drop(session);
    resume_finish(&world);
}

HF_TESTS({"what is replaced or dropped is let go", what_is_replaced_or_dropped_is_let_go},
         {"without memory a session has none", without_memory_a_session_has_none},
         {"an open connection holds none", an_open_connection_holds_none},
         {"the context changes between the looks", the_context_changes_between_the_looks},
         {"a look that refuses names nobody", a_look_that_refuses_names_nobody},
         {"nobody is judged twice", nobody_is_judged_twice},
         {"it is the certificate that OpenSSL has", it_is_the_certificate_that_openssl_has})
