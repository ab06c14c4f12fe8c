/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest waits for the host.
 *
 * The engine stops a thread and says so in the stream (LTI_S_SYNC); what it stops for
 * has been told by records before, or is the instruction that comes next.  The decoder
 * keeps the events that a callback or point waits for until it comes to the stop.  From
 * then on until it says go, the library asks the engine's thread to read and write its
 * memory and registers, through the stream's mail: so that no right to do that from
 * outside is needed.
 */
#include "sync.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "decoder.h"
#include "session.h"

#define SPINS 300        /* looks at the mail before the library sleeps on it */
#define LOOK_NS 20000000 /* how often it looks whether the process is still there */

#define PAUSE_MS 10000 /* for the guest to stop */

_Static_assert(LTI_EVENT_MODULE == LT_EVENT_MODULE &&
                   LTI_EVENT_SIGNAL == LT_EVENT_SIGNAL &&
                   LTI_EVENT_THREAD == LT_EVENT_THREAD &&
                   LTI_EVENT_PROCESS == LT_EVENT_PROCESS,
               "the stream has the public numbers");

/* Kinds of events that a guest can wait at. */
#define SYNC_KINDS                                                                       \
    (LT_KIND(LT_EVENT_INSN) | LT_KIND(LT_EVENT_MEM_WRITE) | LT_KIND(LT_EVENT_MEM_READ) | \
     LT_KIND(LT_EVENT_SYSCALL) | LT_KIND(LT_EVENT_MODULE) | LT_KIND(LT_EVENT_SIGNAL) |   \
     LT_KIND(LT_EVENT_THREAD) | LT_KIND(LT_EVENT_PROCESS))

static long futex(uint32_t *word, int op, uint32_t value, const struct timespec *timeout)
{
    return syscall(SYS_futex, word, op, value, timeout, NULL, 0);
}

/* ---- What engines are told ---- */

static int check_can_wait(lt_session *session)
{
    if (session->config.threads == LT_THREADS_PARALLEL) {
        return lti_fail(
            &session->message, LT_ERR_UNSUPPORTED,
            "a guest whose threads run in parallel cannot wait for callbacks");
    }
    if ((session->config.flags & LT_CONFIG_DISCARD) != 0) {
        return lti_fail(&session->message, LT_ERR_UNSUPPORTED,
                        "a guest whose events are thrown away cannot wait for callbacks");
    }
    return 0;
}

int lti_sync_allowed(lt_session *session, uint32_t kinds)
{
    int error = check_can_wait(session);

    if (error != 0) {
        return error;
    }
    for (uint32_t type = 1; type < LTI_KIND_COUNT; type++) {
        if ((kinds & ~SYNC_KINDS & LT_KIND(type)) != 0) {
            return lti_fail(&session->message, LT_ERR_UNSUPPORTED,
                            "a guest cannot wait at events of the kind \"%s\"",
                            lt_event_name(type));
        }
    }
    return 0;
}

static bool is_watch(const struct lti_point *p)
{
    return p->access != 0;
}

static void put_watch(struct lti_points *to, uint64_t start, uint64_t last, uint32_t want)
{
    if (to->watch_count < LTI_MAX_WATCHES) {
        to->watches[to->watch_count++] = (struct lti_watch){start, last, want, 0};
    }
}

static void put_filter(struct lti_points *to, const struct lt_filter *f, uint32_t want)
{
    put_watch(to, f->addr_start, f->addr_end - 1, want);
}

static void put_filters(struct lti_points *to, const struct lti_callbacks *c,
                        uint32_t type, uint32_t want)
{
    for (unsigned i = 0; i < c->count[type]; i++) {
        if (c->sync[type] >> i & 1) {
            put_filter(to, &c->list[type][i].filter, want);
        }
    }
    if (c->sync[type] & LTI_WANTED_PULL) {
        put_filter(to, &c->pull_filter, want);
    }
}

/* How many watches the callbacks are. */
static unsigned filter_watches(const struct lti_callbacks *c)
{
    return (unsigned)(__builtin_popcountll(c->sync[LT_EVENT_MEM_WRITE]) +
                      __builtin_popcountll(c->sync[LT_EVENT_MEM_READ]));
}

/* Gives engines the points as they are now. */
static void publish(const struct lti_sync *sync, const struct lti_callbacks *c)
{
    struct lti_points *to =
        (struct lti_points *)(void *)((uint8_t *)sync->control + LTI_POINTS_OFFSET);
    uint32_t generation = to->generation;

    __atomic_store_n(&to->generation, generation | 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    to->break_count = to->watch_count = 0;
    put_filters(to, c, LT_EVENT_MEM_WRITE, LTI_WANT_WRITE);
    put_filters(to, c, LT_EVENT_MEM_READ, LTI_WANT_READ);
    for (unsigned i = 0; i < sync->count; i++) {
        const struct lti_point *p = &sync->points[i];

        if (is_watch(p)) {
            put_watch(to, p->addr, p->last,
                      (p->access & LT_ACCESS_READ ? LTI_WANT_READ : 0) |
                          (p->access & LT_ACCESS_WRITE ? LTI_WANT_WRITE : 0));
        } else if (i == 0 || p[-1].addr != p->addr) {
            to->breaks[to->break_count++] = p->addr;
        }
    }
    __atomic_store_n(&to->generation, (generation | 1) + 1, __ATOMIC_RELEASE);
    __atomic_fetch_add(&sync->control->poke, 1, __ATOMIC_SEQ_CST);
    futex(&sync->control->poke, FUTEX_WAKE, INT_MAX, NULL);
}

void lti_sync_start(struct lti_sync *sync, const struct lti_callbacks *c,
                    struct lti_control *control)
{
    bool any = sync->count != 0;

    sync->control = control;
    control->paused = atomic_load(&sync->paused);
    for (uint32_t type = 0; type < LTI_KIND_COUNT; type++) {
        if (c->sync[type] != 0) {
            any = true;
            control->sync_kinds |= LT_KIND(type);
        }
    }
    if (any) {
        control->sync = 1;
        control->record |= LTI_RECORD_REGS;
        publish(sync, c);
    }
}

static void drop_writes(struct lti_sync *sync)
{
    for (unsigned i = 0; i < sync->write_count; i++) {
        free(sync->writes[i].data);
    }
    sync->write_count = 0;
}

void lti_sync_free(struct lti_sync *sync)
{
    drop_writes(sync);
    free(sync->writes);
    free(sync->points);
}

/* ---- Points ---- */

static int compare_points(const struct lti_point *a, bool watch, uint64_t addr, int id)
{
    if (is_watch(a) != watch) {
        return is_watch(a) ? 1 : -1;
    }
    if (a->addr != addr) {
        return a->addr < addr ? -1 : 1;
    }
    return a->id < id ? -1 : a->id > id;
}

/* The first point at or behind that place in the order. */
static unsigned find_point(const struct lti_sync *sync, bool watch, uint64_t addr, int id)
{
    unsigned from = 0, to = sync->count;

    while (from < to) {
        unsigned middle = from + (to - from) / 2;

        if (compare_points(&sync->points[middle], watch, addr, id) < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

bool lti_sync_waits(const struct lti_sync *sync, const struct lti_decoder *d)
{
    return sync->decoder == d;
}

/* Whether a function that needs the guest to wait is called in time. */
static bool may_touch(const lt_session *session)
{
    return session->sync.decoder != NULL &&
           pthread_equal(session->sync.thread, pthread_self());
}

static int fail_not_waiting(lt_session *session)
{
    return lti_fail(&session->message, LT_ERR_STATE,
                    "the guest does not wait for this thread");
}

static int check_points(lt_session *session)
{
    if (may_touch(session) || (!session->busy && session->state == LTI_SESSION_NEW)) {
        return 0;
    }
    return lti_fail(&session->message, LT_ERR_STATE,
                    "points change before the run, or while the guest waits for this "
                    "thread");
}

static int add_point(lt_session *session, struct lti_point point)
{
    struct lti_sync *sync = &session->sync;
    int error = check_points(session);

    error = error ? error : check_can_wait(session);
    if (error != 0) {
        return error;
    }
    if (is_watch(&point)
            ? sync->watches + filter_watches(&session->callbacks) >= LTI_MAX_WATCHES
            : sync->count - sync->watches >= LTI_MAX_BREAKS) {
        return lti_fail(&session->message, LT_ERR_LIMIT,
                        "a session has at most %u break and %u watch points",
                        LTI_MAX_BREAKS, LTI_MAX_WATCHES);
    }
    if (sync->last_id == INT_MAX) {
        return lti_fail(&session->message, LT_ERR_LIMIT,
                        "the points' numbers are used up");
    }
    if (sync->count == sync->room) {
        unsigned room = sync->room != 0 ? 2 * sync->room : 16;
        struct lti_point *points = realloc(sync->points, room * sizeof *points);

        if (points == NULL) {
            return lti_fail(&session->message, LT_ERR_NO_MEMORY, "no memory for a point");
        }
        sync->points = points;
        sync->room = room;
    }
    point.id = ++sync->last_id;
    unsigned at = find_point(sync, is_watch(&point), point.addr, point.id);
    memmove(&sync->points[at + 1], &sync->points[at],
            (sync->count - at) * sizeof *sync->points);
    sync->points[at] = point;
    sync->count++;
    sync->watches += is_watch(&point);
    if (sync->control != NULL) {
        publish(sync, &session->callbacks);
    }
    return point.id;
}

int lt_break_add(lt_session *session, uint64_t addr, lt_insn_fn fn, void *user)
{
    if (session == NULL) {
        return LT_ERR_ARGUMENT;
    }
    return add_point(session,
                     (struct lti_point){.addr = addr, .fn = {.insn = fn}, .user = user});
}

int lt_watch_add(lt_session *session, uint64_t addr, uint64_t size, uint32_t access,
                 lt_mem_access_fn fn, void *user)
{
    if (session == NULL) {
        return LT_ERR_ARGUMENT;
    }
    if (size == 0 || size - 1 > UINT64_MAX - addr || access == 0 ||
        (access & ~(LT_ACCESS_READ | LT_ACCESS_WRITE)) != 0) {
        return lti_fail(&session->message, LT_ERR_ARGUMENT,
                        "the range or the accesses of a watch point make no sense");
    }
    return add_point(session, (struct lti_point){.addr = addr,
                                                 .last = addr + size - 1,
                                                 .access = access,
                                                 .fn = {.mem = fn},
                                                 .user = user});
}

int lt_point_remove(lt_session *session, int id)
{
    if (session == NULL) {
        return LT_ERR_ARGUMENT;
    }
    struct lti_sync *sync = &session->sync;
    int error = check_points(session);
    if (error != 0) {
        return error;
    }
    for (unsigned i = 0; i < sync->count; i++) {
        if (sync->points[i].id == id) {
            sync->watches -= is_watch(&sync->points[i]);
            sync->count--;
            memmove(&sync->points[i], &sync->points[i + 1],
                    (sync->count - i) * sizeof *sync->points);
            if (sync->control != NULL) {
                publish(sync, &session->callbacks);
            }
            return 0;
        }
    }
    return lti_fail(&session->message, LT_ERR_NOT_FOUND, "there is no point number %d",
                    id);
}

bool lti_sync_watches(const struct lti_sync *sync)
{
    const struct lti_points *points;

    if (sync->control == NULL) {
        return false;
    }
    points = (const void *)((const uint8_t *)sync->control + LTI_POINTS_OFFSET);
    return points->watch_count != 0;
}

/* ---- Events that wait for the stop ---- */

int lti_sync_keep(struct lti_decoder *d, const void *event, size_t size)
{
    if (d->told_count == d->told_room) {
        unsigned room = d->told_room ? d->told_room * 2 : 16;
        struct lti_told *told = realloc(d->told, room * sizeof *told);

        if (!told) {
            return LT_ERR_NO_MEMORY;
        }
        d->told = told;
        d->told_room = room;
    }
    d->told[d->told_count] = (struct lti_told){.data = NULL};
    memcpy(&d->told[d->told_count++].event, event, size);
    return 0;
}

/* Whether a watch point or a callback that the guest waits for is about these bytes. */
static bool watched(const struct lti_decoder *d, uint32_t kind, uint64_t addr,
                    uint64_t last)
{
    const struct lti_callbacks *c = d->config.callbacks;
    const uint32_t access = kind == LT_EVENT_MEM_READ ? LT_ACCESS_READ : LT_ACCESS_WRITE;
    const struct lti_sync *sync = d->config.sync;

    for (unsigned i = sync->count - sync->watches; i < sync->count; i++) {
        const struct lti_point *p = &sync->points[i];

        if ((p->access & access) && addr <= p->last && last >= p->addr) {
            return true;
        }
    }
    return c->sync[kind] && wanted_range(d, c->sync[kind], kind, addr, last - addr + 1);
}

int lti_sync_access(struct lti_decoder *d, uint32_t kind, uint64_t addr, uint32_t length)
{
    struct lt_mem_access e = d->mem;
    uint8_t *data;
    bool old = kind == LT_EVENT_MEM_WRITE && d->memory;
    int error;

    if (!d->config.sync || length == 0 || !watched(d, kind, addr, addr + length - 1)) {
        return 0;
    }
    data = malloc(2 * (size_t)length);
    if (!data) {
        return LT_ERR_NO_MEMORY;
    }
    memcpy(data, e.data, length);
    if (old) {
        memcpy(data + length, d->old, length);
    }
    e.type = kind;
    e.pc = d->insn ? d->insn->event.pc : 0;
    e.addr = addr;
    e.length = length;
    e.data = data;
    e.old = old ? data + length : NULL;
    error = lti_sync_keep(d, &e, sizeof e);
    if (error) {
        free(data);
        return error;
    }
    d->told[d->told_count - 1].data = data;
    return 0;
}

void lti_sync_forget(struct lti_decoder *d)
{
    if (d->config.sync && d->config.sync->decoder == d) {
        d->config.sync->decoder = NULL;
    }
    for (unsigned i = 0; i < d->told_count; i++) {
        free(d->told[i].data);
    }
    free(d->told);
    d->told = NULL;
    d->told_count = 0;
}

/* ---- Telling ---- */

static bool takes_code(const struct lti_decoder *d, const struct lt_filter *f,
                       uint64_t pc)
{
    const struct lti_mapping *m;

    if (pc < f->pc_start || (f->pc_end && pc >= f->pc_end)) {
        return false;
    }
    if (!f->module) {
        return true;
    }
    m = lti_modules_find(d->guest->modules, pc);
    return m && lti_filter_module_matches(f->module, m->path);
}

static bool takes(const struct lti_decoder *d, const struct lt_filter *f,
                  const struct queued *e)
{
    const struct lt_mem_access *mem = &e->event.mem;

    switch (e->event.any.type) {
    case LT_EVENT_INSN:
        return takes_code(d, f, e->event.insn.pc);
    case LT_EVENT_SYSCALL:
        return takes_code(d, f, e->event.syscall.pc);
    case LT_EVENT_MEM_WRITE:
    case LT_EVENT_MEM_READ:
        return takes_code(d, f, mem->pc) &&
               mem->addr + mem->length - 1 >= f->addr_start &&
               (f->addr_end == 0 || mem->addr < f->addr_end);
    case LT_EVENT_MODULE:
        return !f->module || lti_filter_module_matches(f->module, e->event.module.path);
    default:
        return true;
    }
}

static int call(struct lti_decoder *d, const struct lti_callback *c,
                const struct queued *e)
{
    lt_session *session = d->config.session;

    switch (e->event.any.type) {
    case LT_EVENT_INSN:
        return c->fn.insn(session, &e->event.insn, c->user);
    case LT_EVENT_SYSCALL:
        return c->fn.syscall(session, &e->event.syscall, c->user);
    case LT_EVENT_MEM_WRITE:
    case LT_EVENT_MEM_READ:
        return c->fn.mem(session, &e->event.mem, c->user);
    case LT_EVENT_MODULE:
        return c->fn.module(session, &e->event.module, c->user);
    case LT_EVENT_SIGNAL:
        return c->fn.signal(session, &e->event.signal, c->user);
    case LT_EVENT_THREAD:
        return c->fn.thread(session, &e->event.thread, c->user);
    default:
        return c->fn.process(session, &e->event.process, c->user);
    }
}

/* Whether a point is about the event. */
static bool hits(const struct lti_point *p, const struct queued *e)
{
    const struct lt_mem_access *mem = &e->event.mem;

    switch (e->event.any.type) {
    case LT_EVENT_INSN:
        return !is_watch(p) && p->addr == e->event.insn.pc;
    case LT_EVENT_MEM_WRITE:
        return (p->access & LT_ACCESS_WRITE) && mem->addr <= p->last &&
               mem->addr + mem->length - 1 >= p->addr;
    case LT_EVENT_MEM_READ:
        return (p->access & LT_ACCESS_READ) && mem->addr <= p->last &&
               mem->addr + mem->length - 1 >= p->addr;
    default:
        return false;
    }
}

/* Tells the points that an event is about; those that are added meanwhile are not.
 * *pull: lt_session_next() shall give it. */
static int tell_points(struct lti_decoder *d, const struct queued *e, bool *pull)
{
    const struct lti_sync *sync = d->config.sync;
    const bool insn = e->event.any.type == LT_EVENT_INSN;
    unsigned i =
        insn ? find_point(sync, false, e->event.insn.pc, 0) : sync->count - sync->watches;
    int result = 0;

    while (result == 0 && i < sync->count) {
        const struct lti_point p = sync->points[i];

        if (insn && !hits(&p, e)) {
            break;
        }
        if (p.id <= sync->newest && hits(&p, e)) {
            if (insn && p.fn.insn) {
                result = p.fn.insn(d->config.session, &e->event.insn, p.user);
            } else if (!insn && p.fn.mem) {
                result = p.fn.mem(d->config.session, &e->event.mem, p.user);
            } else {
                *pull = d->config.callbacks->pull;
            }
        }
        /* The callback may have changed them. */
        i = find_point(sync, is_watch(&p), p.addr, p.id);
        i += i < sync->count && sync->points[i].id == p.id;
    }
    return result;
}

static int tell(struct lti_decoder *d, struct queued *e)
{
    const struct lti_callbacks *c = d->config.callbacks;
    const uint32_t type = e->event.any.type;
    struct lti_sync *sync = d->config.sync;
    const size_t size = e->event.any.size;
    bool pull = (c->sync[type] & LTI_WANTED_PULL) && takes(d, &c->pull_filter, e);
    int result = 0;

    e->event.any.seq = ++d->seq;
    sync->phase = type == LT_EVENT_SYSCALL ? (int)e->event.syscall.phase : -1;
    for (unsigned i = 0; i < c->count[type] && result == 0; i++) {
        if ((c->sync[type] >> i & 1) && takes(d, &c->list[type][i].filter, e)) {
            result = call(d, &c->list[type][i], e);
        }
    }
    if (result == 0) {
        result = tell_points(d, e, &pull);
    }
    sync->phase = -1;
    return result || !pull ? result : lti_decoder_keep(d, e, size, LTI_WANTED_PULL);
}

/* What was kept for the thread that waits. */
static int tell_kept(struct lti_decoder *d)
{
    int result = 0;

    for (unsigned i = 0; i < d->told_count && result == 0; i++) {
        struct lti_told *t = &d->told[i];

        if (t->event.event.any.tid == d->tid) {
            t->done = true;
            result = tell(d, &t->event);
        }
    }
    return result;
}

static int tell_insn(struct lti_decoder *d, uint64_t pc, uint32_t length)
{
    struct queued e = {.event = {.insn = {.type = LT_EVENT_INSN,
                                          .size = sizeof e.event.insn,
                                          .pid = d->pid,
                                          .tid = d->tid,
                                          .pc = pc,
                                          .bytes = d->config.sync->code,
                                          .length = length}}};

    if (d->insn && d->insn->event.pc == pc && d->insn->repeats) {
        return 0; /* it goes on with what it had begun */
    }
    return tell(d, &e);
}

int lti_sync_stop(struct lti_decoder *d, const uint8_t *p, uint32_t size)
{
    struct lti_sync *sync = d->config.sync;
    uint32_t why, length;
    uint8_t *arena;
    int result;

    if (!sync || !sync->control || size < 32 || (why = u32_at(p)) > LTI_STOP_CALL ||
        (length = u32_at(p + 4)) > sizeof sync->code) {
        return lti_damaged(d, "a record of a stop is malformed");
    }
    arena = (uint8_t *)sync->control;
    sync->decoder = d;
    sync->mail = &sync->control->streams[d->number].mail;
    sync->data = arena + LTI_MAIL_OFFSET + (uint64_t)d->number * LTI_MAIL_SIZE;
    sync->thread = pthread_self();
    sync->pc = u64_at(p + 8);
    sync->phase = -1;
    sync->newest = sync->last_id;
    drop_writes(sync);
    memcpy(sync->code, p + 16, sizeof sync->code);
    result = tell_kept(d);
    if (result == 0 && why == LTI_STOP_INSN) {
        result = tell_insn(d, sync->pc, length);
    }
    if (result != 0) {
        sync->decoder = NULL; /* the run ends */
        return result;
    }
    if (d->queue_at < d->queue_count) {
        d->waits = true;
        return 0;
    }
    return lti_sync_go(d);
}

void lti_sync_given(struct lti_decoder *d, const struct lt_event *event)
{
    d->config.sync->phase =
        event->type == LT_EVENT_SYSCALL
            ? (int)((const struct lt_syscall *)(const void *)event)->phase
            : -1;
}

/* ---- The mail ---- */

static bool gone(const struct lti_sync *sync)
{
    return atomic_load(sync->decoder->config.stop) ||
           lti_stream_is_dead(sync->control,
                              &sync->control->streams[sync->decoder->number]);
}

static uint32_t answered(const struct lti_sync *sync)
{
    return __atomic_load_n(&sync->mail->answered, __ATOMIC_ACQUIRE);
}

static void send(struct lti_sync *sync, uint32_t op, uint64_t addr, uint32_t size,
                 uint32_t number)
{
    sync->mail->op = op;
    sync->mail->addr = addr;
    sync->mail->size = size;
    __atomic_store_n(&sync->mail->asked, number, __ATOMIC_SEQ_CST);
    if (sync->serve != NULL) {
        sync->serve();
    } else if (__atomic_load_n(&sync->mail->asleep, __ATOMIC_SEQ_CST) != 0) {
        futex(&sync->mail->asked, FUTEX_WAKE, INT_MAX, NULL);
    }
}

/* Asks the engine to do something of at most LTI_MAIL_SIZE bytes.  Its answer, or
 * LT_ERR_STATE if it is no more. */
static int ask(struct lti_sync *sync, uint32_t op, uint64_t addr, uint32_t size,
               int32_t *result)
{
    const struct timespec period = {0, LOOK_NS};
    uint32_t number = answered(sync) + 1;

    send(sync, op, addr, size, number);
    for (int i = 0; i < SPINS && answered(sync) != number; i++) {
        __builtin_ia32_pause();
    }
    while (answered(sync) != number) {
        __atomic_store_n(&sync->mail->awaited, 1, __ATOMIC_SEQ_CST);
        if (answered(sync) != number) {
            futex(&sync->mail->answered, FUTEX_WAIT, number - 1, &period);
        }
        __atomic_store_n(&sync->mail->awaited, 0, __ATOMIC_RELAXED);
        if (answered(sync) != number && gone(sync)) {
            return LT_ERR_STATE;
        }
    }
    *result = sync->mail->result;
    return 0;
}

/* Tells what the host wrote.  For lt_session_next() the bytes live on. */
static int tell_writes(struct lti_decoder *d, struct lti_sync *sync)
{
    int result = 0;

    for (unsigned i = 0; i < sync->write_count; i++) {
        struct lti_host_write *w = &sync->writes[i];

        if (result == 0) {
            result = lti_decoder_host_write(d, sync->pc, w->addr, w->data, w->length);
        }
    }
    return result;
}

static void drop_told(struct lti_decoder *d)
{
    unsigned left = 0;

    for (unsigned i = 0; i < d->told_count; i++) {
        if (d->told[i].done) {
            free(d->told[i].data);
        } else {
            d->told[left++] = d->told[i];
        }
    }
    d->told_count = left;
}

int lti_sync_go(struct lti_decoder *d)
{
    struct lti_sync *sync = d->config.sync;
    int result;

    send(sync, LTI_ASK_GO, 0, 0, answered(sync) + 1);
    sync->decoder = NULL;
    drop_told(d);
    result = tell_writes(d, sync);
    if (result == 0 && sync->regs_changed) {
        result = lti_decoder_host_regs(d, sync->pc, sync->regs);
    }
    sync->regs_changed = false;
    return result;
}

/* ---- What the host does while the guest waits ---- */

static int fail_gone(lt_session *session)
{
    return lti_fail(&session->message, LT_ERR_STATE, "the guest was killed");
}

int lti_sync_read(lt_session *session, uint64_t addr, void *data, uint64_t size)
{
    struct lti_sync *sync = &session->sync;
    uint64_t done = 0;

    while (done < size) {
        uint32_t piece =
            size - done < LTI_MAIL_SIZE ? (uint32_t)(size - done) : LTI_MAIL_SIZE;
        int32_t n;

        if (ask(sync, LTI_ASK_READ, addr + done, piece, &n) != 0) {
            return fail_gone(session);
        }
        if (n <= 0 || (uint32_t)n > piece) {
            break;
        }
        memcpy((uint8_t *)data + done, sync->data, (uint32_t)n);
        done += (uint32_t)n;
        if ((uint32_t)n < piece) {
            break;
        }
    }
    return (int)done;
}

/* Room for one more write, and for its bytes. */
static uint8_t *new_write(struct lti_sync *sync, uint32_t length)
{
    if (sync->write_count == sync->write_room) {
        unsigned room = sync->write_room != 0 ? 2 * sync->write_room : 16;
        struct lti_host_write *writes = realloc(sync->writes, room * sizeof *writes);

        if (writes == NULL) {
            return NULL;
        }
        sync->writes = writes;
        sync->write_room = room;
    }
    return malloc(length);
}

int lt_mem_write(lt_session *session, uint64_t addr, const void *data, uint64_t size)
{
    if (session == NULL || data == NULL || size > INT32_MAX) {
        return LT_ERR_ARGUMENT;
    }
    struct lti_sync *sync = &session->sync;
    uint64_t done = 0;
    if (!may_touch(session)) {
        return fail_not_waiting(session);
    }
    while (done < size) {
        uint32_t piece =
            size - done < LTI_MAIL_SIZE ? (uint32_t)(size - done) : LTI_MAIL_SIZE;
        const uint8_t *from = (const uint8_t *)data + done;
        uint8_t *copy = new_write(sync, piece);
        int32_t n;

        if (copy == NULL) {
            return lti_fail(&session->message, LT_ERR_NO_MEMORY,
                            "no memory to tell of a write");
        }
        memcpy(copy, from, piece);
        memcpy(sync->data, from, piece);
        if (ask(sync, LTI_ASK_WRITE, addr + done, piece, &n) != 0) {
            free(copy);
            return fail_gone(session);
        }
        if (n <= 0 || (uint32_t)n > piece) {
            free(copy);
            break;
        }
        sync->writes[sync->write_count++] =
            (struct lti_host_write){addr + done, (uint32_t)n, copy};
        done += (uint32_t)n;
        if ((uint32_t)n < piece) {
            break;
        }
    }
    return (int)done;
}

static int write_reg(lt_session *session, uint32_t reg, const void *data, uint32_t size)
{
    struct lti_sync *sync = &session->sync;
    struct lti_decoder *d = sync->decoder;
    uint64_t old[LTI_MAX_REGS];
    int32_t n;

    if (!d->known) {
        return lti_fail(&session->message, LT_ERR_STATE, "the thread is at its end");
    }
    memcpy(sync->data, data, size);
    if (ask(sync, LTI_ASK_REG, reg, size, &n) != 0) {
        return fail_gone(session);
    }
    memcpy(old, d->regs, 8 * d->arch->word_count);
    if (n < 0 || !lti_take_registers(d->arch, sync->data, (uint32_t)n, d->regs)) {
        return lti_fail(&session->message, LT_ERR_UNSUPPORTED,
                        "the register %s cannot be set", d->arch->regs[reg].name);
    }
    if (!sync->regs_changed) {
        memcpy(sync->regs, old, 8 * d->arch->word_count);
        sync->regs_changed = true;
    }
    return 0;
}

/* Checks what lt_reg_write() and its sibling have in common; `size` 0: any up to 8. */
static int check_reg(lt_session *session, uint32_t reg, uint32_t size)
{
    if (!may_touch(session)) {
        return fail_not_waiting(session);
    }
    const struct lti_arch *arch = session->sync.decoder->arch;
    if (reg >= arch->reg_count) {
        return lti_fail(&session->message, LT_ERR_ARGUMENT,
                        "there is no register number %u", reg);
    }
    if (reg >= arch->held_count) {
        return lti_fail(&session->message, LT_ERR_UNSUPPORTED,
                        "the guest's processor has no %s", arch->regs[reg].name);
    }
    const uint32_t width = lti_reg_width(arch, reg, session->sync.decoder->regs);
    if (size != 0 ? size != width : width > 8) {
        return lti_fail(&session->message, LT_ERR_ARGUMENT,
                        "the register %s has %u bytes", arch->regs[reg].name, width);
    }
    return 0;
}

int lt_reg_write_bytes(lt_session *session, uint32_t reg, const void *data, uint32_t size)
{
    if (session == NULL || data == NULL || size == 0) {
        return LT_ERR_ARGUMENT;
    }
    int error = check_reg(session, reg, size);
    return error != 0 ? error : write_reg(session, reg, data, size);
}

int lt_reg_write(lt_session *session, uint32_t reg, uint64_t value)
{
    if (session == NULL) {
        return LT_ERR_ARGUMENT;
    }
    int error = check_reg(session, reg, 0);
    return error != 0 ? error
                      : write_reg(session, reg, &value,
                                  lti_reg_width(session->sync.decoder->arch, reg,
                                                session->sync.decoder->regs));
}

int lt_syscall_return(lt_session *session, int64_t ret)
{
    int32_t done;
    if (session == NULL || ret == -512 || ret == -513) {
        return LT_ERR_ARGUMENT;
    }
    if (!may_touch(session) || session->sync.phase < 0) {
        return lti_fail(&session->message, LT_ERR_STATE,
                        "the guest does not wait in a system call");
    }
    return ask(&session->sync, LTI_ASK_RETURN, (uint64_t)ret, 0, &done) != 0
               ? fail_gone(session)
               : 0;
}

bool lti_sync_may_touch(const lt_session *session)
{
    return may_touch(session);
}

/* ---- Pause ---- */

/* Whether no process executes guest code, or will before the pause ends. */
static bool rests(const struct lti_control *control)
{
    uint32_t limit = __atomic_load_n(&control->stream_limit, __ATOMIC_SEQ_CST);

    for (uint32_t n = 0; n < limit && n < LTI_MAX_STREAMS; n++) {
        const struct lti_stream *stream = &control->streams[n];

        if (__atomic_load_n(&stream->state, __ATOMIC_SEQ_CST) == LTI_STREAM_LIVE &&
            __atomic_load_n(&stream->running, __ATOMIC_SEQ_CST) != 0 &&
            !lti_stream_is_dead(control, stream)) {
            return false;
        }
    }
    return true;
}

static bool is_running(lt_session *session)
{
    return atomic_load(&session->running) != NULL ||
           atomic_load(&session->running_inside) != NULL;
}

void lti_sync_started(struct lti_sync *sync)
{
    bool paused;

    /* Another thread may have said otherwise since the engine was told. */
    do {
        paused = atomic_load(&sync->paused);
        __atomic_store_n(&sync->control->paused, paused, __ATOMIC_SEQ_CST);
        futex(&sync->control->paused, FUTEX_WAKE, INT_MAX, NULL);
    } while (atomic_load(&sync->paused) != paused);
}

int lt_session_pause(lt_session *session)
{
    if (session == NULL) {
        return LT_ERR_ARGUMENT;
    }
    /* First the flag, then the process: a start at the same time sees the one or is
     * seen here. */
    atomic_store(&session->sync.paused, true);
    if (!is_running(session)) {
        return 0;
    }
    struct lti_control *control = session->arena.control;
    struct timespec nap = {0, 20000};
    __atomic_store_n(&control->paused, 1, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&control->poke, 1, __ATOMIC_SEQ_CST);
    futex(&control->poke, FUTEX_WAKE, INT_MAX, NULL);
    for (int64_t waited = 0; !rests(control); waited += nap.tv_nsec) {
        if (waited > PAUSE_MS * INT64_C(1000000)) {
            return LT_ERR_LIMIT;
        }
        nanosleep(&nap, NULL);
        nap.tv_nsec = nap.tv_nsec < 500000 ? 2 * nap.tv_nsec : 1000000;
    }
    return 0;
}

int lt_session_resume(lt_session *session)
{
    if (session == NULL) {
        return LT_ERR_ARGUMENT;
    }
    atomic_store(&session->sync.paused, false);
    if (is_running(session)) {
        struct lti_control *control = session->arena.control;
        __atomic_store_n(&control->paused, 0, __ATOMIC_SEQ_CST);
        futex(&control->paused, FUTEX_WAKE, INT_MAX, NULL);
    }
    return 0;
}
