/* SPDX-License-Identifier: Apache-2.0
 *
 * Sweeps that find nothing prove nothing unless they are seen to find something: planted faults,
 * each of which a sweep's count has to show.
 */
#include <fcntl.h>
#include <unistd.h>

#include "hf_test.h"
#include "line_kit.h"
#include "sweep_kit.h"

static struct hf_config *client_config;
static struct hf_config *server_config;

static void start(void)
{
    tls_good_configs(PKI_P256, &client_config, &server_config);
}

static void finish(void)
{
    hf_config_unref(client_config);
    hf_config_unref(server_config);
}

/* The version of the first record's header means nothing (RFC 8446, 5.1): such a flip is accepted,
 * which is what a flip that OpenSSL overlooked would look like. */
static void an_acceptance_is_seen(void)
{
    struct line line = {.fault = LINE_FLIP, .to = HF_ROLE_SERVER, .at = 2};
    start();
    line_start(&line, client_config, server_config);
    line_run(&line);
    HF_CHECK(line.to_server.hit && line_whole(line_receiver(&line)));
    line_free(&line);
    finish();
}

/* An end that nobody told of the end waits for ever; told, it does not. */
static void a_waiting_end_is_seen(void)
{
    struct line line = {.fault = LINE_LOSE, .to = HF_ROLE_SERVER, .at = 0};
    start();
    line_start(&line, client_config, server_config);
    line_run(&line);
    HF_CHECK(!line_whole(&line.server) && !line_failed(&line.server));
    line_end_streams(&line);
    HF_CHECK(line_failed(&line.server));
    HF_CHECK_CODE(line.server.tls.result, HF_E_TRUNCATED);
    line_free(&line);
    finish();
}

static void a_lost_connection_is_seen(void)
{
    struct line line = {.fault = LINE_GOOD};
    start();
    size_t before = hf_mem_live();
    line_start(&line, client_config, server_config);
    line_run(&line);
    HF_CHECK(hf_mem_live() > before);
    line_free(&line);
    HF_CHECK(hf_mem_live() == before);
    finish();
}

static void a_lost_descriptor_is_seen(void)
{
    size_t before = sweep_descriptors();
    int fd = open("/dev/null", O_RDONLY);
    HF_CHECK(fd >= 0 && sweep_descriptors() == before + 1);
    HF_CHECK(close(fd) == 0 && sweep_descriptors() == before);
}

/* Each count alone makes a sweep fail, and so does one that did nothing. */
static void a_sweep_with_a_finding_fails(void)
{
    struct tls_end end = {.result = {HF_E_OPENSSL}};
    struct sweep sweep;
    sweep_start(&sweep, "a control");
    HF_CHECK(!sweep_is_clean(&sweep));
    sweep.injected = 1;
    HF_CHECK(sweep_is_clean(&sweep));
    sweep.accepted = 1;
    HF_CHECK(!sweep_is_clean(&sweep));
    sweep.accepted = 0;
    sweep.leaked = 1;
    HF_CHECK(!sweep_is_clean(&sweep));
    sweep.leaked = 0;
    sweep.hung = 1;
    HF_CHECK(!sweep_is_clean(&sweep));
    sweep.hung = 0;
    sweep.no_memory = true;
    sweep_note(&sweep, &end);
    HF_CHECK(sweep_is_clean(&sweep));
    sweep.no_memory = false;
    sweep_note(&sweep, &end);
    HF_CHECK(!sweep_is_clean(&sweep) && sweep.unexplained == 1 && sweep.codes[0].count == 2);
}

HF_TESTS({"an acceptance is seen", an_acceptance_is_seen},
         {"a waiting end is seen", a_waiting_end_is_seen},
         {"a lost connection is seen", a_lost_connection_is_seen},
         {"a lost descriptor is seen", a_lost_descriptor_is_seen},
         {"a sweep with a finding fails", a_sweep_with_a_finding_fails})
