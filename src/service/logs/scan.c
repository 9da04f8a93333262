/* scan.c — reading events: the oldest or newest ones that match, and walking over all of them.
 *
 * A batch is read whole. Those of a query come in order of their first (newest: last) event, a few
 * at a time; a heap keeps the events that the answer holds so far. A batch that begins behind the
 * worst event of a full heap ends the search, and so do all batches behind it.
 *
 * A search also ends when it has read much and found little: what is known to be complete by then
 * is answered, with the key to go on from. A handler must not hold its worker for long, and AWS
 * answers in parts, too (FilterLogEvents: "can return partial results").
 */
#include "base/arena.h"
#include "base/buf.h"
#include "service/logs/filter_pattern.h"
#include "service/logs/logs.h"

enum {
    HEAD_BYTES = 12, /* of an event in a batch: 8 of time, 4 of length; little-endian */
    CHUNK_BATCHES = 16,
    FIRST_CAPACITY = 64,
    MAX_SCAN_BYTES = 48 * 1024 * 1024, /* about 50 ms */
};

void log_batch_append(struct buf *out, int64_t at_ms, struct str message)
{
    char head[HEAD_BYTES];
    for (size_t i = 0; i < 8; i++)
        head[i] = (char)((uint64_t)at_ms >> (8 * i) & 0xff);
    for (size_t i = 0; i < 4; i++)
        head[8 + i] = (char)(message.len >> (8 * i) & 0xff);
    buf_append(out, str_of(head, sizeof(head)));
    buf_append(out, message);
}

bool log_walk_next(struct log_walk *walk, struct log_event *out_event)
{
    struct str events = walk->batch->events;
    if (walk->at + HEAD_BYTES > events.len)
        return false;
    const unsigned char *head = (const unsigned char *)events.ptr + walk->at;
    uint64_t at_ms = 0;
    uint32_t len = 0;
    for (size_t i = 0; i < 8; i++)
        at_ms |= (uint64_t)head[i] << (8 * i);
    for (size_t i = 0; i < 4; i++)
        len |= (uint32_t)head[8 + i] << (8 * i);
    if (walk->at + HEAD_BYTES + len > events.len)
        return false;
    *out_event = (struct log_event){
        .key = {.at_ms = (int64_t)at_ms,
                .stream_id = walk->batch->stream_id,
                .sequence = walk->batch->sequence,
                .index = walk->index},
        .ingested_at_ms = walk->batch->ingested_at_ms,
        .message = str_of(events.ptr + walk->at + HEAD_BYTES, len),
    };
    walk->at += HEAD_BYTES + len;
    walk->index++;
    return true;
}

/* --- the heap: its root is the event that goes first --- */

struct heap {
    const struct log_query *query;
    struct arena *arena;
    struct arena *scratch; /* of the pattern */
    struct log_event *items;
    size_t count;
    size_t capacity;
    size_t bytes;
    bool has_end; /* an event did not fit: the answer ends before the first that does not */
    struct log_key end;
};

static bool goes_before(const struct heap *heap, const struct log_event *a,
                        const struct log_event *b)
{
    int order = log_key_compare(&a->key, &b->key);
    return heap->query->takes_newest ? order < 0 : order > 0;
}

static void sift_up(struct heap *heap, size_t at)
{
    while (at > 0 && goes_before(heap, &heap->items[at], &heap->items[(at - 1) / 2])) {
        struct log_event kept = heap->items[at];
        heap->items[at] = heap->items[(at - 1) / 2];
        heap->items[(at - 1) / 2] = kept;
        at = (at - 1) / 2;
    }
}

static void sift_down(struct heap *heap, size_t at)
{
    for (;;) {
        size_t first = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < heap->count; child++) {
            if (goes_before(heap, &heap->items[child], &heap->items[first]))
                first = child;
        }
        if (first == at)
            return;
        struct log_event kept = heap->items[at];
        heap->items[at] = heap->items[first];
        heap->items[first] = kept;
        at = first;
    }
}

/* The key lies at the end of the answer or behind it. */
static bool is_behind_end(const struct heap *heap, const struct log_key *key)
{
    if (!heap->has_end)
        return false;
    int order = log_key_compare(key, &heap->end);
    return heap->query->takes_newest ? order <= 0 : order >= 0;
}

static void end_before(struct heap *heap, const struct log_key *key)
{
    if (!is_behind_end(heap, key))
        heap->end = *key;
    heap->has_end = true;
}

static void drop_root(struct heap *heap)
{
    end_before(heap, &heap->items[0].key);
    heap->bytes -= heap->items[0].message.len + LOGS_EVENT_OVERHEAD;
    heap->items[0] = heap->items[--heap->count];
    sift_down(heap, 0);
}

static bool is_full(const struct heap *heap)
{
    return heap->count == heap->query->limit ||
           (heap->count > 0 && heap->bytes >= heap->query->max_bytes);
}

/* Most answers are small, whatever the limit. */
static void grow(struct heap *heap)
{
    size_t capacity = heap->capacity > 0 ? 2 * heap->capacity : FIRST_CAPACITY;
    struct log_event *items = arena_alloc_array(heap->arena, capacity, sizeof(*items));
    for (size_t i = 0; i < heap->count; i++)
        items[i] = heap->items[i];
    heap->items = items;
    heap->capacity = capacity;
}

static void push(struct heap *heap, const struct log_event *event)
{
    size_t size = event->message.len + LOGS_EVENT_OVERHEAD;
    if (is_behind_end(heap, &event->key))
        return;
    if (is_full(heap) && goes_before(heap, event, &heap->items[0])) {
        end_before(heap, &event->key);
        return;
    }
    if (heap->count == heap->query->limit)
        drop_root(heap);
    if (heap->count == heap->capacity)
        grow(heap);
    heap->items[heap->count] = *event;
    heap->items[heap->count].message = str_copy(heap->arena, event->message);
    heap->bytes += size;
    sift_up(heap, heap->count++);
    while (heap->count > 1 && heap->bytes > heap->query->max_bytes)
        drop_root(heap);
}

/* --- batches --- */

static bool takes_stream(const struct log_query *query, int64_t stream_id)
{
    if (!query->stream_ids)
        return true;
    size_t low = 0;
    size_t high = query->stream_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (query->stream_ids[middle] < stream_id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < query->stream_count && query->stream_ids[low] == stream_id;
}

static bool takes_event(const struct log_query *query, struct arena *scratch,
                        const struct log_event *event)
{
    if (event->key.at_ms < query->from_ms || event->key.at_ms > query->to_ms)
        return false;
    if (query->has_bound) {
        int order = log_key_compare(&event->key, &query->bound);
        if (query->takes_newest ? order >= 0 : order <= 0)
            return false;
    }
    return !query->pattern || filter_pattern_matches(query->pattern, scratch, event->message);
}

static void read_batch(const struct log_query *query, const struct log_batch *batch,
                       struct heap *heap)
{
    struct log_walk walk = {.batch = batch};
    struct log_event event = {0};
    while (log_walk_next(&walk, &event)) {
        /* Events of a batch are in order: behind the end there is nothing to find. */
        if (!query->takes_newest && is_behind_end(heap, &event.key))
            return;
        if (takes_event(query, heap->scratch, &event))
            push(heap, &event);
    }
}

static struct log_batch_list list_of(const struct log_query *query)
{
    struct log_batch_list list = {
        .group_id = query->group_id,
        .stream_id = query->stream_id,
        .from_ms = query->from_ms,
        .to_ms = query->to_ms,
        .is_descending = query->takes_newest,
    };
    if (query->has_bound && !query->takes_newest && query->bound.at_ms > list.from_ms)
        list.from_ms = query->bound.at_ms;
    if (query->has_bound && query->takes_newest && query->bound.at_ms < list.to_ms)
        list.to_ms = query->bound.at_ms;
    return list;
}

static void go_on_after(struct log_batch_list *list, const struct log_batch *batch)
{
    list->has_start = true;
    list->after_ms = list->is_descending ? batch->last_at_ms : batch->first_at_ms;
    list->after_stream = batch->stream_id;
    list->after_sequence = batch->sequence;
}

/* Whether neither the batch nor those behind it can add to the answer. */
static bool ends_search(const struct heap *heap, const struct log_batch *batch)
{
    if (!heap->has_end && !is_full(heap))
        return false;
    int64_t end_ms = heap->has_end ? heap->end.at_ms : heap->items[0].key.at_ms;
    return heap->query->takes_newest ? batch->last_at_ms < end_ms : batch->first_at_ms > end_ms;
}

/* The heap becomes a list in order of keys. */
static void sort_found(struct heap *heap, struct log_found *out)
{
    size_t count = heap->count;
    struct log_event *items = arena_alloc_array(heap->arena, count, sizeof(*items));
    for (size_t i = 0; i < count; i++) {
        items[heap->query->takes_newest ? i : count - 1 - i] = heap->items[0];
        heap->items[0] = heap->items[--heap->count];
        sift_down(heap, 0);
    }
    out->items = items;
    out->count = count;
}

/* Read enough: only what lies before the next batch is complete, or before what did not fit. */
static void cut_off(struct log_found *found, bool has_end, int64_t next_ms)
{
    while (found->count > 0 && found->items[found->count - 1].key.at_ms >= next_ms)
        found->count--;
    found->is_partial = true;
    found->resume = has_end && found->count > 0 ? found->items[found->count - 1].key
                                                : (struct log_key){.at_ms = next_ms};
}

int logs_select(struct call *call, const struct log_query *query, struct log_found *out_found)
{
    AUTO(arena) struct arena *scratch = arena_new();
    AUTO(arena) struct arena *matching = arena_new();
    struct log_batch batches[CHUNK_BATCHES];
    struct log_batch_list list = list_of(query);
    struct heap heap = {.query = query, .arena = call->arena, .scratch = matching};
    int64_t count = CHUNK_BATCHES;
    size_t scanned = 0;
    int64_t cut_at_ms = 0;
    const int64_t from_ms = list.from_ms;
    bool is_over = false;
    bool has_more = false;
    while (count == CHUNK_BATCHES && !is_over) {
        arena_reset(scratch);
        count = logs_store_list_batches(call->db, scratch, &list, CHUNK_BATCHES, batches);
        if (count < 0)
            return (int)count;
        for (int64_t i = 0; i < count && !is_over; i++) {
            bool is_full_answer = ends_search(&heap, &batches[i]);
            bool is_enough = !is_full_answer && scanned > MAX_SCAN_BYTES && !query->takes_newest &&
                             batches[i].first_at_ms > from_ms;
            is_over = is_full_answer || is_enough;
            has_more |= is_full_answer;
            cut_at_ms = is_enough ? batches[i].first_at_ms : 0;
            if (is_over)
                break;
            go_on_after(&list, &batches[i]);
            scanned += batches[i].events.len;
            if (takes_stream(query, batches[i].stream_id))
                read_batch(query, &batches[i], &heap);
        }
    }
    *out_found = (struct log_found){.is_partial = has_more || heap.has_end};
    sort_found(&heap, out_found);
    if (out_found->count > 0)
        out_found->resume = query->takes_newest ? out_found->items[0].key
                                                : out_found->items[out_found->count - 1].key;
    if (cut_at_ms != 0)
        cut_off(out_found, heap.has_end, cut_at_ms);
    return 0;
}

int logs_each(struct call *call, const struct log_query *query, log_visit_fn *visit, void *context)
{
    AUTO(arena) struct arena *scratch = arena_new();
    AUTO(arena) struct arena *matching = arena_new();
    struct log_batch batches[CHUNK_BATCHES];
    struct log_batch_list list = list_of(query);
    int64_t count = CHUNK_BATCHES;
    while (count == CHUNK_BATCHES) {
        arena_reset(scratch);
        count = logs_store_list_batches(call->db, scratch, &list, CHUNK_BATCHES, batches);
        if (count < 0)
            return (int)count;
        for (int64_t i = 0; i < count; i++) {
            struct log_walk walk = {.batch = &batches[i]};
            struct log_event event = {0};
            go_on_after(&list, &batches[i]);
            while (takes_stream(query, batches[i].stream_id) && log_walk_next(&walk, &event)) {
                if (takes_event(query, matching, &event) && !visit(context, &event))
                    return 0;
            }
        }
    }
    return 0;
}
