/* SPDX-License-Identifier: Apache-2.0 */
/* The prelude of the generated module. */
static int hf_ffi_abi(void)
{
    return 1;
}
