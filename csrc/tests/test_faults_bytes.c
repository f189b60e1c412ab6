/* SPDX-License-Identifier: Apache-2.0
 *
 * Every byte of a conversation (handshake, a word each way, a clean end) cut, flipped or split, and
 * every record lost, repeated or swapped, in both directions and both versions (D4, D5): the end
 * that got something else than was sent never takes it for whole.
 */
#include "hf_test.h"
#include "line_kit.h"
#include "sweep_kit.h"

static struct hf_config *client_config;
static struct hf_config *server_config;
static size_t opened[3]; /* by HF_ROLE_*: bytes of the peer that a good handshake takes */
static size_t total[3];  /* and that a good conversation takes */

/* Ed25519: signatures of P-256 differ in length from run to run, and here bytes are counted. */
static void start(int version)
{
    static struct tls_who client;
    static struct tls_who server;
    tls_who_key(&client, HF_ROLE_CLIENT, PKI_ED25519);
    tls_who_key(&server, HF_ROLE_SERVER, PKI_ED25519);
    client.min_version = server.min_version = HF_TLS12;
    client_config = tls_config(&client);
    server_config = tls_config(&server);
    HF_CHECK(SSL_CTX_set_max_proto_version(client_config->ctx, version) == 1);
    for (int to = HF_ROLE_CLIENT; to <= HF_ROLE_SERVER; to++) {
        struct line line = {.fault = LINE_BYTES, .to = to};
        line_start(&line, client_config, server_config);
        line_run(&line);
        /* The negative control: without a fault all of it is whole. */
        HF_CHECK(line_whole(&line.client) && line_whole(&line.server));
        opened[to] = line_receiver(&line)->opened;
        total[to] = to == HF_ROLE_CLIENT ? line.to_client.bytes : line.to_server.bytes;
        line_free(&line);
    }
}

static void finish(void)
{
    hf_config_unref(client_config);
    hf_config_unref(server_config);
}

/* Run one fault. `tolerated`: the change is one that no end can notice. */
static bool inject(struct sweep *sweep, struct line *line, bool tolerated)
{
    size_t before = hf_mem_live();
    line_start(line, client_config, server_config);
    line_run(line);
    struct line_end *receiver = line_receiver(line);
    bool hit = receiver == &line->client ? line->to_client.hit : line->to_server.hit;
    if (hit) {
        sweep->injected++;
        bool early = line->at < opened[line->to] && line->fault <= LINE_FLIP;
        bool wrong = line_whole(receiver) || receiver->heard_odd || (early && receiver->tls.done);
        if (wrong && !tolerated) {
            sweep->accepted++;
            (void)fprintf(stderr, "    accepted: to %d, at %zu, bit %u\n", line->to, line->at,
                          line->bit);
        }
        line_end_streams(line);
        sweep->hung += !tolerated && !line_failed(receiver);
        sweep_note(sweep, &line->client.tls);
        sweep_note(sweep, &line->server.tls);
    }
    line_free(line);
    sweep->leaked += hf_mem_live() != before;
    return hit;
}

static void cut_at_every_byte(int version, const char *kind)
{
    struct sweep sweep;
    struct line line = {.fault = LINE_CUT};
    start(version);
    sweep_start(&sweep, kind);
    for (line.to = HF_ROLE_CLIENT; line.to <= HF_ROLE_SERVER; line.to++) {
        for (line.at = 0; line.at < total[line.to]; line.at += sweep_stride(1)) {
            HF_CHECK(inject(&sweep, &line, false));
        }
    }
    HF_CHECK(sweep_report(&sweep));
    /* D4: a cut is never told as anything else, except to who was told first by an alert. */
    for (size_t i = 0; i < SWEEP_CODES && sweep.codes[i].count != 0; i++) {
        uint32_t code = sweep.codes[i].code;
        HF_CHECK(code == HF_E_TRUNCATED || code == HF_E_CLOSED);
    }
    finish();
}

static void cut_13(void)
{
    cut_at_every_byte(HF_TLS13, "stream cut at every byte, TLS 1.3");
}

static void cut_12(void)
{
    cut_at_every_byte(HF_TLS12, "stream cut at every byte, TLS 1.2");
}

/* The version in the header of a first plain record means nothing: RFC 8446, 5.1 has it ignored. */
static bool says_nothing(const struct line *line)
{
    return line->at == 1 || line->at == 2;
}

static void flip_at_every_byte(int version, const char *kind)
{
    struct sweep sweep;
    struct line line = {.fault = LINE_FLIP};
    bool all = sweep_stride(2) == 1;
    size_t stride = sweep_stride(1);
    start(version);
    sweep_start(&sweep, kind);
    for (line.to = HF_ROLE_CLIENT; line.to <= HF_ROLE_SERVER; line.to++) {
        for (line.at = 0; line.at < total[line.to]; line.at += stride) {
            for (line.bit = all ? 0 : line.at % 8; line.bit < 8; line.bit += all ? 1 : 8) {
                HF_CHECK(inject(&sweep, &line, says_nothing(&line)));
            }
        }
    }
    HF_CHECK(sweep_report(&sweep));
    finish();
}

static void flip_13(void)
{
    flip_at_every_byte(HF_TLS13, "bit flipped in every byte on the wire, TLS 1.3");
}

static void flip_12(void)
{
    flip_at_every_byte(HF_TLS12, "bit flipped in every byte on the wire, TLS 1.2");
}

/* After the clean end nothing counts: one more close_notify is nobody's loss. */
static bool is_last(const struct line *line, size_t records)
{
    return line->fault == LINE_REPEAT && line->at + 1 == records;
}

static size_t records_to(int to)
{
    struct line line = {.fault = LINE_LOSE, .to = to, .at = SIZE_MAX};
    line_start(&line, client_config, server_config);
    line_run(&line);
    size_t records = to == HF_ROLE_CLIENT ? line.to_client.records : line.to_server.records;
    line_free(&line);
    return records;
}

static void every_record(enum line_fault fault, const char *kind)
{
    struct sweep sweep;
    struct line line = {.fault = fault};
    sweep_start(&sweep, kind);
    for (int version = HF_TLS12; version <= HF_TLS13; version++) {
        start(version);
        for (line.to = HF_ROLE_CLIENT; line.to <= HF_ROLE_SERVER; line.to++) {
            size_t records = records_to(line.to);
            for (line.at = 0; line.at < records; line.at++) {
                /* The last record of a flight has nothing to be swapped with. */
                bool hit = inject(&sweep, &line, is_last(&line, records));
                HF_CHECK(hit || fault == LINE_SWAP);
            }
        }
        finish();
    }
    HF_CHECK(sweep_report(&sweep));
    HF_CHECK(sweep.injected >= 8);
}

static void records_lost(void)
{
    every_record(LINE_LOSE, "record lost");
}

static void records_twice(void)
{
    every_record(LINE_REPEAT, "record twice");
}

static void records_swapped(void)
{
    every_record(LINE_SWAP, "records swapped");
}

/* D5: where the network cuts the bytes into pieces means nothing. */
static void split_at_every_byte(void)
{
    struct sweep sweep;
    sweep_start(&sweep, "pieces split at every byte");
    for (int version = HF_TLS12; version <= HF_TLS13; version++) {
        start(version);
        for (int to = HF_ROLE_CLIENT; to <= HF_ROLE_SERVER; to++) {
            for (size_t at = 0; at <= total[to]; at += sweep_stride(1)) {
                size_t before = hf_mem_live();
                struct line line = {
                    .fault = at == total[to] ? LINE_BYTES : LINE_SPLIT, .to = to, .at = at};
                line_start(&line, client_config, server_config);
                line_run(&line);
                sweep.injected++;
                HF_CHECK(line_whole(&line.client) && line_whole(&line.server));
                line_free(&line);
                sweep.leaked += hf_mem_live() != before;
            }
        }
        finish();
    }
    HF_CHECK(sweep_report(&sweep));
}

HF_TESTS({"cut, TLS 1.3", cut_13}, {"cut, TLS 1.2", cut_12}, {"flipped, TLS 1.3", flip_13},
         {"flipped, TLS 1.2", flip_12}, {"records lost", records_lost},
         {"records twice", records_twice}, {"records swapped", records_swapped},
         {"split at every byte", split_at_every_byte})
