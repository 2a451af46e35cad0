# SPDX-License-Identifier: Apache-2.0
# Cases of the chapter "image"; run by ../make.py.
DIGEST = "@sha256:" + "0123456789abcdef" * 4
for kind, change in (("hit", put("annotations", {"io.kubernetes.cri.image-name": "reg.example/app" + DIGEST})), ("evasion", put("annotations", {"a": "signed"})),
                     ("unknown", None)):
    case(kind, "image-signature-missing", "-WW", config(change), note="without images.require never more than a warning")
case("miss", "image-signature-missing", "-WW", config(put("annotations", {"org.opencontainers.image.ref.name": "app:1"})), note="as above")
trio("image-digest-unpinned", "-WW", put("annotations", {"org.opencontainers.image.ref.name": "reg.example/app:latest"}),
     put("annotations", {"org.opencontainers.image.ref.name": "reg.example/app:1" + DIGEST}),
     put("annotations", {"io.kubernetes.cri.image-name": "reg.example/app@sha256:0123"}))
more("tag-that-says-so", "image-digest-unpinned", "-WW", put("annotations", {"io.kubernetes.cri.image-name": "reg.example/sha256:" + "0" * 64}))
more("cri", "image-digest-unpinned", "-WW", put("annotations", {"io.kubernetes.cri.image-name": "localhost/bb:1"}))
more("null", "image-digest-unpinned", "---", put("annotations", None))
more("empty", "image-digest-unpinned", "---", put("annotations", {"io.kubernetes.cri.image-name": ""}))
