/* SPDX-License-Identifier: Apache-2.0
 *
 * What a session carries, as OpenSSL's ex_data of it: copied with it, freed with it.
 */
#include <pthread.h>

#include "tls/session.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int facts_index = -1;

static void facts_unref(struct hf_session_facts *facts)
{
    if (facts == NULL || !hf_refcount_drop(&facts->refs)) {
        return;
    }
    hf_mem_free(facts->presented);
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
    facts_unref(facts);
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

static hf_result make_facts(const struct hf_conn *conn, struct hf_session_facts **out)
{
    const struct hf_verdict *verdict = conn->verdict;
    const struct hf_presented_chain *presented = conn->presented;
    HF_NEED(verdict != NULL && presented != NULL, HF_E_INTERNAL);
    struct hf_session_facts *facts = hf_mem_new(sizeof(*facts) + verdict->peer_len);
    HF_NEED_MEM(facts);
    hf_refcount_init(&facts->refs);
    facts->presented = hf_presented_copy(presented);
    facts->authenticated_at = conn->authenticated_at;
    facts->authenticated_monotonic = conn->authenticated_monotonic;
    facts->peer_len = verdict->peer_len;
    if (facts->presented == NULL ||
        !hf_mem_copy(facts->peer, facts->peer_len, verdict->peer, verdict->peer_len) ||
        !hf_mem_copy(facts->context, HF_DIGEST_SIZE, conn->config->session_context,
                     HF_DIGEST_SIZE)) {
        facts_unref(facts);
        HF_FAIL(HF_E_OUT_OF_MEMORY);
    }
    *out = facts;
    return hf_ok();
}

hf_result hf_session_facts_attach(const struct hf_conn *conn, SSL_SESSION *session)
{
    struct hf_session_facts *facts = NULL;
    struct hf_session_facts *before = SSL_SESSION_get_ex_data(session, facts_index);
    HF_TRY(make_facts(conn, &facts));
    if (SSL_SESSION_set_ex_data(session, facts_index, facts) != 1) {
        facts_unref(facts);
        HF_FAIL(HF_E_OUT_OF_MEMORY);
    }
    /* A session that descends from another came with that one's. */
    facts_unref(before);
    return hf_ok();
}
