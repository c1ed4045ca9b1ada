"""Runs programs and says what they took."""

import os
import statistics
import subprocess


class Cost:
    """CPU seconds (user and system) and peak memory in MB of one process and those it waited for."""

    def __init__(self, cpu, memory):
        self.cpu = cpu
        self.memory = memory


def run(command, folder=None):
    """Runs a command to its end; one that fails ends the measurement with what it said."""
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: exit {process.returncode}\n{said.decode(errors='replace')}")
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def median(costs):
    return Cost(statistics.median(c.cpu for c in costs), statistics.median(c.memory for c in costs))


def interleaved(jobs, runs):
    """Runs all jobs in turn, several times over, so that what else the machine does meets all of them.

    A job is (preparation, command, folder); returns the median of each.
    """
    costs = {name: [] for name in jobs}
    for _ in range(runs):
        for name, (prepare, command, folder) in jobs.items():
            if prepare:
                prepare()
            costs[name].append(run(command, folder))
    return {name: median(list_) for name, list_ in costs.items()}
