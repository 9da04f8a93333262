/* policy.h — the IAM policy language as a pure library: documents in, decision out.
 *
 * Docs: IAM user guide, "Policy evaluation logic", "IAM JSON policy elements reference". A document
 * is compiled once (policy_parse) and evaluated many times. Everything lives in an arena; a
 * compiled policy is immutable and may be shared by threads.
 */
#pragma once

#include "base/str.h"

struct arena;
struct json;
struct policy;

enum {
    POLICY_MAX_BYTES = 256 * 1024, /* far above IAM's 10,240 and S3's 20 KiB: limits parsing only */
    POLICY_MAX_STATEMENTS = 1000,
};

/* What a document is used as: decides which elements it must and must not have, and which of
 * AWS's two validators words the errors. A POLICY_RESOURCE document may leave out Resource (ECR and
 * others forbid it): then a statement is about the resource that the policy is attached to. */
enum policy_kind {
    POLICY_IDENTITY, /* no Principal; Resource required */
    POLICY_RESOURCE, /* Principal required */
    POLICY_TRUST,    /* Principal required, no Resource */
    POLICY_BOUNDARY,
    POLICY_SESSION,
    POLICY_MANAGED, /* as POLICY_IDENTITY, and Version must be 2012-10-17 (CreatePolicy) */
};

struct policy_error {
    struct str message; /* as IAM words it for MalformedPolicyDocument */
};

/* Compiles a JSON document, which is copied into the arena. Returns 0 or -EINVAL with *out_error
 * (e.g. "Syntax errors in policy.", "Policy statement must contain actions.", "Has prohibited field
 * Resource"). */
MUST_CHECK int policy_parse(struct arena *arena, struct str document, enum policy_kind kind,
                            struct policy **out_policy, struct policy_error *out_error);

/* A context key and its values: multi-valued keys are what ForAnyValue/ForAllValues look at. */
struct policy_context_key {
    struct str key; /* "aws:SourceIp"; matched without regard to case */
    const struct str *values;
    size_t value_count;
};

struct policy_context {
    const struct policy_context_key *keys;
    size_t key_count;
};

/* Who asks, as principals in resource and trust policies see it. */
struct policy_principal {
    struct str account;   /* 12 digits; empty: anonymous or service */
    struct str arn;       /* user, role session or root ARN; empty: anonymous */
    struct str role_arn;  /* of a role session: the role's ARN; of a federated user: the ARN of the
                             user who called GetFederationToken; else empty */
    struct str user_id;   /* "AIDA...": what an AWS principal written as unique id matches */
    struct str role_id;   /* "AROA..." of a role session */
    struct str service;   /* "cloudformation.amazonaws.com" when a service asks */
    struct str federated; /* provider ARN or name for AssumeRoleWithWebIdentity/SAML */
    bool is_root;
    bool is_federated_user;    /* of GetFederationToken: arn is ":federated-user/..." */
    struct str canonical_user; /* canonical user id of the account, for S3; may be absent */
};

struct policy_request {
    struct policy_principal principal;
    struct str action;           /* "sqs:SendMessage" */
    struct str resource;         /* ARN or "*" */
    struct str resource_account; /* owner of the resource */
    const struct policy_context *context;
};

struct policy_set {
    const struct policy *const *policies;
    size_t count;
};

/* All that applies to a request; a set that does not apply has has_... false. */
struct policy_inputs {
    struct policy_set identity; /* of the user with its groups, or of the role */
    struct policy_set resource; /* 0 or 1 */
    struct policy_set boundary; /* permissions boundary */
    bool has_boundary;
    struct policy_set session; /* passed to AssumeRole / GetFederationToken */
    bool has_session;
    struct policy_set service_control;
    bool has_service_control;
    bool
        resource_policy_required; /* KMS keys, role trust: identity policies alone do not suffice */
};

enum policy_decision {
    POLICY_ALLOWED,
    POLICY_EXPLICIT_DENY,
    POLICY_IMPLICIT_DENY,
};

enum policy_source {
    POLICY_SOURCE_NONE,
    POLICY_SOURCE_IDENTITY,
    POLICY_SOURCE_RESOURCE,
    POLICY_SOURCE_BOUNDARY,
    POLICY_SOURCE_SESSION,
    POLICY_SOURCE_SERVICE_CONTROL,
};

struct policy_result {
    enum policy_decision decision;
    enum policy_source source;   /* which kind decided, or of an implicit deny lacks an Allow, for
                                    AWS's error text; NONE: the root user's own right */
    const struct policy *policy; /* that decided, when one did */
    size_t statement_index;
    const struct str *missing_context; /* keys that conditions asked for and were absent */
    size_t missing_count;
};

/* Decides by AWS's evaluation logic, same-account and cross-account. `arena` holds scratch and
 * missing_context. */
struct policy_result policy_evaluate(struct arena *arena, const struct policy_request *request,
                                     const struct policy_inputs *inputs);

/* The pieces, for simulation and for services that match patterns themselves. */
/* '*' and '?' wildcards; `nocase` for actions. */
bool policy_wildcard_match(struct str pattern, struct str text, bool nocase);
/* ARN patterns match component by component (":" is crossed only by the last component). */
bool policy_arn_match(struct str pattern, struct str arn);
/* True when the document lets anyone in (for S3's and SQS's public checks). */
bool policy_is_public(const struct policy *policy);
size_t policy_statement_count(const struct policy *policy);
/* Sid of a statement, or an absent str. */
struct str policy_statement_sid(const struct policy *policy, size_t index);
/* The statement's bytes within policy_document(): where a simulation says that it matched. */
struct str policy_statement_text(const struct policy *policy, size_t index);
/* The document as it was given to policy_parse. */
struct str policy_document(const struct policy *policy);
/* True when every statement has Resource or NotResource, for services that require it. */
bool policy_names_resources(const struct policy *policy);
/* All condition keys that the document names (IAM GetContextKeysFor...). */
void policy_context_keys(struct arena *arena, const struct policy *policy, struct str **out_keys,
                         size_t *out_count);

/* What a Principal or NotPrincipal entry names. */
enum policy_principal_kind {
    POLICY_PRINCIPAL_ANYONE,    /* "*" or {"AWS": "*"} */
    POLICY_PRINCIPAL_ACCOUNT,   /* 12 digits or arn:aws:iam::ID:root */
    POLICY_PRINCIPAL_ARN,       /* user, role, role session or federated user */
    POLICY_PRINCIPAL_UNIQUE_ID, /* AIDA..., AROA...: what IAM stores instead of ARNs */
    POLICY_PRINCIPAL_SERVICE,
    POLICY_PRINCIPAL_FEDERATED,
    POLICY_PRINCIPAL_CANONICAL_USER,
};

struct policy_principal_entry {
    enum policy_principal_kind kind;
    struct str text; /* as written */
    size_t statement_index;
};

/* All Principal and NotPrincipal entries in order, so that a service can check that they exist. */
void policy_principals(struct arena *arena, const struct policy *policy,
                       struct policy_principal_entry **out_entries, size_t *out_count);
