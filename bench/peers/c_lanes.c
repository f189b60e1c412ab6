/* SPDX-License-Identifier: Apache-2.0
 *
 * c_lanes.c - the bound above the batch: leaves' signatures eight at a time in crypto_mb, with
 * digests made beforehand, and nothing else. P-256 and P-384 only.
 */
#include "c_corpus.h"
#include "c_need.h"
#include "c_sampler.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verify/signature_mb.h"

#define POINT_MAX 97

struct state {
    struct corpus corpus;
    struct hf_mb_job *jobs;
    uint8_t (*digests)[EVP_MAX_MD_SIZE];
    uint8_t point[POINT_MAX];
    size_t point_len;
    enum hf_key_kind curve;
    size_t next;
};

/* One block: CORPUS_BLOCK rounded down to whole lanes, all of which must hold. */
#define BLOCK (CORPUS_BLOCK / HF_MB_LANES * HF_MB_LANES)

static void block(void *opaque, struct split *unused)
{
    struct state *state = opaque;
    (void)unused;
    for (int i = 0; i < BLOCK; i += HF_MB_LANES) {
        struct hf_mb_job *jobs = &state->jobs[state->next];
        hf_mb_verify(state->curve, jobs, HF_MB_LANES);
        for (int lane = 0; lane < HF_MB_LANES; lane++) {
            need(jobs[lane].held, "a lane does not hold");
        }
        state->next += HF_MB_LANES;
        if (state->next + HF_MB_LANES > state->corpus.count) {
            state->next = 0;
        }
    }
}

/* False where lanes are not for this kind of key. */
static bool read_issuer(struct state *state)
{
    const struct corpus *corpus = &state->corpus;
    const uint8_t *at = corpus->certificates == 2 ? corpus->chains.data + corpus->lengths[0][0]
                                                  : corpus->anchor.data;
    X509 *issuer = d2i_X509(NULL, &at, FILENAME_MAX);
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    need(key != NULL, "the issuer's key");
    bool is_curve = EVP_PKEY_is_a(key, "EC") == 1;
    if (is_curve) {
        need(EVP_PKEY_get_octet_string_param(key, "pub", state->point, sizeof(state->point),
                                             &state->point_len) == 1,
             "the issuer's point");
        state->curve = state->point_len == POINT_MAX ? HF_KEY_P384 : HF_KEY_P256;
    }
    X509_free(issuer);
    return is_curve;
}

static void prepare(struct state *state)
{
    struct corpus *corpus = &state->corpus;
    const EVP_MD *md = state->curve == HF_KEY_P384 ? EVP_sha384() : EVP_sha256();
    state->jobs = calloc(corpus->count, sizeof(*state->jobs));
    state->digests = calloc(corpus->count, sizeof(*state->digests));
    need(state->jobs != NULL && state->digests != NULL, "memory");
    for (size_t i = 0; i < corpus->count; i++) {
        const uint8_t *at = corpus->chains.data + corpus->at[i];
        const ASN1_BIT_STRING *signature;
        uint8_t *tbs = NULL;
        unsigned len = 0;
        X509 *leaf = d2i_X509(NULL, &at, corpus->lengths[i][0]);
        int tbs_len = i2d_re_X509_tbs(leaf, &tbs);
        need(tbs_len > 0 &&
                 EVP_Digest(tbs, (size_t)tbs_len, state->digests[i], &len, md, NULL) == 1,
             "digest");
        X509_get0_signature(&signature, NULL, leaf); /* the leaf lives on */
        state->jobs[i] = (struct hf_mb_job){
            .point = state->point,
            .point_len = state->point_len,
            .digest = state->digests[i],
            .digest_len = len,
            .signature = hf_span_of(signature->data, (size_t)signature->length),
        };
        OPENSSL_free(tbs);
    }
}

int main(int argc, char **argv)
{
    static struct state state;
    struct corpus_options options;
    corpus_options(argc, argv, &options);
    corpus_load(&options, &state.corpus);
    if (!hf_mb_available()) {
        printf("{\"absent\": \"signature lanes: %s\"}\n", hf_mb_state());
        return 0;
    }
    if (!read_issuer(&state)) {
        printf("{\"absent\": \"lanes are for P-256 and P-384\"}\n");
        return 0;
    }
    prepare(&state);
    sampler_units(BLOCK);
    char facts[64];
    snprintf(facts, sizeof(facts), "{\"lanes\": \"%s\"}", hf_mb_state());
    sampler_run(block, &state, options.count, facts);
    return 0;
}
