/* SPDX-License-Identifier: Apache-2.0 */
#include "signature_kit.h"

#include <stdlib.h>

void sample_make(struct sample *out, EVP_PKEY *key, enum pki_algorithm algorithm)
{
    struct pki_spec spec;
    pki_authority(&spec, "root", NULL, key);
    spec.algorithm = algorithm;
    kit_sign(&spec, key, &out->der);
    if (!hf_is_ok(hf_cert_parse(pki_span(&out->der), &out->cert)) ||
        !hf_is_ok(hf_signer_new(&out->cert, &out->signer))) {
        abort();
    }
    out->what = hf_signed_of(&out->cert);
}

void sample_free(struct sample *sample)
{
    hf_signer_unref(sample->signer);
}
