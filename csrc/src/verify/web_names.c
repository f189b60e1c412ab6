/* SPDX-License-Identifier: Apache-2.0
 *
 * The names in the leaf of a web path, whichever of them is asked for: a certificate with one name
 * that cannot be understood is not understood.
 */
#include <stdio.h>

#include "verify/web_rules.h"
#include "x509/cert_parts.h"

/* RFC 1035 */
#define HOST_MAX 253
#define LABEL_MAX 63
/* Eight groups of four digits, seven colons, NUL. */
#define ADDRESS_TEXT 40
#define OID_COMMON_NAME HF_SPAN("\x55\x04\x03")

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static bool is_alphanumeric(uint8_t c)
{
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9');
}

/* A dot parts two labels, so neither of them is empty. A star may stand anywhere: whether it stands
 * for something is decided when names are compared. No underscore (BR 7.1.2.7.12). */
static bool is_host(struct hf_span text)
{
    size_t label = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c == '.') {
            if (label == 0) {
                return false;
            }
            label = 0;
        } else if ((!is_alphanumeric(c) && c != '-' && c != '*') || ++label > LABEL_MAX) {
            return false;
        }
    }
    return label != 0 && text.len <= HOST_MAX;
}

/* RFC 5280 4.2.1.6: local-part@domain. Quoted local parts with a second '@' are not worth the
 * doubt about which of the two counts. */
static bool is_mailbox(struct hf_span text)
{
    size_t at = 0;
    while (at < text.len && text.data[at] != '@') {
        at++;
    }
    return at != 0 && at < text.len && is_host(hf_span_of(text.data + at + 1, text.len - at - 1));
}

static hf_result check_form(const struct hf_der *name)
{
    char shown[128];
    bool good = name->tag == HF_NAME_TAG_DNS     ? is_host(name->content)
                : name->tag == HF_NAME_TAG_EMAIL ? is_mailbox(name->content)
                                                 : true;
    if (!good) {
        hf_error_escape(shown, sizeof(shown), name->content.data, name->content.len);
        HF_FAIL_SEEN(HF_E_CERT_EXTENSION, "alternative names that are host names and mailboxes",
                     "'%s'", shown);
    }
    return hf_ok();
}

/* The longest run of two or more zero groups, the first of equal ones: what "::" stands for. */
static size_t longest_zeros(const unsigned groups[8], size_t *start)
{
    size_t longest = 1;
    *start = 8;
    for (size_t i = 0; i < 8; i++) {
        size_t run = 0;
        while (i + run < 8 && groups[i + run] == 0) {
            run++;
        }
        if (run > longest) {
            longest = run;
            *start = i;
        }
    }
    return *start == 8 ? 0 : longest;
}

static size_t print(char out[ADDRESS_TEXT], size_t used, const char *format, unsigned value)
{
    int wrote = snprintf(out + used, ADDRESS_TEXT - used, format, value);
    return wrote < 0 ? used : used + (size_t)wrote;
}

/* RFC 5952 section 4, and dotted decimals: the one way to write an address. */
static struct hf_span write_address(struct hf_span address, char out[ADDRESS_TEXT])
{
    size_t used = 0;
    if (address.len == 4) {
        for (size_t i = 0; i < 4; i++) {
            used = print(out, used, i == 0 ? "%u" : ".%u", address.data[i]);
        }
        return hf_span_of(out, used);
    }
    unsigned groups[8];
    size_t start;
    for (size_t i = 0; i < 8; i++) {
        groups[i] = (unsigned)address.data[2 * i] << 8 | address.data[2 * i + 1];
    }
    size_t zeros = longest_zeros(groups, &start);
    for (size_t i = 0; i < 8; i++) {
        if (i == start) {
            out[used++] = ':';
            i += zeros - 1;
            used = i == 7 ? print(out, used, ":", 0) : used;
            continue;
        }
        used = print(out, used, i == 0 ? "%x" : ":%x", groups[i]);
    }
    return hf_span_of(out, used);
}

enum common_kind { COMMON_TITLE, COMMON_HOST, COMMON_ADDRESS };

/* All of it digits (hexadecimal behind "0x") and dots. */
static bool is_number(struct hf_span text)
{
    bool hex = hf_span_starts_with(text, HF_SPAN("0x")) || hf_span_starts_with(text, HF_SPAN("0X"));
    for (size_t i = hex ? 2 : 0; i < text.len; i++) {
        uint8_t c = lower(text.data[i]);
        if (!(c >= '0' && c <= '9') && c != '.' && !(hex && c == 'x') &&
            !(hex && c >= 'a' && c <= 'f')) {
            return false;
        }
    }
    return text.len != 0;
}

/* "Example Ltd." is a title; "www.example.com" and "2001:db8::1" claim to be somebody. */
static enum common_kind kind_of(struct hf_span text)
{
    size_t dots = 0;
    size_t colons = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == ' ') {
            return COMMON_TITLE;
        }
        dots += text.data[i] == '.' ? 1 : 0;
        colons += text.data[i] == ':' ? 1 : 0;
    }
    if (colons >= 2 || is_number(text)) {
        return COMMON_ADDRESS;
    }
    return dots != 0 ? COMMON_HOST : COMMON_TITLE;
}

/* The host itself, or the domain that it is in. */
static bool is_host_or_domain(struct hf_span common, struct hf_span host)
{
    if (host.len < common.len ||
        !hf_span_equal(hf_span_of(host.data + (host.len - common.len), common.len), common)) {
        return false;
    }
    return host.len == common.len || host.data[host.len - common.len - 1] == '.';
}

static hf_result find_name(const struct hf_cert *leaf, enum common_kind kind, struct hf_span common,
                           bool *found)
{
    struct hf_span names = leaf->san;
    char text[ADDRESS_TEXT];
    *found = false;
    while (names.len != 0 && !*found) {
        struct hf_der name;
        HF_TRY(hf_der_next(&names, &name));
        if (name.tag == HF_NAME_TAG_IP && kind == COMMON_ADDRESS) {
            *found = hf_span_equal(write_address(name.content, text), common);
        } else if (name.tag == HF_NAME_TAG_DNS && kind == COMMON_HOST) {
            *found = is_host_or_domain(common, name.content);
        }
    }
    return hf_ok();
}

/* BR 7.1.4.3 wants a common name to be, letter for letter, one of the alternative names. It never
 * counts as a name here, but people and others read it, and it must not tell them something else:
 * a host beside hosts, or an address beside addresses, is one of them (or the domain of one, as
 * many certificates for subdomains have it). */
static hf_result check_common_name(const struct hf_cert *leaf, struct hf_span common)
{
    bool found;
    char shown[128];
    enum common_kind kind = kind_of(common);
    bool comparable = (kind == COMMON_HOST && leaf->dns_count != 0) ||
                      (kind == COMMON_ADDRESS && leaf->ip_count != 0);
    if (!comparable) {
        return hf_ok();
    }
    HF_TRY(find_name(leaf, kind, common, &found));
    if (!found) {
        hf_error_escape(shown, sizeof(shown), common.data, common.len);
        HF_FAIL_SEEN(HF_E_NAME_MISMATCH, "a common name that is one of the alternative names",
                     "'%s'", shown);
    }
    return hf_ok();
}

static hf_result check_subject(const struct hf_cert *leaf)
{
    struct hf_span subject = leaf->subject;
    struct hf_span parts;
    HF_TRY(hf_der_take(&subject, HF_DER_SEQUENCE, &parts));
    while (parts.len != 0) {
        struct hf_span attributes;
        HF_TRY(hf_der_take(&parts, HF_DER_SET, &attributes));
        while (attributes.len != 0) {
            struct hf_span attribute;
            struct hf_span type;
            struct hf_der text;
            HF_TRY(hf_der_take(&attributes, HF_DER_SEQUENCE, &attribute));
            HF_TRY(hf_der_take_oid(&attribute, &type));
            HF_TRY(hf_der_next(&attribute, &text));
            if (hf_span_equal(type, OID_COMMON_NAME)) {
                HF_TRY(check_common_name(leaf, text.content));
            }
        }
    }
    return hf_ok();
}

hf_result hf_web_names_check(const struct hf_cert *leaf, int purpose)
{
    struct hf_span names = leaf->san;
    while (names.len != 0) {
        struct hf_der name;
        HF_TRY(hf_der_next(&names, &name));
        HF_TRY(check_form(&name));
    }
    bool server = (hf_purpose_eku(purpose) & HF_EKU_SERVER) != 0;
    return server ? check_subject(leaf) : hf_ok();
}
