/* item.h — items: keys, rows, writes, capacity. Private to this folder.
 *
 * Functions that may refuse what a client sent return 0, or -EINVAL and AWS's text in a
 * `struct str *`; other negative errnos are the store's. ddb_fail turns both into an answer.
 *
 * Keys as bytes: a key attribute is its UTF-8 text, its bytes, or ddb_number_key. Where a key has
 * several attributes each is escaped (00 becomes 00 FF) and ended by 00 01, so that the order of
 * the whole is that of the parts. In front of the hash stand two bytes of a hash function over it:
 * rows in the order of their keys are in no useful order for a client, as on AWS, and segments of a
 * parallel scan are equal shares of these 65,536 values.
 */
#pragma once

#include "service/dynamodb/dynamodb.h"
#include "service/dynamodb/expression.h"

enum {
    DDB_BUCKETS = 65536,
    DDB_BUCKET_BYTES = 2,
    DDB_PAGE_BYTES = 1024 * 1024, /* AWS: Query and Scan process up to 1 MB */
};

/* Fails the call: `message` when rc is -EINVAL, an internal failure otherwise. */
enum status ddb_fail(struct call *call, int rc, struct str message);
enum status ddb_refuse(struct call *call, const char *format, ...) PRINTF_LIKE(2, 3);

/* --- key.c --- */

/* A key as a client gives it for a table: exactly the key's attributes, of their types, not empty,
 * not too long. */
MUST_CHECK int ddb_check_key(struct arena *arena, const struct ddb_table *table,
                             const struct ddb_value *key, struct str *out_message);
/* An item to be put: its key, and the keys of indexes where it has them. */
MUST_CHECK int ddb_check_item(struct arena *arena, const struct ddb_table *table,
                              const struct ddb_value *item, struct str *out_message);
/* The keys of indexes alone. Only those attributes are looked at that are in `changed` (NULL: all).
 */
MUST_CHECK int ddb_check_index_keys(struct arena *arena, const struct ddb_table *table,
                                    const struct ddb_value *item, struct str *out_message);
/* Appends a key attribute's bytes; `is_part`: one of several. */
void ddb_key_append(struct buf *out, const struct ddb_value *value, bool is_part);
/* The bytes with the bucket in front. */
struct str ddb_key_with_bucket(struct arena *arena, struct str hash);
/* Whether the attribute is part of the key. */
bool ddb_is_key_attribute(const struct ddb_key_schema *keys, struct str name);
/* The item's attributes that are part of the keys (`index` may be NULL), as a new map. */
struct ddb_value ddb_key_of(struct arena *arena, const struct ddb_table *table,
                            const struct ddb_index *index, const struct ddb_value *item);
/* 0, or -EINVAL when a value nests too deeply after an update. */
MUST_CHECK int ddb_check_depth(const struct ddb_value *item, struct str *out_message);

/* --- item_write.c --- */

/* A row of an index. */
struct ddb_index_entry {
    struct str hash;
    struct str range;
    struct ddb_value item; /* what the index projects */
    size_t size;
};

/* What the index has of the item. False: nothing. */
bool ddb_index_entry(struct arena *arena, const struct ddb_table *table,
                     const struct ddb_index *index, const struct ddb_value *item,
                     struct ddb_index_entry *out);

/* --- capacity.c --- */

enum ddb_metering {
    DDB_METER_NONE,
    DDB_METER_TOTAL,
    DDB_METER_INDEXES,
};

enum ddb_metering ddb_metering(struct str return_consumed_capacity);

/* What one request consumed of one table. */
struct ddb_meter {
    const struct ddb_table *table;
    double read_units; /* of the table */
    double write_units;
    double *index_read_units; /* one for each index of the table */
    double *index_write_units;
};

/* A list of meters by table. */
struct ddb_meters {
    struct ddb_meter *items;
    size_t count;
    struct arena *arena;
};

struct ddb_meter *ddb_meter_for(struct ddb_meters *meters, const struct ddb_table *table);
double ddb_read_units(size_t size_bytes, bool is_consistent);
/* Adds a write; `factor` is 2 in transactions. Items are NULL when there is none. */
void ddb_meter_write(struct arena *arena, struct ddb_meter *meter, const struct ddb_value *old_item,
                     const struct ddb_value *new_item, double factor);
struct dynamodb_consumed_capacity *ddb_meter_report(struct arena *arena,
                                                    const struct ddb_meter *meter,
                                                    enum ddb_metering metering,
                                                    bool is_transaction);
struct dynamodb_consumed_capacity_multiple
ddb_meters_report(const struct ddb_meters *meters, enum ddb_metering metering, bool is_transaction);
/* Whether throughput is enforced: then everything is metered. */
bool ddb_is_throttled(const struct call *call);
/* Takes what was metered from the buckets of the tables and indexes (throttle.c). */
enum status ddb_throttle(struct call *call, const struct ddb_meters *meters);
/* NULL unless the table has local indexes. 0 or -errno. */
MUST_CHECK int ddb_collection_metrics(struct call *call, const struct ddb_table *table,
                                      const struct ddb_value *item, struct str hash,
                                      struct dynamodb_item_collection_metrics **out);

/* --- request.c: what requests have in common --- */

/* Expression and legacy parameters of a request, those that it has: absent texts, false. */
struct ddb_parameters {
    struct str update;
    struct str condition;
    struct str projection;
    struct str filter;
    struct str key_condition;
    bool has_attribute_updates;
    bool has_expected;
    bool has_attributes_to_get;
    bool has_query_filter;
    bool has_scan_filter;
    bool has_conditional_operator;
    bool has_key_conditions;
    const struct dynamodb_expression_attribute_name_map *names;
    const struct dynamodb_expression_attribute_value_map *values; /* NULL: no such parameter */
    /* Names of the expression parameters that may use values, for a message. */
    const char *const *value_users;
    size_t value_user_count;
};

/* Whether the parameters go together. */
MUST_CHECK int ddb_check_parameters(struct arena *arena, const struct ddb_parameters *parameters,
                                    struct str *out_message);
/* Legacy conditions as a tree; *out is NULL when there are none. */
MUST_CHECK int ddb_expected_condition(struct arena *arena,
                                      const struct dynamodb_expected_attribute_map *expected,
                                      struct str conditional_operator, struct ddb_node **out,
                                      struct str *out_message);
MUST_CHECK int ddb_filter_condition(struct arena *arena,
                                    const struct dynamodb_filter_condition_map *filter,
                                    struct str conditional_operator, struct ddb_node **out,
                                    struct str *out_message);
/* AttributeUpdates as an update. */
MUST_CHECK int ddb_legacy_update(struct arena *arena,
                                 const struct dynamodb_attribute_updates *updates,
                                 struct ddb_update *out, struct str *out_message);
/* AttributesToGet as paths. */
MUST_CHECK int ddb_legacy_paths(struct arena *arena,
                                const struct dynamodb_attribute_name_list *names,
                                struct ddb_paths *out, struct str *out_message);

/* --- operation.c: one write of one item, from whichever request --- */

enum ddb_operation_type {
    DDB_OPERATION_PUT,
    DDB_OPERATION_UPDATE,
    DDB_OPERATION_DELETE,
    DDB_OPERATION_CHECK,
};

enum ddb_outcome {
    DDB_OUTCOME_DONE,
    DDB_OUTCOME_CONDITION_FAILED,
    DDB_OUTCOME_INVALID, /* `message` */
};

struct ddb_operation {
    enum ddb_operation_type type;
    struct ddb_table *table;
    struct ddb_value item;      /* PUT: the item; else: the key */
    struct ddb_node *condition; /* or NULL */
    struct ddb_update update;
    bool is_legacy_update; /* AttributeUpdates: other texts */
    bool is_transaction;   /* other texts */
    bool returns_item;     /* ReturnValuesOnConditionCheckFailure = ALL_OLD */
    bool must_exist;       /* PartiQL: UPDATE and DELETE of nothing fail their condition */
    bool must_be_new;      /* PartiQL: INSERT */
    bool skips_absent;     /* PartiQL: DELETE of nothing does nothing, whatever its condition */
    /* What came of it: */
    enum ddb_outcome outcome;
    struct str message;
    struct str hash;
    struct str range;
    struct str old_blob;
    bool had_item;
    bool has_item;
    struct ddb_value old_item;
    struct ddb_value new_item;
};

/* The parameters of PutItem, UpdateItem, DeleteItem and the actions of TransactWriteItems. */
struct ddb_write_request {
    enum ddb_operation_type type;
    const void *entries; /* Item or Key */
    size_t entry_count;
    const struct dynamodb_expected_attribute_map *expected; /* these may be NULL */
    const struct dynamodb_attribute_updates *attribute_updates;
    struct str conditional_operator;
    struct str update_expression;
    struct str condition_expression;
    const struct dynamodb_expression_attribute_name_map *names;
    const struct dynamodb_expression_attribute_value_map *values;
    struct str return_values;
    struct str return_values_on_failure;
};

/* Checks everything that can be checked without the table. */
MUST_CHECK int ddb_read_write_request(struct arena *arena, const struct ddb_write_request *request,
                                      struct ddb_operation *out, struct str *out_message);
/* Checks that need the table's schema but no item: encodes the key. */
MUST_CHECK int ddb_operation_prepare(struct arena *arena, struct ddb_operation *operation,
                                     struct str *out_message);
/* Reads the item, checks the condition, computes the new item; writes nothing. Sets `outcome`.
 * 0 or -errno. */
MUST_CHECK int ddb_operation_plan(struct call *call, struct ddb_operation *operation);
/* Writes what was planned. 0 or -errno. */
MUST_CHECK int ddb_operation_write(struct call *call, const struct ddb_operation *operation);

/* A range of rows of a table or an index. Absent bounds have none. */
struct ddb_range {
    int64_t table_key;
    int64_t index_key; /* 0: the table itself */
    bool is_joined;    /* index: read whole items of the table */
    int32_t segment;   /* scans of segments: for messages */
    int32_t segment_count;
    bool is_scan;     /* by hash; else by range within one hash */
    bool is_backward; /* queries */
    struct str hash;  /* queries */
    struct str low;   /* first range, or hash of a scan */
    struct str high;  /* the first that is not in the range any more */
    bool has_start;   /* only what is behind this row: */
    struct str start_hash;
    struct str start_range;
    struct str start_table_hash; /* index */
    struct str start_table_range;
};

struct ddb_row {
    struct str hash;
    struct str range;
    struct str table_hash; /* index */
    struct str table_range;
    int64_t size; /* of the item; index: of the entry */
    struct str blob;
};

/* --- key_condition.c: what a query asks of the key --- */

struct ddb_key_condition {
    struct str name;
    const struct ddb_node
        *node; /* COMPARE, BETWEEN or begins_with; the path is the first operand */
};

struct ddb_key_conditions {
    struct ddb_key_condition items[2 * DDB_KEY_PART_MAX];
    size_t count;
};

/* From KeyConditionExpression. */
MUST_CHECK int ddb_key_conditions_read(struct arena *arena, const struct ddb_node *node,
                                       struct ddb_key_conditions *out, struct str *out_message);
/* From KeyConditions. */
MUST_CHECK int ddb_key_conditions_read_legacy(struct arena *arena,
                                              const struct dynamodb_key_conditions *conditions,
                                              struct ddb_key_conditions *out,
                                              struct str *out_message);
/* The range of rows that they select: sets hash, low and high. */
MUST_CHECK int ddb_key_conditions_apply(struct arena *arena, const struct ddb_key_schema *keys,
                                        const struct ddb_key_conditions *conditions,
                                        struct ddb_range *out, struct str *out_message);

/* --- page.c: one page of a query or scan --- */

struct ddb_page_request {
    const struct ddb_table *table;
    const struct ddb_index *index; /* or NULL */
    struct ddb_range range;
    const struct ddb_node *filter; /* or NULL */
    struct ddb_paths paths;
    bool has_paths;
    bool is_count; /* no items wanted */
    bool is_consistent;
    int64_t limit; /* 0: none but 1 MB */
};

struct ddb_page {
    struct ddb_value *items;
    size_t count;
    size_t scanned_count;
    bool has_more;
    struct ddb_value last_key;
    double table_units;
    double index_units;
};

/* 0 or -errno. */
MUST_CHECK int ddb_read_page(struct call *call, const struct ddb_page_request *request,
                             struct ddb_page *out);
/* Starts behind the row of that key (ExclusiveStartKey): its attributes are those of the table's
 * key and the index's. */
MUST_CHECK int ddb_page_start(struct arena *arena, struct ddb_page_request *request,
                              const struct ddb_value *key, struct str *out_message);
/* Whether the index holds the attribute. */
bool ddb_is_projected(const struct ddb_table *table, const struct ddb_index *index,
                      struct str name);
/* "[a, b]": attributes in the tree or the paths (either may be NULL) that the index does not hold;
 * absent when it holds all. */
struct str ddb_unprojected(struct arena *arena, const struct ddb_table *table,
                           const struct ddb_index *index, const struct ddb_node *node,
                           const struct ddb_paths *paths);
/* Calls `visit` with the first name of each path in the tree until it answers true. */
bool ddb_node_any_path(const struct ddb_node *node,
                       bool (*visit)(const struct ddb_path *path, void *context), void *context);

/* --- batch.c --- */

/* ItemCollectionMetrics of several writes. 0 or -errno. */
MUST_CHECK int ddb_add_collection_metrics(struct call *call, const struct ddb_operation *operations,
                                          size_t count,
                                          struct dynamodb_item_collection_metrics_per_table *out);

/* --- transact.c --- */

/* All of the writes, or none: fails the call with TransactionCanceledException. Their tables are
 * set, nothing else is prepared. */
enum status ddb_transact_write(struct call *call, struct ddb_operation *operations, size_t count);

/* A read of a transaction. */
struct ddb_get {
    struct ddb_table *table;
    struct ddb_value key;
    struct ddb_paths paths;
    bool has_paths;
    const struct ddb_node *condition; /* PartiQL: what else the item must meet; or NULL */
    struct str message;               /* why its key is refused, or absent */
    bool is_found;
    struct ddb_value item;
    size_t size;
};

/* All of the reads: fails the call with TransactionCanceledException when a key is wrong. */
enum status ddb_transact_read(struct call *call, struct ddb_get *gets, size_t count);
/* The request token of a transaction: *out_is_done when the same transaction was carried out in
 * the last ten minutes. `digest` is that of what it asks for. */
enum status ddb_transact_token(struct call *call, struct str token, struct str digest,
                               bool *out_is_done);
/* --- item.c --- */

struct ddb_projection_request {
    struct str expression;
    const struct dynamodb_attribute_name_list *attributes_to_get; /* or NULL */
    const struct dynamodb_expression_attribute_name_map *names;
};

/* ProjectionExpression or AttributesToGet; *out_has_paths: there was one. */
MUST_CHECK int ddb_read_projection(struct arena *arena,
                                   const struct ddb_projection_request *request,
                                   struct ddb_paths *out, bool *out_has_paths,
                                   struct str *out_message);
/* 1, 0 when there is no such item, or -errno. */
MUST_CHECK int ddb_read_item(struct call *call, const struct ddb_table *table, struct str hash,
                             struct str range, struct ddb_value *out);

/* --- store_item.c --- */

MUST_CHECK int ddb_store_put_item(struct db *db, int64_t table_key, struct str hash,
                                  struct str range, size_t size, struct opt_i64 expires_at,
                                  struct str blob);
MUST_CHECK int ddb_store_delete_item(struct db *db, int64_t table_key, struct str hash,
                                     struct str range);
MUST_CHECK int ddb_store_put_index_item(struct db *db, int64_t index_key, struct str hash,
                                        struct str range, struct str table_hash,
                                        struct str table_range, size_t size, struct str blob);
MUST_CHECK int ddb_store_delete_index_item(struct db *db, int64_t index_key, struct str hash,
                                           struct str range, struct str table_hash,
                                           struct str table_range);
/* Bytes of all items with that hash. */
MUST_CHECK int ddb_store_collection_size(struct db *db, int64_t table_key, struct str hash,
                                         int64_t *out_size);

/* At most `limit` rows. 0 or -errno. */
MUST_CHECK int ddb_store_read_range(struct db *db, struct arena *arena,
                                    const struct ddb_range *range, int64_t limit,
                                    struct ddb_row **out_rows, size_t *out_count);

/* Idempotency tokens of TransactWriteItems. 1: there is one that has not expired, 0: none. */
MUST_CHECK int ddb_store_find_token(struct db *db, struct arena *arena, struct scope scope,
                                    struct str token, int64_t now_ms, struct str *out_digest);
MUST_CHECK int ddb_store_put_token(struct db *db, struct scope scope, struct str token,
                                   struct str digest, int64_t expires_at_ms);
/* Forgets those that have expired. */
MUST_CHECK int ddb_store_drop_tokens(struct db *db, int64_t now_ms);
