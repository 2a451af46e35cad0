#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check, explain and rules: every format, every exit status, every kind of input; --fix and what its config does."""
import datetime
import json
import os
import pty
import re
import shutil
import subprocess

from hrun import Bundle, contains, equal, main, read, run, test, write
import hrun as h

KEYS = {"rule", "action", "severity", "pointer", "line", "column", "message", "remedy"}
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--no-new-privs"]


def judged(*args, **more):
    r = h.hrun("check", "--format", "json", *args, **more)
    return r.status, json.loads(r.out), r


def rules_of(answer, action=None):
    return {f["rule"] for f in answer["findings"] if action in (None, f["action"])}


ARCH = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}[os.uname().machine]


def bundle(change=None):
    """With a filter, so that nothing is found in it unless CHANGE makes it so."""
    b = Bundle("true")
    b.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ERRNO", "architectures": [ARCH],
                          "syscalls": [{"names": ["read", "execve"], "action": "SCMP_ACT_ALLOW"}]}
    b.linux.setdefault("resources", {}).update(pids={"limit": 64}, memory={"limit": 1 << 26}, cpu={"quota": 50000, "period": 100000})
    if change:
        change(b.c)
    return b.save()


def cwd_in_proc(c):
    c["process"]["cwd"] = "/proc/self/fd/7"


def no_privileges(c):
    c["process"]["noNewPrivileges"] = False


@test
def exit_statuses():
    clean, hardened, refused = bundle(), bundle(no_privileges), bundle(cwd_in_proc)
    equal(h.hrun("check", clean.path).status, 0, "clean")
    status, answer, _ = judged(hardened.path)
    equal((status, answer["verdict"]), (0, "harden"), "hardened only")
    status, answer, _ = judged(refused.path)
    equal((status, answer["verdict"]), (1, "refuse"), "refused")
    contains(rules_of(answer, "refuse"), "cwd-unsafe")
    warned = bundle(lambda c: c.update(windows={}))
    equal(h.hrun("check", warned.path).status, 0, "warnings")
    equal(h.hrun("check", "--strict", warned.path).status, 4, "warnings with --strict")
    equal(h.hrun("check", "--strict", refused.path).status, 1, "refused with --strict")
    for arguments in ([], ["--format", "xml", clean.path], ["--level", "strict", clean.path], ["--nonsense", clean.path], [clean.path, "x"],
                      ["--diff", clean.path], ["--id", "x", clean.path]):
        r = h.hrun("check", *arguments)
        equal((r.status, r.out, r.err.count("\n")), (3, "", 1), f"usage: {arguments}: {r!r}")
    bad = f"{h.work}/policy-bad.json"
    write(bad, "{", 0o644)
    equal(h.hrun("check", "--policy", bad, clean.path).status, 3, "policy")


@test
def level_is_a_question():
    b = bundle(lambda c: c["linux"].update(namespaces=[n for n in c["linux"]["namespaces"] if n["type"] != "pid"]))
    equal([h.hrun("check", "--level", level, b.path).status for level in ("privileged", "baseline", "restricted")], [0, 1, 1])
    equal(judged("--level", "restricted", b.path)[1]["level"], "restricted")
    r = run(b)
    assert r.status != 0 and "ns-pid-host" in r.err, r


@test
def every_finding_has_its_place():
    b = bundle(no_privileges)
    text = json.dumps(b.c, indent=2)
    write(f"{b.path}/config.json", text)
    _, answer, _ = judged(b.path)
    equal(set(answer), {"ruleSet", "level", "verdict", "findings"})
    for f in answer["findings"]:
        assert KEYS <= set(f) <= KEYS | {"waiver"}, f
    f = next(f for f in answer["findings"] if f["rule"] == "no-new-privileges")
    lines = text.split("\n")
    line = next(n for n, x in enumerate(lines, 1) if '"noNewPrivileges"' in x)
    equal((f["pointer"], f["line"], f["column"]), ("/process/noNewPrivileges", line, lines[line - 1].index("false") + 1))
    # A member that is not there has the place of what it would stand in.
    del b.c["process"]["noNewPrivileges"]
    b.save()
    f = next(f for f in judged(b.path)[1]["findings"] if f["rule"] == "no-new-privileges")
    equal((f["line"], f["column"]), (1, read(f"{b.path}/config.json").index('"process": ') + len('"process": ') + 1))


@test
def a_bare_config_and_stdin():
    b = bundle(cwd_in_proc)
    whole, bare = judged(b.path), judged(f"{b.path}/config.json")
    with open(f"{b.path}/config.json") as f:
        piped = judged("-", stdin=f)
    equal(bare[1], piped[1])
    equal((whole[0], bare[0], piped[0]), (1, 1, 1))
    assert "notJudged" not in bare[1] or bare[1]["notJudged"], bare
    assert "notJudged" not in whole[1], whole
    equal(h.hrun("check", "--config", "config.json", b.path).status, 1)
    os.symlink(b.path, f"{h.work}/linked")
    equal(h.hrun("check", f"{h.work}/linked").status, 1, "symlinked bundle")
    equal(h.hrun("check", f"{b.path}/").status, 1)


@test
def unreadable():
    b = bundle()
    config = f"{b.path}/config.json"
    fifo, missing, large = f"{h.work}/fifo", f"{h.work}/nothing", f"{h.work}/large.json"
    os.mkfifo(fifo)
    write(large, read(config) + " " * (1 << 20))
    for name in (fifo, missing, "/dev/null", f"{h.work}/nothing/config.json"):
        r = h.hrun("check", name)
        equal((r.status, r.out, r.err.count("\n")), (2, "", 1), name)
        for form in ("json", "sarif"):
            r = h.hrun("check", "--format", form, name)
            equal((r.status, bool(json.loads(r.out))), (2, True), f"{name} {form}")
    equal(judged(missing)[1]["verdict"], "refuse")
    for place in (["-"], [large]):
        with open(large) as f:
            status, answer, _ = judged(*place, stdin=f)
        equal((status, rules_of(answer)), (2, {"json-too-large"}))
    os.unlink(config)
    equal(h.hrun("check", b.path).status, 2, "no config.json")
    os.mkfifo(config)
    equal(h.hrun("check", b.path).status, 2, "a FIFO as config.json")
    os.unlink(config)
    os.symlink("/dev/zero", config)
    equal(h.hrun("check", b.path).status, 2, "a device as config.json")


@test
def ambiguous():
    b = bundle()
    for text, rule in (('{"a":1,"a":2}', "json-duplicate-key"), ("[]", "json-not-strict"), ('{"process":{"noNewprivileges":true}}', "json-key-case"),
                       ('{"hostname":"a\\u0000b"}', "json-nul-in-string"), ("", "json-not-strict"), ("\xff", "json-not-strict")):
        with open(f"{b.path}/config.json", "w", encoding="latin-1") as f:
            f.write(text)
        for place in (b.path, f"{b.path}/config.json"):
            status, answer, _ = judged(place)
            equal((status, rules_of(answer, "refuse"), answer["verdict"]), (2, {rule}, "refuse"), text)
        contains(h.hrun("check", b.path).out, rule)


@test
def sarif():
    def many(c):
        cwd_in_proc(c)
        no_privileges(c)
        c["hostname"] = "é\t\x1b[31m"
        c["annotations"] = {"ö/~\"": "x", "io.hrun.level": "privileged"}
    b = bundle(many)
    write(f"{b.path}/config.json", json.dumps(b.c, ensure_ascii=False).replace("\t", "\\t").replace("\x1b", "\\u001b"))
    r = h.hrun("check", "--format", "sarif", "--score", b.path)
    equal(r.status, 1)
    document = json.loads(r.out)
    outcome = document["runs"][0]
    rules = [rule["id"] for rule in outcome["tool"]["driver"]["rules"]]
    equal(len(rules), len(set(rules)))
    for result in outcome["results"]:
        equal(rules[result["ruleIndex"]], result["ruleId"])
    equal({x["ruleId"] for x in outcome["results"] if x["level"] == "error"}, rules_of(judged(b.path)[1], "refuse"))
    text = read(f"{b.path}/config.json")
    place = next(x for x in outcome["results"] if x["ruleId"] == "annotation-policy-override")["locations"][0]
    equal(place["physicalLocation"]["region"]["startColumn"], text.index('"privileged"') + 1, "columns are characters")
    equal(place["physicalLocation"]["artifactLocation"]["uri"], f"file://{b.path}/config.json")
    valid = [document] + [json.loads(h.hrun("check", "--format", "sarif", x).out) for x in (bundle().path, "/nowhere", "/dev/null")]
    try:
        import jsonschema
    except ImportError:
        raise h.Skip("python3-jsonschema is missing: apt-get install python3-jsonschema")
    schema = json.load(open(f"{h.TOP}/tests/data/sarif-schema-2.1.0.json"))
    for one in valid:
        jsonschema.validate(one, schema)


@test
def text_is_for_people_and_obeys_nothing():
    b = bundle(lambda c: c["process"].update(cwd="/proc/\x1b[31m\r\nrefuse"))
    r = h.hrun("check", b.path)
    assert "\x1b" not in r.out and "\r" not in r.out, r.out
    lines = r.out.splitlines()
    assert re.match(r"refuse  critical  cwd-unsafe +process\.cwd:1:", lines[0]), lines
    assert lines[1].startswith("        "), lines
    contains(lines[-1], "refuse at level baseline: 1 refused")
    for env, colored in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        ours, theirs = pty.openpty()
        subprocess.run([h.HRUN, "check", b.path], stdout=theirs, env={"PATH": os.environ["PATH"], "TERM": "xterm", **env}, check=False)
        os.close(theirs)
        equal(b"\x1b[31mrefuse" in os.read(ours, 65536), colored, str(env))
        os.close(ours)


@test
def score():
    b = bundle()
    low = judged("--score", b.path)[1]["score"]
    b.c["linux"]["namespaces"] = [n for n in b.c["linux"]["namespaces"] if n["type"] not in ("pid", "network", "ipc")]
    b.save()
    high = judged("--score", b.path)[1]["score"]
    assert 0 <= low < high <= 10, (low, high)
    equal(judged("--score", "--level", "privileged", b.path)[0], 0, "the score decides nothing")
    contains(h.hrun("check", "--score", b.path).out, f"{high:.1f}")


@test
def without_rights():
    place = f"{h.work}/for-nobody"
    b = bundle(cwd_in_proc)
    os.makedirs(place)
    shutil.copy(h.HRUN, f"{place}/hrun")
    shutil.copy(f"{b.path}/config.json", place)
    for path in (h.work, place, f"{place}/hrun", f"{place}/config.json"):
        os.chmod(path, 0o755)
    with open(f"{place}/config.json") as f:
        r = subprocess.run([*NOBODY, f"{place}/hrun", "check", "--format", "json", "-"], stdin=f, capture_output=True, text=True)
    equal((r.returncode, rules_of(json.loads(r.stdout), "refuse")), (1, {"cwd-unsafe"}), r.stderr)
    r = subprocess.run([*NOBODY, f"{place}/hrun", "check", "--format", "json", f"{place}/config.json"], capture_output=True, text=True)
    equal(r.returncode, 1, r.stderr)
    os.chmod(f"{place}/config.json", 0o600)
    r = subprocess.run([*NOBODY, f"{place}/hrun", "check", f"{place}/config.json"], capture_output=True, text=True)
    equal((r.returncode, r.stderr.count("\n")), (2, 1), r.stderr)
    r = subprocess.run([*NOBODY, f"{place}/hrun", "check", "--fix", "-o", "/etc/hrun.json", b.path], capture_output=True, text=True)
    assert r.returncode != 0 and not os.path.exists("/etc/hrun.json"), r


def weaken(c):
    c["process"].pop("noNewPrivileges", None)
    c["linux"].pop("seccomp", None)
    c["linux"]["maskedPaths"] = ["/proc/kcore"]
    c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "cgroup"]
    c["x-unknown"] = {"kept": [1.50, None]}
    c["mounts"].append({"destination": "/scratch", "type": "tmpfs", "source": "tmpfs", "options": ["rw", "mode=1777"], "x-unknown": 1})


@test
def fix_writes_a_config_that_needs_none():
    b = bundle(weaken)
    before = read(f"{b.path}/config.json")
    found = rules_of(judged(b.path)[1], "harden")
    assert {"no-new-privileges", "seccomp-absent", "masked-paths-incomplete", "ns-cgroup-missing", "mount-tmpfs-options"} <= found, found
    r = h.hrun("check", "--fix", b.path)
    equal(r.status, 0, repr(r))
    fixed = f"{b.path}/config.hardened.json"
    equal(read(f"{b.path}/config.json"), before, "the original")
    equal(rules_of(judged(fixed)[1], "harden"), set())
    c = json.load(open(fixed))
    equal(c["x-unknown"], {"kept": [1.50, None]})
    contains(read(fixed), "1.5")
    equal(list(c)[:3], list(b.c)[:3], "order")
    equal((c["mounts"][-1]["x-unknown"], c["mounts"][-1]["options"]), (1, ["rw", "mode=1777", "nosuid", "nodev"]))
    # And it runs: the written profile lets a program do what programs do.
    c.pop("x-unknown")
    c["mounts"][-1].pop("x-unknown")
    for name in ("pids", "memory", "cpu"):  # this machine may have no controllers for them
        c["linux"]["resources"].pop(name, None)
    os.mkdir(f"{b.root}/scratch") if not os.path.isdir(f"{b.root}/scratch") else None
    b.c = c
    b.process = c["process"]
    r = run(b, "sh", "-c", "grep Seccomp: /proc/self/status; ls / >/dev/null && touch /scratch/x && echo fine | cat && stty 2>&1 | head -c 4")
    equal(r.status, 0, repr(r))
    contains(r.out, "Seccomp:\t2")
    contains(r.out, "fine")


@test
def fix_and_files():
    b = bundle(no_privileges)
    fixed, config = f"{b.path}/config.hardened.json", f"{b.path}/config.json"
    r = h.hrun("check", "--fix", "--diff", b.path)
    equal((r.status, os.path.exists(fixed)), (0, False))
    lines = r.out.splitlines()
    equal(lines[:2], [f"--- {config}", f"+++ {fixed}"])
    equal([line for line in lines[2:] if line[0] in "+-"], ['-\t\t"noNewPrivileges": false', '+\t\t"noNewPrivileges": true'], r.out[:500])
    pretty = json.dumps(b.c, indent="\t", ensure_ascii=False) + "\n"
    write(f"{h.work}/a", pretty)
    write(f"{h.work}/patch", r.out)
    if shutil.which("patch"):
        subprocess.run(["patch", "-s", f"{h.work}/a", f"{h.work}/patch"], check=True)
        equal(json.load(open(f"{h.work}/a"))["process"]["noNewPrivileges"], True)
    write(fixed, "mine")
    r = h.hrun("check", "--fix", b.path)
    equal((r.status != 0, read(fixed)), (True, "mine"), repr(r))
    equal(h.hrun("check", "--fix", "--force", b.path).status, 0)
    equal(json.load(open(fixed))["process"]["noNewPrivileges"], True)
    os.unlink(fixed)
    os.symlink("/etc/passwd", fixed)
    assert h.hrun("check", "--fix", b.path).status != 0
    before = read("/etc/passwd")
    equal(h.hrun("check", "--fix", "--force", b.path).status, 0)
    equal((read("/etc/passwd"), os.path.islink(fixed)), (before, False), "a link is replaced, not followed")
    for options in (["-o", config], ["-o", config, "--force"], ["-o", f"{b.path}/../{os.path.basename(b.path)}/config.json", "--force"]):
        assert h.hrun("check", "--fix", *options, b.path).status != 0, options
    equal(json.load(open(config))["process"]["noNewPrivileges"], False, "never the original")
    r = h.hrun("check", "--fix", "-o", "-", config)
    equal((r.status, json.loads(r.out)["process"]["noNewPrivileges"]), (0, True))
    b.process["cwd"] = "/proc"
    b.save()
    r = h.hrun("check", "--fix", "-o", "-", config)
    equal(r.status, 1)
    contains(r.err, "still refused: cwd-unsafe")


@test
def explain():
    ids = h.hrun("explain").out.split()
    table = json.loads(h.hrun("rules", "--json").out)
    equal([rule["id"] for rule in table["rules"]], ids)
    equal(table["ruleSet"], "1")
    for rule in table["rules"]:
        r = h.hrun("explain", rule["id"])
        equal(r.status, 0)
        for word in (rule["id"], "looks at", "stops", "levels", "config ", "podman ", "docker ", "kubernetes "):
            contains(r.out, word)
        assert max(map(len, r.out.splitlines())) <= 220, rule["id"]
        for key in ("looksAt", "config", "podman", "docker", "kubernetes", "remedy", "stops"):
            assert len(rule[key]) > 3 and rule[key] != "-", (rule["id"], key)
    contains(h.hrun("explain", "cwd-unsafe").out, "CVE-2024-21626")
    r = h.hrun("explain", "mount-host-rot")
    equal((r.status, r.out), (3, ""))
    contains(r.err, "mount-host-root")
    equal(h.hrun("explain", "x" * 100000).status, 3)


@test
def policies_of_the_document():
    """docs/BASELINE.md: hrun takes every policy that stands there, and knows every rule."""
    page = read(f"{h.TOP}/docs/BASELINE.md")
    day = (datetime.date.today() + datetime.timedelta(days=100)).isoformat()
    blocks = re.findall(r"```json\n(.*?)```", page, re.S) + re.findall(r'^    (\{"format".*\})$', page, re.M)
    assert len(blocks) >= 3, blocks
    for number, block in enumerate(blocks):
        path = f"/run/document-{number}.json"
        write(path, re.sub(r"20\d\d-\d\d-\d\d", day, block), 0o644)
        r = h.hrun("policy", "check", path)
        os.unlink(path)
        equal(r.status, 0, f"{block}: {r!r}")
    b = bundle()
    commands = re.findall(r"^    (hrun (?:check|explain|rules)\b.*?)(?:  .*)?$", page, re.M)
    assert len(commands) >= 7, commands
    known = h.hrun("explain").out.split()
    for command in commands:
        words = command.replace("hrun", h.HRUN, 1).replace("BUNDLE", b.path)
        if words.split()[1] == "explain" and words.split()[2] not in known:
            continue  # not built yet
        r = subprocess.run(["sh", "-c", words], cwd=b.path, capture_output=True, text=True)
        assert r.returncode in (0, 1) and "hrun:" not in r.stderr, (command, r)


@test
def rules_by_level():
    ids = {level: {line.split()[0] for line in h.hrun("rules", "--level", level).out.splitlines()[1:]}
           for level in ("privileged", "baseline", "restricted")}
    assert "cwd-unsafe" in ids["privileged"] < ids["baseline"] <= ids["restricted"], ids
    assert "ns-user-missing" in ids["restricted"] - ids["baseline"] or "ns-user-missing" not in h.hrun("explain").out
    equal(h.hrun("rules", "--level", "x").status, 3)


main()
