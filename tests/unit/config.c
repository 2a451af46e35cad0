/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.c - every field of the specification is read, into its own place; what is
 * ambiguous is refused by its rule and at its place.  Run from the top directory.
 */
#include "check.h"

#include <hrun/config.h>
#include <hrun/field.h>
#include <hrun/str.h>
#include <stdio.h>
#include <stdlib.h>

static struct pool pool;

static char *read_file(const char *path, size_t *ret_size)
{
	char *bytes = pool_alloc(&pool, 1 << 20);
	FILE *file = fopen(path, "r");

	if (!file) {
		perror(path);
		exit(1);
	}
	*ret_size = fread(bytes, 1, 1 << 20, file);
	fclose(file);
	return bytes;
}

static int read_bytes(const char *bytes, size_t size, struct config **ret_config, struct json_error *ret_error)
{
	const struct json *tree;

	TRY(json_read(&pool, bytes, size, 1 << 20, &tree, ret_error));
	return config_read(&pool, tree, ret_config, ret_error);
}

/* The rule that refuses TEXT, or "". */
static const char *refusal(const char *text, struct json_error *ret_error)
{
	struct config *config;

	return read_bytes(text, strlen(text), &config, ret_error) < 0 ? ret_error->rule : "";
}

static bool is(const char *a, const char *b)
{
	return a && str_equal(a, b);
}

static bool is_list(struct string_list list, const char *first, size_t count)
{
	return list.present && list.count == count && is(list.item[0], first);
}

static void check_process(const struct config_process *p)
{
	CHECK(p->terminal && p->has_console_size && p->console_height == 11 && p->console_width == 12);
	CHECK(is(p->cwd, "/w") && is_list(p->args, "a0", 2) && is(p->args.item[1], "a1") && is_list(p->env, "E=1", 1));
	CHECK(is(p->command_line, "cl"));
	CHECK(p->user.uid.set && p->user.uid.value == 4294967295 && p->user.gid.value == 22);
	CHECK(p->user.umask.value == 23 && p->user.additional_gid_count == 2 && is(p->user.username, "un"));
	CHECK(p->user.additional_gids[0] == 24 && p->user.additional_gids[1] == 25);
	CHECK(p->has_capabilities);
	static const char *const sets[CAPS_SETS] = {[CAPS_BOUNDING] = "CAP_B",
						    [CAPS_PERMITTED] = "CAP_P",
						    [CAPS_EFFECTIVE] = "CAP_E",
						    [CAPS_INHERITABLE] = "CAP_I",
						    [CAPS_AMBIENT] = "CAP_A"};
	for (int i = 0; i < CAPS_SETS; i++)
		CHECK(is_list(p->capabilities[i], sets[i], 1));
	CHECK(p->rlimit_count == 1 && is(p->rlimits[0].type, "RLIMIT_NOFILE") && p->rlimits[0].soft == 31 &&
	      p->rlimits[0].hard == UINT64_MAX);
	CHECK(p->no_new_privileges.set && p->no_new_privileges.value);
	CHECK(is(p->apparmor_profile, "ap") && is(p->selinux_label, "sl") && p->oom_score_adj.value == -1000);
	CHECK(is(p->scheduler->policy, "SCHED_DEADLINE") && p->scheduler->nice.value == -41 &&
	      p->scheduler->priority.value == 42 && is_list(p->scheduler->flags, "SF", 1));
	CHECK(p->scheduler->runtime.value == 43 && p->scheduler->deadline.value == 44 &&
	      p->scheduler->period.value == 45);
	CHECK(is(p->io_priority->class, "IOPRIO_CLASS_BE") && p->io_priority->priority.value == 51);
	CHECK(is(p->exec_cpu_affinity->initial, "0-1") && is(p->exec_cpu_affinity->final, "2"));
}

static void check_top(const struct config *c)
{
	static const size_t hook_counts[HOOK_KINDS] = {1, 1, 1, 1, 1, 2};

	CHECK(is(c->oci_version, "1.3.0") && c->has_root && is(c->root.path, "rootfs") && c->root.readonly);
	CHECK(is(c->hostname, "h") && is(c->domainname, "d") && c->mount_count == 2);
	const struct config_mount *m = c->mounts;
	CHECK(is(m->destination, "/d0") && is(m->type, "bind") && is(m->source, "/s0") && is_list(m->options, "ro", 2));
	CHECK(m->uid_mappings.present && m->uid_mappings.count == 1 && m->uid_mappings.item->container_id == 61 &&
	      m->uid_mappings.item->host_id == 62 && m->uid_mappings.item->size == 63);
	CHECK(m->gid_mappings.present && m->gid_mappings.item->size == 66);
	CHECK(is(m[1].destination, "/d1") && !m[1].type && !m[1].options.present && !m[1].uid_mappings.present);
	for (int i = 0; i < HOOK_KINDS; i++) {
		const char path[] = {'/', 'h', (char)('0' + i), '\0'};
		CHECK(c->hooks[i].count == hook_counts[i] && is(c->hooks[i].item->path, path));
	}
	CHECK(is_list(c->hooks[0].item->args, "x", 1) && is_list(c->hooks[0].item->env, "y=z", 1));
	CHECK(c->hooks[0].item->timeout.value == 71 && !c->hooks[1].item->timeout.set);
	CHECK(c->annotations.count == 1 && is(c->annotations.item->key, "a.b/c") &&
	      is(c->annotations.item->value, "v"));
	CHECK(is_list(c->foreign_sections, "windows", 1));
	CHECK(c->unknown_count == 1 && is(c->unknown->where, "extra"));
}

static void check_resources(const struct config_resources *r)
{
	CHECK(r->devices_present && r->device_count == 2 && r->devices[0].allow && is(r->devices[0].type, "b"));
	CHECK(r->devices[0].major.value == 91 && r->devices[0].minor.value == -1 && is(r->devices[0].access, "rw"));
	CHECK(!r->devices[1].allow && !r->devices[1].type && !r->devices[1].major.set && !r->devices[1].access);
	const struct config_memory *m = r->memory;
	CHECK(m->limit.value == 101 && m->reservation.value == 102 && m->swap.value == -1 && m->kernel.value == 104);
	CHECK(m->kernel_tcp.value == 105 && m->swappiness.value == 106 && m->disable_oom_killer.value);
	CHECK(m->use_hierarchy.set && !m->use_hierarchy.value && m->check_before_update.value);
	const struct config_cpu *c = r->cpu;
	CHECK(is(c->cpus, "0") && is(c->mems, "1") && c->shares.value == 111 && c->period.value == 112);
	CHECK(c->burst.value == 113 && c->realtime_period.value == 114 && c->quota.value == -115);
	CHECK(c->realtime_runtime.value == 116 && c->idle.value == 1 && r->pids->limit.value == 121);
	const struct config_block_io *b = r->block_io;
	CHECK(b->weight.value == 131 && b->leaf_weight.value == 132 && b->weight_device_count == 1);
	CHECK(b->weight_device->minor == 2 && b->weight_device->weight.value == 133 &&
	      b->weight_device->leaf_weight.value == 134);
	CHECK(b->read_bps_count == 1 && b->read_bps->rate.value == 135 && b->read_bps->major == 3);
	CHECK(b->write_bps->rate.value == 136 && b->read_iops->rate.value == 137 && b->write_iops->rate.value == 138);
	CHECK(b->write_bps_count == 1 && b->read_iops_count == 1 && b->write_iops_count == 1);
	CHECK(r->hugepage_limit_count == 1 && is(r->hugepage_limits->page_size, "2MB") &&
	      r->hugepage_limits->limit == 141);
	CHECK(r->network->class_id.value == 151 && r->network->priority_count == 1 &&
	      is(r->network->priorities->name, "eth0") && r->network->priorities->priority == 152);
	CHECK(r->rdma_count == 1 && is(r->rdma->device, "mlx") && r->rdma->hca_handles.value == 161 &&
	      r->rdma->hca_objects.value == 162);
	CHECK(r->unified.present && r->unified.count == 1 && is(r->unified.item->key, "memory.high"));
}

static void check_seccomp(const struct config_seccomp *s)
{
	CHECK(is(s->default_action, "SCMP_ACT_ERRNO") && s->default_errno_ret.value == 38);
	CHECK(is_list(s->architectures, "SCMP_ARCH_X86_64", 1) && is_list(s->flags, "SECCOMP_FILTER_FLAG_LOG", 1));
	CHECK(is(s->listener_path, "/l") && is(s->listener_metadata, "lm") && s->syscall_count == 1);
	CHECK(is_list(s->syscalls->names, "read", 2) && is(s->syscalls->action, "SCMP_ACT_ALLOW"));
	CHECK(s->syscalls->errno_ret.value == 171 && s->syscalls->arg_count == 1);
	const struct config_seccomp_arg *a = s->syscalls->args;
	CHECK(a->index == 5 && a->value == UINT64_MAX && a->value_two == 172 && is(a->op, "SCMP_CMP_MASKED_EQ"));
}

static void check_linux(const struct config_linux *l)
{
	CHECK(l->namespace_count == 2 && is(l->namespaces[0].type, "network") && is(l->namespaces[0].path, "/n"));
	CHECK(is(l->namespaces[1].type, "pid") && !l->namespaces[1].path);
	CHECK(l->uid_mappings.count == 2 && l->uid_mappings.item[1].size == 6 && l->gid_mappings.item->host_id == 8);
	const struct config_device *d = l->devices;
	CHECK(l->device_count == 1 && is(d->type, "c") && is(d->path, "/dev/x") && d->major.value == 81 &&
	      d->minor.value == 82 && d->file_mode.value == 0666 && d->uid.value == 83 && d->gid.value == 84);
	CHECK(l->net_devices.present && l->net_devices.count == 2 && is(l->net_devices.item[0].key, "eth0") &&
	      is(l->net_devices.item[0].value, "in0") && !l->net_devices.item[1].value);
	CHECK(is(l->cgroups_path, "/cg") && is(l->rootfs_propagation, "rslave") && is(l->mount_label, "ml"));
	CHECK(is_list(l->masked_paths, "/m", 1) && is_list(l->readonly_paths, "/r", 1));
	CHECK(l->sysctl.count == 1 && is(l->sysctl.item->key, "kernel.x") && is(l->sysctl.item->value, "1"));
	CHECK(is(l->intel_rdt->clos_id, "c") && is_list(l->intel_rdt->schemata, "S", 1) &&
	      is(l->intel_rdt->l3_cache_schema, "L3") && is(l->intel_rdt->mem_bw_schema, "MB:") &&
	      l->intel_rdt->enable_monitoring.value);
	CHECK(is(l->memory_policy->mode, "MPOL_BIND") && is(l->memory_policy->nodes, "0") &&
	      is_list(l->memory_policy->flags, "MPOL_F_STATIC_NODES", 1));
	CHECK(is(l->personality->domain, "LINUX32") && is_list(l->personality->flags, "PF", 1));
	CHECK(l->has_time_offsets && l->boottime.secs.value == -181 && l->boottime.nanosecs.value == 182 &&
	      l->monotonic.secs.value == 183 && l->monotonic.nanosecs.value == 184);
}

static void test_values(void)
{
	size_t size;
	const char *bytes = read_file("tests/data/config/full.json", &size);
	struct config *config;
	struct json_error error;

	if (read_bytes(bytes, size, &config, &error) < 0) {
		fprintf(stderr, "full.json: %u: %s: %s\n", error.line, error.where, error.text);
		exit(1);
	}
	check_top(config);
	check_process(config->process);
	check_linux(config->linux_);
	check_resources(config->linux_->resources);
	check_seccomp(config->linux_->seccomp);
}

/* A document that holds VALUE at PATH ("mounts[].options", "linux.resources.rdma{}.hcaHandles") and nothing else. */
static const char *document_with(const char *path, const char *last_key, const char *value)
{
	struct json_out text = {.pool = &pool}, closing = {.pool = &pool};
	const char *p = path;

	json_out_raw(&text, "{");
	json_out_raw(&closing, "}");
	while (*p) {
		size_t n = strcspn(p, ".[{");
		bool last = !p[n];
		if (n)
			json_out_printf(&text, "\"%s\":", last ? last_key : pool_strndup(&pool, p, n));
		p += n;
		if (!*p)
			break;
		const char *open = *p == '[' ? "[" : *p == '.' ? "{" : "{\"x\":", *close = *p == '[' ? "]" : "}";
		json_out_raw(&text, open);
		struct json_out longer = {.pool = &pool};
		json_out_raw(&longer, close);
		json_out_raw(&longer, closing.text);
		closing = longer;
		p += *p == '.' ? 1 : 2;
	}
	json_out_raw(&text, value);
	json_out_raw(&text, closing.text);
	return text.text;
}

/* PATH as json_where writes it for document_with. */
static const char *where_of(const char *path)
{
	struct json_out where = {.pool = &pool};

	for (; *path; path++) {
		const char byte[2] = {*path, '\0'};
		json_out_raw(&where, *path == '[' ? "[0" : *path == '{' ? ".x" : *path == '}' ? "" : byte);
	}
	return where.text;
}

static void expect_rule(const char *document, const char *rule, const char *where)
{
	struct json_error error = {.where = ""};
	const char *got = refusal(document, &error);

	if (str_equal(got, rule) && (!where || str_equal(error.where, where)))
		return;
	failures++;
	fprintf(stderr, "%s: %s at %s, expected %s at %s\n", document, got, error.where, rule, where ? where : "any");
}

/* Members that the schema requires and the rules judge, not the reader. */
static bool is_judged_later(const char *path)
{
	return is(path, "ociVersion") || is(path, "root.path") || is(path, "process.cwd") ||
	       is(path, "linux.resources.pids.limit");
}

/* By which rule lists are refused whose elements lack a member, where that rule says what the members must be. */
static const char *own_rule_of(const char *path)
{
	return str_starts(path, "linux.seccomp.")      ? "seccomp-invalid"
	       : str_starts(path, "linux.devices[].")  ? "device-path-invalid"
	       : str_starts(path, "hooks.")	       ? "hook-path-invalid"
	       : str_starts(path, "process.rlimits[]") ? "rlimit-invalid"
						       : "required-field-missing";
}

static const char *last_key_of(const char *path)
{
	const char *dot = strrchr(path, '.');

	return pool_strdup(&pool, dot ? dot + 1 : path);
}

static void check_member(const char *path, const char *type, bool required)
{
	const char *where = where_of(path), *key = last_key_of(path);
	bool is_element = str_ends(path, "]") || str_ends(path, "}");
	bool is_object = is(type, "object"), is_integer = is(type, "integer");

	expect_rule(document_with(path, key, is_object ? "[]" : "{}"), "json-wrong-type", where);
	if (is_integer)
		expect_rule(document_with(path, key, "18446744073709551616"), "json-number-range", where);
	if (is_integer)
		expect_rule(document_with(path, key, "1.0"), "json-number-range", where);
	if (is_element)
		return;
	char *other_case = pool_strdup(&pool, key);
	other_case[0] ^= 0x20;
	expect_rule(document_with(path, other_case, "null"), "json-key-case", NULL);
	/* null is absent: nothing but a missing requirement can be wrong with it. */
	struct json_error error;
	const char *rule = refusal(document_with(path, key, "null"), &error);
	CHECK(!*rule || str_equal(rule, "required-field-missing") || str_equal(rule, own_rule_of(path)));
	if (required && !is_judged_later(path))
		CHECK(*rule);
}

static size_t count_members(const struct field_table *table)
{
	size_t n = 0;

	for (size_t i = 0; i < table->count; i++)
		n += 1 + (table->fields[i].table ? count_members(table->fields[i].table) : 0);
	return n;
}

/* Nothing of the schema is missing in the tables, and nothing is in them that the schema does not have. */
static void test_every_member(void)
{
	FILE *list = fopen("tests/data/config/paths.txt", "r");
	char line[256], path[128], type[16], requirement[16];
	size_t members = 0;

	if (!list) {
		perror("tests/data/config/paths.txt");
		exit(1);
	}
	while (fgets(line, sizeof line, list)) {
		if (line[0] == '#' || sscanf(line, "%127s %15s %15s", path, type, requirement) != 3)
			continue;
		members += !str_ends(path, "]") && !str_ends(path, "}");
		check_member(path, type, is(requirement, "required"));
	}
	fclose(list);
	CHECK(members > 200 && members == count_members(&config_table));
}

/* tests/data/json: each file is refused by the rule and at the place that index.txt names. */
static void test_bad_documents(void)
{
	FILE *list = fopen("tests/data/json/index.txt", "r");
	char line[512], name[64], rule[64], where[256], path[160];
	unsigned int row, column, files = 0;

	while (list && fgets(line, sizeof line, list)) {
		if (line[0] == '#' || sscanf(line, "%63s %63s %u %u %255[^\n]", name, rule, &row, &column, where) != 5)
			continue;
		size_t size;
		struct config *config;
		struct json_error error = {.rule = "none", .where = ""};
		snprintf(path, sizeof path, "tests/data/json/%s.json", name);
		const char *bytes = read_file(path, &size);
		files++;
		if (read_bytes(bytes, size, &config, &error) < 0 && is(error.rule, rule) && error.line == row &&
		    error.column == column && is(error.where, is(where, "-") ? "" : where) &&
		    is(json_pointer_of_where(&pool, error.where), error.pointer))
			continue;
		failures++;
		fprintf(stderr, "%s:%u:%u: %s: %s (%s)\n", name, error.line, error.column, error.where, error.text,
			error.rule);
	}
	CHECK(list && files > 60);
	fclose(list);
}

static const char *const good_documents[] = {"full", "podman", "docker", "cri", "spec"};
enum { GOOD_DOCUMENTS = sizeof good_documents / sizeof good_documents[0] };

static char *read_good(int i, size_t *ret_size)
{
	char path[128];

	snprintf(path, sizeof path, "tests/fuzz/corpus/config/%s.json", good_documents[i]);
	return read_file(path, ret_size);
}

static void test_good_documents(void)
{
	for (int i = 0; i < GOOD_DOCUMENTS; i++) {
		size_t size;
		const char *bytes = read_good(i, &size);
		struct config *config;
		struct json_error error;
		if (read_bytes(bytes, size, &config, &error) == 0)
			continue;
		failures++;
		fprintf(stderr, "%s: %u:%u: %s: %s\n", good_documents[i], error.line, error.column, error.where,
			error.text);
	}
}

static void test_limits(void)
{
	struct json_error error;

	CHECK(is(refusal("{\"hooks\":{\"prestart\":[{\"path\":\"/x\",\"timeout\":9223372036854775808}]}}", &error),
		 "json-number-range"));
	CHECK(is(refusal("{\"process\":{\"oomScoreAdj\":-9223372036854775808}}", &error), ""));
	CHECK(is(refusal("{\"process\":{\"user\":{\"uid\":0,\"gid\":4294967295}}}", &error), ""));
	CHECK(is(refusal("{\"linux\":{\"devices\":[{\"type\":\"c\",\"path\":\"/x\",\"fileMode\":65535}]}}", &error),
		 ""));
	CHECK(is(refusal("{\"annotations\":{\"Annotations\":\"x\"},\"linux\":{\"sysctl\":{\"Linux\":\"1\"}}}", &error),
		 ""));
}

/* Thousands of unknown members below a long name: some are noted, memory stays small. */
static void test_many_unknown(void)
{
	struct json_out out = {.pool = &pool};
	struct config *config;
	struct json_error error;

	json_out_printf(&out, "{\"linux\":{\"resources\":{\"rdma\":{\"%0400000d\":{\"a\":1", 1);
	for (int i = 0; i < 50000; i++)
		json_out_printf(&out, ",\"u%x\":1", i);
	json_out_raw(&out, "}}}}}");
	CHECK(read_bytes(out.text, out.length, &config, &error) == 0 && config->unknown_count == 1);
	CHECK(is(refusal("{\"a\":1,\"linux\":{\"b\":{\"c\":1}}}", &error), ""));
}

/* A process on its own is read as the one inside of a config. */
static void test_parts(void)
{
	struct json_error error;
	const struct json *tree;
	struct config_process *process;
	struct config_resources *resources;
	struct config_seccomp seccomp = {0};
	const char *text = "{\"cwd\":\"/\",\"args\":[\"a\",1]}";

	CHECK(json_read(&pool, text, strlen(text), 99, &tree, &error) == 0);
	CHECK(config_read_process(&pool, tree, &process, &error) < 0 && is(error.where, "args[1]"));
	text = "{\"pids\":{\"limit\":7},\"defaultAction\":\"A\"}";
	CHECK(json_read(&pool, text, strlen(text), 99, &tree, &error) == 0);
	CHECK(config_read_resources(&pool, tree, &resources, &error) == 0 && resources->pids->limit.value == 7);
	CHECK(field_read(&pool, &config_seccomp_table, tree, &seccomp, NULL, &error) == 0 &&
	      is(seccomp.default_action, "A"));
}

int main(void)
{
	test_values();
	test_every_member();
	test_bad_documents();
	test_good_documents();
	test_limits();
	test_many_unknown();
	test_parts();
	pool_free(&pool);
	return failures != 0;
}
