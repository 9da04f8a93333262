"""GetTemplate, GetTemplateSummary, ValidateTemplate."""

import json

from harness import aws_error, covers


def text_of(answer):
    body = answer["TemplateBody"]
    return body if isinstance(body, str) else json.dumps(body)


@covers("cloudformation", "GetTemplate")
@covers("cloudformation", "GetTemplate", error="ValidationError")
@covers("cloudformation", "GetTemplate", error="ChangeSetNotFound")
def test_get_template(cfn, stacks):
    body = "Resources:\n  H:\n    Type: AWS::CloudFormation::WaitConditionHandle # kept\n"
    cfn.create_stack(StackName="s", TemplateBody=body)
    stacks.settle("s")
    answer = cfn.get_template(StackName="s")
    assert text_of(answer) == body
    assert answer["StagesAvailable"] == ["Original", "Processed"]
    stack_id = stacks.delete("s")["StackId"]
    assert text_of(cfn.get_template(StackName=stack_id)) == body
    with aws_error("ValidationError", message="Stack with id s does not exist"):
        cfn.get_template(StackName="s")
    stacks.create("t")
    with aws_error("ChangeSetNotFound"):
        cfn.get_template(StackName="t", ChangeSetName="none")


@covers("cloudformation", "GetTemplate")
def test_processed_template(cfn, stacks):
    body = json.dumps(
        {
            "Transform": "AWS::LanguageExtensions",
            "Resources": {
                "Fn::ForEach::Queues": [
                    "Name",
                    ["A", "B"],
                    {"Queue${Name}": {"Type": "AWS::SQS::Queue"}},
                ]
            },
        }
    )
    cfn.create_stack(
        StackName="s", TemplateBody=body, Capabilities=["CAPABILITY_AUTO_EXPAND"]
    )
    assert stacks.settle("s")["StackStatus"] == "CREATE_COMPLETE"
    assert set(stacks.resources("s")) == {"QueueA", "QueueB"}
    original = json.loads(text_of(cfn.get_template(StackName="s")))
    assert "Transform" in original
    processed = json.loads(text_of(cfn.get_template(StackName="s", TemplateStage="Processed")))
    assert set(processed["Resources"]) == {"QueueA", "QueueB"}


@covers("cloudformation", "ValidateTemplate")
@covers("cloudformation", "ValidateTemplate", error="ValidationError")
def test_validate_template(cfn, make):
    answer = cfn.validate_template(
        TemplateBody=make.template(
            Description="d", Parameters={"P": {"Type": "String", "Default": "x", "NoEcho": True}}
        )
    )
    assert answer["Description"] == "d"
    assert answer["Parameters"] == [{"ParameterKey": "P", "DefaultValue": "x", "NoEcho": True}]
    with aws_error("ValidationError", http_status=400, match="^Template format error"):
        cfn.validate_template(TemplateBody="{")
    with aws_error("ValidationError", match="not well-formed"):
        cfn.validate_template(TemplateBody='{"Resources": ')


@covers("cloudformation", "GetTemplateSummary")
@covers("cloudformation", "GetTemplateSummary", error="ValidationError")
@covers("cloudformation", "GetTemplateSummary", error="StackSetNotFoundException")
def test_template_summary(cfn, stacks, make):
    sections = {
        "Parameters": {"P": {"Type": "String", "Default": "a", "AllowedValues": ["a", "b"]}},
        "Metadata": {"m": 1},
    }
    stacks.create("s", {"Q": make.queue()}, **sections)
    answer = cfn.get_template_summary(StackName="s")
    assert answer["ResourceTypes"] == ["AWS::SQS::Queue"]
    assert json.loads(answer["Metadata"]) == {"m": 1}
    parameter = answer["Parameters"][0]
    assert parameter["ParameterType"] == "String"
    assert parameter["ParameterConstraints"] == {"AllowedValues": ["a", "b"]}
    with aws_error("ValidationError", message="Stack with id none does not exist"):
        cfn.get_template_summary(StackName="none")
    with aws_error("StackSetNotFoundException"):
        cfn.get_template_summary(StackSetName="none")
