/* SPDX-License-Identifier: Apache-2.0
 *
 * Something signed and who signed it, for the tests of signatures.
 */
#ifndef HF_TESTS_SIGNATURE_KIT_H
#define HF_TESTS_SIGNATURE_KIT_H

#include "kit.h"
#include "verify/signature.h"

/* A root, which signed itself. */
struct sample {
    struct pki_cert der;
    struct hf_cert cert;
    struct hf_signed what;
    struct hf_signer *signer;
};

void sample_make(struct sample *out, EVP_PKEY *key, enum pki_algorithm algorithm);
void sample_free(struct sample *sample);

#endif
