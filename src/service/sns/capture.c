/* capture.c — what would leave for telephones, mailboxes and applications, kept to be read; and the
 * pages of the program that belong to SNS.
 *
 * GET /_virga/sns/messages answers JSON, oldest first, filtered by the query: account, region,
 * protocol (sms, email, email-json, application's platform), endpoint, topic, limit, after (an "id"
 * of an earlier answer). docs/sns.md shows an example.
 */
#include <errno.h>

#include "base/arena.h"
#include "service/sns/sns.h"
#include "syntax/json.h"
#include "syntax/time.h"
#include "syntax/uri.h"
#include "wire/executor.h"

enum {
    PAGE_DEFAULT = 100,
    PAGE_MOST = 1000,
    SWEEP_INTERVAL_MS = 60 * 1000,
};

enum status sns_capture(struct call *call, const struct sns_captured *captured)
{
    struct sns_captured row = *captured;
    int rc = -EEXIST;
    row.sent_at_ms = call->now_ms;
    while (rc == -EEXIST) { /* two of one millisecond may draw the same random bits */
        row.id = sns_new_id(call);
        rc = sns_store_insert_captured(call->db, &row);
    }
    return rc < 0 ? call_fail_internal(call, rc, "sns: capture a message") : sns_start_sweep(call);
}

/* --- the sweep --- */

enum status sns_start_sweep(struct call *call)
{
    int rc = workflow_exists(call, sns_sweep_kind.name, STR("all"));
    if (rc < 0)
        return call_fail_internal(call, rc, "sns: look for the sweep");
    return rc == 1 ? STATUS_DONE : workflow_start(call, sns_sweep_kind.name, STR("all"), NULL);
}

static enum status sweep_step(struct call *call, struct workflow *workflow,
                              enum workflow_next *out_next)
{
    int rc = sns_store_sweep(call->db, call->now_ms, call->now_ms - SNS_CAPTURE_MS);
    if (rc < 0)
        return call_fail_internal(call, rc, "sns: sweep");
    /* With nothing left the next topic or captured message starts it again. */
    *out_next = rc == 1 ? WORKFLOW_AGAIN : WORKFLOW_DONE;
    workflow->run_at_ms = call->now_ms + SWEEP_INTERVAL_MS;
    return STATUS_DONE;
}

const struct workflow_kind sns_sweep_kind = {
    .name = STR_INIT("sns.sweep"),
    .step = sweep_step,
};

/* --- pages --- */

/* Runs a task in a transaction of its own. False when the store failed. */
static bool run(struct executor *executor, struct arena *arena, executor_task_fn *task,
                void *context)
{
    static const struct principal nobody = {.kind = PRINCIPAL_SERVICE, .name = STR_INIT("virga")};
    struct call_error error = {0};
    return executor_run_task(executor, arena, &nobody, (struct scope){0}, task, context, &error) ==
           0;
}

struct certificate_page {
    struct arena *arena;
    struct str id;
    struct sns_signer_row row;
};

static enum status find_certificate(struct call *call, void *context)
{
    struct certificate_page *page = context;
    int rc = sns_store_find_signer(call->db, page->arena, page->id, &page->row);
    return rc < 0 ? call_fail_internal(call, rc, "sns: find certificate") : STATUS_DONE;
}

struct str sns_certificate_page(struct executor *executor, struct arena *arena, struct str path)
{
    struct str prefix = STR("/SimpleNotificationService-");
    struct str suffix = STR(".pem");
    if (!str_starts_with(path, prefix) || !str_ends_with(path, suffix))
        return (struct str){0};
    struct certificate_page page = {
        .arena = arena,
        .id = str_slice(path, prefix.len, path.len - prefix.len - suffix.len),
    };
    return run(executor, arena, find_certificate, &page) ? page.row.certificate : (struct str){0};
}

static int refuse(struct buf *body, int status, const char *why)
{
    struct json_writer writer;
    json_writer_init(&writer, body);
    json_begin_object(&writer);
    json_key(&writer, STR("message"));
    json_string(&writer, str_from_cstr(why));
    json_end_object(&writer);
    return status;
}

struct messages_page {
    struct arena *arena;
    struct sns_captured_query query;
    int64_t limit;
    struct sns_captured *items;
    int64_t count;
};

static enum status find_messages(struct call *call, void *context)
{
    struct messages_page *page = context;
    page->count =
        sns_store_list_captured(call->db, page->arena, &page->query, page->limit, page->items);
    return page->count < 0 ? call_fail_internal(call, (int)page->count, "sns: captured messages")
                           : STATUS_DONE;
}

static void write_text(struct json_writer *writer, const char *name, struct str value)
{
    json_key(writer, str_from_cstr(name));
    if (value.len > 0)
        json_string(writer, value);
    else
        json_null(writer);
}

static void write_message(struct json_writer *writer, struct arena *arena,
                          const struct sns_captured *item)
{
    struct json *attributes = NULL;
    json_begin_object(writer);
    json_key(writer, STR("id"));
    json_i64(writer, item->id);
    write_text(writer, "account", item->scope.account);
    write_text(writer, "region", item->scope.region);
    write_text(writer, "protocol", item->protocol);
    write_text(writer, "endpoint", item->endpoint);
    write_text(writer, "topic", item->topic_arn);
    write_text(writer, "messageId", item->message_id);
    write_text(writer, "subject", item->subject);
    write_text(writer, "body", item->body);
    json_key(writer, STR("attributes"));
    if (json_parse(arena, item->attributes, 0, &attributes, NULL) == 0)
        json_value(writer, attributes);
    else
        json_null(writer);
    write_text(writer, "sentAt", time_rfc3339_ms(arena, item->sent_at_ms));
    json_end_object(writer);
}

static int messages(struct executor *executor, struct arena *arena, const struct form *query,
                    struct buf *body)
{
    struct messages_page page = {
        .arena = arena,
        .query = {.account = form_find(query, STR("account")),
                  .region = form_find(query, STR("region")),
                  .protocol = form_find(query, STR("protocol")),
                  .endpoint = form_find(query, STR("endpoint")),
                  .topic_arn = form_find(query, STR("topic"))},
        .limit = PAGE_DEFAULT,
    };
    struct str limit = form_find(query, STR("limit"));
    struct str after = form_find(query, STR("after"));
    if ((limit.ptr &&
         (str_to_i64(limit, &page.limit) < 0 || page.limit < 1 || page.limit > PAGE_MOST)) ||
        (after.ptr && str_to_i64(after, &page.query.after) < 0))
        return refuse(body, 400, "limit is 1 to 1000, after is an id");
    page.items = arena_alloc_array(arena, (size_t)page.limit, sizeof(*page.items));
    if (!run(executor, arena, find_messages, &page))
        return refuse(body, 500, "the store failed");
    struct json_writer writer;
    json_writer_init(&writer, body);
    json_begin_object(&writer);
    json_key(&writer, STR("messages"));
    json_begin_array(&writer);
    for (int64_t i = 0; i < page.count; i++)
        write_message(&writer, arena, &page.items[i]);
    json_end_array(&writer);
    json_end_object(&writer);
    return 200;
}

/* Telephones opt out by answering "STOP" to their carrier; here somebody says that one did. */
static enum status put_opt_out(struct call *call, void *context)
{
    int rc = sns_store_put_phone(call->db, context);
    return rc < 0 ? call_fail_internal(call, rc, "sns: opt a telephone out") : STATUS_DONE;
}

static int opt_out(struct executor *executor, struct arena *arena, const struct form *query,
                   struct buf *body)
{
    struct sns_phone phone = {
        .scope = {.account = form_find(query, STR("account")),
                  .region = form_find(query, STR("region"))},
        .kind = STR("optout"),
        .number = form_find(query, STR("phone")),
    };
    if (!phone.scope.account.ptr || !phone.scope.region.ptr || !sns_is_phone_number(phone.number))
        return refuse(body, 400, "account, region and phone are needed");
    if (!run(executor, arena, put_opt_out, &phone))
        return refuse(body, 500, "the store failed");
    buf_append(body, STR("{}"));
    return 200;
}

int sns_page(struct executor *executor, struct arena *arena, struct str page, bool is_get,
             const struct form *query, struct buf *body)
{
    if (str_eq_cstr(page, "sns/messages") && is_get)
        return messages(executor, arena, query, body);
    if (str_eq_cstr(page, "sns/opt-out") && !is_get)
        return opt_out(executor, arena, query, body);
    return refuse(body, 404, "no such page");
}
