/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_name.c - names of images: what is one, what is none, and which scope they are in.
 */
#include "check.h"

#include <fcntl.h>
#include <hrun/image_name.h>
#include <hrun/str.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define D "@sha256:" A64

static struct pool pool;

static bool same(const char *a, const char *b)
{
	return a && b ? str_equal(a, b) : a == b;
}

static const struct {
	const char *text, *registry, *repository, *tag, *digest;
} good[] = {
	{"r.example/a", "r.example", "r.example/a", NULL, NULL},
	{"r/a", "r", "r/a", NULL, NULL},
	{"r.example/a:v1", "r.example", "r.example/a", "v1", NULL},
	{"r.example/a" D, "r.example", "r.example/a", NULL, "sha256:" A64},
	{"r.example/a:v1" D, "r.example", "r.example/a", "v1", "sha256:" A64},
	{"r.example:5000/a", "r.example:5000", "r.example:5000/a", NULL, NULL},
	{"r.example:5000/a:v1", "r.example:5000", "r.example:5000/a", "v1", NULL},
	{"r.example:1/a", "r.example:1", "r.example:1/a", NULL, NULL},
	{"r.example:65535/a", "r.example:65535", "r.example:65535/a", NULL, NULL},
	{"127.0.0.1:5102/devr/alpha", "127.0.0.1:5102", "127.0.0.1:5102/devr/alpha", NULL, NULL},
	{"localhost/a/b/c/d", "localhost", "localhost/a/b/c/d", NULL, NULL},
	{"[::1]/a", "[::1]", "[::1]/a", NULL, NULL},
	{"[::1]:5000/a:t", "[::1]:5000", "[::1]:5000/a", "t", NULL},
	{"[2001:db8::1]/a/b", "[2001:db8::1]", "[2001:db8::1]/a/b", NULL, NULL},
	{"docker.io/library/busybox", "docker.io", "docker.io/library/busybox", NULL, NULL},
	{"a-b.c-d.example/a", "a-b.c-d.example", "a-b.c-d.example/a", NULL, NULL},
	{A63 ".example/a", A63 ".example", A63 ".example/a", NULL, NULL},
	{"r/a.b", "r", "r/a.b", NULL, NULL},
	{"r/a_b", "r", "r/a_b", NULL, NULL},
	{"r/a__b", "r", "r/a__b", NULL, NULL},
	{"r/a-b", "r", "r/a-b", NULL, NULL},
	{"r/a---b", "r", "r/a---b", NULL, NULL},
	{"r/0", "r", "r/0", NULL, NULL},
	{"r/a.b_c-d__e", "r", "r/a.b_c-d__e", NULL, NULL},
	{"r/a:V", "r", "r/a", "V", NULL},
	{"r/a:_x", "r", "r/a", "_x", NULL},
	{"r/a:1.2-3_4", "r", "r/a", "1.2-3_4", NULL},
	{"r/a:" A64 A64, "r", "r/a", A64 A64, NULL},
	{"r/a:sha256-" A64, "r", "r/a", "sha256-" A64, NULL},
	{"1/2", "1", "1/2", NULL, NULL},
};

static const struct {
	const char *text, *why;
} bad[] = {
	{"", "names no registry"},
	{"busybox", "names no registry"},
	{"busybox:latest", "names no registry"},
	{"busybox" D, "names no registry"},
	{"localhost:5000", "names no registry"},
	{"/", "begins with no registry"},
	{"/a", "begins with no registry"},
	{"//a", "begins with no registry"},
	{"r/", "is no REGISTRY/REPOSITORY"},
	{"r//a", "is no REGISTRY/REPOSITORY"},
	{"r/a/", "is no REGISTRY/REPOSITORY"},
	{"r/a//b", "is no REGISTRY/REPOSITORY"},
	{"r/./a", "is no REGISTRY/REPOSITORY"},
	{"r/../a", "is no REGISTRY/REPOSITORY"},
	{"r/a/..", "is no REGISTRY/REPOSITORY"},
	{"../a", "begins with no registry"},
	{"R.example/a", "begins with no registry"},
	{"r.exAmple/a", "begins with no registry"},
	{"-r/a", "begins with no registry"},
	{"r-/a", "begins with no registry"},
	{".r/a", "begins with no registry"},
	{"r./a", "begins with no registry"},
	{"r..x/a", "begins with no registry"},
	{"r.-x/a", "begins with no registry"},
	{"r_x/a", "begins with no registry"},
	{A64 ".example/a", "begins with no registry"},
	{"r:/a", "begins with no registry"},
	{"r:0/a", "begins with no registry"},
	{"r:05000/a", "begins with no registry"},
	{"r:65536/a", "begins with no registry"},
	{"r:123456/a", "begins with no registry"},
	{"r:-1/a", "begins with no registry"},
	{"r:5000x/a", "begins with no registry"},
	{"r:5000:5000/a", "begins with no registry"},
	{":5000/a", "begins with no registry"},
	{"user@r/a", "has no digest"},
	{"[::1/a", "begins with no registry"},
	{"[]/a", "begins with no registry"},
	{"[:]/a", "begins with no registry"},
	{"[::1]x/a", "begins with no registry"},
	{"[::1]5000/a", "begins with no registry"},
	{"[::1]:/a", "begins with no registry"},
	{"[::g]/a", "begins with no registry"},
	{"[::A]/a", "begins with no registry"},
	{"[fe80::1%eth0]/a", "begins with no registry"},
	{"https://r/a", "begins with no registry"},
	{"docker://r/a", "begins with no registry"},
	{"r/A", "is no REGISTRY/REPOSITORY"},
	{"r/a.", "is no REGISTRY/REPOSITORY"},
	{"r/.a", "is no REGISTRY/REPOSITORY"},
	{"r/-a", "is no REGISTRY/REPOSITORY"},
	{"r/a-", "is no REGISTRY/REPOSITORY"},
	{"r/_a", "is no REGISTRY/REPOSITORY"},
	{"r/a_", "is no REGISTRY/REPOSITORY"},
	{"r/a..b", "is no REGISTRY/REPOSITORY"},
	{"r/a___b", "is no REGISTRY/REPOSITORY"},
	{"r/a._b", "is no REGISTRY/REPOSITORY"},
	{"r/a-_b", "is no REGISTRY/REPOSITORY"},
	{"r/a_-b", "is no REGISTRY/REPOSITORY"},
	{"r/a.-b", "is no REGISTRY/REPOSITORY"},
	{"r/a b", "is no REGISTRY/REPOSITORY"},
	{" r/a", "begins with no registry"},
	{"r/a ", "is no REGISTRY/REPOSITORY"},
	{"r/a\n", "is no REGISTRY/REPOSITORY"},
	{"r/a\\b", "is no REGISTRY/REPOSITORY"},
	{"r/*", "is no REGISTRY/REPOSITORY"},
	{"r/a*", "is no REGISTRY/REPOSITORY"},
	{"*", "names no registry"},
	{"*/a", "begins with no registry"},
	{"r/\xc3\xa9", "is no REGISTRY/REPOSITORY"},
	{"\xd1\x80/a", "begins with no registry"},
	{"r/a:", "has no tag"},
	{"r/a:.v", "has no tag"},
	{"r/a:-v", "has no tag"},
	{"r/a:v v", "has no tag"},
	{"r/a:v:w", "has no tag"},
	{"r/a:v+w", "has no tag"},
	{"r/a:" A64 A64 "a", "has no tag"},
	{"r/a:v/b", "is no REGISTRY/REPOSITORY"},
	{"r/a@", "has no digest"},
	{"r/a@sha256", "has no digest"},
	{"r/a@sha256:", "has no digest"},
	{"r/a@sha256:" A63, "has no digest"},
	{"r/a@sha256:" A64 "a", "has no digest"},
	{"r/a@sha256:" A63 "A", "has no digest"},
	{"r/a@sha256:" A63 "g", "has no digest"},
	{"r/a@sha256:../" A63, "has no digest"},
	{"r/a@SHA256:" A64, "has no digest"},
	{"r/a@sha512:" A64 A64, "has no digest"},
	{"r/a@md5:" A64, "has no digest"},
	{"r/a" D ":v1", "has no digest"},
	{"r/a" D D, "has no digest"},
	{"r/a@v1" D, "has no digest"},
	{"@sha256:" A64, "names no registry"},
	{D ":5000/a", "has no digest"},
	{"r/" A64 A64 A64 A63, "is longer"},
};

static void test_names(void)
{
	struct image_name name;

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		const char *complaint = image_name_read(&pool, good[i].text, &name);
		CHECK(!complaint, "%s: %s", good[i].text, complaint);
		CHECK(same(name.registry, good[i].registry) && same(name.repository, good[i].repository), "%s",
		      good[i].text);
		CHECK(same(name.tag, good[i].tag) && same(name.digest, good[i].digest), "%s", good[i].text);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		const char *complaint = image_name_read(&pool, bad[i].text, &name);
		CHECK(complaint && str_starts(complaint, bad[i].why), "%s: %s (expected %s)", bad[i].text,
		      complaint ? complaint : "taken", bad[i].why);
		CHECK(!name.repository && !name.tag && !name.digest, "%s", bad[i].text);
	}
	/* Exactly 255 bytes, and far too many. */
	const char *longest = pool_printf(&pool, "r/%.253s", A64 A64 A64 A63);
	CHECK(strlen(longest) == 255 && !image_name_read(&pool, longest, &name));
	char *huge = pool_alloc(&pool, 100000);
	memset(huge, 'a', 99999);
	huge[1] = '/';
	CHECK(image_name_read(&pool, huge, &name));
}

static const struct {
	const char *scope;
	bool good;
} scopes[] = {
	{"*", true},
	{"r/*", true},
	{"r.example:5000/*", true},
	{"r/a/*", true},
	{"r/a/b/*", true},
	{"r/a", true},
	{"r/a/b", true},
	{"", false},
	{"**", false},
	{"*/a", false},
	{"r", false},
	{"r*", false},
	{"r/a*", false},
	{"r/*/a", false},
	{"r/**", false},
	{"r//*", false},
	{"/*", false},
	{"r/a/", false},
	{"r/a:v1", false},
	{"r/a" D, false},
	{"R/a", false},
	{"*.example/a", false},
	{"r/../*", false},
};

static void test_scopes(void)
{
	for (size_t i = 0; i < sizeof scopes / sizeof scopes[0]; i++)
		CHECK(!image_name_check_scope(&pool, scopes[i].scope) == scopes[i].good, "%s", scopes[i].scope);
	CHECK(!image_name_check_prefix(&pool, "r.example:5000") && !image_name_check_prefix(&pool, "r/a/b"));
	CHECK(image_name_check_prefix(&pool, "r/a:v1") && image_name_check_prefix(&pool, "r/") &&
	      image_name_check_prefix(&pool, ""));
}

/* Which of the scopes is the closest for a repository: its number in the row, -1: none. */
static const struct {
	const char *repository, *scopes[5];
	int closest;
} nearness[] = {
	{"r/a", {"*", "r/*", "r/a"}, 2},
	{"r/b", {"*", "r/*", "r/a"}, 1},
	{"s/a", {"*", "r/*", "r/a"}, 0},
	{"s/a", {"r/*", "r/a"}, -1},
	{"", {"r/*", "*"}, 1},
	{"", {"r/*", "r/a"}, -1},
	{"r/a/b", {"r/*", "r/a/*", "r/a"}, 1},
	{"r/a/b/c", {"r/*", "r/a/*", "r/a/b/*", "r/a/b"}, 2},
	{"r/a", {"r/a/*"}, -1},
	{"r/ab", {"r/a/*", "r/a"}, -1},
	{"r/a-b/c", {"r/a/*"}, -1},
	{"r.example/a", {"r/*", "r.e/*"}, -1},
	{"r/a", {"r:5000/*", "r:5000/a"}, -1},
	{"r:5000/a", {"r/*", "r:5000/*"}, 1},
	/* A repository is closer than the namespace of the same length and than any longer one could be. */
	{"r/a/b", {"r/a/b", "r/a/*"}, 0},
};

static void test_closeness(void)
{
	for (size_t i = 0; i < sizeof nearness / sizeof nearness[0]; i++) {
		size_t best = 0;
		int closest = -1;
		for (int k = 0; k < 5 && nearness[i].scopes[k]; k++) {
			size_t is = image_name_in_scope(nearness[i].repository, nearness[i].scopes[k]);
			closest = is > best ? k : closest;
			best = is > best ? is : best;
		}
		CHECK(closest == nearness[i].closest, "row %zu, %s: %d", i, nearness[i].repository, closest);
	}
}

static const struct {
	const char *text, *directory, *ref;
} layouts[] = {
	{"layout", "layout", NULL},
	{"layout:v1", "layout", "v1"},
	{"/a/layout:v1", "/a/layout", "v1"},
	{"/a:b/layout", "/a:b/layout", NULL},
	{"/a:b/layout:v1", "/a:b/layout", "v1"},
	{"layout:a:b", "layout:a", "b"},
	{"layout:", "layout", ""},
	{":v1", "", "v1"},
	{"./x:y/", "./x:y/", NULL},
	{"", "", NULL},
};

static void test_layouts(void)
{
	char directory[] = "/tmp/hrun-layout-XXXXXX";
	const char *dir, *ref;

	for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
		image_layout_name(&pool, layouts[i].text, &dir, &ref);
		CHECK(str_equal(dir, layouts[i].directory) && same(ref, layouts[i].ref), "%s: %s, %s", layouts[i].text,
		      dir, ref);
	}
	CHECK(mkdtemp(directory) != NULL);
	int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(!image_is_layout(fd));
	CHECK(symlinkat("/etc/passwd", fd, "oci-layout") == 0 && !image_is_layout(fd));
	unlinkat(fd, "oci-layout", 0);
	CHECK(mkdirat(fd, "oci-layout", 0700) == 0 && !image_is_layout(fd));
	unlinkat(fd, "oci-layout", AT_REMOVEDIR);
	close(openat(fd, "oci-layout", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	CHECK(image_is_layout(fd));
	unlinkat(fd, "oci-layout", 0);
	close(fd);
	rmdir(directory);
}

int main(void)
{
	test_names();
	test_scopes();
	test_closeness();
	test_layouts();
	pool_free(&pool);
	return failures != 0;
}
