# SPDX-License-Identifier: Apache-2.0
"""cri_client.py - the kubelet's half of the Container Runtime Interface: calls of runtime.v1 (k8s.io/cri-api, api.proto) over HTTP/2.

A message is a dict.  Of Protocol Buffers there is what these messages need: numbers, text, messages, maps of text, and lists of these.
"""
import socket
import struct
import urllib.parse

try:
    import h2.connection
    import h2.events
except ImportError:
    pass  # outside of the tree, where nobody is called

# Of each message the fields that the tests use: name=number, behind it the message's name where it is one, or `map`; `*` for a list; in
# answers `int`, since 0 is not sent.
FIELDS = """
Id: pod_sandbox_id=1
ContainerId: container_id=1
Metadata: name=1 uid=2 namespace=3 attempt=4
ContainerMetadata: name=1 attempt=2
Number: value=1:int
Profile: profile_type=1 localhost_ref=2
SelinuxOptions: user=1 role=2 type=3 level=4
IdMapping: host_id=1 container_id=2 length=3
UserNamespace: mode=1 uids=2:IdMapping* gids=3:IdMapping*
Namespaces: network=1 pid=2 ipc=3 target_id=4 userns_options=5:UserNamespace
PodSecurity: namespace_options=1:Namespaces selinux_options=2:SelinuxOptions run_as_user=3:Number run_as_group=8:Number readonly_rootfs=4 privileged=6 seccomp=9:Profile
PodLinux: cgroup_parent=1 security_context=2:PodSecurity sysctls=3:map
Pod: metadata=1:Metadata hostname=2 log_directory=3 annotations=7:map linux=8:PodLinux
RunPodSandboxRequest: config=1:Pod runtime_handler=2
RunPodSandboxResponse: pod_sandbox_id=1
StopPodSandboxRequest: pod_sandbox_id=1
RemovePodSandboxRequest: pod_sandbox_id=1
ListPodSandboxResponse: items=1:ListedPod*
ListedPod: id=1 metadata=2:Metadata state=3:int runtime_handler=7
Image: image=1
Resources: cpu_period=1 cpu_quota=2 cpu_shares=3 memory_limit_in_bytes=4 oom_score_adj=5
Capabilities: add_capabilities=1* drop_capabilities=2*
Security: capabilities=1:Capabilities privileged=2 namespace_options=3:Namespaces selinux_options=4:SelinuxOptions run_as_user=5:Number run_as_group=12:Number readonly_rootfs=7 supplemental_groups=8* no_new_privs=11 masked_paths=13* readonly_paths=14* seccomp=15:Profile apparmor=16:Profile
Linux: resources=1:Resources security_context=2:Security
Variable: key=1 value=2
Mount: container_path=1 host_path=2 readonly=3 selinux_relabel=4 propagation=5 uidMappings=6:IdMapping* gidMappings=7:IdMapping* recursive_read_only=8
Container: metadata=1:ContainerMetadata image=2:Image command=3* args=4* working_dir=5 envs=6:Variable* mounts=7:Mount* log_path=11 linux=15:Linux
CreateContainerRequest: pod_sandbox_id=1 config=2:Container sandbox_config=3:Pod
CreateContainerResponse: container_id=1
StartContainerRequest: container_id=1
StopContainerRequest: container_id=1 timeout=2
RemoveContainerRequest: container_id=1
ListContainersResponse: containers=1:ListedContainer*
ListedContainer: id=1 pod_sandbox_id=2 metadata=3:ContainerMetadata state=6:int
ContainerStatusRequest: container_id=1
ContainerStatusResponse: status=1:ContainerStatus
ContainerStatus: id=1 state=3:int exit_code=7:int reason=10 message=11 image_ref=9
UpdateContainerResourcesRequest: container_id=1 linux=2:Resources
ExecSyncRequest: container_id=1 cmd=2* timeout=3
ExecSyncResponse: stdout=1 stderr=2 exit_code=3:int
ContainerStatsRequest: container_id=1
ContainerStatsResponse: stats=1:ContainerStats
ContainerStats: attributes=1:Attributes cpu=2:Cpu memory=3:Memory
Attributes: id=1 metadata=2:ContainerMetadata
Cpu: timestamp=1 usage_core_nano_seconds=2:Number
Memory: timestamp=1 working_set_bytes=2:Number usage_bytes=4:Number
StatusResponse: status=1:RuntimeStatus runtime_handlers=3:Handler*
RuntimeStatus: conditions=1:Condition*
Condition: type=1 status=2:int reason=3 message=4
Handler: name=1 features=2:Features
Features: recursive_read_only_mounts=1:int user_namespaces=2:int
ImageStatusRequest: image=1:Image
ImageStatusResponse: image=1:StoredImage
StoredImage: id=1 repo_tags=2*
"""
MAP = {"key": (1, "", False), "value": (2, "", False)}
MESSAGES = {"map": MAP}
for line in FIELDS.strip().splitlines():
    message, _, fields = line.partition(": ")
    MESSAGES[message] = {}
    for field in fields.split():
        left, _, kind = field.rstrip("*").partition(":")
        MESSAGES[message][left.split("=")[0]] = (int(left.split("=")[1]), kind, field.endswith("*"))

# Enumerations: NamespaceMode, SecurityProfile.ProfileType, ContainerState, PodSandboxState.
POD, CONTAINER, NODE = 0, 1, 2
RUNTIME_DEFAULT, UNCONFINED, LOCALHOST = 0, 1, 2
RUNNING, EXITED = 1, 2
READY = 0


def varint(value):
    out = b""
    value &= (1 << 64) - 1
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def encode(kind, message):
    out = b""
    for name, value in message.items():
        number, inner, _ = MESSAGES[kind][name]
        if inner == "map":
            value = [{"key": k, "value": v} for k, v in value.items()]
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(one, int):
                out += varint(number << 3) + varint(one)
                continue
            data = encode(inner, one) if isinstance(one, dict) else one.encode()
            out += varint(number << 3 | 2) + varint(len(data)) + data
    return out


def read_varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at


def decode(kind, data):
    """A field that is not there is 0, "", {} or [], as the format has it."""
    fields, at = MESSAGES[kind], 0
    found = {name: [] if many else {"": "", "int": 0}.get(inner, {}) for name, (_, inner, many) in fields.items()}
    names = {number: name for name, (number, _, _) in fields.items()}
    while at < len(data):
        key, at = read_varint(data, at)
        value, at = read_varint(data, at)
        if key & 7 == 2:
            value, at = data[at:at + value], at + value
        name = names.get(key >> 3)
        if not name:
            continue
        _, inner, many = fields[name]
        if isinstance(value, bytes):
            value = decode(inner, value) if inner else value.decode(errors="replace")
        if inner == "map":
            found[name] = {**found[name], value["key"]: value["value"]}
        elif many:
            found[name].append(value)
        else:
            found[name] = value
    return found


class Failed(Exception):
    """What the other side answered in place of a message."""


class Client:
    """client.RunPodSandbox(config={...}) and so on; one call at a time."""

    def __init__(self, path="/run/containerd/containerd.sock"):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(100)
        self.socket.connect(path)
        self.http = h2.connection.H2Connection()
        self.http.initiate_connection()

    def __getattr__(self, method):
        return lambda **message: self.call(method, message)

    def call(self, method, message):
        request, response = method + "Request", method + "Response"
        data = encode(request, message) if message else b""
        stream = self.http.get_next_available_stream_id()
        service = "ImageService" if method.startswith("Image") else "RuntimeService"
        self.http.send_headers(stream, [(":method", "POST"), (":scheme", "http"), (":path", f"/runtime.v1.{service}/{method}"), (":authority", "localhost"),
                                        ("content-type", "application/grpc"), ("te", "trailers")])
        self.http.send_data(stream, struct.pack(">BL", 0, len(data)) + data, end_stream=True)
        answer, headers = self.receive(stream)
        if headers.get("grpc-status") != "0":
            raise Failed(urllib.parse.unquote(headers.get("grpc-message", str(headers))))
        return decode(response, answer[5:]) if response in MESSAGES else {}

    def receive(self, stream):
        answer, headers, ended = b"", {}, False
        while not ended:
            self.socket.sendall(self.http.data_to_send())
            data = self.socket.recv(65536)
            if not data:
                raise Failed("the connection ended")
            for event in self.http.receive_data(data):
                if getattr(event, "stream_id", stream) != stream:
                    continue
                if isinstance(event, h2.events.DataReceived):
                    answer += event.data
                    self.http.acknowledge_received_data(event.flow_controlled_length, stream)
                elif isinstance(event, (h2.events.ResponseReceived, h2.events.TrailersReceived)):
                    headers.update((k.decode() if isinstance(k, bytes) else k, v.decode() if isinstance(v, bytes) else v) for k, v in event.headers)
                ended |= isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset, h2.events.ConnectionTerminated))
        self.socket.sendall(self.http.data_to_send())
        return answer, headers
