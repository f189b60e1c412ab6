/* SPDX-License-Identifier: Apache-2.0
 *
 * The server name in a ClientHello, however it is split (A2, A3), and everything that is refused.
 */
#include <string.h>

#include "hello_kit.h"
#include "hf_test.h"
#include "tls_kit.h"

static struct hello_bytes message;
static struct hello_bytes records;

static void build(struct hf_span name, size_t piece)
{
    records.len = 0;
    hello_naming(&message, name);
    hello_records(&records, &message, piece);
}

/* From a block of its own, so that reading on is a finding of ASan's. */
static hf_result read_at(size_t len, struct hf_client_hello *out)
{
    HF_DEFER(hf_mem_free_at) uint8_t *exact = hf_mem_dup(records.data, len);
    return hf_client_hello_read(exact, len, out);
}

static hf_result read_all(struct hf_client_hello *out)
{
    return read_at(records.len, out);
}

static hf_result read_name(const char *name)
{
    struct hf_client_hello out;
    build(hf_span_of(name, strlen(name)), 16384);
    return read_all(&out);
}

static hf_result read_extensions(struct hf_span list)
{
    struct hf_client_hello out;
    records.len = 0;
    hello_message(&message, list);
    hello_records(&records, &message, 16384);
    return read_all(&out);
}

static void the_name_is_found(void)
{
    struct hf_client_hello out;
    build(HF_SPAN("pay.example.com"), 16384);
    HF_CHECK_OK(read_all(&out));
    HF_CHECK(out.need == 0 && out.server_name_len == 15);
    HF_CHECK(strcmp(out.server_name, "pay.example.com") == 0);
}

static void case_is_folded(void)
{
    /* A2 */
    struct hf_client_hello out;
    build(HF_SPAN("PAY.eXample.COM"), 16384);
    HF_CHECK_OK(read_all(&out));
    HF_CHECK(strcmp(out.server_name, "pay.example.com") == 0);
}

static void no_name_is_no_failure(void)
{
    struct hf_client_hello out;
    HF_CHECK_OK(read_extensions(HF_SPAN("\0\x2b\0\3\2\3\4")));
    HF_CHECK_OK(read_extensions(hf_span_of("", 0)));
    HF_CHECK_OK(read_extensions(hf_span_of(NULL, 0))); /* no extensions at all: TLS 1.2 */
    HF_CHECK_OK(read_all(&out));
    HF_CHECK(out.need == 0 && out.server_name_len == 0 && out.server_name[0] == '\0');
}

/* A3: split at every byte, and in records of every size, it is the same name. */
static void every_split_gives_the_same_name(void)
{
    for (size_t piece = 1; piece <= 80; piece++) {
        build(HF_SPAN("pay.example.com"), piece);
        for (size_t len = 0; len < records.len; len++) {
            struct hf_client_hello out;
            HF_CHECK_OK(read_at(len, &out));
            HF_CHECK(out.need > len && out.need <= records.len && out.server_name_len == 0);
        }
        struct hf_client_hello out;
        HF_CHECK_OK(read_all(&out));
        HF_CHECK(out.need == 0 && strcmp(out.server_name, "pay.example.com") == 0);
    }
}

static void what_comes_behind_in_other_records_is_not_looked_at(void)
{
    struct hf_client_hello out;
    build(HF_SPAN("pay.example.com"), 20);
    hello_put(&records, HF_SPAN("\x17\3\3 early data"));
    HF_CHECK_OK(read_all(&out));
    HF_CHECK(strcmp(out.server_name, "pay.example.com") == 0);
}

static void only_host_names_are_names(void)
{
    static const char *const bad[] = {
        "example.com.", ".example.com", "a..b", "-a.example", "a-.example",
        "a.-b",         "192.0.2.7",    "1",    "0x7f",       "a.0x1",
        "[::1]",        "::1",          "a b",  "a/b",        "*.a",
        "a:443",        "a@b",          "a%2e", "a\\b",       "a.\xc3\xa9",
        "a\x7f",
    };
    char label[65];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (!HF_CHECK_CODE(read_name(bad[i]), HF_E_CLIENT_HELLO)) {
            (void)fprintf(stderr, "    for %s\n", bad[i]);
        }
    }
    struct hf_client_hello out;
    build(hf_span_of("a\0b.example", 11), 16384);
    HF_CHECK_CODE(read_all(&out), HF_E_CLIENT_HELLO);
    HF_CHECK_OK(read_name("a-b._c.x0"));
    HF_CHECK_OK(read_name("xn--bcher-kva.example"));
    HF_CHECK_OK(read_name("a.0y"));
    HF_CHECK_OK(read_name("a"));
    (void)memset(label, 'a', 64);
    label[63] = '\0';
    HF_CHECK_OK(read_name(label));
    label[63] = 'a';
    label[64] = '\0';
    HF_CHECK_CODE(read_name(label), HF_E_CLIENT_HELLO);
}

static void the_length_of_a_name_is_bounded(void)
{
    char name[255];
    for (size_t i = 0; i < sizeof(name); i++) {
        name[i] = i % 2 == 0 ? 'a' : '.';
    }
    name[253] = '\0';
    HF_CHECK_OK(read_name(name));
    name[253] = 'a'; /* "…a.aa": 254 bytes of good labels */
    name[252] = 'a';
    name[254] = '\0';
    HF_CHECK_CODE(read_name(name), HF_E_CLIENT_HELLO);
    HF_CHECK_CODE(read_name(""), HF_E_CLIENT_HELLO);
}

static void two_readings_are_refused(void)
{
    /* Two names in a list; another type of name; bytes behind; the extension twice. */
    HF_CHECK_OK(read_extensions(HF_SPAN("\0\0\0\6\0\4\0\0\1a")));
    HF_CHECK_CODE(read_extensions(HF_SPAN("\0\0\0\12\0\10\0\0\1a\0\0\1b")), HF_E_CLIENT_HELLO);
    HF_CHECK_CODE(read_extensions(HF_SPAN("\0\0\0\6\0\4\1\0\1a")), HF_E_CLIENT_HELLO);
    HF_CHECK_CODE(read_extensions(HF_SPAN("\0\0\0\7\0\4\0\0\1ab")), HF_E_CLIENT_HELLO);
    HF_CHECK_CODE(read_extensions(HF_SPAN("\0\0\0\0")), HF_E_CLIENT_HELLO);
    HF_CHECK_CODE(read_extensions(HF_SPAN("\0\0\0\2\0\0")), HF_E_CLIENT_HELLO);
    HF_CHECK_CODE(read_extensions(HF_SPAN("\0\0\0\6\0\4\0\0\1a"
                                          "\0\0\0\6\0\4\0\0\1a")),
                  HF_E_CLIENT_HELLO);
    HF_CHECK_CODE(read_extensions(HF_SPAN("\0\0\0\7\0\4\0\0\1a")), HF_E_CLIENT_HELLO);
    HF_CHECK_CODE(read_extensions(HF_SPAN("\0\0\0")), HF_E_CLIENT_HELLO);
}

/* Change byte `at` of a good message, and read it. */
static hf_result changed(size_t at, uint8_t value)
{
    struct hf_client_hello out;
    build(HF_SPAN("a.example"), 16384);
    records.data[at] = value;
    hf_result r = read_all(&out);
    HF_CHECK(hf_is_ok(r) || (out.need == 0 && out.server_name_len == 0));
    return r;
}

static void what_is_no_client_hello_is_refused(void)
{
    HF_CHECK_CODE(changed(0, 0x17), HF_E_CLIENT_HELLO); /* a record of data */
    HF_CHECK_CODE(changed(1, 2), HF_E_CLIENT_HELLO);
    HF_CHECK_CODE(changed(2, 5), HF_E_CLIENT_HELLO);
    HF_CHECK_OK(changed(2, 4));
    HF_CHECK_CODE(changed(5, 2), HF_E_CLIENT_HELLO);       /* a ServerHello */
    HF_CHECK_CODE(changed(9, 2), HF_E_CLIENT_HELLO);       /* version */
    HF_CHECK_CODE(changed(5 + 38, 33), HF_E_CLIENT_HELLO); /* session id: too long */
    HF_CHECK_CODE(changed(5 + 40, 1), HF_E_CLIENT_HELLO);  /* cipher suites: an odd length */
    HF_CHECK_CODE(changed(5 + 40, 0), HF_E_CLIENT_HELLO);
    HF_CHECK_CODE(changed(5 + 43, 0), HF_E_CLIENT_HELLO); /* no compression method */
    HF_CHECK_CODE(changed(8, 200), HF_OK);                /* longer: more is to come */
    HF_CHECK_CODE(changed(8, 60), HF_E_CLIENT_HELLO);     /* shorter: bytes behind it */
}

static void sizes_are_bounded(void)
{
    static struct hello_bytes list;
    struct hf_client_hello out;
    for (size_t extra = 0; extra < 2; extra++) {
        list.len = 0;
        size_t padding = HF_CLIENT_HELLO_MAX - 4 - 41 - 2 - 4 + extra;
        hello_put_number(&list, 21, 2);
        hello_put_number(&list, padding, 2);
        for (size_t i = 0; i < padding; i++) {
            hello_put_number(&list, 0, 1);
        }
        records.len = 0;
        hello_message(&message, hf_span_of(list.data, list.len));
        hello_records(&records, &message, 16384);
        HF_CHECK_CODE(read_all(&out), extra == 0 ? HF_OK : HF_E_CLIENT_HELLO);
    }
    /* A good message in records of a byte each: the limit on all bytes is met first. */
    records.len = 0;
    hello_records(&records, &message, 1);
    HF_CHECK_CODE(read_at(6, &out), HF_OK);
    HF_CHECK_CODE(read_at(6 * 6000, &out), HF_E_CLIENT_HELLO);
    HF_CHECK(message.len == HF_CLIENT_HELLO_MAX + 1);
    /* Empty records would be records for ever. */
    records.len = 0;
    hello_put(&records, HF_SPAN("\x16\3\1\0\0"));
    HF_CHECK_CODE(read_all(&out), HF_E_CLIENT_HELLO);
    HF_CHECK_CODE(hf_client_hello_read(NULL, 1, &out), HF_E_BAD_ARGUMENT);
    HF_CHECK_CODE(hf_client_hello_read(NULL, 0, NULL), HF_E_BAD_ARGUMENT);
    HF_CHECK_OK(hf_client_hello_read(NULL, 0, &out));
    HF_CHECK(out.need == 5);
}

static void without_memory_it_fails(void)
{
    /* D7 */
    struct hf_client_hello out;
    build(HF_SPAN("a.example"), 10);
    hf_mem_fail_at(1);
    HF_CHECK_CODE(hf_client_hello_read(records.data, records.len, &out), HF_E_OUT_OF_MEMORY);
    HF_CHECK(out.server_name_len == 0 && !hf_mem_fail_pending());
}

/* What our own client sends is read, and OpenSSL on our server reads the same name (A2). */
static void openssl_reads_the_same_name(void)
{
    struct tls_who client;
    struct tls_who server;
    struct tls_end ends[2];
    struct hf_client_hello hello;
    const uint8_t *sent;
    const char *name;
    size_t len;
    tls_who(&client, HF_ROLE_CLIENT);
    tls_who(&server, HF_ROLE_SERVER);
    struct hf_config *configs[] = {tls_config(&client), tls_config(&server)};
    tls_end_conn(&ends[0], configs[0]);
    tls_end_conn(&ends[1], configs[1]);
    hf_conn_free(ends[0].conn);
    HF_CHECK_OK(
        hf_conn_new(configs[0], HF_NAME_DNS, (const uint8_t *)"Db.Example", 10, &ends[0].conn));
    HF_CHECK_CODE(hf_conn_server_name(ends[1].conn, &name, &len), HF_E_WRONG_STATE);
    tls_step(&ends[0]);
    HF_CHECK_OK(hf_conn_outgoing(ends[0].conn, &sent, &len));
    HF_CHECK_OK(hf_client_hello_read(sent, len, &hello));
    HF_CHECK(hello.need == 0 && strcmp(hello.server_name, "db.example") == 0);
    tls_drive(&ends[0], &ends[1], 1000);
    HF_CHECK_OK(hf_conn_server_name(ends[1].conn, &name, &len));
    HF_CHECK(len == 10 && strcmp(name, "Db.Example") == 0);
    for (size_t i = 0; i < 2; i++) {
        tls_end_free(&ends[i]);
        hf_config_unref(configs[i]);
    }
}

/* A2: a second ClientHello, after a HelloRetryRequest, that asks for another name: OpenSSL goes on
 * with it, so the name that it tells afterwards is what the chosen one is to be held against. */
static void a_second_hello_for_another_name_is_seen(void)
{
    struct tls_who who[2];
    struct tls_end client;
    struct tls_end server;
    struct hf_client_hello hello;
    const char *name;
    size_t len;
    tls_who(&who[0], HF_ROLE_CLIENT);
    tls_who(&who[1], HF_ROLE_SERVER);
    who[1].groups = "P-256";
    struct hf_config *config = tls_config(&who[1]);
    SSL_CTX *ctx = tls_plain_ctx(&who[0]);
    HF_CHECK(SSL_CTX_set1_groups_list(ctx, "X25519:P-256") == 1);
    tls_end_plain(&client, ctx, false);
    tls_end_conn(&server, config);
    HF_CHECK(SSL_set_tlsext_host_name(client.ssl, "pay.example") == 1);
    tls_step(&client);
    len = (size_t)BIO_get_mem_data(SSL_get_wbio(client.ssl), &name);
    HF_CHECK_OK(hf_client_hello_read((const uint8_t *)name, len, &hello));
    HF_CHECK(hello.need == 0 && strcmp(hello.server_name, "pay.example") == 0);
    HF_CHECK(SSL_set_tlsext_host_name(client.ssl, "shop.example") == 1);
    tls_drive(&client, &server, SIZE_MAX);
    HF_CHECK(client.done && server.done);
    HF_CHECK_OK(hf_conn_server_name(server.conn, &name, &len));
    HF_CHECK(len == 12 && strcmp(name, "shop.example") == 0);
    tls_end_free(&client);
    tls_end_free(&server);
    hf_config_unref(config);
    SSL_CTX_free(ctx);
}

HF_TESTS({"the name is found", the_name_is_found}, {"case is folded", case_is_folded},
         {"no name is no failure", no_name_is_no_failure},
         {"every split gives the same name", every_split_gives_the_same_name},
         {"what comes behind in other records is not looked at",
          what_comes_behind_in_other_records_is_not_looked_at},
         {"only host names are names", only_host_names_are_names},
         {"the length of a name is bounded", the_length_of_a_name_is_bounded},
         {"two readings are refused", two_readings_are_refused},
         {"what is no ClientHello is refused", what_is_no_client_hello_is_refused},
         {"sizes are bounded", sizes_are_bounded},
         {"without memory it fails", without_memory_it_fails},
         {"OpenSSL reads the same name", openssl_reads_the_same_name},
         {"a second hello for another name is seen", a_second_hello_for_another_name_is_seen})
