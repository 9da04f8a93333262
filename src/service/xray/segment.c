/* segment.c — segment documents come in, are kept for 30 days, and are read again as traces.
 *
 * Docs: X-Ray API reference, PutTraceSegments; developer guide, "AWS X-Ray segment documents".
 */
#include <errno.h>
#include <math.h>

#include "base/arena.h"
#include "base/vec.h"
#include "service/xray/xray.h"
#include "syntax/base64.h"
#include "syntax/json.h"

enum {
    SWEEP_INTERVAL_MS = 10 * 60 * 1000,
    SWEEP_STEP_TRACES = 200,
    BATCH_MAX = 50, /* documents of one PutTraceSegments */
    DAY_MS = 24 * 60 * 60 * 1000,
};

enum status xray_invalid(struct call *call, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str text = str_vformat(call->arena, format, args);
    va_end(args);
    return call_fail(call, &XRAY_INVALID_REQUEST_EXCEPTION, STR_FMT, STR_ARG(text));
}

struct str xray_token(struct call *call, struct str text)
{
    return base64_encode_str(call->arena, text);
}

enum status xray_read_token(struct call *call, struct str token, struct str *out_text)
{
    *out_text = STR("");
    if (token.len == 0 || base64_decode(call->arena, token, out_text) == 0)
        return STATUS_DONE;
    return xray_invalid(call, "Invalid NextToken");
}

/* --- in --- */

static int64_t to_ms(double seconds)
{
    return (int64_t)fmin(seconds * 1000.0, 4e14);
}

/* The seconds in "1-58406520-...": checked to be hexadecimal. */
static int64_t id_time_ms(struct str trace_id)
{
    int64_t seconds = 0;
    for (size_t i = 2; i < 10; i++) {
        char c = trace_id.ptr[i];
        seconds = seconds * 16 + (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return seconds * 1000;
}

const char *xray_take_segment(struct call *call, struct scope scope, struct str text,
                              struct str *out_id, int *out_rc)
{
    struct json *document = NULL;
    *out_rc = 0;
    if (text.len > XRAY_DOCUMENT_MAX)
        return "SegmentTooLarge";
    if (json_parse(call->arena, text, 0, &document, NULL) < 0)
        return "ParseError";
    const char *code = xray_check_document(document);
    *out_id = json_find_str(document, "id");
    if (code)
        return code;
    double start_s = xray_number(document, "start_time").value;
    struct opt_f64 end = xray_number(document, "end_time");
    const struct xray_segment_row row = {
        .trace_id = json_find_str(document, "trace_id"),
        .segment_id = *out_id,
        .start_ms = to_ms(start_s),
        .end_ms = to_ms(end.is_set ? end.value : start_s),
        .document = text,
    };
    *out_rc = xray_store_put_segment(call->db, scope, &row, id_time_ms(row.trace_id), call->now_ms);
    return NULL;
}

enum status xray_put_trace_segments(struct call *call, const struct xray_put_trace_segments_in *in,
                                    struct xray_put_trace_segments_out *out)
{
    const struct xray_trace_segment_document_list *documents = &in->trace_segment_documents;
    struct xray_unprocessed_trace_segment_list *failed = &out->unprocessed_trace_segments;
    if (documents->count > BATCH_MAX)
        return xray_invalid(call, "Too many segments in one request: at most %d", BATCH_MAX);
    failed->is_set = true;
    failed->items = arena_alloc_array(call->arena, documents->count + 1, sizeof(*failed->items));
    for (size_t i = 0; i < documents->count; i++) {
        struct str id = {0};
        int rc = 0;
        const char *code = xray_take_segment(call, call->scope, documents->items[i], &id, &rc);
        if (rc < 0)
            return call_fail_internal(call, rc, "xray: write a segment");
        if (!code)
            continue;
        failed->items[failed->count++] = (struct xray_unprocessed_trace_segment){
            .id = id,
            .error_code = str_from_cstr(code),
            .message = str_format(call->arena, "Invalid segment. ErrorCode: %s", code),
        };
    }
    return failed->count < documents->count ? xray_start_sweep(call) : STATUS_DONE;
}

/* What a daemon tells of itself is not kept: nothing in the API gives it out again. */
enum status xray_put_telemetry_records(struct call *call,
                                       const struct xray_put_telemetry_records_in *in,
                                       struct xray_put_telemetry_records_out *out)
{
    (void)call;
    (void)in;
    (void)out;
    return STATUS_DONE;
}

/* --- out --- */

/* Turns neighbouring rows of one trace into a tree. */
static void build(struct call *call, const struct xray_store_row *rows, size_t count,
                  struct xray_loaded *out)
{
    const struct json **documents =
        arena_alloc_array(call->arena, count, sizeof(const struct json *));
    struct xray_segment_row *segments = arena_alloc_array(call->arena, count, sizeof(*segments));
    for (size_t i = 0; i < count; i++) {
        struct json *document = NULL;
        int rc = json_parse(call->arena, rows[i].segment.document, 0, &document, NULL);
        CHECK(rc == 0); /* it was parsed when it came */
        documents[i] = document;
        segments[i] = rows[i].segment;
    }
    *out = (struct xray_loaded){
        .tree = xray_trace_build(call->arena, rows[0].segment.trace_id, documents, count),
        .at_ms = rows[0].at_ms,
        .revision = rows[0].revision,
        .segments = segments,
        .segment_count = count,
    };
}

int xray_load_traces(struct call *call, const struct xray_trace_query *query,
                     struct xray_loaded **out_traces, size_t *out_count)
{
    struct vec rows;
    vec_init(&rows, call->arena, sizeof(struct xray_store_row));
    int rc = xray_store_list(call->db, call->arena, query, &rows);
    if (rc < 0)
        return rc;
    struct xray_loaded *traces =
        arena_alloc_array(call->arena, (size_t)query->limit, sizeof(*traces));
    const struct xray_store_row *items = rows.items;
    size_t count = 0;
    for (size_t i = 0; i < rows.count;) {
        size_t end = i + 1;
        while (end < rows.count && str_eq(items[end].segment.trace_id, items[i].segment.trace_id))
            end++;
        build(call, &items[i], end - i, &traces[count++]);
        i = end;
    }
    *out_traces = traces;
    *out_count = count;
    return 0;
}

int xray_load_trace(struct call *call, struct str id, struct xray_loaded *out_trace)
{
    struct vec rows;
    vec_init(&rows, call->arena, sizeof(struct xray_store_row));
    int rc = xray_store_find(call->db, call->arena, call->scope, id, &rows);
    if (rc < 0 || rows.count == 0)
        return rc;
    build(call, rows.items, rows.count, out_trace);
    return 1;
}

/* --- the sweep --- */

enum status xray_start_sweep(struct call *call)
{
    int rc = workflow_exists(call, xray_sweep_kind.name, STR("all"));
    if (rc < 0)
        return call_fail_internal(call, rc, "xray: look for the sweep");
    return rc == 1 ? STATUS_DONE : workflow_start(call, xray_sweep_kind.name, STR("all"), NULL);
}

static enum status sweep_step(struct call *call, struct workflow *workflow,
                              enum workflow_next *out_next)
{
    int64_t before_ms = call->now_ms - (int64_t)XRAY_KEPT_MS_DAYS * DAY_MS;
    int64_t count = xray_store_sweep(call->db, before_ms, SWEEP_STEP_TRACES);
    if (count < 0)
        return call_fail_internal(call, (int)count, "xray: sweep");
    *out_next = WORKFLOW_AGAIN;
    if (count == SWEEP_STEP_TRACES)
        return STATUS_DONE;
    int rc = xray_store_has_traces(call->db);
    if (rc < 0)
        return call_fail_internal(call, rc, "xray: look for traces");
    /* With nothing left the next segment starts it again. */
    if (rc == 0)
        *out_next = WORKFLOW_DONE;
    workflow->run_at_ms = call->now_ms + SWEEP_INTERVAL_MS;
    return STATUS_DONE;
}

const struct workflow_kind xray_sweep_kind = {
    .name = STR_INIT("xray.sweep"),
    .step = sweep_step,
};
