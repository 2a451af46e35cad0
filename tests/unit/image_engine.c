/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_engine.c - an engine's store as hrun reads it: mounts, ids, names of files, images.json; and stamps of layers.
 */
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image_engine.h>
#include <hrun/str.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SNAPSHOTS "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/"
#define EROFS_SNAPSHOTS "/x/io.containerd.snapshotter.v1.erofs/snapshots/"
#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static struct pool pool;

static void mounts(void)
{
	struct root_mount m;

	CHECK(!root_mount_options(&pool, "rw,lowerdir=/a:/b,upperdir=/u,workdir=/w,uuid=on", &m));
	CHECK(m.lowers.count == 2 && str_equal(m.lowers.item[0], "/a") && str_equal(m.lowers.item[1], "/b"));
	CHECK(str_equal(m.upper, "/u") && !m.user_overlay);
	CHECK(!root_mount_options(&pool, "rw,lowerdir+=/a,lowerdir+=/b,upperdir=/u,userxattr", &m));
	CHECK(m.lowers.count == 2 && m.user_overlay);
	CHECK(!root_mount_options(&pool, "ro,lowerdir=/a", &m) && !*m.upper);
	CHECK(root_mount_options(&pool, "rw,upperdir=/u", &m));
	CHECK(root_mount_options(&pool, "rw,lowerdir=/a::/data,upperdir=/u", &m));
	CHECK(root_mount_options(&pool, "rw,lowerdir+=/a,datadir+=/b", &m));
	CHECK(root_mount_options(&pool, "rw,lowerdir=/a\\072/b,upperdir=/u", &m));
	CHECK(root_mount_options(&pool, "rw,lowerdir=/a,upperdir=/u\\054x", &m));
}

static void ids(void)
{
	CHECK(storage_owns("/var/lib/containers/storage/overlay/" ID "/diff"));
	CHECK(!storage_owns("var/lib/containers/storage/overlay/" ID "/diff"));
	CHECK(!storage_owns("/var/lib/containers/storage/overlay/" ID "/merged"));
	CHECK(!storage_owns("/var/lib/docker/overlay2/" ID "/diff"));
	CHECK(!storage_owns("/s/overlay/0123/diff"));
	CHECK(!storage_owns("/s/overlay/" ID "x/diff"));
	CHECK(!storage_owns("/s/overlay/x" ID "/diff"));
	CHECK(!storage_owns(""));
	CHECK(containerd_owns(SNAPSHOTS "12/fs"));
	CHECK(!containerd_owns(SNAPSHOTS "12/work"));
	CHECK(!containerd_owns(SNAPSHOTS "12/fs/bin"));
	CHECK(!containerd_owns(SNAPSHOTS "x/fs"));
	CHECK(!containerd_owns(SNAPSHOTS "/fs"));
	CHECK(!containerd_owns(SNAPSHOTS "99999999999999999999/fs"));
	CHECK(!containerd_owns("12/fs"));
	CHECK(containerd_owns("/x/io.containerd.snapshotter.v1.erofs/snapshots/12/fs"));
	CHECK(!containerd_owns("/x/io.containerd.snapshotter.v1.erofs/snapshots/12/layer.erofs"));
	CHECK(!containerd_owns("/x/io.containerd.snapshotter.v1.native/snapshots/12"));
	CHECK(containerd_knows("/x/io.containerd.snapshotter.v1.native/snapshots/12"));
	CHECK(!containerd_knows("/x/io.containerd.snapshotter.v1.native/snapshots/12/fs"));
	CHECK(!containerd_knows("/x/io.containerd.snapshotter.v1.btrfs/snapshots/12"));
	CHECK(containerd_knows(SNAPSHOTS "12/fs") && !containerd_knows("12/fs"));
	const char *snapshot = containerd_snapshot_of(&pool, EROFS_SNAPSHOTS "12/layer.erofs");
	CHECK(snapshot && str_equal(snapshot, EROFS_SNAPSHOTS "12/fs"));
	CHECK(!containerd_snapshot_of(&pool, EROFS_SNAPSHOTS "12/other.erofs") &&
	      !containerd_snapshot_of(&pool, EROFS_SNAPSHOTS "12/fs"));
	CHECK(!containerd_snapshot_of(&pool, SNAPSHOTS "12/layer.erofs") &&
	      !containerd_snapshot_of(&pool, "/dev/loop1"));
	CHECK(storage_has_root(&pool, "/s/overlay/" ID "/merged") && !storage_has_root(&pool, "/run/roots/1"));
}

static void names(void)
{
	CHECK(str_equal(storage_big_data(&pool, "i", "a"), "i/=YQ=="));
	CHECK(str_equal(storage_big_data(&pool, "i", "ab"), "i/=YWI="));
	CHECK(str_equal(storage_big_data(&pool, "i", "abc"), "i/=YWJj"));
	CHECK(str_equal(storage_big_data(&pool, "i", "signatures"), "i/signatures"));
}

#define DENIED "sha256:" ID

static int images(struct stored_root *root, const char *text)
{
	static const char *denied[] = {DENIED};
	struct image_source source = {.path = "/p", .deny_digests = {.item = denied, .count = 1, .present = true}};
	const struct policy_images policy = {.sources = &source, .source_count = 1};
	const struct stored_list list = {"images.json", text, strlen(text)};
	struct err e;

	memset(root, 0, sizeof *root);
	return stored_images_read(&pool, &list, ID, &policy, root, &e);
}

/* COUNT items with a number between HEAD and TAIL. */
static const char *repeated(const char *before, const char *head, unsigned int count, const char *tail,
			    const char *after)
{
	struct json_out out = {.pool = &pool};

	json_out_raw(&out, before);
	for (unsigned int i = 0; i < count; i++) {
		json_out_printf(&out, "%s%s%u%s", i ? "," : "", head, i, tail);
	}
	json_out_raw(&out, after);
	return out.text;
}

/* What is too much to be compared is an error, never left out; and denied is denied however far behind it stands. */
static void bounds(void)
{
	static struct stored_root root;
	static const char image[] = "[{\"id\":\"" OTHER "\",\"layer\":\"" ID "\",";
	const char *names = pool_printf(&pool, "%s\"names\":[", image),
		   *keys = pool_printf(&pool, "%s\"big-data-names\":[", image);

	CHECK(images(&root, repeated(names, "\"n", ENGINE_NAMES_MAX, "\"", "]}]")) == 0 && !root.denied);
	CHECK(images(&root, repeated(names, "\"n", ENGINE_NAMES_MAX + 1, "\"", "]}]")) == -E2BIG && !root.denied);
	CHECK(images(&root, repeated(names, "\"n", 1000, "\"", ",\"a@" DENIED "\"]}]")) == -E2BIG && root.denied);
	CHECK(images(&root, repeated(keys, "\"manifest-sha256:", IMAGE_MANIFESTS_MAX, "\"", "]}]")) == 0);
	CHECK(root.candidates[0].manifests.count == IMAGE_MANIFESTS_MAX && !root.denied);
	CHECK(images(&root, repeated(keys, "\"manifest-sha256:", IMAGE_MANIFESTS_MAX + 1, "\"", "]}]")) == -E2BIG);
	CHECK(images(&root, repeated(keys, "\"manifest-sha256:", 1000, "\"", ",\"manifest-" DENIED "\"]}]")) == -E2BIG);
	CHECK(root.denied && strstr(root.denied, DENIED " stands in images.denyDigests of `/p`"));
	static const char one[] = "{\"id\":\"" OTHER "\",\"layer\":\"" ID "\",\"n\":",
			  last[] = ",{\"id\":\"" OTHER "\",\"layer\":\"" ID "\",\"digest\":\"" DENIED "\"}]";
	CHECK(images(&root, repeated("[", one, ENGINE_IMAGES_MAX, "}", "]")) == 0);
	CHECK(root.candidate_count == ENGINE_IMAGES_MAX);
	CHECK(images(&root, repeated("[", one, ENGINE_IMAGES_MAX + 1, "}", "]")) == -E2BIG && !root.denied);
	CHECK(images(&root, repeated("[", one, 1000, "}", last)) == -E2BIG && root.denied);
	/* Another image's. */
	CHECK(images(&root, "[{\"id\":\"" OTHER "\",\"layer\":\"" OTHER "\",\"digest\":\"" DENIED "\"}]") == 0);
	CHECK(!root.denied && root.candidate_count == 0);
}

static void stored(void)
{
	static struct stored_root root;

	CHECK(images(&root, "[]") == 0 && root.candidate_count == 0);
	CHECK(images(&root,
		     "[{\"id\":\"" OTHER "\",\"layer\":\"" ID
		     "\",\"digest\":\"sha256:1\",\"names\":[\"a\",\"b\",\"a\"],"
		     "\"big-data-names\":[\"manifest\",\"manifest-sha256:1\",\"manifest-sha256:2\",\"x\"],\"unknown\":{}}]") ==
	      0);
	CHECK(root.candidate_count == 1 && str_equal(root.candidates[0].id, OTHER));
	CHECK(root.candidates[0].names.count == 2 && root.candidates[0].manifests.count == 2);
	CHECK(str_equal(root.candidates[0].manifests.item[1], "sha256:2"));
	/* An id is part of a path. */
	CHECK(images(&root, "[{\"id\":\"../../../etc\",\"layer\":\"" ID "\"}]") == 0 && root.candidate_count == 0);
	CHECK(images(&root, "[{\"id\":\"" OTHER "\",\"layer\":\"" OTHER "\"}]") == 0 && root.candidate_count == 0);
	CHECK(images(&root, "[{\"id\":\"" OTHER "\",\"layer\":\"" ID "\",\"names\":[1]}]") < 0);
	CHECK(images(&root, "[{\"id\":\"" OTHER "\",\"id\":\"" ID "\"}]") < 0);
	CHECK(images(&root, "[") < 0 && images(&root, "") < 0);
	CHECK(images(&root, "{}") == 0 && root.candidate_count == 0);
}

static bool same(const struct layer_stamp *a, const struct layer_stamp *b)
{
	return memcmp(a->digest, b->digest, sizeof a->digest) == 0;
}

/* Each change of a layer, seen from outside, is another stamp. */
static void stamps(void)
{
	char path[] = "/tmp/hrun-stamp-XXXXXX";
	struct layer_stamp first, again;

	CHECK(mkdtemp(path) != NULL);
	autofd int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(mkdirat(dir, "d", 0755) == 0 && symlinkat("x", dir, "l") == 0);
	autofd int file = openat(dir, "d/f", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	CHECK(layer_stamp(dir, 100, &first) == 0 && layer_stamp(dir, 100, &again) == 0 && same(&first, &again));
	CHECK(layer_stamp(dir, 2, &again) == -E2BIG);
	/* (A change of mode is one also within the clock's tick.) */
	CHECK(fchmod(file, 0600) == 0 && layer_stamp(dir, 100, &again) == 0 && !same(&first, &again));
	first = again;
	CHECK(write(file, "x", 1) == 1 && layer_stamp(dir, 100, &again) == 0 && !same(&first, &again));
	first = again;
	CHECK(linkat(dir, "d/f", dir, "d/g", 0) == 0 && layer_stamp(dir, 100, &again) == 0 && !same(&first, &again));
	first = again;
	CHECK(renameat(dir, "d/g", dir, "d/h") == 0 && layer_stamp(dir, 100, &again) == 0 && !same(&first, &again));
	first = again;
	CHECK(unlinkat(dir, "l", 0) == 0 && layer_stamp(dir, 100, &again) == 0 && !same(&first, &again));
	/* Of an image's file: each change of the file, and each other mount of it. */
	CHECK(layer_stamp_image(file, 1, &first) == 0 && layer_stamp_image(file, 1, &again) == 0 &&
	      same(&first, &again));
	CHECK(layer_stamp_image(file, 2, &again) == 0 && !same(&first, &again));
	CHECK(write(file, "x", 1) == 1 && layer_stamp_image(file, 1, &again) == 0 && !same(&first, &again));
	CHECK(again.newest.tv_sec > 0 && layer_stamp_image(-EBADF, 1, &again) == -EBADF);
	unlinkat(dir, "d/f", 0);
	unlinkat(dir, "d/h", 0);
	unlinkat(dir, "d", AT_REMOVEDIR);
	rmdir(path);
}

static void memory(void)
{
	char path[] = "/tmp/hrun-known-XXXXXX";
	struct layer_stamp stamp = {{1}, {1}, {0, 0}}, other = {{1}, {2}, {0, 0}};

	CHECK(mkdtemp(path) != NULL && chmod(path, 0700) == 0);
	CHECK(!layer_is_known(path, ID, false, &stamp));
	layer_remember(path, ID, false, &stamp);
	CHECK(layer_is_known(path, ID, false, &stamp));
	CHECK(!layer_is_known(path, OTHER, false, &stamp) && !layer_is_known(path, ID, true, &stamp));
	CHECK(!layer_is_known(path, ID, false, &other) && !layer_is_known(NULL, ID, false, &stamp));
	/* A directory that others may write to is believed no more. */
	CHECK(chmod(path, 0777) == 0 && !layer_is_known(path, ID, false, &stamp));
	chmod(path, 0700);
	char command[64];
	str_format(command, sizeof command, "rm -r %s", path);
	CHECK(system(command) == 0);
}

/* What a stamp of a layer of containerd's is: one of those below, too. */
static void put_on(const struct layer_stamp *below, struct layer_stamp *stamp)
{
	unsigned char pairs[2][2 * SHA256_SIZE];
	struct sha256 hash;

	memcpy(pairs[0], below->look, SHA256_SIZE);
	memcpy(pairs[0] + SHA256_SIZE, stamp->look, SHA256_SIZE);
	memcpy(pairs[1], below->digest, SHA256_SIZE);
	memcpy(pairs[1] + SHA256_SIZE, stamp->digest, SHA256_SIZE);
	sha256_init(&hash);
	sha256_add(&hash, pairs[0], sizeof pairs[0]);
	sha256_end(&hash, stamp->look);
	sha256_init(&hash);
	sha256_add(&hash, pairs[1], sizeof pairs[1]);
	sha256_end(&hash, stamp->digest);
}

static unsigned int entries(const char *path)
{
	unsigned int count = 0;
	DIR *list = opendir(path);

	for (const struct dirent *entry; list && (entry = readdir(list));)
		count += entry->d_name[0] != '.';
	if (list)
		closedir(list);
	return count;
}

/* Two layers, of which the upper one was compared and the lower one was remembered; DISTURB: and has changed meanwhile. */
static unsigned int remembered(const char *path, int blobs, const char *disturb)
{
	static struct stored_root root;
	autofd int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *cache = pool_printf(&pool, "%s/cache", path);
	const struct image_root_asked asked = {.cache = cache};
	char command[64];

	memset(&root, 0, sizeof root);
	CHECK(mkdirat(dir, "cache", 0700) == 0 && mkdirat(dir, "1", 0755) == 0 && mkdirat(dir, "2", 0755) == 0);
	autofd int lower = openat(dir, "1", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autofd int upper = openat(dir, "2", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const int dirs[] = {lower, upper};
	root.blobs = blobs;
	root.layer_count = 2;
	for (size_t i = 0; i < 2; i++) {
		struct stored_layer *layer = &root.layers[i];
		*layer = (struct stored_layer){
			.dir = dirs[i], .image = -EBADF, .stamped = time(NULL) + 100, .has_stamp = true};
		CHECK(layer_stamp(layer->dir, 100, &layer->stamp) == 0);
		if (i == 1 && blobs >= 0)
			put_on(&root.layers[0].stamp, &layer->stamp);
		str_format(layer->known, sizeof layer->known, "%s", i ? OTHER : ID);
	}
	str_format(root.layers[0].remembered, sizeof root.layers[0].remembered, "%s", ID);
	root.layers[1].stamp.newest = root.layers[0].stamp.newest;
	CHECK(!disturb || mkdirat(dir, disturb, 0700) == 0);
	stored_root_remember(&asked, &root);
	unsigned int count = entries(cache);
	str_format(command, sizeof command, "rm -r %s/*", path);
	CHECK(system(command) == 0);
	return count;
}

/* A comparison of a layer says nothing where that layer, or for containerd one below it, is another one by now. */
static void remembering(void)
{
	char path[] = "/tmp/hrun-layers-XXXXXX";

	CHECK(mkdtemp(path) != NULL);
	CHECK(remembered(path, 0, NULL) == 1 && remembered(path, -EBADF, NULL) == 1);
	CHECK(remembered(path, 0, "2/d") == 0 && remembered(path, -EBADF, "2/d") == 0);
	CHECK(remembered(path, 0, "1/d") == 0 && remembered(path, -EBADF, "1/d") == 1);
	rmdir(path);
}

int main(void)
{
	mounts();
	ids();
	names();
	stored();
	bounds();
	stamps();
	memory();
	remembering();
	pool_free(&pool);
	return failures != 0;
}
