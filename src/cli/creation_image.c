/* SPDX-License-Identifier: Apache-2.0 */
/*
 * creation_image.c - layout -> verified, unpacked root and the document of its container; from there on it is a bundle.
 *
 * Nothing of the image is looked at before hrun-image and hrun-tree have both said that all of it is there and right, and the
 * root has no place but our descriptor: whatever ends this command ends it, too.  From a store the root is a read-only clone,
 * and who said so of the layers is who unpacked them (image_store.h).
 */
#include <fcntl.h>
#include <hrun/cli.h>
#include <hrun/cli_creation.h>
#include <hrun/cli_image.h>
#include <hrun/fd.h>
#include <hrun/image_config.h>
#include <hrun/image_request.h>
#include <hrun/image_store.h>
#include <hrun/judging.h>
#include <hrun/log.h>
#include <hrun/proc.h>
#include <hrun/selinux.h>
#include <hrun/str.h>
#include <hrun/tree_wire.h>
#include <unistd.h>

/* One image on its way. */
struct unpacking {
	struct command *command;
	const struct target *target;
	struct creation *creation;
	struct image_call *call; /* descriptors behind the first are owned: keys */
	struct image_result *result;
	struct image_store store;
	int mount, directory; /* owned: the root, and its directory where it is memory */
};

static void close_unpacking(struct unpacking *u)
{
	for (size_t i = 1; i < u->call->fd_count; i++)
		fd_close(&u->call->fds[i]);
	fd_close(&u->mount);
	fd_close(&u->directory);
	image_store_close(&u->store);
}

static int fill_request(struct unpacking *u, struct err *e)
{
	const struct options *options = &u->command->options;
	struct image_request *request = &u->call->request;

	image_request_default(request);
	TRY(image_platform(request, options->platform, e));
	TRY(image_word(request->ref, sizeof request->ref, "ref", u->target->ref, e));
	TRY(image_word(request->name, sizeof request->name, "name", options->name, e));
	u->call->fds[0] = u->creation->bundle.dir;
	u->call->fd_count = 1;
	return 0;
}

/* IMAGE_REJECTED: no signature could satisfy the policy, *e says why. */
static int ask_policy(struct unpacking *u, struct err *e)
{
	struct image_request *asked = pool_alloc(&u->command->pool, sizeof *asked);

	*asked = u->call->request;
	const struct image_asked what = {
		.name = asked->name,
		.ref = asked->ref,
		.layout = u->creation->bundle.path,
		.os = asked->os,
		.architecture = asked->architecture,
		.variant = asked->variant,
	};
	int r = image_request_of(&u->command->pool, &u->creation->policy, &what, u->call, e);
	image_request_limit(&u->call->request);
	return r;
}

/* images.require is warn: the image is run all the same, as one that nobody has signed. */
static void do_without_signature(struct unpacking *u, const char *why)
{
	struct image_request *request = &u->call->request;

	log_warning("the image `%s` has no signature that the policy asks for, and images.require is warn: %.300s",
		    u->target->layout, why);
	while (u->call->fd_count > 1)
		fd_close(&u->call->fds[--u->call->fd_count]);
	memset(request->trusts, 0, sizeof request->trusts);
	request->trust_count = 0;
	request->signatures_required = 0;
	u->call->denied_only = true;
}

static int reject(struct unpacking *u, const char *stage, const char *reason, struct err *e)
{
	u->command->audit.rejected = true;
	return err_set(e, EPERM, "hrun: refused: image `%.150s` is rejected%s%s: %.250s%s", u->target->layout,
		       *stage ? " at " : "", stage, reason,
		       !u->result->target_full	   ? ""
		       : u->command->options.store ? "; give the store more room"
						   : "; give it more memory with --image-size");
}

/* One id for everything: the owners that the image says cannot be. */
static bool is_rootless(void)
{
	return geteuid() != 0;
}

static int unpack(struct unpacking *u, struct err *e)
{
	struct progress progress;

	progress_begin(&progress, u->call);
	uint32_t flags = is_rootless() ? TREE_SQUASH : 0;
	int r = u->command->options.store ? creation_store(&u->command->pool, &u->store, u->call, &u->target->args,
							   u->result, &u->mount, e)
					  : image_unpack(&u->command->pool, u->call, u->directory, flags, u->result, e);
	progress_end(&progress, u->call);
	return r;
}

/* Before the first file is written: at these stages nothing but documents has been read. */
static bool is_about_signatures(const struct image_answer *answer)
{
	return answer->verdict == IMAGE_REJECT &&
	       (answer->stage == IMAGE_STAGE_SIGNATURE || answer->stage == IMAGE_STAGE_POLICY);
}

static void tell_devices(const struct unpacking *u)
{
	const struct image_devices *devices = &u->result->answer.devices;

	u->command->audit.devices_dropped = devices->count;
	if (devices->count)
		log_warning(
			"%u device nodes of the image `%s` were left out (images.devices is drop), the first is `%s`",
			devices->count, u->target->layout, devices->first);
}

static int verify(struct unpacking *u, struct err *e)
{
	const struct image_answer *answer = &u->result->answer;
	bool warn_only = u->creation->policy.images.require == IMAGES_WARN;

	int r = ask_policy(u, e);
	TRY(r);
	if (r == IMAGE_REJECTED && !warn_only)
		return reject(u, image_stage_name(IMAGE_STAGE_POLICY), pool_strdup(&u->command->pool, e->text), e);
	if (r == IMAGE_REJECTED)
		do_without_signature(u, e->text);
	TRY(unpack(u, e));
	if (warn_only && !u->call->denied_only && is_about_signatures(answer) && !u->result->denied) {
		do_without_signature(u, answer->reason);
		TRY(unpack(u, e));
	}
	if (answer->verdict != IMAGE_ACCEPT)
		return reject(u, image_stage_name(answer->stage), answer->reason, e);
	tell_devices(u);
	creation_take_image(u->command, u->creation, answer, u->call->request.signatures_required);
	return 0;
}

/* To the kernel 0 is no limit at all. */
static int check_size(const char *size, struct err *e)
{
	size_t digits = size ? strspn(size, "0123456789") : 0;

	if (!size)
		return 0;
	bool unit = !size[digits] || (strchr("kKmMgG%", size[digits]) && !size[digits + 1]);
	if (digits == 0 || digits > 12 || strspn(size, "0") >= digits || !unit)
		return err_set(e, EINVAL,
			       "option --image-size takes bytes, or a number with k, m, g or %%, not `%.40s`", size);
	return 0;
}

static int write_document(struct unpacking *u, struct json_out *out, struct err *e)
{
	struct image_config *config = pool_alloc(out->pool, sizeof *config);
	const struct image_container container = {
		.rootfs = u->mount,
		.root_path = "rootfs",
		.args = u->target->args,
		.rootless = is_rootless(),
	};
	struct string_list missing;

	TRY(image_config_read(out->pool, u->result->config, u->result->config_size, config, e));
	TRY(image_config_document(out->pool, config, &container, out, &missing, e));
	for (size_t i = 0; i < missing.count; i++)
		log_debug("no %s controller here: its limit is left out", missing.item[i]);
	return 0;
}

static int open_target(struct unpacking *u, struct err *e)
{
	const struct options *options = &u->command->options;
	const char *label;

	if (options->store && options->image_size)
		return err_set(e, EINVAL,
			       "--image-size is for memory, and --store unpacks onto the disk; leave one out");
	if (options->store)
		return image_store_open(&u->command->pool, options->store, &u->store, e);
	TRY(check_size(options->image_size, e));
	const struct judged where = {.host_root = proc_in_first_user_namespace()};
	TRY(selinux_root_label(&u->command->pool, &host_files, host_root_shown(&where), &label, e));
	return image_root_make(options->image_size, label, &u->mount, &u->directory, e);
}

static int take(struct unpacking *u, struct json_error *ret_error, struct err *e)
{
	struct json_out out = {.pool = &u->command->pool};

	TRY(bundle_open_layout(out.pool, u->target->layout, &u->creation->bundle, e));
	TRY(fill_request(u, e));
	TRY(open_target(u, e));
	TRY(verify(u, e));
	TRY(write_document(u, &out, e));
	return bundle_take_document(out.pool, &u->creation->bundle, out.text, out.length,
				    u->creation->policy.config_bytes, TAKE_FD(u->mount), ret_error, e);
}

const char *creation_signer(struct pool *pool, const struct creation *creation)
{
	const struct image_answer *answer = creation->image;
	const char *text = NULL;

	for (uint32_t i = 0; creation->image_signed && i < answer->signature_count; i++) {
		const struct image_signature *s = &answer->signatures[i];
		if (s->ok)
			text = pool_printf(pool, "%s%s%s%s%s", text ? text : "", text ? ", " : "", s->key,
					   s->identity[0] ? " for " : "", s->identity);
	}
	return text;
}

void creation_take_image(struct command *command, struct creation *creation, const struct image_answer *answer,
			 bool is_signed)
{
	creation->image = answer;
	creation->image_signed = answer && is_signed;
	command->audit.image_digest = answer ? answer->image_digest : NULL;
	command->audit.signer = creation_signer(&command->pool, creation);
}

void creation_record_image(struct pool *pool, const struct creation *creation, struct container_record *record)
{
	const struct policy_images *images = &creation->policy.images;

	if (!creation->image)
		return;
	record->image_digest = creation->image->image_digest;
	if (*creation->image->manifest_digest)
		record->image_manifest = creation->image->manifest_digest;
	record->image_signer = creation_signer(pool, creation);
	for (size_t i = 0; creation->image_signed && i < images->source_count; i++)
		record->image_policy = record->image_policy ? pool_printf(pool, "%s, %s", record->image_policy,
									  images->sources[i].path)
							    : images->sources[i].path;
}

int creation_image(struct command *command, const struct target *target, struct creation *creation,
		   struct json_error *ret_error, struct err *e)
{
	struct unpacking u = {.command = command,
			      .target = target,
			      .creation = creation,
			      .store = IMAGE_STORE_EMPTY,
			      .mount = -1,
			      .directory = -1};

	*ret_error = (struct json_error){.rule = NULL};
	u.call = pool_alloc(&command->pool, sizeof *u.call);
	u.result = pool_alloc(&command->pool, sizeof *u.result);
	*u.call = (struct image_call){0};
	int r = take(&u, ret_error, e);
	close_unpacking(&u);
	return r;
}
