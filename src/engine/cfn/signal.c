/* signal.c — CreationPolicy: a resource is complete when enough signals came for it.
 *
 * AWS: "CloudFormation waits for the number of success signals (Count, 1 unless given) or until the
 * timeout (Timeout, ISO 8601, 5 minutes unless given); if a signal says FAILURE, the creation
 * fails" (CreationPolicy attribute).
 */
#include "base/arena.h"
#include "engine/cfn/property.h"
#include "engine/cfn/stack.h"
#include "syntax/json.h"

enum {
    DEFAULT_TIMEOUT_MS = 5 * 60 * 1000,
    MAX_TIMEOUT_MS = 12 * 60 * 60 * 1000, /* AWS: "The maximum that can be specified is 12 hours" */
};

/* "PT1H30M10S", "PT15M". 0 when it is no such text. */
static int64_t duration_ms(struct str text)
{
    int64_t total = 0;
    int64_t number = 0;
    bool has_digit = false;
    if (!str_starts_with(text, STR("PT")) || text.len < 4)
        return 0;
    for (size_t i = 2; i < text.len; i++) {
        char c = text.ptr[i];
        if (c >= '0' && c <= '9' && number < MAX_TIMEOUT_MS) {
            number = number * 10 + (c - '0');
            has_digit = true;
            continue;
        }
        int64_t unit = c == 'H' ? 3600 * 1000 : c == 'M' ? 60 * 1000 : c == 'S' ? 1000 : 0;
        if (unit == 0 || !has_digit)
            return 0;
        total += number * unit;
        number = 0;
        has_digit = false;
    }
    return has_digit ? 0 : total;
}

/* Reads Count and Timeout of a resolved ResourceSignal. */
static enum resource_result read_policy(struct resource_call *rc, const struct json *signal,
                                        int64_t *out_count, int64_t *out_timeout_ms)
{
    const struct json *count = json_find_cstr(signal, "Count");
    const struct json *timeout = json_find_cstr(signal, "Timeout");
    *out_count = 1;
    *out_timeout_ms = DEFAULT_TIMEOUT_MS;
    if (count && (str_to_i64(count->text, out_count) < 0 || *out_count < 0))
        return resource_fail(rc, "CreationPolicy Count must be a non-negative integer");
    if (timeout)
        *out_timeout_ms = duration_ms(timeout->text);
    if (*out_timeout_ms <= 0 || *out_timeout_ms > MAX_TIMEOUT_MS)
        return resource_fail(rc, "Invalid CreationPolicy timeout: must be an ISO 8601 duration of "
                                 "at most PT12H");
    return RESOURCE_DONE;
}

enum resource_result cfn_await_signals(struct resource_call *rc)
{
    struct arena *arena = rc->call->arena;
    int64_t wanted = 0;
    int64_t timeout_ms = 0;
    if (read_policy(rc, json_find_cstr(rc->creation_policy, "ResourceSignal"), &wanted,
                    &timeout_ms) != RESOURCE_DONE)
        return RESOURCE_FAILED;
    if (!cfn_flag(rc->state, "AwaitsSignals")) {
        rc->state = json_new(arena, JSON_OBJECT);
        cfn_set_flag(arena, rc->state, "AwaitsSignals", true);
        cfn_set_number(arena, rc->state, "Since", rc->started_at_ms);
        cfn_set_number(arena, rc->state, "Deadline", rc->call->now_ms + timeout_ms);
    }
    struct cfn_signal *signals = NULL;
    int64_t count = cfn_store_list_signals(rc->call->db, arena, rc->stack_id, rc->logical_id,
                                           cfn_number(rc->state, "Since"), &signals);
    if (count < 0) {
        call_fail_internal(rc->call, (int)count, "list signals");
        return RESOURCE_FAILED;
    }
    int64_t good = 0;
    for (int64_t i = 0; i < count; i++) {
        /* OBSERVED: the reason of a resource that was told to fail. */
        if (!str_eq(signals[i].status, STR("SUCCESS")))
            return resource_fail(rc, "Received FAILURE signal with UniqueId " STR_FMT,
                                 STR_ARG(signals[i].unique_id));
        good++;
    }
    if (good >= wanted)
        return RESOURCE_DONE;
    int64_t deadline = cfn_number(rc->state, "Deadline");
    /* OBSERVED: the reason after the timeout. */
    if (rc->call->now_ms >= deadline)
        return resource_fail(rc,
                             "Failed to receive %lld resource signal(s) within the specified "
                             "duration",
                             (long long)(wanted - good));
    rc->retry_at_ms = deadline;
    return RESOURCE_IN_PROGRESS;
}
