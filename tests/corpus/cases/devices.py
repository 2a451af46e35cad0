# SPDX-License-Identifier: Apache-2.0
# Cases of the chapter "devices"; run by ../make.py.


def rules(*entries):
    """Deny everything, then ("+c", 1, 3, "rw") allows and ("-c", 1, 3, "rw") denies; None leaves a member out."""
    def entry(kind, major=None, minor=None, access="rwm"):
        members = {"allow": kind[0] == "+", "type": kind[1:] or None, "major": major, "minor": minor, "access": access}
        return {k: v for k, v in members.items() if v is not None}
    return put("linux.resources.devices", [DENY, *[entry(*e) for e in entries]])


EXTRA = [("device-extra", "r")]
trio("device-block", "-RR", device(type="b", major=8, minor=0), device(major=8, minor=0), device(type="b", major=1, minor=3, path="/dev/null"),
     miss_also=EXTRA)
more("null", "device-block", "---", put("linux.devices", None))
trio("device-memory", "-RR", device(major=1, minor=1), device(major=1, minor=3), device(type="u", major=202, minor=7, path="/dev/null"))
for name, major, minor in (("kmem", 1, 2), ("port", 1, 4), ("kmsg", 1, 11), ("nvram", 10, 144), ("cpuid", 203, 0)):
    more(name, "device-memory", "-RR", device(major=major, minor=minor))
trio("device-control", "-RR", device(major=10, minor=203), device(major=10, minor=202), device(type="u", major=240, minor=9, path="/dev/null"),
     miss_also=EXTRA)
for name, major, minor in (("tty", 4, 64), ("console", 5, 1), ("vfio", 10, 196), ("uinput", 10, 223), ("btrfs-control", 10, 234),
                           ("autofs", 10, 235), ("mapper", 10, 236), ("loop-control", 10, 237), ("vhost-net", 10, 238),
                           ("vhost-vsock", 10, 241), ("input", 13, 63), ("sg", 21, 0), ("raw", 162, 0), ("highest", 4095, 1048575)):
    more(name, "device-control", "-RR", device(major=major, minor=minor))
more("below-dynamic", "device-control", "---", device(major=239, minor=0), also=EXTRA)
more("block", "device-control", "---", device(type="b", major=4, minor=0), also=[("device-block", "br")])
more("null", "device-control", "---", put("linux.devices", None))
trio("device-extra", "-WR", device(major=10, minor=229), device(major=1, minor=9), device(major=10, minor=200, path="/dev/null"))
for name, major, minor in (("kvm", 10, 232), ("dri", 226, 0), ("nvidia", 195, 255), ("ptmx", 5, 2)):
    more(name, "device-extra", "-WR", device(major=major, minor=minor))
for name, major, minor in (("null-node", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("tty", 5, 0)):
    more(name, "device-extra", "---", device(major=major, minor=minor))
more("fifo", "device-extra", "---", put("linux.devices", [{"path": "/dev/x", "type": "p"}]))
more("null", "device-extra", "---", put("linux.devices", None))
trio("device-path-invalid", R, device(path="/etc/x"), device(path="/dev/sub/x"), device(path="/dev/../x"))
for name, change in (("empty-path", device(path="")), ("null-path", device(path=None)), ("empty-type", device(type="")), ("null-type", device(type=None))):
    more(name, "device-path-invalid", R, change)
more("twice", "device-path-invalid", R, both(device(), device(minor=5)))
more("all-majors", "device-path-invalid", R, device(major=-1))
more("no-number", "device-path-invalid", R, put("linux.devices", [{"path": "/dev/x", "type": "c", "major": 1}]))
more("fifo", "device-path-invalid", "---", put("linux.devices", [{"path": "/dev/x", "type": "p"}]))
more("type", "device-path-invalid", R, device(type="s"))
more("pts", "device-path-invalid", R, device(path="/dev/pts/9"))
# What the kernel's dev_t does not hold would become another device: 1:1
more("minor-wraps", "device-path-invalid", R, device(major=1, minor=(1 << 20) + 1), also=EXTRA)
more("major-wraps", "device-path-invalid", R, device(major=(1 << 12) + 1, minor=1), also=[("device-control", "br")])
more("two-types", "device-path-invalid", R, device(type="cb"))
more("upper-case", "device-path-invalid", R, device(type="C"))

trio("device-cgroup-allow-all", "-RR", put("linux.resources.devices", [DENY, {"allow": True, "access": "rwm"}]),
     put("linux.resources.devices", [DENY, {"allow": True, "type": "c", "access": "m"}, {"allow": True, "type": "c", "major": 5, "access": "rwm"}]),
     put("linux.resources.devices", [DENY, {"allow": True, "type": "b", "major": -1, "minor": 0, "access": "r"}]))
more("empty-type", "device-cgroup-allow-all", "-RR", put("linux.resources.devices", [DENY, {"allow": True, "type": "", "access": "rwm"}]))
more("no-access", "device-cgroup-allow-all", "-RR", put("linux.resources.devices", [DENY, {"allow": True}, {"allow": False, "type": "b"}]))
more("denied-later", "device-cgroup-allow-all", "---", put("linux.resources.devices", [DENY, {"allow": True, "access": "rwm"}, {"allow": False}]))
more("denied-by-type", "device-cgroup-allow-all", "---", rules(("+b",), ("-b",)))
more("denied-by-both-types", "device-cgroup-allow-all", "---", rules(("+",), ("-b",), ("-c", None, None, "rw")))
more("denied-for-reading", "device-cgroup-allow-all", "-RR", rules(("+b",), ("-b", None, None, "r")))
more("denied-one-minor", "device-cgroup-allow-all", "-RR", rules(("+c",), ("-c", None, 3)))
more("in-two-parts", "device-cgroup-allow-all", "-RR", rules(("+", None, None, "r"), ("+", None, None, "w")))
more("null", "device-cgroup-allow-all", "---", put("linux.resources.devices", None))
trio("device-cgroup-dangerous", "-RR", rules(("+c", 1, 1, "r")), rules(("+c", 1, 1), ("-c", 1, 1, "rw")), rules(("+c", 10, None, "w")))
for name, entries in (
        ("block", [("+b", 8, 0, "r")]), ("block-disk", [("+b", 8)]), ("all-types", [("+a", 8, 0)]), ("no-type", [("+", 13)]),
        ("wildcards", [("+c", 10, -1)]), ("dynamic", [("+c", 300, 7)]), ("minor-of-any", [("+b", 9, -1, "rw")]),
        ("denied-partly", [("+c", 1, 1), ("-c", 1, 1, "r")]), ("denied-elsewhere", [("+c", 1, 1), ("-c", 1, 2), ("-b", 1, 1)]),
        ("allowed-again", [("-c", 1), ("+c", 1, 1)]), ("some-minors-denied", [("+c", 4), ("-c", 4, 0), ("-c", 4, 1)])):
    more(name, "device-cgroup-dangerous", "-RR", rules(*entries))
for name, entries in (
        ("ok-node", [("+c", 1, 1, "m")]), ("ok-denied-type", [("+c", 10), ("-c",)]), ("ok-denied-major", [("+c", 10, 203), ("-a", 10)]),
        ("ok-denied-twice", [("+c", 1, 1), ("-c", 1, 1, "r"), ("-c", 1, -1, "wm")]), ("ok-other", [("+c", 1, 3), ("+c", 10, 229)]),
        ("ok-console", [("+c", 5, 1)]), ("ok-before-deny", [("+b", 8), ("-",)])):
    more(name, "device-cgroup-dangerous", "---", rules(*entries))
more("null", "device-cgroup-dangerous", "---", put("linux.resources.devices", None))
trio("device-cgroup-no-deny", H, put("linux.resources.devices", []),
     put("linux.resources.devices", [{"allow": False, "type": "a", "major": -1, "minor": -1}, {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "r"}]),
     put("linux.resources.devices", [{"allow": False, "access": "rw"}]))
more("null", "device-cgroup-no-deny", H, put("linux.resources.devices", None))
