/* SPDX-License-Identifier: Apache-2.0
 *
 * Private keys in all three forms. What is read lies inside the input.
 *
 * What an attacker must hold: the place that our own keys come from (a file, a Workload API
 * socket), where the worse attack is to take the key. Read strictly all the same.
 */
#include <stdlib.h>

#include "x509/private_key.h"

static void must_lie_inside(struct hf_span part, const uint8_t *data, size_t size)
{
    if (part.len != 0 &&
        (part.data < data || part.len > size || part.data > data + (size - part.len))) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_private_key key;
    hf_result r = hf_private_key_read(hf_span_of(data, size), &key);
    if (!hf_is_ok(r) && r.code != HF_E_KEY_INVALID) {
        abort();
    }
    must_lie_inside(key.scalar, data, size);
    for (size_t i = 0; i < HF_RSA_NUMBERS; i++) {
        must_lie_inside(key.rsa[i], data, size);
    }
    return 0;
}
