/* batch.c — rules of batch requests: how many, which ids, and failures entry by entry. */
#include "service/sqs/batch.h"

#include "base/arena.h"

enum {
    ENTRY_ID_MAX = 80,
};

static bool is_entry_id(struct str id)
{
    bool is_valid = id.len > 0 && id.len <= ENTRY_ID_MAX;
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        is_valid &= (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_';
    }
    return is_valid;
}

enum status sqs_check_batch(struct call *call, const char *entry_name, const struct str *ids,
                            size_t count)
{
    if (count == 0)
        return call_fail(call, &SQS_EMPTY_BATCH_REQUEST,
                         "There should be at least one %s in the request.", entry_name);
    if (count > SQS_MAX_BATCH)
        return call_fail(call, &SQS_TOO_MANY_ENTRIES_IN_BATCH_REQUEST,
                         "Maximum number of entries per request are %d. You have sent %zu.",
                         SQS_MAX_BATCH, count);
    for (size_t i = 0; i < count; i++) {
        if (!is_entry_id(ids[i]))
            return call_fail(call, &SQS_INVALID_BATCH_ENTRY_ID,
                             "A batch entry id can only contain alphanumeric characters, hyphens "
                             "and underscores. It can be at most 80 letters long.");
        for (size_t other = 0; other < i; other++) {
            if (str_eq(ids[i], ids[other]))
                return call_fail(call, &SQS_BATCH_ENTRY_IDS_NOT_DISTINCT,
                                 "Id " STR_FMT " repeated.", STR_ARG(ids[i]));
        }
    }
    return STATUS_DONE;
}

void sqs_batch_begin(struct call *call, struct sqs_batch_result_error_entry_list *failed,
                     size_t count)
{
    failed->items = arena_alloc_array(call->arena, count, sizeof(*failed->items));
    failed->count = 0;
}

bool sqs_batch_failed(struct call *call, struct str id,
                      struct sqs_batch_result_error_entry_list *failed)
{
    const struct api_error *error = call->error.error;
    if (call->store_errno != 0 || !error->is_sender)
        return false;
    failed->items[failed->count++] = (struct sqs_batch_result_error_entry){
        .id = id,
        .sender_fault = opt_bool(true),
        .code = error->query_code,
        .message = call->error.message,
    };
    call->error = (struct call_error){0};
    return true;
}
