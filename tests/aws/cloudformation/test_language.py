"""The template language in small templates: what large ones of the wild are made of."""

import pytest

from harness import aws_error, covers

QUEUE = "{Type: AWS::SQS::Queue}"

# Text, and what GetTemplateSummary must tell of it.
READ = {
    "short functions": (
        """
Parameters: {Env: {Type: String, AllowedValues: [dev, prod]}}
Mappings: {Sizes: {dev: {delay: 1}, prod: {delay: 2}}}
Conditions:
  IsProd: !Equals [!Ref Env, prod]
  NotProd: !Not [!Condition IsProd]
Resources:
  Q:
    Type: AWS::SQS::Queue
    Condition: IsProd
    Properties:
      DelaySeconds: !FindInMap [Sizes, !Ref Env, delay]
      QueueName: !Sub '${AWS::StackName}-${Env}'
      KmsMasterKeyId: !If [NotProd, !Ref 'AWS::NoValue', alias/x]
Outputs:
  Arn: {Condition: IsProd, Value: !GetAtt Q.Arn, Export: {Name: !Sub '${AWS::StackName}-arn'}}
""",
        {"ResourceTypes": ["AWS::SQS::Queue"]},
    ),
    "block text and anchors": (
        """
AWSTemplateFormatVersion: 2010-09-09
Description: >-
  folded
  text
Resources:
  A: &a {Type: AWS::SQS::Queue, Properties: {DelaySeconds: 1}}
  B: *a
""",
        {"Description": "folded text", "Version": "2010-09-09"},
    ),
    "types of other services": (
        """
Resources:
  F:
    Type: AWS::Lambda::Function
    Properties: {Code: {ZipFile: "x"}, Handler: index.h, Runtime: python3.12,
                 Role: !GetAtt R.Arn}
  R:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: {}}
  P: {Type: AWS::CodePipeline::Pipeline, DeletionPolicy: Retain}
  C: {Type: 'Custom::Thing', Properties: {ServiceToken: !GetAtt F.Arn}}
""",
        {
            "ResourceTypes": ["AWS::Lambda::Function", "AWS::IAM::Role",
                              "AWS::CodePipeline::Pipeline", "Custom::Thing"],
            "Capabilities": ["CAPABILITY_IAM"],
        },
    ),
    "a serverless template": (
        """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Timeout: 3}}
Resources:
  F: {Type: AWS::Serverless::Function, Properties: {CodeUri: s3://b/k, Handler: h}}
""",
        {"DeclaredTransforms": ["AWS::Serverless-2016-10-31"],
         "Capabilities": ["CAPABILITY_AUTO_EXPAND"]},
    ),
    "rules and interface": (
        """
Metadata:
  AWS::CloudFormation::Interface: {ParameterGroups: [{Parameters: [A]}]}
Parameters: {A: {Type: String, Default: x}}
Rules:
  R:
    RuleCondition: !Equals [!Ref A, y]
    Assertions: [{Assert: !Contains [[y], !Ref A], AssertDescription: must be y}]
Resources: {Q: {Type: AWS::SQS::Queue}}
""",
        {"Metadata": '{"AWS::CloudFormation::Interface":{"ParameterGroups":[{"Parameters":["A"]}]}}'},
    ),
    "JSON of the CDK": (
        """{"Resources":{"Q":{"Type":"AWS::SQS::Queue","UpdateReplacePolicy":"Delete",
"DeletionPolicy":"Delete","Metadata":{"aws:cdk:path":"s/Q/Resource"}},
"CDKMetadata":{"Type":"AWS::CDK::Metadata","Properties":{"Analytics":"v2:deflate64:x"},
"Condition":"CDKMetadataAvailable"}},
"Conditions":{"CDKMetadataAvailable":{"Fn::Or":[{"Fn::Equals":[{"Ref":"AWS::Region"},"us-east-1"]},
{"Fn::Equals":[{"Ref":"AWS::Region"},"eu-west-1"]}]}},
"Parameters":{"BootstrapVersion":{"Type":"AWS::SSM::Parameter::Value<String>",
"Default":"/cdk-bootstrap/hnb659fds/version","Description":"d"}},
"Rules":{"CheckBootstrapVersion":{"Assertions":[{"Assert":{"Fn::Not":[{"Fn::Contains":
[["1","2","3","4","5"],{"Ref":"BootstrapVersion"}]}]},"AssertDescription":"too old"}]}}}""",
        {"ResourceTypes": ["AWS::SQS::Queue", "AWS::CDK::Metadata"]},
    ),
}


@pytest.mark.parametrize("name", READ)
@covers("cloudformation", "GetTemplateSummary")
@covers("cloudformation", "ValidateTemplate")
def test_templates_are_read(cfn, name):
    text, told = READ[name]
    summary = cfn.get_template_summary(TemplateBody=text)
    assert {key: summary.get(key) for key in told} == told
    validated = cfn.validate_template(TemplateBody=text)
    assert validated.get("Capabilities", []) == told.get("Capabilities", [])


EXTENDED = """
Transform: AWS::LanguageExtensions
Parameters:
  Names: {Type: CommaDelimitedList, Default: 'a, b'}
  Keep: {Type: String, Default: 'no'}
Mappings: {Delays: {us: {a: 3}}}
Conditions:
  IsKept: !Equals [!Ref Keep, 'yes']
  Fn::ForEach::Conditions: [N, [X, Y], {'Is${N}': !Equals [!Ref Keep, '${N}']}]
Resources:
  Fn::ForEach::Queues:
    - Name
    - !Ref Names
    - 'Q${Name}':
        Type: AWS::SQS::Queue
        DeletionPolicy: !If [IsKept, Retain, Delete]
        Properties:
          QueueName: !Sub 'x-${Name}'
          DelaySeconds: !FindInMap [Delays, us, !Ref Name, DefaultValue: 7]
  P:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: !Length [1, 2, 3]
      RedriveAllowPolicy: !ToJsonString {redrivePermission: denyAll}
Outputs:
  Fn::ForEach::Arns:
    - Name
    - [a, b]
    - 'Arn${Name}': {Value: !GetAtt ['Q${Name}', Arn]}
  Count: {Value: {'Fn::Length': !Ref Names}}
"""


@covers("cloudformation", "CreateStack")
def test_language_extensions(cfn, stacks, client):
    cfn.create_stack(
        StackName="s", TemplateBody=EXTENDED, Capabilities=["CAPABILITY_AUTO_EXPAND"]
    )
    assert stacks.settle("s")["StackStatus"] == "CREATE_COMPLETE", stacks.events("s")
    assert set(stacks.resources("s")) == {"Qa", "Qb", "P"}
    outputs = stacks.outputs("s")
    assert outputs["Arna"].endswith(":x-a") and outputs["Count"] == "2"
    sqs = client("sqs")

    def attribute(logical, name):
        url = stacks.physical("s", logical)
        return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]

    assert [attribute(q, "DelaySeconds") for q in ("Qa", "Qb")] == ["3", "7"]
    assert attribute("P", "VisibilityTimeout") == "3"
    assert attribute("P", "RedriveAllowPolicy") == '{"redrivePermission":"denyAll"}'
    processed = cfn.get_template(StackName="s", TemplateStage="Processed")["TemplateBody"]
    assert set(processed["Resources"]) == {"Qa", "Qb", "P"}


REFUSED = [
    ("Resources: {Q: {Type: AWS::Nope::Thing}}",
     "Template format error: Unrecognized resource types: [AWS::Nope::Thing]"),
    ("Resources: {M: {Type: AWS::CloudFormation::Macro}}",
     "Template format error: Unrecognized resource types: [AWS::CloudFormation::Macro]"),
    ("Transform: Mine\nResources: {Q: " + QUEUE + "}", "No transform named {}::Mine found."),
    ("Resources: {Q: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref No}}}",
     "Template format error: Unresolved resource dependencies [No] in the Resources block of the "
     "template"),
    ("Resources: {A: {Type: AWS::SQS::Queue, DependsOn: B}, B: {Type: AWS::SQS::Queue, "
     "DependsOn: A}}", "Circular dependency between resources: [A, B]"),
    ("Resources: {Q: {Type: AWS::SQS::Queue, Properties: {QueueName: !Length [1]}}}", None),
    ("Parameters: {P: {Type: String, AllowedPattern: '^[a-z]+$', Default: A1}}\nResources: {Q: "
     + QUEUE + "}", "Parameter 'P' must match pattern ^[a-z]+$"),
    ("Parameters: {P: {Type: String, AllowedPattern: '^[a-z]+$', ConstraintDescription: small, "
     "Default: A1}}\nResources: {Q: " + QUEUE + "}",
     "Parameter P failed to satisfy constraint: small"),
    ("Parameters: {P: {Type: Number, MaxValue: 3, Default: 5}}\nResources: {Q: " + QUEUE + "}",
     "Parameter 'P' must be a number not greater than 3"),
    ("Parameters: {P: {Type: String}}\nResources: {Q: " + QUEUE + "}",
     "Parameters: [P] must have values"),
    ("Parameters: {P: {Type: String, Default: x}}\nRules: {R: {Assertions: [{Assert: "
     "!EachMemberIn [[!Ref P], [y, z]], AssertDescription: y or z}]}}\nResources: {Q: " + QUEUE
     + "}", "y or z"),
]


@pytest.mark.parametrize("text, message", REFUSED)
@covers("cloudformation", "CreateStack", error="ValidationError")
def test_templates_are_refused(cfn, account, text, message):
    with aws_error("ValidationError") as error:
        cfn.create_stack(
            StackName="s", TemplateBody=text, Capabilities=["CAPABILITY_AUTO_EXPAND"]
        )
    if message:
        assert error.message == message.format(account)


def test_included_files(cfn, stacks, upload, account, make):
    upload("properties.yaml", "DelaySeconds: 4\nVisibilityTimeout: 8\n")
    location = f"s3://templates-{account}/properties.yaml"
    resources = {"Q": {"Type": "AWS::SQS::Queue", "Properties": {
        "VisibilityTimeout": 9,
        "Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": location}},
    }}}
    stacks.create("s", resources, request={"Capabilities": ["CAPABILITY_AUTO_EXPAND"]})
    processed = cfn.get_template(StackName="s", TemplateStage="Processed")["TemplateBody"]
    # What stands beside the call wins.
    assert processed["Resources"]["Q"]["Properties"] == {
        "VisibilityTimeout": 9, "DelaySeconds": 4
    }
    resources["Q"]["Properties"]["Fn::Transform"]["Parameters"]["Location"] += "x"
    with aws_error("ValidationError", match="S3 error: The specified key does not exist"):
        cfn.create_stack(StackName="t", TemplateBody=make.template(resources),
                         Capabilities=["CAPABILITY_AUTO_EXPAND"])


def test_a_template_of_a_megabyte_by_url(cfn, stacks, upload, make):
    text = make.template({"Q": make.queue()}, Metadata={"M": ["x" * 1000] * 1000})
    assert 1000000 < len(text) < 1048576
    cfn.create_stack(StackName="s", TemplateURL=upload("big.json", text))
    assert stacks.settle("s")["StackStatus"] == "CREATE_COMPLETE"
    with aws_error("ValidationError"):
        cfn.create_stack(StackName="t", TemplateURL=upload("junk", "\x7f{" * 520000))
    with aws_error("ValidationError"):
        cfn.create_stack(StackName="t", TemplateURL=upload("huge", "x" * 1100000))


@covers("cloudformation", "CreateChangeSet")
def test_package_and_deploy_with_the_cli(aws, tmp_path, stacks, upload, account, make):
    upload("unused", "")
    (tmp_path / "child.json").write_text(make.template({"Q": make.queue()}))
    (tmp_path / "root.json").write_text(make.template({
        "Child": {"Type": "AWS::CloudFormation::Stack",
                  "Properties": {"TemplateURL": "child.json"}},
    }))
    packaged = tmp_path / "packaged.json"
    aws("cloudformation", "package", "--template-file", tmp_path / "root.json", "--use-json",
        "--s3-bucket", f"templates-{account}", "--output-template-file", packaged)
    deployed = aws("cloudformation", "deploy", "--stack-name", "packed", "--template-file",
                   packaged, "--s3-bucket", f"templates-{account}")
    assert "Successfully created/updated stack - packed" in deployed.stdout
    assert stacks.resources("packed")["Child"][0] == "CREATE_COMPLETE"
