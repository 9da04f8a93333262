"""Parameters of Parameter Store types and dynamic references."""

import json

import pytest

from harness import aws_error, covers


@pytest.fixture
def ssm(client):
    ssm = client("ssm")
    ssm.put_parameter(Name="/app/delay", Type="String", Value="11")
    ssm.put_parameter(Name="/app/list", Type="StringList", Value="a,b")
    ssm.put_parameter(Name="/app/secret", Type="SecureString", Value="hidden-Value-1!")
    return ssm


def delay_of(client, url):
    attributes = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["DelaySeconds"])
    return attributes["Attributes"]["DelaySeconds"]


@covers("cloudformation", "CreateStack")
@covers("cloudformation", "CreateStack", error="ValidationError")
def test_parameters_that_name_parameters(cfn, stacks, make, client, ssm):
    sections = {
        "Parameters": {
            "Delay": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/app/delay"},
            "List": {"Type": "AWS::SSM::Parameter::Value<List<String>>", "Default": "/app/list"},
        },
        "Outputs": {"L": {"Value": {"Fn::Join": ["-", {"Ref": "List"}]}}},
    }
    stacks.create("s", {"Q": make.queue(DelaySeconds={"Ref": "Delay"})}, **sections)
    assert delay_of(client, stacks.physical("s", "Q")) == "11"
    assert stacks.outputs("s") == {"L": "a-b"}
    found = {p["ParameterKey"]: p for p in stacks.describe("s")["Parameters"]}
    assert found["Delay"]["ParameterValue"] == "/app/delay"
    assert found["Delay"]["ResolvedValue"] == "11"
    # A changed value shows in an update with the same template.
    ssm.put_parameter(Name="/app/delay", Type="String", Value="12", Overwrite=True)
    cfn.update_stack(StackName="s", UsePreviousTemplate=True)
    stacks.settle("s")
    assert delay_of(client, stacks.physical("s", "Q")) == "12"
    for value, message in [
        ("/none", "Unable to fetch parameters [/none] from parameter store for this account."),
        ("/app/secret", "Parameters [/app/secret] referenced by template have types not supported "
         "by CloudFormation."),
    ]:
        with aws_error("ValidationError", message=message):
            cfn.create_stack(
                StackName="t", TemplateBody=make.template({"Q": make.queue()}, **sections),
                Parameters=[{"ParameterKey": "Delay", "ParameterValue": value}],
            )


def test_dynamic_references(cfn, stacks, make, client, ssm):
    secrets = client("secretsmanager")
    secrets.create_secret(Name="db", SecretString=json.dumps({"delay": 13, "name": "x"}))
    resources = {
        "A": make.queue(DelaySeconds="{{resolve:ssm:/app/delay}}"),
        "B": make.queue(DelaySeconds="{{resolve:secretsmanager:db:SecretString:delay}}"),
        "C": make.queue(
            depends_on=["A"],
            QueueName={"Fn::Sub": "q-{{resolve:secretsmanager:db:SecretString:name}}-1"},
        ),
    }
    stacks.create("s", resources, Outputs={"D": {"Value": "{{resolve:ssm:/app/delay:1}}"}})
    assert delay_of(client, stacks.physical("s", "A")) == "11"
    assert delay_of(client, stacks.physical("s", "B")) == "13"
    assert stacks.physical("s", "C").endswith("/q-x-1")
    assert stacks.outputs("s") == {"D": "11"}
    events = cfn.describe_stack_events(StackName="s")["StackEvents"]
    shown = [e["ResourceProperties"] for e in events if "ResourceProperties" in e]
    assert shown and not any('"13"' in text or ":13" in text for text in shown)
    # AWS compares the references, not what they name.
    ssm.put_parameter(Name="/app/delay", Type="String", Value="12", Overwrite=True)
    with aws_error("ValidationError", message="No updates are to be performed."):
        cfn.update_stack(StackName="s", TemplateBody=make.template(
            resources, Outputs={"D": {"Value": "{{resolve:ssm:/app/delay:1}}"}}))
    resources["A"]["Properties"]["VisibilityTimeout"] = 5
    stacks.update("s", resources, Outputs={"D": {"Value": "{{resolve:ssm:/app/delay:1}}"}})
    assert delay_of(client, stacks.physical("s", "A")) == "12"


@pytest.mark.parametrize(
    "value, reason",
    [
        ("{{resolve:ssm:/none}}", "Parameters: [ssm:/none] cannot be found."),
        ("{{resolve:ssm-secure:/app/secret}}",
         "SSM Secure reference is not supported in: [AWS::SQS::Queue/Properties/DelaySeconds]"),
        ("{{resolve:secretsmanager:none}}", None),
        ("{{resolve:ssm:/app/list}}", "Value of property DelaySeconds must be of type Integer"),
    ],
)
def test_references_that_fail(stacks, make, ssm, value, reason):
    stacks.create("s", {"Q": make.queue(DelaySeconds=value)}, status="ROLLBACK_COMPLETE")
    reasons = [e[2] for e in stacks.events("s") if e[1] == "CREATE_FAILED"]
    assert len(reasons) == 1 and (reason is None or reasons == [reason])


def test_a_secure_string_for_a_password(cfn, stacks, client, ssm):
    user = {"Type": "AWS::IAM::User", "Properties": {
        "LoginProfile": {"Password": "{{resolve:ssm-secure:/app/secret:1}}"}}}
    stacks.create("s", {"U": user}, request={"Capabilities": ["CAPABILITY_IAM"]})
    assert client("iam").get_login_profile(UserName=stacks.physical("s", "U"))
    text = str(cfn.describe_stack_events(StackName="s")) + str(
        cfn.describe_stack_resource(StackName="s", LogicalResourceId="U"))
    assert "hidden-Value" not in text


def test_ec2_types_are_taken_as_text(stacks, make):
    kinds = ["AWS::EC2::VPC::Id", "List<AWS::EC2::Subnet::Id>", "AWS::EC2::KeyPair::KeyName"]
    stacks.create(
        "s",
        {"Q": make.queue()},
        Parameters={f"P{n}": {"Type": kind, "Default": "x-1"} for n, kind in enumerate(kinds)},
        Outputs={"V": {"Value": {"Ref": "P0"}}},
    )
    assert stacks.outputs("s") == {"V": "x-1"}
