"""AWS::S3::Bucket and AWS::S3::BucketPolicy."""

import json
import time

import pytest
from harness import covers


@pytest.fixture
def stack(client, unique):
    """stack(resources) makes or updates the test's stack; .wait() gives its status."""

    class Stack:
        def __init__(self):
            self.cloudformation = client("cloudformation")
            self.name = unique("stack")
            self.exists = False

        def __call__(self, resources, outputs=None, expect=None):
            template = {"Resources": resources}
            if outputs:
                template["Outputs"] = {key: {"Value": value} for key, value in outputs.items()}
            call = (
                self.cloudformation.update_stack
                if self.exists
                else self.cloudformation.create_stack
            )
            call(StackName=self.name, TemplateBody=json.dumps(template))
            expect = expect or ("UPDATE_COMPLETE" if self.exists else "CREATE_COMPLETE")
            self.exists = True
            return self.wait(expect)

        def wait(self, expect):
            deadline = time.monotonic() + 30
            while True:
                found = self.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]
                if not found["StackStatus"].endswith("IN_PROGRESS"):
                    break
                assert time.monotonic() < deadline
            assert found["StackStatus"] == expect, self.reasons()
            return {
                output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])
            }

        def reasons(self):
            events = self.cloudformation.describe_stack_events(StackName=self.name)
            return [e.get("ResourceStatusReason", "") for e in events["StackEvents"]]

        def resource(self, name):
            found = self.cloudformation.describe_stack_resource(
                StackName=self.name, LogicalResourceId=name
            )
            return found["StackResourceDetail"]["PhysicalResourceId"]

    return Stack()


def bucket_of(**properties):
    return {"B": {"Type": "AWS::S3::Bucket", "Properties": properties}}


@covers("s3", "CreateBucket")
def test_attributes_and_tags(s3, stack, account):
    outputs = stack(
        bucket_of(Tags=[{"Key": "a", "Value": "b"}]),
        {
            name: {"Fn::GetAtt": ["B", name]}
            for name in (
                "Arn",
                "DomainName",
                "DualStackDomainName",
                "RegionalDomainName",
                "WebsiteURL",
            )
        },
    )
    name = stack.resource("B")
    assert name == name.lower()
    assert outputs == {
        "Arn": f"arn:aws:s3:::{name}",
        "DomainName": f"{name}.s3.amazonaws.com",
        "DualStackDomainName": f"{name}.s3.dualstack.us-east-1.amazonaws.com",
        "RegionalDomainName": f"{name}.s3.us-east-1.amazonaws.com",
        "WebsiteURL": f"http://{name}.s3-website-us-east-1.amazonaws.com",
    }
    tags = {t["Key"]: t["Value"] for t in s3.get_bucket_tagging(Bucket=name)["TagSet"]}
    assert tags["a"] == "b"
    assert tags["aws:cloudformation:logical-id"] == "B"


@covers("s3", "PutBucketEncryption")
def test_all_configurations_come_and_go(s3, stack, unique):
    logs = unique("logs")
    s3.create_bucket(Bucket=logs)
    data = {"BucketArn": f"arn:aws:s3:::{logs}", "Format": "CSV"}
    stack(
        bucket_of(
            AccelerateConfiguration={"AccelerationStatus": "Enabled"},
            AnalyticsConfigurations=[
                {
                    "Id": "a",
                    "Prefix": "x",
                    "StorageClassAnalysis": {
                        "DataExport": {"Destination": data, "OutputSchemaVersion": "V_1"}
                    },
                }
            ],
            BucketEncryption={
                "ServerSideEncryptionConfiguration": [
                    {
                        "BucketKeyEnabled": True,
                        "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"},
                    }
                ]
            },
            CorsConfiguration={
                "CorsRules": [
                    {
                        "AllowedMethods": ["GET"],
                        "AllowedOrigins": ["*"],
                        "ExposedHeaders": ["ETag"],
                        "Id": "c",
                        "MaxAge": 5,
                    }
                ]
            },
            IntelligentTieringConfigurations=[
                {
                    "Id": "t",
                    "Status": "Enabled",
                    "Tierings": [{"AccessTier": "ARCHIVE_ACCESS", "Days": 90}],
                }
            ],
            InventoryConfigurations=[
                {
                    "Id": "i",
                    "Enabled": True,
                    "IncludedObjectVersions": "All",
                    "ScheduleFrequency": "Weekly",
                    "Destination": data,
                }
            ],
            LifecycleConfiguration={
                "Rules": [
                    {
                        "Id": "l",
                        "Status": "Enabled",
                        "Prefix": "tmp/",
                        "ExpirationInDays": 30,
                        "Transitions": [{"StorageClass": "GLACIER", "TransitionInDays": 3}],
                        "NoncurrentVersionExpiration": {"NoncurrentDays": 2},
                        "TagFilters": [{"Key": "k", "Value": "v"}],
                    }
                ]
            },
            LoggingConfiguration={"DestinationBucketName": logs, "LogFilePrefix": "p/"},
            MetricsConfigurations=[{"Id": "m", "Prefix": "y"}],
            NotificationConfiguration={
                "EventBridgeConfiguration": {"EventBridgeEnabled": True}
            },
            OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]},
            PublicAccessBlockConfiguration={"BlockPublicAcls": True},
            VersioningConfiguration={"Status": "Enabled"},
            WebsiteConfiguration={"IndexDocument": "i.html", "ErrorDocument": "e.html"},
        )
    )
    name = stack.resource("B")
    get = {"Bucket": name}
    assert s3.get_bucket_accelerate_configuration(**get)["Status"] == "Enabled"
    exported = s3.get_bucket_analytics_configuration(**get, Id="a")["AnalyticsConfiguration"]
    assert exported["Filter"] == {"Prefix": "x"}
    rules = s3.get_bucket_encryption(**get)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["BucketKeyEnabled"] is True
    assert s3.get_bucket_cors(**get)["CORSRules"][0]["MaxAgeSeconds"] == 5
    assert s3.get_bucket_intelligent_tiering_configuration(**get, Id="t")
    inventory = s3.get_bucket_inventory_configuration(**get, Id="i")["InventoryConfiguration"]
    assert inventory["Schedule"] == {"Frequency": "Weekly"}
    (rule,) = s3.get_bucket_lifecycle_configuration(**get)["Rules"]
    assert rule["Expiration"] == {"Days": 30}
    assert rule["Filter"] == {"And": {"Prefix": "tmp/", "Tags": [{"Key": "k", "Value": "v"}]}}
    assert s3.get_bucket_logging(**get)["LoggingEnabled"]["TargetPrefix"] == "p/"
    assert s3.get_bucket_metrics_configuration(**get, Id="m")
    assert "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(**get)
    assert s3.get_bucket_versioning(**get)["Status"] == "Enabled"
    assert s3.get_bucket_website(**get)["ErrorDocument"] == {"Key": "e.html"}
    stack(bucket_of())
    assert stack.resource("B") == name
    assert s3.get_bucket_versioning(**get)["Status"] == "Suspended"
    assert s3.get_bucket_accelerate_configuration(**get)["Status"] == "Suspended"
    assert "EventBridgeConfiguration" not in s3.get_bucket_notification_configuration(**get)
    assert "LoggingEnabled" not in s3.get_bucket_logging(**get)
    assert "MetricsConfigurationList" not in s3.list_bucket_metrics_configurations(**get)
    for read in (
        s3.get_bucket_cors,
        s3.get_bucket_lifecycle_configuration,
        s3.get_bucket_website,
        s3.get_public_access_block,
        s3.get_bucket_ownership_controls,
    ):
        with pytest.raises(s3.exceptions.ClientError):
            read(**get)


@covers("s3", "PutBucketNotificationConfiguration")
def test_notifications_wait_for_the_queue_policy(s3, stack):
    queue = {"Type": "AWS::SQS::Queue"}
    policy = {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {
            "Queues": [{"Ref": "Q"}],
            "PolicyDocument": {
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "s3.amazonaws.com"},
                        "Action": "sqs:SendMessage",
                        "Resource": {"Fn::GetAtt": ["Q", "Arn"]},
                    }
                ]
            },
        },
    }
    bucket = {
        "Type": "AWS::S3::Bucket",
        "Properties": {
            "NotificationConfiguration": {
                "QueueConfigurations": [
                    {
                        "Event": "s3:ObjectCreated:*",
                        "Queue": {"Fn::GetAtt": ["Q", "Arn"]},
                        "Filter": {"S3Key": {"Rules": [{"Name": "prefix", "Value": "a"}]}},
                    }
                ]
            }
        },
    }
    stack({"Q": queue, "P": policy, "B": {**bucket, "DependsOn": "P"}})
    found = s3.get_bucket_notification_configuration(Bucket=stack.resource("B"))
    assert found["QueueConfigurations"][0]["Events"] == ["s3:ObjectCreated:*"]


@covers("s3", "PutBucketNotificationConfiguration", error="InvalidArgument")
def test_without_the_permission_the_stack_fails(stack):
    stack(
        {
            "Q": {"Type": "AWS::SQS::Queue"},
            **bucket_of(
                NotificationConfiguration={
                    "QueueConfigurations": [
                        {"Event": "s3:ObjectCreated:*", "Queue": {"Fn::GetAtt": ["Q", "Arn"]}}
                    ]
                }
            ),
        },
        expect="ROLLBACK_COMPLETE",
    )
    assert any("Unable to validate the following" in reason for reason in stack.reasons())


@covers("s3", "CreateBucket")
def test_a_name_replaces_and_must_be_free(s3, stack, unique):
    first, second = unique("one"), unique("two")
    stack(bucket_of(BucketName=first))
    stack(bucket_of(BucketName=second))
    assert stack.resource("B") == second
    names = [b["Name"] for b in s3.list_buckets()["Buckets"]]
    assert (first in names, second in names) == (False, True)
    taken = unique("taken")
    s3.create_bucket(Bucket=taken)
    stack(bucket_of(BucketName=taken), expect="UPDATE_ROLLBACK_COMPLETE")
    assert f"{taken} already exists" in stack.reasons()


@covers("s3", "DeleteBucket", error="BucketNotEmpty")
def test_a_full_bucket_stays(s3, stack):
    stack(bucket_of())
    name = stack.resource("B")
    s3.put_object(Bucket=name, Key="a", Body=b"")
    stack.cloudformation.delete_stack(StackName=stack.name)
    stack.wait("DELETE_FAILED")
    assert any(
        "The bucket you tried to delete is not empty" in reason for reason in stack.reasons()
    )


@covers("s3", "PutBucketPolicy")
@covers("s3", "DeleteBucketPolicy")
def test_a_bucket_policy(s3, stack):
    def policy(action):
        return {
            **bucket_of(),
            "P": {
                "Type": "AWS::S3::BucketPolicy",
                "Properties": {
                    "Bucket": {"Ref": "B"},
                    "PolicyDocument": {
                        "Statement": [
                            {
                                "Effect": "Deny",
                                "Principal": "*",
                                "Action": action,
                                "Resource": {"Fn::Sub": "${B.Arn}/*"},
                                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                            }
                        ]
                    },
                },
            },
        }

    def action():
        document = json.loads(s3.get_bucket_policy(Bucket=stack.resource("B"))["Policy"])
        return document["Statement"][0]["Action"]

    stack(policy("s3:GetObject"))
    assert action() == "s3:GetObject"
    stack(policy("s3:*"))
    assert action() == "s3:*"
    stack(bucket_of())
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchBucketPolicy"):
        action()


@covers("s3", "CreateBucket")
def test_an_unknown_property_fails_by_name(stack):
    stack(
        bucket_of(MetadataTableConfiguration={"S3TablesDestination": {}}),
        expect="ROLLBACK_COMPLETE",
    )
    assert any("MetadataTableConfiguration" in reason for reason in stack.reasons())
