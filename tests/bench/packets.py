"""What a packet costs at the gateway, by the number of flows: Weir's ruleset against a chain that only tracks connections."""

import os
import shutil
import statistics

from lab import Lab

SIZES = [10, 1_000, 10_000, 100_000]
PACKETS = 10_000
TRACKING = """table inet tracking {
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state vmap { established : accept, related : accept, new : accept }
	}
}
"""


def possible():
    return os.geteuid() == 0 and all(map(shutil.which, ("ip", "nft", "sysctl")))


def table(build, work, runs):
    """`build(flows, folder)` makes the package and returns the ruleset of its gateway."""
    tracking = work / "tracking.nft"
    tracking.write_text(TRACKING)
    rulesets = {flows: build(flows, work / f"packets-{flows}") for flows in SIZES}
    costs = {}
    for _ in range(runs):
        for flows, ruleset in rulesets.items():
            for name, file in (("tracking", tracking), ("weir", ruleset)):
                with Lab() as lab:
                    lab.load(file)
                    costs.setdefault((name, flows), []).append(lab.send(flows, PACKETS))
    rows = [
        "| flows | new, us: tracking | Weir | ratio | established, us: tracking | Weir | ratio |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for flows in SIZES:
        cells = [f"{flows:,}"]
        for kind in (0, 1):
            base, ours = (statistics.median(one[kind] for one in costs[name, flows]) for name in ("tracking", "weir"))
            cells += [f"{base:.2f}", f"{ours:.2f}", f"{ours / base:.2f}"]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)
