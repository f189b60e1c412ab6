/* SPDX-License-Identifier: Apache-2.0
 *
 * The one table of failures. C takes its codes from here, Python reads the same rows through
 * hf_error_table() and a test compares both, so a reason cannot mean two things.
 *
 * X(SYMBOL, name, CATEGORY, number, alert, text, hint)
 *   number  stable for ever inside its category; code = category << 8 | number
 *   alert   TLS AlertDescription that tells the peer, -1 where no peer is told
 */
#ifndef HF_BASE_ERROR_CODES_H
#define HF_BASE_ERROR_CODES_H

#define HF_CATEGORIES(X)                                                                           \
    X(INTERNAL, "internal", 1)         /* ours: a bug, or no memory */                             \
    X(USAGE, "usage", 2)               /* the caller's */                                          \
    X(IO, "io", 3)                     /* the transport's */                                       \
    X(CLOSED, "closed", 4)             /* an end, clean or not */                                  \
    X(PEER, "peer", 5)                 /* the peer broke the protocol, or said no */               \
    X(INCOMPATIBLE, "incompatible", 6) /* both honest, nothing in common */                        \
    X(ID, "id", 7)                     /* not a SPIFFE ID */                                       \
    X(DER, "der", 8)                   /* not strict DER */                                        \
    X(CERTIFICATE, "certificate", 9)   /* one certificate is not acceptable */                     \
    X(CHAIN, "chain", 10)              /* the path to an authority is not */                       \
    X(POLICY, "policy", 11)            /* authenticated, but not authorized */                     \
    X(CONFIG, "config", 12)            /* own identity, bundles or settings */

/* RFC 8446 section 6 numbers, so that base needs no OpenSSL header. */
#define HF_ALERT_NONE (-1)
#define HF_ALERT_UNEXPECTED_MESSAGE 10
#define HF_ALERT_HANDSHAKE_FAILURE 40
#define HF_ALERT_BAD_CERTIFICATE 42
#define HF_ALERT_UNSUPPORTED_CERTIFICATE 43
#define HF_ALERT_CERTIFICATE_REVOKED 44
#define HF_ALERT_CERTIFICATE_EXPIRED 45
#define HF_ALERT_CERTIFICATE_UNKNOWN 46
#define HF_ALERT_ILLEGAL_PARAMETER 47
#define HF_ALERT_UNKNOWN_CA 48
#define HF_ALERT_ACCESS_DENIED 49
#define HF_ALERT_DECODE_ERROR 50
#define HF_ALERT_PROTOCOL_VERSION 70
#define HF_ALERT_INTERNAL_ERROR 80
#define HF_ALERT_UNRECOGNIZED_NAME 112
#define HF_ALERT_CERTIFICATE_REQUIRED 116
#define HF_ALERT_NO_APPLICATION_PROTOCOL 120

#define HF_ERRORS(X)                                                                               \
    X(INTERNAL, "internal", INTERNAL, 1, HF_ALERT_INTERNAL_ERROR, "the engine failed",             \
      "this is a bug: report it with the file and line")                                           \
    X(OUT_OF_MEMORY, "out_of_memory", INTERNAL, 2, HF_ALERT_INTERNAL_ERROR, "no memory",           \
      "free memory or lower the limits")                                                           \
    X(OPENSSL, "openssl", INTERNAL, 3, HF_ALERT_INTERNAL_ERROR, "OpenSSL failed",                  \
      "see OpenSSL's own reason in the details")                                                   \
    X(OPENSSL_VERSION, "openssl_version", INTERNAL, 4, -1, "this OpenSSL is refused",              \
      "use 3.0 or newer, but not 4.0.0 to 4.0.2 (CVE-2026-84783)")                                 \
    X(BAD_ARGUMENT, "bad_argument", USAGE, 1, -1, "an argument is not valid",                      \
      "see what was expected")                                                                     \
    X(WRONG_STATE, "wrong_state", USAGE, 2, -1, "not possible in this state",                      \
      "finish the handshake first, and do not use a closed or failed connection")                  \
    X(BUSY, "busy", USAGE, 3, -1, "another thread uses this connection",                           \
      "a connection belongs to one thread at a time")                                              \
    X(LIMIT, "limit", USAGE, 4, -1, "a limit was reached", "raise the limit or send less")         \
    X(NOT_JUDGED, "not_judged", USAGE, 5, -1, "judging stopped before this chain's turn",          \
      "the batch was cancelled or failed: a chain without a verdict is not accepted")              \
    X(IO, "io", IO, 1, -1, "a system call failed", "see the system's error in the details")        \
    X(RESET, "connection_reset", IO, 2, -1, "the peer reset the connection",                       \
      "look at the peer's log")                                                                    \
    X(HANDSHAKE_TIMEOUT, "handshake_timeout", IO, 3, -1, "the handshake took too long",            \
      "the peer is slow, not there, or waits for something else than TLS")                         \
    X(CLOSED, "closed", CLOSED, 1, -1, "the peer ended the connection cleanly", "")                \
    X(TRUNCATED, "truncated", CLOSED, 2, -1, "the connection ended without close_notify",          \
      "data may be missing at the end: do not trust what was read so far as complete")             \
    X(MAX_AGE, "max_age", CLOSED, 3, -1,                                                           \
      "we ended the connection: it has lived for its max_age=", "connect again")                   \
    X(CREDENTIALS_ENDED, "credentials_ended", CLOSED, 4, -1,                                       \
      "we ended the connection: an identity that it rests on ends",                                \
      "connect again: the new handshake has the new identities")                                   \
    X(CREDENTIALS_REVOKED, "credentials_revoked", CLOSED, 5, -1,                                   \
      "we ended the connection: the newest bundles or identity do not carry it any more",          \
      "was an authority removed, or our own identity withdrawn?")                                  \
    X(DRAINED, "drained", CLOSED, 6, -1, "we ended the connection: this end is drained",           \
      "connect again, perhaps to another instance")                                                \
    X(PEER_ALERT, "peer_alert", PEER, 1, -1, "the peer refused and sent an alert",                 \
      "the reason is in the peer's log; the alert narrows it down")                                \
    X(PROTOCOL, "protocol", PEER, 2, HF_ALERT_UNEXPECTED_MESSAGE, "the peer broke the protocol",   \
      "is a TLS stack at the other end, and nothing between that rewrites bytes?")                 \
    X(NOT_TLS, "not_tls", PEER, 3, HF_ALERT_UNEXPECTED_MESSAGE, "the peer does not speak TLS",     \
      "check the port, and whether the peer expects plain text")                                   \
    X(NO_CERTIFICATE, "no_certificate", PEER, 4, HF_ALERT_CERTIFICATE_REQUIRED,                    \
      "the peer sent no certificate", "mutual TLS needs an SVID on both sides: give the peer one") \
    X(BAD_PROOF, "bad_proof_of_possession", PEER, 5, 51,                                           \
      "the peer could not prove that it holds the key of its certificate",                         \
      "the peer's key and certificate do not belong together")                                     \
    X(CLIENT_HELLO, "client_hello_invalid", PEER, 20, HF_ALERT_DECODE_ERROR,                       \
      "the ClientHello cannot be read, or is too large",                                           \
      "is a TLS stack at the other end? A server name is a host name, never an address")           \
    X(PROXY_HEADER, "proxy_header_invalid", PEER, 21, -1, "the PROXY header is malformed",         \
      "look at the proxy: version 1 or 2, over TCP")                                               \
    X(PROXY_MISSING, "proxy_header_missing", PEER, 22, -1,                                         \
      "a source that must send a PROXY header first sent something else",                          \
      "switch it on at the proxy, or take the address out of the named sources")                   \
    X(PROXY_UNEXPECTED, "proxy_header_unexpected", PEER, 23, -1,                                   \
      "a PROXY header from a source that is not named",                                            \
      "name the proxy's own address as a source, if it is one")                                    \
    X(INCOMPATIBLE, "incompatible", INCOMPATIBLE, 1, HF_ALERT_HANDSHAKE_FAILURE,                   \
      "no parameters in common", "compare groups, cipher suites and signature algorithms")         \
    X(VERSION_MISMATCH, "version_mismatch", INCOMPATIBLE, 2, HF_ALERT_PROTOCOL_VERSION,            \
      "no TLS version in common", "TLS 1.3 is the default: allow 1.2 on this side if you must")    \
    X(NO_APPLICATION_PROTOCOL, "no_application_protocol", INCOMPATIBLE, 3,                         \
      HF_ALERT_NO_APPLICATION_PROTOCOL, "no application protocol in common",                       \
      "compare the ALPN lists of both sides")                                                      \
    X(SERVER_NAME_UNKNOWN, "server_name_unknown", INCOMPATIBLE, 20, HF_ALERT_UNRECOGNIZED_NAME,    \
      "nothing on this port answers to the server name that the peer asked for",                   \
      "add the name, or let the peer ask for another one")                                         \
    X(ID_EMPTY, "id_empty", ID, 1, -1, "an empty text is not a SPIFFE ID", "")                     \
    X(ID_TOO_LONG, "id_too_long", ID, 2, -1, "a SPIFFE ID has at most 2,048 bytes",                \
      "shorten the path")                                                                          \
    X(ID_SCHEME, "id_scheme", ID, 3, -1, "a SPIFFE ID begins with spiffe://",                      \
      "write the scheme in lower case, with two slashes")                                          \
    X(ID_NO_TRUST_DOMAIN, "id_no_trust_domain", ID, 4, -1, "the trust domain is missing",          \
      "a SPIFFE ID is spiffe://trust-domain/path")                                                 \
    X(ID_TRUST_DOMAIN_TOO_LONG, "id_trust_domain_too_long", ID, 5, -1,                             \
      "a trust domain name has at most 255 bytes", "")                                             \
    X(ID_TRUST_DOMAIN_CHARACTER, "id_trust_domain_character", ID, 6, -1,                           \
      "a trust domain name uses only a-z, 0-9, '.', '-' and '_'", "")                              \
    X(ID_UPPER_CASE, "id_upper_case", ID, 7, -1, "a trust domain name is in lower case",           \
      "SpiffeId.parse_lenient() folds what people type")                                           \
    X(ID_USERINFO, "id_userinfo", ID, 8, -1, "a SPIFFE ID has no user information", "")            \
    X(ID_PORT, "id_port", ID, 9, -1, "a SPIFFE ID has no port", "")                                \
    X(ID_QUERY, "id_query", ID, 10, -1, "a SPIFFE ID has no query", "")                            \
    X(ID_FRAGMENT, "id_fragment", ID, 11, -1, "a SPIFFE ID has no fragment", "")                   \
    X(ID_PERCENT, "id_percent_encoding", ID, 12, -1, "a SPIFFE ID has no percent-encoding", "")    \
    X(ID_EMPTY_SEGMENT, "id_empty_segment", ID, 13, -1, "a path has no empty segment", "")         \
    X(ID_DOT_SEGMENT, "id_dot_segment", ID, 14, -1, "a path has no '.' or '..' segment", "")       \
    X(ID_TRAILING_SLASH, "id_trailing_slash", ID, 15, -1, "a path does not end with '/'", "")      \
    X(ID_PATH_CHARACTER, "id_path_character", ID, 16, -1,                                          \
      "a path segment uses only letters, digits, '.', '-' and '_'", "")                            \
    X(DER_TRUNCATED, "der_truncated", DER, 1, HF_ALERT_BAD_CERTIFICATE, "the DER ends too early",  \
      "the file or message is cut off")                                                            \
    X(DER_LENGTH, "der_length", DER, 2, HF_ALERT_BAD_CERTIFICATE,                                  \
      "a length is indefinite or not minimal", "the issuer must encode in DER, not BER")           \
    X(DER_TAG, "der_tag", DER, 3, HF_ALERT_BAD_CERTIFICATE, "an unexpected element",               \
      "this is not the structure that the standard wants here")                                    \
    X(DER_TRAILING, "der_trailing", DER, 4, HF_ALERT_BAD_CERTIFICATE, "bytes after the end", "")   \
    X(DER_VALUE, "der_value", DER, 5, HF_ALERT_BAD_CERTIFICATE, "a value is not in DER", "")       \
    X(DER_TOO_DEEP, "der_too_deep", DER, 6, HF_ALERT_BAD_CERTIFICATE, "nested too deeply", "")     \
    X(DER_TOO_LARGE, "der_too_large", DER, 7, HF_ALERT_BAD_CERTIFICATE, "an element is too large", \
      "")                                                                                          \
    X(DER_TIME, "der_time", DER, 8, HF_ALERT_BAD_CERTIFICATE, "a time is not valid",               \
      "UTCTime until 2049, GeneralizedTime from 2050, seconds and Z always")                       \
    X(PEM, "pem_invalid", DER, 9, -1, "the PEM text cannot be read",                               \
      "whole blocks from -----BEGIN to -----END, base64 between them, and of the right kind")      \
    X(CERT_VERSION, "certificate_version", CERTIFICATE, 1, HF_ALERT_UNSUPPORTED_CERTIFICATE,       \
      "the certificate is not X.509 version 3", "")                                                \
    X(CERT_SERIAL, "certificate_serial", CERTIFICATE, 2, HF_ALERT_BAD_CERTIFICATE,                 \
      "the serial number is not a positive integer of at most 20 bytes", "")                       \
    X(CERT_ALGORITHM, "certificate_algorithm", CERTIFICATE, 3, HF_ALERT_UNSUPPORTED_CERTIFICATE,   \
      "the signature algorithm is not allowed, or differs inside and outside the signature",       \
      "ECDSA P-256/384/521, RSA (PKCS#1 or PSS) with SHA-2, Ed25519")                              \
    X(CERT_KEY, "certificate_key", CERTIFICATE, 4, HF_ALERT_UNSUPPORTED_CERTIFICATE,               \
      "the public key is not allowed", "ECDSA P-256/384/521, RSA of 2,048 to 8,192 bits, Ed25519") \
    X(CERT_EXTENSION, "certificate_extension", CERTIFICATE, 5, HF_ALERT_BAD_CERTIFICATE,           \
      "an extension is malformed", "")                                                             \
    X(CERT_DUPLICATE_EXTENSION, "certificate_duplicate_extension", CERTIFICATE, 6,                 \
      HF_ALERT_BAD_CERTIFICATE, "an extension appears twice", "")                                  \
    X(CERT_UNKNOWN_CRITICAL, "certificate_unknown_critical", CERTIFICATE, 7,                       \
      HF_ALERT_UNSUPPORTED_CERTIFICATE, "a critical extension is not understood", "")              \
    X(CERT_EXPIRED, "certificate_expired", CERTIFICATE, 8, HF_ALERT_CERTIFICATE_EXPIRED,           \
      "the certificate has expired", "renew it: is the peer still in touch with its source?")      \
    X(CERT_NOT_YET_VALID, "certificate_not_yet_valid", CERTIFICATE, 9,                             \
      HF_ALERT_CERTIFICATE_EXPIRED, "the certificate is not valid yet",                            \
      "compare the clocks of both machines and of the authority")                                  \
    X(CERT_EMPTY_SUBJECT, "certificate_empty_name", CERTIFICATE, 10, HF_ALERT_BAD_CERTIFICATE,     \
      "a name that must not be empty is empty", "")                                                \
    X(CERT_REVOKED, "certificate_revoked", CERTIFICATE, 11, HF_ALERT_CERTIFICATE_REVOKED,          \
      "the certificate was revoked by its issuer",                                                 \
      "the peer needs a new certificate, with a new key")                                          \
    X(SVID_NO_URI_SAN, "svid_no_spiffe_id", CERTIFICATE, 20, HF_ALERT_BAD_CERTIFICATE,             \
      "the certificate has no SPIFFE ID", "an SVID has exactly one URI SAN: spiffe://...")         \
    X(SVID_MANY_URI_SANS, "svid_many_uri_sans", CERTIFICATE, 21, HF_ALERT_BAD_CERTIFICATE,         \
      "the certificate has more than one URI SAN", "an SVID has exactly one")                      \
    X(SVID_ID_INVALID, "svid_id_invalid", CERTIFICATE, 22, HF_ALERT_BAD_CERTIFICATE,               \
      "the URI SAN is not a SPIFFE ID", "")                                                        \
    X(SVID_NO_PATH, "svid_no_path", CERTIFICATE, 23, HF_ALERT_BAD_CERTIFICATE,                     \
      "a workload's SPIFFE ID has a path", "")                                                     \
    X(SVID_IS_CA, "svid_is_ca", CERTIFICATE, 24, HF_ALERT_BAD_CERTIFICATE,                         \
      "a signing certificate cannot be used to authenticate", "present a leaf SVID")               \
    X(SVID_KEY_USAGE, "svid_key_usage", CERTIFICATE, 25, HF_ALERT_BAD_CERTIFICATE,                 \
      "key usage is missing, not critical, or lacks digitalSignature", "")                         \
    X(SVID_CAN_SIGN, "svid_can_sign", CERTIFICATE, 26, HF_ALERT_BAD_CERTIFICATE,                   \
      "a leaf must not set keyCertSign or cRLSign", "")                                            \
    X(SVID_EKU, "svid_extended_key_usage", CERTIFICATE, 27, HF_ALERT_UNSUPPORTED_CERTIFICATE,      \
      "the extended key usage does not allow this",                                                \
      "an SVID with an extended key usage has both serverAuth and clientAuth")                     \
    X(CA_NOT_CA, "authority_not_ca", CERTIFICATE, 30, HF_ALERT_UNKNOWN_CA,                         \
      "a signing certificate is not a CA", "it needs basicConstraints CA and keyCertSign")         \
    X(CA_ID, "authority_id", CERTIFICATE, 31, HF_ALERT_BAD_CERTIFICATE,                            \
      "a signing certificate has an ID of another trust domain, or with a path", "")               \
    X(CA_CONSTRAINTS, "authority_constraints", CERTIFICATE, 32, HF_ALERT_UNSUPPORTED_CERTIFICATE,  \
      "constraints that are empty, misplaced or not supported",                                    \
      "name constraints belong in CAs and are not empty; policy constraints are refused")          \
    X(CRL_INVALID, "crl_invalid", CERTIFICATE, 40, -1, "the CRL cannot be used",                   \
      "a version 2 CRL with nextUpdate and a CRL number, as RFC 5280 section 5 wants it")          \
    X(CRL_UNSUPPORTED, "crl_unsupported", CERTIFICATE, 41, -1,                                     \
      "the CRL is of a kind that is not supported",                                                \
      "give complete CRLs that each issuer signed itself: no delta, indirect or attribute CRLs")   \
    X(CHAIN_EMPTY, "chain_empty", CHAIN, 1, HF_ALERT_BAD_CERTIFICATE, "the chain is empty", "")    \
    X(CHAIN_TOO_LONG, "chain_too_long", CHAIN, 2, HF_ALERT_BAD_CERTIFICATE,                        \
      "the chain has too many certificates", "at most 8 are accepted")                             \
    X(CHAIN_TOO_LARGE, "chain_too_large", CHAIN, 3, HF_ALERT_BAD_CERTIFICATE,                      \
      "the chain has too many bytes", "at most 32 KiB are accepted")                               \
    X(UNKNOWN_TRUST_DOMAIN, "unknown_trust_domain", CHAIN, 4, HF_ALERT_UNKNOWN_CA,                 \
      "no bundle for the peer's trust domain", "federate with it, or correct the trust domain")    \
    X(EMPTY_BUNDLE, "empty_bundle", CHAIN, 5, HF_ALERT_UNKNOWN_CA,                                 \
      "the bundle of the peer's trust domain is empty", "an empty bundle trusts nobody")           \
    X(UNKNOWN_AUTHORITY, "unknown_authority", CHAIN, 6, HF_ALERT_UNKNOWN_CA,                       \
      "no authority of the peer's own trust domain signed this chain",                             \
      "compare the bundle with the authority that issued the SVID; was one rotated?")              \
    X(BAD_SIGNATURE, "bad_signature", CHAIN, 7, HF_ALERT_BAD_CERTIFICATE,                          \
      "a signature in the chain is wrong", "")                                                     \
    X(PATH_LENGTH, "path_length", CHAIN, 8, HF_ALERT_UNKNOWN_CA,                                   \
      "more intermediates than a CA allows", "see pathLenConstraint")                              \
    X(NAME_CONSTRAINT, "name_constraint", CHAIN, 9, HF_ALERT_BAD_CERTIFICATE,                      \
      "a name constraint of an authority forbids this name", "")                                   \
    X(NAME_MISMATCH, "name_mismatch", CHAIN, 10, HF_ALERT_BAD_CERTIFICATE,                         \
      "the certificate is for another name", "")                                                   \
    X(PATH_SEARCH_LIMIT, "path_search_limit", CHAIN, 11, HF_ALERT_BAD_CERTIFICATE,                 \
      "too many possible paths", "send fewer look-alike certificates")                             \
    X(CHAIN_REJECTED, "chain_rejected", CHAIN, 12, HF_ALERT_BAD_CERTIFICATE,                       \
      "the chain breaks a rule of RFC 5280", "see OpenSSL's own reason in the details")            \
    X(CRL_MISSING, "crl_missing", CHAIN, 13, HF_ALERT_CERTIFICATE_UNKNOWN,                         \
      "no CRL says whether a certificate of the chain was revoked",                                \
      "give the CRL of its issuer, or let the policy be if_available")                             \
    X(CRL_EXPIRED, "crl_expired", CHAIN, 14, HF_ALERT_CERTIFICATE_UNKNOWN,                         \
      "the CRL of an issuer in the chain is out of date", "get the issuer's newest CRL")           \
    X(CRL_NOT_YET_VALID, "crl_not_yet_valid", CHAIN, 15, HF_ALERT_CERTIFICATE_UNKNOWN,             \
      "the CRL of an issuer in the chain is not valid yet",                                        \
      "compare the clocks of this machine and of the authority")                                   \
    X(CRL_UNTRUSTED, "crl_untrusted", CHAIN, 16, HF_ALERT_CERTIFICATE_UNKNOWN,                     \
      "a CRL in the name of an issuer in the chain is not signed by it",                           \
      "get the CRL again; was the issuer's key changed, and may that key sign CRLs?")              \
    X(SESSION_EXPIRED, "session_expired", CHAIN, 17, HF_ALERT_HANDSHAKE_FAILURE,                   \
      "a resumed session is older than it may be, or outlived our own SVID",                       \
      "connect again: without the session the handshake is a full one, with certificates")         \
    X(NOT_AUTHORIZED, "not_authorized", POLICY, 1, HF_ALERT_ACCESS_DENIED,                         \
      "the peer is who it says, but the policy does not let it in",                                \
      "add it to the authorizer if it should be")                                                  \
    X(POLICY_INVALID, "policy_invalid", CONFIG, 1, -1, "the authorizer is not valid", "")          \
    X(BUNDLE_DUPLICATE, "bundle_duplicate", CONFIG, 2, -1, "two bundles for one trust domain",     \
      "merge them before: one bundle a trust domain")                                              \
    X(KEY_INVALID, "key_invalid", CONFIG, 3, -1, "the private key cannot be read",                 \
      "unencrypted PKCS#8, SEC1 or PKCS#1; ECDSA P-256/384/521, RSA of 2,048 bits, Ed25519")       \
    X(KEY_MISMATCH, "key_mismatch", CONFIG, 4, -1, "the key does not fit the certificate",         \
      "were key and chain renewed together?")                                                      \
    X(CONFIG_INVALID, "config_invalid", CONFIG, 5, -1, "a setting is not valid", "")               \
    X(BUNDLE_INVALID, "bundle_invalid", CONFIG, 6, -1, "the trust bundle cannot be used",          \
      "nothing of a malformed bundle is taken: the last good one stays in use")                    \
    X(FOREIGN_TRUST_DOMAIN, "foreign_trust_domain", CONFIG, 7, -1,                                 \
      "the authority does not issue for this trust domain",                                        \
      "ask that trust domain's own authority")                                                     \
    X(NAME_INVALID, "name_invalid", CONFIG, 8, -1, "not a host name or IP address",                \
      "ASCII host names (A-labels) without a trailing dot, IPv4 or IPv6 addresses")

#endif
