/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys, signatures and parts of the test certificates.
 */
#ifndef HF_TESTS_PKI_SIGN_H
#define HF_TESTS_PKI_SIGN_H

#include "pki.h"

/* The test itself is broken: say so and end. */
void pki_need(bool good, const char *what);

/* DEFAULT resolved for a key. */
enum pki_algorithm pki_algorithm_for(enum pki_algorithm wanted, EVP_PKEY *key);

/* The AlgorithmIdentifier. */
void pki_write_algorithm(struct der_writer *w, enum pki_algorithm algorithm);

/* Returns the length of the signature. */
size_t pki_sign(EVP_PKEY *key, enum pki_algorithm algorithm, struct der_bytes tbs, uint8_t *out,
                size_t cap);

/* pki.c: a Name, raw or of one common name; and the SEQUENCE of a spec's extensions. */
void pki_write_name(struct der_writer *w, struct der_bytes raw, const char *common_name);
void pki_write_extension_list(struct der_writer *w, const struct pki_spec *spec);

#endif
