"""Change sets: what would change, exactly; carrying them out."""

import json

from harness import aws_error, covers

NO_CHANGES = (
    "The submitted information didn't contain changes. Submit different information to create a "
    "change set."
)


def propose(cfn, stack, template, kind="UPDATE", name="proposal", **more):
    created = cfn.create_change_set(
        StackName=stack,
        ChangeSetName=name,
        ChangeSetType=kind,
        **({"TemplateBody": template} if template else {"UsePreviousTemplate": True}),
        **more,
    )
    return cfn.describe_change_set(ChangeSetName=created["Id"], IncludePropertyValues=True)


def changes(description):
    return {
        change["ResourceChange"]["LogicalResourceId"]: change["ResourceChange"]
        for change in description["Changes"]
    }


@covers("cloudformation", "CreateChangeSet")
@covers("cloudformation", "DescribeChangeSet")
@covers("cloudformation", "ExecuteChangeSet")
@covers("cloudformation", "ListChangeSets")
def test_create_by_change_set(cfn, stacks, make):
    body = make.template({"Q": make.queue()})
    described = propose(cfn, "new", body, kind="CREATE", Description="first")
    assert described["Status"] == "CREATE_COMPLETE"
    assert described["ExecutionStatus"] == "AVAILABLE"
    assert described["Description"] == "first"
    change = changes(described)["Q"]
    assert (change["Action"], change["ResourceType"]) == ("Add", "AWS::SQS::Queue")
    assert stacks.describe("new")["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert [s["ChangeSetName"] for s in cfn.list_change_sets(StackName="new")["Summaries"]] == [
        "proposal"
    ]
    cfn.execute_change_set(ChangeSetName="proposal", StackName="new", ClientRequestToken="tok")
    stack = stacks.settle("new")
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["ChangeSetId"] == described["ChangeSetId"]
    assert stacks.events("new")[:2] == [
        ("new", "REVIEW_IN_PROGRESS", "User Initiated"),
        ("new", "CREATE_IN_PROGRESS", "User Initiated"),
    ]
    after = cfn.describe_change_set(ChangeSetName=described["ChangeSetId"])
    assert after["ExecutionStatus"] == "EXECUTE_COMPLETE"


@covers("cloudformation", "DescribeChangeSet")
def test_details_of_direct_changes(cfn, stacks, make):
    stacks.create(
        "s",
        {"Q": make.queue(VisibilityTimeout=10), "R": make.queue(), "Gone": make.queue()},
    )
    body = make.template(
        {"Q": make.queue(VisibilityTimeout=20), "R": make.queue(FifoQueue=True), "N": make.handle}
    )
    described = propose(cfn, "s", body)
    found = changes(described)
    q = found["Q"]
    # AWS: "Example change sets", "Directly modify a resource's property".
    assert (q["Action"], q["Replacement"], q["Scope"]) == ("Modify", "False", ["Properties"])
    assert q["Details"] == [
        {
            "Target": {
                "Attribute": "Properties",
                "Name": "VisibilityTimeout",
                "RequiresRecreation": "Never",
                "Path": "/Properties/VisibilityTimeout",
                "BeforeValue": "10",
                "AfterValue": "20",
                "AttributeChangeType": "Modify",
            },
            "Evaluation": "Static",
            "ChangeSource": "DirectModification",
        }
    ]
    assert json.loads(q["AfterContext"]) == {"Properties": {"VisibilityTimeout": 20}}
    r = found["R"]
    assert (r["Replacement"], r["PolicyAction"]) == ("True", "ReplaceAndDelete")
    assert r["Details"][0]["Target"]["RequiresRecreation"] == "Always"
    assert (found["Gone"]["Action"], found["Gone"]["PolicyAction"]) == ("Remove", "Delete")
    assert found["N"]["Action"] == "Add"
    plain = cfn.describe_change_set(ChangeSetName=described["ChangeSetId"])
    target = changes(plain)["Q"]["Details"][0]["Target"]
    assert set(target) == {"Attribute", "Name", "RequiresRecreation"}


@covers("cloudformation", "DescribeChangeSet")
def test_details_of_indirect_changes(cfn, stacks, make):
    sections = {"Parameters": {"Name": {"Type": "String", "Default": "dead-1"}}}
    resources = {
        "Dead": make.queue(QueueName={"Ref": "Name"}),
        "Main": make.queue(
            RedrivePolicy={
                "deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]},
                "maxReceiveCount": 2,
            }
        ),
    }
    stacks.create("s", resources, **sections)
    described = propose(
        cfn,
        "s",
        None,
        Parameters=[{"ParameterKey": "Name", "ParameterValue": "dead-2"}],
    )
    found = changes(described)
    # AWS: "Example change sets", "Modify input parameters": one static detail that names the
    # parameter, one dynamic for the property itself.
    assert [
        (d["ChangeSource"], d["Evaluation"], d.get("CausingEntity"))
        for d in found["Dead"]["Details"]
    ] == [("ParameterReference", "Static", "Name"), ("DirectModification", "Dynamic", None)]
    assert found["Dead"]["Replacement"] == "True"
    detail = found["Main"]["Details"][0]
    assert (detail["ChangeSource"], detail["CausingEntity"]) == ("ResourceAttribute", "Dead.Arn")
    assert "{{changeSet:KNOWN_AFTER_APPLY}}" in detail["Target"]["AfterValue"]
    cfn.execute_change_set(ChangeSetName=described["ChangeSetId"])
    assert stacks.settle("s")["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.physical("s", "Dead").endswith("/dead-2")


@covers("cloudformation", "CreateChangeSet")
@covers("cloudformation", "ExecuteChangeSet", error="InvalidChangeSetStatus")
def test_nothing_to_change(cfn, stacks, make):
    stacks.create("s")
    described = propose(cfn, "s", make.template())
    assert (described["Status"], described["StatusReason"]) == ("FAILED", NO_CHANGES)
    assert described["ExecutionStatus"] == "UNAVAILABLE"
    assert described["Changes"] == []
    with aws_error("InvalidChangeSetStatus", http_status=400):
        cfn.execute_change_set(ChangeSetName=described["ChangeSetId"])


@covers("cloudformation", "CreateChangeSet")
def test_outputs_alone_are_a_change(cfn, stacks, make):
    stacks.create("s", Outputs={"O": {"Value": "1"}})
    described = propose(cfn, "s", make.template(Outputs={"O": {"Value": "2"}}))
    assert described["Status"] == "CREATE_COMPLETE" and described["Changes"] == []
    cfn.execute_change_set(ChangeSetName=described["ChangeSetId"])
    stacks.settle("s")
    assert stacks.outputs("s") == {"O": "2"}


@covers("cloudformation", "CreateChangeSet", error="ValidationError")
@covers("cloudformation", "CreateChangeSet", error="AlreadyExistsException")
def test_change_sets_that_cannot_be(cfn, stacks, make):
    stacks.create("s")
    with aws_error("ValidationError", message="Stack [none] does not exist"):
        propose(cfn, "none", make.template())
    with aws_error("ValidationError", match="already exists and cannot be created again"):
        propose(cfn, "s", make.template(), kind="CREATE")
    propose(cfn, "s", make.template({"Q": make.queue()}))
    with aws_error("AlreadyExistsException"):
        propose(cfn, "s", make.template({"Q": make.queue()}))


@covers("cloudformation", "DescribeChangeSet", error="ChangeSetNotFound")
@covers("cloudformation", "ExecuteChangeSet", error="ChangeSetNotFound")
@covers("cloudformation", "DescribeChangeSet", error="ValidationError")
@covers("cloudformation", "ListChangeSets", error="ValidationError")
def test_change_sets_that_are_not_there(cfn, stacks):
    stacks.create("s")
    with aws_error("ChangeSetNotFound", http_status=404, message="ChangeSet [x] does not exist"):
        cfn.describe_change_set(ChangeSetName="x", StackName="s")
    with aws_error("ChangeSetNotFound", http_status=404):
        cfn.execute_change_set(ChangeSetName="x", StackName="s")
    with aws_error("ValidationError", match="^StackName must be specified"):
        cfn.describe_change_set(ChangeSetName="x")
    with aws_error("ValidationError", message="Stack [none] does not exist"):
        cfn.list_change_sets(StackName="none")


@covers("cloudformation", "DeleteChangeSet")
@covers("cloudformation", "DeleteChangeSet", error="ValidationError")
def test_delete_change_set(cfn, stacks, make):
    stacks.create("s")
    described = propose(cfn, "s", make.template({"Q": make.queue()}))
    cfn.delete_change_set(ChangeSetName="proposal", StackName="s")
    assert cfn.list_change_sets(StackName="s")["Summaries"] == []
    cfn.delete_change_set(ChangeSetName=described["ChangeSetId"])
    with aws_error("ValidationError", message="Stack [none] does not exist"):
        cfn.delete_change_set(ChangeSetName="proposal", StackName="none")


@covers("cloudformation", "ExecuteChangeSet")
def test_executing_one_drops_the_others(cfn, stacks, make):
    stacks.create("s")
    first = propose(cfn, "s", make.template({"Q": make.queue()}), name="one")
    propose(cfn, "s", make.template({"R": make.queue()}), name="two")
    cfn.execute_change_set(ChangeSetName=first["ChangeSetId"])
    stacks.settle("s")
    names = [s["ChangeSetName"] for s in cfn.list_change_sets(StackName="s")["Summaries"]]
    assert names == ["one"]


@covers("cloudformation", "CreateChangeSet")
@covers("cloudformation", "CreateChangeSet", error="AlreadyExistsException")
def test_a_name_is_free_again_when_its_change_set_is_spent(cfn, stacks, make):
    body = make.template({"Q": make.queue()})
    stacks.create("s", {"Q": make.queue()})
    arguments = {"StackName": "s", "ChangeSetName": "same"}
    cfn.create_change_set(**arguments, TemplateBody=body)  # no changes: FAILED
    cfn.create_change_set(**arguments, TemplateBody=make.template({"R": make.queue()}))
    # Documented: AlreadyExistsException, "The resource with the name requested already exists."
    with aws_error("AlreadyExistsException", match="already exists$"):
        cfn.create_change_set(**arguments, TemplateBody=body)


@covers("cloudformation", "CreateChangeSet")
def test_deploy_with_the_cli(aws, tmp_path, make):
    body = tmp_path / "t.json"
    body.write_text(make.template({"Q": make.queue()}, Outputs={"U": {"Value": {"Ref": "Q"}}}))
    deploy = ("cloudformation", "deploy", "--stack-name", "cli", "--template-file", body)
    first = aws(*deploy)
    # The CLI's own words.
    assert "Successfully created/updated stack - cli" in first.stdout
    again = aws(*deploy, "--no-fail-on-empty-changeset")
    assert "No changes to deploy. Stack cli is up to date" in again.stdout
    body.write_text(make.template({"Q": make.queue(Nope=1)}))
    failed = aws(*deploy, check=False)
    assert failed.returncode != 0 and "Failed to create/update the stack" in failed.stderr
    aws("cloudformation", "delete-stack", "--stack-name", "cli")
    aws("cloudformation", "wait", "stack-delete-complete", "--stack-name", "cli")
