/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engines.c - which engines are here, and whether they start hrun.
 *
 * Nothing of them is run: where the program is, what its package is called, and what its files say.
 */
#include <hrun/doctor_look.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char see_engines[] = "docs/ENGINES.md has the lines to add";

struct engine {
	const char *id, *program;
	const char *packages[4];
	void (*read)(struct engine_config *config);
};
static const struct engine engines[] = {
	{"engine.podman", "podman", {"podman"}, engine_podman},
	{"engine.containerd", "containerd", {"containerd", "containerd.io"}, engine_containerd},
	{"engine.crio", "crio", {"cri-o"}, engine_crio},
	{"engine.docker", "dockerd", {"docker.io", "docker-ce"}, engine_docker},
};

/* PATH is not asked: it is the caller's, and the engine has another one. */
static const char *find_program(struct pool *pool, const char *name)
{
	static const char *const places[] = {"/usr/bin",	"/usr/sbin", "/usr/local/bin",
					     "/usr/local/sbin", "/bin",	     "/sbin"};

	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		const char *path = pool_printf(pool, "%s/%s", places[i], name);
		if (access(path, X_OK) == 0)
			return path;
	}
	return NULL;
}

/* "podman 4.3.1+ds1-8+deb12u1 at /usr/bin/podman": the package's version is that of the package's file only. */
static const char *engine_text(struct pool *pool, const struct engine *engine, const char *path)
{
	if (!path)
		return pool_printf(pool, "%s (its program is in no usual place)", engine->program);
	const char *version = str_starts(path, "/usr/bin/") || str_starts(path, "/usr/sbin/")
				      ? doctor_package_version(pool, engine->packages)
				      : NULL;
	return pool_printf(pool, "%s %s at %s", engine->program, version ? version : "of unknown version", path);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_hrun(const struct engine_runtime *runtime)
{
	return str_starts(runtime->name, "hrun") || (runtime->path && str_starts(base_name(runtime->path), "hrun"));
}

/* What stands between the engine and hrun: why PATH cannot be, or should not be, started; NULL: nothing. */
static const char *path_trouble(struct pool *pool, const char *path)
{
	struct stat st;

	if (!path)
		return NULL;
	const char *found = strchr(path, '/') ? path : find_program(pool, path);
	if (!found)
		return pool_printf(pool, "%s, which is in no usual place", path);
	path = found;
	if (*path != '/' || stat(path, &st) < 0)
		return pool_printf(pool, "%s, which is not there", path);
	if (!S_ISREG(st.st_mode) || !(st.st_mode & S_IXUSR))
		return pool_printf(pool, "%s, which is no program", path);
#ifndef HRUN_MUTANT_DOCTOR_RUNTIME
	if (geteuid() == 0 && !doctor_is_roots(&st))
		return pool_printf(pool, "%s, which others than root may change", path);
#endif
	return NULL;
}

static bool is_this_hrun(const char *path)
{
	struct stat own, there;

	return path && stat("/proc/self/exe", &own) == 0 && stat(path, &there) == 0 && fd_is_same_stat(&own, &there);
}

static bool has_default(const struct engine_config *config)
{
	const char *name = config->default_name;

	return !name || !str_starts(name, "hrun") || engine_runtime(config, name);
}

/* "hrun (/usr/local/bin/hrun, this one), hrun-restricted (...)" */
static const char *runtimes_text(const struct engine_config *config, const char **ret_trouble)
{
	const char *text = "";

	for (size_t i = 0; i < config->runtime_count; i++) {
		const struct engine_runtime *runtime = &config->runtimes[i];
		if (!is_hrun(runtime))
			continue;
		if (!*ret_trouble)
			*ret_trouble = path_trouble(config->pool, runtime->path);
		text = pool_printf(config->pool, "%s%s%s (%s%s)", text, *text ? ", " : "", runtime->name,
				   runtime->path ? runtime->path : "looked for by the engine",
				   is_this_hrun(runtime->path) ? ", this one" : "");
	}
	return text;
}

static const char *default_text(const struct engine_config *config)
{
	if (!config->default_name)
		return "the default is the engine's own";
	return pool_printf(config->pool, "the default is %s", config->default_name);
}

static void say_engine(struct doctor *doctor, const struct engine *engine)
{
	struct engine_config config = {.pool = doctor->pool, .files = ""};
	const char *path = find_program(doctor->pool, engine->program), *bad_path = NULL;

	engine->read(&config);
	const char *hruns = runtimes_text(&config, &bad_path);
	if (!path && !*hruns) {
		doctor_say(doctor, engine->id, DOCTOR_NONE, NULL, "%s is not here", engine->program);
		return;
	}
	const char *what = engine_text(doctor->pool, engine, path);
	const char *files = *config.files ? config.files : "it has no file of settings";
	if (bad_path)
		doctor_say(doctor, engine->id, DOCTOR_FAIL, "install hrun there, or name where it is", "%s starts %s",
			   what, bad_path);
	else if (config.trouble)
		doctor_say(doctor, engine->id, DOCTOR_WARN, config.trouble_remedy, "%s: %s", what, config.trouble);
	else if (!*hruns)
		doctor_say(doctor, engine->id, DOCTOR_WARN, see_engines, "%s does not know hrun (%s)", what, files);
	else if (!has_default(&config))
		doctor_say(doctor, engine->id, DOCTOR_WARN, see_engines, "%s: its default, %s, is no runtime of %s",
			   what, config.default_name, files);
	else
		doctor_say(doctor, engine->id, DOCTOR_OK, NULL, "%s knows %s; %s (%s)", what, hruns,
			   default_text(&config), files);
}

void doctor_engines(struct doctor *doctor)
{
	for (size_t i = 0; i < sizeof engines / sizeof *engines; i++)
		say_engine(doctor, &engines[i]);
}
