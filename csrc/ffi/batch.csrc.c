/* SPDX-License-Identifier: Apache-2.0
 *
 * Many chains at once.
 */

/* ---- batch -------------------------------------------------------------------------------- */

static uint32_t hf_ffi_batch_verify(struct hf_verifier *verifier,
                                    const struct hf_batch_input *input,
                                    const struct hf_batch_options *options,
                                    struct hf_batch_control *control, struct hf_batch_output *out)
{
    return hf_batch_verify(verifier, input, options, control, out).code;
}
