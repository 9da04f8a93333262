/* aws_policies.c — the managed policies that AWS keeps in every account, as a table of facts.
 *
 * A statement is a list of actions and a list of resources, separated by spaces, from which the
 * JSON document is written when somebody asks for it. What a policy allows is AWS's; how it is
 * spelled is ours.
 *
 * DEVIATION: AWS has more than a thousand managed policies, and new versions all the time. Here are
 * the ones that templates and guides name; another ARN does not exist. Documents grant what AWS's
 * grant for the services that exist here, but are shorter, without AWS's statement ids and without
 * rights on services that have no name here; ids and dates are made up. ReadOnlyAccess is written
 * as Get, List, Describe and the like per service instead of a list of single operations.
 *
 * The table is sorted by name, byte by byte: lists of policies go on after a name.
 *
 * Docs: AWS Managed Policy Reference Guide.
 */
#include "base/arena.h"
#include "service/iam/iam_store.h"
#include "syntax/json.h"

enum {
    MAX_STATEMENTS = 4,
    MAX_DOCUMENT = 32 * 1024, /* above the longest document of the table */
};

/* 2015-02-06T18:39:46Z, the day on which AWS introduced managed policies. */
static const int64_t created_at_ms = 1423247986000;

struct statement {
    const char *actions;   /* separated by spaces */
    const char *resources; /* the same; NULL: "*" */
    const char *condition; /* JSON, or NULL */
    bool is_not_action;    /* `actions` is NotAction */
};

struct iam_aws_policy {
    const char *name;
    const char *path;
    const char *description;
    int64_t version;
    struct statement statements[MAX_STATEMENTS];
};

#define SERVICE_ROLE "/service-role/"
#define JOB_FUNCTION "/job-function/"
#define LOGS_WRITE "logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents"
#define NETWORK_INTERFACES                                                                         \
    "ec2:CreateNetworkInterface ec2:DescribeNetworkInterfaces ec2:DescribeSubnets "                \
    "ec2:DeleteNetworkInterface ec2:AssignPrivateIpAddresses ec2:UnassignPrivateIpAddresses"
#define REGISTRY_READ                                                                              \
    "ecr:GetAuthorizationToken ecr:BatchCheckLayerAvailability ecr:GetDownloadUrlForLayer "        \
    "ecr:GetRepositoryPolicy ecr:DescribeRepositories ecr:ListImages ecr:DescribeImages "          \
    "ecr:BatchGetImage ecr:GetLifecyclePolicy ecr:GetLifecyclePolicyPreview "                      \
    "ecr:ListTagsForResource ecr:DescribeImageScanFindings"
#define PASS_TO(service) "{\"StringEquals\":{\"iam:PassedToService\":\"" service "\"}}"

static const struct iam_aws_policy policies[] = {
    {
        .name = "APIGatewayServiceRolePolicy",
        .path = "/aws-service-role/",
        .description = "Lets API Gateway reach AWS resources on behalf of the customer.",
        .version = 9,
        .statements = {{.actions = "elasticloadbalancing:AddListenerCertificates "
                                   "elasticloadbalancing:RemoveListenerCertificates "
                                   "xray:PutTraceSegments xray:PutTelemetryRecords "
                                   "logs:CreateLogDelivery logs:GetLogDelivery "
                                   "logs:UpdateLogDelivery logs:DeleteLogDelivery "
                                   "logs:ListLogDeliveries"}},
    },
    {
        .name = "AWSCloudFormationFullAccess",
        .path = "/",
        .description = "Full access to AWS CloudFormation.",
        .version = 1,
        .statements = {{.actions = "cloudformation:*"}},
    },
    {
        .name = "AWSCloudFormationReadOnlyAccess",
        .path = "/",
        .description = "Reads everything of AWS CloudFormation.",
        .version = 3,
        .statements = {{.actions = "cloudformation:Describe* cloudformation:EstimateTemplateCost "
                                   "cloudformation:Get* cloudformation:List* "
                                   "cloudformation:ValidateTemplate cloudformation:Detect*"}},
    },
    {
        .name = "AWSCodeBuildAdminAccess",
        .path = "/",
        .description = "Full access to AWS CodeBuild and what its console needs.",
        .version = 15,
        .statements = {{.actions = "codebuild:* codecommit:GetBranch codecommit:GetCommit "
                                   "codecommit:GetRepository codecommit:ListBranches "
                                   "codecommit:ListRepositories cloudwatch:GetMetricStatistics "
                                   "ec2:DescribeVpcs ec2:DescribeSecurityGroups "
                                   "ec2:DescribeSubnets ecr:DescribeRepositories ecr:ListImages "
                                   "events:DeleteRule events:DescribeRule events:DisableRule "
                                   "events:EnableRule events:ListTargetsByRule "
                                   "events:ListRuleNamesByTarget events:PutRule events:PutTargets "
                                   "events:RemoveTargets logs:GetLogEvents s3:GetBucketLocation "
                                   "s3:ListAllMyBuckets"},
                       {.actions = "logs:DeleteLogGroup",
                        .resources = "arn:aws:logs:*:*:log-group:/aws/codebuild/*:log-stream:*"},
                       {.actions = "ssm:PutParameter",
                        .resources = "arn:aws:ssm:*:*:parameter/CodeBuild/*"}},
    },
    {
        .name = "AWSCodeBuildDeveloperAccess",
        .path = "/",
        .description = "Uses AWS CodeBuild, without creating or deleting projects.",
        .version = 15,
        .statements = {{.actions = "codebuild:StartBuild codebuild:StopBuild "
                                   "codebuild:StartBuildBatch codebuild:StopBuildBatch "
                                   "codebuild:RetryBuild codebuild:RetryBuildBatch "
                                   "codebuild:BatchGet* codebuild:GetResourcePolicy "
                                   "codebuild:DescribeTestCases codebuild:DescribeCodeCoverages "
                                   "codebuild:List* codecommit:GetBranch codecommit:GetCommit "
                                   "codecommit:GetRepository codecommit:ListBranches "
                                   "cloudwatch:GetMetricStatistics events:DescribeRule "
                                   "events:ListTargetsByRule events:ListRuleNamesByTarget "
                                   "logs:GetLogEvents s3:GetBucketLocation s3:ListAllMyBuckets"},
                       {.actions = "ssm:PutParameter",
                        .resources = "arn:aws:ssm:*:*:parameter/CodeBuild/*"}},
    },
    {
        .name = "AWSCodeBuildReadOnlyAccess",
        .path = "/",
        .description = "Reads everything of AWS CodeBuild.",
        .version = 13,
        .statements = {{.actions = "codebuild:BatchGet* codebuild:GetResourcePolicy "
                                   "codebuild:List* codebuild:DescribeTestCases "
                                   "codebuild:DescribeCodeCoverages codecommit:GetBranch "
                                   "codecommit:GetCommit codecommit:GetRepository "
                                   "cloudwatch:GetMetricStatistics events:DescribeRule "
                                   "events:ListTargetsByRule events:ListRuleNamesByTarget "
                                   "logs:GetLogEvents"}},
    },
    {
        .name = "AWSCodeDeployRole",
        .path = SERVICE_ROLE,
        .description = "Lets CodeDeploy expand tags and work with Auto Scaling.",
        .version = 11,
        .statements = {{.actions = "autoscaling:* ec2:DescribeInstances ec2:DescribeInstanceStatus "
                                   "ec2:TerminateInstances tag:GetResources sns:Publish "
                                   "cloudwatch:DescribeAlarms cloudwatch:PutMetricAlarm "
                                   "elasticloadbalancing:Describe* "
                                   "elasticloadbalancing:RegisterTargets "
                                   "elasticloadbalancing:DeregisterTargets"}},
    },
    {
        .name = "AWSCodeDeployRoleForLambda",
        .path = SERVICE_ROLE,
        .description = "Lets CodeDeploy shift traffic between versions of Lambda functions.",
        .version = 3,
        .statements = {{.actions = "cloudwatch:DescribeAlarms lambda:UpdateAlias lambda:GetAlias "
                                   "lambda:GetProvisionedConcurrencyConfig sns:Publish"},
                       {.actions = "s3:GetObject s3:GetObjectVersion",
                        .resources = "arn:aws:s3:::*/CodeDeploy/*"},
                       {.actions = "s3:GetObject s3:GetObjectVersion",
                        .condition = "{\"StringEquals\":"
                                     "{\"s3:ExistingObjectTag/UseWithCodeDeploy\":\"true\"}}"},
                       {.actions = "lambda:InvokeFunction",
                        .resources = "arn:aws:lambda:*:*:function:CodeDeployHook_*"}},
    },
    {
        .name = "AWSCodeDeployRoleForLambdaLimited",
        .path = SERVICE_ROLE,
        .description = "Lets CodeDeploy shift traffic between versions of Lambda functions.",
        .version = 1,
        .statements = {{.actions = "cloudwatch:DescribeAlarms lambda:UpdateAlias lambda:GetAlias "
                                   "lambda:GetProvisionedConcurrencyConfig"},
                       {.actions = "s3:GetObject s3:GetObjectVersion",
                        .resources = "arn:aws:s3:::*/CodeDeploy/*"},
                       {.actions = "lambda:InvokeFunction",
                        .resources = "arn:aws:lambda:*:*:function:CodeDeployHook_*"}},
    },
    {
        .name = "AWSCodePipeline_FullAccess",
        .path = "/",
        .description = "Full access to AWS CodePipeline and what its console needs.",
        .version = 3,
        .statements = {{.actions =
                            "codepipeline:* cloudformation:DescribeStacks "
                            "cloudformation:ListStacks cloudformation:ListChangeSets "
                            "cloudtrail:DescribeTrails codebuild:BatchGetProjects "
                            "codebuild:CreateProject codebuild:ListCuratedEnvironmentImages "
                            "codebuild:ListProjects codecommit:ListBranches "
                            "codecommit:GetReferences codecommit:ListRepositories "
                            "codedeploy:BatchGetDeploymentGroups codedeploy:ListApplications "
                            "codedeploy:ListDeploymentGroups ec2:DescribeSecurityGroups "
                            "ec2:DescribeSubnets ec2:DescribeVpcs ecr:DescribeRepositories "
                            "ecr:ListImages ecs:ListClusters ecs:ListServices iam:ListRoles "
                            "iam:GetRole lambda:ListFunctions events:ListRules "
                            "events:ListTargetsByRule events:DescribeRule sns:ListTopics "
                            "s3:ListAllMyBuckets s3:GetBucketPolicy s3:GetBucketVersioning "
                            "s3:GetObjectVersion s3:ListBucketVersions"},
                       {.actions = "s3:GetObject s3:CreateBucket s3:PutBucketPolicy",
                        .resources = "arn:aws:s3::*:codepipeline-*"},
                       {.actions = "events:PutRule events:PutTargets events:DeleteRule "
                                   "events:DisableRule events:RemoveTargets",
                        .resources = "arn:aws:events:*:*:rule/codepipeline-*"},
                       {.actions = "iam:PassRole",
                        .resources = "arn:aws:iam::*:role/service-role/cwe-role-*",
                        .condition = PASS_TO("events.amazonaws.com")}},
    },
    {
        .name = "AWSCodePipeline_ReadOnlyAccess",
        .path = "/",
        .description = "Reads everything of AWS CodePipeline.",
        .version = 3,
        .statements = {{.actions = "codepipeline:GetPipeline codepipeline:GetPipelineState "
                                   "codepipeline:GetPipelineExecution "
                                   "codepipeline:ListPipelineExecutions "
                                   "codepipeline:ListActionExecutions "
                                   "codepipeline:ListActionTypes codepipeline:ListPipelines "
                                   "codepipeline:ListTagsForResource s3:ListAllMyBuckets"},
                       {.actions = "s3:GetBucketPolicy s3:GetObject s3:ListBucket",
                        .resources = "arn:aws:s3::*:codepipeline-*"}},
    },
    {
        .name = "AWSElasticBeanstalkFullAccess",
        .path = "/",
        .description = "Full access to AWS Elastic Beanstalk and the services under it.",
        .version = 8,
        .statements = {{.actions = "elasticbeanstalk:* ec2:* ecs:* ecr:* elasticloadbalancing:* "
                                   "autoscaling:* cloudwatch:* s3:* sns:* cloudformation:* "
                                   "dynamodb:* rds:* sqs:* logs:* iam:GetPolicyVersion iam:GetRole "
                                   "iam:PassRole iam:ListRolePolicies iam:ListAttachedRolePolicies "
                                   "iam:ListInstanceProfiles iam:ListRoles "
                                   "iam:ListServerCertificates acm:DescribeCertificate "
                                   "acm:ListCertificates codebuild:CreateProject "
                                   "codebuild:DeleteProject codebuild:BatchGetBuilds "
                                   "codebuild:StartBuild"},
                       {.actions = "iam:AddRoleToInstanceProfile iam:CreateInstanceProfile "
                                   "iam:CreateRole",
                        .resources = "arn:aws:iam::*:role/aws-elasticbeanstalk* "
                                     "arn:aws:iam::*:instance-profile/aws-elasticbeanstalk*"}},
    },
    {
        .name = "AWSKeyManagementServicePowerUser",
        .path = "/",
        .description = "Uses AWS Key Management Service, without deleting keys.",
        .version = 2,
        .statements = {{.actions = "kms:CreateAlias kms:CreateKey kms:DeleteAlias kms:Describe* "
                                   "kms:GenerateRandom kms:Get* kms:List* kms:TagResource "
                                   "kms:UntagResource iam:ListGroups iam:ListRoles "
                                   "iam:ListUsers"}},
    },
    {
        .name = "AWSLambdaBasicExecutionRole",
        .path = SERVICE_ROLE,
        .description = "Write permissions to CloudWatch Logs.",
        .version = 1,
        .statements = {{.actions = LOGS_WRITE}},
    },
    {
        .name = "AWSLambdaDynamoDBExecutionRole",
        .path = SERVICE_ROLE,
        .description = "Reads DynamoDB streams and writes CloudWatch Logs.",
        .version = 1,
        .statements = {{.actions = "dynamodb:DescribeStream dynamodb:GetRecords "
                                   "dynamodb:GetShardIterator dynamodb:ListStreams " LOGS_WRITE}},
    },
    {
        .name = "AWSLambdaInvocation-DynamoDB",
        .path = "/",
        .description = "Reads DynamoDB streams and invokes functions.",
        .version = 1,
        .statements = {{.actions = "lambda:InvokeFunction"},
                       {.actions = "dynamodb:DescribeStream dynamodb:GetRecords "
                                   "dynamodb:GetShardIterator dynamodb:ListStreams"}},
    },
    {
        .name = "AWSLambdaKinesisExecutionRole",
        .path = SERVICE_ROLE,
        .description = "Reads Kinesis streams and writes CloudWatch Logs.",
        .version = 2,
        .statements = {{.actions = "kinesis:DescribeStream kinesis:DescribeStreamSummary "
                                   "kinesis:GetRecords kinesis:GetShardIterator kinesis:ListShards "
                                   "kinesis:ListStreams kinesis:SubscribeToShard " LOGS_WRITE}},
    },
    {
        .name = "AWSLambdaRole",
        .path = SERVICE_ROLE,
        .description = "Invokes Lambda functions.",
        .version = 1,
        .statements = {{.actions = "lambda:InvokeFunction"}},
    },
    {
        .name = "AWSLambdaSQSQueueExecutionRole",
        .path = SERVICE_ROLE,
        .description = "Receives messages from SQS queues and writes CloudWatch Logs.",
        .version = 1,
        .statements = {{.actions = "sqs:ReceiveMessage sqs:DeleteMessage "
                                   "sqs:GetQueueAttributes " LOGS_WRITE}},
    },
    {
        .name = "AWSLambdaVPCAccessExecutionRole",
        .path = SERVICE_ROLE,
        .description = "Manages network interfaces and writes CloudWatch Logs.",
        .version = 3,
        .statements = {{.actions = LOGS_WRITE " " NETWORK_INTERFACES}},
    },
    {
        .name = "AWSLambda_FullAccess",
        .path = "/",
        .description = "Full access to AWS Lambda and what its console needs.",
        .version = 2,
        .statements = {{.actions = "cloudformation:DescribeStacks "
                                   "cloudformation:ListStackResources cloudwatch:ListMetrics "
                                   "cloudwatch:GetMetricData ec2:DescribeSecurityGroups "
                                   "ec2:DescribeSubnets ec2:DescribeVpcs kms:ListAliases "
                                   "iam:GetPolicy iam:GetPolicyVersion iam:GetRole "
                                   "iam:GetRolePolicy iam:ListAttachedRolePolicies "
                                   "iam:ListRolePolicies iam:ListRoles lambda:* "
                                   "logs:DescribeLogGroups states:DescribeStateMachine "
                                   "states:ListStateMachines tag:GetResources "
                                   "xray:GetTraceSummaries xray:BatchGetTraces"},
                       {.actions = "iam:PassRole", .condition = PASS_TO("lambda.amazonaws.com")},
                       {.actions = "logs:DescribeLogStreams logs:GetLogEvents "
                                   "logs:FilterLogEvents logs:StartLiveTail",
                        .resources = "arn:aws:logs:*:*:log-group:/aws/lambda/*"}},
    },
    {
        .name = "AWSLambda_ReadOnlyAccess",
        .path = "/",
        .description = "Reads everything of AWS Lambda.",
        .version = 3,
        .statements = {{.actions = "cloudformation:DescribeStacks "
                                   "cloudformation:ListStackResources cloudwatch:GetMetricData "
                                   "cloudwatch:ListMetrics iam:GetPolicy iam:GetPolicyVersion "
                                   "iam:GetRole iam:GetRolePolicy iam:ListAttachedRolePolicies "
                                   "iam:ListRolePolicies iam:ListRoles lambda:Get* lambda:List* "
                                   "logs:DescribeLogGroups states:DescribeStateMachine "
                                   "states:ListStateMachines tag:GetResources "
                                   "xray:GetTraceSummaries xray:BatchGetTraces"},
                       {.actions = "logs:DescribeLogStreams logs:GetLogEvents "
                                   "logs:FilterLogEvents",
                        .resources = "arn:aws:logs:*:*:log-group:/aws/lambda/*"}},
    },
    {
        .name = "AWSStepFunctionsFullAccess",
        .path = "/",
        .description = "Full access to AWS Step Functions.",
        .version = 1,
        .statements = {{.actions = "states:*"}},
    },
    {
        .name = "AWSStepFunctionsReadOnlyAccess",
        .path = "/",
        .description = "Reads everything of AWS Step Functions.",
        .version = 1,
        .statements = {{.actions = "states:ListStateMachines states:ListActivities "
                                   "states:DescribeStateMachine "
                                   "states:DescribeStateMachineForExecution "
                                   "states:ListExecutions states:DescribeExecution "
                                   "states:GetExecutionHistory states:DescribeActivity"}},
    },
    {
        .name = "AWSXRayDaemonWriteAccess",
        .path = "/",
        .description = "Sends trace segments and telemetry, and reads sampling rules.",
        .version = 2,
        .statements = {{.actions = "xray:PutTraceSegments xray:PutTelemetryRecords "
                                   "xray:GetSamplingRules xray:GetSamplingTargets "
                                   "xray:GetSamplingStatisticSummaries"}},
    },
    {
        .name = "AWSXrayFullAccess",
        .path = "/",
        .description = "Full access to AWS X-Ray.",
        .version = 1,
        .statements = {{.actions = "xray:*"}},
    },
    {
        .name = "AWSXrayReadOnlyAccess",
        .path = "/",
        .description = "Reads everything of AWS X-Ray.",
        .version = 7,
        .statements = {{.actions = "xray:Get* xray:List* xray:BatchGet*"}},
    },
    {
        .name = "AWSXrayWriteOnlyAccess",
        .path = "/",
        .description = "Sends trace segments and telemetry, and reads sampling rules.",
        .version = 2,
        .statements = {{.actions = "xray:PutTraceSegments xray:PutTelemetryRecords "
                                   "xray:GetSamplingRules xray:GetSamplingTargets "
                                   "xray:GetSamplingStatisticSummaries"}},
    },
    {
        .name = "AdministratorAccess",
        .path = "/",
        .description = "Full access to AWS services and resources.",
        .version = 1,
        .statements = {{.actions = "*"}},
    },
    {
        .name = "AmazonAPIGatewayAdministrator",
        .path = "/",
        .description = "Full access to Amazon API Gateway.",
        .version = 1,
        .statements = {{.actions = "apigateway:*", .resources = "arn:aws:apigateway:*::/*"}},
    },
    {
        .name = "AmazonAPIGatewayInvokeFullAccess",
        .path = "/",
        .description = "Invokes APIs of Amazon API Gateway.",
        .version = 1,
        .statements = {{.actions = "execute-api:Invoke execute-api:ManageConnections",
                        .resources = "arn:aws:execute-api:*:*:*"}},
    },
    {
        .name = "AmazonAPIGatewayPushToCloudWatchLogs",
        .path = SERVICE_ROLE,
        .description = "Lets API Gateway write to CloudWatch Logs.",
        .version = 1,
        .statements = {{.actions = LOGS_WRITE " logs:DescribeLogGroups logs:DescribeLogStreams "
                                              "logs:GetLogEvents logs:FilterLogEvents"}},
    },
    {
        .name = "AmazonDynamoDBFullAccess",
        .path = "/",
        .description = "Full access to Amazon DynamoDB and what its console needs.",
        .version = 16,
        .statements = {{.actions = "dynamodb:* dax:* application-autoscaling:DeleteScalingPolicy "
                                   "application-autoscaling:DeregisterScalableTarget "
                                   "application-autoscaling:Describe* "
                                   "application-autoscaling:PutScalingPolicy "
                                   "application-autoscaling:RegisterScalableTarget "
                                   "cloudwatch:DeleteAlarms cloudwatch:DescribeAlarms "
                                   "cloudwatch:GetMetricStatistics cloudwatch:ListMetrics "
                                   "cloudwatch:PutMetricAlarm cloudwatch:GetMetricData "
                                   "iam:GetRole iam:ListRoles kms:DescribeKey kms:ListAliases "
                                   "sns:CreateTopic sns:ListSubscriptions sns:ListTopics "
                                   "sns:Subscribe sns:Unsubscribe lambda:ListFunctions "
                                   "lambda:ListEventSourceMappings kinesis:ListStreams "
                                   "kinesis:DescribeStream"},
                       {.actions = "iam:PassRole",
                        .condition = "{\"StringLike\":{\"iam:PassedToService\":["
                                     "\"application-autoscaling.amazonaws.com\","
                                     "\"dax.amazonaws.com\"]}}"}},
    },
    {
        .name = "AmazonDynamoDBFullAccess_v2",
        .path = "/",
        .description = "Full access to Amazon DynamoDB.",
        .version = 1,
        .statements = {{.actions = "dynamodb:* dax:* cloudwatch:GetMetricData "
                                   "cloudwatch:ListMetrics cloudwatch:DescribeAlarms "
                                   "kms:DescribeKey kms:ListAliases iam:GetRole iam:ListRoles"}},
    },
    {
        .name = "AmazonDynamoDBReadOnlyAccess",
        .path = "/",
        .description = "Reads everything of Amazon DynamoDB.",
        .version = 15,
        .statements = {{.actions = "cloudwatch:DescribeAlarms cloudwatch:GetMetricStatistics "
                                   "cloudwatch:ListMetrics cloudwatch:GetMetricData "
                                   "dynamodb:BatchGetItem dynamodb:Describe* dynamodb:List* "
                                   "dynamodb:GetAbacStatus dynamodb:GetItem "
                                   "dynamodb:GetResourcePolicy dynamodb:Query dynamodb:Scan "
                                   "dynamodb:PartiQLSelect iam:GetRole iam:ListRoles "
                                   "kms:DescribeKey kms:ListAliases sns:ListSubscriptionsByTopic "
                                   "sns:ListTopics lambda:ListFunctions "
                                   "lambda:ListEventSourceMappings"}},
    },
    {
        .name = "AmazonEC2ContainerRegistryFullAccess",
        .path = "/",
        .description = "Full access to Amazon Elastic Container Registry.",
        .version = 2,
        .statements = {{.actions = "ecr:* cloudtrail:LookupEvents"},
                       {.actions = "iam:CreateServiceLinkedRole",
                        .condition = "{\"StringEquals\":{\"iam:AWSServiceName\":["
                                     "\"replication.ecr.amazonaws.com\"]}}"}},
    },
    {
        .name = "AmazonEC2ContainerRegistryPowerUser",
        .path = "/",
        .description = "Reads and writes images, without deleting repositories.",
        .version = 3,
        .statements = {{.actions = REGISTRY_READ " ecr:InitiateLayerUpload ecr:UploadLayerPart "
                                                 "ecr:CompleteLayerUpload ecr:PutImage"}},
    },
    {
        .name = "AmazonEC2ContainerRegistryPullOnly",
        .path = "/",
        .description = "Pulls images.",
        .version = 1,
        .statements = {{.actions = "ecr:GetAuthorizationToken ecr:BatchGetImage "
                                   "ecr:GetDownloadUrlForLayer ecr:BatchImportUpstreamImage"}},
    },
    {
        .name = "AmazonEC2ContainerRegistryReadOnly",
        .path = "/",
        .description = "Reads repositories and images.",
        .version = 3,
        .statements = {{.actions = REGISTRY_READ}},
    },
    {
        .name = "AmazonEC2FullAccess",
        .path = "/",
        .description = "Full access to Amazon EC2.",
        .version = 5,
        .statements = {{.actions = "ec2:* elasticloadbalancing:* cloudwatch:* autoscaling:*"}},
    },
    {
        .name = "AmazonEC2ReadOnlyAccess",
        .path = "/",
        .description = "Reads everything of Amazon EC2.",
        .version = 2,
        .statements = {{.actions = "ec2:Describe* ec2:GetSecurityGroupsForVpc "
                                   "elasticloadbalancing:Describe* cloudwatch:ListMetrics "
                                   "cloudwatch:GetMetricStatistics cloudwatch:Describe* "
                                   "autoscaling:Describe*"}},
    },
    {
        .name = "AmazonECSTaskExecutionRolePolicy",
        .path = SERVICE_ROLE,
        .description = "Pulls images and writes logs for tasks of Amazon ECS.",
        .version = 1,
        .statements = {{.actions = "ecr:GetAuthorizationToken ecr:BatchCheckLayerAvailability "
                                   "ecr:GetDownloadUrlForLayer ecr:BatchGetImage "
                                   "logs:CreateLogStream logs:PutLogEvents"}},
    },
    {
        .name = "AmazonEventBridgeFullAccess",
        .path = "/",
        .description = "Full access to Amazon EventBridge.",
        .version = 4,
        .statements = {{.actions = "events:* schemas:* scheduler:* pipes:*"},
                       {.actions = "iam:PassRole",
                        .resources = "arn:aws:iam::*:role/*",
                        .condition = "{\"StringLike\":{\"iam:PassedToService\":["
                                     "\"events.amazonaws.com\",\"scheduler.amazonaws.com\","
                                     "\"pipes.amazonaws.com\"]}}"}},
    },
    {
        .name = "AmazonEventBridgeReadOnlyAccess",
        .path = "/",
        .description = "Reads everything of Amazon EventBridge.",
        .version = 6,
        .statements = {{.actions = "events:Get* events:List* events:Describe* "
                                   "schemas:Get* schemas:List* schemas:Describe* "
                                   "scheduler:Get* scheduler:List* "
                                   "events:TestEventPattern pipes:DescribePipe "
                                   "pipes:ListPipes"}},
    },
    {
        .name = "AmazonKinesisFullAccess",
        .path = "/",
        .description = "Full access to Amazon Kinesis.",
        .version = 1,
        .statements = {{.actions = "kinesis:*"}},
    },
    {
        .name = "AmazonKinesisReadOnlyAccess",
        .path = "/",
        .description = "Reads everything of Amazon Kinesis.",
        .version = 1,
        .statements = {{.actions = "kinesis:Get* kinesis:List* kinesis:Describe*"}},
    },
    {
        .name = "AmazonS3FullAccess",
        .path = "/",
        .description = "Full access to all buckets.",
        .version = 2,
        .statements = {{.actions = "s3:* s3-object-lambda:*"}},
    },
    {
        .name = "AmazonS3ReadOnlyAccess",
        .path = "/",
        .description = "Reads all buckets.",
        .version = 3,
        .statements = {{.actions = "s3:Get* s3:List* s3:Describe* s3-object-lambda:Get* "
                                   "s3-object-lambda:List*"}},
    },
    {
        .name = "AmazonSESFullAccess",
        .path = "/",
        .description = "Full access to Amazon SES.",
        .version = 1,
        .statements = {{.actions = "ses:*"}},
    },
    {
        .name = "AmazonSNSFullAccess",
        .path = "/",
        .description = "Full access to Amazon SNS.",
        .version = 2,
        .statements = {{.actions = "sns:* sms-voice:DescribeVerifiedDestinationNumbers"}},
    },
    {
        .name = "AmazonSNSReadOnlyAccess",
        .path = "/",
        .description = "Reads everything of Amazon SNS.",
        .version = 2,
        .statements = {{.actions =
                            "sns:GetTopicAttributes sns:List* sns:CheckIfPhoneNumberIsOptedOut "
                            "sns:GetEndpointAttributes sns:GetDataProtectionPolicy "
                            "sns:GetPlatformApplicationAttributes sns:GetSMSAttributes "
                            "sns:GetSMSSandboxAccountStatus "
                            "sns:GetSubscriptionAttributes"}},
    },
    {
        .name = "AmazonSQSFullAccess",
        .path = "/",
        .description = "Full access to Amazon SQS.",
        .version = 1,
        .statements = {{.actions = "sqs:*"}},
    },
    {
        .name = "AmazonSQSReadOnlyAccess",
        .path = "/",
        .description = "Reads everything of Amazon SQS but messages.",
        .version = 3,
        .statements = {{.actions = "sqs:GetQueueAttributes sqs:GetQueueUrl "
                                   "sqs:ListDeadLetterSourceQueues sqs:ListQueues "
                                   "sqs:ListMessageMoveTasks sqs:ListQueueTags"}},
    },
    {
        .name = "AmazonSSMFullAccess",
        .path = "/",
        .description = "Full access to AWS Systems Manager.",
        .version = 4,
        .statements = {{.actions = "cloudwatch:PutMetricData ds:CreateComputer "
                                   "ds:DescribeDirectories ec2:DescribeInstanceStatus logs:* ssm:* "
                                   "ec2messages:*"}},
    },
    {
        .name = "AmazonSSMManagedInstanceCore",
        .path = "/",
        .description = "What an instance needs to be managed by AWS Systems Manager.",
        .version = 2,
        .statements = {{.actions =
                            "ssm:DescribeAssociation ssm:GetDeployablePatchSnapshotForInstance "
                            "ssm:GetDocument ssm:DescribeDocument ssm:GetManifest "
                            "ssm:GetParameter ssm:GetParameters ssm:ListAssociations "
                            "ssm:ListInstanceAssociations ssm:PutInventory "
                            "ssm:PutComplianceItems ssm:PutConfigurePackageResult "
                            "ssm:UpdateAssociationStatus "
                            "ssm:UpdateInstanceAssociationStatus "
                            "ssm:UpdateInstanceInformation"},
                       {.actions = "ssmmessages:CreateControlChannel ssmmessages:CreateDataChannel "
                                   "ssmmessages:OpenControlChannel ssmmessages:OpenDataChannel "
                                   "ec2messages:AcknowledgeMessage ec2messages:DeleteMessage "
                                   "ec2messages:FailMessage ec2messages:GetEndpoint "
                                   "ec2messages:GetMessages ec2messages:SendReply"}},
    },
    {
        .name = "AmazonSSMReadOnlyAccess",
        .path = "/",
        .description = "Reads everything of AWS Systems Manager.",
        .version = 1,
        .statements = {{.actions = "ssm:Describe* ssm:Get* ssm:List*"}},
    },
    {
        .name = "AmazonVPCFullAccess",
        .path = "/",
        .description = "Full access to Amazon VPC.",
        .version = 14,
        .statements = {{.actions = "ec2:*"}},
    },
    {
        .name = "CloudWatchEventsFullAccess",
        .path = "/",
        .description = "Full access to Amazon CloudWatch Events.",
        .version = 2,
        .statements = {{.actions = "events:*"},
                       {.actions = "iam:PassRole",
                        .resources = "arn:aws:iam::*:role/AWS_Events_Invoke_Targets"}},
    },
    {
        .name = "CloudWatchEventsReadOnlyAccess",
        .path = "/",
        .description = "Reads everything of Amazon CloudWatch Events.",
        .version = 2,
        .statements = {{.actions = "events:Describe* events:List* events:TestEventPattern"}},
    },
    {
        .name = "CloudWatchFullAccess",
        .path = "/",
        .description = "Full access to CloudWatch.",
        .version = 4,
        .statements = {{.actions = "autoscaling:Describe* cloudwatch:* logs:* sns:* iam:GetPolicy "
                                   "iam:GetPolicyVersion iam:GetRole oam:ListSinks"}},
    },
    {
        .name = "CloudWatchFullAccessV2",
        .path = "/",
        .description = "Full access to CloudWatch.",
        .version = 1,
        .statements = {{.actions = "application-autoscaling:DescribeScalingPolicies "
                                   "autoscaling:DescribeAutoScalingGroups "
                                   "autoscaling:DescribePolicies cloudwatch:* logs:* "
                                   "sns:CreateTopic sns:ListSubscriptions "
                                   "sns:ListSubscriptionsByTopic sns:ListTopics sns:Subscribe "
                                   "iam:GetPolicy iam:GetPolicyVersion iam:GetRole oam:ListSinks "
                                   "rum:* synthetics:* xray:*"}},
    },
    {
        .name = "CloudWatchLogsFullAccess",
        .path = "/",
        .description = "Full access to CloudWatch Logs.",
        .version = 2,
        .statements = {{.actions = "logs:* cloudwatch:GenerateQuery"}},
    },
    {
        .name = "CloudWatchLogsReadOnlyAccess",
        .path = "/",
        .description = "Reads everything of CloudWatch Logs.",
        .version = 5,
        .statements = {{.actions = "logs:Describe* logs:Get* logs:List* logs:StartQuery "
                                   "logs:StopQuery logs:TestMetricFilter logs:FilterLogEvents "
                                   "logs:StartLiveTail logs:StopLiveTail "
                                   "cloudwatch:GenerateQuery"}},
    },
    {
        .name = "CloudWatchReadOnlyAccess",
        .path = "/",
        .description = "Reads everything of CloudWatch.",
        .version = 9,
        .statements = {{.actions = "autoscaling:Describe* cloudwatch:BatchGet* "
                                   "cloudwatch:Describe* cloudwatch:GenerateQuery "
                                   "cloudwatch:Get* cloudwatch:List* logs:Get* logs:List* "
                                   "logs:StartQuery logs:StopQuery logs:Describe* "
                                   "logs:TestMetricFilter logs:FilterLogEvents oam:ListSinks "
                                   "sns:Get* sns:List* xray:BatchGet* xray:Get*"}},
    },
    {
        .name = "IAMFullAccess",
        .path = "/",
        .description = "Full access to IAM.",
        .version = 2,
        .statements = {{.actions = "iam:* organizations:DescribeAccount "
                                   "organizations:DescribeOrganization "
                                   "organizations:DescribeOrganizationalUnit "
                                   "organizations:DescribePolicy organizations:ListChildren "
                                   "organizations:ListParents organizations:ListPoliciesForTarget "
                                   "organizations:ListRoots organizations:ListPolicies "
                                   "organizations:ListTargetsForPolicy"}},
    },
    {
        .name = "IAMReadOnlyAccess",
        .path = "/",
        .description = "Reads everything of IAM.",
        .version = 4,
        .statements = {{.actions = "iam:GenerateCredentialReport "
                                   "iam:GenerateServiceLastAccessedDetails iam:Get* iam:List* "
                                   "iam:SimulateCustomPolicy iam:SimulatePrincipalPolicy"}},
    },
    {
        .name = "IAMUserChangePassword",
        .path = "/",
        .description = "Lets a user change their own password.",
        .version = 2,
        .statements = {{.actions = "iam:ChangePassword",
                        .resources = "arn:aws:iam::*:user/${aws:username}"},
                       {.actions = "iam:GetAccountPasswordPolicy"}},
    },
    {
        .name = "PowerUserAccess",
        .path = "/",
        .description = "Full access to everything but users, groups and the organization.",
        .version = 5,
        .statements = {{.actions = "iam:* organizations:* account:*", .is_not_action = true},
                       {.actions = "account:GetAccountInformation account:GetPrimaryEmail "
                                   "account:ListRegions iam:CreateServiceLinkedRole "
                                   "iam:DeleteServiceLinkedRole iam:ListRoles "
                                   "organizations:DescribeOrganization"}},
    },
    {
        .name = "ReadOnlyAccess",
        .path = "/",
        .description = "Reads AWS services and resources.",
        .version = 1,
        .statements = {{.actions = "acm:Get* acm:List* acm:Describe* appconfig:Get* "
                                   "appconfig:List* appconfig:Describe* "
                                   "application-autoscaling:Get* application-autoscaling:List* "
                                   "application-autoscaling:Describe* athena:Get* athena:List* "
                                   "athena:Describe* autoscaling:Get* autoscaling:List* "
                                   "autoscaling:Describe* cloudformation:Get* "
                                   "cloudformation:List* cloudformation:Describe* "
                                   "cloudfront:Get* cloudfront:List* cloudfront:Describe* "
                                   "cloudtrail:Get* cloudtrail:List* cloudtrail:Describe* "
                                   "cloudwatch:Get* cloudwatch:List* cloudwatch:Describe* "
                                   "cognito-idp:Get* cognito-idp:List* cognito-idp:Describe* "
                                   "apigateway:GET codebuild:BatchGet* codebuild:Get* "
                                   "codebuild:List* codebuild:Describe* codecommit:BatchGet* "
                                   "codecommit:Get* codecommit:List* codecommit:GitPull "
                                   "codedeploy:BatchGet* codedeploy:Get* codedeploy:List* "
                                   "codepipeline:Get* codepipeline:List*"},
                       {.actions = "dynamodb:Get* dynamodb:List* dynamodb:Describe* ec2:Get* "
                                   "ec2:List* ec2:Describe* ecr:Get* ecr:List* ecr:Describe* "
                                   "ecs:Get* ecs:List* ecs:Describe* eks:Get* eks:List* "
                                   "eks:Describe* elasticache:Get* elasticache:List* "
                                   "elasticache:Describe* elasticbeanstalk:Get* "
                                   "elasticbeanstalk:List* elasticbeanstalk:Describe* "
                                   "elasticloadbalancing:Get* elasticloadbalancing:List* "
                                   "elasticloadbalancing:Describe* events:Get* events:List* "
                                   "events:Describe* firehose:Get* firehose:List* "
                                   "firehose:Describe* glue:Get* glue:List* glue:Describe* "
                                   "kinesis:Get* kinesis:List* kinesis:Describe* kms:Get* "
                                   "kms:List* kms:Describe* dynamodb:BatchGet* dynamodb:Query "
                                   "dynamodb:Scan dynamodb:PartiQLSelect ecr:BatchGet* "
                                   "ecr:BatchCheck* events:TestEventPattern iam:Generate* "
                                   "iam:Get* iam:List* iam:Simulate*"},
                       {.actions = "lambda:Get* lambda:List* lambda:Describe* logs:Get* "
                                   "logs:List* logs:Describe* organizations:Get* "
                                   "organizations:List* organizations:Describe* pipes:Get* "
                                   "pipes:List* pipes:Describe* rds:Get* rds:List* rds:Describe* "
                                   "redshift:Get* redshift:List* redshift:Describe* s3:Get* "
                                   "s3:List* s3:Describe* schemas:Get* schemas:List* "
                                   "schemas:Describe* ses:Get* ses:List* ses:Describe* "
                                   "logs:FilterLogEvents logs:StartQuery logs:StopQuery "
                                   "logs:TestMetricFilter resource-groups:Get* "
                                   "resource-groups:List* route53:Get* route53:List* "
                                   "scheduler:Get* scheduler:List* secretsmanager:DescribeSecret "
                                   "secretsmanager:GetResourcePolicy secretsmanager:List*"},
                       {.actions = "ssm:Get* ssm:List* ssm:Describe* states:Get* states:List* "
                                   "states:Describe* wafv2:Get* wafv2:List* wafv2:Describe* "
                                   "sns:Check* sns:Get* sns:List* sqs:Get* sqs:List* "
                                   "sqs:Receive* states:Validate* sts:GetAccessKeyInfo "
                                   "sts:GetCallerIdentity sts:GetSessionToken tag:Get* "
                                   "xray:BatchGet* xray:Get* xray:List*"}},
    },
    {
        .name = "SecretsManagerReadWrite",
        .path = "/",
        .description = "Reads and writes AWS Secrets Manager, without its IAM side.",
        .version = 5,
        .statements = {{.actions = "secretsmanager:* cloudformation:CreateChangeSet "
                                   "cloudformation:DescribeChangeSet "
                                   "cloudformation:DescribeStackResource "
                                   "cloudformation:DescribeStacks "
                                   "cloudformation:ExecuteChangeSet ec2:DescribeSecurityGroups "
                                   "ec2:DescribeSubnets ec2:DescribeVpcs kms:DescribeKey "
                                   "kms:ListAliases kms:ListKeys lambda:ListFunctions "
                                   "rds:DescribeDBClusters rds:DescribeDBInstances "
                                   "tag:GetResources"}},
    },
    {
        .name = "SecurityAudit",
        .path = "/",
        .description = "Reads the configuration that security auditors look at.",
        .version = 1,
        .statements = {{.actions =
                            "cloudformation:Describe* cloudformation:Get* "
                            "cloudformation:List* cloudtrail:Describe* cloudtrail:Get* "
                            "dynamodb:Describe* dynamodb:List* ec2:Describe* "
                            "iam:Generate* iam:Get* iam:List* kms:Describe* "
                            "kms:GetKeyPolicy kms:GetKeyRotationStatus kms:List* "
                            "lambda:GetPolicy lambda:List* logs:Describe* "
                            "s3:GetBucket* s3:GetEncryptionConfiguration s3:ListAllMyBuckets "
                            "sns:GetTopicAttributes sns:List* sqs:GetQueueAttributes "
                            "sqs:ListQueues"}},
    },
    {
        .name = "ViewOnlyAccess",
        .path = JOB_FUNCTION,
        .description = "Lists resources of all services without reading their contents.",
        .version = 1,
        .statements = {{.actions = "cloudformation:List* cloudformation:DescribeStacks "
                                   "cloudwatch:List* cloudwatch:Describe* codebuild:List* "
                                   "codepipeline:ListPipelines dynamodb:List* "
                                   "dynamodb:DescribeTable ec2:Describe* ecr:DescribeRepositories "
                                   "events:List* iam:List* iam:GetAccountSummary kinesis:List* "
                                   "kms:List* lambda:List* logs:Describe* s3:ListAllMyBuckets "
                                   "s3:ListBucket sns:List* sqs:ListQueues ssm:List* "
                                   "states:List*"}},
    },
};

size_t iam_aws_policy_count(void)
{
    return ARRAY_LEN(policies);
}

/* "ANPA" and 17 characters that follow from the name, so that they are the same everywhere. */
static struct str policy_id(struct arena *arena, const struct iam_aws_policy *policy)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint64_t hash = 0xcbf29ce484222325; /* FNV-1a, 64 bits */
    char text[21] = "ANPA";
    for (const char *c = policy->name; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 0x100000001b3;
    for (size_t i = 4; i < sizeof(text); i++) {
        hash = (hash ^ i) * 0x100000001b3;
        text[i] = alphabet[hash >> 40 & 31];
    }
    return str_copy(arena, str_of(text, sizeof(text)));
}

void iam_aws_policy_at(struct arena *arena, size_t index, struct iam_managed *out)
{
    CHECK(index < ARRAY_LEN(policies));
    const struct iam_aws_policy *policy = &policies[index];
    *out = (struct iam_managed){
        .arn = str_format(arena, "arn:aws:iam::aws:policy%s%s", policy->path, policy->name),
        .id = policy_id(arena, policy),
        .name = str_from_cstr(policy->name),
        .path = str_from_cstr(policy->path),
        .description = str_from_cstr(policy->description),
        .tags = STR("{}"),
        .default_version = policy->version,
        .created_at_ms = created_at_ms,
        .updated_at_ms = created_at_ms,
        .from = policy,
    };
}

bool iam_aws_policy_find(struct arena *arena, struct str arn, struct iam_managed *out)
{
    if (!str_starts_with(arn, STR("arn:aws:iam::aws:policy/")))
        return false;
    struct str full = str_from(arn, sizeof("arn:aws:iam::aws:policy") - 1);
    for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
        struct str path = str_from_cstr(policies[i].path);
        if (str_starts_with(full, path) &&
            str_eq_cstr(str_from(full, path.len), policies[i].name)) {
            iam_aws_policy_at(arena, i, out);
            return true;
        }
    }
    return false;
}

static void write_words(struct json_writer *writer, const char *words)
{
    struct str rest = str_trim(str_from_cstr(words));
    struct str word = {0};
    json_begin_array(writer);
    while (str_split_next(&rest, ' ', &word))
        json_string(writer, word);
    json_end_array(writer);
}

static void write_statement(struct json_writer *writer, struct arena *arena,
                            const struct statement *statement)
{
    json_begin_object(writer);
    json_key(writer, STR("Effect"));
    json_string(writer, STR("Allow"));
    json_key(writer, statement->is_not_action ? STR("NotAction") : STR("Action"));
    write_words(writer, statement->actions);
    json_key(writer, STR("Resource"));
    write_words(writer, statement->resources ? statement->resources : "*");
    if (statement->condition) {
        struct json *condition = NULL;
        int rc = json_parse(arena, str_from_cstr(statement->condition), 0, &condition, NULL);
        CHECK(rc == 0);
        json_key(writer, STR("Condition"));
        json_value(writer, condition);
    }
    json_end_object(writer);
}

struct str iam_aws_policy_document(struct arena *arena, const struct iam_aws_policy *policy)
{
    struct buf out;
    struct json_writer writer;
    buf_init(&out, arena, MAX_DOCUMENT);
    json_writer_init(&writer, &out);
    json_begin_object(&writer);
    json_key(&writer, STR("Version"));
    json_string(&writer, STR("2012-10-17"));
    json_key(&writer, STR("Statement"));
    json_begin_array(&writer);
    for (size_t i = 0; i < MAX_STATEMENTS && policy->statements[i].actions; i++)
        write_statement(&writer, arena, &policy->statements[i]);
    json_end_array(&writer);
    json_end_object(&writer);
    CHECK(!out.is_full);
    return buf_str(&out);
}
