"""UpdateStack: in place, replacing, removing; and the way back."""

import json

import pytest
from harness import aws_error, covers


def attributes(client, url):
    return client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]


@covers("cloudformation", "UpdateStack")
def test_update_in_place(client, stacks, make):
    stacks.create("s", {"Q": make.queue(VisibilityTimeout=10), "Same": make.queue()})
    url = stacks.physical("s", "Q")
    stack = stacks.update("s", {"Q": make.queue(VisibilityTimeout=20), "Same": make.queue()})
    assert stacks.physical("s", "Q") == url
    assert attributes(client, url)["VisibilityTimeout"] == "20"
    assert stack["LastUpdatedTime"]
    assert stacks.events("s")[8:] == [
        ("s", "UPDATE_IN_PROGRESS", "User Initiated"),
        ("Q", "UPDATE_IN_PROGRESS", None),
        ("Q", "UPDATE_COMPLETE", None),
        ("s", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", None),
        ("s", "UPDATE_COMPLETE", None),
    ]


@covers("cloudformation", "UpdateStack")
def test_replacement_makes_the_new_one_first(client, stacks, make):
    stacks.create("s", {"Q": make.queue(), "Dead": make.queue()})
    old = stacks.physical("s", "Q")
    stacks.update("s", {"Q": make.queue(FifoQueue=True), "Dead": make.queue()})
    new = stacks.physical("s", "Q")
    assert new.endswith(".fifo") and new != old
    assert sorted(client("sqs").list_queues()["QueueUrls"]) == sorted(
        [new, stacks.physical("s", "Dead")]
    )
    assert stacks.events("s")[9:] == [
        (
            "Q",
            "UPDATE_IN_PROGRESS",
            "Requested update requires the creation of a new physical resource; hence creating "
            "one.",
        ),
        ("Q", "UPDATE_IN_PROGRESS", "Resource creation Initiated"),
        ("Q", "UPDATE_COMPLETE", None),
        ("s", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", None),
        ("Q", "DELETE_IN_PROGRESS", None),
        ("Q", "DELETE_COMPLETE", None),
        ("s", "UPDATE_COMPLETE", None),
    ]


@covers("cloudformation", "UpdateStack")
def test_a_new_name_replaces(client, stacks, make):
    stacks.create("s", {"Q": make.queue(QueueName="mine")})
    stacks.update("s", {"Q": make.queue(QueueName="yours")})
    assert client("sqs").list_queues()["QueueUrls"][0].endswith("/yours")


@covers("cloudformation", "UpdateStack")
def test_update_replace_policy_keeps_the_old_one(client, stacks, make):
    stacks.create("s", {"Q": {**make.queue(), "UpdateReplacePolicy": "Retain"}})
    old = stacks.physical("s", "Q")
    stacks.update("s", {"Q": {**make.queue(FifoQueue=True), "UpdateReplacePolicy": "Retain"}})
    assert old in client("sqs").list_queues()["QueueUrls"]
    assert ("Q", "DELETE_SKIPPED", None) in stacks.events("s")


@covers("cloudformation", "UpdateStack")
def test_added_and_removed(client, stacks, make):
    stacks.create("s", {"A": make.queue(), "B": make.queue()})
    stacks.update("s", {"A": make.queue(), "C": make.queue()})
    assert set(stacks.resources("s")) == {"A", "C"}
    assert len(client("sqs").list_queues()["QueueUrls"]) == 2


@covers("cloudformation", "UpdateStack")
def test_a_dependent_follows_a_replacement(client, stacks, make):
    def resources(**dead):
        return {
            "Dead": make.queue(**dead),
            "Main": make.queue(
                FifoQueue=bool(dead.get("FifoQueue")),
                RedrivePolicy={
                    "deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]},
                    "maxReceiveCount": 2,
                },
            ),
        }

    stacks.create("s", resources(QueueName="dead-1"))
    stacks.update("s", resources(QueueName="dead-2"))
    policy = json.loads(attributes(client, stacks.physical("s", "Main"))["RedrivePolicy"])
    assert policy["deadLetterTargetArn"].endswith(":dead-2")


@covers("cloudformation", "UpdateStack", error="ValidationError")
def test_update_that_is_none(cfn, stacks, make):
    stacks.create("s", {"Q": make.queue(VisibilityTimeout=10)})
    with aws_error("ValidationError", message="No updates are to be performed."):
        cfn.update_stack(
            StackName="s", TemplateBody=make.template({"Q": make.queue(VisibilityTimeout="10")})
        )
    with aws_error("ValidationError", message="Stack [none] does not exist"):
        cfn.update_stack(StackName="none", TemplateBody=make.template())
    with aws_error("ValidationError", match="^Update of resource type is not permitted"):
        cfn.update_stack(StackName="s", TemplateBody=make.template({"Q": make.handle}))
    bad = {"Q": make.queue(Nope=1)}
    broken = stacks.create("broken", bad, status="ROLLBACK_COMPLETE")
    with aws_error(
        "ValidationError",
        message=f"Stack:{broken['StackId']} is in ROLLBACK_COMPLETE state and can not be updated.",
    ):
        cfn.update_stack(StackName="broken", TemplateBody=make.template())


@covers("cloudformation", "UpdateStack")
def test_parameters_and_what_stays(cfn, client, stacks, make):
    parameters = {
        "Seconds": {"Type": "Number", "Default": 5},
        "Secret": {"Type": "String", "NoEcho": True},
    }
    resources = {"Q": make.queue(VisibilityTimeout={"Ref": "Seconds"})}
    stacks.create(
        "s",
        resources,
        Parameters=parameters,
        request={
            "Parameters": [{"ParameterKey": "Secret", "ParameterValue": "abc"}],
            "Tags": [{"Key": "k", "Value": "v"}],
        },
    )
    cfn.update_stack(
        StackName="s",
        UsePreviousTemplate=True,
        Parameters=[
            {"ParameterKey": "Secret", "UsePreviousValue": True},
            {"ParameterKey": "Seconds", "ParameterValue": "7"},
        ],
    )
    stack = stacks.settle("s")
    values = {p["ParameterKey"]: p["ParameterValue"] for p in stack["Parameters"]}
    assert values == {"Seconds": "7", "Secret": "****"}
    assert stack["Tags"] == [{"Key": "k", "Value": "v"}]
    assert attributes(client, stacks.physical("s", "Q"))["VisibilityTimeout"] == "7"


@covers("cloudformation", "UpdateStack")
def test_changed_tags_reach_the_resources(cfn, client, stacks, make):
    stacks.create("s", {"Q": make.queue()}, request={"Tags": [{"Key": "a", "Value": "1"}]})
    cfn.update_stack(
        StackName="s", UsePreviousTemplate=True, Tags=[{"Key": "a", "Value": "2"}]
    )
    stacks.settle("s")
    tags = client("sqs").list_queue_tags(QueueUrl=stacks.physical("s", "Q"))["Tags"]
    assert tags == {"a": "2"}


@covers("cloudformation", "UpdateStack")
def test_conditions_and_no_value(client, stacks, make):
    sections = {
        "Parameters": {"Big": {"Type": "String", "Default": "no"}},
        "Conditions": {"IsBig": {"Fn::Equals": [{"Ref": "Big"}, "yes"]}},
    }
    resources = {
        "Q": make.queue(
            VisibilityTimeout={"Fn::If": ["IsBig", 60, {"Ref": "AWS::NoValue"}]}
        ),
        "Extra": {**make.queue(), "Condition": "IsBig"},
    }
    stacks.create("s", resources, **sections)
    assert set(stacks.resources("s")) == {"Q"}
    stacks.update(
        "s",
        resources,
        request={"Parameters": [{"ParameterKey": "Big", "ParameterValue": "yes"}]},
        **sections,
    )
    assert set(stacks.resources("s")) == {"Q", "Extra"}
    assert attributes(client, stacks.physical("s", "Q"))["VisibilityTimeout"] == "60"


@covers("cloudformation", "UpdateStack")
def test_failed_update_restores_everything(client, stacks, make):
    before = {
        "InPlace": make.queue(VisibilityTimeout=10),
        "Replaced": make.queue(),
        "Removed": make.queue(),
        "Same": make.queue(),
    }
    after = {
        "InPlace": make.queue(VisibilityTimeout=20),
        "Replaced": make.queue(FifoQueue=True),
        "Same": make.queue(),
        "Added": make.queue(),
        "Bad": make.queue(["InPlace", "Replaced", "Added"], Nope=1),
    }
    stacks.create(
        "s", before, Description="old", Outputs={"O": {"Value": {"Ref": "Replaced"}}}
    )
    urls = stacks.resources("s")
    stack = stacks.update(
        "s",
        after,
        status="UPDATE_ROLLBACK_COMPLETE",
        Description="new",
        Outputs={"O": {"Value": {"Ref": "Added"}}},
    )
    assert stack["Description"] == "old"
    assert stacks.outputs("s") == {"O": urls["Replaced"][1]}
    now = stacks.resources("s")
    assert {name: physical for name, (_, physical) in now.items()} == {
        name: physical for name, (_, physical) in urls.items()
    }
    assert sorted(client("sqs").list_queues()["QueueUrls"]) == sorted(
        physical for _, physical in urls.values()
    )
    assert attributes(client, urls["InPlace"][1])["VisibilityTimeout"] == "10"
    events = stacks.events("s")
    reasons = [reason for _, status, reason in events if status == "UPDATE_ROLLBACK_IN_PROGRESS"]
    assert reasons == ["The following resource(s) failed to create: [Bad]. "]
    # What the failed update made goes in the clean-up.
    cleanup = events.index(("s", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", None))
    assert ("Added", "DELETE_COMPLETE", None) in events[cleanup:]
    assert ("Replaced", "DELETE_COMPLETE", None) in events[cleanup:]
    # And the stack can be updated again.
    stacks.update("s", {"Same": make.queue()})
    assert set(stacks.resources("s")) == {"Same"}


@covers("cloudformation", "UpdateStack")
@covers("cloudformation", "RollbackStack")
def test_update_without_rollback(cfn, client, stacks, make):
    stacks.create("s", {"Q": make.queue(VisibilityTimeout=10)})
    after = {"Q": make.queue(VisibilityTimeout=20), "Bad": make.queue("Q", Nope=1)}
    failed = stacks.update(
        "s", after, status="UPDATE_FAILED", request={"DisableRollback": True}
    )
    assert failed["StackStatusReason"] == "The following resource(s) failed to create: [Bad]. "
    url = stacks.physical("s", "Q")
    assert attributes(client, url)["VisibilityTimeout"] == "20"
    # A corrected template goes on from there.
    after["Bad"] = make.queue("Q")
    stacks.update("s", after, request={"DisableRollback": True})
    after["Q"] = make.queue(VisibilityTimeout=30)
    after["Bad"] = make.queue("Q", Nope=1)
    stacks.update("s", after, status="UPDATE_FAILED", request={"DisableRollback": True})
    cfn.rollback_stack(StackName="s")
    assert stacks.settle("s")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert attributes(client, url)["VisibilityTimeout"] == "20"


@covers("cloudformation", "UpdateStack")
def test_stack_policy_protects(cfn, client, stacks, make):
    def policy(*denied):
        statements = [
            {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"},
            {
                "Effect": "Deny",
                "Action": list(denied),
                "Principal": "*",
                "Resource": "LogicalResourceId/Q",
                "Condition": {"StringLike": {"ResourceType": ["AWS::SQS::*"]}},
            },
        ]
        return json.dumps({"Statement": statements})

    stacks.create(
        "s",
        {"Q": make.queue(VisibilityTimeout=1), "R": make.queue()},
        request={"StackPolicyBody": policy("Update:Modify", "Update:Delete")},
    )
    changed = {"Q": make.queue(VisibilityTimeout=2), "R": make.queue(VisibilityTimeout=2)}
    stacks.update("s", changed, status="UPDATE_ROLLBACK_COMPLETE")
    reasons = [r for n, s, r in stacks.events("s") if (n, s) == ("Q", "UPDATE_FAILED")]
    assert reasons == [
        "Action denied by stack policy: Statement [#2] does not allow [Update:Modify] for resource "
        "[LogicalResourceId/Q];"
    ]
    gone = stacks.update("s", {"R": make.queue()}, status="UPDATE_ROLLBACK_COMPLETE")
    reasons = [r for _, s, r in stacks.events("s") if s == "UPDATE_ROLLBACK_IN_PROGRESS"]
    assert "[Update:Delete]" in reasons[1]
    assert gone["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    # AWS: StackPolicyDuringUpdateBody stands in its place for one update.
    stacks.update("s", changed, request={"StackPolicyDuringUpdateBody": policy("Update:Replace")})
    assert attributes(client, stacks.physical("s", "Q"))["VisibilityTimeout"] == "2"
    changed["Q"] = make.queue(VisibilityTimeout=3)
    stacks.update("s", changed, status="UPDATE_ROLLBACK_COMPLETE")


@covers("cloudformation", "ContinueUpdateRollback")
@covers("cloudformation", "ContinueUpdateRollback", error="ValidationError")
def test_rollback_that_fails_and_goes_on(cfn, client, account, stacks, stacks_as, make):
    iam = client("iam")
    iam.create_user(UserName="u")
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    iam.put_user_policy(
        UserName="u",
        PolicyName="p",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [everything]}),
    )
    as_user = stacks_as(credentials=iam.create_access_key(UserName="u")["AccessKey"])
    as_user.create("s", {"Q": make.queue(VisibilityTimeout=10)})
    url = stacks.physical("s", "Q")
    lock = {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {
            "Queues": [{"Ref": "Q"}],
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "sqs:SetQueueAttributes",
                        "Resource": "*",
                    }
                ],
            },
        },
    }
    after = {
        "Q": make.queue(VisibilityTimeout=20),
        "Lock": lock,
        "Bad": make.queue("Lock", Nope=1),
    }
    failed = as_user.update("s", after, status="UPDATE_ROLLBACK_FAILED")
    assert failed["StackStatusReason"] == "The following resource(s) failed to update: [Q]. "
    # Nothing got better: it fails again.
    as_user.client.continue_update_rollback(StackName="s")
    assert stacks.settle("s")["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    as_user.client.continue_update_rollback(StackName="s", ResourcesToSkip=["Q"])
    assert stacks.settle("s")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert attributes(client, url)["VisibilityTimeout"] == "20"
    with aws_error("ValidationError", match="is in UPDATE_ROLLBACK_COMPLETE state"):
        cfn.continue_update_rollback(StackName="s")


@covers("cloudformation", "CancelUpdateStack")
@covers("cloudformation", "CancelUpdateStack", error="ValidationError")
def test_cancel_update(cfn, client, stacks, make):
    def waiting(seconds):
        """A queue that is changed, and a wait condition behind it that nobody signals."""
        return {
            "Q": make.queue(VisibilityTimeout=seconds),
            "H": make.handle,
            "W": {
                "Type": "AWS::CloudFormation::WaitCondition",
                "DependsOn": "Q",
                "Properties": {"Handle": {"Ref": "H"}, "Timeout": "3600"},
            },
        }

    stacks.create("s", {"Q": make.queue(VisibilityTimeout=10)})
    with aws_error(
        "ValidationError", message="CancelUpdateStack cannot be called from current stack status"
    ):
        cfn.cancel_update_stack(StackName="s")
    cfn.update_stack(StackName="s", TemplateBody=make.template(waiting(20)))
    with aws_error("ValidationError", match="is in UPDATE_IN_PROGRESS state and can not be updated"):
        cfn.update_stack(StackName="s", TemplateBody=make.template(waiting(30)))
    cfn.cancel_update_stack(StackName="s")
    assert stacks.settle("s")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert attributes(client, stacks.physical("s", "Q"))["VisibilityTimeout"] == "10"


@covers("cloudformation", "ListExports")
@covers("cloudformation", "ListImports")
@covers("cloudformation", "ListImports", error="ValidationError")
@covers("cloudformation", "ListExports", error="ValidationError")
def test_exports_are_guarded(cfn, stacks, make):
    def exporting(value, name="shared"):
        return {"O": {"Value": value, "Export": {"Name": name}}}

    importing = {"Q": make.queue(Tags=[{"Key": "k", "Value": {"Fn::ImportValue": "shared"}}])}
    stacks.create(
        "lost", importing, status="ROLLBACK_COMPLETE"
    )
    reasons = [r for _, s, r in stacks.events("lost") if s == "ROLLBACK_IN_PROGRESS"]
    assert reasons == ["No export named shared found. Rollback requested by user."]
    source = stacks.create("source", Outputs=exporting("one"))
    assert cfn.list_exports()["Exports"] == [
        {"ExportingStackId": source["StackId"], "Name": "shared", "Value": "one"}
    ]
    with aws_error("ValidationError", match="not imported by any stack"):
        cfn.list_imports(ExportName="shared")
    stacks.create("user", importing)
    assert cfn.list_imports(ExportName="shared")["Imports"] == ["user"]
    stacks.create("twin", status="ROLLBACK_COMPLETE", Outputs=exporting("two"))
    reasons = [r for _, s, r in stacks.events("twin") if s == "ROLLBACK_IN_PROGRESS"]
    assert reasons == [
        "Export with name shared is already exported by stack source. Rollback requested by user."
    ]
    stacks.update("source", status="UPDATE_ROLLBACK_COMPLETE", Outputs=exporting("other"))
    reasons = [r for _, s, r in stacks.events("source") if s == "UPDATE_ROLLBACK_IN_PROGRESS"]
    assert reasons == ["Export shared cannot be updated as it is in use by user"]
    # OBSERVED: rlister/stax issue 40: the stack goes back to its status, with the reason.
    refused = stacks.delete("source", status="UPDATE_ROLLBACK_COMPLETE")
    assert refused["StackStatusReason"] == "Export shared cannot be deleted as it is in use by user"
    stacks.delete("user")
    stacks.delete("source")
    assert cfn.list_exports()["Exports"] == []
    with aws_error("ValidationError", match="does not exist"):
        cfn.list_imports(ExportName="shared")
    with aws_error("ValidationError", match="^Invalid NextToken"):
        cfn.list_exports(NextToken="rubbish")


@covers("cloudformation", "CreateStack")
@covers("cloudformation", "CreateStack", error="AccessDenied")
def test_a_stack_acts_with_its_role(cfn, client, account, stacks, stacks_as, make):
    iam = client("iam")

    def statement(*actions, resource="*"):
        return {"Effect": "Allow", "Action": list(actions), "Resource": resource}

    def document(*statements):
        return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})

    def trusting(service):
        return document(
            {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        )

    arns = {}
    for name, service in (("deployer", "cloudformation"), ("stranger", "ec2")):
        arns[name] = iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=trusting(f"{service}.amazonaws.com")
        )["Role"]["Arn"]
    iam.put_role_policy(
        RoleName="deployer", PolicyName="p", PolicyDocument=document(statement("sqs:*"))
    )
    iam.create_user(UserName="u")
    iam.put_user_policy(
        UserName="u", PolicyName="p", PolicyDocument=document(statement("cloudformation:*"))
    )
    as_user = stacks_as(credentials=iam.create_access_key(UserName="u")["AccessKey"])
    # Its own permissions do not reach to SQS.
    as_user.create("own", {"Q": make.queue()}, status="ROLLBACK_COMPLETE")
    reasons = [r for _, s, r in stacks.events("own") if s == "CREATE_FAILED"]
    assert "sqs:CreateQueue" in reasons[0] or "sqs:createqueue" in reasons[0]
    # The role's do, when it may be passed.
    with aws_error("AccessDenied", http_status=403, match="iam:PassRole"):
        as_user.client.create_stack(
            StackName="roled", TemplateBody=make.template(), RoleARN=arns["deployer"]
        )
    iam.put_user_policy(
        UserName="u",
        PolicyName="pass",
        PolicyDocument=document(statement("iam:PassRole", resource=list(arns.values()))),
    )
    with aws_error("ValidationError", match="is invalid or cannot be assumed"):
        as_user.client.create_stack(
            StackName="roled", TemplateBody=make.template(), RoleARN=arns["stranger"]
        )
    stack = as_user.create("roled", {"Q": make.queue()}, request={"RoleARN": arns["deployer"]})
    assert stack["RoleARN"] == arns["deployer"]
    as_user.delete("roled")


@pytest.mark.parametrize("count", [60])
@covers("cloudformation", "CreateStack")
def test_kill_in_the_middle(new_server, account, client, stacks_as, make, count):
    """Whatever the moment of death, the stack goes on after the restart."""
    server = new_server(is_stored=True)
    cfn = client("cloudformation", server=server)
    resources = {f"Q{i}": make.queue([f"Q{i - 1}"] if i else None) for i in range(count)}
    cfn.create_stack(StackName="s", TemplateBody=make.template(resources))
    for _ in range(3):
        server.kill()
        server.start()
        cfn = client("cloudformation", server=server)
        cfn.describe_stacks(StackName="s")
    again = stacks_as(server=server)
    assert again.settle("s")["StackStatus"] == "CREATE_COMPLETE"
    events = again.events("s")
    assert len(events) == 2 + 3 * count
    assert len(client("sqs", server=server).list_queues()["QueueUrls"]) == count


@covers("cloudformation", "UpdateStack")
def test_going_on_after_a_failed_creation(client, stacks, make):
    """What the failed operation made and the next template leaves out does not stay behind."""
    off = {"DisableRollback": True}
    resources = {
        "Kept": make.queue(),
        "Dropped": make.queue(),
        "Bad": make.queue(["Kept", "Dropped"], Nope=1),
    }
    stacks.create("s", resources, status="CREATE_FAILED", request=off)
    stacks.update("s", {"Kept": make.queue(VisibilityTimeout=3)}, request=off)
    assert set(stacks.resources("s")) == {"Kept"}
    assert client("sqs").list_queues()["QueueUrls"] == [stacks.physical("s", "Kept")]
    # Replaced by a failed update, then removed: both are deleted.
    failing = {"Kept": make.queue(FifoQueue=True), "Bad": make.queue("Kept", Nope=1)}
    stacks.update("s", failing, status="UPDATE_FAILED", request=off)
    assert len(client("sqs").list_queues()["QueueUrls"]) == 2
    stacks.update("s", {"Handle": make.handle}, request=off)
    assert set(stacks.resources("s")) == {"Handle"}
    assert client("sqs").list_queues().get("QueueUrls", []) == []


@covers("cloudformation", "UpdateStack")
def test_a_key_is_never_replaced(client, stacks):
    def key(**properties):
        return {"K": {"Type": "AWS::KMS::Key", "Properties": properties}}

    stacks.create("s", key(Description="one"))
    key_id = stacks.physical("s", "K")
    # AWS: "If you change the value of the KeySpec, KeyUsage, Origin, or MultiRegion properties of
    # an existing KMS key, the update request fails".
    stacks.update("s", key(Description="two", MultiRegion=True), status="UPDATE_ROLLBACK_COMPLETE")
    assert [e[2] for e in stacks.events("s") if e[1] == "UPDATE_FAILED"] == [
        f"Resource of type 'AWS::KMS::Key' with identifier '{key_id}' is not updatable with "
        "parameters provided."
    ]
    found = client("kms").describe_key(KeyId=key_id)["KeyMetadata"]
    assert (found["KeyState"], found["Description"]) == ("Enabled", "one")


@covers("cloudformation", "CreateStack")
@covers("cloudformation", "CancelUpdateStack")
def test_monitoring_time(cfn, client, stacks, make, clock):
    monitored = {"RollbackConfiguration": {"MonitoringTimeInMinutes": 5}}
    body = {10: make.template({"Q": make.queue(VisibilityTimeout=10)}),
            20: make.template({"Q": make.queue(VisibilityTimeout=20)})}
    cfn.create_stack(StackName="s", TemplateBody=body[10], **monitored)
    assert stacks.describe("s")["StackStatus"] == "CREATE_IN_PROGRESS"
    clock.advance("6m")
    stack = stacks.settle("s")
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["RollbackConfiguration"]["MonitoringTimeInMinutes"] == 5
    # AWS: "manually cancel the stack creation or update ... as necessary".
    cfn.update_stack(StackName="s", TemplateBody=body[20])
    clock.advance("3m")
    assert stacks.describe("s")["StackStatus"] == "UPDATE_IN_PROGRESS"
    cfn.cancel_update_stack(StackName="s")
    assert stacks.settle("s")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert attributes(client, stacks.physical("s", "Q"))["VisibilityTimeout"] == "10"
    cfn.update_stack(StackName="s", TemplateBody=body[20])
    clock.advance("6m")
    assert stacks.settle("s")["StackStatus"] == "UPDATE_COMPLETE"
