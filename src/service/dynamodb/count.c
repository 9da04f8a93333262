/* count.c — how many items and bytes a table or an index holds.
 *
 * Up to COUNT_NOW rows are counted when asked. For more, a workflow counts in steps, and what it
 * found is shown until it is six hours old, which is how often AWS counts; asking then starts it
 * again. Until the first count is done the number shown is what was counted at once: too small.
 *
 * State: Index (its number; 0: the table), the key after which it goes on, the sums so far.
 */
#include <errno.h>

#include "base/arena.h"
#include "service/dynamodb/dynamodb.h"
#include "syntax/base64.h"
#include "syntax/json.h"

enum {
    COUNT_NOW = 20000,             /* about 3 ms */
    FRESH_MS = 6 * 60 * 60 * 1000, /* AWS: "approximately every six hours" */
};

static struct str count_name(const struct ddb_index *index)
{
    return index ? index->name : STR("");
}

static enum status start(struct call *call, const struct ddb_table *table,
                         const struct ddb_index *index)
{
    struct str id = str_format(call->arena, "%lld:%lld", (long long)table->table_key,
                               (long long)(index ? index->index_key : 0));
    int rc = workflow_exists(call, ddb_count_kind.name, id);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: look for a count");
    return rc == 1 ? STATUS_DONE : workflow_start(call, ddb_count_kind.name, id, NULL);
}

int ddb_measure(struct call *call, const struct ddb_table *table, const struct ddb_index *index,
                int64_t *out_count, int64_t *out_bytes)
{
    int64_t key = index ? index->index_key : table->table_key;
    int rc = ddb_store_measure(call->db, index != NULL, key, COUNT_NOW + 1, out_count, out_bytes);
    if (rc < 0 || *out_count <= COUNT_NOW)
        return rc;
    const struct json *counted =
        json_find(json_find_cstr(table->detail, "Counted"), count_name(index));
    if (counted) {
        *out_count = ddb_detail_i64(counted, "Items", *out_count);
        *out_bytes = ddb_detail_i64(counted, "Bytes", *out_bytes);
    }
    if (counted && call->now_ms < ddb_detail_i64(counted, "At", 0) + FRESH_MS)
        return 0;
    return start(call, table, index) == STATUS_DONE ? 0
           : call->store_errno < 0                  ? call->store_errno
                                                    : -EIO;
}

/* --- the workflow --- */

static const char *const cursor_names[DDB_COUNT_KEYS] = {"A", "B", "C", "D"};

static void read_place(struct call *call, const struct json *state, struct ddb_count_place *place)
{
    for (size_t i = 0; i < DDB_COUNT_KEYS; i++) {
        struct str text = str_or(json_find_str(state, cursor_names[i]), STR(""));
        if (base64_decode(call->arena, text, &place->key[i]) < 0)
            place->key[i] = STR("");
    }
    place->count = ddb_detail_i64(state, "Items", 0);
    place->bytes = ddb_detail_i64(state, "Bytes", 0);
}

static void write_place(struct call *call, const struct ddb_count_place *place, struct json *state)
{
    for (size_t i = 0; i < DDB_COUNT_KEYS; i++)
        ddb_detail_set_str(call->arena, state, cursor_names[i],
                           base64_encode_str(call->arena, str_or(place->key[i], STR(""))));
    ddb_detail_set_i64(call->arena, state, "Items", place->count);
    ddb_detail_set_i64(call->arena, state, "Bytes", place->bytes);
}

static const struct ddb_index *index_by_key(const struct ddb_table *table, int64_t index_key)
{
    for (size_t i = 0; i < table->index_count; i++) {
        if (table->indexes[i].index_key == index_key)
            return &table->indexes[i];
    }
    return NULL;
}

static enum status count_step(struct call *call, struct workflow *workflow,
                              enum workflow_next *out_next)
{
    struct str rest = workflow->id;
    struct str first = {0};
    int64_t table_key = 0;
    int64_t index_key = 0;
    struct ddb_table *table = NULL;
    if (!str_split_next(&rest, ':', &first) || str_to_i64(first, &table_key) < 0 ||
        str_to_i64(rest, &index_key) < 0)
        return call_fail_internal(call, -EINVAL, "dynamodb: what to count");
    int rc = ddb_table_find_by_key(call, table_key, &table);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: find a table to count");
    const struct ddb_index *index = rc == 1 ? index_by_key(table, index_key) : NULL;
    if (rc == 0 || (index_key != 0 && !index))
        return STATUS_DONE;
    struct ddb_count_place place;
    read_place(call, workflow->state, &place);
    rc = ddb_store_count_on(call->db, call->arena, index != NULL, index ? index_key : table_key,
                            COUNT_NOW, &place);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: count");
    if (rc == 1) {
        write_place(call, &place, workflow->state);
        *out_next = WORKFLOW_AGAIN;
        return STATUS_DONE;
    }
    struct json *all = ddb_detail_object(call->arena, table->detail, STR("Counted"));
    struct json *counted = ddb_detail_object(call->arena, all, count_name(index));
    ddb_detail_set_i64(call->arena, counted, "Items", place.count);
    ddb_detail_set_i64(call->arena, counted, "Bytes", place.bytes);
    ddb_detail_set_i64(call->arena, counted, "At", call->now_ms);
    return ddb_table_save(call, table);
}

const struct workflow_kind ddb_count_kind = {
    .name = STR_INIT("dynamodb.count"),
    .step = count_step,
};
