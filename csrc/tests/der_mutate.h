/* SPDX-License-Identifier: Apache-2.0
 *
 * Mistakes in the structure of DER: one element, wherever it lies, is changed, and all lengths
 * around it are made to fit again, so that a reader gets as far as the mistake.
 */
#ifndef HF_TESTS_DER_MUTATE_H
#define HF_TESTS_DER_MUTATE_H

#include "der_writer.h"

enum der_edit {
    DER_EDIT_BYTE,        /* xor a byte of the content */
    DER_EDIT_TAG,         /* another tag */
    DER_EDIT_DELETE,      /* leave the element out */
    DER_EDIT_DOUBLE,      /* write it twice */
    DER_EDIT_EMPTY,       /* without its content */
    DER_EDIT_CUT,         /* without the last byte of its content */
    DER_EDIT_GROW,        /* with a byte more at the end */
    DER_EDIT_GROW_FRONT,  /* with a byte more in front */
    DER_EDIT_LONG_LENGTH, /* length in more bytes than it needs */
    DER_EDIT_INDEFINITE,  /* BER's indefinite length */
    DER_EDIT_NULL,        /* NULL in its place */
    DER_EDIT_INSERT,      /* NULL before it */
    DER_EDIT_SWAP,        /* after its next sibling */
    DER_EDITS
};

struct der_change {
    enum der_edit edit;
    size_t element; /* counted from the first, depth first; modulo their number */
    size_t at;      /* which byte, modulo the length */
    uint8_t value;
};

/* How many elements there are, those inside of OCTET STRINGs (extensions) among them. */
size_t der_count(struct der_bytes der);

/* Write `der` with the change. */
void der_mutate(struct der_bytes der, const struct der_change *change, struct der_writer *out);

#endif
