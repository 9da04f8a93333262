/* sources.c — what templates read of other services: parameters of Parameter Store, dynamic
 * references, the files of AWS::Include.
 *
 * Docs: CloudFormation user guide, "Get values stored in other services using dynamic references",
 * "Specify existing resources at runtime with CloudFormation-supplied parameter types",
 * "AWS::Include transform".
 */
#include <errno.h>

#include "base/arena.h"
#include "service/cloudformation/cloudformation.h"

/* What a failed call means for a template. */
static int refuse(struct call *call, const struct call *as, struct template_error *out_error)
{
    if (as->store_errno != 0) {
        call->store_errno = as->store_errno;
        return as->store_errno;
    }
    return template_fail(call->arena, out_error, STR_FMT,
                         STR_ARG(str_or(as->error.message, STR("failed"))));
}

/* A call as the principal, whose errors are its own. */
static struct call call_as(const struct call *call, const struct principal *principal)
{
    struct call as = *call;
    as.principal = principal;
    as.error = (struct call_error){0};
    return as;
}

static int ssm_parameter(struct call *call, const struct principal *principal, struct str name,
                         struct str *out_value, struct template_error *out_error)
{
    (void)principal;
    (void)out_value;
    /* OBSERVED: the text of a parameter that is not there. */
    return template_fail(call->arena, out_error,
                         "Unable to fetch parameters [" STR_FMT
                         "] from parameter store for this account.",
                         STR_ARG(name));
}

static int dynamic_reference(struct call *call, const struct principal *principal,
                             const struct template_dynamic_reference *reference,
                             struct str *out_value, struct template_error *out_error)
{
    (void)principal;
    (void)out_value;
    /* OBSERVED: the text of a parameter that is not there. */
    return template_fail(call->arena, out_error,
                         "Parameters: [" STR_FMT ":" STR_FMT "] cannot be found.",
                         STR_ARG(reference->service), STR_ARG(reference->body));
}

/* AWS: "s3://BUCKET/KEY"; other forms of URL are taken as TemplateURL takes them. */
static int include(struct call *call, const struct principal *principal, struct str location,
                   struct str *out_text, struct template_error *out_error)
{
    struct call as = call_as(call, principal);
    struct str url = location;
    if (str_starts_with(location, STR("s3://")))
        url = str_concat(call->arena, STR("https://s3.amazonaws.com/"), str_from(location, 5));
    return template_fetch(&as, url, out_text) == STATUS_DONE ? 0 : refuse(call, &as, out_error);
}

const struct cfn_sources cfn_sources = {
    .ssm_parameter = ssm_parameter,
    .dynamic_reference = dynamic_reference,
    .include = include,
};
