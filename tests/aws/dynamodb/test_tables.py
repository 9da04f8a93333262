"""Tables: create, describe, list, update, delete; schemas, throughput, tags, policies, settings."""

import json

import pytest
from harness import aws_error, covers, until
from harness.tables import attributes, index, keys

INVALID = "One or more parameter values were invalid: "
NAMES = (
    "Invalid table/index name.  Table/index names must be between 3 and 255 characters long, and "
    "may contain only the characters a-z, A-Z, 0-9, '_', '-', and '.'"
)
UNITS = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 4}


@covers("dynamodb", "CreateTable")
@covers("dynamodb", "DescribeTable")
def test_a_new_table_is_described(ddb, account, region, unique, wait_active):
    name = unique("table")
    created = ddb.create_table(
        TableName=name,
        AttributeDefinitions=attributes(a="S", b="N", c="B"),
        KeySchema=keys("a", "b"),
        ProvisionedThroughput=UNITS,
        LocalSecondaryIndexes=[index("local", "a", "c", projection="KEYS_ONLY")],
        GlobalSecondaryIndexes=[
            index("global", "c", projection="INCLUDE", include=["x"], ProvisionedThroughput=UNITS)
        ],
        DeletionProtectionEnabled=True,
        TableClass="STANDARD_INFREQUENT_ACCESS",
    )["TableDescription"]
    assert created["TableStatus"] == "CREATING"
    assert created["GlobalSecondaryIndexes"][0]["IndexStatus"] == "CREATING"
    ddb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    table = wait_active(name)
    arn = f"arn:aws:dynamodb:{region}:{account}:table/{name}"
    assert table["TableArn"] == arn
    assert table["KeySchema"] == keys("a", "b")
    assert table["AttributeDefinitions"] == attributes(a="S", b="N", c="B")
    assert table["ItemCount"] == table["TableSizeBytes"] == 0
    assert table["ProvisionedThroughput"] == {"NumberOfDecreasesToday": 0, **UNITS}
    assert table["DeletionProtectionEnabled"] is True
    assert table["TableClassSummary"]["TableClass"] == "STANDARD_INFREQUENT_ACCESS"
    assert "BillingModeSummary" not in table
    local = table["LocalSecondaryIndexes"][0]
    assert local["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    assert local["IndexArn"] == f"{arn}/index/local"
    shown = table["GlobalSecondaryIndexes"][0]
    assert shown["Projection"] == {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["x"]}
    assert shown["ProvisionedThroughput"] == {"NumberOfDecreasesToday": 0, **UNITS}
    # AWS: TableName takes the ARN, too.
    assert ddb.describe_table(TableName=arn)["Table"]["TableId"] == table["TableId"]


@covers("dynamodb", "CreateTable")
def test_on_demand_and_encryption_are_described(ddb, account, region, make_table):
    name = make_table(
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": "alias/mine"},
        OnDemandThroughput={"MaxReadRequestUnits": 10, "MaxWriteRequestUnits": 20},
        WarmThroughput={"ReadUnitsPerSecond": 13000, "WriteUnitsPerSecond": 5000},
    )
    table = ddb.describe_table(TableName=name)["Table"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["ProvisionedThroughput"]["ReadCapacityUnits"] == 0
    assert table["SSEDescription"] == {
        "Status": "ENABLED",
        "SSEType": "KMS",
        "KMSMasterKeyArn": f"arn:aws:kms:{region}:{account}:alias/mine",
    }
    assert table["OnDemandThroughput"] == {"MaxReadRequestUnits": 10, "MaxWriteRequestUnits": 20}
    assert table["WarmThroughput"] == {
        "ReadUnitsPerSecond": 13000,
        "WriteUnitsPerSecond": 5000,
        "Status": "ACTIVE",
    }


@covers("dynamodb", "CreateTable", error="ResourceInUseException")
def test_a_name_is_taken_once(ddb, make_table):
    name = make_table()
    with aws_error(
        "ResourceInUseException", http_status=400, message=f"Table already exists: {name}"
    ):
        make_table(name)


# Recorded by the tests of dynalite against AWS (us-east-1, 2013 to 2020), unless said otherwise.
BAD_TABLES = [
    (
        {"AttributeDefinitions": attributes(b="S")},
        INVALID + "Some index key attributes are not defined in AttributeDefinitions. Keys: [a], "
        "AttributeDefinitions: [b]",
    ),
    (
        {"AttributeDefinitions": attributes(a="S", b="S")},
        INVALID + "Number of attributes in KeySchema does not exactly match number of attributes "
        "defined in AttributeDefinitions",
    ),
    (
        {"KeySchema": [{"AttributeName": "a", "KeyType": "RANGE"}]},
        "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
    ),
    (
        {
            "AttributeDefinitions": attributes(a="S", b="S"),
            "KeySchema": [
                {"AttributeName": "a", "KeyType": "HASH"},
                {"AttributeName": "b", "KeyType": "HASH"},
            ],
        },
        "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type",
    ),
    (
        {"KeySchema": keys("a", "a")},
        "Both the Hash Key and the Range Key element in the KeySchema have the same name",
    ),
    (
        {"LocalSecondaryIndexes": []},
        INVALID + "List of LocalSecondaryIndexes is empty",
    ),
    (
        {"GlobalSecondaryIndexes": []},
        INVALID + "List of GlobalSecondaryIndexes is empty",
    ),
    (
        {"LocalSecondaryIndexes": [index("abc", "a", "a")]},
        INVALID + "Table KeySchema does not have a range key, which is required when specifying a "
        "LocalSecondaryIndex",
    ),
    (
        {
            "AttributeDefinitions": attributes(a="S", b="S"),
            "KeySchema": keys("a", "b"),
            "LocalSecondaryIndexes": [index("abc", "a")],
        },
        INVALID + "Index KeySchema does not have a range key for index: abc",
    ),
    (
        {
            "AttributeDefinitions": attributes(a="S", b="S"),
            "KeySchema": keys("a", "b"),
            "LocalSecondaryIndexes": [index("abc", "b", "a")],
        },
        INVALID + "Index KeySchema does not have the same leading hash key as table KeySchema for "
        "index: abc. index hash key: b, table hash key: a",
    ),
    (
        {"GlobalSecondaryIndexes": [index("abc", "c")]},
        INVALID + "Some index key attributes are not defined in AttributeDefinitions. Keys: [c], "
        "AttributeDefinitions: [a]",
    ),
    (
        {"GlobalSecondaryIndexes": [{**index("abc", "a"), "Projection": {}}]},
        INVALID + "Unknown ProjectionType: null",
    ),
    (
        {"GlobalSecondaryIndexes": [index("abc", "a", projection="KEYS_ONLY", include=["x"])]},
        INVALID + "ProjectionType is KEYS_ONLY, but NonKeyAttributes is specified",
    ),
    (
        {"GlobalSecondaryIndexes": [index("abc", "a", projection="INCLUDE")]},
        INVALID + "ProjectionType is INCLUDE, but NonKeyAttributes is not specified",
    ),
    (
        {"GlobalSecondaryIndexes": [index("abc", "a"), index("abc", "a")]},
        INVALID + "Duplicate index name: abc",
    ),
    (
        {"GlobalSecondaryIndexes": [index(f"abc{n}", "a") for n in range(21)]},
        INVALID + "GlobalSecondaryIndex count exceeds the per-table limit of 20",
    ),
    (
        {
            "AttributeDefinitions": attributes(a="S", b="S"),
            "KeySchema": keys("a", "b"),
            "LocalSecondaryIndexes": [index(f"abc{n}", "a", "b") for n in range(6)],
        },
        INVALID + "Number of LocalSecondaryIndexes exceeds per-table limit of 5",
    ),
    (
        {
            "AttributeDefinitions": attributes(a="S", b="S", c="S"),
            "GlobalSecondaryIndexes": [index("abc", "b")],
        },
        INVALID + "Some AttributeDefinitions are not used. AttributeDefinitions: [a, b, c], keys "
        "used: [a, b]",
    ),
    (
        {"ProvisionedThroughput": UNITS},
        INVALID + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when "
        "BillingMode is PAY_PER_REQUEST",
    ),
    (
        {"BillingMode": "PROVISIONED"},
        INVALID + "ReadCapacityUnits and WriteCapacityUnits must both be specified when "
        "BillingMode is PROVISIONED",
    ),
    (
        {
            "BillingMode": "PROVISIONED",
            "ProvisionedThroughput": {
                "ReadCapacityUnits": 1000000000001,
                "WriteCapacityUnits": 1,
            },
        },
        "Given value 1000000000001 for ReadCapacityUnits is out of bounds",
    ),
    ({"TableName": "ab"}, NAMES),
    ({"TableName": "with space"}, NAMES),
    ({"GlobalSecondaryIndexes": [index("a!c", "a")]}, None),
    ({"Tags": [{"Key": "aws:x", "Value": "y"}]}, None),
]


@covers("dynamodb", "CreateTable", error="ValidationException")
@pytest.mark.parametrize(("wrong", "message"), BAD_TABLES)
def test_tables_that_are_refused(client, unique, wrong, message):
    ddb = client("dynamodb", is_validated=False)
    request = {
        "TableName": unique("table"),
        "AttributeDefinitions": attributes(a="S"),
        "KeySchema": keys("a"),
        "BillingMode": "PAY_PER_REQUEST",
        **wrong,
    }
    with aws_error("ValidationException", http_status=400, message=message):
        ddb.create_table(**request)


@covers("dynamodb", "DescribeTable", error="ResourceNotFoundException")
@covers("dynamodb", "UpdateTable", error="ResourceNotFoundException")
@covers("dynamodb", "DeleteTable", error="ResourceNotFoundException")
@covers("dynamodb", "DescribeTimeToLive", error="ResourceNotFoundException")
def test_what_is_not_there(ddb):
    message = "Requested resource not found: Table: missing not found"
    calls = [
        lambda: ddb.describe_table(TableName="missing"),
        lambda: ddb.update_table(TableName="missing", DeletionProtectionEnabled=True),
        lambda: ddb.delete_table(TableName="missing"),
        lambda: ddb.describe_time_to_live(TableName="missing"),
        lambda: ddb.describe_kinesis_streaming_destination(TableName="missing"),
    ]
    for call in calls:
        with aws_error("ResourceNotFoundException", http_status=400, message=message):
            call()


@covers("dynamodb", "ListTables")
def test_tables_are_listed_in_pages(ddb, make_table):
    names = sorted(make_table() for _ in range(5))
    assert ddb.list_tables()["TableNames"] == names
    first = ddb.list_tables(Limit=2)
    assert (first["TableNames"], first["LastEvaluatedTableName"]) == (names[:2], names[1])
    pages = ddb.get_paginator("list_tables").paginate(PaginationConfig={"PageSize": 2})
    assert [name for page in pages for name in page["TableNames"]] == names


@covers("dynamodb", "DeleteTable")
def test_a_deleted_table_is_gone_and_its_name_free(ddb, make_table):
    name = make_table()
    ddb.put_item(TableName=name, Item={"id": {"S": "old"}})
    assert ddb.delete_table(TableName=name)["TableDescription"]["TableStatus"] == "DELETING"
    ddb.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    make_table(name)
    assert ddb.scan(TableName=name)["Count"] == 0


@covers("dynamodb", "DeleteTable", error="ValidationException")
def test_a_protected_table_stays(ddb, make_table, wait_active):
    name = make_table(DeletionProtectionEnabled=True)
    # AWS: "Resource cannot be deleted as it is currently protected against deletion" (UserGuide).
    with aws_error("ValidationException", match="^Resource cannot be deleted as it is currently"):
        ddb.delete_table(TableName=name)
    ddb.update_table(TableName=name, DeletionProtectionEnabled=False)
    wait_active(name)
    ddb.delete_table(TableName=name)


@covers("dynamodb", "UpdateTable")
def test_throughput_and_billing_change(ddb, make_table, wait_active):
    name = make_table(BillingMode="PROVISIONED", ProvisionedThroughput=UNITS)
    more = {"ReadCapacityUnits": 6, "WriteCapacityUnits": 2}
    answer = ddb.update_table(TableName=name, ProvisionedThroughput=more)["TableDescription"]
    assert answer["TableStatus"] == "UPDATING"
    throughput = wait_active(name)["ProvisionedThroughput"]
    assert throughput["ReadCapacityUnits"] == 6
    assert throughput["NumberOfDecreasesToday"] == 1
    assert "LastIncreaseDateTime" in throughput and "LastDecreaseDateTime" in throughput
    ddb.update_table(TableName=name, BillingMode="PAY_PER_REQUEST")
    table = wait_active(name)
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["ProvisionedThroughput"]["ReadCapacityUnits"] == 0
    ddb.update_table(TableName=name, BillingMode="PROVISIONED", ProvisionedThroughput=UNITS)
    assert wait_active(name)["BillingModeSummary"]["BillingMode"] == "PROVISIONED"
    ddb.update_table(TableName=name, TableClass="STANDARD_INFREQUENT_ACCESS")
    assert wait_active(name)["TableClassSummary"]["TableClass"] == "STANDARD_INFREQUENT_ACCESS"
    ddb.update_table(TableName=name, SSESpecification={"Enabled": True})
    assert wait_active(name)["SSEDescription"]["Status"] == "ENABLED"


@covers("dynamodb", "UpdateTable", error="ValidationException")
def test_updates_that_are_refused(ddb, make_table):
    name = make_table(BillingMode="PROVISIONED", ProvisionedThroughput=UNITS)
    # Both recorded by dynalite's tests against AWS.
    with aws_error("ValidationException", match="^At least one of ProvisionedThroughput, "):
        ddb.update_table(TableName=name)
    with aws_error(
        "ValidationException",
        match="^The provisioned throughput for the table will not change. The requested value "
        "equals the current value. Current ReadCapacityUnits provisioned for the table: 5. ",
    ):
        ddb.update_table(TableName=name, ProvisionedThroughput=UNITS)
    with aws_error("ValidationException", match="already has stream disabled"):
        ddb.update_table(TableName=name, StreamSpecification={"StreamEnabled": False})


@covers("dynamodb", "UpdateTable")
def test_an_index_is_built_over_what_is_there(ddb, make_table, wait_active):
    name = make_table()
    for number in range(250):
        item = {"id": {"S": f"k{number}"}, "group": {"S": f"g{number % 5}"}}
        if number % 10 == 0:
            item["group"] = {"N": "1"}  # of another type: not in the index
        ddb.put_item(TableName=name, Item=item)
    answer = ddb.update_table(
        TableName=name,
        AttributeDefinitions=attributes(group="S"),
        GlobalSecondaryIndexUpdates=[{"Create": index("by-group", "group")}],
    )["TableDescription"]
    assert answer["TableStatus"] == "UPDATING"
    shown = answer["GlobalSecondaryIndexes"][0]
    assert (shown["IndexStatus"], shown["Backfilling"]) == ("CREATING", True)
    table = wait_active(name)
    assert "Backfilling" not in table["GlobalSecondaryIndexes"][0]
    assert table["AttributeDefinitions"] == attributes(id="S", group="S")
    counts = [
        ddb.query(
            TableName=name,
            IndexName="by-group",
            KeyConditionExpression="#g = :g",
            ExpressionAttributeNames={"#g": "group"},
            ExpressionAttributeValues={":g": {"S": f"g{group}"}},
        )["Count"]
        for group in range(5)
    ]
    assert sum(counts) == 225
    assert table["GlobalSecondaryIndexes"][0]["ItemCount"] == 225
    ddb.update_table(
        TableName=name, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-group"}}]
    )
    table = wait_active(name)
    assert "GlobalSecondaryIndexes" not in table
    assert table["AttributeDefinitions"] == attributes(id="S")
    with aws_error("ValidationException"):
        ddb.scan(TableName=name, IndexName="by-group")


@covers("dynamodb", "UpdateTable", error="LimitExceededException")
def test_one_index_at_a_time(ddb, make_table):
    name = make_table()
    # Seen 2015-10-14 (noppoMan/npdynamodb issue 29).
    with aws_error(
        "LimitExceededException",
        message="Subscriber limit exceeded: Only 1 online index can be created or deleted "
        "simultaneously per table",
    ):
        ddb.update_table(
            TableName=name,
            AttributeDefinitions=attributes(a="S"),
            GlobalSecondaryIndexUpdates=[
                {"Create": index("one", "a")},
                {"Create": index("two", "a")},
            ],
        )


@covers("dynamodb", "UpdateTable")
def test_an_indexs_throughput(ddb, make_table, wait_active):
    name = make_table(
        BillingMode="PROVISIONED",
        ProvisionedThroughput=UNITS,
        GlobalSecondaryIndexes=[index("other", "id", ProvisionedThroughput=UNITS)],
    )
    more = {"ReadCapacityUnits": 7, "WriteCapacityUnits": 8}
    update = {"IndexName": "other", "ProvisionedThroughput": more}
    ddb.update_table(TableName=name, GlobalSecondaryIndexUpdates=[{"Update": update}])
    shown = wait_active(name)["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"]
    assert (shown["ReadCapacityUnits"], shown["WriteCapacityUnits"]) == (7, 8)
    with aws_error("ValidationException", match="throughput for the index other will not change"):
        ddb.update_table(TableName=name, GlobalSecondaryIndexUpdates=[{"Update": update}])
    with aws_error("ResourceNotFoundException"):
        ddb.update_table(
            TableName=name,
            GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "missing"}}],
        )


@covers("dynamodb", "TagResource")
@covers("dynamodb", "UntagResource")
@covers("dynamodb", "ListTagsOfResource")
def test_tags(ddb, make_table):
    name = make_table(Tags=[{"Key": "a", "Value": "1"}])
    arn = ddb.describe_table(TableName=name)["Table"]["TableArn"]
    ddb.tag_resource(ResourceArn=arn, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}])
    assert ddb.list_tags_of_resource(ResourceArn=arn)["Tags"] == [
        {"Key": "a", "Value": "2"},
        {"Key": "b", "Value": ""},
    ]
    ddb.untag_resource(ResourceArn=arn, TagKeys=["a"])
    ddb.tag_resource(ResourceArn=arn, Tags=[{"Key": f"t{n}", "Value": "v"} for n in range(12)])
    pages = ddb.get_paginator("list_tags_of_resource").paginate(ResourceArn=arn)
    assert len([tag for page in pages for tag in page["Tags"]]) == 13


@covers("dynamodb", "TagResource", error="ResourceNotFoundException")
@covers("dynamodb", "UntagResource", error="ResourceNotFoundException")
@covers("dynamodb", "ListTagsOfResource", error="ResourceNotFoundException")
def test_tags_of_nothing(ddb, account, region):
    arn = f"arn:aws:dynamodb:{region}:{account}:table/missing"
    with aws_error("ResourceNotFoundException"):
        ddb.tag_resource(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}])
    with aws_error("ResourceNotFoundException"):
        ddb.untag_resource(ResourceArn=arn, TagKeys=["a"])
    with aws_error("ResourceNotFoundException"):
        ddb.list_tags_of_resource(ResourceArn=arn)


def policy(account, action, resource, effect="Allow", **more):
    statement = {
        "Effect": effect,
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": action,
        "Resource": resource,
        **more,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@covers("dynamodb", "PutResourcePolicy")
@covers("dynamodb", "GetResourcePolicy")
@covers("dynamodb", "DeleteResourcePolicy")
def test_a_resource_policy_lets_another_account_in(client, ddb, make_table):
    name = make_table()
    arn = ddb.describe_table(TableName=name)["Table"]["TableArn"]
    other = client("dynamodb", account="222233334444")
    ddb.put_item(TableName=name, Item={"id": {"S": "a"}})
    with aws_error("AccessDeniedException", http_status=400):
        other.get_item(TableName=arn, Key={"id": {"S": "a"}})
    text = policy("222233334444", "dynamodb:GetItem", arn)
    revision = ddb.put_resource_policy(ResourceArn=arn, Policy=text)["RevisionId"]
    assert ddb.get_resource_policy(ResourceArn=arn) | {"ResponseMetadata": 0} == {
        "Policy": text,
        "RevisionId": revision,
        "ResponseMetadata": 0,
    }
    assert other.get_item(TableName=arn, Key={"id": {"S": "a"}})["Item"] == {"id": {"S": "a"}}
    with aws_error("AccessDeniedException"):
        other.put_item(TableName=arn, Item={"id": {"S": "b"}})
    assert ddb.delete_resource_policy(ResourceArn=arn)["RevisionId"] == revision
    with aws_error("AccessDeniedException"):
        other.get_item(TableName=arn, Key={"id": {"S": "a"}})


@covers("dynamodb", "PutResourcePolicy", error="ResourceNotFoundException")
@covers("dynamodb", "PutResourcePolicy", error="PolicyNotFoundException")
@covers("dynamodb", "GetResourcePolicy", error="PolicyNotFoundException")
@covers("dynamodb", "GetResourcePolicy", error="ResourceNotFoundException")
@covers("dynamodb", "DeleteResourcePolicy", error="PolicyNotFoundException")
@covers("dynamodb", "DeleteResourcePolicy", error="ResourceNotFoundException")
def test_policies_that_are_not_there(ddb, account, make_table):
    name = make_table()
    arn = ddb.describe_table(TableName=name)["Table"]["TableArn"]
    text = policy(account, "dynamodb:GetItem", arn)
    missing = arn.replace(name, "missing")
    with aws_error("PolicyNotFoundException", http_status=400):
        ddb.get_resource_policy(ResourceArn=arn)
    with aws_error("PolicyNotFoundException"):
        ddb.put_resource_policy(ResourceArn=arn, Policy=text, ExpectedRevisionId="1")
    with aws_error("PolicyNotFoundException"):
        ddb.delete_resource_policy(ResourceArn=arn, ExpectedRevisionId="1")
    for call in (ddb.get_resource_policy, ddb.delete_resource_policy):
        with aws_error("ResourceNotFoundException"):
            call(ResourceArn=missing)
    with aws_error("ResourceNotFoundException"):
        ddb.put_resource_policy(ResourceArn=missing, Policy=text)
    with aws_error("ValidationException"):
        ddb.put_resource_policy(ResourceArn=arn, Policy="{")
    ddb.put_resource_policy(ResourceArn=arn, Policy=text, ExpectedRevisionId="NO_POLICY")


@pytest.fixture
def user(client, unique):
    """user(statements) -> credentials of a user who may do that."""

    def make(*statements):
        iam = client("iam")
        name = unique("user")
        iam.create_user(UserName=name)
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        iam.put_user_policy(
            UserName=name, PolicyName="all", PolicyDocument=json.dumps(document)
        )
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return client(
            "dynamodb", access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"]
        )

    return make


def test_leading_keys_decide(ddb, user, make_table):
    # AWS: developer guide, "Using IAM policy conditions for fine-grained access control".
    name = make_table()
    condition = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["mine"]}}
    mine = user(
        {
            "Effect": "Allow",
            "Action": "dynamodb:*",
            "Resource": f"arn:aws:dynamodb:*:*:table/{name}",
            "Condition": condition,
        }
    )
    mine.put_item(TableName=name, Item={"id": {"S": "mine"}})
    mine.get_item(TableName=name, Key={"id": {"S": "mine"}})
    values = {":v": {"S": "mine"}}
    query = {"KeyConditionExpression": "id = :v", "ExpressionAttributeValues": values}
    assert mine.query(TableName=name, **query)["Count"] == 1
    mine.batch_get_item(RequestItems={name: {"Keys": [{"id": {"S": "mine"}}]}})
    mine.transact_write_items(
        TransactItems=[{"Put": {"TableName": name, "Item": {"id": {"S": "mine"}}}}]
    )
    refused = [
        lambda: mine.put_item(TableName=name, Item={"id": {"S": "other"}}),
        lambda: mine.get_item(TableName=name, Key={"id": {"S": "other"}}),
        lambda: mine.batch_get_item(RequestItems={name: {"Keys": [{"id": {"S": "other"}}]}}),
        lambda: mine.batch_write_item(
            RequestItems={name: [{"PutRequest": {"Item": {"id": {"S": "other"}}}}]}
        ),
        lambda: mine.transact_write_items(
            TransactItems=[{"Put": {"TableName": name, "Item": {"id": {"S": "other"}}}}]
        ),
        lambda: mine.transact_get_items(
            TransactItems=[{"Get": {"TableName": name, "Key": {"id": {"S": "other"}}}}]
        ),
    ]
    for call in refused:
        with aws_error("AccessDeniedException", http_status=400):
            call()


def test_an_index_is_a_resource_of_its_own(user, make_table):
    name = make_table(GlobalSecondaryIndexes=[index("other", "id")])
    table = f"arn:aws:dynamodb:*:*:table/{name}"
    only_index = user({"Effect": "Allow", "Action": "dynamodb:Scan", "Resource": f"{table}/index/*"})
    assert only_index.scan(TableName=name, IndexName="other")["Count"] == 0
    with aws_error("AccessDeniedException"):
        only_index.scan(TableName=name)


@covers("dynamodb", "DescribeLimits")
@covers("dynamodb", "DescribeEndpoints")
def test_limits_and_endpoints(ddb, virga):
    limits = ddb.describe_limits()
    assert limits["TableMaxReadCapacityUnits"] == 40000
    endpoint = ddb.describe_endpoints()["Endpoints"][0]
    assert virga.endpoint.endswith(endpoint["Address"])


@covers("dynamodb", "UpdateContributorInsights")
@covers("dynamodb", "DescribeContributorInsights")
@covers("dynamodb", "ListContributorInsights")
def test_contributor_insights_are_kept(ddb, make_table):
    name = make_table(range="sort")
    assert (
        ddb.describe_contributor_insights(TableName=name)["ContributorInsightsStatus"]
        == "DISABLED"
    )
    ddb.update_contributor_insights(TableName=name, ContributorInsightsAction="ENABLE")
    shown = ddb.describe_contributor_insights(TableName=name)
    assert shown["ContributorInsightsStatus"] == "ENABLED"
    assert len(shown["ContributorInsightsRuleList"]) == 4
    summaries = ddb.list_contributor_insights()["ContributorInsightsSummaries"]
    assert [one["TableName"] for one in summaries] == [name]
    ddb.update_contributor_insights(TableName=name, ContributorInsightsAction="DISABLE")
    assert ddb.list_contributor_insights(TableName=name)["ContributorInsightsSummaries"] == []


@covers("dynamodb", "UpdateContributorInsights", error="ResourceNotFoundException")
@covers("dynamodb", "DescribeContributorInsights", error="ResourceNotFoundException")
@covers("dynamodb", "ListContributorInsights", error="ResourceNotFoundException")
def test_contributor_insights_of_nothing(ddb, make_table):
    name = make_table()
    with aws_error("ResourceNotFoundException"):
        ddb.update_contributor_insights(
            TableName=name, IndexName="missing", ContributorInsightsAction="ENABLE"
        )
    with aws_error("ResourceNotFoundException"):
        ddb.describe_contributor_insights(TableName="missing")
    with aws_error("ResourceNotFoundException"):
        ddb.list_contributor_insights(TableName="missing")


@covers("dynamodb", "EnableKinesisStreamingDestination")
@covers("dynamodb", "EnableKinesisStreamingDestination", error="ResourceNotFoundException")
@covers("dynamodb", "DisableKinesisStreamingDestination")
@covers("dynamodb", "DisableKinesisStreamingDestination", error="ResourceNotFoundException")
@covers("dynamodb", "UpdateKinesisStreamingDestination")
@covers("dynamodb", "UpdateKinesisStreamingDestination", error="ResourceNotFoundException")
@covers("dynamodb", "DescribeKinesisStreamingDestination")
@covers("dynamodb", "DescribeKinesisStreamingDestination", error="ResourceNotFoundException")
def test_kinesis_destinations_are_kept(ddb, account, region, make_table):
    name = make_table()
    to = {"TableName": name, "StreamArn": f"arn:aws:kinesis:{region}:{account}:stream/s"}
    assert ddb.enable_kinesis_streaming_destination(**to)["DestinationStatus"] == "ENABLING"
    with aws_error("ValidationException", match="must be DISABLED or ENABLE_FAILED"):
        ddb.enable_kinesis_streaming_destination(**to)
    precision = {"ApproximateCreationDateTimePrecision": "MICROSECOND"}
    ddb.update_kinesis_streaming_destination(
        **to, UpdateKinesisStreamingConfiguration=precision
    )
    shown = ddb.describe_kinesis_streaming_destination(TableName=name)
    assert shown["KinesisDataStreamDestinations"] == [
        {"StreamArn": to["StreamArn"], "DestinationStatus": "ACTIVE", **precision}
    ]
    ddb.disable_kinesis_streaming_destination(**to)
    with aws_error("ValidationException", match="must be ACTIVE to perform DISABLE"):
        ddb.disable_kinesis_streaming_destination(**to)
    missing = {**to, "TableName": "missing"}
    for call in (
        ddb.enable_kinesis_streaming_destination,
        ddb.disable_kinesis_streaming_destination,
        ddb.update_kinesis_streaming_destination,
    ):
        with aws_error("ResourceNotFoundException"):
            call(**missing)


@covers("dynamodb", "UpdateTable")
def test_a_global_table(client, ddb, make_table, wait_active):
    europe = client("dynamodb", region="eu-west-1")
    name = make_table(GlobalSecondaryIndexes=[index("other", "id")])
    for number in range(120):
        ddb.put_item(TableName=name, Item={"id": {"S": f"before{number}"}})
    ddb.update_table(
        TableName=name, ReplicaUpdates=[{"Create": {"RegionName": "eu-west-1"}}]
    )
    table = wait_active(name)
    wait_active(name, client=europe)
    assert table["GlobalTableVersion"] == "2019.11.21"
    assert [replica["RegionName"] for replica in table["Replicas"]] == ["eu-west-1"]
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert europe.scan(TableName=name)["Count"] == 120
    europe.put_item(TableName=name, Item={"id": {"S": "there"}})
    assert "Item" in ddb.get_item(TableName=name, Key={"id": {"S": "there"}})
    ddb.delete_item(TableName=name, Key={"id": {"S": "there"}})
    assert "Item" not in europe.get_item(TableName=name, Key={"id": {"S": "there"}})
    assert europe.scan(TableName=name, IndexName="other")["Count"] == 120
    # An index made here is made there, too.
    ddb.update_table(
        TableName=name,
        AttributeDefinitions=attributes(x="S"),
        GlobalSecondaryIndexUpdates=[{"Create": index("by-x", "x")}],
    )
    wait_active(name)
    assert "by-x" in [
        one["IndexName"] for one in wait_active(name, client=europe)["GlobalSecondaryIndexes"]
    ]
    with aws_error("ValidationException"):
        ddb.update_table(
            TableName=name, ReplicaUpdates=[{"Create": {"RegionName": "eu-west-1"}}]
        )
    ddb.update_table(
        TableName=name, ReplicaUpdates=[{"Delete": {"RegionName": "eu-west-1"}}]
    )
    assert "Replicas" not in wait_active(name)
    until(lambda: name not in europe.list_tables()["TableNames"])
    ddb.put_item(TableName=name, Item={"id": {"S": "alone"}})


@covers("dynamodb", "CreateTable")
def test_the_cli_knows_tables(aws, unique):
    name = unique("table")
    aws(
        "dynamodb", "create-table", "--table-name", name,
        "--attribute-definitions", "AttributeName=id,AttributeType=S",
        "--key-schema", "AttributeName=id,KeyType=HASH",
        "--billing-mode", "PAY_PER_REQUEST",
    )
    aws("dynamodb", "wait", "table-exists", "--table-name", name)
    aws("dynamodb", "put-item", "--table-name", name, "--item", '{"id": {"S": "x"}}')
    got = aws("dynamodb", "get-item", "--table-name", name, "--key", '{"id": {"S": "x"}}')
    assert got.json["Item"] == {"id": {"S": "x"}}
