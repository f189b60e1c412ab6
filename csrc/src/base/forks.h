/* SPDX-License-Identifier: Apache-2.0
 *
 * Objects with locks that a fork must not find taken (D9): each is told before a fork, after it in
 * the parent, and after it in the child, where it starts empty.
 */
#ifndef HF_BASE_FORKS_H
#define HF_BASE_FORKS_H

#include "base/result.h"

/* A part of the object; the functions are set by its owner and get this part. */
struct hf_fork_watch {
    void (*before)(struct hf_fork_watch *watch);
    void (*in_parent)(struct hf_fork_watch *watch);
    /* Whoever held a lock of the object is not in this process. Allocates and frees nothing. */
    void (*in_child)(struct hf_fork_watch *watch);
    struct hf_fork_watch *next;
    struct hf_fork_watch **link;
};

/* HF_E_OUT_OF_MEMORY when the system takes no handlers. */
HF_MUST_USE hf_result hf_fork_watch_begin(struct hf_fork_watch *watch);
void hf_fork_watch_end(struct hf_fork_watch *watch);

/* In between no fork of this process is under way. Whoever is in a first use of OpenSSL's (ossl.h)
 * may only try: a fork holds this, and waits for those. */
void hf_fork_hold(void);
HF_MUST_USE bool hf_fork_try_hold(void);
void hf_fork_release(void);

#endif
