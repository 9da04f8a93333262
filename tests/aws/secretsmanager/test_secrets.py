"""Secrets: create, read, update, delete and restore; versions and stages; lists."""

import datetime
import json
import re
import uuid

import pytest
from harness import Signer, aws_error, covers, exchange, until

MISSING = "Secrets Manager can't find the specified secret."
DELETED = ("You can't perform this operation on the secret because it was marked for deletion.")


@pytest.fixture
def secrets(client):
    return client("secretsmanager")


@pytest.fixture
def secret(secrets):
    return secrets.create_secret(Name="app/db", SecretString="one")


# --- create and read ---


@covers("secretsmanager", "CreateSecret")
@covers("secretsmanager", "GetSecretValue")
def test_a_secret_is_read_back(secrets, account):
    made = secrets.create_secret(Name="app/db", SecretString="hidden", Description="d",
                                 Tags=[{"Key": "a", "Value": "1"}])
    assert re.fullmatch(
        rf"arn:aws:secretsmanager:us-east-1:{account}:secret:app/db-[A-Za-z0-9]{{6}}", made["ARN"])
    got = secrets.get_secret_value(SecretId="app/db")
    assert (got["SecretString"], got["Name"], got["ARN"]) == ("hidden", "app/db", made["ARN"])
    assert (got["VersionId"], got["VersionStages"]) == (made["VersionId"], ["AWSCURRENT"])
    assert "SecretBinary" not in got
    for identity in (made["ARN"], made["ARN"][:-7]):  # complete and partial ARN
        assert secrets.get_secret_value(SecretId=identity)["SecretString"] == "hidden"


def test_the_cli_reads_secrets(aws):
    made = aws("secretsmanager", "create-secret", "--name", "cli", "--secret-string", "x").json
    assert aws("secretsmanager", "get-secret-value", "--secret-id",
               made["ARN"]).json["SecretString"] == "x"
    listed = aws("secretsmanager", "list-secrets").json["SecretList"]
    assert [s["Name"] for s in listed] == ["cli"]


def test_binary_secrets(secrets):
    secrets.create_secret(Name="b", SecretBinary=b"\x00\x01")
    got = secrets.get_secret_value(SecretId="b")
    assert got["SecretBinary"] == b"\x00\x01"
    assert "SecretString" not in got


def test_a_hyphen_and_six_characters_are_a_suffix(secrets):
    """Recorded on AWS 2022-09-28: the partial ARN of such a name is not found."""
    arn = secrets.create_secret(Name="Name-a1b2c3", SecretString="x")["ARN"]
    assert secrets.get_secret_value(SecretId="Name-a1b2c3")["SecretString"] == "x"
    assert secrets.get_secret_value(SecretId=arn)["SecretString"] == "x"
    with aws_error("ResourceNotFoundException", 400, MISSING):
        secrets.get_secret_value(SecretId=arn[:-7])


def test_creating_twice_with_one_token_is_once(secrets):
    token = str(uuid.uuid4())
    first = secrets.create_secret(Name="t", SecretString="x", ClientRequestToken=token)
    assert first["VersionId"] == token
    again = secrets.create_secret(Name="t", SecretString="x", ClientRequestToken=token)
    assert (again["ARN"], again["VersionId"]) == (first["ARN"], token)
    with aws_error("ResourceExistsException", 400,
                   "The operation failed because the secret t already exists."):
        secrets.create_secret(Name="t", SecretString="y", ClientRequestToken=token)


@covers("secretsmanager", "CreateSecret",
        error=["ValidationException", "ResourceExistsException", "InvalidParameterException",
               "InvalidRequestException", "EncryptionFailure"])
def test_create_refuses(secrets, secret):
    with aws_error("ValidationException", 400,
                   "Invalid name. Must be a valid name containing alphanumeric characters, or any "
                   "of the following: -/_+=.@!"):
        secrets.create_secret(Name="Inv Name")
    with aws_error("ResourceExistsException", 400,
                   "The operation failed because the secret app/db already exists."):
        secrets.create_secret(Name="app/db", SecretString="x")
    with aws_error("InvalidParameterException", 400,
                   "You can't specify both a binary secret value and a string secret value in the "
                   "same secret."):
        secrets.create_secret(Name="both", SecretString="x", SecretBinary=b"x")
    with aws_error("InvalidParameterException", 400):
        secrets.create_secret(Name="tags", Tags=[{"Key": str(i), "Value": ""} for i in range(51)])
    with aws_error("EncryptionFailure", 400):
        secrets.create_secret(Name="key", SecretString="x", KmsKeyId="alias/none")
    secrets.delete_secret(SecretId="app/db")
    with aws_error("InvalidRequestException", 400,
                   "You can't create this secret because a secret with this name is already "
                   "scheduled for deletion."):
        secrets.create_secret(Name="app/db", SecretString="x")


@covers("secretsmanager", "GetSecretValue",
        error=["ResourceNotFoundException", "InvalidRequestException", "DecryptionFailure"])
def test_reading_refuses(client, secrets, secret):
    with aws_error("ResourceNotFoundException", 400, MISSING):
        secrets.get_secret_value(SecretId="none")
    with aws_error("ResourceNotFoundException", 400,
                   "Secrets Manager can't find the specified secret value for staging label: X"):
        secrets.get_secret_value(SecretId="app/db", VersionStage="X")
    other = str(uuid.uuid4())
    with aws_error("ResourceNotFoundException", 400,
                   f"Secrets Manager can't find the specified secret value for VersionId: {other}"):
        secrets.get_secret_value(SecretId="app/db", VersionId=other)
    with aws_error("InvalidRequestException", 400,
                   "You provided a VersionStage that is not associated to the provided VersionId."):
        secrets.get_secret_value(SecretId="app/db", VersionId=secret["VersionId"],
                                 VersionStage="AWSPENDING")
    secrets.create_secret(Name="empty")
    with aws_error("ResourceNotFoundException", 400,
                   "Secrets Manager can't find the specified secret value for staging label: "
                   "AWSCURRENT"):
        secrets.get_secret_value(SecretId="empty")
    kms = client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    secrets.create_secret(Name="sealed", SecretString="x", KmsKeyId=key)
    kms.disable_key(KeyId=key)
    with aws_error("DecryptionFailure", 400):
        secrets.get_secret_value(SecretId="sealed")
    secrets.delete_secret(SecretId="app/db")
    with aws_error("InvalidRequestException", 400, DELETED):
        secrets.get_secret_value(SecretId="app/db")


@covers("secretsmanager", "DescribeSecret")
@covers("secretsmanager", "DescribeSecret", error="ResourceNotFoundException")
def test_description(secrets, secret):
    secrets.get_secret_value(SecretId="app/db")
    got = secrets.describe_secret(SecretId="app/db")
    assert got["VersionIdsToStages"] == {secret["VersionId"]: ["AWSCURRENT"]}
    assert got["LastAccessedDate"].time() == datetime.time(0)  # AWS: truncated to the day
    assert "KmsKeyId" not in got and "DeletedDate" not in got and "RotationEnabled" not in got
    with aws_error("ResourceNotFoundException", 400, MISSING):
        secrets.describe_secret(SecretId="none")


# --- versions and stages ---


@covers("secretsmanager", "PutSecretValue")
def test_stages_move(secrets, secret):
    one = secret["VersionId"]
    two = secrets.put_secret_value(SecretId="app/db", SecretString="two")
    assert two["VersionStages"] == ["AWSCURRENT"]
    stages = secrets.describe_secret(SecretId="app/db")["VersionIdsToStages"]
    assert stages == {one: ["AWSPREVIOUS"], two["VersionId"]: ["AWSCURRENT"]}
    three = secrets.put_secret_value(SecretId="app/db", SecretString="three")["VersionId"]
    stages = secrets.describe_secret(SecretId="app/db")["VersionIdsToStages"]
    assert stages == {two["VersionId"]: ["AWSPREVIOUS"], three: ["AWSCURRENT"]}
    previous = secrets.get_secret_value(SecretId="app/db", VersionStage="AWSPREVIOUS")
    assert previous["SecretString"] == "two"
    assert secrets.get_secret_value(SecretId="app/db", VersionId=one)["SecretString"] == "one"


def test_other_stages_leave_the_current_one(secrets, secret):
    """Recorded on AWS 2022-09-28."""
    pending = secrets.put_secret_value(SecretId="app/db", SecretString="p",
                                       VersionStages=["AWSPENDING", "MINE"])
    assert pending["VersionStages"] == ["AWSPENDING", "MINE"]
    assert secrets.get_secret_value(SecretId="app/db")["SecretString"] == "one"
    secrets.put_secret_value(SecretId="app/db", SecretString="q", VersionStages=["MINE"])
    got = secrets.get_secret_value(SecretId="app/db", VersionStage="MINE")
    assert got["SecretString"] == "q"


def test_the_first_version_is_current(secrets):
    secrets.create_secret(Name="empty")
    made = secrets.put_secret_value(SecretId="empty", SecretString="x", VersionStages=["MINE"])
    assert sorted(made["VersionStages"]) == ["AWSCURRENT", "MINE"]


def test_a_token_is_used_once(secrets, secret):
    token = str(uuid.uuid4())
    for _ in range(2):
        made = secrets.put_secret_value(SecretId="app/db", SecretString="x",
                                        ClientRequestToken=token)
        assert made["VersionId"] == token
    with aws_error("ResourceExistsException", 400,
                   f"You can't use ClientRequestToken {token} because that value is already in use "
                   f"for a version of secret {secret['ARN']}."):
        secrets.put_secret_value(SecretId="app/db", SecretString="y", ClientRequestToken=token)


@covers("secretsmanager", "PutSecretValue",
        error=["ResourceNotFoundException", "InvalidParameterException", "InvalidRequestException",
               "ResourceExistsException", "LimitExceededException"])
def test_putting_refuses(secrets, secret):
    with aws_error("ResourceNotFoundException", 400, MISSING):
        secrets.put_secret_value(SecretId="none", SecretString="x")
    with aws_error("InvalidRequestException", 400,
                   "You must provide either SecretString or SecretBinary."):
        secrets.put_secret_value(SecretId="app/db")
    with aws_error("InvalidParameterException", 400):
        secrets.put_secret_value(SecretId="app/db", SecretString="x", SecretBinary=b"x")
    secrets.put_secret_value(SecretId="app/db", SecretString="x",
                             VersionStages=[f"S{i}" for i in range(18)])
    with aws_error("LimitExceededException", 400):
        secrets.put_secret_value(SecretId="app/db", SecretString="x",
                                 VersionStages=["A", "B", "C"])
    secrets.delete_secret(SecretId="app/db")
    with aws_error("InvalidRequestException", 400, DELETED):
        secrets.put_secret_value(SecretId="app/db", SecretString="x")


@covers("secretsmanager", "UpdateSecret")
def test_update(client, secrets, secret):
    done = secrets.update_secret(SecretId="app/db", Description="new")
    assert "VersionId" not in done  # recorded on AWS 2022-09-28
    key = client("kms").create_key()["KeyMetadata"]["Arn"]
    done = secrets.update_secret(SecretId="app/db", SecretString="two", KmsKeyId=key)
    got = secrets.describe_secret(SecretId="app/db")
    assert (got["Description"], got["KmsKeyId"]) == ("new", key)
    assert got["VersionIdsToStages"] == {
        secret["VersionId"]: ["AWSPREVIOUS"], done["VersionId"]: ["AWSCURRENT"]}
    versions = secrets.list_secret_version_ids(SecretId="app/db")["Versions"]
    assert [v["KmsKeyIds"] for v in versions] == [[key], [key]]
    assert secrets.get_secret_value(SecretId="app/db")["SecretString"] == "two"


@covers("secretsmanager", "UpdateSecret",
        error=["ResourceNotFoundException", "InvalidParameterException", "InvalidRequestException",
               "ResourceExistsException", "EncryptionFailure"])
def test_update_refuses(secrets, secret):
    with aws_error("ResourceNotFoundException", 400, MISSING):
        secrets.update_secret(SecretId="none", Description="x")
    with aws_error("InvalidParameterException", 400):
        secrets.update_secret(SecretId="app/db", SecretString="x", SecretBinary=b"x")
    with aws_error("ResourceExistsException", 400):
        secrets.update_secret(SecretId="app/db", SecretString="x",
                              ClientRequestToken=secret["VersionId"])
    with aws_error("EncryptionFailure", 400):
        secrets.update_secret(SecretId="app/db", KmsKeyId="alias/none")
    secrets.delete_secret(SecretId="app/db")
    with aws_error("InvalidRequestException", 400, DELETED):
        secrets.update_secret(SecretId="app/db", Description="x")


@covers("secretsmanager", "CreateSecret", error="InvalidRequestException")
@pytest.mark.parametrize("operation, code", [
    ("CreateSecret", "InvalidRequestException"), ("UpdateSecret", "InvalidRequestException"),
    ("PutSecretValue", "InvalidRequestException"), ("RotateSecret", "InvalidParameterException")])
def test_a_token_must_be_there(virga, account, secret, operation, code):
    """Recorded on AWS 2023-05-12; the SDKs always send one, so this is by hand."""
    body = json.dumps({"Name": "x"} if operation == "CreateSecret" else {"SecretId": "app/db"})
    headers = {"X-Amz-Target": f"secretsmanager.{operation}",
               "Content-Type": "application/x-amz-json-1.1"}
    signer = Signer(account, service="secretsmanager")
    signed = signer.headers(f"127.0.0.1:{virga.port}", body=body.encode(), headers=headers)
    answer = exchange(virga, "POST", "/", signed, body.encode())
    assert answer.status == 400
    assert answer.error() == (
        code, "You must provide a ClientRequestToken value. We recommend a UUID-type value.")


@covers("secretsmanager", "UpdateSecretVersionStage")
def test_stages_are_moved_by_hand(secrets, secret):
    one = secret["VersionId"]
    two = secrets.put_secret_value(SecretId="app/db", SecretString="two")["VersionId"]
    secrets.update_secret_version_stage(SecretId="app/db", VersionStage="AWSCURRENT",
                                        MoveToVersionId=one, RemoveFromVersionId=two)
    stages = secrets.describe_secret(SecretId="app/db")["VersionIdsToStages"]
    assert stages == {one: ["AWSCURRENT"], two: ["AWSPREVIOUS"]}
    secrets.update_secret_version_stage(SecretId="app/db", VersionStage="X", MoveToVersionId=one)
    secrets.update_secret_version_stage(SecretId="app/db", VersionStage="X",
                                        RemoveFromVersionId=one)
    stages = secrets.describe_secret(SecretId="app/db")["VersionIdsToStages"]
    assert stages == {one: ["AWSCURRENT"], two: ["AWSPREVIOUS"]}


@covers("secretsmanager", "UpdateSecretVersionStage",
        error=["ResourceNotFoundException", "InvalidParameterException", "InvalidRequestException",
               "LimitExceededException"])
def test_moving_stages_refuses(secrets, secret):
    one = secret["VersionId"]
    two = secrets.put_secret_value(SecretId="app/db", SecretString="two")["VersionId"]

    def move(**more):
        more.setdefault("SecretId", "app/db")
        return secrets.update_secret_version_stage(**more)

    with aws_error("ResourceNotFoundException", 400, MISSING):
        move(SecretId="none", VersionStage="X", MoveToVersionId=one)
    with aws_error("InvalidParameterException", 400,
                   "The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT is "
                   f"currently attached to version {two}, so you must explicitly reference that "
                   "version in RemoveFromVersionId."):
        move(VersionStage="AWSCURRENT", MoveToVersionId=one)
    with aws_error("InvalidParameterException", 400,
                   "You can only move staging label AWSCURRENT to a different secret version. It "
                   "can't be completely removed."):
        move(VersionStage="AWSCURRENT", RemoveFromVersionId=two)
    other = str(uuid.uuid4())
    with aws_error("InvalidParameterException", 400, f"Not a valid version: '{other}'"):
        move(VersionStage="X", MoveToVersionId=other)
    for i in range(18):
        move(VersionStage=f"S{i}", MoveToVersionId=one)
    with aws_error("LimitExceededException", 400):
        move(VersionStage="one-more", MoveToVersionId=one)
    secrets.delete_secret(SecretId="app/db")
    with aws_error("InvalidRequestException", 400, DELETED):
        move(VersionStage="X", MoveToVersionId=one)


@covers("secretsmanager", "ListSecretVersionIds")
@covers("secretsmanager", "ListSecretVersionIds",
        error=["ResourceNotFoundException", "InvalidNextTokenException"])
def test_versions_are_listed(secrets, secret):
    for value in ("two", "three"):
        secrets.put_secret_value(SecretId="app/db", SecretString=value)
    got = secrets.list_secret_version_ids(SecretId="app/db")
    assert (got["ARN"], got["Name"]) == (secret["ARN"], "app/db")
    assert [v["VersionStages"] for v in got["Versions"]] == [["AWSPREVIOUS"], ["AWSCURRENT"]]
    assert got["Versions"][0]["KmsKeyIds"] == ["DefaultEncryptionKey"]
    everything = secrets.list_secret_version_ids(SecretId="app/db", IncludeDeprecated=True)
    assert len(everything["Versions"]) == 3
    page = secrets.list_secret_version_ids(SecretId="app/db", IncludeDeprecated=True, MaxResults=2)
    rest = secrets.list_secret_version_ids(SecretId="app/db", IncludeDeprecated=True, MaxResults=2,
                                           NextToken=page["NextToken"])
    assert len(page["Versions"]) == 2 and len(rest["Versions"]) == 1
    with aws_error("InvalidNextTokenException", 400):
        secrets.list_secret_version_ids(SecretId="app/db", NextToken="x")
    with aws_error("ResourceNotFoundException", 400, MISSING):
        secrets.list_secret_version_ids(SecretId="none")


def test_deprecated_versions_go(secrets, secret):
    for value in range(110):
        secrets.put_secret_value(SecretId="app/db", SecretString=str(value))
    everything = secrets.list_secret_version_ids(SecretId="app/db", IncludeDeprecated=True,
                                                 MaxResults=100)
    assert len(everything["Versions"]) == 100
    assert secrets.get_secret_value(SecretId="app/db")["SecretString"] == "109"


# --- deletion ---


@covers("secretsmanager", "DeleteSecret")
@covers("secretsmanager", "RestoreSecret")
def test_deletion_has_a_window(secrets, secret, clock):
    done = secrets.delete_secret(SecretId="app/db", RecoveryWindowInDays=7)
    left = done["DeletionDate"] - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(days=6.9) < left < datetime.timedelta(days=7.1)
    assert secrets.describe_secret(SecretId="app/db")["DeletedDate"]
    assert secrets.list_secrets()["SecretList"] == []
    assert len(secrets.list_secrets(IncludePlannedDeletion=True)["SecretList"]) == 1
    secrets.restore_secret(SecretId="app/db")
    assert secrets.get_secret_value(SecretId="app/db")["SecretString"] == "one"
    secrets.delete_secret(SecretId="app/db", RecoveryWindowInDays=10)
    clock.advance("192h")  # eight days: the first window would be over
    assert secrets.describe_secret(SecretId="app/db")["DeletedDate"]
    clock.advance("72h")
    until(lambda: secrets.list_secrets(IncludePlannedDeletion=True)["SecretList"] == [])
    secrets.create_secret(Name="app/db", SecretString="anew")


def test_deletion_at_once(secrets, secret):
    secrets.delete_secret(SecretId="app/db", ForceDeleteWithoutRecovery=True)
    with aws_error("ResourceNotFoundException", 400, MISSING):
        secrets.describe_secret(SecretId="app/db")
    again = secrets.create_secret(Name="app/db", SecretString="x")
    assert again["ARN"] != secret["ARN"]
    secrets.delete_secret(SecretId="never-was", ForceDeleteWithoutRecovery=True)  # AWS: no error


@covers("secretsmanager", "DeleteSecret",
        error=["ResourceNotFoundException", "InvalidParameterException",
               "InvalidRequestException"])
@covers("secretsmanager", "RestoreSecret", error="ResourceNotFoundException")
def test_deletion_refuses(secrets, secret):
    with aws_error("ResourceNotFoundException", 400, MISSING):
        secrets.delete_secret(SecretId="none")
    for days in (6, 31):
        with aws_error("InvalidParameterException", 400,
                       "The RecoveryWindowInDays value must be between 7 and 30 days "
                       "(inclusive)."):
            secrets.delete_secret(SecretId="app/db", RecoveryWindowInDays=days)
    with aws_error("InvalidParameterException", 400,
                   "You can't use ForceDeleteWithoutRecovery in conjunction with "
                   "RecoveryWindowInDays."):
        secrets.delete_secret(SecretId="app/db", RecoveryWindowInDays=7,
                              ForceDeleteWithoutRecovery=True)
    secrets.delete_secret(SecretId="app/db")
    with aws_error("InvalidRequestException", 400):
        secrets.delete_secret(SecretId="app/db")
    with aws_error("ResourceNotFoundException", 400, MISSING):
        secrets.restore_secret(SecretId="none")


# --- lists ---


@pytest.fixture
def three(secrets):
    secrets.create_secret(Name="prod/db", SecretString="1", Description="Main database",
                          Tags=[{"Key": "team", "Value": "core"}])
    secrets.create_secret(Name="prod/api", SecretString="2", Tags=[{"Key": "Team", "Value": "web"}])
    secrets.create_secret(Name="test/db", SecretString="3")
    return secrets


@covers("secretsmanager", "ListSecrets")
@pytest.mark.parametrize("filters, expected", [
    ([], ["prod/db", "prod/api", "test/db"]),
    ([{"Key": "name", "Values": ["prod/"]}], ["prod/db", "prod/api"]),
    ([{"Key": "name", "Values": ["Prod"]}], []),
    ([{"Key": "name", "Values": ["!prod"]}], ["test/db"]),
    ([{"Key": "name", "Values": ["test", "prod/a"]}], ["prod/api", "test/db"]),
    ([{"Key": "description", "Values": ["main"]}], ["prod/db"]),
    ([{"Key": "tag-key", "Values": ["team"]}], ["prod/db"]),
    ([{"Key": "tag-value", "Values": ["web"]}], ["prod/api"]),
    ([{"Key": "all", "Values": ["DATABASE"]}], ["prod/db"]),
    ([{"Key": "all", "Values": ["db prod"]}], ["prod/db"]),
    ([{"Key": "name", "Values": ["prod"]}, {"Key": "tag-value", "Values": ["core"]}], ["prod/db"]),
    ([{"Key": "owning-service", "Values": ["rds"]}], []),
])
def test_filters(three, filters, expected):
    found = three.list_secrets(Filters=filters)["SecretList"]
    assert sorted(s["Name"] for s in found) == sorted(expected)


def test_sorting_and_pages(three):
    for order, expected in (("asc", ["prod/api", "prod/db", "test/db"]),
                            ("desc", ["test/db", "prod/db", "prod/api"])):
        found, token = [], None
        while True:
            page = three.list_secrets(SortBy="name", SortOrder=order, MaxResults=1,
                                      **({"NextToken": token} if token else {}))
            found += [s["Name"] for s in page["SecretList"]]
            token = page.get("NextToken")
            if not token:
                break
        assert found == expected
    for key in ("created-date", "last-changed-date", "last-accessed-date"):
        pages = []
        token = None
        while True:
            page = three.list_secrets(SortBy=key, MaxResults=2,
                                      **({"NextToken": token} if token else {}))
            pages += [s["Name"] for s in page["SecretList"]]
            token = page.get("NextToken")
            if not token:
                break
        assert sorted(pages) == ["prod/api", "prod/db", "test/db"]
    entry = three.list_secrets(SortBy="name")["SecretList"][1]
    assert entry["Description"] == "Main database"
    assert list(entry["SecretVersionsToStages"].values()) == [["AWSCURRENT"]]


@covers("secretsmanager", "ListSecrets",
        error=["InvalidNextTokenException", "InvalidParameterException"])
def test_lists_refuse(secrets):
    with aws_error("InvalidNextTokenException", 400):
        secrets.list_secrets(NextToken="x")
    with aws_error("InvalidParameterException", 400, "Invalid filter values for key: name"):
        secrets.list_secrets(Filters=[{"Key": "name"}])


@covers("secretsmanager", "BatchGetSecretValue")
def test_batches(three):
    got = three.batch_get_secret_value(SecretIdList=["prod/db", "none", "test/db"])
    assert [(s["Name"], s["SecretString"]) for s in got["SecretValues"]] == [
        ("prod/db", "1"), ("test/db", "3")]
    assert got["Errors"] == [{"SecretId": "none", "ErrorCode": "ResourceNotFoundException",
                              "Message": MISSING}]
    page = three.batch_get_secret_value(Filters=[{"Key": "name", "Values": ["prod"]}],
                                        MaxResults=1)
    rest = three.batch_get_secret_value(Filters=[{"Key": "name", "Values": ["prod"]}],
                                        MaxResults=1, NextToken=page["NextToken"])
    values = page["SecretValues"] + rest["SecretValues"]
    assert sorted(s["SecretString"] for s in values) == ["1", "2"]


@covers("secretsmanager", "BatchGetSecretValue",
        error=["InvalidParameterException", "InvalidNextTokenException"])
def test_batches_refuse(secrets):
    text = "Either 'SecretIdList' or 'Filters' must be provided, but not both."
    with aws_error("InvalidParameterException", 400, text):
        secrets.batch_get_secret_value()
    with aws_error("InvalidParameterException", 400, text):
        secrets.batch_get_secret_value(SecretIdList=["x"],
                                       Filters=[{"Key": "name", "Values": ["x"]}])
    with aws_error("InvalidParameterException", 400, "'Filters' not specified in the request."):
        secrets.batch_get_secret_value(SecretIdList=["x"], MaxResults=1)
    with aws_error("InvalidNextTokenException", 400):
        secrets.batch_get_secret_value(Filters=[{"Key": "name", "Values": ["x"]}], NextToken="x")


# --- tags ---


@covers("secretsmanager", "TagResource")
@covers("secretsmanager", "UntagResource")
def test_tags(secrets, secret):
    secrets.tag_resource(SecretId="app/db", Tags=[{"Key": "a", "Value": "1"},
                                                  {"Key": "b", "Value": "2"}])
    secrets.untag_resource(SecretId="app/db", TagKeys=["a", "none"])
    assert secrets.describe_secret(SecretId="app/db")["Tags"] == [{"Key": "b", "Value": "2"}]


@covers("secretsmanager", "TagResource",
        error=["ResourceNotFoundException", "InvalidParameterException", "InvalidRequestException"])
@covers("secretsmanager", "UntagResource",
        error=["ResourceNotFoundException", "InvalidRequestException"])
def test_tags_refuse(secrets, secret):
    with aws_error("ResourceNotFoundException", 400, MISSING):
        secrets.tag_resource(SecretId="none", Tags=[{"Key": "a", "Value": "1"}])
    with aws_error("ResourceNotFoundException", 400, MISSING):
        secrets.untag_resource(SecretId="none", TagKeys=["a"])
    with aws_error("InvalidRequestException", 400):
        secrets.tag_resource(SecretId="app/db", Tags=[{"Key": "aws:a", "Value": "1"}])
    with aws_error("InvalidParameterException", 400):
        secrets.tag_resource(SecretId="app/db",
                             Tags=[{"Key": f"{i}", "Value": "1"} for i in range(51)])
    secrets.delete_secret(SecretId="app/db")
    with aws_error("InvalidRequestException", 400, DELETED):
        secrets.untag_resource(SecretId="app/db", TagKeys=["a"])


# --- passwords ---


@covers("secretsmanager", "GetRandomPassword")
def test_passwords(secrets):
    text = secrets.get_random_password()["RandomPassword"]
    assert len(text) == 32
    assert re.search("[a-z]", text) and re.search("[A-Z]", text) and re.search("[0-9]", text)
    assert re.search(r"[^a-zA-Z0-9 ]", text)
    assert text != secrets.get_random_password()["RandomPassword"]
    text = secrets.get_random_password(
        PasswordLength=200, ExcludePunctuation=True, ExcludeUppercase=True, ExcludeLowercase=True,
        ExcludeCharacters="01234", IncludeSpace=True)["RandomPassword"]
    assert set(text) == set("56789 ")
    text = secrets.get_random_password(
        PasswordLength=1, RequireEachIncludedType=False)["RandomPassword"]
    assert len(text) == 1


@covers("secretsmanager", "GetRandomPassword", error="InvalidParameterException")
def test_passwords_refuse(secrets):
    with aws_error("InvalidParameterException", 400,
                   "Password length 3 is too short based on the required types."):
        secrets.get_random_password(PasswordLength=3)
    with aws_error("InvalidParameterException", 400):
        secrets.get_random_password(ExcludePunctuation=True, ExcludeUppercase=True,
                                    ExcludeLowercase=True, ExcludeNumbers=True)
