/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Failures of the engine itself: a fault outside of guest code, an assertion, an exit
 * that is none of the guest's.  They are told in the control page, and the stream says
 * that nothing more comes; what it has up to there is whole.
 */
#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu.h"
#include "user-internals.h"
#include "lt-engine.h"
#include "stream.h"

__thread uintptr_t lt_fault_pc;

extern const char __ehdr_start[] __attribute__((visibility("hidden")));

/* Where in the engine's program an address is, for people who have one with names. */
static const char *place(uintptr_t pc, char *text, size_t size)
{
    snprintf(text, size, "engine+0x%" PRIxPTR, pc - (uintptr_t)__ehdr_start);
    return text;
}

static void tell(const char *format, ...) G_GNUC_PRINTF(1, 2);
static void tell(const char *format, ...)
{
    CPUState *cpu = thread_cpu;
    va_list args;

    if (!lt_session) {
        return;
    }
    if (qatomic_cmpxchg(&lt_session->crashed, LTI_CRASHED_NO, LTI_CRASHED) ==
        LTI_CRASHED_NO) {
        va_start(args, format);
        vsnprintf(lt_session->message, sizeof(lt_session->message), format, args);
        va_end(args);
    }
    if (lt_control) {
        if (cpu && lt_stream_owns(cpu)) {
            lt_commit(cpu); /* an open record is not part of it */
        }
        lt_stream_state(LTI_STREAM_CRASHED);
    }
    if (!lt_control || lt_stream_number() < 0) {
        qatomic_store_release(&lt_session->crashed, LTI_CRASHED_UNTRACED);
    }
    lt_stream_bell();
}

/* Ends the process as the signal does by default. */
G_NORETURN static void die(int sig)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t mask;

    sigaction(sig, &action, NULL);
    sigemptyset(&mask);
    sigaddset(&mask, sig);
    pthread_sigmask(SIG_UNBLOCK, &mask, NULL);
    kill(getpid(), sig);
    for (;;) {
        _exit(125);
    }
}

void lt_crashed(const siginfo_t *info)
{
    char at[32];

    tell("SIG%s at %s, address %p", sigabbrev_np(info->si_signo),
         place(lt_fault_pc, at, sizeof(at)), info->si_addr);
    die(info->si_signo);
}

/* ---- What does not return in QEMU's own code ---- */

void __wrap_abort(void);
void __wrap_abort(void)
{
    char at[32];

    tell("abort() at %s", place((uintptr_t)__builtin_return_address(0), at, sizeof(at)));
    die(SIGABRT);
}

void __wrap___assert_fail(const char *, const char *, unsigned, const char *);
void __wrap___assert_fail(const char *expression, const char *file, unsigned line,
                          const char *function)
{
    tell("%s:%u: %s: assertion failed: %s", file, line, function, expression);
    die(SIGABRT);
}

void __wrap_g_assertion_message_expr(const char *, const char *, int, const char *,
                                     const char *);
void __wrap_g_assertion_message_expr(const char *domain, const char *file, int line,
                                     const char *function, const char *expression)
{
    tell("%s:%d: %s: assertion failed: %s", file, line, function,
         expression ? expression : "code should not be reached");
    die(SIGABRT);
}

/* QEMU gives up; the guest's own exits do not come by here. */
G_NORETURN void __real_exit(int);
void __wrap_exit(int);
void __wrap_exit(int status)
{
    char at[32];

    if (lt_guest_started) {
        tell("exit(%d) at %s", status,
             place((uintptr_t)__builtin_return_address(0), at, sizeof(at)));
        _exit(125);
    }
    __real_exit(status);
}

/* ---- Tests ---- */

bool lt_crash_wanted(int nr, const int64_t *args)
{
    if (!lt_session || !lt_session->crash || nr != TARGET_NR_prctl ||
        args[0] != LTI_CRASH_CALL) {
        return false;
    }
    switch (args[1]) {
    case LTI_CRASH_ABORT:
        abort();
    case LTI_CRASH_ASSERT:
        g_assert(args[1] == 0);
        break;
    case LTI_CRASH_POINTER:
        *(volatile int *)(uintptr_t)args[2] = 1;
        break;
    case LTI_CRASH_EXIT:
        exit(1);
    }
    return true;
}
