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
#include "service/secretsmanager/secretsmanager_public.h"
#include "service/ssm/ssm_public.h"

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

static bool is_missing(const struct call *as)
{
    return as->store_errno == 0 && as->error.error &&
           (str_eq(as->error.error->code, STR("ParameterNotFound")) ||
            str_eq(as->error.error->code, STR("ParameterVersionNotFound")));
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
    struct call as = call_as(call, principal);
    struct ssm_value value = {0};
    enum status status = ssm_read_parameter(&as, principal, name, false, &value);
    /* OBSERVED: the text of a parameter that is not there. */
    if (status != STATUS_DONE && is_missing(&as))
        return template_fail(call->arena, out_error,
                             "Unable to fetch parameters [" STR_FMT
                             "] from parameter store for this account.",
                             STR_ARG(name));
    if (status != STATUS_DONE)
        return refuse(call, &as, out_error);
    /* AWS: "CloudFormation doesn't support defining template parameters as SecureString". */
    if (str_eq(value.type, STR("SecureString")))
        return template_fail(call->arena, out_error,
                             "Parameters [" STR_FMT
                             "] referenced by template have types not supported by CloudFormation.",
                             STR_ARG(name));
    *out_value = value.value;
    return 0;
}

/* AWS: "Resources that support dynamic parameter patterns for secure strings". */
static const struct {
    const char *type;
    const char *property; /* path, numbers of lists left out */
} secure_places[] = {
    {"AWS::DirectoryService::MicrosoftAD", "Password"},
    {"AWS::DirectoryService::SimpleAD", "Password"},
    {"AWS::ElastiCache::ReplicationGroup", "AuthToken"},
    {"AWS::IAM::User", "LoginProfile.Password"},
    {"AWS::KinesisFirehose::DeliveryStream", "RedshiftDestinationConfiguration.Password"},
    {"AWS::OpsWorks::App", "AppSource.Password"},
    {"AWS::OpsWorks::Stack", "CustomCookbooksSource.Password"},
    {"AWS::OpsWorks::Stack", "RdsDbInstances.DbPassword"},
    {"AWS::RDS::DBCluster", "MasterUserPassword"},
    {"AWS::RDS::DBInstance", "MasterUserPassword"},
    {"AWS::Redshift::Cluster", "MasterUserPassword"},
};

static bool may_be_secure(const struct template_dynamic_reference *reference)
{
    for (size_t i = 0; i < ARRAY_LEN(secure_places); i++) {
        if (str_eq_cstr(reference->resource_type, secure_places[i].type) &&
            str_eq_cstr(reference->property, secure_places[i].property))
            return true;
    }
    return false;
}

/* ssm:NAME, ssm:NAME:VERSION, and the same of ssm-secure. */
static int parameter_reference(struct call *call, const struct principal *principal,
                               const struct template_dynamic_reference *reference,
                               struct str *out_value, struct template_error *out_error)
{
    struct call as = call_as(call, principal);
    struct ssm_value value = {0};
    bool is_secure = str_eq(reference->service, STR("ssm-secure"));
    /* OBSERVED: the text of a secure string where none may stand. */
    if (is_secure && !may_be_secure(reference))
        return template_fail(call->arena, out_error,
                             "SSM Secure reference is not supported in: [" STR_FMT
                             "/Properties/" STR_FMT "]",
                             STR_ARG(str_or(reference->resource_type, STR("Outputs"))),
                             STR_ARG(reference->property));
    enum status status = ssm_read_parameter(&as, principal, reference->body, is_secure, &value);
    /* OBSERVED: the text of a parameter that is not there. */
    if (status != STATUS_DONE && is_missing(&as))
        return template_fail(call->arena, out_error,
                             "Parameters: [" STR_FMT ":" STR_FMT "] cannot be found.",
                             STR_ARG(reference->service), STR_ARG(reference->body));
    if (status != STATUS_DONE)
        return refuse(call, &as, out_error);
    /* OBSERVED: a SecureString by ssm. */
    if (is_secure != str_eq(value.type, STR("SecureString")))
        return template_fail(call->arena, out_error,
                             "Non-secure reference was used for secure parameter, or the reverse: "
                             "[" STR_FMT ":" STR_FMT "]",
                             STR_ARG(reference->service), STR_ARG(reference->body));
    *out_value = value.value;
    return 0;
}

static int dynamic_reference(struct call *call, const struct principal *principal,
                             const struct template_dynamic_reference *reference,
                             struct str *out_value, struct template_error *out_error)
{
    struct call as = call_as(call, principal);
    if (!str_eq(reference->service, STR("secretsmanager")))
        return parameter_reference(call, principal, reference, out_value, out_error);
    return secretsmanager_resolve(&as, principal, reference->body, out_value) == STATUS_DONE
               ? 0
               : refuse(call, &as, out_error);
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
