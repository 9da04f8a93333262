/* batch.h — what the three batch operations share. */
#pragma once

#include "service/sqs/sqs.h"

/* Checks number, form and distinctness of entry ids. `ids` has min(count, SQS_MAX_BATCH + 1). */
enum status sqs_check_batch(struct call *call, const char *entry_name, const struct str *ids,
                            size_t count);
void sqs_batch_begin(struct call *call, struct sqs_batch_result_error_entry_list *failed,
                     size_t count);
/* Moves call->error into the list of failed entries. False when the fault is ours: then the whole
 * call must fail. */
bool sqs_batch_failed(struct call *call, struct str id,
                      struct sqs_batch_result_error_entry_list *failed);
