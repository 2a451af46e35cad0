/* SPDX-License-Identifier: Apache-2.0 */
/*
 * creation.c - bundle -> verdict -> plan -> container: the pipeline.
 *
 * Until container_new nothing on the machine has changed.  After it, whatever fails
 * is undone: sandbox_create undoes what it made, poststop hooks what hooks made, the
 * state directory goes last.
 */
#include <hrun/cli.h>
#include <hrun/cli_container.h>
#include <hrun/cli_creation.h>
#include <hrun/cli_image.h>
#include <hrun/fd.h>
#include <hrun/json.h>
#include <hrun/libexec.h>
#include <hrun/log.h>
#include <hrun/plan_cgroup.h>
#include <hrun/policy_open.h>
#include <hrun/proc.h>
#include <hrun/state.h>
#include <hrun/str.h>
#include <hrun/utc.h>
#include <linux/filter.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CACHE_DIR "/run"

/* Of an image there is nothing to be checked before it is unpacked. */
static const char *how_to_see_all(struct command *command, const struct target *target, const struct bundle *bundle)
{
	if (target->layout)
		return pool_printf(&command->pool, "hrun --debug %s", command->verb->name);
	return pool_printf(&command->pool, "hrun check %s", bundle ? bundle->path : target->bundle);
}

static int open_bundle(struct command *command, const struct target *target, struct creation *creation, struct err *e)
{
	struct json_error error = {0};
	int r = target->layout ? creation_image(command, target, creation, &error, e)
			       : bundle_open(&command->pool, target->bundle, command->options.config,
					     creation->policy.config_bytes, &creation->bundle, &error, e);

	if (r < 0 && error.rule)
		return judge_unreadable(command, &creation->policy, &error, how_to_see_all(command, target, NULL),
					&creation->verdict, e);
	return r;
}

static bool asks_systemd(const struct options *options)
{
	return options->systemd_cgroup || (options->cgroup_manager && str_equal(options->cgroup_manager, "systemd"));
}

/* Asked for only where it matters: a path that the plan refuses, or that systemd has yet to choose, matches no waiver. */
static const char *cgroup_of(struct command *command, const char *id, const struct creation *creation)
{
	const struct config_linux *linux_ = creation->bundle.config->linux_;
	const char *path;
	struct err ignored;

	if (creation->policy.waiver_count == 0 || command->invocation.cgroups_disabled ||
	    asks_systemd(&command->options) ||
	    plan_cgroup_path(&command->pool, linux_ ? linux_->cgroups_path : NULL, id, &path, &ignored) < 0)
		return NULL;
	return path;
}

/* One for each user, whom nobody else can give a filter or a layer; without a place there is none. */
const char *creation_cache(struct pool *pool, const char *name)
{
	const char *runtime_dir = getenv("XDG_RUNTIME_DIR");

	if (proc_is_machines_root())
		runtime_dir = CACHE_DIR;
	return runtime_dir && *runtime_dir == '/' ? pool_printf(pool, "%s/%s", runtime_dir, name) : NULL;
}

/* As text, absolute: whoever asks looks what they are (mount_sources.c), also where nothing is there yet. */
struct string_list creation_own_paths(struct command *command)
{
	static const char *const caches[] = {"hrun-cache", "hrun-layers"};
	struct pool *pool = &command->pool;
	const char *root = command->options.root;
	struct string_list list = {0};

	*pool_array_add(pool, list.item, list.count) =
		root ? policy_absolute(pool, NULL, root) : container_root_default(pool);
	for (size_t i = 0; i < sizeof caches / sizeof *caches; i++) {
		const char *cache = creation_cache(pool, caches[i]);
		if (cache)
			*pool_array_add(pool, list.item, list.count) = cache;
	}
	return list;
}

/* A digest without a signature is whatever somebody has named. */
static bool is_signed(const struct creation *creation)
{
#ifdef HRUN_MUTANT_IMAGE_WAIVER
	return creation->image != NULL;
#endif
	return creation->image && creation->image_signed;
}

/* An image of ours has its answer. */
static int look_at_root(struct command *command, bool look_only, struct creation *creation, struct judged *judged,
			struct err *e)
{
	/* `hrun plan` changes nothing, so it believes and keeps nothing. */
	const char *layers = look_only ? NULL : creation_cache(&command->pool, "hrun-layers");
	struct signed_bundle signature = {0};
	struct image_root root = {0};

	if (!creation->image) {
		TRY(root_image_look(command, &creation->policy, &creation->bundle, layers, &signature, &root, e));
		root_image_tell(&creation->policy, &root);
		root_image_judged(&signature, &root, judged);
		creation_take_image(command, creation, root_image_answer(&signature, &root), true);
		return 0;
	}
	judged->devices = &creation->image->devices;
	if (is_signed(creation)) {
		judged->image_digest = creation->image->image_digest;
		judged->image_manifest = creation->image->manifest_digest;
	}
	return 0;
}

static int judge(struct command *command, const struct target *target, bool look_only, struct creation *creation,
		 struct err *e)
{
	struct judged judged = {
		.pool = &command->pool,
		.bundle = &creation->bundle,
		.config = creation->bundle.config,
		.process = creation->bundle.config->process,
		.host_root = proc_in_first_user_namespace(),
		.invocation = &command->invocation,
		.cgroup_path = cgroup_of(command, target->id, creation),
		.keeps_sources = true,
		/* `hrun plan` changes nothing, so it keeps nothing. */
		.filter_cache = look_only ? NULL : creation_cache(&command->pool, "hrun-cache"),
		.own_paths = creation_own_paths(command),
	};

	TRY(look_at_root(command, look_only, creation, &judged, e));
	policy_judge(&judged, &creation->policy, &creation->verdict);
	TRY(judge_tell(command, &creation->policy, &creation->verdict,
		       how_to_see_all(command, target, &creation->bundle), e));
	return invocation_apply(command, &creation->verdict, e);
}

/*
 * Nobody asks for systemd, but a limit that lasts has only who asks it (plan_cgroup_needs_unit).  Here its socket is looked for and nothing
 * said to it: whether there is a limit the plan will know.
 */
static bool finds_systemd(struct command *command, const struct creation *creation, struct scope_options *ret)
{
	const struct config_linux *linux_ = creation->config->linux_;
	struct err ignored;

	ret->unasked = true;
	if (command->options.cgroup_manager || !plan_cgroup_needs_unit(linux_ ? linux_->cgroups_path : NULL))
		return false;
	autofd int program = libexec_find("hrun-scope", NULL, &ignored);
	return program >= 0 && systemd_find(command, true, &creation->policy, ret, &ignored) == 0 && ret->bus;
}

static int make_plan(struct command *command, const char *id, bool look_only, struct creation *creation, struct err *e)
{
	const struct options *options = &command->options;
	const char *manager = options->cgroup_manager ? options->cgroup_manager : "";
	struct scope_options scope = {0};
	struct plan_options plan_options = {
		.id = id,
		.look_only = look_only,
		.cgroup_disabled = str_equal(manager, "disabled"),
		.preserve_fds = options->preserve_fds,
		.ignored_signals = command->ignored_signals,
		.no_new_keyring = options->no_new_keyring,
		.cache_dir = creation_cache(&command->pool, "hrun-cache"),
		.verdict = &creation->verdict,
	};

	if (asks_systemd(options))
		TRY(systemd_find(command, look_only, &creation->policy, &scope, e));
	if (asks_systemd(options) || finds_systemd(command, creation, &scope))
		plan_options.scope = &scope;
	TRY(plan_container(&command->pool, creation->config, &creation->bundle, &plan_options, &creation->plan, e));
	verdict_close(&creation->verdict);
	for (size_t i = 0; i < creation->plan.warning_count; i++)
		log_debug("%s", creation->plan.warnings[i]);
	if (!look_only)
		plan_check(&creation->plan);
	return 0;
}

int creation_prepare(struct command *command, bool look_only, struct creation *creation, struct err *e)
{
	struct target target;

	TRY(target_find(command, &target, e));
	command->audit.id = target.id;
	TRY(judge_policy(command, &creation->policy, e));
	invocation_read(command, false);
	TRY(open_bundle(command, &target, creation, e));
	TRY(judge(command, &target, look_only, creation, e));
	creation->config = policy_harden(&command->pool, creation->bundle.config, &creation->verdict);
	return make_plan(command, target.id, look_only, creation, e);
}

static const char *now(struct pool *pool)
{
	struct timespec time;
	char text[UTC_TEXT_SIZE];

	clock_gettime(CLOCK_REALTIME, &time);
	utc_text(&time, text, sizeof text);
	return pool_strdup(pool, text);
}

static uint64_t joined_namespaces(const struct namespaces_plan *plan)
{
	static const uint64_t flags[NS_TYPES] = {
		[NS_MOUNT] = CLONE_NEWNS,      [NS_PID] = CLONE_NEWPID,	  [NS_NETWORK] = CLONE_NEWNET,
		[NS_UTS] = CLONE_NEWUTS,       [NS_IPC] = CLONE_NEWIPC,	  [NS_USER] = CLONE_NEWUSER,
		[NS_CGROUP] = CLONE_NEWCGROUP, [NS_TIME] = CLONE_NEWTIME,
	};
	uint64_t joined = 0;

	for (size_t i = 0; i < plan->join_count; i++)
		joined |= flags[plan->joins[i].type];
	return joined;
}

static struct container_record record_of(struct pool *pool, const struct creation *creation)
{
	const struct plan *plan = &creation->plan;
	const struct config *config = creation->config;

	return (struct container_record){
		.id = plan->id,
		.oci_version = plan->oci_version,
		.bundle = plan->bundle_path,
		.rootfs = plan->rootfs.detached ? NULL : plan->rootfs.path,
		.created = now(pool),
		.owner = proc_euid(),
		/* Where a scope's is, systemd says when it has made it. */
		.cgroup = plan->cgroup.disabled || plan->cgroup.scope ? NULL : plan->cgroup.path,
		.cgroup_mountpoint = plan->cgroup.disabled ? NULL : plan->cgroup.mountpoint,
		.unit = plan->cgroup.scope ? plan->cgroup.scope->request.unit : NULL,
		.bus = plan->cgroup.scope ? plan->cgroup.scope->bus : NULL,
		.no_new_privs = plan->creds.no_new_privs,
		.bounding = plan->creds.caps[CAPS_BOUNDING],
		.has_filter = plan->filter.program != NULL,
		.has_floor = plan->filter.floor != NULL,
		.filter_flags = plan->filter.flags,
		.selinux_label = plan->creds.selinux_label,
		.apparmor_profile = plan->creds.apparmor_profile,
		.new_pid_namespace = (plan->namespaces.create & CLONE_NEWPID) != 0,
		.namespaces = plan->namespaces.create | joined_namespaces(&plan->namespaces) |
			      (plan->ids.new_namespace ? CLONE_NEWUSER : 0) |
			      (plan->namespaces.new_time ? CLONE_NEWTIME : 0),
		.level = policy_level_name(creation->policy.level),
		.annotations = plan->annotations,
		.poststart = config->hooks[HOOK_POSTSTART],
		.poststop = config->hooks[HOOK_POSTSTOP],
	};
}

static int save_filter(struct container *container, const char *name, const struct filter_plan *filter, struct err *e)
{
	return container_add_file(container, name, filter->program, filter->length * sizeof *filter->program, e);
}

/* What later verbs need, before the container exists: exec is never weaker than init. */
static int save_files(struct pool *pool, struct creation *creation, struct err *e)
{
	struct container *container = &creation->container;
	const struct filter_plan *filter = &creation->plan.filter;
	struct json_out out = {.pool = pool};

	verdict_to_json(&out, &creation->verdict);
	TRY(container_add_file(container, "verdict.json", out.text, out.length, e));
	TRY(container_add_file(container, "config.json", creation->bundle.config_bytes, creation->bundle.config_size,
			       e));
	if (filter->floor)
		TRY(save_filter(container, "floor.bpf", filter->floor, e));
	return filter->program ? save_filter(container, "filter.bpf", filter, e) : 0;
}

/* As the program of a service sees it: it is process 1 of its own. */
static void announce_descriptors(struct pool *pool, unsigned int count, struct plan *plan)
{
	if (count == 0)
		return;
	plan_set_variable(pool, plan, "LISTEN_PID", "1");
	plan_set_variable(pool, plan, "LISTEN_FDS", pool_printf(pool, "%u", count));
}

/* The container is there; who asked to be told gets the last word. */
static int hand_over(const struct options *options, int pidfd_socket, const struct sandbox *sandbox, struct err *e)
{
	if (options->pid_file)
		TRY(pid_file_write(options->pid_file, sandbox->pid, e));
	int r = pidfd_send(pidfd_socket, sandbox->pidfd, e);
	if (r < 0 && options->pid_file)
		unlink(options->pid_file);
	return r;
}

static int build(struct command *command, int console, struct creation *creation, struct err *e)
{
	const struct options *options = &command->options;
	autofd int socket = -1;
	autofd int pidfd_socket = -1;

	TRY(pidfd_connect(options, &pidfd_socket, e));
	announce_descriptors(&command->pool, options->listen_fds, &creation->plan);
	TRY(notify_prepare(&command->pool, &creation->container, &creation->plan, e));
	TRY(save_files(&command->pool, creation, e));
	if (console < 0)
		TRY(console_connect(options, creation->plan.exec.terminal, true, &socket, e));
	struct sandbox_options sandbox_options = {
		.console_socket = console < 0 ? socket : console,
		.bundle_dir = creation->bundle.dir,
		.starts = creation->starts,
	};
	TRY(sandbox_create(&creation->plan, &creation->container, &sandbox_options, &creation->sandbox, e));
	return hand_over(options, pidfd_socket, &creation->sandbox, e);
}

int creation_build(struct command *command, int console, struct creation *creation, struct err *e)
{
	struct container_record record = record_of(&command->pool, creation);

	creation_record_image(&command->pool, creation, &record);

	/* An interrupt may not leave half a container: it waits until there is one, or none. */
	TRY(foreground_hold_signals(e));
	autofd int root = container_root_open(command->options.root, true, e);

	TRY(root);
	TRY(container_new(&command->pool, &root, &record, &creation->container, e));
	int r = build(command, console, creation, e);
	if (r < 0)
		creation_undo(&command->pool, creation);
	command->audit.pid = r < 0 ? 0 : creation->sandbox.pid;
	return r;
}

void creation_undo(struct pool *pool, struct creation *creation)
{
	struct err ignored = {0};

	/* The first failure is the one to report; the state directory stays where the rest could not be undone. */
	if (lifecycle_delete(pool, &creation->container, &ignored) < 0)
		log_debug("undo: %s", ignored.text);
	container_close(&creation->container);
}

/* The process ends: the kernel closes all the rest.  A child of ours may still share the lock. */
void creation_end(struct creation *creation)
{
	container_unlock(&creation->container);
}
