/* SPDX-License-Identifier: Apache-2.0 */
#include "kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void need(bool holds, const char *what)
{
    if (!holds) {
        const struct hf_error *e = hf_error_current();
        (void)fprintf(stderr, "test kit: %s: %s:%u: expected '%s', seen '%s'\n", what,
                      e->file == NULL ? "?" : e->file, e->line, e->expected, e->seen);
        abort();
    }
}

void kit_sign(const struct pki_spec *spec, EVP_PKEY *issuer_key, struct pki_cert *out)
{
    pki_make(spec, issuer_key, out);
}

void kit_root(struct pki_cert *out, const char *name, EVP_PKEY *key)
{
    struct pki_spec spec;
    pki_authority(&spec, name, NULL, key);
    pki_add_key_ids(&spec, key);
    pki_make(&spec, key, out);
}

void kit_intermediate(struct pki_cert *out, const char *issuer, EVP_PKEY *issuer_key,
                      const char *name, EVP_PKEY *key)
{
    struct pki_spec spec;
    pki_intermediate(&spec, issuer, name, NULL, key);
    pki_add_key_ids(&spec, issuer_key);
    pki_make(&spec, issuer_key, out);
}

void kit_leaf(struct pki_cert *out, const char *issuer, EVP_PKEY *issuer_key, const char *uri)
{
    struct pki_spec spec;
    pki_leaf(&spec, issuer, uri, KIT_LEAF_KEY);
    pki_add_key_ids(&spec, issuer_key);
    pki_make(&spec, issuer_key, out);
}

struct hf_bundle *kit_bundle(const char *trust_domain, struct kit_certs certs)
{
    static uint8_t der[1u << 20];
    struct hf_bundle *bundle;
    size_t len = certs.count == 0 ? 0 : pki_concat(certs.certs, certs.count, der, sizeof(der));
    need(hf_is_ok(
             hf_bundle_new((const uint8_t *)trust_domain, strlen(trust_domain), der, len, &bundle)),
         "bundle");
    return bundle;
}

struct hf_bundle_set *kit_set(struct hf_bundle *const *bundles, size_t count)
{
    struct hf_bundle_set *set;
    need(hf_is_ok(hf_bundle_set_new(bundles, count, &set)), "bundle set");
    for (size_t i = 0; i < count; i++) {
        hf_bundle_unref(bundles[i]);
    }
    return set;
}

struct hf_bundle_set *kit_set1(const char *trust_domain, struct kit_certs certs)
{
    struct hf_bundle *bundle = kit_bundle(trust_domain, certs);
    return kit_set(&bundle, 1);
}

const struct hf_chain *kit_chain(struct kit_chain *out, struct kit_certs certs)
{
    need(certs.count <= sizeof(out->lengths) / sizeof(out->lengths[0]), "chain");
    for (size_t i = 0; i < certs.count; i++) {
        out->lengths[i] = (uint32_t)certs.certs[i]->len;
    }
    (void)pki_concat(certs.certs, certs.count, out->der, sizeof(out->der));
    out->chain.der = out->der;
    out->chain.lengths = out->lengths;
    out->chain.count = certs.count;
    return &out->chain;
}

hf_result kit_judge_by(enum hf_way way, const struct hf_bundle_set *set, struct kit_certs presented,
                       struct kit_ask ask, struct hf_peer *out)
{
    struct kit_chain chain;
    struct hf_peer ignored;
    struct hf_presented in = {.chain = kit_chain(&chain, presented),
                              .x509s = NULL,
                              .at = ask.at == 0 ? PKI_NOW : ask.at,
                              .purpose = ask.purpose};
    struct hf_judge_options options = {.rules = ask.rules, .way = way};
    return hf_judge_svid(set, &in, &options, out == NULL ? &ignored : out);
}

hf_result kit_judge_as(const struct hf_bundle_set *set, struct kit_certs presented,
                       struct kit_ask ask, struct hf_peer *out)
{
    return kit_judge_by(HF_WAY_ANY, set, presented, ask, out);
}

hf_result kit_judge(const struct hf_bundle_set *set, struct kit_certs presented,
                    struct hf_peer *out)
{
    struct kit_ask ask = {HF_RULES_STRICT, HF_PURPOSE_EITHER, PKI_NOW};
    return kit_judge_as(set, presented, ask, out);
}

bool kit_saw(const char *part)
{
    return strstr(hf_error_current()->seen, part) != NULL;
}

bool kit_claimed(const char *id)
{
    return strcmp(hf_error_current()->claimed_id, id) == 0;
}

int32_t kit_depth(void)
{
    return hf_error_current()->depth;
}
