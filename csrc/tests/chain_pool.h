/* SPDX-License-Identifier: Apache-2.0
 *
 * The certificates that fuzz_chain plays with: the same bytes in every run, from fixed Ed25519
 * keys, so that an input found yesterday means the same today.
 */
#ifndef HF_FUZZ_CHAIN_POOL_H
#define HF_FUZZ_CHAIN_POOL_H

#include "pki.h"
#include "x509/bundle.h"

enum chain_pool_place {
    POOL_LEAF,          /* a.example, issued by MIDDLE */
    POOL_MIDDLE,        /* issued by ROOT */
    POOL_ROOT,          /* in a's bundle */
    POOL_DEEP_LEAF,     /* a.example, issued by LOWER */
    POOL_LOWER,         /* issued by UPPER, path length 0 */
    POOL_UPPER,         /* issued by ROOT */
    POOL_CROSS,         /* MIDDLE's name and key, issued by OTHER_ROOT */
    POOL_OTHER_ROOT,    /* in b's bundle */
    POOL_FOREIGN_LEAF,  /* a.example, but issued by OTHER_ROOT */
    POOL_OLD_MIDDLE,    /* MIDDLE, expired */
    POOL_ROLLOVER,      /* ROOT's name with MIDDLE's key, issued by ROOT */
    POOL_ROLLOVER_LEAF, /* a.example, issued by ROLLOVER */
    POOL_LIMITED,       /* a CA with path length 0 and name constraints */
    POOL_LIMITED_LEAF,  /* a.example, issued by LIMITED */
    POOL_STRANGER,      /* a CA that names b.example, issued by ROOT */
    POOL_WEB_LEAF,      /* no SPIFFE ID, issued by MIDDLE */
    CHAIN_POOL
};

const struct pki_cert *chain_pool_cert(size_t place);

/* The key of a CA: of POOL_ROOT, POOL_MIDDLE or POOL_OTHER_ROOT. */
EVP_PKEY *chain_pool_key(enum chain_pool_place place);

/* a.example and b.example, made once. */
const struct hf_bundle_set *chain_pool_bundles(void);

#endif
