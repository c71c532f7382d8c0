"""What one request of every workload and function of a world costs on both platforms, by the formulas of the
cost model, beside what a running agent shows. It shares no code with the program: the world's formulas are in
world.py (from docs/worlds.md), prices and settings below, the configured prices in config/demo.yaml.

The environment says where: AGENT_URL, CLOUD_URL, and WORLD and CONFIG for other files than those of the demo. Of the agent only its numbers are read, when they were made, and for how long it had watched by then; of the cloud only when
its history began. Ends with 1 where a row is missing, is too much, or is more than 1 % off.
"""

import json
import math
import os
import re
import sys
import urllib.request
from pathlib import Path

import yaml
from world import World, seconds

ROOT = Path(__file__).parents[2]
TOLERANCE = 0.01

# What the world's nodes cost on demand (us-east-1, Linux), USD per hour, and Fargate per vCPU and GiB.
ON_DEMAND = {"m5.large": 0.096, "m6i.xlarge": 0.192, "m7g.large": 0.0816}
FARGATE_CPU, FARGATE_GIB = 0.04048, 0.004445
# What a GiB of a volume costs, USD per month.
EBS = {"gp3": 0.08, "gp2": 0.10}

# Lambda: USD per request, and per GB-s by monthly tiers (where each ends, its price).
REQUEST = 0.2e-6
DURATION = {
    "x86_64": [(6e9, 1.66667e-5), (15e9, 1.5e-5), (math.inf, 1.33334e-5)],
    "arm64": [(7.5e9, 1.33334e-5), (18.75e9, 1.20001e-5), (math.inf, 1.06667e-5)],
}
ROUNDING = 0.0005  # seconds that rounding up to milliseconds adds, mean
# Cold starts: for how many minutes an idle environment is kept, seconds that a new one initialises, and how many
# run at once in the busiest second of a minute, against its mean.
KEPT, INIT, BUSIEST = 8, 0.3, 1.3

# The model's settings, as `breakeven config default` shows them.
HOURS, WINDOW = 730, 86_400
CPU_TO_MEMORY = 10.1
SHARED_NAMESPACES = {"kube-system"}
AVOIDABLE = 0.9
ARCHITECTURE, SLOWDOWN, HEADROOM = "arm64", 2.0, 1.2
MEMORY_SIZES = [128, 256, 512, 1024, 1769, 2048, 3008, 4096, 5120, 6144, 8192, 10240]
POD_CPU, POD_CONCURRENCY, TARGET, LEAST_PODS, PACKING, CPU_SHARE = 0.25, 10, 0.65, 2, 0.75, 0.5
HELD_MINUTES = 5

# How the sources read: closed steps of requests, present rate, closed minutes of functions.
STEP, STEP_DELAY, RECENT, MINUTES_DELAY = 300, 60, 300, 180
# A step's use is known when this much of it was watched.
WATCHED = 0.8
# From so many steps on the slope of use over traffic is taken, where it is known well enough.
SLOPE_STEPS = 30
# The longest of the demo's poll intervals: data may be so much older than the last success of its source.
POLL = 60
# The sources whose data a cost of a request depends on, and how old their last success may be in the world's time.
SOURCES, MAX_AGE = {"kubernetes", "usage", "requests", "cloudwatch"}, 300


def defaults(spec):
    """The world with the defaults of docs/worlds.md filled in."""
    for one in spec["workloads"] + spec["functions"]:
        if traffic := one.get("traffic"):
            traffic.setdefault("slot_minutes", 30)
            traffic.setdefault("offset_minutes", 0)
    for workload in spec["workloads"]:
        workload.setdefault("replicas", 1)
        workload.setdefault("requests", {})
        workload["key"] = f"{workload['namespace']}/{workload['name']}"
    return spec


class Truth:
    """What holds at time `now` for an agent that has watched the cluster since `since`."""

    def __init__(self, world, config, since, now):
        self.world, self.spec = world, world.spec
        prices = config["prices"]
        self.window = config["model"].get("decision_window_seconds", WINDOW)
        self.since, self.now = min(max(since, now - self.window), now), now
        fixed = [one.get("usd_per_hour", 0) + one.get("usd_per_month", 0) / HOURS for one in prices.get("fixed", [])]
        unowned = sum(self.volume(one) for one in self.spec.get("volumes", []))
        self.fixed = sum(fixed) + prices["eks"]["control_plane_usd_per_hour"] + unowned
        self.nodes = {node["name"]: self.priced(node, prices["nodes"]) for node in self.spec["nodes"]}

    # --- The cluster

    def priced(self, node, rules):
        """Price of a node, and of each core and GiB of it."""
        cores, gib, ratio = node["cpu"], node["memory_gib"], CPU_TO_MEMORY
        capacity_type = node.get("capacity_type", "on-demand")
        fits = [
            rule["usd_per_hour"]
            for rule in rules
            if rule["selector"] == {"instance_type": node.get("instance_type"), "capacity_type": capacity_type}
        ]
        if capacity_type == "fargate":
            price, ratio = cores * FARGATE_CPU + gib * FARGATE_GIB, FARGATE_CPU / FARGATE_GIB
        else:
            price = fits[0] if fits else ON_DEMAND[node["instance_type"]]
        memory = price / (cores * ratio + gib)
        is_machine = capacity_type != "fargate"
        return {"price": price, "cores": cores, "gib": gib, "core": ratio * memory, "memory": memory, "machine": is_machine}

    def volume(self, one):
        """What a volume costs, USD per hour; the classes of the world are named as their disks."""
        return one["size_gib"] * EBS[one["storage_class"]] / HOURS

    def places(self, workload, index):
        """The nodes of a workload's pods; `index` counts the workloads that are no DaemonSets."""
        machines = [name for name, node in self.nodes.items() if node["machine"]]
        if workload["kind"] == "DaemonSet":
            return machines
        if nodes := workload.get("nodes"):
            return [nodes[pod % len(nodes)] for pod in range(workload["replicas"])]
        return [machines[(index + pod) % len(machines)] for pod in range(workload["replicas"])]

    def runs(self, workload, minute):
        """Whether the pods of a workload are there in a minute."""
        if not (runs := workload.get("runs")):
            return True
        every = runs["every_minutes"]
        return (minute - runs.get("offset_minutes", 0)) % every < runs["minutes"]

    def cores(self, workload, minute):
        """Cores that all pods of a workload use."""
        pods = len(self.placed[workload["key"]])
        busy = 0
        if workload.get("traffic"):
            served = self.world.requests(workload["key"], workload["traffic"], minute) / 60
            busy = workload["usage"].get("cpu_seconds_per_request", 0) * served
        return pods * workload["usage"].get("idle_cpu", 0) + busy

    def rates(self, minute):
        """USD per hour of every workload that carries cost, on each basis, in a minute."""
        pods = {name: [] for name in self.nodes}
        for workload in self.spec["workloads"]:
            places = self.placed[workload["key"]]
            for node in places if self.runs(workload, minute) else []:
                usage = (self.cores(workload, minute) / len(places), workload["usage"]["memory_mib"] / 1024)
                request = workload["requests"].get("cpu", 0), workload["requests"].get("memory_mib", 0) / 1024
                pods[node].append((workload, usage, [max(*pair) for pair in zip(request, usage)]))
        # Machines share their idle capacity and DaemonSets among what runs on them, the cluster everything else.
        costs, of_machines, of_cluster = {}, 0, self.fixed
        for name, node in self.nodes.items():
            if not node["machine"]:
                pods[name] = [(workload, usage, [node["cores"], node["gib"]]) for workload, usage, _ in pods[name]]
            # A node that holds more than it has is scaled down to what it has.
            scale = [
                min(1, capacity / sum(held[kind] for _, _, held in pods[name]))
                for kind, capacity in enumerate((node["cores"], node["gib"]))
            ]
            of_machines += node["price"] if node["machine"] else 0
            for workload, usage, held in pods[name]:
                held = [amount * by for amount, by in zip(held, scale)]
                allocated = held[0] * node["core"] + held[1] * node["memory"]
                used = min(usage[0], held[0]) * node["core"] + min(usage[1], held[1]) * node["memory"]
                if workload["kind"] == "DaemonSet":
                    continue
                of_machines -= allocated if node["machine"] else 0
                if workload["namespace"] in SHARED_NAMESPACES:
                    of_cluster += allocated
                    continue
                cost = costs.setdefault(workload["key"], {"used": 0, "allocated": 0, "on machines": 0})
                cost["used"] += used
                cost["allocated"] += allocated
                cost["on machines"] += allocated if node["machine"] else 0
        for workload in self.spec["workloads"]:
            pods_there = len(self.placed[workload["key"]])
            for one in workload.get("volumes", []):
                costs[workload["key"]]["allocated"] += self.volume(one) * (1 if one.get("shared") else pods_there)
        whole, on_machines = (sum(cost[part] for cost in costs.values()) for part in ("allocated", "on machines"))
        for cost in costs.values():
            cost["avoidable"] = cost["allocated"] * AVOIDABLE
            share = cost.pop("on machines") / on_machines
            cost["loaded"] = cost["allocated"] * (1 + of_cluster / whole) + share * of_machines
        return costs

    def mean_rates(self):
        """The same, averaged over the time watched."""
        first, last = int(self.since // 60), int(self.now // 60)
        sums, weights = {}, {}
        for minute in range(first, last + 1):
            weight = max(1e-3, min(self.now, (minute + 1) * 60) - max(self.since, minute * 60))
            for key, cost in self.rates(minute).items():
                into = sums.setdefault(key, dict.fromkeys(cost, 0))
                weights[key] = weights.get(key, 0) + weight
                for basis in into:
                    into[basis] += cost[basis] * weight
        return {key: {basis: value / weights[key] for basis, value in cost.items()} for key, cost in sums.items()}

    # --- Workloads

    def served(self, workload, start, end):
        """Requests between two times."""
        total = 0
        for minute in range(int(start // 60), math.ceil(end / 60)):
            part = (min(end, (minute + 1) * 60) - max(start, minute * 60)) / 60
            total += part * self.world.requests(workload["key"], workload["traffic"], minute)
        return total

    def closed(self):
        """The end of the last step of requests that is read."""
        return (self.now - STEP_DELAY) // STEP * STEP

    def cpu_per_request(self, workload):
        """Core-seconds of one request: over the steps that were watched, else at present."""
        first = math.ceil((self.since - (1 - WATCHED) * STEP) / STEP) * STEP
        # From then on the agent may tell what idle pods compute from what requests do.
        assert self.closed() - first < SLOPE_STEPS * STEP, "watched for so long that a slope may be shown"
        if first < self.closed():
            minutes = range(int(first // 60), int(self.closed() // 60))
            used = sum(self.cores(workload, minute) * 60 for minute in minutes)
            return used / self.served(workload, first, self.closed())
        rate = self.served(workload, self.now - RECENT, self.now) / RECENT
        return self.cores(workload, int(self.now // 60)) / rate

    def equivalent(self, workload, cpu=None):
        """Memory and seconds per request of the function that would do it; of so many core-seconds, or what was
        seen, in which there is what it computes without requests."""
        cpu = self.cpu_per_request(workload) if cpu is None else cpu
        wall = workload["latency_ms"] / 1000

        def duration(memory):
            return max(0, wall - cpu) + cpu / min(1, memory / 1769)

        least = min(10240, max(128, math.ceil(HEADROOM * workload["usage"]["memory_mib"])))
        sizes = [least] + [size for size in MEMORY_SIZES if size > least]
        quick = [size for size in sizes if duration(size) <= min(SLOWDOWN * wall, 900)]
        if not quick:
            return min((duration(size), size) for size in sizes)[::-1]
        memory = min(quick, key=lambda size: size * (duration(size) + ROUNDING))
        return memory, duration(memory)

    def workload(self, workload, rates):
        """{(platform, basis): USD per request}; "true lambda" is what a band must contain."""
        first = self.now - self.window
        per_second = self.served(workload, first, self.closed()) / (self.closed() - first)
        costs = {("kubernetes", basis): rate / 3600 / per_second for basis, rate in rates.items()}
        for name, cpu in (("lambda", None), ("true lambda", workload["usage"].get("cpu_seconds_per_request", 0))):
            memory, each = self.equivalent(workload, cpu)
            cold = cold_share(per_second, each)
            costs[name, "loaded"] = charge(memory, each, ARCHITECTURE, per_second, cold)
        return costs

    # --- Functions

    def function(self, function):
        """{(platform, basis): USD per request}"""
        end = int((self.now - MINUTES_DELAY) // 60)
        minutes = range(end - self.window // 60, end)
        calls = [self.world.requests(function["name"], function["traffic"], minute) for minute in minutes]
        if not sum(calls):
            return {}
        per_second, each = sum(calls) / self.window, function["duration_ms"] / 1000
        cores = min(1, function["memory_mib"] / 1769)
        peaks = [max(1, math.ceil(BUSIEST * call / 60 * each)) if call else 0 for call in calls]
        started = [max(0, peaks[at] - max(peaks[at - KEPT : at])) for at in range(KEPT, len(peaks))]
        cold = sum(started) / (60 * len(started)) / per_second
        pods = 0
        for position in range(len(calls)):
            at_once = max(calls[max(0, position - HELD_MINUTES + 1) : position + 1]) / 60 * each
            by_cpu = CPU_SHARE * at_once * cores / (TARGET * POD_CPU)
            # Sums of binary fractions: a whole number stays one.
            wanted = math.ceil(max(by_cpu, at_once / POD_CONCURRENCY) - 1e-9)
            pods += max(LEAST_PODS, wanted) / len(calls)
        machines = [node for node in self.nodes.values() if node["machine"]]
        worth = sum(node["cores"] * CPU_TO_MEMORY + node["gib"] for node in machines)
        gib = sum(node["price"] for node in machines) / worth
        pod = (POD_CPU * CPU_TO_MEMORY + function["memory_mib"] / 1024) * gib / PACKING
        return {
            ("lambda", "loaded"): charge(function["memory_mib"], each, function["architecture"], per_second, cold),
            ("kubernetes", "loaded"): pods * pod / 3600 / per_second,
        }

    def all(self):
        """{(home, namespace/workload, platform, basis): USD per request}"""
        counted = [one for one in self.spec["workloads"] if one["kind"] != "DaemonSet"]
        self.placed = {
            one["key"]: self.places(one, counted.index(one) if one in counted else None)
            for one in self.spec["workloads"]
        }
        rates = self.mean_rates()
        truth = {}
        for workload in self.spec["workloads"]:
            if workload.get("traffic") and workload["key"] in rates:
                costs = self.workload(workload, rates[workload["key"]])
                truth |= {("kubernetes", workload["key"], *kind): cost for kind, cost in costs.items()}
        for function in self.spec["functions"]:
            costs = self.function(function)
            truth |= {("lambda", "/" + function["name"], *kind): cost for kind, cost in costs.items()}
        return truth


def cold_share(rate, duration):
    """The share of requests that meet a cold start when they arrive independently: over k, the chance that k-1 run
    times the chance that the k-th environment was not needed for the keep-alive."""
    busy, kept = rate * duration, KEPT * 60
    chance, loss, spread, share, running = math.exp(-busy), 1.0, 1.0, 0.0, 0
    while running < busy or chance > 1e-18:
        share += chance * math.exp(-rate * loss * kept / spread) / spread
        running += 1
        chance *= busy / running
        before, loss = loss, busy * loss / (running + busy * loss)
        shrink, others = loss / before, running / (busy + running)
        again = (1 - others) * loss**2 + others * (1 + shrink) * loss
        spread = again + (1 - loss) * (1 + shrink * spread)
    return share


def charge(memory, duration, architecture, per_second, cold):
    """USD per request on Lambda, of a month of so many requests per second, of which the share `cold` starts an
    environment."""
    requests = per_second * 3600 * HOURS
    left = requests * memory / 1024 * (duration + ROUNDING + cold * INIT)
    money, before = requests * REQUEST, 0
    for end, price in DURATION[architecture]:
        part = min(left, end - before)
        money, left, before = money + part * price, left - part, end
    return money / requests


def read(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read().decode()


def scrape(url):
    """The agent's costs of a request with their bands, the times that they may be of, and for how long it had watched."""
    families = {f"breakeven_request_cost_{end}usd": end for end in ("", "low_", "high_")}
    costs, now, watched, read_at = {end: {} for end in families.values()}, None, 0.0, []
    for name, labels, value in re.findall(r"^(\w+)(?:\{(.*)\})? (\S+)", read(f"{url}/metrics"), re.M):
        labels = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        if name in families:
            key = f"{labels.get('namespace', '')}/{labels['workload']}"
            costs[families[name]][labels["home"], key, labels["platform"], labels["basis"]] = float(value)
        elif name == "breakeven_report_timestamp_seconds":
            now = float(value)
        elif name == "breakeven_observed_seconds_total":
            watched = float(value)
        elif name == "breakeven_source_last_success_timestamp_seconds" and labels["source"] in SOURCES:
            read_at.append(float(value))
    late = [now - at for at in read_at if now - at > MAX_AGE]
    assert not late, f"the last success of a source is {late} s old"
    return costs, [at - late for at in [now, *read_at] for late in (0, POLL)], watched


def main():
    def file(variable, default):
        return yaml.safe_load(Path(os.environ.get(variable, ROOT / default)).read_text())

    spec, config = defaults(file("WORLD", "config/worlds/demo.yaml")), file("CONFIG", "config/demo.yaml")
    history_start = seconds(json.loads(read(os.environ["CLOUD_URL"] + "/_cloud/world"))["history_start"])
    world = World(spec, history_start)
    costs, times, watched = scrape(os.environ["AGENT_URL"])
    shown, low, high = costs[""], costs["low_"], costs["high_"]
    # A number is right if it is right now, or was right when its source was last read. On a busy machine an accelerated world
    # runs ahead of the agent's polls.
    since = times[0] - watched
    truths = [Truth(world, config, since, at).all() for at in times]
    off, worst, within = [], 0, 0
    for home, key, platform, basis in sorted(truths[0].keys() | shown.keys()):
        if is_true := platform.startswith("true "):
            platform = platform.removeprefix("true ")
        row = home, key, platform, basis
        name = "{:<10} {:<28} {:<10} {:<9}".format(*row)
        name = f"{name} true" if is_true else name
        true = [truth[home, key, f"true {platform}" if is_true else platform, basis] for truth in truths if row in truth]
        if row not in shown or not true:
            off.append(f"{name} {'is not shown' if row not in shown else 'is shown, and is not true'}")
            continue
        nearest = min(true, key=lambda one: abs(shown[row] / one - 1))
        if row in low:
            # What a band says is that the truth lies in it, whatever the point.
            within += 1
            if not low[row] * (1 - TOLERANCE) <= nearest <= high[row] * (1 + TOLERANCE):
                off.append(f"{name} true {nearest:.6e} is not between {low[row]:.6e} and {high[row]:.6e}")
        if is_true:
            continue
        deviation = shown[row] / nearest - 1
        worst = max(worst, abs(deviation))
        line = f"{name} shown {shown[row]:.6e} true {nearest:.6e} {deviation:+.3%}"
        print(line)
        if abs(deviation) > TOLERANCE:
            off.append(line)
    print(f"{within} truths are within their bands")
    print(f"{len(shown)} costs after {watched:.0f} s of watching; the worst is {worst:.3%} off")
    if off or not shown:
        sys.exit("\n".join(["off:", *off]))


if __name__ == "__main__":
    main()
