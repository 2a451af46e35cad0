/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec.c - a config.json to start from, which passes the strictest level.
 *
 * What a program does not need is left out; a limit that this machine has no controller
 * for is left out too, and said.
 */
#include <fcntl.h>
#include <hrun/cli.h>
#include <hrun/fd.h>
#include <hrun/json.h>
#include <hrun/log.h>
#include <hrun/str.h>
#include <unistd.h>

static const char head[] = "{\n"
			   "  \"ociVersion\": \"1.3.0\",\n"
			   "  \"root\": { \"path\": \"rootfs\", \"readonly\": true },\n"
			   "  \"hostname\": \"hrun\",\n"
			   "  \"process\": {\n"
			   "    \"terminal\": false,\n"
			   "    \"user\": ";

/* An ordinary user has one id to give: it is root in there, and nobody special outside. */
static const char user[] = "{ \"uid\": 1000, \"gid\": 1000, \"umask\": 18 },\n";
static const char rootless_user[] = "{ \"uid\": 0, \"gid\": 0, \"umask\": 18 },\n";

static const char middle[] =
	"    \"args\": [\"sh\"],\n"
	"    \"env\": [\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"],\n"
	"    \"cwd\": \"/\",\n"
	"    \"capabilities\": {\n"
	"      \"bounding\": [], \"permitted\": [], \"effective\": [], \"inheritable\": [], \"ambient\": []\n"
	"    },\n"
	"    \"rlimits\": [{ \"type\": \"RLIMIT_NOFILE\", \"soft\": 1024, \"hard\": 4096 }],\n"
	"    \"noNewPrivileges\": true\n"
	"  },\n"
	"  \"mounts\": [\n"
	"    { \"destination\": \"/proc\", \"type\": \"proc\", \"source\": \"proc\",\n"
	"      \"options\": [\"nosuid\", \"noexec\", \"nodev\"] },\n"
	"    { \"destination\": \"/dev\", \"type\": \"tmpfs\", \"source\": \"tmpfs\",\n"
	"      \"options\": [\"nosuid\", \"noexec\", \"strictatime\", \"mode=755\", \"size=65536k\"] },\n"
	"    { \"destination\": \"/dev/pts\", \"type\": \"devpts\", \"source\": \"devpts\",\n"
	"      \"options\": [\"nosuid\", \"noexec\", \"newinstance\", \"ptmxmode=0666\", \"mode=0620\"] },\n"
	"    { \"destination\": \"/dev/shm\", \"type\": \"tmpfs\", \"source\": \"shm\",\n"
	"      \"options\": [\"nosuid\", \"noexec\", \"nodev\", \"mode=1777\", \"size=65536k\"] },\n"
	"    { \"destination\": \"/dev/mqueue\", \"type\": \"mqueue\", \"source\": \"mqueue\",\n"
	"      \"options\": [\"nosuid\", \"noexec\", \"nodev\"] },\n"
	"    { \"destination\": \"/sys\", \"type\": \"sysfs\", \"source\": \"sysfs\",\n"
	"      \"options\": [\"nosuid\", \"noexec\", \"nodev\", \"ro\"] },\n"
	"    { \"destination\": \"/sys/fs/cgroup\", \"type\": \"cgroup2\", \"source\": \"cgroup\",\n"
	"      \"options\": [\"nosuid\", \"noexec\", \"nodev\", \"relatime\", \"ro\"] },\n"
	"    { \"destination\": \"/tmp\", \"type\": \"tmpfs\", \"source\": \"tmpfs\",\n"
	"      \"options\": [\"nosuid\", \"noexec\", \"nodev\", \"mode=1777\", \"size=65536k\"] },\n"
	"    { \"destination\": \"/run\", \"type\": \"tmpfs\", \"source\": \"tmpfs\",\n"
	"      \"options\": [\"nosuid\", \"noexec\", \"nodev\", \"mode=1777\", \"size=65536k\"] }\n"
	"  ],\n"
	"  \"linux\": {\n"
	"    \"namespaces\": [\n"
	"      { \"type\": \"pid\" }, { \"type\": \"network\" }, { \"type\": \"ipc\" },\n"
	"      { \"type\": \"uts\" }, { \"type\": \"mount\" }, { \"type\": \"cgroup\" }";

static const char resources[] = "\n"
				"    ],\n"
				"    \"resources\": {\n"
				"      \"devices\": [{ \"allow\": false, \"access\": \"rwm\" }]";

static const char tail[] =
	"\n    },\n"
	"    \"maskedPaths\": [\n"
	"      \"/proc/acpi\", \"/proc/asound\", \"/proc/interrupts\", \"/proc/kcore\", \"/proc/keys\",\n"
	"      \"/proc/latency_stats\", \"/proc/sched_debug\", \"/proc/scsi\", \"/proc/timer_list\",\n"
	"      \"/proc/timer_stats\", \"/sys/devices/virtual/powercap\", \"/sys/firmware\", \"/sys/fs/selinux\"\n"
	"    ],\n"
	"    \"readonlyPaths\": [\n"
	"      \"/proc/bus\", \"/proc/fs\", \"/proc/irq\", \"/proc/sys\", \"/proc/sysrq-trigger\"\n"
	"    ]\n"
	"  }\n"
	"}\n";

static const struct {
	const char *controller, *text;
} limits[] = {
	{"pids", "\"pids\": { \"limit\": 512 }"},
	{"memory", "\"memory\": { \"limit\": 536870912 }"},
	{"cpu", "\"cpu\": { \"quota\": 100000, \"period\": 100000 }"},
};

/* The controllers of this machine's cgroup2, with a blank on both sides of each. */
static void read_controllers(char *text, size_t size)
{
	static const char *const files[] = {"/sys/fs/cgroup/cgroup.controllers",
					    "/sys/fs/cgroup/unified/cgroup.controllers"};

	memset(text, 0, size);
	text[0] = ' ';
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		autofd int fd = open(files[i], O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		ssize_t n = fd_read_all(fd, text + 1, size - 3);
		for (char *p = text; *p; p++)
			*p = *p == '\n' ? ' ' : *p;
		text[n > 0 ? n + 1 : 1] = ' ';
		return;
	}
}

static void write_limits(struct json_out *out)
{
	char controllers[1024], word[32];

	read_controllers(controllers, sizeof controllers);
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		if (str_format(word, sizeof word, " %s ", limits[i].controller) > 0 && strstr(controllers, word))
			json_out_printf(out, ",\n      %s", limits[i].text);
		else
			log_warning(
				"this machine has no %s controller on cgroup2: its limit is left out of config.json",
				limits[i].controller);
	}
}

static void write_rootless(struct json_out *out)
{
	json_out_printf(out,
			",\n      { \"type\": \"user\" }\n    ],\n"
			"    \"uidMappings\": [{ \"containerID\": 0, \"hostID\": %u, \"size\": 1 }],\n"
			"    \"gidMappings\": [{ \"containerID\": 0, \"hostID\": %u, \"size\": 1 }],\n",
			geteuid(), getegid());
	json_out_raw(out, resources + sizeof "\n    ],\n" - 1);
}

static void write_config(bool rootless, struct json_out *out)
{
	json_out_raw(out, head);
	json_out_raw(out, rootless ? rootless_user : user);
	json_out_raw(out, middle);
	if (rootless)
		write_rootless(out);
	else
		json_out_raw(out, resources);
	/* Limits take a cgroup, which an ordinary user rarely has. */
	if (!rootless)
		write_limits(out);
	json_out_raw(out, tail);
}

int cmd_spec(struct command *command, struct err *e)
{
	const char *directory = command->options.bundle ? command->options.bundle : ".";
	struct json_out out = {.pool = &command->pool};
	autofd int dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return err_set(e, errno, "open the bundle directory %s: %s; make it first", directory,
			       strerrordesc_np(errno));
	autofd int fd = openat(dir, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST)
		return err_set(e, EEXIST, "%s/config.json exists and is not overwritten", directory);
	if (fd < 0)
		return err_errno(e, "make %s/config.json", directory);
	write_config(command->options.rootless_config, &out);
	int r = fd_write_all(fd, out.text, out.length);
	if (r < 0) {
		unlinkat(dir, "config.json", 0);
		return err_set(e, -r, "write %s/config.json: %s", directory, strerrordesc_np(-r));
	}
	return 0;
}
