/* sts_public.h — sessions: temporary credentials of roles and users.
 */
#pragma once

#include "engine/workflow/workflow.h"
#include "wire/identity.h"
#include "wire/service.h"

struct json;

extern const struct service sts_service;
/* Fetches the keys of an identity provider; its id is the issuer's URL. */
extern const struct workflow_kind sts_keys_kind;

/* What a session is made of. */
struct sts_session {
    enum principal_kind kind; /* ASSUMED_ROLE, FEDERATED_USER, USER or ROOT (GetSessionToken) */
    struct str account;
    struct str arn;
    struct str user_id;
    struct str name;
    struct str session_name;
    struct str role_arn;
    struct json *policies; /* array of documents, or NULL */
    struct json *tags;     /* object, or NULL */
    int64_t expires_at_ms;
};

struct sts_issued {
    struct str access_key_id; /* ASIA... */
    struct str secret_access_key;
    struct str session_token;
};

/* Makes credentials for a session; nothing is stored but, once, the store's sealing key. Runs in
 * the call's transaction. Returns 0 or -errno. */
MUST_CHECK int sts_issue(struct call *call, const struct sts_session *session,
                         struct sts_issued *out_issued);

/* The principal that a session of `role` has, for engines that act as a role without credentials.
 */
struct iam_role_row;
struct principal sts_role_principal(struct call *call, const struct iam_role_row *role,
                                    struct str account, struct str session_name);

/* identity_source.open_session. */
MUST_CHECK int sts_open_session(struct db *db, struct arena *arena, struct str access_key_id,
                                struct str session_token, struct access_key *out_key);
