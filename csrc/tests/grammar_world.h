/* SPDX-License-Identifier: Apache-2.0
 *
 * The authorities under which grammar_chain.c makes chains.
 */
#ifndef HF_TESTS_GRAMMAR_WORLD_H
#define HF_TESTS_GRAMMAR_WORLD_H

#include "pki.h"
#include "x509/bundle.h"

#define GRAMMAR_AUTHORITIES 16

const char *grammar_authority_name(size_t i);
EVP_PKEY *grammar_authority_key(size_t i);
const struct pki_cert *grammar_authority(size_t i);

/* A reference on the bundles of a.example and b.example; with another authority of a.example first
 * when `more` is not NULL, and NULL when that one is none. */
struct hf_bundle_set *grammar_bundles(const struct pki_cert *more);

#endif
