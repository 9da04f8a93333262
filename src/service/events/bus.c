/* bus.c — event buses and their policies.
 *
 * Docs: EventBridge API reference, CreateEventBus, PutPermission; user guide, "Permissions for
 * event buses". The texts of errors are those that AWS's clients report.
 */
#include "auth/policy.h"
#include "base/arena.h"
#include "base/rand.h"
#include "base/vec.h"
#include "service/events/events.h"
#include "syntax/json.h"
#include "wire/protocol.h"
#include "wire/runtime.h"

enum {
    MAX_BUSES = 100,          /* AWS: per region */
    MAX_POLICY_BYTES = 10240, /* AWS: "event bus policy size" */
    MAX_LOG_CONFIG = 256,
};

static int64_t random_id(void)
{
    return (int64_t)rand_below(INT64_MAX - 1) + 1;
}

static struct events_bus_row default_bus(struct call *call, struct scope scope)
{
    return (struct events_bus_row){
        .scope = scope,
        .name = STR("default"),
        .created_at_ms = call->runtime->started_at_ms,
        .modified_at_ms = call->runtime->started_at_ms,
        .policy = STR(""),
        .tags = STR("{}"),
    };
}

int events_find_bus(struct call *call, struct scope scope, struct str name,
                    struct events_bus_row *out)
{
    int rc = events_store_find_bus(call->db, call->arena, scope, name, out);
    if (rc != 0 || !str_eq_cstr(name, "default"))
        return rc;
    *out = default_bus(call, scope);
    return 1;
}

enum status events_get_bus(struct call *call, struct str name_or_arn, struct events_bus_row *out)
{
    struct scope scope = {0};
    struct str name = {0};
    int rc = events_split_bus(call, name_or_arn, &scope, &name)
                 ? events_find_bus(call, scope, name, out)
                 : 0;
    if (rc < 0)
        return call_fail_internal(call, rc, "events: find a bus");
    return rc == 1 ? STATUS_DONE
                   : call_fail(call, &EVENTS_RESOURCE_NOT_FOUND_EXCEPTION,
                               "Event bus " STR_FMT " does not exist.", STR_ARG(name));
}

enum status events_open_bus(struct call *call, struct str name_or_arn, struct events_bus_row *out)
{
    enum status status = events_get_bus(call, name_or_arn, out);
    if (status != STATUS_DONE || out->id != 0)
        return status;
    out->id = random_id();
    out->version = random_id();
    int rc = events_store_insert_bus(call->db, out);
    return rc < 0 ? call_fail_internal(call, rc, "events: make the default bus") : STATUS_DONE;
}

enum status events_bus_changed(struct call *call, const struct events_bus_row *bus)
{
    int rc = events_store_set_version(call->db, bus->id, random_id());
    return rc < 0 ? call_fail_internal(call, rc, "events: mark a bus") : STATUS_DONE;
}

static enum status save(struct call *call, struct events_bus_row *bus)
{
    bus->modified_at_ms = call->now_ms;
    int rc = events_store_update_bus(call->db, bus);
    return rc < 0 ? call_fail_internal(call, rc, "events: write a bus") : STATUS_DONE;
}

static const struct shape *log_config_shape(void)
{
    const struct shape *in = events_operations[EVENTS_OP_CREATE_EVENT_BUS].in;
    for (size_t i = 0; i < in->member_count; i++) {
        if (str_eq_cstr(in->members[i].name, "LogConfig"))
            return in->members[i].shape;
    }
    CHECK(false);
    return NULL;
}

static struct str log_config_text(struct call *call, const struct events_log_config *config)
{
    struct buf text;
    if (!config)
        return (struct str){0};
    buf_init(&text, call->arena, MAX_LOG_CONFIG);
    wire_to_json(&text, log_config_shape(), config);
    return buf_str(&text);
}

static struct events_log_config *log_config_of(struct call *call, struct str text)
{
    struct json *json = NULL;
    struct str message = {0};
    struct events_log_config *config = arena_alloc(call->arena, sizeof(*config));
    if (text.len == 0 || json_parse(call->arena, text, 0, &json, NULL) < 0 ||
        wire_from_json(call->arena, log_config_shape(), json, config, &message) < 0)
        return NULL;
    return config;
}

static struct events_dead_letter_config *dead_letter_of(struct call *call, struct str arn)
{
    if (arn.len == 0)
        return NULL;
    struct events_dead_letter_config *config = arena_alloc(call->arena, sizeof(*config));
    config->arn = arn;
    return config;
}

static enum status check_new(struct call *call, const struct events_create_event_bus_in *in)
{
    if (in->event_source_name.ptr)
        return call_fail(call, &ERROR_NOT_IMPLEMENTED,
                         "Event buses of partner event sources are not supported.");
    if (str_eq_cstr(in->name, "default") || str_index(in->name, '/') >= 0)
        return call_fail(call, &ERROR_VALIDATION,
                         str_eq_cstr(in->name, "default") ? "Event bus default already exists."
                                                          : "Event bus name must not contain '/'.");
    struct events_bus_row found = {0};
    int rc = events_store_find_bus(call->db, call->arena, call->scope, in->name, &found);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: find a bus");
    if (rc == 1)
        return call_fail(call, &EVENTS_RESOURCE_ALREADY_EXISTS_EXCEPTION,
                         "Event bus " STR_FMT " already exists.", STR_ARG(in->name));
    const struct events_page page = {.after = STR(""), .prefix = STR(""), .limit = MAX_BUSES + 1};
    struct vec buses;
    vec_init(&buses, call->arena, sizeof(struct events_bus_row));
    rc = events_store_list_buses(call->db, call->arena, call->scope, &page, &buses);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: count buses");
    return buses.count < MAX_BUSES
               ? STATUS_DONE
               : call_fail(call, &EVENTS_LIMIT_EXCEEDED_EXCEPTION,
                           "The requested resource exceeds the maximum number allowed.");
}

enum status events_create_event_bus(struct call *call, const struct events_create_event_bus_in *in,
                                    struct events_create_event_bus_out *out)
{
    struct events_bus_row bus = {
        .id = random_id(),
        .scope = call->scope,
        .name = in->name,
        .created_at_ms = call->now_ms,
        .modified_at_ms = call->now_ms,
        .version = random_id(),
        .policy = STR(""),
        .description = in->description,
        .kms_key = in->kms_key_identifier,
        .dead_letter = in->dead_letter_config ? in->dead_letter_config->arn : (struct str){0},
        .log_config = log_config_text(call, in->log_config),
    };
    enum status status = check_new(call, in);
    if (status == STATUS_DONE)
        status = events_put_tags(call, STR(""), &in->tags, &bus.tags);
    if (status != STATUS_DONE)
        return status;
    int rc = events_store_insert_bus(call->db, &bus);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: insert a bus");
    out->event_bus_arn = events_bus_arn(call->arena, bus.scope, bus.name);
    out->description = bus.description;
    out->kms_key_identifier = bus.kms_key;
    out->dead_letter_config = in->dead_letter_config;
    out->log_config = in->log_config;
    return STATUS_DONE;
}

/* AWS: a bus that is not there counts as deleted. */
enum status events_delete_event_bus(struct call *call, const struct events_delete_event_bus_in *in,
                                    struct events_delete_event_bus_out *out)
{
    (void)out;
    struct events_bus_row bus = {0};
    int64_t rules = 0;
    if (str_eq_cstr(in->name, "default"))
        return call_fail(call, &ERROR_VALIDATION, "Cannot delete event bus default.");
    int rc = events_store_find_bus(call->db, call->arena, call->scope, in->name, &bus);
    if (rc == 0)
        return STATUS_DONE;
    if (rc > 0)
        rc = events_store_count_rules(call->db, bus.id, &rules);
    if (rc == 0 && rules > 0)
        return call_fail(call, &ERROR_VALIDATION, "Event bus can't be deleted since it has rules.");
    if (rc == 0)
        rc = events_store_delete_bus(call->db, bus.id);
    return rc < 0 ? call_fail_internal(call, rc, "events: delete a bus") : STATUS_DONE;
}

static struct str policy_of(const struct events_bus_row *bus)
{
    return bus->policy.len > 0 ? bus->policy : (struct str){0};
}

enum status events_describe_event_bus(struct call *call,
                                      const struct events_describe_event_bus_in *in,
                                      struct events_describe_event_bus_out *out)
{
    struct events_bus_row bus = {0};
    enum status status = events_get_bus(call, in->name, &bus);
    if (status != STATUS_DONE)
        return status;
    *out = (struct events_describe_event_bus_out){
        .name = bus.name,
        .arn = events_bus_arn(call->arena, bus.scope, bus.name),
        .description = bus.description,
        .kms_key_identifier = bus.kms_key,
        .dead_letter_config = dead_letter_of(call, bus.dead_letter),
        .policy = policy_of(&bus),
        .log_config = log_config_of(call, bus.log_config),
        .creation_time = opt_i64(bus.created_at_ms),
        .last_modified_time = opt_i64(bus.modified_at_ms),
    };
    return STATUS_DONE;
}

/* The default bus has its place in the list, whether it has a row or not. */
static void add_default(struct call *call, const struct events_page *page, struct vec *buses)
{
    struct str name = STR("default");
    size_t at = 0;
    if (!str_starts_with(name, page->prefix) || str_compare(name, page->after) <= 0)
        return;
    while (at < buses->count) {
        const struct events_bus_row *bus = vec_at(buses, at);
        if (str_eq(bus->name, name))
            return;
        if (str_compare(bus->name, name) > 0)
            break;
        at++;
    }
    (void)vec_push(buses);
    for (size_t i = buses->count - 1; i > at; i--)
        *(struct events_bus_row *)vec_at(buses, i) = *(struct events_bus_row *)vec_at(buses, i - 1);
    *(struct events_bus_row *)vec_at(buses, at) = default_bus(call, call->scope);
}

enum status events_list_event_buses(struct call *call, const struct events_list_event_buses_in *in,
                                    struct events_list_event_buses_out *out)
{
    struct events_page page = {0};
    enum status status = events_page_begin(call, in->next_token, in->limit, in->name_prefix, &page);
    if (status != STATUS_DONE)
        return status;
    struct vec buses;
    vec_init(&buses, call->arena, sizeof(struct events_bus_row));
    size_t max = page.limit++;
    int rc = events_store_list_buses(call->db, call->arena, call->scope, &page, &buses);
    if (rc < 0)
        return call_fail_internal(call, rc, "events: list buses");
    add_default(call, &page, &buses);
    size_t count = buses.count < max ? buses.count : max;
    out->event_buses.is_set = true;
    out->event_buses.items =
        arena_alloc_array(call->arena, count + 1, sizeof(*out->event_buses.items));
    for (size_t i = 0; i < count; i++) {
        const struct events_bus_row *bus = vec_at(&buses, i);
        out->event_buses.items[out->event_buses.count++] = (struct events_event_bus){
            .name = bus->name,
            .arn = events_bus_arn(call->arena, bus->scope, bus->name),
            .description = bus->description,
            .policy = policy_of(bus),
            .creation_time = opt_i64(bus->created_at_ms),
            .last_modified_time = opt_i64(bus->modified_at_ms),
        };
        if (buses.count > max)
            out->next_token = events_page_token(call, bus->name);
    }
    return STATUS_DONE;
}

enum status events_update_event_bus(struct call *call, const struct events_update_event_bus_in *in,
                                    struct events_update_event_bus_out *out)
{
    struct events_bus_row bus = {0};
    enum status status = events_open_bus(call, in->name, &bus);
    if (status != STATUS_DONE)
        return status;
    bus.description = str_or(in->description, bus.description);
    bus.kms_key = str_or(in->kms_key_identifier, bus.kms_key);
    if (in->dead_letter_config)
        bus.dead_letter = in->dead_letter_config->arn;
    if (in->log_config)
        bus.log_config = log_config_text(call, in->log_config);
    *out = (struct events_update_event_bus_out){
        .arn = events_bus_arn(call->arena, bus.scope, bus.name),
        .name = bus.name,
        .kms_key_identifier = bus.kms_key,
        .description = bus.description,
        .dead_letter_config = dead_letter_of(call, bus.dead_letter),
        .log_config = log_config_of(call, bus.log_config),
    };
    return save(call, &bus);
}

/* ---- Policies -------------------------------------------------------------------------------- */

static struct json *statements_of(struct call *call, const struct events_bus_row *bus)
{
    struct json *policy = NULL;
    struct json *list = json_new(call->arena, JSON_ARRAY);
    if (bus->policy.len == 0 || json_parse(call->arena, bus->policy, 0, &policy, NULL) < 0)
        return list;
    const struct json *statements = json_find_cstr(policy, "Statement");
    if (json_is_object(statements))
        json_append(list, json_copy(call->arena, statements));
    for (const struct json *item = json_is_array(statements) ? statements->first : NULL; item;
         item = item->next)
        json_append(list, json_copy(call->arena, item));
    return list;
}

static struct str policy_text(struct call *call, struct json *statements)
{
    struct json *policy = json_new(call->arena, JSON_OBJECT);
    json_append_member(policy, STR("Version"), json_new_string(call->arena, STR("2012-10-17")));
    json_append_member(policy, STR("Statement"), statements);
    return statements->count > 0 ? json_to_str(call->arena, policy) : STR("");
}

static void add_text(struct call *call, struct json *object, struct str name, struct str text)
{
    json_append_member(object, name, json_new_string(call->arena, text));
}

/* AWS: Action, Principal and StatementId make a statement; Condition limits "*" to an organization.
 */
static struct json *new_statement(struct call *call, const struct events_bus_row *bus,
                                  const struct events_put_permission_in *in)
{
    struct arena *arena = call->arena;
    struct json *statement = json_new(arena, JSON_OBJECT);
    add_text(call, statement, STR("Sid"), in->statement_id);
    add_text(call, statement, STR("Effect"), STR("Allow"));
    if (str_eq_cstr(in->principal, "*")) {
        add_text(call, statement, STR("Principal"), in->principal);
    } else {
        struct json *who = json_new(arena, JSON_OBJECT);
        add_text(call, who, STR("AWS"),
                 str_concat3(arena, STR("arn:aws:iam::"), in->principal, STR(":root")));
        json_append_member(statement, STR("Principal"), who);
    }
    add_text(call, statement, STR("Action"), in->action);
    add_text(call, statement, STR("Resource"), events_bus_arn(arena, bus->scope, bus->name));
    if (in->condition) {
        struct json *test = json_new(arena, JSON_OBJECT);
        struct json *condition = json_new(arena, JSON_OBJECT);
        add_text(call, test, in->condition->key, in->condition->value);
        json_append_member(condition, in->condition->type, test);
        json_append_member(statement, STR("Condition"), condition);
    }
    return statement;
}

static enum status whole_policy(struct call *call, struct str text, struct str *out_policy)
{
    struct policy *policy = NULL;
    struct policy_error error = {0};
    if (policy_parse(call->arena, text, POLICY_RESOURCE, &policy, &error) < 0)
        return call_fail(call, &ERROR_VALIDATION, STR_FMT, STR_ARG(error.message));
    *out_policy = text;
    return STATUS_DONE;
}

enum status events_put_permission(struct call *call, const struct events_put_permission_in *in,
                                  struct events_put_permission_out *out)
{
    (void)out;
    struct events_bus_row bus = {0};
    enum status status = events_open_bus(call, in->event_bus_name, &bus);
    if (status != STATUS_DONE)
        return status;
    if (in->policy.ptr) {
        status = whole_policy(call, in->policy, &bus.policy);
    } else if (!in->action.ptr || !in->principal.ptr || !in->statement_id.ptr) {
        status = call_fail(call, &ERROR_VALIDATION,
                           "Parameter(s) Action, Principal and StatementId or Policy must be "
                           "specified.");
    } else if (!str_eq_cstr(in->action, "events:PutEvents") &&
               !str_eq_cstr(in->action, "events:PutPartnerEvents")) {
        status = call_fail(call, &ERROR_VALIDATION,
                           "Provided value in parameter 'action' is not "
                           "supported.");
    } else {
        struct json *kept = json_new(call->arena, JSON_ARRAY);
        for (const struct json *item = statements_of(call, &bus)->first; item; item = item->next) {
            if (!str_eq(json_find_str(item, "Sid"), in->statement_id))
                json_append(kept, json_copy(call->arena, item));
        }
        json_append(kept, new_statement(call, &bus, in));
        bus.policy = policy_text(call, kept);
    }
    if (status == STATUS_DONE && bus.policy.len > MAX_POLICY_BYTES)
        status =
            call_fail(call, &EVENTS_POLICY_LENGTH_EXCEEDED_EXCEPTION,
                      "The policy of the event bus is longer than %d bytes.", MAX_POLICY_BYTES);
    return status == STATUS_DONE ? save(call, &bus) : status;
}

enum status events_remove_permission(struct call *call,
                                     const struct events_remove_permission_in *in,
                                     struct events_remove_permission_out *out)
{
    (void)out;
    struct events_bus_row bus = {0};
    enum status status = events_open_bus(call, in->event_bus_name, &bus);
    if (status != STATUS_DONE)
        return status;
    if (opt_bool_or(in->remove_all_permissions, false)) {
        bus.policy = STR("");
        return save(call, &bus);
    }
    if (!in->statement_id.ptr)
        return call_fail(call, &ERROR_VALIDATION, "Parameter StatementId must be specified.");
    if (bus.policy.len == 0)
        return call_fail(call, &EVENTS_RESOURCE_NOT_FOUND_EXCEPTION,
                         "EventBus does not have a policy.");
    struct json *statements = statements_of(call, &bus);
    struct json *kept = json_new(call->arena, JSON_ARRAY);
    for (const struct json *item = statements->first; item; item = item->next) {
        if (!str_eq(json_find_str(item, "Sid"), in->statement_id))
            json_append(kept, json_copy(call->arena, item));
    }
    if (kept->count == statements->count)
        return call_fail(call, &EVENTS_RESOURCE_NOT_FOUND_EXCEPTION,
                         "Statement with the provided id does not exist.");
    bus.policy = policy_text(call, kept);
    return save(call, &bus);
}
