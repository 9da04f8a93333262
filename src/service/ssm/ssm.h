/* ssm.h — Parameter Store from inside. Private to this folder.
 *
 * A parameter is one row of ssm_parameter (what is true of all its versions: name, tags, which
 * version is the current one) and up to a hundred rows of ssm_version. A label is a row that points
 * at a version, so it can be on one version only.
 *
 * The key of a parameter is its name with a slash in front: "db" and "/db" have one ARN and are one
 * parameter. Below a path means: key from "PATH/" up to "PATH0", the character behind the slash;
 * directly below it: `parent` is the path.
 */
#pragma once

#include "engine/cfn/resource.h"
#include "service/ssm/ssm_public.h"
#include "ssm/ssm_api.h"
#include "store/db.h"

struct json;

enum {
    SSM_MAX_VERSIONS = 100, /* AWS: of a parameter */
    SSM_MAX_LABELS = 10,    /* AWS: of a version */
    SSM_MAX_NAMES = 10,     /* GetParameters and DeleteParameters: the model's bound */
    SSM_RESOURCE_TYPES = 1, /* of CloudFormation */
    SSM_STANDARD_VALUE = 4096,
    SSM_ADVANCED_VALUE = 8192,
};

#define SSM_STRING STR("String")
#define SSM_STRING_LIST STR("StringList")
#define SSM_SECURE_STRING STR("SecureString")
#define SSM_STANDARD STR("Standard")
#define SSM_ADVANCED STR("Advanced")

/* One version of a parameter. */
struct ssm_entry {
    struct scope scope;
    struct str key;
    struct str name; /* as it was created */
    struct str arn;  /* not a column */
    int64_t version;
    struct str type;
    struct str tier;
    struct str data_type;
    int64_t modified_at_ms;
    struct str modified_by; /* ARN */
    struct str description;
    struct str allowed_pattern;
    struct str key_id;   /* as it was asked for; empty unless SecureString */
    struct str policies; /* JSON array of {"Text", "Type", "Status", "At"}; see policy.c */
    struct str tags;     /* JSON object; of the parameter */
    struct str value;    /* SecureString: sealed (secure.c); absent when not asked for */
};

/* What a request means by a name. */
struct ssm_name {
    struct scope scope;
    struct str key;
    struct str name;     /* without selector; of an ARN the name it ends in */
    struct str selector; /* ":3", ":label", or empty */
    int64_t version;     /* 0: none asked for */
    struct str label;
    bool is_arn;
    bool is_public; /* /aws/service/... */
    bool is_secret; /* /aws/reference/secretsmanager/... */
};

/* --- name.c --- */

/* Takes a name of a request apart; fails the call with ValidationException when it cannot be one.
 */
enum status ssm_parse_name(struct call *call, struct str text, struct ssm_name *out_name);
/* The same for a name that is to be written: reserved prefixes, depth and length too. */
enum status ssm_parse_new_name(struct call *call, struct str text, struct ssm_name *out_name);
struct str ssm_arn(struct arena *arena, struct scope scope, struct str key);
/* "/a/b" of "/a/b/c"; empty of "/a". */
struct str ssm_parent(struct str key);
/* Path of GetParametersByPath or a Path filter: "" for "/", else without the slash at the end. */
enum status ssm_parse_path(struct call *call, struct str text, struct str *out_path);
/* ParameterNotFound with AWS's text. */
enum status ssm_missing(struct call *call, struct str name);

/* --- secure.c: SecureString --- */

/* Seals entry->value with the key that entry->key_id names. */
enum status ssm_seal(struct call *call, struct ssm_entry *entry);
/* The value to answer: opened when `decrypts`, else base64 of the ciphertext. */
enum status ssm_open(struct call *call, const struct ssm_entry *entry, bool decrypts,
                     struct str *out_value);

/* --- read.c --- */

/* The entry that the name and its selector mean; fails the call when there is none. */
enum status ssm_find(struct call *call, const struct ssm_name *name, struct ssm_entry *out_entry);
/* ... or the current version, whatever the selector. 1, 0 or -errno. */
MUST_CHECK int ssm_find_current(struct call *call, const struct ssm_name *name,
                                struct ssm_entry *out_entry);
/* As an answer shows it. */
enum status ssm_show(struct call *call, const struct ssm_entry *entry, bool decrypts,
                     struct ssm_parameter *out);

/* --- common.c: public parameters --- */

/* Whether /aws/service/... has that parameter in the region. */
bool ssm_public_find(struct call *call, struct str key, struct ssm_entry *out_entry);
/* Those below a path, in order of their names, after `after`. Returns how many (at most `limit`).
 */
size_t ssm_public_list(struct call *call, struct str path, bool is_recursive, struct str after,
                       size_t limit, struct ssm_entry *out_entries);

/* --- filter.c --- */

struct ssm_filter {
    struct str key;    /* "Name", "Type", "KeyId", "Path", "Label", "Tier", "DataType", "tag:..." */
    struct str option; /* "Equals", "BeginsWith", "Contains", "OneLevel", "Recursive" */
    const struct str *values;
    size_t value_count;
};
struct ssm_filters {
    struct ssm_filter *items;
    size_t count;
};
/* Checks filters; `by_path`: those of GetParametersByPath. */
enum status ssm_read_filters(struct call *call, const struct ssm_parameter_string_filter_list *in,
                             bool by_path, struct ssm_filters *out_filters);
/* All but Label, which is a matter of the query, and Path. */
bool ssm_matches(struct call *call, const struct ssm_filters *filters,
                 const struct ssm_entry *entry);
const struct ssm_filter *ssm_find_filter(const struct ssm_filters *filters, const char *key);
/* Paging: NextToken says after which key it goes on. */
enum status ssm_token_read(struct call *call, struct str token, struct str *out_after);
struct str ssm_token_write(struct call *call, struct str last);

/* --- policy.c: expiry and notifications --- */

/* Checks PutParameter's Policies and makes the column's text; *out_count tells how many there are.
 */
enum status ssm_read_policies(struct call *call, struct str text, struct str *out_policies,
                              size_t *out_count);
void ssm_show_policies(struct call *call, const struct ssm_entry *entry,
                       struct ssm_parameter_policy_list *out);
/* The parameter was written: its policies' time-table starts anew. */
enum status ssm_schedule(struct call *call, struct ssm_entry *entry);

/* --- event.c --- */

/* "Create", "Update", "Delete", "LabelParameterVersion". */
enum status ssm_put_change(struct call *call, const struct ssm_entry *entry, const char *operation);
enum status ssm_put_policy_action(struct call *call, const struct ssm_entry *entry, struct str type,
                                  struct str content);

/* --- parameter.c, tag.c, resource_policy.c --- */

enum status ssm_remove(struct call *call, const struct ssm_entry *entry);
/* Adds to the JSON object `tags`; checks. */
enum status ssm_add_tags(struct call *call, struct str tags, const struct ssm_tag_list *added,
                         struct str *out_tags);
/* Policy of a parameter for other accounts; absent when it has none. */
enum status ssm_resource_policy(struct call *call, struct str arn, struct str *out_policy);

/* --- service.c --- */

/* Asks for `action` ("ssm:GetParameter") on a named parameter, with its tags and policy. */
enum status ssm_may(struct call *call, const struct ssm_name *name, const char *action);

/* --- store.c: finders give 1 (found) or 0, lists a count, others 0; all -errno --- */

MUST_CHECK int ssm_store_find(struct db *db, struct arena *arena, struct scope scope,
                              struct str key, struct ssm_entry *out_entry);
/* The current versions of up to SSM_MAX_NAMES keys, in any order. */
MUST_CHECK int64_t ssm_store_find_many(struct db *db, struct arena *arena, struct scope scope,
                                       const struct str *keys, size_t count,
                                       struct ssm_entry *out_entries);
MUST_CHECK int ssm_store_find_version(struct db *db, struct arena *arena, struct scope scope,
                                      struct str key, int64_t version, struct ssm_entry *out_entry);
MUST_CHECK int ssm_store_find_label(struct db *db, struct arena *arena, struct scope scope,
                                    struct str key, struct str label, struct ssm_entry *out_entry);
MUST_CHECK int ssm_store_insert(struct db *db, const struct ssm_entry *entry);
MUST_CHECK int ssm_store_set_current(struct db *db, const struct ssm_entry *entry);
MUST_CHECK int ssm_store_put_version(struct db *db, const struct ssm_entry *entry);
MUST_CHECK int ssm_store_set_tags(struct db *db, const struct ssm_entry *entry);
MUST_CHECK int ssm_store_set_policies(struct db *db, const struct ssm_entry *entry);
MUST_CHECK int ssm_store_delete(struct db *db, struct scope scope, struct str key);
MUST_CHECK int ssm_store_delete_version(struct db *db, struct scope scope, struct str key,
                                        int64_t version);
/* How many parameters of a tier the scope has, as far as `limit`. */
MUST_CHECK int64_t ssm_store_count(struct db *db, struct scope scope, struct str tier,
                                   int64_t limit);
/* The oldest version and how many there are. */
MUST_CHECK int ssm_store_versions(struct db *db, struct scope scope, struct str key,
                                  int64_t *out_oldest, int64_t *out_count);
struct ssm_range {
    struct str path;  /* "": everything */
    struct str after; /* key */
    bool is_direct;   /* directly below the path */
    bool has_values;
    struct str label; /* not empty: the versions with that label instead of the current ones */
};
MUST_CHECK int64_t ssm_store_list(struct db *db, struct arena *arena, struct scope scope,
                                  const struct ssm_range *range, int64_t limit,
                                  struct ssm_entry *out_entries);
/* Versions from `after` on, oldest first. */
MUST_CHECK int64_t ssm_store_history(struct db *db, struct arena *arena, struct scope scope,
                                     struct str key, int64_t after, int64_t limit,
                                     struct ssm_entry *out_entries);
struct ssm_label {
    struct str name;
    int64_t version;
};
MUST_CHECK int64_t ssm_store_labels(struct db *db, struct arena *arena, struct scope scope,
                                    struct str key, int64_t limit, struct ssm_label *out_labels);
MUST_CHECK int ssm_store_put_label(struct db *db, struct scope scope, struct str key,
                                   struct str label, int64_t version);
MUST_CHECK int ssm_store_delete_label(struct db *db, struct scope scope, struct str key,
                                      struct str label);
struct ssm_policy_row {
    struct str arn;
    struct str id;
    struct str hash;
    struct str policy;
};
MUST_CHECK int ssm_store_find_policy(struct db *db, struct arena *arena, struct str arn,
                                     struct ssm_policy_row *out_row);
MUST_CHECK int ssm_store_put_policy(struct db *db, struct scope scope,
                                    const struct ssm_policy_row *row);
MUST_CHECK int ssm_store_delete_policy(struct db *db, struct str arn);
/* Policies of other accounts' resources in the region, after an ARN. */
MUST_CHECK int64_t ssm_store_list_policies(struct db *db, struct arena *arena, struct scope scope,
                                           struct str after, int64_t limit,
                                           struct ssm_policy_row *out_rows);

extern const struct migration_set ssm_migrations;
extern const struct resource_type ssm_resource_types[];

/* handlers */
ssm_add_tags_to_resource_fn ssm_add_tags_to_resource;
ssm_delete_parameter_fn ssm_delete_parameter;
ssm_delete_parameters_fn ssm_delete_parameters;
ssm_delete_resource_policy_fn ssm_delete_resource_policy;
ssm_describe_parameters_fn ssm_describe_parameters;
ssm_get_parameter_fn ssm_get_parameter;
ssm_get_parameter_history_fn ssm_get_parameter_history;
ssm_get_parameters_fn ssm_get_parameters;
ssm_get_parameters_by_path_fn ssm_get_parameters_by_path;
ssm_get_resource_policies_fn ssm_get_resource_policies;
ssm_label_parameter_version_fn ssm_label_parameter_version;
ssm_list_tags_for_resource_fn ssm_list_tags_for_resource;
ssm_put_parameter_fn ssm_put_parameter;
ssm_put_resource_policy_fn ssm_put_resource_policy;
ssm_remove_tags_from_resource_fn ssm_remove_tags_from_resource;
ssm_unlabel_parameter_version_fn ssm_unlabel_parameter_version;
extern const struct ssm_handlers ssm_handlers;
