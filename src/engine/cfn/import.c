/* import.c — taking resources that exist into a stack: phases IMPORT and IMPORT_ROLLBACK.
 *
 * An import changes no resource: each is read once, which shows that it is there, and becomes one
 * of the stack with the properties of the template (whether they are true is what drift detection
 * tells). So a rollback has only rows to forget.
 *
 * Docs: CloudFormation user guide, "Import AWS resources into a CloudFormation stack"; statuses and
 * reasons as its events show them.
 */
#include <errno.h>

#include "base/arena.h"
#include "base/vec.h"
#include "engine/cfn/run.h"
#include "syntax/json.h"

/* Rows for what is imported; the others are left alone. */
static enum status add_rows(struct cfn_run *run)
{
    const struct template_binding *binding = run->plan->binding;
    const struct json *wanted = json_find_cstr(run->state, "Import");
    struct vec rows;
    vec_init(&rows, run->call->arena, sizeof(struct cfn_resource));
    for (size_t i = 0; i < run->row_count; i++)
        *(struct cfn_resource *)vec_push(&rows) = run->rows[i];
    for (size_t i = 0; i < binding->resource_count; i++) {
        const struct template_bound_resource *bound = &binding->resources[i];
        struct cfn_resource *row = run_find_row(run, bound->resource->id);
        const struct json *physical = json_find(wanted, bound->resource->id);
        if (row || !physical)
            continue;
        *(struct cfn_resource *)vec_push(&rows) = (struct cfn_resource){
            .stack_id = run->stack.id,
            .logical_id = bound->resource->id,
            .position = (int64_t)i,
            .type = bound->resource->type,
            .physical_id = physical->text,
            .progress = PROGRESS_PENDING,
            .wanted = run_new_wanted(run, bound),
        };
    }
    run->rows = rows.items;
    run->row_count = rows.count;
    enum status status = STATUS_DONE;
    for (size_t i = 0; status == STATUS_DONE && i < run->row_count; i++) {
        if (str_eq(run->rows[i].progress, PROGRESS_PENDING))
            status = run_put(run, &run->rows[i]);
    }
    return status;
}

enum status import_enter(struct cfn_run *run, bool *out_is_over)
{
    (void)out_is_over;
    struct str message = {0};
    int rc = run_load_plan(run, &message);
    if (rc == 0)
        rc = run_take_imports(run, &message);
    if (rc == -EINVAL) {
        cfn_set_text(run->call->arena, run->state, "Phase", STR("IMPORT_ROLLBACK"));
        cfn_set_text(run->call->arena, run->state, "Reason", message);
        cfn_set_flag(run->call->arena, run->state, "Entered", false);
        return STATUS_DONE;
    }
    return rc < 0 ? call_fail_internal(run->call, rc, "begin an import") : add_rows(run);
}

/* What the stack has already takes no part and need not be waited for. */
bool import_is_ready(struct cfn_run *run, const struct cfn_resource *row)
{
    const struct json *needed = json_find_cstr(row->wanted, "DependsOn");
    for (const struct json *id = needed ? needed->first : NULL; id; id = id->next) {
        const struct cfn_resource *other = run_find_row(run, id->text);
        if (other && other->progress.len > 0 && !str_eq(other->progress, PROGRESS_DONE))
            return false;
    }
    return true;
}

static enum status fail_import(struct cfn_run *run, struct cfn_resource *row, struct str reason)
{
    row->progress = PROGRESS_FAILED;
    return run_note(run, row, "IMPORT_FAILED", reason);
}

enum status import_start(struct cfn_run *run, struct cfn_resource *row)
{
    struct str message = {0};
    struct json *wanted = NULL;
    int rc = run_wanted(run, row, &wanted, &message);
    if (rc < 0 && rc != -EINVAL)
        return call_fail_internal(run->call, rc, "resolve a resource");
    if (rc == 0) {
        row->wanted = wanted;
        cfn_set_text(run->call->arena, row->wanted, "PhysicalId", row->physical_id);
    }
    row->progress = PROGRESS_RUNNING;
    enum status status = run_note(run, row, "IMPORT_IN_PROGRESS", STR("Resource import started."));
    return status == STATUS_DONE && rc < 0 ? fail_import(run, row, message) : status;
}

enum status import_run(struct cfn_run *run, struct cfn_resource *row)
{
    const struct resource_type *type = cfn_find_type(run->call, row->type);
    struct resource_call rc =
        cfn_resource_call(run->call, run->principal, &run->stack, row->logical_id, row->wanted);
    struct json *live = NULL;
    if (!run->principal)
        return fail_import(run, row,
                           str_format(run->call->arena,
                                      "Role " STR_FMT " is invalid or cannot be assumed",
                                      STR_ARG(json_find_str(run->state, "RoleArn"))));
    enum resource_result result = type->read(&rc, &live);
    if (run->call->store_errno != 0)
        return STATUS_FAILED;
    if (result != RESOURCE_DONE)
        /* OBSERVED: the reason of a resource that is not there. */
        return fail_import(run, row,
                           str_format(run->call->arena,
                                      "Resource of type '" STR_FMT "' with identifier '" STR_FMT
                                      "' was not found.",
                                      STR_ARG(row->type), STR_ARG(row->physical_id)));
    row->applied = row->wanted;
    row->change = CHANGE_CREATED;
    row->progress = PROGRESS_DONE;
    enum status status = run_note(run, row, "IMPORT_COMPLETE", STR("Resource import completed."));
    row->wanted = NULL;
    return status == STATUS_DONE ? run_put(run, row) : status;
}

enum status import_finish(struct cfn_run *run, bool *out_is_over)
{
    struct str message = {0};
    int rc = run_keep_outputs(run, &message);
    if (rc < 0 && rc != -EINVAL)
        return call_fail_internal(run->call, rc, "finish an import");
    if (rc == -EINVAL) {
        cfn_set_text(run->call->arena, run->state, "Phase", STR("IMPORT_ROLLBACK"));
        cfn_set_text(run->call->arena, run->state, "Reason", message);
        cfn_set_flag(run->call->arena, run->state, "Entered", false);
        return STATUS_DONE;
    }
    run->stack.saved_spec = NULL;
    enum status status = run_trim_templates(run);
    for (size_t i = 0; status == STATUS_DONE && i < run->row_count; i++) {
        run->rows[i].change = CHANGE_NONE;
        run->rows[i].progress = STR("");
        status = run_put(run, &run->rows[i]);
    }
    *out_is_over = true;
    return status == STATUS_DONE ? run_set_status(run, "IMPORT_COMPLETE", (struct str){0}) : status;
}

enum status import_enter_rollback(struct cfn_run *run, bool *out_is_over)
{
    (void)out_is_over;
    enum status status =
        run_set_status(run, "IMPORT_ROLLBACK_IN_PROGRESS", json_find_str(run->state, "Reason"));
    for (size_t i = 0; status == STATUS_DONE && i < run->row_count; i++) {
        struct cfn_resource *row = &run->rows[i];
        bool is_imported = json_find(json_find_cstr(run->state, "Import"), row->logical_id);
        row->progress = STR("");
        if (!is_imported)
            continue;
        if (row->status.len > 0)
            status = run_note(run, row, "IMPORT_ROLLBACK_IN_PROGRESS", (struct str){0});
        if (status == STATUS_DONE && row->status.len > 0)
            status = run_note(run, row, "IMPORT_ROLLBACK_COMPLETE", (struct str){0});
        if (status == STATUS_DONE)
            status = run_drop_row(run, row);
    }
    return status;
}

enum status import_finish_rollback(struct cfn_run *run, bool *out_is_over)
{
    *out_is_over = true;
    run->stack.spec =
        run->stack.saved_spec ? run->stack.saved_spec : json_new(run->call->arena, JSON_OBJECT);
    run->stack.saved_spec = NULL;
    enum status status = run_trim_templates(run);
    return status == STATUS_DONE ? run_set_status(run, "IMPORT_ROLLBACK_COMPLETE", (struct str){0})
                                 : status;
}
