/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "policy/verifier.h"
#include "verify/peer.h"

_Static_assert(HF_BY_ANY == (int)HF_WAY_ANY && HF_BY_GENERAL == (int)HF_WAY_GENERAL &&
                   HF_BY_FAST == (int)HF_WAY_FAST,
               "the public numbers are the judge's");

hf_result hf_verifier_authenticate(struct hf_verifier *verifier, const struct hf_chain *chain,
                                   int64_t at, int purpose, int way, struct hf_peer *out)
{
    HF_NEED_PTR(out);
    hf_peer_clear(out);
    HF_NEED_PTR(verifier);
    HF_NEED_SEEN(verifier->kind == HF_VERIFIER_SPIFFE, HF_E_BAD_ARGUMENT, "a SPIFFE verifier", "%s",
                 "a web verifier");
    HF_NEED_SEEN(purpose >= HF_PURPOSE_EITHER && purpose <= HF_PURPOSE_SERVER, HF_E_BAD_ARGUMENT,
                 "a purpose (HF_PURPOSE_*)", "%d", purpose);
    HF_NEED_SEEN(way >= HF_BY_ANY && way <= HF_BY_FAST, HF_E_BAD_ARGUMENT, "a way (HF_BY_*)", "%d",
                 way);
    const struct hf_presented presented = {
        .chain = chain, .at = hf_clock_resolve(at), .purpose = purpose};
    const struct hf_judge_options options = hf_verifier_options(verifier, (enum hf_way)way);
    return hf_judge_svid(verifier->bundles, &presented, &options, out);
}
