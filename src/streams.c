/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the streams of a session and decides which one's turn it is.
 *
 * A stream is decoded as far as it goes, or up to a stamp that is not due.  Stamps are
 * counted without gaps, so the one that is due is in some stream, or about to come;
 * but a process that is killed may take one with it.  See stream.h for what is shared
 * with engines, which may write anything there at any time.
 */
#include "streams.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "limit.h"
#include "ring.h"

/* Looks at the streams before and after `listening` is set.  The first ones save a
 * sleep when records come steadily, a few microseconds in all.  The second ones are
 * longer than a store takes to leave the engine's processor, so that the engine need
 * not fence between its commit and its look at `listening`. */
#define SPINS_BEFORE 128
#define SPINS_AFTER 32

/* How long to sleep at most: the net below everything that could be missed.  Nobody
 * rings when a process is killed, so it is short while one waits for another's stamp. */
#define SLEEP_NS 100000000
#define SLEEP_BLOCKED_NS 1000000

struct reader {
    struct lti_ring ring;
    struct lti_decoder *decoder;
    struct reader *next;
    uint32_t number;
    bool first; /* of the session's first process */
};

struct lti_streams {
    struct lti_streams_config config;
    struct lti_decoder_config decoder_config;
    struct lti_control *control;
    struct lti_slabs *slabs;
    struct lti_paths *paths;
    uint64_t seq, stamp, insns_left;
    struct reader *readers; /* of live streams */
    struct reader *present;
    struct lti_decoder *last; /* of a stream that ended, while it is the present one */
    bool began;               /* the first stream has been found */
    bool ended;               /* the first process has, and how: */
    int32_t status, signal;
    const char *problem;
    struct lt_stats stats; /* of streams that ended */
};

static uint32_t shared(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* ---- Life ---- */

static struct reader *find_reader(const struct lti_streams *s, uint32_t number)
{
    for (struct reader *r = s->readers; r; r = r->next) {
        if (r->number == number) {
            return r;
        }
    }
    return NULL;
}

static int add_reader(struct lti_streams *s, uint32_t number, struct reader **out)
{
    struct reader *r = calloc(1, sizeof *r);

    if (!r || lti_decoder_create(&s->decoder_config, &r->decoder) != 0) {
        free(r);
        return LT_ERR_NO_MEMORY;
    }
    lti_decoder_set_number(r->decoder, number);
    lti_ring_init(&r->ring, s->control, number);
    r->number = number;
    r->next = s->readers;
    s->readers = r;
    *out = r;
    return 0;
}

/* A process has made a child; see lti_decoder_config. */
static int forked(void *user, struct lti_decoder *parent, uint32_t number, bool made)
{
    struct lti_streams *s = user;
    struct reader *r = find_reader(s, number);
    int error = 0;

    if (!made) {
        return 0; /* its state tells that nothing will come */
    }
    if (!r) {
        error = add_reader(s, number, &r);
    }
    return error ? error : lti_decoder_inherit(r->decoder, parent);
}

/* One of the readers that are about the process of that id as it is now. */
static struct reader *find_process(const struct lti_streams *s, uint32_t pid)
{
    for (struct reader *r = s->readers; r; r = r->next) {
        const struct lti_guest *guest = lti_decoder_guest(r->decoder);

        if (guest && guest->begun && guest->pid == pid && !guest->ended) {
            return r;
        }
    }
    return NULL;
}

static struct lti_guest *find_guest(void *user, uint32_t pid)
{
    const struct reader *r = find_process(user, pid);

    return r ? lti_decoder_guest(r->decoder) : NULL;
}

int lti_streams_create(const struct lti_streams_config *config, struct lti_streams **out)
{
    struct lti_streams *s = calloc(1, sizeof *s);

    if (!s || lti_paths_create(&s->paths) != 0 ||
        lti_slabs_create(config->arena, &s->slabs) != 0) {
        lti_streams_destroy(s);
        return LT_ERR_NO_MEMORY;
    }
    s->config = *config;
    if (config->interpret || config->compile) {
        s->slabs->compile_after = config->interpret ? LTI_ALWAYS_COLD : 0;
    }
    s->control = (struct lti_control *)(void *)config->arena;
    s->problem = "";
    s->insns_left = config->insns;
    s->decoder_config = (struct lti_decoder_config){
        /* Of registers nothing comes, then. */
        .record = s->control->record & LTI_RECORD_DISCARD
                      ? s->control->record & ~LTI_RECORD_REGS
                      : s->control->record,
        .parallel = s->control->threads == LTI_THREADS_PARALLEL,
        .arena = config->arena,
        .session = config->session,
        .callbacks = config->callbacks,
        .sync = config->sync,
        .slabs = s->slabs,
        .paths = s->paths,
        .seq = &s->seq,
        .stamp = &s->stamp,
        .insns_left = &s->insns_left,
        .stop = config->stop,
        .forked = forked,
        .find = find_guest,
        .user = s,
    };
    *out = s;
    return 0;
}

void lti_streams_destroy(struct lti_streams *s)
{
    if (!s) {
        return;
    }
    while (s->readers) {
        struct reader *next = s->readers->next;
        lti_decoder_destroy(s->readers->decoder);
        free(s->readers);
        s->readers = next;
    }
    lti_decoder_destroy(s->last);
    lti_slabs_destroy(s->slabs);
    lti_paths_destroy(s->paths);
    free(s);
}

/* ---- The end of a stream ---- */

static void add_stats(struct lt_stats *sum, const struct lti_decoder *decoder)
{
    struct lt_stats one = {.size = sizeof one};

    lti_decoder_stats(decoder, &one);
    sum->insns += one.insns;
    sum->stream_bytes += one.stream_bytes;
    sum->register_checks += one.register_checks;
    sum->register_mismatches += one.register_mismatches;
    sum->internal_errors += one.internal_errors;
    sum->memory_checks += one.memory_checks;
    sum->memory_mismatches += one.memory_mismatches;
}

static void drop_last(struct lti_streams *s)
{
    lti_decoder_destroy(s->last);
    s->last = NULL;
}

/* From here on a reader's events come; NULL: none's. */
static void set_present(struct lti_streams *s, struct reader *r)
{
    /* What others do may free the slab that its instruction is in. */
    if (s->present) {
        lti_decoder_keep_insn(s->present->decoder);
    }
    s->present = r;
    drop_last(s);
}

/* A reader whose stream is at its end. */
static void remove_reader(struct lti_streams *s, struct reader *r)
{
    struct reader **p = &s->readers;

    while (*p != r) {
        p = &(*p)->next;
    }
    *p = r->next;
    add_stats(&s->stats, r->decoder);
    lti_limit_give_back(s->control, r->ring.stream);
    lti_ring_reset(&r->ring);
    if (s->present == r) {
        /* Its last event may still be in hand. */
        set_present(s, NULL);
        s->last = r->decoder;
    } else {
        lti_decoder_destroy(r->decoder);
    }
    free(r);
}

/* Whether the process of a live stream was killed. */
static bool is_dead(const struct lti_streams *s, const struct lti_stream *stream)
{
    return (shared((const uint32_t *)(const void *)stream->alive) & LTI_OWNER_DIED) ||
           shared(&s->control->tree_ended);
}

/* Whether the process of a stream is no more, though nobody's end told of it. */
static bool is_gone(const struct lti_stream *stream)
{
    const uint32_t pid = shared(&stream->pid);

    return pid > 1 && pid <= INT32_MAX && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

bool lti_stream_is_dead(const struct lti_control *control,
                        const struct lti_stream *stream)
{
    const uint32_t alive = shared((const uint32_t *)(const void *)stream->alive);

    /* Between two threads nobody holds it. */
    return (alive & LTI_OWNER_DIED) || shared(&control->tree_ended) ||
           (!alive && is_gone(stream));
}

/* Whether nothing more will be written to a stream, as far as is known. */
static bool is_over(const struct lti_streams *s, const struct reader *r)
{
    const struct lti_stream *stream = r->ring.stream;

    switch (shared(&stream->state)) {
    case LTI_STREAM_ENDED:
    case LTI_STREAM_GONE:
    case LTI_STREAM_CRASHED:
        return true;
    case LTI_STREAM_LIVE:
    case LTI_STREAM_LEAVES:
        if (lti_stream_is_dead(s->control, stream)) {
            return true;
        }
        break;
    case LTI_STREAM_EXEC:
        if (is_gone(stream)) {
            return true;
        }
        break;
    default:
        break;
    }
    return shared(&s->control->tree_ended) ||
           (r->first && shared(&s->control->engine_ended));
}

/* The first process has ended, as far as the reader's stream tells. */
static void end_first(struct lti_streams *s, const struct reader *r, int32_t status,
                      int32_t signal)
{
    struct reader *next = s->control->threads == LTI_THREADS_PARALLEL
                              ? find_process(s, lti_decoder_guest(r->decoder)->pid)
                              : NULL;

    if (next) {
        next->first = true; /* another of its threads has executed a program */
        return;
    }
    s->ended = true;
    s->status = status;
    s->signal = signal;
}

/* Another stream of the same process, or NULL. */
static struct reader *find_sibling(const struct lti_streams *s, const struct reader *r)
{
    const struct lti_guest *guest = lti_decoder_guest(r->decoder);

    for (struct reader *other = s->readers; other; other = other->next) {
        if (other != r && lti_decoder_guest(other->decoder) == guest) {
            return other;
        }
    }
    return NULL;
}

/* All of a stream has been decoded.  1 if its process's end remains to be told, else
 * 0, or LT_ERR_ENGINE. */
static int end_reader(struct lti_streams *s, struct reader *r)
{
    int32_t status, signal;
    const uint32_t state = shared(&r->ring.stream->state);
    const bool gone = state == LTI_STREAM_GONE || state == LTI_STREAM_LEAVES;
    struct reader *sibling = find_sibling(s, r);

    if (state == LTI_STREAM_CRASHED) {
        return LT_ERR_ENGINE;
    }
    if (lti_decoder_ended(r->decoder, &status, &signal)) {
        if (r->first) {
            end_first(s, r, status, signal);
        }
    } else if (lti_decoder_leaving(r->decoder, &status, &signal)) {
        if (!sibling) {
            return lti_decoder_finish(r->decoder, status, signal);
        }
        sibling->first |= r->first;
    } else if (r->first) {
        return 0; /* what the supervisor says is awaited */
    } else if (!gone && !sibling && lti_decoder_finish(r->decoder, 0, SIGKILL)) {
        return 1; /* nothing but SIGKILL leaves a process no time to say so */
    }
    remove_reader(s, r);
    return 0;
}

/* ---- Which one's turn it is ---- */

static uint32_t stream_limit(const struct lti_streams *s)
{
    uint32_t limit = shared(&s->control->stream_limit);

    return limit < LTI_MAX_STREAMS ? limit : LTI_MAX_STREAMS;
}

/* Streams that processes have taken and nobody told of: that of the first one, and
 * those of parallel threads. */
static int find_streams(struct lti_streams *s)
{
    if (s->began && s->control->threads != LTI_THREADS_PARALLEL) {
        return 0;
    }
    for (uint32_t n = 0; n < stream_limit(s); n++) {
        struct reader *r;

        const struct lti_stream *stream = &s->control->streams[n];

        if (shared(&stream->state) < LTI_STREAM_LIVE || shared(&stream->forked) ||
            find_reader(s, n)) {
            continue;
        }
        if (add_reader(s, n, &r) != 0) {
            return LT_ERR_NO_MEMORY;
        }
        if (!s->began) {
            s->began = r->first = true;
            break;
        }
    }
    return 0;
}

/* Whether a reader has something to do now.  1, 0 or an error. */
static int look(struct lti_streams *s, struct reader *r)
{
    const uint8_t *begin, *end;
    int state;

    if (lti_decoder_has_more(r->decoder)) {
        return lti_decoder_is_ready(r->decoder);
    }
    state = lti_ring_next(&r->ring, is_over(s, r), &begin, &end);
    switch (state) {
    case LTI_RING_DATA:
        lti_decoder_feed(r->decoder, begin, end);
        return lti_decoder_is_ready(r->decoder);
    case LTI_RING_END:
        return end_reader(s, r);
    case LTI_RING_IDLE:
        return 0;
    default:
        s->problem = r->ring.problem;
        return state;
    }
}

/* Looks at a reader, which is the present one if it has something to do. */
static int try(struct lti_streams *s, struct reader *r)
{
    int result = look(s, r);

    if (result == 1 && s->present != r) {
        set_present(s, r);
    }
    return result;
}

/*
 * Looks at all readers: at the present one first while it has data in hand, then at
 * those behind it and around, so that none waits for ever for one whose data never
 * end.  1 if one has something to do, which is the present one then; 0 or an error.
 */
static int choose(struct lti_streams *s)
{
    struct reader *present = s->present, *next;
    int result = present && lti_decoder_has_more(present->decoder) ? look(s, present) : 0;

    if (result == 0 && present) {
        lti_decoder_keep_insn(present->decoder); /* as others may end */
    }
    for (struct reader *r = present ? present->next : s->readers; r && !result;
         r = next) {
        next = r->next;
        result = try(s, r);
    }
    for (struct reader *r = s->readers; present && r && !result; r = next) {
        next = r == present ? NULL : r->next;
        result = try(s, r);
    }
    return result;
}

/* Whether all that could be decoded waits for a stamp that will not come, as the
 * process that took it was killed.  Then the next one is due. */
static bool skip_lost_stamp(struct lti_streams *s)
{
    uint64_t lowest = 0;

    for (struct reader *r = s->readers; r; r = r->next) {
        uint64_t stamp = lti_decoder_stamp(r->decoder);

        if (stamp) {
            lowest = lowest && lowest < stamp ? lowest : stamp;
        } else if (lti_decoder_has_more(r->decoder)) {
            return false;
        }
    }
    if (lowest == 0) {
        return false;
    }
    /* Who has taken a stamp, is about to commit it. */
    for (uint32_t n = 0; n < stream_limit(s); n++) {
        const struct lti_stream *stream = &s->control->streams[n];

        if (shared(&stream->state) != LTI_STREAM_LIVE) {
            continue;
        }
        if (shared(&stream->stamping) && !is_dead(s, stream)) {
            return false;
        }
        if (s->control->threads == LTI_THREADS_PARALLEL && !find_reader(s, n)) {
            return false; /* it has just come, maybe with that stamp */
        }
    }
    for (struct reader *r = s->readers; r; r = r->next) {
        if (!lti_decoder_has_more(r->decoder) && lti_ring_has_news(&r->ring)) {
            return false;
        }
    }
    s->stamp = lowest - 1;
    return true;
}

/* Whether the guest has ended, and everything it did is decoded. */
static bool is_end(const struct lti_streams *s)
{
    if (shared(&s->control->tree_ended)) {
        return true;
    }
    if (!shared(&s->control->engine_ended)) {
        return false;
    }
    for (const struct reader *r = s->readers; r; r = r->next) {
        if (!r->first || lti_decoder_has_more(r->decoder)) {
            return false;
        }
    }
    return true;
}

static bool has_news(const struct lti_streams *s)
{
    for (const struct reader *r = s->readers; r; r = r->next) {
        if (lti_decoder_has_more(r->decoder)) {
            if (lti_decoder_is_ready(r->decoder)) {
                return true;
            }
        } else if (lti_ring_has_news(&r->ring) || (!r->first && is_over(s, r))) {
            return true;
        }
    }
    return is_end(s) || atomic_load(s->config.stop) || lti_limit_reached(s->control);
}

static bool spin(const struct lti_streams *s, int count)
{
    for (int i = 0; i < count; i++) {
        if (has_news(s)) {
            return true;
        }
        __builtin_ia32_pause();
    }
    return false;
}

/* Sleeps until the bell rings, unless there is something to do already. */
static void wait_for_news(const struct lti_streams *s)
{
    struct timespec period = {0, SLEEP_NS};
    struct lti_control *control = s->control;

    for (const struct reader *r = s->readers; r; r = r->next) {
        if (lti_decoder_has_more(r->decoder)) {
            period.tv_nsec = SLEEP_BLOCKED_NS;
        }
    }
    if (spin(s, SPINS_BEFORE)) {
        return;
    }
    uint32_t bell = __atomic_load_n(&control->bell, __ATOMIC_SEQ_CST);
    __atomic_store_n(&control->listening, 1, __ATOMIC_SEQ_CST);
    if (!spin(s, SPINS_AFTER)) {
        syscall(SYS_futex, &control->bell, FUTEX_WAIT, bell, &period, NULL, 0);
    }
    __atomic_store_n(&control->listening, 0, __ATOMIC_RELAXED);
}

void lti_streams_wake(struct lti_control *control)
{
    __atomic_fetch_add(&control->bell, 1, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, &control->bell, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static int next(struct lti_streams *s, bool wait)
{
    for (int waited = !wait;; waited++) {
        /* Asked first: what was written before is seen behind it. */
        bool end = is_end(s);
        int result = find_streams(s);

        if (result == 0) {
            result = choose(s);
        }
        if (result != 0) {
            return result;
        }
        if (skip_lost_stamp(s)) {
            continue;
        }
        if (end && is_end(s)) {
            return LTI_STREAMS_END;
        }
        if (waited) {
            return LTI_STREAMS_IDLE;
        }
        wait_for_news(s);
    }
}

int lti_streams_next(struct lti_streams *s)
{
    return next(s, true);
}

int lti_streams_poll(struct lti_streams *s)
{
    return next(s, false);
}

/* ---- Questions ---- */

struct lti_decoder *lti_streams_decoder(const struct lti_streams *s)
{
    return s->present ? s->present->decoder : s->last;
}

bool lti_streams_ended(const struct lti_streams *s, int32_t *status, int32_t *signal)
{
    for (const struct reader *r = s->readers; r && !s->ended; r = r->next) {
        if (r->first) {
            return lti_decoder_ended(r->decoder, status, signal);
        }
    }
    *status = s->status;
    *signal = s->signal;
    return s->ended;
}

bool lti_streams_finish(struct lti_streams *s, int32_t status, int32_t signal)
{
    s->ended = true;
    s->status = status;
    s->signal = signal;
    for (struct reader *r = s->readers; r; r = r->next) {
        if (r->first && lti_decoder_finish(r->decoder, status, signal)) {
            set_present(s, r);
            return true;
        }
    }
    return false;
}

const char *lti_streams_problem(const struct lti_streams *s)
{
    const struct lti_decoder *decoder = lti_streams_decoder(s);

    return *s->problem || !decoder ? s->problem : lti_decoder_problem(decoder);
}

void lti_streams_stats(const struct lti_streams *s, struct lt_stats *stats)
{
    *stats = s->stats;
    for (const struct reader *r = s->readers; r; r = r->next) {
        add_stats(stats, r->decoder);
    }
}

uint64_t lti_streams_events(const struct lti_streams *s)
{
    return s->seq;
}
