/* SPDX-License-Identifier: Apache-2.0 */
#include "chain_pool.h"

#include "kit.h"
#include "x509/certificate.h"

enum owner { OWN_ROOT, OWN_MIDDLE, OWN_LOWER, OWN_UPPER, OWN_OTHER, OWN_LIMITED, OWN_LEAF, OWNERS };

static struct pki_cert pool[CHAIN_POOL];
static struct hf_bundle_set *bundles;

static EVP_PKEY *key(enum owner owner)
{
    static EVP_PKEY *keys[OWNERS];
    if (keys[owner] == NULL) {
        uint8_t seed[32] = {0x68, 0x66, (uint8_t)owner};
        keys[owner] = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
    }
    return keys[owner];
}

static void make_ca(enum chain_pool_place place, const char *issuer, enum owner signer,
                    const char *name, enum owner owner, long path_len)
{
    struct pki_spec spec;
    pki_intermediate(&spec, issuer, name, NULL, key(owner));
    pki_set_basic_constraints(&spec, true, true, path_len);
    if (place == POOL_OLD_MIDDLE) {
        spec.not_after = PKI_NOW - 1;
    }
    if (place == POOL_LIMITED) {
        pki_set_name_constraints(&spec, true, "a.example", "b.example");
    }
    if (place == POOL_STRANGER) {
        pki_set_uri(&spec, false, der_text("spiffe://b.example"));
    }
    pki_add_key_ids(&spec, key(signer));
    kit_sign(&spec, key(signer), &pool[place]);
}

static void make_leaf(enum chain_pool_place place, const char *issuer, enum owner signer,
                      const char *uri)
{
    struct pki_spec spec;
    pki_leaf(&spec, issuer, uri, key(OWN_LEAF));
    pki_add_key_ids(&spec, key(signer));
    kit_sign(&spec, key(signer), &pool[place]);
}

static void make_pool(void)
{
    make_ca(POOL_ROOT, "root", OWN_ROOT, "root", OWN_ROOT, -1);
    make_ca(POOL_OTHER_ROOT, "other", OWN_OTHER, "other", OWN_OTHER, -1);
    make_ca(POOL_MIDDLE, "root", OWN_ROOT, "middle", OWN_MIDDLE, -1);
    make_ca(POOL_OLD_MIDDLE, "root", OWN_ROOT, "middle", OWN_MIDDLE, -1);
    make_ca(POOL_CROSS, "other", OWN_OTHER, "middle", OWN_MIDDLE, -1);
    make_ca(POOL_UPPER, "root", OWN_ROOT, "upper", OWN_UPPER, 1);
    make_ca(POOL_LOWER, "upper", OWN_UPPER, "lower", OWN_LOWER, 0);
    make_ca(POOL_ROLLOVER, "root", OWN_ROOT, "root", OWN_MIDDLE, -1);
    make_ca(POOL_LIMITED, "root", OWN_ROOT, "limited", OWN_LIMITED, 0);
    make_ca(POOL_STRANGER, "root", OWN_ROOT, "lower", OWN_LOWER, -1);
    make_leaf(POOL_LEAF, "middle", OWN_MIDDLE, "spiffe://a.example/web");
    make_leaf(POOL_DEEP_LEAF, "lower", OWN_LOWER, "spiffe://a.example/deep");
    make_leaf(POOL_FOREIGN_LEAF, "other", OWN_OTHER, "spiffe://a.example/foreign");
    make_leaf(POOL_ROLLOVER_LEAF, "root", OWN_MIDDLE, "spiffe://a.example/rollover");
    make_leaf(POOL_LIMITED_LEAF, "limited", OWN_LIMITED, "spiffe://a.example/limited");
    make_leaf(POOL_WEB_LEAF, "middle", OWN_MIDDLE, "https://www.example.com/");
    struct hf_bundle *both[2] = {kit_bundle("a.example", KIT_CERTS(&pool[POOL_ROOT])),
                                 kit_bundle("b.example", KIT_CERTS(&pool[POOL_OTHER_ROOT]))};
    bundles = kit_set(both, 2);
}

const struct pki_cert *chain_pool_cert(size_t place)
{
    if (bundles == NULL) {
        make_pool();
    }
    return &pool[place];
}

EVP_PKEY *chain_pool_key(enum chain_pool_place place)
{
    return key(place == POOL_ROOT ? OWN_ROOT : place == POOL_MIDDLE ? OWN_MIDDLE : OWN_OTHER);
}

const struct hf_bundle_set *chain_pool_bundles(void)
{
    if (bundles == NULL) {
        make_pool();
    }
    return bundles;
}
