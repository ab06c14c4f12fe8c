/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One program that uses both this library and WAND's libtrace, which reads
 * network traces.  They share a name, and must share nothing else.
 */
#include <libtrace.h>
#include <lt/lt.h>

#include <stdio.h>
#include <string.h>

static int on_exit_event(lt_session *session, const struct lt_exit *end, void *user)
{
    (void)session;
    *(int *)user = end->status;
    return 0;
}

/* Reads a trace file that is not there, which WAND's library must tell. */
static int use_wand(void)
{
    libtrace_packet_t *packet = trace_create_packet();
    libtrace_t *trace = trace_create("pcapfile:/no/such/trace");
    int failed = packet == NULL || trace == NULL || trace_start(trace) == 0;

    if (trace != NULL) {
        trace_destroy(trace);
    }
    if (packet != NULL) {
        trace_destroy_packet(packet);
    }
    return failed;
}

static int use_ours(const char *program)
{
    struct lt_config config;
    lt_session *session;
    int status = -1;
    int error;

    if (lt_config_init(&config, sizeof config) != 0) {
        return 1;
    }
    config.program = program;
    error = lt_session_create(&config, &session);
    if (error != 0) {
        fprintf(stderr, "%s\n", lt_error_text(error));
        return 1;
    }
    if (lt_on_exit(session, NULL, on_exit_event, &status) != 0 ||
        lt_session_run(session) != 0) {
        fprintf(stderr, "%s\n", lt_session_message(session));
    }
    lt_session_destroy(session);
    return status != 0;
}

int main(void)
{
    /* One after the other, and the other way round. */
    return use_ours("/bin/true") || use_wand() || use_ours("/bin/true");
}
