/* version.c — the values of a secret: PutSecretValue, GetSecretValue, UpdateSecretVersionStage,
 * ListSecretVersionIds, and the moves of staging labels.
 *
 * A label is on one version. When AWSCURRENT moves, AWSPREVIOUS moves to the version that had it.
 * A version without labels is deprecated: kept, but the first to go when there are too many.
 *
 * Docs: Secrets Manager user guide, "What's in a Secrets Manager secret?" (versions); API reference
 * of the operations. The texts of the errors, unless said otherwise: OBSERVED (2023-01-31, recorded
 * by public test suites with boto3).
 */
#include "base/arena.h"
#include "service/secretsmanager/secretsmanager.h"
#include "syntax/json.h"

enum {
    MAX_DEPRECATED = 100, /* AWS: "Secrets Manager doesn't remove versions created in the last 24
                             hours", keeps about 100 */
};

/* --- stages as JSON arrays --- */

static struct json *read_stages(struct call *call, struct str stages)
{
    struct json *list = NULL;
    return json_parse(call->arena, stages, 0, &list, NULL) == 0 ? list
                                                                : json_new(call->arena, JSON_ARRAY);
}

bool secrets_has_stage(struct call *call, struct str stages, struct str stage)
{
    for (const struct json *item = read_stages(call, stages)->first; item; item = item->next) {
        if (str_eq(item->text, stage))
            return true;
    }
    return false;
}

void secrets_stage_list(struct call *call, struct str stages,
                        struct secretsmanager_secret_version_stages_type *out)
{
    const struct json *list = read_stages(call, stages);
    out->items = arena_alloc_array(call->arena, list->count, sizeof(*out->items));
    out->count = 0;
    for (const struct json *item = list->first; item; item = item->next)
        out->items[out->count++] = item->text;
}

static struct str with_stage(struct call *call, struct str stages, struct str stage)
{
    struct json *list = read_stages(call, stages);
    if (!secrets_has_stage(call, stages, stage))
        json_append(list, json_new_string(call->arena, stage));
    return json_to_str(call->arena, list);
}

static struct str without_stage(struct call *call, struct str stages, struct str stage)
{
    struct json *kept = json_new(call->arena, JSON_ARRAY);
    for (const struct json *item = read_stages(call, stages)->first; item; item = item->next) {
        if (!str_eq(item->text, stage))
            json_append(kept, json_new_string(call->arena, item->text));
    }
    return json_to_str(call->arena, kept);
}

enum status secrets_list_versions(struct call *call, const struct secret *secret,
                                  struct secret_version **out_versions, int64_t *out_count)
{
    *out_versions = arena_alloc_array(call->arena, SECRETS_MAX_VERSIONS, sizeof(**out_versions));
    *out_count = secrets_store_list_versions(call->db, call->arena, secret, false,
                                             SECRETS_MAX_VERSIONS, *out_versions);
    return *out_count < 0
               ? call_fail_internal(call, (int)*out_count, "secretsmanager: list versions")
               : STATUS_DONE;
}

/* All versions of a secret while labels move; written back where they changed. */
struct moves {
    struct secret_version *versions;
    bool has_changed[SECRETS_MAX_VERSIONS];
    int64_t count;
};

static enum status moves_begin(struct call *call, const struct secret *secret, struct moves *moves)
{
    *moves = (struct moves){0};
    return secrets_list_versions(call, secret, &moves->versions, &moves->count);
}

static int64_t find_stage(struct call *call, const struct moves *moves, struct str stage)
{
    for (int64_t i = 0; i < moves->count; i++) {
        if (secrets_has_stage(call, moves->versions[i].stages, stage))
            return i;
    }
    return -1;
}

static int64_t find_id(const struct moves *moves, struct str id)
{
    for (int64_t i = 0; i < moves->count; i++) {
        if (str_eq(moves->versions[i].id, id))
            return i;
    }
    return -1;
}

static void take_off(struct call *call, struct moves *moves, struct str stage)
{
    int64_t from = find_stage(call, moves, stage);
    if (from < 0)
        return;
    moves->versions[from].stages = without_stage(call, moves->versions[from].stages, stage);
    moves->has_changed[from] = true;
}

/* Moves the stage to the version at `to`, or off all of them when `to` is negative. */
static void move_stage(struct call *call, struct moves *moves, struct str stage, int64_t to)
{
    int64_t from = find_stage(call, moves, stage);
    if (from == to)
        return;
    take_off(call, moves, stage);
    if (to >= 0) {
        moves->versions[to].stages = with_stage(call, moves->versions[to].stages, stage);
        moves->has_changed[to] = true;
    }
    if (str_eq(stage, SECRETS_CURRENT) && from >= 0)
        move_stage(call, moves, SECRETS_PREVIOUS, from);
}

static enum status moves_end(struct call *call, const struct secret *secret,
                             const struct moves *moves)
{
    for (int64_t i = 0; i < moves->count; i++) {
        int rc = moves->has_changed[i]
                     ? secrets_store_set_stages(call->db, secret, &moves->versions[i])
                     : 0;
        if (rc < 0)
            return call_fail_internal(call, rc, "secretsmanager: set stages");
    }
    return STATUS_DONE;
}

/* --- adding a version --- */

enum status secrets_check_token(struct call *call, struct str token)
{
    /* OBSERVED (2023-05-12, recorded by public test suites). */
    if (token.len == 0)
        return call_fail(call, &SECRETSMANAGER_INVALID_REQUEST_EXCEPTION,
                         "You must provide a ClientRequestToken value. We recommend a UUID-type "
                         "value.");
    return STATUS_DONE;
}

/* AWS: "If a version with this value already exists and that version's SecretString and
 * SecretBinary values are the same as those in the request, then the request is ignored"; else it
 * fails. */
static enum status repeat_version(struct call *call, const struct secret *secret,
                                  const struct secret_put *put,
                                  const struct secret_version *version)
{
    struct secret_value value = {0};
    enum status status = secrets_open(call, secret, version, &value);
    if (status != STATUS_DONE)
        return status;
    if (str_is_set(value.text) == str_is_set(put->value.text) &&
        str_eq(value.text, put->value.text) && str_eq(value.bytes, put->value.bytes))
        return STATUS_DONE;
    return call_fail(call, &SECRETSMANAGER_RESOURCE_EXISTS_EXCEPTION,
                     "You can't use ClientRequestToken " STR_FMT
                     " because that value is already in use for a version of secret " STR_FMT ".",
                     STR_ARG(put->token), STR_ARG(secret->arn));
}

/* The oldest versions without stages go when there are too many. */
static enum status drop_deprecated(struct call *call, const struct secret *secret,
                                   struct moves *moves)
{
    int64_t excess = moves->count + 1 - MAX_DEPRECATED;
    for (int64_t i = 0; i < moves->count && excess > 0; i++) {
        if (!str_eq_cstr(moves->versions[i].stages, "[]"))
            continue;
        int rc = secrets_store_delete_version(call->db, secret, moves->versions[i].id);
        if (rc < 0)
            return call_fail_internal(call, rc, "secretsmanager: delete a version");
        moves->has_changed[i] = false;
        excess--;
    }
    return STATUS_DONE;
}

static size_t count_stages(struct call *call, const struct moves *moves)
{
    size_t count = 0;
    for (int64_t i = 0; i < moves->count; i++)
        count += read_stages(call, moves->versions[i].stages)->count;
    return count;
}

/* Puts the new version's labels on it, and takes them off the others. */
static void stage_new_version(struct call *call, const struct secret_put *put, struct moves *moves,
                              struct secret_version *version)
{
    struct str stages[SECRETS_MAX_STAGES + 1];
    size_t count = 0;
    bool is_current = false;
    for (size_t i = 0; i < put->stage_count && count < SECRETS_MAX_STAGES; i++) {
        stages[count++] = put->stages[i];
        is_current |= str_eq(put->stages[i], SECRETS_CURRENT);
    }
    /* AWS: AWSCURRENT is the default, and "if this operation creates the first version for the
     * secret, Secrets Manager automatically attaches the staging label AWSCURRENT". */
    if (!is_current && (put->stage_count == 0 || moves->count == 0))
        stages[count++] = SECRETS_CURRENT;
    version->stages = STR("[]");
    for (size_t i = 0; i < count; i++) {
        int64_t from = find_stage(call, moves, stages[i]);
        take_off(call, moves, stages[i]);
        version->stages = with_stage(call, version->stages, stages[i]);
        if (str_eq(stages[i], SECRETS_CURRENT) && from >= 0)
            move_stage(call, moves, SECRETS_PREVIOUS, from);
    }
}

enum status secrets_put_version(struct call *call, struct secret *secret,
                                const struct secret_put *put, struct secret_version *out_version)
{
    struct secret_version version = {.id = put->token, .created_at_ms = call->now_ms};
    int found = secrets_store_find_version(call->db, call->arena, secret, put->token, out_version);
    if (found < 0)
        return call_fail_internal(call, found, "secretsmanager: find a version");
    if (found == 1)
        return repeat_version(call, secret, put, out_version);
    struct moves moves;
    enum status status = moves_begin(call, secret, &moves);
    if (status == STATUS_DONE)
        status = secrets_seal(call, secret, &put->value, &version);
    if (status == STATUS_DONE)
        status = drop_deprecated(call, secret, &moves);
    if (status != STATUS_DONE)
        return status;
    stage_new_version(call, put, &moves, &version);
    if (count_stages(call, &moves) + put->stage_count > SECRETS_MAX_STAGES)
        return call_fail(call, &SECRETSMANAGER_LIMIT_EXCEEDED_EXCEPTION,
                         "You have exceeded the number of staging labels for a secret: 20.");
    int rc = secrets_store_put_version(call->db, secret, &version);
    if (rc < 0)
        return call_fail_internal(call, rc, "secretsmanager: put a version");
    *out_version = version;
    secret->changed_at_ms = call->now_ms;
    return moves_end(call, secret, &moves);
}

enum status secretsmanager_put_secret_value(struct call *call,
                                            const struct secretsmanager_put_secret_value_in *in,
                                            struct secretsmanager_put_secret_value_out *out)
{
    struct secret secret = {0};
    struct secret_version version = {0};
    const struct secret_put put = {
        .token = in->client_request_token,
        .value = {.text = in->secret_string, .bytes = in->secret_binary},
        .stages = in->version_stages.items,
        .stage_count = in->version_stages.count,
    };
    enum status status = secrets_check_token(call, in->client_request_token);
    if (status == STATUS_DONE)
        status = secrets_check_value(call, &put.value, false);
    if (status == STATUS_DONE)
        status = secrets_primary_subject(call, &secret);
    if (status == STATUS_DONE)
        status = secrets_put_version(call, &secret, &put, &version);
    if (status == STATUS_DONE)
        status = secrets_write(call, &secret);
    if (status != STATUS_DONE)
        return status;
    out->arn = secret.arn;
    out->name = secret.name;
    out->version_id = version.id;
    secrets_stage_list(call, version.stages, &out->version_stages);
    return STATUS_DONE;
}

/* --- reading --- */

static enum status fail_version(struct call *call, const char *what, struct str value)
{
    return call_fail(call, &SECRETSMANAGER_RESOURCE_NOT_FOUND_EXCEPTION,
                     "Secrets Manager can't find the specified secret value for %s: " STR_FMT, what,
                     STR_ARG(value));
}

static enum status find_by_id(struct call *call, const struct secret *secret,
                              const struct secretsmanager_get_secret_value_in *in,
                              struct secret_version *out_version)
{
    int found =
        secrets_store_find_version(call->db, call->arena, secret, in->version_id, out_version);
    if (found < 0)
        return call_fail_internal(call, found, "secretsmanager: find a version");
    if (found == 0)
        return fail_version(call, "VersionId", in->version_id);
    if (in->version_stage.len > 0 &&
        !secrets_has_stage(call, out_version->stages, in->version_stage))
        return call_fail(call, &SECRETSMANAGER_INVALID_REQUEST_EXCEPTION,
                         "You provided a VersionStage that is not associated to the provided "
                         "VersionId.");
    return STATUS_DONE;
}

static enum status find_by_stage(struct call *call, const struct secret *secret, struct str stage,
                                 struct secret_version *out_version)
{
    struct moves moves;
    enum status status = moves_begin(call, secret, &moves);
    if (status != STATUS_DONE)
        return status;
    int64_t index = find_stage(call, &moves, stage);
    if (index < 0)
        return fail_version(call, "staging label", stage);
    int found = secrets_store_find_version(call->db, call->arena, secret, moves.versions[index].id,
                                           out_version);
    return found < 0 ? call_fail_internal(call, found, "secretsmanager: find a version")
                     : STATUS_DONE;
}

/* AWS: LastAccessedDate is "truncated to midnight". */
static enum status note_access(struct call *call, const struct secret *secret,
                               const struct secret_version *version)
{
    int64_t day = call->now_ms - call->now_ms % SECRETS_DAY_MS;
    if (secret->accessed_at_ms == day && version->accessed_at_ms == day)
        return STATUS_DONE;
    int rc = secrets_store_touch(call->db, secret, version, day);
    return rc < 0 ? call_fail_internal(call, rc, "secretsmanager: note an access") : STATUS_DONE;
}

enum status secretsmanager_get_secret_value(struct call *call,
                                            const struct secretsmanager_get_secret_value_in *in,
                                            struct secretsmanager_get_secret_value_out *out)
{
    struct secret secret = {0};
    struct secret_version version = {0};
    struct secret_value value = {0};
    enum status status = secrets_usable_subject(call, &secret);
    if (status != STATUS_DONE)
        return status;
    status =
        in->version_id.len > 0
            ? find_by_id(call, &secret, in, &version)
            : find_by_stage(call, &secret, str_or(in->version_stage, SECRETS_CURRENT), &version);
    if (status == STATUS_DONE)
        status = secrets_open(call, &secret, &version, &value);
    if (status == STATUS_DONE)
        status = note_access(call, &secret, &version);
    if (status != STATUS_DONE)
        return status;
    out->arn = secret.arn;
    out->name = secret.name;
    out->version_id = version.id;
    out->secret_string = value.text;
    out->secret_binary = value.bytes;
    out->created_date = opt_i64(version.created_at_ms);
    secrets_stage_list(call, version.stages, &out->version_stages);
    return STATUS_DONE;
}

/* --- UpdateSecretVersionStage --- */

static enum status check_stage_move(struct call *call,
                                    const struct secretsmanager_update_secret_version_stage_in *in,
                                    const struct moves *moves)
{
    int64_t holder = find_stage(call, moves, in->version_stage);
    if (in->move_to_version_id.len > 0 && find_id(moves, in->move_to_version_id) < 0)
        return call_fail(call, &SECRETSMANAGER_INVALID_PARAMETER_EXCEPTION,
                         "Not a valid version: '" STR_FMT "'", STR_ARG(in->move_to_version_id));
    if (in->remove_from_version_id.len > 0 && find_id(moves, in->remove_from_version_id) < 0)
        return call_fail(call, &SECRETSMANAGER_INVALID_PARAMETER_EXCEPTION,
                         "Not a valid version: '" STR_FMT "'", STR_ARG(in->remove_from_version_id));
    if (in->move_to_version_id.len == 0 && str_eq(in->version_stage, SECRETS_CURRENT))
        return call_fail(call, &SECRETSMANAGER_INVALID_PARAMETER_EXCEPTION,
                         "You can only move staging label AWSCURRENT to a different secret "
                         "version. It can't be completely removed.");
    if (holder < 0 || str_eq(moves->versions[holder].id, in->move_to_version_id) ||
        str_eq(moves->versions[holder].id, in->remove_from_version_id))
        return STATUS_DONE;
    struct str id = moves->versions[holder].id;
    if (in->remove_from_version_id.len == 0)
        return call_fail(call, &SECRETSMANAGER_INVALID_PARAMETER_EXCEPTION,
                         "The parameter RemoveFromVersionId can't be empty. Staging label " STR_FMT
                         " is currently attached to version " STR_FMT
                         ", so you must explicitly reference that version in "
                         "RemoveFromVersionId.",
                         STR_ARG(in->version_stage), STR_ARG(id));
    return call_fail(
        call, &SECRETSMANAGER_INVALID_PARAMETER_EXCEPTION,
        "The parameter RemoveFromVersionId must be the version that the staging label " STR_FMT
        " is attached to: " STR_FMT ".",
        STR_ARG(in->version_stage), STR_ARG(id));
}

enum status secretsmanager_update_secret_version_stage(
    struct call *call, const struct secretsmanager_update_secret_version_stage_in *in,
    struct secretsmanager_update_secret_version_stage_out *out)
{
    struct secret secret = {0};
    struct moves moves;
    enum status status = secrets_primary_subject(call, &secret);
    if (status == STATUS_DONE)
        status = moves_begin(call, &secret, &moves);
    if (status == STATUS_DONE)
        status = check_stage_move(call, in, &moves);
    if (status != STATUS_DONE)
        return status;
    int64_t to = in->move_to_version_id.len > 0 ? find_id(&moves, in->move_to_version_id) : -1;
    move_stage(call, &moves, in->version_stage, to);
    if (count_stages(call, &moves) > SECRETS_MAX_STAGES)
        return call_fail(call, &SECRETSMANAGER_LIMIT_EXCEEDED_EXCEPTION,
                         "You have exceeded the number of staging labels for a secret: 20.");
    status = moves_end(call, &secret, &moves);
    secret.changed_at_ms = call->now_ms;
    if (status == STATUS_DONE)
        status = secrets_write(call, &secret);
    out->arn = secret.arn;
    out->name = secret.name;
    return status;
}

/* --- ListSecretVersionIds --- */

enum status
secretsmanager_list_secret_version_ids(struct call *call,
                                       const struct secretsmanager_list_secret_version_ids_in *in,
                                       struct secretsmanager_list_secret_version_ids_out *out)
{
    struct secret secret = {0};
    struct moves moves;
    int64_t from = 0;
    if (in->next_token.len > 0 && (str_to_i64(in->next_token, &from) < 0 || from < 0))
        return call_fail(call, &SECRETSMANAGER_INVALID_NEXT_TOKEN_EXCEPTION,
                         "The NextToken value is invalid.");
    enum status status = secrets_subject(call, &secret);
    if (status == STATUS_DONE)
        status = moves_begin(call, &secret, &moves);
    if (status != STATUS_DONE)
        return status;
    int64_t limit = opt_i32_or(in->max_results, SECRETS_MAX_VERSIONS);
    struct secretsmanager_secret_versions_list_type *list = &out->versions;
    list->items = arena_alloc_array(call->arena, (size_t)limit, sizeof(*list->items));
    list->is_set = true;
    out->arn = secret.arn;
    out->name = secret.name;
    for (int64_t i = from; i < moves.count; i++) {
        const struct secret_version *version = &moves.versions[i];
        bool is_deprecated = str_eq_cstr(version->stages, "[]");
        if (is_deprecated && !opt_bool_or(in->include_deprecated, false))
            continue;
        if (list->count == (size_t)limit) {
            out->next_token = str_format(call->arena, "%lld", (long long)i);
            break;
        }
        struct secretsmanager_secret_versions_list_entry *entry = &list->items[list->count++];
        struct str *key = arena_alloc(call->arena, sizeof(*key));
        *key = version->kms_key_id;
        *entry = (struct secretsmanager_secret_versions_list_entry){
            .version_id = version->id,
            .created_date = opt_i64(version->created_at_ms),
            .kms_key_ids = {.items = key, .count = 1},
        };
        if (version->accessed_at_ms > 0)
            entry->last_accessed_date = opt_i64(version->accessed_at_ms);
        secrets_stage_list(call, version->stages, &entry->version_stages);
    }
    return STATUS_DONE;
}
