/* limits.c — DescribeLimits and DescribeEndpoints. */
#include "base/arena.h"
#include "service/dynamodb/dynamodb.h"

/* AWS: "Service, account, and table quotas": defaults of most regions. */
enum status dynamodb_describe_limits(struct call *call,
                                     const struct dynamodb_describe_limits_in *in,
                                     struct dynamodb_describe_limits_out *out)
{
    (void)call;
    (void)in;
    *out = (struct dynamodb_describe_limits_out){
        .account_max_read_capacity_units = opt_i64(80000),
        .account_max_write_capacity_units = opt_i64(80000),
        .table_max_read_capacity_units = opt_i64(40000),
        .table_max_write_capacity_units = opt_i64(40000),
    };
    return STATUS_DONE;
}

/* The endpoint that the client used; SDKs with endpoint discovery go on with it. */
enum status dynamodb_describe_endpoints(struct call *call,
                                        const struct dynamodb_describe_endpoints_in *in,
                                        struct dynamodb_describe_endpoints_out *out)
{
    enum {
        CACHE_MINUTES = 1440, /* OBSERVED: what AWS answers */
    };
    (void)in;
    struct str host = call->endpoint;
    ptrdiff_t scheme = str_find(host, STR("://"));
    if (scheme >= 0)
        host = str_from(host, (size_t)scheme + 3);
    out->endpoints.items = arena_alloc(call->arena, sizeof(*out->endpoints.items));
    out->endpoints.items[0] = (struct dynamodb_endpoint){
        .address = host,
        .cache_period_in_minutes = opt_i64(CACHE_MINUTES),
    };
    out->endpoints.count = 1;
    out->endpoints.is_set = true;
    return STATUS_DONE;
}
