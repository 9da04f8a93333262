/* website.c — website endpoints: index and error documents, redirects, routing rules.
 *
 * A request to BUCKET.s3-website-REGION.amazonaws.com comes here as one of two operations of our
 * own (models/patches/s3.json). It reads objects as anybody: what is not public is refused. All
 * answers, refusals too, are pages; so the handlers end in STATUS_DONE and set the status
 * themselves.
 *
 *   redirect all? ──> routing rules by prefix ──> the object, or the index document of a folder
 *        └─ not there ──> KEY/ has an index: 302 ──> routing rules by error code ──> error document
 *
 * Docs: S3 user guide, "Hosting a static website using Amazon S3", "Configuring a custom error
 * document", "(Optional) Using advanced conditional redirects", "Website endpoints".
 */
#include "base/arena.h"
#include "net/http.h"
#include "service/s3/bucket.h"
#include "syntax/time.h"
#include "syntax/uri.h"
#include "wire/stream.h"

enum {
    MAX_PAGE_BYTES = 64 * 1024, /* keys and messages in it are a few KiB */
};

/* One request to a website. */
struct visit {
    struct call *call;
    const struct s3_website_object_in *in; /* key "" for the root */
    const struct s3_website_configuration *website;
    struct str *out_content_type;
};

static const char *reason_of(int status)
{
    switch (status) {
    case 301:
        return "301 Moved Permanently";
    case 302:
        return "302 Moved Temporarily";
    case 400:
        return "400 Bad Request";
    case 403:
        return "403 Forbidden";
    case 404:
        return "404 Not Found";
    case 405:
        return "405 Method Not Allowed";
    case 412:
        return "412 Precondition Failed";
    case 416:
        return "416 Requested Range Not Satisfiable";
    default:
        return "500 Internal Server Error";
    }
}

static enum status send_text(struct visit *visit, int status, struct str text)
{
    struct body_piece *piece = arena_alloc(visit->call->arena, sizeof(*piece));
    *piece = (struct body_piece){.bytes = text, .length = (int64_t)text.len};
    *visit->out_content_type = STR("text/html; charset=utf-8");
    call_set_status(visit->call, status);
    return call_send(visit->call, piece, 1);
}

static struct str html(struct arena *arena, struct str text)
{
    text = str_replace(arena, text, STR("&"), STR("&amp;"));
    text = str_replace(arena, text, STR("<"), STR("&lt;"));
    return str_replace(arena, text, STR(">"), STR("&gt;"));
}

/* OBSERVED: the page of an error, as website endpoints answer it. */
static enum status send_error_page(struct visit *visit, const struct call_error *error,
                                   struct str key)
{
    struct call *call = visit->call;
    struct buf page;
    int status = error->error->http_status;
    buf_init(&page, call->arena, MAX_PAGE_BYTES);
    buf_append_format(&page,
                      "<html>\n<head><title>%s</title></head>\n<body>\n<h1>%s</h1>\n<ul>\n"
                      "<li>Code: " STR_FMT "</li>\n<li>Message: " STR_FMT "</li>\n",
                      reason_of(status), reason_of(status), STR_ARG(error->error->code),
                      STR_ARG(html(call->arena, str_or(error->message, STR("")))));
    if (key.len > 0)
        buf_append_format(&page, "<li>Key: " STR_FMT "</li>\n", STR_ARG(html(call->arena, key)));
    buf_append_format(&page,
                      "<li>RequestId: " STR_FMT "</li>\n<li>HostId: " STR_FMT
                      "</li>\n</ul>\n<hr/>\n</body>\n</html>\n",
                      STR_ARG(call->request_id), STR_ARG(call->request_id));
    call_add_header(call, STR("x-amz-error-code"), error->error->code);
    return send_text(visit, status, buf_str(&page));
}

/* ---- redirects ---- */

/* What no header can carry cannot be redirected to. */
static bool is_header_text(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c == 0x7f)
            return false;
    }
    return true;
}

static enum status redirect(struct visit *visit, int status, struct str location)
{
    struct call *call = visit->call;
    if (!is_header_text(location))
        location = STR("/");
    call_add_header(call, STR("Location"), location);
    return send_text(visit, status,
                     str_format(call->arena,
                                "<html>\n<head><title>%s</title></head>\n<body>\n<h1>%s</h1>\n"
                                "</body>\n</html>\n",
                                reason_of(status), reason_of(status)));
}

/* protocol://host/key; what a rule does not say is the request's. */
static struct str location_of(struct visit *visit, struct str protocol, struct str host,
                              struct str key)
{
    const struct http_exchange *exchange = visit->call->exchange;
    struct str own = exchange ? exchange->host : STR("");
    const char *own_protocol = exchange && exchange->is_tls ? "https" : "http";
    return str_format(visit->call->arena, STR_FMT "://" STR_FMT "/" STR_FMT,
                      STR_ARG(str_or(protocol, str_from_cstr(own_protocol))),
                      STR_ARG(host.len > 0 ? host : own),
                      STR_ARG(uri_encode_str(visit->call->arena, key, true)));
}

/* The first rule for the key that is about `error_status` (0: about no error). */
static const struct s3_routing_rule *find_rule(const struct visit *visit, int error_status)
{
    const struct s3_routing_rules *rules = &visit->website->routing_rules;
    for (size_t i = 0; i < rules->count; i++) {
        const struct s3_condition *condition = rules->items[i].condition;
        struct str prefix = condition ? condition->key_prefix_equals : (struct str){0};
        struct str code_text =
            condition ? condition->http_error_code_returned_equals : (struct str){0};
        int64_t code = 0;
        if (code_text.ptr && str_to_i64(code_text, &code) < 0)
            continue;
        if (code == error_status && str_starts_with(visit->in->key, str_or(prefix, STR(""))))
            return &rules->items[i];
    }
    return NULL;
}

static enum status follow_rule(struct visit *visit, const struct s3_routing_rule *rule)
{
    const struct s3_redirect *target = rule->redirect;
    struct str key = visit->in->key;
    int64_t status = 301;
    if (target->replace_key_with.ptr) {
        key = target->replace_key_with;
    } else if (target->replace_key_prefix_with.ptr) {
        struct str prefix = rule->condition ? rule->condition->key_prefix_equals : (struct str){0};
        key = str_concat(visit->call->arena, target->replace_key_prefix_with,
                         str_from(key, prefix.len));
    }
    if (target->http_redirect_code.ptr && str_to_i64(target->http_redirect_code, &status) < 0)
        status = 301;
    return redirect(visit, (int)status,
                    location_of(visit, target->protocol, target->host_name, key));
}

/* ---- documents ---- */

/* Reads an object as anybody. On STATUS_FAILED *out_error says why; a fault of ours is the call's.
 */
static enum status fetch(struct visit *visit, struct str key, bool is_conditional,
                         struct s3_get_object_out *out, struct call_answer *out_answer,
                         struct call_error *out_error)
{
    static const struct principal anybody = {.kind = PRINCIPAL_ANONYMOUS};
    struct s3_get_object_in in = {.bucket = visit->in->bucket, .key = key};
    if (is_conditional) {
        in.if_match = visit->in->if_match;
        in.if_none_match = visit->in->if_none_match;
        in.if_modified_since = visit->in->if_modified_since;
        in.if_unmodified_since = visit->in->if_unmodified_since;
        in.range = visit->in->range;
    }
    const struct scope scope = {.account = STR(""), .region = s3_bucket_of(visit->call)->region};
    return call_invoke_stream(visit->call, &anybody, &scope, &s3_model,
                              &s3_operations[S3_OP_GET_OBJECT], NULL, &in, out, out_answer,
                              out_error);
}

static void add_header(struct call *call, const char *name, struct str value)
{
    if (value.len > 0 && is_header_text(value))
        call_add_header(call, str_from_cstr(name), value);
}

static enum status send_object(struct visit *visit, int status,
                               const struct s3_get_object_out *object,
                               const struct call_answer *answer)
{
    struct call *call = visit->call;
    if (status == 200 && object->website_redirect_location.len > 0)
        return redirect(visit, 301, object->website_redirect_location);
    add_header(call, "ETag", object->etag);
    if (object->last_modified.is_set)
        add_header(call, "Last-Modified", time_http(call->arena, object->last_modified.value));
    add_header(call, "Cache-Control", object->cache_control);
    add_header(call, "Content-Disposition", object->content_disposition);
    add_header(call, "Content-Encoding", object->content_encoding);
    add_header(call, "Content-Language", object->content_language);
    add_header(call, "Content-Range", object->content_range);
    for (size_t i = 0; i < object->metadata.count; i++)
        add_header(call,
                   str_to_cstr(call->arena, str_concat(call->arena, STR("x-amz-meta-"),
                                                       object->metadata.items[i].key)),
                   object->metadata.items[i].value);
    *visit->out_content_type = object->content_type;
    call_set_status(call, status == 200 && answer->status != 0 ? answer->status : status);
    return call_send(call, answer->pieces, answer->piece_count);
}

/* Rules about errors, then the error document, then a page of ours. */
static enum status answer_error(struct visit *visit, const struct call_error *error, struct str key)
{
    int status = error->error->http_status;
    const struct s3_routing_rule *rule = find_rule(visit, status);
    if (status == 304) {
        call_set_status(visit->call, status);
        return STATUS_DONE;
    }
    if (rule)
        return follow_rule(visit, rule);
    if (!visit->website->error_document)
        return send_error_page(visit, error, key);
    struct s3_get_object_out object = {0};
    struct call_answer answer = {0};
    struct call_error problem = {0};
    enum status found =
        fetch(visit, visit->website->error_document->key, false, &object, &answer, &problem);
    if (found == STATUS_DONE)
        return send_object(visit, status, &object, &answer);
    return visit->call->store_errno != 0 ? found : send_error_page(visit, error, key);
}

/* Whether KEY/ is a folder with an index document, to which a request for KEY is redirected. */
static enum status answer_missing(struct visit *visit, const struct call_error *error,
                                  struct str key)
{
    struct call *call = visit->call;
    struct str index = visit->website->index_document->suffix;
    if (key.len == 0 || str_ends_with(visit->in->key, STR("/")) ||
        (error->error->http_status != 404 && error->error->http_status != 403))
        return answer_error(visit, error, key);
    struct s3_get_object_out object = {0};
    struct call_answer answer = {0};
    struct call_error problem = {0};
    enum status found = fetch(visit, str_concat3(call->arena, key, STR("/"), index), false, &object,
                              &answer, &problem);
    if (found == STATUS_DONE)
        return redirect(visit, 302,
                        str_format(call->arena, "/" STR_FMT "/",
                                   STR_ARG(uri_encode_str(call->arena, key, true))));
    return call->store_errno != 0 ? found : answer_error(visit, error, key);
}

static enum status answer_visit(struct visit *visit)
{
    struct call *call = visit->call;
    const struct s3_redirect_all_requests_to *everywhere = visit->website->redirect_all_requests_to;
    struct str key = visit->in->key;
    if (everywhere)
        return redirect(visit, 301,
                        location_of(visit, everywhere->protocol, everywhere->host_name, key));
    const struct s3_routing_rule *rule = find_rule(visit, 0);
    if (rule)
        return follow_rule(visit, rule);
    bool is_folder = key.len == 0 || str_ends_with(key, STR("/"));
    if (is_folder)
        key = str_concat(call->arena, key, visit->website->index_document->suffix);
    struct s3_get_object_out object = {0};
    struct call_answer answer = {0};
    struct call_error error = {0};
    enum status status = fetch(visit, key, true, &object, &answer, &error);
    if (status == STATUS_DONE)
        return send_object(visit, 200, &object, &answer);
    if (call->store_errno != 0 || !error.error)
        return status;
    return is_folder ? answer_error(visit, &error, key) : answer_missing(visit, &error, key);
}

static enum status visit_website(struct call *call, const struct s3_website_object_in *in,
                                 struct str *out_content_type)
{
    struct visit visit = {.call = call, .in = in, .out_content_type = out_content_type};
    const struct s3_bucket_row *bucket = s3_subject(call)->bucket;
    struct call_error missing = {.error = &S3_NO_SUCH_BUCKET,
                                 .message = STR("The specified bucket does not exist")};
    if (!bucket)
        return send_error_page(&visit, &missing, (struct str){0});
    void *loaded = NULL;
    enum status status = s3_load_config(
        call, bucket, S3_CONFIG_WEBSITE,
        s3_member_shape(s3_operations[S3_OP_PUT_BUCKET_WEBSITE].in, "WebsiteConfiguration"),
        &loaded);
    if (status != STATUS_DONE)
        return status;
    if (!loaded) {
        missing = (struct call_error){
            .error = &S3_NO_SUCH_WEBSITE_CONFIGURATION,
            .message = STR("The specified bucket does not have a website configuration")};
        return send_error_page(&visit, &missing, (struct str){0});
    }
    visit.website = loaded;
    return answer_visit(&visit);
}

enum status s3_website_object(struct call *call, const struct s3_website_object_in *in,
                              struct s3_website_object_out *out)
{
    return visit_website(call, in, &out->content_type);
}

enum status s3_website_root(struct call *call, const struct s3_website_root_in *in,
                            struct s3_website_root_out *out)
{
    const struct s3_website_object_in object = {
        .bucket = in->bucket,
        .key = STR(""),
        .if_match = in->if_match,
        .if_none_match = in->if_none_match,
        .if_modified_since = in->if_modified_since,
        .if_unmodified_since = in->if_unmodified_since,
        .range = in->range,
    };
    return visit_website(call, &object, &out->content_type);
}
