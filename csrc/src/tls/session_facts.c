/* SPDX-License-Identifier: Apache-2.0
 *
 * What a session carries, as OpenSSL's ex_data of it: copied with it, freed with it.
 */
#include <pthread.h>

#include "tls/session.h"
#include "verify/peer.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int facts_index = -1;

void hf_session_facts_unref(struct hf_session_facts *facts)
{
    if (facts == NULL || !hf_refcount_drop(&facts->refs)) {
        return;
    }
    hf_presented_unref(facts->presented);
    hf_mem_free(facts);
}

static void free_facts(void *parent, void *facts, CRYPTO_EX_DATA *data, int index, long arg,
                       void *pointer)
{
    (void)parent;
    (void)data;
    (void)index;
    (void)arg;
    (void)pointer;
    hf_session_facts_unref(facts);
}

/* `from` points to the pointer that the copy gets. */
static int copy_facts(CRYPTO_EX_DATA *to, const CRYPTO_EX_DATA *source, void **from, int index,
                      long arg, void *pointer)
{
    struct hf_session_facts *facts = *from;
    (void)to;
    (void)source;
    (void)index;
    (void)arg;
    (void)pointer;
    if (facts != NULL) {
        hf_refcount_take(&facts->refs);
    }
    return 1;
}

static void take_index(void)
{
    facts_index = SSL_SESSION_get_ex_new_index(0, NULL, NULL, copy_facts, free_facts);
}

hf_result hf_session_init(void)
{
    HF_NEED(pthread_once(&once, take_index) == 0 && facts_index >= 0, HF_E_OUT_OF_MEMORY);
    return hf_ok();
}

const struct hf_session_facts *hf_session_facts_of(const SSL_SESSION *session)
{
    return SSL_SESSION_get_ex_data(session, facts_index);
}

hf_result hf_session_facts_new(const struct hf_session_facts *head, const struct hf_peer *peer,
                               struct hf_session_facts **out)
{
    size_t peer_len = offsetof(struct hf_peer, id) + peer->id_len + 1;
    struct hf_session_facts *facts = hf_mem_new(sizeof(*facts) + peer_len);
    HF_NEED_MEM(facts);
    *facts = *head;
    hf_refcount_init(&facts->refs);
    facts->presented = NULL;
    facts->peer_len = peer_len;
    (void)hf_mem_copy(facts->peer, peer_len, peer, peer_len);
    *out = facts;
    return hf_ok();
}

static hf_result make_facts(const struct hf_conn *conn, struct hf_session_facts **out)
{
    struct hf_peer peer;
    const struct hf_verdict *verdict = conn->verdict;
    struct hf_session_facts head = {
        .authenticated_at = conn->authenticated_at,
        .authenticated_monotonic = conn->authenticated_monotonic,
        .own_not_after = conn->own_not_after,
    };
    HF_NEED(verdict != NULL && conn->presented != NULL, HF_E_INTERNAL);
    hf_peer_clear(&peer);
    HF_NEED(hf_mem_copy(&peer, sizeof(peer), verdict->peer, verdict->peer_len) &&
                hf_mem_copy(head.context, HF_DIGEST_SIZE, conn->config->session_context,
                            HF_DIGEST_SIZE),
            HF_E_INTERNAL);
    HF_TRY(hf_session_facts_new(&head, &peer, out));
    (*out)->presented = hf_presented_ref(conn->presented);
    return hf_ok();
}

hf_result hf_session_facts_put(SSL_SESSION *session, struct hf_session_facts *facts)
{
    struct hf_session_facts *before = SSL_SESSION_get_ex_data(session, facts_index);
    if (SSL_SESSION_set_ex_data(session, facts_index, facts) != 1) {
        hf_session_facts_unref(facts);
        HF_FAIL(HF_E_OUT_OF_MEMORY);
    }
    /* A session that descends from another came with that one's. */
    hf_session_facts_unref(before);
    return hf_ok();
}

void hf_session_facts_drop(SSL_SESSION *session)
{
    struct hf_session_facts *facts = SSL_SESSION_get_ex_data(session, facts_index);
    if (facts != NULL && SSL_SESSION_set_ex_data(session, facts_index, NULL) == 1) {
        hf_session_facts_unref(facts);
    }
}

hf_result hf_session_facts_attach(const struct hf_conn *conn, SSL_SESSION *session)
{
    struct hf_session_facts *facts = NULL;
    HF_TRY(make_facts(conn, &facts));
    return hf_session_facts_put(session, facts);
}
