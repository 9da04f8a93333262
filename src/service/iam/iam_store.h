/* iam_store.h — private to the folder: what IAM keeps, and how its rows are reached.
 *
 * Users, groups, roles, instance profiles and customer managed policies are rows of one table,
 * iam_entity, told apart by their kind: names, paths, unique ids, tags and boundaries work alike
 * for all of them. What hangs on an entity names it by its unique id. This header includes nothing
 * of the generated API, so that public.c can implement iam_public.h, whose `struct iam_role_row`
 * and `struct iam_tag_row` are others than the API's.
 *
 * Functions return 0 or a negative errno unless they say more; those that look something up return
 * 1 (found), 0 (not there) or a negative errno.
 */
#pragma once

#include "base/vec.h"
#include "store/db.h"

enum iam_kind {
    IAM_KIND_USER,
    IAM_KIND_GROUP,
    IAM_KIND_ROLE,
    IAM_KIND_PROFILE,
    IAM_KIND_POLICY,
};

enum {
    IAM_KIND_COUNT = IAM_KIND_POLICY + 1,
    IAM_ALL = 100000, /* page size of "everything": above every quota of an account */
};

struct iam_entity {
    struct str id;      /* AIDA..., AGPA..., AROA..., AIPA..., ANPA... */
    struct str account; /* 12 digits */
    enum iam_kind kind;
    struct str name; /* as given; unique without regard to case */
    struct str path; /* "/" or "/a/b/" */
    int64_t created_at_ms;
    int64_t updated_at_ms;
    struct str description;      /* absent: none */
    struct str boundary_arn;     /* user, role: permissions boundary; absent: none */
    struct str tags;             /* JSON object, sorted by key */
    struct str trust_policy;     /* role: JSON text, principals by unique id */
    int64_t max_session_seconds; /* role */
    int64_t last_used_at_ms;     /* role: 0 never; user: of the password */
    struct str last_used_region; /* role; absent: never */
    int64_t default_version;     /* policy */
    int64_t last_version;        /* policy: highest number ever given */
};

/* A part of a sorted list: what comes after a key, at most `limit` items. */
struct iam_range {
    struct str after; /* empty: from the start */
    size_t limit;
};

extern const struct iam_range IAM_EVERYTHING;
extern const struct migration_set iam_migrations;
/* Tables of store_account.c, one of the migrations. */
extern const char iam_account_migration[];

struct iam_inline_policy {
    struct str name;
    struct str document;
};

struct iam_version {
    int64_t number;
    struct str document;
    int64_t created_at_ms;
};

/* An access key. `user_id` is the account id for a key of the root. */
struct iam_key_row {
    struct str key_id;
    struct str account;
    struct str user_id;
    struct str secret;
    struct str status; /* "Active" or "Inactive" */
    int64_t created_at_ms;
};

/* Other credentials of a user; `kind` says which. */
enum iam_credential_kind {
    IAM_CREDENTIAL_LOGIN,       /* id is the user's; secret is the password's hash, label its salt,
                                   status "reset" when it must be changed */
    IAM_CREDENTIAL_SSH_KEY,     /* body is the key, label the fingerprint */
    IAM_CREDENTIAL_CERTIFICATE, /* body is PEM */
    IAM_CREDENTIAL_SERVICE,     /* label is the service, body the user name, secret the password */
};

struct iam_credential {
    struct str id;
    enum iam_credential_kind kind;
    struct str account;
    struct str user_id;
    struct str status;
    struct str label;
    struct str body;
    struct str secret;
    int64_t created_at_ms;
    int64_t expires_at_ms; /* 0: never */
};

/* Entities. */
MUST_CHECK int iam_store_find(struct db *db, struct arena *arena, struct str account,
                              enum iam_kind kind, struct str name, struct iam_entity **out_entity);
MUST_CHECK int iam_store_find_by_id(struct db *db, struct arena *arena, struct str id,
                                    struct iam_entity **out_entity);
MUST_CHECK int iam_store_insert(struct db *db, const struct iam_entity *entity);
/* Writes every column of the row with the entity's id. */
MUST_CHECK int iam_store_update(struct db *db, const struct iam_entity *entity);
/* Removes the row and what hangs on it: inline policies, attachments, versions, links. */
MUST_CHECK int iam_store_delete(struct db *db, struct str id);
/* Pushes entities of a kind, by name. */
MUST_CHECK int iam_store_list(struct db *db, struct arena *arena, struct str account,
                              enum iam_kind kind, struct str path_prefix, struct iam_range range,
                              struct vec *out_entities);
MUST_CHECK int iam_store_count(struct db *db, struct str account, enum iam_kind kind,
                               int64_t *out_count);
MUST_CHECK int iam_store_note_role_used(struct db *db, struct str account, struct str name,
                                        struct str region, int64_t now_ms);

/* Inline policies. */
MUST_CHECK int iam_store_put_inline(struct db *db, struct str entity_id, struct str name,
                                    struct str document);
MUST_CHECK int iam_store_find_inline(struct db *db, struct arena *arena, struct str entity_id,
                                     struct str name, struct str *out_document);
/* Returns the number of rows removed or -errno. */
MUST_CHECK int iam_store_delete_inline(struct db *db, struct str entity_id, struct str name);
/* Pushes struct iam_inline_policy, by name. */
MUST_CHECK int iam_store_list_inline(struct db *db, struct arena *arena, struct str entity_id,
                                     struct iam_range range, struct vec *out_policies);

/* Attached managed policies. */
MUST_CHECK int iam_store_attach(struct db *db, const struct iam_entity *entity,
                                struct str policy_arn);
MUST_CHECK int iam_store_detach(struct db *db, struct str entity_id, struct str policy_arn);
/* Pushes struct str, policy ARNs in order. */
MUST_CHECK int iam_store_list_attached(struct db *db, struct arena *arena, struct str entity_id,
                                       struct iam_range range, struct vec *out_arns);
/* Pushes the entities that have the policy attached (or as boundary), by id. */
MUST_CHECK int iam_store_list_holders(struct db *db, struct arena *arena, struct str account,
                                      struct str policy_arn, bool as_boundary,
                                      struct iam_range range, struct vec *out_entities);
MUST_CHECK int iam_store_count_holders(struct db *db, struct str account, struct str policy_arn,
                                       bool as_boundary, int64_t *out_count);

/* Versions of customer managed policies. */
MUST_CHECK int iam_store_put_version(struct db *db, struct str policy_id,
                                     const struct iam_version *version);
MUST_CHECK int iam_store_find_version(struct db *db, struct arena *arena, struct str policy_id,
                                      int64_t number, struct iam_version *out_version);
MUST_CHECK int iam_store_delete_version(struct db *db, struct str policy_id, int64_t number);
/* Pushes struct iam_version, the newest first. */
MUST_CHECK int iam_store_list_versions(struct db *db, struct arena *arena, struct str policy_id,
                                       struct vec *out_versions);

/* Links: users in groups, roles in instance profiles. */
MUST_CHECK int iam_store_link(struct db *db, struct str owner_id, struct str member_id);
MUST_CHECK int iam_store_unlink(struct db *db, struct str owner_id, struct str member_id);
/* Push entities by name: what is in the owner; what the member is in. */
MUST_CHECK int iam_store_list_members(struct db *db, struct arena *arena, struct str owner_id,
                                      struct iam_range range, struct vec *out_entities);
MUST_CHECK int iam_store_list_owners(struct db *db, struct arena *arena, struct str member_id,
                                     struct iam_range range, struct vec *out_entities);

/* Access keys (store_credential.c, as all that follow). */
MUST_CHECK int iam_store_find_key(struct db *db, struct arena *arena, struct str key_id,
                                  struct iam_key_row *out_key);
MUST_CHECK int iam_store_insert_key(struct db *db, const struct iam_key_row *key);
MUST_CHECK int iam_store_set_key_status(struct db *db, struct str key_id, struct str status);
MUST_CHECK int iam_store_delete_key(struct db *db, struct str key_id);
/* Pushes struct iam_key_row, by key id. */
MUST_CHECK int iam_store_list_keys(struct db *db, struct arena *arena, struct str account,
                                   struct str user_id, struct iam_range range,
                                   struct vec *out_keys);

/* Other credentials. */
MUST_CHECK int iam_store_find_credential(struct db *db, struct arena *arena,
                                         enum iam_credential_kind kind, struct str id,
                                         struct iam_credential *out_credential);
/* Inserts, or replaces the one with the same id. */
MUST_CHECK int iam_store_put_credential(struct db *db, const struct iam_credential *credential);
MUST_CHECK int iam_store_delete_credential(struct db *db, struct str id);
/* Pushes struct iam_credential, by id; an absent user_id means all users of the account. */
MUST_CHECK int iam_store_list_credentials(struct db *db, struct arena *arena,
                                          enum iam_credential_kind kind, struct str account,
                                          struct str user_id, struct iam_range range,
                                          struct vec *out_credentials);

/* Managed policies, the customer's and AWS's (managed.c). */
struct iam_aws_policy;
struct iam_managed {
    struct str arn;
    struct str id;
    struct str name;
    struct str path;
    struct str description;
    struct str tags; /* JSON object */
    int64_t default_version;
    int64_t created_at_ms;
    int64_t updated_at_ms;
    struct iam_entity *entity;         /* of a customer's */
    const struct iam_aws_policy *from; /* of AWS's */
};

/* "arn:aws:iam::ACCOUNT:role/path/NAME" of an entity. */
struct str iam_entity_arn(struct arena *arena, const struct iam_entity *entity);
/* Takes an ARN of IAM apart: type "role", path "/", name. False when it is none. */
bool iam_split_arn(struct str arn, struct str *out_account, struct str *out_type,
                   struct str *out_path, struct str *out_name);
MUST_CHECK int iam_managed_find(struct db *db, struct arena *arena, struct str account,
                                struct str arn, struct iam_managed *out_managed);
void iam_managed_of(struct arena *arena, struct iam_entity *entity, struct iam_managed *out);
/* The document of a version; an AWS managed policy has only its default. */
MUST_CHECK int iam_managed_version(struct db *db, struct arena *arena,
                                   const struct iam_managed *managed, int64_t number,
                                   struct iam_version *out_version);

/* AWS managed policies (aws_policies.c). */
size_t iam_aws_policy_count(void);
void iam_aws_policy_at(struct arena *arena, size_t index, struct iam_managed *out);
bool iam_aws_policy_find(struct arena *arena, struct str arn, struct iam_managed *out);
/* The document, written from the table's compact form. */
struct str iam_aws_policy_document(struct arena *arena, const struct iam_aws_policy *policy);

/* Trust policies keep principals by unique id (trust.c), as AWS does: one that was deleted and made
 * anew is not trusted. `to_ids` replaces the ARNs of users and roles by ids and returns -ENOENT
 * with *out_type and *out_missing when one does not exist; `to_arns` undoes it for those who still
 * do. */
MUST_CHECK int iam_trust_to_ids(struct db *db, struct arena *arena, struct str document,
                                struct str *out_document, struct str *out_missing);
MUST_CHECK int iam_trust_to_arns(struct db *db, struct arena *arena, struct str document,
                                 struct str *out_document);
