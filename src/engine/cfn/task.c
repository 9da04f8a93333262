/* task.c — one resource of a running operation: made, changed, put back, removed.
 *
 * A resource goes PENDING -> RUNNING -> DONE or FAILED in each phase (cfn_resource.progress). To
 * start it is one step (its IN_PROGRESS event is committed and seen by pollers), to run the adapter
 * is another; an adapter in progress is run again at its time with its state.
 *
 * What the operation did is kept in cfn_resource.change, and what the resource was before in
 * `saved`, until the operation is over:
 *
 *   CREATED   it did not exist; a rollback deletes it
 *   UPDATED   changed in place; a rollback changes it back to `saved`
 *   REPLACED  there are two: `applied` is the one in use, `saved` the other; the one that lost is
 *             deleted in the clean-up, forward or back (restoring swaps them)
 *   REMOVED   no longer in the template; deleted in the clean-up, or kept by a rollback
 *
 * An adapter that fails has done nothing: its writes are undone here by a savepoint.
 */
#include <errno.h>

#include "base/arena.h"
#include "engine/cfn/run.h"
#include "syntax/json.h"
#include "syntax/time.h"

enum {
    /* Internal errors in a row before the resource is failed instead of the step run again. */
    MAX_INTERNAL_FAILURES = 5,
};

static void set_progress(struct cfn_resource *row, struct str progress)
{
    row->progress = progress;
    if (!str_eq(progress, PROGRESS_RUNNING)) {
        row->state = NULL;
        row->run_at_ms = 0;
    }
}

enum status run_put(struct cfn_run *run, struct cfn_resource *row)
{
    int rc = cfn_store_put_resource(run->call->db, row);
    return rc < 0 ? call_fail_internal(run->call, rc, "write a stack resource") : STATUS_DONE;
}

/* Puts "****" where a text has the value of a NoEcho parameter. */
static void mask(struct arena *arena, struct json *value, struct str secret)
{
    if (json_is_string(value) && str_contains(value->text, secret))
        value->text = str_replace(arena, value->text, secret, STR("****"));
    for (struct json *child = value->first; child; child = child->next)
        mask(arena, child, secret);
}

/* AWS: NoEcho: "to mask the parameter value to prevent it from being displayed in the console,
 * command line tools, or API". */
static const struct json *masked(struct arena *arena, const struct json *spec,
                                 const struct json *properties)
{
    const struct json *parameters = json_find_cstr(spec, "Parameters");
    struct json *copy = NULL;
    for (const struct json *item = parameters ? parameters->first : NULL; item && properties;
         item = item->next) {
        struct str secret = json_find_str(item, "Value");
        if (!cfn_flag(item, "NoEcho") || secret.len == 0)
            continue;
        copy = copy ? copy : json_copy(arena, properties);
        mask(arena, copy, secret);
    }
    return copy ? copy : properties;
}

/* An event about another physical resource than the one in use. */
static enum status note_event(struct cfn_run *run, const struct cfn_resource *row,
                              const char *status, struct str reason, const struct json *applied,
                              struct str physical_id)
{
    const struct json *properties =
        masked(run->call->arena, run->stack.spec, json_find_cstr(applied, "Properties"));
    struct arena *arena = run->call->arena;
    struct cfn_event event = {
        .stack_id = run->stack.id,
        /* OBSERVED: "MyQueue-CREATE_COMPLETE-2024-03-01T12:00:00.000Z". */
        .event_id = str_format(arena, STR_FMT "-%s-" STR_FMT, STR_ARG(row->logical_id), status,
                               STR_ARG(time_rfc3339_ms(arena, run->call->now_ms))),
        .at_ms = run->call->now_ms,
        .logical_id = row->logical_id,
        .physical_id = physical_id,
        .type = row->type,
        .status = str_from_cstr(status),
        .reason = reason,
        .token = json_find_str(run->state, "Token"),
        .properties = properties ? json_to_str(arena, properties) : (struct str){0},
    };
    return cfn_note_event(run->call, &run->stack, &event);
}

enum status run_note(struct cfn_run *run, struct cfn_resource *row, const char *status,
                     struct str reason)
{
    row->status = str_from_cstr(status);
    row->reason = str_or(reason, STR(""));
    row->updated_at_ms = run->call->now_ms;
    const struct json *shown = row->wanted ? row->wanted : row->applied;
    enum status done = note_event(run, row, status, reason, shown, row->physical_id);
    return done == STATUS_DONE ? run_put(run, row) : done;
}

/* The words of a running resource: CREATE_... or UPDATE_... */
static const char *forward_status(const struct cfn_resource *row, const char *create,
                                  const char *update)
{
    return row->applied ? update : create;
}

static enum status fail_forward(struct cfn_run *run, struct cfn_resource *row, struct str reason)
{
    set_progress(row, PROGRESS_FAILED);
    if (row->applied && !cfn_flag(row->wanted, "Replace") && row->change.len == 0) {
        row->saved = row->applied; /* nothing to change back, but it is told so */
        row->change = CHANGE_UPDATED;
    }
    return run_note(run, row, forward_status(row, "CREATE_FAILED", "UPDATE_FAILED"), reason);
}

/* Whether the policy keeps a resource that would be deleted. AWS: RetainExceptOnCreate "behaves
 * like Retain for existing resources, but deletes the resource if a stack operation that created it
 * is rolled back". */
static bool is_kept(const struct cfn_run *run, const struct cfn_resource *row,
                    const struct json *victim)
{
    bool is_rollback = run_is_phase(run, "ROLLBACK") || run_is_phase(run, "RESTORE_CLEANUP");
    bool is_replaced = run_has_two(row);
    struct str policy = json_find_str(victim, "DeletionPolicy");
    if (run_is_phase(run, "CLEANUP") && is_replaced)
        policy = json_find_str(victim, "UpdateReplacePolicy");
    if (run_is_phase(run, "RESTORE_CLEANUP") && is_replaced)
        return false; /* made by the failed update only */
    bool is_retain = str_eq_cstr(policy, "Retain");
    if (is_rollback)
        return is_retain && !cfn_flag(run->state, "RetainExceptOnCreate") &&
               !cfn_flag(run->stack.options, "RetainExceptOnCreate");
    return is_retain || str_eq_cstr(policy, "RetainExceptOnCreate") ||
           cfn_list_has(json_find_cstr(run->state, "Retain"), row->logical_id);
}

/* AWS: "CloudFormation cannot update a stack when a custom-named resource requires replacing." */
static bool keeps_its_name(const struct resource_type *type, const struct json *before,
                           const struct json *after)
{
    const struct json *old_name =
        type->name_property.len > 0 ? json_find(before, type->name_property) : NULL;
    const struct json *new_name = old_name ? json_find(after, type->name_property) : NULL;
    return new_name && template_equal(old_name, new_name);
}

/* What the adapter left for its attributes. */
static struct json *kept_data(struct arena *arena, const struct json *applied)
{
    const struct json *data = json_find_cstr(applied, "Data");
    return data ? json_copy(arena, data) : NULL;
}

/* A call of an adapter in the running operation. */
static struct resource_call new_call(const struct cfn_run *run, const struct cfn_resource *row,
                                     const struct json *applied)
{
    struct resource_call rc =
        cfn_resource_call(run->call, run->principal, &run->stack, row->logical_id, applied);
    rc.type_name = str_or(json_find_str(applied, "Type"), row->type);
    rc.role_arn = json_find_str(run->state, "RoleArn");
    rc.skip = json_find_cstr(run->state, "Skip");
    rc.started_at_ms = cfn_number(run->state, "StartedAt");
    rc.is_rollback_disabled = cfn_flag(run->state, "DisableRollback");
    return rc;
}

/* Starts a change of a resource that exists: finds out what it means. */
static enum status start_update(struct cfn_run *run, struct cfn_resource *row)
{
    struct arena *arena = run->call->arena;
    const struct resource_type *type = cfn_find_type(run->call, row->type);
    const struct json *before = json_find_cstr(row->applied, "Properties");
    const struct json *after = json_find_cstr(row->wanted, "Properties");
    enum cfn_effect effect = cfn_effect_of(arena, type, before, after);
    struct resource_call tags = {
        .call = run->call,
        .properties = after,
        .old_properties = before,
        .stack_tags = json_find_cstr(row->wanted, "StackTags"),
        .old_stack_tags = json_find_cstr(row->applied, "StackTags"),
    };
    if (effect == CFN_NO_CHANGE && type->update && type->accepts_tags &&
        resource_changed(&tags, "Tags"))
        effect = CFN_IN_PLACE;
    if (effect == CFN_NO_CHANGE && type->is_always_updated)
        effect = CFN_IN_PLACE;
    cfn_set(row->wanted, "Data", kept_data(arena, row->applied));
    if (effect == CFN_NO_CHANGE) {
        /* Metadata, policies and order are ours alone: nothing is told. */
        cfn_set_text(arena, row->wanted, "PhysicalId", row->physical_id);
        if (row->change.len == 0 && !template_equal(row->applied, row->wanted)) {
            row->saved = row->applied;
            row->change = CHANGE_UPDATED;
        }
        row->applied = row->wanted;
        row->wanted = NULL;
        set_progress(row, PROGRESS_DONE);
        return run_put(run, row);
    }
    set_progress(row, PROGRESS_RUNNING);
    if (type->is_never_updated) {
        /* OBSERVED: the reason of an update whose resource documentation says "Updates are not
         * supported". */
        enum status noted = run_note(run, row, "UPDATE_IN_PROGRESS", (struct str){0});
        return noted != STATUS_DONE
                   ? noted
                   : fail_forward(
                         run, row,
                         str_format(arena, "Update to resource type " STR_FMT " is not supported.",
                                    STR_ARG(row->type)));
    }
    struct str denied = {0};
    bool is_allowed =
        run_policy_allows(run, row, effect == CFN_REPLACE ? "Replace" : "Modify", &denied);
    if (effect != CFN_REPLACE || !is_allowed) {
        enum status noted = run_note(run, row, "UPDATE_IN_PROGRESS", (struct str){0});
        return noted == STATUS_DONE && !is_allowed ? fail_forward(run, row, denied) : noted;
    }
    enum status status = run_note(run, row, "UPDATE_IN_PROGRESS",
                                  STR("Requested update requires the creation of a new physical "
                                      "resource; hence creating one."));
    if (status != STATUS_DONE)
        return status;
    cfn_set_flag(arena, row->wanted, "Replace", true);
    if (type->is_never_replaced)
        /* OBSERVED: the reason when a type's handler refuses an update as NotUpdatable. */
        return fail_forward(run, row,
                            str_format(arena,
                                       "Resource of type '" STR_FMT "' with identifier '" STR_FMT
                                       "' is not updatable with parameters provided.",
                                       STR_ARG(row->type), STR_ARG(row->physical_id)));
    if (keeps_its_name(type, before, after))
        return fail_forward(
            run, row,
            str_format(
                arena,
                "CloudFormation cannot update a stack when a custom-named "
                "resource requires replacing. Rename " STR_FMT " and update the stack again.",
                STR_ARG(str_or(resource_string(after, str_to_cstr(arena, type->name_property)),
                               row->physical_id))));
    /* DEVIATION: after a failed update whose rollback was disabled, a resource that it made or
     * changed cannot be replaced: the stack is rolled back first. */
    bool is_as_saved = str_eq(row->change, CHANGE_UPDATED) &&
                       template_equal(json_find_cstr(row->saved, "Properties"), before);
    if (row->change.len > 0 && !is_as_saved)
        return fail_forward(run, row,
                            STR("The resource was changed by the failed operation and cannot be "
                                "replaced before the stack is rolled back."));
    return run_put(run, row);
}

enum status task_start_forward(struct cfn_run *run, struct cfn_resource *row)
{
    struct str message = {0};
    struct json *wanted = NULL;
    int rc = run_wanted(run, row, &wanted, &message);
    if (rc < 0 && rc != -EINVAL)
        return call_fail_internal(run->call, rc, "resolve a resource");
    if (rc == 0)
        row->wanted = wanted;
    if (rc == 0 && row->applied)
        return start_update(run, row);
    set_progress(row, PROGRESS_RUNNING);
    enum status status = run_note(
        run, row, forward_status(row, "CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"), (struct str){0});
    if (status == STATUS_DONE && rc < 0)
        return fail_forward(run, row, message);
    return status;
}

/* Gives the adapter what dynamic references stand for. They are kept as they are written, so that
 * no secret is in a row or an event; and AWS, too, compares the references and not what they name.
 */
static enum resource_result replace_references(struct cfn_run *run, struct resource_call *rc,
                                               const struct json **properties, bool is_old)
{
    struct arena *arena = run->call->arena;
    if (!template_has_reference(*properties))
        return RESOURCE_DONE;
    struct json *copy = json_copy(arena, *properties);
    struct template_error error = {0};
    int failed =
        template_replace_references(arena, cfn_reference_environment(run->call, run->principal),
                                    rc->logical_id, rc->type_name, copy, &error);
    if (failed == 0)
        failed = cfn_check_properties(arena, cfn_find_type(run->call, rc->type_name), copy, &copy,
                                      &error.message);
    if (failed < 0 && failed != -EINVAL)
        call_fail_internal(run->call, failed, "replace dynamic references");
    if (failed < 0)
        return resource_fail(rc, STR_FMT, STR_ARG(str_or(error.message, STR("Internal Failure"))));
    /* What an old reference stood for is not known any more: as text it differs from any value, and
     * the adapter sets the new one. Lists and objects are taken apart by adapters, so those of old
     * are resolved, too. */
    for (const struct json *written = is_old ? (*properties)->first : NULL; written;
         written = written->next) {
        if (json_is_string(written) && template_has_reference(written))
            json_set(copy, written->key, json_copy(arena, written));
    }
    *properties = copy;
    return RESOURCE_DONE;
}

/* Runs an adapter's function in a savepoint of its own. */
static enum status run_adapter(struct cfn_run *run, resource_fn *function, struct resource_call *rc,
                               const struct json *state, enum resource_result *out_result)
{
    rc->state = state ? json_copy(run->call->arena, state) : NULL;
    if (run->workflow->failure_count >= MAX_INTERNAL_FAILURES) {
        *out_result = resource_fail(rc, "Internal Failure");
        return STATUS_DONE;
    }
    if (!run->principal) {
        *out_result = resource_fail(rc, "Role " STR_FMT " is invalid or cannot be assumed",
                                    STR_ARG(json_find_str(run->state, "RoleArn")));
        return STATUS_DONE;
    }
    int error = db_savepoint(run->call->db);
    if (error < 0)
        return call_fail_internal(run->call, error, "savepoint");
    enum resource_result result = replace_references(run, rc, &rc->properties, false);
    if (result == RESOURCE_DONE)
        result = replace_references(run, rc, &rc->old_properties, true);
    if (result == RESOURCE_DONE)
        result = function(rc);
    if (result == RESOURCE_FAILED)
        db_rollback_to(run->call->db);
    error = db_release(run->call->db);
    if (error < 0)
        return call_fail_internal(run->call, error, "release a savepoint");
    if (run->call->store_errno != 0)
        return STATUS_FAILED;
    *out_result = result;
    return STATUS_DONE;
}

static enum status wait_for_adapter(struct cfn_run *run, struct cfn_resource *row,
                                    const struct resource_call *rc)
{
    row->state = rc->state;
    row->run_at_ms = rc->retry_at_ms > run->call->now_ms ? rc->retry_at_ms : run->call->now_ms;
    return run_put(run, row);
}

/* Tells once that the physical resource is there. */
static enum status announce(struct cfn_run *run, struct cfn_resource *row, struct str physical_id)
{
    if (str_is_set(json_find_str(row->wanted, "PhysicalId")) || physical_id.len == 0)
        return STATUS_DONE;
    cfn_set_text(run->call->arena, row->wanted, "PhysicalId", physical_id);
    row->physical_id = physical_id;
    return run_note(run, row, forward_status(row, "CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"),
                    STR("Resource creation Initiated"));
}

static enum status finish_forward(struct cfn_run *run, struct cfn_resource *row, bool is_new)
{
    const char *words = forward_status(row, "CREATE_COMPLETE", "UPDATE_COMPLETE");
    bool is_replaced = row->applied && is_new;
    json_remove(row->wanted, STR("Replace"));
    if (row->change.len == 0 || is_replaced) {
        row->saved = row->applied;
        row->change = is_replaced    ? CHANGE_REPLACED
                      : row->applied ? CHANGE_UPDATED
                                     : CHANGE_CREATED;
    }
    row->applied = row->wanted;
    set_progress(row, PROGRESS_DONE);
    enum status status = run_note(run, row, words, (struct str){0});
    row->wanted = NULL;
    return status == STATUS_DONE ? run_put(run, row) : status;
}

/* The adapter is done: the resource is as wanted, but may have to wait for its signals. */
static enum status finish_or_await(struct cfn_run *run, struct cfn_resource *row, bool is_new)
{
    struct resource_call rc = new_call(run, row, row->wanted);
    if (!is_new || !json_find_cstr(json_find_cstr(row->wanted, "CreationPolicy"), "ResourceSignal"))
        return finish_forward(run, row, is_new);
    rc.state = row->state ? json_copy(run->call->arena, row->state) : NULL;
    switch (cfn_await_signals(&rc)) {
    case RESOURCE_DONE:
        return finish_forward(run, row, is_new);
    case RESOURCE_FAILED:
        return run->call->store_errno != 0 ? STATUS_FAILED : fail_forward(run, row, rc.message);
    case RESOURCE_IN_PROGRESS:
        break;
    }
    return wait_for_adapter(run, row, &rc);
}

/* What an adapter left goes into what is wanted. */
static void take_data(struct cfn_run *run, struct cfn_resource *row, const struct resource_call *rc)
{
    if (rc->data && rc->data != json_find_cstr(row->wanted, "Data"))
        cfn_set(row->wanted, "Data", json_copy(run->call->arena, rc->data));
}

enum status task_run_forward(struct cfn_run *run, struct cfn_resource *row)
{
    const struct resource_type *type = cfn_find_type(run->call, row->type);
    bool is_new = !row->applied || cfn_flag(row->wanted, "Replace");
    if (is_new && cfn_flag(row->state, "AwaitsSignals"))
        return finish_or_await(run, row, is_new);
    struct resource_call rc = new_call(run, row, row->wanted);
    if (!is_new) {
        rc.physical_id = row->physical_id;
        rc.old_properties = json_find_cstr(row->applied, "Properties");
        rc.old_stack_tags = json_find_cstr(row->applied, "StackTags");
    }
    enum resource_result result = RESOURCE_FAILED;
    enum status status =
        run_adapter(run, is_new ? type->create : type->update, &rc, row->state, &result);
    if (status != STATUS_DONE)
        return status;
    /* What failed after it had begun may have left something, which a rollback removes. */
    if (result == RESOURCE_FAILED && is_new && row->state)
        cfn_set_text(run->call->arena, row->wanted, "PhysicalId", rc.physical_id);
    if (result == RESOURCE_FAILED)
        return fail_forward(run, row, rc.message);
    take_data(run, row, &rc);
    if (is_new || result != RESOURCE_DONE || str_eq(rc.physical_id, row->physical_id)) {
        if (is_new)
            status = announce(run, row, rc.physical_id);
        else
            cfn_set_text(run->call->arena, row->wanted, "PhysicalId", row->physical_id);
    } else {
        /* The adapter made another one: the old one goes in the clean-up, as with a replacement. */
        cfn_set_text(run->call->arena, row->wanted, "PhysicalId", rc.physical_id);
        row->physical_id = rc.physical_id;
        is_new = true;
    }
    if (status != STATUS_DONE)
        return status;
    return result == RESOURCE_IN_PROGRESS ? wait_for_adapter(run, row, &rc)
                                          : finish_or_await(run, row, is_new);
}

enum status task_cancel(struct cfn_run *run, struct cfn_resource *row)
{
    /* A replacement that has begun is cleaned up like a finished one. */
    bool has_begun = str_is_set(json_find_str(row->wanted, "PhysicalId"));
    if (row->applied && cfn_flag(row->wanted, "Replace") && has_begun) {
        json_remove(row->wanted, STR("Replace"));
        row->saved = row->applied;
        row->applied = row->wanted;
        row->change = CHANGE_REPLACED;
        set_progress(row, PROGRESS_FAILED);
        return run_note(run, row, "UPDATE_FAILED", STR("Resource update cancelled"));
    }
    if (row->applied && row->state) { /* half changed: what it will be is what is wanted */
        row->saved = row->saved ? row->saved : row->applied;
        row->change = CHANGE_UPDATED;
        row->applied = row->wanted;
        set_progress(row, PROGRESS_FAILED);
        return run_note(run, row, "UPDATE_FAILED", STR("Resource update cancelled"));
    }
    return fail_forward(run, row,
                        row->applied ? STR("Resource update cancelled")
                                     : STR("Resource creation cancelled"));
}

/* ---- Deleting -------------------------------------------------------------------------------- */

const struct json *task_victim(const struct cfn_run *run, const struct cfn_resource *row)
{
    bool is_cleanup = run_is_phase(run, "CLEANUP") || run_is_phase(run, "RESTORE_CLEANUP");
    if (is_cleanup && run_has_two(row))
        return row->saved;
    if (row->applied)
        return row->applied;
    return str_is_set(json_find_str(row->wanted, "PhysicalId")) || row->state ? row->wanted : NULL;
}

/* An event of a deletion. The row of a resource that goes on living under another physical id is
 * left alone. */
static enum status note_delete(struct cfn_run *run, struct cfn_resource *row, const char *status,
                               struct str reason)
{
    const struct json *victim = task_victim(run, row);
    bool is_other = victim && victim == row->saved;
    enum status done = note_event(run, row, status, reason, victim,
                                  victim ? json_find_str(victim, "PhysicalId") : row->physical_id);
    if (!is_other) {
        row->status = str_from_cstr(status);
        row->reason = str_or(reason, STR(""));
        row->updated_at_ms = run->call->now_ms;
    }
    return done == STATUS_DONE ? run_put(run, row) : done;
}

enum status task_start_delete(struct cfn_run *run, struct cfn_resource *row)
{
    const struct json *victim = task_victim(run, row);
    if (!victim) {
        set_progress(row, PROGRESS_DONE);
        return note_delete(run, row, "DELETE_COMPLETE", (struct str){0});
    }
    if (is_kept(run, row, victim)) {
        set_progress(row, PROGRESS_DONE);
        return note_delete(run, row, "DELETE_SKIPPED", (struct str){0});
    }
    set_progress(row, PROGRESS_RUNNING);
    row->state = NULL;
    return note_delete(run, row, "DELETE_IN_PROGRESS", (struct str){0});
}

enum status task_run_delete(struct cfn_run *run, struct cfn_resource *row)
{
    const struct json *victim = task_victim(run, row);
    const struct resource_type *type =
        cfn_find_type(run->call, str_or(json_find_str(victim, "Type"), row->type));
    struct resource_call rc = new_call(run, row, victim);
    enum resource_result result = RESOURCE_FAILED;
    enum status status = STATUS_DONE;
    if (type)
        status = run_adapter(run, type->remove, &rc, row->state, &result);
    else
        rc.message = STR("Resource type is no longer supported");
    if (status != STATUS_DONE)
        return status;
    switch (result) {
    case RESOURCE_IN_PROGRESS:
        return wait_for_adapter(run, row, &rc);
    case RESOURCE_FAILED:
        set_progress(row, PROGRESS_FAILED);
        return note_delete(run, row, "DELETE_FAILED", rc.message);
    case RESOURCE_DONE:
        break;
    }
    set_progress(row, PROGRESS_DONE);
    status = note_delete(run, row, "DELETE_COMPLETE", (struct str){0});
    /* A failed update left two: the other one goes next. */
    if (status == STATUS_DONE && run_is_phase(run, "DELETE") && run_has_two(row)) {
        row->applied = row->saved;
        row->saved = NULL;
        row->change = CHANGE_CREATED;
        row->physical_id = json_find_str(row->applied, "PhysicalId");
        set_progress(row, PROGRESS_PENDING);
        status = run_put(run, row);
    }
    return status;
}

/* ---- Settling ---------------------------------------------------------------------------------
 */

bool task_settles(const struct cfn_run *run, const struct cfn_resource *row)
{
    const struct resource_type *type = cfn_find_type(run->call, row->type);
    return row->applied && type && type->settle;
}

enum status task_start_cleanup(struct cfn_run *run, struct cfn_resource *row)
{
    if (!cfn_flag(row->state, "Settles"))
        return task_start_delete(run, row);
    set_progress(row, PROGRESS_RUNNING);
    return run_put(run, row);
}

enum status task_run_cleanup(struct cfn_run *run, struct cfn_resource *row)
{
    if (!cfn_flag(row->state, "Settles"))
        return task_run_delete(run, row);
    struct resource_call rc = new_call(run, row, row->applied);
    enum resource_result result = RESOURCE_FAILED;
    enum status status =
        run_adapter(run, cfn_find_type(run->call, row->type)->settle, &rc, row->state, &result);
    if (status != STATUS_DONE)
        return status;
    if (result == RESOURCE_IN_PROGRESS) {
        rc.state = rc.state ? rc.state : json_new(run->call->arena, JSON_OBJECT);
        cfn_set_flag(run->call->arena, rc.state, "Settles", true);
        return wait_for_adapter(run, row, &rc);
    }
    set_progress(row, PROGRESS_DONE);
    return run_put(run, row);
}

/* ---- Putting back ---------------------------------------------------------------------------- */

static enum status finish_restore(struct cfn_run *run, struct cfn_resource *row)
{
    row->applied = row->saved;
    row->saved = NULL;
    row->change = CHANGE_NONE;
    row->wanted = NULL;
    set_progress(row, PROGRESS_DONE);
    return run_note(run, row, "UPDATE_COMPLETE", (struct str){0});
}

enum status task_start_restore(struct cfn_run *run, struct cfn_resource *row)
{
    const struct resource_type *type = cfn_find_type(run->call, row->type);
    row->wanted = NULL;
    bool is_silent = !type->restore && str_eq(row->status, STR("UPDATE_COMPLETE")) &&
                     str_eq(row->change, CHANGE_UPDATED) &&
                     template_equal(json_find_cstr(row->saved, "Properties"),
                                    json_find_cstr(row->applied, "Properties")) &&
                     template_equal(json_find_cstr(row->saved, "StackTags"),
                                    json_find_cstr(row->applied, "StackTags"));
    bool is_skipped = cfn_list_has(json_find_cstr(run->state, "Skip"), row->logical_id);
    if (is_silent) {
        row->applied = row->saved;
        row->saved = NULL;
        row->change = CHANGE_NONE;
        set_progress(row, PROGRESS_DONE);
        return run_put(run, row);
    }
    if (is_skipped) /* AWS: ResourcesToSkip: "sets the status ... to UPDATE_COMPLETE" */
        return finish_restore(run, row);
    set_progress(row, PROGRESS_RUNNING);
    if (!str_eq(row->change, CHANGE_REPLACED))
        return run_note(run, row, "UPDATE_IN_PROGRESS", (struct str){0});
    /* The old one is still there: it is used again, the new one goes in the clean-up. */
    struct json *new_one = row->applied;
    row->applied = row->saved;
    row->saved = new_one;
    row->change = CHANGE_SWAPPED;
    row->physical_id = json_find_str(row->applied, "PhysicalId");
    set_progress(row, PROGRESS_DONE);
    return run_note(run, row, "UPDATE_COMPLETE", (struct str){0});
}

enum status task_run_restore(struct cfn_run *run, struct cfn_resource *row)
{
    const struct resource_type *type = cfn_find_type(run->call, row->type);
    /* What failed before it changed anything is as it was. */
    if (!type->restore && template_equal(row->applied, row->saved))
        return finish_restore(run, row);
    struct resource_call rc = new_call(run, row, row->saved);
    rc.physical_id = row->physical_id;
    rc.old_properties = json_find_cstr(row->applied, "Properties");
    rc.old_stack_tags = json_find_cstr(row->applied, "StackTags");
    enum resource_result result = RESOURCE_FAILED;
    enum status status =
        run_adapter(run, type->restore ? type->restore : type->update, &rc, row->state, &result);
    if (status != STATUS_DONE)
        return status;
    if (result == RESOURCE_DONE && !str_eq(rc.physical_id, row->physical_id)) {
        /* Put back as yet another one: the one of the failed update goes in the clean-up. */
        struct json *new_one = row->applied;
        row->applied = row->saved;
        row->saved = new_one;
        row->change = CHANGE_SWAPPED;
        cfn_set_text(run->call->arena, row->applied, "PhysicalId", rc.physical_id);
        row->physical_id = rc.physical_id;
        set_progress(row, PROGRESS_DONE);
        return run_note(run, row, "UPDATE_COMPLETE", (struct str){0});
    }
    if (result == RESOURCE_DONE)
        return finish_restore(run, row);
    if (result == RESOURCE_IN_PROGRESS)
        return wait_for_adapter(run, row, &rc);
    set_progress(row, PROGRESS_FAILED);
    return run_note(run, row, "UPDATE_FAILED", rc.message);
}
