"""The tables of the chapter on performance. Started by `run`."""

import argparse
import os
import pathlib
import platform
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import packets
from processes import interleaved, run

FLOWS = 5000
BEGIN = "<!-- measured: begin -->"
END = "<!-- measured: end -->"
SHAPES = ["pairs", "mixed", "templates"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--target", type=pathlib.Path, required=True)
    parser.add_argument("--page", type=pathlib.Path, required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--print", action="store_true", help="print the tables, leave the page")
    arguments = parser.parse_args()
    target = arguments.target.resolve()
    work = target / "bench"
    work.mkdir(exist_ok=True)
    sizes = [int(size) for size in arguments.sizes.split(",")]
    parts = [
        machine(target),
        beside_aerleon(target, work, arguments.runs),
        packet_cost(target, work, arguments.runs),
        by_size(target, work, sizes, arguments.runs),
        stages(target, work, sizes),
    ]
    text = "\n\n".join(parts)
    if arguments.print:
        print(text)
    else:
        write(arguments.page, text)


def machine(target):
    """What the figures were taken on."""
    model = "unknown processor"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    versions = [
        said([target / "release/weir", "--version"]),
        "Aerleon " + said([target / "aerleon/bin/python", "-c", VERSION]),
        "Python " + platform.python_version(),
        said(["nft", "--version"]).split(" (")[0] if shutil.which("nft") else "no nft",
        said(["rustc", "--version"]),
    ]
    return (
        f"{os.cpu_count()} cores ({model}), Linux {platform.release().split('-')[0]}; {', '.join(versions)}. "
        "Reproduce with `tests/bench/run`. CPU is user and system time of the whole process, memory its peak; "
        "each figure is a median, the programs took turns. Peaks below about 12 MB are not told apart."
    )


VERSION = "import importlib.metadata as m; print(m.version('aerleon'))"


def said(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def weir_build(target, package):
    """A build that finds no earlier output."""
    return (lambda: shutil.rmtree(package / "out", ignore_errors=True), [target / "release/weir", "build", "-q"], package)


def beside_aerleon(target, work, runs):
    package, peer = work / "hosts", work / "peer"
    for folder in (package, peer):
        shutil.rmtree(folder, ignore_errors=True)
    generate(target, "hosts", FLOWS, package, "--peer", peer)
    (peer / "out").mkdir()
    aerleon = [target / "aerleon/bin/aclgen", "--policy_file", "policies/flows.pol", "--definitions_directory", "def",
               "--base_directory", "policies", "--output_directory", "out"]

    def clean():
        (peer / "out/flows.nft").unlink(missing_ok=True)

    costs = interleaved({"weir": weir_build(target, package), "aerleon": (clean, aerleon, peer)}, runs)
    weir, other = costs["weir"], costs["aerleon"]
    outputs = {
        "weir": package / "out/nftables/gw.nft",
        "aerleon": peer / "out/flows.nft",
        "bare": peer / "bare.nft",
    }
    rows = [
        "| from policy to ruleset | CPU s | ratio | peak MB | ratio |",
        "| --- | ---: | ---: | ---: | ---: |",
        f"| Weir, `weir build` | {weir.cpu:.2f} | 1 | {weir.memory:.0f} | 1 |",
        f"| Aerleon, `aclgen` | {other.cpu:.2f} | {other.cpu / weir.cpu:.1f} | {other.memory:.0f} "
        f"| {other.memory / weir.memory:.1f} |",
    ]
    text = f"### {FLOWS:,} distinct flows, beside Aerleon\n\n{ABOUT_FLOWS}\n\n" + "\n".join(rows)
    return text + "\n\n" + load(outputs, runs)


ABOUT_FLOWS = (
    "Each flow has a source host, a destination host and one of 200 ports, the same for both programs. Weir reads "
    "10,000 devices, checks that a path joins each pair, and writes the ruleset in two forms, a source map and a "
    "manifest; Aerleon reads 10,000 network objects and writes one ruleset."
)


def load(outputs, runs):
    """The time that `nft -f` needs, in a network namespace of its own."""
    if not shutil.which("nft") or subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode != 0:
        return "Loading was not measured here: it needs nft and root."
    jobs = {name: (None, ["unshare", "-n", "nft", "-f", path], None) for name, path in outputs.items()}
    costs = interleaved(jobs, runs)
    bare = costs["bare"].cpu
    names = {"weir": "Weir's", "aerleon": "Aerleon's", "bare": "one bare set of the same tuples"}
    rows = ["| `nft -f` | CPU s | ratio | peak MB |", "| --- | ---: | ---: | ---: |"]
    for name, cost in costs.items():
        rows.append(f"| {names[name]} | {cost.cpu:.3f} | {cost.cpu / bare:.1f} | {cost.memory:.0f} |")
    return "\n".join(rows)


def packet_cost(target, work, runs):
    text = f"### A packet at the gateway\n\n{ABOUT_PACKETS}\n\n"
    if not packets.possible():
        return text + "Not measured here: it needs root, ip, nft and sysctl."

    def build(flows, package):
        shutil.rmtree(package, ignore_errors=True)
        generate(target, "hosts", flows, package)
        run(weir_build(target, package)[1], package)
        return package / "out/nftables/gw.nft"

    return text + packets.table(build, work, runs)


ABOUT_PACKETS = (
    "TCP connections between namespaces, through a gateway's namespace: Weir's ruleset, which also binds source addresses "
    "to interfaces, against a forward chain that only tracks connections. The time is that of sending a frame, which ends "
    "when it has crossed the gateway; `established` is a later packet of a connection that was let through."
)


def by_size(target, work, sizes, runs):
    packages = {}
    for shape in SHAPES:
        for size in sizes:
            package = work / f"{shape}-{size}"
            shutil.rmtree(package, ignore_errors=True)
            generate(target, shape, size, package, "--devices", str(size))
            packages[shape, size] = package
    costs = interleaved({key: weir_build(target, package) for key, package in packages.items()}, runs)
    rows = [
        "| shape | devices | rules | CPU s | us a rule | peak MB |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for (shape, size), cost in costs.items():
        rows.append(
            f"| {shape} | {size:,} | {size:,} | {cost.cpu:.2f} | {cost.cpu / size * 1e6:.0f} | {cost.memory:.0f} |"
        )
    return f"### By size\n\n{ABOUT_SHAPES}\n\n" + "\n".join(rows)


ABOUT_SHAPES = (
    "`weir build`, whole process. A generated plant has a network with a gateway for each 200 devices, halls of 25 cells, "
    "64 protocols. `pairs`: each rule joins two hosts. `mixed`: 85 % pairs, 8 % zone to host, 4 % host to zone, 2 % zone "
    "to zone, 0.5 % everybody to host, 0.6 % denies. `templates`: cells are instances of a template."
)


def stages(target, work, sizes):
    table = said([target / "release/weir-bench", "--sizes", ",".join(map(str, sizes)), "--folder", work / "stages"])
    return "### By stage\n\n" + table


def generate(target, shape, rules, package, *more):
    run([target / "release/weir-gen", "--shape", shape, "--rules", str(rules), "-o", package, *more])


def write(page, text):
    """Puts the text between the page's markers."""
    before, after = "# Performance\n\n", ""
    if page.exists():
        old = page.read_text()
        before, after = old.split(BEGIN)[0], old.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


if __name__ == "__main__":
    main()
