/* SPDX-License-Identifier: Apache-2.0 */
/* What cffi sees of the engine. */
int hf_ffi_abi(void);
