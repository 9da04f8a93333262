/* step.c — the phases of a stack operation, one step at a time.
 *
 *   CREATE ──────────────ok──────────────► CREATE_COMPLETE
 *     └─a resource fails─► ROLLBACK ──────► ROLLBACK_COMPLETE | ROLLBACK_FAILED
 *          (rollback off ► CREATE_FAILED; OnFailure DELETE ► DELETE)
 *   UPDATE ──ok──► CLEANUP ───────────────► UPDATE_COMPLETE
 *     └─a resource fails─► RESTORE ──ok──► RESTORE_CLEANUP ──► UPDATE_ROLLBACK_COMPLETE
 *          (rollback off ► UPDATE_FAILED)   └─fails──────────► UPDATE_ROLLBACK_FAILED
 *   DELETE ──────────────────────────────► DELETE_COMPLETE | DELETE_FAILED
 *   IMPORT ──ok──────────────────────────► IMPORT_COMPLETE      (import.c)
 *     └─fails─► IMPORT_ROLLBACK ──────────► IMPORT_ROLLBACK_COMPLETE
 *
 * A phase is a row of `phases`: enter() marks the resources that it is about as PENDING, start()
 * and run() are those of task.c, is_ready() orders them, finish() ends it when nothing is left to
 * do. One step does one of these things, or several of the last three: answers a request, enters
 * the phase, starts every resource that is ready, runs one that is due, finishes. So whatever kills
 * the program, the next step is found in the rows.
 */
#include <errno.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/vec.h"
#include "engine/cfn/run.h"
#include "syntax/json.h"

struct phase {
    const char *name;
    bool is_forward;  /* a failure ends the phase at once */
    bool is_backward; /* resources are taken in reverse order */
    enum status (*enter)(struct cfn_run *run, bool *out_is_over);
    bool (*is_ready)(struct cfn_run *run, const struct cfn_resource *row);
    enum status (*start)(struct cfn_run *run, struct cfn_resource *row);
    enum status (*run)(struct cfn_run *run, struct cfn_resource *row);
    enum status (*finish)(struct cfn_run *run, bool *out_is_over);
};

enum {
    POSITION_GONE = -1, /* of a resource that is not in the template */
    /* Then others have their turn (see workflow.h), but not before loading the stack has paid off.
     */
    STEP_MAX_US = 4000,
    STEP_MIN_THINGS = 24,
    MS_PER_MINUTE = 60 * 1000,
    HELD_LOOK_MS = 60 * 60 * 1000, /* the parent wakes a nested stack long before */
};

static const struct str no_reason;

static enum status fail_forward(struct cfn_run *run, struct str why, bool *out_is_over);

struct cfn_resource *run_find_row(struct cfn_run *run, struct str logical_id)
{
    if (run->indexed != run->rows) {
        map_init(&run->index, run->call->arena);
        for (size_t i = 0; i < run->row_count; i++)
            map_set(&run->index, run->rows[i].logical_id, &run->rows[i]);
        run->indexed = run->rows;
    }
    return run->rows ? map_find(&run->index, logical_id) : NULL;
}

bool run_has_two(const struct cfn_resource *row)
{
    return str_eq(row->change, CHANGE_REPLACED) || str_eq(row->change, CHANGE_SWAPPED);
}

bool run_is_phase(const struct cfn_run *run, const char *phase)
{
    return str_eq_cstr(json_find_str(run->state, "Phase"), phase);
}

static bool is_progress(const struct cfn_resource *row, struct str progress)
{
    return str_eq(row->progress, progress);
}

static void go_to(struct cfn_run *run, const char *phase, struct str reason)
{
    cfn_set_text(run->call->arena, run->state, "Phase", str_from_cstr(phase));
    cfn_set_text(run->call->arena, run->state, "Reason", reason);
    cfn_set_flag(run->call->arena, run->state, "Entered", false);
}

enum status run_set_status(struct cfn_run *run, const char *status, struct str reason)
{
    return cfn_set_status(run->call, &run->stack, str_from_cstr(status), reason,
                          json_find_str(run->state, "Token"));
}

/* The status of a phase that a handler may have set already. */
static enum status begin_status(struct cfn_run *run, const char *status)
{
    if (str_eq_cstr(run->stack.status, status))
        return STATUS_DONE;
    return run_set_status(run, status, json_find_str(run->state, "Reason"));
}

/* ---- Exports --------------------------------------------------------------------------------- */

/* Names of the other stacks that import the export; absent when there are none. */
static int importers(struct cfn_run *run, struct str export_name, struct str *out_names)
{
    enum { LISTED = 10 };
    struct str *names = NULL;
    int64_t count = cfn_store_list_importers(run->call->db, run->call->arena, run->stack.scope,
                                             export_name, STR(""), LISTED, &names);
    if (count < 0)
        return (int)count;
    struct vec others;
    vec_init(&others, run->call->arena, sizeof(struct str));
    for (int64_t i = 0; i < count; i++) {
        if (!str_eq(names[i], run->stack.name))
            *(struct str *)vec_push(&others) = names[i];
    }
    if (others.count > 0)
        *out_names = cfn_name_list(run->call->arena, others.items, others.count);
    return 0;
}

/* The exports that the stack has now and would lose or change with `outputs`.
 * OBSERVED: "Export X cannot be deleted as it is in use by a and b". */
static int check_lost_exports(struct cfn_run *run, const struct cfn_output *outputs, size_t count,
                              struct str *out_message)
{
    struct cfn_output *now = NULL;
    int64_t now_count =
        cfn_store_list_outputs(run->call->db, run->call->arena, run->stack.id, &now);
    for (int64_t i = 0; i < now_count; i++) {
        if (!now[i].export_name.ptr)
            continue;
        const struct cfn_output *next = NULL;
        for (size_t j = 0; j < count && !next; j++) {
            if (outputs[j].export_name.ptr && str_eq(outputs[j].export_name, now[i].export_name))
                next = &outputs[j];
        }
        struct str names = {0};
        if (next && str_eq(next->value, now[i].value))
            continue;
        int rc = importers(run, now[i].export_name, &names);
        if (rc < 0)
            return rc;
        if (names.ptr) {
            *out_message = str_format(
                run->call->arena, "Export " STR_FMT " cannot be %s as it is in use by " STR_FMT,
                STR_ARG(now[i].export_name), next ? "updated" : "deleted", STR_ARG(names));
            return -EINVAL;
        }
    }
    return now_count < 0 ? (int)now_count : 0;
}

/* OBSERVED: "Export with name X is already exported by stack Y". */
static int check_new_exports(struct cfn_run *run, const struct cfn_output *outputs, size_t count,
                             struct str *out_message)
{
    for (size_t i = 0; i < count; i++) {
        if (!outputs[i].export_name.ptr)
            continue;
        struct cfn_export found = {0};
        int rc = cfn_store_find_export(run->call->db, run->call->arena, run->stack.scope,
                                       outputs[i].export_name, &found);
        if (rc < 0)
            return rc;
        bool is_twice = false;
        for (size_t j = 0; j < i; j++)
            is_twice = is_twice || str_eq(outputs[j].export_name, outputs[i].export_name);
        if (is_twice || (rc == 1 && !str_eq(found.stack_id, run->stack.id))) {
            *out_message =
                str_format(run->call->arena,
                           "Export with name " STR_FMT " is already exported by stack " STR_FMT,
                           STR_ARG(outputs[i].export_name),
                           STR_ARG(is_twice ? run->stack.name : found.stack_name));
            return -EINVAL;
        }
    }
    return 0;
}

static int write_imports(struct cfn_run *run, const struct json *names)
{
    int rc = 0;
    for (const struct json *name = names ? names->first : NULL; name && rc == 0; name = name->next)
        rc = cfn_store_add_import(run->call->db, &run->stack, name->text);
    return rc;
}

/* Notes what the plan imports. A missing export fails the stack. */
int run_take_imports(struct cfn_run *run, struct str *out_message)
{
    const struct template_binding *binding = run->plan->binding;
    for (size_t i = 0; i < binding->import_count; i++) {
        struct cfn_export found = {0};
        int rc = cfn_store_find_export(run->call->db, run->call->arena, run->stack.scope,
                                       binding->imports[i], &found);
        if (rc < 0)
            return rc;
        if (rc == 0) {
            *out_message = str_format(run->call->arena, "No export named " STR_FMT " found.",
                                      STR_ARG(binding->imports[i]));
            return -EINVAL;
        }
    }
    struct json *names = cfn_text_list(run->call->arena, binding->imports, binding->import_count);
    cfn_set(run->stack.spec, "Imports", names);
    return write_imports(run, names);
}

/* ---- Forward: CREATE and UPDATE -------------------------------------------------------------- */

/* What must be there first, until task_start_forward finds out the rest. */
struct json *run_new_wanted(struct cfn_run *run, const struct template_bound_resource *bound)
{
    struct json *wanted = json_new(run->call->arena, JSON_OBJECT);
    cfn_set(wanted, "DependsOn", run_dependencies(run, bound));
    return wanted;
}

static void add_row(struct cfn_run *run, struct vec *rows, size_t position)
{
    const struct template_bound_resource *bound = &run->plan->binding->resources[position];
    *(struct cfn_resource *)vec_push(rows) = (struct cfn_resource){
        .stack_id = run->stack.id,
        .logical_id = bound->resource->id,
        .position = (int64_t)position,
        .type = bound->resource->type,
        .progress = PROGRESS_PENDING,
        .wanted = run_new_wanted(run, bound),
    };
}

/* A resource that the template no longer has. What a failed operation made or replaced keeps its
 * mark, so that a rollback still knows; its position says that it goes. */
static void mark_removed(struct cfn_resource *row)
{
    row->position = POSITION_GONE;
    if (!row->applied)
        row->change = CHANGE_CREATED; /* it never came to be */
    else if (row->change.len == 0 || str_eq(row->change, CHANGE_UPDATED))
        row->change = CHANGE_REMOVED;
}

/* Whether the clean-up of an update, forward or back, ends the resource. */
static bool is_leaving(const struct cfn_resource *row, bool is_back)
{
    bool is_created = str_eq(row->change, CHANGE_CREATED);
    if (is_back)
        return is_created;
    return str_eq(row->change, CHANGE_REMOVED) || (is_created && row->position == POSITION_GONE);
}

/* Makes a row for every resource of the plan, marks all of those as pending and what is no longer
 * there as removed. */
static enum status mark_forward(struct cfn_run *run)
{
    const struct template_binding *binding = run->plan->binding;
    struct vec rows;
    vec_init(&rows, run->call->arena, sizeof(struct cfn_resource));
    for (size_t i = 0; i < run->row_count; i++) {
        struct cfn_resource row = run->rows[i];
        const struct template_bound_resource *bound = template_find_bound(binding, row.logical_id);
        row.state = NULL;
        row.wanted = bound ? run_new_wanted(run, bound) : NULL;
        row.progress = bound ? PROGRESS_PENDING : STR("");
        if (bound) {
            row.position = bound - binding->resources;
            row.type = bound->resource->type;
            if (str_eq(row.change, CHANGE_REMOVED))
                row.change = CHANGE_NONE;
        } else {
            mark_removed(&row);
        }
        *(struct cfn_resource *)vec_push(&rows) = row;
    }
    for (size_t i = 0; i < binding->resource_count; i++) {
        if (!run_find_row(run, binding->resources[i].resource->id))
            add_row(run, &rows, i);
    }
    run->rows = rows.items;
    run->row_count = rows.count;
    enum status status = STATUS_DONE;
    for (size_t i = 0; status == STATUS_DONE && i < run->row_count; i++)
        status = run_put(run, &run->rows[i]);
    return status;
}

static enum status enter_forward(struct cfn_run *run, bool *out_is_over)
{
    struct str message = {0};
    int rc = run_load_plan(run, &message);
    if (rc == 0)
        rc = run_take_imports(run, &message);
    if (rc == -EINVAL)
        return fail_forward(run, message, out_is_over);
    if (rc < 0)
        return call_fail_internal(run->call, rc, "begin a stack operation");
    enum status status = mark_forward(run);
    for (size_t i = 0; status == STATUS_DONE && i < run->row_count; i++) {
        if (str_eq(run->rows[i].change, CHANGE_REMOVED) &&
            !run_policy_allows(run, &run->rows[i], "Delete", &message))
            return fail_forward(run, message, out_is_over);
    }
    return status;
}

/* By what mark_forward noted: most steps need no plan. */
static bool is_ready_forward(struct cfn_run *run, const struct cfn_resource *row)
{
    const struct json *needed = json_find_cstr(row->wanted, "DependsOn");
    for (const struct json *id = needed ? needed->first : NULL; id; id = id->next) {
        const struct cfn_resource *other = run_find_row(run, id->text);
        if (other && !is_progress(other, PROGRESS_DONE))
            return false;
    }
    return true;
}

/* Forgets the templates of what the stack was before. */
enum status run_trim_templates(struct cfn_run *run)
{
    int rc = cfn_store_trim_templates(run->call->db, run->stack.id,
                                      cfn_number(run->stack.spec, "Generation"));
    return rc < 0 ? call_fail_internal(run->call, rc, "forget old templates") : STATUS_DONE;
}

/* A nested stack is updated before its parent is; until that has succeeded its outputs may have to
 * be put back. */
static int save_outputs(struct cfn_run *run)
{
    struct arena *arena = run->call->arena;
    struct cfn_output *outputs = NULL;
    if (!run->stack.saved_spec)
        return 0;
    int64_t count = cfn_store_list_outputs(run->call->db, arena, run->stack.id, &outputs);
    struct json *list = json_new(arena, JSON_ARRAY);
    for (int64_t i = 0; i < count; i++) {
        struct json *item = json_new(arena, JSON_OBJECT);
        cfn_set_text(arena, item, "Name", outputs[i].name);
        cfn_set_text(arena, item, "Value", outputs[i].value);
        cfn_set_text(arena, item, "Description", outputs[i].description);
        cfn_set_text(arena, item, "ExportName", outputs[i].export_name);
        json_append(list, item);
    }
    cfn_set(run->stack.saved_spec, "Outputs", list);
    return count < 0 ? (int)count : 0;
}

/* The reverse; nothing when they were not touched. */
static int restore_outputs(struct cfn_run *run)
{
    const struct json *list = json_find_cstr(run->stack.spec, "Outputs");
    if (!list)
        return 0;
    struct cfn_output *outputs = arena_alloc_array(run->call->arena, list->count, sizeof(*outputs));
    size_t count = 0;
    for (const struct json *item = list->first; item; item = item->next)
        outputs[count++] = (struct cfn_output){
            .name = json_find_str(item, "Name"),
            .value = json_find_str(item, "Value"),
            .description = json_find_str(item, "Description"),
            .export_name = json_find_str(item, "ExportName"),
        };
    cfn_set(run->stack.spec, "Outputs", NULL);
    return cfn_store_set_outputs(run->call->db, &run->stack, outputs, count);
}

int run_keep_outputs(struct cfn_run *run, struct str *out_message)
{
    struct cfn_output *outputs = NULL;
    size_t count = 0;
    int rc = run_load_plan(run, out_message);
    if (rc == 0)
        rc = run_outputs(run, &outputs, &count, out_message);
    if (rc == 0)
        rc = check_lost_exports(run, outputs, count, out_message);
    if (rc == 0)
        rc = check_new_exports(run, outputs, count, out_message);
    if (rc == 0)
        rc = save_outputs(run);
    if (rc == 0)
        rc = cfn_store_set_outputs(run->call->db, &run->stack, outputs, count);
    if (rc == 0)
        rc = cfn_store_clear_imports(run->call->db, run->stack.id);
    return rc < 0 ? rc : write_imports(run, json_find_cstr(run->stack.spec, "Imports"));
}

/* AWS: MonitoringTimeInMinutes: "CloudFormation waits the specified period of time before cleaning
 * up old resources"; until then the operation can be cancelled. */
static bool is_monitored(struct cfn_run *run)
{
    int64_t minutes =
        cfn_number(json_find_cstr(run->stack.spec, "RollbackConfiguration"), "Minutes");
    int64_t until_ms = cfn_number(run->state, "MonitoredUntil");
    if (minutes <= 0)
        return false;
    if (until_ms == 0) {
        until_ms = run->call->now_ms + minutes * MS_PER_MINUTE;
        cfn_set_number(run->call->arena, run->state, "MonitoredUntil", until_ms);
    }
    if (run->call->now_ms >= until_ms)
        return false;
    run->workflow->run_at_ms = until_ms;
    return true;
}

/* Everything is made: outputs and exports, then the old ones go. */
static enum status finish_forward(struct cfn_run *run, bool *out_is_over)
{
    if (is_monitored(run))
        return STATUS_DONE;
    struct str message = {0};
    int rc = run_keep_outputs(run, &message);
    if (rc == -EINVAL)
        return fail_forward(run, message, out_is_over);
    if (rc < 0)
        return call_fail_internal(run->call, rc, "finish a stack operation");
    if (run_is_phase(run, "UPDATE")) {
        go_to(run, "CLEANUP", no_reason);
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
    return status == STATUS_DONE ? run_set_status(run, "CREATE_COMPLETE", no_reason) : status;
}

/* "The following resource(s) failed to create: [A, B]. " with what else failed. */
static struct str failure_text(struct cfn_run *run)
{
    static const char *const verbs[] = {"create", "update", "delete", "import"};
    static const char *const statuses[] = {"CREATE_FAILED", "UPDATE_FAILED", "DELETE_FAILED",
                                           "IMPORT_FAILED"};
    struct arena *arena = run->call->arena;
    struct str text = STR("");
    for (size_t kind = 0; kind < ARRAY_LEN(verbs); kind++) {
        struct str names = STR("");
        for (size_t i = 0; i < run->row_count; i++) {
            const struct cfn_resource *row = &run->rows[i];
            if (is_progress(row, PROGRESS_FAILED) && str_eq_cstr(row->status, statuses[kind]))
                names = str_format(arena, STR_FMT "%s" STR_FMT, STR_ARG(names),
                                   names.len > 0 ? ", " : "", STR_ARG(row->logical_id));
        }
        if (names.len > 0)
            text =
                str_format(arena, STR_FMT "The following resource(s) failed to %s: [" STR_FMT "]. ",
                           STR_ARG(text), verbs[kind], STR_ARG(names));
    }
    return text;
}

/* What happens after a failed CREATE or UPDATE. */
static enum status fail_forward(struct cfn_run *run, struct str why, bool *out_is_over)
{
    bool is_create = run_is_phase(run, "CREATE");
    if (run_is_phase(run, "IMPORT")) {
        go_to(run, "IMPORT_ROLLBACK", why);
        return STATUS_DONE;
    }
    struct str on_failure = json_find_str(run->stack.options, "OnFailure");
    if (!is_create && !cfn_flag(run->state, "DisableRollback")) {
        go_to(run, "RESTORE", why);
        return STATUS_DONE;
    }
    if (is_create && str_eq_cstr(on_failure, "DELETE")) {
        go_to(run, "DELETE", why);
        return STATUS_DONE;
    }
    /* AWS: what becomes of a nested stack that cannot be created is its parent's to decide. */
    if (is_create && !cfn_flag(run->state, "DisableRollback") && !cfn_flag(run->state, "Nested")) {
        bool has_end = str_ends_with(why, STR(" ")) || str_ends_with(why, STR("."));
        struct str reason =
            str_format(run->call->arena, STR_FMT "%sRollback requested by user.", STR_ARG(why),
                       str_ends_with(why, STR(" ")) ? ""
                       : has_end                    ? " "
                                                    : ". ");
        go_to(run, "ROLLBACK", reason);
        return STATUS_DONE;
    }
    *out_is_over = true;
    return run_set_status(run, is_create ? "CREATE_FAILED" : "UPDATE_FAILED", why);
}

/* Stops what runs because something failed. */
static enum status cancel_running(struct cfn_run *run)
{
    enum status status = STATUS_DONE;
    for (size_t i = 0; status == STATUS_DONE && i < run->row_count; i++) {
        if (is_progress(&run->rows[i], PROGRESS_RUNNING))
            status = task_cancel(run, &run->rows[i]);
    }
    return status;
}

/* ---- Deletions: ROLLBACK, CLEANUP, RESTORE_CLEANUP, DELETE ------------------------------------
 */

static enum status mark_row(struct cfn_run *run, struct cfn_resource *row, bool is_marked)
{
    row->progress = is_marked ? PROGRESS_PENDING : STR("");
    row->state = is_marked ? row->state : NULL;
    row->run_at_ms = 0;
    return run_put(run, row);
}

static bool is_waiting(const struct cfn_resource *row)
{
    return row->progress.len > 0 && !is_progress(row, PROGRESS_DONE);
}

/* A resource can be deleted when nothing that is still there needs it. */
static bool is_ready_delete(struct cfn_run *run, const struct cfn_resource *row)
{
    return !map_has(&run->needed, row->logical_id);
}

/* What deletions that wait depend on; a resource that depends on itself does not wait for itself.
 */
static void find_needed(struct cfn_run *run)
{
    map_init(&run->needed, run->call->arena);
    for (size_t i = 0; i < run->row_count; i++) {
        const struct cfn_resource *row = &run->rows[i];
        if (!is_waiting(row))
            continue;
        const struct json *ids = json_find_cstr(task_victim(run, row), "DependsOn");
        for (const struct json *id = ids ? ids->first : NULL; id; id = id->next) {
            if (!str_eq(id->text, row->logical_id))
                map_set(&run->needed, id->text, NULL);
        }
    }
}

enum status run_drop_row(struct cfn_run *run, struct cfn_resource *row)
{
    int rc = cfn_store_delete_resource(run->call->db, run->stack.id, row->logical_id);
    if (rc < 0)
        return call_fail_internal(run->call, rc, "drop a stack resource");
    row->progress = STR("");
    row->change = CHANGE_NONE;
    return STATUS_DONE;
}

/* Marks everything that was begun; rows of what never began go. */
static enum status mark_all_for_delete(struct cfn_run *run)
{
    enum status status = STATUS_DONE;
    for (size_t i = 0; status == STATUS_DONE && i < run->row_count; i++) {
        struct cfn_resource *row = &run->rows[i];
        bool is_gone = str_eq(row->status, STR("DELETE_COMPLETE")) ||
                       str_eq(row->status, STR("DELETE_SKIPPED"));
        status = row->status.len == 0 ? run_drop_row(run, row) : mark_row(run, row, !is_gone);
    }
    return status;
}

static enum status enter_rollback(struct cfn_run *run, bool *out_is_over)
{
    (void)out_is_over;
    enum status status = begin_status(run, "ROLLBACK_IN_PROGRESS");
    return status == STATUS_DONE ? mark_all_for_delete(run) : status;
}

static bool has_failed(const struct cfn_run *run)
{
    for (size_t i = 0; i < run->row_count; i++) {
        if (is_progress(&run->rows[i], PROGRESS_FAILED))
            return true;
    }
    return false;
}

static enum status finish_rollback(struct cfn_run *run, bool *out_is_over)
{
    *out_is_over = true;
    if (has_failed(run))
        return run_set_status(run, "ROLLBACK_FAILED", failure_text(run));
    int rc = cfn_store_clear_imports(run->call->db, run->stack.id);
    if (rc == 0)
        rc = cfn_store_set_outputs(run->call->db, &run->stack, NULL, 0);
    if (rc < 0)
        return call_fail_internal(run->call, rc, "finish a rollback");
    return run_set_status(run, "ROLLBACK_COMPLETE", no_reason);
}

static enum status enter_cleanup(struct cfn_run *run, bool *out_is_over)
{
    (void)out_is_over;
    bool is_back = run_is_phase(run, "RESTORE_CLEANUP");
    enum status status = begin_status(run, is_back ? "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
                                                   : "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS");
    for (size_t i = 0; status == STATUS_DONE && i < run->row_count; i++) {
        struct cfn_resource *row = &run->rows[i];
        bool is_victim = run_has_two(row) || is_leaving(row, is_back);
        bool settles = !is_victim && task_settles(run, row);
        row->state = settles ? json_new(run->call->arena, JSON_OBJECT) : NULL;
        if (settles)
            cfn_set_flag(run->call->arena, row->state, "Settles", true);
        status = row->status.len == 0 ? run_drop_row(run, row)
                                      : mark_row(run, row, is_victim || settles);
    }
    /* AWS: "CloudFormation doesn't start cleaning up nested stack resources until all nested stacks
     * have been updated or have rolled back." */
    cfn_set_flag(run->call->arena, run->state, "Held", cfn_flag(run->state, "Nested"));
    return status;
}

/* AWS: what cannot be cleaned up stays behind; the update is complete all the same. */
static enum status finish_cleanup(struct cfn_run *run, bool *out_is_over)
{
    bool is_back = run_is_phase(run, "RESTORE_CLEANUP");
    bool has_more = false;
    enum status status = STATUS_DONE;
    for (size_t i = 0; status == STATUS_DONE && i < run->row_count; i++) {
        struct cfn_resource *row = &run->rows[i];
        bool is_gone = is_leaving(row, is_back);
        /* Replaced by a failed update and removed by this one: the other one goes next. */
        bool is_next =
            !is_back && str_eq(row->change, CHANGE_REPLACED) && row->position == POSITION_GONE;
        row->change = is_next ? CHANGE_REMOVED : CHANGE_NONE;
        has_more = has_more || is_next;
        row->saved = NULL;
        row->wanted = NULL;
        row->state = NULL;
        row->progress = STR("");
        status = is_gone ? run_drop_row(run, row) : run_put(run, row);
    }
    if (has_more) {
        go_to(run, "CLEANUP", no_reason);
        return status;
    }
    *out_is_over = true;
    run->stack.saved_spec = NULL;
    if (status == STATUS_DONE)
        status = run_trim_templates(run);
    if (status != STATUS_DONE)
        return status;
    return run_set_status(run, is_back ? "UPDATE_ROLLBACK_COMPLETE" : "UPDATE_COMPLETE", no_reason);
}

static enum status enter_delete(struct cfn_run *run, bool *out_is_over)
{
    struct str message = {0};
    int rc = check_lost_exports(run, NULL, 0, &message);
    if (rc < 0 && rc != -EINVAL)
        return call_fail_internal(run->call, rc, "look at a stack's exports");
    if (rc == -EINVAL) {
        /* OBSERVED: the stack goes back to the status that it had, with the reason. */
        *out_is_over = true;
        return cfn_set_status(run->call, &run->stack, json_find_str(run->state, "PriorStatus"),
                              message, json_find_str(run->state, "Token"));
    }
    enum status status = begin_status(run, "DELETE_IN_PROGRESS");
    return status == STATUS_DONE ? mark_all_for_delete(run) : status;
}

static enum status forget_change_sets(struct cfn_run *run)
{
    enum { BATCH = 100 };
    struct cfn_change_set *sets = NULL;
    int64_t count = cfn_store_list_change_sets(run->call->db, run->call->arena, run->stack.id,
                                               INT64_MAX, STR(""), BATCH, &sets);
    int rc = count < 0 ? (int)count : 0;
    for (int64_t i = 0; rc == 0 && i < count; i++) {
        rc = cfn_store_delete_change_set(run->call->db, sets[i].id);
        if (rc == 0)
            rc = cfn_store_trim_templates(run->call->db, sets[i].id, 0);
    }
    return rc < 0 ? call_fail_internal(run->call, rc, "delete a stack's change sets") : STATUS_DONE;
}

static enum status finish_delete(struct cfn_run *run, bool *out_is_over)
{
    *out_is_over = true;
    /* AWS: FORCE_DELETE_STACK leaves behind what cannot be deleted. */
    bool is_forced =
        str_eq_cstr(json_find_str(run->stack.options, "DeletionMode"), "FORCE_DELETE_STACK");
    if (has_failed(run) && !is_forced)
        return run_set_status(run, "DELETE_FAILED", failure_text(run));
    enum status status = forget_change_sets(run);
    int rc = cfn_store_clear_imports(run->call->db, run->stack.id);
    if (rc == 0)
        rc = cfn_store_set_outputs(run->call->db, &run->stack, NULL, 0);
    if (rc == 0)
        rc = cfn_store_forget_signals(run->call->db, run->stack.id);
    if (rc == 0)
        rc = cfn_store_forget_drifts(run->call->db, run->stack.id);
    if (rc < 0)
        return call_fail_internal(run->call, rc, "finish a deletion");
    run->stack.deleted_at_ms = run->call->now_ms;
    return status == STATUS_DONE ? run_set_status(run, "DELETE_COMPLETE", no_reason) : status;
}

/* ---- RESTORE --------------------------------------------------------------------------------- */

static enum status enter_restore(struct cfn_run *run, bool *out_is_over)
{
    (void)out_is_over;
    enum status status = begin_status(run, "UPDATE_ROLLBACK_IN_PROGRESS");
    for (size_t i = 0; status == STATUS_DONE && i < run->row_count; i++) {
        struct cfn_resource *row = &run->rows[i];
        bool is_marked =
            str_eq(row->change, CHANGE_UPDATED) || str_eq(row->change, CHANGE_REPLACED);
        if (str_eq(row->change, CHANGE_REMOVED))
            row->change = CHANGE_NONE;
        /* What was begun and did not come to be is cleaned up like what did. */
        if (!row->applied && row->status.len > 0)
            row->change = CHANGE_CREATED;
        status = row->status.len == 0 ? run_drop_row(run, row) : mark_row(run, row, is_marked);
    }
    return status;
}

static bool is_ready_restore(struct cfn_run *run, const struct cfn_resource *row)
{
    const struct json *ids = json_find_cstr(row->saved, "DependsOn");
    for (const struct json *id = ids ? ids->first : NULL; id; id = id->next) {
        const struct cfn_resource *other = run_find_row(run, id->text);
        if (other && other != row && is_waiting(other))
            return false;
    }
    return true;
}

static enum status finish_restore(struct cfn_run *run, bool *out_is_over)
{
    if (has_failed(run)) {
        *out_is_over = true;
        return run_set_status(run, "UPDATE_ROLLBACK_FAILED", failure_text(run));
    }
    if (run->stack.saved_spec) {
        run->stack.spec = run->stack.saved_spec;
        run->stack.saved_spec = NULL;
    }
    int rc = restore_outputs(run);
    if (rc == 0)
        rc = cfn_store_clear_imports(run->call->db, run->stack.id);
    if (rc == 0)
        rc = write_imports(run, json_find_cstr(run->stack.spec, "Imports"));
    if (rc < 0)
        return call_fail_internal(run->call, rc, "finish a rollback");
    go_to(run, "RESTORE_CLEANUP", no_reason);
    return STATUS_DONE;
}

/* ---- Steps ----------------------------------------------------------------------------------- */

static const struct phase phases[] = {
    {"CREATE", true, false, enter_forward, is_ready_forward, task_start_forward, task_run_forward,
     finish_forward},
    {"UPDATE", true, false, enter_forward, is_ready_forward, task_start_forward, task_run_forward,
     finish_forward},
    {"CLEANUP", false, true, enter_cleanup, is_ready_delete, task_start_cleanup, task_run_cleanup,
     finish_cleanup},
    {"RESTORE", false, false, enter_restore, is_ready_restore, task_start_restore, task_run_restore,
     finish_restore},
    {"RESTORE_CLEANUP", false, true, enter_cleanup, is_ready_delete, task_start_cleanup,
     task_run_cleanup, finish_cleanup},
    {"ROLLBACK", false, true, enter_rollback, is_ready_delete, task_start_delete, task_run_delete,
     finish_rollback},
    {"IMPORT", true, false, import_enter, import_is_ready, import_start, import_run, import_finish},
    {"IMPORT_ROLLBACK", false, true, import_enter_rollback, is_ready_delete, task_start_delete,
     task_run_delete, import_finish_rollback},
    {"DELETE", false, true, enter_delete, is_ready_delete, task_start_delete, task_run_delete,
     finish_delete},
};

static const struct phase *find_phase(const struct cfn_run *run)
{
    for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
        if (run_is_phase(run, phases[i].name))
            return &phases[i];
    }
    return NULL;
}

/* A handler asked for something else while the operation runs. */
static enum status take_request(struct cfn_run *run)
{
    const struct json *request = run->stack.request;
    bool is_delete = str_eq_cstr(json_find_str(request, "Action"), "DELETE");
    struct json *state = json_find_cstr(request, "State");
    run->stack.request = NULL;
    if (is_delete && state) {
        enum status status = cancel_running(run);
        run->state = state;
        return status;
    }
    bool is_held = cfn_flag(run->state, "Held");
    if (is_held && str_eq_cstr(json_find_str(request, "Action"), "SETTLE")) {
        cfn_set_flag(run->call->arena, run->state, "Held", false);
        return STATUS_DONE;
    }
    bool is_kept = is_held || (cfn_flag(run->state, "Nested") && !cfn_flag(run->state, "Entered"));
    if (is_kept && run_is_phase(run, "CLEANUP")) {
        cfn_set_flag(run->call->arena, run->state, "Held", false);
        go_to(run, "RESTORE", no_reason);
        return STATUS_DONE;
    }
    if (!run_is_phase(run, "UPDATE"))
        return STATUS_DONE; /* too late to cancel: it is over or going back already */
    enum status status = cancel_running(run);
    if (status == STATUS_DONE)
        go_to(run, "RESTORE", STR("User Initiated"));
    return status;
}

static enum status start_ready(struct cfn_run *run, const struct phase *phase, size_t *out_started)
{
    enum status status = STATUS_DONE;
    *out_started = 0;
    if (phase->is_backward)
        find_needed(run);
    for (size_t i = 0; status == STATUS_DONE && i < run->row_count; i++) {
        struct cfn_resource *row = &run->rows[phase->is_backward ? run->row_count - 1 - i : i];
        if (!is_progress(row, PROGRESS_PENDING) || !phase->is_ready(run, row))
            continue;
        status = phase->start(run, row);
        (*out_started)++;
        if (phase->is_forward && is_progress(row, PROGRESS_FAILED))
            break;
    }
    if (status != STATUS_DONE || *out_started > 0 || phase->is_forward || has_failed(run))
        return status;
    /* What a failed update left may need each other in a circle; then source order decides. */
    struct cfn_resource *stuck = NULL;
    for (size_t i = 0; i < run->row_count; i++) {
        if (is_progress(&run->rows[i], PROGRESS_RUNNING))
            return status;
        if (!stuck && is_progress(&run->rows[i], PROGRESS_PENDING))
            stuck = &run->rows[i];
    }
    if (stuck)
        (*out_started)++;
    return stuck ? phase->start(run, stuck) : status;
}

/* The running resource that is due first, or NULL. *out_next is when the next one is. */
static struct cfn_resource *find_due(const struct cfn_run *run, int64_t *out_next)
{
    struct cfn_resource *first = NULL;
    for (size_t i = 0; i < run->row_count; i++) {
        struct cfn_resource *row = &run->rows[i];
        if (is_progress(row, PROGRESS_RUNNING) && (!first || row->run_at_ms < first->run_at_ms))
            first = row;
    }
    *out_next = first ? first->run_at_ms : 0;
    return first && first->run_at_ms <= run->call->now_ms ? first : NULL;
}

static enum status time_out(struct cfn_run *run, bool *out_is_over)
{
    enum status status = cancel_running(run);
    return status == STATUS_DONE
               ? fail_forward(run, STR("Stack creation time exceeded the specified timeout"),
                              out_is_over)
               : status;
}

static enum status advance(struct cfn_run *run, const struct phase *phase, bool *out_is_over)
{
    if (cfn_flag(run->state, "Held")) {
        run->workflow->run_at_ms = run->call->now_ms + HELD_LOOK_MS;
        return STATUS_DONE;
    }
    int64_t deadline = run_is_phase(run, "CREATE") ? cfn_number(run->state, "Deadline") : 0;
    if (deadline > 0 && run->call->now_ms >= deadline)
        return time_out(run, out_is_over);
    bool is_failing = phase->is_forward && has_failed(run);
    bool is_kept = str_eq_cstr(json_find_str(run->stack.options, "OnFailure"), "DO_NOTHING") ||
                   cfn_flag(run->state, "DisableRollback");
    enum status status = STATUS_DONE;
    size_t started = 0;
    /* Without a rollback, what does not depend on what failed is finished. */
    if (is_failing && !is_kept)
        status = cancel_running(run);
    else
        status = start_ready(run, phase, &started);
    if (status != STATUS_DONE || started > 0)
        return status;
    int64_t next_ms = 0;
    struct cfn_resource *row = find_due(run, &next_ms);
    if (row)
        return phase->run(run, row);
    if (next_ms > 0) {
        run->workflow->run_at_ms = deadline > 0 && deadline < next_ms ? deadline : next_ms;
        return STATUS_DONE;
    }
    return is_failing ? fail_forward(run, failure_text(run), out_is_over)
                      : phase->finish(run, out_is_over);
}

/* To load a stack costs more than to make one of its resources, so a step does as many of these
 * things as fit into its time, within one phase. After an internal error it does one at a time, so
 * that the one to blame is found (task.c, MAX_INTERNAL_FAILURES). */
static enum status advance_a_while(struct cfn_run *run, const struct phase *phase,
                                   bool *out_is_over)
{
    int64_t until_us = clock_monotonic_us() + STEP_MAX_US;
    int done = 0;
    enum status status = STATUS_DONE;
    do {
        status = advance(run, phase, out_is_over);
        done++;
    } while (status == STATUS_DONE && !*out_is_over && run->workflow->failure_count == 0 &&
             run_is_phase(run, phase->name) && cfn_flag(run->state, "Entered") &&
             run->workflow->run_at_ms <= run->call->now_ms &&
             (done < STEP_MIN_THINGS || clock_monotonic_us() < until_us));
    return status;
}

static enum status load(struct cfn_run *run, bool *out_is_there)
{
    struct call *call = run->call;
    int rc = cfn_store_find_stack(call->db, call->arena, run->workflow->id, &run->stack);
    if (rc < 0)
        return call_fail_internal(call, rc, "find a stack");
    *out_is_there = rc == 1;
    if (rc == 0)
        return STATUS_DONE;
    int64_t count = cfn_store_list_resources(call->db, call->arena, run->stack.id, &run->rows);
    if (count < 0)
        return call_fail_internal(call, (int)count, "list a stack's resources");
    run->row_count = (size_t)count;
    return STATUS_DONE;
}

static enum status take_step(struct cfn_run *run, bool *out_is_over)
{
    if (run->stack.request)
        return take_request(run);
    const struct phase *phase = find_phase(run);
    if (!phase)
        return call_fail_internal(run->call, -EINVAL, "phase of a stack operation");
    if (cfn_flag(run->state, "Entered"))
        return advance_a_while(run, phase, out_is_over);
    cfn_set_flag(run->call->arena, run->state, "Entered", true);
    return phase->enter(run, out_is_over);
}

enum status cfn_step(struct call *call, struct workflow *workflow,
                     const struct principal *principal, enum workflow_next *out_next)
{
    struct cfn_run run = {
        .call = call, .workflow = workflow, .principal = principal, .state = workflow->state};
    bool is_there = false;
    bool is_over = false;
    /* Behind the others that are due: many stacks go on side by side. */
    workflow->run_at_ms = call->now_ms;
    enum status status = load(&run, &is_there);
    if (status != STATUS_DONE)
        return status;
    if (!is_there) {
        *out_next = WORKFLOW_DONE;
        return STATUS_DONE;
    }
    status = take_step(&run, &is_over);
    if (status != STATUS_DONE)
        return status;
    int rc = cfn_store_put_stack(call->db, &run.stack);
    if (rc < 0)
        return call_fail_internal(call, rc, "write a stack");
    workflow->state = run.state;
    *out_next = is_over ? WORKFLOW_DONE : WORKFLOW_AGAIN;
    return STATUS_DONE;
}
