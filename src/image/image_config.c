/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_config.c - the config of an image: what it wants to run, and as whom.
 *
 * What it says beyond that (labels, ports, health checks, history) is for other tools, and unknown members are theirs.
 * A member that differs from a known one by case only is refused: some readers would take it.
 */
#include <hrun/image_config.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <hrun/template.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct reader {
	struct pool *pool;
	struct image_config *config;
	struct err *e;
};

static int refuse(const struct reader *r, const struct json *value, const char *why)
{
	return err_set(r->e, EINVAL, "the image's config, `%.120s`: %s", json_where(r->pool, value), why);
}

/* The member NAME; a null is none. */
static int find_member(const struct reader *r, const struct json *object, const char *name, enum json_type type,
		       const struct json **ret)
{
	*ret = NULL;
	for (const struct json *member = object->first; member; member = member->next) {
		if (strcasecmp(member->key, name) != 0)
			continue;
		if (!str_equal(member->key, name))
			return refuse(r, member, "differs from a known member by case only");
		if (member->type != type && member->type != JSON_NULL)
			return refuse(r, member, "has another type than the specification says");
		*ret = member->type == type ? member : NULL;
	}
	return 0;
}

/* ---- strings ---- */

static int read_text(const struct reader *r, const struct json *object, const char *name, const char **ret)
{
	const struct json *value;

	TRY(find_member(r, object, name, JSON_STRING, &value));
	if (value && strlen(value->text) >= PATH_MAX)
		return refuse(r, value, "is too long");
	if (value && str_has_control(value->text))
		return refuse(r, value, "holds a control character");
	*ret = value && *value->text ? value->text : NULL;
	return 0;
}

static int read_texts(const struct reader *r, const struct json *object, const char *name,
		      int (*check)(const struct reader *r, const struct json *value), struct string_list *ret)
{
	const struct json *list;
	size_t bytes = 0;

	TRY(find_member(r, object, name, JSON_ARRAY, &list));
	if (!list)
		return 0;
	if (list->count > IMAGE_CONFIG_STRINGS_MAX)
		return refuse(r, list, "has more than 1024 elements");
	*ret = (struct string_list){.item = pool_alloc(r->pool, (list->count + 1) * sizeof *ret->item),
				    .present = true};
	for (const struct json *v = list->first; v; v = v->next) {
		if (v->type != JSON_STRING)
			return refuse(r, v, "must be a string");
		size_t length = strlen(v->text);
		if (length >= IMAGE_CONFIG_TEXT_MAX || (bytes += length) > IMAGE_CONFIG_TEXTS_MAX)
			return refuse(r, v, "is too long");
		TRY(check ? check(r, v) : 0);
		ret->item[ret->count++] = v->text;
	}
	return 0;
}

static int check_env(const struct reader *r, const struct json *value)
{
	const char *equals = strchr(value->text, '=');

	/* The value stays out of the message. */
	return equals && equals != value->text ? 0 : refuse(r, value, "must be NAME=VALUE");
}

/* ---- paths ---- */

static const char *path_complaint(const char *path)
{
	if (*path != '/')
		return "must be an absolute path";
	if (strlen(path) >= PATH_MAX || str_has_control(path))
		return "is no path that hrun takes";
	return path_has_dotdot(path) ? "must not hold \"..\"" : NULL;
}

static int read_working_dir(const struct reader *r, const struct json *object)
{
	const struct json *value;

	TRY(find_member(r, object, "WorkingDir", JSON_STRING, &value));
	if (!value || !*value->text)
		return 0;
	const char *complaint = path_complaint(value->text);
	if (complaint)
		return refuse(r, value, complaint);
	r->config->working_dir = path_clean(r->pool, value->text);
	return 0;
}

/* Mounts of hrun's own, and what must not be hidden. */
static const char *volume_complaint(const char *path)
{
	static const char *const own[] = {"/proc", "/sys", "/dev"};
	const char *complaint = path_complaint(path);

	if (complaint)
		return complaint;
	if (str_equal(path, "/"))
		return "would hide the whole image";
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
		if (path_is_below(path, own[i]))
			return "is a place of the kernel's";
	}
	return NULL;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In this order what is above comes first. */
static void sort_volumes(struct string_list *volumes)
{
	size_t kept = 0;

	if (volumes->count)
		qsort(volumes->item, volumes->count, sizeof *volumes->item, by_text);
	for (size_t i = 0; i < volumes->count; i++) {
		if (kept == 0 || !str_equal(volumes->item[kept - 1], volumes->item[i]))
			volumes->item[kept++] = volumes->item[i];
	}
	volumes->count = kept;
}

static int read_volumes(const struct reader *r, const struct json *object)
{
	struct string_list *volumes = &r->config->volumes;
	const struct json *value;

	TRY(find_member(r, object, "Volumes", JSON_OBJECT, &value));
	if (!value)
		return 0;
	if (value->count > IMAGE_CONFIG_VOLUMES_MAX)
		return refuse(r, value, "has more than 64 volumes");
	volumes->item = pool_alloc(r->pool, (value->count + 1) * sizeof *volumes->item);
	for (const struct json *v = value->first; v; v = v->next) {
		const char *path = *v->key == '/' ? path_clean(r->pool, v->key) : v->key;
		const char *complaint = volume_complaint(path);
		if (complaint)
			return refuse(r, v, complaint);
		volumes->item[volumes->count++] = path;
	}
	sort_volumes(volumes);
	return 0;
}

/* ---- the document ---- */

static int read_stop_signal(const struct reader *r, const struct json *object)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-";
	enum { LONGEST = 16, SIGNALS = 64 };
	const struct json *value;
	uint64_t number;

	TRY(find_member(r, object, "StopSignal", JSON_STRING, &value));
	if (!value || !*value->text)
		return 0;
	bool is_number = str_to_u64(value->text, SIGNALS, &number) == 0 && number > 0;
	bool is_name = str_starts(value->text, "SIG") && strlen(value->text) > 3 && strlen(value->text) <= LONGEST &&
		       strspn(value->text, letters) == strlen(value->text);
	if (!is_number && !is_name)
		return refuse(r, value, "must be a signal, as SIGTERM or 15");
	r->config->stop_signal = value->text;
	return 0;
}

static int read_process(const struct reader *r, const struct json *object)
{
	struct image_config *config = r->config;

	TRY(read_text(r, object, "User", &config->user));
	TRY(read_texts(r, object, "Entrypoint", NULL, &config->entrypoint));
	TRY(read_texts(r, object, "Cmd", NULL, &config->cmd));
	TRY(read_texts(r, object, "Env", check_env, &config->env));
	TRY(read_working_dir(r, object));
	TRY(read_stop_signal(r, object));
	return read_volumes(r, object);
}

int image_config_read(struct pool *pool, const char *bytes, size_t size, struct image_config *ret_config, struct err *e)
{
	struct reader r = {.pool = pool, .config = ret_config, .e = e};
	const struct json *tree, *process;
	struct json_error error;

	*ret_config = (struct image_config){0};
	if (json_read(pool, bytes, size, IMAGE_CONFIG_SIZE_MAX, &tree, &error) < 0)
		return err_set(e, EINVAL, "the image's config, line %u, column %u: %s", error.line, error.column,
			       error.text);
	TRY(read_text(&r, tree, "os", &ret_config->os));
	TRY(read_text(&r, tree, "architecture", &ret_config->architecture));
	TRY(read_text(&r, tree, "variant", &ret_config->variant));
	if (!ret_config->os || !str_equal(ret_config->os, "linux"))
		return err_set(e, EINVAL, "the image's config, `os`: is `%.32s`; hrun runs images for linux",
			       ret_config->os ? ret_config->os : "");
	TRY(find_member(&r, tree, "config", JSON_OBJECT, &process));
	return process ? read_process(&r, process) : 0;
}

/* ---- the container's config ---- */

/* Does a later entry set the same variable? */
static bool is_set_again(const struct string_list *env, size_t index)
{
	size_t length = (size_t)(strchr(env->item[index], '=') - env->item[index]) + 1;

	for (size_t i = index + 1; i < env->count; i++) {
		if (strncmp(env->item[i], env->item[index], length) == 0)
			return true;
	}
	return false;
}

static bool has_path(const struct string_list *env)
{
	for (size_t i = 0; i < env->count; i++) {
		if (str_starts(env->item[i], "PATH="))
			return true;
	}
	return false;
}

static struct string_list env_of(struct pool *pool, const struct image_config *config)
{
	struct string_list env = {.item = pool_alloc(pool, (config->env.count + 1) * sizeof *env.item),
				  .present = true};

	if (!has_path(&config->env))
		env.item[env.count++] = CONFIG_TEMPLATE_PATH;
	for (size_t i = 0; i < config->env.count; i++) {
		if (!is_set_again(&config->env, i))
			env.item[env.count++] = config->env.item[i];
	}
	return env;
}

static int args_of(struct pool *pool, const struct image_config *config, const struct image_container *container,
		   struct string_list *ret, struct err *e)
{
	const struct string_list *rest = container->args.count ? &container->args : &config->cmd;
	size_t count = config->entrypoint.count + rest->count;

	*ret = (struct string_list){
		.item = pool_alloc(pool, (count + 1) * sizeof *ret->item), .count = count, .present = true};
	for (size_t i = 0; i < config->entrypoint.count; i++)
		ret->item[i] = config->entrypoint.item[i];
	for (size_t i = 0; i < rest->count; i++)
		ret->item[config->entrypoint.count + i] = rest->item[i];
	if (count == 0 || !*ret->item[0])
		return err_set(e, EINVAL, "the image names no program (Entrypoint, Cmd); name one on the command line");
	return 0;
}

static int user_of(struct pool *pool, const struct image_config *config, const struct image_container *container,
		   struct config_template *template, struct err *e)
{
	struct image_user user;

	if (!config->user)
		return 0;
	TRY(image_user_read(pool, container->rootfs, config->user, &user, e));
	if (container->rootless && (user.uid || user.gid || user.group_count))
		return err_set(
			e, EINVAL,
			"the image's User is `%.64s`, and an ordinary user has no second id to give it; run it as "
			"root or take an image without User",
			config->user);
	template->uid = user.uid;
	template->gid = user.gid;
	template->additional_gids = user.groups;
	template->additional_gid_count = user.group_count;
	return 0;
}

/* /tmp and /run are a tmpfs already. */
static struct string_list volumes_of(struct pool *pool, const struct image_config *config)
{
	struct string_list volumes = {.item = pool_alloc(pool, (config->volumes.count + 1) * sizeof *volumes.item)};

	for (size_t i = 0; i < config->volumes.count; i++) {
		if (!str_equal(config->volumes.item[i], "/tmp") && !str_equal(config->volumes.item[i], "/run"))
			volumes.item[volumes.count++] = config->volumes.item[i];
	}
	return volumes;
}

int image_config_document(struct pool *pool, const struct image_config *config, const struct image_container *container,
			  struct json_out *out, struct string_list *ret_missing, struct err *e)
{
	struct config_template template = config_template_default(pool, container->rootless);

	*ret_missing = (struct string_list){0};
	template.root_path = container->root_path;
	template.cwd = config->working_dir ? config->working_dir : "/";
	template.env = env_of(pool, config);
	template.volumes = volumes_of(pool, config);
	TRY(args_of(pool, config, container, &template.args, e));
	TRY(user_of(pool, config, container, &template, e));
	if (config->stop_signal)
		*pool_array_add(pool, template.annotations.item, template.annotations.count) = (struct string_pair){
			.key = "org.opencontainers.image.stopSignal", .value = config->stop_signal};
	config_template_write(&template, out, ret_missing);
	return 0;
}
