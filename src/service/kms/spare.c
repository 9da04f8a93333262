/* spare.c — RSA keys, which take 0.05 to 2 s of CPU to make, beside the requests that want them.
 *
 * A handler that wants one takes a row of kms_spare. When there is none it starts a job on the
 * thread pool and waits for the channel of that spec; the job's result becomes a row in a
 * transaction of its own, which wakes whoever waits, on any node. One job is started per demand;
 * what a client that went away left over serves the next.
 *
 * A nested call (a CloudFormation stack's) cannot wait: it makes its key in place.
 */
#include <errno.h>
#include <pthread.h>

#include "auth/seal.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "net/loop.h"
#include "service/kms/kms.h"
#include "wire/executor.h"
#include "wire/identity.h"

enum {
    JOB_PATIENCE_MS = 30 * 1000, /* on the movable clock; then a job is started anew */
};

struct job {
    struct executor *executor;
    pthread_t worker; /* the executor's thread */
    const struct kms_spec *spec;
    char *secret; /* mem_new; NULL: it failed */
    size_t len;
};

static struct str channel_of(struct arena *arena, const struct kms_spec *spec)
{
    return str_concat(arena, STR("kms:spare:"), spec->name);
}

static void work(void *context)
{
    struct job *job = context;
    if (kms_new_rsa(job->spec->bits, &job->secret, &job->len) < 0)
        job->secret = NULL;
}

static enum status keep(struct call *call, void *context)
{
    const struct job *job = context;
    struct str sealed = {0};
    enum status status = kms_seal_secret(call, str_of(job->secret, job->len), &sealed);
    if (status != STATUS_DONE)
        return status;
    int rc = kms_store_put_spare(call->db, rand_uuid(call->arena), job->spec->name, sealed);
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: keep a spare key");
    call_notify(call, channel_of(call->arena, job->spec));
    return STATUS_DONE;
}

/* A job that ends after its worker did is handed back by whoever frees the loop, on another thread:
 * then there is no executor any more, and nobody waits. */
static void done(void *context)
{
    struct job *job = context;
    if (!pthread_equal(job->worker, pthread_self())) {
        mem_free(job->secret);
        mem_free(job);
        return;
    }
    struct arena *arena = arena_new();
    struct principal self = identity_service(arena, STR(""), STR("kms.amazonaws.com"));
    struct call_error error = {0};
    int rc = -EIO;
    if (job->secret)
        rc = executor_run_task(job->executor, arena, &self, (struct scope){0}, keep, job, &error);
    if (rc < 0)
        log_message(LOG_ERROR, "kms: an RSA key could not be made (%d)", rc);
    arena_free(arena);
    mem_free(job->secret);
    mem_free(job);
}

static void start_job(struct call *call, const struct kms_spec *spec)
{
    struct job *job = mem_new(sizeof(*job));
    job->executor = call_executor(call);
    job->worker = pthread_self();
    job->spec = spec;
    loop_job(executor_loop(job->executor), work, done, job);
}

/* 1: *out_secret is set, 0: there is none, or -errno. */
static int take_spare(struct call *call, const struct kms_spec *spec, struct str *out_secret)
{
    struct str id = {0};
    struct str sealed = {0};
    struct str master = {0};
    int rc = kms_store_find_spare(call->db, call->arena, spec->name, &id, &sealed);
    if (rc <= 0)
        return rc;
    rc = kms_master_key(call, &master);
    if (rc == 0)
        rc = unseal(call->arena, master, sealed, out_secret);
    return rc < 0 ? rc : kms_store_delete_spare(call->db, id);
}

enum status kms_take_secret(struct call *call, const struct kms_spec *spec, struct str *out_secret)
{
    int rc = spec->family == KMS_RSA ? take_spare(call, spec, out_secret) : 0;
    if (rc < 0)
        return call_fail_internal(call, rc, "kms: take a spare key");
    if (rc == 1)
        return STATUS_DONE;
    if (spec->family == KMS_RSA && call_executor(call)) {
        /* wait_until_ms is what the run before decided: until then its job is still expected. */
        bool is_expected = call->now_ms < call->wait_until_ms;
        int64_t until_ms = is_expected ? call->wait_until_ms : call->now_ms + JOB_PATIENCE_MS;
        if (!is_expected)
            start_job(call, spec);
        return call_wait(call, channel_of(call->arena, spec), until_ms);
    }
    rc = kms_new_secret(call->arena, spec, out_secret);
    return rc < 0 ? call_fail_internal(call, rc, "kms: make a key") : STATUS_DONE;
}
