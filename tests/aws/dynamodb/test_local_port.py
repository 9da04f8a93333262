"""The second port: for clients of DynamoDB Local.

AWS: DynamoDB developer guide, "DynamoDB local usage notes": the access key and the region name the
database; the secret key is not looked at.
"""

import socket
import subprocess
import sys

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from harness import aws_error
from harness.server import clean_environment


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture
def local(new_server):
    """local(key, region) -> a client at the second port of a server."""
    port = free_port()
    server = new_server(dynamodb_port=port)

    def connect(key="fakeMyKeyId", region="us-west-2", service="dynamodb", secret="fakeSecret"):
        return boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name=region,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            config=Config(retries={"total_max_attempts": 1}),
        )

    connect.port = port
    connect.server = server
    return connect


def make(ddb, name="Music"):
    ddb.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
    )


def test_keys_and_regions_are_namespaces(local):
    make(local())
    local().put_item(TableName="Music", Item={"id": {"S": "x"}})
    # Another secret is the same client; another key or region is not.
    assert local(secret="other").scan(TableName="Music")["Count"] == 1
    assert local(key="other").list_tables()["TableNames"] == []
    assert local(region="eu-west-1").list_tables()["TableNames"] == []
    make(local(key="other"))
    assert local(key="other").scan(TableName="Music")["Count"] == 0
    # A key that would be an issued one at the main port is a namespace like any other.
    assert local(key="AKIAIOSFODNN7EXAMPLE").list_tables()["TableNames"] == []
    assert local(service="dynamodbstreams").list_streams()["Streams"] == []
    # Nobody is checked there, so nothing else is served there.
    with pytest.raises(ClientError, match="not served on this port"):
        local(service="sqs").list_queues()


def test_a_key_of_twelve_digits_is_that_account(local, client):
    make(local(key="123456789012"))
    main = client(
        "dynamodb", account="123456789012", region="us-west-2", server=local.server
    )
    assert main.list_tables()["TableNames"] == ["Music"]
    with aws_error("ResourceNotFoundException"):
        client("dynamodb", account="123456789013", server=local.server).describe_table(
            TableName="Music"
        )


def test_the_cli_as_the_guide_has_it(local):
    make(local())
    done = subprocess.run(
        [
            sys.executable, "-m", "awscli", "dynamodb", "list-tables",
            "--endpoint-url", f"http://localhost:{local.port}",
        ],
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment(
            AWS_ACCESS_KEY_ID="fakeMyKeyId",
            AWS_SECRET_ACCESS_KEY="fakeSecretAccessKey",
            AWS_DEFAULT_REGION="us-west-2",
        ),
    )
    assert done.returncode == 0, done.stderr
    assert "Music" in done.stdout
