/* sms.c — text messages: settings of the account, numbers that opted out, the sandbox's numbers.
 *
 * Docs: SNS API reference, SetSMSAttributes, OptInPhoneNumber, CreateSMSSandboxPhoneNumber.
 * DEVIATION: accounts are out of the SMS sandbox from the start, since nothing leaves the machine;
 * its numbers are recorded and verified by a password that comes as a captured message.
 */
#include "base/arena.h"
#include "base/rand.h"
#include "service/sns/sns.h"
#include "syntax/base64.h"
#include "syntax/json.h"

enum {
    PASSWORD_LEN = 6,
    SANDBOX_MAX = 10, /* AWS: verified and pending numbers in the sandbox */
};

/* --- settings --- */

static bool is_setting(struct str name)
{
    static const struct str names[] = {
        STR_INIT("DefaultSMSType"),        STR_INIT("DefaultSenderID"),
        STR_INIT("DeliveryStatusIAMRole"), STR_INIT("DeliveryStatusSuccessSamplingRate"),
        STR_INIT("MonthlySpendLimit"),     STR_INIT("UsageReportS3Bucket"),
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq(names[i], name))
            return true;
    }
    return false;
}

static enum status check_setting(struct call *call, struct str name, struct str value)
{
    int64_t number = 0;
    if (!is_setting(name))
        return sns_invalid(call, "" STR_FMT " is not a valid attribute", STR_ARG(name));
    if (str_eq_cstr(name, "DefaultSMSType") && !str_eq_cstr(value, "Promotional") &&
        !str_eq_cstr(value, "Transactional"))
        return sns_invalid(call, "DefaultSMSType is invalid");
    if (str_eq_cstr(name, "DeliveryStatusSuccessSamplingRate") &&
        (str_to_i64(value, &number) < 0 || number < 0 || number > 100))
        return sns_invalid(call, "DeliveryStatusSuccessSamplingRate is invalid");
    if (str_eq_cstr(name, "MonthlySpendLimit") && (str_to_i64(value, &number) < 0 || number < 0))
        return sns_invalid(call, "MonthlySpendLimit is invalid");
    return STATUS_DONE;
}

enum status sns_set_sms_attributes(struct call *call, const struct sns_set_sms_attributes_in *in,
                                   struct sns_set_sms_attributes_out *out)
{
    (void)out;
    struct json *settings = NULL;
    int rc = sns_store_find_sms(call->db, call->arena, call->scope, &settings);
    if (rc < 0)
        return call_fail_internal(call, rc, "sns: find SMS settings");
    for (size_t i = 0; i < in->attributes.count; i++) {
        struct str name = in->attributes.items[i].key;
        struct str value = in->attributes.items[i].value;
        enum status status = check_setting(call, name, value);
        if (status != STATUS_DONE)
            return status;
        json_set(settings, name, json_new_string(call->arena, value));
    }
    rc = sns_store_put_sms(call->db, call->arena, call->scope, settings);
    return rc < 0 ? call_fail_internal(call, rc, "sns: write SMS settings") : STATUS_DONE;
}

enum status sns_get_sms_attributes(struct call *call, const struct sns_get_sms_attributes_in *in,
                                   struct sns_get_sms_attributes_out *out)
{
    struct json *settings = NULL;
    int rc = sns_store_find_sms(call->db, call->arena, call->scope, &settings);
    if (rc < 0)
        return call_fail_internal(call, rc, "sns: find SMS settings");
    if (!json_find_cstr(settings, "MonthlySpendLimit"))
        json_set(settings, STR("MonthlySpendLimit"), json_new_string(call->arena, STR("1")));
    out->attributes.is_set = true;
    out->attributes.items =
        arena_alloc_array(call->arena, settings->count + 1, sizeof(*out->attributes.items));
    for (const struct json *setting = settings->first; setting; setting = setting->next) {
        bool is_asked = in->attributes.count == 0;
        for (size_t i = 0; i < in->attributes.count; i++)
            is_asked |= str_eq(in->attributes.items[i], setting->key);
        if (is_asked)
            out->attributes.items[out->attributes.count++] =
                (struct sns_map_string_to_string_entry){.key = setting->key,
                                                        .value = setting->text};
    }
    return STATUS_DONE;
}

/* --- numbers that opted out --- */

static enum status check_number(struct call *call, struct str number)
{
    return sns_is_phone_number(number)
               ? STATUS_DONE
               : sns_invalid(call, "PhoneNumber Reason: input incorrectly formatted");
}

static struct sns_phone phone_of(const struct call *call, const char *kind, struct str number)
{
    return (struct sns_phone){.scope = call->scope, .kind = str_from_cstr(kind), .number = number};
}

enum status
sns_check_if_phone_number_is_opted_out(struct call *call,
                                       const struct sns_check_if_phone_number_is_opted_out_in *in,
                                       struct sns_check_if_phone_number_is_opted_out_out *out)
{
    enum status status = check_number(call, in->phone_number);
    if (status != STATUS_DONE)
        return status;
    struct sns_phone phone = phone_of(call, "optout", in->phone_number);
    int rc = sns_store_find_phone(call->db, call->arena, &phone);
    if (rc < 0)
        return call_fail_internal(call, rc, "sns: find a telephone");
    out->is_opted_out = opt_bool(rc == 1);
    return STATUS_DONE;
}

enum status sns_opt_in_phone_number(struct call *call, const struct sns_opt_in_phone_number_in *in,
                                    struct sns_opt_in_phone_number_out *out)
{
    (void)out;
    enum status status = check_number(call, in->phone_number);
    if (status != STATUS_DONE)
        return status;
    const struct sns_phone phone = phone_of(call, "optout", in->phone_number);
    int rc = sns_store_delete_phone(call->db, &phone);
    return rc < 0 ? call_fail_internal(call, rc, "sns: opt a telephone in") : STATUS_DONE;
}

/* A page of telephones; *out_token names the last when there are more. Count or -1 with the call
 * failed. */
static int64_t read_phones(struct call *call, const char *kind, struct str token, int64_t limit,
                           struct sns_phone *out_phones, struct str *out_token)
{
    struct str after = STR("");
    if (token.len > 0 && base64_decode(call->arena, token, &after) < 0) {
        (void)sns_invalid(call, "NextToken Reason: Invalid token");
        return -1;
    }
    int64_t count = sns_store_list_phones(call->db, call->arena, call->scope, kind, after,
                                          limit + 1, out_phones);
    if (count < 0) {
        (void)call_fail_internal(call, (int)count, "sns: list telephones");
        return -1;
    }
    if (count <= limit)
        return count;
    *out_token = base64_encode_str(call->arena, out_phones[limit - 1].number);
    return limit;
}

enum status sns_list_phone_numbers_opted_out(struct call *call,
                                             const struct sns_list_phone_numbers_opted_out_in *in,
                                             struct sns_list_phone_numbers_opted_out_out *out)
{
    struct sns_phone phones[SNS_PAGE + 1];
    int64_t count = read_phones(call, "optout", in->next_token, SNS_PAGE, phones, &out->next_token);
    if (count < 0)
        return STATUS_FAILED;
    out->phone_numbers.is_set = true;
    out->phone_numbers.items =
        arena_alloc_array(call->arena, SNS_PAGE, sizeof(*out->phone_numbers.items));
    for (int64_t i = 0; i < count; i++)
        out->phone_numbers.items[out->phone_numbers.count++] = phones[i].number;
    return STATUS_DONE;
}

enum status sns_list_origination_numbers(struct call *call,
                                         const struct sns_list_origination_numbers_in *in,
                                         struct sns_list_origination_numbers_out *out)
{
    (void)call;
    (void)in;
    out->phone_numbers.is_set = true; /* numbers are bought from Pinpoint: there are none */
    return STATUS_DONE;
}

/* --- the sandbox --- */

enum status
sns_get_sms_sandbox_account_status(struct call *call,
                                   const struct sns_get_sms_sandbox_account_status_in *in,
                                   struct sns_get_sms_sandbox_account_status_out *out)
{
    (void)call;
    (void)in;
    out->is_in_sandbox = opt_bool(false);
    return STATUS_DONE;
}

enum status
sns_create_sms_sandbox_phone_number(struct call *call,
                                    const struct sns_create_sms_sandbox_phone_number_in *in,
                                    struct sns_create_sms_sandbox_phone_number_out *out)
{
    (void)out;
    struct sns_phone phones[SANDBOX_MAX + 1];
    struct sns_phone opted_out = phone_of(call, "optout", in->phone_number);
    enum status status = check_number(call, in->phone_number);
    if (status != STATUS_DONE)
        return status;
    int rc = sns_store_find_phone(call->db, call->arena, &opted_out);
    if (rc == 1)
        return call_fail(call, &SNS_OPTED_OUT_EXCEPTION, "Phone number is opted out");
    int64_t count = rc < 0 ? rc
                           : sns_store_list_phones(call->db, call->arena, call->scope, "sandbox",
                                                   STR(""), SANDBOX_MAX + 1, phones);
    if (count < 0)
        return call_fail_internal(call, (int)count, "sns: list telephones");
    for (int64_t i = 0; i < count; i++) {
        if (str_eq(phones[i].number, in->phone_number) && str_eq_cstr(phones[i].status, "Verified"))
            return call_fail(call, &SNS_USER_ERROR_EXCEPTION, "Phone number is already verified");
    }
    if (count >= SANDBOX_MAX)
        return call_fail(call, &SNS_USER_ERROR_EXCEPTION,
                         "The maximum number of destination phone numbers was reached");
    struct sns_phone phone = phone_of(call, "sandbox", in->phone_number);
    phone.status = STR("Pending");
    phone.password = rand_text(call->arena, STR("0123456789"), PASSWORD_LEN);
    rc = sns_store_put_phone(call->db, &phone);
    if (rc < 0)
        return call_fail_internal(call, rc, "sns: write a telephone");
    const struct sns_captured captured = {
        .scope = call->scope,
        .protocol = STR("sms"),
        .endpoint = in->phone_number,
        .message_id = rand_uuid(call->arena),
        .body =
            str_concat(call->arena, STR("Your Amazon SNS verification code is "), phone.password),
    };
    return sns_capture(call, &captured);
}

static enum status find_sandbox_phone(struct call *call, struct sns_phone *phone)
{
    int rc = sns_store_find_phone(call->db, call->arena, phone);
    if (rc < 0)
        return call_fail_internal(call, rc, "sns: find a telephone");
    return rc == 1 ? STATUS_DONE
                   : call_fail(call, &SNS_RESOURCE_NOT_FOUND_EXCEPTION,
                               "Phone number does not exist in the SMS sandbox");
}

enum status
sns_verify_sms_sandbox_phone_number(struct call *call,
                                    const struct sns_verify_sms_sandbox_phone_number_in *in,
                                    struct sns_verify_sms_sandbox_phone_number_out *out)
{
    (void)out;
    struct sns_phone phone = phone_of(call, "sandbox", in->phone_number);
    enum status status = find_sandbox_phone(call, &phone);
    if (status != STATUS_DONE)
        return status;
    if (!str_eq(phone.password, in->one_time_password)) {
        struct sns_verification_error *members = arena_alloc(call->arena, sizeof(*members));
        *members = (struct sns_verification_error){.status = phone.status};
        return call_fail_with(call, &SNS_VERIFICATION_EXCEPTION, members,
                              "The one-time password is not valid");
    }
    phone.status = STR("Verified");
    int rc = sns_store_put_phone(call->db, &phone);
    return rc < 0 ? call_fail_internal(call, rc, "sns: write a telephone") : STATUS_DONE;
}

enum status
sns_delete_sms_sandbox_phone_number(struct call *call,
                                    const struct sns_delete_sms_sandbox_phone_number_in *in,
                                    struct sns_delete_sms_sandbox_phone_number_out *out)
{
    (void)out;
    struct sns_phone phone = phone_of(call, "sandbox", in->phone_number);
    enum status status = find_sandbox_phone(call, &phone);
    if (status != STATUS_DONE)
        return status;
    int rc = sns_store_delete_phone(call->db, &phone);
    return rc < 0 ? call_fail_internal(call, rc, "sns: delete a telephone") : STATUS_DONE;
}

enum status
sns_list_sms_sandbox_phone_numbers(struct call *call,
                                   const struct sns_list_sms_sandbox_phone_numbers_in *in,
                                   struct sns_list_sms_sandbox_phone_numbers_out *out)
{
    struct sns_phone phones[SNS_PAGE + 1];
    int64_t count = read_phones(call, "sandbox", in->next_token,
                                opt_i32_or(in->max_results, SNS_PAGE), phones, &out->next_token);
    if (count < 0)
        return STATUS_FAILED;
    out->phone_numbers.is_set = true;
    out->phone_numbers.items =
        arena_alloc_array(call->arena, SNS_PAGE, sizeof(*out->phone_numbers.items));
    for (int64_t i = 0; i < count; i++)
        out->phone_numbers.items[out->phone_numbers.count++] =
            (struct sns_sms_sandbox_phone_number){.phone_number = phones[i].number,
                                                  .status = phones[i].status};
    return STATUS_DONE;
}
