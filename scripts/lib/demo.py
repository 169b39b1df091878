"""What scripts/demo asks of AWS's emulator, and the client that keeps asking during a rollout."""

import http.client
import json
import signal
import sys
import time

import boto3


def network(ec2=None):
    """A VPC with two public and two private subnets, an internet gateway, and no NAT."""
    ec2 = ec2 or boto3.client("ec2")
    region = ec2.meta.region_name
    # The emulator's account starts with a default VPC; the demo's is to be the only one.
    for vpc in ec2.describe_vpcs()["Vpcs"]:
        remove(ec2, vpc["VpcId"])
    vpc = ec2.create_vpc(CidrBlock="10.42.0.0/16")["Vpc"]["VpcId"]
    # Private DNS of endpoints needs both.
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": True})
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    routes = {}
    for kind in ("public", "private"):
        routes[kind] = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(
        RouteTableId=routes["public"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway
    )
    third = {"public": 0, "private": 10}
    for index, zone in enumerate("ab"):
        for kind in ("public", "private"):
            subnet = ec2.create_subnet(
                VpcId=vpc,
                CidrBlock=f"10.42.{third[kind] + index}.0/24",
                AvailabilityZone=region + zone,
                TagSpecifications=[
                    {
                        "ResourceType": "subnet",
                        "Tags": [{"Key": "Name", "Value": f"{kind}-{zone}"}],
                    }
                ],
            )["Subnet"]["SubnetId"]
            ec2.associate_route_table(RouteTableId=routes[kind], SubnetId=subnet)
    return vpc


def remove(ec2, vpc):
    within = [{"Name": "vpc-id", "Values": [vpc]}]
    for subnet in ec2.describe_subnets(Filters=within)["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    attached = [{"Name": "attachment.vpc-id", "Values": [vpc]}]
    for gateway in ec2.describe_internet_gateways(Filters=attached)["InternetGateways"]:
        name = gateway["InternetGatewayId"]
        ec2.detach_internet_gateway(InternetGatewayId=name, VpcId=vpc)
        ec2.delete_internet_gateway(InternetGatewayId=name)
    ec2.delete_vpc(VpcId=vpc)


def load_balancer():
    """Prints the DNS name of the one load balancer."""
    (balancer,) = boto3.client("elbv2").describe_load_balancers()["LoadBalancers"]
    print(balancer["DNSName"])


def get(port, host):
    """The page as the load balancer gives it, or what was wrong."""
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=10)
    try:
        connection.request("GET", "/", headers={"Host": host})
        answer = connection.getresponse()
        page = answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return None, repr(error)
    finally:
        connection.close()
    if answer.status != 200:
        return None, f"{answer.status}: {page[:200]}"
    return page, None


def page(port, host, text):
    """Waits until every answer has the text: twenty in a row, within two minutes."""
    last, seen = None, 0
    deadline = time.monotonic() + 120
    while seen < 20:
        body, wrong = get(port, host)
        seen = seen + 1 if body and text in body else 0
        last = wrong or body
        if time.monotonic() > deadline:
            sys.exit(f"the page does not say {text!r}; the last answer: {last}")
        time.sleep(0.02)
    print(last, end="")


def requests(port, host):
    """Asks ten times a second until it is told to stop; prints how many, and how many failed."""
    stopped = False

    def stop(*_):
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGTERM, stop)
    sent, failed = 0, 0
    while not stopped:
        sent += 1
        body, wrong = get(port, host)
        # Whoever else answered on that port is no success.
        if wrong or "Hello" not in body:
            failed += 1
            print(f"request {sent}: {wrong or body}", file=sys.stderr, flush=True)
        time.sleep(0.1)
    print(json.dumps({"sent": sent, "failed": failed}))


def steps():
    """Prints how many steps the plan on standard input has."""
    print(len(json.load(sys.stdin)["steps"]))


def result(curl, *rest):
    """Prints what the demo found: its runs as NAME CODE BEGIN END STEPS, then the requests' JSON."""
    found = {"curl": curl}
    for name, code, begin, end, count in zip(*[iter(rest[:-1])] * 5):
        found[name] = {
            "exit_code": int(code),
            "wall_s": round(float(end) - float(begin), 1),
            "steps": int(count),
        }
    found["requests"] = json.loads(rest[-1])
    print(json.dumps(found, indent=2))


def check():
    """Ends with what is wrong in the result on standard input, if anything is."""
    found = json.load(sys.stdin)
    wrong = []
    if found["unchanged"]["steps"]:
        wrong.append(f"the unchanged run had {found['unchanged']['steps']} steps, not 0")
    if found["requests"]["failed"]:
        wrong.append(f"{found['requests']['failed']} requests failed during the rollout")
    if wrong:
        sys.exit("; ".join(wrong))


if __name__ == "__main__":
    {
        "network": lambda: print(network()),
        "load-balancer": load_balancer,
        "page": page,
        "requests": requests,
        "steps": steps,
        "result": result,
        "check": check,
    }[sys.argv[1]](*sys.argv[2:])
