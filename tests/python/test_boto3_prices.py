"""The simulated Price List, read by boto3: Fargate and disks of a world, by the filters that the API has.

AWS_ENDPOINT_URL names a cloud whose world has `prices.fargate` and `prices.disks`. Ends with 1 where something is
not as it should be.
"""

import json
import math
import os

import boto3
import world as worlds

ENDPOINT = os.environ["AWS_ENDPOINT_URL"]


def products(client, service, *filters):
    filters = [{"Type": kind, "Field": field, "Value": value} for kind, field, value in filters]
    pages = client.get_paginator("get_products").paginate(
        ServiceCode=service, Filters=filters, PaginationConfig={"PageSize": 2}
    )
    return [json.loads(product) for page in pages for product in page["PriceList"]]


def prices(found):
    """Usage type to (unit, price); what is free is left out."""
    prices = {}
    for product in found:
        (offer,) = product["terms"]["OnDemand"].values()
        for dimension in offer["priceDimensions"].values():
            if float(dimension["pricePerUnit"]["USD"]):
                usage = product["product"]["attributes"]["usagetype"]
                assert usage not in prices, usage
                prices[usage] = dimension["unit"], float(dimension["pricePerUnit"]["USD"])
    return prices


def same(found, expected):
    assert found.keys() == expected.keys(), (found, expected)
    for usage, (unit, price) in expected.items():
        assert found[usage][0] == unit and math.isclose(found[usage][1], price, rel_tol=1e-6), (usage, found[usage])


def main():
    world, _ = worlds.fetch(ENDPOINT.removesuffix("/aws"))
    spec, region = world.spec["prices"], ("TERM_MATCH", "regionCode", world.spec["region"])
    client = boto3.client("pricing", region_name="eu-central-1")
    fargate = spec["fargate"]
    expected = {
        "EUW1-Fargate-vCPU-Hours:perCPU": ("hours", fargate["usd_per_vcpu_hour"]),
        "EUW1-Fargate-GB-Hours": ("hours", fargate["usd_per_gib_hour"]),
    }
    same(prices(products(client, "AmazonEKS", region, ("CONTAINS", "usagetype", "Fargate"))), expected)
    storage = {"EUW1-Fargate-EphemeralStorage-GB-Hours": ("GB-Hours", fargate["usd_per_storage_gib_hour"])}
    same(prices(products(client, "AmazonECS", region, ("CONTAINS", "usagetype", "EphemeralStorage"))), storage)
    in_region = ("EQUALS", "locationType", "AWS Region")
    gp3 = spec["disks"]["gp3"]
    expected = {
        "EU-EBS:VolumeUsage.gp3": ("GB-Mo", gp3["usd_per_gib_month"]),
        "EU-EBS:VolumeP-IOPS.gp3": ("IOPS-Mo", gp3["usd_per_iops_month"][0]),
        "EU-EBS:VolumeP-Throughput.gp3": ("GiBps-mo", gp3["usd_per_mib_per_second_month"] * 1024),
    }
    same(prices(products(client, "AmazonEC2", region, in_region, ("TERM_MATCH", "volumeApiName", "gp3"))), expected)
    local = products(client, "AmazonEC2", region, ("NONE_OF", "locationType", "AWS Region"))
    assert len(local) == len(spec["disks"]), "each disk has another price in a local zone"
    some = products(client, "AmazonEC2", in_region, ("ANY_OF", "volumeApiName", "gp2,standard"))
    assert len(some) == 2, some
    family = products(client, "AmazonEC2", in_region, ("TERM_MATCH", "productFamily", "System Operation"))
    assert len(family) == sum(len(disk.get("usd_per_iops_month", [])) for disk in spec["disks"].values()), family


main()
