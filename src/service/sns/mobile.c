/* mobile.c — platform applications and their endpoints. They are recorded; what is published to an
 * endpoint is captured (capture.c).
 *
 * ARNs: arn:aws:sns:REGION:ACCOUNT:app/PLATFORM/NAME, ...:endpoint/PLATFORM/NAME/UUID.
 * Docs: SNS API reference, CreatePlatformApplication, CreatePlatformEndpoint.
 */
#include "base/arena.h"
#include "base/rand.h"
#include "service/sns/sns.h"
#include "syntax/base64.h"
#include "syntax/json.h"

enum {
    NAME_MAX = 256,
    USER_DATA_MAX = 2048, /* AWS: CustomUserData */
};

static struct str application_arn(struct arena *arena, const struct sns_application *application)
{
    return str_format(arena, "arn:aws:sns:" STR_FMT ":" STR_FMT ":app/" STR_FMT "/" STR_FMT,
                      STR_ARG(application->scope.region), STR_ARG(application->scope.account),
                      STR_ARG(application->platform), STR_ARG(application->name));
}

static struct str endpoint_arn(struct arena *arena, const struct sns_endpoint_row *endpoint)
{
    return str_format(
        arena, "arn:aws:sns:" STR_FMT ":" STR_FMT ":endpoint/" STR_FMT "/" STR_FMT "/" STR_FMT,
        STR_ARG(endpoint->scope.region), STR_ARG(endpoint->scope.account),
        STR_ARG(endpoint->platform), STR_ARG(endpoint->application), STR_ARG(endpoint->uuid));
}

/* Splits "app/GCM/name" or "endpoint/GCM/name/uuid" behind an ARN's account. */
static bool split_resource(struct str arn, const char *kind, struct scope *out_scope,
                           struct str *out_parts, size_t part_count)
{
    struct str rest = {0};
    struct str first = {0};
    if (!sns_split_arn(arn, "sns", out_scope, &rest) || !str_split_next(&rest, '/', &first) ||
        !str_eq_cstr(first, kind))
        return false;
    for (size_t i = 0; i < part_count; i++) {
        if (!str_split_next(&rest, '/', &out_parts[i]) || out_parts[i].len == 0)
            return false;
    }
    return !rest.ptr;
}

/* --- applications --- */

static bool is_platform(struct str name)
{
    static const struct str names[] = {
        STR_INIT("ADM"),
        STR_INIT("APNS"),
        STR_INIT("APNS_SANDBOX"),
        STR_INIT("APNS_VOIP"),
        STR_INIT("APNS_VOIP_SANDBOX"),
        STR_INIT("BAIDU"),
        STR_INIT("FCM"),
        STR_INIT("GCM"),
        STR_INIT("MACOS"),
        STR_INIT("MACOS_SANDBOX"),
        STR_INIT("MPNS"),
        STR_INIT("WNS"),
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq(names[i], name))
            return true;
    }
    return false;
}

static bool is_application_name(struct str name)
{
    bool is_valid = name.len > 0 && name.len <= NAME_MAX;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        is_valid &= (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_' || c == '.';
    }
    return is_valid;
}

static enum status find_application(struct call *call, struct str arn,
                                    struct sns_application **out_application)
{
    struct scope scope = {0};
    struct str parts[2] = {{0}};
    if (!split_resource(arn, "app", &scope, parts, ARRAY_LEN(parts)))
        return sns_refuse_arn(call, "PlatformApplicationArn", arn);
    int rc = sns_store_find_application(call->db, call->arena, scope, parts[0], parts[1],
                                        out_application);
    if (rc < 0)
        return call_fail_internal(call, rc, "sns: find application");
    return *out_application
               ? STATUS_DONE
               : call_fail(call, &SNS_NOT_FOUND_EXCEPTION, "PlatformApplication does not exist");
}

static void merge(struct call *call, const struct sns_map_string_to_string *attributes,
                  struct json *settings)
{
    for (size_t i = 0; i < attributes->count; i++)
        json_set(settings, attributes->items[i].key,
                 json_new_string(call->arena, attributes->items[i].value));
}

static enum status put_application(struct call *call, const struct sns_application *application)
{
    int rc = sns_store_put_application(call->db, call->arena, application);
    return rc < 0 ? call_fail_internal(call, rc, "sns: write application") : STATUS_DONE;
}

enum status sns_create_platform_application(struct call *call,
                                            const struct sns_create_platform_application_in *in,
                                            struct sns_create_platform_application_out *out)
{
    struct sns_application application = {
        .scope = call->scope,
        .platform = in->platform,
        .name = in->name,
        .settings = json_new(call->arena, JSON_OBJECT),
    };
    if (!is_application_name(in->name))
        return sns_invalid(call, "Name Reason: must be 1 to 256 characters long and may contain "
                                 "only letters, numbers, underscores, hyphens and periods");
    if (!is_platform(in->platform))
        return sns_invalid(call, "Platform Reason: " STR_FMT " is not supported",
                           STR_ARG(in->platform));
    merge(call, &in->attributes, application.settings);
    if (sns_setting(application.settings, "PlatformCredential").len == 0)
        return sns_invalid(call, "Attributes Reason: Invalid value for attribute: "
                                 "PlatformCredential: cannot be empty");
    if (!sns_setting(application.settings, "Enabled").ptr)
        sns_set(call, application.settings, "Enabled", STR("true"));
    out->platform_application_arn = application_arn(call->arena, &application);
    return put_application(call, &application);
}

enum status sns_delete_platform_application(struct call *call,
                                            const struct sns_delete_platform_application_in *in,
                                            struct sns_delete_platform_application_out *out)
{
    (void)out;
    struct sns_application application = {0};
    struct str parts[2] = {{0}};
    if (!split_resource(in->platform_application_arn, "app", &application.scope, parts,
                        ARRAY_LEN(parts)))
        return sns_refuse_arn(call, "PlatformApplicationArn", in->platform_application_arn);
    application.platform = parts[0];
    application.name = parts[1];
    int rc = sns_store_delete_application(call->db, &application);
    return rc < 0 ? call_fail_internal(call, rc, "sns: delete application") : STATUS_DONE;
}

/* AWS: credentials are not shown. */
static void show(struct call *call, const struct json *settings,
                 struct sns_map_string_to_string *out)
{
    out->is_set = true;
    out->items = arena_alloc_array(call->arena, settings->count + 1, sizeof(*out->items));
    for (const struct json *setting = settings->first; setting; setting = setting->next) {
        if (!str_eq_cstr(setting->key, "PlatformCredential") &&
            !str_eq_cstr(setting->key, "PlatformPrincipal"))
            out->items[out->count++] = (struct sns_map_string_to_string_entry){
                .key = setting->key, .value = setting->text};
    }
}

enum status
sns_get_platform_application_attributes(struct call *call,
                                        const struct sns_get_platform_application_attributes_in *in,
                                        struct sns_get_platform_application_attributes_out *out)
{
    struct sns_application *application = NULL;
    enum status status = find_application(call, in->platform_application_arn, &application);
    if (status == STATUS_DONE)
        show(call, application->settings, &out->attributes);
    return status;
}

enum status
sns_set_platform_application_attributes(struct call *call,
                                        const struct sns_set_platform_application_attributes_in *in,
                                        struct sns_set_platform_application_attributes_out *out)
{
    (void)out;
    struct sns_application *application = NULL;
    enum status status = find_application(call, in->platform_application_arn, &application);
    if (status != STATUS_DONE)
        return status;
    merge(call, &in->attributes, application->settings);
    return put_application(call, application);
}

/* The token is "PLATFORM/NAME" of the last one. */
enum status sns_list_platform_applications(struct call *call,
                                           const struct sns_list_platform_applications_in *in,
                                           struct sns_list_platform_applications_out *out)
{
    struct sns_application rows[SNS_PAGE + 1];
    struct str name = STR("");
    struct str platform = STR("");
    if (in->next_token.len > 0 && (base64_decode(call->arena, in->next_token, &name) < 0 ||
                                   !str_split_next(&name, '/', &platform) || !name.ptr))
        return sns_invalid(call, "NextToken Reason: Invalid token");
    int64_t count = sns_store_list_applications(call->db, call->arena, call->scope, platform, name,
                                                SNS_PAGE + 1, rows);
    if (count < 0)
        return call_fail_internal(call, (int)count, "sns: list applications");
    struct sns_list_of_platform_applications *list = &out->platform_applications;
    list->is_set = true;
    list->items = arena_alloc_array(call->arena, SNS_PAGE, sizeof(*list->items));
    for (int64_t i = 0; i < count && i < SNS_PAGE; i++) {
        list->items[list->count].platform_application_arn = application_arn(call->arena, &rows[i]);
        show(call, rows[i].settings, &list->items[list->count++].attributes);
    }
    if (count > SNS_PAGE)
        out->next_token =
            base64_encode_str(call->arena, str_concat3(call->arena, rows[SNS_PAGE - 1].platform,
                                                       STR("/"), rows[SNS_PAGE - 1].name));
    return STATUS_DONE;
}

/* --- endpoints --- */

static enum status find_endpoint(struct call *call, struct str arn,
                                 struct sns_endpoint_row **out_endpoint)
{
    struct scope scope = {0};
    struct str parts[3] = {{0}};
    *out_endpoint = NULL;
    if (!split_resource(arn, "endpoint", &scope, parts, ARRAY_LEN(parts)))
        return sns_refuse_arn(call, "EndpointArn", arn);
    int rc = sns_store_find_endpoint(call->db, call->arena, scope, parts[2], out_endpoint);
    return rc < 0 ? call_fail_internal(call, rc, "sns: find endpoint") : STATUS_DONE;
}

static enum status find_existing_endpoint(struct call *call, struct str arn,
                                          struct sns_endpoint_row **out_endpoint)
{
    enum status status = find_endpoint(call, arn, out_endpoint);
    if (status != STATUS_DONE || *out_endpoint)
        return status;
    return call_fail(call, &SNS_NOT_FOUND_EXCEPTION, "Endpoint does not exist");
}

static enum status check_endpoint_attributes(struct call *call,
                                             const struct sns_map_string_to_string *attributes)
{
    for (size_t i = 0; i < attributes->count; i++) {
        struct str name = attributes->items[i].key;
        struct str value = attributes->items[i].value;
        bool is_flag = str_eq_cstr(name, "Enabled");
        if (!is_flag && !str_eq_cstr(name, "CustomUserData") && !str_eq_cstr(name, "Token"))
            return sns_invalid(call, "Attributes Reason: Invalid attribute name: " STR_FMT,
                               STR_ARG(name));
        if (is_flag && !str_eq_nocase(value, STR("true")) && !str_eq_nocase(value, STR("false")))
            return sns_invalid(call, "Attributes Reason: Invalid value for attribute: Enabled: "
                                     "must be true or false");
        if (str_eq_cstr(name, "CustomUserData") && value.len > USER_DATA_MAX)
            return sns_invalid(call, "Attributes Reason: Invalid value for attribute: "
                                     "CustomUserData: must be at most 2048 bytes long in UTF-8 "
                                     "encoding");
    }
    return STATUS_DONE;
}

static enum status put_endpoint(struct call *call, struct sns_endpoint_row *endpoint)
{
    sns_set(
        call, endpoint->settings, "Enabled",
        str_lower(call->arena, str_or(sns_setting(endpoint->settings, "Enabled"), STR("true"))));
    endpoint->token = sns_setting(endpoint->settings, "Token");
    int rc = sns_store_put_endpoint(call->db, call->arena, endpoint);
    return rc < 0 ? call_fail_internal(call, rc, "sns: write endpoint") : STATUS_DONE;
}

static bool has_same_settings(const struct json *wanted, const struct json *found)
{
    for (const struct json *setting = wanted->first; setting; setting = setting->next) {
        const struct json *own = json_find(found, setting->key);
        if (!own || !str_eq_nocase(own->text, setting->text))
            return false;
    }
    return true;
}

enum status sns_create_platform_endpoint(struct call *call,
                                         const struct sns_create_platform_endpoint_in *in,
                                         struct sns_create_platform_endpoint_out *out)
{
    struct sns_application *application = NULL;
    struct sns_endpoint_row *found = NULL;
    enum status status = find_application(call, in->platform_application_arn, &application);
    if (status == STATUS_DONE)
        status = check_endpoint_attributes(call, &in->attributes);
    if (status != STATUS_DONE)
        return status;
    if (in->token.len == 0)
        return sns_invalid(call, "Token");
    struct sns_endpoint_row endpoint = {
        .id = sns_new_id(call),
        .scope = application->scope,
        .platform = application->platform,
        .application = application->name,
        .uuid = rand_uuid(call->arena),
        .settings = json_new(call->arena, JSON_OBJECT),
    };
    merge(call, &in->attributes, endpoint.settings);
    if (in->custom_user_data.ptr)
        sns_set(call, endpoint.settings, "CustomUserData", in->custom_user_data);
    sns_set(call, endpoint.settings, "Token", in->token);
    int rc = sns_store_find_endpoint_of(call->db, call->arena, application, in->token, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "sns: find endpoint");
    /* AWS: idempotent, unless the attributes differ. */
    if (found && !has_same_settings(endpoint.settings, found->settings))
        return sns_invalid(call,
                           "Token Reason: Endpoint " STR_FMT
                           " already exists with the same Token, but different attributes.",
                           STR_ARG(endpoint_arn(call->arena, found)));
    out->endpoint_arn = endpoint_arn(call->arena, found ? found : &endpoint);
    return found ? STATUS_DONE : put_endpoint(call, &endpoint);
}

enum status sns_delete_endpoint(struct call *call, const struct sns_delete_endpoint_in *in,
                                struct sns_delete_endpoint_out *out)
{
    (void)out;
    struct sns_endpoint_row *endpoint = NULL;
    enum status status = find_endpoint(call, in->endpoint_arn, &endpoint);
    if (status != STATUS_DONE || !endpoint)
        return status; /* AWS: "This action is idempotent." */
    int rc = sns_store_delete_endpoint(call->db, endpoint->id);
    return rc < 0 ? call_fail_internal(call, rc, "sns: delete endpoint") : STATUS_DONE;
}

enum status sns_get_endpoint_attributes(struct call *call,
                                        const struct sns_get_endpoint_attributes_in *in,
                                        struct sns_get_endpoint_attributes_out *out)
{
    struct sns_endpoint_row *endpoint = NULL;
    enum status status = find_existing_endpoint(call, in->endpoint_arn, &endpoint);
    if (status == STATUS_DONE)
        show(call, endpoint->settings, &out->attributes);
    return status;
}

enum status sns_set_endpoint_attributes(struct call *call,
                                        const struct sns_set_endpoint_attributes_in *in,
                                        struct sns_set_endpoint_attributes_out *out)
{
    (void)out;
    struct sns_endpoint_row *endpoint = NULL;
    enum status status = find_existing_endpoint(call, in->endpoint_arn, &endpoint);
    if (status == STATUS_DONE)
        status = check_endpoint_attributes(call, &in->attributes);
    if (status != STATUS_DONE)
        return status;
    merge(call, &in->attributes, endpoint->settings);
    return put_endpoint(call, endpoint);
}

enum status sns_list_endpoints_by_platform_application(
    struct call *call, const struct sns_list_endpoints_by_platform_application_in *in,
    struct sns_list_endpoints_by_platform_application_out *out)
{
    struct sns_endpoint_row rows[SNS_PAGE + 1];
    struct sns_application *application = NULL;
    int64_t after = 0;
    enum status status = find_application(call, in->platform_application_arn, &application);
    if (status == STATUS_DONE)
        status = sns_read_page_token(call, in->next_token, &after);
    if (status != STATUS_DONE)
        return status;
    int64_t count =
        sns_store_list_endpoints(call->db, call->arena, application, after, SNS_PAGE + 1, rows);
    if (count < 0)
        return call_fail_internal(call, (int)count, "sns: list endpoints");
    out->endpoints.is_set = true;
    out->endpoints.items = arena_alloc_array(call->arena, SNS_PAGE, sizeof(*out->endpoints.items));
    for (int64_t i = 0; i < count && i < SNS_PAGE; i++) {
        struct sns_endpoint *item = &out->endpoints.items[out->endpoints.count++];
        item->endpoint_arn = endpoint_arn(call->arena, &rows[i]);
        show(call, rows[i].settings, &item->attributes);
    }
    if (count > SNS_PAGE)
        out->next_token = sns_page_token(call, rows[SNS_PAGE - 1].id);
    return STATUS_DONE;
}
