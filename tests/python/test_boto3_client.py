"""boto3 with stock settings against the simulated cloud at AWS_ENDPOINT_URL.

Reads CloudWatch, Lambda, STS, the Price List and spot prices, and compares every number with the closed forms of the world.
"""

import datetime
import json
import os

import boto3
import botocore
from botocore.exceptions import ClientError

import world as worlds

ENDPOINT = os.environ["AWS_ENDPOINT_URL"]


def near(found, expected):
    return abs(found - expected) <= 1e-9 * max(1.0, abs(expected))


def refused(call):
    """The error of a call that must fail."""
    try:
        call()
    except ClientError as error:
        return error.response
    raise AssertionError("the call should have been refused")


def functions_are_those_of_the_world(world):
    client = boto3.client("lambda")
    pages = list(client.get_paginator("list_functions").paginate())
    found = [function for page in pages for function in page["Functions"]]
    assert len(pages) == -(-len(world.spec["functions"]) // 50), len(pages)
    assert [f["FunctionName"] for f in found] == [f["name"] for f in world.spec["functions"]]
    for shown, true in zip(found, world.spec["functions"]):
        assert shown["MemorySize"] == true["memory_mib"], shown
        assert shown["Architectures"] == [true["architecture"]], shown
        assert shown["Runtime"] == true["runtime"], shown
        assert shown["Timeout"] == true["timeout_s"], shown
        assert shown["EphemeralStorage"] == {"Size": 512}, shown
        account, region = world.spec["account_id"], world.spec["region"]
        arn = f"arn:aws:lambda:{region}:{account}:function:{true['name']}"
        assert shown["FunctionArn"] == arn, shown

    name = world.spec["functions"][0]["name"]
    assert client.get_function_configuration(FunctionName=name)["MemorySize"] == found[0]["MemorySize"]
    assert client.get_function(FunctionName=name)["Configuration"]["FunctionName"] == name
    error = refused(lambda: client.get_function(FunctionName="nobody"))
    assert error["Error"]["Code"] == "ResourceNotFoundException", error
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 404, error

    limits = client.get_account_settings()["AccountLimit"]
    reserved = sum(f["concurrency"] or 0 for f in world.spec["functions"])
    assert limits["ConcurrentExecutions"] == 1000, limits
    assert limits["UnreservedConcurrentExecutions"] == 1000 - reserved, limits
    for function in world.spec["functions"]:
        shown = client.get_function_concurrency(FunctionName=function["name"])
        assert shown.get("ReservedConcurrentExecutions") == function["concurrency"], shown


def metrics_are_listed(world):
    client = boto3.client("cloudwatch")
    pages = client.get_paginator("list_metrics").paginate(Namespace="AWS/Lambda")
    metrics = [metric for page in pages for metric in page["Metrics"]]
    shapes = {tuple(sorted(d["Name"] for d in metric["Dimensions"])) for metric in metrics}
    assert shapes == {(), ("FunctionName",), ("FunctionName", "Resource")}, shapes
    assert len(metrics) == 5 * (2 * len(world.spec["functions"]) + 1), len(metrics)
    name = world.spec["functions"][0]["name"]
    dimension = {"Name": "FunctionName", "Value": name}
    some = client.list_metrics(MetricName="Errors", Dimensions=[dimension])["Metrics"]
    assert len(some) == 2, some


def data(client, queries, start, end, **more):
    """All points, by Id: ({time: value}, last status, parts)."""
    pages = client.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries,
        StartTime=datetime.datetime.fromtimestamp(start, datetime.timezone.utc),
        EndTime=datetime.datetime.fromtimestamp(end, datetime.timezone.utc),
        **more,
    )
    results = {}
    for page in pages:
        for result in page["MetricDataResults"]:
            points, _, parts = results.get(result["Id"], ({}, None, 0))
            for time, value in zip(result["Timestamps"], result["Values"]):
                assert time.timestamp() not in points, "a point came twice"
                points[time.timestamp()] = value
            results[result["Id"]] = (points, result["StatusCode"], parts + 1)
    return results


def metric_query(number, function, metric, statistic, period):
    dimensions = [{"Name": "FunctionName", "Value": function}] if function else []
    return {
        "Id": f"m{number}",
        "MetricStat": {
            "Metric": {"Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": dimensions},
            "Period": period,
            "Stat": statistic,
        },
    }


def every_minute_is_the_truth(world, now):
    client = boto3.client("cloudwatch")
    end = now // 60 * 60 - 60
    start = end - 3 * 3600
    minutes = range(int(start // 60), int(end // 60))
    wanted = [
        (function, metric, statistic)
        for function in world.spec["functions"][:20]
        for metric, statistic in sorted(world.metrics(dict(function, traffic=STEADY), minutes[0]))
    ]
    queries = [
        metric_query(number, function["name"], metric, statistic, 60)
        for number, (function, metric, statistic) in enumerate(wanted)
    ]
    split = 0
    for more in ({}, {"MaxDatapoints": 1000}, {"ScanBy": "TimestampAscending", "MaxDatapoints": 777}):
        results = data(client, queries, start, end, **more)
        compared = 0
        for number, (function, metric, statistic) in enumerate(wanted):
            points, status, parts = results[f"m{number}"]
            split += parts > 1
            assert status == "Complete", status
            for minute in minutes:
                true = world.metrics(function, minute).get((metric, statistic))
                found = points.pop(minute * 60.0, None)
                assert (true is None) == (found is None), (function["name"], metric, minute)
                if true is not None:
                    assert near(found, true), (function["name"], metric, statistic, found, true)
                    compared += 1
            assert not points, f"points outside of the window: {points}"
        assert compared > 1000, compared
    assert split > 0, "no result was split over pages"


def longer_periods_add_up(world, now):
    client = boto3.client("cloudwatch")
    end = now // 3600 * 3600 - 3600
    start = end - 4 * 3600
    functions = world.spec["functions"]
    queries = [metric_query(0, None, "Invocations", "Sum", 3600)] + [
        metric_query(number + 1, function["name"], "Invocations", "Sum", 300)
        for number, function in enumerate(functions[:10])
    ]
    results = data(client, queries, start, end)

    def calls(function, begin, length):
        minutes = range(int(begin // 60), int(begin // 60) + length)
        return sum(world.requests(function["name"], function["traffic"], m) for m in minutes)

    region, _, _ = results["m0"]
    assert len(region) == 4, region
    for begin, value in region.items():
        assert value == sum(calls(function, begin, 60) for function in functions)
    for number, function in enumerate(functions[:10]):
        points, _, _ = results[f"m{number + 1}"]
        for begin in range(int(start), int(end), 300):
            assert points.get(begin, 0) == calls(function, begin, 5), (function["name"], begin)


def broken_requests_are_refused(now):
    client = boto3.client("cloudwatch")
    query = metric_query(0, "f", "Errors", "Sum", 60)

    def get(**change):
        whole = {"MetricDataQueries": [query], "StartTime": now - 600, "EndTime": now}
        return lambda: client.get_metric_data(**{**whole, **change})

    for call, code in (
        (get(EndTime=now - 600), "ValidationError"),
        (get(MetricDataQueries=[query, query]), "ValidationError"),
        (get(MetricDataQueries=[metric_query(i, "f", "Errors", "Sum", 60) for i in range(501)]), "ValidationError"),
        (get(MetricDataQueries=[{"Id": "e", "Expression": "m1 * 2"}]), "ValidationError"),
        (get(NextToken="made up"), "InvalidNextToken"),
    ):
        error = refused(call)
        assert error["Error"]["Code"] == code, error
        assert error["ResponseMetadata"]["HTTPStatusCode"] == 400, error


def the_caller_is_known(world):
    identity = boto3.client("sts").get_caller_identity()
    assert identity["Account"] == world.spec["account_id"], identity
    assert identity["Arn"].startswith(f"arn:aws:iam::{world.spec['account_id']}:"), identity


def prices_are_those_of_the_world(world):
    prices, region = world.spec["prices"], world.spec["region"]
    client = boto3.client("pricing", region_name="us-east-1")

    def products(**filters):
        filters = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in filters.items()]
        pages = client.get_paginator("get_products").paginate(
            ServiceCode="AmazonEC2", Filters=filters, PaginationConfig={"PageSize": 5}
        )
        return [json.loads(product) for page in pages for product in page["PriceList"]]

    assert len(products()) == 3 * len(prices["on_demand"]), "three products of each type, in pages of five"
    for instance_type, price in prices["on_demand"].items():
        linux = {"operatingSystem": "Linux", "preInstalledSw": "NA", "tenancy": "Shared", "marketoption": "OnDemand"}
        found = products(instanceType=instance_type, regionCode=region, capacitystatus="Used", **linux)
        assert len(found) == 1, found
        (offer,) = found[0]["terms"]["OnDemand"].values()
        (dimension,) = offer["priceDimensions"].values()
        assert dimension["unit"] == "Hrs", dimension
        assert near(float(dimension["pricePerUnit"]["USD"]), price), dimension
    error = refused(lambda: client.get_products(ServiceCode="AmazonS3"))
    assert error["Error"]["Code"] == "InvalidParameterException", error

    client = boto3.client("ec2")
    pages = client.get_paginator("describe_spot_price_history").paginate(
        ProductDescriptions=["Linux/UNIX"],
        InstanceTypes=sorted({one["instance_type"] for one in prices["spot"]}),
        StartTime=datetime.datetime.now(datetime.timezone.utc),
    )
    found = [price for page in pages for price in page["SpotPriceHistory"]]
    shown = [(one["InstanceType"], one["AvailabilityZone"], float(one["SpotPrice"])) for one in found]
    assert shown == [(one["instance_type"], one["zone"], one["usd_per_hour"]) for one in prices["spot"]], shown
    assert client.describe_spot_price_history(InstanceTypes=["t3.nano"])["SpotPriceHistory"] == []
    error = refused(lambda: client.describe_spot_price_history(NextToken="made up"))
    assert error["Error"]["Code"] == "InvalidParameterValue", error


STEADY = {"pattern": "steady", "requests_per_second": 1}


def main():
    world, now = worlds.fetch(ENDPOINT.removesuffix("/aws"))
    functions_are_those_of_the_world(world)
    metrics_are_listed(world)
    every_minute_is_the_truth(world, now)
    longer_periods_add_up(world, now)
    broken_requests_are_refused(now)
    the_caller_is_known(world)
    prices_are_those_of_the_world(world)
    print(f"boto3 {boto3.__version__} (botocore {botocore.__version__}) agrees with the world")


if __name__ == "__main__":
    main()
