# SPDX-License-Identifier: Apache-2.0
# Cases of the chapter "reading"; run by ../make.py.
case("hit", "json-too-large", R, plain, ['head -c 1048576 /dev/zero | tr "\\0" " " >> "$B/config.json"'])
case("evasion", "json-too-large", R, plain, ['truncate -s 1048577 "$B/config.json"'], note="sparse: takes no room on the disk")
case("miss", "json-too-large", "---", config(put("annotations", {"a": "b" * 4096})))
case("hit", "json-too-deep", R, deep(40))
case("miss", "json-too-deep", "---", deep(20), also=[("json-unknown-key", "r")])
case("evasion", "json-too-deep", R, plain[:-1] + ',"x":' + '{"a":[' * 20 + "]}" * 20 + "}", note="objects and lists by turns")
text_trio("json-not-strict", plain + "/* */", plain + "\n ", "\ufeff" + plain)
text_trio("json-duplicate-key", plain[:-1] + ',"hostname":"c2"}', plain[:-1] + ',"domainname":"c1"}',
          plain[:-1] + ',"\\u0068ostname":"c2"}')
for name, text in (
        ("object-behind", plain + "{}"), ("nul-behind", plain + "\0"), ("form-feed-behind", plain + "\f"), ("comma", plain[:-1] + ",}"),
        ("utf-16", plain.encode("utf-16")), ("utf-32", plain.encode("utf-32-le")), ("list", "[" + plain + "]"), ("empty", ""), ("null", "null"),
        ("single-quotes", plain.replace('"', "'")), ("line-comment", plain + "\n// x"), ("leading-zero", plain.replace('"uid":1000', '"uid":01000')),
        ("plus", plain.replace('"uid":1000', '"uid":+1000')), ("hexadecimal", plain.replace('"uid":1000', '"uid":0x3e8')),
        ("not-a-number", plain.replace('"uid":1000', '"uid":NaN')), ("half-a-pair", plain.replace('"c1"', '"c1\\ud800"')),
        ("swapped-pair", plain.replace('"c1"', '"\\udc00\\ud800"')), ("half-and-escape", plain.replace('"c1"', '"\\ud800\\n"')),
        ("tab", plain.replace('"c1"', '"c\t1"')), ("unknown-escape", plain.replace('"c1"', '"\\x631"')),
        ("overlong", plain.encode().replace(b'"c1"', b'"c\xc0\xaf1"')), ("surrogate", plain.encode().replace(b'"c1"', b'"c\xed\xa0\x801"')),
        ("above-unicode", plain.encode().replace(b'"c1"', b'"c\xf4\x90\x80\x801"')), ("latin-1", plain.encode().replace(b'"c1"', b'"c\xe91"'))):
    case(name, "json-not-strict", R, text)
case("null", "json-duplicate-key", R, plain.replace('"noNewPrivileges":true', '"noNewPrivileges":true,"noNewPrivileges":null'))
case("inner", "json-duplicate-key", R, plain.replace('"uid":1000', '"uid":0,"\\u0075id":1000'))
case("of-many", "json-duplicate-key", R, plain[:-1] + "".join(f',"k{i}":1' for i in range(1000)) + ',"k5":2}')
case("kelvin", "json-key-case", R, plain.replace('"maskedPaths"', '"mas\u212aedPaths":[],"maskedPaths"').replace("mas\u212a", "mas\\u212a"))
case("long-s", "json-key-case", R, plain.replace('"process"', '"proce\\u017fs":null,"process"'))
case("raw-long-s", "json-key-case", R, plain.replace('"process"', '"proce\u017f\u017f":null,"process"'))
case("inner", "json-key-case", R, plain.replace('{"type":"pid"}', '{"type":"pid","Path":"/proc/1/ns/pid"}'))
case("raw", "json-nul-in-string", R, plain.replace('"c1"', '"c1\0"'))
case("path", "json-nul-in-string", R, plain.replace('"cwd":"/"', '"cwd":"/\\u0000/../x"'))
case("string", "json-wrong-type", R, plain.replace('"uid":1000', '"uid":"1000"'))
for name, path in (("null-mount", "mounts"), ("null-namespace", "linux.namespaces"), ("null-word", "process.args")):
    case(name, "json-wrong-type", R, config(put(path, [None])))
text_trio("json-key-case", plain.replace('"hostname"', '"Hostname"'), plain[:-1] + ',"annotations":{"Root":"x","root":"y"}}',
          plain.replace('"linux"', '"\\u004cinux"'))
text_trio("json-nul-in-string", plain.replace('"c1"', '"c1\\u0000x"'), plain.replace('"c1"', '"c1u0000x"'),
          plain[:-1] + ',"annotations":{"a\\u0000b":"x"}}')
text_trio("json-number-range", plain.replace('"uid":1000', '"uid":4294967296'), plain.replace('"uid":1000', '"uid":4294967295'),
          plain.replace('"uid":1000', '"uid":1e3'))
text_trio("json-wrong-type", plain.replace('"readonly":true', '"readonly":"true"'), plain.replace('"readonly":true', '"readonly":null'),
          plain.replace('"noNewPrivileges":true', '"noNewPrivileges":1'), miss_also=[("rootfs-writable", "r")])
trio("json-unknown-key", "-WR", put("process.noNewPriviledges", True), put("annotations", {"noNewPriviledges": "true"}),
     put("linux.resources.memory.limits", 1))
trio("oci-version-invalid", R, put("ociVersion", "2.0.0"), put("ociVersion", "1.0.2-dev"), put("ociVersion", "1.2.0/x"))
for name, version in (("leading-zero", "1.0.0-01"), ("empty-part", "1.0.0-a..b"), ("build-twice", "1.0.0+a+b"), ("build-empty", "1.0.0-rc.1+"), ("ends-in-dot", "1.0.0-rc.")):
    more(name, "oci-version-invalid", R, put("ociVersion", version))
for name, version in (("prerelease-zero", "1.0.0-0.0a"), ("prerelease-and-build", "1.2.1-dev.10+001.sha-5"), ("hyphens", "1.0.0--")):
    more(name, "oci-version-invalid", "---", put("ociVersion", version))
trio("required-field-missing", R, put("process.args", DROP), put("hostname", DROP), put("process.args", None))
trio("foreign-platform-section", "-WR", put("windows", {"layerFolders": ["x"]}), put("annotations", {"windows": "x"}),
     put("vm", {}))
case("hit", "list-too-long", R, config(put("hooks", {"poststop": [{"path": "/bin/true", "timeout": 1}] * 65})))
case("miss", "list-too-long", "---", config(put("hooks", {"poststop": [{"path": "/bin/true", "timeout": 1}] * 64})), also=[("hook-not-allowed", "r")])
case("evasion", "list-too-long", R, config(put("linux.namespaces", BASE["linux"]["namespaces"] * 3)))

# Long lists are made by the setup: the repository need not hold them.
def long(path, element, count):
    *way, last = path.split(".")
    place = "c" + "".join(f'["{step}"]' for step in way)
    return [f"""python3 -c 'import json, os; p = os.environ["B"] + "/config.json"; c = json.load(open(p)); """
            f"""{place}["{last}"] = [{json.dumps(element)}] * {count}; json.dump(c, open(p, "w"))'"""]


for name, path, element, most in (
        ("mounts", "mounts", {"destination": "/proc/x"}, 4096), ("devices", "linux.devices", {"type": "c", "path": "/dev/x"}, 4096),
        ("rules", "linux.resources.devices", {"allow": "x"}, 4096), ("syscalls", "linux.seccomp.syscalls", {"names": ["x"]}, 4096),
        ("env", "process.env", "A=b", 65536), ("ids", "linux.uidMappings", {"containerID": 0, "hostID": 0, "size": 1}, 340)):
    more(name, "list-too-long", R, put("hostname", "c1"), long(path, element, most + 1))
for name, path, value in (
        ("major-below", "linux.devices", [{"type": "c", "path": "/dev/x", "major": -2, "minor": 0}]),
        ("mode", "linux.devices", [{"type": "c", "path": "/dev/x", "major": 1, "minor": 3, "fileMode": 0o200000}]),
        ("limit", "linux.resources.memory.limit", 1 << 63), ("rlimit", "process.rlimits", [{"type": "RLIMIT_CORE", "soft": -1, "hard": 1}]),
        ("rlimit-above", "process.rlimits", [{"type": "RLIMIT_CORE", "soft": 1, "hard": 1 << 64}]), ("gid", "process.user.gid", -1),
        ("group", "process.user.additionalGids", [1 << 32]), ("umask", "process.user.umask", 1 << 32)):
    more(name, "json-number-range", R, put(path, value))
case("fraction", "json-number-range", R, plain.replace('"uid":1000', '"uid":1000.0'))
case("zero", "json-number-range", "---", plain.replace('"uid":1000', '"uid":-0'), also=[("user-root", "r")],
     note="minus zero is zero, and judged as such")
more("rlimit-ok", "json-number-range", "---", put("process.rlimits", [{"type": "RLIMIT_CORE", "soft": 0, "hard": (1 << 64) - 1}]))
more("fifo", "json-too-large", R, None, ['rm "$B/config.json"; mkfifo "$B/config.json"'])
more("device", "json-too-large", R, None, ['ln -sf /dev/zero "$B/config.json"'])
for section in ("solaris", "zos", "freebsd"):
    more(section, "foreign-platform-section", "-WR", put(section, {}))
more("null", "foreign-platform-section", "---", put("windows", None))
