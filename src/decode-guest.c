/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records about the guest's processes, threads and signals. */
#include <stdlib.h>

#include "decoder.h"

/* ---- Threads ---- */

static void destroy_thread(struct lti_thread *t)
{
    lti_captures_free(&t->captures);
    free(t);
}

void lti_decoder_free_threads(struct lti_decoder *d)
{
    while (d->threads) {
        struct lti_thread *next = d->threads->next;

        destroy_thread(d->threads);
        d->threads = next;
    }
    d->thread = NULL;
}

static struct lti_thread *find_thread(const struct lti_decoder *d, uint32_t tid)
{
    for (struct lti_thread *t = d->threads; t; t = t->next) {
        if (t->tid == tid && !t->gone) {
            return t;
        }
    }
    return NULL;
}

static struct lti_thread *add_thread(struct lti_decoder *d, uint32_t tid)
{
    struct lti_thread *t = calloc(1, sizeof *t);

    if (t) {
        t->tid = tid;
        t->next = d->threads;
        d->threads = t;
    }
    return t;
}

static void set_tid(struct lti_decoder *d, uint32_t pid, uint32_t tid)
{
    d->pid = d->reg_write.pid = d->wide_write.pid = d->mem.pid = pid;
    d->tid = d->reg_write.tid = d->wide_write.tid = d->mem.tid = tid;
    d->load.pid = d->store.pid = pid;
    d->load.tid = d->store.tid = tid;
}

static void free_thread(struct lti_decoder *d, struct lti_thread *t)
{
    struct lti_thread **p = &d->threads;

    while (*p != t) {
        p = &(*p)->next;
    }
    *p = t->next;
    destroy_thread(t);
}

void lti_decoder_set_thread(struct lti_decoder *d, struct lti_thread *to)
{
    struct lti_thread *from = d->thread;

    if (from != to) {
        from->known = d->known;
        from->has_insn = d->insn != NULL;
        if (d->insn) {
            from->insn = *d->insn;
        }
        memcpy(from->regs, d->regs, sizeof *d->regs * d->arch->word_count);
        d->known = to->known;
        d->insn = NULL;
        if (to->has_insn) {
            d->kept = to->insn;
            d->insn = &d->kept;
        }
        memcpy(d->regs, to->regs, sizeof *d->regs * d->arch->word_count);
        d->thread = to;
        if (from->gone) {
            free_thread(d, from);
        }
    }
    set_tid(d, d->pid, to->tid);
}

static int tell_thread(struct lti_decoder *d, const struct lti_thread *t, uint32_t op,
                       const char *name)
{
    struct lt_thread e = {
        .type = LT_EVENT_THREAD,
        .size = sizeof e,
        .pid = d->pid,
        .tid = t->tid,
        .op = op,
        .parent = op == LT_THREAD_START ? t->parent : 0,
        .name = name,
    };
    uint64_t wanted = lti_decoder_wanted(d, LT_EVENT_THREAD);
    int result;

    if (!wanted) {
        return 0;
    }
    e.seq = ++d->seq;
    LTI_CALL(d, LT_EVENT_THREAD, thread, wanted, &e, result);
    return result ? result : lti_decoder_keep(d, &e, sizeof e, wanted);
}

/* Something about a thread comes; its start is told if it was not. */
static int begin_thread(struct lti_decoder *d, struct lti_thread *t)
{
    if (t->begun) {
        return 0;
    }
    t->begun = true;
    return tell_thread(d, t, LT_THREAD_START, NULL);
}

int lti_decode_clone(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    struct lti_thread *t;

    if (size < 4) {
        return lti_damaged(d, "a clone record is too short");
    }
    if (find_thread(d, u32_at(p))) {
        return 0; /* it was faster */
    }
    t = add_thread(d, u32_at(p));
    if (!t) {
        return LT_ERR_NO_MEMORY;
    }
    t->parent = d->tid;
    return 0;
}

int lti_decode_thread(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    struct lti_thread *t;

    if (size < 4) {
        return lti_damaged(d, "a thread record is too short");
    }
    t = find_thread(d, u32_at(p));
    if (!t && !(t = add_thread(d, u32_at(p)))) {
        return LT_ERR_NO_MEMORY;
    }
    lti_decoder_set_thread(d, t);
    return begin_thread(d, t);
}

int lti_decode_thread_exit(struct lti_decoder *d)
{
    if (d->thread->gone) {
        return lti_damaged(d, "a thread ends twice");
    }
    /* Its number may come again; the thread in hand stays until the next one. */
    d->thread->gone = true;
    d->known = false;
    return tell_thread(d, d->thread, LT_THREAD_EXIT, NULL);
}

int lti_decode_name(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    struct lti_thread other = {.begun = true}, *t;
    char name[17] = {0};
    const char *kept;
    int result;

    if (size < 20) {
        return lti_damaged(d, "a name record is too short");
    }
    memcpy(name, p, 16);
    kept = lti_paths_keep(d->config.paths, name, sizeof name);
    if (!kept) {
        return LT_ERR_NO_MEMORY;
    }
    other.tid = u32_at(p + 16);
    t = find_thread(d, other.tid);
    t = t ? t : &other; /* in parallel, it has another decoder */
    result = begin_thread(d, t);
    return result ? result : tell_thread(d, t, LT_THREAD_NAME, kept);
}

/* ---- Processes ---- */

static int tell_process(struct lti_decoder *d, uint32_t op)
{
    struct lt_process e = {
        .type = LT_EVENT_PROCESS,
        .size = sizeof e,
        .pid = d->pid,
        .tid = d->tid,
        .op = op,
        .parent = d->guest->parent,
        .arch = d->guest->arch,
        .path = d->guest->path,
    };
    uint64_t wanted = lti_decoder_wanted(d, LT_EVENT_PROCESS);
    int result;

    if (!wanted) {
        return 0;
    }
    e.seq = ++d->seq;
    LTI_CALL(d, LT_EVENT_PROCESS, process, wanted, &e, result);
    return result ? result : lti_decoder_keep(d, &e, sizeof e, wanted);
}

/* One thread, of which nothing is known. */
static int start_threads(struct lti_decoder *d, uint32_t tid)
{
    struct lti_thread *t;

    lti_decoder_free_threads(d);
    t = add_thread(d, tid);
    if (!t) {
        return LT_ERR_NO_MEMORY;
    }
    t->begun = true;
    d->thread = t;
    return 0;
}

static void use_guest(struct lti_decoder *d, struct lti_guest *guest)
{
    lti_guest_release(d->guest);
    d->guest = guest;
    d->source.modules = guest->modules;
    d->memory = guest->memory;
    lti_decoder_set_arch(d, guest->arch);
}

/* A new memory image: the first program of the session, or that of an exec. */
static int new_image(struct lti_decoder *d, uint32_t arch)
{
    struct lti_guest *guest;
    int error = lti_guest_create(d->config.slabs, d->config.paths, arch, &guest);

    if (error) {
        return error;
    }
    if (d->config.callbacks->memory) {
        /* What processes share is known once, whatever they execute. */
        error = d->memory ? lti_memory_clone(d->memory, &guest->memory)
                          : lti_memory_create(&guest->memory);
        if (error) {
            lti_guest_release(guest);
            return error;
        }
        lti_memory_clear(guest->memory);
    }
    if (d->guest) {
        guest->parent = d->guest->parent;
        d->guest->ended = true; /* for decoders of its other threads */
    }
    d->insn = NULL;
    d->known = false;
    use_guest(d, guest);
    return 0;
}

int lti_decode_process(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    uint32_t pid, tid, parent, arch, op, path_size;
    struct lti_guest *guest;
    int error = 0;

    if (size < 24 || (path_size = u32_at(p + 20)) > size - 24) {
        return lti_damaged(d, "a process record is too short");
    }
    pid = u32_at(p);
    tid = u32_at(p + 4);
    parent = u32_at(p + 8);
    arch = u32_at(p + 12);
    op = u32_at(p + 16);
    if ((arch != LT_ARCH_X86_64 && arch != LT_ARCH_AARCH64) || op > LTI_PROCESS_THREAD) {
        return lti_damaged(d, "a process record makes no sense");
    }
    if (op == LTI_PROCESS_THREAD) {
        if (d->guest) {
            return lti_damaged(d, "a stream changes its process");
        }
        guest = d->config.find(d->config.user, pid);
        if (!guest) {
            /* It began while its process ended, which has been told. */
            d->late = true;
            d->at = d->end;
            return 0;
        }
        guest->refs++;
        use_guest(d, guest);
        d->thread->tid = tid;
        d->thread->parent = parent;
        set_tid(d, pid, tid);
        return begin_thread(d, d->thread);
    }
    if (op == LTI_PROCESS_EXEC || !d->guest) {
        error = new_image(d, arch);
    }
    if (!error) {
        struct lt_syscall call = d->thread->call;

        error = start_threads(d, tid);
        if (!error && op == LTI_PROCESS_START) {
            /* The child's return from the call that made it is its first record. */
            d->thread->call = call;
            lti_decoder_forget_captures(&d->thread->call);
        }
    }
    if (error) {
        return error;
    }
    guest = d->guest;
    guest->begun = true;
    guest->pid = pid;
    if (op == LTI_PROCESS_START) {
        guest->parent = parent;
    }
    guest->path = lti_paths_keep(d->config.paths, (const char *)p + 24, path_size);
    if (!guest->path) {
        return LT_ERR_NO_MEMORY;
    }
    set_tid(d, pid, tid);
    return tell_process(d, op);
}

int lti_decode_slab(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    int error = size < 4 ? LT_ERR_STREAM : lti_guest_take_slab(d->guest, u32_at(p));

    return error == LT_ERR_STREAM ? lti_damaged(d, "a slab record makes no sense")
                                  : error;
}

int lti_decode_forget(struct lti_decoder *d)
{
    lti_decoder_keep_insn(d);
    lti_guest_drop_slabs(d->guest);
    return 0;
}

int lti_decode_fork(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    int error;

    if (size < 8 || u32_at(p) >= LTI_MAX_STREAMS) {
        return lti_damaged(d, "a fork record makes no sense");
    }
    error = d->config.forked(d->config.user, d, u32_at(p), u32_at(p + 4) != 0);
    return error == LT_ERR_STREAM ? lti_damaged(d, "a fork's stream is another process's")
                                  : error;
}

/* ---- Signals ---- */

int lti_decode_signal(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    struct lt_signal e = {
        .type = LT_EVENT_SIGNAL,
        .size = sizeof e,
        .pid = d->pid,
        .tid = d->tid,
    };
    uint64_t wanted = lti_decoder_wanted(d, LT_EVENT_SIGNAL);
    int result;

    if (size < 40) {
        return lti_damaged(d, "a signal record is too short");
    }
    if (!wanted) {
        return 0;
    }
    e.op = u32_at(p);
    e.signal = u32_at(p + 4);
    e.code = (int32_t)u32_at(p + 8);
    e.pc = u64_at(p + 16);
    e.addr = u64_at(p + 24);
    e.handler = u64_at(p + 32);
    e.seq = ++d->seq;
    LTI_CALL(d, LT_EVENT_SIGNAL, signal, wanted, &e, result);
    return result ? result : lti_decoder_keep(d, &e, sizeof e, wanted);
}
