"""Nested stacks: AWS::CloudFormation::Stack."""

import json

import pytest

from harness import aws_error, covers


def nested(url, depends_on=None, **properties):
    resource = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {"TemplateURL": url, **properties},
    }
    if depends_on:
        resource["DependsOn"] = depends_on
    return resource


def child_template(make, queues=("Q",), fail=False, **properties):
    resources = {name: make.queue(**properties) for name in queues}
    if fail:
        resources["Bad"] = make.queue(depends_on=list(queues), DelaySeconds=99999)
    return make.template(
        resources,
        Parameters={"Delay": {"Type": "String", "Default": "1"}},
        Outputs={
            "Url": {"Value": {"Ref": queues[0]}},
            "Delay": {"Value": {"Ref": "Delay"}},
        },
    )


def test_a_nested_stack_lives_with_its_parent(cfn, stacks, upload, make):
    url = upload("child.json", child_template(make))
    parent = stacks.create(
        "parent",
        {
            "Child": nested(url, Parameters={"Delay": 7}, Tags=[{"Key": "own", "Value": "1"}]),
            "After": make.queue(DelaySeconds={"Fn::GetAtt": ["Child", "Outputs.Delay"]}),
        },
        request={"Tags": [{"Key": "from", "Value": "parent"}]},
        Outputs={"Url": {"Value": {"Fn::GetAtt": ["Child", "Outputs.Url"]}}},
    )
    child_id = stacks.physical("parent", "Child")
    child = stacks.describe(child_id)
    assert child["StackStatus"] == "CREATE_COMPLETE"
    assert (child["ParentId"], child["RootId"]) == (parent["StackId"], parent["StackId"])
    assert child["StackName"].startswith("parent-Child-")
    assert {t["Key"]: t["Value"] for t in child["Tags"]} == {"own": "1", "from": "parent"}
    assert stacks.outputs("parent")["Url"] == stacks.physical(child_id, "Q")
    assert [e for e in stacks.events("parent") if e[0] == "Child"] == [
        ("Child", "CREATE_IN_PROGRESS", None),
        ("Child", "CREATE_IN_PROGRESS", "Resource creation Initiated"),
        ("Child", "CREATE_COMPLETE", None),
    ]
    stacks.delete("parent")
    assert stacks.describe(child_id)["StackStatus"] == "DELETE_COMPLETE"


def test_a_nested_stack_is_updated_and_cleaned_up_with_its_parent(stacks, upload, make):
    url = upload("child.json", child_template(make))
    stacks.create("parent", {"Child": nested(url)})
    child_id = stacks.physical("parent", "Child")
    old = stacks.physical(child_id, "Q")
    upload("child.json", child_template(make, FifoQueue=True))
    stacks.update("parent", {"Child": nested(url)})
    assert stacks.physical(child_id, "Q") != old
    events = stacks.events(child_id)
    assert ("Q", "DELETE_COMPLETE", None) in events
    statuses = [status for name, status, _ in events if name.startswith("parent-Child-")]
    # AWS: "CloudFormation doesn't start cleaning up nested stack resources until all nested stacks
    # have been updated or have rolled back."
    assert statuses[-3:] == [
        "UPDATE_IN_PROGRESS",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_COMPLETE",
    ]
    # Without any change the nested stack is left alone; the parent looks all the same.
    stacks.update("parent", {"Child": nested(url)})
    assert stacks.events(child_id) == events
    assert ("Child", "UPDATE_COMPLETE", None) in stacks.events("parent")


def test_what_a_nested_stack_cannot_make_fails_the_parent(stacks, upload, make):
    url = upload("child.json", child_template(make, fail=True))
    stacks.create("parent", {"Child": nested(url)}, status="ROLLBACK_COMPLETE")
    reasons = [e[2] for e in stacks.events("parent") if e[1] == "CREATE_FAILED"]
    assert len(reasons) == 1
    # Observed wording.
    assert reasons[0].startswith("Embedded stack arn:aws:cloudformation:")
    assert reasons[0].endswith(
        " was not successfully created: The following resource(s) failed to create: [Bad]. "
    )
    arn = reasons[0].split(" ")[2]
    child = stacks.describe(arn)
    assert child["StackStatus"] == "DELETE_COMPLETE"
    names = [e[1] for e in stacks.events(arn) if e[0] == child["StackName"]]
    assert names == [
        "CREATE_IN_PROGRESS", "CREATE_FAILED", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"
    ]


@pytest.mark.parametrize("failing", ["Child", "Later"])
def test_a_failed_update_puts_nested_stacks_back(stacks, upload, make, failing):
    url = upload("child.json", child_template(make))
    later = make.queue(depends_on=["Child"])
    stacks.create("parent", {"Child": nested(url), "Later": later})
    child_id = stacks.physical("parent", "Child")
    old = stacks.physical(child_id, "Q")
    outputs = stacks.outputs(child_id)
    upload("child.json", child_template(make, FifoQueue=True, fail=failing == "Child"))
    bad = make.queue(depends_on=["Child"], DelaySeconds=99999) if failing == "Later" else later
    stacks.update("parent", {"Child": nested(url), "Later": bad}, status="UPDATE_ROLLBACK_COMPLETE")
    child = stacks.describe(child_id)
    assert child["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.physical(child_id, "Q") == old
    assert stacks.outputs(child_id) == outputs
    if failing == "Child":
        reason = [e[2] for e in stacks.events("parent") if e[1] == "UPDATE_FAILED"][0]
        assert reason.startswith(f"Embedded stack {child_id} was not successfully updated. Curr")
    # It goes on from there.
    upload("child.json", child_template(make, VisibilityTimeout=5))
    stacks.update("parent", {"Child": nested(url), "Later": later})
    assert stacks.physical(child_id, "Q") == old


def test_grandchildren_and_their_removal(stacks, upload, make):
    inner = upload("inner.json", child_template(make))
    middle = upload("middle.json", make.template(
        {"Inner": nested(inner)},
        Outputs={"Url": {"Value": {"Fn::GetAtt": ["Inner", "Outputs.Url"]}}},
    ))
    root = stacks.create("root", {"Middle": nested(middle), "Q": make.queue()})
    middle_id = stacks.physical("root", "Middle")
    inner_id = stacks.physical(middle_id, "Inner")
    description = stacks.describe(inner_id)
    assert (description["ParentId"], description["RootId"]) == (middle_id, root["StackId"])
    old = stacks.physical(inner_id, "Q")
    upload("inner.json", child_template(make, FifoQueue=True))
    stacks.update(
        "root", {"Middle": nested(middle), "Q": make.queue(DelaySeconds=99999)},
        status="UPDATE_ROLLBACK_COMPLETE",
    )
    assert stacks.physical(inner_id, "Q") == old
    stacks.update("root", {"Q": make.queue()})
    assert stacks.describe(inner_id)["StackStatus"] == "DELETE_COMPLETE"
    assert stacks.describe(middle_id)["StackStatus"] == "DELETE_COMPLETE"


def test_faults_of_the_properties(stacks, upload, make):
    cases = [
        ({"TemplateURL": "ftp://x"}, "TemplateURL must be a supported URL."),
        ({"Parameters": {"Delay": ["1", "2"]}}, "Value of property Parameters must be an object "
         "with String (or simple type) properties"),
        ({"Parameters": {"None": "1"}}, "Parameters: [None] do not exist in the template"),
    ]
    url = upload("child.json", child_template(make))
    for number, (properties, reason) in enumerate(cases):
        resource = nested(url)
        resource["Properties"].update(properties)
        stacks.create(f"s{number}", {"C": resource}, status="ROLLBACK_COMPLETE")
        assert [e[2] for e in stacks.events(f"s{number}") if e[1] == "CREATE_FAILED"] == [reason]


@covers("cloudformation", "CreateStack", error="InsufficientCapabilitiesException")
def test_capabilities_of_the_parent_hold_for_its_nested_stacks(stacks, upload):
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole",
             "Principal": {"Service": "ec2.amazonaws.com"}}]}},
    }
    url = upload("child.json", json.dumps({"Resources": {"R": role}}))
    stacks.create("no", {"C": nested(url)}, status="ROLLBACK_COMPLETE")
    reasons = [e[2] for e in stacks.events("no") if e[1] == "CREATE_FAILED"]
    assert reasons == ["Requires capabilities : [CAPABILITY_IAM]"]
    stacks.create("yes", {"C": nested(url)}, request={"Capabilities": ["CAPABILITY_IAM"]})


def test_change_sets_show_nested_stacks_as_automatic(cfn, stacks, upload, make):
    url = upload("child.json", child_template(make))
    stacks.create("parent", {"Child": nested(url)})
    made = cfn.create_change_set(
        StackName="parent", ChangeSetName="c", TemplateBody=make.template({"Child": nested(url)})
    )
    change = cfn.describe_change_set(ChangeSetName=made["Id"])["Changes"][0]["ResourceChange"]
    # AWS: ResourceChangeDetail, ChangeSource: "Automatic".
    assert change["Action"] == "Modify" and change["Replacement"] == "False"
    assert change["Details"] == [{
        "Target": {"Attribute": "Properties", "RequiresRecreation": "Never"},
        "Evaluation": "Dynamic",
        "ChangeSource": "Automatic",
    }]


def test_a_resource_that_fails_stops_a_nested_stack_that_is_being_made(stacks, upload, make):
    url = upload("child.json", make.template({
        "H": make.handle,
        "W": {"Type": "AWS::CloudFormation::WaitCondition",
              "Properties": {"Handle": {"Ref": "H"}, "Timeout": "3600"}},
    }))
    stacks.create(
        "parent", {"Child": nested(url), "Bad": make.queue(DelaySeconds=99999)},
        status="ROLLBACK_COMPLETE",
    )
    arn = [e for e in stacks.events("parent") if e[0] == "Child"]
    assert arn[-1][1] == "DELETE_COMPLETE"


def test_templates_that_are_not_there(cfn, upload):
    url = upload("exists.json", "{}")
    missing = url.replace("exists.json", "missing.json")
    with aws_error("ValidationError", match="^S3 error: "):
        cfn.create_stack(StackName="s", TemplateURL=missing)
    with aws_error("ValidationError", message="TemplateURL must be a supported URL."):
        cfn.validate_template(TemplateURL="https://example.com/x")


def propose(cfn, stack, body, kind="UPDATE", name="c"):
    made = cfn.create_change_set(
        StackName=stack, ChangeSetName=name, ChangeSetType=kind, TemplateBody=body,
        IncludeNestedStacks=True,
    )
    return cfn.describe_change_set(ChangeSetName=made["Id"])


def test_nested_change_sets(cfn, stacks, upload, make):
    inner = upload("inner.json", child_template(make))
    middle = upload("middle.json", make.template({"Inner": nested(inner)}))
    body = make.template({"Middle": nested(middle)})
    root = propose(cfn, "root", body, kind="CREATE")
    assert root["Status"] == "CREATE_COMPLETE" and root["IncludeNestedStacks"]
    change = root["Changes"][0]["ResourceChange"]
    child = cfn.describe_change_set(ChangeSetName=change["ChangeSetId"])
    assert (child["ParentChangeSetId"], child["RootChangeSetId"]) == (root["ChangeSetId"],) * 2
    assert stacks.describe(child["StackId"])["StackStatus"] == "REVIEW_IN_PROGRESS"
    deep = cfn.describe_change_set(
        ChangeSetName=child["Changes"][0]["ResourceChange"]["ChangeSetId"]
    )
    assert deep["RootChangeSetId"] == root["ChangeSetId"]
    assert deep["Changes"][0]["ResourceChange"]["LogicalResourceId"] == "Q"
    with aws_error("InvalidChangeSetStatus"):
        cfn.execute_change_set(ChangeSetName=child["ChangeSetId"])
    cfn.execute_change_set(ChangeSetName=root["ChangeSetId"])
    assert stacks.settle("root")["StackStatus"] == "CREATE_COMPLETE"
    # The stacks in review became the nested ones.
    assert stacks.physical("root", "Middle") == child["StackId"]
    assert stacks.physical(child["StackId"], "Inner") == deep["StackId"]
    # Nothing changes anywhere in the tree.
    same = propose(cfn, "root", body, name="same")
    assert same["Status"] == "FAILED"
    assert same["StatusReason"].startswith("The submitted information didn't contain changes.")
    # Something does, at the bottom.
    upload("inner.json", child_template(make, VisibilityTimeout=9))
    update = propose(cfn, "root", body, name="update")
    middle_set = cfn.describe_change_set(
        ChangeSetName=update["Changes"][0]["ResourceChange"]["ChangeSetId"])
    inner_set = cfn.describe_change_set(
        ChangeSetName=middle_set["Changes"][0]["ResourceChange"]["ChangeSetId"])
    detail = inner_set["Changes"][0]["ResourceChange"]["Details"][0]
    assert detail["Target"]["Name"] == "VisibilityTimeout"
    cfn.execute_change_set(ChangeSetName=update["ChangeSetId"])
    assert stacks.settle("root")["StackStatus"] == "UPDATE_COMPLETE"


def test_deleting_a_root_change_set_deletes_its_tree(cfn, stacks, upload, make):
    url = upload("child.json", child_template(make))
    root = propose(cfn, "root", make.template({"C": nested(url)}), kind="CREATE")
    child = cfn.describe_change_set(
        ChangeSetName=root["Changes"][0]["ResourceChange"]["ChangeSetId"])
    with aws_error("InvalidChangeSetStatus"):
        cfn.delete_change_set(ChangeSetName=child["ChangeSetId"])
    cfn.delete_change_set(ChangeSetName=root["ChangeSetId"])
    with aws_error("ChangeSetNotFound"):
        cfn.describe_change_set(ChangeSetName=child["ChangeSetId"])
    assert stacks.describe(child["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_a_nested_change_set_that_cannot_be_made(cfn, upload, make):
    url = upload("child.json", "{}")
    root = propose(cfn, "root", make.template({"C": nested(url)}), kind="CREATE")
    assert root["Status"] == "FAILED"
    assert root["StatusReason"].startswith("Nested change set arn:aws:cloudformation:")
    assert root["StatusReason"].endswith(" was not successfully created: Currently in FAILED.")
