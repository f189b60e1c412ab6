# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - the texts are C's, a line each
"""Reasons and categories of failure. Written by tools/reasons.py: do not edit.

The rows come from csrc/src/base/error_codes.h, which is also what the C engine
reports, so a reason means the same on both sides; behind them stand those that C never
reports, from tools/reason_tables/*.toml.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

__all__ = ["ROWS", "Category", "Reason", "Row"]


class Row(NamedTuple):
    """What is said about a reason: for people, and for the peer (``alert``)."""

    category: Category
    code: int
    alert: int | None
    text: str
    hint: str


class Category(enum.StrEnum):
    """Whose failure it is: each reason is in one category."""

    #: ours: a bug, or no memory
    INTERNAL = "internal"
    #: the caller's
    USAGE = "usage"
    #: the transport's
    IO = "io"
    #: an end, clean or not
    CLOSED = "closed"
    #: the peer broke the protocol, or said no
    PEER = "peer"
    #: both honest, nothing in common
    INCOMPATIBLE = "incompatible"
    #: not a SPIFFE ID
    ID = "id"
    #: not strict DER
    DER = "der"
    #: one certificate is not acceptable
    CERTIFICATE = "certificate"
    #: the path to an authority is not
    CHAIN = "chain"
    #: authenticated, but not authorized
    POLICY = "policy"
    #: own identity, bundles or settings
    CONFIG = "config"
    #: who calls cannot be told for certain
    ATTESTATION = "attestation"
    #: a bundle document is not acceptable now
    BUNDLE = "bundle"
    #: another trust domain's bundle cannot be had
    FEDERATION = "federation"
    #: one token is not acceptable
    JWT = "jwt"
    #: a source of identity has nothing usable to give
    SOURCE = "source"


class Reason(enum.StrEnum):
    """Why something failed: stable names, the same in C."""

    #: the engine failed
    INTERNAL = "internal"
    #: no memory
    OUT_OF_MEMORY = "out_of_memory"
    #: OpenSSL failed
    OPENSSL = "openssl"
    #: this OpenSSL is refused
    OPENSSL_VERSION = "openssl_version"
    #: an argument is not valid
    BAD_ARGUMENT = "bad_argument"
    #: not possible in this state
    WRONG_STATE = "wrong_state"
    #: another thread uses this connection
    BUSY = "busy"
    #: a limit was reached
    LIMIT = "limit"
    #: judging stopped before this chain's turn
    NOT_JUDGED = "not_judged"
    #: a system call failed
    IO = "io"
    #: the peer reset the connection
    CONNECTION_RESET = "connection_reset"
    #: the handshake took too long
    HANDSHAKE_TIMEOUT = "handshake_timeout"
    #: the peer ended the connection cleanly
    CLOSED = "closed"
    #: the connection ended without close_notify
    TRUNCATED = "truncated"
    #: we ended the connection: it has lived for its max_age=
    MAX_AGE = "max_age"
    #: we ended the connection: an identity that it rests on ends
    CREDENTIALS_ENDED = "credentials_ended"
    #: we ended the connection: the newest bundles or identity do not carry it any more
    CREDENTIALS_REVOKED = "credentials_revoked"
    #: we ended the connection: this end is drained
    DRAINED = "drained"
    #: the peer refused and sent an alert
    PEER_ALERT = "peer_alert"
    #: the peer broke the protocol
    PROTOCOL = "protocol"
    #: the peer does not speak TLS
    NOT_TLS = "not_tls"
    #: the peer sent no certificate
    NO_CERTIFICATE = "no_certificate"
    #: the peer could not prove that it holds the key of its certificate
    BAD_PROOF_OF_POSSESSION = "bad_proof_of_possession"
    #: the ClientHello cannot be read, or is too large
    CLIENT_HELLO_INVALID = "client_hello_invalid"
    #: the PROXY header is malformed
    PROXY_HEADER_INVALID = "proxy_header_invalid"
    #: a source that must send a PROXY header first sent something else
    PROXY_HEADER_MISSING = "proxy_header_missing"
    #: a PROXY header from a source that is not named
    PROXY_HEADER_UNEXPECTED = "proxy_header_unexpected"
    #: no parameters in common
    INCOMPATIBLE = "incompatible"
    #: no TLS version in common
    VERSION_MISMATCH = "version_mismatch"
    #: no application protocol in common
    NO_APPLICATION_PROTOCOL = "no_application_protocol"
    #: nothing on this port answers to the server name that the peer asked for
    SERVER_NAME_UNKNOWN = "server_name_unknown"
    #: an empty text is not a SPIFFE ID
    ID_EMPTY = "id_empty"
    #: a SPIFFE ID has at most 2,048 bytes
    ID_TOO_LONG = "id_too_long"
    #: a SPIFFE ID begins with spiffe://
    ID_SCHEME = "id_scheme"
    #: the trust domain is missing
    ID_NO_TRUST_DOMAIN = "id_no_trust_domain"
    #: a trust domain name has at most 255 bytes
    ID_TRUST_DOMAIN_TOO_LONG = "id_trust_domain_too_long"
    #: a trust domain name uses only a-z, 0-9, '.', '-' and '_'
    ID_TRUST_DOMAIN_CHARACTER = "id_trust_domain_character"
    #: a trust domain name is in lower case
    ID_UPPER_CASE = "id_upper_case"
    #: a SPIFFE ID has no user information
    ID_USERINFO = "id_userinfo"
    #: a SPIFFE ID has no port
    ID_PORT = "id_port"
    #: a SPIFFE ID has no query
    ID_QUERY = "id_query"
    #: a SPIFFE ID has no fragment
    ID_FRAGMENT = "id_fragment"
    #: a SPIFFE ID has no percent-encoding
    ID_PERCENT_ENCODING = "id_percent_encoding"
    #: a path has no empty segment
    ID_EMPTY_SEGMENT = "id_empty_segment"
    #: a path has no '.' or '..' segment
    ID_DOT_SEGMENT = "id_dot_segment"
    #: a path does not end with '/'
    ID_TRAILING_SLASH = "id_trailing_slash"
    #: a path segment uses only letters, digits, '.', '-' and '_'
    ID_PATH_CHARACTER = "id_path_character"
    #: the DER ends too early
    DER_TRUNCATED = "der_truncated"
    #: a length is indefinite or not minimal
    DER_LENGTH = "der_length"
    #: an unexpected element
    DER_TAG = "der_tag"
    #: bytes after the end
    DER_TRAILING = "der_trailing"
    #: a value is not in DER
    DER_VALUE = "der_value"
    #: nested too deeply
    DER_TOO_DEEP = "der_too_deep"
    #: an element is too large
    DER_TOO_LARGE = "der_too_large"
    #: a time is not valid
    DER_TIME = "der_time"
    #: the PEM text cannot be read
    PEM_INVALID = "pem_invalid"
    #: the certificate is not X.509 version 3
    CERTIFICATE_VERSION = "certificate_version"
    #: the serial number is not a positive integer of at most 20 bytes
    CERTIFICATE_SERIAL = "certificate_serial"
    #: the signature algorithm is not allowed, or differs inside and outside the signature
    CERTIFICATE_ALGORITHM = "certificate_algorithm"
    #: the public key is not allowed
    CERTIFICATE_KEY = "certificate_key"
    #: an extension is malformed
    CERTIFICATE_EXTENSION = "certificate_extension"
    #: an extension appears twice
    CERTIFICATE_DUPLICATE_EXTENSION = "certificate_duplicate_extension"
    #: a critical extension is not understood
    CERTIFICATE_UNKNOWN_CRITICAL = "certificate_unknown_critical"
    #: the certificate has expired
    CERTIFICATE_EXPIRED = "certificate_expired"
    #: the certificate is not valid yet
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    #: a name that must not be empty is empty
    CERTIFICATE_EMPTY_NAME = "certificate_empty_name"
    #: the certificate was revoked by its issuer
    CERTIFICATE_REVOKED = "certificate_revoked"
    #: the certificate has no SPIFFE ID
    SVID_NO_SPIFFE_ID = "svid_no_spiffe_id"
    #: the certificate has more than one URI SAN
    SVID_MANY_URI_SANS = "svid_many_uri_sans"
    #: the URI SAN is not a SPIFFE ID
    SVID_ID_INVALID = "svid_id_invalid"
    #: a workload's SPIFFE ID has a path
    SVID_NO_PATH = "svid_no_path"
    #: a signing certificate cannot be used to authenticate
    SVID_IS_CA = "svid_is_ca"
    #: key usage is missing, not critical, or lacks digitalSignature
    SVID_KEY_USAGE = "svid_key_usage"
    #: a leaf must not set keyCertSign or cRLSign
    SVID_CAN_SIGN = "svid_can_sign"
    #: the extended key usage does not allow this
    SVID_EXTENDED_KEY_USAGE = "svid_extended_key_usage"
    #: a signing certificate is not a CA
    AUTHORITY_NOT_CA = "authority_not_ca"
    #: a signing certificate has an ID of another trust domain, or with a path
    AUTHORITY_ID = "authority_id"
    #: constraints that are empty, misplaced or not supported
    AUTHORITY_CONSTRAINTS = "authority_constraints"
    #: the CRL cannot be used
    CRL_INVALID = "crl_invalid"
    #: the CRL is of a kind that is not supported
    CRL_UNSUPPORTED = "crl_unsupported"
    #: the chain is empty
    CHAIN_EMPTY = "chain_empty"
    #: the chain has too many certificates
    CHAIN_TOO_LONG = "chain_too_long"
    #: the chain has too many bytes
    CHAIN_TOO_LARGE = "chain_too_large"
    #: no bundle for the peer's trust domain
    UNKNOWN_TRUST_DOMAIN = "unknown_trust_domain"
    #: the bundle of the peer's trust domain is empty
    EMPTY_BUNDLE = "empty_bundle"
    #: no authority of the peer's own trust domain signed this chain
    UNKNOWN_AUTHORITY = "unknown_authority"
    #: a signature in the chain is wrong
    BAD_SIGNATURE = "bad_signature"
    #: more intermediates than a CA allows
    PATH_LENGTH = "path_length"
    #: a name constraint of an authority forbids this name
    NAME_CONSTRAINT = "name_constraint"
    #: the certificate is for another name
    NAME_MISMATCH = "name_mismatch"
    #: too many possible paths
    PATH_SEARCH_LIMIT = "path_search_limit"
    #: the chain breaks a rule of RFC 5280
    CHAIN_REJECTED = "chain_rejected"
    #: no CRL says whether a certificate of the chain was revoked
    CRL_MISSING = "crl_missing"
    #: the CRL of an issuer in the chain is out of date
    CRL_EXPIRED = "crl_expired"
    #: the CRL of an issuer in the chain is not valid yet
    CRL_NOT_YET_VALID = "crl_not_yet_valid"
    #: a CRL in the name of an issuer in the chain is not signed by it
    CRL_UNTRUSTED = "crl_untrusted"
    #: a resumed session is older than it may be, or outlived our own SVID
    SESSION_EXPIRED = "session_expired"
    #: the peer is who it says, but the policy does not let it in
    NOT_AUTHORIZED = "not_authorized"
    #: the authorizer is not valid
    POLICY_INVALID = "policy_invalid"
    #: two bundles for one trust domain
    BUNDLE_DUPLICATE = "bundle_duplicate"
    #: the private key cannot be read
    KEY_INVALID = "key_invalid"
    #: the key does not fit the certificate
    KEY_MISMATCH = "key_mismatch"
    #: a setting is not valid
    CONFIG_INVALID = "config_invalid"
    #: the trust bundle cannot be used
    BUNDLE_INVALID = "bundle_invalid"
    #: the authority does not issue for this trust domain
    FOREIGN_TRUST_DOMAIN = "foreign_trust_domain"
    #: not a host name or IP address
    NAME_INVALID = "name_invalid"
    #: the process that connected has ended
    ATTESTATION_ENDED = "attestation_ended"
    #: the process that connected runs another program, or for another user
    ATTESTATION_CHANGED = "attestation_changed"
    #: the agent cannot see which process connected
    ATTESTATION_UNSEEN = "attestation_unseen"
    #: /proc is not the kernel's, or not of this pid namespace
    ATTESTATION_PROC = "attestation_proc"
    #: looking at the process that connected took too long
    ATTESTATION_SLOW = "attestation_slow"
    #: the join token is not valid: unknown, used, or too old
    JOIN_REFUSED = "join_refused"
    #: the authority has no such node
    NODE_REFUSED = "node_refused"
    #: the bundle document is older than the one in use
    BUNDLE_ROLLBACK = "bundle_rollback"
    #: the URL cannot be that of a bundle endpoint
    FEDERATION_URL = "federation_url"
    #: the endpoint leads to an address that is not connected to
    FEDERATION_ADDRESS = "federation_address"
    #: the redirect is not followed
    FEDERATION_REDIRECT = "federation_redirect"
    #: the endpoint's answer is not a bundle
    FEDERATION_RESPONSE = "federation_response"
    #: the endpoint's answer is too large
    FEDERATION_TOO_LARGE = "federation_too_large"
    #: the endpoint did not answer in time
    FEDERATION_TIMEOUT = "federation_timeout"
    #: the endpoint cannot be connected to
    FEDERATION_UNREACHABLE = "federation_unreachable"
    #: there is nothing to verify the endpoint by
    FEDERATION_NO_BUNDLE = "federation_no_bundle"
    #: the kept state of a federation cannot be used
    FEDERATION_STATE = "federation_state"
    #: the token cannot be read
    JWT_MALFORMED = "jwt_malformed"
    #: the token is too large
    JWT_TOO_LARGE = "jwt_too_large"
    #: a header parameter that a JWT-SVID does not have
    JWT_HEADER = "jwt_header"
    #: an algorithm that no JWT-SVID is signed with
    JWT_ALGORITHM = "jwt_algorithm"
    #: the token is of another type
    JWT_TYPE = "jwt_type"
    #: the token does not say which key signed it
    JWT_KEY_ID = "jwt_key_id"
    #: no key of the trust domain's bundle is the one that the token names
    JWT_UNKNOWN_KEY = "jwt_unknown_key"
    #: the key that the token names is not for its algorithm
    JWT_KEY_MISMATCH = "jwt_key_mismatch"
    #: the token's signature does not hold
    JWT_BAD_SIGNATURE = "jwt_bad_signature"
    #: the token's subject is not a SPIFFE ID
    JWT_SUBJECT = "jwt_subject"
    #: the token does not say whom it is for
    JWT_NO_AUDIENCE = "jwt_no_audience"
    #: the token is for somebody else
    JWT_OTHER_AUDIENCE = "jwt_other_audience"
    #: the token does not say when it ends
    JWT_NO_EXPIRY = "jwt_no_expiry"
    #: the token has expired
    JWT_EXPIRED = "jwt_expired"
    #: the token's time has not come
    JWT_NOT_YET_VALID = "jwt_not_yet_valid"
    #: a claim is not what it must be
    JWT_CLAIM = "jwt_claim"
    #: the agent does not accept the token
    JWT_REFUSED = "jwt_refused"
    #: the token is not bound to a key that its bearer could hold
    JWT_CONFIRMATION = "jwt_confirmation"
    #: the bearer of the token does not prove that it holds the token's key
    JWT_PROOF = "jwt_proof"
    #: the proof was used before
    JWT_REPLAYED = "jwt_replayed"
    #: the source of identity cannot be reached, or has given nothing yet
    SOURCE_UNAVAILABLE = "source_unavailable"
    #: the source of identity has none for this process
    SOURCE_REFUSED = "source_refused"
    #: the source of identity answered with an error
    SOURCE_FAILED = "source_failed"
    #: the source of identity broke its protocol
    SOURCE_PROTOCOL = "source_protocol"
    #: the source of identity has given nothing yet
    SOURCE_NOT_READY = "source_not_ready"
    #: the parts that the source of identity gave do not fit together
    SOURCE_INCONSISTENT = "source_inconsistent"
    #: others may read or change what the source of identity is made of
    SOURCE_PERMISSIONS = "source_permissions"
    #: what the source of identity gave cannot be used, none of it
    SOURCE_INVALID = "source_invalid"
    #: all that the source of identity gave has ended, and nothing newer came
    SOURCE_EXPIRED = "source_expired"
    #: the source gave identities, and none is the one that was asked for
    SOURCE_NO_SUCH_IDENTITY = "source_no_such_identity"
    #: the directory has no set of files that is known
    SOURCE_LAYOUT = "source_layout"


#: Everything that is known about a reason beforehand.
ROWS: dict[Reason, Row] = {
    Reason.INTERNAL: Row(
        Category.INTERNAL,
        0x0101,
        80,
        "the engine failed",
        "this is a bug: report it with the file and line",
    ),
    Reason.OUT_OF_MEMORY: Row(
        Category.INTERNAL,
        0x0102,
        80,
        "no memory",
        "free memory or lower the limits",
    ),
    Reason.OPENSSL: Row(
        Category.INTERNAL,
        0x0103,
        80,
        "OpenSSL failed",
        "see OpenSSL's own reason in the details",
    ),
    Reason.OPENSSL_VERSION: Row(
        Category.INTERNAL,
        0x0104,
        None,
        "this OpenSSL is refused",
        "use 3.0 or newer, but not 4.0.0 to 4.0.2 (CVE-2026-84783)",
    ),
    Reason.BAD_ARGUMENT: Row(
        Category.USAGE,
        0x0201,
        None,
        "an argument is not valid",
        "see what was expected",
    ),
    Reason.WRONG_STATE: Row(
        Category.USAGE,
        0x0202,
        None,
        "not possible in this state",
        "finish the handshake first, and do not use a closed or failed connection",
    ),
    Reason.BUSY: Row(
        Category.USAGE,
        0x0203,
        None,
        "another thread uses this connection",
        "a connection belongs to one thread at a time",
    ),
    Reason.LIMIT: Row(
        Category.USAGE,
        0x0204,
        None,
        "a limit was reached",
        "raise the limit or send less",
    ),
    Reason.NOT_JUDGED: Row(
        Category.USAGE,
        0x0205,
        None,
        "judging stopped before this chain's turn",
        "the batch was cancelled or failed: a chain without a verdict is not accepted",
    ),
    Reason.IO: Row(
        Category.IO,
        0x0301,
        None,
        "a system call failed",
        "see the system's error in the details",
    ),
    Reason.CONNECTION_RESET: Row(
        Category.IO,
        0x0302,
        None,
        "the peer reset the connection",
        "look at the peer's log",
    ),
    Reason.HANDSHAKE_TIMEOUT: Row(
        Category.IO,
        0x0303,
        None,
        "the handshake took too long",
        "the peer is slow, not there, or waits for something else than TLS",
    ),
    Reason.CLOSED: Row(
        Category.CLOSED,
        0x0401,
        None,
        "the peer ended the connection cleanly",
        "",
    ),
    Reason.TRUNCATED: Row(
        Category.CLOSED,
        0x0402,
        None,
        "the connection ended without close_notify",
        "data may be missing at the end: do not trust what was read so far as complete",
    ),
    Reason.MAX_AGE: Row(
        Category.CLOSED,
        0x0403,
        None,
        "we ended the connection: it has lived for its max_age=",
        "connect again",
    ),
    Reason.CREDENTIALS_ENDED: Row(
        Category.CLOSED,
        0x0404,
        None,
        "we ended the connection: an identity that it rests on ends",
        "connect again: the new handshake has the new identities",
    ),
    Reason.CREDENTIALS_REVOKED: Row(
        Category.CLOSED,
        0x0405,
        None,
        "we ended the connection: the newest bundles or identity do not carry it any more",
        "was an authority removed, or our own identity withdrawn?",
    ),
    Reason.DRAINED: Row(
        Category.CLOSED,
        0x0406,
        None,
        "we ended the connection: this end is drained",
        "connect again, perhaps to another instance",
    ),
    Reason.PEER_ALERT: Row(
        Category.PEER,
        0x0501,
        None,
        "the peer refused and sent an alert",
        "the reason is in the peer's log; the alert narrows it down",
    ),
    Reason.PROTOCOL: Row(
        Category.PEER,
        0x0502,
        10,
        "the peer broke the protocol",
        "is a TLS stack at the other end, and nothing between that rewrites bytes?",
    ),
    Reason.NOT_TLS: Row(
        Category.PEER,
        0x0503,
        10,
        "the peer does not speak TLS",
        "check the port, and whether the peer expects plain text",
    ),
    Reason.NO_CERTIFICATE: Row(
        Category.PEER,
        0x0504,
        116,
        "the peer sent no certificate",
        "mutual TLS needs an SVID on both sides: give the peer one",
    ),
    Reason.BAD_PROOF_OF_POSSESSION: Row(
        Category.PEER,
        0x0505,
        51,
        "the peer could not prove that it holds the key of its certificate",
        "the peer's key and certificate do not belong together",
    ),
    Reason.CLIENT_HELLO_INVALID: Row(
        Category.PEER,
        0x0514,
        50,
        "the ClientHello cannot be read, or is too large",
        "is a TLS stack at the other end? A server name is a host name, never an address",
    ),
    Reason.PROXY_HEADER_INVALID: Row(
        Category.PEER,
        0x0515,
        None,
        "the PROXY header is malformed",
        "look at the proxy: version 1 or 2, over TCP",
    ),
    Reason.PROXY_HEADER_MISSING: Row(
        Category.PEER,
        0x0516,
        None,
        "a source that must send a PROXY header first sent something else",
        "switch it on at the proxy, or take the address out of the named sources",
    ),
    Reason.PROXY_HEADER_UNEXPECTED: Row(
        Category.PEER,
        0x0517,
        None,
        "a PROXY header from a source that is not named",
        "name the proxy's own address as a source, if it is one",
    ),
    Reason.INCOMPATIBLE: Row(
        Category.INCOMPATIBLE,
        0x0601,
        40,
        "no parameters in common",
        "compare groups, cipher suites and signature algorithms",
    ),
    Reason.VERSION_MISMATCH: Row(
        Category.INCOMPATIBLE,
        0x0602,
        70,
        "no TLS version in common",
        "TLS 1.3 is the default: allow 1.2 on this side if you must",
    ),
    Reason.NO_APPLICATION_PROTOCOL: Row(
        Category.INCOMPATIBLE,
        0x0603,
        120,
        "no application protocol in common",
        "compare the ALPN lists of both sides",
    ),
    Reason.SERVER_NAME_UNKNOWN: Row(
        Category.INCOMPATIBLE,
        0x0614,
        112,
        "nothing on this port answers to the server name that the peer asked for",
        "add the name, or let the peer ask for another one",
    ),
    Reason.ID_EMPTY: Row(
        Category.ID,
        0x0701,
        None,
        "an empty text is not a SPIFFE ID",
        "",
    ),
    Reason.ID_TOO_LONG: Row(
        Category.ID,
        0x0702,
        None,
        "a SPIFFE ID has at most 2,048 bytes",
        "shorten the path",
    ),
    Reason.ID_SCHEME: Row(
        Category.ID,
        0x0703,
        None,
        "a SPIFFE ID begins with spiffe://",
        "write the scheme in lower case, with two slashes",
    ),
    Reason.ID_NO_TRUST_DOMAIN: Row(
        Category.ID,
        0x0704,
        None,
        "the trust domain is missing",
        "a SPIFFE ID is spiffe://trust-domain/path",
    ),
    Reason.ID_TRUST_DOMAIN_TOO_LONG: Row(
        Category.ID,
        0x0705,
        None,
        "a trust domain name has at most 255 bytes",
        "",
    ),
    Reason.ID_TRUST_DOMAIN_CHARACTER: Row(
        Category.ID,
        0x0706,
        None,
        "a trust domain name uses only a-z, 0-9, '.', '-' and '_'",
        "",
    ),
    Reason.ID_UPPER_CASE: Row(
        Category.ID,
        0x0707,
        None,
        "a trust domain name is in lower case",
        "SpiffeId.parse_lenient() folds what people type",
    ),
    Reason.ID_USERINFO: Row(
        Category.ID,
        0x0708,
        None,
        "a SPIFFE ID has no user information",
        "",
    ),
    Reason.ID_PORT: Row(
        Category.ID,
        0x0709,
        None,
        "a SPIFFE ID has no port",
        "",
    ),
    Reason.ID_QUERY: Row(
        Category.ID,
        0x070A,
        None,
        "a SPIFFE ID has no query",
        "",
    ),
    Reason.ID_FRAGMENT: Row(
        Category.ID,
        0x070B,
        None,
        "a SPIFFE ID has no fragment",
        "",
    ),
    Reason.ID_PERCENT_ENCODING: Row(
        Category.ID,
        0x070C,
        None,
        "a SPIFFE ID has no percent-encoding",
        "",
    ),
    Reason.ID_EMPTY_SEGMENT: Row(
        Category.ID,
        0x070D,
        None,
        "a path has no empty segment",
        "",
    ),
    Reason.ID_DOT_SEGMENT: Row(
        Category.ID,
        0x070E,
        None,
        "a path has no '.' or '..' segment",
        "",
    ),
    Reason.ID_TRAILING_SLASH: Row(
        Category.ID,
        0x070F,
        None,
        "a path does not end with '/'",
        "",
    ),
    Reason.ID_PATH_CHARACTER: Row(
        Category.ID,
        0x0710,
        None,
        "a path segment uses only letters, digits, '.', '-' and '_'",
        "",
    ),
    Reason.DER_TRUNCATED: Row(
        Category.DER,
        0x0801,
        42,
        "the DER ends too early",
        "the file or message is cut off",
    ),
    Reason.DER_LENGTH: Row(
        Category.DER,
        0x0802,
        42,
        "a length is indefinite or not minimal",
        "the issuer must encode in DER, not BER",
    ),
    Reason.DER_TAG: Row(
        Category.DER,
        0x0803,
        42,
        "an unexpected element",
        "this is not the structure that the standard wants here",
    ),
    Reason.DER_TRAILING: Row(
        Category.DER,
        0x0804,
        42,
        "bytes after the end",
        "",
    ),
    Reason.DER_VALUE: Row(
        Category.DER,
        0x0805,
        42,
        "a value is not in DER",
        "",
    ),
    Reason.DER_TOO_DEEP: Row(
        Category.DER,
        0x0806,
        42,
        "nested too deeply",
        "",
    ),
    Reason.DER_TOO_LARGE: Row(
        Category.DER,
        0x0807,
        42,
        "an element is too large",
        "",
    ),
    Reason.DER_TIME: Row(
        Category.DER,
        0x0808,
        42,
        "a time is not valid",
        "UTCTime until 2049, GeneralizedTime from 2050, seconds and Z always",
    ),
    Reason.PEM_INVALID: Row(
        Category.DER,
        0x0809,
        None,
        "the PEM text cannot be read",
        "whole blocks from -----BEGIN to -----END, base64 between them, and of the right kind",
    ),
    Reason.CERTIFICATE_VERSION: Row(
        Category.CERTIFICATE,
        0x0901,
        43,
        "the certificate is not X.509 version 3",
        "",
    ),
    Reason.CERTIFICATE_SERIAL: Row(
        Category.CERTIFICATE,
        0x0902,
        42,
        "the serial number is not a positive integer of at most 20 bytes",
        "",
    ),
    Reason.CERTIFICATE_ALGORITHM: Row(
        Category.CERTIFICATE,
        0x0903,
        43,
        "the signature algorithm is not allowed, or differs inside and outside the signature",
        "ECDSA P-256/384/521, RSA (PKCS#1 or PSS) with SHA-2, Ed25519",
    ),
    Reason.CERTIFICATE_KEY: Row(
        Category.CERTIFICATE,
        0x0904,
        43,
        "the public key is not allowed",
        "ECDSA P-256/384/521, RSA of 2,048 to 8,192 bits, Ed25519",
    ),
    Reason.CERTIFICATE_EXTENSION: Row(
        Category.CERTIFICATE,
        0x0905,
        42,
        "an extension is malformed",
        "",
    ),
    Reason.CERTIFICATE_DUPLICATE_EXTENSION: Row(
        Category.CERTIFICATE,
        0x0906,
        42,
        "an extension appears twice",
        "",
    ),
    Reason.CERTIFICATE_UNKNOWN_CRITICAL: Row(
        Category.CERTIFICATE,
        0x0907,
        43,
        "a critical extension is not understood",
        "",
    ),
    Reason.CERTIFICATE_EXPIRED: Row(
        Category.CERTIFICATE,
        0x0908,
        45,
        "the certificate has expired",
        "renew it: is the peer still in touch with its source?",
    ),
    Reason.CERTIFICATE_NOT_YET_VALID: Row(
        Category.CERTIFICATE,
        0x0909,
        45,
        "the certificate is not valid yet",
        "compare the clocks of both machines and of the authority",
    ),
    Reason.CERTIFICATE_EMPTY_NAME: Row(
        Category.CERTIFICATE,
        0x090A,
        42,
        "a name that must not be empty is empty",
        "",
    ),
    Reason.CERTIFICATE_REVOKED: Row(
        Category.CERTIFICATE,
        0x090B,
        44,
        "the certificate was revoked by its issuer",
        "the peer needs a new certificate, with a new key",
    ),
    Reason.SVID_NO_SPIFFE_ID: Row(
        Category.CERTIFICATE,
        0x0914,
        42,
        "the certificate has no SPIFFE ID",
        "an SVID has exactly one URI SAN: spiffe://...",
    ),
    Reason.SVID_MANY_URI_SANS: Row(
        Category.CERTIFICATE,
        0x0915,
        42,
        "the certificate has more than one URI SAN",
        "an SVID has exactly one",
    ),
    Reason.SVID_ID_INVALID: Row(
        Category.CERTIFICATE,
        0x0916,
        42,
        "the URI SAN is not a SPIFFE ID",
        "",
    ),
    Reason.SVID_NO_PATH: Row(
        Category.CERTIFICATE,
        0x0917,
        42,
        "a workload's SPIFFE ID has a path",
        "",
    ),
    Reason.SVID_IS_CA: Row(
        Category.CERTIFICATE,
        0x0918,
        42,
        "a signing certificate cannot be used to authenticate",
        "present a leaf SVID",
    ),
    Reason.SVID_KEY_USAGE: Row(
        Category.CERTIFICATE,
        0x0919,
        42,
        "key usage is missing, not critical, or lacks digitalSignature",
        "",
    ),
    Reason.SVID_CAN_SIGN: Row(
        Category.CERTIFICATE,
        0x091A,
        42,
        "a leaf must not set keyCertSign or cRLSign",
        "",
    ),
    Reason.SVID_EXTENDED_KEY_USAGE: Row(
        Category.CERTIFICATE,
        0x091B,
        43,
        "the extended key usage does not allow this",
        "an SVID with an extended key usage has both serverAuth and clientAuth",
    ),
    Reason.AUTHORITY_NOT_CA: Row(
        Category.CERTIFICATE,
        0x091E,
        48,
        "a signing certificate is not a CA",
        "it needs basicConstraints CA and keyCertSign",
    ),
    Reason.AUTHORITY_ID: Row(
        Category.CERTIFICATE,
        0x091F,
        42,
        "a signing certificate has an ID of another trust domain, or with a path",
        "",
    ),
    Reason.AUTHORITY_CONSTRAINTS: Row(
        Category.CERTIFICATE,
        0x0920,
        43,
        "constraints that are empty, misplaced or not supported",
        "name constraints belong in CAs and are not empty; policy constraints are refused",
    ),
    Reason.CRL_INVALID: Row(
        Category.CERTIFICATE,
        0x0928,
        None,
        "the CRL cannot be used",
        "a version 2 CRL with nextUpdate and a CRL number, as RFC 5280 section 5 wants it",
    ),
    Reason.CRL_UNSUPPORTED: Row(
        Category.CERTIFICATE,
        0x0929,
        None,
        "the CRL is of a kind that is not supported",
        "give complete CRLs that each issuer signed itself: no delta, indirect or attribute CRLs",
    ),
    Reason.CHAIN_EMPTY: Row(
        Category.CHAIN,
        0x0A01,
        42,
        "the chain is empty",
        "",
    ),
    Reason.CHAIN_TOO_LONG: Row(
        Category.CHAIN,
        0x0A02,
        42,
        "the chain has too many certificates",
        "at most 8 are accepted",
    ),
    Reason.CHAIN_TOO_LARGE: Row(
        Category.CHAIN,
        0x0A03,
        42,
        "the chain has too many bytes",
        "at most 32 KiB are accepted",
    ),
    Reason.UNKNOWN_TRUST_DOMAIN: Row(
        Category.CHAIN,
        0x0A04,
        48,
        "no bundle for the peer's trust domain",
        "federate with it, or correct the trust domain",
    ),
    Reason.EMPTY_BUNDLE: Row(
        Category.CHAIN,
        0x0A05,
        48,
        "the bundle of the peer's trust domain is empty",
        "an empty bundle trusts nobody",
    ),
    Reason.UNKNOWN_AUTHORITY: Row(
        Category.CHAIN,
        0x0A06,
        48,
        "no authority of the peer's own trust domain signed this chain",
        "compare the bundle with the authority that issued the SVID; was one rotated?",
    ),
    Reason.BAD_SIGNATURE: Row(
        Category.CHAIN,
        0x0A07,
        42,
        "a signature in the chain is wrong",
        "",
    ),
    Reason.PATH_LENGTH: Row(
        Category.CHAIN,
        0x0A08,
        48,
        "more intermediates than a CA allows",
        "see pathLenConstraint",
    ),
    Reason.NAME_CONSTRAINT: Row(
        Category.CHAIN,
        0x0A09,
        42,
        "a name constraint of an authority forbids this name",
        "",
    ),
    Reason.NAME_MISMATCH: Row(
        Category.CHAIN,
        0x0A0A,
        42,
        "the certificate is for another name",
        "",
    ),
    Reason.PATH_SEARCH_LIMIT: Row(
        Category.CHAIN,
        0x0A0B,
        42,
        "too many possible paths",
        "send fewer look-alike certificates",
    ),
    Reason.CHAIN_REJECTED: Row(
        Category.CHAIN,
        0x0A0C,
        42,
        "the chain breaks a rule of RFC 5280",
        "see OpenSSL's own reason in the details",
    ),
    Reason.CRL_MISSING: Row(
        Category.CHAIN,
        0x0A0D,
        46,
        "no CRL says whether a certificate of the chain was revoked",
        "give the CRL of its issuer, or let the policy be if_available",
    ),
    Reason.CRL_EXPIRED: Row(
        Category.CHAIN,
        0x0A0E,
        46,
        "the CRL of an issuer in the chain is out of date",
        "get the issuer's newest CRL",
    ),
    Reason.CRL_NOT_YET_VALID: Row(
        Category.CHAIN,
        0x0A0F,
        46,
        "the CRL of an issuer in the chain is not valid yet",
        "compare the clocks of this machine and of the authority",
    ),
    Reason.CRL_UNTRUSTED: Row(
        Category.CHAIN,
        0x0A10,
        46,
        "a CRL in the name of an issuer in the chain is not signed by it",
        "get the CRL again; was the issuer's key changed, and may that key sign CRLs?",
    ),
    Reason.SESSION_EXPIRED: Row(
        Category.CHAIN,
        0x0A11,
        40,
        "a resumed session is older than it may be, or outlived our own SVID",
        "connect again: without the session the handshake is a full one, with certificates",
    ),
    Reason.NOT_AUTHORIZED: Row(
        Category.POLICY,
        0x0B01,
        49,
        "the peer is who it says, but the policy does not let it in",
        "add it to the authorizer if it should be",
    ),
    Reason.POLICY_INVALID: Row(
        Category.CONFIG,
        0x0C01,
        None,
        "the authorizer is not valid",
        "",
    ),
    Reason.BUNDLE_DUPLICATE: Row(
        Category.CONFIG,
        0x0C02,
        None,
        "two bundles for one trust domain",
        "merge them before: one bundle a trust domain",
    ),
    Reason.KEY_INVALID: Row(
        Category.CONFIG,
        0x0C03,
        None,
        "the private key cannot be read",
        "unencrypted PKCS#8, SEC1 or PKCS#1; ECDSA P-256/384/521, RSA of 2,048 bits, Ed25519",
    ),
    Reason.KEY_MISMATCH: Row(
        Category.CONFIG,
        0x0C04,
        None,
        "the key does not fit the certificate",
        "were key and chain renewed together?",
    ),
    Reason.CONFIG_INVALID: Row(
        Category.CONFIG,
        0x0C05,
        None,
        "a setting is not valid",
        "",
    ),
    Reason.BUNDLE_INVALID: Row(
        Category.CONFIG,
        0x0C06,
        None,
        "the trust bundle cannot be used",
        "nothing of a malformed bundle is taken: the last good one stays in use",
    ),
    Reason.FOREIGN_TRUST_DOMAIN: Row(
        Category.CONFIG,
        0x0C07,
        None,
        "the authority does not issue for this trust domain",
        "ask that trust domain's own authority",
    ),
    Reason.NAME_INVALID: Row(
        Category.CONFIG,
        0x0C08,
        None,
        "not a host name or IP address",
        "ASCII host names (A-labels) without a trailing dot, IPv4 or IPv6 addresses",
    ),
    Reason.ATTESTATION_ENDED: Row(
        Category.ATTESTATION,
        0x4401,
        None,
        "the process that connected has ended",
        "connect again, from a process that stays",
    ),
    Reason.ATTESTATION_CHANGED: Row(
        Category.ATTESTATION,
        0x4402,
        None,
        "the process that connected runs another program, or for another user",
        "connect after changing the user, or executing the program",
    ),
    Reason.ATTESTATION_UNSEEN: Row(
        Category.ATTESTATION,
        0x4403,
        None,
        "the agent cannot see which process connected",
        "callers are told by their Unix socket, and by their pid where the agent runs",
    ),
    Reason.ATTESTATION_PROC: Row(
        Category.ATTESTATION,
        0x4404,
        None,
        "/proc is not the kernel's, or not of this pid namespace",
        "mount proc on /proc where the agent runs, and nothing over it",
    ),
    Reason.ATTESTATION_SLOW: Row(
        Category.ATTESTATION,
        0x4405,
        None,
        "looking at the process that connected took too long",
        "see whether the file system of its executable answers",
    ),
    Reason.JOIN_REFUSED: Row(
        Category.ATTESTATION,
        0x4406,
        None,
        "the join token is not valid: unknown, used, or too old",
        "make a new one where the authority runs: handfast authority token",
    ),
    Reason.NODE_REFUSED: Row(
        Category.ATTESTATION,
        0x4407,
        None,
        "the authority has no such node",
        "was it removed? join again with a new token: handfast authority join",
    ),
    Reason.BUNDLE_ROLLBACK: Row(
        Category.BUNDLE,
        0x4601,
        None,
        "the bundle document is older than the one in use",
        "the newer one stays in use; forget it on purpose if its publisher began anew",
    ),
    Reason.FEDERATION_URL: Row(
        Category.FEDERATION,
        0x4801,
        None,
        "the URL cannot be that of a bundle endpoint",
        "write https://HOST[:PORT][/PATH], without a user or a password",
    ),
    Reason.FEDERATION_ADDRESS: Row(
        Category.FEDERATION,
        0x4802,
        None,
        "the endpoint leads to an address that is not connected to",
        "if it is meant to, name its network: allow_networks, or --allow-network",
    ),
    Reason.FEDERATION_REDIRECT: Row(
        Category.FEDERATION,
        0x4803,
        None,
        "the redirect is not followed",
        "the endpoint moved to where its profile does not allow: ask who runs it",
    ),
    Reason.FEDERATION_RESPONSE: Row(
        Category.FEDERATION,
        0x4804,
        None,
        "the endpoint's answer is not a bundle",
        "is the path right, and is it a SPIFFE bundle endpoint?",
    ),
    Reason.FEDERATION_TOO_LARGE: Row(
        Category.FEDERATION,
        0x4805,
        None,
        "the endpoint's answer is too large",
        "",
    ),
    Reason.FEDERATION_TIMEOUT: Row(
        Category.FEDERATION,
        0x4806,
        None,
        "the endpoint did not answer in time",
        "",
    ),
    Reason.FEDERATION_UNREACHABLE: Row(
        Category.FEDERATION,
        0x4807,
        None,
        "the endpoint cannot be connected to",
        "",
    ),
    Reason.FEDERATION_NO_BUNDLE: Row(
        Category.FEDERATION,
        0x4809,
        None,
        "there is nothing to verify the endpoint by",
        "give the first bundle of the endpoint's trust domain, or an endpoint for it",
    ),
    Reason.FEDERATION_STATE: Row(
        Category.FEDERATION,
        0x480A,
        None,
        "the kept state of a federation cannot be used",
        "it was left as it is: repair or remove the file; without it, an older bundle could come back",
    ),
    Reason.JWT_MALFORMED: Row(
        Category.JWT,
        0x4001,
        None,
        "the token cannot be read",
        "a JWT-SVID is a JWS in compact form: three parts of base64url, and nothing else",
    ),
    Reason.JWT_TOO_LARGE: Row(
        Category.JWT,
        0x4002,
        None,
        "the token is too large",
        "",
    ),
    Reason.JWT_HEADER: Row(
        Category.JWT,
        0x4003,
        None,
        "a header parameter that a JWT-SVID does not have",
        "only alg, kid and typ are allowed; tolerate_headers= is for issuers that set others",
    ),
    Reason.JWT_ALGORITHM: Row(
        Category.JWT,
        0x4004,
        None,
        "an algorithm that no JWT-SVID is signed with",
        "RS256, RS384, RS512, ES256, ES384, ES512, PS256, PS384 and PS512 are allowed",
    ),
    Reason.JWT_TYPE: Row(
        Category.JWT,
        0x4005,
        None,
        "the token is of another type",
        "is it meant for something else than a JWT-SVID?",
    ),
    Reason.JWT_KEY_ID: Row(
        Category.JWT,
        0x4006,
        None,
        "the token does not say which key signed it",
        "set kid at the issuer, or keep one key of each kind in the bundle",
    ),
    Reason.JWT_UNKNOWN_KEY: Row(
        Category.JWT,
        0x4007,
        None,
        "no key of the trust domain's bundle is the one that the token names",
        "is this end's bundle older than the issuer's newest key?",
    ),
    Reason.JWT_KEY_MISMATCH: Row(
        Category.JWT,
        0x4008,
        None,
        "the key that the token names is not for its algorithm",
        "this can be an attack: an issuer uses each key with its own algorithm only",
    ),
    Reason.JWT_BAD_SIGNATURE: Row(
        Category.JWT,
        0x4009,
        None,
        "the token's signature does not hold",
        "the token was changed, or another trust domain of the same name issued it",
    ),
    Reason.JWT_SUBJECT: Row(
        Category.JWT,
        0x400A,
        None,
        "the token's subject is not a SPIFFE ID",
        "",
    ),
    Reason.JWT_NO_AUDIENCE: Row(
        Category.JWT,
        0x400B,
        None,
        "the token does not say whom it is for",
        "",
    ),
    Reason.JWT_OTHER_AUDIENCE: Row(
        Category.JWT,
        0x400C,
        None,
        "the token is for somebody else",
        "the client asks its source for a token with this end's audience",
    ),
    Reason.JWT_NO_EXPIRY: Row(
        Category.JWT,
        0x400D,
        None,
        "the token does not say when it ends",
        "",
    ),
    Reason.JWT_EXPIRED: Row(
        Category.JWT,
        0x400E,
        None,
        "the token has expired",
        "fetch a new one: is the peer still in touch with its source?",
    ),
    Reason.JWT_NOT_YET_VALID: Row(
        Category.JWT,
        0x400F,
        None,
        "the token's time has not come",
        "compare the clocks of both ends and of the issuer",
    ),
    Reason.JWT_CLAIM: Row(
        Category.JWT,
        0x4010,
        None,
        "a claim is not what it must be",
        "",
    ),
    Reason.JWT_REFUSED: Row(
        Category.JWT,
        0x4011,
        None,
        "the agent does not accept the token",
        "the agent's log says why; to be told here, follow its JWT bundles and judge by them",
    ),
    Reason.JWT_CONFIRMATION: Row(
        Category.JWT,
        0x4021,
        None,
        "the token is not bound to a key that its bearer could hold",
        "a WIT-SVID has cnf with a public key in jwk, and the key's alg",
    ),
    Reason.JWT_PROOF: Row(
        Category.JWT,
        0x4022,
        None,
        "the bearer of the token does not prove that it holds the token's key",
        "a new proof goes with every request: do the clocks of both ends agree?",
    ),
    Reason.JWT_REPLAYED: Row(
        Category.JWT,
        0x4023,
        None,
        "the proof was used before",
        "this can be an attack: somebody may have seen the first request",
    ),
    Reason.SOURCE_UNAVAILABLE: Row(
        Category.SOURCE,
        0x4201,
        None,
        "the source of identity cannot be reached, or has given nothing yet",
        "is it running, and may this process open its socket or read its files?",
    ),
    Reason.SOURCE_REFUSED: Row(
        Category.SOURCE,
        0x4202,
        None,
        "the source of identity has none for this process",
        "is there a registration entry whose selectors all fit this process?",
    ),
    Reason.SOURCE_FAILED: Row(
        Category.SOURCE,
        0x4203,
        None,
        "the source of identity answered with an error",
        "see the source's own words, and its log",
    ),
    Reason.SOURCE_PROTOCOL: Row(
        Category.SOURCE,
        0x4204,
        None,
        "the source of identity broke its protocol",
        "is the endpoint a SPIFFE Workload API, and nothing else?",
    ),
    Reason.SOURCE_NOT_READY: Row(
        Category.SOURCE,
        0x4205,
        None,
        "the source of identity has given nothing yet",
        "wait for it: wait_ready()",
    ),
    Reason.SOURCE_INCONSISTENT: Row(
        Category.SOURCE,
        0x4206,
        None,
        "the parts that the source of identity gave do not fit together",
        "what it gave before stays in use; were key, chain and bundle written together?",
    ),
    Reason.SOURCE_PERMISSIONS: Row(
        Category.SOURCE,
        0x4207,
        None,
        "others may read or change what the source of identity is made of",
        "chmod 600 the key, and let nobody else write to its directory",
    ),
    Reason.SOURCE_INVALID: Row(
        Category.SOURCE,
        0x4208,
        None,
        "what the source of identity gave cannot be used, none of it",
        "what it gave before stays in use until it ends; see the source's own log",
    ),
    Reason.SOURCE_EXPIRED: Row(
        Category.SOURCE,
        0x4209,
        None,
        "all that the source of identity gave has ended, and nothing newer came",
        "is the source running, and in touch with its own server?",
    ),
    Reason.SOURCE_NO_SUCH_IDENTITY: Row(
        Category.SOURCE,
        0x420A,
        None,
        "the source gave identities, and none is the one that was asked for",
        "compare the hint, or the choice, with the registration entries of this workload",
    ),
    Reason.SOURCE_LAYOUT: Row(
        Category.SOURCE,
        0x420B,
        None,
        "the directory has no set of files that is known",
        "name the files: FileSource(directory, chain=..., key=..., bundle=...)",
    ),
}
