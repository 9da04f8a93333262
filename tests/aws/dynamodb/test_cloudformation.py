"""AWS::DynamoDB::Table and AWS::DynamoDB::GlobalTable in stacks.

AWS: CloudFormation template reference, the two types.
"""

import json

import pytest
from harness import until
from harness.tables import attributes, keys


class Stack:
    def __init__(self, client, name):
        self.client = client
        self.name = name

    def settle(self, status):
        def over():
            stack = self.client.describe_stacks(StackName=self.name)["Stacks"][0]
            return None if stack["StackStatus"].endswith("_IN_PROGRESS") else stack

        stack = until(over)
        if stack["StackStatus"] != status:
            events = self.client.describe_stack_events(StackName=self.name)["StackEvents"]
            pytest.fail(
                "\n".join(
                    f"{one['ResourceStatus']} {one.get('ResourceStatusReason', '')}"
                    for one in events
                )
            )
        return {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}

    def template(self, kind, properties, outputs):
        return json.dumps(
            {
                "Resources": {"Table": {"Type": kind, "Properties": properties}},
                "Outputs": {
                    "Name": {"Value": {"Ref": "Table"}},
                    **{
                        name: {"Value": {"Fn::GetAtt": ["Table", name]}} for name in outputs
                    },
                },
            }
        )

    def create(self, kind, properties, outputs=("Arn",), status="CREATE_COMPLETE"):
        self.client.create_stack(
            StackName=self.name, TemplateBody=self.template(kind, properties, outputs)
        )
        return self.settle(status)

    def update(self, kind, properties, outputs=("Arn",), status="UPDATE_COMPLETE"):
        self.client.update_stack(
            StackName=self.name, TemplateBody=self.template(kind, properties, outputs)
        )
        return self.settle(status)

    def delete(self):
        stack = self.client.describe_stacks(StackName=self.name)["Stacks"][0]
        self.name = stack["StackId"]
        self.client.delete_stack(StackName=self.name)
        self.settle("DELETE_COMPLETE")


@pytest.fixture
def stack(client, unique):
    return Stack(client("cloudformation"), unique("stack"))


TABLE = "AWS::DynamoDB::Table"
GLOBAL = "AWS::DynamoDB::GlobalTable"
UNITS = {"ReadCapacityUnits": 3, "WriteCapacityUnits": 2}


def base(**more):
    return {
        "AttributeDefinitions": attributes(id="S"),
        "KeySchema": keys("id"),
        "BillingMode": "PAY_PER_REQUEST",
        **more,
    }


def index(name, *names, projection="ALL", **more):
    return {
        "IndexName": name,
        "KeySchema": keys(*names),
        "Projection": {"ProjectionType": projection},
        **more,
    }


def test_a_table_with_everything(ddb, account, region, stack):
    kinesis = f"arn:aws:kinesis:{region}:{account}:stream/s"
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "222233334444"},
                "Action": "dynamodb:GetItem",
                "Resource": "*",
            }
        ],
    }
    outputs = stack.create(
        TABLE,
        {
            "AttributeDefinitions": attributes(id="S", sort="N", other="B"),
            "KeySchema": keys("id", "sort"),
            "ProvisionedThroughput": UNITS,
            "LocalSecondaryIndexes": [index("local", "id", "other")],
            "GlobalSecondaryIndexes": [
                index(
                    "global",
                    "other",
                    ProvisionedThroughput=UNITS,
                    ContributorInsightsSpecification={"Enabled": True},
                )
            ],
            "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
            "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": True},
            "PointInTimeRecoverySpecification": {
                "PointInTimeRecoveryEnabled": True,
                "RecoveryPeriodInDays": 5,
            },
            "SSESpecification": {"SSEEnabled": True},
            "TableClass": "STANDARD_INFREQUENT_ACCESS",
            "ContributorInsightsSpecification": {"Enabled": True},
            "KinesisStreamSpecification": {"StreamArn": kinesis},
            "ResourcePolicy": {"PolicyDocument": policy},
            "WarmThroughput": {"ReadUnitsPerSecond": 12000, "WriteUnitsPerSecond": 4000},
            "Tags": [{"Key": "team", "Value": "a"}],
        },
        outputs=("Arn", "StreamArn"),
    )
    name = outputs["Name"]
    assert name.startswith(f"{stack.name}-Table-")
    table = ddb.describe_table(TableName=name)["Table"]
    assert table["TableStatus"] == "ACTIVE"
    assert outputs["Arn"] == table["TableArn"]
    assert outputs["StreamArn"] == table["LatestStreamArn"]
    assert table["ProvisionedThroughput"]["ReadCapacityUnits"] == 3
    assert table["LocalSecondaryIndexes"][0]["IndexName"] == "local"
    assert table["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"]["WriteCapacityUnits"] == 2
    assert table["SSEDescription"]["SSEType"] == "KMS"
    assert table["TableClassSummary"]["TableClass"] == "STANDARD_INFREQUENT_ACCESS"
    ttl = ddb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    recovery = ddb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"][
        "PointInTimeRecoveryDescription"
    ]
    assert recovery["RecoveryPeriodInDays"] == 5
    for more in ({}, {"IndexName": "global"}):
        insights = ddb.describe_contributor_insights(TableName=name, **more)
        assert insights["ContributorInsightsStatus"] == "ENABLED"
    shown = ddb.describe_kinesis_streaming_destination(TableName=name)
    assert shown["KinesisDataStreamDestinations"][0]["StreamArn"] == kinesis
    assert json.loads(ddb.get_resource_policy(ResourceArn=outputs["Arn"])["Policy"]) == policy
    tags = {
        tag["Key"]: tag["Value"]
        for tag in ddb.list_tags_of_resource(ResourceArn=outputs["Arn"])["Tags"]
    }
    assert tags["team"] == "a"
    assert tags["aws:cloudformation:logical-id"] == "Table"
    stack.delete()
    assert ddb.list_tables()["TableNames"] == []


def test_settings_change_in_place(ddb, stack):
    name = stack.create(TABLE, base(Tags=[{"Key": "a", "Value": "1"}]))["Name"]
    before = ddb.describe_table(TableName=name)["Table"]["TableId"]
    ddb.put_item(TableName=name, Item={"id": {"S": "x"}, "g": {"S": "y"}, "h": {"S": "z"}})
    outputs = stack.update(
        TABLE,
        base(
            AttributeDefinitions=attributes(id="S", g="S", h="S"),
            GlobalSecondaryIndexes=[index("one", "g"), index("two", "h")],
            StreamSpecification={"StreamViewType": "KEYS_ONLY"},
            TimeToLiveSpecification={"AttributeName": "t", "Enabled": True},
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
            DeletionProtectionEnabled=True,
            SSESpecification={"SSEEnabled": True},
            Tags=[{"Key": "b", "Value": "2"}],
        ),
        outputs=("Arn", "StreamArn"),
    )
    table = ddb.describe_table(TableName=name)["Table"]
    assert table["TableId"] == before
    assert {one["IndexName"] for one in table["GlobalSecondaryIndexes"]} == {"one", "two"}
    assert ddb.scan(TableName=name, IndexName="two")["Count"] == 1
    assert table["StreamSpecification"]["StreamViewType"] == "KEYS_ONLY"
    assert table["LatestStreamArn"] == outputs["StreamArn"]
    assert table["DeletionProtectionEnabled"] is True
    assert "SSEDescription" in table
    tags = [tag["Key"] for tag in ddb.list_tags_of_resource(ResourceArn=outputs["Arn"])["Tags"]]
    assert "b" in tags and "a" not in tags
    # An index with another key, another view, another attribute: each takes two steps.
    stack.update(
        TABLE,
        base(
            BillingMode="PROVISIONED",
            ProvisionedThroughput=UNITS,
            AttributeDefinitions=attributes(id="S", h="S"),
            GlobalSecondaryIndexes=[index("one", "h", ProvisionedThroughput=UNITS)],
            StreamSpecification={"StreamViewType": "NEW_IMAGE"},
            TimeToLiveSpecification={"AttributeName": "u", "Enabled": True},
            DeletionProtectionEnabled=False,
        ),
    )
    table = ddb.describe_table(TableName=name)["Table"]
    assert table["TableId"] == before
    assert table["BillingModeSummary"]["BillingMode"] == "PROVISIONED"
    assert [one["KeySchema"] for one in table["GlobalSecondaryIndexes"]] == [keys("h")]
    assert table["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"]["ReadCapacityUnits"] == 3
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_IMAGE"
    assert "SSEDescription" not in table
    ttl = ddb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "u"}
    recovery = ddb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert recovery["PointInTimeRecoveryDescription"] == {"PointInTimeRecoveryStatus": "DISABLED"}
    stack.delete()


def test_another_key_is_another_table(ddb, stack):
    first = stack.create(TABLE, base())["Name"]
    second = stack.update(
        TABLE, base(AttributeDefinitions=attributes(key="N"), KeySchema=keys("key"))
    )["Name"]
    assert first != second
    assert ddb.list_tables()["TableNames"] == [second]
    # AWS: editing an existing attribute definition replaces.
    third = stack.update(
        TABLE, base(AttributeDefinitions=attributes(key="S"), KeySchema=keys("key"))
    )["Name"]
    assert third != second
    stack.delete()


def test_failures_name_the_reason_and_are_rolled_back(ddb, stack, unique):
    stack.create(
        TABLE,
        base(AttributeDefinitions=attributes(other="S")),
        status="ROLLBACK_COMPLETE",
    )
    events = stack.client.describe_stack_events(StackName=stack.name)["StackEvents"]
    reasons = [one.get("ResourceStatusReason", "") for one in events]
    assert any("Some index key attributes are not defined" in reason for reason in reasons)
    assert ddb.list_tables()["TableNames"] == []


def test_a_failed_update_puts_the_table_back(ddb, stack):
    name = stack.create(TABLE, base())["Name"]
    stack.update(
        TABLE,
        base(
            StreamSpecification={"StreamViewType": "KEYS_ONLY"},
            ResourcePolicy={"PolicyDocument": {"Version": "2012-10-17", "Statement": "x"}},
        ),
        status="UPDATE_ROLLBACK_COMPLETE",
    )
    table = ddb.describe_table(TableName=name)["Table"]
    assert "StreamSpecification" not in table


def test_a_protected_table_stops_the_deletion(ddb, stack):
    name = stack.create(TABLE, base(DeletionProtectionEnabled=True))["Name"]
    stack.client.delete_stack(StackName=stack.name)
    stack.settle("DELETE_FAILED")
    ddb.update_table(TableName=name, DeletionProtectionEnabled=False)
    until(lambda: ddb.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE")
    stack.delete()


def test_a_global_table(client, ddb, stack):
    europe = client("dynamodb", region="eu-west-1")
    properties = base(
        Replicas=[
            {"Region": "us-east-1", "Tags": [{"Key": "where", "Value": "home"}]},
            {
                "Region": "eu-west-1",
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
                "DeletionProtectionEnabled": True,
                "Tags": [{"Key": "where", "Value": "away"}],
            },
        ],
        StreamSpecification={"StreamViewType": "NEW_AND_OLD_IMAGES"},
        TimeToLiveSpecification={"AttributeName": "t", "Enabled": True},
    )
    outputs = stack.create(GLOBAL, properties, outputs=("Arn", "StreamArn", "TableId"))
    name = outputs["Name"]
    table = ddb.describe_table(TableName=name)["Table"]
    assert outputs["TableId"] == table["TableId"]
    assert [one["RegionName"] for one in table["Replicas"]] == ["eu-west-1"]
    there = europe.describe_table(TableName=name)["Table"]
    assert there["DeletionProtectionEnabled"] is True
    tags = europe.list_tags_of_resource(ResourceArn=there["TableArn"])["Tags"]
    assert tags == [{"Key": "where", "Value": "away"}]
    ttl = europe.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert ttl["TimeToLiveStatus"] == "ENABLED"
    ddb.put_item(TableName=name, Item={"id": {"S": "x"}})
    assert "Item" in europe.get_item(TableName=name, Key={"id": {"S": "x"}})
    properties["AttributeDefinitions"] = attributes(id="S", g="S")
    properties["GlobalSecondaryIndexes"] = [index("one", "g")]
    properties["Replicas"][1]["DeletionProtectionEnabled"] = False
    properties["Replicas"].append({"Region": "eu-central-1"})
    stack.update(GLOBAL, properties)
    table = ddb.describe_table(TableName=name)["Table"]
    assert len(table["Replicas"]) == 2
    assert europe.describe_table(TableName=name)["Table"]["GlobalSecondaryIndexes"]
    stack.delete()
    assert ddb.list_tables()["TableNames"] == []
    until(lambda: europe.list_tables()["TableNames"] == [])


def test_what_is_not_supported_is_named(stack):
    stack.create(
        TABLE,
        base(ImportSourceSpecification={"InputFormat": "CSV"}),
        status="ROLLBACK_COMPLETE",
    )
    events = stack.client.describe_stack_events(StackName=stack.name)["StackEvents"]
    assert any("ImportSourceSpecification" in one.get("ResourceStatusReason", "") for one in events)
