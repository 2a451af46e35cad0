# SPDX-License-Identifier: Apache-2.0
# Cases of the chapter "rootfs"; run by ../make.py.
trio("root-path-escape", R, put("root.path", "../rootfs"), put("root.path", "./rootfs/"), put("root.path", "rootfs/../rootfs"))
case("link", "root-path-escape", R, config(put("root.path", "link")), ['ln -s rootfs "$B/link"'])
trio("root-path-host", "-RR", put("root.path", "/usr"), put("root.path", "@B@/rootfs"), put("root.path", "@B@/rootfs/../usr"),
     setup=['ln -s /usr "$B/usr"'], evasion_also=[("root-path-escape", "pbr")], note="a link to it, absolute")
case("hit", "bundle-permissions", "-RR", config(), ['chmod 0770 "$B"'])
case("link", "bundle-permissions", "-RR", config(), ['mv "$B/config.json" "$B/c" && ln -s c "$B/config.json"'])
case("file", "bundle-permissions", "-RR", config(), ['chmod 0664 "$B/config.json"'])
case("miss", "bundle-permissions", "---", config(), ['chmod 0755 "$B"'])
case("evasion", "bundle-permissions", "-RR", config(), ['chmod 1777 "$B"'], note="sticky does not save it")
trio("rootfs-propagation-shared", "-RR", put("linux.rootfsPropagation", "shared"), put("linux.rootfsPropagation", "rslave"),
     put("linux.rootfsPropagation", "rshared"))
trio("rootfs-propagation-unknown", R, put("linux.rootfsPropagation", "public"), put("linux.rootfsPropagation", ""),
     put("linux.rootfsPropagation", "Shared"))
more("link-on-the-way", "root-path-escape", R, put("root.path", "way/lib"), ['ln -s /usr "$B/way"'], [("root-path-host", "br")])
