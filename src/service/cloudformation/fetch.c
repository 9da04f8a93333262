/* fetch.c — templates and policies that a request names by URL.
 *
 * AWS: TemplateURL "must point to a template ... that's located in an Amazon S3 bucket". The forms
 * of a URL: path style (https://s3.REGION.amazonaws.com/BUCKET/KEY), virtual-hosted style
 * (https://BUCKET.s3.REGION.amazonaws.com/KEY), and path style at the endpoint of this server.
 */
#include "base/arena.h"
#include "service/cloudformation/cloudformation.h"
#include "service/s3/s3_public.h"
#include "syntax/uri.h"
#include "wire/runtime.h"

enum {
    TEMPLATE_MAX_BYTES = 1024 * 1024, /* AWS: CloudFormation quotas, template body in an object */
};

struct location {
    struct str bucket;
    struct str key;
    struct str version; /* absent: the current one */
};

/* "s3", "s3-us-west-2", "s3.us-west-2" and the rest of those host names. */
static bool is_s3_host(struct str host)
{
    return str_ends_with(host, STR(".amazonaws.com")) &&
           (str_starts_with(host, STR("s3.")) || str_starts_with(host, STR("s3-")));
}

/* Where the name of the bucket ends in a virtual-hosted name, or -1. */
static ptrdiff_t bucket_end(struct str host)
{
    if (!str_ends_with(host, STR(".amazonaws.com")))
        return -1;
    ptrdiff_t dot = str_find(host, STR(".s3."));
    return dot >= 0 ? dot : str_find(host, STR(".s3-"));
}

/* Splits "BUCKET/KEY". */
static bool split_path(struct str path, struct location *out)
{
    ptrdiff_t slash = str_index(path, '/');
    if (slash <= 0 || (size_t)slash + 1 >= path.len)
        return false;
    out->bucket = str_slice(path, 0, (size_t)slash);
    out->key = str_from(path, (size_t)slash + 1);
    return true;
}

static bool parse_url(const struct call *call, struct str url, struct location *out)
{
    ptrdiff_t query = str_index(url, '?');
    if (query >= 0) {
        struct str text = str_from(url, (size_t)query + 1);
        if (str_starts_with(text, STR("versionId=")))
            out->version = str_from(text, STR("versionId=").len);
        url = str_slice(url, 0, (size_t)query);
    }
    struct str own = str_is_set(call->endpoint) ? call->endpoint : call->runtime->endpoint;
    if (own.len > 0 && str_starts_with(url, own) && url.len > own.len && url.ptr[own.len] == '/')
        return split_path(str_from(url, own.len + 1), out);
    if (!str_starts_with(url, STR("https://")) && !str_starts_with(url, STR("http://")))
        return false;
    struct str rest = str_from(url, (size_t)(str_find(url, STR("://")) + 3));
    ptrdiff_t slash = str_index(rest, '/');
    if (slash < 0)
        return false;
    struct str host = str_slice(rest, 0, (size_t)slash);
    struct str path = str_from(rest, (size_t)slash + 1);
    if (is_s3_host(host))
        return split_path(path, out);
    ptrdiff_t end = bucket_end(host);
    /* A host of this machine (any port): what an endpoint under another name looks like. */
    bool is_local = str_starts_with(host, STR("127.0.0.1")) ||
                    str_starts_with(host, STR("localhost")) || str_starts_with(host, STR("[::1]"));
    if (end <= 0)
        return is_local && split_path(path, out);
    out->bucket = str_slice(host, 0, (size_t)end);
    out->key = path;
    return path.len > 0;
}

/* As the caller, in the bucket's own region. */
static enum status read_object(struct call *call, const struct location *location,
                               struct str *out_text)
{
    struct scope scope = call->scope;
    struct str region = {0};
    enum status status = s3_region_of(call, location->bucket, &region);
    if (status != STATUS_DONE)
        return status;
    if (region.ptr)
        scope.region = region;
    const struct s3_read what = {
        .bucket = location->bucket,
        .key = location->key,
        .version_id = location->version,
        .max_bytes = TEMPLATE_MAX_BYTES,
    };
    struct call_error error = {0};
    status = s3_read_object(call, call->principal, &scope, &what, out_text, &error);
    if (status == STATUS_DONE || call->store_errno != 0)
        return status;
    /* OBSERVED: S3's own error behind "S3 error: ". */
    return call_fail(call, &ERROR_VALIDATION,
                     "S3 error: " STR_FMT "\nFor more information check "
                     "http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html",
                     STR_ARG(str_or(error.message, STR("Access Denied"))));
}

enum status template_fetch(struct call *call, struct str url, struct str *out_text)
{
    struct location location = {0};
    /* OBSERVED: the text of anything that is no URL of S3. */
    if (!parse_url(call, url, &location))
        return call_fail(call, &ERROR_VALIDATION, "TemplateURL must be a supported URL.");
    struct str key = {0};
    if (uri_decode(call->arena, location.key, true, &key) < 0)
        return call_fail(call, &ERROR_VALIDATION, "TemplateURL must be a supported URL.");
    location.key = key;
    return read_object(call, &location, out_text);
}
