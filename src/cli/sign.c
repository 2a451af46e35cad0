/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sign.c - sign a bundle: the list of its root, and a signature over that and config.json, both beside the root.  Of a root that is a
 * file no list is needed.
 *
 * Each signer has a file of his own.  What is there is replaced with --force only; a list that says the same is no other list.
 */
#include <fcntl.h>
#include <hrun/cli.h>
#include <hrun/cli_image.h>
#include <hrun/fd.h>
#include <hrun/image_bundle.h>
#include <hrun/image_tree.h>
#include <hrun/str.h>
#include <hrun/whole_file.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct signing {
	struct command *command;
	struct bundle bundle;
	int dir; /* the bundle's directory, for reading */
	int passphrase;
	struct json_out list;
	struct image_tree_result tree;
	char root_hex[2 * SHA256_SIZE + 1],
		verity_hex[2 * SHA256_SIZE + 1]; /* of the list; of the file, "" without fs-verity */
	struct sign_request request;
	struct sign_answer answer;
};

/* Who else can read a private key can sign. */
static int open_key(const char *path, struct err *e)
{
	struct stat st;

	autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, "open the key `%.200s`", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "the key `%.200s` is not a regular file", path);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return err_set(e, EPERM, "the key `%.200s` belongs to uid %u; a key is its signer's", path,
			       (unsigned int)st.st_uid);
	if (st.st_mode & 077)
		return err_set(e, EPERM, "the key `%.200s` is open to others (mode %04o); chmod 600 it", path,
			       (unsigned int)st.st_mode & 07777);
	return TAKE_FD(fd);
}

static int add_line(void *context, const struct image_tree_line *line, struct err *e)
{
	struct signing *s = context;

	(void)e;
	json_out_printf(&s->list, "%.*s", (int)line->size, line->text);
	return 0;
}

static int list_tree(struct signing *s, struct err *e)
{
	const struct image_tree tree = {.root = s->bundle.rootfs, .take = add_line, .context = s};

	s->list.pool = &s->command->pool;
	TRY(sign_make_mount_points(&s->command->pool, &s->bundle, e));
	TRY(image_tree_walk(&s->command->pool, &tree, &s->tree, e));
	memcpy(s->root_hex, s->tree.hex, sizeof s->root_hex);
	return 0;
}

/* What the kernel says of it is signed as well, where it has measured the file. */
static int look_at_file(struct signing *s, struct err *e)
{
	autofd int fd = bundle_erofs_open(&s->bundle, e);

	TRY(fd);
	if (!bundle_erofs_measure(fd, s->verity_hex))
		s->verity_hex[0] = '\0';
	return bundle_erofs_hash(&s->command->pool, fd, s->root_hex, e);
}

static int ask_signer(struct signing *s, struct err *e)
{
	unsigned char digest[SHA256_SIZE];
	struct sha256 hash;
	int fds[2];

	autofd int key = open_key(s->command->options.key, e);
	TRY(key);
	fds[0] = key;
	fds[1] = s->passphrase;
	sha256_init(&hash);
	sha256_add(&hash, s->bundle.config_bytes, s->bundle.config_size);
	sha256_end(&hash, digest);
	s->request = (struct sign_request){
		.version = SIGN_WIRE_VERSION, .task = SIGN_STATEMENT, .has_passphrase = fds[1] >= 0};
	s->request.root_is_file = s->bundle.root_is_file;
	memcpy(s->request.root_hex, s->root_hex, sizeof s->request.root_hex);
	memcpy(s->request.verity_hex, s->verity_hex, sizeof s->request.verity_hex);
	sha256_hex(digest, s->request.config_hex);
	return bundle_sign(&s->request, fds, 1 + s->request.has_passphrase, &s->answer, e);
}

/* Does the list that is there say the same? */
static bool is_same_list(struct signing *s)
{
	struct err ignored;
	char *bytes = pool_alloc(&s->command->pool, s->list.length + 1);
	autofd int fd = bundle_open_list(s->bundle.dir, &ignored);
	ssize_t n = fd < 0 ? -1 : fd_read_all(fd, bytes, s->list.length + 1);

	return n >= 0 && (size_t)n == s->list.length && memcmp(bytes, s->list.text, s->list.length) == 0;
}

static int already(const char *name, struct err *e)
{
	return err_set(e, EEXIST, "%s is there already; --force replaces it", name);
}

/* Before the key is asked for: a signature that cannot be kept need not be made. */
static int check_list(struct signing *s, struct err *e)
{
	if (s->command->options.force || is_same_list(s) ||
	    faccessat(s->dir, STATEMENT_TREE_NAME, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return err_set(e, EEXIST,
		       STATEMENT_TREE_NAME " is there and says something else; --force replaces it, and other "
					   "signers' signatures end");
}

static int write_files(struct signing *s, struct err *e)
{
	bool force = s->command->options.force;
	char name[BUNDLE_SIGNATURE_NAME_SIZE];

	bundle_signature_name(s->answer.key_id, name);
	if (!force && faccessat(s->dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return already(name, e);
	/* The list first: a signature without it would be one of nothing. */
	if (!s->bundle.root_is_file && !is_same_list(s))
		TRY(whole_file_write(s->dir, STATEMENT_TREE_NAME, 0644, s->list.text, s->list.length, force, e));
	TRY(whole_file_write(s->dir, name, 0644, s->answer.text, s->answer.text_size, force, e));
	printf("%s/%s  key %.16s  %s sha256:%s%s%s\n", s->command->args[0], name, s->answer.key_id,
	       s->bundle.root_is_file ? "erofs" : "tree", s->root_hex, s->verity_hex[0] ? "  fs-verity sha256:" : "",
	       s->verity_hex);
	return 0;
}

static int sign(struct signing *s, struct err *e)
{
	autofd int dir = openat(s->bundle.dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return err_errno(e, "open the bundle's directory");
	s->dir = dir;
	TRY(bundle_check_root(&s->bundle, e));
	TRY(s->bundle.root_is_file ? look_at_file(s, e) : list_tree(s, e));
	if (!s->bundle.root_is_file)
		TRY(check_list(s, e));
	TRY(ask_signer(s, e));
	return write_files(s, e);
}

int cmd_sign(struct command *command, struct err *e)
{
	struct signing *s = pool_alloc(&command->pool, sizeof *s);
	struct json_error error = {0};

	if (!command->options.key)
		return err_set(e, EINVAL, "sign needs --key FILE; see hrun sign --help");
	s->command = command;
	TRY(hide_process(e));
	/* Before anything is opened: a number that the caller did not open must not be one of ours. */
	TRY(passphrase_descriptor(&command->options, &s->passphrase, e));
	TRY(bundle_open(&command->pool, command->args[0], NULL, POLICY_CONFIG_BYTES_MAX, &s->bundle, &error, e));
	int r = sign(s, e);
	bundle_close(&s->bundle);
	return r;
}
