"""Taking resources that exist into a stack: change sets of type IMPORT."""

import pytest

from harness import aws_error, covers


def keep(resource):
    return {**resource, "DeletionPolicy": "Retain"}


@pytest.fixture
def importing(cfn, make):
    """Makes the change set; carries it out unless told not to."""

    def run(stack, resources, identifiers, execute=True, **sections):
        made = cfn.create_change_set(
            StackName=stack,
            ChangeSetName="import",
            ChangeSetType="IMPORT",
            TemplateBody=make.template(resources, **sections),
            ResourcesToImport=[
                {"LogicalResourceId": name, "ResourceType": resources[name]["Type"],
                 "ResourceIdentifier": identifier}
                for name, identifier in identifiers.items()
            ],
        )
        if execute:
            cfn.execute_change_set(ChangeSetName=made["Id"])
        return made

    return run


@covers("cloudformation", "CreateChangeSet")
@covers("cloudformation", "ExecuteChangeSet")
def test_import_into_a_stack(cfn, stacks, make, client, importing):
    url = client("sqs").create_queue(QueueName="old")["QueueUrl"]
    base = {"Mine": make.queue()}
    stacks.create("s", base)
    resources = {**base, "Q": keep(make.queue(QueueName="old", DelaySeconds=5))}
    made = importing("s", resources, {"Q": {"QueueUrl": url}}, execute=False)
    change = cfn.describe_change_set(ChangeSetName=made["Id"])["Changes"][0]["ResourceChange"]
    assert (change["Action"], change["PhysicalResourceId"]) == ("Import", url)
    cfn.execute_change_set(ChangeSetName=made["Id"])
    assert stacks.settle("s")["StackStatus"] == "IMPORT_COMPLETE"
    # AWS: the events of "Import AWS resources into a CloudFormation stack".
    assert stacks.events("s")[-4:] == [
        ("s", "IMPORT_IN_PROGRESS", "User Initiated"),
        ("Q", "IMPORT_IN_PROGRESS", "Resource import started."),
        ("Q", "IMPORT_COMPLETE", "Resource import completed."),
        ("s", "IMPORT_COMPLETE", None),
    ]
    # It was not changed, which drift detection tells.
    drift = cfn.detect_stack_resource_drift(StackName="s", LogicalResourceId="Q")
    assert drift["StackResourceDrift"]["StackResourceDriftStatus"] == "MODIFIED"
    stacks.update("s", {**base, "Q": keep(make.queue(QueueName="old", DelaySeconds=6))})
    attributes = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["DelaySeconds"])
    assert attributes["Attributes"]["DelaySeconds"] == "6"
    stacks.delete("s")
    assert client("sqs").get_queue_url(QueueName="old")


@covers("cloudformation", "CreateChangeSet")
def test_import_as_a_new_stack(cfn, stacks, make, client, importing):
    url = client("sqs").create_queue(QueueName="old")["QueueUrl"]
    role = client("iam").create_role(RoleName="old", AssumeRolePolicyDocument="""{"Version":
        "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"Service": "ec2.amazonaws.com"}}]}""")["Role"]
    resources = {
        "Q": keep(make.queue(QueueName="old")),
        "P": keep({"Type": "AWS::IAM::Role", "Properties": {
            "AssumeRolePolicyDocument": role["AssumeRolePolicyDocument"]},
            "DependsOn": ["Q"]}),
    }
    made = cfn.create_change_set(
        StackName="new", ChangeSetName="i", ChangeSetType="IMPORT",
        Capabilities=["CAPABILITY_IAM"],
        TemplateBody=make.template(resources, Outputs={"U": {"Value": {"Ref": "Q"}}}),
        ResourcesToImport=[
            {"LogicalResourceId": "Q", "ResourceType": "AWS::SQS::Queue",
             "ResourceIdentifier": {"QueueUrl": url}},
            {"LogicalResourceId": "P", "ResourceType": "AWS::IAM::Role",
             "ResourceIdentifier": {"RoleName": "old"}},
        ],
    )
    cfn.execute_change_set(ChangeSetName=made["Id"])
    assert stacks.settle("new")["StackStatus"] == "IMPORT_COMPLETE"
    assert stacks.outputs("new") == {"U": url}
    assert stacks.physical("new", "P") == "old"


def test_what_is_not_there_is_rolled_back(cfn, stacks, make, virga, importing):
    base = {"Mine": make.queue()}
    before = stacks.create("s", base)
    url = stacks.physical("s", "Mine") + "-nothing"
    importing("s", {**base, "Q": keep(make.queue())}, {"Q": {"QueueUrl": url}})
    stack = stacks.settle("s")
    assert stack["StackStatus"] == "IMPORT_ROLLBACK_COMPLETE"
    assert set(stacks.resources("s")) == {"Mine"}
    assert (
        "Q",
        "IMPORT_FAILED",
        f"Resource of type 'AWS::SQS::Queue' with identifier '{url}' was not found.",
    ) in stacks.events("s")
    assert before["StackId"] == stack["StackId"]
    stacks.update("s", {**base, "R": make.queue()})


@covers("cloudformation", "CreateChangeSet", error="ValidationError")
def test_imports_that_are_refused(cfn, stacks, make, importing):
    base = {"Mine": make.queue()}
    stacks.create("s", base)
    url = stacks.physical("s", "Mine")
    good = keep(make.queue())
    with aws_error("ValidationError", match=r"\[Q\] must have DeletionPolicy attribute specified"):
        importing("s", {**base, "Q": make.queue()}, {"Q": {"QueueUrl": url}})
    with aws_error("ValidationError", match="already exists in stack arn:"):
        importing("s", {**base, "Q": good}, {"Q": {"QueueUrl": url}})
    with aws_error("ValidationError", match="identifier of AWS::SQS::Queue is"):
        importing("s", {**base, "Q": good}, {"Q": {"QueueName": "x"}})
    with aws_error("ValidationError", match="not supported for Import"):
        importing("s", {**base, "Q": keep(make.handle)}, {"Q": {"Id": "x"}})
    with aws_error("ValidationError", match=r"You have modified resources \[Other\] in your"):
        importing("s", {**base, "Q": good, "Other": good}, {"Q": {"QueueUrl": url + "x"}})
    with aws_error("ValidationError", match="ResourcesToImport must be specified"):
        importing("s", {**base, "Q": good}, {})


@covers("cloudformation", "GetTemplateSummary")
def test_the_summary_tells_identifiers(cfn, make):
    summary = cfn.get_template_summary(TemplateBody=make.template(
        {"A": make.queue(), "B": make.queue(), "H": make.handle}))
    assert summary["ResourceIdentifierSummaries"] == [
        {"ResourceType": "AWS::SQS::Queue", "LogicalResourceIds": ["A", "B"],
         "ResourceIdentifiers": ["QueueUrl"]}
    ]
