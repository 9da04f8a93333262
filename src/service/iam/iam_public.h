/* iam_public.h — what STS, the engines and the program need of IAM.
 */
#pragma once

#include "wire/identity.h"
#include "wire/service.h"

extern const struct service iam_service;

struct iam_tag_row {
    struct str key;
    struct str value;
};

/* A role as others see it. */
struct iam_role_row {
    struct str name;
    struct str path;
    struct str arn;
    struct str id;               /* AROA... */
    struct str trust_policy;     /* JSON text */
    int64_t max_session_seconds; /* 3600 to 43200 */
    const struct iam_tag_row *tags;
    size_t tag_count;
};

/* Looks a role up by account and name. 1: found, 0: not there, or -errno. */
MUST_CHECK int iam_find_role(struct db *db, struct arena *arena, struct str account,
                             struct str name, struct iam_role_row *out_role);
/* Notes that the role was used ("RoleLastUsed"); inside the caller's write transaction. */
MUST_CHECK int iam_note_role_used(struct db *db, struct str account, struct str name,
                                  struct str region, int64_t now_ms);
/* The document of a managed policy (customer's or AWS's) by ARN, default version. 1, 0 or -errno.
 */
MUST_CHECK int iam_find_policy_document(struct db *db, struct arena *arena, struct str account,
                                        struct str arn, struct str *out_document);
/* An OpenID Connect provider of the account, by its URL without the scheme. */
struct iam_oidc_provider {
    struct str arn;
    const struct str *clients; /* audiences it takes */
    size_t client_count;
    struct str thumbprints; /* lower-case hex, with commas between */
};
/* 1: found, 0: not there, or -errno. */
MUST_CHECK int iam_find_oidc_provider(struct db *db, struct arena *arena, struct str account,
                                      struct str name, struct iam_oidc_provider *out_provider);
/* Tags of a user, for sessions made by it. */
MUST_CHECK int iam_find_user_tags(struct db *db, struct arena *arena, struct str account,
                                  struct str name, const struct iam_tag_row **out_tags,
                                  size_t *out_count);

/* For the identity source (service/identity.c): long-term keys and policies of users and roles.
 * Same contracts as struct identity_source. */
MUST_CHECK int iam_find_access_key(struct db *db, struct arena *arena, struct str access_key_id,
                                   struct access_key *out_key);
MUST_CHECK int iam_load_policies(struct db *db, struct arena *arena,
                                 const struct principal *principal,
                                 struct principal_policies *out_policies);
