/* pages.c — the program's own pages. See pages.h. */
#include "pages.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "engine/workflow/workflow.h"
#include "net/http.h"
#include "service/cloudformation/cloudformation_public.h"
#include "service/sns/sns_public.h"
#include "settings.h"
#include "syntax/json.h"
#include "syntax/time.h"
#include "syntax/uri.h"
#include "wire/identity.h"

enum {
    PAGE_MAX_BYTES = 8 * 1024 * 1024,      /* metrics of all operations of all services */
    SNS_PAGE_MAX_BYTES = 64 * 1024 * 1024, /* 1,000 captured messages, mostly short */
};

static void respond(struct http_exchange *exchange, int status, struct str type, struct str body)
{
    const struct http_header headers[] = {
        {.name = STR("Content-Type"), .value = type},
        {.name = STR("Cache-Control"), .value = STR("no-store")},
    };
    http_respond(exchange, status, headers, ARRAY_LEN(headers), body);
}

static void respond_json(struct http_exchange *exchange, int status, const struct buf *body)
{
    respond(exchange, status, STR("application/json"), buf_str(body));
}

static void respond_error(struct http_exchange *exchange, int status, const char *message)
{
    struct buf body;
    buf_init(&body, exchange->arena, PAGE_MAX_BYTES);
    struct json_writer writer;
    json_writer_init(&writer, &body);
    json_begin_object(&writer);
    json_key(&writer, STR("message"));
    json_string(&writer, str_from_cstr(message));
    json_end_object(&writer);
    respond_json(exchange, status, &body);
}

static void serve_health(struct executor *executor, struct http_exchange *exchange)
{
    const struct runtime *runtime = executor_runtime(executor);
    struct buf body;
    buf_init(&body, exchange->arena, PAGE_MAX_BYTES);
    struct json_writer writer;
    json_writer_init(&writer, &body);
    json_begin_object(&writer);
    json_key(&writer, STR("status"));
    json_string(&writer, STR("running"));
    json_key(&writer, STR("version"));
    json_string(&writer, STR(VIRGA_VERSION));
    json_key(&writer, STR("pid"));
    json_i64(&writer, getpid());
    json_key(&writer, STR("store"));
    json_string(&writer, store_is_postgres(runtime->store) ? STR("postgresql") : STR("sqlite"));
    json_key(&writer, STR("workers"));
    json_i64(&writer, (int64_t)runtime->executor_count);
    json_key(&writer, STR("uptime_ms"));
    json_i64(&writer, (clock_monotonic_us() - runtime->started_monotonic_us) / 1000);
    json_key(&writer, STR("clock_offset_ms"));
    json_i64(&writer, clock_offset_ms());
    json_key(&writer, STR("services"));
    json_begin_array(&writer);
    for (size_t i = 0; i < runtime->service_count; i++)
        json_string(&writer, runtime->services[i]->model->name);
    json_end_array(&writer);
    json_end_object(&writer);
    buf_append_char(&body, '\n');
    respond_json(exchange, 200, &body);
}

static int64_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    long long total = 0;
    long long resident = 0;
    int read = fscanf(file, "%lld %lld", &total, &resident);
    fclose(file);
    return read == 2 ? resident * sysconf(_SC_PAGESIZE) : 0;
}

static void write_operation(struct buf *out, const struct runtime *runtime, size_t service,
                            size_t operation)
{
    struct operation_count count = executor_count(runtime, service, operation);
    if (count.calls == 0)
        return;
    const struct service_model *model = runtime->services[service]->model;
    struct str name = model->operations[operation].name;
    buf_append_format(
        out, "virga_requests_total{service=\"" STR_FMT "\",operation=\"" STR_FMT "\"} %llu\n",
        STR_ARG(model->name), STR_ARG(name), (unsigned long long)count.calls);
    buf_append_format(out,
                      "virga_request_errors_total{service=\"" STR_FMT "\",operation=\"" STR_FMT
                      "\",fault=\"client\"} %llu\n",
                      STR_ARG(model->name), STR_ARG(name), (unsigned long long)count.client_errors);
    buf_append_format(out,
                      "virga_request_errors_total{service=\"" STR_FMT "\",operation=\"" STR_FMT
                      "\",fault=\"server\"} %llu\n",
                      STR_ARG(model->name), STR_ARG(name), (unsigned long long)count.server_errors);
    buf_append_format(out,
                      "virga_request_microseconds_total{service=\"" STR_FMT
                      "\",operation=\"" STR_FMT "\"} %llu\n",
                      STR_ARG(model->name), STR_ARG(name), (unsigned long long)count.micros);
}

/* Prometheus text exposition format 0.0.4. */
static void serve_metrics(struct executor *executor, struct http_exchange *exchange)
{
    const struct runtime *runtime = executor_runtime(executor);
    struct buf body;
    buf_init(&body, exchange->arena, PAGE_MAX_BYTES);
    buf_append_cstr(&body, "# TYPE virga_requests_total counter\n"
                           "# TYPE virga_request_errors_total counter\n"
                           "# TYPE virga_request_microseconds_total counter\n");
    for (size_t i = 0; i < runtime->service_count; i++) {
        for (size_t op = 0; op < runtime->services[i]->model->operation_count; op++)
            write_operation(&body, runtime, i, op);
    }
    buf_append_format(&body,
                      "# TYPE virga_waiting_calls gauge\nvirga_waiting_calls %llu\n"
                      "# TYPE process_resident_memory_bytes gauge\n"
                      "process_resident_memory_bytes %lld\n"
                      "# TYPE process_start_time_seconds gauge\n"
                      "process_start_time_seconds %lld\n",
                      (unsigned long long)executor_waiting(runtime), (long long)resident_bytes(),
                      (long long)(runtime->started_at_ms / 1000));
    respond(exchange, 200, STR("text/plain; version=0.0.4"), buf_str(&body));
}

int duration_parse(struct str text, int64_t *out_ms)
{
    static const struct {
        struct str name;
        int64_t ms;
    } units[] = {
        {STR_INIT("ms"), 1},           {STR_INIT("s"), 1000},
        {STR_INIT("m"), 60 * 1000},    {STR_INIT("h"), 3600 * 1000},
        {STR_INIT("d"), 86400 * 1000}, {STR_INIT("w"), 7 * 86400 * 1000},
    };
    bool is_negative = str_starts_with(text, STR("-"));
    if (is_negative)
        text = str_from(text, 1);
    int64_t total = 0;
    if (text.len == 0)
        return -EINVAL;
    while (text.len > 0) {
        size_t digits = 0;
        while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
            digits++;
        int64_t number = 0;
        if (str_to_i64(str_slice(text, 0, digits), &number) < 0)
            return -EINVAL;
        text = str_from(text, digits);
        size_t letters = 0;
        while (letters < text.len && text.ptr[letters] >= 'a' && text.ptr[letters] <= 'z')
            letters++;
        struct str unit = letters == 0 ? STR("s") : str_slice(text, 0, letters);
        int64_t unit_ms = 0;
        for (size_t i = 0; i < ARRAY_LEN(units); i++) {
            if (str_eq(units[i].name, unit))
                unit_ms = units[i].ms;
        }
        int64_t part = 0;
        if (unit_ms == 0 || __builtin_mul_overflow(number, unit_ms, &part) ||
            __builtin_add_overflow(total, part, &total))
            return -EINVAL;
        text = str_from(text, letters);
    }
    *out_ms = is_negative ? -total : total;
    return 0;
}

static enum status store_offset(struct call *call, void *context)
{
    const int64_t *offset_ms = context;
    int rc = settings_write(call->db, STR("clock_offset_ms"), *offset_ms);
    if (rc < 0)
        return call_fail_internal(call, rc, "store the clock's offset");
    bool goes_back = *offset_ms < clock_offset_ms();
    return goes_back ? workflow_clock_goes_back(call) : STATUS_DONE;
}

static void serve_clock(struct executor *executor, struct http_exchange *exchange,
                        const struct form *query)
{
    struct runtime *runtime = executor_runtime(executor);
    struct str advance = form_find(query, STR("advance"));
    bool is_reset = form_find(query, STR("reset")).ptr != NULL;
    if (advance.ptr || is_reset) {
        int64_t step_ms = 0;
        if (!is_reset && duration_parse(advance, &step_ms) < 0) {
            respond_error(exchange, 400, "advance takes a duration such as 90s, 15m, 1h30m or 2d");
            return;
        }
        int64_t offset = is_reset ? 0 : clock_offset_ms() + step_ms;
        struct principal nobody = {.kind = PRINCIPAL_SERVICE, .name = STR("virga")};
        struct call_error error = {0};
        int rc = executor_run_task(executor, exchange->arena, &nobody, (struct scope){0},
                                   store_offset, &offset, &error);
        if (rc < 0) {
            respond_error(exchange, 500, "the store refused the new offset");
            return;
        }
        clock_set_offset_ms(offset);
        for (size_t i = 0; i < runtime->executor_count; i++)
            executor_clock_moved(runtime->executors[i]);
        if (runtime->workflows)
            workflow_runner_wake(runtime->workflows);
    }
    struct buf body;
    buf_init(&body, exchange->arena, PAGE_MAX_BYTES);
    struct json_writer writer;
    json_writer_init(&writer, &body);
    json_begin_object(&writer);
    json_key(&writer, STR("now"));
    json_string(&writer, time_rfc3339(exchange->arena, clock_now_ms()));
    json_key(&writer, STR("offset_ms"));
    json_i64(&writer, clock_offset_ms());
    json_end_object(&writer);
    buf_append_char(&body, '\n');
    respond_json(exchange, 200, &body);
}

static void serve_snapshot(struct executor *executor, struct http_exchange *exchange,
                           const struct form *query)
{
    executor_flush(executor);
    int rc = store_snapshot_save(executor_runtime(executor)->store, form_find(query, STR("name")));
    if (rc == 0)
        respond(exchange, 200, STR("application/json"), STR("{}\n"));
    else if (rc == -EINVAL)
        respond_error(exchange, 400, "a snapshot's name is 1 to 64 of A-Z a-z 0-9 . _ -");
    else if (rc == -EEXIST)
        respond_error(exchange, 409, "a snapshot of that name exists");
    else if (rc == -ENOTSUP)
        respond_error(exchange, 501, "snapshots need the SQLite store");
    else
        respond_error(exchange, 500, "the snapshot could not be written");
}

static enum status empty_store(struct call *call, void *context)
{
    (void)context;
    int rc = db_empty(call->db);
    if (rc < 0)
        return call_fail_internal(call, rc, "empty the store");
    db_notify(call->db, STR(IDENTITY_CHANNEL));
    return STATUS_DONE;
}

static void serve_reset(struct executor *executor, struct http_exchange *exchange)
{
    struct runtime *runtime = executor_runtime(executor);
    struct principal nobody = {.kind = PRINCIPAL_SERVICE, .name = STR("virga")};
    struct call_error error = {0};
    int rc = executor_run_task(executor, exchange->arena, &nobody, (struct scope){0}, empty_store,
                               NULL, &error);
    if (rc < 0) {
        respond_error(exchange, 500, "the store could not be emptied");
        return;
    }
    clock_set_offset_ms(0);
    for (size_t i = 0; i < runtime->executor_count; i++)
        executor_wake_all(runtime->executors[i]); /* what they waited for is gone */
    respond(exchange, 200, STR("application/json"), STR("{}\n"));
}

/* Answers of custom resources and signals of wait conditions; senders know S3's answers. */
static bool serve_callback(struct executor *executor, struct http_exchange *exchange)
{
    const struct str path = STR(CLOUDFORMATION_CALLBACK_PATH);
    struct str refusal = {0};
    int rc = 0;
    if (!str_starts_with(exchange->raw_path, path))
        return false;
    if (!str_eq_cstr(exchange->method, "PUT"))
        refusal = STR("send the answer with PUT");
    else if (exchange->is_too_large)
        refusal = STR("the answer is too long");
    else
        rc = cloudformation_take_callback(executor, exchange->arena,
                                          str_from(exchange->raw_path, path.len), exchange->body,
                                          &refusal);
    if (rc < 0)
        refusal = STR("the answer could not be kept");
    respond(exchange,
            rc < 0        ? 500
            : refusal.ptr ? 400
                          : 200,
            STR("text/plain"),
            refusal.ptr ? str_concat(exchange->arena, refusal, STR("\n")) : STR(""));
    return true;
}

static void serve_sns(struct executor *executor, struct http_exchange *exchange, struct str page,
                      bool is_get, const struct form *query)
{
    struct buf body;
    buf_init(&body, exchange->arena, SNS_PAGE_MAX_BYTES);
    int status = sns_page(executor, exchange->arena, page, is_get, query, &body);
    buf_append_char(&body, '\n');
    if (body.is_full)
        respond_error(exchange, 400, "too much at once: give a limit");
    else
        respond_json(exchange, status, &body);
}

static bool is_control_allowed(struct http_exchange *exchange)
{
    if (str_eq_cstr(exchange->method, "POST") && exchange->is_loopback &&
        http_header(exchange, "X-Virga-Control").ptr)
        return true;
    respond_error(exchange, 403, "use the virga command from this machine");
    return false;
}

bool pages_serve(struct executor *executor, struct http_exchange *exchange)
{
    struct str path = exchange->raw_path;
    if (str_eq_cstr(path, "/metrics")) {
        serve_metrics(executor, exchange);
        return true;
    }
    struct str certificate = sns_certificate_page(executor, exchange->arena, path);
    if (certificate.ptr) {
        respond(exchange, 200, STR("application/x-pem-file"), certificate);
        return true;
    }
    if (!str_starts_with(path, STR("/_virga/")))
        return false;
    if (serve_callback(executor, exchange))
        return true;
    struct form query = {0};
    if (form_parse(exchange->arena, exchange->raw_query, true, &query) < 0) {
        respond_error(exchange, 400, "malformed query");
        return true;
    }
    struct str page = str_from(path, STR("/_virga/").len);
    bool is_get = str_eq_cstr(exchange->method, "GET");
    if (str_eq_cstr(page, "health"))
        serve_health(executor, exchange);
    else if (str_eq_cstr(page, "clock") && (is_get || is_control_allowed(exchange)))
        serve_clock(executor, exchange, is_get ? &(struct form){0} : &query);
    else if (str_eq_cstr(page, "snapshot") && is_control_allowed(exchange))
        serve_snapshot(executor, exchange, &query);
    else if (str_eq_cstr(page, "reset") && is_control_allowed(exchange))
        serve_reset(executor, exchange);
    else if (str_starts_with(page, STR("sns/")) && (is_get || is_control_allowed(exchange)))
        serve_sns(executor, exchange, page, is_get, &query);
    else if (!str_starts_with(page, STR("sns/")) && !str_eq_cstr(page, "clock") &&
             !str_eq_cstr(page, "snapshot") && !str_eq_cstr(page, "reset"))
        respond_error(exchange, 404, "no such page");
    return true;
}
