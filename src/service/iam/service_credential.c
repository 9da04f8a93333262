/* service_credential.c — service-specific credentials: user names and passwords for CodeCommit and
 * Amazon Keyspaces, API keys for Amazon Bedrock and CloudWatch Logs. They are issued and kept; the
 * services themselves do not exist here, except Logs, which does not ask for them.
 *
 * Docs: IAM API reference, CreateServiceSpecificCredential.
 */
#include "auth/key_id.h"
#include "base/arena.h"
#include "base/rand.h"
#include "service/iam/iam.h"

enum {
    PASSWORD_CHARACTERS = 44,
    DAY_MS = 24 * 60 * 60 * 1000,
};

static const struct {
    const char *name;
    bool is_api_key; /* alias and secret instead of user name and password; may expire */
} known_services[] = {
    {"bedrock.amazonaws.com", true},
    {"cassandra.amazonaws.com", false},
    {"codecommit.amazonaws.com", false},
    {"logs.amazonaws.com", true},
};

/* False when there is no such service. */
static bool find_service(struct str name, bool *out_is_api_key)
{
    for (size_t i = 0; i < ARRAY_LEN(known_services); i++) {
        if (str_eq_cstr(name, known_services[i].name)) {
            *out_is_api_key = known_services[i].is_api_key;
            return true;
        }
    }
    return false;
}

static void renew_secret(struct call *call, struct iam_credential *credential)
{
    credential->secret = rand_text(
        call->arena, STR("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"),
        PASSWORD_CHARACTERS);
}

static struct iam_service_specific_credential *
in_full(struct call *call, const struct iam_entity *user, const struct iam_credential *credential)
{
    bool is_api_key = false;
    bool is_known = find_service(credential->label, &is_api_key);
    CHECK(is_known);
    struct iam_service_specific_credential *out = arena_alloc(call->arena, sizeof(*out));
    *out = (struct iam_service_specific_credential){
        .create_date = opt_i64(credential->created_at_ms),
        .service_name = credential->label,
        .service_specific_credential_id = credential->id,
        .user_name = user->name,
        .status = credential->status,
    };
    if (credential->expires_at_ms != 0)
        out->expiration_date = opt_i64(credential->expires_at_ms);
    if (is_api_key) {
        out->service_credential_alias = credential->body;
        out->service_credential_secret = credential->secret;
    } else {
        out->service_user_name = credential->body;
        out->service_password = credential->secret;
    }
    return out;
}

enum status
iam_create_service_specific_credential(struct call *call,
                                       const struct iam_create_service_specific_credential_in *in,
                                       struct iam_create_service_specific_credential_out *out)
{
    struct iam_entity *user = NULL;
    bool is_api_key = false;
    enum status status = iam_get_entity(call, IAM_KIND_USER, in->user_name, &user);
    if (status != STATUS_DONE)
        return status;
    if (!find_service(in->service_name, &is_api_key))
        return call_fail(call, &IAM_SERVICE_NOT_SUPPORTED_EXCEPTION,
                         "No such service " STR_FMT
                         " is supported for Service Specific Credentials",
                         STR_ARG(in->service_name));
    if (in->credential_age_days.is_set && !is_api_key)
        return call_fail(call, &ERROR_VALIDATION,
                         "Credential age is not supported for service " STR_FMT,
                         STR_ARG(in->service_name));
    struct iam_credential credential = {
        .id = unique_id_new(call->arena, STR("ACCA")),
        .kind = IAM_CREDENTIAL_SERVICE,
        .account = user->account,
        .user_id = user->id,
        .status = STR("Active"),
        .label = in->service_name,
        .created_at_ms = call->now_ms / 1000 * 1000,
    };
    /* AWS: "jane-at-123456789012"; the second of a user gets a mark of its own. */
    credential.body = str_format(call->arena, STR_FMT "-at-" STR_FMT, STR_ARG(user->name),
                                 STR_ARG(user->account));
    struct vec others = {0};
    status = iam_list_credentials_of(call, IAM_CREDENTIAL_SERVICE, user, IAM_EVERYTHING, &others);
    if (status != STATUS_DONE)
        return status;
    for (size_t i = 0; i < others.count; i++) {
        const struct iam_credential *other = vec_at(&others, i);
        if (str_eq(other->body, credential.body) && str_eq(other->label, credential.label))
            credential.body = str_format(call->arena, STR_FMT "+1-at-" STR_FMT, STR_ARG(user->name),
                                         STR_ARG(user->account));
    }
    if (in->credential_age_days.is_set)
        credential.expires_at_ms =
            credential.created_at_ms + in->credential_age_days.value * (int64_t)DAY_MS;
    renew_secret(call, &credential);
    out->service_specific_credential = in_full(call, user, &credential);
    return iam_new_credential(call, &credential);
}

/* AWS: AllUsers lists those of the whole account. */
enum status
iam_list_service_specific_credentials(struct call *call,
                                      const struct iam_list_service_specific_credentials_in *in,
                                      struct iam_list_service_specific_credentials_out *out)
{
    struct iam_entity *user = NULL;
    struct iam_range range = {0};
    struct vec found;
    vec_init(&found, call->arena, sizeof(struct iam_credential));
    bool is_all = opt_bool_or(in->all_users, false);
    enum status status = iam_page_begin(call, in->marker, in->max_items, &range);
    if (status == STATUS_DONE && !is_all)
        status = iam_user_or_caller(call, in->user_name, &user);
    if (status != STATUS_DONE)
        return status;
    const struct iam_range rest = {.after = range.after, .limit = IAM_ALL};
    int rc = iam_store_list_credentials(call->db, call->arena, IAM_CREDENTIAL_SERVICE,
                                        call->scope.account, user ? user->id : (struct str){0},
                                        rest, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list credentials");
    struct iam_service_specific_credential_metadata *items =
        arena_alloc_array(call->arena, found.count + 1, sizeof(*items));
    size_t count = 0;
    for (size_t i = 0; i < found.count && count < range.limit; i++) {
        const struct iam_credential *credential = vec_at(&found, i);
        struct iam_entity *owner = user;
        if (in->service_name.ptr && !str_eq(in->service_name, credential->label))
            continue;
        rc = owner ? 1 : iam_store_find_by_id(call->db, call->arena, credential->user_id, &owner);
        if (rc < 0)
            return call_fail_internal(call, rc, "iam: find a user");
        const struct iam_service_specific_credential *full = in_full(call, owner, credential);
        items[count++] = (struct iam_service_specific_credential_metadata){
            .user_name = full->user_name,
            .status = full->status,
            .service_user_name = full->service_user_name,
            .service_credential_alias = full->service_credential_alias,
            .create_date = full->create_date,
            .expiration_date = full->expiration_date,
            .service_specific_credential_id = full->service_specific_credential_id,
            .service_name = full->service_name,
        };
    }
    out->service_specific_credentials.items = items;
    out->service_specific_credentials.count = iam_page_count(range, count, &out->is_truncated);
    out->service_specific_credentials.is_set = true;
    if (out->is_truncated.value)
        out->marker = iam_page_marker(
            call,
            items[out->service_specific_credentials.count - 1].service_specific_credential_id);
    return STATUS_DONE;
}

enum status
iam_update_service_specific_credential(struct call *call,
                                       const struct iam_update_service_specific_credential_in *in,
                                       struct iam_update_service_specific_credential_out *out)
{
    (void)out;
    return iam_set_credential_status(call, IAM_CREDENTIAL_SERVICE, in->user_name,
                                     in->service_specific_credential_id, in->status);
}

enum status
iam_reset_service_specific_credential(struct call *call,
                                      const struct iam_reset_service_specific_credential_in *in,
                                      struct iam_reset_service_specific_credential_out *out)
{
    struct iam_entity *user = NULL;
    struct iam_credential credential = {0};
    enum status status = iam_user_or_caller(call, in->user_name, &user);
    if (status == STATUS_DONE)
        status = iam_get_credential(call, IAM_CREDENTIAL_SERVICE, user,
                                    in->service_specific_credential_id, &credential);
    if (status != STATUS_DONE)
        return status;
    renew_secret(call, &credential);
    int rc = iam_store_put_credential(call->db, &credential);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: put a credential");
    out->service_specific_credential = in_full(call, user, &credential);
    return STATUS_DONE;
}

enum status
iam_delete_service_specific_credential(struct call *call,
                                       const struct iam_delete_service_specific_credential_in *in,
                                       struct iam_delete_service_specific_credential_out *out)
{
    (void)out;
    return iam_remove_credential(call, IAM_CREDENTIAL_SERVICE, in->user_name,
                                 in->service_specific_credential_id);
}
