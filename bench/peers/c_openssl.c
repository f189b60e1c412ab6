/* SPDX-License-Identifier: Apache-2.0
 *
 * c_openssl.c - verification with plain OpenSSL, the one that handfast is built on.
 *
 * --mode chain: what a careful C programmer writes: d2i_X509 of each certificate, then
 * X509_verify_cert against a store that holds the anchor, then the URI SAN is read and compared.
 * --mode raw: the bound: nothing but the leaves' signatures, with digests made beforehand and one
 * EVP_PKEY_CTX, ready since EVP_PKEY_verify_init. No parsing, no rules, no identity. (Ed25519
 * signs messages and not digests: EVP_DigestVerify of the TBS.)
 */
#include "c_corpus.h"
#include "c_need.h"
#include "c_sampler.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A signature and what it is over, borrowed from the X509 that lives as long. */
struct item {
    uint8_t *tbs;
    size_t tbs_len;
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_len;
    const ASN1_BIT_STRING *signature;
};

struct state {
    struct corpus corpus;
    size_t next;
    X509_STORE *store;
    X509_STORE_CTX *context;
    struct item *items;
    EVP_PKEY *issuer;
    EVP_PKEY_CTX *ready;
    EVP_MD_CTX *message;
};

static X509 *decode(const uint8_t *der, size_t len)
{
    X509 *certificate = d2i_X509(NULL, &der, (long)len);
    need(certificate != NULL, "d2i_X509");
    return certificate;
}

static size_t advance(struct state *state)
{
    size_t number = state->next;
    state->next = number + 1 == state->corpus.count ? 0 : number + 1;
    return number;
}

/* ---- chains ------------------------------------------------------------------------------- */

static void check_id(X509 *leaf, size_t number)
{
    char expected[CORPUS_ID_SIZE];
    GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    need(names != NULL && sk_GENERAL_NAME_num(names) == 1, "one name");
    int type;
    const ASN1_IA5STRING *uri = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, 0), &type);
    corpus_id(number, expected);
    size_t len = (size_t)ASN1_STRING_length(uri);
    need(type == GEN_URI && len == strlen(expected) &&
             memcmp(ASN1_STRING_get0_data(uri), expected, len) == 0,
         "met somebody else");
    GENERAL_NAMES_free(names);
}

static void verify_chain(struct state *state, size_t number)
{
    const struct corpus *corpus = &state->corpus;
    const uint8_t *der = corpus->chains.data + corpus->at[number];
    const uint32_t *lengths = corpus->lengths[number];
    X509 *leaf = decode(der, lengths[0]);
    STACK_OF(X509) *rest = NULL;
    if (corpus->certificates == 2) {
        rest = sk_X509_new_null();
        need(rest != NULL && sk_X509_push(rest, decode(der + lengths[0], lengths[1])) == 1,
             "sk_X509_push");
    }
    need(X509_STORE_CTX_init(state->context, state->store, leaf, rest) == 1, "X509_STORE_CTX_init");
    need(X509_STORE_CTX_set_default(state->context, "ssl_client") == 1, "ssl_client");
    need(X509_verify_cert(state->context) == 1, "X509_verify_cert");
    check_id(leaf, number);
    X509_STORE_CTX_cleanup(state->context);
    sk_X509_pop_free(rest, X509_free);
    X509_free(leaf);
}

static void chain_block(void *opaque, struct split *unused)
{
    struct state *state = opaque;
    (void)unused;
    for (int i = 0; i < CORPUS_BLOCK; i++) {
        verify_chain(state, advance(state));
    }
}

static void prepare_chains(struct state *state)
{
    X509 *anchor = decode(state->corpus.anchor.data, state->corpus.anchor.len);
    state->store = X509_STORE_new();
    state->context = X509_STORE_CTX_new();
    need(state->store != NULL && state->context != NULL, "X509_STORE_new");
    need(X509_STORE_add_cert(state->store, anchor) == 1, "X509_STORE_add_cert");
    X509_free(anchor);
}

/* ---- signatures alone --------------------------------------------------------------------- */

static void verify_digest(struct state *state, const struct item *item)
{
    need(EVP_PKEY_verify(state->ready, item->signature->data, (size_t)item->signature->length,
                         item->digest, item->digest_len) == 1,
         "EVP_PKEY_verify");
}

static void verify_message(struct state *state, const struct item *item)
{
    need(EVP_DigestVerifyInit(state->message, NULL, NULL, NULL, state->issuer) == 1 &&
             EVP_DigestVerify(state->message, item->signature->data,
                              (size_t)item->signature->length, item->tbs, item->tbs_len) == 1,
         "EVP_DigestVerify");
}

static void raw_block(void *opaque, struct split *unused)
{
    struct state *state = opaque;
    (void)unused;
    for (int i = 0; i < CORPUS_BLOCK; i++) {
        const struct item *item = &state->items[advance(state)];
        if (state->ready != NULL) {
            verify_digest(state, item);
        } else {
            verify_message(state, item);
        }
    }
}

static void prepare_item(struct state *state, size_t number, struct item *item)
{
    const struct corpus *corpus = &state->corpus;
    X509 *leaf = decode(corpus->chains.data + corpus->at[number], corpus->lengths[number][0]);
    int digest = NID_undef;
    int len = i2d_re_X509_tbs(leaf, &item->tbs);
    need(len > 0 && X509_get_signature_info(leaf, &digest, NULL, NULL, NULL) == 1, "signature");
    item->tbs_len = (size_t)len;
    X509_get0_signature(&item->signature, NULL, leaf); /* the leaf lives on */
    const EVP_MD *md = EVP_get_digestbynid(digest);
    if (md == NULL) {
        return;
    }
    need(EVP_Digest(item->tbs, item->tbs_len, item->digest, &item->digest_len, md, NULL) == 1,
         "EVP_Digest");
    if (state->ready == NULL) {
        state->ready = EVP_PKEY_CTX_new_from_pkey(NULL, state->issuer, NULL);
        need(state->ready != NULL && EVP_PKEY_verify_init(state->ready) == 1 &&
                 EVP_PKEY_CTX_set_signature_md(state->ready, md) == 1,
             "EVP_PKEY_verify_init");
    }
}

static void prepare_raw(struct state *state)
{
    const struct corpus *corpus = &state->corpus;
    X509 *issuer = corpus->certificates == 2
                       ? decode(corpus->chains.data + corpus->lengths[0][0], corpus->lengths[0][1])
                       : decode(corpus->anchor.data, corpus->anchor.len);
    state->issuer = X509_get_pubkey(issuer);
    state->message = EVP_MD_CTX_new();
    state->items = calloc(corpus->count, sizeof(*state->items));
    need(state->issuer != NULL && state->message != NULL && state->items != NULL, "issuer");
    for (size_t i = 0; i < corpus->count; i++) {
        prepare_item(state, i, &state->items[i]);
    }
    X509_free(issuer);
}

int main(int argc, char **argv)
{
    static struct state state;
    struct corpus_options options;
    corpus_options(argc, argv, &options);
    corpus_load(&options, &state.corpus);
    int raw = strcmp(options.mode, "raw") == 0;
    work_function *block = raw ? raw_block : chain_block;
    (raw ? prepare_raw : prepare_chains)(&state);
    sampler_units(CORPUS_BLOCK);
    char facts[128];
    snprintf(facts, sizeof(facts), "{\"openssl\": \"%s\"}", OpenSSL_version(OPENSSL_VERSION));
    sampler_run(block, &state, options.count, facts);
    return 0;
}
