/* SPDX-License-Identifier: Apache-2.0
 *
 * Trust domain names, and the characters that SPIFFE IDs are made of.
 */
#ifndef HF_ID_TRUST_DOMAIN_H
#define HF_ID_TRUST_DOMAIN_H

#include "base/span.h"

#define HF_CHARACTER_DOMAIN 1u  /* may stand in a trust domain name: ID-08 */
#define HF_CHARACTER_SEGMENT 2u /* may stand in a path segment: ID-16 */

/* What each byte may be; everything else, NUL and bytes above 0x7f included, is nothing. */
extern const uint8_t hf_character_classes[256];

/* Length of the run of bytes of a class at the start of `text`. */
static inline size_t hf_character_run(struct hf_span text, uint8_t class_bit)
{
    size_t n = 0;
    while (n < text.len && (hf_character_classes[text.data[n]] & class_bit) != 0) {
        n++;
    }
    return n;
}

/* Refuse text[at], which is the first byte that fits no trust domain name: names the part of a URI
 * that it would begin. `offset` is where `text` lies in what the caller was given. */
HF_MUST_USE hf_result hf_trust_domain_refuse(struct hf_span text, size_t at, size_t offset);

/* Refuse the byte `c` at `offset` with the code of its meaning in a URI, or with `otherwise`. */
HF_MUST_USE hf_result hf_character_refuse(uint8_t c, size_t offset, uint32_t otherwise,
                                          const char *expected);

#endif
