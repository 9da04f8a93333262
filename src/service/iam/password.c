/* password.c — the account's password policy, and whether a password satisfies it.
 *
 * The policy is kept as a JSON object of what the request set; what it left out is the default.
 *
 * Docs: IAM API reference, UpdateAccountPasswordPolicy: "This operation does not support partial
 * updates"; IAM user guide, "Set an account password policy for IAM users".
 */
#include "base/arena.h"
#include "service/iam/iam_account.h"
#include "syntax/json.h"

enum {
    DEFAULT_MIN_LENGTH = 6, /* of a policy that sets none */
    MAX_LENGTH = 128,
};

static const char symbols[] = "!@#$%^&*()_+-=[]{}|'";

static void put_bool(struct call *call, struct json *object, const char *name,
                     struct opt_bool value)
{
    if (value.is_set)
        json_set(object, str_from_cstr(name), json_new_bool(call->arena, value.value));
}

static void put_number(struct call *call, struct json *object, const char *name,
                       struct opt_i32 value)
{
    if (value.is_set)
        json_set(object, str_from_cstr(name), json_new_number(call->arena, value.value));
}

static struct opt_bool get_bool(const struct json *object, const char *name)
{
    const struct json *value = json_find_cstr(object, name);
    return value ? opt_bool(value->kind == JSON_TRUE) : (struct opt_bool){0};
}

static struct opt_i32 get_number(const struct json *object, const char *name)
{
    const struct json *value = json_find_cstr(object, name);
    int64_t number = 0;
    if (!value || str_to_i64(value->text, &number) < 0)
        return (struct opt_i32){0};
    return opt_i32((int32_t)number);
}

enum status
iam_update_account_password_policy(struct call *call,
                                   const struct iam_update_account_password_policy_in *in,
                                   struct iam_update_account_password_policy_out *out)
{
    (void)out;
    struct json *object = json_new(call->arena, JSON_OBJECT);
    put_number(call, object, "MinimumPasswordLength", in->minimum_password_length);
    put_bool(call, object, "RequireSymbols", in->require_symbols);
    put_bool(call, object, "RequireNumbers", in->require_numbers);
    put_bool(call, object, "RequireUppercaseCharacters", in->require_uppercase_characters);
    put_bool(call, object, "RequireLowercaseCharacters", in->require_lowercase_characters);
    put_bool(call, object, "AllowUsersToChangePassword", in->allow_users_to_change_password);
    put_number(call, object, "MaxPasswordAge", in->max_password_age);
    put_number(call, object, "PasswordReusePrevention", in->password_reuse_prevention);
    put_bool(call, object, "HardExpiry", in->hard_expiry);
    int rc = iam_store_put_password_policy(call->db, call->scope.account,
                                           json_to_str(call->arena, object));
    return rc < 0 ? call_fail_internal(call, rc, "iam: set the password policy") : STATUS_DONE;
}

/* 1, 0 or -errno. */
static int find_policy(struct call *call, struct iam_password_policy *out)
{
    struct str body = {0};
    struct json *object = NULL;
    int rc = iam_store_find_password_policy(call->db, call->arena, call->scope.account, &body);
    if (rc != 1)
        return rc;
    rc = json_parse(call->arena, body, 0, &object, NULL);
    CHECK(rc == 0); /* written above */
    struct opt_bool no = opt_bool(false);
    struct opt_bool lower = get_bool(object, "RequireLowercaseCharacters");
    struct opt_bool upper = get_bool(object, "RequireUppercaseCharacters");
    struct opt_bool numbers = get_bool(object, "RequireNumbers");
    struct opt_bool special = get_bool(object, "RequireSymbols");
    struct opt_bool change = get_bool(object, "AllowUsersToChangePassword");
    struct opt_i32 length = get_number(object, "MinimumPasswordLength");
    struct opt_i32 age = get_number(object, "MaxPasswordAge");
    *out = (struct iam_password_policy){
        .minimum_password_length = length.is_set ? length : opt_i32(DEFAULT_MIN_LENGTH),
        .require_symbols = special.is_set ? special : no,
        .require_numbers = numbers.is_set ? numbers : no,
        .require_uppercase_characters = upper.is_set ? upper : no,
        .require_lowercase_characters = lower.is_set ? lower : no,
        .allow_users_to_change_password = change.is_set ? change : no,
        .expire_passwords = opt_bool(age.is_set),
        .max_password_age = age,
        .password_reuse_prevention = get_number(object, "PasswordReusePrevention"),
        .hard_expiry = get_bool(object, "HardExpiry"),
    };
    return 1;
}

/* OBSERVED: 2026-02, both texts, as other test suites recorded them; so are the defaults. */
enum status iam_get_account_password_policy(struct call *call,
                                            const struct iam_get_account_password_policy_in *in,
                                            struct iam_get_account_password_policy_out *out)
{
    (void)in;
    out->password_policy = arena_alloc(call->arena, sizeof(*out->password_policy));
    int rc = find_policy(call, out->password_policy);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find the password policy");
    if (rc == 0)
        return call_fail(call, &IAM_NO_SUCH_ENTITY_EXCEPTION,
                         "The Password Policy with domain name " STR_FMT " cannot be found.",
                         STR_ARG(call->scope.account));
    return STATUS_DONE;
}

enum status
iam_delete_account_password_policy(struct call *call,
                                   const struct iam_delete_account_password_policy_in *in,
                                   struct iam_delete_account_password_policy_out *out)
{
    (void)in;
    (void)out;
    int rc = iam_store_delete_password_policy(call->db, call->scope.account);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: delete the password policy");
    if (rc == 0)
        return call_fail(call, &IAM_NO_SUCH_ENTITY_EXCEPTION,
                         "The account policy with name PasswordPolicy cannot be found.");
    return STATUS_DONE;
}

/* --- passwords --- */

struct characters {
    bool has_lower;
    bool has_upper;
    bool has_digit;
    bool has_symbol;
};

static struct characters characters_of(struct str password)
{
    struct characters found = {0};
    for (size_t i = 0; i < password.len; i++) {
        char c = password.ptr[i];
        found.has_lower |= c >= 'a' && c <= 'z';
        found.has_upper |= c >= 'A' && c <= 'Z';
        found.has_digit |= c >= '0' && c <= '9';
        found.has_symbol |= str_index(str_from_cstr(symbols), c) >= 0;
    }
    return found;
}

static bool satisfies(const struct iam_password_policy *policy, struct str password)
{
    struct characters found = characters_of(password);
    return str_utf8_length(password) >= (size_t)policy->minimum_password_length.value &&
           (found.has_symbol || !policy->require_symbols.value) &&
           (found.has_digit || !policy->require_numbers.value) &&
           (found.has_upper || !policy->require_uppercase_characters.value) &&
           (found.has_lower || !policy->require_lowercase_characters.value);
}

/* OBSERVED: the text. */
enum status iam_check_password_policy(struct call *call, struct str password, bool *out_is_checked)
{
    struct iam_password_policy policy = {0};
    int rc = find_policy(call, &policy);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find the password policy");
    *out_is_checked = rc == 1;
    if (rc == 1 && (!satisfies(&policy, password) || str_utf8_length(password) > MAX_LENGTH))
        return call_fail(call, &IAM_PASSWORD_POLICY_VIOLATION_EXCEPTION,
                         "Password does not conform to the account password policy.");
    return STATUS_DONE;
}

enum status iam_get_password_age(struct call *call, int64_t *out_days)
{
    struct iam_password_policy policy = {0};
    int rc = find_policy(call, &policy);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find the password policy");
    *out_days = opt_i32_or(policy.max_password_age, 0);
    return STATUS_DONE;
}
