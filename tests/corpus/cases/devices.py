# SPDX-License-Identifier: Apache-2.0
# Cases of the chapter "devices"; run by ../make.py.
trio("device-block", "-RR", device(type="b", major=8, minor=0), device(major=8, minor=0), device(type="b", major=1, minor=3, path="/dev/null"))
trio("device-memory", "-RR", device(major=1, minor=1), device(major=1, minor=3), device(type="u", major=202, minor=7, path="/dev/null"))
trio("device-path-invalid", R, device(path="/etc/x"), device(path="/dev/sub/x"), device(path="/dev/../x"))
trio("device-cgroup-allow-all", "-RR", put("linux.resources.devices", [DENY, {"allow": True, "access": "rwm"}]),
     put("linux.resources.devices", [DENY, {"allow": True, "type": "c", "access": "m"}, {"allow": True, "type": "c", "major": 5, "access": "rwm"}]),
     put("linux.resources.devices", [DENY, {"allow": True, "type": "b", "major": -1, "minor": 0, "access": "r"}]))
trio("device-cgroup-no-deny", H, put("linux.resources.devices", []),
     put("linux.resources.devices", [{"allow": False, "type": "a", "major": -1, "minor": -1}, {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "r"}]),
     put("linux.resources.devices", [{"allow": False, "access": "rw"}]))
more("twice", "device-path-invalid", R, both(device(), device(minor=5)))
more("no-access", "device-cgroup-allow-all", "-RR", put("linux.resources.devices", [DENY, {"allow": True}, {"allow": False, "type": "b"}]))
more("denied-later", "device-cgroup-allow-all", "---", put("linux.resources.devices", [DENY, {"allow": True, "access": "rwm"}, {"allow": False}]))
more("all-majors", "device-path-invalid", R, device(major=-1))
more("no-number", "device-path-invalid", R, put("linux.devices", [{"path": "/dev/x", "type": "c", "major": 1}]))
more("fifo", "device-path-invalid", "---", put("linux.devices", [{"path": "/dev/x", "type": "p"}]))
more("type", "device-path-invalid", R, device(type="s"))
more("pts", "device-path-invalid", R, device(path="/dev/pts/9"))
