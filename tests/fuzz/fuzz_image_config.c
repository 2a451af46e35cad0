/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_image_config.c - the config of an image: what is taken gives a document that hrun's own reader takes.
 *
 * Up to the first NUL the input is the image's config, behind it etc/passwd and etc/group of its root.
 */
#include <fcntl.h>
#include <hrun/config.h>
#include <hrun/image_config.h>
#include <hrun/str.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static int root = -1;

static void remove_root(void)
{
	char path[64], link[64];
	ssize_t n = (snprintf(link, sizeof link, "/proc/self/fd/%d", root), readlink(link, path, sizeof path - 1));

	unlinkat(root, "etc/passwd", 0);
	unlinkat(root, "etc/group", 0);
	unlinkat(root, "etc", AT_REMOVEDIR);
	path[n > 0 ? n : 0] = '\0';
	rmdir(path);
}

static void make_root(void)
{
	char directory[] = "/tmp/hrun-fuzz-XXXXXX";

	expect(mkdtemp(directory) != NULL);
	root = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	expect(root >= 0 && mkdirat(root, "etc", 0755) == 0);
	atexit(remove_root);
}

static void write_file(const char *name, const uint8_t *data, size_t size)
{
	int fd = openat(root, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	expect(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static void check_config(struct pool *pool, const struct json_out *out, const struct image_config *image)
{
	const struct json *tree;
	struct json_error error;
	struct config *config;

	expect(json_read(pool, out->text, out->length, IMAGE_CONFIG_SIZE_MAX * 8, &tree, &error) == 0);
	/* A list of the template may be shorter than what the reader takes; everything else must be right. */
	if (config_read(pool, tree, &config, &error) < 0)
		expect(str_equal(error.rule, "list-too-long"));
	else
		expect(config->process->args.count > 0 && config->process->cwd[0] == '/' && config->root.readonly &&
		       config->process->user.uid.value != UINT32_MAX && config->process->user.gid.value != UINT32_MAX &&
		       config->mount_count >= 9 && config->mount_count <= 9 + image->volumes.count &&
		       config->unknown_count == 0 && config->process->no_new_privileges.value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = memchr(data, 0, size);
	size_t length = nul ? (size_t)(nul - data) : size;
	struct pool pool = {NULL};
	struct string_list missing;
	struct image_config image;
	struct err e = {0};

	if (root < 0)
		make_root();
	write_file("etc/passwd", nul ? nul + 1 : data, nul ? size - length - 1 : 0);
	write_file("etc/group", nul ? nul + 1 : data, nul ? size - length - 1 : 0);
	if (image_config_read(&pool, (const char *)data, length, &image, &e) == 0) {
		struct image_container container = {.rootfs = root, .root_path = "rootfs", .rootless = size & 1};
		struct json_out out = {.pool = &pool};
		if (image_config_document(&pool, &image, &container, &out, &missing, &e) == 0)
			check_config(&pool, &out, &image);
		else
			expect(*e.text);
	} else {
		expect(strncmp(e.text, "the image's config", 18) == 0);
	}
	pool_free(&pool);
	return 0;
}
