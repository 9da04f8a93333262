/* credential.c — what SSH keys, certificates and service credentials have in common: they belong to
 * a user, are listed, switched on and off, and deleted. */
#include "base/arena.h"
#include "service/iam/iam.h"

struct kind_words {
    const char *noun;
    const char *quota_name;
    size_t quota; /* AWS: per user; service-specific credentials are counted per service */
};

static const struct kind_words words[] = {
    [IAM_CREDENTIAL_LOGIN] = {"Login Profile", "", 1},
    [IAM_CREDENTIAL_SSH_KEY] = {"Public Key", "SSHPublicKeysPerUser", 5},
    [IAM_CREDENTIAL_CERTIFICATE] = {"Certificate", "SigningCertificatesPerUser", 2},
    [IAM_CREDENTIAL_SERVICE] = {"Service Specific Credential",
                                "ServiceSpecificCredentialsPerServicePerUser", 2},
};

enum status iam_get_credential(struct call *call, enum iam_credential_kind kind,
                               const struct iam_entity *user, struct str id,
                               struct iam_credential *out)
{
    int rc = iam_store_find_credential(call->db, call->arena, kind, id, out);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find a credential");
    if (rc == 0 || !str_eq(out->user_id, user->id))
        return call_fail(call, &IAM_NO_SUCH_ENTITY_EXCEPTION,
                         "The %s with id " STR_FMT " cannot be found.", words[kind].noun,
                         STR_ARG(id));
    return STATUS_DONE;
}

enum status iam_new_credential(struct call *call, const struct iam_credential *credential)
{
    struct vec found;
    vec_init(&found, call->arena, sizeof(struct iam_credential));
    int rc =
        iam_store_list_credentials(call->db, call->arena, credential->kind, credential->account,
                                   credential->user_id, IAM_EVERYTHING, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: list credentials");
    size_t count = 0;
    for (size_t i = 0; i < found.count; i++) {
        const struct iam_credential *other = vec_at(&found, i);
        if (credential->kind != IAM_CREDENTIAL_SERVICE || str_eq(other->label, credential->label))
            count++;
    }
    const struct kind_words *kind = &words[credential->kind];
    if (count >= kind->quota)
        return call_fail(call, &IAM_LIMIT_EXCEEDED_EXCEPTION, "Cannot exceed quota for %s: %zu",
                         kind->quota_name, kind->quota);
    rc = iam_store_put_credential(call->db, credential);
    return rc < 0 ? call_fail_internal(call, rc, "iam: put a credential") : STATUS_DONE;
}

enum status iam_set_credential_status(struct call *call, enum iam_credential_kind kind,
                                      struct str user_name, struct str id, struct str new_status)
{
    struct iam_entity *user = NULL;
    struct iam_credential credential = {0};
    enum status status = iam_user_or_caller(call, user_name, &user);
    if (status == STATUS_DONE)
        status = iam_get_credential(call, kind, user, id, &credential);
    if (status != STATUS_DONE)
        return status;
    if (!str_eq_cstr(new_status, "Active") && !str_eq_cstr(new_status, "Inactive"))
        return call_fail(call, &IAM_INVALID_INPUT_EXCEPTION,
                         "The status of a credential is Active or Inactive.");
    credential.status = new_status;
    int rc = iam_store_put_credential(call->db, &credential);
    return rc < 0 ? call_fail_internal(call, rc, "iam: put a credential") : STATUS_DONE;
}

enum status iam_remove_credential(struct call *call, enum iam_credential_kind kind,
                                  struct str user_name, struct str id)
{
    struct iam_entity *user = NULL;
    struct iam_credential credential = {0};
    enum status status = iam_user_or_caller(call, user_name, &user);
    if (status == STATUS_DONE)
        status = iam_get_credential(call, kind, user, id, &credential);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_store_delete_credential(call->db, credential.id);
    return rc < 0 ? call_fail_internal(call, rc, "iam: delete a credential") : STATUS_DONE;
}

enum status iam_list_credentials_of(struct call *call, enum iam_credential_kind kind,
                                    const struct iam_entity *user, struct iam_range range,
                                    struct vec *out_credentials)
{
    vec_init(out_credentials, call->arena, sizeof(struct iam_credential));
    int rc = iam_store_list_credentials(call->db, call->arena, kind, user->account, user->id, range,
                                        out_credentials);
    return rc < 0 ? call_fail_internal(call, rc, "iam: list credentials") : STATUS_DONE;
}
