/* SPDX-License-Identifier: Apache-2.0 */
#include "line_kit.h"

#include <stdio.h>
#include <stdlib.h>

#define FLIGHT_MAX 65536
#define RECORD_HEADER 5

static const uint8_t word[] = "as good as my word";

static void need(bool holds)
{
    if (!holds) {
        (void)fprintf(stderr, "line_kit: broken (%s)\n", hf_error_current()->seen);
        exit(2);
    }
}

void line_start(struct line *line, struct hf_config *client, struct hf_config *server)
{
    static const struct line_end new_end;
    static const struct line_direction new_direction;
    line->steps = 0;
    line->client = line->server = new_end;
    line->to_client = line->to_server = new_direction;
    tls_end_conn(&line->client.tls, client);
    tls_end_conn(&line->server.tls, server);
}

void line_free(struct line *line)
{
    tls_forget_chains(line->client.tls.conn);
    tls_forget_chains(line->server.tls.conn);
    tls_end_free(&line->client.tls);
    tls_end_free(&line->server.tls);
}

struct line_end *line_receiver(struct line *line)
{
    return line->to == HF_ROLE_CLIENT ? &line->client : &line->server;
}

bool line_whole(const struct line_end *end)
{
    return end->tls.done && end->heard && end->clean;
}

bool line_failed(const struct line_end *end)
{
    return !hf_is_ok(end->tls.result);
}

static void keep(struct line_end *end, hf_result r)
{
    if (!hf_is_ok(r)) {
        end->tls.result = r;
        hf_error_copy(&end->tls.error);
    }
}

static void hear(struct line_end *end)
{
    uint8_t heard[sizeof(word) + 1];
    size_t len;
    uint32_t want = HF_WANT_NOTHING;
    while (!end->clean && want == HF_WANT_NOTHING) {
        hf_result r = hf_conn_read(end->tls.conn, heard, sizeof(heard), &len, &want);
        if (r.code == HF_E_CLOSED) {
            end->clean = true;
            return;
        }
        if (!hf_is_ok(r)) {
            keep(end, r);
            return;
        }
        if (len != 0) {
            end->heard_odd |= end->heard || !hf_mem_equal(heard, len, word, sizeof(word));
            end->heard = true;
        }
    }
}

/* As far as an end gets with what it has. */
static void step(struct line *line, struct line_end *end, size_t bytes)
{
    int done = 0;
    uint32_t want;
    if (++line->steps == line->k) {
        line->at_step(line->arg);
    }
    if (line_failed(end)) {
        return;
    }
    if (!end->tls.done) {
        keep(end, hf_conn_handshake(end->tls.conn, &done, &want));
        end->tls.done = done != 0;
        end->opened = bytes;
    }
    if (!end->tls.done || line_failed(end)) {
        return;
    }
    if (!end->said) {
        end->said = true;
        keep(end, hf_conn_write(end->tls.conn, word, sizeof(word)));
        if (!line_failed(end)) {
            keep(end, hf_conn_close(end->tls.conn));
        }
    }
    if (!line_failed(end)) {
        hear(end);
    }
}

static void give(struct line *line, struct line_end *end, struct line_direction *way,
                 const uint8_t *bytes, size_t len)
{
    if (line_failed(end) || way->ended) {
        return;
    }
    if (len != 0) {
        keep(end, hf_conn_receive(end->tls.conn, bytes, len));
    }
    way->bytes += len;
    step(line, end, way->bytes);
}

static void end_stream(struct line *line, struct line_end *end, struct line_direction *way)
{
    if (line_failed(end) || way->ended) {
        return;
    }
    way->ended = true;
    keep(end, hf_conn_receive_eof(end->tls.conn));
    step(line, end, way->bytes);
}

static void give_bytes(struct line *line, struct line_end *end, struct line_direction *way,
                       uint8_t *bytes, size_t len)
{
    size_t before = way->bytes;
    bool here = line->at >= before && line->at - before < len;
    if (line->fault == LINE_BYTES) {
        way->hit = true;
        for (size_t i = 0; i < len; i++) {
            give(line, end, way, bytes + i, 1);
        }
        return;
    }
    if (!here) {
        give(line, end, way, bytes, len);
        return;
    }
    size_t cut = line->at - before;
    way->hit = true;
    switch (line->fault) {
    case LINE_FLIP:
        bytes[cut] = (uint8_t)(bytes[cut] ^ (1u << line->bit));
        give(line, end, way, bytes, len);
        return;
    case LINE_CUT:
        give(line, end, way, bytes, cut);
        end_stream(line, end, way);
        return;
    default:
        give(line, end, way, bytes, cut);
        give(line, end, way, bytes + cut, len - cut);
        return;
    }
}

static size_t record_at(const uint8_t *bytes, size_t len)
{
    need(len >= RECORD_HEADER);
    size_t size = RECORD_HEADER + ((size_t)bytes[3] << 8 | bytes[4]);
    need(size <= len);
    return size;
}

static void give_records(struct line *line, struct line_end *end, struct line_direction *way,
                         uint8_t *bytes, size_t len)
{
    for (size_t start = 0; start < len;) {
        size_t size = record_at(bytes + start, len - start);
        size_t next = start + size;
        bool here = way->records++ == line->at;
        if (!here) {
            give(line, end, way, bytes + start, size);
        } else if (line->fault == LINE_REPEAT) {
            way->hit = true;
            give(line, end, way, bytes + start, size);
            give(line, end, way, bytes + start, size);
        } else if (line->fault == LINE_LOSE) {
            way->hit = true;
        } else if (next < len) {
            size_t other = record_at(bytes + next, len - next);
            way->hit = true;
            way->records++;
            give(line, end, way, bytes + next, other);
            give(line, end, way, bytes + start, size);
            next += other;
        } else {
            give(line, end, way, bytes + start, size); /* nothing behind it in this flight */
        }
        start = next;
    }
}

static size_t carry(struct line *line, int to, line_hook *hook, void *arg)
{
    uint8_t flight[FLIGHT_MAX];
    bool to_client = to == HF_ROLE_CLIENT;
    struct line_end *from = to_client ? &line->server : &line->client;
    struct line_end *end = to_client ? &line->client : &line->server;
    struct line_direction *way = to_client ? &line->to_client : &line->to_server;
    const uint8_t *data;
    size_t len;
    need(hf_is_ok(hf_conn_outgoing(from->tls.conn, &data, &len)));
    need(hf_mem_copy(flight, sizeof(flight), data, len));
    need(hf_is_ok(hf_conn_consumed(from->tls.conn, len)));
    if (len == 0) {
        return 0;
    }
    if (hook != NULL) {
        hook(arg, to, flight, len);
    }
    if (line->to != to || line->fault == LINE_GOOD) {
        give(line, end, way, flight, len);
    } else if (line->fault >= LINE_LOSE) {
        give_records(line, end, way, flight, len);
    } else {
        give_bytes(line, end, way, flight, len);
    }
    return len;
}

void line_run_hooked(struct line *line, line_hook *hook, void *arg)
{
    size_t moved;
    step(line, &line->client, 0);
    do {
        moved = carry(line, HF_ROLE_SERVER, hook, arg);
        moved += carry(line, HF_ROLE_CLIENT, hook, arg);
    } while (moved != 0);
}

void line_run(struct line *line)
{
    line_run_hooked(line, NULL, NULL);
}

void line_end_streams(struct line *line)
{
    end_stream(line, &line->server, &line->to_server);
    end_stream(line, &line->client, &line->to_client);
}
