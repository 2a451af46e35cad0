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
text_trio("json-key-case", plain.replace('"hostname"', '"Hostname"'), plain[:-1] + ',"annotations":{"Root":"x","root":"y"}}',
          plain.replace('"linux"', '"\\u004cinux"'))
text_trio("json-nul-in-string", plain.replace('"c1"', '"c1\\u0000x"'), plain.replace('"c1"', '"c1u0000x"'),
          plain[:-1] + ',"annotations":{"a\\u0000b":"x"}}')
text_trio("json-number-range", plain.replace('"uid":1000', '"uid":4294967296'), plain.replace('"uid":1000', '"uid":4294967295'),
          plain.replace('"uid":1000', '"uid":1e3'))
text_trio("json-wrong-type", plain.replace('"readonly":true', '"readonly":"true"'), plain.replace('"readonly":true', '"readonly":null'),
          plain.replace('"noNewPrivileges":true', '"noNewPrivileges":1'))
trio("json-unknown-key", "-WR", put("process.noNewPriviledges", True), put("annotations", {"noNewPriviledges": "true"}),
     put("linux.resources.memory.limits", 1))
trio("oci-version-invalid", R, put("ociVersion", "2.0.0"), put("ociVersion", "1.0.2-dev"), put("ociVersion", "1.2.0/x"))
trio("required-field-missing", R, put("process.args", DROP), put("hostname", DROP), put("process.args", None))
trio("foreign-platform-section", "-WR", put("windows", {"layerFolders": ["x"]}), put("annotations", {"windows": "x"}),
     put("vm", {}))
case("hit", "list-too-long", R, config(put("hooks", {"poststop": [{"path": "/bin/sh", "timeout": 1}] * 65})))
case("miss", "list-too-long", "---", config(put("hooks", {"poststop": [{"path": "/bin/sh", "timeout": 1}] * 64})))
case("evasion", "list-too-long", R, config(put("linux.namespaces", BASE["linux"]["namespaces"] * 3)))
