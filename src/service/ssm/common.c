/* common.c — public parameters: /aws/service/..., which AWS keeps in every Region.
 *
 * Templates and CDK read the newest images and what Regions and services there are from them. Here
 * they are made by rule from the tables below: the names are AWS's, an image's id is derived from
 * Region and name (so it is the same in every run and differs between Regions).
 *
 * DEVIATION: the ids of images are made up, no such image exists in AWS, and their versions do not
 * grow; only the families of the table are there.
 *
 * Docs: Systems Manager user guide, "Discovering public parameters in Parameter Store", "Calling
 * AMI public parameters", "Calling the ECS optimized AMI public parameter", "Calling the EKS
 * optimized AMI public parameter", "Calling public parameters for AWS services, Regions, endpoints,
 * Availability Zones, local zones, and Wavelength Zones".
 */
#include "auth/digest.h"
#include "base/arena.h"
#include "base/vec.h"
#include "service/ssm/ssm.h"
#include "syntax/json.h"

enum {
    AMI_DIGITS = 17,
    PUBLISHED_VERSION = 1,
};
/* 2025-01-01: a parameter has a date of change. */
static const int64_t published_at_ms = 1735689600000;

#define ROOT "/aws/service/"
#define GLOBAL ROOT "global-infrastructure/"
static const char regions_root[] = GLOBAL "regions/";
static const char services_root[] = GLOBAL "services/";

enum family {
    FAMILY_IMAGE, /* the value is an image's id */
    FAMILY_ECS,   /* NAME is JSON, NAME/image_id and others are its members */
    FAMILY_EKS,   /* NAME/image_id, NAME/image_name, NAME/release_version */
};

static const struct {
    const char *name;
    enum family family;
    const char *system; /* of ECS and EKS images */
} families[] = {
    {ROOT "ami-amazon-linux-latest/al2023-ami-kernel-6.1-arm64", FAMILY_IMAGE, NULL},
    {ROOT "ami-amazon-linux-latest/al2023-ami-kernel-6.1-x86_64", FAMILY_IMAGE, NULL},
    {ROOT "ami-amazon-linux-latest/al2023-ami-kernel-default-arm64", FAMILY_IMAGE, NULL},
    {ROOT "ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64", FAMILY_IMAGE, NULL},
    {ROOT "ami-amazon-linux-latest/al2023-ami-minimal-kernel-6.1-arm64", FAMILY_IMAGE, NULL},
    {ROOT "ami-amazon-linux-latest/al2023-ami-minimal-kernel-6.1-x86_64", FAMILY_IMAGE, NULL},
    {ROOT "ami-amazon-linux-latest/al2023-ami-minimal-kernel-default-arm64", FAMILY_IMAGE, NULL},
    {ROOT "ami-amazon-linux-latest/al2023-ami-minimal-kernel-default-x86_64", FAMILY_IMAGE, NULL},
    {ROOT "ami-amazon-linux-latest/amzn-ami-hvm-x86_64-ebs", FAMILY_IMAGE, NULL},
    {ROOT "ami-amazon-linux-latest/amzn-ami-hvm-x86_64-gp2", FAMILY_IMAGE, NULL},
    {ROOT "ami-amazon-linux-latest/amzn2-ami-hvm-arm64-gp2", FAMILY_IMAGE, NULL},
    {ROOT "ami-amazon-linux-latest/amzn2-ami-hvm-x86_64-ebs", FAMILY_IMAGE, NULL},
    {ROOT "ami-amazon-linux-latest/amzn2-ami-hvm-x86_64-gp2", FAMILY_IMAGE, NULL},
    {ROOT "ami-amazon-linux-latest/amzn2-ami-kernel-5.10-hvm-arm64-gp2", FAMILY_IMAGE, NULL},
    {ROOT "ami-amazon-linux-latest/amzn2-ami-kernel-5.10-hvm-x86_64-ebs", FAMILY_IMAGE, NULL},
    {ROOT "ami-amazon-linux-latest/amzn2-ami-kernel-5.10-hvm-x86_64-gp2", FAMILY_IMAGE, NULL},
    {ROOT "ami-amazon-linux-latest/amzn2-ami-minimal-hvm-arm64-ebs", FAMILY_IMAGE, NULL},
    {ROOT "ami-amazon-linux-latest/amzn2-ami-minimal-hvm-x86_64-ebs", FAMILY_IMAGE, NULL},
    {ROOT "ami-windows-latest/Windows_Server-2016-English-Core-Base", FAMILY_IMAGE, NULL},
    {ROOT "ami-windows-latest/Windows_Server-2016-English-Full-Base", FAMILY_IMAGE, NULL},
    {ROOT "ami-windows-latest/Windows_Server-2019-English-Core-Base", FAMILY_IMAGE, NULL},
    {ROOT "ami-windows-latest/Windows_Server-2019-English-Full-Base", FAMILY_IMAGE, NULL},
    {ROOT "ami-windows-latest/Windows_Server-2022-English-Core-Base", FAMILY_IMAGE, NULL},
    {ROOT "ami-windows-latest/Windows_Server-2022-English-Full-Base", FAMILY_IMAGE, NULL},
    {ROOT "ami-windows-latest/Windows_Server-2025-English-Core-Base", FAMILY_IMAGE, NULL},
    {ROOT "ami-windows-latest/Windows_Server-2025-English-Full-Base", FAMILY_IMAGE, NULL},
    {ROOT "bottlerocket/aws-ecs-1/arm64/latest/image_id", FAMILY_IMAGE, NULL},
    {ROOT "bottlerocket/aws-ecs-1/x86_64/latest/image_id", FAMILY_IMAGE, NULL},
    {ROOT "bottlerocket/aws-ecs-2/arm64/latest/image_id", FAMILY_IMAGE, NULL},
    {ROOT "bottlerocket/aws-ecs-2/x86_64/latest/image_id", FAMILY_IMAGE, NULL},
    {ROOT "canonical/ubuntu/server/20.04/stable/current/amd64/hvm/ebs-gp2/ami-id", FAMILY_IMAGE,
     NULL},
    {ROOT "canonical/ubuntu/server/20.04/stable/current/arm64/hvm/ebs-gp2/ami-id", FAMILY_IMAGE,
     NULL},
    {ROOT "canonical/ubuntu/server/22.04/stable/current/amd64/hvm/ebs-gp2/ami-id", FAMILY_IMAGE,
     NULL},
    {ROOT "canonical/ubuntu/server/22.04/stable/current/arm64/hvm/ebs-gp2/ami-id", FAMILY_IMAGE,
     NULL},
    {ROOT "canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id", FAMILY_IMAGE,
     NULL},
    {ROOT "canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id", FAMILY_IMAGE,
     NULL},
    {ROOT "debian/release/11/latest/amd64", FAMILY_IMAGE, NULL},
    {ROOT "debian/release/11/latest/arm64", FAMILY_IMAGE, NULL},
    {ROOT "debian/release/12/latest/amd64", FAMILY_IMAGE, NULL},
    {ROOT "debian/release/12/latest/arm64", FAMILY_IMAGE, NULL},
    {ROOT "ecs/optimized-ami/amazon-linux-2/arm64/recommended", FAMILY_ECS, "Amazon Linux 2"},
    {ROOT "ecs/optimized-ami/amazon-linux-2/gpu/recommended", FAMILY_ECS, "Amazon Linux 2"},
    {ROOT "ecs/optimized-ami/amazon-linux-2/inf/recommended", FAMILY_ECS, "Amazon Linux 2"},
    {ROOT "ecs/optimized-ami/amazon-linux-2/recommended", FAMILY_ECS, "Amazon Linux 2"},
    {ROOT "ecs/optimized-ami/amazon-linux-2023/arm64/recommended", FAMILY_ECS, "Amazon Linux 2023"},
    {ROOT "ecs/optimized-ami/amazon-linux-2023/gpu/recommended", FAMILY_ECS, "Amazon Linux 2023"},
    {ROOT "ecs/optimized-ami/amazon-linux-2023/neuron/recommended", FAMILY_ECS,
     "Amazon Linux 2023"},
    {ROOT "ecs/optimized-ami/amazon-linux-2023/recommended", FAMILY_ECS, "Amazon Linux 2023"},
    {ROOT "eks/optimized-ami/1.30/amazon-linux-2/recommended", FAMILY_EKS, "amzn2"},
    {ROOT "eks/optimized-ami/1.31/amazon-linux-2/recommended", FAMILY_EKS, "amzn2"},
    {ROOT "eks/optimized-ami/1.32/amazon-linux-2/recommended", FAMILY_EKS, "amzn2"},
    {ROOT "eks/optimized-ami/1.30/amazon-linux-2-arm64/recommended", FAMILY_EKS, "amzn2"},
    {ROOT "eks/optimized-ami/1.31/amazon-linux-2-arm64/recommended", FAMILY_EKS, "amzn2"},
    {ROOT "eks/optimized-ami/1.32/amazon-linux-2-arm64/recommended", FAMILY_EKS, "amzn2"},
    {ROOT "eks/optimized-ami/1.30/amazon-linux-2023/arm64/standard/recommended", FAMILY_EKS,
     "al2023"},
    {ROOT "eks/optimized-ami/1.30/amazon-linux-2023/x86_64/standard/recommended", FAMILY_EKS,
     "al2023"},
    {ROOT "eks/optimized-ami/1.31/amazon-linux-2023/arm64/standard/recommended", FAMILY_EKS,
     "al2023"},
    {ROOT "eks/optimized-ami/1.31/amazon-linux-2023/x86_64/standard/recommended", FAMILY_EKS,
     "al2023"},
    {ROOT "eks/optimized-ami/1.32/amazon-linux-2023/arm64/standard/recommended", FAMILY_EKS,
     "al2023"},
    {ROOT "eks/optimized-ami/1.32/amazon-linux-2023/x86_64/standard/recommended", FAMILY_EKS,
     "al2023"},
    {ROOT "eks/optimized-ami/1.33/amazon-linux-2023/arm64/standard/recommended", FAMILY_EKS,
     "al2023"},
    {ROOT "eks/optimized-ami/1.33/amazon-linux-2023/x86_64/standard/recommended", FAMILY_EKS,
     "al2023"},
};

/* AWS: "Regions and Availability Zones" (global infrastructure), the Regions of partition aws. */
static const struct {
    const char *id;
    const char *long_name;
    const char *country;
} regions[] = {
    {"af-south-1", "Africa (Cape Town)", "ZA"},
    {"ap-east-1", "Asia Pacific (Hong Kong)", "HK"},
    {"ap-northeast-1", "Asia Pacific (Tokyo)", "JP"},
    {"ap-northeast-2", "Asia Pacific (Seoul)", "KR"},
    {"ap-northeast-3", "Asia Pacific (Osaka)", "JP"},
    {"ap-south-1", "Asia Pacific (Mumbai)", "IN"},
    {"ap-south-2", "Asia Pacific (Hyderabad)", "IN"},
    {"ap-southeast-1", "Asia Pacific (Singapore)", "SG"},
    {"ap-southeast-2", "Asia Pacific (Sydney)", "AU"},
    {"ap-southeast-3", "Asia Pacific (Jakarta)", "ID"},
    {"ap-southeast-4", "Asia Pacific (Melbourne)", "AU"},
    {"ca-central-1", "Canada (Central)", "CA"},
    {"ca-west-1", "Canada West (Calgary)", "CA"},
    {"eu-central-1", "Europe (Frankfurt)", "DE"},
    {"eu-central-2", "Europe (Zurich)", "CH"},
    {"eu-north-1", "Europe (Stockholm)", "SE"},
    {"eu-south-1", "Europe (Milan)", "IT"},
    {"eu-south-2", "Europe (Spain)", "ES"},
    {"eu-west-1", "Europe (Ireland)", "IE"},
    {"eu-west-2", "Europe (London)", "GB"},
    {"eu-west-3", "Europe (Paris)", "FR"},
    {"il-central-1", "Israel (Tel Aviv)", "IL"},
    {"me-central-1", "Middle East (UAE)", "AE"},
    {"me-south-1", "Middle East (Bahrain)", "BH"},
    {"sa-east-1", "South America (Sao Paulo)", "BR"},
    {"us-east-1", "US East (N. Virginia)", "US"},
    {"us-east-2", "US East (Ohio)", "US"},
    {"us-west-1", "US West (N. California)", "US"},
    {"us-west-2", "US West (Oregon)", "US"},
};

static const struct {
    const char *id;
    const char *long_name;
} public_services[] = {
    {"acm", "AWS Certificate Manager"},
    {"apigateway", "Amazon API Gateway"},
    {"cloudformation", "AWS CloudFormation"},
    {"cloudtrail", "AWS CloudTrail"},
    {"cloudwatch", "Amazon CloudWatch"},
    {"codebuild", "AWS CodeBuild"},
    {"codecommit", "AWS CodeCommit"},
    {"codepipeline", "AWS CodePipeline"},
    {"cognito-idp", "Amazon Cognito Identity Provider"},
    {"dynamodb", "Amazon DynamoDB"},
    {"ec2", "Amazon Elastic Compute Cloud (EC2)"},
    {"ecr", "Amazon Elastic Container Registry (ECR)"},
    {"ecs", "Amazon Elastic Container Service (ECS)"},
    {"events", "Amazon EventBridge"},
    {"iam", "AWS Identity and Access Management (IAM)"},
    {"kms", "AWS Key Management Service"},
    {"lambda", "AWS Lambda"},
    {"logs", "Amazon CloudWatch Logs"},
    {"s3", "Amazon Simple Storage Service (S3)"},
    {"secretsmanager", "AWS Secrets Manager"},
    {"sns", "Amazon Simple Notification Service (SNS)"},
    {"sqs", "Amazon Simple Queue Service (SQS)"},
    {"ssm", "AWS Systems Manager"},
    {"states", "AWS Step Functions"},
    {"sts", "AWS Security Token Service"},
    {"xray", "AWS X-Ray"},
};

/* What is looked for: one key, or all below a path. */
struct search {
    struct call *call;
    struct str key;  /* not empty: only this one */
    struct str path; /* else "/aws/service/..." without slash at the end */
    bool is_recursive;
    struct str after;
    struct vec found; /* of struct ssm_entry */
};

static bool is_wanted(const struct search *search, struct str key)
{
    if (search->key.len > 0)
        return str_eq(key, search->key);
    if (!str_starts_with(key, search->path) || key.len <= search->path.len ||
        key.ptr[search->path.len] != '/' || str_compare(key, search->after) <= 0)
        return false;
    return search->is_recursive || str_eq(ssm_parent(key), search->path);
}

/* Whether anything that begins with `family` can be wanted. */
static bool may_hold(const struct search *search, struct str family)
{
    struct str asked = search->key.len > 0 ? search->key : search->path;
    return str_starts_with(asked, family) ||
           (search->key.len == 0 && str_starts_with(family, asked));
}

static void add(struct search *search, struct str key, struct str value)
{
    struct call *call = search->call;
    struct str arn = str_concat3(call->arena, STR("arn:aws:ssm:"), call->scope.region,
                                 str_concat(call->arena, STR("::parameter"), key));
    *(struct ssm_entry *)vec_push(&search->found) = (struct ssm_entry){
        .scope = call->scope,
        .key = key,
        .name = key,
        .arn = arn,
        .version = PUBLISHED_VERSION,
        .type = SSM_STRING,
        .tier = SSM_STANDARD,
        .data_type = STR("text"),
        .modified_at_ms = published_at_ms,
        .modified_by = STR("arn:aws:iam::aws:root"),
        .description = STR(""),
        .allowed_pattern = STR(""),
        .policies = STR("[]"),
        .tags = STR("{}"),
        .value = value,
    };
}

/* Pieces NULL at the end. */
static void offer(struct search *search, const char *const *pieces, struct str value)
{
    struct str key = STR("");
    for (size_t i = 0; pieces[i]; i++)
        key = str_concat(search->call->arena, key, str_from_cstr(pieces[i]));
    if (is_wanted(search, key))
        add(search, key, value);
}

static struct str image_id(struct call *call, const char *name)
{
    struct str seed = str_concat3(call->arena, call->scope.region, STR(" "), str_from_cstr(name));
    struct str digest = digest_sha256_hex(call->arena, seed);
    return str_concat(call->arena, STR("ami-"), str_slice(digest, 0, AMI_DIGITS));
}

static void offer_ecs(struct search *search, const char *name, const char *system)
{
    struct call *call = search->call;
    const struct {
        const char *key;
        struct str value;
    } members[] = {
        {"ecs_agent_version", STR("1.89.2")},
        {"ecs_runtime_version", STR("Docker version 25.0.6")},
        {"image_id", image_id(call, name)},
        {"image_name", str_concat(call->arena, STR("ecs-optimized-"), image_id(call, name))},
        {"image_version", STR("20250101")},
        {"os", str_from_cstr(system)},
    };
    struct json *all = json_new(call->arena, JSON_OBJECT);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        json_append_member(all, str_from_cstr(members[i].key),
                           json_new_string(call->arena, members[i].value));
        offer(search, (const char *const[]){name, "/", members[i].key, NULL}, members[i].value);
    }
    json_append_member(all, STR("schema_version"), json_new_number(call->arena, 1));
    offer(search, (const char *const[]){name, NULL}, json_to_str(call->arena, all));
}

static void offer_images(struct search *search)
{
    struct call *call = search->call;
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        const char *name = families[i].name;
        if (!may_hold(search, str_from_cstr(name)))
            continue;
        if (families[i].family == FAMILY_IMAGE)
            offer(search, (const char *const[]){name, NULL}, image_id(call, name));
        if (families[i].family == FAMILY_ECS)
            offer_ecs(search, name, families[i].system);
        if (families[i].family != FAMILY_EKS)
            continue;
        offer(search, (const char *const[]){name, "/image_id", NULL}, image_id(call, name));
        offer(search, (const char *const[]){name, "/image_name", NULL},
              str_format(call->arena, "amazon-eks-node-%s", families[i].system));
        offer(search, (const char *const[]){name, "/release_version", NULL}, STR("20250101"));
    }
}

static void offer_regions(struct search *search)
{
    for (size_t i = 0; i < ARRAY_LEN(regions); i++) {
        const char *id = regions[i].id;
        offer(search, (const char *const[]){regions_root, id, NULL}, str_from_cstr(id));
        offer(search, (const char *const[]){regions_root, id, "/domain", NULL},
              STR("amazonaws.com"));
        offer(search, (const char *const[]){regions_root, id, "/geolocationCountry", NULL},
              str_from_cstr(regions[i].country));
        offer(search, (const char *const[]){regions_root, id, "/longName", NULL},
              str_from_cstr(regions[i].long_name));
        offer(search, (const char *const[]){regions_root, id, "/partition", NULL}, STR("aws"));
    }
}

static void offer_services(struct search *search)
{
    for (size_t i = 0; i < ARRAY_LEN(public_services); i++) {
        const char *id = public_services[i].id;
        offer(search, (const char *const[]){services_root, id, NULL}, str_from_cstr(id));
        offer(search, (const char *const[]){services_root, id, "/longName", NULL},
              str_from_cstr(public_services[i].long_name));
        for (size_t r = 0; r < ARRAY_LEN(regions); r++) {
            const char *region = regions[r].id;
            offer(search, (const char *const[]){services_root, id, "/regions/", region, NULL},
                  str_from_cstr(region));
            offer(search, (const char *const[]){regions_root, region, "/services/", id, NULL},
                  str_from_cstr(id));
        }
    }
}

static int compare_keys(const void *a, const void *b)
{
    return str_compare(((const struct ssm_entry *)a)->key, ((const struct ssm_entry *)b)->key);
}

static void run_search(struct search *search)
{
    vec_init(&search->found, search->call->arena, sizeof(struct ssm_entry));
    offer_images(search);
    if (may_hold(search, STR(GLOBAL))) {
        offer_regions(search);
        offer_services(search);
    }
    vec_sort(&search->found, compare_keys);
}

bool ssm_public_find(struct call *call, struct str key, struct ssm_entry *out_entry)
{
    struct search search = {.call = call, .key = key};
    run_search(&search);
    if (search.found.count == 0)
        return false;
    *out_entry = *(const struct ssm_entry *)vec_at(&search.found, 0);
    return true;
}

size_t ssm_public_list(struct call *call, struct str path, bool is_recursive, struct str after,
                       size_t limit, struct ssm_entry *out_entries)
{
    struct search search = {
        .call = call, .path = path, .is_recursive = is_recursive, .after = after};
    run_search(&search);
    size_t count = search.found.count < limit ? search.found.count : limit;
    for (size_t i = 0; i < count; i++)
        out_entries[i] = *(const struct ssm_entry *)vec_at(&search.found, i);
    return count;
}
