/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats.c - a cgroup's counters as the one line of JSON that `events` prints.
 *
 * Names and nesting are those that runc's readers know. A controller that the cgroup lacks leaves zeros, so that
 * a reader finds every member.
 */
#include <dirent.h>
#include <fcntl.h>
#include <hrun/cgroup.h>
#include <hrun/cli.h>
#include <hrun/cli_container.h>
#include <hrun/fd.h>
#include <hrun/json.h>
#include <hrun/str.h>
#include <inttypes.h>
#include <stdlib.h>

enum { FILE_MAX_SIZE = 64 << 10 };

struct stats {
	struct json_out *out;
	int cgroup;
};

/* The text of FILE, "" where the cgroup has none. */
static const char *text_of(const struct stats *stats, const char *file)
{
	char *text = pool_alloc(stats->out->pool, FILE_MAX_SIZE);

	return cgroup_read(stats->cgroup, file, text, FILE_MAX_SIZE) < 0 ? "" : text;
}

/* The number of a file that holds one; "max" is the greatest there is. */
static uint64_t number_of(const struct stats *stats, const char *file)
{
	const char *text = text_of(stats, file);

	return str_starts(text, "max") ? UINT64_MAX : strtoull(text, NULL, 10);
}

/* The number behind KEY in a text of "key number" lines. */
static uint64_t keyed(const char *text, const char *key)
{
	size_t length = strlen(key);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, length) == 0 && line[length] == ' ')
			return strtoull(line + length + 1, NULL, 10);
	}
	return 0;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0": digits and dots only are let through. */
static void pressure_line(struct json_out *out, const char *text, const char *kind)
{
	static const char *const names[] = {"avg10", "avg60", "avg300", "total"};
	const char *line = strstr(text, kind);

	json_out_printf(out, "\"%s\":{", kind);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *found = line ? strstr(line, names[i]) : NULL;
		const char *value = found ? found + strlen(names[i]) + 1 : "";
		size_t length = strspn(value, "0123456789.");
		json_out_printf(out, "%s\"%s\":%.*s", i ? "," : "", names[i], length ? (int)length : 1,
				length ? value : "0");
	}
	json_out_raw(out, "}");
}

static void pressure(const struct stats *stats, const char *file)
{
	const char *text = text_of(stats, file);

	json_out_raw(stats->out, ",\"psi\":{");
	pressure_line(stats->out, text, "some");
	json_out_raw(stats->out, ",");
	pressure_line(stats->out, text, "full");
	json_out_raw(stats->out, "}");
}

static void cpu(const struct stats *stats)
{
	const char *text = text_of(stats, "cpu.stat");

	json_out_printf(stats->out,
			"\"cpu\":{\"usage\":{\"total\":%" PRIu64
			",\"percpu\":[],\"percpu_kernel\":[],\"percpu_user\":[],\"kernel\":%" PRIu64
			",\"user\":%" PRIu64 "},\"throttling\":{\"periods\":%" PRIu64 ",\"throttledPeriods\":%" PRIu64
			",\"throttledTime\":%" PRIu64 "}",
			keyed(text, "usage_usec") * 1000, keyed(text, "system_usec") * 1000,
			keyed(text, "user_usec") * 1000, keyed(text, "nr_periods"), keyed(text, "nr_throttled"),
			keyed(text, "throttled_usec") * 1000);
	pressure(stats, "cpu.pressure");
	json_out_raw(stats->out, "}");
}

/* "0-2,7" as [0,1,2,7]. */
static void list(const struct stats *stats, const char *name, const char *file)
{
	const char *p = text_of(stats, file), *separator = "";

	json_out_printf(stats->out, "\"%s\":[", name);
	while (*p >= '0' && *p <= '9') {
		char *end;
		unsigned long first = strtoul(p, &end, 10), last = first;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (; first <= last && last < UINT16_MAX; first++, separator = ",")
			json_out_printf(stats->out, "%s%lu", separator, first);
		p = *end == ',' ? end + 1 : "";
	}
	json_out_raw(stats->out, "]");
}

static void cpuset(const struct stats *stats)
{
	json_out_raw(stats->out, ",\"cpuset\":{");
	list(stats, "cpus", "cpuset.cpus.effective");
	json_out_raw(stats->out, ",\"cpu_exclusive\":0,");
	list(stats, "mems", "cpuset.mems.effective");
	json_out_raw(stats->out, ",\"mem_hardwall\":0,\"mem_exclusive\":0,\"memory_migrate\":0,"
				 "\"memory_spread_page\":0,\"memory_spread_slab\":0,\"memory_pressure\":0,"
				 "\"sched_load_balance\":0,\"sched_relax_domain_level\":0}");
}

static void use(const struct stats *stats, const char *name, uint64_t limit, uint64_t usage, uint64_t max,
		uint64_t failures)
{
	json_out_printf(stats->out,
			",\"%s\":{\"limit\":%" PRIu64 ",\"usage\":%" PRIu64 ",\"max\":%" PRIu64 ",\"failcnt\":%" PRIu64
			"}",
			name, limit, usage, max, failures);
}

/* Every "key number" line of TEXT as a member; the kernel's keys are words. */
static void raw(const struct stats *stats, const char *text)
{
	bool any = false;

	json_out_raw(stats->out, ",\"raw\":{");
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		size_t length = strcspn(line, " \n");
		if (line[length] != ' ')
			continue;
		json_out_printf(stats->out, "%s\"%.*s\":%llu", any ? "," : "", (int)length, line,
				strtoull(line + length + 1, NULL, 10));
		any = true;
	}
	json_out_raw(stats->out, "}");
}

static void memory(const struct stats *stats)
{
	const char *text = text_of(stats, "memory.stat"), *swap = text_of(stats, "memory.swap.events");
	uint64_t failures = keyed(text_of(stats, "memory.events"), "max");

	json_out_printf(stats->out, ",\"memory\":{\"cache\":%" PRIu64, keyed(text, "file"));
	use(stats, "usage", number_of(stats, "memory.max"), number_of(stats, "memory.current"),
	    number_of(stats, "memory.peak"), failures);
	use(stats, "swap", number_of(stats, "memory.swap.max"), number_of(stats, "memory.swap.current"),
	    number_of(stats, "memory.swap.peak"), keyed(swap, "max"));
	use(stats, "kernel", 0, keyed(text, "kernel"), 0, 0);
	use(stats, "kernelTCP", 0, keyed(text, "sock"), 0, 0);
	raw(stats, text);
	pressure(stats, "memory.pressure");
	json_out_raw(stats->out, "}");
}

/* io.stat: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 ..."; KEYS[i] is an operation, its word in the line. */
static void io_entries(const struct stats *stats, const char *name, const char *text, const char *const keys[2][2])
{
	bool any = false;

	json_out_printf(stats->out, "\"%s\":[", name);
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		char *end;
		unsigned long major = strtoul(line, &end, 10), minor = *end == ':' ? strtoul(end + 1, &end, 10) : 0;
		for (int i = 0; i < 2; i++) {
			const char *found = strstr(line, keys[i][1]);
			if (!found || found > line + strcspn(line, "\n"))
				continue;
			json_out_printf(stats->out, "%s{\"major\":%lu,\"minor\":%lu,\"op\":\"%s\",\"value\":%llu}",
					any ? "," : "", major, minor, keys[i][0],
					strtoull(found + strlen(keys[i][1]), NULL, 10));
			any = true;
		}
	}
	json_out_raw(stats->out, "]");
}

static void block_io(const struct stats *stats)
{
	static const char *const bytes[2][2] = {{"Read", " rbytes="}, {"Write", " wbytes="}};
	static const char *const operations[2][2] = {{"Read", " rios="}, {"Write", " wios="}};
	const char *text = text_of(stats, "io.stat");

	json_out_printf(stats->out, ",\"pids\":{\"current\":%" PRIu64 ",\"limit\":%" PRIu64 "},\"blkio\":{",
			number_of(stats, "pids.current"), number_of(stats, "pids.max"));
	io_entries(stats, "ioServiceBytesRecursive", text, bytes);
	json_out_raw(stats->out, ",");
	io_entries(stats, "ioServicedRecursive", text, operations);
	pressure(stats, "io.pressure");
	json_out_raw(stats->out, "}");
}

/* The page sizes are those of the files hugetlb.SIZE.current. */
static void huge_pages(const struct stats *stats)
{
	int again = openat(stats->cgroup, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = again < 0 ? NULL : fdopendir(again);
	struct dirent *entry;
	bool any = false;

	json_out_raw(stats->out, ",\"hugetlb\":{");
	while (stream && (entry = readdir(stream))) {
		const char *size = str_starts(entry->d_name, "hugetlb.") ? entry->d_name + 8 : "";
		int length = (int)strcspn(size, ".");
		if (!str_equal(size + length, ".current"))
			continue;
		const char *max = pool_printf(stats->out->pool, "hugetlb.%.*s.events", length, size);
		json_out_printf(stats->out, "%s\"%.*s\":{\"usage\":%" PRIu64 ",\"max\":0,\"failcnt\":%" PRIu64 "}",
				any ? "," : "", length, size, number_of(stats, entry->d_name),
				keyed(text_of(stats, max), "max"));
		any = true;
	}
	if (stream)
		closedir(stream);
	else
		fd_close(&again);
	json_out_raw(stats->out, "}");
}

void stats_write(struct json_out *out, const char *id, int cgroup)
{
	struct stats stats = {out, cgroup};

	json_out_raw(out, "{\"type\":\"stats\",\"id\":");
	json_out_string(out, id);
	json_out_raw(out, ",\"data\":{");
	cpu(&stats);
	cpuset(&stats);
	memory(&stats);
	block_io(&stats);
	huge_pages(&stats);
	json_out_raw(out, ",\"intel_rdt\":{},\"network_interfaces\":null}}\n");
}
