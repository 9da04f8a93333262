/* fifo.c — message groups of FIFO queues, and messages that change their queue.
 *
 * A group's row says when its head may be received; whoever adds, hides or removes messages of a
 * group calls sqs_refresh_group afterwards, in the same transaction.
 *
 * Docs: developer guide, "FIFO delivery logic", "Dead-letter queues".
 */
#include <errno.h>

#include "base/arena.h"
#include "service/sqs/sqs.h"

struct str sqs_sequence_text(struct arena *arena, int64_t sequence)
{
    /* AWS: "a large, non-consecutive number ... 128 bits": 20 digits that grow. */
    return str_format(arena, "188%017lld", (long long)sequence);
}

int sqs_refresh_group(struct db *db, const struct sqs_queue *queue, struct str group_id)
{
    int64_t sequence = 0;
    int64_t visible_at_ms = 0;
    int rc = sqs_store_group_head(db, queue->id, group_id, &sequence, &visible_at_ms);
    if (rc < 0)
        return rc;
    return rc == 0 ? sqs_store_delete_group(db, queue->id, group_id)
                   : sqs_store_put_group(db, queue->id, group_id, sequence, visible_at_ms);
}

int64_t sqs_deliverable(struct call *call, const struct sqs_queue *queue, int64_t limit,
                        struct sqs_message_row **out_messages)
{
    struct str *groups = arena_alloc_array(call->arena, (size_t)limit, sizeof(*groups));
    struct sqs_message_row *found = arena_alloc_array(call->arena, (size_t)limit, sizeof(*found));
    int64_t found_count = 0;
    int64_t group_count =
        sqs_store_open_groups(call->db, call->arena, queue->id, call->now_ms, limit, groups);
    if (group_count < 0)
        return group_count;
    for (int64_t g = 0; g < group_count && found_count < limit; g++) {
        struct sqs_message_row *rows = NULL;
        int64_t count = sqs_store_group_messages(call->db, call->arena, queue->id, groups[g],
                                                 limit - found_count, &rows);
        if (count < 0)
            return count;
        for (int64_t i = 0; i < count && rows[i].visible_at_ms <= call->now_ms; i++)
            found[found_count++] = rows[i];
        /* The sweep removes messages and leaves the group. */
        int rc = count == 0 ? sqs_store_delete_group(call->db, queue->id, groups[g]) : 0;
        if (rc < 0)
            return rc;
    }
    *out_messages = found;
    return found_count;
}

int sqs_move_message(struct call *call, const struct sqs_queue *from, const struct sqs_queue *to,
                     struct sqs_message_row *message)
{
    message->queue_id = to->id;
    message->visible_at_ms = call->now_ms;
    message->sequence = 0;
    int rc = 0;
    if (to->is_fifo) /* it goes to the end of its group there */
        rc = sqs_store_next_sequence(call->db, to->id, &message->sequence);
    if (rc == 0)
        rc = sqs_store_move(call->db, message);
    if (rc == 0 && from->is_fifo)
        rc = sqs_refresh_group(call->db, from, message->group_id);
    if (rc == 0 && to->is_fifo)
        rc = sqs_refresh_group(call->db, to, message->group_id);
    if (rc == 0)
        call_notify(call, sqs_channel(call->arena, to->id));
    return rc;
}
