/* login.c — passwords of users for the console: login profiles and ChangePassword.
 *
 * A password is kept as an iterated, salted hash. Nothing here signs in with it but
 * ChangePassword, which asks for the old one.
 */
#include "auth/digest.h"
#include "base/arena.h"
#include "base/rand.h"
#include "service/iam/iam_account.h"

enum {
    SALT_CHARACTERS = 16,
    HASH_ROUNDS = 1000, /* a handler has about 5 ms */
};

static struct str hash_password(struct arena *arena, struct str salt, struct str password)
{
    unsigned char hash[DIGEST_SHA256_SIZE];
    struct digest_hmac_key key;
    digest_hmac_key_init(&key, DIGEST_SHA256, password);
    digest_hmac(&key, salt, hash);
    for (int i = 1; i < HASH_ROUNDS; i++)
        digest_hmac(&key, str_of((const char *)hash, sizeof(hash)), hash);
    return digest_hex(arena, hash, sizeof(hash));
}

/* AWS: "Default password policy", for accounts without one of their own (password.c): 8 to 128
 * characters; at least three of upper case, lower case, digits and symbols. */
enum status iam_check_password(struct call *call, struct str password)
{
    bool is_checked = false;
    enum status status = iam_check_password_policy(call, password, &is_checked);
    if (status != STATUS_DONE || is_checked)
        return status;
    bool has_upper = false;
    bool has_lower = false;
    bool has_digit = false;
    bool has_symbol = false;
    for (size_t i = 0; i < password.len; i++) {
        char c = password.ptr[i];
        if (c >= 'A' && c <= 'Z')
            has_upper = true;
        else if (c >= 'a' && c <= 'z')
            has_lower = true;
        else if (c >= '0' && c <= '9')
            has_digit = true;
        else
            has_symbol = true;
    }
    if (str_utf8_length(password) < 8)
        return call_fail(call, &IAM_PASSWORD_POLICY_VIOLATION_EXCEPTION,
                         "Password should have a minimum length of 8");
    if (has_upper + has_lower + has_digit + has_symbol < 3)
        return call_fail(call, &IAM_PASSWORD_POLICY_VIOLATION_EXCEPTION,
                         "Password should include at least three of the following character "
                         "types: uppercase, lowercase, numbers, symbols");
    return STATUS_DONE;
}

static enum status find_login(struct call *call, const struct iam_entity *user,
                              struct iam_credential *out)
{
    int rc = iam_store_find_credential(call->db, call->arena, IAM_CREDENTIAL_LOGIN, user->id, out);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find a login profile");
    if (rc == 0)
        return call_fail(call, &IAM_NO_SUCH_ENTITY_EXCEPTION,
                         "Login Profile for User " STR_FMT " cannot be found.",
                         STR_ARG(user->name));
    return STATUS_DONE;
}

static enum status put_login(struct call *call, struct iam_credential *login, struct str password)
{
    if (password.ptr) {
        enum status status = iam_check_password(call, password);
        if (status != STATUS_DONE)
            return status;
        login->label =
            rand_text(call->arena, STR("abcdefghijklmnopqrstuvwxyz234567"), SALT_CHARACTERS);
        login->secret = hash_password(call->arena, login->label, password);
    }
    int rc = iam_store_put_credential(call->db, login);
    return rc < 0 ? call_fail_internal(call, rc, "iam: put a login profile") : STATUS_DONE;
}

static struct iam_login_profile *login_to_answer(struct call *call, const struct iam_entity *user,
                                                 const struct iam_credential *login)
{
    struct iam_login_profile *profile = arena_alloc(call->arena, sizeof(*profile));
    *profile = (struct iam_login_profile){
        .user_name = user->name,
        .create_date = opt_i64(login->created_at_ms),
        .password_reset_required = opt_bool(str_eq_cstr(login->status, "reset")),
    };
    return profile;
}

enum status iam_create_login_profile(struct call *call,
                                     const struct iam_create_login_profile_in *in,
                                     struct iam_create_login_profile_out *out)
{
    struct iam_entity *user = NULL;
    struct iam_credential login = {0};
    enum status status = iam_user_or_caller(call, in->user_name, &user);
    if (status != STATUS_DONE)
        return status;
    int rc =
        iam_store_find_credential(call->db, call->arena, IAM_CREDENTIAL_LOGIN, user->id, &login);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find a login profile");
    if (rc == 1)
        return call_fail(call, &IAM_ENTITY_ALREADY_EXISTS_EXCEPTION,
                         "Login Profile for user " STR_FMT " already exists.", STR_ARG(user->name));
    if (!in->password.ptr)
        return call_fail(call, &ERROR_VALIDATION, "Must specify password");
    login = (struct iam_credential){
        .id = user->id,
        .kind = IAM_CREDENTIAL_LOGIN,
        .account = user->account,
        .user_id = user->id,
        .status = opt_bool_or(in->password_reset_required, false) ? STR("reset") : STR(""),
        .created_at_ms = call->now_ms / 1000 * 1000,
    };
    out->login_profile = login_to_answer(call, user, &login);
    return put_login(call, &login, in->password);
}

enum status iam_get_login_profile(struct call *call, const struct iam_get_login_profile_in *in,
                                  struct iam_get_login_profile_out *out)
{
    struct iam_entity *user = NULL;
    struct iam_credential login = {0};
    enum status status = iam_user_or_caller(call, in->user_name, &user);
    if (status == STATUS_DONE)
        status = find_login(call, user, &login);
    if (status == STATUS_DONE)
        out->login_profile = login_to_answer(call, user, &login);
    return status;
}

enum status iam_update_login_profile(struct call *call,
                                     const struct iam_update_login_profile_in *in,
                                     struct iam_update_login_profile_out *out)
{
    (void)out;
    struct iam_entity *user = NULL;
    struct iam_credential login = {0};
    enum status status = iam_get_entity(call, IAM_KIND_USER, in->user_name, &user);
    if (status == STATUS_DONE)
        status = find_login(call, user, &login);
    if (status != STATUS_DONE)
        return status;
    if (in->password_reset_required.is_set)
        login.status = in->password_reset_required.value ? STR("reset") : STR("");
    return put_login(call, &login, in->password);
}

enum status iam_delete_login_profile(struct call *call,
                                     const struct iam_delete_login_profile_in *in,
                                     struct iam_delete_login_profile_out *out)
{
    (void)out;
    struct iam_entity *user = NULL;
    struct iam_credential login = {0};
    enum status status = iam_user_or_caller(call, in->user_name, &user);
    if (status == STATUS_DONE)
        status = find_login(call, user, &login);
    if (status != STATUS_DONE)
        return status;
    int rc = iam_store_delete_credential(call->db, login.id);
    return rc < 0 ? call_fail_internal(call, rc, "iam: delete a login profile") : STATUS_DONE;
}

enum status iam_change_password(struct call *call, const struct iam_change_password_in *in,
                                struct iam_change_password_out *out)
{
    (void)out;
    struct iam_entity *user = NULL;
    struct iam_credential login = {0};
    if (call->principal->kind != PRINCIPAL_USER)
        return call_fail(call, &IAM_INVALID_USER_TYPE_EXCEPTION,
                         "Only IAM Users can change their own password");
    enum status status = iam_user_or_caller(call, (struct str){0}, &user);
    if (status == STATUS_DONE)
        status = find_login(call, user, &login);
    if (status != STATUS_DONE)
        return status;
    if (!str_eq_secret(hash_password(call->arena, login.label, in->old_password), login.secret))
        return call_fail(call, &ERROR_ACCESS_DENIED, "The old password was incorrect.");
    login.status = STR("");
    return put_login(call, &login, in->new_password);
}
