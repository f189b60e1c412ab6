/* SPDX-License-Identifier: Apache-2.0
 *
 * What a ticket carries, changed: whatever is taken keeps within its limits,
 * hangs together, and says the same when it is written again. (Whole tickets
 * are authenticated by OpenSSL before.)
 *
 * Input: two bytes, the length of the peer's certificate; it; the facts. Nobody
 * guesses a digest, so each input is read as it is and once more with the
 * digest of the certificates that are in it.
 */
#include <stdlib.h>

#include "id/spiffe_id.h"
#include "tls/ticket_facts.h"
#include "tls/ticket_keys.h"
#include "verify/presented.h"

static void need(int holds)
{
    if (!holds) {
        abort();
    }
}

static void check(const struct hf_session_facts *facts)
{
    struct hf_peer peer;
    struct hf_spiffe_id id;
    uint8_t digest[HF_DIGEST_SIZE];
    struct hf_chain chain = hf_presented_view(facts->presented);
    need(facts->peer_len <= sizeof(peer));
    need(hf_mem_copy(&peer, sizeof(peer), facts->peer, facts->peer_len));
    need(peer.id_len <= HF_ID_MAX && peer.id[peer.id_len] == '\0');
    need(hf_is_ok(hf_spiffe_id_parse((const uint8_t *)peer.id, peer.id_len, &id)));
    need(id.trust_domain_len == peer.trust_domain_len);
    need(chain.count >= 1 && chain.count <= HF_CHAIN_MAX);
    need(facts->presented->der_len <= HF_TICKET_CHAIN_MAX);
    need(hf_is_ok(hf_chain_digest(&chain, digest)));
    need(hf_mem_equal(digest, sizeof(digest), peer.chain_digest, HF_DIGEST_SIZE));
}

/* Our machine's ticket, so that its steady clock is taken as it stands there.
 */
static void round_trip(const struct hf_session_facts *facts, struct hf_span data)
{
    static struct hf_ticket_keys *keys;
    struct hf_config config = {.role = HF_ROLE_SERVER};
    struct hf_conn conn = {.config = &config,
                           .presented = facts->presented,
                           .authenticated_at = facts->authenticated_at,
                           .authenticated_monotonic = facts->authenticated_monotonic,
                           .own_not_after = facts->own_not_after};
    uint8_t *again;
    size_t len;
    if (keys == NULL) {
        need(hf_is_ok(hf_ticket_keys_new(NULL, 0, &keys)));
    }
    config.tickets = keys;
    (void)hf_mem_copy(config.session_context, HF_DIGEST_SIZE, facts->context, HF_DIGEST_SIZE);
    conn.verdict = hf_mem_new(sizeof(*conn.verdict) + facts->peer_len);
    need(conn.verdict != NULL);
    conn.verdict->peer_len = facts->peer_len;
    (void)hf_mem_copy(conn.verdict->peer, facts->peer_len, facts->peer, facts->peer_len);
    need(hf_is_ok(hf_ticket_facts_write(&conn, &again, &len)));
    /* All but the number of the machine, and its clock, which stand together. */
    const size_t clock = 1 + HF_DIGEST_SIZE + 8;
    const size_t rest = clock + 8 + HF_TICKET_INSTANCE_SIZE;
    need(len == data.len && hf_mem_equal(again, clock, data.data, clock));
    need(hf_mem_equal(again + rest, len - rest, data.data + rest, len - rest));
    hf_mem_free(again);
    hf_mem_free(conn.verdict);
}

/* Where the chain's digest stands in the facts, and where the length of the ID.
 */
#define DIGEST_AT (1 + HF_DIGEST_SIZE + 8 + 8 + HF_TICKET_INSTANCE_SIZE + 8 + 5 * 8 + 4)
#define ID_AT (DIGEST_AT + 3 * HF_DIGEST_SIZE + 2)

static size_t number_at(const uint8_t *bytes)
{
    return (size_t)bytes[0] << 8 | bytes[1];
}

static void correct_digest(uint8_t *facts, size_t len, struct hf_span leaf)
{
    static uint8_t der[2 * 65536];
    uint32_t lengths[HF_CHAIN_MAX] = {(uint32_t)leaf.len};
    size_t der_len = leaf.len;
    size_t at = len < ID_AT + 2 ? len : ID_AT + 2 + number_at(facts + ID_AT);
    struct hf_chain chain = {der, lengths, 1};
    if (at >= len || leaf.len == 0 || !hf_mem_copy(der, sizeof(der), leaf.data, leaf.len)) {
        return;
    }
    size_t more = facts[at++];
    while (chain.count <= more && chain.count < HF_CHAIN_MAX && len - at >= 2) {
        size_t n = number_at(facts + at);
        if (n > len - at - 2 ||
            !hf_mem_copy(der + der_len, sizeof(der) - der_len, facts + at + 2, n)) {
            return;
        }
        lengths[chain.count++] = (uint32_t)n;
        der_len += n;
        at += 2 + n;
    }
    (void)hf_chain_digest(&chain, facts + DIGEST_AT).code;
}

static void read_and_check(struct hf_span data, struct hf_span leaf)
{
    static const uint8_t instance[HF_TICKET_INSTANCE_SIZE];
    struct hf_session_facts *facts;
    if (hf_is_ok(hf_ticket_facts_read(data, leaf, instance, &facts))) {
        check(facts);
        round_trip(facts, data);
        hf_session_facts_unref(facts);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct hf_span data = hf_span_of(bytes, size);
    struct hf_span leaf;
    if (size > 65536 || size < 2 || !hf_span_take(&data, 2, &leaf) ||
        !hf_span_take(&data, number_at(bytes), &leaf)) {
        return 0;
    }
    read_and_check(data, leaf);
    uint8_t *corrected = hf_mem_dup(data.data, data.len);
    need(corrected != NULL);
    correct_digest(corrected, data.len, leaf);
    read_and_check(hf_span_of(corrected, data.len), leaf);
    hf_mem_free(corrected);
    return 0;
}
