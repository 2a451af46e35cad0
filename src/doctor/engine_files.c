/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_files.c - the files in which engines are told of runtimes, read in the order in which the engine reads them.
 */
#include <errno.h>
#include <hrun/doctor_look.h>
#include <hrun/json.h>
#include <hrun/str.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONTAINERD_CONFIG "/etc/containerd/config.toml"
#define OLD_PLUGIN "io.containerd.grpc.v1.cri"
#define NEW_PLUGIN "io.containerd.cri.v1.runtime"

enum { FILE_MAX = 256 * 1024 };

typedef void take_file(struct engine_config *config, const char *file, const struct scan *scan);

static void trouble(struct engine_config *config, const char *what, const char *remedy)
{
	if (config->trouble)
		return; /* the first one is told */
	config->trouble = what;
	config->trouble_remedy = remedy;
}

const struct engine_runtime *engine_runtime(const struct engine_config *config, const char *name)
{
	for (size_t i = config->runtime_count; i > 0; i--) {
		if (str_equal(config->runtimes[i - 1].name, name))
			return &config->runtimes[i - 1];
	}
	return NULL;
}

/* What is said later holds. */
static void add_runtime(struct engine_config *config, const char *name, const char *path, const char *file)
{
	for (size_t i = 0; i < config->runtime_count; i++) {
		if (str_equal(config->runtimes[i].name, name)) {
			config->runtimes[i].path = path ? path : config->runtimes[i].path;
			config->runtimes[i].file = file;
			return;
		}
	}
	*pool_array_add(config->pool, config->runtimes, config->runtime_count) =
		(struct engine_runtime){.name = name, .path = path, .file = file};
}

/* NULL where there is no such file, or nobody may read it. */
static const char *read_file(struct engine_config *config, const char *file)
{
	size_t size;
	int error;
	const char *text = doctor_read(config->pool, file, FILE_MAX, &size, &error);

	if (text)
		config->files = pool_printf(config->pool, "%s%s%s", config->files, *config->files ? ", " : "", file);
	else if (error != ENOENT && error != ENOTDIR)
		trouble(config, pool_printf(config->pool, "%s cannot be read (%s)", file, strerrorname_np(error)),
			error == EACCES ? "ask again as root" : "make it a regular text file of at most 256 KiB");
	return text;
}

static void take_toml(struct engine_config *config, const char *file, take_file *take)
{
	const char *text = read_file(config, file);
	struct scan scan;

	if (!text)
		return;
	doctor_scan(config->pool, text, &scan);
	take(config, file, &scan);
	if (scan.stopped)
		trouble(config,
			pool_printf(config->pool, "%s: line %u is not understood, and nothing behind it was read", file,
				    scan.stopped),
			"look there yourself");
}

static void take_directory(struct engine_config *config, const char *directory, const char *suffix, take_file *take)
{
	size_t count;
	const char **names = doctor_names(config->pool, directory, suffix, &count);

	for (size_t i = 0; i < count; i++)
		take_toml(config, pool_printf(config->pool, "%s/%s", directory, names[i]), take);
}

/* ---- podman: containers.conf(5) ---- */

static bool names_runtime(const struct scan_entry *list, const char *name)
{
	for (size_t i = 0; list && i < list->item_count; i++) {
		if (str_equal(list->items[i], name))
			return true;
	}
	return false;
}

/* Of several places podman takes the first that is there. */
static const char *first_there(const struct scan_entry *places)
{
	for (size_t i = 0; i < places->item_count; i++) {
		if (access(places->items[i], F_OK) == 0)
			return places->items[i];
	}
	return places->items[0];
}

static void take_containers_conf(struct engine_config *config, const char *file, const struct scan *scan)
{
	static const char *const runtimes[] = {"engine", "runtimes", "*", NULL};
	static const char *const runtime[] = {"engine", "runtime", NULL};
	static const char *const json[] = {"engine", "runtime_supports_json", NULL};
	const struct scan_entry *list = scan_find(scan, json);
	const char *name = scan_string(scan_find(scan, runtime));

	if (list)
		config->json = list;
	if (name)
		config->default_name = name;
	if (name && *name == '/')
		add_runtime(config, strrchr(name, '/') + 1, name, file);
	for (size_t i = 0; i < scan->entry_count; i++) {
		const struct scan_entry *entry = &scan->entries[i];
		if (scan_path_is(entry, runtimes) && entry->item_count)
			add_runtime(config, entry->path[2], first_there(entry), file);
	}
}

/* When every file was read: the list may stand in another one than the runtime. */
static void look_for_json(struct engine_config *config)
{
	for (size_t i = 0; i < config->runtime_count; i++) {
		const struct engine_runtime *runtime = &config->runtimes[i];
		if (str_starts(runtime->name, "hrun") && !names_runtime(config->json, runtime->name)) {
			trouble(config,
				pool_printf(config->pool, "%s: runtime_supports_json does not name %s", runtime->file,
					    runtime->name),
				"without it podman shows only a part of hrun's messages; docs/ENGINES.md has the line");
			return;
		}
	}
}

/* Of who is not root, or NULL. */
static const char *own_directory(struct pool *pool)
{
	const char *config_home = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (geteuid() == 0)
		return NULL;
	if (config_home && *config_home == '/')
		return config_home;
	return home && *home == '/' ? pool_printf(pool, "%s/.config", home) : NULL;
}

void engine_podman(struct engine_config *config)
{
	const char *directory = own_directory(config->pool);

	take_toml(config, "/usr/share/containers/containers.conf", take_containers_conf);
	take_toml(config, "/etc/containers/containers.conf", take_containers_conf);
	take_directory(config, "/etc/containers/containers.conf.d", ".conf", take_containers_conf);
	if (directory) {
		const char *own = pool_printf(config->pool, "%s/containers/containers.conf", directory);
		take_toml(config, own, take_containers_conf);
		take_directory(config, pool_printf(config->pool, "%s.d", own), ".conf", take_containers_conf);
	}
	look_for_json(config);
}

/* ---- CRI-O: crio.conf(5) ---- */

static void take_crio_conf(struct engine_config *config, const char *file, const struct scan *scan)
{
	static const char *const name[] = {"crio", "runtime", "default_runtime", NULL};
	static const char *const path[] = {"crio", "runtime", "runtimes", "*", "runtime_path", NULL};
	const char *word = scan_string(scan_find(scan, name));

	if (word)
		config->default_name = word;
	for (size_t i = 0; i < scan->entry_count; i++) {
		if (scan_path_is(&scan->entries[i], path))
			add_runtime(config, scan->entries[i].path[3], scan_string(&scan->entries[i]), file);
	}
}

void engine_crio(struct engine_config *config)
{
	take_toml(config, "/etc/crio/crio.conf", take_crio_conf);
	take_directory(config, "/etc/crio/crio.conf.d", "", take_crio_conf);
}

/* ---- containerd: config.toml of version 2 (1.x) or 3 (2.x), whose plugins have other names ---- */

/* Once its file names a runtime, containerd 1.x forgets those that it brings along, and has no pods at all without its default. */
static void look_for_default(struct engine_config *config, const char *file, const struct scan *scan)
{
	static const char *const type[] = {"plugins", OLD_PLUGIN, "containerd", "runtimes", "*", "runtime_type", NULL};
	const char *wanted = config->default_name ? config->default_name : "runc";
	bool any = false;

	for (size_t i = 0; i < scan->entry_count; i++) {
		if (!scan_path_is(&scan->entries[i], type))
			continue;
		if (str_equal(scan->entries[i].path[4], wanted))
			return;
		any = true;
	}
	if (any)
		trouble(config,
			pool_printf(config->pool,
				    "%s names runtimes and not %s, the default: containerd 1.x has no pods then", file,
				    wanted),
			"name it there, or set default_runtime_name");
}

/* Which version of the file has which table: whoever mixes them is not heard. */
static void look_for_version(struct engine_config *config, const char *file, const struct scan *scan,
			     const char *plugin)
{
	static const char *const key[] = {"version", NULL};
	static const char remedy[] = "docs/ENGINES.md has the tables of either version";
	const struct scan_entry *found = scan_find(scan, key);
	const char *version = found && found->plain ? found->plain : "1";
	bool is_old = str_equal(plugin, OLD_PLUGIN);

	if (str_equal(version, "1"))
		trouble(config,
			pool_printf(config->pool, "%s has no version = 2 or 3, so %s says nothing there", file, plugin),
			remedy);
	else if (is_old != str_equal(version, "2"))
		trouble(config,
			pool_printf(config->pool, "%s is of version %s, where the table is not called %s", file,
				    version, plugin),
			remedy);
}

static void take_containerd_config(struct engine_config *config, const char *file, const struct scan *scan)
{
	static const char *const name[] = {"plugins", "*", "containerd", "default_runtime_name", NULL};
	static const char *const binary[] = {"plugins", "*",	   "containerd", "runtimes",
					     "*",	"options", "BinaryName", NULL};
	static const char *const imports[] = {"imports", NULL};
	const char *word = scan_string(scan_find(scan, name));
	const struct scan_entry *imported = scan_find(scan, imports);
	/* Those of the directory could import themselves. */
	bool is_first = str_equal(file, CONTAINERD_CONFIG);

	if (word)
		config->default_name = word;
	for (size_t i = 0; i < scan->entry_count; i++) {
		const struct scan_entry *entry = &scan->entries[i];
		if (!scan_path_is(entry, binary) ||
		    (!str_equal(entry->path[1], OLD_PLUGIN) && !str_equal(entry->path[1], NEW_PLUGIN)))
			continue;
		if (is_first)
			look_for_version(config, file, scan, entry->path[1]);
		add_runtime(config, entry->path[4], scan_string(entry), file);
	}
	if (is_first && !imported)
		look_for_default(config, file, scan);
	for (size_t i = 0; is_first && imported && i < imported->item_count; i++) {
		if (str_equal(imported->items[i], "/etc/containerd/conf.d/*.toml"))
			take_directory(config, "/etc/containerd/conf.d", ".toml", take_containerd_config);
		else
			trouble(config,
				pool_printf(config->pool, "%s imports %s, which was not read", file,
					    imported->items[i]),
				"look there yourself");
	}
}

void engine_containerd(struct engine_config *config)
{
	take_toml(config, CONTAINERD_CONFIG, take_containerd_config);
}

/* ---- docker: daemon.json ---- */

static const char *string_at(const struct json *object, const char *name)
{
	const struct json *value = object && object->type == JSON_OBJECT ? json_at(object, name) : NULL;

	return value && value->type == JSON_STRING ? value->text : NULL;
}

void engine_docker(struct engine_config *config)
{
	static const char file[] = "/etc/docker/daemon.json";
	const char *text = read_file(config, file);
	struct json_error error;
	const struct json *tree;

	/* An empty one is none for docker, too. */
	if (!text || !text[strspn(text, " \t\r\n")])
		return;
	if (json_read(config->pool, text, strlen(text), FILE_MAX, &tree, &error) < 0) {
		trouble(config, pool_printf(config->pool, "%s: line %u: %s", file, error.line, error.text),
			"docker may not start with it; make it plain JSON");
		return;
	}
	const struct json *runtimes = json_at(tree, "runtimes");
	config->default_name = string_at(tree, "default-runtime");
	if (!runtimes || runtimes->type != JSON_OBJECT)
		return;
	for (const struct json *runtime = runtimes->first; runtime; runtime = runtime->next) {
		const char *path = string_at(runtime, "path");
		const struct json *options = runtime->type == JSON_OBJECT ? json_at(runtime, "options") : NULL;
		add_runtime(config, runtime->key, path ? path : string_at(options, "BinaryName"), file);
	}
}
