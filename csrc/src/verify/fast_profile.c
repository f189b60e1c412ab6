/* SPDX-License-Identifier: Apache-2.0
 *
 * The profile of the fast path, and why what it accepts X509_verify_cert accepts too (P2). Read
 * against OpenSSL 3.5.7 (x509_vfy.c, v3_purp.c, a_verify.c) as general.c sets it up, and to be read
 * again when csrc/openssl.pin is bumped; the differential tests and fuzzers look all the time.
 * docs/explanation/strict-path.md tells the same for people.
 *
 *   "reader"   hf_cert_parse() refused it already, for every certificate that was presented
 *   "rules"    hf_path_check() or hf_svid_leaf_check() did, before anybody asks here
 *   "search"   hf_search_next() makes no such path
 *   "profile"  hf_fast_covers(): not covered, OpenSSL is asked
 *   "same"     the same function of OpenSSL on the same bytes
 *
 * d2i_X509, of leaf and intermediates
 *   form of TBS, times, extensions, DER at all         reader, which takes less; certificate fuzzer
 *   names: types of text, UTF-8, UCS-2                 reader (text.c)
 * x509v3_cache_extensions: EXFLAG_INVALID
 *   basic constraints, key usage (empty too), EKU,     reader; the same extension twice too
 *     SKI, AKI, SAN that cannot be read
 *   negative pathLenConstraint                         reader
 *   name constraints                                   profile: none anywhere on the path
 *   proxyCertInfo, nsCertType, CRL distribution        profile: no unread extension, no SAN but
 *     points, RFC 3779, inside of otherName & Co.        URI, DNS, IP address, mail
 *   certificate policies, authority information        not looked into by OpenSSL either
 * build_chain
 *   next one does not have the issuer's name           search: equal bytes; X509_NAME_cmp is wider
 *   AKI keyIdentifier against SKI                      search: key_ids_agree() is X509_check_akid
 *   AKI issuer and serial number                       profile
 *   kind of signature against kind of the key above    signature.c: hf_signature_fits()
 *   leaf or intermediate looks self-signed, so that    profile: its names must differ for OpenSSL
 *     only itself may be its anchor                      too (fast_names.c)
 *   another certificate chosen than the path has       none there: untrusted are the path's own, in
 *                                                        order, trusted is the anchor alone
 *   depth                                              reader: 8 certificates; the limit is 9
 *   trust settings of the anchor                       none: it was decoded from plain DER
 * check_extensions
 *   unhandled critical extension                       reader; those that it takes (key usage, SAN,
 *                                                        BC, EKU) OpenSSL handles
 *   proxy certificate                                  profile: none that is unread
 *   intermediate or anchor that is no CA               rules: cA, and keyCertSign if there is key
 *                                                        usage
 *   explicit curve parameters                          reader: named curves alone
 *   purpose, STRICT: EKU and key usage of the leaf,    rules: check_eku, check_key_usage,
 *     EKU of every CA, the anchor too; nsCertType        check_nesting; profile: none unread
 *   purpose, COMPATIBLE                                any, so nothing
 *   pathLenConstraint                                  rules: check_length counts the same
 *                                                        (profile: none is self-issued), or more
 * check_auth_level: 112 bits
 *   key that cannot be decoded                         leaf: is_decodable(); intermediate: its
 *                                                        signer; anchor: with its bundle
 *   key or digest too weak                             reader: RSA from 2048 bits, SHA-2
 * check_id, check_revocation, suite B, policies        not asked for
 * internal_verify
 *   issuer's key usage without keyCertSign             rules
 *   two different algorithms, unused bits of the       reader
 *     signature
 *   signature                                          same: RSA, ECDSA and Ed25519 by EVP over the
 *                                                        TBS as it came, PSS with the digest's salt
 *                                                        length (the only one the reader takes)
 *   times                                              rules, and stricter; OpenSSL is told not to
 * check_name_constraints                               profile: none
 * RFC 3779                                             profile: unread extension
 */

#include "verify/fast.h"
#include "verify/fast_names.h"
#include "x509/scratch.h"

static bool is_plain(const struct hf_cert *cert)
{
    return !cert->as_root && !cert->has_unread_extension && !cert->has_name_constraints &&
           !cert->has_policy_constraints && !cert->has_unknown_critical &&
           !cert->aki_names_issuer && cert->other_san_count == 0;
}

/* The leaf's key is not decoded, but OpenSSL would, and refuse a point that is not on its curve. */
static bool is_decodable(const struct hf_cert *leaf)
{
    return leaf->key_kind == HF_KEY_RSA || leaf->key_kind == HF_KEY_ED25519 ||
           hf_scratch_on_curve(leaf->public_key);
}

bool hf_fast_covers(const struct hf_pool *pool, const struct hf_path *path,
                    const struct hf_question *question)
{
    if (question->web || !is_plain(&path->anchor->cert)) {
        return false;
    }
    for (size_t depth = 0; depth < path->count; depth++) {
        const struct hf_cert *cert = hf_path_cert(pool, path, depth);
        if (!is_plain(cert) || !hf_fast_names_differ(cert)) {
            return false;
        }
    }
    return is_decodable(hf_path_cert(pool, path, 0));
}
