use super::*;
use crate::cost::{
    prices::PriceList,
    report::{Asked, report},
};

fn asked() -> Asked<'static> {
    Asked {
        region: "ap-northeast-2",
        config: None,
        zones: 2,
        gb: 1_024,
        endpoint_units: Some(4),
        nat_gateways: Some(1),
        public_ipv4: false,
    }
}

fn of(asked: &Asked<'_>) -> Report {
    report(asked, PriceList::own().of(asked.region).expect("its prices are known"))
}

#[test]
fn the_published_comparison_and_what_it_really_costs() {
    insta::assert_snapshot!(text(&of(&asked())), @"
    A month (730 hours) in ap-northeast-2 with 1024 GB to AWS services

      interface endpoints                 USD  against                               USD  endpoints are cheaper from
      4 endpoint units                  48.20  1 NAT gateway without public IPv4  103.49  the first GB
      3 interface endpoints in 2 zones  67.18  1 NAT gateway                      107.14  208.57 GB
      3 interface endpoints in 2 zones  67.18  2 NAT gateways, one a zone         153.86  the first GB

    USD: an endpoint 0.013 an hour and zone, 0.01 a GB, 0.006 above 1048576 GB, 0.004 above 5242880 GB; a NAT gateway 0.059 an hour, 0.059 a GB; a public IPv4 address 0.005 an hour.

    Prices of 2026-10-05 from https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/SERVICE/current/ap-northeast-2/index.csv

    Image layers come through the S3 gateway endpoint, which is free and can stand beside a NAT gateway too. Left out: taxes, discounts, traffic between zones and to the internet, logs, images and secrets.
    ");
}

#[test]
fn the_json_has_what_was_asked_at_its_top() {
    insta::assert_json_snapshot!(of(&Asked { gb: 1_024_000, ..asked() }), @r#"
    {
      "region": "ap-northeast-2",
      "prices_date": "2026-10-05",
      "prices_source": "https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/SERVICE/current/ap-northeast-2/index.csv",
      "gb": 1024000,
      "endpoints_usd": 10277.96,
      "nat_usd": 60459.07,
      "break_even_gb": 0.0,
      "endpoint_units": 4,
      "nat_gateways": 1,
      "public_ipv4": false,
      "beside": [
        {
          "endpoints_usd": 10296.94,
          "nat_usd": 60462.72,
          "break_even_gb": 208.57,
          "endpoint_units": 6,
          "nat_gateways": 1,
          "public_ipv4": true
        },
        {
          "endpoints_usd": 10296.94,
          "nat_usd": 60509.44,
          "break_even_gb": 0.0,
          "endpoint_units": 6,
          "nat_gateways": 2,
          "public_ipv4": true
        }
      ]
    }
    "#);
}

#[test]
fn a_service() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ecs-deploy.yml");
    let yaml = "service: web\n\
        image: 123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/web:1\n\
        task: { cpu: 512, memory: 1024, port: 8080, secrets: { A: \"arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:a-AbCdEf\" } }\n\
        rollout: { desired-count: 2 }\n";
    std::fs::write(&file, yaml).expect("a file");
    let config = crate::config::load(Some(&file), folder.path(), None).expect("it is well");
    let asked = Asked {
        config: Some(&config),
        endpoint_units: None,
        nat_gateways: None,
        public_ipv4: true,
        ..asked()
    };
    insta::assert_snapshot!(text(&of(&asked)), @"
    A month (730 hours) in ap-northeast-2 with 1024 GB to AWS services

      interface endpoints                 USD  against                        USD  endpoints are cheaper from
      4 interface endpoints in 2 zones  86.16  1 NAT gateway               107.14  595.92 GB
      4 interface endpoints in 2 zones  86.16  2 NAT gateways, one a zone  153.86  the first GB

    This service, where everything is made for it alone

      4 interface endpoints in 2 zones                75.92
      load balancer with 1 LCU                        22.27
      its 2 public IPv4 addresses                      7.30
      2 tasks on Fargate x86 with 0.5 vCPU and 1 GB   41.45  on Spot from 12.43 to 41.45
      together                                       146.93

    USD: an endpoint 0.013 an hour and zone, 0.01 a GB, 0.006 above 1048576 GB, 0.004 above 5242880 GB; a NAT gateway 0.059 an hour, 0.059 a GB; a public IPv4 address 0.005 an hour.

    Prices of 2026-10-05 from https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/SERVICE/current/ap-northeast-2/index.csv

    Image layers come through the S3 gateway endpoint, which is free and can stand beside a NAT gateway too. Left out: taxes, discounts, traffic between zones and to the internet, logs, images and secrets.
    ");
    insta::assert_snapshot!(markdown(&of(&Asked { zones: 1, ..asked })), @r"
    **A month (730 hours) in ap-northeast-2 with 1024 GB to AWS services**

    | interface endpoints | USD | against | USD | endpoints are cheaper from |
    |---|--:|---|--:|---|
    | 4 interface endpoints in 1 zone | 48.20 | 1 NAT gateway | 107.14 | the first GB |

    | this service, where everything is made for it alone | USD | |
    |---|--:|---|
    | 4 interface endpoints in 1 zone | 37.96 |  |
    | load balancer with 1 LCU | 22.27 |  |
    | its 2 public IPv4 addresses | 7.30 |  |
    | 2 tasks on Fargate x86 with 0.5 vCPU and 1 GB | 41.45 | on Spot from 12.43 to 41.45 |
    | together | 108.97 |  |

    USD: an endpoint 0.013 an hour and zone, 0.01 a GB, 0.006 above 1048576 GB, 0.004 above 5242880 GB; a NAT gateway 0.059 an hour, 0.059 a GB; a public IPv4 address 0.005 an hour.

    Prices of 2026-10-05 from https\://pricing.us-east-1\.amazonaws.com/offers/v1.0/aws/SERVICE/current/ap-northeast-2/index.csv

    Image layers come through the S3 gateway endpoint, which is free and can stand beside a NAT gateway too. Left out: taxes, discounts, traffic between zones and to the internet, logs, images and secrets.
    ");
    let service = serde_json::to_value(of(&asked)).expect("plain data");
    insta::assert_json_snapshot!(service["service"], @r#"
    [
      {
        "what": "4 interface endpoints in 2 zones",
        "usd": 75.92
      },
      {
        "what": "load balancer with 1 LCU",
        "usd": 22.27
      },
      {
        "what": "its 2 public IPv4 addresses",
        "usd": 7.3
      },
      {
        "what": "2 tasks on Fargate x86 with 0.5 vCPU and 1 GB",
        "usd": 41.45,
        "spot_from_usd": 12.43
      }
    ]
    "#);
    assert_eq!(service["service_usd"], serde_json::json!(146.93));
}
