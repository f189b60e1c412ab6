/* SPDX-License-Identifier: Apache-2.0
 *
 * In paths, names are compared as bytes: one that is written in two ways leads nowhere, and the
 * chain is refused. Here the same would let somebody in: a list that is taken for another issuer's
 * revokes nobody. So a list belongs to whom OpenSSL says it does; that his key signed it is seen
 * to as always.
 */
#include "verify/crl_names.h"

#include "verify/fast_names.h"
#include "x509/ossl.h"

static X509_NAME *decode(struct hf_span name)
{
    const unsigned char *at = name.data;
    return d2i_X509_NAME(NULL, &at, (long)name.len);
}

bool hf_crl_same_name(struct hf_span left, struct hf_span right)
{
    if (hf_span_equal(left, right)) {
        return true;
    }
    /* Nearly always: decoding every name of a thousand lists would cost more than the chain. */
    if (hf_fast_differ(left, right)) {
        return false;
    }
    X509_NAME *a = decode(left);
    X509_NAME *b = decode(right);
    bool same = a == NULL || b == NULL || X509_NAME_cmp(a, b) == 0;
    X509_NAME_free(a);
    X509_NAME_free(b);
    hf_ossl_clear();
    return same;
}
