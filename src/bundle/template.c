/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template.c - a config.json that passes the strictest level, around a process.
 *
 * `hrun spec` writes it as it is, and the process of an image is put into it.  What a program does not need is left out.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <hrun/template.h>
#include <unistd.h>

static const char process[] =
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
	"      \"options\": [\"nosuid\", \"noexec\", \"nodev\", \"mode=1777\", \"size=65536k\"] }";

/* Behind the last mount. */
static const char linux_head[] = "\n  ],\n"
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

static void write_limits(struct json_out *out, struct string_list *ret_missing)
{
	enum { LIMITS = sizeof limits / sizeof *limits };
	char controllers[1024], word[32];

	*ret_missing = (struct string_list){.item = pool_alloc(out->pool, LIMITS * sizeof *ret_missing->item)};
	read_controllers(controllers, sizeof controllers);
	for (size_t i = 0; i < LIMITS; i++) {
		if (str_format(word, sizeof word, " %s ", limits[i].controller) > 0 && strstr(controllers, word))
			json_out_printf(out, ",\n      %s", limits[i].text);
		else
			ret_missing->item[ret_missing->count++] = limits[i].controller;
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

static void write_string(struct json_out *out, const char *before, const char *text, const char *after)
{
	json_out_raw(out, before);
	json_out_string(out, text);
	json_out_raw(out, after);
}

static void write_strings(struct json_out *out, const char *before, const struct string_list *list)
{
	json_out_raw(out, before);
	for (size_t i = 0; i < list->count; i++)
		write_string(out, i ? ", " : "", list->item[i], "");
	json_out_raw(out, "],\n");
}

static void write_user(struct json_out *out, const struct config_template *template)
{
	json_out_printf(out, "    \"user\": { \"uid\": %u, \"gid\": %u, \"umask\": 18", template->uid, template->gid);
	for (size_t i = 0; i < template->additional_gid_count; i++)
		json_out_printf(out, "%s%u", i ? ", " : ", \"additionalGids\": [", template->additional_gids[i]);
	json_out_raw(out, template->additional_gid_count ? "] },\n" : " },\n");
}

static void write_process(struct json_out *out, const struct config_template *template)
{
	json_out_raw(out, "  \"process\": {\n    \"terminal\": false,\n");
	write_user(out, template);
	write_strings(out, "    \"args\": [", &template->args);
	write_strings(out, "    \"env\": [", &template->env);
	write_string(out, "    \"cwd\": ", template->cwd, ",\n");
}

static void write_annotations(struct json_out *out, const struct string_map *annotations)
{
	for (size_t i = 0; i < annotations->count; i++) {
		write_string(out, i ? ", " : "  \"annotations\": { ", annotations->item[i].key, ": ");
		json_out_string(out, annotations->item[i].value);
	}
	json_out_raw(out, annotations->count ? " },\n" : "");
}

/* tmpcopyup: what the image has there is the volume's first content, as image tools have it. */
static void write_volumes(struct json_out *out, const struct string_list *volumes)
{
	for (size_t i = 0; i < volumes->count; i++)
		write_string(
			out, ",\n    { \"destination\": ", volumes->item[i],
			", \"type\": \"tmpfs\", \"source\": \"tmpfs\",\n"
			"      \"options\": [\"nosuid\", \"noexec\", \"nodev\", \"tmpcopyup\", \"size=65536k\"] }");
}

struct config_template config_template_default(struct pool *pool, bool rootless)
{
	struct config_template template = {
		.rootless = rootless,
		.root_path = "rootfs",
		.cwd = "/",
		.uid = rootless ? 0 : CONFIG_TEMPLATE_ID,
		.gid = rootless ? 0 : CONFIG_TEMPLATE_ID,
	};

	*pool_array_add(pool, template.args.item, template.args.count) = "sh";
	*pool_array_add(pool, template.env.item, template.env.count) = CONFIG_TEMPLATE_PATH;
	return template;
}

void config_template_write(const struct config_template *template, struct json_out *out,
			   struct string_list *ret_missing)
{
	*ret_missing = (struct string_list){0};
	json_out_raw(out, "{\n  \"ociVersion\": \"1.3.0\",\n");
	write_string(out, "  \"root\": { \"path\": ", template->root_path, ", \"readonly\": true },\n");
	json_out_raw(out, "  \"hostname\": \"hrun\",\n");
	write_annotations(out, &template->annotations);
	write_process(out, template);
	json_out_raw(out, process);
	write_volumes(out, &template->volumes);
	json_out_raw(out, linux_head);
	if (template->rootless)
		write_rootless(out);
	else
		json_out_raw(out, resources);
	/* Limits take a cgroup, which an ordinary user rarely has. */
	if (!template->rootless)
		write_limits(out, ret_missing);
	json_out_raw(out, tail);
}
