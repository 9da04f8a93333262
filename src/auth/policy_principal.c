/* policy_principal.c — whom Principal and NotPrincipal name, and whether it is the requester.
 *
 * A requester is known under several names: a role session by its own ARN, its role and its
 * account. A match says on which of these levels it happened; policy_evaluate.c knows what that is
 * worth.
 *
 * Docs: IAM user guide, "AWS JSON policy elements: Principal" and "... NotPrincipal".
 */
#include "auth/policy_private.h"

/* --- reading --- */

static bool is_account_id(struct str text)
{
    if (text.len != 12)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    }
    return true;
}

/* AIDA..., AROA... and their kin: 16 to 128 capital letters and digits. */
static bool is_unique_id(struct str text)
{
    if (text.len < 16 || text.len > 128 || text.ptr[0] != 'A')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')))
            return false;
    }
    return true;
}

/* AWS: "You cannot use a wildcard to match part of a principal name or ARN." */
static bool parse_principal_arn(struct str text, struct principal_entry *entry)
{
    static const char *const kinds[] = {"user/", "role/", "assumed-role/", "federated-user/"};
    struct arn arn = arn_split(text);
    bool is_iam = str_eq(arn.parts[2], STR("iam"));
    if (!arn.is_arn || pattern_has_wildcard(text) || !arn_is_partition(arn.parts[1]) ||
        arn.parts[3].len > 0 || arn.parts[4].len == 0 ||
        (!is_iam && !str_eq(arn.parts[2], STR("sts"))))
        return false;
    if (is_iam && str_eq(arn.parts[5], STR("root"))) {
        entry->kind = POLICY_PRINCIPAL_ACCOUNT;
        entry->account = arn.parts[4];
        return true;
    }
    entry->kind = POLICY_PRINCIPAL_ARN;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct str kind = str_from_cstr(kinds[i]);
        if (arn.parts[5].len > kind.len && str_starts_with(arn.parts[5], kind))
            return true;
    }
    return false;
}

static bool parse_aws_principal(struct str text, struct principal_entry *entry)
{
    if (str_eq(text, STR("*"))) {
        entry->kind = POLICY_PRINCIPAL_ANYONE;
        return true;
    }
    if (is_account_id(text)) {
        entry->kind = POLICY_PRINCIPAL_ACCOUNT;
        entry->account = text;
        return true;
    }
    if (is_unique_id(text)) {
        entry->kind = POLICY_PRINCIPAL_UNIQUE_ID;
        return true;
    }
    return parse_principal_arn(text, entry);
}

bool principal_parse(struct str type, struct str text, struct principal_entry *entry)
{
    *entry = (struct principal_entry){.text = text};
    if (str_eq(type, STR("AWS")))
        return parse_aws_principal(text, entry);
    if (str_eq(type, STR("Service"))) {
        entry->kind = POLICY_PRINCIPAL_SERVICE;
        return str_eq(text, STR("*")) || (str_index(text, '.') > 0 && !pattern_has_wildcard(text) &&
                                          str_index(text, ' ') < 0);
    }
    if (str_eq(type, STR("Federated"))) {
        entry->kind = POLICY_PRINCIPAL_FEDERATED;
        return text.len > 0;
    }
    entry->kind = POLICY_PRINCIPAL_CANONICAL_USER;
    return str_eq(type, STR("CanonicalUser")) && text.len > 0;
}

/* --- matching --- */

static bool same_set_text(struct str a, struct str b)
{
    return a.len > 0 && str_eq(a, b);
}

static enum match_level match_arn(const struct policy_principal *principal, struct str text)
{
    if (same_set_text(principal->arn, text))
        return LEVEL_DIRECT;
    return same_set_text(principal->role_arn, text) ? LEVEL_PARENT : LEVEL_NONE;
}

static enum match_level match_unique_id(const struct policy_principal *principal, struct str text)
{
    if (same_set_text(principal->user_id, text))
        return principal->is_federated_user ? LEVEL_PARENT : LEVEL_DIRECT;
    return same_set_text(principal->role_id, text) ? LEVEL_PARENT : LEVEL_NONE;
}

/* AWS: "For IAM users and role principals within your account, no other permissions are required"
 * beside an Allow for "*". It names anonymous callers and services as well. */
static enum match_level match_entry(const struct policy_principal *principal,
                                    const struct principal_entry *entry)
{
    bool is_everyone = str_eq(entry->text, STR("*"));
    switch (entry->kind) {
    case POLICY_PRINCIPAL_ANYONE:
        return LEVEL_DIRECT;
    case POLICY_PRINCIPAL_ACCOUNT:
        return same_set_text(principal->account, entry->account) ? LEVEL_ACCOUNT : LEVEL_NONE;
    case POLICY_PRINCIPAL_ARN:
        return match_arn(principal, entry->text);
    case POLICY_PRINCIPAL_UNIQUE_ID:
        return match_unique_id(principal, entry->text);
    case POLICY_PRINCIPAL_SERVICE:
        return principal->service.len > 0 &&
                       (is_everyone || str_eq(principal->service, entry->text))
                   ? LEVEL_DIRECT
                   : LEVEL_NONE;
    case POLICY_PRINCIPAL_FEDERATED:
        return principal->federated.len > 0 &&
                       (is_everyone || str_eq(principal->federated, entry->text))
                   ? LEVEL_DIRECT
                   : LEVEL_NONE;
    case POLICY_PRINCIPAL_CANONICAL_USER:
        return same_set_text(principal->canonical_user, entry->text) ? LEVEL_ACCOUNT : LEVEL_NONE;
    }
    return LEVEL_NONE;
}

static enum match_level strongest_entry(const struct policy_principal *principal,
                                        const struct statement *statement)
{
    enum match_level best = LEVEL_NONE;
    for (size_t i = 0; i < statement->principal_count && best != LEVEL_DIRECT; i++) {
        enum match_level level = match_entry(principal, &statement->principals[i]);
        best = level > best ? level : best;
    }
    return best;
}

static bool names_level(const struct policy_principal *principal, const struct statement *statement,
                        enum match_level level)
{
    for (size_t i = 0; i < statement->principal_count; i++) {
        if (match_entry(principal, &statement->principals[i]) == level)
            return true;
    }
    return false;
}

static bool names_anyone(const struct statement *statement)
{
    for (size_t i = 0; i < statement->principal_count; i++) {
        if (statement->principals[i].kind == POLICY_PRINCIPAL_ANYONE)
            return true;
    }
    return false;
}

/* Whether NotPrincipal of a Deny spares the requester. A role session must be named together with
 * its role: either one alone is denied through the other. Naming the account spares its root user
 * only, or else the documented list of a user and its account would spare the whole account.
 * AWS: "assumed-role users cannot have more permissions than their parent role". */
static bool is_spared(const struct policy_principal *principal, const struct statement *statement)
{
    if (names_anyone(statement))
        return true;
    if (principal->is_root)
        return names_level(principal, statement, LEVEL_ACCOUNT);
    if (!names_level(principal, statement, LEVEL_DIRECT))
        return false;
    bool is_role_session = principal->role_arn.len > 0 && !principal->is_federated_user;
    return !is_role_session || names_level(principal, statement, LEVEL_PARENT);
}

enum match_level principal_match(const struct evaluation *evaluation,
                                 const struct statement *statement)
{
    const struct policy_principal *principal = &evaluation->request->principal;
    if (!statement->is_not_principal)
        return strongest_entry(principal, statement);
    if (statement->is_allow)
        return strongest_entry(principal, statement) == LEVEL_NONE ? LEVEL_DIRECT : LEVEL_NONE;
    /* AWS: "The NotPrincipal element with a Deny effect will always deny any IAM principal that has
     * a permissions boundary policy attached, regardless of the values specified". */
    if (evaluation->has_boundary)
        return LEVEL_DIRECT;
    return is_spared(principal, statement) ? LEVEL_NONE : LEVEL_DIRECT;
}
