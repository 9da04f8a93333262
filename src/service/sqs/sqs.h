/* sqs.h — private to the folder: queues, messages and what the files share.
 *
 * A queue is a row of sqs_queue. A message is a row of sqs_message and is, at any time, in exactly
 * one queue; moving it to a dead-letter queue changes the queue of the row.
 *
 *   id             milliseconds when it was sent << 20 | 20 random bits: unique in the store and
 *                  nearly in order of sending, so that rows are appended
 *   visible_at     when it may be received: now, after its delay, or after the visibility timeout
 *   receive_count  0: never received. In flight means: received and visible_at in the future
 *   sequence       FIFO: its number in its queue, which is the order of delivery in a group
 *
 * FIFO queues keep a row of sqs_group per message group that has messages: the sequence of its head
 * (the oldest message) and when the head may be received. A group whose head is in flight or
 * delayed is blocked; otherwise its messages are handed out in order from the head on.
 */
#pragma once

#include "auth/digest.h"
#include "engine/cfn/resource.h"
#include "service/sqs/sqs_public.h"
#include "sqs/sqs_api.h"

struct json;

enum {
    SQS_ID_RANDOM_BITS = 20,
    SQS_DEDUP_MS = 5 * 60 * 1000, /* AWS: the deduplication interval is five minutes */
    SQS_MAX_BATCH = 10,
};

struct sqs_queue {
    int64_t id;
    struct str account;
    struct str region;
    struct str name;
    int64_t created_at_ms;
    int64_t modified_at_ms;
    int64_t visibility_timeout_s;
    int64_t maximum_message_size;
    int64_t retention_s;
    int64_t delay_s;
    int64_t wait_s;
    bool is_fifo;
    bool has_content_dedup;
    bool dedup_by_group; /* DeduplicationScope = messageGroup */
    bool limit_by_group; /* FifoThroughputLimit = perMessageGroupId */
    bool has_managed_sse;
    struct str policy;         /* JSON text, or empty */
    struct str redrive_policy; /* JSON text as given, or empty */
    struct str dlq_arn;        /* out of it; empty: none */
    int64_t max_receive_count;
    struct str redrive_allow_policy;
    struct str kms_key_id; /* empty: none */
    int64_t kms_reuse_s;
    struct str tags; /* JSON object text */
    int64_t purged_at_ms;
};

struct sqs_message_row {
    int64_t id;
    int64_t queue_id;
    struct str message_id; /* UUID */
    struct str body;
    struct str attributes; /* JSON text, sorted: name -> {"t": type, "s" or "b": value}; or empty */
    struct str trace_header; /* AWSTraceHeader, or empty */
    struct str sender_id;
    int64_t sent_at_ms;
    int64_t first_received_at_ms;
    int64_t received_at_ms; /* the latest receive */
    int64_t receive_count;
    int64_t visible_at_ms;
    int64_t receipt;     /* random number of the latest receive */
    struct str group_id; /* FIFO, and standard queues that use fair groups */
    struct str dedup_id;
    struct str source_arn; /* queue that it was moved from by the redrive policy, or empty */
    int64_t sequence;      /* FIFO: number in its queue */
};

/* Further errors that SQS answers and its model does not list. */
extern const struct api_error SQS_INVALID_PARAMETER_VALUE;
extern const struct api_error SQS_MISSING_PARAMETER;

/* queue.c */
struct str sqs_queue_arn(struct arena *arena, const struct sqs_queue *queue);
/* Looks up the queue of a URL into call->subject; fails with QueueDoesNotExist or InvalidAddress.
 */
enum status sqs_resolve_queue(struct call *call, struct str queue_url);
/* Splits arn:aws:sqs:REGION:ACCOUNT:NAME. False for anything else. */
bool sqs_split_arn(struct str arn, struct scope *out_scope, struct str *out_name);
/* The queue the authorize hook looked up. */
const struct sqs_queue *sqs_queue_of(struct call *call);
enum status sqs_queue_missing(struct call *call);
/* arn:aws:sqs:REGION:ACCOUNT:NAME. 1: found, 0: not, -errno. */
MUST_CHECK int sqs_find_queue_by_arn(struct call *call, struct str arn,
                                     struct sqs_queue **out_queue);
/* The channel that is notified when messages of the queue may have become visible. */
struct str sqs_channel(struct arena *arena, int64_t queue_id);

/* Writes the queue's row, with a new time of modification. */
enum status sqs_save_queue(struct call *call, struct sqs_queue *queue);

/* tag.c: adds tags to a JSON object and gives its text. */
enum status sqs_tags_text(struct call *call, const struct sqs_tag_map *tags, struct json *object,
                          struct str *out_text);

/* attribute.c: applies attributes to a queue, checking each; `is_new` allows FifoQueue. */
enum status sqs_apply_attributes(struct call *call, struct sqs_queue *queue,
                                 const struct sqs_queue_attribute_map *attributes, bool is_new);
/* A queue with AWS's defaults. */
struct sqs_queue sqs_default_queue(struct call *call, struct str name);
/* The attributes as Get answers them and Create compares them. False for an unknown name. */
bool sqs_attribute_text(struct call *call, const struct sqs_queue *queue, struct str name,
                        struct str *out_value);
extern const struct str sqs_settable_attributes[];
extern const size_t sqs_settable_attribute_count;

/* md5.c: the digest of attributes as the SDKs check it, fed in the order of their names. */
struct sqs_attribute_digest {
    struct digest digest;
    size_t count;
};
struct str sqs_md5_hex(struct arena *arena, struct str bytes);
void sqs_attribute_digest_init(struct sqs_attribute_digest *digest);
void sqs_attribute_digest_add(struct sqs_attribute_digest *digest, struct str name, struct str type,
                              bool is_binary, struct str value);
/* In hexadecimal; absent when nothing was added. */
struct str sqs_attribute_digest_final(struct arena *arena, struct sqs_attribute_digest *digest);

/* handle.c */
struct str sqs_receipt_handle(struct arena *arena, const struct sqs_message_row *message);
/* Parses a handle of that queue. 0 or -EINVAL. */
MUST_CHECK int sqs_parse_receipt(struct arena *arena, struct str handle, int64_t *out_queue_id,
                                 int64_t *out_id, int64_t *out_receipt);

/* fifo.c */
/* Recomputes the group's head after its messages changed. 0 or -errno. */
MUST_CHECK int sqs_refresh_group(struct db *db, const struct sqs_queue *queue, struct str group_id);
/* Sequence numbers as clients see them: 20 digits. */
struct str sqs_sequence_text(struct arena *arena, int64_t sequence);
/* Visible messages of a FIFO queue in the order of delivery: group by group, each from its head on
 * as far as messages are visible. At most `limit`. Count or -errno. */
MUST_CHECK int64_t sqs_deliverable(struct call *call, const struct sqs_queue *queue, int64_t limit,
                                   struct sqs_message_row **out_messages);
/* Puts a message into another queue, where it has never been received. Its source_arn, message_id
 * and sent_at_ms are written, too, as the caller set them. 0 or -errno. */
MUST_CHECK int sqs_move_message(struct call *call, const struct sqs_queue *from,
                                const struct sqs_queue *to, struct sqs_message_row *message);

/* store.c */
extern const struct migration_set sqs_migrations;
MUST_CHECK int sqs_store_find_queue(struct db *db, struct arena *arena, struct scope scope,
                                    struct str name, struct sqs_queue **out_queue);
MUST_CHECK int sqs_store_insert_queue(struct db *db, const struct sqs_queue *queue);
MUST_CHECK int sqs_store_update_queue(struct db *db, const struct sqs_queue *queue);
MUST_CHECK int sqs_store_delete_queue(struct db *db, int64_t queue_id);
/* Names of the scope from `after` on, with the prefix, at most `limit`. Count or -errno. */
MUST_CHECK int64_t sqs_store_list_queues(struct db *db, struct arena *arena, struct scope scope,
                                         struct str prefix, struct str after, int64_t limit,
                                         struct str *out_names);
/* Queues whose redrive policy names this ARN. */
MUST_CHECK int64_t sqs_store_list_sources(struct db *db, struct arena *arena, struct str dlq_arn,
                                          struct str after, int64_t limit, struct str *out_arns);
/* The next number of a FIFO queue's messages. */
MUST_CHECK int sqs_store_next_sequence(struct db *db, int64_t queue_id, int64_t *out_sequence);

/* 0, -EEXIST when the id is taken (the transaction goes on), or another -errno. */
MUST_CHECK int sqs_store_insert_message(struct db *db, const struct sqs_message_row *message);
MUST_CHECK int sqs_store_find_message(struct db *db, struct arena *arena, int64_t id,
                                      struct sqs_message_row **out_message);
/* Messages that may be received at `now`, longest visible first. Count or -errno. */
MUST_CHECK int64_t sqs_store_visible(struct db *db, struct arena *arena, int64_t queue_id,
                                     int64_t now_ms, int64_t limit,
                                     struct sqs_message_row **out_messages);
/* Messages of a group from its head on. */
MUST_CHECK int64_t sqs_store_group_messages(struct db *db, struct arena *arena, int64_t queue_id,
                                            struct str group_id, int64_t limit,
                                            struct sqs_message_row **out_messages);
/* The head of a group. 1: set, 0: the group has no messages, or -errno. */
MUST_CHECK int sqs_store_group_head(struct db *db, int64_t queue_id, struct str group_id,
                                    int64_t *out_sequence, int64_t *out_visible_at_ms);
/* Groups that are not blocked, by age of their head. */
MUST_CHECK int64_t sqs_store_open_groups(struct db *db, struct arena *arena, int64_t queue_id,
                                         int64_t now_ms, int64_t limit, struct str *out_groups);
MUST_CHECK int sqs_store_put_group(struct db *db, int64_t queue_id, struct str group_id,
                                   int64_t head_sequence, int64_t visible_at_ms);
MUST_CHECK int sqs_store_delete_group(struct db *db, int64_t queue_id, struct str group_id);
/* The earliest visible_at after `now`; 0 when nothing will become visible. */
MUST_CHECK int sqs_store_next_visible(struct db *db, const struct sqs_queue *queue, int64_t now_ms,
                                      int64_t *out_visible_at_ms);
MUST_CHECK int sqs_store_mark_received(struct db *db, const struct sqs_message_row *message);
MUST_CHECK int sqs_store_set_visible(struct db *db, int64_t id, int64_t visible_at_ms);
/* Writes what sqs_move_message changed; the receives of the message are forgotten. */
MUST_CHECK int sqs_store_move(struct db *db, const struct sqs_message_row *message);
MUST_CHECK int sqs_store_delete_message(struct db *db, int64_t id);
/* The same for a message of that queue that has been received. */
MUST_CHECK int sqs_store_delete_received(struct db *db, int64_t queue_id, int64_t id);
MUST_CHECK int sqs_store_purge(struct db *db, int64_t queue_id);
/* Removes up to `limit` messages of the queue sent before `before_ms`. Count or -errno. */
MUST_CHECK int64_t sqs_store_expire(struct db *db, int64_t queue_id, int64_t before_ms,
                                    int64_t limit);

struct sqs_counts {
    int64_t visible;
    int64_t in_flight;
    int64_t delayed;
};
MUST_CHECK int sqs_store_count(struct db *db, int64_t queue_id, int64_t now_ms, int64_t oldest_ms,
                               struct sqs_counts *out_counts);

struct sqs_dedup {
    int64_t queue_id;
    struct str scope; /* the group, or empty for the whole queue */
    struct str dedup_id;
    struct str message_id;
    int64_t sequence;
    int64_t expires_at_ms;
};
/* 1: found and not expired, 0 or -errno. */
MUST_CHECK int sqs_store_find_dedup(struct db *db, struct arena *arena, struct sqs_dedup *dedup,
                                    int64_t now_ms);
MUST_CHECK int sqs_store_put_dedup(struct db *db, const struct sqs_dedup *dedup);
MUST_CHECK int sqs_store_expire_dedup(struct db *db, int64_t now_ms);

/* Ids of all queues above `after`, for the sweep; count or -errno. */
struct sqs_sweep_row {
    int64_t id;
    int64_t retention_s;
};
MUST_CHECK int64_t sqs_store_sweep_queues(struct db *db, int64_t after, int64_t limit,
                                          struct sqs_sweep_row *out_rows);

struct sqs_move_task {
    struct str handle;
    struct str status; /* RUNNING COMPLETED CANCELLING CANCELLED FAILED */
    struct str source_arn;
    struct str destination_arn; /* empty: back to where each message came from */
    int64_t per_second;         /* 0: as fast as it goes */
    int64_t moved;
    int64_t to_move;
    struct str failure;
    int64_t started_at_ms;
};
MUST_CHECK int sqs_store_insert_task(struct db *db, const struct sqs_move_task *task);
MUST_CHECK int sqs_store_update_task(struct db *db, const struct sqs_move_task *task);
MUST_CHECK int sqs_store_find_task(struct db *db, struct arena *arena, struct str handle,
                                   struct sqs_move_task **out_task);
MUST_CHECK int64_t sqs_store_list_tasks(struct db *db, struct arena *arena, struct str source_arn,
                                        int64_t limit, struct sqs_move_task *out_tasks);

/* redrive.c */
/* The queue that a task's handle names, as an ARN; absent when it is no handle. */
struct str sqs_source_of_handle(struct arena *arena, struct str handle);
enum status sqs_start_sweep(struct call *call);

/* handlers */
sqs_add_permission_fn sqs_add_permission;
sqs_cancel_message_move_task_fn sqs_cancel_message_move_task;
sqs_change_message_visibility_fn sqs_change_message_visibility;
sqs_change_message_visibility_batch_fn sqs_change_message_visibility_batch;
sqs_create_queue_fn sqs_create_queue;
sqs_delete_message_fn sqs_delete_message;
sqs_delete_message_batch_fn sqs_delete_message_batch;
sqs_delete_queue_fn sqs_delete_queue;
sqs_get_queue_attributes_fn sqs_get_queue_attributes;
sqs_get_queue_url_fn sqs_get_queue_url;
sqs_list_dead_letter_source_queues_fn sqs_list_dead_letter_source_queues;
sqs_list_message_move_tasks_fn sqs_list_message_move_tasks;
sqs_list_queue_tags_fn sqs_list_queue_tags;
sqs_list_queues_fn sqs_list_queues;
sqs_purge_queue_fn sqs_purge_queue;
sqs_receive_message_fn sqs_receive_message;
sqs_remove_permission_fn sqs_remove_permission;
sqs_send_message_fn sqs_send_message;
sqs_send_message_batch_fn sqs_send_message_batch;
sqs_set_queue_attributes_fn sqs_set_queue_attributes;
sqs_start_message_move_task_fn sqs_start_message_move_task;
sqs_tag_queue_fn sqs_tag_queue;
sqs_untag_queue_fn sqs_untag_queue;
extern const struct sqs_handlers sqs_handlers;
extern const struct resource_type sqs_resource_types[];
extern const size_t sqs_resource_type_count;
