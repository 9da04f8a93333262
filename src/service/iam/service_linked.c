/* service_linked.c — service-linked roles: roles that belong to a service, under a name and path of
 * the service's choosing.
 *
 * A role is "AWSServiceRoleFor..." in "/aws-service-role/SERVICE/", trusts its service and has the
 * service's managed policy where that exists here (aws_policies.c). Deleting is a task on AWS; here
 * the role is gone at once and the task, which can be asked about, is done: nothing here uses a
 * service-linked role.
 *
 * Docs: IAM API reference, CreateServiceLinkedRole; IAM user guide, "AWS services that work with
 * IAM"; the services' own pages on their roles.
 */
#include "base/arena.h"
#include "base/rand.h"
#include "service/iam/iam_account.h"

#define PATH "/aws-service-role/"

struct linked_service {
    const char *service;
    const char *role;   /* behind "AWSServiceRoleFor" */
    const char *policy; /* behind "arn:aws:iam::aws:policy/aws-service-role/" */
    bool takes_suffix;
};

/* DEVIATION: AWS knows some two hundred services here; these are the ones that systems on this
 * program can meet. Another name is refused. */
static const struct linked_service linked_services[] = {
    {"access-analyzer.amazonaws.com", "AccessAnalyzer", "AccessAnalyzerServiceRolePolicy", false},
    {"acm.amazonaws.com", "CertificateManager", "CertificateManagerServiceRolePolicy", false},
    {"apprunner.amazonaws.com", "AppRunner", "AppRunnerServiceRolePolicy", false},
    {"autoscaling.amazonaws.com", "AutoScaling", "AutoScalingServiceRolePolicy", true},
    {"backup.amazonaws.com", "Backup", "AWSBackupServiceLinkedRolePolicyForBackup", false},
    {"batch.amazonaws.com", "Batch", "BatchServiceRolePolicy", false},
    {"cks.kms.amazonaws.com", "KeyManagementServiceCustomKeyStores",
     "AWSKeyManagementServiceCustomKeyStoresServiceRolePolicy", false},
    {"cloud9.amazonaws.com", "AWSCloud9", "AWSCloud9ServiceRolePolicy", false},
    {"cloudtrail.amazonaws.com", "CloudTrail", "CloudTrailServiceRolePolicy", false},
    {"cloudwatch-crossaccount.amazonaws.com", "CloudWatchCrossAccount",
     "CloudWatch-CrossAccountAccess", false},
    {"codestar-notifications.amazonaws.com", "CodeStarNotifications",
     "AWSCodeStarNotificationsServiceRolePolicy", false},
    {"config.amazonaws.com", "Config", "AWSConfigServiceRolePolicy", false},
    {"connect.amazonaws.com", "AmazonConnect", "AmazonConnectServiceLinkedRolePolicy", true},
    {"custom-resource.application-autoscaling.amazonaws.com",
     "ApplicationAutoScaling_CustomResource", "AWSApplicationAutoScalingCustomResourcePolicy",
     false},
    {"dax.amazonaws.com", "DAX", "DAXServiceRolePolicy", false},
    {"dynamodb.application-autoscaling.amazonaws.com", "ApplicationAutoScaling_DynamoDBTable",
     "AWSApplicationAutoscalingDynamoDBTablePolicy", false},
    {"ec2.application-autoscaling.amazonaws.com", "ApplicationAutoScaling_EC2SpotFleetRequest",
     "AWSApplicationAutoscalingEC2SpotFleetRequestPolicy", false},
    {"ecr.amazonaws.com", "ECRReplication", "ECRReplicationServiceRolePolicy", false},
    {"ecs.amazonaws.com", "ECS", "AmazonECSServiceRolePolicy", false},
    {"ecs.application-autoscaling.amazonaws.com", "ApplicationAutoScaling_ECSService",
     "AWSApplicationAutoscalingECSServicePolicy", false},
    {"eks.amazonaws.com", "AmazonEKS", "AmazonEKSServiceRolePolicy", false},
    {"eks-fargate.amazonaws.com", "AmazonEKSForFargate", "AmazonEKSForFargateServiceRolePolicy",
     false},
    {"eks-nodegroup.amazonaws.com", "AmazonEKSNodegroup", "AWSServiceRoleForAmazonEKSNodegroup",
     false},
    {"elasticache.amazonaws.com", "ElastiCache", "ElastiCacheServiceRolePolicy", false},
    {"elasticbeanstalk.amazonaws.com", "ElasticBeanstalk", "AWSElasticBeanstalkServiceRolePolicy",
     false},
    {"elasticfilesystem.amazonaws.com", "AmazonElasticFileSystem",
     "AmazonElasticFileSystemServiceRolePolicy", false},
    {"elasticloadbalancing.amazonaws.com", "ElasticLoadBalancing",
     "AWSElasticLoadBalancingServiceRolePolicy", false},
    {"email.cognito-idp.amazonaws.com", "AmazonCognitoIdpEmailService",
     "AmazonCognitoIdpEmailServiceRolePolicy", false},
    {"es.amazonaws.com", "AmazonElasticsearchService", "AmazonElasticsearchServiceRolePolicy",
     false},
    {"events.amazonaws.com", "CloudWatchEvents", "CloudWatchEventsServiceRolePolicy", false},
    {"apidestinations.events.amazonaws.com", "AmazonEventBridgeApiDestinations",
     "AmazonEventBridgeApiDestinationsServiceRolePolicy", false},
    {"globalaccelerator.amazonaws.com", "GlobalAccelerator", "AWSGlobalAcceleratorSLRPolicy",
     false},
    {"guardduty.amazonaws.com", "AmazonGuardDuty", "AmazonGuardDutyServiceRolePolicy", false},
    {"imagebuilder.amazonaws.com", "ImageBuilder", "AWSServiceRoleForImageBuilder", false},
    {"inspector2.amazonaws.com", "AmazonInspector2", "AmazonInspector2ServiceRolePolicy", false},
    {"kafka.amazonaws.com", "Kafka", "KafkaServiceRolePolicy", false},
    {"lambda.application-autoscaling.amazonaws.com", "ApplicationAutoScaling_LambdaConcurrency",
     "AWSApplicationAutoscalingLambdaConcurrencyPolicy", false},
    {"lex.amazonaws.com", "LexBots", "AmazonLexBotPolicy", false},
    {"lexv2.amazonaws.com", "LexV2Bots", "AmazonLexBotV2Policy", true},
    {"logger.cloudfront.amazonaws.com", "CloudFrontLogger", "AWSCloudFrontLogger", false},
    {"mq.amazonaws.com", "AmazonMQ", "AmazonMQServiceRolePolicy", false},
    {"opensearchservice.amazonaws.com", "AmazonOpenSearchService",
     "AmazonOpenSearchServiceRolePolicy", false},
    {"ops.apigateway.amazonaws.com", "APIGateway", "APIGatewayServiceRolePolicy", false},
    {"organizations.amazonaws.com", "Organizations", "AWSOrganizationsServiceTrustPolicy", false},
    {"rds.amazonaws.com", "RDS", "AmazonRDSServiceRolePolicy", false},
    {"redshift.amazonaws.com", "Redshift", "AmazonRedshiftServiceLinkedRolePolicy", false},
    {"replication.dynamodb.amazonaws.com", "DynamoDBReplication",
     "DynamoDBReplicationServiceRolePolicy", false},
    {"replicator.lambda.amazonaws.com", "LambdaReplicator", "AWSLambdaReplicator", false},
    {"route53resolver.amazonaws.com", "Route53Resolver", "Route53ResolverServiceRolePolicy", false},
    {"securityhub.amazonaws.com", "SecurityHub", "AWSSecurityHubServiceRolePolicy", false},
    {"spot.amazonaws.com", "EC2Spot", "AWSEC2SpotServiceRolePolicy", false},
    {"spotfleet.amazonaws.com", "EC2SpotFleet", "AWSEC2SpotFleetServiceRolePolicy", false},
    {"ssm.amazonaws.com", "AmazonSSM", "AmazonSSMServiceRolePolicy", false},
    {"sso.amazonaws.com", "SSO", "AWSSSOServiceRolePolicy", false},
    {"support.amazonaws.com", "Support", "AWSSupportServiceRolePolicy", false},
    {"transitgateway.amazonaws.com", "VPCTransitGateway", "AWSVPCTransitGatewayServiceRolePolicy",
     false},
    {"trustedadvisor.amazonaws.com", "TrustedAdvisor", "AWSTrustedAdvisorServiceRolePolicy", false},
    {"wafv2.amazonaws.com", "WAFV2Logging", "WAFV2LoggingServiceRolePolicy", false},
    {"xray.amazonaws.com", "XRay", "AWSXrayCrossAccountSharingConfiguration", false},
};

/* AWS: each of these answers UnmodifiableEntity: "Only the service that depends on the
 * service-linked role can modify or delete the role on your behalf." */
static const uint16_t refused_operations[] = {
    IAM_OP_ADD_ROLE_TO_INSTANCE_PROFILE,
    IAM_OP_ATTACH_ROLE_POLICY,
    IAM_OP_DELETE_ROLE,
    IAM_OP_DELETE_ROLE_PERMISSIONS_BOUNDARY,
    IAM_OP_DELETE_ROLE_POLICY,
    IAM_OP_DETACH_ROLE_POLICY,
    IAM_OP_PUT_ROLE_PERMISSIONS_BOUNDARY,
    IAM_OP_PUT_ROLE_POLICY,
    IAM_OP_REMOVE_ROLE_FROM_INSTANCE_PROFILE,
    IAM_OP_UPDATE_ASSUME_ROLE_POLICY,
};

/* OBSERVED: the text. */
enum status iam_check_protected(struct call *call, const struct iam_entity *role)
{
    if (!str_starts_with(role->path, STR(PATH)))
        return STATUS_DONE;
    for (size_t i = 0; i < ARRAY_LEN(refused_operations); i++) {
        if (call->operation == &iam_operations[refused_operations[i]])
            return call_fail(call, &IAM_UNMODIFIABLE_ENTITY_EXCEPTION,
                             "Cannot perform the operation on the protected role '" STR_FMT
                             "' - this role is only modifiable by AWS",
                             STR_ARG(role->name));
    }
    return STATUS_DONE;
}

static const struct linked_service *find_service(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(linked_services); i++) {
        if (str_eq_cstr(name, linked_services[i].service))
            return &linked_services[i];
    }
    return NULL;
}

/* OBSERVED: the texts about suffixes and taken names (issue trackers of tools that create these
 * roles, 2019 to 2026). */
static enum status check_request(struct call *call, const struct linked_service *service,
                                 const struct iam_create_service_linked_role_in *in,
                                 struct str name)
{
    if (in->custom_suffix.ptr && !service->takes_suffix)
        return call_fail(call, &IAM_INVALID_INPUT_EXCEPTION,
                         "Custom suffix is not allowed for " STR_FMT,
                         STR_ARG(in->aws_service_name));
    struct iam_entity *taken = NULL;
    int rc =
        iam_store_find(call->db, call->arena, call->scope.account, IAM_KIND_ROLE, name, &taken);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find a role");
    if (rc == 1)
        return call_fail(call, &IAM_INVALID_INPUT_EXCEPTION,
                         "Service role name " STR_FMT
                         " has been taken in this account, please try a different suffix.",
                         STR_ARG(name));
    return STATUS_DONE;
}

static enum status attach_policy(struct call *call, const struct linked_service *service,
                                 const struct iam_entity *role)
{
    struct iam_managed managed = {0};
    struct str arn = str_format(call->arena, "arn:aws:iam::aws:policy" PATH "%s", service->policy);
    if (!iam_aws_policy_find(call->arena, arn, &managed))
        return STATUS_DONE;
    int rc = iam_store_attach(call->db, role, arn);
    return rc < 0 ? call_fail_internal(call, rc, "iam: attach a service's policy") : STATUS_DONE;
}

enum status iam_create_service_linked_role(struct call *call,
                                           const struct iam_create_service_linked_role_in *in,
                                           struct iam_create_service_linked_role_out *out)
{
    const struct linked_service *service = find_service(in->aws_service_name);
    if (!service)
        return call_fail(call, &IAM_INVALID_INPUT_EXCEPTION,
                         "The service " STR_FMT " has no service-linked role.",
                         STR_ARG(in->aws_service_name));
    struct str name = str_format(call->arena, "AWSServiceRoleFor%s", service->role);
    if (in->custom_suffix.ptr)
        name = str_concat3(call->arena, name, STR("_"), in->custom_suffix);
    enum status status = check_request(call, service, in, name);
    if (status != STATUS_DONE)
        return status;
    struct iam_entity role = {0};
    struct str path = str_format(call->arena, PATH "%s/", service->service);
    status = iam_new_entity(call, IAM_KIND_ROLE, name, path, NULL, &role);
    if (status != STATUS_DONE)
        return status;
    role.trust_policy =
        str_format(call->arena,
                   "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\","
                   "\"Principal\":{\"Service\":\"%s\"},\"Action\":\"sts:AssumeRole\"}]}",
                   service->service);
    role.max_session_seconds = 3600;
    role.description = in->description;
    status = iam_insert_entity(call, &role);
    if (status == STATUS_DONE)
        status = attach_policy(call, service, &role);
    if (status != STATUS_DONE)
        return status;
    out->role = arena_alloc(call->arena, sizeof(*out->role));
    status = iam_role_to_answer(call, &role, IAM_IN_LIST, out->role);
    out->role->max_session_duration = (struct opt_i32){0};
    out->role->description = (struct str){0};
    return status;
}

enum status iam_delete_service_linked_role(struct call *call,
                                           const struct iam_delete_service_linked_role_in *in,
                                           struct iam_delete_service_linked_role_out *out)
{
    struct iam_entity *role = NULL;
    enum status status = iam_get_entity(call, IAM_KIND_ROLE, in->role_name, &role);
    if (status != STATUS_DONE)
        return status;
    if (!str_starts_with(role->path, STR(PATH)))
        return call_fail(call, &IAM_NO_SUCH_ENTITY_EXCEPTION,
                         "The role with name " STR_FMT " is not a service-linked role.",
                         STR_ARG(in->role_name));
    /* AWS: "task/aws-service-role/<service-principal-name>/<role-name>/<task-uuid>". */
    struct str id = rand_uuid(call->arena);
    out->deletion_task_id = str_format(call->arena, "task" STR_FMT STR_FMT "/" STR_FMT,
                                       STR_ARG(role->path), STR_ARG(role->name), STR_ARG(id));
    int rc = iam_store_insert_deletion(call->db, call->scope.account, out->deletion_task_id);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: note a deletion");
    return iam_delete_entity(call, role);
}

enum status iam_get_service_linked_role_deletion_status(
    struct call *call, const struct iam_get_service_linked_role_deletion_status_in *in,
    struct iam_get_service_linked_role_deletion_status_out *out)
{
    int rc = iam_store_find_deletion(call->db, call->scope.account, in->deletion_task_id);
    if (rc < 0)
        return call_fail_internal(call, rc, "iam: find a deletion");
    if (rc == 0)
        return call_fail(call, &IAM_NO_SUCH_ENTITY_EXCEPTION,
                         "The deletion task " STR_FMT " cannot be found.",
                         STR_ARG(in->deletion_task_id));
    out->status = STR("SUCCEEDED");
    return STATUS_DONE;
}
