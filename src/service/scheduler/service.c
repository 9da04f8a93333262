/* service.c — EventBridge Scheduler: schedules in groups, by rate, cron or one time.
 *
 * Implemented: every operation; time zones, start and end dates, flexible windows; targets that
 * services of this program take, and universal targets on any operation that they have; retries,
 * dead letters, context attributes. Customer managed keys are kept and without effect.
 *
 *   group.c schedule.c   the operations        run.c         invocations, by the clock
 *   universal.c          universal targets     cfn.c store.c
 *
 * Model: models/scheduler.model
 */
#include <stddef.h>

#include "base/arena.h"
#include "service/scheduler/scheduler.h"

const struct scheduler_handlers scheduler_handlers = {
    .create_schedule = scheduler_create_schedule,
    .create_schedule_group = scheduler_create_schedule_group,
    .delete_schedule = scheduler_delete_schedule,
    .delete_schedule_group = scheduler_delete_schedule_group,
    .get_schedule = scheduler_get_schedule,
    .get_schedule_group = scheduler_get_schedule_group,
    .list_schedule_groups = scheduler_list_schedule_groups,
    .list_schedules = scheduler_list_schedules,
    .list_tags_for_resource = scheduler_list_tags_for_resource,
    .tag_resource = scheduler_tag_resource,
    .untag_resource = scheduler_untag_resource,
    .update_schedule = scheduler_update_schedule,
};

/* What an operation acts on. */
enum subject {
    SUBJECT_ANY,
    SUBJECT_SCHEDULE, /* a name in a group, or in the default one */
    SUBJECT_GROUP,    /* a group's name */
    SUBJECT_ARN,
};

#define MEMBER(operation, member) offsetof(struct scheduler_##operation##_in, member)

static const struct {
    enum subject subject;
    size_t name; /* offsets of texts in the input */
    size_t group;
} subjects[SCHEDULER_OP_COUNT] = {
    [SCHEDULER_OP_CREATE_SCHEDULE] = {SUBJECT_SCHEDULE, MEMBER(create_schedule, name),
                                      MEMBER(create_schedule, group_name)},
    [SCHEDULER_OP_CREATE_SCHEDULE_GROUP] = {SUBJECT_GROUP, MEMBER(create_schedule_group, name), 0},
    [SCHEDULER_OP_DELETE_SCHEDULE] = {SUBJECT_SCHEDULE, MEMBER(delete_schedule, name),
                                      MEMBER(delete_schedule, group_name)},
    [SCHEDULER_OP_DELETE_SCHEDULE_GROUP] = {SUBJECT_GROUP, MEMBER(delete_schedule_group, name), 0},
    [SCHEDULER_OP_GET_SCHEDULE] = {SUBJECT_SCHEDULE, MEMBER(get_schedule, name),
                                   MEMBER(get_schedule, group_name)},
    [SCHEDULER_OP_GET_SCHEDULE_GROUP] = {SUBJECT_GROUP, MEMBER(get_schedule_group, name), 0},
    [SCHEDULER_OP_LIST_TAGS_FOR_RESOURCE] = {SUBJECT_ARN,
                                             MEMBER(list_tags_for_resource, resource_arn), 0},
    [SCHEDULER_OP_TAG_RESOURCE] = {SUBJECT_ARN, MEMBER(tag_resource, resource_arn), 0},
    [SCHEDULER_OP_UNTAG_RESOURCE] = {SUBJECT_ARN, MEMBER(untag_resource, resource_arn), 0},
    [SCHEDULER_OP_UPDATE_SCHEDULE] = {SUBJECT_SCHEDULE, MEMBER(update_schedule, name),
                                      MEMBER(update_schedule, group_name)},
};

static struct str text_at(const void *in, size_t offset)
{
    return *(const struct str *)((const char *)in + offset);
}

static enum status authorize(struct call *call, const void *in, struct authorization *out)
{
    size_t index = (size_t)(call->operation - scheduler_operations);
    if (subjects[index].subject == SUBJECT_ANY)
        return STATUS_DONE;
    struct str name = text_at(in, subjects[index].name);
    const struct scheduler_row row = {
        .scope = call->scope,
        .group = str_or(text_at(in, subjects[index].group), STR("default")),
        .name = name,
    };
    switch (subjects[index].subject) {
    case SUBJECT_ANY:
        break;
    case SUBJECT_SCHEDULE:
        out->resource = scheduler_arn(call->arena, &row);
        break;
    case SUBJECT_GROUP:
        out->resource = scheduler_group_arn(call->arena, call->scope, name);
        break;
    case SUBJECT_ARN:
        out->resource = name;
        break;
    }
    return STATUS_DONE;
}

const struct service scheduler_service = {
    .model = &scheduler_model,
    .handlers = &scheduler_handlers,
    .migrations = &scheduler_migrations,
    .authorize = authorize,
    .validation_error = &SCHEDULER_VALIDATION_EXCEPTION,
    .resource_types = scheduler_resource_types,
    .resource_type_count = SCHEDULER_RESOURCE_TYPES,
};
