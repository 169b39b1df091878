"""How a deploy grows with the services that share its load balancer, against moto."""

import parts
import relay
import side
import tools

SIZES = (1, 10, 100)
_NAME, _SHARED = "web", "shared"


def measured(given, bench, folder, rounds, sizes, say):
    """Yields one record for each size and scenario, with every round in it."""
    folder.mkdir()
    for size in sizes:
        under = folder / str(size)
        under.mkdir()
        with parts.moto(given.moto, under) as emulator:
            parts.network(emulator.url)
            image = parts.image(emulator.url, _NAME)
            app = under / "app"
            place = tools.Place(app, emulator.url, "", _NAME)
            deployed = 0

            def deploy(changes, through=None):
                nonlocal deployed
                deployed += changes
                parts.plain(app, _NAME, image, _SHARED, f"v{deployed}")
                if through is None:
                    run = bench.ours_on(place)
                else:
                    start = lambda process: setattr(through, "client", process)
                    run = bench.ours_on(place.at(through.url), start)
                if run.code:
                    raise SystemExit(f"a deploy beside {size - 1} failed:\n{run.output[-3000:]}")
                return run

            deploy(changes=True)
            for number in range(1, size):
                _neighbour(emulator.url, number)
            for scenario in ("no-op", "update"):
                runs = [deploy(scenario == "update") for _ in range(rounds)]
                through = relay.Relay(emulator.port, side.DELAY)
                deploy(scenario == "update", through)
                through.close()
                record = {
                    **side.count(through, tools.OURS, scenario),
                    "services": size,
                    "wall_s": [run.wall for run in runs],
                    "cpu_s": [run.cpu for run in runs],
                    "memory_mb": [run.memory for run in runs],
                }
                say(
                    f"  {scenario:6} beside {size - 1:3} others: {record['calls']} calls, "
                    f"{record['chain']} one after another"
                )
                yield record


def _neighbour(url, number):
    """Another service on the load balancer, as this program would have made it."""
    elb, ecs = parts.client("elbv2", url), parts.client("ecs", url)
    name = f"{_NAME}-{number}"
    balancer = elb.describe_load_balancers(Names=[_SHARED])["LoadBalancers"][0]
    listener = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"][0]
    listener = listener["ListenerArn"]
    (rule,) = (
        rule
        for rule in elb.describe_rules(ListenerArn=listener)["Rules"]
        if rule["Conditions"] and _hosts(rule) == [f"{_NAME}.example.com"]
    )
    group = elb.create_target_group(
        Name=name, Protocol="HTTP", Port=80, VpcId=balancer["VpcId"], TargetType="ip"
    )["TargetGroups"][0]["TargetGroupArn"]
    tags = elb.describe_tags(ResourceArns=[rule["RuleArn"]])["TagDescriptions"][0]["Tags"]
    for tag in tags:
        tag["Value"] = tag["Value"].replace(_NAME, name)
    elb.create_rule(
        ListenerArn=listener,
        Priority=100 + number,
        Conditions=[{"Field": "host-header", "Values": [f"{name}.example.com"]}],
        Actions=[{"Type": "forward", "TargetGroupArn": group}],
        Tags=tags,
    )
    service = ecs.describe_services(cluster=_NAME, services=[_NAME])["services"][0]
    ecs.create_service(
        cluster=_NAME,
        serviceName=name,
        taskDefinition=service["taskDefinition"],
        desiredCount=parts.TASKS,
        launchType="FARGATE",
        loadBalancers=[{"targetGroupArn": group, "containerName": _NAME, "containerPort": 8080}],
        networkConfiguration=service["networkConfiguration"],
    )


def _hosts(rule):
    condition = rule["Conditions"][0]
    return condition.get("HostHeaderConfig", {}).get("Values") or condition.get("Values")
