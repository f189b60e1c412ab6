/* SPDX-License-Identifier: Apache-2.0
 *
 * Our own identity. What a strict peer would refuse is refused here, when it is loaded, with a
 * message to the person who can mend it.
 */
#include "x509/svid.h"

#include "x509/private_key.h"
#include "x509/svid_rules.h"

/* One more than may be sent: the root that is dropped. */
#define PRESENTED_MAX (HF_CHAIN_MAX + 1)

struct chain {
    size_t count;
    struct hf_cert certs[PRESENTED_MAX];
    X509 *x509s[PRESENTED_MAX]; /* owned */
};

struct hf_svid *hf_svid_ref(struct hf_svid *svid)
{
    hf_refcount_take(&svid->refs);
    return svid;
}

void hf_svid_unref(struct hf_svid *svid)
{
    if (svid == NULL || !hf_refcount_drop(&svid->refs)) {
        return;
    }
    X509_free(svid->leaf);
    sk_X509_pop_free(svid->intermediates, X509_free);
    EVP_PKEY_free(svid->key); /* clears its numbers when the last holder lets go */
    hf_mem_free(svid);
}

static void unref_at(struct hf_svid **svid)
{
    hf_svid_unref(*svid);
}

static void chain_wipe_at(struct chain *chain)
{
    for (size_t i = 0; i < chain->count; i++) {
        X509_free(chain->x509s[i]);
    }
    chain->count = 0;
}

static hf_result at_depth(hf_result result, size_t depth)
{
    if (!hf_is_ok(result)) {
        hf_error_current()->depth = (int32_t)depth;
    }
    return result;
}

static hf_result read_one(struct chain *chain, struct hf_span der)
{
    size_t i = chain->count;
    HF_TRY(hf_cert_parse(der, &chain->certs[i]));
    HF_TRY(hf_ossl_x509(der, &chain->x509s[i]));
    chain->count++;
    return hf_ok();
}

static hf_result read_chain(struct hf_span der, struct chain *chain)
{
    uint32_t lengths[PRESENTED_MAX];
    size_t count;
    HF_NEED(der.len != 0, HF_E_CHAIN_EMPTY);
    HF_NEED_SEEN(der.len <= HF_CHAIN_BYTES_MAX, HF_E_CHAIN_TOO_LARGE, "at most 32768 bytes", "%zu",
                 der.len);
    HF_TRY(hf_der_split(der.data, der.len, lengths, PRESENTED_MAX, &count));
    for (size_t i = 0; i < count; i++) {
        struct hf_span one;
        HF_NEED(hf_span_take(&der, lengths[i], &one), HF_E_INTERNAL);
        HF_TRY(at_depth(read_one(chain, one), i));
    }
    return hf_ok();
}

/* The certificate at `depth` was signed by the next one. */
static hf_result check_link(const struct chain *chain, size_t depth)
{
    HF_NEED_SEEN(hf_span_equal(chain->certs[depth].issuer, chain->certs[depth + 1].subject),
                 HF_E_CHAIN_REJECTED, "each certificate issued by the next one",
                 "another issuer's name");
    hf_ossl_clear();
    if (X509_verify(chain->x509s[depth], X509_get0_pubkey(chain->x509s[depth + 1])) != 1) {
        HF_FAIL_OSSL(HF_E_BAD_SIGNATURE);
    }
    return hf_ok();
}

/* Of the public web: that it fits together. What it may be used for, its clients will say. */
static hf_result check_web_chain(const struct chain *chain)
{
    HF_NEED_SEEN(!chain->certs[0].is_ca, HF_E_SVID_IS_CA, "a leaf", "a CA");
    for (size_t i = 1; i < chain->count; i++) {
        HF_TRY(at_depth(check_link(chain, i - 1), i - 1));
    }
    return hf_ok();
}

static hf_result check_chain(const struct chain *chain, struct hf_spiffe_id *id)
{
    HF_TRY(
        at_depth(hf_svid_leaf_check(&chain->certs[0], HF_RULES_STRICT, HF_PURPOSE_EITHER, id), 0));
    for (size_t i = 1; i < chain->count; i++) {
        HF_TRY(at_depth(
            hf_svid_signing_check(&chain->certs[i], HF_RULES_COMPATIBLE, hf_span_of(NULL, 0)), i));
        HF_TRY(at_depth(check_link(chain, i - 1), i - 1));
    }
    return hf_ok();
}

/* A root is the peer's to have: sending it proves nothing and costs every handshake. */
static hf_result drop_root(struct chain *chain)
{
    size_t last = chain->count - 1;
    if (last != 0 && chain->certs[last].self_issued &&
        X509_verify(chain->x509s[last], X509_get0_pubkey(chain->x509s[last])) == 1) {
        X509_free(chain->x509s[last]);
        chain->count = last;
    }
    hf_ossl_clear();
    HF_NEED_SEEN(chain->count <= HF_CHAIN_MAX, HF_E_CHAIN_TOO_LONG, "at most 8 certificates", "%zu",
                 chain->count);
    return hf_ok();
}

/* SHA-256 over each certificate with its length before it, as of a peer's chain. */
static hf_result digest_chain(const struct chain *chain, uint8_t out[HF_DIGEST_SIZE])
{
    uint8_t lengths[PRESENTED_MAX][4];
    struct hf_span parts[2 * PRESENTED_MAX];
    for (size_t i = 0; i < chain->count; i++) {
        struct hf_span der = chain->certs[i].der;
        for (size_t byte = 0; byte < 4; byte++) {
            lengths[i][byte] = (uint8_t)(der.len >> (8 * (3 - byte)));
        }
        parts[2 * i] = hf_span_of(lengths[i], 4);
        parts[2 * i + 1] = der;
    }
    return hf_ossl_sha256(parts, 2 * chain->count, out);
}

/* Hand the decoded certificates over. */
static hf_result keep_chain(struct chain *chain, struct hf_svid *svid)
{
    HF_NEED(X509_up_ref(chain->x509s[0]) == 1, HF_E_INTERNAL);
    svid->leaf = chain->x509s[0];
    svid->intermediates = sk_X509_new_reserve(NULL, (int)chain->count);
    HF_NEED_MEM(svid->intermediates);
    for (size_t i = 1; i < chain->count; i++) {
        HF_NEED(X509_up_ref(chain->x509s[i]) == 1, HF_E_INTERNAL);
        (void)sk_X509_push(svid->intermediates, chain->x509s[i]); /* reserved: cannot fail */
    }
    return hf_ok();
}

static hf_result make(struct chain *chain, const struct hf_private_key *key, bool web,
                      struct hf_svid *svid)
{
    struct hf_spiffe_id id = {0};
    HF_TRY(web ? check_web_chain(chain) : check_chain(chain, &id));
    HF_TRY(drop_root(chain));
    HF_TRY(hf_private_key_pair(key, &chain->certs[0], chain->x509s[0], &svid->key));
    HF_TRY(digest_chain(chain, svid->digest));
    HF_NEED(hf_mem_copy(svid->id, HF_ID_MAX, id.id, id.id_len), HF_E_INTERNAL);
    svid->id_len = id.id_len;
    svid->not_before = chain->certs[0].not_before;
    svid->not_after = chain->certs[0].not_after;
    return keep_chain(chain, svid);
}

static hf_result read_identity(const uint8_t *chain_der, size_t chain_len, const uint8_t *key_der,
                               size_t key_len, bool web, struct hf_svid **out)
{
    HF_NEED_PTR(out);
    *out = NULL;
    HF_NEED(chain_der != NULL || chain_len == 0, HF_E_BAD_ARGUMENT);
    HF_NEED(key_der != NULL || key_len == 0, HF_E_BAD_ARGUMENT);
    HF_TRY(hf_library_init());
    HF_DEFER(chain_wipe_at) struct chain chain = {0};
    HF_DEFER(unref_at) struct hf_svid *svid = hf_mem_new(sizeof(*svid));
    struct hf_private_key key;
    HF_NEED_MEM(svid);
    hf_refcount_init(&svid->refs);
    HF_TRY(read_chain(hf_span_of(chain_der, chain_len), &chain));
    HF_TRY(hf_private_key_read(hf_span_of(key_der, key_len), &key));
    HF_TRY(make(&chain, &key, web, svid));
    *out = svid;
    svid = NULL;
    return hf_ok();
}

hf_result hf_svid_new(const uint8_t *chain_der, size_t chain_len, const uint8_t *key_der,
                      size_t key_len, struct hf_svid **out)
{
    return read_identity(chain_der, chain_len, key_der, key_len, false, out);
}

hf_result hf_svid_web_new(const uint8_t *chain_der, size_t chain_len, const uint8_t *key_der,
                          size_t key_len, struct hf_svid **out)
{
    return read_identity(chain_der, chain_len, key_der, key_len, true, out);
}
