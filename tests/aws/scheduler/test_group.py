"""Schedule groups, their tags, and both types in stacks."""

import json
import time

from harness import aws_error, covers


def group_arn(account, name):
    return f"arn:aws:scheduler:us-east-1:{account}:schedule-group/{name}"


@covers("scheduler", "CreateScheduleGroup")
@covers("scheduler", "GetScheduleGroup")
@covers("scheduler", "DeleteScheduleGroup")
@covers("scheduler", "ListScheduleGroups")
def test_the_life_of_a_group(scheduler, schedule, account):
    made = scheduler.create_schedule_group(Name="g", Tags=[{"Key": "a", "Value": "b"}])
    assert made["ScheduleGroupArn"] == group_arn(account, "g")
    found = scheduler.get_schedule_group(Name="g")
    assert (found["Arn"], found["State"]) == (made["ScheduleGroupArn"], "ACTIVE")
    schedule("rate(1 day)", "arn:aws:sqs:us-east-1:111122223333:q", GroupName="g", State="DISABLED")
    page = scheduler.list_schedule_groups(MaxResults=1)
    assert [one["Name"] for one in page["ScheduleGroups"]] == ["default"]
    page = scheduler.list_schedule_groups(MaxResults=1, NextToken=page["NextToken"])
    assert [one["Name"] for one in page["ScheduleGroups"]] == ["g"]
    scheduler.delete_schedule_group(Name="g")
    assert scheduler.list_schedules()["Schedules"] == []
    with aws_error("ResourceNotFoundException"):
        scheduler.get_schedule_group(Name="g")
    assert scheduler.get_schedule_group(Name="default")["Arn"] == group_arn(account, "default")


@covers("scheduler", "CreateScheduleGroup", error="ConflictException")
@covers("scheduler", "DeleteScheduleGroup", error="ValidationException")
@covers("scheduler", "DeleteScheduleGroup", error="ResourceNotFoundException")
@covers("scheduler", "GetScheduleGroup", error="ResourceNotFoundException")
@covers("scheduler", "ListScheduleGroups", error="ValidationException")
def test_groups_that_cannot_be(scheduler):
    first = scheduler.create_schedule_group(Name="g", ClientToken="t")
    assert scheduler.create_schedule_group(Name="g", ClientToken="t") | {
        "ResponseMetadata": None
    } == first | {"ResponseMetadata": None}
    with aws_error("ConflictException", http_status=409) as error:
        scheduler.create_schedule_group(Name="g")
    assert error.message == "Schedule group g already exists."
    with aws_error("ConflictException"):
        scheduler.create_schedule_group(Name="default")
    with aws_error("ValidationException"):
        scheduler.delete_schedule_group(Name="default")
    for call in (scheduler.delete_schedule_group, scheduler.get_schedule_group):
        with aws_error("ResourceNotFoundException"):
            call(Name="nothing")
    with aws_error("ValidationException"):
        scheduler.list_schedule_groups(NextToken="no token!")


@covers("scheduler", "TagResource")
@covers("scheduler", "UntagResource")
@covers("scheduler", "ListTagsForResource")
@covers("scheduler", "TagResource", error="ResourceNotFoundException")
@covers("scheduler", "UntagResource", error="ResourceNotFoundException")
@covers("scheduler", "ListTagsForResource", error="ResourceNotFoundException")
@covers("scheduler", "TagResource", error="ValidationException")
def test_tags(scheduler, account):
    tag = {"Key": "a", "Value": "b"}
    for name in ("g", "default"):
        if name == "g":
            scheduler.create_schedule_group(Name=name)
        arn = group_arn(account, name)
        scheduler.tag_resource(ResourceArn=arn, Tags=[tag])
        assert scheduler.list_tags_for_resource(ResourceArn=arn)["Tags"] == [tag]
        scheduler.untag_resource(ResourceArn=arn, TagKeys=["a"])
        assert scheduler.list_tags_for_resource(ResourceArn=arn)["Tags"] == []
    gone = group_arn(account, "nothing")
    with aws_error("ResourceNotFoundException"):
        scheduler.tag_resource(ResourceArn=gone, Tags=[tag])
    with aws_error("ResourceNotFoundException"):
        scheduler.untag_resource(ResourceArn=gone, TagKeys=["a"])
    with aws_error("ResourceNotFoundException"):
        scheduler.list_tags_for_resource(ResourceArn=gone)
    with aws_error("ValidationException"):
        scheduler.tag_resource(
            ResourceArn=group_arn(account, "g"), Tags=[{"Key": "aws:x", "Value": "b"}]
        )


def test_both_types_in_a_stack(scheduler, client, new_role):
    cloudformation = client("cloudformation")
    role = new_role()

    def run(call, status, tag, expression):
        resources = {
            "G": {"Type": "AWS::Scheduler::ScheduleGroup",
                  "Properties": {"Tags": [{"Key": "k", "Value": tag}]}},
            "S": {"Type": "AWS::Scheduler::Schedule", "Properties": {
                "GroupName": {"Ref": "G"}, "ScheduleExpression": expression,
                "StartDate": "2099-01-01T00:00:00.000Z", "EndDate": "2099-02-01T00:00:00Z",
                "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": "5"},
                "Target": {"Arn": "arn:aws:sqs:us-east-1:111122223333:q", "RoleArn": role,
                           "RetryPolicy": {"MaximumRetryAttempts": 3}}}},
        }
        outputs = {"S": {"Ref": "S"}, "Arn": {"Fn::GetAtt": "S.Arn"}, "G": {"Ref": "G"},
                   "GroupArn": {"Fn::GetAtt": "G.Arn"}, "State": {"Fn::GetAtt": "G.State"}}
        call(StackName="s", TemplateBody=json.dumps({
            "Resources": resources,
            "Outputs": {name: {"Value": value} for name, value in outputs.items()}}))
        until = time.monotonic() + 20
        while time.monotonic() < until:
            stack = cloudformation.describe_stacks(StackName="s")["Stacks"][0]
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                break
            time.sleep(0.02)
        assert stack["StackStatus"] == status, cloudformation.describe_stack_events(StackName="s")
        return {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}

    out = run(cloudformation.create_stack, "CREATE_COMPLETE", "1", "rate(1 day)")
    found = scheduler.get_schedule(Name=out["S"], GroupName=out["G"])
    assert (found["Arn"], out["State"]) == (out["Arn"], "ACTIVE")
    assert found["StartDate"].year == 2099
    assert found["FlexibleTimeWindow"]["MaximumWindowInMinutes"] == 5
    out = run(cloudformation.update_stack, "UPDATE_COMPLETE", "2", "rate(2 days)")
    found = scheduler.get_schedule(Name=out["S"], GroupName=out["G"])
    assert found["ScheduleExpression"] == "rate(2 days)"
    tags = scheduler.list_tags_for_resource(ResourceArn=out["GroupArn"])["Tags"]
    assert {"Key": "k", "Value": "2"} in tags
    cloudformation.delete_stack(StackName="s")
    until = time.monotonic() + 20
    while time.monotonic() < until and scheduler.list_schedules()["Schedules"]:
        time.sleep(0.02)
    time.sleep(0.2)
    assert len(scheduler.list_schedule_groups()["ScheduleGroups"]) == 1
