/* SPDX-License-Identifier: Apache-2.0
 *
 * The writer and the reader stand side by side, field by field. Tickets are authenticated before
 * they are read; the reader trusts them no more for that.
 */
#include "tls/ticket_facts.h"

#include "base/clock.h"
#include "id/spiffe_id.h"
#include "tls/ticket_keys.h"
#include "verify/peer.h"
#include "verify/presented.h"

#define FORM 1
#define NUMBERS_OF_PEER 5

/* Everything but the ID and the certificates. */
#define FIXED                                                                                      \
    (1 + 4 * (size_t)HF_DIGEST_SIZE + HF_TICKET_INSTANCE_SIZE + 8 * (3 + NUMBERS_OF_PEER) + 4 +    \
     2 + 2 + 1)

struct writer {
    uint8_t *data;
    size_t cap;
    size_t len;
};

static void write_bytes(struct writer *w, const void *bytes, size_t len)
{
    if (hf_mem_copy(w->data + w->len, w->cap - w->len, bytes, len)) {
        w->len += len;
    }
}

static void write_number(struct writer *w, uint64_t n, size_t width)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < width; i++) {
        bytes[i] = (uint8_t)(n >> 8 * (width - 1 - i));
    }
    write_bytes(w, bytes, width);
}

static void write_peer(struct writer *w, const struct hf_peer *peer)
{
    const int64_t numbers[NUMBERS_OF_PEER] = {peer->not_before, peer->not_after,
                                              peer->leaf_not_before, peer->leaf_not_after,
                                              peer->verified_at};
    for (size_t i = 0; i < NUMBERS_OF_PEER; i++) {
        write_number(w, (uint64_t)numbers[i], 8);
    }
    write_number(w, peer->path_length, 4);
    write_bytes(w, peer->chain_digest, HF_DIGEST_SIZE);
    write_bytes(w, peer->bundle_digest, HF_DIGEST_SIZE);
    write_bytes(w, peer->anchor_digest, HF_DIGEST_SIZE);
    write_number(w, peer->trust_domain_len, 2);
    write_number(w, peer->id_len, 2);
    write_bytes(w, peer->id, peer->id_len);
}

hf_result hf_ticket_facts_write(const struct hf_conn *conn, uint8_t **data, size_t *len)
{
    const struct hf_presented_chain *chain = conn->presented;
    struct hf_peer peer;
    struct writer w = {.len = 0};
    *data = NULL;
    HF_NEED_SEEN(chain->der_len <= HF_TICKET_CHAIN_MAX, HF_E_CHAIN_TOO_LARGE,
                 "at most 8,192 bytes of certificates", "%zu", chain->der_len);
    hf_peer_clear(&peer);
    HF_NEED(hf_mem_copy(&peer, sizeof(peer), conn->verdict->peer, conn->verdict->peer_len),
            HF_E_INTERNAL);
    w.cap = FIXED + peer.id_len + 2 * HF_CHAIN_MAX + chain->der_len;
    w.data = hf_mem_new(w.cap);
    HF_NEED_MEM(w.data);
    write_number(&w, FORM, 1);
    write_bytes(&w, conn->config->session_context, HF_DIGEST_SIZE);
    write_number(&w, (uint64_t)conn->authenticated_at, 8);
    write_number(&w, (uint64_t)conn->authenticated_monotonic, 8);
    write_bytes(&w, hf_ticket_keys_instance(conn->config->tickets), HF_TICKET_INSTANCE_SIZE);
    write_number(&w, (uint64_t)conn->own_not_after, 8);
    write_peer(&w, &peer);
    write_number(&w, chain->count - 1, 1);
    size_t at = chain->lengths[0];
    for (size_t i = 1; i < chain->count; i++) {
        write_number(&w, chain->lengths[i], 2);
        write_bytes(&w, chain->der + at, chain->lengths[i]);
        at += chain->lengths[i];
    }
    *data = w.data;
    *len = w.len;
    return hf_ok();
}

/* ---- the same way back -------------------------------------------------------------------- */

static bool read_number(struct hf_span *from, uint64_t *out, size_t width)
{
    *out = 0;
    for (size_t i = 0; i < width; i++) {
        uint8_t byte;
        if (!hf_span_take_u8(from, &byte)) {
            return false;
        }
        *out = *out << 8 | byte;
    }
    return true;
}

static bool read_time(struct hf_span *from, int64_t *out)
{
    uint64_t n;
    bool there = read_number(from, &n, 8);
    *out = (int64_t)n;
    return there;
}

static bool read_bytes(struct hf_span *from, void *out, size_t len)
{
    struct hf_span bytes;
    return hf_span_take(from, len, &bytes) && hf_mem_copy(out, len, bytes.data, len);
}

static bool read_peer(struct hf_span *from, struct hf_peer *out)
{
    uint64_t path_length;
    uint64_t domain_len;
    uint64_t id_len;
    struct hf_span text;
    struct hf_spiffe_id id;
    if (!read_time(from, &out->not_before) || !read_time(from, &out->not_after) ||
        !read_time(from, &out->leaf_not_before) || !read_time(from, &out->leaf_not_after) ||
        !read_time(from, &out->verified_at) || !read_number(from, &path_length, 4) ||
        !read_bytes(from, out->chain_digest, HF_DIGEST_SIZE) ||
        !read_bytes(from, out->bundle_digest, HF_DIGEST_SIZE) ||
        !read_bytes(from, out->anchor_digest, HF_DIGEST_SIZE) ||
        !read_number(from, &domain_len, 2) || !read_number(from, &id_len, 2) ||
        !hf_span_take(from, (size_t)id_len, &text) ||
        !hf_is_ok(hf_spiffe_id_parse(text.data, text.len, &id)) ||
        id.trust_domain_len != domain_len) {
        return false;
    }
    out->path_length = (uint32_t)path_length;
    out->trust_domain_len = (uint16_t)domain_len;
    out->id_len = (uint16_t)id_len;
    return hf_mem_copy(out->id, HF_ID_MAX, text.data, text.len);
}

static bool append(struct hf_presented_chain *chain, struct hf_span der)
{
    if (der.len > HF_TICKET_CHAIN_MAX - chain->der_len ||
        !hf_mem_copy(chain->der + chain->der_len, der.len, der.data, der.len)) {
        return false;
    }
    chain->lengths[chain->count++] = (uint32_t)der.len;
    chain->der_len += der.len;
    return true;
}

/* The certificates; they are those that the verdict was about. */
static bool read_chain(struct hf_span *from, struct hf_span leaf,
                       const uint8_t digest[HF_DIGEST_SIZE], struct hf_presented_chain *out)
{
    uint64_t more;
    uint64_t len;
    struct hf_span der;
    uint8_t found[HF_DIGEST_SIZE];
    if (leaf.len == 0 || !append(out, leaf) || !read_number(from, &more, 1) ||
        more >= HF_CHAIN_MAX) {
        return false;
    }
    for (uint64_t i = 0; i < more; i++) {
        if (!read_number(from, &len, 2) || len == 0 || !hf_span_take(from, (size_t)len, &der) ||
            !append(out, der)) {
            return false;
        }
    }
    struct hf_chain view = hf_presented_view(out);
    return from->len == 0 && hf_is_ok(hf_chain_digest(&view, found)) &&
           hf_mem_equal(found, sizeof(found), digest, HF_DIGEST_SIZE);
}

/* Another machine's clock that nobody sets says nothing here. From now on ours counts, beginning at
 * the age that the ticket has by the wall clock, which is looked at as well. */
static void take_over(struct hf_session_facts *facts)
{
    int64_t now = hf_clock_now();
    int64_t age =
        now < facts->authenticated_at ? 0 : hf_clock_distance(facts->authenticated_at, now);
    facts->authenticated_monotonic =
        hf_clock_monotonic() - (age < HF_SESSION_AGE_MAX ? age : HF_SESSION_AGE_MAX);
}

/* All but the certificates. */
static bool read_head(struct hf_span *from, const uint8_t *instance, struct hf_session_facts *out,
                      struct hf_peer *peer)
{
    uint64_t form;
    uint8_t maker[HF_TICKET_INSTANCE_SIZE];
    if (!read_number(from, &form, 1) || form != FORM ||
        !read_bytes(from, out->context, HF_DIGEST_SIZE) ||
        !read_time(from, &out->authenticated_at) ||
        !read_time(from, &out->authenticated_monotonic) ||
        !read_bytes(from, maker, sizeof(maker)) || !read_time(from, &out->own_not_after) ||
        !read_peer(from, peer)) {
        return false;
    }
    if (!hf_mem_equal(maker, sizeof(maker), instance, HF_TICKET_INSTANCE_SIZE)) {
        take_over(out);
    }
    return true;
}

static hf_result not_ours(void)
{
    HF_FAIL_SEEN(HF_E_PROTOCOL, "a ticket of ours", "one with other facts in it");
}

hf_result hf_ticket_facts_read(struct hf_span data, struct hf_span leaf, const uint8_t *instance,
                               struct hf_session_facts **out)
{
    struct hf_session_facts head = {.peer_len = 0};
    struct hf_session_facts *facts;
    struct hf_peer peer;
    *out = NULL;
    hf_peer_clear(&peer);
    if (!read_head(&data, instance, &head, &peer)) {
        return not_ours();
    }
    HF_TRY(hf_session_facts_new(&head, &peer, &facts));
    /* What is left is certificates and their lengths. */
    facts->presented = hf_mem_new(sizeof(*facts->presented) + leaf.len + data.len);
    if (facts->presented != NULL) {
        hf_refcount_init(&facts->presented->refs);
    }
    bool whole =
        facts->presented != NULL && read_chain(&data, leaf, peer.chain_digest, facts->presented);
    if (!whole) {
        hf_session_facts_unref(facts);
        return not_ours();
    }
    *out = facts;
    return hf_ok();
}
