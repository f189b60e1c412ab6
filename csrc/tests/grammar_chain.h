/* SPDX-License-Identifier: Apache-2.0
 *
 * A chain, the bundles it is judged by, and what is asked of it, as a run of bytes tells.
 */
#ifndef HF_TESTS_GRAMMAR_CHAIN_H
#define HF_TESTS_GRAMMAR_CHAIN_H

#include "grammar.h"
#include "verify/judge.h"

#define GRAMMAR_CERTS 10 /* two more than are read */

struct grammar_case {
    struct hf_bundle_set *bundles; /* a reference of the case's own */
    struct hf_presented asked;
    int rules;
    struct hf_chain chain;
    size_t count;
    const struct pki_cert *order[GRAMMAR_CERTS];
    uint32_t lengths[GRAMMAR_CERTS];
    uint8_t der[2 * HF_CHAIN_BYTES_MAX];
};

/* Make the keys that take long, before a fuzzer counts the seconds of an input. */
void grammar_prepare(void);

/* False when even the readers of bundles or the limits of this buffer say no. */
bool grammar_case_make(struct choices *c, struct grammar_case *out);
void grammar_case_wipe(struct grammar_case *made);

/* Spoil one presented certificate, after all signatures; the next call begins from the good
 * chain again. */
void grammar_case_spoil(struct choices *c, struct grammar_case *made);

#endif
