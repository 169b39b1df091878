"""Side by side against MiniStack: the same service, image and emulator, the tools in turn."""

import time
from contextlib import contextmanager

import parts
import relay
import tools
import watch

DELAY = 0.05


def measured(given, bench, folder, rounds, say):
    """Yields one record for each deploy; the order of the tools turns with each round."""
    for number in range(1, rounds + 1):
        say(f"round {number} of {rounds}: an empty account and VPC")
        with _account(given, folder / f"round-{number}") as place:
            yield _one(bench, tools.OURS, "first", place, number, say)
            turn = (number - 1) % len(tools.ALL)
            for tool in tools.ALL[turn:] + tools.ALL[:turn]:
                for scenario in ("update", "no-op"):
                    yield _one(bench, tool, scenario, place, number, say)


def counted(given, bench, folder, say):
    """The same once, through a relay that holds answers and counts."""
    say("the same through a relay that counts calls")
    with _account(given, folder / "counted") as place:
        yield _count(bench, tools.OURS, "first", place, say)
        for tool in tools.ALL:
            for scenario in ("update", "no-op"):
                yield _count(bench, tool, scenario, place, say)


@contextmanager
def _account(given, folder):
    folder.mkdir()
    with parts.Ministack(given.ministack, folder) as emulator:
        parts.network(emulator.url)
        app = parts.application(folder / "app")
        yield tools.Place(app, emulator.url, f"localhost:{emulator.port}")


def _one(bench, tool, scenario, place, number, say):
    text = _ready(tool, scenario, place)
    machine = cpu_loop()
    watcher = watch.Watcher(int(place.url.rsplit(":", 1)[1]), place.cluster, place.service)
    run = bench.deploy(tool, place)
    watcher.end()
    _check(run, tool, scenario, place, text)
    record = {
        "tool": tool,
        "scenario": scenario,
        "round": number,
        "wall_s": run.wall,
        "build_s": sum(end - began for began, end in run.builds),
        "rollout_s": None,
        "own_s": run.wall,
        "after_s": None,
        "cpu_s": run.cpu,
        "memory_mb": run.memory,
        "machine_s": machine,
    }
    others = list(run.builds)
    if watcher.began:
        if watcher.completed is None:
            raise SystemExit(f"{tool} ended before the deployment was complete: {scenario}")
        others.append((watcher.began, watcher.completed))
        record["rollout_s"] = watcher.completed - watcher.began
        # Seen up to one look late, so it can come out below nothing.
        record["after_s"] = max(0.0, run.ended - watcher.completed)
    record["own_s"] -= covered(others, run.began, run.ended)
    say(
        f"  {scenario:6} {tool:10} {run.wall:6.1f} s, of which neither build nor rollout "
        f"{record['own_s']:5.1f} s"
    )
    return record


def _count(bench, tool, scenario, place, say):
    text = _ready(tool, scenario, place)
    through = relay.Relay(int(place.url.rsplit(":", 1)[1]), DELAY)

    def start(process):
        through.client = process

    run = bench.deploy(tool, place.at(through.url), start)
    through.close()
    _check(run, tool, scenario, place, text)
    record = count(through, tool, scenario)
    say(f"  {scenario:6} {tool:10} {record['calls']:4} calls, {record['chain']} one after another")
    return record


def count(through, tool, scenario):
    """What a relay has seen."""
    calls = through.calls
    return {
        "tool": tool,
        "scenario": scenario,
        "calls": len(calls),
        "writes": sum(not call.is_read for call in calls),
        "chain": relay.chain(calls),
    }


def _ready(tool, scenario, place):
    """Changes the page, except for a no-op; yields what it says."""
    if scenario == "no-op":
        return (place.folder / "www" / "index.html").read_text()
    text = f"{scenario} by {tool} at {time.time_ns()}"
    parts.version(place.folder, text)
    place.new_image()
    if scenario == "update":
        place.write_task_definition()
    return text


def _check(run, tool, scenario, place, text):
    if run.code:
        raise SystemExit(f"{tool} failed at {scenario}:\n{run.output[-3000:]}")
    parts.serves(place.url, text.strip())


def covered(spans, began, ended):
    """How much of the time from `began` to `ended` lies in one of the spans or several."""
    total, reached = 0.0, began
    for begin, end in sorted(spans):
        begin, end = max(begin, reached), min(end, ended)
        if end > begin:
            total += end - begin
            reached = end
    return total


def cpu_loop():
    """Seconds that the same work takes on this machine now: how much else it has to do."""
    began = time.perf_counter()
    total = 0
    for number in range(1_000_000):
        total += number
    return time.perf_counter() - began
