/* loop.h — one event loop per thread: timers, posted work, and jobs on a thread pool.
 *
 * A thin layer over libuv, so that nothing above net includes uv.h. All functions belong to the
 * loop's thread unless they say otherwise.
 */
#pragma once

#include "base/base.h"

struct loop;
struct loop_timer;
struct uv_loop_s;

struct loop *loop_new(void);
/* Closes what is left and frees. Accepts NULL. */
void loop_free(struct loop *loop);
/* Runs until loop_stop. */
void loop_run(struct loop *loop);
/* Thread-safe. */
void loop_stop(struct loop *loop);
struct uv_loop_s *loop_uv(struct loop *loop);

typedef void loop_fn(void *context);

/* Runs `fn` on the loop's thread as soon as possible, in order of posting. Thread-safe. */
void loop_post(struct loop *loop, loop_fn *fn, void *context);

/* Runs `work` on a pool thread, then `done` on the loop's thread. */
void loop_job(struct loop *loop, loop_fn *work, loop_fn *done, void *context);

/* One-shot timer in monotonic milliseconds. Starting again moves it. */
struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *fn, void *context);
void loop_timer_start(struct loop_timer *timer, int64_t after_ms);
void loop_timer_stop(struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer); /* accepts NULL */

/* Called at the end of each iteration, after all I/O callbacks and before sleeping: where the
 * executor commits the transaction of this round and sends its answers (group commit). */
void loop_set_round_end(struct loop *loop, loop_fn *fn, void *context);
