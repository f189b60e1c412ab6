/* SPDX-License-Identifier: Apache-2.0
 *
 * The server name in a ClientHello, read before any context is chosen: a context that is switched
 * in the middle of a handshake keeps the old one's verify mode (threats, 2.1).
 *
 * Theory of operation. Records are walked from the start at each call. When the first message is
 * whole it is read: straight where it lies in one record, else from a copy that puts its pieces
 * together. OpenSSL reads the same bytes afterwards, and only what it would read the same way is
 * let through: one name, of type host_name, at the place where RFC 6066 wants it.
 */
#include "base/span.h"

#define RECORD_HEADER 5
#define RECORD_MAX 16384
#define MESSAGE_HEADER 4
#define HANDSHAKE 0x16
#define CLIENT_HELLO 1
#define SSL_MAJOR 3
#define RECORD_MINOR_MAX 4
#define RANDOM_SIZE 32
#define SESSION_ID_MAX 32
#define EXTENSION_SERVER_NAME 0
#define HOST_NAME 0
#define LABEL_MAX 63

/* Where the first message lies in the records. */
struct message {
    size_t need;       /* as in struct hf_client_hello */
    size_t len;        /* with its header; 0: not known yet */
    size_t pieces;     /* records that it takes */
    struct hf_span at; /* when pieces is 1 */
};

static bool take_u16(struct hf_span *from, size_t *out)
{
    struct hf_span two;
    *out = 0;
    if (!hf_span_take(from, 2, &two)) {
        return false;
    }
    *out = (size_t)two.data[0] << 8 | two.data[1];
    return true;
}

/* A vector after its length of one or two bytes. */
static bool take_u8_vector(struct hf_span *from, struct hf_span *out)
{
    uint8_t len;
    *out = hf_span_of(NULL, 0);
    return hf_span_take_u8(from, &len) && hf_span_take(from, len, out);
}

static bool take_u16_vector(struct hf_span *from, struct hf_span *out)
{
    size_t len;
    *out = hf_span_of(NULL, 0);
    return take_u16(from, &len) && hf_span_take(from, len, out);
}

/* Length of the record whose header is there. */
static hf_result check_record(const uint8_t *header, size_t *len)
{
    *len = (size_t)header[3] << 8 | header[4];
    HF_NEED_SEEN(header[0] == HANDSHAKE && header[1] == SSL_MAJOR && header[2] <= RECORD_MINOR_MAX,
                 HF_E_CLIENT_HELLO, "a handshake record of TLS", "record type %u, version %u.%u",
                 header[0], header[1], header[2]);
    HF_NEED_SEEN(*len != 0 && *len <= RECORD_MAX, HF_E_CLIENT_HELLO, "a record of 1 to 16384 bytes",
                 "%zu bytes", *len);
    return hf_ok();
}

/* The message's own length, once its four bytes have come in whatever pieces. */
static hf_result check_head(const uint8_t head[MESSAGE_HEADER], size_t *len)
{
    *len = MESSAGE_HEADER + ((size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3]);
    HF_NEED_SEEN(head[0] == CLIENT_HELLO, HF_E_CLIENT_HELLO, "a ClientHello", "message type %u",
                 head[0]);
    HF_NEED_SEEN(*len <= HF_CLIENT_HELLO_MAX, HF_E_CLIENT_HELLO,
                 "a ClientHello of at most 16384 bytes", "%zu bytes", *len);
    return hf_ok();
}

/* Walk records until the message is whole (need 0) or the bytes are over. */
static hf_result find(struct hf_span bytes, struct message *out)
{
    uint8_t head[MESSAGE_HEADER];
    size_t have = 0;
    size_t at = 0;
    while (out->len == 0 || have < out->len) {
        size_t len;
        if (bytes.len - at < RECORD_HEADER) {
            out->need = at + RECORD_HEADER;
            return hf_ok();
        }
        HF_TRY(check_record(bytes.data + at, &len));
        at += RECORD_HEADER;
        if (bytes.len - at < len) {
            out->need = at + len;
            return hf_ok();
        }
        for (size_t i = 0; i < len && have + i < MESSAGE_HEADER; i++) {
            head[have + i] = bytes.data[at + i];
        }
        have += len;
        out->pieces++;
        out->at = hf_span_of(bytes.data + at, len);
        at += len;
        if (out->len == 0 && have >= MESSAGE_HEADER) {
            HF_TRY(check_head(head, &out->len));
        }
    }
    HF_NEED_SEEN(have == out->len, HF_E_CLIENT_HELLO, "nothing behind a ClientHello in its record",
                 "%zu bytes", have - out->len);
    return hf_ok();
}

/* Put the pieces together; the walk above has checked them all. */
static void join(const uint8_t *bytes, uint8_t *out, size_t len)
{
    for (size_t done = 0; done < len;) {
        size_t n = (size_t)bytes[3] << 8 | bytes[4];
        (void)hf_mem_copy(out + done, len - done, bytes + RECORD_HEADER, n);
        bytes += RECORD_HEADER + n;
        done += n;
    }
}

static char lower(uint8_t c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static bool is_label(const char *label, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = label[i];
        bool inner = c == '-' && i != 0 && i != len - 1;
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_' && !inner) {
            return false;
        }
    }
    return len != 0 && len <= LABEL_MAX;
}

/* 192.0.2.7, and whatever else a resolver would take for an address. */
static bool is_number(const char *label, size_t len)
{
    bool hex = len >= 2 && label[0] == '0' && label[1] == 'x';
    for (size_t i = hex ? 2 : 0; i < len; i++) {
        bool digit = label[i] >= '0' && label[i] <= '9';
        if (!digit && !(hex && label[i] >= 'a' && label[i] <= 'f')) {
            return false;
        }
    }
    return true;
}

static bool is_host_name(const char *name, size_t len)
{
    size_t start = 0;
    for (size_t i = 0; i < len; i++) {
        if (name[i] == '.') {
            if (!is_label(name + start, i - start)) {
                return false;
            }
            start = i + 1;
        }
    }
    return is_label(name + start, len - start) && !is_number(name + start, len - start);
}

static hf_result read_name(struct hf_span name, struct hf_client_hello *out)
{
    char shown[96];
    char folded[HF_SERVER_NAME_MAX + 1] = "";
    hf_error_escape(shown, sizeof(shown), name.data, name.len);
    for (size_t i = 0; i < name.len && i < HF_SERVER_NAME_MAX; i++) {
        folded[i] = lower(name.data[i]);
    }
    HF_NEED_SEEN(name.len <= HF_SERVER_NAME_MAX && is_host_name(folded, name.len),
                 HF_E_CLIENT_HELLO, "a host name of ASCII labels as the server name", "%s", shown);
    (void)hf_mem_copy(out->server_name, sizeof(out->server_name), folded, sizeof(folded));
    out->server_name_len = name.len;
    return hf_ok();
}

/* Exactly one entry, of type host_name: all that OpenSSL takes. */
static hf_result read_server_name(struct hf_span body, struct hf_client_hello *out)
{
    struct hf_span list;
    struct hf_span name;
    uint8_t type;
    bool good = take_u16_vector(&body, &list) && body.len == 0 && hf_span_take_u8(&list, &type) &&
                type == HOST_NAME && take_u16_vector(&list, &name) && list.len == 0;
    HF_NEED_SEEN(good, HF_E_CLIENT_HELLO, "one host name in server_name", "something else");
    HF_NEED_SEEN(out->server_name_len == 0, HF_E_CLIENT_HELLO, "one server_name extension",
                 "a second one");
    return read_name(name, out);
}

static hf_result read_extensions(struct hf_span list, struct hf_client_hello *out)
{
    while (list.len != 0) {
        size_t type;
        struct hf_span body;
        HF_NEED_SEEN(take_u16(&list, &type) && take_u16_vector(&list, &body), HF_E_CLIENT_HELLO,
                     "whole extensions", "one that ends behind the message");
        if (type == EXTENSION_SERVER_NAME) {
            HF_TRY(read_server_name(body, out));
        }
    }
    return hf_ok();
}

static hf_result read_message(struct hf_span message, struct hf_client_hello *out)
{
    struct hf_span skipped;
    struct hf_span version;
    struct hf_span session;
    struct hf_span suites;
    struct hf_span compressions;
    struct hf_span extensions;
    bool good = hf_span_take(&message, MESSAGE_HEADER, &skipped) &&
                hf_span_take(&message, 2, &version) && version.data[0] == SSL_MAJOR &&
                hf_span_take(&message, RANDOM_SIZE, &skipped) &&
                take_u8_vector(&message, &session) && session.len <= SESSION_ID_MAX &&
                take_u16_vector(&message, &suites) && suites.len != 0 && suites.len % 2 == 0 &&
                take_u8_vector(&message, &compressions) && compressions.len != 0;
    HF_NEED_SEEN(good, HF_E_CLIENT_HELLO, "the fields of a ClientHello", "others");
    if (message.len == 0) {
        return hf_ok(); /* before TLS 1.3 there may be no extensions */
    }
    HF_NEED_SEEN(take_u16_vector(&message, &extensions) && message.len == 0, HF_E_CLIENT_HELLO,
                 "extensions up to the end of the ClientHello", "another length");
    return read_extensions(extensions, out);
}

static hf_result read_whole(const uint8_t *bytes, const struct message *message,
                            struct hf_client_hello *out)
{
    if (message->pieces == 1) {
        return read_message(message->at, out);
    }
    HF_DEFER(hf_mem_free_at) uint8_t *joined = hf_mem_new(message->len);
    HF_NEED_MEM(joined);
    join(bytes, joined, message->len);
    return read_message(hf_span_of(joined, message->len), out);
}

hf_result hf_client_hello_read(const uint8_t *bytes, size_t len, struct hf_client_hello *out)
{
    struct message message = {0};
    HF_NEED_PTR(out);
    *out = (struct hf_client_hello){0};
    HF_NEED(bytes != NULL || len == 0, HF_E_BAD_ARGUMENT);
    HF_TRY(find(hf_span_of(bytes, len), &message));
    HF_NEED_SEEN(message.need <= HF_CLIENT_HELLO_BYTES_MAX, HF_E_CLIENT_HELLO,
                 "a ClientHello in records of at most 32768 bytes in all", "more");
    out->need = message.need;
    if (message.need != 0) {
        return hf_ok();
    }
    hf_result r = read_whole(bytes, &message, out);
    if (!hf_is_ok(r)) {
        *out = (struct hf_client_hello){0};
    }
    return r;
}
