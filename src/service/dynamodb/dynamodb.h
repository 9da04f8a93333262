/* dynamodb.h — DynamoDB from inside: tables, how items and what follows from them are rows. Private
 * to this folder.
 *
 * A table is one row of dynamodb_table, named by scope and name; everything that belongs to it is
 * keyed by its table_key, a number that is never used again, so that a table can be deleted and
 * made anew at once while the rows of the old one are still being cleared away. An index has a
 * number of its own likewise.
 *
 *   dynamodb_item(table_key, hash, range, size, expires_at, item)
 *       hash and range are order-preserving encodings; a table without a range key has an empty
 *       range. expires_at: seconds since 1970, NULL unless the table's TTL attribute is a number.
 *   dynamodb_index_item(index_key, hash, range, table_hash, table_range, size, item)
 *       one row per item that has the index's key attributes; item is what the index projects, NULL
 *       when that is everything (ALL: join dynamodb_item).
 *
 * Whoever writes an item calls ddb_item_changed in the same transaction; it appends to the stream
 * and to the log of changes, and copies the write to the replicas.
 *
 * States of a table (arrows are functions; the workflow is life.c):
 *
 *   (new) ──create_table──► CREATING ──ddb_table_step──► ACTIVE ◄──ddb_table_step── UPDATING
 *                                                        │  └─────update_table───────► ▲
 *                                              delete_table
 *                                                        ▼
 *                                                    DELETING ──ddb_table_step──► (gone)
 */
#pragma once

#include "dynamodb/dynamodb_api.h"
#include "engine/cfn/resource.h"
#include "service/dynamodb/dynamodb_public.h"
#include "service/dynamodb/value.h"
#include "store/db.h"

struct json;

enum {
    DDB_KEY_PART_MAX = 4,      /* AWS: up to four attributes each in a GSI's hash and range key */
    DDB_RESOURCE_TYPES = 2,    /* of CloudFormation */
    DDB_HASH_BYTES_MAX = 2048, /* AWS: length of a partition key value */
    DDB_RANGE_BYTES_MAX = 1024,
};

/* An attribute of a key; its type is DDB_S, DDB_N or DDB_B. */
struct ddb_key_attribute {
    struct str name;
    enum ddb_type type;
};

/* Tables and local indexes have one hash attribute and at most one range attribute; a global index
 * may have up to four of each. */
struct ddb_key_schema {
    struct ddb_key_attribute hash[DDB_KEY_PART_MAX];
    struct ddb_key_attribute range[DDB_KEY_PART_MAX];
    size_t hash_count;
    size_t range_count;
};

enum ddb_status {
    DDB_CREATING,
    DDB_UPDATING,
    DDB_DELETING,
    DDB_ACTIVE,
};

enum ddb_projection {
    DDB_PROJECT_ALL,
    DDB_PROJECT_KEYS_ONLY,
    DDB_PROJECT_INCLUDE,
};

enum ddb_view {
    DDB_VIEW_NONE, /* no stream */
    DDB_VIEW_KEYS_ONLY,
    DDB_VIEW_NEW_IMAGE,
    DDB_VIEW_OLD_IMAGE,
    DDB_VIEW_NEW_AND_OLD_IMAGES,
};

struct ddb_index {
    struct str name;
    bool is_local;
    int64_t index_key;
    struct ddb_key_schema keys;
    enum ddb_projection projection;
    const struct str *attributes; /* INCLUDE: NonKeyAttributes */
    size_t attribute_count;
    enum ddb_status status; /* CREATING: writes go in, reads are refused; DELETING: neither */
    bool is_backfilling;
    int64_t read_units; /* provisioned; 0 on demand */
    int64_t write_units;
};

struct ddb_table {
    struct scope scope; /* whose the table is: not always the caller's */
    struct str name;
    struct str arn;
    int64_t table_key;
    enum ddb_status status;
    struct ddb_key_schema keys;
    struct ddb_index *indexes; /* in the order in which they were made */
    size_t index_count;
    bool is_on_demand;
    int64_t read_units; /* provisioned; 0 on demand */
    int64_t write_units;
    enum ddb_view view;       /* of the enabled stream */
    int64_t stream_key;       /* of the latest stream, also when it is disabled; 0: never had one */
    struct str ttl_attribute; /* items get expires_at by it; empty: none */
    bool is_ttl_active;       /* and are deleted: TimeToLiveStatus ENABLED */
    bool is_protected;        /* DeletionProtectionEnabled */
    bool is_logged;           /* changes are kept (point-in-time recovery, a backup under way) */
    int64_t epoch;            /* counts backups: see backup.c */
    const struct str *replicas; /* the other regions of a global table whose copies take writes */
    size_t replica_count;
    bool is_infrequent; /* table class STANDARD_INFREQUENT_ACCESS */
    struct str policy;  /* resource policy, or absent */
    struct str stream_policy;
    struct str detail_text; /* JSON; only when loaded with it */
    struct json *detail;    /* what only the control plane needs: table.c lists its members */
};

/* --- load.c: finding tables --- */

/* The table's row by name or ARN, without its detail: one statement. `name` may be of another
 * account (an ARN); the region is the call's. 1, 0 when there is none, or -errno. The authorize
 * hook has looked up the tables of a request already: then this costs nothing. */
MUST_CHECK int ddb_table_load(struct call *call, struct str name, struct ddb_table **out_table);
/* For operations on items: the table, ready for use. Fails the call with ResourceNotFoundException
 * "Requested resource not found" when there is none or it is still CREATING; a call that came over
 * the wire waits a moment for the latter: STATUS_PENDING, return it. Call it for all tables of a
 * request before the first write. */
enum status ddb_table_use(struct call *call, struct str name, struct ddb_table **out_table);
/* The index of that name, or NULL. */
struct ddb_index *ddb_table_index(const struct ddb_table *table, struct str name);

/* --- item_write.c (or item.c): writing items --- */

/* A write of one item, with everything that follows from it. */
struct ddb_write {
    struct str hash; /* encoded key */
    struct str range;
    const struct ddb_value *old_item; /* NULL: there was none */
    const struct ddb_value *new_item; /* NULL: deleted */
    struct str old_blob;              /* encodings of the same; absent likewise */
    struct str new_blob;
    bool is_expiry;     /* by time to live */
    bool is_replicated; /* came from another region: goes no further */
};

/* Encodes the item's key for the table. 0, or -EINVAL when an attribute is missing or of another
 * type (an item that was checked cannot give that). */
MUST_CHECK int ddb_item_key(struct arena *arena, const struct ddb_key_schema *keys,
                            const struct ddb_value *item, struct str *out_hash,
                            struct str *out_range);
/* The row of an item: its blob in *out_blob. 1, 0 when there is none, or -errno. */
MUST_CHECK int ddb_item_find(struct db *db, struct arena *arena, int64_t table_key, struct str hash,
                             struct str range, struct str *out_blob);
/* Puts or deletes the row, maintains the rows of all indexes that are not DELETING, and calls
 * ddb_item_changed. Blobs that are absent are made. 0 or -errno. */
MUST_CHECK int ddb_item_write(struct call *call, const struct ddb_table *table,
                              struct ddb_write *write);
/* Adds one item to one index (backfilling): nothing when the item lacks the key or has other types
 * there. 0 or -errno. */
MUST_CHECK int ddb_index_add(struct call *call, const struct ddb_table *table,
                             const struct ddb_index *index, struct str hash, struct str range,
                             const struct ddb_value *item);

/* --- change.c: what follows from a write --- */

/* Stream record, log of changes, replicas. 0 or -errno. */
MUST_CHECK int ddb_item_changed(struct call *call, const struct ddb_table *table,
                                const struct ddb_write *write);
/* The second at which the item expires, for its column: unset (NULL) when it does not. */
struct opt_i64 ddb_item_expiry(const struct ddb_table *table, const struct ddb_value *item);

/* --- the handlers --- */

dynamodb_batch_execute_statement_fn dynamodb_batch_execute_statement;
dynamodb_batch_get_item_fn dynamodb_batch_get_item;
dynamodb_batch_write_item_fn dynamodb_batch_write_item;
dynamodb_create_backup_fn dynamodb_create_backup;
dynamodb_create_table_fn dynamodb_create_table;
dynamodb_delete_backup_fn dynamodb_delete_backup;
dynamodb_delete_item_fn dynamodb_delete_item;
dynamodb_delete_resource_policy_fn dynamodb_delete_resource_policy;
dynamodb_delete_table_fn dynamodb_delete_table;
dynamodb_describe_backup_fn dynamodb_describe_backup;
dynamodb_describe_continuous_backups_fn dynamodb_describe_continuous_backups;
dynamodb_describe_export_fn dynamodb_describe_export;
dynamodb_describe_import_fn dynamodb_describe_import;
dynamodb_export_table_to_point_in_time_fn dynamodb_export_table_to_point_in_time;
dynamodb_import_table_fn dynamodb_import_table;
dynamodb_list_exports_fn dynamodb_list_exports;
dynamodb_list_imports_fn dynamodb_list_imports;
dynamodb_describe_contributor_insights_fn dynamodb_describe_contributor_insights;
dynamodb_describe_endpoints_fn dynamodb_describe_endpoints;
dynamodb_describe_kinesis_streaming_destination_fn dynamodb_describe_kinesis_streaming_destination;
dynamodb_describe_limits_fn dynamodb_describe_limits;
dynamodb_describe_table_fn dynamodb_describe_table;
dynamodb_describe_time_to_live_fn dynamodb_describe_time_to_live;
dynamodb_disable_kinesis_streaming_destination_fn dynamodb_disable_kinesis_streaming_destination;
dynamodb_enable_kinesis_streaming_destination_fn dynamodb_enable_kinesis_streaming_destination;
dynamodb_execute_statement_fn dynamodb_execute_statement;
dynamodb_execute_transaction_fn dynamodb_execute_transaction;
dynamodb_get_item_fn dynamodb_get_item;
dynamodb_get_resource_policy_fn dynamodb_get_resource_policy;
dynamodb_list_backups_fn dynamodb_list_backups;
dynamodb_list_contributor_insights_fn dynamodb_list_contributor_insights;
dynamodb_list_tables_fn dynamodb_list_tables;
dynamodb_list_tags_of_resource_fn dynamodb_list_tags_of_resource;
dynamodb_put_item_fn dynamodb_put_item;
dynamodb_put_resource_policy_fn dynamodb_put_resource_policy;
dynamodb_query_fn dynamodb_query;
dynamodb_restore_table_from_backup_fn dynamodb_restore_table_from_backup;
dynamodb_restore_table_to_point_in_time_fn dynamodb_restore_table_to_point_in_time;
dynamodb_scan_fn dynamodb_scan;
dynamodb_tag_resource_fn dynamodb_tag_resource;
dynamodb_transact_get_items_fn dynamodb_transact_get_items;
dynamodb_transact_write_items_fn dynamodb_transact_write_items;
dynamodb_untag_resource_fn dynamodb_untag_resource;
dynamodb_update_continuous_backups_fn dynamodb_update_continuous_backups;
dynamodb_update_contributor_insights_fn dynamodb_update_contributor_insights;
dynamodb_update_item_fn dynamodb_update_item;
dynamodb_update_kinesis_streaming_destination_fn dynamodb_update_kinesis_streaming_destination;
dynamodb_update_table_fn dynamodb_update_table;
dynamodb_update_time_to_live_fn dynamodb_update_time_to_live;

/* ------ what follows is between the files of tables, streams and backups ------ */

enum {
    DDB_KEY_HEX_MAX = 2 * DDB_HASH_BYTES_MAX + 2,
    DDB_DAY_MS = 24 * 60 * 60 * 1000,
    DDB_STREAM_SLOTS_MAX = 4,
};

/* --- load.c --- */

/* A text that names a table: a name, or the ARN of a table, index, stream or backup. */
struct ddb_name {
    struct scope scope;
    struct str table;
    struct str kind; /* what follows the table in the ARN: "index", "stream", "backup"; or empty */
    struct str rest; /* its name */
    bool is_arn;
};
/* 0, or -EINVAL when an ARN is none of DynamoDB's. */
MUST_CHECK int ddb_name_read(struct call *call, struct str text, struct ddb_name *out_name);
struct str ddb_table_arn(struct arena *arena, struct scope scope, struct str name);
/* ddb_table_load by scope and name: a copy in another region. 1, 0 or -errno. */
MUST_CHECK int ddb_table_load_in(struct call *call, struct scope scope, struct str name,
                                 struct ddb_table **out_table);
/* The table with its detail, for the control plane. Fails the call with ResourceNotFoundException
 * "Requested resource not found: Table: X not found" when there is none. */
enum status ddb_table_need(struct call *call, struct str name, struct ddb_table **out_table);
/* The same with TableNotFoundException "Table not found: X". */
enum status ddb_table_need_other(struct call *call, struct str name, struct ddb_table **out_table);
/* 1, 0 or -errno. */
MUST_CHECK int ddb_table_find_by_key(struct call *call, int64_t table_key,
                                     struct ddb_table **out_table);
MUST_CHECK int ddb_table_find_in(struct call *call, struct scope scope, struct str name,
                                 struct ddb_table **out_table);
/* Writes the row with all that changed in *table and its detail. */
enum status ddb_table_save(struct call *call, struct ddb_table *table);
/* Something about the table is to be done: its workflow looks. */
enum status ddb_table_schedule(struct call *call, const struct ddb_table *table);
struct str ddb_table_channel(struct arena *arena, int64_t table_key);

/* Members of a detail. */
int64_t ddb_detail_i64(const struct json *object, const char *name, int64_t otherwise);
bool ddb_detail_bool(const struct json *object, const char *name);
/* The member, made as an empty object when it is not there. */
struct json *ddb_detail_object(struct arena *arena, struct json *object, struct str name);
void ddb_detail_set_i64(struct arena *arena, struct json *object, const char *name, int64_t value);
void ddb_detail_set_str(struct arena *arena, struct json *object, const char *name,
                        struct str value);
void ddb_detail_set_bool(struct arena *arena, struct json *object, const char *name, bool value);

/* --- hot.c: the row's compact part --- */
struct str ddb_hot_encode(struct arena *arena, const struct ddb_table *table);
/* 0, or -EINVAL: these bytes were not made by us. Texts borrow from `blob`. */
MUST_CHECK int ddb_hot_decode(struct arena *arena, struct str blob, struct ddb_table *table);

/* --- check.c: schemas --- */

/* What a request says of a table's keys and indexes. */
struct ddb_schema_request {
    const struct dynamodb_attribute_definitions *definitions;
    const struct dynamodb_key_schema *keys;
    const struct dynamodb_local_secondary_index_list *local;
    const struct dynamodb_global_secondary_index_list *global;
};
/* Checks it and fills keys, indexes and detail.Attributes of *table; gives indexes their numbers.
 */
enum status ddb_schema_apply(struct call *call, const struct ddb_schema_request *request,
                             struct ddb_table *table);
/* A global index of UpdateTable. `definitions` are those of the request, or NULL. */
enum status ddb_schema_add_index(struct call *call, struct ddb_table *table,
                                 const struct dynamodb_attribute_definitions *definitions,
                                 const struct dynamodb_global_secondary_index *wanted);
/* Drops definitions that no key uses any more. */
void ddb_schema_prune(struct call *call, struct ddb_table *table);
/* A table's or index's name that is given, not an ARN. */
enum status ddb_check_name(struct call *call, struct str name);
/* BillingMode with ProvisionedThroughput: what each forbids; sets the table's units. */
enum status ddb_apply_billing(struct call *call, struct str billing_mode,
                              const struct dynamodb_provisioned_throughput *throughput,
                              struct ddb_table *table);

/* --- describe.c --- */

enum status ddb_describe(struct call *call, const struct ddb_table *table,
                         struct dynamodb_table_description **out_description);
void ddb_key_schema_of(struct arena *arena, const struct ddb_key_schema *keys,
                       struct dynamodb_key_schema *out);
struct dynamodb_projection *ddb_projection_of(struct arena *arena, const struct ddb_index *index);
struct str ddb_view_name(enum ddb_view view);
struct dynamodb_sse_description *ddb_sse_of(struct arena *arena, const struct ddb_table *table);
/* Items and bytes of a table or index: exact while there are few, else as last counted. */
MUST_CHECK int ddb_measure(struct call *call, const struct ddb_table *table,
                           const struct ddb_index *index, int64_t *out_count, int64_t *out_bytes);

/* --- table.c --- */

/* A new table of that name: scope, key, id, times, nothing else. Fails the call with
 * ResourceInUseException when the name is taken. */
enum status ddb_table_begin(struct call *call, struct scope scope, struct str name,
                            struct ddb_table **out_table);
/* Row, workflow. */
enum status ddb_table_insert(struct call *call, struct ddb_table *table);
enum status ddb_apply_sse(struct call *call, const struct dynamodb_sse_specification *wanted,
                          struct ddb_table *table);
/* Fails the call unless the table is ACTIVE: ResourceInUseException. */
enum status ddb_require_active(struct call *call, const struct ddb_table *table);

/* --- tag.c --- */
enum status ddb_tags_check(struct call *call, const struct dynamodb_tag_list *tags,
                           struct json *into);

/* --- policy.c --- */
/* Sets the policy of the table, or of its stream, after checking `expected` (absent: any). */
enum status ddb_policy_apply(struct call *call, struct ddb_table *table, bool is_stream,
                             struct str policy, struct str expected);

/* --- stream.c --- */

/* A stream for the table, from now on. */
enum status ddb_stream_enable(struct call *call, struct ddb_table *table, struct str view_type);
enum status ddb_stream_disable(struct call *call, struct ddb_table *table);
MUST_CHECK int ddb_stream_append(struct call *call, const struct ddb_table *table,
                                 const struct ddb_write *write);
/* When the table goes, its stream stays readable for a day. */
struct str ddb_stream_arn(struct arena *arena, struct scope scope, struct str table_name,
                          struct str label);

/* --- replica.c --- */
enum status ddb_replica_update(struct call *call, struct ddb_table *table,
                               const struct dynamodb_replication_group_update_list *updates);
MUST_CHECK int ddb_replicate(struct call *call, const struct ddb_table *table,
                             const struct ddb_write *write);
/* Settings of one copy that hold for all: indexes, billing, TTL. */
enum status ddb_replica_follow(struct call *call, const struct ddb_table *table);
enum status ddb_replica_forget(struct call *call, const struct ddb_table *table, struct str region);
enum status ddb_replica_describe(struct call *call, const struct ddb_table *table,
                                 struct dynamodb_table_description *description);

/* --- backup.c, copy.c --- */

/* How the items of one table become those of another table or of a backup. */
struct ddb_copy {
    int64_t source_key;
    int64_t target_key;
    struct scope target_scope;
    struct str target_table; /* empty: a backup */
    struct str backup_id;    /* of a backup under way */
    int64_t epoch;           /* changes of a later epoch are undone; -1: by time */
    int64_t at_ms;           /* changes after it are undone; -1: by epoch */
};
enum status ddb_copy_start(struct call *call, const struct ddb_copy *copy);
/* One more copy needs the table's changes from now on. */
enum status ddb_copy_begin(struct call *call, struct ddb_table *table);
/* The items of an export's moment are there under `items_key`: it goes on (export.c). */
enum status ddb_export_begin(struct call *call, struct str id, int64_t items_key);
/* Clears a backup's items in the background (life.c). */
enum status ddb_purge_items(struct call *call, int64_t items_key);
/* Deletes or keeps what a table leaves behind: *out_is_kept when a backup took its items over. */
enum status ddb_backup_at_end(struct call *call, const struct ddb_table *table, bool *out_is_kept);
/* Whether changes must be kept, by detail.Pitr and detail.Copies. */
void ddb_log_decide(struct ddb_table *table);
/* Starts what drops changes that are too old. */
enum status ddb_log_watch(struct call *call, const struct ddb_table *table);
/* Its step. */
enum status ddb_log_trim(struct call *call, int64_t table_key, struct workflow *workflow,
                         enum workflow_next *out_next);

/* --- ttl.c --- */
/* All rows have their expires_at: items are deleted from now on. The caller saves the table. */
enum status ddb_ttl_ready(struct call *call, struct ddb_table *table);

/* --- authorize.c --- */
/* Asks for an action on a table, or on an index of it (index_name may be absent): what PartiQL's
 * handlers do per statement ("dynamodb:PartiQLSelect" ...). */
enum status ddb_authorize_table(struct call *call, struct str table_name, struct str index_name,
                                struct str action, const struct condition_value *conditions,
                                size_t condition_count);
enum status ddb_authorize(struct call *call, const void *in, struct authorization *out);

/* --- store_table.c: every one returns 0 (finders: 1 found, 0 not; counts) or -errno --- */

struct ddb_item_row {
    struct str hash;
    struct str range;
    struct str blob;
    int64_t size;
};

struct ddb_change_row {
    struct str hash;
    struct str range;
    int64_t number;
    struct str old_blob; /* absent: there was no such item */
};

struct ddb_backup {
    struct scope scope;
    struct str id; /* "01489602797149-73d8d5bc" */
    struct str name;
    struct str table_name;
    struct str table_id;
    int64_t created_at_ms;
    struct str status; /* CREATING, AVAILABLE */
    struct str type;   /* USER, SYSTEM */
    int64_t expires_at_ms;
    int64_t items_key; /* table_key of the copied items */
    int64_t item_count;
    int64_t size_bytes;
    struct str hot;    /* of the table when it was made */
    struct str detail; /* likewise */
};

MUST_CHECK int ddb_store_next_key(struct db *db, int64_t *out_key);
MUST_CHECK int ddb_store_find_table(struct db *db, struct arena *arena, struct scope scope,
                                    struct str name, bool with_detail,
                                    struct ddb_table **out_table);
MUST_CHECK int ddb_store_find_key(struct db *db, struct arena *arena, int64_t table_key,
                                  struct ddb_table **out_table);
MUST_CHECK int ddb_store_insert_table(struct db *db, const struct ddb_table *table, struct str hot,
                                      struct str detail);
MUST_CHECK int ddb_store_update_table(struct db *db, const struct ddb_table *table, struct str hot,
                                      struct str detail);
MUST_CHECK int ddb_store_delete_table(struct db *db, int64_t table_key);
MUST_CHECK int64_t ddb_store_list_tables(struct db *db, struct arena *arena, struct scope scope,
                                         struct str after, int64_t limit, struct str *out_names);
MUST_CHECK int ddb_store_measure(struct db *db, bool is_index, int64_t key, int64_t limit,
                                 int64_t *out_count, int64_t *out_bytes);
struct ddb_transfer;
MUST_CHECK int ddb_store_put_transfer(struct db *db, const struct ddb_transfer *transfer);
MUST_CHECK int ddb_store_find_transfer(struct db *db, struct arena *arena, struct scope scope,
                                       struct str id, struct ddb_transfer *out);
/* The latest with that token that was made after `since_ms`. */
MUST_CHECK int ddb_store_find_transfer_token(struct db *db, struct arena *arena, struct scope scope,
                                             bool is_import, struct str token, int64_t since_ms,
                                             struct ddb_transfer *out);
/* In order of id, behind `after`; table_arn empty: all. */
MUST_CHECK int64_t ddb_store_list_transfers(struct db *db, struct arena *arena, struct scope scope,
                                            bool is_import, struct str table_arn, struct str after,
                                            int64_t limit, struct ddb_transfer *out);
/* The tokens of a table or index. 1, 0 when nothing was ever taken, or -errno. */
MUST_CHECK int ddb_store_find_bucket(struct db *db, int64_t key, bool is_write, double *out_tokens,
                                     int64_t *out_filled_at_ms);
MUST_CHECK int ddb_store_put_bucket(struct db *db, int64_t key, bool is_write, double tokens,
                                    int64_t filled_at_ms);
MUST_CHECK int ddb_store_delete_buckets(struct db *db, int64_t key);
/* Where a count of a large table is: behind that key (hash, range; of an index also the table's).
 */
enum {
    DDB_COUNT_KEYS = 4,
};
struct ddb_count_place {
    struct str key[DDB_COUNT_KEYS];
    int64_t count;
    int64_t bytes;
};
/* Counts `limit` rows on. 1: there are more, 0: that was all, or -errno. */
MUST_CHECK int ddb_store_count_on(struct db *db, struct arena *arena, bool is_index, int64_t key,
                                  int64_t limit, struct ddb_count_place *place);
MUST_CHECK int64_t ddb_store_clear_items(struct db *db, int64_t table_key, int64_t limit);
MUST_CHECK int64_t ddb_store_clear_index(struct db *db, int64_t index_key, int64_t limit);
MUST_CHECK int64_t ddb_store_clear_changes(struct db *db, int64_t table_key, int64_t limit);
MUST_CHECK int64_t ddb_store_page_items(struct db *db, struct arena *arena, int64_t table_key,
                                        struct str after_hash, struct str after_range,
                                        int64_t limit, struct ddb_item_row *out_rows);
MUST_CHECK int ddb_store_put_row(struct db *db, int64_t table_key, const struct ddb_item_row *row);
MUST_CHECK int ddb_store_delete_row(struct db *db, int64_t table_key, struct str hash,
                                    struct str range);
MUST_CHECK int ddb_store_set_expiry(struct db *db, int64_t table_key, struct str hash,
                                    struct str range, struct opt_i64 expires_at);
MUST_CHECK int64_t ddb_store_page_expired(struct db *db, struct arena *arena, int64_t table_key,
                                          int64_t from, int64_t until, int64_t limit,
                                          struct ddb_item_row *out_rows);
/* The first expiry after `from`; 0: none. */
MUST_CHECK int ddb_store_next_expiry(struct db *db, int64_t table_key, int64_t from,
                                     int64_t *out_expires_at);

MUST_CHECK int ddb_store_log(struct db *db, const struct ddb_table *table, struct str hash,
                             struct str range, int64_t at_ms, struct str old_blob);
MUST_CHECK int64_t ddb_store_page_changes(struct db *db, struct arena *arena, int64_t table_key,
                                          const struct ddb_change_row *after, int64_t epoch,
                                          int64_t at_ms, int64_t limit,
                                          struct ddb_change_row *out_rows);
MUST_CHECK int64_t ddb_store_trim_changes(struct db *db, int64_t table_key, int64_t before_ms,
                                          int64_t limit);

MUST_CHECK int ddb_store_insert_stream(struct db *db, const struct ddb_stream *stream);
MUST_CHECK int ddb_store_close_stream(struct db *db, int64_t stream_key, int64_t at_ms);
MUST_CHECK int ddb_store_find_stream(struct db *db, struct arena *arena, struct scope scope,
                                     struct str table_name, struct str label,
                                     struct ddb_stream *out_stream);
MUST_CHECK int ddb_store_find_stream_key(struct db *db, struct arena *arena, int64_t stream_key,
                                         struct ddb_stream *out_stream);
/* In order of table and label, behind (after_table, after_label). */
MUST_CHECK int64_t ddb_store_list_streams(struct db *db, struct arena *arena, struct scope scope,
                                          struct str table_name, struct str after_table,
                                          struct str after_label, int64_t limit,
                                          struct ddb_stream *out_streams);
MUST_CHECK int ddb_store_delete_stream(struct db *db, int64_t stream_key);
MUST_CHECK int ddb_store_insert_shard(struct db *db, int64_t stream_key,
                                      const struct ddb_stream_shard *shard);
MUST_CHECK int ddb_store_close_shard(struct db *db, int64_t stream_key, struct str id, int64_t last,
                                     int64_t at_ms);
MUST_CHECK int64_t ddb_store_list_shards(struct db *db, struct arena *arena, int64_t stream_key,
                                         int64_t limit, struct ddb_stream_shard *out_shards);
/* Shards closed before that time. */
MUST_CHECK int ddb_store_trim_shards(struct db *db, int64_t stream_key, int64_t before_ms);
MUST_CHECK int ddb_store_open_slot(struct db *db, int64_t stream_key, int64_t slot,
                                   struct str shard_id, int64_t at_ms);
/* The next number of the slot; 1, or 0 when the stream has no such slot. */
MUST_CHECK int ddb_store_take_number(struct db *db, struct arena *arena, int64_t stream_key,
                                     int64_t slot, int64_t *out_number, struct str *out_shard_id,
                                     int64_t *out_opened_at_ms);
/* The last number given in the slot; 0 when there is none. */
MUST_CHECK int ddb_store_last_number(struct db *db, int64_t stream_key, int64_t slot,
                                     int64_t *out_number);
MUST_CHECK int ddb_store_insert_record(struct db *db, int64_t stream_key,
                                       const struct ddb_stream_record *record);
MUST_CHECK int64_t ddb_store_page_records(struct db *db, struct arena *arena, int64_t stream_key,
                                          int64_t slot, int64_t from, int64_t to, int64_t limit,
                                          struct ddb_stream_record *out_records);
/* Removes records made before that time, at most `limit`; the count. */
MUST_CHECK int64_t ddb_store_trim_records(struct db *db, int64_t stream_key, int64_t slot,
                                          int64_t before_ms, int64_t limit);
/* The first number that is kept in the slot; 0: none. */
MUST_CHECK int ddb_store_first_number(struct db *db, int64_t stream_key, int64_t slot,
                                      int64_t *out_number);

MUST_CHECK int ddb_store_insert_backup(struct db *db, const struct ddb_backup *backup);
MUST_CHECK int ddb_store_update_backup(struct db *db, const struct ddb_backup *backup);
MUST_CHECK int ddb_store_find_backup(struct db *db, struct arena *arena, struct scope scope,
                                     struct str table_name, struct str id,
                                     struct ddb_backup *out_backup);
MUST_CHECK int ddb_store_delete_backup(struct db *db, struct scope scope, struct str table_name,
                                       struct str id);
/* In order of id, behind `after`; table_name, type empty: all. */
MUST_CHECK int64_t ddb_store_list_backups(struct db *db, struct arena *arena, struct scope scope,
                                          struct str table_name, struct str type, int64_t from_ms,
                                          int64_t to_ms, struct str after, int64_t limit,
                                          struct ddb_backup *out_backups);

extern const struct migration_set dynamodb_migrations;
extern const struct resource_type dynamodb_resource_types[DDB_RESOURCE_TYPES];
