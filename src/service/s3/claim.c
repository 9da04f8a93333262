/* claim.c — which requests are S3's by their host name, and which bucket it names. Pure.
 *
 *   s3.REGION.amazonaws.com, s3.amazonaws.com, s3-REGION..., s3.dualstack.REGION...  the path has
 * it BUCKET.<any of these>                                                             the bucket
 *   BUCKET.s3-website-REGION.amazonaws.com, BUCKET.s3-website.REGION...               its website
 *   BUCKET.localhost, BUCKET.s3.localhost, BUCKET.s3.REGION.localhost, s3.localhost    likewise
 *   BUCKET.s3-website.localhost, BUCKET.s3-website.REGION.localhost
 *
 * AWS: S3 user guide, "Virtual hosting of general purpose buckets", "Website endpoints"; general
 * reference, "Amazon S3 endpoints and quotas". Names of buckets may have dots.
 */
#include "service/s3/claim.h"

#include <string.h>

#include "base/arena.h"
#include "wire/router.h"

static bool cut_suffix(struct str host, struct str suffix, struct str *out_rest)
{
    if (host.len <= suffix.len || !str_ends_with(host, suffix))
        return false;
    *out_rest = str_slice(host, 0, host.len - suffix.len);
    return true;
}

/* Cuts a name at its last label that is S3's: bucket, that label, what is behind. */
static bool split_name(struct str name, struct str *out_bucket, struct str *out_label,
                       struct str *out_tail)
{
    for (size_t end = name.len; end > 0;) {
        size_t start = end;
        while (start > 0 && name.ptr[start - 1] != '.')
            start--;
        struct str label = str_slice(name, start, end - start);
        if (str_eq_cstr(label, "s3") || str_starts_with(label, STR("s3-"))) {
            *out_bucket = start > 0 ? str_slice(name, 0, start - 1) : STR("");
            *out_label = label;
            *out_tail = end < name.len ? str_from(name, end + 1) : STR("");
            return true;
        }
        end = start > 0 ? start - 1 : 0;
    }
    return false;
}

static bool is_region(struct str text)
{
    size_t dashes = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
        dashes += c == '-';
    }
    return dashes >= 2;
}

static struct str without_dualstack(struct str tail)
{
    if (str_starts_with(tail, STR("dualstack.")))
        return str_from(tail, STR("dualstack.").len);
    return str_eq_cstr(tail, "dualstack") ? STR("") : tail;
}

/* What the label and the ones behind it say. False: an endpoint of another kind (s3-control,
 * s3-accesspoint ...). */
static bool read_endpoint(struct str label, struct str tail, bool *out_is_website,
                          struct str *out_region)
{
    struct str website = STR("s3-website-");
    tail = without_dualstack(tail);
    *out_is_website = false;
    *out_region = tail;
    if (tail.len > 0 && !is_region(tail))
        return false;
    if (str_eq_cstr(label, "s3") || str_eq_cstr(label, "s3-fips"))
        return true;
    if (str_eq_cstr(label, "s3-website")) {
        *out_is_website = true;
        return true;
    }
    if (tail.len > 0)
        return false;
    if (str_eq_cstr(label, "s3-accelerate") || str_eq_cstr(label, "s3-external-1"))
        return true;
    *out_is_website = str_starts_with(label, website);
    *out_region = *out_is_website ? str_from(label, website.len) : str_from(label, strlen("s3-"));
    return is_region(*out_region);
}

/* A single name before ".localhost" is a bucket's only when nothing says that another service is
 * meant. */
static bool speaks_to_another(const struct wire_request *request)
{
    struct str authorization = wire_header(request, "Authorization");
    if (str_is_set(wire_header(request, "X-Amz-Target")))
        return true;
    if (str_starts_with(authorization, STR("AWS4-")))
        return !str_contains(authorization, STR("/s3/aws4_request"));
    if (str_contains(str_or(request->raw_query, STR("")), STR("X-Amz-Credential=")))
        return !str_contains(request->raw_query, STR("%2Fs3%2Faws4_request")) &&
               !str_contains(request->raw_query, STR("/s3/aws4_request"));
    return false;
}

bool s3_read_host(struct str host, const struct wire_request *request, struct s3_host *out)
{
    struct str name = {0};
    struct str label;
    struct str tail;
    *out = (struct s3_host){.bucket = STR(""), .region = STR("")};
    const bool is_local = cut_suffix(host, STR(".localhost"), &name);
    if (!is_local && !cut_suffix(host, STR(".amazonaws.com"), &name) &&
        !cut_suffix(host, STR(".amazonaws.com.cn"), &name))
        return false;
    if (split_name(name, &out->bucket, &label, &tail))
        return read_endpoint(label, tail, &out->is_website, &out->region);
    out->bucket = name;
    return is_local && !speaks_to_another(request);
}

bool s3_claim(struct arena *arena, struct str host, const struct wire_request *request,
              struct service_claim *out)
{
    struct s3_host named;
    /* S3 Control's, whose host names begin with an account. */
    if (str_starts_with(request->raw_path, STR("/v20180820/")) &&
        str_is_set(wire_header(request, "x-amz-account-id")))
        return false;
    if (host.len == 0) /* a path that no other service knows names a bucket */
        return request->raw_path.len > 1;
    if (!s3_read_host(host, request, &named))
        return false;
    out->region = named.region;
    if (named.bucket.len == 0)
        return !named.is_website;
    struct str path = request->raw_path;
    if (!str_starts_with(path, STR("/")))
        path = str_concat(arena, STR("/"), path);
    out->virtual_bucket = named.bucket;
    out->raw_path = str_concat3(arena, STR("/"), named.bucket, path);
    if (named.is_website)
        out->operation = &s3_operations[path.len == 1 ? S3_OP_WEBSITE_ROOT : S3_OP_WEBSITE_OBJECT];
    return true;
}
