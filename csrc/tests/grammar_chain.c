/* SPDX-License-Identifier: Apache-2.0
 *
 * Under one of the authorities up to three CAs and a leaf. Now and then the bundle has an authority
 * that the input made, or one of the CAs.
 */
#include "grammar_chain.h"

#include "grammar_world.h"
#include "pki_sign.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CAS 3

static const enum pki_kind ca_kinds[] = {PKI_P256,    PKI_P384, PKI_ED25519,
                                         PKI_RSA2048, PKI_P521, PKI_SECP256K1};
#define CA_KINDS COUNT(ca_kinds)
static const char *const ca_names[CAS] = {"ca0", "ca1", "ca2"};

/* Who signs the next certificate. */
struct issuer {
    const char *name;
    EVP_PKEY *key;
    size_t authority; /* its place, for a level directly under one */
    size_t kind;      /* place in ca_kinds, for a level under a CA */
};

static struct pki_cert under_stock[GRAMMAR_AUTHORITIES][CA_KINDS];
static struct pki_cert under_cas[CAS][CA_KINDS][CA_KINDS];

/* Algorithms that the key can sign by: the issuer's own choice, good and bad. */
static enum pki_algorithm algorithm_of(struct choices *c, EVP_PKEY *key)
{
    static const enum pki_algorithm by_ec[] = {PKI_SIGN_DEFAULT, PKI_SIGN_ECDSA_SHA256,
                                               PKI_SIGN_ECDSA_SHA384, PKI_SIGN_ECDSA_SHA512,
                                               PKI_SIGN_ECDSA_SHA1};
    static const enum pki_algorithm by_rsa[] = {
        PKI_SIGN_DEFAULT,    PKI_SIGN_PSS_SHA256, PKI_SIGN_PSS_SHA384, PKI_SIGN_PSS_SHA512,
        PKI_SIGN_RSA_SHA384, PKI_SIGN_RSA_SHA512, PKI_SIGN_RSA_SHA1};
    if (EVP_PKEY_is_a(key, "EC")) {
        return by_ec[choose(c, COUNT(by_ec))];
    }
    if (EVP_PKEY_is_a(key, "RSA")) {
        return by_rsa[choose(c, COUNT(by_rsa))];
    }
    return PKI_SIGN_DEFAULT;
}

/* Sign what was specified: perhaps by the wrong key, perhaps spoiled before the signature. */
static void finish(struct choices *c, struct pki_spec *spec, EVP_PKEY *key,
                   enum grammar_level level, struct pki_cert *out)
{
    EVP_PKEY *signer = choose_odd(c) && choose_odd(c) ? pki_key(PKI_P256, 3) : key;
    spec->algorithm = algorithm_of(c, signer);
    grammar_fields(c, spec, level);
    grammar_extensions(c, spec, key);
    pki_make(spec, signer, out);
    if (choose_odd(c)) {
        grammar_resign(c, signer, spec->algorithm, out);
    }
}

/* One key of RSA for all levels: they take long to make. */
static EVP_PKEY *ca_key(size_t kind, size_t level)
{
    return pki_key(ca_kinds[kind], ca_kinds[kind] == PKI_RSA2048 ? 4 : 4 + level);
}

void grammar_prepare(void)
{
    grammar_prepare_fields();
    for (size_t kind = 0; kind < CA_KINDS; kind++) {
        (void)ca_key(kind, 0);
    }
    hf_bundle_set_unref(grammar_bundles(NULL));
}

/* A CA under `issuer`, which becomes the issuer of what follows. */
static const struct pki_cert *make_ca(struct choices *c, size_t level, struct issuer *issuer)
{
    static struct pki_cert odd[CAS];
    size_t kind = choose(c, CA_KINDS);
    bool is_odd = choose_odd(c);
    EVP_PKEY *key = ca_key(kind, level);
    struct pki_cert *plain =
        level == 0 ? &under_stock[issuer->authority][kind] : &under_cas[level][issuer->kind][kind];
    /* Kept ones are of issuers with the usual name. */
    bool is_plain = !is_odd && (level == 0 || issuer->name == ca_names[level - 1]);
    struct pki_cert *out = is_plain ? plain : &odd[level];
    const char *name = is_odd && choose_odd(c) ? issuer->name : ca_names[level];
    if (!is_plain || plain->len == 0) {
        struct pki_spec spec;
        struct choices none = {hf_span_of(NULL, 0)};
        pki_intermediate(&spec, issuer->name, name, NULL, key);
        pki_add_key_ids(&spec, issuer->key);
        finish(is_odd ? c : &none, &spec, issuer->key, GRAMMAR_CA, out);
    }
    *issuer = (struct issuer){.name = name, .key = key, .kind = kind};
    return out;
}

static const struct pki_cert *make_leaf(struct choices *c, const struct issuer *issuer)
{
    static const char *const uris[] = {"spiffe://a.example/web", "spiffe://a.example/web",
                                       "spiffe://a.example/",    "spiffe://b.example/web",
                                       "spiffe://c.example/web", "https://a.example/web"};
    static struct pki_cert leaf;
    struct pki_spec spec;
    const char *uri = choose_odd(c) ? uris[choose(c, COUNT(uris))] : uris[0];
    pki_leaf(&spec, issuer->name, uri, pki_key(PKI_P256, 7));
    pki_add_key_ids(&spec, issuer->key);
    finish(c, &spec, issuer->key, GRAMMAR_LEAF, &leaf);
    return &leaf;
}

/* What else is presented, and in which order. */
static void arrange(struct choices *c, size_t authority, struct grammar_case *out)
{
    size_t at = choose(c, out->count);
    size_t other = choose(c, out->count);
    const struct pki_cert *kept = out->order[at];
    switch (choose(c, 8)) {
    case 1:
        out->order[out->count++] = grammar_authority(authority);
        break;
    case 2:
        out->order[out->count++] = kept;
        break;
    case 3:
        out->order[at] = out->order[other];
        out->order[other] = kept;
        break;
    case 4:
        out->order[out->count++] = grammar_authority(choose(c, GRAMMAR_AUTHORITIES));
        break;
    case 5:
        out->order[at] = out->order[--out->count];
        out->count += out->count == 0;
        break;
    case 6:
        for (; out->count < GRAMMAR_CERTS; out->count++) {
            out->order[out->count] =
                grammar_authority((authority + out->count) % GRAMMAR_AUTHORITIES);
        }
        break;
    default:
        break;
    }
}

static bool write_chain(struct grammar_case *out)
{
    size_t len = 0;
    for (size_t i = 0; i < out->count; i++) {
        len += out->order[i]->len;
        out->lengths[i] = (uint32_t)out->order[i]->len;
    }
    if (len > sizeof(out->der)) {
        return false;
    }
    (void)pki_concat(out->order, out->count, out->der, sizeof(out->der));
    out->chain = (struct hf_chain){out->der, out->lengths, out->count};
    return true;
}

static void ask(struct choices *c, struct grammar_case *out)
{
    static const int64_t times[] = {0, 0, 0, 1, 3599, 3600, -3600, -3601, 3601, 10000000000};
    out->rules = choose_odd(c) ? HF_RULES_COMPATIBLE : HF_RULES_STRICT;
    out->asked =
        (struct hf_presented){.chain = &out->chain,
                              .at = PKI_NOW + times[choose_odd(c) ? choose(c, COUNT(times)) : 0],
                              .purpose = (int)choose(c, 3)};
}

/* An authority that the input made, under which nothing is: the twin of a good one, or a CA of the
 * chain itself. */
static struct hf_bundle_set *odd_bundles(struct choices *c, size_t authority,
                                         const struct grammar_case *made)
{
    static struct pki_cert twin;
    if (choose_odd(c)) {
        return grammar_bundles(made->order[choose(c, made->count)]);
    }
    struct pki_spec spec;
    EVP_PKEY *key = grammar_authority_key(authority);
    pki_authority(&spec, grammar_authority_name(authority), NULL, key);
    finish(c, &spec, key, GRAMMAR_ROOT, &twin);
    return grammar_bundles(&twin);
}

bool grammar_case_make(struct choices *c, struct grammar_case *out)
{
    static const uint8_t depths[] = {1, 0, 1, 2, 1, 0, 2, 3};
    ask(c, out);
    size_t authority = choose(c, GRAMMAR_AUTHORITIES);
    struct issuer issuer = {.name = grammar_authority_name(authority),
                            .key = grammar_authority_key(authority),
                            .authority = authority};
    size_t depth = depths[choose(c, COUNT(depths))];
    out->count = depth + 1;
    for (size_t level = 0; level < depth; level++) {
        out->order[depth - level] = make_ca(c, level, &issuer);
    }
    out->order[0] = make_leaf(c, &issuer);
    bool is_odd = choose_odd(c) && choose_odd(c);
    out->bundles = is_odd ? odd_bundles(c, authority, out) : grammar_bundles(NULL);
    arrange(c, authority, out);
    return out->bundles != NULL && write_chain(out);
}

void grammar_case_wipe(struct grammar_case *made)
{
    hf_bundle_set_unref(made->bundles);
    made->bundles = NULL;
}

void grammar_case_spoil(struct choices *c, struct grammar_case *made)
{
    static struct pki_cert spoilt;
    size_t at = choose(c, made->count);
    const struct pki_cert *kept = made->order[at];
    spoilt.len = kept->len;
    (void)hf_mem_copy(spoilt.der, sizeof(spoilt.der), kept->der, kept->len);
    grammar_spoil(c, &spoilt);
    made->order[at] = &spoilt;
    /* Nothing but a longer certificate can fail to fit, and the chain was written once already. */
    pki_need(write_chain(made), "a spoilt chain of that size");
    made->order[at] = kept;
}
