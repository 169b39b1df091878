"""scripts/bench, once everything that it needs is there."""

import argparse
import json
import os
import pathlib
import shutil
import sys
import tempfile
import threading
import time

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1]))

import growth
import page
import scripted
import side
import tools


def main():
    given = arguments()
    for name in [name for name in os.environ if name.startswith(("AWS_", "GITHUB_", "INPUT_"))]:
        del os.environ[name]
    os.environ.update(
        AWS_ACCESS_KEY_ID="bench", AWS_SECRET_ACCESS_KEY="bench", NO_PROXY="127.0.0.1,localhost"
    )
    began = time.monotonic()

    def say(text):
        print(f"    {time.monotonic() - began:5.0f} s  {text}", flush=True)

    folder = pathlib.Path(tempfile.mkdtemp(prefix="ecs-private-deploy-bench-"))
    try:
        found = measure(given, folder, say)
    except BaseException:
        print(f"    what ran is in {folder}", file=sys.stderr)
        raise
    shutil.rmtree(folder)
    found["took_s"] = time.monotonic() - began
    print()
    print(page.text(found))
    if given.out:
        out = pathlib.Path(given.out)
        (out / "benchmarks.json").write_text(json.dumps(page.rounded(found), indent=2) + "\n")
        (out / "benchmarks.md").write_text(page.markdown(found))
        print(f"\nwritten to {out}/benchmarks.md and .json")
    if not all(holds for *_, holds in page.required(found)):
        sys.exit("something that has to hold does not")


def measure(given, folder, say):
    bench = tools.Bench(given, folder)
    rounds = given.rounds
    found = {"machine": machine(), "versions": json.loads(given.versions), "rounds": rounds}
    found["build"] = given.build
    found["side"] = list(side.measured(given, bench, folder, rounds, say))
    found["counted"] = list(side.counted(given, bench, folder, say))
    # What only waits goes on beside what works.
    slow, failed = [], []

    def wait():
        try:
            slow.extend(scripted.measured(given, bench, folder / "slow", rounds, say))
        except BaseException as error:
            failed.append(error)

    waiting = threading.Thread(target=wait)
    if not given.quick:
        say(f"a rollout of {scripted.SECONDS} s, {rounds} times by each tool at once")
        waiting.start()
    say("services that share a load balancer")
    sizes = growth.SIZES[:2] if given.quick else growth.SIZES
    grown = growth.measured(given, bench, folder / "growth", rounds, sizes, say)
    found["growth"] = list(grown)
    if not given.quick:
        waiting.join()
    if failed:
        raise failed[0]
    found["slow"] = slow
    return found


def machine():
    with open("/proc/meminfo", encoding="utf-8") as file:
        kilobytes = int(file.readline().split()[1])
    return {"cores": os.cpu_count(), "memory_gb": round(kilobytes / 1024**2)}


def arguments():
    parser = argparse.ArgumentParser()
    for name in ("binary", "build", "moto", "ministack", "node", "actions", "ecs", "versions"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out")
    return parser.parse_args()


if __name__ == "__main__":
    main()
