# SPDX-License-Identifier: Apache-2.0
"""window.py KILLS WAITING-BUNDLE ENDING-BUNDLE: kill init between START and execve.

The truth is PF_FORKNOEXEC in /proc/PID/stat of the zombie, which this process, a subreaper, is the parent of.  Half of the time nobody reaps
before `start` has answered, half of the time the zombie is reaped as soon as its flags are read.  The moment of the kill is drawn around the
boundary and moves with the outcome, so that both sides of execve are hit on a fast and on a slow machine.
"""
import ctypes
import os
import random
import subprocess
import sys
import time

HRUN = os.environ["HRUN"]
PF_FORKNOEXEC, PR_SET_CHILD_SUBREAPER = 0x40, 36


def has_executed(pid):
    """Of a zombie that is our child."""
    fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
    return not int(fields[6]) & PF_FORKNOEXEC


def hrun(*words):
    done = subprocess.run([HRUN, *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise AssertionError(f"hrun {' '.join(words)}: {done.returncode} {done.stderr}")


def create(bundle):
    pid_file = f"{bundle}/pid"
    with open(f"{bundle}/output", "w+") as out:  # init inherits it: a pipe would never end
        if subprocess.run([HRUN, "create", "-b", bundle, "--pid-file", pid_file, "w"], stdin=subprocess.DEVNULL, stdout=out, stderr=out).returncode:
            out.seek(0)
            raise AssertionError(f"create: {out.read()}")
    return int(open(pid_file).read())


def kill_later(pid, delay):
    killer = os.fork()
    if killer == 0:
        end = time.perf_counter() + delay
        while time.perf_counter() < end:
            pass
        os.kill(pid, 9)
        os._exit(0)
    return killer


def start_and(pid, reap_at_once, bundle):
    """(exit status and stderr of start, whether init has executed, how it ended)"""
    with open(f"{bundle}/error", "w+") as err:
        starting = subprocess.Popen([HRUN, "start", "w"], stdin=subprocess.DEVNULL, stdout=err, stderr=err)
        if not reap_at_once:
            starting.wait()
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        executed = has_executed(pid)
        how = os.waitpid(pid, 0)[1]
        status = starting.wait()
        err.seek(0)
        return status, err.read(), executed, how


def main():
    kills, waiting, ending = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    wrong, before, after, delay, number = [], 0, 0, 0.004, 0
    while number < kills or (min(before, after) < kills // 10 and number < 4 * kills):
        reap = number % 2 == 1
        pid = create(waiting)
        killer = kill_later(pid, delay * random.uniform(0.6, 1.4))
        status, text, executed, _ = start_and(pid, reap, waiting)
        os.waitpid(killer, 0)
        before, after = before + (not executed), after + executed
        delay *= 0.93 if executed else 1.07
        if (status == 0) != executed and not (reap and executed):
            wrong.append(f"start said {status} {text!r}, it has {'' if executed else 'not '}executed")
        if status not in (0, 1) or (status == 1) != (text.count("\n") == 1):
            wrong.append(f"start said {status} {text!r}")
        hrun("delete", "--force", "w")
        number += 1
    for text in wrong[:5]:
        print(f"  {text}")
    print(f"{'not ok' if wrong else 'ok'} - {number} kills around execve: {before} before it, {after} after it, {len(wrong)} wrong answers")
    reached = min(before, after) >= kills // 10
    print(f"{'ok' if reached else 'not ok'} - both sides of execve were hit")

    wrong = []
    for number in range(kills // 5):
        pid = create(ending)
        status, text, executed, how = start_and(pid, number % 2 == 1, ending)
        if status != 0 or not executed or how != 0:
            wrong.append(f"start said {status} {text!r} of a program that ended with {how}")
        hrun("delete", "w")
    for text in wrong[:5]:
        print(f"  {text}")
    print(f"{'not ok' if wrong else 'ok'} - a program that ran to its end is reported as started, reaped at once or not")
    return 1 if wrong or not reached else 0


sys.exit(main())
