#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Real programs of Debian, as uid 1000 on a read-only root under the default filter: each answers a request whose reply is computed here.
# The client is a second process in the same container (exec); a third one reads /proc/1/status.
# tree: here redis-server,nginx,python3
# timeout: 600
. "$TESTS/lib.sh"

root=$work/root
mkdir "$root"
mount -t tmpfs -o mode=755,size=2g tmpfs "$root" || skip_all "no tmpfs for the root file system"
tar -xf "$TREE" -C "$root" --exclude='./dev/*' || skip_all "$TREE cannot be unpacked"

mkdir -p "$root/srv"
word=$(od -An -N8 -tx8 /dev/urandom | tr -d ' ')
echo "nginx says $word" >"$root/srv/index.html"
cat >"$root/srv/nginx.conf" <<'CONF'
daemon off;
pid /tmp/nginx.pid;
error_log stderr;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path /tmp/b; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f; uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s;
  server { listen 127.0.0.1:8080; root /srv; }
}
CONF
cat >"$root/srv/server.py" <<'CODE'
import hashlib, http.server, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        answer = []
        worker = threading.Thread(target=lambda: answer.append(hashlib.sha256(self.path.encode()).hexdigest()))
        worker.start(), worker.join()
        self.send_response(200), self.end_headers(), self.wfile.write(answer[0].encode())
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", 8081), Handler).serve_forever()
CODE
cat >"$root/srv/get.py" <<'CODE'
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode().strip())
CODE

# start NAME COMMAND...: a container of that name that runs the command
start() {
  name=$1
  shift
  mkdir -p "$work/$name"
  "$HRUN" spec -b "$work/$name" 2>"$work/$name.spec" || { fail "$name: hrun spec" "$(cat "$work/$name.spec")"; return 1; }
  edit "$work/$name" "
c['root'] = {'path': '$root', 'readonly': True}
c['process']['terminal'] = False
c['process']['user'] = {'uid': 1000, 'gid': 1000}
c['process']['cwd'] = '/tmp'
${PROFILE:+c['linux']['seccomp'] = json.load(open('$PROFILE'))}"
  python3 -c 'import json, sys
c = json.load(open(sys.argv[1])); c["process"]["args"] = sys.argv[2:]; json.dump(c, open(sys.argv[1], "w"))' \
    "$work/$name/config.json" "$@"
  "$HRUN" run -d -b "$work/$name" "$name" >"$work/$name.out" 2>&1 </dev/null && return 0
  fail "$name starts" "$(cat "$work/$name.out")"
  return 1
}

# answers NAME EXPECTED COMMAND...: the command, in the container, prints what is expected (a server needs a moment)
answers() {
  name=$1
  expected=$2
  shift 2
  for _ in $(seq 100); do
    got=$("$HRUN" exec "$name" "$@" 2>"$work/$name.client")
    [ "$got" != "$expected" ] || break
    sleep 0.1
  done
  is "$name answers" "$got" "$expected"
  [ "$got" = "$expected" ] || sed 's/^/  /' "$work/$name.client" "$work/$name.out"
}

# walls NAME: what the kernel says of the container's first process, read in the container
walls() {
  status=$("$HRUN" exec "$1" $SHELL_INSIDE -c 'while read -r l; do echo "$l"; done </proc/1/status' 2>&1)
  value() { printf '%s\n' "$status" | awk -v key="$1:" '$1 == key { print $2 }'; }
  is "$1: uid" "$(value Uid)" 1000
  for set in CapEff CapPrm CapInh CapBnd CapAmb; do is "$1: $set" "$(value $set)" 0000000000000000; done
  is "$1: NoNewPrivs" "$(value NoNewPrivs)" 1
  is "$1: Seccomp" "$(value Seccomp)" 2
  is "$1: the root is read-only" \
    "$("$HRUN" exec "$1" $SHELL_INSIDE -c '{ echo >/srv/written; } 2>/dev/null && echo written || echo refused' 2>&1)" refused
  [ ! -e "$root/srv/written" ] || fail "$1: a file was written into the root"
}

stop() { "$HRUN" delete --force "$1" || fail "$1: delete --force"; }

SHELL_INSIDE=/bin/sh
PROFILE=
if start redis redis-server --bind 127.0.0.1 --port 6379 --dir /tmp --save '' --appendonly no; then
  number=$(($$ + 41))
  answers redis "$number" redis-cli incrby counter "$number"
  answers redis "$word" redis-cli eval "redis.call('set','w',ARGV[1]) return redis.call('get','w')" 0 "$word"
  walls redis
  stop redis
fi
if start nginx nginx -c /srv/nginx.conf; then
  answers nginx "nginx says $word" python3 /srv/get.py http://127.0.0.1:8080/
  walls nginx
  stop nginx
fi
if start python python3 /srv/server.py; then
  answers python "$(printf '/%s' "$word" | sha256sum | cut -d' ' -f1)" python3 /srv/get.py "http://127.0.0.1:8081/$word"
  walls python
  stop python
fi
if start shell /bin/sh -c 'while :; do sleep 1; done'; then
  answers shell "$((17 * $$))" /bin/sh -c "echo \$((17 * $$)) | cat | sort"
  walls shell
  stop shell
fi

# A static web server under the strict profile, over a root of its own
PROFILE=$TOP/seccomp-profiles/strict.json
if [ ! -e "$PROFILE" ]; then
  skip strict "seccomp-profiles/strict.json does not exist yet"
else
  umount "$root"
  busybox_root "$root"
  mkdir -p "$root/srv"
  echo "busybox says $word" >"$root/srv/index.html"
  SHELL_INSIDE=/bin/sh
  if start strict /bin/busybox httpd -f -p 127.0.0.1:8082 -h /srv; then
    answers strict "busybox says $word" /bin/busybox wget -q -O - http://127.0.0.1:8082/
    walls strict
    stop strict
  fi
fi
is "nothing is left" "$("$HRUN" list -q)" ""
finish
