/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections, server and client, fed by somebody else: with bytes from the start, with bytes in
 * the middle of a handshake, with a handshake whose flights are changed on the way, and the reader
 * of the Certificate message on its own (on the wire it is behind encryption in TLS 1.3).
 *
 * What an attacker must hold: a network path to the port. Whoever changes bytes needs to sit
 * between two honest peers.
 */
#include <stdlib.h>
#include <string.h>

#include "tls_kit.h"

#define PATCH_SIZE 3 /* where (two bytes), and what is xor-ed */

struct side {
    struct tls_who who;
    struct hf_config *config;
};

static struct side client;
static struct side server;

/* Not inlined: the stack of a finding then shows which line it was. */
__attribute__((noinline)) static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* In TLS 1.2 the certificates are plain on the wire, and so within reach of the mutations. */
static void limit_version(struct tls_end *end, bool tls12)
{
    must(hf_is_ok(hf_conn_start(end->conn)));
    must(SSL_set_max_proto_version(end->conn->ssl, tls12 ? TLS1_2_VERSION : TLS1_3_VERSION) == 1);
}

static void check_end(const struct tls_end *end, const char *peer_id)
{
    struct hf_peer peer;
    hf_result r = hf_conn_peer(end->conn, &peer);
    must(end->done == hf_is_ok(r));
    must(!end->done || strcmp(peer.id, peer_id) == 0);
    must(hf_is_ok(end->result) || end->error.code == end->result.code);
}

static void feed(struct tls_end *end, struct hf_span bytes)
{
    if (hf_is_ok(end->result) && hf_is_ok(hf_conn_receive(end->conn, bytes.data, bytes.len))) {
        tls_step(end);
    }
    if (hf_is_ok(end->result)) {
        must(hf_is_ok(hf_conn_receive_eof(end->conn)));
        tls_step(end);
    }
    must(!hf_is_ok(end->result)); /* whoever it was had no key: nobody is let in */
    must(!end->done);
}

/* Bytes into a fresh connection. */
static void from_the_start(bool is_server, struct hf_span bytes)
{
    struct tls_end end;
    tls_end_conn(&end, is_server ? server.config : client.config);
    tls_step(&end);
    feed(&end, bytes);
    tls_end_free(&end);
}

/* Bytes after honest hellos. */
static void in_the_middle(bool is_server, struct hf_span bytes)
{
    struct tls_end one;
    struct tls_end other;
    tls_end_conn(&one, client.config);
    tls_end_conn(&other, server.config);
    tls_step(&one);
    if (is_server) {
        (void)tls_carry(&one, &other, SIZE_MAX);
        feed(&other, bytes);
    } else {
        const uint8_t *flight;
        size_t len;
        (void)tls_carry(&one, &other, SIZE_MAX);
        must(hf_is_ok(hf_conn_outgoing(other.conn, &flight, &len)));
        must(hf_is_ok(hf_conn_receive(one.conn, flight, len / 2)));
        tls_step(&one);
        feed(&one, bytes);
    }
    tls_end_free(&one);
    tls_end_free(&other);
}

/* Apply the patches that fall into [at, at + len). */
static void patch(struct hf_span patches, size_t at, uint8_t *bytes, size_t len)
{
    struct hf_span one;
    while (hf_span_take(&patches, PATCH_SIZE, &one)) {
        size_t where = (size_t)one.data[0] << 8 | one.data[1];
        if (where >= at && where < at + len) {
            bytes[where - at] ^= one.data[2];
        }
    }
}

static void carry_patched(struct tls_end *from, struct tls_end *to, struct hf_span patches,
                          size_t *at)
{
    static uint8_t flight[65536];
    const uint8_t *data;
    size_t len;
    must(hf_is_ok(hf_conn_outgoing(from->conn, &data, &len)));
    must(hf_mem_copy(flight, sizeof(flight), data, len));
    must(hf_is_ok(hf_conn_consumed(from->conn, len)));
    patch(patches, *at, flight, len);
    *at += len;
    if (len != 0 && hf_is_ok(to->result) && hf_is_ok(hf_conn_receive(to->conn, flight, len))) {
        tls_step(to);
    }
}

static void changed_on_the_way(bool tls12, struct hf_span patches)
{
    struct tls_end one;
    struct tls_end other;
    size_t at = 0;
    tls_end_conn(&one, client.config);
    tls_end_conn(&other, server.config);
    limit_version(&one, tls12);
    tls_step(&one);
    for (int round = 0; round < 4; round++) {
        carry_patched(&one, &other, patches, &at);
        carry_patched(&other, &one, patches, &at);
    }
    check_end(&one, TLS_SERVER_ID);
    check_end(&other, TLS_CLIENT_ID);
    tls_end_free(&one);
    tls_end_free(&other);
}

static void start(void)
{
    if (client.config != NULL) {
        return;
    }
    tls_who(&client.who, HF_ROLE_CLIENT);
    tls_who(&server.who, HF_ROLE_SERVER);
    client.who.min_version = HF_TLS12;
    server.who.min_version = HF_TLS12;
    client.config = tls_config(&client.who);
    server.config = tls_config(&server.who);
    /* What a configuration keeps of the first good handshake (the peer's chain, of which all
     * connections share one copy) is no leak; later ones add nothing. */
    changed_on_the_way(false, (struct hf_span){0});
    changed_on_the_way(true, (struct hf_span){0});
}

static void certificate_message(bool tls13, struct hf_span message)
{
    struct hf_presented_chain *chain;
    hf_result r = hf_presented_read(message, tls13 ? HF_TLS13 : HF_TLS12, &chain);
    must((chain != NULL) == hf_is_ok(r));
    if (chain == NULL) {
        return;
    }
    size_t total = 0;
    for (size_t i = 0; i < chain->count; i++) {
        total += chain->lengths[i];
    }
    must(chain->count >= 1 && chain->count <= HF_CHAIN_MAX);
    must(total == chain->der_len && total <= HF_CHAIN_BYTES_MAX && total < message.len);
    hf_mem_free(chain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_span input = hf_span_of(data, size);
    uint8_t mode;
    if (!hf_span_take_u8(&input, &mode)) {
        return 0;
    }
    start();
    size_t before = hf_mem_live();
    switch (mode >> 1 & 3) {
    case 0:
        from_the_start((mode & 1) != 0, input);
        break;
    case 1:
        in_the_middle((mode & 1) != 0, input);
        break;
    case 2:
        changed_on_the_way((mode & 1) != 0, input);
        break;
    default:
        certificate_message((mode & 1) != 0, input);
        break;
    }
    must(hf_mem_live() == before);
    return 0;
}
