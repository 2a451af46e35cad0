# SPDX-License-Identifier: Apache-2.0
# Cases of the chapter "annotations"; run by ../make.py.
trio("annotation-policy-override", R, put("annotations", {"io.hrun.level": "privileged"}), put("annotations", {"io.hrunner.level": "x"}),
     put("annotations", {"org.hrun.": "x"}))
case("base", "annotation-policy-override", "---", config(), note="the base config itself")


def annotation(key, value="x"):
    return put("annotations", {"org.example.first": "x", key: value})


trio("annotation-runtime-weaken", "-WR", annotation("run.oci.keep_original_groups", "1"), annotation("run.oci.keep_original_group", "1"),
     annotation("userns-mode.crio.io/POD"))
for key in ("seccomp.receiver", "seccomp.plugins", "seccomp_bpf_data", "hooks.stdout", "hooks.stderr", "pidfd_receiver", "handler",
            "systemd.force_cgroup_v1", "delegate-cgroup", "mount_context_type"):
    more(key.replace(".", "-"), "annotation-runtime-weaken", "-WR", annotation("run.oci." + key))
for key in ("io.kubernetes.cri-o.cgroup2-mount-hierarchy-rw", "io.kubernetes.cri-o.Devices", "io.kubernetes.cri-o.userns-mode",
            "io.kubernetes.cri-o.umask", "io.kubernetes.cri-o.seccompNotifierAction", "io.containers.trace-syscall", "umask.crio.io",
            "seccomp-profile.kubernetes.cri-o.io/web"):
    more(key.replace("/", "-"), "annotation-runtime-weaken", "-WR", annotation(key))
for key in ("io.kubernetes.cri-o.SeccompProfilePath", ".crio.io", "crio.io", "run.oci.HANDLER", "io.kubernetes.cri-o.SandboxID"):
    more("miss-" + key, "annotation-runtime-weaken", "---", annotation(key))
more("null", "annotation-runtime-weaken", "---", put("annotations", None))
trio("annotation-systemd-property", "-RR", annotation("org.systemd.property.DeviceAllow", "'/dev/sda rwm'"), annotation("org.systemd.property.KillSignal", "15"),
     annotation("org.systemd.property.KillSignal", "15\n"), evasion_also=[("annotation-invalid", "r")])
for name in ("TimeoutStopUSec", "CollectMode", "Description", "After", "Before", "Wants"):
    more(name, "annotation-systemd-property", "---", annotation("org.systemd.property." + name))
more("DefaultDependencies", "annotation-systemd-property", "---", annotation("org.systemd.property.DefaultDependencies", "true"))  # CRI-O has it always
for name in ("DefaultDependency", "DefaultDependenciesX", "Conflicts", "Requires", "OnFailure"):
    more("not-" + name, "annotation-systemd-property", "-RR", annotation("org.systemd.property." + name, "true"))
more("none", "annotation-systemd-property", "-RR", annotation("org.systemd.property."))
more("case", "annotation-systemd-property", "-RR", annotation("org.systemd.property.killSignal", "15"))
trio("annotation-invalid", "-WR", annotation("a\tb"), annotation("a" * 317, "ä" * 99), annotation("a", "x\u0085y"), note="a control character above ASCII")
more("empty", "annotation-invalid", "-WR", annotation(""))
more("long-key", "annotation-invalid", "-WR", annotation("a" * 318))
more("escape", "annotation-invalid", "-WR", annotation("a", "\x1b[2J"))
more("delete", "annotation-invalid", "-WR", annotation("a", "\x7f"))
for name, actions, size in (("long-value", "-WR", 256 * 1024 + 1), ("value", "---", 256 * 1024)):
    more(name, "annotation-invalid", actions, annotation("a", "x"), [
        f"""python3 -c 'import json, os; p = os.environ["B"] + "/config.json"; c = json.load(open(p)); """
        f"""c["annotations"]["a"] *= {size}; json.dump(c, open(p, "w"))'"""])
