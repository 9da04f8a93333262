"""Who may do what with items: actions, condition keys, transactions, PartiQL.

AWS: "Actions, resources, and condition keys for Amazon DynamoDB" (service authorization reference);
"IAM security policies with PartiQL for DynamoDB" (developer guide).
"""

import json

import pytest
from harness import aws_error

KEY = {"pk": {"S": "mine"}}
OTHER = {"pk": {"S": "other"}}


@pytest.fixture
def table(new_table):
    return new_table("pk")


@pytest.fixture
def user(client, unique, account, table):
    """user(statement, ...) -> a client of DynamoDB whose user has that policy; "$" in resources is
    the table's ARN."""

    def make(*statements):
        iam = client("iam")
        name = unique("user")
        iam.create_user(UserName=name)
        arn = f"arn:aws:dynamodb:us-east-1:{account}:table/{table}"
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_user_policy(
            UserName=name, PolicyName="policy", PolicyDocument=document.replace("$", arn)
        )
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return client(
            "dynamodb", access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"]
        )

    return make


def allow(*actions, **more):
    return {
        "Effect": "Allow",
        "Action": [f"dynamodb:{action}" for action in actions],
        "Resource": ["$", "$/index/*"],
        **more,
    }


def test_each_operation_needs_its_action(user, table):
    ddb = user(allow("PutItem"))
    ddb.put_item(TableName=table, Item=KEY)
    for call in (
        lambda: ddb.get_item(TableName=table, Key=KEY),
        lambda: ddb.update_item(TableName=table, Key=KEY),
        lambda: ddb.delete_item(TableName=table, Key=KEY),
        lambda: ddb.scan(TableName=table),
        lambda: ddb.query(
            TableName=table,
            KeyConditionExpression="pk = :p",
            ExpressionAttributeValues={":p": KEY["pk"]},
        ),
        lambda: ddb.batch_get_item(RequestItems={table: {"Keys": [KEY]}}),
        lambda: ddb.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": KEY}}]}),
        lambda: ddb.transact_get_items(
            TransactItems=[{"Get": {"TableName": table, "Key": KEY}}]
        ),
        lambda: ddb.execute_statement(Statement=f'SELECT * FROM "{table}"'),
    ):
        with aws_error("AccessDeniedException", match="is not authorized to perform"):
            call()


def test_a_transaction_needs_the_action_of_each_item(user, table):
    ddb = user(allow("PutItem", "DeleteItem"))
    put = {"Put": {"TableName": table, "Item": KEY}}
    ddb.transact_write_items(
        TransactItems=[put, {"Delete": {"TableName": table, "Key": OTHER}}]
    )
    check = {"TableName": table, "Key": OTHER, "ConditionExpression": "attribute_exists(pk)"}
    with aws_error("AccessDeniedException", match="dynamodb:ConditionCheckItem"):
        ddb.transact_write_items(TransactItems=[put, {"ConditionCheck": check}])


def test_leading_keys(user, table):
    # AWS: "Using IAM policy conditions for fine-grained access control".
    ddb = user(
        allow(
            "GetItem",
            "PutItem",
            "Query",
            "BatchGetItem",
            "PartiQLSelect",
            "PartiQLInsert",
            Condition={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["mine"]}},
        )
    )
    ddb.put_item(TableName=table, Item=KEY)
    assert ddb.get_item(TableName=table, Key=KEY)["Item"] == KEY
    name = f'"{table}"'
    ddb.execute_statement(Statement=f"SELECT * FROM {name} WHERE pk = 'mine'")
    for call in (
        lambda: ddb.put_item(TableName=table, Item=OTHER),
        lambda: ddb.get_item(TableName=table, Key=OTHER),
        lambda: ddb.batch_get_item(RequestItems={table: {"Keys": [KEY, OTHER]}}),
        lambda: ddb.query(
            TableName=table,
            KeyConditionExpression="pk = :p",
            ExpressionAttributeValues={":p": OTHER["pk"]},
        ),
        lambda: ddb.execute_statement(Statement=f"SELECT * FROM {name} WHERE pk = 'other'"),
        lambda: ddb.execute_statement(Statement=f"INSERT INTO {name} VALUE {{'pk': 'other'}}"),
    ):
        with aws_error("AccessDeniedException"):
            call()


def test_full_table_scans_can_be_denied(user, table):
    scans = {"Bool": {"dynamodb:FullTableScan": "true"}}
    ddb = user(
        allow("PartiQLSelect"), {**allow("PartiQLSelect"), "Effect": "Deny", "Condition": scans}
    )
    name = f'"{table}"'
    ddb.execute_statement(Statement=f"SELECT * FROM {name} WHERE pk = 'a'")
    for where in ("", " WHERE v = 1", " WHERE pk > 'a'", " WHERE pk = 'a' OR pk = 'b'"):
        with aws_error("AccessDeniedException"):
            ddb.execute_statement(Statement=f"SELECT * FROM {name}{where}")
