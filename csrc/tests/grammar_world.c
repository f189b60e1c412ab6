/* SPDX-License-Identifier: Apache-2.0
 *
 * A stock of authorities, most of them good, and one bundle of them all.
 */
#include "grammar_world.h"

#include "kit.h"
#include "pki_sign.h"

enum feature {
    GOOD,
    SHORT,   /* path length 0 */
    LIMITED, /* name constraints */
    CLIENTS, /* an EKU of its own */
    EXPIRED,
    WITHOUT_IDS,
    CROSSED, /* signed by somebody else */
    STRANGE, /* extensions that nobody reads */
    OTHERS,  /* of b.example */
    NOBODYS  /* in no bundle */
};

static const struct {
    const char *name;
    enum pki_kind kind;
    size_t key;
    enum feature feature;
} authorities[] = {
    {"root", PKI_P256, 0, GOOD},          {"root", PKI_P256, 1, GOOD},
    {"r384", PKI_P384, 0, GOOD},          {"red", PKI_ED25519, 0, GOOD},
    {"rrsa", PKI_RSA2048, 0, GOOD},       {"r521", PKI_P521, 0, GOOD},
    {"rshort", PKI_P256, 2, SHORT},       {"rlimited", PKI_P256, 0, LIMITED},
    {"rclients", PKI_P256, 0, CLIENTS},   {"rold", PKI_P256, 0, EXPIRED},
    {"rplain", PKI_P256, 0, WITHOUT_IDS}, {"rcross", PKI_P256, 2, CROSSED},
    {"rstrange", PKI_P256, 2, STRANGE},   {"root", PKI_P384, 1, WITHOUT_IDS},
    {"rb", PKI_P256, 3, OTHERS},          {"rnobody", PKI_P256, 3, NOBODYS},
};
_Static_assert(sizeof(authorities) / sizeof(authorities[0]) == GRAMMAR_AUTHORITIES,
               "as many as told");

static struct pki_cert stock[GRAMMAR_AUTHORITIES];
static struct hf_bundle_set *everything;
static struct hf_bundle *of_b;

EVP_PKEY *grammar_authority_key(size_t i)
{
    return pki_key(authorities[i].kind, authorities[i].key);
}

static void make_authority(size_t i)
{
    static const char *const client[] = {PKI_OID_CLIENT_AUTH};
    struct pki_spec spec;
    EVP_PKEY *signer = grammar_authority_key(i);
    pki_authority(&spec, authorities[i].name, NULL, signer);
    switch (authorities[i].feature) {
    case SHORT:
        pki_set_basic_constraints(&spec, true, true, 0);
        break;
    case LIMITED:
        pki_set_name_constraints(&spec, true, "a.example", "b.example");
        break;
    case CLIENTS:
        pki_set_eku(&spec, false, client, 1);
        break;
    case EXPIRED:
        spec.not_after = PKI_NOW - 1;
        break;
    case CROSSED:
        spec.issuer_name = "elsewhere";
        signer = pki_key(PKI_P256, 3);
        break;
    case STRANGE:
        pki_add(&spec, "1.3.6.1.4.1.99999.1", false, DER_BYTES("\x05\x00"));
        break;
    default:
        break;
    }
    if (authorities[i].feature != WITHOUT_IDS) {
        pki_add_key_ids(&spec, signer);
    }
    pki_make(&spec, signer, &stock[i]);
}

static struct hf_bundle *bundle_of(enum feature only, const struct pki_cert *more)
{
    const struct pki_cert *chosen[GRAMMAR_AUTHORITIES + 1];
    struct kit_certs certs = {chosen, 0};
    for (size_t i = 0; i < GRAMMAR_AUTHORITIES; i++) {
        bool is_a = authorities[i].feature != OTHERS && authorities[i].feature != NOBODYS;
        if (only == OTHERS ? authorities[i].feature == OTHERS : is_a) {
            chosen[certs.count++] = &stock[i];
        }
    }
    if (more == NULL) {
        return kit_bundle(only == OTHERS ? "b.example" : "a.example", certs);
    }
    /* What the input made: first, and perhaps no authority at all. */
    static uint8_t der[(GRAMMAR_AUTHORITIES + 1) * 4096 + PKI_CERT_MAX];
    struct hf_bundle *bundle;
    struct der_writer w = {der, sizeof(der), 0};
    der_raw(&w, (struct der_bytes){more->der, more->len});
    w.len += pki_concat(chosen, certs.count, der + w.len, sizeof(der) - w.len);
    hf_result r = hf_bundle_new((const uint8_t *)"a.example", 9, der, w.len, &bundle);
    return hf_is_ok(r) ? bundle : NULL;
}

static void make_world(void)
{
    for (size_t i = 0; i < GRAMMAR_AUTHORITIES; i++) {
        make_authority(i);
    }
    of_b = bundle_of(OTHERS, NULL);
    struct hf_bundle *both[2] = {bundle_of(GOOD, NULL), hf_bundle_ref(of_b)};
    everything = kit_set(both, 2);
}

const char *grammar_authority_name(size_t i)
{
    return authorities[i].name;
}

const struct pki_cert *grammar_authority(size_t i)
{
    if (everything == NULL) {
        make_world();
    }
    return &stock[i];
}

struct hf_bundle_set *grammar_bundles(const struct pki_cert *more)
{
    struct hf_bundle_set *set = NULL;
    if (everything == NULL) {
        make_world();
    }
    if (more == NULL) {
        return hf_bundle_set_ref(everything);
    }
    struct hf_bundle *both[2] = {bundle_of(GOOD, more), of_b};
    if (both[0] != NULL) {
        pki_need(hf_is_ok(hf_bundle_set_new(both, 2, &set)), "bundle set");
        hf_bundle_unref(both[0]);
    }
    return set;
}
