/* SPDX-License-Identifier: Apache-2.0
 *
 * c_idle.c - a server of bench/idle.py on handfast's engine without Python: it answers the byte
 * that each client sends and keeps the connection. Clients come one after the other. It ends with
 * its input.
 */
#include "c_engine.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FILE_MAX 65536
#define MOST 65536
#define PATIENCE 30000 /* milliseconds */

struct file {
    uint8_t data[FILE_MAX];
    size_t len;
};

/* By descriptor: a byte that comes later is the end of a connection. */
static struct hf_conn *held[MOST];

static void must(int holds, const char *what)
{
    if (!holds) {
        perror(what);
        exit(1);
    }
}

static void read_file(const char *directory, const char *name, struct file *out)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *stream = fopen(path, "rb");
    must(stream != NULL, path);
    out->len = fread(out->data, 1, sizeof(out->data), stream);
    fclose(stream);
}

static struct hf_config *config_new(const char *pki)
{
    static struct file root, chain, key;
    struct hf_chain_cache *cache;
    struct hf_svid *svid;
    struct hf_config *config;
    read_file(pki, "root.der", &root);
    read_file(pki, "server.der", &chain);
    read_file(pki, "server.key.der", &key);
    engine_need(hf_chain_cache_new(NULL, &cache), "cache");
    struct hf_verifier *verifier = engine_verifier(root.data, root.len, cache);
    engine_need(hf_svid_new(chain.data, chain.len, key.data, key.len, &svid), "svid");
    const struct hf_config_spec spec = {.role = HF_ROLE_SERVER, .svid = svid, .verifier = verifier};
    engine_need(hf_config_new(&spec, &config), "config");
    hf_svid_unref(svid);
    hf_verifier_unref(verifier);
    hf_chain_cache_unref(cache);
    return config;
}

static int listen_anywhere(unsigned *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    must(fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0 && listen(fd, 1024) == 0,
         "listen");
    must(getsockname(fd, (struct sockaddr *)&address, &len) == 0, "getsockname");
    *port = ntohs(address.sin_port);
    return fd;
}

static void wait_for(int fd, uint32_t want)
{
    short events = (want & HF_WANT_WRITE) != 0 ? POLLOUT : POLLIN;
    struct pollfd one = {.fd = fd, .events = events};
    must(poll(&one, 1, PATIENCE) == 1, "poll");
}

/* Handshake, a byte, its answer. */
static struct hf_conn *serve(struct hf_config *config, int fd)
{
    struct hf_conn *conn;
    struct hf_peer peer;
    uint8_t byte;
    int done = 0;
    uint32_t want;
    size_t len = 0;
    engine_need(hf_conn_new(config, HF_NAME_NONE, NULL, 0, &conn), "connection");
    for (;;) {
        engine_need(hf_conn_handshake_fd(conn, fd, &done, &want), "handshake");
        if (done) {
            break;
        }
        wait_for(fd, want);
    }
    engine_need(hf_conn_peer(conn, &peer), "peer");
    if (strcmp(peer.id, "spiffe://" TRUST_DOMAIN "/client") != 0) {
        engine_die("met somebody else");
    }
    for (;;) {
        engine_need(hf_conn_read_fd(conn, fd, &byte, 1, &len, &want), "read");
        if (len != 0) {
            break;
        }
        wait_for(fd, want);
    }
    engine_need(hf_conn_write_fd(conn, fd, &byte, 1, &len, &want), "write");
    return conn;
}

/* Between two clients: those that closed are closed here, too. */
static void sweep(int most)
{
    char byte;
    for (int fd = 0; fd <= most; fd++) {
        if (held[fd] != NULL && recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) {
            hf_conn_free(held[fd]);
            held[fd] = NULL;
            close(fd);
        }
    }
}

int main(int argc, char **argv)
{
    unsigned port;
    int most = 0;
    if (argc != 3 || strcmp(argv[1], "--pki") != 0) {
        fprintf(stderr, "usage: c_idle --pki DIR\n");
        return 2;
    }
    struct hf_config *config = config_new(argv[2]);
    int listener = listen_anywhere(&port);
    printf("{\"port\": %u, \"openssl\": \"%s\", \"openssl_origin\": \"%s\"}\n", port,
           hf_openssl_running(), hf_openssl_origin());
    fflush(stdout);
    for (;;) {
        struct pollfd both[2] = {{.fd = listener, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
        int ready = poll(both, 2, 200);
        must(ready >= 0, "poll");
        if (ready == 0) {
            sweep(most);
        } else if ((both[0].revents & POLLIN) != 0) {
            int fd = accept(listener, NULL, NULL);
            must(fd >= 0 && fd < MOST && fcntl(fd, F_SETFL, O_NONBLOCK) == 0, "accept");
            held[fd] = serve(config, fd);
            most = fd > most ? fd : most;
        } else {
            return 0; /* the process ends, and everything of it */
        }
    }
}
