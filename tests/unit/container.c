/* SPDX-License-Identifier: Apache-2.0 */
/*
 * container.c - ids, the state directory, its record and its lock, and the status by asking the kernel.
 */
#include "check.h"

#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/json.h>
#include <hrun/proc.h>
#include <hrun/state.h>
#include <hrun/str.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char directory[] = "/tmp/hrun-state-XXXXXX";
static struct pool pool;
static struct err e;
static int root;

static struct container_record sample(const char *id)
{
	static const char *args[] = {"hook", "a\"b"}, *env[] = {"A=1"};
	static struct config_hook hooks[] = {
		{.path = "/bin/h", .args = {args, 2, true}, .env = {env, 1, true}, .timeout = {true, 7}},
		{.path = "/bin/i"},
	};
	static struct string_pair pairs[] = {{"k/\n", "v\xc3\xa4"}, {"", ""}};

	return (struct container_record){
		.id = id,
		.oci_version = "1.3.0",
		.bundle = "/b \"undle",
		.rootfs = "/b/rootfs",
		.created = "2026-01-02T03:04:05.000000006Z",
		.owner = UINT32_MAX,
		.pid = INT32_MAX,
		.start_ticks = UINT64_MAX,
		.cgroup = "/hrun/x/libpod-x.scope",
		.cgroup_mountpoint = "/sys/fs/cgroup",
		.cgroup_inode = UINT64_MAX - 1,
		.unit = "libpod-x.scope",
		.bus = "/run/user/1/bus",
		.invocation = "0123456789abcdef0123456789abcdef",
		.created_done = true,
		.no_new_privs = true,
		.bounding = 1ULL << 40,
		.has_filter = true,
		.has_floor = true,
		.filter_flags = 3,
		.selinux_label = "system_u:system_r:container_t:s0:c1,c2",
		.apparmor_profile = "hrun-default",
		.new_pid_namespace = true,
		.namespaces = CLONE_NEWPID | CLONE_NEWNET,
		.level = "baseline",
		.image_digest = DIGEST,
		.image_manifest = DIGEST,
		.image_signer = "k.pub for example.org/a",
		.image_policy = "/etc/hrun/policy.json",
		.annotations = {pairs, 2, true},
		.poststart = {hooks, 2},
	};
}

static void ids(void)
{
	static const char *const good[] = {"a", "0", "_", "+", "-", "c1", "a.b-c+d_e"};
	static const char *const bad[] = {"", ".", "..", ".a", "a/b", "../x", "a b", "a\n", "\xc3\xa4", "a:b", "a@b"};
	char longest[257];

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		CHECK(container_id_valid(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!container_id_valid(bad[i]));
	memset(longest, 'a', 256);
	longest[256] = '\0';
	CHECK(!container_id_valid(longest));
	longest[255] = '\0';
	CHECK(container_id_valid(longest));
}

static void round_trip(void)
{
	struct container_record record = sample("c1"), back;
	struct json_out out = {.pool = &pool}, again = {.pool = &pool};

	record_write(&out, &record);
	CHECK(record_read(&pool, out.text, out.length, "c1", &back, &e) == 0);
	CHECK(back.owner == UINT32_MAX && back.pid == INT32_MAX && back.start_ticks == UINT64_MAX);
	CHECK(str_equal(back.selinux_label, record.selinux_label) &&
	      str_equal(back.apparmor_profile, record.apparmor_profile));
	CHECK(back.cgroup_inode == UINT64_MAX - 1 && back.bounding == 1ULL << 40 && back.filter_flags == 3);
	CHECK(back.poststart.count == 2 && back.poststart.item[0].timeout.value == 7);
	CHECK(str_equal(back.poststart.item[0].args.item[1], "a\"b") && !back.poststart.item[1].timeout.set);
	CHECK(back.annotations.count == 2 && str_equal(back.annotations.item[0].value, "v\xc3\xa4"));
	record_write(&again, &back);
	CHECK(str_equal(out.text, again.text));
	CHECK(record_read(&pool, out.text, out.length, "c2", &back, &e) == -EBADMSG);
	CHECK(str_equal(back.unit, "libpod-x.scope") && str_equal(back.bus, "/run/user/1/bus"));
	record.rootfs = record.cgroup = record.cgroup_mountpoint = record.level = record.unit = record.bus =
		record.invocation = NULL;
	out.length = 0;
	record_write(&out, &record);
	CHECK(record_read(&pool, out.text, out.length, "c1", &back, &e) == 0 && !back.cgroup && !back.rootfs);
}

/* The record with OLD replaced by NEW must be refused. */
static void hostile(const char *old, const char *new)
{
	struct container_record record = sample("c1"), back;
	struct json_out out = {.pool = &pool};

	record_write(&out, &record);
	const char *at = strstr(out.text, old);
	CHECK(at != NULL);
	if (!at)
		return;
	char *text = pool_printf(&pool, "%.*s%s%s", (int)(at - out.text), out.text, new, at + strlen(old));
	if (record_read(&pool, text, strlen(text), "c1", &back, &e) != -EBADMSG) {
		printf("taken: %s -> %s\n", old, new);
		failures++;
	}
}

static void hostile_records(void)
{
	static const char *const cases[][2] = {
		{"\"format\":1", "\"format\":2"},
		{"\"format\":1", "\"format\":1,\"more\":1"},
		{"\"format\":1", "\"format\":1,\"pid\":5"},
		{"\"pid\":2147483647", "\"pid\":2147483648"},
		{"\"pid\":2147483647", "\"pid\":-1"},
		{"\"pid\":2147483647", "\"pid\":1"},
		{"\"pid\":2147483647", "\"pid\":1e3"},
		{"\"pid\":2147483647", "\"pid\":\"5\""},
		{"\"pid\":2147483647", "\"pid\":null"},
		{"\"owner\":4294967295", "\"owner\":4294967296"},
		{"\"startTicks\":18446744073709551615", "\"startTicks\":18446744073709551616"},
		{"\"hasFilter\":true", "\"hasFilter\":1"},
		{",\"hasFilter\":true", ""},
		{"\"hasFloor\":true", "\"hasFloor\":null"},
		{"\"noNewPrivs\":true", "\"noNewPrivs\":\"true\""},
		{"/hrun/x", "/"},
		{"/hrun/x", "hrun"},
		{"/hrun/x", "/hrun/.."},
		{"/hrun/x", "/../x"},
		{"/hrun/x", "/hrun//x"},
		{"/hrun/x", "/hrun/./x"},
		{"/hrun/x", "/hrun/x/"},
		{"\"bundle\":\"/b", "\"bundle\":\"b"},
		{",\"cgroupMountpoint\":\"/sys/fs/cgroup\"", ""},
		{"\"unit\":\"libpod-x.scope", "\"unit\":\"libpod-x.service"},
		{"\"unit\":\"libpod-x.scope", "\"unit\":\".scope"},
		{"\"unit\":\"libpod-x.scope", "\"unit\":\"a/x.scope"},
		{"\"unit\":\"libpod-x.scope", "\"unit\":\"session-2.scope"},
		{",\"bus\":\"/run/user/1/bus\"", ""},
		{"\"bus\":\"/run", "\"bus\":\"run"},
		{",\"invocation\":\"0123456789abcdef0123456789abcdef\"", ""},
		{"\"invocation\":\"0", "\"invocation\":\""},
		{"\"invocation\":\"0", "\"invocation\":\"00"},
		{"\"invocation\":\"0", "\"invocation\":\"A"},
		{"\"namespaces\":1610612736", "\"namespaces\":1"},
		{"\"path\":\"/bin/h\"", "\"path\":\"h\""},
		{"\"timeout\":7", "\"timeout\":0"},
		{"\"timeout\":7", "\"other\":7"},
		{"[\"hook\"", "[1"},
		{"\"id\":\"c1\"", "\"id\":\"../c1\""},
		{"\"imageDigest\":\"sha256:0", "\"imageDigest\":\"sha256:"},
		{"\"imageDigest\":\"sha256:0", "\"imageDigest\":\"sha256:A"},
		{"\"imageManifest\":\"sha256:", "\"imageManifest\":\"sha512:"},
		{"\"imageSigner\":\"k.pub for example.org/a\"", "\"imageSigner\":7"},
		{"\"imagePolicy\":\"/", "\"imagePolicy\":\""},
		{"\"annotations\":{", "\"annotations\":{\"n\":1,"},
		{"{\"format\"", "[{\"format\""},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		hostile(cases[i][0], cases[i][1]);
}

static int make_container(const struct container_record *record, struct container *ret)
{
	autofd int own = fcntl(root, F_DUPFD_CLOEXEC, 3);
	int r = container_new(&pool, &own, record, ret, &e);

	CHECK((own < 0) == (r == 0));
	return r;
}

static void directory_of_an_id(void)
{
	struct container_record record = sample("c1");
	struct container a, b;

	CHECK(container_open(&pool, root, "c1", false, &a, &e) == -ENOENT && strstr(e.text, "does not exist"));
	CHECK(make_container(&record, &a) == 0);
	CHECK(make_container(&record, &b) == -EEXIST && strstr(e.text, "already exists"));
	CHECK(lock_is_held(a.dir));
	container_close(&a);
	/* unlocked, and still used */
	CHECK(make_container(&record, &b) == -EEXIST);
	CHECK(container_open(&pool, root, "c1", true, &b, &e) == 0 && b.record.owner == UINT32_MAX);
	CHECK(lock_take(root, "c1", b.dir, false, &e) == -EWOULDBLOCK);
	CHECK(container_write_file(&b, "verdict.json", "{}", 2, &e) == 0);
	char *data;
	size_t size;
	CHECK(container_read_file(&b, &pool, "verdict.json", 10, &data, &size, &e) == 0 && size == 2);
	CHECK(container_read_file(&b, &pool, "verdict.json", 1, &data, &size, &e) == -EBADMSG);
	CHECK(container_read_file(&b, &pool, "missing", 1, &data, &size, &e) == -ENOENT);
	CHECK(container_remove(&b, &e) == 0);
	container_close(&b);
	CHECK(faccessat(root, "c1", F_OK, 0) < 0);
}

/* What container_unlock let go of: somebody else has it, has it removed, or has made another one. */
static void locked_again(void)
{
	struct container_record record = sample("c3");
	struct container a, b;

	CHECK(make_container(&record, &a) == 0);
	container_unlock(&a);
	CHECK(!lock_is_held(a.dir));
	int other = lock_take(root, "c3", a.dir, false, &e);
	CHECK(other >= 0);
	fd_close(&other);
	CHECK(container_relock(&pool, &a, &e) == 0 && lock_is_held(a.dir));
	CHECK(lock_take(root, "c3", a.dir, false, &e) == -EWOULDBLOCK);
	container_unlock(&a);
	CHECK(container_open(&pool, root, "c3", true, &b, &e) == 0 && container_remove(&b, &e) == 0);
	container_close(&b);
	CHECK(container_relock(&pool, &a, &e) == -ENOENT && strstr(e.text, "does not exist"));
	CHECK(make_container(&record, &b) == 0);
	container_unlock(&a);
	CHECK(container_relock(&pool, &a, &e) == -ENOENT);
	CHECK(container_remove(&b, &e) == 0);
	container_close(&a);
	container_close(&b);
}

static void left_by_a_killed_create(void)
{
	struct container_record record = sample("c2");
	struct container a;

	CHECK(mkdirat(root, "c2", 0700) == 0);
	CHECK(container_open(&pool, root, "c2", false, &a, &e) == -ENODATA && strstr(e.text, "delete --force"));
	CHECK(container_open_directory(root, "c2", true, &a, &e) == 0);
	CHECK(container_remove(&a, &e) == 0);
	container_close(&a);
	CHECK(faccessat(root, "c2", F_OK, 0) < 0);
	/* and where nobody deletes it, the next create takes it over */
	CHECK(mkdirat(root, "c2", 0700) == 0);
	CHECK(make_container(&record, &a) == 0);
	CHECK(container_remove(&a, &e) == 0);
	container_close(&a);
}

static void removed_while_waited_for(void)
{
	struct container_record record = sample("c3");
	struct container a, b;
	int status = 0;

	CHECK(make_container(&record, &a) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		/* the child's copy of the lock would be the same lock */
		close(a.lock);
		_exit(container_open(&pool, root, "c3", true, &b, &e) == -ENOENT ? 0 : 1);
	}
	CHECK(container_remove(&a, &e) == 0);
	container_close(&a);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void not_ours_alone(void)
{
	char path[64];
	struct container a;

	CHECK(mkdirat(root, "open", 0700) == 0 && fchmodat(root, "open", 0777, 0) == 0);
	CHECK(container_open(&pool, root, "open", false, &a, &e) == -EPERM);
	CHECK(unlinkat(root, "open", AT_REMOVEDIR) == 0);
	CHECK(symlinkat("/", root, "link") == 0);
	CHECK(container_open(&pool, root, "link", false, &a, &e) < 0);
	CHECK(unlinkat(root, "link", 0) == 0);
	CHECK(container_root_open("/", false, &e) == -EINVAL);
	snprintf(path, sizeof path, "%s/a/b", directory);
	CHECK(container_root_open(path, false, &e) == -ENOENT);
	autofd int made = container_root_open(path, true, &e);
	struct stat st;
	CHECK(made >= 0 && fstat(made, &st) == 0 && (st.st_mode & 07777) == 0700);
	CHECK(chmod(path, 0770) == 0 && container_root_open(path, false, &e) == -EPERM);
	rmdir(path);
	CHECK(unlinkat(root, "a", AT_REMOVEDIR) == 0);
}

static void statuses(void)
{
	struct container_record record = sample("c4");
	struct container c = {.root = -1, .dir = root, .lock = -1};
	struct proc_stat stat;
	autofd int proc = proc_open(&e);

	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	CHECK(proc_read_stat(proc, pid, &stat) == 0);
	record.pid = pid;
	record.start_ticks = stat.start_ticks;
	c.record = record;
	CHECK(container_status(&c) == STATUS_CREATED);
	c.record.start_ticks++; /* the number belongs to another process by now */
	CHECK(container_status(&c) == STATUS_STOPPED);
	c.record.start_ticks--;
	c.record.created_done = false;
	CHECK(container_status(&c) == STATUS_CREATING);
	c.record.created_done = true;
	kill(pid, SIGKILL);
	siginfo_t info;
	CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
	CHECK(container_status(&c) == STATUS_STOPPED); /* a zombie */
	waitpid(pid, NULL, 0);
	CHECK(container_status(&c) == STATUS_STOPPED);
	c.record.created_done = false;
	CHECK(container_status(&c) == STATUS_STOPPED); /* a create that was killed */
}

static void state_and_list(void)
{
	struct container_record record = sample("zz");
	struct json_out out = {.pool = &pool};
	struct container a, b;
	const char **list;
	size_t count;

	container_state_json(&out, &record, "created", 5);
	CHECK(str_equal(
		out.text,
		"{\"ociVersion\":\"1.3.0\",\"id\":\"zz\",\"status\":\"created\",\"pid\":5,\"bundle\":\"/b \\\"undle\","
		"\"annotations\":{\"k/\\n\":\"v\xc3\xa4\",\"\":\"\"}}"));
	CHECK(make_container(&record, &a) == 0);
	record.id = "aa";
	CHECK(make_container(&record, &b) == 0);
	CHECK(mkdirat(root, ".hidden", 0700) == 0);
	CHECK(container_list(&pool, root, &list, &count, &e) == 0);
	CHECK(count == 2 && str_equal(list[0], "aa") && str_equal(list[1], "zz"));
	CHECK(unlinkat(root, ".hidden", AT_REMOVEDIR) == 0);
	CHECK(container_remove(&a, &e) == 0 && container_remove(&b, &e) == 0);
	container_close(&a);
	container_close(&b);
}

int main(void)
{
	CHECK(mkdtemp(directory) != NULL);
	root = container_root_open(directory, false, &e);
	CHECK(root >= 0);
	ids();
	round_trip();
	hostile_records();
	directory_of_an_id();
	locked_again();
	left_by_a_killed_create();
	removed_while_waited_for();
	not_ours_alone();
	statuses();
	state_and_list();
	/* nothing may be left */
	CHECK(rmdir(directory) == 0);
	pool_free(&pool);
	return failures != 0;
}
