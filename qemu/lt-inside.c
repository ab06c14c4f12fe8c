/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine inside the host's process: what its world (world.c) must know of QEMU, and
 * what of the guest's calls is another thing there.
 */
#include "qemu/osdep.h"
#include <sys/syscall.h>
#include "qemu.h"
#include "user-internals.h"
#include "user/guest-base.h"
#include "signal-common.h"
#include "lt-target.h"
#include "lt-inside.h"

const struct lt_inside *lt_inside;

bool lt_inside_has_cpu(void)
{
    return thread_cpu != NULL;
}

void lt_inside_left(void)
{
    if (thread_cpu && cpu_in_exclusive_context(thread_cpu)) {
        end_exclusive(); /* others wait for that */
    }
}

void lt_inside_begin(void)
{
    if (lt_inside) {
        reserved_va = lt_inside->window_size - 1;
        guest_base = lt_inside->window;
        have_guest_base = true;
    }
}

void lt_inside_take(void)
{
    sigset_t faults, old;

    /* QEMU may have blocked all signals; but faults of callbacks are the host's. */
    sigemptyset(&faults);
    sigaddset(&faults, SIGSEGV);
    sigaddset(&faults, SIGBUS);
    sigaddset(&faults, SIGFPE);
    sigaddset(&faults, SIGILL);
    sigaddset(&faults, SIGTRAP);
    sigprocmask(SIG_UNBLOCK, &faults, &old);
    lt_inside->pump();
    sigprocmask(SIG_SETMASK, &old, NULL);
    lt_stream_pumped();
}

void lt_inside_pump(void)
{
    if (lt_inside->pumps) {
        lt_idle(); /* a callback may pause the session */
        lt_inside_take();
        lt_busy();
    }
}

/* The thread of the guest's that takes a signal for the whole process: this one unless
 * it has it blocked and another has not. */
static int taker_of(int sig)
{
    int tid = get_task_state(thread_cpu)->ts_tid;
    CPUState *cpu;

    if (!sigismember(&get_task_state(thread_cpu)->signal_mask, sig)) {
        return tid;
    }
    cpu_list_lock();
    CPU_FOREACH(cpu)
    {
        TaskState *ts = get_task_state(cpu);
        if (ts && ts->ts_tid && !sigismember(&ts->signal_mask, sig)) {
            tid = ts->ts_tid;
            break;
        }
    }
    cpu_list_unlock();
    return tid;
}

static bool is_guests(int tid)
{
    bool found = false;
    CPUState *cpu;

    cpu_list_lock();
    CPU_FOREACH(cpu)
    {
        TaskState *ts = get_task_state(cpu);
        found = found || (ts && ts->ts_tid == tid);
    }
    cpu_list_unlock();
    return found;
}

static long fail(int error)
{
    errno = error;
    return -1;
}

/* Sends a signal to a thread of the guest's; SIGKILL ends the run. */
static long send_to(int tid, int sig)
{
    if (sig == SIGKILL) {
        lt_guest_dies(thread_cpu, sig);
    }
    return syscall(SYS_tgkill, getpid(), tid, sig);
}

bool lt_inside_call(long nr, const long *args, long *ret)
{
    int pid = getpid();

    switch (nr) {
    case SYS_execve:
    case SYS_execveat:
        if (nr == SYS_execve && (const char *)args[0] == lt_exec_program()) {
            lt_inside->exec((char **)args[1], (char **)args[2]);
        }
        *ret = fail(ENOEXEC); /* it would take the host's place */
        return true;
    case SYS_kill:
        /* The guest's process group is the host's: of that, only the guest. */
        if (args[1] == 0 || (args[0] > 0 && args[0] != pid)) {
            return false;
        }
        if (args[0] == -1) {
            *ret = fail(EPERM);
            return true;
        }
        if (args[0] < -1 && args[0] != -getpgrp()) {
            return false;
        }
        *ret = send_to(taker_of(args[1]), args[1]);
        return true;
    case SYS_tkill:
        if (args[1] == 0 || !is_guests(args[0])) {
            return false;
        }
        *ret = send_to(args[0], args[1]);
        return true;
    case SYS_tgkill:
        if (args[2] == 0 || args[0] != pid) {
            return false;
        }
        *ret = is_guests(args[1]) ? send_to(args[1], args[2]) : fail(ESRCH);
        return true;
    default:
        return false;
    }
}
