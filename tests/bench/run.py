#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tests/bench/run.py --hrun build/hrun [--rounds N]: `run /bin/true` and every verb of hrun, crun and runc, interleaved, as tables.

Two bundles over one busybox root: `full` has the walls that podman gives a container (config.podman.json, what podman 5.8 passed for a
plain `podman run`), `min` only /proc and /dev and no filter, which hrun does at the level `privileged` only.  crun and runc come from a
tree of Debian sid made by tests/tree.sh; all of it runs in that tree under build/tests/isolate.  Ratios are medians of the ratios of the
rounds: a machine that slows down slows all alike.  HRUN_BENCH_COMMANDS="name=command words,..." measures other runtimes instead.
"""
import argparse
import copy
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
PACKAGES = "crun,runc,python3,strace,busybox-static,libyajl2,libseccomp2,libcap2"
WORK = "/tmp/bench"
POLICY = "/etc/hrun-bench-policy.json"  # what lowers the level must lie where only root can write
VERBS = ("create", "start", "state", "exec", "kill", "delete")


def say(text):
    print(text, flush=True)


def outside(options):
    """Builds what is needed and starts this program again inside the tree."""
    measure, isolate = f"{TOP}/build/tests/measure", f"{TOP}/build/tests/isolate"
    subprocess.run(["make", "-C", TOP, "--no-print-directory", "build/tests/isolate"], check=True)
    subprocess.run(["cc", "-O2", "-static", "-D_GNU_SOURCE", "-o", measure, f"{HERE}/measure.c"], check=True)
    made = subprocess.run([f"{TOP}/tests/tree.sh", "sid", PACKAGES], stdout=subprocess.PIPE, text=True)
    if made.returncode != 0:
        return made.returncode
    tree = f"{TOP}/build/bench-tree"
    shutil.rmtree(tree, ignore_errors=True)
    os.makedirs(tree)
    try:
        subprocess.run(["tar", "-xf", made.stdout.strip(), "-C", tree, "--exclude=./dev/*"], check=True)
        return subprocess.run([isolate, "--root", tree, "--", "python3", os.path.relpath(__file__, TOP), "--inside", "--rounds",
                               str(options.rounds), "--hrun", os.path.relpath(options.hrun, TOP)], cwd=TOP).returncode
    finally:
        shutil.rmtree(tree, ignore_errors=True)


def make_root():
    root = f"{WORK}/rootfs"
    for d in ("bin", "proc", "sys", "dev", "etc", "tmp", "run"):
        os.makedirs(f"{root}/{d}", exist_ok=True)
    for name in ("busybox", "true", "sleep", "sh"):
        shutil.copy("/bin/busybox", f"{root}/bin/{name}")
    return root


def make_bundles():
    """What depends on podman's own machine is replaced: bind sources, the root, the network namespace, limits without a controller here."""
    config = json.load(open(f"{HERE}/config.podman.json"))
    os.makedirs(f"{WORK}/files", exist_ok=True)
    config["root"]["path"] = make_root()
    for mount in config["mounts"]:
        if mount["type"] != "bind":
            continue
        mount["source"] = f"{WORK}/files/{os.path.basename(mount['destination'])}"
        if mount["destination"] == "/dev/shm":
            os.makedirs(mount["source"], exist_ok=True)
        else:
            open(mount["source"], "w").close()
    config["process"].pop("rlimits", None)
    linux = config["linux"]
    linux["resources"].pop("pids", None)
    linux.pop("cgroupsPath", None)
    linux["namespaces"] = [{"type": n["type"]} for n in linux["namespaces"]] + [{"type": "cgroup"}]
    small = copy.deepcopy(config)
    for key in ("seccomp", "maskedPaths", "readonlyPaths", "sysctl"):
        small["linux"].pop(key, None)
    small["mounts"] = [m for m in small["mounts"] if m["destination"] in ("/proc", "/dev")]
    life = copy.deepcopy(config)
    life["process"]["args"] = ["/bin/sleep", "1000"]
    for name, bundle in (("full", config), ("min", small), ("life", life)):
        os.makedirs(f"{WORK}/{name}", exist_ok=True)
        json.dump(bundle, open(f"{WORK}/{name}/config.json", "w"))


def runtimes(options):
    given = os.environ.get("HRUN_BENCH_COMMANDS")
    if given:
        return {name: command.split() for name, _, command in (item.partition("=") for item in given.split(","))}
    return {"hrun": [os.path.join(TOP, options.hrun), "--root", "/run/bench-hrun", "--policy", POLICY],
            "crun": ["crun", "--cgroup-manager=cgroupfs", "--root", "/run/bench-crun"],
            "runc": ["runc", "--root", "/run/bench-runc"]}


def run_command(runtime, bundle, name):
    return [*runtime, "run", "-b", f"{WORK}/{bundle}", name]


def take(command):
    """(wall, cpu, peak).  Into a file: a container that stays would keep a pipe open."""
    with open(f"{WORK}/output", "w+") as output:
        subprocess.run([f"{TOP}/build/tests/measure", *command], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        output.seek(0)
        text = output.read()
    numbers = text.split()[-4:]
    wall, cpu, peak, status = (int(n) for n in numbers) if len(numbers) == 4 and numbers[3].isdigit() else (0, 0, 0, 125)
    if status != 0:
        raise SystemExit(f"{' '.join(command)}: exit status {status}\n{text}")
    return wall, cpu, peak


def once(runtime, bundle, name):
    return take(run_command(runtime, bundle, name))


def wait_until_stopped(runtime, name):
    for _ in range(1000):
        state = subprocess.run([*runtime, "state", name], capture_output=True, text=True)
        if '"stopped"' in state.stdout:
            return
        time.sleep(0.002)
    raise SystemExit(f"{runtime[0]}: {name} does not stop")


def live(runtime, name):
    """One container through all verbs: {verb: (wall, cpu, peak)}."""
    arguments = {"create": ["-b", f"{WORK}/life", name], "exec": [name, "/bin/true"], "kill": [name, "KILL"]}
    taken = {}
    for verb in VERBS:
        if verb == "delete":
            wait_until_stopped(runtime, name)
        taken[verb] = take([*runtime, verb, *arguments.get(verb, [name])])
    return taken


def syscalls(runtime, bundle):
    subprocess.run(["strace", "-f", "-c", "-o", f"{WORK}/strace", *run_command(runtime, bundle, "traced")], capture_output=True)
    total = re.search(r"^100\.00 .*?(\d+) +(?:\d+ +)?total$", open(f"{WORK}/strace").read(), re.M)
    numbers = total.group(0).split() if total else []
    return int(numbers[3]) if len(numbers) > 4 else 0


def measure(bundle, commands, rounds):
    taken = {name: [] for name in commands}
    for name, command in commands.items():
        once(command, bundle, f"warm-{name}")
    for n in range(rounds):
        order = list(commands)[n % len(commands):] + list(commands)[:n % len(commands)]
        for name in order:
            taken[name].append(once(commands[name], bundle, f"{name}-{bundle}-{n}"))
    first = next(iter(commands))
    say(f"\n{bundle}, {rounds} rounds     wall us    cpu us   cpu ratio {first}/it   peak KiB   syscalls")
    for name in commands:
        ratio = statistics.median(a[1] / b[1] for a, b in zip(taken[first], taken[name]))
        wall, cpu = (statistics.median(t[i] for t in taken[name]) for i in (0, 1))
        say(f"{name:18} {wall:10.0f} {cpu:9.0f} {ratio:19.2f} {max(t[2] for t in taken[name]):12} {syscalls(commands[name], bundle):10}")


def measure_life(commands, rounds):
    taken = {name: [] for name in commands}
    for n in range(rounds):
        order = list(commands)[n % len(commands):] + list(commands)[:n % len(commands)]
        for name in order:
            taken[name].append(live(commands[name], f"{name}-life-{n}"))
    first = next(iter(commands))
    say(f"\n{'full, ' + str(rounds) + ' rounds':20}" + "".join(f"{name + ' wall/cpu us':>22}" for name in commands) +
        "".join(f"{'cpu ' + first + '/' + name:>18}" for name in list(commands)[1:]))
    for verb in VERBS:
        medians = [tuple(statistics.median(t[verb][i] for t in taken[name]) for i in (0, 1)) for name in commands]
        ratios = [statistics.median(a[verb][1] / b[verb][1] for a, b in zip(taken[first], taken[name])) for name in list(commands)[1:]]
        say(f"{verb:20}" + "".join(f"{f'{wall:.0f}/{cpu:.0f}':>22}" for wall, cpu in medians) + "".join(f"{r:>18.2f}" for r in ratios))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hrun", default="build/hrun")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--inside", action="store_true")
    options = parser.parse_args()
    if not options.inside:
        return outside(options)
    os.makedirs(WORK, exist_ok=True)
    make_bundles()
    with open(POLICY, "w") as policy:
        json.dump({"format": 1, "level": "privileged"}, policy)
    commands = runtimes(options)
    for bundle in ("full", "min"):
        measure(bundle, commands, options.rounds)
    measure_life(commands, options.rounds)
    return 0


sys.exit(main())
