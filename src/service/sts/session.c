/* session.c — temporary credentials: made, opened, and the policies that come with them.
 *
 * A session token carries everything about its session, sealed with a key that only this store has:
 * secret, principal, policies, tags, expiry. So a session costs no row, survives a restart, is
 * known on every node and needs no clean-up. What the principal may do is read from IAM at each
 * request, so a role that lost its policies or is gone takes its sessions' rights with it.
 *
 * Token: base64 of seal(JSON). Members of the JSON: v(ersion), k(ey id), s(ecret), t(ype),
 * a(ccount), arn, u(ser id), n(ame), sn (session name), r(ole arn), i(ssued), e(xpires),
 * p(olicies), tags.
 */
#include <errno.h>

#include "auth/key_id.h"
#include "auth/policy.h"
#include "auth/seal.h"
#include "base/arena.h"
#include "base/rand.h"
#include "service/iam/iam_public.h"
#include "service/sts/sts.h"
#include "syntax/base64.h"
#include "syntax/json.h"

enum {
    TOKEN_VERSION = 1,
    /* AWS: "Plaintext session policy limits": 2,048 characters each for policy and tags, measured
     * here as plain text because the packed binary form is not published. */
    PACKED_LIMIT = 2048 + 2048,
};

static void put_text(struct arena *arena, struct json *object, const char *key, struct str text)
{
    json_append_member(object, str_from_cstr(key), json_new_string(arena, str_or(text, STR(""))));
}

static void put_number(struct arena *arena, struct json *object, const char *key, int64_t value)
{
    json_append_member(object, str_from_cstr(key), json_new_number(arena, value));
}

/* The sealing key, made when first needed. */
static int sealing_key(struct call *call, struct str *out_key)
{
    int rc = sts_store_find_key(call->db, call->arena, out_key);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    char fresh[SEAL_KEY_BYTES];
    rand_bytes(fresh, sizeof(fresh));
    rc = sts_store_put_key(call->db, str_of(fresh, sizeof(fresh)));
    if (rc < 0)
        return rc;
    rc = sts_store_find_key(call->db, call->arena, out_key);
    return rc == 1 ? 0 : rc < 0 ? rc : -EIO;
}

int sts_issue(struct call *call, const struct sts_session *session, struct sts_issued *out_issued)
{
    struct arena *arena = call->arena;
    struct str sealing = {0};
    int rc = sealing_key(call, &sealing);
    if (rc < 0)
        return rc;
    struct str key_id = key_id_new(arena, STR("ASIA"), session->account);
    struct str secret = secret_key_new(arena);
    struct json *token = json_new(arena, JSON_OBJECT);
    put_number(arena, token, "v", TOKEN_VERSION);
    put_text(arena, token, "k", key_id);
    put_text(arena, token, "s", secret);
    put_number(arena, token, "t", (int64_t)session->kind);
    put_text(arena, token, "a", session->account);
    put_text(arena, token, "arn", session->arn);
    put_text(arena, token, "u", session->user_id);
    put_text(arena, token, "n", session->name);
    put_text(arena, token, "sn", session->session_name);
    put_text(arena, token, "r", session->role_arn);
    put_number(arena, token, "i", call->now_ms);
    put_number(arena, token, "e", session->expires_at_ms);
    if (session->policies)
        json_append_member(token, STR("p"), json_copy(arena, session->policies));
    if (session->tags)
        json_append_member(token, STR("tags"), json_copy(arena, session->tags));
    *out_issued = (struct sts_issued){
        .access_key_id = key_id,
        .secret_access_key = secret,
        .session_token = base64_encode_str(arena, seal(arena, sealing, json_to_str(arena, token))),
    };
    return 0;
}

static int64_t number_of(const struct json *object, const char *key)
{
    const struct json *member = json_find_cstr(object, key);
    int64_t value = 0;
    return member && str_to_i64(member->text, &value) == 0 ? value : 0;
}

int sts_open_session(struct db *db, struct arena *arena, struct str access_key_id,
                     struct str session_token, struct access_key *out_key)
{
    struct str sealing = {0};
    int rc = sts_store_find_key(db, arena, &sealing);
    if (rc != 1)
        return rc;
    struct str sealed = {0};
    struct str plain = {0};
    struct json *token = NULL;
    bool is_ours = base64_decode(arena, session_token, &sealed) == 0 &&
                   unseal(arena, sealing, sealed, &plain) == 0 &&
                   json_parse(arena, plain, 0, &token, NULL) == 0 &&
                   number_of(token, "v") == TOKEN_VERSION &&
                   str_eq(json_find_str(token, "k"), access_key_id);
    if (!is_ours)
        return 0;
    *out_key = (struct access_key){
        .secret = json_find_str(token, "s"),
        .principal =
            {
                .kind = (enum principal_kind)number_of(token, "t"),
                .account = json_find_str(token, "a"),
                .arn = json_find_str(token, "arn"),
                .user_id = json_find_str(token, "u"),
                .name = json_find_str(token, "n"),
                .session_name = json_find_str(token, "sn"),
                .role_arn = json_find_str(token, "r"),
                .is_temporary = true,
                .token_issued_at_ms = number_of(token, "i"),
                .session_policies = json_find_cstr(token, "p"),
                .session_tags = json_find_cstr(token, "tags"),
            },
        .is_active = true,
        .expires_at_ms = number_of(token, "e"),
    };
    return 1;
}

struct principal sts_role_principal(struct call *call, const struct iam_role_row *role,
                                    struct str account, struct str session_name)
{
    struct arena *arena = call->arena;
    return (struct principal){
        .kind = PRINCIPAL_ASSUMED_ROLE,
        .account = account,
        .arn = str_format(arena, "arn:aws:sts::" STR_FMT ":assumed-role/" STR_FMT "/" STR_FMT,
                          STR_ARG(account), STR_ARG(role->name), STR_ARG(session_name)),
        .user_id = str_concat3(arena, role->id, STR(":"), session_name),
        .name = role->name,
        .session_name = session_name,
        .role_arn = role->arn,
        .is_temporary = true,
        .token_issued_at_ms = call->now_ms,
    };
}

static enum status check_document(struct call *call, struct str document)
{
    struct policy *policy = NULL;
    struct policy_error error = {0};
    if (policy_parse(call->arena, document, POLICY_SESSION, &policy, &error) == 0)
        return STATUS_DONE;
    return call_fail(call, &STS_MALFORMED_POLICY_DOCUMENT_EXCEPTION, STR_FMT,
                     STR_ARG(error.message));
}

enum status sts_gather_policies(struct call *call, const struct sts_policy_request *request,
                                struct json **out_policies)
{
    struct json *policies = json_new(call->arena, JSON_ARRAY);
    if (request->policy.len > 0) {
        enum status status = check_document(call, request->policy);
        if (status != STATUS_DONE)
            return status;
        json_append(policies, json_new_string(call->arena, request->policy));
    }
    for (size_t i = 0; i < request->policy_arns->count; i++) {
        struct str arn = request->policy_arns->items[i].arn;
        struct str document = {0};
        int rc =
            iam_find_policy_document(call->db, call->arena, call->scope.account, arn, &document);
        if (rc < 0)
            return call_fail_internal(call, rc, "find a managed policy");
        if (rc == 0)
            return call_fail(call, &ERROR_VALIDATION, "Policy " STR_FMT " does not exist.",
                             STR_ARG(arn));
        json_append(policies, json_new_string(call->arena, document));
    }
    *out_policies = policies;
    return STATUS_DONE;
}

enum status sts_gather_tags(struct call *call, const struct sts_tag_list_type *tags,
                            struct json **out_tags)
{
    if (tags->count == 0) {
        *out_tags = NULL;
        return STATUS_DONE;
    }
    struct json *object = json_new(call->arena, JSON_OBJECT);
    for (size_t i = 0; i < tags->count; i++) {
        const struct sts_tag *tag = &tags->items[i];
        /* AWS: tag keys of a session are compared without regard to case. */
        for (const struct json *other = object->first; other; other = other->next) {
            if (str_eq_nocase(other->key, tag->key))
                return call_fail(call, &ERROR_INVALID_PARAMETER_VALUE,
                                 "Duplicate tag keys found. Please note that Tag keys are case "
                                 "insensitive.");
        }
        json_append_member(object, tag->key, json_new_string(call->arena, tag->value));
    }
    *out_tags = object;
    return STATUS_DONE;
}

struct opt_i32 sts_packed_size(const struct sts_policy_request *request)
{
    size_t used = request->policy.len;
    for (size_t i = 0; i < request->policy_arns->count; i++)
        used += request->policy_arns->items[i].arn.len;
    for (size_t i = 0; request->tags && i < request->tags->count; i++)
        used += request->tags->items[i].key.len + request->tags->items[i].value.len;
    if (used == 0)
        return (struct opt_i32){0};
    return opt_i32((int32_t)((used * 100 + PACKED_LIMIT - 1) / PACKED_LIMIT));
}

enum status sts_credentials_for(struct call *call, const struct sts_session *session,
                                struct sts_credentials **out_credentials)
{
    struct sts_issued issued = {0};
    int rc = sts_issue(call, session, &issued);
    if (rc < 0)
        return call_fail_internal(call, rc, "issue a session");
    struct sts_credentials *credentials = arena_alloc(call->arena, sizeof(*credentials));
    *credentials = (struct sts_credentials){
        .access_key_id = issued.access_key_id,
        .secret_access_key = issued.secret_access_key,
        .session_token = issued.session_token,
        .expiration = opt_i64(session->expires_at_ms / 1000 * 1000),
    };
    *out_credentials = credentials;
    return STATUS_DONE;
}
