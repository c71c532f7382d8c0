//! The products of the Price List, each with what stands beside it in the real one: only filters and usage types tell them
//! apart.

use serde_json::{Value, json};

use crate::world::{DiskPriceSpec, FargatePriceSpec, World};

/// What tells the products of an instance type apart: operating system, state of the capacity, and how many times the price.
const VARIANTS: [(&str, &str, f64); 3] = [
    ("Linux", "Used", 1.0),
    ("Windows", "Used", 1.9),
    ("Linux", "UnusedCapacityReservation", 1.0),
];

/// The letters that usage types of a region begin with: in EC2, and in younger services. They are not its name.
const LETTERS: [(&str, &str, &str); 7] = [
    ("us-east-1", "", "USE1-"),
    ("us-east-2", "USE2-", "USE2-"),
    ("us-west-2", "USW2-", "USW2-"),
    ("eu-west-1", "EU-", "EUW1-"),
    ("eu-west-2", "EUW2-", "EUW2-"),
    ("eu-central-1", "EUC1-", "EUC1-"),
    ("ap-northeast-1", "APN1-", "APN1-"),
];

/// The letters of a region in a service; of one that is not in the table some.
fn letters(region: &str, service: &str) -> &'static str {
    let row = LETTERS.iter().find(|row| row.0 == region);
    row.map_or("XXX1-", |(_, ec2, others)| match service {
        "AmazonEC2" => ec2,
        _ => others,
    })
}

/// A product with one price, or several that follow each other.
fn product(family: &str, attributes: &Value, unit: &str, prices: &[(&str, f64)]) -> Value {
    let sku = format!("SKU{:016X}", number_of(&attributes.to_string()));
    let offer = format!("{sku}.JRTCKXETXF");
    let dimensions: serde_json::Map<String, Value> = prices
        .iter()
        .enumerate()
        .map(|(at, (from, price))| {
            let dimension = json!({
                "rateCode": format!("{offer}.RATE{at:06}"),
                "unit": unit,
                "beginRange": from,
                "endRange": prices.get(at + 1).map_or("Inf", |next| next.0),
                "description": format!("${price} per {unit}"),
                "appliesTo": [],
                "pricePerUnit": { "USD": format!("{price:.10}") },
            });
            (format!("{offer}.RATE{at:06}"), dimension)
        })
        .collect();
    json!({
        "product": { "productFamily": family, "sku": sku, "attributes": attributes },
        "serviceCode": attributes["servicecode"],
        "terms": { "OnDemand": { offer: {
            "sku": sku,
            "offerTermCode": "JRTCKXETXF",
            "termAttributes": {},
            "priceDimensions": dimensions,
        } } },
        "version": "20260701000000",
    })
}

/// Some number that differs where the text does.
fn number_of(text: &str) -> u64 {
    let step = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

/// The products of a service; absent for a service that has none here. Of machines only those of the instance type that is
/// asked for, where one is: a list of hundreds is asked about each of them.
pub(super) fn products_of(
    world: &World,
    service: &str,
    instance_type: Option<&str>,
) -> Option<Vec<Value>> {
    let prices = &world.spec.prices;
    let region = &*world.spec.region;
    let mut products = Vec::new();
    match service {
        "AmazonEC2" => {
            let is_asked = |name: &str| instance_type.is_none_or(|asked| asked == name);
            for (name, price) in prices.on_demand.iter().filter(|one| is_asked(one.0)) {
                products.extend(machine(region, name, *price));
            }
            for (disk, price) in &prices.disks {
                products.extend(disk_products(region, disk, price));
            }
        }
        "AmazonEKS" | "AmazonECS" => {
            if let Some(price) = &prices.fargate {
                products.extend(fargate(region, service, price));
            }
        }
        _ => return None,
    }
    Some(products)
}

fn machine<'a>(
    region: &'a str,
    instance_type: &'a str,
    price: f64,
) -> impl Iterator<Item = Value> + 'a {
    VARIANTS.iter().map(move |(system, capacity, times)| {
        let attributes = json!({
            "instanceType": instance_type,
            "regionCode": region,
            "locationType": "AWS Region",
            "operatingSystem": system,
            "preInstalledSw": "NA",
            "tenancy": "Shared",
            "capacitystatus": capacity,
            "marketoption": "OnDemand",
            "servicecode": "AmazonEC2",
        });
        product(
            "Compute Instance",
            &attributes,
            "Hrs",
            &[("0", price * times)],
        )
    })
}

/// A use of a service.
fn used(region: &str, service: &str, usage: &str) -> Value {
    json!({
        "servicecode": service,
        "regionCode": region,
        "locationType": "AWS Region",
        "usagetype": format!("{}{usage}", letters(region, service)),
        "operation": "",
    })
}

/// What Fargate costs. Its storage stands with ECS alone.
fn fargate(region: &str, service: &str, price: &FargatePriceSpec) -> Vec<Value> {
    let of = |usage: &str, unit: &str, hourly: f64| {
        product(
            "Compute",
            &used(region, service, usage),
            unit,
            &[("0", hourly)],
        )
    };
    let (core, gib) = (price.usd_per_vcpu_hour, price.usd_per_gib_hour);
    let mut products = vec![
        of("Fargate-vCPU-Hours:perCPU", "hours", core),
        of("Fargate-GB-Hours", "hours", gib),
    ];
    if service == "AmazonECS" {
        products.extend([
            of("Fargate-ARM-vCPU-Hours:perCPU", "hours", core * 0.8),
            of("Fargate-ARM-GB-Hours", "hours", gib * 0.8),
            of("Fargate-Windows-vCPU-Hours:perCPU", "hours", core * 1.1),
        ]);
        if let Some(storage) = price.usd_per_storage_gib_hour {
            products.push(of("Fargate-EphemeralStorage-GB-Hours", "GB-Hours", storage));
        }
    } else {
        products.push(of("AmazonEKS-Hours:perCluster", "Hours", 0.10));
    }
    products
}

/// What a kind of disk costs, and what its snapshots and a local zone of the region do.
fn disk_products(region: &str, disk: &str, price: &DiskPriceSpec) -> Vec<Value> {
    let of = |family: &str, usage: &str, unit: &str, prices: &[(&str, f64)]| {
        let mut attributes = used(region, "AmazonEC2", usage);
        attributes["volumeApiName"] = disk.into();
        product(family, &attributes, unit, prices)
    };
    let (size, speed) = match disk {
        "io1" => (".piops".to_owned(), "piops"),
        "standard" => (String::new(), "standard"),
        other => (format!(".{other}"), other),
    };
    let unit = if disk == "io2" { "GB-month" } else { "GB-Mo" };
    let usage = format!("EBS:VolumeUsage{size}");
    let mut products = vec![of(
        "Storage",
        &usage,
        unit,
        &[("0", price.usd_per_gib_month)],
    )];
    for (tier, monthly) in price.usd_per_iops_month.iter().enumerate() {
        let suffix = match tier {
            0 => String::new(),
            tier => format!(".tier{}", tier + 1),
        };
        let usage = format!("EBS:VolumeP-IOPS.{speed}{suffix}");
        // Of gp3 what comes with it stands there for nothing.
        let prices = [("0", 0.0), ("3000", *monthly)];
        let prices = if disk == "gp3" {
            &prices[..]
        } else {
            &[("0", *monthly)]
        };
        products.push(of("System Operation", &usage, "IOPS-Mo", prices));
    }
    if let Some(monthly) = price.usd_per_mib_per_second_month {
        let usage = format!("EBS:VolumeP-Throughput.{speed}");
        let prices = [("0", monthly * 1_024.0)];
        products.push(of("Provisioned Throughput", &usage, "GiBps-mo", &prices));
    }
    let mut zone = of(
        "Storage",
        &usage,
        unit,
        &[("0", price.usd_per_gib_month * 1.2)],
    );
    zone["product"]["attributes"]["locationType"] = "AWS Local Zone".into();
    products.push(zone);
    products
}
