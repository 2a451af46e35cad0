/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_config.c - the config of an image to a config.json: what is taken, what is refused, and who User is.
 */
#include "check.h"

#include <fcntl.h>
#include <hrun/config.h>
#include <hrun/fd.h>
#include <hrun/image_config.h>
#include <hrun/str.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct pool pool;
static int root = -1;

static void write_file(const char *name, const void *bytes, size_t size)
{
	unlinkat(root, name, 0);
	autofd int fd = openat(root, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
	CHECK(fd >= 0 && fd_write_all(fd, bytes, size) == 0, "%s", name);
}

static void write_text(const char *name, const char *text)
{
	write_file(name, text, strlen(text));
}

/* ---- the document ---- */

static int read_text(const char *text, size_t size, struct image_config *ret, struct err *e)
{
	*e = (struct err){0};
	return image_config_read(&pool, text, size, ret, e);
}

static int read_members(const char *members, struct image_config *ret, struct err *e)
{
	const char *text = pool_printf(&pool, "{\"os\":\"linux\",\"config\":{%s}}", members);

	return read_text(text, strlen(text), ret, e);
}

static const struct {
	const char *text, *why;
} bad_documents[] = {
	{"", "the image's config"},
	{"[]", "the image's config"},
	{"{}", "`os`"},
	{"{\"os\":\"windows\"}", "`os`: is `windows`"},
	{"{\"os\":\"\"}", "`os`"},
	{"{\"os\":null}", "`os`"},
	{"{\"os\":1}", "`os`: has another type"},
	{"{\"OS\":\"linux\"}", "by case only"},
	{"{\"os\":\"linux\",\"os\":\"linux\"}", "twice"},
	{"{\"os\":\"linux\",\"Config\":{}}", "by case only"},
	{"{\"os\":\"linux\",\"config\":[]}", "`config`: has another type"},
	{"{\"os\":\"linux\",\"config\":{}} x", "the image's config, line 1"},
	{"{\"os\":\"linux\\u0000\"}", "the image's config, line 1"},
	{"{\"os\":\"linux\",\"architecture\":\"a\\nb\"}", "control character"},
};

static const struct {
	const char *members, *why;
} bad[] = {
	{"\"User\":1000", "`config.User`: has another type"},
	{"\"user\":\"a\"", "by case only"},
	{"\"User\":\"a\\u001b[2J\"", "control character"},
	{"\"Cmd\":\"sh\"", "`config.Cmd`: has another type"},
	{"\"Cmd\":[1]", "`config.Cmd[0]`: must be a string"},
	{"\"Cmd\":[null]", "must be a string"},
	{"\"Cmd\":[[\"sh\"]]", "must be a string"},
	{"\"CMD\":[\"sh\"]", "by case only"},
	{"\"Cmd\":[\"a\\u0000b\"]", "line 1"},
	{"\"Entrypoint\":\"sh\"", "another type"},
	{"\"entrypoint\":[]", "by case only"},
	{"\"ENTRYPOINT\":null", "by case only"},
	{"\"Env\":{\"A\":\"1\"}", "another type"},
	{"\"Env\":[\"A\"]", "`config.Env[0]`: must be NAME=VALUE"},
	{"\"Env\":[\"A=1\",\"\"]", "`config.Env[1]`: must be NAME=VALUE"},
	{"\"Env\":[\"=A\"]", "must be NAME=VALUE"},
	{"\"Env\":[\"=\"]", "must be NAME=VALUE"},
	{"\"env\":[]", "by case only"},
	{"\"WorkingDir\":\"a\"", "`config.WorkingDir`: must be an absolute path"},
	{"\"WorkingDir\":\"./\"", "absolute"},
	{"\"WorkingDir\":\"/a/..\"", "\"..\""},
	{"\"WorkingDir\":\"/../a\"", "\"..\""},
	{"\"WorkingDir\":\"/a\\nb\"", "no path"},
	{"\"WorkingDir\":[]", "another type"},
	{"\"Workingdir\":\"/\"", "by case only"},
	{"\"StopSignal\":\"TERM\"", "must be a signal"},
	{"\"StopSignal\":\"sigterm\"", "must be a signal"},
	{"\"StopSignal\":\"SIG\"", "must be a signal"},
	{"\"StopSignal\":\"0\"", "must be a signal"},
	{"\"StopSignal\":\"65\"", "must be a signal"},
	{"\"StopSignal\":\"-9\"", "must be a signal"},
	{"\"StopSignal\":\"015\"", "must be a signal"},
	{"\"StopSignal\":\"SIGTERM \"", "must be a signal"},
	{"\"StopSignal\":\"SIGAAAAAAAAAAAAAA\"", "must be a signal"},
	{"\"StopSignal\":15", "another type"},
	{"\"Volumes\":[\"/a\"]", "another type"},
	{"\"volumes\":{}", "by case only"},
	{"\"Volumes\":{\"a\":{}}", "absolute"},
	{"\"Volumes\":{\"\":{}}", "absolute"},
	{"\"Volumes\":{\"/\":{}}", "hide the whole image"},
	{"\"Volumes\":{\"//.\":{}}", "hide the whole image"},
	{"\"Volumes\":{\"/a/../b\":{}}", "\"..\""},
	{"\"Volumes\":{\"/proc\":{}}", "place of the kernel's"},
	{"\"Volumes\":{\"/proc/sys\":{}}", "place of the kernel's"},
	{"\"Volumes\":{\"/sys/fs/cgroup/\":{}}", "place of the kernel's"},
	{"\"Volumes\":{\"/dev//shm\":{}}", "place of the kernel's"},
	{"\"Volumes\":{\"/a\\tb\":{}}", "no path"},
};

static void test_bad(void)
{
	struct image_config config;
	struct err e;

	for (size_t i = 0; i < sizeof bad_documents / sizeof bad_documents[0]; i++) {
		int r = read_text(bad_documents[i].text, strlen(bad_documents[i].text), &config, &e);
		CHECK(r == -EINVAL && strstr(e.text, bad_documents[i].why), "%s: %d %s", bad_documents[i].text, r,
		      e.text);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		int r = read_members(bad[i].members, &config, &e);
		CHECK(r == -EINVAL && strstr(e.text, bad[i].why) && str_starts(e.text, "the image's config"),
		      "%s: %d %s", bad[i].members, r, e.text);
	}
	CHECK(read_text("{\"os\":\"linux\"}\0", 15, &config, &e) == -EINVAL);
	/* The value of a variable stays out of the message. */
	CHECK(read_members("\"Env\":[\"geheim\"]", &config, &e) < 0 && !strstr(e.text, "geheim"));
}

static void test_bounds(void)
{
	struct image_config config;
	struct err e;
	struct json_out out = {.pool = &pool};

	for (int i = 0; i < IMAGE_CONFIG_STRINGS_MAX; i++)
		json_out_raw(&out, i ? ",\"a\"" : "\"Cmd\":[\"a\"");
	CHECK(read_members(pool_printf(&pool, "%s]", out.text), &config, &e) == 0 &&
	      config.cmd.count == IMAGE_CONFIG_STRINGS_MAX);
	CHECK(read_members(pool_printf(&pool, "%s,\"a\"]", out.text), &config, &e) < 0 &&
	      strstr(e.text, "more than 1024"));
	char *text = pool_alloc(&pool, IMAGE_CONFIG_TEXT_MAX + 1);
	memset(text, 'a', IMAGE_CONFIG_TEXT_MAX - 1);
	CHECK(read_members(pool_printf(&pool, "\"Cmd\":[\"%s\"]", text), &config, &e) == 0);
	CHECK(read_members(pool_printf(&pool, "\"Cmd\":[\"%sa\"]", text), &config, &e) < 0);
	out = (struct json_out){.pool = &pool};
	for (int i = 0; i < 9; i++)
		json_out_printf(&out, "%s\"%s\"", i ? "," : "", text);
	CHECK(read_members(pool_printf(&pool, "\"Cmd\":[%s]", out.text), &config, &e) < 0 &&
	      strstr(e.text, "too long"));
	out = (struct json_out){.pool = &pool};
	for (int i = 0; i <= IMAGE_CONFIG_VOLUMES_MAX; i++)
		json_out_printf(&out, "%s\"/v%d\":{}", i ? "," : "", i);
	CHECK(read_members(pool_printf(&pool, "\"Volumes\":{%s}", out.text), &config, &e) < 0);
	memset(text, 'a', 4096);
	text[0] = '/';
	text[4096] = '\0';
	CHECK(read_members(pool_printf(&pool, "\"WorkingDir\":\"%s\"", text), &config, &e) < 0);
}

/* ---- to config.json ---- */

/* The document for an image with these members, or what is wrong with it. */
static struct config *document(const char *members, const struct image_container *container, struct json_out *out,
			       struct err *e)
{
	struct image_config image;
	struct string_list missing;
	struct json_error error;
	const struct json *tree;
	struct config *config = NULL;
	int r = read_members(members, &image, e);

	*out = (struct json_out){.pool = &pool};
	CHECK(r == 0, "%s: %s", members, e->text);
	if (r < 0 || image_config_document(&pool, &image, container, out, &missing, e) < 0)
		return NULL;
	CHECK(json_read(&pool, out->text, out->length, out->length, &tree, &error) == 0 &&
		      config_read(&pool, tree, &config, &error) == 0,
	      "%s: %s", out->text, error.text);
	return config;
}

static bool list_is(const struct string_list *list, const char *const *words)
{
	size_t n = 0;

	for (; words[n]; n++) {
		if (n >= list->count || !str_equal(list->item[n], words[n]))
			return false;
	}
	return n == list->count;
}
#define IS(list, ...) list_is(&(list), (const char *const[]){__VA_ARGS__, NULL})

static void test_process(void)
{
	struct image_container plain = {.rootfs = root, .root_path = "/run/x"}, with_args = plain;
	const char *args[] = {"-l", "/"};
	struct json_out out;
	struct err e;
	struct config *c = document("\"Cmd\":[\"sh\",\"\"]", &plain, &out, &e);

	with_args.args = (struct string_list){.item = args, .count = 2};
	CHECK(c && IS(c->process->args, "sh", "") && str_equal(c->root.path, "/run/x") && c->root.readonly);
	CHECK(c && str_equal(c->process->cwd, "/") && c->process->user.uid.value == 1000 &&
	      c->process->user.gid.value == 1000 && c->process->no_new_privileges.value && c->mount_count == 9);
	CHECK(c && c->process->env.count == 1 && str_starts(c->process->env.item[0], "PATH=/usr/local/sbin:"));
	CHECK(c && c->annotations.count == 0 && c->unknown_count == 0);
	c = document("\"Entrypoint\":[\"/e\"],\"Cmd\":[\"a\",\"b\"]", &plain, &out, &e);
	CHECK(c && IS(c->process->args, "/e", "a", "b"));
	c = document("\"Entrypoint\":[\"/e\"],\"Cmd\":[\"a\",\"b\"]", &with_args, &out, &e);
	CHECK(c && IS(c->process->args, "/e", "-l", "/"));
	c = document("\"Cmd\":[\"a\",\"b\"]", &with_args, &out, &e);
	CHECK(c && IS(c->process->args, "-l", "/"));
	CHECK(!document("", &plain, &out, &e) && strstr(e.text, "names no program"));
	CHECK(!document("\"Entrypoint\":[],\"Cmd\":null", &plain, &out, &e) && strstr(e.text, "names no program"));
	CHECK(!document("\"Cmd\":[\"\",\"a\"]", &plain, &out, &e) && strstr(e.text, "names no program"));
	c = document("\"Cmd\":[\"a\"],\"Env\":[\"A=1\",\"PATH=/bin\",\"A=2\",\"AB=3\",\"E=\",\"F=a=b\"]", &plain, &out,
		     &e);
	CHECK(c && IS(c->process->env, "PATH=/bin", "A=2", "AB=3", "E=", "F=a=b"));
	c = document("\"Cmd\":[\"a\"],\"WorkingDir\":\"/srv//x/./\",\"StopSignal\":\"SIGRTMIN+3\"", &plain, &out, &e);
	CHECK(c && str_equal(c->process->cwd, "/srv/x") && c->annotations.count == 1 &&
	      str_equal(c->annotations.item[0].key, "org.opencontainers.image.stopSignal") &&
	      str_equal(c->annotations.item[0].value, "SIGRTMIN+3"));
	/* Quotes and the like are text, not JSON. */
	c = document("\"Cmd\":[\"a\\\"],\\n\\\\\",\"\\u00e9\"],\"Env\":[\"A=\\\"}\"]", &plain, &out, &e);
	CHECK(c && IS(c->process->args, "a\"],\n\\", "\xc3\xa9") && str_equal(c->process->env.item[1], "A=\"}"));
	/* What is for others. */
	c = document("\"Cmd\":[\"a\"],\"Labels\":{\"a\":\"b\"},\"ExposedPorts\":{\"80/tcp\":{}},\"Healthcheck\":null,"
		     "\"ArgsEscaped\":true",
		     &plain, &out, &e);
	CHECK(c && c->annotations.count == 0);
}

static void test_volumes(void)
{
	struct image_container plain = {.rootfs = root, .root_path = "rootfs"};
	struct json_out out;
	struct err e;
	struct config *c = document("\"Cmd\":[\"a\"],\"Volumes\":{\"/srv/b\":{},\"/srv\":{},\"/srv/\":null,\"/tmp\":{},"
				    "\"/run/x\":{},\"/a b\":{}}",
				    &plain, &out, &e);
	static const char *const places[] = {"/a b", "/run/x", "/srv", "/srv/b"};

	CHECK(c && c->mount_count == 9 + 4);
	for (size_t i = 0; c && c->mount_count == 13 && i < 4; i++) {
		const struct config_mount *mount = &c->mounts[9 + i];
		CHECK(str_equal(mount->destination, places[i]) && str_equal(mount->type, "tmpfs"), "%s",
		      mount->destination);
		CHECK(IS(mount->options, "nosuid", "noexec", "nodev", "tmpcopyup", "size=65536k"));
	}
}

/* ---- User ---- */

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "app:x:1000:1001:,,,:/home/app:/bin/sh\n"
			     "short:x:5:5:/:\n"
			     "twice:x:7:7::/:\ntwice:x:7:7::/other:\n"
			     "torn:x:8:8::/:\ntorn:x:0:0::/:\n"
			     "max:x:4294967294:4294967294::/:\n"
			     "over:x:4294967295:0::/:\n"
			     "minus:x:-1:0::/:\n"
			     "1234:x:0:0::/:\n"
			     "same:x:1000:55::/:\n"
			     "last:x:9:9::/:";
static const char group[] = "root:x:0:\napp:x:1001:\nstaff:x:50:app,other\nwheel:x:10:other,app\nmine:x:1001:app\n"
			    "broken:x:60:app:\nover:x:4294967295:app\nxapp:x:70:xapp,appx\ntorn:x:1:\ntorn:x:2:\n";

static const struct {
	const char *user;
	uint32_t uid, gid, groups[4]; /* 0 ends them */
} users[] = {
	{"root", 0, 0, {0}},
	{"app", 1000, 1001, {50, 10}},
	{"app:staff", 1000, 50, {0}},
	{"app:0", 1000, 0, {0}},
	{"app:root", 1000, 0, {0}},
	{"app:77", 1000, 77, {0}},
	{"1000", 1000, 1001, {50, 10}}, /* the first entry of that number */
	{"1000:staff", 1000, 50, {0}},
	{"1000:1000", 1000, 1000, {0}},
	{"12345", 12345, 0, {0}}, /* has no entry: the group that engines give */
	{"12345:6", 12345, 6, {0}},
	{"0", 0, 0, {0}},
	{"0:0", 0, 0, {0}},
	{"twice", 7, 7, {0}},
	{"max", 4294967294, 4294967294, {0}},
	{"4294967294:4294967294", 4294967294, 4294967294, {0}},
	{"last", 9, 9, {0}},
	{"1234", 1234, 0, {0}}, /* a number is a number, whoever is called so */
};

static const struct {
	const char *user, *why;
} bad_users[] = {
	{"nobody", "whom its /etc/passwd does not have"},
	{"short", "does not have"},
	{"over", "does not have"},
	{"minus", "does not have"},
	{"torn", "two different users `torn`"},
	{"APP", "does not have"},
	{"", "neither a name nor a number"},
	{":", "neither a name nor a number"},
	{":staff", "neither a name nor a number"},
	{"app:", "the group ``"},
	{"app:nobody", "which its /etc/group does not have"},
	{"app:broken", "does not have"},
	{"app:over", "does not have"},
	{"app:torn", "two different groups"},
	{"app:staff:x", "neither a name"},
	{"app::50", "neither a name"},
	{"4294967295", "up to 4294967294"},
	{"4294967296", "up to 4294967294"},
	{"18446744073709551616", "up to 4294967294"},
	{"-1", "up to 4294967294"},
	{"+1", "up to 4294967294"},
	{"01", "up to 4294967294"},
	{"00", "up to 4294967294"},
	{"1:4294967295", "up to 4294967294"},
	{"1:-1", "up to 4294967294"},
	{"1:01", "up to 4294967294"},
	{" app", "neither a name"},
	{"app ", "neither a name"},
	{"../app", "neither a name"},
	{"a/b", "neither a name"},
	{"0x0", "does not have"},
	{"1e3", "does not have"},
};

static void check_user(const char *text, uint32_t uid, uint32_t gid, const uint32_t groups[4])
{
	struct image_user user;
	struct err e = {0};
	size_t n = 0;

	CHECK(image_user_read(&pool, root, text, &user, &e) == 0, "%s: %s", text, e.text);
	CHECK(user.uid == uid && user.gid == gid, "%s: %u:%u", text, user.uid, user.gid);
	for (; n < 4 && groups[n]; n++)
		CHECK(n < user.group_count && user.groups[n] == groups[n], "%s", text);
	CHECK(n == user.group_count, "%s: %zu groups", text, user.group_count);
}

static void refuse_user(const char *text, const char *why)
{
	struct image_user user;
	struct err e = {0};
	int r = image_user_read(&pool, root, text, &user, &e);

	CHECK(r < 0 && strstr(e.text, why), "%s: %d %s (expected %s)", text, r, e.text, why);
	CHECK(!strstr(e.text, "not found") && !strstr(e.text, "no such file"), "%s", e.text);
}

static void test_users(void)
{
	write_text("etc/passwd", passwd);
	write_text("etc/group", group);
	for (size_t i = 0; i < sizeof users / sizeof users[0]; i++)
		check_user(users[i].user, users[i].uid, users[i].gid, users[i].groups);
	for (size_t i = 0; i < sizeof bad_users / sizeof bad_users[0]; i++)
		refuse_user(bad_users[i].user, bad_users[i].why);
}

/* Files that are not what they should be. */
static void test_user_files(void)
{
	static const uint32_t none[4];
	char *huge = pool_alloc(&pool, (1 << 20) + 2);

	memset(huge, '\n', (1 << 20) + 1);
	unlinkat(root, "etc/passwd", 0);
	refuse_user("app", "does not have");
	check_user("1000", 1000, 0, none);
	write_file("etc/passwd", huge, 1 << 20);
	refuse_user("app", "does not have");
	write_file("etc/passwd", huge, (1 << 20) + 1);
	refuse_user("app", "at most 1048576 are read");
	refuse_user("1000", "at most 1048576 are read");
	write_file("etc/passwd", "app:x:1:1::/:\n\0", 15);
	refuse_user("app", "cannot be read as text");
	unlinkat(root, "etc/passwd", 0);
	CHECK(mkfifoat(root, "etc/passwd", 0644) == 0);
	refuse_user("app", "no regular file");
	unlinkat(root, "etc/passwd", 0);
	CHECK(mkdirat(root, "etc/passwd", 0755) == 0);
	refuse_user("app", "no regular file");
	unlinkat(root, "etc/passwd", AT_REMOVEDIR);
	/* A link is followed inside the root, and nowhere else: this one leads to itself. */
	CHECK(symlinkat("/etc/passwd", root, "etc/passwd") == 0);
	refuse_user("app", "no regular file");
	unlinkat(root, "etc/passwd", 0);
	CHECK(symlinkat("../../../../usr/passwd", root, "etc/passwd") == 0 && mkdirat(root, "usr", 0755) == 0);
	write_text("usr/passwd", "app:x:3:4::/:\n");
	check_user("app:5", 3, 5, none);
	unlinkat(root, "etc/passwd", 0);
	unlinkat(root, "usr/passwd", 0);
	unlinkat(root, "usr", AT_REMOVEDIR);
	/* No root at all: numbers only. */
	struct image_user user;
	struct err e = {0};
	CHECK(image_user_read(&pool, -1, "5:6", &user, &e) == 0 && user.uid == 5 && user.gid == 6);
	CHECK(image_user_read(&pool, -1, "root", &user, &e) < 0);
}

static void test_user_of_config(void)
{
	struct image_container plain = {.rootfs = root, .root_path = "rootfs"}, rootless = plain;
	struct json_out out;
	struct err e;

	rootless.rootless = true;
	write_text("etc/passwd", passwd);
	write_text("etc/group", group);
	struct config *c = document("\"Cmd\":[\"a\"],\"User\":\"app\"", &plain, &out, &e);
	CHECK(c && c->process->user.uid.value == 1000 && c->process->user.gid.value == 1001 &&
	      c->process->user.additional_gid_count == 2 && c->process->user.additional_gids[1] == 10 &&
	      c->process->user.umask.value == 18);
	c = document("\"Cmd\":[\"a\"],\"User\":\"\"", &plain, &out, &e);
	CHECK(c && c->process->user.uid.value == 1000 && c->process->user.gid.value == 1000);
	c = document("\"Cmd\":[\"a\"],\"User\":\"0\"", &plain, &out, &e);
	CHECK(c && c->process->user.uid.set && c->process->user.uid.value == 0);
	c = document("\"Cmd\":[\"a\"]", &rootless, &out, &e);
	CHECK(c && c->process->user.uid.value == 0 && c->linux_->uid_mappings.count == 1);
	CHECK(document("\"Cmd\":[\"a\"],\"User\":\"root\"", &rootless, &out, &e) != NULL);
	CHECK(!document("\"Cmd\":[\"a\"],\"User\":\"app\"", &rootless, &out, &e) && strstr(e.text, "no second id"));
	CHECK(!document("\"Cmd\":[\"a\"],\"User\":\"nobody\"", &plain, &out, &e) && strstr(e.text, "does not have"));
}

/* ---- the whole document as it is written ---- */

static const char golden[] =
	"{\n  \"ociVersion\": \"1.3.0\",\n  \"root\": { \"path\": \"rootfs\", \"readonly\": true },\n"
	"  \"hostname\": \"hrun\",\n"
	"  \"annotations\": { \"org.opencontainers.image.stopSignal\": \"15\" },\n"
	"  \"process\": {\n    \"terminal\": false,\n"
	"    \"user\": { \"uid\": 1000, \"gid\": 1001, \"umask\": 18, \"additionalGids\": [50, 10] },\n"
	"    \"args\": [\"/e\", \"a\"],\n    \"env\": [\"PATH=/bin\", \"B=2\"],\n    \"cwd\": \"/srv\",\n"
	"    \"capabilities\": {\n";

static void test_golden(void)
{
	struct image_container plain = {.rootfs = root, .root_path = "rootfs"};
	struct json_out out;
	struct err e;

	CHECK(document("\"Cmd\":[\"a\"],\"Entrypoint\":[\"/e\"],\"Env\":[\"PATH=/bin\",\"B=2\"],\"User\":\"app\","
		       "\"WorkingDir\":\"/srv\",\"StopSignal\":\"15\",\"Volumes\":{\"/data\":{}}",
		       &plain, &out, &e) != NULL);
	CHECK(out.text && str_starts(out.text, golden), "%s", out.text);
	CHECK(out.text &&
	      strstr(out.text, "\"size=65536k\"] },\n    { \"destination\": \"/data\", \"type\": \"tmpfs\", "
			       "\"source\": \"tmpfs\",\n      \"options\": [\"nosuid\", \"noexec\", "
			       "\"nodev\", \"tmpcopyup\", \"size=65536k\"] }\n  ],\n  \"linux\": {\n"));
}

int main(void)
{
	char directory[] = "/tmp/hrun-image-XXXXXX";

	CHECK(mkdtemp(directory) != NULL);
	root = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(mkdirat(root, "etc", 0755) == 0);
	test_bad();
	test_bounds();
	test_process();
	test_volumes();
	test_users();
	test_user_files();
	test_user_of_config();
	test_golden();
	unlinkat(root, "etc/passwd", 0);
	unlinkat(root, "etc/group", 0);
	unlinkat(root, "etc", AT_REMOVEDIR);
	rmdir(directory);
	pool_free(&pool);
	return failures != 0;
}
