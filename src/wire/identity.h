/* identity.h — from an access key to a principal and its policies.
 *
 * The rule (ARCHITECTURE §2): a key id of 12 digits is the root of that account; a key that IAM or
 * STS issued is that user or session, its signature is checked and its policies are enforced;
 * anything else is the root of the default account, or refused under --strict-auth. What keys exist
 * is known by a service (IAM, STS), which hands its look-ups to the runtime as a table: this layer
 * includes no service.
 */
#pragma once

#include "auth/policy.h"
#include "auth/sigv4.h"
#include "wire/call.h"

struct arena;
struct db;
struct runtime;

/* Root of this account is whoever sends a key that nobody issued. */
#define IDENTITY_DEFAULT_ACCOUNT "000000000000"

/* What a source knows about an access key. */
struct access_key {
    struct str secret; /* the secret key, for the signature */
    struct principal principal;
    bool is_active;        /* false: InvalidClientTokenId */
    int64_t expires_at_ms; /* 0: never; past: ExpiredToken */
};

/* Documents that apply to a principal, as JSON text. */
struct principal_policies {
    const struct str *identity; /* attached and inline, user and groups */
    size_t identity_count;
    struct str boundary;                /* absent: none */
    const struct condition_value *tags; /* aws:PrincipalTag/... keys and values */
    size_t tag_count;
};

struct identity_source {
    /* Whether the key id has the form of one that was issued here (then an unknown one is refused
     * instead of becoming the default root). */
    bool (*is_issued)(struct str access_key_id);
    /* A long-term key. 1: found, 0: not there, <0: -errno. */
    int (*find_key)(struct db *db, struct arena *arena, struct str access_key_id,
                    struct access_key *out_key);
    /* A temporary key with its token. 1: found, 0: the token is not valid, <0: -errno. */
    int (*open_session)(struct db *db, struct arena *arena, struct str access_key_id,
                        struct str session_token, struct access_key *out_key);
    /* Policies of a user, role or federated user. 0 or -errno. A principal that is gone has none.
     */
    int (*load_policies)(struct db *db, struct arena *arena, const struct principal *principal,
                         struct principal_policies *out_policies);
};

/* Why nobody could be identified. The error is the one to answer. */
struct identity_problem {
    const struct api_error *error;
    struct str message;
};

extern const struct api_error
    ERROR_INVALID_CLIENT_TOKEN_ID; /* UnrecognizedClientException in JSON */
extern const struct api_error ERROR_EXPIRED_TOKEN;
extern const struct api_error ERROR_SIGNATURE_DOES_NOT_MATCH;
extern const struct api_error ERROR_INCOMPLETE_SIGNATURE;
extern const struct api_error ERROR_MISSING_AUTHENTICATION_TOKEN;
extern const struct api_error ERROR_REQUEST_EXPIRED;
extern const struct api_error ERROR_INVALID_SIGNATURE_SCHEME;

/* What a signed request shows of its sender. */
struct identity_request {
    const struct sig_request *request;
    const struct sig *sig; /* read by sig_parse; signed in some way */
    struct str body;       /* hashed when a signature must be checked; absent: the body is a stream
                              and the hash is taken as sent */
    struct str service;    /* the scope must name this service; empty: any */
    struct str region;     /* the scope must name this region; empty: any */
    int64_t real_now_ms;   /* time that signatures are compared with */
    int64_t now_ms;        /* movable clock, by which sessions end */
    struct str *out_secret_key; /* the key the signature was checked with, for what is signed later
                                   (chunks of a stream), in the arena; or NULL */
};

/* Identifies the caller and checks the signature. Returns 0 with *out_principal (living in the
 * arena), -EACCES with *out_problem, or another -errno of the store. */
MUST_CHECK int identity_resolve(struct runtime *runtime, struct db *db, struct arena *arena,
                                const struct identity_request *asked,
                                const struct principal **out_principal,
                                struct identity_problem *out_problem);

/* Words why a signature was refused, as the service does: S3 has codes of its own. */
void identity_word_problem(bool is_s3_style, enum sig_scheme scheme, enum sig_result result,
                           struct str detail, struct identity_problem *out_problem);

/* A key that nobody issued or that is switched off, and a session that has ended. */
void identity_refuse_key(bool is_s3_style, bool is_session, struct identity_problem *out_problem);
void identity_refuse_expired(bool is_s3_style, struct identity_problem *out_problem);

/* The root of an account, and a service of Virga's own, as principals. */
struct principal identity_root(struct arena *arena, struct str account);
struct principal identity_service(struct arena *arena, struct str account, struct str service);

/* The root of a namespace of its own for an access key id, whatever it is: 12 digits are that
 * account, anything else an account that is made from the text and always the same. For doors where
 * nobody is checked. */
struct principal identity_namespace(struct arena *arena, struct str access_key_id);

/* Canonical user id of an account, 64 hex digits: how S3's policies and owners name it. */
struct str identity_canonical_user(struct arena *arena, struct str account);

/* Drops what this thread cached if it is stale or too much. Everything that identity_policies and
 * identity_compile gave out ends here. Called before each transaction, and never inside: what the
 * transaction's snapshot shows must not be kept as newer than the snapshot is. */
void identity_refresh(void);
/* The running transaction changed identities (call_notify on IDENTITY_CHANNEL): until the next
 * identity_refresh nothing is taken from the cache. */
void identity_written(void);

/* The policies of a principal, compiled. Cached per thread until IAM changes (see
 * identity_changed). Returns 0 or -errno. The result lives until identity_refresh. */
MUST_CHECK int identity_policies(struct runtime *runtime, struct db *db, struct arena *arena,
                                 const struct principal *principal, struct policy_set *out_identity,
                                 const struct policy **out_boundary,
                                 const struct condition_value **out_tags, size_t *out_tag_count);

/* Compiles a policy document that is not an identity's (resource, session, trust policies); cached
 * per thread by its text. NULL when it is malformed. Valid until identity_refresh. */
const struct policy *identity_compile(struct str document, enum policy_kind kind);

/* Everything cached is stale: called when a commit notified IDENTITY_CHANNEL. Thread-safe. */
#define IDENTITY_CHANNEL "identity"
void identity_changed(void);
/* Frees what this thread cached; called when a worker ends. */
void identity_thread_end(void);
