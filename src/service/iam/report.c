/* report.c — the credential report: one CSV row for the root and for every user.
 *
 * A report is made at once when it is asked for and kept for four hours. The first request answers
 * STARTED, as AWS does, and those that follow COMPLETE; the report can be fetched right away.
 *
 * Docs: IAM user guide, "Generate credential reports for your AWS account" (columns and their
 * values), IAM API reference, GenerateCredentialReport.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "service/iam/iam_account.h"
#include "syntax/time.h"

enum {
    MAX_REPORT = 4 << 20, /* 5,000 users of 400 bytes and long names */
    REPORT_LIFE_MS = 4 * 3600 * 1000,
    COLUMNS_PER_KEY = 5,
};

static const char header[] =
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,"
    "password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,"
    "access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,"
    "access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,"
    "access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,"
    "cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

struct report {
    struct call *call;
    struct buf text;
    int64_t max_password_age_days; /* 0: passwords do not expire */
};

static void add(struct report *report, struct str value)
{
    buf_append_char(&report->text, ',');
    buf_append(&report->text, value);
}

static void add_flag(struct report *report, bool value)
{
    add(report, value ? STR("true") : STR("false"));
}

/* "2015-08-30T12:36:00+00:00"; `none` when there is no such time. */
static void add_time(struct report *report, int64_t time_ms, struct str none)
{
    if (time_ms == 0) {
        add(report, none);
        return;
    }
    struct str text = time_rfc3339(report->call->arena, time_ms / 1000 * 1000);
    add(report, str_slice(text, 0, text.len - 1));
    buf_append_cstr(&report->text, "+00:00");
}

/* AWS: "N/A" stands for what a user without such a key has not. */
static int add_keys(struct report *report, struct str user_id)
{
    struct call *call = report->call;
    struct vec keys;
    vec_init(&keys, call->arena, sizeof(struct iam_key_row));
    int rc = iam_store_list_keys(call->db, call->arena, call->scope.account, user_id,
                                 IAM_EVERYTHING, &keys);
    for (size_t i = 0; i < IAM_MAX_KEYS; i++) {
        const struct iam_key_row *key = i < keys.count ? vec_at(&keys, i) : NULL;
        add_flag(report, key && str_eq_cstr(key->status, "Active"));
        add_time(report, key ? key->created_at_ms : 0, STR("N/A"));
        for (int column = 2; column < COLUMNS_PER_KEY; column++)
            add(report, STR("N/A"));
    }
    return rc;
}

static int add_certificates(struct report *report, struct str user_id)
{
    struct call *call = report->call;
    struct vec found;
    vec_init(&found, call->arena, sizeof(struct iam_credential));
    int rc = iam_store_list_credentials(call->db, call->arena, IAM_CREDENTIAL_CERTIFICATE,
                                        call->scope.account, user_id, IAM_EVERYTHING, &found);
    for (size_t i = 0; i < 2; i++) {
        const struct iam_credential *certificate = i < found.count ? vec_at(&found, i) : NULL;
        add_flag(report, certificate && str_eq_cstr(certificate->status, "Active"));
        add_time(report, certificate ? certificate->created_at_ms : 0, STR("N/A"));
    }
    return rc;
}

/* AWS: the root's row is "<root_account>"; its password columns that cannot be known are
 * "not_supported". */
static int add_root(struct report *report)
{
    struct str account = report->call->scope.account;
    buf_append_cstr(&report->text, "\n<root_account>");
    add(report, str_format(report->call->arena, "arn:aws:iam::" STR_FMT ":root", STR_ARG(account)));
    static const char *const columns[] = {
        "N/A", /* an account here was never created: it is there when it is named */
        "not_supported", "no_information", "not_supported", "not_supported", "false",
    };
    for (size_t i = 0; i < ARRAY_LEN(columns); i++)
        add(report, str_from_cstr(columns[i]));
    int rc = add_keys(report, account);
    return rc < 0 ? rc : add_certificates(report, account);
}

static int add_password(struct report *report, const struct iam_entity *user)
{
    struct call *call = report->call;
    struct iam_credential login = {0};
    int rc =
        iam_store_find_credential(call->db, call->arena, IAM_CREDENTIAL_LOGIN, user->id, &login);
    if (rc < 0)
        return rc;
    int64_t age_ms = report->max_password_age_days * 24 * 3600 * 1000;
    add_flag(report, rc == 1);
    add_time(report, rc == 1 ? user->last_used_at_ms : 0,
             rc == 1 ? STR("no_information") : STR("N/A"));
    add_time(report, login.created_at_ms, STR("N/A"));
    add_time(report, rc == 1 && age_ms > 0 ? login.created_at_ms + age_ms : 0, STR("N/A"));
    return 0;
}

static int add_user(struct report *report, const struct iam_entity *user)
{
    struct call *call = report->call;
    struct vec devices;
    vec_init(&devices, call->arena, sizeof(struct iam_mfa_row));
    buf_append_char(&report->text, '\n');
    buf_append(&report->text, user->name);
    add(report, iam_entity_arn(call->arena, user));
    add_time(report, user->created_at_ms, STR("N/A"));
    int rc = add_password(report, user);
    if (rc == 0)
        rc = iam_store_list_mfa(call->db, call->arena, call->scope.account, user->id,
                                IAM_EVERYTHING, &devices);
    if (rc < 0)
        return rc;
    add_flag(report, devices.count > 0);
    rc = add_keys(report, user->id);
    return rc < 0 ? rc : add_certificates(report, user->id);
}

static int write_report(struct report *report)
{
    struct call *call = report->call;
    struct vec users;
    vec_init(&users, call->arena, sizeof(struct iam_entity));
    buf_append_cstr(&report->text, header);
    int rc = add_root(report);
    if (rc == 0)
        rc = iam_store_list(call->db, call->arena, call->scope.account, IAM_KIND_USER, STR("/"),
                            IAM_EVERYTHING, &users);
    for (size_t i = 0; i < users.count && rc == 0; i++)
        rc = add_user(report, vec_at(&users, i));
    return rc;
}

/* AWS: a report that is younger than four hours is not made anew. */
enum status iam_generate_credential_report(struct call *call,
                                           const struct iam_generate_credential_report_in *in,
                                           struct iam_generate_credential_report_out *out)
{
    (void)in;
    struct str content = {0};
    int64_t generated_at_ms = 0;
    int rc = iam_store_find_report(call->db, call->arena, call->scope.account, &content,
                                   &generated_at_ms);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find the credential report");
    if (rc == 1 && generated_at_ms + REPORT_LIFE_MS > call->now_ms) {
        out->state = STR("COMPLETE");
        return STATUS_DONE;
    }
    bool is_first = rc == 0;
    struct report report = {.call = call};
    buf_init(&report.text, call->arena, MAX_REPORT);
    if (iam_get_password_age(call, &report.max_password_age_days) != STATUS_DONE)
        return STATUS_FAILED;
    rc = write_report(&report);
    if (rc == 0)
        rc = iam_store_put_report(call->db, call->scope.account, buf_str(&report.text),
                                  call->now_ms / 1000 * 1000);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: write the credential report");
    out->state = STR("STARTED");
    out->description = is_first ? STR("No report exists. Starting a new report generation task")
                                : STR("Report is stale. Starting a new report generation task");
    return STATUS_DONE;
}

enum status iam_get_credential_report(struct call *call,
                                      const struct iam_get_credential_report_in *in,
                                      struct iam_get_credential_report_out *out)
{
    (void)in;
    struct str content = {0};
    int64_t generated_at_ms = 0;
    int rc = iam_store_find_report(call->db, call->arena, call->scope.account, &content,
                                   &generated_at_ms);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find the credential report");
    if (rc == 0)
        return call_fail(call, &IAM_CREDENTIAL_REPORT_NOT_PRESENT_EXCEPTION, "%s", "");
    if (generated_at_ms + REPORT_LIFE_MS <= call->now_ms)
        return call_fail(call, &IAM_CREDENTIAL_REPORT_EXPIRED_EXCEPTION,
                         "The most recent credential report has expired.");
    out->content = content;
    out->report_format = STR("text/csv");
    out->generated_time = opt_i64(generated_at_ms);
    return STATUS_DONE;
}
