"""CreateStack, DescribeStacks, ListStacks, DeleteStack and what protects a stack."""

import json

from harness import aws_error, covers


@covers("cloudformation", "CreateStack")
@covers("cloudformation", "DescribeStacks")
@covers("cloudformation", "DescribeStackEvents")
def test_create_stack_makes_resources_in_order(cfn, stacks, make):
    stack = stacks.create(
        "one",
        {
            "Main": make.queue(
                RedrivePolicy={
                    "deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]},
                    "maxReceiveCount": "3",
                }
            ),
            "Dead": make.queue(),
        },
        Outputs={"Url": {"Value": {"Ref": "Main"}, "Description": "where"}},
        Description="two queues",
        request={"Tags": [{"Key": "team", "Value": "a"}], "ClientRequestToken": "t-1"},
    )
    # Events: order and wording as in the CloudFormation user guide, "View stack events".
    assert stacks.events("one") == [
        ("one", "CREATE_IN_PROGRESS", "User Initiated"),
        ("Dead", "CREATE_IN_PROGRESS", None),
        ("Dead", "CREATE_IN_PROGRESS", "Resource creation Initiated"),
        ("Dead", "CREATE_COMPLETE", None),
        ("Main", "CREATE_IN_PROGRESS", None),
        ("Main", "CREATE_IN_PROGRESS", "Resource creation Initiated"),
        ("Main", "CREATE_COMPLETE", None),
        ("one", "CREATE_COMPLETE", None),
    ]
    assert stack["Description"] == "two queues"
    assert stack["Tags"] == [{"Key": "team", "Value": "a"}]
    assert stack["Outputs"] == [
        {
            "OutputKey": "Url",
            "OutputValue": stacks.physical("one", "Main"),
            "Description": "where",
        }
    ]
    events = cfn.describe_stack_events(StackName="one")["StackEvents"]
    assert {event["ClientRequestToken"] for event in events} == {"t-1"}
    created = [e for e in events if e["ResourceStatus"] == "CREATE_COMPLETE"][1]
    assert created["EventId"].startswith("Main-CREATE_COMPLETE-2")
    assert json.loads(created["ResourceProperties"])["RedrivePolicy"]["maxReceiveCount"] == "3"


@covers("cloudformation", "CreateStack")
def test_stack_tags_reach_the_resources(client, stacks, make):
    stacks.create(
        "tagged",
        {"Q": make.queue(Tags=[{"Key": "own", "Value": "1"}, {"Key": "both", "Value": "mine"}])},
        request={"Tags": [{"Key": "stack", "Value": "2"}, {"Key": "both", "Value": "theirs"}]},
    )
    tags = client("sqs").list_queue_tags(QueueUrl=stacks.physical("tagged", "Q"))["Tags"]
    # AWS: "Resource tags": what the resource itself says wins.
    assert tags == {"own": "1", "both": "mine", "stack": "2"}


@covers("cloudformation", "CreateStack", error="AlreadyExistsException")
def test_create_stack_twice(cfn, stacks, make):
    stacks.create("twice", request={"ClientRequestToken": "same"})
    with aws_error("AlreadyExistsException", http_status=400, message="Stack [twice] already exists"):
        cfn.create_stack(StackName="twice", TemplateBody=make.template())
    # AWS: ClientRequestToken: "so that CloudFormation knows that you're not attempting to create a
    # stack with the same name".
    again = cfn.create_stack(
        StackName="twice", TemplateBody=make.template(), ClientRequestToken="same"
    )
    assert again["StackId"] == stacks.describe("twice")["StackId"]


@covers("cloudformation", "CreateStack", error="ValidationError")
def test_create_stack_checks_before_it_begins(cfn, make):
    cases = [
        (
            {"TemplateBody": make.template({"X": {"Type": "AWS::No::Such"}})},
            "Template format error: Unrecognized resource types: [AWS::No::Such]",
        ),
        ({}, "Either Template URL or Template Body must be specified."),
        (
            {"TemplateURL": "https://example.com/t.yaml"},
            "TemplateURL must be a supported URL.",
        ),
        (
            {"TemplateBody": make.template(Parameters={"P": {"Type": "String"}})},
            "Parameters: [P] must have values",
        ),
        (
            {
                "TemplateBody": make.template(
                    {
                        "Q": make.queue(),
                        "H": make.queue(QueueName={"Fn::GetAtt": ["Q", "Nope"]}),
                    }
                )
            },
            "Template error: resource Q does not support attribute type Nope in Fn::GetAtt",
        ),
        (
            {"TemplateBody": make.template(), "Tags": [{"Key": "aws:x", "Value": "1"}]},
            "aws: prefixed tag key names are not allowed for external use.",
        ),
        (
            {
                "TemplateBody": make.template(),
                "RoleARN": "arn:aws:iam::111111111111:role/no-such-role",
            },
            "Role arn:aws:iam::111111111111:role/no-such-role is invalid or cannot be assumed",
        ),
    ]
    for request, message in cases:
        with aws_error("ValidationError", http_status=400, message=message):
            cfn.create_stack(StackName="never", **request)
    with aws_error("ValidationError", match="S3 error: The specified bucket does not exist"):
        cfn.create_stack(
            StackName="never", TemplateURL="https://s3.amazonaws.com/some-bucket/t.yaml"
        )
    with aws_error("ValidationError", message="Stack with id never does not exist"):
        cfn.describe_stacks(StackName="never")


@covers("cloudformation", "CreateStack", error="InsufficientCapabilitiesException")
def test_create_stack_needs_capabilities(cfn, make):
    body = make.template(
        {
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {"RoleName": "r", "AssumeRolePolicyDocument": {}},
            }
        }
    )
    with aws_error(
        "InsufficientCapabilitiesException",
        http_status=400,
        message="Requires capabilities : [CAPABILITY_NAMED_IAM]",
    ):
        cfn.create_stack(StackName="caps", TemplateBody=body)
    transformed = json.dumps(
        {"Transform": "AWS::LanguageExtensions", "Resources": {"H": make.handle}}
    )
    with aws_error(
        "InsufficientCapabilitiesException",
        message="Requires capabilities : [CAPABILITY_AUTO_EXPAND]",
    ):
        cfn.create_stack(StackName="caps", TemplateBody=transformed)


@covers("cloudformation", "CreateStack")
def test_failed_creation_rolls_back(client, stacks, make):
    stacks.create(
        "broken",
        {
            "Good": make.queue(),
            "Bad": make.queue("Good", NoSuchProperty=1),
            "Never": make.queue("Bad"),
        },
        status="ROLLBACK_COMPLETE",
    )
    assert stacks.events("broken")[4:] == [
        ("Bad", "CREATE_IN_PROGRESS", None),
        ("Bad", "CREATE_FAILED", "Encountered unsupported property NoSuchProperty"),
        (
            "broken",
            "ROLLBACK_IN_PROGRESS",
            "The following resource(s) failed to create: [Bad]. Rollback requested by user.",
        ),
        ("Bad", "DELETE_COMPLETE", None),
        ("Good", "DELETE_IN_PROGRESS", None),
        ("Good", "DELETE_COMPLETE", None),
        ("broken", "ROLLBACK_COMPLETE", None),
    ]
    assert client("sqs").list_queues().get("QueueUrls", []) == []


@covers("cloudformation", "CreateStack")
def test_failure_cancels_what_was_begun_beside_it(stacks, make):
    stacks.create(
        "cancelled",
        {"A": make.queue(Nope=1), "B": make.queue(), "C": make.queue("B")},
        status="ROLLBACK_COMPLETE",
    )
    events = stacks.events("cancelled")
    failed = [event for event in events if event[1] == "CREATE_FAILED"]
    assert failed[0] == ("A", "CREATE_FAILED", "Encountered unsupported property Nope")
    assert all(reason == "Resource creation cancelled" for _, _, reason in failed[1:])
    assert not [event for event in events if event[0] == "C"]


@covers("cloudformation", "CreateStack")
def test_service_errors_are_told(client, stacks, make):
    client("sqs").create_queue(QueueName="taken")
    stacks.create("conflict", {"Q": make.queue(QueueName="taken")}, status="ROLLBACK_COMPLETE")
    stacks.create(
        "refused", {"Q": make.queue(VisibilityTimeout=99999999)}, status="ROLLBACK_COMPLETE"
    )
    reasons = [reason for _, status, reason in stacks.events("refused") if status == "CREATE_FAILED"]
    assert "(Service: Sqs, Status Code: 400, Request ID: " in reasons[0]
    assert client("sqs").list_queues()["QueueUrls"][0].endswith("/taken")


@covers("cloudformation", "CreateStack")
def test_on_failure_decides(cfn, client, stacks, make):
    bad = {"Good": make.queue(), "Bad": make.queue("Good", Nope=1)}
    kept = stacks.create("kept", bad, status="CREATE_FAILED", request={"DisableRollback": True})
    assert kept["StackStatusReason"] == "The following resource(s) failed to create: [Bad]. "
    assert stacks.resources("kept")["Good"][0] == "CREATE_COMPLETE"
    gone = stacks.create("gone", bad, status="DELETE_COMPLETE", request={"OnFailure": "DELETE"})
    assert gone["DeletionTime"]
    stacks.create("idle", bad, status="CREATE_FAILED", request={"OnFailure": "DO_NOTHING"})
    with aws_error("ValidationError"):
        cfn.create_stack(
            StackName="both",
            TemplateBody=make.template(),
            DisableRollback=True,
            OnFailure="DELETE",
        )


@covers("cloudformation", "RollbackStack")
@covers("cloudformation", "RollbackStack", error="ValidationError")
def test_rollback_stack(cfn, client, stacks, make):
    bad = {"Good": make.queue(), "Bad": make.queue("Good", Nope=1)}
    stacks.create("back", bad, status="CREATE_FAILED", request={"DisableRollback": True})
    cfn.rollback_stack(StackName="back")
    assert stacks.settle("back")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert client("sqs").list_queues().get("QueueUrls", []) == []
    with aws_error("ValidationError", match="is in ROLLBACK_COMPLETE state"):
        cfn.rollback_stack(StackName="back")


@covers("cloudformation", "DescribeStacks", error="ValidationError")
def test_describe_stacks_that_are_not_there(cfn, stacks):
    with aws_error(
        "ValidationError", http_status=400, message="Stack with id nowhere does not exist"
    ):
        cfn.describe_stacks(StackName="nowhere")
    with aws_error("ValidationError", match="^Invalid NextToken"):
        cfn.describe_stacks(NextToken="rubbish")
    assert cfn.describe_stacks()["Stacks"] == []


@covers("cloudformation", "DeleteStack")
def test_delete_stack_in_reverse_order(cfn, client, stacks, make):
    created = stacks.create("gone", {"A": make.queue(), "B": make.queue("A")})
    stacks.delete("gone")
    assert stacks.events(created["StackId"])[8:] == [
        ("gone", "DELETE_IN_PROGRESS", "User Initiated"),
        ("B", "DELETE_IN_PROGRESS", None),
        ("B", "DELETE_COMPLETE", None),
        ("A", "DELETE_IN_PROGRESS", None),
        ("A", "DELETE_COMPLETE", None),
        ("gone", "DELETE_COMPLETE", None),
    ]
    assert client("sqs").list_queues().get("QueueUrls", []) == []
    with aws_error("ValidationError", message="Stack with id gone does not exist"):
        cfn.describe_stacks(StackName="gone")
    # AWS: deleting what is not there succeeds.
    cfn.delete_stack(StackName="gone")
    cfn.delete_stack(StackName=created["StackId"])
    stacks.create("gone")


@covers("cloudformation", "DeleteStack", error="ValidationError")
@covers("cloudformation", "UpdateTerminationProtection")
@covers("cloudformation", "UpdateTerminationProtection", error="ValidationError")
def test_termination_protection(cfn, stacks):
    stack = stacks.create("safe", request={"EnableTerminationProtection": True})
    assert stack["EnableTerminationProtection"] is True
    with aws_error(
        "ValidationError",
        message="Stack [safe] cannot be deleted while TerminationProtection is enabled",
    ):
        cfn.delete_stack(StackName="safe")
    answer = cfn.update_termination_protection(StackName="safe", EnableTerminationProtection=False)
    assert answer["StackId"] == stack["StackId"]
    stacks.delete("safe")
    with aws_error("ValidationError", message="Stack [safe] does not exist"):
        cfn.update_termination_protection(StackName="safe", EnableTerminationProtection=True)


@covers("cloudformation", "DeleteStack")
def test_deletion_policies(client, stacks, make):
    kept = {**make.queue(), "DeletionPolicy": "Retain"}
    mostly = {**make.queue(), "DeletionPolicy": "RetainExceptOnCreate"}
    stack = stacks.create("keeping", {"Kept": kept, "Mostly": mostly, "Gone": make.queue()})
    urls = {name: stacks.physical("keeping", name) for name in ("Kept", "Mostly", "Gone")}
    stacks.delete("keeping")
    events = stacks.events(stack["StackId"])
    assert ("Kept", "DELETE_SKIPPED", None) in events
    assert ("Mostly", "DELETE_SKIPPED", None) in events
    assert sorted(client("sqs").list_queues()["QueueUrls"]) == sorted(
        [urls["Kept"], urls["Mostly"]]
    )
    # AWS: RetainExceptOnCreate: deleted when the operation that created it is rolled back.
    stacks.create(
        "creating",
        {"Mostly": mostly, "Kept": kept, "Bad": make.queue(["Mostly", "Kept"], Nope=1)},
        status="ROLLBACK_COMPLETE",
    )
    left = client("sqs").list_queues(QueueNamePrefix="creating-")["QueueUrls"]
    assert len(left) == 1 and "creating-Kept-" in left[0]


@covers("cloudformation", "DeleteStack")
@covers("cloudformation", "DeleteStack", error="ValidationError")
def test_delete_failed_and_retained(cfn, client, account, stacks, stacks_as, make):
    iam = client("iam")
    iam.create_user(UserName="u")
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    deny = {"Effect": "Deny", "Action": "sqs:DeleteQueue", "Resource": f"arn:aws:sqs:*:{account}:stuck"}
    iam.put_user_policy(
        UserName="u",
        PolicyName="p",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow, deny]}),
    )
    as_user = stacks_as(credentials=iam.create_access_key(UserName="u")["AccessKey"])
    resources = {"Stuck": make.queue(QueueName="stuck"), "Other": make.queue()}
    stack_id = stacks.create("hard", resources)["StackId"]
    failed = as_user.delete("hard", status="DELETE_FAILED")
    assert failed["StackStatusReason"] == "The following resource(s) failed to delete: [Stuck]. "
    reasons = [r for _, s, r in stacks.events("hard") if s == "DELETE_FAILED"]
    assert "not authorized to perform: sqs:deletequeue" in reasons[0].lower()
    assert stacks.resources("hard")["Other"][0] == "DELETE_COMPLETE"
    as_user.delete("hard", RetainResources=["Stuck"])
    assert ("Stuck", "DELETE_SKIPPED", None) in stacks.events(stack_id)
    assert client("sqs").list_queues()["QueueUrls"][0].endswith("/stuck")
    stacks.create("soft")
    with aws_error("ValidationError", match="DELETE_FAILED"):
        cfn.delete_stack(StackName="soft", RetainResources=["Handle"])


@covers("cloudformation", "DeleteStack")
def test_delete_while_creating(cfn, client, stacks, make):
    resources = {f"Q{i}": make.queue([f"Q{i - 1}"] if i else None) for i in range(150)}
    stack_id = cfn.create_stack(StackName="early", TemplateBody=make.template(resources))["StackId"]
    cfn.delete_stack(StackName="early")
    assert stacks.settle(stack_id)["StackStatus"] == "DELETE_COMPLETE"
    assert client("sqs").list_queues().get("QueueUrls", []) == []


@covers("cloudformation", "ListStacks")
@covers("cloudformation", "ListStacks", error="ValidationError")
def test_list_stacks(cfn, stacks, client):
    stacks.create("first")
    stacks.create("second")
    stacks.delete("first")
    listed = cfn.list_stacks()["StackSummaries"]
    assert {(s["StackName"], s["StackStatus"]) for s in listed} == {
        ("first", "DELETE_COMPLETE"),
        ("second", "CREATE_COMPLETE"),
    }
    only = cfn.list_stacks(StackStatusFilter=["CREATE_COMPLETE"])["StackSummaries"]
    assert [s["StackName"] for s in only] == ["second"]
    elsewhere = client("cloudformation", region="eu-west-1")
    assert elsewhere.list_stacks()["StackSummaries"] == []
    with aws_error("ValidationError", match="^Invalid NextToken"):
        cfn.list_stacks(NextToken="rubbish")


@covers("cloudformation", "SetStackPolicy")
@covers("cloudformation", "GetStackPolicy")
@covers("cloudformation", "SetStackPolicy", error="ValidationError")
@covers("cloudformation", "GetStackPolicy", error="ValidationError")
def test_stack_policy_is_kept(cfn, stacks):
    stacks.create("ruled")
    assert "StackPolicyBody" not in cfn.get_stack_policy(StackName="ruled")
    policy = json.dumps(
        {"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}
    )
    cfn.set_stack_policy(StackName="ruled", StackPolicyBody=policy)
    assert cfn.get_stack_policy(StackName="ruled")["StackPolicyBody"] == policy
    with aws_error("ValidationError", match="^Error validating stack policy"):
        cfn.set_stack_policy(StackName="ruled", StackPolicyBody="{")
    with aws_error("ValidationError", message="Stack with id none does not exist"):
        cfn.get_stack_policy(StackName="none")


@covers("cloudformation", "DescribeAccountLimits")
def test_account_limits(cfn):
    limits = {l["Name"]: l["Value"] for l in cfn.describe_account_limits()["AccountLimits"]}
    assert limits["StackLimit"] == 2000


@covers("cloudformation", "DescribeStackResource")
@covers("cloudformation", "DescribeStackResources")
@covers("cloudformation", "ListStackResources")
def test_resources_are_told(cfn, stacks, make):
    resource = {**make.queue(), "Metadata": {"note": {"Ref": "AWS::StackName"}}}
    stacks.create("told", {"Q": resource})
    detail = cfn.describe_stack_resource(StackName="told", LogicalResourceId="Q")
    detail = detail["StackResourceDetail"]
    assert json.loads(detail["Metadata"]) == {"note": "told"}
    assert detail["ResourceType"] == "AWS::SQS::Queue"
    url = detail["PhysicalResourceId"]
    by_url = cfn.describe_stack_resources(PhysicalResourceId=url)["StackResources"]
    assert by_url[0]["StackName"] == "told"
    listed = cfn.list_stack_resources(StackName="told")["StackResourceSummaries"]
    assert [(r["LogicalResourceId"], r["PhysicalResourceId"]) for r in listed] == [("Q", url)]


@covers("cloudformation", "DescribeStackResource", error="ValidationError")
@covers("cloudformation", "DescribeStackResources", error="ValidationError")
@covers("cloudformation", "ListStackResources", error="ValidationError")
@covers("cloudformation", "DescribeStackEvents", error="ValidationError")
def test_resources_that_are_not_there(cfn, stacks):
    stacks.create("some")
    with aws_error("ValidationError", message="Resource X does not exist for stack some"):
        cfn.describe_stack_resource(StackName="some", LogicalResourceId="X")
    with aws_error("ValidationError", message="Stack for nothing does not exist"):
        cfn.describe_stack_resources(PhysicalResourceId="nothing")
    with aws_error("ValidationError", message="Stack with id none does not exist"):
        cfn.list_stack_resources(StackName="none")
    with aws_error("ValidationError", message="Stack [none] does not exist"):
        cfn.describe_stack_events(StackName="none")


@covers("cloudformation", "DescribeStackEvents")
def test_many_resources_and_pages(cfn, client, stacks, make):
    stacks.create("many", {f"Q{i:03}": make.queue() for i in range(120)})
    first = cfn.describe_stack_events(StackName="many")
    assert len(first["StackEvents"]) == 100 and first["NextToken"]
    assert len(stacks.events("many")) == 2 + 3 * 120
    pages = list(cfn.get_paginator("list_stack_resources").paginate(StackName="many"))
    assert [len(page["StackResourceSummaries"]) for page in pages] == [100, 20]
    stacks.delete("many")
    assert client("sqs").list_queues().get("QueueUrls", []) == []
