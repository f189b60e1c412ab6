/* SPDX-License-Identifier: Apache-2.0
 *
 * The Certificate message: read strictly, kept as it came, and the judge of what OpenSSL read.
 */
#include <string.h>

#include "hf_test.h"
#include "tls_kit.h"

/* A message for certificates of these sizes, each filled with its number. */
struct message {
    struct der_writer w;
    uint8_t bytes[66000];
};

static void number(struct message *m, size_t value, unsigned width)
{
    uint8_t bytes[3];
    for (unsigned i = 0; i < width; i++) {
        bytes[i] = (uint8_t)(value >> 8 * (width - 1 - i));
    }
    der_raw(&m->w, (struct der_bytes){bytes, width});
}

static struct hf_span build(struct message *m, int version, const size_t *sizes, size_t count)
{
    static uint8_t filler[HF_CHAIN_BYTES_MAX + 1];
    size_t extra = version == HF_TLS13 ? 2 : 0;
    size_t list = 0;
    m->w = (struct der_writer){.data = m->bytes, .cap = sizeof(m->bytes)};
    for (size_t i = 0; i < count; i++) {
        list += 3 + sizes[i] + extra;
    }
    number(m, SSL3_MT_CERTIFICATE, 1);
    number(m, list + 3 + (version == HF_TLS13 ? 1 : 0), 3);
    if (version == HF_TLS13) {
        number(m, 0, 1);
    }
    number(m, list, 3);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < sizes[i]; j++) {
            filler[j] = (uint8_t)(i + 1);
        }
        number(m, sizes[i], 3);
        der_raw(&m->w, (struct der_bytes){filler, sizes[i]});
        if (extra != 0) {
            number(m, 0, 2);
        }
    }
    return hf_span_of(m->bytes, m->w.len);
}

static struct message message;

static void check_read(int version, const size_t *sizes, size_t count, uint32_t code)
{
    struct hf_presented_chain *chain;
    struct hf_span bytes = build(&message, version, sizes, count);
    HF_CHECK_CODE(hf_presented_read(bytes, version, &chain), code);
    if (code != HF_OK) {
        HF_CHECK(chain == NULL);
        return;
    }
    struct hf_chain view = hf_presented_view(chain);
    size_t at = 0;
    HF_CHECK(view.count == count);
    for (size_t i = 0; i < count; i++) {
        HF_CHECK(view.lengths[i] == sizes[i]);
        HF_CHECK(view.der[at] == i + 1 && view.der[at + sizes[i] - 1] == i + 1);
        at += sizes[i];
    }
    hf_mem_free(chain);
}

/* C10: at most 8 certificates and 32 KiB. */
static void limits_are_exact(void)
{
    static const size_t nine[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    static const size_t most[] = {HF_CHAIN_BYTES_MAX - 10, 10};
    static const size_t more[] = {HF_CHAIN_BYTES_MAX - 10, 11};
    static const size_t empty[] = {5, 0};
    static const int versions[] = {HF_TLS12, HF_TLS13};
    for (size_t i = 0; i < 2; i++) {
        check_read(versions[i], nine, 1, HF_OK);
        check_read(versions[i], nine, 8, HF_OK);
        check_read(versions[i], nine, 9, HF_E_CHAIN_TOO_LONG);
        check_read(versions[i], most, 2, HF_OK);
        check_read(versions[i], more, 2, HF_E_CHAIN_TOO_LARGE);
        check_read(versions[i], nine, 0, HF_E_NO_CERTIFICATE);
        check_read(versions[i], empty, 2, HF_E_PROTOCOL);
    }
}

static void every_cut_is_refused(void)
{
    static const size_t sizes[] = {7, 5};
    struct hf_presented_chain *chain;
    for (int version = HF_TLS12; version <= HF_TLS13; version++) {
        struct hf_span whole = build(&message, version, sizes, 2);
        for (size_t len = 0; len < whole.len; len++) {
            HF_CHECK_CODE(hf_presented_read(hf_span_of(whole.data, len), version, &chain),
                          HF_E_PROTOCOL);
        }
        /* The other version's shape, a byte too many, another message. */
        HF_CHECK_CODE(hf_presented_read(whole, HF_TLS12 + HF_TLS13 - version, &chain),
                      HF_E_PROTOCOL);
        HF_CHECK_CODE(hf_presented_read(hf_span_of(whole.data, whole.len + 1), version, &chain),
                      HF_E_PROTOCOL);
        message.bytes[0] = SSL3_MT_FINISHED;
        HF_CHECK_CODE(hf_presented_read(whole, version, &chain), HF_E_PROTOCOL);
    }
}

static void a_request_context_is_refused(void)
{
    static const uint8_t bytes[] = {11, 0, 0, 11, 1, 9, 0, 0, 6, 0, 0, 1, 0x30, 0, 0};
    struct hf_presented_chain *chain;
    HF_CHECK_CODE(hf_presented_read(hf_span_of(bytes, sizeof(bytes)), HF_TLS13, &chain),
                  HF_E_PROTOCOL);
}

static struct tls_who client;
static struct tls_who server;

/* "critical FALSE", written out, is BER that OpenSSL reads; nothing but DER passes here. */
static void ber_is_refused(void)
{
    struct pki_spec spec;
    struct tls_end conn;
    struct tls_end peer;
    tls_who(&client, HF_ROLE_CLIENT);
    tls_who(&server, HF_ROLE_SERVER);
    pki_leaf(&spec, "root", TLS_CLIENT_ID, KIT_LEAF_KEY);
    for (size_t i = 0; i < spec.extension_count; i++) {
        if (strcmp(spec.extensions[i].oid, PKI_OID_EKU) == 0) {
            spec.extensions[i].false_written = true;
        }
    }
    tls_who_leaf(&client, &spec, KIT_LEAF_KEY);
    SSL_CTX *ctx = tls_plain_ctx(&client);
    struct hf_config *config = tls_config(&server);
    tls_end_plain(&peer, ctx, false);
    tls_end_conn(&conn, config);
    tls_drive(&peer, &conn, SIZE_MAX);
    HF_CHECK(!hf_is_ok(conn.result));
    HF_CHECK(hf_code_category(conn.result.code) == HF_CATEGORY_DER);
    HF_CHECK(conn.error.depth == 0);
    HF_CHECK(peer.plain_alert == HF_ALERT_BAD_CERTIFICATE);
    tls_end_free(&conn);
    tls_end_free(&peer);
    hf_config_unref(config);
    SSL_CTX_free(ctx);
}

/* What OpenSSL cannot read at all: it stops by itself, and our reader says why. In TLS 1.2 the
 * server's certificate is plain on the wire. */
static void garbage_is_refused_with_a_reason(void)
{
    uint8_t wire[4096];
    struct tls_end conn;
    struct tls_end peer;
    bool found = false;
    tls_who(&client, HF_ROLE_CLIENT);
    tls_who(&server, HF_ROLE_SERVER);
    client.min_version = HF_TLS12;
    SSL_CTX *ctx = tls_plain_ctx(&server);
    HF_CHECK(SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION) == 1);
    struct hf_config *config = tls_config(&client);
    tls_end_plain(&peer, ctx, true);
    tls_end_conn(&conn, config);
    tls_step(&conn);
    (void)tls_carry(&conn, &peer, SIZE_MAX);
    int len = BIO_read(SSL_get_wbio(peer.ssl), wire, (int)sizeof(wire));
    for (size_t i = 0; len > 0 && i + 16 < (size_t)len && !found; i++) {
        found = hf_mem_equal(wire + i, 16, server.chain[0].der, 16);
        if (found) {
            wire[i] = 0x31; /* a SET */
        }
    }
    HF_CHECK(found);
    HF_CHECK_OK(hf_conn_receive(conn.conn, wire, (size_t)len));
    tls_step(&conn);
    HF_CHECK(hf_code_category(conn.result.code) == HF_CATEGORY_DER);
    HF_CHECK(conn.error.depth == 0);
    HF_CHECK(conn.error.alert == HF_ALERT_BAD_CERTIFICATE); /* OpenSSL's choice */
    tls_end_free(&conn);
    tls_end_free(&peer);
    hf_config_unref(config);
    SSL_CTX_free(ctx);
}

HF_TESTS({"limits are exact", limits_are_exact}, {"every cut is refused", every_cut_is_refused},
         {"a request context is refused", a_request_context_is_refused},
         {"BER is refused", ber_is_refused},
         {"garbage is refused with a reason", garbage_is_refused_with_a_reason})
