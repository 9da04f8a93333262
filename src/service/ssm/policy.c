/* policy.c — parameter policies: Expiration, ExpirationNotification, NoChangeNotification, really
 * carried out.
 *
 * They stand in the version's row as a JSON array of {"Text", "Type", "Status", "At"}: what the
 * user wrote, and when it is due (milliseconds, movable clock). A parameter with a policy that is
 * still to come has one workflow, named by its ARN; a step does what is due and sleeps until the
 * next date. Writing the parameter starts the time-table anew and wakes the workflow; one whose
 * parameter has no more dates, or is gone, ends.
 *
 * Docs: Systems Manager user guide, "Assigning parameter policies in Parameter Store"; API
 * reference, PutParameter (Policies), ParameterInlinePolicy. The texts of the errors are the
 * model's documentation of each.
 */
#include <errno.h>

#include "base/arena.h"
#include "service/ssm/ssm.h"
#include "syntax/json.h"
#include "syntax/time.h"

enum {
    MAX_POLICIES = 10, /* AWS: PoliciesLimitExceededException, "The maximum is 10" */
    HOUR_MS = 60 * 60 * 1000,
    HOURS_PER_DAY = 24,
};

#define PENDING STR("Pending")
#define FINISHED STR("Finished")
#define EXPIRATION STR("Expiration")
#define EXPIRATION_NOTIFICATION STR("ExpirationNotification")
#define NO_CHANGE_NOTIFICATION STR("NoChangeNotification")

static enum status fail_attribute(struct call *call)
{
    return call_fail(call, &SSM_INVALID_POLICY_ATTRIBUTE_EXCEPTION,
                     "A policy attribute or its value is invalid.");
}

static enum status fail_conflict(struct call *call)
{
    return call_fail(call, &SSM_INCOMPATIBLE_POLICY_EXCEPTION,
                     "There is a conflict in the policies specified for this parameter. You can't, "
                     "for example, specify two Expiration policies for a parameter. Review your "
                     "policies, and try again.");
}

/* Milliseconds of {"Before": "15", "Unit": "Days"}; 0: not valid. */
static int64_t read_interval(const struct json *attributes, const char *key)
{
    const struct json *amount = json_find_cstr(attributes, key);
    struct str unit = json_find_str(attributes, "Unit");
    int64_t count = 0;
    enum {
        MAX_COUNT = 100000,
    };
    bool is_amount = amount && (amount->kind == JSON_STRING || amount->kind == JSON_NUMBER);
    if (!is_amount || str_to_i64(amount->text, &count) < 0 || count <= 0 || count > MAX_COUNT)
        return 0;
    if (str_eq_cstr(unit, "Days"))
        return count * HOURS_PER_DAY * HOUR_MS;
    return str_eq_cstr(unit, "Hours") ? count * HOUR_MS : 0;
}

static bool read_timestamp(const struct json *attributes, int64_t *out_ms)
{
    return time_parse_rfc3339(json_find_str(attributes, "Timestamp"), out_ms) == 0;
}

/* One policy of the request, checked. */
static enum status check_one(struct call *call, const struct json *policy)
{
    struct str type = json_find_str(policy, "Type");
    const struct json *attributes = json_find_cstr(policy, "Attributes");
    int64_t expiry = 0;
    bool is_valid = str_eq_cstr(json_find_str(policy, "Version"), "1.0");
    if (str_eq(type, EXPIRATION))
        is_valid = is_valid && read_timestamp(attributes, &expiry);
    else if (str_eq(type, EXPIRATION_NOTIFICATION))
        is_valid = is_valid && read_interval(attributes, "Before") > 0;
    else if (str_eq(type, NO_CHANGE_NOTIFICATION))
        is_valid = is_valid && read_interval(attributes, "After") > 0;
    else
        return call_fail(call, &SSM_INVALID_POLICY_TYPE_EXCEPTION,
                         "The policy type isn't supported. Parameter Store supports the following "
                         "policy types: Expiration, ExpirationNotification, and "
                         "NoChangeNotification.");
    return is_valid ? STATUS_DONE : fail_attribute(call);
}

/* AWS: to remove all policies, one writes "[{}]". */
static bool means_none(const struct json *policies)
{
    return policies->count == 0 ||
           (policies->count == 1 && json_is_object(policies->first) && policies->first->count == 0);
}

static enum status check_together(struct call *call, const struct json *policies)
{
    size_t expirations = 0;
    size_t warnings = 0;
    for (const struct json *policy = policies->first; policy; policy = policy->next) {
        expirations += str_eq(json_find_str(policy, "Type"), EXPIRATION);
        warnings += str_eq(json_find_str(policy, "Type"), EXPIRATION_NOTIFICATION);
    }
    if (policies->count > MAX_POLICIES)
        return call_fail(call, &SSM_POLICIES_LIMIT_EXCEEDED_EXCEPTION,
                         "You specified more than the maximum number of allowed policies for the "
                         "parameter. The maximum is 10.");
    return expirations > 1 || (warnings > 0 && expirations == 0) ? fail_conflict(call)
                                                                 : STATUS_DONE;
}

enum status ssm_read_policies(struct call *call, struct str text, struct str *out_policies,
                              size_t *out_count)
{
    struct json *policies = NULL;
    *out_policies = STR("[]");
    *out_count = 0;
    if (json_parse(call->arena, text, 0, &policies, NULL) < 0 || !json_is_array(policies))
        return fail_attribute(call);
    if (means_none(policies))
        return STATUS_DONE;
    struct json *kept = json_new(call->arena, JSON_ARRAY);
    for (const struct json *policy = policies->first; policy; policy = policy->next) {
        enum status status = check_one(call, policy);
        if (status != STATUS_DONE)
            return status;
        struct json *row = json_new(call->arena, JSON_OBJECT);
        json_append_member(row, STR("Text"),
                           json_new_string(call->arena, json_to_str(call->arena, policy)));
        json_append_member(row, STR("Type"),
                           json_new_string(call->arena, json_find_str(policy, "Type")));
        json_append_member(row, STR("Status"), json_new_string(call->arena, PENDING));
        json_append_member(row, STR("At"), json_new_number(call->arena, 0));
        json_append(kept, row);
    }
    *out_policies = json_to_str(call->arena, kept);
    *out_count = kept->count;
    return check_together(call, policies);
}

void ssm_show_policies(struct call *call, const struct ssm_entry *entry,
                       struct ssm_parameter_policy_list *out)
{
    struct json *policies = NULL;
    out->is_set = true;
    if (json_parse(call->arena, entry->policies, 0, &policies, NULL) < 0)
        return;
    out->items = arena_alloc_array(call->arena, policies->count, sizeof(*out->items));
    for (const struct json *row = policies->first; row; row = row->next)
        out->items[out->count++] = (struct ssm_parameter_inline_policy){
            .policy_text = json_find_str(row, "Text"),
            .policy_type = json_find_str(row, "Type"),
            .policy_status = json_find_str(row, "Status"),
        };
}

/* --- the time-table --- */

static int64_t due_of(const struct json *row)
{
    int64_t due = 0;
    const struct json *at = json_find_cstr(row, "At");
    return at && str_to_i64(at->text, &due) == 0 ? due : 0;
}

static const struct json *attributes_of(struct call *call, const struct json *row)
{
    struct json *policy = NULL;
    if (json_parse(call->arena, json_find_str(row, "Text"), 0, &policy, NULL) < 0)
        return NULL;
    return json_find_cstr(policy, "Attributes");
}

static int64_t find_expiry(struct call *call, const struct json *rows)
{
    int64_t expiry = 0;
    for (const struct json *row = rows->first; row; row = row->next) {
        if (str_eq(json_find_str(row, "Type"), EXPIRATION))
            (void)read_timestamp(attributes_of(call, row), &expiry);
    }
    return expiry;
}

/* When the policy is due, counted from a change at call->now_ms. */
static int64_t compute_due(struct call *call, const struct json *row, int64_t expiry)
{
    const struct json *attributes = attributes_of(call, row);
    struct str type = json_find_str(row, "Type");
    if (str_eq(type, EXPIRATION))
        return expiry;
    if (str_eq(type, EXPIRATION_NOTIFICATION))
        return expiry - read_interval(attributes, "Before");
    return call->now_ms + read_interval(attributes, "After");
}

enum status ssm_schedule(struct call *call, struct ssm_entry *entry)
{
    struct json *rows = NULL;
    int rc = json_parse(call->arena, entry->policies, 0, &rows, NULL);
    if (rc < 0)
        return call_fail_internal(call, rc, "ssm: policies of a parameter");
    if (rows->count == 0)
        return STATUS_DONE;
    int64_t expiry = find_expiry(call, rows);
    for (struct json *row = rows->first; row; row = row->next) {
        bool is_warning = str_eq(json_find_str(row, "Type"), EXPIRATION_NOTIFICATION);
        bool is_done = is_warning && str_eq(json_find_str(row, "Status"), FINISHED);
        json_set(row, STR("At"), json_new_number(call->arena, compute_due(call, row, expiry)));
        json_set(row, STR("Status"), json_new_string(call->arena, is_done ? FINISHED : PENDING));
    }
    entry->policies = json_to_str(call->arena, rows);
    rc = workflow_exists(call, ssm_parameter_kind.name, entry->arn);
    if (rc < 0)
        return call_fail_internal(call, rc, "ssm: look for a parameter's workflow");
    return rc == 1 ? workflow_wake(call, ssm_parameter_kind.name, entry->arn)
                   : workflow_start(call, ssm_parameter_kind.name, entry->arn, NULL);
}

/* Does what is due; *out_next is the next date, or 0. An expired parameter is gone afterwards. */
static enum status carry_out(struct call *call, const struct ssm_entry *entry, struct json *rows,
                             int64_t *out_next, bool *out_gone)
{
    for (struct json *row = rows->first; row; row = row->next) {
        int64_t due = due_of(row);
        if (!str_eq(json_find_str(row, "Status"), PENDING))
            continue;
        if (due > call->now_ms) {
            *out_next = *out_next == 0 || due < *out_next ? due : *out_next;
            continue;
        }
        struct str type = json_find_str(row, "Type");
        enum status status = ssm_put_policy_action(call, entry, type, json_find_str(row, "Text"));
        if (status == STATUS_DONE && str_eq(type, EXPIRATION)) {
            *out_gone = true;
            return ssm_remove(call, entry);
        }
        if (status != STATUS_DONE)
            return status;
        json_set(row, STR("Status"), json_new_string(call->arena, FINISHED));
    }
    return STATUS_DONE;
}

static enum status parameter_step(struct call *call, struct workflow *workflow,
                                  enum workflow_next *out_next)
{
    struct ssm_name name = {0};
    struct ssm_entry entry = {0};
    struct json *rows = NULL;
    int64_t next = 0;
    bool is_gone = false;
    *out_next = WORKFLOW_DONE;
    enum status status = ssm_parse_name(call, workflow->id, &name);
    if (status != STATUS_DONE)
        return call_fail_internal(call, -EINVAL, "ssm: id of a parameter's workflow");
    call->scope = name.scope;
    int found = ssm_find_current(call, &name, &entry);
    if (found < 0)
        return call_fail_internal(call, found, "ssm: find a parameter");
    if (found == 0)
        return STATUS_DONE;
    int rc = json_parse(call->arena, entry.policies, 0, &rows, NULL);
    if (rc < 0)
        return call_fail_internal(call, rc, "ssm: policies of a parameter");
    status = carry_out(call, &entry, rows, &next, &is_gone);
    if (status != STATUS_DONE || is_gone)
        return status;
    entry.policies = json_to_str(call->arena, rows);
    rc = ssm_store_set_policies(call->db, &entry);
    if (rc < 0)
        return call_fail_internal(call, rc, "ssm: set policies");
    if (next > 0) {
        workflow->run_at_ms = next;
        *out_next = WORKFLOW_AGAIN;
    }
    return STATUS_DONE;
}

const struct workflow_kind ssm_parameter_kind = {
    .name = STR_INIT("ssm.parameter"),
    .step = parameter_step,
};
