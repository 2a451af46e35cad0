/* SPDX-License-Identifier: Apache-2.0 */
/*
 * target.c - which container, which bundle.
 *
 * An argument that holds a '/' or a ':' or is "." or ".." is a path; anything else is an id, and
 * no id can hold these, so the two cannot be taken for each other.
 */
#include <fcntl.h>
#include <hrun/cli.h>
#include <hrun/fd.h>
#include <hrun/image_name.h>
#include <hrun/str.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_path(const char *argument)
{
	return strpbrk(argument, "/:") || str_equal(argument, ".") || str_equal(argument, "..");
}

static int check_id(const char *id, struct err *e)
{
	if (container_id_valid(id))
		return 0;
	return err_set(
		e, EINVAL,
		"invalid container id `%s`: it begins with a letter, a digit or one of _+-, goes on with these or "
		"'.', and has at most 255 bytes",
		id);
}

static int make_up_id(struct pool *pool, const char **ret_id, struct err *e)
{
	uint64_t number;

	if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
		return err_errno(e, "get random bytes for a container id");
	*ret_id = pool_printf(pool, "hrun-%016llx", (unsigned long long)number);
	return 0;
}

/* As the specification of images has it: a file oci-layout makes the directory a layout. */
static bool is_layout(const char *directory)
{
	autofd int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && image_is_layout(fd);
}

static bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* A directory may have a ':' in its own name: what is there by the whole name is meant. */
static void split_layout(struct pool *pool, const char *text, struct target *target)
{
	target->layout = text;
	if (!exists(text))
		image_layout_name(pool, text, &target->layout, &target->ref);
}

static int take_ref(const struct options *options, struct target *target, struct err *e)
{
	if (options->ref && target->ref)
		return err_set(e, EINVAL,
			       "--ref and the `%.100s` behind the layout both choose an image; leave one out",
			       target->ref);
	if (options->ref)
		target->ref = options->ref;
	return 0;
}

int target_layout(struct command *command, const char *text, struct target *ret, struct err *e)
{
	*ret = (struct target){0};
	split_layout(&command->pool, text, ret);
	return take_ref(&command->options, ret, e);
}

/* The first argument, where it is a path: a bundle or a layout. */
static void take_path(struct command *command, const char *text, struct target *target)
{
	struct target image = {0};

	split_layout(&command->pool, text, &image);
	/* With a ref it can only be an image, and what is missing is its layout. */
	if (is_layout(image.layout) || (image.ref && !exists(text))) {
		target->layout = image.layout;
		target->ref = image.ref;
	} else {
		target->bundle = text;
	}
}

static int check_image_options(const struct options *options, const struct target *target, struct err *e)
{
	if (!target->layout &&
	    (options->name || options->platform || options->ref || options->image_size || options->store))
		return err_set(e, EINVAL,
			       "--name, --ref, --platform, --image-size and --store are for images; name one with "
			       "--image");
	if (target->layout && options->config)
		return err_set(e, EINVAL, "--config is for bundles: what an image runs stands in its own config");
	return 0;
}

/* Which arguments are hrun's and which are the image's program's. */
static int count_of(const struct command *command, const struct target *target)
{
	const struct options *options = &command->options;

	/* `run -- LAYOUT`: what begins with the layout itself are not its arguments. */
	if (!target->layout || !options->has_dashes || (!options->image && options->before_dashes == 0))
		return command->arg_count;
	return options->before_dashes;
}

int target_find(struct command *command, struct target *ret, struct err *e)
{
	const struct options *options = &command->options;
	int i = 0;

	*ret = (struct target){.bundle = options->bundle};
	if (options->image && options->bundle)
		return err_set(e, EINVAL, "--image and --bundle exclude each other");
	if (options->image)
		split_layout(&command->pool, options->image, ret);
	else if (!ret->bundle && command->arg_count > 0 && is_path(command->args[0]))
		take_path(command, command->args[i++], ret);
	TRY(check_image_options(options, ret, e));
	TRY(take_ref(options, ret, e));
	int count = count_of(command, ret);
	if (i < count) {
		ret->id = command->args[i++];
		TRY(check_id(ret->id, e));
	}
	if (i < count)
		return err_set(e, EINVAL, "%s takes no argument `%s`: %s", command->verb->name, command->args[i],
			       ret->layout ? "arguments for the image's program stand behind --"
					   : "give a bundle with a '/' in it, then an id");
	ret->args = (struct string_list){.item = (const char **)command->args + count,
					 .count = (size_t)(command->arg_count - count)};
	/* The specification (runtime.md, create): without an id an error. Who calls `create` has to name it later. */
	if (!ret->id && command->verb->run == cmd_create)
		return err_set(e, EINVAL, "create needs ID; see hrun create --help");
	if (!ret->id)
		TRY(make_up_id(&command->pool, &ret->id, e));
	if (!ret->bundle)
		ret->bundle = ".";
	return 0;
}

int target_open(struct command *command, bool make_root, bool lock, struct container *ret, struct err *e)
{
	const char *id = command->args[0];

	TRY(check_id(id, e));
	command->audit.id = id;
	autofd int root = container_root_open(command->options.root, make_root, e);
	if (root == -ENOENT)
		return err_set(e, ENOENT, "container `%s` does not exist", id);
	TRY(root);
	TRY(container_open(&command->pool, root, id, lock, ret, e));
	command->audit.level = ret->record.level;
	return 0;
}

int target_open_remains(struct command *command, struct container *ret, struct err *e)
{
	autofd int root = container_root_open(command->options.root, false, e);

	TRY(root);
	return container_open_remains(&command->pool, root, command->args[0], false, ret, e);
}
