/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates and chains as a run of bytes tells, for fuzzers: each byte is a choice, zero is
 * always the plain one, and so is what comes after the end. A short or sparse input is a good chain
 * with a few odd places, really signed, so that a verifier gets as far as the odd place.
 */
#ifndef HF_TESTS_GRAMMAR_H
#define HF_TESTS_GRAMMAR_H

#include "pki.h"

struct choices {
    struct hf_span left;
};

uint8_t choose_byte(struct choices *c);
/* 0 .. n-1; n at most 256. */
size_t choose(struct choices *c, size_t n);
/* Yes for one byte in four. */
bool choose_odd(struct choices *c);

enum grammar_level { GRAMMAR_LEAF, GRAMMAR_CA, GRAMMAR_ROOT };

/* Fields (grammar_fields.c), then extensions (grammar_extensions.c), each perhaps odd. */
void grammar_prepare_fields(void);
void grammar_fields(struct choices *c, struct pki_spec *spec, enum grammar_level level);
void grammar_extensions(struct choices *c, struct pki_spec *spec, EVP_PKEY *issuer_key);

/* Certificates as signed, then spoiled in their structure: inside, with a new signature, or
 * anywhere. */
void grammar_resign(struct choices *c, EVP_PKEY *issuer_key, enum pki_algorithm algorithm,
                    struct pki_cert *cert);
void grammar_spoil(struct choices *c, struct pki_cert *cert);

#endif
