/* throttle.c — provisioned throughput, when --dynamodb-throttle asks for it.
 *
 * AWS: a table and each of its global indexes has a bucket of tokens for reads and one for writes;
 * each second adds as many as are provisioned, and "up to 5 minutes (300 seconds) of unused
 * capacity" is kept (developer guide, "Burst capacity"). A request is let in while its buckets hold
 * anything and then takes what it consumed, so a large one leaves a debt.
 *
 * Buckets are rows: all nodes draw on the same. A request that is refused is rolled back as a whole
 * and has consumed nothing. On demand nothing is refused.
 *
 * DEVIATION: a batch is refused as a whole; AWS does what it can and gives the rest back as
 * unprocessed.
 */
#include "base/arena.h"
#include "service/dynamodb/item.h"
#include "wire/runtime.h"

enum {
    BURST_SECONDS = 300,
};

bool ddb_is_throttled(const struct call *call)
{
    return call->runtime && call->runtime->throttles;
}

/* Takes `used` tokens of the bucket. 1, 0 when it is empty, or -errno. */
static int take(struct call *call, int64_t key, bool is_write, int64_t units, double used)
{
    double tokens = (double)units; /* of a new bucket: one second's */
    int64_t filled_at_ms = call->now_ms;
    int rc = ddb_store_find_bucket(call->db, key, is_write, &tokens, &filled_at_ms);
    if (rc < 0)
        return rc;
    int64_t passed_ms = call->now_ms - filled_at_ms;
    double most = (double)units * BURST_SECONDS;
    tokens += passed_ms > 0 ? (double)passed_ms * (double)units / 1000 : 0;
    tokens = tokens > most ? most : tokens;
    if (tokens <= 0)
        return 0;
    rc = ddb_store_put_bucket(call->db, key, is_write, tokens - used, call->now_ms);
    return rc < 0 ? rc : 1;
}

static enum status refuse_table(struct call *call)
{
    /* OBSERVED: what every SDK's users report, 2012 and later. */
    return call_fail(call, &DYNAMODB_PROVISIONED_THROUGHPUT_EXCEEDED_EXCEPTION,
                     "The level of configured provisioned throughput for the table was exceeded. "
                     "Consider increasing your provisioning level with the UpdateTable API.");
}

static enum status refuse_index(struct call *call)
{
    return call_fail(call, &DYNAMODB_PROVISIONED_THROUGHPUT_EXCEEDED_EXCEPTION,
                     "The level of configured provisioned throughput for one or more global "
                     "secondary indexes of the table was exceeded. Consider increasing your "
                     "provisioning level for the under-provisioned global secondary indexes with "
                     "the UpdateTable API");
}

static enum status throttle_part(struct call *call, int64_t key, bool is_index, bool is_write,
                                 int64_t units, double used)
{
    if (used <= 0)
        return STATUS_DONE;
    int rc = take(call, key, is_write, units, used);
    if (rc < 0)
        return call_fail_internal(call, rc, "dynamodb: take tokens");
    if (rc == 1)
        return STATUS_DONE;
    return is_index ? refuse_index(call) : refuse_table(call);
}

static enum status throttle_meter(struct call *call, const struct ddb_meter *meter)
{
    const struct ddb_table *table = meter->table;
    double reads = meter->read_units;
    double writes = meter->write_units;
    enum status status = STATUS_DONE;
    if (table->is_on_demand)
        return STATUS_DONE;
    for (size_t i = 0; i < table->index_count && status == STATUS_DONE; i++) {
        const struct ddb_index *index = &table->indexes[i];
        /* AWS: local indexes consume the table's units. */
        if (index->is_local) {
            reads += meter->index_read_units[i];
            writes += meter->index_write_units[i];
            continue;
        }
        status = throttle_part(call, index->index_key, true, false, index->read_units,
                               meter->index_read_units[i]);
        if (status == STATUS_DONE)
            status = throttle_part(call, index->index_key, true, true, index->write_units,
                                   meter->index_write_units[i]);
    }
    if (status == STATUS_DONE)
        status = throttle_part(call, table->table_key, false, false, table->read_units, reads);
    if (status == STATUS_DONE)
        status = throttle_part(call, table->table_key, false, true, table->write_units, writes);
    return status;
}

enum status ddb_throttle(struct call *call, const struct ddb_meters *meters)
{
    enum status status = STATUS_DONE;
    if (!ddb_is_throttled(call))
        return status;
    for (size_t i = 0; i < meters->count && status == STATUS_DONE; i++)
        status = throttle_meter(call, &meters->items[i]);
    return status;
}
