/* SPDX-License-Identifier: Apache-2.0
 *
 * Every byte of every handshake message, encrypted ones too, with one bit flipped by somebody who
 * holds the keys of the record layer: what a peer can do that signs and encrypts what it likes.
 * Nobody ends up with a peer whose handshake was not what both saw (D4, D12, C14).
 */
#include <string.h>

#include "hf_test.h"
#include "record_kit.h"
#include "sweep_kit.h"

static struct hf_config *client_config;
static struct hf_config *server_config;

static void start(void)
{
    static struct tls_who client;
    static struct tls_who server;
    /* Ed25519, because offsets are counted over many runs. */
    tls_who_key(&client, HF_ROLE_CLIENT, PKI_ED25519);
    tls_who_key(&server, HF_ROLE_SERVER, PKI_ED25519);
    server.key_log = 1; /* the server has the keys first */
    client_config = tls_config(&client);
    server_config = tls_config(&server);
}

static void finish(void)
{
    hf_config_unref(client_config);
    hf_config_unref(server_config);
}

static void run(struct line *line, struct record_middle *middle, int to, size_t at, unsigned bit)
{
    static const struct line good;
    *line = good;
    line_start(line, client_config, server_config);
    record_start(middle, line->server.tls.conn);
    middle->to = to;
    middle->at = at;
    middle->bit = bit;
    line_run_hooked(line, record_change, middle);
}

static const char *message_name(uint8_t type)
{
    switch (type) {
    case 1:
        return "ClientHello";
    case 2:
        return "ServerHello";
    case 8:
        return "EncryptedExtensions";
    case 11:
        return "Certificate";
    case 13:
        return "CertificateRequest";
    case 15:
        return "CertificateVerify";
    case 20:
        return "Finished";
    default:
        return "?";
    }
}

/* The negative control: the layer in the middle opens and seals everything, and changes nothing. */
static void the_middle_alone_changes_nothing(void)
{
    static const uint8_t flights[3][5] = {
        [HF_ROLE_CLIENT] = {2, 8, 13, 11, 15},
        [HF_ROLE_SERVER] = {1, 11, 15, 20, 0},
    };
    struct line line;
    struct record_middle middle;
    start();
    run(&line, &middle, HF_ROLE_CLIENT, SIZE_MAX, 0);
    HF_CHECK(line_whole(&line.client) && line_whole(&line.server));
    HF_CHECK(middle.count[HF_ROLE_CLIENT] == 6 && middle.count[HF_ROLE_SERVER] == 4);
    HF_CHECK(middle.to_client.sequence > 0 && middle.to_server.sequence > 0);
    for (int to = HF_ROLE_CLIENT; to <= HF_ROLE_SERVER; to++) {
        for (size_t i = 0; i < 4; i++) {
            HF_CHECK(middle.messages[to][i].type == flights[to][i]);
        }
    }
    line_free(&line);
    finish();
}

static void inject(struct sweep *sweep, int to, size_t at, unsigned bit)
{
    struct line line;
    struct record_middle middle;
    size_t before = hf_mem_live();
    run(&line, &middle, to, at, bit);
    struct line_end *receiver = to == HF_ROLE_CLIENT ? &line.client : &line.server;
    HF_CHECK(middle.hit);
    sweep->injected++;
    /* Each message is under the Finished of its sender; the client's come after its own end. */
    bool wrong = receiver->tls.done || line.server.tls.done;
    sweep->accepted += wrong;
    if (wrong) {
        (void)fprintf(stderr, "    accepted: to %d, at %zu, bit %u\n", to, at, bit);
    }
    line_end_streams(&line);
    sweep->hung += !line_failed(receiver);
    sweep_note(sweep, &line.client.tls);
    sweep_note(sweep, &line.server.tls);
    line_free(&line);
    sweep->leaked += hf_mem_live() != before;
}

static void every_byte_of(const struct record_message *message, int to)
{
    char kind[64];
    struct sweep sweep;
    bool all = sweep_stride(2) == 1;
    size_t stride = sweep_stride(1);
    (void)snprintf(kind, sizeof(kind), "bit flipped in every byte of the %s's %s",
                   to == HF_ROLE_CLIENT ? "server" : "client", message_name(message->type));
    sweep_start(&sweep, kind);
    for (size_t i = 0; i < message->len; i += stride) {
        for (unsigned bit = all ? 0 : i % 8; bit < 8; bit += all ? 1 : 8) {
            inject(&sweep, to, message->start + i, bit);
        }
    }
    HF_CHECK(sweep_report(&sweep));
}

static void every_byte_of_every_message(void)
{
    struct line line;
    struct record_middle clean;
    start();
    run(&line, &clean, HF_ROLE_CLIENT, SIZE_MAX, 0);
    line_free(&line);
    for (int to = HF_ROLE_CLIENT; to <= HF_ROLE_SERVER; to++) {
        for (size_t i = 0; i < clean.count[to]; i++) {
            every_byte_of(&clean.messages[to][i], to);
        }
    }
    finish();
}

HF_TESTS({"the middle alone changes nothing", the_middle_alone_changes_nothing},
         {"every byte of every message", every_byte_of_every_message})
