"""The closed forms of a world, written from docs/worlds.md and sharing nothing with the crate.

`World(spec, history_start)` takes the resolved world file, as /_cloud/world shows it.
"""

import datetime
import hashlib
import json
import math
import urllib.request


def seconds(text):
    """Seconds since 1970 of an RFC 3339 time."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def fetch(base_url):
    """The world that a simulated cloud shows, and its present time in seconds since 1970."""
    with urllib.request.urlopen(f"{base_url}/_cloud/world") as answer:
        shown = json.load(answer)
    return World(shown["spec"], seconds(shown["history_start"])), seconds(shown["now"])


class World:
    def __init__(self, spec, history_start):
        self.spec = spec
        self.first_minute = int(history_start // 60)

    def chance(self, name, tag, index):
        text = f"{self.spec['seed']}/{name}/{tag}/{index}"
        digest = hashlib.sha256(text.encode("ascii")).digest()
        return int.from_bytes(digest[:8], "big") / 2**64

    def rate(self, name, traffic, minute):
        """Requests per second in a minute."""
        kind = traffic["pattern"]
        if kind == "steady":
            return traffic["requests_per_second"]
        if kind == "diurnal":
            angle = 2 * math.pi * (minute % 1440 - 60 * traffic["peak_hour"]) / 1440
            return traffic["requests_per_second"] * (1 + traffic["amplitude"] * math.cos(angle))
        if kind == "bursty":
            slot = minute // traffic["slot_minutes"]
            burst = self.chance(name, "burst", slot) < traffic["burst_share"]
            return traffic["requests_per_second"] * (traffic["burst_factor"] if burst else 1)
        if kind == "sporadic":
            active = self.chance(name, "active", minute) < traffic["active_share"]
            return traffic["requests_per_active_minute"] / 60 if active else 0
        if kind == "timer":
            due = minute % traffic["every_minutes"] == traffic["offset_minutes"]
            return traffic["requests"] / 60 if due else 0
        raise ValueError(f"unknown pattern {kind}")

    def requests(self, name, traffic, minute):
        """Requests in a minute; a workload's name is `namespace/name`."""
        if minute < self.first_minute:
            return 0
        return math.floor(60 * self.rate(name, traffic, minute) + 0.5)

    def metrics(self, function, minute):
        """What a function publishes in a minute: {(metric, statistic): value}, empty without calls."""
        calls = self.requests(function["name"], function["traffic"], minute)
        if calls == 0:
            return {}

        def part(ratio, tag):
            if ratio == 0:
                return 0
            return math.floor(calls * ratio + self.chance(function["name"], tag, minute))

        mean = function["duration_ms"]
        peak = max(1, math.ceil(1.3 * (calls / 60) * mean / 1000))
        return {
            ("Invocations", "Sum"): calls,
            ("Duration", "SampleCount"): calls,
            ("Duration", "Sum"): calls * mean,
            ("Duration", "Average"): mean,
            ("Duration", "Minimum"): 0.5 * mean,
            ("Duration", "Maximum"): 1.6 * mean,
            ("Duration", "p50"): 0.9 * mean,
            ("Duration", "p90"): 1.2 * mean,
            ("Duration", "p95"): 1.3 * mean,
            ("Duration", "p99"): 1.5 * mean,
            ("Errors", "Sum"): min(part(function["error_ratio"], "error"), calls),
            ("Throttles", "Sum"): part(function["throttle_ratio"], "throttle"),
            ("ConcurrentExecutions", "Maximum"): peak,
        }
