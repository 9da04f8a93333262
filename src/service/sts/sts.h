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

sts_assume_role_fn sts_assume_role;
sts_get_session_token_fn sts_get_session_token;
sts_get_federation_token_fn sts_get_federation_token;
sts_get_caller_identity_fn sts_get_caller_identity;
sts_get_access_key_info_fn sts_get_access_key_info;
sts_decode_authorization_message_fn sts_decode_authorization_message;
sts_get_web_identity_token_fn sts_get_web_identity_token;
