"""Stack sets with self-managed permissions, across accounts and regions."""

import json
import random

import pytest

from harness import aws_error, covers

ADMIN = "AWSCloudFormationStackSetAdministrationRole"
EXECUTION = "AWSCloudFormationStackSetExecutionRole"


def allow(principal, action="sts:AssumeRole"):
    return json.dumps({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": action, "Principal": principal}],
    })


def everything(action="*", resource="*"):
    return json.dumps({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}],
    })


@pytest.fixture
def admin_role(client, account):
    iam = client("iam")
    iam.create_role(
        RoleName=ADMIN,
        AssumeRolePolicyDocument=allow({"Service": "cloudformation.amazonaws.com"}),
    )
    iam.put_role_policy(
        RoleName=ADMIN, PolicyName="p",
        PolicyDocument=everything("sts:AssumeRole", f"arn:aws:iam::*:role/{EXECUTION}"),
    )


@pytest.fixture
def target(client, account, admin_role):
    """target() -> an account that trusts this one's administration role."""

    def make(policy=None):
        other = str(random.SystemRandom().randrange(10**11, 10**12))
        iam = client("iam", account=other)
        iam.create_role(
            RoleName=EXECUTION,
            AssumeRolePolicyDocument=allow({"AWS": f"arn:aws:iam::{account}:role/{ADMIN}"}),
        )
        iam.put_role_policy(
            RoleName=EXECUTION, PolicyName="p", PolicyDocument=policy or everything()
        )
        return other

    return make


@pytest.fixture
def finish(cfn):
    """Waits for an operation; gives it with {(account, region): (status, reason)}."""

    def wait(name, operation):
        for _ in range(2000):
            found = cfn.describe_stack_set_operation(StackSetName=name, OperationId=operation)
            found = found["StackSetOperation"]
            if found["Status"] not in ("RUNNING", "STOPPING"):
                break
        results = cfn.list_stack_set_operation_results(StackSetName=name, OperationId=operation)
        return found, {
            (r["Account"], r["Region"]): (r["Status"], r.get("StatusReason"))
            for r in results["Summaries"]
        }

    return wait


def body(make, **properties):
    return make.template(
        {"Q": make.queue(DelaySeconds={"Ref": "Delay"}, **properties)},
        Parameters={"Delay": {"Type": "Number", "Default": 1}},
    )


def instances(cfn, name):
    return {
        (i["Account"], i["Region"]): i
        for i in cfn.list_stack_instances(StackSetName=name)["Summaries"]
    }


def queue_delay(client, stacks_as, instance):
    stack = stacks_as(account=instance["Account"], region=instance["Region"])
    url = stack.physical(instance["StackId"], "Q")
    sqs = client("sqs", account=instance["Account"], region=instance["Region"])
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["DelaySeconds"])
    return attributes["Attributes"]["DelaySeconds"]


@covers("cloudformation", "CreateStackSet")
@covers("cloudformation", "DescribeStackSet")
@covers("cloudformation", "ListStackSets")
@covers("cloudformation", "CreateStackInstances")
@covers("cloudformation", "UpdateStackInstances")
@covers("cloudformation", "UpdateStackSet")
@covers("cloudformation", "DeleteStackInstances")
@covers("cloudformation", "DeleteStackSet")
@covers("cloudformation", "ListStackInstances")
@covers("cloudformation", "DescribeStackInstance")
@covers("cloudformation", "DescribeStackSetOperation")
@covers("cloudformation", "ListStackSetOperations")
@covers("cloudformation", "ListStackSetOperationResults")
def test_the_life_of_a_stack_set(cfn, client, account, make, target, finish, stacks_as):
    one, two = target(), target()
    made = cfn.create_stack_set(
        StackSetName="set", Description="d", TemplateBody=body(make),
        Parameters=[{"ParameterKey": "Delay", "ParameterValue": "2"}],
        Tags=[{"Key": "k", "Value": "v"}],
    )
    assert made["StackSetId"].startswith("set:")
    described = cfn.describe_stack_set(StackSetName="set")["StackSet"]
    assert described["Status"] == "ACTIVE" and described["PermissionModel"] == "SELF_MANAGED"
    assert described["AdministrationRoleARN"] == f"arn:aws:iam::{account}:role/{ADMIN}"
    assert described["ExecutionRoleName"] == EXECUTION
    assert described["StackSetARN"].endswith(f":stackset/{made['StackSetId']}")
    operation = cfn.create_stack_instances(
        StackSetName="set", Accounts=[one, two], Regions=["us-east-1", "eu-west-1"],
        OperationPreferences={"MaxConcurrentCount": 2, "FailureToleranceCount": 1},
    )["OperationId"]
    found, results = finish("set", operation)
    assert (found["Status"], found["Action"]) == ("SUCCEEDED", "CREATE")
    assert set(results) == {
        (a, r) for a in (one, two) for r in ("us-east-1", "eu-west-1")
    }
    assert {r[0] for r in results.values()} == {"SUCCEEDED"}
    for instance in instances(cfn, "set").values():
        assert instance["Status"] == "CURRENT"
        assert f":{instance['Region']}:{instance['Account']}:stack/StackSet-set-" in (
            instance["StackId"]
        )
        assert queue_delay(client, stacks_as, instance) == "2"
    # One instance has a value of its own.
    operation = cfn.update_stack_instances(
        StackSetName="set", Accounts=[one], Regions=["eu-west-1"],
        ParameterOverrides=[{"ParameterKey": "Delay", "ParameterValue": "9"}],
    )["OperationId"]
    assert finish("set", operation)[0]["Status"] == "SUCCEEDED"
    single = cfn.describe_stack_instance(
        StackSetName="set", StackInstanceAccount=one, StackInstanceRegion="eu-west-1"
    )["StackInstance"]
    assert single["ParameterOverrides"] == [{"ParameterKey": "Delay", "ParameterValue": "9"}]
    assert single["StackInstanceStatus"]["DetailedStatus"] == "SUCCEEDED"
    operation = cfn.update_stack_set(
        StackSetName="set", TemplateBody=body(make, VisibilityTimeout=7),
        Parameters=[{"ParameterKey": "Delay", "ParameterValue": "3"}],
    )["OperationId"]
    assert finish("set", operation)[0]["Status"] == "SUCCEEDED"
    delays = {k: queue_delay(client, stacks_as, i) for k, i in instances(cfn, "set").items()}
    assert delays.pop((one, "eu-west-1")) == "9" and set(delays.values()) == {"3"}
    actions = [
        o["Action"] for o in cfn.list_stack_set_operations(StackSetName="set")["Summaries"]
    ]
    assert actions == ["UPDATE", "UPDATE", "CREATE"]
    with aws_error("StackSetNotEmptyException", http_status=409):
        cfn.delete_stack_set(StackSetName="set")
    stacks = {k: i["StackId"] for k, i in instances(cfn, "set").items()}
    operation = cfn.delete_stack_instances(
        StackSetName="set", Accounts=[one], Regions=["us-east-1"], RetainStacks=True
    )["OperationId"]
    finish("set", operation)
    kept = stacks_as(account=one).describe(stacks[(one, "us-east-1")])
    assert kept["StackStatus"] == "UPDATE_COMPLETE"
    operation = cfn.delete_stack_instances(
        StackSetName="set", Accounts=[two], Regions=["us-east-1", "eu-west-1"],
        RetainStacks=False,
    )["OperationId"]
    finish("set", operation)
    operation = cfn.delete_stack_instances(
        StackSetName="set", Accounts=[one], Regions=["eu-west-1"], RetainStacks=False
    )["OperationId"]
    finish("set", operation)
    assert instances(cfn, "set") == {}
    gone = stacks_as(account=two, region="eu-west-1").describe(stacks[(two, "eu-west-1")])
    assert gone["StackStatus"] == "DELETE_COMPLETE"
    assert [s["StackSetName"] for s in cfn.list_stack_sets()["Summaries"]] == ["set"]
    cfn.delete_stack_set(StackSetName="set")
    assert cfn.list_stack_sets(Status="ACTIVE")["Summaries"] == []
    cfn.delete_stack_set(StackSetName="set")


def test_roles_are_needed(cfn, client, account, make, target, finish):
    cfn.create_stack_set(StackSetName="set", TemplateBody=body(make))
    stranger = "999999999999"
    operation = cfn.create_stack_instances(
        StackSetName="set", Accounts=[stranger], Regions=["us-east-1"]
    )["OperationId"]
    found, results = finish("set", operation)
    # Observed wording.
    assert found["Status"] == "FAILED"
    assert results[(stranger, "us-east-1")] == (
        "FAILED",
        f"Account {stranger} should have '{EXECUTION}' role with trust relationship to Role "
        f"'{ADMIN}'.",
    )
    weak = target(everything("cloudformation:*"))
    operation = cfn.create_stack_instances(
        StackSetName="set", Accounts=[weak], Regions=["us-east-1"]
    )["OperationId"]
    found, results = finish("set", operation)
    status, reason = results[(weak, "us-east-1")]
    assert status == "FAILED"
    assert reason.startswith("ResourceLogicalId:Q, ResourceType:AWS::SQS::Queue, ResourceStatus")
    assert "is not authorized to perform: sqs:" in reason.lower() or "sqs:createqueue" in (
        reason.lower()
    )


def test_without_the_administration_role(cfn, account, make, finish):
    cfn.create_stack_set(StackSetName="set", TemplateBody=body(make))
    operation = cfn.create_stack_instances(
        StackSetName="set", Accounts=[account], Regions=["us-east-1"]
    )["OperationId"]
    assert finish("set", operation)[1][(account, "us-east-1")][1] == (
        f"Account {account} should have '{ADMIN}' role with trust relationship to "
        "CloudFormation service."
    )


def test_failures_stop_at_the_tolerance(cfn, make, target, finish):
    good = target()
    bad = [str(n) * 12 for n in (1, 2, 3)]
    cfn.create_stack_set(StackSetName="set", TemplateBody=body(make))
    operation = cfn.create_stack_instances(
        StackSetName="set", Accounts=[*bad, good], Regions=["us-east-1", "us-west-2"],
        OperationPreferences={"FailureToleranceCount": 1, "RegionOrder": ["us-west-2"]},
    )["OperationId"]
    found, results = finish("set", operation)
    assert found["Status"] == "FAILED"
    assert found["StatusDetails"]["FailedStackInstancesCount"] == 2
    by_status = sorted(r[0] for r in results.values())
    assert by_status == ["CANCELLED"] * 6 + ["FAILED"] * 2
    assert {k[1] for k, r in results.items() if r[0] == "FAILED"} == {"us-west-2"}
    assert {r[1] for r in results.values() if r[0] == "CANCELLED"} == {
        "Cancelled since failure tolerance has exceeded"
    }
    operation = cfn.create_stack_instances(
        StackSetName="set", Accounts=[*bad, good], Regions=["us-east-1"],
        OperationPreferences={"FailureTolerancePercentage": 100},
    )["OperationId"]
    found, results = finish("set", operation)
    assert found["Status"] == "SUCCEEDED" and results[(good, "us-east-1")][0] == "SUCCEEDED"


def wait_body(make):
    return make.template({
        "H": make.handle,
        "W": {"Type": "AWS::CloudFormation::WaitCondition",
              "Properties": {"Handle": {"Ref": "H"}, "Timeout": "3600"}},
    })


@covers("cloudformation", "StopStackSetOperation")
@covers("cloudformation", "StopStackSetOperation", error="InvalidOperationException")
@covers("cloudformation", "CreateStackInstances", error="OperationInProgressException")
def test_one_operation_at_a_time_and_stopping(cfn, make, target, finish, stacks_as):
    one, two = target(), target()
    cfn.create_stack_set(StackSetName="set", TemplateBody=wait_body(make))
    arguments = {"StackSetName": "set", "Regions": ["us-east-1"]}
    operation = cfn.create_stack_instances(Accounts=[one, two], **arguments)["OperationId"]
    with aws_error("OperationInProgressException", http_status=409, match="is in progress: "):
        cfn.create_stack_instances(Accounts=[one], **arguments)
    with aws_error("OperationInProgressException"):
        cfn.delete_stack_set(StackSetName="set")
    for _ in range(500):
        if instances(cfn, "set")[(one, "us-east-1")].get("StackId"):
            break
    cfn.stop_stack_set_operation(StackSetName="set", OperationId=operation)
    stack_id = instances(cfn, "set")[(one, "us-east-1")]["StackId"]
    stacks_as(account=one).client.delete_stack(StackName=stack_id)
    found, results = finish("set", operation)
    assert found["Status"] == "STOPPED"
    assert results[(two, "us-east-1")][0] == "CANCELLED"
    with aws_error("InvalidOperationException", http_status=400):
        cfn.stop_stack_set_operation(StackSetName="set", OperationId=operation)


@covers("cloudformation", "CreateStackSet", error="NameAlreadyExistsException")
@covers("cloudformation", "CreateStackSet", error="ValidationError")
@covers("cloudformation", "DescribeStackSet", error="StackSetNotFoundException")
@covers("cloudformation", "DescribeStackInstance", error="StackInstanceNotFoundException")
@covers("cloudformation", "DescribeStackSetOperation", error="OperationNotFoundException")
@covers("cloudformation", "UpdateStackInstances", error="StackInstanceNotFoundException")
@covers("cloudformation", "CreateStackInstances", error="OperationIdAlreadyExistsException")
def test_what_is_refused(cfn, make, target, finish):
    one = target()
    cfn.create_stack_set(StackSetName="set", TemplateBody=body(make), ClientRequestToken="t")
    again = cfn.create_stack_set(
        StackSetName="set", TemplateBody=body(make), ClientRequestToken="t"
    )
    assert again["StackSetId"] == cfn.describe_stack_set(StackSetName="set")["StackSet"][
        "StackSetId"
    ]
    with aws_error("NameAlreadyExistsException", http_status=409):
        cfn.create_stack_set(StackSetName="set", TemplateBody=body(make))
    with aws_error("ValidationError", match="enable organizations access"):
        cfn.create_stack_set(
            StackSetName="x", TemplateBody=body(make), PermissionModel="SERVICE_MANAGED"
        )
    with aws_error("ValidationError", match="^Template format error"):
        cfn.create_stack_set(StackSetName="x", TemplateBody="{}")
    with aws_error("StackSetNotFoundException", http_status=404,
                   message="StackSet none not found"):
        cfn.describe_stack_set(StackSetName="none")
    with aws_error("StackInstanceNotFoundException", http_status=404):
        cfn.describe_stack_instance(
            StackSetName="set", StackInstanceAccount=one, StackInstanceRegion="us-east-1"
        )
    with aws_error("StackInstanceNotFoundException"):
        cfn.update_stack_instances(StackSetName="set", Accounts=[one], Regions=["us-east-1"])
    with aws_error("OperationNotFoundException", http_status=404):
        cfn.describe_stack_set_operation(StackSetName="set", OperationId="none")
    arguments = {"StackSetName": "set", "Accounts": [one], "Regions": ["us-east-1"]}
    finish("set", cfn.create_stack_instances(OperationId="mine", **arguments)["OperationId"])
    with aws_error("OperationIdAlreadyExistsException", http_status=409):
        cfn.create_stack_instances(OperationId="mine", **arguments)


@covers("cloudformation", "DetectStackSetDrift")
@covers("cloudformation", "ListStackInstanceResourceDrifts")
@covers("cloudformation", "ListStackInstanceResourceDrifts", error="StackInstanceNotFoundException")
@covers("cloudformation", "GetTemplateSummary")
def test_drift_of_a_set(cfn, client, make, target, finish, stacks_as):
    one = target()
    cfn.create_stack_set(StackSetName="set", TemplateBody=body(make))
    finish("set", cfn.create_stack_instances(
        StackSetName="set", Accounts=[one], Regions=["us-east-1", "us-west-2"]
    )["OperationId"])
    instance = instances(cfn, "set")[(one, "us-west-2")]
    url = stacks_as(account=one, region="us-west-2").physical(instance["StackId"], "Q")
    client("sqs", account=one, region="us-west-2").set_queue_attributes(
        QueueUrl=url, Attributes={"DelaySeconds": "33"}
    )
    operation = cfn.detect_stack_set_drift(StackSetName="set")["OperationId"]
    found, _ = finish("set", operation)
    assert (found["Status"], found["Action"]) == ("SUCCEEDED", "DETECT_DRIFT")
    assert {k[1]: i["DriftStatus"] for k, i in instances(cfn, "set").items()} == {
        "us-east-1": "IN_SYNC", "us-west-2": "DRIFTED"
    }
    details = cfn.describe_stack_set(StackSetName="set")["StackSet"][
        "StackSetDriftDetectionDetails"
    ]
    assert details["DriftStatus"] == "DRIFTED"
    assert details["DriftedStackInstancesCount"] == 1
    arguments = {"StackSetName": "set", "OperationId": operation, "StackInstanceAccount": one}
    drifted = cfn.list_stack_instance_resource_drifts(
        StackInstanceRegion="us-west-2", **arguments
    )["Summaries"]
    assert [(d["LogicalResourceId"], d["StackResourceDriftStatus"]) for d in drifted] == [
        ("Q", "MODIFIED")
    ]
    assert drifted[0]["PropertyDifferences"][0]["ActualValue"] == "33"
    with aws_error("StackInstanceNotFoundException"):
        cfn.list_stack_instance_resource_drifts(StackInstanceRegion="eu-west-1", **arguments)
    summary = cfn.get_template_summary(StackSetName="set")
    assert summary["ResourceTypes"] == ["AWS::SQS::Queue"]
