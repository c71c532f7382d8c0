"""boto3 with stock settings: what the functions of a simulated cloud are, and what they cost.

The world is that of tests/simulated_facts.rs.
"""

import datetime
import os

import boto3
import botocore
from botocore.exceptions import ClientError

import world as worlds

ENDPOINT = os.environ["AWS_ENDPOINT_URL"]


def refused(call):
    """The error of a call that must fail."""
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"]
    raise AssertionError("the call should have been refused")


def near(found, expected):
    assert abs(found - expected) <= 1e-6 * max(1.0, abs(expected)), (found, expected)


def functions_say_what_they_are():
    client = boto3.client("lambda")
    api = client.get_function_configuration(FunctionName="api")
    assert api["EphemeralStorage"] == {"Size": 1536}, api
    assert api["SnapStart"]["ApplyOn"] == "PublishedVersions", api
    assert client.list_tags(Resource=api["FunctionArn"])["Tags"] == {"team": "shop", "stage": "prod"}
    (config,) = client.list_provisioned_concurrency_configs(FunctionName="api")[
        "ProvisionedConcurrencyConfigs"
    ]
    assert config["FunctionArn"] == api["FunctionArn"] + ":live", config
    assert config["RequestedProvisionedConcurrentExecutions"] == 2, config
    url = client.get_function_url_config(FunctionName="api")
    assert url["InvokeMode"] == "RESPONSE_STREAM" and url["FunctionUrl"].startswith("https://"), url
    assert len(client.list_function_url_configs(FunctionName="api")["FunctionUrlConfigs"]) == 1
    assert refused(lambda: client.get_function_url_config(FunctionName="worker")) == "ResourceNotFoundException"
    (mapping,) = client.list_event_source_mappings(FunctionName="worker")["EventSourceMappings"]
    assert mapping["EventSourceArn"] == "arn:aws:sqs:us-east-1:123456789012:jobs", mapping
    image = client.get_function_configuration(FunctionName="worker")
    assert image["PackageType"] == "Image" and not image.get("Runtime"), image


def tags_are_found_in_pages():
    client = boto3.client("resourcegroupstaggingapi")
    pages = list(
        client.get_paginator("get_resources").paginate(
            ResourceTypeFilters=["lambda:function"], PaginationConfig={"PageSize": 1}
        )
    )
    found = [resource for page in pages for resource in page["ResourceTagMappingList"]]
    names = [resource["ResourceARN"].rsplit(":", 1)[1] for resource in found]
    assert names == ["api", "worker"] and len(pages) == 2, pages
    assert {"Key": "stage", "Value": "prod"} in found[0]["Tags"], found
    some = client.get_resources(TagFilters=[{"Key": "team", "Values": ["shop", "x"]}])
    assert len(some["ResourceTagMappingList"]) == 1, some
    assert refused(lambda: client.get_resources(ResourceTypeFilters=["s3"], PaginationToken="x")) == (
        "InvalidParameterException"
    )


def values(namespace, metric, statistic, now, **dimensions):
    """The statistic of the last full hour but one."""
    end = now // 3600 * 3600 - 3600
    dimensions = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    named = {"Namespace": namespace, "MetricName": metric, "Dimensions": dimensions}
    query = {"Id": "a", "MetricStat": {"Metric": named, "Period": 3600, "Stat": statistic}}
    answer = boto3.client("cloudwatch").get_metric_data(
        MetricDataQueries=[query], StartTime=end - 3600, EndTime=end
    )
    return answer["MetricDataResults"][0]["Values"]


def provisioned_concurrency_and_insights_have_metrics(now):
    live = {"FunctionName": "api", "Resource": "api:live"}

    def of(metric, statistic):
        return values("AWS/Lambda", metric, statistic, now, **live)

    # 600 a minute of half a second: 5 at one time, 6.5 at the peak, 7 as a whole number, 2 are ready.
    assert of("ProvisionedConcurrencyInvocations", "Sum") == [60 * (600 * 2 // 7)]
    assert of("ProvisionedConcurrencySpilloverInvocations", "Sum") == [60 * (600 - 600 * 2 // 7)]
    assert of("ProvisionedConcurrencyUtilization", "Maximum") == [1.0]
    assert of("ProvisionedConcurrentExecutions", "Maximum") == [2.0]
    assert of("Invocations", "Sum") == [36000.0]
    assert values("AWS/Lambda", "ProvisionedConcurrencyInvocations", "Sum", now, FunctionName="api") == []
    # The timer fires every twenty minutes, when nothing of it is left.
    name = {"function_name": "worker"}
    assert values("LambdaInsights", "init_duration", "SampleCount", now, **name) == [3 * 2]
    assert values("LambdaInsights", "init_duration", "Average", now, **name) == [300.0]
    assert values("LambdaInsights", "used_memory_max", "Maximum", now, **name) == [100.0]
    assert values("LambdaInsights", "total_memory", "Average", now, **name) == [512.0]
    assert values("LambdaInsights", "init_duration", "Average", now, function_name="api") == []
    listed = boto3.client("cloudwatch").list_metrics(Namespace="LambdaInsights")["Metrics"]
    assert len(listed) == 4, listed


def the_bill_is_the_truth(now):
    client = boto3.client("ce")
    today = datetime.datetime.fromtimestamp(now, datetime.timezone.utc).date()
    day = datetime.timedelta(days=1)
    whole = {
        "TimePeriod": {"Start": str(today - day), "End": str(today + day)},
        "Granularity": "DAILY",
        "Metrics": ["UnblendedCost", "AmortizedCost", "UsageQuantity"],
    }
    keys = [{"Type": "DIMENSION", "Key": key} for key in ("LINKED_ACCOUNT", "USAGE_TYPE")]
    yesterday, present = client.get_cost_and_usage(GroupBy=keys, **whole)["ResultsByTime"]
    assert not yesterday["Estimated"] and present["Estimated"]
    found = {
        tuple(group["Keys"]): tuple(
            float(group["Metrics"][name]["Amount"])
            for name in ("UsageQuantity", "UnblendedCost", "AmortizedCost")
        )
        for group in yesterday["Groups"]
    }
    minutes, own, other = 1440, "123456789012", "111111111111"
    inside = minutes * (600 * 2 // 7)
    seconds = minutes * 600 * 0.5
    expected = {
        (own, "Request"): (minutes * 600, 2e-7, False),
        (own, "Lambda-GB-Second"): (seconds - inside * 0.5, 0.0000166667, True),
        (own, "Lambda-Provisioned-GB-Second"): (inside * 0.5, 0.0000097222, True),
        (own, "Lambda-Provisioned-Concurrency"): (2 * 86400, 0.0000041667, True),
        (own, "Lambda-Storage-GB-Second"): (seconds, 0.0000000309, False),
        # 72 times two invocations, each new: 60 s and 0.3 s of INIT, at half a GB.
        (own, "Request-ARM"): (72 * 2, 2e-7, False),
        (own, "Lambda-GB-Second-ARM"): (72 * 2 * 60.3 / 2, 0.0000133334, True),
        (other, "EUW1-Request"): (minutes * 60, 2e-7, False),
        (other, "EUW1-Lambda-GB-Second"): (minutes * 60 * 0.1 / 8, 0.0000166667, True),
    }
    assert set(found) == set(expected), sorted(found)
    for key, (quantity, price, compute) in expected.items():
        list_usd = quantity * price * 0.9
        shown = found[key]
        near(shown[0], quantity)
        near(shown[1], list_usd * (0.5 if compute else 1))
        near(shown[2], list_usd * (1 - 0.5 * 0.2 if compute else 1))

    only = {"Dimensions": {"Key": "LINKED_ACCOUNT", "Values": [other]}}
    not_requests = {"Not": {"Dimensions": {"Key": "USAGE_TYPE", "Values": ["EUW1-Request"]}}}
    answer = client.get_cost_and_usage(Filter={"And": [only, not_requests]}, **whole)
    total = float(answer["ResultsByTime"][0]["Total"]["UsageQuantity"]["Amount"])
    near(total, minutes * 60 * 0.1 / 8)

    three = keys + [{"Type": "DIMENSION", "Key": "REGION"}]
    assert refused(lambda: client.get_cost_and_usage(GroupBy=three, **whole)) == "ValidationException"
    backwards = dict(whole, TimePeriod={"Start": str(today), "End": str(today)})
    assert refused(lambda: client.get_cost_and_usage(**backwards)) == "ValidationException"
    made_up = dict(whole, NextPageToken="made up")
    assert refused(lambda: client.get_cost_and_usage(**made_up)) == "InvalidNextTokenException"


def main():
    _, now = worlds.fetch(ENDPOINT.removesuffix("/aws"))
    functions_say_what_they_are()
    tags_are_found_in_pages()
    provisioned_concurrency_and_insights_have_metrics(int(now))
    the_bill_is_the_truth(now)
    print(f"boto3 {boto3.__version__} (botocore {botocore.__version__}) knows the functions and the bill")


if __name__ == "__main__":
    main()
