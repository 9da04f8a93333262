/* sts.h — private to the folder. */
#pragma once

#include "service/sts/sts_public.h"
#include "sts/sts_api.h"

extern const struct sts_handlers sts_handlers;
extern const struct migration_set sts_migrations;

/* The key that seals this store's session tokens: 1 found, 0 none yet, or -errno. */
MUST_CHECK int sts_store_find_key(struct db *db, struct arena *arena, struct str *out_key);
/* Puts the key unless there is one. 0 or -errno. */
MUST_CHECK int sts_store_put_key(struct db *db, struct str key);

/* The keys of an identity provider as it published them. */
struct sts_key_set {
    struct str issuer;
    struct str document; /* JSON text; empty: they could not be fetched */
    int64_t fetched_at_ms;
};
/* 1: found, 0: never asked, or -errno. */
MUST_CHECK int sts_store_find_key_set(struct db *db, struct arena *arena, struct str issuer,
                                      struct sts_key_set *out_set);
/* Inserts or replaces. */
MUST_CHECK int sts_store_put_key_set(struct db *db, const struct sts_key_set *set);

/* key_set.c: the provider's keys (a JSON object), fetched if need be: then the call waits. NULL
 * when they cannot be had. `must_be_fresh`: the kept ones do not serve. */
enum status sts_find_key_set(struct call *call, struct str issuer, struct str thumbprints,
                             bool must_be_fresh, struct json **out_set);

/* session.c: checks the session policies of a request and gathers their texts. `has_any` tells
 * whether the request gave a policy at all. */
struct sts_policy_request {
    struct str policy;
    const struct sts_policy_descriptor_list_type *policy_arns;
    const struct sts_tag_list_type *tags;
};
enum status sts_gather_policies(struct call *call, const struct sts_policy_request *request,
                                struct json **out_policies);
/* Tags as an object; refuses doubled keys. NULL when there are none. */
enum status sts_gather_tags(struct call *call, const struct sts_tag_list_type *tags,
                            struct json **out_tags);
/* How much of the packed size is used, in per cent; absent when nothing was passed. */
struct opt_i32 sts_packed_size(const struct sts_policy_request *request);
/* Issues and fills the answer's Credentials. */
enum status sts_credentials_for(struct call *call, const struct sts_session *session,
                                struct sts_credentials **out_credentials);

/* role.c: what the ways to a role's session share. */
enum {
    STS_MAX_CONDITIONS = 64, /* a handful of keys, and one per session tag (at most 50) */
};
struct sts_conditions {
    struct condition_value items[STS_MAX_CONDITIONS];
    size_t count;
};
/* Nothing is added for an absent value, or for what is no list. */
void sts_add_condition(struct arena *arena, struct sts_conditions *conditions, struct str key,
                       struct str value);
void sts_add_conditions(struct arena *arena, struct sts_conditions *conditions, struct str key,
                        const struct json *list);
/* arn:aws:iam::ACCOUNT:role/PATH/NAME */
bool sts_split_role_arn(struct str arn, struct str *out_account, struct str *out_name);

struct iam_role_row;
struct sts_role_request {
    const struct iam_role_row *role;
    struct str account; /* of the role */
    struct str session_name;
    struct sts_policy_request policies;
    struct json *tags; /* of the session, or NULL */
    int64_t seconds;
    bool is_federated; /* with a token instead of credentials: no chaining */
};
/* The trust policy allowed it: issues the session. */
enum status sts_open_role_session(struct call *call, const struct sts_role_request *request,
                                  struct sts_assumed_role_user **out_user,
                                  struct sts_credentials **out_credentials);

sts_assume_role_fn sts_assume_role;
sts_assume_role_with_web_identity_fn sts_assume_role_with_web_identity;
sts_get_session_token_fn sts_get_session_token;
sts_get_federation_token_fn sts_get_federation_token;
sts_get_caller_identity_fn sts_get_caller_identity;
sts_get_access_key_info_fn sts_get_access_key_info;
sts_decode_authorization_message_fn sts_decode_authorization_message;
sts_get_web_identity_token_fn sts_get_web_identity_token;
