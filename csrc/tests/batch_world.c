/* SPDX-License-Identifier: Apache-2.0 */
#include "batch_world.h"

#include <stdio.h>

#define KINDS 5
#define FLAVOURS 26

static const enum pki_kind kinds[KINDS] = {PKI_P256, PKI_P384, PKI_RSA2048, PKI_ED25519, PKI_P521};

static struct pki_cert roots[PKI_KINDS];
static struct pki_cert middles[PKI_KINDS];
static struct pki_cert stranger;

static const char *root_name(enum pki_kind kind)
{
    static char name[32];
    (void)snprintf(name, sizeof(name), "root %d", (int)kind);
    return name;
}

static const char *middle_name(enum pki_kind kind)
{
    static char name[32];
    (void)snprintf(name, sizeof(name), "middle %d", (int)kind);
    return name;
}

static void make_authorities(void)
{
    if (stranger.len != 0) {
        return;
    }
    for (size_t i = 0; i < KINDS; i++) {
        enum pki_kind kind = kinds[i];
        kit_root(&roots[kind], root_name(kind), pki_key(kind, 0));
        kit_intermediate(&middles[kind], root_name(kind), pki_key(kind, 0), middle_name(kind),
                         pki_key(kind, 1));
    }
    kit_root(&stranger, "stranger", KIT_KEY(2));
}

struct hf_verifier *batch_world_verifier(void)
{
    make_authorities();
    struct hf_bundle *bundles[2] = {
        kit_bundle("a.example", KIT_CERTS(&roots[PKI_P256], &roots[PKI_P384], &roots[PKI_RSA2048],
                                          &roots[PKI_ED25519], &roots[PKI_P521])),
        kit_bundle("b.example", KIT_CERTS(&stranger))};
    return batch_verifier(kit_set(bundles, 2), HF_POLICY_PREFIX, "spiffe://a.example/w");
}

static void make_leaf(struct pki_cert *out, enum pki_kind kind, const char *format, size_t n)
{
    char uri[64];
    (void)snprintf(uri, sizeof(uri), "spiffe://%s/%zu", format, n);
    kit_leaf(out, middle_name(kind), pki_key(kind, 1), uri);
}

static void make_expired(struct pki_cert *out, enum pki_kind kind)
{
    struct pki_spec spec;
    pki_leaf(&spec, middle_name(kind), "spiffe://a.example/w/old", KIT_LEAF_KEY);
    pki_add_key_ids(&spec, pki_key(kind, 1));
    spec.not_after = PKI_NOW - 1;
    kit_sign(&spec, pki_key(kind, 1), out);
}

void batch_world_good(struct batch_corpus *corpus, enum pki_kind kind, size_t n)
{
    static struct pki_cert leaf;
    make_authorities();
    make_leaf(&leaf, kind, "a.example/w", n);
    batch_add(corpus, KIT_CERTS(&leaf, &middles[kind]));
}

void batch_world_forged(struct batch_corpus *corpus, enum pki_kind kind, size_t n)
{
    static struct pki_cert leaf;
    make_authorities();
    make_leaf(&leaf, kind, "a.example/w", n);
    leaf.der[leaf.len - 3] ^= 0x10;
    batch_add(corpus, KIT_CERTS(&leaf, &middles[kind]));
}

/* The chains that are not simply good or forged. */
static void add_odd(struct batch_corpus *corpus, enum pki_kind kind, size_t flavour, size_t n)
{
    static struct pki_cert leaf;
    const struct pki_cert *middle = &middles[kind];
    make_leaf(&leaf, kind,
              flavour == 0   ? "a.example/denied"
              : flavour == 1 ? "b.example/w"
              : flavour == 2 ? "c.example/w"
                             : "a.example/w",
              n);
    switch (flavour) {
    case 3:
        make_expired(&leaf, kind);
        break;
    case 4:
        batch_add(corpus, KIT_CERTS(&leaf)); /* its intermediate is missing */
        return;
    case 5:
        batch_add(corpus, KIT_CERTS(middle));
        return;
    case 6:
        batch_add_bytes(corpus, HF_SPAN("this is not a certificate"));
        return;
    case 7:
        batch_add(corpus, KIT_NO_CERTS);
        return;
    case 8:
        batch_add(corpus,
                  KIT_CERTS(&leaf, middle, middle, middle, middle, middle, middle, middle, middle));
        return;
    case 9:
        leaf.len -= 7;
        break;
    case 10:
        batch_add(corpus, KIT_CERTS(&leaf, &stranger, middle, middle)); /* useless ones: good */
        return;
    case 11:
        kit_leaf(&leaf, "stranger", KIT_KEY(2), "spiffe://a.example/w/x");
        batch_add(corpus, KIT_CERTS(&leaf, &stranger));
        return;
    default:
        break;
    }
    batch_add(corpus, KIT_CERTS(&leaf, middle));
}

void batch_world_fill(struct batch_corpus *corpus, size_t count)
{
    make_authorities();
    for (size_t n = 0; n < count; n++) {
        enum pki_kind kind = kinds[(n * n + n / 3) % KINDS];
        size_t flavour = n % FLAVOURS;
        if (flavour == 13 || flavour == 25) {
            size_t twin = n / 2;
            batch_again(corpus, twin);
        } else if (flavour < 12) {
            add_odd(corpus, kind, flavour, n);
        } else if (flavour == 15 || flavour == 20) {
            batch_world_forged(corpus, kind, n);
        } else {
            batch_world_good(corpus, kind, n);
        }
    }
}
