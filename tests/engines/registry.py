# SPDX-License-Identifier: Apache-2.0
"""registry.py - an OCI layout as a registry (distribution-spec, pull only), for as long as the test runs."""
import http.server
import json
import os
import threading


def serve(layout, port):
    """Every repository of 127.0.0.1:PORT is the layout: tags are its refs."""
    def file_of(kind, reference):
        tags = {m["annotations"]["org.opencontainers.image.ref.name"]: m["digest"] for m in layout.manifests}
        digest = reference if reference.startswith("sha256:") else tags.get(reference, "") if kind == "manifests" else ""
        path = f"{layout.path}/blobs/sha256/{digest[7:]}"
        return (digest, path) if digest and os.path.isfile(path) else (None, None)

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def answer(self, status, data=b"{}", media_type="application/json", digest=None):
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(data)))
            if digest:
                self.send_header("Docker-Content-Digest", digest)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data)

        def do_GET(self):
            words = self.path.strip("/").split("/")
            if words == ["v2"]:
                return self.answer(200)
            digest, path = file_of(words[-2], words[-1]) if len(words) > 3 else (None, None)
            if not digest:
                return self.answer(404)
            with open(path, "rb") as f:
                data = f.read()
            return self.answer(200, data, json.loads(data)["mediaType"] if words[-2] == "manifests" else "application/octet-stream", digest)

        do_HEAD = do_GET

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
