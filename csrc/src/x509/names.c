/* SPDX-License-Identifier: Apache-2.0
 *
 * Name ::= SEQUENCE OF SET SIZE (1..MAX) OF SEQUENCE { type OID, value }
 *
 * Names are compared as bytes, never as text: only their form is read here. Values are texts, or
 * the bit string of x500UniqueIdentifier; nothing else is in use.
 */
#include "x509/cert_parts.h"

static hf_result read_attribute(struct hf_span content)
{
    struct hf_span type;
    struct hf_span bits;
    HF_TRY(hf_der_take_oid(&content, &type));
    if (!hf_der_peek(content, HF_DER_BIT_STRING)) {
        return hf_cert_check_text(content);
    }
    /* x500UniqueIdentifier */
    HF_TRY(hf_der_take_octet_bits(&content, &bits));
    return hf_der_end(content);
}

static hf_result read_rdn(struct hf_span content)
{
    HF_NEED_SEEN(content.len != 0, HF_E_DER_VALUE, "an attribute in each part of a name", "none");
    while (content.len != 0) {
        struct hf_span attribute;
        HF_TRY(hf_der_take(&content, HF_DER_SEQUENCE, &attribute));
        HF_TRY(read_attribute(attribute));
    }
    return hf_ok();
}

hf_result hf_cert_take_name(struct hf_span *from, struct hf_der *out)
{
    HF_TRY(hf_der_take_whole(from, HF_DER_SEQUENCE, out));
    struct hf_span rest = out->content;
    while (rest.len != 0) {
        struct hf_span rdn;
        HF_TRY(hf_der_take(&rest, HF_DER_SET, &rdn));
        HF_TRY(read_rdn(rdn));
    }
    return hf_ok();
}
