"""Parameter Store: writing, reading, versions, labels, tags, and what it refuses."""

import base64
import json

import pytest
from harness import aws_error, covers


@pytest.fixture
def ssm(client):
    return client("ssm")


def put(ssm, name="/app/db", value="v", **more):
    more.setdefault("Type", "String")
    return ssm.put_parameter(Name=name, Value=value, **more)


# --- writing and reading ---


@covers("ssm", "PutParameter")
@covers("ssm", "GetParameter")
def test_a_parameter_is_read_back(ssm, account):
    made = put(ssm, "/app/db", "one", Description="a database")
    assert (made["Version"], made["Tier"]) == (1, "Standard")
    got = ssm.get_parameter(Name="/app/db")["Parameter"]
    assert got["Name"] == "/app/db"
    assert (got["Type"], got["Value"], got["Version"]) == ("String", "one", 1)
    assert got["ARN"] == f"arn:aws:ssm:us-east-1:{account}:parameter/app/db"
    assert got["DataType"] == "text"
    assert "Selector" not in got
    # Recorded on AWS 2024-07-16: by ARN, a parameter has its own name.
    assert ssm.get_parameter(Name=got["ARN"])["Parameter"]["Name"] == "/app/db"


def test_the_cli_puts_and_gets(aws):
    aws("ssm", "put-parameter", "--name", "/cli/x", "--value", "from the cli", "--type", "String")
    got = aws("ssm", "get-parameter", "--name", "/cli/x").json["Parameter"]
    assert got["Value"] == "from the cli"
    listed = aws("ssm", "describe-parameters").json["Parameters"]
    assert [p["Name"] for p in listed] == ["/cli/x"]


def test_a_slash_in_front_makes_no_difference_at_the_top(ssm):
    """Recorded on AWS: "name" is answered for "/name", and has the name that was asked for."""
    put(ssm, "top", "1")
    assert ssm.get_parameter(Name="/top")["Parameter"]["Name"] == "/top"
    assert ssm.get_parameter(Name="top")["Parameter"]["Name"] == "top"
    assert ssm.get_parameter(Name="top")["Parameter"]["ARN"].endswith(":parameter/top")
    assert ssm.get_parameters(Names=["/top"])["Parameters"][0]["Name"] == "/top"


def test_overwriting_makes_a_version(ssm):
    put(ssm, value="1", Description="kept")
    assert put(ssm, value="2", Overwrite=True)["Version"] == 2
    assert ssm.get_parameter(Name="/app/db")["Parameter"]["Value"] == "2"
    old = ssm.get_parameter(Name="/app/db:1")["Parameter"]
    assert (old["Value"], old["Selector"], old["Version"], old["Name"]) == ("1", ":1", 1, "/app/db")
    assert ssm.describe_parameters()["Parameters"][0]["Description"] == "kept"
    ssm.put_parameter(Name="/app/db", Value="3", Overwrite=True)  # the type stays
    assert ssm.get_parameter(Name="/app/db")["Parameter"]["Type"] == "String"


@covers("ssm", "PutParameter", error="ParameterAlreadyExists")
def test_a_parameter_exists_once(ssm):
    put(ssm)
    with aws_error("ParameterAlreadyExists", 400,
                   "The parameter already exists. To overwrite this value, set the overwrite "
                   "option in the request to true."):
        put(ssm)


@covers("ssm", "PutParameter", error="ValidationException")
@pytest.mark.parametrize("arguments, text", [
    ({"Name": "a/b"}, "Parameter name must be a fully qualified name."),
    ({"Name": "aws-x"}, 'Parameter name: can\'t be prefixed with "aws" or "ssm" '
                        "(case-insensitive)."),
    ({"Name": "/SSM/x"}, 'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If '
                         "formed as a path, it can consist of sub-paths divided by slash symbol; "
                         "each sub-path can be formed as a mix of letters, numbers and the "
                         "following 3 symbols .-_"),
    ({"Name": "/a//b"}, 'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If '
                        "formed as a path, it can consist of sub-paths divided by slash symbol; "
                        "each sub-path can be formed as a mix of letters, numbers and the "
                        "following 3 symbols .-_"),
    ({"DataType": "image"}, "The following data type is not supported: image (Data type names are "
                            "all lowercase.)"),
    ({"KeyId": "alias/aws/ssm"}, "KeyId is required for SecureString type parameter only."),
    ({"Overwrite": True, "Tags": [{"Key": "a", "Value": "b"}]},
     "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, "
     "please remove overwrite flag. To update tags for an existing parameter, please use "
     "AddTagsToResource or RemoveTagsFromResource."),
    ({"Value": "x" * 4097},
     "Standard tier parameters support a maximum parameter value of 4096 characters. To create a "
     "larger parameter value, upgrade the parameter to use the advanced-parameter tier. For more "
     "information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/"
     "parameter-store-advanced-parameters.html"),
    ({"Value": "x" * 8193, "Tier": "Advanced"},
     "Advanced tier parameters support a maximum parameter value of 8192 characters."),
])
def test_put_refuses(ssm, arguments, text):
    with aws_error("ValidationException", 400, text):
        put(ssm, arguments.pop("Name", "/x"), arguments.pop("Value", "v"), **arguments)


def test_a_type_is_needed_first(ssm):
    with aws_error("ValidationException", 400,
                   "A parameter type is required when you create a parameter."):
        ssm.put_parameter(Name="/x", Value="v")


def test_reserved_names(ssm):
    with aws_error("AccessDeniedException", 400,
                   "No access to reserved parameter name: /aws/service/x."):
        put(ssm, "/aws/service/x")


@covers("ssm", "PutParameter", error="HierarchyLevelLimitExceededException")
def test_fifteen_levels(ssm):
    put(ssm, "/a" * 15)
    with aws_error("HierarchyLevelLimitExceededException", 400):
        put(ssm, "/a" * 16)


@covers("ssm", "PutParameter", error="ParameterPatternMismatchException")
@covers("ssm", "PutParameter", error="InvalidAllowedPatternException")
def test_allowed_pattern(ssm):
    put(ssm, "/n", "12", AllowedPattern=r"^\d+$")
    with aws_error("ParameterPatternMismatchException", 400,
                   r"Parameter value, cannot be validated against allowedPattern: ^\d+$"):
        put(ssm, "/n", "x", AllowedPattern=r"^\d+$", Overwrite=True)
    with aws_error("InvalidAllowedPatternException", 400):
        put(ssm, "/m", "x", AllowedPattern="(")


def test_an_image_is_an_ami(ssm):
    put(ssm, "/img", "ami-0123456789abcdef0", DataType="aws:ec2:image")
    assert ssm.get_parameter(Name="/img")["Parameter"]["DataType"] == "aws:ec2:image"
    with aws_error("ValidationException"):
        put(ssm, "/img", "i-123", DataType="aws:ec2:image", Overwrite=True)


def test_tiers(ssm):
    assert put(ssm, "/a", "x" * 5000, Tier="Intelligent-Tiering")["Tier"] == "Advanced"
    assert put(ssm, "/b", "x", Tier="Intelligent-Tiering")["Tier"] == "Standard"
    assert put(ssm, "/b", "x", Tier="Advanced", Overwrite=True)["Tier"] == "Advanced"
    assert put(ssm, "/b", "y", Overwrite=True)["Tier"] == "Advanced"
    with aws_error("ValidationException", 400, match="You can't downgrade a parameter"):
        put(ssm, "/b", "x", Tier="Standard", Overwrite=True)


@covers("ssm", "GetParameter", error=["ParameterNotFound", "ParameterVersionNotFound"])
def test_what_is_not_there(ssm):
    with aws_error("ParameterNotFound", 400, "Parameter /none not found."):
        ssm.get_parameter(Name="/none")
    put(ssm, "test-2")
    with aws_error("ParameterVersionNotFound", 400,
                   "Systems Manager could not find version 2 of test-2. Verify the version and try "
                   "again."):
        ssm.get_parameter(Name="test-2:2")
    with aws_error("ParameterNotFound", 400, "Parameter test-3:2 not found."):
        ssm.get_parameter(Name="test-3:2")
    with aws_error("ParameterNotFound", 400, "Parameter test-2:2:3 not found."):
        ssm.get_parameter(Name="test-2:2:3")
    # Recorded on AWS: a name that cannot be is refused.
    for name in ("/a//b", "a/b/c"):
        with aws_error("ValidationException", match="sub-paths divided by slash symbol"):
            ssm.get_parameter(Name=name)


@covers("ssm", "GetParameters")
def test_several_at_once(ssm):
    put(ssm, "/a", "1")
    put(ssm, "/a", "2", Overwrite=True)
    put(ssm, "/b", "3")
    got = ssm.get_parameters(Names=["/b", "/none", "/a", "/a:1", "/a:9"])
    assert [(p["Name"], p["Value"]) for p in got["Parameters"]] == [
        ("/b", "3"), ("/a", "2"), ("/a", "1")]
    assert got["InvalidParameters"] == ["/none", "/a:9"]


@covers("ssm", "GetParameters", error="ValidationException")
def test_at_most_ten(ssm):
    with aws_error("ValidationException", 400, match="less than or equal to 10"):
        ssm.get_parameters(Names=[f"/{i}" for i in range(11)])


@covers("ssm", "DeleteParameter")
@covers("ssm", "DeleteParameter", error="ParameterNotFound")
@covers("ssm", "DeleteParameters")
def test_deletion(ssm):
    put(ssm, "/a")
    put(ssm, "/b")
    ssm.delete_parameter(Name="/a")
    with aws_error("ParameterNotFound"):
        ssm.get_parameter(Name="/a")
    with aws_error("ParameterNotFound", 400):
        ssm.delete_parameter(Name="/a")
    done = ssm.delete_parameters(Names=["/b", "/c"])
    assert done["DeletedParameters"] == ["/b"]
    assert done["InvalidParameters"] == ["/c"]
    assert put(ssm, "/a")["Version"] == 1  # versions start anew


def test_regions_and_accounts_are_apart(client, ssm):
    put(ssm, "/a", "here")
    for other in (client("ssm", region="eu-west-1"), client("ssm", account="999988887777")):
        with aws_error("ParameterNotFound"):
            other.get_parameter(Name="/a")


# --- SecureString ---


def test_secure_strings_are_sealed_by_kms(client, ssm):
    put(ssm, "/s", "hidden", Type="SecureString")
    sealed = ssm.get_parameter(Name="/s")["Parameter"]
    assert sealed["Type"] == "SecureString"
    assert sealed["Value"] != "hidden"
    assert ssm.get_parameter(Name="/s", WithDecryption=True)["Parameter"]["Value"] == "hidden"
    assert ssm.describe_parameters()["Parameters"][0]["KeyId"] == "alias/aws/ssm"


def test_a_standard_secure_string_is_kms_ciphertext(client, ssm):
    """Docs: "AWS KMS encryption for Parameter Store SecureString parameters"."""
    kms = client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    put(ssm, "/s", "hidden", Type="SecureString", KeyId=key)
    sealed = ssm.get_parameter(Name="/s")["Parameter"]
    opened = kms.decrypt(CiphertextBlob=base64.b64decode(sealed["Value"]),
                         EncryptionContext={"PARAMETER_ARN": sealed["ARN"]})
    assert (opened["Plaintext"], opened["KeyId"]) == (b"hidden", key)
    with aws_error("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=base64.b64decode(sealed["Value"]),
                    EncryptionContext={"PARAMETER_ARN": "other"})


def test_advanced_secure_strings_hold_eight_kilobytes(client, ssm):
    key = client("kms").create_key()["KeyMetadata"]["KeyId"]
    value = "s" * 8000
    put(ssm, "/s", value, Type="SecureString", Tier="Advanced", KeyId=key)
    got = ssm.get_parameters(Names=["/s"], WithDecryption=True)["Parameters"][0]
    assert got["Value"] == value


@covers("ssm", "PutParameter", error="InvalidKeyId")
@covers("ssm", "GetParameter", error="InvalidKeyId")
def test_keys_that_cannot_be_used(client, ssm):
    with aws_error("InvalidKeyId", 400):
        put(ssm, "/s", "x", Type="SecureString", KeyId="alias/none")
    kms = client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    put(ssm, "/s", "x", Type="SecureString", KeyId=key)
    kms.disable_key(KeyId=key)
    with aws_error("InvalidKeyId", 400):
        ssm.get_parameter(Name="/s", WithDecryption=True)
    with aws_error("InvalidKeyId", 400):
        ssm.get_parameters(Names=["/s"], WithDecryption=True)
    with aws_error("InvalidKeyId", 400):
        ssm.get_parameters_by_path(Path="/", WithDecryption=True)
    with aws_error("InvalidKeyId", 400):
        ssm.get_parameter_history(Name="/s", WithDecryption=True)
    assert ssm.get_parameter(Name="/s")["Parameter"]["Value"]


# --- history and labels ---


@covers("ssm", "GetParameterHistory")
@covers("ssm", "LabelParameterVersion")
@covers("ssm", "UnlabelParameterVersion")
def test_labels_are_on_one_version(ssm):
    for value in "123":
        put(ssm, value=value, Overwrite=True)
    done = ssm.label_parameter_version(Name="/app/db", ParameterVersion=1,
                                       Labels=["live", "1st", "awsx"])
    assert done["InvalidLabels"] == ["1st", "awsx"]
    assert done["ParameterVersion"] == 1
    assert ssm.get_parameter(Name="/app/db:live")["Parameter"]["Value"] == "1"
    assert ssm.label_parameter_version(Name="/app/db", Labels=["live"])["ParameterVersion"] == 3
    assert ssm.get_parameter(Name="/app/db:live")["Parameter"]["Selector"] == ":live"
    history = ssm.get_parameter_history(Name="/app/db")["Parameters"]
    assert [(p["Version"], p["Value"], p["Labels"]) for p in history] == [
        (1, "1", []), (2, "2", []), (3, "3", ["live"])]
    page = ssm.get_parameter_history(Name="/app/db", MaxResults=2)
    rest = ssm.get_parameter_history(Name="/app/db", MaxResults=2, NextToken=page["NextToken"])
    assert [p["Version"] for p in page["Parameters"] + rest["Parameters"]] == [1, 2, 3]
    assert "NextToken" not in rest
    done = ssm.unlabel_parameter_version(Name="/app/db", ParameterVersion=3,
                                         Labels=["live", "other"])
    assert (done["RemovedLabels"], done["InvalidLabels"]) == (["live"], ["other"])
    with aws_error("ParameterVersionNotFound"):
        ssm.get_parameter(Name="/app/db:live")


@covers("ssm", "LabelParameterVersion",
        error=["ParameterNotFound", "ParameterVersionNotFound",
               "ParameterVersionLabelLimitExceeded"])
@covers("ssm", "UnlabelParameterVersion", error=["ParameterNotFound", "ParameterVersionNotFound"])
@covers("ssm", "GetParameterHistory", error=["ParameterNotFound", "InvalidNextToken"])
def test_labels_and_history_refuse(ssm):
    put(ssm, "test")
    for call in (ssm.label_parameter_version, ssm.unlabel_parameter_version):
        with aws_error("ParameterNotFound", 400, "Parameter /none not found."):
            call(Name="/none", ParameterVersion=1, Labels=["x"])
        with aws_error("ParameterVersionNotFound", 400,
                       "Systems Manager could not find version 5 of test. Verify the version and "
                       "try again."):
            call(Name="test", ParameterVersion=5, Labels=["x"])
    ssm.label_parameter_version(Name="test", Labels=[f"l{i}" for i in range(9)])
    with aws_error("ParameterVersionLabelLimitExceeded", 400,
                   match="A parameter version can have maximum 10 labels.Move one or more"):
        ssm.label_parameter_version(Name="test", Labels=["x", "y"])
    with aws_error("ParameterNotFound"):
        ssm.get_parameter_history(Name="/none")
    with aws_error("InvalidNextToken", 400, "The specified token isn't valid."):
        ssm.get_parameter_history(Name="test", NextToken="!")


@covers("ssm", "PutParameter", error="ParameterMaxVersionLimitExceeded")
def test_a_hundred_versions(ssm):
    for value in range(101):
        put(ssm, "/many", str(value), Overwrite=True)
    with aws_error("ParameterVersionNotFound"):
        ssm.get_parameter(Name="/many:1")
    ssm.label_parameter_version(Name="/many", ParameterVersion=2, Labels=["old"])
    with aws_error("ParameterMaxVersionLimitExceeded", 400,
                   "You attempted to create a new version of /many by calling the PutParameter API "
                   "with the overwrite flag. Version 2, the oldest version, can't be deleted "
                   "because it has a label associated with it. Move the label to another version "
                   "of the parameter, and try again."):
        put(ssm, "/many", "more", Overwrite=True)


# --- tags ---


@covers("ssm", "AddTagsToResource")
@covers("ssm", "RemoveTagsFromResource")
@covers("ssm", "ListTagsForResource")
def test_tags(ssm):
    put(ssm, "/t", Tags=[{"Key": "a", "Value": "1"}])
    ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId="/t",
                             Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "3"}])
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/t")["TagList"]
    assert tags == [{"Key": "a", "Value": "3"}, {"Key": "b", "Value": "2"}]
    ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId="/t", TagKeys=["a"])
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/t")["TagList"]
    assert tags == [{"Key": "b", "Value": "2"}]


@covers("ssm", "AddTagsToResource",
        error=["InvalidResourceId", "InvalidResourceType", "TooManyTagsError"])
@covers("ssm", "RemoveTagsFromResource", error=["InvalidResourceId", "InvalidResourceType"])
@covers("ssm", "ListTagsForResource", error=["InvalidResourceId", "InvalidResourceType"])
def test_tags_refuse(ssm):
    more = {
        ssm.add_tags_to_resource: {"Tags": [{"Key": "a", "Value": "b"}]},
        ssm.remove_tags_from_resource: {"TagKeys": ["a"]},
        ssm.list_tags_for_resource: {},
    }
    for call, arguments in more.items():
        with aws_error("InvalidResourceId", 400):
            call(ResourceType="Parameter", ResourceId="/none", **arguments)
        with aws_error("InvalidResourceType", 400):
            call(ResourceType="Document", ResourceId="x", **arguments)
    put(ssm, "/t")
    with aws_error("TooManyTagsError", 400):
        ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId="/t",
                                 Tags=[{"Key": f"k{i}", "Value": "v"} for i in range(51)])


# --- references ---


def test_secrets_are_read_through_parameters(client, ssm):
    """Docs: "Referencing AWS Secrets Manager secrets from Parameter Store parameters"."""
    secrets = client("secretsmanager")
    arn = secrets.create_secret(Name="app/db", SecretString="first")["ARN"]
    name = "/aws/reference/secretsmanager/app/db"
    got = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]
    assert (got["Name"], got["Value"], got["Type"]) == (name, "first", "SecureString")
    source = json.loads(got["SourceResult"])
    assert (source["name"], source["ARN"]) == ("app/db", arn)
    secrets.put_secret_value(SecretId="app/db", SecretString="second")
    old = ssm.get_parameter(Name=name + ":AWSPREVIOUS", WithDecryption=True)["Parameter"]
    assert old["Value"] == "first"
    with aws_error("ValidationException", 400,
                   "WithDecryption flag must be True for retrieving a Secret Manager secret."):
        ssm.get_parameter(Name=name)
    missing = "/aws/reference/secretsmanager/none"
    with aws_error("ParameterNotFound", 400, match="Secret .*none not found."):
        ssm.get_parameter(Name=missing, WithDecryption=True)
    both = ssm.get_parameters(Names=[name, missing], WithDecryption=True)
    assert [p["Value"] for p in both["Parameters"]] == ["second"]
    assert both["InvalidParameters"] == [missing]


def test_public_parameters(client, ssm):
    """Docs: "Calling AMI public parameters", "Calling public parameters for AWS services"."""
    name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    here = ssm.get_parameter(Name=name)["Parameter"]
    assert here["Value"].startswith("ami-") and len(here["Value"]) == 21
    assert here["ARN"] == f"arn:aws:ssm:us-east-1::parameter{name}"
    there = client("ssm", region="eu-west-1").get_parameter(Name=name)["Parameter"]
    assert there["Value"] != here["Value"]
    assert ssm.get_parameters(Names=[name])["Parameters"][0]["Value"] == here["Value"]
    ecs = "/aws/service/ecs/optimized-ami/amazon-linux-2/recommended"
    image = ssm.get_parameter(Name=ecs + "/image_id")["Parameter"]["Value"]
    assert json.loads(ssm.get_parameter(Name=ecs)["Parameter"]["Value"])["image_id"] == image
    root = "/aws/service/global-infrastructure/regions"
    paginator = ssm.get_paginator("get_parameters_by_path")
    regions = [p["Value"] for page in paginator.paginate(Path=root) for p in page["Parameters"]]
    assert "us-east-1" in regions and "eu-west-1" in regions and len(regions) > 20
    long_name = ssm.get_parameter(Name=root + "/us-east-1/longName")["Parameter"]["Value"]
    assert long_name == "US East (N. Virginia)"
    with aws_error("ParameterNotFound"):
        ssm.get_parameter(Name="/aws/service/none")


def test_the_rest_of_systems_manager_is_not_there(ssm):
    with aws_error("NotImplemented", 501):
        ssm.describe_instance_information()
