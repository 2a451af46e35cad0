/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_refuse.c - each input that plan_container refuses, by its line, without a policy before it; and no
 * descriptor is left open, whatever happened.
 */
#include <dirent.h>
#include <fcntl.h>
#include <hrun/bundle.h>
#include <hrun/fd.h>
#include <hrun/json.h>
#include <hrun/plan.h>
#include <hrun/str.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "no_machine.h"

/* Members and elements that a row adds to a config which is fine without them. */
struct row {
	const char *top, *process, *mount, *namespace, *linux_;
	const char *error; /* how the error begins; NULL: accepted */
	const char *warning;
};

#define BIND(options) "{\"destination\":\"/x\",\"source\":\"file\",\"options\":[" options "]}"
#define MAP(field, inside, host, size) \
	",\"" field "\":[{\"containerID\":" inside ",\"hostID\":" host ",\"size\":" size "}]"
#define NET ",{\"type\":\"network\"}"
#define USER ",{\"type\":\"user\"}"
#define GID MAP("gidMappings", "0", "100000", "65536")

static const struct row rows[] = {
	{.error = NULL},
	/* ids */
	{.namespace = USER, .error = "linux.uidMappings: missing"},
	{.namespace = USER,
	 .linux_ = MAP("uidMappings", "0", "100000", "65536"),
	 .error = "linux.gidMappings: missing"},
	{.namespace = USER, .linux_ = MAP("uidMappings", "0", "100000", "65536") GID, .error = NULL},
	{.namespace = USER,
	 .linux_ = MAP("uidMappings", "0", "1", "0") GID,
	 .error = "linux.uidMappings[0].size: must be"},
	{.namespace = USER,
	 .linux_ = MAP("uidMappings", "0", "4294967290", "6") GID,
	 .error = "linux.uidMappings[0]: the range"},
	{.namespace = USER, .linux_ = MAP("uidMappings", "0", "4294967289", "6") GID, .error = NULL},
	{.namespace = USER,
	 .linux_ = ",\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":10},"
		   "{\"containerID\":10,\"hostID\":1009,\"size\":1}]" GID,
	 .error = "linux.uidMappings[1]: overlaps with entry 0"},
	{.namespace = USER,
	 .linux_ = ",\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":10},"
		   "{\"containerID\":9,\"hostID\":2000,\"size\":1}]" GID,
	 .error = "linux.uidMappings[1]: overlaps with entry 0"},
	{.linux_ = GID, .error = "linux.gidMappings: without a user namespace"},
	{.namespace = USER,
	 .process = ",\"user\":{\"uid\":65536}",
	 .linux_ = MAP("uidMappings", "0", "100000", "65536") GID,
	 .error = "process.user.uid: 65536 is not mapped"},
	{.namespace = USER,
	 .process = ",\"user\":{\"uid\":65535,\"gid\":70000}",
	 .linux_ = MAP("uidMappings", "0", "100000", "65536") GID,
	 .error = "process.user.gid: 70000 is not mapped"},
	{.namespace = USER,
	 .process = ",\"user\":{\"additionalGids\":[1,65536]}",
	 .linux_ = MAP("uidMappings", "0", "100000", "65536") GID,
	 .error = "process.user.additionalGids[1]: 65536 is not mapped"},
	{.process = ",\"user\":{\"uid\":4294967295}", .error = "process.user.uid: 4294967295 is no id"},
	/* namespaces */
	{.namespace = ",{\"type\":\"mount\"}", .error = "linux.namespaces[1].type: mount is there twice"},
	{.namespace = ",{\"type\":\"frob\"}", .error = "linux.namespaces[1].type: unknown type frob"},
	{.namespace = ",{\"type\":\"time\"}", .error = NULL},
	{.linux_ = ",\"timeOffsets\":{\"boottime\":{\"secs\":1}}",
	 .error = "linux.timeOffsets: needs a new time namespace"},
	{.namespace = ",{\"type\":\"time\",\"path\":\"/proc/self/ns/time\"}",
	 .linux_ = ",\"timeOffsets\":{\"boottime\":{\"secs\":1}}",
	 .error = "linux.timeOffsets: needs a new time namespace"},
	{.namespace = ",{\"type\":\"time\"}",
	 .linux_ = ",\"timeOffsets\":{\"monotonic\":{\"nanosecs\":1000000000}}",
	 .error = "linux.timeOffsets.monotonic.nanosecs: 1000000000 is a second"},
	{.namespace = ",{\"type\":\"network\",\"path\":\"/proc/self/ns/net\"}", .error = NULL},
	{.namespace = ",{\"type\":\"pid\",\"path\":\"/proc/self/ns/pid\"}", .error = NULL},
	{.namespace = ",{\"type\":\"network\",\"path\":\"/proc/self/ns/uts\"}",
	 .error = "linux.namespaces[1].path: is a namespace of another type than network"},
	{.namespace = ",{\"type\":\"network\",\"path\":\"/etc/passwd\"}",
	 .error = "linux.namespaces[1].path: /etc/passwd is no namespace"},
	{.namespace = ",{\"type\":\"network\",\"path\":\"fifo\"}",
	 .error = "linux.namespaces[1].path: fifo is not an absolute"},
	{.namespace = ",{\"type\":\"network\",\"path\":\"/nowhere\\nx\"}",
	 .error = "linux.namespaces[1].path: open namespace \"/nowhere\\nx\": No such file"},
	{.namespace = ",{\"type\":\"network\",\"path\":\"/proc/self/ns/net\"},{\"type\":\"ipc\",\"path\":\"/x\"}",
	 .error = "linux.namespaces[2].path: open namespace /x"},
	{.top = ",\"hostname\":\"a\"", .error = "hostname: needs a uts namespace"},
	{.top = ",\"hostname\":\"\",\"domainname\":\"\"", .error = NULL},
	{.top = ",\"domainname\":\"a\"", .error = "domainname: needs a uts namespace"},
	/* network devices */
	{.linux_ = ",\"netDevices\":{\"eth0\":{}}", .error = "linux.netDevices: needs a network namespace"},
	{.namespace = NET, .linux_ = ",\"netDevices\":{\"eth0\":{\"name\":\"in%d\"},\"eth1\":{}}", .error = NULL},
	{.namespace = NET,
	 .linux_ = ",\"netDevices\":{\"eth0\":{\"name\":\"%d\"}}",
	 .error = "linux.netDevices[eth0].name: %d is no name"},
	{.namespace = NET,
	 .linux_ = ",\"netDevices\":{\"eth0\":{\"name\":\"a%da\"}}",
	 .error = "linux.netDevices[eth0].name: a%da is no name"},
	{.namespace = NET, .linux_ = ",\"netDevices\":{\"eth0\":{\"name\":\"0123456789abcde\"}}", .error = NULL},
	{.namespace = NET,
	 .linux_ = ",\"netDevices\":{\"eth0\":{\"name\":\"0123456789abcdef\"}}",
	 .error = "linux.netDevices[eth0].name: 0123456789abcdef is no"},
	{.namespace = NET, .linux_ = ",\"netDevices\":{\"a/b\":{}}", .error = "linux.netDevices[a/b]: is no name"},
	{.namespace = NET, .linux_ = ",\"netDevices\":{\"..\":{}}", .error = "linux.netDevices[..]: is no name"},
	/* root */
	{.linux_ = ",\"rootfsPropagation\":\"rshard\"", .error = "linux.rootfsPropagation: unknown word rshard"},
	/* mounts */
	{.mount = BIND("\"bind\""), .error = NULL},
	{.mount = BIND("\"bind\"") "," BIND("\"bind\",\"readonly\""),
	 .error = "mounts[1].options: readonly means nothing"},
	{.mount = BIND("\"bind\",\"size=1m\""), .error = "mounts[0].options: size=1m means nothing on a bind"},
	{.mount = BIND("\"bind\",\"sync\""), .error = "mounts[0].options: sync means nothing on a bind"},
	{.mount = BIND("\"bind\",\"async\""), .error = NULL},
	{.mount = BIND("\"bind\",\"tmpcopyup\""), .error = "mounts[0].options: tmpcopyup needs type tmpfs"},
	{.mount = BIND("\"rbind\",\"ridmap\""), .error = "mounts[0].options: idmap without a user namespace"},
	{.mount = BIND("\"rbind\",\"ridmap\""),
	 .namespace = USER,
	 .linux_ = MAP("uidMappings", "0", "100000", "65536") GID,
	 .error = NULL},
	{.mount = BIND("\"rbind\",\"idmap=uids=0-1-10\""),
	 .error = "mounts[0].options: idmap=uids=0-1-10 means nothing"},
	{.mount = BIND("\"ro\""), .error = "mounts[0].type: missing without bind or rbind"},
	{.mount = "{\"destination\":\"/x\",\"type\":\"none\",\"source\":\"file\"}",
	 .error = "mounts[0].type: none without bind"},
	{.mount = "{\"destination\":\"/x\",\"options\":[\"bind\"]}", .error = "mounts[0].source: missing"},
	{.mount = "{\"destination\":\"/x\",\"source\":\"/nowhere\",\"options\":[\"bind\"]}",
	 .error = "mounts[0].source: open /nowhere: No such file or directory; make it"},
	{.mount = "{\"destination\":\"/x\",\"source\":\"../file\",\"options\":[\"bind\"]}",
	 .error = "mounts[0].source: open ../file: Invalid cross-device link; a relative source"},
	{.mount = "{\"destination\":\"/x\",\"source\":\"link-out\",\"options\":[\"bind\"]}",
	 .error = "mounts[0].source: open link-out: Invalid cross-device link"},
	{.mount = "{\"destination\":\"/x\",\"source\":\"link-in\",\"options\":[\"bind\"]}", .error = NULL},
	{.mount = "{\"destination\":\"/x\",\"source\":\"/proc/self/cwd\",\"options\":[\"bind\"]}",
	 .error = "mounts[0].source: open /proc/self/cwd: Too many levels of symbolic links; it leads"},
	{.mount = "{\"destination\":\"x\",\"type\":\"tmpfs\"}", .error = "mounts[0].destination: x is not an absolute"},
	{.mount = "{\"destination\":\"/a/../x\",\"type\":\"tmpfs\"}", .error = "mounts[0].destination: /a/../x holds"},
	{.mount = "{\"destination\":\"//./\",\"type\":\"tmpfs\"}",
	 .error = "mounts[0].destination: nothing is mounted over"},
	{.mount = "{\"destination\":\"/x\",\"type\":\"tmpfs\",\"options\":[\"source=/dev/sda\"]}",
	 .error = "mounts[0].options: source=/dev/sda is no option"},
	{.mount = "{\"destination\":\"/x\",\"type\":\"tmpfs\",\"options\":[\"=x\"]}",
	 .error = "mounts[0].options: =x is no"},
	{.mount = "{\"destination\":\"/x\",\"type\":\"cgroup\",\"options\":[\"nsdelegate\"]}",
	 .error = "mounts[0].options: nsdelegate would change the host"},
	{.mount = "{\"destination\":\"/x\",\"type\":\"tmpfs\"" MAP("uidMappings", "0", "1", "1") "}",
	 .error = "mounts[0]: ids of bind mounts only"},
	{.mount = "{\"destination\":\"/x\",\"source\":\"file\",\"options\":[\"bind\"]" MAP("uidMappings", "0", "1",
											   "1") "}",
	 .error = "mounts[0].gidMappings: missing"},
	{.mount = "{\"destination\":\"/x\",\"source\":\"file\",\"options\":[\"bind\"]" MAP("uidMappings", "0", "1", "0")
		 MAP("gidMappings", "0", "1", "1") "}",
	 .error = "mounts[0].uidMappings[0].size: must be"},
	/* devices */
	{.linux_ = ",\"devices\":[{\"path\":\"/dev/../x\",\"type\":\"c\",\"major\":1,\"minor\":3}]",
	 .error = "linux.devices[0].path: /dev/../x is not a clean path"},
	{.linux_ = ",\"devices\":[{\"path\":\"/x\",\"type\":\"c\",\"major\":1,\"minor\":3}]",
	 .error = "linux.devices[0].path: /x"},
	{.linux_ = ",\"devices\":[{\"path\":\"/dev/x\",\"type\":\"c\",\"major\":4096,\"minor\":3}]",
	 .error = "linux.devices[0].major: missing or not a number from 0"},
	{.linux_ = ",\"devices\":[{\"path\":\"/dev/x\",\"type\":\"c\",\"major\":1}]",
	 .error = "linux.devices[0].minor"},
	{.linux_ = ",\"devices\":[{\"path\":\"/dev/x\",\"type\":\"b\",\"major\":1,\"minor\":3,\"fileMode\":8630}]",
	 .error = "linux.devices[0].fileMode: 020666 does not fit"},
	{.linux_ = ",\"devices\":[{\"path\":\"/dev/x\",\"type\":\"u\",\"major\":1,\"minor\":3,\"fileMode\":8630}]",
	 .error = NULL},
	{.namespace = USER,
	 .linux_ = ",\"devices\":[{\"path\":\"/dev/null\",\"type\":\"c\",\"major\":2,\"minor\":3}]" MAP(
		 "uidMappings", "0", "100000", "65536") GID,
	 .error = "linux.devices[0]: the host's /dev/null is not device 2:3"},
	{.namespace = USER,
	 .linux_ = ",\"devices\":[{\"path\":\"/dev/null\",\"type\":\"c\",\"major\":1,\"minor\":5}]" MAP(
		 "uidMappings", "0", "100000", "65536") GID,
	 .error = "linux.devices[0]: the host's /dev/null is not device 1:5"},
	{.namespace = USER,
	 .linux_ = ",\"devices\":[{\"path\":\"/dev/null\",\"type\":\"b\",\"major\":1,\"minor\":3}]" MAP(
		 "uidMappings", "0", "100000", "65536") GID,
	 .error = "linux.devices[0]: the host's /dev/null is not device 1:3 of that type"},
	{.namespace = USER,
	 .linux_ = ",\"devices\":[{\"path\":\"/dev/nosuch\",\"type\":\"c\",\"major\":1,\"minor\":3}]" MAP(
		 "uidMappings", "0", "100000", "65536") GID,
	 .error = "linux.devices[0]: open the host's /dev/nosuch: No such file"},
	{.mount = "{\"destination\":\"/dev\",\"source\":\"/tmp\",\"options\":[\"bind\"]}",
	 .warning = "linux.devices: no device is made"},
	/* masks */
	{.linux_ = ",\"maskedPaths\":[\"proc\"]", .error = "linux.maskedPaths[0]: proc is not an absolute"},
	{.linux_ = ",\"readonlyPaths\":[\"/proc/../etc\"]", .error = "linux.readonlyPaths[0]: /proc/../etc is not"},
	/* sysctl */
	{.linux_ = ",\"sysctl\":{\"vm.swappiness\":\"1\"}",
	 .error = "linux.sysctl[\"vm.swappiness\"]: belongs to the whole"},
	{.linux_ = ",\"sysctl\":{\"kernel.core_pattern\":\"|/x\"}",
	 .error = "linux.sysctl[\"kernel.core_pattern\"]: belongs"},
	{.linux_ = ",\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"}",
	 .error = "linux.sysctl[\"net.ipv4.ip_forward\"]: would change"},
	{.namespace = ",{\"type\":\"network\"}",
	 .linux_ = ",\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"}",
	 .error = NULL},
	{.namespace = ",{\"type\":\"network\"}",
	 .linux_ = ",\"sysctl\":{\"net/../kernel/core_pattern\":\"1\"}",
	 .error = "linux.sysctl[\"net/../kernel/core_pattern\"]: a key is made of"},
	{.namespace = ",{\"type\":\"network\"}",
	 .linux_ = ",\"sysctl\":{\"net...kernel\":\"1\"}",
	 .error = "linux.sysctl[\"net...kernel\"]: a key is made of"},
	{.namespace = ",{\"type\":\"network\"}",
	 .linux_ = ",\"sysctl\":{\"net.a+b\":\"1\"}",
	 .error = "linux.sysctl[\"net.a+b\"]"},
	{.namespace = ",{\"type\":\"network\"}",
	 .linux_ = ",\"sysctl\":{\"net.\":\"1\"}",
	 .error = "linux.sysctl[\"net.\"]: a key"},
	{.namespace = ",{\"type\":\"ipc\"}",
	 .linux_ = ",\"sysctl\":{\"kernel.sem\":\"1\\n2\"}",
	 .error = "linux.sysctl[\"kernel.sem\"]: the value is more than one line"},
	{.namespace = ",{\"type\":\"ipc\"}", .linux_ = ",\"sysctl\":{\"kernel.sem\":\"1\\t2\"}", .error = NULL},
	{.namespace = ",{\"type\":\"network\"}",
	 .linux_ = ",\"sysctl\":{\"net.ipv4.ip_forward\":\"\"}",
	 .error = "linux.sysctl[\"net.ipv4.ip_forward\"]: the value is empty"},
	{.namespace = ",{\"type\":\"ipc\"}",
	 .linux_ = ",\"sysctl\":{\"kernel.semx\":\"1\"}",
	 .error = "linux.sysctl[\"kernel.semx\"]"},
	{.top = ",\"hostname\":\"a\"",
	 .namespace = ",{\"type\":\"uts\"}",
	 .linux_ = ",\"sysctl\":{\"kernel.hostname\":\"b\"}",
	 .error = "linux.sysctl[\"kernel.hostname\"]: hostname is set too"},
	/* process */
	{.process = ",\"capabilities\":{\"bounding\":[\"cap_kill\"]}",
	 .warning = "process.capabilities.bounding[0]: unknown capability cap_kill is left out"},
	{.process = ",\"capabilities\":{\"permitted\":[\"CAP_KILL\"]}",
	 .warning = "process.capabilities.permitted: CAP_KILL is left out: not in bounding"},
	{.process =
		 ",\"capabilities\":{\"bounding\":[\"CAP_KILL\"],\"permitted\":[\"CAP_KILL\"],\"ambient\":[\"CAP_KILL\"]}",
	 .warning = "process.capabilities.ambient: CAP_KILL is left out: not in permitted and inheritable"},
	{.process = ",\"rlimits\":[{\"type\":\"RLIMIT_X\",\"soft\":0,\"hard\":0}]",
	 .error = "process.rlimits[0].type: unknown"},
	{.process = ",\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":2,\"hard\":1}]",
	 .error = "process.rlimits[0]: soft is above"},
	{.process =
		 ",\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":1},{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":1}]",
	 .error = "process.rlimits[1].type: RLIMIT_CPU is there twice"},
	{.process = ",\"oomScoreAdj\":1001", .error = "process.oomScoreAdj: must be"},
	{.process = ",\"oomScoreAdj\":-1000", .error = NULL},
	{.process = ",\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"priority\":99}",
	 .error = "process.scheduler.priority: must be 0 with SCHED_OTHER"},
	{.process = ",\"ioPriority\":{\"class\":\"IOPRIO_CLASS_RT \"}",
	 .error = "process.ioPriority.class: unknown word"},
	{.process = ",\"terminal\":true,\"consoleSize\":{\"height\":1,\"width\":65536}",
	 .error = "process.consoleSize"},
	{.process = ",\"user\":{\"umask\":512}", .error = "process.user.umask: 01000"},
	{.process = ",\"user\":{\"username\":\"x\"},\"commandLine\":\"y\"", .error = NULL},
	{.process = ",\"selinuxLabel\":\"a:b:c:s0\",\"apparmorProfile\":\"a//b\"", .error = NULL},
	{.process = ",\"selinuxLabel\":\"a:b\"", .error = "process.selinuxLabel: a:b is no label of SELinux"},
	{.process = ",\"selinuxLabel\":\"a:b::s0\"", .error = "process.selinuxLabel: a:b::s0 is no label"},
	{.process = ",\"selinuxLabel\":\":b:c:s0\"", .error = "process.selinuxLabel: :b:c:s0 is no label"},
	{.process = ",\"selinuxLabel\":\"a:b:c d:s0\"", .error = "process.selinuxLabel: \"a:b:c d:s0\" is no label"},
	{.process = ",\"selinuxLabel\":\"a:b:c:s0\\n\"", .error = "process.selinuxLabel: "},
	{.process = ",\"apparmorProfile\":\"a\\nexec b\"", .error = "process.apparmorProfile: "},
	{.process = ",\"apparmorProfile\":\" a\"", .error = "process.apparmorProfile: \" a\" holds"},
	{.process = ",\"selinuxLabel\":\"\",\"apparmorProfile\":\"\"", .error = NULL},
	{.process = ",\"execCPUAffinity\":{\"initial\":\"0-1023\",\"final\":\"0,3-5,7\"}", .error = NULL},
	{.process = ",\"execCPUAffinity\":{\"initial\":\"0,\"}", .error = "process.execCPUAffinity.initial: 0, is no"},
	{.process = ",\"execCPUAffinity\":{\"initial\":\"1024\"}", .error = "process.execCPUAffinity.initial: 1024"},
	{.process = ",\"execCPUAffinity\":{\"final\":\"3-1\"}", .error = "process.execCPUAffinity.final: 3-1 is no"},
	{.process = ",\"execCPUAffinity\":{\"final\":\"-1\"}", .error = "process.execCPUAffinity.final: -1 is no"},
	{.process = ",\"execCPUAffinity\":{\"final\":\"1 2\"}", .error = "process.execCPUAffinity.final: "},
	{.process = ",\"scheduler\":{\"policy\":\"SCHED_ISO\"}",
	 .error = "process.scheduler.policy: unknown word SCHED_ISO"},
	{.process = ",\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"nice\":20}", .error = "process.scheduler.nice: must"},
	{.process = ",\"scheduler\":{\"policy\":\"SCHED_FIFO\",\"nice\":1,\"priority\":1}",
	 .error = "process.scheduler.nice: has no effect"},
	{.process = ",\"scheduler\":{\"policy\":\"SCHED_FIFO\"}",
	 .error = "process.scheduler.priority: must be from 1"},
	{.process = ",\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"priority\":1}",
	 .error = "process.scheduler.priority: must be 0"},
	{.process = ",\"scheduler\":{\"policy\":\"SCHED_BATCH\",\"runtime\":1}",
	 .error = "process.scheduler: runtime, deadline"},
	{.process = ",\"scheduler\":{\"policy\":\"SCHED_BATCH\",\"flags\":[\"SCHED_FLAG_RESET_ON_FORK\",\"X\"]}",
	 .error = "process.scheduler.flags[1]: unknown word X"},
	{.process = ",\"ioPriority\":{\"class\":\"IOPRIO_CLASS_NONE\"}", .error = "process.ioPriority.class: unknown"},
	{.process = ",\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":8}",
	 .error = "process.ioPriority.priority: must be from 0 to 7"},
	{.linux_ = ",\"memoryPolicy\":{\"nodes\":\"0\"}", .error = "linux.memoryPolicy.mode: unknown word (none)"},
	{.linux_ = ",\"memoryPolicy\":{\"mode\":\"MPOL_BIND\"}", .error = "linux.memoryPolicy.nodes: missing"},
	{.linux_ = ",\"memoryPolicy\":{\"mode\":\"MPOL_LOCAL\",\"nodes\":\"0\"}",
	 .error = "linux.memoryPolicy.nodes: MPOL_LOCAL takes none"},
	{.linux_ = ",\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"x\"}",
	 .error = "linux.memoryPolicy.nodes: x is no list"},
	{.linux_ = ",\"memoryPolicy\":{\"mode\":\"MPOL_LOCAL\",\"flags\":[\"MPOL_F_NODE\"]}",
	 .error = "linux.memoryPolicy.flags[0]: unknown word MPOL_F_NODE"},
	{.linux_ = ",\"personality\":{\"domain\":\"LINUX32\"}", .error = NULL},
	{.linux_ = ",\"personality\":{\"domain\":\"BSD\"}", .error = "linux.personality.domain: unknown word BSD"},
	{.linux_ = ",\"mountLabel\":\"a:b:c:s0\"", .error = NULL},
	{.linux_ = ",\"mountLabel\":\"a b:c:d\"", .error = "linux.mountLabel: \"a b:c:d\" is no label"},
	{.linux_ = ",\"personality\":{\"domain\":\"LINUX\"}", .error = NULL},
	{.linux_ = ",\"personality\":{\"domain\":\"LINUX\",\"flags\":[\"X\"]}",
	 .error = "linux.personality.flags: the specification knows none"},
	{.linux_ = ",\"timeOffsets\":{\"boottime\":{\"secs\":1}}",
	 .error = "linux.timeOffsets: needs a new time namespace"},
	{.linux_ = ",\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/x\"}", .error = NULL},

	/* hooks */
	{.top = ",\"hooks\":{\"poststart\":[{\"path\":\"/a\"},{\"path\":\"b\"}]}",
	 .error = "hooks.poststart[1].path: must be"},
	{.top = ",\"hooks\":{\"poststart\":[{\"path\":\"/a\",\"timeout\":2147483648}]}",
	 .error = "hooks.poststart[0].timeout"},
};

static int open_count(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static const char *text(const char *t)
{
	return t ? t : "";
}

static int plan_row(struct pool *pool, const struct row *row, const struct bundle *bundle, struct plan *plan,
		    struct err *e)
{
	const struct plan_options options = {.id = "t", .cgroup_disabled = true};
	struct bundle with_config = *bundle;
	struct json_error error = {0};
	const struct json *tree;
	const char *json = pool_printf(
		pool,
		"{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"rootfs\"}%s,\"process\":{\"args\":"
		"[\"x\"],\"cwd\":\"/\"%s},\"mounts\":[%s],\"linux\":{\"namespaces\":[{\"type\":"
		"\"mount\"}%s]%s}}",
		text(row->top), text(row->process), text(row->mount), text(row->namespace), text(row->linux_));

	if (json_read(pool, json, strlen(json), 1 << 20, &tree, &error) < 0 ||
	    config_read(pool, tree, &with_config.config, &error) < 0)
		return err_set(e, EBADMSG, "not read: %s: %s", error.where, error.text);
	return plan_container(pool, with_config.config, &with_config, &options, plan, e);
}

static bool warns(const struct plan *plan, const char *warning)
{
	for (size_t i = 0; i < plan->warning_count; i++) {
		if (str_starts(plan->warnings[i], warning))
			return true;
	}
	return false;
}

static int check_row(size_t index, const struct bundle *bundle)
{
	const struct row *row = &rows[index];
	struct pool pool = {0};
	struct plan plan;
	struct err e = {0};
	int before = open_count(), failed = 0;

	int r = plan_row(&pool, row, bundle, &plan, &e);
	if (row->error ? r >= 0 || !str_starts(e.text, row->error) : r < 0)
		failed = printf("row %zu: expected %s, got %d %s\n", index, row->error ? row->error : "no error", r,
				e.text) > 0;
	if (r >= 0 && row->warning && !warns(&plan, row->warning))
		failed = printf("row %zu: no warning %s\n", index, row->warning) > 0;
	if (r >= 0)
		plan_close(&plan);
	if (open_count() != before)
		failed = printf("row %zu: descriptors: %d before, %d after\n", index, before, open_count()) > 0;
	pool_free(&pool);
	return failed;
}

static void make_bundle(char *directory, struct bundle *bundle)
{
	if (!mkdtemp(directory) || chdir(directory) < 0 || mkdir("rootfs", 0755) < 0 || mkfifo("fifo", 0600) < 0 ||
	    symlink("/etc/hostname", "link-out") < 0 || symlink("file", "link-in") < 0)
		exit(2);
	int file = open("file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	fd_close(&file);
	*bundle = (struct bundle){.path = directory, .rootfs_path = "/tmp/rootfs"};
	bundle->dir = open(".", O_PATH | O_CLOEXEC);
	bundle->rootfs = open("rootfs", O_PATH | O_CLOEXEC);
	if (fstat(bundle->rootfs, &bundle->rootfs_stat) < 0)
		exit(2);
}

static void remove_bundle(const char *directory)
{
	unlink("file");
	unlink("fifo");
	unlink("link-out");
	unlink("link-in");
	rmdir("rootfs");
	rmdir(directory);
}

int main(void)
{
	char directory[] = "/tmp/hrun-plan-XXXXXX";
	struct bundle bundle;
	int failed = 0;

	make_bundle(directory, &bundle);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		failed += check_row(i, &bundle);
	fd_close(&bundle.dir);
	fd_close(&bundle.rootfs);
	remove_bundle(directory);
	if (failed)
		printf("%d of %zu rows failed\n", failed, sizeof rows / sizeof *rows);
	return failed != 0;
}
