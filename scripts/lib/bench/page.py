"""What was measured, as text, as docs/benchmarks.md and as numbers."""

from statistics import median

import scripted
import tools

_TITLES = {tools.OURS: "ours", tools.OFFICIAL: "official chain", tools.ECS_DEPLOY: "ecs-deploy"}
_SCENARIOS = {
    "update": "An update: a changed page",
    "no-op": "The same again: nothing has changed",
    "first": "A first deploy into an empty VPC",
}
# Title, key, decimals.
_TIMED = (
    ("to a verified rollout, s", "wall_s", 2),
    ("the build's own, s", "build_s", 2),
    ("ECS's own rollout, s", "rollout_s", 2),
    ("**neither of both, s**", "own_s", 2),
    ("**complete to exit, s**", "after_s", 2),
    ("CPU, s", "cpu_s", 2),
    ("peak memory, MB", "memory_mb", 1),
)
_COUNTED = (
    ("API calls", "calls", 0),
    ("of which change something", "writes", 0),
    ("calls one after another", "chain", 0),
)


def text(found):
    """For the terminal: the tables without their frames."""
    lines, table = [], []
    for line in [*tables(found), ""]:
        if line.startswith("|"):
            if not line.startswith("|---"):
                cells = line.strip("|").split("|")
                table.append([cell.strip().replace("**", "") for cell in cells])
            continue
        widths = [max(map(len, column)) for column in zip(*table)]
        for first, *cells in table:
            shown = [first.ljust(widths[0])]
            shown += [cell.rjust(width) for cell, width in zip(cells, widths[1:])]
            lines.append("  ".join(shown).rstrip())
        table = []
        lines.append(line.lstrip("# "))
    return "\n".join(lines).rstrip()


def required(found):
    """What has to hold, what was measured, and whether it does."""
    ours = [one for one in found["side"] if one["tool"] == tools.OURS]

    def own(tool):
        return median(
            one["own_s"]
            for one in found["side"]
            if (one["tool"], one["scenario"]) == (tool, "update")
        )

    counted = [*found["counted"], *found["growth"]]
    nothing = [one for one in counted if (one["tool"], one["scenario"]) == (tools.OURS, "no-op")]
    quick = max(one["after_s"] for one in ours if one["after_s"] is not None)
    memory = max(one["memory_mb"] for one in ours)
    memory = max([memory, *(value for one in found["growth"] for value in one["memory_mb"])])
    official, deploy = own(tools.OFFICIAL) / own(tools.OURS), own(tools.ECS_DEPLOY) / own(tools.OURS)
    chain, writes = (max(one[key] for one in nothing) for key in ("chain", "writes"))
    rows = [
        ("an update's own time: the official chain's, at least five times ours", official, 5, None),
        ("an update's own time: ecs-deploy's, more than ours", deploy, 1, None),
        ("complete to exit on MiniStack, s: one at most", quick, None, 1),
        ("nothing to do, calls one after another: four at most", chain, None, 4),
        ("nothing to do, calls that change something: none", writes, None, 0),
    ]
    if found["build"].startswith("a release"):
        rows.append(("peak memory, MB: under 40", memory, None, 39.99))
    if found["slow"]:
        slow = [one for one in found["slow"] if one["tool"] == tools.OURS]
        late, looks = (max(one[key] for one in slow) for key in ("after_s", "looks_per_s"))
        title = f"complete to exit of {scripted.SECONDS} s, s: one at most"
        rows.append((title, late, None, 1))
        # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html
        rows.append(("its most calls in a second: what ECS refills, 20", looks, None, 20))
    return [
        (title, value, (least is None or value > least) and (most is None or value <= most))
        for title, value, least, most in rows
    ]


def tables(found):
    """The tables, in Markdown's lines."""
    lines = ["## What has to hold", "", *_head(["", "measured", ""])]
    for title, value, holds in required(found):
        shown = f"{value:.2f}" if isinstance(value, float) else str(value)
        lines.append(f"| {title} | {shown} | {'holds' if holds else '**does not hold**'} |")
    lines.append("")
    for scenario, title in _SCENARIOS.items():
        lines += [f"## {title}", "", *_side(found, scenario), ""]
    if found["slow"]:
        title = f"From complete to exit, of a rollout that takes {scripted.SECONDS} s"
        lines += [f"## {title}", "", *_slow(found), ""]
    lines += ["## With other services on the load balancer", "", *_growth(found)]
    return lines


def _side(found, scenario):
    lines = _head(["", *_TITLES.values(), "official ÷ ours", "ecs-deploy ÷ ours"])
    for part, rows in (("side", _TIMED), ("counted", _COUNTED)):
        of = {
            tool: [one for one in found[part] if (one["tool"], one["scenario"]) == (tool, scenario)]
            for tool in tools.ALL
        }
        for title, key, decimals in rows:
            # None where the tool does not do it at all, an empty list where it has no such time.
            values = {
                tool: [one[key] for one in ran if one[key] is not None] if ran else None
                for tool, ran in of.items()
            }
            if any(values.values()):
                lines.append(_row(title, values, decimals))
    return lines


def _row(title, values, decimals):
    cells = [_cell(values[tool], decimals) for tool in tools.ALL]
    for peer in tools.ALL[1:]:
        cells.append(_ratio(values[peer], values[tools.OURS], decimals))
    return "| " + " | ".join([title, *cells]) + " |"


def _cell(values, decimals):
    """The median, with the least and the most where they differ."""
    if values is None:
        return "not done by it"
    if not values:
        return "–"
    shown = [f"{value:.{decimals}f}" for value in (median(values), min(values), max(values))]
    middle, least, most = shown
    return middle if least == most else f"{middle} ({least}–{most})"


def _ratio(theirs, ours, decimals):
    # A ratio to what is too small to be seen says nothing.
    if not theirs or not ours or median(ours) < 10**-decimals:
        return "–"
    return f"{median(theirs) / median(ours):.1f}"


def _slow(found):
    lines = _head(["", "ours", "official deploy action", "official ÷ ours"])
    of = {tool: [one for one in found["slow"] if one["tool"] == tool] for tool in tools.ALL[:2]}
    rows = (
        ("**complete to exit, s**", "after_s", 2),
        ("calls that look", "looks", 0),
        ("most calls in a second", "looks_per_s", 0),
    )
    for title, key, decimals in rows:
        ours, theirs = ([one[key] for one in of[tool]] for tool in of)
        cells = [title, _cell(ours, decimals), _cell(theirs, decimals)]
        cells.append(_ratio(theirs, ours, decimals) if key == "after_s" else "–")
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _growth(found):
    titles = ["services", "", "time, s", "CPU, s", "peak memory, MB"]
    lines = _head([*titles, "API calls", "calls one after another"])
    for one in found["growth"]:
        cells = [
            str(one["services"]),
            one["scenario"],
            _cell(one["wall_s"], 2),
            _cell(one["cpu_s"], 2),
            _cell(one["memory_mb"], 1),
            str(one["calls"]),
            str(one["chain"]),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _head(titles):
    return ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]


def noise(found):
    """How evenly the machine worked: the same loop, timed before each deploy."""
    loops = [one["machine_s"] * 1000 for one in found["side"]]
    return f"{median(loops):.0f} ms, from {min(loops):.0f} to {max(loops):.0f} ms"


def rounded(value):
    """The numbers without digits that mean nothing."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return round(value, 3) if isinstance(value, float) else value


def markdown(found):
    machine, versions = found["machine"], found["versions"]
    head = HEAD.format(
        cores=machine["cores"],
        memory=machine["memory_gb"],
        rounds=found["rounds"],
        build=found["build"],
        noise=noise(found),
        took=found["took_s"] / 60,
        **{name.replace("-", "_"): version for name, version in versions.items()},
    )
    return head + "\n" + "\n".join(tables(found)) + "\n"


HEAD = """# Benchmarks

Written by `scripts/bench`, which measures all of it in one run; the numbers of each deploy are in
[benchmarks.json](benchmarks.json).

Three tools deploy the service of `examples/hello` (two tasks, a load balancer) to MiniStack {ministack},
where tasks are containers that run, in turn, in {rounds} rounds, each in another order:

- **ours**: `ecs-private-deploy deploy`, {build};
- **official chain**: amazon-ecr-login {amazon_ecr_login}, `docker buildx build --push`,
  amazon-ecs-render-task-definition {amazon_ecs_render_task_definition} and
  amazon-ecs-deploy-task-definition {amazon_ecs_deploy_task_definition} with
  `wait-for-service-stability: true`, their published JavaScript on node {node};
- **ecs-deploy** {ecs_deploy}: `docker buildx build --push`, then `ecs deploy`.

Each cell is the median, with the least and the most in brackets. After every deploy the page is asked for
through the load balancer, and has to be the new one.

- *The build's own* time is that of `docker buildx build`, noted by a wrapper around `docker`.
- *ECS's own rollout* is from the new deployment to its `COMPLETED`, seen by a watcher that asks every
  50 ms. What is *neither of both* is the tool's: the time in which no build and no rollout went on.
- *CPU* has what the tools start, the docker client too; *peak memory* (`VmHWM`) is that of the tools'
  own processes.
- *Calls* are counted in one more run, through a relay that holds each answer until nothing was asked for
  50 ms: what is asked at once is answered at once, so that the *calls one after another* are counted
  whatever the emulator's own pace is.
- An update's *calls* have the looks at the rollout among them: who looks more often has more.
- The runner's own time for a step, and for fetching an action, is in none of the numbers.
- Ours reads the VPC, its endpoints, the load balancer, the roles and the rest before it changes anything,
  hence more calls; the peers change an existing service alone.
- The peers know no state in which nothing is to be done: they register a revision and roll it out.
- The three minutes are those of a server that answers as ECS documents it, before moto; the growth is
  measured against moto too.

A machine with {cores} cores and {memory} GB of memory, shared with others. Its noise: the same loop, timed
before each deploy, took {noise}. All of it took {took:.0f} minutes.
"""
