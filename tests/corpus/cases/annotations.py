# SPDX-License-Identifier: Apache-2.0
# Cases of the chapter "annotations"; run by ../make.py.
trio("annotation-policy-override", R, put("annotations", {"io.hrun.level": "privileged"}), put("annotations", {"io.hrunner.level": "x"}),
     put("annotations", {"org.hrun.": "x"}))
case("base", "annotation-policy-override", "---", config(), note="the base config itself")
